#include "base/percent.h"

static bool is_unreserved(char c)
{
    return char_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void percent_encode(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.ptr[i])) {
            buf_char(out, s.ptr[i]);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
        }
    }
}

bool percent_decode(struct arena *arena, struct str s, bool plus_is_space, struct str *out)
{
    char *text;
    size_t n = 0;

    if (str_find_char(s, '%') < 0 && (!plus_is_space || str_find_char(s, '+') < 0)) {
        *out = s;
        return true;
    }
    text = arena_alloc(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            text[n++] = (char)(s.ptr[i] == '+' && plus_is_space ? ' ' : s.ptr[i]);
            continue;
        }
        if (i + 2 >= s.len || str_hex_digit(s.ptr[i + 1]) < 0 || str_hex_digit(s.ptr[i + 2]) < 0) {
            return false;
        }
        text[n++] = (char)(str_hex_digit(s.ptr[i + 1]) * 16 + str_hex_digit(s.ptr[i + 2]));
        i += 2;
    }
    text[n] = '\0';
    *out = (struct str){text, n};
    return true;
}
