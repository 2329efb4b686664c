/* libuv accepts a connection before it tells; not taking it stops the polling by itself, and taking
 * it later starts it again. So a full server pauses by doing nothing. */
#include "net/listener.h"

#include <netinet/in.h>

#include "base/address.h"
#include "base/check.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { BACKLOG = 1024, RETRY_MS = 100 };

static bool resolve(const struct address *address, struct sockaddr_storage *out)
{
    return address->is_v6
               ? uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)out) == 0
               : uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)out) == 0;
}

static void tell(struct listener *listener)
{
    if (listener->n_connections >= listener->max_connections) {
        if (!listener->paused) {
            metric_add(M_CONNECTIONS_REFUSED, 0, 0, 0, 1);
        }
        listener->paused = true;
        if (listener->events->on_full != NULL) {
            listener->events->on_full(listener);
        }
        return;
    }
    listener->events->on_connection(listener);
}

static void on_retry(struct deadline *deadline)
{
    tell(CONTAINER_OF(deadline, struct listener, retry));
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = CONTAINER_OF(stream, struct listener, tcp);

    if (status < 0) { /* no descriptors left: try again when some may have come back */
        metric_add(M_CONNECTIONS_REFUSED, 0, 0, 0, 1);
        log_event(LOG_WARN, "listener.accept_failed", F_TEXT("error", uv_strerror(status)));
        deadline_set(&listener->loop->deadlines, &listener->retry, RETRY_MS, on_retry);
        return;
    }
    tell(listener);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, tcp);

    listener->open = false;
    listener->events->on_closed(listener);
}

static void name_address(struct listener *listener)
{
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    char host[ADDRESS_HOST_MAX] = "";
    struct buf text;
    bool v6;

    CHECK(uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&bound, &len) == 0);
    v6 = bound.ss_family == AF_INET6;
    if (v6) {
        (void)uv_ip6_name((struct sockaddr_in6 *)&bound, host, sizeof(host));
        listener->port = ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    } else {
        (void)uv_ip4_name((struct sockaddr_in *)&bound, host, sizeof(host));
        listener->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    }
    buf_init(&text, sizeof(listener->address) - 1);
    buf_printf(&text, v6 ? "[%s]:%d" : "%s:%d", host, listener->port);
    str_copy(listener->address, sizeof(listener->address), buf_view(&text));
    buf_done(&text);
}

static void on_abandoned(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, tcp);

    listener->open = false;
}

enum error_code listener_open(struct listener *listener, struct loop *loop, struct str address,
                              unsigned max_connections, const struct listener_events *events,
                              struct error *err)
{
    struct address wanted = {.host = ""};
    struct sockaddr_storage storage = {0};
    enum error_code code = address_read(address, &wanted, err);
    int status;

    *listener =
        (struct listener){.loop = loop, .events = events, .max_connections = max_connections};
    if (code != ERR_OK) {
        return code;
    }
    if (!resolve(&wanted, &storage)) { /* the zone of an IPv6 address names no interface */
        return error_set(err, ERR_IO, "cannot listen on %.*s: no such interface", STR_ARG(address));
    }
    CHECK(uv_tcp_init(&loop->uv, &listener->tcp) == 0);
    listener->open = true;
    status = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&storage, 0);
    if (status == 0) {
        status = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
    }
    if (status != 0) {
        uv_close((uv_handle_t *)&listener->tcp, on_abandoned);
        /* The struct may be freed once this returns, so the close is carried out here. */
        while (listener->open) {
            (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
        }
        return error_set(err, ERR_IO, "cannot listen on %.*s: %s", STR_ARG(address),
                         uv_strerror(status));
    }
    name_address(listener);
    return ERR_OK;
}

bool listener_accept(struct listener *listener, uv_tcp_t *tcp)
{
    CHECK(uv_tcp_init(&listener->loop->uv, tcp) == 0);
    if (listener->closing || uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)tcp) != 0) {
        return false;
    }
    listener->n_connections++;
    return true;
}

void listener_connection_ended(struct listener *listener)
{
    CHECK(listener->n_connections > 0);
    listener->n_connections--;
    if (listener->paused && !listener->closing) {
        listener->paused = false;
        tell(listener);
    }
}

void listener_close(struct listener *listener)
{
    if (listener->closing || !listener->open) {
        return;
    }
    listener->closing = true;
    deadline_clear(&listener->retry);
    uv_close((uv_handle_t *)&listener->tcp, on_closed);
}
