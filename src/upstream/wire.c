/* All descriptors of the room in one epoll, which a single uv_poll watches.
 *
 *   descriptors --> epoll of ours --(one uv_poll)--> on_readable --> libcurl, while it connects
 *                                                               --> transfer or pool, afterwards
 *
 * A connection is registered once, for reading, and stays so between its requests: no system call
 * beside send and receive, and a connection at rest that turns readable is noticed.
 *
 * While a descriptor is libcurl's, libcurl says which events it waits for. libcurl closes descriptors that it
 * opened for itself (its resolver's socket pair) without a callback, so for those its REMOVE is obeyed; for
 * sockets that we opened for it, a close callback comes.
 *
 * EPOLLERR and EPOLLHUP are handed on as readable and writable, not as CURL_CSELECT_ERR: with that
 * libcurl gives up at once and loses what is still in the socket's buffer. */
#include "upstream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/host.h"
#include "base/mem.h"

enum {
    EVENTS_PER_WAIT = 64,
    EVENTS_A_TURN = 32 /* each costs as much as half a command */
};

static void must_uv(int code)
{
    CHECK(code == 0);
}

static struct watch *watch_of(struct wire *wire, curl_socket_t fd)
{
    size_t index = (size_t)fd;

    CHECK(fd >= 0);
    if (index >= wire->n_watches) {
        size_t n = wire->n_watches == 0 ? 64 : wire->n_watches;

        while (n <= index) {
            n *= 2;
        }
        wire->watches = mem_realloc(wire->watches, n * sizeof(*wire->watches));
        for (size_t i = wire->n_watches; i < n; i++) {
            wire->watches[i] = (struct watch){0};
        }
        wire->n_watches = n;
    }
    return &wire->watches[index];
}

static void watch_set(struct wire *wire, curl_socket_t fd, struct watch *watch, uint32_t mask)
{
    struct epoll_event event = {.events = mask};
    int op = EPOLL_CTL_MOD;

    if (mask == watch->mask) {
        return;
    }
    if (mask == 0) {
        /* Fails if libcurl has closed the socket already; then the kernel has dropped it as
         * well. */
        (void)epoll_ctl(wire->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        watch->mask = 0;
        return;
    }
    if (watch->mask == 0) {
        op = EPOLL_CTL_ADD;
        watch->generation++;
    }
    event.data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)fd;
    if (epoll_ctl(wire->epoll_fd, op, fd, &event) != 0) {
        /* The table may be out of date: libcurl closes and reopens its own descriptors without a callback. */
        op = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        CHECK(epoll_ctl(wire->epoll_fd, op, fd, &event) == 0);
    }
    watch->mask = mask;
}

/* For established connections, which are ours. */
void wire_watch(struct upstream_connection *connection, uint32_t mask)
{
    struct wire *wire = &connection->upstream->wire;
    struct watch *watch = watch_of(wire, connection->fd);

    watch->connection = connection;
    watch_set(wire, connection->fd, watch, mask);
}

void wire_forget(struct upstream_connection *connection)
{
    watch_of(&connection->upstream->wire, connection->fd)->connection = NULL;
}

/* Sockets of libcurl: those that it connects, and those of its resolver. */
int wire_on_wish(CURL *easy, curl_socket_t fd, int what, void *crowd, void *unused)
{
    struct upstream *upstream = ((struct crowd *)crowd)->upstream;
    struct watch *watch = watch_of(&upstream->wire, fd);
    uint32_t want = 0;

    (void)easy;
    (void)unused;
    if (watch->connection != NULL) {
        return 0; /* established: it is ours, libcurl's wish does not count */
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) {
        want |= EPOLLIN;
    }
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) {
        want |= EPOLLOUT;
    }
    watch->crowd = crowd;
    watch->want = want;
    if (watch->ours && want == 0) {
        return 0; /* established or about to be closed: either changes the watch in a moment */
    }
    watch_set(&upstream->wire, fd, watch, want);
    return 0;
}

static void watch_reset(struct watch *watch, bool ours)
{
    watch->ours = ours;
    watch->mask = 0; /* closing a descriptor takes it out of the epoll */
    watch->want = 0;
    watch->crowd = NULL;
    watch->connection = NULL;
}

/* Judges the address that is about to be connected to. A check of the name would not be enough: the next
 * lookup of the name may give another address. */
