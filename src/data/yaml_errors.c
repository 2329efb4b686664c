/* Errors of a YAML text, each with its place and what to do. */
#include <stdarg.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "yaml_internal.h"

enum { WHAT_MAX = 512 };

void yaml_fail(struct yaml_reading *reader, enum error_code code, unsigned line, unsigned column,
               const char *format, ...)
{
    struct buf what;
    va_list args;

    if (!reader->failed) {
        buf_init(&what, WHAT_MAX);
        va_start(args, format);
        buf_vprintf(&what, format, args);
        va_end(args);
        (void)error_in(error_list_add(reader->errors), code, line, column, "line %u, column %u: %s",
                       line, column, buf_cstr(&what));
        buf_done(&what);
    }
    reader->failed = true;
}

void yaml_fail_mark(struct yaml_reading *reader, const yaml_mark_t *mark, const char *what)
{
    yaml_fail(reader, ERR_BAD_YAML, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s",
              what);
}

void yaml_quoted_seen(struct yaml_reading *reader, const yaml_event_t *event)
{
    struct yaml_quoted *quoted = &reader->quoted;
    struct yaml_slip slip;

    quoted->end += utf8_offset(str_sub(reader->text, quoted->end, reader->text.len),
                               event->end_mark.index - quoted->end_index);
    quoted->end_index = event->end_mark.index;
    quoted->line = (unsigned)event->start_mark.line + 1;
    quoted->column = (unsigned)event->start_mark.column + 1;
    quoted->end_line = (unsigned)event->end_mark.line + 1;
    quoted->end_column = (unsigned)event->end_mark.column + 1;
    if (yaml_slip_hash(reader->text, quoted, &slip)) {
        yaml_fail(reader, ERR_BAD_YAML, slip.line, slip.column, "%s%s", slip.what, slip.hint);
    }
}

void yaml_fail_parser(struct yaml_reading *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "this YAML cannot be read";
    struct yaml_complaint complaint;
    struct yaml_slip slip;

    if (reader->too_long) {
        yaml_fail_mark(
            reader, &reader->event_end,
            "here begins a text, a comment or a run of empty lines of more than 64 KiB; shorten it");
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        unsigned line = 1;
        unsigned column = 1;

        for (size_t i = 0; i < parser->problem_offset && i < reader->text.len; i++) {
            column = reader->text.ptr[i] == '\n' ? 1 : column + 1;
            line += reader->text.ptr[i] == '\n' ? 1 : 0;
        }
        yaml_fail(reader, ERR_BAD_YAML, line, column, "%s", problem);
        return;
    }
    complaint = (struct yaml_complaint){
        .problem = problem,
        .context = str_from(parser->context),
        .context_line = parser->context != NULL ? (unsigned)parser->context_mark.line + 1 : 0,
        .context_column = (unsigned)parser->context_mark.column + 1,
        .line = (unsigned)parser->problem_mark.line + 1,
        .column = (unsigned)parser->problem_mark.column + 1,
        .quoted = &reader->quoted,
    };
    yaml_slip_find(reader->text, &complaint, &slip);
    yaml_fail(reader, ERR_BAD_YAML, slip.line, slip.column, "%s%s",
              slip.what != NULL ? slip.what : problem, slip.hint);
}
