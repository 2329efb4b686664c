/* load: an open-loop generator of HTTP/1.1 requests. Request i is due at i/rate seconds, whatever
 * became of the requests before it, and its latency counts from that moment. So a stall of the server shows
 * in every request that it delayed, not only in the one that it hit (no coordinated omission).
 *
 *   due ──► waits for a free connection ──► sent ──► answered       latency = answered - due
 *
 * One thread, a blocking call, an epoll of its own: libuv's timers count milliseconds, and requests
 * are due to the microsecond. Keep-alive connections, one request at a time on each.
 * Owner: the caller holds options and result; strings are views that live until load_run returns.
 * Limits: LOAD_MAX_*; memory does not grow with the number of requests. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "load/histogram.h"

enum {
    LOAD_MAX_RATE = 1000000,
    LOAD_MAX_CONNECTIONS = 20000,
    LOAD_MAX_HEADERS = 64,
    LOAD_MAX_BODY = 16 << 20,
    LOAD_MAX_SECONDS = 86400,
    LOAD_STATUS_END = 600
};

/* Why a request has no answer. */
enum load_failure {
    LOAD_NOT_SENT,  /* no connection was free within the time-out */
    LOAD_CONNECT,   /* no connection could be made */
    LOAD_CLOSED,    /* the connection was closed or reset before the end of the answer */
    LOAD_TIMED_OUT, /* no whole answer within the time-out after the request was sent */
    LOAD_GARBLED,   /* what came is not HTTP/1.1 */
    LOAD_N_FAILURES
};

struct load_progress {
    uint64_t elapsed_us, total_us;
    uint64_t n_answered, n_failed; /* since the start; an answer of 400 or above counts in both */
    uint64_t answered_per_second;  /* in the last second */
    uint64_t p50_us, p99_us;       /* of the last second */
    unsigned in_flight;
};

struct load_options {
    struct str url; /* "http://127.0.0.1:8000/x?y=z" or "127.0.0.1:8000/x" */
    struct str method;
    const struct str *headers; /* "Name: value" */
    size_t n_headers;
    struct str body;
    bool has_body;
    struct str bearer;    /* a secret: sent as Authorization: Bearer; empty: none */
    int64_t first_id;     /* "{id}" in the target and in the body is first_id, then the next */
    int64_t last_id;      /* id, up to last_id, and again; 0 and 0: not replaced */
    unsigned rate;        /* requests a second; 0: closed loop, as fast as answers come */
    uint64_t count;       /* how many requests; 0: as many as fit into the duration */
    unsigned duration_ms; /* ignored if both a rate and a count are set */
    unsigned warmup_ms;   /* the first part of the run: its requests are not counted */
    unsigned timeout_ms;  /* of one request */
    unsigned connections; /* all are open before the first request is due */
    bool any_host;        /* false: the host must be this machine */
    const volatile sig_atomic_t *stop; /* not 0: end now, and report so far; may be NULL */
    void (*on_second)(void *context, const struct load_progress *progress); /* may be NULL */
    /* Called when counting begins, after the warm-up, and when it ends. May be NULL. */
    void (*on_window)(void *context, bool begins);
    void *context;
};

struct load_result {
    struct histogram latency; /* of all answered requests, whatever the status */
    struct histogram late;    /* how late the generator sent requests with a free connection */
    uint64_t n_due;           /* counted requests: answered, failed, or cut off by `stop` */
    uint64_t n_answered;
    uint64_t statuses[LOAD_STATUS_END]; /* by status */
    uint64_t failures[LOAD_N_FAILURES];
    uint64_t bytes;      /* of answers, heads included */
    uint64_t elapsed_us; /* of the time in which requests are counted */
    bool stopped;
};

/* ERR_INVALID: an option or the URL; ERR_FORBIDDEN: another host without any_host; ERR_IO: the host
 * was not found, or connections were not made. `out` is filled when ERR_OK. */
enum error_code load_run(const struct load_options *options, struct load_result *out,
                         struct error *err) MUST_CHECK;
/* How many requests got no answer, or one of 400 or above. */
uint64_t load_n_failed(const struct load_result *result);

/* load_write_text writes a screen of text: the load, its results, percentiles, and a plot of the latencies in
 * ASCII. load_write_json writes one JSON object with a line end. */
void load_write_text(const struct load_options *options, const struct load_result *result,
                     struct buf *out);
void load_write_json(const struct load_options *options, const struct load_result *result,
                     struct buf *out);

#endif
