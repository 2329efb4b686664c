/* Who needs no key on the admin listener. */
#ifndef API_ADMIN_H
#define API_ADMIN_H

#include "api/gate/task.h"

/* Somebody on this machine: the peer is loopback or the Unix socket. They become the principal
 * "operator" with the permission admin. Not one who shows a credential (then the credential
 * decides), and not a request that somebody else may have made this machine send: one that came
 * through another proxy, or from a page in a browser. */
bool admin_is_operator(struct task *task);

#endif
