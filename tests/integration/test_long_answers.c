/* Answers of megabytes: sent piece by piece, packed or not, to whoever reads slowly or leaves, and kept
 * whole for an Idempotency-Key. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"
#include "http/answer.h"

enum { STEPS = 4000, ANSWER_MAX = 16 * 1024 * 1024, PLAIN_MIN = 100000 };

static void write_file(struct buf *out)
{
    buf_init(out, 1U << 20);
    buf_text(out, "name: x\nsteps:\n");
    for (int i = 0; i < STEPS; i++) {
        buf_printf(out, "  - click: \"a button that has the number %d\"\n", i);
    }
}

static const char *const targets[] = {"/api/v1/tests/run?dry_run=true",
                                      "/api/v1/tests/compile?to=upstream", "/api/v1/tests/compile",
                                      "/api/v1/tests/compile?to=sentences"};

static void unpack(const struct reply *reply, struct buf *out)
{
    struct http_decoder *decoder = NULL;

    buf_init(out, ANSWER_MAX);
    assert_int_equal(
        http_decode(&decoder, reply_field(reply, "Content-Encoding"), reply_text(reply), out),
        ERR_OK);
    http_decoder_free(decoder);
}

static void ask(struct proxy *proxy, const char *target, const char *fields, const struct buf *file)
{
    client_ask(proxy->program.port, "POST", target, fields, buf_view(file), &proxy->reply);
    assert_int_equal(proxy->reply.status, 200);
}

static void a_packed_answer_is_the_same(void **state)
{
    struct proxy proxy;
    struct buf file;
    struct buf plain;
    struct buf unpacked;

    (void)state;
    write_file(&file);
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        ask(&proxy, targets[i], "Content-Type: application/yaml\r\n", &file);
        assert_int_equal(reply_field(&proxy.reply, "Content-Encoding").len, 0);
        assert_true(str_contains(reply_field(&proxy.reply, "Vary"), STR("Accept-Encoding")));
        assert_true(reply_field(&proxy.reply, "Server-Timing").len > 0);
        unpack(&proxy.reply, &plain);
        assert_true(plain.len > PLAIN_MIN);
        if (str_contains(reply_field(&proxy.reply, "Content-Type"), STR("json"))) {
            assert_non_null(reply_json(&proxy.reply, &proxy.arena));
        }
        ask(&proxy, targets[i], "Content-Type: application/yaml\r\nAccept-Encoding: br, gzip\r\n",
            &file);
        assert_true(str_is(reply_field(&proxy.reply, "Content-Encoding"), "gzip"));
        assert_true(reply_text(&proxy.reply).len < plain.len / 4);
        unpack(&proxy.reply, &unpacked);
        assert_true(str_eq(buf_view(&plain), buf_view(&unpacked)));
        buf_done(&plain);
        buf_done(&unpacked);
    }
    buf_done(&file);
    proxy_stop(&proxy);
}

/* The files of Swagger UI are in the binary with gzip only. A proxy on the way may take Accept-Encoding off (nginx does,
 * with proxy_set_header), and then they are needed without. A build without Swagger UI has the plain page, and no such files. */
static void a_file_that_is_kept_packed_goes_to_everybody(void **state)
{
    static const char *const files[] = {"/docs/bundle.js", "/docs/style.css"};

    static const struct {
        const char *fields;
        bool is_packed;
    } rows[] = {
        {"", false},
        {"Accept-Encoding:\r\n", false},
        {"Accept-Encoding: br\r\n", false},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: x-gzip;q=0.000, deflate\r\n", false},
        {"Accept-Encoding: identity;q=0.5, *;q=0\r\n", false},
        {"Accept-Encoding: *\r\n", true},
        {"Accept-Encoding: br, GZIP;q=0.1\r\n", true},
        {"Accept-Encoding: br\r\nAccept-Encoding: x-gzip\r\n", true},
        {"Accept-Encoding: *;q=0, gzip\r\n", true},
    };
    struct proxy proxy;
    struct buf plain;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(files) * ARRAY_LEN(rows); i++) {
        const char *file = files[i / ARRAY_LEN(rows)];
        size_t row = i % ARRAY_LEN(rows);

        client_ask(proxy.program.port, "GET", file, "Accept-Encoding: gzip\r\n", STR_EMPTY,
                   &proxy.reply);
        if (proxy.reply.status == 404) {
            break;
        }
        unpack(&proxy.reply, &plain);
        client_ask(proxy.program.port, "GET", file, rows[row].fields, STR_EMPTY, &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
        assert_true(str_is(reply_field(&proxy.reply, "Vary"), "Accept-Encoding"));
        assert_true(str_is(reply_field(&proxy.reply, "Content-Encoding"),
                           rows[row].is_packed ? "gzip" : ""));
        assert_int_equal(str_eq(reply_text(&proxy.reply), buf_view(&plain)), !rows[row].is_packed);
        buf_done(&plain);
        client_ask(proxy.program.port, "GET", file, "Accept-Encoding: *;q=0\r\n", STR_EMPTY,
                   &proxy.reply);
        assert_int_equal(proxy.reply.status, 406);
        assert_true(str_is(reply_field(&proxy.reply, "Vary"), "Accept-Encoding"));
    }
    proxy_stop(&proxy);
}

