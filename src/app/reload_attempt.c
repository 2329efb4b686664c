#include "reload_attempt.h"

#include "base/mem.h"
#include "clients.h"
#include "config/option.h"
#include "front_lambda.h"
#include "subcommands.h"

enum { NAMES_MAX = 64 * 1024 };

static void add_name(struct buf *list, const char *name)
{
    buf_text(list, list->len > 0 ? ", " : "");
    buf_text(list, name);
}

static void report_name(struct arena *arena, struct str **list, size_t *n, const char *name)
{
    *list = arena_room(arena, *list, *n, sizeof(**list));
    (*list)[(*n)++] = str_from(name);
}

static void on_change(void *context, const struct option_row *row)
{
    struct attempt *attempt = context;
    struct str key = str_from(row->key);
    bool waits = config_change_waits(attempt->server->config, attempt->fresh, row);

    add_name(&attempt->changed, row->key);
    attempt->new_authorities = attempt->new_authorities || str_is(key, "upstream.ca_file");
    attempt->new_certificate = attempt->new_certificate || (config_is_tls(row) && !waits);
    if (waits) {
        add_name(&attempt->waiting, row->key);
    }
    if (attempt->report != NULL) {
        struct reload_report *report = attempt->report;

        report_name(report->arena, &report->changed, &report->n_changed, row->key);
        if (waits) {
            report_name(report->arena, &report->needs_restart, &report->n_needs_restart, row->key);
        }
    }
}

bool attempt_prepare(struct attempt *attempt, const struct config_sources *sources,
                     struct secret_source *secrets)
{
    struct server *server = attempt->server;
    struct error err = {0};

    if (secret_source_load_known(secrets, sources, &attempt->fresh, &attempt->errors) != ERR_OK) {
        return false;
    }
    if (server->sandbox_address[0] != '\0') {
        server_adopt_sandbox(server, attempt->fresh);
    }
    if (server->lambda != NULL) {
        front_lambda_adopt(attempt->fresh);
    }
    (void)config_changes(server->config, attempt->fresh, on_change, attempt);
    config_keep(attempt->fresh, server->config);
    attempt->new_key_set = auth_reads_elsewhere(server->config, attempt->fresh);
    if (attempt->new_certificate &&
        open_config_tls(attempt->fresh, &attempt->listeners, &err) != ERR_OK) {
        *error_list_add(&attempt->errors) = err;
        return false;
    }
    if (attempt->new_key_set &&
        (key_source_check(attempt->fresh, &err) != ERR_OK ||
         key_place_open(server->key_source, attempt->fresh, &attempt->key_place, &err) != ERR_OK)) {
        *error_list_add(&attempt->errors) = err;
        return false;
    }
    if (clients_links(server->clients, attempt->fresh, attempt->new_authorities, &attempt->links,
                      &err) != ERR_OK) {
        *error_list_add(&attempt->errors) = err;
        return false;
    }
    return true;
}

void attempt_swap(struct attempt *attempt)
{
    struct server *server = attempt->server;
    struct config *before = server->config;
    const struct config *config = attempt->fresh;
    const struct session_options sessions = session_options_of(config);
    struct http_server_options http;

    server->config = attempt->fresh;
    attempt->fresh = NULL;
    swap_config_tls(server->listeners, &attempt->listeners);
    tell_certificate_expiry(server->listeners);
    http = http_options_of(config, server->listeners);
    http_server_configure(server->http, &http);
    if (server->admin != NULL) {
        const struct http_server_options admin = admin_options_of(config);

        http_server_configure(server->admin, &admin);
    }
    clients_configure(config, attempt->links);
    session_store_configure(server->sessions, &sessions);
    if (attempt->new_key_set) {
        key_source_move(server->key_source, attempt->key_place);
        attempt->key_place = NULL;
    }
    api_configure(server->api, config, attempt->links);
    mem_free(attempt->links); /* the api has them */
    attempt->links = NULL;
    if (!str_eq(before->log.level, config->log.level) ||
        !str_eq(before->log.format, config->log.format)) { /* if not, PUT /admin/log-level stays */
        set_log(config);
    }
    config_release(before);
}

void attempt_init(struct attempt *attempt, struct server *server, struct reload_report *report)
{
    *attempt = (struct attempt){.server = server, .report = report};
    error_list_init(&attempt->errors);
    buf_init(&attempt->changed, NAMES_MAX);
    buf_init(&attempt->waiting, NAMES_MAX);
    if (report != NULL) {
        report->n_changed = 0;
        report->n_needs_restart = 0;
    }
}

void attempt_done(struct attempt *attempt)
{
    if (attempt->links != NULL) {
        clients_drop_links(attempt->links, attempt->fresh->tenants.n + 1);
    }
    key_place_close(attempt->key_place);
    close_config_tls(&attempt->listeners);
    config_release(attempt->fresh);
    buf_done(&attempt->changed);
    buf_done(&attempt->waiting);
    error_list_done(&attempt->errors);
}
