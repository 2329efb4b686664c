/* Finds the subcommand and lets it run. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core.h"
#include "base/fd.h"
#include "base/nearest.h"
#include "base/str.h"
#include "subcommands.h"

static void print_usage(FILE *out)
{
    (void)fprintf(out,
                  "virtuoso-proxy %s: a simple HTTP API in front of the Virtuoso QA platform\n\n"
                  "usage: virtuoso-proxy COMMAND [options]\n\ncommands:\n",
                  VP_VERSION);
    for (size_t i = 0; i < n_subcommands; i++) {
        (void)fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].summary);
    }
    (void)fprintf(out, "\nvirtuoso-proxy COMMAND --help tells more.\n");
}

static int unknown_command(const char *name)
{
    struct nearest nearest;

    nearest_init(&nearest, str_from(name));
    nearest_offer(&nearest, STR("help"));
    for (size_t i = 0; i < n_subcommands; i++) {
        nearest_offer(&nearest, str_from(subcommands[i].name));
    }
    (void)fprintf(stderr, "virtuoso-proxy: unknown command \"%s\"", name);
    if (nearest.best.len > 0) {
        (void)fprintf(stderr, "; did you mean \"%.*s\"?\n", STR_ARG(nearest.best));
    } else {
        (void)fprintf(stderr, "; virtuoso-proxy --help lists all commands\n");
    }
    return EXIT_FAILURE;
}

static int run_subcommand(const struct subcommand *subcommand, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!arguments_parse(&arguments, subcommand->arguments, subcommand->name,
                         subcommand->rest_is_operands, argc, argv)) {
        status = fail(subcommand->name, &arguments.error);
        if (subcommand->refused != NULL) {
            subcommand->refused(&arguments);
        }
    } else if (arguments.help) {
        arguments_help(subcommand->arguments, subcommand->name, subcommand->summary,
                       subcommand->operands);
        if (subcommand->exit_codes != NULL) {
            (void)printf("\n");
            arguments_print("exit code:", strlen("exit code: "), subcommand->exit_codes);
        }
        if (subcommand->signals != NULL) {
            (void)printf("\n");
            arguments_print("signals:", strlen("signals: "), subcommand->signals);
        }
        if (subcommand->example != NULL) {
            (void)printf("\nexample: virtuoso-proxy %s\n", subcommand->example);
        }
        status = EXIT_SUCCESS;
    } else if (arguments.n_operands > 0 && subcommand->operands[0] == '\0') {
        (void)fprintf(stderr,
                      "virtuoso-proxy %s: unexpected \"%s\"; it takes options only (--help)\n",
                      subcommand->name, arguments.operands[0]);
        status = EXIT_FAILURE;
    } else {
        status = subcommand->run(&arguments);
    }
    arguments_done(&arguments);
    return status;
}

static const struct subcommand *find_subcommand(const char *name)
{
    return row_named(str_from(name), subcommands, n_subcommands, sizeof(subcommands[0]));
}

static const char *const helps[] = {"help", "--help", "-h"};

/* `help run` is `run --help`; what stands behind is kept: `help command step-interact click`. */
static int help(int argc, char **argv)
{
    static char option[] = "--help";
    const struct subcommand *subcommand = argc > 0 ? find_subcommand(argv[0]) : NULL;

    if (argc == 0 || str_in(str_from(argv[0]), helps, ARRAY_LEN(helps))) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (subcommand == NULL) {
        return unknown_command(argv[0]);
    }
    for (int i = 0; i + 1 < argc; i++) {
        argv[i] = argv[i + 1];
    }
    argv[argc - 1] = option;
    return run_subcommand(subcommand, argc, argv);
}

/* True: Lambda started this. It starts the file `bootstrap` of a package, without arguments. */
static bool is_of_lambda(const char *path)
{
    struct str name = str_from(path);
    const char *runtime_api = getenv("AWS_LAMBDA_RUNTIME_API");

    return str_is(name, "bootstrap") || str_ends(name, STR("/bootstrap")) ||
           (runtime_api != NULL && runtime_api[0] != '\0');
}

static int run(int argc, char **argv)
{
    static const char *const versions[] = {"--version", "-v", "-V"};
    const char *name = argc > 1 ? argv[1] : "";
    const struct subcommand *subcommand = find_subcommand(name);

    if (subcommand != NULL) {
        return run_subcommand(subcommand, argc - 2, argv + 2);
    }
    if (str_in(str_from(name), helps, ARRAY_LEN(helps))) {
        return help(argc - 2, argv + 2);
    }
    if (str_in(str_from(name), versions, ARRAY_LEN(versions))) {
        (void)printf("virtuoso-proxy %s\n", VP_VERSION);
        return EXIT_SUCCESS;
    }
    if (name[0] == '\0' && is_of_lambda(argv[0])) {
        return run_subcommand(find_subcommand("serve"), 0, argv + argc);
    }
    if (name[0] == '\0') {
        print_usage(stderr);
        return EXIT_FAILURE;
    }
    return unknown_command(name);
}

int main(int argc, char **argv)
{
    int status;

    core_keep_secrets(argv);
    (void)signal(SIGXFSZ, SIG_IGN); /* at the limit of a file's size the write fails instead */
    (void)fd_take_limit();
    fd_open_standard(); /* before anything is opened that could take their place */
    status = run(argc, argv);
    return flush_output() ? status : EXIT_FAILURE;
}
