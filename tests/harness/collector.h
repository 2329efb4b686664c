/* An OpenTelemetry collector in a child process: it keeps what is posted to it, and can be told to be
 * slow, to refuse, or to close in the middle of a body; or it is away. Owner: the test holds the struct;
 * collector_done ends the child. */
#ifndef HARNESS_COLLECTOR_H
#define HARNESS_COLLECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
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
    COLLECTOR_IS_SLOW,   /* takes it, a fifth of a second later */
    COLLECTOR_CLOSES,    /* in the middle of the body */
    COLLECTOR_BREAKS_OFF /* in the middle of its answer */
};

enum { COLLECTOR_BYTES_MAX = 256 << 20 }; /* of memory that is only taken when it is used */

struct collector_seen {
    atomic_flag is_writing; /* spans and metrics come on two connections at once */
    volatile enum collector_mood mood;
    volatile unsigned n_posts; /* whatever became of them */
    volatile unsigned n_taken; /* answered with 200 */
    volatile bool is_full;     /* something was taken that is not in `bodies` */
    volatile size_t n_bytes;   /* of `bodies` */
    char last_head[4096];      /* of the last post */
    char
        bodies[COLLECTOR_BYTES_MAX]; /* those taken: the target, a line end, the body, a line end */
};

enum { COLLECTOR_N_CALLERS = 2 };

struct collector {
    pid_t pid; /* 0: it is away */
    uint16_t port;
    int reserved; /* holds the port while nobody listens there */
    int hole;     /* listens, and has no room for one more connection; -1: it does not */
    int callers[COLLECTOR_N_CALLERS]; /* who fills it */
    struct collector_seen *seen;      /* shared with the child */
};

void collector_start(struct collector *collector);
void collector_done(struct collector *collector);
/* Nobody listens at its port, and its connections are gone. */
void collector_leave(struct collector *collector);
/* After collector_leave: whoever connects gets no answer at all, as from a machine that is switched off. */
void collector_fall_silent(struct collector *collector);
void collector_come_back(struct collector *collector);

/* All spans (elements of resourceSpans.scopeSpans.spans) taken so far, as a JSON array in `arena`.
 * Fails the test where a batch is not what OTLP says. */
struct json *collector_spans(const struct collector *collector, struct arena *arena);
/* Holds all spans taken so far to OTLP's schema, to the names and types of OpenTelemetry's semantic conventions (1.27; ours begin with
 * "virtuoso_proxy."), and to each other: a parent is one of them, of the same trace, or of the request's sender.
 * Returns how many there are; for the time when no more come. */
size_t collector_judge_spans(const struct collector *collector);
/* The metrics of the newest batch, as a JSON array; NULL: none came yet. */
struct json *collector_metrics(const struct collector *collector, struct arena *arena);

#endif
