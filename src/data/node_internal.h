/* Building node trees: what the YAML and the JSON reader share. */
#ifndef DATA_NODE_INTERNAL_H
#define DATA_NODE_INTERNAL_H

#include "data/node.h"

/* The members of a larger map count twice: YAML takes memory for an index of them, and JSON has the same bound. */
enum { KEYS_INDEXED_FROM = 8 };

struct node_budget {
    unsigned max_depth;
    unsigned max_nodes;
    size_t max_text_bytes;
    unsigned max_copied;
    unsigned max_documents;
    unsigned n_copied;
    unsigned n_nodes;
    size_t text_bytes;
};

void node_budget_init(struct node_budget *budget, const struct node_limits *limits);
/* False: the error was added. */
bool node_budget_take(struct node_budget *budget, size_t text_bytes, unsigned line, unsigned column,
                      struct error_list *errors);

/* A copy of the key, or an earlier copy of an equal key: files repeat the same few keys. `known` must begin zeroed. */
enum { NODE_KEYS_KNOWN = 32 };
struct str node_key_kept(struct str *known, struct arena *arena, struct str key);
/* Appends in O(1): *tail is the last child so far (NULL: none). */
void node_add(struct node *parent, struct node **tail, struct node *child);

#endif
