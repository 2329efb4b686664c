/* The backend in Redis: what an operation sends, and what its answer means. Every operation is one
 * act of script.lua, so it is carried out whole or not at all. Whoever waits for a stream stands in
 * `waiters`: a second connection blocks on all their streams (XREAD BLOCK), and what has news is
 * asked for again. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "redis_link.h"
#include "store/redis.h"
#include "store_internal.h"

enum {
    BLOCK_MS = 1000,   /* a waiter that came in the wrong moment is late by this at most */
    WAITERS_MAX = 256, /* operations that wait for a stream */
    COMMANDS_MAX = 10000,
    WORDS_MAX = 12
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

/* --- an operation as an act of the script */
struct words {
    struct str items[WORDS_MAX];
    size_t n;
};

static void add(struct words *words, struct str word)
{
    CHECK(words->n < WORDS_MAX);
    words->items[words->n++] = word;
}

static void add_number(struct words *words, struct store_op *op, uint64_t number)
{
    add(words, arena_int(&op->arena, (int64_t)number));
}

/* The same key among others: `cut` at the end of its group or whole. */
static struct str key_beside(struct store_op *op, char letter, bool cut)
{
    size_t brace = (size_t)str_find_char(op->key, '{');
    size_t end = cut ? (size_t)str_find_char(op->key, '}') + 1 : op->key.len;

    return arena_printf(&op->arena, "%.*s%c:%.*s", (int)(brace - 2), op->key.ptr, letter,
                        (int)(end - brace), op->key.ptr + brace);
}

static struct str name_of(const struct store_op *op)
{
    return str_sub(op->key, (size_t)str_find_char(op->key, '}') + 2, op->key.len);
}

static struct str expect_of(const struct store_op *op)
{
    static const struct str words[] = {[STORE_ANY] = STR_INIT("any"),
                                       [STORE_ABSENT] = STR_INIT("absent"),
                                       [STORE_VERSION] = STR_INIT("version")};

    return words[op->request.expect];
}

static void add_get(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
}

static void add_put(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.bytes);
    add(words, expect_of(op));
    add_number(words, op, op->request.version);
    add_number(words, op, op->request.ttl_ms);
    add(words, name_of(op));
}

static void add_remove(struct words *words, struct store_op *op)
{
    add(words, expect_of(op));
    add_number(words, op, op->request.version);
    add(words, name_of(op));
}

static void add_list(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.name);
    add_number(words, op, op->request.limit);
    add(words, arena_printf(&op->arena, "%.*s/", STR_ARG(op->key)));
}

static void add_append(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.bytes);
    add_number(words, op, op->request.limit);
    add_number(words, op, op->request.ttl_ms);
}

static void add_read(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add_number(words, op, op->request.after);
    add_number(words, op, op->request.limit);
}

static void add_count(struct words *words, struct store_op *op)
{
    add_number(words, op, op->request.rate);
    add_number(words, op, op->request.burst);
    add_number(words, op, op->request.cost);
}

static void add_lease(struct words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.ttl_ms);
}

static void add_renew(struct words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.fence);
    add_number(words, op, op->request.ttl_ms);
}

static void add_release(struct words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.fence);
    add(words, op->request.bytes);
}

static void add_nothing(struct words *words, struct store_op *op)
{
    (void)words;
    (void)op;
}

/* --- an answer as a result */
static struct str text_of(const redisReply *reply, size_t i)
{
    const redisReply *item = i < reply->elements ? reply->element[i] : NULL;

    return item != NULL && item->type == REDIS_REPLY_STRING ? (struct str){item->str, item->len}
                                                            : STR_EMPTY;
}

static uint64_t number_of(const redisReply *reply, size_t i)
{
    int64_t number = 0;

    return str_to_i64(text_of(reply, i), 0, INT64_MAX, &number) ? (uint64_t)number : 0;
}

static void take_version(struct store_op *op, const redisReply *reply)
{
    op->result.version = number_of(reply, 1);
    op->result.bytes = arena_str(&op->arena, text_of(reply, 2));
}

