/* session_seat: the session of a request, where several processes share sessions. Before the handler
 * runs, the session is brought here (to read it) or its lease is taken (to change it, or to carry out
 * its commands); then room session works as without a shared store. Without one nothing of
 * this is made. Owner: the task's arena, which ends the use. */
#ifndef API_GATE_SESSION_SEAT_H
#define API_GATE_SESSION_SEAT_H

#include "api/gate/task.h"
#include "session/share.h"

struct session_seat {
    struct session_use use;
    struct task *task;
    stage_fn then; /* when the store has answered */
};

/* The id of the session that a request names: in the path, the body, a header or the query. Empty:
 * none. */
struct str session_of(struct task *task, const struct json *body);
/* The stage: by the `session` of the route. */
enum stage_verdict session_seat_take(struct task *task);
/* The seat of the task. It is made if there is none; then its use is not begun. */
struct session_seat *session_seat_of(struct task *task);
/* To be called after an operation of the seat's use was started with session_seat_on_done. `then` is
 * called if the operation succeeds. Returns WAIT. */
enum stage_verdict session_seat_wait(struct session_seat *seat, stage_fn then);
void session_seat_on_done(struct session_use *use, const struct error *error);

#endif
