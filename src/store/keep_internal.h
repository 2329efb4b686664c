/* What the files of keeps share. */
#ifndef STORE_KEEP_INTERNAL_H
#define STORE_KEEP_INTERNAL_H

#include "base/map.h"
#include "store/keep.h"
#include "store_internal.h"

enum { HOLDER_DIGITS = 32 };

enum keep_state { KEEP_FREE, KEEP_ASKS, KEEP_WAITS, KEEP_HELD, KEEP_RELEASES, KEEP_LOST };

struct keep {
    struct map_node node; /* key: `name`, heap */
    struct str name;
    struct keeps *keeps;
    const struct keep_kind *kind;
    void *context;
    enum keep_state state;
    struct list users;
    struct list waiting;
    unsigned n_users;
    struct store_op act; /* LEASE, RENEW or RELEASE */
    struct list release; /* in keeps->releasing */
    uint64_t release_number;
    struct store_op watch;
    struct deadline timer; /* HELD: renewal; WAITS, FREE: asking */
    struct later_item soon;
    unsigned n_soon;   /* turns until an unused lease is let go */
    uint64_t sequence; /* of the last event seen */
    uint64_t fence;
    uint64_t sent_ms;  /* by clock_age_ms: the ask or renewal in flight was sent */
    uint64_t until_ms; /* the lease ends */
    uint64_t since_ms; /* it was taken */
    uint64_t held_ms;  /* another process was last seen to hold it; 0: never */
    uint64_t idle_ms;  /* the last user left */
    unsigned age;      /* keeps->age when it was taken */
    bool orderly;
    bool unanswered; /* the store was away when the last renewal was sent */
    char *left;      /* heap */
    size_t n_left;
    uint64_t left_age_ms;
    bool losing;
    bool wanted;
    bool yields; /* it was let go for another process */
    uint64_t wanted_ms;
    unsigned n_wanted_uses;
};

struct keeps {
    struct store *store;
    struct map map;
    char holder[HOLDER_DIGITS + 1];
    unsigned age;          /* grows when the store has lost something: older leases are lost, too */
    uint64_t rewound_ms;   /* by clock_age_ms: the last such loss; 0: never */
    struct list releasing; /* keeps, in the order in which they began to let go */
    uint64_t n_releases;   /* how many releases have begun */
    struct list rested;    /* keeps_rested that wait for earlier releases, oldest first */
    bool closing;
    struct callback on_closed;
    struct later_item closed;
};

/* --- keep.c */
void keep_free(struct keep *keep);
void keep_stop_watching(struct keep *keep);
void keep_forget_left(struct keep *keep);
void keep_start(struct keep *keep, struct store_request *request, struct store_op *op,
                store_done_fn on_done);
void keep_set_timer(struct keep *keep, uint64_t ms, deadline_fn on_due);
/* The lease is held, and lasts for `ms` more. */
bool keep_is_valid(const struct keep *keep, uint64_t ms);
void keep_admit_waiting(struct keep *keep);
void keep_fail_waiting(struct keep *keep, const struct error *error);

void keeps_note_release(struct keep *keep); /* a release begins */
/* A release has ended; its keep is not in `releasing` any more. */
void keeps_note_released(struct keeps *keeps);

/* --- keep_lease.c */
#define KEEP_WHY_REWOUND "the store has lost what it had taken"
void keep_ask(struct keep *keep);
void keep_release(struct keep *keep);
void keep_lose(struct keep *keep, const char *why);
void keep_look_soon(struct keep *keep); /* whether it is still held */
/* The lease is not held: asks for it again if it has users, waiting or not, else frees the keep. */
void keep_free_or_ask(struct keep *keep);

#endif
