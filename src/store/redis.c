/* The backend in Redis: which command waits where, and what is told when. Whoever waits for a stream stands in
 * `waiters`: a second connection blocks on all their streams (XREAD BLOCK), and what has news is
 * asked for again. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "redis_act.h"
#include "redis_link.h"
#include "store/redis.h"
#include "store_internal.h"

enum {
    BLOCK_MS = 1000,   /* a waiter that came in the wrong moment is late by this at most */
    WAITERS_MAX = 256, /* operations that wait for a stream */
    COMMANDS_MAX = 10000
};

enum what {
    WHAT_GREETING, /* AUTH, SELECT: must go well */
    WHAT_SCRIPT,   /* SCRIPT LOAD */
    WHAT_ID,       /* CLIENT ID */
    WHAT_UNBLOCK,
    WHAT_BLOCK,
    WHAT_OP
};

/* One command that waits to be sent, for its answer, or for news in its stream. */
struct command {
    struct list link;
    enum what what;
    struct store_op *op; /* NULL: nobody wants the answer any more */
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
    bool ready;         /* calls: greeted, and the script is there */
    struct list unsent; /* until it is ready */
    struct list sent;
    struct list greeting; /* of blocks: sent */
    struct list waiters;
    unsigned n_commands;
    unsigned n_waiters;
    char script[64]; /* the name that Redis gave it */
    char client[24]; /* of blocks; empty: not known */
    bool blocked;
    bool unblocking;
    unsigned n_links; /* not closed yet */
};

extern const char store_script_start[];
extern const char store_script_end[];

static struct redis *redis_of(struct store *store)
{
    return CONTAINER_OF(store, struct redis, store);
}

/* --- commands */
static struct command *command_new(struct redis *redis, enum what what, struct store_op *op)
{
    struct command *command = mem_zalloc(sizeof(*command));

    command->what = what;
    command->op = op;
    redis->n_commands++;
    if (op != NULL) {
        op->backend = command;
    }
    return command;
}

static void command_free(struct redis *redis, struct command *command)
{
    list_remove(&command->link);
    redis->n_commands--;
    if (command->op != NULL) {
        command->op->backend = NULL;
    }
    mem_free(command);
}

static void command_fail(struct redis *redis, struct command *command, const char *why,
                         bool in_doubt)
{
    struct store_op *op = command->op;

    command_free(redis, command);
    if (op != NULL) {
        op->result.in_doubt = in_doubt;
        (void)error_set(&op->result.error, ERR_STORE_AWAY, "the store is away: %s", why);
        store_op_end(op);
    }
}

static void fail_all(struct redis *redis, struct list *commands, const char *why, bool in_doubt)
{
    struct list *link;

    while ((link = list_first(commands)) != NULL) {
        command_fail(redis, CONTAINER_OF(link, struct command, link), why, in_doubt);
    }
}

static void send_own(struct redis *redis, struct link *link, struct list *sent, enum what what,
                     const struct str *words, size_t n_words)
{
    struct command *command = command_new(redis, what, NULL);

    list_append(sent, &command->link);
    if (!link_send(link, words, n_words)) {
        link_break(link, "what is to be sent does not fit");
    }
}

static void send_script(struct redis *redis)
{
    const struct str words[] = {STR("SCRIPT"), STR("LOAD"),
                                str_range(store_script_start, store_script_end)};

    redis->ready = false;
    send_own(redis, &redis->calls, &redis->sent, WHAT_SCRIPT, words, ARRAY_LEN(words));
}

static void send_op(struct redis *redis, struct command *command)
{
    struct store_op *op = command->op;
    struct act_words words;

    act_write(op, str_from(redis->script), &words);
    list_remove(&command->link);
    if (!link_send(&redis->calls, words.items, words.n)) {
        command_fail(redis, command, "too much waits to be sent to it", false);
        return;
    }
    list_append(&redis->sent, &command->link);
}

/* --- whoever waits for a stream */
static bool is_waiting_kind(const struct store_op *op)
{
    return (op->request.kind == STORE_READ || op->request.kind == STORE_WATCH) &&
           op->request.wait_ms > 0;
}

