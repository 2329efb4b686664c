/* `run` speaks HTTP to a proxy, always: to the one of --url, or to one that is started here for it,
 * on a loopback port of its own with a key that nobody else knows. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/run.h"
#include "client.h"
#include "inprocess.h"

const struct argument run_arguments[] = {
    {"url", 'u', "URL", "a running proxy (without it: one is started for this run)"},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform"},
    {"config", 'c', "FILE", "configuration of the proxy that is started"},
    {"set", 's', "KEY=VALUE", "set any option; may be repeated", "*"},
    {"api-key-file", 0, "FILE", "API key for --url (or env VIRTUOSO_PROXY_API_KEY)"},
    {"ca-file", 0, "FILE", "certificates (PEM) that --url with https is checked against"},
    {"dry-run", 'n', NULL, "show the platform requests and send nothing"},
    {"lenient", 0, NULL, "a step that does not compile becomes a comment, the rest is created"},
    {"execute", 'x', NULL, "also start the execution when the test exists"},
    {"wait", 'w', NULL, "execute, and wait for the result"},
    {"retries", 0, "N", "with --wait: start a red execution again, up to N times (0 to 5)"},
    {"env-id", 0, "ID", "with --wait or --execute: the platform's environment"},
    {"timeout", 't', "SECONDS", "stop a file that takes longer (exit code 4)"},
    {"patience", 0, "SECONDS", "how long to wait for a proxy that does not answer (30)"},
    {"junit", 0, "FILE", "write JUnit XML; its folder is made"},
    {"html", 0, "FILE", "write a report as one HTML page; its folder is made"},
    {"github-summary", 0, NULL, "append to the file of $GITHUB_STEP_SUMMARY"},
    {"github-annotations", 0, NULL, "print ::error lines (automatic when GITHUB_ACTIONS is true)"},
    {"output", 'o', "FORMAT", "human, json or yaml", .words = "human json yaml"},
    {"var", 'v', "NAME=VALUE", "value of a variable of the files; may be repeated",
     .alone = "verbose"},
    {"verbose", 0, NULL,
     "also tell each step, warnings, links, and files that are passed over; -v without NAME=VALUE is the same"},
    {"tag", 0, "TAG", "tests with this tag only; may be repeated"},
    {"exclude", 0, "GLOB", "pass over files and folders with this name or path; may be repeated"},
    {"shard", 0, "I/N", "the I-th of N equal parts of the files"},
    {"rerun-failed", 0, NULL, "only files that were not green when they last ran"},
    {"strict", 0, NULL, "start no file when one does not compile"},
    {"concurrency", 'j', "N", "files at once, 1 to 16 (1)"},
    {"fail-fast", 0, NULL, "start no further file after one that did not pass"},
    {"resume", 0, "QUERY", "continue a run that stopped; it prints this line at its end"},
    {"checkpoint", 0, "ID", "add the steps to this checkpoint, create nothing else"},
    {.name = NULL},
};

static int fail(const struct error *err)
{
    (void)fprintf(stderr, "virtuoso-proxy run: %s\n", err->text);
    return CLI_EXIT_NOT_STARTED;
}

/* ---- options ---- */

struct words {
    const char *variables[ARGUMENTS_GIVEN_MAX];
    const char *tags[ARGUMENTS_GIVEN_MAX];
    const char *excludes[ARGUMENTS_GIVEN_MAX];
};

static enum error_code read_numbers(const struct arguments *arguments, struct cli_run_options *out,
                                    struct error *err)
{
    const struct argument_number rows[] = {
        {"timeout", 1, CLI_TIMEOUT_MAX_S, &out->timeout_s},
        {"patience", 1, CLI_TIMEOUT_MAX_S, &out->patience_s},
        {"concurrency", 1, CLI_CONCURRENCY_MAX, &out->concurrency},
        {"retries", 0, CLI_RETRIES_MAX, &out->retries},
    };

    return arguments_numbers(arguments, rows, ARRAY_LEN(rows), err);
}

static enum error_code read_shard(const struct arguments *arguments, struct cli_run_options *out,
                                  struct error *err)
{
    const char *word = arguments_get(arguments, "shard");
    struct str part;
    struct str whole;
    int64_t shard;
    int64_t n;

