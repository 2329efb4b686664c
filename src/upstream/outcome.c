/* What the end of a try means for the caller, and when a call may be sent again. Pure. */
#include "base/random.h"
#include "upstream_internal.h"

enum { DELAY_MAX_MS = 10 * 1000, RETRY = 100, RETRIES_SAVED_MAX = 10 * RETRY };

static enum error_code code_of_end(enum try_end end)
{
    static const enum error_code codes[] = {
        [TRY_ANSWERED] = ERR_OK,
        [TRY_UNCONNECTED] = ERR_UPSTREAM_CONNECT,
        [TRY_BROKEN] = ERR_UPSTREAM_RESET,
        [TRY_LATE] = ERR_UPSTREAM_TIMEOUT,
        [TRY_UNREADABLE] = ERR_UPSTREAM_SHAPE,
        [TRY_TOO_BIG] = ERR_UPSTREAM_TOO_BIG,
        [TRY_FORBIDDEN] = ERR_OVERLOADED,
        [TRY_STARVED] = ERR_OVERLOADED,
    };

    return codes[end];
}

enum error_code outcome_code(const struct outcome *outcome)
{
    enum error_code code = code_of_end(outcome->end);

    if ((code == ERR_UPSTREAM_TIMEOUT || code == ERR_UPSTREAM_RESET) && !outcome->may_have_left) {
        return ERR_UPSTREAM_CONNECT; /* no byte of the request was sent */
    }
    if (outcome->class == CALL_READ || !outcome->may_have_left) {
        return code;
    }
    if (outcome->status >= 400 && outcome->status < 500) {
        return code; /* the status says it was refused, though the answer is cut */
    }
    if (code == ERR_UPSTREAM_RESET || code == ERR_UPSTREAM_TIMEOUT ||
        (code == ERR_UPSTREAM_SHAPE && outcome->status == 0)) {
        return ERR_OUTCOME_UNKNOWN;
    }
    return code;
}

bool outcome_is_retryable(const struct outcome *outcome, enum error_code code,
                          unsigned retry_after_s)
{
    if (code == ERR_UPSTREAM_CONNECT) {
        return !outcome->may_have_left;
    }
    if (outcome->class != CALL_READ) {
        return false;
    }
    if (code != ERR_OK) {
        return code == ERR_UPSTREAM_RESET;
    }
    return outcome->status == 502 || outcome->status == 503 || outcome->status == 504 ||
           (outcome->status == 429 && retry_after_s > 0);
}

uint64_t retry_delay_ms(unsigned base_ms, unsigned tries, unsigned retry_after_s)
{
    unsigned doublings = tries > 1 ? tries - 1 : 0;
    uint64_t ceiling = base_ms;

    while (doublings > 0 && ceiling < DELAY_MAX_MS) {
        ceiling *= 2;
        doublings--;
    }
    if (ceiling > DELAY_MAX_MS) {
        ceiling = DELAY_MAX_MS;
    }
    /* Full jitter, so that callers that failed together do not come back together. */
    return (uint64_t)retry_after_s * 1000 + random_below(ceiling + 1);
}

void budget_open(struct retry_budget *budget)
{
    budget->hundredths = RETRIES_SAVED_MAX;
}

void budget_save(struct retry_budget *budget, unsigned percent)
{
    budget->hundredths += percent;
    if (budget->hundredths > RETRIES_SAVED_MAX) {
        budget->hundredths = RETRIES_SAVED_MAX;
    }
}

bool budget_take(struct retry_budget *budget)
{
    if (budget->hundredths < RETRY) {
        return false;
    }
    budget->hundredths -= RETRY;
    return true;
}
