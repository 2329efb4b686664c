/* Idempotency-Keys of several processes. The first request with a key claims it: a document that says
 * which process carries it out. The reply is written over the claim. A process that has claims holds a
 * lease with its name. If the process of a claim has no lease any more, it has died, and it is not
 * known what became of the request: it is never tried a second time.
 *
 *   none ──► claimed ──► done (the reply) ──► told to each retry, until its time is over
 *               │ └────► removed (nothing happened: the retry is a first try)
 *               └──────► not known (its process died)
 *
 * Owner: idempotency_share_open/stop; a claim is the share's own, and ends by claim_keep or
 * claim_forget. */
#ifndef API_GATE_IDEMPOTENCY_SHARE_H
#define API_GATE_IDEMPOTENCY_SHARE_H

#include "base/deadline.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "store/keep.h"
#include "store/store.h"

struct claim;
struct idempotency_share;

struct kept_reply {
    int status;
    struct str content_type; /* empty: none */
    struct str location;
    struct str fields; /* others, as lines */
    struct str body;
};

/* ERR_IDEMPOTENCY_MISMATCH and ERR_IDEMPOTENCY_IN_FLIGHT, in words. */
enum error_code key_is_of_another(struct error *err);
enum error_code key_is_in_flight(struct error *err);

/* ERR_OK and `reply` NULL: the key is ours. In all other cases the claim is gone: ERR_OK with `reply`,
 * that of the first request; or ERR_IDEMPOTENCY_MISMATCH, ERR_IDEMPOTENCY_IN_FLIGHT,
 * ERR_OUTCOME_UNKNOWN, ERR_STORE_AWAY, ERR_STORE_UNREADABLE. */
typedef void (*claim_fn)(void *context, const struct error *error, const struct kept_reply *reply);

struct idempotency_share *idempotency_share_open(struct store *store, struct keeps *keeps,
                                                 struct deadlines *deadlines);
/* Ends all claims: no callback comes any more, and a write on its way may be done or not. Then mem_free frees the
 * share. NULL is fine. */
void idempotency_share_stop(struct idempotency_share *share);

/* `body` is the digest of what a retry must repeat exactly. on_end comes from a later turn, once. */
struct claim *claim_start(struct idempotency_share *share, const struct digest *id,
                          const struct digest *body, uint64_t ttl_ms, void *context,
                          claim_fn on_end);
/* The reply is written, sooner or later. A claim that is not known to be ours is removed instead. Returns the claim while
 * something is to be written or removed, for claim_wait; NULL: it has ended. */
struct claim *claim_keep(struct claim *claim, const struct kept_reply *reply);
/* Nothing happened, or nobody waits any more: on_end does not come, and the key is free again, unless a later claim has
 * taken it over. Returns the same as claim_keep. */
struct claim *claim_forget(struct claim *claim);

/* Waits until such a claim has ended; one may wait for each. */
struct claim_end {
    struct claim *claim; /* private; NULL: nothing is waited for */
    void (*on_end)(struct claim_end *who);
};

/* on_end comes from a later turn. The share may be stopped before: then it does not come. */
void claim_wait(struct claim *claim, struct claim_end *who, void (*on_end)(struct claim_end *who));
void claim_stop_waiting(struct claim_end *who); /* idempotent; zeroed is fine */

#endif
