/* The proxy with its embedded sandbox as a child, and JSON requests to it: what most integration
 * tests do. Owner: the test; proxy_stop asserts the clean exit. */
#ifndef HARNESS_PROXY_H
#define HARNESS_PROXY_H

#include "base/arena.h"
#include "data/json.h"
#include "harness/client.h"
#include "harness/program.h"
#include "harness/sandbox.h"

struct proxy {
    struct program program;
    struct arena arena; /* answers live here */
    struct seed seed;
    struct reply reply; /* the last one */
};

/* `sets` are "key=value", NULL-ended; may be NULL. drain.notice_ms is 0 unless set. */
void proxy_start(struct proxy *proxy, const char *const *sets);
void proxy_stop(struct proxy *proxy);
/* Sends and returns the answer's JSON (NULL: no body); the status is proxy->reply.status. */
const struct json *proxy_ask(struct proxy *proxy, const char *method, const char *target,
                             const char *fields, const char *body);
const struct json *proxy_ask_str(struct proxy *proxy, const char *method, const char *target,
                                 const char *fields, struct str body);
/* Returns when the proxy has read all that was sent to it before, and has seen who left: there is one
 * loop, and this is a whole request after those bytes. Not for a proxy that drains. */
void proxy_settle(const struct proxy *proxy);
/* Waits until the platform has received `n` such requests; see sandbox_wait_count. */
void proxy_wait_sent(const struct proxy *proxy, const char *method, const char *path_start,
                     size_t n);
/* {"command": ..., "args": [...], "checkpoint_id": the seeded one, extra} */
const struct json *proxy_command(struct proxy *proxy, const char *command, const char *args_json,
                                 const char *extra);
/* Steps that the platform holds in the seeded checkpoint. */
const struct json *proxy_steps(struct proxy *proxy);

#endif
