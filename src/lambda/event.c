#include "event.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/percent.h"

enum {
    HEAD_MAX = 256 * 1024,
    ALB_MAX = 1 << 20,
    GATEWAY_HEAD_MAX = 10240,
    HTTP_API_MS = 30000,
    REST_API_MS = 29000
};

#define CONTEXT      "/requestContext"
#define AUTHORIZE_AT .fixed_method = "HEAD", .fixed_path = "/api/v1/routes"

/* clang-format off */
static const struct event_source sources[] = {
    {.name = "authorizer 2.0", .marks = {{"/type", "REQUEST", NULL}, {"/routeArn", NULL, NULL}, {"/version", "2.0", NULL}},
     AUTHORIZE_AT, .client = CONTEXT "/http/sourceIp", .request_id = CONTEXT "/requestId", .reply = REPLY_VERDICT_SIMPLE},
    {.name = "authorizer 1.0", .marks = {{"/type", "REQUEST", NULL}, {"/methodArn /routeArn", NULL, NULL}},
     AUTHORIZE_AT, .client = CONTEXT "/identity/sourceIp", .request_id = CONTEXT "/requestId", .reply = REPLY_VERDICT_POLICY},
    {.name = "token authorizer", .marks = {{"/type", "TOKEN", NULL}, {"/methodArn", NULL, NULL}},
     AUTHORIZE_AT, .token = "/authorizationToken", .reply = REPLY_VERDICT_POLICY},
    {.name = "load balancer", .marks = {{CONTEXT "/elb", NULL, NULL}},
     .method = "/httpMethod", .path = "/path", .query = "/multiValueQueryStringParameters /queryStringParameters",
     .query_form = QUERY_AS_SENT, .reply = REPLY_ALB, .max_reply = ALB_MAX},
    {.name = "function URL", .marks = {{"/version", "2.0", NULL}, {"/rawPath", NULL, NULL}, {CONTEXT "/domainName", NULL, ".lambda-url."}},
     .method = CONTEXT "/http/method", .path = "/rawPath", .query = "/rawQueryString", .client = CONTEXT "/http/sourceIp",
     .request_id = CONTEXT "/requestId", .query_form = QUERY_RAW, .reply = REPLY_JOINED, .can_stream = true},
    {.name = "HTTP API", .marks = {{"/version", "2.0", NULL}, {"/rawPath", NULL, NULL}},
     .method = CONTEXT "/http/method", .path = "/rawPath", .query = "/rawQueryString", .client = CONTEXT "/http/sourceIp",
     .request_id = CONTEXT "/requestId", .stage = CONTEXT "/stage", .query_form = QUERY_RAW, .reply = REPLY_JOINED, .waits_ms = HTTP_API_MS,
     .max_head = GATEWAY_HEAD_MAX},
    {.name = "HTTP API 1.0", .marks = {{"/version", "1.0", NULL}, {"/httpMethod", NULL, NULL}},
     .method = "/httpMethod", .path = "/path", .query = "/multiValueQueryStringParameters /queryStringParameters",
     .client = CONTEXT "/identity/sourceIp", .request_id = CONTEXT "/requestId", .stage = CONTEXT "/stage",
     .query_form = QUERY_DECODED, .reply = REPLY_MULTI, .waits_ms = HTTP_API_MS,
     .max_head = GATEWAY_HEAD_MAX},
    {.name = "REST API", .marks = {{"/httpMethod", NULL, NULL}, {"/resource", NULL, NULL}},
     .method = "/httpMethod", .path = "/path", .query = "/multiValueQueryStringParameters /queryStringParameters",
     .client = CONTEXT "/identity/sourceIp", .request_id = CONTEXT "/requestId", .full_path = CONTEXT "/path",
     .query_form = QUERY_DECODED, .reply = REPLY_MULTI, .waits_ms = REST_API_MS,
     .max_head = GATEWAY_HEAD_MAX, .can_stream = true, .loses_binary = true},
    /* Has no client address: `client` is a place that it lacks, so that X-Forwarded-For is not believed. */
    {.name = "direct invocation", .marks = {{"/action", NULL, NULL}}, .lacks = CONTEXT, .acts = true, .client = CONTEXT,
     .reply = REPLY_DIRECT, .loses_binary = true},
    /* Our own event, from room cloud. Only callers that may invoke the function can make it, not other clients. */
    {.name = "recall", .marks = {{"/source", "virtuoso-proxy.recall", NULL}, {"/path", NULL, NULL}},
     .fixed_method = "POST", .path = "/path", .query = "/query", .request_id = "/id", .query_form = QUERY_RAW,
     .caller = "aws-lambda", .reply = REPLY_RECALL},
    {.name = "schedule", .marks = {{"/source", "aws.events", NULL}}, .reply = REPLY_PONG},
    {.name = "warm-up", .marks = {{"/warmup", NULL, NULL}}, .reply = REPLY_PONG},
};

