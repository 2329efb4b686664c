#include "base/host.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"

enum { PORT_MAX = 65535, HOST_MAX = 253, LABEL_MAX = 63, V4_BITS = 32, V6_BITS = 128, V4_AT = 12 };

static bool is_name_char(char c)
{
    return char_is_alnum(c) || (c != '\0' && str_find_char(STR("-._~!$&'()*+;="), c) >= 0);
}

/* Each label of a name has 1 to 63 bytes (RFC 1035 section 2.3.4); a dot may end the name. */
static bool has_sound_labels(struct str host)
{
    struct str label;

    if (host.len > 1 && host.ptr[host.len - 1] == '.') {
        host.len--;
    }
    while (str_cut(host, '.', &label, &host)) {
        if (label.len == 0 || label.len > LABEL_MAX) {
            return false;
        }
    }
    return label.len > 0 && label.len <= LABEL_MAX;
}

/* RFC 3986 reg-name: unreserved, sub-delims, percent escapes. */
static bool is_name(struct str host)
{
    if (host.len > 0 && !has_sound_labels(host)) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == '%') {
            if (i + 2 >= host.len || str_hex_digit(host.ptr[i + 1]) < 0 ||
                str_hex_digit(host.ptr[i + 2]) < 0) {
                return false;
            }
            i += 2;
        } else if (!is_name_char(host.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* The address in 16 bytes; IPv4 as ::ffff:a.b.c.d. */
static bool parse_address(struct str text, uint8_t out[16], bool *out_is_v4)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(copy) || str_find_char(text, '\0') >= 0) {
        return false;
    }
    str_copy(copy, sizeof(copy), text);
    *out_is_v4 = inet_pton(AF_INET, copy, out + V4_AT) == 1;
    if (*out_is_v4) {
        for (size_t i = 0; i < V4_AT; i++) {
            out[i] = i < V4_AT - 2 ? 0 : 0xFF;
        }
        return true;
    }
    return inet_pton(AF_INET6, copy, out) == 1;
}

/* An address of IPv6 in brackets. */
static bool is_bracketed(struct str host)
{
    uint8_t bytes[16];
    bool is_v4;

    return host.len > 2 && str_ends(host, STR("]")) &&
           parse_address(str_sub(host, 1, host.len - 2), bytes, &is_v4) && !is_v4;
}

static struct str without_brackets(struct str host)
{
    bool has = str_starts(host, STR("[")) && str_ends(host, STR("]"));

    return has ? str_sub(host, 1, host.len - 2) : host;
}

static bool is_port(struct str port)
{
    int64_t number;

    return port.len == 0 ||
           (port.ptr[0] >= '0' && port.ptr[0] <= '9' && str_to_i64(port, 0, PORT_MAX, &number));
}

void authority_split(struct str text, struct str *out_host, struct str *out_port)
{
    ptrdiff_t bracket = str_starts(text, STR("[")) ? str_find_char(text, ']') : -1;
    size_t at = bracket < 0 ? 0 : (size_t)bracket + 1;
    ptrdiff_t colon = str_find_char(str_sub(text, at, text.len), ':');

    *out_host = colon < 0 ? text : str_sub(text, 0, at + (size_t)colon);
    *out_port = colon < 0 ? STR_EMPTY : str_sub(text, at + (size_t)colon + 1, text.len);
}

bool authority_is_sound(struct str text)
{
    struct str host;
    struct str port;

    authority_split(text, &host, &port);
    if (!is_port(port)) {
        return false;
    }
    if (str_starts(host, STR("["))) {
        return is_bracketed(host);
    }
    return is_name(host);
}

/* ---- names that can be resolved ---- */

/* Letters, digits, hyphens and underscores, without a hyphen at either end. *out_is_number: digits only. */
static bool is_label(struct str label, bool *out_is_number)
{
    *out_is_number = str_is_of(label, "0-9");
    return str_is_of(label, "A-Za-z0-9_-") && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-';
}

bool host_is_sound(struct str host)
{
    struct str rest = host;
    struct str label;
    uint8_t bytes[16];
    bool is_number = false;
    bool is_v4;
    bool more;

    if (str_starts(host, STR("["))) {
        return is_bracketed(host);
    }
    if (host.len == 0 || host.len > HOST_MAX || !has_sound_labels(host)) {
        return false;
    }
    do {
        more = str_cut(rest, '.', &label, &rest);
        if (label.len > 0 && !is_label(label, &is_number)) {
            return false;
        }
    } while (more);
    /* A host whose last label is a number is an address (WHATWG URL, "ends in a number"). */
    return !is_number || (parse_address(host, bytes, &is_v4) && is_v4);
}

bool host_is_loopback(struct str host)
{
    uint8_t bytes[16];
    bool is_v4;

    if (str_is_nocase(host, "localhost") || str_is_nocase(host, "localhost.")) {
        return true;
    }
    host = without_brackets(host);
    return parse_address(host, bytes, &is_v4) &&
           (is_v4 ? bytes[V4_AT] == 127 : str_is(host, "::1"));
}

/* ---- ranges ---- */

bool ip_range_parse(struct str text, struct ip_range *out)
{
    struct str address;
    struct str length;
    bool has_length = str_cut(text, '/', &address, &length);
    bool is_v4;
    int64_t bits;

    if (!parse_address(address, out->bytes, &is_v4)) {
        return false;
    }
    bits = is_v4 ? V4_BITS : V6_BITS;
    if (has_length && !str_to_i64(length, 0, bits, &bits)) {
        return false;
    }
    out->bits = (unsigned)bits + (is_v4 ? V6_BITS - V4_BITS : 0);
    return true;
}

bool ip_range_holds(const struct ip_range *range, const uint8_t address[16])
{
    for (unsigned bit = 0; bit < range->bits; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

        if (((address[bit / 8] ^ range->bytes[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

bool ip_address_parse(struct str text, uint8_t out[16])
{
    struct str host;
    struct str port;
    bool is_v4;

    if (parse_address(text, out, &is_v4)) {
        return true;
    }
    authority_split(text, &host, &port);
    return parse_address(without_brackets(host), out, &is_v4);
}

bool ip_address_is_v4(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool ip_address_is_loopback(const uint8_t address[16])
{
    static const uint8_t one[16] = {[15] = 1};

    return ip_address_is_v4(address) ? address[V4_AT] == 127
                                     : memcmp(address, one, sizeof(one)) == 0;
}
