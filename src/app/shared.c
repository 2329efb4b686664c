#include "shared.h"

#include "room_options.h"

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
