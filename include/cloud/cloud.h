/* Requests to the services of AWS and Google: signed (SigV4), or with a token, on kept connections of room upstream.
 *
 * Credentials are looked for where the tools of AWS and Google look; those that expire are read anew before they do.
 * AWS: AWS_ACCESS_KEY_ID and its companions; a token of Kubernetes (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the
 * endpoint of a container (AWS_CONTAINER_CREDENTIALS_*); that of an instance (IMDSv2). Google: the file of
 * GOOGLE_APPLICATION_CREDENTIALS (of a service account, or of an identity of another provider); the metadata server.
 *
 * Owner: cloud_open/cloud_close; the caller of cloud_start embeds the call, and keeps what the request refers to
 * until its end. Promise: on_done comes exactly once, from a later turn, unless cloud_cancel came first. An answer
 * 429 or 503 means that the service has done nothing: the request is sent again after growing pauses, CLOUD_TRIES
 * times. Credentials that have expired are read again, once. All else is decided by the class of the request, as in
 * upstream/upstream.h. */
#ifndef CLOUD_CLOUD_H
#define CLOUD_CLOUD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/later.h"
#include "base/list.h"
#include "base/str.h"
#include "upstream/upstream.h"

struct cloud;
struct cloud_call;
struct loop; /* net/loop.h */

enum { CLOUD_TRIES = 6, CLOUD_HEADERS_MAX = 16, CLOUD_REPLY_MAX = 4 * 1024 * 1024 };

enum cloud_vendor {
    CLOUD_AWS,
    CLOUD_GOOGLE,
    CLOUD_N_VENDORS,
    CLOUD_NOBODY = CLOUD_N_VENDORS /* without a credential */
};

struct cloud_options {
    struct str aws_region; /* empty: that of AWS_REGION or AWS_DEFAULT_REGION */
    struct str ca_file;    /* empty: the system's */
    unsigned timeout_ms;   /* of one request; 0: 10 s */
    unsigned max_active;   /* requests at once to one host; 0: 32 */
};

struct cloud_request {
    enum cloud_vendor vendor;
    struct str service; /* AWS: the name in the signature: "s3", "ssm" */
    struct str region;  /* AWS; empty: that of the options */
    struct str origin;  /* "https://HOST[:PORT]", perhaps with a path that goes before `path` */
    struct str method;
    struct str
        path; /* begins with '/', percent-encoded as RFC 3986 says, nothing more and nothing less */
    struct str query; /* the same, without '?' */
    struct str body;
    struct str body_sha256;  /* AWS: in hexadecimal, if it is known already; else empty */
    struct str content_type; /* empty: none */
    bool public_only;        /* as upstream/upstream.h */
    const struct upstream_header *headers;
    size_t n_headers; /* at most CLOUD_HEADERS_MAX */
    enum call_class class;
    const char *wants; /* one more header of the answer: reply.wanted; NULL: none */
};

struct cloud_call {
    /* in */
    struct cloud_request request;
    void (*on_done)(struct cloud_call *call, enum error_code code);
    /* out */
    struct upstream_reply
        reply;          /* when code is ERR_OK: any status; texts live until on_done returns */
    struct error error; /* when code is not ERR_OK */
    bool may_have_left; /* when code is not ERR_OK: some byte may have reached the service */
    /* private */
    struct cloud *cloud; /* NULL: it does not run */
    struct list link;
    struct upstream_call call;
    struct arena arena; /* of its headers */
    struct deadline again;
    struct later_item soon;
    unsigned tries;
    bool is_renewed; /* with credentials that were read anew for it */
};

struct cloud *cloud_open(struct loop *loop, const struct cloud_options *options);
struct arena *cloud_arena(struct cloud *cloud); /* of what lives as long as the cloud */
/* No call may be on its way. on_closed comes from a later turn. */
void cloud_close(struct cloud *cloud, void (*on_closed)(void *context), void *context);

/* Closes idle connections. Call it after a pause of the whole machine. */
void cloud_forget_connections(struct cloud *cloud);

/* Fill `request` and `on_done` of a zeroed call. */
void cloud_start(struct cloud *cloud, struct cloud_call *call);
void cloud_cancel(struct cloud_call *call); /* idempotent; zeroed is fine */

/* Where a service of AWS is: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, else https://<service>.<region>.amazonaws.com.
 * `service` as in a signature. Empty: the region is not known, or is no region; `err` says how to name it. */
struct str cloud_aws_origin(const struct cloud *cloud, struct arena *arena, const char *service,
                            struct str region, struct error *err);
/* Whether a variable says where this service is, so that the name of a bucket goes into the path. */
bool cloud_aws_is_elsewhere(const char *service);
/* The same of Google: CLOUDSDK_API_ENDPOINT_OVERRIDES_<SERVICE>, else https://<service>.googleapis.com. */
struct str cloud_google_origin(struct arena *arena, const char *service);

/* For people: what an answer other than 2xx says about its reason. */
struct str cloud_reason(struct arena *arena, const struct upstream_reply *reply);

#endif
