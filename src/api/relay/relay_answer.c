/* The answer's side of direct access. An answer that may hold secrets is held back (up to
 * redact.max_bytes), decoded, looked through, and only then sent; others pass as they come. What is no success is
 * held, too, where the request had our own token: it may repeat it.
 *
 *   head ─► may it hold secrets? ── no ──► begin ─► pieces pass ─► end
 *                   │ yes
 *                   └─► held ─► end: decode, parse, take out, reply; what cannot be read is 502 */
#include "relay.h"

#include "api/gate/cache.h"
#include "api/gate/media.h"
#include "api/gate/redact.h"
#include "api/gate/verdict.h"
#include "base/clock.h"
#include "base/secret.h"
#include "http/answer.h"
#include "plan/answer.h"

/* A shorter token is a word of many texts. */
enum { TOKEN_MIN = 8, REFUSAL_MAX = 256 * 1024 };

static const char nameless[] =
    "values without names cannot be told from those that this caller may see";
/* These two are faults of the platform. Other answers are as the caller asked for them, but nothing can be looked for
 * in them. */
static const char no_json[] = "its Content-Type says JSON, and it is not JSON";
static const char bad_coding[] = "its Content-Encoding is unknown, damaged or cut short";

struct relay *relay_of(struct upstream_call *call)
{
    return CONTAINER_OF(call, struct relay, call);
}

static bool is_refused_token(const struct relay *relay)
{
    return relay->status == 401 || relay->status == 403;
}

/* True: the whole answer is values, and this caller may not see all of them, so each value needs a name. Only successful
 * reads are such answers: a refusal tells of the request, and a write is answered to callers who may write. */
static bool wants_names(const struct relay *relay)
{
    return relay->redacts && relay->status / 100 == 2 && relay->call.request.class == CALL_READ &&
           redact_wants_names(relay->meaning, relay->shows);
}

/* True: the body may hold secrets. JSON may on any path. On paths that are known to tell secrets, whatever a reader might
 * take for JSON may, and so may a part (206) of any type. Where the whole answer is values, any body may. */
static bool may_hold_secrets(const struct relay *relay)
{
    enum media_kind kind = media_kind(relay->content_type);

    return relay->redacts &&
           (kind == MEDIA_JSON ||
            (relay->leaks && (kind != MEDIA_OPAQUE || relay->status == 206)) || wants_names(relay));
}

static bool has_no_body(const struct relay *relay)
{
    return str_is(relay->call.request.method, "HEAD") || relay->status == 204 ||
           relay->status == 304;
}

/* True: what refuses a request with our own token, or sends it elsewhere, may repeat the token, which the caller must
 * not see. */
static bool may_repeat_token(const struct relay *relay)
{
    return relay->call.request.tokens != NULL && relay->status / 100 != 2;
}

bool relay_repeats_token(const struct relay *relay, struct str text)
{
    struct str token;

    if (!may_repeat_token(relay)) {
        return false;
    }
    if (upstream_call_token_is_gone(&relay->call)) {
        return true;
    }
    token = upstream_call_token(&relay->call);
    return token.len >= TOKEN_MIN && secret_is_in(text, token);
}

/* What is only looked through for our token is for people to read, and all of it in one turn. */
static size_t held_max(const struct relay *relay)
{
    size_t most = relay->task->config->redact.max_bytes;

    return relay->searches || most < REFUSAL_MAX ? most : REFUSAL_MAX;
}

static void begin_stream(struct relay *relay)
{
    struct task *task = relay->task;
    int64_t length = -1;

    /* The platform's length is that of the body with its secrets. */
    if (!str_to_i64(relay->length, 0, INT64_MAX, &length) ||
        (has_no_body(relay) && may_hold_secrets(relay))) {
        length = -1;
    }
    relay->streams = true;
    relay_set_headers(relay);
    if (relay->coding.len > 0) {
        exchange_set_header(task->exchange, "Content-Encoding", relay->coding);
    }
    exchange_stream_begin(
        task->exchange, relay->status,
        relay->content_type.len > 0 ? arena_cstr(task->arena, relay->content_type) : NULL, length);
}

