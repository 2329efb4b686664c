/* Sessions and numbered steps: commands whose steps show their number, so that a test of several processes can
 * tell what the platform holds of them. */
#ifndef HARNESS_STEPS_H
#define HARNESS_STEPS_H

#include "base/arena.h"
#include "harness/client.h"

/* Seeds the checkpoint and opens a session in it; `more`: further members of the body, after a comma ("" for
 * none). Returns its id. */
const char *steps_session(struct arena *arena, uint16_t port, uint16_t sandbox_port,
                          int64_t checkpoint, const char *more);
/* The body of a command of that session, whose step shows the number. */
struct str steps_body(struct arena *arena, const char *session, size_t number);
/* Sends it; the answer is the caller's to read. */
void steps_send(struct arena *arena, struct client *client, const char *session, size_t number);
/* The number that a step of the platform shows. */
size_t steps_number(struct arena *arena, const struct json *step);

#endif
