/* Files and pipes that are written to at once. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

/* All of it, however many calls that takes. False: errno says why; part of it may be written. */
bool fd_write_all(int fd, struct str bytes) MUST_CHECK;

#endif
