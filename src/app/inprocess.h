/* A proxy for the subcommands that are its clients (command, run): either one inside this process -
 * on loopback, on a free port, before the embedded sandbox or the real platform, behind a key made
 * for this process alone - or one that runs elsewhere, told by its address. The client sees the
 * same in both cases: a loop, an address and a key.
 *
 * Owner: inprocess_run owns everything until it returns. Promise: `start` is called once, from
 * inside inprocess_run; after it returned ERR_OK the client calls inprocess_end exactly once, from
 * a later turn and with everything of its own closed; then inprocess_run returns. `interrupt` comes
 * at most once (the first SIGINT or SIGTERM; the proxy still serves, so the client may say goodbye
 * to it); `cancel` at most once, when the proxy is about to be closed before the client has ended
 * (a second signal, or the first when there is no `interrupt`): the client must let go of it at
 * once, and inprocess_end still comes. */
#ifndef APP_INPROCESS_H
#define APP_INPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/server.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"

struct inprocess;

struct inprocess_client {
    enum error_code (*start)(struct inprocess *proxy, struct error *err);
    void (*interrupt)(struct inprocess *proxy); /* NULL: as cancel */
    void (*cancel)(struct inprocess *proxy);
};

struct inprocess_options {
    struct str url;     /* of a proxy that runs already; empty: one of our own */
    struct str key;     /* for `url`; empty: none */
    struct str ca_file; /* for a `url` with https; empty: the system's */
    /* Of our own one, as for serve; `sets` are "key=value". */
    const char *config_file; /* NULL: none */
    const char *const *sets;
    size_t n_sets;
    bool sandbox;
    bool needs_token; /* for the platform, unless the sandbox is on */
};

struct inprocess {
    /* for the client, valid from start until inprocess_end */
    struct loop *loop;
    struct str url; /* "http://127.0.0.1:40123": without a slash at the end */
    struct str ca_file;
    struct secret key; /* goes as Authorization: Bearer; may be unset with options.url */
    void *context;
    /* private */
    struct server server;
    const struct inprocess_client *client;
    char url_text[160];
    bool active; /* started and not yet ended */
};

/* Not ERR_OK: nothing was started; the errors of a configuration were printed to stderr, any other
 * error is in `err`. ERR_OK: the client ran to its end. */
enum error_code inprocess_run(const struct inprocess_options *options,
                              const struct inprocess_client *client, void *context,
                              struct error *err) MUST_CHECK;
void inprocess_end(struct inprocess *proxy); /* the client is done */

#endif
