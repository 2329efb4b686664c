/* GET /api/v1/commands and its relatives: the catalogue as documents, made of the same rows that
 * run. */
#include "api/command/batch.h"
#include "api/command/handlers.h"
#include "api/gate/links.h"
#include "api/gate/page.h"
#include "base/json_form.h"
#include "base/markup.h"
#include "forms/forms.h"

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
    page_anchor(task, text, arena_printf(task->arena, "%.*s/help", STR_ARG(path)).ptr,
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
    size_t n;
    const struct unsupported_command *rows = catalog_unsupported(&n);
    struct json_writer *w = task_writer(task);

    if (page_is_wanted(task)) {
        return commands_page(task);
    }
    jw_form(w, "{total:%i, commands:[", catalog_size(task->api->catalog));
    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        catalog_describe(catalog_at(task->api->catalog, i), task->arena, w);
        jw_end(w);
    }
    jw_shape(w, "], unsupported:[");
    for (size_t i = 0; i < n; i++) {
        jw_form(w, "{command:%s, reason:%s}", rows[i].words, rows[i].reason);
    }
    jw_shape(w, "]}");
    return task_written(task, 200);
}

/* The subcommand's words after the group; of a command of one word the word itself. */
static struct str subcommand_of(const struct command *command)
{
    struct str head;
    struct str tail;

    return str_cut(str_from(command->words), ' ', &head, &tail) ? tail : head;
}

/* False: no command is of the group. */
static bool describe_group(struct task *task, struct str group, struct json_writer *w)
{
    const struct catalog *catalog = task->api->catalog;
    const struct command *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);

        if (str_eq(group_of(command), group)) {
            first = first == NULL ? command : first;
            n++;
        }
    }
    if (first == NULL) {
        return false;
    }
    jw_form(w, "{command:%s, description:%s, subcommands:[", group,
            n == 1 ? str_from(first->summary)
                   : arena_printf(task->arena, "%zu commands, e.g. %s: %s", n, first->words,
                                  first->summary));
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        if (str_eq(group_of(catalog_at(catalog, i)), group)) {
            jw_str(w, subcommand_of(catalog_at(catalog, i)));
        }
    }
    jw_form(w, "], permission_required:%s, user_has_permission:%b}",
            permission_name(first->permission), task_may(task, first->permission));
    return true;
}

enum stage_verdict handle_command_groups(struct task *task)
{
    struct str last = STR_EMPTY;
    struct json_writer *w = task_writer(task);
    size_t n = 0;

    jw_shape(w, "{status:'success', data:[");
    for (size_t i = 0; i < catalog_size(task->api->catalog); i++) {
        struct str group = group_of(catalog_at(task->api->catalog, i));

        if (!str_eq(group, last)) {
            n += describe_group(task, group, w) ? 1 : 0;
            last = group;
        }
    }
    jw_form(
        w, "], message:%s}",
        arena_printf(task->arena, "%zu groups, %zu commands", n, catalog_size(task->api->catalog)));
    return task_written(task, 200);
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
    const struct json *forms;
    struct json_writer *w = task_writer(task);

    if (command == NULL || n_name != n) {
        if (describe_group(task, name, w)) {
            return task_written(task, 200);
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
    forms = example_forms(task, command);
    if (forms == NULL) {
        return task_fail(task);
    }
    catalog_describe(command, task->arena, w);
    jw_form(w, "forms:%j}", json_text(task->arena, forms));
    return task_written(task, 200);
}
