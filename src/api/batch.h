/* batch: one or more commands of the catalogue turned into rows of one plan. A single command is a
 * batch of one; a test run is a batch with rows before it.
 *
 *   prepare: bind every command ─► (lane of the session) ─► rows ─► plan_start ─► on_done with each
 * outcome
 *
 * Positions: a step without one goes where the cursor of its checkpoint stands; a cursor starts at
 * the session's position, or at the number of steps that the platform reports, read once. Owner:
 * the task's arena. Promise: on_done comes exactly once after batch_start returned STAGE_WAIT,
 * unless batch_cancel came first. */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "api_internal.h"
#include "step/read_back.h"

enum item_status { ITEM_PENDING, ITEM_DONE, ITEM_FAILED, ITEM_SKIPPED, ITEM_UNKNOWN };

/* Whether a step that was sent exists: no question; being looked for; the platform was asked. */
enum item_doubt { DOUBT_NONE, DOUBT_LOOKS, DOUBT_LOOKED };

struct batch;

struct batch_cursor {
    struct str checkpoint_id;
    int64_t checkpoint_number;
    int64_t position; /* -1: not known */
    int64_t end_ms;   /* Unix: when that was seen to be the checkpoint's end; 0: it was not */
    struct session_seen seen; /* the ledger's numbers then */
    bool is_session;
    bool is_counted;            /* a dry run has shown how the position becomes known */
    const struct json *counted; /* the steps that stood there when they were counted; NULL: never */
    uint64_t counted_since;     /* the ledger's number before that */
    struct session_seen look;   /* the ledger's numbers before the count on its way */
    struct batch_cursor *next;
};

struct batch_item {
    /* in */
    struct command_input input;
    struct str description; /* empty: made from the command */
    /* made by batch_prepare */
    struct batch *batch;
    size_t index;
    struct bound_command bound;
    struct json *args;           /* bound values and checkpoint_id */
    struct batch_cursor *cursor; /* steps only */
    struct error_list *errors;   /* of binding; NULL none */
    /* out */
    enum item_status status;
    struct error error;
    int64_t position;          /* where the step stands; -1 none */
    const struct json *answer; /* of a command that is not a step: the platform's main answer */
    bool is_answered;          /* it has come; it may be empty */
    struct json *data;         /* what the reply says about it */
    bool is_alone;           /* no other step was begun in its checkpoint since the end was seen */
    bool was_end;            /* nothing stood at its place a moment before it was sent */
    struct ledger_mark mark; /* while it is being made */
    enum item_doubt doubt;
    struct read_back look; /* for the step, when its answer was lost */
    uint64_t look_ms;      /* since when */
    unsigned n_looks;
    const struct json *seen; /* {step_id, position} of a step that may be the lost one; NULL none */
    bool recovered;          /* its answer was lost, and the step found when read back */
    bool timed_out;          /* it waited for an execution that went on longer */
    uint64_t us;
};

struct batch {
    struct task *task;
    struct batch_item *items;
    size_t n_items;
    bool stop_on_error;
    bool is_list;             /* asked for as a batch, be it of one */
    size_t csv_left;          /* that its commands may still have */
    bool is_shown;            /* never sent, so nobody needs a permission for it */
    bool is_dry;              /* only the requests are wanted */
    struct str checkpoint_id; /* of the whole request; empty: session's */
    struct str session_id;    /* empty: none */
    struct session session;
    struct batch_cursor *cursors;
    struct session_ticket ticket;
    struct plan plan;
    void (*on_done)(struct batch *batch);
    void *owner;
};

/* Binds all items. Errors of an item stay with it (item->errors); ERR for the whole: session not
 * found, more than one way to say something. */
enum error_code batch_prepare(struct batch *batch, struct error *err) MUST_CHECK;
/* Fills batch->plan with the rows of all items that can run. */
void batch_build(struct batch *batch);
/* Waits for the lane if there is one, builds, runs. STAGE_DONE is never returned. On WAIT the
 * task's on_cancel and must_finish are the batch's. STAGE_CONTINUE with task->error set: could not
 * start. */
enum stage_verdict batch_start(struct batch *batch, void (*on_done)(struct batch *batch));
/* The requests that would be sent: an array. */
struct json *batch_dry_run(struct batch *batch, struct error *err);
/* The same of one command: {"command", "args", "options", "checkpoint_id", "position"}, all right.
 * command.c */
struct json *command_requests(struct task *task, const struct json *body, struct error *err);
/* batch_link.c: the last row of a command whose answer links to an execution. */
void batch_add_project(struct batch_item *item);
/* batch_recover.c: the step's call failed; where its outcome is unknown the checkpoint is read
 * back. */
enum plan_verdict batch_step_failed(struct plan *plan, struct plan_row *row);
struct json *batch_step_data(struct batch_item *item, const struct json *answer);
void batch_cursor_moves(struct batch_item *item);
/* The session, if it is its cursor, learns where the cursor stands. */
void batch_cursor_tell(struct batch_item *item, int64_t steps_added);
/* Whether the step exists is not known: nor is where the next one goes. */
void batch_position_unknown(struct batch_item *item);
size_t batch_count(const struct batch *batch, enum item_status status);

#endif
