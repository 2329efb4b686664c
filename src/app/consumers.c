#include "consumers.h"

#include "base/mem.h"
#include "config/config.h"
#include "events/analytics.h"
#include "events/audit.h"
#include "events/webhooks.h"

enum error_code open_webhooks(struct server *server, struct error *err)
{
    const struct webhooks_options options = {.allow_private =
                                                 server->config->webhooks.allow_private,
                                             .retry_ms = server->config->webhooks.retry_ms,
                                             .ca_file = server->config->upstream.ca_file};

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

enum error_code open_audit(struct server *server, struct error *err)
{
    const struct config *config = server->config;
    char *file = str_dup(config->audit.file);
    const struct audit_options options = {.file = file, .max_bytes = config->audit.max_bytes};
    enum error_code code = config->audit.file.len == 0
                               ? ERR_OK
                               : audit_open(&server->loop, &options, &server->audit, err);

    mem_free(file);
    return code;
}
