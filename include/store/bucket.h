/* Plain objects of a bucket of S3 or of Cloud Storage, for what is written once and read by others, too (the audit).
 *
 * Owner: store_bucket_open/store_bucket_close. One call is in flight at a time; its keys are copied. Its callback comes
 * once, from a later turn, unless store_bucket_cancel came first. */
#ifndef STORE_BUCKET_H
#define STORE_BUCKET_H

#include "store/cloud.h"

struct store_bucket;

enum { BUCKET_KEY_MAX = 160 };

enum store_bucket_end {
    BUCKET_DONE,
    BUCKET_NOTHING, /* READ: there is no such object */
    BUCKET_THERE,   /* CREATE: there is such an object already; it is unchanged */
    BUCKET_AWAY     /* the error says why; CREATE: the object may exist or not */
};

/* Lives until the callback returns. */
struct store_bucket_told {
    enum store_bucket_end end;
    const struct error *error; /* AWAY */
    struct str bytes;          /* READ */
    const struct str *keys;    /* LIST: in order, without the folder */
    size_t n_keys;
    bool has_more;
};

typedef void (*store_bucket_fn)(void *context, const struct store_bucket_told *told);

/* Every callback gets `context`. *out must be closed also after an error. ERR_CONFIG: `where` leads to no service. */
enum error_code store_bucket_open(struct loop *loop, const struct store_cloud *where, void *context,
                                  struct store_bucket **out, struct error *err) MUST_CHECK;
void store_bucket_close(struct store_bucket *bucket, void (*on_closed)(void *context));

/* Creates the object if there is none. `bytes` must stay as they are until the callback. */
void store_bucket_create(struct store_bucket *bucket, struct str key, struct str bytes,
                         store_bucket_fn fn);
void store_bucket_read(struct store_bucket *bucket, struct str key, store_bucket_fn fn);
/* Lists the first keys, a hundred at most, that begin with `prefix` and come behind `after`. */
void store_bucket_list(struct store_bucket *bucket, struct str prefix, struct str after,
                       store_bucket_fn fn);
void store_bucket_cancel(struct store_bucket *bucket); /* idempotent */

#endif
