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
/* With an environment, as program_start. */
void proxy_start_env(struct proxy *proxy, const char *const *sets, const char *const *env);
void proxy_stop(struct proxy *proxy);
/* Sends and returns the answer's JSON (NULL: no body); the status is proxy->reply.status. */
const struct json *proxy_ask(struct proxy *proxy, const char *method, const char *target,
                             const char *fields, const char *body);
const struct json *proxy_ask_str(struct proxy *proxy, const char *method, const char *target,
                                 const char *fields, struct str body);
/* Waits until the proxy has so many requests at work, or so many connections open, beside the one that
 * asks for it. Of a request the head has come, and what was sent with it. Who has left has no connection
 * any more; the kernel may tell the proxy of it later than of bytes on another connection. Not for a proxy
 * that drains, nor one that wants a key. */
void proxy_wait_working(struct proxy *proxy, int64_t n);
void proxy_wait_open(struct proxy *proxy, int64_t n);
/* One whole request and its answer, where nothing better can be waited for: most likely the proxy has read
 * what was sent to it before. No verdict of a test may hang on it. */
void proxy_settle(const struct proxy *proxy);
/* Waits until the platform has received `n` such requests; see sandbox_wait_count. */
void proxy_wait_sent(const struct proxy *proxy, const char *method, const char *path_start,
                     size_t n);
/* {"command": ..., "args": [...], "checkpoint_id": the seeded one, extra} */
const struct json *proxy_command(struct proxy *proxy, const char *command, const char *args_json,
                                 const char *extra);
/* Opens the client and sends it a command whose create takes the platform delay_ms (0: until
 * sandbox_release); returns, with the body that was sent, when the create is there. `fields` are more
 * lines of the request's head. */
struct str proxy_begin_step(struct proxy *proxy, struct client *client, const char *fields,
                            unsigned delay_ms);
/* Steps that the platform holds in the seeded checkpoint. */
const struct json *proxy_steps(struct proxy *proxy);

#endif
