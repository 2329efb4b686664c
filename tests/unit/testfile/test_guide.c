/* The guide and the schema are what the tables say. VP_BLESS=1 writes the tables of GUIDE.md anew. */
#include "fixture.h"

#include "base/check.h"
#include "data/json.h"
#include "harness/words.h"
#include "testfile/guide.h"
#include "testfile/sentence.h"
#include "testfile/testfile_internal.h"

static const char path[] = VP_GOLDEN_DIR "/../../src/testfile/GUIDE.md";

enum { EXAMPLES_MAX = 96 };

/* ---- verbs ---- */

/* Rows that begin with the same word stand together, whatever other words they have. */
static struct str first_word(const char *verbs)
{
    struct str head;
    struct str tail;

    (void)str_cut(str_from(verbs), ' ', &head, &tail);
    return head;
}

static bool is_told(const char *const *told, size_t n, const char *example)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(str_from(told[i]), example)) {
            return true;
        }
    }
    return false;
}

static void put_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|') {
            buf_char(out, '\\');
        }
        buf_char(out, text.ptr[i]);
    }
}

/* All words of a verb: those of every row that holds its first word. */
static void put_words(struct buf *out, size_t from, struct str word)
{
    struct str rest = str_from(verb_rows[from].verbs);
    struct str one;
    const char *before = "";

    for (size_t i = from; i < n_verb_rows; i++) { /* the longest list has them all */
        if (str_eq(first_word(verb_rows[i].verbs), word) &&
            str_from(verb_rows[i].verbs).len > rest.len) {
            rest = str_from(verb_rows[i].verbs);
        }
    }
    while (str_next(&rest, ' ', &one)) {
        buf_printf(out, "%s`%.*s`", before, STR_ARG(one));
        before = " ";
    }
}

static void put_forms(struct buf *out, size_t from, struct str word, const char **told,
                      size_t *n_told)
{
    bool begun = false;

    for (size_t i = from; i < n_verb_rows; i++) {
        const struct verb_row *row = &verb_rows[i];

        if (row->command == NULL || !str_eq(first_word(row->verbs), word) ||
            is_told(told, *n_told, row->example)) {
            continue;
        }
        CHECK(*n_told < EXAMPLES_MAX);
        told[(*n_told)++] = row->example;
        buf_text(out, "| ");
        if (!begun) {
            put_words(out, from, word);
        }
        buf_text(out, " | `");
        put_cell(out, str_from(row->example));
        buf_text(out, "` | `");
        for (struct str rest = str_from(row->command), one; str_next(&rest, ';', &one);) {
            put_cell(out, one);
            buf_text(out, rest.len > 0 ? "`, `" : "");
        }
        buf_text(out, "` |\n");
        begun = true;
    }
}

static void guide_verbs(struct buf *out)
{
    buf_text(out, "| verb | form | command |\n|---|---|---|\n");
    for (size_t i = 0; i < n_verb_rows; i++) {
        struct str word = first_word(verb_rows[i].verbs);
        const char *told[EXAMPLES_MAX];
        size_t n_told = 0;
        bool is_first = true;

        for (size_t k = 0; k < i && is_first; k++) {
            is_first = !str_eq(first_word(verb_rows[k].verbs), word);
        }
        if (is_first) {
            put_forms(out, i, word, told, &n_told);
        }
    }
}

/* ---- sentences ---- */

/* {noun} and {kind} are how the pattern leaves out what an element is called. */
static void put_pattern(struct buf *out, struct str pattern)
{
    struct str item;
    struct str rest;
    const char *before = "";

    while (str_next(&pattern, ' ', &item)) {
        if (str_is(item, "[{noun}]") || str_is(item, "[{kind}]")) {
            continue;
        }
        buf_text(out, before);
        (void)str_cut(item, '!', &item, &rest);
        put_cell(out, item);
        buf_text(out, rest.len > 0 ? "]" : "");
        before = " ";
    }
}

