/* libyaml's events to nodes. Anchored nodes are remembered; an alias copies the subtree, each
 * copied node counted against the budget, so that an alias bomb ends at the limit and not in
 * memory. Merge keys (<<) are applied when their map ends. An alias to a node that is still open
 * would be a cycle: refused. */
#include <yaml.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "node_internal.h"
#include "yaml_slip.h"

enum { DEPTH_HARD_MAX = 256, KEYS_INDEXED_FROM = 8, KEYS_KNOWN = 32, LINE_SHOWN = 80 };

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
    bool key_plain; /* `<<` merges only when it is plain */
    bool merges;
};

struct key_entry {
    struct map_node node;
    unsigned line;
};

struct yaml_reading {
    yaml_parser_t parser;
    struct arena *arena;
    struct str text;
    struct node_budget budget;
    struct error_list *errors;
    struct map anchors;
    struct str keys[KEYS_KNOWN]; /* the last ones: the same few words stand everywhere */
    struct level levels[DEPTH_HARD_MAX];
    unsigned depth;
    struct node *root;
    struct node_stream *out;
    struct node *last_document;
    size_t n_errors_before;
    bool has_parser;
    bool failed;
};

/* ---- errors ---- */

static void fail_with(struct yaml_reading *reader, enum error_code code, unsigned line,
                      unsigned column, const char *what, const char *hint)
{
    if (!reader->failed) {
        (void)error_in(error_list_add(reader->errors), code, line, column,
                       "line %u, column %u: %s%s", line, column, what, hint);
    }
    reader->failed = true;
}

static void fail_at(struct yaml_reading *reader, enum error_code code, unsigned line,
                    unsigned column, const char *what)
{
    fail_with(reader, code, line, column, what, "");
}

static void fail_mark(struct yaml_reading *reader, const yaml_mark_t *mark, const char *what)
{
    fail_at(reader, ERR_BAD_YAML, (unsigned)mark->line + 1, (unsigned)mark->column + 1, what);
}

static void fail_parser(struct yaml_reading *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "this YAML cannot be read";
    struct yaml_complaint complaint;
    struct yaml_slip slip;

    if (parser->error == YAML_READER_ERROR) {
        unsigned line = 1;
        unsigned column = 1;

        for (size_t i = 0; i < parser->problem_offset && i < reader->text.len; i++) {
            column = reader->text.ptr[i] == '\n' ? 1 : column + 1;
            line += reader->text.ptr[i] == '\n' ? 1 : 0;
        }
        fail_at(reader, ERR_BAD_YAML, line, column, problem);
        return;
    }
    complaint = (struct yaml_complaint){
        .problem = problem,
        .context = str_from(parser->context),
        .context_line = parser->context != NULL ? (unsigned)parser->context_mark.line + 1 : 0,
        .context_column = (unsigned)parser->context_mark.column + 1,
        .line = (unsigned)parser->problem_mark.line + 1,
        .column = (unsigned)parser->problem_mark.column + 1,
    };
    yaml_slip_find(reader->text, &complaint, &slip);
    fail_with(reader, ERR_BAD_YAML, slip.line, slip.column, slip.what != NULL ? slip.what : problem,
              slip.hint);
}

/* ---- placing nodes ---- */

static struct level *top(struct yaml_reading *reader)
{
    return reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
}

/* False: the error was added. What takes memory beside nodes counts as one, too. */
static bool take_budget(struct yaml_reading *reader, size_t text_bytes, unsigned line,
                        unsigned column)
{
    if (!node_budget_take(&reader->budget, text_bytes, line, column, reader->errors)) {
        reader->failed = true;
        return false;
    }
    return true;
}

/* The text lies behind the node. */
static struct node *node_new(struct yaml_reading *reader, enum node_type type,
                             const yaml_mark_t *mark, struct str text)
{
    struct node *node;
    unsigned line = (unsigned)mark->line + 1;
    unsigned column = (unsigned)mark->column + 1;

    if (!take_budget(reader, text.len, line, column)) {
        return NULL;
    }
    node = arena_alloc(reader->arena, sizeof(*node) + text.len + 1);
    *node = (struct node){.type = type};
    str_copy((char *)(node + 1), text.len + 1, text);
    node->text = type == NODE_SCALAR ? (struct str){(char *)(node + 1), text.len} : STR_EMPTY;
    node->line = line;
    node->column = column;
    return node;
}

