/* Rows that bear with a platform that is away. */
#include "base/clock.h"
#include "plan_internal.h"

enum {
    AWAY_FIRST_MS = 1000,
    AWAY_DOUBLINGS = 3, /* then every 8 s, about as the vendor's tool */
    ENDS_WITHIN_MS = 100
};

/* Faults that pass by themselves: no connection to the platform, or it is busy. */
static bool is_passing(enum error_code code)
{
    return code == ERR_UPSTREAM_CONNECT || code == ERR_UPSTREAM_AWAY ||
           code == ERR_UPSTREAM_RESET || code == ERR_UPSTREAM_TIMEOUT ||
           code == ERR_UPSTREAM_ERROR || code == ERR_UPSTREAM_SHAPE || code == ERR_RATE_LIMITED ||
           code == ERR_OVERLOADED;
}

/* True: the call ended by the time of the plan, which says nothing of the platform. */
static bool is_cut_off(const struct plan *plan, const struct error *err)
{
    unsigned left_ms = 0;

    return err->code == ERR_UPSTREAM_TIMEOUT && plan->options.deadline_ms > 0 &&
           (plan_is_over_time(plan, &left_ms) || left_ms < ENDS_WITHIN_MS);
}

static void note_away(struct plan *plan, const struct error *err)
{
    if (plan->away == NULL) {
        plan->away = arena_alloc(plan->arena, sizeof(*plan->away));
    }
    *plan->away = *err;
    plan->n_away += plan->n_away < AWAY_DOUBLINGS ? 1 : 0;
}

/* A row with patience is asked again, later and later, while the platform is away. */
bool plan_outlives(struct plan *plan, const struct error *err)
{
    const struct plan_row *row = &plan->rows[plan->at];
    uint64_t delay_ms = (uint64_t)AWAY_FIRST_MS << plan->n_away;

    if (row->patience_ms == 0 || plan->stop_asked || row_sends(row)->spec->class != CALL_READ ||
        !is_passing(err->code)) {
        return false;
    }
    if (plan->n_away == 0) {
        plan->away_ms = clock_now_ms();
    }
    if ((uint64_t)err->retry_after_s * 1000 > delay_ms) {
        delay_ms = (uint64_t)err->retry_after_s * 1000;
    }
    if (clock_now_ms() - plan->away_ms + delay_ms > row->patience_ms ||
        (row->limit_ms != 0 &&
         clock_now_ms() - plan->row_begin_us / 1000 + delay_ms > row->limit_ms)) {
        return false;
    }
    if (!is_cut_off(plan, err)) {
        note_away(plan, err);
    }
    plan->n_polls++;
    plan_run_in(plan, delay_ms);
    return true;
}
