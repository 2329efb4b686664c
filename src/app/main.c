/* Subcommands as rows. Exit codes: 0 fine, 1 usage or cannot start; `run` has its own (0 to 4). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/server.h"
#include "arguments.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/demo.h"
#include "cli/files.h"
#include "observe/log.h"
#include "run.h"
#include "subcommands.h"

static const struct argument serve_arguments[] = {
    {"config", 'c', "FILE", "configuration file (YAML); see conf/virtuoso-proxy.yaml", NULL, NULL},
    {"listen", 'l', "ADDR:PORT", "where to listen; port 0 takes a free one", "server.listen", NULL},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform", "sandbox.enabled", "true"},
    {"sandbox-listen", 0, "ADDR:PORT", "where the sandbox listens", "sandbox.listen", NULL},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*", NULL},
    {.name = NULL},
};

static const struct argument sandbox_arguments[] = {
    {"listen", 'l', "ADDR:PORT", "where to listen; port 0 takes a free one", "sandbox.listen",
     NULL},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*", NULL},
    {.name = NULL},
};

static const struct argument check_arguments[] = {
    {"config", 'c', "FILE", "configuration file (YAML)", NULL, NULL},
    {"print", 'p', NULL, "print the effective configuration, secrets as ***", NULL, NULL},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*", NULL},
    {.name = NULL},
};

static const struct argument demo_arguments[] = {
    {"listen", 'l', "ADDR:PORT",
     "where to listen (127.0.0.1:8000, or a free port when that is taken)", "server.listen", NULL},
    {"once", 0, NULL, "stop when the sample test exists instead of serving on", NULL, NULL},
    {.name = NULL},
};

static const struct argument validate_arguments[] = {
    {"json", 0, NULL, "one JSON object a file instead of text", NULL, NULL},
    {.name = NULL},
};

static const struct argument convert_arguments[] = {
    {"to", 't', "TARGET", "commands, upstream, simplified or sentences", NULL, NULL},
    {.name = NULL},
};

static const struct argument no_arguments[] = {{.name = NULL}};

static void print_errors(const struct error_list *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        (void)fprintf(stderr, "%s\n", errors->items[i].text);
    }
    if (errors->n_dropped > 0) {
        (void)fprintf(stderr, "... and %zu more errors\n", errors->n_dropped);
    }
}

/* NULL: the errors were printed. */
static struct config *load_config(const char *file, const struct arguments *arguments)
{
    const struct config_sources sources = {
        .file = file, .sets = arguments->sets, .n_sets = arguments->n_sets};
    struct config *config = NULL;
    struct error_list errors;

    error_list_init(&errors);
    if (config_load(&sources, &config, &errors) != ERR_OK) {
        print_errors(&errors);
    }
    error_list_done(&errors);
    return config;
}

static void open_log(const struct config *config, int fd)
{
    enum log_level level = LOG_INFO;

    (void)log_level_from(config->log.level, &level);
    log_open(fd, level);
}

static int fail(const char *command, const struct error *err)
{
    (void)fprintf(stderr, "virtuoso-proxy %s: %s\n", command, err->text);
    return EXIT_FAILURE;
}

static void print_addresses(const struct server *server)
{
    char url[160];

    if (server->sandbox != NULL) {
        (void)printf("sandbox on http://%s\n", sandbox_address(server->sandbox));
    }
    if (server->http != NULL) {
        (void)printf("listening on %s\n", server_url(server, url));
    }
    (void)fflush(stdout);
}

static int serve(struct config *config, bool proxy, const char *command)
{
    struct server server;
    struct error err = {0};

    open_log(config, STDERR_FILENO);
    if (server_open(&server, config, proxy, &err) != ERR_OK) {
        log_close();
        return fail(command, &err);
    }
    print_addresses(&server);
    server_run(&server);
    server_done(&server);
    log_close();
    return EXIT_SUCCESS;
}

static int run_serve(struct arguments *arguments)
{
    struct config *config = load_config(arguments_get(arguments, "config"), arguments);

    return config == NULL ? EXIT_FAILURE : serve(config, true, "serve");
}

static int run_sandbox(struct arguments *arguments)
{
    struct config *config;

    arguments_add_set(arguments, "sandbox.enabled", "true");
    arguments_add_set(arguments, "auth.mode", "none");
    config = load_config(NULL, arguments);
    return config == NULL ? EXIT_FAILURE : serve(config, false, "sandbox");
}

static int run_check(struct arguments *arguments)
{
    const char *file = arguments_get(arguments, "config");
    struct config *config = load_config(file, arguments);
    struct buf text;

    if (config == NULL) {
        return EXIT_FAILURE;
    }
    if (arguments_get(arguments, "print") != NULL) {
        buf_init(&text, 1U << 20);
        config_print(config, &text);
        (void)fwrite(text.ptr, 1, text.len, stdout);
        buf_done(&text);
    } else {
        (void)printf("configuration %s is fine\n",
                     file != NULL ? file : "(defaults and environment)");
    }
    config_free(config);
    return EXIT_SUCCESS;
}

/* --- demo
 * -------------------------------------------------------------------------------------------- */

struct demo_run {
    struct demo demo;
    struct server *server;
    bool once;
    bool ok;
};

static void on_demo_done(struct demo *demo, bool ok)
{
    struct demo_run *run = demo->owner;

    run->ok = ok;
    if (run->once || !ok) {
        server_stop(run->server);
    }
}

static void on_server_stopping(struct server *server)
{
    struct demo_run *run = server->owner;

    demo_cancel(&run->demo);
}

static enum error_code open_demo_server(struct arguments *arguments, struct server *server,
                                        struct error *err)
{
    bool chosen = arguments_get(arguments, "listen") != NULL;
    struct config *config = load_config(NULL, arguments);
    enum error_code code;

