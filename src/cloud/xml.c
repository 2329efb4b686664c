#include "cloud/xml.h"

bool xml_next(struct str *rest, const char *name, struct str *out)
{
    struct arena arena;
    struct str open;
    struct str close;
    ptrdiff_t from;
    ptrdiff_t to = -1;

    arena_init(&arena);
    open = arena_printf(&arena, "<%s>", name);
    close = arena_printf(&arena, "</%s>", name);
    from = str_find(*rest, open);
    if (from >= 0) {
        struct str behind = str_sub(*rest, (size_t)from + open.len, rest->len);

        to = str_find(behind, close);
        if (to >= 0) {
            *out = str_sub(behind, 0, (size_t)to);
            *rest = str_sub(behind, (size_t)to + close.len, behind.len);
        }
    }
    arena_done(&arena);
    return to >= 0;
}

static const struct entity {
    const char *name;
    char character;
} entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};

/* "amp" or "#34". References to characters beyond ASCII are left as they are; no name of ours has one. */
static bool resolve(struct str reference, char *out)
{
    const struct entity *entity = ROW_NAMED(reference, entities);
    int64_t point;

    if (entity != NULL) {
        *out = entity->character;
        return true;
    }
    if (str_starts(reference, STR("#")) &&
        str_to_i64(str_sub(reference, 1, reference.len), 1, 127, &point)) {
        *out = (char)point;
        return true;
    }
    return false;
}

struct str xml_text(struct arena *arena, struct str xml, const char *name)
{
    struct str inner;
    char *text;
    size_t n = 0;

    if (!xml_next(&xml, name, &inner)) {
        return STR_EMPTY;
    }
    text = arena_alloc(arena, inner.len + 1);
    while (inner.len > 0) {
        struct str rest = str_sub(inner, 1, inner.len);
        ptrdiff_t end = inner.ptr[0] == '&' ? str_find_char(rest, ';') : -1;

        if (end >= 0 && resolve(str_sub(rest, 0, (size_t)end), &text[n])) {
            inner = str_sub(rest, (size_t)end + 1, rest.len);
        } else {
            text[n] = inner.ptr[0];
            inner = rest;
        }
        n++;
    }
    return (struct str){text, n};
}
