/* The key set behind tokens: keys that come and go, what is remembered of them, and what a set may not hold. */
#include "jwt.h"
#include "observe/trouble.h"

int test_key_set(void);

static void the_same_key_set_keeps_what_was_checked(void **state)
{
    struct auth_shown shown = {.bearer = sign("RS256", RS_HEADER, CLAIMS("")),
                               .api_key = STR_EMPTY};
    struct auth_ticket ticket = {.on_ready = on_ready};

    (void)state;
    open_with_keys();
    assert_int_equal(decide(shown.bearer), AUTH_ADMITTED);
    clock_advance(300001);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    give_keys(issuer_key_set(here.issuer, ""));
    assert_int_equal(
        auth_check(here.auth, &shown, &ticket, &here.arena, &here.principal, &here.error),
        AUTH_ADMITTED); /* at once */
    close_auth();
}

static void a_token_is_remembered_until_it_ends(void **state)
{
    struct str token = sign("RS256", RS_HEADER, CLAIMS(""));
    struct auth_shown shown = {.bearer = token, .api_key = STR_EMPTY};
    struct auth_ticket ticket = {.on_ready = on_ready};
    struct principal first;

    (void)state;
    open_with_keys();
    assert_int_equal(decide(token), AUTH_ADMITTED);
    first = here.principal;
    /* without waiting for a turn: no signature is checked */
    assert_int_equal(
        auth_check(here.auth, &shown, &ticket, &here.arena, &here.principal, &here.error),
        AUTH_ADMITTED);
    assert_true(digest_equal(&first.owner, &here.principal.owner));
    for (int i = 0; i < 5; i++) { /* more than max_remembered */
        struct str other =
            sign("RS256", RS_HEADER, arena_printf(&here.arena, CLAIMS(", \"n\": %d"), i).ptr);

        assert_int_equal(decide(other), AUTH_ADMITTED);
        assert_true(digest_equal(&first.owner, &here.principal.owner)); /* the same caller */
    }
    assert_int_equal(
        auth_check(here.auth, &shown, &ticket, &here.arena, &here.principal, &here.error),
        AUTH_LATER); /* forgotten */
    assert_int_equal(decide(token), AUTH_ADMITTED);
    clock_jump_wall(INT64_C(3600000) + 60000);
    assert_refused(token, "has expired");
    clock_jump_wall(-INT64_C(3600000) - 60000);
    close_auth();
}

static void keys_come_and_go(void **state)
{
    struct str rsa = sign("RS256", RS_HEADER, CLAIMS(""));
    struct str ec = sign("ES256", "{\"alg\": \"ES256\", \"kid\": \"ec\"}", CLAIMS(""));
    struct str only_rsa = arena_printf(&here.arena, "{\"keys\": [%.*s]}",
                                       STR_ARG(issuer_jwk(here.issuer, "RSA", "rsa")));

    (void)state;
    open_auth(AUTH_JWT);
    assert_int_equal(decide(rsa), AUTH_LATER); /* the first set is on its way */
    give_failure();
    assert_int_equal(decide(rsa), AUTH_LATER); /* its budget: it is asked for at once */
    assert_int_equal(here.n_fetches, 2);
    give_failure();
    assert_int_equal(decide(rsa), AUTH_REFUSED);
    assert_int_equal(here.error.code, ERR_KEY_SET_MISSING);
    assert_true(here.error.retry_after_s > 0);
    assert_true(trouble_now(TROUBLE_KEY_SET)->since_wall_ms > 0);
    clock_advance(10001);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    assert_int_equal(here.n_fetches, 3);
    give_keys(only_rsa);
    assert_int_equal(trouble_now(TROUBLE_KEY_SET)->since_wall_ms, 0);
    assert_int_equal(decide(rsa), AUTH_ADMITTED);
    assert_refused(ec, "not in the key set"); /* a minute has not gone by */
    clock_advance(60000);
    assert_int_equal(decide(ec), AUTH_LATER);
    give_keys(issuer_key_set(here.issuer, ""));
    assert_int_equal(decide(ec), AUTH_ADMITTED);
    assert_int_equal(here.n_fetches, 4);
    /* old keys stay while it fails; a set without any usable key is a failure too */
    clock_advance(300001);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    give_keys(STR("{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2VjcmV0\"}]}"));
    assert_int_equal(decide(ec), AUTH_ADMITTED);
    /* a key that was taken out takes its tokens with it */
    clock_advance(5001);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    assert_int_equal(here.n_fetches, 6);
    give_keys(only_rsa);
    assert_int_not_equal(decide(ec), AUTH_ADMITTED);
    assert_int_equal(decide(rsa), AUTH_ADMITTED);
    close_auth();
}

