#include "http/server.h"

#include "base/check.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http_internal.h"
#include "observe/metrics.h"

enum { SCRATCH_MAX = 64 * 1024, STALL_SHARE = 10 /* stall_ms is 1/10 of the timeout */ };

static struct http_listener *owner_of(struct listener *listener)
{
    return CONTAINER_OF(listener, struct http_listener, listener);
}

static void on_connection(struct listener *listener)
{
    connection_open(owner_of(listener));
}

static void on_full(struct listener *listener)
{
    connections_make_room(owner_of(listener)->server);
}

const char *listener_name(const struct http_listener *listener)
{
    return listener->name != NULL ? listener->name : listener->listener.address;
}

static bool is_listening(const struct http_server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++) {
        if (server->listeners[i].open) {
            return true;
        }
    }
    return false;
}

static void free_server(struct http_server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++) {
        mem_free(server->listeners[i].name);
        mem_free(server->listeners[i].header_peers);
    }
    mem_free(server->listeners);
    handshakes_done(&server->handshakes);
    places_done(&server->places);
    mem_free(server->name);
    mem_free(server);
}

void server_maybe_closed(struct http_server *server)
{
    void (*on_closed)(void *) = server->on_closed;
    void *context = server->closed_context;

    if (!server->closing || is_listening(server) || server->n_connections > 0 ||
        server->n_orphans > 0) {
        return;
    }
    later_remove(&server->closed_later);
    exchange_free_spares(server);
    parsers_free_spares(server);
    arena_bin_done(&server->bin);
    compressor_free(server->compressor);
    buf_done(&server->scratch);
    free_server(server);
    on_closed(context);
}

static void on_listener_closed(struct listener *listener)
{
    struct http_listener *own = owner_of(listener);

    own->open = false;
    server_maybe_closed(own->server);
}

void server_connection_gone(struct http_server *server)
{
    server->n_connections--;
    if (server->options.count_metrics) {
        metric_gauge_add(M_CONNECTIONS, -1);
    }
    listener_connection_ended(&server->doors);
    server_maybe_closed(server);
}

static struct places_options places_options_of(const struct http_server_options *options)
{
    return (struct places_options){.max_per_address = options->max_per_address,
                                   .counts_loopback = options->counts_loopback,
                                   .exempt = options->exempt,
                                   .n_exempt = options->n_exempt};
}

static void set_header_peers(struct http_listener *listener, const struct http_listen *options)
{
    mem_free(listener->header_peers);
    listener->n_header_peers = 0;
    listener->header_peers =
        mem_calloc(options->n_header_peers + 1, sizeof(*listener->header_peers));
    for (size_t i = 0; i < options->n_header_peers; i++) {
        if (ip_range_parse(options->header_peers[i],
                           &listener->header_peers[listener->n_header_peers])) {
            listener->n_header_peers++;
        }
    }
}

static void close_listeners(struct http_server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++) {
        listener_close(&server->listeners[i].listener);
    }
}

static enum error_code open_listener(struct http_server *server, struct http_listener *listener,
                                     const struct http_listen *options, struct error *err)
{
    static const struct listener_events events = {on_connection, on_full, on_listener_closed};
    const struct listener_options own = {.address = options->address,
                                         .socket = options->socket,
                                         .mode = options->mode,
                                         .places = &server->doors};
    enum error_code code;

    listener->server = server;
    listener->name = options->name != NULL ? mem_strdup(options->name) : NULL;
    listener->tls = options->tls;
    listener->wants_header = options->wants_header;
    set_header_peers(listener, options);
    code = listener_open(&listener->listener, server->loop, &own, &events, err);
    listener->open = code == ERR_OK;
    return code;
}

/* All of them or none. */
static enum error_code open_listeners(struct http_server *server,
                                      const struct http_server_options *options, struct error *err)
{
    const struct http_listen only = {.address = options->listen, .tls = options->tls};
    const struct http_listen *listen = options->n_listeners > 0 ? options->listeners : &only;
    size_t n = options->n_listeners > 0 ? options->n_listeners : options->listen.len > 0 ? 1 : 0;
    enum error_code code = ERR_OK;

    server->listeners = mem_calloc(n + 1, sizeof(*server->listeners));
    for (size_t i = 0; i < n && code == ERR_OK; i++) {
        server->n_listeners++;
        code = open_listener(server, &server->listeners[i], &listen[i], err);
    }
    if (code != ERR_OK) {
        close_listeners(server);
        while (is_listening(server)) { /* the server may be freed once this returns */
            (void)loop_turn(server->loop, false);
        }
    }
    return code;
}

