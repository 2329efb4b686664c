#include "crypto/seal.h"

#include <mbedtls/gcm.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"

enum { NONCE_BYTES = 12, TAG_BYTES = 16, KEY_BITS = 256 };

static void begin(mbedtls_gcm_context *gcm, const struct digest *key)
{
    mbedtls_gcm_init(gcm);
    CHECK(mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key->bytes, KEY_BITS) == 0);
}

void seal_write(const struct digest *key, struct str belongs_to, struct str text, struct buf *out)
{
    size_t n = NONCE_BYTES + text.len + TAG_BYTES;
    unsigned char *bytes = mem_zalloc(n);
    mbedtls_gcm_context gcm;

    random_bytes(bytes, NONCE_BYTES);
    begin(&gcm, key);
    CHECK(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, text.len, bytes, NONCE_BYTES,
                                    (const unsigned char *)belongs_to.ptr, belongs_to.len,
                                    (const unsigned char *)text.ptr, bytes + NONCE_BYTES, TAG_BYTES,
                                    bytes + NONCE_BYTES + text.len) == 0);
    mbedtls_gcm_free(&gcm);
    base64_encode(out, (struct str){(const char *)bytes, n});
    mem_free(bytes);
}

bool seal_read(struct arena *arena, const struct digest *key, struct str belongs_to,
               struct str sealed, struct str *out)
{
    mbedtls_gcm_context gcm;
    struct str bytes;
    const unsigned char *at;
    unsigned char *text;
    size_t n;
    int result;

    if (!base64_decode(arena, sealed, &bytes) || bytes.len < NONCE_BYTES + TAG_BYTES) {
        return false;
    }
    at = (const unsigned char *)bytes.ptr;
    n = bytes.len - NONCE_BYTES - TAG_BYTES;
    text = arena_zalloc(arena, n + 1);
    begin(&gcm, key);
    result = mbedtls_gcm_auth_decrypt(&gcm, n, at, NONCE_BYTES,
                                      (const unsigned char *)belongs_to.ptr, belongs_to.len,
                                      at + NONCE_BYTES + n, TAG_BYTES, at + NONCE_BYTES, text);
    mbedtls_gcm_free(&gcm);
    *out = (struct str){(const char *)text, n};
    return result == 0;
}
