/* The body of a request as a tree. A long one is read in turns of the loop of its own: what is done with it begins in
 * another one. */
#ifndef API_GATE_BODY_H
#define API_GATE_BODY_H

#include "api/gate/task.h"

/* A stage: task->body, or a refusal. */
enum stage_verdict body_read(struct task *task);
/* Does the Content-Type say YAML? */
bool body_is_yaml(struct str content_type);
bool body_type_is_one_of(struct str type, const char *const *types); /* NULL ends them */

#endif
