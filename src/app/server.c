#include "app/server.h"

#include "base/address.h"
#include "base/check.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "clients.h"
#include "events/analytics.h"
#include "events/artifacts.h"
#include "events/audit.h"
#include "events/journal.h"
#include "events/sinks.h"
#include "events/webhooks.h"
#include "front_lambda.h"
#include "key_source.h"
#include "lambda/lambda.h"
#include "manager.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "parts.h"
#include "reload.h"
#include "room_options.h"
#include "session/share.h"
#include "signals.h"
#include "telemetry/telemetry.h"
#include "testfile/testfile.h"
#include "worker.h"
#include "worker_talk.h"

static const char sandbox_default_token[] = "sandbox-token";

/* ---- down ---- */

static void go_down(void *context);

/* A step of the way down: begins to close the member and returns true; false: there is nothing to close.
 * `is_closed`: the member has been closed. */
#define CLOSES(member, close)                                                                      \
    static bool close_##member(struct server *server, bool is_closed)                              \
    {                                                                                              \
        bool is_open = server->member != NULL && !is_closed;                                       \
                                                                                                   \
        if (is_open) {                                                                             \
            close(server->member, go_down, server);                                                \
        } else {                                                                                   \
            server->member = NULL;                                                                 \
        }                                                                                          \
        return is_open;                                                                            \
    }

CLOSES(lambda, lambda_close)
CLOSES(http, http_server_close)
CLOSES(admin, http_server_close)
CLOSES(purge_feed, purge_feed_close)
CLOSES(key_source, key_source_close)
CLOSES(telemetry, telemetry_close)
CLOSES(recaller, recaller_close)
CLOSES(artifacts, artifacts_close)
CLOSES(archive, archive_close)
CLOSES(webhooks, webhooks_close)
CLOSES(sinks, sinks_close)
CLOSES(google, google_close)
CLOSES(audit, audit_close)
CLOSES(journal, journal_close)
CLOSES(keeps, keeps_close)
CLOSES(store, store_close)
CLOSES(sandbox, sandbox_close)

/* Artifacts ask the api for runs, so they leave before it stops. */
static bool stop_api(struct server *server, bool is_closed)
{
    (void)is_closed;
    artifacts_leave(server->artifacts);
    if (server->api != NULL) {
        api_stop(server->api);
    }
    return false;
}

/* The clients are freed with the server. */
static bool close_clients(struct server *server, bool is_closed)
{
    bool is_open = server->clients != NULL && !is_closed;

    if (is_open) {
        clients_close(server->clients, go_down, server);
    }
    return is_open;
}

static bool close_analytics(struct server *server, bool is_closed)
{
    (void)is_closed;
    analytics_close(server->analytics);
    server->analytics = NULL;
    return false;
}

/* Sessions write what is not written yet, before their leases are let go. They are freed with the server. */
static bool stop_sessions(struct server *server, bool is_closed)
{
    bool is_open = server->store != NULL && server->sessions != NULL && !is_closed;

    if (is_open) {
        session_store_stop(server->sessions, go_down, server);
    }
    return is_open;
}

/* Telemetry goes after everything that writes spans, consumers after everything that notes facts. */
static bool (*const way_down[])(struct server *server, bool is_closed) = {
    close_lambda,     close_http,    close_admin,     stop_api,        close_purge_feed,
    close_key_source, close_clients, close_telemetry, close_analytics, close_recaller,
    close_artifacts,  close_archive, close_webhooks,  close_sinks,     close_google,
    close_audit,      close_journal, stop_sessions,   close_keeps,     close_store,
    close_sandbox};

static void go_down(void *context)
{
    struct server *server = context;

    if (server->n_closed > 0) {
        (void)way_down[server->n_closed - 1](server, true);
    }
    while (server->n_closed < ARRAY_LEN(way_down)) {
        if (way_down[server->n_closed++](server, false)) {
            return;
        }
    }
    signals_close(&server->signals);
    server->state = SERVER_STOPPED;
    loop_stop(&server->loop);
}

void server_stop(struct server *server)
{
    if (server->state == SERVER_STOPPING || server->state == SERVER_STOPPED) {
        return;
    }
    server->state = SERVER_STOPPING;
    deadline_clear(&server->drain_step);
    reload_stop(server->reload);
    worker_stop(server->worker);
    if (server->on_stopping != NULL) {
        server->on_stopping(server);
    }
    go_down(server);
}

