#include <limits.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "node_internal.h"

#include "data/json.h"

enum {
    DEFAULT_DEPTH = 32,
    DEFAULT_NODES = 10000,
    DEFAULT_TEXT = 1024 * 1024,
    DEFAULT_DOCUMENTS = 100
};

void node_budget_init(struct node_budget *budget, const struct node_limits *limits)
{
    static const struct node_limits none = {0};

    limits = limits == NULL ? &none : limits;
    *budget = (struct node_budget){
        .max_depth = limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH,
        .max_nodes = limits->max_nodes > 0 ? limits->max_nodes : DEFAULT_NODES,
        .max_text_bytes = limits->max_text_bytes > 0 ? limits->max_text_bytes : DEFAULT_TEXT,
        .max_copied = limits->max_copied > 0 ? limits->max_copied : UINT_MAX,
        .max_documents = limits->max_documents > 0 ? limits->max_documents : DEFAULT_DOCUMENTS,
    };
}

bool node_budget_take(struct node_budget *budget, size_t text_bytes, unsigned line, unsigned column,
                      struct error_list *errors)
{
    if (++budget->n_nodes > budget->max_nodes) {
        (void)error_in(
            error_list_add(errors), ERR_TOO_BIG, line, column,
            "line %u, column %u: more than %u values after expanding aliases; split the file", line,
            column, budget->max_nodes);
        return false;
    }
    budget->text_bytes += text_bytes;
    if (budget->text_bytes > budget->max_text_bytes) {
        (void)error_in(error_list_add(errors), ERR_TOO_BIG, line, column,
                       "line %u, column %u: more than %zu bytes of text after expanding aliases",
                       line, column, budget->max_text_bytes);
        return false;
    }
    return true;
}

struct str node_key_kept(struct str *known, struct arena *arena, struct str key)
{
    known += (key.len + (key.len > 0 ? (unsigned char)key.ptr[0] : 0)) % NODE_KEYS_KNOWN;
    if (!str_eq(*known, key) || known->ptr == NULL) {
        *known = arena_str(arena, key);
    }
    return *known;
}

void node_add(struct node *parent, struct node **tail, struct node *child)
{
    if (*tail == NULL) {
        parent->first = child;
    } else {
        (*tail)->next = child;
    }
    *tail = child;
    parent->n_children++;
}

const struct node *node_get_str(const struct node *map, struct str key)
{
    if (map == NULL || map->type != NODE_MAP) {
        return NULL;
    }
    for (const struct node *child = map->first; child != NULL; child = child->next) {
        if (str_eq(child->key, key)) {
            return child;
        }
    }
    return NULL;
}

const struct node *node_get(const struct node *map, const char *key)
{
    return node_get_str(map, str_from(key));
}

bool node_is_bool(const struct node *node, bool *out)
{
    bool yes = node != NULL && node->type == NODE_SCALAR && !node->quoted &&
               str_is_nocase(node->text, "true");
    bool no = node != NULL && node->type == NODE_SCALAR && !node->quoted &&
              str_is_nocase(node->text, "false");

    if (yes || no) {
        *out = yes;
    }
    return yes || no;
}

/* ---- from JSON ---- */

struct json_walk {
    struct arena *arena; /* of the texts */
    struct arena *nodes;
    struct node_budget *budget;
    struct error_list *errors;
    struct str keys[NODE_KEYS_KNOWN];
};

static struct str scalar_text(const struct json_walk *walk, const struct json *value)
{
    switch (json_type(value)) {
    case JSON_NULL:
        return STR("null");
    case JSON_BOOL:
        return json_true(value) ? STR("true") : STR("false");
    case JSON_NUMBER:
        return json_number_text(value, walk->arena);
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return arena_str(walk->arena, json_str(value));
}

static struct node *from_json(struct json_walk *walk, const struct json *value)
{
    struct node *node = arena_zalloc(walk->nodes, sizeof(*node));
    enum json_type type = json_type(value);
    const struct json *child;
    struct node *tail = NULL;

    json_position(value, &node->line, &node->column);
    node->key = node_key_kept(walk->keys, walk->arena, json_name(value));
    node->key_line = node->line;
    node->key_column = node->column;
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        node->text = scalar_text(walk, value);
        node->quoted = type == JSON_STRING;
        node->is_null = type == JSON_NULL;
    }
    if (!node_budget_take(walk->budget, node->text.len + node->key.len, node->line, node->column,
                          walk->errors)) {
        return NULL;
    }
    node->type = type == JSON_OBJECT ? NODE_MAP : type == JSON_ARRAY ? NODE_LIST : NODE_SCALAR;
    JSON_FOREACH (child, value) {
        bool is_counted_twice = type == JSON_OBJECT && node->n_children >= KEYS_INDEXED_FROM;
        struct node *made = from_json(walk, child);

        if (made == NULL || (is_counted_twice && !node_budget_take(walk->budget, 0, made->line,
                                                                   made->column, walk->errors))) {
            return NULL;
        }
        node_add(node, &tail, made);
    }
    return node;
}

enum error_code json_parse_nodes(struct arena *texts, struct arena *nodes, struct str text,
                                 const struct node_limits *limits, struct node_stream *out,
                                 struct error_list *errors)
{
    struct node_budget budget;
    struct json_walk walk = {.arena = texts, .nodes = nodes, .budget = &budget, .errors = errors};
    struct json_limits json_limits = {0};
    struct arena scratch; /* of the JSON tree, which is as large as the nodes made of it */
    struct json *tree;
    struct error err = {0};

