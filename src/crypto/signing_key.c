#include "crypto/signing_key.h"

#include <mbedtls/pk.h>
#include <mbedtls/version.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/digest.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

enum { KEY_BITS_MIN = 2048, KEY_BITS_MAX = SIGNATURE_BYTES_MAX * 8, PEM_MAX = 16 * 1024 };

struct signing_key {
    mbedtls_pk_context pk;
};

static int draw(void *unused, unsigned char *out, size_t n)
{
    (void)unused;
    random_bytes(out, n);
    return 0;
}

/* `size` counts the NUL at the end of the text, as mbedTLS wants it. */
static int parse(mbedtls_pk_context *pk, const char *pem, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)pem;

#if MBEDTLS_VERSION_NUMBER < 0x03000000
    return mbedtls_pk_parse_key(pk, bytes, size, NULL, 0);
#else
    CHECK(psa_crypto_init() == PSA_SUCCESS);
    return mbedtls_pk_parse_key(pk, bytes, size, NULL, 0, draw, NULL);
#endif
}

enum error_code signing_key_read(struct str pem, struct signing_key **out, struct error *err)
{
    struct signing_key *key;
    char *text;
    int status;

    if (pem.len > PEM_MAX) {
        return error_set(err, ERR_INVALID, "a private key has at most %d bytes", PEM_MAX);
    }
    key = mem_zalloc(sizeof(*key));
    mbedtls_pk_init(&key->pk);
    text = str_dup(pem);
    status = parse(&key->pk, text, pem.len + 1);
    mem_wipe(text, pem.len);
    mem_free(text);
    if (status != 0 || mbedtls_pk_get_type(&key->pk) != MBEDTLS_PK_RSA ||
        mbedtls_pk_get_bitlen(&key->pk) < KEY_BITS_MIN ||
        mbedtls_pk_get_bitlen(&key->pk) > KEY_BITS_MAX) {
        signing_key_free(key);
        return error_set(err, ERR_INVALID,
                         "this is no private RSA key of 2048 to 4096 bits in PEM form");
    }
    *out = key;
    return ERR_OK;
}

enum error_code signing_key_rs256(struct signing_key *key, struct str text, struct buf *out,
                                  struct error *err)
{
    unsigned char *room = (unsigned char *)buf_reserve(out, SIGNATURE_BYTES_MAX);
    struct digest digest;
    size_t n = 0;
    int status;

    CHECK(room != NULL);
    digest_of(text, &digest);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    status = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest.bytes, DIGEST_BYTES, room, &n,
                             draw, NULL);
#else
    status = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest.bytes, DIGEST_BYTES, room,
                             SIGNATURE_BYTES_MAX, &n, draw, NULL);
#endif
    if (status != 0) {
        return error_set(err, ERR_INVALID, "the private key cannot sign; it may be damaged");
    }
    buf_grew(out, n);
    return ERR_OK;
}

void signing_key_free(struct signing_key *key)
{
    if (key != NULL) {
        mbedtls_pk_free(&key->pk);
        mem_free(key);
    }
}
