/* One line to the Runtime API: requests one after another, on a connection that is kept as long as the other side
 * keeps it. GET /next, which waits for an event, has no time limit.
 *
 *   REST ──runtime_begin──► BUSY ──(whole answer: on_answer)──► REST
 *                         └──(no answer: on_failed)────────► REST
 *
 * Owner: an invocation embeds it; runtime_close ends it, on_closed comes once. No callback is made from inside
 * a function of this contract. */
#ifndef LAMBDA_RUNTIME_H
#define LAMBDA_RUNTIME_H

#include "base/address.h"
#include "base/buf.h"
#include "base/str.h"
#include "http/answer.h"
#include "net/loop.h"

enum { RUNTIME_WHY_MAX = 160 };

struct runtime;
struct runtime_connection; /* private */

struct runtime_events {
    void (*on_answer)(
        struct runtime *runtime); /* status, headers: runtime->answer; content: runtime->body */
    void (*on_failed)(struct runtime *runtime); /* runtime->why says why */
    void (*on_writable)(struct runtime *runtime);
    void (*on_closed)(struct runtime *runtime);
};

struct runtime {
    struct loop *loop;
    const struct address *address;
    const struct runtime_events *events;
    struct http_answer *answer;
    struct buf body;
    char why[RUNTIME_WHY_MAX];
    /* private */
    struct runtime_connection *connection; /* NULL: none is open */
    struct buf again;                      /* the request, if it may be sent a second time */
    bool busy, closing, reused;
    bool sends;     /* the request is not written to its end yet */
    bool has_bytes; /* the answer has begun */
    unsigned n_open;
    struct later_item closed;
};

void runtime_open(struct runtime *runtime, struct loop *loop, const struct address *address,
                  const struct runtime_events *events);
/* `request`: head and body; with `more` only the beginning: runtime_write sends more, and runtime_end the last bytes.
 * After an answer that comes before those the connection is closed: the next request would be read as the rest of this
 * one. Without `more` the request is sent again if the kept connection turns out to be closed. The Runtime API takes
 * each request in one state only, so none is carried out twice. */
void runtime_begin(struct runtime *runtime, struct str request, bool more);
/* False: wait for on_writable. */
bool runtime_write(struct runtime *runtime, struct str bytes);
void runtime_end(struct runtime *runtime, struct str bytes);
void runtime_close(struct runtime *runtime);

#endif
