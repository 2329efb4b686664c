#include "crypto/digest.h"

#include <mbedtls/md.h>
#include <openssl/evp.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"

/* OpenSSL 3 finds a method by its name and allocates a context in pieces; each of these takes longer than to hash 200
 * bytes. So the method is looked up once, and a used context is kept for the next digest. Atomic: threads hash, too. */
static _Atomic(EVP_MD *) method;
static _Atomic(EVP_MD_CTX *) spare;

static EVP_MD *sha256(void)
{
    EVP_MD *found = atomic_load_explicit(&method, memory_order_acquire);
    EVP_MD *other = NULL;

    if (found != NULL) {
        return found;
    }
    found = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(found != NULL);
    if (!atomic_compare_exchange_strong(&method, &other, found)) { /* a thread was faster */
        EVP_MD_free(found);
        found = other;
    }
    return found;
}

static EVP_MD_CTX *begin(void)
{
    EVP_MD_CTX *context = atomic_exchange(&spare, NULL);

    context = context != NULL ? context : EVP_MD_CTX_new();
    CHECK(context != NULL && EVP_DigestInit_ex2(context, sha256(), NULL) == 1);
    return context;
}

static void update(EVP_MD_CTX *context, struct str bytes)
{
    CHECK(EVP_DigestUpdate(context, bytes.ptr, bytes.len) == 1);
}

/* EVP_DigestFinal_ex also wipes the hashed bytes from the context. */
static void finish(EVP_MD_CTX *context, struct digest *out)
{
    CHECK(EVP_DigestFinal_ex(context, out->bytes, NULL) == 1);
    EVP_MD_CTX_free(atomic_exchange(&spare, context)); /* frees another thread's spare, if any */
}

void digest_of(struct str bytes, struct digest *out)
{
    EVP_MD_CTX *context = begin();

    update(context, bytes);
    finish(context, out);
}

void digest_of_parts(const struct str *parts, size_t n_parts, struct digest *out)
{
    EVP_MD_CTX *context = begin();

    for (size_t i = 0; i < n_parts; i++) {
        uint64_t len = parts[i].len;

        update(context, (struct str){(const char *)&len, sizeof(len)});
        update(context, parts[i]);
    }
    finish(context, out);
}

struct digest_state {
    EVP_MD_CTX *context;
};

struct digest_state *digest_begin(void)
{
    struct digest_state *state = mem_alloc(sizeof(*state));

    state->context = begin();
    return state;
}

void digest_add(struct digest_state *state, struct str bytes)
{
    update(state->context, bytes);
}

void digest_end(struct digest_state *state, struct digest *out)
{
    finish(state->context, out);
    mem_free(state);
}

const char *digest_hex(const struct digest *digest, char out[65])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15U];
    }
    out[64] = '\0';
    return out;
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
