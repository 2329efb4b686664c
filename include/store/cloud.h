/* The store in a bucket of S3 or of Google Cloud Storage, or in a collection of Firestore. Each document, each lease and each
 * entry of a stream is an object of its own, changed under conditions only, so that no change is lost.
 *
 * Slower than in Redis: a process that waits for an entry or a lease looks every half second to two; the lease of a
 * holder that died passes on when its time has passed on the waiter's own clock. COUNT counts in this process alone. */
#ifndef STORE_CLOUD_H
#define STORE_CLOUD_H

#include "store/store.h"

enum store_cloud_kind { STORE_S3, STORE_GCS, STORE_FIRESTORE };

/* Copied by store_open_cloud. */
struct store_cloud {
    enum store_cloud_kind kind;
    struct str bucket; /* FIRESTORE: the project */
    struct str
        folder; /* before every key, without slashes at its ends; empty: none. FIRESTORE: the collection */
    struct str database;   /* FIRESTORE */
    struct str aws_region; /* S3; empty: that of the environment */
    struct str ca_file;    /* empty: the system's */
};

/* When the loop runs, the store tests at once whether the service honours conditions; while it does not, every
 * operation ends with ERR_STORE_AWAY. ERR_CONFIG: `where` leads to no service. */
enum error_code store_open_cloud(struct loop *loop, const struct store_options *options,
                                 const struct store_cloud *where, struct store **out,
                                 struct error *err) MUST_CHECK;

#endif
