/* What the files of this room share.
 *
 * open.c      open and close
 * upstream.c  start, cancel, admission, retries, ends
 * queue.c     which call is next: gates, priorities, calls that are refused at once (queue.h)
 * adapt.c     pure: how many calls at once the platform takes (adapt.h)
 * breaker.c   pure: whether the platform is there at all (breaker.h)
 * guard.c     what the end of a call means for queue, adapt, breaker and health; the probes
 * transfer.c  one try: a request sent, an answer read, the connection kept or closed
 * content.c   which part of an answer's content is kept
 * request.c   what may be sent, and a request as bytes
 * stream.c    direct access: bytes in pieces, waiting both ways
 * pool.c      connections at rest
 * connect.c   libcurl: connections are made, written and read by it
 * wire.c      one epoll of ours for all descriptors, watched by one uv_poll
 * endpoints.c several addresses of one platform
 * told.c      the report of a call that has ended: metrics, error, head of the answer
 * outcome.c   pure: what the end of a try means, whether and when to try again
 *
 * Promise inside the room: no owner is called from inside a libcurl callback, and no libcurl
 * function is called from there either. Callbacks only note what happened; upstream_dispatch calls the owners. */
#ifndef UPSTREAM_UPSTREAM_INTERNAL_H
#define UPSTREAM_UPSTREAM_INTERNAL_H

#include <curl/curl.h>
#include <uv.h>

#include "base/arena.h"
#include "base/later.h"
#include "breaker.h"
#include "http/answer.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "queue.h"
#include "upstream/upstream.h"

enum {
    STREAM_HIGH_WATER = 64 * 1024, /* per direction */
    STREAM_LOW_WATER = 16 * 1024,
    RECV_BYTES = 64 * 1024,        /* the most that is read at once */
    KEEP_BODY_BYTES = 64 * 1024,   /* a transfer at rest keeps no larger buffer than this */
    COPIED_BODY_BYTES = 16 * 1024, /* a request body up to this leaves in one piece with its head */
    PATH_MAX_BYTES = 128 * 1024,
    DOUBTED_MAX = 16, /* connections that are remembered as doubted */
    OPENS_A_TURN = 16 /* connections: opening one costs as much as a command */
};

/* Retries, in hundredths: each call that goes well saves up `percent` of them, each retry takes a
 * hundred. So in an outage, when nothing goes well, only what was saved up is spent. */
struct retry_budget {
    unsigned hundredths;
};

struct upstream_connection;

/* One descriptor; its number is its index in the table. */
struct watch {
    uint32_t generation; /* tells a reused descriptor's events from its predecessor's */
    uint32_t mask;       /* registered with the epoll; 0 not registered */
    uint32_t want;       /* what libcurl wants while it is libcurl's */
    bool ours;           /* a socket of a connection, opened and closed by our callbacks */
    struct crowd *crowd; /* whose libcurl watches it */
    struct upstream_connection *connection; /* established: ours to read and write; else NULL */
};

struct wire {
    int epoll_fd;
    uv_poll_t poll;
    struct watch *watches;
    size_t n_watches;
};

/* A multi and its connections, see connect.c. */
struct crowd {
    struct list link; /* upstream.crowds, those with room first */
    struct list news; /* upstream.news */
    struct upstream *upstream;
    CURLM *multi;
    uv_timer_t timer;
    unsigned n_connections;
};

struct upstream_connection {
    struct list link; /* upstream.resting */
    struct upstream *upstream;
    struct crowd *crowd;
    CURL *easy;
    curl_socket_t fd; /* CURL_SOCKET_BAD until it is established */
    bool is_bare;     /* bytes go through the socket as they are: no TLS on the way */
    bool is_attached; /* libcurl has sent on it, and knows that it is in use */
    bool is_starved;  /* the process may not open one more descriptor */
    struct upstream_transfer *transfer; /* NULL: at rest */
    uint64_t serial;                    /* its place among upstream.n_opened */
    unsigned n_answers;
    uint64_t rests_since_ms;
    uint64_t rest_max_ms;
    char why[CURL_ERROR_SIZE];
};

