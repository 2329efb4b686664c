#include "base/address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/host.h"
#include "base/url.h"

enum { SHOWN_MAX = 80 };

static bool is_v6(struct str host)
{
    char text[ADDRESS_HOST_MAX];
    struct in6_addr parsed;
    struct str zone; /* fe80::1%eth0 */

    (void)str_cut(host, '%', &host, &zone);
    str_copy(text, sizeof(text), host);
    return inet_pton(AF_INET6, text, &parsed) == 1;
}

static bool is_v4(struct str host)
{
    char text[ADDRESS_HOST_MAX];
    struct in_addr parsed;

    str_copy(text, sizeof(text), host);
    return inet_pton(AF_INET, text, &parsed) == 1;
}

/* Splits at the last colon. An IPv6 address needs brackets, so that its own colons are not taken for the port's. */
static bool split(struct str text, struct str *out_host, int64_t *out_port)
{
    size_t at = str_behind_last(text, ':');
    struct str host;

    if (at == 0 || !str_to_i64(str_sub(text, at, text.len), 0, 65535, out_port)) {
        return false;
    }
    host = str_sub(text, 0, at - 1);
    if (str_find_char(host, ':') >= 0) {
        if (host.ptr[0] != '[' || host.ptr[host.len - 1] != ']') {
            return false;
        }
        host = str_sub(host, 1, host.len - 2);
    }
    *out_host = host;
    return true;
}

enum error_code address_read(struct str text, struct address *out, struct error *err)
{
    struct str host;
    int64_t port;

    if (!split(text, &host, &port)) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s\" is not ADDRESS:PORT, e.g. 127.0.0.1:8000 or [::1]:8000",
                         STR_ARG(url_shown(text, SHOWN_MAX)));
    }
    if (host.len == 0 || str_is(host, "*")) {
        host = STR("0.0.0.0");
    } else if (str_is_nocase(host, "localhost")) {
        host = STR("127.0.0.1");
    }
    if (host.len >= ADDRESS_HOST_MAX || (!is_v4(host) && !is_v6(host))) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s\" cannot be listened on: the host must be an IP address, "
                         "localhost or *",
                         STR_ARG(url_shown(text, SHOWN_MAX)));
    }
    str_copy(out->host, sizeof(out->host), host);
    out->port = (uint16_t)port;
    out->is_v6 = !is_v4(host);
    out->is_loopback = host_is_loopback(host);
    return ERR_OK;
}

static const char unix_scheme[] = "unix:";

bool address_is_unix(struct str text)
{
    return str_starts(text, STR(unix_scheme));
}

enum error_code address_read_unix(struct str text, char out[ADDRESS_PATH_MAX], struct error *err)
{
    struct str path = str_sub(text, sizeof(unix_scheme) - 1, text.len);

    if (!address_is_unix(text) || !str_starts(path, STR("/")) || str_ends(path, STR("/")) ||
        str_find_char(path, '\0') >= 0) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s\" is not unix:/PATH, the absolute path of a socket",
                         STR_ARG(url_shown(text, SHOWN_MAX)));
    }
    if (path.len >= ADDRESS_PATH_MAX) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s...\": the path of a Unix socket has at most %d bytes",
                         STR_ARG(url_shown(text, SHOWN_MAX)), ADDRESS_PATH_MAX - 1);
    }
    str_copy(out, ADDRESS_PATH_MAX, path);
    return ERR_OK;
}

enum error_code address_check(struct str text, struct error *err)
{
    char path[ADDRESS_PATH_MAX];
    struct address address;

    return address_is_unix(text) ? address_read_unix(text, path, err)
                                 : address_read(text, &address, err);
}

uint16_t address_name(const struct sockaddr_storage *address, char out[ADDRESS_NAME_MAX])
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    bool is_v6 = address->ss_family == AF_INET6;
    uint16_t port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    char host[INET6_ADDRSTRLEN] = "?";

    (void)inet_ntop(address->ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, host,
                    sizeof(host));
    (void)str_print(out, ADDRESS_NAME_MAX, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
    return port;
}
