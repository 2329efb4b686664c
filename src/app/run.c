/* `run` speaks HTTP to a proxy, always: to the one of --url, or to one that is started here for it,
 * on a loopback port of its own with a key that nobody else knows. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

#include "api_key.h"
#include "cli/run.h"
#include "inprocess.h"

const struct argument run_arguments[] = {
    {"url", 'u', "URL", "a running proxy (without it: one is started for this run)", NULL, NULL},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform", NULL, NULL},
    {"config", 'c', "FILE", "configuration of the proxy that is started", NULL, NULL},
    {"set", 's', "KEY=VALUE", "set any option of it; may be repeated", "*", NULL},
    {"api-key-file", 0, "FILE", "API key for --url (or env VIRTUOSO_PROXY_API_KEY)", NULL, NULL},
    {"dry-run", 'n', NULL, "show the platform requests and send nothing", NULL, NULL},
    {"lenient", 0, NULL, "a step that does not compile becomes a comment, the rest is created",
     NULL, NULL},
    {"execute", 'x', NULL, "run the goal too when the test exists", NULL, NULL},
    {"wait", 'w', NULL, "follow the execution to its end (implies --execute)", NULL, NULL},
    {"timeout", 't', "SECONDS", "stop a file that takes longer (exit code 4)", NULL, NULL},
    {"patience", 0, "SECONDS", "how long a proxy that does not answer is asked again (30)", NULL,
     NULL},
    {"junit", 0, "FILE", "write JUnit XML", NULL, NULL},
    {"html", 0, "FILE", "write a report as one HTML page", NULL, NULL},
    {"github-summary", 0, NULL, "append to the file of $GITHUB_STEP_SUMMARY", NULL, NULL},
    {"output", 'o', "FORMAT", "human, json or yaml", NULL, NULL, "human json yaml"},
    {"var", 'v', "NAME=VALUE", "value of a variable of the files; may be repeated", NULL, NULL},
    {"tag", 0, "TAG", "tests with this tag only; may be repeated", NULL, NULL},
    {"concurrency", 'j', "N", "files at once, 1 to 16 (1)", NULL, NULL},
    {"fail-fast", 0, NULL, "begin no further file after one that did not pass", NULL, NULL},
    {"resume", 0, "QUERY", "go on where a run stopped, as it says at its end", NULL, NULL},
    {"checkpoint", 0, "ID", "add the steps to this checkpoint, create nothing else", NULL, NULL},
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
};

static enum error_code read_number(const struct arguments *arguments, const char *name, int64_t max,
                                   unsigned *out, struct error *err)
{
    const char *word = arguments_get(arguments, name);
    int64_t value;

    if (word == NULL) {
        return ERR_OK;
    }
    if (!str_to_i64(str_from(word), 1, max, &value)) {
        return error_set(err, ERR_INVALID, "--%s must be a whole number from 1 to %lld, not \"%s\"",
                         name, (long long)max, word);
    }
    *out = (unsigned)value;
    return ERR_OK;
}

static enum error_code read_summary(const struct arguments *arguments, const char **out,
                                    struct error *err)
{
    if (arguments_get(arguments, "github-summary") == NULL) {
        return ERR_OK;
    }
    *out = getenv("GITHUB_STEP_SUMMARY");
    if (*out == NULL || (*out)[0] == '\0') {
        return error_set(err, ERR_INVALID,
                         "--github-summary needs $GITHUB_STEP_SUMMARY, which names the file");
    }
    return ERR_OK;
}

/* These make no sense together, and one of them would have to be ignored in silence. */
static enum error_code check_together(const struct arguments *arguments, struct error *err)
{
    static const char *const pairs[][2] = {
        {"url", "sandbox"},     {"url", "config"},   {"url", "set"},
        {"dry-run", "execute"}, {"dry-run", "wait"}, {"resume", "checkpoint"},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (arguments_get(arguments, pairs[i][0]) != NULL &&
            arguments_get(arguments, pairs[i][1]) != NULL) {
            return error_set(err, ERR_INVALID, "--%s and --%s exclude each other", pairs[i][0],
                             pairs[i][1]);
        }
    }
    if (arguments_get(arguments, "api-key-file") != NULL &&
        arguments_get(arguments, "url") == NULL) {
        return error_set(err, ERR_INVALID, "--api-key-file is for --url");
    }
    return ERR_OK;
}

static enum error_code read_options(const struct arguments *arguments, struct words *words,
                                    struct cli_run_options *out, struct error *err)
{
    const char *output = arguments_get(arguments, "output");
    enum error_code code;

