/* Request identity and stage times. W3C Trace Context level 1: a valid `traceparent` is continued
 * with a new span id; without one, trace_adopt_cloud may continue a trace, else a new one starts. The
 * request id is the caller's X-Request-Id when it is 1..128 of A-Z a-z 0-9 . _ -, else the trace id. */
#ifndef OBSERVE_TRACE_H
#define OBSERVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum trace_stage {
    TRACE_HEAD,
    TRACE_BODY,
    TRACE_QUEUE,
    TRACE_CACHE,
    TRACE_UPSTREAM,
    TRACE_WORK,
    TRACE_WRITE,
    TRACE_N_STAGES
};

struct trace {
    char trace_id[33];
    char span_id[17];
    char parent_span_id[17];
    bool sampled;
    char request_id[129];
    bool has_w3c_parent; /* the parent came in a traceparent */
    bool is_amazon;      /* the trace came in an X-Amzn-Trace-Id: calls send one, too */
    struct str state;    /* tracestate, passed on as it came; empty: none, or without a parent */
    uint64_t begin_us;
    uint64_t stage_us[TRACE_N_STAGES]; /* time spent per stage so far */
};

void trace_begin(struct trace *trace, uint64_t begin_us);
/* An empty string means: no such header. */
void trace_adopt(struct trace *trace, struct str traceparent, struct str request_id);
/* After trace_adopt, if it found no traceparent: takes the trace that a load balancer of AWS (X-Amzn-Trace-Id:
 * Root=1-8 hex-24 hex;Parent=16 hex;Sampled=1) or Google (X-Cloud-Trace-Context: 32 hex/span in
 * decimal;o=1) sends instead. Either may come without a span. If both are valid, that of AWS counts. */
void trace_adopt_cloud(struct trace *trace, struct str amazon, struct str google);
/* After trace_adopt: the caller's tracestate (all lines joined by commas), kept as a view. Dropped
 * without a valid traceparent, over 512 bytes or 32 members, and with characters that the
 * specification does not allow. */
void trace_adopt_state(struct trace *trace, struct str tracestate);
/* The header for one call to the platform: same trace, fresh span. out is NUL-terminated. */
void trace_child(const struct trace *trace, char out[56]);
void trace_add(struct trace *trace, enum trace_stage stage, uint64_t microseconds);
const char *trace_stage_name(enum trace_stage stage);

#endif
