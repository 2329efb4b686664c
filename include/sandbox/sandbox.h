/* sandbox: an in-memory Virtuoso platform with fault injection, for the quick start, the tests and
 * the benchmarks. Facts it reproduces: src/sandbox/PLATFORM.md; what it adds of its own
 * (outcome words, /__sandbox) is in src/sandbox/README.md.
 *
 *   sandbox_open ── http server ──► sandbox_answer(state, request) ──► tenants, recorder, faults
 *   unit tests, fuzz ───────────────►──────┘  (pure: no socket, no loop; time from base/clock only)
 *
 * Owner: sandbox_open gives a sandbox that frees itself when its last connection is gone; a state
 * made with sandbox_state_new belongs to the caller. Not thread-safe: one loop, one thread.
 * Limits: everything a client can grow is capped by sandbox_options; at a cap the answer is 403. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "http/exchange.h"

struct loop;
struct sandbox;
struct sandbox_state;

enum sandbox_close_at {
    SANDBOX_CLOSE_NOT,
    SANDBOX_CLOSE_BEFORE, /* nothing was done, nothing is to be answered */
    SANDBOX_CLOSE_MID,    /* done; half of the answer goes out */
    SANDBOX_CLOSE_AFTER   /* done; nothing is answered */
};

/* A fault that is there from the start, for ever. A request with a status is not carried out. */
struct sandbox_fault {
    struct str method; /* "*" any */
    struct str path;   /* below /api: a beginning, in which '*' stands for any bytes */
    int status;        /* 0: the platform's own answer */
    uint64_t delay_ms; /* on top of the latency */
    enum sandbox_close_at close_at;
    double probability; /* of a request that matches, 0 to 1 */
};

struct sandbox_options {
    struct str listen;        /* "127.0.0.1:0"; sandbox_open only */
    unsigned max_connections; /* sandbox_open only */
    uint64_t execution_ms;    /* from submitted to finished; a fifth of it is spent queued */
    bool examples;            /* begin with the things that the documentation's examples name */
    bool run_drafts;      /* draft journeys run with their goal (the platform: only when named) */
    struct str canary;    /* text put into every field that leaks (PLATFORM.md, "Secrets") */
    bool record_requests; /* for GET /__sandbox/requests */
    size_t max_requests_kept;   /* oldest leave first */
    size_t max_request_bytes;   /* of all kept requests together */
    size_t max_body_bytes;      /* of one request; 413 */
    size_t max_tenants;         /* tokens seen */
    size_t max_entities;        /* per tenant */
    size_t max_stored_bytes;    /* of all tenants together */
    size_t max_faults;          /* waiting at once */
    uint64_t seed;              /* of fault probability and latency; 0: from the kernel */
    uint64_t latency_ms;        /* before each answer of the platform */
    uint64_t latency_spread_ms; /* the latency is even between latency_ms - this and + this */
    const struct sandbox_fault *faults; /* met in this order, before those ordered by HTTP */
    size_t n_faults;
};

/* Defaults: free loopback port, 1,024 connections, 2 s executions, 100,000 requests in 64 MiB,
 * 8 MiB bodies, 4,096 tenants, 1,000,000 entities, 1 GiB. */
void sandbox_options_init(struct sandbox_options *options);

/* ERR_IO: the address is taken or wrong. Strings and faults of `options` are copied.
 * Delays are as exact as the loop's deadlines: to 1 ms after loop_exact. */
enum error_code sandbox_open(struct loop *loop, const struct sandbox_options *options,
                             struct sandbox **out, struct error *err) MUST_CHECK;
const char *sandbox_address(const struct sandbox *sandbox); /* "127.0.0.1:40123" as bound */
/* Breaks what is left; on_closed comes once, from the loop, then nothing of it exists any more. */
void sandbox_close(struct sandbox *sandbox, void (*on_closed)(void *context), void *context);

/* ---- the platform without sockets ---- */

struct sandbox_request {
    struct str method;
    struct str path;  /* as received: "/api/teststeps", "/__sandbox/state" */
    struct str query; /* as received, without '?' */
    const struct http_header *headers;
    size_t n_headers;
    struct str body;
};

struct sandbox_reply {
    int status; /* 0 with SANDBOX_CLOSE_BEFORE */
    const char *content_type;
    struct str body; /* valid until the next sandbox_answer */
    uint64_t delay_ms;
    unsigned retry_after_s; /* 0: no Retry-After */
    enum sandbox_close_at close_at;
};

struct sandbox_state *sandbox_state_new(const struct sandbox_options *options);
void sandbox_state_free(struct sandbox_state *state);
/* Acts on one request: always answers. Scratch memory comes from `arena`. */
void sandbox_answer(struct sandbox_state *state, struct arena *arena,
                    const struct sandbox_request *request, struct sandbox_reply *out);

#endif
