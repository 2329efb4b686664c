/* libcurl's multi on the loop.
 *
 *   connection fds --> epoll of ours --(one uv_poll)--> on_readable --> curl_multi_socket_action
 *   libcurl's wish to be woken ------(one uv_timer)---> on_timer ----^        |
 *                                                                             v
 *                                            completions --> upstream.ended --> dispatch
 *
 * libcurl says REMOVE each time a connection returns to its pool and ADD when it leaves again. For
 * descriptors that we opened ourselves REMOVE is ignored: the watch (readable) stays until the
 * close callback, which saves two system calls a request (measured: 0.65 to 0.85 of the CPU). A
 * descriptor that turns readable while nobody wants it is a connection that the platform closed, or
 * a paused stream: its watch shrinks to what is wanted, else it would fire for ever. Descriptors
 * that libcurl opened for itself (its resolver's socket pair) are closed without telling us, so for
 * those REMOVE is obeyed.
 *
 * EPOLLERR and EPOLLHUP are handed on as readable and writable, not as CURL_CSELECT_ERR: with that
 * libcurl gives up at once and loses an answer that is still in the socket's buffer. */
#include "upstream_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { EVENTS_PER_WAIT = 64 };

static void must(CURLMcode code)
{
    CHECK(code == CURLM_OK);
}

static void must_uv(int code)
{
    CHECK(code == 0);
}

static void collect(struct upstream *upstream)
{
    CURLMsg *message;
    int n_left;

    while ((message = curl_multi_info_read(upstream->wire.multi, &n_left)) != NULL) {
        char *private = NULL;

        CHECK(message->msg == CURLMSG_DONE);
        CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK);
        /* Copies the result: removing the handle frees the message. */
        upstream_on_wire_end((struct upstream_handle *)(void *)private, message->data.result);
    }
}

static void act(struct upstream *upstream, curl_socket_t fd, int what)
{
    int n_running;

    upstream->wire.has_news = false;
    must(curl_multi_socket_action(upstream->wire.multi, fd, what, &n_running));
    collect(upstream);
    /* An end lets waiting calls in, which are driven at once rather than by libcurl's 0 ms timer.
     */
    while (upstream->wire.has_news) {
        upstream->wire.has_news = false;
        must(curl_multi_socket_action(upstream->wire.multi, CURL_SOCKET_TIMEOUT, 0, &n_running));
        collect(upstream);
    }
}

void wire_drive(struct upstream *upstream)
{
    act(upstream, CURL_SOCKET_TIMEOUT, 0);
    if (!list_is_empty(&upstream->touched)) {
        upstream_dispatch_later(upstream);
    }
}

/* The timer. libcurl calls on_timer_wish only when its wish changes; should our timer fire a hair
 * before libcurl's clock agrees, it would wait for ever - so the wish is asked for again. */
static void on_timer(uv_timer_t *timer)
{
    struct upstream *upstream = CONTAINER_OF(timer, struct upstream, wire.timer);
    long wish_ms = -1;

    wire_drive(upstream);
    if (uv_is_active((uv_handle_t *)timer) == 0) {
        must(curl_multi_timeout(upstream->wire.multi, &wish_ms));
        if (wish_ms >= 0) {
            must_uv(uv_timer_start(timer, on_timer, wish_ms > 0 ? (uint64_t)wish_ms : 1, 0));
        }
    }
    upstream_dispatch(upstream);
}

static int on_timer_wish(CURLM *multi, long wish_ms, void *context)
{
    struct upstream *upstream = context;

    (void)multi;
    if (wish_ms < 0) {
        return uv_timer_stop(&upstream->wire.timer);
    }
    uv_update_time(&upstream->loop->uv); /* a timer counts from the loop's idea of now */
    return uv_timer_start(&upstream->wire.timer, on_timer, (uint64_t)wish_ms, 0) == 0 ? 0 : -1;
}

/* The watches. */
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
        /* Fails when libcurl closed it already; then the kernel has dropped it as well. */
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
        /* The table and the kernel disagree when libcurl closed and reopened one of its own. */
        op = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        CHECK(epoll_ctl(wire->epoll_fd, op, fd, &event) == 0);
    }
    watch->mask = mask;
}

