/* Tokens of an identity provider, with the real binary: while a request waits for its token to be
 * checked, its body, its client and its connection are treated as always. */
#include "harness/cmocka.h"
#include "harness/wait.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/blocking.h"
#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/scripted.h"
#include "harness/token.h"

enum { SETS_MAX = 16, PATH_MAX_BYTES = 512, BIG = 600 * 1024, BIG_TEXT_MAX = 2 * BIG };

#define ISSUER "https://idp.example"
#define JSON   "Content-Type: application/json\r\n"

static struct {
    struct arena arena;
    struct issuer *issuer;
    char path[PATH_MAX_BYTES]; /* of the key set */
} here;

static int begin(void **state)
{
    (void)state;
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    assert_true(snprintf(here.path, sizeof(here.path), "%s/keys-%d.json", VP_SCRATCH_DIR,
                         (int)getpid()) > 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    issuer_free(here.issuer);
    arena_done(&here.arena);
    (void)remove(here.path);
    return 0;
}

/* Put in place at once, as who rotates keys does. */
static void put_key_set(struct str text)
{
    mount_replace(here.path, text);
}

static void start(struct proxy *proxy, const char *key_set)
{
    static const char issuer_set[] = "auth.jwt.issuer=" ISSUER;
    const char *sets[SETS_MAX] = {"auth.mode=jwt", issuer_set, "auth.jwt.audience=qa-proxy",
                                  "log.level=debug"};

    sets[4] = arena_printf(&here.arena, "auth.jwt.jwks=%s", key_set).ptr;
    proxy_start(proxy, sets);
}

/* "Authorization: Bearer ...", good for an hour; each `n` is another token. */
static const char *token(const char *alg, const char *kid, int n)
{
    struct str claims = arena_printf(
        &here.arena,
        "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"ann\", \"exp\": %lld, "
        "\"scope\": \"read write:tests execute\", \"jti\": \"canary-%d\"}",
        (long long)time(NULL) + 3600, n);
    struct str header = arena_printf(&here.arena, "{\"alg\": \"%s\", \"kid\": \"%s\"}", alg, kid);

    return arena_printf(&here.arena, "Authorization: Bearer %.*s\r\n",
                        STR_ARG(issuer_sign(here.issuer, alg, header.ptr, claims.ptr)))
        .ptr;
}

static int get(struct proxy *proxy, const char *fields)
{
    (void)proxy_ask(proxy, "GET", "/api/v1/routes", fields, "");
    return proxy->reply.status;
}

/* Nothing of the provider's token reaches the platform or the log, and nothing of the platform's
 * reaches the client. */
static void assert_kept_apart(struct proxy *proxy, const char *fields)
{
    struct str bearer = str_sub(str_trim(str_from(fields)), 22, SIZE_MAX);
    struct str signature = str_sub(bearer, bearer.len - 40, 40);
    struct str sent =
        json_text(&proxy->arena, sandbox_requests(proxy->program.sandbox_port, &proxy->arena));
    struct buf log;

    assert_true(sent.len > 2 && !str_contains(sent, signature));
    buf_init(&log, 64U << 20);
    program_errors(&proxy->program, &log);
    assert_true(log.len > 0 && !str_contains(buf_view(&log), signature));
    assert_true(str_contains(buf_view(&log), STR("\"principal\":\"ann\"")));
    assert_false(str_contains(buf_view(&log), STR(SANDBOX_TOKEN)));
    assert_false(str_contains(reply_text(&proxy->reply), STR(SANDBOX_TOKEN)));
    buf_done(&log);
}

static void a_token_works_on_every_kind_of_route(void **state)
{
    const char *first;
    struct proxy proxy;
    struct buf big;

    (void)state;
    put_key_set(issuer_key_set(here.issuer, ""));
    start(&proxy, here.path);
    assert_int_equal(get(&proxy, NULL), 401);
    assert_true(
        str_is(reply_field(&proxy.reply, "WWW-Authenticate"), "Bearer realm=\"virtuoso-proxy\""));
    assert_int_equal(get(&proxy, "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n"), 401);
    assert_true(str_contains(reply_field(&proxy.reply, "WWW-Authenticate"), STR("invalid_token")));
    first = token("RS256", "rsa", 1);
    assert_int_equal(get(&proxy, first), 200);
    assert_true(str_starts(reply_field(&proxy.reply, "RateLimit"), STR("\"key\";r=")));
    assert_int_equal(get(&proxy, token("PS256", "rsa", 2)), 200);
    assert_int_equal(get(&proxy, token("ES256", "ec", 3)), 200);
    (void)proxy_ask(&proxy, "POST", "/api/library/checkpoints", token("RS256", "rsa", 4), "{}");
    assert_int_equal(proxy.reply.status, 403); /* write:library is not in its scope */
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", token("RS256", "rsa", 5), "{}");
    assert_int_equal(proxy.reply.status, 201);
    (void)proxy_ask(&proxy, "GET", "/api/user", token("RS256", "rsa", 6), "");
    assert_int_equal(proxy.reply.status, 200);
    /* streamed both ways */
    (void)proxy_ask(&proxy, "GET", "/virtuoso/user", token("RS256", "rsa", 7), "");
    assert_int_equal(proxy.reply.status, 200);
    /* a body of many reads, longer than what is read ahead */
    buf_init(&big, BIG_TEXT_MAX);
    buf_text(&big, "# ");
    for (int i = 0; i < BIG; i++) {
        buf_char(&big, 'x');
    }
    buf_text(&big, "\nname: t\nsteps:\n  - navigate to \"https://example.com\"\n");
    (void)proxy_ask_str(
        &proxy, "POST", "/api/v1/tests/validate",
        arena_printf(&here.arena, "Content-Type: application/yaml\r\n%s", token("RS256", "rsa", 8))
            .ptr,
        buf_view(&big));
    assert_int_equal(proxy.reply.status, 200);
    buf_done(&big);
    assert_kept_apart(&proxy, first);
    proxy_stop(&proxy);
}

/* Byte by byte, pipelined, with "Expect": the body waits until the head is through. */
static void bodies_wait_for_the_token(void **state)
{
    struct proxy proxy;
    struct client client;
    struct reply reply = {0};
    struct str head;

    (void)state;
    put_key_set(issuer_key_set(here.issuer, ""));
    start(&proxy, here.path);
    client_open(&client, proxy.program.port);
    head = arena_printf(&here.arena,
                        "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\n" JSON
                        "Transfer-Encoding: chunked\r\n%s\r\n2\r\n{}\r\n0\r\n\r\n"
                        "GET /api/v1/routes HTTP/1.1\r\nHost: x\r\n%s\r\n",
                        token("RS256", "rsa", 10), token("ES256", "ec", 11));
    assert_true(client_send(&client, head));
    assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 201);
    assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    head = arena_printf(&here.arena,
                        "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\n" JSON
                        "Content-Length: 2\r\nExpect: 100-continue\r\n%s\r\n",
                        token("RS256", "rsa", 12));
    assert_true(client_send(&client, head));
    assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 100);
    assert_true(client_send(&client, STR("{}")));
    assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 201);
    client_close(&client);
    reply_done(&reply);
    proxy_stop(&proxy);
}

