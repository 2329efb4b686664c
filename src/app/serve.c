/* serve, sandbox and check: the server in the foreground, and its configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/server.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/url.h"
#include "config/option.h"
#include "front_lambda.h"
#include "key_source.h"
#include "manager.h"
#include "observe/log.h"
#include "parts.h"
#include "reload.h"
#include "secret_source.h"
#include "signals.h"
#include "subcommands.h"
#include "supervisor.h"
#include "worker.h"

enum { MODES_MAX = 64, CHANGE_MAX = 256 * 1024 };

void print_errors(const struct error_list *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        (void)fprintf(stderr, "%s\n", errors->items[i].text);
    }
    if (errors->n_dropped > 0) {
        (void)fprintf(stderr, "... and %zu more errors\n", errors->n_dropped);
    }
}

static struct config_sources sources_of(const char *file, const struct arguments *arguments)
{
    return (struct config_sources){.file = file,
                                   .sets = arguments->sets,
                                   .set_names = arguments->set_names,
                                   .n_sets = arguments->n_sets};
}

/* NULL: the errors were printed, and `first` has the first one. */
static struct config *load_config_or(struct secret_source *secrets, bool reads, const char *file,
                                     const struct arguments *arguments, struct error *first)
{
    const struct config_sources sources = sources_of(file, arguments);
    struct config *config = NULL;
    struct error_list errors;
    struct error err = {0};

    error_list_init(&errors);
    if (secret_source_load(secrets, sources, reads, &config, &errors) == ERR_OK &&
        key_source_check(config, &err) != ERR_OK) {
        *error_list_add(&errors) = err;
        config_release(config);
        config = NULL;
    }
    if (config == NULL) {
        print_errors(&errors);
        *first = errors.items[0];
    }
    error_list_done(&errors);
    return config;
}

static struct config *load_once(const char *file, const struct arguments *arguments, bool reads)
{
    struct secret_source *secrets = secret_source_new();
    struct error ignored;
    struct config *config = load_config_or(secrets, reads, file, arguments, &ignored);

    if (config != NULL && secrets->n_unread > 0) {
        (void)fprintf(stderr, "%u secrets were not read; check --connect reads them\n",
                      secrets->n_unread);
    }
    secret_source_free(secrets);
    return config;
}

struct config *load_config(const char *file, const struct arguments *arguments)
{
    return load_once(file, arguments, true);
}

static void read_log(const struct config *config, enum log_level *level, enum log_format *format)
{
    *level = LOG_INFO;
    *format = LOG_AUTO;
    (void)log_level_from(config->log.level, level); /* checked when it was loaded */
    (void)log_format_from(config->log.format, format);
}

static void open_log_at(const struct config *config, int fd)
{
    enum log_level level;
    enum log_format format;

    read_log(config, &level, &format);
    log_set_project(config->log.gcp_project);
    log_open(fd, level, format);
}

void open_log(const struct config *config)
{
    open_log_at(config, STDERR_FILENO);
}

void set_log(const struct config *config)
{
    enum log_level level;
    enum log_format format;

    read_log(config, &level, &format);
    log_set_project(config->log.gcp_project);
    log_set(level, format);
}

int fail(const char *command, const struct error *err)
{
    (void)fprintf(stderr, "virtuoso-proxy %s: %s\n", command, err->text);
    return EXIT_FAILURE;
}

/* A stream does not keep the reason of a failed write. Another write fails for the same reason
 * and tells it; people are told once. */
bool flush_output(void)
{
    static bool is_told;
    bool failed_before = ferror(stdout) != 0;

    errno = 0;
    if (failed_before) {
        (void)fputc('\n', stdout);
    }
    if (fflush(stdout) == 0 && !failed_before) {
        return true;
    }
    if (errno == EPIPE) {
        return true;
    }
    if (!is_told) {
        (void)fprintf(stderr, "virtuoso-proxy: cannot write: %s\n",
                      errno != 0 ? strerror(errno) : "a part of the output is lost");
    }
    is_told = true;
    return false;
}

