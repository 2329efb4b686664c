/* Lanes: a queue per session that exists only while somebody runs or waits in it. Not tied to the
 * record: a session may be evicted while its commands run; they still end in order. */
#include "base/check.h"
#include "base/mem.h"
#include "session_internal.h"

static struct session_lane *lane_of(struct session_store *store, struct str id)
{
    struct map_node *node = map_find(&store->lanes, id);
    struct session_lane *lane;

    if (node != NULL) {
        return CONTAINER_OF(node, struct session_lane, node);
    }
    lane = mem_zalloc(sizeof(*lane));
    CHECK(id.len < sizeof(lane->id));
    str_copy(lane->id, sizeof(lane->id), id);
    list_init(&lane->waiting);
    map_insert(&store->lanes, &lane->node, (struct str){lane->id, id.len});
    return lane;
}

static void on_later(struct later_item *item)
{
    struct session_ticket *ticket = CONTAINER_OF(item, struct session_ticket, turn);

    ticket->on_turn(ticket);
}

enum error_code session_lane_enter(struct session_store *store, struct str id,
                                   struct session_ticket *ticket, session_turn_fn on_turn,
                                   bool *out_now, struct error *err)
{
    struct session_lane *lane = lane_of(store, id);

    *ticket = (struct session_ticket){.store = store, .lane = lane, .on_turn = on_turn};
    *out_now = lane->holder == NULL;
    if (*out_now) {
        lane->holder = ticket;
        ticket->holds = true;
        return ERR_OK;
    }
    if (lane->n_waiting >= store->options.max_queue) {
        ticket->lane = NULL;
        (void)error_set(err, ERR_OVERLOADED,
                        "Already %u commands wait in this session (sessions.max_queue)",
                        lane->n_waiting);
        if (err != NULL) {
            err->retry_after_s = 1;
        }
        return ERR_OVERLOADED;
    }
    list_append(&lane->waiting, &ticket->link);
    lane->n_waiting++;
    return ERR_OK;
}

static void next_turn(struct session_store *store, struct session_lane *lane)
{
    struct list *first = list_take_first(&lane->waiting);
    struct session_ticket *next;

    if (first == NULL) {
        map_remove(&store->lanes, &lane->node);
        mem_free(lane);
        return;
    }
    next = CONTAINER_OF(first, struct session_ticket, link);
    lane->n_waiting--;
    lane->holder = next;
    next->holds = true;
    later_add(store->later, &next->turn, on_later);
}

void session_lane_leave(struct session_ticket *ticket)
{
    struct session_lane *lane = ticket->lane;

    if (lane == NULL) {
        return;
    }
    ticket->lane = NULL;
    later_remove(&ticket->turn);
    if (!ticket->holds) {
        list_remove(&ticket->link);
        lane->n_waiting--;
        return;
    }
    ticket->holds = false;
    lane->holder = NULL;
    next_turn(ticket->store, lane);
}
