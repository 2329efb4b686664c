#include "harness/token.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "harness/cmocka.h"

enum { RSA_BYTES = 256, POINT_BYTES = 32, TEXT_MAX = 1 << 21, EXPONENT = 65537, RSA_BITS = 2048 };

struct issuer {
    struct arena *arena;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_rsa_context rsa;
    mbedtls_ecp_group group;
    mbedtls_mpi secret;
    mbedtls_ecp_point point;
    unsigned char modulus[RSA_BYTES];
};

#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define RSA_PRIVATE MBEDTLS_RSA_PRIVATE,
#else
#define RSA_PRIVATE
#endif

static void open_rsa(struct issuer *issuer)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_rsa_init(&issuer->rsa, MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE);
#else
    mbedtls_rsa_init(&issuer->rsa);
#endif
    assert_int_equal(mbedtls_rsa_gen_key(&issuer->rsa, mbedtls_ctr_drbg_random, &issuer->random,
                                         RSA_BITS, EXPONENT),
                     0);
    assert_int_equal(mbedtls_rsa_export_raw(&issuer->rsa, issuer->modulus, RSA_BYTES, NULL, 0, NULL,
                                            0, NULL, 0, NULL, 0),
                     0);
}

struct issuer *issuer_new(struct arena *arena)
{
    struct issuer *issuer = mem_zalloc(sizeof(*issuer));

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
#endif
    issuer->arena = arena;
    mbedtls_entropy_init(&issuer->entropy);
    mbedtls_ctr_drbg_init(&issuer->random);
    assert_int_equal(
        mbedtls_ctr_drbg_seed(&issuer->random, mbedtls_entropy_func, &issuer->entropy, NULL, 0), 0);
    open_rsa(issuer);
    mbedtls_ecp_group_init(&issuer->group);
    mbedtls_mpi_init(&issuer->secret);
    mbedtls_ecp_point_init(&issuer->point);
    assert_int_equal(mbedtls_ecp_group_load(&issuer->group, MBEDTLS_ECP_DP_SECP256R1), 0);
    assert_int_equal(mbedtls_ecp_gen_keypair(&issuer->group, &issuer->secret, &issuer->point,
                                             mbedtls_ctr_drbg_random, &issuer->random),
                     0);
    return issuer;
}

void issuer_free(struct issuer *issuer)
{
    mbedtls_rsa_free(&issuer->rsa);
    mbedtls_ecp_group_free(&issuer->group);
    mbedtls_mpi_free(&issuer->secret);
    mbedtls_ecp_point_free(&issuer->point);
    mbedtls_ctr_drbg_free(&issuer->random);
    mbedtls_entropy_free(&issuer->entropy);
    mem_free(issuer);
}

static struct str encode(struct issuer *issuer, const void *bytes, size_t len)
{
    struct str copy;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    base64url_encode(&out, (struct str){bytes, len});
    copy = arena_str(issuer->arena, buf_view(&out));
    buf_done(&out);
    return copy;
}

struct str issuer_jwk(struct issuer *issuer, const char *type, const char *kid)
{
    unsigned char point[1 + 2 * POINT_BYTES];
    size_t n;

    if (str_is(STR("RSA"), type)) {
        return arena_printf(issuer->arena,
                            "{\"kty\": \"RSA\", \"kid\": \"%s\", \"e\": \"AQAB\", \"n\": \"%.*s\"}",
                            kid, STR_ARG(encode(issuer, issuer->modulus, RSA_BYTES)));
    }
    assert_int_equal(mbedtls_ecp_point_write_binary(&issuer->group, &issuer->point,
                                                    MBEDTLS_ECP_PF_UNCOMPRESSED, &n, point,
                                                    sizeof(point)),
                     0);
    return arena_printf(issuer->arena,
                        "{\"kty\": \"EC\", \"crv\": \"P-256\", \"use\": \"sig\", \"kid\": \"%s\", "
                        "\"x\": \"%.*s\", \"y\": \"%.*s\"}",
                        kid, STR_ARG(encode(issuer, point + 1, POINT_BYTES)),
                        STR_ARG(encode(issuer, point + 1 + POINT_BYTES, POINT_BYTES)));
}

