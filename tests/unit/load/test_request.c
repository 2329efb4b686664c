/* The bytes that the generator sends, and which URLs and headers it refuses. */
#include "harness/cmocka.h"

#include "load/load_internal.h"

static const struct load_options plain = {
    .method = STR_INIT("GET"), .connections = 1, .timeout_ms = 1000};

static struct str made(const struct load_options *options, const char *url, struct request *request,
                       struct buf *own)
{
    struct target target;
    struct error err = {0};

    if (target_read(str_from(url), false, &target, &err) != ERR_OK ||
        request_init(request, options, &target, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return request_next(request, own);
}

static void assert_bytes(const struct load_options *options, const char *url, const char *bytes)
{
    struct request request;
    struct buf own;
    struct str text;

    buf_init(&own, 65536);
    text = made(options, url, &request, &own);
    if (!str_is(text, bytes)) {
        fail_msg("%.*s", STR_ARG(text));
    }
    request_done(&request);
    buf_done(&own);
}

static void requests_are_made_as_they_are_asked_for(void **state)
{
    static const struct str headers[] = {STR_INIT("X-A:  b "), STR_INIT("content-type: text/plain"),
                                         STR_INIT("Host: other")};
    struct load_options options = plain;

    (void)state;
    assert_bytes(&options, "127.0.0.1:80", "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
    assert_bytes(&options, "http://[::1]:80?a=b", "GET /?a=b HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    options.has_body = true;
    options.method = STR("POST");
    options.bearer = STR("key");
    assert_bytes(&options, "HTTP://127.0.0.1/x",
                 "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer key\r\n"
                 "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n");
    options.bearer = STR_EMPTY;
    options.body = STR("{}{id}");
    options.headers = headers;
    options.n_headers = ARRAY_LEN(headers);
    assert_bytes(&options, "127.0.0.1/{id}",
                 "POST /{id} HTTP/1.1\r\nX-A: b\r\ncontent-type: text/plain\r\nHost: other\r\n"
                 "Content-Length: 6\r\n\r\n{}{id}");
}

static void ids_stand_in_their_places_in_turn(void **state)
{
    struct load_options options = plain;
    struct request request;
    struct buf own;
    struct str text;

    (void)state;
    options.has_body = true;
    options.body = STR("[{id},{id}]");
    options.first_id = 9;
    options.last_id = 10;
    buf_init(&own, 65536);
    text = made(&options, "127.0.0.1/{id}/x", &request, &own);
    assert_true(str_starts(text, STR("GET /9/x HTTP/1.1\r\n")));
    assert_true(str_ends(text, STR("Content-Length: 5\r\n\r\n[9,9]")));
    text = request_next(&request, &own);
    assert_true(str_starts(text, STR("GET /10/x HTTP/1.1\r\n")));
    assert_true(str_ends(text, STR("Content-Length: 7\r\n\r\n[10,10]")));
    assert_true(str_ends(request_next(&request, &own), STR("[9,9]")));
    request_done(&request);
    buf_done(&own);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static const struct {
        const char *url;
        const char *header;
        const char *method;
        int64_t last_id;
        const char *says;
    } rows[] = {
        {"https://127.0.0.1/", NULL, "GET", 0, "must begin with http://"},
        {"http://a:b@127.0.0.1/", NULL, "GET", 0, "must not hold a user name"},
        {"127.0.0.1/#x", NULL, "GET", 0, "fragment"},
        {"127.0.0.1/", "X", "GET", 0, "\"X\" is no header; write \"Name: value\""},
        {"127.0.0.1/", "X Y: z", "GET", 0, "is no header"},
        {"127.0.0.1/", "X: a\r\nb", "GET", 0, "is no header"},
        {"127.0.0.1/", "content-length: 5", "GET", 0, "is set by load itself"},
        {"127.0.0.1/", NULL, "GE T", 0, "\"GE T\" is no method"},
        {"127.0.0.1/", NULL, "GET", 5, "{id} stands neither in the URL nor in the body"},
        {"192.0.2.1/", NULL, "GET", 0, "is not this machine"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct load_options options = plain;
        struct str header = str_from(rows[i].header);
        struct target target = {.authority = STR_EMPTY};
        struct request request = {.has_id = false};
        struct error err = {0};

        options.method = str_from(rows[i].method);
        options.headers = &header;
        options.n_headers = rows[i].header != NULL ? 1 : 0;
        options.last_id = rows[i].last_id;
        if (target_read(str_from(rows[i].url), false, &target, &err) == ERR_OK &&
            request_init(&request, &options, &target, &err) == ERR_OK) {
            fail_msg("row %zu was taken", i);
        }
        request_done(&request);
        if (!str_contains(str_from(err.text), str_from(rows[i].says))) {
            fail_msg("\"%s\" is not in: %s", rows[i].says, err.text);
        }
    }
}

static void this_machine_has_many_addresses(void **state)
{
    static const char *const urls[] = {"127.0.0.1/", "127.9.9.9:8000/", "[::1]/", "[0::1]:8000"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct target target;
        struct error err = {0};

        if (target_read(str_from(urls[i]), false, &target, &err) != ERR_OK) {
            fail_msg("%s: %s", urls[i], err.text);
        }
    }
}

int test_request(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_made_as_they_are_asked_for),
        cmocka_unit_test(ids_stand_in_their_places_in_turn),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(this_machine_has_many_addresses),
    };

    return cmocka_run_group_tests_name("load/request", tests, NULL, NULL);
}
