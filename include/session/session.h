/* Sessions: which checkpoint a caller works on and where the next step goes. Sessions live in memory;
 * when there are too many, the least recently used one is evicted. Each belongs to one owner and has
 * a lane that runs its commands one after another. No pointer to a session leaves this room: a
 * session is looked up by id, copied into the caller's arena and changed by id, so that eviction at
 * any moment is safe. Cost: 100,000 sessions without name and metadata take at most 64 MiB. Owner:
 * session_store_open/close. Expiry is checked at each use and by a regular sweep. It goes by
 * clock_age_ms, so a jump of the wall clock neither ends a session nor keeps one alive. */
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
    unsigned max_queue;       /* commands that may wait in one lane; one more: ERR_OVERLOADED */
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
    bool is_set;           /* the owner has set `position`; else the checkpoint ended there last */
    int64_t steps_added;
    int64_t created_ms; /* Unix time; these three are only shown, nothing depends on them */
    int64_t last_activity_ms;
    int64_t expires_ms;
    unsigned timeout_s;
    unsigned version; /* goes up when the owner sets checkpoint or position; see session_move */
    enum session_status status;
    bool is_current;
};

/* Sets ERR_CONFLICT: a paused session runs no commands. */
enum error_code session_is_paused(struct error *err);
/* Sets ERR_SESSION_NOT_FOUND: the owner has no current session. */
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
/* Takes the limits and times of `options`. timeout_s is for sessions that are made from now on; the
 * others are for all sessions (max_active when the next session needs room). */
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
/* Writes the snapshot before it returns (atomic: temporary file, fsync, rename). The snapshots at
 * intervals are written by a thread instead. */
enum error_code session_store_save(struct session_store *store, struct error *err) MUST_CHECK;

/* `owner` is the digest of the caller's identity. A session of another owner is not found.
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

/* Where the next step goes, after commands have run. If the owner has set checkpoint or position since
 * the session was loaded, the owner's values stand, and only the count of steps goes up. */
struct session_move {
    int64_t checkpoint_id; /* that the steps went to */
    unsigned version;      /* of the session when it was loaded */
    int64_t position;      /* of the next step; -1: not known */
    bool is_set;           /* as in struct session */
    int64_t steps_added;
};

/* Does nothing if the session is gone meanwhile. */
void session_advance(struct session_store *store, const struct digest *owner, struct str id,
                     const struct session_move *move);

/* Lanes. A ticket ends with session_lane_leave, whether it waits for the lane or holds it (idempotent;
 * a zeroed ticket is fine). on_turn comes from a later turn of the loop, at most once. */
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
