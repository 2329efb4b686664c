/* What every answer has, whoever wrote it: CORS headers, a request id, addresses that the client
 * can use; and requests that say one thing twice. */
#include "harness/cmocka.h"
#include "harness/wait.h"

#include "harness/proxy.h"

#define ORIGIN  "Origin: https://app.example\r\n"
#define ALLOWED "https://app.example"
#define KEY     "0123456789abcdef0123456789abcdef"
#define OTHER   "fedcba9876543210fedcba9876543210"

/* ---- CORS ---- */

static struct str filled(struct arena *arena, const char *before, size_t n, const char *after)
{
    char *text = arena_alloc(arena, n);

    for (size_t i = 0; i < n; i++) {
        text[i] = 'a';
    }
    return arena_printf(arena, "%s%.*s%s", before, (int)n, text, after);
}

static void send_raw(struct proxy *proxy, struct str bytes)
{
    struct client client = {0};

    client_open(&client, proxy->program.port);
    assert_true(client_send(&client, bytes));
    if (client_read(&client, false, &proxy->reply) != CLIENT_OK) {
        fail_msg("no answer to %.*s", STR_ARG(str_sub(bytes, 0, 100)));
    }
    client_close(&client);
}

static void expect_cors(struct proxy *proxy, struct str bytes, int status)
{
    send_raw(proxy, bytes);
    if (proxy->reply.status != status ||
        !str_is(reply_field(&proxy->reply, "Access-Control-Allow-Origin"), ALLOWED) ||
        reply_count_fields(&proxy->reply, "Access-Control-Allow-Origin") != 1 ||
        !str_is(reply_field(&proxy->reply, "X-Request-Id"), "mine")) {
        fail_msg("%.*s\nwanted %d with CORS, got\n%.*s", STR_ARG(str_sub(bytes, 0, 200)), status,
                 STR_ARG(buf_view(&proxy->reply.head)));
    }
}

/* More fields than a request may have; those that the answer depends on come last. */
static struct str with_many_fields(struct arena *arena)
{
    struct str text = STR("GET / HTTP/1.1\r\nHost: a\r\n");

    for (int i = 0; i < 500; i++) {
        text = arena_printf(arena, "%.*sX: a\r\n", STR_ARG(text));
    }
    return arena_printf(arena, "%.*sX-Request-Id: mine\r\n" ORIGIN "\r\n", STR_ARG(text));
}

/* In two writes, and the first one is refused already: what the answer depends on comes late. False: the proxy did
 * not wait for so long. */
static bool has_late_cors(struct proxy *proxy, struct str first, struct str second, int status)
{
    struct client client = {0};

    client_open(&client, proxy->program.port);
    assert_true(client_send(&client, first));
    proxy_settle(proxy);
    assert_true(client_send(&client, second));
    assert_int_equal(client_read(&client, false, &proxy->reply), CLIENT_OK);
    assert_int_equal(proxy->reply.status, status);
    client_close(&client);
    return str_is(reply_field(&proxy->reply, "Access-Control-Allow-Origin"), ALLOWED) &&
           str_is(reply_field(&proxy->reply, "X-Request-Id"), "mine");
}

