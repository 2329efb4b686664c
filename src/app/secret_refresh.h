/* Secrets by reference while a server runs: read again every secrets.refresh_s, and when somebody asks. Owner: reload. */
#ifndef APP_SECRET_REFRESH_H
#define APP_SECRET_REFRESH_H

#include <stdbool.h>

#include "net/loop.h"
#include "secret_source.h"

struct secret_refresh;

/* They were read; `asked`: by secret_refresh_read. Else by itself, and something has changed. */
typedef void (*secret_refresh_fn)(void *context, bool asked);

/* `by_itself` false: only when secret_refresh_if_due says so. */
struct secret_refresh *secret_refresh_open(struct loop *loop, struct secret_source *source,
                                           bool by_itself, secret_refresh_fn on_read,
                                           void *context);
/* Reads them if that is due by the clock on the wall, which goes on while the process is stopped. */
void secret_refresh_if_due(struct secret_refresh *refresh);
bool secret_refresh_is_reading(const struct secret_refresh *refresh);
/* False: there is nothing to read. True: on_read comes later, once for all who ask meanwhile. `all`: also those that are known. */
bool secret_refresh_read(struct secret_refresh *refresh, const struct config_sources *sources,
                         bool all);
void secret_refresh_close(struct secret_refresh *refresh);
bool secret_refresh_is_closed(const struct secret_refresh *refresh);
void secret_refresh_free(struct secret_refresh *refresh);

#endif
