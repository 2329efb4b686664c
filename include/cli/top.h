/* top: the figures of a running proxy, read from its /metrics every second and drawn as one picture:
 * rates, shares and quantiles are those of the time between two reads. If the proxy is away, top says
 * so and waits. If the first answer is a refusal (a key is asked for, or there is no /metrics), top
 * ends; with `once` any failure ends it.
 *
 * Owner: the caller embeds it, zeroed. Promise: after top_start returned ERR_OK, on_done comes once,
 * from the loop, with everything closed and the terminal as it was. What the network sends reaches
 * the terminal with its control characters escaped. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "cli/output.h"
#include "upstream/upstream.h"

struct loop;
struct top_view;

struct top_options {
    struct str url;           /* without a slash at the end */
    const struct secret *key; /* may be unset */
    struct str ca_file;       /* for https; empty: the system's */
    bool once;                /* one picture, then the end */
    bool json;                /* an object a line instead of pictures */
};

struct top {
    struct top_options options;
    struct loop *loop;
    struct upstream *client;
    struct upstream_call call;
    struct deadline next; /* read of /metrics */
    struct deadline keys; /* look at what was typed */
    struct top_view *view;
    bool ending;
    int status; /* exit code, once done */
    void (*on_done)(struct top *top);
    void *owner;
};

/* Set options, on_done (and owner) before. */
enum error_code top_start(struct top *top, struct loop *loop, struct error *err) MUST_CHECK;
void top_cancel(struct top *top); /* on_done still comes, from a later turn */

#endif
