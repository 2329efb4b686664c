/* Quotation marks as word processors and other languages write them: ‘Sign in’, „Sign in“, «Sign in».
 * In a sentence, and around an argument of a command line, they can mean nothing but quotes. */
#include "base/utf8.h"
#include "testfile_internal.h"

enum {
    GUILLEMET = 0xAB,
    SINGLE_GUILLEMET = 0x2039,
    RIGHT_GUILLEMET = 0xBB,
    WORDS_MAX = 64,
    APOSTROPHES_MAX = 100
};

static const struct {
    const char *open;
    const char *close;
} pairs[] = {
    {"“", "”"}, {"„", "“"}, {"„", "”"}, {"”", "”"}, {"‘", "’"},
    {"‚", "‘"}, {"‚", "’"}, {"«", "»"}, {"»", "«"}, {"‹", "›"},
};

static bool is_guillemet(uint32_t point)
{
    return point == GUILLEMET || point == SINGLE_GUILLEMET || point == RIGHT_GUILLEMET;
}

/* Letters of all alphabets and digits count; from U+2000 on there are signs. */
static bool begins_with_letter(struct str text)
{
    uint32_t point = text.len > 0 ? utf8_next(&text) : ' ';

    return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') ||
           (point >= 'a' && point <= 'z') || (point >= 0xC0 && point < 0x2000);
}

/* Where the quoted piece ends; 0: it is not closed. A mark before a letter is passed over: in ‘Don’t save’
 * the first one is an apostrophe. */
static size_t find_close(struct str text, struct str close)
{
    size_t first = 0;
    size_t from = 0;
    size_t n = 0;

    for (ptrdiff_t at = str_find(text, close); at >= 0 && n++ < APOSTROPHES_MAX;
         at = str_find(str_sub(text, from, text.len), close)) {
        from += (size_t)at + close.len;
        first = first == 0 ? from : first;
        if (!begins_with_letter(str_sub(text, from, text.len))) {
            return from;
        }
    }
    return first;
}

/* Takes off the spaces inside guillemets: in French a no-break space stands there. */
static struct str without_inner_spaces(struct str text)
{
    struct str before;

    do {
        before = text;
        text = odd_space_length(text) > 0 ? str_sub(text, odd_space_length(text), text.len)
                                          : str_trim(text);
        for (size_t n = 2; n <= 3 && n <= text.len; n++) {
            if (odd_space_length(str_sub(text, text.len - n, text.len)) == n) {
                text = str_sub(text, 0, text.len - n);
            }
        }
    } while (text.len < before.len);
    return text;
}

size_t typographic_length(struct str text, struct str *out_inner)
{
    size_t best = 0;

    if (text.len == 0 || (unsigned char)text.ptr[0] < 0x80) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct str open = str_from(pairs[i].open);
        struct str close = str_from(pairs[i].close);
        size_t n =
            str_starts(text, open) ? find_close(str_sub(text, open.len, text.len), close) : 0;

        if (n > 0 && (best == 0 || open.len + n < best)) {
            best = open.len + n;
            *out_inner = str_sub(text, open.len, n - close.len);
        }
    }
    if (best > 0 && is_guillemet(utf8_next(&text))) {
        *out_inner = without_inner_spaces(*out_inner);
    }
    return best;
}

/* Guillemets may be arrows: `click on « Previous`. */
bool typographic_opens(struct str text)
{
    if (text.len == 0 || (unsigned char)text.ptr[0] < 0x80) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (str_starts(text, str_from(pairs[i].open))) {
            return !is_guillemet(utf8_next(&text));
        }
    }
    return false;
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

struct str line_with_plain_quotes(struct arena *arena, struct str line)
{
    bool begins_word = true;
    char quote = '\0';
    size_t n_tried = 0; /* no command takes more words, and each try may read the whole line */
    struct str inner;
    struct buf out;

    if (is_ascii(line)) {
        return line;
    }
    buf_init(&out, line.len * 4 + 2); /* ' becomes '\'' */
    while (line.len > 0) {
        bool may_begin = begins_word && n_tried++ < WORDS_MAX;
        size_t n = may_begin ? typographic_length(line, &inner) : 0;
        char c = line.ptr[0];

        if (n > 0) {
            word_write(&out, inner);
            begins_word = false;
            line = str_sub(line, n, line.len);
            continue;
        }
        if (c == '\\' && quote != '\'' && line.len > 1) {
            buf_char(&out, c);
            line = str_sub(line, 1, line.len);
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        }
        begins_word = quote == '\0' && (c == ' ' || c == '\t' || c == '\n');
        buf_char(&out, line.ptr[0]);
        line = str_sub(line, 1, line.len);
    }
    return arena_take(arena, &out);
}
