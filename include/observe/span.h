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

#include "base/buf.h"
#include "base/str.h"
#include "observe/trace.h"

/* The numbers of OTLP's SpanKind. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

enum {
    SPANS_BATCH_MAX = 1 << 20, /* bytes; a span that would not fit is dropped and counted */
    SPAN_TEXT_MAX = 200        /* bytes of an attribute's text; the rest is cut */
};

struct span_attribute {
    const char *name;
    struct str text; /* ptr NULL: the number counts; empty: the attribute is left out */
    int64_t number;
};

struct span {
    const struct trace *trace;
    struct str id;     /* 16 hexadecimal digits; empty: a new one is made */
    struct str parent; /* of the same form; empty: the span is the first of its trace */
    enum span_kind kind;
    struct str name;                         /* of few different values: "POST /api/sessions" */
    uint64_t begin_us;                       /* by clock_now_us */
    uint64_t end_us;                         /* not before begin_us */
    const char *failure;                     /* text of the error; NULL: none happened */
    const struct span_attribute *attributes; /* negative numbers are left out, too */
    size_t n_attributes;
};

/* From now on spans are written. `share` of the traces that begin here are kept, from 0 to 1; a trace
 * that came with a parent keeps the parent's word (parentbased_traceidratio). on_full is told once a
 * batch holds `batch_bytes`; it must not take the batch before the loop's next turn. */
void spans_open(double share, size_t batch_bytes, void (*on_full)(void *context), void *context);
void spans_close(void);

/* Does somebody want spans of this trace? */
bool spans_wanted(const struct trace *trace);
/* Of a trace that begins here: sets `sampled` by the share. While spans are closed all are. */
void spans_sample(struct trace *trace);
void span_write(const struct span *span);

/* Moves the batch to `out`, which is empty and initialised with SPANS_BATCH_MAX: spans with commas
 * between them. Returns how many there are. */
size_t spans_take(struct buf *out);

#endif