static void take_items(struct store_op *op, const redisReply *reply)
{
    size_t n = (reply->elements - 1) / 3;

    n = n < op->request.limit ? n : op->request.limit;
    op->result.items = arena_calloc(&op->arena, n + 1, sizeof(struct store_item));
    op->result.n_items = n;
    op->result.next = arena_str(&op->arena, text_of(reply, 1));
    for (size_t i = 0; i < n; i++) {
        op->result.items[i] =
            (struct store_item){.name = arena_str(&op->arena, text_of(reply, 2 + 3 * i)),
                                .sequence = number_of(reply, 3 + 3 * i),
                                .bytes = arena_str(&op->arena, text_of(reply, 4 + 3 * i))};
    }
}

static void take_verdict(struct store_op *op, const redisReply *reply)
{
    op->result.allowed = number_of(reply, 1) == 1;
    op->result.remaining = (unsigned)number_of(reply, 2);
    op->result.retry_after_ms = number_of(reply, 3);
}

static void take_lease(struct store_op *op, const redisReply *reply)
{
    op->result.fence = number_of(reply, 1);
    op->result.orderly = number_of(reply, 2) == 1;
    op->result.bytes = arena_str(&op->arena, text_of(reply, 3));
}

static void take_wish(struct store_op *op, const redisReply *reply)
{
    op->result.wanted = number_of(reply, 1) == 1;
}

static void take_sequence(struct store_op *op, const redisReply *reply)
{
    uint64_t last = number_of(reply, 1);

    op->result.sequence = last > op->request.after ? last : op->request.after;
}

static void take_nothing(struct store_op *op, const redisReply *reply)
{
    (void)op;
    (void)reply;
}

/* `beside`: the letter of a second key, of the whole key or of its group. */
static const struct act {
    struct str name;
    char beside;
    bool cut;
    void (*add)(struct words *words, struct store_op *op);
    void (*take)(struct store_op *op, const redisReply *reply);
} acts[STORE_KIND_N] = {
    [STORE_GET] = {STR_INIT("get"), 0, false, add_get, take_version},
    [STORE_PUT] = {STR_INIT("put"), 'i', true, add_put, take_version},
    [STORE_REMOVE] = {STR_INIT("remove"), 'i', true, add_remove, take_nothing},
    [STORE_LIST] = {STR_INIT("list"), 0, false, add_list, take_items},
    [STORE_APPEND] = {STR_INIT("append"), 0, false, add_append, take_version},
    [STORE_READ] = {STR_INIT("read"), 0, false, add_read, take_items},
    [STORE_COUNT] = {STR_INIT("count"), 0, false, add_count, take_verdict},
    [STORE_LEASE] = {STR_INIT("lease"), 'e', false, add_lease, take_lease},
    [STORE_RENEW] = {STR_INIT("renew"), 0, false, add_renew, take_wish},
    [STORE_RELEASE] = {STR_INIT("release"), 'e', false, add_release, take_nothing},
    [STORE_WATCH] = {STR_INIT("watch"), 0, false, add_nothing, take_sequence},
};

/* The key that the act works on: of a list the names, of a watch the events. */
static struct str key_of(struct store_op *op)
{
    if (op->request.kind == STORE_LIST) {
        return key_beside(op, 'i', false);
    }
    return op->request.kind == STORE_WATCH ? key_beside(op, 'e', false) : op->key;
}

static void send_op(struct redis *redis, struct command *command)
{
    struct store_op *op = command->op;
    const struct act *act = &acts[op->request.kind];
    struct words words = {.n = 0};

    add(&words, STR("EVALSHA"));
    add(&words, str_from(redis->script));
    add(&words, act->beside != 0 ? STR("2") : STR("1"));
    add(&words, key_of(op));
    if (act->beside != 0) {
        add(&words, key_beside(op, act->beside, act->cut));
    }
    add(&words, act->name);
    act->add(&words, op);
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

        words[n + i] = key_of(op);
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

            if (redis->ready && str_eq(key_of(command->op), text_of(stream, 0))) {
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
    word = reply->type == REDIS_REPLY_ARRAY ? text_of(reply, 0) : STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (str_eq(word, refusals[i].word)) {
            op->result.retry_after_ms = number_of(reply, 1);
            command_free(redis, command);
            store_op_fail(op, refusals[i].code, refusals[i].text);
            return;
        }
    }
    if (!str_is(word, "ok")) {
        command_fail(redis, command, "its answer cannot be read", true);
        return;
    }
    acts[op->request.kind].take(op, reply);
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
