/* offers: which of its routes a platform offers, as its answers have shown. Some calls can go several
 * ways (call_spec.or_else), since the sources of PLATFORM.md do not agree which route exists. The first
 * way that answers is remembered, and only that way is asked from then on.
 *
 *   unknown ──answered──► offered ──(404 without JSON, 405, 501)──► all ways unknown again
 *      └─────refused, and another way answered──► not offered
 *
 * Owner: the owner of the connection to the platform (one struct offers for each). Zeroed: nothing is
 * known. No allocation. */
#ifndef PLAN_OFFERS_H
#define PLAN_OFFERS_H

#include <stdint.h>

#include "plan/call.h"

enum { OFFERS_MAX = 256 }; /* routes of calls */

enum offer { OFFER_UNKNOWN, OFFER_YES, OFFER_NO };

struct offers {
    uint8_t of[OFFERS_MAX]; /* enum offer, by the route of the call */
    unsigned n_changes;     /* so far; 0: nothing is known */
};

/* `offers` NULL: nothing is known, nothing is remembered. */
enum offer offer_of(const struct offers *offers, const struct call *way);
void offer_set(struct offers *offers, const struct call *way, enum offer offer);

#endif
