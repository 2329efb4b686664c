/* A stand-in for the platform that costs next to nothing: POST answers a step with a new id and the
 * checkpoint that was asked for, GET a list of projects, after DELAY_US; at most MAX_ACTIVE at once, the others wait in order (0: no
 * limit). One answer in FAULT_EVERY is a fault, each kind in turn (0: none).
 *   bench_platform DELAY_US [MAX_ACTIVE [FAULT_EVERY]]
 *
 *   bytes ──► whole request ──► [waits for its turn] ──► due list (one delay, so in order) ──► answer
 */
#include "listen.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum { IN_MAX = 65536, QUEUE_N = 1 << 18 };

struct connection {
    struct buf in;
    unsigned generation; /* an answer for an older connection of this descriptor is dropped */
};

struct due {
    uint64_t at_us;
    int fd;
    unsigned generation;
    unsigned long checkpoint; /* 0: a GET */
};

struct queue {
    struct due *items;
    size_t first, end; /* grow for ever; the place is their remainder */
};

static struct connection connections[MAX_FD];
static struct queue waiting; /* for their turn */
static struct queue active;
static uint64_t delay_us;
static size_t max_active;
static size_t fault_every;
static size_t n_answers;
static int64_t last_id = 3000000;

static void put(struct queue *queue, struct due due)
{
    if (queue->end - queue->first == QUEUE_N) {
        die("too many requests wait");
    }
    queue->items[queue->end++ % QUEUE_N] = due;
}

static bool take(struct queue *queue, struct due *out)
{
    if (queue->first == queue->end) {
        return false;
    }
    *out = queue->items[queue->first++ % QUEUE_N];
    return true;
}

/* The peer sees the end of the connection; its descriptor is closed when it turns readable. */
static void hang_up(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}

/* Answers that are none. */
static void misbehave(int fd, size_t kind)
{
    static const char *const texts[] = {
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/js",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":",
        "this is not HTTP\r\n\r\n",
        "", /* not a word */
    };
    const char *text = texts[kind % ARRAY_LEN(texts)];

    (void)!write(fd, text, strlen(text));
    if (kind % ARRAY_LEN(texts) > 1) {
        hang_up(fd);
    }
}

static void answer(int fd, unsigned long checkpoint)
{
    static const char projects[] =
        "{\"success\":true,\"items\":[{\"id\":9056,\"canonicalId\":\"97392ff9-4929-4856-bc49-"
        "ee29d79cc7eb\",\"name\":\"Example shop\",\"description\":\"\",\"organizationId\":1,"
        "\"archived\":false,\"status\":\"ACTIVE\",\"capabilities\":[\"EXECUTION\"],"
        "\"createdDate\":1795869401698,\"lastModifiedDate\":1795869401698}]}";
    static const char step[] =
        ",\"canonicalId\":\"da8fcf73-ccac-4a3e-b234-4eb513ea1813\",\"action\":\"CLICK\","
        "\"value\":\"\",\"meta\":{\"kind\":\"CLICK\",\"type\":\"NATURAL\"},\"optional\":false,"
        "\"ignoreOutcome\":false,\"skip\":false,\"element\":{\"target\":{\"selectors\":[{\"type\":"
        "\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"Sign in\\\"}\"}]}},"
        "\"stepIndex\":0,\"checkpointId\":";
    static struct buf out;
    static struct buf body;

    n_answers++;
    if (fault_every > 0 && n_answers % fault_every == 0) {
        misbehave(fd, n_answers / fault_every);
        return;
    }
    if (out.max == 0) {
        buf_init(&out, IN_MAX);
        buf_init(&body, IN_MAX);
    }
    buf_clear(&out);
    buf_clear(&body);
    if (checkpoint == 0) {
        buf_text(&body, projects);
    } else {
        buf_text(&body, "{\"id\":");
        buf_int(&body, ++last_id);
        buf_text(&body, step);
        buf_int(&body, (int64_t)checkpoint);
        buf_char(&body, '}');
    }
    buf_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
    buf_int(&out, (int64_t)body.len);
    buf_text(&out, "\r\n\r\n");
    buf_str(&out, buf_view(&body));
    (void)!write(fd, out.ptr, out.len); /* small: it goes whole, or the client is gone */
}

