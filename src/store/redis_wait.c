/* Waiting for news of streams: a second connection blocks on the streams of all `waiters` (XREAD BLOCK). When a
 * stream has news, its waiters read it again on the first connection. */
#include "redis_internal.h"

enum {
    BLOCK_MS = 1000,
    QUIET_MS = 3000 /* after a block without news and new waiters: Redis is asked less often */
};

bool redis_is_waiting_kind(const struct store_op *op)
{
    return (op->request.kind == STORE_READ || op->request.kind == STORE_WATCH) &&
           op->request.wait_ms > 0;
}

/* Blocks on the streams of all waiters. If the connection blocks already, ends that block first. */
static void block(struct redis *redis)
{
    struct str *words = redis->block_words;
    struct str *keys = words + BLOCK_WORDS;
    struct str *afters = keys + redis->n_waiters;
    char millis[DIGITS_MAX];
    const struct command *command;

    if (redis->client[0] == '\0' || redis->n_waiters == 0) {
        return;
    }
    if (redis->blocked) {
        const struct str unblock[] = {STR("CLIENT"), STR("UNBLOCK"), str_from(redis->client)};

        if (!redis->unblocking && redis->ready) {
            redis->unblocking = true;
            redis_send_own(redis, &redis->calls, &redis->sent, WHAT_UNBLOCK, unblock,
                           ARRAY_LEN(unblock));
        }
        return;
    }
    words[0] = STR("XREAD");
    words[1] = STR("COUNT");
    words[2] = STR("1");
    words[3] = STR("BLOCK");
    words[4] = str_of_int(redis->is_quiet ? QUIET_MS : BLOCK_MS, millis);
    words[5] = STR("STREAMS");
    LIST_EACH (command, &redis->waiters, link) {
        *keys++ = command->stream;
        *afters++ = command->after;
    }
    redis->blocked = true;
    redis->has_newcomers = false;
    redis_send_own(redis, &redis->blocks, &redis->greeting, WHAT_BLOCK, words,
                   BLOCK_WORDS + 2 * redis->n_waiters);
}

void redis_wait(struct redis *redis, struct command *command)
{
    if (redis->n_waiters == WAITERS_MAX) {
        redis_command_fail(redis, command, "too many operations wait for a stream", false);
        return;
    }
    list_append(&redis->waiters, &command->link);
    redis->n_waiters++;
    command->stream = act_key(command->op);
    command->after = arena_int(&command->op->arena, (int64_t)command->op->request.after);
    redis->has_newcomers = true;
    block(redis);
}

/* Sends the commands of all waiters whose stream has news. */
static void on_news(struct redis *redis, const redisReply *reply)
{
    struct command *command;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *stream = reply->element[i];

        if (stream->type != REDIS_REPLY_ARRAY) {
            continue;
        }
        LIST_EACH_SAFE (command, &redis->waiters, link) {
            if (redis->ready && str_eq(command->stream, act_text(stream, 0))) {
                redis->n_waiters--;
                redis_send_op(redis, command);
            }
        }
    }
}

static void on_blocks_reply(struct link *link, const redisReply *reply)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);
    struct command *command = redis_answered(link, &redis->greeting);
    enum what what = command != NULL ? command->what : WHAT_GREETING;

    if (command == NULL) {
        return;
    }
    redis_command_free(redis, command);
    if (reply->type == REDIS_REPLY_ERROR) {
        link_break(link, "Redis refused: %.100s", reply->str);
        return;
    }
    if (what == WHAT_ID && reply->type == REDIS_REPLY_INTEGER) {
        struct str id = str_of_int(reply->integer, redis->client);

        str_copy(redis->client, sizeof(redis->client), id);
        link_is_good(link);
    } else if (what == WHAT_BLOCK) {
        redis->blocked = false;
        redis->unblocking = false;
        redis->is_quiet = reply->type == REDIS_REPLY_NIL && !redis->has_newcomers;
        on_news(redis, reply);
    }
    block(redis);
}

static void on_blocks_up(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);
    const struct str id[] = {STR("CLIENT"), STR("ID")};

    redis_greet(redis, link, &redis->greeting);
    redis_send_own(redis, link, &redis->greeting, WHAT_ID, id, ARRAY_LEN(id));
}

static void on_blocks_down(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);

    redis->client[0] = '\0';
    redis->blocked = false;
    redis->unblocking = false;
    redis_fail_all(redis, &redis->greeting, link->why, false);
    redis_wait_fail(redis, link->why);
}

static void on_blocks_closed(struct link *link)
{
    redis_link_closed(CONTAINER_OF(link, struct redis, blocks));
}

static const struct link_events blocks_events = {on_blocks_up, on_blocks_reply, on_blocks_down,
                                                 on_blocks_closed};

void redis_wait_open(struct redis *redis)
{
    if (redis->n_links == 1) {
        redis->n_links = 2;
        link_open(&redis->blocks, redis->store.loop, &redis->address, redis->store.timeout_ms,
                  &blocks_events);
    }
}

void redis_wait_forget(struct redis *redis, const struct command *command)
{
    struct list *link;

    LIST_FOREACH (link, &redis->waiters) {
        if (link == &command->link) {
            redis->n_waiters--;
            break;
        }
    }
}

/* UNBLOCK, on the other connection, arrived before the block and ended nothing: it is sent again, if it is needed. */
void redis_wait_missed(struct redis *redis)
{
    redis->unblocking = false;
    if (redis->blocked && redis->has_newcomers) {
        block(redis);
    }
}

void redis_wait_fail(struct redis *redis, const char *why)
{
    redis_fail_all(redis, &redis->waiters, why, false);
    redis->n_waiters = 0;
}
