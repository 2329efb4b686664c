/* local: an exchange without a connection. Its request is given as bytes and its answer is handed
 * back in pieces, in this process: for those who get requests in another way than over a socket of
 * ours (room lambda). The service cannot tell the difference: the guard of heads, routes, deadlines
 * and bodies are the same.
 *
 * Owner: the caller embeds it and keeps `body` alive until on_end or http_local_cancel.
 * Promise: the events come from later turns of the loop, never from inside a function of this
 * contract: on_head once (not if the answer broke off before it), on_piece as often as needed, on_end
 * once and last. After http_local_cancel none comes. */
#ifndef HTTP_LOCAL_H
#define HTTP_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/later.h"
#include "base/str.h"
#include "http/exchange.h"

struct http_local;
struct http_server;

/* What is told of an answer before its content. Views that die with the next turn. */
struct http_local_head {
    int status;
    struct str lines; /* "Name: value\r\n" each; neither Date nor those of a connection's framing */
    bool has_body;    /* false: the answer to HEAD, 204, 304 */
    struct str principal;
};

struct http_local_events {
    void (*on_head)(struct http_local *local, const struct http_local_head *head);
    /* False: no more until http_local_writable. */
    bool (*on_piece)(struct http_local *local, struct str bytes);
    /* The time is over, and a streamed answer is still going on: the caller ends it
     * (http_local_cancel) or lets it go on. */
    void (*on_late)(struct http_local *local);
    void (*on_end)(struct http_local *local, bool whole); /* false: the answer broke off */
};

struct http_local {
    /* in */
    const struct http_local_events *events;
    struct str head;   /* request line, fields and the empty line; copied */
    struct str body;   /* as long as the head's Content-Length says */
    struct str peer;   /* address of the client; copied */
    struct str base;   /* what stands before our paths for the client; copied */
    struct str caller; /* who calls, where that is known without a credential; outlives it */
    bool is_tls;
    unsigned within_ms; /* then the service answers 504; 0: no limit of the caller's */
    /* private */
    struct http_server *server;
    struct exchange *exchange; /* NULL: has ended */
    struct deadline deadline;
    struct later_item go_on; /* the next piece of the body, or the answer */
    size_t body_used;
    bool streams_body, body_paused, body_ended;
    bool in_callback;
    struct buf answer; /* a whole one, until it is told */
    struct buf lines;
    bool head_told;
    bool held_back; /* on_piece said so */
};

/* Fill what is `in`, zero the rest. */
void http_local_begin(struct http_server *server, struct http_local *local);
/* What was held back may go on. */
void http_local_writable(struct http_local *local);
/* The caller wants no answer: what the exchange waits for is cancelled, its memory goes. Idempotent; zeroed
 * is fine. Not from inside the service. */
void http_local_cancel(struct http_local *local);

#endif
