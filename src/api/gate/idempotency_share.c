#include "idempotency_share.h"

#include "base/arena.h"
#include "base/json_writer.h"
#include "base/list.h"
#include "base/mem.h"
#include "data/json.h"
#include "observe/log.h"

enum {
    FORMAT = 1,
    KEY_MAX = 96,
    AGAIN_MS = 1000, /* what could not be written is tried again */
    TRIES_MAX = 600, /* for ten minutes */
    LOOK_TTL_MS = 1000,
    HEAD_MAX = 4096
};

enum claim_state {
    CLAIM_ENTERS, /* waits for the lease of this process */
    CLAIM_PUTS,
    CLAIM_LOOKS, /* another one has it: at the document, then at the lease of its process */
    CLAIM_OURS,
    CLAIM_WRITES,
    CLAIM_CLEANS
};

struct claim {
    struct list link;
    struct idempotency_share *share;
    enum claim_state state;
    struct digest id;
    char body[65]; /* hex */
    uint64_t ttl_ms;
    void *context;
    claim_fn on_end; /* NULL: nobody waits */
    struct keep_user alive;
    struct store_op op;
    bool acts;
    struct deadline again;
    unsigned n_tries;
    uint64_t version;
    struct buf document; /* that is to be written */
    char other[65];      /* the process that has it */
};

struct idempotency_share {
    struct store *store;
    struct keeps *keeps;
    struct deadlines *deadlines;
    struct list claims;
};

/* --- documents: a line of JSON, and the body of the reply as it was sent */
struct told {
    struct str state;
    struct str holder;
    struct str body;
    struct kept_reply reply;
};

static void write_document(struct buf *out, const struct claim *claim, const char *state,
                           const struct kept_reply *reply)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_object(&w);
    jw_kv_text(&w, "state", state);
    jw_kv_text(&w, "holder", keeps_holder(claim->share->keeps));
    jw_kv_text(&w, "request", claim->body);
    if (reply != NULL) {
        jw_kv_int(&w, "status", reply->status);
        jw_kv_str(&w, "content_type", reply->content_type);
        jw_kv_str(&w, "location", reply->location);
    }
    jw_end(&w);
    buf_char(out, '\n');
    if (reply != NULL) {
        buf_str(out, reply->body);
    }
}

static bool read_document(struct arena *arena, struct str bytes, struct told *out)
{
    struct json *head = NULL;
    struct error ignored = {0};
    struct str line;
    int64_t status = 0;

    if (!str_cut(bytes, '\n', &line, &out->reply.body) ||
        json_parse(arena, line, &json_of_ours, &head, &ignored) != ERR_OK) {
        return false;
    }
    out->state = json_str(json_get(head, "state"));
    out->holder = json_str(json_get(head, "holder"));
    out->body = json_str(json_get(head, "request"));
    out->reply.content_type = json_str(json_get(head, "content_type"));
    out->reply.location = json_str(json_get(head, "location"));
    if (json_to_i64(json_get(head, "status"), &status)) {
        out->reply.status = (int)status;
    }
    return out->state.len > 0 && out->body.len > 0 &&
           (!str_is(out->state, "done") || (status >= 100 && status <= 599));
}

/* --- a claim's life */
static void claim_free(struct claim *claim)
{
    if (claim->acts) {
        store_cancel(&claim->op);
    }
    deadline_clear(&claim->again);
    keep_leave(&claim->alive);
    list_remove(&claim->link);
    buf_done(&claim->document);
    mem_free(claim);
}

struct idempotency_share *idempotency_share_open(struct store *store, struct keeps *keeps,
                                                 struct deadlines *deadlines)
{
    struct idempotency_share *share = mem_zalloc(sizeof(*share));

    share->store = store;
    share->keeps = keeps;
    share->deadlines = deadlines;
    list_init(&share->claims);
    return share;
}

void idempotency_share_stop(struct idempotency_share *share)
{
    struct list *link;

    while (share != NULL && (link = list_first(&share->claims)) != NULL) {
        claim_free(CONTAINER_OF(link, struct claim, link));
    }
}

void idempotency_share_free(struct idempotency_share *share)
{
    mem_free(share);
}

