/* Objects in a bucket of S3, or of Google Cloud Storage through its interface in XML: where requests for them go.
 * Buckets of S3 have a host of their own, unless a variable says where S3 is or the name holds a dot, which no
 * certificate of AWS covers. */
#ifndef CLOUD_BUCKET_H
#define CLOUD_BUCKET_H

#include "cloud/cloud.h"

struct cloud_bucket {
    /* in */
    enum cloud_vendor vendor;
    struct str name;
    struct str region; /* AWS; empty: as struct cloud_request says */
    /* out */
    struct str origin;
    struct str path; /* before each key: "/bucket", or empty where the host names it */
};

/* Texts lie in the arena. ERR_CONFIG: the region of AWS is not known. */
enum error_code cloud_bucket_find(const struct cloud *cloud, struct arena *arena,
                                  struct cloud_bucket *bucket, struct error *err) MUST_CHECK;

struct cloud_object {
    struct str key; /* percent-encoded, without a slash before it */
    struct str bytes;
    struct str type;
    struct str sha256; /* of the bytes, in hexadecimal; empty: it is worked out when it is needed */
};

/* Puts the object there, whatever was there before; the path lies in the arena. */
struct cloud_request cloud_bucket_put(const struct cloud_bucket *bucket, struct arena *arena,
                                      const struct cloud_object *object);

#endif
