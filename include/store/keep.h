/* keep: leases that this process holds while somebody works under them and KEEP_IDLE_MS after that, so
 * that work in a row asks the store once. Whoever works under a lease is a user of it; users of one
 * process share it.
 *
 *   enter ──► (asks, waits for another holder) ──► on_ready ──► works, keep_lasts before it acts ──► leave
 *
 * Another process that wants the lease is noticed: the lease is let go when nobody uses it; if users
 * follow each other, after KEEP_WANTED_USES of them or KEEP_WANTED_MS. A lease that could not be
 * renewed in time is lost, and whoever works under it must not act any more.
 *
 * A store that has lost what it had taken (store_on_rewound) may give a lease to another process while this one believes
 * to have it. So all leases are lost then, none is asked for until those of others have run out, and what is taken in the
 * KEEP_DOUBT_MS after that is not orderly.
 *
 * Owner: keeps_open, keeps_close; whoever uses a lease embeds a keep_user and leaves before its
 * memory goes. Time: clock_age_ms, which goes on while the machine sleeps; a lease is counted from
 * when its last renewal was sent. */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/later.h"
#include "base/list.h"
#include "base/str.h"

struct store;
struct keeps;
struct keep;
struct keep_user;

enum {
    KEEP_TTL_MS = 6000,
    KEEP_IDLE_MS = 3000,
    KEEP_DOUBT_MS = 60000, /* of a call that the holder of a lost lease had sent */
    KEEP_WANTED_USES = 16,
    KEEP_WANTED_MS = 50,
    KEEP_LEFT_MAX = 64 * 1024 /* bytes that a holder leaves to the next one */
};

/* error: NULL when the lease is held. ERR_STORE_AWAY (retry_after_s is set) or
 * ERR_STORE_UNREADABLE otherwise; then the user has left already. */
typedef void (*keep_ready_fn)(struct keep_user *user, const struct error *error);

/* What the owner of the work is told of its leases; each may be NULL. `name` is that of keep_enter. */
struct keep_kind {
    /* Nobody else works under it: whoever asks for it only asks whether we live. When it is lost, its users
     * stay, and it is asked for again. */
    bool stays;
    /* Another process wants it: what holds it up should end (keep_leave). */
    void (*on_wanted)(void *context, struct str name);
    /* It is let go: what the next holder is given is appended. */
    void (*on_release)(void *context, struct str name, struct buf *out);
    /* It was lost: what was known under it may be wrong. */
    void (*on_lost)(void *context, struct str name);
};

struct keep_user {
    struct list link;  /* private */
    struct keep *keep; /* NULL: neither waits nor uses */
    keep_ready_fn on_ready;
    struct later_item soon;
    uint64_t fence; /* of the lease that it works under */
    bool uses;
};

struct keeps *keeps_open(struct store *store);
/* Lets go at once of what nobody uses, instead of after KEEP_IDLE_MS: this process may be stopped now. */
void keeps_rest(struct keeps *keeps);

/* Who waits for that: on_rested comes from a later turn. */
struct keeps_rested {
    struct list link; /* private, as `number` */
    uint64_t number;
    void (*on_rested)(struct keeps_rested *who);
};

/* True: nothing is being let go, and on_rested will not come. */
bool keeps_are_rested(struct keeps *keeps, struct keeps_rested *who,
                      void (*on_rested)(struct keeps_rested *who)) MUST_CHECK;
void keeps_stop_waiting(struct keeps_rested *who); /* idempotent; zeroed is fine */
/* The name of this process in its leases: letters and digits. */
const char *keeps_holder(const struct keeps *keeps);
/* Lets go of all leases; nobody may use or want one. on_closed comes from a later turn, after at
 * most the time that the store may take for one answer. Before store_close. */
void keeps_close(struct keeps *keeps, void (*on_closed)(void *context), void *context);

/* True: it is held now, and on_ready will not come; else on_ready comes once, from a later turn.
 * `kind` and `context` must outlive the keeps. The name is a key of the store. */
bool keep_enter(struct keeps *keeps, struct str name, const struct keep_kind *kind, void *context,
                struct keep_user *user, keep_ready_fn on_ready) MUST_CHECK;
/* One more user beside one that works under the lease. */
void keep_join(const struct keep_user *user, struct keep_user *more);
void keep_leave(
    struct keep_user *user); /* from waiting or from using; idempotent; zeroed is fine */

/* The lease is still ours, and for `ms` more at least. */
bool keep_lasts(const struct keep_user *user, uint64_t ms);
/* Another process waits for it. */
bool keep_is_wanted(const struct keep_user *user);
/* The store is there, so the lease is ours by its view too, as far as is known. */
bool keep_is_sure(const struct keep_user *user);
/* The last holder let go of it, or there was none: nothing of another's is on its way. */
bool keep_is_orderly(const struct keep_user *user);
/* What the last holder left, and how long ago that was at most; UINT64_MAX: nobody knows. */
struct str keep_left(const struct keep_user *user, uint64_t *out_age_ms);

#endif
