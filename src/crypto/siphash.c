#include "crypto/siphash.h"

#include <endian.h>

#include "base/mem.h"
#include "base/random.h"

enum { ROUNDS = 2, LAST_ROUNDS = 4 };

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t turned(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void mix(struct state *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v1 = turned(s->v1, 13) ^ s->v0;
        s->v0 = turned(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = turned(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = turned(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = turned(s->v1, 17) ^ s->v2;
        s->v2 = turned(s->v2, 32);
    }
}

static inline void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s, ROUNDS);
    s->v0 ^= word;
}

static void put(uint8_t *out, const struct state *s)
{
    uint64_t word = htole64(s->v0 ^ s->v1 ^ s->v2 ^ s->v3);

    mem_copy(out, &word, sizeof(word));
}

void siphash_key_make(struct siphash_key *key)
{
    random_bytes(key->words, sizeof(key->words));
}

void siphash(const struct siphash_key *key, struct str text, uint8_t out[SIPHASH_BYTES])
{
    struct state s = {
        .v0 = key->words[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->words[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
        .v2 = key->words[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->words[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    uint64_t word = 0;

    for (; text.len - at >= sizeof(word); at += sizeof(word)) {
        mem_copy(&word, text.ptr + at, sizeof(word));
        take(&s, le64toh(word));
    }
    word = 0;
    for (size_t i = text.len - at; i > 0; i--) {
        word = word << 8 | (unsigned char)text.ptr[at + i - 1];
    }
    take(&s, word | (uint64_t)text.len << 56);
    s.v2 ^= 0xee;
    mix(&s, LAST_ROUNDS);
    put(out, &s);
    s.v1 ^= 0xdd;
    mix(&s, LAST_ROUNDS);
    put(out + sizeof(word), &s);
    mem_wipe(&s, sizeof(s));
    mem_wipe(&word, sizeof(word));
}
