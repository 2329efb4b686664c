#include "crypto/signature.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

#include "base/mem.h"

enum {
    RSA_MIN_BYTES = 256,
    RSA_MAX_BYTES = 512,
    EXPONENT_MAX_BYTES = 4,
    POINT_BYTES = 32,
    SALT_BYTES = 32
};

/* mbedTLS 2.28 also wants a random generator, and to be told that the key is the public half. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define RSA_PUBLIC NULL, NULL, MBEDTLS_RSA_PUBLIC,
#else
#define RSA_PUBLIC
#endif

struct public_key {
    bool is_rsa;
    mbedtls_rsa_context rsa;
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
};

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)s.ptr;
}

static void init_rsa(mbedtls_rsa_context *rsa)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_rsa_init(rsa, MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE);
#else
    mbedtls_rsa_init(rsa);
#endif
}

static struct public_key *new_key(bool is_rsa)
{
    struct public_key *key = mem_zalloc(sizeof(*key));

    key->is_rsa = is_rsa;
    init_rsa(&key->rsa);
    mbedtls_ecp_group_init(&key->group);
    mbedtls_ecp_point_init(&key->point);
    return key;
}

void public_key_free(struct public_key *key)
{
    if (key != NULL) {
        mbedtls_rsa_free(&key->rsa);
        mbedtls_ecp_group_free(&key->group);
        mbedtls_ecp_point_free(&key->point);
        mem_free(key);
    }
}

static struct str without_zeros(struct str number)
{
    while (number.len > 0 && number.ptr[0] == '\0') {
        number = str_sub(number, 1, number.len);
    }
    return number;
}

enum error_code public_key_rsa(struct str modulus, struct str exponent, struct public_key **out,
                               struct error *err)
{
    struct public_key *key;

    modulus = without_zeros(modulus);
    exponent = without_zeros(exponent);
    if (modulus.len < RSA_MIN_BYTES || modulus.len > RSA_MAX_BYTES ||
        (modulus.len == RSA_MIN_BYTES && (bytes_of(modulus)[0] & 0x80U) == 0)) {
        return error_set(err, ERR_INVALID, "an RSA key must have 2048 to 4096 bits");
    }
    if (exponent.len == 0 || exponent.len > EXPONENT_MAX_BYTES) {
        return error_set(err, ERR_INVALID, "the exponent of an RSA key must be 3 to 2^32-1");
    }
    key = new_key(true);
    if (mbedtls_rsa_import_raw(&key->rsa, bytes_of(modulus), modulus.len, NULL, 0, NULL, 0, NULL, 0,
                               bytes_of(exponent), exponent.len) != 0 ||
        mbedtls_rsa_complete(&key->rsa) != 0 || mbedtls_rsa_check_pubkey(&key->rsa) != 0) {
        public_key_free(key);
        return error_set(err, ERR_INVALID, "these numbers are no RSA key");
    }
    *out = key;
    return ERR_OK;
}

enum error_code public_key_p256(struct str x, struct str y, struct public_key **out,
                                struct error *err)
{
    unsigned char encoded[1 + 2 * POINT_BYTES] = {0x04}; /* uncompressed, SEC 1 section 2.3.3 */
    struct public_key *key;

    if (x.len != POINT_BYTES || y.len != POINT_BYTES) {
        return error_set(err, ERR_INVALID, "x and y of a P-256 key must have 32 bytes each");
    }
    mem_copy(encoded + 1, x.ptr, POINT_BYTES);
    mem_copy(encoded + 1 + POINT_BYTES, y.ptr, POINT_BYTES);
    key = new_key(false);
    if (mbedtls_ecp_group_load(&key->group, MBEDTLS_ECP_DP_SECP256R1) != 0 ||
        mbedtls_ecp_point_read_binary(&key->group, &key->point, encoded, sizeof(encoded)) != 0 ||
        mbedtls_ecp_check_pubkey(&key->group, &key->point) != 0) {
        public_key_free(key);
        return error_set(err, ERR_INVALID, "x and y are no point of P-256");
    }
    *out = key;
    return ERR_OK;
}

bool public_key_fits(const struct public_key *key, enum signature_kind kind)
{
    return key->is_rsa == (kind != SIGNATURE_ES256);
}

/* Calls the RSA functions of mbedTLS, not the layer above them (pk), because that takes a PSS salt of any length. */
static bool verify_rsa(struct public_key *key, enum signature_kind kind,
                       const struct digest *digest, struct str signature)
{
    if (signature.len != mbedtls_rsa_get_len(&key->rsa)) {
        return false;
    }
    if (kind == SIGNATURE_RS256) {
        return mbedtls_rsa_rsassa_pkcs1_v15_verify(&key->rsa, RSA_PUBLIC MBEDTLS_MD_SHA256,
                                                   DIGEST_BYTES, digest->bytes,
                                                   bytes_of(signature)) == 0;
    }
    return mbedtls_rsa_rsassa_pss_verify_ext(&key->rsa, RSA_PUBLIC MBEDTLS_MD_SHA256, DIGEST_BYTES,
                                             digest->bytes, MBEDTLS_MD_SHA256, SALT_BYTES,
                                             bytes_of(signature)) == 0;
}

static bool verify_p256(struct public_key *key, const struct digest *digest, struct str signature)
{
    mbedtls_mpi r;
    mbedtls_mpi s;
    bool ok;

    if (signature.len != (size_t)POINT_BYTES * 2) {
        return false;
    }
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    ok = mbedtls_mpi_read_binary(&r, bytes_of(signature), POINT_BYTES) == 0 &&
         mbedtls_mpi_read_binary(&s, bytes_of(signature) + POINT_BYTES, POINT_BYTES) == 0 &&
         mbedtls_ecdsa_verify(&key->group, digest->bytes, DIGEST_BYTES, &key->point, &r, &s) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return ok;
}

bool public_key_verify(struct public_key *key, enum signature_kind kind,
                       const struct digest *digest, struct str signature)
{
    if (!public_key_fits(key, kind)) {
        return false;
    }
    return key->is_rsa ? verify_rsa(key, kind, digest, signature)
                       : verify_p256(key, digest, signature);
}
