/* YAML that means harm, or that people really write: each ends in bounded time with a tree or with
 * one clear error that has a place. */
#include <string.h>

#include "base/buf.h"
#include "data/node.h"
#include "harness/client.h"
#include "harness/cmocka.h"

struct parsed {
    struct arena arena;
    struct node_stream stream;
    struct error_list errors;
    enum error_code code;
};

static void parse_str(struct parsed *p, struct str text, const struct node_limits *limits)
{
    arena_init(&p->arena);
    error_list_init(&p->errors);
    p->code = yaml_parse(&p->arena, text, limits, &p->stream, &p->errors);
    assert_int_equal(p->code == ERR_OK, p->errors.n == 0);
    for (size_t i = 0; i < p->errors.n; i++) {
        assert_true(p->errors.items[i].line > 0);
        assert_true(p->errors.items[i].column > 0);
    }
}

static void parse(struct parsed *p, const char *text)
{
    parse_str(p, str_from(text), NULL);
}

static void parsed_done(struct parsed *p)
{
    error_list_done(&p->errors);
    arena_done(&p->arena);
}

static void check_refused(struct str text, const char *because)
{
    struct parsed p;

    parse_str(&p, text, NULL);
    assert_int_not_equal(p.code, ERR_OK);
    if (!str_contains(str_from(p.errors.items[0].text), str_from(because))) {
        fail_msg("\"%s\" does not say \"%s\"", p.errors.items[0].text, because);
    }
    parsed_done(&p);
}

static void hostile_texts_are_refused_and_told_why(void **state)
{
    (void)state;
    check_refused(STR("\xFF\xFEn\0a\0"), "UTF-16");
    check_refused(STR("\xFE\xFF\0n\0a"), "UTF-16");
    check_refused(STR("a: \"\xC3(\""), "not UTF-8");
    check_refused(STR("a: b\0c"), "NUL");
    check_refused(STR("a: \"\\0\""), "control character U+0000");
    check_refused(STR("a: \"x\\e[31m\""), "control character U+001B");
    check_refused(STR("a: 1\na: 2\n"), "twice");
    check_refused(STR("a: &a [*a]\n"), "inside its own anchor");
    check_refused(STR("a: &a {<<: *a}\n"), "inside its own anchor");
    check_refused(STR("a: *b\n"), "no anchor");
    check_refused(STR("? [a, b]\n: c\n"), "key must be plain text");
    check_refused(STR("a: !!binary aGk=\n"), "tags");
    check_refused(STR("a: !ruby/object:X {}\n"), "tags");
    check_refused(STR("b: &b x\na: {<<: *b}\n"), "merge");
    check_refused(STR("a:\n\t- b\n"), "spaces");
    check_refused(STR("a: {#b: c}\n"), "comment");
    check_refused(STR("a: @b\n"), "quotes");
    check_refused(STR("a: b: c\n"), "quotes");
}

/* libyaml says that it expected a key, an item or a comma where the slip is a quote. */
static void a_quote_that_is_not_closed_is_told_where_it_began(void **state)
{
    static const char not_closed[] = "this quote is not closed";
    static const char goes_on[] = "the text goes on behind its quotes";

    static const struct {
        const char *text;
        unsigned line;
        unsigned column;
        const char *what;
    } rows[] = {
        {"a:\n  - b: \"c\n  - b: \"d\"\n", 2, 8, not_closed},
        {"a:\n  - b: 'c\n  - b: 'd'\n", 2, 8, not_closed},
        {"a: \"b\nc: \"d\"\n", 1, 4, not_closed},
        {"a:\n- \"b \xC3\xA4\n- \"c\"\n", 2, 3, not_closed},
        {"- {a: \"b}\n- {a: \"c\"}\n", 1, 7, not_closed},
        {"- a: 'b\n# it's\n- a: c\n", 1, 6, not_closed},
        {"- a: \"b\n- a: \"@c\"\n", 1, 6, not_closed},
        {"- a: \"b\n- a: \"#c\"\n", 1, 6, not_closed},
        {"- a: \"b\n- a: \"{{c}}\"\n", 1, 6, not_closed},
        {"- a: \"b\n- a: \"- c\"\n", 1, 6, not_closed},
        {"- a: \"b\r\n\r\n- a: \"c\"\r\n", 1, 6, not_closed},
        {"- a: \"b\n  c\" d\n", 2, 4, goes_on},
        {"- a: \"b\" c\n", 1, 8, goes_on},
        {"- a: \"b\"c\n", 1, 8, goes_on},
        {"- a: \"\xC3\xA4\" c: d\n", 1, 8, goes_on},
        {"- a: \"b\", \"c\"\n", 1, 8, goes_on},
        {"- a: \"b\"#c\n", 1, 8, goes_on},
        {"- a: \"b\"#c\n", 1, 8, "write a blank before the #"},
        {"- a: \"b\"\xC2\xA0\n", 1, 9, "this is a no-break space"},
        {"- a: \"b\" \xC2\xA0\n", 1, 10, "this is a no-break space"},
        {"- \"b\" is c\n", 1, 5, goes_on},
        {"a:\n- \"b\" is c\n", 2, 5, goes_on},
        {"- {a: \"b\" c}\n", 1, 9, goes_on},
        {"- {a: \"b\" c: d}\n", 1, 11, "expected a comma or }"},
        {"- [\"a\" \"b\"]\n", 1, 8, "expected a comma or ]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct parsed p;

        parse(&p, rows[i].text);
        assert_int_not_equal(p.code, ERR_OK);
        if (p.errors.items[0].line != rows[i].line || p.errors.items[0].column != rows[i].column ||
            !str_contains(str_from(p.errors.items[0].text), str_from(rows[i].what))) {
            fail_msg("%s: %s", rows[i].text, p.errors.items[0].text);
        }
        parsed_done(&p);
    }
}

/* Texts of several lines, signs and comments behind quotes are as they were. */
static void quotes_that_are_closed_stay_what_they_are(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "a: \"b\n  c\" # d\ne: 'f' #\n\"g\" : {\"h\": \"\xC3\xA4\",'i':j}\n");
    assert_int_equal(p.code, ERR_OK);
    parsed_done(&p);
}