static void guide_sentences(struct buf *out)
{
    buf_text(out, "| sentence | command |\n|---|---|\n");
    for (size_t i = 0; i < n_sentence_rows; i++) {
        struct str commands = str_from(sentence_rows[i].command);
        struct str command;
        struct str others;

        (void)str_cut(commands, ';', &command, &others);
        buf_text(out, "| `");
        put_pattern(out, str_from(sentence_rows[i].pattern));
        buf_printf(out, "` | `%.*s`%s |\n", STR_ARG(command), others.len > 0 ? " ..." : "");
    }
}

/* ---- the tests ---- */

/* The text with a new table between <!-- NAME:begin --> and <!-- NAME:end -->. */
static struct str with_table(struct arena *arena, struct str text, const char *name,
                             void (*write)(struct buf *out))
{
    struct str begin = arena_printf(arena, "<!-- %s:begin -->\n", name);
    struct str end = arena_printf(arena, "<!-- %s:end -->", name);
    ptrdiff_t from = str_find(text, begin);
    ptrdiff_t to = str_find(text, end);
    struct buf out;
    struct str whole;

    assert_true(from > 0 && to > from);
    buf_init(&out, (size_t)1024 * 1024);
    buf_str(&out, str_sub(text, 0, (size_t)from + begin.len));
    write(&out);
    buf_str(&out, str_sub(text, (size_t)to, text.len));
    assert_true(buf_ok(&out));
    whole = arena_str(arena, buf_view(&out));
    buf_done(&out);
    return whole;
}

static void the_tables_of_the_guide_are_those_that_compile(void **state)
{
    struct arena arena;
    struct str text;
    struct str wanted;

    (void)state;
    arena_init(&arena);
    text = read_whole(&arena, path);
    wanted = with_table(&arena, text, "verbs", guide_verbs);
    wanted = with_table(&arena, wanted, "sentences", guide_sentences);
    for (size_t i = 0; i < wanted.len; i++) { /* troff reads nothing else without being told */
        assert_true((unsigned char)wanted.ptr[i] < 0x80);
    }
    if (getenv("VP_BLESS") != NULL) {
        FILE *file = fopen(path, "wb");

        assert_non_null(file);
        assert_int_equal(fwrite(wanted.ptr, 1, wanted.len, file), wanted.len);
        (void)fclose(file);
    } else if (!str_eq(text, wanted)) {
        fail_msg("the tables of GUIDE.md are old; VP_BLESS=1 unit_testfile writes them anew");
    }
    arena_done(&arena);
}

/* The next fence of YAML; false: there is none. */
static bool next_example(struct str *rest, struct str *out)
{
    ptrdiff_t at = str_find(*rest, STR("```yaml\n"));
    ptrdiff_t end;

    if (at < 0) {
        return false;
    }
    *rest = str_sub(*rest, (size_t)at + 8, rest->len);
    end = str_find(*rest, STR("```"));
    assert_true(end > 0);
    *out = str_sub(*rest, 0, (size_t)end);
    *rest = str_sub(*rest, (size_t)end + 3, rest->len);
    return true;
}

/* Each example of the guide in a fence of YAML that holds steps is a test that compiles. */
static void the_examples_of_the_guide_compile(void **state)
{
    struct arena arena;
    struct str rest;
    struct str example;
    size_t n = 0;

    (void)state;
    arena_init(&arena);
    rest = read_whole(&arena, path);
    while (next_example(&rest, &example)) {
        struct compiled c;

        if (!str_contains(example, STR("steps:")) && !str_contains(example, STR("goals:"))) {
            continue;
        }
        compile_text(&c, arena_cstr(&arena, example));
        if (c.code != ERR_OK) {
            fail_msg("%.*s\n%.*s", STR_ARG(c.problems.items[0].detail), STR_ARG(example));
        }
        compiled_done(&c);
        n++;
    }
    assert_true(n >= 4);
    arena_done(&arena);
}