static void many_new_tokens_at_once_are_all_taken(void **state)
{
    enum { N = 100 };

    struct client clients[N];
    struct reply reply = {0};
    struct proxy proxy;

    (void)state;
    put_key_set(issuer_key_set(here.issuer, ""));
    start(&proxy, here.path);
    for (int i = 0; i < N; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", "/api/v1/routes",
                                        token("ES256", "ec", 100 + i), STR_EMPTY));
    }
    for (int i = 0; i < N; i++) {
        if (i % 10 == 9) {
            client_reset(&clients[i]); /* it may wait, or be done */
            continue;
        }
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&clients[i]);
    }
    reply_done(&reply);
    proxy_stop(&proxy);
}

static void keys_are_rotated_without_a_failure(void **state)
{
    struct proxy proxy;

    (void)state;
    put_key_set(arena_printf(&here.arena, "{\"keys\": [%.*s]}",
                             STR_ARG(issuer_jwk(here.issuer, "RSA", "old"))));
    start(&proxy, here.path);
    assert_int_equal(get(&proxy, token("RS256", "old", 20)), 200);
    put_key_set(arena_printf(&here.arena, "{\"keys\": [%.*s, %.*s]}",
                             STR_ARG(issuer_jwk(here.issuer, "RSA", "old")),
                             STR_ARG(issuer_jwk(here.issuer, "EC", "new"))));
    assert_int_equal(get(&proxy, token("ES256", "new", 21)), 200); /* the file is read for it */
    assert_int_equal(get(&proxy, token("RS256", "old", 20)), 200);
    put_key_set(STR("{\"keys\": ["));
    assert_int_equal(get(&proxy, token("ES256", "new", 22)), 200);
    proxy_stop(&proxy);
}

