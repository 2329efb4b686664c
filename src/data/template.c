/* A template is its parsed JSON tree; expansion walks it and writes values in, node by node. */
#include "data/template.h"

#include "base/json_writer.h"
#include "base/percent.h"

enum {
    TEMPLATE_TEXT_MAX = 4 * 1024 * 1024,
    ID_DIGITS_MAX = 19,
    SHORT_TEXT = 1024 /* longer ones take memory from the heap */
};

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

static struct str keep(struct arena *arena, struct buf *text)
{
    struct str copy = arena_str(arena, buf_view(text));

    buf_done(text);
    return copy;
}

struct expansion {
    const struct scope *scope;
    struct arena *arena;
    struct buf *out;
    struct error *err;
};

static enum error_code write_node(const struct expansion *x, const struct json *node);

static enum error_code missing(const struct expansion *x, struct str name)
{
    return error_set(x->err, ERR_INTERNAL, "no value for \"%.*s\"", STR_ARG(name));
}

static void write_text(struct buf *out, struct str text)
{
    buf_char(out, '"');
    json_escape(out, text);
    buf_char(out, '"');
}

/* The value as the text of a JSON integer, after its sign. */
static bool integer_text(const struct expansion *x, const struct json *value, struct str *out,
                         bool *out_negative)
{
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, x->arena) : json_str(value);
    struct str digits = text;

    *out_negative = text.len > 0 && text.ptr[0] == '-';
    digits = *out_negative ? str_sub(text, 1, text.len) : text;
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
    *out = digits;
    return true;
}

static enum error_code write_integer(const struct expansion *x, struct str name,
                                     const struct json *value)
{
    struct str text;
    bool negative;

    /* The open place of a dry run stays readable. */
    if (json_type(value) == JSON_STRING && str_starts(json_str(value), STR("{"))) {
        json_print(x->out, value);
        return ERR_OK;
    }
    if (!integer_text(x, value, &text, &negative)) {
        return error_set(x->err, ERR_INTERNAL, "the value of \"%.*s\" is not a whole number",
                         STR_ARG(name));
    }
    buf_text(x->out, negative ? "-" : "");
    buf_str(x->out, text);
    return ERR_OK;
}

static enum error_code write_string(const struct expansion *x, struct str text)
{
    struct str name;
    enum form form = form_of(text, &name);
    const struct json *value;

    if (form == FORM_LITERAL) {
        write_text(x->out, name);
        return ERR_OK;
    }
    value = scope_get(x->scope, name);
    if (value == NULL) {
        return missing(x, name);
    }
    if (form == FORM_INTEGER) {
        return write_integer(x, name, value);
    }
    json_print(x->out, value);
    return ERR_OK;
}

/* "$?name" whose value is absent or false: the member is not written. */
static bool is_left_out(const struct expansion *x, const struct json *node)
{
    struct str name;
    const struct json *value;

    if (json_type(node) != JSON_STRING || form_of(json_str(node), &name) != FORM_OPTIONAL) {
        return false;
    }
    value = scope_get(x->scope, name);
    return value == NULL || (json_type(value) == JSON_BOOL && !json_true(value));
}

/* The object as a text in quotes: written as it is, and then taken up again. */
static enum error_code write_guess(const struct expansion *x, const struct json *inner)
{
    size_t from = x->out->len;
    enum error_code code = write_node(x, inner);
    struct str text;

    if (code != ERR_OK || !buf_ok(x->out)) {
        return code;
    }
    text = arena_str(x->arena, str_sub(buf_view(x->out), from, x->out->len));
    buf_truncate(x->out, from);
    write_text(x->out, text);
    return ERR_OK;
}

static enum error_code write_members(const struct expansion *x, const struct json *node)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    bool is_first = true;
    const struct json *child;

    buf_char(x->out, is_object ? '{' : '[');
    JSON_FOREACH (child, node) {
        enum error_code code;

        if (is_left_out(x, child)) {
            continue;
        }
        buf_text(x->out, is_first ? "" : ",");
        is_first = false;
        if (is_object) {
            write_text(x->out, json_name(child));
            buf_char(x->out, ':');
        }
        code = write_node(x, child);
        if (code != ERR_OK) {
            return code;
        }
    }
    buf_char(x->out, is_object ? '}' : ']');
    return ERR_OK;
}

static enum error_code write_node(const struct expansion *x, const struct json *node)
{
    const struct json *guess = json_get(node, "$guess");

    switch (json_type(node)) {
    case JSON_STRING:
        return write_string(x, json_str(node));
    case JSON_OBJECT:
    case JSON_ARRAY:
        return guess != NULL ? write_guess(x, guess) : write_members(x, node);
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
        json_print(x->out, node);
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

enum error_code template_text(const struct template *template, const struct scope *scope,
                              struct arena *arena, struct str *out, struct error *err)
{
    char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    enum error_code code;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    code = write_node(&x, template->tree);
    if (code == ERR_OK && !buf_ok(&text)) {
        code =
            error_set(err, ERR_TOO_BIG, "the request to the platform would be larger than %d bytes",
                      TEMPLATE_TEXT_MAX);
    }
    *out = keep(arena, &text);
    return code;
}

/* The text is what counts; the tree is one of it. */
enum error_code template_expand(const struct template *template, const struct scope *scope,
                                struct arena *arena, struct json **out, struct error *err)
{
    struct str text;
    enum error_code code = template_text(template, scope, arena, &text, err);

    return code == ERR_OK ? json_parse(arena, text, &json_of_ours, out, err) : code;
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
static enum error_code expand_piece(const struct expansion *x, struct str piece, bool *out_kept)
{
    *out_kept = true;
    while (piece.len > 0) {
        struct str before;
        struct str name;
        const struct json *value;
        bool optional;

        if (!str_cut(piece, '{', &before, &piece)) {
            buf_str(x->out, before);
            return ERR_OK;
        }
        buf_str(x->out, before);
        (void)str_cut(piece, '}', &name, &piece);
        optional = name.len > 0 && name.ptr[0] == '?';
        name = optional ? str_sub(name, 1, name.len) : name;
        value = scope_get(x->scope, name);
        if (value == NULL || (optional && json_type(value) == JSON_BOOL && !json_true(value))) {
            *out_kept = false;
            return optional ? ERR_OK : missing(x, name);
        }
        put_value(x->out, value_text(value, x->arena));
    }
    return ERR_OK;
}

enum error_code path_expand(const char *path, const struct scope *scope, struct arena *arena,
                            struct str *out, struct error *err)
{
    char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    bool kept;
    enum error_code code;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    code = expand_piece(&x, str_from(path), &kept);
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
    char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    struct str rest = str_from(query);
    struct str pair;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    while (str_next(&rest, '&', &pair)) {
        size_t before = text.len;
        bool kept;
        enum error_code code;

        if (before > 0) {
            buf_char(&text, '&');
        }
        code = expand_piece(&x, pair, &kept);
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
