/* llhttp as a client needs it. Names and values of a head are appended to one buf and found again
 * by their offsets, so that an answer allocates nothing once its buf has grown.
 *
 * llhttp 8.1 refuses most ambiguous framings by itself. This file refuses the rest: llhttp reads a body
 * after a 204 or 304 that tells a Content-Length, it reads until the close after an unknown
 * Transfer-Encoding, and it takes a field without a name. */
#include "http/answer.h"

#include <llhttp.h>

#include "base/check.h"
#include "base/mem.h"

/* As for the bodies of requests (parser.c): a peer that sends one-byte chunks is slow, one that
 * sends megabytes of chunk extensions or trailers is hostile. */
enum { FRAMING_FREE = 64 * 1024, FRAMING_PER_BYTE = 8 };

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

struct slot {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t value_at;
    uint32_t value_len;
};

struct http_answer {
    llhttp_t llhttp;
    struct buf text; /* names and values of the head */
    struct slot slots[HTTP_ANSWER_MAX_HEADERS];
    size_t n_headers;
    struct str piece; /* content that the running call of llhttp has found */
    const char *fault;
    size_t head_bytes;
    uint64_t content_bytes;
    uint64_t framing_bytes;
    int64_t length;
    int status;
    unsigned how;
    bool has_head;
    bool complete;
    bool keeps_connection;
};

static struct http_answer *answer_of(llhttp_t *llhttp)
{
    return CONTAINER_OF(llhttp, struct http_answer, llhttp);
}

static int refuse(struct http_answer *answer, const char *fault)
{
    answer->fault = fault;
    return -1;
}

static int on_begin(llhttp_t *llhttp)
{
    struct http_answer *answer = answer_of(llhttp);

    answer->n_headers = 0;
    answer->slots[0] = (struct slot){0};
    buf_clear(&answer->text);
    return 0;
}

/* The slot of the header in hand is the one behind the last complete header. */
static int on_text(struct http_answer *answer, const char *at, size_t len)
{
    buf_append(&answer->text, at, len);
    return buf_ok(&answer->text) ? 0 : refuse(answer, "its head is too long");
}

static int on_name(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_answer *answer = answer_of(llhttp);
    struct slot *slot = &answer->slots[answer->n_headers];

    if (answer->has_head) {
        return 0; /* a trailer */
    }
    if (answer->n_headers == HTTP_ANSWER_MAX_HEADERS) {
        return refuse(answer, "its head has too many fields");
    }
    if (slot->name_len == 0) {
        slot->name_at = (uint32_t)answer->text.len;
    }
    slot->name_len += (uint32_t)len;
    return on_text(answer, at, len);
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_answer *answer = answer_of(llhttp);
    struct slot *slot = &answer->slots[answer->n_headers];

    if (answer->has_head) {
        return 0;
    }
    if (slot->value_len == 0) {
        slot->value_at = (uint32_t)answer->text.len;
    }
    slot->value_len += (uint32_t)len;
    return on_text(answer, at, len);
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct http_answer *answer = answer_of(llhttp);

    if (answer->has_head) {
        return 0;
    }
    if (answer->slots[answer->n_headers].name_len == 0) {
        return refuse(answer, "one of its fields has no name");
    }
    if (++answer->n_headers < HTTP_ANSWER_MAX_HEADERS) {
        answer->slots[answer->n_headers] = (struct slot){0};
    }
    return 0;
}

static bool has_no_body(const struct http_answer *answer)
{
    return (answer->how & HTTP_ANSWER_TO_HEAD) != 0 || answer->status == 204 ||
           answer->status == 304;
}

