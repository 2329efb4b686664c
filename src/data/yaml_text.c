/* What libyaml would do badly with, found before it sees the text: other encodings (it would decode
 * UTF-16), bytes that are not UTF-8 (its message has no line), and flow collections on one huge line
 * (its simple keys make it quadratic there). */
#include "base/utf8.h"
#include "yaml_slip.h"

enum { FLOW_LINE_MAX = 64 * 1024 };

static enum error_code wrong(struct yaml_slip *out, enum error_code code, unsigned line,
                             size_t column, const char *what)
{
    *out = (struct yaml_slip){.what = what, .hint = "", .line = line, .column = (unsigned)column};
    return code;
}

enum error_code yaml_text_check(struct str text, struct yaml_slip *out)
{
    size_t valid = utf8_valid_prefix(text);
    struct str rest = text;
    struct str line;
    unsigned number = 0;

    if (str_starts(text, STR("\xFE\xFF")) || str_starts(text, STR("\xFF\xFE"))) {
        return wrong(out, ERR_BAD_YAML, 1, 1, "the file is UTF-16; save it as UTF-8");
    }
    while (rest.len > 0) {
        (void)str_cut(rest, '\n', &line, &rest);
        number++;
        if (valid < text.len && line.ptr + line.len >= text.ptr + valid) {
            return wrong(out, ERR_BAD_YAML, number,
                         utf8_count(str_range(line.ptr, text.ptr + valid)) + 1,
                         "not UTF-8; save the file as UTF-8");
        }
        if (line.len > FLOW_LINE_MAX && str_find_char(line, '{') >= 0 &&
            str_find_char(line, ':') >= 0) {
            return wrong(out, ERR_TOO_BIG, number, 1,
                         "a line with braces is longer than 64 KiB; break it up, or send JSON");
        }
        if (str_find_char(line, '\0') >= 0) {
            return wrong(out, ERR_BAD_YAML, number, (size_t)str_find_char(line, '\0') + 1,
                         "a NUL byte stands in the text");
        }
    }
    return ERR_OK;
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
