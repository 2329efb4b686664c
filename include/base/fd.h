/* File descriptors: the standard streams, whole files in, whole texts out. All of it is done at
 * once, so none of it belongs on a loop that serves. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

/* Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed: otherwise the next file or
 * socket takes the number, and what is meant for the terminal is written into it. The first thing a
 * program does. */
void fd_open_standard(void);

/* How many descriptors the process may have (RLIMIT_NOFILE), raised to what the system allows. A
 * service gets as few as 1,024 from its shell or manager, though many more are allowed. */
uint64_t fd_take_limit(void);

/* Opens a file for reading. Only a regular file is taken: a pipe or a device could block for ever,
 * a folder cannot be read. -1: `err` (ERR_IO) says why, without the file's name. */
int fd_open_regular(const char *path, struct error *err) MUST_CHECK;
/* Appends the whole of a regular file; one that is longer than `out` may become is an error. */
enum error_code fd_read_file(const char *path, struct buf *out, struct error *err) MUST_CHECK;

/* Whether colours may be written there: a terminal that knows them, and NO_COLOR is not set. */
bool fd_takes_color(int fd);

/* All of it, however many calls that takes. False: errno says why; part of it may be written. */
bool fd_write_all(int fd, struct str bytes) MUST_CHECK;

/* Appends what is there, to the end. False: errno says why; EFBIG: more than `out` may hold. */
bool fd_read_all(int fd, struct buf *out) MUST_CHECK;
/* As open(2) for writing; folders above the file that are not there are made. */
int fd_create(const char *path, int flags, unsigned mode);
/* Writes the file anew, as `part` first, which lies beside it: who looks sees the whole of the old one or of the new one.
 * False: errno says why; the old one is as it was, and there is no `part`. */
bool fd_replace(const char *path, const char *part, struct str bytes, unsigned mode) MUST_CHECK;

#endif
