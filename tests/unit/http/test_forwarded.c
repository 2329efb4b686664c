/* Forwarded (RFC 7239): what is taken, and what makes all of it worthless. */
#include "harness/cmocka.h"

#include "base/buf.h"
#include "http/forwarded.h"

int test_forwarded(void);

static void elements_are_told_apart(void **state)
{
    struct forwarded_hop hops[FORWARDED_HOPS_MAX];
    size_t n;

    (void)state;
    assert_true(
        forwarded_read(STR("for=192.0.2.7;proto=https;by=_us , For=\"[2001:db8::7]:4711\" ; "
                           "host=\"a.example:8443\",for=\"a,b;c\""),
                       hops, &n));
    assert_int_equal(n, 3);
    assert_true(str_is(hops[0].node, "192.0.2.7"));
    assert_true(str_is(hops[0].proto, "https"));
    assert_true(str_is(hops[1].node, "[2001:db8::7]:4711"));
    assert_true(str_is(hops[1].host, "a.example:8443"));
    assert_true(str_is(hops[2].node, "a,b;c"));
    assert_true(forwarded_read(STR(""), hops, &n));
    assert_int_equal(n, 0);
}

static void the_last_ones_of_many_stay(void **state)
{
    struct forwarded_hop hops[FORWARDED_HOPS_MAX];
    struct buf text;
    size_t n;

    (void)state;
    buf_init(&text, 1U << 16);
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, "%sfor=192.0.2.%d", i > 0 ? ", " : "", i);
    }
    assert_true(forwarded_read(buf_view(&text), hops, &n));
    assert_int_equal(n, FORWARDED_HOPS_MAX);
    assert_true(str_is(hops[n - 1].node, "192.0.2.99"));
    buf_done(&text);
}

static void what_is_not_sound_counts_for_nothing(void **state)
{
    static const char *const bad[] = {"for",         "for=",      "for=\"a",       "for=a b",
                                      "for=a;for=b", "=a",        "for=\"a\\\"\"", "for=a, host",
                                      "for=a=b",     "for=[::1]", "for=\"\x01\""};
    struct forwarded_hop hops[FORWARDED_HOPS_MAX];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (forwarded_read(str_from(bad[i]), hops, &n) || n != 0) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

int test_forwarded(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_told_apart),
        cmocka_unit_test(the_last_ones_of_many_stay),
        cmocka_unit_test(what_is_not_sound_counts_for_nothing),
    };

    return cmocka_run_group_tests_name("http: forwarded", tests, NULL, NULL);
}
