/* A circuit breaker: whether commands may be sent to the platform at all. Pure: the caller brings
 * the time and the ends of tries.
 *
 *   CLOSED ──10 failures in a row, or more than half of at least 20 in 10 s──► OPEN
 *     ▲                                                                         │
 *     └───────────────────────── a probe went well ◄────────────────────────────┘
 *
 * A try counts as a failure if it shows that the platform is away: no connection, a broken one, no answer in time,
 * 502, 503, 504 and 520 to 529 (what proxies before a platform say). Every other answer shows that
 * the platform is there: 4xx, 429 and 500 too. */
#ifndef UPSTREAM_BREAKER_H
#define UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    BREAKER_ROW = 10,    /* failures in a row that open it */
    BREAKER_SAMPLE = 20, /* with fewer ends in the window their share says nothing */
    BREAKER_WINDOW_S = 10
};

/* The ends of one second. */
struct breaker_second {
    uint64_t second;
    unsigned n_good;
    unsigned n_failed;
};

struct breaker {
    bool open;
    bool unconnected; /* it opened because no connection could be made */
    unsigned n_row;
    uint64_t opened_ms;
    uint64_t closed_ms; /* 0: it never was open */
    uint64_t failed_ms; /* the last failure */
    struct breaker_second seconds[BREAKER_WINDOW_S];
};

/* `status` is looked at only if code is ERR_OK. */
bool breaker_is_failure(enum error_code code, int status);
/* A try has ended. True: the breaker has just opened. While the breaker is open nothing changes. A try that
 * began before it closed is ignored: it says nothing about the platform that is back. */
bool breaker_note(struct breaker *breaker, bool failed, bool unconnected, uint64_t began_ms,
                  uint64_t now_ms);
/* Opens the breaker for another cause than tries: a probe failed. */
void breaker_open(struct breaker *breaker, uint64_t now_ms);
/* A probe went well: closed, and everything before is forgotten. */
void breaker_close(struct breaker *breaker, uint64_t now_ms);

#endif
