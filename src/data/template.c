/* Parsing turns a template into a list of ops: constant pieces of JSON text, and between them the variables. Each
 * variable's value is written as a JSON value, so it cannot break out of its place. */
#include "data/template.h"

#include "base/check.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "template_internal.h"

enum {
    ID_DIGITS_MAX = 19,
    GUESSES_MAX = 2 /* a $guess within a $guess */
};

/* The kinds of ops, which are written in order. Each member or element is written with a comma behind it. */
enum op_kind {
    OP_TEXT,
    OP_VALUE,
    OP_INTEGER,
    OP_OPTIONAL, /* a member or an element, with its comma, or nothing */
    OP_CLOSE,    /* a bracket; takes back the comma before it, if there is one */
    OP_GUESS,    /* the output up to OP_GUESS_END becomes a text in quotes */
    OP_GUESS_END
};

/* Pointers and short lengths instead of strs, to save memory: there are two thousand ops. */
struct op {
    const char *text; /* TEXT and CLOSE: JSON; OPTIONAL: name and colon, or nothing in a list */
    const char *name; /* of the variable */
    uint32_t text_len;
    uint16_t name_len; /* 0: no variable */
    uint16_t kind;     /* enum op_kind */
};

static struct str text_of(const struct op *op)
{
    return (struct str){op->text, op->text_len};
}

static struct str name_of(const struct op *op)
{
    return (struct str){op->name, op->name_len};
}

struct template
{
    struct op *ops;
    size_t n_ops;
};

enum form { FORM_LITERAL, FORM_VALUE, FORM_INTEGER, FORM_OPTIONAL };

/* The form of a string in a template; *out_name is the variable, or the literal text. */
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

bool is_variable_name(struct str name)
{
    return name.len > 0 && str_is_of(name, "A-Za-z0-9_");
}

static enum error_code check_node(const struct json *node, struct error *err)
{
    const struct json *child;
    struct str name;

    if (json_type(node) == JSON_STRING && form_of(json_str(node), &name) != FORM_LITERAL &&
        !is_variable_name(name)) {
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

/* ---- compiling a template ---- */

/* Takes back the comma behind the last member, and writes the bracket. */
static void write_close(struct buf *out, struct str bracket)
{
    if (out->len > 0 && out->ptr[out->len - 1] == ',') {
        buf_truncate(out, out->len - 1);
    }
    buf_str(out, bracket);
}

struct compiler {
    struct arena *arena; /* of the template, which stays */
    struct arena *
        scratch; /* of the tree, which is freed: hundreds of templates stay, their trees need not */
    struct op *ops; /* in scratch, until their number is known */
    size_t n_ops;
    struct buf text; /* not yet in an op */
    unsigned n_guesses;
};

static void add_op(struct compiler *c, enum op_kind kind, struct str text, struct str name)
{
    c->ops = arena_room(c->scratch, c->ops, c->n_ops, sizeof(*c->ops));
    CHECK(text.len <= TEMPLATE_TEXT_MAX && name.len <= UINT16_MAX);
    c->ops[c->n_ops++] = (struct op){
        .text = text.ptr,
        .name = name.len > 0 ? arena_cstr(c->arena, name) : "",
        .text_len = (uint32_t)text.len,
        .name_len = (uint16_t)name.len,
        .kind = (uint16_t)kind,
    };
}

static void end_text(struct compiler *c)
{
    if (c->text.len > 0) {
        add_op(c, OP_TEXT, arena_str(c->arena, buf_view(&c->text)), STR_EMPTY);
        buf_clear(&c->text);
    }
}

static void add(struct compiler *c, enum op_kind kind, struct str text, struct str name)
{
    end_text(c);
    add_op(c, kind, text, name);
}

static void compile_node(struct compiler *c, const struct json *node);

static void compile_text(struct compiler *c, struct str text)
{
    struct str name;
    enum form form = form_of(text, &name);

    if (form == FORM_LITERAL) {
        json_quote(&c->text, name);
    } else {
        add(c, form == FORM_INTEGER ? OP_INTEGER : OP_VALUE, STR_EMPTY, name);
    }
}

static void compile_member(struct compiler *c, const struct json *child, bool has_name)
{
    struct str name = STR_EMPTY;
    bool is_optional =
        json_type(child) == JSON_STRING && form_of(json_str(child), &name) == FORM_OPTIONAL;

    if (is_optional) {
        end_text(c);
    }
    if (has_name) {
        json_quote(&c->text, json_name(child));
        buf_char(&c->text, ':');
    }
    if (is_optional) {
        struct str key = arena_str(c->arena, buf_view(&c->text));

        buf_clear(&c->text);
        add(c, OP_OPTIONAL, key, name);
    } else {
        compile_node(c, child);
        buf_char(&c->text, ',');
    }
}

static void compile_container(struct compiler *c, const struct json *node)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    struct str bracket = is_object ? STR("}") : STR("]");
    const struct json *child;

    buf_char(&c->text, is_object ? '{' : '[');
    JSON_FOREACH (child, node) {
        compile_member(c, child, is_object);
    }
    if (c->text.len > 0) { /* the text before the bracket is constant */
        write_close(&c->text, bracket);
    } else {
        add(c, OP_CLOSE, bracket, STR_EMPTY);
    }
}

static void compile_node(struct compiler *c, const struct json *node)
{
    const struct json *guess = json_get(node, "$guess");

    switch (json_type(node)) {
    case JSON_STRING:
        compile_text(c, json_str(node));
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (guess == NULL) {
            compile_container(c, node);
            break;
        }
        CHECK(c->n_guesses++ < GUESSES_MAX);
        add(c, OP_GUESS, STR_EMPTY, STR_EMPTY);
        compile_node(c, guess);
        add(c, OP_GUESS_END, STR_EMPTY, STR_EMPTY);
        c->n_guesses--;
        break;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
        json_print(&c->text, node);
        break;
    }
}

static struct template *compile(struct arena *arena, struct arena *scratch, const struct json *tree)
{
    struct template *template = arena_zalloc(arena, sizeof(*template));
    struct compiler c = {.arena = arena, .scratch = scratch};