static void start(struct claim *claim, struct store_request *request, store_done_fn on_done)
{
    char hex[65];
    char room[KEY_MAX];
    struct buf key;

    digest_hex(&claim->id, hex);
    buf_init_on(&key, room, sizeof(room), KEY_MAX);
    buf_text(&key, "idempotency:");
    buf_text(&key, hex);
    request->key = buf_view(&key);
    request->format = FORMAT;
    request->ttl_ms = claim->ttl_ms;
    claim->acts = true;
    store_start(claim->share->store, request, &claim->op, on_done);
    buf_done(&key);
}

/* Ends it for whoever waits; `claim` is free unless it is ours. */
static void tell(struct claim *claim, const struct error *error, const struct kept_reply *reply)
{
    claim_fn on_end = claim->on_end;
    void *context = claim->context;
    const struct error fine = {0};

    claim->on_end = NULL;
    on_end(context, error != NULL ? error : &fine, reply);
}

static void fail(struct claim *claim, const struct error *error)
{
    struct error told = *error;

    told.retry_after_s = told.code == ERR_STORE_AWAY ? 1 : told.retry_after_s;
    list_remove(&claim->link); /* on_end may stop the share */
    list_init(&claim->link);
    tell(claim, &told, NULL);
    claim_free(claim);
}

/* --- cleaning: the document is removed if it is ours */
static void clean(struct claim *claim);

static void on_clean_again(struct deadline *deadline)
{
    clean(CONTAINER_OF(deadline, struct claim, again));
}

static void clean_again(struct claim *claim, const struct store_result *result)
{
    if (result->error.code != ERR_STORE_AWAY || ++claim->n_tries >= TRIES_MAX) {
        claim_free(claim);
        return;
    }
    deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_clean_again);
}

static void on_removed(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);

    claim->acts = false;
    clean_again(claim, result);
}

static void remove_document(struct claim *claim)
{
    struct store_request request = {
        .kind = STORE_REMOVE, .expect = STORE_VERSION, .version = claim->version};

    start(claim, &request, on_removed);
}

static bool is_ours(const struct claim *claim, const struct told *told)
{
    return str_is(told->state, "claimed") &&
           str_is(told->holder, keeps_holder(claim->share->keeps));
}

static void on_seen(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct arena arena;
    bool ours;

    claim->acts = false;
    arena_init(&arena);
    ours = result->error.code == ERR_OK && read_document(&arena, result->bytes, &told) &&
           is_ours(claim, &told);
    arena_done(&arena);
    if (!ours) {
        clean_again(claim, result);
        return;
    }
    claim->version = result->version;
    remove_document(claim);
}

static void clean(struct claim *claim)
{
    struct store_request request = {.kind = STORE_GET};

    claim->state = CLAIM_CLEANS;
    if (claim->version != 0) {
        remove_document(claim);
    } else {
        start(claim, &request, on_seen);
    }
}

void claim_forget(struct claim *claim)
{
    bool may_be_there = claim->state == CLAIM_PUTS || claim->state == CLAIM_OURS;

    claim->on_end = NULL;
    if (claim->acts) {
        store_cancel(&claim->op);
        claim->acts = false;
    }
    if (may_be_there) {
        clean(claim);
    } else {
        claim_free(claim);
    }
}

/* --- writing the reply */
static void put_reply(struct claim *claim);

static void on_put_again(struct deadline *deadline)
{
    put_reply(CONTAINER_OF(deadline, struct claim, again));
}

/* What the document is now: our own write whose answer was lost, or another process took us for
 * dead. */
static void on_looked(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct arena arena;
    bool go_on;

    claim->acts = false;
    arena_init(&arena);
    go_on = result->error.code == ERR_OK && read_document(&arena, result->bytes, &told) &&
            !str_is(told.state, "done") && str_is(told.body, claim->body);
    arena_done(&arena);
    if (go_on && ++claim->n_tries < TRIES_MAX) {
        claim->version = result->version;
        put_reply(claim);
    } else {
        claim_free(claim);
    }
}

