/* One queue of whole lines. The descriptor is written only when poll says that it takes something,
 * in pieces of at most PIPE_BUF, which a pipe that polls writable takes whole: so a write never
 * blocks, without touching O_NONBLOCK (which is shared with everybody else who has the pipe or
 * terminal open). */
#include "observe/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "observe/metrics.h"

enum { QUEUE_MAX = 1024 * 1024, CLOSE_WAIT_MS = 500, FIELD_CLIP = 2048 };

static struct {
    int fd;
    enum log_level level;
    bool open;
    struct buf queue;
    uint64_t dropped;
} sink = {.fd = -1, .level = LOG_OFF};

void log_open(int fd, enum log_level level)
{
    sink.fd = fd;
    sink.level = level;
    sink.open = true;
    buf_init(&sink.queue, QUEUE_MAX);
}

bool log_is_on(enum log_level level)
{
    return sink.open && level >= sink.level;
}

bool log_level_from(struct str name, enum log_level *out)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"debug", LOG_DEBUG},  {"info", LOG_INFO},   {"warn", LOG_WARN},
                 {"warning", LOG_WARN}, {"error", LOG_ERROR}, {"critical", LOG_ERROR},
                 {"off", LOG_OFF}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is_nocase(name, names[i].name)) {
            *out = names[i].level;
            return true;
        }
    }
    return false;
}

static bool can_write(int wait_ms)
{
    struct pollfd wanted = {.fd = sink.fd, .events = POLLOUT};

    return poll(&wanted, 1, wait_ms) == 1 && (wanted.revents & POLLOUT) != 0;
}

static bool write_piece(int wait_ms)
{
    size_t len = sink.queue.len < PIPE_BUF ? sink.queue.len : PIPE_BUF;
    ssize_t n;

    if (!can_write(wait_ms)) {
        return false;
    }
    n = write(sink.fd, sink.queue.ptr, len);
    if (n < 0) {
        if (errno != EINTR && errno != EAGAIN) { /* nobody reads any more */
            sink.dropped++;
            buf_clear(&sink.queue);
        }
        return false;
    }
    buf_consume(&sink.queue, (size_t)n);
    return true;
}

void log_flush(void)
{
    while (sink.open && sink.queue.len > 0 && write_piece(0)) {
    }
}

void log_close(void)
{
    uint64_t until_ms = clock_now_ms() + CLOSE_WAIT_MS;

    while (sink.open && sink.queue.len > 0 && clock_now_ms() < until_ms) {
        if (!write_piece(CLOSE_WAIT_MS)) {
            break;
        }
    }
    sink.open = false;
    sink.level = LOG_OFF;
    buf_done(&sink.queue);
}

uint64_t log_dropped(void)
{
    return sink.dropped;
}

static void write_field(struct json_writer *w, const struct log_field *field)
{
    jw_key(w, field->name);
    switch (field->type) {
    case LOG_FIELD_STR:
        jw_str(w, utf8_clip(field->value.str, FIELD_CLIP));
        break;
    case LOG_FIELD_INT:
        jw_int(w, field->value.integer);
        break;
    case LOG_FIELD_DOUBLE:
        jw_double(w, field->value.real);
        break;
    case LOG_FIELD_BOOL:
        jw_bool(w, field->value.boolean);
        break;
    case LOG_FIELD_RAW:
        jw_raw(w, field->value.str);
        break;
    }
}

static void begin_line(struct json_writer *w, struct buf *line, enum log_level level,
                       const char *event)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", "off"};
    struct buf time;

    buf_init(&time, 64);
    clock_format(&time, clock_wall_ms());
    jw_init(w, line);
    jw_object(w);
    jw_kv_str(w, "time", buf_view(&time));
    jw_kv_text(w, "level", levels[level]);
    jw_kv_text(w, "event", event);
    buf_done(&time);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    struct buf line;
    struct json_writer w;
    size_t kept = 0;
    size_t before;

    if (!log_is_on(level)) {
        return;
    }
    buf_init(&line, (size_t)LOG_LINE_MAX * 8);
    begin_line(&w, &line, level, event);
    for (; kept < n; kept++) {
        struct json_writer mark = w;
        size_t len = line.len;

        write_field(&w, &fields[kept]);
        if (line.len > LOG_LINE_MAX - 32 || !buf_ok(&line)) { /* room for the mark */
            line.overflowed = false;
            buf_truncate(&line, len);
            w = mark;
            break;
        }
    }
    if (kept < n) {
        jw_kv_bool(&w, "truncated", true);
    }
    jw_end(&w);
    buf_char(&line, '\n');
    before = sink.queue.len;
    buf_str(&sink.queue, buf_view(&line));
    if (sink.queue.len == before) {
        sink.queue.overflowed = false;
        sink.dropped++;
        metric_add(M_LOG_DROPPED, 0, 0, 0, 1);
    }
    buf_done(&line);
}
