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

struct listener;

struct listener_events {
    /* Accept with uv_accept into your own tcp through listener_accept. */
    void (*on_connection)(struct listener *listener);
    /* Another one waits, and there are max_connections: it is taken when one has ended. May be
     * NULL. */
    void (*on_full)(struct listener *listener);
    void (*on_closed)(struct listener *listener);
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    uv_tcp_t tcp;
    unsigned max_connections;
    unsigned n_connections;
    bool paused;
    bool closing;
    bool open;
    struct deadline retry; /* after EMFILE */
    char address[96];      /* "127.0.0.1:8000" as bound, "[::1]:8000" for IPv6 */
    int port;
};

/* `address` is "HOST:PORT", "[V6]:PORT" or ":PORT"; HOST an IP literal, "localhost" or "*"; port 0
 * takes a free one. ERR_IO says which address and why. */
enum error_code listener_open(struct listener *listener, struct loop *loop, struct str address,
                              unsigned max_connections, const struct listener_events *events,
                              struct error *err) MUST_CHECK;
bool listener_accept(struct listener *listener,
                     uv_tcp_t *tcp); /* inits tcp; false: nothing was accepted */
void listener_connection_ended(struct listener *listener);
void listener_close(
    struct listener *listener); /* idempotent; on_closed comes once if it was open */

#endif
