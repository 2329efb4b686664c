/* What the files of shared Idempotency-Keys share.
 *
 * idempotency_share.c   documents; a claim's end: its reply is written, or it is taken back
 * idempotency_claim.c   a claim's begin: whose is the key? */
#ifndef API_GATE_IDEMPOTENCY_CLAIM_H
#define API_GATE_IDEMPOTENCY_CLAIM_H

#include "base/arena.h"
#include "base/list.h"
#include "idempotency_share.h"

enum {
    CLAIM_FORMAT = 1,
    CLAIM_KEY_MAX = 96,
    CLAIM_MARK_DIGITS = 32,
    CLAIM_TRIES_MAX = 600 /* once a second */
};

enum claim_state {
    CLAIM_ENTERS, /* waits for the lease of this process */
    CLAIM_PUTS,
    CLAIM_LOOKS, /* another claim is there: at its document, then at the lease of its process */
    CLAIM_OURS,
    CLAIM_WRITES,
    CLAIM_CLEANS
};

struct claim {
    struct list link;
    struct idempotency_share *share;
    enum claim_state state;
    struct digest id;
    char mark[CLAIM_MARK_DIGITS + 1]; /* a retry in the same process has another one */
    char body[65];                    /* hex */
    uint64_t ttl_ms;
    void *context;
    claim_fn on_end;         /* NULL: nobody waits */
    struct claim_end *waits; /* who waits for its end; NULL: nobody */
    struct keep_user alive;
    struct store_op op;
    struct deadline again;
    unsigned n_tries;
    uint64_t version;
    struct buf document;                    /* that is to be written */
    char other[65];                         /* the process that has the key */
    char other_mark[CLAIM_MARK_DIGITS + 1]; /* its claim */
};

struct idempotency_share {
    struct store *store;
    struct keeps *keeps;
    struct deadlines *deadlines;
    struct list claims;
};

/* What a document says. */
struct told {
    struct str state;
    struct str holder;
    struct str mark; /* empty: a process of an older version wrote it */
    struct str body;
    struct kept_reply reply;
};

void claim_free(struct claim *claim);
/* `holder`: the process that has the key, or of which it is not known what it did. `mark`: of its claim; empty: none.
 */
void claim_write(struct buf *out, const struct claim *claim, const char *state, struct str holder,
                 struct str mark, const struct kept_reply *reply);
bool claim_read(struct arena *arena, struct str bytes, struct told *out);
/* Sends a request about the document of the key. */
void claim_ask(struct claim *claim, struct store_request *request, store_done_fn on_done);
/* Tells the waiting request how the claim came out. */
void claim_tell(struct claim *claim, const struct error *error, const struct kept_reply *reply);
void claim_fail(struct claim *claim, const struct error *error); /* the same, and frees the claim */
/* The document is a claim of this process: this one, or one whose request waits no more. */
bool claim_is_ours(const struct claim *claim, const struct told *told);
void claim_clean_later(struct claim *claim);

#endif