static void an_origin_behind_the_limit_counts(void **state)
{
    static const char *const sets[] = {"cors.origins=https://app.example", NULL};
    static const char fields[] = "X-Request-Id: mine\r\n" ORIGIN "\r\n";
    struct proxy proxy;
    struct arena *arena = &proxy.arena;

    (void)state;
    proxy_start(&proxy, sets);
    expect_cors(&proxy,
                filled(arena, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 20000,
                       "\r\nX-Request-Id: mine\r\n" ORIGIN "\r\n"),
                431);
    expect_cors(&proxy,
                filled(arena, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 50000,
                       "\r\nX-Request-Id: mine\r\n" ORIGIN "\r\n"),
                431);
    wait_until(has_late_cors(&proxy,
                             filled(arena, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 20000, "\r\nX-R"),
                             str_sub(STR(fields), 3, sizeof(fields) - 1), 431));
    wait_until(has_late_cors(&proxy, filled(arena, "GET /", 9000, " HTTP/1.1\r\nHost: a\r\n"),
                             STR(fields), 414));
    /* two of them, behind the limit and before it: none is right, as in a request that is not refused */
    send_raw(&proxy, filled(arena, "GET /", 9000, " HTTP/1.1\r\nHost: a\r\n" ORIGIN ORIGIN "\r\n"));
    assert_int_equal(proxy.reply.status, 414);
    assert_int_equal(reply_count_fields(&proxy.reply, "Access-Control-Allow-Origin"), 0);
    send_raw(&proxy,
             filled(arena, "GET / HTTP/1.1\r\nHost: a\r\n" ORIGIN ORIGIN "X: ", 20000, "\r\n\r\n"));
    assert_int_equal(proxy.reply.status, 431);
    assert_int_equal(reply_count_fields(&proxy.reply, "Access-Control-Allow-Origin"), 0);
    /* it never ends, or the client has no more to say: refused all the same */
    send_raw(&proxy, filled(arena, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 20000, "\r\nX-R"));
    assert_int_equal(proxy.reply.status, 431);
    assert_int_equal(reply_count_fields(&proxy.reply, "Access-Control-Allow-Origin"), 0);
    proxy_stop(&proxy);
}

