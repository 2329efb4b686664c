/* Sessions: which checkpoint a caller works on and where the next step goes. In memory, least
 * recently used out first, owner-bound, with a lane per session that runs its commands one after
 * another. No pointer to a session leaves this room: they are looked up by id, copied into the
 * caller's arena and changed by id, so that eviction at any moment is safe. Cost: 100,000 sessions
 * without name and metadata take at most 64 MiB. Owner: session_store_open/close. Expiry is checked
 * on use and swept by a deadline; it goes by clock_age_ms, so a jump of the wall clock ends nothing
 * and keeps nothing alive. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/later.h"
#include "base/str.h"
#include "base/turn.h"
#include "crypto/digest.h"

struct keeps;
struct session_store;
struct store;

enum { SESSION_MARK = 4 /* hex digits */ };

struct session_options {
    unsigned max_active;
    unsigned timeout_s;       /* default idle time of a new session */
    unsigned max_age_s;       /* absolute */
    unsigned max_queue;       /* commands waiting in one lane; past it ERR_OVERLOADED */
    struct str snapshot_file; /* empty: none */
    unsigned snapshot_interval_s;
    struct store *store; /* shared by several processes (session/share.h); NULL: none */
    struct keeps *keeps; /* with a store */
    bool strict;         /* nothing is changed while the store is away */
    char mark[SESSION_MARK +
              1]; /* names the store in ids of its sessions; empty: nothing is shared */
};

enum session_status { SESSION_ACTIVE, SESSION_PAUSED };

/* A copy; strs live in the arena given. */
struct session {
    struct str id; /* "sess_" and 24 hex digits */
    struct str name;
    struct str description;
    struct str metadata;   /* JSON text of an object; empty none */
    int64_t checkpoint_id; /* 0: none */
    int64_t journey_id;    /* that the checkpoint is part of; 0: not known */
    int64_t position;      /* next step's; -1: not known */
    bool is_set;           /* by the owner; else `position` is where the checkpoint ended last */
    int64_t steps_added;
    int64_t created_ms; /* Unix time; these three are only shown, nothing depends on them */
    int64_t last_activity_ms;
    int64_t expires_ms;
    unsigned timeout_s;
    unsigned version; /* counts what the owner has set, for session_advance */
    enum session_status status;
    bool is_current;
};

/* ERR_CONFLICT: nothing is done in a paused session. */
enum error_code session_is_paused(struct error *err);
/* ERR_SESSION_NOT_FOUND. */
enum error_code session_has_no_current(struct error *err);

struct session_patch {
    const struct str *name; /* NULL: unchanged */
    const struct str *description;
    const struct str *metadata;
    const int64_t *checkpoint_id; /* a change makes the position and the journey unknown */
    const int64_t *journey_id;
    const int64_t *position;
    const unsigned *timeout_s;
    const enum session_status *status;
};

/* Reads the snapshot file when there is one; a damaged one is renamed to NAME.damaged-<time> and
 * logged. */
enum error_code session_store_open(struct deadlines *deadlines, struct later *later,
                                   const struct session_options *options,
                                   struct session_store **out, struct error *err) MUST_CHECK;
/* Limits and times: of sessions that are made from now on, and when room is made. */
void session_store_configure(struct session_store *store, const struct session_options *options);
void session_store_close(
    struct session_store *store); /* writes the snapshot; no lane may be held then */
size_t session_store_size(const struct session_store *store);

/* Why the last snapshot could not be written, and since when that is so. */
struct session_trouble {
    int64_t since_wall_ms; /* 0: it was written (or none is kept) */
    char last_error[ERROR_TEXT_MAX];
};

const struct session_trouble *session_store_trouble(const struct session_store *store);
/* Writes now, before it returns (atomic: temporary file, fsync, rename); at intervals a thread does
 * it. */
enum error_code session_store_save(struct session_store *store, struct error *err) MUST_CHECK;

/* `owner` is the digest of the caller's identity; another owner's session does not exist for it.
 * Errors: ERR_SESSION_NOT_FOUND, ERR_SESSION_ELSEWHERE (made with another shared store), ERR_SESSION_EVICTED, ERR_SESSION_EXPIRED, ERR_INVALID. */
enum error_code session_create(struct session_store *store, const struct digest *owner,
                               const struct session_patch *values, struct arena *arena,
                               struct session *out, struct error *err) MUST_CHECK;
/* Looks up and counts as activity. */
enum error_code session_load(struct session_store *store, const struct digest *owner, struct str id,
                             struct arena *arena, struct session *out,
                             struct error *err) MUST_CHECK;
enum error_code session_change(struct session_store *store, const struct digest *owner,
                               struct str id, const struct session_patch *patch,
                               struct error *err) MUST_CHECK;
enum error_code session_delete(struct session_store *store, const struct digest *owner,
                               struct str id, struct error *err) MUST_CHECK;

struct session_filter {
    const enum session_status *status; /* NULL: all */
    size_t limit;
    size_t offset;
};

/* Newest activity first; *out_total counts what the filter lets through, beyond limit and offset
 * too. */
size_t session_list(struct session_store *store, const struct digest *owner,
                    const struct session_filter *filter, struct arena *arena, struct session **out,
                    size_t *out_total);
enum error_code session_activate(struct session_store *store, const struct digest *owner,
                                 struct str id, struct arena *arena, struct session *out,
                                 struct error *err) MUST_CHECK;
enum error_code session_current(struct session_store *store, const struct digest *owner,
                                struct arena *arena, struct session *out,
                                struct error *err) MUST_CHECK;

/* What became of a session's place. Where its owner has set checkpoint or position since it was
 * loaded, that stands and only the count goes up. */
struct session_move {
    int64_t checkpoint_id; /* that the steps went to */
    unsigned version;      /* of the session when it was loaded */
    int64_t position;      /* of the next step; -1: not known */
    bool is_set;           /* as in struct session */
    int64_t steps_added;
};

/* A session that is gone meanwhile is left alone. */
void session_advance(struct session_store *store, const struct digest *owner, struct str id,
                     const struct session_move *move);

/* Lanes. Exactly one end: session_lane_leave (from waiting or from holding; idempotent; zeroed is
 * fine). on_turn comes from a later turn, at most once. */
struct session_ticket;
typedef void (*session_turn_fn)(struct session_ticket *ticket);

struct session_ticket {
    struct turn turn; /* private */
    struct session_store *store;
    session_turn_fn on_turn;
};

/* *out_now true: the lane is yours at once and on_turn will not come. ERR_OVERLOADED: lane full. */
enum error_code session_lane_enter(struct session_store *store, struct str id,
                                   struct session_ticket *ticket, session_turn_fn on_turn,
                                   bool *out_now, struct error *err) MUST_CHECK;
void session_lane_leave(struct session_ticket *ticket);

#endif
