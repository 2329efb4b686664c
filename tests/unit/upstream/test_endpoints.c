/* One platform at several addresses. All lead to the platform of the test here, under other names, so what is sent
 * twice is counted there. */
#include "bench_up.h"

#include "harness/port.h"

int test_endpoints(void);

/* A probe may take as long as the time between two of them. */
enum { PROBE_MS = 2000 };

static struct bench bench;

static struct {
    char away[64];
    char second[64];
    struct str others[2];
} urls;

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    bench.options.breaker = true;
    bench.options.probe_each_ms = 60000; /* of probes there is another test */
    bench.options.back_after = 2;
    bench.options.n_others = 1;
    bench.options.others = urls.others;
    (void)snprintf(urls.away, sizeof(urls.away), "http://127.0.0.1:%u/api", port_free());
    (void)snprintf(urls.second, sizeof(urls.second), "http://localhost:%d/api",
                   bench.platform.port);
    urls.others[0] = str_from(urls.second);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

static size_t in_use(void)
{
    struct upstream_endpoint all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_endpoints(bench.upstream, all);
    size_t at = 0;

    while (at < n && !all[at].in_use) {
        at++;
    }
    assert_true(at < n);
    return at;
}

static size_t n_up(void)
{
    struct upstream_endpoint all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_endpoints(bench.upstream, all);
    size_t n_up = 0;

    for (size_t i = 0; i < n; i++) {
        n_up += all[i].is_up ? 1 : 0;
    }
    return n_up;
}

static void what_was_not_sent_goes_to_the_next_one(void **state)
{
    static const enum call_class classes[] = {CALL_READ, CALL_CREATE, CALL_CHANGE};
    struct probe probe;

    (void)state;
    bench.options.base_url = str_from(urls.away);
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        probe_run_ok(&probe, &bench, "/ok", classes[i]);
        assert_int_equal(probe.call.n_moves, 1);
        assert_int_equal(bench.platform.n_whole, i + 1);
        assert_true(str_eq(upstream_call_base(&probe.call), urls.others[0]));
    }
    assert_int_equal(upstream_n_active(bench.upstream) + upstream_n_waiting(bench.upstream), 0);
}

static void what_may_have_been_done_goes_nowhere(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    probe_run(&probe, &bench, "/reset", CALL_CREATE);
    assert_int_equal(probe.code, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(bench.platform.n_whole, 1);
    probe_run(&probe, &bench, "/status/503", CALL_CHANGE);
    assert_int_equal(probe.code, ERR_OK);
    assert_int_equal(probe.status, 503);
    assert_int_equal(bench.platform.n_whole, 2);
    probe_run(&probe, &bench, "/after/503/1", CALL_READ); /* a read is asked for at the other one */
    assert_int_equal(probe.status, 200);
    assert_int_equal(probe.call.n_moves, 1);
    assert_int_equal(bench.platform.n_whole, 4);
}

/* After ten failures calls begin at the other one, and come back after two good probes in a row. */
static void one_that_is_away_is_taken_again_after_good_probes(void **state)
{
    struct probe probe;

    (void)state;
    bench.options.probe_each_ms = PROBE_MS * client_slowness();
    bench_open(&bench);
    for (int i = 0; i < 10 && in_use() == 0; i++) {
        probe_run(&probe, &bench, "/status/503", CALL_CREATE);
    }
    assert_int_equal(in_use(), 1);
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_WARN);
    assert_true(upstream_is_elsewhere(bench.upstream));
    probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
    assert_int_equal(probe.call.n_moves, 0);
    bench_until(&bench, in_use() == 0);
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_PASS);
}

/* It has been found by its probe; what waits for an answer there, and can be asked again, is. */
static void one_that_fails_its_probe_is_left(void **state)
{
    struct upstream_endpoint all[UPSTREAM_ENDPOINTS_MAX];

    (void)state;
    bench.options.base_url = str_from(urls.away);
    bench.options.probe_each_ms = PROBE_MS * client_slowness();
    bench_open(&bench);
    assert_int_equal(in_use(), 0);
    bench_until(&bench, in_use() == 1);
    assert_int_equal(upstream_endpoints(bench.upstream, all), 2);
    assert_false(all[0].is_up);
    assert_true(all[0].last_error[0] != '\0');
    assert_true(all[0].since_wall_ms > 0);
    assert_true(all[1].is_up);
}

/* Without another one a failed probe proves nothing, and calls are tried. */
static void the_last_one_is_left_for_what_calls_meet_only(void **state)
{
    struct probe probe;

    (void)state;
    bench.options.base_url = str_from(urls.away);
    (void)snprintf(urls.second, sizeof(urls.second), "http://127.0.0.2:%u/api", port_free());
    urls.others[0] = str_from(urls.second);
    bench.options.probe_each_ms = 100;
    bench_open(&bench);
    bench_until(&bench, n_up() == 1);
    bench_turns(&bench, 500);
    assert_int_equal(n_up(), 1);
    assert_false(upstream_health(bench.upstream)->breaker_open);
    probe_run(&probe, &bench, "/ok", CALL_CREATE);
    assert_int_equal(probe.code, ERR_UPSTREAM_CONNECT);
}

static void a_wrong_address_is_told_with_its_option(void **state)
{
    struct error err = {0};

    (void)state;
    urls.others[0] = STR("http://user:secret@example.com/");
    assert_int_equal(upstream_open(&bench.loop, &bench.options, &bench.upstream, &err), ERR_CONFIG);
    assert_string_equal(err.pointer, "upstream.endpoints");
    assert_null(strstr(err.text, "secret"));
    urls.others[0] = str_from(urls.second);
    bench_open(&bench); /* bench_end closes one */
}

int test_endpoints(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_not_sent_goes_to_the_next_one, begin, end),
        cmocka_unit_test_setup_teardown(what_may_have_been_done_goes_nowhere, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_away_is_taken_again_after_good_probes, begin,
                                        end),
        cmocka_unit_test_setup_teardown(one_that_fails_its_probe_is_left, begin, end),
        cmocka_unit_test_setup_teardown(the_last_one_is_left_for_what_calls_meet_only, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_address_is_told_with_its_option, begin, end),
    };

    return cmocka_run_group_tests_name("addresses of the platform", tests, NULL, NULL);
}
