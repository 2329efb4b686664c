/* One connection: connecting, sending, reading an answer. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "load_internal.h"

enum { ROOM_BYTES = 65536 };

static void watch(struct load *load, size_t at, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.u64 = at}};

    CHECK(epoll_ctl(load->epoll, EPOLL_CTL_MOD, load->senders[at].fd, &event) == 0);
}

void sender_close(struct load *load, size_t at)
{
    struct sender *sender = &load->senders[at];

    if (sender->state == SENDER_CONNECTING) {
        load->n_connecting--;
    }
    if (sender->state != SENDER_CLOSED) {
        (void)close(sender->fd);
    }
    sender->state = SENDER_CLOSED;
}

void sender_fail(struct load *load, size_t at, enum load_failure failure)
{
    sender_close(load, at);
    load_failed(load, at, failure);
}

static void fail_to_connect(struct load *load, size_t at, int code)
{
    if (load->connect_error != NULL) {
        (void)error_set(load->connect_error, ERR_IO, "cannot connect to %s: %s", load->target.shown,
                        strerror(code));
    }
    sender_fail(load, at, LOAD_CONNECT);
}

void sender_open(struct load *load, size_t at)
{
    struct sender *sender = &load->senders[at];
    struct epoll_event event = {.events = EPOLLOUT, .data = {.u64 = at}};
    int on = 1;

    sender->fd =
        socket(load->target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sender->fd < 0) {
        fail_to_connect(load, at, errno);
        return;
    }
    sender->state = SENDER_CONNECTING;
    sender->began_us = clock_now_us();
    load->n_connecting++;
    (void)setsockopt(sender->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only for speed */
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, sender->fd, &event) != 0 ||
        (connect(sender->fd, (const struct sockaddr *)&load->target.address,
                 load->target.address_len) != 0 &&
         errno != EINPROGRESS)) {
        fail_to_connect(load, at, errno);
    }
}

/* ---- sending ---- */

static void push(struct load *load, size_t at, uint64_t now_us)
{
    struct sender *sender = &load->senders[at];
    ssize_t n = send(sender->fd, sender->left.ptr, sender->left.len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        sender_fail(load, at, LOAD_CLOSED);
        return;
    }
    sender->left = str_sub(sender->left, n > 0 ? (size_t)n : 0, sender->left.len);
    if (sender->left.len > 0) {
        if (sender->state != SENDER_SENDING) {
            sender->state = SENDER_SENDING;
            watch(load, at, EPOLLIN | EPOLLOUT);
        }
    } else {
        if (sender->state == SENDER_SENDING) {
            watch(load, at, EPOLLIN);
        }
        sender->state = SENDER_WAITING;
    }
    sender->began_us = now_us;
}

static void begin_request(struct load *load, size_t at, uint64_t now_us)
{
    struct sender *sender = &load->senders[at];
    bool is_head = str_is(load->options->method, "HEAD");

    http_answer_begin(sender->answer, is_head ? HTTP_ANSWER_TO_HEAD : 0);
    sender->left = request_next(&load->request, &sender->own);
    push(load, at, now_us);
}

void sender_send(struct load *load, size_t at, uint64_t due_us, uint64_t now_us)
{
    struct sender *sender = &load->senders[at];

    sender->due_us = due_us;
    sender->has_request = true;
    sender->counts = load->in_window;
    load->in_flight++;
    if (sender->state == SENDER_CLOSED) {
        sender_open(load, at);
    } else {
        begin_request(load, at, now_us);
    }
}

static void on_connected(struct load *load, size_t at)
{
    struct sender *sender = &load->senders[at];
    int code = 0;
    socklen_t len = sizeof(code);

    if (getsockopt(sender->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0 || code != 0) {
        fail_to_connect(load, at, code != 0 ? code : errno);
        return;
    }
    load->n_connecting--;
    sender->state = SENDER_IDLE;
    watch(load, at, EPOLLIN);
    if (sender->has_request) {
        begin_request(load, at, clock_now_us());
    } else {
        load_connected(load, at);
    }
}

/* ---- reading ---- */

static void take_answer(struct load *load, size_t at, struct str rest, bool is_closed)
{
    struct sender *sender = &load->senders[at];
    int status = http_answer_status(sender->answer);

    /* Bytes behind the answer belong to no request: the connection is out of step. So it is before the request
     * is sent to its end. */
    if (rest.len > 0 || sender->left.len > 0 || is_closed ||
        !http_answer_keeps_connection(sender->answer)) {
        sender_close(load, at);
    } else {
        sender->state = SENDER_IDLE;
    }
    load_answered(load, at, status);
}

static void take_bytes(struct load *load, size_t at, struct str bytes)
{
    struct sender *sender = &load->senders[at];
    enum http_answer_event event;

    if (sender->counts) {
        load->result->bytes += bytes.len;
    }
    do {
        struct str piece;
        size_t used;

        event = http_answer_next(sender->answer, bytes, &used, &piece);
        bytes = str_sub(bytes, used, bytes.len);
    } while (event == HTTP_ANSWER_PIECE);
    if (event == HTTP_ANSWER_END) {
        take_answer(load, at, bytes, false);
    } else if (event == HTTP_ANSWER_BAD) {
        sender_fail(load, at, LOAD_GARBLED);
    }
}

static void on_closed(struct load *load, size_t at)
{
    struct sender *sender = &load->senders[at];

    if (sender->state == SENDER_IDLE) {
        sender_close(load, at); /* sender_send opens it again */
    } else if (http_answer_has_head(sender->answer) &&
               http_answer_close(sender->answer) == HTTP_ANSWER_END) {
        take_answer(load, at, STR_EMPTY, true);
    } else {
        sender_fail(load, at, LOAD_CLOSED);
    }
}

static void on_readable(struct load *load, size_t at)
{
    struct sender *sender = &load->senders[at];
    ssize_t n = recv(sender->fd, load->room, ROOM_BYTES, 0);

    if (n > 0 && sender->state == SENDER_IDLE) {
        sender_close(load, at); /* bytes without a request */
    } else if (n > 0) {
        take_bytes(load, at, (struct str){load->room, (size_t)n});
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        on_closed(load, at);
    }
}

void sender_on_event(struct load *load, size_t at, uint32_t events)
{
    struct sender *sender = &load->senders[at];

    if (sender->state == SENDER_CLOSED) {
        return; /* an earlier event of the same turn closed it */
    }
    if (sender->state == SENDER_CONNECTING) {
        on_connected(load, at);
        return;
    }
    if ((events & EPOLLOUT) != 0 && sender->state == SENDER_SENDING) {
        push(load, at, clock_now_us());
    }
    if ((events & ~(uint32_t)EPOLLOUT) != 0 && sender->state != SENDER_CLOSED &&
        sender->state != SENDER_CONNECTING) {
        on_readable(load, at);
    }
}
