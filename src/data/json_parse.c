/* Makes a tree of a text: json_scan.c reads it in one walk; then repeated members are refused or dropped. */
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json_internal.h"

enum { DEFAULT_DEPTH = 32, DEFAULT_NODES = 10000, OUR_DEPTH = 128 };

const struct json_limits json_of_ours = {.max_depth = OUR_DEPTH, .max_nodes = UINT_MAX};

/* Orders members by name, then by their place in the text. */
static int compare_names(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a;
    const struct json *y = *(const struct json *const *)b;
    int order = str_compare(json_name(x), json_name(y));

    if (order == 0) {
        order = (json_line(x) > json_line(y)) - (json_line(x) < json_line(y));
    }
    return order != 0 ? order
                      : (json_column(x) > json_column(y)) - (json_column(x) < json_column(y));
}

static enum error_code refuse_duplicate(const struct json *node, struct error *err)
{
    return error_in(err, ERR_BAD_JSON, json_line(node), json_column(node),
                    "line %u, column %u: the member \"%.*s\" stands twice in the same object",
                    json_line(node), json_column(node), STR_ARG(json_name(node)));
}

/* The members by name, equal names in the order of the text. The caller frees the list. */
static const struct json **sorted_members(const struct json *object, size_t *out_n)
{
    const struct json **members;
    const struct json *child;
    size_t at = 0;

    *out_n = json_size(object);
    members = mem_calloc(*out_n, sizeof(void *));
    JSON_FOREACH (child, object) {
        members[at++] = child;
    }
    qsort(members, *out_n, sizeof(void *), compare_names);
    return members;
}

static enum error_code check_names(const struct json *object, struct error *err)
{
    size_t n;
    const struct json **members = sorted_members(object, &n);
    enum error_code code = ERR_OK;

    for (size_t i = 1; i < n && code == ERR_OK; i++) {
        if (str_eq(json_name(members[i - 1]), json_name(members[i]))) {
            code = refuse_duplicate(members[i], err);
        }
    }
    mem_free(members);
    return code;
}

static enum error_code check_duplicates(const struct json *node, struct error *err)
{
    enum error_code code =
        json_type(node) == JSON_OBJECT && json_size(node) > 1 ? check_names(node, err) : ERR_OK;
    const struct json *child;

    for (child = json_first(node); child != NULL && code == ERR_OK; child = json_next(child)) {
        code = check_duplicates(child, err);
    }
    return code;
}

/* Of members with the same name the last one counts. */
static void drop_duplicates(struct json *node)
{
    const struct json **members;
    const struct json *child;
    size_t n;

    JSON_FOREACH (child, node) {
        drop_duplicates(unconst(child));
    }
    if (json_type(node) != JSON_OBJECT || json_size(node) < 2) {
        return;
    }
    members = sorted_members(node, &n);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(json_name(members[i - 1]), json_name(members[i]))) {
            json_remove_child(node, members[i - 1]);
        }
    }
    mem_free(members);
}

enum error_code json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
                           struct json **out, struct error *err)
{
    static const struct json_limits none = {0};
    struct json_scan scan = {.arena = arena, .text = text, .err = err};
    struct json *tree = NULL;
    enum error_code code;

    limits = limits == NULL ? &none : limits;
    scan.max_depth = limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH;
    scan.max_nodes = limits->max_nodes > 0 ? limits->max_nodes : DEFAULT_NODES;
    code = json_scan(&scan, &tree);
    if (code == ERR_OK && scan.may_repeat && limits->allow_duplicate_names) {
        drop_duplicates(tree);
    } else if (code == ERR_OK && scan.may_repeat) {
        code = check_duplicates(tree, err);
    }
    if (code == ERR_OK) {
        *out = tree;
    }
    return code;
}
