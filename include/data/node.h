/* node: a value of a YAML or JSON file with the place it was written at. One tree for both
 * languages, so that its readers (configuration, test files) need not know which it was.
 * Owner: the arenas given to the parser: one for the nodes, one for their texts and keys, which may outlive the nodes
 * (the same may serve for both). Plain, not opaque: readers walk it. */
#ifndef DATA_NODE_H
#define DATA_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* Kept small: a file may have a hundred thousand nodes. */
struct node {
    enum node_type type : 8;
    bool quoted;         /* scalar in quotes or a block: always text */
    bool is_null;        /* plain empty, ~ or null (YAML 1.2 core schema), JSON null */
    bool is_shared;      /* an alias refers to it */
    unsigned line;       /* 1-based */
    unsigned column;     /* 1-based, in characters */
    unsigned n_children; /* at most max_nodes */
    struct str text;     /* scalar as written after unescaping ("0123" keeps its zero) */
    struct str key;      /* when a member of a map */
    unsigned key_line;
    unsigned key_column;
    struct node *first; /* children, in order */
    struct node *next;
};

/* Each element or member of a list or map; NULL and scalars have none. */
#define NODE_FOREACH(each, container)                                                              \
    for (const struct node *each = (container) != NULL ? (container)->first : NULL; each != NULL;  \
         each = each->next)

struct node_limits {
    unsigned max_depth; /* 0: 32 */
    unsigned max_nodes; /* 0: 10,000, after alias expansion; an anchor, and a member of a map with
                               more than eight, counts twice */
    size_t max_text_bytes;  /* 0: 1 MiB of scalar text after alias expansion */
    unsigned max_copied;    /* nodes that aliases and merges may add; 0: only max_nodes counts */
    unsigned max_documents; /* 0: 100 */
};

struct node_stream {
    struct node *documents; /* linked by next; an empty document is a null scalar */
    size_t n_documents;
};

/* YAML 1.1/1.2 by libyaml events: anchors, aliases and merge keys expanded within the limits,
 * cycles and duplicate keys refused, complex keys and non-core tags refused, NUL/control characters
 * and invalid UTF-8 refused, a # right behind a closing quote refused, BOM accepted, UTF-16
 * refused with a hint. Reading stops at the first error. It goes to `errors` with line, column and a
 * hint (tab in indentation, missing space after ':', unquoted '@', '#' that starts a comment, smart
 * quotes, a quote or brace that is not closed, ...) at the place of the slip. Returns its code. Cost: linear in the size of the input. */
enum error_code yaml_parse(struct arena *arena, struct str text, const struct node_limits *limits,
                           struct node_stream *out, struct error_list *errors) MUST_CHECK;
/* The same in pieces, so that a long text does not hold up a loop: yaml_begin, yaml_go_on until it returns
 * true, yaml_end (earlier to give up). The text, `out` and `errors` must stay where they are meanwhile. */
struct yaml_reading;
struct yaml_reading *yaml_begin(struct arena *texts, struct arena *nodes, struct str text,
                                const struct node_limits *limits, struct node_stream *out,
                                struct error_list *errors);
bool yaml_go_on(struct yaml_reading *reader, size_t n_events);
enum error_code yaml_end(struct yaml_reading *reader) MUST_CHECK;

/* True: the text begins with an en dash, a bullet or a hyphen with a no-break space, instead of "- ". */
bool yaml_begins_with_dash(struct str text);
/* Makes the same kind of tree from JSON text, which data/json.h parses. One document. */
enum error_code json_parse_nodes(struct arena *texts, struct arena *nodes, struct str text,
                                 const struct node_limits *limits, struct node_stream *out,
                                 struct error_list *errors) MUST_CHECK;

struct json;
/* Scalars that are not quoted get their types by the YAML 1.2 core schema. */
struct json *node_to_json(struct arena *arena, const struct node *node);
const struct node *node_get(const struct node *map,
                            const char *key); /* NULL: absent, or not a map */
const struct node *node_get_str(const struct node *map, struct str key);
bool node_is_bool(const struct node *node, bool *out); /* true|false, unquoted */

/* Writes `text` as a YAML scalar that reads back as the same text (plain when that is safe). */
struct buf;
void yaml_write_scalar(struct buf *out, struct str text);
/* A value as block YAML that node_to_json reads back as the same value; ends in a newline. Texts
 * are safe for a terminal. */
void yaml_write_json(struct buf *out, const struct json *value, unsigned indent);

#endif
