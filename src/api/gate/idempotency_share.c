#include "base/check.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "data/json.h"
#include "idempotency_claim.h"
#include "observe/log.h"

enum { AGAIN_MS = 1000 /* what could not be written is tried again */ };

enum error_code key_is_of_another(struct error *err)
{
    return error_set(err, ERR_IDEMPOTENCY_MISMATCH,
                     "This Idempotency-Key was used with another body, query or session; take a "
                     "new key for a new request");
}

enum error_code key_is_in_flight(struct error *err)
{
    err->retry_after_s = 1;
    return error_set(err, ERR_IDEMPOTENCY_IN_FLIGHT,
                     "The first request with this Idempotency-Key has not ended; ask again later");
}

/* --- documents: a line of JSON, and the body of the reply as it was sent */
void claim_write(struct buf *out, const struct claim *claim, const char *state, struct str holder,
                 struct str mark, const struct kept_reply *reply)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{state:%s, holder:%s, claim?:%s, request:%s", state, holder, mark, claim->body);
    if (reply != NULL) {
        jw_form(&w, "status:%i, content_type:%s, location:%s, fields:%s", reply->status,
                reply->content_type, reply->location, reply->fields);
    }
    jw_end(&w);
    buf_char(out, '\n');
    if (reply != NULL) {
        buf_str(out, reply->body);
    }
}

bool claim_read(struct arena *arena, struct str bytes, struct told *out)
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
    out->mark = json_str(json_get(head, "claim"));
    out->body = json_str(json_get(head, "request"));
    out->reply.content_type = json_str(json_get(head, "content_type"));
    out->reply.location = json_str(json_get(head, "location"));
    out->reply.fields = json_str(json_get(head, "fields"));
    if (json_to_i64(json_get(head, "status"), &status)) {
        out->reply.status = (int)status;
    }
    return out->state.len > 0 && out->body.len > 0 &&
           (!str_is(out->state, "done") || (status >= 100 && status <= 599));
}

/* --- a claim's life */
void claim_wait(struct claim *claim, struct claim_end *who, void (*on_end)(struct claim_end *who))
{
    CHECK(claim->waits == NULL);
    *who = (struct claim_end){claim, on_end};
    claim->waits = who;
}

void claim_stop_waiting(struct claim_end *who)
{
    if (who->claim != NULL) {
        who->claim->waits = NULL;
        who->claim = NULL;
    }
}

void claim_free(struct claim *claim)
{
    struct claim_end *who = claim->waits;

    if (who != NULL) {
        claim_stop_waiting(who);
    }
    store_cancel(&claim->op);
    deadline_clear(&claim->again);
    keep_leave(&claim->alive);
    list_remove(&claim->link);
    buf_done(&claim->document);
    mem_free(claim);
    if (who != NULL) {
        who->on_end(who); /* which may stop the share */
    }
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
        struct claim *claim = CONTAINER_OF(link, struct claim, link);

        if (claim->waits != NULL) {
            claim_stop_waiting(claim->waits);
        }
        claim_free(claim);
    }
}

void claim_ask(struct claim *claim, struct store_request *request, store_done_fn on_done)
{
    char hex[65];
    char key[CLAIM_KEY_MAX];

    digest_hex(&claim->id, hex);
    request->key = str_join(key, sizeof(key), STR("idempotency:"), str_from(hex));
    request->format = CLAIM_FORMAT;
    request->ttl_ms = claim->ttl_ms;
    store_start(claim->share->store, request, &claim->op, on_done);
}

void claim_tell(struct claim *claim, const struct error *error, const struct kept_reply *reply)
{
    claim_fn on_end = claim->on_end;
    void *context = claim->context;
    const struct error fine = {0};

    claim->on_end = NULL;
    on_end(context, error != NULL ? error : &fine, reply);
}

void claim_fail(struct claim *claim, const struct error *error)
{
    struct error told = *error;

    told.retry_after_s = told.code == ERR_STORE_AWAY ? 1 : told.retry_after_s;
    list_remove(&claim->link); /* on_end may stop the share */
    list_init(&claim->link);
    claim_tell(claim, &told, NULL);
    claim_free(claim);
}

/* --- cleaning: the document is removed if this claim wrote it */
static void clean(struct claim *claim);

static void on_clean_again(struct deadline *deadline)
{
    clean(CONTAINER_OF(deadline, struct claim, again));
}

static void clean_again(struct claim *claim, const struct store_result *result)
{
    if (result->error.code != ERR_STORE_AWAY || ++claim->n_tries >= CLAIM_TRIES_MAX) {
        claim_free(claim);
        return;
    }
    deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_clean_again);
}

