/* demo: one sample test created and executed through the proxy's own API, with a progress display,
 * and what the platform then holds and what came of each step. Needs nothing but the address of a proxy whose platform may be written to.
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
    bool color;
    bool once;
    bool ok;
    char url[160];
    void (*on_done)(struct demo *demo, bool ok);
    void *owner;
};

struct demo_options {
    const char *url; /* of the proxy */
    bool once;       /* it stops when the demo is over: what is printed must not promise more */
};

enum error_code demo_start(struct demo *demo, struct loop *loop, const struct demo_options *wanted,
                           void (*on_done)(struct demo *demo, bool ok), void *owner,
                           struct error *err) MUST_CHECK;
void demo_cancel(struct demo *demo); /* before the server stops; idempotent */

#endif
