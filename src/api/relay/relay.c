/* Direct access to the platform below /virtuoso, the request's side: streamed both ways with
 * backpressure; relay_answer.c is the other side. Path and query go to the platform byte for byte;
 * what could smuggle a credential or leave the configured base is refused, never mended. A POST
 * with an Idempotency-Key is not streamed: its body is compared with that of an earlier one and its
 * answer is kept, so both are bounded (http.max_body, upstream.max_reply_bytes). */
#include "relay.h"
#include "api/relay/handlers.h"

#include "api/gate/cache.h"
#include "api/gate/redact.h"
#include "base/mem.h"
#include "base/percent.h"
#include "base/utf8.h"

/* Edge, region, origin: deeper chains have a mistake in them. */
enum { HOPS_MAX = 3 };

static bool redacts(const struct task *task)
{
    const struct config *config = task->config;
    bool is_admin = task_may(task, PERMISSION_ADMIN);

    return config->redact.enabled && !(is_admin && str_is(config->redact.off_for, "admin"));
}

static void on_drain(struct upstream_call *call)
{
    exchange_body_resume(relay_of(call)->task->exchange);
}

/* ---- the request ---- */

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
    lanes_foreign_end(&relay->foreign);
    cache_abandon(task);
}

static enum call_class class_of(struct str method)
{
    if (str_is(method, "GET") || str_is(method, "HEAD")) {
        return CALL_READ;
    }
    return str_is(method, "POST") || str_is(method, "PATCH") ? CALL_CREATE : CALL_CHANGE;
}

static bool is_ours(struct task *task, struct str pair)
{
    static const char *const dry_run[] = {"dry_run", "dry-run"};
    bool changes = class_of(task->exchange->request.method) != CALL_READ;
    struct str name;
    struct str value;
    struct str decoded;

    (void)str_cut(pair, '=', &name, &value);
    return percent_decode(task->arena, name, true, &decoded) &&
           (str_is_nocase(decoded, "token") ||
            (changes && str_in(decoded, dry_run, ARRAY_LEN(dry_run))));
}

/* A token in the query is an old way to authenticate at the platform: the caller's never passes. Nor does
 * our own parameter dry_run. The rest goes byte for byte, in one pass. */
static struct str query_without_token(struct task *task)
{
    struct str query = task->exchange->request.query;
    struct str rest = query;
    struct str pair;
    char *kept = arena_alloc(task->arena, query.len + 1);
    size_t n = 0;
    bool any_ours = false;

    while (str_next(&rest, '&', &pair)) {
        if (is_ours(task, pair)) {
            any_ours = true;
            continue;
        }
        if (n > 0) {
            kept[n++] = '&';
        }
        mem_copy(kept + n, pair.ptr, pair.len);
        n += pair.len;
    }
    return any_ours ? (struct str){kept, n} : query;
}

/* Servers that know parameters of segments (RFC 3986, section 3.3) resolve "..;x" as "..", and ";x" as
 * nothing; some drop blanks behind a name. */
static bool is_dot_segment(struct str segment)
{
    struct str name = segment;
    struct str parameters;

    (void)str_cut(segment, ';', &name, &parameters);
    while (str_ends(name, STR(" "))) {
        name.len--;
    }
    return name.len == 0 || str_is(name, ".") || str_is(name, "..");
}

/* True: the path cannot lead out of the base. Decoded once it has no segment "." or "..", no backslash (some
 * servers take it for a slash) and no control character. Decoded twice the same holds, since a server may
 * decode once more. Decoded once it is UTF-8 (some servers take overlong forms for dots and slashes). */
static bool stays_below(struct arena *arena, struct str path)
{
    for (int i = 0; i < 2; i++) {
        struct str rest;
        struct str segment;

        if (!percent_decode(arena, path, false, &path)) {
            return i > 0; /* decoded once, a lone '%' is a character like any other */
        }
        for (size_t k = 0; k < path.len; k++) {
            if ((unsigned char)path.ptr[k] < ' ' || path.ptr[k] == 0x7F || path.ptr[k] == '\\') {
                return false;
            }
        }
        rest = path;
        while (str_next(&rest, '/', &segment)) {
            if (is_dot_segment(segment)) {
                return false;
            }
        }
        if (i == 0 && !utf8_valid(path)) {
            return false;
        }
    }
    return true;
}

