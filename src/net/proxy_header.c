#include "net/proxy_header.h"

#include <netinet/in.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
    V1_MAX = 107, /* the longest line of version 1, its CRLF included */
    V2_FIXED = 16,
    V2_SIGNATURE = 12,
    V4_PART = 12,
    V6_PART = 36,
    UNIX_PART = 216,
    FAMILY_NONE = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    FAMILY_UNIX = 0x31,
    HOST_MAX = 46
};

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static bool print_client(const struct sockaddr_in *v4, const struct sockaddr_in6 *v6,
                         struct proxy_header *out)
{
    char host[HOST_MAX] = "";

    if ((v6 != NULL ? uv_ip6_name(v6, host, sizeof(host)) : uv_ip4_name(v4, host, sizeof(host))) !=
        0) {
        return false;
    }
    (void)str_print(out->client, sizeof(out->client), v6 != NULL ? "[%s]:%u" : "%s:%u", host,
                    (unsigned)ntohs(v6 != NULL ? v6->sin6_port : v4->sin_port));
    return true;
}

/* --- version 1: a line --- */

/* Reads an address; one with a zone, or with any other byte in it, is refused. */
static bool read_host(struct str text, bool is_v6, void *out)
{
    char host[HOST_MAX];

    if (text.len == 0 || text.len >= sizeof(host) || str_find_char(text, '%') >= 0 ||
        str_find_char(text, '\0') >= 0) {
        return false;
    }
    str_copy(host, sizeof(host), text);
    return uv_inet_pton(is_v6 ? AF_INET6 : AF_INET, host, out) == 0;
}

static bool read_port(struct str text, in_port_t *out)
{
    int64_t port;

    if ((text.len > 1 && text.ptr[0] == '0') || text.len == 0 || text.ptr[0] == '+' ||
        text.ptr[0] == '-' || !str_to_i64(text, 0, UINT16_MAX, &port)) {
        return false;
    }
    *out = htons((uint16_t)port);
    return true;
}

/* "192.0.2.7 198.51.100.1 5234 443" */
static bool read_line(struct str rest, bool is_v6, struct proxy_header *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct in6_addr ignored;
    struct str words[4];
    in_port_t from;
    in_port_t to;

    for (size_t i = 0; i < 4; i++) {
        if (str_cut(rest, ' ', &words[i], &rest) != (i < 3)) {
            return false;
        }
    }
    if (!read_host(words[0], is_v6, is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) ||
        !read_host(words[1], is_v6, &ignored) || !read_port(words[2], &from) ||
        !read_port(words[3], &to)) {
        return false;
    }
    v4.sin_port = from;
    v6.sin6_port = from;
    return print_client(&v4, is_v6 ? &v6 : NULL, out);
}

static enum proxy_verdict read_v1(struct str bytes, struct proxy_header *out)
{
    struct str seen = str_sub(bytes, 0, V1_MAX);
    ptrdiff_t end = str_find(seen, STR("\r\n"));
    struct str line;

    if (end < 0) {
        return bytes.len >= V1_MAX ? PROXY_BAD : PROXY_MORE;
    }
    line = str_sub(seen, sizeof("PROXY ") - 1, (size_t)end - (sizeof("PROXY ") - 1));
    out->len = (size_t)end + 2;
    if (str_is(line, "UNKNOWN") || str_starts(line, STR("UNKNOWN "))) {
        return PROXY_DONE;
    }
    if (str_starts(line, STR("TCP4 ")) || str_starts(line, STR("TCP6 "))) {
        return read_line(str_sub(line, 5, line.len), line.ptr[3] == '6', out) ? PROXY_DONE
                                                                              : PROXY_BAD;
    }
    return PROXY_BAD;
}

/* --- version 2: bytes --- */

static enum proxy_verdict read_addresses(unsigned family, struct str part, struct proxy_header *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    switch (family) {
    case FAMILY_NONE:
        return PROXY_DONE;
    case FAMILY_UNIX:
        return part.len >= UNIX_PART ? PROXY_DONE : PROXY_BAD;
    case FAMILY_TCP4:
        if (part.len < V4_PART) {
            return PROXY_BAD;
        }
        mem_copy(&v4.sin_addr, part.ptr, 4);
        mem_copy(&v4.sin_port, part.ptr + 8, 2);
        return print_client(&v4, NULL, out) ? PROXY_DONE : PROXY_BAD;
    case FAMILY_TCP6:
        if (part.len < V6_PART) {
            return PROXY_BAD;
        }
        mem_copy(&v6.sin6_addr, part.ptr, 16);
        mem_copy(&v6.sin6_port, part.ptr + 32, 2);
        return print_client(NULL, &v6, out) ? PROXY_DONE : PROXY_BAD;
    default:
        return PROXY_BAD;
    }
}

static enum proxy_verdict read_v2(struct str bytes, struct proxy_header *out)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    unsigned command;
    size_t len;

    if (bytes.len < V2_FIXED) {
        return PROXY_MORE;
    }
    command = at[12] & 0x0FU;
    len = V2_FIXED + (((size_t)at[14] << 8) | at[15]);
    if (at[12] >> 4 != 2 || command > 1 || len > PROXY_HEADER_MAX) {
        return PROXY_BAD;
    }
    if (bytes.len < len) {
        return PROXY_MORE;
    }
    out->len = len;
    return command == 0 ? PROXY_DONE
                        : read_addresses(at[13], str_sub(bytes, V2_FIXED, len - V2_FIXED), out);
}

static bool agree(struct str bytes, struct str wanted)
{
    return str_starts(wanted, str_sub(bytes, 0, wanted.len));
}

enum proxy_verdict proxy_header_read(struct str bytes, struct proxy_header *out)
{
    *out = (struct proxy_header){.len = 0};
    if (agree(bytes, STR("PROXY "))) {
        return bytes.len < sizeof("PROXY ") - 1 ? PROXY_MORE : read_v1(bytes, out);
    }
    return agree(bytes, (struct str){signature, V2_SIGNATURE}) ? read_v2(bytes, out) : PROXY_BAD;
}