/* Blocks on the streams of all who wait, or, if it does already, ends that first. */
static void block(struct redis *redis)
{
    struct str words[4 + 1 + 2 * WAITERS_MAX + 1];
    char millis[DIGITS_MAX];
    size_t n = 0;
    size_t n_streams = redis->n_waiters;
    size_t i = 0;
    struct list *link;

    if (redis->client[0] == '\0' || redis->n_waiters == 0) {
        return;
    }
    if (redis->blocked) {
        const struct str unblock[] = {STR("CLIENT"), STR("UNBLOCK"), str_from(redis->client)};

        if (!redis->unblocking && redis->ready) {
            redis->unblocking = true;
            send_own(redis, &redis->calls, &redis->sent, WHAT_UNBLOCK, unblock, ARRAY_LEN(unblock));
        }
        return;
    }
    words[n++] = STR("XREAD");
    words[n++] = STR("COUNT");
    words[n++] = STR("1");
    words[n++] = STR("BLOCK");
    words[n++] = str_of_int(BLOCK_MS, millis);
    words[n++] = STR("STREAMS");
    LIST_FOREACH (link, &redis->waiters) {
        struct store_op *op = CONTAINER_OF(link, struct command, link)->op;

        words[n + i] = act_key(op);
        words[n + n_streams + i] =
            arena_printf(&op->arena, "%llu", (unsigned long long)op->request.after);
        i++;
    }
    redis->blocked = true;
    send_own(redis, &redis->blocks, &redis->greeting, WHAT_BLOCK, words, n + 2 * n_streams);
}

static void wait_for_news(struct redis *redis, struct command *command)
{
    if (redis->n_waiters == WAITERS_MAX) {
        command_fail(redis, command, "too many operations wait for a stream", false);
        return;
    }
    list_append(&redis->waiters, &command->link);
    redis->n_waiters++;
    block(redis);
}

/* Asks for what each waiter of a stream with news wants. */
static void on_news(struct redis *redis, const redisReply *reply)
{
    struct list *link;
    struct list *after;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *stream = reply->element[i];

        if (stream->type != REDIS_REPLY_ARRAY) {
            continue;
        }
        LIST_FOREACH_SAFE (link, after, &redis->waiters) {
            struct command *command = CONTAINER_OF(link, struct command, link);

            if (redis->ready && str_eq(act_key(command->op), act_text(stream, 0))) {
                redis->n_waiters--;
                send_op(redis, command);
            }
        }
    }
}

/* --- answers */
static const struct {
    struct str word;
    enum error_code code;
    const char *text;
} refusals[] = {
    {STR_INIT("absent"), ERR_NOT_FOUND, STORE_TEXT_NOTHING},
    {STR_INIT("conflict"), ERR_CONFLICT, STORE_TEXT_OTHER},
    {STR_INIT("held"), ERR_CONFLICT, STORE_TEXT_HELD},
    {STR_INIT("lost"), ERR_CONFLICT, STORE_TEXT_LOST},
    {STR_INIT("newer"), ERR_STORE_UNREADABLE, STORE_TEXT_NEWER},
    {STR_INIT("foreign"), ERR_STORE_UNREADABLE,
     "what is stored there is not ours: give this service a prefix of its own"},
};

static void on_refused(struct redis *redis, struct command *command, const redisReply *reply)
{
    struct str text = {reply->str, reply->len};
    const char *why = str_contains(text, STR("OOM command")) ? "Redis is full (maxmemory)"
                      : str_contains(text, STR("READONLY"))
                          ? "this Redis is a replica, and takes no changes"
                          : NULL;
    char refused[LINK_WHY_MAX];

    if (why == NULL) {
        struct buf words;

        buf_init(&words, sizeof(refused) + text.len + 16);
        buf_text(&words, "Redis refused: ");
        buf_str(&words, text);
        str_copy(refused, sizeof(refused), buf_view(&words));
        buf_done(&words);
        why = refused;
    }
    command_fail(redis, command, why, false);
}

/* A READ or WATCH that waits and has got nothing goes on waiting. */
static void on_answer(struct redis *redis, struct command *command, const redisReply *reply)
{
    struct store_op *op = command->op;
    struct str word;

    if (op == NULL) {
        command_free(redis, command);
        return;
    }
    word = reply->type == REDIS_REPLY_ARRAY ? act_text(reply, 0) : STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (str_eq(word, refusals[i].word)) {
            op->result.retry_after_ms = act_number(reply, 1);
            command_free(redis, command);
            store_op_fail(op, refusals[i].code, refusals[i].text);
            return;
        }
    }
    if (!str_is(word, "ok")) {
        command_fail(redis, command, "its answer cannot be read", true);
        return;
    }
    act_take(op, reply);
    if (is_waiting_kind(op) && op->result.n_items == 0 &&
        op->result.sequence <= op->request.after) {
        wait_for_news(redis, command);
        return;
    }
    command_free(redis, command);
    store_op_end(op);
}

