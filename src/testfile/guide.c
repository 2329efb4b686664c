/* The guide: the text of GUIDE.md. Its tables of verbs and sentences are those of the tables that compile test files:
 * unit.testfile holds the file against them. */
#include "testfile/guide.h"

#include "base/str.h"

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
