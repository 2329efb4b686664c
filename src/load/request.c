/* Makes the bytes of requests: once, if all requests are alike. */
#include "load_internal.h"

#include "base/mem.h"

enum { HEAD_MAX = 64 * 1024, SHOWN_MAX = 60 };

static const struct str id_place = STR_INIT(ID_PLACE);

/* Fields that say where the body ends and whether the connection is kept: only the generator sets them. */
static bool is_ours(struct str name)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                       "Expect", "Upgrade"};

    return str_in_nocase(name, ours, ARRAY_LEN(ours));
}

static enum error_code put_header(struct buf *out, struct str line, struct error *err)
{
    struct str name;
    struct str value;

    if (!str_cut(line, ':', &name, &value) || !str_is_token(name) || !str_is_one_line(value)) {
        return error_set(err, ERR_INVALID, "\"%.*s\" is no header; write \"Name: value\"",
                         STR_ARG(str_sub(line, 0, SHOWN_MAX)));
    }
    if (is_ours(name)) {
        return error_set(err, ERR_INVALID, "the header %.*s is set by load itself", STR_ARG(name));
    }
    buf_str(out, name);
    buf_text(out, ": ");
    buf_str(out, str_trim(value));
    buf_text(out, "\r\n");
    return ERR_OK;
}

static bool has_header(const struct load_options *options, const char *wanted)
{
    struct str name;
    struct str value;

    for (size_t i = 0; i < options->n_headers; i++) {
        (void)str_cut(options->headers[i], ':', &name, &value);
        if (str_is_nocase(name, wanted)) {
            return true;
        }
    }
    return false;
}

static enum error_code put_fields(struct request *request, const struct load_options *options,
                                  const struct target *target, struct error *err)
{
    enum error_code code = ERR_OK;

    if (!has_header(options, "Host")) {
        buf_text(&request->head, "Host: ");
        buf_str(&request->head, target->authority);
        buf_text(&request->head, "\r\n");
    }
    if (options->bearer.len > 0) {
        buf_text(&request->head, "Authorization: Bearer ");
        buf_str(&request->head, options->bearer);
        buf_text(&request->head, "\r\n");
    }
    if (options->has_body && !has_header(options, "Content-Type")) {
        buf_text(&request->head, "Content-Type: application/json\r\n");
    }
    for (size_t i = 0; i < options->n_headers && code == ERR_OK; i++) {
        code = put_header(&request->head, options->headers[i], err);
    }
    if (code == ERR_OK && !buf_ok(&request->head)) {
        code = error_set(err, ERR_INVALID, "the headers are longer than 64 KiB");
    }
    return code;
}

static size_t count_ids(struct str text)
{
    size_t n = 0;
    ptrdiff_t at;

    while ((at = str_find(text, id_place)) >= 0) {
        text = str_sub(text, (size_t)at + id_place.len, text.len);
        n++;
    }
    return n;
}

void put_with_id(struct buf *out, struct str text, struct str id)
{
    ptrdiff_t at;

    while ((at = str_find(text, id_place)) >= 0) {
        buf_str(out, str_sub(text, 0, (size_t)at));
        buf_str(out, id);
        text = str_sub(text, (size_t)at + id_place.len, text.len);
    }
    buf_str(out, text);
}

static void put_request(const struct request *request, struct str id, struct buf *out)
{
    buf_clear(out);
    put_with_id(out, buf_view(&request->start), id);
    buf_str(out, buf_view(&request->head));
    if (request->has_body) {
        size_t n_ids = request->has_id ? count_ids(request->body) : 0;

        buf_text(out, "Content-Length: ");
        buf_int(out, (int64_t)(request->body.len + n_ids * id.len - n_ids * id_place.len));
        buf_text(out, "\r\n");
    }
    buf_text(out, "\r\n");
    put_with_id(out, request->body, request->has_id ? id : id_place);
}

enum error_code request_init(struct request *request, const struct load_options *options,
                             const struct target *target, struct error *err)
{
    bool has_place = count_ids(target->path) + count_ids(options->body) > 0;
    enum error_code code;

    *request = (struct request){.body = options->body,
                                .has_body = options->has_body,
                                .first_id = options->first_id,
                                .last_id = options->last_id,
                                .next_id = options->first_id};
    buf_init(&request->start, HEAD_MAX + LOAD_MAX_BODY);
    buf_init(&request->head, HEAD_MAX);
    request->has_id = options->last_id != 0;
    if (!str_is_token(options->method)) {
        return error_set(err, ERR_INVALID, "\"%.*s\" is no method",
                         STR_ARG(str_sub(options->method, 0, SHOWN_MAX)));
    }
    if (request->has_id && !has_place) {
        return error_set(err, ERR_INVALID,
                         "there are ids, but {id} stands neither in the URL nor in the body");
    }
    if (options->body.len > LOAD_MAX_BODY) {
        return error_set(err, ERR_INVALID, "the body is longer than 16 MiB");
    }
    buf_str(&request->start, options->method);
    buf_text(&request->start, str_starts(target->path, STR("/")) ? " " : " /");
    buf_str(&request->start, target->path);
    buf_text(&request->start, " HTTP/1.1\r\n");
    code = put_fields(request, options, target, err);
    if (code == ERR_OK && !request->has_id) {
        struct buf whole;

        buf_init(&whole, 2 * HEAD_MAX + LOAD_MAX_BODY);
        put_request(request, id_place, &whole);
        buf_clear(&request->start);
        buf_str(&request->start, buf_view(&whole));
        mem_wipe(whole.ptr, whole.len);
        buf_done(&whole);
    }
    return code;
}

static void wipe(struct buf *buf)
{
    if (buf->ptr != NULL) {
        mem_wipe(buf->ptr, buf->len); /* it holds the bearer token */
    }
    buf_done(buf);
}

void request_done(struct request *request)
{
    wipe(&request->start);
    wipe(&request->head);
}

struct str request_next(struct request *request, struct buf *own)
{
    char digits[DIGITS_MAX];

    if (!request->has_id) {
        return buf_view(&request->start);
    }
    put_request(request, str_of_int(request->next_id, digits), own);
    request->next_id =
        request->next_id < request->last_id ? request->next_id + 1 : request->first_id;
    return buf_view(own);
}