    *out = (struct cli_run_options){
        .paths = arguments->operands,
        .n_paths = arguments->n_operands,
        .variables = words->variables,
        .n_variables = arguments_all(arguments, "var", words->variables),
        .tags = words->tags,
        .n_tags = arguments_all(arguments, "tag", words->tags),
        .resume = arguments_get(arguments, "resume"),
        .checkpoint = arguments_get(arguments, "checkpoint"),
        .lenient = arguments_get(arguments, "lenient") != NULL,
        .dry_run = arguments_get(arguments, "dry-run") != NULL,
        .wait = arguments_get(arguments, "wait") != NULL,
        .fail_fast = arguments_get(arguments, "fail-fast") != NULL,
        .patience_s = CLI_PATIENCE_DEFAULT_S,
        .concurrency = 1,
        .junit_file = arguments_get(arguments, "junit"),
        .html_file = arguments_get(arguments, "html"),
    };
    out->execute = out->wait || arguments_get(arguments, "execute") != NULL;
    if (arguments->n_operands == 0) {
        return error_set(err, ERR_INVALID, "give at least one FILE or DIR (- for standard input)");
    }
    if (output != NULL && !cli_output_parse(str_from(output), &out->output)) {
        return error_set(err, ERR_INVALID, "--output must be human, json or yaml, not \"%s\"",
                         output);
    }
    code = check_together(arguments, err);
    if (code == ERR_OK) {
        code = read_number(arguments, "timeout", CLI_TIMEOUT_MAX_S, &out->timeout_s, err);
    }
    if (code == ERR_OK) {
        code = read_number(arguments, "patience", CLI_TIMEOUT_MAX_S, &out->patience_s, err);
    }
    if (code == ERR_OK) {
        code = read_number(arguments, "concurrency", CLI_CONCURRENCY_MAX, &out->concurrency, err);
    }
    return code == ERR_OK ? read_summary(arguments, &out->summary_file, err) : code;
}

/* ---- the key for --url ---- */

static bool is_open_to_others(struct str url)
{
    static const char *const fine[] = {"https://", "http://127.", "http://localhost",
                                       "http://[::1]"};

    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        if (str_starts_nocase(url, str_from(fine[i]))) {
            return false;
        }
    }
    return true;
}

/* ---- as a client of a proxy ---- */

static void on_done(void *owner)
{
    inprocess_end(owner);
}

static enum error_code start(struct inprocess *proxy, struct error *err)
{
    const struct cli_run_proxy target = {proxy->url, secret_reveal(&proxy->key)};

    return cli_run_start(proxy->context, proxy->loop, &target, on_done, proxy, err);
}

/* Ctrl-C means the run: the proxy goes on until what it began is stopped and told. */
static void interrupt(struct inprocess *proxy)
{
    cli_run_cancel(proxy->context);
}

static void cancel(struct inprocess *proxy)
{
    cli_run_cancel(proxy->context);
    cli_run_cancel(proxy->context); /* also when nothing was interrupted before */
}

static int run_against(struct cli_run *run, const struct arguments *arguments,
                       const struct secret *key)
{
    static const struct inprocess_client client = {start, interrupt, cancel};
    const struct inprocess_options options = {
        .url = str_from(arguments_get(arguments, "url")),
        .key = secret_reveal(key),
        .config_file = arguments_get(arguments, "config"),
        .sets = arguments->sets,
        .n_sets = arguments->n_sets,
        .sandbox = arguments_get(arguments, "sandbox") != NULL,
        .needs_token = true,
    };
    struct error err = {0};

    return inprocess_run(&options, &client, run, &err) == ERR_OK ? cli_run_exit_code(run)
                                                                 : fail(&err);
}

/* ---- all ---- */

int run_tests(struct arguments *arguments)
{
    const char *url = arguments_get(arguments, "url");
    struct cli_run_options options;
    struct words words;
    struct secret key = {0};
    struct cli_run *run;
    struct error err = {0};
    int status = CLI_EXIT_NOT_STARTED;

    if (read_options(arguments, &words, &options, &err) != ERR_OK ||
        api_key_read(arguments, &key, &err) != ERR_OK) {
        return fail(&err);
    }
    if (url != NULL && secret_is_set(&key) && is_open_to_others(str_from(url))) {
        (void)fprintf(stderr, "virtuoso-proxy run: the API key goes over http:// in clear text\n");
    }
    if (cli_run_new(&options, &run)) {
        status = run_against(run, arguments, &key);
    }
    cli_run_free(run);
    secret_done(&key);
    return status;
}
