/* Sends one request, POST /api/v1/commands/execute, and prints its answer. Only the old syntax is
 * rewritten here. The proxy judges everything else, so this program can also ask a proxy that has
 * other commands. */
#include "cli/command.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "catalog/catalog.h"
#include "command_internal.h"
#include "data/node.h"
#include "net/loop.h"

enum {
    OUT_MAX = 64 * 1024,
    REPLY_MAX = 16 * 1024 * 1024,
    CONNECT_TIMEOUT_MS = 10000,
    TIMEOUT_MS = 120000
};

/* Any organization will do here: it only serves the check, and is not sent. A proxy without one asks the platform. */
static const struct catalog_defaults defaults = {.organization_id = STR_INIT("1")};

static const struct json_limits reply_limits = {.max_nodes = 1000000,
                                                .allow_duplicate_names = true};

/* ---- the request ---- */

static struct str shown_line(const struct catalog *catalog, struct arena *arena,
                             const struct json *mended)
{
    struct str words = json_str(json_get(mended, "command"));
    const struct command *command = catalog_find(catalog, &words, 1, NULL, NULL, NULL);

    return command == NULL ? words
                           : command_line_write(arena, command, json_get(mended, "args"),
                                                json_get(mended, "options"));
}

/* Prints how a line of the old syntax was read: the command, and the checkpoint and the position that
 * stood among its arguments. */
static void say_old(const struct catalog *catalog, struct arena *arena, const struct json *mended)
{
    struct str checkpoint = json_str(json_get(mended, "checkpoint_id"));
    const struct json *position = json_get(mended, "position");
    struct buf text;

    buf_init(&text, OUT_MAX);
    buf_text(&text, "read as: ");
    buf_str(&text, shown_line(catalog, arena, mended));
    if (checkpoint.len > 0) {
        buf_printf(&text, " in checkpoint %.*s", STR_ARG(checkpoint));
    }
    if (position != NULL) {
        buf_text(&text, " at position ");
        json_print(&text, position);
    }
    command_say("virtuoso-proxy command: ", buf_view(&text));
    buf_done(&text);
}

/* Returns `line` as it is, or what it means in the old syntax. */
static const struct json *read_line(struct command_run *command,
                                    const struct command_options *options, const struct json *line)
{
    const struct command_input input = {.catalog = options->catalog,
                                        .command = json_str(json_get(line, "command")),
                                        .args = json_get(line, "args"),
                                        .options = json_get(line, "options"),
                                        .checkpoint_id = options->checkpoint_id,
                                        .position = options->position,
                                        .defaults = &defaults};
    struct bound_command bound;
    struct error_list errors;
    struct warning_list fixes;
    struct json *mended = NULL;
    const struct json *read = line;

    error_list_init(&errors);
    if (catalog_validate(&input, &command->arena, &bound, &errors, &mended, &fixes) != ERR_OK) {
        struct json *old = catalog_from_old(&input, &command->arena, &fixes);

        if (old != NULL) {
            say_old(options->catalog, &command->arena, old);
            read = old;
        } else {
            command->is_refused = true;
            command->suggestion =
                mended != NULL ? shown_line(options->catalog, &command->arena, mended) : STR_EMPTY;
        }
    }
    error_list_done(&errors);
    return read;
}

static void set_text(struct command_run *command, const char *name, struct str value)
{
    if (value.len > 0) {
        json_set(command->body, str_from(name), json_new_string(&command->arena, value));
    }
}

enum error_code command_init(struct command_run *command, const struct command_options *options,
                             struct error *err)
{
    static const char *const members[] = {"command", "args", "options", "checkpoint_id",
                                          "position"};
    bool is_line = options->n_words == 1 && strchr(options->words[0], ' ') != NULL;
    struct json *line = NULL;
    const struct json *read;
    enum error_code code;

