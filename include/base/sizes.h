/* How long an answer may be, for all rooms: those that make or fetch one, and those that only pass it on. */
#ifndef BASE_SIZES_H
#define BASE_SIZES_H

enum {
    LONGEST_ANSWER = 256 * 1024 * 1024, /* no option allows more */
    /* An answer that waits to be sent: with its head, the sizes of its chunks and the frames of its TLS
     * records, which may be as short as 512 bytes. */
    LONGEST_OUTPUT = LONGEST_ANSWER + LONGEST_ANSWER / 4
};

#endif
