/* The ways that a call can go, and which of them the platform offers (include/plan/offers.h). */
#include "plan_internal.h"

#include "base/check.h"

enum { STATUS_NOT_FOUND = 404, STATUS_NOT_ALLOWED = 405, STATUS_NOT_IMPLEMENTED = 501 };

enum offer offer_of(const struct offers *offers, const struct call *way)
{
    CHECK(way->route < OFFERS_MAX);
    return offers != NULL ? (enum offer)offers->of[way->route] : OFFER_UNKNOWN;
}

void offer_set(struct offers *offers, const struct call *way, enum offer offer)
{
    CHECK(way->route < OFFERS_MAX);
    if (offers != NULL && offers->of[way->route] != (uint8_t)offer) {
        offers->of[way->route] = (uint8_t)offer;
        offers->n_changes++;
    }
}

/* --- choosing */

static bool can_go(const struct plan *plan, const struct plan_row *row, const struct call *way)
{
    const char *needs = way->spec->needs;

    return needs == NULL || row_value(plan, row, needs) != NULL;
}

/* Of the ways that were not tried for this call: the first that is offered, else the first that is
 * unknown, else the first that is not offered. NULL: all were tried. */
const struct call *way_of(const struct plan *plan, const struct plan_row *row,
                          const struct call *call)
{
    static const enum offer order[] = {OFFER_YES, OFFER_UNKNOWN, OFFER_NO};

    if (call->or_else == NULL) {
        return plan->ways_refused == 0 ? call : NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        uint32_t bit = 1;

        for (const struct call *way = call; way != NULL; way = way->or_else, bit <<= 1) {
            if ((plan->ways_refused & bit) == 0 && can_go(plan, row, way) &&
                offer_of(plan->port->offers, way) == order[i]) {
                return way;
            }
        }
    }
    return NULL;
}

void ways_begin(struct plan *plan)
{
    const struct plan_row *row = &plan->rows[plan->at];

    plan->ways = row_sends(row);
    plan->way = way_of(plan, row, plan->ways);
    CHECK(plan->way != NULL);
}

void ways_forget(struct plan *plan)
{
    plan->ways = NULL;
    plan->way = NULL;
    plan->ways_refused = 0;
    plan->way_error = NULL;
}

/* --- what an answer shows */

static void set_all(struct plan *plan, uint32_t bits, enum offer offer)
{
    uint32_t bit = 1;

    for (const struct call *way = plan->ways; way != NULL; way = way->or_else, bit <<= 1) {
        if ((bits & bit) != 0) {
            offer_set(plan->port->offers, way, offer);
        }
    }
}

void way_answered(struct plan *plan)
{
    if (plan->ways->or_else == NULL) {
        return;
    }
    set_all(plan, plan->ways_refused, OFFER_NO);
    offer_set(plan->port->offers, plan->way, OFFER_YES);
}

/* True: the platform has no such route. It has done nothing then, so a create may go another way, too. A
 * 404 in JSON may be about the thing that was asked for, so it says little about a route, and nothing
 * about one that has answered before. */
static bool is_no_route(const struct plan *plan, const struct plan_row *row,
                        const struct error *err)
{
    bool offered = offer_of(plan->port->offers, plan->way) == OFFER_YES;
    bool reads = plan->way->spec->class == CALL_READ;

    switch (err->upstream_status) {
    case STATUS_NOT_ALLOWED:
    case STATUS_NOT_IMPLEMENTED:
        return true;
    case STATUS_NOT_FOUND:
        return row->answer == NULL || (reads && !offered);
    default:
        return reads && !offered && err->code == ERR_UPSTREAM_SHAPE;
    }
}

/* A refusal about the thing that was asked for replaces one about a route. */
static void keep_error(struct plan *plan, const struct plan_row *row, const struct error *err)
{
    bool is_word = row->answer != NULL && err->code == ERR_UPSTREAM_REFUSED;

    if (plan->way_error == NULL) {
        plan->way_error = arena_zalloc(plan->arena, sizeof(*plan->way_error));
        *plan->way_error = *err;
    } else if (is_word) {
        *plan->way_error = *err;
    }
}

static uint32_t bit_of(const struct plan *plan)
{
    uint32_t bit = 1;

    for (const struct call *way = plan->ways; way != plan->way; way = way->or_else) {
        bit <<= 1;
    }
    return bit;
}

bool way_refused(struct plan *plan, struct error *err)
{
    struct plan_row *row = &plan->rows[plan->at];
    const struct call *next;

    if (plan->ways->or_else == NULL || plan->stop_asked || !is_no_route(plan, row, err)) {
        return false;
    }
    if (offer_of(plan->port->offers, plan->way) == OFFER_YES) {
        set_all(plan, UINT32_MAX, OFFER_UNKNOWN); /* the platform has changed */
    }
    keep_error(plan, row, err);
    plan->ways_refused |= bit_of(plan);
    next = way_of(plan, row, plan->ways);
    if (next == NULL) {
        *err = *plan->way_error;
        row->http_status = err->upstream_status;
        return false;
    }
    upstream_note_undecided(&plan->upstream_call); /* the last way says how the platform is */
    plan->way = next;
    return true;
}
