/* What the guides of steps share.
 *
 * step.c   making a step; keeping the order of other changes
 * seek.c   a step that a process which has died may have made
 * sift.c   what is kept of a long answer about a checkpoint */
#ifndef STEP_STEP_INTERNAL_H
#define STEP_STEP_INTERNAL_H

#include "step/look.h"
#include "step/step.h"

/* --- step.c */
/* The row sends the step itself next, to that place. */
void step_send(struct step *step, struct plan_row *row, int64_t at);
/* The step exists: `seen` shows it. */
enum plan_verdict step_found(struct step *step, struct plan_row *row, const struct look_seen *seen);
/* The answer about the checkpoint lists no steps: sets the error. */
enum plan_verdict step_unlisted(const struct plan_row *row, struct error *err);
/* Where the step stands in the list; -1: it is not in it. */
int64_t step_place_in(const struct json *steps, int64_t id);

/* --- sift.c: of the row's guide */
struct upstream_sieve *step_sieve(const struct plan_row *row);

/* --- seek.c: after the checkpoint was read, and after it could not be read */
enum plan_verdict step_sought(struct step *step, struct plan_row *row, struct error *err);
enum plan_verdict step_seek_failed(struct step *step, struct plan_row *row, struct error *err);

#endif
