/* One mapper for all verbs: takes the row of the table that fits a bag, reads its arguments and
 * options, and says what is missing, unknown or left over. */
#include "base/check.h"
#include "base/utf8.h"
#include "map_internal.h"

enum { SHOWN_MAX = 64, COMMENT_MAX = 500, OPTIONS_MAX = 8 };

struct mapping {
    struct compile *c;
    struct bag *bag;
    const struct verb_row *row;
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

    if (m->row != NULL) {
        problem->example = str_from(m->row->example);
    }
    m->failed = true;
    return problem;
}

/* ---- arguments ---- */

struct item {
    bool optional;
    struct str kind;
    struct str list;
};

static struct item item_parse(struct str text)
{
    struct item item = {.kind = STR_EMPTY, .list = text};
    struct str head;
    struct str tail;

    if (text.len > 0 && text.ptr[0] == '?') {
        item.optional = true;
        item.list = str_sub(text, 1, text.len);
    }
    if (item.list.len > 0 && item.list.ptr[0] != '=' && str_cut(item.list, ':', &head, &tail)) {
        item.kind = head;
        item.list = tail;
    }
    return item;
}

/* Several ways to find the same element: an order is defined, so those behind it are no error. */
static void use_twins(struct mapping *m, struct str list, const struct field *taken)
{
    bool locator = str_contains(list, STR("selector|"));
    struct str rest = list;
    struct str name;

    while (str_next(&rest, '|', &name)) {
        struct field *field = bag_find(m->bag, name);

        if (field == NULL || field == taken || field->used) {
            continue;
        }
        if (locator && !words_have("value|in|name", '|', name)) {
            field->used = true;
        }
    }
}

