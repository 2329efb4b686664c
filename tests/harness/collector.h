/* An OpenTelemetry collector in a child process: it keeps what is posted to it, and can be told to be
 * slow, to refuse, or to close in the middle of a body. Owner: the test holds the struct;
 * collector_done ends the child. */
#ifndef HARNESS_COLLECTOR_H
#define HARNESS_COLLECTOR_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "data/json.h"

enum collector_mood {
    COLLECTOR_TAKES,
    COLLECTOR_REFUSES,   /* 503 */
    COLLECTOR_IS_GONE,   /* 410 */
    COLLECTOR_IS_SILENT, /* reads, and never answers */
    COLLECTOR_CLOSES     /* in the middle of the body */
};

enum { COLLECTOR_BYTES_MAX = 8 << 20 };

struct collector_seen {
    atomic_flag is_writing; /* spans and metrics come on two connections at once */
    volatile enum collector_mood mood;
    volatile unsigned n_posts; /* whatever became of them */
    volatile unsigned n_taken; /* answered with 200 */
    volatile size_t n_bytes;   /* of `bodies` */
    char last_head[4096];      /* of the last post */
    char
        bodies[COLLECTOR_BYTES_MAX]; /* those taken: the target, a line end, the body, a line end */
};

struct collector {
    pid_t pid;
    uint16_t port;
    struct collector_seen *seen; /* shared with the child */
};

void collector_start(struct collector *collector);
void collector_done(struct collector *collector);

/* All spans (elements of resourceSpans.scopeSpans.spans) taken so far, as a JSON array in `arena`.
 * Fails the test where a batch is not what OTLP says. */
struct json *collector_spans(const struct collector *collector, struct arena *arena);
/* The metrics of the newest batch, as a JSON array; NULL: none came yet. */
struct json *collector_metrics(const struct collector *collector, struct arena *arena);

#endif
