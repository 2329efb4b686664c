/* Reading dates: RFC 3339, strictly. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* "2027-01-31" or "2027-01-31T12:00:00.5Z" ("+01:00" is fine too), years 1970 to 9999. `*out_ms` is
 * Unix time; of a bare day it is the end of that day in UTC. False: not a date that exists. */
bool date_read(struct str text, int64_t *out_ms) MUST_CHECK;

#endif
