/* The guard in front of llhttp, line by line as the bytes come, and the reading of a complete head.
 *
 * llhttp 8.1.0 (Debian 12), even in strict mode, lets through: a bare CR in a header
 * (CVE-2023-30589), folded headers (CVE-2024-27982), a request line without a version, two Hosts or
 * none on HTTP/1.1, and Transfer-Encoding on HTTP/1.0. Each of them makes two programs disagree
 * about where a request ends or whom it is for. Here every line must end in CRLF with no other CR,
 * the first line must have a version, no line may begin with white space, and framing headers must
 * leave one reading only (RFC 9112 sections 2.2, 3, 6). */
#include <string.h>

#include "http_internal.h"

enum { LENGTH_DIGITS_MAX = 18, LEADING_LINES_MAX = 2 };

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return s.len > 0;
}

/* --- line by line
 * ------------------------------------------------------------------------------------ */

static enum head_verdict bad(struct error *err, const char *what)
{
    (void)error_set(err, ERR_BAD_REQUEST, "%s", what);
    return HEAD_BAD;
}

static enum head_verdict check_line(struct str line, struct error *err)
{
    if (line.len == 0 || line.ptr[line.len - 1] != '\r') {
        return bad(err, "A line of the request head ends without CR");
    }
    line.len--;
    if (str_find_char(line, '\r') >= 0) {
        return bad(err, "A CR stands inside a line of the request head");
    }
    if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
        return bad(
            err,
            "A line of the request head begins with white space (folded headers are not taken)");
    }
    return HEAD_MORE;
}

static enum head_verdict too_long(const struct http_server_options *options, struct str bytes,
                                  struct error *err)
{
    ptrdiff_t first = str_find_char(bytes, '\n');
    size_t line = first < 0 ? bytes.len : (size_t)first;

    if (line > options->max_request_line) {
        (void)error_set(err, ERR_URI_TOO_LONG, "The request line is longer than %zu bytes",
                        options->max_request_line);
        return HEAD_BAD;
    }
    if (bytes.len - line > options->max_header_bytes + 2) {
        (void)error_set(err, ERR_HEADERS_TOO_BIG, "The header fields are longer than %zu bytes",
                        options->max_header_bytes);
        return HEAD_BAD;
    }
    return HEAD_MORE;
}

/* Empty lines before the request line are skipped (RFC 9112 section 2.2), two at most. */
static size_t leading(struct str bytes)
{
    size_t n = 0;

    while (n < (size_t)LEADING_LINES_MAX * 2 && str_starts(str_sub(bytes, n, 2), STR("\r\n"))) {
        n += 2;
    }
    return n;
}

enum head_verdict head_scan(const struct http_server_options *options, struct str bytes,
                            size_t *scanned, size_t *out_len, struct error *err)
{
    size_t begin = leading(bytes);

    if (*scanned < begin) {
        *scanned = begin;
    }
    for (;;) {
        struct str rest = str_sub(bytes, *scanned, bytes.len);
        ptrdiff_t at = str_find_char(rest, '\n');
        struct str line;

        if (at < 0) {
            ptrdiff_t cr = str_find_char(rest, '\r');

            if (cr >= 0 && (size_t)cr + 1 < rest.len) {
                return bad(err, "A CR stands inside a line of the request head");
            }
            return too_long(options, str_sub(bytes, begin, bytes.len), err);
        }
        line = str_sub(rest, 0, (size_t)at);
        if (check_line(line, err) == HEAD_BAD) {
            return HEAD_BAD;
        }
        *scanned += (size_t)at + 1;
        if (line.len == 1) {
            *out_len = *scanned;
            return too_long(options, str_sub(bytes, begin, *scanned - begin), err) == HEAD_BAD
                       ? HEAD_BAD
                       : HEAD_COMPLETE;
        }
    }
}

