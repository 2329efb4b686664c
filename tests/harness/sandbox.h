/* What tests ask of a running sandbox (the platform emulator), over its own HTTP interface: things
 * to work on, faults to suffer, and the requests it received. All fail the test when the sandbox
 * refuses. */
#ifndef HARNESS_SANDBOX_H
#define HARNESS_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "data/json.h"

#define SANDBOX_TOKEN "sandbox-token" /* what serve --sandbox uses towards the platform */

struct seed {
    int64_t project;
    int64_t goal;
    int64_t snapshot;
    int64_t journey;
    int64_t checkpoint; /* attached to the journey, without steps */
};

/* A project with one goal, one journey and one checkpoint, for the tenant of `token`. */
void sandbox_seed(uint16_t port, const char *token, struct seed *out);
/* One fault: {"match": "POST /teststeps", "times": 1, "status": 503, ...} */
void sandbox_fault(uint16_t port, const char *fault_json);
/* The next request that matches ("POST /teststeps") is carried out, and its answer is held back until
 * sandbox_release: as long as the proxy waits for it. */
void sandbox_hold(uint16_t port, const char *match);
void sandbox_hold_all(uint16_t port,
                      const char *match); /* each of them, until sandbox_release_all */
/* The same, behind the next `n`: whoever sends them one by one stands there, however late the test looks. */
void sandbox_hold_behind(uint16_t port, const char *match, unsigned n);
void sandbox_release_all(uint16_t port); /* and there are no faults any more */
void sandbox_release(uint16_t port);     /* also answers that a fault with a delay holds back */
void sandbox_clear_faults(uint16_t port);
bool sandbox_faults_are_met(uint16_t port); /* each of them, once at least */
void sandbox_reset(uint16_t port);          /* forgets everything of every tenant */
/* Things with ids that the test chooses: {"checkpoints": [1680930], "library": [7]}, see
 * src/sandbox/README.md; for the tenant SANDBOX_TOKEN unless it names another. */
void sandbox_seed_ids(uint16_t port, const char *seed_json);
void sandbox_forget_requests(uint16_t port);
/* Every request received, oldest first: an array of {method, path, query, headers, body,
 * status}. */
const struct json *sandbox_requests(uint16_t port, struct arena *arena);
/* How many of them have this method ("" any) and a path that begins so ("" any). */
size_t sandbox_count(uint16_t port, const char *method, const char *path_start);
/* Waits until that many have arrived; their answers may still be held back by a fault. */
void sandbox_wait_count(uint16_t port, const char *method, const char *path_start, size_t n);
const struct json *sandbox_state(uint16_t port, struct arena *arena);
/* A platform call as `token`: answer (bare, not enveloped) in `arena`; NULL body: none; fails
 * unless 2xx. NULL when the answer has no body. */
const struct json *sandbox_call(uint16_t port, const char *token, const char *method,
                                const char *path, const struct json *body, struct arena *arena);

#endif
