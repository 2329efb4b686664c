/* An open-loop load generator for a server on this machine: request number i is due at i/rate
 * seconds, whatever became of those before it, and its latency counts from that moment. So a stall
 * of the server shows in every request that it delayed, not only in the one that it hit.
 *
 *   due ---> waiting for a connection ---> sent ---> answered        latency = answered - due
 *
 * One thread, epoll, keep-alive connections, one request at a time on each. Answers must carry
 * Content-Length. Only 127.0.0.1 can be asked. Prints one JSON line. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_CONNECTIONS = 10000, MAX_SECONDS = 300, MAX_RATE = 100000 };

enum { REPLY_MAX = 4 << 20, READ_BYTES = 65536, GRACE_S = 10, N_EVENTS = 256 };

struct connection {
    int fd;
    struct buf in;
    uint64_t due_ns;
    bool busy;
};

struct load {
    int64_t port, rate, seconds, n_connections;
    const char *method, *target, *fields, *body, *name;
    struct buf request;
    struct connection *connections;
    size_t *idle; /* stack of indices */
    size_t n_idle;
    int epoll;
    uint64_t start_ns;
    size_t n_total, n_sent, n_ended;
    uint32_t *latencies_us; /* of the answered ones */
    size_t n_answered;
    size_t by_class[6]; /* statuses: [2] holds 2xx */
    size_t n_broken;    /* connection ended or answer unreadable */
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t due_ns(const struct load *load, size_t i)
{
    return load->start_ns + (uint64_t)i * 1000000000U / (uint64_t)load->rate;
}

static void open_connection(struct load *load, size_t index)
{
    struct connection *connection = &load->connections[index];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load->port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = index}};
    int on = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        die("cannot connect");
    }
    connection->busy = false;
    buf_clear(&connection->in);
    load->idle[load->n_idle++] = index;
}

static void end_request(struct load *load, size_t index)
{
    load->n_ended++;
    load->connections[index].busy = false;
}

static void lose_connection(struct load *load, size_t index)
{
    struct connection *connection = &load->connections[index];

    if (connection->busy) {
        load->n_broken++;
        end_request(load, index);
    }
    for (size_t i = 0; i < load->n_idle; i++) {
        if (load->idle[i] == index) {
            load->idle[i] = load->idle[--load->n_idle];
            break;
        }
    }
    (void)close(connection->fd);
    open_connection(load, index);
}

static void send_due(struct load *load)
{
    uint64_t now = now_ns();

    while (load->n_idle > 0 && load->n_sent < load->n_total && due_ns(load, load->n_sent) <= now) {
        size_t index = load->idle[--load->n_idle];
        struct connection *connection = &load->connections[index];

        connection->due_ns = due_ns(load, load->n_sent);
        connection->busy = true;
        load->n_sent++;
        /* A request is far smaller than a socket buffer: it goes whole or the connection is
         * gone. */
        if (send(connection->fd, load->request.ptr, load->request.len, MSG_NOSIGNAL) !=
            (ssize_t)load->request.len) {
            lose_connection(load, index);
        }
    }
}

/* Length of the whole answer at the front of `in`; 0: not all there; -1: unreadable. */
static int64_t answer_length(struct str in)
{
    ptrdiff_t end = str_find(in, STR("\r\n\r\n"));
    int64_t length = -1;
    struct str line;
    struct str rest;

    if (end < 0) {
        return 0;
    }
    rest = str_sub(in, 0, (size_t)end);
    while (length < 0 && rest.len > 0) {
        struct str name;
        struct str value;
        (void)str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, ':', &name, &value) && str_is_nocase(name, "content-length") &&
            !str_to_i64(str_trim(value), 0, REPLY_MAX, &length)) {
            return -1;
        }
    }
    if (length < 0) {
        return -1;
    }
    length += end + 4;
    return (uint64_t)length <= in.len ? length : 0;
}

static void take_answer(struct load *load, size_t index)
{
    struct connection *connection = &load->connections[index];
    struct str in = buf_view(&connection->in);
    int64_t length = answer_length(in);
    int64_t status;

    if (length == 0) {
        return;
    }
    if (length < 0 || !connection->busy || !str_to_i64(str_sub(in, 9, 3), 100, 599, &status)) {
        lose_connection(load, index);
        return;
    }
    load->by_class[status / 100]++;
    load->latencies_us[load->n_answered++] = (uint32_t)((now_ns() - connection->due_ns) / 1000U);
    buf_consume(&connection->in, (size_t)length);
    end_request(load, index);
    load->idle[load->n_idle++] = index;
}

