/* One mapper for all verbs: takes the form (a row of the table) that fits a bag, reads its arguments and
 * options, and says what is missing, unknown or left over. */
#include <stdarg.h>

#include "testfile_internal.h"

enum { NEAREST_MAX = 128, COMMENT_MAX = 500, OPTIONS_MAX = 8 };

struct mapping {
    struct compile *c;
    struct bag *bag;
    const struct form *form;
    struct json *args;
    struct json *options;
    struct str split;        /* text that becomes several steps; empty: none */
    struct str told_missing; /* the field that was last told to be missing */
    bool failed;
};

/* An error of this step with the example of its form. */
static struct testfile_problem *complain(struct mapping *m, struct place place, const char *format,
                                         ...) PRINTF_LIKE(3, 4);

static struct testfile_problem *complain(struct mapping *m, struct place place, const char *format,
                                         ...)
{
    struct testfile_problem *problem;
    va_list args;

    va_start(args, format);
    problem = problem_vadd(m->c, TESTFILE_ERROR, place, format, args);
    va_end(args);
    if (m->form != NULL) {
        problem->example = str_from(m->form->example);
    }
    m->failed = true;
    return problem;
}

/* ---- arguments ---- */

/* Several fields may name the same element. The first in the list counts; the others are no error. */
static void use_twins(struct mapping *m, const struct alias_list *list, const struct field *taken)
{
    for (size_t i = 0; list->is_locator && i < list->n; i++) {
        struct field *field = list->items[i].is_twin ? bag_find(m->bag, list->items[i].id) : NULL;

        if (field != NULL && field != taken) {
            field->used = true;
        }
    }
}

/* Adds a hint for `click: #submit`: the value that seems to be there is a comment. */
static void hint_comment(struct mapping *m, struct testfile_problem *problem)
{
    const struct bag *bag = m->bag;
    bool is_cut = bag->value != NULL && is_cut_by_comment(m->c, bag->value);

    for (size_t i = 0; i < bag_size(bag) && !is_cut; i++) {
        is_cut = is_cut_by_comment(m->c, bag->fields[i].node);
    }
    if (is_cut) {
        problem->hint = STR("a # begins a comment: put the value in quotes, like \"#submit\"");
    }
}

/* Adds a hint for `write: {selector:a, text:b}`. */
static void hint_space(struct mapping *m, struct testfile_problem *problem)
{
    for (size_t i = 0; i < bag_size(m->bag); i++) {
        if (lacks_space(m->c, m->bag->fields[i].name)) {
            problem->hint = STR("a space is missing after the colon");
        }
    }
}

/* True if a field is unknown. It is reported as unknown, and was probably meant as the field
 * that is missing. */
static bool has_unknown_field(const struct mapping *m)
{
    for (size_t i = 0; i < bag_size(m->bag); i++) {
        const struct field *field = &m->bag->fields[i];

        if (!field->loose && !field->meta && m->bag->known != NULL &&
            !verb_takes(m->bag->known, key_find(m->c->dictionary, field->name))) {
            return true;
        }
    }
    return false;
}

static void missing(struct mapping *m, const struct alias_list *list)
{
    struct arena *arena = m->c->arena;
    struct str what = arena_printf(arena, "%.*s needs a value", CLIPPED(m->bag->verb));

    if (has_unknown_field(m)) {
        m->failed = true;
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind == ALIAS_FIELD) {
            what = arena_printf(arena, "%.*s needs \"%.*s\"", CLIPPED(m->bag->verb),
                                STR_ARG(list->items[i].text));
            break;
        }
    }
    if (str_eq(what, m->told_missing)) { /* the next command of the form misses the same */
        m->failed = true;
        return;
    }
    m->told_missing = what;
    hint_comment(m, complain(m, m->bag->verb_place, "%.*s", STR_ARG(what)));
}

static bool take_last(struct mapping *m)
{
    struct testfile_problem *problem;

    if (m->c->last_element.len > 0) {
        json_append(m->args, json_new_string(m->c->arena, m->c->last_element));
        return true;
    }
    if (has_unknown_field(m)) {
        m->failed = true;
        return false;
    }
    problem = complain(m, m->bag->verb_place,
                       "%.*s needs an element, and no click before it "
                       "says which",
                       CLIPPED(m->bag->verb));
    problem->hint = STR("name the element, or click it first");
    hint_comment(m, problem);
    return false;
}

/* The text of a node lies in the arena of the file, and need not be copied into it again. */
static struct json *text_json(struct mapping *m, const struct node *node, struct str text)
{
    bool is_own = node != NULL && text.ptr == node->text.ptr && text.len == node->text.len;

    return is_own ? json_new_kept_string(m->c->arena, text) : json_new_string(m->c->arena, text);
}