static void the_key_set_comes_from_a_url(void **state)
{
    struct str keys = issuer_key_set(here.issuer, "");
    const struct scripted_answer rows[] = {{.method = "GET", .times = 1, .status = 500},
                                           {.method = "GET", .status = 200, .body = keys.ptr}};
    struct scripted provider;
    struct proxy proxy;

    (void)state;
    scripted_start(&provider, rows, ARRAY_LEN(rows));
    start(&proxy, arena_printf(&here.arena, "http://127.0.0.1:%u/realms/qa/certs?x=1",
                               (unsigned)provider.port)
                      .ptr);
    wait_until(get(&proxy, token("RS256", "rsa", 30)) == 200);
    assert_true(scripted_count(&provider, "GET /realms/qa/certs?x=1 HTTP/1.1") >= 1);
    assert_int_equal(str_from(provider.seen->authorization).len, 0); /* no token goes there */
    proxy_stop(&proxy);
    scripted_done(&provider);
}

/* jwt comes into auth.mode, then its key set moves to a URL, and back to a file: nothing of it needs a start, and the
 * old keys are good until the new ones are there. */
static void the_key_set_moves_without_a_restart(void **state)
{
    static const char head[] = "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:0}\n"
                               "drain: {notice_ms: 0}\nlimits: {enabled: false}\n"
                               "auth:\n  keys: [key-of-the-operator]\n";
    static const char jwt[] = "%s  mode: \"keys,jwt\"\n  jwt: {issuer: \"" ISSUER
                              "\", audience: qa-proxy, jwks: \"%s\"}\n";
    static const char operator[] = "X-API-Key: key-of-the-operator\r\n";
    struct str new_keys = arena_printf(&here.arena, "{\"keys\": [%.*s]}",
                                       STR_ARG(issuer_jwk(here.issuer, "EC", "new")));
    const struct scripted_answer rows[] = {
        {.method = "GET", .status = 200, .body = arena_cstr(&here.arena, new_keys)}};
    char config[MOUNT_PATH_MAX];
    struct scripted provider;
    struct mount mount;
    struct proxy proxy;

    (void)state;
    put_key_set(arena_printf(&here.arena, "{\"keys\": [%.*s]}",
                             STR_ARG(issuer_jwk(here.issuer, "RSA", "old"))));
    scripted_start(&provider, rows, ARRAY_LEN(rows));
    mount_open(&mount, head);
    mount_serve(&mount, &proxy);
    assert_int_equal(get(&proxy, token("RS256", "old", 60)), 401);
    mount_format(config, jwt, head, here.path);
    mount_write(&mount, config);
    (void)proxy_ask(&proxy, "POST", "/admin/reload", operator, "");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"needs_restart\":[]")));
    assert_int_equal(get(&proxy, token("RS256", "old", 61)), 200);
    mount_format(config, jwt, head,
                 arena_printf(&here.arena, "http://127.0.0.1:%u/new", (unsigned)provider.port).ptr);
    mount_write(&mount, config);
    (void)proxy_ask(&proxy, "POST", "/admin/reload", operator, "");
    assert_int_equal(proxy.reply.status, 200);
    wait_until(get(&proxy, token("ES256", "new", 62)) == 200); /* 401: the provider was too slow */
    assert_int_equal(get(&proxy, token("RS256", "old", 63)), 401); /* not in the new set */
    mount_format(config, jwt, head, "/no/such/file");
    mount_write(&mount, config);
    (void)proxy_ask(&proxy, "POST", "/admin/reload", operator, "");
    assert_int_equal(proxy.reply.status, 422);
    assert_int_equal(get(&proxy, token("ES256", "new", 64)), 200);
    proxy_stop(&proxy);
    mount_close(&mount);
    scripted_done(&provider);
}

