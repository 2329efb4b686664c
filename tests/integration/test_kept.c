/* What is kept of the platform's answers, for how long and for whom, and how a caller gets past what is kept. */
#include "harness/cmocka.h"

#include "harness/direct.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum { PARALLEL = 50 };

static void get(struct proxy *proxy, const char *target)
{
    (void)proxy_ask(proxy, "GET", target, NULL, "");
    assert_int_equal(proxy->reply.status, 200);
}

static void many_cold_reads_are_one_call(void **state)
{
    struct proxy proxy;
    static struct client clients[PARALLEL];

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    sandbox_hold_all(proxy.program.sandbox_port, "GET /projects");
    for (int i = 0; i < PARALLEL; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", "/api/projects", NULL, STR_EMPTY));
    }
    proxy_wait_working(&proxy, PARALLEL);
    client_reset(&clients[0]); /* whoever leads may leave */
    proxy_wait_working(&proxy, PARALLEL - 1);
    sandbox_release_all(proxy.program.sandbox_port);
    for (int i = 1; i < PARALLEL; i++) {
        assert_int_equal(client_read(&clients[i], false, &proxy.reply), CLIENT_OK);
        assert_int_equal(proxy.reply.status, 200);
        client_close(&clients[i]);
    }
    assert_true(sandbox_count(proxy.program.sandbox_port, "GET", "/projects") <= 2);
    proxy_stop(&proxy);
}

/* The fetch under way may have read before the write. */
static void a_read_after_a_write_does_not_join_an_older_one(void **state)
{
    struct proxy proxy;
    struct client first;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    sandbox_hold(proxy.program.sandbox_port, "GET /projects");
    client_open(&first, proxy.program.port);
    assert_true(client_send_request(&first, "GET", "/api/projects", NULL, STR_EMPTY));
    proxy_wait_sent(&proxy, "GET", "/projects", 1);
    (void)proxy_ask(&proxy, "POST", "/api/projects", NULL, "{\"name\":\"new\"}");
    assert_int_equal(proxy.reply.status, 201);
    get(&proxy, "/api/projects");
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"new\"")));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/projects"), 2);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&first, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&first);
    get(&proxy, "/api/projects"); /* the older answer was not kept */
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"new\"")));
    proxy_stop(&proxy);
}

static bool is_stale(struct proxy *proxy)
{
    get(proxy, "/api/projects");
    return str_contains(reply_field(&proxy->reply, "Cache-Status"), STR("stale"));
}

static void kept_answers_are_used_and_dropped(void **state)
{
    struct proxy proxy;
    struct str etag;

    (void)state;
    proxy_start(&proxy, NULL);
    get(&proxy, "/api/projects");
    etag = arena_printf(&proxy.arena, "If-None-Match: %.*s\r\n",
                        STR_ARG(reply_field(&proxy.reply, "ETag")));
    sandbox_forget_requests(proxy.program.sandbox_port);
    get(&proxy, "/api/projects");
    assert_true(str_contains(reply_field(&proxy.reply, "Cache-Status"), STR("hit")));
    assert_true(reply_field(&proxy.reply, "Age").len > 0);
    (void)proxy_ask(&proxy, "GET", "/api/projects", etag.ptr, "");
    assert_int_equal(proxy.reply.status, 304);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/projects"), 0);
    (void)proxy_ask(&proxy, "POST", "/api/projects", NULL, "{\"name\":\"new\"}");
    assert_int_equal(proxy.reply.status, 201);
    get(&proxy, "/api/projects");
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"new\"")));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/projects"), 1);
    proxy_stop(&proxy);
}

