/* The replies of a batch. */
#ifndef API_COMMAND_BATCH_REPLY_H
#define API_COMMAND_BATCH_REPLY_H

#include "api/command/batch.h"

void batch_reply_one(struct batch *batch);
void batch_reply_list(struct batch *batch);
/* Instead of batch_start: the requests that would be sent. A long list is written in turns of its own. */
enum stage_verdict batch_answer_dry(struct batch *batch);

#endif
