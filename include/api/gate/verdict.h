/* Whether the platform accepts a caller's own token (auth.mode passthrough). For a token that is not known
 * it is asked with one cheap read, GET /user; the verdict is kept for auth.cache_ttl_s under the hash of
 * the token. Requests that come with the same token meanwhile wait for the same answer. A 401 of
 * the platform at any time drops the verdict (tokens can be deleted at any moment). */
#ifndef API_VERDICT_H
#define API_VERDICT_H

#include "api/gate/task.h"

struct verdict_store;

struct verdict_store *verdict_store_new(struct api *api);
void verdict_store_stop(struct verdict_store *store);    /* cancels what is asked; no task waits */
void verdict_store_restart(struct verdict_store *store); /* another platform is asked from now on */
void verdict_store_free(struct verdict_store *store);

/* CONTINUE: known to be good, or no token of the caller's own is in play. WAIT: task_go_on comes
 * later. DONE: refused. */
enum stage_verdict verdict_check(struct task *task);
void verdict_drop(struct task *task); /* the platform has just refused this token */

#endif
