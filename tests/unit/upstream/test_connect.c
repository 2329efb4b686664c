/* What is said of a connection that cannot be made. */
#include "bench_up.h"

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
    assert_int_equal(unsetenv("https_proxy"), 0);
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

int test_connect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_password_of_a_proxy_is_never_told, begin, end),
    };

    return cmocka_run_group_tests_name("connections that fail", tests, NULL, NULL);
}
