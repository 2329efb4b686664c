/* Direct access to the platform below /virtuoso: streamed both ways with backpressure. JSON answers
 * are held back (up to redact.max_bytes) so that the secrets that the platform echoes can be taken
 * out; other answers pass as they come. What could smuggle a credential or leave the configured
 * base stays here. A POST with an Idempotency-Key is not streamed: its body is compared with that
 * of an earlier one and its answer is kept, so both are bounded (http.max_body,
 * upstream.max_reply_bytes). */
#include "api_internal.h"
#include "base/percent.h"
#include "cache.h"
#include "redact.h"
#include "run/ledger.h"
#include "verdict.h"

struct relay {
    struct task *task;
    struct upstream_call call;
    char traceparent[56];
    int status;
    struct str content_type;
    struct str length;
    struct buf held; /* a JSON answer that is looked through before it goes */
    bool holds;
    bool streams; /* the answer has begun */
    bool too_big;
    bool body_ended;
    struct ledger_mark mark; /* it may be making steps */
};

static struct relay *relay_of(struct upstream_call *call)
{
    return CONTAINER_OF(call, struct relay, call);
}

/* --- the answer
 * ---------------------------------------------------------------------------------------- */

/* Paths whose answers echo variable values (virtuoso.md section 5.5). */
static bool is_leaking_path(struct str path)
{
    static const char *const beginnings[] = {"/executions", "/jobs", "/testsuites/execution",
                                             "/goals", "/plans"};

    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        if (str_starts(path, str_from(beginnings[i]))) {
            return true;
        }
    }
    return false;
}

static void begin_stream(struct relay *relay)
{
    int64_t length = -1;

    if (!str_to_i64(relay->length, 0, INT64_MAX, &length)) {
        length = -1;
    }
    relay->streams = true;
    cors_apply(relay->task);
    exchange_stream_begin(relay->task->exchange, relay->status,
                          relay->content_type.len > 0
                              ? arena_cstr(relay->task->arena, relay->content_type)
                              : "application/octet-stream",
                          length);
}

static bool redacts(const struct task *task)
{
    const struct config *config = task->api->config;
    bool is_admin = (task->principal.permissions & PERMISSION_ADMIN) != 0;

    return config->redact.enabled && !(is_admin && str_is(config->redact.off_for, "admin"));
}

static void on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                    size_t n)
{
    static const char *const passed[] = {"ETag", "Last-Modified", "Retry-After",
                                         "Content-Disposition", "Content-Encoding"};
    struct relay *relay = relay_of(call);
    struct task *task = relay->task;

    relay->status = status;
    for (size_t i = 0; i < n; i++) {
        if (str_is_nocase(headers[i].name, "Content-Type")) {
            relay->content_type = arena_str(task->arena, headers[i].value);
        } else if (str_is_nocase(headers[i].name, "Content-Length")) {
            relay->length = arena_str(task->arena, headers[i].value);
        }
        for (size_t k = 0; k < ARRAY_LEN(passed); k++) {
            if (str_is_nocase(headers[i].name, passed[k])) {
                exchange_set_header(task->exchange, passed[k],
                                    arena_str(task->arena, headers[i].value));
            }
        }
    }
    relay->holds = status == 401 || status == 403 ||
                   (redacts(task) && str_contains(relay->content_type, STR("json")));
    if (!relay->holds) {
        begin_stream(relay);
    }
}

/* Too long to be held: of paths that leak it is refused, of others it passes. */
static bool overflow(struct relay *relay, struct str bytes)
{
    if (is_leaking_path(relay->call.request.path) || relay->status == 401 || relay->status == 403) {
        relay->too_big = true;
        return true;
    }
    relay->holds = false;
    begin_stream(relay);
    (void)exchange_stream_write(relay->task->exchange, buf_view(&relay->held));
    buf_done(&relay->held);
    return exchange_stream_write(relay->task->exchange, bytes);
}

static bool on_data(struct upstream_call *call, struct str bytes)
{
    struct relay *relay = relay_of(call);

    if (relay->too_big) {
        return true; /* dropped; the end says why */
    }
    if (!relay->holds) {
        return exchange_stream_write(relay->task->exchange, bytes);
    }
    if (relay->held.len + bytes.len > relay->held.max) {
        return overflow(relay, bytes);
    }
    buf_str(&relay->held, bytes);
    return true;
}

static void on_drain(struct upstream_call *call)
{
    exchange_body_resume(relay_of(call)->task->exchange);
}

/* The caller's own token: the platform's word is for the caller. */
static enum stage_verdict refuse_caller(struct relay *relay)
{
    struct task *task = relay->task;

