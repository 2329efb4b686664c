/* libuv accepts a connection before it tells; not taking it stops the polling by itself, and taking
 * it later starts it again. So a full server pauses by doing nothing. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/check.h"
#include "listener_internal.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { RETRY_MS = 100 };

bool listener_resolve(const struct address *address, struct sockaddr_storage *out)
{
    return address->is_v6
               ? uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)out) == 0
               : uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)out) == 0;
}

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
        /* Who may not leave now may leave a moment later, and nothing else would tell of it. */
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

static void name_address(struct listener *listener)
{
    struct sockaddr_storage bound;
    int len = sizeof(bound);

    CHECK(uv_tcp_getsockname(&listener->socket.tcp, (struct sockaddr *)&bound, &len) == 0);
    listener->port = address_name(&bound, listener->address);
}

/* Of a socket that was passed only the kernel knows the path. */
static void name_path(struct listener *listener, struct str what)
{
    char path[ADDRESS_PATH_MAX] = "";
    size_t len = sizeof(path) - 1;
    struct buf text;

    buf_init(&text, sizeof(listener->address) - 1);
    if (!address_is_unix(what) && uv_pipe_getsockname(&listener->socket.pipe, path, &len) == 0) {
        buf_printf(&text, "unix:%s", path);
        what = buf_view(&text);
    }
    str_copy(listener->address, sizeof(listener->address), what);
    buf_done(&text);
}

static void on_abandoned(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, socket.handle);

    listener->open = false;
}

static enum error_code bind_tcp(struct listener *listener, struct str text, int *out_status,
                                struct error *err)
{
    struct address wanted = {.host = ""};
    struct sockaddr_storage storage = {0};
    enum error_code code = address_read(text, &wanted, err);

    if (code != ERR_OK) {
        return code;
    }
    if (!listener_resolve(&wanted, &storage)) { /* the zone of an IPv6 address names no interface */
        return error_set(err, ERR_IO, "cannot listen on %.*s: no such interface", STR_ARG(text));
    }
    CHECK(uv_tcp_init(&listener->loop->uv, &listener->socket.tcp) == 0);
    *out_status = uv_tcp_bind(&listener->socket.tcp, (struct sockaddr *)&storage, 0);
    return ERR_OK;
}

void listener_remove_abandoned(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int fd;

    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(path));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* Until it listens nobody can connect, so the mode is set in time. */
static enum error_code bind_unix(struct listener *listener, struct str text, unsigned mode,
                                 int *out_status, struct error *err)
{
    char path[ADDRESS_PATH_MAX];
    enum error_code code = address_read_unix(text, path, err);

    if (code != ERR_OK) {
        return code;
    }
    listener_remove_abandoned(path);
    CHECK(uv_pipe_init(&listener->loop->uv, &listener->socket.pipe, 0) == 0);
    *out_status = uv_pipe_bind(&listener->socket.pipe, path);
    if (*out_status == 0 && chmod(path, mode != 0 ? (mode_t)mode : S_IRUSR | S_IWUSR) != 0) {
        *out_status = uv_translate_sys_error(errno);
    }
    return ERR_OK;
}

/* `status`: of binding the socket. */
static enum error_code listen_on(struct listener *listener, int status, struct str what,
                                 struct error *err)
{
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
        return error_set(err, ERR_IO, "cannot listen on %.*s: %s", STR_ARG(what),
                         uv_strerror(status));
    }
    if (listener->socket.handle.type == UV_NAMED_PIPE) {
        name_path(listener, what);
    } else {
        name_address(listener);
    }
    return ERR_OK;
}

static int open_passed(struct listener *listener, int fd)
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

void listener_places_init(struct listener_places *places, unsigned max)
{
    *places = (struct listener_places){.max = max};
    list_init(&places->paused);
}

enum error_code listener_open(struct listener *listener, struct loop *loop,
                              const struct listener_options *options,
                              const struct listener_events *events, struct error *err)
{
    enum error_code code = ERR_OK;
    struct str what = options->address;
    int status = 0;

    *listener = (struct listener){.loop = loop, .events = events, .places = options->places};
    if (options->socket > 0) {
        what = STR("the socket that was passed");
        status = open_passed(listener, options->socket);
    } else if (address_is_unix(options->address)) {
        code = bind_unix(listener, options->address, options->mode, &status, err);
    } else {
        code = bind_tcp(listener, options->address, &status, err);
    }
    return code == ERR_OK ? listen_on(listener, status, what, err) : code;
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
    uv_close(&listener->socket.handle, on_closed);
}
