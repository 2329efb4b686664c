/* libyaml often reports an error only in the line after the wrong one, in words of its grammar. Each row of
 * the table below recognises one kind of slip by the look of its line. */
#include "yaml_slip.h"

#include "base/utf8.h"
#include "data/node.h"

/* Byte offset of the slip in the line; -1: the line has none of this kind. */
typedef ptrdiff_t (*slip_fn)(struct str line);

static size_t indentation(struct str line)
{
    size_t at = 0;

    while (at < line.len && line.ptr[at] == ' ') {
        at++;
    }
    return at;
}

static ptrdiff_t tab_in_indentation(struct str line)
{
    size_t at = indentation(line);

    return at < line.len && line.ptr[at] == '\t' ? (ptrdiff_t)at : -1;
}

static ptrdiff_t no_break_space(struct str line)
{
    return str_find(line, STR("\xC2\xA0"));
}

bool yaml_begins_with_dash(struct str text)
{
    return str_starts(text, STR("\xE2\x80\x93")) || str_starts(text, STR("\xE2\x80\x94")) ||
           str_starts(text, STR("\xE2\x80\xA2")) || str_starts(text, STR("\xE2\x88\x92")) ||
           str_starts(text, STR("-\xC2\xA0"));
}

static ptrdiff_t dash_of_typography(struct str line)
{
    size_t at = indentation(line);

    return yaml_begins_with_dash(str_sub(line, at, line.len)) ? (ptrdiff_t)at : -1;
}

static ptrdiff_t comment_in_braces(struct str line)
{
    ptrdiff_t brace = str_find_char(line, '{');
    ptrdiff_t hash = str_find(line, STR("{#"));

    if (hash >= 0) {
        return hash + 1;
    }
    hash = str_find(line, STR(" #"));
    return brace >= 0 && hash > brace ? hash + 1 : -1;
}

