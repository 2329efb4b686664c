#include "redis_act.h"

#include "base/check.h"
#include "base/mem.h"
#include "store_internal.h"

/* An item is name, version, bytes and time left. For an entry of a stream the format stands in place of the name;
 * for an item of a walk, in place of the bytes. */
enum { ITEM_WORDS = 4 };

/* --- an operation as an act of the script */
static void add(struct act_words *words, struct str word)
{
    CHECK(words->n < ACT_WORDS_MAX);
    words->items[words->n++] = word;
}

static void add_number(struct act_words *words, struct store_op *op, uint64_t number)
{
    add(words, arena_int(&op->arena, (int64_t)number));
}

/* The key with another letter: whole, or `cut` at the end of its group. */
static struct str key_beside(struct store_op *op, char letter, bool cut)
{
    size_t brace = (size_t)str_find_char(op->key, '{');
    size_t end = cut ? (size_t)str_find_char(op->key, '}') + 1 : op->key.len;
    char *key = arena_alloc(&op->arena, end);

    mem_copy(key, op->key.ptr, end);
    key[brace - 2] = letter;
    return (struct str){key, end};
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

static void add_get(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add_number(words, op, op->request.touches ? 1 : 0);
}

static void add_put(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.bytes);
    add(words, expect_of(op));
    add_number(words, op, op->request.version);
    add_number(words, op, op->request.ttl_ms);
    add_number(words, op, op->request.max_age_ms);
    add(words, name_of(op));
}

static void add_remove(struct act_words *words, struct store_op *op)
{
    add(words, expect_of(op));
    add_number(words, op, op->request.version);
    add(words, name_of(op));
}

static void add_list(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.name);
    add_number(words, op, op->request.limit);
    add(words, arena_printf(&op->arena, "%.*s/", STR_ARG(op->key)));
}

static void add_walk(struct act_words *words, struct store_op *op)
{
    add(words, op->request.name);
    add_number(words, op, op->request.limit);
    add(words, op->store->prefix);
    add(words, op->request.streams ? STR("s") : STR("d"));
}

static void add_append(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add(words, op->request.bytes);
    add_number(words, op, op->request.limit);
    add_number(words, op, op->request.ttl_ms);
    add_number(words, op, op->request.sequence);
}

static void add_read(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.format);
    add_number(words, op, op->request.after);
    add_number(words, op, op->request.limit);
}

static void add_count(struct act_words *words, struct store_op *op)
{
    add_number(words, op, op->request.rate);
    add_number(words, op, op->request.burst);
    add_number(words, op, op->request.cost);
}

static void add_lease(struct act_words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.ttl_ms);
}

static void add_renew(struct act_words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.fence);
    add_number(words, op, op->request.ttl_ms);
}

static void add_release(struct act_words *words, struct store_op *op)
{
    add(words, op->request.holder);
    add_number(words, op, op->request.fence);
    add(words, op->request.bytes);
}

/* --- an answer as a result */
struct str act_text(const redisReply *reply, size_t i)
{
    const redisReply *item = i < reply->elements ? reply->element[i] : NULL;

    return item != NULL && item->type == REDIS_REPLY_STRING ? (struct str){item->str, item->len}
                                                            : STR_EMPTY;
}

uint64_t act_number(const redisReply *reply, size_t i)
{
    int64_t number = 0;

    return str_to_i64(act_text(reply, i), 0, INT64_MAX, &number) ? (uint64_t)number : 0;
}

static void take_version(struct store_op *op, const redisReply *reply)
{
    op->result.version = act_number(reply, 1);
    op->result.bytes = arena_str(&op->arena, act_text(reply, 2));
    op->result.left_ms = act_number(reply, 3);
    op->result.age_ms = act_number(reply, 4);
}

static void take_items(struct store_op *op, const redisReply *reply)
{
    size_t n = (reply->elements - 1) / ITEM_WORDS;

    if (op->request.kind != STORE_WALK && n > op->request.limit) {
        n = op->request.limit;
    }
    op->result.items = arena_calloc(&op->arena, n + 1, sizeof(struct store_item));
    op->result.n_items = n;
    op->result.next = arena_str(&op->arena, act_text(reply, 1));
    for (size_t i = 0; i < n; i++) {
        size_t at = 2 + ITEM_WORDS * i;
        struct store_item *item = &op->result.items[i];

        *item = (struct store_item){.sequence = act_number(reply, at + 1),
                                    .left_ms = act_number(reply, at + 3)};
        if (op->request.kind == STORE_READ) {
            item->format = (unsigned)act_number(reply, at);
        } else {
            item->name = arena_str(&op->arena, act_text(reply, at));
        }
        if (op->request.kind == STORE_WALK) {
            item->format = (unsigned)act_number(reply, at + 2);
        } else {
            item->bytes = arena_str(&op->arena, act_text(reply, at + 2));
        }
    }
}

