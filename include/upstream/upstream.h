/* HTTP/1.1 calls to the platform on kept connections, behind start, cancel and done. No other
 * room knows that libcurl makes the connections.
 *
 * Owner: the caller embeds the upstream_call and keeps request data alive until done or cancel.
 * Promise: on_done comes exactly once, from a later loop turn, unless upstream_cancel came first,
 * after which it never comes. Admission: at most max_active calls are on the wire, and for one
 * credential at most as many as the platform was found to take. max_waiting more wait, by priority and
 * order of arrival. Past that, or when the deadline could not be met, upstream_start returns ERR_OVERLOADED. While the
 * platform is known to be away (the breaker is open) it returns ERR_UPSTREAM_AWAY. Reads are retried (budget,
 * jitter, inside the deadline) on connect failure, 502, 503, 504 and 429; creates only when the
 * request provably never left. A create whose request left and whose answer did not come ends as
 * ERR_OUTCOME_UNKNOWN. */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/list.h"
#include "base/secret.h"
#include "base/str.h"
#include "upstream/class.h"
#include "upstream/tokens.h"

struct deadlines;
struct http_answer;
struct later;
struct loop;
struct trace;
struct upstream;
struct upstream_call;
struct upstream_transfer; /* private: the bytes of a call */

enum { UPSTREAM_ENDPOINTS_MAX = 8 };

struct upstream_options {
    struct str base_url;      /* "https://api-app2.virtuoso.qa/api" */
    const struct str *others; /* more addresses of the same platform, in order of preference */
    size_t n_others;          /* below UPSTREAM_ENDPOINTS_MAX */
    unsigned probe_each_ms;   /* with several addresses: each is probed so often */
    unsigned back_after;      /* good probes in a row until an address is used again */
    struct str client_id;     /* X-Virtuoso-Client-ID; empty: not sent */
    struct str client_name;   /* X-Virtuoso-Client-Name */
    struct str ca_file;       /* empty: the system's */
    struct str client_certificate_file, client_key_file; /* PEM; empty: none is shown */
    bool verify_tls;
    bool is_proxy; /* the server is another instance of this proxy: calls carry Via */
    unsigned connect_timeout_ms;
    unsigned timeout_ms; /* one try, from admission to the last byte */
    unsigned max_active;
    unsigned initial_active;       /* of one credential, until its limit is found; 0: max_active */
    unsigned max_waiting;          /* calls of the background and probes do not count */
    size_t max_reply_bytes;        /* after decompression */
    unsigned max_tries;            /* for retryable calls, the first included */
    unsigned retry_base_ms;        /* doubles with each try, full jitter */
    unsigned retry_budget_percent; /* retries per 100 calls that went well; 10 can be saved up */
    bool is_other;                 /* not the platform: no metrics and no health lines of it */
    bool public_only; /* connects only to addresses of the public internet, whatever a name resolves
                         to, and through no proxy */
    bool is_direct;   /* through no proxy */
    bool breaker;     /* send nothing but probes while the platform is away */
    const struct secret *probe_token; /* for the probe GET /user; NULL: no token. Copied */
};

enum { UPSTREAM_MAX_HEADERS = 80, UPSTREAM_SEND_MAX = 1 << 20, UPSTREAM_SIEVE_MIN = 64 * 1024 };

enum call_priority {
    CALL_USUAL,      /* somebody waits for the answer */
    CALL_BACKGROUND, /* test runs: after the usual ones, but not for ever */
    CALL_PROBE,      /* before all; also while the breaker is open */
    CALL_N_PRIORITIES
};

struct upstream_header {
    struct str name;
    struct str value;
};

/* Decides what is kept of a long answer, as reply.body. The sieve gets all of the content in order, decoded.
 * `at`: how many bytes of the answer came before this piece; 0: a new answer begins. max_reply_bytes limits the
 * bytes that came, not those that are kept. */
struct upstream_sieve {
    void (*take)(struct upstream_sieve *sieve, size_t at, struct str piece, struct buf *kept);
};

