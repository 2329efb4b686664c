/* buf: growable bytes with a ceiling stated at init. An append past the ceiling appends nothing and
 * marks the buf as overflowed; that mark is sticky, so callers append freely and ask once at the
 * end. Owner: whoever called buf_init; buf_done frees. Views into a buf die with the next
 * append. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool overflowed;
    bool borrowed; /* ptr is the caller's */
};

void buf_init(struct buf *buf, size_t max);
/* Begins in memory of the caller (an array on the stack), and takes memory from the heap when that is full.
 * buf_done is needed all the same. */
void buf_init_on(struct buf *buf, char *memory, size_t size, size_t max);
void buf_done(struct buf *buf);                    /* zeroed or half-built is fine */
void buf_clear(struct buf *buf);                   /* len 0, mark cleared, memory kept */
void buf_dashed(struct buf *buf, struct str name); /* "new_tab" as "new-tab", as in options */
void buf_int(struct buf *buf, int64_t value);
void buf_thousandths(struct buf *buf, uint64_t value);                /* 12345: 12.345 */
void buf_int_padded(struct buf *buf, unsigned value, unsigned width); /* zeros in front */
void buf_ms(struct buf *buf, int64_t us); /* milliseconds, as short as can be: 12, 12.5, 0.019 */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Room for `len` more bytes at the end, or NULL past the ceiling. The caller writes there, and tells
 * with buf_grew how many bytes it wrote. */
char *buf_reserve(struct buf *buf, size_t len);
void buf_grew(struct buf *buf, size_t len);
void buf_consume(struct buf *buf, size_t len); /* drops bytes from the front */
void buf_truncate(struct buf *buf, size_t len);
bool buf_ok(const struct buf *buf); /* nothing was lost */

/* As buf_reserve, with the usual case inline, since an answer is written in a hundred small pieces. */
static inline char *buf_room(struct buf *buf, size_t len)
{
    bool has_room = len < buf->cap - buf->len; /* cap counts the byte that buf_cstr needs */

    return has_room ? buf->ptr + buf->len : buf_reserve(buf, len);
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    char *room = len > 0 ? buf_room(buf, len) : NULL;

    if (room != NULL) {
        memcpy(room, bytes, len);
        buf->len += len;
    }
}

static inline void buf_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.ptr, s.len);
}

static inline void buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

static inline void buf_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

struct str buf_view(const struct buf *buf);
const char *buf_cstr(struct buf *buf); /* NUL-terminated; the NUL is not counted in len */

/* Prints into memory of the caller, NUL-terminated; a text that does not fit becomes empty. */
struct str str_print(char *room, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
