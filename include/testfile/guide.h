/* What the program says about test files: the guide (GUIDE.md) as the body of a page or as a manual
 * page, and the JSON Schema for editors, which is made from the tables that compile test files. Pure. */
#ifndef TESTFILE_GUIDE_H
#define TESTFILE_GUIDE_H

#include "base/buf.h"
#include "base/str.h"

struct dictionary;

enum guide_format { GUIDE_HTML, GUIDE_MAN };

/* The guide with its tables of verbs and sentences. HTML: the content of a page, without its frame and
 * without the first heading; all text is escaped. MAN: a whole page of section 5. */
void testfile_guide(struct buf *out, enum guide_format format);
/* Any text in the guide's small part of Markdown: headings, paragraphs, lists with -, fences, tables,
 * `code`, **bold** and [links](url). */
void guide_render(struct buf *out, struct str markdown, enum guide_format format);

/* JSON Schema (draft-07, which editors know best) of a test file. */
void testfile_schema(struct dictionary *dictionary, struct buf *out);

#endif
