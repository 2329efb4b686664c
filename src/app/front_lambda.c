#include "front_lambda.h"

#include <stdlib.h>
#include <unistd.h>

#include "clients.h"
#include "events/artifacts.h"
#include "lambda/lambda.h"
#include "observe/log.h"
#include "parts.h"
#include "reload.h"

/* From SIGTERM to SIGKILL: Lambda gives some 300 ms, or nothing. */
enum { DRAIN_LIMIT_MS = 300, PATH_MAX_BYTES = 512 };

#define CONFIG_FILE "virtuoso-proxy.yaml"

void front_lambda_adopt(struct config *config)
{
    config->server.n_workers = 1; /* it gets one invocation at a time */
    config->server.listen = STR_EMPTY;
    config->server.n_all = 0;
    config->admin.listen = STR_EMPTY;
    config->drain.notice_ms = 0;
    config->drain.limit_ms = DRAIN_LIMIT_MS;
    config->upstream.breaker = false; /* it looks for the platform between requests */
}

static bool is_quiet(void *context)
{
    const struct server *server = context;

    return http_server_n_exchanges(server->http) == 0 && api_n_running(server->api) == 0 &&
           clients_are_quiet(server->clients) && artifacts_is_quiet(server->artifacts) &&
           !reload_is_at_work(server->reload);
}

/* Reads secrets again, if that is due: no timer tells so while the process is stopped. */
static void on_event(void *context)
{
    struct server *server = context;

    reload_secrets_if_due(server->reload);
}

static void on_thaw(void *context)
{
    struct server *server = context;

    clients_forget_connections(server->clients);
    recaller_forget_connections(server->recaller);
}

static void on_gone(void *context, const char *why)
{
    struct server *server = context;

    log_event(LOG_ERROR, "lambda.runtime_api", F_TEXT("error", why));
    server->failed = true;
    server_stop(server);
}

enum error_code front_lambda_open(struct server *server, struct error *err)
{
    const struct config *config = server->config;
    struct lambda_options options = {
        .base_path = config->lambda.base_path,
        .concurrency = config->lambda.concurrency,
        .margin_ms = config->lambda.margin_ms,
        .streaming = config->lambda.streaming,
        .policy = str_is(config->lambda.authorizer, "policy"),
        .read_action = api_read_action,
        /* With several invocations at once the process runs on between them: no need to be quiet. */
        .is_quiet =
            config->lambda.concurrency > 1 || config->lambda.work_after_answer ? NULL : is_quiet,
        .on_event = on_event,
        .on_thaw = on_thaw,
        .on_gone = on_gone,
        .context = server,
    };
    enum error_code code = address_read(config->lambda.runtime_api, &options.runtime_api, err);

    if (code == ERR_OK) {
        lambda_open(&server->loop, server->http, &options, &server->lambda);
        /* How it runs the process: on-demand, provisioned-concurrency, snap-start, lambda-managed-instances. */
        log_event(LOG_INFO, "lambda.started",
                  F_TEXT("function", getenv("AWS_LAMBDA_FUNCTION_NAME")),
                  F_TEXT("version", getenv("AWS_LAMBDA_FUNCTION_VERSION")),
                  F_TEXT("memory_mb", getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
                  F_TEXT("initialization", getenv("AWS_LAMBDA_INITIALIZATION_TYPE")),
                  F_INT("concurrency", config->lambda.concurrency));
    }
    return code;
}

void front_lambda_tell_error(const char *type, const struct error *err)
{
    const char *text = getenv("AWS_LAMBDA_RUNTIME_API");
    struct address address;

    if (text != NULL && address_read(str_from(text), &address, NULL) == ERR_OK) {
        (void)lambda_tell_init_error(&address, type, str_from(err->text)); /* stderr has it, too */
    }
}

const char *front_lambda_config_file(void)
{
    static char path[PATH_MAX_BYTES];
    const char *root = getenv("LAMBDA_TASK_ROOT");

    if (root == NULL) {
        return NULL;
    }
    (void)str_print(path, sizeof(path), "%s/" CONFIG_FILE, root);
    return access(path, R_OK) == 0 ? path : NULL;
}
