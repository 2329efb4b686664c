/* What the files of the generator share.
 *
 *   CLOSED ──connect──► CONNECTING ──► IDLE ──request──► SENDING ──► WAITING ──answer──► IDLE
 *     ▲                     │           │                   │           │
 *     └─────────────────────┴───────────┴── closed, late ───┴───────────┘
 */
#ifndef LOAD_INTERNAL_H
#define LOAD_INTERNAL_H

#include <sys/socket.h>

#include "http/answer.h"
#include "load/load.h"

/* Where the requests go. */
struct target {
    struct str authority; /* for Host */
    struct str path;      /* with the query; empty: "/" is meant */
    struct sockaddr_storage address;
    socklen_t address_len;
    char shown[80]; /* "127.0.0.1:8000" or "[::1]:8000" */
};

/* target.c */
enum error_code target_read(struct str text, bool any_host, struct target *out,
                            struct error *err) MUST_CHECK;

/* The bytes of a request, with places where the id of each one stands. */
struct request {
    struct buf start; /* the request line; "{id}" stays in it */
    struct buf head;  /* the fields and the empty line, without Content-Length */
    struct str body;
    bool has_body;
    bool has_id; /* each one differs; otherwise `start` holds all of it */
    int64_t first_id, last_id, next_id;
};

/* request.c */
#define ID_PLACE "{id}"
/* The text with `id` in each place of an id. */
void put_with_id(struct buf *out, struct str text, struct str id);
enum error_code request_init(struct request *request, const struct load_options *options,
                             const struct target *target, struct error *err) MUST_CHECK;
void request_done(struct request *request);
/* The next one, built in `own` where each differs. */
struct str request_next(struct request *request, struct buf *own);

enum sender_state { SENDER_CLOSED, SENDER_CONNECTING, SENDER_IDLE, SENDER_SENDING, SENDER_WAITING };

struct sender {
    int fd;
    enum sender_state state;
    bool has_request; /* it ends once: by an answer or by a failure */
    bool counts;      /* its request is in the window */
    struct http_answer *answer;
    struct str left; /* of the request, not yet sent */
    struct buf own;  /* the request, where each differs */
    uint64_t due_us;
    uint64_t began_us; /* sent, or begun to connect */
};

struct load {
    const struct load_options *options;
    struct load_result *result;
    struct target target;
    struct request request;
    struct sender *senders; /* one connection each */
    size_t *idle;           /* a stack of places; closed ones are here, too */
    size_t n_idle;
    int epoll;
    char *room; /* for reading */
    uint64_t start_us;
    uint64_t window_us;  /* when the window begins */
    uint64_t end_us;     /* nothing is due from then on */
    uint64_t n_total;    /* requests that become due; UINT64_MAX: until end_us */
    uint64_t n_begun;    /* of them, sent or given up */
    uint64_t starved_us; /* when last no connection was free */
    bool in_window;
    bool ends; /* no further requests */
    unsigned in_flight;
    unsigned n_connecting;
    struct error *connect_error; /* where the first connections are made; NULL later */
    /* of the second that runs, for on_second */
    struct histogram *second;
    uint64_t second_us;
    uint64_t n_answered, n_failed;
};

/* sender.c */
void sender_open(struct load *load, size_t at); /* begins to connect */
void sender_close(struct load *load, size_t at);
/* Gives it the request that is due; connects first where it is closed. */
void sender_send(struct load *load, size_t at, uint64_t due_us, uint64_t now_us);
void sender_on_event(struct load *load, size_t at, uint32_t events);
void sender_fail(struct load *load, size_t at, enum load_failure failure);

/* run.c: what became of a request; the connection is free again. */
void load_answered(struct load *load, size_t at, int status);
void load_failed(struct load *load, size_t at, enum load_failure failure);
void load_connected(struct load *load, size_t at);

#endif