/* clang-format on */

const struct event_source *event_source_of(const struct json *event)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        const struct event_source *source = &sources[i];
        bool fits = source->lacks == NULL || json_find(event, source->lacks) == NULL;

        for (size_t j = 0; j < ARRAY_LEN(source->marks) && source->marks[j].place != NULL; j++) {
            const struct json *node = json_find(event, source->marks[j].place);
            const char *is = source->marks[j].is;
            const char *has = source->marks[j].has;

            fits = fits && node != NULL && (is == NULL || str_is(json_str(node), is)) &&
                   (has == NULL || str_contains(json_str(node), str_from(has)));
        }
        if (fits) {
            return source;
        }
    }
    return NULL;
}

static struct str text_at(const struct json *event, const char *place)
{
    return place != NULL ? json_str(json_find(event, place)) : STR_EMPTY;
}

/* ---- the request line ---- */

/* Characters that a path or a query may hold stay unchanged, and so do percent escapes. All others are escaped,
 * since some sources have decoded the path. `also`: further characters that stay. */
static void put_target(struct buf *out, struct str text, const char *also)
{
    static const char plain[] = "-._~!$&'()*+,;=:@/";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_escape = c == '%' && i + 2 < text.len && str_hex_digit(text.ptr[i + 1]) >= 0 &&
                         str_hex_digit(text.ptr[i + 2]) >= 0;

        if (char_is_alnum(c) || str_find_char(STR(plain), c) >= 0 || is_escape ||
            str_find_char(str_from(also), c) >= 0) {
            buf_char(out, c);
        } else {
            percent_encode(out, (struct str){&c, 1});
        }
    }
}

static void put_pair(struct buf *out, struct str name, struct str value, bool encodes,
                     size_t *n_pairs)
{
    buf_char(out, (*n_pairs)++ == 0 ? '?' : '&');
    if (encodes) {
        percent_encode(out, name);
        buf_char(out, '=');
        percent_encode(out, value);
    } else {
        put_target(out, name, "?");
        buf_char(out, '=');
        put_target(out, value, "?");
    }
}

static void put_query(struct buf *out, const struct event_source *source, const struct json *query)
{
    bool encodes = source->query_form == QUERY_DECODED;
    const struct json *pair;
    size_t n_pairs = 0;

    if (source->query_form == QUERY_RAW && json_str(query).len > 0) {
        buf_char(out, '?');
        put_target(out, json_str(query), "?");
        return;
    }
    if (json_type(query) != JSON_OBJECT) {
        return;
    }
    JSON_FOREACH (pair, query) {
        const struct json *value;

        if (json_type(pair) == JSON_STRING) {
            put_pair(out, json_name(pair), json_str(pair), encodes, &n_pairs);
            continue;
        }
        JSON_FOREACH (value, pair) {
            put_pair(out, json_name(pair), json_str(value), encodes, &n_pairs);
        }
    }
}

/* Only a whole part of the path is cut off: "/qa" off "/qa/x" and "/qa", not off "/qax". */
static bool cut_prefix(struct str *path, struct str prefix)
{
    struct str rest = str_sub(*path, prefix.len, path->len);

    if (prefix.len == 0 || !str_starts(*path, prefix) || (rest.len > 0 && rest.ptr[0] != '/')) {
        return false;
    }
    *path = rest;
    return true;
}

/* Cuts the stage and base_path off `path`. Returns the base: what the client writes before our paths. */
static struct str cut_base(struct arena *arena, const struct json *event,
                           const struct event_source *source, struct str base_path,
                           struct str *path)
{
    struct str stage = text_at(event, source->stage);
    struct str full = text_at(event, source->full_path);
    struct str base = STR_EMPTY;

