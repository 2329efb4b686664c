/* Whoever watches a run of several processes: goes to another one when its own is gone, with Last-Event-ID, and
 * fails the test when an event is missing or comes twice. Owner: the test; run_follower_end closes it. */
#ifndef HARNESS_RUN_FOLLOWER_H
#define HARNESS_RUN_FOLLOWER_H

#include "harness/replicas.h"

struct run_follower {
    struct replicas *replicas;
    struct str id;  /* of the run */
    size_t replica; /* that is asked */
    int64_t last;   /* event that it has seen */
    bool done;
    size_t n_connects;
    /* private */
    struct client client;
    struct reply reply;
    bool open;
    size_t n_read; /* bytes of the body that were looked at */
};

/* Until the run is over, or for so long. */
void run_follower_follow(struct run_follower *watcher, unsigned ms);
void run_follower_end(struct run_follower *watcher); /* zeroed afterwards */

#endif
