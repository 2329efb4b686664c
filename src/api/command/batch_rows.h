/* What the files that carry a batch out share. */
#ifndef API_BATCH_ROWS_H
#define API_BATCH_ROWS_H

#include "api/command/batch.h"

/* batch_rows.c */
struct batch_item *batch_item_of(const struct plan_row *row);
void batch_build(struct batch *batch); /* fills its plan with the rows of all items that can run */
void batch_take_failure(struct batch_item *item, const struct plan_row *row);
void batch_position_unknown(struct batch_item *item); /* that of its cursor, from now on */
/* batch_call.c */
int64_t batch_item_limit(const struct batch_item *item);
enum plan_verdict batch_after_call(struct plan *plan, struct plan_row *row,
                                   const struct json *answer, uint64_t *delay_ms,
                                   struct error *err);
/* batch_reply.c */
void batch_reply_one(struct batch *batch);
void batch_reply_list(struct batch *batch);
/* Instead of batch_start: the requests that would be sent. A long list is written in several turns. */
enum stage_verdict batch_answer_dry(struct batch *batch);

#endif
