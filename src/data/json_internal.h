/* A node of a tree, and the strict reader that makes it. */
#ifndef DATA_JSON_INTERNAL_H
#define DATA_JSON_INTERNAL_H

#include <cjson/cJSON.h>

#include "base/check.h"
#include "data/json.h"

/* cJSON's node, so that cJSON's functions can walk and change it, and more members of ours. Node, text and name lie
 * in the arena: nothing of a tree is freed one by one, and none of it is ever given to cJSON_Delete.
 * Numbers are cJSON_Raw with their text, so that no digit is lost; cJSON reads its int and double of
 * cJSON_Number only, so they hold line and column here, to save memory: a large body has a hundred thousand nodes.
 * Only a root has NULL as `prev`; that of a first child is the last child, as in cJSON. */
struct json {
    cJSON node;          /* the first member */
    struct arena *arena; /* of the tree; it must not move */
    uint32_t text_len;   /* of node.valuestring */
    uint32_t name_len;   /* of node.string */
};

static inline cJSON *json_raw(const struct json *node)
{
    return unconst(node);
}

static inline struct json *json_of(cJSON *node)
{
    return (struct json *)(void *)node;
}

/* 0: was not read from a text. */
static inline uint32_t json_line(const struct json *node)
{
    return (uint32_t)node->node.valueint;
}

static inline uint32_t json_column(const struct json *node)
{
    return (uint32_t)node->node.valuedouble;
}

/* A root without value. `type` is cJSON's. */
static inline struct json *json_node_new(struct arena *arena, int type)
{
    struct json *node = arena_alloc(arena, sizeof(*node));

    *node = (struct json){.node = {.type = type}, .arena = arena};
    return node;
}

/* Puts a root behind the last child. */
static inline void json_attach(struct json *parent, struct json *child)
{
    cJSON *into = json_raw(parent);
    cJSON *node = json_raw(child);

    CHECK(node->prev == NULL); /* a root */
    if (into->child == NULL) {
        into->child = node;
        node->prev = node;
    } else {
        node->prev = into->child->prev;
        into->child->prev->next = node;
        into->child->prev = node;
    }
}

struct json_scan {
    struct arena *arena;
    struct str text;
    char *copy; /* of `text`, in the arena: the strings of the tree are decoded in place there */
    size_t at;
    uint32_t line;
    size_t line_start;
    size_t continuations; /* UTF-8 continuation bytes since line_start: columns count characters */
    unsigned depth;
    unsigned max_depth;
    unsigned max_nodes;
    unsigned n_nodes;
    bool may_repeat; /* an object may have two members of one name */
    struct error *err;
};

static inline char json_peek(const struct json_scan *scan)
{
    return (char)(scan->at < scan->text.len ? scan->text.ptr[scan->at] : '\0');
}

static inline bool json_at_end(const struct json_scan *scan)
{
    return scan->at >= scan->text.len;
}

/* ERR_BAD_JSON with line and column. */
enum error_code json_scan_refuse(struct json_scan *scan, const char *what);
/* Reads a string from behind its opening quote. For strings with escapes, a byte that is not ASCII, or a fault. */
enum error_code json_scan_long_text(struct json_scan *scan, struct str *out);
/* Checks the whole text and makes its tree. */
enum error_code json_scan(struct json_scan *scan, struct json **out);

#endif