static void begin_waiting(uint64_t now_us)
{
    struct due due;

    while ((max_active == 0 || active.end - active.first < max_active) && take(&waiting, &due)) {
        due.at_us = now_us + delay_us;
        put(&active, due);
    }
}

static void answer_due(uint64_t now_us)
{
    struct due due;

    while (active.first != active.end && active.items[active.first % QUEUE_N].at_us <= now_us) {
        (void)take(&active, &due);
        if (connections[due.fd].generation == due.generation) {
            answer(due.fd, due.checkpoint);
        }
        begin_waiting(now_us);
    }
}

static unsigned long checkpoint_of(const struct buf *in)
{
    static const char name[] = "\"checkpointId\":";
    const char *at = in->ptr[0] == 'G' ? NULL : strstr(in->ptr, name);

    return at != NULL ? strtoul(at + sizeof(name) - 1, NULL, 10) : 0;
}

/* Length of the first whole request; 0: it is not there yet. */
static size_t whole_request(struct buf *in)
{
    const char *text = buf_cstr(in);
    const char *end = strstr(text, "\r\n\r\n");
    const char *field = end != NULL ? strcasestr(text, "\r\ncontent-length:") : NULL;
    size_t length = end != NULL ? (size_t)(end - text) + 4 : 0;

    if (field != NULL && field < end) {
        length += (size_t)strtoul(field + 17, NULL, 10);
    }
    return length <= in->len ? length : 0;
}

static void on_readable(int fd)
{
    struct connection *connection = &connections[fd];
    char *room = buf_reserve(&connection->in, IN_MAX / 2);
    ssize_t n = room != NULL ? read(fd, room, IN_MAX / 2) : 0;
    size_t length;

    if (n <= 0) {
        connection->generation++;
        buf_clear(&connection->in);
        (void)close(fd);
        return;
    }
    buf_grew(&connection->in, (size_t)n);
    while ((length = whole_request(&connection->in)) > 0) {
        unsigned long checkpoint = checkpoint_of(&connection->in);

        buf_consume(&connection->in, length);
        if (delay_us == 0 && max_active == 0) {
            answer(fd, checkpoint);
        } else {
            put(&waiting, (struct due){.fd = fd,
                                       .generation = connection->generation,
                                       .checkpoint = checkpoint});
        }
    }
}

static void wait_for_events(int epoll, int listener)
{
    static struct epoll_event events[N_EVENTS];
    struct timespec pause = {.tv_sec = 1};
    int n;

    if (active.first != active.end) {
        uint64_t at_us = active.items[active.first % QUEUE_N].at_us;
        uint64_t now_us = clock_now_us();
        uint64_t us = at_us > now_us ? at_us - now_us : 0;

        pause = (struct timespec){.tv_sec = (time_t)(us / 1000000),
                                  .tv_nsec = (long)(us % 1000000) * 1000};
    }
    n = epoll_pwait2(epoll, events, N_EVENTS, &pause, NULL);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;

        if (fd != listener) {
            on_readable(fd);
            continue;
        }
        while ((fd = take_connection(epoll, listener)) >= 0) {
            connections[fd].generation++;
            if (connections[fd].in.max == 0) {
                buf_init(&connections[fd].in, (size_t)2 * IN_MAX);
            }
        }
    }
}

int main(int argc, char **argv)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener;
    int64_t delay = 0;
    int64_t limit = 0;
    int64_t every = 0;

    if (argc < 2 || !str_to_i64(str_from(argv[1]), 0, 600000000, &delay) ||
        (argc > 2 && !str_to_i64(str_from(argv[2]), 0, QUEUE_N, &limit)) ||
        (argc > 3 && !str_to_i64(str_from(argv[3]), 0, INT32_MAX, &every))) {
        die("usage: bench_platform DELAY_US [MAX_ACTIVE [FAULT_EVERY]]");
    }
    fault_every = (size_t)every;
    delay_us = (uint64_t)delay;
    max_active = (size_t)limit;
    waiting.items = mem_calloc(QUEUE_N, sizeof(*waiting.items));
    active.items = mem_calloc(QUEUE_N, sizeof(*active.items));
    listener = open_listener(epoll);
    for (;;) {
        uint64_t now_us;

        wait_for_events(epoll, listener);
        now_us = clock_now_us();
        answer_due(now_us);
        begin_waiting(now_us);
    }
}
