/* Easy handles: made once with everything constant, then only what changes from call to call.
 *
 * A header list is a chain of nodes inside the handle whose last node points at the upstream's
 * prebuilt tail, so a request allocates nothing for its headers:
 *     Authorization -> X-Request-Id -> traceparent -> Content-Type -> more... -> tail
 *
 * Bodies always go through a read callback without a seek function. On a kept connection that the
 * platform resets, libcurl would send the request again by itself (measured: 20 of 20 POSTs arrived
 * twice); without a way to rewind it ends with CURLE_SEND_FAIL_REWIND instead. A change without a
 * body has nothing to rewind, so it takes a fresh connection, on which libcurl never repeats.
 *
 * An easy handle whose transfer failed is not used again: libcurl 8.14 remembers that it wanted to
 * rewind, and fails the next transfer of the handle with the same result before sending anything.
 */
#include "upstream_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { LINES_MAX = 256 * 1024, META_MAX = 32 * 1024 };

static void must(CURLcode code)
{
    CHECK(code == CURLE_OK);
}

static void must_url(CURLUcode code)
{
    CHECK(code == CURLUE_OK);
}

/* libcurl's callbacks: they note and copy, nothing more. */
static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct upstream_handle *handle = context;

    (void)size; /* always 1 */
    if (handle->streaming) {
        return stream_on_body(bytes, n, handle);
    }
    buf_append(&handle->body, bytes, n);
    if (!buf_ok(&handle->body)) {
        handle->too_big = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return n;
}

static size_t on_read(char *out, size_t size, size_t n, void *context)
{
    struct upstream_handle *handle = context;
    size_t room = size * n;

    handle->body_asked = true;
    if (handle->streaming && handle->call->stream->streams_body) {
        return stream_read_body(out, room, handle);
    }
    struct str rest = str_sub(handle->call->request.body, handle->body_at, room);

    if (rest.len > 0) {
        memcpy(out, rest.ptr, rest.len);
    }
    handle->body_at += rest.len;
    return rest.len;
}

static void set_constants(struct upstream_handle *handle)
{
    const struct upstream *upstream = handle->upstream;
    const struct upstream_options *options = &upstream->options;
    CURL *easy = handle->easy;
    long version = options->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;

    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, handle));
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->why));
    must(curl_easy_setopt(easy, CURLOPT_CURLU, handle->url));
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    must(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version));
    must(curl_easy_setopt(easy, CURLOPT_PIPEWAIT, options->http2 ? 1L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->verify_tls ? 1L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->verify_tls ? 2L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_USERAGENT, "virtuoso-proxy/" VP_VERSION));
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
    must(curl_easy_setopt(easy, CURLOPT_WRITEDATA, handle));
    must(curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read));
    must(curl_easy_setopt(easy, CURLOPT_READDATA, handle));
    must(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, wire_open_socket));
    must(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, handle->upstream));
    must(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, wire_close_socket));
    must(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, handle->upstream));
    /* With a folder of certificates libcurl never keeps the parsed bundle: each new TLS connection
     * then reads all of them again (7 ms of CPU with Debian's). */
    if (options->ca_file.len > 0 || curl_version_info(CURLVERSION_NOW)->cainfo != NULL) {
        must(curl_easy_setopt(easy, CURLOPT_CAPATH, NULL));
    }
    if (options->ca_file.len > 0) {
        must(curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file.ptr));
    }
    if (upstream->bypass_proxy) {
        must(curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"));
    }
}

static void make_easy(struct upstream_handle *handle)
{
    handle->easy = curl_easy_init();
    CHECK(handle->easy != NULL);
    set_constants(handle);
    handle->spoiled = false;
}

static struct upstream_handle *handle_new(struct upstream *upstream)
{
    struct upstream_handle *handle = mem_zalloc(sizeof(*handle));

    handle->upstream = upstream;
    buf_init(&handle->path, PATH_MAX_BYTES);
    buf_init(&handle->lines, LINES_MAX);
    buf_init(&handle->body, upstream->options.max_reply_bytes);
    buf_init(&handle->meta, META_MAX);
    handle->url = curl_url_dup(upstream->base);
    CHECK(handle->url != NULL);
    make_easy(handle);
    upstream->n_handles++;
    return handle;
}

static void handle_free(struct upstream_handle *handle)
{
    handle->upstream->n_handles--;
    curl_easy_cleanup(handle->easy);
    curl_url_cleanup(handle->url);
    handle_forget_secret(handle);
    buf_done(&handle->path);
    buf_done(&handle->lines);
    buf_done(&handle->body);
    buf_done(&handle->meta);
    mem_free(handle);
}

struct upstream_handle *handle_take(struct upstream *upstream, struct upstream_call *call)
{
    struct list *link = list_take_first(&upstream->handles);
    struct upstream_handle *handle =
        link != NULL ? CONTAINER_OF(link, struct upstream_handle, link) : handle_new(upstream);

    if (handle->spoiled) {
        curl_easy_cleanup(handle->easy);
        make_easy(handle);
    }
    handle->call = call;
    handle->serial++;
    call->handle = handle;
    if (call->stream != NULL) {
        stream_set_up(handle);
    }
    return handle;
}

