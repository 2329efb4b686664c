#include "crypto/digest.h"

#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"

/* 2.28 has the checked functions under other names than 3.x. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define sha256_starts mbedtls_sha256_starts_ret
#define sha256_update mbedtls_sha256_update_ret
#define sha256_finish mbedtls_sha256_finish_ret
#else
#define sha256_starts mbedtls_sha256_starts
#define sha256_update mbedtls_sha256_update
#define sha256_finish mbedtls_sha256_finish
#endif

static void update(mbedtls_sha256_context *context, struct str bytes)
{
    CHECK(sha256_update(context, (const unsigned char *)bytes.ptr, bytes.len) == 0);
}

static void begin(mbedtls_sha256_context *context)
{
    mbedtls_sha256_init(context);
    CHECK(sha256_starts(context, 0) == 0);
}

static void finish(mbedtls_sha256_context *context, struct digest *out)
{
    CHECK(sha256_finish(context, out->bytes) == 0);
    mbedtls_sha256_free(context);
}

void digest_of(struct str bytes, struct digest *out)
{
    mbedtls_sha256_context context;

    begin(&context);
    update(&context, bytes);
    finish(&context, out);
}

void digest_of_parts(const struct str *parts, size_t n_parts, struct digest *out)
{
    mbedtls_sha256_context context;

    begin(&context);
    for (size_t i = 0; i < n_parts; i++) {
        uint64_t len = parts[i].len;

        update(&context, (struct str){(const char *)&len, sizeof(len)});
        update(&context, parts[i]);
    }
    finish(&context, out);
}

struct digest_state {
    mbedtls_sha256_context context;
};

struct digest_state *digest_begin(void)
{
    struct digest_state *state = mem_alloc(sizeof(*state));

    begin(&state->context);
    return state;
}

void digest_add(struct digest_state *state, struct str bytes)
{
    update(&state->context, bytes);
}

void digest_end(struct digest_state *state, struct digest *out)
{
    finish(&state->context, out);
    mem_free(state);
}

void digest_hex(const struct digest *digest, char out[65])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15U];
    }
    out[64] = '\0';
}

bool digest_from_hex(struct str hex, struct digest *out)
{
    struct digest digest;

    if (hex.len != (size_t)DIGEST_BYTES * 2) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = str_hex_digit(hex.ptr[2 * i]);
        int low = str_hex_digit(hex.ptr[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        digest.bytes[i] = (uint8_t)(high * 16 + low);
    }
    *out = digest;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return bytes_equal_constant_time(a->bytes, b->bytes, DIGEST_BYTES);
}

void digest_hmac(struct str key, struct str text, struct digest *out)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

    CHECK(mbedtls_md_hmac(info, (const unsigned char *)key.ptr, key.len,
                          (const unsigned char *)text.ptr, text.len, out->bytes) == 0);
}