static int on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    struct upstream *upstream = context;
    struct wire *wire = &upstream->wire;
    struct watch *watch = watch_of(wire, fd);
    uint32_t want = 0;

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) {
        want |= EPOLLIN;
    }
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) {
        want |= EPOLLOUT;
    }
    watch->want = want;
    if (watch->ours) {
        want |= watch->mask & EPOLLIN;
    }
    watch_set(wire, fd, watch, want);
    return 0;
}

curl_socket_t wire_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct upstream *upstream = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    struct watch *watch = watch_of(&upstream->wire, fd);

    watch->ours = true;
    watch->mask = 0;
    watch->want = 0;
    return fd;
}

int wire_close_socket(void *context, curl_socket_t fd)
{
    struct upstream *upstream = context;
    struct watch *watch = watch_of(&upstream->wire, fd);

    watch->ours = false;
    watch->mask = 0; /* closing takes it out of the epoll */
    watch->want = 0;
    return close(fd);
}

static void on_event(struct upstream *upstream, const struct epoll_event *event)
{
    struct wire *wire = &upstream->wire;
    int fd = (int)(event->data.u64 & 0xffffffffU);
    struct watch *watch = watch_of(wire, fd);
    uint32_t events = event->events;
    int what = 0;

    if (watch->mask == 0 || watch->generation != (uint32_t)(event->data.u64 >> 32)) {
        return; /* closed by an earlier event of this batch */
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        events |= EPOLLIN | EPOLLOUT;
    }
    if ((events & watch->want) == 0) {
        watch_set(wire, fd, watch, watch->want);
        return;
    }
    if ((events & EPOLLIN) != 0) {
        what |= CURL_CSELECT_IN;
    }
    if ((events & EPOLLOUT) != 0) {
        what |= CURL_CSELECT_OUT;
    }
    act(upstream, fd, what);
}

static void on_readable(uv_poll_t *poll, int status, int uv_events)
{
    struct upstream *upstream = CONTAINER_OF(poll, struct upstream, wire.poll);
    struct epoll_event events[EVENTS_PER_WAIT];
    int n = epoll_wait(upstream->wire.epoll_fd, events, EVENTS_PER_WAIT, 0);

    (void)status;
    (void)uv_events;
    for (int i = 0; i < n; i++) {
        on_event(upstream, &events[i]);
    }
    upstream_dispatch(upstream);
}

void wire_open(struct upstream *upstream)
{
    struct wire *wire = &upstream->wire;
    const struct upstream_options *options = &upstream->options;
    /* Above max_active: a pool smaller than the calls in flight makes connections churn. */
    long max_connects = (long)options->max_active + (long)options->max_active / 4 + 8;

    wire->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(wire->epoll_fd >= 0);
    must_uv(uv_poll_init(&upstream->loop->uv, &wire->poll, wire->epoll_fd));
    must_uv(uv_timer_init(&upstream->loop->uv, &wire->timer));
    wire->poll.data = upstream;
    wire->timer.data = upstream;
    must_uv(uv_poll_start(&wire->poll, UV_READABLE, on_readable));
    wire->multi = curl_multi_init();
    CHECK(wire->multi != NULL);
    must(curl_multi_setopt(wire->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish));
    must(curl_multi_setopt(wire->multi, CURLMOPT_SOCKETDATA, upstream));
    must(curl_multi_setopt(wire->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish));
    must(curl_multi_setopt(wire->multi, CURLMOPT_TIMERDATA, upstream));
    must(curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, max_connects));
    must(curl_multi_setopt(wire->multi, CURLMOPT_PIPELINING,
                           options->http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING));
}

void wire_close(struct upstream *upstream, uv_close_cb on_closed)
{
    struct wire *wire = &upstream->wire;

    must(curl_multi_cleanup(wire->multi)); /* calls back until it returns */
    wire->multi = NULL;
    must_uv(uv_poll_stop(&wire->poll));
    uv_close((uv_handle_t *)&wire->poll, on_closed);
    uv_close((uv_handle_t *)&wire->timer, on_closed);
    CHECK(close(wire->epoll_fd) == 0);
    mem_free(wire->watches);
    wire->watches = NULL;
    wire->n_watches = 0;
}
