/* batch: one or more commands of the catalogue turned into rows of one plan. A single command is a
 * batch of one. (Test runs make rows of their own: room run.)
 *
 *   prepare: bind every command ─► (lane of the session) ─► rows ─► plan_start ─► on_done with each outcome
 *
 * Positions: a step without one goes to the position that the session's owner has set, else behind the last step
 * of its checkpoint, whoever made that step (step/step.h). Owner: the task's arena. Promise: on_done comes exactly
 * once after batch_start returned STAGE_WAIT, unless the task is cancelled before. */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "api/gate/task.h"
#include "step/step.h"

/* Where steps go. */
struct batch_cursor {
    struct str checkpoint_id;
    int64_t checkpoint_number;
    int64_t position; /* the next step's; -1: behind the last step */
    bool is_session;
    bool is_counted; /* a dry run has shown the call that counts */
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
    enum row_status status;
    struct error error;
    int64_t position;          /* where the step stands; -1 none */
    const struct json *answer; /* of a command that is not a step: the platform's main answer */
    bool is_answered;          /* the answer has come; it may be empty */
    struct json *data;         /* what the reply says about it */
    struct str data_text;      /* or, for a step, the same as JSON text */
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
    bool is_list;             /* asked for as a batch, even if of one */
    size_t csv_left;          /* bytes of CSV that its commands may still have */
    size_t n_prepared;        /* of the items */
    size_t errors_left;       /* that may still be told in full */
    bool is_shown;            /* never sent, so the caller needs no permission */
    bool is_dry;              /* only the requests are wanted */
    struct str checkpoint_id; /* of the whole request; empty: session's */
    struct str session_id;    /* empty: none */
    struct session session;
    struct batch_cursor *cursors;
    struct session_ticket ticket;
    struct step step; /* that is being made */
    void (*on_done)(struct batch *batch);
    void *owner;
};

/* Of `n` empty items, in the arena of the task. */
struct batch *batch_new(struct task *task, size_t n);
/* Binds all items. Errors of an item stay with it (item->errors). An error is returned if the session is
 * not found or paused. */
enum error_code batch_prepare(struct batch *batch, struct error *err) MUST_CHECK;
/* The same in pieces, so that a long list does not hold up the loop: batch_prepare_begin, then batch_prepare_on for
 * some more items until it returns true. */
enum error_code batch_prepare_begin(struct batch *batch, struct error *err) MUST_CHECK;
bool batch_prepare_on(struct batch *batch, size_t n_items) MUST_CHECK;
/* Waits for the lane if there is one, builds, runs. STAGE_DONE is never returned. On WAIT the
 * task's on_cancel and must_finish are the batch's. STAGE_CONTINUE with task->error set: the batch
 * could not start. */
enum stage_verdict batch_start(struct batch *batch, void (*on_done)(struct batch *batch));
/* The rows of a dry run, whose requests plan_write_requests writes. False: *err. */
bool batch_begin_dry(struct batch *batch, struct error *err) MUST_CHECK;
/* The requests that would be sent: an array. */
struct json *batch_dry_run(struct batch *batch, struct error *err);
/* command.c. The same for one command: {"command", "args", "options", "checkpoint_id", "position"}. NULL: it
 * is not right. */
struct json *command_requests(struct task *task, const struct json *body, struct error *err);
/* The command that a request body tells. */
struct command_input command_input_of(const struct task *task, const struct json *body,
                                      struct str command);
/* Is a call with this `when` sent? "x": if x is among the values, and not false; "!x": if not; NULL: always. */
bool call_is_wanted(const struct json *values, const char *when);
/* batch_link.c: the last row of a command whose answer links to an execution. */
void batch_add_project(struct batch_item *item);
size_t batch_count(const struct batch *batch, enum row_status status);

#endif
