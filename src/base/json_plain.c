#include "base/json_plain.h"

#include <endian.h>
#include <string.h>

/* The first `n` (up to 8) bytes as a number, the first byte lowest; the other bytes are zero. */
static uint64_t first_bytes(const char *at, size_t n)
{
    const unsigned char *bytes = (const unsigned char *)at;
    uint64_t word = 0;
    uint32_t low;
    uint32_t high;

    if (n == sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        return le64toh(word);
    }
    if (n >= sizeof(low)) { /* two reads that overlap */
        memcpy(&low, at, sizeof(low));
        memcpy(&high, at + n - sizeof(high), sizeof(high));
        return le32toh(low) | (uint64_t)le32toh(high) << (8 * (n - sizeof(high)));
    }
    if (n > 0) {
        word = bytes[0] | (uint64_t)bytes[n / 2] << (8 * (n / 2)) |
               (uint64_t)bytes[n - 1] << (8 * (n - 1));
    }
    return word;
}

/* find_not_plain looks for control characters, quotes, backslashes, DEL and bytes that are not ASCII among the next
 * bytes of a text: the lowest bit of its result belongs to the first such byte. The zeros behind the end of the text
 * count as control characters, so a search always ends. */
#if defined(__SSE2__)
enum { AT_ONCE = 16 };

typedef __m128i block;

static block load(const char *at, size_t n)
{
    if (n >= AT_ONCE) {
        return _mm_loadu_si128((const void *)at);
    }
    if (n >= sizeof(uint64_t)) {
        return _mm_set_epi64x((long long)first_bytes(at + sizeof(uint64_t), n - sizeof(uint64_t)),
                              (long long)first_bytes(at, sizeof(uint64_t)));
    }
    return _mm_set_epi64x(0, (long long)first_bytes(at, n));
}

static void store(char *to, block bytes)
{
    _mm_storeu_si128((void *)to, bytes);
}

static unsigned find_not_plain(block bytes)
{
    return json_not_plain(bytes);
}

static size_t place_of(unsigned found)
{
    return (size_t)__builtin_ctz(found);
}
#else
#define EACH_BYTE UINT64_C(0x0101010101010101)

enum { AT_ONCE = 8 };

typedef uint64_t block;

static block load(const char *at, size_t n)
{
    return first_bytes(at, n < AT_ONCE ? n : AT_ONCE);
}

static void store(char *to, block bytes)
{
    bytes = htole64(bytes);
    memcpy(to, &bytes, sizeof(bytes));
}

/* Sets the top bit of each byte of `word` that is less than `limit` (1 to 128). Bytes above such a byte may be marked
 * wrongly, so only the lowest mark counts. Without such a byte the result is 0. */
static uint64_t less(uint64_t word, unsigned limit)
{
    return (word - EACH_BYTE * limit) & ~word & EACH_BYTE * 0x80;
}

static uint64_t equal(uint64_t word, unsigned char c)
{
    return less(word ^ (EACH_BYTE * c), 1);
}

static uint64_t find_not_plain(block bytes)
{
    return (bytes & EACH_BYTE * 0x80) | less(bytes, 0x20) | equal(bytes, '"') | equal(bytes, '\\') |
           equal(bytes, 0x7F);
}

static size_t place_of(uint64_t found)
{
    return (size_t)__builtin_ctzll(found) / 8;
}
#endif

size_t json_plain_len_any(struct str s)
{
    for (size_t n = 0;; n += AT_ONCE) {
        block bytes = load(n > 0 ? s.ptr + n : s.ptr, s.len - n);

        if (find_not_plain(bytes) != 0) {
            return n + place_of(find_not_plain(bytes));
        }
    }
}

size_t json_copy_plain(char *to, struct str s)
{
    for (size_t n = 0;; n += AT_ONCE) {
        block bytes = load(n > 0 ? s.ptr + n : s.ptr, s.len - n);

        store(to + n, bytes);
        if (find_not_plain(bytes) != 0) {
            return n + place_of(find_not_plain(bytes));
        }
    }
}
