#include "http/server.h"

#include "base/check.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http_internal.h"
#include "observe/metrics.h"

enum { SCRATCH_MAX = 64 * 1024 };

static void on_connection(struct listener *listener)
{
    connection_open(CONTAINER_OF(listener, struct http_server, listener));
}

static void on_full(struct listener *listener)
{
    connections_make_room(CONTAINER_OF(listener, struct http_server, listener));
}

void server_maybe_closed(struct http_server *server)
{
    void (*on_closed)(void *) = server->on_closed;
    void *context = server->closed_context;

    if (!server->closing || server->listener_open || server->n_connections > 0 ||
        server->n_orphans > 0) {
        return;
    }
    later_remove(&server->closed_later);
    exchange_free_spares(server);
    arena_bin_done(&server->bin);
    places_done(&server->places);
    compressor_free(server->compressor);
    buf_done(&server->scratch);
    mem_free(server->name);
    mem_free(server);
    on_closed(context);
}

static void on_listener_closed(struct listener *listener)
{
    struct http_server *server = CONTAINER_OF(listener, struct http_server, listener);

    server->listener_open = false;
    server_maybe_closed(server);
}

void server_connection_gone(struct http_server *server)
{
    server->n_connections--;
    if (server->options.count_metrics) {
        metric_gauge_add(M_CONNECTIONS, -1);
    }
    listener_connection_ended(&server->listener);
    server_maybe_closed(server);
}

static struct places_options places_options_of(const struct http_server_options *options)
{
    return (struct places_options){.max_per_address = options->max_per_address,
                                   .counts_loopback = options->counts_loopback,
                                   .exempt = options->exempt,
                                   .n_exempt = options->n_exempt};
}

static enum error_code open_listener(struct http_server *server, struct error *err)
{
    static const struct listener_events events = {on_connection, on_full, on_listener_closed};
    const struct http_server_options *options = &server->options;
    enum error_code code = ERR_OK;

    if (options->socket > 0) {
        code = listener_open_socket(&server->listener, server->loop, options->socket,
                                    options->max_connections, &events, err);
    } else if (options->listen.len > 0) {
        code = listener_open(&server->listener, server->loop, options->listen,
                             options->max_connections, &events, err);
    } else {
        return ERR_OK;
    }
    server->listener_open = code == ERR_OK;
    return code;
}

enum error_code http_server_open(struct loop *loop, const struct http_server_options *options,
                                 const struct http_service *service, void *context,
                                 struct http_server **out, struct error *err)
{
    const struct places_options places = places_options_of(options);
    struct http_server *server = mem_zalloc(sizeof(*server));
    enum error_code code;

    server->loop = loop;
    server->options = *options;
    server->name = mem_strdup(options->name);
    server->options.name = server->name;
    server->options.exempt = NULL; /* of the one who gave it; copied into `places` */
    server->service = service;
    server->context = context;
    list_init(&server->connections);
    places_init(&server->places, &places);
    list_init(&server->orphans);
    list_init(&server->spares);
    arena_bin_init(&server->bin, &loop->later);
    buf_init(&server->scratch, SCRATCH_MAX);
    code = open_listener(server, err);
    if (code != ERR_OK) {
        places_done(&server->places);
        mem_free(server->name);
        mem_free(server);
        return code;
    }
    *out = server;
    return ERR_OK;
}

void http_server_configure(struct http_server *server, const struct http_server_options *options)
{
    struct http_server_options *own = &server->options;
    const struct places_options places = places_options_of(options);

    places_configure(&server->places, &places);
    own->access_log = options->access_log;
    own->gzip = options->gzip;
    own->hsts_s = options->hsts_s;
    own->head_timeout_ms = options->head_timeout_ms;
    own->body_timeout_ms = options->body_timeout_ms;
    own->idle_timeout_ms = options->idle_timeout_ms;
    own->write_timeout_ms = options->write_timeout_ms;
    own->handshake_timeout_ms = options->handshake_timeout_ms;
    own->linger_ms = options->linger_ms;
    own->linger_bytes = options->linger_bytes;
    own->max_requests_per_connection = options->max_requests_per_connection;
    if (own->tls != NULL && options->tls != NULL) {
        own->tls = options->tls;
    }
}

const char *http_server_address(const struct http_server *server)
{
    return server->listener.address;
}

int http_server_port(const struct http_server *server)
{
    return server->listener.port;
}

bool http_server_is_tls(const struct http_server *server)
{
    return server->options.tls != NULL;
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

/* Between requests; its last answer may still be on the way. */
static bool is_idle(const struct http_connection *connection)
{
    return connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HANDSHAKE;
}

void http_server_drain(struct http_server *server)
{
    struct list *link;
    struct list *after;

    if (server->draining) {
        return;
    }
    server->draining = true;
    server->say_close = true;
    listener_close(&server->listener);
    LIST_FOREACH_SAFE (link, after, &server->connections) {
        struct http_connection *connection = CONTAINER_OF(link, struct http_connection, link);

        if (is_idle(connection) && transport_pending(&connection->transport) > 0) {
            connection_linger(connection);
        } else if (is_idle(connection)) {
            connection_close(connection);
        }
    }
}

/* Those that have been answered end by themselves in the next turn. */
static void cancel_orphans(struct http_server *server)
{
    struct list *link;
    struct list *after;

    LIST_FOREACH_SAFE (link, after, &server->orphans) {
        struct exchange *exchange = CONTAINER_OF(link, struct exchange, link);

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

/* Nothing may have been open any more: the end is still told from the loop. */
static void on_closed_later(struct later_item *item)
{
    server_maybe_closed(CONTAINER_OF(item, struct http_server, closed_later));
}

void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context)
{
    struct list *link;
    struct list *after;

    CHECK(!server->closing);
    server->closing = true;
    server->draining = true;
    server->on_closed = on_closed;
    server->closed_context = context;
    LIST_FOREACH_SAFE (link, after, &server->connections) {
        connection_abort(CONTAINER_OF(link, struct http_connection, link));
    }
    cancel_orphans(server);
    listener_close(&server->listener);
    if (!server->listener_open && server->n_connections == 0) {
        later_add(&server->loop->later, &server->closed_later, on_closed_later);
    }
}
