/* What HTTP says of each error code: status, title, and whether another try is worth it. Add a code by adding a row
 * (and one in base/error.h). */
#include "base/check.h"
#include "http/problem.h"

static const struct problem_row rows[ERR_N_CODES] = {
    [ERR_BAD_REQUEST] = {400, "Malformed request", false},
    [ERR_BAD_JSON] = {400, "Malformed JSON", false},
    [ERR_BAD_YAML] = {400, "Malformed YAML", false},
    [ERR_INVALID] = {400, "Invalid request", false},
    [ERR_UNKNOWN_MEMBER] = {400, "Unknown member", false},
    [ERR_UNKNOWN_PARAMETER] = {400, "Unknown query parameter", false},
    [ERR_UNKNOWN_COMMAND] = {400, "Unknown command", false},
    [ERR_CHECKPOINT_REQUIRED] = {400, "No checkpoint given", false},
    [ERR_UNAUTHORIZED] = {401, "Credential missing or wrong", false},
    [ERR_FORBIDDEN] = {403, "Permission missing", false},
    [ERR_NOT_FOUND] = {404, "Not found", false},
    [ERR_SESSION_NOT_FOUND] = {404, "No such session", false},
    [ERR_SESSION_EVICTED] = {404, "Session evicted (limit reached)", false},
    [ERR_SESSION_EXPIRED] = {404, "Session expired", false},
    [ERR_SESSION_ELSEWHERE] = {404, "Session of another store", false},
    [ERR_METHOD_NOT_ALLOWED] = {405, "Method not allowed", false},
    [ERR_NOT_ACCEPTABLE] = {406, "No acceptable representation", false},
    [ERR_REQUEST_TIMEOUT] = {408, "Request took too long", true},
    [ERR_IDEMPOTENCY_IN_FLIGHT] = {409, "Same key still in flight", true},
    [ERR_CONFLICT] = {409, "Conflict", false},
    [ERR_LENGTH_REQUIRED] = {411, "Length required", false},
    [ERR_TOO_BIG] = {413, "Content too large", false},
    [ERR_URI_TOO_LONG] = {414, "Request target too long", false},
    [ERR_MEDIA_TYPE] = {415, "Unsupported media type", false},
    [ERR_EXPECTATION] = {417, "Expectation failed", false},
    [ERR_UNSUPPORTED_COMMAND] = {422, "The platform cannot do this", false},
    [ERR_IDEMPOTENCY_MISMATCH] = {422, "Key used with another body", false},
    [ERR_UNPROCESSABLE] = {422, "Cannot be processed", false},
    [ERR_RATE_LIMITED] = {429, "Too many requests", true},
    [ERR_HEADERS_TOO_BIG] = {431, "Header fields too large", false},
    [ERR_CANCELLED] = {499, "Client closed the connection", false},
    [ERR_INTERNAL] = {500, "Internal error", false},
    [ERR_METHOD_UNKNOWN] = {501, "Method not implemented", false},
    [ERR_OVERLOADED] = {503, "Too busy", true},
    [ERR_DRAINING] = {503, "Shutting down", true},
    [ERR_KEY_SET_MISSING] = {503, "Tokens cannot be checked yet", true},
    [ERR_STORE_AWAY] = {503, "The shared store is away", true},
    [ERR_STORE_UNREADABLE] = {500, "Unreadable document in the shared store", false},
    [ERR_LOOP] = {508, "Request goes round in a circle", false},
    [ERR_HTTP_VERSION] = {505, "HTTP version not supported", false},
    [ERR_UPSTREAM_REFUSED] = {502, "The platform refused", false},
    [ERR_UPSTREAM_AUTH] = {502, "The platform refused the stored token", false},
    [ERR_UPSTREAM_CONNECT] = {502, "No connection to the platform", true},
    [ERR_UPSTREAM_AWAY] = {503, "The platform is away", true},
    [ERR_UPSTREAM_RESET] = {502, "The platform broke the connection", true},
    [ERR_UPSTREAM_ERROR] = {502, "The platform failed", true},
    [ERR_UPSTREAM_SHAPE] = {502, "Unreadable answer from the platform", false},
    [ERR_UPSTREAM_TOO_BIG] = {502, "Answer from the platform too large", false},
    [ERR_UPSTREAM_TIMEOUT] = {504, "The platform took too long", true},
    [ERR_OUTCOME_UNKNOWN] = {502, "Not known whether it happened", false},
    [ERR_CONFIG] = {500, "Bad configuration", false},
    [ERR_IO] = {500, "Input/output error", false},
    [ERR_TLS] = {500, "TLS error", false},
};

const struct problem_row *problem_row(enum error_code code)
{
    CHECK(code > ERR_OK && code < ERR_N_CODES);
    return &rows[code];
}
