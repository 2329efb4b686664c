/* Lines of an answer's head that the service sets. */
#include "http_internal.h"

static unsigned bit_of(struct str name)
{
    static const struct {
        struct str name;
        unsigned bit;
    } known[] = {{STR_INIT("Cache-Control"), HEADER_CACHE_CONTROL},
                 {STR_INIT("Content-Encoding"), HEADER_CONTENT_ENCODING}};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq_nocase(name, known[i].name)) {
            return known[i].bit;
        }
    }
    return 0;
}

unsigned header_line(struct buf *out, struct str name, struct str value)
{
    /* A value must not begin another line; and a line is written whole or not at all. */
    if (!is_field_value(value) || buf_room(out, name.len + value.len + 4) == NULL) {
        return 0;
    }
    buf_str(out, name);
    buf_text(out, ": ");
    buf_str(out, value);
    buf_text(out, "\r\n");
    return bit_of(name);
}

void exchange_set_header(struct exchange *exchange, const char *name, struct str value)
{
    exchange->headers_set |= header_line(&exchange->head, str_from(name), value);
    exchange->head.overflowed = false;
}

void exchange_add_lines(struct exchange *exchange, unsigned holds, struct str lines)
{
    exchange->headers_set |= holds;
    buf_str(&exchange->head, lines); /* all of them or nothing */
    exchange->head.overflowed = false;
}