static void forged_key_ids_cost_the_provider_one_question_a_minute(void **state)
{
    (void)state;
    open_with_keys();
    for (int i = 0; i < 100; i++) {
        struct str header = arena_printf(&here.arena, "{\"alg\": \"RS256\", \"kid\": \"k%d\"}", i);

        if (decide(sign("RS256", header.ptr, CLAIMS(""))) == AUTH_LATER) {
            give_keys(issuer_key_set(here.issuer, ""));
        }
        /* with a wrong issuer it costs nothing at all */
        assert_refused(sign("RS256", header.ptr, "{\"iss\": \"x\"}"), "issuer");
    }
    assert_int_equal(here.n_fetches, 2);
    assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(""))), AUTH_ADMITTED);
    close_auth();
}

static void one_signature_is_checked_in_each_turn(void **state)
{
    enum { N = 5 };

    struct auth_ticket tickets[N] = {0};
    struct auth_ticket left = {.on_ready = on_ready};
    struct str token = sign("RS256", RS_HEADER, CLAIMS(""));
    struct auth_shown shown = {.bearer = token, .api_key = STR_EMPTY};

    (void)state;
    open_with_keys();
    here.n_ready = 0;
    for (int i = 0; i < N; i++) {
        tickets[i].on_ready = on_ready;
        assert_int_equal(
            auth_check(here.auth, &shown, &tickets[i], &here.arena, &here.principal, &here.error),
            AUTH_LATER);
        assert_int_equal(auth_wait(here.auth, &tickets[i], &here.error), ERR_OK);
    }
    assert_int_equal(
        auth_check(here.auth, &shown, &left, &here.arena, &here.principal, &here.error),
        AUTH_LATER);
    assert_int_equal(auth_wait(here.auth, &left, &here.error), ERR_OK);
    auth_wait_cancel(&left); /* its client has left */
    for (unsigned i = 1; i <= N; i++) {
        (void)later_run(&here.later);
        assert_int_equal(here.n_ready, i);
    }
    (void)later_run(&here.later);
    assert_int_equal(here.n_ready, N);
    close_auth();
}

static void odd_keys_do_not_spoil_the_set(void **state)
{
    static const char odd[] =
        "{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"AAAA\"}, 7, {}, "
        "{\"kty\": \"RSA\", \"n\": \"AQAB\", \"e\": \"AQAB\"}, "
        "{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AAAA\", \"y\": \"AAAA\"}, "
        "{\"kty\": \"EC\", \"crv\": \"P-256\", "
        "\"x\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\", "
        "\"y\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}, "
        "{\"kty\": \"oct\", \"kid\": \"rsa\", \"alg\": \"HS256\", \"k\": \"AAAA\"}, ";
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"keys\": {}}",
                                      "{\"keys\": []}",
                                      "{\"keys\": [7]}",
                                      "{\"keys\": [], \"keys\": []}",
                                      "{\"keys\": [{\"kty\": \"RSA\", \"n\": \"AQ\", \"e\": 3}]}"};
    struct error err = {0};

    (void)state;
    open_auth(AUTH_JWT);
    give_keys(issuer_key_set(here.issuer, odd));
    assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(""))), AUTH_ADMITTED);
    assert_refused(sign("HS256", "{\"alg\": \"HS256\", \"kid\": \"rsa\"}", CLAIMS("")), "none of");
    close_auth();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_not_equal(auth_judge_key_set(str_from(bad[i]), &err), ERR_OK);
        assert_true(err.text[0] != '\0');
    }
    /* a key that is for encryption is not for signatures */
    assert_int_not_equal(
        auth_judge_key_set(
            arena_printf(&here.arena, "{\"keys\": [{\"use\": \"enc\", %.*s]}",
                         STR_ARG(str_sub(issuer_jwk(here.issuer, "RSA", "rsa"), 1, 4096))),
            &err),
        ERR_OK);
}

int test_key_set(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_set_keeps_what_was_checked),
        cmocka_unit_test(a_token_is_remembered_until_it_ends),
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(forged_key_ids_cost_the_provider_one_question_a_minute),
        cmocka_unit_test(one_signature_is_checked_in_each_turn),
        cmocka_unit_test(odd_keys_do_not_spoil_the_set),
    };

    return cmocka_run_group_tests_name("key set", tests, begin, end);
}
