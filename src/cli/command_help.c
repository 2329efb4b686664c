/* Help of the catalogue's commands: the rows as text. */
#include <stdio.h>

#include "base/arena.h"
#include "catalog/catalog.h"
#include "cli/command.h"

enum { LEFT_COLUMN = 32, LINE_MAX = 1024 };

static const char *const type_hints[] = {
    [PARAM_POINT] = "X,Y",    [PARAM_SIZE] = "WIDTHxHEIGHT", [PARAM_INTEGER] = "N",
    [PARAM_URL] = "URL",      [PARAM_HTTP_URL] = "URL",      [PARAM_ID] = "ID",
    [PARAM_LIST] = "A,B,...", [PARAM_OBJECT] = "JSON",       [PARAM_CSV] = "CSV",
};

static const char *hint_of(const struct param *param)
{
    const char *hint = (size_t)param->type < ARRAY_LEN(type_hints) ? type_hints[param->type] : NULL;

    return hint != NULL ? hint : "TEXT";
}

static void print_param(const struct param *param, bool is_option)
{
    struct buf text;

    buf_init(&text, LINE_MAX);
    buf_text(&text, is_option ? "--" : "");
    for (const char *c = param->name; *c != '\0'; c++) {
        buf_char(&text, (char)(is_option && *c == '_' ? '-' : *c));
    }
    if (param->type != PARAM_FLAG) {
        buf_printf(&text, " %s", hint_of(param));
    }
    do {
        buf_char(&text, ' ');
    } while (text.len < LEFT_COLUMN);
    buf_text(&text, (param->flags & PARAM_INERT) != 0 ? "has no effect" : "");
    buf_text(&text, param->words != NULL ? param->words : "");
    if (param->unit != NULL) {
        buf_printf(&text, "in %s", param->unit);
    }
    if (param->def != NULL && param->def[0] != '\0') {
        buf_printf(&text, " (%s unless given)", param->def);
    } else if (!is_option && (param->flags & PARAM_OPTIONAL) != 0) {
        buf_text(&text, " (may be left out)");
    }
    (void)printf("  %.*s\n", STR_ARG(str_trim(buf_view(&text))));
    buf_done(&text);
}

static void print_params(const char *title, const struct param *params, bool are_options)
{
    if (params[0].name != NULL) {
        (void)printf("\n%s:\n", title);
    }
    for (size_t i = 0; i < COMMAND_MAX_PARAMS && params[i].name != NULL; i++) {
        print_param(&params[i], are_options);
    }
}

static void print_command(const struct command *command, struct arena *arena)
{
    struct str usage = json_str(json_get(catalog_describe(command, arena), "usage"));

    (void)printf("usage: virtuoso-proxy command [options] %.*s\n\n%s.\n", STR_ARG(usage),
                 command->summary);
    print_params("arguments", command->args, false);
    print_params("options of the command", command->options, true);
    if (command->aliases[0] != NULL) {
        (void)printf("\nother names: ");
    }
    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL; i++) {
        (void)printf("%s%s", i > 0 ? ", " : "", command->aliases[i]);
    }
    (void)printf("%s\nexample:\n  virtuoso-proxy command %s\n",
                 command->aliases[0] != NULL ? "\n" : "", command->example);
    if (command->sentence != NULL) {
        (void)printf("\nin a test file:\n  - %s\n", command->sentence);
    }
}

bool command_help(const char *const *words, size_t n_words)
{
    struct str list[COMMAND_MAX_PARAMS];
    size_t n = 0;
    size_t n_name;
    bool alias;
    struct error err = {0};
    struct arena arena;
    const struct command *command;

    for (; n < n_words && n < ARRAY_LEN(list); n++) {
        list[n] = str_from(words[n]);
    }
    command = catalog_find(list, n, &n_name, &alias, &err);
    if (command == NULL) {
        (void)fprintf(stderr, "virtuoso-proxy command: %s\n", err.text);
        return false;
    }
    arena_init(&arena);
    print_command(command, &arena);
    arena_done(&arena);
    return true;
}

void command_list(void)
{
    struct arena arena;

    arena_init(&arena);
    for (size_t i = 0; i < catalog_size(); i++) {
        const struct command *command = catalog_at(i);
        struct str usage = json_str(json_get(catalog_describe(command, &arena), "usage"));

        (void)printf("%.*s\n    %s\n", STR_ARG(usage), command->summary);
    }
    arena_done(&arena);
}
