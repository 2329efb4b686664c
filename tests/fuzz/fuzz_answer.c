/* Bytes of the platform through the parser of answers, without sockets.
 * Input: the first byte says how the rest is split and how it is read, the rest is
 * what the platform sends before it closes.
 * Held: the pieces give the same as the whole; a complete answer has one framing, and a body of the
 * length that was announced; what is decoded stays below its ceiling. */
#include <stddef.h>
#include <stdint.h>

#include "../unit/http/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { DECODED_MAX = 64 * 1024 };

static struct http_decoder *decoder; /* one for all inputs, as in the program */

static void check_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        CHECK((c >= ' ' && c != 0x7F) || c == '\t');
    }
}

static bool is_framing(struct str name)
{
    return str_is_nocase(name, "Content-Length") || str_is_nocase(name, "Transfer-Encoding");
}

static void check_head(const struct http_answer *answer)
{
    size_t n_framings = 0;

    for (size_t i = 0; i < http_answer_n_headers(answer); i++) {
        struct http_answer_header header = http_answer_header_at(answer, i);

        CHECK(header.name.len > 0);
        n_framings += is_framing(header.name) ? 1 : 0;
        check_value(header.value);
    }
    CHECK(n_framings <= 1);
}

static void check_end(const struct http_answer *answer, const struct reading *reading)
{
    int status = http_answer_status(answer);
    int64_t length = http_answer_length(answer);

    CHECK(status >= 200 && status <= 599);
    CHECK(reading->body.len == 0 || length < 0 || (uint64_t)length == reading->body.len);
}

static void check_decode(const struct reading *reading)
{
    struct str coding = http_answer_header(reading->answer, "Content-Encoding");
    struct buf out;
    enum error_code code;

    buf_init(&out, DECODED_MAX);
    code = http_decode(&decoder, coding, buf_view(&reading->body), &out);
    CHECK(out.len <= DECODED_MAX);
    CHECK(code == ERR_OK || code == ERR_UPSTREAM_TOO_BIG || code == ERR_UPSTREAM_SHAPE);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct reading whole;
    struct reading split;
    unsigned how;
    size_t step;

    if (len < 1) {
        return 0;
    }
    how = ((bytes[0] & 0x80) != 0 ? HTTP_ANSWER_TO_HEAD : 0U) |
          ((bytes[0] & 0x40) != 0 ? HTTP_ANSWER_NO_CLOSE : 0U);
    step = (size_t)bytes[0] % 16; /* 0: in two parts */
    text = str_sub(text, 1, len);
    reading_run(&whole, text, how, true, 0, 0);
    reading_run(&split, text, how, true, step == 0 ? bytes[0] : step, step);
    CHECK(whole.end != HTTP_ANSWER_MORE && whole.end == split.end);
    CHECK(whole.end == HTTP_ANSWER_BAD || str_eq(buf_view(&whole.text), buf_view(&split.text)));
    check_head(whole.answer);
    if (whole.end == HTTP_ANSWER_END) {
        check_end(whole.answer, &whole);
        check_decode(&whole);
    }
    reading_done(&whole);
    reading_done(&split);
    return 0;
}
