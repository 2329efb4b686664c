/* One connection to Redis: made, made again with growing waits, written and read. Commands leave in
 * order and are answered in order; what an answer means is the owner's affair.
 * Owner: the backend embeds it; link_close ends it, on_closed comes once from a later turn. */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <uv.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/str.h"
#include "net/loop.h"

enum {
    LINK_OUT_MAX = 16 << 20,   /* bytes that wait to be sent */
    LINK_REPLY_MAX = 16 << 20, /* bytes of one reply */
    LINK_WORDS_MAX = 600,      /* of one command */
    LINK_ITEMS_MAX = 4096,     /* of one array in a reply */
    LINK_WAIT_MIN_MS = 100,    /* before a connection is made again */
    LINK_WAIT_MAX_MS = 2000,
    LINK_WHY_MAX = 200
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct link;

/* None is called from inside link_open, link_send or link_close. */
struct link_events {
    void (*on_up)(struct link *link);
    void (*on_reply)(struct link *link, const redisReply *reply);
    void (*on_down)(struct link *link); /* link->why says why; from inside link_break too */
    void (*on_closed)(struct link *link);
};

struct link_address {
    const char *path; /* of a Unix socket; NULL: host and port */
    const char *host;
    const char *port;
    struct tls_config *tls; /* of a client; NULL: in the clear */
};

struct link {
    struct loop *loop;
    const struct link_events *events;
    const struct link_address *address;
    unsigned timeout_ms;
    enum link_state state;

    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;

    bool has_socket; /* until it is closed */
    bool resolving;
    bool closing;
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
    uv_write_t write;
    struct buf out[2]; /* one with the kernel, one filling */
    int filling;
    bool writing;
    struct tls_stream *tls; /* NULL: in the clear, or not connected */
    redisReader *reader;
    redisReplyObjectFunctions functions;
    size_t n_reply_bytes;
    struct deadline deadline; /* of connecting, or of the next attempt */
    unsigned wait_ms;
    unsigned n_attempts;
    unsigned n_untried; /* other addresses of the name, in this attempt */
    bool is_first;      /* no address was tried in this attempt */
    struct later_item closed;
    char why[LINK_WHY_MAX];
};

void link_open(struct link *link, struct loop *loop, const struct link_address *address,
               unsigned timeout_ms, const struct link_events *events);
/* False: too much waits to be sent. */
bool link_send(struct link *link, const struct str *words, size_t n_words) MUST_CHECK;
/* Closes a connection that is of no use; it is made again after a wait. */
void link_break(struct link *link, const char *format, ...) PRINTF_LIKE(2, 3);
/* The greeting went well: the next wait is short again. */
void link_is_good(struct link *link);
void link_close(struct link *link);

#endif
