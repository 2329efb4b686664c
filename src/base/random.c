#include "base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/mem.h"

enum { POOL_BYTES = 8192, HEX_BYTES = 32 };

static bool is_seeded;
static uint64_t seeded_state;

void random_seed(uint64_t seed)
{
    is_seeded = true;
    seeded_state = seed;
}

void random_release(void)
{
    is_seeded = false;
}

/* SplitMix64: every seed is good, 0 too. */
static void from_seed(char *out, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        if (i % sizeof(word) == 0) {
            seeded_state += 0x9e3779b97f4a7c15U;
            word = seeded_state;
            word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
            word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
            word ^= word >> 31;
        }
        out[i] = (char)(word >> (i % sizeof(word) * 8));
    }
}

static void from_kernel(char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);

        CHECK(n > 0 || errno == EINTR);
        if (n > 0) {
            out += n;
            len -= (size_t)n;
        }
    }
}

void random_bytes(void *out, size_t len)
{
    static char pool[POOL_BYTES];
    static size_t left;

    if (is_seeded) {
        from_seed(out, len);
        return;
    }
    if (len > POOL_BYTES) {
        from_kernel(out, len);
        return;
    }
    if (left < len) {
        from_kernel(pool, POOL_BYTES);
        left = POOL_BYTES;
    }
    left -= len;
    mem_copy(out, pool + left, len);
    mem_wipe(pool + left, len);
}

uint64_t random_u64(void)
{
    uint64_t value;

    random_bytes(&value, sizeof(value));
    return value;
}

uint64_t random_below(uint64_t limit)
{
    uint64_t reject;
    uint64_t value;

    CHECK(limit > 0);
    reject = (0 - limit) % limit; /* values below make the remainders uneven */
    do {
        value = random_u64();
    } while (value < reject);
    return value % limit;
}

/* The eight digits of four bytes: spreads each half byte to its own byte, then makes all digits at once. */
static uint64_t eight_digits(uint32_t bytes)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t halves = bytes;
    uint64_t is_letter;

    halves = (halves | halves << 16) & UINT64_C(0x0000FFFF0000FFFF);
    halves = (halves | halves << 8) & UINT64_C(0x00FF00FF00FF00FF);
    halves = (halves | halves << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    is_letter = (halves + each * 6) >> 4 & each; /* for values of 10 and more */
    return halves + each * '0' + is_letter * ('a' - '0' - 10);
}

void random_hex(char *out, size_t n_digits)
{
    uint32_t bytes[HEX_BYTES / sizeof(uint32_t)];

    for (size_t i = 0; i < n_digits; i += 8) {
        size_t at = i / 8 % ARRAY_LEN(bytes);
        size_t left = (n_digits - i + 7) / 8 * sizeof(uint32_t);
        uint64_t digits;

        if (at == 0) {
            random_bytes(bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        }
        digits = eight_digits(bytes[at]);
        if (n_digits - i >= sizeof(digits)) {
            mem_copy(out + i, &digits, sizeof(digits));
        } else {
            mem_copy(out + i, &digits, n_digits - i);
        }
    }
    mem_wipe(bytes, sizeof(bytes));
}

void random_uuid(char out[37])
{
    static const char variant[] = "89ab";
    unsigned char byte;

    random_hex(out, 36);
    random_bytes(&byte, 1);
    out[8] = '-';
    out[13] = '-';
    out[14] = '4';
    out[18] = '-';
    out[19] = variant[byte & 3U];
    out[23] = '-';
    out[36] = '\0';
}
