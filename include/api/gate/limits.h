/* How much one caller may ask for: a rate and a number of requests at once for each credential, and a rate for
 * each address that sends none or a wrong one. A right credential is never refused for its address.
 * Buckets live as long as the api, so that a caller's bucket is the same after a reload. */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include "api/gate/task.h"

/* `store` NULL: this process counts alone; else the limits of credentials are one for all processes
 * that share it. Limits of addresses are always local. */
struct limits *limits_new(struct store *store, struct later *later);
void limits_stop(struct limits *limits); /* no exchange is left: the store is asked nothing more */
void limits_free(struct limits *limits); /* NULL is fine */

/* After authentication: counts the request against its credential, tells RateLimit and
 * RateLimit-Policy, and releases the place at the end of the exchange. DONE: refused with 429. WAIT:
 * the store is asked; the stages behind it run later. */
enum stage_verdict limits_count_caller(struct task *task);
/* True: the answer tells our limits. Those of the platform, which are about another limit, are left out then. */
bool limits_are_told(const struct task *task);
/* The request has no credential, or a wrong one: counts against its address. If there were
 * too many, task->error becomes ERR_RATE_LIMITED. */
void limits_count_stranger(struct task *task);

#endif
