/* The proxy that leads to the platform, which the environment names. */
#include "base/host.h"
#include "base/url.h"
#include "config_internal.h"

/* A name of NO_PROXY holds the hosts below it, too, with a dot at its front or without; an address is held by its range. */
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

/* As libcurl, which makes the connections, decides it: names apart by commas or spaces, or "*" for all. */
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

/* The proxy that leads to the platform: the first of these that is set. With another kind each call would fail. */
void config_judge_proxy(struct loader *loader, const struct config *config)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    static const char *const schemes[] = {"http",    "https",  "socks",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    struct error err = {0};
    struct url url;
    struct str value = STR_EMPTY;

    if (config->sandbox.enabled || url_read(config->upstream.base_url, &url, &err) != ERR_OK ||
        host_is_loopback(url.host) || goes_past_proxies(loader, url.host)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names) && value.len == 0; i++) {
        bool is_of_scheme = i > 2 || (i == 0) != str_is_nocase(url.scheme, "https");
        ptrdiff_t at;
        struct str scheme;

        value = is_of_scheme ? environment_get(loader, str_from(names[i])) : STR_EMPTY;
        at = str_find(value, STR("://"));
        scheme = str_sub(value, 0, at > 0 ? (size_t)at : 0);
        if (scheme.len > 0 && !str_in_nocase(scheme, schemes, ARRAY_LEN(schemes))) {
            loader_fail(loader,
                        "%s: a proxy is http://HOST:PORT, https://... or socks5://..., not %.*s://",
                        names[i], SHOWN(scheme));
        }
    }
}
