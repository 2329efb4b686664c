#include "base/markup.h"

const char *markup_entity(uint32_t point)
{
    switch (point) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void markup_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *entity = markup_entity((unsigned char)text.ptr[i]);

        if (entity != NULL) {
            buf_text(out, entity);
        } else {
            buf_char(out, text.ptr[i]);
        }
    }
}