/* The addresses of one platform. Each has an upstream of its own; other rooms know only the first. */
struct endpoints {
    struct upstream *items[UPSTREAM_ENDPOINTS_MAX]; /* in order of preference */
    size_t n;
    size_t n_up;   /* whose breaker is closed */
    size_t in_use; /* where calls begin */
    size_t n_open; /* not yet closed, during endpoints_close */
    struct upstream_health health;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* health.c: what a call that has ended says about the platform. */
struct health_event {
    enum error_code code; /* ERR_OK: `status` came */
    int status;
    const char *why;   /* where code is not ERR_OK */
    bool stored_token; /* sent with the token that the proxy holds */
    bool is_page;      /* a redirection or HTML, where the platform answers JSON */
    bool is_unfit;     /* upstream_note_unfit */
    int64_t wall_ms;
};

struct upstream {
    struct loop *loop;
    struct endpoints *endpoints; /* NULL: there is one address only */
    struct list on_wire;         /* calls, if there are several addresses */
    unsigned n_good_probes;      /* in a row, while the breaker is open */
    struct arena arena;          /* the option texts */
    struct upstream_options options;
    struct wire wire;
    CURLU *base;
    CURLSH *share; /* names and TLS sessions, for all connections */
    struct str base_path;
    struct str lines; /* the header lines that every request has */
    struct str host;  /* of base_url, for spans */
    uint16_t port;
    bool bypass_proxy;
    bool tls;
    char *recv_bytes; /* RECV_BYTES */
    struct http_decoder *decoder;
    struct list crowds;
    struct list news;              /* crowds that have got a new connection or call */
    struct list resting;           /* connections, the last used one first */
    uint64_t looked_ms;            /* the last look at all of them */
    bool looked_at_all;            /* that look covered each connection */
    struct deadline rest_deadline; /* when the oldest one becomes too old */
    struct queue queue;
    struct breaker breaker;
    struct upstream_call probe; /* while the breaker is open; with several addresses always */
    struct secret probe_token;
    struct deadline probe_after; /* when the next probe is due */
    struct deadline widen_after; /* calls wait: when the limit of a gate may grow */
    unsigned limit;              /* of the gate whose limit changed last */
    uint64_t limit_told_ms;      /* when the last log line about a limit was written */
    struct list ended;           /* calls whose on_done is due */
    struct list touched;         /* transfers whose stream has something to tell */
    struct list transfers;       /* at rest */
    struct list unopened;        /* transfers that wait for a connection: pool_serve */
    unsigned opens_turn;         /* the loop's turn that `n_opens` counts in */
    unsigned n_opens;
    struct later_item due; /* runs upstream_dispatch when no event does */
    unsigned n_running;    /* every call started and not yet ended */
    unsigned n_transfers;
    unsigned n_connections;
    uint64_t n_opened;             /* connections, ever */
    uint64_t doubted[DOUBTED_MAX]; /* serials; the newest overwrites the oldest */
    unsigned n_doubted;            /* ever */
    struct retry_budget budget;
    struct upstream_health health;
    const struct upstream_call *judged; /* its on_done runs, and may call it unfit */
    bool is_unfit;
    struct health_event event; /* of `judged` */
    bool dispatching;
    bool in_events; /* upstream_dispatch follows: no later item is needed */
    bool closing;
    unsigned open_handles; /* uv handles not yet closed */
    void (*on_closed)(void *context);
    void *closed_context;
};

/* The request and the answer of one try as bytes. Another call uses the struct afterwards. */
struct upstream_transfer {
    struct list link; /* upstream.transfers, or upstream.unopened */
    struct upstream *upstream;
    struct upstream_call *call; /* NULL: at rest */
    unsigned serial;            /* counts the calls it served */
    bool trying;
    struct upstream_connection *connection; /* NULL: no try, or it waits for one */
    struct deadline deadline;               /* of the try, or of the stream's silence */
    char why[CURL_ERROR_SIZE];
    /* request */
    struct buf out; /* head and short body; of a stream: bytes that are being sent */
    size_t out_at;
    struct str rest_of_body; /* of a long body, which is not copied: the unsent part */
    bool forbidden;          /* may_send said no */
    bool may_have_left;
    bool send_failed;      /* an answer may be there all the same */
    bool repeated;         /* the request was sent again, on another connection */
    uint64_t connected_us; /* when a connection was made for this try; 0: a kept one is used */
    /* answer */
    struct http_answer *answer;
    struct buf body;
    size_t n_sifted; /* bytes that went to the sieve; 0: the answer is still short */
    bool answered;   /* some byte came */
    bool may_rest; /* the connection may be kept: the answer is complete, with no byte behind it */
    /* stream */
    bool streaming;
    struct list touch; /* upstream.touched */
    struct buf in;     /* for the owner */
    struct buf up;     /* from the owner, with framing; sent after `out` */
    int64_t up_left;   /* bytes that a body with a length still lacks */
    bool head_told;
    bool wire_done;    /* no further try; what came may still have to be told */
    bool owner_paused; /* on_data returned false */
    bool owner_slow;   /* the owner has paused at least once */
    bool held_back;    /* nothing is read: `in` is full */
    bool up_last;
    bool owner_waits; /* for on_drain */
};

/* --- wire.c */
void wire_open(struct upstream *upstream);
void wire_close(struct upstream *upstream);
/* Watches an established connection for the events of `mask`; 0: for none. */
void wire_watch(struct upstream_connection *connection, uint32_t mask);
void wire_forget(struct upstream_connection *connection);
/* Handles the pending events of connections at rest at once; those of other connections wait for their turn.
 * False: there may be more pending events. */
bool wire_look(struct upstream *upstream);
int wire_on_wish(CURL *easy, curl_socket_t fd, int what, void *crowd, void *unused);
curl_socket_t wire_open_socket(void *connection, curlsocktype purpose,
                               struct curl_sockaddr *address);
int wire_close_socket(void *upstream, curl_socket_t fd);

/* --- connect.c */
enum io { IO_OK, IO_AGAIN, IO_CLOSED, IO_FAILED };

void connect_open(struct upstream *upstream);
void connect_close(struct upstream *upstream);
bool connect_may_open(struct upstream *upstream); /* one more in this turn? */
/* Ends with transfer_on_connected or transfer_on_unconnected, from connect_drive or an event. */
void upstream_connection_open(struct upstream_transfer *transfer);
void upstream_connection_close(struct upstream_connection *connection);
/* Not from inside a callback of libcurl. After IO_AGAIN the same bytes must be sent from the same
 * address. IO_FAILED: connect_why says why. */
enum io upstream_connection_send(struct upstream_connection *connection, struct str bytes,
                                 size_t *out_n);
enum io upstream_connection_receive(struct upstream_connection *connection, char *to,
                                    size_t *out_n);
/* Opens what may be opened in this turn, and lets libcurl go on with it. */
void connect_drive(struct upstream *upstream);
void crowd_act(struct crowd *crowd, curl_socket_t fd, int what);
/* Why the connection failed, without possible secrets; `otherwise` if libcurl gave no cause. */
const char *connect_why(struct upstream_connection *connection, const char *otherwise);

/* --- pool.c */
/* The transfer gets a connection at rest or a new one, and sends: now, or when its turn comes. */
void pool_connect(struct upstream_transfer *transfer);
void pool_open(struct upstream_transfer *transfer); /* a new connection only */
/* True: the transfer still waits for a connection. Sets `why`; this is no failure of the platform. */
bool pool_makes_wait(struct upstream_transfer *transfer);
/* Gives connections to the transfers that wait for one, in order, while one rests or may be opened. */
void pool_serve(struct upstream *upstream);
void pool_give(struct upstream_connection *connection);
void pool_on_event(struct upstream_connection *connection); /* an event of a connection at rest */
/* True: on a new connection something came, or it ended, before its first request. */
bool pool_hears(struct upstream_connection *connection);
void pool_close(struct upstream *upstream);
/* True: bytes on it may be the answer to an earlier request (upstream_doubt_answer). */
bool pool_doubts(const struct upstream_connection *connection);

/* --- request.c */
enum error_code headers_check(const struct upstream_header *headers, size_t n,
                              struct error *err) MUST_CHECK;
enum error_code request_check(const struct upstream_request *request, struct error *err) MUST_CHECK;
void request_write(struct upstream_transfer *transfer); /* out and rest_of_body */
/* Asks request.may_send, and sets `forbidden`. */
bool request_is_forbidden(struct upstream_transfer *transfer);
void request_forget(struct upstream_transfer *transfer); /* wipes: it holds a credential */

/* --- transfer.c */
struct upstream_transfer *transfer_take(struct upstream *upstream, struct upstream_call *call);
void transfer_give(struct upstream_transfer *transfer); /* back to rest */
void transfers_trim(struct upstream *upstream, unsigned n_keep);
/* Begins a try. It ends with upstream_on_try_end, which never comes from inside of this call. */
void transfer_begin(struct upstream_transfer *transfer, unsigned timeout_ms);
/* Lets go of the connection, and fills the reply of the call with what came. */
void transfer_leave(struct upstream_transfer *transfer);
void transfer_send(struct upstream_transfer *transfer);
void transfer_read(struct upstream_transfer *transfer);
void transfer_set_deadline(struct upstream_transfer *transfer, unsigned wait_ms);
void transfer_on_connected(struct upstream_transfer *transfer);
void transfer_on_unconnected(struct upstream_transfer *transfer, const char *why);
void transfer_on_event(struct upstream_transfer *transfer, uint32_t events);

bool upstream_can_repeat(
    const struct upstream_call *call); /* no stream, or one without own body that told nothing */

/* --- content.c */
bool content_keep(struct upstream_transfer *transfer, struct str piece); /* false: too long */
/* Decodes the content once all of it is there. */
enum error_code content_decode(struct upstream_transfer *transfer) MUST_CHECK;

/* --- stream.c */
void stream_set_up(struct upstream_transfer *transfer);
void stream_tear_down(struct upstream_transfer *transfer);
void stream_touch(struct upstream_transfer *transfer);
void stream_deliver(struct upstream_transfer *transfer);

/* --- open.c */
void upstream_close_now(struct upstream *upstream);
void upstream_on_handle_closed(struct upstream *upstream);

void upstream_close_one(struct upstream *upstream, void (*on_closed)(void *context), void *context);

/* --- outcome.c */
enum try_end {
    TRY_ANSWERED,    /* whatever the status */
    TRY_UNCONNECTED, /* no connection came about */
    TRY_BROKEN,      /* the connection broke before the answer was complete */
    TRY_LATE,
    TRY_UNREADABLE, /* not HTTP, ambiguous framing, or damaged compression */
    TRY_TOO_BIG,
    TRY_FORBIDDEN, /* it waited too long for us: may_send said no, or no connection was made */
    TRY_STARVED    /* this process may not open one more descriptor */
};

struct outcome {
    enum try_end end;
    enum call_class class;
    int status; /* 0: no head came */
    bool may_have_left;
};

enum error_code outcome_code(const struct outcome *outcome);
bool outcome_is_retryable(const struct outcome *outcome, enum error_code code,
                          unsigned retry_after_s);
/* Milliseconds before try number `tries` + 1. */
uint64_t retry_delay_ms(unsigned base_ms, unsigned tries, unsigned retry_after_s);
void budget_open(struct retry_budget *budget);
void budget_save(struct retry_budget *budget, unsigned percent); /* a call went well */
/* Takes one retry; false: the budget is used up. */
bool budget_take(struct retry_budget *budget);

/* --- told.c */
void upstream_count_end(const struct upstream_call *call);
void upstream_fill_reply(struct upstream_transfer *transfer); /* fills call.reply from the answer */
/* Sets the call's error; `late`: no answer came in time. */
void upstream_explain(struct upstream_call *call, enum error_code code, const char *why, bool late);

/* --- endpoints.c: upstream_each is for any upstream, the others for one of several addresses */
void endpoints_join(struct upstream *const *items, size_t n);
void endpoints_close(struct endpoints *endpoints, void (*tell)(void *context), void *context);
struct upstream *endpoints_pick(const struct endpoints *endpoints); /* where a call begins */
bool endpoints_has_other(
    const struct upstream *upstream); /* another address is up; false if there is only one */
/* A try has failed. True: the call goes on at another address. */
bool endpoints_take_failed(struct upstream_call *call, const struct outcome *outcome,
                           enum error_code code);
/* The same for a call that waits at an address whose breaker is open. */
bool endpoints_take_waiting(struct upstream_call *call);
/* Moves calls on the wire that can be repeated to another address, a few in a turn. */
void endpoints_empty(struct upstream *upstream);
/* The breaker of this address has opened or closed. */
void endpoints_note_change(const struct upstream *upstream, const char *cause);
const struct upstream_health *endpoints_health(struct endpoints *endpoints);
size_t upstream_each(struct upstream *upstream, struct upstream *out[UPSTREAM_ENDPOINTS_MAX]);

/* --- upstream.c */
bool upstream_has_time(const struct upstream_call *call); /* for one more try */
/* Ends the try on the wire as if it had been cancelled. */
void upstream_leave_wire(struct upstream_call *call);
/* The call waits for delay_ms, and then tries again at `upstream`. */
void upstream_go_on_at(struct upstream_call *call, struct upstream *upstream, uint64_t delay_ms);
void upstream_on_try_end(struct upstream_transfer *transfer, enum try_end end);
void upstream_end_later(struct upstream_call *call);
/* The caller has set call->error. */
void upstream_end_waiting(struct upstream_call *call, enum error_code code);
/* Lets calls that wait begin. */
void upstream_admit(struct upstream *upstream);
void upstream_dispatch(struct upstream *upstream);
void upstream_dispatch_later(struct upstream *upstream);

/* observed.c: the call has ended, or is cancelled */
void call_span_write(const struct upstream_call *call);
/* Metrics of calls to the platform; nothing where `upstream` is another client */
void count_one(const struct upstream *upstream, enum metric metric);
void count_change(const struct upstream *upstream, enum metric gauge, int change);

void health_note(struct upstream_health *health, const struct health_event *event);
void health_note_breaker(struct upstream_health *health, bool open, int64_t wall_ms);

/* --- guard.c */
/* May this call be started? */
enum error_code guard_admits(struct upstream *upstream, struct upstream_call *call,
                             struct error *err) MUST_CHECK;
/* The call has just begun to wait: the limit of its gate may grow for it. */
void guard_note_waiting(const struct upstream_call *call);
void guard_note_connected(const struct upstream_call *call, uint64_t now_us);
/* A try has ended; its gate still counts it. */
void guard_note_try(struct upstream_call *call, enum error_code code, uint64_t now_us);
void guard_note_call(struct upstream_call *call, enum error_code code);
/* Nothing was sent, since this process may not open one more descriptor. */
void guard_note_starved(struct upstream_call *call, const char *why);
/* The owner judges whether an answer is fit, so health counts the call only after on_done (guard_note_judged). */
void guard_awaits_judgement(const struct upstream_call *call, enum error_code code);
void guard_note_judged(struct upstream *upstream);
/* While the breaker is open: ends waiting calls, or moves them to another address; a few in a turn. */
void guard_drop_waiting(struct upstream *upstream);
enum error_code guard_say_away(const struct upstream *upstream, struct error *err);
void guard_configure(struct upstream *upstream, const struct upstream_options *options);
void guard_begin_probes(struct upstream *upstream); /* of one of several addresses */
void guard_close(struct upstream *upstream);

#endif
