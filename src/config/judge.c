/* What a value must be that a type alone does not say, and what cannot be seen option by option. */
#include "config_internal.h"

#include "base/host.h"

enum { SHOWN_MAX = 80 };

/* HOST:PORT, [V6]:PORT or :PORT. */
static bool split_address(struct str address, struct str *out_host, struct str *out_port)
{
    size_t at = address.len;

    while (at > 0 && address.ptr[at - 1] != ':') {
        at--;
    }
    if (at == 0) {
        return false;
    }
    *out_host = str_sub(address, 0, at - 1);
    *out_port = str_sub(address, at, address.len);
    return true;
}

bool address_is_sound(struct str address)
{
    struct str host;
    struct str port;
    int64_t number;

    return split_address(address, &host, &port) && str_to_i64(port, 0, 65535, &number) &&
           (str_find_char(host, ':') < 0 || (host.ptr[0] == '[' && host.ptr[host.len - 1] == ']'));
}

bool judge_origin(struct loader *loader, struct str origin)
{
    struct str shown = str_sub(origin, 0, SHOWN_MAX);
    char right[ORIGIN_MAX];

    if (str_is(origin, "*") || origin_is_sound(origin, right)) {
        return true;
    }
    if (str_is_nocase(origin, "null")) {
        loader_fail(loader, "cors.origins: \"null\" would admit every sandboxed frame and local "
                            "file; name the origins, e.g. \"https://app.example.com\"");
    } else if (str_find_char(origin, '*') >= 0) {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" can never match: there are no patterns; name each "
                    "origin, or write \"*\" for any",
                    STR_ARG(shown));
    } else if (right[0] != '\0') {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" can never match: browsers send scheme://host[:port] in "
                    "lower case, without a path and without the default port; write \"%s\"",
                    STR_ARG(shown), right);
    } else {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" is not an origin; write scheme://host or "
                    "scheme://host:port, e.g. \"https://app.example.com\"",
                    STR_ARG(shown));
    }
    return false;
}

bool judge_range(struct loader *loader, const struct option_row *row, struct str range)
{
    struct ip_range parsed;

    if (!ip_range_parse(range, &parsed)) {
        loader_fail(loader,
                    "%s: \"%.*s\" is not an address or range, e.g. 192.0.2.7, 10.0.0.0/8 or "
                    "fd00::/8",
                    row->key, STR_ARG(str_sub(range, 0, SHOWN_MAX)));
        return false;
    }
    return true;
}

/* Host and path are written into links as they stand. */
static void judge_public_url(struct loader *loader, struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    struct str rest = at < 0 ? STR_EMPTY : str_sub(url, (size_t)at + 3, url.len);
    struct str authority;
    struct str path;
    bool is_sound = true;

    (void)str_cut(rest, '/', &authority, &path);
    for (size_t i = 0; i < path.len; i++) {
        is_sound = is_sound && path.ptr[i] > ' ' && path.ptr[i] < 0x7F &&
                   str_find_char(STR("?#\"<>\\^`{|}"), path.ptr[i]) < 0;
    }
    if (url.len > 0 && (authority.len == 0 || !authority_is_sound(authority) || !is_sound)) {
        loader_fail(loader,
                    "server.public_url: \"%.*s\" is not http(s)://HOST[:PORT][/PATH], e.g. "
                    "https://example.com/qa",
                    STR_ARG(str_sub(url, 0, SHOWN_MAX)));
    }
}

static bool is_loopback(struct str address)
{
    struct str host;
    struct str port;

    return split_address(address, &host, &port) &&
           (str_starts(host, STR("127.")) || str_is(host, "[::1]") ||
            str_is_nocase(host, "localhost"));
}

static bool is_any_origin(const struct config *config)
{
    for (size_t i = 0; i < config->cors.n_origins; i++) {
        if (str_is(config->cors.origins[i], "*")) {
            return true;
        }
    }
    return false;
}

static void judge_auth(struct loader *loader, const struct config *config)
{
    if (config->auth.mode == AUTH_NONE && !config->sandbox.enabled &&
        !is_loopback(config->server.listen)) {
        loader_fail(
            loader,
            "auth.mode: \"none\" is taken only on a loopback address or with the sandbox; server.listen is "
            "%.*s. Configure keys (auth.keys, API_KEYS or API_KEYS_FILE)",
            STR_ARG(config->server.listen));
    }
    if ((config->auth.mode == AUTH_KEYS || config->auth.mode == AUTH_KEYS_OR_PASSTHROUGH) &&
        config->auth.n_keys == 0 && !config->sandbox.enabled) {
        loader_fail(
            loader,
            "auth.keys: auth.mode takes keys but there is none; give some (auth.keys, API_KEYS or "
            "API_KEYS_FILE), or set auth.mode to \"none\" on a loopback address");
    }
}

void config_judge(struct loader *loader)
{
    struct config *config = &loader->box->config;

    loader->place = "configuration";
    /* The sandbox holds nothing worth guarding: without keys it is open, on whatever address. */
    if (config->auth.mode == AUTH_KEYS && config->auth.n_keys == 0 && config->sandbox.enabled) {
        config->auth.mode = AUTH_NONE;
    }
    judge_auth(loader, config);
    judge_public_url(loader, config->server.public_url);
    if ((config->server.tls_certificate_file.len == 0) != (config->server.tls_key_file.len == 0)) {
        loader_fail(loader, "server.tls_certificate_file and server.tls_key_file come together");
    }
    if (config->cors.credentials && is_any_origin(config)) {
        loader_fail(
            loader,
            "cors.credentials cannot be true while cors.origins holds \"*\"; name the origins");
    }
    if (config->drain.limit_ms < config->drain.notice_ms) {
        loader_fail(loader, "drain.limit_ms must not be below drain.notice_ms");
    }
}
