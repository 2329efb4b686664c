/* Spans: how long a request, a call to the platform, or a wait took. A span is written as OTLP JSON
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding) at the moment it ends, into one
 * bounded batch of the process; room telemetry takes the batch and sends it. While spans are closed
 * nothing is written, and spans_wanted is one comparison. Names of attributes follow
 * OpenTelemetry's semantic conventions 1.27. A value is never a header, a query or a body. */
#ifndef OBSERVE_SPAN_H
#define OBSERVE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "observe/trace.h"

/* The numbers of OTLP's SpanKind. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

enum {
    SPANS_BATCH_MAX = 1 << 20, /* bytes; a span that would not fit is dropped and counted */
    SPAN_TEXT_MAX = 200        /* bytes of an attribute's text; the rest is cut */
};

/* Made by the macros below: an empty text is left out, and so is a number below 0. */
struct span_attribute {
    struct str head; /* OTLP JSON up to the value */
    struct str text; /* ptr NULL: the number counts */
    int64_t number;
};

/* `name` must be a literal: then all the JSON before the value is one literal. */
#define SPAN_TEXT(name, value)                                                                     \
    ((struct span_attribute){.head = STR("{\"key\":\"" name "\",\"value\":{\"stringValue\":\""),   \
                             .text = (value),                                                      \
                             .number = -1})
#define SPAN_NUMBER(name, value)                                                                   \
    ((struct span_attribute){.head = STR("{\"key\":\"" name "\",\"value\":{\"intValue\":\""),      \
                             .number = (value)})

struct span {
    const struct trace *trace;
    struct str id;     /* 16 hexadecimal digits; empty: a new one is made */
    struct str parent; /* of the same form; empty: the span is the first of its trace */
    enum span_kind kind;
    struct str name;     /* of few different values: "POST /api/sessions" */
    uint64_t begin_us;   /* by clock_now_us */
    uint64_t end_us;     /* not before begin_us */
    struct str link;     /* the span of the same trace that caused it; empty: none */
    const char *failure; /* text of the error; NULL: none happened */
    const struct span_attribute *attributes;
    size_t n_attributes;
};

/* From now on spans are written. `share` of the traces that begin here are kept, from 0 to 1; a trace
 * that came with a parent keeps what the parent decided (parentbased_traceidratio). on_full is called
 * once when a batch holds `batch_bytes`; it must not take the batch before the loop's next turn. */
void spans_open(double share, size_t batch_bytes, void (*on_full)(void *context), void *context);
void spans_close(void);

/* True: spans are open, and this trace is sampled. */
bool spans_wanted(const struct trace *trace);
/* Sets `sampled` of a trace that begins here, by the share. While spans are closed, the trace stays sampled. */
void spans_sample(struct trace *trace);
void span_write(const struct span *span);

/* The trace of the request that is being worked on, for spans of a room that knows of no request (store). It
 * holds until the next call; the store sets it again when a call ends that was begun under it. NULL: none.
 * Returns the trace before. */
const struct trace *span_context_set(const struct trace *trace);
/* NULL: no trace is set, or its spans are not wanted. */
const struct trace *span_context(void);
/* A copy of the trace in the arena, for a span that may end after its request. */
struct trace *span_keep_trace(const struct trace *trace, struct arena *arena);

/* Moves the batch to `out`, which is empty and initialised with SPANS_BATCH_MAX: spans with commas
 * between them. Returns how many there are. */
size_t spans_take(struct buf *out);

#endif
