/* What the files of the sinks share. sinks.c: one process of several at a time, opening and closing; sink.c: batches, one after
 * another; sink_rows.c: what is in them; sink_targets.c: where they go. */
#ifndef EVENTS_SINK_INTERNAL_H
#define EVENTS_SINK_INTERNAL_H

#include "append_file.h"
#include "base/arena.h"
#include "duty.h"
#include "events/events.h"
#include "events/sinks.h"
#include "feed.h"
#include "net/loop.h"
#include "observe/trouble.h"
#include "place.h"
#include "upstream/upstream.h"

enum { SINK_BATCH_ROWS = 500, SINK_BATCH_BYTES = 512 * 1024, SINK_ROW_MAX = CLOUD_EVENT_MAX };

struct sink;

struct sink_kind {
    const char *place; /* of its document in the store */
    const char *name;  /* in the log */
    size_t consumer;   /* in metrics */
    enum trouble trouble;
    void (*begin)(struct sink *sink); /* the frame around rows */
    void (*row)(struct sink *sink, const struct fact *fact);
    void (*end)(struct sink *sink);
    void (*send)(struct sink *sink); /* sink_sent comes from a later turn */
    void (*cancel)(struct sink *sink);
    bool keeps; /* a batch that was begun is never given up */
};

struct sink {
    const struct sink_kind *kind;
    struct sinks *sinks;
    struct feed feed;
    struct place place;
    struct buf batch;
    size_t n_rows; /* in the batch */
    bool sends;
    bool is_failing;
    uint64_t began_ms; /* of the first try of this batch */
    unsigned tries;
    struct deadline again; /* the next try, or the next batch */
    /* Where it goes: one of these. */
    struct append_file file;
    struct upstream *upstream;
    struct upstream_call call;
    struct upstream_header headers[SINK_HEADERS_MAX];
    struct secret values[SINK_HEADERS_MAX];
    size_t n_headers;
    struct str path;
    struct str query;
    struct sink_google_call google;
};

enum { SINK_FILE, SINK_HTTP, SINK_BIGQUERY, SINK_N };

struct sinks {
    struct loop *loop;
    struct arena arena; /* of texts */
    struct sink sinks[SINK_N];
    struct sink_google google;
    unsigned interval_ms;
    struct journal *journal;
    const char *path; /* of the file */
    uint64_t max_bytes;
    struct duty duty;
    bool closing;
    struct deadline last_words;
    struct callback on_closed;
};

/* sink.c */
bool sink_is_on(const struct sink *sink);
void sink_go_on(struct sink *sink);
void sink_on_news(struct feed *feed);
void sink_stop(struct sink *sink); /* what is on its way is given up */
bool sink_is_idle(const struct sink *sink);
/* The end of a try. `failure` NULL: the batch was taken, but for `n_refused` rows that never will be. */
void sink_sent(struct sink *sink, const char *failure, size_t n_refused);

/* sinks.c */
void sinks_maybe_idle(struct sinks *sinks);

/* sink_targets.c */
extern const struct sink_kind sink_kinds[SINK_N];

/* sink_rows.c */
void sink_row_table(struct buf *out, const struct fact *fact);

#endif