static void missing(struct mapping *m, struct str list)
{
    struct str rest = list;
    struct str name = STR_EMPTY;

    while (str_next(&rest, '|', &name) && (str_is(name, ".") || name.ptr[0] == '@')) {
    }
    if (str_is(name, ".") || name.len == 0) {
        (void)complain(m, m->bag->verb_place, "a value is missing", STR_EMPTY);
    } else {
        (void)complain(m, m->bag->verb_place, "this field is missing: ", name);
    }
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

static bool take_arg(struct mapping *m, struct str text)
{
    struct item item = item_parse(text);
    struct found found;
    struct str value;

    if (str_is(item.kind, "last")) {
        return take_last(m);
    }
    if (str_is(item.list, "@")) {
        found = (struct found){.place = m->bag->verb_place, .text = STR_EMPTY};
    } else if (!bag_resolve(m->bag, item.list, &found)) {
        if (str_is(item.kind, "libpos")) {
            json_append(m->args, json_new_int(m->c->arena, (int64_t)(3 + m->c->n_attached)));
            return true;
        }
        if (!item.optional) {
            missing(m, item.list);
        }
        return item.optional;
    }
    found_use(m->bag, &found);
    use_twins(m, item.list, found.field);
    if (!value_read(m->c, m->bag, item.kind, &found, &value)) {
        m->failed = true;
        return false;
    }
    if (str_is(item.kind, "split") && utf8_count(value) > COMMENT_MAX) {
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

static void take_option(struct mapping *m, struct str text)
{
    struct str name;
    struct str list;
    struct found found;
    struct item item;
    struct str value;

    CHECK(str_cut(text, '<', &name, &list));
    item = item_parse(list);
    if (!bag_resolve(m->bag, item.list, &found)) {
        return;
    }
    found_use(m->bag, &found);
    if (item.kind.len > 0) {
        if (value_read(m->c, m->bag, item.kind, &found, &value)) {
            json_set(m->options, name, json_new_string(m->c->arena, value));
        } else {
            m->failed = true;
        }
    } else if (found.node == NULL) {
        json_set(m->options, name,
                 str_is(found.text, "true") ? json_new_bool(m->c->arena, true)
                                            : json_new_string(m->c->arena, found.text));
    } else {
        json_set(m->options, name, substituted(m, found.node));
    }
}

/* ---- what is left over ---- */

static void complain_field(struct mapping *m, const struct field *field)
{
    struct str words = field_words(m->c->arena, m->bag->verb, field->name);
    struct place place = place_of_key(field->node);

    if (words.len > 0 && field->node->type == NODE_SCALAR) {
        complain(m, place_of(field->node), "not known here: ", field->node->text)->hint =
            arena_printf(m->c->arena, "%.*s takes: %.*s", STR_ARG(field->name), STR_ARG(words));
    } else if (verb_takes(m->bag->verb, field->name)) {
        (void)complain(m, place, "this field does not go with the others here: ", field->name);
    } else {
        complain(m, place, "unknown field ", field->name)->nearest =
            field_nearest(m->bag->verb, field->name);
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

static bool map_one(struct mapping *m, struct str args)
{
    struct str rest = args;
    struct str item;

    m->args = json_new_array(m->c->arena);
    m->options = json_new_object(m->c->arena);
    while (str_next(&rest, ' ', &item)) {
        (void)take_arg(m, item);
    }
    rest = str_from(m->row->options);
    while (str_next(&rest, ' ', &item)) {
        take_option(m, item);
    }
    return !m->failed;
}

static bool map_row(struct mapping *m)
{
    struct str commands = str_from(m->row->command);
    struct str args = str_from(m->row->args);
    struct str words;
    struct str one;
    struct json *all_args[4];
    struct json *all_options[4];
    struct str all_words[4];
    size_t n = 0;
    size_t n_errors = m->c->problems->n_errors;

    row_use_conditions(m->c, m->bag, m->row);
    while (str_next(&commands, ';', &words)) {
        (void)str_cut(args, ';', &one, &args);
        (void)map_one(m, one);
        CHECK(n < ARRAY_LEN(all_args));
        all_words[n] = words;
        all_args[n] = m->args;
        all_options[n++] = m->options;
    }
    check_left_over(m);
    m->failed = m->failed || m->c->problems->n_errors > n_errors;
    for (size_t i = 0; i < n && !m->failed; i++) {
        m->args = all_args[i];
        m->options = all_options[i];
        m->failed = !(m->split.len > 0 ? emit_split(m, all_words[i]) : emit(m, all_words[i]));
    }
    return !m->failed;
}

bool map_bag(struct compile *c, struct bag *bag)
{
    struct mapping m = {.c = c, .bag = bag};
    char buffer[64];
    struct str folded = verb_fold(bag->verb, buffer);
    const struct verb_row *row = NULL;

    for (size_t i = 0; i < n_verb_rows && row == NULL; i++) {
        c->out->work++;
        if (words_have(verb_rows[i].verbs, ' ', folded) && row_holds(c, bag, &verb_rows[i])) {
            row = &verb_rows[i];
        }
    }
    m.row = row;
    if (row == NULL) {
        struct testfile_problem *problem =
            complain(&m, bag->verb_place, "not understood in this form", STR_EMPTY);

        problem->example = str_from(verb_example(bag->verb));
        return false;
    }
    if (row->command == NULL) {
        (void)complain(&m, bag->verb_place, row->args, STR_EMPTY);
        return false;
    }
    return map_row(&m);
}

/* ---- steps that name a command of the catalogue ---- */

struct param_fields {
    const char *param;
    const char *fields;
};

/* What people call the arguments of commands. */
static const struct param_fields param_fields[] = {
    {"element", "element|selector|target|css|hint|from|source"},
    {"value", "value|expected|option|text|pattern|expectedValue"},
    {"text", "text|value|content|message"},
    {"url", "url:url|to|target|value|file"},
    {"variable", "var:variable|as|name|variable_name"},
    {"key", "unquote:key|value|text"},
    {"xy", "xy:xy|position|offset|coordinates|@"},
    {"size", "size|dimensions|@"},
    {"index", "index|value|tab"},
    {"milliseconds", "ms:milliseconds|time|duration|ms|value|timeout"},
    {"script", "script|code|value|javascript"},
    {"attribute", "attribute|attribute_name"},
    {"name", "name|cookie"},
    {"api_test_id", "api_test_id|id"},
};

static struct str fields_of_param(struct arena *arena, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(param_fields); i++) {
        if (str_is(str_from(name), param_fields[i].param)) {
            return str_from(param_fields[i].fields);
        }
    }
    return arena_printf(arena, "%s", name);
}

bool map_command(struct compile *c, struct bag *bag, struct str words)
{
    struct str list[8];
    struct str rest = words;
    struct error err = {0};
    struct verb_row row = {.options = "", .when = "", .example = ""};
    struct mapping m = {.c = c, .bag = bag, .row = &row};
    const struct command *command;
    size_t n = 0;
    size_t n_name;
    bool alias;
    struct str args = STR_EMPTY;
    struct str options = STR_EMPTY;

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
    for (const struct param *p = command->args; p->name != NULL; p++) {
        args = arena_printf(c->arena, "%.*s%s%s%.*s", STR_ARG(args), args.len > 0 ? " " : "",
                            (p->flags & PARAM_OPTIONAL) != 0 || p->def != NULL ? "?" : "",
                            STR_ARG(fields_of_param(c->arena, p->name)));
    }
    for (const struct param *p = command->options; p->name != NULL; p++) {
        options =
            arena_printf(c->arena, "%.*s%s%s<%s%s", STR_ARG(options), options.len > 0 ? " " : "",
                         p->name, p->type == PARAM_VARIABLE ? "var:" : "", p->name);
    }
    row.command = command->words;
    row.args = arena_cstr(c->arena, args);
    row.options = arena_cstr(c->arena, options);
    row.example = command->example;
    return map_row(&m);
}