static void on_readable(struct load *load, size_t index)
{
    struct connection *connection = &load->connections[index];
    char *room = buf_reserve(&connection->in, READ_BYTES);

    if (room == NULL) {
        die("an answer is larger than 4 MiB");
    }
    ssize_t n = recv(connection->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (n > 0) {
        buf_grew(&connection->in, (size_t)n);
        take_answer(load, index);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose_connection(load, index);
    }
}

static void run(struct load *load)
{
    uint64_t limit_ns = load->start_ns + (uint64_t)(load->seconds + GRACE_S) * 1000000000U;

    while (load->n_ended < load->n_total && now_ns() < limit_ns) {
        struct epoll_event events[N_EVENTS];
        struct timespec wait = {0};

        send_due(load);
        if (load->n_sent < load->n_total && load->n_idle > 0) {
            uint64_t now = now_ns();
            uint64_t due = due_ns(load, load->n_sent);
            wait.tv_nsec = due > now ? (long)(due - now < 999999999U ? due - now : 999999999U) : 0;
        } else {
            wait.tv_nsec = 100000000;
        }
        int n = epoll_pwait2(load->epoll, events, N_EVENTS, &wait, NULL);
        for (int i = 0; i < n; i++) {
            on_readable(load, (size_t)events[i].data.u64);
        }
    }
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;

    return (*left > *right) - (*left < *right);
}

static int64_t quantile_us(const struct load *load, double q)
{
    if (load->n_answered == 0) {
        return 0;
    }
    return load->latencies_us[(size_t)(q * (double)(load->n_answered - 1))];
}

static void report(struct load *load)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct json_writer w;
    struct buf out;

    qsort(load->latencies_us, load->n_answered, sizeof(*load->latencies_us), compare_u32);
    buf_init(&out, READ_BYTES);
    jw_init(&w, &out);
    jw_object(&w);
    jw_kv_text(&w, "profile", load->name);
    jw_kv_text(&w, "target", load->target);
    jw_kv_int(&w, "rate", load->rate);
    jw_kv_int(&w, "seconds", load->seconds);
    jw_kv_int(&w, "connections", load->n_connections);
    jw_kv_int(&w, "answered", (int64_t)load->n_answered);
    jw_kv_int(&w, "broken", (int64_t)load->n_broken);
    jw_kv_int(&w, "unanswered", (int64_t)(load->n_total - load->n_ended));
    for (size_t i = 1; i < ARRAY_LEN(classes); i++) {
        jw_kv_int(&w, classes[i], (int64_t)load->by_class[i]);
    }
    jw_kv_int(&w, "p50_us", quantile_us(load, 0.5));
    jw_kv_int(&w, "p90_us", quantile_us(load, 0.9));
    jw_kv_int(&w, "p99_us", quantile_us(load, 0.99));
    jw_kv_int(&w, "p999_us", quantile_us(load, 0.999));
    jw_kv_int(&w, "max_us", quantile_us(load, 1.0));
    jw_kv_text(&w, "compiler", __VERSION__);
    jw_kv_text(&w, "commit", getenv("BENCH_COMMIT"));
    jw_kv_text(&w, "machine", getenv("BENCH_MACHINE"));
    jw_end(&w);
    (void)printf("%s\n", buf_cstr(&out));
    buf_done(&out);
}

static void parse_number(const char *text, int64_t max, int64_t *out)
{
    if (!str_to_i64(str_from(text), 1, max, out)) {
        die("a number is out of its range");
    }
}

static void parse_arguments(struct load *load, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:r:s:c:m:t:f:b:n:")) != -1) {
        switch (option) {
        case 'p':
            parse_number(optarg, UINT16_MAX, &load->port);
            break;
        case 'r':
            parse_number(optarg, MAX_RATE, &load->rate);
            break;
        case 's':
            parse_number(optarg, MAX_SECONDS, &load->seconds);
            break;
        case 'c':
            parse_number(optarg, MAX_CONNECTIONS, &load->n_connections);
            break;
        case 'm':
            load->method = optarg;
            break;
        case 't':
            load->target = optarg;
            break;
        case 'f':
            load->fields = optarg;
            break;
        case 'b':
            load->body = optarg;
            break;
        case 'n':
            load->name = optarg;
            break;
        default:
            die("usage: -p PORT [-n PROFILE] [-r RATE] [-s SECONDS] [-c CONNECTIONS] [-m METHOD] "
                "[-t TARGET] [-f FIELD] [-b BODY]");
        }
    }
    if (load->port == 0) {
        die("-p PORT is missing");
    }
}

static void prepare(struct load *load)
{
    buf_init(&load->request, READ_BYTES);
    buf_printf(&load->request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", load->method, load->target);
    if (load->fields != NULL) {
        buf_printf(&load->request, "%s\r\n", load->fields);
    }
    if (load->body != NULL) {
        buf_printf(&load->request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(load->body));
    }
    buf_printf(&load->request, "\r\n%s", load->body == NULL ? "" : load->body);
    if (!buf_ok(&load->request)) {
        die("the request is larger than 64 KiB");
    }

    load->n_total = (size_t)(load->rate * load->seconds);
    load->latencies_us = mem_calloc(load->n_total, sizeof(*load->latencies_us));
    load->connections = mem_calloc((size_t)load->n_connections, sizeof(*load->connections));
    load->idle = mem_calloc((size_t)load->n_connections, sizeof(*load->idle));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < (size_t)load->n_connections; i++) {
        buf_init(&load->connections[i].in, REPLY_MAX + READ_BYTES);
        open_connection(load, i);
    }
}

static void release(struct load *load)
{
    for (size_t i = 0; i < (size_t)load->n_connections; i++) {
        (void)close(load->connections[i].fd);
        buf_done(&load->connections[i].in);
    }
    (void)close(load->epoll);
    mem_free(load->idle);
    mem_free(load->connections);
    mem_free(load->latencies_us);
    buf_done(&load->request);
}

int main(int argc, char **argv)
{
    struct load load = {.rate = 1000,
                        .seconds = 10,
                        .n_connections = 32,
                        .method = "GET",
                        .target = "/health/live",
                        .name = "ping"};

    parse_arguments(&load, argc, argv);
    prepare(&load);
    load.start_ns = now_ns();
    run(&load);
    report(&load);
    bool all_answered = load.n_answered == load.n_total;
    release(&load);
    return all_answered ? 0 : 1;
}
