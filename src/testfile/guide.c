/* The guide: the text of GUIDE.md. unit.testfile compares its tables of verbs and sentences with the tables that
 * compile test files. A small part of Markdown becomes HTML or a manual page by one table of marks; only how a text is
 * escaped differs. */
#include "testfile/guide.h"
#include "base/markup.h"

enum mark {
    HEADING,
    SUBHEADING,
    PARAGRAPH,
    LIST,
    ITEM,
    FENCE,
    TABLE,
    ROW,
    CELL_FIRST,
    CELL,
    CODE,
    BOLD,
    N_MARKS
};

/* clang-format off */
static const struct {
    const char *begin;
    const char *end;
} marks[N_MARKS][2] = {
    /*               GUIDE_HTML                  GUIDE_MAN */
    [HEADING] =    {{"<h2>", "</h2>\n"},         {".SH \"", "\"\n"}},
    [SUBHEADING] = {{"<h3>", "</h3>\n"},         {".SS \"", "\"\n"}},
    [PARAGRAPH] =  {{"<p>", "</p>\n"},           {".PP\n", "\n"}},
    [LIST] =       {{"<ul>\n", "</ul>\n"},       {"", ""}},
    [ITEM] =       {{"<li>", "</li>\n"},         {".IP \\(bu 2\n", "\n"}},
    [FENCE] =      {{"<pre>", "</pre>\n"},       {".PP\n.nf\n.RS 4\n", ".RE\n.fi\n"}},
    [TABLE] =      {{"<table>\n", "</table>\n"}, {"", ""}},
    [ROW] =        {{"<tr>", "</tr>\n"},         {".TP\n", "\n"}},
    [CELL_FIRST] = {{"<td>", "</td>"},           {"", "\n"}},
    [CELL] =       {{"<td>", "</td>"},           {"", "  "}},
    [CODE] =       {{"<code>", "</code>"},       {"\\fB", "\\fR"}},
    [BOLD] =       {{"<strong>", "</strong>"},   {"\\fB", "\\fR"}},
};

/* clang-format on */

struct renderer {
    struct buf *out;
    enum guide_format format;
    enum mark open; /* PARAGRAPH, ITEM, TABLE or FENCE; N_MARKS: none */
    bool in_list;
};

static void begin(struct renderer *r, enum mark mark)
{
    buf_text(r->out, marks[mark][r->format].begin);
}

static void end(struct renderer *r, enum mark mark)
{
    buf_text(r->out, marks[mark][r->format].end);
}

/* Writes a character as roff text: at the beginning of a line it begins no request, and - stays a minus. */
static void put_roff(struct buf *out, char c)
{
    bool begins_line = out->len == 0 || out->ptr[out->len - 1] == '\n';

    if (begins_line && (c == '.' || c == '\'')) {
        buf_text(out, "\\&");
    }
    if (c == '\\' || c == '-') {
        buf_text(out, c == '-' ? "\\-" : "\\e");
    } else if (c == '"') {
        buf_text(out, "\\(dq"); /* safe in the argument of a heading, too */
    } else {
        buf_char(out, c);
    }
}

static void put_text(struct renderer *r, struct str text)
{
    if (r->format == GUIDE_HTML) {
        markup_text(r->out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        put_roff(r->out, text.ptr[i]);
    }
}

/* ---- within a line ---- */

/* Takes the text before `mark` into *out; *rest then begins behind the mark. False: there is no mark. */
static bool take_until(struct str *rest, const char *mark, struct str *out)
{
    ptrdiff_t at = str_find(*rest, str_from(mark));

    if (at < 0) {
        return false;
    }
    *out = str_sub(*rest, 0, (size_t)at);
    *rest = str_sub(*rest, (size_t)at + str_from(mark).len, rest->len);
    return true;
}

/* ../ROOM/GUIDE.md, the guide of another room in the tree, is the page ROOM beside this one. */
static struct str page_of(struct str url)
{
    struct str up = STR("../");
    struct str name = STR("/GUIDE.md");

    if (url.len <= up.len + name.len || !str_starts(url, up) || !str_ends(url, name)) {
        return url;
    }
    return str_sub(url, up.len, url.len - up.len - name.len);
}

static bool put_inline(struct renderer *r, struct str *rest)
{
    struct str after = str_sub(*rest, 1, rest->len);
    struct str text;
    struct str url;

    if (rest->ptr[0] == '`' && take_until(&after, "`", &text)) {
        begin(r, CODE);
        put_text(r, text);
        end(r, CODE);
    } else if (str_starts(after, STR("*")) && rest->ptr[0] == '*' &&
               take_until(&(struct str){after.ptr + 1, after.len - 1}, "**", &text)) {
        begin(r, BOLD);
        put_text(r, text);
        end(r, BOLD);
        after = str_sub(after, text.len + 3, after.len);
    } else if (rest->ptr[0] == '[' && take_until(&after, "](", &text) &&
               take_until(&after, ")", &url)) {
        bool html = r->format == GUIDE_HTML;

        buf_text(r->out, html ? "<a href=\"" : "");
        put_text(r, html ? page_of(url) : text);
        buf_text(r->out, html ? "\">" : " (");
        put_text(r, html ? text : url);
        buf_text(r->out, html ? "</a>" : ")");
    } else {
        return false;
    }
    *rest = after;
    return true;
}

static void put_line(struct renderer *r, struct str text)
{
    while (text.len > 0) {
        if (!put_inline(r, &text)) {
            put_text(r, str_sub(text, 0, 1));
            text = str_sub(text, 1, text.len);
        }
    }
}

/* ---- blocks ---- */

static void open_block(struct renderer *r, enum mark mark)
{
    begin(r, mark);
    r->open = mark;
}

static void close_blocks(struct renderer *r, bool list_too)
{
    if (r->open != N_MARKS) {
        end(r, r->open);
        r->open = N_MARKS;
    }
    if (r->in_list && list_too) {
        end(r, LIST);
        r->in_list = false;
    }
}

/* A | in a cell is written \|. */
static bool next_cell(struct str *rest, struct str *out)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->ptr[i] == '|' && (i == 0 || rest->ptr[i - 1] != '\\')) {
            *out = str_trim(str_sub(*rest, 0, i));
            *rest = str_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    return false;
}

