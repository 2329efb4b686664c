/* watch: tells that something happened in a folder of one of the configuration's files. Folders are
 * watched, not files: a file that is replaced by another one (as editors and Kubernetes do) would
 * not be seen. What happened is for the caller to find out. */
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include "config/config.h"
#include "net/loop.h"

struct watch;

struct watch *watch_open(struct loop *loop, void (*on_event)(void *context), void *context);
/* Watches the folders of these files instead of those before; at most WATCH_MAX. A folder that cannot
 * be watched is logged. */
void watch_files(struct watch *watch, const struct config *config);
void watch_close(struct watch *watch);
bool watch_is_closed(const struct watch *watch); /* no handle is left */
void watch_free(struct watch *watch);

/* look: what the files of a configuration hold now, read by a thread of libuv's, so that a slow disk or a network
 * share that does not answer does not hold the loop up. One look at a time, one file in memory at a time. Owner: the
 * reload; look_close, and look_free when look_is_closed. */
struct look;
/* `on_seen` is called from the loop, once for all calls of look_start since the look before began. */
typedef void (*look_fn)(void *context, const struct digest *now);

struct look *look_open(struct loop *loop, look_fn on_seen, void *context);
/* If a look is running, another one follows it: the running look may have read the files too early. */
void look_start(struct look *look, const struct config *config);
void look_close(struct look *look); /* nothing is told any more */
bool look_is_closed(const struct look *look);
void look_free(struct look *look);

#endif
