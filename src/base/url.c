#include "base/url.h"

#include "base/host.h"

enum { PORT_MAX = 65535 };

/* A character that may stand in a URL as it is (RFC 3986); all others must be percent-encoded. */
static bool is_url_char(char c)
{
    return c > ' ' && c <= '~' && str_find_char(STR("\"<>\\^`{|}"), c) < 0;
}

/* The text before the first of the characters; afterwards `*rest` begins with that character. */
static struct str take_until(struct str *rest, const char *ends)
{
    size_t n = 0;
    struct str taken;

    while (n < rest->len && str_find_char(str_from(ends), rest->ptr[n]) < 0) {
        n++;
    }
    taken = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return taken;
}

/* [USER[:PASSWORD]@]HOST[:PORT] */
static enum error_code read_authority(struct str text, struct url *out, struct error *err)
{
    size_t at = str_behind_last(text, '@');
    int64_t port;

    out->has_user = at > 0;
    text = str_sub(text, at, text.len);
    authority_split(text, &out->host, &out->port);
    if (out->host.len == 0) {
        return error_set(err, ERR_INVALID, "it names no host");
    }
    if (!host_is_sound(out->host)) {
        return error_set(err, ERR_INVALID,
                         "its host is neither a name (letters, digits and hyphens between single "
                         "dots) nor an IP address");
    }
    if (text.len > out->host.len && !str_to_i64(out->port, 1, PORT_MAX, &port)) {
        return error_set(err, ERR_INVALID, "its port is not a number from 1 to %d", PORT_MAX);
    }
    return ERR_OK;
}

enum error_code url_read(struct str text, struct url *out, struct error *err)
{
    struct url url = {0};
    size_t scheme_len = str_starts_nocase(text, STR("http://"))    ? 4
                        : str_starts_nocase(text, STR("https://")) ? 5
                                                                   : 0;
    enum error_code code;

    if (scheme_len == 0) {
        return error_set(err, ERR_INVALID, "it does not begin with http:// or https://");
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_url_char(text.ptr[i])) {
            return error_set(err, ERR_INVALID,
                             "character %zu cannot stand in a URL unless it is percent-encoded",
                             i + 1);
        }
    }
    url.scheme = str_sub(text, 0, scheme_len);
    text = str_sub(text, scheme_len + 3, text.len);
    code = read_authority(take_until(&text, "/?#"), &url, err);
    if (code != ERR_OK) {
        return code;
    }
    url.path = take_until(&text, "?#");
    url.has_query = text.len > 0 && text.ptr[0] == '?';
    (void)take_until(&text, "#");
    url.has_fragment = text.len > 0;
    *out = url;
    return ERR_OK;
}

void url_split(struct str text, struct str *out_origin, struct str *out_path, struct str *out_query)
{
    size_t scheme = (size_t)str_find(text, STR("://")) + 3;
    struct str rest = str_sub(text, scheme, text.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str fragment;

    *out_origin = slash < 0 ? text : str_sub(text, 0, scheme + (size_t)slash);
    rest = slash < 0 ? STR("/") : str_sub(rest, (size_t)slash, rest.len);
    (void)str_cut(rest, '#', &rest, &fragment);
    (void)str_cut(rest, '?', out_path, out_query);
}

struct str url_shown(struct str text, size_t max)
{
    size_t user_ends = str_behind_last(text, '@');

    for (size_t i = str_starts(text, STR("//")) ? 2 : 0; i < user_ends && text.ptr[i] != '/'; i++) {
        if (text.ptr[i] == ':') {
            return STR("***");
        }
    }
    return str_sub(text, 0, max);
}
