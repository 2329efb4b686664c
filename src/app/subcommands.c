/* Exit codes: 0 fine, 1 usage or cannot start; rows with others say so. */
#include "subcommands.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/files.h"
#include "cli/init.h"
#include "config/permission.h"
#include "run.h"

/* Options that make the sandbox a platform that is slow and fails. */
#define DISTURBANCES                                                                               \
    {"latency", 0, "MS", "the sandbox answers later: 50ms, or 50ms+-10ms", "sandbox.latency"},     \
        {"fault",          0,                                                                      \
         "FAULT",          "a fault of the sandbox: 'POST /teststeps:503@1%'; may be repeated",    \
         "sandbox.faults", .adds = true},                                                          \
    {                                                                                              \
        "seed", 0, "N", "latencies and faults repeat with the same number", "sandbox.seed"         \
    }

static const struct argument serve_arguments[] = {
    {"config", 'c', "FILE", "configuration file (YAML); see conf/virtuoso-proxy.yaml"},
    {"listen", 'l', "ADDR:PORT", "where to listen; port 0 takes a free one", "server.listen"},
    {"workers", 'w', "N|auto", "processes that answer; auto: one for each core", "server.workers"},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform", "sandbox.enabled", "true"},
    {"sandbox-listen", 0, "ADDR:PORT", "where the sandbox listens", "sandbox.listen"},
    DISTURBANCES,
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {.name = NULL},
};

static const struct argument sandbox_arguments[] = {
    {"listen", 'l', "ADDR:PORT", "where to listen; port 0 takes a free one", "sandbox.listen"},
    DISTURBANCES,
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {.name = NULL},
};

static const struct argument check_arguments[] = {
    {"config", 'c', "FILE", "configuration file (YAML)"},
    {"listen", 'l', "ADDR:PORT", "as for serve", "server.listen"},
    {"sandbox", 0, NULL, "as for serve", "sandbox.enabled", "true"},
    {"print", 'p', NULL, "print the effective configuration, secrets as ***"},
    {"connect", 0, NULL,
     "also read secrets that a service tells, and ask the store (store.url) whether it can be used"},
    {"diff", 0, "FILE", "print the options that differ from those of this other file"},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {.name = NULL},
};

static const struct argument store_arguments[] = {
    {"config", 'c', "FILE", "configuration file (YAML): where the store is"},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {"replace", 0, NULL, "import: also over documents that are there"},
    {.name = NULL},
};

static const struct argument audit_arguments[] = {
    {"config", 'c', "FILE", "export: configuration file (YAML): where the bucket or the store is"},
    {"set", 's', "KEY=VALUE", "export: set any option; may be repeated", "*"},
    {.name = NULL},
};

static const struct argument demo_arguments[] = {
    {"listen", 'l', "ADDR:PORT",
     "where to listen (127.0.0.1:8000, or a free port when that is taken)", "server.listen"},
    {"once", 0, NULL, "stop when the sample test has run, instead of serving"},
    {.name = NULL},
};

static const struct argument validate_arguments[] = {
    {"json", 0, NULL, "one JSON object per file instead of text"},
    {.name = NULL},
};

static const struct argument convert_arguments[] = {
    {"to", 't', "TARGET", "commands, upstream, simplified or sentences",
     .words = "commands upstream simplified sentences"},
    {"lenient", 0, NULL, "a step that does not compile becomes a comment"},
    {.name = NULL},
};

static const struct argument init_arguments[] = {
    {"ci", 0, "SYSTEM", "also write a file for github, gitlab, azure or jenkins",
     .words = "github gitlab azure jenkins"},
    {.name = NULL},
};

static const struct argument command_arguments[] = {
    {"url", 'u', "URL", "a running proxy (without it: one is started for this command)"},
    {"api-key-file", 0, "FILE", "API key for --url (or env VIRTUOSO_PROXY_API_KEY)"},
    {"ca-file", 0, "FILE", "certificates (PEM) that --url with https is checked against"},
    {"checkpoint", 0, "ID", "the checkpoint that the step goes into (or env VIRTUOSO_SESSION_ID)"},
    {"session", 0, "ID", "a session of the proxy at --url instead of a checkpoint"},
    {"position", 0, "N", "position in the checkpoint, from 0 (without it: at the end)"},
    {"dry-run", 'n', NULL, "show the requests to the platform, send nothing"},
    {"output", 'o', "FORMAT", "human, json or yaml", .words = "human json yaml"},
    {"list", 0, NULL, "print all commands"},
    {"config", 'c', "FILE", "configuration file (YAML), as for serve"},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform"},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {.name = NULL},
};

