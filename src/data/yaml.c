/* Makes nodes of libyaml's events. Anchored nodes are remembered; an alias copies the subtree, each
 * copied node counted against the budget, so that an alias bomb ends at the limit and not in
 * memory. Merge keys (<<) are applied when their map ends. An alias to a node that is still open
 * would be a cycle, and is refused. */
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "yaml_internal.h"

/* ---- placing nodes ---- */

static struct level *top(struct yaml_reading *reader)
{
    return reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
}

bool yaml_take_budget(struct yaml_reading *reader, size_t text_bytes, unsigned line,
                      unsigned column)
{
    if (!node_budget_take(&reader->budget, text_bytes, line, column, reader->errors)) {
        reader->failed = true;
        return false;
    }
    return true;
}

static struct node *node_new(struct yaml_reading *reader, enum node_type type,
                             const yaml_mark_t *mark, struct str text)
{
    struct node *node;
    unsigned line = (unsigned)mark->line + 1;
    unsigned column = (unsigned)mark->column + 1;

    if (!yaml_take_budget(reader, text.len, line, column)) {
        return NULL;
    }
    node = arena_alloc(reader->nodes, sizeof(*node));
    *node = (struct node){.type = type};
    node->text = type == NODE_SCALAR ? arena_str(reader->arena, text) : STR_EMPTY;
    node->line = line;
    node->column = column;
    return node;
}

static void index_key(struct yaml_reading *reader, struct level *level, struct str key,
                      unsigned line)
{
    struct key_entry *entry;

    if (!yaml_take_budget(reader, 0, line, 1)) {
        return;
    }
    entry = arena_zalloc(reader->arena, sizeof(*entry));
    entry->line = line;
    map_insert(&level->keys, &entry->node, key);
}

unsigned yaml_line_of_key(struct yaml_reading *reader, struct level *level, struct str key)
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

void yaml_key_added(struct yaml_reading *reader, struct level *level, struct str key, unsigned line)
{
    if (level->keys.n_nodes > 0) {
        index_key(reader, level, key, line);
    }
}

