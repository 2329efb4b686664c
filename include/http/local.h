/* local: an exchange without a connection. Its request is given as bytes and its answer is handed
 * back in pieces, in this process: for a caller that gets requests in another way than over a socket
 * of this program (room lambda). The service cannot tell the difference: the guard of heads, routes,
 * deadlines and bodies are the same.
 *
 * Owner: the caller embeds it and keeps `body` alive until on_end or http_local_cancel.
 * Promise: the events come from later turns of the loop, never from inside a function of this
 * contract: on_head once (not if the answer broke off before it), on_piece as often as needed after it, on_end
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

/* The head of an answer, told before its content. The strings are views, valid until the next turn. */
struct http_local_head {
    int status;
    struct str lines; /* "Name: value\r\n" each; without Date and the headers that frame a body */
    bool has_body;    /* false: the answer to HEAD, 204, 304 */
    struct str principal;
};

struct http_local_events {
    void (*on_head)(struct http_local *local, const struct http_local_head *head);
    /* False: the caller takes no more until it has called http_local_writable. */
    bool (*on_piece)(struct http_local *local, struct str bytes);
    /* within_ms is over while a streamed answer still goes on: the caller ends it
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
    struct str base;   /* what the client must write before a path of this program; copied */
    struct str caller; /* who calls, if known without a credential; must outlive the exchange */
    bool is_tls;
    unsigned within_ms; /* after this time the service answers 504; 0: no limit */
    /* private */
    struct http_server *server;
    struct exchange *exchange; /* NULL: has ended */
    struct deadline deadline;
    struct later_item go_on; /* the next piece of the body, or the answer */
    size_t body_used;
    bool streams_body, body_paused, body_ended;
    bool in_callback;
    struct buf answer; /* bytes that on_piece has not told yet */
    struct buf lines;
    bool head_told;
    bool held_back; /* on_piece returned false */
};

/* Before: fill the members under `in`, and zero the rest. */
void http_local_begin(struct http_server *server, struct http_local *local);
/* After on_piece has returned false: the caller takes bytes again. */
void http_local_writable(struct http_local *local);
/* The caller wants no answer: cancels what the exchange waits for, and frees its memory. Idempotent; a zeroed
 * struct is fine. Not from inside a callback of the service. */
void http_local_cancel(struct http_local *local);

#endif
