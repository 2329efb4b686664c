/* plan: several calls to the platform in sequence, as rows run by one small interpreter - the only
 * code that waits for the platform. A row may be skipped by a variable test, may poll (AGAIN), and
 * leaves an outcome; variables captured from answers feed later rows. Owner: the task (arena);
 * plan_cancel or on_done ends it, exactly once. Promise: on_done comes from a later turn. Variables
 * and outcomes live in `arena`. The network is a struct plan_port, so that tests run plans without
 * one. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/later.h"
#include "data/json.h"
#include "plan/call.h"
#include "plan/offers.h"
#include "plan/told.h"
#include "upstream/upstream.h"

struct plan;

/* The network as a plan sees it; plan_port_of_upstream is the real one. */
struct plan_port {
    enum error_code (*start)(void *context, struct upstream_call *call, struct error *err);
    void (*cancel)(void *context, struct upstream_call *call);
    void *context;
    struct loop *loop; /* of the real network; a plan uses only the two below */
    struct deadlines *deadlines;
    struct later *later;
    struct offers *offers; /* which routes this platform offers; NULL: it is not remembered */
    struct told_ids *told; /* ids that its answers have told; NULL: they are not remembered */
};

enum plan_verdict { PLAN_NEXT, PLAN_AGAIN, PLAN_DONE, PLAN_FAIL };

/* What became of a row, and of what it was for: a command of a batch, a step of a test. */
enum row_status {
    ROW_PENDING,
    ROW_SKIPPED, /* not needed, or not begun */
    ROW_RUNNING,
    ROW_DONE,
    ROW_FAILED,
    ROW_UNKNOWN, /* it may have been carried out */
    ROW_FOUND    /* the thing was there, looked up by name; never the status of a row */
};

const char *row_status_name(enum row_status status); /* "done" */

struct plan_row;
/* Looks at the answer of a row; may set variables, *delay_ms (for AGAIN) and *err (for FAIL), and may
 * append rows (plan_append). The answer lives as long as the plan; after AGAIN only until the answer
 * after the next one. */
typedef enum plan_verdict (*plan_after_fn)(struct plan *plan, struct plan_row *row,
                                           const struct json *answer, uint64_t *delay_ms,
                                           struct error *err);

/* Just before a row is expanded (after `when`): may set variables. False: the row is skipped. */
typedef bool (*plan_before_fn)(struct plan *plan, struct plan_row *row);

/* When a row failed (`row->error` is set, `row->status` is FAILED or UNKNOWN): may insert rows that
 * find out more (plan_insert). PLAN_NEXT: go on as if it were dealt with; PLAN_FAIL: as without the
 * hook. Not called when the plan is being cancelled or stopped. */
typedef enum plan_verdict (*plan_failed_fn)(struct plan *plan, struct plan_row *row);

/* Guides a row that takes more than one call, or that waits for its turn before it is sent.
 *
 *   enter ──► (wait ──► plan_go_on) ──► send row->sends ──► answered | failed ──► leave
 *                                            ▲──────── AGAIN ─────┘
 */
struct plan_guide {
    /* Before the first call. NEXT: send. AGAIN: the row waits until plan_go_on. FAIL: *err. */
    enum plan_verdict (*enter)(struct plan *plan, struct plan_row *row, struct error *err);
    /* row->sends was answered with success. NEXT: the row's own `after` is asked. AGAIN: send
     * row->sends, at once or after plan->again_ms. FAIL: *err, and `failed` is asked. NULL: NEXT. */
    enum plan_verdict (*answered)(struct plan *plan, struct plan_row *row, struct error *err);
    /* row->status and row->error say how it failed; the guide may change the error. AGAIN: send
     * row->sends. FAIL: the row has failed. Not asked when the plan is being cancelled or stopped. */
    enum plan_verdict (*failed)(struct plan *plan, struct plan_row *row);
    /* Exactly once after enter; row->status says what became of it. May be NULL. */
    void (*leave)(struct plan_row *row);
    /* Asked just before the first byte of each try of a call of the row. False: nothing is sent, and
     * the call fails with ERR_OVERLOADED. NULL: it may be sent. */
    bool (*may_send)(const struct plan_row *row);
    /* What is kept of a long answer to row->sends. NULL, or returns NULL: all of it. */
    struct upstream_sieve *(*sieve)(const struct plan_row *row);
};

