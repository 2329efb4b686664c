/* Direct access: what passes, what is taken out, what is refused, whatever the platform sends. */
#include "harness/cmocka.h"

#include <string.h>
#include <zlib.h>

#include "harness/direct.h"
#include "harness/proxy.h"

#define CANARY "canary-5d1e"
#define TREE                                                                                       \
    "{\"item\":{\"id\":1,\"sideEffects\":{\"usedData\":{\"p\":\"" CANARY "\"}},\"kept\":\"yes\"}}"

enum { PACKED_MAX = 1024, GZIP = 31, ZLIB = 15, RAW = -15 };

static size_t pack(int window, struct str text, char out[PACKED_MAX])
{
    z_stream stream = {0};
    Bytef plain[PACKED_MAX];

    assert_true(text.len <= sizeof(plain));

    assert_int_equal(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    (void)memcpy(plain, text.ptr, text.len);
    stream.next_in = plain;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = PACKED_MAX;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return stream.total_out;
}

/* One answer at a time: the canary never comes out, and either the rest does or it is a 502. */
static void check_answer(struct scripted_answer row, int status, const char *path)
{
    struct direct direct;
    static char target[256];
    struct buf text;

    row.method = "GET";
    row.status = row.status == 0 ? 200 : row.status;
    buf_init(&text, sizeof(target) - 1);
    buf_printf(&text, "/virtuoso%s", path);
    str_copy(target, sizeof(target), buf_view(&text));
    buf_done(&text);
    direct_start(&direct, &row, 1);
    for (int again = 0; again < 2; again++) { /* the second time perhaps from the cache */
        (void)direct_ask(&direct, "GET", target, NULL);
        if (direct.reply.status != status || str_contains(reply_text(&direct.reply), STR(CANARY)) ||
            str_contains(buf_view(&direct.reply.head), STR(CANARY))) {
            fail_msg("%s type \"%s\" fields \"%s\": %d, wanted %d: %.*s", path,
                     row.type != NULL ? row.type : "", row.fields != NULL ? row.fields : "",
                     direct.reply.status, status, STR_ARG(reply_text(&direct.reply)));
        }
        if (status == 200) {
            assert_true(str_contains(reply_text(&direct.reply), STR("\"kept\":\"yes\"")));
            assert_int_equal(reply_field(&direct.reply, "Content-Encoding").len, 0);
        }
    }
    direct_stop(&direct);
}

/* Types that are not what the bytes are. */
static const struct {
    const char *type, *body;
} lies[] = {
    {"image/png", "usedData: " CANARY "\n"},
    {"image/jpeg", "<r><usedData>" CANARY "</usedData></r>"},
    {"audio/mpeg", "usedData=" CANARY},
    {"video/webm", "<script>var x = " TREE "</script>"},
    {"font/woff2", "data: " TREE "\n\n"},
    {"application/pdf", "--b\r\nContent-Type: application/json\r\n\r\n" TREE "\r\n--b--"},
    {"image/gif", "\x1f\x8b" CANARY},                     /* an archive */
    {"application/json", "eyJ1c2VkRGF0YSI6IkNBTkFSWSJ9"}, /* base64 of JSON */
    {"application/json", "\xc0\x7f\xa4\xa2\x85\x84\x7f"}, /* EBCDIC */
};

static void a_secret_comes_out_under_no_media_type(void **state)
{
    static const struct {
        const char *type;
        int status;
    } rows[] = {
        {"application/json", 200},
        {"Application/JSON", 200},
        {"text/JSON", 200},
        {"application/vnd.platform+Json; charset=utf-8", 200},
        {"", 200},
        {"text/plain", 200},
        {"application/octet-stream", 200},
        {"image/png", 200}, /* the type is wrong, and the first byte tells */
        {"Video/mp4", 200},
        {"application/zip", 200},
        {"application/pdf; charset=utf-16", 502},
        {"application/json; charset=utf-16", 502},
        {"text/plain; charset=\"UTF-7\"", 502},
    };

    static const char *const parts[] = {NULL, "image/png", "application/pdf", "text/plain"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_answer((struct scripted_answer){.type = rows[i].type, .body = TREE}, rows[i].status,
                     "/executions/1");
    }
    check_answer((struct scripted_answer){.body = TREE, .type = "text/JSON"}, 200, "/user");
    check_answer((struct scripted_answer){.body = TREE, .type = ""}, 200, "/v2/executions/1");
    check_answer((struct scripted_answer){.body = TREE, .type = "text/plain"}, 200,
                 "/folders/1/journeys/2");
    check_answer((struct scripted_answer){.body = TREE "x"}, 502, "/executions/1");
    check_answer(
        (struct scripted_answer){.body = "<b>usedData " CANARY "</b>", .type = "text/html"}, 502,
        "/executions/1");
    check_answer((struct scripted_answer){.body = "\xef\xbb\xbf" TREE}, 200, "/executions/1");
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        check_answer((struct scripted_answer){.body = lies[i].body, .type = lies[i].type}, 502,
                     "/executions/1");
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        check_answer((struct scripted_answer){.type = parts[i],
                                              .body = TREE,
                                              .status = 206,
                                              .fields = "Content-Range: bytes 0-9/99\r\n"},
                     502, "/executions/1");
    }
    check_answer((struct scripted_answer){.body = "{\"dataAttributeValues\":{\"password\":\"" CANARY
                                                  "\"},\"kept\":\"yes\"}"},
                 200, "/testsuites/5?envelope=false");
    check_answer((struct scripted_answer){.body =
                                              "{\"body\":\"{\\\"usedData\\\":{\\\"p\\\":\\\"" CANARY
                                              "\\\"}}\",\"kept\":\"yes\"}"},
                 200, "/executions/1");
    check_answer(
        (struct scripted_answer){.body = "{\"log\":\"got {\\\"usedData\\\":{\\\"p\\\":\\\"" CANARY
                                         "\\\"}}.\",\"kept\":\"yes\"}"},
        200, "/executions/1");
}