    buf_init(&c.text, TEMPLATE_TEXT_MAX);
    compile_node(&c, tree);
    end_text(&c);
    buf_done(&c.text);
    template->ops = arena_alloc(arena, c.n_ops * sizeof(*c.ops));
    template->n_ops = c.n_ops;
    mem_copy(template->ops, c.ops, c.n_ops * sizeof(*c.ops));
    return template;
}

enum error_code template_parse(struct arena *arena, const char *json_text, struct template **out,
                               struct error *err)
{
    struct json *tree = NULL;
    struct arena scratch;
    enum error_code code;

    arena_init(&scratch);
    code = json_parse(&scratch, str_from(json_text), NULL, &tree, err);
    if (code == ERR_OK) {
        code = check_node(tree, err);
    }
    if (code == ERR_OK) {
        *out = compile(arena, &scratch, tree);
    }
    arena_done(&scratch);
    return code;
}

void template_names(const struct template *template, void (*fn)(void *context, struct str name),
                    void *context)
{
    for (size_t i = 0; i < template->n_ops; i++) {
        if (template->ops[i].name_len > 0) {
            fn(context, name_of(&template->ops[i]));
        }
    }
}

/* ---- scopes ---- */

/* Asks the scopes from the innermost outward. */
const struct json *scope_get(const struct scope *scope, struct str name)
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

enum error_code value_missing(const struct expansion *x, struct str name)
{
    return error_set(x->err, ERR_INTERNAL, "no value for \"%.*s\"", STR_ARG(name));
}

/* The value as the digits of a JSON integer, without its sign. */
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

    /* The open place of a dry run ("{goal_id}") is written as it is. */
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

/* Absent or false: "$?name" is not written. */
static bool is_left_out(const struct json *value)
{
    return value == NULL || (json_type(value) == JSON_BOOL && !json_true(value));
}

/* Replaces the output from `from` on by the same as a text in quotes. */
static void write_guess(const struct expansion *x, size_t from)
{
    struct str text = arena_str(x->arena, str_sub(buf_view(x->out), from, x->out->len));

    buf_truncate(x->out, from);
    json_quote(x->out, text);
}

static enum error_code write_op(const struct expansion *x, const struct op *op)
{
    const struct json *value = op->name_len > 0 ? scope_get(x->scope, name_of(op)) : NULL;

    switch ((enum op_kind)op->kind) {
    case OP_TEXT:
        buf_str(x->out, text_of(op));
        break;
    case OP_CLOSE:
        write_close(x->out, text_of(op));
        break;
    case OP_OPTIONAL:
        if (!is_left_out(value)) {
            buf_str(x->out, text_of(op));
            json_print(x->out, value);
            buf_char(x->out, ',');
        }
        break;
    case OP_VALUE:
    case OP_INTEGER:
        if (value == NULL) {
            return value_missing(x, name_of(op));
        }
        if (op->kind == OP_INTEGER) {
            return write_integer(x, name_of(op), value);
        }
        json_print(x->out, value);
        break;
    case OP_GUESS:
    case OP_GUESS_END:
        break;
    }
    return ERR_OK;
}

static enum error_code write_ops(const struct expansion *x, const struct template *template)
{
    size_t guesses[GUESSES_MAX]; /* where the output of each open $guess began */
    size_t n_guesses = 0;

    for (size_t i = 0; i < template->n_ops && buf_ok(x->out); i++) {
        const struct op *op = &template->ops[i];
        enum error_code code = ERR_OK;

        if (op->kind == OP_GUESS) {
            guesses[n_guesses++] = x->out->len;
        } else if (op->kind == OP_GUESS_END) {
            write_guess(x, guesses[--n_guesses]);
        } else {
            code = write_op(x, op);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum error_code template_text(const struct template *template, const struct scope *scope,
                              struct arena *arena, struct str *out, struct error *err)
{
    UNINITIALISED char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    enum error_code code;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    code = write_ops(&x, template);
    if (code == ERR_OK && !buf_ok(&text)) {
        code =
            error_set(err, ERR_TOO_BIG, "the request to the platform would be larger than %d bytes",
                      TEMPLATE_TEXT_MAX);
    }
    *out = arena_take(arena, &text);
    return code;
}

/* Expands to a text, and parses that. */
enum error_code template_expand(const struct template *template, const struct scope *scope,
                                struct arena *arena, struct json **out, struct error *err)
{
    struct str text;
    enum error_code code = template_text(template, scope, arena, &text, err);

    return code == ERR_OK ? json_parse(arena, text, &json_of_ours, out, err) : code;
}
