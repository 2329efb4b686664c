/* What the files of this room share: how a row becomes a request. */
#ifndef PLAN_PLAN_INTERNAL_H
#define PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct row_request {
    struct str path;
    struct str query;
    struct json *body; /* NULL none */
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
/* show.c. A call with these values. */
enum error_code call_expand(const struct call *call, const struct scope *values,
                            struct arena *arena, struct row_request *out,
                            struct error *err) MUST_CHECK;
/* The call that the row sends now. */
const struct call *row_sends(const struct plan_row *row);
bool row_when(const struct plan *plan, const struct plan_row *row);
void plan_forget_arena(void *pointer); /* for arena_defer */
const char *row_name(const struct plan_row *row);

#endif
