/* gzip of whole replies (RFC 9110 section 8.4.1.3) for those who accept it; zlib does the work. */
#include <zlib.h>

#include "http_internal.h"

enum { WORTH_BYTES = 1024, GZIP_WINDOW = 15 + 16, LEVEL = 4, MEMORY_LEVEL = 8 };

/* "gzip;q=0" means no. */
static bool accepts_gzip(struct str accept)
{
    struct str item;

    while (str_next(&accept, ',', &item)) {
        struct str coding;
        struct str parameter;

        (void)str_cut(str_trim(item), ';', &coding, &parameter);
        parameter = str_trim(parameter);
        if (str_is_nocase(str_trim(coding), "gzip") || str_is(str_trim(coding), "*")) {
            return !str_is(parameter, "q=0") && !str_starts(parameter, STR("q=0.000"));
        }
    }
    return false;
}

bool compress_wanted(const struct exchange *exchange, const char *content_type, size_t len)
{
    struct str type = str_from(content_type);

    if (!exchange->server->options.gzip || len < WORTH_BYTES) {
        return false;
    }
    if (!str_starts(type, STR("text/")) && !str_contains(type, STR("json")) &&
        !str_contains(type, STR("javascript")) && !str_contains(type, STR("yaml"))) {
        return false;
    }
    return accepts_gzip(exchange_header(exchange, "Accept-Encoding"));
}

bool compress_gzip(struct str body, struct buf *out)
{
    z_stream stream = {0};
    char *room;
    int status;

    if (body.len > UINT32_MAX / 2 || deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW,
                                                  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    room = buf_reserve(out, body.len);
    if (room == NULL) {
        (void)deflateEnd(&stream);
        return false;
    }
    stream.next_in = unconst(body.ptr);
    stream.avail_in = (uInt)body.len;
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)body.len; /* bigger than the original: not worth it */
    status = deflate(&stream, Z_FINISH);
    if (status == Z_STREAM_END) {
        buf_grew(out, stream.total_out);
    }
    (void)deflateEnd(&stream);
    return status == Z_STREAM_END;
}
