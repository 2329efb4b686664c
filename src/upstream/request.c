/* Checks before admission: what cannot be sent as it stands is refused, never repaired. */
#include "upstream_internal.h"

#include <string.h>

static bool is_visible(struct str s, const char *refused)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || strchr(refused, s.ptr[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static bool is_header_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
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
        !is_header_value(header->value)) {
        return error_set(err, ERR_INVALID, "a header for the platform is not sendable: \"%.*s\"",
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

enum error_code request_check(const struct upstream_request *request, struct error *err)
{
    struct str bearer = request->token != NULL ? secret_reveal(request->token) : request->bearer;

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
    if (!is_visible(bearer, "") || !is_visible(request->request_id, "") ||
        !is_visible(request->traceparent, "") || !is_header_value(request->content_type)) {
        return error_set(err, ERR_INVALID,
                         "a header value for the platform holds a character that no header may");
    }
    if (request->n_headers > UPSTREAM_MAX_HEADERS) {
        return error_set(err, ERR_INVALID, "more than %d headers for the platform",
                         UPSTREAM_MAX_HEADERS);
    }
    return headers_check(request->headers, request->n_headers, err);
}
