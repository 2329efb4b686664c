/* listener: accepts connections. Pauses when there is no place left and on EMFILE/ENFILE (counted), and
 * goes on when a connection ends. Several listeners of one owner share their places.
 * Owner: the server embeds it; listener_close, then on_closed, after which its memory may go. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <uv.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/socket.h"

struct listener;

struct listener_events {
    /* A connection waits: take it with listener_accept, into a socket of yours. */
    void (*on_connection)(struct listener *listener);
    /* Another connection waits, but there is no place: it is taken when a connection has ended. Called
     * again, ten times a second, as long as it waits. May be NULL. */
    void (*on_full)(struct listener *listener);
    void (*on_closed)(struct listener *listener);
};

/* How many connections there may be (max) and are (n), over all listeners that share this struct. */
struct listener_places {
    unsigned max;
    unsigned n;
    struct list paused; /* listeners that wait for a place */
};

struct listener_options {
    struct str address;
    int socket;    /* instead of `address`: a socket that listens or is bound already; 0: none */
    unsigned mode; /* of a Unix socket; 0: only the process's own user may connect */
    struct listener_places *places;
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    union socket socket;
    struct listener_places *places;
    struct list pause; /* places->paused */
    bool closing;
    bool open;
    bool owns_path;         /* of a Unix socket: removed at the end */
    struct deadline retry;  /* after EMFILE, and while there is no place */
    struct later_item more; /* the next one is taken in a later turn */
    char address[128];      /* "127.0.0.1:8000" as bound, "[::1]:8000" for IPv6, "unix:/path" */
};

/* The kernel takes net.core.somaxconn instead where that is less. If the backlog is full, a client waits a
 * second or more before it tries again. */
enum { LISTENER_BACKLOG = 4096 };

/* Makes sockets that listen on one address, for `n` processes: n TCP sockets, among which the kernel shares out
 * the connections (SO_REUSEPORT); or one Unix socket, n times in `out`, from which all processes accept.
 * ERR_IO: also if another program listens there already. */
enum error_code listener_bind(struct str address, unsigned mode, unsigned n, int *out,
                              struct error *err) MUST_CHECK;
/* "127.0.0.1:8000", "[::1]:8000" or "unix:/path" of a socket that is bound. */
bool listener_address_of(int fd, char *out, size_t size);

void listener_places_init(struct listener_places *places, unsigned max);
/* `address` is "HOST:PORT", "[V6]:PORT" or ":PORT"; HOST an IP literal, "localhost" or "*"; port 0
 * takes a free one. Or it is "unix:/path": a socket that a process has left there when it ended is
 * replaced, and the path is removed at the end. `options->socket`, a TCP or a Unix socket, belongs to the
 * listener from now on. ERR_IO says which address and why. */
enum error_code listener_open(struct listener *listener, struct loop *loop,
                              const struct listener_options *options,
                              const struct listener_events *events, struct error *err) MUST_CHECK;
/* Initialises `socket`. False: nothing was accepted; the caller must close `socket` all the same. */
bool listener_accept(struct listener *listener, union socket *socket);
void listener_connection_ended(struct listener_places *places);
void listener_close(
    struct listener *listener); /* idempotent; on_closed comes once if it was open */

#endif
