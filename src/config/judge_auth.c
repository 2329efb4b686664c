/* Judges which callers get in, and whether each has a token for the platform. */
#include "base/address.h"
#include "base/host.h"
#include "base/url.h"
#include "config_internal.h"

static bool is_loopback(struct str text)
{
    struct address address;

    return address_read(text, &address, NULL) == ERR_OK && address.is_loopback;
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

/* The first address that other machines can reach; empty: there is none. */
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
    } else if (config->auth.modes == AUTH_KEYS && config->auth.n_keys == 0 &&
               config->sandbox.enabled && !loader_has_failed(loader, "auth.keys")) {
        loader_fail(loader, "auth.keys: auth.mode is keys, and what was given as keys holds none");
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

/* A key set that comes without TLS could be changed on its way, and then lets anybody in. If auth.mode has no jwt, the
 * key set is not opened, but a URL must still be a sound one. */
static void judge_key_set(struct loader *loader, struct str place, bool is_used)
{
    struct url url = {0};
    struct error err = {0};

    if (!str_contains(place, STR("://"))) {
        (void)(is_used && file_opens(loader, "auth.jwt.jwks", place));
    } else if (url_read(place, &url, &err) != ERR_OK || url.has_user || url.has_fragment) {
        loader_fail(loader, "auth.jwt.jwks: must be a file or a URL without user and fragment");
    } else if (is_used && !str_starts(place, STR("https://")) && !host_is_loopback(url.host)) {
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
    if (config->auth.jwt.jwks.len > 0) {
        judge_key_set(loader, config->auth.jwt.jwks, (config->auth.modes & AUTH_JWT) != 0);
    }
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
}

static void judge_tenants(struct loader *loader, struct config *config, const char *list,
                          const struct config_key *of, size_t n)
{
    struct config_key *keys = unconst(of); /* they lie in our arena, so they may be changed */

    for (size_t i = 0; i < n && !loader_has_failed(loader, "tenants"); i++) {
        keys[i].tenant = config_tenant_find(config, keys[i].tenant_name);
        if (keys[i].tenant_name.len > 0 && keys[i].tenant == 0) {
            loader_fail(loader, "%s: the tenant \"%.*s\" of \"%.*s\" is not in tenants", list,
                        SHOWN(keys[i].tenant_name), STR_ARG(keys[i].name));
        }
    }
}

void config_judge_auth(struct loader *loader, struct config *config)
{
    judge_auth(loader, config);
    judge_mtls(loader, config);
    judge_admin(loader, config);
    judge_jwt(loader, config);
    judge_tenants(loader, config, "auth.keys", config->auth.keys, config->auth.n_keys);
    judge_tenants(loader, config, "auth.certificates", config->auth.certificates,
                  config->auth.n_certificates);
}

static bool all_have_tenants(const struct config_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i].tenant_name.len == 0) {
            return false;
        }
    }
    return n > 0;
}

/* A caller may bring a token of its own, or have that of its tenant. The key, the certificate or a claim names the
 * tenant; where auth.jwt.tenant_claim is set, a token without this claim is refused. */
static bool every_caller_has_a_token(const struct config *config)
{
    unsigned modes = config->auth.modes;

    return modes != AUTH_NONE &&
           ((modes & AUTH_KEYS) == 0 || all_have_tenants(config->auth.keys, config->auth.n_keys)) &&
           ((modes & AUTH_MTLS) == 0 ||
            all_have_tenants(config->auth.certificates, config->auth.n_certificates)) &&
           ((modes & AUTH_JWT) == 0 || config->auth.jwt.tenant_claim.len > 0);
}

/* Callers without a token of their own are served with upstream.token, which must then be set. */
void config_judge_token(struct loader *loader, const struct config *config)
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
