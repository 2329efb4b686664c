/* Help of the catalogue's commands: the rows as text. */
#include <stdio.h>

#include "base/arena.h"
#include "catalog/catalog.h"
#include "command_internal.h"
#include "testfile/testfile.h"

enum { LEFT_COLUMN = 32, LINE_MAX = 1024 };

static const char *const type_hints[] = {
    [PARAM_POINT] = "X,Y",    [PARAM_SIZE] = "WIDTHxHEIGHT", [PARAM_INTEGER] = "N",
    [PARAM_URL] = "URL",      [PARAM_HTTP_URL] = "URL",      [PARAM_ID] = "ID",
    [PARAM_LIST] = "A,B,...", [PARAM_OBJECT] = "JSON",       [PARAM_CSV] = "CSV",
};

static void print_param(const struct param *param, bool is_option)
{
    const char *hint;
    struct buf text;

    buf_init(&text, LINE_MAX);
    if (is_option) {
        buf_text(&text, "--");
        buf_dashed(&text, str_from(param->name));
    } else {
        buf_text(&text, param->name);
    }
    if (param->type != PARAM_FLAG) {
        hint = (size_t)param->type < ARRAY_LEN(type_hints) ? type_hints[param->type] : NULL;
        buf_printf(&text, " %s", hint != NULL ? hint : "TEXT");
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

static void print_usage(const char *before, const struct command *command, struct arena *arena)
{
    struct buf text;

    buf_init(&text, LINE_MAX);
    buf_text(&text, before);
    command_put_usage(&text, command_usage(command, arena));
    (void)printf("%.*s\n", STR_ARG(buf_view(&text)));
    buf_done(&text);
}

static void print_command(const struct catalog *catalog, const struct command *command,
                          struct arena *arena)
{
    struct dictionary *dictionary = dictionary_new(catalog);
    struct str sentence = sentence_of(dictionary, arena, command, NULL, NULL);

    print_usage("usage: virtuoso-proxy command [options] ", command, arena);
    (void)printf("\n%s.\n", command->summary);
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
    if (sentence.len > 0) {
        (void)printf("\nin a test file:\n  - %.*s\n", STR_ARG(sentence));
    }
    dictionary_free(dictionary);
}

static void print_summary(const struct command *command, struct arena *arena)
{
    print_usage("  ", command, arena);
    (void)printf("      %s\n", command->summary);
}

/* False: no command begins with these words. */
static bool print_group(const struct catalog *catalog, struct str words)
{
    struct arena arena;
    size_t n = 0;

    arena_init(&arena);
    for (size_t i = 0; words.len > 0 && i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);
        struct str own = str_from(command->words);

        if (str_starts(own, words) && own.len > words.len && own.ptr[words.len] == ' ') {
            (void)(n++ == 0 ? printf("commands of %.*s:\n", STR_ARG(words)) : 0);
            print_summary(command, &arena);
        }
    }
    arena_done(&arena);
    return n > 0;
}

static void print_unknown(struct str detail)
{
    struct buf text;

    buf_init(&text, LINE_MAX);
    if (!command_put_routes(&text, detail)) {
        buf_str(&text, detail);
    }
    command_say("virtuoso-proxy command: ", buf_view(&text));
    buf_done(&text);
}

bool command_help(const struct catalog *catalog, const char *const *words, size_t n_words)
{
    struct str list[COMMAND_MAX_PARAMS] = {0};
    size_t n = 0;
    struct error err = {0};
    struct arena arena;
    const struct command *command;
    struct str line = STR_EMPTY;
    bool ok = true;

    arena_init(&arena);
    for (; n < n_words && n < ARRAY_LEN(list); n++) {
        list[n] = str_from(words[n]);
        arena_join(&arena, &line, " ", list[n]);
    }
    command = catalog_find(catalog, list, n, NULL, NULL, &err);
    if (command != NULL) {
        print_command(catalog, command, &arena);
    } else if (!print_group(catalog, line)) {
        print_unknown(str_from(err.text));
        ok = false;
    }
    arena_done(&arena);
    return ok;
}

void command_list(const struct catalog *catalog)
{
    struct str group = STR_EMPTY;
    struct arena arena;

    arena_init(&arena);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);
        struct str own;
        struct str rest;

        (void)str_cut(str_from(command->words), ' ', &own, &rest);
        if (str_starts(own, STR("step-")) && !str_eq(own, group)) {
            (void)printf("%s%.*s:\n", i > 0 ? "\n" : "", STR_ARG(own));
        } else if (!str_starts(own, STR("step-")) && (i == 0 || str_starts(group, STR("step-")))) {
            (void)printf("%sprojects, goals, journeys, checkpoints and the rest:\n",
                         i > 0 ? "\n" : "");
        }
        group = own;
        print_summary(command, &arena);
    }
    arena_done(&arena);
}
