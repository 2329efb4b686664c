#include "idempotency_claim.h"
#include "base/mem.h"
#include "base/random.h"

enum { LOOK_TTL_MS = 1000, HEAD_MAX = 4096 };

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

static void fail_as(struct claim *claim, size_t end)
{
    struct error error = {0};

    (void)error_set(&error, ends[end].code, "%s", ends[end].text);
    claim_fail(claim, &error);
}

/* Puts the document with this state, this holder and the mark of its claim, without a reply. */
static void put(struct claim *claim, const char *state, const char *holder, const char *mark,
                enum store_expect expect, store_done_fn on_done)
{
    struct store_request request = {.kind = STORE_PUT, .expect = expect, .version = claim->version};

    buf_done(&claim->document);
    buf_init(&claim->document, HEAD_MAX);
    claim_write(&claim->document, claim, state, str_from(holder), str_from(mark), NULL);
    request.bytes = buf_view(&claim->document);
    claim_ask(claim, &request, on_done);
}

static void look(struct claim *claim);

static void on_marked(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);

    if (result->error.code ==
        ERR_CONFLICT) { /* the holder lives after all, or another process was faster */
        look(claim);
        return;
    }
    if (result->error.code != ERR_OK) {
        claim_fail(claim, &result->error);
        return;
    }
    fail_as(claim, 0);
}

static void on_holder_seen(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct error error = {0};

    if (result->error.code == ERR_OK) {
        /* Nobody will ever write the reply, unless the process lives and finds its name there. */
        put(claim, "unknown", claim->other, claim->other_mark, STORE_VERSION, on_marked);
    } else if (result->error.code == ERR_CONFLICT) {
        (void)key_is_in_flight(&error);
        claim_fail(claim, &error);
    } else {
        claim_fail(claim, &result->error);
    }
}

static struct str process_key(const char *holder, char room[CLAIM_KEY_MAX])
{
    return str_join(room, CLAIM_KEY_MAX, STR("process:"), str_from(holder));
}

static void put_claim(struct claim *claim, enum store_expect expect);

static void judge(struct claim *claim, const struct told *told)
{
    struct error error = {0};

    if (!str_is(told->body, claim->body)) {
        (void)key_is_of_another(&error);
        claim_fail(claim, &error);
        return;
    }
    if (str_is(told->state, "done")) {
        list_remove(&claim->link);
        claim_tell(claim, NULL, &told->reply);
        claim_free(claim);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (str_is(told->state, ends[i].state)) {
            fail_as(claim, i);
            return;
        }
    }
    str_copy(claim->other, sizeof(claim->other), told->holder);
    str_copy(claim->other_mark, sizeof(claim->other_mark), told->mark);
    if (claim_is_ours(claim, told)) { /* the answer to our write was lost: no request waits */
        put_claim(claim, STORE_VERSION);
    } else { /* if we get the lease of that process, the process has it no more */
        char name[CLAIM_KEY_MAX];
        struct store_request request = {.kind = STORE_LEASE,
                                        .key = process_key(claim->other, name),
                                        .holder = str_from(keeps_holder(claim->share->keeps)),
                                        .ttl_ms = LOOK_TTL_MS};

        store_start(claim->share->store, &request, &claim->op, on_holder_seen);
    }
}

static void on_found(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);
    struct told told = {0};
    struct error error = {0};
    struct arena arena;

    if (result->error.code == ERR_NOT_FOUND) { /* removed since */
        put_claim(claim, STORE_ABSENT);
        return;
    }
    if (result->error.code != ERR_OK) {
        claim_fail(claim, &result->error);
        return;
    }
    claim->version = result->version;
    arena_init(&arena);
    if (claim_read(&arena, result->bytes, &told)) {
        judge(claim, &told);
    } else {
        (void)error_set(&error, ERR_STORE_UNREADABLE,
                        "What the shared store holds for this Idempotency-Key is not ours");
        claim_fail(claim, &error);
    }
    arena_done(&arena);
}

static void look(struct claim *claim)
{
    struct store_request request = {.kind = STORE_GET};

    claim->state = CLAIM_LOOKS;
    claim_ask(claim, &request, on_found);
}

static void on_claimed(struct store_op *op, const struct store_result *result)
{
    struct claim *claim = CONTAINER_OF(op, struct claim, op);

    if (result->error.code == ERR_OK) {
        claim->state = CLAIM_OURS;
        claim->version = result->version;
        claim_tell(claim, NULL, NULL);
    } else if (result->error.code == ERR_CONFLICT && ++claim->n_tries < CLAIM_TRIES_MAX) {
        look(claim);
    } else if (result->in_doubt) { /* the claim may be stored: it is removed later */
        struct error error = result->error;

        error.retry_after_s = 1;
        claim_tell(claim, &error, NULL);
        claim->version = 0;
        claim_clean_later(claim);
    } else {
        claim_fail(claim, &result->error);
    }
}

static void put_claim(struct claim *claim, enum store_expect expect)
{
    claim->state = CLAIM_PUTS;
    put(claim, "claimed", keeps_holder(claim->share->keeps), claim->mark, expect, on_claimed);
}

static void on_alive(struct keep_user *user, const struct error *error)
{
    struct claim *claim = CONTAINER_OF(user, struct claim, alive);

    if (error != NULL) {
        claim_fail(claim, error);
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
    char name[CLAIM_KEY_MAX];

    claim->share = share;
    claim->id = *id;
    random_hex(claim->mark, CLAIM_MARK_DIGITS);
    digest_hex(body, claim->body);
    claim->ttl_ms = ttl_ms;
    claim->context = context;
    claim->on_end = on_end;
    list_append(&share->claims, &claim->link);
    if (keep_enter(share->keeps, process_key(keeps_holder(share->keeps), name), &kind, NULL,
                   &claim->alive, on_alive)) {
        put_claim(claim, STORE_ABSENT);
    }
    return claim;
}
