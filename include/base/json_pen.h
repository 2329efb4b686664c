/* json_pen: JSON of a known shape in one go: room for the longest it can be is taken once, and the pieces follow each other
 * without a look at the end. For what is written with every command; everything else is written by
 * base/json_writer.h. */
#ifndef BASE_JSON_PEN_H
#define BASE_JSON_PEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    PEN_ESCAPED = 6, /* a byte of a text takes so many at most */
    PEN_SLACK = 64   /* more than the pieces need is written over and over */
};

struct json_pen {
    struct buf *out;
    char *at;
};

/* `max`: of all that comes until pen_end, a text at PEN_ESCAPED times its length. False: it is past the ceiling of `out`, which
 * is marked; nothing may be written. */
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

/* A piece of the shape: where its length is known, copying it is a few instructions. */
#define PEN(pen, literal) pen_bytes(pen, literal, sizeof(literal) - 1)

void pen_text(struct json_pen *pen, struct str text); /* what stands between quotes, escaped */
void pen_int(struct json_pen *pen, int64_t value);
void pen_ms(struct json_pen *pen, int64_t us);
void pen_time(struct json_pen *pen, int64_t wall_ms); /* as clock_format */

#endif
