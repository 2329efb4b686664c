#include "consumers.h"

#include <string.h>
#include <unistd.h>

#include "archive.h"
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
#include "google.h"
#include "room_options.h"

enum { PATH_BYTES_MAX = 4096 };

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

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_.-", c) != NULL;
}

/* The name of the machine, as the name of a key of the store. */
static struct str chain_of(const struct config *config, char room[64])
{
    if (config->audit.chain.len > 0) {
        return config->audit.chain;
    }
    if (gethostname(room, 64) != 0) {
        str_copy(room, 64, STR("replica"));
    }
    room[63] = '\0';
    for (char *c = room; *c != '\0'; c++) {
        if (!is_key_char(*c)) {
            *c = '-';
        }
    }
    return str_from(room);
}

/* A file has one chain of hashes, and one writer: each worker has its own. */
static char *audit_file_of(const struct server *server)
{
    struct buf name;
    char *file;

    buf_init(&name, PATH_BYTES_MAX);
    buf_str(&name, server->config->audit.file);
    if (server->given.is_worker) {
        buf_printf(&name, ".w%u", server->given.slot);
    }
    file = str_dup(buf_view(&name));
    buf_done(&name);
    return file;
}

enum error_code open_audit(struct server *server, struct error *err)
{
    const struct config *config = server->config;
    char room[64];
    char *file = config->audit.file.len > 0 ? audit_file_of(server) : NULL;
    const struct audit_options options = {.file = file,
                                          .chain = chain_of(config, room),
                                          .max_bytes = config->audit.max_bytes,
                                          .journal = server->journal,
                                          .keeps = server->keeps};
    bool is_ours = server->journal == NULL || journal_is_on_duty(server->journal);
    bool is_wanted = is_ours && (file != NULL || (config->audit.store && server->journal != NULL));
    enum error_code code =
        is_wanted ? audit_open(&server->loop, &options, &server->audit, err) : ERR_OK;

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