/* Each form in the table of verbs compiles to the command beside it. */
static void the_forms_of_the_guide_compile_to_their_commands(void **state)
{
    struct arena arena;
    struct str rest;
    struct str line;
    size_t n = 0;

    (void)state;
    arena_init(&arena);
    rest = read_whole(&arena, path);
    rest = str_sub(rest, (size_t)str_find(rest, STR("<!-- verbs:begin -->")), rest.len);
    rest = str_sub(rest, 0, (size_t)str_find(rest, STR("<!-- verbs:end -->")));
    while (str_next(&rest, '\n', &line)) {
        ptrdiff_t at = str_find(line, STR(" | `"));
        struct str form;
        struct compiled c;
        ptrdiff_t end;

        if (at < 0) {
            continue;
        }
        line = str_sub(line, (size_t)at + 4, line.len);
        end = str_find(line, STR("` | `"));
        assert_true(end > 0);
        form = str_sub(line, 0, (size_t)end);
        line = str_sub(line, (size_t)end + 5, line.len);
        form = str_starts(form, STR("stepType")) ? arena_printf(&arena, "{%.*s}", STR_ARG(form))
                                                 : form;
        compile_text(
            &c, arena_printf(
                    &arena, "starting_url: https://a.example\nsteps:\n  - click: Field\n  - %.*s\n",
                    STR_ARG(form))
                    .ptr);
        if (c.code != ERR_OK) {
            fail_msg("%.*s: %.*s", STR_ARG(form), STR_ARG(c.problems.items[0].detail));
        }
        if (!str_starts(line, str_from(c.file.tests[0].steps[1].command->words))) {
            fail_msg("%.*s makes %s", STR_ARG(form), c.file.tests[0].steps[1].command->words);
        }
        compiled_done(&c);
        n++;
    }
    assert_true(n > 60);
    arena_done(&arena);
}

static struct str rendered(struct arena *arena, const char *markdown, enum guide_format format)
{
    struct buf out;
    struct str text;

    buf_init(&out, 65536);
    guide_render(&out, str_from(markdown), format);
    text = arena_str(arena, buf_view(&out));
    buf_done(&out);
    return text;
}

static void markdown_becomes_html_and_roff(void **state)
{
    static const char text[] =
        "## A \"b\"\n\nOne `<x>` and\n**two** [here](/docs), [there](../room/GUIDE.md).\n\n- a\n- b\n  c\n\n"
        "| h | i |\n|---|---|\n| `a\\|b` | .c |\n\n```\n<pre> \\ -\n```\n";
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(rendered(&arena, text, GUIDE_HTML).ptr,
                        "<h2>A &quot;b&quot;</h2>\n"
                        "<p>One <code>&lt;x&gt;</code> and\n<strong>two</strong> <a "
                        "href=\"/docs\">here</a>, <a href=\"room\">there</a>.</p>\n"
                        "<ul>\n<li>a</li>\n<li>b\nc</li>\n</ul>\n"
                        "<table>\n<tr><td>h</td><td>i</td></tr>\n"
                        "<tr><td><code>a|b</code></td><td>.c</td></tr>\n</table>\n"
                        "<pre>&lt;pre&gt; \\ -\n</pre>\n");
    assert_string_equal(
        rendered(&arena, text, GUIDE_MAN).ptr,
        ".SH \"A \\(dqb\\(dq\"\n"
        ".PP\nOne \\fB<x>\\fR and\n\\fBtwo\\fR here (/docs), there (../room/GUIDE.md).\n"
        ".IP \\(bu 2\na\n.IP \\(bu 2\nb\nc\n"
        ".TP\n\\fBa|b\\fR\n\\&.c  \n"
        ".PP\n.nf\n.RS 4\n<pre> \\e \\-\n.RE\n.fi\n");
    arena_done(&arena);
}

int test_guide(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_the_guide_are_those_that_compile),
        cmocka_unit_test(the_examples_of_the_guide_compile),
        cmocka_unit_test(the_forms_of_the_guide_compile_to_their_commands),
        cmocka_unit_test(markdown_becomes_html_and_roff),
    };

    return cmocka_run_group_tests_name("testfile: guide", tests, NULL, NULL);
}
