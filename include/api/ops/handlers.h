/* Handlers of health, metrics and the list of routes, for the route table. */
#ifndef API_OPS_HANDLERS_H
#define API_OPS_HANDLERS_H

#include "api/gate/members.h"
#include "api/gate/route.h"

extern const struct member log_level_members[], webhook_create_members[], webhook_patch_members[];

struct api;
struct config;
struct purges;

handler handle_health, handle_live, handle_ready;
handler handle_metrics, handle_stats, handle_routes;
handler handle_reload, handle_log_level, handle_log_level_set, handle_config, handle_cache_purge;
handler handle_cache_events, handle_events, handle_audit;
handler handle_analytics_dashboard, handle_analytics_commands, handle_analytics_tests;
handler handle_webhook_create, handle_webhook_list, handle_webhook_get, handle_webhook_patch;
handler handle_webhook_delete, handle_webhook_test, handle_webhook_deliveries;
handler handle_webhook_redeliver;

/* Purges are told to other processes from now on, until purges_close. */
struct purges *purges_open(struct api *api);
void purges_close(struct purges *purges);
/* expiry.c: the log tells of keys and certificates that expire while the program runs; what is true at the start, whoever
 * starts it has told. deadline_clear(&api->expiry) ends it. */
void expiry_begin(struct api *api);
void expiry_follow(struct api *api, const struct config *before); /* api->config is another one */
void expiry_set_gauge(const struct api *api);
void ops_set_gauges(const struct api *api); /* brings the gauges up to date */

#endif
