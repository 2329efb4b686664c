/* The clients of the platform, with counts of their holders. There is one for `upstream`, which tenants without
 * an address of their own share, and one for each other tenant. When the address, the authorities or what each
 * request says of us changes, a new client is made; the one before closes when its last holder has let it go.
 *
 *   clients_links ──► links (held) ──► api ──► client_release ──(a later turn)──► closed
 *
 * Owner: the server. */
#ifndef APP_CLIENTS_H
#define APP_CLIENTS_H

#include "api/gate/options.h"
#include "config/config.h"
#include "net/loop.h"

struct clients {
    struct loop *loop;
    struct list all;
    size_t n_open;  /* whose upstream is not closed yet */
    bool share_all; /* there is one platform for all: the sandbox */
    void (*on_closed)(void *context);
    void *closed_context;
};

void clients_open(struct clients *clients, struct loop *loop, bool share_all);
/* Links each account to a client that is there already, or to a new one; `afresh`: to new ones only. There are
 * 1 + config->tenants.n links, all held; on failure none is. mem_free the array when the links were taken over. */
enum error_code clients_links(struct clients *clients, const struct config *config, bool afresh,
                              struct api_link **out, struct error *err) MUST_CHECK;
void clients_drop_links(struct api_link *links,
                        size_t n); /* releases them, frees the array; NULL is fine */
/* Times, numbers and tokens for the probes of the clients of these links. */
void clients_configure(const struct config *config, const struct api_link *links);
/* See upstream_forget_connections. */
void clients_forget_connections(struct clients *clients);
bool clients_are_quiet(struct clients *clients); /* no call is on its way or waits */
void client_release(void *context);
/* Closes all clients, also held ones; their memory goes with the last hold. */
void clients_close(struct clients *clients, void (*tell)(void *context), void *context);

#endif
