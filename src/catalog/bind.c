/* Checks what a caller wrote against the row of its command: resolves names, checks values, and
 * collects all errors. */
#include "base/nearest.h"
#include "base/utf8.h"
#include "catalog_internal.h"

enum { MAX_COMMAND_WORDS = 32 };

void warning_add(struct warning_list *list, struct arena *arena, struct str text)
{
    list->items = arena_room(arena, list->items, list->n, sizeof(*list->items));
    list->items[list->n++] = text;
}

/* ---- the name ---- */

struct binding {
    const struct command_input *input;
    struct arena *arena;
    struct bound_command *out;
    struct error_list *errors;
    const struct command *command;
    size_t n_args_in_name; /* leading args that belong to the command's name */
    unsigned seen;         /* bit per option that was given */
};

/* The error where catalog_find gave none: the command is empty, or the input is `brief`. */
static struct error not_found(const struct binding *b, const struct str *words, size_t n)
{
    struct str command = str_trim(b->input->command);
    struct error err = {0};

    if (command.len == 0) {
        (void)error_at(&err, ERR_UNKNOWN_COMMAND, "/command",
                       "The command is empty; GET /api/v1/commands lists all");
    } else if (!catalog_is_unsupported(words, n, &err)) {
        (void)error_at(&err, ERR_UNKNOWN_COMMAND, "/command",
                       "There is no command \"%.*s\"; GET /api/v1/commands lists all",
                       STR_ARG(utf8_clip(command, 64)));
    }
    return err;
}

/* The words of the command, then those of the arguments: the rest of the name may stand there. */
static size_t all_words(const struct binding *b, struct str *words, size_t n_own)
{
    size_t n = n_own;
    const struct json *arg;

    JSON_FOREACH (arg, b->input->args) {
        if (json_type(arg) != JSON_STRING || n >= n_own + MAX_WORDS) {
            break;
        }
        words[n++] = json_str(arg);
    }
    return n;
}

static bool resolve(struct binding *b)
{
    struct str words[MAX_COMMAND_WORDS + MAX_WORDS];
    size_t n_own = str_split(str_trim(b->input->command), ' ', words, MAX_COMMAND_WORDS);
    size_t n = all_words(b, words, n_own);
    size_t n_name = 0;
    bool alias = false;
    struct error err = {0};

    if (n_own > 0) {
        b->command = catalog_find(b->input->catalog, words, n_own, &n_name, &alias,
                                  b->input->brief ? NULL : &err);
    }
    if (n_own > 0 && (b->command == NULL || n_name < n_own)) {
        struct error longer = {0};
        const struct command *found = catalog_find(b->input->catalog, words, n, &n_name, &alias,
                                                   b->input->brief ? NULL : &longer);

        if (found != NULL && n_name > n_own) {
            b->command = found;
            b->n_args_in_name = n_name - n_own;
        } else if (longer.code == ERR_UNSUPPORTED_COMMAND || (b->command == NULL && n > n_own)) {
            err = longer; /* this search saw more of the words */
            b->command = NULL;
        } else if (b->command != NULL) {
            (void)error_at(
                &err, ERR_UNKNOWN_COMMAND, "/command",
                "There is no command \"%.*s\"; did you mean \"%s\", with the rest in args?",
                STR_ARG(utf8_clip(b->input->command, 64)), b->command->words);
            b->command = NULL;
        }
    }
    if (b->command == NULL) {
        *error_list_add(b->errors) = err.code != ERR_OK ? err : not_found(b, words, n);
        return false;
    }
    if (alias) {
        warning_add(&b->out->warnings, b->arena,
                    arena_printf(b->arena, "\"%.*s\" is another name of \"%s\"",
                                 STR_ARG(utf8_clip(b->input->command, 64)), b->command->words));
    }
    return true;
}

/* ---- arguments ---- */

/* Are both options x and y given? They replace the point argument. */
static bool has_xy(const struct binding *b)
{
    const struct json *value;
    size_t n = 0;

    JSON_FOREACH (value, b->input->options) {
        const struct param *option = option_lookup(b->command, json_name(value), b->arena);

        n += option != NULL && is_part_of_point(b->command, option);
    }
    return n >= 2;
}

static void take(struct binding *b, const struct param *param, const char *pointer,
                 const struct json *value)
{
    const struct param_place place = {param,
                                      pointer,
                                      b->arena,
                                      b->out->values,
                                      b->errors,
                                      b->input->defaults,
                                      b->input->csv_left};

    if (json_type(value) != JSON_NULL) {
        (void)param_take(&place, value);
        return;
    }
    if ((value == NULL && param->type == PARAM_POINT && has_xy(b)) || param_default(&place) ||
        (param->flags & PARAM_OPTIONAL) != 0) {
        return;
    }
    (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer, "%s is missing. Usage: %.*s",
                   param->name, STR_ARG(command_usage(b->command, b->arena)));
}

