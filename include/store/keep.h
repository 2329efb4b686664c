/* keep: leases that this process holds while somebody works under them and KEEP_IDLE_MS after that, so
 * that work in a row asks the store once. A piece of work under a lease is a user of it; users of one
 * process share it.
 *
 *   enter ──► (asks, waits for another holder) ──► on_ready ──► works, keep_lasts before it acts ──► leave
 *
 * If another process wants the lease, it is let go when it has no users; if users follow each other,
 * after KEEP_WANTED_USES of them or KEEP_WANTED_MS. A lease that could not be renewed in time is lost,
 * and its users must not act any more (but see keep_is_alone).
 *
 * A store that has lost acknowledged changes (store_on_rewound) may give a lease to another process while this one
 * believes that it still holds the lease. So all leases count as lost then, none is asked for until those of others
 * have run out, and a lease that is taken in the KEEP_DOUBT_MS after that is not orderly.
 *
 * Owner: keeps_open, keeps_close; a user embeds a keep_user and leaves before that memory is
 * freed. Time: clock_age_ms, which goes on while the machine sleeps; a lease is counted from
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
    KEEP_WATCH_MS = 2000,  /* who waits for a lease asks for it as often as this at least */
    KEEP_DOUBT_MS = 60000, /* so long may a call of the holder of a lost lease be under way */
    KEEP_WANTED_USES = 16,
    KEEP_WANTED_MS = 50,
    KEEP_LEFT_MAX = 64 * 1024 /* bytes that a holder leaves to the next one */
};

/* error: NULL when the lease is held. ERR_STORE_AWAY (retry_after_s is set) or
 * ERR_STORE_UNREADABLE otherwise; then the user has left already. */
typedef void (*keep_ready_fn)(struct keep_user *user, const struct error *error);

/* How leases behave, and what their owner is told; each callback may be NULL. `name` is that of keep_enter. */
struct keep_kind {
    /* The lease only shows that this process lives: others ask for it to learn that, and never work under it. When
     * it is lost, its users stay, and it is asked for again. */
    bool stays;
    /* Another process wants the lease: its users should end soon (keep_leave). */
    void (*on_wanted)(void *context, struct str name);
    /* The lease is let go: appends what the next holder is given. */
    void (*on_release)(void *context, struct str name, struct buf *out);
    /* The lease was lost: what was known under it may be wrong. */
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
/* Lets go of unused leases at once, instead of after KEEP_IDLE_MS: this process may be stopped now. */
void keeps_rest(struct keeps *keeps);

/* The same for the lease of this name alone. */
void keeps_rest_one(struct keeps *keeps, struct str name);

/* Waits until the leases that are being let go are gone: on_rested comes from a later turn. */
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
/* Lets go of all leases; they must have no users, waiting or not. on_closed comes from a later turn,
 * after the time at most that the store may take for one answer. Call it before store_close. */
void keeps_close(struct keeps *keeps, void (*on_closed)(void *context), void *context);

/* True: it is held now, and on_ready will not come; else on_ready comes once, from a later turn.
 * `kind` and `context` must outlive the keeps. The name is a key of the store. */
bool keep_enter(struct keeps *keeps, struct str name, const struct keep_kind *kind, void *context,
                struct keep_user *user, keep_ready_fn on_ready) MUST_CHECK;
/* Adds the user `more` to a lease that `user` works under. */
void keep_join(const struct keep_user *user, struct keep_user *more);
void keep_leave(
    struct keep_user *user); /* from waiting or from using; idempotent; zeroed is fine */

/* The lease is still ours, and for `ms` more at least. False for `ms` of 0 once: false for this user for ever. */
bool keep_lasts(const struct keep_user *user, uint64_t ms);
/* Another process waits for it. */
bool keep_is_wanted(const struct keep_user *user);
/* The last renewal was not answered, and the store is away still. So nobody is known to have taken the lease; but a process
 * that alone cannot reach the store is told the same. */
bool keep_is_alone(const struct keep_user *user);
/* The store answers, so by its view the lease is ours, too, as far as is known. */
bool keep_is_sure(const struct keep_user *user);
/* The last holder let go of the lease, or there was none: no call of another process is under way. */
bool keep_is_orderly(const struct keep_user *user);
/* What the last holder left, and how long ago that was at most; UINT64_MAX: not known. */
struct str keep_left(const struct keep_user *user, uint64_t *out_age_ms);

#endif
