/* llhttp behind the guard. Each callback of llhttp that says something pauses it, so that one call
 * gives one event and pipelined bytes stay where they are.
 *
 * llhttp 8.1.0 lets through in the framing of chunks, even in strict mode: trailers that end in a
 * bare LF. So all bytes of a chunked body that are not content are looked at here too: every CR
 * must be followed by LF, every LF must follow CR, other control characters have no place there. */
#include "parser.h"

#include "base/check.h"

/* Framing of a chunked body may cost this much, and eight bytes for each byte of content: a client
 * that sends one-byte chunks is slow, one that sends megabytes of chunk extensions is hostile. */
enum { FRAMING_FREE = 64 * 1024, FRAMING_PER_BYTE = 8 };

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = CONTAINER_OF(llhttp, struct http_parser, llhttp);

    if (len == 0) { /* llhttp was called with no bytes, to see whether the end is due */
        return 0;
    }
    parser->piece = (struct str){at, len};
    return HPE_PAUSED;
}

static int on_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = CONTAINER_OF(llhttp, struct http_parser, llhttp);

    parser->complete = true;
    return HPE_PAUSED;
}

void parser_init(struct http_parser *parser, const struct http_server_options *options)
{
    *parser = (struct http_parser){.options = options};
}

/* Runs llhttp over `bytes` until it has something to say; *out_used of them are done with. */
static enum error_code run(struct http_parser *parser, struct str bytes, size_t *out_used,
                           struct error *err)
{
    enum llhttp_errno code = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    const char *at = llhttp_get_error_pos(&parser->llhttp);
    const char *reason;

    if (code == HPE_OK) {
        *out_used = bytes.len;
        return ERR_OK;
    }
    *out_used = at != NULL && at >= bytes.ptr && at <= bytes.ptr + bytes.len
                    ? (size_t)(at - bytes.ptr)
                    : bytes.len;
    if (code == HPE_PAUSED) {
        llhttp_resume(&parser->llhttp);
        return ERR_OK;
    }
    reason = llhttp_get_error_reason(&parser->llhttp);
    return error_set(err, ERR_BAD_REQUEST, "Not well-formed HTTP: %s",
                     reason != NULL ? reason : llhttp_errno_name(code));
}

enum error_code parser_take_head(struct http_parser *parser, struct str head,
                                 struct http_request *out, struct error *err)
{
    static llhttp_settings_t settings;
    size_t used = 0;
    enum error_code code = head_parse(parser->options, head, out, err);

    if (code != ERR_OK) {
        return code;
    }
    if (settings.on_body == NULL) {
        llhttp_settings_init(&settings);
        settings.on_body = on_body;
        settings.on_message_complete = on_complete;
    }
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->content_bytes = 0;
    parser->framing_bytes = 0;
    parser->after_cr = false;
    parser->complete = false;
    code = run(parser, head, &used, err);
    if (code != ERR_OK) {
        return code;
    }
    if (used != head.len || parser->complete == out->has_body) {
        return error_set(err, ERR_BAD_REQUEST,
                         "This request can be read in two ways, with a body and without one");
    }
    parser->in_body = out->has_body;
    return ERR_OK;
}

/* Byte by byte, so that of two faults the first one counts, however the bytes were split. */
static enum error_code check_framing(struct http_parser *parser, struct str framing,
                                     struct error *err)
{
    for (size_t i = 0; i < framing.len; i++) {
        char c = framing.ptr[i];

        parser->framing_bytes++;
        if (parser->framing_bytes > FRAMING_FREE + FRAMING_PER_BYTE * parser->content_bytes) {
            return error_set(
                err, ERR_TOO_BIG,
                "The chunks of this body are too small: most of its bytes are framing");
        }
        if (parser->after_cr != (c == '\n')) {
            return error_set(err, ERR_BAD_REQUEST,
                             "A line between the chunks of the body does not end in CR LF");
        }
        parser->after_cr = c == '\r';
        if (((unsigned char)c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7F) {
            return error_set(err, ERR_BAD_REQUEST,
                             "A control character stands between the chunks of the body");
        }
    }
    return ERR_OK;
}

static enum parser_event next_of_body(struct http_parser *parser, struct str bytes,
                                      size_t *out_used, struct str *out_piece, struct error *err)
{
    struct error fault = {0};
    enum error_code code;
    size_t before;

    parser->piece = STR_EMPTY;
    code = run(parser, bytes, out_used, &fault);
    before = parser->piece.len > 0 ? (size_t)(parser->piece.ptr - bytes.ptr) : *out_used;
    if (check_framing(parser, str_sub(bytes, 0, before), err) != ERR_OK) {
        return PARSER_BAD;
    }
    if (code != ERR_OK) {
        *err = fault;
        return PARSER_BAD;
    }
    if (parser->piece.len > 0) {
        CHECK(*out_used == before + parser->piece.len);
        parser->content_bytes += parser->piece.len;
        *out_piece = parser->piece;
        return PARSER_PIECE;
    }
    if (parser->complete) {
        parser->in_body = false;
        return PARSER_END;
    }
    return PARSER_MORE;
}

enum parser_event parser_next(struct http_parser *parser, struct str bytes, size_t *out_used,
                              struct str *out_piece, struct error *err)
{
    enum parser_event event;

    *out_used = 0;
    *out_piece = STR_EMPTY;
    if (parser->in_body) {
        return next_of_body(parser, bytes, out_used, out_piece, err);
    }
    event = head_scan_next(&parser->scan, parser->options, bytes, out_piece, err);
    if (event == PARSER_HEAD) {
        *out_used = parser->scan.at;
        parser->scan = (struct head_scan){0};
    }
    return event;
}
