/* What the files of this room share.
 *
 * open.c      open and close
 * upstream.c  start, cancel, admission, retries, ends
 * wire.c      the multi on the loop: one epoll of ours, one uv_poll, one uv_timer
 * request.c   what may be sent
 * handle.c    easy handles: constant options once, what changes per request, bodies
 * stream.c    direct access: bytes in pieces, pausing both ways
 * outcome.c   pure: what a result of libcurl means, whether and when to try again
 *
 * Promise inside the room: no owner is called from inside a libcurl callback, and no libcurl
 * function is called from there either. Callbacks only note; upstream_dispatch calls up. */
#ifndef UPSTREAM_UPSTREAM_INTERNAL_H
#define UPSTREAM_UPSTREAM_INTERNAL_H

#include <curl/curl.h>
#include <uv.h>

#include "base/arena.h"
#include "base/later.h"
#include "net/loop.h"
#include "upstream/upstream.h"

enum {
    STREAM_HIGH_WATER = 64 * 1024, /* per direction */
    STREAM_LOW_WATER = 16 * 1024,
    KEEP_BODY_BYTES = 64 * 1024, /* a handle at rest keeps no more memory than this */
    BUDGET_SECONDS = 10,
    BUDGET_MIN_RETRIES = 10,
    PATH_MAX_BYTES = 128 * 1024,
    MAX_NODES = UPSTREAM_MAX_HEADERS + 8
};

/* Retries and calls of the last ten seconds, a slot per second. */
struct retry_budget {
    uint64_t second[BUDGET_SECONDS];
    unsigned n_calls[BUDGET_SECONDS];
    unsigned n_retries[BUDGET_SECONDS];
};

/* One descriptor that libcurl wants watched; index of the table is the descriptor. */
struct watch {
    uint32_t generation; /* tells a reused descriptor's events from its predecessor's */
    uint32_t mask;       /* registered with the epoll; 0 not registered */
    uint32_t want;       /* what libcurl wants now */
    bool ours;           /* a connection: opened and closed through our callbacks */
};

struct wire {
    CURLM *multi;
    int epoll_fd;
    uv_poll_t poll;
    uv_timer_t timer;
    struct watch *watches;
    size_t n_watches;
    bool has_news; /* handles were added since libcurl was last driven */
};

struct upstream {
    struct loop *loop;
    struct arena arena; /* the option texts */
    struct upstream_options options;
    struct wire wire;
    CURLU *base;
    struct str base_path;
    bool bypass_proxy;
    struct curl_slist tail[4]; /* the headers that every request ends with; [0] is Accept */
    struct list waiting;
    struct list ended;     /* calls whose on_done is due */
    struct list touched;   /* handles whose stream has something to tell */
    struct list handles;   /* at rest */
    struct later_item due; /* upstream_dispatch, when nothing else would run it */
    unsigned n_active;
    unsigned n_waiting;
    unsigned n_running; /* every call started and not yet ended */
    unsigned n_handles;
    struct retry_budget budget;
    int64_t last_ok_ms;
    int64_t last_failure_ms;
    bool dispatching;
    bool closing;
    unsigned open_handles; /* uv handles not yet closed */
    void (*on_closed)(void *context);
    void *closed_context;
};

struct upstream_handle {
    struct list link; /* upstream.handles */
    struct upstream *upstream;
    struct upstream_call *call; /* NULL: at rest */
    unsigned serial;            /* counts the calls it served */
    CURL *easy;
    CURLU *url;
    bool in_multi;
    bool spoiled; /* its last transfer failed: the easy handle is made anew before the next */
    char why[CURL_ERROR_SIZE];
    /* request */
    struct buf path;
    struct buf lines; /* header lines, NUL-terminated each */
    struct curl_slist nodes[MAX_NODES];
    struct curl_slist authorization_node;
    char *authorization; /* wiped at the end of each try */
    size_t authorization_len;
    size_t body_at;
    bool body_asked; /* libcurl has taken some of the body */
    /* reply */
    struct buf body;
    struct buf meta; /* content type, location, etag */
    bool too_big;
    /* stream */
    bool streaming;
    struct list touch; /* upstream.touched */
    struct buf in;
    struct buf out;
    size_t out_at;
    int status_seen;
    bool head_complete;
    bool head_told;
    bool wire_done;    /* libcurl has ended; what came may still have to be told */
    bool owner_paused; /* on_data said so */
    bool recv_paused;  /* libcurl was told to wait */
    bool send_paused;  /* libcurl waits for upstream_send */
    bool out_last;
    bool owner_waits; /* for on_drain */
    struct deadline silence;
};

/* wire.c */
void wire_open(struct upstream *upstream);
void wire_close(struct upstream *upstream, uv_close_cb on_closed); /* called twice */
/* Lets libcurl do what is due now; results wait in upstream.ended and .touched. */
void wire_drive(struct upstream *upstream);
curl_socket_t wire_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address);
int wire_close_socket(void *context, curl_socket_t fd);

/* request.c */
enum error_code headers_check(const struct upstream_header *headers, size_t n,
                              struct error *err) MUST_CHECK;
enum error_code request_check(const struct upstream_request *request, struct error *err) MUST_CHECK;

/* handle.c */
struct upstream_handle *handle_take(struct upstream *upstream, struct upstream_call *call);
void handle_give(struct upstream_handle *handle); /* back to rest */
void handles_trim(struct upstream *upstream, unsigned n_keep);
void handle_prepare(struct upstream_handle *handle, unsigned timeout_ms);
void handle_forget_secret(struct upstream_handle *handle);
void handle_read_reply(struct upstream_handle *handle);
bool handle_may_have_left(const struct upstream_handle *handle);

/* stream.c */
void stream_set_up(struct upstream_handle *handle);
void stream_tear_down(struct upstream_handle *handle);
void stream_touch(struct upstream_handle *handle);
void stream_deliver(struct upstream_handle *handle);
size_t stream_on_header(char *bytes, size_t size, size_t n, void *context);
size_t stream_on_body(char *bytes, size_t n, struct upstream_handle *handle);
size_t stream_read_body(char *out, size_t room, struct upstream_handle *handle);

/* open.c */
void upstream_close_now(struct upstream *upstream);

/* upstream.c */
void upstream_on_wire_end(struct upstream_handle *handle, CURLcode result);
void upstream_end_later(struct upstream_call *call);
void upstream_dispatch(struct upstream *upstream);
void upstream_dispatch_later(struct upstream *upstream);
/* Ends an active call from our side: silence, deadline. */
void upstream_abort_try(struct upstream_call *call, enum error_code code);

/* outcome.c */
struct outcome {
    CURLcode result;
    enum call_class class;
    int status; /* 0: no head came */
    bool may_have_left;
    bool too_big;
};

enum error_code outcome_code(const struct outcome *outcome);
bool outcome_is_retryable(const struct outcome *outcome, enum error_code code,
                          unsigned retry_after_s);
/* Milliseconds before try number `tries` + 1. */
uint64_t retry_delay_ms(unsigned base_ms, unsigned tries, unsigned retry_after_s);
void budget_call(struct retry_budget *budget, uint64_t now_ms);
/* Takes one retry; false: the budget is used up. */
bool budget_take(struct retry_budget *budget, uint64_t now_ms, unsigned percent);

#endif
