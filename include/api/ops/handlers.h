/* Handlers of health, metrics and the list of routes, for the route table. */
#ifndef API_OPS_HANDLERS_H
#define API_OPS_HANDLERS_H

#include "api/gate/route.h"

enum stage_verdict handle_health(struct task *task);
enum stage_verdict handle_live(struct task *task);
enum stage_verdict handle_ready(struct task *task);
enum stage_verdict handle_metrics(struct task *task);
enum stage_verdict handle_stats(struct task *task);
enum stage_verdict handle_reload(struct task *task);
enum stage_verdict handle_routes(struct task *task);

#endif
