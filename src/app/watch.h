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

#endif
