/* Methods, over every route: HEAD is GET without the body, OPTIONS tells what works, and what does
 * not work is a 405 with the same list. And pages: who asks like a browser gets one. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

struct here {
    struct proxy proxy;
    const struct json *routes;
};

static void start(struct here *here)
{
    static const char *const sets[] = {"sandbox.examples=true", "log.level=warn", NULL};

    proxy_start(&here->proxy, sets);
    here->routes = json_get(proxy_ask(&here->proxy, "GET", "/api/v1/routes", NULL, ""), "routes");
    assert_true(json_size(here->routes) >= 60);
}

static struct str value_of(struct str part)
{
    static const char *const values[][2] = {{"{code}", "not_found"},
                                            {"{file}", "page.css"},
                                            {"{path*}", "user"},
                                            {"{command*}", "step-interact/click"}};

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (str_is(part, values[i][0])) {
            return str_from(values[i][1]);
        }
    }
    return part.ptr[0] == '{' ? STR("13776") : part;
}

static const char *target_of(struct here *here, const struct json *route)
{
    struct str target = STR_EMPTY;
    struct str rest = json_str(json_get(route, "path"));
    struct str part;

    while (str_next(&rest, '/', &part)) {
        target =
            arena_printf(&here->proxy.arena, "%.*s/%.*s", STR_ARG(target), STR_ARG(value_of(part)));
    }
    return target.len > 0 ? target.ptr : "/";
}

/* A stream of all events does not end: test_events.c asks for its head; nor does that of the cache. */
static bool is_get(const struct json *route)
{
    return str_is(json_str(json_get(route, "method")), "GET") &&
           !str_is(json_str(json_get(route, "path")), "/api/v1/events") &&
           !str_is(json_str(json_get(route, "path")), "/api/v1/cache/events");
}

static void send(struct here *here, const char *method, const char *target)
{
    struct client client = {0};

    client_open(&client, here->proxy.program.port);
    assert_true(client_send_request(&client, method, target, NULL, STR_EMPTY));
    if (client_read(&client, str_is(STR("HEAD"), method), &here->proxy.reply) != CLIENT_OK) {
        fail_msg("%s %s: no answer", method, target);
    }
    /* Nothing follows the head of an answer to HEAD: else it would be taken for the next answer. */
    assert_int_equal(client.in.len, 0);
    client_close(&client);
}

/* Figures that change from one request to the next; and the platform's answers, whose length is not
 * known before the secrets are taken out. */
static bool is_open(struct str path)
{
    return str_starts(path, STR("/virtuoso")) || str_ends(path, STR("/metrics")) ||
           str_ends(path, STR("/stats"));
}

static void head_is_get_without_the_body(void **state)
{
    struct here here;
    const struct json *route;
    struct reply *reply = &here.proxy.reply;

    (void)state;
    start(&here);
    JSON_FOREACH (route, here.routes) {
        const char *target;
        size_t length;
        int status;
        int64_t said;

        if (!is_get(route)) {
            continue;
        }
        target = target_of(&here, route);
        send(&here, "GET", target);
        status = reply->status;
        length = reply->body.len;
        send(&here, "HEAD", target);
        if (!str_to_i64(reply_field(reply, "Content-Length"), 0, INT64_MAX, &said)) {
            said = -1;
        }
        if (reply->status != status || reply->body.len != 0 ||
            (said != (int64_t)length && !is_open(str_from(target)))) {
            fail_msg("HEAD %s: GET has %d and %zu bytes, HEAD\n%.*s", target, status, length,
                     STR_ARG(buf_view(&reply->head)));
        }
    }
    proxy_stop(&here.proxy);
}

/* Returns how many methods were refused. */
static size_t expect_405(struct here *here, const char *target, struct str allow)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_contains(allow, str_from(methods[i]))) {
            continue;
        }
        send(here, methods[i], target);
        if (here->proxy.reply.status != 405 ||
            !str_eq(reply_field(&here->proxy.reply, "Allow"), allow)) {
            fail_msg("%s %s: %d, Allow: %.*s", methods[i], target, here->proxy.reply.status,
                     STR_ARG(reply_field(&here->proxy.reply, "Allow")));
        }
        n++;
    }
    return n;
}

static void options_and_405_tell_what_works(void **state)
{
    struct here here;
    const struct json *route;
    size_t n_refused = 0;

    (void)state;
    start(&here);
    JSON_FOREACH (route, here.routes) {
        const char *target = target_of(&here, route);
        struct str allow;

        send(&here, "OPTIONS", target);
        assert_int_equal(here.proxy.reply.status, 204);
        allow = arena_str(&here.proxy.arena, reply_field(&here.proxy.reply, "Allow"));
        if (!str_contains(allow, json_str(json_get(route, "method"))) ||
            str_contains(allow, STR("HEAD")) != str_contains(allow, STR("GET")) ||
            !str_contains(allow, STR("OPTIONS"))) {
            fail_msg("OPTIONS %s: Allow: %.*s", target, STR_ARG(allow));
        }
        n_refused += expect_405(&here, target, allow);
    }
    assert_true(n_refused >= 150);
    send(&here, "OPTIONS", "/nowhere");
    assert_int_equal(here.proxy.reply.status, 404);
    send(&here, "OPTIONS", "*");
    assert_int_equal(here.proxy.reply.status, 204);
    proxy_stop(&here.proxy);
}

/* --- pages --- */

static struct str ask(struct here *here, const char *target, const char *accept)
{
    client_ask(here->proxy.program.port, "GET", target, accept, STR_EMPTY, &here->proxy.reply);
    assert_int_equal(here->proxy.reply.status, 200);
    return reply_field(&here->proxy.reply, "Content-Type");
}

