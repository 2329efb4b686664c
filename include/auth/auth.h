/* Who calls, and what the caller may do: one stage, with a provider for each word of auth.mode (a
 * table in src/auth/auth.c). A request shows credentials; what comes back is a principal.
 *
 *   auth_check ──► ADMITTED   *out is the principal
 *          ├─────► REFUSED    *err says why (401; 503 while the key set was never there)
 *          └─────► LATER      auth_wait; after on_ready ask auth_check again, with the same ticket
 *
 * A wrong credential is refused: no weaker provider is asked instead. A request with two different credentials
 * is refused, too, with one exception: a client certificate may come with a key or a token of the same
 * name. A certificate that the configuration does not list is no credential.
 * Owner: auth_open/auth_close. All that a reload would change (keys, key set, what tokens mean) is
 * in this one value. No secret is in it: keys are hashes, tokens are remembered by their hash. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/arena.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/later.h"
#include "base/list.h"
#include "config/config.h"
#include "crypto/digest.h"

struct principal {
    struct str name; /* for logs; in the arena, or as long as the configuration */
    unsigned permissions;
    struct digest owner; /* names the caller in sessions and caches; not reversible to the key */
    bool is_listed;      /* the configuration lists the key or certificate: see auth_lists */
    struct str bearer;   /* the caller's own platform token, a view into the head; empty: stored */
    size_t tenant;       /* 1-based, in config->tenants; 0: the account of `upstream` */
    const struct config_rate *rate; /* NULL: the limits for everybody */
};

/* Views into the head of the request. */
struct auth_shown {
    struct str bearer;  /* behind "Bearer " of Authorization (RFC 6750 section 2.1); empty: none */
    struct str api_key; /* X-API-Key; empty: none */
    const struct tls_peer *certificate; /* of the connection; NULL: none */
};

enum auth_verdict { AUTH_ADMITTED, AUTH_REFUSED, AUTH_LATER };

/* One request that waits: for its turn to have a signature checked (one in each turn of the loop,
 * so that many at once do not hold the loop up), or for the key set. Zeroed before the first use;
 * the caller keeps it until on_ready or auth_wait_cancel. */
struct auth_ticket {
    void (*on_ready)(struct auth_ticket *ticket); /* from a later turn; never after a cancel */
    /* private */
    struct list link;
    struct auth *auth;
    bool wants_keys; /* true: it waits for the key set; false: for its turn */
    bool has_turn;
    unsigned n_refreshes; /* readings of the key set that it waited for */
};

/* Where the key set is read from. */
struct auth_fetch {
    /* Called once, from a later turn of the loop; not after cancel. `text` is valid until on_done returns. */
    void (*on_done)(struct auth_fetch *fetch, enum error_code code, struct str text,
                    const struct error *err);
};

struct auth_source {
    void (*start)(void *context, struct auth_fetch *fetch);
    void (*cancel)(void *context); /* idempotent */
    void *context;
};

struct auth_options {
    const struct config *config;      /* held by auth */
    const struct auth_source *source; /* of auth.jwt.jwks; NULL: jwt is not in auth.mode */
    struct deadlines *deadlines;
    struct later *later;
    void (*on_other_keys)(void *context); /* another key set was read; may be NULL */
    void *context;
};

struct auth;

struct auth *auth_open(const struct auth_options *options);
/* True: with `after` the key set is read from another place, or in another way. */
bool auth_reads_elsewhere(const struct config *before, const struct config *after);
/* Takes over keys, modes and what tokens mean from `config`. Remembered tokens are checked again. If
 * auth_reads_elsewhere, the caller has given the source its new place already, and the key set is read anew; the
 * old keys stay until then. */
void auth_configure(struct auth *auth, const struct config *config);
void auth_stop(struct auth *auth);  /* no ticket is called after this; NULL is fine */
void auth_close(struct auth *auth); /* NULL is fine */

/* A key or certificate with this owner is listed, and has not expired. */
bool auth_lists(const struct auth *auth, const struct digest *owner);

enum auth_verdict auth_check(struct auth *auth, const struct auth_shown *shown,
                             struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                             struct error *err) MUST_CHECK;
/* Checks a credential once more that was admitted before, as auth_check does, but never LATER: a token whose key is
 * not in the key set is refused, and a signature is checked at once. */
enum auth_verdict auth_check_again(struct auth *auth, const struct auth_shown *shown,
                                   struct arena *arena, struct principal *out,
                                   struct error *err) MUST_CHECK;
/* After auth_check has said LATER. ERR_OVERLOADED: too many tickets wait already. */
enum error_code auth_wait(struct auth *auth, struct auth_ticket *ticket,
                          struct error *err) MUST_CHECK;
void auth_wait_cancel(struct auth_ticket *ticket); /* idempotent; zeroed is fine */

/* Whether a text is a key set with at least one key that can be used: for `check`. */
enum error_code auth_judge_key_set(struct str text, struct error *err) MUST_CHECK;

#endif
