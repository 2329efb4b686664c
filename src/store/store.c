/* The port: requests are checked, copied and given a full key here; a backend sees only good ones. */
#include "store_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/metrics.h"
#include "observe/span.h"

enum {
    FIELD_FORMAT = 1 << 1,
    FIELD_BYTES = 1 << 2,
    FIELD_TTL = 1 << 3,
    FIELD_NAME = 1 << 4,
    FIELD_ITEMS = 1 << 5,
    FIELD_KEEP = 1 << 6,
    FIELD_WAIT = 1 << 7,
    FIELD_RATE = 1 << 8,
    FIELD_HOLDER = 1 << 9,
    FIELD_TTL_MUST = 1 << 10
};

enum { SPAN_NAME_MAX = 32, AGAIN_S = 1 };

/* What each kind needs, and the letter that keeps its keys apart from others. */
static const struct {
    char letter;
    unsigned fields;
} kinds[STORE_KIND_N] = {
    [STORE_GET] = {'d', FIELD_FORMAT},
    [STORE_PUT] = {'d', FIELD_FORMAT | FIELD_BYTES | FIELD_TTL},
    [STORE_REMOVE] = {'d', 0},
    [STORE_LIST] = {'d', FIELD_FORMAT | FIELD_NAME | FIELD_ITEMS},
    [STORE_APPEND] = {'s', FIELD_FORMAT | FIELD_BYTES | FIELD_TTL | FIELD_KEEP},
    [STORE_READ] = {'s', FIELD_FORMAT | FIELD_ITEMS | FIELD_WAIT},
    [STORE_COUNT] = {'c', FIELD_RATE},
    [STORE_LEASE] = {'l', FIELD_HOLDER | FIELD_TTL | FIELD_TTL_MUST},
    [STORE_RENEW] = {'l', FIELD_HOLDER | FIELD_TTL | FIELD_TTL_MUST},
    [STORE_RELEASE] = {'l', FIELD_HOLDER | FIELD_BYTES},
    [STORE_WATCH] = {'l', FIELD_WAIT},
    [STORE_WALK] = {'d', FIELD_NAME | FIELD_ITEMS},
    [STORE_ABOUT] = {'d', 0},
};

/* --- checks */
static enum error_code check_key(struct str key, const char *what, bool slash, struct error *err)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        return error_set(err, ERR_INVALID, "a %s of the store has 1 to %u bytes", what,
                         (unsigned)STORE_KEY_MAX);
    }
    if (!str_is_of(key, slash ? "A-Za-z0-9_.:/-" : "A-Za-z0-9_.:-")) {
        return error_set(err, ERR_INVALID,
                         "a %s of the store is made of letters, digits and _.:-%s", what,
                         slash ? "/" : "");
    }
    return ERR_OK;
}

/* Operations on all documents have the key "all". */
static struct str key_of(const struct store_request *request)
{
    return request->kind == STORE_WALK || request->kind == STORE_ABOUT ? STR("all") : request->key;
}

static enum error_code check_texts(const struct store_request *request, unsigned fields,
                                   struct error *err)
{
    enum error_code code = check_key(key_of(request), "key", true, err);

    if (code == ERR_OK && (fields & FIELD_HOLDER) != 0) {
        code = check_key(request->holder, "holder", false, err);
    }
    if (code == ERR_OK && (fields & FIELD_NAME) != 0 && request->name.len > 0) {
        code = check_key(request->name, "name", false, err);
    }
    if (code == ERR_OK && (fields & FIELD_BYTES) != 0 && request->bytes.len > STORE_BYTES_MAX) {
        code = error_set(err, ERR_TOO_BIG, "a document of the store has at most %u bytes",
                         (unsigned)STORE_BYTES_MAX);
    }
    return code;
}

static bool is_within(uint64_t value, uint64_t min, uint64_t max)
{
    return value >= min && value <= max;
}

/* What is wrong with the numbers; NULL: nothing. */
static const char *number_fault(const struct store_request *request, unsigned fields)
{
    if ((fields & FIELD_FORMAT) != 0 && request->format == 0) {
        return "a format number of the store is at least 1";
    }
    if ((fields & FIELD_TTL) != 0 &&
        !is_within(request->ttl_ms, (fields & FIELD_TTL_MUST) != 0, STORE_TTL_MAX_MS)) {
        return "a time to live in the store is at most 400 days; that of a lease at least 1 ms";
    }
    if ((fields & FIELD_TTL) != 0 && request->max_age_ms > STORE_TTL_MAX_MS) {
        return "a document lives in the store for 400 days at most";
    }
    if ((fields & FIELD_ITEMS) != 0 && !is_within(request->limit, 1, STORE_LIMIT_MAX)) {
        return "the store tells 1 to 100 items at once";
    }
    if ((fields & FIELD_KEEP) != 0 && !is_within(request->limit, 1, STORE_STREAM_MAX)) {
        return "a stream of the store keeps 1 to 10000 entries";
    }
    if ((fields & FIELD_WAIT) != 0 && request->wait_ms > STORE_WAIT_MAX_MS) {
        return "the store waits 60 seconds at most";
    }
    if ((fields & FIELD_RATE) != 0 && (!is_within(request->rate, 1, STORE_RATE_MAX) ||
                                       !is_within(request->burst, 1, STORE_BURST_MAX) ||
                                       !is_within(request->cost, 1, request->burst))) {
        return "a limit has a rate of 1 to 1000000 and a burst of 1 to 10000000; the cost is at most the burst";
    }
    return NULL;
}

