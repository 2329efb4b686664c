/* Facts: events that a consumer may want to hear of (a command was carried out, a run has ended, a
 * credential was refused), in one ring of the process. Noting a fact copies some hundred bytes and wakes
 * the consumers in a later turn; a request never waits for them. A consumer is a cursor: nothing is kept for
 * it, so a consumer that is too slow finds that the oldest facts are gone. A fact holds names, ids and outcomes,
 * never a value of a step, a body or a credential. */
#ifndef OBSERVE_FACT_H
#define OBSERVE_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/later.h"
#include "base/list.h"
#include "base/str.h"

/* 0 only in a program that bench/consumers.sh builds, to measure what noting facts and asking for spans cost. */
#ifndef FACTS_ARE_NOTED
#define FACTS_ARE_NOTED 1
#endif

/* id, type (CloudEvents), what it says */
#define FACT_TABLE(X)                                                                              \
    X(FACT_COMMAND, "command.executed", "A command has ended, well or not.")                       \
    X(FACT_SESSION_CREATED, "session.created", "A session was created.")                           \
    X(FACT_SESSION_EXPIRED, "session.expired", "A session has expired, or was evicted.")           \
    X(FACT_RUN_STARTED, "run.started", "A test run has begun.")                                    \
    X(FACT_RUN_STEP, "run.step", "A step of a test run was created, or could not be.")             \
    X(FACT_RUN_FINISHED, "run.finished", "A test run has ended.")                                  \
    X(FACT_EXECUTION_FINISHED, "execution.finished", "An execution has passed.")                   \
    X(FACT_EXECUTION_FAILED, "execution.failed", "An execution has failed.")                       \
    X(FACT_EXECUTION_CANCELED, "execution.canceled", "An execution was cancelled.")                \
    X(FACT_AUTH_REFUSED, "auth.refused", "A request was refused for its credential.")              \
    X(FACT_CONFIG_RELOADED, "config.reloaded", "The configuration was read again.")                \
    X(FACT_PLATFORM_DEGRADED, "platform.degraded", "The platform began to fail, or recovered.")    \
    X(FACT_REQUEST, "request.changed", "A request that may change something was answered.")        \
    X(FACT_WEBHOOK_TEST, "webhook.test", "Somebody tries a webhook.")                              \
    X(FACT_AUDIT_HEAD, "audit.head", "The hash of the last line of the audit file.")

enum fact_kind {

#define X(id, type, help) id,
    FACT_TABLE(X)
#undef X
        FACT_N
};

enum { FACT_TEXT_MAX = 72, FACT_OWNER_BYTES = 32, FACT_IDS = 3, FACTS_KEPT = 4096 };

struct fact_id {
    const char *name; /* "goal_id"; NULL: none */
    int64_t value;
};

struct fact {
    uint64_t number; /* 1, 2, … since the process began; set when it is noted */
    int64_t wall_ms; /* Unix; set when it is noted */
    /* Only for a fact that was read from a journal which processes share; otherwise all 0. */
    uint64_t origin;        /* the process that noted it */
    uint64_t origin_number; /* its number there */
    uint64_t position;      /* in the journal; it only grows */
    enum fact_kind kind;
    int status;          /* of HTTP; 0: none */
    const char *outcome; /* "ok", "failed", a slug; never NULL, lives for ever */
    const char *action;  /* the command, or the route; NULL: none; lives for ever */
    const char *method;  /* of the request; NULL: none; lives for ever */
    struct fact_id ids[FACT_IDS];
    bool is_told;                    /* a request, and other facts tell what it did */
    uint64_t us;                     /* how long it took; 0: not known */
    uint8_t owner[FACT_OWNER_BYTES]; /* its owner; all 0: it has none, and only admins see it */
    char subject[FACT_TEXT_MAX];     /* what it is about: a run, a session; empty: nothing */
    char principal[FACT_TEXT_MAX];   /* the name of the key; empty: none */
    char peer[FACT_TEXT_MAX];        /* address and port */
    char request_id[FACT_TEXT_MAX];
    char name[FACT_TEXT_MAX]; /* of a test run; empty: none */
};

struct fact_consumer {
    struct list link;
    void (*on_news)(struct fact_consumer *consumer); /* in a later turn of the loop */
    unsigned patience; /* on_news comes after so many facts; 0: after each */
    struct later_item soon;
    struct later *later;
};

/* Begins a fact in its place, empty but for its kind and outcome; the caller fills it, and fact_end tells it.
 * No other fact may begin between the two. */
struct fact *fact_begin(enum fact_kind kind, const char *outcome);
void fact_end(struct fact *fact);
void fact_note(const struct fact *fact); /* a copy; number and time are set */
/* From now on on_news is called after facts were noted, once for many. `later`: of the loop from which it is
 * called. */
void facts_listen(struct fact_consumer *consumer, struct later *later);
void facts_again(struct fact_consumer *consumer); /* on_news comes in the next turn in any case */
void facts_leave(struct fact_consumer *consumer); /* idempotent; zeroed is fine */

uint64_t facts_newest(void); /* number of the last fact; 0: none yet */
uint64_t facts_oldest(void); /* of the oldest fact still there; newest + 1: none is */
/* NULL: the fact is gone, or has not happened yet. */
const struct fact *fact_at(uint64_t number);
const char *fact_type(enum fact_kind kind);

/* Where processes share a journal (room events), facts that are noted go to `take` instead of the ring, and
 * facts_tell fills the ring: with the facts of all processes, in the order of the journal. `take` may use the
 * fact only during the call; its number counts what this process has noted. NULL: into the ring again. */
void facts_divert(void (*take)(void *context, const struct fact *fact), void *context);
/* Puts a fact into the ring, no matter which process noted it, and sets its number. */
void facts_tell(const struct fact *fact);
/* The number of the newest fact whose position is at most this; facts_oldest() - 1: there is none. */
uint64_t facts_until(uint64_t position);

#endif
