#include "adapt.h"

enum { PERCENT = 100, MEAN_OF = 16, BASE_OF = 8, STEP_OF = 16, SECOND_US = 1000000 };

static unsigned at_most(unsigned value, unsigned ceiling)
{
    return value < ceiling ? value : ceiling;
}

static unsigned at_least(unsigned value, unsigned floor)
{
    return value > floor ? value : floor;
}

void adapt_init(struct adapt *adapt, unsigned first, unsigned ceiling)
{
    *adapt = (struct adapt){.limit = at_most(first, ceiling),
                            .first = at_most(first, ceiling),
                            .ceiling = ceiling,
                            .hold = ADAPT_HOLD_FIRST,
                            .doubling = true};
}

void adapt_set_ceiling(struct adapt *adapt, unsigned ceiling)
{
    bool was_at_it = adapt->limit == adapt->ceiling && adapt->refused_at == 0;

    adapt->ceiling = ceiling;
    adapt->first = at_most(adapt->first, ceiling);
    adapt->limit = at_most(adapt->limit, ceiling);
    adapt->doubling = adapt->doubling || was_at_it;
}

void adapt_restart(struct adapt *adapt)
{
    uint64_t base_us = adapt->base_us;
    uint64_t pace_us = adapt->pace_us;

    adapt_init(adapt, adapt->first, adapt->ceiling);
    adapt->base_us = base_us;
    adapt->pace_us = pace_us;
}

/* --- latency */
static bool is_slower(uint64_t mean_us, uint64_t base_us, unsigned percent)
{
    return mean_us * PERCENT > base_us * percent + (uint64_t)ADAPT_JITTER_US * PERCENT;
}

/* A lower limit helped if the mean time fell at least half as much as the limit, both in percent. */
static bool lowering_helped(const struct adapt *adapt, uint64_t mean_us)
{
    uint64_t before = adapt->before_limit;
    uint64_t wanted_us = adapt->before_us * (before + adapt->limit) / (2 * before);

    return mean_us <= wanted_us;
}

static void lower(struct adapt *adapt, uint64_t mean_us)
{
    unsigned fits = (unsigned)(adapt->limit * adapt->base_us / mean_us) + 1;
    unsigned lowered = at_least(at_least(fits, adapt->limit / 2), adapt->first);

    if (lowered < adapt->limit) {
        adapt->judging = !adapt->doubling; /* a mean while doubling mixes many limits */
        adapt->before_limit = adapt->limit;
        adapt->before_us = mean_us;
        adapt->limit = lowered;
    }
    adapt->doubling = false;
    adapt->n_good = 0;
}

static void judge(struct adapt *adapt, const struct adapt_window *window)
{
    uint64_t mean_us = window->sum_us / window->n;
    bool crowded = window->sum_active * 2 > (uint64_t)adapt->limit * window->n;
    bool full = window->n_full * 2 > window->n;

    if (adapt->judging && !lowering_helped(adapt, mean_us)) {
        adapt->limit = at_least(adapt->limit, adapt->before_limit);
        adapt->base_us = mean_us;
    }
    adapt->judging = false;
    if (adapt->base_us == 0 || mean_us < adapt->base_us) {
        adapt->base_us = mean_us;
    } else if (!crowded) {
        adapt->base_us += (mean_us - adapt->base_us) / BASE_OF;
    }
    if (is_slower(mean_us, adapt->base_us, ADAPT_SLOW_PERCENT)) {
        if (crowded) {
            lower(adapt, mean_us);
        }
        return;
    }
    if (is_slower(mean_us, adapt->base_us, ADAPT_GROW_PERCENT)) {
        adapt->doubling = adapt->doubling && !full;
        return;
    }
    if (full && !adapt->doubling && adapt->refused_at == 0) {
        adapt->limit = at_most(adapt->limit + at_least(adapt->limit / STEP_OF, 1), adapt->ceiling);
    }
}

/* After a change of the limit the next window counts only calls that begin from now on. */
static void end_window(struct adapt *adapt, uint64_t now_us)
{
    unsigned before = adapt->limit;
    struct adapt_window window = adapt->window;

    judge(adapt, &window);
    adapt->window = (struct adapt_window){.n = 0};
    if (adapt->doubling || adapt->limit != before) {
        adapt->window.began_us = now_us;
    }
}

/* The first window is short: the first calls had the fewest others beside them. */
static unsigned wanted(const struct adapt *adapt)
{
    unsigned n = at_least(adapt->limit, ADAPT_WINDOW_MIN);

    if (adapt->base_us == 0) {
        return ADAPT_WINDOW_MIN;
    }
    return adapt->doubling ? at_most(n, ADAPT_WINDOW_OPEN) : n * 2;
}

static void note_time(struct adapt *adapt, const struct adapt_end *end)
{
    struct adapt_window *window = &adapt->window;
    uint64_t took_us = end->now_us - end->began_us;

    if (adapt->mean_us == 0) {
        adapt->mean_us = took_us;
    } else {
        adapt->mean_us += took_us / MEAN_OF;
        adapt->mean_us -= adapt->mean_us / MEAN_OF;
    }
    if (end->n_active > adapt->limit) {
        window->began_us = end->now_us; /* calls of a higher limit are still under way */
        return;
    }
    if (end->began_us < window->began_us) {
        return;
    }
    if (window->wanted == 0) {
        window->wanted = wanted(adapt);
    }
    window->n++;
    window->sum_us += took_us;
    window->sum_active += end->n_active;
    window->n_full += end->full ? 1 : 0;
    if (window->n >= window->wanted) {
        end_window(adapt, end->now_us);
    }
}

/* --- refusals */
static bool at_edge(const struct adapt *adapt)
{
    return adapt->refused_at != 0 && adapt->limit + 1 >= adapt->refused_at;
}

