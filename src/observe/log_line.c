/* The forms of a log line. JSON has every field; so have the forms for Google Cloud and AWS, under the
 * names that their logs know. Text is for people at a terminal: a request is one short line, and what is
 * only of use to a machine is left out. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "log_internal.h"

enum {
    FIELD_CLIP = 2048,
    NUMBER_MAX = 64,
    MARK_ROOM = 32,
    STATUS_BAD = 400,
    STATUS_WORSE = 500,
    US_PER_MS = 1000,
    US_PER_S = 1000000,
    MS_PER_S = 1000,
    EVENT_ROOM = 64,
    BEGIN_ROOM = 256
};

#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define FAINT  "\033[2m"
#define PLAIN  "\033[0m"

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};
static const char access_event[] = "access";

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* ---- JSON ---- */

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
    case LOG_FIELD_MS:
        jw_ms(w, field->value.integer);
        break;
    case LOG_FIELD_BOOL:
        jw_bool(w, field->value.boolean);
        break;
    case LOG_FIELD_RAW:
        jw_raw(w, field->value.str);
        break;
    }
}

static void begin_line(struct json_writer *w, struct buf *out, const char *time_name,
                       const struct log_event *event)
{
    UNINITIALISED char room[NUMBER_MAX];
    struct buf time;

    buf_init_on(&time, room, sizeof(room), NUMBER_MAX);
    clock_format(&time, event->wall_ms);
    jw_init(w, out);
    jw_object(w);
    jw_kv_str(w, time_name, buf_view(&time));
    buf_done(&time);
}

/* Writes the fields that fit, except those for which `is_left_out` (may be NULL) is true, and the end. */
static void end_line(struct json_writer *w, struct buf *out, const struct log_event *event,
                     bool (*is_left_out)(const char *name))
{
    size_t kept = 0;

    for (; kept < event->n; kept++) {
        struct json_writer mark = *w;
        size_t len = out->len;

        if (is_left_out != NULL && is_left_out(event->fields[kept].name)) {
            continue;
        }
        write_field(w, &event->fields[kept]);
        if (out->len > LOG_LINE_MAX - MARK_ROOM || !buf_ok(out)) {
            out->overflowed = false;
            buf_truncate(out, len);
            *w = mark;
            break;
        }
    }
    if (kept < event->n) {
        jw_kv_bool(w, "truncated", true);
    }
    jw_end(w);
    buf_char(out, '\n');
}

/* The beginning of the last JSON line: time, level and event. It is kept, because lines of one event within one second
 * differ only in the milliseconds there, and most lines are of requests. */
static struct {
    int64_t second;
    enum log_level level;
    char event[EVENT_ROOM]; /* empty: there is none */
    size_t len;
    char text[BEGIN_ROOM];
} begun;

static void remember_begin(const struct log_event *event)
{
    struct json_writer w;
    struct buf text;

    buf_init_on(&text, begun.text, sizeof(begun.text), sizeof(begun.text) - 1);
    begin_line(&w, &text, "time", event);
    jw_kv_text(&w, "level", level_names[event->level]);
    jw_kv_text(&w, "event", event->name);
    CHECK(buf_ok(&text) && text.borrowed && strlen(event->name) < sizeof(begun.event));
    begun.len = text.len;
    begun.second = event->wall_ms / MS_PER_S;
    begun.level = event->level;
    str_copy(begun.event, sizeof(begun.event), str_from(event->name));
}

static void put_begin(struct buf *out, const struct log_event *event)
{
    static const size_t ms_at = sizeof("{\"time\":\"2026-01-31T12:00:00.") - 1;
    unsigned ms = (unsigned)(event->wall_ms % MS_PER_S);
    char *room;

    if (begun.second != event->wall_ms / MS_PER_S || begun.level != event->level ||
        !str_is(str_from(event->name), begun.event)) {
        remember_begin(event);
    }
    room = buf_room(out, begun.len);
    if (room != NULL) {
        mem_copy(room, begun.text, begun.len);
        room[ms_at] = (char)('0' + ms / 100);
        room[ms_at + 1] = (char)('0' + ms / 10 % 10);
        room[ms_at + 2] = (char)('0' + ms % 10);
        buf_grew(out, begun.len);
    }
}

void log_line_json(struct buf *out, const struct log_event *event)
{
    struct json_writer w;

    put_begin(out, event);
    jw_init_in_object(&w, out);
    end_line(&w, out, event, NULL);
}

/* ---- JSON for Google Cloud ---- */

static const struct log_field *find(const struct log_event *event, const char *name)
{
    for (size_t i = 0; i < event->n; i++) {
        if (str_is(str_from(event->fields[i].name), name)) {
            return &event->fields[i];
        }
    }
    return NULL;
}

static struct str text_of(const struct log_event *event, const char *name)
{
    const struct log_field *field = find(event, name);

