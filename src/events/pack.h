/* Facts as bytes, for the journal (journal.h): a length, then numbers as varints and texts behind their
 * lengths. A mark is no fact: it tells the other processes that something was changed. */
#ifndef EVENTS_PACK_H
#define EVENTS_PACK_H

#include <stdbool.h>

#include "base/buf.h"
#include "observe/fact.h"

enum { PACK_FORMAT = 1, PACKED_MAX = 4096 };

struct packed {
    bool is_mark; /* or a kind of fact that this version does not know */
    struct fact fact;
    char mark[32]; /* what was changed; its subject and name are the fact's */
};

/* The id of this process in facts. */
uint64_t pack_origin(void);

void pack_fact(struct buf *out, const struct fact *fact);
void pack_mark(struct buf *out, const char *mark, struct str subject, struct str name);
/* Reads the next fact or mark of `*rest`; its words live for ever. False: the end, or bytes that are not ours. */
bool unpack(struct str *rest, struct packed *out);
/* The length of the whole facts and marks at the front of `text`, at most `max_bytes` bytes and `max_n` of them. */
size_t packed_len(struct str text, size_t max_bytes, size_t max_n, size_t *out_n);

#endif