static struct str key_kept(struct yaml_reading *reader, struct str key)
{
    size_t place = (key.len + (key.len > 0 ? (unsigned char)key.ptr[0] : 0)) % KEYS_KNOWN;
    struct str *known = &reader->keys[place];

    if (!str_eq(*known, key) || known->ptr == NULL) {
        *known = arena_str(reader->arena, key);
    }
    return *known;
}

static void index_key(struct yaml_reading *reader, struct level *level, struct str key,
                      unsigned line)
{
    struct key_entry *entry;

    if (!take_budget(reader, 0, line, 1)) {
        return;
    }
    entry = arena_zalloc(reader->arena, sizeof(*entry));
    entry->line = line;
    map_insert(&level->keys, &entry->node, key);
}

/* The line of a key that the map has already; 0: it has not. Nearly all maps have a few members
 * only: those are compared, and an index is made where there are many. */
static unsigned line_of_key(struct yaml_reading *reader, struct level *level, struct str key)
{
    struct map_node *known;

    if (level->keys.n_nodes == 0) {
        for (const struct node *child = level->container->first; child != NULL;
             child = child->next) {
            if (str_eq(child->key, key)) {
                return child->key_line;
            }
        }
        if (level->container->n_children >= KEYS_INDEXED_FROM) {
            for (const struct node *child = level->container->first; child != NULL;
                 child = child->next) {
                index_key(reader, level, child->key, child->key_line);
            }
        }
        return 0;
    }
    known = map_find(&level->keys, key);
    return known != NULL ? CONTAINER_OF(known, struct key_entry, node)->line : 0;
}

/* A key that the map does not have yet. */
static void key_added(struct yaml_reading *reader, struct level *level, struct str key,
                      unsigned line)
{
    if (level->keys.n_nodes > 0) {
        index_key(reader, level, key, line);
    }
}

static void take_key(struct yaml_reading *reader, struct level *level, struct str key,
                     const yaml_mark_t *mark, bool plain)
{
    unsigned known = line_of_key(reader, level, key);

    level->key = key;
    level->key_line = (unsigned)mark->line + 1;
    level->key_column = (unsigned)mark->column + 1;
    level->key_plain = plain;
    level->want_value = true;
    if (known > 0) {
        struct buf what;

        buf_init(&what, 512);
        buf_printf(&what, "the key \"%.*s\" stands twice in this map (first in line %u)",
                   STR_ARG(utf8_clip(key, LINE_SHOWN)), known);
        fail_with(reader, ERR_BAD_YAML, level->key_line, level->key_column, buf_cstr(&what),
                  yaml_begins_with_dash(key)
                      ? "; this is not a hyphen: begin an item of a list with \"- \""
                      : "");
        buf_done(&what);
        return;
    }
    key_added(reader, level, key, level->key_line);
}

static void place(struct yaml_reading *reader, struct node *node)
{
    struct level *level = top(reader);

    if (level == NULL) {
        reader->root = node;
        return;
    }
    if (level->container->type == NODE_MAP) {
        node->key = level->key;
        node->key_line = level->key_line;
        node->key_column = level->key_column;
        level->want_value = false;
        level->merges = level->merges || (level->key_plain && str_is(level->key, "<<"));
    }
    node_add(level->container, &level->tail, node);
}

/* ---- anchors and merges ---- */

static struct anchor *anchor_set(struct yaml_reading *reader, const yaml_char_t *name,
                                 struct node *value, bool open)
{
    struct str key = str_from((const char *)name);
    struct map_node *known;
    struct anchor *anchor;

    if (name == NULL) {
        return NULL;
    }
    known = map_find(&reader->anchors, key);
    if (known != NULL) { /* YAML lets an anchor be defined anew */
        map_remove(&reader->anchors, known);
    }
    if (!take_budget(reader, 0, value->line, value->column)) {
        return NULL;
    }
    anchor = arena_zalloc(reader->arena, sizeof(*anchor));
    anchor->value = value;
    anchor->open = open;
    map_insert(&reader->anchors, &anchor->node, arena_str(reader->arena, key));
    return anchor;
}