    if (relay->status == 401) {
        verdict_drop(task);
        exchange_set_header(task->exchange, "WWW-Authenticate",
                            STR("Bearer realm=\"virtuoso-proxy\", error=\"invalid_token\""));
    }
    task->error.upstream_status = relay->status;
    (void)error_set(&task->error, relay->status == 401 ? ERR_UNAUTHORIZED : ERR_FORBIDDEN,
                    "The platform refuses this token here (%d)", relay->status);
    return cache_fail(task);
}

static enum stage_verdict reply_held(struct relay *relay)
{
    struct task *task = relay->task;
    const struct json_limits limits = {
        .max_depth = 200, .max_nodes = 2000000, .allow_duplicate_names = true};
    struct str text = buf_view(&relay->held);
    struct json *tree = NULL;

    if (task->principal.bearer.len > 0 && (relay->status == 401 || relay->status == 403)) {
        return refuse_caller(relay);
    }
    if (relay->status == 401 || relay->status == 403) {
        task->error.upstream_status = relay->status;
        (void)error_set(&task->error, ERR_UPSTREAM_AUTH,
                        "The platform refused the token that this proxy holds (%d)", relay->status);
        return cache_fail(task);
    }
    if (relay->too_big) {
        (void)error_set(
            &task->error, ERR_UPSTREAM_TOO_BIG,
            "The answer is longer than redact.max_bytes, and answers of this path hold secrets that must be taken out");
        return cache_fail(task);
    }
    if (str_contains(relay->content_type, STR("json")) &&
        (redact_is_needed(text) || str_contains(text, STR("\\u")))) {
        if (json_parse(task->arena, text, &limits, &tree, NULL) != ERR_OK) {
            (void)error_set(&task->error, ERR_UPSTREAM_SHAPE,
                            "The platform's answer says that it is JSON and is not");
            return cache_fail(task);
        }
        redact(tree);
        text = json_text(task->arena, tree);
    }
    if (relay->status == 200 && task->cache_seat != NULL) {
        return cache_reply(
            task, text,
            is_leaking_path(relay->call.request.path) ? 0 : task->api->config->cache.ttl_s);
    }
    cache_abandon(task);
    return task_reply(task, relay->status, arena_cstr(task->arena, relay->content_type), text);
}

static void note_end(struct relay *relay)
{
    struct exchange_notes *notes = &relay->task->exchange->notes;

    ledger_end_unknown(relay->task->api->ledger, &relay->mark);
    notes->upstream_status = relay->status;
    notes->upstream_calls = relay->call.tries;
    trace_add(&relay->task->exchange->trace, TRACE_QUEUE, relay->call.wait_us);
    trace_add(&relay->task->exchange->trace, TRACE_UPSTREAM, relay->call.wire_us);
    if (relay->call.request.class != CALL_READ) {
        cache_purge(relay->task->api->cache);
    }
    relay->task->on_cancel = NULL;
    relay->task->must_finish = NULL;
}

/* The answer of a call that did not stream. */
static void take_reply(struct relay *relay)
{
    const struct upstream_reply *reply = &relay->call.reply;

    relay->status = reply->status;
    relay->content_type = arena_str(relay->task->arena, reply->content_type);
    relay->held.max = reply->body.len;
    buf_str(&relay->held, reply->body);
    /* What the platform refused, or had no room for, did not happen: a retry may try again. */
    relay->task->may_have_changed =
        reply->status < 400 || (reply->status >= 500 && reply->status != 503);
}

static void on_done(struct upstream_call *call, enum error_code code)
{
    struct relay *relay = relay_of(call);
    struct task *task = relay->task;

    if (call->stream == NULL) {
        task->may_have_changed = call->may_have_left;
        if (code == ERR_OK) {
            take_reply(relay);
        }
    }
    note_end(relay);
    if (relay->streams) {
        cache_abandon(task); /* what streams is not kept: who waited for it asks for itself */
        if (code == ERR_OK) {
            exchange_stream_end(task->exchange);
        } else {
            exchange_stream_abort(task->exchange);
        }
        return;
    }
    if (code != ERR_OK) {
        task->error = call->error;
        task->error.code = code;
        (void)cache_fail(task);
        return;
    }
    (void)reply_held(relay);
}

/* --- the request
 * --------------------------------------------------------------------------------------- */

static void on_chunk(struct task *task, struct str bytes, bool last)
{
    struct relay *relay = task->state;

    if (relay->body_ended || !upstream_is_running(&relay->call)) {
        return;
    }
    relay->body_ended = last;
    if (relay->call.stream->streams_body && !upstream_send(&relay->call, bytes, last)) {
        exchange_body_pause(task->exchange);
    }
}

static void on_writable(struct task *task)
{
    struct relay *relay = task->state;

    upstream_resume(&relay->call);
}

/* With an Idempotency-Key: the retry must find what came of it. */
static bool must_finish(struct task *task)
{
    const struct relay *relay = task->state;

    return upstream_is_on_wire(&relay->call);
}

