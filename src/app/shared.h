/* The store that processes share, the leases kept in it, and the sessions that may lie in it: opened and
 * closed for the server. */
#ifndef APP_SHARED_H
#define APP_SHARED_H

#include "app/server.h"

/* server->store and server->keeps; NULL: nothing is shared. */
enum error_code shared_open(struct server *server, struct error *err) MUST_CHECK;
/* server->sessions; after shared_open. */
enum error_code shared_open_sessions(struct server *server, struct error *err) MUST_CHECK;
/* What was not written yet is written, then the leases are let go: others need not wait for them. The sessions
 * stay, to be closed later. */
void shared_close(struct server *server, void (*on_closed)(struct server *server));

#endif
