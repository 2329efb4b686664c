/* What a request asks of a cache on its way (RFC 9111 section 5.2.1). */
#ifndef API_CACHE_WISH_H
#define API_CACHE_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"

struct cache_wish {
    bool no_store;         /* neither take from the cache nor keep */
    bool passes;           /* it is for the platform alone */
    bool only_if_cached;   /* rather 504 than a call */
    uint64_t max_age_ms;   /* UINT64_MAX: any age; 0: none, also for no-cache */
    uint64_t min_fresh_ms; /* at least so long before it expires */
    uint64_t max_stale_ms; /* so long after it has expired; UINT64_MAX: however long */
};

/* All Cache-Control lines of the request; Pragma: no-cache where there is none. */
void cache_wish_read(const struct http_request *request, struct cache_wish *out);

#endif