static struct node *copy_tree(struct yaml_reading *reader, const struct node *source,
                              unsigned depth)
{
    struct node *copy;
    struct node *tail = NULL;

    if (depth > reader->budget.max_depth) {
        fail_at(reader, ERR_BAD_YAML, source->line, source->column,
                "nested deeper than allowed after expanding aliases");
        return NULL;
    }
    if (++reader->budget.n_copied > reader->budget.max_copied) {
        fail_at(reader, ERR_TOO_BIG, source->line, source->column,
                "aliases and merges add more values than allowed; write fewer of them");
        return NULL;
    }
    if (!take_budget(reader, source->text.len, source->line, source->column)) {
        return NULL;
    }
    copy = arena_alloc(reader->arena, sizeof(*copy));
    *copy = *source;
    copy->first = NULL;
    copy->next = NULL;
    copy->n_children = 0;
    for (const struct node *child = source->first; child != NULL; child = child->next) {
        struct node *made = copy_tree(reader, child, depth + 1);

        if (made == NULL) {
            return NULL;
        }
        node_add(copy, &tail, made);
    }
    return copy;
}

/* Members of `from` that the map does not have yet. */
static void merge_map(struct yaml_reading *reader, struct level *level, const struct node *from)
{
    for (const struct node *child = from->first; child != NULL && !reader->failed;
         child = child->next) {
        struct node *copy;

        if (line_of_key(reader, level, child->key) > 0) {
            continue;
        }
        copy = copy_tree(reader, child, reader->depth);
        if (copy == NULL) {
            return;
        }
        key_added(reader, level, copy->key, child->key_line);
        node_add(level->container, &level->tail, copy);
    }
}

static void merge_value(struct yaml_reading *reader, struct level *level, const struct node *value)
{
    if (value->type == NODE_MAP) {
        merge_map(reader, level, value);
        return;
    }
    if (value->type == NODE_LIST) {
        for (const struct node *item = value->first; item != NULL && !reader->failed;
             item = item->next) {
            if (item->type != NODE_MAP) {
                fail_at(reader, ERR_BAD_YAML, item->line, item->column,
                        "a merge (<<) takes maps only");
                return;
            }
            merge_map(reader, level, item);
        }
        return;
    }
    fail_at(reader, ERR_BAD_YAML, value->line, value->column,
            "a merge (<<) takes a map or a list of maps");
}

/* Takes the `<<` member out of the map and puts in what it stands for; explicit keys win. */
static void apply_merge(struct yaml_reading *reader, struct level *level)
{
    struct node *before = NULL;
    struct node *child = level->container->first;

    while (child != NULL && !str_is(child->key, "<<")) {
        before = child;
        child = child->next;
    }
    if (child == NULL) {
        return;
    }
    if (before == NULL) {
        level->container->first = child->next;
    } else {
        before->next = child->next;
    }
    if (level->tail == child) {
        level->tail = before;
    }
    level->container->n_children--;
    child->next = NULL;
    merge_value(reader, level, child);
}

/* ---- events ---- */

static bool is_core_tag(const yaml_char_t *tag)
{
    struct str name = str_from((const char *)tag);

    return tag == NULL || str_is(name, "!") || str_is(name, YAML_STR_TAG) ||
           str_is(name, YAML_MAP_TAG) || str_is(name, YAML_SEQ_TAG) ||
           str_is(name, YAML_NULL_TAG) || str_is(name, YAML_BOOL_TAG) ||
           str_is(name, YAML_INT_TAG) || str_is(name, YAML_FLOAT_TAG);
}

static bool is_key_place(struct yaml_reading *reader)
{
    struct level *level = top(reader);

    return level != NULL && level->container->type == NODE_MAP && !level->want_value;
}

