/* sandbox: an in-memory Virtuoso platform with fault injection, for the quick start, the tests and
 * the benchmarks. src/sandbox/PLATFORM.md has the facts that it reproduces, src/sandbox/README.md
 * what it adds (outcome words, /__sandbox).
 *
 *   sandbox_open ── http server ──► sandbox_answer(state, request) ──► tenants, recorder, faults
 *   unit tests, fuzz ───────────────►──────┘  (pure: no socket, no loop; time from base/clock only)
 *
 * Owner: after sandbox_close a sandbox frees itself when its last connection is gone; a state made
 * with sandbox_state_new belongs to the caller. Not thread-safe: one loop, one thread.
 * Limits: sandbox_options caps everything that a client can grow. At the cap of tenants, entities or
 * stored bytes the answer is 403; a body that is too long is a 413, a fault too many a 400. */
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
    SANDBOX_CLOSE_BEFORE, /* the request is neither carried out nor answered */
    SANDBOX_CLOSE_MID,    /* carried out; half of the answer goes out */
    SANDBOX_CLOSE_AFTER   /* carried out; not answered */
};

/* A fault that is there from the start, for ever. If it has a status, the request is not carried out. */
struct sandbox_fault {
    struct str method; /* "*" any */
    struct str path;   /* beginning of the path below /api; '*' stands for any bytes */
    int status;        /* 0: the platform's own answer */
    uint64_t delay_ms; /* on top of the latency */
    enum sandbox_close_at close_at;
    double probability; /* that a request that matches meets the fault, 0 to 1 */
};

struct sandbox_options {
    struct str listen;        /* "127.0.0.1:0"; sandbox_open only */
    unsigned max_connections; /* sandbox_open only */
    uint64_t execution_ms;    /* from submitted to finished; a fifth of it is spent queued */
    bool examples;            /* begin with the things that the documentation's examples name */
    bool run_drafts;      /* draft journeys run with their goal (the platform: only when named) */
    struct str canary;    /* text put into every field that leaks (PLATFORM.md, "Secrets") */
    bool record_requests; /* for GET /__sandbox/requests */
    size_t max_requests_kept; /* the oldest are dropped */
    size_t max_request_bytes; /* of all kept requests together */
    size_t max_body_bytes;    /* of one request; 413 */
    size_t max_tenants;       /* tokens seen */
    size_t max_entities;      /* per tenant */
    size_t max_stored_bytes;  /* of all tenants together */
    size_t max_faults;        /* at one time; a fault that is used up counts until it is cleared */
    uint64_t seed;            /* of fault probability and latency; 0: from the kernel */
    uint64_t latency_ms;      /* before each answer of the platform */
    uint64_t latency_spread_ms; /* latencies are spread evenly from latency_ms - this to + this */
    const struct sandbox_fault *faults; /* tried in this order, before those added by HTTP */
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
/* Breaks all connections and frees the sandbox; then calls on_closed once, from the loop. */
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
/* Carries out one request and always fills in *out. Scratch memory comes from `arena`. */
void sandbox_answer(struct sandbox_state *state, struct arena *arena,
                    const struct sandbox_request *request, struct sandbox_reply *out);

#endif
