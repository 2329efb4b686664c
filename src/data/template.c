/* A template is its parsed JSON tree; expansion walks it and copies values in, node by node. */
#include "data/template.h"

#include "base/check.h"
#include "base/percent.h"

enum { TEMPLATE_TEXT_MAX = 4 * 1024 * 1024, ID_DIGITS_MAX = 19 };

struct template
{
    struct json *tree;
};

enum form { FORM_LITERAL, FORM_VALUE, FORM_INTEGER, FORM_OPTIONAL };

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* What a template text says; *out_name is the variable, or the literal text. */
static enum form form_of(struct str text, struct str *out_name)
{
    enum form form = FORM_VALUE;

    *out_name = text;
    if (text.len < 2 || text.ptr[0] != '$') {
        return FORM_LITERAL;
    }
    if (text.ptr[1] == '$') {
        *out_name = str_sub(text, 1, text.len);
        return FORM_LITERAL;
    }
    if (text.ptr[1] == '#' || text.ptr[1] == '?') {
        form = text.ptr[1] == '#' ? FORM_INTEGER : FORM_OPTIONAL;
        text = str_sub(text, 1, text.len);
    }
    *out_name = str_sub(text, 1, text.len);
    return form;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0;
}

static enum error_code check_node(const struct json *node, struct error *err)
{
    const struct json *child;
    struct str name;

    if (json_type(node) == JSON_STRING && form_of(json_str(node), &name) != FORM_LITERAL &&
        !is_name(name)) {
        return error_set(err, ERR_INTERNAL, "template: \"%.*s\" is not a variable",
                         STR_ARG(json_str(node)));
    }
    if (json_get(node, "$guess") != NULL &&
        (json_size(node) != 1 || json_type(json_get(node, "$guess")) != JSON_OBJECT)) {
        return error_set(err, ERR_INTERNAL, "template: $guess must stand alone and hold an object");
    }
    JSON_FOREACH (child, node) {
        enum error_code code = check_node(child, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum error_code template_parse(struct arena *arena, const char *json_text, struct template **out,
                               struct error *err)
{
    struct template *template = arena_zalloc(arena, sizeof(*template));
    enum error_code code = json_parse(arena, str_from(json_text), NULL, &template->tree, err);

    if (code == ERR_OK) {
        code = check_node(template->tree, err);
    }
    if (code == ERR_OK) {
        *out = template;
    }
    return code;
}

static void node_names(const struct json *node, void (*fn)(void *context, struct str name),
                       void *context)
{
    const struct json *child;
    struct str name;

    if (json_type(node) == JSON_STRING && form_of(json_str(node), &name) != FORM_LITERAL) {
        fn(context, name);
    }
    JSON_FOREACH (child, node) {
        node_names(child, fn, context);
    }
}

void template_names(const struct template *template, void (*fn)(void *context, struct str name),
                    void *context)
{
    node_names(template->tree, fn, context);
}

/* ---- scopes ---- */

/* Walks outward. */
static const struct json *scope_get(const struct scope *scope, struct str name)
{
    for (; scope != NULL; scope = scope->outer) {
        const struct json *value = scope->get(scope, name);

        if (json_type(value) != JSON_NULL) {
            return value;
        }
    }
    return NULL;
}

static const struct json *object_get(const struct scope *scope, struct str name)
{
    return json_get_str(scope->context, name);
}

struct scope scope_of_object(const struct json *object, const struct scope *outer)
{
    return (struct scope){.get = object_get, .context = object, .outer = outer};
}

/* ---- expansion ---- */

struct expansion {
    const struct scope *scope;
    struct arena *arena;
    struct error *err;
};

static enum error_code expand_node(const struct expansion *x, const struct json *node,
                                   struct json **out);

static enum error_code missing(const struct expansion *x, struct str name)
{
    return error_set(x->err, ERR_INTERNAL, "no value for \"%.*s\"", STR_ARG(name));
}

/* The value as the text of a JSON integer. */
static bool integer_text(const struct expansion *x, const struct json *value, struct str *out)
{
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, x->arena) : json_str(value);
    struct str digits = text.len > 0 && text.ptr[0] == '-' ? str_sub(text, 1, text.len) : text;

    if (digits.len == 0 || digits.len > ID_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return false;
        }
    }
    while (digits.len > 1 && digits.ptr[0] == '0') { /* JSON numbers have no leading zeros */
        digits = str_sub(digits, 1, digits.len);
    }
    *out = text.ptr[0] == '-' ? arena_printf(x->arena, "-%.*s", STR_ARG(digits)) : digits;
    return true;
}

static enum error_code expand_integer(const struct expansion *x, struct str name,
                                      const struct json *value, struct json **out)
{
    struct str text;

    /* The open place of a dry run stays readable. */
    if (json_type(value) == JSON_STRING && str_starts(json_str(value), STR("{"))) {
        *out = json_copy(x->arena, value);
        return ERR_OK;
    }
    if (!integer_text(x, value, &text)) {
        return error_set(x->err, ERR_INTERNAL, "the value of \"%.*s\" is not a whole number",
                         STR_ARG(name));
    }
    *out = json_new_raw_number(x->arena, text);
    return ERR_OK;
}

/* *out NULL: the member is left out. */
static enum error_code expand_text(const struct expansion *x, struct str text, struct json **out)
{
    struct str name;
    enum form form = form_of(text, &name);
    const struct json *value;

