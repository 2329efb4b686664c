/* The backend in Redis: the lists that commands wait in, and what their answers mean. */
#include "redis_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "observe/log.h"
#include "store/redis.h"

enum { COMMANDS_MAX = 10000, REFUSAL_MAX = 180 };

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

void redis_command_free(struct redis *redis, struct command *command)
{
    list_remove(&command->link);
    redis->n_commands--;
    if (command->op != NULL) {
        command->op->backend = NULL;
    }
    mem_free(command);
}

void redis_command_fail(struct redis *redis, struct command *command, const char *why,
                        bool in_doubt)
{
    struct store_op *op = command->op;

    redis_command_free(redis, command);
    if (op != NULL) {
        op->result.in_doubt = in_doubt;
        (void)error_set(&op->result.error, ERR_STORE_AWAY, "the store is away: %s", why);
        store_op_end(op);
    }
}

void redis_fail_all(struct redis *redis, struct list *commands, const char *why, bool in_doubt)
{
    struct list *link;

    while ((link = list_first(commands)) != NULL) {
        redis_command_fail(redis, CONTAINER_OF(link, struct command, link), why, in_doubt);
    }
}

void redis_send_own(struct redis *redis, struct link *link, struct list *sent, enum what what,
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
    redis_send_own(redis, &redis->calls, &redis->sent, WHAT_SCRIPT, words, ARRAY_LEN(words));
}

void redis_send_op(struct redis *redis, struct command *command)
{
    struct store_op *op = command->op;
    struct act_words words;

    act_write(op, str_from(redis->script), &words);
    list_remove(&command->link);
    if (!link_send(&redis->calls, words.items, words.n)) {
        redis_command_fail(redis, command, "too much waits to be sent to it", false);
        return;
    }
    list_append(&redis->sent, &command->link);
    redis_mark_soon(redis, op);
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

    (void)str_print(refused, sizeof(refused), "Redis refused: %.*s",
                    STR_ARG(str_sub(text, 0, REFUSAL_MAX)));
    redis_command_fail(redis, command, why != NULL ? why : refused, false);
    if (str_starts(text, STR("READONLY"))) { /* after a failover the name may lead elsewhere */
        link_break(&redis->calls, "this Redis is a replica, and takes no changes");
    }
}

/* A READ or WATCH that waits and has got nothing goes on waiting. */
static void on_answer(struct redis *redis, struct command *command, const redisReply *reply)
{
    struct store_op *op = command->op;
    struct str word;

    if (op == NULL) {
        redis_command_free(redis, command);
        return;
    }
    word = reply->type == REDIS_REPLY_ARRAY ? act_text(reply, 0) : STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (str_eq(word, refusals[i].word)) {
            op->result.retry_after_ms = act_number(reply, 1);
            op->result.sequence = act_number(reply, 2);
            redis_command_free(redis, command);
            store_op_fail(op, refusals[i].code, refusals[i].text);
            return;
        }
    }
    if (!str_is(word, "ok")) {
        redis_command_fail(redis, command, "its answer cannot be read", true);
        return;
    }
    act_take(op, reply);
    if (redis_is_waiting_kind(op) && op->result.n_items == 0 && !op->result.rewound &&
        op->result.sequence <= op->request.after) {
        redis_wait(redis, command);
        return;
    }
    redis_command_free(redis, command);
    store_op_end(op);
}

static void send_unsent(struct redis *redis)
{
    struct list *link;

    while (redis->ready && (link = list_first(&redis->unsent)) != NULL) {
        redis_send_op(redis, CONTAINER_OF(link, struct command, link));
    }
}

/* Redis has lost its scripts (SCRIPT FLUSH): the act was not begun, so it is sent again. */
static void on_no_script(struct redis *redis, struct command *command)
{
    if (command->op == NULL) {
        redis_command_free(redis, command);
        return;
    }
    list_append(&redis->unsent, &command->link);
    if (redis->ready) {
        send_script(redis);
    }
}

/* Logs once when Redis goes, and once when it comes back; at the start only if it is not there. */
static void tell(struct redis *redis, bool away)
{
    if (away == redis->is_away) {
        return;
    }
    redis->is_away = away;
    if (away) {
        log_event(LOG_WARN, "store.away", F_TEXT("reason", redis->calls.why));
    } else {
        log_event(LOG_INFO, "store.back", F_INT("attempts", redis->calls.n_attempts));
    }
}

static void get_ready(struct redis *redis)
{
    redis->ready = true;
    tell(redis, false);
    link_is_good(&redis->calls);
    send_unsent(redis);
}

static void on_script(struct redis *redis, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len >= sizeof(redis->script)) {
        link_break(&redis->calls, "Redis takes no scripts: %.100s",
                   reply->type == REDIS_REPLY_ERROR ? reply->str : "");
        return;
    }
    str_copy(redis->script, sizeof(redis->script), (struct str){reply->str, reply->len});
    if (!redis_asks_mark(redis)) {
        get_ready(redis);
    }
}

