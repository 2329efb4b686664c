/* Objects of a bucket, or documents of a collection, as cells. A cell is bytes with a tag; each change gives a new
 * tag, and is made under a condition. What differs between services stands in their dialects (cells_xml.c,
 * cells_firestore.c).
 *
 * Owner: the caller of cells_start embeds the call and keeps its texts until on_done, which comes later, once. */
#ifndef STORE_CELLS_H
#define STORE_CELLS_H

#include "cloud/cloud.h"
#include "store/cloud.h"

struct cells;
struct cell_call;

enum { CELL_LIST_MAX = 1000, CELL_HEADERS = 2 };

enum cell_kind { CELL_GET, CELL_PUT, CELL_DELETE, CELL_LIST };

enum cell_expect {
    CELL_ANY,
    CELL_ABSENT,
    CELL_TAG /* the cell still has the tag that the call gives */
};

enum cell_end {
    CELL_OK,
    CELL_NOTHING,  /* there is no such cell; PUT with CELL_TAG: none to be changed */
    CELL_CONFLICT, /* the condition does not hold, or another change came at the same time */
    CELL_DOUBT,    /* PUT, DELETE: it is not known whether it was carried out */
    CELL_AWAY      /* it was not carried out; the error says why */
};

struct cell_call {
    /* in */
    enum cell_kind kind;
    struct str key;   /* LIST: the prefix of the names */
    struct str bytes; /* PUT */
    struct str tag;
    enum cell_expect expect;
    struct str after; /* LIST: only keys behind this one; empty: from the first */
    unsigned limit;   /* LIST: at most so many, up to CELL_LIST_MAX */
    void (*on_done)(struct cell_call *call);
    void *owner;
    /* out; texts live until on_done returns */
    enum cell_end end;
    struct error error;
    struct str out_bytes; /* GET */
    struct str out_tag;   /* GET, PUT */
    struct str *keys;     /* LIST: in order */
    size_t n_keys;
    bool has_more; /* LIST */
    /* private */
    struct cells *cells; /* NULL: it does not run */
    struct cloud_call call;
    struct upstream_header headers[CELL_HEADERS];
    struct arena arena;
};

struct cells_dialect {
    enum cloud_vendor vendor;
    const char *service; /* in a signature */
    unsigned gap_ms;     /* the least time between two changes of one cell; 0: none */
    size_t max_bytes;    /* of a cell */
    /* XML only: writes the header of the condition; returns the number of headers. */
    size_t (*condition)(struct cell_call *call);
    const char *version; /* the header with the version of an object; NULL: its ETag */
    /* Writes the request; its texts lie in the call's arena. */
    void (*ask)(struct cell_call *call, struct cloud_request *request);
    /* Sets the end of the call from an answer of any status. */
    void (*tell)(struct cell_call *call, const struct upstream_reply *reply);
};

struct cells {
    const struct cells_dialect *dialect;
    struct loop *loop;
    struct cloud *cloud;
    struct arena arena;
    struct store_cloud where; /* copied */
    struct str origin;
    struct str path;  /* before each key: "/bucket", or the path of a collection */
    int64_t ahead_ms; /* how far the service's clock is ahead of ours */
};

extern const struct cells_dialect cells_s3;
extern const struct cells_dialect cells_gcs;
extern const struct cells_dialect cells_firestore;

enum error_code cells_open(struct loop *loop, const struct store_cloud *where, struct cells *out,
                           struct error *err) MUST_CHECK;
void cells_close(struct cells *cells, void (*on_closed)(void *context), void *context);
void cells_start(struct cells *cells, struct cell_call *call);
void cells_cancel(struct cell_call *call); /* idempotent; zeroed is fine */
/* Unix time by the clock of the service, as far as it is known. */
int64_t cells_now_ms(const struct cells *cells);

/* For the dialects. */
struct str cells_encode(struct arena *arena, struct str key, bool keeps_slash);
void cells_refuse(struct cell_call *call, const struct upstream_reply *reply);

#endif
