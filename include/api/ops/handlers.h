/* Handlers of health, metrics and the list of routes, for the route table. */
#ifndef API_OPS_HANDLERS_H
#define API_OPS_HANDLERS_H

#include "api/gate/members.h"
#include "api/gate/route.h"

extern const struct member log_level_members[], webhook_create_members[], webhook_patch_members[];

struct api;
struct purges;

enum stage_verdict handle_health(struct task *task);
enum stage_verdict handle_live(struct task *task);
enum stage_verdict handle_ready(struct task *task);
enum stage_verdict handle_metrics(struct task *task);
enum stage_verdict handle_stats(struct task *task);
enum stage_verdict handle_reload(struct task *task);
enum stage_verdict handle_log_level(struct task *task);
enum stage_verdict handle_log_level_set(struct task *task);
enum stage_verdict handle_config(struct task *task);
/* Told to others from now on, until purges_close. */
struct purges *purges_open(struct api *api);
void purges_close(struct purges *purges);
void ops_set_gauges(const struct api *api); /* figures of the moment, into the metrics */
enum stage_verdict handle_cache_events(struct task *task);
enum stage_verdict handle_cache_purge(struct task *task);
enum stage_verdict handle_events(struct task *task);
enum stage_verdict handle_audit(struct task *task);
enum stage_verdict handle_analytics_dashboard(struct task *task);
enum stage_verdict handle_analytics_commands(struct task *task);
enum stage_verdict handle_analytics_tests(struct task *task);
enum stage_verdict handle_webhook_create(struct task *task);
enum stage_verdict handle_webhook_list(struct task *task);
enum stage_verdict handle_webhook_get(struct task *task);
enum stage_verdict handle_webhook_patch(struct task *task);
enum stage_verdict handle_webhook_delete(struct task *task);
enum stage_verdict handle_webhook_test(struct task *task);
enum stage_verdict handle_webhook_deliveries(struct task *task);
enum stage_verdict handle_webhook_redeliver(struct task *task);
enum stage_verdict handle_routes(struct task *task);

#endif