static bool take_arg(struct mapping *m, const struct item *item)
{
    struct found found;
    struct str value;
    bool truth = false;

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
    if (item->kind == VALUE_OPTION && node_is_bool(found.node, &truth) && truth) {
        return true; /* `selected: true`: any option */
    }
    if (!value_read(m->c, m->bag, item->kind, &found, &value)) {
        m->failed = true;
        return false;
    }
    if (item->kind == VALUE_SPLIT && utf8_count(value) > COMMENT_MAX) {
        m->split = value;
        return true;
    }
    json_append(m->args, text_json(m, found.node, value));
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
    NODE_FOREACH (child, node) {
        if (node->type == NODE_MAP) {
            json_set(out, child->key, substituted(m, child));
        } else {
            json_append(out, substituted(m, child));
        }
    }
    return out;
}

/* The object is made for the first option, since most commands have none. */
static void set_option(struct mapping *m, const struct item *item, struct json *value)
{
    m->options = m->options != NULL ? m->options : json_new_object(m->c->arena);
    json_set(m->options, item->option, value);
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
            set_option(m, item, json_new_string(m->c->arena, value));
        } else {
            m->failed = true;
        }
    } else if (found.node == NULL) {
        set_option(m, item,
                   str_is(found.text, "true") ? json_new_bool(m->c->arena, true)
                                              : json_new_string(m->c->arena, found.text));
    } else {
        set_option(m, item, substituted(m, found.node));
    }
}

/* ---- what is left over ---- */

/* {exists: "Hello"} */
static struct str with_value(struct mapping *m, struct str name, const struct field *field)
{
    struct arena *arena = m->c->arena;

    return problem_clean(
        arena, arena_printf(arena, "{%.*s: \"%.*s\"}", STR_ARG(name), CLIPPED(field->node->text)),
        NEAREST_MAX);
}

/* Reports a field that takes only a few words and says another one. */
static void complain_word(struct mapping *m, const struct field *field, struct str words)
{
    struct str near = field_nearest(m->c->dictionary, m->bag->known, field->name, true);
    struct testfile_problem *problem;

    if (near.len > 0) { /* assert: {exist: Hello} */
        problem = complain(m, place_of_key(field->node), "%.*s has no \"%.*s\"",
                           CLIPPED(m->bag->verb), CLIPPED(field->name));
        problem->nearest = with_value(m, near, field);
        return;
    }
    problem = complain(m, place_of(field->node), "%.*s cannot be \"%.*s\" here",
                       STR_ARG(field->name), CLIPPED(field->node->text));
    near = said_near(m->bag->known, field->id, field->node->text);
    problem->nearest = str_eq_nocase(near, field->node->text) ? STR_EMPTY : near;
    problem->hint =
        arena_printf(m->c->arena, "%.*s takes: %.*s", STR_ARG(field->name), STR_ARG(words));
}

/* assert: {selector: X, exists: flase} */
static bool complain_truth(struct mapping *m)
{
    struct str meant;
    const struct field *field = misspelt_truth(m->c, m->bag, &meant);

    if (field == NULL) {
        return false;
    }
    complain(m, place_of(field->node), "%.*s cannot be \"%.*s\" here", STR_ARG(field->name),
             CLIPPED(field->node->text))
        ->nearest = meant;
    return true;
}

static void complain_field(struct mapping *m, const struct field *field)
{
    struct str words = field_words(m->c, m->bag->known, field->name);
    struct str name = utf8_clip(field->name, SHOWN_MAX);
    struct place place = place_of_key(field->node);
    struct testfile_problem *problem;
    struct str near;

    if (words.len > 0 && field->node->type == NODE_SCALAR) {
        complain_word(m, field, words);
    } else if (verb_takes(m->bag->known, key_find(m->c->dictionary, field->name))) {
        if (!complain_truth(m)) {
            (void)complain(m, place, "%.*s cannot have \"%.*s\" beside its other fields",
                           CLIPPED(m->bag->verb), STR_ARG(name));
        }
    } else {
        problem = complain(m, place, "%.*s has no \"%.*s\"", CLIPPED(m->bag->verb), STR_ARG(name));
        if (problem_is_kept(m->c, problem)) {
            near = field_nearest(m->c->dictionary, m->bag->known, field->name, false);
            hint_space(m, problem);
            problem->nearest = near.len > 0 && bag_size(m->bag) == 1 && m->bag->value == NULL &&
                                       field->node->type == NODE_SCALAR && field->node->text.len > 0
                                   ? with_value(m, near, field)
                                   : near;
        }
    }
}

/* True if the field turns an assertion round: `{type: assert, command: exists, target: X, expected: false}`. */
static bool turns_round(const struct mapping *m, const struct field *field)
{
    bool truth = true;

    return str_has_word("value expected assertion", field->name) && m->form->n_commands > 0 &&
           str_starts(m->form->commands[0].words, STR("step-assert ")) &&
           node_is_bool(field->node, &truth) && !truth;
}

