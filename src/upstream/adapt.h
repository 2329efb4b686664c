/* How many calls one credential may have on the wire. The platform does not publish its limit, so it is
 * found by trying. Pure: the caller brings times and ends of calls.
 *
 * - The limit doubles from `first` for as long as more calls at once are not slower (slow start). It grows
 *   with the answers. Where calls wait it also doubles before any answer, each time that a refusal would have
 *   come by now; that time is estimated from how long a connection took. Else a platform that takes a second
 *   for an answer would hold up its callers for ten.
 * - After a refusal (429, 503) the number of calls that are still under way is taken as the limit. From then
 *   on the limit L grows by one after L good answers. To the number of calls that was refused (the edge), and
 *   past it, it grows only after ADAPT_HOLD_FIRST good answers, or ADAPT_HOLD_FIRST_S seconds; both double
 *   each time that the same edge is refused again. A lone refusal after many good answers (some platforms
 *   fail now and then) changes nothing. Nor does a platform that fails more often: where half of the limit is
 *   refused as often as the whole was, the refusals have another cause, and the limit is put back. Refusals
 *   count again when there are twice as many.
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
    ADAPT_QUIET_MIN = 32, /* a refusal is a lone one after so many good answers + twice the limit */
    ADAPT_WINDOW_MIN =
        24, /* the fewest ends for a mean; once the limit is steady: twice the limit */
    ADAPT_WINDOW_OPEN = 256, /* the most ends for a mean while the limit doubles */
    ADAPT_GROW_PERCENT = 115,
    ADAPT_SLOW_PERCENT = 130,
    ADAPT_SHARE_OF = 128,      /* ends that a share of refusals is taken of */
    ADAPT_SHARE_FEW = 32,      /* up to so many refusals may be chance: more are overload */
    ADAPT_PACE_MIN_US = 10000, /* the shortest time between two doublings without answers */
    ADAPT_JITTER_US = 1000     /* differences below this are ours, not the platform's */
};

struct adapt_window {
    uint64_t began_us; /* only calls that began later are counted */
    uint64_t sum_us;
    uint64_t sum_active;
    unsigned wanted; /* ends until the window is judged; 0: not begun */
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
    uint64_t edge_us; /* when the edge was found; 0: set by the next good end */
    bool doubling;
    bool judging;          /* the limit was lowered because of latency */
    unsigned before_limit; /* the limit before that */
    uint64_t before_us;    /* the mean before that */
    uint64_t base_us;      /* mean of a window without crowding; 0: none yet */
    uint64_t mean_us;      /* of the last good ends, for estimates; 0: none yet */
    uint64_t pace_us;      /* between two doublings without answers; 0: no connection yet */
    uint64_t paced_us;     /* the last such doubling; before the first: since when calls wait */
    struct adapt_window window;
    unsigned n_ends;       /* counted so far for the share: refusals in ADAPT_SHARE_OF ends */
    unsigned n_refused;    /* among these ends */
    unsigned lowered_from; /* the limit before refusals lowered it; 0: they did not */
    /* While refusals lower the limit: the first share that was counted; 0: none yet. Otherwise refusals up to
     * twice this share are ignored; 0: all count. */
    unsigned usual_share;
};

struct adapt_end {
    uint64_t began_us;
    uint64_t now_us;
    unsigned n_active; /* this call included */
    bool full;         /* the limit was used up */
    bool timed;        /* its time is comparable: of a whole answer, without connecting */
};

void adapt_init(struct adapt *adapt, unsigned first, unsigned ceiling);
void adapt_set_ceiling(struct adapt *adapt, unsigned ceiling);
/* An answer came with any status but 429 and 503. */
void adapt_note_good(struct adapt *adapt, const struct adapt_end *end);
/* A connection was made in `took_us`. */
void adapt_note_connected(struct adapt *adapt, uint64_t took_us);
/* A call waits because the limit is used up. True: the limit has grown. */
bool adapt_note_waiting(struct adapt *adapt, uint64_t now_us);
/* True: the limit may still double while calls wait, since nothing was refused or slower so far. */
bool adapt_is_open(const struct adapt *adapt);
/* 429 or 503; n_others: calls that are still under way. True: this edge was not known before. */
bool adapt_note_refused(struct adapt *adapt, unsigned n_others);
/* The platform was away: forgets what was known about its limit. */
void adapt_restart(struct adapt *adapt);

#endif
