/* GET /api/v1/commands and its relatives: the catalogue as documents, made of the same rows that
 * run. */
#include "api/command/batch.h"
#include "api/command/handlers.h"
#include "api/gate/links.h"
#include "api/gate/page.h"
#include "base/markup.h"
#include "forms/forms.h"

static struct json *text_node(struct task *task, const char *text)
{
    return json_new_string(task->arena, str_from(text));
}

static struct str group_of(const struct command *command)
{
    struct str head;
    struct str tail;

    (void)str_cut(str_from(command->words), ' ', &head, &tail);
    return head;
}

static void put_command(struct task *task, struct buf *text, const struct command *command)
{
    struct str path = STR("/api/v1/commands");
    struct str rest = str_from(command->words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        path = arena_printf(task->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(word));
    }
    buf_text(text, "<li>");
    page_anchor(task, text,
                arena_cstr(task->arena, arena_printf(task->arena, "%.*s/help", STR_ARG(path))),
                command->words);
    buf_text(text, "<p>");
    markup_text(text, str_from(command->summary));
    buf_text(text, "</p><p><code>");
    markup_text(text, str_from(command->example));
    buf_text(text, "</code></p></li>\n");
}

static enum stage_verdict commands_page(struct task *task)
{
    struct str last = STR_EMPTY;
    struct buf text;

    page_begin(task, &text, "Commands");
    buf_printf(&text, "<p>%zu commands. Each leads to its help: all forms, ready to be sent.</p>\n",
               catalog_size(task->api->catalog));
    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        struct str group = group_of(catalog_at(task->api->catalog, i));

        if (!str_eq(group, last)) {
            buf_text(&text, last.len > 0 ? "</ul><h2>" : "<h2>");
            markup_text(&text, group);
            buf_text(&text, "</h2><ul class=\"rows\">\n");
            last = group;
        }
        put_command(task, &text, catalog_at(task->api->catalog, i));
    }
    buf_text(&text, "</ul>");
    return page_end(task, &text);
}

enum stage_verdict handle_commands(struct task *task)
{
    struct json *body = json_new_object(task->arena);
    struct json *commands = json_new_array(task->arena);
    struct json *unsupported = json_new_array(task->arena);
    size_t n;
    const struct unsupported_command *rows = catalog_unsupported(&n);

    if (page_is_wanted(task)) {
        return commands_page(task);
    }
    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        json_append(commands, catalog_describe(catalog_at(task->api->catalog, i), task->arena));
    }
    for (size_t i = 0; i < n; i++) {
        struct json *row = json_new_object(task->arena);

        json_set(row, STR("command"), text_node(task, rows[i].words));
        json_set(row, STR("reason"), text_node(task, rows[i].reason));
        json_append(unsupported, row);
    }
    json_set(body, STR("total"),
             json_new_int(task->arena, (int64_t)catalog_size(task->api->catalog)));
    json_set(body, STR("commands"), commands);
    json_set(body, STR("unsupported"), unsupported);
    return task_reply_json(task, 200, body);
}

/* The subcommand's words after the group; of a command of one word the word itself. */
static struct str subcommand_of(const struct command *command)
{
    struct str head;
    struct str tail;

    return str_cut(str_from(command->words), ' ', &head, &tail) ? tail : head;
}

static struct json *describe_group(struct task *task, struct str group)
{
    struct json *row = json_new_object(task->arena);
    struct json *subcommands = json_new_array(task->arena);
    const struct command *first = NULL;

    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        const struct command *command = catalog_at(task->api->catalog, i);