static bool check_controls(struct yaml_reading *reader, struct str text, const yaml_mark_t *mark)
{
    for (struct str rest = text; rest.len > 0;) {
        uint32_t point = utf8_next(&rest);

        if ((point < 0x20 && point != '\t' && point != '\n') || point == 0x7F ||
            (point >= 0x80 && point < 0xA0)) {
            struct buf what;

            buf_init(&what, 128);
            buf_printf(&what, "the value holds the control character U+%04X; remove it", point);
            fail_mark(reader, mark, buf_cstr(&what));
            buf_done(&what);
            return false;
        }
    }
    return true;
}

static void on_scalar(struct yaml_reading *reader, const yaml_event_t *event)
{
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct node *node;

    if (!is_core_tag(event->data.scalar.tag)) {
        fail_mark(
            reader, &event->start_mark,
            "YAML tags (!something, !!binary) are not supported; a value that begins with ! needs quotes");
        return;
    }
    if (!check_controls(reader, text, &event->start_mark)) {
        return;
    }
    if (is_key_place(reader)) {
        take_key(reader, top(reader), key_kept(reader, text), &event->start_mark, plain);
        return;
    }
    node = node_new(reader, NODE_SCALAR, &event->start_mark, text);
    if (node == NULL) {
        return;
    }
    node->quoted = !plain || (event->data.scalar.tag != NULL &&
                              str_is(str_from((const char *)event->data.scalar.tag), YAML_STR_TAG));
    node->is_null = plain && (text.len == 0 || str_is(text, "~") || str_is(text, "null") ||
                              str_is(text, "Null") || str_is(text, "NULL"));
    (void)anchor_set(reader, event->data.scalar.anchor, node, false);
    place(reader, node);
}

static void on_alias(struct yaml_reading *reader, const yaml_event_t *event)
{
    struct map_node *found =
        map_find(&reader->anchors, str_from((const char *)event->data.alias.anchor));
    struct anchor *anchor = found != NULL ? CONTAINER_OF(found, struct anchor, node) : NULL;
    struct node *copy;

    if (anchor == NULL) {
        fail_mark(reader, &event->start_mark,
                  "this alias has no anchor before it; a value that begins with * needs quotes");
        return;
    }
    if (anchor->open) {
        fail_mark(reader, &event->start_mark, "this alias stands inside its own anchor");
        return;
    }
    if (is_key_place(reader)) {
        if (anchor->value->type != NODE_SCALAR) {
            fail_mark(reader, &event->start_mark, "a key must be plain text, not a list or a map");
            return;
        }
        take_key(reader, top(reader), anchor->value->text, &event->start_mark, false);
        return;
    }
    anchor->value->is_shared = true;
    copy = copy_tree(reader, anchor->value, reader->depth);
    if (copy != NULL) {
        copy->line = (unsigned)event->start_mark.line + 1; /* where it is used */
        copy->column = (unsigned)event->start_mark.column + 1;
        place(reader, copy);
    }
}

static void on_start(struct yaml_reading *reader, const yaml_event_t *event, enum node_type type)
{
    const yaml_char_t *anchor =
        type == NODE_MAP ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const yaml_char_t *tag =
        type == NODE_MAP ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    struct node *node;
    struct level *level;

    if (is_key_place(reader)) { /* click: {{button}} */
        fail_mark(
            reader, &event->start_mark,
            "a key must be plain text, not a list or a map; put text that begins with { or [ in quotes");
        return;
    }
    if (!is_core_tag(tag)) {
        fail_mark(reader, &event->start_mark, "YAML tags (!something, !!set) are not supported");
        return;
    }
    if (reader->depth >= reader->budget.max_depth || reader->depth >= DEPTH_HARD_MAX) {
        fail_mark(reader, &event->start_mark, "nested too deeply");
        return;
    }
    node = node_new(reader, type, &event->start_mark, STR_EMPTY);
    if (node == NULL) {
        return;
    }
    place(reader, node);
    level = &reader->levels[reader->depth++];
    *level = (struct level){.container = node, .anchor = anchor_set(reader, anchor, node, true)};
    map_init(&level->keys);
}

static void on_end(struct yaml_reading *reader)
{
    struct level *level = top(reader);

    CHECK(level != NULL); /* libyaml balances starts and ends */
    if (level->merges) {
        apply_merge(reader, level);
    }
    if (level->anchor != NULL) {
        level->anchor->open = false;
    }
    map_done(&level->keys);
    reader->depth--;
}

