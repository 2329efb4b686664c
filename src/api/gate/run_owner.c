#include "api/gate/run_owner.h"

#include "api/gate/cache.h"

static void on_step(void *context, int64_t next_position, bool is_set, bool added)
{
    struct run_owner *owner = context;

    (void)cache_purge(owner->api->cache);
    if (owner->session_id.len > 0) {
        const struct session_move move = {.checkpoint_id = owner->checkpoint_id,
                                          .version = owner->version,
                                          .position = next_position,
                                          .is_set = is_set,
                                          .steps_added = added ? 1 : 0};

        session_advance(owner->api->options.sessions, &owner->digest, owner->session_id, &move);
    }
}

static void on_end(void *context)
{
    struct run_owner *owner = context;

    (void)cache_purge(owner->api->cache);
    later_remove(&owner->soon);
    session_lane_leave(&owner->ticket);
    session_use_end(&owner->use);
}

struct run_owner *run_owner_new(struct api *api, struct run *run, struct str session_id,
                                int64_t checkpoint_id, struct run_hooks *out)
{
    struct run_owner *owner = arena_zalloc(run_arena(run), sizeof(*owner));

    *owner = (struct run_owner){.api = api,
                                .run = run,
                                .digest = *run_owner(run),
                                .session_id = arena_str(run_arena(run), session_id),
                                .checkpoint_id = checkpoint_id};
    *out = (struct run_hooks){.on_step = on_step, .on_end = on_end, .context = owner};
    return owner;
}

/* The turn of the run has come. Its steps go to the session's present position, if its owner has
 * set one, else behind the last step. They also go behind the last step if the session is gone
 * or has another checkpoint by now: the run keeps the checkpoint of its request. */
void run_owner_turn(struct run_owner *owner)
{
    struct session session = {0};
    struct error ignored = {0};
    bool is_there = session_load(owner->api->options.sessions, &owner->digest, owner->session_id,
                                 run_arena(owner->run), &session, &ignored) == ERR_OK &&
                    session.checkpoint_id == owner->checkpoint_id;

    owner->version = session.version;
    run_release(owner->run, is_there && session.is_set ? session.position : -1);
}

static void on_turn(struct session_ticket *ticket)
{
    run_owner_turn(CONTAINER_OF(ticket, struct run_owner, ticket));
}

enum error_code run_owner_enter(struct run_owner *owner, const struct session_use *use,
                                bool *out_now, struct error *err)
{
    enum error_code code = session_lane_enter(owner->api->options.sessions, owner->session_id,
                                              &owner->ticket, on_turn, out_now, err);

    if (code == ERR_OK && use != NULL) {
        session_use_join(use, &owner->use);
    }
    return code;
}

/* --- of a process that has died */

/* A session that cannot be taken now counts as one that is gone. */
static void go_on_without(struct run_owner *owner)
{
    session_use_end(&owner->use);
    owner->session_id = STR_EMPTY;
    run_release(owner->run, -1);
}

static void enter_lane(struct run_owner *owner)
{
    struct error ignored = {0};
    bool now = false;

    if (run_owner_enter(owner, NULL, &now, &ignored) != ERR_OK) {
        go_on_without(owner);
    } else if (now) {
        run_owner_turn(owner);
    }
}

static void on_use(struct session_use *use, const struct error *error)
{
    struct run_owner *owner = CONTAINER_OF(use, struct run_owner, use);

    if (error != NULL) {
        go_on_without(owner);
    } else {
        enter_lane(owner);
    }
}

static void on_soon(struct later_item *item)
{
    struct run_owner *owner = CONTAINER_OF(item, struct run_owner, soon);
    struct session_store *sessions = owner->api->options.sessions;

    if (!session_is_shared(sessions) ||
        session_use_begin(sessions, &owner->digest, owner->session_id, &owner->use, on_use)) {
        enter_lane(owner);
    }
}

bool run_owner_adopt(void *context, struct run *run, const struct run_adoption *what,
                     struct run_hooks *hooks)
{
    const struct platform *platform = context;
    struct run_owner *owner =
        run_owner_new(platform->api, run, what->session_id, what->session_checkpoint, hooks);

    if (owner->session_id.len == 0) {
        return true;
    }
    later_add(platform->port.later, &owner->soon, on_soon);
    return false;
}
