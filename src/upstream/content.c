/* The content of an answer: a stream passes it on; otherwise it is kept, whole or by the sieve of the request.
 * Compressed content is decoded when all of it is there. */
#include "upstream_internal.h"

/* Hands a piece to the sieve. False: the answer is too long. */
static bool sift(struct upstream_transfer *transfer, struct str piece)
{
    struct upstream_sieve *sieve = transfer->call->request.sieve;
    size_t at = transfer->n_sifted;

    if (piece.len > transfer->body.max - at) {
        return false;
    }
    transfer->n_sifted += piece.len;
    sieve->take(sieve, at, piece, &transfer->body);
    return buf_ok(&transfer->body);
}

/* The answer has become a long one: the bytes kept so far are the sieve's first piece. */
static bool begin_to_sift(struct upstream_transfer *transfer)
{
    struct buf begun = transfer->body;
    bool fits;

    buf_init(&transfer->body, begun.max);
    fits = begun.len == 0 || sift(transfer, buf_view(&begun));
    buf_done(&begun);
    return fits;
}

static bool keep(struct upstream_transfer *transfer, struct str piece)
{
    struct buf *body = &transfer->body;

    if (transfer->call->request.sieve == NULL ||
        (transfer->n_sifted == 0 && body->len + piece.len <= UPSTREAM_SIEVE_MIN)) {
        buf_str(body, piece);
        return buf_ok(body);
    }
    return (transfer->n_sifted > 0 || begin_to_sift(transfer)) && sift(transfer, piece);
}

/* Of several Content-Encoding lines the first that is not "identity". */
static struct str coding_of(const struct upstream_transfer *transfer)
{
    struct str coding = http_answer_header(transfer->answer, "Content-Encoding");

    for (size_t i = 0;
         str_is_nocase(coding, "identity") && i < http_answer_n_headers(transfer->answer); i++) {
        struct http_answer_header header = http_answer_header_at(transfer->answer, i);

        if (str_is_nocase(header.name, "Content-Encoding")) {
            coding = header.value;
        }
    }
    return coding;
}

bool content_keep(struct upstream_transfer *transfer, struct str piece)
{
    struct buf *to = transfer->streaming ? &transfer->in : &transfer->body;

    if (!transfer->streaming && http_answer_length(transfer->answer) > (int64_t)to->max) {
        return false; /* its Content-Length is too long already */
    }
    if (transfer->call->request.sieve != NULL && coding_of(transfer).len == 0) {
        return keep(transfer, piece);
    }
    buf_str(to, piece);
    return buf_ok(to);
}

static bool keep_decoded(void *transfer, struct buf *decoded)
{
    bool fits = keep(transfer, buf_view(decoded));

    buf_clear(decoded);
    return fits;
}

enum error_code content_decode(struct upstream_transfer *transfer)
{
    struct str coding = coding_of(transfer);
    struct buf coded = transfer->body;
    struct buf piece;
    enum error_code code;

    if (coding.len == 0) {
        return ERR_OK;
    }
    buf_init(&piece, coded.max);
    buf_init(&transfer->body, coded.max);
    code = http_decode_piecewise(&transfer->upstream->decoder, coding, buf_view(&coded), &piece,
                                 keep_decoded, transfer);
    buf_done(&coded);
    buf_done(&piece);
    return code;
}