static void a_secret_comes_out_under_no_coding(void **state)
{
    static const struct {
        const char *fields;
        size_t cut;
        int window;
        int status;
    } rows[] = {
        {"Content-Encoding: gzip\r\n", 0, GZIP, 200},
        {"content-encoding: X-GZIP\r\n", 0, GZIP, 200},
        {"Content-Encoding: deflate\r\n", 0, ZLIB, 200},
        {"Content-Encoding: deflate\r\n", 0, RAW, 200},
        {"Content-Encoding: gzip\r\n", 3, GZIP, 502},
        {"Content-Encoding: deflate\r\n", 5, ZLIB, 502},
        {"Content-Encoding: br\r\n", 0, GZIP, 502},
        {"Content-Encoding: gzip, gzip\r\n", 0, GZIP, 502},
    };

    char packed[PACKED_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = pack(rows[i].window, STR(TREE), packed);

        check_answer((struct scripted_answer){.fields = rows[i].fields,
                                              .body = packed,
                                              .body_len = n - rows[i].cut},
                     rows[i].status, "/executions/1");
        check_answer((struct scripted_answer){.type = "image/png",
                                              .fields = rows[i].fields,
                                              .body = packed,
                                              .body_len = n - rows[i].cut},
                     rows[i].status, "/executions/1");
    }
}

/* What nobody looks into passes as it came, with its coding. */
static void an_opaque_answer_passes_as_it_came(void **state)
{
    static const char image[] = "\x89PNG\0\r\n\x1a usedData";
    const struct scripted_answer row = {.method = "GET",
                                        .status = 200,
                                        .type = "image/png",
                                        .body = image,
                                        .body_len = sizeof(image) - 1};
    struct direct direct;

    (void)state;
    direct_start(&direct, &row, 1);
    assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/executions/1/picture", NULL), 200);
    assert_int_equal(reply_text(&direct.reply).len, sizeof(image) - 1);
    assert_true(str_is(reply_field(&direct.reply, "Content-Type"), "image/png"));
    direct_stop(&direct);
}