/* ---- up ---- */

void server_adopt_sandbox(struct server *server, struct config *config)
{
    config->upstream.base_url = str_print(server->sandbox_url, sizeof(server->sandbox_url),
                                          "http://%s/api", server->sandbox_address);
    config->upstream.n_endpoints = 0;
    config->upstream.ui_url = STR_EMPTY; /* the sandbox has no pages to link to */
    if (!secret_is_set(&config->upstream.token)) {
        secret_set(&config->upstream.token, str_from(sandbox_default_token));
    }
    if (config->upstream.organization_id.len == 0) {
        config->upstream.organization_id = STR("1");
    }
}

static enum error_code open_sandbox(struct server *server, struct error *err)
{
    struct config *config = server->config;
    enum error_code code;

    const char *address = server->given.sandbox;

    if (!config->sandbox.enabled) {
        return ERR_OK;
    }
    if (address == NULL || address[0] == '\0') {
        code = open_config_sandbox(&server->loop, config, &server->sandbox, err);
        if (code != ERR_OK) {
            return code;
        }
        address = sandbox_address(server->sandbox);
    }
    str_copy(server->sandbox_address, sizeof(server->sandbox_address), str_from(address));
    server_adopt_sandbox(server, config);
    return ERR_OK;
}

/* With the sandbox all accounts have it as their platform, each with its own token. */
static enum error_code open_clients(struct server *server, struct error *err)
{
    (void)err;
    server->clients = mem_alloc(sizeof(*server->clients));
    clients_open(server->clients, &server->loop, server->sandbox_address[0] != '\0');
    return ERR_OK;
}

static enum error_code open_telemetry(struct server *server, struct error *err)
{
    return open_config_telemetry(&server->loop, server->config, &server->telemetry, err);
}

static enum error_code open_api(struct server *server, struct error *err)
{
    struct api_link *links = NULL;
    enum error_code code = clients_links(server->clients, server->config, false, &links, err);
    const struct api_options options = {
        .catalog = server->catalog,
        .dictionary = server->dictionary,
        .config = server->config,
        .links = links,
        .release_client = client_release,
        .sessions = server->sessions,
        .store = server->store,
        .webhooks = server->webhooks,
        .keeps = server->keeps,
        /* Workers tell each other directly, and no other process shares the supervisor's store. */
        .journal = server->given.store_fd == 0 ? server->journal : NULL,
        .analytics = server->analytics,
        .deadlines = &server->loop.deadlines,
        .is_behind = &server->loop.is_behind,
        .later = &server->loop.later,
        .key_source = key_source_of(server->key_source),
        .recaller = recaller_port(server->recaller),
        .sandbox = server->sandbox_address[0] != '\0',
        .reload = reload_for_request,
        .reloader = server,
        .tell_others = server->given.is_worker ? talk_tell_others : NULL,
        .teller = server,
    };

    if (code != ERR_OK) {
        return code;
    }
    clients_configure(server->config, links);
    server->api = api_open(&options);
    mem_free(links); /* the api has them */
    return ERR_OK;
}

static enum error_code open_key_source(struct server *server, struct error *err)
{
    return key_source_open(&server->loop, server->config, &server->key_source, err);
}

static enum error_code open_tls(struct server *server, struct error *err)
{
    enum error_code code = open_config_tls(server->config, server->listeners, err);

    tell_certificate_expiry(server->listeners);
    return code;
}

static enum error_code open_http(struct server *server, struct error *err)
{
    const struct http_server_options options = http_options_of(server->config, server->listeners);

    return http_server_open(&server->loop, &options, api_service(), server->api, &server->http,
                            err);
}

static enum error_code open_admin(struct server *server, struct error *err)
{
    const struct http_listen given = {.name = "admin",
                                      .address = server->config->admin.listen,
                                      .socket = server->given.admin_socket};
    struct http_server_options options = admin_options_of(server->config);

    if (given.socket != 0) {
        options.listeners = &given;
        options.n_listeners = 1;
    }
    return options.listen.len == 0 ? ERR_OK
                                   : http_server_open(&server->loop, &options, api_admin_service(),
                                                      server->api, &server->admin, err);
}

static enum error_code open_feed(struct server *server, struct error *err)
{
    return purge_feed_open(server, &server->purge_feed, err);
}

