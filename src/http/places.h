/* The places of a server: which connections have one, how many one address has, and which connection
 * leaves when no place is left. Connections without a complete head leave first, the longest wait first: an
 * honest client sends its head at once. Then those between two requests leave. A connection that is being
 * answered stays.
 *
 * An address is an IPv4 address or the /64 of an IPv6 one, which is what one customer has. An exempt
 * address, behind which many clients stand, has no limit.
 * Owner: the server embeds `places`, each connection a `place`. Bounded by the number of
 * connections. */
#ifndef HTTP_PLACES_H
#define HTTP_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host.h"
#include "base/list.h"
#include "base/map.h"

struct share;

struct place {
    struct list wait;    /* places.headless or places.resting */
    struct list own;     /* share.headless */
    struct share *share; /* NULL: exempt, or left */
};

struct places {
    struct map shares;
    struct list headless;     /* no complete head yet, the longest wait first */
    struct list resting;      /* between two requests, the longest first */
    unsigned max_per_address; /* 0: no limit */
    bool counts_loopback;
    struct ip_range *exempt;
    size_t n_exempt;
};

struct places_options {
    unsigned max_per_address;
    bool counts_loopback;
    const struct str *exempt; /* address ranges; those that cannot be read are passed over */
    size_t n_exempt;
};

void places_init(struct places *places, const struct places_options *options);
/* For connections that enter from now on. */
void places_configure(struct places *places, const struct places_options *options);
void places_done(struct places *places);
/* `peer` is "192.0.2.7:5234". False: its address has all the places that it may have. Then *out_instead
 * is the place of a connection of that address without a head, or NULL; once it has left, call again: after
 * places_configure more than one may have to leave. */
bool places_enter(struct places *places, struct place *place, struct str peer,
                  struct place **out_instead);
void places_leave(struct places *places, struct place *place); /* idempotent */
void places_await_head(struct places *places, struct place *place);
void places_rest(struct places *places, struct place *place);
void places_work(struct place *place);                            /* its head is complete */
struct place *places_first_headless(const struct places *places); /* NULL: none */
struct place *places_first_resting(const struct places *places);

#endif
