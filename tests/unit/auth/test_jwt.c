/* Tokens, right and wrong in every way that attacks are known by, and the key set behind them. */
#include "harness/cmocka.h"

#include <string.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "harness/token.h"

int test_jwt(void);

#define NOW_S  1800000000
#define NOW_MS INT64_C(1800000000000)
#define ISSUER "https://idp.example/realm"

#define RS_HEADER "{\"alg\": \"RS256\", \"kid\": \"rsa\"}"
/* exp is an hour from now */
#define CLAIMS(more)                                                                               \
    "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"ann\", \"exp\": 1800003600" more  \
    "}"

static struct {
    struct arena arena;
    struct issuer *issuer;
    struct config *config;
    struct deadlines deadlines;
    struct later later;
    struct auth *auth;
    struct auth_source source;
    struct auth_fetch *fetch; /* asked for, not yet answered */
    unsigned n_fetches;
    struct principal principal;
    struct error error;
    unsigned n_ready;
} here;

static void on_start(void *context, struct auth_fetch *fetch)
{
    (void)context;
    here.fetch = fetch;
    here.n_fetches++;
}

static void on_cancel(void *context)
{
    (void)context;
    here.fetch = NULL;
}

static void give_keys(struct str text)
{
    struct auth_fetch *fetch = here.fetch;

    assert_non_null(fetch);
    here.fetch = NULL;
    fetch->on_done(fetch, ERR_OK, text, NULL);
}

static void give_failure(void)
{
    struct auth_fetch *fetch = here.fetch;
    struct error err = {0};

    assert_non_null(fetch);
    here.fetch = NULL;
    fetch->on_done(fetch, error_set(&err, ERR_IO, "not there"), STR_EMPTY, &err);
}

static int begin(void **state)
{
    (void)state;
    clock_set(1000, NOW_MS);
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    here.source = (struct auth_source){.start = on_start, .cancel = on_cancel};
    return 0;
}

static int end(void **state)
{
    (void)state;
    issuer_free(here.issuer);
    arena_done(&here.arena);
    clock_release();
    return 0;
}

static void load_config(void)
{
    static const char *const environment[] = {NULL};
    static const char *const sets[] = {"sandbox.enabled=true"};
    const struct config_sources sources = {.sets = sets, .n_sets = 1, .environment = environment};
    struct error_list errors;

    error_list_init(&errors);
    assert_int_equal(config_load(&sources, &here.config, &errors), ERR_OK);
    error_list_done(&errors);
}

static void open_auth(unsigned modes)
{
    load_config();
    here.config->auth.modes = modes;
    here.config->auth.jwt.jwks = STR("https://idp.example/keys");
    here.config->auth.jwt.issuer = STR(ISSUER);
    here.config->auth.jwt.audience = STR("qa-proxy");
    here.config->auth.jwt.permissions_claim = STR("scope");
    here.config->auth.jwt.algorithms = 7;
    here.config->auth.jwt.skew_s = 60;
    here.config->auth.jwt.refresh_s = 300;
    here.config->auth.jwt.max_remembered = 3;
    deadlines_init(&here.deadlines);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    later_init(&here.later);
    here.n_fetches = 0;
    here.fetch = NULL;
    here.auth = auth_open(&(struct auth_options){.config = here.config,
                                                 .source = &here.source,
                                                 .deadlines = &here.deadlines,
                                                 .later = &here.later});
}

static void open_with_keys(void)
{
    open_auth(AUTH_JWT);
    give_keys(issuer_key_set(here.issuer, ""));
}

static void close_auth(void)
{
    struct config *config = here.config;

    config->tenants.n = 0; /* the test's own, without secrets */
    auth_close(here.auth);
    config_release(config);
    assert_null(here.fetch); /* cancelled */
    assert_true(later_is_empty(&here.later));
    assert_true(deadlines_is_empty(&here.deadlines));
}

static void on_ready(struct auth_ticket *ticket)
{
    (void)ticket;
    here.n_ready++;
}