void print_address(const char *what, const char *address, bool is_tls)
{
    bool is_unix = address_is_unix(str_from(address));

    (void)printf("%s %s%s%s\n", what,
                 is_unix  ? ""
                 : is_tls ? "https://"
                          : "http://",
                 address, is_unix && is_tls ? " (TLS)" : "");
}

void print_addresses(const struct server *server)
{
    if (server->sandbox != NULL) {
        print_address("sandbox on", sandbox_address(server->sandbox), false);
    }
    for (size_t i = 0; server->http != NULL && i < http_server_n_listeners(server->http); i++) {
        print_address("listening on", http_server_address_at(server->http, i),
                      http_server_is_tls_at(server->http, i));
    }
    if (server->admin != NULL) {
        print_address("admin on", http_server_address(server->admin), false);
    }
    (void)flush_output(); /* without these lines clients can still be served */
}

void log_listener(const struct config_listener *listener, const char *address, bool is_tls)
{
    bool asks = listener->client_ca_file.len > 0;

    log_event(LOG_INFO, "server.listening", F_STR("name", listener->name),
              F_TEXT("address", address), F_TEXT("tls", is_tls ? "yes" : "no"),
              F_TEXT("client_certificates", !asks                       ? "no"
                                            : listener->client_required ? "required"
                                                                        : "optional"),
              F_TEXT("proxy_protocol", listener->proxy_protocol ? "expected" : "no"));
}

static void log_warning(void *context, const char *text)
{
    (void)context;
    log_event(LOG_WARN, "config.warning", F_TEXT("text", text));
}

void log_started(const struct config *config, const char *file, bool has_sandbox,
                 const char *listen)
{
    struct url platform = {.host = STR_EMPTY};
    struct buf modes;

    buf_init(&modes, MODES_MAX);
    auth_mode_print(config, &modes);
    (void)!url_read(config->upstream.base_url, &platform, NULL); /* checked when it was loaded */
    log_event(LOG_INFO, "server.started", F_TEXT("version", VP_VERSION),
              F_TEXT("config", file != NULL ? file : "none"),
              F_TEXT("place", config->place != NULL ? config->place : "none"),
              F_STR("platform", has_sandbox ? STR("sandbox") : platform.host),
              F_STR("auth", buf_view(&modes)), F_STR("store", config->store.url),
              F_TEXT("listen", listen), F_INT("workers", config->server.n_workers));
    buf_done(&modes);
    config_warnings(config, clock_wall_ms(), log_warning, NULL);
}

/* Logs what a reader of the log wants to know first; then for each address what is spoken there, and what is asked
 * of clients. */
static void log_start(const struct server *server, const char *file)
{
    char listen[160] = "AWS Lambda";

    log_started(server->config, file, server->sandbox != NULL,
                server->lambda != NULL ? listen
                : server->http != NULL && http_server_n_listeners(server->http) > 0
                    ? server_url(server, listen)
                : server->admin != NULL ? http_server_address(server->admin)
                                        : sandbox_address(server->sandbox));
    for (size_t i = 0; server->http != NULL && i < server->config->server.n_all; i++) {
        log_listener(&server->config->server.all[i], http_server_address_at(server->http, i),
                     http_server_is_tls_at(server->http, i));
    }
}

static bool is_same_address(struct str a, struct str b)
{
    struct address x;
    struct address y;

    return str_eq(a, b) ||
           (address_read(a, &x, NULL) == ERR_OK && address_read(b, &y, NULL) == ERR_OK &&
            x.port == y.port && str_eq(str_from(x.host), str_from(y.host)));
}

/* A single socket is for server.listen; of several sockets each is for the listener with its address. */
enum error_code place_sockets(const struct config *config, const struct manager_sockets *passed,
                              int out[CONFIG_LISTENERS_MAX], struct error *err)
{
    if (passed->n == 1) {
        out[0] = passed->items[0].fd;
        return ERR_OK;
    }
    for (size_t i = 0; i < passed->n; i++) {
        size_t at = 0;

        while (at < config->server.n_all &&
               (out[at] != 0 || !is_same_address(config->server.all[at].address,
                                                 str_from(passed->items[i].address)))) {
            at++;
        }
        if (at == config->server.n_all) {
            return error_set(err, ERR_CONFIG,
                             "LISTEN_FDS: the socket on %s is neither server.listen nor one of "
                             "server.listeners",
                             passed->items[i].address);
        }
        out[at] = passed->items[i].fd;
    }
    return ERR_OK;
}

