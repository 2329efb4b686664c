/* An identity provider for tests: keys of its own, their key set, and tokens signed with them, right
 * or wrong in any way that a test wants. Owner: the test; issuer_free. */
#ifndef HARNESS_TOKEN_H
#define HARNESS_TOKEN_H

#include "base/arena.h"
#include "base/str.h"

struct issuer;

/* Makes a new RSA key of 2048 bits and a new key of P-256. */
struct issuer *issuer_new(struct arena *arena);
void issuer_free(struct issuer *issuer);

/* {"keys": [...]} with the RSA key as "rsa" and that of P-256 as "ec"; `more` is put before them:
 * other keys as JSON, each with a comma behind it. */
struct str issuer_key_set(struct issuer *issuer, const char *more);
/* One of them alone, as JSON, with this kid. */
struct str issuer_jwk(struct issuer *issuer, const char *type, const char *kid);

/* header.claims.signature, all in the arena. `alg` is how it is really signed: RS256, PS256, ES256,
 * HS256 (the key is the RSA key's modulus, as a confused verifier would take it), none (an empty
 * signature). The texts are encoded as they are. */
struct str issuer_sign(struct issuer *issuer, const char *alg, const char *header,
                       const char *claims);

/* The private RSA key as PEM; its public half is that of issuer_jwk. */
struct str issuer_private_pem(struct issuer *issuer);

#endif