static void tell_not_shared(const struct error *error)
{
    if (error->code != ERR_OK) {
        log_event(LOG_WARN, "idempotency.reply_not_shared", F_TEXT("error", error->text));
    }
}

static void on_reply_put(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct store_request request = {.kind = STORE_GET};

    claim->acts = false;
    if (result->error.code == ERR_CONFLICT) {
        start(claim, &request, on_looked);
    } else if (result->error.code == ERR_STORE_AWAY && ++claim->n_tries < TRIES_MAX) {
        deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_put_again);
    } else {
        tell_not_shared(&result->error);
        claim_free(claim);
    }
}

static void put_reply(struct claim *claim)
{
    struct store_request request = {.kind = STORE_PUT,
                                    .expect = STORE_VERSION,
                                    .version = claim->version,
                                    .bytes = buf_view(&claim->document)};

    start(claim, &request, on_reply_put);
}

void claim_keep(struct claim *claim, const struct kept_reply *reply)
{
    if (claim->state != CLAIM_OURS) {
        claim_forget(claim);
        return;
    }
    claim->state = CLAIM_WRITES;
    buf_done(&claim->document);
    buf_init(&claim->document, STORE_BYTES_MAX);
    write_document(&claim->document, claim, "done", reply);
    if (!buf_ok(&claim->document)) {
        buf_clear(&claim->document);
        write_document(&claim->document, claim, "too_large", NULL);
    }
    put_reply(claim);
}

/* --- claiming */
static void look(struct claim *claim);

static void on_marked(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct error error = {0};

    claim->acts = false;
    if (result->error.code ==
        ERR_CONFLICT) { /* it has come to life again, or another one was faster */
        look(claim);
        return;
    }
    if (result->error.code != ERR_OK) {
        fail(claim, &result->error);
        return;
    }
    (void)error_set(&error, ERR_OUTCOME_UNKNOWN,
                    "The process that carried out the first request with this Idempotency-Key has "
                    "died; what it did is not known. Look at the platform before sending the "
                    "request with a new key");
    fail(claim, &error);
}

/* Nobody will ever write the reply. */
static void mark_unknown(struct claim *claim)
{
    struct store_request request = {
        .kind = STORE_PUT, .expect = STORE_VERSION, .version = claim->version};

    buf_done(&claim->document);
    buf_init(&claim->document, HEAD_MAX);
    write_document(&claim->document, claim, "unknown", NULL);
    request.bytes = buf_view(&claim->document);
    start(claim, &request, on_marked);
}

static void on_holder_seen(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct error error = {0};

    claim->acts = false;
    if (result->error.code == ERR_OK) {
        mark_unknown(claim);
    } else if (result->error.code == ERR_CONFLICT) {
        (void)error_set(&error, ERR_IDEMPOTENCY_IN_FLIGHT,
                        "The first request with this Idempotency-Key has not ended; ask again "
                        "later");
        error.retry_after_s = 1;
        fail(claim, &error);
    } else {
        fail(claim, &result->error);
    }
}

/* Whoever gets the lease of a process knows that the process has it no more. */
static void look_at_holder(struct claim *claim)
{
    char room[KEY_MAX];
    struct buf name;
    struct store_request request = {.kind = STORE_LEASE,
                                    .holder = str_from(keeps_holder(claim->share->keeps)),
                                    .ttl_ms = LOOK_TTL_MS};

    buf_init_on(&name, room, sizeof(room), KEY_MAX);
    buf_text(&name, "process:");
    buf_text(&name, claim->other);
    request.key = buf_view(&name);
    claim->acts = true;
    store_start(claim->share->store, &request, &claim->op, on_holder_seen);
    buf_done(&name);
}

static const struct {
    const char *state;
    enum error_code code;
    const char *text;
} ends[] = {
    {"unknown", ERR_OUTCOME_UNKNOWN,
     "The process that carried out the first request with this Idempotency-Key has died; what it "
     "did is not known. Look at the platform before sending the request with a new key"},
    {"too_large", ERR_OUTCOME_UNKNOWN,
     "The first request with this Idempotency-Key was carried out; its answer is too large to be "
     "kept in the shared store"},
};

static void put_claim(struct claim *claim, enum store_expect expect);

