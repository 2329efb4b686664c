/* Our side of TLS over memory, against a client over memory: no socket, no loop. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/tls.h"
#include "harness/tls_client.h"

int test_tls_stream(void);

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

struct pair {
    struct tls_config *config;
    struct tls_stream *server;
    struct tls_client *client;
    struct buf at_server; /* plain text */
    struct buf at_client;
    struct error err;
    enum tls_verdict verdict;
};

static int begin(void **state)
{
    struct pair *pair = mem_zalloc(sizeof(*pair));

    assert_int_equal(
        tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &pair->config, &pair->err), ERR_OK);
    pair->server = tls_stream_new(pair->config);
    pair->client = tls_client_new();
    buf_init(&pair->at_server, 4 << 20);
    buf_init(&pair->at_client, 4 << 20);
    *state = pair;
    return 0;
}

static int end(void **state)
{
    struct pair *pair = *state;

    tls_client_free(pair->client);
    tls_stream_free(pair->server);
    tls_config_free(pair->config);
    buf_done(&pair->at_server);
    buf_done(&pair->at_client);
    mem_free(pair);
    return 0;
}

/* Moves what either side has for the other, `step` bytes at a time (0: all), until neither has
 * anything; false: the client failed. */
static bool move_all(struct pair *pair, size_t step)
{
    bool fine = tls_client_read(pair->client, &pair->at_client);

    while (fine &&
           tls_client_output(pair->client)->len + tls_stream_output(pair->server)->len > 0) {
        struct buf *up = tls_client_output(pair->client);
        struct buf *down = tls_stream_output(pair->server);
        size_t n = step > 0 && step < up->len ? step : up->len;

        tls_stream_feed(pair->server, str_sub(buf_view(up), 0, n));
        buf_consume(up, n);
        pair->verdict = tls_stream_read(pair->server, &pair->at_server, &pair->err);
        tls_client_feed(pair->client, buf_view(down));
        tls_stream_sent(pair->server);
        fine = tls_client_read(pair->client, &pair->at_client);
    }
    return fine;
}

static void both_sides_agree_and_talk_however_the_bytes_come(void **state)
{
    struct pair *pair = *state;

    assert_false(tls_stream_is_secured(pair->server));
    assert_true(move_all(pair, 1)); /* byte by byte */
    assert_true(tls_stream_is_secured(pair->server));
    assert_true(tls_client_write(pair->client, STR("GET / HTTP/1.1\r\n")));
    assert_true(move_all(pair, 5));
    assert_true(str_is(buf_view(&pair->at_server), "GET / HTTP/1.1\r\n"));
    assert_true(tls_stream_write(pair->server, STR("HTTP/1.1 200 OK\r\n"), &pair->err));
    assert_true(move_all(pair, 0));
    assert_true(str_is(buf_view(&pair->at_client), "HTTP/1.1 200 OK\r\n"));
    assert_int_equal(pair->verdict, TLS_WANT_MORE);
}

static void many_bytes_pass_both_ways(void **state)
{
    enum { N = 300000 };
    struct pair *pair = *state;
    char *bytes = mem_alloc(N);

    for (size_t i = 0; i < N; i++) {
        bytes[i] = (char)(i * 7);
    }
    assert_true(move_all(pair, 0));
    assert_true(tls_client_write(pair->client, (struct str){bytes, N}));
    assert_true(tls_stream_write(pair->server, (struct str){bytes, N}, &pair->err));
    assert_true(move_all(pair, 10000));
    assert_int_equal(pair->at_server.len, N);
    assert_memory_equal(pair->at_server.ptr, bytes, N);
    assert_int_equal(pair->at_client.len, N);
    assert_memory_equal(pair->at_client.ptr, bytes, N);
    mem_free(bytes);
}

/* Nobody takes what the stream puts out until all of an answer is written. */
static void a_very_long_answer_waits_whole(void **state)
{
    enum { N = 65 << 20 };
    struct pair *pair = *state;
    char *zeros = mem_calloc(1, N);

    assert_true(move_all(pair, 0));
    assert_true(tls_stream_write(pair->server, (struct str){zeros, N}, &pair->err));
    assert_true(tls_stream_output(pair->server)->len > N);
    mem_free(zeros);
}

static void the_end_is_told_on_both_sides(void **state)
{
    struct pair *pair = *state;

    assert_true(move_all(pair, 0));
    tls_stream_close_notify(pair->server);
    assert_true(move_all(pair, 0));
    assert_true(tls_client_has_ended(pair->client));
    tls_client_end(pair->client);
    (void)move_all(pair, 0);
    assert_int_equal(pair->verdict, TLS_END);
}

static void bytes_that_are_no_tls_fail_for_good(void **state)
{
    struct pair *pair = *state;

    tls_stream_feed(pair->server, STR("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(tls_stream_read(pair->server, &pair->at_server, &pair->err), TLS_FAILED);
    assert_int_equal(pair->err.code, ERR_TLS);
    tls_stream_feed(pair->server, STR("more"));
    assert_int_equal(tls_stream_read(pair->server, &pair->at_server, &pair->err), TLS_FAILED);
    assert_false(tls_stream_write(pair->server, STR("x"), &pair->err));
    assert_int_equal(pair->at_server.len, 0);
}

static void a_record_that_was_changed_is_refused(void **state)
{
    struct pair *pair = *state;
    struct buf *up;

    assert_true(move_all(pair, 0));
    assert_true(tls_client_write(pair->client, STR("secret")));
    up = tls_client_output(pair->client);
    up->ptr[up->len - 1] ^= 1;
    tls_stream_feed(pair->server, buf_view(up));
    assert_int_equal(tls_stream_read(pair->server, &pair->at_server, &pair->err), TLS_FAILED);
    assert_int_equal(pair->at_server.len, 0);
}

static void files_that_do_not_serve_are_named(void **state)
{
    static const char *const rows[][3] = {
        {TLS_DIR "/none.pem", TLS_DIR "/key.pem", "none.pem"},
        {TLS_DIR "/key.pem", TLS_DIR "/key.pem", "key.pem"},
        {TLS_DIR "/cert.pem", TLS_DIR "/none.pem", "none.pem"},
        {TLS_DIR "/cert.pem", TLS_DIR "/cert.pem", "cert.pem"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tls_config *config = NULL;
        struct error err = {0};

        assert_int_equal(tls_config_new(rows[i][0], rows[i][1], &config, &err), ERR_TLS);
        assert_null(config);
        assert_true(str_contains(str_from(err.text), str_from(rows[i][2])));
    }
}

static void the_end_of_a_certificate_is_told(void **state)
{
    struct tls_config *config = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &config, &err),
                     ERR_OK);
    assert_int_equal(tls_config_expiry(config), INT64_C(3350650192)); /* 2076-03-05T16:09:52Z */
    tls_config_free(config);
}

int test_tls_stream(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(both_sides_agree_and_talk_however_the_bytes_come),
        T(many_bytes_pass_both_ways),
        T(a_very_long_answer_waits_whole),
        T(the_end_is_told_on_both_sides),
        T(bytes_that_are_no_tls_fail_for_good),
        T(a_record_that_was_changed_is_refused),
        cmocka_unit_test(files_that_do_not_serve_are_named),
        cmocka_unit_test(the_end_of_a_certificate_is_told),
    };
#undef T

    return cmocka_run_group_tests_name("crypto: TLS", tests, NULL, NULL);
}