static void open_metrics(const struct catalog *catalog)
{
    const char *routes[API_MAX_ROUTE_LABELS];
    size_t n = api_route_labels(routes);
    const char *const *names;

    metrics_label_values(LABEL_ROUTE, routes, n);
    names = catalog_call_names(catalog, &n);
    metrics_label_values(LABEL_CALL, names, n);
    names = catalog_command_names(catalog, &n);
    metrics_label_values(LABEL_COMMAND, names, n);
    metrics_open();
}

typedef enum error_code (*open_fn)(struct server *server, struct error *err);

static enum error_code open_all(struct server *server, const open_fn *steps, struct error *err)
{
    enum error_code code = ERR_OK;

    for (const open_fn *step = steps; *step != NULL && code == ERR_OK; step++) {
        code = (*step)(server, err);
    }
    return code;
}

static enum error_code open_tables(struct server *server, struct error *err)
{
    enum error_code code = catalog_new(&server->catalog, err);

    if (code == ERR_OK) {
        server->dictionary = dictionary_new(server->catalog);
        open_metrics(server->catalog);
        if (server->given.is_restart) { /* counted at once: it may end before it serves */
            metric_add(M_WORKER_RESTARTS, 0, 0, 0, 1);
        }
        metric_set(M_WORKERS, 1);
    }
    return code;
}

/* Opens all parts but those that requests come through. */
static enum error_code open_inside(struct server *server, struct error *err)
{
    static const open_fn steps[] = {open_tables,    open_sandbox,  open_clients,   open_key_source,
                                    open_store,     open_sessions, open_telemetry, open_journal,
                                    open_audit,     open_webhooks, open_analytics, open_sinks,
                                    open_artifacts, open_recaller, open_api,       NULL};

    return open_all(server, steps, err);
}

static const open_fn proxy_steps[] = {open_inside, open_tls,  open_http,
                                      open_admin,  open_feed, NULL};
static const open_fn lambda_steps[] = {open_inside, open_http, front_lambda_open, NULL};
static const open_fn sandbox_steps[] = {open_sandbox, NULL};

enum error_code server_open(struct server *server, struct config *config, enum server_front front,
                            const struct server_given *given, struct error *err)
{
    static const open_fn *const steps[] = {
        [FRONT_NONE] = sandbox_steps, [FRONT_SOCKETS] = proxy_steps, [FRONT_LAMBDA] = lambda_steps};
    enum error_code code;

    if (front == FRONT_LAMBDA) {
        front_lambda_adopt(config);
    }
    *server = (struct server){.config = config, .state = SERVER_STARTING};
    server->listeners = mem_zalloc(sizeof(*server->listeners));
    if (given != NULL) {
        server->given = *given;
    }
    for (size_t i = 0; i < config->server.n_all; i++) {
        server->listeners->listen[i].socket = server->given.sockets[i];
    }
    loop_init(&server->loop);
    signals_open(server);
    code = open_all(server, steps[front], err);
    if (code != ERR_OK) {
        server_stop(server);
        server_run(server);
        server_done(server);
        return code;
    }
    server->state = SERVER_SERVING;
    return ERR_OK;
}

void server_run(struct server *server)
{
    while (server->state != SERVER_STOPPED) {
        loop_run(&server->loop);
    }
    while (server->signals.n > 0 || reload_is_closing(server->reload) ||
           worker_is_closing(server->worker)) {
        (void)loop_turn(&server->loop, true);
    }
}

void server_done(struct server *server)
{
    worker_free(server->worker); /* what it asks of the reload leaves its list */
    reload_free(server->reload);
    manager_close(server->manager);
    api_close(server->api);
    mem_free(server->clients);
    if (server->sessions != NULL) {
        session_store_close(server->sessions);
    }
    close_config_tls(server->listeners);
    mem_free(server->listeners);
    loop_done(&server->loop);
    if (server->catalog != NULL) {
        metrics_done();
    }
    dictionary_free(server->dictionary);
    catalog_free(server->catalog);
    config_release(server->config);
    server->config = NULL;
}

const char *server_url(const struct server *server, char out[160])
{
    const char *address = http_server_address(server->http);
    bool is_tls = http_server_is_tls_at(server->http, 0);
    bool is_unix = address_is_unix(str_from(address));

    return is_unix ? str_print(out, 160, "%s%s", address, is_tls ? " (TLS)" : "").ptr
                   : str_print(out, 160, "%s://%s", is_tls ? "https" : "http", address).ptr;
}