/* As a request does it: asks, waits, asks again. LATER: it waits for something that is not there. */
static enum auth_verdict decide(struct str token)
{
    struct auth_shown shown = {.bearer = token, .api_key = STR_EMPTY};
    struct auth_ticket ticket = {.on_ready = on_ready};

    here.error = (struct error){0};
    for (int i = 0; i < 5; i++) {
        enum auth_verdict verdict =
            auth_check(here.auth, &shown, &ticket, &here.arena, &here.principal, &here.error);

        if (verdict != AUTH_LATER) {
            return verdict;
        }
        here.n_ready = 0;
        assert_int_equal(auth_wait(here.auth, &ticket, &here.error), ERR_OK);
        (void)later_run(&here.later);
        if (here.n_ready == 0) {
            auth_wait_cancel(&ticket);
            return AUTH_LATER;
        }
    }
    fail_msg("it waits for ever");
    return AUTH_REFUSED;
}

static void assert_refused(struct str token, const char *says)
{
    if (decide(token) != AUTH_REFUSED) {
        fail_msg("taken, though: %s", says);
    }
    assert_int_equal(here.error.code, ERR_UNAUTHORIZED);
    if (!str_contains(str_from(here.error.text), str_from(says))) {
        fail_msg("\"%s\" is not in: %s", says, here.error.text);
    }
}

static struct str sign(const char *alg, const char *header, const char *claims)
{
    return issuer_sign(here.issuer, alg, header, claims);
}

/* ---- */