    node_budget_init(&budget, limits);
    json_limits.max_depth = budget.max_depth;
    json_limits.max_nodes = budget.max_nodes;
    arena_init(&scratch);
    if (json_parse(&scratch, text, &json_limits, &tree, &err) == ERR_OK) {
        out->documents = from_json(&walk, tree);
        out->n_documents = 1;
    } else {
        *error_list_add(errors) = err;
    }
    arena_done(&scratch);
    if (err.code != ERR_OK) {
        return err.code;
    }
    return out->documents != NULL ? ERR_OK : errors->items[0].code;
}

/* ---- to JSON ---- */

/* Only numbers in JSON's spelling are numbers, so 0123, +1 and .5 stay text. */
static bool is_json_number(struct str text)
{
    struct arena arena;
    struct json *value;
    bool is_number;

    if (text.len == 0 || text.len > 40 ||
        (text.ptr[0] != '-' && (text.ptr[0] < '0' || text.ptr[0] > '9'))) {
        return false;
    }
    arena_init(&arena);
    is_number =
        json_parse(&arena, text, NULL, &value, NULL) == ERR_OK && json_type(value) == JSON_NUMBER;
    arena_done(&arena);
    return is_number;
}

static struct json *scalar_to_json(struct arena *arena, const struct node *node)
{
    bool truth;

    if (node->is_null) {
        return json_new_null(arena);
    }
    if (node_is_bool(node, &truth)) {
        return json_new_bool(arena, truth);
    }
    if (!node->quoted && is_json_number(node->text)) {
        return json_new_raw_number(arena, node->text);
    }
    return json_new_string(arena, node->text);
}

struct json *node_to_json(struct arena *arena, const struct node *node)
{
    struct json *out;

    if (node->type == NODE_SCALAR) {
        return scalar_to_json(arena, node);
    }
    out = node->type == NODE_MAP ? json_new_object(arena) : json_new_array(arena);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (node->type == NODE_MAP) {
            json_set(out, child->key, node_to_json(arena, child));
        } else {
            json_append(out, node_to_json(arena, child));
        }
    }
    return out;
}

/* ---- writing ---- */

/* True: no YAML reader can take the plain text for anything else. It has letters, digits, spaces and a few signs,
 * begins with a letter, and is no word that some YAML version takes for a boolean or null. */
static bool is_safe_plain(struct str text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};

    if (text.len == 0 || !((text.ptr[0] | 0x20) >= 'a' && (text.ptr[0] | 0x20) <= 'z') ||
        text.ptr[text.len - 1] == ' ') {
        return false;
    }
    return str_is_of(text, "A-Za-z0-9 _./-") && !str_in_nocase(text, words, ARRAY_LEN(words));
}

void yaml_write_scalar(struct buf *out, struct str text)
{
    if (is_safe_plain(text)) {
        buf_str(out, text);
        return;
    }
    buf_char(out, '"');
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);
        char piece[4];

        if (point == '"' || point == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)point);
        } else if (point == '\n' || point == '\t') {
            buf_text(out, point == '\n' ? "\\n" : "\\t");
        } else if (utf8_is_unsafe(point) ||
                   (point & 0xFFFE) == 0xFFFE) { /* YAML has no such ones */
            buf_printf(out, point > 0xFFFF ? "\\U%08X" : "\\u%04X", point);
        } else {
            buf_append(out, piece, utf8_encode(point, piece));
        }
    }
    buf_char(out, '"');
}

static bool is_flat(const struct json *value)
{
    return (json_type(value) != JSON_OBJECT && json_type(value) != JSON_ARRAY) ||
           json_size(value) == 0;
}

static void write_flat(struct buf *out, const struct json *value)
{
    if (json_type(value) == JSON_STRING) {
        yaml_write_scalar(out, json_str(value));
    } else { /* JSON is YAML: numbers, true, null, {} and [] */
        json_print(out, value);
    }
    buf_char(out, '\n');
}

static void spaces(struct buf *out, unsigned n)
{
    while (n-- > 0) {
        buf_char(out, ' ');
    }
}

/* Each member begins at the margin, except the first one of a block behind "- ". Recurses as deep as the value;
 * parsed values have at most 32 levels. */
static void write_block(struct buf *out, const struct json *value, unsigned indent,
                        bool behind_dash)
{
    bool is_list = json_type(value) == JSON_ARRAY;
    const struct json *child;

    JSON_FOREACH (child, value) {
        spaces(out, behind_dash ? 0 : indent);
        behind_dash = false;
        if (is_list) {
            buf_text(out, "- ");
        } else {
            yaml_write_scalar(out, json_name(child));
            buf_text(out, is_flat(child) ? ": " : ":\n");
        }
        if (is_flat(child)) {
            write_flat(out, child);
        } else {
            write_block(out, child, indent + 2, is_list);
        }
    }
}

void yaml_write_json(struct buf *out, const struct json *value, unsigned indent)
{
    if (is_flat(value)) {
        spaces(out, indent);
        write_flat(out, value);
    } else {
        write_block(out, value, indent, false);
    }
}
