/* The API that we offer, as a service of the http room: routes, stages, authentication, handlers.
 * Policy only: it sees requests and answers, plans and sessions, never sockets or the event loop.
 * Owner: the app opens one per server; all exchanges must have ended before api_close. */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>

#include "api/gate/options.h"
#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"
#include "http/server.h"

struct api;

struct api *api_open(const struct api_options *options);
/* Takes effect for requests that begin from now on; those under way keep theirs. The configuration
 * was checked; `links` as in the options. */
void api_configure(struct api *api, const struct config *config, const struct api_link *links);
/* Health tells that another configuration was refused, and why; empty: it was taken. */
void api_set_config_error(struct api *api, struct str text);
/* Cancels the test runs that still work, while the platform can be called: before the upstream is
 * closed. Exchanges must have ended. */
void api_stop(struct api *api);
size_t api_n_running(const struct api *api); /* test runs in progress: a drain waits for them */
void api_close(struct api *api);
const struct http_service *api_service(void);       /* context: struct api * */
const struct http_service *api_admin_service(void); /* of the admin listener; the same context */
/* Takes news from another worker. */
void api_hear(struct api *api, enum api_news news, struct str text);
/* Brings the metrics that are gauges up to date. */
void api_set_gauges(struct api *api);
/* Ends the event streams that have no end of their own, since the server shuts down. */
void api_end_streams(struct api *api);
void api_set_draining(struct api *api); /* readiness answers 503 from now on */

enum { API_MAX_ROUTE_LABELS = 96 };

/* Makes a request of the simplified API from an object. `action` is the operationId of the route (ERR_BAD_REQUEST with
 * the nearest name if there is no such route). Members with the names of its parameters (goalId or id for the {id}
 * behind "goals") fill path and query; the others are the body, unless there is a member `body`, which then is it.
 * `headers` is left out. *line is "POST /api/goals/1/execute?dry_run=true"; texts in the arena. */
enum error_code api_read_action(struct arena *arena, const struct json *event, struct str *line,
                                struct str *body, struct error *err) MUST_CHECK;

/* Distinct patterns of the routes, for metrics_label_values; index 0 is "unmatched". Returns their number. */
size_t api_route_labels(const char *out[API_MAX_ROUTE_LABELS]);

#endif
