/* Lanes: a queue per session that exists only while a command runs or waits in it. It is not tied
 * to the record: a session may be evicted while its commands run, and they still end in order. */
#include "base/check.h"
#include "base/mem.h"
#include "session_internal.h"

static struct session_lane *lane_of(struct session_store *store, struct str id)
{
    struct session_lane *lane = MAP_FIND(&store->lanes, id, struct session_lane, node);

    if (lane != NULL) {
        return lane;
    }
    lane = mem_zalloc(sizeof(*lane));
    CHECK(id.len < sizeof(lane->id));
    str_copy(lane->id, sizeof(lane->id), id);
    turns_init(&lane->turns, store->later);
    map_insert(&store->lanes, &lane->node, (struct str){lane->id, id.len});
    return lane;
}

static void on_my_turn(struct turn *turn)
{
    struct session_ticket *ticket = CONTAINER_OF(turn, struct session_ticket, turn);

    ticket->on_turn(ticket);
}

enum error_code session_lane_enter(struct session_store *store, struct str id,
                                   struct session_ticket *ticket, session_turn_fn on_turn,
                                   bool *out_now, struct error *err)
{
    struct session_lane *lane = lane_of(store, id);

    *ticket = (struct session_ticket){.store = store, .on_turn = on_turn};
    if (lane->turns.n_waiting >= store->options.max_queue) {
        (void)error_set(err, ERR_OVERLOADED,
                        "The queue of this session is full: %u waiting (sessions.max_queue)",
                        lane->turns.n_waiting);
        if (err != NULL) {
            err->retry_after_s = 1;
        }
        return ERR_OVERLOADED;
    }
    *out_now = turn_take(&lane->turns, &ticket->turn, on_my_turn);
    return ERR_OK;
}

void session_lane_leave(struct session_ticket *ticket)
{
    struct turns *turns = ticket->turn.turns;

    if (turn_give(&ticket->turn)) {
        struct session_lane *lane = CONTAINER_OF(turns, struct session_lane, turns);

        map_remove(&ticket->store->lanes, &lane->node);
        mem_free(lane);
    }
}