static void an_old_answer_is_better_than_an_error(void **state)
{
    static const char *const sets[] = {"cache.ttl_s=1", "upstream.max_tries=1", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    get(&proxy, "/api/projects");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /projects\",\"times\":-1,\"status\":503}");
    wait_until(is_stale(&proxy)); /* expired, but better than an error */
    /* Who asks for a new one is told that there is none. */
    (void)proxy_ask(&proxy, "GET", "/api/projects", "Cache-Control: no-cache\r\n", "");
    assert_int_equal(proxy.reply.status, 502);
    (void)proxy_ask(&proxy, "GET", "/api/projects", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

static size_t n_fields(const struct reply *reply, const char *name)
{
    struct str rest = buf_view(&reply->head);
    struct str line;
    size_t n = 0;

    while (str_cut(rest, '\n', &line, &rest) || line.len > 0) {
        n += str_starts_nocase(line, str_from(name)) ? 1 : 0;
        if (rest.len == 0) {
            break;
        }
    }
    return n;
}

static void a_hit_has_the_headers_of_the_miss(void **state)
{
    static const struct scripted_answer row = {
        .method = "GET",
        .times = 1,
        .status = 200,
        .type = "application/vnd.x+json",
        .fields = "ETag: \"e1\"\r\nLast-Modified: Sat, 28 Nov 2026 10:00:00 GMT\r\n"
                  "Content-Disposition: attachment\r\nCache-Control: max-age=900\r\n",
        .body = "{\"id\":7}"};
    struct direct direct;

    (void)state;
    direct_start(&direct, &row, 1);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/user", NULL), 200);
        assert_true(str_contains(reply_field(&direct.reply, "Cache-Status"),
                                 again == 0 ? STR("miss") : STR("hit")));
        assert_int_equal(n_fields(&direct.reply, "ETag:"), 1);
        assert_int_equal(n_fields(&direct.reply, "Cache-Control:"), 1);
        assert_true(str_is(reply_field(&direct.reply, "ETag"), "\"e1\""));
        assert_true(str_is(reply_field(&direct.reply, "Content-Disposition"), "attachment"));
        assert_true(reply_field(&direct.reply, "Last-Modified").len > 0);
        assert_true(str_is(reply_field(&direct.reply, "Content-Type"), "application/vnd.x+json"));
    }
    assert_int_equal(
        direct_ask(&direct, "GET", "/virtuoso/user", "If-None-Match: \"x\", W/\"e1\"\r\n"), 304);
    direct_stop(&direct);
}

/* A platform whose answer to each GET has these fields. */
static void start_with(struct direct *direct, const char *fields)
{
    const struct scripted_answer row = {
        .method = "GET", .status = 200, .fields = fields, .body = "{\"id\":7}"};

    direct_start(direct, &row, 1);
}

/* Accept is passed on, so one caller's CSV must not become another one's JSON. */
static void an_answer_that_varies_is_not_kept(void **state)
{
    static const struct {
        const char *fields;
        const char *second;
    } rows[] = {
        {"Vary: Accept\r\n", "miss"},
        {"Vary: Origin\r\nVary: accept-language\r\n", "miss"},
        {"Vary: *\r\n", "miss"},
        {"Vary: Origin, Accept-Encoding, Access-Control-Request-Method\r\n", "hit"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct direct direct;

        start_with(&direct, rows[i].fields);
        assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/user", NULL), 200);
        assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/user", NULL), 200);
        if (!str_contains(reply_field(&direct.reply, "Cache-Status"), str_from(rows[i].second))) {
            fail_msg("%s: wanted a %s", rows[i].fields, rows[i].second);
        }
        direct_stop(&direct);
    }
}

/* The second request of two for a target that the platform answers so. */
static void expect_second(const struct scripted_answer *row, const char *target, const char *what)
{
    struct direct direct;

    direct_start(&direct, row, 1);
    assert_int_equal(direct_ask(&direct, "GET", target, NULL), 200);
    assert_int_equal(direct_ask(&direct, "GET", target, NULL), 200);
    if (!str_contains(reply_field(&direct.reply, "Cache-Status"), str_from(what))) {
        fail_msg("%s, %s: wanted a %s", target, row->fields, what);
    }
    direct_stop(&direct);
}

/* RFC 9111 section 5.2.2: the platform decides what may be kept, for how long, for whom. */
static void what_the_platform_forbids_is_not_kept(void **state)
{
    static const struct {
        const char *fields;
        const char *second;
    } rows[] = {
        {"Cache-Control: no-store\r\n", "miss"},
        {"Cache-Control: PRIVATE, max-age=60\r\n", "miss"},
        {"Cache-Control: private=\"X-Own\"\r\n", "miss"},
        {"Cache-Control: no-cache\r\n", "miss"},
        {"Cache-Control: max-age=0\r\n", "miss"},
        {"Cache-Control: max-age=soon\r\n", "miss"},
        {"Cache-Control: max-age=60\r\nCache-Control: no-store\r\n", "miss"},
        {"Cache-Control: max-age=0, s-maxage=60\r\n", "hit"},
        {"Cache-Control: public, max-age=60\r\n", "hit"},
        {"Cache-Control: must-revalidate\r\n", "hit"},
    };

    static const char *const targets[] = {"/virtuoso/user", "/api/user"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scripted_answer row = {
            .method = "GET", .status = 200, .fields = rows[i].fields, .body = "{\"id\":7}"};

        for (size_t k = 0; k < ARRAY_LEN(targets); k++) {
            expect_second(&row, targets[k], rows[i].second);
        }
    }
}

/* An answer that nobody may store is not stored by the caller's browser either; of others this cache says itself how the
 * caller may keep them. */
static void what_nobody_may_store_is_told_to_the_caller(void **state)
{
    static const struct {
        const char *fields;
        const char *control;
    } rows[] = {
        {"Cache-Control: no-store\r\nExpires: 0\r\nPragma: no-cache\r\n", "no-store"},
        {"cache-control: max-age=0, No-Store\r\nExpires: 0\r\nPragma: no-cache\r\n",
         "max-age=0, No-Store"},
        {"Cache-Control: max-age=60\r\nExpires: 0\r\nPragma: no-cache\r\n", "private, no-cache"},
        {"Cache-Control: private\r\nExpires: 0\r\nPragma: no-cache\r\n", "private, no-cache"},
        {"Expires: 0\r\nPragma: no-cache\r\n", "private, no-cache"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct direct direct;

        start_with(&direct, rows[i].fields);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(direct_ask(&direct, "GET", "/virtuoso/user", NULL), 200);
            assert_int_equal(n_fields(&direct.reply, "Cache-Control:"), 1);
            assert_true(str_is(reply_field(&direct.reply, "Cache-Control"), rows[i].control));
            assert_true(str_is(reply_field(&direct.reply, "Expires"), "0"));
            assert_true(str_is(reply_field(&direct.reply, "Pragma"), "no-cache"));
        }
        direct_stop(&direct);
    }
}

/* The platform is gone. What it has marked is given until it expires, and then nobody gets it. */
static void what_must_be_asked_for_again_is_no_answer_instead_of_an_error(void **state)
{
    static const char *const targets[] = {"/virtuoso/user", "/api/user"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        const struct scripted_answer rows[] = {
            {.method = "GET",
             .times = 1,
             .status = 200,
             .fields = "Cache-Control: max-age=1, must-revalidate\r\n",
             .body = "{\"id\":7}"},
            {.method = "GET", .status = 0},
        };
        struct direct direct;

        direct_start(&direct, rows, ARRAY_LEN(rows));
        assert_int_equal(direct_ask(&direct, "GET", targets[i], NULL), 200);
        wait_until(direct_ask(&direct, "GET", targets[i], NULL) >= 500);
        direct_stop(&direct);
    }
}

static size_t n_asked(struct proxy *proxy, const char *target, const char *fields, int status)
{
    sandbox_forget_requests(proxy->program.sandbox_port);
    (void)proxy_ask(proxy, "GET", target, fields, "");
    assert_int_equal(proxy->reply.status, status);
    return sandbox_count(proxy->program.sandbox_port, "GET", "");
}

static void a_request_may_pass_the_cache(void **state)
{
    static const char *const targets[] = {"/api/user", "/virtuoso/user"};
    static const char *const asking[] = {"Cache-Control: no-cache\r\n",
                                         "Cache-Control: max-age=0\r\n",
                                         "Cache-Control: No-Store\r\n",
                                         "Pragma: no-cache\r\n",
                                         "Cache-Control: min-fresh=100000\r\n",
                                         "Cache-Control: private\r\nCache-Control: no-cache\r\n"};
    static const char *const content[] = {"", "Cache-Control: max-age=1000\r\n",
                                          "Cache-Control: only-if-cached\r\n",
                                          "Cache-Control: max-stale\r\nPragma: no-cache\r\n"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        assert_int_equal(n_asked(&proxy, targets[i], "Cache-Control: only-if-cached\r\n", 504), 0);
        assert_int_equal(n_asked(&proxy, targets[i], NULL, 200), 1);
        for (size_t k = 0; k < ARRAY_LEN(asking); k++) {
            assert_int_equal(n_asked(&proxy, targets[i], asking[k], 200), 1);
        }
        for (size_t k = 0; k < ARRAY_LEN(content); k++) {
            assert_int_equal(n_asked(&proxy, targets[i], content[k], 200), 0);
        }
    }
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_cold_reads_are_one_call),
        cmocka_unit_test(a_read_after_a_write_does_not_join_an_older_one),
        cmocka_unit_test(kept_answers_are_used_and_dropped),
        cmocka_unit_test(an_old_answer_is_better_than_an_error),
        cmocka_unit_test(a_hit_has_the_headers_of_the_miss),
        cmocka_unit_test(an_answer_that_varies_is_not_kept),
        cmocka_unit_test(what_the_platform_forbids_is_not_kept),
        cmocka_unit_test(what_nobody_may_store_is_told_to_the_caller),
        cmocka_unit_test(what_must_be_asked_for_again_is_no_answer_instead_of_an_error),
        cmocka_unit_test(a_request_may_pass_the_cache),
    };

    return cmocka_run_group_tests_name("kept answers", tests, NULL, NULL);
}