    return field != NULL && field->type == LOG_FIELD_STR ? utf8_clip(field->value.str, FIELD_CLIP)
                                                         : STR_EMPTY;
}

/* Members of HttpRequest that are 64-bit numbers are texts there. */
static void write_size(struct json_writer *w, const char *key, const struct log_field *field)
{
    if (field != NULL) {
        jw_key(w, key);
        jw_format(w, "%lld", (long long)field->value.integer);
    }
}

/* Fields that the line of a request tells under another name. */
static bool is_in_request(const char *name)
{
    static const char *const names[] = {"method",  "path",          "status",        "peer",
                                        "span_id", "request_bytes", "response_bytes"};

    return str_in(str_from(name), names, ARRAY_LEN(names));
}

static void write_request(struct json_writer *w, const struct log_event *event)
{
    const struct log_field *status = find(event, "status");
    const struct log_field *ms = find(event, "ms");

    jw_form(w, "httpRequest:{requestMethod:%s, requestUrl:%s, remoteIp:%s",
            text_of(event, "method"), text_of(event, "path"), text_of(event, "peer"));
    if (status != NULL) {
        jw_kv_int(w, "status", status->value.integer);
    }
    write_size(w, "requestSize", find(event, "request_bytes"));
    write_size(w, "responseSize", find(event, "response_bytes"));
    if (ms != NULL) {
        jw_key(w, "latency");
        jw_format(w, "%lld.%06us", (long long)(ms->value.integer / US_PER_S),
                  (unsigned)(ms->value.integer % US_PER_S));
    }
    jw_end(w);
}

/* "projects/PROJECT/traces/TRACE"; without a project the trace alone. */
static void write_trace(struct json_writer *w, struct str project, struct str trace)
{
    bool has_project = project.len > 0;

    if (trace.len > 0) {
        jw_key(w, "logging.googleapis.com/trace");
        jw_format(w, "%s%.*s%s%.*s", has_project ? "projects/" : "", STR_ARG(project),
                  has_project ? "/traces/" : "", STR_ARG(trace));
    }
}

/* The text that a list of lines shows for this line. */
static void write_message(struct json_writer *w, const struct log_event *event, bool is_access)
{
    struct str error = text_of(event, "error");
    struct buf message;

    buf_init(&message, LOG_LINE_MAX);
    if (is_access) {
        buf_str(&message, text_of(event, "method"));
        buf_char(&message, ' ');
        buf_str(&message, text_of(event, "path"));
    } else {
        buf_text(&message, event->name);
    }
    if (error.len > 0) {
        buf_text(&message, ": ");
        buf_str(&message, error);
    }
    jw_kv_str(w, "message", utf8_clip(buf_view(&message), FIELD_CLIP));
    buf_done(&message);
}

void log_line_gcp(struct buf *out, const struct log_event *event, struct str project)
{
    static const char *const severities[] = {"DEBUG", "INFO", "WARNING", "ERROR", "DEFAULT"};
    bool is_access = str_is(str_from(event->name), access_event);
    struct str trace = text_of(event, "trace_id");
    struct json_writer w;

    begin_line(&w, out, "time", event);
    jw_kv_text(&w, "severity", severities[event->level]);
    write_message(&w, event, is_access);
    jw_kv_text(&w, "event", event->name);
    if (is_access) {
        write_request(&w, event);
        /* The line of a request has a trace_id only if it differs from the request_id. */
        write_trace(&w, project, trace.len > 0 ? trace : text_of(event, "request_id"));
        if (find(event, "span_id") != NULL) {
            jw_kv_str(&w, "logging.googleapis.com/spanId", text_of(event, "span_id"));
        }
    } else {
        write_trace(&w, project, trace);
    }
    end_line(&w, out, event, is_access ? is_in_request : NULL);
}

/* ---- JSON for AWS ---- */

#define METRICS_BY(dimensions)                                                                     \
    STR("[{\"Namespace\":\"virtuoso-proxy\",\"Dimensions\":[" dimensions "],\"Metrics\":"          \
        "[{\"Name\":\"ms\",\"Unit\":\"Milliseconds\"},{\"Name\":\"errors\",\"Unit\":\"Count\"}]}]")

/* Tells CloudWatch which members are metrics, and by which dimensions. A dimension must not be empty. */
static void write_metrics(struct json_writer *w, const struct log_event *event)
{
    const struct log_field *status = find(event, "status");

    jw_form(w, "_aws:{Timestamp:%i, CloudWatchMetrics:%j}, errors:%i", event->wall_ms,
            text_of(event, "route").len > 0 ? METRICS_BY("[\"server\"],[\"server\",\"route\"]")
                                            : METRICS_BY("[\"server\"]"),
            status != NULL && status->value.integer >= STATUS_WORSE ? 1 : 0);
}

