#include "base/json_pen.h"

#include "base/clock.h"
#include "base/json_plain.h"
#include "base/json_writer.h"

static void escape_rest(struct json_pen *pen, struct str rest)
{
    struct buf out;
    size_t size = rest.len * PEN_ESCAPED;

    buf_init_on(&out, pen->at, size + 1, size);
    json_escape(&out, rest);
    pen->at += out.len;
    buf_done(&out);
}

void pen_text(struct json_pen *pen, struct str text)
{
    size_t n = json_copy_plain(pen->at, text);

    pen->at += n;
    if (n < text.len) {
        escape_rest(pen, str_sub(text, n, text.len));
    }
}

void pen_int(struct json_pen *pen, int64_t value)
{
    UNINITIALISED char digits[DIGITS_MAX];
    struct str text = str_of_int(value, digits);

    pen_bytes(pen, text.ptr, text.len);
}

void pen_ms(struct json_pen *pen, int64_t us)
{
    struct buf out;

    buf_init_on(&out, pen->at, PEN_SLACK, PEN_SLACK - 1);
    buf_ms(&out, us);
    pen->at += out.len;
    buf_done(&out);
}

void pen_time(struct json_pen *pen, int64_t wall_ms)
{
    struct buf out;

    buf_init_on(&out, pen->at, PEN_SLACK, PEN_SLACK - 1);
    clock_format(&out, wall_ms);
    pen->at += out.len;
    buf_done(&out);
}
