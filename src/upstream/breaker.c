#include "breaker.h"

enum {
    STATUS_BAD_GATEWAY = 502,
    STATUS_GATEWAY_TIMEOUT = 504,
    STATUS_CDN_FIRST = 520,
    STATUS_CDN_LAST = 529,
    MS_PER_S = 1000
};

bool breaker_is_failure(enum error_code code, int status)
{
    if (code == ERR_OK) {
        return (status >= STATUS_BAD_GATEWAY && status <= STATUS_GATEWAY_TIMEOUT) ||
               (status >= STATUS_CDN_FIRST && status <= STATUS_CDN_LAST);
    }
    return code == ERR_UPSTREAM_CONNECT || code == ERR_UPSTREAM_RESET ||
           code == ERR_UPSTREAM_TIMEOUT || code == ERR_OUTCOME_UNKNOWN;
}

static struct breaker_second *second_of(struct breaker *breaker, uint64_t now_ms)
{
    uint64_t second = now_ms / MS_PER_S;
    struct breaker_second *slot = &breaker->seconds[second % BREAKER_WINDOW_S];

    if (slot->second != second) {
        *slot = (struct breaker_second){.second = second};
    }
    return slot;
}

static bool mostly_failed(const struct breaker *breaker, uint64_t now_ms)
{
    unsigned n_good = 0;
    unsigned n_failed = 0;

    for (unsigned i = 0; i < BREAKER_WINDOW_S; i++) {
        const struct breaker_second *slot = &breaker->seconds[i];

        if (slot->second + BREAKER_WINDOW_S > now_ms / MS_PER_S) {
            n_good += slot->n_good;
            n_failed += slot->n_failed;
        }
    }
    return n_good + n_failed >= BREAKER_SAMPLE && n_failed > n_good;
}

bool breaker_note(struct breaker *breaker, bool failed, bool unconnected, uint64_t began_ms,
                  uint64_t now_ms)
{
    struct breaker_second *slot;

    if (breaker->open || began_ms < breaker->closed_ms) {
        return false;
    }
    slot = second_of(breaker, now_ms);
    if (!failed) {
        slot->n_good++;
        breaker->n_row = 0;
    } else {
        slot->n_failed++;
        breaker->n_row++;
        breaker->failed_ms = now_ms;
    }
    if (now_ms - breaker->failed_ms > (uint64_t)BREAKER_WINDOW_S * MS_PER_S) {
        return false; /* the usual case, at no cost */
    }
    if (breaker->n_row < BREAKER_ROW && !mostly_failed(breaker, now_ms)) {
        return false;
    }
    breaker_open(breaker, now_ms);
    breaker->unconnected = unconnected;
    return true;
}

void breaker_open(struct breaker *breaker, uint64_t now_ms)
{
    breaker->open = true;
    breaker->opened_ms = now_ms;
}

void breaker_close(struct breaker *breaker, uint64_t now_ms)
{
    *breaker = (struct breaker){.closed_ms = now_ms};
}
