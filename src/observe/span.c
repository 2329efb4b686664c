#include "observe/span.h"

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/utf8.h"
#include "observe/metrics.h"

enum {
    SPAN_ID_DIGITS = 16,
    TRACE_ID_DIGITS = 32,
    STATUS_ERROR = 2,
    FLAG_SAMPLED = 0x001, /* of W3C's trace flags */
    FLAG_HAS_REMOTE = 0x100,
    FLAG_IS_REMOTE = 0x200, /* the parent is of another process */
    CLOCK_APART_US = 10000
};

static struct {
    bool open;
    uint64_t limit;   /* of the last 63 bits of a trace id: below it a trace is kept */
    int64_t wall_us;  /* what to add to clock_now_us for Unix time */
    struct buf batch; /* spans with commas between them */
    size_t n_spans;
    size_t batch_bytes;
    bool has_told; /* on_full, for this batch */
    void (*on_full)(void *context);
    void *context;
} spans;

/* What to add to the one clock for the other, read between two looks at the first: between those a busy machine may do
 * something else. */
static int64_t read_offset_us(uint64_t *out_doubt_us)
{
    uint64_t before_us = clock_now_us();
    int64_t wall_us = clock_wall_ms() * 1000;
    uint64_t after_us = clock_now_us();

    *out_doubt_us = after_us - before_us;
    return wall_us - (int64_t)before_us;
}

/* Once a batch, so that parents and children agree whatever somebody does to the clock; those of two batches, too,
 * unless the clock was set meanwhile. */
static void set_clock(bool anew)
{
    uint64_t doubt_us;
    int64_t offset_us = read_offset_us(&doubt_us);
    int64_t apart_us = offset_us - spans.wall_us;

    if (anew || (uint64_t)(apart_us < 0 ? -apart_us : apart_us) > CLOCK_APART_US + doubt_us) {
        spans.wall_us = offset_us;
    }
}

void spans_open(double share, size_t batch_bytes, void (*on_full)(void *context), void *context)
{
    spans.limit = share >= 1.0 ? UINT64_MAX : (uint64_t)(share * (double)(UINT64_C(1) << 63));
    spans.batch_bytes = batch_bytes;
    spans.on_full = on_full;
    spans.context = context;
    buf_init(&spans.batch, SPANS_BATCH_MAX);
    spans.n_spans = 0;
    spans.has_told = false;
    set_clock(true);
    spans.open = true;
}

void spans_close(void)
{
    if (spans.open) {
        spans.open = false;
        buf_done(&spans.batch);
    }
}

bool spans_wanted(const struct trace *trace)
{
    return spans.open && trace->sampled;
}

static const struct trace *context;

const struct trace *span_context_set(const struct trace *trace)
{
    const struct trace *before = context;

    context = trace;
    return before;
}

const struct trace *span_context(void)
{
    return spans.open && context != NULL && context->sampled ? context : NULL;
}

struct trace *span_keep_trace(const struct trace *trace, struct arena *arena)
{
    struct trace *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *trace;
    copy->state = arena_str(arena, trace->state);
    return copy;
}

