#include "harness/collector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "harness/blocking.h"
#include "harness/cmocka.h"
#include "harness/wait.h"

enum { SLOW_US = 200000 };

/* ---- in the child ---- */

static void keep(struct collector_seen *seen, struct str head, struct str body)
{
    struct str method;
    struct str target;
    struct str rest;
    size_t at = seen->n_bytes;

    (void)str_cut(head, ' ', &method, &rest);
    (void)str_cut(rest, ' ', &target, &rest);
    if (at + target.len + body.len + 2 > sizeof(seen->bodies)) { /* it is counted all the same */
        seen->is_full = true;
        seen->n_taken++;
        return;
    }
    memcpy(seen->bodies + at, target.ptr, target.len);
    seen->bodies[at + target.len] = '\n';
    memcpy(seen->bodies + at + target.len + 1, body.ptr, body.len);
    seen->bodies[at + target.len + 1 + body.len] = '\n';
    seen->n_bytes = at + target.len + body.len + 2;
    seen->n_taken++;
}

/* False: this connection is over. */
static bool serve_one(struct collector_seen *seen, int fd, struct buf *in)
{
    static const struct str taken = STR_INIT(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    static const struct str refused =
        STR_INIT("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    static const struct str half = STR_INIT(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{");
    static const struct str gone = STR_INIT("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    struct str head;
    size_t len;
    char first;

    if (seen->mood == COLLECTOR_CLOSES) {
        seen->n_posts += recv(fd, &first, 1, 0) == 1 ? 1 : 0;
        return false;
    }
    if (!blocking_read(fd, in, &head, &len)) {
        return false;
    }
    seen->n_posts++;
    str_copy(seen->last_head, sizeof(seen->last_head), head);
    while (seen->mood == COLLECTOR_IS_SILENT) {
        (void)usleep(1000);
    }
    if (seen->mood == COLLECTOR_IS_SLOW) {
        (void)usleep(SLOW_US);
    } else if (seen->mood == COLLECTOR_BREAKS_OFF) {
        (void)blocking_write(fd, half);
        return false;
    } else if (seen->mood != COLLECTOR_TAKES) {
        buf_consume(in, len);
        return blocking_write(fd, seen->mood == COLLECTOR_IS_GONE ? gone : refused);
    }
    while (atomic_flag_test_and_set(&seen->is_writing)) {
    }
    keep(seen, head, str_sub(buf_view(in), head.len + 4, len - head.len - 4));
    atomic_flag_clear(&seen->is_writing);
    buf_consume(in, len);
    return blocking_write(fd, taken);
}

/* Each connection has a process of its own: spans and metrics come on two. */
static void serve(struct collector_seen *seen, int listener)
{
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        struct buf in;

        if (fd >= 0 && blocking_fork() == 0) {
            (void)close(listener);
            buf_init(&in, BLOCKING_BODY_MAX);
            while (serve_one(seen, fd, &in)) {
            }
            buf_done(&in);
            _exit(0);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}

/* ---- in the test ---- */

/* Who had it may still be dying. */
static int take_port(struct collector *collector)
{
    int fd = -1;

    wait_until((fd = blocking_bind(&collector->port)) >= 0);
    return fd;
}

static void begin(struct collector *collector)
{
    int listener = take_port(collector);

    assert_int_equal(listen(listener, 64), 0);
    atomic_flag_clear(&collector->seen->is_writing); /* whoever had it was killed */
    collector->pid = blocking_fork();
    assert_true(collector->pid >= 0);
    if (collector->pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        serve(collector->seen, listener);
        _exit(0);
    }
    (void)close(listener);
}

/* Children of the child die with it. */
static void end(struct collector *collector)
{
    if (collector->pid > 0) {
        assert_int_equal(kill(collector->pid, SIGKILL), 0);
        assert_int_equal(waitpid(collector->pid, NULL, 0), collector->pid);
        collector->pid = 0;
    }
    for (size_t i = 0; collector->hole >= 0 && i < COLLECTOR_N_CALLERS; i++) {
        (void)close(collector->callers[i]);
    }
    if (collector->hole >= 0) {
        (void)shutdown(collector->hole, SHUT_RD); /* children of other collectors have it, too */
        (void)close(collector->hole);
        collector->hole = -1;
    }
}

void collector_start(struct collector *collector)
{
    collector->port = 0;
    collector->hole = -1;
    collector->reserved = blocking_bind(&collector->port);
    assert_true(collector->reserved >= 0);
    collector->seen = mmap(NULL, sizeof(*collector->seen), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(collector->seen != MAP_FAILED);
    begin(collector);
}

void collector_leave(struct collector *collector)
{
    end(collector);
}

/* A queue for one: the first of two callers fills it, and the system lets the beginnings of other connections fall. */
void collector_fall_silent(struct collector *collector)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons(collector->port)};

    collector->hole = take_port(collector);
    assert_int_equal(listen(collector->hole, 0), 0);
    for (size_t i = 0; i < COLLECTOR_N_CALLERS; i++) {
        collector->callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(collector->callers[i] >= 0);
        (void)connect(collector->callers[i], (const struct sockaddr *)&address, sizeof(address));
    }
}

void collector_come_back(struct collector *collector)
{
    end(collector);
    begin(collector);
}

void collector_done(struct collector *collector)
{
    end(collector);
    (void)close(collector->reserved);
    assert_int_equal(munmap(collector->seen, sizeof(*collector->seen)), 0);
}

static struct json *parse(struct str body, struct arena *arena)
{
    struct error err = {0};
    struct json *root = NULL;

    if (json_parse(arena, body, &json_of_ours, &root, &err) != ERR_OK) {
        fail_msg("not JSON: %s", err.text);
    }
    return root;
}

/* The next body of `target`; false: there is none. */
static bool next_body(struct str *rest, const char *target, struct arena *arena, struct json **out)
{
    while (rest->len > 0) {
        struct str line;
        struct str body;

        (void)str_cut(*rest, '\n', &line, rest);
        (void)str_cut(*rest, '\n', &body, rest);
        if (str_is(line, target)) {
            *out = parse(body, arena);
            return true;
        }
    }
    return false;
}

static struct str all(const struct collector *collector)
{
    assert_false(collector->seen->is_full);
    return (struct str){collector->seen->bodies, collector->seen->n_bytes};
}

static const struct json *only(const struct json *object, const char *name)
{
    const struct json *array = json_get_str(object, str_from(name));

    if (json_size(array) != 1) {
        fail_msg("%s has %zu elements instead of 1", name, json_size(array));
    }
    return json_first(array);
}

struct json *collector_spans(const struct collector *collector, struct arena *arena)
{
    struct json *found = json_new_array(arena);
    struct str rest = all(collector);
    struct json *body;

    while (next_body(&rest, "/v1/traces", arena, &body)) {
        const struct json *scope = only(only(body, "resourceSpans"), "scopeSpans");
        const struct json *spans = json_get_str(scope, STR("spans"));

        for (const struct json *span = json_first(spans); span != NULL; span = json_next(span)) {
            json_append(found, json_copy(arena, span));
        }
    }
    return found;
}

struct json *collector_metrics(const struct collector *collector, struct arena *arena)
{
    struct str rest = all(collector);
    struct json *found = NULL;
    struct json *body;

    while (next_body(&rest, "/v1/metrics", arena, &body)) {
        const struct json *scope = only(only(body, "resourceMetrics"), "scopeMetrics");

        found = json_copy(arena, json_get_str(scope, STR("metrics")));
    }
    return found;
}
