/* Errors: a code from one table, a short text, and where. Reporting an error cannot fail.
 * Each row: the code, and its slug, which is its stable name for clients. Its HTTP status and title stand
 * in src/http/problem_rows.c. Add a code by adding a row here and there, and its page in
 * src/api/docs/problem_pages.c (tests hold the three together). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* clang-format off */
#define ERROR_TABLE(X)                                                                            \
    /* what the caller sent */                                                                    \
    X(ERR_BAD_REQUEST,            "bad_request")                                                  \
    X(ERR_BAD_JSON,               "bad_json")                                                     \
    X(ERR_BAD_YAML,               "bad_yaml")                                                     \
    X(ERR_INVALID,                "invalid_request")                                              \
    X(ERR_UNKNOWN_MEMBER,         "unknown_member")                                               \
    X(ERR_UNKNOWN_PARAMETER,      "unknown_parameter")                                            \
    X(ERR_UNKNOWN_COMMAND,        "unknown_command")                                              \
    X(ERR_CHECKPOINT_REQUIRED,    "checkpoint_required")                                          \
    X(ERR_UNAUTHORIZED,           "unauthorized")                                                 \
    X(ERR_FORBIDDEN,              "forbidden")                                                    \
    X(ERR_NOT_FOUND,              "not_found")                                                    \
    X(ERR_SESSION_NOT_FOUND,      "session_not_found")                                            \
    X(ERR_SESSION_EVICTED,        "session_evicted")                                              \
    X(ERR_SESSION_EXPIRED,        "session_expired")                                              \
    X(ERR_SESSION_ELSEWHERE,      "session_elsewhere")                                            \
    X(ERR_METHOD_NOT_ALLOWED,     "method_not_allowed")                                           \
    X(ERR_NOT_ACCEPTABLE,         "not_acceptable")                                               \
    X(ERR_REQUEST_TIMEOUT,        "request_timeout")                                              \
    X(ERR_IDEMPOTENCY_IN_FLIGHT,  "idempotency_in_flight")                                        \
    X(ERR_CONFLICT,               "conflict")                                                     \
    X(ERR_LENGTH_REQUIRED,        "length_required")                                              \
    X(ERR_TOO_BIG,                "too_large")                                                    \
    X(ERR_URI_TOO_LONG,           "uri_too_long")                                                 \
    X(ERR_MEDIA_TYPE,             "unsupported_media_type")                                       \
    X(ERR_EXPECTATION,            "expectation_failed")                                           \
    X(ERR_UNSUPPORTED_COMMAND,    "unsupported_command")                                          \
    X(ERR_IDEMPOTENCY_MISMATCH,   "idempotency_mismatch")                                         \
    X(ERR_UNPROCESSABLE,          "unprocessable")                                                \
    X(ERR_RATE_LIMITED,           "rate_limited")                                                 \
    X(ERR_HEADERS_TOO_BIG,        "headers_too_large")                                            \
    X(ERR_CANCELLED,              "client_closed")                                                \
    /* ourselves */                                                                               \
    X(ERR_INTERNAL,               "internal")                                                     \
    X(ERR_METHOD_UNKNOWN,         "not_implemented")                                              \
    X(ERR_OVERLOADED,             "overloaded")                                                   \
    X(ERR_DRAINING,               "draining")                                                     \
    X(ERR_KEY_SET_MISSING,        "key_set_missing")                                              \
    X(ERR_STORE_AWAY,             "store_unavailable")                                            \
    X(ERR_STORE_UNREADABLE,       "store_unreadable")                                             \
    X(ERR_LOOP,                   "loop")                                                         \
    X(ERR_HTTP_VERSION,           "http_version")                                                 \
    /* the platform */                                                                            \
    X(ERR_UPSTREAM_REFUSED,       "upstream_refused")                                             \
    X(ERR_UPSTREAM_AUTH,          "upstream_auth")                                                \
    X(ERR_UPSTREAM_CONNECT,       "upstream_unreachable")                                         \
    X(ERR_UPSTREAM_AWAY,          "platform_unavailable")                                         \
    X(ERR_UPSTREAM_RESET,         "upstream_reset")                                               \
    X(ERR_UPSTREAM_ERROR,         "upstream_error")                                               \
    X(ERR_UPSTREAM_SHAPE,         "upstream_unreadable")                                          \
    X(ERR_UPSTREAM_TOO_BIG,       "upstream_too_large")                                           \
    X(ERR_UPSTREAM_TIMEOUT,       "upstream_timeout")                                             \
    X(ERR_OUTCOME_UNKNOWN,        "outcome_unknown")                                              \
    /* files, configuration, start-up */                                                          \
    X(ERR_CONFIG,                 "config")                                                       \
    X(ERR_IO,                     "io")                                                           \
    X(ERR_TLS,                    "tls")

/* clang-format on */

enum error_code {
    ERR_OK = 0,

#define X(code, slug) code,
    ERROR_TABLE(X)
#undef X
        ERR_N_CODES
};

const char *error_slug(enum error_code code);   /* ERR_OK has none: CHECKed */
enum error_code error_of_slug(struct str slug); /* ERR_OK: unknown */

enum { ERROR_TEXT_MAX = 320, ERROR_POINTER_MAX = 96, ERROR_LIST_MAX = 100 };

/* Value type; zeroed means "no error". Text is always valid UTF-8 and holds no control characters
 * (both are replaced when it is set), so it may go to a terminal or a log line as it is. */
struct error {
    enum error_code code;
    char text[ERROR_TEXT_MAX];       /* what is wrong, and what to do */
    char pointer[ERROR_POINTER_MAX]; /* JSON pointer ("/args/0") or option name; "" none */
    unsigned line;                   /* 1-based; 0 none */
    unsigned column;
    int upstream_status;    /* 0: the platform did not answer */
    unsigned retry_after_s; /* 0: none */
    bool late;              /* no answer came in time */
};

struct arena;

/* Fill and return `code`, so that callers can write `return error_set(err, ERR_X, "...")`.
 * err may be NULL. */
enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum error_code error_set_list(struct error *err, enum error_code code, const char *format,
                               va_list args) PRINTF_LIKE(3, 0);
enum error_code error_at(struct error *err, enum error_code code, const char *pointer,
                         const char *format, ...) PRINTF_LIKE(4, 5);
enum error_code error_in(struct error *err, enum error_code code, unsigned line, unsigned column,
                         const char *format, ...) PRINTF_LIKE(5, 6);

/* The text of a reader's error ("line 3, column 4: what") without its place, for callers that show the place
 * in another way. */
struct str error_without_place(const struct error *err);

/* Several errors at once: the first ERROR_LIST_MAX are kept, the rest only counted.
 * Heap; error_list_done frees. */
struct error_list {
    struct error *items;
    size_t n;
    size_t n_dropped;
    size_t max; /* keep at most so many; 0: ERROR_LIST_MAX */
    size_t cap;
};

void error_list_init(struct error_list *list);
struct error_list *error_list_in(struct arena *arena); /* a new one, which ends with the arena */
void error_list_done(struct error_list *list);
/* Returns the new item (a scratch one when full), zeroed, so that error_at(error_list_add(l), ...)
 * works. */
struct error *error_list_add(struct error_list *list);
/* True: the list keeps no more errors. Callers then only count (error_list_drop), and need make no texts. */
bool error_list_is_full(const struct error_list *list);
void error_list_drop(struct error_list *list);
/* Appends the errors of `from`, and adds its number of dropped ones. */
void error_list_append(struct error_list *list, const struct error_list *from);
size_t error_list_total(const struct error_list *list); /* kept and dropped */

#endif
