/* The reports of test runs, kept outside of this process (artifacts.url): when a run has ended, its reports are made
 * and put there, for one run at a time. What fails is tried again after growing pauses, for ARTIFACTS_TRIES_MS, then
 * it is given up and counted. No request waits for any of it.
 *
 * Without a journal a process does so for its own runs. With one the process that holds the lease
 * "consumer:artifacts" does it for the runs of all, from the place in the journal where the holder before it ended.
 * So each run gets its reports at least once, also if its process was killed. */
#ifndef EVENTS_ARTIFACTS_H
#define EVENTS_ARTIFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/digest.h"

struct artifacts;
struct journal;
struct keeps;
struct loop;

enum { ARTIFACTS_TRIES_MS = 3600000, ARTIFACTS_WAITING_MAX = 1024, ARTIFACTS_ID_MAX = 40 };

enum artifacts_end {
    ARTIFACTS_STORED,
    ARTIFACTS_AWAY,   /* not now: once more later */
    ARTIFACTS_REFUSED /* never: the run is not kept any more, or its report is too large */
};

/* `put` makes the reports of a run and puts them there; it calls artifacts_put_done once, from a later turn, unless
 * it was cancelled. The id has less than ARTIFACTS_ID_MAX small letters, digits and '_': it can be the name of a
 * folder. */
struct artifacts_port {
    void (*put)(void *context, const struct digest *owner, const char *run_id);
    void (*cancel)(void *context); /* idempotent */
    void *context;
};

struct artifacts_options {
    struct artifacts_port port;
    struct journal *journal; /* NULL: there is none */
    struct keeps *keeps;     /* with a journal */
};

struct artifacts *artifacts_open(struct loop *loop, const struct artifacts_options *options);
/* No report is under way; one that failed may wait for its next try. NULL is quiet. */
bool artifacts_is_quiet(const struct artifacts *artifacts);
void artifacts_put_done(struct artifacts *artifacts, enum artifacts_end end, const char *why);
/* With a journal: nothing more is begun or asked for; another process goes on. Without one: no-op. NULL is fine. */
void artifacts_leave(struct artifacts *artifacts);
/* Without a journal the reports of runs that have ended are put there first, for some seconds at most. */
void artifacts_close(struct artifacts *artifacts, void (*on_closed)(void *context), void *context);

#endif
