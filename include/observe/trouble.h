/* trouble: work in the background that fails just now. The code that fails tells it here, and tells when it is
 * over; the answer of /health shows it. Requests are served meanwhile. Each row has one state for the whole
 * process, like the metrics. */
#ifndef OBSERVE_TROUBLE_H
#define OBSERVE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

enum { TROUBLE_TEXT_MAX = 256 };

/* id, the name in the checks of /health, and what the trouble leads to. */
#define TROUBLE_TABLE(X)                                                                           \
    X(LOG, "log", "log lines are lost")                                                            \
    X(AUDIT, "audit", "events are kept and written when it is possible")                           \
    X(JOURNAL, "events", "events are kept in memory and appended when it is possible")             \
    X(SINK_FILE, "analytics.file", "the batch is tried again")                                     \
    X(SINK_HTTP, "analytics.url", "the batch is tried again")                                      \
    X(SINK_BIGQUERY, "analytics.bigquery", "the batch is tried again")                             \
    X(WEBHOOKS, "webhooks", "where their deliveries stand cannot be saved")                        \
    X(ARTIFACTS, "artifacts", "the reports of runs are tried again")                               \
    X(RUNS, "runs", "what becomes of a run cannot be recorded")                                    \
    X(RECALL, "runs.recall", "nobody goes on with a run that is not asked for")                    \
    X(KEY_SET, "auth.jwt", "the keys that were read last are in use, if there are any")            \
    X(CREDENTIALS_AWS, "credentials.aws", "those that are known are used until they expire")       \
    X(CREDENTIALS_GOOGLE, "credentials.google", "those that are known are used until they expire") \
    X(SPANS, "otel.traces", "what cannot be sent is dropped")                                      \
    X(METRICS, "otel.metrics", "what cannot be sent is dropped")                                   \
    X(PURGES, "edge.purges", "kept answers live as long as they may")

#define TROUBLE_ENUM(id, name, effect) TROUBLE_##id,

enum trouble { TROUBLE_TABLE(TROUBLE_ENUM) N_TROUBLES };

#undef TROUBLE_ENUM

struct trouble_state {
    const char *name;
    const char *effect;
    int64_t since_wall_ms; /* 0: all is well */
    char why[TROUBLE_TEXT_MAX];
};

/* `why` NULL: the trouble is over, or the part that told it ends. `since` stays that of the first failure. */
void trouble_tell(enum trouble trouble, const char *why);

/* For one of several parts that do the same work: `fails` is that part's own mark, false at first. The trouble is
 * over when none of the parts fails. */
void trouble_tell_of(enum trouble trouble, bool *fails, const char *why);
const struct trouble_state *trouble_now(enum trouble trouble);
bool trouble_is_any(void);

#endif
