/* What a result of libcurl means for the caller, and when a call may be sent again. Pure. */
#include "upstream_internal.h"

#include "base/random.h"

enum { DELAY_MAX_MS = 10 * 1000 };

struct result_row {
    CURLcode result;
    enum error_code code;
};

/* Results that name their cause whatever had been sent; any other is a broken connection when
 * something may have left, and no connection when nothing can have. */
static const struct result_row rows[] = {
    {CURLE_OK, ERR_OK},
    {CURLE_COULDNT_RESOLVE_PROXY, ERR_UPSTREAM_CONNECT},
    {CURLE_COULDNT_RESOLVE_HOST, ERR_UPSTREAM_CONNECT},
    {CURLE_COULDNT_CONNECT, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, ERR_UPSTREAM_CONNECT},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_CERTPROBLEM, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_CIPHER, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_CACERT_BADFILE, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_ISSUER_ERROR, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_INVALIDCERTSTATUS, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_ENGINE_NOTFOUND, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_ENGINE_SETFAILED, ERR_UPSTREAM_CONNECT},
    {CURLE_SSL_ENGINE_INITFAILED, ERR_UPSTREAM_CONNECT},
    {CURLE_PROXY, ERR_UPSTREAM_CONNECT},
    {CURLE_SEND_ERROR, ERR_UPSTREAM_RESET},
    {CURLE_RECV_ERROR, ERR_UPSTREAM_RESET},
    {CURLE_SEND_FAIL_REWIND, ERR_UPSTREAM_RESET},
    {CURLE_GOT_NOTHING, ERR_UPSTREAM_RESET},
    {CURLE_PARTIAL_FILE, ERR_UPSTREAM_RESET},
    {CURLE_HTTP2, ERR_UPSTREAM_RESET},
    {CURLE_HTTP2_STREAM, ERR_UPSTREAM_RESET},
    {CURLE_OPERATION_TIMEDOUT, ERR_UPSTREAM_TIMEOUT},
    {CURLE_FILESIZE_EXCEEDED, ERR_UPSTREAM_TOO_BIG},
    {CURLE_BAD_CONTENT_ENCODING, ERR_UPSTREAM_SHAPE},
    {CURLE_WEIRD_SERVER_REPLY, ERR_UPSTREAM_SHAPE},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_UPSTREAM_SHAPE}, /* HTTP/0.9 and the like */
    {CURLE_HTTP_RETURNED_ERROR, ERR_UPSTREAM_ERROR},
    {CURLE_URL_MALFORMAT, ERR_INTERNAL},
    {CURLE_FAILED_INIT, ERR_INTERNAL},
    {CURLE_BAD_FUNCTION_ARGUMENT, ERR_INTERNAL},
    {CURLE_UNKNOWN_OPTION, ERR_INTERNAL},
    {CURLE_NOT_BUILT_IN, ERR_INTERNAL},
};

static enum error_code code_of_result(CURLcode result, bool may_have_left)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].result == result) {
            return rows[i].code;
        }
    }
    return may_have_left ? ERR_UPSTREAM_RESET : ERR_UPSTREAM_CONNECT;
}

enum error_code outcome_code(const struct outcome *outcome)
{
    enum error_code code = outcome->too_big
                               ? ERR_UPSTREAM_TOO_BIG
                               : code_of_result(outcome->result, outcome->may_have_left);

    if ((code == ERR_UPSTREAM_TIMEOUT || code == ERR_UPSTREAM_RESET) && !outcome->may_have_left) {
        return ERR_UPSTREAM_CONNECT; /* it never got as far as a request */
    }
    if (outcome->class == CALL_READ || !outcome->may_have_left) {
        return code;
    }
    if (outcome->status >= 400 && outcome->status < 500) {
        return code; /* refused: the rest of the refusal is missing, not its meaning */
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

static size_t budget_slot(struct retry_budget *budget, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000;
    size_t slot = (size_t)(second % BUDGET_SECONDS);

    if (budget->second[slot] != second) {
        budget->second[slot] = second;
        budget->n_calls[slot] = 0;
        budget->n_retries[slot] = 0;
    }
    return slot;
}

void budget_call(struct retry_budget *budget, uint64_t now_ms)
{
    budget->n_calls[budget_slot(budget, now_ms)]++;
}

bool budget_take(struct retry_budget *budget, uint64_t now_ms, unsigned percent)
{
    size_t slot = budget_slot(budget, now_ms);
    uint64_t n_calls = 0;
    uint64_t n_retries = 0;

    for (size_t i = 0; i < BUDGET_SECONDS; i++) {
        if (budget->second[i] + BUDGET_SECONDS > now_ms / 1000) {
            n_calls += budget->n_calls[i];
            n_retries += budget->n_retries[i];
        }
    }
    if (n_retries >= BUDGET_MIN_RETRIES && n_retries * 100 >= n_calls * percent) {
        return false;
    }
    budget->n_retries[slot]++;
    return true;
}