struct upstream_request {
    struct str method;
    struct str path;  /* below the base URL, begins with '/' */
    struct str query; /* without '?'; empty: none */
    struct str body;
    struct str content_type;        /* empty with a body: application/json */
    const struct secret *token;     /* Bearer; NULL: none */
    struct upstream_tokens *tokens; /* instead of token: the stored ones; NULL: none */
    struct str bearer;              /* instead of token: the caller's own (passthrough) */
    struct str request_id;          /* X-Request-Id; empty: none */
    struct str traceparent;
    struct str tracestate;     /* of the caller, passed on as it came; empty: none */
    const struct trace *trace; /* of the request that needs the call; NULL: no span is written */
    struct str parent_span;    /* empty: the span of the trace */
    const struct upstream_header
        *headers;     /* more, may be NULL; Accept and User-Agent replace ours */
    size_t n_headers; /* at most UPSTREAM_MAX_HEADERS */
    enum call_class class;
    enum call_priority priority;
    size_t label;           /* metrics: index of the call name */
    unsigned timeout_ms;    /* 0: options */
    unsigned deadline_ms;   /* whole call with waiting and retries; 0: none */
    size_t max_reply_bytes; /* 0: options */
    /* Asked just before the first byte of each try. False: nothing is sent, and the call ends with
     * ERR_OVERLOADED. NULL: it may be sent. */
    bool (*may_send)(const void *sender);
    const void *sender;
    const char *wants; /* one more header of the answer, for reply.wanted; NULL: none */
    /* Gets an answer that is longer than UPSTREAM_SIEVE_MIN; NULL: all of it is kept. Not for streams. */
    struct upstream_sieve *sieve;
};

struct upstream_reply {
    int status;
    struct str content_type;
    struct str body;        /* whole; it and the other texts are valid until on_done returns */
    unsigned retry_after_s; /* 0: none */
    struct str location;
    struct str etag;
    struct str cache_control; /* several lines may contradict each other: "no-store" */
    struct str date;
    struct str wanted;              /* of request.wants */
    const struct http_answer *head; /* for upstream_headers; valid as long as the texts */
};

/* Streaming, for direct access, in bounded memory both ways. on_head and on_data come before
 * on_done; on_data has taken its bytes also when it returns false, which means: no more until
 * upstream_resume. The request body comes from upstream_send when `streams_body` is set; it may be
 * called as soon as upstream_start has returned. Bytes of the answer come as they were sent (no
 * decompression), without a ceiling. There is no further try once a part of the answer has been told,
 * and none at all for a call that streams its body. A stream has no total time limit unless request.timeout_ms is set:
 * instead it ends with ERR_UPSTREAM_TIMEOUT when the platform neither takes nor sends a byte for
 * options.timeout_ms (waiting for our own side does not count). */
struct upstream_stream {
    void (*on_head)(struct upstream_call *call, int status, const struct upstream_header *headers,
                    size_t n);
    bool (*on_data)(struct upstream_call *call, struct str bytes);
    void (*on_drain)(struct upstream_call *call); /* request body: room again */
    bool streams_body;
    int64_t body_length; /* -1: chunked */
};

/* Writes all header fields of an answer, at most HTTP_ANSWER_MAX_HEADERS; returns how many. */
size_t upstream_headers(const struct http_answer *head, struct upstream_header *out);

typedef void (*upstream_done_fn)(struct upstream_call *call, enum error_code code);

struct upstream_call {
    /* in */
    struct upstream_request request;
    const struct upstream_stream *stream; /* NULL: buffered */
    upstream_done_fn on_done;
    /* out */
    struct upstream_reply reply; /* when code is ERR_OK: any status the platform sent */
    struct error error;          /* when not */
    unsigned tries;
    uint64_t wait_us;   /* for admission */
    uint64_t wire_us;   /* on the wire, all tries */
    bool may_have_left; /* some byte of the request may have reached the platform */
    bool was_kept; /* its connection had answered before: it may be an earlier request's answer */
    /* private */
    struct upstream *upstream;
    struct gate *gate;
    bool connects_only; /* a probe without a request */

    enum { CALL_IDLE, CALL_WAITING, CALL_ACTIVE, CALL_BACKOFF, CALL_ENDING } state;
    struct list link;
    struct deadline deadline;
    struct deadline retry;
    struct upstream_transfer *transfer;
    enum error_code end_code;
    uint64_t start_us;
    uint64_t begin_us; /* of the call; start_us is the begin of the try */
    uint64_t begin_ms;
    unsigned n_moves;  /* from one address of the platform to another */
    unsigned token_at; /* of request.tokens, for this try */
    unsigned token_generation;
    bool token_changed;         /* one token was refused, and the call goes on with the other */
    bool is_unfit;              /* upstream_note_unfit */
    uint64_t connection_serial; /* of the connection of its answer; 0: that was not kept */
};

/* The options of a client for another server than the platform: TLS is checked, one call at a time, one try each. */
struct upstream_options upstream_options_of_other(struct str base_url, struct str ca_file,
                                                  unsigned connect_timeout_ms, unsigned timeout_ms,
                                                  size_t max_reply_bytes);
enum error_code upstream_open(struct loop *loop, const struct upstream_options *options,
                              struct upstream **out, struct error *err) MUST_CHECK;
/* Times, numbers and retries: for calls that begin from now on. Where the platform is and how its
 * certificate is checked stay as they were. */
