/* gzip of replies (RFC 9110 section 8.4.1.3) for clients that accept it; zlib does the work. Its 270 KB of
 * state are made once and used for all whole replies: one loop, one reply at a time. A stream has its own. */
#include <zlib.h>

#include "base/check.h"

#include "base/mem.h"
#include "http/answer.h"
#include "http_internal.h"

/* A whole reply of more than AT_ONCE_MAX would hold up the loop for longer than three milliseconds. */
enum {
    WORTH_BYTES = 1024,
    AT_ONCE_MAX = 256 * 1024,
    GZIP_WINDOW = 15 + 16,
    LEVEL = 4,
    MEMORY_LEVEL = 8,
    PIECE_BYTES = 16 * 1024
};

struct compressor {
    z_stream stream;
};

/* What an Accept-Encoding says of one coding. */
enum coding_word { CODING_UNNAMED, CODING_TAKEN, CODING_REFUSED };

/* A weight of 0 (RFC 9110 section 12.4.2): "0", "0.", "0.0" to "0.000". */
static bool is_zero_weight(struct str parameters)
{
    struct str parameter;

    while (str_next(&parameters, ';', &parameter)) {
        struct str name;
        struct str value;

        if (str_cut(parameter, '=', &name, &value) && str_is_nocase(str_trim(name), "q")) {
            value = str_trim(value);
            while (value.len > 0 && (value.ptr[0] == '0' || value.ptr[0] == '.')) {
                value = str_sub(value, 1, value.len);
            }
            return value.len == 0;
        }
    }
    return false;
}

/* An entry for the coding itself outweighs an entry for "*". */
static enum coding_word word_of(struct str accept_encoding, struct str coding)
{
    enum coding_word by_star = CODING_UNNAMED;
    struct str item;

    while (str_next(&accept_encoding, ',', &item)) {
        enum coding_word word;
        struct str name;
        struct str parameters;

        (void)str_cut(item, ';', &name, &parameters);
        name = str_trim(name);
        word = is_zero_weight(parameters) ? CODING_REFUSED : CODING_TAKEN;
        if (str_starts_nocase(name, STR("x-")) && str_is(coding, "gzip")) {
            name = str_sub(name, 2, name.len); /* x-gzip is gzip (RFC 9110 section 8.4.1.3) */
        }
        if (str_eq_nocase(name, coding)) {
            return word;
        }
        if (str_is(name, "*")) {
            by_star = word;
        }
    }
    return by_star;
}

bool exchange_takes_gzip(struct exchange *exchange)
{
    return word_of(exchange_header_lines(exchange, "Accept-Encoding"), STR("gzip")) == CODING_TAKEN;
}

bool exchange_takes_plain(struct exchange *exchange)
{
    return word_of(exchange_header_lines(exchange, "Accept-Encoding"), STR("identity")) !=
           CODING_REFUSED;
}

bool compress_is_worth(const struct exchange *exchange, const char *content_type, size_t len)
{
    struct str type = str_from(content_type);

    if (!exchange->server->options.gzip || exchange->no_compress || len < WORTH_BYTES ||
        (exchange->headers_set & HEADER_CONTENT_ENCODING) != 0) {
        return false;
    }
    return str_starts(type, STR("text/")) || str_contains(type, STR("json")) ||
           str_contains(type, STR("javascript")) || str_contains(type, STR("yaml"));
}

static bool deflate_begin(z_stream *stream)
{
    return deflateInit2(stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) ==
           Z_OK;
}

static bool ready(struct compressor **compressor)
{
    struct compressor *fresh;

    if (*compressor != NULL) {
        return deflateReset(&(*compressor)->stream) == Z_OK;
    }
    fresh = mem_zalloc(sizeof(*fresh));
    if (!deflate_begin(&fresh->stream)) {
        mem_free(fresh);
        return false;
    }
    *compressor = fresh;
    return true;
}

bool compress_gzip(struct compressor **compressor, struct str body, struct buf *out)
{
    char *room = body.len <= AT_ONCE_MAX ? buf_reserve(out, body.len) : NULL;
    z_stream *stream;

    if (room == NULL || !ready(compressor)) {
        return false;
    }
    stream = &(*compressor)->stream;
    stream->next_in = unconst(body.ptr);
    stream->avail_in = (uInt)body.len;
    stream->next_out = (Bytef *)room;
    stream->avail_out = (uInt)body.len - 1; /* not smaller than the original: not worth it */
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        return false;
    }
    buf_grew(out, stream->total_out);
    return true;
}

void compressor_free(struct compressor *compressor)
{
    if (compressor != NULL) {
        (void)deflateEnd(&compressor->stream);
        mem_free(compressor);
    }
}

/* ---- streams ---- */

struct packer {
    z_stream stream;
    char piece[PIECE_BYTES];
};

static void packer_free(void *pointer)
{
    struct packer *packer = pointer;

    (void)deflateEnd(&packer->stream);
    mem_free(packer);
}

struct packer *packer_new(struct arena *arena)
{
    struct packer *packer = mem_zalloc(sizeof(*packer));

    if (!deflate_begin(&packer->stream)) {
        mem_free(packer);
        return NULL;
    }
    arena_defer(arena, packer_free, packer);
    return packer;
}

void packer_write(struct packer *packer, struct str bytes, bool last,
                  void (*sink)(struct exchange *exchange, struct str piece),
                  struct exchange *exchange)
{
    z_stream *stream = &packer->stream;

    CHECK(bytes.len < UINT32_MAX);
    stream->next_in = unconst(bytes.ptr);
    stream->avail_in = (uInt)bytes.len;
    do {
        stream->next_out = (Bytef *)packer->piece;
        stream->avail_out = PIECE_BYTES;
        (void)deflate(stream, last ? Z_FINISH : Z_NO_FLUSH); /* cannot fail: there is room */
        if (stream->avail_out < PIECE_BYTES) {
            sink(exchange, (struct str){packer->piece, PIECE_BYTES - stream->avail_out});
        }
    } while (stream->avail_out == 0);
}
