/* Finds out whether Redis still has what it had acknowledged. After the changes of each turn of the loop this
 * process sends a mark, a number that grows; when it connects anew, it asks for the mark. Redis carries out, keeps
 * and copies in order what comes on one connection. So a smaller number, or none, means that acknowledged changes
 * are lost: by a failover, or because Redis was emptied. A restart of a Redis that keeps everything keeps the mark,
 * too. */
#include "base/random.h"
#include "observe/log.h"
#include "redis_internal.h"

enum { ID_DIGITS = 32 };

#define KEPT_MS                                                                                    \
    "604800000" /* a week; after a week without changes, the expired mark looks like a loss */

void redis_mark_open(struct redis *redis)
{
    char id[ID_DIGITS + 1] = "";

    random_hex(id, ID_DIGITS);
    (void)str_print(redis->mark_key, sizeof(redis->mark_key), "%.*sm:{%s}",
                    STR_ARG(redis->store.prefix), id);
}

static void send_act(struct redis *redis, enum what what, const char *act, uint64_t number)
{
    char digits[DIGITS_MAX];
    const struct str words[] = {STR("EVALSHA"), str_from(redis->script),
                                STR("1"),       str_from(redis->mark_key),
                                str_from(act),  str_of_int((int64_t)number, digits),
                                STR(KEPT_MS)};

    redis_send_own(redis, &redis->calls, &redis->sent, what, words, ARRAY_LEN(words));
}

static void on_soon(struct later_item *item)
{
    struct redis *redis = CONTAINER_OF(item, struct redis, mark_soon);

    if (redis->ready) {
        send_act(redis, WHAT_MARK, "mark", ++redis->mark);
    }
}

void redis_mark_soon(struct redis *redis, const struct store_op *op)
{
    static const bool counts[STORE_KIND_N] = {[STORE_PUT] = true,
                                              [STORE_REMOVE] = true,
                                              [STORE_APPEND] = true,
                                              [STORE_LEASE] = true,
                                              [STORE_RELEASE] = true};

    if (counts[op->request.kind]) {
        later_add(&redis->store.loop->later, &redis->mark_soon, on_soon);
    }
}

/* A Redis that is full does not take the mark; nor has it taken the changes before it. */
void redis_marked(struct redis *redis, const redisReply *reply)
{
    uint64_t number = reply->type == REDIS_REPLY_ARRAY ? act_number(reply, 1) : 0;

    redis->acked = number > redis->acked ? number : redis->acked;
}

bool redis_asks_mark(struct redis *redis)
{
    if (redis->acked == 0) {
        return false;
    }
    send_act(redis, WHAT_LAST_MARK, "marked", 0);
    return true;
}

void redis_take_mark(struct redis *redis, const redisReply *reply)
{
    uint64_t number = act_number(reply, 1);

    if (number >= redis->acked) {
        return;
    }
    log_event(LOG_WARN, "store.rewound",
              F_TEXT("reason", "Redis has lost changes that it had acknowledged"),
              F_TEXT("effect", "leases are given up, and taken anew when those of others have "
                               "run out"));
    redis->acked = number;
    store_rewound(&redis->store); /* first: the owners told below have no leases any more */
    redis_fail_all(redis, &redis->unsent, "it has lost changes that it had acknowledged", false);
}