static enum error_code check(const struct store_request *request, struct error *err)
{
    unsigned fields = kinds[request->kind].fields;
    const char *fault = number_fault(request, fields);
    enum error_code code = check_texts(request, fields, err);

    return code == ERR_OK && fault != NULL ? error_set(err, ERR_INVALID, "%s", fault) : code;
}

/* --- keys */
/* <prefix><letter>:{<group>}/<name>, or <prefix><letter>:{<key>} where there is no group. All that
 * belongs together has the same text in braces, so that a cluster of Redis keeps it in one place. */
static struct str full_key(struct store_op *op)
{
    const struct store_request *request = &op->request;
    struct str key = request->key;
    size_t name = request->kind != STORE_LIST ? str_behind_last(key, '/') : 0;
    size_t cut = name > 0 ? name - 1 : key.len;

    return arena_printf(&op->arena, "%.*s%c:{%.*s}%.*s", STR_ARG(op->store->prefix),
                        kinds[request->kind].letter, (int)cut, key.ptr, (int)(key.len - cut),
                        key.ptr + cut);
}

static void copy_request(struct store_op *op, const struct store_request *request)
{
    unsigned fields = kinds[request->kind].fields;

    op->request = *request;
    op->request.key = key_of(request);
    op->request.key = arena_str(&op->arena, op->request.key);
    op->request.bytes =
        (fields & FIELD_BYTES) != 0 ? arena_str(&op->arena, request->bytes) : STR_EMPTY;
    op->request.name =
        (fields & FIELD_NAME) != 0 ? arena_str(&op->arena, request->name) : STR_EMPTY;
    op->request.holder =
        (fields & FIELD_HOLDER) != 0 ? arena_str(&op->arena, request->holder) : STR_EMPTY;
    op->key = full_key(op);
}

/* --- ends */
static size_t result_of(const struct error *error)
{
    if (error->code == ERR_OK || error->code == ERR_NOT_FOUND) {
        return RESULT_OK;
    }
    if (error->code == ERR_CONFLICT || error->code == ERR_INVALID) {
        return RESULT_REFUSED;
    }
    if (error->code == ERR_TOO_BIG) {
        return RESULT_TOO_BIG;
    }
    return error->late ? RESULT_TIMEOUT : RESULT_ERROR;
}

/* OpenTelemetry's conventions for clients of databases. The key is not told: it may name a session. */
static void write_span(const struct store_op *op)
{
    const struct error *error = &op->result.error;
    bool failed = error->code != ERR_OK && error->code != ERR_NOT_FOUND;
    const char *name = op->store->backend->name;
    const struct span_attribute attributes[] = {
        SPAN_TEXT("db.system", str_from(name != NULL ? name : "other")),
        SPAN_TEXT("db.operation.name", str_from(metric_label_value(LABEL_STORE, op->request.kind))),
        SPAN_TEXT("virtuoso_proxy.outcome",
                  str_from(metric_label_value(LABEL_RESULT, result_of(error)))),
        SPAN_TEXT("error.type", failed ? str_from(error_slug(error->code)) : STR_EMPTY),
    };
    char text[SPAN_NAME_MAX];
    struct buf span_name;

    buf_init_on(&span_name, text, sizeof(text), sizeof(text) - 1);
    buf_text(&span_name, "store ");
    buf_str(&span_name, attributes[1].text);
    span_write(&(struct span){
        .trace = op->trace,
        .parent = str_from(op->trace->span_id),
        .kind = SPAN_CLIENT,
        .name = buf_view(&span_name),
        .begin_us = op->began_us,
        .end_us = clock_now_us(),
        .failure = failed ? error_slug(error->code) : NULL,
        .attributes = attributes,
        .n_attributes = ARRAY_LEN(attributes),
    });
    buf_done(&span_name);
}

/* Operations that on_done starts belong to the same request (trace). */
static void tell(struct store_op *op, const struct store_result *result, const struct trace *trace)
{
    const struct trace *before = span_context_set(trace);

    if (op->on_done != NULL) {
        op->on_done(op, result);
    }
    (void)span_context_set(before);
}

