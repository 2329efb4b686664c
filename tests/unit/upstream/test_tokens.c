/* Which of two stored tokens a call is sent with. */
#include "harness/cmocka.h"

#include "upstream/tokens.h"

int test_tokens(void);

enum { MINUTE_MS = 60000 };

static struct {
    struct secret primary;
    struct secret secondary;
    struct upstream_tokens tokens;
    uint64_t now_ms;
} here;

static int begin(void **state)
{
    (void)state;
    secret_set(&here.primary, STR("tok-1"));
    secret_set(&here.secondary, STR("tok-2"));
    here.tokens = (struct upstream_tokens){.account = STR("a")};
    upstream_tokens_configure(&here.tokens, &here.primary, &here.secondary);
    here.now_ms = 1000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    secret_done(&here.primary);
    secret_done(&here.secondary);
    return 0;
}

static unsigned pick(void)
{
    return upstream_tokens_pick(&here.tokens, here.now_ms);
}

static void the_other_one_is_taken_for_a_minute(void **state)
{
    (void)state;
    assert_int_equal(pick(), 0);
    assert_true(str_is(upstream_tokens_reveal(&here.tokens, 0), "tok-1"));
    assert_true(upstream_tokens_refused(&here.tokens, 0, here.now_ms));
    assert_int_equal(pick(), 1);
    assert_true(str_is(upstream_tokens_reveal(&here.tokens, 1), "tok-2"));
    upstream_tokens_accepted(&here.tokens, 1);
    here.now_ms += MINUTE_MS - 1;
    assert_int_equal(pick(), 1);
    here.now_ms++;
    assert_int_equal(pick(), 0); /* one call finds out */
    assert_int_equal(pick(), 1); /* the others do not wait for it */
    upstream_tokens_accepted(&here.tokens, 0);
    assert_int_equal(pick(), 0);
    assert_int_equal(here.tokens.in_use, 0);
}

static void a_probe_that_never_ends_is_tried_again(void **state)
{
    (void)state;
    (void)upstream_tokens_refused(&here.tokens, 0, here.now_ms);
    here.now_ms += MINUTE_MS;
    assert_int_equal(pick(), 0);
    here.now_ms += MINUTE_MS;
    assert_int_equal(pick(), 0);
}

/* 200 calls are under way with the primary when it is revoked: their refusals come one by one, and
 * between them calls with the secondary are accepted. */
static void late_refusals_do_not_condemn_the_other_token(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_true(upstream_tokens_refused(&here.tokens, 0, here.now_ms));
        upstream_tokens_accepted(&here.tokens, 1);
        here.now_ms += 100;
        assert_int_equal(pick(), 1);
    }
    /* then it is revoked, too: no call is sent twice for nothing, and the primary is asked */
    assert_false(upstream_tokens_refused(&here.tokens, 1, here.now_ms));
    assert_int_equal(pick(), 0);
    assert_false(upstream_tokens_refused(&here.tokens, 0, here.now_ms));
    /* an operator makes the secondary valid again: it is tried after a minute */
    here.now_ms += MINUTE_MS;
    (void)upstream_tokens_refused(&here.tokens, 0, here.now_ms);
    assert_int_equal(pick(), 1);
}

static void one_token_is_always_taken(void **state)
{
    struct secret none = {0};

    (void)state;
    upstream_tokens_configure(&here.tokens, &here.primary, &none);
    assert_int_equal(pick(), 0);
    assert_false(upstream_tokens_refused(&here.tokens, 0, here.now_ms));
    assert_int_equal(pick(), 0);
    upstream_tokens_accepted(&here.tokens, 0);
    assert_int_equal(pick(), 0);
}

static void all_are_refused_until_one_is_accepted(void **state)
{
    struct secret none = {0};
    struct secret fresh = {0};

    (void)state;
    assert_false(upstream_tokens_are_refused(&here.tokens));
    (void)upstream_tokens_refused(&here.tokens, 0, here.now_ms);
    assert_false(upstream_tokens_are_refused(&here.tokens));
    (void)upstream_tokens_refused(&here.tokens, 1, here.now_ms);
    assert_true(upstream_tokens_are_refused(&here.tokens));
    here.now_ms += 2ULL * MINUTE_MS;
    (void)pick();
    assert_true(upstream_tokens_are_refused(&here.tokens));
    upstream_tokens_accepted(&here.tokens, 1);
    assert_false(upstream_tokens_are_refused(&here.tokens));
    secret_set(&fresh, STR("tok-3"));
    upstream_tokens_configure(&here.tokens, &fresh, &none);
    assert_false(upstream_tokens_are_refused(&here.tokens));
    (void)upstream_tokens_refused(&here.tokens, 0, here.now_ms);
    assert_true(upstream_tokens_are_refused(&here.tokens));
    secret_done(&fresh);
}

static void a_new_token_begins_unrefused(void **state)
{
    struct secret same = {0};
    struct secret fresh = {0};
    unsigned before;

    (void)state;
    secret_set(&same, STR("tok-1"));
    secret_set(&fresh, STR("tok-3"));
    (void)upstream_tokens_refused(&here.tokens, 0, here.now_ms);
    before = here.tokens.generation;
    upstream_tokens_configure(&here.tokens, &same, &here.secondary);
    assert_int_equal(here.tokens.generation, before);
    assert_int_equal(pick(), 1); /* what was refused is so still */
    upstream_tokens_configure(&here.tokens, &fresh, &here.secondary);
    assert_int_not_equal(here.tokens.generation, before);
    assert_int_equal(pick(), 0);
    secret_done(&same);
    secret_done(&fresh);
}

int test_tokens(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_other_one_is_taken_for_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(a_probe_that_never_ends_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(late_refusals_do_not_condemn_the_other_token, begin, end),
        cmocka_unit_test_setup_teardown(one_token_is_always_taken, begin, end),
        cmocka_unit_test_setup_teardown(all_are_refused_until_one_is_accepted, begin, end),
        cmocka_unit_test_setup_teardown(a_new_token_begins_unrefused, begin, end),
    };

    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
