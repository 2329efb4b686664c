/* command: one command of the catalogue, through a proxy at --url or one inside this process. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "client.h"
#include "inprocess.h"
#include "subcommands.h"

struct job {
    struct command_options options;
    struct inprocess_options where;
    struct command_run command;
    struct inprocess *proxy;
    struct secret key;
    struct buf url;
};

static int refuse(const char *what, const char *shown)
{
    (void)fprintf(stderr, "virtuoso-proxy command: %s%s\n", what, shown);
    return CLI_EXIT_NOT_SENT;
}

/* ---- options ---- */

static int take_numbers(struct job *job, const struct arguments *arguments)
{
    const char *position = arguments_get(arguments, "position");
    const char *output = arguments_get(arguments, "output");

    job->options.position = -1;
    if (position != NULL && !str_to_i64(str_from(position), 0, INT32_MAX, &job->options.position)) {
        return refuse("--position must be a whole number from 0, not ", position);
    }
    if (output != NULL && !cli_output_parse(str_from(output), &job->options.output)) {
        return refuse("--output must be human, json or yaml, not ", output);
    }
    return CLI_EXIT_OK;
}

/* $VIRTUOSO_SESSION_ID: the id of a checkpoint, as in the tools that this program replaces; or the
 * id of a session of the proxy at --url. */
static void take_session(struct job *job)
{
    struct str id = str_trim(str_from(getenv("VIRTUOSO_SESSION_ID")));
    struct str digits = str_starts(id, STR("cp_")) ? str_sub(id, 3, id.len) : id;
    int64_t number;

    if (id.len == 0 || job->options.checkpoint_id.len > 0 || job->options.session_id.len > 0) {
        return;
    }
    if (str_to_i64(digits, 1, INT64_MAX, &number)) {
        job->options.checkpoint_id = digits;
    } else if (job->where.url.len > 0) {
        job->options.session_id = id;
    }
}

static int check_together(const struct job *job)
{
    if (job->where.url.len == 0 && job->options.session_id.len > 0) {
        return refuse("--session needs --url: sessions live in a proxy that runs", "");
    }
    if (job->where.url.len == 0 && job->where.ca_file.len > 0) {
        return refuse("--ca-file needs --url", "");
    }
    if (job->where.url.len > 0 &&
        (job->where.sandbox || job->where.config_file != NULL || job->where.n_sets > 0)) {
        return refuse("--url asks a proxy that has its own configuration; leave out --sandbox, "
                      "--config and --set",
                      "");
    }
    return CLI_EXIT_OK;
}

static int take_options(struct job *job, const struct arguments *arguments)
{
    struct error err = {0};
    int status;

    if (client_url(arguments, &job->url, &err) != ERR_OK ||
        api_key_read(arguments, &job->key, &err) != ERR_OK) {
        return refuse(err.text, "");
    }
    job->options.words = arguments->operands;
    job->options.n_words = arguments->n_operands;
    job->options.checkpoint_id = str_from(arguments_get(arguments, "checkpoint"));
    job->options.session_id = str_from(arguments_get(arguments, "session"));
    job->options.dry_run = arguments_get(arguments, "dry-run") != NULL;
    job->where.url = buf_view(&job->url);
    job->where.key = secret_reveal(&job->key);
    job->where.ca_file = str_from(arguments_get(arguments, "ca-file"));
    job->where.config_file = arguments_get(arguments, "config");
    job->where.sets = arguments->sets;
    job->where.n_sets = arguments->n_sets;
    job->where.sandbox = arguments_get(arguments, "sandbox") != NULL;
    job->where.needs_token = !job->options.dry_run;
    job->options.remote = job->where.url.len > 0;
    take_session(job);
    status = check_together(job);
    return status == CLI_EXIT_OK ? take_numbers(job, arguments) : status;
}

/* ---- the way there ---- */

static void on_command_done(struct command_run *command)
{
    struct job *job = command->owner;

    inprocess_end(job->proxy);
}

static enum error_code start(struct inprocess *proxy, struct error *err)
{
    struct job *job = proxy->context;

    job->proxy = proxy;
    job->command.on_done = on_command_done;
    job->command.owner = job;
    return command_start(&job->command, proxy->loop,
                         &(struct command_proxy){proxy->url, &proxy->key, proxy->ca_file}, err);
}

/* A request that was sent cannot be called back; its answer tells the outcome. */
static void interrupt(struct inprocess *proxy)
{
    (void)proxy;
    (void)fprintf(stderr,
                  "virtuoso-proxy command: waiting for the answer; Ctrl-C again gives up\n");
}

static void cancel(struct inprocess *proxy)
{
    struct job *job = proxy->context;

    command_cancel(&job->command);
}

static int send_command(struct job *job)
{
    static const struct inprocess_client client = {start, interrupt, cancel};
    struct error err = {0};
    int status = CLI_EXIT_NOT_SENT;

    if (command_init(&job->command, &job->options, &err) != ERR_OK) {
        return refuse(err.text, "");
    }
    /* a refused command needs no token: tell why it is refused, not that the token is missing */
    job->where.needs_token = job->where.needs_token && !job->command.is_refused;
    if (inprocess_run(&job->where, &client, job, &err) == ERR_OK) {
        status = job->command.status;
    } else {
        (void)refuse(err.text, "");
    }
    command_done(&job->command);
    return status;
}

/* An option of `command` that stood behind the catalogue's command was taken as a part of the latter. */
static void hint_misplaced(const struct arguments *arguments)
{
    for (size_t i = 1; i < arguments->n_operands; i++) {
        const char *word = arguments->operands[i];

        if (str_is(str_from(word), "--")) {
            return;
        }
        if (arguments_know(arguments, word)) {
            (void)fprintf(stderr,
                          "hint: %s was read as part of the command; options of virtuoso-proxy "
                          "stand before it\n",
                          word);
            return;
        }
    }
}

/* --help as the last word; behind a -- it is text. */
static bool asks_for_help(const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->n_operands; i++) {
        if (str_is(str_from(arguments->operands[i]), "--")) {
            return false;
        }
    }
    return arguments->n_operands > 0 &&
           str_is(str_from(arguments->operands[arguments->n_operands - 1]), "--help");
}

static int run_with(struct catalog *catalog, struct arguments *arguments)
{
    struct job *job;
    int status;

    if (arguments_get(arguments, "list") != NULL) {
        command_list(catalog);
        return CLI_EXIT_OK;
    }
    if (arguments->n_operands == 0) {
        return refuse("give a command; virtuoso-proxy command --list prints all of them", "");
    }
    if (asks_for_help(arguments)) {
        return command_help(catalog, arguments->operands, arguments->n_operands - 1)
                   ? CLI_EXIT_OK
                   : CLI_EXIT_REFUSED;
    }
    job = mem_zalloc(sizeof(*job));
    job->options.catalog = catalog;
    status = take_options(job, arguments);
    if (status == CLI_EXIT_OK) {
        status = send_command(job);
        if (job->command.is_refused) {
            hint_misplaced(arguments);
        }
    }
    secret_done(&job->key);
    buf_done(&job->url);
    mem_free(job);
    return status;
}

int run_command(struct arguments *arguments)
{
    struct catalog *catalog;
    struct error err = {0};
    int status;

    if (catalog_new(&catalog, &err) != ERR_OK) {
        return fail("command", &err);
    }
    status = run_with(catalog, arguments);
    catalog_free(catalog);
    return status;
}