    if (stage.len > 0 && !str_is(stage, "$default")) {
        stage = arena_printf(arena, "/%.*s", STR_ARG(stage));
        base = cut_prefix(path, stage) ? stage : base;
    } else if (str_ends(full, *path)) {
        base = str_sub(full, 0, full.len - path->len);
    }
    if (cut_prefix(path, base_path) && !str_ends(base, base_path)) {
        base = arena_printf(arena, "%.*s%.*s", STR_ARG(base), STR_ARG(base_path));
    }
    return base;
}

static enum error_code put_line(struct buf *head, const struct event_request *request,
                                struct str path, struct error *err)
{
    const struct event_source *source = request->source;
    const struct json *event = request->event;
    struct str method = source->fixed_method != NULL ? str_from(source->fixed_method)
                                                     : text_at(event, source->method);

    if (source->acts) {
        buf_str(head, request->line);
        buf_text(head, " HTTP/1.1\r\n");
        return ERR_OK;
    }
    if (method.len == 0 || !str_is_of(method, "!-~")) {
        return error_set(err, ERR_BAD_REQUEST, "The event of the %s has no method", source->name);
    }
    buf_str(head, method);
    buf_char(head, ' ');
    if (!str_starts(path, STR("/"))) {
        buf_char(head, '/');
    }
    put_target(head, path, "");
    if (source->query != NULL) {
        put_query(head, source, json_find(event, source->query));
    }
    buf_text(head, " HTTP/1.1\r\n");
    return ERR_OK;
}

/* ---- the fields ---- */

/* These fields describe the client's connection, which ends at the product before us. The trace comes from the
 * invocation. */
static bool is_left_out(const struct event_source *source, struct str name, bool has_trace)
{
    static const char *const names[] = {
        "Host",    "Connection", "Keep-Alive",     "Proxy-Connection", "Transfer-Encoding", "TE",
        "Trailer", "Upgrade",    "Content-Length", "Expect",           "HTTP2-Settings"};

    return str_in_nocase(name, names, ARRAY_LEN(names)) ||
           (has_trace && str_is_nocase(name, "X-Amzn-Trace-Id")) ||
           (source->loses_binary && str_is_nocase(name, "Accept-Encoding")) ||
           (source->token != NULL && str_is_nocase(name, "Authorization"));
}

static enum error_code put_field(struct buf *head, struct str name, struct str value,
                                 struct error *err)
{
    if (name.len == 0 || !str_is_of(name, "!-9;-~") || !str_is_one_line(value)) {
        return error_set(err, ERR_BAD_REQUEST,
                         "A header field has characters that cannot stand in one");
    }
    buf_str(head, name);
    buf_text(head, ": ");
    buf_str(head, value);
    buf_text(head, "\r\n");
    return ERR_OK;
}

static struct str field_of(const struct json *fields, const char *name)
{
    const struct json *field;

    JSON_FOREACH (field, fields) {
        if (str_is_nocase(json_name(field), name)) {
            return json_type(field) == JSON_ARRAY ? json_str(json_first(field)) : json_str(field);
        }
    }
    return STR_EMPTY;
}

static enum error_code put_fields(struct buf *head, const struct event_source *source,
                                  const struct json *fields, bool has_trace, struct error *err)
{
    enum error_code code = ERR_OK;
    const struct json *field;

    if (json_type(fields) != JSON_OBJECT) {
        return ERR_OK;
    }
    JSON_FOREACH (field, fields) {
        const struct json *value = json_type(field) == JSON_ARRAY ? json_first(field) : field;

        if (is_left_out(source, json_name(field), has_trace)) {
            continue;
        }
        for (; value != NULL && code == ERR_OK;
             value = json_type(field) == JSON_ARRAY ? json_next(value) : NULL) {
            code = put_field(head, json_name(field), json_str(value), err);
        }
    }
    return code;
}

static enum error_code put_cookies(struct buf *head, const struct json *cookies, struct error *err)
{
    const struct json *cookie;
    enum error_code code = ERR_OK;
    struct buf all;

