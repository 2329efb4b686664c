/* store: what several processes of this program share. One port, several backends: versioned
 * documents, streams, rate limits and leases. An operation is asynchronous: store_start, then
 * exactly one on_done from a later turn of the loop, or store_cancel and none.
 *
 * Keys are made of [A-Za-z0-9_.:-] and '/', at most STORE_KEY_MAX bytes; they hold digests of
 * identities, never tokens. What stands before the last '/' of a key is its group: STORE_LIST walks
 * the keys of one group. Documents, streams, limits and leases have separate sets of keys.
 *
 * Versions, sequence numbers and fencing numbers only grow: within one key no number comes twice,
 * not even after the document was removed or has expired.
 *
 * Owner: store_open/store_close; the caller of store_start embeds a store_op. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/later.h"
#include "base/list.h"
#include "base/str.h"

struct loop; /* net/loop.h */
struct store;
struct store_op;
struct trace;

enum {
    STORE_KEY_MAX = 200,
    STORE_BYTES_MAX = 1024 * 1024, /* one document, or one entry of a stream */
    STORE_LIMIT_MAX = 100,         /* items of one STORE_LIST or STORE_READ */
    STORE_STREAM_MAX = 50000,      /* entries that a stream keeps: those of the longest test run */
    STORE_RATE_MAX = 1000000,      /* a second, of STORE_COUNT */
    STORE_BURST_MAX = 10000000,    /* and at once */
    STORE_WAIT_MAX_MS = 60000,
    STORE_PREFIX_MAX = 32
};

static const uint64_t STORE_TTL_MAX_MS = UINT64_C(400) * 24 * 3600 * 1000;

enum store_kind {
    STORE_GET,
    STORE_PUT,
    STORE_REMOVE,
    STORE_LIST,
    STORE_APPEND,
    STORE_READ,
    STORE_COUNT,
    STORE_LEASE,
    STORE_RENEW,
    STORE_RELEASE,
    STORE_WATCH,
    /* The names of all documents, or of all streams, some at a time. Those that change meanwhile may be missed. */
    STORE_WALK,
    STORE_ABOUT, /* what the store says about itself */
    STORE_KIND_N
};

enum store_expect {
    STORE_ANY,    /* whatever is there */
    STORE_ABSENT, /* nothing is there */
    STORE_VERSION /* the version of the request is there */
};

/* Only the members that the kind needs are read. store_start copies the texts. */
struct store_request {
    enum store_kind kind;
    struct str key; /* LIST: a group, without the '/' behind it; WALK, ABOUT: none */
    /* GET, PUT, LIST, APPEND, READ: the format of `bytes`, and the newest format that the caller can
     * read; at least 1. What is stored in a newer format is ERR_STORE_UNREADABLE and stays as it is. */
    unsigned format;
    struct str bytes;         /* PUT, APPEND; RELEASE: what the next holder is given */
    enum store_expect expect; /* PUT, REMOVE */
    uint64_t version;
    uint64_t ttl_ms; /* PUT, APPEND: 0 for ever; LEASE, RENEW: at least 1 */
    /* PUT: the document lives no longer than this, counted from its first PUT by the clock of the
     * store; 0: no such limit. */
    uint64_t max_age_ms;
    bool touches;      /* GET: the time to live of the document begins anew */
    bool streams;      /* WALK: of streams */
    uint64_t sequence; /* APPEND: number of the entry, above all that are there; 0: the next one */
    struct str
        name; /* LIST: only names behind this one; WALK: the last `next`; empty: from the first */
    uint64_t after; /* READ, WATCH: only entries behind this sequence number; 0: from the first */
    unsigned
        limit; /* LIST, READ: the most items; WALK: about so many; APPEND: the most entries that stay */
    unsigned wait_ms;  /* READ, WATCH: how long to wait for the first entry; 0: do not wait */
    unsigned rate;     /* COUNT: a second */
    unsigned burst;    /* COUNT: at once */
    unsigned cost;     /* COUNT: at most `burst` */
    struct str holder; /* LEASE, RENEW, RELEASE: not empty, spelled like a key without '/' */
    uint64_t fence;    /* RENEW, RELEASE: the number that LEASE told */
};

struct store_item {
    struct str name;   /* LIST: the key behind its group and '/'; WALK: the key */
    uint64_t sequence; /* READ: of the entry; LIST, WALK: the version of the document */
    uint64_t left_ms;  /* LIST, WALK: as in the result; READ: of the stream */
    unsigned format;   /* READ: of the entry; WALK: of the document */
    struct str bytes;  /* LIST, READ */
};

