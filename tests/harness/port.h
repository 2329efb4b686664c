/* A TCP port of the loopback address that nobody listens on. The test process holds it until it ends, so no client and
 * no other test gets it meanwhile; a server that sets SO_REUSEADDR (ours and Redis do) may listen on it. Prefer port 0
 * and the "listening on" line; this is for tests that need an address where nothing answers, or one beforehand. */
#ifndef HARNESS_PORT_H
#define HARNESS_PORT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

uint16_t port_free(void); /* fails the test when there is none */

/* That of an address: "127.0.0.1:40123". */
static inline uint16_t port_of(const char *address)
{
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

#endif
