/* setup: what a reload changes as a whole, namely the configuration and the accounts of the platform.
 * A request keeps the setup that it began with.
 *
 *   api_open, api_configure ──► setup ◄──held── tasks
 *                                 └──► platforms; those that stay the same are held by the next setup, too
 *
 * A platform that is not in the newest setup is retired: its client is let go when the last request and the
 * last run with it have ended. The runs of the last RETIRED_MAX platforms are found (platform_next) as long as
 * their tenant exists. Owner: the api. */
#ifndef API_GATE_SETUP_H
#define API_GATE_SETUP_H

#include "api/gate/platform.h"
#include "config/config.h"

struct api;
struct api_link;

enum { RETIRED_MAX = 8 };

struct setup {
    struct api *api;
    unsigned n_holders;
    const struct config *config;
    size_t n_platforms;
    struct platform *platforms[]; /* that of `upstream`, then the tenants' in their order */
};

struct setup *setup_hold(struct setup *setup);
void setup_release(void *context); /* the last one lets the configuration and the platforms go */

/* Takes over the holds on the clients of the links. `config` is held by the setup. */
void setup_open(struct api *api, const struct config *config, const struct api_link *links);
/* The same when a setup is open already. True: the platform of `upstream` is another one now. */
bool setup_change(struct api *api, const struct config *config, const struct api_link *links);
void setup_drain(struct api *api);             /* hands shared runs to other processes */
void setup_stop(struct api *api);              /* cancels what runs */
size_t setup_n_running(const struct api *api); /* test runs in progress */
void setup_close(struct api *api);

/* All platforms, the retired ones last; NULL behind the last. `before` NULL: the first. */
struct platform *platform_next(const struct api *api, const struct platform *before);
struct platform *platform_hold(struct platform *platform);
void platform_release(void *context);

#endif
