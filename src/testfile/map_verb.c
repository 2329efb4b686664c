/* One mapper for all verbs: takes the form (a row of the table) that fits a bag, reads its arguments and
 * options, and says what is missing, unknown or left over. */
#include "base/utf8.h"
#include "map_internal.h"

enum { SHOWN_MAX = 64, COMMENT_MAX = 500, OPTIONS_MAX = 8 };

struct mapping {
    struct compile *c;
    struct bag *bag;
    const struct form *form;
    struct json *args;
    struct json *options;
    struct str split; /* text that becomes several steps; empty: none */
    bool failed;
};

static struct testfile_problem *complain(struct mapping *m, struct place place, const char *what,
                                         struct str about)
{
    struct testfile_problem *problem = problem_add(m->c, TESTFILE_ERROR, place, "%.*s: %s%.*s",
                                                   STR_ARG(utf8_clip(m->bag->verb, SHOWN_MAX)),
                                                   what, STR_ARG(utf8_clip(about, SHOWN_MAX)));

    if (m->form != NULL) {
        problem->example = str_from(m->form->example);
    }
    m->failed = true;
    return problem;
}

/* ---- arguments ---- */

/* Several ways to find the same element: an order is defined, so those behind it are no error. */
static void use_twins(struct mapping *m, const struct alias_list *list, const struct field *taken)
{
    for (size_t i = 0; list->is_locator && i < list->n; i++) {
        struct field *field = list->items[i].is_twin ? bag_find(m->bag, list->items[i].id) : NULL;

        if (field != NULL && field != taken) {
            field->used = true;
        }
    }
}

static void missing(struct mapping *m, const struct alias_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind == ALIAS_FIELD) {
            (void)complain(m, m->bag->verb_place, "this field is missing: ", list->items[i].text);
            return;
        }
    }
    (void)complain(m, m->bag->verb_place, "a value is missing", STR_EMPTY);
}

static bool take_last(struct mapping *m)
{
    struct testfile_problem *problem;

    if (m->c->last_element.len > 0) {
        json_append(m->args, json_new_string(m->c->arena, m->c->last_element));
        return true;
    }
    problem =
        complain(m, m->bag->verb_place, "into which element? No click stands before it", STR_EMPTY);
    problem->hint = STR("name the element, or click it first");
    return false;
}

static bool take_arg(struct mapping *m, const struct item *item)
{
    struct found found;
    struct str value;

    if (item->kind == VALUE_LAST) {
        return take_last(m);
    }
    if (!bag_resolve(m->bag, &item->list, &found)) {
        if (item->kind == VALUE_POSITION) {
            json_append(m->args, json_new_int(m->c->arena, (int64_t)(3 + m->c->n_attached)));
            return true;
        }
        if (!item->is_optional) {
            missing(m, &item->list);
        }
        return item->is_optional;
    }
    found_use(m->bag, &found);
    use_twins(m, &item->list, found.field);
    if (!value_read(m->c, m->bag, item->kind, &found, &value)) {
        m->failed = true;
        return false;
    }
    if (item->kind == VALUE_SPLIT && utf8_count(value) > COMMENT_MAX) {
        m->split = value;
        return true;
    }
    json_append(m->args, json_new_string(m->c->arena, value));
    return true;
}

/* ---- options ---- */

static struct json *substituted(struct mapping *m, const struct node *node)
{
    struct json *out;

    if (node->type == NODE_SCALAR) {
        struct str text = substitute(m->c, node->text, place_of(node));

        return str_eq(text, node->text) ? node_to_json(m->c->arena, node)
                                        : json_new_string(m->c->arena, text);
    }
    out = node->type == NODE_MAP ? json_new_object(m->c->arena) : json_new_array(m->c->arena);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (node->type == NODE_MAP) {
            json_set(out, child->key, substituted(m, child));
        } else {
            json_append(out, substituted(m, child));
        }
    }
    return out;
}

static void take_option(struct mapping *m, const struct item *item)
{
    struct found found;
    struct str value;

    if (!bag_resolve(m->bag, &item->list, &found)) {
        return;
    }
    found_use(m->bag, &found);
    if (item->kind != VALUE_TEXT) {
        if (value_read(m->c, m->bag, item->kind, &found, &value)) {
            json_set(m->options, item->option, json_new_string(m->c->arena, value));
        } else {
            m->failed = true;
        }
    } else if (found.node == NULL) {
        json_set(m->options, item->option,
                 str_is(found.text, "true") ? json_new_bool(m->c->arena, true)
                                            : json_new_string(m->c->arena, found.text));
    } else {
        json_set(m->options, item->option, substituted(m, found.node));
    }
}

/* ---- what is left over ---- */

static void complain_field(struct mapping *m, const struct field *field)
{
    struct str words = field_words(m->c->arena, m->bag->known, field->name);
    struct place place = place_of_key(field->node);

    if (words.len > 0 && field->node->type == NODE_SCALAR) {
        complain(m, place_of(field->node), "not known here: ", field->node->text)->hint =
            arena_printf(m->c->arena, "%.*s takes: %.*s", STR_ARG(field->name), STR_ARG(words));
    } else if (verb_takes(m->bag->known, key_find(field->name))) {
        (void)complain(m, place, "this field does not go with the others here: ", field->name);
    } else {
        complain(m, place, "unknown field ", field->name)->nearest =
            field_nearest(m->bag->known, field->name);
    }
}

