/* `run` speaks HTTP to a proxy, always: to the one of --url, or to one that is started here for it,
 * on a loopback port of its own with a key that nobody else knows. */
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/server.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/run.h"
#include "observe/log.h"

enum { KEY_FILE_MAX = 4096 };

const struct argument run_arguments[] = {
    {"url", 'u', "URL", "a running proxy (without it: one is started for this run)", NULL, NULL},
    {"sandbox", 0, NULL, "use the embedded sandbox as the platform", "sandbox.enabled", "true"},
    {"config", 'c', "FILE", "configuration of the proxy that is started", NULL, NULL},
    {"set", 's', "KEY=VALUE", "set any option of it; may be repeated", "*", NULL},
    {"api-key-file", 0, "FILE", "API key for --url (or env VIRTUOSO_PROXY_API_KEY)", NULL, NULL},
    {"dry-run", 'n', NULL, "show the platform requests and send nothing", NULL, NULL},
    {"execute", 'x', NULL, "run the goal too when the test exists", NULL, NULL},
    {"wait", 'w', NULL, "follow the execution to its end (implies --execute)", NULL, NULL},
    {"timeout", 't', "SECONDS", "stop a file that takes longer (exit code 4)", NULL, NULL},
    {"patience", 0, "SECONDS", "how long a proxy that does not answer is asked again (30)", NULL,
     NULL},
    {"junit", 0, "FILE", "write JUnit XML", NULL, NULL},
    {"html", 0, "FILE", "write a report as one HTML page", NULL, NULL},
    {"github-summary", 0, NULL, "append to the file of $GITHUB_STEP_SUMMARY", NULL, NULL},
    {"output", 'o', "FORMAT", "human, json or yaml", NULL, NULL},
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

/* --- options
 * ----------------------------------------------------------------------------------------- */

struct words {
    const char *variables[ARGUMENTS_MAX];
    const char *tags[ARGUMENTS_MAX];
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

/* --- the key for --url
 * ------------------------------------------------------------------------------- */

static enum error_code read_key_file(const char *name, struct secret *out, struct error *err)
{
    char bytes[KEY_FILE_MAX];
    FILE *file = fopen(name, "rb");
    size_t n = 0;
    bool ok = file != NULL;

    if (ok) {
        n = fread(bytes, 1, sizeof(bytes), file);
        ok = ferror(file) == 0 && n < sizeof(bytes);
        (void)fclose(file);
    }
    if (ok) {
        secret_set(out, str_trim((struct str){bytes, n}));
    }
    mem_wipe(bytes, sizeof(bytes));
    if (!ok || !secret_is_set(out)) {
        return error_set(err, ERR_IO, "cannot read a key from %s", name);
    }
    return ERR_OK;
}

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

static enum error_code read_key(const struct arguments *arguments, struct secret *out,
                                struct error *err)
{
    const char *file = arguments_get(arguments, "api-key-file");

    if (file != NULL) {
        return read_key_file(file, out, err);
    }
    secret_set(out, str_from(getenv("VIRTUOSO_PROXY_API_KEY")));
    return ERR_OK;
}

/* --- signals
 * ----------------------------------------------------------------------------------------- */

struct signals {
    uv_signal_t handles[2];
    struct cli_run *run;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;

    (void)number;
    cli_run_cancel(signals->run);
}

/* They also keep the loop alive, so they end with the run. */
static void signals_open(struct signals *signals, struct loop *loop, struct cli_run *run)
{
    static const int numbers[] = {SIGINT, SIGTERM};

    signals->run = run;
    (void)signal(SIGPIPE, SIG_IGN); /* a broken pipe is an error of the write that met it */
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        CHECK(uv_signal_init(&loop->uv, &signals->handles[i]) == 0);
        signals->handles[i].data = signals;
        CHECK(uv_signal_start(&signals->handles[i], on_signal, numbers[i]) == 0);
    }
}

static void signals_close(struct signals *signals)
{
    for (size_t i = 0; i < ARRAY_LEN(signals->handles); i++) {
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
    }
}

/* --- against another proxy
 * --------------------------------------------------------------------------- */

static void on_remote_done(void *owner)
{
    signals_close(owner);
}

static int run_remote(struct cli_run *run, const char *url, struct str key)
{
    struct signals signals;
    struct loop loop;
    struct error err = {0};
    enum error_code code;

    loop_init(&loop);
    signals_open(&signals, &loop, run);
    code = cli_run_start(run, &loop, &(struct cli_run_proxy){str_from(url), key}, on_remote_done,
                         &signals, &err);
    if (code != ERR_OK) {
        signals_close(&signals);
    }
    loop_run(&loop);
    loop_done(&loop);
    return code == ERR_OK ? cli_run_exit_code(run) : fail(&err);
}

/* --- against one of our own
 * -------------------------------------------------------------------------- */

enum { KEY_DIGITS = 48, KEY_SET_MAX = 128 };

struct local {
    struct server server;
    struct signals signals;
};

/* What the caller's configuration may change, and what it may not: it was written for a server that
 * others use, and this one lives for a moment beside it. */
static const char *const defaults[] = {"log.level=error", "log.access=false"};
static const char *const fixed[] = {
    "server.listen=127.0.0.1:0",  "server.tls_certificate_file=",
    "server.tls_key_file=",       "auth.mode=keys",
    "sessions.snapshot_file=",    "drain.notice_ms=0",
    "sandbox.listen=127.0.0.1:0",
};

static struct config *load_config(const struct arguments *arguments, const char *key_set)
{
    const char *sets[ARGUMENTS_MAX + ARRAY_LEN(defaults) + ARRAY_LEN(fixed) + 1];
    struct config_sources sources = {.file = arguments_get(arguments, "config"), .sets = sets};
    struct config *config = NULL;
    struct error_list errors;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        sets[n++] = defaults[i];
    }
    for (size_t i = 0; i < arguments->n_sets; i++) {
        sets[n++] = arguments->sets[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        sets[n++] = fixed[i];
    }
    sets[n++] = key_set;
    sources.n_sets = n;
    error_list_init(&errors);
    if (config_load(&sources, &config, &errors) != ERR_OK) {
        for (size_t i = 0; i < errors.n; i++) {
            (void)fail(&errors.items[i]);
        }
    }
    error_list_done(&errors);
    return config;
}

static enum error_code check_platform(const struct config *config, struct error *err)
{
    if (!config->sandbox.enabled && !secret_is_set(&config->upstream.token)) {
        return error_set(err, ERR_CONFIG,
                         "no token of the platform: set VIRTUOSO_API_TOKEN, or take --sandbox "
                         "or --url");
    }
    return ERR_OK;
}

static void on_local_done(void *owner)
{
    struct local *local = owner;

    signals_close(&local->signals);
    server_stop(&local->server);
}

/* Ctrl-C means the run: the server goes on until what it began is stopped and told. */
static void take_signals(struct local *local, struct cli_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(local->server.signals); i++) {
        (void)uv_signal_stop(&local->server.signals[i]);
    }
    signals_open(&local->signals, &local->server.loop, run);
}