static void on_cancel(struct task *task)
{
    struct relay *relay = task->state;

    upstream_cancel(&relay->call);
    ledger_end_unknown(task->api->ledger, &relay->mark);
    cache_abandon(task);
}

static enum call_class class_of(struct str method)
{
    if (str_is(method, "GET") || str_is(method, "HEAD")) {
        return CALL_READ;
    }
    return str_is(method, "POST") || str_is(method, "PATCH") ? CALL_CREATE : CALL_CHANGE;
}

static bool is_dry_run(struct str name)
{
    return str_is(name, "dry_run") || str_is(name, "dry-run");
}

/* Query tokens are an old way to authenticate at the platform: a caller's own never passes. Nor
 * does what is ours. */
static struct str query_without_token(struct task *task)
{
    bool changes = class_of(task->exchange->request.method) != CALL_READ;
    struct str rest = task->exchange->request.query;
    struct str pair;
    struct str kept = STR_EMPTY;

    while (str_next(&rest, '&', &pair)) {
        struct str name;
        struct str value;
        struct str decoded;

        (void)str_cut(pair, '=', &name, &value);
        if (percent_decode(task->arena, name, true, &decoded) &&
            (str_is_nocase(decoded, "token") || (changes && is_dry_run(decoded)))) {
            continue;
        }
        kept = arena_printf(task->arena, "%.*s%s%.*s", STR_ARG(kept), kept.len > 0 ? "&" : "",
                            STR_ARG(pair));
    }
    return kept;
}

/* What would be sent; the body, which is streamed, is the caller's own as it stands. */
static enum stage_verdict answer_dry_run(struct task *task, const struct upstream_request *request)
{
    struct json *body = json_new_object(task->arena);
    struct json *requests = json_new_array(task->arena);
    struct json *row = json_new_object(task->arena);

    json_set(row, STR("method"), json_new_string(task->arena, request->method));
    json_set(row, STR("path"), json_new_string(task->arena, request->path));
    if (request->query.len > 0) {
        json_set(row, STR("query"), json_new_string(task->arena, request->query));
    }
    json_append(requests, row);
    json_set(body, STR("dry_run"), json_new_bool(task->arena, true));
    json_set(body, STR("requests"), requests);
    return task_reply_json(task, 200, body);
}

static void held_free(void *buf)
{
    buf_done(buf);
}

enum stage_verdict handle_relay(struct task *task)
{
    static const struct upstream_stream without_body = {
        .on_head = on_head, .on_data = on_data, .on_drain = on_drain};
    struct exchange *exchange = task->exchange;
    struct relay *relay = arena_zalloc(task->arena, sizeof(*relay));
    struct upstream_stream *stream = arena_zalloc(task->arena, sizeof(*stream));
    const struct http_request *request = &exchange->request;
    bool keyed = task->idempotency != NULL;

    if (str_is(request->method, "GET") && redacts(task)) { /* what is kept has no secrets in it */
        enum stage_verdict verdict = cache_begin(task, handle_relay);

        if (verdict != STAGE_CONTINUE) {
            return verdict;
        }
    }
    relay->task = task;
    task->state = relay;
    buf_init(&relay->held, task->api->config->redact.max_bytes);
    arena_defer(task->arena, held_free, &relay->held);
    *stream = without_body;
    stream->streams_body = request->has_body;
    stream->body_length = request->content_length;
    trace_child(&exchange->trace, relay->traceparent);
    relay->call.stream = keyed ? NULL : stream;
    relay->call.on_done = on_done;
    relay->call.request = (struct upstream_request){
        .method = request->method,
        .path = str_sub(request->path, sizeof("/virtuoso") - 1, request->path.len),
        .query = query_without_token(task),
        .body = keyed ? request->body : STR_EMPTY,
        .content_type = request->has_body ? exchange_header(exchange, "Content-Type") : STR_EMPTY,
        .token = task->principal.bearer.len > 0 ? NULL : &task->api->config->upstream.token,
        .bearer = task->principal.bearer,
        .request_id = str_from(exchange->trace.request_id),
        .traceparent = str_from(relay->traceparent),
        .class = class_of(request->method),
    };
    if (task->dry_run) {
        return answer_dry_run(task, &relay->call.request);
    }
    if (upstream_start(task->api->options.upstream, &relay->call, &task->error) != ERR_OK) {
        return cache_fail(task);
    }
    if (relay->call.request.class != CALL_READ) {
        ledger_begin(task->api->ledger, &relay->mark, LEDGER_ANY_CHECKPOINT);
    }
    task->on_chunk = keyed ? NULL : on_chunk;
    task->on_writable = on_writable;
    task->on_cancel = on_cancel;
    task->must_finish = keyed ? must_finish : NULL;
    return STAGE_WAIT;
}