static void an_alias_bomb_ends_at_the_limit(void **state)
{
    static const struct node_limits limits = {.max_nodes = 400000, .max_copied = 10000};
    struct parsed p;
    struct buf text;

    (void)state;
    buf_init(&text, 65536);
    buf_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        buf_printf(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    parse_str(&p, buf_view(&text), &limits);
    assert_int_equal(p.code, ERR_TOO_BIG);
    assert_true(p.arena.used_bytes < (size_t)16 * 1024 * 1024);
    parsed_done(&p);
    buf_done(&text);
}

static void depth_ends_at_the_limit_in_both_styles(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)1024 * 1024);
    for (int i = 0; i < 5000; i++) {
        buf_char(&text, '[');
    }
    check_refused(buf_view(&text), "nested");
    buf_clear(&text);
    for (int i = 0; i < 5000; i++) {
        buf_text(&text, "- ");
    }
    check_refused(buf_view(&text), "nested");
    buf_done(&text);
}

/* `head`, then `unit` up to `bytes`, then `tail`. */
static void make_long(struct buf *text, const char *head, const char *unit, const char *tail,
                      size_t bytes)
{
    buf_init(text, bytes + 1024);
    buf_text(text, head);
    while (text->len < bytes) {
        buf_text(text, unit);
    }
    buf_text(text, tail);
}

/* libyaml reads them in one go, which would hold up a loop. */
static void what_takes_long_without_a_value_is_refused_early(void **state)
{
    static const struct {
        const char *head, *unit, *tail;
    } rows[] = {
        {"a: \"", "xxxxxxxx", "\"\n"},
        {"a: '", "''", "'\n"},
        {"a: \"", "\\u00e9", "\"\n"},
        {"a: \"x\n", "  x\n", "  \"\n"},
        {"a: |\n", "  xxxxxxxx\n", "b: c\n"},
        {"a: >\n", "  x\n\n", "b: c\n"},
        {"a: ", "xxxxxxxx", "\n"},
        {"a: x\n", "  xxxxxxx\n", "b: c\n"},
        {"a: b\n", "\n", "c: d\n"},
        {"a: b\n", "# xxxxxxxxxxxx\n", "c: d\n"},
        {"a:", "        ", "b\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;
        struct parsed p;

        make_long(&text, rows[i].head, rows[i].unit, rows[i].tail, (size_t)1024 * 1024);
        check_refused(buf_view(&text), "line 1, column ");
        check_refused(buf_view(&text), "of more than 64 KiB");
        buf_done(&text);
        make_long(&text, rows[i].head, rows[i].unit, rows[i].tail, (size_t)64 * 1024);
        parse_str(&p, buf_view(&text), NULL);
        assert_int_equal(p.code, ERR_OK);
        parsed_done(&p);
        buf_done(&text);
    }
}

static void many_long_texts_are_refused_by_their_size(void **state)
{
    struct buf text;

    (void)state;
    make_long(
        &text, "",
        "- xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
        "", (size_t)2 * 1024 * 1024);
    check_refused(buf_view(&text), "bytes of text");
    buf_done(&text);
}

static void a_hundred_thousand_keys_and_fifty_thousand_anchors_are_read(void **state)
{
    static const struct node_limits limits = {.max_nodes = 400000, .max_text_bytes = 1 << 22};
    struct parsed p;
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)8 * 1024 * 1024);
    for (int i = 0; i < 100000; i++) {
        buf_printf(&text, i % 2 == 0 ? "k%d: &a%d v\n" : "k%d: %d\n", i, i);
    }
    parse_str(&p, buf_view(&text), &limits);
    assert_int_equal(p.code, ERR_OK);
    assert_int_equal(p.stream.documents->n_children, 100000);
    parsed_done(&p);
    buf_done(&text);
}