static void judge(struct claim *claim, const struct told *told)
{
    struct error error = {0};

    if (!str_is(told->body, claim->body)) {
        (void)error_set(&error, ERR_IDEMPOTENCY_MISMATCH,
                        "This Idempotency-Key was used with another body, query or session; take "
                        "a new key for a new request");
        fail(claim, &error);
        return;
    }
    if (str_is(told->state, "done")) {
        list_remove(&claim->link);
        tell(claim, NULL, &told->reply);
        claim_free(claim);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (str_is(told->state, ends[i].state)) {
            (void)error_set(&error, ends[i].code, "%s", ends[i].text);
            fail(claim, &error);
            return;
        }
    }
    str_copy(claim->other, sizeof(claim->other), told->holder);
    if (is_ours(claim, told)) { /* of a request that nobody waits for: its answer was lost */
        put_claim(claim, STORE_VERSION);
    } else {
        look_at_holder(claim);
    }
}

static void on_found(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct error error = {0};
    struct arena arena;

    claim->acts = false;
    if (result->error.code == ERR_NOT_FOUND) { /* removed since */
        put_claim(claim, STORE_ABSENT);
        return;
    }
    if (result->error.code != ERR_OK) {
        fail(claim, &result->error);
        return;
    }
    claim->version = result->version;
    arena_init(&arena);
    if (read_document(&arena, result->bytes, &told)) {
        judge(claim, &told);
    } else {
        (void)error_set(&error, ERR_STORE_UNREADABLE,
                        "What the shared store holds for this Idempotency-Key is not ours");
        fail(claim, &error);
    }
    arena_done(&arena);
}

static void look(struct claim *claim)
{
    struct store_request request = {.kind = STORE_GET};

    claim->state = CLAIM_LOOKS;
    start(claim, &request, on_found);
}

static void on_claimed(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);

    claim->acts = false;
    if (result->error.code == ERR_OK) {
        claim->state = CLAIM_OURS;
        claim->version = result->version;
        tell(claim, NULL, NULL);
    } else if (result->error.code == ERR_CONFLICT && ++claim->n_tries < TRIES_MAX) {
        look(claim);
    } else if (result->in_doubt) { /* it may be there: nobody shall wait for it */
        struct error error = result->error;

        error.retry_after_s = 1;
        tell(claim, &error, NULL);
        claim->version = 0;
        deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_clean_again);
    } else {
        fail(claim, &result->error);
    }
}

static void put_claim(struct claim *claim, enum store_expect expect)
{
    struct store_request request = {.kind = STORE_PUT, .expect = expect, .version = claim->version};

    claim->state = CLAIM_PUTS;
    buf_done(&claim->document);
    buf_init(&claim->document, HEAD_MAX);
    write_document(&claim->document, claim, "claimed", NULL);
    request.bytes = buf_view(&claim->document);
    start(claim, &request, on_claimed);
}

static void on_alive(struct keep_user *user, const struct error *error)
{
    struct claim *claim = CONTAINER_OF(user, struct claim, alive);

    if (error != NULL) {
        fail(claim, error);
    } else {
        put_claim(claim, STORE_ABSENT);
    }
}

struct claim *claim_start(struct idempotency_share *share, const struct digest *id,
                          const struct digest *body, uint64_t ttl_ms, void *context,
                          claim_fn on_end)
{
    static const struct keep_kind kind = {.stays = true};
    struct claim *claim = mem_zalloc(sizeof(*claim));
    char room[KEY_MAX];
    struct buf name;

    claim->share = share;
    claim->id = *id;
    digest_hex(body, claim->body);
    claim->ttl_ms = ttl_ms;
    claim->context = context;
    claim->on_end = on_end;
    list_append(&share->claims, &claim->link);
    buf_init_on(&name, room, sizeof(room), KEY_MAX);
    buf_text(&name, "process:");
    buf_text(&name, keeps_holder(share->keeps));
    if (keep_enter(share->keeps, buf_view(&name), &kind, NULL, &claim->alive, on_alive)) {
        put_claim(claim, STORE_ABSENT);
    }
    buf_done(&name);
    return claim;
}
