/* Reading a tree. Nodes are cJSON's own, with more members of ours behind them (json_internal.h). */
#include "data/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "json_internal.h"

enum json_type json_type(const struct json *node)
{
    /* The index is the number of the bit that cJSON sets in its type: false 0, true 1, null 2, … raw 7. */
    static const unsigned char types[] = {
        [0] = JSON_BOOL,   [1] = JSON_BOOL,  [2] = JSON_NULL,   [3] = JSON_NUMBER,
        [4] = JSON_STRING, [5] = JSON_ARRAY, [6] = JSON_OBJECT, [7] = JSON_NUMBER};

    return node == NULL ? JSON_NULL
                        : (enum json_type)types[__builtin_ctz((unsigned)node->node.type)];
}

/* The text of a string or a number. */
static struct str value_text(const struct json *node)
{
    return (struct str){node->node.valuestring, node->text_len};
}

bool json_is_integer(const struct json *node)
{
    struct str text;

    if (json_type(node) != JSON_NUMBER) {
        return false;
    }
    text = value_text(node);
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < '0' || text.ptr[i] > '9') && (i > 0 || text.ptr[i] != '-')) {
            return false;
        }
    }
    return true;
}

struct str json_str(const struct json *node)
{
    return json_type(node) == JSON_STRING ? value_text(node) : STR_EMPTY;
}

struct str json_number_text(const struct json *node, struct arena *arena)
{
    return json_type(node) == JSON_NUMBER ? arena_str(arena, value_text(node)) : STR_EMPTY;
}

bool json_to_i64(const struct json *node, int64_t *out)
{
    return json_is_integer(node) && str_to_i64(value_text(node), INT64_MIN, INT64_MAX, out);
}

int64_t json_int(const struct json *node, int64_t otherwise)
{
    int64_t number;

    return json_to_i64(node, &number) ? number : otherwise;
}

int64_t json_get_int(const struct json *object, const char *name, int64_t otherwise)
{
    return json_int(json_get(object, name), otherwise);
}

struct str json_plain(const struct json *node, struct arena *arena)
{
    return json_type(node) == JSON_NUMBER ? json_number_text(node, arena) : json_str(node);
}

double json_double(const struct json *node)
{
    return json_type(node) == JSON_NUMBER ? strtod(json_raw(node)->valuestring, NULL) : 0.0;
}

bool json_true(const struct json *node)
{
    return node != NULL && cJSON_IsTrue(json_raw(node));
}

size_t json_size(const struct json *node)
{
    enum json_type type = json_type(node);

    return type == JSON_ARRAY || type == JSON_OBJECT ? (size_t)cJSON_GetArraySize(json_raw(node))
                                                     : 0;
}

struct str json_name(const struct json *node)
{
    return node == NULL || node->node.string == NULL
               ? STR_EMPTY
               : (struct str){node->node.string, node->name_len};
}

const struct json *json_get_str(const struct json *object, struct str name)
{
    if (json_type(object) != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json *child = json_of(json_raw(object)->child); child != NULL;
         child = json_of(child->node.next)) {
        if (child->name_len == name.len &&
            (name.len == 0 || (child->node.string[0] == name.ptr[0] &&
                               memcmp(child->node.string, name.ptr, name.len) == 0))) {
            return child;
        }
    }
    return NULL;
}

const struct json *json_at(const struct json *array, size_t index)
{
    return json_type(array) == JSON_ARRAY && index < INT32_MAX
               ? json_of(cJSON_GetArrayItem(json_raw(array), (int)index))
               : NULL;
}

const struct json *json_first(const struct json *container)
{
    enum json_type type = json_type(container);

    return type == JSON_ARRAY || type == JSON_OBJECT ? json_of(json_raw(container)->child) : NULL;
}

const struct json *json_next(const struct json *node)
{
    return json_of(json_raw(node)->next);
}

/* Compares a name with a pointer token that has escapes: "~0" stands for "~", "~1" for "/". */
static bool token_names(struct str token, struct str name)
{
    size_t at = 0;

    for (size_t i = 0; i < token.len; i++, at++) {
        char c = token.ptr[i];

        if (c == '~' && i + 1 < token.len) {
            c = token.ptr[++i] == '0' ? '~' : '/';
        }
        if (at >= name.len || name.ptr[at] != c) {
            return false;
        }
    }
    return at == name.len;
}

static const struct json *step_into(const struct json *node, struct str token, bool has_escapes)
{
    const struct json *child;
    int64_t index;

    if (json_type(node) == JSON_ARRAY) {
        return str_to_i64(token, 0, INT32_MAX, &index) ? json_at(node, (size_t)index) : NULL;
    }
    if (!has_escapes) {
        return json_get_str(node, token);
    }
    JSON_FOREACH (child, node) {
        if (token_names(token, json_name(child))) {
            return child;
        }
    }
    return NULL;
}

/* Reads one token of a pointer; `at` is behind its slash. Returns the end of the token. */
static const char *read_token(const char *at, struct str *out, bool *out_has_escapes)
{
    const char *from = at;

    *out_has_escapes = false;
    for (; *at != '\0' && *at != '/' && *at != ' '; at++) {
        *out_has_escapes = *out_has_escapes || *at == '~';
    }
    *out = str_range(from, at);
    return at;
}

const struct json *json_find(const struct json *root, const char *pointers)
{
    const char *at = pointers;

    while (root != NULL && *at != '\0') {
        const struct json *node = root;

        while (*at == ' ') {
            at++;
        }
        CHECK(*at == '/' || *at == '\0');
        while (*at == '/' && node != NULL) {
            struct str token;
            bool has_escapes;

            at = read_token(at + 1, &token, &has_escapes);
            node = step_into(node, token, has_escapes);
        }
        if (node != root && json_type(node) != JSON_NULL) {
            return node;
        }
        at += strcspn(at, " ");
    }
    return NULL;
}

static bool numbers_equal(const struct json *a, const struct json *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        return str_eq(value_text(a), value_text(b));
    }
    return json_double(a) >= json_double(b) && json_double(a) <= json_double(b);
}

static bool containers_equal(const struct json *a, const struct json *b)
{
    const struct json *x;
    const struct json *y = json_first(b);

    if (json_size(a) != json_size(b)) {
        return false;
    }
    JSON_FOREACH (x, a) {
        if (json_type(a) == JSON_OBJECT) {
            y = json_get_str(b, json_name(x));
        }
        if (y == NULL || !json_equal(x, y)) {
            return false;
        }
        y = json_type(a) == JSON_ARRAY ? json_next(y) : y;
    }
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b)) {
        return false;
    }
    switch (json_type(a)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return json_true(a) == json_true(b);
    case JSON_NUMBER:
        return numbers_equal(a, b);
    case JSON_STRING:
        return str_eq(json_str(a), json_str(b));
    case JSON_ARRAY:
    case JSON_OBJECT:
        return containers_equal(a, b);
    }
    return false;
}

void json_position(const struct json *node, unsigned *out_line, unsigned *out_column)
{
    *out_line = node == NULL ? 0 : json_line(node);
    *out_column = node == NULL ? 0 : json_column(node);
}