static void marks_line_ends_and_indentation_do_not_matter(void **state)
{
    static const char *const texts[] = {"a: 1\nb:\n  - x\n",
                                        ("\xEF\xBB\xBF"
                                         "a: 1\nb:\n  - x\n"),
                                        "a: 1\r\nb:\r\n  - x\r\n", "a:      1\nb:\n- x\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct parsed p;
        const struct node *list;

        parse(&p, texts[i]);
        assert_int_equal(p.code, ERR_OK);
        assert_int_equal(p.stream.documents->line, 1);
        assert_true(str_is(node_get(p.stream.documents, "a")->text, "1"));
        list = node_get(p.stream.documents, "b");
        assert_int_equal(list->first->line, 3);
        assert_true(str_is(list->first->text, "x"));
        parsed_done(&p);
    }
}

static void aliases_are_copies_at_the_place_of_their_use(void **state)
{
    struct parsed p;
    const struct node *used;

    (void)state;
    parse(&p, "a: &x {k: v}\nb: *x\nc: {<<: *x, l: w}\n");
    assert_int_equal(p.code, ERR_OK);
    used = node_get(p.stream.documents, "b");
    assert_int_equal(used->line, 2);
    assert_int_equal(used->column, 4);
    assert_true(str_is(node_get(used, "k")->text, "v"));
    assert_true(str_is(node_get(node_get(p.stream.documents, "c"), "k")->text, "v"));
    assert_null(node_get(node_get(p.stream.documents, "c"), "<<"));
    parsed_done(&p);
}

static void scalars_keep_what_was_written(void **state)
{
    static const char *const words[] = {"0123", "yes", "1.0", "1e3", "0x1F", "null", "~", "50000"};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct parsed p;

        parse(&p, arena_printf(&arena, "a: %s\n", words[i]).ptr);
        assert_int_equal(p.code, ERR_OK);
        assert_true(str_is(node_get(p.stream.documents, "a")->text, words[i]));
        parsed_done(&p);
    }
    arena_done(&arena);
}

static void what_is_written_as_a_scalar_reads_back(void **state)
{
    static const char *const texts[] = {
        "",        "plain text", "yes", "0123",  "a: b", "#x",           "- a", "it's \"q\"",
        "a\nb\tc", " x ",        "@a",  "{{x}}", "b\\s", "\xE2\x80\xAE", "*a",  "\xE2\x80\xA8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct parsed p;
        struct buf out;

        buf_init(&out, 1024);
        buf_text(&out, "a: ");
        yaml_write_scalar(&out, str_from(texts[i]));
        buf_char(&out, '\n');
        parse_str(&p, buf_view(&out), NULL);
        assert_int_equal(p.code, ERR_OK);
        assert_true(str_is(node_get(p.stream.documents, "a")->text, texts[i]));
        parsed_done(&p);
        buf_done(&out);
    }
}

static void several_documents_keep_their_order(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "a: 1\n---\nb: 2\n---\n");
    assert_int_equal(p.code, ERR_OK);
    assert_int_equal(p.stream.n_documents, 3);
    assert_non_null(node_get(p.stream.documents->next, "b"));
    assert_true(p.stream.documents->next->next->is_null ||
                p.stream.documents->next->next->text.len == 0);
    parsed_done(&p);
}

int test_yaml(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_texts_are_refused_and_told_why),
        cmocka_unit_test(a_quote_that_is_not_closed_is_told_where_it_began),
        cmocka_unit_test(quotes_that_are_closed_stay_what_they_are),
        cmocka_unit_test(an_alias_bomb_ends_at_the_limit),
        cmocka_unit_test(depth_ends_at_the_limit_in_both_styles),
        cmocka_unit_test(what_takes_long_without_a_value_is_refused_early),
        cmocka_unit_test(many_long_texts_are_refused_by_their_size),
        cmocka_unit_test(a_hundred_thousand_keys_and_fifty_thousand_anchors_are_read),
        cmocka_unit_test(marks_line_ends_and_indentation_do_not_matter),
        cmocka_unit_test(aliases_are_copies_at_the_place_of_their_use),
        cmocka_unit_test(scalars_keep_what_was_written),
        cmocka_unit_test(what_is_written_as_a_scalar_reads_back),
        cmocka_unit_test(several_documents_keep_their_order),
    };

    return cmocka_run_group_tests_name("data: YAML", tests, NULL, NULL);
}
