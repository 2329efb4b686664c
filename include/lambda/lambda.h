/* lambda: the front of the server where AWS Lambda runs it. Requests come as events: the room asks the Runtime API for
 * one after another, and each event becomes an exchange of room http without a connection.
 *
 *   next ──► event ──► exchange ──► answer posted ──► quiet ──► next
 *
 * Between an answer and the request for the next event Lambda may stop the process, for hours. So the room asks for
 * the next event only when the process has no work left.
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
    unsigned margin_ms;   /* this long before an invocation's end a missing answer becomes 504 */
    bool streaming;       /* stream answers to sources that take streams */
    bool policy;          /* an authorizer in format 2.0 answers with a policy */
    /* Turns a direct invocation (an object with the member `action`) into "METHOD /target" and a body, in the arena. */
    enum error_code (*read_action)(struct arena *arena, const struct json *event, struct str *line,
                                   struct str *body, struct error *err);
    /* Has the process no work left? NULL: the next event is asked for without waiting for that. */
    bool (*is_quiet)(void *context);
    void (*on_event)(void *context); /* an event came; may be NULL */
    /* An event came after a pause in which peers may have closed their connections. May be NULL. */
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

/* Posts why the program cannot start (POST /runtime/init/error), with its own loop, within a second. Then the caller of
 * the function sees the reason instead of an exit code. False: the post failed. */
bool lambda_tell_init_error(const struct address *runtime_api, const char *type,
                            struct str message);

#endif