/* Returns why the framing of the body is refused; NULL: there is one way to read it. */
static const char *fault_of_framing(struct http_answer *answer)
{
    const llhttp_t *llhttp = &answer->llhttp;
    size_t n_codings = 0;

    for (size_t i = 0; i < answer->n_headers; i++) {
        struct http_answer_header header = http_answer_header_at(answer, i);

        if (str_is_nocase(header.name, "Transfer-Encoding")) {
            n_codings++;
            if (!str_is_nocase(header.value, "chunked")) {
                return "its Transfer-Encoding is not chunked";
            }
        } else if (str_is_nocase(header.name, "Content-Length") &&
                   !str_to_i64(header.value, 0, INT64_MAX, &answer->length)) {
            return "its Content-Length is not a number";
        }
    }
    if (n_codings > 1 || (n_codings == 1 && answer->length >= 0)) {
        return "the length of its body can be read in two ways";
    }
    if (n_codings == 1 && (llhttp->http_minor == 0 || answer->status == 204)) {
        return "its version or status takes no Transfer-Encoding";
    }
    if (n_codings == 0 && answer->length < 0 && (answer->how & HTTP_ANSWER_NO_CLOSE) != 0 &&
        !has_no_body(answer)) {
        return "its body has no length, so a broken connection would look like its end";
    }
    return NULL;
}

static int on_head(llhttp_t *llhttp)
{
    struct http_answer *answer = answer_of(llhttp);
    int status = llhttp->status_code;
    const char *fault;

    if (llhttp->http_major != 1 || llhttp->http_minor > 1) {
        return refuse(answer, "its version is not HTTP/1.0 or HTTP/1.1");
    }
    if (status < STATUS_MIN || status > STATUS_MAX || status == 101) {
        return refuse(answer, status == 101 ? "it changes the protocol, which nobody asked for"
                                            : "its status is not between 100 and 599");
    }
    if (status < 200) {
        return 1; /* no body */
    }
    answer->status = status;
    fault = fault_of_framing(answer);
    if (fault != NULL) {
        answer->status = 0;
        return refuse(answer, fault);
    }
    answer->has_head = true;
    /* Paused, so that what a head costs is counted apart from its body. */
    return has_no_body(answer) ? 1 : HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    answer_of(llhttp)->piece = (struct str){at, len};
    return len > 0 ? HPE_PAUSED : 0;
}

