/* Text from files and from the network on its way to a terminal or into a report. Every character
 * that could act there instead of being shown is written visibly: control, bidi and zero-width
 * characters as \uXXXX, and characters that mean something in the format with the format's own
 * escapes. Invalid UTF-8 becomes U+FFFD. */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include "base/buf.h"
#include "base/json_form.h"
#include "base/str.h"

typedef void (*escape_fn)(struct buf *out, struct str text);

/* Fills the holes of a form: %e a text, escaped; %s a text of this program, as it is; %i a whole number.
 * A part in braces has one hole. The part is left out if the value of the hole is empty or 0:
 *   escape_form(out, escape_xml, "<li>%e{ <b>line %i</b>}</li>", text, line);
 * The values and the holes must agree in number and kind (CHECKed). 12 values at most. */
#define escape_form(out, escape, form, ...)                                                        \
    escape_form_with(out, escape, form, JW_VALUES(__VA_ARGS__),                                    \
                     sizeof(JW_VALUES(__VA_ARGS__)) / sizeof(struct jw_value))
void escape_form_with(struct buf *out, escape_fn escape, const char *form,
                      const struct jw_value *values, size_t n);

void escape_terminal(struct buf *out, struct str text); /* one line: a newline shows as \n */
/* Text and attribute values of XML 1.0 and HTML: line ends and tabs survive as references. */
void escape_xml(struct buf *out, struct str text);
/* GitHub's markdown, within one line (a table cell): all punctuation loses its meaning. */
void escape_markdown(struct buf *out, struct str text);
/* A property of one of GitHub's workflow commands, and the message (`::error file=PROPERTY::MESSAGE`);
 * GitHub decodes fewer escapes in a message, so fewer characters are escaped there. */
void escape_workflow(struct buf *out, struct str text);
void escape_workflow_message(struct buf *out, struct str text);
/* JSON text for a terminal: unsafe characters that json_writer leaves as they are become \uXXXX too. */
void escape_json(struct buf *out, struct str json);

/* Columns that a terminal gives to the text (wide characters count 2), and the longest prefix of at
 * most `columns`; for text that went through escape_terminal. */
size_t text_columns(struct str text);
struct str text_clip_columns(struct str text, size_t columns);

#endif