static bool is_public(const struct curl_sockaddr *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t bytes[16] = {0};

    if (address->family == AF_INET) {
        struct sockaddr_in v4;

        mem_copy(&v4, &address->addr, sizeof(v4));
        mem_copy(bytes, mapped, sizeof(mapped));
        mem_copy(bytes + sizeof(mapped), &v4.sin_addr, sizeof(v4.sin_addr));
        return ip_address_is_public(bytes);
    }
    if (address->family == AF_INET6 && address->addrlen >= sizeof(struct sockaddr_in6)) {
        /* libcurl keeps the longer ones behind the struct's short member. */
        mem_copy(bytes, (const char *)&address->addr + offsetof(struct sockaddr_in6, sin6_addr),
                 sizeof(bytes));
        return ip_address_is_public(bytes);
    }
    return false;
}

curl_socket_t wire_open_socket(void *connection, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    struct upstream_connection *opened = connection;
    struct upstream *upstream = opened->upstream;
    int fd;

    (void)purpose;
    if (upstream->options.public_only && !is_public(address)) {
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        opened->is_starved = errno == EMFILE || errno == ENFILE;
        return CURL_SOCKET_BAD;
    }
    watch_reset(watch_of(&upstream->wire, fd), true);
    return fd;
}

int wire_close_socket(void *upstream, curl_socket_t fd)
{
    watch_reset(watch_of(&((struct upstream *)upstream)->wire, fd), false);
    return close(fd);
}

static void libcurl_on_event(struct wire *wire, int fd, uint32_t events)
{
    struct watch *watch = watch_of(wire, fd);
    int what = 0;

    if ((events & watch->want) == 0 || watch->crowd == NULL) {
        watch_set(wire, fd, watch, watch->want);
        return;
    }
    if ((events & EPOLLIN) != 0) {
        what |= CURL_CSELECT_IN;
    }
    if ((events & EPOLLOUT) != 0) {
        what |= CURL_CSELECT_OUT;
    }
    crowd_act(watch->crowd, fd, what);
}

static void on_event(struct wire *wire, const struct epoll_event *event)
{
    int fd = (int)(event->data.u64 & 0xffffffffU);
    struct watch *watch = watch_of(wire, fd);
    struct upstream_connection *connection = watch->connection;
    uint32_t events = event->events;

    if (watch->mask == 0 || watch->generation != (uint32_t)(event->data.u64 >> 32)) {
        return; /* closed by an earlier event of this batch */
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        events |= EPOLLIN | EPOLLOUT;
    }
    if (connection == NULL) {
        libcurl_on_event(wire, fd, events);
    } else if (connection->transfer != NULL) {
        transfer_on_event(connection->transfer, events);
    } else {
        pool_on_event(connection);
    }
}

bool wire_look(struct upstream *upstream)
{
    struct wire *wire = &upstream->wire;
    UNINITIALISED struct epoll_event events[EVENTS_PER_WAIT];
    int n = epoll_wait(wire->epoll_fd, events, EVENTS_PER_WAIT, 0);

    for (int i = 0; i < n; i++) {
        struct watch *watch = watch_of(wire, (int)(events[i].data.u64 & 0xffffffffU));

        if (watch->connection != NULL && watch->connection->transfer == NULL) {
            on_event(wire, &events[i]);
        }
    }
    return n < EVENTS_PER_WAIT;
}

static void on_readable(uv_poll_t *poll, int status, int uv_events)
{
    struct upstream *upstream = CONTAINER_OF(poll, struct upstream, wire.poll);
    UNINITIALISED struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(upstream->wire.epoll_fd, events, EVENTS_A_TURN, 0);

    (void)status;
    (void)uv_events;
    upstream->in_events = true;
    for (int i = 0; i < n; i++) {
        on_event(&upstream->wire, &events[i]);
    }
    connect_drive(upstream);
    upstream_dispatch(upstream);
}

void wire_open(struct upstream *upstream)
{
    struct wire *wire = &upstream->wire;

    wire->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(wire->epoll_fd >= 0);
    must_uv(uv_poll_init(&upstream->loop->uv, &wire->poll, wire->epoll_fd));
    must_uv(uv_poll_start(&wire->poll, UV_READABLE, on_readable));
    upstream->open_handles++;
}

static void on_poll_closed(uv_handle_t *poll)
{
    upstream_on_handle_closed(CONTAINER_OF((uv_poll_t *)poll, struct upstream, wire.poll));
}

void wire_close(struct upstream *upstream)
{
    struct wire *wire = &upstream->wire;

    must_uv(uv_poll_stop(&wire->poll));
    uv_close((uv_handle_t *)&wire->poll, on_poll_closed);
    CHECK(close(wire->epoll_fd) == 0);
    mem_free(wire->watches);
    wire->watches = NULL;
    wire->n_watches = 0;
}
