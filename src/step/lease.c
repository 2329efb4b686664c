/* Lanes of several processes: the lease of a lane, and what goes with it to its next holder. */
#include "base/clock.h"
#include "lane_internal.h"

enum { NAME_MAX_BYTES = 100, TOLD_IDS_MAX = 4000 };

static const char KINDS[] = {[LANE_CHECKPOINT] = 'c', [LANE_LIBRARY] = 'l'};

void lanes_share(struct lanes *lanes, const struct lanes_shared *shared)
{
    lanes->keeps = shared->keeps;
    lanes->deadlines = shared->deadlines;
    str_copy(lanes->scope, sizeof(lanes->scope), shared->scope);
}

void lanes_configure_share(struct lanes *lanes, unsigned call_ms, bool strict)
{
    lanes->call_ms = call_ms;
    lanes->strict = strict;
}

/* --- names of leases: lane:<scope>:c<id> */
static void write_name(const struct lane *lane, struct buf *out)
{
    buf_text(out, "lane:");
    buf_text(out, lane->lanes->scope);
    buf_char(out, ':');
    buf_char(out, KINDS[lane->key[0]]);
    buf_int(out, lane->key[1]);
}

static struct lane *lane_named(const struct lanes *lanes, struct str name)
{
    size_t at = str_behind_last(name, ':');
    int64_t id;

    if (!str_to_i64(str_sub(name, at + 1, name.len), 0, INT64_MAX, &id)) {
        return NULL;
    }
    return lane_find(lanes, name.ptr[at] == KINDS[LANE_LIBRARY] ? LANE_LIBRARY : LANE_CHECKPOINT,
                     id);
}

/* --- what goes to the next holder: "1 <age of the count> <number of ids> <first id> <differences>" */
static void write_knowledge(const struct lane *lane, struct buf *out)
{
    int64_t last = 0;

    if (!lane_is_known(lane) || lane->n_ids > TOLD_IDS_MAX) {
        return;
    }
    buf_text(out, "1 ");
    buf_int(out, (int64_t)(clock_now_ms() - lane->since.ms));
    buf_char(out, ' ');
    buf_int(out, (int64_t)lane->n_ids);
    for (size_t i = 0; i < lane->n_ids; i++) {
        buf_char(out, ' ');
        buf_int(out, lane->ids[i] - last);
        last = lane->ids[i];
    }
}

static bool next_number(struct str *rest, int64_t max, int64_t *out)
{
    struct str word;

    return str_next(rest, ' ', &word) && str_to_i64(word, 0, max, out);
}

/* False: the text is of no use. */
static bool read_knowledge(struct lane *lane, struct str text, uint64_t passed_ms)
{
    int64_t format;
    int64_t age_ms;
    int64_t n;
    int64_t id = 0;
    int64_t more;

    if (passed_ms > LANE_TRUST_MS || !next_number(&text, 1, &format) || format != 1 ||
        !next_number(&text, LANE_TRUST_MS, &age_ms) || !next_number(&text, TOLD_IDS_MAX, &n) ||
        !lane_make_room(lane, (size_t)n)) {
        return false;
    }
    lane->n_ids = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!next_number(&text, INT64_MAX - id, &more) || (more == 0 && i > 0)) {
            return false;
        }
        id += more;
        lane->ids[lane->n_ids++] = id;
    }
    lane->since = lanes_now(lane->lanes);
    lane->since.ms -= (uint64_t)age_ms + passed_ms;
    lane->end = n;
    lane->known = true;
    lane->complete = n > 0 || !lane->had_steps;
    lane->had_steps = lane->had_steps || n > 0;
    return str_trim(text).len == 0;
}

/* --- the lease */
static void on_release(void *context, struct str name, struct buf *out)
{
    struct lane *lane = lane_named(context, name);

    if (lane != NULL) {
        if (lane->uncertain_ms == 0) {
            write_knowledge(lane, out);
        }
        lane->fence = 0;
        lane_forget(lane);
    }
}

static void on_lost(void *context, struct str name)
{
    struct lane *lane = lane_named(context, name);

    if (lane != NULL) {
        lane->fence = 0;
        lane_forget(lane);
    }
}

static const struct keep_kind kind = {.on_release = on_release, .on_lost = on_lost};

static void on_waited(struct deadline *deadline)
{
    struct lane_ticket *ticket = CONTAINER_OF(deadline, struct lane_ticket, wait);

    ticket->on_turn(ticket);
}

/* For the first ticket under a new lease. If the last holder did not let the lease go, all tickets wait for a step that
 * the holder may have sent. */
static void begin_lease(struct lane_ticket *ticket)
{
    struct lane *lane = ticket->lane;
    uint64_t passed_ms;
    struct str left = keep_left(&ticket->lease, &passed_ms);

    lane->fence = ticket->lease.fence;
    lane->takeover_ms = 0;
    lane_forget(lane);
    if (keep_is_orderly(&ticket->lease)) {
        if (!read_knowledge(lane, left, passed_ms)) {
            lane_forget(lane);
        }
        return;
    }
    lane->uncertain_ms = clock_age_ms() + lane->lanes->call_ms;
    lane->takeover_ms = clock_age_ms() + LANE_TAKEOVER_MS;
}

static bool is_ready(struct lane_ticket *ticket)
{
    struct lane *lane = ticket->lane;

    if (lane->uncertain_ms != 0 && clock_age_ms() >= lane->uncertain_ms) {
        lane->uncertain_ms = 0; /* what was on its way has arrived: counted once more */
        lane_forget(lane);
    }
    if (lane->fence != ticket->lease.fence) {
        begin_lease(ticket);
    }
    if (lane->takeover_ms >
        clock_age_ms()) { /* also when the ticket that took the lease has left */
        deadline_set(lane->lanes->deadlines, &ticket->wait, lane->takeover_ms - clock_age_ms(),
                     on_waited);
        return false;
    }
    return true;
}

static void on_leased(struct keep_user *lease, const struct error *error)
{
    struct lane_ticket *ticket = CONTAINER_OF(lease, struct lane_ticket, lease);
    const struct lanes *lanes = ticket->lane->lanes;

    if (error == NULL) {
        if (is_ready(ticket)) {
            ticket->on_turn(ticket);
        }
        return;
    }
    lane_forget(ticket->lane);
    ticket->lane->fence = 0;
    ticket->refusal = error->code == ERR_STORE_AWAY && !lanes->strict ? NULL : error;
    ticket->on_turn(ticket); /* which may end the ticket */
}

bool lane_lease(struct lane_ticket *ticket)
{
    struct lane *lane = ticket->lane;
    struct lanes *lanes = lane->lanes;
    char room[NAME_MAX_BYTES];
    struct buf name;
    bool now;

    buf_init_on(&name, room, sizeof(room), NAME_MAX_BYTES);
    write_name(lane, &name);
    now = keep_enter(lanes->keeps, buf_view(&name), &kind, lanes, &ticket->lease, on_leased);
    buf_done(&name);
    return now && is_ready(ticket);
}

bool lane_may_send(const struct lane_ticket *ticket)
{
    const struct lanes *lanes = ticket->lane != NULL ? ticket->lane->lanes : NULL;

    if (lanes == NULL || lanes->keeps == NULL) {
        return true;
    }
    if (!ticket->lease.uses) { /* the store was away when it was asked */
        return !lanes->strict;
    }
    return keep_lasts(&ticket->lease, LANE_SEND_MARGIN_MS) ||
           (!lanes->strict && keep_is_alone(&ticket->lease));
}
