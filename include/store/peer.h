/* The store of another process on the same machine, at the other end of a socketpair: one process serves a store
 * that it has opened, the others open it as theirs. Both sides are the same executable file. When the
 * connection ends, the store is away for good. */
#ifndef STORE_PEER_H
#define STORE_PEER_H

#include "store/store.h"

/* Takes over `fd`. */
enum error_code store_open_peer(struct loop *loop, const struct store_options *options, int fd,
                                struct store **out, struct error *err) MUST_CHECK;

struct store_server;

/* Serves `store`, a store in memory, on `fd`, which it takes over. on_end comes at most once, from the loop: the other
 * process is gone, or misbehaves (it sends something that is no request, or leaves more than 64 MiB of results unread).
 * No operation is under way for it then. At most 10,000 operations of one process are under way. */
struct store_server *store_serve(struct loop *loop, struct store *store, int fd,
                                 void (*on_end)(void *context), void *context);
/* Call it when the other process is known to be dead: the leases that it held end at once, as leases of a dead holder
 * (not orderly). on_closed comes from the loop; after it the struct is gone. */
void store_server_close(struct store_server *server, void (*on_closed)(void *context),
                        void *context);

#endif
