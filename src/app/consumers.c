#include "parts.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/config.h"
#include "events/analytics.h"
#include "events/artifacts.h"
#include "events/audit.h"
#include "events/events.h"
#include "events/journal.h"
#include "events/sinks.h"
#include "events/webhooks.h"
#include "room_options.h"

enum {
    PATH_BYTES_MAX = 4096,
    CHAIN_MAX = 64 /* as long as a name of a machine: those of pods differ at their end */
};

enum error_code open_journal(struct server *server, struct error *err)
{
    (void)err;
    if (server->store != NULL) {
        server->journal = journal_open(&server->loop, server->store,
                                       (server->config->server.roles & ROLE_EVENTS) != 0);
    }
    return ERR_OK;
}

enum error_code open_webhooks(struct server *server, struct error *err)
{
    const struct webhooks_options options = {.allow_private =
                                                 server->config->webhooks.allow_private,
                                             .retry_ms = server->config->webhooks.retry_ms,
                                             .ca_file = server->config->upstream.ca_file,
                                             .journal = server->journal,
                                             .keeps = server->keeps};

    (void)err;
    server->webhooks = webhooks_open(&server->loop, &options);
    return ERR_OK;
}

enum error_code open_analytics(struct server *server, struct error *err)
{
    (void)err;
    if (server->config->analytics.enabled) {
        server->analytics = analytics_open(&server->loop.later);
    }
    return ERR_OK;
}

/* A file, or the folder of a bucket, has one chain of hashes, and one writer: each worker has its own. */
static char *name_of_worker(const struct server *server, struct str whole)
{
    char name[PATH_BYTES_MAX];

    return server->given.is_worker ? str_dup(str_print(name, sizeof(name), "%.*s.w%u",
                                                       STR_ARG(whole), server->given.slot))
                                   : str_dup(whole);
}

/* The name of the machine, spelled like a key of the store; heap. */
static char *chain_of(const struct server *server)
{
    const struct config *config = server->config;
    bool is_bucket = config->audit.bucket.kind != CONFIG_NO_BUCKET;
    char room[CHAIN_MAX + 1];

    if (config->audit.chain.len > 0) {
        str_copy(room, sizeof(room), config->audit.chain);
    } else if (gethostname(room, sizeof(room)) != 0) {
        str_copy(room, sizeof(room), STR("replica"));
    }
    room[CHAIN_MAX] = '\0';
    for (char *c = room; *c != '\0'; c++) {
        if (!char_is_alnum(*c) && strchr("_.-", *c) == NULL) {
            *c = '-';
        }
    }
    return is_bucket ? name_of_worker(server, str_from(room)) : str_dup(str_from(room));
}

enum error_code open_audit(struct server *server, struct error *err)
{
    const struct config *config = server->config;
    bool is_bucket = config->audit.bucket.kind != CONFIG_NO_BUCKET;
    const struct store_cloud bucket = config_cloud(config, &config->audit.bucket);
    char *file = config->audit.file.len > 0 ? name_of_worker(server, config->audit.file) : NULL;
    char *chain = chain_of(server);
    const struct audit_options options = {.file = file,
                                          .bucket = is_bucket ? &bucket : NULL,
                                          .chain = str_from(chain),
                                          .max_bytes = config->audit.max_bytes,
                                          .journal = server->journal,
                                          .keeps = server->keeps};
    bool is_ours = server->journal == NULL || journal_is_on_duty(server->journal);
    bool is_wanted =
        is_ours && (file != NULL || is_bucket || (config->audit.store && server->journal != NULL));
    enum error_code code =
        is_wanted ? audit_open(&server->loop, &options, &server->audit, err) : ERR_OK;

    mem_free(file);
    mem_free(chain);
    return code;
}

enum error_code try_audit(const struct config *config, struct error *err)
{
    bool is_shared = config->server.n_workers > 1 || !str_is(config->store.url, "memory:");
    char *file;
    enum error_code code;

    if (config->audit.file.len == 0 || is_shared) {
        return ERR_OK;
    }
    file = str_dup(config->audit.file);
    code = audit_try(file, err);
    mem_free(file);
    return code;
}

/* --- sinks of analytics */
enum error_code open_sinks(struct server *server, struct error *err)
{
    const struct config *config = server->config;
    struct upstream_header headers[SINK_HEADERS_MAX];
    char *file = config->analytics.file.len > 0 ? str_dup(config->analytics.file) : NULL;
    struct sinks_options options = {
        .file = file,
        .max_bytes = config->analytics.max_bytes,
        .url = config->analytics.url,
        .headers = headers,
        .bigquery = config->analytics.bigquery,
        .ca_file = config->upstream.ca_file,
        .interval_ms = config->analytics.interval_ms,
        .journal = server->journal,
        .keeps = server->keeps,
    };
    bool is_wanted = file != NULL || options.url.len > 0 || options.bigquery.len > 0;
    struct arena arena;
    enum error_code code;

    if (options.bigquery.len > 0) {
        server->google = google_open(&server->loop, "bigquery", options.ca_file);
        options.google = google_port(server->google);
    }

    arena_init(&arena);
    options.n_headers =
        read_config_headers(&arena, &config->analytics.headers, headers, SINK_HEADERS_MAX);
    code = is_wanted ? sinks_open(&server->loop, &options, &server->sinks, err) : ERR_OK;
    arena_wipe(&arena);
    mem_free(file);
    return code;
}

/* --- reports of runs */
enum error_code open_artifacts(struct server *server, struct error *err)
{
    bool is_ours = server->journal == NULL || journal_is_on_duty(server->journal);
    enum error_code code;

    cloud_events_link(server->config->artifacts.link);
    if (server->config->artifacts.url.len == 0 || !is_ours) {
        return ERR_OK;
    }
    code = archive_open(server, &server->archive, err);
    if (code == ERR_OK) {
        server->artifacts = artifacts_open(
            &server->loop, &(struct artifacts_options){.port = archive_port(server->archive),
                                                       .journal = server->journal,
                                                       .keeps = server->keeps});
    }
    return code;
}

/* --- requests to ourselves */
enum error_code open_recaller(struct server *server, struct error *err)
{
    (void)err;
    server->recaller = recaller_open(&server->loop, server->config);
    return ERR_OK;
}

enum error_code open_store(struct server *server, struct error *err)
{
    enum error_code code = open_config_store(&server->loop, server->config, server->given.store_fd,
                                             &server->store, err);

    if (server->store != NULL) {
        server->keeps = keeps_open(server->store);
    }
    return code;
}

enum error_code open_sessions(struct server *server, struct error *err)
{
    struct session_options options = session_options_of(server->config);

    options.store = server->store;
    options.keeps = server->keeps;
    return session_store_open(&server->loop.deadlines, &server->loop.later, &options,
                              &server->sessions, err);
}