/* Where a list has its `next`, a stream has its end, if that end is before the entry that was asked for. */
static void take_entries(struct store_op *op, const redisReply *reply)
{
    take_items(op, reply);
    op->result.rewound = op->result.next.len > 0;
    op->result.sequence = act_number(reply, 1);
    op->result.next = STR_EMPTY;
}

static void take_verdict(struct store_op *op, const redisReply *reply)
{
    op->result.allowed = act_number(reply, 1) == 1;
    op->result.remaining = (unsigned)act_number(reply, 2);
    op->result.retry_after_ms = act_number(reply, 3);
}

static void take_lease(struct store_op *op, const redisReply *reply)
{
    op->result.fence = act_number(reply, 1);
    op->result.orderly = act_number(reply, 2) == 1;
    op->result.bytes = arena_str(&op->arena, act_text(reply, 3));
    op->result.sequence = act_number(reply, 4);
}

static void take_wish(struct store_op *op, const redisReply *reply)
{
    op->result.wanted = act_number(reply, 1) == 1;
}

static void take_sequence(struct store_op *op, const redisReply *reply)
{
    uint64_t last = act_number(reply, 1);

    op->result.sequence = last > op->request.after ? last : op->request.after;
}

/* `beside`, `cut`: the letter and extent of a second key (key_beside); 0: none. NULL: nothing to add, or to take. */
static const struct act {
    struct str name;
    char beside;
    bool cut;
    void (*add)(struct act_words *words, struct store_op *op);
    void (*take)(struct store_op *op, const redisReply *reply);
} acts[STORE_KIND_N] = {
    [STORE_GET] = {STR_INIT("get"), 0, false, add_get, take_version},
    [STORE_PUT] = {STR_INIT("put"), 'i', true, add_put, take_version},
    [STORE_REMOVE] = {STR_INIT("remove"), 'i', true, add_remove, NULL},
    [STORE_LIST] = {STR_INIT("list"), 0, false, add_list, take_items},
    [STORE_APPEND] = {STR_INIT("append"), 0, false, add_append, take_version},
    [STORE_READ] = {STR_INIT("read"), 0, false, add_read, take_entries},
    [STORE_COUNT] = {STR_INIT("count"), 0, false, add_count, take_verdict},
    [STORE_LEASE] = {STR_INIT("lease"), 'e', false, add_lease, take_lease},
    [STORE_RENEW] = {STR_INIT("renew"), 0, false, add_renew, take_wish},
    [STORE_RELEASE] = {STR_INIT("release"), 'e', false, add_release, NULL},
    [STORE_WATCH] = {STR_INIT("watch"), 0, false, NULL, take_sequence},
    [STORE_WALK] = {STR_INIT("walk"), 0, false, add_walk, take_items},
    [STORE_ABOUT] = {STR_INIT("about"), 0, false, NULL, take_version},
};

/* The key that the act works on: for a list that of the names, for a watch that of the events. */
struct str act_key(struct store_op *op)
{
    if (op->request.kind == STORE_LIST) {
        return key_beside(op, 'i', false);
    }
    return op->request.kind == STORE_WATCH ? key_beside(op, 'e', false) : op->key;
}

void act_write(struct store_op *op, struct str script, struct act_words *out)
{
    const struct act *act = &acts[op->request.kind];

    out->n = 0;
    add(out, STR("EVALSHA"));
    add(out, script);
    add(out, act->beside != 0 ? STR("2") : STR("1"));
    add(out, act_key(op));
    if (act->beside != 0) {
        add(out, key_beside(op, act->beside, act->cut));
    }
    add(out, act->name);
    if (act->add != NULL) {
        act->add(out, op);
    }
}

void act_take(struct store_op *op, const redisReply *reply)
{
    const struct act *act = &acts[op->request.kind];

    if (act->take != NULL) {
        act->take(op, reply);
    }
}
