/* The proxy is wired as for `serve`, by server_open; what differs are options that are forced, so
 * that a configuration written for a server fits: no fixed port, no TLS on loopback, no snapshot
 * file that a running server may be writing, keys on. With an address given nothing is served: the
 * same server is opened with none of its parts, for its loop and its signals. */
#include "inprocess.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"
#include "observe/log.h"
#include "secret_source.h"
#include "subcommands.h"

enum { KEY_DIGITS = 48, SETS_MAX = 96 };

static const char *const quiet_sets[] = {"log.level=error", "log.access=false"};

static const char *const forced_sets[] = {
    "server.listen=127.0.0.1:0",
    "admin.listen=",
    "server.tls_certificate_file=",
    "server.tls_certificates=[]",
    "server.tls_key_file=",
    "auth.mode=keys",
    "drain.notice_ms=0",
    "drain.limit_ms=2000",
    "sandbox.listen=127.0.0.1:0",
    "sessions.snapshot_file=",
    "server.listeners=[]",
    "server.client_ca_file=",
    "server.client_crl_file=",
    "server.proxy_protocol=false",
    "server.client_certificates=optional",
    "lambda.runtime_api=",
    "server.workers=1",
};

static const char *const loop_only_sets[] = {"auth.mode=none", "log.level=off"};

/* NULL: one error is in `err`; several are printed, and `err` says that. */
static struct config *load(const struct config_sources *sources, struct error *err)
{
    struct secret_source *secrets = secret_source_new();
    struct config *config = NULL;
    struct error_list errors;

    error_list_init(&errors);
    if (secret_source_load(secrets, *sources, true, &config, &errors) != ERR_OK && errors.n == 1) {
        *err = errors.items[0];
    } else if (config == NULL) {
        print_errors(&errors);
        (void)error_set(err, ERR_CONFIG, "the configuration has errors");
    }
    error_list_done(&errors);
    secret_source_free(secrets);
    return config;
}

/* Later sets win: the quiet log comes first, as a default; what is forced comes last. */
static struct config *load_own(const struct inprocess_options *options, const char *key,
                               struct error *err)
{
    const char *sets[SETS_MAX];
    struct config_sources sources = {
        .file = options->config_file, .sets = sets, .sends_nothing = !options->needs_token};
    size_t n = 0;
    char key_set[KEY_DIGITS + sizeof("auth.keys=")];

    CHECK(options->n_sets + ARRAY_LEN(quiet_sets) + ARRAY_LEN(forced_sets) + 2 <= SETS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(quiet_sets); i++) {
        sets[n++] = quiet_sets[i];
    }
    for (size_t i = 0; i < options->n_sets; i++) {
        sets[n++] = options->sets[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(forced_sets); i++) {
        sets[n++] = forced_sets[i];
    }
    if (options->sandbox) {
        sets[n++] = "sandbox.enabled=true";
    }
    sets[n++] = str_print(key_set, sizeof(key_set), "auth.keys=%s", key).ptr;
    sources.n_sets = n;
    return load(&sources, err);
}

static enum error_code open_own(struct inprocess *proxy, const struct inprocess_options *options,
                                struct error *err)
{
    char key[KEY_DIGITS + 1] = {0};
    struct config *config;
    enum error_code code;

    random_hex(key, KEY_DIGITS);
    secret_set(&proxy->key, str_from(key));
    config = load_own(options, key, err);
    if (config == NULL) {
        return ERR_CONFIG;
    }
    open_log(config);
    code = server_open(&proxy->server, config, FRONT_SOCKETS, NULL, err);
    if (code == ERR_OK) {
        proxy->url = str_from(server_url(&proxy->server, proxy->url_text));
    }
    return code;
}

static enum error_code open_loop(struct inprocess *proxy, const struct inprocess_options *options,
                                 struct error *err)
{
    static const char *const empty_environment[] = {NULL};
    const struct config_sources sources = {.sets = loop_only_sets,
                                           .n_sets = ARRAY_LEN(loop_only_sets),
                                           .environment = empty_environment,
                                           .sends_nothing = true};
    struct config *config = load(&sources, err);

    CHECK(config != NULL); /* constant */
    proxy->url = str_without_end(options->url, '/');
    proxy->ca_file = options->ca_file;
    if (options->key.len > 0) {
        secret_set(&proxy->key, options->key);
    }
    open_log(config);
    return server_open(&proxy->server, config, FRONT_NONE, NULL, err);
}

static void on_interrupt(struct server *server)
{
    struct inprocess *proxy = server->owner;

    if (proxy->client->interrupt != NULL && proxy->active) {
        proxy->client->interrupt(proxy);
    } else {
        server_stop(server);
    }
}

static void on_stopping(struct server *server)
{
    struct inprocess *proxy = server->owner;

    if (proxy->active) {
        proxy->client->cancel(proxy);
    }
}

void inprocess_end(struct inprocess *proxy)
{
    CHECK(proxy->active);
    proxy->active = false;
    server_stop(&proxy->server);
}

enum error_code inprocess_run(const struct inprocess_options *options,
                              const struct inprocess_client *client, void *context,
                              struct error *err)
{
    struct inprocess *proxy = mem_calloc(1, sizeof(*proxy));
    enum error_code code;

    proxy->client = client;
    proxy->context = context;
    code = options->url.len > 0 ? open_loop(proxy, options, err) : open_own(proxy, options, err);
    if (code == ERR_OK) {
        proxy->loop = &proxy->server.loop;
        proxy->server.owner = proxy;
        proxy->server.on_interrupt = on_interrupt;
        proxy->server.on_stopping = on_stopping;
        code = client->start(proxy, err);
        proxy->active = code == ERR_OK;
        if (!proxy->active) {
            server_stop(&proxy->server);
        }
        server_run(&proxy->server);
        while (proxy->active) { /* cancelled, and still closing what it had open */
            (void)loop_turn(proxy->loop, true);
        }
        server_done(&proxy->server);
    }
    log_close();
    secret_done(&proxy->key);
    mem_free(proxy);
    return code;
}