/* Nearly every step has few arguments and no error: constants save making their pointers. */
static const char *pointer_at(struct binding *b, size_t index)
{
    static const char *const few[] = {"/args/0", "/args/1", "/args/2", "/args/3", "/args/4"};

    return index < ARRAY_LEN(few) ? few[index] : arena_printf(b->arena, "/args/%zu", index).ptr;
}

/* False: the list of errors is full. The error is counted, and its text need not be made. */
static bool has_room(struct binding *b)
{
    if (error_list_is_full(b->errors)) {
        error_list_drop(b->errors);
        return false;
    }
    return true;
}

static void too_many(struct binding *b, size_t index, const struct json *value)
{
    int64_t number;
    bool is_position =
        json_to_i64(value, &number) || str_to_i64(json_str(value), 0, INT32_MAX, &number);

    if (str_starts(json_str(value), STR("--")) && json_str(value).len > 2) {
        struct str name;
        struct str rest;
        struct str near;

        (void)str_cut(json_str(value), '=', &name, &rest);
        (void)param_nearest(b->command->options, name, b->arena, &near);
        (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer_at(b, index),
                       "\"%.*s\" looks like an option: those go into \"options\"%s%.*s%s",
                       STR_ARG(utf8_clip(json_str(value), 64)),
                       near.len > 0 ? " (did you mean \"" : "", STR_ARG(near),
                       near.len > 0 ? "\"?)" : "");
        return;
    }
    (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer_at(b, index),
                   "One argument too many. Usage: %.*s%s",
                   STR_ARG(command_usage(b->command, b->arena)),
                   is_position ? ". A position goes into \"position\", not into args" : "");
}

static void bind_args(struct binding *b)
{
    const struct json *arg = json_first(b->input->args);
    size_t index = b->n_args_in_name;

    for (size_t i = 0; i < b->n_args_in_name && arg != NULL; i++) {
        arg = json_next(arg);
    }
    for (const struct param *param = b->command->args; param->name != NULL; param++) {
        take(b, param, pointer_at(b, index++), arg);
        arg = arg != NULL ? json_next(arg) : NULL;
    }
    for (; arg != NULL; arg = json_next(arg)) {
        if (has_room(b)) {
            too_many(b, index++, arg);
        }
    }
}

static void unknown_name(struct binding *b, const char *pointer, const char *kind, struct str name,
                         const struct param *params)
{
    struct str known = STR_EMPTY;
    struct str near;

    if (param_nearest(params, name, b->arena, &near) != NULL) {
        (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer,
                       "%s has no %s \"%.*s\"; did you mean \"%.*s\"?", b->command->words, kind,
                       STR_ARG(utf8_clip(name, 64)), STR_ARG(near));
        return;
    }
    for (size_t i = 0; i < params_count(params); i++) {
        arena_join(b->arena, &known, ", ", str_from(params[i].name));
    }
    (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer,
                   "%s has no %s \"%.*s\"; it has %s%.*s", b->command->words, kind,
                   STR_ARG(utf8_clip(name, 64)), known.len > 0 ? "" : "none", STR_ARG(known));
}

static const char *pointer_name(struct binding *b, const char *where, struct str name)
{
    return arena_printf(b->arena, "/%s/%.*s", where, STR_ARG(utf8_clip(name, 64))).ptr;
}

static void bind_params(struct binding *b)
{
    const struct param *args = b->command->args;
    const struct json *value;

    JSON_FOREACH (value, b->input->params) {
        const struct param *known = args;

        while (known->name != NULL && !str_is(json_name(value), known->name)) {
            known++;
        }
        if (known->name == NULL && has_room(b)) {
            unknown_name(b, pointer_name(b, "params", json_name(value)), "argument",
                         json_name(value), args);
        }
    }
    for (size_t i = 0; i < params_count(args); i++) {
        take(b, &args[i], pointer_name(b, "params", str_from(args[i].name)),
             json_get(b->input->params, args[i].name));
    }
}

/* ---- options ---- */

static void bind_option(struct binding *b, const struct param *option, const char *pointer,
                        const struct json *value)
{
    unsigned bit = 1U << (unsigned)(option - b->command->options);
    bool is_point_part = is_part_of_point(b->command, option);

    if ((b->seen & bit) != 0) {
        (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer, "%s is given twice",
                       option->name);
    } else if (is_point_part && json_get(b->out->values, option->name) != NULL) {
        (void)error_at(error_list_add(b->errors), ERR_INVALID, pointer,
                       "%s is in %s already; give the options x and y or the argument, not both",
                       option->name, b->command->args[0].name);
    } else if ((option->flags & PARAM_INERT) != 0) {
        warning_add(
            &b->out->warnings, b->arena,
            arena_printf(b->arena,
                         "The option \"%s\" has no effect: the platform has no such setting",
                         option->name));
    } else {
        take(b, option, pointer, value);
    }
    b->seen |= bit;
}