/* {input[type=search]: laptop} */
static ptrdiff_t bracket_in_braces(struct str line)
{
    ptrdiff_t brace = str_find_char(line, '{');

    for (size_t i = brace < 0 ? line.len : (size_t)brace + 1; i < line.len; i++) {
        if (line.ptr[i] == '[' && str_find_char(STR(" {[,:\"'"), line.ptr[i - 1]) < 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static ptrdiff_t first_of(struct str line, const char *const *needles, size_t n)
{
    ptrdiff_t first = -1;

    for (size_t i = 0; i < n; i++) {
        ptrdiff_t at = str_find(line, str_from(needles[i]));

        first = at >= 0 && (first < 0 || at < first) ? at : first;
    }
    return first;
}

static ptrdiff_t typographic_quote(struct str line)
{
    static const char *const quotes[] = {"\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\x98",
                                         "\xE2\x80\x9E"};

    return first_of(line, quotes, ARRAY_LEN(quotes));
}

static ptrdiff_t reserved_sign(struct str line)
{
    static const char *const signs[] = {": @", "- @", ": `", "- `", ": %", "- %"};
    ptrdiff_t at = first_of(line, signs, ARRAY_LEN(signs));

    return at < 0 ? -1 : at + 2;
}

static ptrdiff_t star_or_and(struct str line)
{
    static const char *const signs[] = {": *", "- *", ": &", "- &"};
    ptrdiff_t at = first_of(line, signs, ARRAY_LEN(signs));

    return at < 0 ? -1 : at + 2;
}

/* 'it's here': the second ' ends the text. */
static ptrdiff_t quote_in_quotes(struct str line)
{
    for (size_t i = 0; i < 2; i++) {
        const char *open = i == 0 ? ": '" : ": \"";
        ptrdiff_t from = str_find(line, str_from(open));
        struct str rest;
        ptrdiff_t end;

        if (from < 0) {
            continue;
        }
        rest = str_sub(line, (size_t)from + 3, line.len);
        end = str_find_char(rest, open[2]);
        if (end >= 0 && (size_t)end + 1 < rest.len &&
            str_find_char(STR(" ,}]\r\t:"), rest.ptr[end + 1]) < 0) {
            return from + 3 + end;
        }
    }
    return -1;
}

static ptrdiff_t colon_in_value(struct str line)
{
    struct str before;
    struct str rest = line;
    ptrdiff_t at;

    if (!str_cut(str_sub(line, indentation(line), line.len), ':', &before, &rest)) {
        return -1;
    }
    at = str_find(rest, STR(": "));
    if (str_find_char(before, '{') >= 0 || str_find_char(rest, '{') >= 0) {
        return -1; /* a map on one line may have several colons */
    }
    return at < 0 ? -1 : at + (rest.ptr - line.ptr);
}

static ptrdiff_t no_space_after_colon(struct str line)
{
    ptrdiff_t at = str_find_char(line, ':');

    return at >= 0 && !str_contains(line, STR(": ")) && !str_ends(str_trim(line), STR(":")) ? at
                                                                                            : -1;
}

/* The likeliest first. Add a slip by adding a row. */
static const struct {
    slip_fn find;
    const char *hint;
    const char *what; /* NULL: libyaml's message is good enough */
} slips[] = {
    {tab_in_indentation, "; indent with spaces, YAML does not take tabs",
     "a tab stands in the indentation"},
    {dash_of_typography, "; this is not a hyphen: begin an item of a list with \"- \"",
     "this is not an item of a list"},
    {comment_in_braces, "; a # there starts a comment: put what it belongs to in quotes"},
    {bracket_in_braces, "; a name that holds [ or { needs quotes between braces"},
    {no_break_space, "; this is a no-break space: write an ordinary space"},
    {typographic_quote, "; these are typographic quotes: use \" or '"},
    {reserved_sign, "; a value that begins with @, ` or % needs quotes"},
    {star_or_and, "; a value that begins with * or & needs quotes"},
    {quote_in_quotes, "; the quote ends here: use the other kind of quotes around the whole text",
     "the text goes on behind its quotes"},
    {colon_in_value, "; a value that holds \": \" needs quotes"},
    {no_space_after_colon, "; a space is missing after the colon"},
};

static struct str line_at(struct str text, unsigned line)
{
    struct str current = STR_EMPTY;

    while (line > 0 && text.len > 0) {
        (void)str_cut(text, '\n', &current, &text);
        line--;
    }
    return line == 0 ? current : STR_EMPTY;
}

static bool look_at(struct str text, unsigned number, struct yaml_slip *out)
{
    struct str line = line_at(text, number);

    for (size_t i = 0; number > 0 && i < ARRAY_LEN(slips); i++) {
        ptrdiff_t at = slips[i].find(line);

        if (at >= 0) {
            out->hint = slips[i].hint;
            out->what = slips[i].what != NULL ? slips[i].what : out->what;
            out->line = number;
            out->column = (unsigned)utf8_count(str_sub(line, 0, (size_t)at)) + 1;
            return true;
        }
    }
    return false;
}

/* Points to the begin of an unclosed brace: libyaml knows that place, but complains further below. */
static void not_closed(const struct yaml_complaint *complaint, struct yaml_slip *out)
{
    bool map = str_contains(complaint->context, STR("flow mapping"));

    out->line = complaint->context_line;
    out->column = complaint->context_column;
    out->what = map ? "this { is not closed" : "this [ is not closed";
    out->hint = map ? "; close it with }, or put text that begins with { in quotes"
                    : "; close it with ], or put text that begins with [ in quotes";
}

/* ---- quotes ---- */

static void quote_not_closed(unsigned line, unsigned column, struct yaml_slip *out)
{
    out->line = line;
    out->column = column;
    out->what = "this quote is not closed";
    out->hint = "; end the text with the same quote that it begins with";
}

/* Says what is wrong with a quoted text behind which more stands, `gap` blanks away. The quote that ends a text of
 * several lines is most often the one that should begin the next text. */
static void text_behind(struct str text, const struct yaml_quoted *quoted, size_t gap,
                        struct yaml_slip *out)
{
    bool is_opening = gap == 0 || str_find_char(STR(" \t"), text.ptr[quoted->end - 2]) >= 0;

    if (quoted->line < quoted->end_line && is_opening) {
        quote_not_closed(quoted->line, quoted->column, out);
        return;
    }
    out->line = quoted->end_line;
    out->column = quoted->end_column - 1;
    out->what = "the text goes on behind its quotes";
    out->hint = "; the quote ends here: use the other kind of quotes around the whole text";
}

/* True: libyaml complains about what stands behind a text in quotes, in the same line. */
static bool goes_on_behind(struct str text, const struct yaml_complaint *complaint, bool flow,
                           struct yaml_slip *out)
{
    const struct yaml_quoted *quoted = complaint->quoted;
    struct str rest = str_sub(text, quoted->end, text.len);
    struct str text_below;
    size_t gap = 0;
    unsigned column;

    if (quoted->line == 0 || complaint->line != quoted->end_line) {
        return false;
    }
    (void)str_cut(rest, '\n', &rest, &text_below);
    while (gap < rest.len && str_find_char(STR(" \t"), rest.ptr[gap]) >= 0) {
        gap++;
    }
    rest = str_sub(rest, gap, rest.len);
    column = quoted->end_column + (unsigned)gap;
    if (complaint->column != column &&
        (complaint->context_line != quoted->end_line || complaint->context_column != column)) {
        return false;
    }
    if (rest.len == 0 || str_starts(rest, STR(":")) || str_starts(rest, STR("\xc2\xa0")) ||
        (flow && gap > 0 &&
         (str_find_char(STR("\"'"), rest.ptr[0]) >= 0 || str_contains(rest, STR(": "))))) {
        return false; /* a key, a no-break space, or a comma is missing */
    }
    text_behind(text, quoted, gap, out);
    return true;
}

bool yaml_slip_hash(struct str text, const struct yaml_quoted *quoted, struct yaml_slip *out)
{
    if (quoted->end >= text.len || text.ptr[quoted->end] != '#') {
        return false;
    }
    text_behind(text, quoted, 0, out);
    if (quoted->line == quoted->end_line) {
        out->hint = "; the quote ends here: write a blank before the # if a comment begins there, "
                    "else use the other kind of quotes around the whole text";
    }
    return true;
}

/* libyaml's messages, and words for people who write test files. The columns stay those of libyaml. */
static const struct {
    const char *problem;
    const char *what;
    const char *hint;
} plain[] = {
    {"did not find expected node content", "no value can begin like this", ""},
    {"did not find expected key",
     "expected a key here, such as name:", "; is the line indented like those above it?"},
    {"did not find expected '-' indicator", "expected an item that begins with \"- \"",
     "; is the line indented like those above it?"},
    {"could not find expected ':'", "expected a colon after the key",
     "; write KEY: VALUE with a space after the colon"},
    {"did not find expected ',' or '}'", "expected a comma or } here", ""},
    {"did not find expected ',' or ']'", "expected a comma or ] here", ""},
    {"mapping values are not allowed in this context", "no key can stand here",
     "; is the line indented like those above it?"},
    {"mapping keys are not allowed in this context", "no key can stand here",
     "; is the line indented like those above it?"},
    {"block sequence entries are not allowed in this context", "no item of a list can stand here",
     "; begin it on a line of its own"},
    {"found character that cannot start any token", "no value can begin with this character", ""},
    {"found unknown escape character", "unknown escape between double quotes",
     "; write a backslash as \\\\, or put the text in single quotes"},
    {"did not find expected hexdecimal number",
     "\\x, \\u and \\U take a number between double quotes",
     "; write a backslash as \\\\, or put the text in single quotes"},
    {"did not find expected comment or line break", "| and > begin a text on the lines below",
     "; put a text that begins with | or > in quotes"},
    {"found a tab character where an indentation space is expected", "a tab stands here",
     "; indent with spaces, YAML does not take tabs"},
    {"found a tab character that violates indentation", "a tab stands here",
     "; indent with spaces, YAML does not take tabs"},
    {"did not find expected alphabetic or numeric character", "* and & begin an alias or anchor",
     ""},
    {"found incompatible YAML document", "only YAML 1.x is understood", ""},
    {"did not find expected <document start>", "something follows the end of the document",
     "; separate documents with ---"},
};

static void say_plainly(const char *problem, struct yaml_slip *out)
{
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (str_is(str_from(problem), plain[i].problem)) {
            out->what = plain[i].what;
            out->hint = plain[i].hint;
        }
    }
}

void yaml_slip_find(struct str text, const struct yaml_complaint *complaint, struct yaml_slip *out)
{
    bool flow = str_contains(complaint->context, STR("flow mapping")) ||
                str_contains(complaint->context, STR("flow sequence"));

    *out = (struct yaml_slip){.hint = "", .line = complaint->line, .column = complaint->column};
    say_plainly(complaint->problem, out);
    if (str_contains(complaint->context, STR("quoted scalar"))) {
        if (out->what == NULL && complaint->context_line > 0) {
            quote_not_closed(complaint->context_line, complaint->context_column, out);
        }
        return; /* a text in quotes may look like any slip */
    }
    if (goes_on_behind(text, complaint, flow, out)) {
        return;
    }
    if (str_contains(str_from(complaint->problem), STR("block sequence entries"))) {
        return;
    }
    if (flow && look_at(text, complaint->context_line, out)) {
        return;
    }
    if (look_at(text, complaint->line, out) ||
        (complaint->line > 1 && look_at(text, complaint->line - 1, out))) {
        return;
    }
    if (flow && complaint->context_line > 0 && complaint->context_line < complaint->line) {
        not_closed(complaint, out);
    }
}
