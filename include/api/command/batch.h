/* batch: one or more commands of the catalogue turned into rows of one plan. A single command is a
 * batch of one; a test run is a batch with rows before it.
 *
 *   prepare: bind every command ─► (lane of the session) ─► rows ─► plan_start ─► on_done with each
 * outcome
 *
 * Positions: a step without one goes behind the last one of its checkpoint, whoever made that
 * (step/step.h), or where the session's owner has set the session. Owner: the task's arena. Promise: on_done comes exactly once after batch_start returned STAGE_WAIT,
 * unless batch_cancel came first. */
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
    bool is_counted; /* a dry run has shown how the end becomes known */
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
    bool is_answered;          /* it has come; it may be empty */
    struct json *data;         /* what the reply says about it */
    struct str data_text;      /* or this: the text of it, of a step */
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
    size_t n_prepared;        /* of the items */
    size_t errors_left;       /* that are told in full */
    bool is_shown;            /* never sent, so nobody needs a permission for it */
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
/* Binds all items. Errors of an item stay with it (item->errors); ERR for the whole: session not
 * found, more than one way to say something. */
enum error_code batch_prepare(struct batch *batch, struct error *err) MUST_CHECK;
/* The same in pieces, so that a long list does not hold up the loop: begin, then the next items until it is true. */
enum error_code batch_prepare_begin(struct batch *batch, struct error *err) MUST_CHECK;
bool batch_prepare_on(struct batch *batch, size_t n_items) MUST_CHECK;
/* Waits for the lane if there is one, builds, runs. STAGE_DONE is never returned. On WAIT the
 * task's on_cancel and must_finish are the batch's. STAGE_CONTINUE with task->error set: could not
 * start. */
enum stage_verdict batch_start(struct batch *batch, void (*on_done)(struct batch *batch));
/* The rows of a dry run, whose requests plan_write_requests writes. False: *err. */
bool batch_begin_dry(struct batch *batch, struct error *err) MUST_CHECK;
/* The requests that would be sent: an array. */
struct json *batch_dry_run(struct batch *batch, struct error *err);
/* The same of one command: {"command", "args", "options", "checkpoint_id", "position"}, all right.
 * command.c */
struct json *command_requests(struct task *task, const struct json *body, struct error *err);
/* A command as a body of ours says it. */
struct command_input command_input_of(const struct task *task, const struct json *body,
                                      struct str command);
/* `when` of a call that belongs to a command or a route: "x": among the values, and not false; "!x": not; NULL: always. */
bool call_is_wanted(const struct json *values, const char *when);
/* batch_link.c: the last row of a command whose answer links to an execution. */
void batch_add_project(struct batch_item *item);
size_t batch_count(const struct batch *batch, enum row_status status);

#endif
