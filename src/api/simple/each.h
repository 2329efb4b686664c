/* The loop of the simplified API: calls that are made for each element of a list in an answer, as rows
 * (struct simple_each). The rows are appended to the plan when the answer is there. */
#ifndef API_SIMPLE_EACH_H
#define API_SIMPLE_EACH_H

#include "api/command/batch.h"
#include "api/simple/simple.h"
#include "step/look.h"
#include "step/step.h"

struct each_plan {
    const struct catalog *catalog;
    struct plan *plan;
    struct step *step;   /* guides the rows that make steps */
    plan_after_fn after; /* of every row */
    bool show;           /* a dry run: each call once, its values by name */
};

/* Before anything is made: every list is there, and none is too long. */
enum error_code each_check(const struct simple_each *each, const struct json *variables,
                           struct error *err) MUST_CHECK;
/* Appends the rows. CHECKs what each_check has checked. */
void each_append(const struct each_plan *to, const struct simple_each *each,
                 const struct json *variables);
/* The row makes a step behind the last one of the checkpoint that the plan has made. */
void simple_makes_step(struct plan_row *row, struct step *step);

#endif
