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

/* The parts of a request; `start` and `body` may hold places for an id. */
struct request {
    struct buf start; /* the request line; "{id}" stays in it */
    struct buf head;  /* the fields without Content-Length, and without the empty line */
    struct str body;
    bool has_body;
    bool has_id; /* each request differs; otherwise `start` holds the whole request */
    int64_t first_id, last_id, next_id;
};

/* request.c */
#define ID_PLACE "{id}"
/* The text with `id` in each place of an id. */
void put_with_id(struct buf *out, struct str text, struct str id);
enum error_code request_init(struct request *request, const struct load_options *options,
                             const struct target *target, struct error *err) MUST_CHECK;
void request_done(struct request *request);
/* The next request; if requests differ (has_id), it is built in `own`. */
struct str request_next(struct request *request, struct buf *own);

enum sender_state { SENDER_CLOSED, SENDER_CONNECTING, SENDER_IDLE, SENDER_SENDING, SENDER_WAITING };

struct sender {
    int fd;
    enum sender_state state;
    bool has_request; /* false again after its answer or its failure */
    bool counts;      /* its request was begun in the window (load.in_window) */
    struct http_answer *answer;
    struct str left; /* the part of the request that is not sent yet */
    struct buf own;  /* the request, if requests differ */
    uint64_t due_us;
    uint64_t began_us; /* when it began to connect, or last sent bytes */
};

struct load {
    const struct load_options *options;
    struct load_result *result;
    struct target target;
    struct request request;
    struct sender *senders; /* one connection each */
    size_t *idle;           /* a stack of indices of free senders, also of closed ones */
    size_t n_idle;
    int epoll;
    char *room; /* what is read goes here */
    uint64_t start_us;
    uint64_t window_us;  /* when the window begins: the time in which requests are counted */
    uint64_t end_us;     /* from then on no request is due */
    uint64_t n_total;    /* number of requests; UINT64_MAX: as many as are due before end_us */
    uint64_t n_begun;    /* how many were sent or given up */
    uint64_t starved_us; /* when a connection last became free after none had been */
    bool in_window;
    bool ends; /* no further requests */
    unsigned in_flight;
    unsigned n_connecting;
    struct error *connect_error; /* of the first connections; NULL during the run */
    /* counts of the present second and in all, for on_second */
    struct histogram *second;
    uint64_t second_us;
    uint64_t n_answered, n_failed;
};

/* sender.c */
void sender_open(struct load *load, size_t at); /* begins to connect the sender of this index */
void sender_close(struct load *load, size_t at);
/* Lets the sender send the request that is due. A closed sender connects first. */
void sender_send(struct load *load, size_t at, uint64_t due_us, uint64_t now_us);
void sender_on_event(struct load *load, size_t at, uint32_t events);
void sender_fail(struct load *load, size_t at, enum load_failure failure);

/* run.c: end a request, and count its result; then the sender is free again. */
void load_answered(struct load *load, size_t at, int status);
void load_failed(struct load *load, size_t at, enum load_failure failure);
void load_connected(struct load *load, size_t at);

#endif
