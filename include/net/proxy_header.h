/* The header of the PROXY protocol (haproxy.org, "The PROXY protocol", versions 1 and 2): before all other
 * bytes a balancer says which client has connected to it. The program never guesses whether a header comes:
 * the listener wants one or none. */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

enum { PROXY_HEADER_MAX = 4096, PROXY_CLIENT_MAX = 64 };

enum proxy_verdict { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy_header {
    size_t len; /* bytes of the header; what follows is the connection's */
    char client
        [PROXY_CLIENT_MAX]; /* "192.0.2.7:5234" or "[2001:db8::7]:5234"; empty: the header names
                                    * none (LOCAL, UNKNOWN, a Unix socket): the balancer itself calls */
};

/* MORE: `bytes` are the beginning of a header. BAD: they are not, or the header is longer than
 * PROXY_HEADER_MAX. What version 2 holds beyond the addresses (TLV) is passed over. */
enum proxy_verdict proxy_header_read(struct str bytes, struct proxy_header *out) MUST_CHECK;

#endif
