#include "observe/span.h"

#include "base/clock.h"
#include "base/json_pen.h"
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
    bool has_told; /* on_full was called for this batch */
    void (*on_full)(void *context);
    void *context;
} spans;

/* What to add to clock_now_us for Unix time. The Unix clock is read between two looks at the other clock;
 * *out_doubt_us is the time between those, in which a busy machine may have done something else. */
static int64_t read_offset_us(uint64_t *out_doubt_us)
{
    uint64_t before_us = clock_now_us();
    int64_t wall_us = clock_wall_ms() * 1000;
    uint64_t after_us = clock_now_us();

    *out_doubt_us = after_us - before_us;
    return wall_us - (int64_t)before_us;
}

/* Once a batch, so that parents and children agree even if the Unix clock is set meanwhile. Spans of two batches
 * agree, too, unless the clock was set between them. */
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

void spans_sample(struct trace *trace)
{
    uint64_t tail = 0;

    if (!spans.open) {
        return;
    }
    for (size_t i = TRACE_ID_DIGITS - 16; i < TRACE_ID_DIGITS; i++) {
        tail = tail << 4 | (uint64_t)str_hex_digit(trace->trace_id[i]);
    }
    trace->sampled = tail >> 1 < spans.limit;
}

static void put_text(struct json_pen *pen, struct str text)
{
    pen_text(pen, utf8_clip(text, SPAN_TEXT_MAX));
}

/* OTLP's JSON has 64-bit numbers as text. */
static void put_attribute(struct json_pen *pen, const struct span_attribute *attribute)
{
    pen_bytes(pen, attribute->head.ptr, attribute->head.len);
    if (attribute->text.len > 0) {
        put_text(pen, attribute->text);
    } else {
        pen_int(pen, attribute->number);
    }
    PEN(pen, "\"}},");
}

static void put_attributes(struct json_pen *pen, const struct span *span)
{
    bool has_one = false;

    PEN(pen, ",\"attributes\":[");
    for (size_t i = 0; i < span->n_attributes; i++) {
        const struct span_attribute *attribute = &span->attributes[i];

        if (attribute->text.len > 0 || (attribute->text.ptr == NULL && attribute->number >= 0)) {
            put_attribute(pen, attribute);
            has_one = true;
        }
    }
    pen->at -= has_one ? 1 : 0; /* the last comma */
    PEN(pen, "]");
}

static void put_ids(struct json_pen *pen, const struct span *span)
{
    PEN(pen, "{\"traceId\":\"");
    pen_bytes(pen, span->trace->trace_id, TRACE_ID_DIGITS);
    PEN(pen, "\",\"spanId\":\"");
    if (span->id.len == SPAN_ID_DIGITS) {
        pen_bytes(pen, span->id.ptr, SPAN_ID_DIGITS);
    } else {
        random_hex(pen->at, SPAN_ID_DIGITS);
        pen->at += SPAN_ID_DIGITS;
    }
    if (span->parent.len == SPAN_ID_DIGITS) {
        PEN(pen, "\",\"parentSpanId\":\"");
        pen_bytes(pen, span->parent.ptr, SPAN_ID_DIGITS);
    }
    if (span->trace->state.len > 0) {
        PEN(pen, "\",\"traceState\":\"");
        pen_text(pen, span->trace->state);
    }
}

static void put_link(struct json_pen *pen, const struct span *span)
{
    if (span->link.len == SPAN_ID_DIGITS) {
        PEN(pen, ",\"links\":[{\"traceId\":\"");
        pen_bytes(pen, span->trace->trace_id, TRACE_ID_DIGITS);
        PEN(pen, "\",\"spanId\":\"");
        pen_bytes(pen, span->link.ptr, SPAN_ID_DIGITS);
        PEN(pen, "\"}]");
    }
}

static void put_times(struct json_pen *pen, const struct span *span)
{
    PEN(pen, "\",\"startTimeUnixNano\":\"");
    pen_int(pen, spans.wall_us + (int64_t)span->begin_us);
    PEN(pen, "000\",\"endTimeUnixNano\":\"");
    pen_int(pen, spans.wall_us + (int64_t)span->end_us);
    PEN(pen, "000\"");
}

static void put_span(struct json_pen *pen, const struct span *span)
{
    bool is_remote = span->kind == SPAN_SERVER && span->parent.len > 0;

    put_ids(pen, span);
    PEN(pen, "\",\"flags\":");
    pen_int(pen, FLAG_SAMPLED | FLAG_HAS_REMOTE | (is_remote ? FLAG_IS_REMOTE : 0));
    PEN(pen, ",\"kind\":");
    pen_int(pen, (int64_t)span->kind);
    PEN(pen, ",\"name\":\"");
    put_text(pen, span->name);
    put_times(pen, span);
    put_attributes(pen, span);
    put_link(pen, span);
    if (span->failure != NULL) {
        PEN(pen, ",\"status\":{\"code\":");
        pen_int(pen, STATUS_ERROR);
        PEN(pen, ",\"message\":\"");
        put_text(pen, str_from(span->failure));
        PEN(pen, "\"}");
    }
    PEN(pen, "},");
}

static size_t most_bytes(const struct span *span)
{
    enum { FRAME_BYTES = 1024, HEAD_BYTES = 128, TEXT_BYTES = SPAN_TEXT_MAX * PEN_ESCAPED };

    return FRAME_BYTES + 2 * (size_t)TEXT_BYTES + span->trace->state.len * PEN_ESCAPED +
           span->n_attributes * (HEAD_BYTES + (size_t)TEXT_BYTES);
}

void span_write(const struct span *span)
{
    struct json_pen pen;

    if (!spans_wanted(span->trace)) {
        return;
    }
    if (!pen_begin(&pen, &spans.batch, most_bytes(span))) {
        spans.batch.overflowed = false;
        metric_add(M_SPANS_DROPPED, 0, 0, 0, 1);
        return;
    }
    put_span(&pen, span);
    pen_end(&pen);
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

    buf_truncate(&spans.batch, n > 0 ? spans.batch.len - 1 : 0); /* the last comma */
    *out = spans.batch;
    spans.batch = empty;
    spans.n_spans = 0;
    spans.has_told = false;
    set_clock(false);
    return n;
}
