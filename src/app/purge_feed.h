/* purge_feed: an edge (upstream.is_proxy) listens to the proxy before it, and forgets what it keeps when that one does
 * (GET /api/v1/cache/events). After each gap everything is forgotten. Where the other proxy does not offer the events, or is
 * away, kept answers live as long as they may. Owner: the server. */
#ifndef APP_PURGE_FEED_H
#define APP_PURGE_FEED_H

#include "app/server.h"

/* *out stays NULL where nothing is kept, or the platform is no proxy. */
enum error_code purge_feed_open(struct server *server, struct purge_feed **out,
                                struct error *err) MUST_CHECK;
/* on_closed from the loop; then the feed is gone. */
void purge_feed_close(struct purge_feed *feed, void (*on_closed)(void *context), void *context);

#endif
