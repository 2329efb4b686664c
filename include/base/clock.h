/* The only place that asks the system for the time. Tests drive it with clock_set. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

uint64_t clock_now_ms(void); /* monotonic, milliseconds; read afresh */
uint64_t clock_now_us(void); /* monotonic, microseconds */
int64_t clock_wall_ms(void); /* Unix epoch, milliseconds */
/* Test only: freezes all three at these values until clock_release. */
void clock_set(uint64_t now_ms, int64_t wall_ms);
void clock_advance(uint64_t ms);
void clock_release(void);

/* RFC 3339 UTC with milliseconds: 2026-01-31T12:00:00.123Z */
void clock_format(struct buf *out, int64_t wall_ms);
/* IMF-fixdate of RFC 9110 section 5.6.7. */
void clock_format_http(struct buf *out, int64_t wall_ms);

#endif