/* Runs a server that is open, until its end. */
static int run_server(struct server *server, bool proxy, const struct config_sources *sources,
                      struct secret_source *secrets)
{
    uint64_t began_ms = clock_now_ms();

    server_ignore_signals(server);
    log_start(server, sources->file);
    print_addresses(server);
    server->reload = proxy ? reload_start(server, sources, secrets) : NULL;
    if (server->lambda == NULL) {
        server->manager = manager_open(&server->loop.deadlines);
        manager_ready(server->manager);
    }
    server_run(server);
    log_event(LOG_INFO, "server.stopped",
              F_INT("uptime_seconds", (clock_now_ms() - began_ms) / 1000));
    server_done(server);
    log_close();
    return server->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* `sources` of the configuration; it is read again when they change. */
static int serve(struct config *config, bool proxy, const struct manager_sockets *passed,
                 const struct config_sources *sources, struct secret_source *secrets)
{
    enum server_front front = !proxy                               ? FRONT_NONE
                              : config->lambda.runtime_api.len > 0 ? FRONT_LAMBDA
                                                                   : FRONT_SOCKETS;
    struct server_given given = {.sockets = {0}};
    enum error_code code;
    struct server server;
    struct error err = {0};

    open_log(config);
    if (proxy && config->store.required && !check_store(config, true)) {
        config_release(config);
        log_close();
        return EXIT_FAILURE;
    }
    code = place_sockets(config, passed, given.sockets, &err);
    if (code != ERR_OK) {
        config_release(config);
    } else {
        code = server_open(&server, config, front, &given, &err);
    }
    if (code != ERR_OK) {
        log_close();
        front_lambda_tell_error("Runtime.StartFailed", &err);
        return fail(proxy ? "serve" : "sandbox", &err);
    }
    return run_server(&server, proxy, sources, secrets);
}

/* Serves as one of several processes; the supervisor that started it has printed what there is to say. */
static int serve_as_worker(struct config *config, const struct worker_start *start,
                           const struct config_sources *sources, struct secret_source *secrets)
{
    struct server_given given = {.sandbox = start->sandbox,
                                 .store_fd = start->has_store ? WORKER_STORE_FD : 0,
                                 .is_worker = true,
                                 .is_restart = start->is_restart,
                                 .slot = start->slot};
    struct error err = {0};
    struct server server;
    int log_fd = worker_log_fd();
    enum error_code code;

    for (unsigned i = 0; i < start->n_sockets; i++) {
        if (i < config->server.n_all) {
            given.sockets[i] = WORKER_SOCKETS_FD + (int)i;
        } else {
            given.admin_socket = WORKER_SOCKETS_FD + (int)i;
        }
    }
    open_log_at(config, log_fd);
    code = worker_check(start, config, &err);
    code = code == ERR_OK ? worker_prepare(start, &err) : code;
    if (code != ERR_OK) {
        config_release(config);
    } else {
        code = server_open(&server, config, FRONT_SOCKETS, &given, &err);
    }
    if (code != ERR_OK) {
        log_close();
        return fail("serve", &err);
    }
    server_ignore_signals(&server);
    server.reload = reload_start(&server, sources, secrets);
    server.worker = worker_open(&server, start);
    log_event(LOG_INFO, "worker.started", F_INT("worker", start->slot), F_INT("pid", getpid()));
    server_run(&server);
    log_event(LOG_INFO, "worker.stopped", F_INT("worker", start->slot), F_INT("pid", getpid()));
    server_done(&server);
    log_close();
    return server.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_serve(struct arguments *arguments)
{
    const char *file = arguments_get(arguments, "config");
    struct manager_sockets passed;
    struct config_sources sources;
    struct worker_start start;
    struct error err = {0};
    struct secret_source *secrets;
    struct config *config;
    bool is_worker = worker_take(&start);
    int status = EXIT_FAILURE;

    signals_spare_start();
    if (manager_take_sockets(&passed, &err) != ERR_OK) {
        return fail("serve", &err);
    }
    if (passed.n == 1) { /* so that the address that is judged is ours */
        arguments_add_set(arguments, "server.listen", passed.items[0].address);
    } else if (is_worker && start.listen.len > 0) {
        char address[MANAGER_ADDRESS_MAX];

        str_copy(address, sizeof(address), start.listen);
        arguments_add_set(arguments, "server.listen", address);
    }
    file = file != NULL ? file : front_lambda_config_file();
    sources = sources_of(file, arguments);
    secrets = secret_source_new();
    config = load_config_or(secrets, true, file, arguments, &err);
    if (config != NULL) {
        status = is_worker ? serve_as_worker(config, &start, &sources, secrets)
                 : config->server.n_workers > 1 && config->lambda.runtime_api.len == 0
                     ? supervise(config, &passed, file)
                     : serve(config, true, &passed, &sources, secrets);
    } else {
        front_lambda_tell_error("Runtime.ConfigInvalid", &err);
    }
    secret_source_free(secrets);
    return status;
}

int run_sandbox(struct arguments *arguments)
{
    const struct manager_sockets none = {.n = 0};
    struct config_sources sources;
    struct config *config;

    signals_spare_start();
    arguments_add_set(arguments, "sandbox.enabled", "true");
    arguments_add_set(arguments, "auth.mode", "none");
    /* These are not opened, so they may not stand in the way of the sandbox's own address. */
    arguments_add_set(arguments, "server.listen", "127.0.0.1:0");
    arguments_add_set(arguments, "server.listeners", "[]");
    arguments_add_set(arguments, "admin.listen", "");
    sources = sources_of(NULL, arguments);
    config = load_config(NULL, arguments);
    return config == NULL ? EXIT_FAILURE : serve(config, false, &none, &sources, NULL);
}

static void print_warning(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "warning: %s\n", text);
}

struct difference {
    const struct config *before;
    const struct config *after;
};

static void print_change(void *context, const struct option_row *row)
{
    const struct difference *between = context;
    struct buf line;

    buf_init(&line, CHANGE_MAX);
    config_print_change(between->before, between->after, row, &line);
    (void)printf("%s\n", buf_cstr(&line));
    buf_done(&line);
}

/* What a reload would change: from the configuration of `file`, with the same options and
 * environment. */
static int print_diff(const struct config *config, const char *file,
                      const struct arguments *arguments)
{
    struct config *before = load_once(file, arguments, false);

    if (before == NULL) {
        return EXIT_FAILURE;
    }
    if (!config_changes(before, config, print_change, &(struct difference){before, config})) {
        (void)printf("nothing changes\n");
    }
    config_release(before);
    return EXIT_SUCCESS;
}

int run_check(struct arguments *arguments)
{
    const char *other = arguments_get(arguments, "diff");
    int status = EXIT_SUCCESS;
    const char *file = arguments_get(arguments, "config");
    bool connects = arguments_get(arguments, "connect") != NULL;
    struct config *config = load_once(file, arguments, connects);
    struct error err = {0};
    struct buf text;

    if (config == NULL) {
        return EXIT_FAILURE;
    }
    if (try_audit(config, &err) != ERR_OK) {
        config_release(config);
        return fail("check", &err);
    }
    config_warnings(config, clock_wall_ms(), print_warning, NULL);
    if (other != NULL) {
        status = print_diff(config, other, arguments);
    } else if (arguments_get(arguments, "print") != NULL) {
        buf_init(&text, 1U << 20);
        config_print(config, &text);
        (void)fwrite(text.ptr, 1, text.len, stdout);
        buf_done(&text);
    } else {
        (void)printf("configuration %s is fine\n",
                     file != NULL ? file : "(defaults and environment)");
    }
    if (status == EXIT_SUCCESS && connects && !check_store(config, false)) {
        status = EXIT_FAILURE;
    }
    config_release(config);
    return status;
}