void relay_on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                   size_t n)
{
    struct relay *relay = relay_of(call);

    relay->status = status;
    relay_note_headers(relay, headers, n);
    /* An image, a film or the like, on a path that leaks: its first bytes tell whether the type is right.
     * A coded body must be decoded first, and a part of a body (206) may begin anywhere. */
    relay->sniffs = !has_no_body(relay) && relay->redacts && relay->leaks && relay->status != 206 &&
                    media_kind(relay->content_type) == MEDIA_OPAQUE && !wants_names(relay);
    relay->searches = relay->sniffs || (!has_no_body(relay) && may_hold_secrets(relay));
    relay->holds = is_refused_token(relay) || relay->has_big_head || relay->searches ||
                   (!has_no_body(relay) && may_repeat_token(relay));
    relay->held.max = held_max(relay);
    if (!relay->holds) {
        begin_stream(relay);
    }
}

/* The answer is too long to be held: it is refused if its path may leak secrets, and streamed
 * otherwise. */
static bool overflow(struct relay *relay, struct str bytes)
{
    if (relay->leaks || is_refused_token(relay) || may_repeat_token(relay)) {
        relay->too_big = true;
        return true;
    }
    relay->holds = false;
    begin_stream(relay);
    (void)exchange_stream_write(relay->task->exchange, buf_view(&relay->held));
    buf_done(&relay->held);
    return exchange_stream_write(relay->task->exchange, bytes);
}

bool relay_on_data(struct upstream_call *call, struct str bytes)
{
    struct relay *relay = relay_of(call);

    if (relay->too_big || relay->has_big_head) {
        return true; /* dropped; the end says why */
    }
    if (relay->sniffs && !is_refused_token(relay) && !may_repeat_token(relay) &&
        relay->coding.len == 0 && media_begins_as_opaque(bytes)) {
        relay->holds = false; /* the body is what its media type says, so it can be streamed */
        begin_stream(relay);
    }
    relay->sniffs = false;
    if (!relay->holds) {
        return exchange_stream_write(relay->task->exchange, bytes);
    }
    if (relay->held.len + bytes.len > relay->held.max) {
        return overflow(relay, bytes);
    }
    buf_str(&relay->held, bytes);
    return true;
}

/* The platform refused the caller's own token: the refusal is passed on to the caller. */
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

static enum stage_verdict refuse_unreadable(struct relay *relay, const char *why)
{
    (void)error_set(&relay->task->error, ERR_UPSTREAM_SHAPE,
                    "Secrets cannot be taken out of the platform's answer: %s", why);
    if (why == no_json || why == bad_coding) {
        upstream_note_unfit(&relay->call);
    }
    return cache_fail(relay->task);
}

/* The held bytes without their coding. False: they cannot be read; *why says so. */
static bool decode_held(struct relay *relay, struct str *out, const char **why)
{
    struct task *task = relay->task;
    struct http_decoder *decoder = NULL;
    struct buf *plain;
    enum error_code code;

    *out = buf_view(&relay->held);
    if (relay->coding.len == 0) {
        return true;
    }
    plain = arena_zalloc(task->arena, sizeof(*plain));
    buf_init(plain, task->config->redact.max_bytes);
    arena_defer_buf(task->arena, plain);
    code = http_decode(&decoder, relay->coding, *out, plain);
    http_decoder_free(decoder);
    *out = buf_view(plain);
    *why = code == ERR_UPSTREAM_TOO_BIG ? "decoded it is longer than redact.max_bytes" : bad_coding;
    return code == ERR_OK;
}

/* Why names of members cannot be looked for in the text; NULL: they can. */
static const char *why_unreadable(const struct relay *relay, enum media_kind kind, struct str text)
{
    if (kind == MEDIA_OPAQUE && !media_begins_as_json(text)) {
        return media_begins_as_opaque(text) ? nameless
                                            : "its bytes are not what its Content-Type says";
    }
    if (kind == MEDIA_JSON && relay->leaks && text.len > 0 && !media_begins_as_json_value(text)) {
        return no_json;
    }
    if (!media_is_ascii_based(relay->content_type)) {
        return "its charset is not one that is based on ASCII";
    }
    if (kind == MEDIA_PARTS) {
        return "it is made of parts (multipart), each with a coding of its own";
    }
    if (relay->leaks ? !media_is_its_text(relay->content_type, text)
                     : str_contains(text, (struct str){"", 1})) {
        return "it is no text in the charset that it says, or in UTF-8 if it says none (an archive, perhaps)";
    }
    return NULL;
}