    if (word == NULL) {
        return ERR_OK;
    }
    if (!str_cut(str_from(word), '/', &part, &whole) || !str_to_i64(whole, 1, CLI_SHARDS_MAX, &n) ||
        !str_to_i64(part, 1, n, &shard)) {
        return error_set(err, ERR_INVALID, "--shard must be I/N, such as 2/4, not \"%s\"", word);
    }
    out->shard = (unsigned)shard;
    out->n_shards = (unsigned)n;
    return ERR_OK;
}

static enum error_code read_environment(const struct arguments *arguments,
                                        struct cli_run_options *out, struct error *err)
{
    int64_t id;

    out->environment = arguments_get(arguments, "env-id");
    if (out->environment != NULL && (str_from(out->environment).len > 19 ||
                                     !str_to_i64(str_from(out->environment), 1, INT64_MAX, &id))) {
        return error_set(err, ERR_INVALID, "--env-id must be the id of an environment, not \"%s\"",
                         out->environment);
    }
    return ERR_OK;
}

static void read_report_files(const struct arguments *arguments, struct cli_run_options *out)
{
    out->junit_file = arguments_get(arguments, "junit");
    out->html_file = arguments_get(arguments, "html");
    out->summary_file =
        arguments_get(arguments, "github-summary") != NULL ? getenv("GITHUB_STEP_SUMMARY") : NULL;
    if (out->summary_file != NULL && out->summary_file[0] == '\0') {
        out->summary_file = NULL;
    }
}

static enum error_code read_summary(const struct arguments *arguments, struct cli_run_options *out,
                                    struct error *err)
{
    return out->summary_file == NULL && arguments_get(arguments, "github-summary") != NULL
               ? error_set(err, ERR_INVALID,
                           "--github-summary needs $GITHUB_STEP_SUMMARY, which names the file")
               : ERR_OK;
}

/* Options that need another one: without it they would be ignored in silence. */
static enum error_code check_needs(const struct arguments *arguments, struct error *err)
{
    static const char *const needs[][3] = {
        {"api-key-file", "url"},
        {"ca-file", "url"},
        {"retries", "wait"},
        {"env-id", "wait", "execute"},
    };

    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        const char *other = needs[i][2] != NULL ? needs[i][2] : needs[i][1];

        if (arguments_get(arguments, needs[i][0]) != NULL &&
            arguments_get(arguments, needs[i][1]) == NULL &&
            arguments_get(arguments, other) == NULL) {
            return error_set(err, ERR_INVALID, "--%s needs --%s", needs[i][0], needs[i][1]);
        }
    }
    return ERR_OK;
}

/* Pairs of options that contradict each other: one of them would be ignored without a word. */
static enum error_code check_together(const struct arguments *arguments,
                                      struct cli_run_options *out, struct error *err)
{
    static const char *const pairs[][2] = {
        {"url", "sandbox"},     {"url", "config"},   {"url", "set"},
        {"dry-run", "execute"}, {"dry-run", "wait"}, {"resume", "checkpoint"},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (arguments_get(arguments, pairs[i][0]) != NULL &&
            arguments_get(arguments, pairs[i][1]) != NULL) {
            return error_set(err, ERR_INVALID, "give --%s or --%s, not both", pairs[i][0],
                             pairs[i][1]);
        }
    }
    (void)out;
    return check_needs(arguments, err);
}

static enum error_code read_options(const struct arguments *arguments, struct words *words,
                                    struct cli_run_options *out, struct error *err)
{
    static enum error_code (*const readers[])(const struct arguments *arguments,
                                              struct cli_run_options *out, struct error *err) = {
        check_together, read_numbers, read_shard, read_environment, read_summary};

    const char *output = arguments_get(arguments, "output");
    enum error_code code = ERR_OK;

