/* File descriptors: the standard streams, whole files in, whole texts out. All of it
 * blocks until it is done, so none of it belongs on a loop that serves. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

/* Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed. Otherwise the next file or socket
 * takes the number, and output for the terminal is written into it. To be called first in main. */
void fd_open_standard(void);

/* Raises the limit of descriptors (RLIMIT_NOFILE) to the most that the system allows, and returns it. A
 * service gets as few as 1,024 from its shell or manager, though many more are allowed. */
uint64_t fd_take_limit(void);

/* Opens a file for reading. Only a regular file is taken: a pipe or a device could block for ever,
 * a folder cannot be read. -1: `err` (ERR_IO) says why, without the file's name. */
int fd_open_regular(const char *path, struct error *err) MUST_CHECK;
/* Appends the whole of a regular file. A file that is too long for `out` is an error. */
enum error_code fd_read_file(const char *path, struct buf *out, struct error *err) MUST_CHECK;

/* True: `fd` is a terminal that knows colours, and NO_COLOR is not set. */
bool fd_takes_color(int fd);

/* Writes all bytes, with as many calls as that takes. False: errno says why; a part may be written. */
bool fd_write_all(int fd, struct str bytes) MUST_CHECK;

/* Reads to the end, and appends to `out`. False: errno says why; EFBIG: more than `out` may hold. */
bool fd_read_all(int fd, struct buf *out) MUST_CHECK;

/* What a file of /proc or /sys says: `room_bytes` of it at most, in `room`. Empty: it cannot be read. */
struct str fd_read_kernel(const char *path, char *room, size_t room_bytes);

/* As open(2) for writing; folders above the file that are not there are made. */
int fd_create(const char *path, int flags, unsigned mode);
/* Replaces the file: writes `part`, which lies beside it, and renames that. A reader sees either the whole old file or
 * the whole new one. False: errno says why; the old file is as it was, and there is no `part`. */
bool fd_replace(const char *path, const char *part, struct str bytes, unsigned mode) MUST_CHECK;

#endif
