/* JSON documents as trees of cJSON's nodes, made by a strict reader of ours.
 * The reader (RFC 8259, valid UTF-8, no NUL, no duplicate member names unless allowed) enforces the
 * limits. Numbers keep their text, so ids of any length lose no digit.
 * Owner: the arena. Nodes, texts and names lie in it and die with it; removing a node frees no
 * memory before that. The arena must not move while a tree lies in it. */
#ifndef DATA_JSON_H
#define DATA_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/str.h"

struct json; /* a node */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    unsigned max_depth;         /* 0: 32 */
    unsigned max_nodes;         /* 0: 10,000 */
    bool allow_duplicate_names; /* platform answers: the last one wins */
};

/* For texts that this program has written: 128 levels deep, with any number of nodes. */
extern const struct json_limits json_of_ours;

/* Error: ERR_BAD_JSON with line and column. *out lives in `arena` (freed by its reset). */
enum error_code json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
                           struct json **out, struct error *err) MUST_CHECK;

/* Reading. All accept NULL (absent) nodes: type JSON_NULL, empty str, 0, false. */
enum json_type json_type(const struct json *node);
bool json_is_integer(const struct json *node); /* a whole number, any size */
struct str json_str(const struct json *node);  /* of a string; else empty */
struct str json_number_text(const struct json *node,
                            struct arena *arena); /* "12", "-3.5", "12345678901234567890" */
bool json_to_i64(const struct json *node, int64_t *out) MUST_CHECK; /* whole numbers that fit */
int64_t json_int(const struct json *node, int64_t otherwise);       /* the same, or `otherwise` */
/* The text of a string or the digits of a number, as ids come in both forms; else empty. */
struct str json_plain(const struct json *node, struct arena *arena);
double json_double(const struct json *node);
bool json_true(const struct json *node);
size_t json_size(const struct json *node); /* members or elements */
const struct json *json_get_str(const struct json *object, struct str name); /* exact */

/* NULL: absent. */
static inline const struct json *json_get(const struct json *object, const char *name)
{
    return json_get_str(object, str_from(name));
}

/* The whole number of a member; `otherwise` where there is none that fits. */
int64_t json_get_int(const struct json *object, const char *name, int64_t otherwise);
const struct json *json_at(const struct json *array, size_t index); /* O(index) */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *node);
struct str json_name(const struct json *node); /* member name; empty in arrays */
/* `pointers`: JSON pointers (RFC 6901) separated by spaces. Returns the first node that exists and is
 * not null. */
const struct json *json_find(const struct json *root, const char *pointers);
bool json_equal(const struct json *a, const struct json *b); /* as values; object order ignored */
/* Line and column (1-based) of the node in the text that was parsed; 0 if it was not parsed. */
void json_position(const struct json *node, unsigned *out_line, unsigned *out_column);

#define JSON_FOREACH(node, container)                                                              \
    for ((node) = json_first(container); (node) != NULL; (node) = json_next(node))

/* Building. A new node is a root until it is attached to another node as a child. */
struct json *json_new_object(struct arena *arena);
struct json *json_new_array(struct arena *arena);
struct json *json_new_string(struct arena *arena, struct str value);
/* The same for a text that lies in the arena or lives as long as the program. The byte behind it must be readable: a
 * text with a NUL there is not copied. */
struct json *json_new_kept_string(struct arena *arena, struct str value);
/* The same for a text that is known to be UTF-8 without NUL, such as a part of a text in a tree. */
struct json *json_new_checked_string(struct arena *arena, struct str value);
struct json *json_new_raw_number(struct arena *arena, struct str decimal); /* digits as given */
struct json *json_new_int(struct arena *arena, int64_t value);
struct json *json_new_double(struct arena *arena, double value);
struct json *json_new_bool(struct arena *arena, bool value);
struct json *json_new_null(struct arena *arena);
struct json *json_copy(struct arena *arena, const struct json *node); /* deep; a root */
/* Attach: `child` must be a root of the same arena; it stops being one. NULL child: no-op. */
void json_set(struct json *object, struct str name, struct json *child); /* replaces */
/* Replaces the text of a string node, in O(1). */
void json_put_text(struct json *string, struct arena *arena, struct str value);
/* Replaces the value of a number node, in the same memory if it fits. */
void json_put_int(struct json *number, int64_t value);
/* A root with the text of `string`. The text is not copied if `string` lies in the same arena. */
struct json *json_new_same_string(struct arena *arena, const struct json *string);
void json_append(struct json *array, struct json *child);
void json_remove(struct json *object, struct str name);
void json_remove_child(struct json *parent, const struct json *child); /* O(1) */

/* Compact text. Numbers print as they were written or set. */
void json_print(struct buf *out, const struct json *node);
struct str json_text(struct arena *arena, const struct json *node);
/* Writes the tree as the next value of `w`. */
void json_write(struct json_writer *w, const struct json *node);
/* Two spaces a level. */
void json_print_pretty(struct buf *out, const struct json *node);

#endif
