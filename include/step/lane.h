/* lanes: one queue per checkpoint, for all work of this process that creates, moves or deletes steps in
 * it. Only the holder of the lane works on the checkpoint, so the lane knows where the checkpoint ends
 * and the ids of its steps: from one count, plus each step that is made.
 *
 *   enter ──► (turn) ──► count, if lane_end says -1 ──► create ──► made | doubt ──► leave
 *
 * This knowledge ends when it is not known whether a step was made, when a request was sent that this
 * program does not interpret (direct access), and LANE_TRUST_MS after the count, since other programs
 * write to a checkpoint, too. Then the next step counts first.
 *
 * Owner: lanes_new/free; tickets are embedded and must leave before their memory goes. An
 * unused lane is kept for what it knows; the longest unused one is dropped first.
 * Limits, for each lanes_new: LANES_MAX unused lanes, LANE_IDS_MAX ids in all of them (8 MiB). A checkpoint with more
 * steps than LANE_MAX_STEPS is counted anew for each step.
 *
 * Lanes of several processes (lanes_share): a ticket that has its turn needs the lease of the lane, too. What the
 * lane knows goes to the next process with the lease. A process that takes over a lease which its holder did not
 * let go waits LANE_TAKEOVER_MS, counts, and is certain of nothing until the last call of that
 * holder must have ended. The lease is checked once more when a step is sent (lane_may_send). */
#ifndef STEP_LANE_H
#define STEP_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/later.h"
#include "base/list.h"
#include "base/turn.h"
#include "store/keep.h"

enum { LANE_SEND_MARGIN_MS = 1000, LANE_TAKEOVER_MS = 2000, LANE_SCOPE_MAX = 32 };

enum { LANES_MAX = 4096, LANE_IDS_MAX = 1 << 20, LANE_MAX_STEPS = 1 << 17, LANE_TRUST_MS = 10000 };

/* Library checkpoints have ids of their own. */
enum lane_kind { LANE_CHECKPOINT, LANE_LIBRARY };

struct lane_key {
    enum lane_kind kind;
    int64_t id;
};

struct json;
struct lanes;
struct lane;
struct lane_ticket;
typedef void (*lane_turn_fn)(struct lane_ticket *ticket);

struct lane_ticket {
    struct turn turn;
    struct lane *lane; /* NULL: neither waits nor holds */
    lane_turn_fn on_turn;
    struct keep_user lease;
    struct deadline wait;        /* for a step that another process may have sent */
    const struct error *refusal; /* while on_turn runs: why the turn is refused; NULL: granted */
};

struct lanes *lanes_new(struct later *later, unsigned max_queue);
void lanes_configure(struct lanes *lanes, unsigned max_queue);

/* Shares the lanes with all processes of the same store (keeps) and scope (letters and digits for the
 * platform; at most LANE_SCOPE_MAX). To be called before any ticket enters a lane. Free the lanes only after
 * the keeps are closed: the lease of a lane is kept for a while after its last ticket, and its end is told to the
 * lanes. */
struct lanes_shared {
    struct keeps *keeps;
    struct deadlines *deadlines;
    struct str scope;
};

void lanes_share(struct lanes *lanes, const struct lanes_shared *shared);
/* call_ms: for how long a call of another process may be on its way after its lease has ended. strict:
 * steps are refused while the store is away; else this process goes on alone. */
void lanes_configure_share(struct lanes *lanes, unsigned call_ms, bool strict);
void lanes_free(struct lanes *lanes); /* CHECKs that no lane is in use; NULL is fine */

/* *out_now true: the lane is yours, and on_turn will not come; else on_turn comes from a later turn of
 * the loop, at most once; ticket->refusal may be set then (ERR_STORE_AWAY, ERR_STORE_UNREADABLE).
 * ERR_OVERLOADED: max_queue wait already. */
enum error_code lane_enter(struct lanes *lanes, struct lane_key key, struct lane_ticket *ticket,
                           lane_turn_fn on_turn, bool *out_now, struct error *err) MUST_CHECK;
void lane_leave(struct lane_ticket *ticket); /* idempotent; zeroed is fine */
/* True: a step may be sent now. False: the lease of the lane may end before it has arrived,
 * and this process may not go on alone. */
bool lane_may_send(const struct lane_ticket *ticket);

/* --- what the lane knows; only for a ticket that holds the lane --- */

struct lane_moment {
    uint64_t epoch;
    uint64_t ms;
    bool foreign; /* a foreign change (lanes_foreign) was on its way */
};

struct lane_moment lanes_now(const struct lanes *lanes);

int64_t lane_end(const struct lane_ticket *ticket); /* how many steps there are; -1: not known */
int64_t lane_end_seen(const struct lane_ticket *ticket); /* the same, even if seen long ago */
/* True: the lane has the ids of all steps, as far as this process can know. */
bool lane_is_certain(const struct lane_ticket *ticket);
bool lane_has(const struct lane_ticket *ticket, int64_t step_id);
size_t lane_n_ids(const struct lane_ticket *ticket);
/* Takes over all steps of the checkpoint (look.h, checkpoint_steps; NULL: there are none) from the answer
 * to a call that began at `since`. A foreign change since then makes them doubtful. If there are too
 * many, only their number is kept. */
void lane_counted(struct lane_ticket *ticket, const struct lane_moment *since,
                  const struct json *steps);
void lane_made(struct lane_ticket *ticket, int64_t step_id);
void lane_doubt(struct lane_ticket *ticket); /* a step may exist that the lane does not know */

/* --- from outside --- */

/* A checkpoint that was just made: it has no steps. */
void lanes_know_empty(struct lanes *lanes, int64_t checkpoint_id);
int64_t lanes_end(struct lanes *lanes, int64_t checkpoint_id); /* as lane_end */

/* A foreign change: a request that this program does not interpret may change steps, from begin to end.
 * Zeroed: none is on its way; lanes_foreign_end is idempotent. */
struct lanes_foreign {
    struct lanes *lanes;
};

void lanes_foreign_begin(struct lanes *lanes, struct lanes_foreign *foreign);
void lanes_foreign_end(struct lanes_foreign *foreign);

#endif
