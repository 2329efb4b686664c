/* The header Forwarded (RFC 7239): what proxies on the way say of the client. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

enum { FORWARDED_HOPS_MAX = 32 };

/* One element, written by one proxy. The strings are views; empty: the proxy did not say it. */
struct forwarded_hop {
    struct str
        node; /* of "for", without quotes: "192.0.2.7", "[2001:db8::7]:5234", "unknown", "_name" */
    struct str host;  /* without quotes */
    struct str proto; /* "https" */
};

/* Reads the elements of the joined lines; the nearest proxy's comes last. Of more than FORWARDED_HOPS_MAX
 * elements the last ones are kept. False: the text is not as the RFC says, and no element counts. */
bool forwarded_read(struct str text, struct forwarded_hop hops[FORWARDED_HOPS_MAX],
                    size_t *out_n) MUST_CHECK;

#endif
