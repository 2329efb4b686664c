/* demo: creates and executes one sample test through the proxy's own API. It shows the progress, then
 * the steps that the platform holds and the outcome of each. It needs only the address of a proxy; the
 * demo writes to the platform behind that proxy.
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
    bool once;       /* the proxy stops after the demo: the text must not say that it goes on */
};

enum error_code demo_start(struct demo *demo, struct loop *loop, const struct demo_options *wanted,
                           void (*on_done)(struct demo *demo, bool ok), void *owner,
                           struct error *err) MUST_CHECK;
void demo_cancel(struct demo *demo); /* before the server stops; idempotent */

#endif