static int on_complete(llhttp_t *llhttp)
{
    struct http_answer *answer = answer_of(llhttp);

    if (!answer->has_head) {
        return 0; /* an interim answer: the real one follows */
    }
    answer->complete = true;
    /* After a 204 that tells a length, the peer may send a body all the same: the connection is not reused. */
    answer->keeps_connection =
        llhttp_should_keep_alive(llhttp) != 0 && (answer->status != 204 || answer->length <= 0);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

struct http_answer *http_answer_new(void)
{
    struct http_answer *answer = mem_zalloc(sizeof(*answer));

    buf_init(&answer->text, HTTP_ANSWER_HEAD_MAX);
    http_answer_begin(answer, 0);
    return answer;
}

void http_answer_free(struct http_answer *answer)
{
    if (answer != NULL) {
        buf_done(&answer->text);
        mem_free(answer);
    }
}

void http_answer_begin(struct http_answer *answer, unsigned how)
{
    llhttp_init(&answer->llhttp, HTTP_RESPONSE, &settings);
    answer->n_headers = 0;
    answer->fault = NULL;
    answer->head_bytes = 0;
    answer->content_bytes = 0;
    answer->framing_bytes = 0;
    answer->length = -1;
    answer->status = 0;
    answer->how = how;
    answer->has_head = false;
    answer->complete = false;
    answer->keeps_connection = false;
}

/* Bytes that are not content have their own ceilings. In one run of llhttp they all come before its piece
 * of content. */
static const char *count_bytes(struct http_answer *answer, bool in_head, size_t used)
{
    if (in_head) {
        answer->head_bytes += used;
        return answer->head_bytes > HTTP_ANSWER_HEAD_MAX ? "its head is too long" : NULL;
    }
    answer->framing_bytes += used - answer->piece.len;
    if (answer->framing_bytes > FRAMING_FREE + FRAMING_PER_BYTE * answer->content_bytes) {
        return "the chunks of its body are too small: most of its bytes are framing";
    }
    answer->content_bytes += answer->piece.len;
    return NULL;
}

/* Runs llhttp until it reports the end of a head, a piece, or the end. False: it needs more bytes. */
static bool run(struct http_answer *answer, struct str bytes, size_t *out_used)
{
    bool in_head = !answer->has_head;
    size_t used = bytes.len;
    enum llhttp_errno code = llhttp_execute(&answer->llhttp, bytes.ptr, bytes.len);

    if (code == HPE_PAUSED) {
        used = (size_t)(llhttp_get_error_pos(&answer->llhttp) - bytes.ptr);
        llhttp_resume(&answer->llhttp);
    } else if (code != HPE_OK && answer->fault == NULL) {
        answer->fault = llhttp_get_error_reason(&answer->llhttp);
        answer->fault = answer->fault != NULL ? answer->fault : "it is not HTTP";
    }
    if (answer->fault == NULL) {
        answer->fault = count_bytes(answer, in_head, used);
    }
    *out_used += used;
    return code == HPE_PAUSED;
}

enum http_answer_event http_answer_next(struct http_answer *answer, struct str bytes,
                                        size_t *out_used, struct str *out_piece)
{
    bool goes_on = true;

    CHECK(!answer->complete);
    *out_used = 0;
    answer->piece = STR_EMPTY;
    while (goes_on && answer->fault == NULL && answer->piece.len == 0 && !answer->complete) {
        goes_on = run(answer, str_sub(bytes, *out_used, bytes.len), out_used);
    }
    if (answer->fault != NULL) {
        return HTTP_ANSWER_BAD;
    }
    *out_piece = answer->piece;
    if (answer->piece.len > 0) {
        return HTTP_ANSWER_PIECE;
    }
    return answer->complete ? HTTP_ANSWER_END : HTTP_ANSWER_MORE;
}

enum http_answer_event http_answer_close(struct http_answer *answer)
{
    if (answer->fault == NULL && answer->has_head && !answer->complete) {
        (void)llhttp_finish(&answer->llhttp); /* sets `complete` where the close is the end */
        answer->keeps_connection = false;
    }
    if (answer->complete) {
        return HTTP_ANSWER_END;
    }
    if (answer->fault == NULL) {
        answer->fault = answer->has_head ? "it broke off in its body" : "it broke off in its head";
    }
    return HTTP_ANSWER_BAD;
}

const char *http_answer_fault(const struct http_answer *answer)
{
    return answer->fault != NULL ? answer->fault : "";
}

bool http_answer_has_head(const struct http_answer *answer)
{
    return answer->has_head;
}

int http_answer_status(const struct http_answer *answer)
{
    return answer->status;
}

size_t http_answer_n_headers(const struct http_answer *answer)
{
    return answer->has_head ? answer->n_headers : 0;
}

struct http_answer_header http_answer_header_at(const struct http_answer *answer, size_t index)
{
    const struct slot *slot = &answer->slots[index];
    struct str text = buf_view(&answer->text);

    CHECK(index < answer->n_headers);
    return (struct http_answer_header){
        .name = str_sub(text, slot->name_at, slot->name_len),
        .value = str_trim(str_sub(text, slot->value_at, slot->value_len))};
}

struct str http_answer_header(const struct http_answer *answer, const char *name)
{
    struct str wanted = str_from(name);
    struct str text = buf_view(&answer->text);

    for (size_t i = 0; i < http_answer_n_headers(answer); i++) {
        const struct slot *slot = &answer->slots[i];

        if (slot->name_len == wanted.len &&
            str_eq_nocase(str_sub(text, slot->name_at, slot->name_len), wanted)) {
            return http_answer_header_at(answer, i).value;
        }
    }
    return STR_EMPTY;
}

int64_t http_answer_length(const struct http_answer *answer)
{
    return answer->length;
}

bool http_answer_keeps_connection(const struct http_answer *answer)
{
    return answer->keeps_connection;
}
