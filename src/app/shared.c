#include "shared.h"

#include "room_options.h"
#include "session/share.h"

enum error_code shared_open(struct server *server, struct error *err)
{
    enum error_code code = open_config_store(&server->loop, server->config, server->given.store_fd,
                                             &server->store, err);

    if (server->store != NULL) {
        server->keeps = keeps_open(server->store);
    }
    return code;
}

enum error_code shared_open_sessions(struct server *server, struct error *err)
{
    struct session_options options = session_options_of(server->config);

    options.store = server->store;
    options.keeps = server->keeps;
    return session_store_open(&server->loop.deadlines, &server->loop.later, &options,
                              &server->sessions, err);
}

static void on_store_closed(void *context)
{
    struct server *server = context;

    server->store = NULL;
    server->on_shared_closed(server);
}

static void on_keeps_closed(void *context)
{
    struct server *server = context;

    server->keeps = NULL;
    store_close(server->store, on_store_closed, server);
}

static void on_sessions_stopped(void *context)
{
    struct server *server = context;

    keeps_close(server->keeps, on_keeps_closed, server);
}

void shared_close(struct server *server, void (*on_closed)(struct server *server))
{
    server->on_shared_closed = on_closed;
    if (server->store == NULL) {
        on_closed(server);
    } else if (server->sessions != NULL) {
        session_store_stop(server->sessions, on_sessions_stopped, server);
    } else {
        on_sessions_stopped(server);
    }
}