static void bind_options(struct binding *b)
{
    const struct json *value;

    JSON_FOREACH (value, b->input->options) {
        const struct param *option = option_lookup(b->command, json_name(value), b->arena);

        if (option != NULL) {
            bind_option(b, option, pointer_name(b, "options", json_name(value)), value);
        } else if (has_room(b)) {
            unknown_name(b, pointer_name(b, "options", json_name(value)), "option",
                         option_folded(json_name(value), b->arena), b->command->options);
        }
    }
    for (size_t i = 0; i < params_count(b->command->options); i++) {
        const struct param *option = &b->command->options[i];

        if (json_get(b->out->values, option->name) == NULL && (option->flags & PARAM_INERT) == 0 &&
            option->def != NULL) {
            /* Only a default from the configuration can be wrong. To save time, others get no pointer of their own. */
            take(b, option,
                 str_is(STR("configured"), option->def)
                     ? pointer_name(b, "options", str_from(option->name))
                     : "/options",
                 NULL);
        }
    }
}

/* A point given by x and y arrives as texts of integers; templates want numbers. */
static void numbers_of_point(struct binding *b)
{
    static const char *const names[] = {"x", "y"};

    if (params_count(b->command->args) == 0 || b->command->args[0].type != PARAM_POINT) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct json *value = json_get(b->out->values, names[i]);

        if (json_type(value) == JSON_STRING) {
            json_set(b->out->values, str_from(names[i]),
                     json_new_raw_number(b->arena, json_str(value)));
        }
    }
}

/* Only steps have a place in a checkpoint. For other commands checkpoint_id and position beside the
 * arguments have no effect, even if an argument or option has that name. */
static void warn_of_place(struct binding *b)
{
    const struct {
        const char *name;
        bool given;
    } places[] = {{"checkpoint_id", b->input->checkpoint_id.len > 0},
                  {"position", b->input->position >= 0}};

    for (size_t i = 0; b->command->kind == COMMAND_CALL && i < ARRAY_LEN(places); i++) {
        if (places[i].given) {
            warning_add(
                &b->out->warnings, b->arena,
                arena_printf(b->arena, "\"%s\" has no effect: %s makes no step%s", places[i].name,
                             b->command->words,
                             option_lookup(b->command, str_from(places[i].name), b->arena) != NULL
                                 ? "; its own goes into \"options\""
                                 : ""));
        }
    }
}

static void warn_of_word(struct binding *b, struct str word, const char *what, struct str near,
                         const char *hint)
{
    warning_add(&b->out->warnings, b->arena,
                arena_printf(b->arena, "\"%.*s\" is no %s that is known here%s%.*s%s",
                             STR_ARG(utf8_clip(word, 64)), what,
                             near.len > 0 ? "; did you mean \"" : "", STR_ARG(near),
                             near.len > 0 ? "\"?" : hint));
}

/* Warns of a key or a type of element that is misspelled: `step-interact key Entr`. */
static void warn_of_known_words(struct binding *b)
{
    const struct param *first = b->command->args;
    struct str type = json_str(json_get(b->out->values, "element_type"));
    struct str near;

    if (first->name != NULL && first->type == PARAM_KEY) {
        struct str key = json_str(json_get(b->out->values, first->name));

        if (!key_is_known(key, &near)) {
            warn_of_word(b, key, "key", near, "; to press a button, click it");
        }
    }
    if (type.len > 0 && element_type_is_near(type, &near)) {
        warn_of_word(b, type, "type of an element", near, "");
    }
}

enum error_code catalog_bind(const struct command_input *input, struct arena *arena,
                             struct bound_command *out, struct error_list *errors)
{
    struct binding b = {.input = input, .arena = arena, .out = out, .errors = errors};
    size_t n_before = errors->n;

    *out = (struct bound_command){0};
    if (input->args != NULL && input->params != NULL) {
        (void)error_at(error_list_add(errors), ERR_INVALID, "/params",
                       "give args or params, not both");
        return ERR_INVALID;
    }
    if (!resolve(&b)) {
        return errors->items[n_before].code;
    }
    out->command = b.command;
    out->call = catalog_call(input->catalog, b.command);
    warn_of_place(&b);
    out->values = json_new_object(arena);
    if (input->params != NULL) {
        bind_params(&b);
    } else {
        bind_args(&b);
    }
    bind_options(&b);
    numbers_of_point(&b);
    warn_of_known_words(&b);
    out->given = out->values;
    if (errors->n == n_before && b.command->special != NULL) {
        out->given = input->shows_forms ? json_copy(arena, out->values) : out->values;
        b.command->special(input, out->values, arena, errors);
    }
    return errors->n == n_before ? ERR_OK : errors->items[n_before].code;
}
