/* The parts of a server that are no rooms: the opening of its store, its sessions and the consumers of facts, and
 * adapters that serve the port of one room by another room. A part that the configuration does not want stays NULL.
 * A part is closed when none of its calls is under way; each close calls back from the loop when the part is gone.
 * Owner: the server. */
#ifndef APP_PARTS_H
#define APP_PARTS_H

#include "api/gate/options.h"
#include "app/server.h"
#include "events/artifacts.h"
#include "events/sinks.h"

/* consumers.c: members of the server, in the order of server.c. */
enum error_code open_store(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_sessions(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_journal(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_webhooks(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_analytics(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_sinks(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_audit(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_artifacts(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_recaller(struct server *server, struct error *err) MUST_CHECK;

/* What open_audit would refuse at the start. One of several processes does not look into the file before it writes. */
enum error_code try_audit(const struct config *config, struct error *err) MUST_CHECK;

/* Puts the reports of a test run to artifacts.url.
 *
 *   put ─► text of the run (api) ─► tree (thread) ─► screenshots, if asked for ─► reports (thread) ─► each: digest (thread), PUT (cloud)
 *                                                                                              or written (thread)
 *
 * Whatever takes long for a run of thousands of steps is done in a thread. */
enum error_code archive_open(struct server *server, struct archive **out,
                             struct error *err) MUST_CHECK;
struct artifacts_port archive_port(struct archive *archive);
/* Waits for a thread that is at work. */
void archive_close(struct archive *archive, void (*on_closed)(void *context), void *context);

/* Posts with a token of Google, for sinks of analytics. `service`: the first word of its host, "bigquery". */
struct google *google_open(struct loop *loop, const char *service, struct str ca_file);
void google_close(struct google *google, void (*on_closed)(void *context), void *context);
struct sink_google google_port(struct google *google);

/* Asks Cloud Tasks or Lambda to send this service a request (runs.recall). recaller_open keeps nothing of `config`. */
struct recaller *recaller_open(struct loop *loop, const struct config *config);
void recaller_close(struct recaller *recaller, void (*on_closed)(void *context), void *context);
const struct api_recaller *recaller_port(struct recaller *recaller); /* NULL is fine, as below */
/* Call it after a pause of the whole machine: connections may be gone without a sign. */
void recaller_forget_connections(struct recaller *recaller);

/* An edge (upstream.is_proxy) listens to the proxy that it calls (GET /api/v1/cache/events), and empties its cache
 * when that proxy does, and after each gap. If that proxy does not offer the events, or is away, kept answers live
 * as long as they may. */
enum error_code purge_feed_open(struct server *server, struct purge_feed **out,
                                struct error *err) MUST_CHECK;
void purge_feed_close(struct purge_feed *feed, void (*on_closed)(void *context), void *context);

#endif
