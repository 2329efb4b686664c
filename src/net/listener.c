/* libuv accepts a connection before it reports it. While the connection is not taken, libuv stops polling
 * by itself; once it is taken, libuv polls again. So a full server pauses by doing nothing. */
#include "net/listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/check.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { RETRY_MS = 100 };

static void on_more(struct later_item *item);
static void on_retry(struct deadline *deadline);

static void tell(struct listener *listener)
{
    if (!loop_may_accept(listener->loop)) {
        later_add(&listener->loop->later, &listener->more, on_more);
        return;
    }
    if (listener->places->n >= listener->places->max) {
        if (!list_is_linked(&listener->pause)) {
            metric_add(M_CONNECTIONS_REFUSED, 0, 0, 0, 1);
            list_append(&listener->places->paused, &listener->pause);
        }
        if (listener->events->on_full != NULL) {
            listener->events->on_full(listener);
        }
        /* A connection that may not leave now may leave a moment later, and no event would tell of it. */
        deadline_set(&listener->loop->deadlines, &listener->retry, RETRY_MS, on_retry);
        return;
    }
    listener->events->on_connection(listener);
}

static void on_more(struct later_item *item)
{
    tell(CONTAINER_OF(item, struct listener, more));
}

static void on_retry(struct deadline *deadline)
{
    tell(CONTAINER_OF(deadline, struct listener, retry));
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = CONTAINER_OF(stream, struct listener, socket.stream);

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
    struct listener *listener = CONTAINER_OF(handle, struct listener, socket.handle);

    listener->open = false;
    listener->events->on_closed(listener);
}

static void on_abandoned(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, socket.handle);

    listener->open = false;
}

static int open_socket(struct listener *listener, int fd)
{
    uv_loop_t *uv = &listener->loop->uv;
    int family = 0;
    socklen_t len = sizeof(family);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_UNIX) {
        CHECK(uv_pipe_init(uv, &listener->socket.pipe, 0) == 0);
        return uv_pipe_open(&listener->socket.pipe, fd);
    }
    CHECK(uv_tcp_init(uv, &listener->socket.tcp) == 0);
    return uv_tcp_open(&listener->socket.tcp, fd);
}

static enum error_code listen_on(struct listener *listener, int fd, struct error *err)
{
    int status = open_socket(listener, fd);

    listener->open = true;
    if (status == 0) {
        status = uv_listen(&listener->socket.stream, LISTENER_BACKLOG, on_connection);
    }
    if (status != 0) {
        uv_close(&listener->socket.handle, on_abandoned);
        /* The struct may be freed once this returns, so the close is carried out here. */
        while (listener->open) {
            (void)uv_run(&listener->loop->uv, UV_RUN_NOWAIT);
        }
        return error_set(err, ERR_IO, "cannot listen on the socket that was passed: %s",
                         uv_strerror(status));
    }
    (void)listener_address_of(fd, listener->address, sizeof(listener->address));
    return ERR_OK;
}

void listener_places_init(struct listener_places *places, unsigned max)
{
    *places = (struct listener_places){.max = max};
    list_init(&places->paused);
}

enum error_code listener_open(struct listener *listener, struct loop *loop,
                              const struct listener_options *options,
                              const struct listener_events *events, struct error *err)
{
    bool is_ours = options->socket <= 0;
    int fd = options->socket;
    enum error_code code =
        is_ours ? listener_bind(options->address, options->mode, 1, &fd, err) : ERR_OK;

    *listener = (struct listener){.loop = loop, .events = events, .places = options->places};
    listener->owns_path = is_ours && address_is_unix(options->address);
    return code == ERR_OK ? listen_on(listener, fd, err) : code;
}

bool listener_accept(struct listener *listener, union socket *socket)
{
    uv_loop_t *uv = &listener->loop->uv;
    bool is_unix = listener->socket.handle.type == UV_NAMED_PIPE;

    CHECK((is_unix ? uv_pipe_init(uv, &socket->pipe, 0) : uv_tcp_init(uv, &socket->tcp)) == 0);
    if (listener->closing || uv_accept(&listener->socket.stream, &socket->stream) != 0) {
        return false;
    }
    listener->places->n++;
    return true;
}

void listener_connection_ended(struct listener_places *places)
{
    struct list *link;

    CHECK(places->n > 0);
    places->n--;
    while (places->n < places->max && (link = list_take_first(&places->paused)) != NULL) {
        struct listener *listener = CONTAINER_OF(link, struct listener, pause);

        deadline_clear(&listener->retry);
        tell(listener);
    }
}

void listener_close(struct listener *listener)
{
    if (listener->closing || !listener->open) {
        return;
    }
    listener->closing = true;
    list_remove(&listener->pause);
    deadline_clear(&listener->retry);
    later_remove(&listener->more);
    if (listener->owns_path) {
        (void)unlink(str_sub(str_from(listener->address), sizeof("unix:") - 1, SIZE_MAX).ptr);
    }
    uv_close(&listener->socket.handle, on_closed);
}