static void put_cell(struct renderer *r, struct str cell)
{
    struct buf plain;

    buf_init(&plain, cell.len + 1);
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] != '\\' || i + 1 == cell.len || cell.ptr[i + 1] != '|') {
            buf_char(&plain, cell.ptr[i]);
        }
    }
    put_line(r, buf_view(&plain));
    buf_done(&plain);
}

static void put_row(struct renderer *r, struct str line)
{
    struct str rest = str_sub(line, 1, line.len);
    struct str cell;
    bool first = true;

    if (str_starts(line, STR("|---"))) {
        return;
    }
    if (r->open != TABLE) {
        close_blocks(r, true);
        open_block(r, TABLE);
        if (r->format == GUIDE_MAN) { /* a manual page shows no heads of columns */
            return;
        }
    }
    begin(r, ROW);
    while (next_cell(&rest, &cell)) {
        if (first && cell.len == 0 && r->format == GUIDE_MAN) { /* a paragraph needs a term */
            continue;
        }
        begin(r, first ? CELL_FIRST : CELL);
        put_cell(r, cell);
        end(r, first ? CELL_FIRST : CELL);
        first = false;
    }
    end(r, ROW);
}

static void put_heading(struct renderer *r, struct str line)
{
    bool sub = str_starts(line, STR("### "));

    close_blocks(r, true);
    begin(r, sub ? SUBHEADING : HEADING);
    put_line(r, str_trim(str_sub(line, sub ? 4 : 3, line.len)));
    end(r, sub ? SUBHEADING : HEADING);
}

static void put_item(struct renderer *r, struct str line)
{
    close_blocks(r, false);
    if (!r->in_list) {
        begin(r, LIST);
        r->in_list = true;
    }
    open_block(r, ITEM);
    put_line(r, str_sub(line, 2, line.len));
}

static void put_plain(struct renderer *r, struct str line)
{
    if (r->open == PARAGRAPH || r->open == ITEM) {
        buf_char(r->out, '\n');
    } else {
        close_blocks(r, true);
        open_block(r, PARAGRAPH);
    }
    put_line(r, str_trim(line));
}

static void put_block_line(struct renderer *r, struct str line)
{
    if (str_starts(line, STR("```"))) {
        close_blocks(r, true);
        open_block(r, FENCE);
    } else if (str_trim(line).len == 0 || str_starts(line, STR("<!--"))) {
        close_blocks(r, true);
    } else if (str_starts(line, STR("#"))) {
        put_heading(r, line);
    } else if (str_starts(line, STR("|"))) {
        put_row(r, line);
    } else if (str_starts(line, STR("- "))) {
        put_item(r, line);
    } else {
        put_plain(r, line);
    }
}

void guide_render(struct buf *out, struct str markdown, enum guide_format format)
{
    struct renderer r = {.out = out, .format = format, .open = N_MARKS};
    struct str line;

    while (markdown.len > 0) {
        (void)str_cut(markdown, '\n', &line, &markdown);
        if (r.open != FENCE) {
            put_block_line(&r, line);
        } else if (str_starts(line, STR("```"))) {
            close_blocks(&r, true);
        } else {
            put_text(&r, line);
            buf_char(out, '\n');
        }
    }
    close_blocks(&r, true);
}

extern const char testfile_guide_start[], testfile_guide_end[];

static const char man_head[] =
    ".TH VIRTUOSO\\-PROXY\\-TESTFILE 5 \"\" \"virtuoso\\-proxy\" \"File Formats\"\n"
    ".SH NAME\nvirtuoso\\-proxy\\-testfile \\- test files of virtuoso\\-proxy\n.SH DESCRIPTION\n";

void testfile_guide(struct buf *out, enum guide_format format)
{
    struct str text = str_range(testfile_guide_start, testfile_guide_end);
    struct str heading;

    (void)str_cut(text, '\n', &heading, &text); /* pages have a title of their own */
    buf_text(out, format == GUIDE_MAN ? man_head : "");
    guide_render(out, text, format);
}
