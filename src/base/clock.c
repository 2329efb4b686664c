#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

static bool frozen;
static uint64_t frozen_us;
static uint64_t frozen_age_ms;
static int64_t frozen_wall_ms;

static _Thread_local struct {
    bool runs;
    uint64_t now_us; /* 0: not read yet in this turn */
    uint64_t age_ms;
    int64_t wall_ms;
} turn;

static uint64_t read_us(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

uint64_t clock_now_us(void)
{
    return frozen ? frozen_us : read_us(CLOCK_MONOTONIC);
}

uint64_t clock_now_ms(void)
{
    return clock_now_us() / 1000U;
}

uint64_t clock_age_ms(void)
{
    return frozen ? frozen_age_ms : read_us(CLOCK_BOOTTIME) / 1000U;
}

int64_t clock_wall_ms(void)
{
    return frozen ? frozen_wall_ms : (int64_t)(read_us(CLOCK_REALTIME) / 1000U);
}

/* Reads a clock at most once in a turn. */
static uint64_t in_turn(uint64_t *known, uint64_t (*read)(void))
{
    if (frozen || !turn.runs) {
        return read();
    }
    if (*known == 0) {
        *known = read();
    }
    return *known;
}

uint64_t clock_turn_us(void)
{
    return in_turn(&turn.now_us, clock_now_us);
}

uint64_t clock_turn_ms(void)
{
    return clock_turn_us() / 1000U;
}

uint64_t clock_turn_age_ms(void)
{
    return in_turn(&turn.age_ms, clock_age_ms);
}

int64_t clock_turn_wall_ms(void)
{
    if (frozen || !turn.runs) {
        return clock_wall_ms();
    }
    if (turn.wall_ms == 0) {
        turn.wall_ms = clock_wall_ms();
    }
    return turn.wall_ms;
}

void clock_turn_begin(void)
{
    turn.runs = true;
    turn.now_us = 0;
    turn.age_ms = 0;
    turn.wall_ms = 0;
}

void clock_turn_end(void)
{
    turn.runs = false;
}

uint64_t clock_cpu_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

void clock_set(uint64_t now_ms, int64_t wall_ms)
{
    frozen = true;
    frozen_us = now_ms * 1000U;
    frozen_age_ms = now_ms;
    frozen_wall_ms = wall_ms;
}

void clock_advance(uint64_t ms)
{
    frozen_us += ms * 1000U;
    clock_suspend(ms);
}

void clock_suspend(uint64_t ms)
{
    frozen_age_ms += ms;
    frozen_wall_ms += (int64_t)ms;
}

void clock_jump_wall(int64_t ms)
{
    frozen_wall_ms += ms;
}

void clock_release(void)
{
    frozen = false;
}

static int64_t second_of(int64_t wall_ms)
{
    return wall_ms / 1000 - (wall_ms % 1000 < 0 ? 1 : 0);
}

static void split(int64_t wall_ms, struct tm *out)
{
    time_t seconds = (time_t)second_of(wall_ms);

    (void)gmtime_r(&seconds, out);
}

/* Many times are written within one second, so the text of the second is kept: breaking a time down into its
 * parts costs more than all the rest. */
static struct {
    int64_t second;
    bool is_set;
    char text[sizeof("2026-01-31T12:00:00")];
} last_told;

static void tell_second(int64_t wall_ms)
{
    struct buf text;
    struct tm tm;

    split(wall_ms, &tm);
    buf_init(&text, sizeof(last_told.text) - 1);
    buf_printf(&text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
    str_copy(last_told.text, sizeof(last_told.text), buf_view(&text));
    buf_done(&text);
    last_told.second = second_of(wall_ms);
    last_told.is_set = true;
}

void clock_format(struct buf *out, int64_t wall_ms)
{
    if (!last_told.is_set || last_told.second != second_of(wall_ms)) {
        tell_second(wall_ms);
    }
    buf_text(out, last_told.text);
    buf_char(out, '.');
    buf_int_padded(out, (unsigned)((wall_ms % 1000 + 1000) % 1000), 3);
    buf_char(out, 'Z');
}

void clock_format_imf(struct buf *out, int64_t wall_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;

    split(wall_ms, &tm);
    buf_printf(out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
