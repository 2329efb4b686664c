/* A platform that goes away and comes back: few calls reach it meanwhile. */
#include "bench_up.h"

#include <sys/resource.h>
#include <unistd.h>

int test_guard(void);

static struct bench bench;

enum { N_CALLS = 60 };

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    bench.options.breaker = true;
    bench.options.initial_active = 16;
    bench.options.max_active = 1024;
    bench.options.probe_token = &bench.token;
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

static enum error_code try_start(struct probe *probe, struct error *err)
{
    *err = (struct error){0};
    return upstream_start(bench.upstream, &probe->call, err);
}

static bool is_open(void)
{
    return upstream_health(bench.upstream)->breaker_open;
}

static void of_many_calls_few_reach_a_platform_that_fails(void **state)
{
    static struct probe probes[N_CALLS];
    struct error err;
    unsigned n_away = 0;
    uint64_t began_ms = clock_now_ms();

    (void)state;
    bench.platform.fails_all = true; /* a probe must not find that it is back */
    bench.options.max_active = bench.options.initial_active; /* what waits long widens nothing */
    bench_open(&bench);
    for (size_t i = 0; i < N_CALLS; i++) {
        probe_init(&probes[i], &bench, "/status/503", i % 2 == 0 ? CALL_READ : CALL_CREATE);
        probe_start(&probes[i]);
    }
    for (size_t i = 0; i < N_CALLS; i++) {
        assert_true(bench_run(&bench, &probes[i].n_ends, 1));
        assert_int_equal(probes[i].n_ends, 1);
        if (probes[i].code == ERR_UPSTREAM_AWAY) {
            assert_int_equal(probes[i].call.error.retry_after_s, 1);
            n_away++;
        } else {
            assert_int_equal(probes[i].status, 503);
        }
    }
    assert_true(is_open());
    /* Those that were under way, and a probe each second. */
    assert_in_range(bench.platform.n_whole, 0, 30 + 2 * (clock_now_ms() - began_ms) / 1000);
    assert_true(n_away >= 30);
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_FAIL);
    probe_init(&probes[0], &bench, "/ok", CALL_READ);
    assert_int_equal(try_start(&probes[0], &err), ERR_UPSTREAM_AWAY);
    assert_int_equal(err.retry_after_s, 1);
    assert_non_null(strstr(err.text, "the platform answered 503"));
}

static void open_breaker(const char *path)
{
    struct probe probe;

    for (int i = 0; i < 10 && !is_open(); i++) { /* what never left is tried again, and counts */
        probe_run(&probe, &bench, path, CALL_CREATE);
    }
    assert_true(is_open());
}

/* GET /user of this platform is answered like anything it does not know: well. */
static void a_probe_with_a_request_finds_that_it_is_back(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    open_breaker("/status/503");
    bench_until(&bench, !is_open());
    assert_int_equal(bench.platform.n_whole, 11);
    assert_true(str_starts(buf_view(&bench.platform.last_head), STR("GET /api/user HTTP/1.1\r\n")));
    assert_true(str_contains(buf_view(&bench.platform.last_head), STR("Bearer tok-12345")));
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_PASS);
    probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
}

static void end_at_its_deadline(bool was_sent)
{
    struct probe probe;
    unsigned n_whole = bench.platform.n_whole;

    probe_init(&probe, &bench, "/stall", CALL_CREATE);
    probe.call.request.deadline_ms = BENCH_LIMIT_MS / 3;
    probe_start(&probe);
    if (was_sent) {
        bench_until(&bench, bench.platform.n_whole == n_whole + 1);
    }
    bench_pass(&bench, BENCH_LIMIT_MS / 3 + 1);
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_int_equal(probe.code, was_sent ? ERR_OUTCOME_UNKNOWN : ERR_UPSTREAM_CONNECT);
}

static void what_is_the_callers_fault_opens_nothing(void **state)
{
    static const char *const paths[] = {"/status/400", "/status/404", "/status/429", "/status/500"};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < 100; i++) {
        probe_run(&probe, &bench, paths[i % ARRAY_LEN(paths)], CALL_CREATE);
    }
    assert_false(is_open());
    for (size_t i = 0; i < 12; i++) { /* callers who do not wait, also not for a connection */
        end_at_its_deadline(true);
        end_at_its_deadline(false);
    }
    assert_false(is_open());
}

/* Nobody listens; then somebody does. A connection is proof enough, and it is kept. */
static void a_probe_that_connects_finds_that_it_is_back(void **state)
{
    struct probe probe;
    unsigned n_connections;

    (void)state;
    bench_open(&bench);
    platform_stop_listening(&bench.platform);
    bench_until(&bench, bench.platform.handles == 0);
    open_breaker("/ok");
    assert_int_equal(bench.platform.n_whole, 0);
    platform_listen(&bench.platform, bench.platform.port);
    bench_until(&bench, !is_open());
    assert_int_equal(bench.platform.n_heads, 0);
    n_connections = bench.platform.n_connections;
    probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
    assert_int_equal(bench.platform.n_connections, n_connections > 0 ? n_connections : 1);
}

static void it_can_be_closed_while_it_looks(void **state)
{
    (void)state;
    bench_open(&bench);
    open_breaker("/status/502");
    assert_true(is_open());
}

/* What this process lacks is no fault of the platform. */
static void a_process_without_descriptors_opens_nothing(void **state)
{
    struct rlimit limit;
    struct rlimit none;
    struct probe busy;
    struct probe probe;
    int next;

    (void)state;
    bench_open(&bench);
    probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
    probe_init(&busy, &bench, "/stall", CALL_CREATE);
    probe_start(&busy); /* on the only connection */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    next = dup(STDERR_FILENO);
    assert_true(next >= 0);
    assert_int_equal(close(next), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 12; i++) {
        probe_run(&probe, &bench, "/ok", CALL_CREATE);
        assert_int_equal(probe.code, ERR_OVERLOADED);
        assert_int_equal(probe.call.error.retry_after_s, 1);
        assert_non_null(strstr(probe.call.error.text, "ulimit -n"));
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(is_open());
    assert_int_equal(upstream_health(bench.upstream)->state,
                     UPSTREAM_FAIL); /* no call goes through */
    assert_non_null(strstr(upstream_health(bench.upstream)->last_error, "ulimit -n"));
    probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_PASS);
    upstream_cancel(&busy.call);
}

static void without_a_breaker_everything_is_sent(void **state)
{
    struct probe probe;

    (void)state;
    bench.options.breaker = false;
    bench_open(&bench);
    for (int i = 0; i < 20; i++) {
        probe_run(&probe, &bench, "/status/503", CALL_CREATE);
        assert_int_equal(probe.status, 503);
    }
    assert_int_equal(bench.platform.n_whole, 20);
}

int test_guard(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_many_calls_few_reach_a_platform_that_fails, begin, end),
        cmocka_unit_test_setup_teardown(a_probe_with_a_request_finds_that_it_is_back, begin, end),
        cmocka_unit_test_setup_teardown(what_is_the_callers_fault_opens_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_probe_that_connects_finds_that_it_is_back, begin, end),
        cmocka_unit_test_setup_teardown(it_can_be_closed_while_it_looks, begin, end),
        cmocka_unit_test_setup_teardown(a_process_without_descriptors_opens_nothing, begin, end),
        cmocka_unit_test_setup_teardown(without_a_breaker_everything_is_sent, begin, end),
    };

    return cmocka_run_group_tests_name("platform away", tests, NULL, NULL);
}
