/* Reading dates: RFC 3339 and HTTP's, strictly. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* "2027-01-31" or "2027-01-31T12:00:00.5Z" ("+01:00" is fine too), years 1970 to 9999. `*out_ms` is
 * Unix time; of a bare day it is the end of that day in UTC. False: not a date that exists. */
bool date_read(struct str text, int64_t *out_ms) MUST_CHECK;
/* "Thu, 31 Dec 2026 23:59:59 GMT" (RFC 9110 section 5.6.7, the form that is sent); its weekday is not looked at. */
bool date_read_imf(struct str text, int64_t *out_ms) MUST_CHECK;

#endif
