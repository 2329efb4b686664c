/* The guard in front of llhttp, line by line as the bytes come, and the reading of a complete head.
 *
 * llhttp 8.1.0 (Debian 12), even in strict mode, lets through: a bare CR in a header
 * (CVE-2023-30589), folded headers (CVE-2024-27982), a request line without a version, two Hosts or
 * none on HTTP/1.1, and Transfer-Encoding on HTTP/1.0. Each of them makes two programs disagree
 * about where a request ends or whom it is for. Here every line must end in CRLF with no other CR,
 * the first line must have a version, no line may begin with white space, and framing headers must
 * leave one reading only (RFC 9112 sections 2.2, 3, 6). */
#include "parser.h"

#include "base/host.h"
#include "base/json_plain.h"
#include "base/mem.h"

enum { HOST_KEPT = 128, LENGTH_DIGITS_MAX = 18, LEADING_LINES_BYTES = 4, CRLF_BYTES = 2 };

/* ---- line by line ---- */

static enum parser_event bad(struct error *err, const char *what)
{
    (void)error_set(err, ERR_BAD_REQUEST, "%s", what);
    return PARSER_BAD;
}

static enum parser_event too_long(const struct head_scan *scan,
                                  const struct http_server_options *options, struct error *err)
{
    if (scan->first_end == 0) {
        (void)error_set(err, ERR_URI_TOO_LONG, "The request line is longer than %zu bytes",
                        options->max_request_line);
    } else {
        (void)error_set(err, ERR_HEADERS_TOO_BIG, "The header fields are longer than %zu bytes",
                        options->max_header_bytes);
    }
    return PARSER_BAD;
}

/* Where the part in hand (request line, or all fields) must have ended. */
static size_t limit_of(const struct head_scan *scan, const struct http_server_options *options)
{
    return scan->first_end == 0 ? scan->begin + options->max_request_line + CRLF_BYTES
                                : scan->first_end + options->max_header_bytes + CRLF_BYTES;
}

/* The line that begins at scan->line, as far as it is there. PARSER_HEAD: it is complete, and
 * scan->at is behind it. Faults are found in the order of the bytes, so that it does not matter how
 * many bytes came at once. */
static enum parser_event scan_line(struct head_scan *scan, struct str bytes, struct error *err)
{
    struct str rest = str_sub(bytes, scan->at, bytes.len);
    ptrdiff_t lf = str_find_char(rest, '\n');
    struct str seen = str_sub(rest, 0, lf < 0 ? rest.len : (size_t)lf);
    ptrdiff_t cr = str_find_char(seen, '\r');

    if (scan->line < bytes.len && (bytes.ptr[scan->line] == ' ' || bytes.ptr[scan->line] == '\t')) {
        return bad(
            err,
            "A line of the request head begins with white space (folded headers are not taken)");
    }
    if (cr >= 0 && (size_t)cr + 1 < seen.len) {
        return bad(err, "A CR stands inside a line of the request head");
    }
    if (lf >= 0 && cr < 0) {
        return bad(err, "A line of the request head ends without CR");
    }
    if (lf < 0) {
        scan->at += cr >= 0 ? (size_t)cr : rest.len; /* the CR is looked at again with its LF */
        return PARSER_MORE;
    }
    scan->at += (size_t)lf + 1;
    return PARSER_HEAD;
}

/* Empty lines before the request line are skipped (RFC 9112 section 2.2), two at most. */
enum parser_event head_scan_next(struct head_scan *scan, const struct http_server_options *options,
                                 struct str bytes, struct str *out_piece, struct error *err)
{
    for (;;) {
        struct str window = str_sub(bytes, 0, limit_of(scan, options));
        enum parser_event event = scan_line(scan, window, err);
        bool is_empty = scan->at - scan->line == CRLF_BYTES;

        if (event == PARSER_MORE) {
            return window.len < bytes.len ? too_long(scan, options, err) : PARSER_MORE;
        }
        if (event == PARSER_BAD) {
            return PARSER_BAD;
        }
        scan->line = scan->at;
        if (scan->first_end == 0 && is_empty) {
            if (scan->at > LEADING_LINES_BYTES) {
                return bad(err, "There are empty lines where the request line should be");
            }
            scan->begin = scan->at;
        } else if (is_empty) {
            *out_piece = str_sub(bytes, scan->begin, scan->at - scan->begin);
            return PARSER_HEAD;
        } else if (scan->first_end == 0) {
            scan->first_end = scan->at;
        }
    }
}

