/* Answers as a client reads them: framing, what is refused, and codings of content. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <zlib.h>

#include "answers.h"
#include "base/mem.h"

int test_answer(void);

enum { TO_HEAD = HTTP_ANSWER_TO_HEAD, NO_CLOSE = HTTP_ANSWER_NO_CLOSE, CLOSES = 4 };

struct answer_row {
    const char *bytes;
    unsigned how;
    const char *text; /* "bad" fits any refusal */
};

#define OK "HTTP/1.1 200 OK\r\n"

/* clang-format off */
static const struct answer_row rows[] = {
    /* framings */
    {OK "Content-Length: 3\r\n\r\nabc", 0, "200 [abc] end keep"},
    {OK "Content-Length: 3\r\n\r\nab", 0, "200 [ab] more"},
    {OK "Content-Length: 0\r\n\r\n", 0, "200 [] end keep"},
    {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\n\r\n", 0, "200 [abcde] end keep"},
    {OK "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\nX-Other: 9\r\n\r\n", 0, "200 [abc] end keep"},
    {OK "\r\nabc", CLOSES, "200 [abc] end"},
    {OK "\r\n", CLOSES, "200 [] end"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 0, "200 [a] end"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 0, "200 [a] end keep"},
    {OK "Connection: close\r\nContent-Length: 1\r\n\r\na", 0, "200 [a] end"},
    {OK "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", 0, "200 [a] end"},
    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", 0, "200 [a] end keep"},
    /* until the close, where a close tells nothing */
    {OK "\r\nabc", NO_CLOSE | CLOSES, "bad: its body has no length, so a broken connection would look like its end"},
    {OK "Content-Length: 3\r\n\r\nabc", NO_CLOSE, "200 [abc] end keep"},
    {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NO_CLOSE, "200 [] end keep"},
    {OK "\r\n", NO_CLOSE | TO_HEAD, "200 [] end keep"},
    {"HTTP/1.1 204 No\r\n\r\n", NO_CLOSE, "204 [] end keep"},
    {"HTTP/1.1 304 No\r\n\r\n", NO_CLOSE, "304 [] end keep"},
    /* no body, whatever the head says */
    {OK "Content-Length: 3\r\n\r\n", TO_HEAD, "200 [] end keep"},
    {OK "Transfer-Encoding: chunked\r\n\r\n", TO_HEAD, "200 [] end keep"},
    {OK "\r\n", TO_HEAD, "200 [] end keep"},
    {"HTTP/1.1 204 No\r\n\r\n", 0, "204 [] end keep"},
    {"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc", 0, "204 [] end, 3 left"},
    {"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", 0, "304 [] end keep"},
    /* interim answers */
    {"HTTP/1.1 100 Go\r\n\r\n" OK "Content-Length: 1\r\n\r\na", 0, "200 [a] end keep"},
    {"HTTP/1.1 103 Hints\r\nLink: x\r\nContent-Length: 7\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK "Content-Length: 1\r\n\r\na", 0, "200 [a] end keep"},
    {"HTTP/1.1 100 Go\r\n\r\n", 0, "0 [] more"},
    {"HTTP/1.1 100 Go\r\n\r\n", CLOSES, "bad: it broke off in its head"},
    /* what belongs to the next one */
    {OK "Content-Length: 1\r\n\r\na" OK, 0, "200 [a] end keep, 17 left"},
    {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP", 0, "200 [] end keep, 4 left"},
    /* cut short */
    {"", CLOSES, "bad: it broke off in its head"},
    {OK, CLOSES, "bad: it broke off in its head"},
    {OK "Content-Type: x", CLOSES, "bad: it broke off in its head"},
    {OK "Content-Length: 3\r\n\r\n", CLOSES, "bad: it broke off in its body"},
    {OK "Content-Length: 3\r\n\r\nab", CLOSES, "bad: it broke off in its body"},
    {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", CLOSES, "bad: it broke off in its body"},
    {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", CLOSES, "bad: it broke off in its body"},
    /* two ways to read it */
    {OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 0, "bad"},
    {OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 0, "bad"},
    {OK "Content-Length: 3, 4\r\n\r\nabcd", 0, "bad"},
    {OK "Content-Length: 12345678901234567890123\r\n\r\n", 0, "bad"},
    {OK "Content-Length: 18446744073709551615\r\n\r\n", 0, "bad"},
    {OK "Content-Length: -1\r\n\r\n", 0, "bad"},
    {OK "Content-Length: +1\r\n\r\na", 0, "bad"},
    {OK "Content-Length: 0x1\r\n\r\na", 0, "bad"},
    {OK "Content-Length:\r\n\r\na", 0, "bad"},
    {OK "Content-Length : 1\r\n\r\na", 0, "bad"},
    {OK "Transfer-Encoding: gzip\r\n\r\nx", CLOSES, "bad"},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", CLOSES, "bad"},
    {OK "Transfer-Encoding:\r\n\r\n0\r\n\r\n", CLOSES, "bad"},
    {OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", CLOSES, "bad"},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 0, "bad: it changes the protocol, which nobody asked for"},
    {OK "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\na\r\n", 0, "bad"},
    {OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 0, "bad"},
    /* not HTTP/1 */
    {"this is not HTTP\r\n\r\n", 0, "bad"},
    {"GET / HTTP/1.1\r\n\r\n", 0, "bad"},
    {"HTTP/2.0 200 OK\r\n\r\n", 0, "bad"},
    {"HTTP/0.9 200 OK\r\n\r\n", 0, "bad"},
    {"HTTP/1.2 200 OK\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 000 OK\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 999 OK\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 20 OK\r\n\r\n", 0, "bad"},
    {"HTTP/1.1 2000 OK\r\n\r\n", 0, "bad"},
    {OK "Bad Name: 1\r\n\r\n", 0, "bad"},
    {OK "X: a\x01" "b\r\n\r\n", 0, "bad"},
    {OK "X: a\rb\r\nContent-Length: 0\r\n\r\n", 0, "bad"},
    {OK ": no name\r\n\r\n", 0, "bad"},
};

/* clang-format on */

static void check_row(const struct answer_row *row, size_t first, size_t step)
{
    struct reading reading;
    const char *text;

    reading_run(&reading, str_from(row->bytes), row->how & ~(unsigned)CLOSES,
                (row->how & CLOSES) != 0, first, step);
    text = buf_cstr(&reading.text);
    if (strcmp(text, row->text) != 0 &&
        !(strcmp(row->text, "bad") == 0 && strncmp(text, "bad: ", 5) == 0)) {
        fail_msg("row %zu, split %zu, %zu of \"%s\": \"%s\" instead of \"%s\"",
                 (size_t)(row - rows), first, step, row->bytes, text, row->text);
    }
    reading_done(&reading);
}

static void each_answer_reads_the_same_however_it_is_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(&rows[i], 0, 0);
        check_row(&rows[i], 0, 1);
        for (size_t first = 1; first < strlen(rows[i].bytes); first++) {
            check_row(&rows[i], first, 0);
        }
    }
}

static void headers_are_found_by_name_and_in_order(void **state)
{
    static const char bytes[] = "HTTP/1.1 103 Early\r\nLink: early\r\n\r\n" OK
                                "Content-Type:  application/json \t\r\nX-Empty:\r\n"
                                "Retry-After: 1\r\nretry-after: 2\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n";
    struct reading reading;

    (void)state;
    for (size_t step = 0; step < 3; step++) {
        reading_run(&reading, str_from(bytes), 0, false, 0, step);
        assert_int_equal(reading.end, HTTP_ANSWER_END);
        assert_int_equal(http_answer_n_headers(reading.answer), 5);
        assert_true(str_is(http_answer_header(reading.answer, "content-type"), "application/json"));
        assert_true(str_is(http_answer_header(reading.answer, "Retry-After"), "1"));
        assert_int_equal(http_answer_header(reading.answer, "X-Empty").len, 0);
        assert_int_equal(http_answer_header(reading.answer, "Link").len, 0);
        assert_int_equal(http_answer_header(reading.answer, "X-Late").len, 0);
        assert_true(str_is(http_answer_header_at(reading.answer, 3).name, "retry-after"));
        assert_true(str_is(http_answer_header_at(reading.answer, 1).name, "X-Empty"));
        assert_int_equal(http_answer_length(reading.answer), -1);
        reading_done(&reading);
    }
}

static void one_answer_serves_many_and_forgets(void **state)
{
    struct reading reading;
    size_t used = 0;
    struct str piece;

    (void)state;
    reading_run(&reading, STR("HTTP/1.1 500 No\r\nETag: x\r\nContent-Length: 9\r\n\r\nabc"),
                TO_HEAD, false, 0, 0);
    assert_int_equal(http_answer_status(reading.answer), 500);
    http_answer_begin(reading.answer, 0);
    assert_false(http_answer_has_head(reading.answer));
    assert_int_equal(http_answer_status(reading.answer), 0);
    assert_int_equal(
        http_answer_next(reading.answer, STR(OK "Content-Length: 1\r\n\r\na"), &used, &piece),
        HTTP_ANSWER_PIECE);
    assert_true(str_is(piece, "a"));
    assert_int_equal(http_answer_header(reading.answer, "ETag").len, 0);
    assert_int_equal(http_answer_length(reading.answer), 1);
    reading_done(&reading);
}

/* `head`, then `line` again and again until `bytes` are reached, then `tail`. */
static void expect_of_many(const char *head, const char *line, size_t bytes, const char *tail,
                           enum http_answer_event end)
{
    struct buf text;
    struct reading reading;

    buf_init(&text, READING_MAX);
    buf_text(&text, head);
    while (text.len < bytes) {
        buf_text(&text, line);
    }
    buf_text(&text, tail);
    for (size_t step = 0; step < 20000; step += 7777) {
        reading_run(&reading, buf_view(&text), 0, false, 0, step);
        if (reading.end != end) {
            fail_msg("%zu bytes of \"%s\", step %zu: %s", bytes, line, step,
                     buf_cstr(&reading.text));
        }
        reading_done(&reading);
    }
    buf_done(&text);
}

static void heads_and_framing_have_a_ceiling(void **state)
{
    static const char end[] = "Content-Length: 0\r\n\r\n";
    static const char chunked[] = OK "Transfer-Encoding: chunked\r\n\r\n";

    (void)state;
    expect_of_many(OK "X: ", "0123456789", 60000, "\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER_END);
    expect_of_many(OK "X: ", "0123456789", 400000, "\r\nContent-Length: 0\r\n\r\n",
                   HTTP_ANSWER_BAD);
    expect_of_many(OK, "X: 0123456789\r\n", 1500, end, HTTP_ANSWER_END);
    expect_of_many(OK, "X: 0123456789\r\n", 3000, end, HTTP_ANSWER_BAD); /* fields */
    expect_of_many("HTTP/1.1 200 ", "reason ", 400000, "\r\nContent-Length: 0\r\n\r\n",
                   HTTP_ANSWER_BAD);
    expect_of_many("HTTP/1.1 200 ", "reason ", 66000, "\r\nContent-Length: 0\r\n\r\n",
                   HTTP_ANSWER_BAD);
    expect_of_many(OK "X:", "    ", 66000, "\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER_BAD);
    expect_of_many(OK "Transfer-Encoding: chunked\r\n\r\n1;", "x", 66000, "\r\nx\r\n0\r\n\r\n",
                   HTTP_ANSWER_BAD);
    expect_of_many("", "HTTP/1.1 100 Go\r\n\r\n", 400000, OK "Content-Length: 0\r\n\r\n",
                   HTTP_ANSWER_BAD);
    expect_of_many(chunked, "1\r\nx\r\n", 600000, "0\r\n\r\n", HTTP_ANSWER_END);
    expect_of_many(chunked, "1;0123456789012345678901234567890123456789\r\nx\r\n", 600000,
                   "0\r\n\r\n", HTTP_ANSWER_BAD);
    expect_of_many(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: 0123456789\r\n", 600000,
                   "\r\n", HTTP_ANSWER_BAD);
}

/* --- codings --------------------------------------------------------------------------------- */

static struct http_decoder *decoder;

/* Packs `n` times 'a'; window bits as of zlib. */
static void pack(struct buf *out, size_t n, int window)
{
    z_stream z = {0};
    char *text = mem_alloc(n);

    memset(text, 'a', n);
    buf_init(out, READING_MAX);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)text;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)buf_reserve(out, n + 1000);
    z.avail_out = (uInt)n + 1000;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_grew(out, n + 1000 - z.avail_out);
    (void)deflateEnd(&z);
    mem_free(text);
}

static enum error_code decode(const char *coding, struct str body, size_t ceiling, size_t *out_len)
{
    struct buf out;
    enum error_code code;

    buf_init(&out, ceiling);
    code = http_decode(&decoder, str_from(coding), body, &out);
    *out_len = out.len;
    buf_done(&out);
    return code;
}

static void every_coding_is_decoded_and_cut_ones_are_refused(void **state)
{
    static const struct {
        const char *coding;
        int window;
    } codings[] = {{"gzip", 15 + 16}, {"X-GZIP", 15 + 16},         {"deflate", 15},
                   {"deflate", -15},  {"identity, gzip", 15 + 16}, {"deflate ,,Identity", 15}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
        struct buf packed;
        size_t len = 0;

        pack(&packed, 100000, codings[i].window);
        assert_int_equal(decode(codings[i].coding, buf_view(&packed), 200000, &len), ERR_OK);
        assert_int_equal(len, 100000);
        assert_int_equal(decode(codings[i].coding, buf_view(&packed), 100000, &len), ERR_OK);
        assert_int_equal(decode(codings[i].coding, buf_view(&packed), 99999, &len),
                         ERR_UPSTREAM_TOO_BIG);
        for (size_t n = 1; n < packed.len; n++) {
            assert_int_equal(
                decode(codings[i].coding, str_sub(buf_view(&packed), 0, n), 200000, &len),
                ERR_UPSTREAM_SHAPE);
        }
        buf_char(&packed, 'x');
        assert_int_equal(decode(codings[i].coding, buf_view(&packed), 200000, &len),
                         ERR_UPSTREAM_SHAPE);
        buf_done(&packed);
    }
    http_decoder_free(decoder);
    decoder = NULL;
}

static void plain_and_unknown_codings(void **state)
{
    size_t len = 0;

    (void)state;
    assert_int_equal(decode("", STR("abc"), 10, &len), ERR_OK);
    assert_int_equal(decode("identity", STR("abc"), 3, &len), ERR_OK);
    assert_int_equal(len, 3);
    assert_int_equal(decode("identity", STR("abc"), 2, &len), ERR_UPSTREAM_TOO_BIG);
    assert_int_equal(decode("br", STR("abc"), 10, &len), ERR_UPSTREAM_SHAPE);
    assert_int_equal(decode("gzip, gzip", STR("abc"), 10, &len), ERR_UPSTREAM_SHAPE);
    assert_int_equal(decode("gzip", STR("abc"), 10, &len), ERR_UPSTREAM_SHAPE);
    assert_int_equal(decode("gzip", STR_EMPTY, 10, &len), ERR_OK); /* as after HEAD or a 304 */
    http_decoder_free(decoder);
    decoder = NULL;
}

int test_answer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_reads_the_same_however_it_is_split),
        cmocka_unit_test(headers_are_found_by_name_and_in_order),
        cmocka_unit_test(one_answer_serves_many_and_forgets),
        cmocka_unit_test(heads_and_framing_have_a_ceiling),
        cmocka_unit_test(every_coding_is_decoded_and_cut_ones_are_refused),
        cmocka_unit_test(plain_and_unknown_codings),
    };

    return cmocka_run_group_tests_name("http answers", tests, NULL, NULL);
}
