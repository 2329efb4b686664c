/* What the files of the cloud server share: the child's side.
 *
 * cloud_server.c    process, connections, requests
 * cloud_auth.c      credentials given out, signatures and tokens checked
 * cloud_secrets.c   secrets
 * cloud_objects.c   S3, and Cloud Storage as it speaks XML
 * cloud_documents.c    Firestore
 * cloud_recalls.c   Cloud Tasks, invocations of Lambda
 * cloud_items.c     what they keep */
#ifndef HARNESS_CLOUD_CHILD_H
#define HARNESS_CLOUD_CHILD_H

#include "base/arena.h"
#include "base/buf.h"
#include "harness/cloud_server.h"

struct public_key; /* crypto/signature.h */

/* An object or a document. */
struct cloud_item {
    char *name; /* with its bucket or collection */
    struct buf bytes;
    uint64_t version; /* never the same twice */
    int64_t changed_ms;
};

enum { CLOUD_ITEMS_MAX = 4096 };

struct cloud_items {
    struct cloud_item items[CLOUD_ITEMS_MAX]; /* in the order of their names */
    size_t n;
    uint64_t last;
    struct cloud_seen *seen;
};

struct cloud_child {
    struct cloud_seen *seen;
    struct cloud_items *items;
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
    bool is_lost;
};

/* cloud_auth.c: true: the request was for credentials, and is answered. */
bool cloud_give_credentials(struct cloud_request *request);
/* False: it is refused, and answered. */
bool cloud_check(struct cloud_request *request);
/* cloud_secrets.c: true: the request was for a secret, and is answered. */
bool cloud_tell_secret(struct cloud_request *request);

/* cloud_objects.c, cloud_documents.c: true: it is answered. */
bool cloud_serve_object(struct cloud_request *request);
bool cloud_serve_document(struct cloud_request *request);
/* cloud_recalls.c: the same. */
bool cloud_take_recall(struct cloud_request *request);

/* cloud_items.c */
struct cloud_item *cloud_find(struct cloud_items *items, struct str name); /* NULL: none */
struct cloud_item *cloud_put(struct cloud_items *items, struct str name, struct str bytes);
void cloud_drop(struct cloud_items *items, struct cloud_item *item);
/* The first whose name is behind `after` (or the same, with `same`). */
size_t cloud_behind(const struct cloud_items *items, struct str after, bool same);
/* What the test has said goes wrong with a change; true: it is answered. */
bool cloud_disturb(struct cloud_request *request, struct str conflict);

void cloud_answer(struct cloud_request *request, int status, struct str body);
/* As AWS says it in JSON. */
void cloud_refuse(struct cloud_request *request, int status, const char *code, const char *message);

#endif