/* What is read, or passed on to the platform, may be sent by a page. */
static void a_preflight_names_the_fields_that_are_read(void **state)
{
    static const char *const sets[] = {"cors.origins=https://app.example", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    expect_cors(&proxy,
                STR("OPTIONS /api/projects HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" ORIGIN
                    "Access-Control-Request-Method: PUT\r\n\r\n"),
                204);
    assert_true(str_is(reply_field(&proxy.reply, "Access-Control-Allow-Headers"),
                       "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, "
                       "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, "
                       "Last-Event-ID, Pragma, Range, X-API-Key, X-Request-Id, X-Session-Id, "
                       "traceparent, tracestate"));
    proxy_stop(&proxy);
}

static void every_answer_has_the_headers_of_cors(void **state)
{
    static const char *const sets[] = {"cors.origins=https://app.example", "http.max_body=1024",
                                       NULL};
    static const char head[] = "HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" ORIGIN;
    struct proxy proxy;
    struct arena *arena = &proxy.arena;

    (void)state;
    proxy_start(&proxy, sets);
    expect_cors(&proxy, arena_printf(arena, "GET / %s\r\n", head), 200);
    expect_cors(&proxy, arena_printf(arena, "GET /nowhere %s\r\n", head), 404);
    expect_cors(&proxy, arena_printf(arena, "PUT /api/projects %s\r\n", head), 405);
    expect_cors(&proxy, arena_printf(arena, "POST /api/projects %s\r\n", head), 411);
    expect_cors(&proxy,
                arena_printf(arena, "POST /api/projects %sContent-Length: 9999999\r\n\r\n", head),
                413);
    expect_cors(&proxy,
                filled(arena, "GET /", 9000,
                       " HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" ORIGIN "\r\n"),
                414);
    expect_cors(&proxy,
                arena_printf(arena,
                             "POST /api/projects %sContent-Type: text/csv\r\n"
                             "Content-Length: 1\r\n\r\na",
                             head),
                415);
    expect_cors(&proxy, arena_printf(arena, "POST /api/projects %sExpect: tea\r\n\r\n", head), 417);
    expect_cors(&proxy,
                filled(arena, arena_printf(arena, "GET / %sX: ", head).ptr, 20000, "\r\n\r\n"),
                431);
    expect_cors(&proxy, with_many_fields(arena), 431);
    expect_cors(&proxy, arena_printf(arena, "BREW / %s\r\n", head), 501);
    expect_cors(&proxy, arena_printf(arena, "GET x %s\r\n", head), 400);
    expect_cors(&proxy, arena_printf(arena, "GET / %sbroken\r\n\r\n", head), 400);
    expect_cors(&proxy, arena_printf(arena, "GET / %sTransfer-Encoding: chunked\r\n\r\nzz", head),
                400);
    expect_cors(
        &proxy,
        arena_printf(arena, "POST /api/projects %sTransfer-Encoding: chunked\r\n\r\nzz\r\n", head),
        400);
    expect_cors(&proxy,
                arena_printf(arena,
                             "OPTIONS /api/projects %sAccess-Control-Request-Method: POST\r\n"
                             "\r\n",
                             head),
                204);
    send_raw(&proxy, STR("GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\r\n"));
    assert_int_equal(reply_count_fields(&proxy.reply, "Access-Control-Allow-Origin"), 0);
    assert_string_equal(arena_cstr(arena, reply_field(&proxy.reply, "Vary")), "Origin");
    send_raw(&proxy, STR("GET / HTTP/1.1\r\nHost: a\r\n" ORIGIN ORIGIN "\r\n"));
    assert_int_equal(reply_count_fields(&proxy.reply, "Access-Control-Allow-Origin"), 0);
    proxy_stop(&proxy);
}

static void who_is_late_has_the_headers_of_cors(void **state)
{
    static const char *const sets[] = {"cors.origins=https://app.example",
                                       "http.head_timeout_ms=300", "http.body_timeout_ms=300",
                                       NULL};
    static const char fields[] = "HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" ORIGIN;
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    expect_cors(&proxy, arena_printf(&proxy.arena, "GET / %sX: a", fields), 408);
    expect_cors(
        &proxy,
        arena_printf(&proxy.arena, "POST /api/projects %sContent-Length: 10\r\n\r\n{", fields),
        408);
    proxy_stop(&proxy);
}

static void event_streams_have_the_headers_of_cors(void **state)
{
    static const char *const sets[] = {"cors.origins=*", NULL};
    struct proxy proxy;
    struct client client = {0};
    struct str id;

    (void)state;
    proxy_start(&proxy, sets);
    id = json_str(json_get(proxy_ask(&proxy, "POST", "/api/v1/tests/run?async=true", NULL,
                                     "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"}]}"),
                           "id"));
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(
        &client, "GET",
        arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id)).ptr, ORIGIN,
        STR_EMPTY));
    assert_int_equal(client_read_head(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(reply_field(&proxy.reply, "Access-Control-Allow-Origin"), "*"));
    client_close(&client);
    send_raw(&proxy, filled(&proxy.arena, "GET /", 9000, "")); /* the origin is never read */
    assert_int_equal(proxy.reply.status, 414);
    assert_true(str_is(reply_field(&proxy.reply, "Access-Control-Allow-Origin"), "*"));
    assert_true(reply_field(&proxy.reply, "X-Request-Id").len > 0);
    proxy_stop(&proxy);
}

/* ---- one thing said twice ---- */

struct twice {
    const char *method;
    const char *target;
    const char *fields;
    int status;
};

