/* What the files of this room share.
 *
 * open.c      open and close
 * upstream.c  start, cancel, admission, retries, ends
 * queue.c     who is next: gates, priorities, what is refused at once (queue.h)
 * adapt.c     pure: how many calls at once the platform takes (adapt.h)
 * breaker.c   pure: whether it is there at all (breaker.h)
 * guard.c     what each end means for these three and for health; the probes
 * transfer.c  one try: a request sent, an answer read, the connection kept or closed
 * content.c   what is kept of an answer's content
 * request.c   what may be sent, and a request as bytes
 * stream.c    direct access: bytes in pieces, waiting both ways
 * pool.c      connections at rest
 * connect.c   libcurl: connections are made, written and read by it
 * wire.c      one epoll of ours for all descriptors, watched by one uv_poll
 * endpoints.c several addresses of one platform
 * told.c      what is told of a call that has ended
 * outcome.c   pure: what the end of a try means, whether and when to try again
 *
 * Promise inside the room: no owner is called from inside a libcurl callback, and no libcurl
 * function is called from there either. Callbacks only note; upstream_dispatch calls up. */
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
    OPENS_A_TURN = 16 /* connections: each costs as much as the command that needs it */
};

/* Retries, in hundredths: each call that goes well saves up `percent` of them, each retry takes a
 * hundred. So in an outage, when nothing goes well, only what was saved up is spent. */
struct retry_budget {
    unsigned hundredths;
};

struct upstream_connection;

/* One descriptor; index of the table is the descriptor. */
struct watch {
    uint32_t generation; /* tells a reused descriptor's events from its predecessor's */
    uint32_t mask;       /* registered with the epoll; 0 not registered */
    uint32_t want;       /* what libcurl wants while it is libcurl's */
    bool ours;           /* a connection: opened and closed through our callbacks */
    struct crowd *crowd; /* libcurl's */
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
    uint64_t serial;                    /* of upstream.n_opened */
    unsigned n_answers;
    uint64_t rests_since_ms;
    uint64_t rest_max_ms;
    char why[CURL_ERROR_SIZE];
};

/* The addresses of one platform. Each has an upstream of its own; other rooms know only the first. */
struct endpoints {
    struct upstream *items[UPSTREAM_ENDPOINTS_MAX]; /* the one wanted most in front */
    size_t n;
    size_t n_up;   /* that are there */
    size_t in_use; /* where calls begin */
    size_t n_open; /* while they close */
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
    struct list on_wire;         /* calls, where there are several */
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
    struct list resting;           /* connections, the one used last first */
    uint64_t looked_ms;            /* the last look at all of them */
    bool looked_at_all;            /* it saw each */
    struct deadline rest_deadline; /* of the one used first */
    struct queue queue;
    struct breaker breaker;
    struct upstream_call probe; /* while the breaker is open */
    struct secret probe_token;
    struct deadline probe_after; /* the next one is due */
    struct deadline widen_after; /* calls wait, and a gate may take more of them by then */
    unsigned limit;              /* of the gate whose limit changed last */
    uint64_t limit_told_ms;      /* the last line about a limit */
    struct list ended;           /* calls whose on_done is due */
    struct list touched;         /* transfers whose stream has something to tell */
    struct list transfers;       /* at rest */
    struct list unopened;        /* transfers that wait for a connection: pool_serve */
    unsigned opens_turn;         /* the loop's turn that `n_opens` counts in */
    unsigned n_opens;
    struct later_item due; /* what is due when nothing else would run it */
    unsigned n_running;    /* every call started and not yet ended */
    unsigned n_transfers;
    unsigned n_connections;
    uint64_t n_opened;             /* connections, ever */
    uint64_t doubted[DOUBTED_MAX]; /* serials, the newest over the oldest */
    unsigned n_doubted;            /* ever */
    struct retry_budget budget;
    struct upstream_health health;
    const struct upstream_call *judged; /* its owner is told of its end, and may call it unfit */
    bool is_unfit;
    struct health_event event; /* of `judged` */
    bool dispatching;
    bool in_events; /* upstream_dispatch follows: no later item is needed */
    bool closing;
    unsigned open_handles; /* uv handles not yet closed */
    void (*on_closed)(void *context);
    void *closed_context;
};

/* The request and the answer of one call as bytes. Kept across its tries, then used by another. */
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
    struct buf out; /* head, short body; of a stream what is on its way */
    size_t out_at;
    struct str rest_of_body; /* a long body, not copied: what is not sent yet */
    bool forbidden;          /* may_send said no */
    bool may_have_left;
    bool send_failed;      /* an answer may be there all the same */
    bool repeated;         /* once, on another connection */
    uint64_t connected_us; /* when the connection that was opened for this try stood; 0: none was */
    /* answer */
    struct http_answer *answer;
    struct buf body;
    size_t
        n_sifted;  /* bytes that went to the sieve of the request; 0: the answer is short as yet */
    bool answered; /* some byte came */
    bool may_rest; /* the connection: the answer is complete, and nothing came behind it */
    /* stream */
    bool streaming;
    struct list touch; /* upstream.touched */
    struct buf in;     /* for the owner */
    struct buf up;     /* from the owner, framed, behind `out` */
    int64_t up_left;   /* of a body with a length */
    bool head_told;
    bool wire_done;    /* no further try; what came may still have to be told */
    bool owner_paused; /* on_data said so */
    bool owner_slow;   /* once */
    bool held_back;    /* nothing is read: `in` is full */
    bool up_last;
    bool owner_waits; /* for on_drain */
};

