/* TLS on both sides: one proxy with a certificate in front of the sandbox, another one that has it
 * as its platform. So our listener is spoken to by libcurl, which checks the certificate. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

static const char *const tls_sets[] = {"server.tls_certificate_file=" TLS_DIR "/cert.pem",
                                       "server.tls_key_file=" TLS_DIR "/key.pem", NULL};

/* Under TLS the plain test client is no use: only start and stop. */
static void start_secured(struct program *program)
{
    static const char *const args[] = {
        "serve", "--sandbox", "--listen", "127.0.0.1:0",       "--set", NULL,
        "--set", NULL,        "--set",    "drain.notice_ms=0", NULL};
    const char *copy[ARRAY_LEN(args)];

    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        copy[i] = args[i];
    }
    copy[5] = tls_sets[0];
    copy[7] = tls_sets[1];
    program_start(program, copy, NULL);
    program->port = program_wait_port(program, "listening on https://");
}

static void start_in_front(struct proxy *proxy, const struct program *secured, const char *set)
{
    static const char *const token[] = {"VIRTUOSO_API_TOKEN=token-of-a-test", NULL};
    const char *args[] = {"serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--set",
                          "auth.mode=none",
                          "--set",
                          "drain.notice_ms=0",
                          "--set",
                          NULL,
                          "--set",
                          set,
                          NULL};

    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    args[8] = arena_printf(&proxy->arena, "upstream.base_url=https://127.0.0.1:%d/api",
                           (int)secured->port)
                  .ptr;
    program_serve(&proxy->program, args, token);
}

static void a_certificate_that_is_trusted_serves(void **state)
{
    struct program secured;
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    start_secured(&secured);
    start_in_front(&proxy, &secured, "upstream.ca_file=" TLS_DIR "/cert.pem");
    for (int i = 0; i < 20; i++) {
        answer = proxy_ask(&proxy, "GET", "/api/user", NULL, "");
        assert_int_equal(proxy.reply.status, 200);
        assert_true(json_str(json_get(answer, "name")).len > 0);
    }
    proxy_stop(&proxy);
    program_stop(&secured);
    program_done(&secured);
}

static void a_certificate_that_is_not_trusted_is_refused(void **state)
{
    struct program secured;
    struct proxy proxy;

    (void)state;
    start_secured(&secured);
    start_in_front(&proxy, &secured, "upstream.max_tries=1");
    (void)proxy_ask(&proxy, "GET", "/api/user", NULL, "");
    assert_int_equal(proxy.reply.status, 502);
    proxy_stop(&proxy);
    program_stop(&secured);
    program_done(&secured);
}

static void plain_bytes_on_a_secured_port_end_the_connection(void **state)
{
    struct program secured;
    struct client client;
    struct reply reply;
    enum client_result result;

    (void)state;
    start_secured(&secured);
    client_open(&client, secured.port);
    (void)client_send(&client, STR("GET /health?canary HTTP/1.1\r\nHost: x\r\n"
                                   "Authorization: Bearer canary\r\n\r\n"));
    reply_init(&reply);
    result = client_read(&client, false, &reply); /* an alert of TLS may come before the end */
    assert_true(result != CLIENT_OK && result != CLIENT_TIMEOUT);
    reply_done(&reply);
    client_close(&client);
    client_open(&client, secured.port); /* leaves in the middle of the handshake */
    (void)client_send(&client, STR("\x16\x03\x01\x02\x00\x01"));
    client_reset(&client);
    program_wait_wrote(&secured, "http.tls_failed", WAIT_MS);
    assert_false(
        program_wrote(&secured, "canary")); /* the line says who and why, not what was sent */
    program_stop(&secured);
    program_done(&secured);
}

static void wrong_files_are_named_at_start(void **state)
{
    static const char *const args[] = {
        "serve",    "--sandbox",
        "--listen", "127.0.0.1:0",
        "--set",    "server.tls_certificate_file=" TLS_DIR "/key.pem",
        "--set",    "server.tls_key_file=" TLS_DIR "/key.pem",
        NULL};
    struct program program;

    (void)state;
    assert_int_equal(program_run(&program, args, NULL), 1);
    assert_true(program_wrote(&program, "key.pem"));
    program_assert_clean(&program);
    program_done(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_that_is_trusted_serves),
        cmocka_unit_test(a_certificate_that_is_not_trusted_is_refused),
        cmocka_unit_test(plain_bytes_on_a_secured_port_end_the_connection),
        cmocka_unit_test(wrong_files_are_named_at_start),
    };

    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
