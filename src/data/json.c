/* cJSON behind our face. Nodes are cJSON's own, with two of its fields used for our purposes:
 *   - numbers are cJSON_Raw with their text, so no digit is ever lost; cJSON's double is not used;
 *   - valueint and valuedouble hold line and column of parsed nodes (cJSON reads them of
 *     cJSON_Number only);
 *   - `prev` of a root is its arena, marked by an odd address; it stops being one when attached.
 * Nodes and texts lie in the arena and go with it: cJSON gets its memory from the arena that is
 * being worked for, and nothing is given back piece by piece. */
#include "data/json.h"

#include <cjson/cJSON.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json_internal.h"

enum { DEFAULT_DEPTH = 32, DEFAULT_NODES = 10000 };

static cJSON *raw(const struct json *node)
{
    return unconst(node);
}

static struct json *wrap(cJSON *node)
{
    return (struct json *)(void *)node;
}

/* ---- memory ---- */

static _Thread_local struct arena *working_for;

static void *hook_alloc(size_t size)
{
    CHECK(working_for != NULL);
    return arena_alloc(working_for, size);
}

static void hook_free(void *memory)
{
    (void)memory; /* goes with its arena */
}

/* What cJSON allocates from here on lies in `arena`. */
static void work_for(struct arena *arena)
{
    static bool done;
    cJSON_Hooks hooks = {hook_alloc, hook_free};

    if (!done) {
        cJSON_InitHooks(&hooks);
        done = true;
    }
    working_for = arena;
}

static char *text_of(struct arena *arena, struct str s)
{
    return unconst(arena_cstr(arena, s));
}

_Static_assert(alignof(struct arena) > 1 && alignof(cJSON) > 1, "odd addresses are marks");

static struct json *adopt(struct arena *arena, cJSON *node)
{
    CHECK(node != NULL);
    node->prev = (cJSON *)(void *)((char *)arena + 1);
    return wrap(node);
}

/* A root that becomes a child. */
static cJSON *release(struct json *child, struct arena **out_arena)
{
    cJSON *node = raw(child);

    CHECK(((uintptr_t)node->prev & 1) != 0);
    *out_arena = (struct arena *)(void *)((char *)node->prev - 1);
    node->prev = NULL;
    return node;
}

/* ---- parsing ---- */

/* Zips the tree with what the scanner saw: both are in document order. */
static void mark(struct arena *arena, cJSON *node, const struct json_scan *scan, size_t *at)
{
    const struct json_seen *seen = &scan->seen[(*at)++];

    if (cJSON_IsNumber(node)) {
        node->type = cJSON_Raw;
        node->valuestring = text_of(arena, str_sub(scan->text, seen->offset, seen->len));
    }
    node->valueint = (int)seen->line;
    node->valuedouble = (double)seen->column;
    for (cJSON *child = node->child; child != NULL; child = child->next) {
        mark(arena, child, scan, at);
    }
}

static int compare_names(const void *a, const void *b)
{
    const cJSON *const *x = a;
    const cJSON *const *y = b;
    int order = strcmp((*x)->string, (*y)->string);

    return order != 0 ? order
                      : ((*x)->valueint != (*y)->valueint ? (*x)->valueint - (*y)->valueint
                                                          : (*x)->valuedouble > (*y)->valuedouble);
}

static enum error_code refuse_duplicate(const cJSON *node, struct error *err)
{
    return error_in(err, ERR_BAD_JSON, (unsigned)node->valueint, (unsigned)node->valuedouble,
                    "line %d, column %.0f: the member \"%s\" stands twice in the same object",
                    node->valueint, node->valuedouble, node->string);
}

/* The members by name, equal names in the order of the text. The caller frees the list. */
static cJSON **sorted_members(const cJSON *object, size_t *out_n)
{
    cJSON **members;
    size_t at = 0;

    *out_n = (size_t)cJSON_GetArraySize(object);
    members = mem_calloc(*out_n, sizeof(*members));
    for (cJSON *child = object->child; child != NULL; child = child->next) {
        members[at++] = child;
    }
    qsort(members, *out_n, sizeof(*members), compare_names);
    return members;
}

static enum error_code check_names(const cJSON *object, struct error *err)
{
    size_t n;
    cJSON **members = sorted_members(object, &n);
    enum error_code code = ERR_OK;

    for (size_t i = 1; i < n && code == ERR_OK; i++) {
        if (strcmp(members[i - 1]->string, members[i]->string) == 0) {
            code = refuse_duplicate(members[i], err);
        }
    }
    mem_free(members);
    return code;
}

static enum error_code check_duplicates(const cJSON *node, struct error *err)
{
    enum error_code code = cJSON_IsObject(node) && node->child != NULL && node->child->next != NULL
                               ? check_names(node, err)
                               : ERR_OK;

    for (const cJSON *child = node->child; child != NULL && code == ERR_OK; child = child->next) {
        code = check_duplicates(child, err);
    }
    return code;
}