struct str issuer_key_set(struct issuer *issuer, const char *more)
{
    return arena_printf(issuer->arena, "{\"keys\": [%s%.*s, %.*s]}", more,
                        STR_ARG(issuer_jwk(issuer, "RSA", "rsa")),
                        STR_ARG(issuer_jwk(issuer, "EC", "ec")));
}

/* ---- signatures ---- */

static size_t sign_rsa(struct issuer *issuer, bool is_pss, const struct digest *digest,
                       unsigned char out[RSA_BYTES])
{
    int status;

    (void)mbedtls_rsa_set_padding(
        &issuer->rsa, is_pss ? MBEDTLS_RSA_PKCS_V21 : MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_SHA256);
    status = is_pss
                 ? mbedtls_rsa_rsassa_pss_sign(&issuer->rsa, mbedtls_ctr_drbg_random,
                                               &issuer->random, RSA_PRIVATE MBEDTLS_MD_SHA256,
                                               DIGEST_BYTES, digest->bytes, out)
                 : mbedtls_rsa_rsassa_pkcs1_v15_sign(&issuer->rsa, mbedtls_ctr_drbg_random,
                                                     &issuer->random, RSA_PRIVATE MBEDTLS_MD_SHA256,
                                                     DIGEST_BYTES, digest->bytes, out);
    assert_int_equal(status, 0);
    return RSA_BYTES;
}

static size_t sign_p256(struct issuer *issuer, const struct digest *digest, unsigned char *out)
{
    mbedtls_mpi r;
    mbedtls_mpi s;

    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    assert_int_equal(mbedtls_ecdsa_sign(&issuer->group, &r, &s, &issuer->secret, digest->bytes,
                                        DIGEST_BYTES, mbedtls_ctr_drbg_random, &issuer->random),
                     0);
    assert_int_equal(mbedtls_mpi_write_binary(&r, out, POINT_BYTES), 0);
    assert_int_equal(mbedtls_mpi_write_binary(&s, out + POINT_BYTES, POINT_BYTES), 0);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return (size_t)2 * POINT_BYTES;
}

static size_t sign(struct issuer *issuer, struct str alg, struct str text,
                   unsigned char out[RSA_BYTES])
{
    struct digest digest;

    digest_of(text, &digest);
    if (str_is(alg, "none")) {
        return 0;
    }
    if (str_is(alg, "HS256")) {
        assert_int_equal(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                                         issuer->modulus, RSA_BYTES,
                                         (const unsigned char *)text.ptr, text.len, out),
                         0);
        return DIGEST_BYTES;
    }
    return str_is(alg, "ES256") ? sign_p256(issuer, &digest, out)
                                : sign_rsa(issuer, str_is(alg, "PS256"), &digest, out);
}

struct str issuer_sign(struct issuer *issuer, const char *alg, const char *header,
                       const char *claims)
{
    struct str head = str_from(header);
    struct str body = str_from(claims);
    unsigned char signature[RSA_BYTES];
    struct str text =
        arena_printf(issuer->arena, "%.*s.%.*s", STR_ARG(encode(issuer, head.ptr, head.len)),
                     STR_ARG(encode(issuer, body.ptr, body.len)));
    size_t n = sign(issuer, str_from(alg), text, signature);

    return arena_printf(issuer->arena, "%.*s.%.*s", STR_ARG(text),
                        STR_ARG(encode(issuer, signature, n)));
}

struct str issuer_private_pem(struct issuer *issuer)
{
    unsigned char pem[4096];
    mbedtls_pk_context pk;

    mbedtls_pk_init(&pk);
    assert_int_equal(mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)), 0);
    assert_int_equal(mbedtls_rsa_copy(mbedtls_pk_rsa(pk), &issuer->rsa), 0);
    assert_int_equal(mbedtls_pk_write_key_pem(&pk, pem, sizeof(pem)), 0);
    mbedtls_pk_free(&pk);
    return arena_str(issuer->arena, str_from((const char *)pem));
}
