/* Making, changing and printing trees. */
#include "base/check.h"
#include "base/json_plain.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json_internal.h"

enum { SHORT_TEXT = 2048 /* longer ones take memory from the heap */, PRETTY_INDENT = 2 };

/* The text ends with a NUL. */
static void set_text(struct json *node, struct str text)
{
    CHECK(text.len < UINT32_MAX);
    node->node.valuestring = unconst(text.ptr);
    node->text_len = (uint32_t)text.len;
}

/* A root with a copy of the text. */
static struct json *new_with_text(struct arena *arena, int type, struct str text)
{
    struct json *node = json_node_new(arena, type);

    set_text(node, arena_str(arena, text));
    return node;
}

struct json *json_new_object(struct arena *arena)
{
    return json_node_new(arena, cJSON_Object);
}

struct json *json_new_array(struct arena *arena)
{
    return json_node_new(arena, cJSON_Array);
}

/* Replaces NUL and bytes that are not UTF-8 by U+FFFD: cJSON ends a text at the first NUL and checks no encoding. */
static struct str presentable(struct arena *arena, struct str value)
{
    struct buf text;

    if (json_plain_len(value) == value.len ||
        (utf8_valid(value) && str_find_char(value, '\0') < 0)) {
        return value;
    }
    buf_init(&text, value.len * 3 + 3);
    while (value.len > 0) {
        uint32_t point = utf8_next(&value);
        char piece[4];

        buf_append(&text, piece, utf8_encode(point == 0 ? 0xFFFD : point, piece));
    }
    return arena_take(arena, &text);
}

struct json *json_new_string(struct arena *arena, struct str value)
{
    return new_with_text(arena, cJSON_String, presentable(arena, value));
}

struct json *json_new_kept_string(struct arena *arena, struct str value)
{
    struct str text = presentable(arena, value);
    struct json *node;

    if (text.len == 0 || text.ptr[text.len] != '\0') {
        return new_with_text(arena, cJSON_String, text);
    }
    node = json_node_new(arena, cJSON_String);
    set_text(node, text);
    return node;
}

struct json *json_new_checked_string(struct arena *arena, struct str value)
{
    return new_with_text(arena, cJSON_String, value);
}

struct json *json_new_raw_number(struct arena *arena, struct str decimal)
{
    CHECK(decimal.len > 0);
    return new_with_text(arena, cJSON_Raw, decimal);
}

struct json *json_new_int(struct arena *arena, int64_t value)
{
    char digits[DIGITS_MAX];

    return json_new_raw_number(arena, str_of_int(value, digits));
}

struct json *json_new_double(struct arena *arena, double value)
{
    return json_new_raw_number(arena, arena_printf(arena, "%.15g", value));
}

struct json *json_new_bool(struct arena *arena, bool value)
{
    return json_node_new(arena, value ? cJSON_True : cJSON_False);
}

struct json *json_new_null(struct arena *arena)
{
    return json_node_new(arena, cJSON_NULL);
}

/* Copies a node without its name: the caller that attaches the copy sets the name. */
static struct json *copy_value(struct arena *arena, const struct json *node)
{
    struct json *copy = node->node.valuestring != NULL
                            ? new_with_text(arena, node->node.type,
                                            (struct str){node->node.valuestring, node->text_len})
                            : json_node_new(arena, node->node.type);

    copy->node.valueint = node->node.valueint;
    copy->node.valuedouble = node->node.valuedouble;
    return copy;
}

static void set_name(struct json *node, struct str name)
{
    CHECK(name.len < UINT32_MAX);
    node->node.string = unconst(arena_cstr(node->arena, name));
    node->name_len = (uint32_t)name.len;
}

static struct json *copy_tree(struct arena *arena, const struct json *node)
{
    struct json *copy = copy_value(arena, node);
    const struct json *child;

    JSON_FOREACH (child, node) {
        struct json *inner = copy_tree(arena, child);

        if (child->node.string != NULL) {
            set_name(inner, json_name(child));
        }
        json_attach(copy, inner);
    }
    return copy;
}

struct json *json_copy(struct arena *arena, const struct json *node)
{
    return node == NULL ? json_new_null(arena) : copy_tree(arena, node);
}