/* Clients generated from the OpenAPI document write the slashes of the path as %2F; the platform
 * gets slashes. */
static struct str with_slashes(struct arena *arena, struct str path)
{
    char *text;
    size_t n = 0;

    if (str_find_char(path, '%') < 0) {
        return path;
    }
    text = arena_alloc(arena, path.len);
    for (size_t i = 0; i < path.len; i++) {
        if (str_starts_nocase(str_sub(path, i, path.len), STR("%2f"))) {
            text[n++] = '/';
            i += 2;
        } else {
            text[n++] = path.ptr[i];
        }
    }
    return (struct str){text, n};
}

/* The path at the platform. A client that knows the platform's own addresses adds /api itself: that
 * means the same. */
static struct str platform_path(const struct task *task)
{
    struct str path = task->exchange->request.path;

    path = with_slashes(task->arena, str_sub(path, sizeof("/virtuoso") - 1, path.len));
    return str_starts(path, STR("/api/")) ? str_sub(path, sizeof("/api") - 1, path.len) : path;
}

/* The path without escapes, whichever of its letters are written as escapes. What an answer may show
 * depends on it. */
static struct str meaning_of(struct arena *arena, struct str path)
{
    for (int i = 0; i < 2; i++) {
        struct str decoded;

        if (percent_decode(arena, path, false, &decoded)) {
            path = decoded;
        }
    }
    while (str_starts_nocase(path, STR("/api/"))) {
        path = str_sub(path, sizeof("/api") - 1, path.len);
    }
    return path;
}

/* True: the header of a request is not passed on, since it belongs to this hop, to this proxy, or to the
 * network on this side. Accept-Encoding is replaced: answers are asked for without a coding, since they are
 * searched for secrets. */
static bool request_header_stays(struct str name, struct str connection)
{
    static const char *const own[] = {
        "Host", "Accept-Encoding", "Expect",  "X-Session-Id", "Forwarded", "X-Real-IP",
        "Via",  "Origin",          "Referer", "From"};
    static const char *const families[] = {"X-Forwarded-", "Sec-", "Access-Control-",
                                           "X-Virtuoso-Client-"};

    return str_starts_any_nocase(name, families, ARRAY_LEN(families)) ||
           str_in_nocase(name, own, ARRAY_LEN(own)) || relay_header_stays(name, connection);
}

static size_t take_headers(struct relay *relay)
{
    struct exchange *exchange = relay->task->exchange;
    struct str connection = exchange_header_lines(exchange, "Connection");
    size_t n = 0;

    for (size_t i = 0; i < exchange->request.n_headers; i++) {
        const struct http_header *header = &exchange->request.headers[i];

        if (relay->task->idempotency != NULL && str_is_nocase(header->name, "Idempotency-Key")) {
            continue; /* it is obeyed here; of other methods than POST it is for the platform */
        }
        /* No Range for paths that leak: a part of an answer cannot be searched for secrets. */
        if (request_header_stays(header->name, connection) ||
            (relay->redacts && relay->leaks &&
             (str_is_nocase(header->name, "Range") || str_is_nocase(header->name, "If-Range")))) {
            continue;
        }
        relay->sent[n++] = (struct upstream_header){header->name, header->value};
    }
    relay->sent[n++] = (struct upstream_header){STR("Accept-Encoding"), STR("identity")};
    if (relay->task->config->upstream.is_proxy && exchange_has_header(exchange, "Via")) {
        relay->sent[n++] =
            (struct upstream_header){STR("Via"), exchange_header_lines(exchange, "Via")};
    }
    if (exchange->trace.state.len > 0) {
        relay->sent[n++] = (struct upstream_header){STR("tracestate"), exchange->trace.state};
    }
    return n;
}

/* Shows what would be sent, without the body: that is streamed just as the caller sends it. */
static enum stage_verdict answer_dry_run(struct task *task, const struct upstream_request *request)
{
    struct json *requests = json_new_array(task->arena);
    struct json *row = json_new_object(task->arena);

    json_set(row, STR("method"), json_new_string(task->arena, request->method));
    json_set(row, STR("path"), json_new_string(task->arena, request->path));
    if (request->query.len > 0) {
        json_set(row, STR("query"), json_new_string(task->arena, request->query));
    }
    json_append(requests, row);
    return task_reply_requests(task, requests);
}

