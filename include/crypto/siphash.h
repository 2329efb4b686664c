/* SipHash-2-4 with 128 bits (Aumasson and Bernstein, https://github.com/veorq/SipHash): a keyed tag of a short text,
 * for a fifteenth of the cost of SHA-256. Without the key one can neither find the text of a tag nor make a text
 * that has a given tag. Use it for tags that stay in this process, or that are not worth forging. A proof needs a
 * digest. */
#ifndef CRYPTO_SIPHASH_H
#define CRYPTO_SIPHASH_H

#include <stdint.h>

#include "base/str.h"

enum { SIPHASH_BYTES = 16 };

struct siphash_key {
    uint64_t words[2];
};

/* A random key. */
void siphash_key_make(struct siphash_key *key);
void siphash(const struct siphash_key *key, struct str text, uint8_t out[SIPHASH_BYTES]);

#endif
