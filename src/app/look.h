/* look: what the files of a configuration hold now, read by a thread of libuv's, so that a slow disk or a network
 * share that does not answer holds nobody up. One look at a time, one file in memory at a time. Owner: the
 * reload; look_close, and look_free when look_is_closed. */
#ifndef APP_LOOK_H
#define APP_LOOK_H

#include "config/config.h"
#include "net/loop.h"

struct look;

/* `on_seen` is called from the loop, once for all that was asked since the look before it began. */
typedef void (*look_fn)(void *context, const struct digest *now);

struct look *look_open(struct loop *loop, look_fn on_seen, void *context);
/* While a look runs another one follows it, since that may have read the files too early. */
void look_start(struct look *look, const struct config *config);
void look_close(struct look *look); /* nothing is told any more */
bool look_is_closed(const struct look *look);
void look_free(struct look *look);

#endif
