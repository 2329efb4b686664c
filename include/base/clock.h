/* The only place that asks the system for the time. Tests drive it with clock_set. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

/* Waits and durations: monotonic, stands still while the machine sleeps. Read afresh. */
uint64_t clock_now_ms(void);
uint64_t clock_now_us(void);
/* The age of what is kept in memory (sessions, stored replies, caches): monotonic, goes on while
 * the machine sleeps. */
uint64_t clock_age_ms(void);
/* Unix time: for showing, for files, and for dates that others set. It can jump at any moment. */
int64_t clock_wall_ms(void);
/* The same three clocks, but each is read only once in a turn of this thread's loop, at the first call: on some
 * machines a reading takes as long as 300 instructions, and a request needs a dozen. The value is up to a turn old, so
 * never subtract a fresh reading from it. Outside of a turn each call reads the clock. */
uint64_t clock_turn_us(void);
uint64_t clock_turn_ms(void);
uint64_t clock_turn_age_ms(void);
int64_t clock_turn_wall_ms(void);
/* The loop is about to wait for events: a new turn begins. */
void clock_turn_begin(void);
void clock_turn_end(void); /* the loop runs no more */

uint64_t clock_cpu_us(void); /* CPU time of this thread; never frozen; a system call */

/* Test only. clock_set freezes the three clocks (now_ms is for clock_now and clock_age);
 * clock_release lets them go again. */
void clock_set(uint64_t now_ms, int64_t wall_ms);
void clock_advance(uint64_t ms);  /* time goes by */
void clock_suspend(uint64_t ms);  /* the machine sleeps: clock_now stands still */
void clock_jump_wall(int64_t ms); /* somebody sets the wall clock */
void clock_release(void);

enum { CLOCK_TEXT_MAX = 64 };

/* RFC 3339 UTC with milliseconds: 2026-01-31T12:00:00.123Z */
void clock_format(struct buf *out, int64_t wall_ms);
/* IMF-fixdate of RFC 9110 section 5.6.7. */
void clock_format_imf(struct buf *out, int64_t wall_ms);

#endif
