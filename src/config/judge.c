/* Judges options together, after each one was read. An option whose value was refused is not judged again. */
#include "base/address.h"
#include "base/limits.h"
#include "base/url.h"
#include "config_internal.h"
#include "crypto/tls.h"

static bool is_any_origin(const struct config *config)
{
    for (size_t i = 0; i < config->cors.n_origins; i++) {
        if (str_is(config->cors.origins[i], "*")) {
            return true;
        }
    }
    return false;
}

static void judge_workers(struct loader *loader, struct config *config)
{
    int64_t n = 1;

    if (str_is(config->server.workers, "auto")) {
        n = (int64_t)cpu_limit_cores();
        n += (double)n < cpu_limit_cores() ? 1 : 0; /* one and a half cores make two workers */
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

/* Processes with different roles divide the work, so they need a store that all of them share. */
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

/* A certificate and its key must both be set, and fit together, or both be missing. `opens` false: they are not used,
 * and their files are not opened. */
static bool judge_pair(struct loader *loader, const struct config_listener *pair, bool opens,
                       const char *certificate, const char *key)
{
    bool has_key = pair->tls_key_file.len > 0;
    struct tls_config *tls = NULL;
    struct error err = {0};
    bool ok = true;

    if (loader_has_failed(loader, certificate) || loader_has_failed(loader, key)) {
        return false;
    }
    if ((pair->tls_certificate_file.len > 0) != has_key) {
        ok = loader_fail(loader, "%s and %s come together; %s is not set", certificate, key,
                         has_key ? certificate : key);
    } else if (opens && config_open_tls(pair, &tls, &err) != ERR_OK) {
        ok = loader_fail(loader, "%s, %s: %s", certificate, key, err.text);
    }
    tls_config_free(tls);
    return ok;
}

/* Opens the TLS settings option by option, so that the error names the option at fault. */
static void judge_server_tls(struct loader *loader, const struct config_listener *whole)
{
    struct config_listener part = {.tls_certificate_file = whole->tls_certificate_file,
                                   .tls_key_file = whole->tls_key_file};
    const char *keys[] = {"server.tls_certificates", "server.client_ca_file",
                          "server.client_crl_file"};
    const bool adds[] = {whole->n_tls_certificates > 0, whole->client_ca_file.len > 0,
                         whole->client_crl_file.len > 0};
    bool ok = judge_pair(loader, &part, true, "server.tls_certificate_file", "server.tls_key_file");

    for (size_t i = 0; i < ARRAY_LEN(keys) && ok; i++) {
        struct tls_config *tls = NULL;
        struct error err = {0};

        part.tls_certificates = whole->tls_certificates;
        part.n_tls_certificates = whole->n_tls_certificates;
        part.client_ca_file = i > 0 ? whole->client_ca_file : STR_EMPTY;
        part.client_crl_file = i > 1 ? whole->client_crl_file : STR_EMPTY;
        if (adds[i] && config_open_tls(&part, &tls, &err) != ERR_OK) {
            ok = loader_fail(loader, "%s: %s", keys[i], err.text);
        }
        tls_config_free(tls);
    }
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
    } else if (listens) {
        judge_server_tls(loader, &config->server.all[0]);
    } else {
        (void)judge_pair(loader, &files, false, "server.tls_certificate_file",
                         "server.tls_key_file");
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

/* The client certificate that this server shows to the platform. */
static void judge_client_certificate(struct loader *loader, const struct config *config)
{
    const struct config_listener shown = {.tls_certificate_file =
                                              config->upstream.client_certificate_file,
                                          .tls_key_file = config->upstream.client_key_file};

    (void)judge_pair(loader, &shown, true, "upstream.client_certificate_file",
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

void config_judge(struct loader *loader)
{
    struct config *config = &loader->box->config;

    loader->place = NULL;
    loader->line = 0;
    /* The sandbox holds nothing worth guarding: without keys it is open, on any address. But auth.mode keys with
     * an empty text of keys is an error, which judge_auth reports. */
    if (config->auth.modes == AUTH_KEYS && config->auth.n_keys == 0 && config->sandbox.enabled &&
        !(option_is_given(loader, "auth.mode") && loader->names_no_key)) {
        config->auth.modes = AUTH_NONE;
    }
    listeners_judge(loader, config);
    config_judge_auth(loader, config);
    judge_lambda(loader, config);
    config_judge_limits(loader, config);
    config_judge_store(loader, config);
    judge_workers(loader, config);
    judge_roles(loader, config);
    config_judge_runs(loader, config);
    config_judge_events(loader, config);
    config_judge_token(loader, config);
    judge_certificate(loader, config);
    judge_authorities(loader, config);
    judge_client_certificate(loader, config);
    judge_endpoints(loader, config);
    config_judge_proxy(loader, config);
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
