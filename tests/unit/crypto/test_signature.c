/* Signatures at the edges of what is one. Whole tokens are tested in room auth. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/signature.h"
#include "crypto/signing_key.h"
#include "data/json.h"
#include "harness/token.h"

int test_signature(void);

/* The order of P-256 (FIPS 186-4 appendix D.1.2.3): no r or s is that large. */
static const char order[] = "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
                            "\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";

static struct {
    struct arena arena;
    struct issuer *issuer;
    struct public_key *rsa;
    struct public_key *ec;
} here;

static struct str member(const char *type, const char *name)
{
    struct json *jwk = NULL;
    struct str bytes;

    assert_int_equal(json_parse(&here.arena, issuer_jwk(here.issuer, type, "k"), NULL, &jwk, NULL),
                     ERR_OK);
    assert_true(base64url_decode(&here.arena, json_str(json_get(jwk, name)), &bytes));
    return bytes;
}

static int begin(void **state)
{
    struct error err = {0};

    (void)state;
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    assert_int_equal(public_key_rsa(member("RSA", "n"), member("RSA", "e"), &here.rsa, &err),
                     ERR_OK);
    assert_int_equal(public_key_p256(member("EC", "x"), member("EC", "y"), &here.ec, &err), ERR_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    public_key_free(here.rsa);
    public_key_free(here.ec);
    issuer_free(here.issuer);
    arena_done(&here.arena);
    return 0;
}

/* The digest of "{}.{}" as a token has it, and its signature. */
static struct str sign(const char *alg, struct digest *digest)
{
    struct str token = issuer_sign(here.issuer, alg, "{}", "{}");
    struct str signature;

    digest_of(str_sub(token, 0, 7), digest); /* e30.e30 */
    assert_true(base64url_decode(&here.arena, str_sub(token, 8, token.len), &signature));
    return signature;
}

static void each_kind_is_checked_with_its_own_key(void **state)
{
    static const char *const names[] = {"RS256", "PS256", "ES256"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct digest digest;
        struct str signature = sign(names[i], &digest);

        for (unsigned kind = 0; kind < ARRAY_LEN(names); kind++) {
            assert_int_equal(
                public_key_verify(here.rsa, (enum signature_kind)kind, &digest, signature),
                kind == i && kind != SIGNATURE_ES256);
            assert_int_equal(
                public_key_verify(here.ec, (enum signature_kind)kind, &digest, signature),
                kind == i && kind == SIGNATURE_ES256);
        }
        digest.bytes[31] ^= 1;
        assert_false(public_key_verify(i < 2 ? here.rsa : here.ec, (enum signature_kind)i, &digest,
                                       signature));
    }
}

static void signatures_of_another_length_are_none(void **state)
{
    struct digest digest;
    struct str rs = sign("RS256", &digest);
    struct str es = sign("ES256", &digest);

    (void)state;
    assert_false(public_key_verify(here.rsa, SIGNATURE_RS256, &digest, str_sub(rs, 0, rs.len - 1)));
    assert_false(public_key_verify(here.rsa, SIGNATURE_RS256, &digest, STR_EMPTY));
    assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest, str_sub(es, 0, 63)));
    assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest,
                                   arena_printf(&here.arena, "%.*s0", STR_ARG(es))));
    assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest, STR_EMPTY));
}

static void numbers_out_of_range_are_no_signature(void **state)
{
    struct digest digest;
    struct str right = sign("ES256", &digest);
    char bytes[64];

    (void)state;
    for (size_t half = 0; half < 2; half++) {
        mem_copy(bytes, right.ptr, sizeof(bytes));
        memset(bytes + 32 * half, 0, 32);
        assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest, (struct str){bytes, 64}));
        mem_copy(bytes + 32 * half, order, 32);
        assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest, (struct str){bytes, 64}));
    }
    memset(bytes, 0, sizeof(bytes));
    assert_false(public_key_verify(here.ec, SIGNATURE_ES256, &digest, (struct str){bytes, 64}));
}

static void many_right_signatures_are_right(void **state)
{
    enum { N = 300 }; /* among them some with a leading zero byte in r or s */

    (void)state;
    for (int i = 0; i < N; i++) {
        struct digest digest;
        struct str signature = sign("ES256", &digest);

        assert_int_equal(signature.len, 64);
        assert_true(public_key_verify(here.ec, SIGNATURE_ES256, &digest, signature));
    }
}

static void weak_and_broken_keys_are_refused(void **state)
{
    struct str n = member("RSA", "n");
    struct public_key *key = NULL;
    struct error err = {0};
    char even[256];
    char x[32] = {0};

    (void)state;
    assert_int_equal(public_key_rsa(str_sub(n, 0, 255), STR("\x01\x00\x01"), &key, &err),
                     ERR_INVALID);
    assert_int_equal(public_key_rsa(n, STR_EMPTY, &key, &err), ERR_INVALID);
    assert_int_equal(public_key_rsa(n, STR("\x01"), &key, &err), ERR_INVALID);
    assert_int_equal(public_key_rsa(n, STR("\x01\x00\x00\x00\x01"), &key, &err), ERR_INVALID);
    mem_copy(even, n.ptr, sizeof(even));
    even[255] = (char)(even[255] & ~1);
    assert_int_equal(
        public_key_rsa((struct str){even, sizeof(even)}, STR("\x01\x00\x01"), &key, &err),
        ERR_INVALID);
    assert_int_equal(
        public_key_p256((struct str){x, sizeof(x)}, (struct str){x, sizeof(x)}, &key, &err),
        ERR_INVALID);
    assert_int_equal(public_key_p256(member("EC", "x"), member("EC", "x"), &key, &err),
                     ERR_INVALID);
    assert_int_equal(
        public_key_p256(str_sub(member("EC", "x"), 0, 31), member("EC", "y"), &key, &err),
        ERR_INVALID);
    assert_null(key);
}

static void what_we_sign_is_right(void **state)
{
    struct str pem = issuer_private_pem(here.issuer);
    struct signing_key *key = NULL;
    struct error err = {0};
    struct digest digest;
    struct buf out;

    (void)state;
    assert_int_equal(signing_key_read(pem, &key, &err), ERR_OK);
    buf_init(&out, 4096);
    assert_int_equal(signing_key_rs256(key, STR("header.claims"), &out, &err), ERR_OK);
    digest_of(STR("header.claims"), &digest);
    assert_true(public_key_verify(here.rsa, SIGNATURE_RS256, &digest, buf_view(&out)));
    signing_key_free(key);
    buf_done(&out);
    key = NULL;
    assert_int_equal(signing_key_read(str_sub(pem, 0, pem.len / 2), &key, &err), ERR_INVALID);
    assert_int_equal(signing_key_read(STR_EMPTY, &key, &err), ERR_INVALID);
    assert_null(key);
    assert_false(str_contains(str_from(err.text), str_sub(pem, 40, 20)));
}

int test_signature(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_checked_with_its_own_key),
        cmocka_unit_test(signatures_of_another_length_are_none),
        cmocka_unit_test(numbers_out_of_range_are_no_signature),
        cmocka_unit_test(many_right_signatures_are_right),
        cmocka_unit_test(weak_and_broken_keys_are_refused),
        cmocka_unit_test(what_we_sign_is_right),
    };

    return cmocka_run_group_tests_name("signature", tests, begin, end);
}