/* The answer's text without secrets. False: it cannot be read; *why says why. */
static bool without_secrets(struct relay *relay, struct str *text, const char **why)
{
    static const struct json_limits limits = {
        .max_depth = 200, .max_nodes = 2000000, .allow_duplicate_names = true};
    struct str path = relay->meaning;
    enum media_kind kind = media_kind(relay->content_type);
    bool must_be_named = wants_names(relay);
    struct json *tree = NULL;
    struct str trimmed;
    bool is_needed;

    if (kind == MEDIA_OPAQUE && !must_be_named && media_begins_as_opaque(*text)) {
        return true;
    }
    *why = why_unreadable(relay, kind, *text);
    if (*why != NULL) {
        return false;
    }
    if (str_starts(*text, STR("\xef\xbb\xbf"))) {
        *text = str_sub(*text, 3, text->len);
    }
    trimmed = str_trim(*text);
    is_needed = redact_is_needed(*text, path);
    if (!is_needed && (!must_be_named || trimmed.len == 0)) {
        return true;
    }
    if (kind != MEDIA_JSON &&
        (trimmed.len == 0 || (trimmed.ptr[0] != '{' && trimmed.ptr[0] != '['))) {
        *why = is_needed ? "it names members that hold secrets, and it is not JSON" : nameless;
        return false;
    }
    if (json_parse(relay->task->arena, *text, &limits, &tree, NULL) != ERR_OK) {
        *why = kind != MEDIA_JSON && !is_needed ? nameless : no_json;
        return false;
    }
    if (must_be_named && redact_is_nameless(tree)) {
        *why = nameless;
        return false;
    }
    if (is_needed) {
        redact(tree, relay->task->arena, path, relay->shows);
        *text = json_text(relay->task->arena, tree);
    }
    return true;
}

static enum stage_verdict reply_cached(struct relay *relay, struct str text)
{
    struct task *task = relay->task;
    unsigned ttl_s = relay->leaks ? 0 : task->config->cache.ttl_s;
    const struct cache_answer answer = {
        .body = text,
        .content_type = relay->content_type,
        .headers = relay->headers,
        .n_headers = relay->n_headers,
        .age_s = relay_age_s(relay),
        .below_s = relay_keep_s(relay, task->config->cache.ttl_s),
        /* A proxy is asked with one key for all our callers, so an answer that is private to us fits all of them. */
        .for_one = !relay_fits_all(relay) ||
                   (!task->config->upstream.is_proxy && relay_keep_s(relay, 1) == 0),
    };

    return cache_reply(task, &answer, relay_keep_s(relay, ttl_s));
}

/* The platform's words repeat our token: only what its status means is passed on. */
static enum stage_verdict refuse_words(struct relay *relay, struct str text)
{
    struct task *task = relay->task;
    const struct call_spec spec = {.name = "direct access", .class = relay->call.request.class};
    const struct answer answer = {.status = relay->status,
                                  .body = text,
                                  .token = upstream_call_token(&relay->call),
                                  .token_is_gone = upstream_call_token_is_gone(&relay->call)};

    (void)!answer_judge(&answer, &spec, true, &task->error);
    return cache_fail(task);
}

static enum stage_verdict reply_held(struct relay *relay)
{
    struct task *task = relay->task;
    const char *type =
        relay->content_type.len > 0 ? arena_cstr(task->arena, relay->content_type) : NULL;
    const char *why = NULL;
    struct str text;