/* ---- the request line ---- */

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

/* The absolute-form without its scheme and host; what is left may begin with "/", "?" or be empty.
 */
static enum error_code take_authority(struct str *target, struct http_request *out,
                                      struct error *err)
{
    struct str rest =
        str_sub(*target, str_starts_nocase(*target, STR("https")) ? 8 : 7, target->len);
    size_t len = 0;

    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?') {
        len++;
    }
    out->host = str_sub(rest, 0, len);
    *target = str_sub(rest, len, rest.len);
    return len > 0 && rest.ptr[0] != ':' && authority_is_sound(out->host)
               ? ERR_OK
               : error_set(err, ERR_BAD_REQUEST, "The request target does not name a host");
}

bool is_field_value(struct str value)
{
    return str_is_one_line(str_sub(value, json_plain_len(value), value.len));
}

/* Most requests name the same host as the request before: that host is not checked again. */
static bool names_sound_host(struct str host)
{
    static char last[HOST_KEPT];
    static size_t last_len;

    if (host.len == last_len && last_len > 0 && memcmp(host.ptr, last, last_len) == 0) {
        return true;
    }
    if (!authority_is_sound(host)) {
        return false;
    }
    if (host.len <= sizeof(last)) {
        mem_copy(last, host.ptr, host.len);
        last_len = host.len;
    }
    return true;
}

/* Origin-form, "*" for OPTIONS, or absolute-form (RFC 9112 section 3.2), where an empty path means
 * "/", and for OPTIONS without a query the whole server. The authority-form belongs to CONNECT,
 * which is not served. */
static enum error_code parse_target(struct str target, struct http_request *out, struct error *err)
{
    bool is_absolute =
        target.len > 0 && target.ptr[0] != '/' &&
        (str_starts_nocase(target, STR("http://")) || str_starts_nocase(target, STR("https://")));
    bool is_quick = json_plain_len(target) == target.len && str_find_char(target, '#') < 0 &&
                    str_find_char(target, ' ') < 0;

    for (size_t i = 0; i < target.len && !is_quick; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= ' ' || c >= 0x7F || c == '#') {
            return error_set(err, ERR_BAD_REQUEST,
                             "The request target holds a character that must be percent-encoded");
        }
    }
    if (is_absolute && take_authority(&target, out, err) != ERR_OK) {
        return ERR_BAD_REQUEST;
    }
    if (!is_absolute && !str_starts(target, STR("/")) &&
        !(str_is(target, "*") && str_is(out->method, "OPTIONS"))) {
        return error_set(err, ERR_BAD_REQUEST, "The request target must begin with a slash");
    }
    out->target = target;
    (void)str_cut(target, '?', &out->path, &out->query);
    if (out->path.len == 0) {
        out->path = target.len == 0 && str_is(out->method, "OPTIONS") ? STR("*") : STR("/");
    }
    return ERR_OK;
}

static enum error_code parse_request_line(struct str line, struct http_request *out,
                                          struct error *err)
{
    static const char *const methods[] = {"OPTIONS", "HEAD", "DELETE", "PATCH",
                                          "PUT",     "GET",  "POST"};
    struct str target;
    struct str version;
    enum error_code code;