static const struct argument load_arguments[] = {
    {"rate", 'r', "N", "requests a second, at a fixed rate (100)"},
    {"duration", 'd', "TIME", "how long: 10s, 500ms (10s)"},
    {"count", 'n', "N", "how many requests, instead of how long"},
    {"connections", 'c', "N", "open connections (32)"},
    {"method", 'm', "METHOD", "GET, or POST where there is a body"},
    {"header", 'H', "'NAME: VALUE'", "a header; may be repeated"},
    {"body", 'b', "TEXT", "the body, as JSON unless a header says otherwise"},
    {"body-file", 0, "FILE", "the body is in this file"},
    {"ids", 0, "FROM-TO", "{id} in the URL and in the body is one of these, in turn"},
    {"api-key-file", 0, "FILE", "API key to show (or env VIRTUOSO_PROXY_API_KEY)"},
    {"warm-up", 0, "TIME", "the first requests, which are sent and not counted (0)"},
    {"timeout", 't', "TIME", "a request without an answer has failed then (10s)"},
    {"output", 'o', "FORMAT", "human or json", .words = "human json"},
    {"max-p99", 0, "TIME", "exit code 1 where one answer in a hundred takes longer"},
    {"max-errors", 0, "SHARE", "exit code 1 where more fail: a number, or 0.1%"},
    {"yes-i-may", 0, NULL, "the host may be another than this machine"},
    {.name = NULL},
};

static const struct argument top_arguments[] = {
    {"once", 0, NULL, "one picture, after two reads a second apart, and the end"},
    {"output", 'o', "FORMAT", "human, or json: an object a line", .words = "human json"},
    {"api-key-file", 0, "FILE", "API key to show (or env VIRTUOSO_PROXY_API_KEY)"},
    {"ca-file", 0, "FILE", "certificates (PEM) that a URL with https is checked against"},
    {.name = NULL},
};

#define DRAIN_SIGNALS                                                                                    \
    "SIGTERM, SIGQUIT, SIGXCPU and SIGINT drain (SIGINT at a terminal without the notice; a second one " \
    "stops at once); "

static const char serve_signals[] =
    DRAIN_SIGNALS "SIGHUP reads the configuration again; SIGUSR1 and SIGUSR2 are ignored";
static const char server_signals[] = DRAIN_SIGNALS "SIGHUP, SIGUSR1 and SIGUSR2 are ignored";

static const char file_exit_codes[] =
    "0 all fine; 1 usage, or a file has errors or cannot be read (as for run)";

static const struct argument key_arguments[] = {
    {"name", 0, "NAME", "what logs call the caller"},
    {"permissions", 0, "LIST", PERMISSION_NAMES(",") "; all unless given"},
    {"expires", 0, "DATE", "2027-01-31 (to the end of that day, UTC) or 2027-01-31T12:00:00Z"},
    {.name = NULL},
};

static const struct argument no_arguments[] = {{.name = NULL}};

static int run_validate(struct arguments *arguments)
{
    return cli_validate(arguments->operands, arguments->n_operands,
                        arguments_get(arguments, "json") != NULL);
}

static int run_convert(struct arguments *arguments)
{
    return cli_convert(arguments->operands, arguments->n_operands,
                       str_from(arguments_get(arguments, "to")),
                       arguments_get(arguments, "lenient") != NULL);
}

static int run_init(struct arguments *arguments)
{
    if (arguments->n_operands > 1) {
        (void)fprintf(stderr, "virtuoso-proxy init: unexpected \"%s\"; give one folder\n",
                      arguments->operands[1]);
        return EXIT_FAILURE;
    }
    return cli_init(arguments->n_operands > 0 ? arguments->operands[0] : ".",
                    arguments_get(arguments, "ci"));
}

static int run_schema(struct arguments *arguments)
{
    (void)arguments;
    return cli_schema();
}

static int run_version(struct arguments *arguments)
{
    (void)arguments;
    (void)printf("virtuoso-proxy %s\n", VP_VERSION);
    return EXIT_SUCCESS;
}

