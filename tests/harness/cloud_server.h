/* The services of AWS and Google that this program uses, in a child process on one port of 127.0.0.1, as strict as they are: each
 * request to AWS must have the right signature (and its body the digest that is signed), each one to Google a token that was given
 * out and has not been taken back. Objects and documents change under conditions only, as the services have them; the test sets
 * what goes wrong. State lives in the child, what the test sets and sees in memory that both share.
 *
 * credentials   /instance/... (IMDSv2), /container, POST / with Action=AssumeRoleWithWebIdentity, /computeMetadata/..., /token,
 *               /exchange, /impersonate
 * secrets       Secrets Manager and SSM by X-Amz-Target, /v1/projects/P/secrets/S/versions/latest:access
 * objects       /BUCKET/KEY: signed, with ETag, If-Match, If-None-Match; with a token, with generations
 * documents     /v1/projects/P/databases/D/documents/..., with update times
 * recalls       /v2/projects/P/locations/L/queues/Q/tasks (Cloud Tasks; the queue "none" is not there),
 *               /2015-03-31/functions/F/invocations (Lambda)
 *
 * Owner: the test; cloud_server_done ends the child. */
#ifndef HARNESS_CLOUD_SERVER_H
#define HARNESS_CLOUD_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "harness/token.h"

enum {
    CLOUD_SECRETS_MAX = 16,
    CLOUD_TEXT_MAX = 512,
    CLOUD_ENV_MAX = 16,
    CLOUD_RECALL_MAX = 4096,
    CLOUD_RECALLS_KEPT = 64
};

struct cloud_secret {
    char
        name[CLOUD_TEXT_MAX]; /* "aws-sm:NAME", "aws-ssm:NAME", "gcp-sm:projects/..."; "": unused */
    char texts[2][CLOUD_TEXT_MAX];
    volatile unsigned at; /* which of them it is now: never one that is half written */
};

struct cloud_seen {
    /* set by the test */
    volatile unsigned life_s; /* of credentials that are given out from now on; 0: an hour */
    volatile unsigned oldest; /* credentials with a smaller number have been taken back */
    volatile bool is_away;    /* connections are closed without an answer */
    volatile unsigned
        slow_downs; /* so many requests for secrets, objects or documents are refused with 503 or 429 */
    volatile unsigned delay_ms; /* of each of their answers */
    volatile unsigned
        lost; /* so many changes of objects and documents are carried out, and their answers get lost */
    volatile unsigned
        conflicts; /* so many of them are answered with 409: somebody else was at it at the same time */
    volatile bool foreign;     /* what is put comes to lie there without its first bytes */
    volatile bool is_careless; /* conditions are not looked at */
    volatile int ahead_s;      /* of its clock before ours */
    struct cloud_secret secrets[CLOUD_SECRETS_MAX];
    /* seen by it */
    volatile unsigned n_requests;    /* for secrets, objects and documents */
    volatile unsigned n_refused;     /* of these, for their signature or token */
    volatile unsigned n_credentials; /* given out; each has the next number */
    volatile unsigned n_items;       /* objects and documents that are there */
    volatile unsigned n_changes;     /* of objects and documents */
    volatile unsigned n_named;       /* by lists of them */
    volatile unsigned
        n_too_fast; /* of these, refused with 429: the same object was changed within a second */
    volatile unsigned n_recalls;    /* tasks that were made, and invocations */
    volatile unsigned n_duplicates; /* tasks that were there already */
    char recall[CLOUD_RECALL_MAX];  /* the body of the last one */
    char recalls[CLOUD_RECALLS_KEPT]
                [CLOUD_RECALL_MAX]; /* those of the last ones: number n at n - 1 */
    char refused[CLOUD_TEXT_MAX];   /* why, of the last one */
};

struct cloud_server {
    pid_t pid;
    uint16_t port;
    struct cloud_seen *seen; /* shared with the child */
    char env[CLOUD_ENV_MAX][CLOUD_TEXT_MAX];
};

/* The public half of the issuer's RSA key is that of the service account; NULL: there is none. */
void cloud_server_start(struct cloud_server *server, struct issuer *issuer);
void cloud_server_done(struct cloud_server *server);

/* "NAME=value" of what points the program to this server: rows of server->env, NULL behind the last. `source` is where AWS
 * credentials come from: "keys", "instance", "container" or "web" (with the file at `path`). */
const char *const *cloud_server_env(struct cloud_server *server, const char *source,
                                    const char *path);
/* The body of the newest recall that holds `words`; NULL: there is none among those that are kept. */
const char *cloud_server_recall(const struct cloud_server *server, struct str words);
void cloud_server_set(struct cloud_server *server, unsigned at, const char *name, const char *text);

#endif