static void check_left_over(struct mapping *m)
{
    for (size_t i = 0; i < bag_size(m->bag); i++) {
        const struct field *field = &m->bag->fields[i];

        if (field->used && field->node->type == NODE_MAP && field->id > 0) {
            check_member_field(m->c, m->form, field);
        }
        if (field->used || field->meta || (m->failed && is_empty(field->node))) {
            continue; /* a field without a value is already reported as missing */
        }
        if (field->loose && !turns_round(m, field)) {
            problem_add(m->c, TESTFILE_WARNING, place_of_key(field->node),
                        "%.*s does not use \"%.*s\"", CLIPPED(m->bag->verb), CLIPPED(field->name))
                ->hint = STR("remove it, or choose a form of the step that takes it");
        } else {
            complain_field(m, field);
        }
    }
    if (m->bag->value != NULL && !m->bag->value_used && !m->failed &&
        !(m->bag->value->is_null && m->bag->value->text.len == 0)) {
        (void)complain(m, place_of(m->bag->value), "%.*s takes no such value",
                       CLIPPED(m->bag->verb));
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
        m->options = NULL;
        json_append(m->args, json_new_string(m->c->arena, str_trim(str_sub(rest, 0, n))));
        ok = emit(m, words);
        rest = str_trim(str_sub(rest, n, rest.len));
    }
    return ok;
}

/* If a field or the plain value holds a word that no form knows: the word that was probably meant. */
static struct str nearest_said(struct mapping *m)
{
    const struct bag *bag = m->bag;

    if (bag->value != NULL && bag->value->type == NODE_SCALAR) {
        return said_near(bag->known, 0, bag->value->text);
    }
    for (size_t i = 0; i < bag_size(bag); i++) {
        const struct field *field = &bag->fields[i];

        if (field->id > 0 && name_set_has(&bag->known->said, field->id) &&
            field->node->type == NODE_SCALAR && word_id(m->c->dictionary, field->node->text) == 0) {
            return said_near(bag->known, field->id, field->node->text);
        }
    }
    return STR_EMPTY;
}

static struct testfile_problem *cannot_understand(struct mapping *m)
{
    struct testfile_problem *problem = complain(
        m, m->bag->verb_place, "cannot understand this form of %.*s", CLIPPED(m->bag->verb));

    hint_space(m, problem);
    return problem;
}

static bool map_form(struct mapping *m)
{
    const struct form *form = m->form;
    struct json *all_args[FORM_MAX_COMMANDS] = {NULL};
    struct json *all_options[FORM_MAX_COMMANDS] = {NULL};
    size_t n_errors = m->c->problems->n_errors;

    form_use_conditions(m->c, m->bag, form);
    for (size_t i = 0; i < form->n_commands; i++) {
        m->args = args_new(m->c);
        m->options = NULL;
        for (size_t k = 0; k < form->commands[i].n_args; k++) {
            (void)take_arg(m, &form->commands[i].args[k]);
        }
        for (size_t k = 0; k < form->n_options; k++) {
            take_option(m, &form->options[k]);
        }
        all_args[i] = m->args;
        all_options[i] = m->options;
    }
    check_left_over(m);
    if (m->failed && m->c->problems->n_errors == n_errors) { /* no step fails without an error */
        (void)cannot_understand(m);
    }
    m->failed = m->failed || m->c->problems->n_errors > n_errors;
    if (!m->failed) {
        check_near_words(m->c, m->bag, form);
    }
    for (size_t i = 0; i < form->n_commands && !m->failed; i++) {
        m->args = all_args[i];
        m->options = all_options[i];
        m->failed = !(m->split.len > 0 ? emit_split(m, form->commands[i].words)
                                       : emit(m, form->commands[i].words));
    }
    if (m->failed) {
        m->c->spare_args = m->args;
    }
    return !m->failed;
}

bool map_bag(struct compile *c, struct bag *bag)
{
    struct mapping m = {.c = c, .bag = bag};

    for (size_t i = 0; bag->known != NULL && i < bag->known->n_forms && m.form == NULL; i++) {
        c->out->work++;
        if (form_holds(c, bag, bag->known->forms[i], NULL)) {
            m.form = bag->known->forms[i];
        }
    }
    if (m.form == NULL) {
        cannot_understand(&m)->example = str_from(verb_example(c->dictionary, bag->verb));
        return false;
    }
    if (m.form->refusal != NULL) {
        struct testfile_problem *problem =
            complain(&m, bag->verb_place, "%.*s: %s", CLIPPED(bag->verb), m.form->refusal);

        hint_comment(&m, problem);
        problem->nearest = nearest_said(&m);
        return false;
    }
    return map_form(&m);
}

/* A step that names a command of the catalogue, its arguments by their names. */
bool map_command(struct compile *c, struct bag *bag, struct str words)
{
    struct str list[8];
    struct error err = {0};
    size_t n = str_split(words, ' ', list, ARRAY_LEN(list));
    size_t n_name = 0;
    const struct command *command = catalog_find(c->catalog, list, n, &n_name, NULL, &err);

    if (command == NULL || n_name < n) {
        return problem_refuse(c, bag->verb_place, NULL,
                              "command: step-assert, action: exists, args: {element: \"h1\"}", "%s",
                              command == NULL ? err.text
                                              : "too many words in the name of the command");
    }
    bag->known = verb_of_command(c->dictionary, command);
    return map_bag(c, bag);
}