/* Whether a member is a secret depends on the path, which may be written in many ways. */
static void a_secret_comes_out_under_no_spelling_of_its_path(void **state)
{
    static const char *const targets[] = {
        "/virtuoso/testdata/tables/5/values",       "/virtuoso/%74estdata/tables/5/values",
        "/virtuoso/TestData/tables/5/values",       "/virtuoso/testdata%2Ftables%2F5%2Fvalues",
        "/virtuoso/api/testdat%61/tables/5/values", "/virtuoso/%2574estdata/tables/5/values",
        "/virtuoso/ap%69/testdata/tables/5/values",
    };
    static const struct scripted_answer answer = {
        "GET", 0, 200, NULL, "{\"kept\":\"yes\",\"values\":{\"1\":{\"2\":\"" CANARY "\"}}}", 0};
    struct direct direct;

    (void)state;
    direct_start_as(&direct, "auth.mode=passthrough", &answer, 1);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (direct_ask(&direct, "GET", targets[i], "Authorization: Bearer reader-1\r\n") != 200) {
            fail_msg("%s: %d %.*s", targets[i], direct.reply.status,
                     STR_ARG(reply_text(&direct.reply)));
        }
        assert_true(str_contains(reply_text(&direct.reply), STR("\"kept\":\"yes\"")));
        if (str_contains(reply_text(&direct.reply), STR(CANARY))) {
            fail_msg("%s: %.*s", targets[i], STR_ARG(reply_text(&direct.reply)));
        }
    }
    direct_stop(&direct);
}

/* A table of values without names is refused to those who may not see it, in every form. */
static void values_without_names_are_for_those_who_may_see_them(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } rows[] = {
        {"text/csv", "user,pw\na," CANARY, 502},
        {"text/plain", CANARY, 502},
        {"application/json", "\"user,pw\\na," CANARY "\"", 502},
        {"application/json", "[[\"user\",\"pw\"],[\"a\",\"" CANARY "\"]]", 502},
        {"application/x-yaml", "a: " CANARY "\n", 502},
        {"application/pdf", "%PDF-1.4 " CANARY, 502},
        {"application/json", "{\"kept\":\"yes\",\"values\":{\"1\":\"" CANARY "\"}}", 200},
        {"text/plain", "", 200},
    };
    struct direct direct;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scripted_answer answer = {
            .method = "GET", .status = 200, .type = rows[i].type, .body = rows[i].body};

        direct_start_as(&direct, "auth.mode=passthrough", &answer, 1);
        (void)direct_ask(&direct, "GET", "/virtuoso/testdata/tables/5",
                         "Authorization: Bearer reader-1\r\n");
        if (direct.reply.status != rows[i].status ||
            str_contains(reply_text(&direct.reply), STR(CANARY))) {
            fail_msg("%s %s: %d %.*s", rows[i].type, rows[i].body, direct.reply.status,
                     STR_ARG(reply_text(&direct.reply)));
        }
        direct_stop(&direct);
        direct_start(&direct, &answer, 1); /* everybody may see everything */
        assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/testdata/tables/5", NULL), 200);
        assert_true(str_is(reply_text(&direct.reply), rows[i].body));
        direct_stop(&direct);
    }
}

/* --- headers */

/* Also of an answer that is kept for a retry, and of the one that the retry gets. */
static void only_hop_credential_and_cookie_headers_stay_behind(void **state)
{
    static const char *const keys[] = {NULL, "Idempotency-Key: k\r\n", "Idempotency-Key: k\r\n"};
    static const struct scripted_answer row = {
        .method = "POST",
        .status = 201,
        .fields = "Location: /api/projects/7\r\nLink: </api/x>; rel=next\r\nRetry-After: 3\r\n"
                  "Content-Range: bytes 0-1/9\r\nETag: \"e1\"\r\nLast-Modified: Sat, 28 Nov 2026 "
                  "10:00:00 GMT\r\nX-Platform: yes\r\nSet-Cookie: a=b\r\nKeep-Alive: 5\r\n"
                  "WWW-Authenticate: Basic\r\n",
        .body = "{\"id\":7}"};
    static const char *const passed[] = {"Link", "Retry-After",   "Content-Range",
                                         "ETag", "Last-Modified", "X-Platform"};
    static const char *const stayed[] = {"Set-Cookie", "Keep-Alive", "WWW-Authenticate"};
    struct direct direct;

    (void)state;
    direct_start(&direct, &row, 1);
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        assert_int_equal(direct_ask(&direct, "POST", "/virtuoso/projects", keys[k]), 201);
        assert_int_equal(reply_field(&direct.reply, "Idempotency-Replayed").len > 0, k == 2);
        assert_true(str_is(reply_field(&direct.reply, "Location"), "/virtuoso/projects/7"));
        for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
            assert_true(reply_field(&direct.reply, passed[i]).len > 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(stayed); i++) {
            assert_int_equal(reply_field(&direct.reply, stayed[i]).len, 0);
        }
    }
    direct_stop(&direct);
}

