/* Handlers of the simplified API, for the route table. */
#ifndef API_SIMPLE_HANDLERS_H
#define API_SIMPLE_HANDLERS_H

#include "api/gate/members.h"
#include "api/gate/route.h"

enum stage_verdict handle_simple(struct task *task);
enum stage_verdict handle_simple_step(struct task *task);

/* What its body may have. */
extern const struct member simple_step_members[];

#endif