void json_remove_child(struct json *parent, const struct json *child)
{
    (void)cJSON_DetachItemViaPointer(json_raw(parent), json_raw(child));
}

void json_remove(struct json *object, struct str name)
{
    const struct json *child = json_get_str(object, name);

    if (child != NULL) {
        json_remove_child(object, child);
    }
}

void json_set(struct json *object, struct str name, struct json *child)
{
    if (child == NULL) {
        return;
    }
    CHECK(json_type(object) == JSON_OBJECT);
    json_remove(object, name);
    set_name(child, name);
    json_attach(object, child);
}

void json_put_text(struct json *string, struct arena *arena, struct str value)
{
    CHECK(json_type(string) == JSON_STRING);
    set_text(string, arena_str(arena, presentable(arena, value)));
}

void json_put_int(struct json *number, int64_t value)
{
    char digits[DIGITS_MAX];
    struct str text = str_of_int(value, digits);

    CHECK(json_type(number) == JSON_NUMBER);
    if (text.len > number->text_len) {
        number->node.valuestring = unconst(arena_cstr(number->arena, text));
    } else {
        mem_copy(number->node.valuestring, text.ptr, text.len);
        number->node.valuestring[text.len] = '\0';
    }
    number->text_len = (uint32_t)text.len;
}

struct json *json_new_same_string(struct arena *arena, const struct json *string)
{
    struct json *node;

    if (string->arena != arena) {
        return json_new_string(arena, json_str(string));
    }
    node = json_node_new(arena, cJSON_String);
    set_text(node, json_str(string));
    return node;
}

void json_append(struct json *array, struct json *child)
{
    if (child != NULL) {
        CHECK(json_type(array) == JSON_ARRAY);
        json_attach(array, child);
    }
}

/* ---- printing ---- */

static void print_members(struct buf *out, const struct json *container)
{
    bool is_object = json_type(container) == JSON_OBJECT;
    const struct json *child;

    buf_char(out, is_object ? '{' : '[');
    JSON_FOREACH (child, container) {
        if (child != json_first(container)) {
            buf_char(out, ',');
        }
        if (is_object) {
            json_quote(out, json_name(child));
            buf_char(out, ':');
        }
        json_print(out, child);
    }
    buf_char(out, is_object ? '}' : ']');
}

void json_print(struct buf *out, const struct json *node)
{
    switch (json_type(node)) {
    case JSON_NULL:
        buf_text(out, "null");
        break;
    case JSON_BOOL:
        buf_text(out, json_true(node) ? "true" : "false");
        break;
    case JSON_NUMBER:
        buf_append(out, node->node.valuestring, node->text_len);
        break;
    case JSON_STRING:
        json_quote(out, json_str(node));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        print_members(out, node);
        break;
    }
}

/* ---- with line breaks ---- */

static void new_line(struct buf *out, unsigned depth)
{
    buf_char(out, '\n');
    for (unsigned i = 0; i < depth * PRETTY_INDENT; i++) {
        buf_char(out, ' ');
    }
}

/* An empty object or list stays "{}" or "[]". */
static void print_pretty(struct buf *out, const struct json *node, unsigned depth)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    const struct json *child;

    if (json_first(node) == NULL) {
        json_print(out, node);
        return;
    }
    buf_char(out, is_object ? '{' : '[');
    JSON_FOREACH (child, node) {
        buf_text(out, child == json_first(node) ? "" : ",");
        new_line(out, depth + 1);
        if (is_object) {
            json_quote(out, json_name(child));
            buf_text(out, ": ");
        }
        print_pretty(out, child, depth + 1);
    }
    new_line(out, depth);
    buf_char(out, is_object ? '}' : ']');
}

void json_print_pretty(struct buf *out, const struct json *node)
{
    print_pretty(out, node, 0);
}

void json_write(struct json_writer *w, const struct json *node)
{
    jw_raw(w, STR_EMPTY); /* writes the comma before the value, if one is needed */
    json_print(w->out, node);
}

struct str json_text(struct arena *arena, const struct json *node)
{
    UNINITIALISED char room[SHORT_TEXT];
    struct buf text;

    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    json_print(&text, node);
    return arena_take(arena, &text);
}