static struct upstream_request request_of(struct relay *relay, struct str path, bool keyed)
{
    struct task *task = relay->task;
    struct exchange *exchange = task->exchange;
    const struct http_request *request = &exchange->request;

    return (struct upstream_request){
        .method = request->method,
        .path = path,
        .query = query_without_token(task),
        .body = keyed ? request->body : STR_EMPTY,
        .content_type = request->has_body ? exchange_header(exchange, "Content-Type") : STR_EMPTY,
        .tokens = task->principal.bearer.len > 0 ? NULL : &task->platform->tokens,
        .bearer = task->principal.bearer,
        .request_id = str_from(exchange->trace.request_id),
        .traceparent = str_from(relay->traceparent),
        .trace = &exchange->trace,
        .headers = relay->sent,
        .n_headers = take_headers(relay),
        .class = class_of(request->method),
    };
}

/* False: task->error. */
static bool is_sound(struct task *task, struct str path)
{
    if (task->config->upstream.is_proxy && cache_n_hops(task->exchange) > HOPS_MAX) {
        (void)error_set(
            &task->error, ERR_LOOP,
            "The request has passed through more than %d proxies: one of them has itself "
            "as its platform",
            HOPS_MAX);
        return false;
    }
    if (!stays_below(task->arena, path)) {
        (void)error_set(&task->error, ERR_INVALID,
                        "The path must be UTF-8 and must not hold \".\" or \"..\" segments, "
                        "backslashes or control characters, also not as escapes");
        return false;
    }
    return true;
}

enum stage_verdict handle_relay(struct task *task)
{
    struct exchange *exchange = task->exchange;
    struct relay *relay = arena_zalloc(task->arena, sizeof(*relay));
    const struct http_request *request = &exchange->request;
    bool keyed = task->idempotency != NULL;

    struct str path = platform_path(task);
    struct str meaning = meaning_of(task->arena, path);
    /* Values of tables and environments are shown to a caller with the permission admin who asks for just them. */
    unsigned shows =
        task_may(task, PERMISSION_ADMIN) ? redact_own_values(meaning) : REDACT_SHOWS_NOTHING;

    if (!is_sound(task, path)) {
        return task_fail(task);
    }
    /* Kept answers have no secrets in them: for a caller who may see secrets, the platform is asked each time. */
    if (str_is(request->method, "GET") && redacts(task) && shows == REDACT_SHOWS_NOTHING) {
        enum stage_verdict verdict = cache_begin(task, handle_relay);

        if (verdict != STAGE_CONTINUE) {
            return verdict;
        }
    }
    relay->task = task;
    relay->redacts = redacts(task);
    relay->meaning = meaning;
    relay->leaks = redact_path_leaks(meaning);
    relay->shows = shows;
    /* If a secret is compressed together with text of the caller's choice, the length tells it (BREACH). */
    exchange->no_compress = !relay->redacts || shows != REDACT_SHOWS_NOTHING;
    task->state = relay;
    buf_init(&relay->held, task->config->redact.max_bytes);
    arena_defer_buf(task->arena, &relay->held);
    relay->stream = (struct upstream_stream){.on_head = relay_on_head,
                                             .on_data = relay_on_data,
                                             .on_drain = on_drain,
                                             .streams_body = request->has_body,
                                             .body_length = request->content_length};
    trace_child(&exchange->trace, relay->traceparent);
    relay->call.stream = keyed ? NULL : &relay->stream;
    relay->call.on_done = relay_on_done;
    relay->call.request = request_of(relay, path, keyed);
    if (task->dry_run) {
        return answer_dry_run(task, &relay->call.request);
    }
    if (upstream_start(task->platform->upstream, &relay->call, &task->error) != ERR_OK) {
        return cache_fail(task);
    }
    if (relay->call.request.class != CALL_READ) {
        lanes_foreign_begin(task->platform->lanes, &relay->foreign);
    }
    task->on_chunk = keyed ? NULL : on_chunk;
    task->on_writable = on_writable;
    task->on_cancel = on_cancel;
    task->must_finish = keyed ? must_finish : NULL;
    return STAGE_WAIT;
}
