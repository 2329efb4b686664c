#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_CAP = 256, PRINTED_ONCE = 256 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_init_on(struct buf *buf, char *memory, size_t size, size_t max)
{
    size_t cap = size <= max ? size : max + 1;

    *buf = (struct buf){.cap = cap, .max = max, .borrowed = true};
    buf->ptr = memory;
}

void buf_done(struct buf *buf)
{
    if (!buf->borrowed) {
        mem_free(buf->ptr);
    }
    buf->borrowed = false;
    buf->ptr = NULL;
    buf->len = 0;
    buf->cap = 0;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
}

static void grow(struct buf *buf, size_t cap)
{
    if (buf->borrowed) {
        char *own = mem_alloc(cap);

        mem_copy(own, buf->ptr, buf->len);
        buf->ptr = own;
        buf->borrowed = false;
    } else {
        buf->ptr = mem_realloc(buf->ptr, cap);
    }
    buf->cap = cap;
}

/* One byte more than asked is kept, so that buf_cstr never has to grow past the ceiling. */
char *buf_reserve(struct buf *buf, size_t len)
{
    size_t need;

    if (!size_add(buf->len, len, &need) || need > buf->max) {
        buf->overflowed = true;
        return NULL;
    }
    if (need + 1 > buf->cap) {
        size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;

        while (cap < need + 1) {
            cap *= 2;
        }
        if (cap > buf->max + 1) {
            cap = buf->max + 1;
        }
        grow(buf, cap);
    }
    return buf->ptr + buf->len;
}

void buf_grew(struct buf *buf, size_t len)
{
    buf->len += len;
}

void buf_dashed(struct buf *buf, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        buf_char(buf, (char)(name.ptr[i] == '_' ? '-' : name.ptr[i]));
    }
}

void buf_int(struct buf *buf, int64_t value)
{
    char digits[DIGITS_MAX];

    buf_str(buf, str_of_int(value, digits));
}

void buf_int_padded(struct buf *buf, unsigned value, unsigned width)
{
    char digits[DIGITS_MAX];
    struct str text = str_of_int(value, digits);

    for (size_t i = text.len; i < width; i++) {
        buf_char(buf, '0');
    }
    buf_str(buf, text);
}

void buf_thousandths(struct buf *buf, uint64_t value)
{
    unsigned rest = (unsigned)(value % 1000);

    buf_int(buf, (int64_t)(value / 1000));
    buf_append(buf,
               (const char[]){'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                              (char)('0' + rest % 10)},
               4);
}

void buf_ms(struct buf *buf, int64_t us)
{
    enum { US_PER_MS = 1000 };

    if (us % US_PER_MS == 0) {
        buf_int(buf, us / US_PER_MS);
        return;
    }
    buf_thousandths(buf, (uint64_t)us);
    while (buf_ok(buf) && buf->ptr[buf->len - 1] == '0') {
        buf->len--;
    }
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    UNINITIALISED char
        shown[PRINTED_ONCE]; /* most texts are short: printing twice would cost as much again */
    va_list again;
    int len;
    char *room;

    va_copy(again, args);
    len = vsnprintf(shown, sizeof(shown), format, args);
    room = len < 0 ? NULL : buf_reserve(buf, (size_t)len);
    if (room != NULL) {
        if ((size_t)len < sizeof(shown)) {
            mem_copy(room, shown, (size_t)len + 1);
        } else {
            (void)vsnprintf(room, (size_t)len + 1, format, again);
        }
        buf->len += (size_t)len;
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf->len = 0;
        return;
    }
    if (len > 0) {
        memmove(buf->ptr, buf->ptr + len, buf->len - len);
        buf->len -= len;
    }
}

void buf_truncate(struct buf *buf, size_t len)
{
    if (len < buf->len) {
        buf->len = len;
    }
}

bool buf_ok(const struct buf *buf)
{
    return !buf->overflowed;
}

struct str buf_view(const struct buf *buf)
{
    return buf->ptr == NULL ? STR_EMPTY : (struct str){buf->ptr, buf->len};
}

const char *buf_cstr(struct buf *buf)
{
    bool overflowed = buf->overflowed;

    if (buf_reserve(buf, 0) == NULL) {
        return "";
    }
    buf->overflowed = overflowed;
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

struct str str_print(char *room, size_t size, const char *format, ...)
{
    struct buf text;
    va_list args;

    buf_init_on(&text, room, size, size - 1);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    (void)buf_cstr(&text);
    return buf_view(&text);
}
