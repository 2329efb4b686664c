#include "config/origin.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "base/host.h"

enum { PORT_MAX = 65535, V4_AT = 12 };

static bool is_default_port(struct str scheme, int64_t port)
{
    return (str_is_nocase(scheme, "https") && port == 443) ||
           (str_is_nocase(scheme, "http") && port == 80);
}

static bool is_scheme(struct str scheme)
{
    return scheme.len > 0 && str_is_of(str_sub(scheme, 0, 1), "A-Za-z") &&
           str_is_of(scheme, "A-Za-z0-9+.-");
}

/* As browsers write it: an IPv6 address is short and has no dots. */
static void write_host(struct str host, struct buf *out)
{
    struct str inside = str_sub(host, 1, host.len > 2 ? host.len - 2 : 0);
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (!str_starts(host, STR("[")) || !ip_address_parse(inside, bytes) ||
        inet_ntop(AF_INET6, bytes, text, sizeof(text)) == NULL) {
        for (size_t i = 0; i < host.len; i++) {
            buf_char(out, char_lower(host.ptr[i]));
        }
        return;
    }
    if (strchr(text, '.') == NULL) {
        buf_printf(out, "[%s]", text);
    } else {
        unsigned high = (unsigned)bytes[V4_AT] << 8 | bytes[V4_AT + 1];
        unsigned low = (unsigned)bytes[V4_AT + 2] << 8 | bytes[V4_AT + 3];

        *(strrchr(text, ':') + 1) = '\0';
        buf_printf(out, "[%s%x:%x]", text, high, low);
    }
}

/* The origin that the text names, in the form that browsers send. */
static bool write_origin(struct str text, struct buf *out)
{
    ptrdiff_t at = str_find(text, STR("://"));
    bool is_local = str_starts_nocase(text, STR("localhost"));
    struct str scheme = at >= 0    ? str_sub(text, 0, (size_t)at)
                        : is_local ? STR("http")
                                   : STR("https");
    struct str rest = at < 0 ? text : str_sub(text, (size_t)at + 3, text.len);
    struct str host;
    struct str port;
    int64_t number = 0;

    for (size_t i = 0; i < rest.len; i++) {
        if (str_find_char(STR("/?#"), rest.ptr[i]) >= 0) {
            rest.len = i;
        }
    }
    authority_split(rest, &host, &port);
    if (!is_scheme(scheme) || !authority_is_sound(rest) || !host_is_sound(host)) {
        return false;
    }
    for (size_t i = 0; i < scheme.len; i++) {
        buf_char(out, char_lower(scheme.ptr[i]));
    }
    buf_text(out, "://");
    write_host(host, out);
    if (str_to_i64(port, 0, PORT_MAX, &number) && !is_default_port(scheme, number)) {
        buf_printf(out, ":%d", (int)number);
    }
    return buf_ok(out) && (port.len == 0 || number > 0);
}

bool origin_is_sound(struct str text, char out_right[ORIGIN_MAX])
{
    struct buf right;
    bool is_named;
    bool is_sound;

    buf_init(&right, ORIGIN_MAX - 1);
    /* A bare word names no host. One of them is "null", which every sandboxed frame and local file sends. */
    is_named = (str_contains(text, STR("://")) || str_find_char(text, '.') >= 0 ||
                str_starts_nocase(text, STR("localhost"))) &&
               write_origin(text, &right);
    is_sound = is_named && str_eq(buf_view(&right), text);
    str_copy(out_right, ORIGIN_MAX, is_named ? buf_view(&right) : STR_EMPTY);
    buf_done(&right);
    return is_sound;
}