    *out = (struct cli_run_options){
        .paths = arguments->operands,
        .n_paths = arguments->n_operands,
        .variables = words->variables,
        .n_variables = arguments_all(arguments, "var", words->variables),
        .tags = words->tags,
        .n_tags = arguments_all(arguments, "tag", words->tags),
        .excludes = words->excludes,
        .n_excludes = arguments_all(arguments, "exclude", words->excludes),
        .resume = arguments_get(arguments, "resume"),
        .checkpoint = arguments_get(arguments, "checkpoint"),
        .lenient = arguments_get(arguments, "lenient") != NULL,
        .dry_run = arguments_get(arguments, "dry-run") != NULL,
        .wait = arguments_get(arguments, "wait") != NULL,
        .fail_fast = arguments_get(arguments, "fail-fast") != NULL,
        .strict = arguments_get(arguments, "strict") != NULL,
        .verbose = arguments_get(arguments, "verbose") != NULL,
        .sandbox = arguments_get(arguments, "sandbox") != NULL,
        .rerun_failed = arguments_get(arguments, "rerun-failed") != NULL,
        .annotate = arguments_get(arguments, "github-annotations") != NULL ||
                    arguments_get(arguments, "github-summary") != NULL ||
                    str_is(str_from(getenv("GITHUB_ACTIONS")), "true"),
        .patience_s = CLI_PATIENCE_DEFAULT_S,
        .concurrency = 1,
    };
    read_report_files(arguments, out);
    out->execute = out->wait || arguments_get(arguments, "execute") != NULL;
    if (arguments->n_operands == 0) {
        return error_set(err, ERR_INVALID, "give at least one FILE or DIR (- for standard input)");
    }
    if (output != NULL && !cli_output_parse(str_from(output), &out->output)) {
        return error_set(err, ERR_INVALID, "--output must be human, json or yaml, not \"%s\"",
                         output);
    }
    for (size_t i = 0; i < ARRAY_LEN(readers) && code == ERR_OK; i++) {
        code = readers[i](arguments, out, err);
    }
    return code;
}

/* ---- as a client of a proxy ---- */

static void on_done(void *owner)
{
    inprocess_end(owner);
}

static enum error_code start(struct inprocess *proxy, struct error *err)
{
    const struct cli_run_proxy target = {proxy->url, secret_reveal(&proxy->key), proxy->ca_file};

    return cli_run_start(proxy->context, proxy->loop, &target, on_done, proxy, err);
}

/* Ctrl-C stops the run, not the proxy: the proxy goes on until the run has ended and its end is told. */
static void interrupt(struct inprocess *proxy)
{
    cli_run_cancel(proxy->context);
}

static void cancel(struct inprocess *proxy)
{
    cli_run_cancel(proxy->context); /* the first call only asks the run to stop */
    cli_run_cancel(proxy->context); /* the second call ends it at once */
}

/* The reports are written also when there is no proxy to send to. */
static int run_against(struct cli_run *run, const struct cli_run_options *run_options,
                       const struct arguments *arguments, struct str url, const struct secret *key)
{
    static const struct inprocess_client client = {start, interrupt, cancel};
    const struct inprocess_options options = {
        .url = url,
        .key = secret_reveal(key),
        .ca_file = str_from(arguments_get(arguments, "ca-file")),
        .config_file = arguments_get(arguments, "config"),
        .sets = arguments->sets,
        .n_sets = arguments->n_sets,
        .sandbox = run_options->sandbox,
        .needs_token = !run_options->dry_run,
    };
    struct error err = {0};

    if (!cli_run_needs_proxy(run)) {
        cli_run_end(run, NULL);
    } else if (inprocess_run(&options, &client, run, &err) != ERR_OK) {
        if (run_options->output != CLI_OUTPUT_HUMAN) { /* else the line of each file says it */
            (void)fail(&err);
        }
        cli_run_end(run, &err);
    }
    return cli_run_exit_code(run);
}

/* ---- all ---- */

void run_tests_refused(const struct arguments *arguments)
{
    struct cli_run_options options = {0};

    read_report_files(arguments, &options);
    cli_run_refuse(&options, &arguments->error);
}

int run_tests(struct arguments *arguments)
{
    struct cli_run_options options = {0};
    struct words words;
    struct secret key = {0};
    struct cli_run *run = NULL;
    struct buf url;
    struct error err = {0};
    int status = CLI_EXIT_NOT_STARTED;

    if (client_url(arguments, &url, &err) != ERR_OK ||
        read_options(arguments, &words, &options, &err) != ERR_OK ||
        api_key_read(arguments, &key, &err) != ERR_OK) {
        buf_done(&url);
        read_report_files(arguments, &options);
        cli_run_refuse(&options, &err);
        return fail(&err);
    }
    if (url.len > 0 && secret_is_set(&key) && client_is_open_to_others(buf_view(&url))) {
        (void)fprintf(stderr, "virtuoso-proxy run: the API key goes over http:// in clear text\n");
    }
    if (cli_run_new(&options, &run)) {
        status = run_against(run, &options, arguments, buf_view(&url), &key);
    }
    cli_run_free(run);
    secret_done(&key);
    buf_done(&url);
    return status;
}