void upstream_configure(struct upstream *upstream, const struct upstream_options *options);
/* All calls must have ended. on_closed is called when the last handle is closed. */
void upstream_close(struct upstream *upstream, void (*on_closed)(void *context), void *context);

/* Zero the call, fill `request` and `on_done`, start. Unless it returns ERR_OK, on_done never comes.
 * ERR_OVERLOADED: the queue is full, or the deadline could not be met; ERR_UPSTREAM_AWAY: the
 * breaker is open (both with retry_after_s); ERR_INVALID: a path, query or header value that could not be
 * sent as it is (control characters, dot segments, framing headers). */
enum error_code upstream_start(struct upstream *upstream, struct upstream_call *call,
                               struct error *err) MUST_CHECK;
void upstream_cancel(struct upstream_call *call); /* any stage; idempotent; zeroed is fine */
bool upstream_is_running(const struct upstream_call *call);
/* True: the call is a create or a change and was handed to the wire, so cancelling would not undo it. */
bool upstream_is_on_wire(const struct upstream_call *call);

/* The base URL of the address that the call was last sent to. */
struct str upstream_call_base(const struct upstream_call *call);
/* The token that the call was last sent with; empty: none. */
struct str upstream_call_token(const struct upstream_call *call);
/* True: another one has taken its place since then, so nobody knows any more which token the answer may repeat. */
bool upstream_call_token_is_gone(const struct upstream_call *call);

void upstream_resume(struct upstream_call *call);
/* Takes all bytes (at most UPSTREAM_SEND_MAX at once). False: wait for on_drain before the next. */
bool upstream_send(struct upstream_call *call, struct str bytes, bool last);

/* The answer of a call that has ended does not fit its request. The answer may belong to an earlier
 * request, and the right one may still come, so no further answer on that connection is used. A read
 * that has been sent on the connection meanwhile is repeated on another one; a create ends as
 * ERR_OUTCOME_UNKNOWN. A call that was never started is fine. */
void upstream_doubt_answer(const struct upstream_call *call);
/* To be called before on_done returns: the answer is a success, but lacks what was asked for. Health counts it as a
 * failure. */
void upstream_note_unfit(struct upstream_call *call);
/* To be called before on_done returns: the answer only says that another call must be made for the same thing. Health
 * does not count this one. */
void upstream_note_undecided(const struct upstream_call *call);

/* Closes the connections at rest: after a pause of the whole machine the other side may have dropped any of
 * them. */
void upstream_forget_connections(struct upstream *upstream);
unsigned upstream_n_active(struct upstream *upstream);
unsigned upstream_n_waiting(struct upstream *upstream);
/* How many calls at once were found to be the limit, of the credential whose limit changed last. */
unsigned upstream_limit(const struct upstream *upstream);

/* How the platform does. PASS again as soon as a call or a probe succeeds; WARN after 3 calls in a
 * row that failed for no fault of their caller (no answer, 5xx, a page, an answer that does not hold what was asked
 * for, a refusal of all that our account asks); FAIL after 10, while the breaker is open, or when the stored
 * token was refused with 401. A row of 403 alone stays WARN where the token has served before. Each change is
 * logged. */
enum upstream_state { UPSTREAM_PASS, UPSTREAM_WARN, UPSTREAM_FAIL };

struct upstream_health {
    enum upstream_state state;
    unsigned failures;     /* calls in a row */
    bool token_refused;    /* by the last answer to a call with the stored token */
    bool breaker_open;     /* nothing but probes is sent */
    int64_t since_wall_ms; /* time of the first of these failures; 0: none */
    int64_t good_wall_ms;  /* time of the last answer that was no refusal and no failure; 0: none */
    char last_error[ERROR_TEXT_MAX];
};

const struct upstream_health *upstream_health(const struct upstream *upstream);
const char *upstream_state_name(enum upstream_state state); /* "pass" */

/* One of several addresses of the platform. */
struct upstream_endpoint {
    struct str host;
    bool is_up;
    bool in_use;            /* calls begin here */
    unsigned n_good_probes; /* in a row, since it went away */
    int64_t since_wall_ms;  /* the begin of its trouble; 0: none */
    const char *last_error; /* valid until the next turn */
};

/* 0: there is one address only. */
size_t upstream_endpoints(const struct upstream *upstream,
                          struct upstream_endpoint out[UPSTREAM_ENDPOINTS_MAX]);
/* True: calls begin at another address, since the first one is away. NULL is fine: false. */
bool upstream_is_elsewhere(const struct upstream *upstream);
/* Deadlines and later items of the loop, for rooms that may not see the loop (plan). */
struct deadlines *upstream_deadlines(const struct upstream *upstream);
struct later *upstream_later(const struct upstream *upstream);

#endif
