/* Finds texts that libyaml would handle badly, before it sees them: other encodings (libyaml would decode
 * UTF-16), bytes that are not UTF-8 (its message has no line), and flow collections on one huge line (its
 * simple keys make it quadratic there). */
#include <string.h>

#include "base/utf8.h"
#include "yaml_slip.h"

enum { FLOW_LINE_MAX = 64 * 1024 };

/* Sets the slip with the line and the column, in characters, of the byte at `at`; returns `code`. */
static enum error_code wrong(struct yaml_slip *out, enum error_code code, struct str text,
                             size_t at, const char *what)
{
    const char *line = text.ptr;
    unsigned number = 1;

    for (const char *end; (end = memchr(line, '\n', (size_t)(text.ptr + at - line))) != NULL;) {
        line = end + 1;
        number++;
    }
    *out = (struct yaml_slip){.what = what,
                              .hint = "",
                              .line = number,
                              .column = (unsigned)utf8_count(str_range(line, text.ptr + at)) + 1};
    return code;
}

/* The begin of the first line that is longer than FLOW_LINE_MAX and has braces; text.len: there is none. A text may
 * have a million lines, so the search jumps over as many short lines at once as FLOW_LINE_MAX bytes hold. */
static size_t long_flow_line(struct str text)
{
    size_t at = 0;

    while (text.len - at > FLOW_LINE_MAX) {
        const char *end = memrchr(text.ptr + at, '\n', FLOW_LINE_MAX + 1);
        struct str line;
        struct str rest;

        if (end != NULL) {
            at = (size_t)(end - text.ptr) + 1;
            continue;
        }
        (void)str_cut(str_sub(text, at, text.len), '\n', &line, &rest);
        if (str_find_char(line, '{') >= 0 && str_find_char(line, ':') >= 0) {
            return at;
        }
        at = text.len - rest.len;
    }
    return text.len;
}

/* Reports the slip that stands first in the text. */
enum error_code yaml_text_check(struct str text, struct yaml_slip *out)
{
    ptrdiff_t nul = str_find_char(text, '\0');
    size_t nul_at = nul >= 0 ? (size_t)nul : text.len;
    size_t valid = utf8_valid_prefix(text);
    size_t flow;

    if (str_starts(text, STR("\xFE\xFF")) || str_starts(text, STR("\xFF\xFE"))) {
        return wrong(out, ERR_BAD_YAML, text, 0, "the file is UTF-16; save it as UTF-8");
    }
    flow = long_flow_line(text);
    if (valid < text.len && valid <= nul_at && valid <= flow) {
        return wrong(out, ERR_BAD_YAML, text, valid, "not UTF-8; save the file as UTF-8");
    }
    if (flow < text.len && flow <= nul_at) {
        return wrong(out, ERR_TOO_BIG, text, flow,
                     "a line with braces is longer than 64 KiB; break it up, or send JSON");
    }
    return nul >= 0 ? wrong(out, ERR_BAD_YAML, text, nul_at, "a NUL byte stands in the text")
                    : ERR_OK;
}

/* A byte order mark may stand before each document (files put together have them), but libyaml takes
 * one at the very beginning only. */
struct str yaml_without_marks(struct arena *arena, struct str text)
{
    static const struct str mark = STR_INIT("\xEF\xBB\xBF");
    char *out;
    size_t n = 0;

    if (str_starts(text, mark)) {
        text = str_sub(text, mark.len, text.len);
    }
    if (!str_contains(text, STR("\n\xEF\xBB\xBF"))) {
        return text;
    }
    out = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && text.ptr[i - 1] == '\n' && str_starts(str_sub(text, i, mark.len), mark)) {
            i += mark.len - 1;
        } else {
            out[n++] = text.ptr[i];
        }
    }
    return (struct str){out, n};
}
