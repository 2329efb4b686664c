/* Finds the subcommand and lets it run. */
#include <stdio.h>
#include <stdlib.h>

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
    for (size_t i = 0; i < n_subcommands; i++) {
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

    if (!arguments_parse(&arguments, subcommand->arguments, subcommand->name,
                         subcommand->rest_is_operands, argc, argv)) {
        status = EXIT_FAILURE;
    } else if (arguments.help) {
        arguments_help(subcommand->arguments, subcommand->name, subcommand->summary,
                       subcommand->operands);
        if (subcommand->exit_codes != NULL) {
            (void)printf("\nexit code: %s\n", subcommand->exit_codes);
        }
        if (subcommand->signals != NULL) {
            (void)printf("\nsignals: %s\n", subcommand->signals);
        }
        if (subcommand->example != NULL) {
            (void)printf("\nexample: virtuoso-proxy %s\n", subcommand->example);
        }
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

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < n_subcommands; i++) {
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
        (void)printf("virtuoso-proxy %s\n", VP_VERSION);
        return EXIT_SUCCESS;
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

    fd_open_standard(); /* before anything is opened that could take their place */
    status = run(argc, argv);
    return flush_output() ? status : EXIT_FAILURE;
}
