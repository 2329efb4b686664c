/* Content codings of a whole body; zlib does the work. Its state is made once and used for all
 * bodies: one loop, one body at a time. */
#include <zlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/answer.h"

enum { WINDOW_AUTO = 15 + 32, WINDOW_RAW = -15, STEP_BYTES = 16 * 1024 };

struct http_decoder {
    z_stream stream;
};

static z_stream *stream_for(struct http_decoder **decoder, int window)
{
    if (*decoder == NULL) {
        *decoder = mem_zalloc(sizeof(**decoder));
        CHECK(inflateInit2(&(*decoder)->stream, window) == Z_OK);
    } else {
        CHECK(inflateReset2(&(*decoder)->stream, window) == Z_OK);
    }
    return &(*decoder)->stream;
}

/* At the ceiling one byte more is asked for: if it comes, the body is too big. */
static int inflate_step(z_stream *stream, struct buf *out)
{
    size_t room = out->max - out->len;
    char beyond;
    char *to = &beyond;
    int code;

    room = room < STEP_BYTES ? room : STEP_BYTES;
    if (room > 0) {
        to = buf_reserve(out, room);
        CHECK(to != NULL);
    }
    stream->next_out = (Bytef *)to;
    stream->avail_out = room > 0 ? (uInt)room : 1;
    code = inflate(stream, Z_NO_FLUSH);
    if (room > 0) {
        buf_grew(out, room - stream->avail_out);
    } else if (stream->avail_out == 0) {
        out->overflowed = true;
    }
    return code;
}

/* The only coding of a list that is not identity; empty: there is none. If there are several, the whole list, which
 * is then refused as unknown. */
static struct str only_coding(struct str list)
{
    struct str rest = list;
    struct str only = STR_EMPTY;
    struct str coding;

    while (str_next(&rest, ',', &coding)) {
        coding = str_trim(coding);
        if (coding.len == 0 || str_is_nocase(coding, "identity")) {
            continue;
        }
        if (only.len > 0) {
            return list;
        }
        only = coding;
    }
    return only;
}

enum error_code http_decode_piecewise(struct http_decoder **decoder, struct str coding,
                                      struct str body, struct buf *out, http_decoded_fn take_it,
                                      void *context)
{
    z_stream *stream;
    bool fits = true;
    bool is_raw;
    int code;

    coding = only_coding(coding);
    if (body.len == 0 || coding.len == 0) {
        buf_str(out, body);
        return buf_ok(out) && take_it(context, out) ? ERR_OK : ERR_UPSTREAM_TOO_BIG;
    }
    if (!str_is_nocase(coding, "gzip") && !str_is_nocase(coding, "x-gzip") &&
        !str_is_nocase(coding, "deflate")) {
        return ERR_UPSTREAM_SHAPE;
    }
    if (body.len > UINT32_MAX) {
        return ERR_UPSTREAM_TOO_BIG;
    }
    /* "deflate" means zlib's format; some servers leave out its header, whose first byte would name the method. */
    is_raw = str_is_nocase(coding, "deflate") && (body.ptr[0] & 0x0f) != Z_DEFLATED;
    stream = stream_for(decoder, is_raw ? WINDOW_RAW : WINDOW_AUTO);
    stream->next_in = unconst(body.ptr);
    stream->avail_in = (uInt)body.len;
    do {
        code = inflate_step(stream, out);
        fits = buf_ok(out) && take_it(context, out);
    } while (code == Z_OK && fits);
    if (!fits) {
        return ERR_UPSTREAM_TOO_BIG;
    }
    return code == Z_STREAM_END && stream->avail_in == 0 ? ERR_OK : ERR_UPSTREAM_SHAPE;
}

static bool keep_all(void *context, struct buf *out)
{
    (void)context;
    (void)out;
    return true;
}

enum error_code http_decode(struct http_decoder **decoder, struct str coding, struct str body,
                            struct buf *out)
{
    return http_decode_piecewise(decoder, coding, body, out, keep_all, NULL);
}

void http_decoder_free(struct http_decoder *decoder)
{
    if (decoder != NULL) {
        (void)inflateEnd(&decoder->stream);
        mem_free(decoder);
    }
}