    if (is_refused_token(relay) && task->principal.bearer.len > 0) {
        return refuse_caller(relay);
    }
    if (is_refused_token(relay)) {
        task->error.upstream_status = relay->status;
        (void)error_set(&task->error, ERR_UPSTREAM_AUTH,
                        "The platform refused the token that this proxy holds (%d)", relay->status);
        return cache_fail(task);
    }
    if (relay->has_big_head) {
        (void)error_set(
            &task->error, ERR_UPSTREAM_TOO_BIG,
            "The answer's header fields are longer than the %d bytes that are passed on",
            RELAY_HEAD_MAX);
        return cache_fail(task);
    }
    if (relay->too_big) {
        (void)error_set(
            &task->error, ERR_UPSTREAM_TOO_BIG,
            "The answer is longer than %zu bytes, and it may hold secrets that must be taken out",
            relay->held.max);
        return cache_fail(task);
    }
    if (relay->status == 206 && relay->redacts) {
        return refuse_unreadable(relay, "it is only a part of the content (206)");
    }
    if (!decode_held(relay, &text, &why) ||
        (relay->searches && !without_secrets(relay, &text, &why))) {
        return refuse_unreadable(relay, why);
    }
    if (relay_repeats_token(relay, text) || relay_repeats_token(relay, relay->content_type)) {
        return refuse_words(relay, text);
    }
    if (!str_eq(text, buf_view(&relay->held))) {
        relay_drop_digests(relay);
    }
    if (relay->status == 200 && task->cache_seat != NULL) {
        return reply_cached(relay, text);
    }
    cache_abandon(task);
    relay_set_headers(relay);
    if (task->idempotency != NULL) {
        relay_keep_headers(relay);
    }
    return task_reply(task, relay->status, type, text);
}

static void note_end(struct relay *relay)
{
    struct exchange_notes *notes = &relay->task->exchange->notes;

    lanes_foreign_end(&relay->foreign);
    notes->upstream_status = relay->status;
    notes->upstream_calls = relay->call.tries;
    trace_add(&relay->task->exchange->trace, TRACE_QUEUE, relay->call.wait_us);
    trace_add(&relay->task->exchange->trace, TRACE_UPSTREAM, relay->call.wire_us);
    if (relay->call.request.class != CALL_READ) {
        (void)cache_purge(relay->task->api->cache);
    }
    relay->task->on_cancel = NULL;
    relay->task->must_finish = NULL;
}

/* The answer of a call that did not stream (with an Idempotency-Key). Its coding is off already. */
static void take_reply(struct relay *relay)
{
    const struct upstream_reply *reply = &relay->call.reply;
    struct upstream_header headers[HTTP_ANSWER_MAX_HEADERS];
    size_t n = upstream_headers(reply->head, headers);

    relay->status = reply->status;
    relay_note_headers(relay, headers, n);
    if (relay->coding.len > 0) {
        relay->coding = STR_EMPTY;
        relay_drop_digests(relay);
    }
    relay->searches = relay->redacts;
    relay->held.max = reply->body.len;
    buf_str(&relay->held, reply->body);
    /* What the platform refused, or had no room for, did not happen: a retry may try again. */
    relay->task->may_have_changed =
        reply->status < 400 || (reply->status >= 500 && reply->status != 503);
}

static void end_stream(struct relay *relay, enum error_code code)
{
    struct task *task = relay->task;

    cache_abandon(task); /* a streamed answer is not cached: requests that waited for it go to
                          * the platform themselves */
    if (code == ERR_OK) {
        exchange_stream_end(task->exchange);
    } else {
        exchange_stream_abort(task->exchange);
    }
}

/* True: the call is sent once more, with the account's other token. The platform refused the stored token
 * before any of the answer was passed on, and there was no body to stream. */
static bool goes_again(struct relay *relay, enum error_code *code)
{
    struct upstream_call *call = &relay->call;
    struct upstream_call again = {
        .request = call->request, .stream = call->stream, .on_done = call->on_done};

    if (*code != ERR_OK || relay->status != 401 || relay->went_again || call->stream == NULL ||
        call->stream->streams_body || call->request.tokens == NULL ||
        call->token_at == upstream_tokens_pick(call->request.tokens, clock_now_ms())) {
        return false;
    }
    relay->went_again = true;
    relay->n_headers = relay->head_bytes = 0;
    relay->status = 0;
    relay->content_type = relay->coding = relay->length = STR_EMPTY;
    relay->too_big = relay->has_big_head = false;
    buf_clear(&relay->held);
    *call = again;
    *code = upstream_start(relay->task->platform->upstream, call, &call->error);
    return *code == ERR_OK;
}

void relay_on_done(struct upstream_call *call, enum error_code code)
{
    struct relay *relay = relay_of(call);
    struct task *task = relay->task;

    if (goes_again(relay, &code)) {
        return;
    }

    if (call->stream == NULL) {
        task->may_have_changed = call->may_have_left;
        if (code == ERR_OK) {
            take_reply(relay);
        }
    }
    note_end(relay);
    if (relay->streams) {
        end_stream(relay, code);
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
