/* What the files of lanes share. */
#ifndef STEP_LANE_INTERNAL_H
#define STEP_LANE_INTERNAL_H

#include "base/lru.h"
#include "step/lane.h"

struct lane {
    struct lru_entry lru; /* key: `key`. Held while a ticket is in the lane */
    struct lanes *lanes;
    struct turns turns;
    int64_t key[2];           /* kind, id */
    bool known;               /* `end` is known, by a count */
    bool complete;            /* `ids` are all of them */
    bool had_steps;           /* so far as this process has seen, at any time */
    struct lane_moment since; /* when the count began */
    int64_t end;
    int64_t *ids;
    size_t n_ids;
    size_t cap_ids;
    uint64_t fence; /* of the lease under which all this is known; 0: of none */
    /* by clock_age_ms; 0: no. Until then a step of another process may appear: */
    uint64_t uncertain_ms;
    uint64_t takeover_ms; /* and until then no ticket goes on */
};

struct lanes {
    struct lru by_key;
    struct later *later;
    unsigned max_queue;
    size_t n_ids;   /* room for ids in all lanes */
    uint64_t epoch; /* counts foreign changes (lanes_foreign) */
    unsigned n_foreign;
    struct keeps *keeps; /* NULL: this process only */
    struct deadlines *deadlines;
    char scope[LANE_SCOPE_MAX + 1];
    unsigned call_ms;
    bool strict;
};

/* --- lane.c */
struct lane *lane_find(const struct lanes *lanes, enum lane_kind kind, int64_t id);
void lane_forget(struct lane *lane);
bool lane_make_room(struct lane *lane, size_t n);
/* True: the lane knows every step of its checkpoint, and nobody else has changed them since. */
bool lane_is_known(const struct lane *lane);
int lane_compare_ids(const void *a, const void *b); /* of steps, for qsort */

/* --- lease.c */
/* True: the ticket may go on now; else on_turn comes. */
bool lane_lease(struct lane_ticket *ticket);

#endif
