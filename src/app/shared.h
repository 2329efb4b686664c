/* The store that processes share, the leases kept in it, and the sessions that may lie in it: opened for the
 * server. */
#ifndef APP_SHARED_H
#define APP_SHARED_H

#include "app/server.h"

/* server->store and server->keeps; NULL: nothing is shared. */
enum error_code shared_open(struct server *server, struct error *err) MUST_CHECK;
/* server->sessions; after shared_open. */
enum error_code shared_open_sessions(struct server *server, struct error *err) MUST_CHECK;
#endif
