/* One account of the platform as the API uses it: that of `upstream`, and one for each tenant. What
 * is made and remembered for one is not seen by another. */
#ifndef API_GATE_PLATFORM_H
#define API_GATE_PLATFORM_H

#include "catalog/catalog.h"
#include "config/config.h"
#include "plan/plan.h"

struct lanes;
struct run_store;

struct platform {
    struct str tenant;       /* empty: the account of `upstream` */
    struct digest owner;     /* names the account in limits */
    struct config_rate rate; /* of all its callers together; 0: none of its own */
    char *name;              /* its memory */
    const struct plan_port *port;
    struct upstream *upstream;     /* NULL in unit tests */
    struct upstream_tokens tokens; /* for callers who bring none of their own */
    struct catalog_defaults defaults;
    struct lanes *lanes;
    struct run_store *runs;
};

#endif