static void anchors_forget(struct yaml_reading *reader)
{
    map_done(&reader->anchors);
    map_init(&reader->anchors);
}

static void on_document_end(struct yaml_reading *reader, const yaml_event_t *event)
{
    struct node *root = reader->root;

    if (root == NULL) {
        root = node_new(reader, NODE_SCALAR, &event->start_mark, STR_EMPTY);
    }
    if (root == NULL) {
        return;
    }
    if (reader->last_document == NULL) {
        reader->out->documents = root;
    } else {
        reader->last_document->next = root;
    }
    reader->last_document = root;
    reader->out->n_documents++;
    reader->root = NULL;
    anchors_forget(reader);
    if (reader->out->n_documents > reader->budget.max_documents) {
        fail_mark(reader, &event->start_mark, "too many documents in one stream");
    }
}

static void on_document_start(struct yaml_reading *reader, const yaml_event_t *event)
{
    const yaml_version_directive_t *version = event->data.document_start.version_directive;

    if (version != NULL && version->major != 1) {
        fail_mark(reader, &event->start_mark, "only YAML 1.x is understood");
    }
}

static void on_event(struct yaml_reading *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        on_scalar(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_start(reader, event, NODE_LIST);
        break;
    case YAML_MAPPING_START_EVENT:
        on_start(reader, event, NODE_MAP);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(reader);
        break;
    case YAML_DOCUMENT_START_EVENT:
        on_document_start(reader, event);
        break;
    case YAML_DOCUMENT_END_EVENT:
        on_document_end(reader, event);
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
        break;
    }
}

/* Up to `n` events. True: there are no more, or one was wrong. */
static bool read_events(struct yaml_reading *reader, size_t n)
{
    bool more = true;

    while (more && n > 0 && !reader->failed) {
        yaml_event_t event;

        if (yaml_parser_parse(&reader->parser, &event) == 0) {
            fail_parser(reader);
            return true;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        on_event(reader, &event);
        yaml_event_delete(&event);
        n--;
    }
    return !more || reader->failed;
}

/* ---- all ---- */

struct yaml_reading *yaml_begin(struct arena *arena, struct str text,
                                const struct node_limits *limits, struct node_stream *out,
                                struct error_list *errors)
{
    struct yaml_reading *reader = mem_zalloc(sizeof(*reader));
    struct yaml_slip slip;
    enum error_code code;

    reader->arena = arena;
    reader->text = yaml_without_marks(arena, text);
    reader->errors = errors;
    reader->n_errors_before = errors->n;
    reader->out = out;
    *out = (struct node_stream){0};
    node_budget_init(&reader->budget, limits);
    map_init(&reader->anchors);
    code = yaml_text_check(reader->text, &slip);
    if (code != ERR_OK) {
        fail_at(reader, code, slip.line, slip.column, slip.what);
    } else {
        CHECK(yaml_parser_initialize(&reader->parser) == 1);
        reader->has_parser = true;
        yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text.ptr,
                                     reader->text.len);
        yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    }
    return reader;
}

bool yaml_go_on(struct yaml_reading *reader, size_t n_events)
{
    return !reader->has_parser || read_events(reader, n_events);
}

enum error_code yaml_end(struct yaml_reading *reader)
{
    enum error_code code = ERR_OK;

    if (reader->has_parser) {
        yaml_parser_delete(&reader->parser);
    }
    while (reader->depth > 0) {
        map_done(&top(reader)->keys);
        reader->depth--;
    }
    map_done(&reader->anchors);
    if (reader->failed) {
        code = reader->errors->n > reader->n_errors_before
                   ? reader->errors->items[reader->n_errors_before].code
                   : ERR_BAD_YAML;
    }
    mem_free(reader);
    return code;
}

enum error_code yaml_parse(struct arena *arena, struct str text, const struct node_limits *limits,
                           struct node_stream *out, struct error_list *errors)
{
    struct yaml_reading *reader = yaml_begin(arena, text, limits, out, errors);

    CHECK(yaml_go_on(reader, SIZE_MAX));
    return yaml_end(reader);
}