static void send_unsent(struct redis *redis)
{
    struct list *link;

    while (redis->ready && (link = list_first(&redis->unsent)) != NULL) {
        send_op(redis, CONTAINER_OF(link, struct command, link));
    }
}

/* Somebody has emptied its scripts: the act was not begun, so it is sent again. */
static void on_no_script(struct redis *redis, struct command *command)
{
    if (command->op == NULL) {
        command_free(redis, command);
        return;
    }
    list_append(&redis->unsent, &command->link);
    if (redis->ready) {
        send_script(redis);
    }
}

static void on_script(struct redis *redis, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len >= sizeof(redis->script)) {
        link_break(&redis->calls, "Redis takes no scripts: %.100s",
                   reply->type == REDIS_REPLY_ERROR ? reply->str : "");
        return;
    }
    str_copy(redis->script, sizeof(redis->script), (struct str){reply->str, reply->len});
    redis->ready = true;
    link_is_good(&redis->calls);
    send_unsent(redis);
}

static void on_calls_reply(struct link *link, const redisReply *reply)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);
    struct list *first = list_take_first(&redis->sent);
    struct command *command = first != NULL ? CONTAINER_OF(first, struct command, link) : NULL;
    enum what what = command != NULL ? command->what : WHAT_GREETING;

    if (command == NULL) {
        link_break(link, "Redis answered without having been asked");
        return;
    }
    if (what == WHAT_OP && reply->type == REDIS_REPLY_ERROR) {
        if (str_starts((struct str){reply->str, reply->len}, STR("NOSCRIPT"))) {
            on_no_script(redis, command);
        } else {
            on_refused(redis, command, reply);
        }
        return;
    }
    if (what == WHAT_OP) {
        on_answer(redis, command, reply);
        return;
    }
    command_free(redis, command);
    if (what == WHAT_SCRIPT) {
        on_script(redis, reply);
    } else if (what == WHAT_GREETING && reply->type == REDIS_REPLY_ERROR) {
        link_break(link, "Redis refused: %.100s", reply->str);
    }
}

static void on_blocks_reply(struct link *link, const redisReply *reply)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);
    struct list *first = list_take_first(&redis->greeting);
    struct command *command = first != NULL ? CONTAINER_OF(first, struct command, link) : NULL;
    enum what what = command != NULL ? command->what : WHAT_GREETING;

    if (command == NULL) {
        link_break(link, "Redis answered without having been asked");
        return;
    }
    command_free(redis, command);
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
        on_news(redis, reply);
    }
    block(redis);
}

/* --- connections */
static void greet(struct redis *redis, struct link *link, struct list *sent)
{
    char number[DIGITS_MAX];
    const struct str select[] = {STR("SELECT"), str_of_int(redis->database, number)};

    if (secret_is_set(&redis->password)) {
        struct str auth[3] = {STR("AUTH")};
        size_t n = 1;

        if (redis->user.len > 0) {
            auth[n++] = redis->user;
        }
        auth[n++] = secret_reveal(&redis->password);
        send_own(redis, link, sent, WHAT_GREETING, auth, n);
    }
    if (redis->database > 0) {
        send_own(redis, link, sent, WHAT_GREETING, select, ARRAY_LEN(select));
    }
}

static void on_calls_up(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);

    greet(redis, link, &redis->sent);
    send_script(redis);
}

static void on_blocks_up(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);
    const struct str id[] = {STR("CLIENT"), STR("ID")};

    greet(redis, link, &redis->greeting);
    send_own(redis, link, &redis->greeting, WHAT_ID, id, ARRAY_LEN(id));
}

static void on_calls_down(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);

    redis->ready = false;
    redis->unblocking = false;
    fail_all(redis, &redis->sent, link->why, true);
    fail_all(redis, &redis->unsent, link->why, false);
    fail_all(redis, &redis->waiters, link->why, false);
    redis->n_waiters = 0;
}

static void on_blocks_down(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, blocks);

    redis->client[0] = '\0';
    redis->blocked = false;
    redis->unblocking = false;
    fail_all(redis, &redis->greeting, link->why, false);
    fail_all(redis, &redis->waiters, link->why, false);
    redis->n_waiters = 0;
}