    if (form == FORM_LITERAL) {
        *out = json_new_string(x->arena, name);
        return ERR_OK;
    }
    value = scope_get(x->scope, name);
    if (form == FORM_OPTIONAL) {
        bool leave_out = value == NULL || (json_type(value) == JSON_BOOL && !json_true(value));

        *out = leave_out ? NULL : json_copy(x->arena, value);
        return ERR_OK;
    }
    if (value == NULL) {
        return missing(x, name);
    }
    if (form == FORM_INTEGER) {
        return expand_integer(x, name, value, out);
    }
    *out = json_copy(x->arena, value);
    return ERR_OK;
}

static enum error_code expand_guess(const struct expansion *x, const struct json *inner,
                                    struct json **out)
{
    struct json *object = NULL;
    enum error_code code = expand_node(x, inner, &object);

    if (code == ERR_OK) {
        *out = json_new_string(x->arena, json_text(x->arena, object));
    }
    return code;
}

static enum error_code expand_members(const struct expansion *x, const struct json *node,
                                      struct json *into)
{
    const struct json *child;

    JSON_FOREACH (child, node) {
        struct json *value = NULL;
        enum error_code code = expand_node(x, child, &value);

        if (code != ERR_OK) {
            return code;
        }
        if (json_type(node) == JSON_OBJECT) {
            json_set(into, json_name(child), value);
        } else {
            json_append(into, value);
        }
    }
    return ERR_OK;
}

static enum error_code expand_node(const struct expansion *x, const struct json *node,
                                   struct json **out)
{
    const struct json *guess = json_get(node, "$guess");

    switch (json_type(node)) {
    case JSON_STRING:
        return expand_text(x, json_str(node), out);
    case JSON_OBJECT:
        if (guess != NULL) {
            return expand_guess(x, guess, out);
        }
        *out = json_new_object(x->arena);
        return expand_members(x, node, *out);
    case JSON_ARRAY:
        *out = json_new_array(x->arena);
        return expand_members(x, node, *out);
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
        *out = json_copy(x->arena, node);
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

enum error_code template_expand(const struct template *template, const struct scope *scope,
                                struct arena *arena, struct json **out, struct error *err)
{
    const struct expansion x = {scope, arena, err};
    struct json *tree = NULL;
    enum error_code code = expand_node(&x, template->tree, &tree);

    if (code == ERR_OK) {
        *out = tree;
    }
    return code;
}

/* ---- paths and queries ---- */

static struct str value_text(const struct json *value, struct arena *arena)
{
    switch (json_type(value)) {
    case JSON_NUMBER:
        return json_number_text(value, arena);
    case JSON_BOOL:
        return json_true(value) ? STR("true") : STR("false");
    case JSON_NULL:
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return json_str(value);
}

static struct str keep(struct arena *arena, struct buf *text)
{
    struct str copy = arena_str(arena, buf_view(text));

    buf_done(text);
    return copy;
}

static void put_value(struct buf *out, struct str value)
{
    /* The open place of a dry run ("{goal_id}") stays readable; no real value begins like that in a
     * path. */
    if (value.len > 2 && value.ptr[0] == '{' && value.ptr[value.len - 1] == '}' &&
        is_name(str_sub(value, 1, value.len - 2))) {
        buf_str(out, value);
    } else {
        percent_encode(out, value);
    }
}

/* One piece with at most simple {name} places; false in *out_kept: it held an absent {?name}. */
static enum error_code expand_piece(const struct expansion *x, struct str piece, struct buf *out,
                                    bool *out_kept)
{
    *out_kept = true;
    while (piece.len > 0) {
        struct str before;
        struct str name;
        const struct json *value;
        bool optional;

        if (!str_cut(piece, '{', &before, &piece)) {
            buf_str(out, before);
            return ERR_OK;
        }
        buf_str(out, before);
        (void)str_cut(piece, '}', &name, &piece);
        optional = name.len > 0 && name.ptr[0] == '?';
        name = optional ? str_sub(name, 1, name.len) : name;
        value = scope_get(x->scope, name);
        if (value == NULL || (optional && json_type(value) == JSON_BOOL && !json_true(value))) {
            *out_kept = false;
            return optional ? ERR_OK : missing(x, name);
        }
        put_value(out, value_text(value, x->arena));
    }
    return ERR_OK;
}

enum error_code path_expand(const char *path, const struct scope *scope, struct arena *arena,
                            struct str *out, struct error *err)
{
    const struct expansion x = {scope, arena, err};
    struct buf text;
    bool kept;
    enum error_code code;

    buf_init(&text, TEMPLATE_TEXT_MAX);
    code = expand_piece(&x, str_from(path), &text, &kept);
    if (code != ERR_OK) {
        buf_done(&text);
        return code;
    }
    *out = keep(arena, &text);
    return ERR_OK;
}

enum error_code query_expand(const char *query, const struct scope *scope, struct arena *arena,
                             struct str *out, struct error *err)
{
    const struct expansion x = {scope, arena, err};
    struct buf text;
    struct str rest = str_from(query);
    struct str pair;

    buf_init(&text, TEMPLATE_TEXT_MAX);
    while (str_next(&rest, '&', &pair)) {
        size_t before = text.len;
        bool kept;
        enum error_code code;

        if (before > 0) {
            buf_char(&text, '&');
        }
        code = expand_piece(&x, pair, &text, &kept);
        if (code != ERR_OK) {
            buf_done(&text);
            return code;
        }
        if (!kept) {
            buf_truncate(&text, before);
        }
    }
    *out = keep(arena, &text);
    return ERR_OK;
}

void path_names(const char *path_or_query, void (*fn)(void *context, struct str name),
                void *context)
{
    struct str rest = str_from(path_or_query);
    struct str before;
    struct str name;

    while (str_cut(rest, '{', &before, &rest)) {
        (void)str_cut(rest, '}', &name, &rest);
        fn(context, name.len > 0 && name.ptr[0] == '?' ? str_sub(name, 1, name.len) : name);
    }
}
