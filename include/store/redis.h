/* The store in a Redis (or Valkey) server of version 5 or later. */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "base/secret.h"
#include "store/store.h"

struct tls_config; /* crypto/tls.h */

/* Copied by store_open_redis. */
struct store_redis {
    struct str path; /* of a Unix socket; empty: host and port */
    struct str host;
    struct str port;
    struct str user;               /* empty: the default user */
    const struct secret *password; /* NULL or not set: none is sent */
    unsigned database;
    struct tls_config *tls; /* of a client; held by the store. NULL: in the clear */
};

/* Connects when the loop runs, and again whenever the connection breaks, with waits from 0.1 to
 * 2 s. While Redis is away, every operation ends with ERR_STORE_AWAY, whose text says why. A second
 * connection is made when an operation waits for a stream. */
enum error_code store_open_redis(struct loop *loop, const struct store_options *options,
                                 const struct store_redis *where, struct store **out,
                                 struct error *err) MUST_CHECK;

#endif