/* Of members with the same name the last one counts. */
static void drop_duplicates(cJSON *node)
{
    size_t n;
    cJSON **members;

    for (cJSON *child = node->child; child != NULL; child = child->next) {
        drop_duplicates(child);
    }
    if (!cJSON_IsObject(node) || node->child == NULL || node->child->next == NULL) {
        return;
    }
    members = sorted_members(node, &n);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(members[i - 1]->string, members[i]->string) == 0) {
            (void)cJSON_DetachItemViaPointer(node, members[i - 1]);
        }
    }
    mem_free(members);
}

enum error_code json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
                           struct json **out, struct error *err)
{
    static const struct json_limits none = {0};
    struct json_scan scan = {.text = text, .err = err};
    enum error_code code;
    cJSON *tree;
    size_t at = 0;

    limits = limits == NULL ? &none : limits;
    scan.max_depth = limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH;
    scan.max_nodes = limits->max_nodes > 0 ? limits->max_nodes : DEFAULT_NODES;
    code = json_scan(&scan);
    if (code != ERR_OK) {
        mem_free(scan.seen);
        return code;
    }
    work_for(arena);
    tree = cJSON_ParseWithLengthOpts(text.ptr, text.len, NULL, 0);
    if (tree == NULL) {
        mem_free(scan.seen);
        return error_in(err, ERR_BAD_JSON, 1, 1, "line 1, column 1: this JSON cannot be read");
    }
    mark(arena, tree, &scan, &at);
    CHECK(at == scan.n_seen);
    mem_free(scan.seen);
    if (limits->allow_duplicate_names) {
        drop_duplicates(tree);
    } else {
        code = check_duplicates(tree, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    *out = adopt(arena, tree);
    return ERR_OK;
}

/* ---- reading ---- */

enum json_type json_type(const struct json *node)
{
    switch (node == NULL ? cJSON_NULL : raw(node)->type & 0xFF) {
    case cJSON_True:
    case cJSON_False:
        return JSON_BOOL;
    case cJSON_Raw:
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

static struct str value_text(const struct json *node)
{
    return str_from(raw(node)->valuestring);
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

double json_double(const struct json *node)
{
    return json_type(node) == JSON_NUMBER ? strtod(raw(node)->valuestring, NULL) : 0.0;
}

bool json_true(const struct json *node)
{
    return node != NULL && cJSON_IsTrue(raw(node));
}

size_t json_size(const struct json *node)
{
    enum json_type type = json_type(node);

    return type == JSON_ARRAY || type == JSON_OBJECT ? (size_t)cJSON_GetArraySize(raw(node)) : 0;
}

const struct json *json_get_str(const struct json *object, struct str name)
{
    if (json_type(object) != JSON_OBJECT) {
        return NULL;
    }
    for (cJSON *child = raw(object)->child; child != NULL; child = child->next) {
        if (str_is(name, child->string)) {
            return wrap(child);
        }
    }
    return NULL;
}

const struct json *json_get(const struct json *object, const char *name)
{
    return json_get_str(object, str_from(name));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return json_type(array) == JSON_ARRAY && index < INT32_MAX
               ? wrap(cJSON_GetArrayItem(raw(array), (int)index))
               : NULL;
}

const struct json *json_first(const struct json *container)
{
    enum json_type type = json_type(container);

    return type == JSON_ARRAY || type == JSON_OBJECT ? wrap(raw(container)->child) : NULL;
}

const struct json *json_next(const struct json *node)
{
    return wrap(raw(node)->next);
}

struct str json_name(const struct json *node)
{
    return node == NULL ? STR_EMPTY : str_from(raw(node)->string);
}

static bool name_matches(struct str token, struct str name)
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

static const struct json *step_into(const struct json *node, struct str token)
{
    const struct json *child;
    int64_t index;

    if (json_type(node) == JSON_ARRAY) {
        return str_to_i64(token, 0, INT32_MAX, &index) ? json_at(node, (size_t)index) : NULL;
    }
    JSON_FOREACH (child, node) {
        if (name_matches(token, json_name(child))) {
            return child;
        }
    }
    return NULL;
}

static const struct json *resolve(const struct json *root, struct str pointer)
{
    const struct json *node = root;
    struct str rest = str_sub(pointer, 1, pointer.len);

    while (node != NULL && pointer.len > 0) {
        struct str token;
        bool more = str_cut(rest, '/', &token, &rest);

        node = step_into(node, token);
        if (!more) {
            break;
        }
    }
    return node;
}

const struct json *json_find(const struct json *root, const char *pointers)
{
    struct str rest = str_from(pointers);
    struct str pointer;

    while (root != NULL && str_next(&rest, ' ', &pointer)) {
        const struct json *node = resolve(root, pointer);

        if (json_type(node) != JSON_NULL) {
            return node;
        }
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
    *out_line = node == NULL ? 0 : (unsigned)raw(node)->valueint;
    *out_column = node == NULL ? 0 : (unsigned)raw(node)->valuedouble;
}

/* ---- building ---- */

static struct json *new_node(struct arena *arena, int type)
{
    cJSON *node = arena_zalloc(arena, sizeof(*node));

    node->type = type;
    return adopt(arena, node);
}

struct json *json_new_object(struct arena *arena)
{
    return new_node(arena, cJSON_Object);
}

struct json *json_new_array(struct arena *arena)
{
    return new_node(arena, cJSON_Array);
}

/* cJSON's texts end at the first NUL and it prints bytes as they are: both are mended here. */
static struct str presentable(struct arena *arena, struct str value)
{
    struct buf text;
    struct str copy;

    if (utf8_valid(value) && str_find_char(value, '\0') < 0) {
        return value;
    }
    buf_init(&text, value.len * 3 + 3);
    while (value.len > 0) {
        uint32_t point = utf8_next(&value);
        char piece[4];

        buf_append(&text, piece, utf8_encode(point == 0 ? 0xFFFD : point, piece));
    }
    copy = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

static struct json *new_text(struct arena *arena, int type, struct str text)
{
    struct json *node = new_node(arena, type);

    raw(node)->valuestring = text_of(arena, text);
    return node;
}

struct json *json_new_string(struct arena *arena, struct str value)
{
    return new_text(arena, cJSON_String, presentable(arena, value));
}

struct json *json_new_raw_number(struct arena *arena, struct str decimal)
{
    CHECK(decimal.len > 0);
    return new_text(arena, cJSON_Raw, decimal);
}

struct json *json_new_int(struct arena *arena, int64_t value)
{
    return json_new_raw_number(arena, arena_int(arena, value));
}

struct json *json_new_double(struct arena *arena, double value)
{
    return json_new_raw_number(arena, arena_printf(arena, "%.15g", value));
}

struct json *json_new_bool(struct arena *arena, bool value)
{
    return new_node(arena, value ? cJSON_True : cJSON_False);
}

struct json *json_new_null(struct arena *arena)
{
    return new_node(arena, cJSON_NULL);
}

struct json *json_copy(struct arena *arena, const struct json *node)
{
    cJSON *copy;

    if (node == NULL) {
        return json_new_null(arena);
    }
    work_for(arena);
    copy = cJSON_Duplicate(raw(node), 1);
    CHECK(copy != NULL);
    copy->string = NULL;
    return adopt(arena, copy);
}

void json_remove(struct json *object, struct str name)
{
    cJSON *child = raw(json_get_str(object, name));

    if (child != NULL) {
        (void)cJSON_DetachItemViaPointer(raw(object), child);
    }
}

void json_remove_child(struct json *parent, const struct json *child)
{
    (void)cJSON_DetachItemViaPointer(raw(parent), raw(child));
}

void json_set(struct json *object, struct str name, struct json *child)
{
    struct arena *arena;
    cJSON *node;
    cJSON *parent = raw(object);

    if (child == NULL) {
        return;
    }
    CHECK(json_type(object) == JSON_OBJECT);
    json_remove(object, name);
    node = release(child, &arena);
    node->string = text_of(arena, name);
    /* By hand: cJSON_AddItemToObject would copy the name once more. */
    if (parent->child == NULL) {
        parent->child = node;
        node->prev = node;
    } else {
        node->prev = parent->child->prev;
        parent->child->prev->next = node;
        parent->child->prev = node;
    }
    node->next = NULL;
}

void json_put_text(struct json *string, struct arena *arena, struct str value)
{
    CHECK(json_type(string) == JSON_STRING);
    raw(string)->valuestring = text_of(arena, presentable(arena, value));
}

void json_append(struct json *array, struct json *child)
{
    struct arena *arena;

    if (child != NULL) {
        CHECK(json_type(array) == JSON_ARRAY);
        CHECK(cJSON_AddItemToArray(raw(array), release(child, &arena)));
    }
}

/* ---- printing ---- */

static void print_scalar(struct buf *out, const struct json *node)
{
    switch (json_type(node)) {
    case JSON_STRING:
        buf_char(out, '"');
        json_escape(out, value_text(node));
        buf_char(out, '"');
        break;
    case JSON_NUMBER:
        buf_str(out, value_text(node));
        break;
    case JSON_BOOL:
        buf_text(out, json_true(node) ? "true" : "false");
        break;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        buf_text(out, "null");
        break;
    }
}

/* As deep as the value is; parsed ones have a limit. */
void json_print(struct buf *out, const struct json *node)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    const struct json *child = json_first(node);

    if (!is_object && json_type(node) != JSON_ARRAY) {
        print_scalar(out, node);
        return;
    }
    buf_char(out, is_object ? '{' : '[');
    for (; child != NULL; child = json_next(child)) {
        if (is_object) {
            buf_char(out, '"');
            json_escape(out, json_name(child));
            buf_text(out, "\":");
        }
        json_print(out, child);
        if (json_next(child) != NULL) {
            buf_char(out, ',');
        }
    }
    buf_char(out, is_object ? '}' : ']');
}

struct str json_text(struct arena *arena, const struct json *node)
{
    struct buf text;
    struct str copy;

    buf_init(&text, SIZE_MAX / 4);
    json_print(&text, node);
    copy = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return copy;
}
