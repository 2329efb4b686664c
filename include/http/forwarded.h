/* The header Forwarded (RFC 7239): what proxies on the way say of the client. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

enum { FORWARDED_HOPS_MAX = 32 };

/* One element: what one proxy wrote. Views; empty: not said. */
struct forwarded_hop {
    struct str
        node; /* of "for", without quotes: "192.0.2.7", "[2001:db8::7]:5234", "unknown", "_name" */
    struct str host;  /* without quotes */
    struct str proto; /* "https" */
};

/* The elements of the joined lines, the nearest proxy's last; of more than FORWARDED_HOPS_MAX the last ones.
 * False: it is not what the RFC says, and nothing of it counts. */
bool forwarded_read(struct str text, struct forwarded_hop hops[FORWARDED_HOPS_MAX],
                    size_t *out_n) MUST_CHECK;

#endif
