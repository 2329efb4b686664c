/* Cells of data tables and values of environments are the admin's to ask for, on their own routes;
 * nobody gets them otherwise. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/proxy.h"

#define CANARY "canary-5d1e"

/* Keys with permissions of their own come from a file. */
static void start_with_keys(struct proxy *proxy)
{
    static const char text[] =
        "auth:\n  mode: keys\n  keys:\n"
        "    - {name: reader, key: reader-key-123456, permissions: [read]}\n"
        "    - {name: boss, key: boss-key-12345678, permissions: [admin, read]}\n";
    static char path[512];
    const char *const args[] = {"serve", "--sandbox",         "-c", path, "--listen", "127.0.0.1:0",
                                "--set", "drain.notice_ms=0", NULL};
    FILE *file;

    assert_true(snprintf(path, sizeof(path), VP_SCRATCH_DIR "/values-keys-%d.yaml", (int)getpid()) <
                (int)sizeof(path));
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, sizeof(text) - 1, file), sizeof(text) - 1);
    assert_int_equal(fclose(file), 0);
    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    program_serve(&proxy->program, args, NULL);
}

static void values_are_shown_on_their_own_routes_to_who_may(void **state)
{
    struct proxy proxy;
    const struct json *made;
    struct json *environment = NULL;
    struct str target;

    (void)state;
    start_with_keys(&proxy);
    assert_int_equal(json_parse(&proxy.arena,
                                STR("{\"name\":\"e\",\"variables\":{\"password\":\"" CANARY "\"}}"),
                                NULL, &environment, NULL),
                     ERR_OK);
    made = sandbox_call(proxy.program.sandbox_port, SANDBOX_TOKEN, "POST", "/environments",
                        environment, &proxy.arena);
    target = arena_printf(&proxy.arena, "/virtuoso/environments/%.*s",
                          STR_ARG(json_number_text(json_find(made, "/item/id /id"), &proxy.arena)));
    for (int again = 0; again < 2; again++) {
        (void)proxy_ask(&proxy, "GET", target.ptr, "X-API-Key: boss-key-12345678\r\n", "");
        assert_true(str_contains(reply_text(&proxy.reply), STR(CANARY)));
        (void)proxy_ask(&proxy, "GET", target.ptr, "X-API-Key: reader-key-123456\r\n", "");
        assert_int_equal(proxy.reply.status, 200);
        assert_false(str_contains(reply_text(&proxy.reply), STR(CANARY)));
    }
    proxy_stop(&proxy);
}

static int64_t made(struct proxy *proxy, const char *path, const char *body)
{
    struct json *json = NULL;
    int64_t id = 0;

    assert_int_equal(json_parse(&proxy->arena, str_from(body), NULL, &json, NULL), ERR_OK);
    assert_true(json_to_i64(json_find(sandbox_call(proxy->program.sandbox_port, SANDBOX_TOKEN,
                                                   "POST", path, json, &proxy->arena),
                                      "/id"),
                            &id));
    return id;
}

static void expect_shown(struct proxy *proxy, const char *target, const char *key, bool shown)
{
    (void)proxy_ask(proxy, "GET", target, key, "");
    if (proxy->reply.status != 200 ||
        str_contains(reply_text(&proxy->reply), STR(CANARY)) != shown) {
        fail_msg("%s with %s: %d %.*s", target, key, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
}

/* The cells of a table are the admin's, on its own routes: not where a journey shows them. */
static void cells_are_shown_on_their_own_route_only(void **state)
{
    static const char boss[] = "X-API-Key: boss-key-12345678\r\n";
    static const char reader[] = "X-API-Key: reader-key-123456\r\n";
    struct proxy proxy;
    struct arena *arena = &proxy.arena;
    int64_t table;
    int64_t journey;
    const char *target;

    (void)state;
    start_with_keys(&proxy);
    table = made(&proxy, "/testdata/tables/create",
                 "{\"name\":\"t\",\"csv\":\"user,password\\r\\nann," CANARY "\"}");
    journey = made(&proxy, "/testsuites",
                   arena_printf(arena,
                                "{\"goalId\":13776,\"snapshotId\":43802,\"title\":\"t\","
                                "\"dataTableId\":%lld}",
                                (long long)table)
                       .ptr);
    target = arena_printf(arena, "/virtuoso/testdata/tables/%lld/values", (long long)table).ptr;
    expect_shown(&proxy, target, boss, true);
    expect_shown(&proxy, target, reader, false);
    target = arena_printf(arena, "/virtuoso/testsuites/%lld", (long long)journey).ptr;
    expect_shown(&proxy, target, boss, false);
    expect_shown(&proxy, target, reader, false);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_shown_on_their_own_routes_to_who_may),
        cmocka_unit_test(cells_are_shown_on_their_own_route_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
