/* The ids of a lane are sorted. The ids that the platform gives rise, so a new one goes to the end. */
#include "step/lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lane_internal.h"
#include "observe/metrics.h"
#include "plan/answer.h"

enum { FIRST_IDS = 8 };

void lanes_configure(struct lanes *lanes, unsigned max_queue)
{
    lanes->max_queue = max_queue;
}

struct lanes *lanes_new(struct later *later, unsigned max_queue)
{
    struct lanes *lanes = mem_zalloc(sizeof(*lanes));

    lru_init(&lanes->by_key);
    lanes->later = later;
    lanes->max_queue = max_queue;
    return lanes;
}

/* --- a lane's life */

static void forget_ids(struct lane *lane)
{
    lane->lanes->n_ids -= lane->cap_ids;
    mem_free(lane->ids);
    lane->ids = NULL;
    lane->n_ids = 0;
    lane->cap_ids = 0;
    lane->complete = false;
}

static void lane_drop(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;

    forget_ids(lane);
    lru_remove(&lanes->by_key, &lane->lru);
    mem_free(lane);
}

/* False: there is no unused lane. */
static bool drop_oldest(struct lanes *lanes)
{
    struct lane *lane = LRU_OLDEST(&lanes->by_key, struct lane, lru);

    if (lane == NULL) {
        return false;
    }
    lane_drop(lane);
    return true;
}

void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL) {
        return;
    }
    while (drop_oldest(lanes)) {
    }
    CHECK(lanes->n_foreign == 0);
    lru_done(&lanes->by_key);
    mem_free(lanes);
}

static struct str key_view(const int64_t key[2])
{
    return (struct str){(const char *)key, 2 * sizeof(key[0])};
}

struct lane *lane_find(const struct lanes *lanes, enum lane_kind kind, int64_t id)
{
    const int64_t key[2] = {kind, id};

    return LRU_FIND(&lanes->by_key, key_view(key), struct lane, lru);
}

/* No ticket is left in the lane: keeps it as the newest unused one. */
static void lane_rest(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;

    lru_touch(&lanes->by_key, &lane->lru);
    if (lanes->by_key.n_idle > LANES_MAX) {
        (void)drop_oldest(lanes);
    }
}

static struct lane *lane_for(struct lanes *lanes, enum lane_kind kind, int64_t id)
{
    struct lane *lane = lane_find(lanes, kind, id);

    if (lane == NULL) {
        lane = mem_zalloc(sizeof(*lane));
        lane->lanes = lanes;
        lane->key[0] = kind;
        lane->key[1] = id;
        turns_init(&lane->turns, lanes->later);
        lru_add(&lanes->by_key, &lane->lru, key_view(lane->key));
    }
    lru_hold(&lanes->by_key, &lane->lru);
    return lane;
}

/* --- tickets */

/* Brings the metrics up to date after a change of a lane's turns from `before` to `now`. */
static void tell(const struct turns *now, const struct turns *before)
{
    if ((now->holder != NULL) != (before->holder != NULL)) {
        metric_gauge_add(M_LANES_ACTIVE, now->holder != NULL ? 1 : -1);
    }
    if (now->n_waiting != before->n_waiting) {
        metric_gauge_add(M_LANE_WAITING, (int64_t)now->n_waiting - before->n_waiting);
    }
}

static void on_my_turn(struct turn *turn)
{
    struct lane_ticket *ticket = CONTAINER_OF(turn, struct lane_ticket, turn);

    if (ticket->lane->lanes->keeps == NULL || lane_lease(ticket)) {
        ticket->on_turn(ticket);
    }
}

enum error_code lane_enter(struct lanes *lanes, struct lane_key key, struct lane_ticket *ticket,
                           lane_turn_fn on_turn, bool *out_now, struct error *err)
{
    struct lane *lane = lane_for(lanes, key.kind, key.id);
    const struct turns before = lane->turns;

    *ticket = (struct lane_ticket){.on_turn = on_turn};
    if (lane->turns.n_waiting >= lanes->max_queue) {
        if (err != NULL) {
            err->retry_after_s = 1;
        }
        return error_set(err, ERR_OVERLOADED,
                         "The queue of this checkpoint is full: %u waiting (sessions.max_queue)",
                         lane->turns.n_waiting);
    }
    ticket->lane = lane;
    *out_now = turn_take(&lane->turns, &ticket->turn, on_my_turn);
    tell(&lane->turns, &before);
    if (lanes->keeps != NULL && *out_now) {
        *out_now = lane_lease(ticket);
    }
    return ERR_OK;
}

void lane_leave(struct lane_ticket *ticket)
{
    struct lane *lane = ticket->lane;

    struct turns before;
    bool is_empty;

    if (lane == NULL) {
        return;
    }
    ticket->lane = NULL;
    before = lane->turns;
    is_empty = turn_give(&ticket->turn);
    tell(&lane->turns, &before);
    if (lane->lanes->keeps != NULL) {
        deadline_clear(&ticket->wait);
        keep_leave(&ticket->lease);
    }
    if (is_empty) {
        lane_rest(lane);
    }
}

/* --- what a lane knows */

static bool is_undisturbed(const struct lane *lane)
{
    return lane->since.epoch == lane->lanes->epoch && !lane->since.foreign;
}

static bool is_fresh(const struct lane *lane)
{
    return lane->known && is_undisturbed(lane) && clock_turn_ms() - lane->since.ms < LANE_TRUST_MS;
}

bool lane_is_known(const struct lane *lane)
{
    return is_fresh(lane) && lane->complete;
}