static void on_link_closed(struct redis *redis)
{
    if (--redis->n_links > 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(redis->texts); i++) {
        mem_free(redis->texts[i]);
    }
    mem_free(unconst(redis->user.ptr));
    secret_done(&redis->password);
    store_closed(&redis->store);
}

static void on_calls_closed(struct link *link)
{
    on_link_closed(CONTAINER_OF(link, struct redis, calls));
}

static void on_blocks_closed(struct link *link)
{
    on_link_closed(CONTAINER_OF(link, struct redis, blocks));
}

static const struct link_events calls_events = {on_calls_up, on_calls_reply, on_calls_down,
                                                on_calls_closed};
static const struct link_events blocks_events = {on_blocks_up, on_blocks_reply, on_blocks_down,
                                                 on_blocks_closed};

/* --- the backend */
static void redis_start(struct store *store, struct store_op *op)
{
    struct redis *redis = redis_of(store);
    struct command *command;

    if (redis->calls.state == LINK_DOWN || redis->n_commands >= COMMANDS_MAX) {
        (void)error_set(&op->result.error, ERR_STORE_AWAY, "the store is away: %s",
                        redis->calls.state == LINK_DOWN ? redis->calls.why
                                                        : "too many operations wait for it");
        store_op_end(op);
        return;
    }
    if (is_waiting_kind(op) && redis->n_links == 1) {
        redis->n_links = 2;
        link_open(&redis->blocks, store->loop, &redis->address, store->timeout_ms, &blocks_events);
    }
    command = command_new(redis, WHAT_OP, op);
    if (redis->ready) {
        send_op(redis, command);
    } else {
        list_append(&redis->unsent, &command->link);
    }
}

/* Its time is over: a connection that was cut without a word would go on like this for minutes. */
static bool is_unanswered(const struct store_op *op)
{
    return !is_waiting_kind(op) &&
           clock_now_us() - op->began_us >= UINT64_C(1000) * op->store->timeout_ms;
}

static void redis_forget(struct store *store, struct store_op *op)
{
    struct redis *redis = redis_of(store);
    struct command *command = op->backend;
    struct list *link;

    if (command == NULL) {
        return;
    }
    op->backend = NULL;
    command->op = NULL;
    LIST_FOREACH (link, &redis->sent) {
        if (link == &command->link) { /* its answer must be read */
            if (is_unanswered(op)) {
                link_break(&redis->calls, "Redis did not answer within %u ms", store->timeout_ms);
            }
            return;
        }
    }
    LIST_FOREACH (link, &redis->waiters) {
        if (link == &command->link) {
            redis->n_waiters--;
            break;
        }
    }
    command_free(redis, command);
}

static void redis_close(struct store *store)
{
    struct redis *redis = redis_of(store);
    bool two = redis->n_links == 2;

    fail_all(redis, &redis->sent, "", false);
    fail_all(redis, &redis->greeting, "", false);
    link_close(&redis->calls);
    if (two) {
        link_close(&redis->blocks);
    }
}

static const char *redis_trouble(const struct store *store)
{
    const struct redis *redis = (const struct redis *)(const void *)store; /* its head */

    if (redis->ready) {
        return NULL;
    }
    return redis->calls.why[0] != '\0' ? redis->calls.why : "it has not answered yet";
}

static const struct store_backend redis_backend = {redis_start, redis_forget, redis_close,
                                                   redis_trouble};

enum error_code store_open_redis(struct loop *loop, const struct store_options *options,
                                 const struct store_redis *where, struct store **out,
                                 struct error *err)
{
    struct redis *redis = mem_zalloc(sizeof(*redis));
    enum error_code code = store_init(&redis->store, &redis_backend, loop, options, err);

    if (code != ERR_OK) {
        mem_free(redis);
        return code;
    }
    list_init(&redis->unsent);
    list_init(&redis->sent);
    list_init(&redis->greeting);
    list_init(&redis->waiters);
    redis->texts[0] = where->path.len > 0 ? str_dup(where->path) : NULL;
    redis->texts[1] = str_dup(where->host);
    redis->texts[2] = str_dup(where->port);
    redis->address = (struct link_address){redis->texts[0], redis->texts[1], redis->texts[2]};
    redis->user = (struct str){str_dup(where->user), where->user.len};
    if (where->password != NULL && secret_is_set(where->password)) {
        secret_set(&redis->password, secret_reveal(where->password));
    }
    redis->database = where->database;
    redis->n_links = 1;
    link_open(&redis->calls, loop, &redis->address, options->timeout_ms, &calls_events);
    *out = &redis->store;
    return ERR_OK;
}