/* Drops the caller's pointers to the name, the ranges and the listeners: the server has copies elsewhere. */
static void adopt(struct http_server *server, const struct http_server_options *options)
{
    server->options = *options;
    server->options.name = server->name;
    server->options.exempt = NULL;
    server->options.listeners = NULL;
    handshakes_configure(&server->handshakes, options->max_handshakes,
                         options->handshake_timeout_ms / STALL_SHARE);
}

enum error_code http_server_open(struct loop *loop, const struct http_server_options *options,
                                 const struct http_service *service, void *context,
                                 struct http_server **out, struct error *err)
{
    const struct places_options places = places_options_of(options);
    struct http_server *server = mem_zalloc(sizeof(*server));
    enum error_code code;

    server->loop = loop;
    server->name = mem_strdup(options->name);
    server->service = service;
    server->context = context;
    list_init(&server->connections);
    places_init(&server->places, &places);
    listener_places_init(&server->doors, options->max_connections);
    handshakes_init(&server->handshakes, loop);
    adopt(server, options);
    list_init(&server->orphans);
    list_init(&server->spares);
    list_init(&server->spare_parsers);
    arena_bin_init(&server->bin, &loop->later);
    buf_init(&server->scratch, SCRATCH_MAX);
    code = open_listeners(server, options, err);
    if (code != ERR_OK) {
        free_server(server);
        return code;
    }
    *out = server;
    return ERR_OK;
}

static void configure_listeners(struct http_server *server,
                                const struct http_server_options *options)
{
    if (options->n_listeners == 0 && server->n_listeners == 1 && options->tls != NULL &&
        server->listeners[0].tls != NULL) {
        server->listeners[0].tls = options->tls;
    }
    for (size_t i = 0; i < server->n_listeners && i < options->n_listeners; i++) {
        struct http_listener *listener = &server->listeners[i];

        if (listener->tls != NULL && options->listeners[i].tls != NULL) {
            listener->tls = options->listeners[i].tls;
        }
        set_header_peers(listener, &options->listeners[i]);
    }
}

void http_server_configure(struct http_server *server, const struct http_server_options *options)
{
    const struct places_options places = places_options_of(options);

    places_configure(&server->places, &places);
    adopt(server, options);
    configure_listeners(server, options);
}

size_t http_server_n_listeners(const struct http_server *server)
{
    return server->n_listeners;
}

const char *http_server_address_at(const struct http_server *server, size_t index)
{
    return server->listeners[index].listener.address;
}

bool http_server_is_tls_at(const struct http_server *server, size_t index)
{
    return server->listeners[index].tls != NULL;
}

const char *http_server_address(const struct http_server *server)
{
    return http_server_address_at(server, 0);
}

unsigned http_server_n_connections(const struct http_server *server)
{
    return server->n_connections;
}

unsigned http_server_n_exchanges(const struct http_server *server)
{
    return server->n_exchanges;
}

void http_server_say_close(struct http_server *server)
{
    server->say_close = true;
}

/* No request is under way; the last answer may still be. */
static bool is_idle(const struct http_connection *connection)
{
    return connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HANDSHAKE ||
           connection->state == CONNECTION_HEADER;
}

void http_server_drain(struct http_server *server)
{
    struct http_connection *connection;

    if (server->draining) {
        return;
    }
    server->draining = true;
    server->say_close = true;
    close_listeners(server);
    LIST_EACH_SAFE (connection, &server->connections, link) {
        if (is_idle(connection) && transport_pending(&connection->transport) > 0) {
            connection_linger(connection);
        } else if (is_idle(connection)) {
            connection_close(connection);
        }
    }
}

/* Passes over orphans that have been answered: they end by themselves in the next turn. */
static void cancel_orphans(struct http_server *server)
{
    struct exchange *exchange;

    LIST_EACH_SAFE (exchange, &server->orphans, link) {
        if (exchange->replied) {
            continue;
        }
        server->service->on_cancel_orphan(server->context, exchange);
        deadline_clear(&exchange->deadline);
        list_remove(&exchange->link);
        server->n_orphans--;
        exchange_end(exchange, 499);
    }
}

/* If nothing was open at http_server_close, on_closed still comes from the loop. */
static void on_closed_later(struct later_item *item)
{
    server_maybe_closed(CONTAINER_OF(item, struct http_server, closed_later));
}

void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context)
{
    struct http_connection *connection;

    CHECK(!server->closing);
    server->closing = true;
    server->draining = true;
    server->on_closed = on_closed;
    server->closed_context = context;
    LIST_EACH_SAFE (connection, &server->connections, link) {
        connection_abort(connection);
    }
    cancel_orphans(server);
    close_listeners(server);
    if (!is_listening(server) && server->n_connections == 0) {
        later_add(&server->loop->later, &server->closed_later, on_closed_later);
    }
}