    *command = (struct command_run){
        .output = options->output, .remote = options->remote, .status = CLI_EXIT_NOT_SENT};
    arena_init(&command->arena);
    code = command_line_parse(
        options->catalog, &command->arena,
        is_line ? str_from(options->words[0])
                : command_line_join(&command->arena, options->words, options->n_words),
        &line, err);
    if (code != ERR_OK) {
        arena_done(&command->arena);
        return code;
    }
    command->body = json_new_object(&command->arena);
    set_text(command, "checkpoint_id", options->checkpoint_id);
    set_text(command, "session_id", options->session_id);
    if (options->position >= 0) {
        json_set(command->body, STR("position"), json_new_int(&command->arena, options->position));
    }
    read = read_line(command, options, line);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct json *value = json_get(read, members[i]);

        if (value != NULL) {
            json_set(command->body, str_from(members[i]), json_copy(&command->arena, value));
        }
    }
    if (options->dry_run) {
        json_set(command->body, STR("dry_run"), json_new_bool(&command->arena, true));
    }
    return ERR_OK;
}

/* ---- the answer ---- */

static void on_client_closed(void *context)
{
    struct command_run *command = context;

    command->client = NULL;
    command->on_done(command);
}

static void take_reply(struct command_run *command)
{
    const struct upstream_reply *reply = &command->call.reply;
    bool success = reply->status >= 200 && reply->status < 300;
    struct json *answer = NULL;

    command->status = success ? CLI_EXIT_OK : CLI_EXIT_REFUSED;
    if (json_parse(&command->arena, reply->body, &reply_limits, &answer, NULL) != ERR_OK ||
        json_type(answer) != JSON_OBJECT) {
        command->status = CLI_EXIT_REFUSED;
        command_print_garbage(reply);
    } else {
        command_print_answer(command, answer, success);
    }
}

static void on_call_done(struct upstream_call *call, enum error_code code)
{
    struct command_run *command = CONTAINER_OF(call, struct command_run, call);

    if (code == ERR_OK) {
        take_reply(command);
    } else {
        command->status = call->may_have_left ? CLI_EXIT_REFUSED : CLI_EXIT_NOT_SENT;
        cli_say_proxy(&call->error);
        command_say("virtuoso-proxy command: ", str_from(call->error.text));
        if (call->may_have_left) {
            command_say(
                "",
                STR("The request was sent: check whether it took effect before sending it again."));
        }
    }
    upstream_close(command->client, on_client_closed, command);
}

enum error_code command_start(struct command_run *command, struct loop *loop,
                              const struct command_proxy *proxy, struct error *err)
{
    struct upstream_options options = upstream_options_of_other(
        proxy->url, proxy->ca_file, CONNECT_TIMEOUT_MS, TIMEOUT_MS, REPLY_MAX);
    enum error_code code;

    options.client_name = STR("virtuoso-proxy command");
    code = upstream_open(loop, &options, &command->client, err);
    if (code != ERR_OK) {
        return code;
    }
    command->call =
        (struct upstream_call){.request = {.method = STR("POST"),
                                           .path = STR("/api/v1/commands/execute"),
                                           .body = json_text(&command->arena, command->body),
                                           .token = secret_is_set(proxy->key) ? proxy->key : NULL,
                                           .class = CALL_CREATE},
                               .on_done = on_call_done};
    code = upstream_start(command->client, &command->call, err);
    if (code != ERR_OK) { /* too late to return it: the client is to be closed first */
        command_say("virtuoso-proxy command: ", str_from(err->text));
        upstream_close(command->client, on_client_closed, command);
    }
    return ERR_OK;
}

void command_cancel(struct command_run *command)
{
    if (command->client != NULL && upstream_is_running(&command->call)) {
        command->status = CLI_EXIT_REFUSED;
        command_say(
            "", STR("virtuoso-proxy command: interrupted; check whether the command took effect"));
        upstream_cancel(&command->call);
        upstream_close(command->client, on_client_closed, command);
    }
}

void command_done(struct command_run *command)
{
    arena_done(&command->arena);
}