/* --- the request line
 * -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum error_code parse_version(struct str version, struct http_request *out,
                                     struct error *err)
{
    if (version.len != 8 || !str_starts(version, STR("HTTP/")) || version.ptr[6] != '.' ||
        !is_digit(version.ptr[5]) || !is_digit(version.ptr[7])) {
        return error_set(err, ERR_BAD_REQUEST, "The request line must end in HTTP/1.1 or HTTP/1.0");
    }
    if (version.ptr[5] != '1' || (version.ptr[7] != '0' && version.ptr[7] != '1')) {
        return error_set(err, ERR_HTTP_VERSION, "Only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    out->minor_version = version.ptr[7] - '0';
    return ERR_OK;
}

static bool method_known(struct str method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(method, known[i])) {
            return true;
        }
    }
    return false;
}

/* Origin-form, "*" for OPTIONS, or absolute-form reduced to its path (RFC 9112 section 3.2). */
static enum error_code parse_target(struct str target, struct http_request *out, struct error *err)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= ' ' || c >= 0x7F || c == '#') {
            return error_set(err, ERR_BAD_REQUEST,
                             "The request target holds a character that must be percent-encoded");
        }
    }
    if (str_starts_nocase(target, STR("http://")) || str_starts_nocase(target, STR("https://"))) {
        struct str rest =
            str_sub(target, str_starts_nocase(target, STR("https")) ? 8 : 7, target.len);
        ptrdiff_t slash = str_find_char(rest, '/');

        target = slash < 0 ? STR("/") : str_sub(rest, (size_t)slash, rest.len);
    }
    if (target.len == 0 ||
        (target.ptr[0] != '/' && !(str_is(target, "*") && str_is(out->method, "OPTIONS")))) {
        return error_set(err, ERR_BAD_REQUEST, "The request target must begin with a slash");
    }
    out->target = target;
    (void)str_cut(target, '?', &out->path, &out->query);
    return ERR_OK;
}

static enum error_code parse_request_line(struct str line, struct http_request *out,
                                          struct error *err)
{
    struct str target;
    struct str version;
    enum error_code code;

    if (!str_cut(line, ' ', &out->method, &target) || !is_token(out->method)) {
        return error_set(err, ERR_BAD_REQUEST, "The request line must be: METHOD TARGET HTTP/1.1");
    }
    if (!str_cut(target, ' ', &target, &version)) {
        return error_set(err, ERR_BAD_REQUEST, "The request line has no HTTP version");
    }
    code = parse_version(version, out, err);
    if (code == ERR_OK) {
        code = parse_target(target, out, err);
    }
    if (code == ERR_OK && !method_known(out->method)) {
        return error_set(err, ERR_METHOD_UNKNOWN, "The method %.*s is not known here",
                         (int)(out->method.len < 32 ? out->method.len : 32), out->method.ptr);
    }
    return code;
}

/* --- header fields
 * ----------------------------------------------------------------------------------- */

static enum error_code parse_field(struct str line, struct http_header *out, struct error *err)
{
    if (!str_cut(line, ':', &out->name, &out->value) || !is_token(out->name)) {
        return error_set(err, ERR_BAD_REQUEST, "A header line is no \"Name: value\"");
    }
    out->value = str_trim(out->value);
    for (size_t i = 0; i < out->value.len; i++) {
        unsigned char c = (unsigned char)out->value.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return error_set(err, ERR_BAD_REQUEST,
                             "A control character stands in the value of a header");
        }
    }
    return ERR_OK;
}

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (strchr(" \t,/\\@?#\"<>{}|^`", host.ptr[i]) != NULL ||
            (unsigned char)host.ptr[i] >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* What the framing and routing headers of one request say, counted. */
struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    bool chunked;
    bool close;
    bool keep_alive;
};

static enum error_code take_length(struct str value, struct http_request *out, struct error *err)
{
    if (value.len > LENGTH_DIGITS_MAX || !str_to_i64(value, 0, INT64_MAX, &out->content_length) ||
        value.ptr[0] == '-') {
        return error_set(err, ERR_BAD_REQUEST, "Content-Length is no number of bytes");
    }
    return ERR_OK;
}

