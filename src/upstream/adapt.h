/* How many calls one credential may have on the wire: found out, since the platform tells nobody.
 * Pure: the caller brings times and ends.
 *
 * - The limit doubles from `first` for as long as more calls at once are not slower (slow start): with the
 *   answers; and where calls wait, without them as well, each time that a refusal would have come by now.
 *   How soon one can come the time says that a connection took. A platform that takes a second for an
 *   answer would else hold up its callers for ten.
 * - A refusal (429, 503) says that what is still under way is the most that the platform takes. From
 *   then on the limit grows by one in as many good answers as it counts, and past the place of the
 *   refusal only after ADAPT_HOLD_FIRST of them, or ADAPT_HOLD_FIRST_S; twice as many, or twice as
 *   long, each time that the place proves true. A lone refusal after many good answers (some platforms
 *   fail now and then) changes nothing. Nor does a platform that fails more often: where half of the
 *   limit is refused as often as the whole was, the refusals have another cause, and the limit is put
 *   back. They count again when there are twice as many.
 * - Latency is compared as means of windows, never as single calls: calls differ by themselves. Where
 *   the mean grew past ADAPT_SLOW_PERCENT of the fastest window's while the limit was in use, the
 *   limit is lowered. If that does not make the answers faster, the platform is slower by itself: the
 *   limit is put back, and the new mean is what later ones are compared with. */
#ifndef UPSTREAM_ADAPT_H
#define UPSTREAM_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ADAPT_HOLD_FIRST = 512,
    ADAPT_HOLD_FIRST_S = 10,
    ADAPT_HOLD_MAX = 8192,
    ADAPT_QUIET_MIN =
        32, /* a refusal is a lone one after so many good answers and two limits more */
    ADAPT_WINDOW_MIN =
        24, /* ends that a mean is made of at least; of two limits once it is steady */
    ADAPT_WINDOW_OPEN = 256, /* at most, while the limit doubles */
    ADAPT_GROW_PERCENT = 115,
    ADAPT_SLOW_PERCENT = 130,
    ADAPT_SHARE_OF = 128, /* ends that a share of refusals is taken of */
    ADAPT_SHARE_FEW = 32, /* at most so many of them are failures now and then: more are overload */
    ADAPT_PACE_MIN_US = 10000, /* at least, between two doublings without answers */
    ADAPT_JITTER_US = 1000     /* differences below this are ours, not the platform's */
};

struct adapt_window {
    uint64_t began_us; /* counts calls that began later */
    uint64_t sum_us;
    uint64_t sum_active;
    unsigned wanted; /* ends; 0: not begun */
    unsigned n;
    unsigned n_full; /* ends at which the limit was used up */
};

struct adapt {
    unsigned limit;
    unsigned first; /* latency alone does not lower the limit below this */
    unsigned ceiling;
    unsigned refused_at; /* so many at once were refused; 0: never */
    unsigned hold;
    unsigned n_good;  /* good ends since the limit changed, counted while refused_at is known */
    unsigned n_quiet; /* good ends since the limit grew or something was refused */
    uint64_t edge_us; /* when the place was found; 0: with the next good end */
    bool doubling;
    bool judging;          /* the limit was lowered from `before` because of latency */
    unsigned before_limit; /* and this was the mean then */
    uint64_t before_us;
    uint64_t base_us;  /* mean of a window without crowding; 0: none yet */
    uint64_t mean_us;  /* of the last good ends, for estimates; 0: none yet */
    uint64_t pace_us;  /* between two doublings without answers; 0: no connection was made yet */
    uint64_t paced_us; /* the last such doubling, or since when calls wait */
    struct adapt_window window;
    unsigned n_ends;       /* of the share that is being counted: refusals in ADAPT_SHARE_OF ends */
    unsigned n_refused;    /* among them */
    unsigned lowered_from; /* the limit before refusals began to lower it; 0: they do not */
    unsigned
        usual_share; /* while they lower it: the share at the beginning; else: up to twice this share they
                            * say nothing. 0: not known yet; or all count */
};

struct adapt_end {
    uint64_t began_us;
    uint64_t now_us;
    unsigned n_active; /* this one included */
    bool full;         /* the limit was used up, or somebody waits */
    bool timed;        /* its time is one to compare with: of a whole answer, without connecting */
};

void adapt_init(struct adapt *adapt, unsigned first, unsigned ceiling);
void adapt_set_ceiling(struct adapt *adapt, unsigned ceiling);
/* An answer that is neither a refusal nor a failure. */
void adapt_note_good(struct adapt *adapt, const struct adapt_end *end);
/* A connection stood after `took_us`. */
void adapt_note_connected(struct adapt *adapt, uint64_t took_us);
/* A call waits because the limit is used up. True: the limit has grown. */
bool adapt_note_waiting(struct adapt *adapt, uint64_t now_us);
/* Calls that wait may make it grow: nothing has spoken against it yet. */
bool adapt_is_open(const struct adapt *adapt);
/* 429 or 503; n_others: what else is under way. True: it says something that was not known. */
bool adapt_note_refused(struct adapt *adapt, unsigned n_others);
/* The platform was away: what was known about its limit is forgotten. */
void adapt_restart(struct adapt *adapt);

#endif
