/* Posts with a token of Google (room cloud), for sinks of analytics. */
#ifndef APP_GOOGLE_H
#define APP_GOOGLE_H

#include "events/sinks.h"

struct google;

/* `service`: the first word of its host, "bigquery". */
struct google *google_open(struct loop *loop, const char *service, struct str ca_file);
/* No call may be on its way. */
void google_close(struct google *google, void (*on_closed)(void *context), void *context);
struct sink_google google_port(struct google *google);

#endif