/* The provider takes the connection and never answers. */
static void who_leaves_while_waiting_leaves_nothing(void **state)
{
    struct proxy proxy;
    struct client client;
    struct client other;
    uint16_t port;
    int fd = blocking_listen(&port);

    (void)state;
    start(&proxy, arena_printf(&here.arena, "http://127.0.0.1:%u/", (unsigned)port).ptr);
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(
        &client, "POST", "/api/v1/sessions",
        arena_printf(&here.arena, JSON "%s", token("RS256", "rsa", 40)).ptr, STR("{}")));
    client_open(&other, proxy.program.port);
    assert_true(
        client_send_request(&other, "GET", "/api/v1/routes", token("RS256", "rsa", 41), STR_EMPTY));
    proxy_settle(&proxy);
    client_reset(&client);
    proxy_settle(&proxy);
    proxy_stop(&proxy); /* the other one is cut */
    client_close(&other);
    assert_int_equal(close(fd), 0);
}

/* Its heartbeat is an hour away, and no event comes. The stream of the key that stays, stays. */
static void a_silent_stream_ends_when_its_key_leaves_the_key_set(void **state)
{
    static const char head[] =
        "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:0}\ndrain: {notice_ms: 0, limit_ms: 0}\n"
        "runs: {heartbeat_s: 3600}\n"
        "auth: {mode: jwt, jwt: {issuer: \"" ISSUER
        "\", audience: qa-proxy, refresh_s: 1, jwks: \"%s\"}}\n";
    const char *tokens[] = {token("RS256", "leaves", 70), token("ES256", "stays", 71)};
    struct str stays = issuer_jwk(here.issuer, "EC", "stays");
    struct client clients[2];
    struct reply replies[2];
    char config[MOUNT_PATH_MAX];
    struct mount mount;
    struct proxy proxy;

    (void)state;
    put_key_set(arena_printf(&here.arena, "{\"keys\": [%.*s, %.*s]}", STR_ARG(stays),
                             STR_ARG(issuer_jwk(here.issuer, "RSA", "leaves"))));
    mount_format(config, head, here.path);
    mount_open(&mount, config);
    mount_serve(&mount, &proxy);
    for (size_t i = 0; i < 2; i++) {
        reply_init(&replies[i]);
        client_open(&clients[i], proxy.program.port);
        assert_true(
            client_send_request(&clients[i], "GET", "/api/v1/events", tokens[i], STR_EMPTY));
        assert_int_equal(client_read_head(&clients[i], false, &replies[i]), CLIENT_OK);
        assert_int_equal(replies[i].status, 200);
    }
    put_key_set(arena_printf(&here.arena, "{\"keys\": [%.*s]}", STR_ARG(stays)));
    while (!replies[0].at_end) {
        assert_int_equal(client_read_piece(&clients[0], &replies[0]), CLIENT_OK);
    }
    assert_int_equal(get(&proxy, tokens[0]), 401);
    assert_int_equal(get(&proxy, tokens[1]), 200);
    clients[1].timeout_ms = 100;
    while (!clients[1].ended && client_read_piece(&clients[1], &replies[1]) == CLIENT_OK) {
        assert_false(replies[1].at_end);
    }
    assert_false(clients[1].ended);
    for (size_t i = 0; i < 2; i++) {
        client_close(&clients[i]);
        reply_done(&replies[i]);
    }
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_bad_key_set_is_told_by_check(void **state)
{
    struct program program;
    const char *const args[] = {
        "check", "--sandbox",
        "--set", "auth.mode=jwt",
        "--set", "auth.jwt.issuer=x",
        "--set", "auth.jwt.audience=y",
        "--set", arena_printf(&here.arena, "auth.jwt.jwks=%s", here.path).ptr,
        NULL};

    (void)state;
    put_key_set(STR("{\"keys\": [{\"kty\": \"oct\"}]}"));
    assert_int_equal(program_run(&program, args, NULL), 1);
    assert_true(program_wrote(&program, "auth.jwt.jwks: the key set in "));
    assert_true(program_wrote(&program, "none of its 1 keys can be used"));
    program_done(&program);
    put_key_set(issuer_key_set(here.issuer, ""));
    assert_int_equal(program_run(&program, args, NULL), 0);
    program_done(&program);
}

/* ---- Cloud Tasks ---- */

/* A task comes with a token of Google for the service account that it was made with. */
static int deliver(struct proxy *proxy, const char *account, const char *audience, int n_tries)
{
    struct str claims = arena_printf(
        &here.arena,
        "{\"iss\": \"https://accounts.google.com\", \"aud\": \"%s\", \"azp\": \"1\", \"sub\": \"1\", "
        "\"email\": \"%s\", \"email_verified\": true, \"exp\": %lld}",
        audience, account, (long long)time(NULL) + 3600);
    struct str fields =
        arena_printf(&here.arena,
                     "X-CloudTasks-QueueName: runs\r\nX-CloudTasks-TaskName: run_1-2\r\n"
                     "X-CloudTasks-TaskRetryCount: %d\r\n",
                     n_tries);

    if (account[0] != '\0') {
        struct str token =
            issuer_sign(here.issuer, "RS256", "{\"alg\": \"RS256\", \"kid\": \"rsa\"}", claims.ptr);

        fields = arena_printf(&here.arena, "%.*sAuthorization: Bearer %.*s\r\n", STR_ARG(fields),
                              STR_ARG(token));
    }
    (void)proxy_ask(proxy, "POST", "/api/v1/sessions", fields.ptr, "{}");
    return proxy->reply.status;
}

/* Its headers prove nothing, since anybody may send them; the token does, each time that the task comes. */
static void a_task_is_let_in_by_its_token(void **state)
{
    static const char account[] = "runner@qa.iam.gserviceaccount.com";
    static const char audience[] = "https://proxy.example";
    const char *sets[] = {"auth.mode=jwt",
                          "auth.jwt.issuer=https://accounts.google.com",
                          "auth.jwt.audience=https://proxy.example",
                          "auth.jwt.permissions_claim=email",
                          "auth.jwt.permissions=runner@qa.iam.gserviceaccount.com=write:tests",
                          NULL,
                          NULL};
    struct proxy proxy;

    (void)state;
    put_key_set(issuer_key_set(here.issuer, ""));
    sets[5] = arena_printf(&here.arena, "auth.jwt.jwks=%s", here.path).ptr;
    proxy_start(&proxy, sets);
    assert_int_equal(deliver(&proxy, account, audience, 0), 201);
    assert_int_equal(deliver(&proxy, account, audience, 1), 201);
    assert_int_equal(deliver(&proxy, "other@qa.iam.gserviceaccount.com", audience, 0), 403);
    assert_int_equal(deliver(&proxy, account, "https://other.example", 0), 401);
    assert_int_equal(deliver(&proxy, "", audience, 0), 401);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_let_in_by_its_token),
        cmocka_unit_test(a_token_works_on_every_kind_of_route),
        cmocka_unit_test(bodies_wait_for_the_token),
        cmocka_unit_test(many_new_tokens_at_once_are_all_taken),
        cmocka_unit_test(keys_are_rotated_without_a_failure),
        cmocka_unit_test(the_key_set_comes_from_a_url),
        cmocka_unit_test(the_key_set_moves_without_a_restart),
        cmocka_unit_test(who_leaves_while_waiting_leaves_nothing),
        cmocka_unit_test(a_silent_stream_ends_when_its_key_leaves_the_key_set),
        cmocka_unit_test(a_bad_key_set_is_told_by_check),
    };

    return cmocka_run_group_tests_name("jwt", tests, begin, end);
}
