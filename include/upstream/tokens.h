/* The stored tokens of one account of the platform: a primary, and a secondary that is taken while
 * the platform refuses the primary (401). The primary is tried again after a minute, by one call at
 * a time. A refusal counts for the token that the call was sent with, so late refusals of an old
 * token do not condemn the other one. Owner: whoever holds the secrets. */
#ifndef UPSTREAM_TOKENS_H
#define UPSTREAM_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/str.h"

enum { UPSTREAM_N_TOKENS = 2 };

struct upstream_tokens {
    struct str account; /* for the log */
    const struct secret *secrets[UPSTREAM_N_TOKENS];
    uint64_t refused_until_ms[UPSTREAM_N_TOKENS]; /* 0: not refused */
    unsigned in_use;                              /* the last one that was accepted or chosen */
    unsigned generation; /* grows when a secret is replaced, so that old answers are recognised */
};

/* The struct begins zeroed, with its account. `secondary` may be unset. The caller keeps both secrets
 * until the next configure. A token that differs from the one before counts as not refused. */
void upstream_tokens_configure(struct upstream_tokens *tokens, const struct secret *primary,
                               const struct secret *secondary);
/* The place of the token for a call that begins now. */
unsigned upstream_tokens_pick(struct upstream_tokens *tokens, uint64_t now_ms);
struct str upstream_tokens_reveal(const struct upstream_tokens *tokens, unsigned place);
void upstream_tokens_accepted(struct upstream_tokens *tokens, unsigned place);
/* True: the other token is set and not refused. */
bool upstream_tokens_refused(struct upstream_tokens *tokens, unsigned place, uint64_t now_ms);
/* True: the platform has refused each token that is set, and accepted none of them since. */
bool upstream_tokens_are_refused(const struct upstream_tokens *tokens);

#endif
