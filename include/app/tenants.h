/* The clients of the platform for tenants: one with a base URL of its own has a client of its own, the
 * others share that of `upstream`. Owner: the server. */
#ifndef APP_TENANTS_H
#define APP_TENANTS_H

#include "api/gate/options.h"
#include "config/config.h"
#include "plan/offers.h"
#include "upstream/upstream.h"

struct loop;

struct tenant_client {
    struct upstream *upstream; /* NULL: shared */
    struct plan_port port;
    struct offers offers;
};

struct tenants {
    struct tenant_client *clients;
    struct api_tenant *links; /* for the api, as many as config->tenants */
    size_t n_open;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* `share_all`: base URLs of tenants are not looked at. tenants_close (which tells when all is closed) is called also after a
 * failure. */
enum error_code tenants_open(struct tenants *tenants, struct loop *loop,
                             const struct config *config, const struct api_tenant *shared,
                             bool share_all, struct error *err) MUST_CHECK;
void tenants_configure(struct tenants *tenants, const struct config *config);
/* See upstream_forget_connections. */
void tenants_forget_connections(struct tenants *tenants);
bool tenants_are_quiet(const struct tenants *tenants); /* no call is on its way or waits */
void tenants_close(struct tenants *tenants, void (*tell)(void *context), void *context);
void tenants_done(struct tenants *tenants); /* zeroed is fine */

#endif