/* False where nothing was refused and the doubling is over: then latency decides (judge). */
static bool may_grow(struct adapt *adapt, uint64_t now_us)
{
    uint64_t hold_us = (uint64_t)adapt->hold * ADAPT_HOLD_FIRST_S * SECOND_US / ADAPT_HOLD_FIRST;

    if (adapt->doubling || adapt->refused_at == 0) {
        return adapt->doubling;
    }
    adapt->n_good++;
    if (adapt->edge_us == 0) {
        adapt->edge_us = now_us;
    }
    if (!at_edge(adapt)) {
        return adapt->n_good >= adapt->limit;
    }
    return adapt->n_good >= adapt->hold || now_us - adapt->edge_us >= hold_us;
}

static void grow(struct adapt *adapt)
{
    adapt->n_good = 0;
    adapt->n_quiet = 0;
    if (at_edge(adapt)) {
        adapt->edge_us = 0;
        if (adapt->limit >= adapt->refused_at) {
            adapt->refused_at = 0; /* no refusal came at the limit that was refused before */
            adapt->hold = ADAPT_HOLD_FIRST;
            adapt->doubling = true;
        }
    }
    adapt->limit = at_most(adapt->limit + 1, adapt->ceiling);
}

static bool is_usual(const struct adapt *adapt)
{
    return adapt->lowered_from == 0 && adapt->usual_share > 0;
}

/* The limit is half of what it was, or 1, and the platform refuses as many calls as before: so the refusals
 * have another cause than the number of calls. */
static bool lowering_was_for_nothing(const struct adapt *adapt, unsigned share)
{
    bool is_low = adapt->limit == 1 || adapt->limit * 2 <= adapt->lowered_from;

    return is_low && share > 0 && share <= ADAPT_SHARE_FEW && share * 2 >= adapt->usual_share;
}

static void end_share(struct adapt *adapt)
{
    unsigned share = adapt->n_refused;

    adapt->n_ends = 0;
    adapt->n_refused = 0;
    if (adapt->lowered_from == 0) {
        adapt->usual_share = share > 2 * adapt->usual_share + 2 ? 0 : adapt->usual_share;
    } else if (adapt->usual_share == 0 && share > 0) {
        adapt->usual_share = share;
    } else if (lowering_was_for_nothing(adapt, share)) {
        adapt->limit = at_most(adapt->lowered_from, adapt->ceiling);
        adapt->refused_at = 0;
        adapt->lowered_from = 0;
        adapt->usual_share = share;
    } else if (share * 2 < adapt->usual_share || share == 0) {
        adapt->lowered_from = 0; /* it helped */
        adapt->usual_share = 0;
    }
}

static void note_share(struct adapt *adapt, bool refused)
{
    adapt->n_refused += refused ? 1 : 0;
    if (++adapt->n_ends >= ADAPT_SHARE_OF) {
        end_share(adapt);
    }
}

void adapt_note_good(struct adapt *adapt, const struct adapt_end *end)
{
    adapt->n_quiet += adapt->n_quiet < UINT32_MAX ? 1 : 0;
    note_share(adapt, false);
    if (end->full && end->n_active <= adapt->limit && may_grow(adapt, end->now_us)) {
        grow(adapt);
    }
    if (end->timed) {
        note_time(adapt, end);
    }
}

/* --- without answers */
bool adapt_is_open(const struct adapt *adapt)
{
    return adapt->doubling && adapt->refused_at == 0 && adapt->limit < adapt->ceiling;
}

void adapt_note_connected(struct adapt *adapt, uint64_t took_us)
{
    uint64_t pace_us = 2 * took_us; /* a round trip, and as long for the platform's work */

    adapt->pace_us = pace_us > ADAPT_PACE_MIN_US ? pace_us : ADAPT_PACE_MIN_US;
}

bool adapt_note_waiting(struct adapt *adapt, uint64_t now_us)
{
    bool slower =
        adapt->base_us > 0 && is_slower(adapt->mean_us, adapt->base_us, ADAPT_GROW_PERCENT);

    if (!adapt_is_open(adapt) || adapt->pace_us == 0 || slower) {
        return false;
    }
    if (adapt->paced_us == 0) {
        adapt->paced_us = now_us;
    }
    if (now_us - adapt->paced_us < adapt->pace_us) {
        return false;
    }
    adapt->paced_us = now_us;
    adapt->limit = at_most(adapt->limit * 2, adapt->ceiling);
    return true;
}

/* True: this edge was not known before. */
static bool move_edge(struct adapt *adapt, unsigned refused_at)
{
    bool known = adapt->refused_at == refused_at;

    adapt->hold = known ? at_most(adapt->hold * 2, ADAPT_HOLD_MAX) : ADAPT_HOLD_FIRST;
    adapt->refused_at = refused_at;
    adapt->edge_us = 0;
    return !known;
}

bool adapt_note_refused(struct adapt *adapt, unsigned n_others)
{
    unsigned limit = at_most(n_others, adapt->limit > 1 ? adapt->limit - 1 : 1);
    bool lone = adapt->n_quiet >= 2 * adapt->limit + ADAPT_QUIET_MIN;

    adapt->n_quiet = 0;
    note_share(adapt, true);
    if (lone || is_usual(adapt)) {
        return false;
    }
    if (adapt->lowered_from == 0) {
        adapt->lowered_from = adapt->limit;
    }
    adapt->limit = at_least(at_least(limit, adapt->limit / 2), 1);
    adapt->doubling = false;
    adapt->judging = false;
    adapt->n_good = 0;
    adapt->window = (struct adapt_window){.n = 0};
    return move_edge(adapt, adapt->limit + 1);
}