static void check_left_over(struct mapping *m)
{
    for (size_t i = 0; i < bag_size(m->bag); i++) {
        const struct field *field = &m->bag->fields[i];

        if (field->used || field->meta) {
            continue;
        }
        if (field->loose) {
            struct testfile_problem *problem = problem_add(
                m->c, TESTFILE_WARNING, place_of_key(field->node), "\"%.*s\" has no effect here",
                STR_ARG(utf8_clip(field->name, SHOWN_MAX)));

            problem->hint = STR("remove it, or choose a form of the step that takes it");
        } else {
            complain_field(m, field);
        }
    }
    if (m->bag->value != NULL && !m->bag->value_used && !m->failed &&
        !(m->bag->value->is_null && m->bag->value->text.len == 0)) {
        (void)complain(m, place_of(m->bag->value), "this value is not taken here", STR_EMPTY);
    }
}

/* ---- steps ---- */

static bool emit(struct mapping *m, struct str words)
{
    struct step_origin origin = {m->bag->verb_place, m->bag->description, m->bag->optional, false};

    return step_emit(m->c, words, m->args, m->options, &origin);
}

/* A comment longer than the platform takes: cut where a word ends. */
static bool emit_split(struct mapping *m, struct str words)
{
    struct str rest = m->split;
    bool ok = true;

    while (ok && rest.len > 0) {
        struct str piece = rest;
        size_t n = 0;

        while (piece.len > 0 && n < COMMENT_MAX) {
            (void)utf8_next(&piece);
            n++;
        }
        n = rest.len - piece.len;
        for (size_t at = n; piece.len > 0 && at > n / 2; at--) {
            if (rest.ptr[at] == ' ' || rest.ptr[at] == '\n') {
                n = at;
                break;
            }
        }
        m->args = json_new_array(m->c->arena);
        m->options = json_new_object(m->c->arena);
        json_append(m->args, json_new_string(m->c->arena, str_trim(str_sub(rest, 0, n))));
        ok = emit(m, words);
        rest = str_trim(str_sub(rest, n, rest.len));
    }
    return ok;
}

static void map_one(struct mapping *m, const struct form_command *command)
{
    m->args = json_new_array(m->c->arena);
    m->options = json_new_object(m->c->arena);
    for (size_t i = 0; i < command->n_args; i++) {
        (void)take_arg(m, &command->args[i]);
    }
    for (size_t i = 0; i < m->form->n_options; i++) {
        take_option(m, &m->form->options[i]);
    }
}

static bool map_form(struct mapping *m)
{
    const struct form *form = m->form;
    struct json *all_args[FORM_MAX_COMMANDS];
    struct json *all_options[FORM_MAX_COMMANDS];
    size_t n_errors = m->c->problems->n_errors;

    form_use_conditions(m->c, m->bag, form);
    for (size_t i = 0; i < form->n_commands; i++) {
        map_one(m, &form->commands[i]);
        all_args[i] = m->args;
        all_options[i] = m->options;
    }
    check_left_over(m);
    m->failed = m->failed || m->c->problems->n_errors > n_errors;
    for (size_t i = 0; i < form->n_commands && !m->failed; i++) {
        m->args = all_args[i];
        m->options = all_options[i];
        m->failed = !(m->split.len > 0 ? emit_split(m, form->commands[i].words)
                                       : emit(m, form->commands[i].words));
    }
    return !m->failed;
}

bool map_bag(struct compile *c, struct bag *bag)
{
    struct mapping m = {.c = c, .bag = bag};

    for (size_t i = 0; bag->known != NULL && i < bag->known->n_forms && m.form == NULL; i++) {
        c->out->work++;
        if (form_holds(c, bag, bag->known->forms[i])) {
            m.form = bag->known->forms[i];
        }
    }
    if (m.form == NULL) {
        struct testfile_problem *problem =
            complain(&m, bag->verb_place, "not understood in this form", STR_EMPTY);

        problem->example = str_from(verb_example(bag->verb));
        return false;
    }
    if (m.form->refusal != NULL) {
        (void)complain(&m, bag->verb_place, m.form->refusal, STR_EMPTY);
        return false;
    }
    return map_form(&m);
}

/* A step that names a command of the catalogue, its arguments by their names. */
bool map_command(struct compile *c, struct bag *bag, struct str words)
{
    struct str list[8];
    struct str rest = words;
    struct error err = {0};
    struct mapping m = {.c = c, .bag = bag};
    const struct command *command;
    size_t n = 0;
    size_t n_name;
    bool alias;

    while (n < ARRAY_LEN(list) && str_next(&rest, ' ', &list[n])) {
        n++;
    }
    command = catalog_find(list, n, &n_name, &alias, &err);
    if (command == NULL || n_name < n) {
        struct testfile_problem *problem =
            problem_add(c, TESTFILE_ERROR, bag->verb_place, "%s",
                        command == NULL ? err.text : "too many words in the name of the command");

        problem->example = STR("command: step-assert, action: exists, args: {element: \"h1\"}");
        return false;
    }
    m.form = form_of_command(command);
    return map_form(&m);
}
