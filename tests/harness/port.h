/* A TCP port of the loopback address that nobody listens on at the moment of asking. Prefer port 0
 * and the "listening on" line; this is for tests that need an address where nothing answers. */
#ifndef HARNESS_PORT_H
#define HARNESS_PORT_H

#include <stdint.h>

uint16_t port_free(void); /* fails the test when there is none */

#endif
