/* One queue of whole lines. The descriptor is written only when poll says that it takes something,
 * in pieces of at most PIPE_BUF, which a pipe that polls writable takes whole: so a write never
 * blocks, without touching O_NONBLOCK (which would change the pipe or terminal for every other process that
 * has it open, too).
 *
 * Lines are lost when the queue is full (nobody reads the pipe) or when a write fails (a full
 * disk). Each one is counted; when everything is written again, one line tells how many were lost. */
#include "observe/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "log_internal.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

enum { QUEUE_MAX = 1024 * 1024, LINE_KEPT = 2 * LOG_LINE_MAX, CLOSE_WAIT_MS = 500 };

static struct {
    int fd;
    enum log_level level;
    enum log_format format;
    bool color;
    char project[LOG_PROJECT_MAX];
    char invocation[LOG_INVOCATION_MAX];
    bool open;
    bool torn;    /* the last byte written was inside a line */
    bool failing; /* the last write failed */
    struct buf queue;
    struct buf line; /* the line in hand; its memory is kept for the next one */
    uint64_t lost;
    uint64_t told; /* how many of `lost` a line has told of */
} sink = {.fd = -1, .level = LOG_OFF};

void log_set(enum log_level level, enum log_format format)
{
    sink.level = level;
    sink.format = format == LOG_AUTO ? (isatty(sink.fd) == 1 ? LOG_TEXT : LOG_JSON) : format;
}

void log_set_level(enum log_level level)
{
    sink.level = level;
}

enum log_level log_level(void)
{
    return sink.level;
}

void log_set_project(struct str project)
{
    str_copy(sink.project, sizeof(sink.project), project);
}

void log_set_invocation(struct str id)
{
    str_copy(sink.invocation, sizeof(sink.invocation), id);
}

void log_open(int fd, enum log_level level, enum log_format format)
{
    sink.fd = fd;
    log_set(level, format);
    sink.color = fd_takes_color(fd);
    sink.open = true;
    sink.torn = false;
    sink.failing = false;
    sink.told = sink.lost;
    buf_init(&sink.queue, QUEUE_MAX);
    buf_init(&sink.line, (size_t)LOG_LINE_MAX * 8);
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

bool log_format_from(struct str name, enum log_format *out)
{
    static const char *const names[] = {[LOG_AUTO] = "auto",
                                        [LOG_JSON] = "json",
                                        [LOG_TEXT] = "text",
                                        [LOG_GCP] = "gcp",
                                        [LOG_AWS] = "aws"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is_nocase(name, names[i])) {
            *out = (enum log_format)i;
            return true;
        }
    }
    return false;
}

static void count_lost(uint64_t n)
{
    sink.lost += n;
    metric_add(M_LOG_DROPPED, 0, 0, 0, n);
}

/* ---- out ---- */

static bool can_write(int wait_ms)
{
    struct pollfd wanted = {.fd = sink.fd, .events = POLLOUT};

    return poll(&wanted, 1, wait_ms) == 1 && (wanted.revents & POLLOUT) != 0;
}

/* Drops all lines in the queue, and the rest of a half-written line. A line end at the front of the queue is
 * not counted: it belongs to a line that is out already. */
static void lose_queue(void)
{
    uint64_t n = 0;

    for (size_t i = 1; i < sink.queue.len; i++) {
        n += sink.queue.ptr[i] == '\n' ? 1 : 0;
    }
    count_lost(n);
    buf_clear(&sink.queue);
}

/* As many whole lines as a pipe takes at once, because other processes may write to it, too. A line that is longer
 * than that is written in pieces. */
static size_t piece_len(void)
{
    size_t len = sink.queue.len < PIPE_BUF ? sink.queue.len : PIPE_BUF;
    const char *end = memrchr(sink.queue.ptr, '\n', len);

    return end != NULL ? (size_t)(end - sink.queue.ptr) + 1 : len;
}

static bool write_piece(int wait_ms)
{
    size_t len = piece_len();
    ssize_t n;

    if (!can_write(wait_ms)) {
        return false;
    }
    n = write(sink.fd, sink.queue.ptr, len);
    if (n < 0) {
        if (errno != EINTR && errno != EAGAIN) { /* a full disk; or the reader is gone */
            sink.failing = true;
            trouble_tell(TROUBLE_LOG, strerror(errno));
            lose_queue();
        }
        return false;
    }
    sink.failing = false;
    if (sink.lost == sink.told) { /* only the end of a torn line failed: no line is lost */
        trouble_tell(TROUBLE_LOG, NULL);
    }
    if (n > 0) {
        sink.torn = sink.queue.ptr[n - 1] != '\n';
    }
    buf_consume(&sink.queue, (size_t)n);
    return true;
}

void log_flush(void)
{
    while (sink.open && sink.queue.len > 0 && write_piece(0)) {
    }
    if (sink.open && sink.queue.len == 0 && sink.lost > sink.told && !sink.failing) {
        uint64_t n = sink.lost - sink.told;

        sink.told = sink.lost;
        trouble_tell(TROUBLE_LOG, NULL);
        log_event(LOG_WARN, "log.recovered", F_INT("lines_lost", n));
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
    lose_queue();
    sink.open = false;
    sink.level = LOG_OFF;
    buf_done(&sink.queue);
    buf_done(&sink.line);
}

uint64_t log_dropped(void)
{
    return sink.lost;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    const struct log_event what = {
        .level = level, .name = event, .fields = fields, .n = n, .wall_ms = clock_turn_wall_ms()};
    struct buf *line = &sink.line;
    size_t before = sink.queue.len;

    if (!log_is_on(level)) {
        return;
    }
    buf_clear(line);
    if (sink.format == LOG_TEXT) {
        log_line_text(line, &what, sink.color);
    } else if (sink.format == LOG_GCP) {
        log_line_gcp(line, &what, str_from(sink.project));
    } else if (sink.format == LOG_AWS) {
        log_line_aws(line, &what, str_from(sink.invocation));
    } else {
        log_line_json(line, &what);
    }
    if (sink.torn && sink.queue.len == 0) {
        buf_char(&sink.queue, '\n'); /* ends the half-written line */
    }
    buf_str(&sink.queue, buf_view(line));
    if (!buf_ok(&sink.queue)) {
        sink.queue.overflowed = false;
        buf_truncate(&sink.queue, before);
        count_lost(1);
        trouble_tell(TROUBLE_LOG, "nobody reads them");
    }
    if (line->cap > LINE_KEPT) {
        buf_done(line);
    }
}