static void take_key(struct yaml_reading *reader, struct level *level, struct str key,
                     const yaml_mark_t *mark, bool plain)
{
    unsigned known = yaml_line_of_key(reader, level, key);

    level->key = key;
    level->key_line = (unsigned)mark->line + 1;
    level->key_column = (unsigned)mark->column + 1;
    level->key_plain = plain;
    level->want_value = true;
    if (known > 0) {
        yaml_fail(reader, ERR_BAD_YAML, level->key_line, level->key_column,
                  "the key \"%.*s\" stands twice in this map (first in line %u)%s",
                  STR_ARG(utf8_clip(key, LINE_SHOWN)), known,
                  yaml_begins_with_dash(key)
                      ? "; this is not a hyphen: begin an item of a list with \"- \""
                      : "");
        return;
    }
    yaml_key_added(reader, level, key, level->key_line);
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
            yaml_fail(reader, ERR_BAD_YAML, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
                      "the value holds the control character U+%04X; remove it", point);
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

    if (event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ||
        event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE) {
        yaml_quoted_seen(reader, event);
    }
    if (!is_core_tag(event->data.scalar.tag)) {
        yaml_fail_mark(
            reader, &event->start_mark,
            "YAML tags (!something, !!binary) are not supported; a value that begins with ! needs quotes");
        return;
    }
    if (!check_controls(reader, text, &event->start_mark)) {
        return;
    }
    if (is_key_place(reader)) {
        take_key(reader, top(reader), node_key_kept(reader->keys, reader->arena, text),
                 &event->start_mark, plain);
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
    (void)yaml_anchor_set(reader, event->data.scalar.anchor, node, false);
    place(reader, node);
}

static void on_alias(struct yaml_reading *reader, const yaml_event_t *event)
{
    struct map_node *found =
        map_find(&reader->anchors, str_from((const char *)event->data.alias.anchor));
    struct anchor *anchor = found != NULL ? CONTAINER_OF(found, struct anchor, node) : NULL;
    struct node *copy;

    if (anchor == NULL) {
        yaml_fail_mark(
            reader, &event->start_mark,
            "this alias has no anchor before it; a value that begins with * needs quotes");
        return;
    }
    if (anchor->open) {
        yaml_fail_mark(reader, &event->start_mark, "this alias stands inside its own anchor");
        return;
    }
    if (is_key_place(reader)) {
        if (anchor->value->type != NODE_SCALAR) {
            yaml_fail_mark(reader, &event->start_mark,
                           "a key must be plain text, not a list or a map");
            return;
        }
        take_key(reader, top(reader), anchor->value->text, &event->start_mark, false);
        return;
    }
    anchor->value->is_shared = true;
    copy = yaml_copy_tree(reader, anchor->value, reader->depth);
    if (copy != NULL) {
        copy->line = (unsigned)event->start_mark.line + 1; /* the place of the alias */
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

    if (is_key_place(reader)) { /* such as click: {{button}} */
        yaml_fail_mark(
            reader, &event->start_mark,
            "a key must be plain text, not a list or a map; put text that begins with { or [ in quotes");
        return;
    }
    if (!is_core_tag(tag)) {
        yaml_fail_mark(reader, &event->start_mark,
                       "YAML tags (!something, !!set) are not supported");
        return;
    }
    if (reader->depth >= reader->budget.max_depth || reader->depth >= DEPTH_HARD_MAX) {
        yaml_fail_mark(reader, &event->start_mark, "nested too deeply");
        return;
    }
    node = node_new(reader, type, &event->start_mark, STR_EMPTY);
    if (node == NULL) {
        return;
    }
    place(reader, node);
    level = &reader->levels[reader->depth++];
    *level =
        (struct level){.container = node, .anchor = yaml_anchor_set(reader, anchor, node, true)};
    map_init(&level->keys);
}

static void on_end(struct yaml_reading *reader)
{
    struct level *level = top(reader);

    CHECK(level != NULL); /* libyaml balances starts and ends */
    if (level->merges) {
        yaml_apply_merge(reader, level);
    }
    if (level->anchor != NULL) {
        level->anchor->open = false;
    }
    map_done(&level->keys);
    reader->depth--;
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
    map_done(&reader->anchors);
    map_init(&reader->anchors);
    if (reader->out->n_documents > reader->budget.max_documents) {
        yaml_fail_mark(reader, &event->start_mark, "too many documents in one stream");
    }
}

static void on_document_start(struct yaml_reading *reader, const yaml_event_t *event)
{
    const yaml_version_directive_t *version = event->data.document_start.version_directive;

    if (version != NULL && version->major != 1) {
        yaml_fail_mark(reader, &event->start_mark, "only YAML 1.x is understood");
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

/* Gives libyaml its input. Fails if libyaml reads too far without an event: a long text or comment, empty lines. */
static int give(void *context, unsigned char *bytes, size_t size, size_t *out_len)
{
    struct yaml_reading *reader = context;
    struct str piece = str_sub(reader->text, reader->given, size);

    reader->too_long = reader->given - reader->given_at_event > EVENT_MAX_BYTES;
    if (reader->too_long) {
        return 0;
    }
    mem_copy(bytes, piece.ptr, piece.len);
    reader->given += piece.len;
    *out_len = piece.len;
    return 1;
}

/* Reads up to `n` events, or about PIECE_MAX_BYTES. True: there are no more events, or one was wrong. */
static bool read_events(struct yaml_reading *reader, size_t n)
{
    size_t end = reader->given + PIECE_MAX_BYTES;
    bool more = true;

    while (more && n > 0 && reader->given < end && !reader->failed) {
        yaml_event_t event;

        if (yaml_parser_parse(&reader->parser, &event) == 0) {
            yaml_fail_parser(reader);
            return true;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        reader->given_at_event = reader->given;
        reader->event_end = event.end_mark;
        on_event(reader, &event);
        yaml_event_delete(&event);
        n--;
    }
    return !more || reader->failed;
}

/* ---- all ---- */

struct yaml_reading *yaml_begin(struct arena *texts, struct arena *nodes, struct str text,
                                const struct node_limits *limits, struct node_stream *out,
                                struct error_list *errors)
{
    struct yaml_reading *reader = mem_zalloc(sizeof(*reader));
    struct yaml_slip slip;
    enum error_code code;

    reader->arena = texts;
    reader->nodes = nodes;
    reader->text = yaml_without_marks(texts, text);
    reader->errors = errors;
    reader->n_errors_before = errors->n;
    reader->out = out;
    *out = (struct node_stream){0};
    node_budget_init(&reader->budget, limits);
    map_init(&reader->anchors);
    code = yaml_text_check(reader->text, &slip);
    if (code != ERR_OK) {
        yaml_fail(reader, code, slip.line, slip.column, "%s", slip.what);
    } else {
        CHECK(yaml_parser_initialize(&reader->parser) == 1);
        reader->has_parser = true;
        yaml_parser_set_input(&reader->parser, give, reader);
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
    struct yaml_reading *reader = yaml_begin(arena, arena, text, limits, out, errors);

    while (!yaml_go_on(reader, SIZE_MAX)) {
    }
    return yaml_end(reader);
}