static void take_connection(struct str value, struct framing *framing)
{
    struct str option;

    while (str_next(&value, ',', &option)) {
        option = str_trim(option);
        framing->close = framing->close || str_is_nocase(option, "close");
        framing->keep_alive = framing->keep_alive || str_is_nocase(option, "keep-alive");
    }
}

static enum error_code take_field(const struct http_header *field, struct http_request *out,
                                  struct framing *framing, struct error *err)
{
    if (str_is_nocase(field->name, "Host")) {
        framing->hosts++;
        return is_host(field->value)
                   ? ERR_OK
                   : error_set(err, ERR_BAD_REQUEST, "The Host header is no host");
    }
    if (str_is_nocase(field->name, "Content-Length")) {
        framing->lengths++;
        return take_length(field->value, out, err);
    }
    if (str_is_nocase(field->name, "Transfer-Encoding")) {
        framing->encodings++;
        framing->chunked = str_is_nocase(field->value, "chunked");
        return ERR_OK;
    }
    if (str_is_nocase(field->name, "Connection")) {
        take_connection(field->value, framing);
        return ERR_OK;
    }
    if (str_is_nocase(field->name, "Expect")) {
        out->expects_continue = true;
        return str_is_nocase(field->value, "100-continue")
                   ? ERR_OK
                   : error_set(err, ERR_EXPECTATION,
                               "The only expectation that can be met is 100-continue");
    }
    return ERR_OK;
}

static enum error_code judge(const struct framing *framing, struct http_request *out,
                             struct error *err)
{
    if (framing->hosts > 1 || (framing->hosts == 0 && out->minor_version == 1)) {
        return error_set(err, ERR_BAD_REQUEST,
                         "An HTTP/1.1 request must have exactly one Host header");
    }
    if (framing->encodings > 0 && out->minor_version == 0) {
        return error_set(err, ERR_BAD_REQUEST, "Transfer-Encoding does not exist in HTTP/1.0");
    }
    if (framing->encodings > 0 && framing->lengths > 0) {
        return error_set(err, ERR_BAD_REQUEST,
                         "Content-Length and Transfer-Encoding exclude each other");
    }
    if (framing->lengths > 1 || framing->encodings > 1) {
        return error_set(err, ERR_BAD_REQUEST, "Content-Length or Transfer-Encoding stands twice");
    }
    if (framing->encodings == 1 && !framing->chunked) {
        return error_set(err, ERR_METHOD_UNKNOWN, "The only Transfer-Encoding taken is chunked");
    }
    if (framing->encodings == 1) {
        out->content_length = -1;
    }
    out->has_body = out->content_length != 0;
    out->keep_alive = !framing->close && (out->minor_version == 1 || framing->keep_alive);
    out->expects_continue = out->expects_continue && out->minor_version == 1;
    return ERR_OK;
}

static bool next_line(struct str *rest, struct str *out_line)
{
    bool found = str_cut(*rest, '\n', out_line, rest);

    if (found && out_line->len > 0) {
        out_line->len--; /* the CR */
    }
    return found && out_line->len > 0;
}

enum error_code head_parse(const struct http_server_options *options, struct str head,
                           struct http_request *out, struct error *err)
{
    struct framing framing = {0};
    struct str rest = str_sub(head, leading(head), head.len);
    struct str line = STR_EMPTY;
    enum error_code code;

    (void)next_line(&rest, &line);
    code = parse_request_line(line, out, err);
    while (code == ERR_OK && next_line(&rest, &line)) {
        struct http_header *field = &out->headers[out->n_headers];

        if (out->n_headers >= options->max_headers || out->n_headers >= HTTP_MAX_HEADERS) {
            return error_set(err, ERR_HEADERS_TOO_BIG, "More than %u header fields",
                             options->max_headers);
        }
        code = parse_field(line, field, err);
        if (code == ERR_OK) {
            code = take_field(field, out, &framing, err);
            out->n_headers++;
        }
    }
    return code == ERR_OK ? judge(&framing, out, err) : code;
}
