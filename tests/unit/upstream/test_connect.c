/* What is said of a connection that cannot be made. */
#include "bench_up.h"

#include <limits.h>
#include <stdlib.h>

int test_connect(void);

static struct bench bench;

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("https_proxy") + unsetenv("http_proxy"), 0);
    bench_end(&bench);
    return 0;
}

static void the_password_of_a_proxy_is_never_told(void **state)
{
    static const char *const proxies[] = {
        "http://bob:S3c/ret@127.0.0.1:3128",
        "http://bob:S3c#ret@127.0.0.1:3128",
        "http://bob:S3cret@127.0.0.1:99999",
        "http://bob:S3cret@[::1",
        "bob:S3c/ret",
    };

    (void)state;
    assert_int_equal(unsetenv("no_proxy") + unsetenv("NO_PROXY"), 0);
    bench.options.base_url = STR("https://platform.invalid/api");
    bench.options.max_tries = 1;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        struct probe probe;
        struct str said;

        assert_int_equal(setenv("https_proxy", proxies[i], 1), 0);
        probe_run(&probe, &bench, "/ok", CALL_READ);
        said = str_from(probe.call.error.text);
        assert_int_equal(probe.code, ERR_UPSTREAM_CONNECT);
        assert_false(str_contains(said, STR("S3c")) || str_contains(said, STR("bob")));
        assert_true(str_contains(said, STR("proxy")));
    }
}

/* The platform of the bench is a proxy that makes tunnels, and what is behind them. */
static void open_behind_proxy(void)
{
    char proxy[64];

    memcpy(proxy, bench.url, sizeof(proxy));
    *strstr(proxy, "/api") = '\0';
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    assert_int_equal(unsetenv("no_proxy") + unsetenv("NO_PROXY"), 0);
    bench.options.base_url = STR("http://platform.invalid/api");
    bench.platform.answers_in_tunnels = true;
    bench_open(&bench);
}

/* Bytes that come before the first request are no answer to it, whoever sends them. */
static void a_new_connection_that_speaks_first_is_not_used(void **state)
{
    static const struct early_row {
        const char *said;
        unsigned n;      /* tunnels that say it */
        unsigned n_made; /* tunnels that a call needs */
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstranger", 2, 3},
        {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstranger", 3, 3},
        {"\r\n", 1, 2},
    };

    (void)state;
    open_behind_proxy();
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        const struct early_row *row = &rows[i / 2];
        unsigned n_whole = bench.platform.n_whole;
        bool goes_well = row->n < bench.options.max_tries;
        struct probe probe;

        upstream_forget_connections(bench.upstream);
        bench.platform.n_tunnels = 0;
        bench.platform.early = str_from(row->said);
        bench.platform.n_early = row->n;
        probe_run(&probe, &bench, "/echo", i % 2 == 0 ? CALL_CREATE : CALL_READ);
        assert_int_equal(bench.platform.n_tunnels, row->n_made);
        assert_int_equal(bench.platform.n_whole, n_whole + (goes_well ? 1 : 0));
        assert_int_equal(probe.code, goes_well ? ERR_OK : ERR_UPSTREAM_CONNECT);
        assert_null(strstr(probe.body, "stranger"));
        assert_true(goes_well || strstr(probe.call.error.text, "Nothing was sent") != NULL);
        assert_int_equal(probe.call.may_have_left, goes_well);
    }
}

/* A probe that only connects leaves its connection for the next call. */
static void a_probe_hears_what_a_new_connection_says(void **state)
{
    struct probe probe;
    unsigned n_tunnels;

    (void)state;
    bench.options.breaker = true;
    open_behind_proxy();
    bench.platform.early = STR("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstranger");
    bench.platform.n_early = UINT_MAX;
    for (int i = 0; i < 10 && !upstream_health(bench.upstream)->breaker_open; i++) {
        probe_run(&probe, &bench, "/ok", CALL_CREATE);
        assert_int_equal(probe.code, ERR_UPSTREAM_CONNECT);
    }
    assert_true(upstream_health(bench.upstream)->breaker_open);
    n_tunnels = bench.platform.n_tunnels;
    bench_until(&bench, bench.platform.n_tunnels >= n_tunnels + 2); /* the first probe has ended */
    assert_true(upstream_health(bench.upstream)->breaker_open);
    bench.platform.n_early = 0;
    bench_until(&bench, !upstream_health(bench.upstream)->breaker_open);
    assert_int_equal(bench.platform.n_whole, 0);
    probe_run_ok(&probe, &bench, "/echo", CALL_CREATE);
    assert_null(strstr(probe.body, "stranger"));
}

int test_connect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_connection_that_speaks_first_is_not_used, begin, end),
        cmocka_unit_test_setup_teardown(a_probe_hears_what_a_new_connection_says, begin, end),
        cmocka_unit_test_setup_teardown(the_password_of_a_proxy_is_never_told, begin, end),
    };

    return cmocka_run_group_tests_name("connections that fail", tests, NULL, NULL);
}
