/* json_pen: writes JSON of a known shape fast. Room for the longest possible text is reserved once, and the pieces
 * are then written without checks of the room. For JSON that every command writes; all else uses
 * base/json_writer.h. */
#ifndef BASE_JSON_PEN_H
#define BASE_JSON_PEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    PEN_ESCAPED = 6, /* the most bytes that one byte of a text becomes */
    PEN_SLACK = 64   /* pieces may write so far behind their end */
};

struct json_pen {
    struct buf *out;
    char *at;
};

/* `max`: the most bytes of all pieces until pen_end; a text counts PEN_ESCAPED times its length. False: that is past
 * the ceiling of `out`, which is marked as overflowed; nothing may be written. */
static inline bool pen_begin(struct json_pen *pen, struct buf *out, size_t max)
{
    pen->out = out;
    pen->at = buf_room(out, max + PEN_SLACK);
    return pen->at != NULL;
}

static inline void pen_end(struct json_pen *pen)
{
    pen->out->len = (size_t)(pen->at - pen->out->ptr);
}

static inline void pen_bytes(struct json_pen *pen, const char *bytes, size_t len)
{
    memcpy(pen->at, bytes, len);
    pen->at += len;
}

/* Writes a literal piece: its length is known at compile time, so the copy is a few instructions. */
#define PEN(pen, literal) pen_bytes(pen, literal, sizeof(literal) - 1)

void pen_text(struct json_pen *pen, struct str text); /* what stands between quotes, escaped */
void pen_int(struct json_pen *pen, int64_t value);
void pen_ms(struct json_pen *pen, int64_t us);
void pen_time(struct json_pen *pen, int64_t wall_ms); /* as clock_format */

#endif
