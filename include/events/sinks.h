/* Sinks of analytics: every event as a row, to a file of JSON lines, to any HTTP endpoint, or to a table of
 * BigQuery. Each has a cursor of its own and one batch on its way; a batch that could not be handed over comes again
 * after a growing pause, for SINK_TRIES_MS, and is then given up and counted. Nothing waits for a sink. A row comes
 * at least once; it is known by its id, which BigQuery gets as insertId.
 *
 * Without a journal a process hands over what it has noted itself. With one the process that holds the lease
 * "consumer:analytics" hands over what all have noted. */
#ifndef EVENTS_SINKS_H
#define EVENTS_SINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"

struct journal;
struct keeps;
struct loop;
struct sinks;
struct upstream_header; /* upstream/upstream.h */

enum { SINK_TRIES_MS = 3600000, SINK_HEADERS_MAX = 16 };

/* A POST with a token of Google. The owner of struct sink_google has the token. */
struct sink_google_call {
    struct str path;
    struct str body; /* JSON; stays until on_done */
    /* Once, from a later turn, unless it was cancelled. `status` 0: there is no answer, `failure` says why. */
    void (*on_done)(struct sink_google_call *call, int status, struct str body,
                    const char *failure);
    void *state; /* of `start`; NULL: the call does not run */
};

struct sink_google {
    void (*start)(void *context, struct sink_google_call *call);
    void (*cancel)(struct sink_google_call *call); /* idempotent; zeroed is fine */
    void *context;
};

struct sinks_options {
    const char *file;                      /* NULL: none; appended to, a JSON object a line */
    uint64_t max_bytes;                    /* of the file, then it is renamed; 0: never */
    struct str url;                        /* empty: none; posts arrays of CloudEvents */
    const struct upstream_header *headers; /* of these posts; copied */
    size_t n_headers;                      /* at most SINK_HEADERS_MAX */
    struct str bigquery;                   /* PROJECT.DATASET.TABLE; empty: none */
    struct sink_google google;             /* with bigquery */
    struct str ca_file;                    /* empty: the system's */
    unsigned interval_ms;    /* a batch is as old as this at most before it is handed over */
    struct journal *journal; /* NULL: there is none */
    struct keeps *keeps;     /* with a journal */
};

/* ERR_CONFIG: a file or an address that cannot be used. *out must be closed also after an error. */
enum error_code sinks_open(struct loop *loop, const struct sinks_options *options,
                           struct sinks **out, struct error *err) MUST_CHECK;
/* What was noted is handed over, for a second at most. */
void sinks_close(struct sinks *sinks, void (*on_closed)(void *context), void *context);

#endif