static int serve_and_run(struct cli_run *run, struct config *config, struct str key)
{
    struct cli_run_proxy proxy;
    struct local local;
    enum log_level level = LOG_ERROR;
    struct error err = {0};
    char url[160];
    enum error_code code;

    (void)log_level_from(config->log.level, &level);
    log_open(STDERR_FILENO, level);
    code = server_open(&local.server, config, true, &err);
    if (code != ERR_OK) {
        log_close();
        return fail(&err);
    }
    take_signals(&local, run);
    proxy = (struct cli_run_proxy){str_from(server_url(&local.server, url)), key};
    code = cli_run_start(run, &local.server.loop, &proxy, on_local_done, &local, &err);
    if (code != ERR_OK) {
        on_local_done(&local);
    }
    server_run(&local.server);
    server_done(&local.server);
    log_close();
    return code == ERR_OK ? cli_run_exit_code(run) : fail(&err);
}

static int run_local(struct cli_run *run, const struct arguments *arguments)
{
    char key[KEY_DIGITS + 1] = "";
    char key_set[KEY_SET_MAX];
    struct config *config;
    struct buf text;
    struct error err = {0};

    random_hex(key, KEY_DIGITS);
    buf_init(&text, sizeof(key_set) - 1);
    buf_printf(&text, "auth.keys=%s", key);
    str_copy(key_set, sizeof(key_set), buf_view(&text));
    buf_done(&text);
    config = load_config(arguments, key_set);
    if (config == NULL) {
        return CLI_EXIT_NOT_STARTED;
    }
    if (check_platform(config, &err) != ERR_OK) {
        config_free(config);
        return fail(&err);
    }
    return serve_and_run(run, config, str_from(key));
}

/* --- all
 * --------------------------------------------------------------------------------------------- */

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
        read_key(arguments, &key, &err) != ERR_OK) {
        return fail(&err);
    }
    if (url != NULL && secret_is_set(&key) && is_open_to_others(str_from(url))) {
        (void)fprintf(stderr, "virtuoso-proxy run: the API key goes over http:// in clear text\n");
    }
    if (cli_run_new(&options, &run)) {
        status =
            url != NULL ? run_remote(run, url, secret_reveal(&key)) : run_local(run, arguments);
    }
    cli_run_free(run);
    secret_done(&key);
    return status;
}
