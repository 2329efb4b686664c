/* What listener.c and bind.c share. */
#ifndef NET_LISTENER_INTERNAL_H
#define NET_LISTENER_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>

struct address; /* base/address.h */

/* The kernel takes net.core.somaxconn where that is less. Behind a full queue a client waits a second and
 * more for its next try. */
enum { LISTENER_BACKLOG = 4096 };

bool listener_resolve(const struct address *address, struct sockaddr_storage *out);
/* A socket that nobody listens on any more is what a killed process leaves behind. */
void listener_remove_abandoned(const char *path);

#endif