static void right_tokens_are_taken(void **state)
{
    static const struct {
        const char *alg;
        const char *header;
        const char *claims;
        unsigned permissions;
    } rows[] = {
        {"RS256", RS_HEADER, CLAIMS(""), 0},
        {"RS256", RS_HEADER, CLAIMS(", \"scope\": \"openid read execute\""),
         PERMISSION_READ | PERMISSION_EXECUTE},
        {"PS256", "{\"alg\": \"PS256\", \"kid\": \"rsa\", \"typ\": \"at+jwt\"}",
         CLAIMS(", \"scope\": [\"read\", \"write:tests\"]"),
         PERMISSION_READ | PERMISSION_WRITE_TESTS},
        {"ES256", "{\"alg\": \"ES256\", \"kid\": \"ec\", \"typ\": \"JWT\"}",
         CLAIMS(", \"scope\": \"admin\", \"nbf\": 1799999999, \"iat\": 1799999999.5"),
         PERMISSION_ADMIN},
        /* the only key that fits needs no name */
        {"ES256", "{\"alg\": \"ES256\"}", CLAIMS(""), 0},
        /* clocks differ, but not by more than the skew */
        {"RS256", RS_HEADER, CLAIMS(", \"nbf\": 1800000059"), 0},
        {"RS256", RS_HEADER,
         "{\"iss\": \"" ISSUER "\", \"aud\": [\"other\", \"qa-proxy\"], \"sub\": \"ann\", "
         "\"exp\": 1799999941}",
         0},
        /* "all" is no scope that an identity provider gives by chance */
        {"RS256", RS_HEADER, CLAIMS(", \"scope\": \"all\""), 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_with_keys();
        if (decide(sign(rows[i].alg, rows[i].header, rows[i].claims)) != AUTH_ADMITTED) {
            fail_msg("row %zu: %s", i, here.error.text);
        }
        assert_int_equal(here.principal.permissions, rows[i].permissions);
        assert_true(str_is(here.principal.name, "ann"));
        assert_int_equal(here.principal.bearer.len, 0); /* it is not for the platform */
        close_auth();
    }
}

static const struct {
    const char *alg;
    const char *header;
    const char *claims;
    const char *says;
} attacks[] = {
    {"none", "{\"alg\": \"none\"}", CLAIMS(""), "three parts"},
    {"RS256", "{\"alg\": \"none\"}", CLAIMS(""), "not signed"},
    {"RS256", "{\"alg\": \"NoNe\", \"kid\": \"rsa\"}", CLAIMS(""), "not signed"},
    {"HS256", "{\"alg\": \"HS256\", \"kid\": \"rsa\"}", CLAIMS(""), "none of RS256"},
    {"HS256", RS_HEADER, CLAIMS(""), "signature is wrong"},
    {"RS256", "{\"alg\": \"EdDSA\", \"kid\": \"rsa\"}", CLAIMS(""), "EdDSA"},
    {"RS256", "{\"alg\": \"RS512\", \"kid\": \"rsa\"}", CLAIMS(""), "none of RS256"},
    {"RS256", "{\"alg\": [\"RS256\"], \"kid\": \"rsa\"}", CLAIMS(""), "none of RS256"},
    {"RS256", "{\"kid\": \"rsa\"}", CLAIMS(""), "none of RS256"},
    /* another algorithm than the one that signed */
    {"RS256", "{\"alg\": \"PS256\", \"kid\": \"rsa\"}", CLAIMS(""), "signature is wrong"},
    {"PS256", RS_HEADER, CLAIMS(""), "signature is wrong"},
    {"RS256", RS_HEADER, CLAIMS(""), NULL},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\", \"jwk\": {\"kty\": \"RSA\"}}", CLAIMS(""),
     "its own key"},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\", \"jku\": \"https://evil.example/keys\"}",
     CLAIMS(""), "its own key"},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\", \"crit\": [\"exp\"]}", CLAIMS(""), "crit"},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\", \"b64\": false, \"crit\": [\"b64\"]}",
     CLAIMS(""), "crit"},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\", \"typ\": \"logout+jwt\"}", CLAIMS(""),
     "its type"},
    {"RS256", "{\"alg\": \"RS256\", \"alg\": \"RS256\", \"kid\": \"rsa\"}", CLAIMS(""),
     "each member once"},
    {"RS256", "{\"alg\": \"RS256\", \"kid\": 1}", CLAIMS(""), "key id"},
    {"RS256", "[]", CLAIMS(""), "not a JSON object"},
    {"RS256", RS_HEADER, CLAIMS(", \"sub\": \"eve\""), "each member once"},
    {"RS256", RS_HEADER, CLAIMS(", \"a\": \"\xC3\x28\""), "each member once"},
    {"RS256", RS_HEADER, "\"claims\"", "not a JSON object"},
    {"RS256", RS_HEADER, "{\"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": 1800003600}", "issuer"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "/\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": 1800003600}",
     "issuer"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"other\", \"sub\": \"a\", \"exp\": 1800003600}",
     "not for this service"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": {\"qa-proxy\": 1}, \"sub\": \"a\", \"exp\": "
     "1800003600}",
     "not for this service"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": [\"qa-proxy\", 1], \"sub\": \"a\", \"exp\": "
     "1800003600}",
     "not for this service"},
    {"RS256", RS_HEADER, "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"exp\": 1800003600}",
     "who calls"},
    {"RS256", RS_HEADER, "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\"}",
     "when it expires"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": 1799999940}",
     "has expired"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": "
     "\"1800003600\"}",
     "not a number"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": null}",
     "not a number"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": -1}",
     "not a number"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": 1e400}",
     "not a number"},
    {"RS256", RS_HEADER,
     "{\"iss\": \"" ISSUER
     "\", \"aud\": \"qa-proxy\", \"sub\": \"a\", \"exp\": 9223372036854775808}",
     "not a number"},
    {"RS256", RS_HEADER, CLAIMS(", \"nbf\": 1800000061"), "not valid yet"},
    {"RS256", RS_HEADER, CLAIMS(", \"nbf\": 9223372036854775808"), "not a number"},
    {"RS256", RS_HEADER, CLAIMS(", \"nbf\": \"now\""), "not a number"},
    {"RS256", RS_HEADER, CLAIMS(", \"iat\": 1800000061"), "issued in the future"},
    {"RS256", RS_HEADER, CLAIMS(", \"scope\": {\"read\": true}"), "neither a text"},
    {"RS256", RS_HEADER, CLAIMS(", \"scope\": [\"read\", 1]"), "neither a text"},
    {"RS256", RS_HEADER, CLAIMS(", \"scope\": null"), "neither a text"},
};

