#include "base/error.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { ERROR_LIST_FIRST = 4 };

static const char *const slugs[] = {
#define X(code, slug) [code] = (slug),
    ERROR_TABLE(X)
#undef X
};

const char *error_slug(enum error_code code)
{
    CHECK(code > ERR_OK && code < ERR_N_CODES);
    return slugs[code];
}

enum error_code error_of_slug(struct str slug)
{
    for (size_t i = 1; i < ARRAY_LEN(slugs); i++) {
        if (str_is(slug, slugs[i])) {
            return (enum error_code)i;
        }
    }
    return ERR_OK;
}

/* Texts quote what callers sent, so characters that move a cursor, hide or reorder text are escaped. */
static void put_safe(char *out, size_t size, struct str text)
{
    size_t at = 0;

    while (text.len > 0) {
        uint32_t point = utf8_next(&text);
        char piece[16];
        size_t n;

        if (utf8_is_unsafe(point)) {
            n = (size_t)snprintf(piece, sizeof(piece), "\\u{%04X}", point);
        } else {
            n = utf8_encode(point, piece);
        }
        if (at + n + 4 > size) { /* room for the ellipsis and the NUL */
            mem_copy(out + at, "\xE2\x80\xA6", 3);
            at += 3;
            break;
        }
        mem_copy(out + at, piece, n);
        at += n;
    }
    out[at] = '\0';
}

enum error_code error_set_list(struct error *err, enum error_code code, const char *format,
                               va_list args)
{
    struct buf text;

    if (err == NULL) {
        return code;
    }
    buf_init(&text, 65536);
    buf_vprintf(&text, format, args);
    err->code = code;
    put_safe(err->text, sizeof(err->text), buf_view(&text));
    buf_done(&text);
    return code;
}

enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)error_set_list(err, code, format, args);
    va_end(args);
    return code;
}

enum error_code error_at(struct error *err, enum error_code code, const char *pointer,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)error_set_list(err, code, format, args);
    va_end(args);
    if (err != NULL) {
        put_safe(err->pointer, sizeof(err->pointer), str_from(pointer));
    }
    return code;
}

enum error_code error_in(struct error *err, enum error_code code, unsigned line, unsigned column,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)error_set_list(err, code, format, args);
    va_end(args);
    if (err != NULL) {
        err->line = line;
        err->column = column;
    }
    return code;
}

struct str error_without_place(const struct error *err)
{
    struct str text = str_from(err->text);
    struct str place;
    struct str what;

    if (err->line > 0 && str_starts(text, STR("line ")) && str_cut(text, ':', &place, &what)) {
        return str_trim(what);
    }
    return text;
}

void error_list_init(struct error_list *list)
{
    *list = (struct error_list){0};
}

static void list_free(void *list)
{
    error_list_done(list);
}

struct error_list *error_list_in(struct arena *arena)
{
    struct error_list *list = arena_zalloc(arena, sizeof(*list));

    arena_defer(arena, list_free, list);
    return list;
}

void error_list_done(struct error_list *list)
{
    mem_free(list->items);
    *list = (struct error_list){0};
}

static size_t most_kept(const struct error_list *list)
{
    return list->max > 0 && list->max < ERROR_LIST_MAX ? list->max : ERROR_LIST_MAX;
}

bool error_list_is_full(const struct error_list *list)
{
    return list->n == most_kept(list);
}

void error_list_drop(struct error_list *list)
{
    list->n_dropped++;
}

/* Most lists stay short. One more item than `cap` is allocated: errors that are not kept are written there. */
static void grow(struct error_list *list)
{
    size_t cap = list->cap == 0 ? ERROR_LIST_FIRST : list->cap * 4;

    cap = cap < ERROR_LIST_MAX ? cap : ERROR_LIST_MAX;
    list->items = mem_realloc(list->items, (cap + 1) * sizeof(*list->items));
    list->cap = cap;
}

struct error *error_list_add(struct error_list *list)
{
    struct error *item;

    if (list->n == list->cap && list->cap < ERROR_LIST_MAX) {
        grow(list);
    }
    item = &list->items[list->n];
    *item = (struct error){0};
    if (error_list_is_full(list)) {
        list->n_dropped++;
    } else {
        list->n++;
    }
    return item;
}

void error_list_append(struct error_list *list, const struct error_list *from)
{
    for (size_t i = 0; i < from->n; i++) {
        *error_list_add(list) = from->items[i];
    }
    list->n_dropped += from->n_dropped;
}

size_t error_list_total(const struct error_list *list)
{
    return list->n + list->n_dropped;
}
