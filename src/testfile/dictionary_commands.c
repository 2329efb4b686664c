/* Commands of the catalogue as forms, whose arguments are fields by the names that people give them. */
#include "testfile_internal.h"

/* Names that people use for the arguments of commands; `alone`: more names, if it is the only argument. */
static const struct param_fields {
    const char *param;
    const char *kind; /* of the value, with its colon */
    const char *fields;
    const char *alone;
} param_fields[] = {
    {"element", "",
     "element|selector|target|locator|css|xpath|hint|label|placeholder|field|id|from|source",
     "|text|value"},
    {"value", "", "value|expected|option|text|pattern|expectedValue|expectedText|expected_value",
     ""},
    {"text", "", "text|value|content|message|comment", "|target"},
    {"url", "url:", "url|to|value|file|href|file_url|fileUrl", "|target"},
    {"variable", "var:", "variable|as|name|variable_name|variableName|to|in|into", ""},
    {"key", "unquote:", "key|value|text", ""},
    {"xy", "xy:", "xy|position|offset|coordinates|by|to|value|target|@", ""},
    {"size", "size:", "size|dimensions|value|target|@", ""},
    {"index", "", "index|value|tab|number|frame", "|target"},
    {"milliseconds", "ms:", "milliseconds|time|duration|ms|value|timeout", ""},
    {"script", "", "script|code|value|javascript|text", "|target"},
    {"attribute", "", "attribute|attribute_name|attributeName|attr", ""},
    {"name", "", "name|cookie|target", "|value"},
    {"api_test_id", "", "api_test_id|id|apiTestId|value|target", ""},
};

/* The name of an assertion says what is asserted, so `true` or `false` names no element: "named:" refuses
 * them. */
static const char *kind_of_param(const struct command *command, const struct param *p,
                                 const struct param_fields *row)
{
    struct str name = str_from(p->name);

    if (str_starts(str_from(command->words), STR("step-assert ")) && str_is(name, "element")) {
        return "named:";
    }
    if (str_is(name, "value") && (p->flags & PARAM_OPTIONAL) != 0) {
        return "option:";
    }
    return row != NULL ? row->kind : "";
}

/* The item of one argument. The first argument may also be the plain value. A variable behind it may also be
 * called `value`, unless the first argument is. */
static struct str item_of_param(struct arena *arena, const struct command *command, size_t index)
{
    const struct param *p = &command->args[index];
    const struct param_fields *row = ROW_NAMED(str_from(p->name), param_fields);
    bool is_optional = (p->flags & PARAM_OPTIONAL) != 0 || p->def != NULL;
    bool is_only = index == 0 && command->args[1].name == NULL;
    /* A variable that is compared stands in the place of an element, and so may be called `target`. */
    bool is_target = index == 0 && p->type == PARAM_VARIABLE;
    bool is_stored =
        index > 0 && p->type == PARAM_VARIABLE && !str_is(str_from(command->args[0].name), "value");

    return arena_printf(arena, "%s%s%s%s%s%s%s", is_optional ? "?" : "",
                        kind_of_param(command, p, row), index == 0 ? ".|" : "",
                        row != NULL ? row->fields : p->name,
                        row != NULL && is_only ? row->alone : "", is_target ? "|target" : "",
                        is_stored ? "|value" : "");
}

/* "|httpOnly" for http_only: test files write names of several words in both ways. Empty for a name
 * of one word. */
static struct str camel_alias(struct arena *arena, const char *name)
{
    char *out = arena_alloc(arena, str_from(name).len + 2);
    size_t n = 0;

    out[n++] = '|';
    for (const char *c = name; *c != '\0'; c++) {
        bool begins_word = c > name && c[-1] == '_';

        if (*c != '_') {
            out[n++] = (char)(begins_word ? *c - 'a' + 'A' : *c);
        }
    }
    out[n] = '\0';
    return n == str_from(name).len + 1 ? STR_EMPTY : (struct str){out, n};
}

struct form *form_of_command(struct dictionary *dictionary, const struct command *command)
{
    struct arena *arena = &dictionary->arena;
    struct str args = STR_EMPTY;
    struct str options = STR_EMPTY;
    struct verb_row row = {.when = "", .command = command->words, .example = command->example};

    for (size_t i = 0; command->args[i].name != NULL; i++) {
        arena_join(arena, &args, " ", item_of_param(arena, command, i));
    }
    for (const struct param *p = command->options; p->name != NULL; p++) {
        if (command->args[0].type == PARAM_POINT && str_has_word("x y", str_from(p->name))) {
            continue; /* they are the point itself (@) */
        }
        options = arena_printf(
            arena, "%.*s%s%s<%s%s%.*s", STR_ARG(options), options.len > 0 ? " " : "", p->name,
            p->type == PARAM_VARIABLE ? "var:" : "", p->name, STR_ARG(camel_alias(arena, p->name)));
    }
    row.args = args.ptr;
    row.options = options.ptr;
    return form_read(dictionary, &row);
}
