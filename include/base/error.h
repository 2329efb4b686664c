/* Errors: a code from one table, a short text, and where. Reporting an error cannot fail.
 * Each row: name, HTTP status, public slug (stable: clients match on it), title, worth retrying.
 * Add a code by adding a row here and its page in src/api/docs/problem_pages.c (a test holds the two
 * together). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* clang-format off */
#define ERROR_TABLE(X)                                                                              \
    /* what the caller sent */                                                                      \
    X(ERR_BAD_REQUEST,          400, "bad_request",           "Malformed request",            false) \
    X(ERR_BAD_JSON,             400, "bad_json",              "Malformed JSON",               false) \
    X(ERR_BAD_YAML,             400, "bad_yaml",              "Malformed YAML",               false) \
    X(ERR_INVALID,              400, "invalid_request",       "Invalid request",              false) \
    X(ERR_UNKNOWN_MEMBER,       400, "unknown_member",        "Unknown member",               false) \
    X(ERR_UNKNOWN_PARAMETER,    400, "unknown_parameter",     "Unknown query parameter",      false) \
    X(ERR_UNKNOWN_COMMAND,      400, "unknown_command",       "Unknown command",              false) \
    X(ERR_CHECKPOINT_REQUIRED,  400, "checkpoint_required",   "No checkpoint given",          false) \
    X(ERR_UNAUTHORIZED,         401, "unauthorized",          "Credential missing or wrong",  false) \
    X(ERR_FORBIDDEN,            403, "forbidden",             "Permission missing",           false) \
    X(ERR_NOT_FOUND,            404, "not_found",             "Not found",                    false) \
    X(ERR_SESSION_NOT_FOUND,    404, "session_not_found",     "No such session",              false) \
    X(ERR_SESSION_ELSEWHERE,    404, "session_elsewhere",     "Session of another store",     false) \
    X(ERR_SESSION_EVICTED,      404, "session_evicted",       "Session evicted (limit reached)", false) \
    X(ERR_SESSION_EXPIRED,      404, "session_expired",       "Session expired",              false) \
    X(ERR_METHOD_NOT_ALLOWED,   405, "method_not_allowed",    "Method not allowed",           false) \
    X(ERR_NOT_ACCEPTABLE,       406, "not_acceptable",        "No acceptable representation", false) \
    X(ERR_REQUEST_TIMEOUT,      408, "request_timeout",       "Request took too long",        true)  \
    X(ERR_IDEMPOTENCY_IN_FLIGHT,409, "idempotency_in_flight", "Same key still in flight",     true)  \
    X(ERR_CONFLICT,             409, "conflict",              "Conflict",                     false) \
    X(ERR_LENGTH_REQUIRED,      411, "length_required",       "Length required",              false) \
    X(ERR_TOO_BIG,              413, "too_large",             "Content too large",            false) \
    X(ERR_URI_TOO_LONG,         414, "uri_too_long",          "Request target too long",      false) \
    X(ERR_MEDIA_TYPE,           415, "unsupported_media_type","Unsupported media type",       false) \
    X(ERR_EXPECTATION,          417, "expectation_failed",    "Expectation failed",           false) \
    X(ERR_UNSUPPORTED_COMMAND,  422, "unsupported_command",   "The platform cannot do this",  false) \
    X(ERR_IDEMPOTENCY_MISMATCH, 422, "idempotency_mismatch",  "Key used with another body",   false) \
    X(ERR_UNPROCESSABLE,        422, "unprocessable",         "Cannot be processed",          false) \
    X(ERR_RATE_LIMITED,         429, "rate_limited",          "Too many requests",            true)  \
    X(ERR_HEADERS_TOO_BIG,      431, "headers_too_large",     "Header fields too large",      false) \
    X(ERR_CANCELLED,            499, "client_closed",         "Client closed the connection", false) \
    /* ourselves */                                                                                 \
    X(ERR_INTERNAL,             500, "internal",              "Internal error",               false) \
    X(ERR_METHOD_UNKNOWN,       501, "not_implemented",       "Method not implemented",       false) \
    X(ERR_OVERLOADED,           503, "overloaded",            "Too busy",                     true)  \
    X(ERR_DRAINING,             503, "draining",              "Shutting down",                true)  \
    X(ERR_KEY_SET_MISSING,      503, "key_set_missing",       "Tokens cannot be checked yet", true)  \
    X(ERR_STORE_AWAY,           503, "store_unavailable",     "The shared store is away",     true)  \
    X(ERR_STORE_UNREADABLE,     500, "store_unreadable",      "Unreadable document in the shared store", false) \
    X(ERR_LOOP,                 508, "loop",                  "Request goes round in a circle", false) \
    X(ERR_HTTP_VERSION,         505, "http_version",          "HTTP version not supported",   false) \
    /* the platform */                                                                              \
    X(ERR_UPSTREAM_REFUSED,     502, "upstream_refused",      "The platform refused",         false) \
    X(ERR_UPSTREAM_AUTH,        502, "upstream_auth",         "The platform refused the stored token", false) \
    X(ERR_UPSTREAM_CONNECT,     502, "upstream_unreachable",  "No connection to the platform",true)  \
    X(ERR_UPSTREAM_AWAY,        503, "platform_unavailable",  "The platform is away",         true)  \
    X(ERR_UPSTREAM_RESET,       502, "upstream_reset",        "The platform broke the connection", true) \
    X(ERR_UPSTREAM_ERROR,       502, "upstream_error",        "The platform failed",          true)  \
    X(ERR_UPSTREAM_SHAPE,       502, "upstream_unreadable",   "Unreadable answer from the platform", false) \
    X(ERR_UPSTREAM_TOO_BIG,     502, "upstream_too_large",    "Answer from the platform too large", false) \
    X(ERR_UPSTREAM_TIMEOUT,     504, "upstream_timeout",      "The platform took too long",   true)  \
    X(ERR_OUTCOME_UNKNOWN,      502, "outcome_unknown",       "Not known whether it happened",false) \
    /* files, configuration, start-up: never leave as HTTP except as 500 */                         \
    X(ERR_CONFIG,               500, "config",                "Bad configuration",            false) \
    X(ERR_IO,                   500, "io",                    "Input/output error",           false) \
    X(ERR_TLS,                  500, "tls",                   "TLS error",                    false)

