/* What the files of this room share: how a row becomes a request. */
#ifndef PLAN_PLAN_INTERNAL_H
#define PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct answer;

struct row_request {
    struct str path;
    struct str query;
    struct str body; /* JSON; empty: none */
};

/* ways.c. The way that a call of the row goes next (the only one, for most); NULL: all were
 * refused. */
const struct call *way_of(const struct plan *plan, const struct plan_row *row,
                          const struct call *call);
void ways_begin(struct plan *plan);  /* sets plan->way for what the row sends */
void ways_forget(struct plan *plan); /* before another call */
void way_answered(struct plan *plan);
/* The way failed with *err. True: plan->way is another one, to be sent at once. False: *err is what
 * to tell. */
bool way_refused(struct plan *plan, struct error *err);
/* `way` of the row as a request. Values come from the row's args, then the plan's variables. */
enum error_code row_expand(const struct plan *plan, const struct plan_row *row,
                           const struct call *way, struct arena *arena, struct row_request *out,
                           struct error *err) MUST_CHECK;
/* show.c. The request of a call with these values. */
enum error_code call_expand(const struct call *call, const struct scope *values,
                            struct arena *arena, struct row_request *out,
                            struct error *err) MUST_CHECK;
/* The call that the row sends now. */
const struct call *row_sends(const struct plan_row *row);

/* The sieve for the answer to that call; NULL: none. */
static inline struct upstream_sieve *row_sieve(const struct plan_row *row)
{
    return row->guide != NULL && row->guide->sieve != NULL ? row->guide->sieve(row) : NULL;
}

void plan_note_cache_control(struct plan *plan, struct str control);
bool row_when(const struct plan *plan, const struct plan_row *row);
void plan_forget_arena(void *pointer); /* for arena_defer */
const char *row_name(const struct plan_row *row);
/* The row's own value, else the plan's; NULL none. */
const struct json *row_value(const struct plan *plan, const struct plan_row *row, const char *name);

/* What a step of the interpreter comes to; see plan.c. */
enum flow { FLOW_NEXT, FLOW_WAIT, FLOW_END, FLOW_GONE };

/* plan.c. Sets the result; always FLOW_END. */
enum flow plan_end_with(struct plan *plan, enum error_code code, const struct error *err);
void plan_finish(struct plan *plan);        /* calls on_done, which may free the plan */
bool plan_tell_progress(struct plan *plan); /* false: the hook has cancelled the plan */
/* Ends the row at `at` with this status. */
void plan_close_row(struct plan *plan, enum row_status status);
/* plan_span.c */
void plan_span_begin_row(struct plan *plan);
void plan_span_wait(const struct plan *plan); /* from the row's begin until now */
void plan_span_end_row(struct plan *plan, const struct plan_row *row);

/* patience.c. True: the row is asked again, later. */
bool plan_outlives(struct plan *plan, const struct error *err);

/* cut.c. True: the plan has no time left; else *out_left_ms (0: there is no limit). */
bool plan_is_over_time(const struct plan *plan, unsigned *out_left_ms);
enum error_code plan_out_of_time(const struct plan *plan, struct error *err);

/* rows.c. All rows have been run. True: others have taken their place. */
bool plan_take_more(struct plan *plan);
void row_forget_error(struct plan_row *row);

/* kept.c. Drops the answer to another call than the row's own: its memory is used for the next answer. */
void row_forget_other_answer(struct plan_row *row);
void row_forget_answer(struct plan_row *row); /* if it is not kept (drop_answer) */
/* The captures of the call, and the whole answer where the row saves it, as variables. */
void plan_keep_values(struct plan *plan, const struct plan_row *row);
void plan_parse_answer(struct plan *plan, struct plan_row *row, const struct upstream_reply *reply);

/* subject.c. For an answer that was judged ERR_OK. ERR_UPSTREAM_SHAPE: it is about another thing than the call of the
 * row (call_spec: about, repeats), or has no name, and an id that is not new. */
enum error_code plan_judge_subject(const struct plan *plan, const struct plan_row *row,
                                   const struct answer *answer, struct error *err) MUST_CHECK;
void plan_note_made(struct plan *plan); /* the answer to its create is taken */

/* plan.c */
void plan_run_soon(struct plan *plan); /* in the next turn */
void plan_run_in(struct plan *plan, uint64_t ms);
void plan_follow(struct plan *plan,
                 enum flow flow); /* goes on or ends, as the last step of the interpreter says */
enum flow plan_row_failed(struct plan *plan, enum row_status status, const struct error *err);
/* cut.c. upstream_request.may_send; the sender is the plan. */
bool plan_may_send(const void *sender);

#endif