struct plan_row {
    /* in */
    const struct call *call;
    const struct plan_guide *guide; /* NULL: `call` is sent, once */
    void *guided;                   /* the guide's own data */
    const struct json *args; /* row's own values, asked before the plan's variables; may be NULL */
    const char *when;        /* "name" run only when set; "!name" only when not; NULL always */
    const char *save_as;     /* keep the whole answer as this variable; NULL no */
    plan_before_fn before;   /* NULL: run it */
    plan_after_fn after;     /* NULL: next */
    plan_failed_fn failed;   /* NULL: a failure is a failure */
    bool keep_going;         /* a failure does not end the plan */
    /* The answer is dropped after `after`, and numbers that it gives to variables are written over the
     * older ones: thousands of rows cost no memory for their answers. */
    bool drop_answer;
    unsigned patience_ms; /* for so long a read is asked again while the platform is away (no
                             connection, 5xx, 429, unreadable); 0: the first failure ends it */
    unsigned limit_ms;    /* patience ends at the latest so long after the row began; 0: no limit */
    const void *context;  /* for `after` and the owner (e.g. the step of a test file) */
    const char *label;    /* what the report calls it; NULL: call name */
    /* out */
    enum row_status status;
    const struct call *sends; /* set by the guide; NULL: call */
    bool disproved;           /* set by a guide: `call` was not sent yet, or did not act */
    bool doubtful; /* set by a guide: `call` was sent, and whether it acted is not known */
    int http_status;
    unsigned tries;
    uint64_t us;
    uint64_t started_ms;       /* clock_now_ms */
    const struct error *error; /* never NULL; code ERR_OK: none. By pointer: few rows have one */
    const struct json *answer; /* parsed (arena); NULL: none, or it is not JSON */
};

struct plan_options {
    const struct secret *token;
    struct upstream_tokens *tokens; /* instead of token: the stored ones; NULL: none */
    struct str bearer;
    struct str request_id;
    const struct trace *trace; /* traceparent for each call; NULL none */
    unsigned deadline_ms;      /* whole plan; 0: none */
    enum call_priority priority;
    size_t max_rows;   /* 0: 10,000 */
    bool row_spans;    /* each row has a span of its own around those of its calls */
    bool stored_token; /* 401/403 of the platform become ERR_UPSTREAM_AUTH */
};

typedef void (*plan_done_fn)(struct plan *plan);
typedef void (*plan_progress_fn)(struct plan *plan,
                                 struct plan_row *row); /* a row began or ended */
/* Called when all rows have been run, and are forgotten: may append the next rows (plan_append). If it appends
 * none, the plan is done. */
typedef void (*plan_more_fn)(struct plan *plan);

struct plan {
    struct arena *arena;
    const struct plan_port *port;
    struct plan_options options;
    struct plan_row *rows;
    size_t n_rows;
    size_t cap_rows;
    size_t at;
    size_t n_forgotten;     /* rows that have been run, and gave way to others */
    struct json *variables; /* object */
    plan_done_fn on_done;
    plan_progress_fn on_progress; /* may be NULL */
    /* Gives the next rows, so that thousands of rows cost the memory of a few. NULL: all rows are there. */
    plan_more_fn more;
    /* With `more`: how many rows there will be, to tell how many were not begun. 0: those that are there. */
    size_t n_total;
    /* Asked before the first call of a row that creates or changes something. NEXT: it begins. AGAIN: the
     * row waits until plan_go_on. NULL: it begins. */
    enum plan_verdict (*gate)(struct plan *plan, struct plan_row *row);
    /* Asked, beside the guide's, just before the first byte of each try of a create or change. NULL: it may
     * be sent. */
    bool (*may_send)(const struct plan *plan);
    void *owner;
    /* out */
    enum error_code result; /* ERR_OK, or the first failure that ended it */
    struct error error;
    int last_status;
    struct str cache_control; /* of its reads, joined by commas; empty: they say nothing */
    unsigned n_calls;
    uint64_t wait_us;
    uint64_t wire_us;
    /* private */
    struct upstream_call upstream_call;
    struct deadline again;
    struct deadline limit;
    struct later_item soon;
    struct arena scratch;   /* the request in flight, of the second call on; emptied for each */
    struct arena *polls[2]; /* answers of the row that polls: the newest two */
    struct arena *passing;  /* the answer of a row whose answer is not kept */
    unsigned n_polls;
    unsigned n_away; /* failures one after another that a patient row outlived; at most 3 */
    uint64_t away_ms;
    struct error *away; /* the last of these failures; only with n_away (arena) */
    uint64_t begin_ms;
    uint64_t again_ms; /* set by a guide that says AGAIN: send so much later; 0: at once */
    uint64_t row_begin_us;
    size_t insert_at;
    const struct call *ways;   /* what the row sends; NULL: not chosen yet */
    const struct call *way;    /* the way (or_else) that the row takes now */
    uint32_t ways_refused;     /* bits: the ways of this call that the platform does not offer */
    struct error *spare_error; /* memory of a forgotten one, for the next (arena); NULL none */
    struct error *way_error;   /* the refusal to tell if no way is left (arena); NULL none */
    char traceparent[56];
    char row_span[17]; /* empty: the row has no span of its own */
    struct upstream_header tracestate;
    bool running;
    bool stop_asked;
    bool waits; /* the row at `at` waits for its turn */
    bool gated; /* the row waits at the gate, and has not entered its guide yet */
};

