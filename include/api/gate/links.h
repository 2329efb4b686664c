/* Where our own paths are for the client, who may reach us through a proxy that takes a prefix off:
 * server.public_url, else X-Forwarded-Prefix of a trusted proxy, else not known. */
#ifndef API_LINKS_H
#define API_LINKS_H

#include "api/gate/task.h"

/* exchange->base, from the configuration and the head. */
void links_begin(const struct api *api, struct exchange *exchange);
/* For Location and JSON: "/api/v1/x", with what stands before it. */
struct str task_link(const struct task *task, struct str path);
/* For pages, which are opened at any address of ours, whatever server.public_url says (the admin listener has one of
 * its own), and whose policy lets them load from their own address alone. The link is a path with the prefix that a
 * trusted proxy tells; where none does it is relative to the page. */
struct str page_link(const struct task *task, const char *path);
/* scheme://host and prefix, for examples that are copied: https://example.com/qa */
struct str task_server_url(const struct task *task);

/* The address of the client: the peer, or the address that X-Forwarded-For (or Forwarded) names if the
 * peer is one of server.trusted_proxies. False: the peer is not an address (a Unix socket). */
bool client_address(struct task *task, uint8_t out[16]);

#endif