static unsigned digit_of(char c)
{
    return (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

void spans_sample(struct trace *trace)
{
    uint64_t tail = 0;

    if (!spans.open) {
        return;
    }
    for (size_t i = TRACE_ID_DIGITS - 16; i < TRACE_ID_DIGITS; i++) {
        tail = tail << 4 | digit_of(trace->trace_id[i]);
    }
    trace->sampled = tail >> 1 < spans.limit;
}

/* OTLP's JSON has 64-bit numbers as text. */
static void write_nanoseconds(struct buf *out, const char *key, uint64_t us)
{
    buf_text(out, key);
    buf_int(out, spans.wall_us + (int64_t)us);
    buf_text(out, "000\"");
}

static void write_text(struct buf *out, struct str text)
{
    buf_char(out, '"');
    json_escape(out, utf8_clip(text, SPAN_TEXT_MAX));
    buf_char(out, '"');
}

static void write_attributes(struct buf *out, const struct span *span)
{
    const char *separator = "";

    buf_text(out, ",\"attributes\":[");
    for (size_t i = 0; i < span->n_attributes; i++) {
        const struct span_attribute *attribute = &span->attributes[i];

        if (attribute->text.len == 0 && (attribute->text.ptr != NULL || attribute->number < 0)) {
            continue;
        }
        buf_text(out, separator);
        buf_text(out, "{\"key\":\"");
        buf_text(out, attribute->name);
        if (attribute->text.len > 0) {
            buf_text(out, "\",\"value\":{\"stringValue\":");
            write_text(out, attribute->text);
            buf_text(out, "}}");
        } else {
            buf_text(out, "\",\"value\":{\"intValue\":\"");
            buf_int(out, attribute->number);
            buf_text(out, "\"}}");
        }
        separator = ",";
    }
    buf_char(out, ']');
}

static void write_ids(struct buf *out, const struct span *span)
{
    char id[SPAN_ID_DIGITS];

    buf_text(out, "{\"traceId\":\"");
    buf_append(out, span->trace->trace_id, TRACE_ID_DIGITS);
    buf_text(out, "\",\"spanId\":\"");
    if (span->id.len == SPAN_ID_DIGITS) {
        buf_str(out, span->id);
    } else {
        random_hex(id, SPAN_ID_DIGITS);
        buf_append(out, id, SPAN_ID_DIGITS);
    }
    if (span->parent.len == SPAN_ID_DIGITS) {
        buf_text(out, "\",\"parentSpanId\":\"");
        buf_str(out, span->parent);
    }
    if (span->trace->state.len > 0) {
        buf_text(out, "\",\"traceState\":\"");
        json_escape(out, span->trace->state);
    }
}

static void write_link(struct buf *out, const struct span *span)
{
    if (span->link.len == SPAN_ID_DIGITS) {
        buf_text(out, ",\"links\":[{\"traceId\":\"");
        buf_append(out, span->trace->trace_id, TRACE_ID_DIGITS);
        buf_text(out, "\",\"spanId\":\"");
        buf_str(out, span->link);
        buf_text(out, "\"}]");
    }
}

static void write_span(struct buf *out, const struct span *span)
{
    write_ids(out, span);
    buf_text(out, "\",\"flags\":");
    buf_int(out, FLAG_SAMPLED | FLAG_HAS_REMOTE |
                     (span->kind == SPAN_SERVER && span->parent.len > 0 ? FLAG_IS_REMOTE : 0));
    buf_text(out, ",\"kind\":");
    buf_int(out, (int64_t)span->kind);
    buf_text(out, ",\"name\":");
    write_text(out, span->name);
    write_nanoseconds(out, ",\"startTimeUnixNano\":\"", span->begin_us);
    write_nanoseconds(out, ",\"endTimeUnixNano\":\"", span->end_us);
    write_attributes(out, span);
    write_link(out, span);
    if (span->failure != NULL) {
        buf_text(out, ",\"status\":{\"code\":");
        buf_int(out, STATUS_ERROR);
        buf_text(out, ",\"message\":");
        write_text(out, str_from(span->failure));
        buf_char(out, '}');
    }
    buf_char(out, '}');
}

void span_write(const struct span *span)
{
    size_t before = spans.batch.len;

    if (!spans_wanted(span->trace)) {
        return;
    }
    if (spans.n_spans > 0) {
        buf_char(&spans.batch, ',');
    }
    write_span(&spans.batch, span);
    if (!buf_ok(&spans.batch)) {
        buf_truncate(&spans.batch, before);
        spans.batch.overflowed = false;
        metric_add(M_SPANS_DROPPED, 0, 0, 0, 1);
        return;
    }
    spans.n_spans++;
    if (spans.batch.len >= spans.batch_bytes && !spans.has_told) {
        spans.has_told = true;
        spans.on_full(spans.context);
    }
}

size_t spans_take(struct buf *out)
{
    size_t n = spans.n_spans;
    struct buf empty = *out;

    *out = spans.batch;
    spans.batch = empty;
    spans.n_spans = 0;
    spans.has_told = false;
    set_clock(false);
    return n;
}