/* HTTP/1.0 has no chunks: the end of the answer is that of the connection. */
static void an_old_client_gets_the_whole(void **state)
{
    struct proxy proxy;
    struct client client;
    struct buf file;
    struct buf request;

    (void)state;
    write_file(&file);
    proxy_start(&proxy, NULL);
    buf_init(&request, 1U << 20);
    buf_printf(&request,
               "POST %s HTTP/1.0\r\nContent-Type: application/yaml\r\nContent-Length: %zu\r\n\r\n",
               targets[0], file.len);
    buf_str(&request, buf_view(&file));
    client_open(&client, proxy.program.port);
    assert_true(client_send(&client, buf_view(&request)));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_false(proxy.reply.chunked);
    assert_int_equal(json_size(json_get(reply_json(&proxy.reply, &proxy.arena), "requests")),
                     STEPS + 7);
    client_close(&client);
    buf_done(&request);
    buf_done(&file);
    proxy_stop(&proxy);
}

/* Who does not read holds up nobody, and is let go; who leaves in the middle leaves nothing behind. */
static void who_does_not_read_or_leaves(void **state)
{
    static const char *const sets[] = {"http.write_timeout_ms=400", NULL};
    struct proxy proxy;
    struct client slow;
    struct client gone;
    struct buf file;

    (void)state;
    write_file(&file);
    proxy_start(&proxy, sets);
    client_open_small(&slow, proxy.program.port, 4096);
    client_open_small(&gone, proxy.program.port, 4096);
    for (int i = 0; i < 20;
         i++) { /* more than the kernel holds; what it does not take is not sent */
        if (!client_send_request(&slow, "POST", targets[0], "Content-Type: application/yaml\r\n",
                                 buf_view(&file))) {
            break;
        }
    }
    assert_true(client_send_request(&gone, "POST", targets[1], "Content-Type: application/yaml\r\n",
                                    buf_view(&file)));
    assert_int_equal(client_read_head(&gone, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_reset(&gone);
    proxy_wait_open(&proxy, 0);
    client_close(&slow);
    buf_done(&file);
    proxy_stop(&proxy);
}

static void a_key_keeps_the_whole(void **state)
{
    struct proxy proxy;
    struct buf file;
    struct buf first;

    (void)state;
    write_file(&file);
    proxy_start(&proxy, NULL);
    ask(&proxy, targets[1], "Content-Type: application/yaml\r\nIdempotency-Key: k\r\n", &file);
    assert_true(proxy.reply.chunked);
    unpack(&proxy.reply, &first);
    ask(&proxy, targets[1], "Content-Type: application/yaml\r\nIdempotency-Key: k\r\n", &file);
    assert_true(str_is(reply_field(&proxy.reply, "Idempotency-Replayed"), "true"));
    assert_true(str_eq(buf_view(&first), reply_text(&proxy.reply)));
    buf_char(&file, '\n');
    client_ask(proxy.program.port, "POST", targets[1],
               "Content-Type: application/yaml\r\nIdempotency-Key: k\r\n", buf_view(&file),
               &proxy.reply);
    assert_int_equal(proxy.reply.status, 422);
    buf_done(&first);
    buf_done(&file);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packed_answer_is_the_same),
        cmocka_unit_test(a_file_that_is_kept_packed_goes_to_everybody),
        cmocka_unit_test(an_old_client_gets_the_whole),
        cmocka_unit_test(who_does_not_read_or_leaves),
        cmocka_unit_test(a_key_keeps_the_whole),
    };

    return cmocka_run_group_tests_name("long answers", tests, NULL, NULL);
}
