/* demo: one sample test created through the proxy's own API, with a progress display, and what the
 * platform then holds. Needs nothing but the address of a proxy whose platform may be written to.
 * Owner: the caller embeds it. Promise: on_done comes once, from the loop, after demo_start. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/plan.h"

struct loop;

struct demo {
    struct loop *loop;
    struct arena arena;
    struct upstream *client; /* speaks to the proxy, as any client would */
    struct plan_port port;
    struct plan plan;
    struct call *calls;
    bool fancy; /* a terminal: draw over the line */
    bool ok;
    char url[160];
    void (*on_done)(struct demo *demo, bool ok);
    void *owner;
};

enum error_code demo_start(struct demo *demo, struct loop *loop, const char *url,
                           void (*on_done)(struct demo *demo, bool ok), void *owner,
                           struct error *err) MUST_CHECK;
void demo_cancel(struct demo *demo); /* before the server stops; idempotent */

#endif
