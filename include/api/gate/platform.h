/* One account of the platform as the API uses it: that of `upstream`, and one for each tenant. What
 * is made and remembered for one is not seen by another, except what lanes know: accounts of one address share them. A
 * tenant whose address changes has another
 * platform from then on. */
#ifndef API_GATE_PLATFORM_H
#define API_GATE_PLATFORM_H

#include "catalog/catalog.h"
#include "config/config.h"
#include "plan/plan.h"

struct platform {
    struct str tenant;       /* empty: the account of `upstream` */
    struct str identity;     /* its name in caches; no other platform has the same */
    struct digest owner;     /* names the account in limits */
    struct config_rate rate; /* of all its callers together; 0: none of its own */
    struct plan_port port;
    struct upstream *upstream;     /* NULL in unit tests, and when it was let go */
    struct upstream_tokens tokens; /* for callers who bring none of their own */
    struct catalog_defaults defaults;
    struct lanes *lanes; /* of its address; other platforms may share them */
    struct run_store *runs;
    /* private to setup.c */
    struct api *api;
    const struct config *config; /* that tokens and defaults point into; held */
    void *client;                /* of the link; NULL: let go */
    unsigned n_holders;          /* setups and tasks */
    struct list link;            /* api->retired */
    struct later_item settle;
    struct arena names;
    char scope[33]; /* names account and address wherever processes share; the same in each */
};

#endif
