/* Judges the proxy that the environment names for the way to the platform. */
#include "base/host.h"
#include "base/url.h"
#include "config_internal.h"

/* Does an entry of NO_PROXY match the host? A name also matches all hosts below it, whether it begins with a dot or
 * not. A host that is an IP address is matched by an address or a range. */
static bool holds_host(struct str name, struct str host)
{
    uint8_t address[16];
    struct ip_range range;

    if (ip_address_parse(host, address)) {
        return ip_range_parse(name, &range) && ip_range_holds(&range, address);
    }
    name = str_sub(name, str_starts(name, STR(".")) ? 1 : 0, name.len);
    name.len -= str_ends(name, STR(".")) ? 1 : 0;
    host.len -= str_ends(host, STR(".")) ? 1 : 0;
    return name.len > 0 && str_ends_nocase(host, name) &&
           (host.len == name.len || host.ptr[host.len - name.len - 1] == '.');
}

/* Decides like libcurl, which makes the connections: names separated by commas or spaces, or "*" for all. */
static bool goes_past_proxies(const struct loader *loader, struct str host)
{
    struct str list = environment_get(loader, STR("no_proxy"));
    struct str part;
    struct str name;

    list = list.len > 0 ? list : environment_get(loader, STR("NO_PROXY"));
    if (str_is(list, "*")) {
        return true;
    }
    while (str_next(&list, ',', &part)) {
        while (str_next(&part, ' ', &name)) {
            if (holds_host(name, host)) {
                return true;
            }
        }
    }
    return false;
}

/* Takes the hosts that libcurl takes, which does not check the zone of an address (fe80::1%eth0). */
static bool is_host(struct str host)
{
    uint8_t address[16];
    struct str zone;

    if (str_starts(host, STR("[")) && str_ends(host, STR("]"))) {
        (void)str_cut(str_sub(host, 1, host.len - 2), '%', &host, &zone);
        return str_find_char(host, ':') >= 0 && ip_address_parse(host, address);
    }
    for (size_t i = 0; i < host.len; i++) {
        if (str_find_char(STR("!@{}[]\\$'\"^`*<>=;,+&()"), host.ptr[i]) >= 0) {
            return false;
        }
    }
    return host.len > 0;
}

/* [SCHEME://][USER[:PASSWORD]@]HOST[:PORT], without the scheme. A /, ? or # before the last @ is
 * refused: it belongs to a password, but libcurl would end the host there. */
static bool is_place(struct str text)
{
    size_t at = str_behind_last(text, '@');
    struct str user = str_sub(text, 0, at > 0 ? at - 1 : 0);
    struct str host;
    struct str port;
    int64_t number;

    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F ||
            (i < at && str_find_char(STR("/?#"), text.ptr[i]) >= 0)) {
            return false;
        }
    }
    text = str_sub(text, at, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (str_find_char(STR("/?#"), text.ptr[i]) >= 0) {
            text.len = i;
        }
    }
    authority_split(text, &host, &port);
    return str_find_char(user, '@') < 0 && is_host(host) &&
           (port.len == 0 || str_to_i64(port, 1, UINT16_MAX, &number));
}

/* The value may hold a password, so errors show only its scheme. */
static void judge_value(struct loader *loader, const char *name, struct str value)
{
    static const char *const schemes[] = {"http",    "https",  "socks",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    ptrdiff_t at = str_find(value, STR("://"));
    struct str scheme = str_sub(value, 0, at > 0 ? (size_t)at : 0);
    bool has_scheme = scheme.len > 0 && str_is_of(scheme, "A-Za-z0-9+.-");

    if (has_scheme && !str_in_nocase(scheme, schemes, ARRAY_LEN(schemes))) {
        loader_fail(loader,
                    "%s: a proxy is http://HOST:PORT, https://... or socks5://..., not %.*s://",
                    name, SHOWN(scheme));
    } else if (!is_place(str_sub(value, has_scheme ? scheme.len + 3 : 0, value.len))) {
        loader_fail(
            loader,
            "%s: the value is not http://HOST:PORT or http://USER:PASSWORD@HOST:PORT with a "
            "port from 1 to 65535; in a password write %%2F for /, %%3F for ?, %%23 for #, "
            "%%40 for @ and %%20 for a blank",
            name);
    }
}

/* Judges the proxy that libcurl would use: the first of these variables that is set. libcurl fails each call through a
 * proxy of an unknown kind. */
void config_judge_proxy(struct loader *loader, const struct config *config)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    struct error err = {0};
    struct url url;
    struct str value = STR_EMPTY;

    if (config->sandbox.enabled || url_read(config->upstream.base_url, &url, &err) != ERR_OK ||
        host_is_loopback(url.host) || goes_past_proxies(loader, url.host)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names) && value.len == 0; i++) {
        bool is_of_scheme = i > 2 || (i == 0) != str_is_nocase(url.scheme, "https");

        value = is_of_scheme ? environment_get(loader, str_from(names[i])) : STR_EMPTY;
        if (value.len > 0) {
            judge_value(loader, names[i], value);
        }
    }
}
