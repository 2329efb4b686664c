#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

static bool frozen;
static uint64_t frozen_us;
static uint64_t frozen_age_ms;
static int64_t frozen_wall_ms;

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

static void split(int64_t wall_ms, struct tm *out)
{
    time_t seconds = (time_t)(wall_ms / 1000);

    if (wall_ms % 1000 < 0) {
        seconds--;
    }
    (void)gmtime_r(&seconds, out);
}

void clock_format(struct buf *out, int64_t wall_ms)
{
    struct tm tm;
    int ms = (int)((wall_ms % 1000 + 1000) % 1000);

    split(wall_ms, &tm);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

void clock_format_http(struct buf *out, int64_t wall_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;

    split(wall_ms, &tm);
    buf_printf(out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