/* Of what was taken out of a body a digest of the platform is no proof; addresses lead below this proxy. */
static void digests_and_links_fit_what_is_sent(void **state)
{
#define SEALED                                                                                     \
    "Content-MD5: a\r\nDigest: a\r\nContent-Digest: a\r\nRepr-Digest: a\r\n"                       \
    "Link: </api/x?a=1,2>; rel=next, <https://other.example/api/y>; rel=prev, <z>; rel=up\r\n"
    static const char *const digests[] = {"Content-MD5", "Digest", "Content-Digest", "Repr-Digest"};
    static const struct scripted_answer rows[] = {
        {.method = "GET",
         .status = 200,
         .path = "/api/executions/1",
         .fields = SEALED,
         .body = TREE},
        {.method = "GET", .status = 200, .fields = SEALED, .body = "{\"kept\":\"yes\"}"}};
    static const char *const targets[] = {"/virtuoso/executions/1", "/virtuoso/executions/2"};
    struct direct direct;

    (void)state;
    direct_start(&direct, rows, 2);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        assert_int_equal(direct_ask(&direct, "GET", targets[i], NULL), 200);
        for (size_t k = 0; k < ARRAY_LEN(digests); k++) {
            assert_int_equal(reply_field(&direct.reply, digests[k]).len > 0, i == 1);
        }
        assert_true(str_is(reply_field(&direct.reply, "Link"),
                           "</virtuoso/x?a=1,2>; rel=next, <https://other.example/api/y>; "
                           "rel=prev, <z>; rel=up"));
    }
    direct_stop(&direct);
}

static void what_the_caller_asks_for_reaches_the_platform(void **state)
{
    static const char fields[] = "Accept: text/csv\r\nIf-Match: \"v1\"\r\nRange: bytes=0-9\r\n"
                                 "Accept-Language: de\r\nX-Own: 1\r\nX-Secret-Hop: 2\r\n"
                                 "Connection: keep-alive, X-Secret-Hop\r\nCookie: a=b\r\n"
                                 "X-Other-Hop: 3\r\nConnection: X-Other-Hop\r\n"
                                 "X-API-Key: k\r\nX-Forwarded-For: 10.0.0.1\r\n"
                                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"
                                 "b7ad6b7169203331-01\r\ntracestate: a=1,b=2\r\n";
    static const char *const passed[] = {"accept",          "if-match", "range",
                                         "accept-language", "x-own",    "tracestate"};
    static const char *const stayed[] = {"x-secret-hop", "x-other-hop", "cookie", "x-api-key",
                                         "x-forwarded-for"};
    struct proxy proxy;
    const struct json *headers;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/user?q=%2F%2f+a&&b", fields, "");
    headers = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_true(str_is(json_str(json_find(headers, "/0/query")), "q=%2F%2f+a&&b"));
    headers = json_find(headers, "/0/headers");
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        if (json_get(headers, passed[i]) == NULL) {
            fail_msg("%s did not reach the platform", passed[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(stayed); i++) {
        assert_null(json_get(headers, stayed[i]));
    }
    assert_true(str_is(json_str(json_get(headers, "accept")), "text/csv"));
    assert_true(str_is(json_str(json_get(headers, "accept-encoding")), "identity"));
    assert_true(str_is(json_str(json_get(headers, "tracestate")), "a=1,b=2"));
    /* a part of an answer that may hold secrets cannot be searched: it is asked for whole */
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/executions/5", "Range: bytes=0-9\r\n", "");
    headers = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_null(json_find(headers, "/0/headers/range"));
    proxy_stop(&proxy);
}

/* Where this proxy keeps the answer for the key, the platform does not get it too. */
static void an_idempotency_key_is_for_one_of_both(void **state)
{
    static const struct {
        const char *method;
        bool passes;
    } rows[] = {{"POST", false}, {"PUT", true}, {"PATCH", true}, {"DELETE", true}, {"GET", true}};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *key;

        sandbox_forget_requests(proxy.program.sandbox_port);
        (void)proxy_ask(&proxy, rows[i].method, "/virtuoso/teststeps/5", "Idempotency-Key: k\r\n",
                        rows[i].method[0] == 'P' ? "{}" : "");
        key = json_find(sandbox_requests(proxy.program.sandbox_port, &proxy.arena),
                        "/0/headers/idempotency-key");
        assert_int_equal(str_is(json_str(key), "k"), rows[i].passes);
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, rows[i].method, ""), 1);
    }
    proxy_stop(&proxy);
}

