/* What the files that read YAML share. */
#ifndef DATA_YAML_INTERNAL_H
#define DATA_YAML_INTERNAL_H

#include <yaml.h>

#include "base/map.h"
#include "node_internal.h"
#include "yaml_slip.h"

enum { DEPTH_HARD_MAX = 256, LINE_SHOWN = 80 };

/* A value of a test file has 64 KiB at most; libyaml reads up to 48 KiB ahead. */
enum { EVENT_MAX_BYTES = 96 * 1024, PIECE_MAX_BYTES = 48 * 1024 };

struct anchor {
    struct map_node node; /* key: name */
    struct node *value;
    bool open; /* its node has not ended yet */
};

struct level {
    struct node *container;
    struct node *tail;
    struct map keys; /* of a map with many members: struct key_entry; else empty */
    struct anchor *anchor;
    bool want_value;
    struct str key;
    unsigned key_line;
    unsigned key_column;
    bool key_plain; /* not quoted: only a plain `<<` merges */
    bool merges;
};

struct key_entry {
    struct map_node node;
    unsigned line;
};

struct yaml_reading {
    yaml_parser_t parser;
    struct arena *arena; /* of the texts */
    struct arena *nodes;
    struct str text;
    struct node_budget budget;
    struct error_list *errors;
    struct map anchors;
    struct str keys[NODE_KEYS_KNOWN];
    struct level levels[DEPTH_HARD_MAX];
    unsigned depth;
    struct node *root;
    struct node_stream *out;
    struct node *last_document;
    size_t n_errors_before;
    bool has_parser;
    bool failed;
    /* Bytes that libyaml was given. The work for one event cannot be cut, and grows with its bytes. */
    size_t given;
    size_t given_at_event; /* `given` when the last event came */
    yaml_mark_t event_end; /* of the last event */
    struct yaml_quoted quoted;
    bool too_long; /* the next event is longer than EVENT_MAX_BYTES */
};

/* yaml_errors.c: the first error counts, and ends the reading. */
void yaml_fail(struct yaml_reading *reader, enum error_code code, unsigned line, unsigned column,
               const char *format, ...) PRINTF_LIKE(5, 6);
void yaml_fail_mark(struct yaml_reading *reader, const yaml_mark_t *mark, const char *what);
void yaml_fail_parser(struct yaml_reading *reader);
/* Notes where a text in quotes stands; fails if a # stands at its closing quote. */
void yaml_quoted_seen(struct yaml_reading *reader, const yaml_event_t *event);

/* yaml.c */
/* False: the error was added. Anchors and index entries take memory as well, so each counts as a node. */
bool yaml_take_budget(struct yaml_reading *reader, size_t text_bytes, unsigned line,
                      unsigned column);
/* The line of a key that the map has already; 0: the key is new. Most maps have few members, which are
 * compared one by one; a map with many gets an index. */
unsigned yaml_line_of_key(struct yaml_reading *reader, struct level *level, struct str key);
/* Notes a new key in the index of the map, if it has one. */
void yaml_key_added(struct yaml_reading *reader, struct level *level, struct str key,
                    unsigned line);

/* yaml_merge.c */
struct anchor *yaml_anchor_set(struct yaml_reading *reader, const yaml_char_t *name,
                               struct node *value, bool open);
struct node *yaml_copy_tree(struct yaml_reading *reader, const struct node *source, unsigned depth);
/* Replaces the `<<` member of the map by the members that it refers to; explicit keys win. */
void yaml_apply_merge(struct yaml_reading *reader, struct level *level);

#endif