static void browsers_get_pages_and_others_json(void **state)
{
    static const char *const targets[] = {"/", "/problems", "/problems/not_found",
                                          "/api/v1/commands"};
    static const char *const browsers[] = {
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
        "Accept: application/json;q=0.5, text/html\r\n", "Accept: text/html, application/json\r\n"};
    static const char *const others[] = {NULL,
                                         "Accept: */*\r\n",
                                         "Accept: application/json\r\n",
                                         "Accept: application/json, text/html\r\n",
                                         "Accept: text/html;q=0, */*\r\n",
                                         "Accept: application/json, text/html;q=0.9\r\n"};
    struct here here;

    (void)state;
    start(&here);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        for (size_t k = 0; k < ARRAY_LEN(browsers); k++) {
            assert_true(str_starts(ask(&here, targets[i], browsers[k]), STR("text/html")));
            assert_true(str_contains(reply_field(&here.proxy.reply, "Vary"), STR("Accept")));
            assert_true(str_contains(reply_field(&here.proxy.reply, "Content-Security-Policy"),
                                     STR("script-src 'self'")));
            assert_false(str_contains(reply_text(&here.proxy.reply), STR("<script")));
            assert_true(str_contains(reply_text(&here.proxy.reply), STR("width=device-width")));
        }
        for (size_t k = 0; k < ARRAY_LEN(others); k++) {
            assert_true(str_starts(ask(&here, targets[i], others[k]), STR("application/json")));
            assert_true(str_contains(reply_field(&here.proxy.reply, "Vary"), STR("Accept")));
        }
    }
    proxy_stop(&here.proxy);
}

/* The address that `link` is at, seen from `page` (a path). */
static const char *resolve(struct arena *arena, struct str page, struct str link)
{
    size_t len = page.len;

    while (len > 0 && page.ptr[len - 1] != '/') {
        len--;
    }
    while (str_starts(link, STR("../"))) {
        link = str_sub(link, 3, link.len);
        for (len -= len > 1 ? 1 : 0; len > 0 && page.ptr[len - 1] != '/'; len--) {
        }
    }
    link = str_starts(link, STR("./")) ? str_sub(link, 2, link.len) : link;
    return arena_printf(arena, "%.*s%.*s", (int)len, page.ptr, STR_ARG(link)).ptr;
}

static size_t follow(struct here *here, struct str page, struct str text, const char *attribute)
{
    size_t n = 0;

    for (;;) {
        ptrdiff_t at = str_find(text, str_from(attribute));
        struct str link;
        const char *target;

        if (at < 0) {
            return n;
        }
        text = str_sub(text, (size_t)at + str_from(attribute).len, text.len);
        (void)str_cut(text, '"', &link, &text);
        if (str_starts(link, STR("/")) || str_contains(link, STR("://"))) {
            fail_msg("%.*s: %.*s is not relative", STR_ARG(page), STR_ARG(link));
        }
        target = resolve(&here->proxy.arena, page, link);
        client_ask(here->proxy.program.port, "GET", target, "Accept-Encoding: gzip\r\n", STR_EMPTY,
                   &here->proxy.reply);
        if (here->proxy.reply.status != 200) {
            fail_msg("%.*s: %.*s leads to %s: %d", STR_ARG(page), STR_ARG(link), target,
                     here->proxy.reply.status);
        }
        n++;
    }
}

/* So that they lead to the same behind a proxy that takes a prefix off and says nothing of it. */
static void every_link_of_a_page_is_relative_and_leads_somewhere(void **state)
{
    static const char *const pages[] = {
        "/",     "/problems", "/problems/",  "/problems/not_found", "/api/v1/commands",
        "/docs", "/docs/",    "/docs/plain", "/docs/testfile",      "/docs/moving",
        "/ui",   "/ui/runs"};
    struct here here;

    (void)state;
    start(&here);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct str text;
        size_t n;

        (void)ask(&here, pages[i], "Accept: text/html\r\n");
        text = arena_str(&here.proxy.arena, reply_text(&here.proxy.reply));
        n = follow(&here, str_from(pages[i]), text, "href=\"");
        n += follow(&here, str_from(pages[i]), text, "src=\"");
        assert_true(n >= 4);
    }
    proxy_stop(&here.proxy);
}

static void the_guide_and_the_schema_of_test_files_are_served(void **state)
{
    struct here here;
    struct json *schema = NULL;

    (void)state;
    start(&here);
    (void)ask(&here, "/docs/testfile", "");
    assert_int_equal(here.proxy.reply.status, 200);
    assert_true(str_contains(reply_text(&here.proxy.reply),
                             STR("<code>double-click: &quot;Row 1&quot;</code>")));
    assert_false(str_contains(reply_text(&here.proxy.reply), STR("| verb |")));
    (void)ask(&here, "/docs/moving", "");
    assert_true(str_contains(reply_text(&here.proxy.reply), STR("commands/execute-async")));
    (void)ask(&here, "/schema/testfile.json", "");
    assert_int_equal(here.proxy.reply.status, 200);
    assert_int_equal(json_parse(&here.proxy.arena, reply_text(&here.proxy.reply),
                                &(struct json_limits){.max_nodes = 100000}, &schema, NULL),
                     ERR_OK);
    assert_true(json_find(schema, "/definitions/stepMap/properties/double-click") != NULL);
    proxy_stop(&here.proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(options_and_405_tell_what_works),
        cmocka_unit_test(browsers_get_pages_and_others_json),
        cmocka_unit_test(every_link_of_a_page_is_relative_and_leads_somewhere),
        cmocka_unit_test(the_guide_and_the_schema_of_test_files_are_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
