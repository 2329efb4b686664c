/* Tokens, right and wrong in every way that attacks are known by. */
#include "jwt.h"

int test_jwt(void);

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

int test_jwt(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_tokens_are_taken),
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(a_changed_token_is_another_token),
        cmocka_unit_test(words_of_the_claim_are_mapped),
        cmocka_unit_test(a_claim_names_the_tenant),
        cmocka_unit_test(a_claim_names_the_class_of_limits),
        cmocka_unit_test(a_token_goes_to_nobody_else),
    };

    return cmocka_run_group_tests_name("jwt", tests, begin, end);
}
