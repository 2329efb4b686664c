/* What the files of the backend in Redis share. */
#ifndef STORE_REDIS_INTERNAL_H
#define STORE_REDIS_INTERNAL_H

#include "base/secret.h"
#include "redis_act.h"
#include "redis_link.h"
#include "store_internal.h"

enum what {
    WHAT_GREETING, /* AUTH, SELECT: must go well */
    WHAT_SCRIPT,   /* SCRIPT LOAD */
    WHAT_ID,       /* CLIENT ID */
    WHAT_UNBLOCK,
    WHAT_BLOCK,
    WHAT_MARK,
    WHAT_LAST_MARK,
    WHAT_OP
};

/* One command that waits to be sent, for its answer, or for news in its stream. */
struct command {
    struct list link;
    enum what what;
    struct store_op *op; /* NULL: the answer is not wanted any more */
    struct str stream;   /* that it waits for, beyond entry `after`; in the arena of `op` */
    struct str after;
};

enum {
    WAITERS_MAX = 256, /* operations that wait for a stream */
    BLOCK_WORDS = 6    /* XREAD COUNT 1 BLOCK MS STREAMS */
};

struct redis {
    struct store store; /* first: store_closed frees it */
    struct link_address address;
    char *texts[3]; /* heap: path, host, port */
    struct str user;
    struct secret password;
    unsigned database;
    struct link calls;
    struct link blocks;
    bool is_away;       /* told in the log */
    bool ready;         /* calls: greeted, and the script is there */
    struct list unsent; /* until it is ready */
    struct list sent;
    struct list greeting; /* commands that were sent on `blocks` */
    struct list waiters;
    unsigned n_commands;
    unsigned n_waiters;
    struct str block_words[BLOCK_WORDS + 2 * WAITERS_MAX]; /* too long to be cleared each time */
    char script[64];                                       /* the name that Redis gave it */
    char client[24];                                       /* of blocks; empty: not known */
    bool blocked;
    bool unblocking;
    bool has_newcomers; /* since it blocked */
    bool is_quiet;      /* the last block ended without news, and nobody has come since */
    unsigned n_links;   /* not closed yet */
    char mark_key[STORE_PREFIX_MAX + 40];
    uint64_t mark;  /* the last one that was sent */
    uint64_t acked; /* the last one that Redis has taken */
    struct later_item mark_soon;
};

/* redis.c */
void redis_command_free(struct redis *redis, struct command *command);
/* The operation, if any, fails with ERR_STORE_AWAY. */
void redis_command_fail(struct redis *redis, struct command *command, const char *why,
                        bool in_doubt);
void redis_fail_all(struct redis *redis, struct list *commands, const char *why, bool in_doubt);
/* A command of our own, on one of the two connections. */
void redis_send_own(struct redis *redis, struct link *link, struct list *sent, enum what what,
                    const struct str *words, size_t n_words);
/* The command that a reply answers: the oldest one. NULL: there is none, and the connection is broken. */
struct command *redis_answered(struct link *link, struct list *sent);
void redis_send_op(struct redis *redis, struct command *command);
void redis_greet(struct redis *redis, struct link *link, struct list *sent);
void redis_link_closed(struct redis *redis);

/* redis_mark.c */
void redis_mark_open(struct redis *redis);
void redis_mark_soon(struct redis *redis, const struct store_op *op); /* `op` was sent */
void redis_marked(struct redis *redis, const redisReply *reply);
bool redis_asks_mark(struct redis *redis); /* false: there is none to ask for */
void redis_take_mark(struct redis *redis, const redisReply *reply);

/* redis_wait.c */
bool redis_is_waiting_kind(const struct store_op *op);
void redis_wait_open(struct redis *redis); /* the second connection, when first it is needed */
void redis_wait(struct redis *redis, struct command *command);
void redis_wait_forget(struct redis *redis, const struct command *command);
void redis_wait_fail(struct redis *redis, const char *why);
void redis_wait_missed(struct redis *redis); /* UNBLOCK came before the block */

#endif