static void rest_buf(struct buf *buf, size_t max)
{
    if (buf->cap > KEEP_BODY_BYTES) {
        buf_done(buf);
        buf_init(buf, max);
    }
    buf_clear(buf);
}

void handle_give(struct upstream_handle *handle)
{
    struct upstream *upstream = handle->upstream;

    CHECK(!handle->in_multi);
    handle_forget_secret(handle);
    if (handle->streaming) {
        stream_tear_down(handle);
    }
    handle->call = NULL;
    rest_buf(&handle->body, upstream->options.max_reply_bytes);
    rest_buf(&handle->lines, LINES_MAX);
    list_prepend(&upstream->handles, &handle->link); /* the warmest first */
}

/* Not from handle_give: a stream's own delivery may still look at the handle it gave back. */
void handles_trim(struct upstream *upstream, unsigned n_keep)
{
    struct list *link;

    while (upstream->n_handles > n_keep && (link = list_take_first(&upstream->handles)) != NULL) {
        handle_free(CONTAINER_OF(link, struct upstream_handle, link));
    }
}

void handle_forget_secret(struct upstream_handle *handle)
{
    if (handle->authorization != NULL) {
        mem_wipe(handle->authorization, handle->authorization_len);
        mem_free(handle->authorization);
        handle->authorization = NULL;
        handle->authorization_node.data = NULL;
    }
}

/* The one place where a credential becomes readable. */
static struct curl_slist *add_authorization(struct upstream_handle *handle, struct curl_slist *next)
{
    const struct upstream_request *request = &handle->call->request;
    struct str bearer = request->token != NULL ? secret_reveal(request->token) : request->bearer;
    struct str name = STR("Authorization: Bearer ");

    if (bearer.len == 0) {
        return next;
    }
    handle->authorization_len = name.len + bearer.len + 1;
    handle->authorization = mem_alloc(handle->authorization_len);
    memcpy(handle->authorization, name.ptr, name.len);
    memcpy(handle->authorization + name.len, bearer.ptr, bearer.len);
    handle->authorization[name.len + bearer.len] = '\0';
    handle->authorization_node.data = handle->authorization;
    handle->authorization_node.next = next;
    return &handle->authorization_node;
}

/* Lines are appended to one buf and found again by their lengths when it no longer grows. */
struct line_writer {
    struct upstream_handle *handle;
    size_t n;
    size_t at[MAX_NODES];
};

static void add_line(struct line_writer *writer, const char *name, struct str value)
{
    struct buf *lines = &writer->handle->lines;

    CHECK(writer->n < MAX_NODES);
    writer->at[writer->n++] = lines->len;
    buf_text(lines, name);
    if (value.len > 0) {
        buf_text(lines, ": ");
        buf_str(lines, value);
    } else {
        buf_char(lines, ';'); /* libcurl's way to write an empty value */
    }
    buf_char(lines, '\0');
}

static void add_more(struct line_writer *writer, const struct upstream_header *header)
{
    struct buf *lines = &writer->handle->lines;

    CHECK(writer->n < MAX_NODES);
    writer->at[writer->n++] = lines->len;
    buf_str(lines, header->name);
    buf_text(lines, header->value.len > 0 ? ": " : ";");
    buf_str(lines, header->value);
    buf_char(lines, '\0');
}

static struct curl_slist *chain_lines(const struct line_writer *writer, struct curl_slist *tail)
{
    struct upstream_handle *handle = writer->handle;
    struct curl_slist *next = tail;

    CHECK(buf_ok(&handle->lines));
    for (size_t i = writer->n; i > 0; i--) {
        handle->nodes[i - 1].data = handle->lines.ptr + writer->at[i - 1];
        handle->nodes[i - 1].next = next;
        next = &handle->nodes[i - 1];
    }
    return next;
}

static bool has_body(const struct upstream_call *call)
{
    return call->request.body.len > 0 || (call->stream != NULL && call->stream->streams_body);
}

static void add_content_type(struct line_writer *writer, const struct upstream_call *call)
{
    if (call->request.content_type.len > 0) {
        add_line(writer, "Content-Type", call->request.content_type);
    } else if (has_body(call)) {
        add_line(writer, "Content-Type", STR("application/json"));
    } else {
        struct buf *lines = &writer->handle->lines;

        /* Keeps libcurl from calling an empty POST a form. */
        writer->at[writer->n++] = lines->len;
        buf_append(lines, "Content-Type:", sizeof("Content-Type:"));
    }
}

static void set_headers(struct upstream_handle *handle)
{
    const struct upstream_call *call = handle->call;
    const struct upstream_request *request = &call->request;
    struct line_writer writer = {.handle = handle};
    struct curl_slist *tail = &handle->upstream->tail[0];
    bool own_content_type = false;

    buf_clear(&handle->lines);
    for (size_t i = 0; i < request->n_headers; i++) {
        add_more(&writer, &request->headers[i]);
        if (str_is_nocase(request->headers[i].name, "accept")) {
            tail = handle->upstream->tail[0].next;
        }
        own_content_type =
            own_content_type || str_is_nocase(request->headers[i].name, "content-type");
    }
    if (!own_content_type) {
        add_content_type(&writer, call);
    }
    if (request->request_id.len > 0) {
        add_line(&writer, "X-Request-Id", request->request_id);
    }
    if (request->traceparent.len > 0) {
        add_line(&writer, "traceparent", request->traceparent);
    }
    if (handle->streaming && call->stream->streams_body && call->stream->body_length < 0) {
        add_line(&writer, "Transfer-Encoding", STR("chunked"));
    }
    must(curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER,
                          add_authorization(handle, chain_lines(&writer, tail))));
}