const struct subcommand subcommands[] = {
    {"serve", "Run the proxy.", "", serve_arguments, run_serve, .signals = serve_signals,
     .example = "serve -c conf/virtuoso-proxy.yaml"},
    {"sandbox", "Run the platform emulator alone.", "", sandbox_arguments, run_sandbox,
     .signals = server_signals, .example = "sandbox --listen 127.0.0.1:9000"},
    {"check", "Check the configuration as serve does, and start nothing.", "", check_arguments,
     run_check, .example = "check -c FILE --print"},
    {"store", "Look at what processes share, save it to a file, or bring it back.",
     "stat|export FILE|import FILE", store_arguments, run_store,
     .exit_codes = "0 done; 1 usage, the store or the file failed",
     .example = "store export backup.jsonl -c conf/virtuoso-proxy.yaml"},
    {"key", "Make an API key: prints it once, and the entry for auth.keys.", "new", key_arguments,
     run_key, .example = "key new --name ci --permissions read,execute --expires 2027-01-31"},
    {"audit",
     "Hold an audit file against its chain of hashes, or print a chain of a bucket or of the store.",
     "verify FILE...|export CHAIN", audit_arguments, run_audit,
     .exit_codes = "0 the chain is whole; 1 usage, or it is not",
     .example = "audit verify audit.jsonl.000000004096 audit.jsonl"},
    {"demo", "Run proxy and sandbox with a sample test, and keep serving.", "", demo_arguments,
     run_demo, .signals = server_signals, .example = "demo --once"},
    {"command", "Run one command of the catalogue, with or without a server.",
     "COMMAND [ARGUMENT...] [--OPTION...]", command_arguments, run_command,
     .rest_is_operands = true,
     .exit_codes = "0 done; 1 usage, or nothing was sent; 2 the proxy or the platform refused, or "
                   "the outcome is not known",
     .example = "command --checkpoint 1680930 step-interact click \"Sign in\""},
    {"validate", "Check test files; every error with line, column and a hint.", "FILE...",
     validate_arguments, run_validate, .exit_codes = file_exit_codes,
     .example = "validate tests/*.yaml"},
    {"convert", "Print test files in another dialect.", "FILE...", convert_arguments, run_convert,
     .exit_codes = file_exit_codes, .example = "convert --to sentences test.yaml"},
    {"run", "Run test files on the platform and report.", "FILE|DIR...", run_arguments, run_tests,
     .exit_codes =
         "0 passed, created or skipped; 1 usage, or could not start; 2 a test is red; 3 cancelled "
         "or aborted; 4 out of time",
     .example = "run tests/ --wait --junit report.xml", .refused = run_tests_refused},
    {"load", "Send requests at a fixed rate, and time the answers.", "URL", load_arguments,
     run_load,
     .exit_codes = "0 measured; 1 usage, or nobody answered, or --max-p99 or --max-errors was "
                   "exceeded",
     .signals = "SIGINT and SIGTERM end it; what was measured until then is reported",
     .example = "load --rate 500 --duration 30s --max-p99 200ms http://127.0.0.1:8000/health/live"},
    {"top", "Show what a running proxy does, live, from its /metrics.", "[URL]", top_arguments,
     run_top,
     .exit_codes = "0 ended; 1 usage, or the URL has no metrics of a proxy, or with --once "
                   "nobody answered",
     .signals = "SIGINT and SIGTERM end it, as the key q does; the terminal is left as it was",
     .example = "top http://127.0.0.1:9090"},
    {"healthcheck", "Ask a running proxy whether it is ready, for container runtimes.", "[URL]",
     no_arguments, run_healthcheck,
     .exit_codes = "0 it is; 1 everything else: usage, nobody answers within 5 s, or it is not",
     .example = "healthcheck http://127.0.0.1:8000/livez"},
    {"init", "Write an example of a test file, its schema, and a CI file.", "[DIR]", init_arguments,
     run_init, .exit_codes = "0 all was written; 1 usage, or a file exists already",
     .example = "init tests --ci github"},
    {"schema", "Print the JSON Schema of test files, for editors.", "", no_arguments, run_schema},
    {"completion", "Print a script for shell completion.", "bash|zsh|fish", no_arguments,
     run_completion, .example = "completion bash"},
    {"man", "Print a manual page (roff): of the program, or of test files.", "[testfile]",
     no_arguments, run_man, .example = "man testfile | man -l -"},
    {"version", "Print the version.", "", no_arguments, run_version},
};

const size_t n_subcommands = ARRAY_LEN(subcommands);
