/* Reads the URL, finds its host, and checks whether that is this machine. */
#include <netdb.h>
#include <string.h>

#include "base/address.h"
#include "base/host.h"
#include "base/url.h"
#include "load_internal.h"

enum { HOST_MAX = 256, SHOWN_MAX = 80 };

static enum error_code resolve(const struct url *url, struct target *out, struct error *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct str name = url->host;
    char host[HOST_MAX];
    char port[8];
    int code;

    if (str_starts(name, STR("["))) {
        name = str_sub(name, 1, name.len - 2);
    }
    if (name.len >= HOST_MAX) {
        return error_set(err, ERR_INVALID, "the name of the host is too long");
    }
    str_copy(host, sizeof(host), name);
    str_copy(port, sizeof(port), url->port.len > 0 ? url->port : STR("80"));
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0 || found == NULL) {
        return error_set(err, ERR_IO, "cannot find the host %s: %s", host, gai_strerror(code));
    }
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_OK;
}

/* What stands behind "http://", up to the path. */
static struct str authority_of(struct str text, struct str *out_path)
{
    ptrdiff_t scheme = str_find(text, STR("://"));
    struct str rest = str_sub(text, scheme < 0 ? 0 : (size_t)scheme + 3, text.len);
    size_t n = 0;

    while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?') {
        n++;
    }
    *out_path = str_sub(rest, n, rest.len);
    return str_sub(rest, 0, n);
}

static enum error_code judge(const struct url *url, struct str path, struct error *err)
{
    if (!str_is_nocase(url->scheme, "http")) {
        return error_set(err, ERR_INVALID,
                         "the URL must begin with http://: TLS would measure this program's own "
                         "cryptography, too");
    }
    if (url->has_user || url->has_fragment) {
        return error_set(err, ERR_INVALID,
                         "the URL must not hold a user name, a password or a fragment (#)");
    }
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.ptr[i] <= ' ' || (unsigned char)path.ptr[i] >= 0x7F) {
            return error_set(err, ERR_INVALID,
                             "the URL holds a blank or another character that must be written as "
                             "%%XX (byte %zu of the path)",
                             i + 1);
        }
    }
    return ERR_OK;
}

/* Judged by the address, since a name may stand for any address. */
static bool is_this_machine(const struct target *target)
{
    struct str host;
    struct str port;

    authority_split(str_from(target->shown), &host, &port);
    return host_is_loopback(host);
}

enum error_code target_read(struct str text, bool any_host, struct target *out, struct error *err)
{
    struct buf whole;
    struct url url = {0};
    enum error_code code;

    *out = (struct target){0};
    buf_init(&whole, 65536);
    buf_text(&whole, str_contains(text, STR("://")) ? "" : "http://");
    put_with_id(&whole, text, STR("0")); /* a URL cannot hold the braces of {id} */
    code = url_read(buf_view(&whole), &url, err);
    out->authority = authority_of(text, &out->path);
    if (code == ERR_OK) {
        code = judge(&url, out->path, err);
    }
    if (code == ERR_OK) {
        code = resolve(&url, out, err);
    }
    buf_done(&whole);
    if (code != ERR_OK) {
        return code;
    }
    (void)address_name(&out->address, out->shown);
    if (!any_host && !is_this_machine(out)) {
        return error_set(err, ERR_FORBIDDEN,
                         "%s is not this machine; load on a host of others needs their consent. "
                         "With it, say --yes-i-may",
                         out->shown);
    }
    return ERR_OK;
}