struct command *redis_answered(struct link *link, struct list *sent)
{
    struct command *first = CONTAINER_OR_NULL(list_take_first(sent), struct command, link);

    if (first == NULL) {
        link_break(link, "Redis answered without having been asked");
    }
    return first;
}

static void on_calls_reply(struct link *link, const redisReply *reply)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);
    struct command *command = redis_answered(link, &redis->sent);
    enum what what = command != NULL ? command->what : WHAT_GREETING;

    if (command == NULL) {
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
    redis_command_free(redis, command);
    if (what == WHAT_SCRIPT) {
        on_script(redis, reply);
    } else if (what == WHAT_MARK) {
        redis_marked(redis, reply);
    } else if (what == WHAT_LAST_MARK && reply->type == REDIS_REPLY_ARRAY) {
        redis_take_mark(redis, reply);
        get_ready(redis);
    } else if (what == WHAT_UNBLOCK && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
        redis_wait_missed(redis);
    } else if (what == WHAT_LAST_MARK ||
               (what == WHAT_GREETING && reply->type == REDIS_REPLY_ERROR)) {
        link_break(link, "Redis refused: %.100s",
                   reply->type == REDIS_REPLY_ERROR ? reply->str : "it tells no mark");
    }
}

/* --- connections */
void redis_greet(struct redis *redis, struct link *link, struct list *sent)
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
        redis_send_own(redis, link, sent, WHAT_GREETING, auth, n);
    }
    if (redis->database > 0) {
        redis_send_own(redis, link, sent, WHAT_GREETING, select, ARRAY_LEN(select));
    }
}

static void on_calls_up(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);

    redis_greet(redis, link, &redis->sent);
    send_script(redis);
}

static void on_calls_down(struct link *link)
{
    struct redis *redis = CONTAINER_OF(link, struct redis, calls);

    redis->ready = false;
    redis->unblocking = false;
    tell(redis, true);
    redis_fail_all(redis, &redis->sent, link->why, true);
    redis_fail_all(redis, &redis->unsent, link->why, false);
    redis_wait_fail(redis, link->why);
}

void redis_link_closed(struct redis *redis)
{
    if (--redis->n_links > 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(redis->texts); i++) {
        mem_free(redis->texts[i]);
    }
    mem_free(unconst(redis->user.ptr));
    secret_done(&redis->password);
    tls_config_free(redis->address.tls);
    store_closed(&redis->store);
}

static void on_calls_closed(struct link *link)
{
    redis_link_closed(CONTAINER_OF(link, struct redis, calls));
}

static const struct link_events calls_events = {on_calls_up, on_calls_reply, on_calls_down,
                                                on_calls_closed};

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
    if (redis_is_waiting_kind(op)) {
        redis_wait_open(redis);
    }
    command = command_new(redis, WHAT_OP, op);
    if (redis->ready) {
        redis_send_op(redis, command);
    } else {
        list_append(&redis->unsent, &command->link);
    }
}

/* True: the time for the answer has passed. A connection that was cut silently would go on like this for minutes. */
static bool is_unanswered(const struct store_op *op)
{
    return !redis_is_waiting_kind(op) &&
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
        if (link == &command->link) { /* it was sent: its answer must be read */
            if (is_unanswered(op)) {
                link_break(&redis->calls, "Redis did not answer within %u ms", store->timeout_ms);
            }
            return;
        }
    }
    redis_wait_forget(redis, command);
    redis_command_free(redis, command);
}

static void redis_close(struct store *store)
{
    struct redis *redis = redis_of(store);
    bool two = redis->n_links == 2;

    later_remove(&redis->mark_soon);
    redis_fail_all(redis, &redis->sent, "", false);
    redis_fail_all(redis, &redis->greeting, "", false);
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
                                                   redis_trouble, "redis"};

enum error_code store_open_redis(struct loop *loop, const struct store_options *options,
                                 const struct store_redis *where, struct store **out,
                                 struct error *err)
{
    enum error_code code = store_new(&redis_backend, sizeof(struct redis), loop, options, out, err);
    struct redis *redis;

    if (code != ERR_OK) {
        tls_config_free(where->tls);
        return code;
    }
    redis = redis_of(*out);
    list_init(&redis->unsent);
    list_init(&redis->sent);
    list_init(&redis->greeting);
    list_init(&redis->waiters);
    redis_mark_open(redis);
    redis->texts[0] = where->path.len > 0 ? str_dup(where->path) : NULL;
    redis->texts[1] = str_dup(where->host);
    redis->texts[2] = str_dup(where->port);
    redis->address = (struct link_address){.path = redis->texts[0],
                                           .host = redis->texts[1],
                                           .port = redis->texts[2],
                                           .tls = where->tls};
    redis->user = (struct str){str_dup(where->user), where->user.len};
    if (where->password != NULL && secret_is_set(where->password)) {
        secret_set(&redis->password, secret_reveal(where->password));
    }
    redis->database = where->database;
    redis->n_links = 1;
    link_open(&redis->calls, loop, &redis->address, options->timeout_ms, &calls_events);
    return ERR_OK;
}
