/* run_owner: what a test run needs of the api while it works. Each step purges the cache. A run that belongs
 * to a session waits for the session's turn, begins at its position and moves it. Owner: the run's arena. */
#ifndef API_GATE_RUN_OWNER_H
#define API_GATE_RUN_OWNER_H

#include "api/gate/task.h"
#include "run/run.h"
#include "session/share.h"

struct run_owner {
    struct api *api;
    struct run *run;
    struct digest digest;
    struct str session_id; /* empty: none */
    int64_t checkpoint_id; /* the session's when the request came */
    unsigned version;      /* of the session when its turn came; see session_advance */
    struct session_ticket ticket;
    struct session_use use; /* of a session that is shared */
    struct later_item soon; /* an adopted run asks for its session in a turn of its own */
};

/* The new owner waits for nothing yet. */
struct run_owner *run_owner_new(struct api *api, struct run *run, struct str session_id,
                                int64_t checkpoint_id, struct run_hooks *out);
/* For a run that belongs to a session. `use`: of the request, NULL where sessions are not shared. *out_now true: its
 * turn has come, and the caller calls run_owner_turn when the run is started. False: the turn comes by itself. */
enum error_code run_owner_enter(struct run_owner *owner, const struct session_use *use,
                                bool *out_now, struct error *err) MUST_CHECK;
void run_owner_turn(struct run_owner *owner);

/* run_store_options.adopt; the context is a platform. */
bool run_owner_adopt(void *context, struct run *run, const struct run_adoption *what,
                     struct run_hooks *hooks);

#endif