static void on_due(struct later_item *item)
{
    struct store_op *op = CONTAINER_OF(item, struct store_op, soon);
    struct store_result result = op->result;
    struct arena arena = op->arena; /* the owner may start the next one in the same struct */
    const struct trace *trace = op->trace;

    if (result.error.code == ERR_STORE_AWAY) {
        result.error.retry_after_s = AGAIN_S;
    }
    if (trace != NULL) {
        write_span(op);
    }
    metric_add(M_STORE_OPERATIONS, op->request.kind, result_of(&result.error), 0, 1);
    metric_observe_us(M_STORE_SECONDS, op->request.kind, clock_now_us() - op->began_us);
    list_remove(&op->link);
    op->store = NULL;
    op->arena = (struct arena){0};
    tell(op, &result, trace);
    arena_done(&arena);
}

void store_op_end(struct store_op *op)
{
    deadline_clear(&op->deadline);
    later_add(&op->store->loop->later, &op->soon, on_due);
}

void store_op_fail(struct store_op *op, enum error_code code, const char *text)
{
    (void)error_set(&op->result.error, code, "%s", text);
    store_op_end(op);
}

/* The time of an operation is over. To have waited for an entry that did not come is no error. */
static void on_expire(struct deadline *deadline)
{
    struct store_op *op = CONTAINER_OF(deadline, struct store_op, deadline);
    struct store *store = op->store;

    store->backend->forget(store, op);
    if (op->request.wait_ms > 0 && (kinds[op->request.kind].fields & FIELD_WAIT) != 0) {
        op->result.sequence = op->request.after;
        store_op_end(op);
        return;
    }
    op->result.in_doubt = true;
    (void)error_set(&op->result.error, ERR_STORE_AWAY, "the store did not answer within %u ms",
                    store->timeout_ms);
    op->result.error.late = true;
    store_op_end(op);
}

/* --- the port */
void store_start(struct store *store, const struct store_request *request, struct store_op *op,
                 store_done_fn on_done)
{
    uint64_t wait_ms = store->timeout_ms;

    CHECK(request->kind < STORE_KIND_N);
    *op = (struct store_op){.store = store, .on_done = on_done, .began_us = clock_now_us()};
    arena_init(&op->arena);
    list_append(&store->running, &op->link);
    op->request.kind = request->kind;
    if (span_context() != NULL && (kinds[request->kind].fields & FIELD_WAIT) == 0) {
        op->trace = span_keep_trace(span_context(), &op->arena);
    }
    if (check(request, &op->result.error) != ERR_OK) {
        store_op_end(op);
        return;
    }
    copy_request(op, request);
    if ((kinds[request->kind].fields & FIELD_WAIT) != 0 && request->wait_ms > 0) {
        wait_ms = request->wait_ms;
    }
    deadline_set(&store->loop->deadlines, &op->deadline, wait_ms, on_expire);
    store->backend->start(store, op);
}

void store_cancel(struct store_op *op)
{
    if (op->store == NULL) {
        return;
    }
    if (deadline_is_set(&op->deadline)) { /* not ended yet */
        op->store->backend->forget(op->store, op);
    }
    metric_add(M_STORE_OPERATIONS, op->request.kind, RESULT_CANCELLED, 0, 1);
    deadline_clear(&op->deadline);
    later_remove(&op->soon);
    list_remove(&op->link);
    arena_done(&op->arena);
    op->store = NULL;
}

/* --- open and close */
enum error_code store_new(const struct store_backend *backend, size_t size, struct loop *loop,
                          const struct store_options *options, struct store **out,
                          struct error *err)
{
    struct store *store;

    if (options->prefix.len > STORE_PREFIX_MAX || !str_is_of(options->prefix, "A-Za-z0-9_.:/-")) {
        return error_at(err, ERR_INVALID, "store.prefix",
                        "the prefix of keys has at most %u bytes: letters, digits and _.:-/",
                        (unsigned)STORE_PREFIX_MAX);
    }
    store = mem_zalloc(size);
    store->backend = backend;
    store->loop = loop;
    store->prefix = (struct str){str_dup(options->prefix), options->prefix.len};
    store->timeout_ms = options->timeout_ms;
    list_init(&store->running);
    *out = store;
    return ERR_OK;
}

static void on_all_closed(struct later_item *item)
{
    struct store *store = CONTAINER_OF(item, struct store, closed);
    struct callback on_closed = store->on_closed;

    mem_free(unconst(store->prefix.ptr));
    mem_free(store);
    callback_run(on_closed);
}

void store_closed(struct store *store)
{
    later_add(&store->loop->later, &store->closed, on_all_closed);
}

void store_close(struct store *store, void (*on_closed)(void *context), void *context)
{
    CHECK(list_is_empty(&store->running));
    store->on_closed = (struct callback){on_closed, context};
    store->backend->close(store);
}

void store_on_rewound(struct store *store, void (*on_rewound)(void *context), void *context)
{
    store->on_rewound = (struct callback){on_rewound, context};
}

void store_rewound(struct store *store)
{
    if (store->on_rewound.fn != NULL) {
        callback_run(store->on_rewound);
    }
}

const char *store_trouble(const struct store *store)
{
    return store->backend->trouble(store);
}