/* Method and body. A fresh connection where libcurl could repeat a change on a kept one. */
static void set_method(struct upstream_handle *handle)
{
    const struct upstream_call *call = handle->call;
    const struct upstream_request *request = &call->request;
    bool body = has_body(call);
    bool post = body || str_is(request->method, "POST");
    bool head = str_is(request->method, "HEAD") && !body;
    curl_off_t length = (curl_off_t)request->body.len;
    char method[24];

    if (call->stream != NULL && call->stream->streams_body) {
        length = call->stream->body_length;
    }
    memcpy(method, request->method.ptr, request->method.len);
    method[request->method.len] = '\0';
    must(curl_easy_setopt(handle->easy, CURLOPT_NOBODY, head ? 1L : 0L));
    if (post) {
        must(curl_easy_setopt(handle->easy, CURLOPT_POST, 1L));
        must(curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, body ? NULL : ""));
        must(curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, length));
    } else if (!head) {
        must(curl_easy_setopt(handle->easy, CURLOPT_HTTPGET, 1L));
    }
    must(curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, head ? NULL : method));
    must(curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT,
                          request->class != CALL_READ && !body ? 1L : 0L));
}

static void set_url(struct upstream_handle *handle)
{
    const struct upstream_request *request = &handle->call->request;
    struct buf *path = &handle->path;

    buf_clear(path);
    buf_str(path, handle->upstream->base_path);
    buf_str(path, request->path);
    must_url(curl_url_set(handle->url, CURLUPART_PATH, buf_cstr(path), 0));
    buf_clear(path);
    buf_str(path, request->query);
    must_url(curl_url_set(handle->url, CURLUPART_QUERY,
                          request->query.len > 0 ? buf_cstr(path) : NULL, 0));
}

void handle_prepare(struct upstream_handle *handle, unsigned timeout_ms)
{
    const struct upstream_request *request = &handle->call->request;
    size_t ceiling = request->max_reply_bytes;

    if (ceiling == 0) {
        ceiling = handle->upstream->options.max_reply_bytes;
    }
    buf_clear(&handle->body);
    handle->body.max = ceiling;
    handle->too_big = false;
    handle->body_at = 0;
    handle->body_asked = false;
    handle->why[0] = '\0';
    set_url(handle);
    set_headers(handle);
    set_method(handle);
    must(curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms));
    /* A stream passes the bytes on as they come; a reply is for us to read. */
    must(curl_easy_setopt(handle->easy, CURLOPT_ACCEPT_ENCODING,
                          handle->streaming ? NULL : "gzip, deflate"));
    must(curl_easy_setopt(handle->easy, CURLOPT_HEADERFUNCTION,
                          handle->streaming ? stream_on_header : NULL));
    must(curl_easy_setopt(handle->easy, CURLOPT_HEADERDATA, handle->streaming ? handle : NULL));
}

/* What came back, as texts of the handle's own. */
static struct str header_of(struct upstream_handle *handle, const char *name)
{
    struct curl_header *header = NULL;

    if (curl_easy_header(handle->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return STR_EMPTY;
    }
    return str_from(header->value);
}

void handle_read_reply(struct upstream_handle *handle)
{
    struct upstream_reply *reply = &handle->call->reply;
    struct str texts[3];
    struct str *outs[3] = {&reply->content_type, &reply->location, &reply->etag};
    curl_off_t retry_after_s = 0;
    long status = 0;
    size_t at = 0;

    must(curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status));
    must(curl_easy_getinfo(handle->easy, CURLINFO_RETRY_AFTER, &retry_after_s));
    reply->status = (int)status;
    reply->retry_after_s =
        retry_after_s > 0 && retry_after_s < UINT32_MAX ? (unsigned)retry_after_s : 0;
    reply->body = handle->streaming ? STR_EMPTY : buf_view(&handle->body);
    texts[0] = header_of(handle, "Content-Type");
    texts[1] = header_of(handle, "Location");
    texts[2] = header_of(handle, "ETag");
    buf_clear(&handle->meta);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        texts[i] = str_sub(texts[i], 0, META_MAX / 4);
        buf_str(&handle->meta, texts[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *outs[i] = str_sub(buf_view(&handle->meta), at, texts[i].len);
        at += texts[i].len;
    }
}

bool handle_may_have_left(const struct upstream_handle *handle)
{
    long request_bytes = 0;

    must(curl_easy_getinfo(handle->easy, CURLINFO_REQUEST_SIZE, &request_bytes));
    return request_bytes > 0 || handle->body_asked;
}
