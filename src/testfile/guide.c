/* The guide: the text of GUIDE.md, whose tables of verbs and sentences are made from the tables that
 * compile test files. A test holds the file against them; VP_BLESS=1 writes them anew. */
#include "testfile/guide.h"

#include "base/check.h"
#include "map_internal.h"
#include "sentence.h"

extern const char testfile_guide_start[], testfile_guide_end[];

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

void testfile_guide_verbs(struct buf *out)
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

void testfile_guide_sentences(struct buf *out)
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

/* ---- the whole ---- */

static const char man_head[] =
    ".TH VIRTUOSO\\-PROXY\\-TESTFILE 5 \"\" \"virtuoso\\-proxy\" \"File Formats\"\n"
    ".SH NAME\nvirtuoso\\-proxy\\-testfile \\- test files of virtuoso\\-proxy\n.SH DESCRIPTION\n";

void testfile_guide(struct buf *out, enum guide_format format)
{
    struct str text = str_range(testfile_guide_start, testfile_guide_end);
    struct str heading;

    switch (format) {
    case GUIDE_MARKDOWN:
        buf_str(out, text);
        break;
    case GUIDE_HTML:
    case GUIDE_MAN: /* both have a title of their own */
        (void)str_cut(text, '\n', &heading, &text);
        buf_text(out, format == GUIDE_MAN ? man_head : "");
        guide_render(out, text, format);
        break;
    }
}
