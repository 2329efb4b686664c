/* What the tests of this room share: a loop, a platform, an upstream, and calls that note their
 * end. */
#ifndef TESTS_UNIT_UPSTREAM_BENCH_UP_H
#define TESTS_UNIT_UPSTREAM_BENCH_UP_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>

#include "base/clock.h"
#include "base/random.h"
#include "fake_platform.h"
#include "harness/client.h"
#include "upstream/upstream.h"

enum { PATIENCE_MS = 120 * 1000, SETTLE_TURNS = 50, BENCH_LIMIT_MS = 60 * 1000 };

struct bench {
    struct loop loop;
    struct platform platform;
    struct upstream *upstream;
    struct upstream_options options;
    struct secret token;
    char url[64];
    bool closed;
};

struct probe {
    struct upstream_call call; /* first: cast back */
    struct bench *bench;
    unsigned n_ends;
    enum error_code code;
    int status;
    size_t body_bytes;
    char body[4096];
};

static void bench_write_url(struct bench *bench)
{
    struct buf url;

    buf_init(&url, sizeof(bench->url) - 1);
    buf_printf(&url, "http://127.0.0.1:%d/api", bench->platform.port);
    memcpy(bench->url, buf_cstr(&url), url.len + 1);
    buf_done(&url);
}

static MAYBE_UNUSED void bench_begin(struct bench *bench)
{
    *bench = (struct bench){0};
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does: a peer may go while we write */
    loop_init(&bench->loop);
    platform_open(&bench->platform, &bench->loop);
    bench_write_url(bench);
    secret_set(&bench->token, STR("tok-12345"));
    bench->options = (struct upstream_options){
        .base_url = str_from(bench->url),
        .client_name = STR("virtuoso-proxy/test"),
        .client_id = STR("vp"),
        .verify_tls = true,
        .connect_timeout_ms = BENCH_LIMIT_MS, /* no loaded machine lets them run out */
        .timeout_ms = BENCH_LIMIT_MS,
        .max_active = 16,
        .max_waiting = 4000,
        .max_reply_bytes = 1 << 20,
        .max_tries = 3,
        .retry_base_ms = 20,
        .retry_budget_percent = 100,
    };
}

static MAYBE_UNUSED void bench_open(struct bench *bench)
{
    struct error err = {0};

    if (upstream_open(&bench->loop, &bench->options, &bench->upstream, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void bench_on_closed(void *context)
{
    struct bench *bench = context;

    bench->closed = true;
}

static MAYBE_UNUSED uint64_t bench_limit_ms(void)
{
    return clock_now_ms() + (uint64_t)PATIENCE_MS * client_slowness();
}

static MAYBE_UNUSED void bench_turn(struct bench *bench, uint64_t limit_ms, const char *condition)
{
    if (clock_now_ms() >= limit_ms) {
        fail_msg("waited in vain for: %s", condition);
    }
    (void)loop_turn(&bench->loop, true);
}

/* Turns the loop until the condition holds; fails the test when it never does. */
#define bench_until(bench, condition)                                                              \
    do {                                                                                           \
        uint64_t limit_ms_ = bench_limit_ms();                                                     \
                                                                                                   \
        while (!(condition)) {                                                                     \
            bench_turn(bench, limit_ms_, #condition);                                              \
        }                                                                                          \
    } while (0)

static MAYBE_UNUSED bool bench_run(struct bench *bench, const unsigned *counter, unsigned target)
{
    uint64_t until_ms = bench_limit_ms();

    while (*counter < target && clock_now_ms() < until_ms) {
        (void)loop_turn(&bench->loop, true);
    }
    return *counter >= target;
}

/* What is on its way between two sockets of this process arrives: no time has to pass for that. */
static MAYBE_UNUSED void bench_settle(struct bench *bench)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        (void)loop_turn(&bench->loop, false);
    }
}

/* Whatever is due within that time comes now; no real time passes. */
static MAYBE_UNUSED void bench_pass(struct bench *bench, unsigned ms)
{
    (void)deadlines_run(&bench->loop.deadlines, clock_now_ms() + ms);
}

/* Lets real time pass; only to show that something does not happen meanwhile. */
static MAYBE_UNUSED void bench_turns(struct bench *bench, unsigned ms)
{
    uint64_t until_ms = clock_now_ms() + ms;

    while (clock_now_ms() < until_ms) {
        (void)loop_turn(&bench->loop, true);
    }
}

static MAYBE_UNUSED void bench_end(struct bench *bench)
{
    if (!bench->closed) {
        upstream_close(bench->upstream, bench_on_closed, bench);
    }
    platform_close(&bench->platform);
    while (!bench->closed || bench->platform.handles > 0) {
        (void)loop_turn(&bench->loop, true);
    }
    platform_done(&bench->platform);
    secret_done(&bench->token);
    loop_done(&bench->loop); /* CHECKs that nothing is left open */
}

static void probe_ended(struct upstream_call *call, enum error_code code)
{
    struct probe *probe = (struct probe *)(void *)call;
    size_t n = call->reply.body.len;

    probe->n_ends++;
    probe->code = code;
    probe->status = call->reply.status;
    probe->body_bytes = n;
    n = n < sizeof(probe->body) - 1 ? n : sizeof(probe->body) - 1;
    if (n > 0) {
        memcpy(probe->body, call->reply.body.ptr, n);
    }
    probe->body[n] = '\0';
}

static MAYBE_UNUSED void probe_init(struct probe *probe, struct bench *bench, const char *path,
                                    enum call_class class)
{
    static const char *const methods[] = {
        [CALL_READ] = "GET", [CALL_CHANGE] = "PUT", [CALL_CREATE] = "POST"};

    *probe = (struct probe){.bench = bench};
    probe->call.on_done = probe_ended;
    probe->call.request.method = str_from(methods[class]);
    probe->call.request.path = str_from(path);
    probe->call.request.class = class;
    probe->call.request.token = &bench->token;
    if (class != CALL_READ) {
        probe->call.request.body = STR("{\"a\":1}");
    }
}

static MAYBE_UNUSED void probe_start(struct probe *probe)
{
    struct error err = {0};

    if (upstream_start(probe->bench->upstream, &probe->call, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(probe->n_ends, 0);
}

static MAYBE_UNUSED void probe_run(struct probe *probe, struct bench *bench, const char *path,
                                   enum call_class class)
{
    probe_init(probe, bench, path, class);
    probe_start(probe);
    assert_true(bench_run(bench, &probe->n_ends, 1));
    assert_int_equal(probe->n_ends, 1);
}

/* Runs a call that has to go well. */
static MAYBE_UNUSED void probe_run_ok(struct probe *probe, struct bench *bench, const char *path,
                                      enum call_class class)
{
    probe_run(probe, bench, path, class);
    if (probe->code != ERR_OK) {
        fail_msg("%s: %s", path, probe->call.error.text);
    }
}

#endif
