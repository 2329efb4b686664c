/* What the files that carry a batch out share. */
#ifndef API_BATCH_ROWS_H
#define API_BATCH_ROWS_H

#include "api/command/batch.h"

/* batch_call.c */
struct batch_item *batch_item_of(const struct plan_row *row);
int64_t batch_item_limit(const struct batch_item *item);
enum plan_verdict batch_after_call(struct plan *plan, struct plan_row *row,
                                   const struct json *answer, uint64_t *delay_ms,
                                   struct error *err);

#endif
