/* listener: accepts connections. Pauses at max_connections and on EMFILE/ENFILE (counted), and goes
 * on when one ends. Owner: the server embeds it; on_closed after listener_close ends it. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <uv.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/socket.h"

struct listener;

struct listener_events {
    /* Take it with listener_accept, into a socket of yours. */
    void (*on_connection)(struct listener *listener);
    /* Another one waits, and there are max_connections: it is taken when one has ended. May be
     * NULL. */
    void (*on_full)(struct listener *listener);
    void (*on_closed)(struct listener *listener);
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    union socket socket;
    unsigned max_connections;
    unsigned n_connections;
    bool paused;
    bool closing;
    bool open;
    struct deadline retry;  /* after EMFILE */
    struct later_item more; /* the next one is taken in a later turn */
    char address[128];      /* "127.0.0.1:8000" as bound, "[::1]:8000" for IPv6, "unix:/path" */
    int port;               /* 0: a Unix socket */
};

/* `address` is "HOST:PORT", "[V6]:PORT" or ":PORT"; HOST an IP literal, "localhost" or "*"; port 0
 * takes a free one. Or it is "unix:/path": only the process's own user may connect there; what a
 * process that is gone has left at the path is replaced, and the path is removed at the end.
 * ERR_IO says which address and why. */
enum error_code listener_open(struct listener *listener, struct loop *loop, struct str address,
                              unsigned max_connections, const struct listener_events *events,
                              struct error *err) MUST_CHECK;
/* The same on a TCP socket that is bound already; `fd` is the listener's from now on. */
enum error_code listener_open_socket(struct listener *listener, struct loop *loop, int fd,
                                     unsigned max_connections, const struct listener_events *events,
                                     struct error *err) MUST_CHECK;
/* Initialises `socket`. False: nothing was accepted, and it is to be closed. */
bool listener_accept(struct listener *listener, union socket *socket);
void listener_connection_ended(struct listener *listener);
void listener_close(
    struct listener *listener); /* idempotent; on_closed comes once if it was open */

#endif