/* --- paths */

static void a_path_goes_as_it_is_or_not_at_all(void **state)
{
    static const char *const refused[] = {
        "/virtuoso/..\\..\\x",      "/virtuoso/..%5c..%5cx",    "/virtuoso/%2e%2e/x",
        "/virtuoso/a/%252e%252e/x", "/virtuoso/a%00b",          "/virtuoso/a%0d%0ab",
        "/virtuoso/.%2e/x",         "/virtuoso/%5C%2e%2e/user", "/virtuoso/a/../../x",
        "/virtuoso/..;/x",          "/virtuoso/;x/executions",  "/virtuoso/a/.%2E;a=b/x",
        "/virtuoso/..%3Bx/y",       "/virtuoso/..%20/x",        "/virtuoso/%c0%ae%c0%ae/x"};
    static const char *const passed[] = {"/goals/%7e%C3%a9", "/goals/100%25", "/goals/a%20b+c",
                                         "/goals/a;b=..", "/goals/..."};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        (void)proxy_ask(&proxy, "GET", refused[i], NULL, "");
        if (proxy.reply.status != 400) {
            fail_msg("%s: %d", refused[i], proxy.reply.status);
        }
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", ""), 0);
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        const struct json *requests;

        sandbox_forget_requests(proxy.program.sandbox_port);
        client_ask(proxy.program.port, "GET",
                   arena_printf(&proxy.arena, "/virtuoso%s", passed[i]).ptr, NULL, STR_EMPTY,
                   &proxy.reply);
        requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
        if (!str_is(json_str(json_find(requests, "/0/path")), passed[i])) {
            fail_msg("%s arrived as %.*s (%d)", passed[i],
                     STR_ARG(json_str(json_find(requests, "/0/path"))), proxy.reply.status);
        }
    }
    proxy_stop(&proxy);
}

/* Clients that are made from /openapi.json write a path of several segments as one. */
static void a_path_in_one_parameter_means_the_same(void **state)
{
    static const struct {
        const char *sent;
        const char *arrives;
    } rows[] = {
        {"/virtuoso/goals%2F13776", "/goals/13776"},
        {"/virtuoso/goals%2f13776%2Fversions", "/goals/13776/versions"},
        {"/virtuoso/goals%2F13776/versions", "/goals/13776/versions"},
        {"/virtuoso/api%2Fgoals%2F13776", "/goals/13776"},
    };

    static const char *const refused[] = {"/virtuoso/a%2F..%2Fx",    "/virtuoso/a%2F%2e%2e%2Fx",
                                          "/virtuoso%2Fuser",        "/api%2Fuser",
                                          "/api/projects%2F1/goals", "/api/projects/1%2F2/goals"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *requests;

        sandbox_forget_requests(proxy.program.sandbox_port);
        client_ask(proxy.program.port, "GET", rows[i].sent, NULL, STR_EMPTY, &proxy.reply);
        requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
        assert_string_equal(arena_cstr(&proxy.arena, json_str(json_find(requests, "/0/path"))),
                            rows[i].arrives);
    }
    sandbox_forget_requests(proxy.program.sandbox_port);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        (void)proxy_ask(&proxy, "GET", refused[i], NULL, "");
        if (proxy.reply.status != 400) {
            fail_msg("%s: %d", refused[i], proxy.reply.status);
        }
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", ""), 0);
    proxy_stop(&proxy);
}

static void a_client_that_adds_api_itself_means_the_same(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/api/user", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/user"), 1);
    proxy_stop(&proxy);
}