/* Access lines of level debug, those of probes, carry no metrics: probes do not count as requests. */
void log_line_aws(struct buf *out, const struct log_event *event, struct str invocation)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    bool is_access = str_is(str_from(event->name), access_event);
    struct json_writer w;

    begin_line(&w, out, "timestamp", event);
    jw_kv_text(&w, "level", levels[event->level]);
    write_message(&w, event, is_access);
    if (invocation.len > 0) {
        jw_kv_str(&w, "requestId", invocation);
    }
    jw_kv_text(&w, "event", event->name);
    if (event->level > LOG_DEBUG && is_access) {
        write_metrics(&w, event);
    }
    end_line(&w, out, event, NULL);
}

/* ---- text ---- */

static bool needs_quotes(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == ' ' || c == '"' || c == '=') {
            return true;
        }
    }
    return value.len == 0;
}

static void put_tenths(struct buf *out, int64_t us)
{
    int64_t tenths = (us + US_PER_MS / 20) / (US_PER_MS / 10);

    buf_int(out, tenths / 10);
    buf_char(out, '.');
    buf_int(out, tenths % 10);
}

static void put_value(struct buf *out, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_STR: {
        const char *quote = needs_quotes(field->value.str) ? "\"" : "";

        buf_text(out, quote);
        utf8_put_safe(out, utf8_clip(field->value.str, FIELD_CLIP), "");
        buf_text(out, quote);
        break;
    }
    case LOG_FIELD_INT:
        buf_int(out, field->value.integer);
        break;
    case LOG_FIELD_MS:
        put_tenths(out, field->value.integer);
        break;
    case LOG_FIELD_BOOL:
        buf_text(out, field->value.boolean ? "true" : "false");
        break;
    case LOG_FIELD_RAW:
        utf8_put_safe(out, field->value.str, "");
        break;
    }
}

/* `field` NULL: writes nothing. */
static void put_named(struct buf *out, const struct log_field *field)
{
    if (field != NULL) {
        buf_printf(out, " %s=", field->name);
        put_value(out, field);
    }
}

/* POST /api/v1/commands/execute 200 12.3 ms command="step-interact click" */
static void put_access(struct buf *out, const struct log_event *event, bool color)
{
    static const char *const head[] = {"method", "path", "status"};
    static const char *const tail[] = {"command", "session", "principal", "error"};
    const struct log_field *status = find(event, "status");
    const struct log_field *ms = find(event, "ms");
    bool bad = status != NULL && status->value.integer >= STATUS_BAD;
    const char *paint = bad && status->value.integer >= STATUS_WORSE ? RED : YELLOW;

    for (size_t i = 0; i < ARRAY_LEN(head); i++) {
        const struct log_field *field = find(event, head[i]);
        bool painted = color && bad && field == status;

        if (field != NULL) {
            buf_char(out, ' ');
            buf_text(out, painted ? paint : "");
            put_value(out, field);
            buf_text(out, painted ? PLAIN : "");
        }
    }
    if (ms != NULL) {
        buf_char(out, ' ');
        put_tenths(out, ms->value.integer);
        buf_text(out, " ms");
    }
    for (size_t i = 0; i < ARRAY_LEN(tail); i++) {
        put_named(out, find(event, tail[i]));
    }
    if (bad) { /* the id to ask about */
        put_named(out, find(event, "request_id"));
    }
}

static void put_head(struct buf *out, const struct log_event *event, bool color)
{
    const char *paint = event->level >= LOG_ERROR ? RED : event->level == LOG_WARN ? YELLOW : FAINT;
    UNINITIALISED char room[NUMBER_MAX];
    struct buf time;

    buf_init_on(&time, room, sizeof(room), NUMBER_MAX);
    clock_format(&time, event->wall_ms);
    buf_text(out, color ? FAINT : "");
    buf_str(out, str_sub(buf_view(&time), 0, 10));
    buf_char(out, ' ');
    buf_str(out, str_sub(buf_view(&time), 11, 8));
    buf_char(out, 'Z');
    buf_text(out, color ? PLAIN : "");
    buf_char(out, ' ');
    buf_text(out, color ? paint : "");
    buf_printf(out, "%-5s", level_names[event->level]);
    buf_text(out, color ? PLAIN : "");
    buf_done(&time);
}

void log_line_text(struct buf *out, const struct log_event *event, bool color)
{
    static const char cut[] = " ...";
    bool is_access = str_is(str_from(event->name), access_event);

    put_head(out, event, color);
    if (is_access) {
        put_access(out, event, color);
    } else {
        buf_printf(out, " %s", event->name);
        for (size_t i = 0; i < event->n; i++) {
            put_named(out, &event->fields[i]);
        }
    }
    if (out->len > LOG_LINE_MAX - MARK_ROOM || !buf_ok(out)) {
        struct str kept = utf8_clip(buf_view(out), LOG_LINE_MAX - MARK_ROOM);

        out->overflowed = false;
        buf_truncate(out, kept.len);
        buf_text(out, color ? PLAIN : "");
        buf_text(out, cut);
    }
    buf_char(out, '\n');
}