    if (!str_cut(line, ' ', &out->method, &target) || !str_is_token(out->method)) {
        return error_set(err, ERR_BAD_REQUEST, "The request line must be: METHOD TARGET HTTP/1.1");
    }
    if (!str_cut(target, ' ', &target, &version)) {
        return error_set(err, ERR_BAD_REQUEST, "The request line has no HTTP version");
    }
    code = parse_version(version, out, err);
    if (code == ERR_OK) {
        code = parse_target(target, out, err);
    }
    if (code == ERR_OK && !str_in(out->method, methods, ARRAY_LEN(methods))) {
        return error_set(err, ERR_METHOD_UNKNOWN, "The method %.*s is not known here",
                         (int)(out->method.len < 32 ? out->method.len : 32), out->method.ptr);
    }
    return code;
}

/* ---- header fields ---- */

static enum error_code parse_field(struct str line, struct http_header *out, struct error *err)
{
    if (!str_cut(line, ':', &out->name, &out->value) || !str_is_token(out->name)) {
        return error_set(err, ERR_BAD_REQUEST, "A header line is not \"Name: value\"");
    }
    if (!is_field_value(out->value)) {
        return error_set(err, ERR_BAD_REQUEST,
                         "A control character stands in the value of a header");
    }
    out->value = str_trim(out->value); /* of blanks and tabs: nothing else is left to trim */
    return ERR_OK;
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
        out->host = out->host.len > 0 ? out->host : field->value; /* RFC 9112 section 3.2.2 */
        return names_sound_host(field->value)
                   ? ERR_OK
                   : error_set(err, ERR_BAD_REQUEST,
                               "The Host header must be HOST or HOST:PORT, with an IPv6 address in "
                               "brackets");
    }
    if (str_is_nocase(field->name, "Content-Length")) {
        framing->lengths++;
        return field->value.len <= LENGTH_DIGITS_MAX && !str_starts(field->value, STR("-")) &&
                       str_to_i64(field->value, 0, INT64_MAX, &out->content_length)
                   ? ERR_OK
                   : error_set(err, ERR_BAD_REQUEST, "Content-Length is no number of bytes");
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
                         "Content-Length and Transfer-Encoding must not be sent together");
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

/* Counts the field that was written behind the last one. */
static void note_field(struct http_request *out)
{
    out->name_lengths |= UINT64_C(1) << (out->headers[out->n_headers].name.len % 64);
    out->n_headers++;
}

enum error_code head_parse(const struct http_server_options *options, struct str head,
                           struct http_request *out, struct error *err)
{
    struct framing framing = {0};
    struct str rest = head;
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
            note_field(out);
        }
    }
    return code == ERR_OK ? judge(&framing, out, err) : code;
}

static size_t count_fields(const struct http_request *request, struct str name)
{
    size_t n = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        n += str_eq_nocase(request->headers[i].name, name) ? 1 : 0;
    }
    return n;
}

static const char *const peeked[] = {"Origin", "X-Request-Id"};

enum { PEEKED_LINES = 2 /* of each: a second one takes its meaning from the first */ };

void head_peek(struct str bytes, struct http_request *out)
{
    size_t n_seen[ARRAY_LEN(peeked)] = {0};
    struct str rest = bytes;
    struct str line;

    /* The refusal may be for too many fields: the last ones make room for those that the answer needs. */
    if (out->n_headers > HTTP_MAX_HEADERS - PEEKED_LINES * ARRAY_LEN(peeked)) {
        out->n_headers = HTTP_MAX_HEADERS - PEEKED_LINES * ARRAY_LEN(peeked);
    }
    (void)str_cut(rest, '\n', &line, &rest);
    while (next_line(&rest, &line)) {
        struct error ignored = {0};
        struct http_header field;

        if (parse_field(line, &field, &ignored) != ERR_OK) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(peeked); i++) {
            bool is_it = str_is_nocase(field.name, peeked[i]);

            n_seen[i] += is_it ? 1 : 0;
            if (is_it && n_seen[i] <= PEEKED_LINES && count_fields(out, field.name) < n_seen[i]) {
                out->headers[out->n_headers] = field;
                note_field(out);
            }
        }
    }
}
