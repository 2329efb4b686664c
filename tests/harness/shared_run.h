/* A test run of several processes that share a Redis: begun at one of them, looked at through any, watched, and held
 * against what the platform has. Owner: the test, as of the replicas in it. */
#ifndef HARNESS_SHARED_RUN_H
#define HARNESS_SHARED_RUN_H

#include "harness/run_follower.h"

enum { SHARED_REPLICAS = 3, SHARED_STEPS_MAX = 500, SHARED_KEPT = 16 };

struct shared_run {
    struct replicas replicas;
    struct str id; /* of the newest run */
    size_t n_steps;
    struct run_follower watcher;
};

/* Three processes, of a platform that takes 12 ms for each call. */
void shared_run_start(struct shared_run *shared);
struct arena *shared_run_arena(struct shared_run *shared);
/* A test file of so many numbered steps (harness/steps.h). */
struct str shared_run_file(struct arena *arena, size_t n_steps);
const struct json *shared_run_begin(struct shared_run *shared, size_t i, size_t n_steps,
                                    const char *query);
/* Asks process i for the run, or for what is below it. */
const struct json *shared_run_ask(struct shared_run *shared, size_t i, const char *method,
                                  const char *rest);
struct str shared_run_status(struct shared_run *shared, size_t i);
/* Runs a script in Redis; true: it returned what is not 0. */
bool shared_run_redis_says(struct shared_run *shared, const struct replicas *replicas,
                           const char *script);
/* Each step that the run says it has made is on the platform, once, in order; none is there twice. Returns how many
 * the run does not know of. */
size_t shared_run_check(struct shared_run *shared, const struct json *run);
/* Events of the run for so long, or until it is over. */
void shared_run_watch(struct shared_run *shared, unsigned ms);
/* Until the watcher has seen that event. */
void shared_run_watch_until(struct shared_run *shared, int64_t event);
/* To its end, which must be "created", with all steps on the platform. */
void shared_run_watch_to_end(struct shared_run *shared, size_t replica);

#endif