/* `port` must outlive the plan. The plan's own memory goes with the arena. */
void plan_init(struct plan *plan, struct arena *arena, const struct plan_port *port,
               const struct plan_options *options);
/* Returned row is valid until the next append or insert. CHECKs that the plan is not full. */
struct plan_row *plan_append(struct plan *plan, const struct call *call);
/* The same, but right after the row that runs now (for hooks); several keep their order. */
struct plan_row *plan_insert(struct plan *plan, const struct call *call);
/* Forgets the last row of a plan that is only shown (plan_write_requests), so that thousands cost no memory. */
void plan_forget_last(struct plan *plan);
/* The row's own error, to be filled in. */
struct error *plan_row_error(struct plan *plan, struct plan_row *row);
/* `value` must be a root in the plan's arena; the plan owns it from then on. */
void plan_set(struct plan *plan, const char *variable, struct json *value);
void plan_set_int(struct plan *plan, const char *variable,
                  int64_t value); /* writes over the number before */
void plan_set_str(struct plan *plan, const char *variable, struct str value);
const struct json *plan_get(const struct plan *plan, const char *variable);

/* Hooks (before, after, failed, on_progress) may cancel the plan, but its memory must not be freed
 * before they have returned; on_done may free it. */
void plan_start(struct plan *plan, plan_done_fn on_done, void *owner);
void plan_cancel(struct plan *plan); /* idempotent; zeroed is fine; on_done will not come */
/* To be called when a waiting row has its turn, or may pass the gate; in a later turn of the loop than
 * `enter` or `gate`. */
void plan_go_on(struct plan *plan);
/* As plan_go_on, but the row does not get its turn: it has failed with *err. */
void plan_refuse(struct plan *plan, const struct error *err);
/* The time is over: the row in flight is cut (ERR_OUTCOME_UNKNOWN where it may have been carried
 * out, ERR_OVERLOADED where it still waited for its turn), the rows after it are not begun, and
 * on_done comes at once, or soon when all rows have ended. False: it is not running. */
bool plan_time_over(struct plan *plan);
/* Ends when the row in flight has ended: ERR_CANCELLED, or as usual when that was the last row. */
void plan_stop_after_row(struct plan *plan);
/* True while a create or change is on the wire: finish it rather than cancel it. */
bool plan_must_finish(const struct plan *plan);

/* A create or change that failed and may have been carried out all the same: its answer was lost or
 * unreadable, or the platform (or a gateway before it: PLATFORM.md, "Hosts") failed at a point where
 * the change may have been made already. */
bool row_may_have_acted(const struct plan_row *row);
/* What the rows with this `context` (NULL: all rows) have made or changed: [{call, id}] of creates and
 * changes that were answered with success; NULL: nothing. */
struct json *plan_made(const struct plan *plan, const void *context);
/* What would be sent, without sending: [{method, path, query?, body?}]. Values that only an answer
 * can give appear as "{name}". `before` hooks run (they set variables). A hook that says no leaves out
 * only a read, since it may decide by what only a real run knows. */
enum error_code plan_dry_run(struct plan *plan, struct json **out, struct error *err) MUST_CHECK;
/* The same requests, written one by one into the array that `w` has open, for plans of thousands:
 * those of the rows from *at on, at most `n_rows` of them. *at becomes the next row; plan->n_rows: all are
 * written. */
enum error_code plan_write_requests(struct plan *plan, size_t *at, size_t n_rows,
                                    struct json_writer *w, struct error *err) MUST_CHECK;
/* [{name, status, http_status, ms, error?}] of rows that were begun. */
struct json *plan_report(struct plan *plan);

struct plan_port plan_port_of_upstream(struct upstream *upstream, struct loop *loop);

#endif