static void head_never_claims_an_empty_body(void **state)
{
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, NULL);
    client_open(&client, proxy.program.port);
    (void)client_send_request(&client, "HEAD", "/virtuoso/user", NULL, STR_EMPTY);
    assert_int_equal(client_read(&client, true, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    assert_false(str_is(reply_field(&proxy.reply, "Content-Length"), "0"));
    assert_true(str_starts(reply_field(&proxy.reply, "Content-Type"), STR("application/json")));
    /* the connection goes on */
    (void)client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY);
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&client);
    proxy_stop(&proxy);
}

static void an_answer_that_reads_two_ways_is_refused_streamed_and_whole(void **state)
{
    static const struct {
        const char *target;
        const char *fields;
    } rows[] = {
        {"/virtuoso/things", NULL},
        {"/virtuoso/things", "Accept: text/html\r\n"},
        {"/api/user", NULL},
    };
    static const struct scripted_answer answers[] = {
        {"GET", 3, 200, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 0},
        {"GET", 3, 200, "Content-Length: 1\r\n", "{\"id\":1}", 0},
        {"GET", 3, 101, "Upgrade: x\r\n", "{\"id\":1}", 0},
        {"GET", 0, 200, NULL, "{\"item\":{\"id\":1}}", 0},
    };
    struct direct direct;

    (void)state;
    direct_start(&direct, answers, ARRAY_LEN(answers));
    for (size_t i = 0; i < (ARRAY_LEN(answers) - 1) * ARRAY_LEN(rows); i++) {
        assert_int_equal(direct_ask(&direct, "GET", rows[i % ARRAY_LEN(rows)].target,
                                    rows[i % ARRAY_LEN(rows)].fields),
                         502);
        assert_true(str_contains(reply_text(&direct.reply), STR("upstream_unreadable")));
    }
    assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/things", NULL), 200);
    direct_stop(&direct);
}

static void direct_access_passes_bytes_and_no_credential(void **state)
{
    struct proxy proxy;
    const struct json *requests;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/user?token=evil&envelope=false",
                    "Authorization: Bearer mine\r\nCookie: a=b\r\n", "");
    assert_int_equal(proxy.reply.status, 200);
    requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_true(str_is(json_str(json_find(requests, "/0/query")), "envelope=false"));
    assert_true(
        str_is(json_str(json_find(requests, "/0/headers/authorization")), "Bearer " SANDBOX_TOKEN));
    assert_null(json_find(requests, "/0/headers/cookie"));
    (void)proxy_ask(&proxy, "POST", "/virtuoso/projects", NULL,
                    "{\"name\":\"direct\",\"organizationId\":1}");
    assert_int_equal(proxy.reply.status, 201);
    client_ask(proxy.program.port, "GET", "/virtuoso/../__sandbox/state", NULL, STR_EMPTY,
               &proxy.reply);
    assert_int_equal(proxy.reply.status, 400);
    client_ask(proxy.program.port, "GET", "/virtuoso/nowhere", NULL, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 404);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_reads_two_ways_is_refused_streamed_and_whole),
        cmocka_unit_test(a_secret_comes_out_under_no_media_type),
        cmocka_unit_test(a_secret_comes_out_under_no_coding),
        cmocka_unit_test(an_opaque_answer_passes_as_it_came),
        cmocka_unit_test(values_without_names_are_for_those_who_may_see_them),
        cmocka_unit_test(only_hop_credential_and_cookie_headers_stay_behind),
        cmocka_unit_test(digests_and_links_fit_what_is_sent),
        cmocka_unit_test(what_the_caller_asks_for_reaches_the_platform),
        cmocka_unit_test(an_idempotency_key_is_for_one_of_both),
        cmocka_unit_test(a_path_goes_as_it_is_or_not_at_all),
        cmocka_unit_test(a_path_in_one_parameter_means_the_same),
        cmocka_unit_test(a_secret_comes_out_under_no_spelling_of_its_path),
        cmocka_unit_test(a_client_that_adds_api_itself_means_the_same),
        cmocka_unit_test(head_never_claims_an_empty_body),
        cmocka_unit_test(direct_access_passes_bytes_and_no_credential),
    };

    return cmocka_run_group_tests_name("direct access", tests, NULL, NULL);
}