static void on_removed(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);

    if (result->error.code == ERR_CONFLICT && ++claim->n_tries < CLAIM_TRIES_MAX) {
        claim->version = 0; /* it was changed: what says it now? */
        clean(claim);
        return;
    }
    clean_again(claim, result);
}

static void remove_document(struct claim *claim)
{
    struct store_request request = {
        .kind = STORE_REMOVE, .expect = STORE_VERSION, .version = claim->version};

    claim_ask(claim, &request, on_removed);
}

bool claim_is_ours(const struct claim *claim, const struct told *told)
{
    return str_is(told->state, "claimed") &&
           str_is(told->holder, keeps_holder(claim->share->keeps));
}

/* False: a retry in this process has taken the key over, and its work may be under way. A document of an older version
 * bears no mark: there the process decides. */
static bool is_of_this_claim(const struct claim *claim, const struct told *told)
{
    return told->mark.len == 0 || str_is(told->mark, claim->mark);
}

/* Another process took us for dead and wrote that it is not known what we did. We know: nothing. */
static bool is_doubted(const struct claim *claim, const struct told *told)
{
    return str_is(told->state, "unknown") && str_is(told->body, claim->body) &&
           str_is(told->holder, keeps_holder(claim->share->keeps));
}

static void on_seen(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct arena arena;
    bool ours;

    arena_init(&arena);
    ours = result->error.code == ERR_OK && claim_read(&arena, result->bytes, &told) &&
           (claim_is_ours(claim, &told) || is_doubted(claim, &told)) &&
           is_of_this_claim(claim, &told);
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
        claim_ask(claim, &request, on_seen);
    }
}

void claim_clean_later(struct claim *claim)
{
    deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_clean_again);
}

struct claim *claim_forget(struct claim *claim)
{
    bool may_be_there = claim->state == CLAIM_PUTS || claim->state == CLAIM_OURS;

    claim->on_end = NULL;
    store_cancel(&claim->op);
    if (!may_be_there) {
        claim_free(claim);
        return NULL;
    }
    clean(claim);
    return claim;
}

/* --- writing the reply */
static void put_reply(struct claim *claim);

static void on_put_again(struct deadline *deadline)
{
    put_reply(CONTAINER_OF(deadline, struct claim, again));
}

/* After a conflict: the document is our own write, whose answer was lost, or another process took us for
 * dead. */
static void on_looked(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct arena arena;
    bool go_on;

    arena_init(&arena);
    go_on = result->error.code == ERR_OK && claim_read(&arena, result->bytes, &told) &&
            !str_is(told.state, "done") && str_is(told.body, claim->body);
    arena_done(&arena);
    if (go_on && ++claim->n_tries < CLAIM_TRIES_MAX) {
        claim->version = result->version;
        put_reply(claim);
    } else {
        claim_free(claim);
    }
}

static void on_reply_put(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct store_request request = {.kind = STORE_GET};

    if (result->error.code == ERR_CONFLICT) {
        claim_ask(claim, &request, on_looked);
        return;
    }
    if (result->error.code == ERR_STORE_AWAY && ++claim->n_tries < CLAIM_TRIES_MAX) {
        deadline_set(claim->share->deadlines, &claim->again, AGAIN_MS, on_put_again);
        return;
    }
    if (result->error.code != ERR_OK) {
        log_event(LOG_WARN, "idempotency.reply_not_shared", F_TEXT("error", result->error.text));
    }
    claim_free(claim);
}

static void put_reply(struct claim *claim)
{
    struct store_request request = {.kind = STORE_PUT,
                                    .expect = STORE_VERSION,
                                    .version = claim->version,
                                    .bytes = buf_view(&claim->document)};

    claim_ask(claim, &request, on_reply_put);
}

struct claim *claim_keep(struct claim *claim, const struct kept_reply *reply)
{
    struct str us = str_from(keeps_holder(claim->share->keeps));

    if (claim->state != CLAIM_OURS) {
        return claim_forget(claim);
    }
    claim->state = CLAIM_WRITES;
    buf_done(&claim->document);
    buf_init(&claim->document, STORE_BYTES_MAX);
    claim_write(&claim->document, claim, "done", us, str_from(claim->mark), reply);
    if (!buf_ok(&claim->document)) {
        buf_clear(&claim->document);
        claim_write(&claim->document, claim, "too_large", us, str_from(claim->mark), NULL);
    }
    put_reply(claim);
    return claim;
}
