/* What the files of the cloud server share: the child's side.
 *
 * cloud_server.c    process, connections, requests
 * cloud_auth.c      credentials given out, signatures and tokens checked
 * cloud_secrets.c   secrets */
#ifndef HARNESS_CLOUD_CHILD_H
#define HARNESS_CLOUD_CHILD_H

#include "base/arena.h"
#include "base/buf.h"
#include "harness/cloud_server.h"

struct public_key; /* crypto/signature.h */

struct cloud_child {
    struct cloud_seen *seen;
    struct public_key *key; /* of the service account; NULL: none */
    uint16_t port;
};

struct cloud_request {
    struct cloud_child *child;
    struct arena *arena;
    struct str head;
    struct str method;
    struct str path; /* as it was sent */
    struct str query;
    struct str body;
    struct str service; /* of the signature; "google": a token; empty: neither */
    /* the answer */
    int status;
    struct str type;
    struct str fields; /* more, each ending in CRLF */
    struct str answer;
};

/* cloud_auth.c: true: the request was for credentials, and is answered. */
bool cloud_give_credentials(struct cloud_request *request);
/* False: it is refused, and answered. */
bool cloud_check(struct cloud_request *request);
/* cloud_secrets.c: true: the request was for a secret, and is answered. */
bool cloud_tell_secret(struct cloud_request *request);

void cloud_answer(struct cloud_request *request, int status, struct str body);
/* As AWS says it in JSON. */
void cloud_refuse(struct cloud_request *request, int status, const char *code, const char *message);

#endif
