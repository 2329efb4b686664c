/* Who asks Cloud Tasks or Lambda to send this service a request (room cloud), for the api: runs.recall. */
#ifndef APP_RECALLER_H
#define APP_RECALLER_H

#include "api/gate/options.h"

struct loop;
struct recaller;

/* NULL: the configuration names nobody to ask, or runs need no request. `config` is read at once. */
struct recaller *recaller_open(struct loop *loop, const struct config *config);
/* No recall may be on its way. */
void recaller_close(struct recaller *recaller, void (*on_closed)(void *context), void *context);
const struct api_recaller *recaller_port(struct recaller *recaller); /* NULL is fine, as below */
/* After a pause of the whole machine nobody knows which of them are still there. */
void recaller_forget_connections(struct recaller *recaller);

#endif
