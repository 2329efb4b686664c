/* What cannot be seen option by option. An option whose value was refused is not judged again. */
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/url.h"
#include "config_internal.h"
#include "crypto/tls.h"

static bool is_loopback(struct str text)
{
    struct address address;

    return address_read(text, &address, NULL) == ERR_OK && address.is_loopback;
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

static void judge_admin(struct loader *loader, const struct config *config)
{
    struct str listen = config->admin.listen;
    struct error err = {0};

    if (listen.len == 0 || loader_has_failed(loader, "admin.listen")) {
        return;
    }
    if (address_check(listen, &err) != ERR_OK) {
        loader_fail(loader, "admin.listen: %s", err.text);
    } else if (config->auth.modes == AUTH_NONE && !config->sandbox.enabled &&
               !address_is_unix(listen) && !is_loopback(listen)) {
        loader_fail(loader,
                    "auth.mode: \"none\" is taken only on a loopback address or with the sandbox, "
                    "and admin.listen is %.*s",
                    STR_ARG(listen));
    }
}

static void judge_workers(struct loader *loader, struct config *config)
{
    int64_t n = 1;

    if (str_is(config->server.workers, "auto")) {
        n = (int64_t)cpu_limit_cores();
        n += (double)n < cpu_limit_cores() ? 1 : 0; /* one and a half cores are worth two */
        n = n < 1 ? 1 : n > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : n;
    } else if (!str_to_i64(config->server.workers, 1, CONFIG_WORKERS_MAX, &n)) {
        loader_fail(loader, "server.workers: must be a number from 1 to %u, or auto",
                    (unsigned)CONFIG_WORKERS_MAX);
    }
    config->server.n_workers = (unsigned)n;
    if (n > 1 && config->sessions.snapshot_file.len > 0 && str_is(config->store.url, "memory:")) {
        loader_fail(loader,
                    "sessions.snapshot_file: several workers (server.workers) keep their "
                    "sessions in the store; with store.url redis://... they outlast a restart");
    }
}

/* Work that is shared out needs something that all of them share. */
static void judge_roles(struct loader *loader, struct config *config)
{
    unsigned roles = config->server.roles;

    if (loader_has_failed(loader, "server.roles") || loader->unread) {
        return;
    }
    if (roles == 0) {
        loader_fail(loader, "server.roles: names none of traffic, runs, events");
    } else if (roles != ROLES_ALL && str_is(config->store.url, "memory:")) {
        loader_fail(loader, "server.roles: processes with some of the roles share a store; set "
                            "store.url");
    } else if ((roles & ROLE_TRAFFIC) == 0 && config->admin.listen.len == 0) {
        loader_fail(loader, "server.roles: without traffic only admin.listen is opened; set it");
    }
    if ((roles & ROLE_TRAFFIC) == 0) {
        config->server.n_all = 0;
    }
}

/* The first address that others than this machine reach; empty: there is none. */
static struct str open_address(const struct config *config)
{
    for (size_t i = 0; i < config->server.n_all; i++) {
        struct str address = config->server.all[i].address;

        if (!address_is_unix(address) && !is_loopback(address)) {
            return address;
        }
    }
    return STR_EMPTY;
}

static bool asks_clients(const struct config *config)
{
    for (size_t i = 0; i < config->server.n_all; i++) {
        if (config->server.all[i].client_ca_file.len > 0) {
            return true;
        }
    }
    return false;
}

static void judge_mtls(struct loader *loader, const struct config *config)
{
    if ((config->auth.modes & AUTH_MTLS) == 0 || loader->unread) {
        return;
    }
    if (!asks_clients(config) && !loader_has_failed(loader, "server.client_ca_file") &&
        !loader_has_failed(loader, "server.listeners")) {
        loader_fail(loader, "auth.mode: mtls needs a listener that asks for client certificates; "
                            "set server.client_ca_file");
    }
    if (config->auth.n_certificates == 0 && !loader_has_failed(loader, "auth.certificates")) {
        loader_fail(loader, "auth.certificates: is empty, and auth.mode has mtls; name whom a "
                            "certificate stands for");
    }
}

static void judge_auth(struct loader *loader, const struct config *config)
{
    bool takes_keys = (config->auth.modes & AUTH_KEYS) != 0;
    struct str open = open_address(config);

    if (loader_has_failed(loader, "auth.mode")) {
        return;
    }
    if (config->auth.modes == AUTH_NONE && !config->sandbox.enabled &&
        config->lambda.runtime_api.len > 0) {
        loader_fail(
            loader,
            "auth.mode: \"none\" is not taken with lambda.runtime_api: anybody could call. Set "
            "API keys (API_KEYS, API_KEYS_FILE or auth.keys)");
    } else if (config->auth.modes == AUTH_NONE && !config->sandbox.enabled &&
               !loader_has_failed(loader, "server.listen") && open.len > 0) {
        loader_fail(loader,
                    "auth.mode: \"none\" is taken only on a loopback address or with the sandbox, "
                    "and %s is %.*s. Set API keys (API_KEYS, API_KEYS_FILE or auth.keys)",
                    str_eq(open, config->server.listen) ? "server.listen"
                                                        : "an address of server.listeners",
                    STR_ARG(open));
    }
    if (takes_keys && config->auth.n_keys == 0 && !config->sandbox.enabled && !loader->unread &&
        !loader_has_failed(loader, "auth.keys")) {
        loader_fail(loader, "auth.keys: no API key is set. Set API_KEYS, or for a first try run: "
                            "virtuoso-proxy serve --sandbox");
    }
}

static void judge_lambda(struct loader *loader, const struct config *config)
{
    struct str base = config->lambda.base_path;
    struct address address;
    struct error err = {0};

    if (config->lambda.runtime_api.len > 0 &&
        address_read(config->lambda.runtime_api, &address, &err) != ERR_OK) {
        loader_fail(loader, "lambda.runtime_api: %s", err.text);
    }
    if (base.len > 0 && (!str_starts(base, STR("/")) || str_ends(base, STR("/")))) {
        loader_fail(loader, "lambda.base_path: must begin with / and not end with it, as /qa");
    }
}

/* "qa-admins=admin" */
static bool read_grant(struct loader *loader, struct str text, struct config_grant *out)
{
    size_t at = str_behind_last(text, '=');

    out->word = str_sub(text, 0, at > 0 ? at - 1 : 0);
    out->permissions = permission_bits(str_sub(text, at, text.len));
    if (out->word.len == 0 || out->permissions == 0) {
        return loader_fail(
            loader,
            "auth.jwt.permissions: \"%.*s\" is not WORD=PERMISSION; permissions are " PERMISSIONS_KNOWN,
            SHOWN(text));
    }
    return true;
}

/* A key set that anybody on the way could change would let anybody in. */
static void judge_key_set(struct loader *loader, struct str place)
{
    struct url url = {0};
    struct error err = {0};
    int fd;

    if (!str_contains(place, STR("://"))) {
        fd = fd_open_regular(arena_cstr(&loader->box->arena, place), &err);
        if (fd < 0) {
            loader_fail(loader, "auth.jwt.jwks: cannot read the file %.*s: %s", STR_ARG(place),
                        err.text);
            return;
        }
        (void)close(fd);
        return;
    }
    if (url_read(place, &url, &err) != ERR_OK || url.has_user || url.has_fragment) {
        loader_fail(loader, "auth.jwt.jwks: must be a file or a URL without user and fragment");
    } else if (!str_starts(place, STR("https://")) && !host_is_loopback(url.host)) {
        loader_fail(loader, "auth.jwt.jwks: must begin with https:// unless it is of this machine");
    }
}

static void judge_jwt(struct loader *loader, struct config *config)
{
    static const struct {
        const char *key;
        size_t offset;
        const char *what;
    } needed[] = {
        {"auth.jwt.jwks", offsetof(struct config, auth.jwt.jwks), "the file or URL of the key set"},
        {"auth.jwt.issuer", offsetof(struct config, auth.jwt.issuer), "iss of its tokens"},
        {"auth.jwt.audience", offsetof(struct config, auth.jwt.audience), "our name in aud"},
        {"auth.jwt.permissions_claim", offsetof(struct config, auth.jwt.permissions_claim),
         "the claim with permissions"},
    };
    struct config_grant *grants =
        arena_calloc(&loader->box->arena, config->auth.jwt.n_permissions + 1, sizeof(*grants));

    for (size_t i = 0; i < config->auth.jwt.n_permissions; i++) {
        (void)read_grant(loader, config->auth.jwt.permissions[i], &grants[i]);
    }
    config->auth.jwt.grants = grants;
    if ((config->auth.modes & AUTH_JWT) == 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        const struct str *text = (const void *)((const char *)config + needed[i].offset);

        if (text->len == 0 && !loader_has_failed(loader, needed[i].key)) {
            loader_fail(loader, "%s: is not set, and auth.mode has jwt; set %s", needed[i].key,
                        needed[i].what);
        }
    }
    if (config->auth.jwt.algorithms == 0) {
        loader_fail(loader, "auth.jwt.algorithms: none would let nobody in");
    }
    if (config->auth.jwt.jwks.len > 0) {
        judge_key_set(loader, config->auth.jwt.jwks);
    }
}

static void judge_tenants(struct loader *loader, struct config *config, const char *list,
                          const struct config_key *of, size_t n)
{
    struct config_key *keys = unconst(of); /* ours, in the arena */

    for (size_t i = 0; i < n && !loader_has_failed(loader, "tenants"); i++) {
        keys[i].tenant = config_tenant_find(config, keys[i].tenant_name);
        if (keys[i].tenant_name.len > 0 && keys[i].tenant == 0) {
            loader_fail(loader, "%s: the tenant \"%.*s\" of \"%.*s\" is not in tenants", list,
                        SHOWN(keys[i].tenant_name), STR_ARG(keys[i].name));
        }
    }
}

/* Callers bring a token of their own, or their key belongs to a tenant, which has one. */
static bool every_caller_has_a_token(const struct config *config)
{
    unsigned modes = config->auth.modes;

    if (modes == AUTH_PASSTHROUGH) {
        return true;
    }
    if (modes == AUTH_NONE || (modes & ~(unsigned)(AUTH_PASSTHROUGH | AUTH_KEYS)) != 0) {
        return false;
    }
    for (size_t i = 0; i < config->auth.n_keys; i++) {
        if (config->auth.keys[i].tenant_name.len == 0) {
            return false;
        }
    }
    return config->auth.n_keys > 0;
}

/* Every other one is served with the stored token. */
static void judge_token(struct loader *loader, const struct config *config)
{
    if (loader->sends_nothing || loader->unread || config->sandbox.enabled ||
        every_caller_has_a_token(config) || secret_is_set(&config->upstream.token) ||
        loader_has_failed(loader, "upstream.token") || loader_has_failed(loader, "auth.mode")) {
        return;
    }
    loader_fail(loader, "upstream.token: no token for the platform is set. Set VIRTUOSO_API_TOKEN "
                        "(or VIRTUOSO_API_TOKEN_FILE, or upstream.token), or for a first try use "
                        "the sandbox: --sandbox");
}

/* A certificate and its key: both, which fit together, or neither. `opens` false: nobody uses them. */
static void judge_pair(struct loader *loader, const struct config_listener *pair, bool opens,
                       const char *certificate, const char *key)
{
    bool has_key = pair->tls_key_file.len > 0;
    struct tls_config *tls = NULL;
    struct error err = {0};

    if (loader_has_failed(loader, certificate) || loader_has_failed(loader, key)) {
        return;
    }
    if ((pair->tls_certificate_file.len > 0) != has_key) {
        loader_fail(loader, "%s and %s come together; %s is not set", certificate, key,
                    has_key ? certificate : key);
    } else if (opens && config_open_tls(pair, &tls, &err) != ERR_OK) {
        loader_fail(loader, "%s, %s: %s", certificate, key, err.text);
    }
    tls_config_free(tls);
}

static void judge_certificate(struct loader *loader, const struct config *config)
{
    const struct config_listener files = {.tls_certificate_file =
                                              config->server.tls_certificate_file,
                                          .tls_key_file = config->server.tls_key_file};
    bool is_plain = files.tls_certificate_file.len == 0 && files.tls_key_file.len == 0;
    bool listens = !str_is(config->server.listen, "none");

    if (loader_has_failed(loader, "server.tls_certificates") ||
        loader_has_failed(loader, "server.client_ca_file") ||
        loader_has_failed(loader, "server.client_crl_file")) {
        return;
    }
    if (is_plain && config->server.n_tls_certificates > 0) {
        loader_fail(loader, "server.tls_certificates: set server.tls_certificate_file, too, for "
                            "clients that name no host");
    } else if (is_plain && config->server.client_ca_file.len > 0) {
        loader_fail(loader, "server.client_ca_file: client certificates come with TLS; set "
                            "server.tls_certificate_file and server.tls_key_file, too");
    } else {
        judge_pair(loader, listens ? &config->server.all[0] : &files, listens,
                   "server.tls_certificate_file", "server.tls_key_file");
    }
}

static void judge_authorities(struct loader *loader, const struct config *config)
{
    struct error err = {0};

    if (config->upstream.ca_file.len > 0 && !loader_has_failed(loader, "upstream.ca_file") &&
        tls_check_authorities(config->upstream.ca_file.ptr, &err) != ERR_OK) {
        loader_fail(loader, "upstream.ca_file: %s", err.text);
    }
}

/* That which is shown to the platform. */
static void judge_client_certificate(struct loader *loader, const struct config *config)
{
    const struct config_listener shown = {.tls_certificate_file =
                                              config->upstream.client_certificate_file,
                                          .tls_key_file = config->upstream.client_key_file};

    judge_pair(loader, &shown, true, "upstream.client_certificate_file",
               "upstream.client_key_file");
}

static void judge_endpoints(struct loader *loader, const struct config *config)
{
    const struct str *urls = config->upstream.endpoints;

    for (size_t i = 0; i < config->upstream.n_endpoints; i++) {
        bool is_twice = str_eq(urls[i], config->upstream.base_url);

        for (size_t k = 0; k < i; k++) {
            is_twice = is_twice || str_eq(urls[i], urls[k]);
        }
        if (is_twice) {
            loader_fail(loader,
                        "upstream.endpoints: \"%.*s\" is there twice; upstream.base_url is the "
                        "first of them and is not repeated",
                        STR_ARG(urls[i]));
        }
    }
    if (config->upstream.n_endpoints > 0 && !config->upstream.breaker) {
        loader_fail(loader, "upstream.endpoints: needs upstream.breaker, which tells when one of "
                            "them is away");
    }
}

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
static void judge_proxy(struct loader *loader, const struct config *config)
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

void config_judge(struct loader *loader)
{
    struct config *config = &loader->box->config;

    loader->place = NULL;
    loader->line = 0;
    /* The sandbox holds nothing worth guarding: without keys it is open, on whatever address. */
    if (config->auth.modes == AUTH_KEYS && config->auth.n_keys == 0 && config->sandbox.enabled) {
        config->auth.modes = AUTH_NONE;
    }
    listeners_judge(loader, config);
    judge_auth(loader, config);
    judge_mtls(loader, config);
    judge_admin(loader, config);
    judge_lambda(loader, config);
    judge_jwt(loader, config);
    judge_tenants(loader, config, "auth.keys", config->auth.keys, config->auth.n_keys);
    judge_tenants(loader, config, "auth.certificates", config->auth.certificates,
                  config->auth.n_certificates);
    config_judge_limits(loader, config);
    config_judge_store(loader, config);
    judge_workers(loader, config);
    judge_roles(loader, config);
    config_judge_runs(loader, config);
    config_judge_events(loader, config);
    judge_token(loader, config);
    judge_certificate(loader, config);
    judge_authorities(loader, config);
    judge_client_certificate(loader, config);
    judge_endpoints(loader, config);
    judge_proxy(loader, config);
    config_judge_files(loader, config);
    if (config->cors.credentials && is_any_origin(config)) {
        loader_fail(
            loader,
            "cors.credentials: cannot be true while cors.origins holds \"*\"; name the origins");
    }
    if (config->drain.limit_ms < config->drain.notice_ms &&
        !loader_has_failed(loader, "drain.limit_ms") &&
        !loader_has_failed(loader, "drain.notice_ms")) {
        loader_fail(loader, "drain.limit_ms: must not be below drain.notice_ms (%u)",
                    config->drain.notice_ms);
    }
}
