/* Asks a cloud to send this service a POST from outside, since the service may do nothing after an answer (Cloud
 * Run, Lambda). It comes as a task of Cloud Tasks, which brings a token (OIDC) of a service account; or as an
 * invocation of the function itself, whose event room lambda knows (its last source): that needs the right to invoke
 * the function.
 *
 * A recall is known by its name. Cloud Tasks takes each name once, and answers a second request that the task exists;
 * Lambda takes each request. Both may deliver a recall twice, so the route must bear that. A route that advances a
 * run does: the lease lets one of the two do it.
 *
 * Owner: the caller of cloud_recall_start embeds the recall, and keeps its texts until on_done, which comes once,
 * from a later turn, unless cloud_recall_cancel came first. */
#ifndef CLOUD_RECALL_H
#define CLOUD_RECALL_H

#include "cloud/cloud.h"

/* Where recalls go: a queue, or a function. Texts outlive the calls. */
struct cloud_recall_place {
    struct str queue;    /* projects/PROJECT/locations/LOCATION/queues/QUEUE; empty: a function */
    struct str url;      /* of this service, as the task reaches it: without a slash at its end */
    struct str account;  /* whose token the task brings: name@project.iam.gserviceaccount.com */
    struct str audience; /* of the token; empty: the url */
    struct str function; /* name or ARN of a function of Lambda */
    struct str region;   /* of it; empty: as struct cloud_request says */
};

enum { CLOUD_RECALL_NAME_MAX = 200 };

struct cloud_recall {
    /* in */
    struct str name; /* up to CLOUD_RECALL_NAME_MAX letters, digits, '-' and '_' */
    struct str path; /* of the service, percent-encoded, begins with '/' */
    /* error NULL: the POST will come, or was asked for before under this name. */
    void (*on_done)(struct cloud_recall *recall, const struct error *error);
    /* private */
    struct cloud *cloud;
    struct cloud_call call;
    unsigned tries;
    struct arena arena;
    struct upstream_header header;
};

void cloud_recall_start(struct cloud *cloud, const struct cloud_recall_place *place,
                        struct cloud_recall *recall);
void cloud_recall_cancel(struct cloud_recall *recall); /* idempotent; zeroed is fine */

#endif
