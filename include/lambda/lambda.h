/* lambda: the front of the server where AWS Lambda runs it. Requests come as events of the Runtime API, which is asked
 * for one after another, and each becomes an exchange of room http without a connection.
 *
 *   next ──► event ──► exchange ──► answer posted ──► quiet ──► next
 *
 * Between the answer and the next question Lambda may stop the process, for hours: so the next event is asked
 * for only when nothing is worked on any more.
 * Owner: the app; lambda_open/close. Promise: on_gone comes at most once, from a later turn, and nothing
 * after lambda_close but its on_closed. */
#ifndef LAMBDA_LAMBDA_H
#define LAMBDA_LAMBDA_H

#include <stdbool.h>

#include "base/address.h"
#include "base/error.h"
#include "base/str.h"

struct arena;
struct http_server;
struct json;
struct lambda;
struct loop;

struct lambda_options {
    struct address runtime_api;
    struct str base_path; /* cut off the paths of events; copied */
    unsigned concurrency; /* invocations at once */
    unsigned margin_ms;   /* before the end of an invocation: then its answer is 504 */
    bool streaming;       /* for sources that can */
    bool policy;          /* how an authorizer in format 2.0 is answered */
    /* Of a direct invocation, an object with the member `action`: "METHOD /target" and the body, in the arena. */
    enum error_code (*read_action)(struct arena *arena, const struct json *event, struct str *line,
                                   struct str *body, struct error *err);
    /* Is nothing worked on any more? NULL: that does not matter. */
    bool (*is_quiet)(void *context);
    void (*on_event)(void *context); /* one comes; NULL: nobody wants to know */
    /* One comes after a pause in which other sides may have closed their connections. */
    void (*on_thaw)(void *context);
    /* The Runtime API is gone, or refuses: the process can only end. */
    void (*on_gone)(void *context, const char *why);
    void *context;
};

/* Asks for the first event. `server` outlives it. */
void lambda_open(struct loop *loop, struct http_server *server,
                 const struct lambda_options *options, struct lambda **out);
/* No further event is asked for. */
void lambda_drain(struct lambda *lambda);
unsigned
lambda_n_working(const struct lambda *lambda); /* invocations whose answer is not posted yet */
void lambda_close(struct lambda *lambda, void (*on_closed)(void *context), void *context);

/* Tells why the program cannot start (POST /runtime/init/error), on a loop of its own, within a second; then the caller
 * of the function sees the reason instead of an exit code. False: it could not be told. */
bool lambda_tell_init_error(const struct address *runtime_api, const char *type,
                            struct str message);

#endif
