/* Checks before admission: a request that cannot be sent as it stands is refused, never repaired. And the
 * bytes of a request. */
#include "upstream_internal.h"

#include "base/check.h"
#include "base/json_plain.h"
#include "base/mem.h"
#include "observe/trace.h"

static bool is_visible(struct str s, const char *refused)
{
    bool is_quick = json_plain_len(s) == s.len && str_find_char(s, ' ') < 0;

    if (!is_quick && !str_is_of(s, "!-~")) {
        return false;
    }
    for (; *refused != '\0'; refused++) {
        if (str_find_char(s, *refused) >= 0) {
            return false;
        }
    }
    return true;
}

static bool is_dot_segment(struct str segment)
{
    size_t n_dots = 0;
    size_t at = 0;

    while (at < segment.len) {
        if (segment.ptr[at] == '.') {
            at++;
        } else if (str_starts_nocase(str_sub(segment, at, 3), STR("%2e"))) {
            at += 3;
        } else {
            return false;
        }
        n_dots++;
    }
    return n_dots == 1 || n_dots == 2;
}

static bool has_dot_segment(struct str path)
{
    struct str rest = path;
    struct str segment;

    while (str_next(&rest, '/', &segment)) {
        if (is_dot_segment(segment)) {
            return true;
        }
    }
    return false;
}

static enum error_code header_check(const struct upstream_header *header, struct error *err)
{
    static const char *const framing[] = {"host", "content-length", "transfer-encoding",
                                          "connection", "expect"};

    if (header->name.len == 0 || !is_visible(header->name, "\"(),/:;<=>?@[\\]{}") ||
        !str_is_one_line(header->value)) {
        return error_set(err, ERR_INVALID, "a header for the platform cannot be sent: \"%.*s\"",
                         STR_ARG(str_sub(header->name, 0, 60)));
    }
    for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
        if (str_is_nocase(header->name, framing[i])) {
            return error_set(err, ERR_INVALID, "the header \"%s\" is set by the client itself",
                             framing[i]);
        }
    }
    return ERR_OK;
}