    if (json_size(cookies) == 0) {
        return ERR_OK;
    }
    buf_init(&all, HEAD_MAX);
    JSON_FOREACH (cookie, cookies) {
        buf_text(&all, all.len > 0 ? "; " : "");
        buf_str(&all, json_str(cookie));
    }
    code = put_field(head, STR("Cookie"), buf_view(&all), err);
    buf_done(&all);
    return code;
}

/* Fields that come from other members of the event than its map of headers. */
static enum error_code put_own_fields(struct buf *head, const struct event_source *source,
                                      const struct json *event, const struct json *fields,
                                      struct str trace, struct error *err)
{
    struct str host = field_of(fields, "Host");
    bool has_id = field_of(fields, "X-Request-Id").len > 0;
    enum error_code code = ERR_OK;

    if (host.len == 0) {
        host = text_at(event, CONTEXT "/domainName");
    }

    const struct {
        const char *name;
        struct str value; /* empty: no such field */
    } own[] = {
        {"Host", host.len > 0 ? host : STR("lambda")},
        {"X-Amzn-Trace-Id", trace},
        {"X-Request-Id", has_id ? STR_EMPTY : text_at(event, source->request_id)},
        {"Authorization", text_at(event, source->token)},
    };

    for (size_t i = 0; i < ARRAY_LEN(own) && code == ERR_OK; i++) {
        if (own[i].value.len > 0) {
            code = put_field(head, str_from(own[i].name), own[i].value, err);
        }
    }
    return code == ERR_OK ? put_cookies(head, json_get(event, "cookies"), err) : code;
}

/* ---- the rest ---- */

/* The load balancer appends the address that it saw itself, so the last one counts. */
static struct str last_of(struct str list)
{
    return str_trim(str_sub(list, str_behind_last(list, ','), list.len));
}

static enum error_code put_head(struct buf *head, struct event_request *out, struct str path,
                                struct str trace, struct error *err)
{
    const struct event_source *source = out->source;
    const struct json *fields = json_find(out->event, "/multiValueHeaders /headers");
    struct str method = text_at(out->event, source->method);
    bool takes_body = str_is(method, "POST") || str_is(method, "PUT") || str_is(method, "PATCH");
    enum error_code code = put_line(head, out, path, err);

    if (code == ERR_OK) {
        code = put_own_fields(head, source, out->event, fields, trace, err);
    }
    if (code == ERR_OK) {
        code = put_fields(head, source, fields, trace.len > 0, err);
    }
    if (code == ERR_OK && (out->body.len > 0 || takes_body)) {
        buf_text(head, "Content-Length: ");
        buf_int(head, (int64_t)out->body.len);
        buf_text(head, "\r\n");
    }
    buf_text(head, "\r\n");
    if (code == ERR_OK && !buf_ok(head)) {
        code = error_set(err, ERR_HEADERS_TOO_BIG, "The header fields are longer than 256 KiB");
    }
    out->multi = json_find(out->event, "/multiValueHeaders") != NULL;
    out->is_tls = !str_is_nocase(field_of(fields, "X-Forwarded-Proto"), "http");
    out->peer = source->client != NULL ? text_at(out->event, source->client)
                                       : last_of(field_of(fields, "X-Forwarded-For"));
    return code;
}

enum error_code event_read(struct arena *arena, struct str base_path, struct str trace,
                           struct event_request *request, struct error *err)
{
    const struct event_source *source = request->source;
    const struct json *event = request->event;
    struct str path =
        source->fixed_path != NULL ? str_from(source->fixed_path) : text_at(event, source->path);
    enum error_code code = ERR_OK;
    struct buf head;

    request->arn = json_str(json_find(event, "/methodArn /routeArn"));
    if (source->fixed_path == NULL && !source->acts) {
        request->base = cut_base(arena, event, source, base_path, &path);
        request->body = json_str(json_get(event, "body"));
        if (json_true(json_get(event, "isBase64Encoded")) &&
            !base64_decode(arena, request->body, &request->body)) {
            code = error_set(err, ERR_BAD_REQUEST, "The body of the event is not Base64");
        }
    }
    buf_init(&head, HEAD_MAX);
    if (code == ERR_OK) {
        code = put_head(&head, request, path, trace, err);
    }
    request->head = arena_take(arena, &head);
    return code;
}
