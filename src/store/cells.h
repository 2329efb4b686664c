/* Objects of a bucket, or documents of a collection, as cells: bytes with a tag that changes at each change, changed under a
 * condition. What differs between services stands in their dialects (cells_xml.c, cells_firestore.c).
 *
 * Owner: whoever starts a call embeds it, and keeps its texts until on_done, which comes from a later turn, once. */
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
    CELL_NOTHING,  /* GET, DELETE: there is no such cell; PUT: nor was one there to be changed */
    CELL_CONFLICT, /* the condition does not hold, or another change came at the same time */
    CELL_DOUBT,    /* PUT, DELETE: whether it was carried out is not known */
    CELL_AWAY      /* it was not carried out; the error says why */
};

struct cell_call {
    /* in */
    enum cell_kind kind;
    struct str key;   /* LIST: what names begin with */
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
    unsigned gap_ms;     /* between two changes of one cell; 0: none */
    size_t max_bytes;    /* of a cell */
    /* Of XML: writes the header of a condition; how many there are then. */
    size_t (*condition)(struct cell_call *call);
    const char *version; /* the header that tells the version of an object; NULL: its ETag */
    /* The request; its texts lie in the call's arena. */
    void (*ask)(struct cell_call *call, struct cloud_request *request);
    /* The end, from an answer of any status. */
    void (*tell)(struct cell_call *call, const struct upstream_reply *reply);
};

struct cells {
    const struct cells_dialect *dialect;
    struct loop *loop;
    struct cloud *cloud;
    struct arena arena;
    struct store_cloud where; /* copied */
    struct str origin;
    struct str path;  /* before each key: "/bucket", or that of a collection */
    int64_t ahead_ms; /* of the service's clock before ours */
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