/* --- wire.c */
void wire_open(struct upstream *upstream);
void wire_close(struct upstream *upstream);
/* Watches an established connection; 0: for nothing, until the next call. */
void wire_watch(struct upstream_connection *connection, uint32_t mask);
void wire_forget(struct upstream_connection *connection);
/* Connections at rest that something has happened to get their event now; the others keep theirs until
 * their turn. False: there may be more of them. */
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
/* What went wrong with it, without what may be secret; `otherwise` where nobody said anything. */
const char *connect_why(struct upstream_connection *connection, const char *otherwise);

/* --- pool.c */
/* The transfer gets a connection and sends, now or when its turn comes: one at rest, or a new one. */
void pool_connect(struct upstream_transfer *transfer);
void pool_open(struct upstream_transfer *transfer); /* a new one */
/* It waits for one, and `why` says so: that says nothing of the platform. */
bool pool_makes_wait(struct upstream_transfer *transfer);
/* Those that wait for a connection, in order: while one rests, or may be made. */
void pool_serve(struct upstream *upstream);
void pool_give(struct upstream_connection *connection);
void pool_on_event(struct upstream_connection *connection); /* something happened to one at rest */
void pool_close(struct upstream *upstream);
/* What comes on it may be the answer to an earlier request (upstream_doubt_answer). */
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
/* One try; it ends with upstream_on_try_end, never from inside. */
void transfer_begin(struct upstream_transfer *transfer, unsigned timeout_ms);
/* Lets go of the connection, and tells the call what came. */
void transfer_leave(struct upstream_transfer *transfer);
void transfer_send(struct upstream_transfer *transfer);
void transfer_read(struct upstream_transfer *transfer);
void transfer_set_deadline(struct upstream_transfer *transfer, unsigned wait_ms);
void transfer_on_connected(struct upstream_transfer *transfer);
void transfer_on_unconnected(struct upstream_transfer *transfer, const char *why);
void transfer_on_event(struct upstream_transfer *transfer, uint32_t events);

bool upstream_can_repeat(
    const struct upstream_call *call); /* nothing of a stream was told or taken */

/* --- content.c */
bool content_keep(struct upstream_transfer *transfer, struct str piece);       /* false: too long */
enum error_code content_decode(struct upstream_transfer *transfer) MUST_CHECK; /* all is there */

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
    TRY_UNREADABLE, /* not HTTP, two ways to read it, a damaged coding */
    TRY_TOO_BIG,
    TRY_FORBIDDEN, /* it waited too long for us: request.may_send said no, or no connection was made */
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
void upstream_fill_reply(struct upstream_transfer *transfer); /* the call's, by its answer */
/* Sets the call's error; `late`: no answer came in time. */
void upstream_explain(struct upstream_call *call, enum error_code code, const char *why, bool late);

/* --- endpoints.c: all but upstream_each for those that are one of several */
void endpoints_join(struct upstream *const *items, size_t n);
void endpoints_close(struct endpoints *endpoints, void (*tell)(void *context), void *context);
struct upstream *endpoints_pick(const struct endpoints *endpoints); /* where a call begins */
bool endpoints_has_other(
    const struct upstream *upstream); /* that is there; NULL is fine for `endpoints` */
/* A try has failed. True: the call goes on at another address. */
bool endpoints_take_failed(struct upstream_call *call, const struct outcome *outcome,
                           enum error_code code);
/* The same for a call that waits where nothing is sent any more. */
bool endpoints_take_waiting(struct upstream_call *call);
/* Calls on the wire that can be repeated go on elsewhere: a few in a turn. */
void endpoints_empty(struct upstream *upstream);
void endpoints_note_change(const struct upstream *upstream, const char *cause); /* of its breaker */
const struct upstream_health *endpoints_health(struct endpoints *endpoints);
size_t upstream_each(struct upstream *upstream, struct upstream *out[UPSTREAM_ENDPOINTS_MAX]);

/* --- upstream.c */
bool upstream_has_time(const struct upstream_call *call); /* for one more try */
/* Ends the try on the wire as if it had been cancelled. */
void upstream_leave_wire(struct upstream_call *call);
/* The call waits, and then tries again there. */
void upstream_go_on_at(struct upstream_call *call, struct upstream *upstream, uint64_t delay_ms);
void upstream_on_try_end(struct upstream_transfer *transfer, enum try_end end);
void upstream_end_later(struct upstream_call *call);
void upstream_end_waiting(struct upstream_call *call, enum error_code code); /* error is set */
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
/* A try has ended; its gate still counts it. */
/* The call has just begun to wait: its gate may take it all the same. */
void guard_note_waiting(const struct upstream_call *call);
void guard_note_connected(const struct upstream_call *call, uint64_t now_us);
void guard_note_try(struct upstream_call *call, enum error_code code, uint64_t now_us);
void guard_note_call(struct upstream_call *call, enum error_code code);
/* Nothing was sent, since this process may not open one more descriptor. */
void guard_note_starved(struct upstream_call *call, const char *why);
/* What an answer is worth its owner says: health hears of it when he has been told. */
void guard_awaits_judgement(const struct upstream_call *call, enum error_code code);
void guard_note_judged(struct upstream *upstream);
/* Calls that wait for nothing any more. */
void guard_drop_waiting(struct upstream *upstream);
enum error_code guard_say_away(const struct upstream *upstream, struct error *err);
void guard_configure(struct upstream *upstream, const struct upstream_options *options);
void guard_begin_probes(struct upstream *upstream); /* of one of several addresses */
void guard_close(struct upstream *upstream);

#endif
