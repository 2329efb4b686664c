/* Several processes of the program with one Redis and one platform: what a service of replicas is. The platform is
 * the sandbox of a proxy that nobody asks. Owner: the test; replicas_stop asserts the clean exit of
 * those that still run. */
#ifndef HARNESS_REPLICAS_H
#define HARNESS_REPLICAS_H

#include "harness/proxy.h"
#include "harness/redis_server.h"

enum { REPLICAS_MAX = 5, REPLICAS_SETS_MAX = 16, REPLICAS_ENV_MAX = 40 };

struct replicas {
    struct redis_server redis;
    struct proxy platform;
    struct program programs[REPLICAS_MAX];
    size_t n;
    const char *sets[REPLICAS_SETS_MAX]; /* "key=value" of each; NULL-ended */
    const char *env[REPLICAS_ENV_MAX];   /* "NAME=value" of each; NULL-ended */
    const char *binaries[REPLICAS_MAX];  /* another version of the program; NULL: VP_BINARY */
    char url[160];
    char platform_url[80];
    struct reply reply; /* the last one */
};

struct replicas_options {
    size_t n;
    const char *const *sets;          /* of each of them; they must stay. NULL: none */
    const char *const *platform_sets; /* of the platform */
    bool keeps;                       /* Redis writes all to disk and has it again after a kill */
    const char *store;      /* "store.url=..." of another store; NULL: a Redis of their own */
    const char *const *env; /* of each of them; NULL: none */
    const char *binaries[REPLICAS_MAX];
};

/* Returns when all of them have reached Redis. */
void replicas_start(struct replicas *replicas, const struct replicas_options *options);
void replicas_start_one(struct replicas *replicas, size_t i);
/* The same, without waiting until it answers. */
void replicas_begin_one(struct replicas *replicas, size_t i);
void replicas_kill(struct replicas *replicas, size_t i); /* kill -9; it may be started again */
void replicas_stop(struct replicas *replicas);
/* Sends to that one; the answer's JSON (NULL: no body); its status is replicas->reply.status. */
const struct json *replicas_ask(struct replicas *replicas, size_t i, const char *method,
                                const char *target, const char *fields, const char *body);
/* The health of that one says so about the store. */
bool replicas_store_is_away(struct replicas *replicas, size_t i);
/* Until each of them that runs has reached Redis: they connect anew in their own time. */
void replicas_wait_for_store(struct replicas *replicas);
/* Text that stays as long as the replicas. */
const char *replicas_line(struct replicas *replicas, const char *format, ...) PRINTF_LIKE(2, 3);
/* The member of the last answer, as text. */
struct str replicas_text(struct replicas *replicas, const struct json *answer, const char *pointer);

#endif