static int64_t end_of(const struct lane *lane)
{
    return lane_is_known(lane) ? lane->end : -1;
}

int64_t lane_end(const struct lane_ticket *ticket)
{
    return end_of(ticket->lane);
}

int64_t lane_end_seen(const struct lane_ticket *ticket)
{
    return ticket->lane->known ? ticket->lane->end : -1;
}

bool lane_is_certain(const struct lane_ticket *ticket)
{
    const struct lane *lane = ticket->lane;

    return lane->complete && is_undisturbed(lane) &&
           (lane->lanes->keeps == NULL || keep_is_sure(&ticket->lease)) &&
           (lane->uncertain_ms == 0 || clock_age_ms() >= lane->uncertain_ms);
}

static size_t place_of(const struct lane *lane, int64_t id)
{
    size_t low = 0;
    size_t high = lane->n_ids;

    if (high == 0 || lane->ids[high - 1] < id) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lane->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool lane_has(const struct lane_ticket *ticket, int64_t step_id)
{
    const struct lane *lane = ticket->lane;
    size_t at = place_of(lane, step_id);

    return at < lane->n_ids && lane->ids[at] == step_id;
}

size_t lane_n_ids(const struct lane_ticket *ticket)
{
    return ticket->lane->n_ids;
}

/* Makes room for `n` ids, at the cost of unused lanes. False: there is no room. */
bool lane_make_room(struct lane *lane, size_t n)
{
    struct lanes *lanes = lane->lanes;
    size_t cap = lane->cap_ids > 0 ? lane->cap_ids : FIRST_IDS;

    if (n > LANE_MAX_STEPS) {
        return false;
    }
    while (cap < n) {
        cap *= 2;
    }
    while (lanes->n_ids - lane->cap_ids + cap > LANE_IDS_MAX) {
        if (!drop_oldest(lanes)) {
            return false;
        }
    }
    if (cap != lane->cap_ids) {
        lane->ids = mem_realloc(lane->ids, cap * sizeof(*lane->ids));
        lanes->n_ids += cap - lane->cap_ids;
        lane->cap_ids = cap;
    }
    return true;
}

struct lane_moment lanes_now(const struct lanes *lanes)
{
    return (struct lane_moment){
        .epoch = lanes->epoch, .ms = clock_turn_ms(), .foreign = lanes->n_foreign > 0};
}

int lane_compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void lane_counted(struct lane_ticket *ticket, const struct lane_moment *since,
                  const struct json *steps)
{
    struct lane *lane = ticket->lane;
    const struct json *step;
    bool sorted = true;

    lane->known = true;
    lane->since = *since;
    lane->end = (int64_t)json_size(steps);
    lane->n_ids = 0;
    /* "None" where steps were seen before may be an answer that leaves them out: it is not built upon. */
    lane->complete = lane_make_room(lane, json_size(steps)) && (lane->end > 0 || !lane->had_steps);
    lane->had_steps = lane->had_steps || lane->end > 0;
    if (!lane->complete) {
        forget_ids(lane);
        return;
    }
    JSON_FOREACH (step, steps) {
        int64_t id = id_number(json_get(step, "id"));

        sorted = sorted && (lane->n_ids == 0 || lane->ids[lane->n_ids - 1] < id);
        lane->ids[lane->n_ids++] = id;
    }
    if (!sorted) {
        qsort(lane->ids, lane->n_ids, sizeof(*lane->ids), lane_compare_ids);
    }
}

void lane_made(struct lane_ticket *ticket, int64_t step_id)
{
    struct lane *lane = ticket->lane;
    size_t at;

    lane->had_steps = true;
    if (!lane->known) {
        return;
    }
    lane->end++;
    if (!lane->complete || !lane_make_room(lane, lane->n_ids + 1)) {
        forget_ids(lane);
        return;
    }
    at = place_of(lane, step_id);
    memmove(&lane->ids[at + 1], &lane->ids[at], (lane->n_ids - at) * sizeof(*lane->ids));
    lane->ids[at] = step_id;
    lane->n_ids++;
}

void lane_forget(struct lane *lane)
{
    lane->known = false;
    forget_ids(lane);
}

void lane_doubt(struct lane_ticket *ticket)
{
    lane_forget(ticket->lane);
}

/* --- from outside */

void lanes_know_empty(struct lanes *lanes, int64_t checkpoint_id)
{
    struct lane *lane = lane_for(lanes, LANE_CHECKPOINT, checkpoint_id);
    struct lane_ticket ticket = {.lane = lane};
    struct lane_moment now = lanes_now(lanes);

    lane->had_steps = false;
    lane_counted(&ticket, &now, NULL);
    if (lane->turns.holder == NULL) {
        lane_rest(lane);
    }
}

int64_t lanes_end(struct lanes *lanes, int64_t checkpoint_id)
{
    const struct lane *lane = lane_find(lanes, LANE_CHECKPOINT, checkpoint_id);

    return lane != NULL && lane->turns.holder == NULL ? end_of(lane) : -1;
}

void lanes_foreign_begin(struct lanes *lanes, struct lanes_foreign *foreign)
{
    CHECK(foreign->lanes == NULL);
    foreign->lanes = lanes;
    lanes->epoch++;
    lanes->n_foreign++;
}

void lanes_foreign_end(struct lanes_foreign *foreign)
{
    if (foreign->lanes != NULL) {
        foreign->lanes->epoch++;
        foreign->lanes->n_foreign--;
        foreign->lanes = NULL;
    }
}