/* clang-format on */

enum error_code {
    ERR_OK = 0,

#define X(code, status, slug, title, retryable) code,
    ERROR_TABLE(X)
#undef X
        ERR_N_CODES
};

struct error_row {
    enum error_code code;
    int status;
    const char *slug;
    const char *title;
    bool retryable;
};

const struct error_row *error_row(enum error_code code);    /* ERR_OK has no row: CHECKed */
const struct error_row *error_row_by_slug(struct str slug); /* NULL: unknown */

enum { ERROR_TEXT_MAX = 320, ERROR_POINTER_MAX = 96, ERROR_LIST_MAX = 100 };

/* Value type; zeroed means "no error". Text is always valid UTF-8 and holds no control characters
 * (both are replaced when it is set), so it may go to a terminal or a log line as it is. */
struct error {
    enum error_code code;
    char text[ERROR_TEXT_MAX];       /* what, and what to do */
    char pointer[ERROR_POINTER_MAX]; /* JSON pointer ("/args/0") or option name; "" none */
    unsigned line;                   /* 1-based; 0 none */
    unsigned column;
    int upstream_status;    /* 0: the platform did not answer */
    unsigned retry_after_s; /* 0: none */
    bool late;              /* no answer came in time: 504, whatever the code's own status is */
};

/* Fill and return `code`, so that callers can write `return error_set(err, ERR_X, "...")`.
 * err may be NULL. */
enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum error_code error_at(struct error *err, enum error_code code, const char *pointer,
                         const char *format, ...) PRINTF_LIKE(4, 5);
enum error_code error_in(struct error *err, enum error_code code, unsigned line, unsigned column,
                         const char *format, ...) PRINTF_LIKE(5, 6);

/* "line 3, column 4: what" of a reader without its place, for who tells the place in another way. */
struct str error_without_place(const struct error *err);

/* Several errors at once: the first ERROR_LIST_MAX are kept, the rest only counted.
 * Heap; error_list_done frees. */
struct error_list {
    struct error *items;
    size_t n;
    size_t n_dropped;
    size_t max; /* fewer than ERROR_LIST_MAX are kept; 0: all of those */
    size_t cap;
};

void error_list_init(struct error_list *list);
void error_list_done(struct error_list *list);
/* Returns the new item (a scratch one when full), zeroed, so that error_at(error_list_add(l), ...)
 * works. */
struct error *error_list_add(struct error_list *list);
/* Further errors are only counted (error_list_drop): making their texts would be for nothing. */
bool error_list_is_full(const struct error_list *list);
void error_list_drop(struct error_list *list);
/* Appends those of `from`, the dropped ones as a number. */
void error_list_append(struct error_list *list, const struct error_list *from);
size_t error_list_total(const struct error_list *list); /* kept and dropped */

#endif