static void what_is_said_twice_is_not_guessed_at(void **state)
{
    static const char *const sets[] = {"auth.keys=" KEY "," OTHER, "sandbox.examples=true", NULL};
    static const struct twice rows[] = {
        {"POST", "/api/projects", "X-API-Key: " KEY "\r\n", 201},
        {"POST", "/api/projects",
         "X-API-Key: " KEY "\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n", 400},
        {"POST", "/api/projects",
         "X-API-Key: " KEY "\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n", 400},
        {"POST", "/virtuoso/projects",
         "X-API-Key: " KEY "\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n", 400},
        {"GET", "/api/projects",
         "X-API-Key: " KEY "\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n", 200},
        {"POST", "/api/projects", "X-API-Key: " KEY "\r\nContent-Type: application/json\r\n", 400},
        {"POST", "/api/projects", "X-API-Key: " KEY "\r\nX-Session-Id: a\r\nX-Session-Id: b\r\n",
         400},
        {"POST", "/api/projects",
         "X-API-Key: " KEY "\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n", 415},
        {"GET", "/api/user", "X-API-Key: " KEY "\r\nX-API-Key: " OTHER "\r\n", 400},
        {"GET", "/api/user", "Authorization: Bearer " KEY "\r\nAuthorization: Bearer x\r\n", 400},
        {"GET", "/api/user", "Authorization: Bearer " KEY "\r\nX-API-Key: " OTHER "\r\n", 401},
        {"GET", "/api/user", "Authorization: Bearer " KEY "\r\nX-API-Key: " KEY "\r\n", 200},
        {"GET", "/api/user", "Authorization: Basic eDp5\r\nX-API-Key: " KEY "\r\n", 200},
        {"GET", "/health/live", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", 200},
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool posts = str_is(STR("POST"), rows[i].method);
        struct str fields = arena_printf(&proxy.arena, "%s%s", rows[i].fields,
                                         posts ? "Content-Type: application/json\r\n" : "");

        client_ask(proxy.program.port, rows[i].method, rows[i].target, fields.ptr,
                   posts ? STR("{\"name\":\"a\",\"organizationId\":1}") : STR_EMPTY, &proxy.reply);
        if (proxy.reply.status != rows[i].status) {
            fail_msg("%s %s\n%s: %d %.*s", rows[i].method, rows[i].target, rows[i].fields,
                     proxy.reply.status, STR_ARG(reply_text(&proxy.reply)));
        }
    }
    proxy_stop(&proxy);
}

struct slip {
    const char *method;
    const char *name;
    const char *meant; /* NULL: it is no slip */
};

static const struct slip slips[] = {
    {"POST", "X-Sesion-Id", "X-Session-Id"},
    {"POST", "x-sessionid", "X-Session-Id"},
    {"POST", "Session-Id", "X-Session-Id"},
    {"GET", "X_SESSION_ID", "X-Session-Id"},
    {"POST", "X-Session-IDs", "X-Session-Id"},
    {"POST", "Y-Session-Id", "X-Session-Id"},
    {"POST", "Idempotency_Key", "Idempotency-Key"},
    {"POST", "Idempotencykey", "Idempotency-Key"},
    {"POST", "X-Idempotency-Key", "Idempotency-Key"},
    {"POST", "Idempotnecy-Key", "Idempotency-Key"},
    {"POST", "dempotency-Key", "Idempotency-Key"},
    {"POST", "Idempotency-Kei", "Idempotency-Key"},
    {"GET", "Idempotency_Key", NULL}, /* GET reads none */
    {"GET", "If-Non-Match", "If-None-Match"},
    {"GET", "Cache_Control", "Cache-Control"},
    {"GET", "Cache-Contrl", "Cache-Control"},
    {"GET", "Last-Event-I", "Last-Event-ID"},
    {"GET", "Acept", "Accept"},
    {"POST", "Content_Type", NULL}, /* the right one is there */
    {"POST", "X-Api-Ky", NULL},
    {"POST", "Autorization", NULL},
    {"POST", "X-Request-Idd", NULL}, /* it only names the request */
    {"GET", "Accept-Language", NULL},
    {"GET", "Mcp-Session-Id", NULL},
    {"GET", "X-Content-Type-Options", NULL},
    {"GET", "Sec-Fetch-Mode", NULL},
    {"GET", "Expect-CT", NULL},
    {"GET", "Pragma", NULL},
    {"GET", "T", NULL},
};

static void expect_slip(struct proxy *proxy, const struct slip *slip)
{
    bool posts = str_is(STR("POST"), slip->method);
    struct str fields = arena_printf(&proxy->arena, "X-API-Key: " KEY "\r\n%s: a\r\n%s", slip->name,
                                     posts ? "Content-Type: application/json\r\n" : "");
    int status = posts ? 201 : 200;
    struct str says = STR_EMPTY;

    if (slip->meant != NULL) {
        status = 400;
        says = arena_printf(&proxy->arena, "Nothing reads the header %s; did you mean %s?",
                            slip->name, slip->meant);
    }
    client_ask(proxy->program.port, slip->method, posts ? "/api/v1/sessions" : "/api/user",
               fields.ptr, posts ? STR("{}") : STR_EMPTY, &proxy->reply);
    if (proxy->reply.status != status || !str_contains(reply_text(&proxy->reply), says)) {
        fail_msg("%s: %d %.*s", slip->name, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
}

/* A name that nobody reads and that is one slip away from one that is read. */
static void a_misspelled_field_is_not_ignored(void **state)
{
    static const char *const sets[] = {"auth.keys=" KEY, NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(slips); i++) {
        expect_slip(&proxy, &slips[i]);
    }
    client_ask(proxy.program.port, "GET", "/api/user", "X-Api-Ky: " KEY "\r\n", STR_EMPTY,
               &proxy.reply);
    assert_int_equal(proxy.reply.status, 400);
    assert_true(str_contains(reply_text(&proxy.reply), STR("did you mean X-API-Key?")));
    client_ask(proxy.program.port, "GET", "/health/live", "X-Api-Ky: a\r\n", STR_EMPTY,
               &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

static void of_two_request_ids_none_is_taken(void **state)
{
    struct proxy proxy;
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    send_raw(&proxy,
             STR("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n"));
    id = reply_field(&proxy.reply, "X-Request-Id");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(id.len >= 16);
    proxy_stop(&proxy);
}

/* ---- addresses ---- */

static struct str text_of(struct proxy *proxy, const char *target, const char *fields)
{
    client_ask(proxy->program.port, "GET", target, fields, STR_EMPTY, &proxy->reply);
    return reply_text(&proxy->reply);
}

/* Location, type, instance, servers and links begin with `base`. */
static void expect_base(struct proxy *proxy, const char *fields, const char *base)
{
    struct arena *arena = &proxy->arena;
    const struct json *answer;

    (void)proxy_ask(proxy, "POST", "/api/v1/sessions", fields, "{}");
    assert_int_equal(proxy->reply.status, 201);
    if (!str_starts(reply_field(&proxy->reply, "Location"),
                    arena_printf(arena, "%s/api/v1/sessions/", base))) {
        fail_msg("Location: %.*s", STR_ARG(reply_field(&proxy->reply, "Location")));
    }
    answer = proxy_ask(proxy, "GET", "/nowhere", fields, "");
    assert_string_equal(arena_cstr(arena, json_str(json_get(answer, "type"))),
                        arena_printf(arena, "%s/problems/not_found", base).ptr);
    assert_string_equal(arena_cstr(arena, json_str(json_get(answer, "instance"))),
                        arena_printf(arena, "%s/nowhere", base).ptr);
    answer = proxy_ask(proxy, "GET", "/", fields, "");
    assert_string_equal(arena_cstr(arena, json_str(json_find(answer, "/links/docs"))),
                        arena_printf(arena, "%s/docs", base).ptr);
    answer = proxy_ask(proxy, "GET", "/openapi.json", fields, "");
    assert_string_equal(arena_cstr(arena, json_str(json_find(answer, "/servers/0/url"))),
                        base[0] != '\0' ? base : ".");
    (void)proxy_ask(proxy, "GET", "/api/v1/commands/list", fields, "");
    assert_string_equal(
        arena_cstr(arena, reply_field(&proxy->reply, "Link")),
        arena_printf(arena, "<%s/api/v1/commands>; rel=\"successor-version\"", base).ptr);
    (void)proxy_ask(proxy, "POST", "/api/v1/tests/run", fields, "{\"steps\":[{\"clik\":\"a\"}]}");
    if (!str_contains(reply_text(&proxy->reply),
                      arena_printf(arena, "\"type\":\"%s/problems/", base))) {
        fail_msg("%.*s", STR_ARG(reply_text(&proxy->reply)));
    }
}

static void a_prefix_is_believed_of_trusted_proxies_only(void **state)
{
    static const char *const trusting[] = {"server.trusted_proxies=127.0.0.0/8", NULL};
    static const char *const wrong[] = {"server.trusted_proxies=10.0.0.0/8", NULL};
    static const char *const bad[] = {"X-Forwarded-Prefix: //evil\r\n",
                                      "X-Forwarded-Prefix: /a/../b\r\n",
                                      "X-Forwarded-Prefix: evil\r\n",
                                      "X-Forwarded-Prefix: /\"x\r\n", "X-Forwarded-Prefix: /\r\n"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    expect_base(&proxy, "X-Forwarded-Prefix: /qa\r\n", "");
    proxy_stop(&proxy);
    proxy_start(&proxy, wrong);
    expect_base(&proxy, "X-Forwarded-Prefix: /qa\r\n", "");
    proxy_stop(&proxy);
    proxy_start(&proxy, trusting);
    expect_base(&proxy, NULL, "");
    expect_base(&proxy, "X-Forwarded-Prefix: /qa\r\n", "/qa");
    expect_base(&proxy, "X-Forwarded-Prefix: /team/\r\nX-Forwarded-Prefix: /qa\r\n", "/team/qa");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        expect_base(&proxy, bad[i], "");
    }
    assert_true(str_contains(text_of(&proxy, "/api/v1/commands/step-interact/click/help",
                                     "X-Forwarded-Prefix: /qa\r\nX-Forwarded-Proto: https\r\n"
                                     "X-Forwarded-Host: example.com\r\n"),
                             STR("https://example.com/qa/api/v1/commands/execute")));
    proxy_stop(&proxy);
}

static void the_public_url_stands_before_everything(void **state)
{
    static const char *const sets[] = {"server.public_url=https://example.com/qa/",
                                       "server.trusted_proxies=127.0.0.1", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    expect_base(&proxy, "X-Forwarded-Prefix: /other\r\n", "https://example.com/qa");
    assert_true(str_contains(text_of(&proxy, "/api/v1/commands/step-interact/click/help", NULL),
                             STR("https://example.com/qa/api/v1/commands/execute")));
    send_raw(&proxy, STR("GET x HTTP/1.1\r\nHost: a\r\n\r\n")); /* written before the stages */
    assert_true(str_contains(reply_text(&proxy.reply),
                             STR("\"type\":\"https://example.com/qa/problems/bad_request\"")));
    proxy_stop(&proxy);
}

/* The absolute-form of a target names the host, whatever Host says (RFC 9112 section 3.2.2). */
static void the_target_names_the_host(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    send_raw(&proxy,
             STR("GET http://a.example/api/v1/commands/step-interact/click/help HTTP/1.1\r\n"
                 "Host: b.example\r\n\r\n"));
    assert_true(str_contains(reply_text(&proxy.reply), STR("http://a.example/api/v1/commands")));
    assert_false(str_contains(reply_text(&proxy.reply), STR("b.example")));
    send_raw(&proxy, STR("OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n"));
    assert_int_equal(proxy.reply.status, 204);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_behind_the_limit_counts),
        cmocka_unit_test(a_preflight_names_the_fields_that_are_read),
        cmocka_unit_test(every_answer_has_the_headers_of_cors),
        cmocka_unit_test(who_is_late_has_the_headers_of_cors),
        cmocka_unit_test(event_streams_have_the_headers_of_cors),
        cmocka_unit_test(what_is_said_twice_is_not_guessed_at),
        cmocka_unit_test(a_misspelled_field_is_not_ignored),
        cmocka_unit_test(of_two_request_ids_none_is_taken),
        cmocka_unit_test(a_prefix_is_believed_of_trusted_proxies_only),
        cmocka_unit_test(the_public_url_stands_before_everything),
        cmocka_unit_test(the_target_names_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
