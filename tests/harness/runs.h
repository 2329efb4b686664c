/* Test runs of a proxy, as tests use them: started, looked at, waited for. Answers live in the
 * proxy's arena. */
#ifndef HARNESS_RUNS_H
#define HARNESS_RUNS_H

#include "harness/proxy.h"

/* POST /api/v1/tests/run?query with a YAML text; the status is proxy->reply.status. */
const struct json *runs_start(struct proxy *proxy, const char *query, const char *text);
const struct json *runs_get(struct proxy *proxy, struct str id);
/* Until it is over; fails the test when that takes longer than 20 s. */
const struct json *runs_wait(struct proxy *proxy, struct str id);
/* The text at a JSON pointer; empty: something else stands there. */
struct str runs_text(const struct json *object, const char *pointer);

#endif
