/* Second stage of test files: text to a tree with places. Held: within the limits, every node has a
 * line and a column inside the text, children are counted, maps have no name twice, and a tree of
 * plain texts written as YAML reads back as the same tree. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/utf8.h"
#include "data/json.h"
#include "data/node.h"

enum { MAX_INPUT = 65536, MAX_NODES = 10000, MAX_DEPTH = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '\n' || text.ptr[i] == '\r' ? 1 : 0;
    }
    return n + text.len; /* NEL, LS and PS end lines too */
}

static void check_place(const struct node *node, size_t depth, size_t n_lines)
{
    CHECK(depth <= MAX_DEPTH + 1);
    CHECK(node->line >= 1 && node->line <= n_lines && node->column >= 1);
    CHECK(node->type != NODE_SCALAR || node->first == NULL);
}

static void check_member(const struct node *map, const struct node *child)
{
    if (map->type == NODE_MAP) {
        CHECK(child->key_line >= 1 && node_get_str(map, child->key) == child);
    }
}

static size_t check_node(const struct node *node, size_t depth, size_t n_lines)
{
    size_t n = 1;
    size_t n_children = 0;

    check_place(node, depth, n_lines);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        n_children++;
        check_member(node, child);
        n += check_node(child, depth + 1, n_lines);
    }
    CHECK(n_children == node->n_children);
    return n;
}

/* JSON may hold what the YAML reader refuses everywhere, escaped too. */
static bool has_control(struct str text)
{
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);

        if ((point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point < 0xA0) ||
            (point & 0xFFFE) == 0xFFFE) {
            return true;
        }
    }
    return false;
}

/* Writing one scalar and reading it gives the same text. */
static void check_scalar(struct arena *arena, struct str text)
{
    struct node_stream stream = {0};
    struct error_list errors;
    struct buf out;

    buf_init(&out, (size_t)16 * MAX_INPUT);
    yaml_write_scalar(&out, text);
    buf_char(&out, '\n');
    error_list_init(&errors);
    CHECK(yaml_parse(arena, buf_view(&out), NULL, &stream, &errors) == ERR_OK);
    CHECK(stream.n_documents == 1 && str_eq(stream.documents->text, text));
    error_list_done(&errors);
    buf_done(&out);
}

static void check_stream(struct arena *arena, const struct node_stream *stream, size_t n_lines)
{
    size_t n = 0;

    for (const struct node *node = stream->documents; node != NULL; node = node->next) {
        n += check_node(node, 0, n_lines);
        (void)node_to_json(arena, node);
        if (node->type == NODE_SCALAR && node->text.len > 0 && !has_control(node->text)) {
            check_scalar(arena, node->text);
        }
    }
    CHECK(n <= (size_t)MAX_NODES + stream->n_documents);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};

    if (len > MAX_INPUT) {
        return 0;
    }
    for (int json = 0; json < 2; json++) {
        struct node_stream stream = {0};
        struct error_list errors;
        struct arena arena;
        enum error_code code;

        arena_init(&arena);
        error_list_init(&errors);
        code = json != 0 ? json_parse_nodes(&arena, &arena, text, NULL, &stream, &errors)
                         : yaml_parse(&arena, text, NULL, &stream, &errors);
        CHECK((code == ERR_OK) == (errors.n == 0));
        if (code == ERR_OK) {
            check_stream(&arena, &stream, count_lines(text));
        }
        error_list_done(&errors);
        arena_done(&arena);
    }
    return 0;
}