/* Texts live until on_done returns. */
struct store_result {
    /* ERR_OK or why not:
     * ERR_NOT_FOUND          GET: nothing is there
     * ERR_CONFLICT           PUT, REMOVE: something else is there than was expected;
     *                        APPEND: an entry of that number, or behind it, is there;
     *                        LEASE: another one holds it; RENEW, RELEASE: it is held no more
     * ERR_INVALID, ERR_TOO_BIG    the request is wrong
     * ERR_STORE_AWAY         the store does not answer, is full or refuses to write (retry_after_s is set)
     * ERR_STORE_UNREADABLE   what is there has a newer format or is not ours */
    struct error error;
    bool in_doubt;            /* with ERR_STORE_AWAY: it may have been carried out all the same */
    uint64_t version;         /* GET: of the document; PUT, APPEND: the new one */
    uint64_t left_ms;         /* GET, PUT: until the document expires; 0: it does not */
    uint64_t age_ms;          /* GET, PUT: since its first PUT */
    struct str bytes;         /* GET; LEASE: what the last holder left; ABOUT: lines "name:value" */
    struct store_item *items; /* LIST, READ: in order */
    size_t n_items;
    struct str next;         /* LIST: go on behind this name; empty: that was all */
    bool allowed;            /* COUNT */
    unsigned remaining;      /* COUNT: what would be allowed now */
    uint64_t retry_after_ms; /* COUNT: when the same is allowed; LEASE: when the lease ends */
    uint64_t fence;          /* LEASE */
    /* LEASE: there was no lease, its last holder has released it, or that holder is the caller. */
    bool orderly;
    bool wanted; /* RENEW: another process has asked for it since the last renewal */
    /* READ: the stream ends before `after`: it was removed, or Redis has lost its end. Nothing is waited for;
     * `sequence` is its last entry, 0 if there is none. Never set by a bucket or a collection: they lose nothing. */
    bool rewound;
    /* WATCH: number of the last event, for the next WATCH; `after` if there was none. LEASE: the same, also
     * when another process holds the lease: a later event is news. */
    uint64_t sequence;
};

typedef void (*store_done_fn)(struct store_op *op, const struct store_result *result);

/* The caller of store_start embeds it; zeroed is fine for store_cancel. */
struct store_op {
    struct list link; /* private from here */
    struct store *store;
    store_done_fn on_done;
    struct store_request request;
    struct str key; /* with its prefix */
    struct store_result result;
    struct arena arena; /* of the request and the result */
    struct deadline deadline;
    struct later_item soon;
    uint64_t began_us;
    const struct trace *trace; /* of the request that it was begun for; NULL: no span */
    void *backend;             /* what the backend keeps for it */
};

struct store_options {
    struct str prefix; /* before every key, at most STORE_PREFIX_MAX bytes of a key's */
    unsigned timeout_ms;
    uint64_t max_bytes; /* memory: what all documents and streams may take */
};

/* ERR_INVALID: an option is wrong; the text says which. */
enum error_code store_open_memory(struct loop *loop, const struct store_options *options,
                                  struct store **out, struct error *err) MUST_CHECK;
/* No operation may be on its way. on_closed comes from a later turn; until then the loop must
 * run. */
void store_close(struct store *store, void (*on_closed)(void *context), void *context);

/* Why the store does not answer at the moment, for people; NULL: it answers, as far as is known. The text lives
 * until the next turn. */
const char *store_trouble(const struct store *store);

/* on_rewound comes when the store has lost changes that it had acknowledged, perhaps leases among them. Operations that
 * were started before end with ERR_STORE_AWAY. Only Redis loses changes (a failover). One listener; NULL: none. */
void store_on_rewound(struct store *store, void (*on_rewound)(void *context), void *context);

/* A WATCH waits until the lease is asked for or released, and tells nothing else. A READ or WATCH that
 * has waited for wait_ms ends well, with nothing. Any other operation that takes longer than timeout_ms
 * ends with ERR_STORE_AWAY. */
void store_start(struct store *store, const struct store_request *request, struct store_op *op,
                 store_done_fn on_done); /* NULL: the result is ignored */
/* on_done will not come. The operation, if it was sent, may be carried out or not. Idempotent. */
void store_cancel(struct store_op *op);

/* True: `op` was started, and has neither ended nor been cancelled. In on_done it is false. Zeroed is fine. */
static inline bool store_is_running(const struct store_op *op)
{
    return op->store != NULL;
}

#endif