static void attacks_are_refused(void **state)
{
    (void)state;
    open_with_keys();
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct str token = sign(attacks[i].alg, attacks[i].header, attacks[i].claims);

        if (attacks[i].says != NULL) {
            assert_refused(token, attacks[i].says);
        } else {
            assert_int_equal(decide(token), AUTH_ADMITTED); /* the others differ from this one */
        }
    }
    assert_int_equal(here.n_fetches, 1); /* nothing of this is worth asking the provider */
    close_auth();
}

/* Every byte counts: flipped, cut off or put behind. */
static void a_changed_token_is_another_token(void **state)
{
    struct str right = sign("ES256", "{\"alg\": \"ES256\", \"kid\": \"ec\"}", CLAIMS(""));
    struct buf big;

    (void)state;
    open_with_keys();
    assert_int_equal(decide(right), AUTH_ADMITTED); /* remembered from now on */
    for (size_t i = 0; i < right.len; i++) {
        struct str copy = arena_str(&here.arena, right);

        ((char *)unconst(copy.ptr))[i] = right.ptr[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(decide(copy), AUTH_ADMITTED);
    }
    assert_int_not_equal(decide(str_sub(right, 0, right.len - 1)), AUTH_ADMITTED);
    assert_int_not_equal(decide(arena_printf(&here.arena, "%.*sAA", STR_ARG(right))),
                         AUTH_ADMITTED);
    assert_int_not_equal(decide(arena_printf(&here.arena, "%.*s=", STR_ARG(right))), AUTH_ADMITTED);
    assert_refused(arena_printf(&here.arena, "%.*s.", STR_ARG(right)), "three parts");
    buf_init(&big, 1U << 21);
    buf_text(&big, "eyJhbGciOiJSUzI1NiJ9.");
    memset(buf_reserve(&big, 1U << 20), 'A', 1U << 20);
    buf_grew(&big, 1U << 20);
    buf_text(&big, ".AAAA");
    assert_refused(buf_view(&big), "longer than 16 KiB");
    buf_done(&big);
    close_auth();
}

static void words_of_the_claim_are_mapped(void **state)
{
    static const struct str words[] = {STR_INIT("qa-admins=admin"), STR_INIT("qa=read"),
                                       STR_INIT("qa=execute")};
    static const struct config_grant grants[] = {{STR_INIT("qa-admins"), PERMISSION_ADMIN},
                                                 {STR_INIT("qa"), PERMISSION_READ},
                                                 {STR_INIT("qa"), PERMISSION_EXECUTE}};

    (void)state;
    open_with_keys();
    here.config->auth.jwt.permissions = words;
    here.config->auth.jwt.grants = grants;
    here.config->auth.jwt.n_permissions = ARRAY_LEN(grants);
    here.config->auth.jwt.permissions_claim = STR("/realm_access/roles");
    assert_int_equal(
        decide(sign("RS256", RS_HEADER,
                    CLAIMS(", \"realm_access\": {\"roles\": [\"qa\", \"admin\"]}, \"scope\": "
                           "\"write:tests\""))),
        AUTH_ADMITTED);
    /* what is mapped counts alone: "admin" of the provider is not ours */
    assert_int_equal(here.principal.permissions, PERMISSION_READ | PERMISSION_EXECUTE);
    close_auth();
}

static void a_claim_names_the_tenant(void **state)
{
    static struct config_tenant tenants[] = {{.name = STR_INIT("a")}, {.name = STR_INIT("b")}};
    struct digest owner;

    (void)state;
    open_with_keys();
    here.config->tenants.items = tenants;
    here.config->tenants.n = ARRAY_LEN(tenants);
    assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(", \"org\": \"b\""))), AUTH_ADMITTED);
    assert_int_equal(here.principal.tenant, 0); /* nobody has said that the claim counts */
    owner = here.principal.owner;
    close_auth();
    open_with_keys();
    here.config->tenants.items = tenants;
    here.config->tenants.n = ARRAY_LEN(tenants);
    here.config->auth.jwt.tenant_claim = STR("org");
    for (int i = 0; i < 2; i++) { /* the second time it is remembered */
        assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(", \"org\": \"b\""))),
                         AUTH_ADMITTED);
        assert_int_equal(here.principal.tenant, 2);
        assert_false(digest_equal(&owner, &here.principal.owner));
    }
    assert_refused(sign("RS256", RS_HEADER, CLAIMS("")), "none of tenants");
    assert_refused(sign("RS256", RS_HEADER, CLAIMS(", \"org\": \"c\"")), "none of tenants");
    assert_refused(sign("RS256", RS_HEADER, CLAIMS(", \"org\": 1")), "none of tenants");
    close_auth();
}

