/* A hierarchical timing wheel. Level 0 has a slot for each of the next 64 ms, level 1 one for each
 * 64 ms beyond, and so on: the level of a deadline is the highest group of six bits in which its
 * time differs from the wheel's. A slot of a higher level is dealt out again when its time comes, so
 * each deadline moves at most once a level, and setting and clearing cost the same however many
 * deadlines there are.
 *
 *   level 1  | 0..63 | 64..127 | 128..191 | …        (bits 6 to 11 of the time)
 *   level 0  | 0 | 1 | 2 | … | 63 |                  (bits 0 to 5)
 *
 * `occupied` says which slots may hold something. A cleared deadline leaves its bit behind: the slot
 * is then found empty once. */
#include "base/deadline.h"

#include "base/clock.h"

enum { LEVEL_BITS = DEADLINE_LEVEL_BITS, SLOT_MASK = DEADLINE_SLOTS - 1 };

/* The longest wait: its time must not differ from the wheel's in more bits than the levels have. */
#define WAIT_MAX_MS (UINT64_C(1) << (LEVEL_BITS * (DEADLINE_LEVELS - 1)))

void deadlines_init(struct deadlines *deadlines)
{
    *deadlines = (struct deadlines){.now_ms = clock_now_ms()};
    for (size_t level = 0; level < DEADLINE_LEVELS; level++) {
        for (size_t slot = 0; slot < DEADLINE_SLOTS; slot++) {
            list_init(&deadlines->slots[level][slot]);
        }
    }
    list_init(&deadlines->overdue);
}

static unsigned level_of(uint64_t at_ms, uint64_t now_ms)
{
    uint64_t differs = at_ms ^ now_ms;
    unsigned level = differs == 0 ? 0 : (unsigned)(63 - __builtin_clzll(differs)) / LEVEL_BITS;

    return level < DEADLINE_LEVELS ? level : DEADLINE_LEVELS - 1;
}

static void place(struct deadlines *deadlines, struct deadline *deadline)
{
    unsigned level;
    unsigned slot;

    if (deadline->at_ms <= deadlines->now_ms) {
        list_append(&deadlines->overdue, &deadline->link);
        return;
    }
    level = level_of(deadline->at_ms, deadlines->now_ms);
    slot = (unsigned)(deadline->at_ms >> (level * LEVEL_BITS)) & SLOT_MASK;
    list_append(&deadlines->slots[level][slot], &deadline->link);
    deadlines->occupied[level] |= UINT64_C(1) << slot;
}

/* The first slot that may hold something, and when its time begins. False: there is none. */
static bool next_slot(const struct deadlines *deadlines, unsigned *out_level, unsigned *out_slot,
                      uint64_t *out_at_ms)
{
    for (unsigned level = 0; level < DEADLINE_LEVELS; level++) {
        unsigned shift = level * LEVEL_BITS;
        unsigned at = (unsigned)(deadlines->now_ms >> shift) & SLOT_MASK;
        /* Slots up to the wheel's own place are empty: their times are over, or their deadlines stand
         * in a higher level. */
        uint64_t ahead = deadlines->occupied[level] & ~((UINT64_C(2) << at) - 1);

        if (ahead != 0) {
            *out_level = level;
            *out_slot = (unsigned)__builtin_ctzll(ahead);
            *out_at_ms = (((deadlines->now_ms >> shift) & ~(uint64_t)SLOT_MASK) | *out_slot)
                         << shift;
            return true;
        }
    }
    return false;
}

/* Turns the wheel to now_ms; deadlines that are due move to `due`, in the order of their times. */
static void turn(struct deadlines *deadlines, uint64_t now_ms, struct list *due)
{
    unsigned level;
    unsigned slot;
    uint64_t at_ms;

    while (next_slot(deadlines, &level, &slot, &at_ms) && at_ms <= now_ms) {
        struct list *link;

        deadlines->now_ms = at_ms;
        deadlines->occupied[level] &= ~(UINT64_C(1) << slot);
        while ((link = list_take_first(&deadlines->slots[level][slot])) != NULL) {
            struct deadline *deadline = CONTAINER_OF(link, struct deadline, link);

            if (deadline->at_ms <= at_ms) {
                list_append(due, link);
            } else {
                place(deadlines, deadline);
            }
        }
    }
    deadlines->now_ms = now_ms > deadlines->now_ms ? now_ms : deadlines->now_ms;
}

/* A deadline that a callback sets comes in the next run, even without a wait. */
size_t deadlines_run(struct deadlines *deadlines, uint64_t now_ms)
{
    return deadlines_run_some(deadlines, now_ms, SIZE_MAX);
}

/* Moves all of `from` to the front of `to`, in order, at the same cost for any number. */
static void put_in_front(struct list *from, struct list *to)
{
    if (!list_is_empty(from)) {
        from->prev->next = to->next;
        to->next->prev = from->prev;
        to->next = from->next;
        from->next->prev = to;
        list_init(from);
    }
}

size_t deadlines_run_some(struct deadlines *deadlines, uint64_t now_ms, size_t max)
{
    struct list due;
    struct list *link;
    size_t n = 0;

    list_init(&due);
    put_in_front(&deadlines->overdue, &due);
    turn(deadlines, now_ms, &due);
    while (n < max && (link = list_take_first(&due)) != NULL) {
        struct deadline *deadline = CONTAINER_OF(link, struct deadline, link);

        if (deadline->at_ms > now_ms) { /* it was set while the clock was behind the wheel */
            list_append(&deadlines->overdue, link);
            continue;
        }
        n++;
        deadline->on_expire(deadline);
    }
    put_in_front(&due, &deadlines->overdue); /* before what callbacks have set meanwhile */
    return n;
}

bool deadlines_is_empty(const struct deadlines *deadlines)
{
    for (size_t level = 0; level < DEADLINE_LEVELS; level++) {
        for (size_t slot = 0; slot < DEADLINE_SLOTS; slot++) {
            if (!list_is_empty(&deadlines->slots[level][slot])) {
                return false;
            }
        }
    }
    return list_is_empty(&deadlines->overdue);
}

uint64_t deadlines_next_ms(const struct deadlines *deadlines)
{
    uint64_t at_ms = UINT64_MAX;
    unsigned level;
    unsigned slot;
    struct deadline *deadline;

    if (!next_slot(deadlines, &level, &slot, &at_ms)) {
        at_ms = UINT64_MAX;
    }
    LIST_EACH (deadline, &deadlines->overdue, link) {
        uint64_t own_ms = deadline->at_ms;

        at_ms = own_ms < at_ms ? own_ms : at_ms;
    }
    return at_ms;
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t wait_ms,
                  deadline_fn on_expire)
{
    /* With on_sooner deadlines are exact to the millisecond, so the wait counts from now. */
    uint64_t now_ms = deadlines->on_sooner != NULL ? clock_now_ms() : clock_turn_ms();

    list_remove(&deadline->link);
    deadline->at_ms = now_ms + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
    deadline->on_expire = on_expire;
    place(deadlines, deadline);
    if (deadline->at_ms < deadlines->wake_ms) {
        deadlines->on_sooner(deadlines, deadline->at_ms);
    }
}

void deadline_clear(struct deadline *deadline)
{
    list_remove(&deadline->link);
}

bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->link.next != NULL;
}