enum error_code headers_check(const struct upstream_header *headers, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (header_check(&headers[i], err) != ERR_OK) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static struct str token_of(const struct upstream_request *request, unsigned place)
{
    if (request->tokens != NULL) {
        return upstream_tokens_reveal(request->tokens, place);
    }
    return request->token != NULL ? secret_reveal(request->token) : request->bearer;
}

bool upstream_call_token_is_gone(const struct upstream_call *call)
{
    const struct upstream_tokens *tokens = call->request.tokens;

    return tokens != NULL && call->token_generation != tokens->generation;
}

struct str upstream_call_token(const struct upstream_call *call)
{
    return token_of(&call->request, call->token_at);
}

enum error_code request_check(const struct upstream_request *request, struct error *err)
{
    struct str bearer = token_of(request, 0);

    if (request->method.len == 0 || request->method.len > 20 || !is_visible(request->method, ":")) {
        return error_set(err, ERR_INVALID, "not an HTTP method");
    }
    if (request->path.len == 0 || request->path.ptr[0] != '/' || !is_visible(request->path, "?#") ||
        request->path.len > PATH_MAX_BYTES / 4 || has_dot_segment(request->path)) {
        return error_set(err, ERR_INVALID,
                         "the path for the platform must begin with '/', be percent-encoded and "
                         "hold no '.' or '..' segment: \"%.*s\"",
                         STR_ARG(str_sub(request->path, 0, 120)));
    }
    if (!is_visible(request->query, "#") || request->query.len > PATH_MAX_BYTES / 4) {
        return error_set(err, ERR_INVALID, "the query for the platform must be percent-encoded");
    }
    if ((request->token != NULL || request->tokens != NULL) && !is_visible(bearer, "")) {
        return error_set(
            err, ERR_UPSTREAM_AUTH,
            "the token that is stored for the platform holds a character that no header may hold; an operator must set upstream.token again");
    }
    if (!is_visible(bearer, "") || !is_visible(request->request_id, "") ||
        !is_visible(request->traceparent, "") || !str_is_one_line(request->tracestate) ||
        !str_is_one_line(request->content_type)) {
        return error_set(
            err, ERR_INVALID,
            "a header value for the platform holds a character that no header may hold");
    }
    if (request->n_headers > UPSTREAM_MAX_HEADERS) {
        return error_set(err, ERR_INVALID, "more than %d headers for the platform",
                         UPSTREAM_MAX_HEADERS);
    }
    return headers_check(request->headers, request->n_headers, err);
}

/* --- the bytes */
static const char user_agent[] = "User-Agent: virtuoso-proxy/" VP_VERSION "\r\n";

/* Header fields that the caller sets itself: the defaults for these are not written. */
struct said {
    bool accept;
    bool accept_encoding;
    bool content_type;
    bool user_agent;
};

static struct said said_by(const struct upstream_request *request)
{
    struct said said = {0};

    for (size_t i = 0; i < request->n_headers; i++) {
        struct str name = request->headers[i].name;

        said.accept = said.accept || str_is_nocase(name, "accept");
        said.accept_encoding = said.accept_encoding || str_is_nocase(name, "accept-encoding");
        said.content_type = said.content_type || str_is_nocase(name, "content-type");
        said.user_agent = said.user_agent || str_is_nocase(name, "user-agent");
    }
    return said;
}

static void line(struct buf *out, struct str name, struct str value)
{
    buf_str(out, name);
    buf_str(out, value);
    buf_str(out, STR("\r\n"));
}

static bool streams_body(const struct upstream_call *call)
{
    return call->stream != NULL && call->stream->streams_body;
}

/* 00-TRACE-SPAN-FLAGS in the form of AWS X-Ray. Other parts of a caller's header (Lineage) are not passed on. */
static void write_amazon_trace(struct buf *out, struct str traceparent)
{
    buf_printf(out, "X-Amzn-Trace-Id: Root=1-%.*s-%.*s;Parent=%.*s;Sampled=%.*s\r\n",
               STR_ARG(str_sub(traceparent, 3, 8)), STR_ARG(str_sub(traceparent, 11, 24)),
               STR_ARG(str_sub(traceparent, 36, 16)), STR_ARG(str_sub(traceparent, 54, 1)));
}

static void write_headers(struct buf *out, const struct upstream_call *call)
{
    const struct upstream_request *request = &call->request;
    struct said said = said_by(request);
    struct str content_type = request->content_type;

    if (content_type.len == 0 && (request->body.len > 0 || streams_body(call))) {
        content_type = STR("application/json");
    }
    for (size_t i = 0; i < request->n_headers; i++) {
        buf_str(out, request->headers[i].name);
        line(out, STR(": "), request->headers[i].value);
    }
    if (!said.user_agent) {
        buf_str(out, (struct str){user_agent, sizeof(user_agent) - 1});
    }
    if (!said.accept) {
        buf_str(out, STR("Accept: application/json\r\n"));
    }
    /* Only replies are decompressed here; a stream passes the bytes on as they come. */
    if (!said.accept_encoding && call->stream == NULL) {
        buf_str(out, STR("Accept-Encoding: gzip, deflate\r\n"));
    }
    if (!said.content_type && content_type.len > 0) {
        line(out, STR("Content-Type: "), content_type);
    }
    if (request->request_id.len > 0) {
        line(out, STR("X-Request-Id: "), request->request_id);
    }
    if (request->traceparent.len > 0) {
        line(out, STR("traceparent: "), request->traceparent);
        if (request->trace != NULL && request->trace->is_amazon) {
            write_amazon_trace(out, request->traceparent);
        }
    }
    if (request->tracestate.len > 0) {
        line(out, STR("tracestate: "), request->tracestate);
    }
}

/* Content-Length: 0 is sent only with methods that expect a body (RFC 9110 section 8.6). */
static void write_framing(struct buf *out, const struct upstream_call *call)
{
    struct str method = call->request.method;
    int64_t length = (int64_t)call->request.body.len;
    bool expects_body = str_is(method, "POST") || str_is(method, "PUT") || str_is(method, "PATCH");

    if (streams_body(call)) {
        length = call->stream->body_length;
    } else if (length == 0 && !expects_body) {
        return;
    }
    if (length < 0) {
        buf_str(out, STR("Transfer-Encoding: chunked\r\n"));
        return;
    }
    buf_str(out, STR("Content-Length: "));
    buf_int(out, length);
    buf_str(out, STR("\r\n"));
}

/* An upper bound for the bytes of the head. So its memory never grows while it is written, which would leave
 * a copy of the credential behind. */
static size_t head_bytes_at_most(const struct upstream *upstream, const struct upstream_call *call,
                                 struct str bearer)
{
    const struct upstream_request *request = &call->request;
    size_t n = sizeof(user_agent) + 512 + upstream->lines.len + upstream->base_path.len;

    n += request->method.len + request->path.len + request->query.len + bearer.len;
    n += request->content_type.len + request->request_id.len + request->traceparent.len +
         request->tracestate.len;
    for (size_t i = 0; i < request->n_headers; i++) {
        n += request->headers[i].name.len + request->headers[i].value.len + 4;
    }
    return n;
}

void request_write(struct upstream_transfer *transfer)
{
    const struct upstream *upstream = transfer->upstream;
    const struct upstream_call *call = transfer->call;
    const struct upstream_request *request = &call->request;
    /* The one place where a credential becomes readable. */
    struct str bearer = upstream_call_token(call);
    bool is_short = request->body.len <= COPIED_BODY_BYTES;
    struct buf *out = &transfer->out;

    buf_clear(out);
    out->max = head_bytes_at_most(upstream, call, bearer) + COPIED_BODY_BYTES;
    (void)buf_reserve(out, out->max - (is_short ? COPIED_BODY_BYTES - request->body.len : 0));
    buf_str(out, request->method);
    buf_char(out, ' ');
    buf_str(out, upstream->base_path);
    buf_str(out, request->path);
    if (request->query.len > 0) {
        buf_char(out, '?');
        buf_str(out, request->query);
    }
    buf_str(out, STR(" HTTP/1.1\r\n"));
    buf_str(out, upstream->lines);
    if (bearer.len > 0) {
        line(out, STR("Authorization: Bearer "), bearer);
    }
    write_headers(out, call);
    write_framing(out, call);
    buf_str(out, STR("\r\n"));
    buf_str(out, is_short ? request->body : STR_EMPTY);
    CHECK(buf_ok(out));
    transfer->out_at = 0;
    transfer->rest_of_body = is_short ? STR_EMPTY : request->body;
}

void request_forget(struct upstream_transfer *transfer)
{
    if (transfer->out.len > 0) {
        mem_wipe(transfer->out.ptr, transfer->out.len);
        buf_clear(&transfer->out);
    }
    transfer->out_at = 0;
    transfer->rest_of_body = STR_EMPTY;
}

bool request_is_forbidden(struct upstream_transfer *transfer)
{
    const struct upstream_request *request = &transfer->call->request;

    transfer->forbidden = request->may_send != NULL && !transfer->may_have_left &&
                          !request->may_send(request->sender);
    return transfer->forbidden;
}