static void a_claim_names_the_class_of_limits(void **state)
{
    static const struct config_class classes[] = {
        {STR_INIT("bulk"), {.per_second = 10, .burst = 50, .concurrency = 4}}};

    (void)state;
    open_with_keys();
    here.config->limits.class_rates = classes;
    here.config->limits.n_classes = ARRAY_LEN(classes);
    here.config->auth.jwt.class_claim = STR("plan");
    for (int i = 0; i < 2; i++) { /* the second time it is remembered */
        assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(", \"plan\": \"bulk\""))),
                         AUTH_ADMITTED);
        assert_ptr_equal(here.principal.rate, &classes[0].rate);
    }
    assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(", \"plan\": \"gold\""))),
                     AUTH_ADMITTED);
    assert_null(here.principal.rate);
    assert_refused(sign("RS256", RS_HEADER, CLAIMS(", \"plan\": 1")), "class of limits");
    close_auth();
}

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
    clock_advance(10001);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    assert_int_equal(here.n_fetches, 3);
    give_keys(only_rsa);
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

static void a_token_goes_to_nobody_else(void **state)
{
    static const struct config_key key = {.name = STR_INIT("ci"), .permissions = PERMISSION_READ};
    struct config_key keys[1] = {key};
    struct str forged = sign("HS256", RS_HEADER, CLAIMS(""));
    struct digest digest;

    (void)state;
    digest_of(STR("key-of-a-test"), &digest);
    mem_copy(keys[0].sha256, digest.bytes, DIGEST_BYTES);
    open_auth(AUTH_JWT | AUTH_KEYS | AUTH_PASSTHROUGH);
    give_keys(issuer_key_set(here.issuer, ""));
    assert_refused(forged, "signature is wrong"); /* and is not sent to the platform */
    assert_refused(STR("eyJhbGciOiJkaXIifQ.AA.AA.AA.AA"), "three parts");
    assert_int_equal(decide(STR("0123-4567")), AUTH_ADMITTED);
    assert_true(str_is(here.principal.bearer, "0123-4567"));
    close_auth();
    open_auth(AUTH_JWT | AUTH_KEYS);
    here.config->auth.keys = keys;
    here.config->auth.n_keys = 1;
    auth_configure(here.auth, here.config);
    give_keys(issuer_key_set(here.issuer, ""));
    assert_int_equal(decide(STR("key-of-a-test")), AUTH_ADMITTED);
    assert_true(str_is(here.principal.name, "ci"));
    assert_int_equal(decide(sign("RS256", RS_HEADER, CLAIMS(""))), AUTH_ADMITTED);
    assert_refused(STR("0123-4567"), "not known");
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

int test_jwt(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_tokens_are_taken),
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(a_changed_token_is_another_token),
        cmocka_unit_test(words_of_the_claim_are_mapped),
        cmocka_unit_test(a_claim_names_the_tenant),
        cmocka_unit_test(a_claim_names_the_class_of_limits),
        cmocka_unit_test(the_same_key_set_keeps_what_was_checked),
        cmocka_unit_test(a_token_is_remembered_until_it_ends),
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(forged_key_ids_cost_the_provider_one_question_a_minute),
        cmocka_unit_test(one_signature_is_checked_in_each_turn),
        cmocka_unit_test(a_token_goes_to_nobody_else),
        cmocka_unit_test(odd_keys_do_not_spoil_the_set),
    };

    return cmocka_run_group_tests_name("jwt", tests, begin, end);
}