    if (config == NULL) {
        return error_set(err, ERR_CONFIG, "the configuration has errors");
    }
    open_log(config, STDERR_FILENO);
    code = server_open(server, config, true, err);
    if (code == ERR_IO && !chosen) {
        arguments_add_set(arguments, "server.listen", "127.0.0.1:0");
        config = load_config(NULL, arguments);
        code = config == NULL ? ERR_CONFIG : server_open(server, config, true, err);
    }
    return code;
}

static int run_demo(struct arguments *arguments)
{
    static const char *const fixed[][2] = {
        {"sandbox.enabled", "true"}, {"auth.mode", "none"},    {"log.level", "warn"},
        {"log.access", "false"},     {"drain.notice_ms", "0"}, {"drain.limit_ms", "2000"},
    };
    struct server server;
    struct demo_run run = {.server = &server, .once = arguments_get(arguments, "once") != NULL};
    struct error err = {0};
    char url[160];

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        arguments_add_set(arguments, fixed[i][0], fixed[i][1]);
    }
    if (open_demo_server(arguments, &server, &err) != ERR_OK) {
        log_close();
        return fail("demo", &err);
    }
    server.owner = &run;
    server.on_stopping = on_server_stopping;
    print_addresses(&server);
    (void)printf("\nCreating a sample test through the proxy:\n");
    (void)fflush(stdout);
    if (demo_start(&run.demo, &server.loop, server_url(&server, url), on_demo_done, &run, &err) !=
        ERR_OK) {
        (void)fail("demo", &err);
        server_stop(&server);
    }
    server_run(&server);
    server_done(&server);
    log_close();
    return run.ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_validate(struct arguments *arguments)
{
    return cli_validate(arguments->operands, arguments->n_operands,
                        arguments_get(arguments, "json") != NULL);
}

static int run_convert(struct arguments *arguments)
{
    return cli_convert(arguments->operands, arguments->n_operands,
                       str_from(arguments_get(arguments, "to")));
}

static int run_version(struct arguments *arguments)
{
    (void)arguments;
    (void)printf("virtuoso-proxy %s\n", VP_VERSION);
    return EXIT_SUCCESS;
}

/* --- dispatch
 * ---------------------------------------------------------------------------------------- */

static const struct subcommand subcommands[] = {
    {"serve", "Run the proxy.", "", serve_arguments, run_serve},
    {"sandbox", "Run the platform emulator alone.", "", sandbox_arguments, run_sandbox},
    {"check", "Check the configuration, like nginx -t.", "", check_arguments, run_check},
    {"demo", "Run proxy and sandbox, create a sample test, and keep serving.", "", demo_arguments,
     run_demo},
    {"validate", "Check test files; every error with line, column and a hint.", "FILE...",
     validate_arguments, run_validate},
    {"convert", "Print test files in another dialect.", "--to TARGET FILE...", convert_arguments,
     run_convert},
    {"run", "Run test files on the platform and report.", "FILE|DIR...", run_arguments, run_tests},
    {"completion", "Print a script for shell completion.", "bash|zsh|fish", no_arguments,
     run_completion},
    {"man", "Print the manual page (roff).", "", no_arguments, run_man},
    {"version", "Print the version.", "", no_arguments, run_version},
};

const struct subcommand *subcommands_all(size_t *out_n)
{
    *out_n = ARRAY_LEN(subcommands);
    return subcommands;
}

static void print_usage(FILE *out)
{
    (void)fprintf(out,
                  "virtuoso-proxy %s: a simple HTTP API in front of the Virtuoso QA platform\n\n"
                  "usage: virtuoso-proxy COMMAND [options]\n\ncommands:\n",
                  VP_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        (void)fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].summary);
    }
    (void)fprintf(out, "\nvirtuoso-proxy COMMAND --help tells more.\n");
}

static int unknown_command(const char *name)
{
    struct nearest nearest;

    nearest_init(&nearest, str_from(name));
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        nearest_offer(&nearest, str_from(subcommands[i].name));
    }
    (void)fprintf(stderr, "virtuoso-proxy: unknown command \"%s\"", name);
    if (nearest.best.len > 0) {
        (void)fprintf(stderr, "; did you mean \"%.*s\"?", STR_ARG(nearest.best));
    }
    (void)fprintf(stderr, "\n\n");
    print_usage(stderr);
    return EXIT_FAILURE;
}

static int run_subcommand(const struct subcommand *subcommand, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!arguments_parse(&arguments, subcommand->arguments, subcommand->name, argc, argv)) {
        status = EXIT_FAILURE;
    } else if (arguments.help) {
        arguments_help(subcommand->arguments, subcommand->name, subcommand->summary,
                       subcommand->operands);
        status = EXIT_SUCCESS;
    } else if (arguments.n_operands > 0 && subcommand->operands[0] == '\0') {
        (void)fprintf(stderr, "virtuoso-proxy %s: unexpected \"%s\"\n", subcommand->name,
                      arguments.operands[0]);
        status = EXIT_FAILURE;
    } else {
        status = subcommand->run(&arguments);
    }
    arguments_done(&arguments);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        if (str_is(str_from(name), subcommands[i].name)) {
            return run_subcommand(&subcommands[i], argc - 2, argv + 2);
        }
    }
    if (str_is(str_from(name), "--help") || str_is(str_from(name), "-h") ||
        str_is(str_from(name), "help")) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (str_is(str_from(name), "--version")) {
        return run_version(NULL);
    }
    if (name[0] == '\0') {
        print_usage(stderr);
        return EXIT_FAILURE;
    }
    return unknown_command(name);
}
