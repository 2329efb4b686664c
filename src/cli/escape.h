/* Text from files and from the network on its way to a terminal or into a report. Every character
 * that could act there instead of being shown is written visibly: control, bidi and zero-width
 * characters as \uXXXX, what the format gives a meaning by the format's own escapes. Invalid UTF-8
 * becomes U+FFFD. */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include "base/buf.h"
#include "base/str.h"

void escape_terminal(struct buf *out, struct str text); /* one line: a newline shows as \n */
/* Text and attribute values of XML 1.0 and HTML: line ends and tabs survive as references. */
void escape_xml(struct buf *out, struct str text);
/* GitHub's markdown, within one line (a table cell): all punctuation loses its meaning. */
void escape_markdown(struct buf *out, struct str text);
/* A property of one of GitHub's workflow commands, and the message (`::error file=PROPERTY::MESSAGE`);
 * GitHub turns back less in a message, so less is escaped there. */
void escape_workflow(struct buf *out, struct str text);
void escape_workflow_message(struct buf *out, struct str text);
/* JSON text as it may go to a terminal: what json_writer leaves as it is becomes \uXXXX too. */
void escape_json(struct buf *out, struct str json);

/* Columns that a terminal gives to the text (wide characters count 2), and the longest prefix of at
 * most `columns`; for text that went through escape_terminal. */
size_t text_columns(struct str text);
struct str text_clip_columns(struct str text, size_t columns);

#endif