        if (str_eq(group_of(command), group)) {
            first = first == NULL ? command : first;
            json_append(subcommands, json_new_string(task->arena, subcommand_of(command)));
        }
    }
    if (first == NULL) {
        return NULL;
    }
    json_set(row, STR("command"), json_new_string(task->arena, group));
    json_set(
        row, STR("description"),
        json_size(subcommands) == 1
            ? text_node(task, first->summary)
            : json_new_string(task->arena,
                              arena_printf(task->arena, "%zu commands, e.g. %s: %s",
                                           json_size(subcommands), first->words, first->summary)));
    json_set(row, STR("subcommands"), subcommands);
    json_set(row, STR("permission_required"), text_node(task, permission_name(first->permission)));
    json_set(row, STR("user_has_permission"),
             json_new_bool(task->arena, (task->principal.permissions &
                                         (first->permission | PERMISSION_ADMIN)) != 0));
    return row;
}

enum stage_verdict handle_command_groups(struct task *task)
{
    struct json *body = json_new_object(task->arena);
    struct json *data = json_new_array(task->arena);
    struct str last = STR_EMPTY;

    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        struct str group = group_of(catalog_at(task->api->catalog, i));

        if (!str_eq(group, last)) {
            json_append(data, describe_group(task, group));
            last = group;
        }
    }
    json_set(body, STR("status"), text_node(task, "success"));
    json_set(body, STR("message"),
             json_new_string(task->arena,
                             arena_printf(task->arena, "%zu groups, %zu commands", json_size(data),
                                          catalog_size(task->api->catalog))));
    json_set(body, STR("data"), data);
    return task_reply_json(task, 200, body);
}

/* The row's example line, bound, in all its forms; an example that does not bind would be a bug of
 * the table, which the catalogue's own test catches. */
static struct json *example_forms(struct task *task, const struct command *command)
{
    struct str organization_id = task->platform->defaults.organization_id;
    const struct catalog_defaults shown = {/* help works without a configured one */
                                           organization_id.len > 0 ? organization_id : STR("1")};
    struct command_input input = {
        .catalog = task->api->catalog, .position = -1, .defaults = &shown, .shows_forms = true};
    struct str line = arena_printf(task->arena, "%s", command->example);
    struct form_options shown_at;
    struct json *forms;
    struct json *requests;
    struct bound_command bound;
    struct json *parsed;

    if (command_line_parse(task->api->catalog, task->arena, line, &parsed, &task->error) !=
        ERR_OK) {
        return NULL;
    }
    input.command = json_str(json_get(parsed, "command"));
    input.args = json_get(parsed, "args");
    input.options = json_get(parsed, "options");
    if (catalog_bind(&input, task->arena, &bound, task_errors(task)) != ERR_OK) {
        return NULL;
    }
    shown_at = (struct form_options){task_server_url(task), task->config->auth.modes != AUTH_NONE};
    forms = command_forms(task->api->dictionary, &bound, task->arena, &shown_at);
    requests = command_requests(task, json_get(forms, "json"), &task->error);
    if (requests != NULL) {
        json_set(forms, STR("upstream_requests"), requests);
    }
    return forms;
}

enum stage_verdict handle_command_help(struct task *task)
{
    struct str words[16];
    struct str name = task_param(task, "command");
    size_t n = str_split(name, ' ', words, ARRAY_LEN(words));
    size_t n_name = 0;
    const struct command *command =
        catalog_find(task->api->catalog, words, n, &n_name, NULL, &task->error);
    struct json *body = describe_group(task, name);

    if (command == NULL || n_name != n) {
        if (body != NULL) {
            return task_reply_json(task, 200, body);
        }
        task->error.code = task->error.code == ERR_OK ? ERR_UNKNOWN_COMMAND : task->error.code;
        if (command != NULL) {
            (void)error_set(&task->error, ERR_NOT_FOUND, "No such command; the nearest is \"%s\"",
                            command->words);
        } else if (task->error.code == ERR_UNKNOWN_COMMAND) {
            task->error.code = ERR_NOT_FOUND;
        }
        return task_fail(task);
    }
    body = catalog_describe(command, task->arena);
    json_set(body, STR("forms"), example_forms(task, command));
    if (task->errors != NULL && task->errors->n > 0) {
        return task_fail(task);
    }
    return task_reply_json(task, 200, body);
}
