/* Every command through the running server: what leaves for the platform is compared with golden
 * vectors; and the rules around commands (names, positions, sessions, batch, idempotency). */
#include <fcntl.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "base/buf.h"
#include "harness/proxy.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static void read_file(const char *name, struct buf *out)
{
    int fd = open(name, O_RDONLY);
    ssize_t n = 1;

    assert_true(fd >= 0);
    buf_init(out, FILE_MAX);
    while (n > 0) {
        char *room = buf_reserve(out, 65536);

        assert_non_null(room);
        n = read(fd, room, 65536);
        buf_grew(out, n > 0 ? (size_t)n : 0);
    }
    assert_int_equal(close(fd), 0);
}

/* GUESS selectors hold JSON as text: compared as the JSON that they hold. */
static struct json *opened(const struct json *node, struct arena *arena)
{
    struct json *out;
    const struct json *child;

    if (json_type(node) != JSON_OBJECT && json_type(node) != JSON_ARRAY) {
        return json_copy(arena, node);
    }
    out = json_type(node) == JSON_OBJECT ? json_new_object(arena) : json_new_array(arena);
    JSON_FOREACH (child, node) {
        struct json *made = opened(child, arena);
        struct json *inner = NULL;

        if (str_is(json_name(child), "value") &&
            str_is(json_str(json_get(node, "type")), "GUESS")) {
            assert_int_equal(json_parse(arena, json_str(child), NULL, &inner, NULL), ERR_OK);
            made = inner;
        }
        if (json_type(node) == JSON_OBJECT) {
            json_set(out, json_name(child), made);
        } else {
            json_append(out, made);
        }
    }
    return out;
}

static bool was_sent(const struct json *requests, const struct json *want, struct arena *arena)
{
    const struct json *request;

    JSON_FOREACH (request, requests) {
        if (str_eq(json_str(json_get(request, "method")), json_str(json_get(want, "method"))) &&
            str_eq(json_str(json_get(request, "path")), json_str(json_get(want, "path"))) &&
            str_eq(json_str(json_get(request, "query")), json_str(json_get(want, "query"))) &&
            json_equal(opened(json_get(request, "body"), arena),
                       opened(json_get(want, "body"), arena))) {
            return true;
        }
    }
    return false;
}

static void check_vector(struct proxy *proxy, const struct json *vector)
{
    struct json *body = json_copy(&proxy->arena, vector);
    uint16_t sandbox = proxy->program.sandbox_port;

    json_remove(body, STR("upstream"));
    sandbox_forget_requests(sandbox);
    (void)proxy_ask_str(proxy, "POST", "/api/v1/commands/execute", NULL,
                        json_text(&proxy->arena, body));
    if (!was_sent(sandbox_requests(sandbox, &proxy->arena), json_get(vector, "upstream"),
                  &proxy->arena)) {
        fail_msg("not sent as wanted: %s", json_text(&proxy->arena, vector).ptr);
    }
    if (json_get(vector, "position") != NULL) {
        assert_int_equal(proxy->reply.status, 200);
    }
    arena_reset(&proxy->arena);
}

static void every_command_sends_what_its_vector_says(void **state)
{
    static const char *const sets[] = {"log.level=warn", NULL};
    struct proxy proxy;
    struct arena arena;
    struct buf text;
    struct str rest;
    struct str line;
    size_t n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[1680930,1680931,1680932]}");
    arena_init(&arena);
    read_file(VP_GOLDEN_DIR "/commands/vectors.jsonl", &text);
    rest = buf_view(&text);
    while (str_next(&rest, '\n', &line)) {
        struct json *vector;
        struct error err = {0};

        assert_int_equal(json_parse(&arena, line, NULL, &vector, &err), ERR_OK);
        check_vector(&proxy, vector);
        arena_reset(&arena);
        n++;
    }
    assert_true(n > 250);
    buf_done(&text);
    arena_done(&arena);
    proxy_stop(&proxy);
}

static struct str slug(const struct json *problem)
{
    return json_str(json_get(problem, "code"));
}

static void wrong_commands_get_an_error_that_helps(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    answer = proxy_command(&proxy, "step-interact clik", "[\"x\"]", NULL);
    assert_int_equal(proxy.reply.status, 400);
    assert_true(str_is(slug(answer), "unknown_command"));
    assert_true(str_contains(json_str(json_get(answer, "detail")), STR("step-interact click")));
    (void)proxy_command(&proxy, "step-navigate back", "[]", NULL);
    assert_int_equal(proxy.reply.status, 422);
    answer = proxy_command(&proxy, "step-interact click", "[\"x\"]",
                           "\"options\":{\"postion\":\"CENTER\"}");
    assert_int_equal(proxy.reply.status, 400);
    assert_true(str_contains(json_str(json_get(answer, "detail")), STR("position")));
    (void)proxy_command(&proxy, "step-window resize", "[\"0x99999\"]",
                        "\"options\":{\"q\":1},\"nope\":2");
    assert_int_equal(proxy.reply.status, 400);
    answer = proxy_ask(&proxy, "POST", "/api/v1/commands/execute", NULL,
                       "{\"command\":\"step-interact click\",\"args\":[\"x\"]}");
    assert_int_equal(proxy.reply.status, 400);
    assert_true(str_is(slug(answer), "checkpoint_required"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 0);
    proxy_stop(&proxy);
}

static void names_options_and_places_may_be_written_in_many_ways(void **state)
{
    struct proxy proxy;
    const struct json *answer;
    struct str path;

    (void)state;
    proxy_start(&proxy, NULL);
    answer = proxy_command(&proxy, "step-navigate", "[\"to\",\"https://example.com\"]",
                           "\"options\":{\"--new-tab\":true}");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(json_str(json_find(answer, "/data/type")), "NAVIGATE"));
    (void)proxy_command(&proxy, "interact click", "[\"Sign in\"]",
                        "\"options\":{\"--position\":\"TOP_LEFT\"}");
    assert_int_equal(proxy.reply.status, 200);
    path = arena_printf(&proxy.arena, "{\"args\":[\"Sign in\"],\"checkpoint_id\":\"cp_%lld\"}",
                        (long long)proxy.seed.checkpoint);
    (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/step/interact/click/", NULL, path);
    assert_int_equal(proxy.reply.status, 200);
    answer =
        proxy_command(&proxy, "step-interact hover", "[\"Menu\"]", "\"options\":{\"duration\":5}");
    assert_int_equal(json_size(json_get(answer, "warnings")), 1);
    assert_int_equal(json_size(proxy_steps(&proxy)), 4);
    answer = proxy_command(&proxy, "step-interact click", "[\"A\"]", "\"position\":4");
    assert_int_equal(json_size(json_get(answer, "warnings")), 0);
    answer = proxy_command(&proxy, "step-interact click", "[\"B\"]", "\"position\":99");
    assert_true(
        str_is(json_str(json_find(answer, "/warnings/0")),
               "Position 99 is behind the last step; the step stands at 5 (the first one is 0)"));
    proxy_stop(&proxy);
}

static void a_dry_run_sends_nothing_and_tells_all(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    answer = proxy_command(&proxy, "step-interact click", "[\"Sign in\"]",
                           "\"position\":2,\"dry_run\":true");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(json_str(json_find(answer, "/requests/0/path")), "/teststeps"));
    assert_true(str_is(json_str(json_find(answer, "/requests/0/body/parsedStep/action")), "CLICK"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", "/test"), 0);
    proxy_stop(&proxy);
}

static void a_dry_run_of_a_batch_tells_what_is_wrong(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    answer = proxy_ask(&proxy, "POST", "/api/v1/commands/batch?dry_run=yes", NULL,
                       "{\"checkpoint_id\":1,\"stop_on_error\":false,\"commands\":["
                       "{\"command\":\"step-misc commnt\",\"args\":[\"x\"]},"
                       "{\"command\":\"step-misc comment\",\"args\":[\"x\"]}]}");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(
        str_is(json_str(json_find(answer, "/results/0/error/pointer")), "/commands/0/command"));
    assert_true(str_is(json_str(json_find(answer, "/results/1/status")), "ready"));
    assert_int_equal(json_size(json_get(answer, "requests")), 2);
    answer = proxy_command(&proxy, "step-misc comment", "[\"x\"]", "\"dry_run\":true");
    assert_true(str_is(json_str(json_get(answer, "status")), "dry_run"));
    (void)proxy_ask(&proxy, "POST", "/api/v1/commands/execute?dry_run=maybe", NULL,
                    "{\"command\":\"step-misc comment\",\"args\":[\"x\"],\"checkpoint_id\":1}");
    assert_int_equal(proxy.reply.status, 400);
    (void)proxy_ask(&proxy, "POST", "/virtuoso/projects?dry_run=true", NULL, "{\"name\":\"x\"}");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 0);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 1); /* seed */
    proxy_stop(&proxy);
}

static void a_dry_run_leaves_the_key_for_the_real_one(void **state)
{
    static const char key[] = "Idempotency-Key: k\r\n";
    struct proxy proxy;
    struct str body;

    (void)state;
    proxy_start(&proxy, NULL);
    for (int i = 0; i < 2; i++) {
        body = arena_printf(&proxy.arena,
                            "{\"command\":\"step-misc comment\",\"args\":[\"x\"],"
                            "\"checkpoint_id\":%lld,\"dry_run\":%s}",
                            (long long)proxy.seed.checkpoint, i == 0 ? "true" : "false");
        (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", key, body);
        assert_int_equal(proxy.reply.status, 200);
        assert_int_equal(json_size(proxy_steps(&proxy)), i);
    }
    proxy_stop(&proxy);
}

/* 500 commands with texts of 2,000 characters are one MB. */
static void the_largest_batch_is_taken(void **state)
{
    struct proxy proxy;
    struct buf body;

    (void)state;
    proxy_start(&proxy, NULL);
    buf_init(&body, FILE_MAX);
    buf_printf(&body, "{\"checkpoint_id\":%lld,\"commands\":[", (long long)proxy.seed.checkpoint);
    for (int i = 0; i < 500; i++) {
        buf_printf(&body,
                   "%s{\"command\":\"step-interact write\",\"args\":[\"Email\",\"%02000d\"],"
                   "\"options\":{\"append\":true},\"description\":\"d\"}",
                   i > 0 ? "," : "", i);
    }
    buf_text(&body, "]}");
    (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL, buf_view(&body));
    assert_int_equal(proxy.reply.status, 200);
    buf_done(&body);
    proxy_stop(&proxy);
}

/* One import may be long; many of them in one batch would take a hundred times their bytes. */
static void the_imports_of_a_batch_share_a_limit(void **state)
{
    struct proxy proxy;
    struct buf csv;
    struct str one;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    buf_init(&csv, FILE_MAX);
    buf_text(&csv, "a");
    for (int i = 0; i < 300; i++) {
        buf_printf(&csv, "\\n%01000d", i);
    }
    one = arena_printf(&proxy.arena, "{\"command\":\"import-test-data\",\"args\":[\"5\",\"%.*s\"]}",
                       STR_ARG(buf_view(&csv)));
    for (int n = 1; n <= 2; n++) {
        answer =
            proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch?dry_run=true", NULL,
                          arena_printf(&proxy.arena, "{\"commands\":[%.*s%s%.*s]}", STR_ARG(one),
                                       n > 1 ? "," : "", STR_ARG(n > 1 ? one : STR_EMPTY)));
        assert_int_equal(proxy.reply.status, n == 1 ? 200 : 207);
    }
    assert_true(
        str_is(json_str(json_find(answer, "/results/1/error/pointer")), "/commands/1/args/1"));
    buf_done(&csv);
    proxy_stop(&proxy);
}

/* ---- sessions, batch, idempotency ---- */

enum { PARALLEL = 100 };

static void parallel_commands_of_a_session_become_consecutive_steps(void **state)
{
    static struct client clients[PARALLEL];
    struct proxy proxy;
    const struct json *answer;
    struct str body;
    struct str fields;
    const struct json *steps;
    bool seen[PARALLEL] = {false};

    (void)state;
    proxy_start(&proxy, NULL);
    body = arena_printf(&proxy.arena, "{\"checkpoint_id\":%lld}", (long long)proxy.seed.checkpoint);
    answer = proxy_ask_str(&proxy, "POST", "/api/v1/sessions", NULL, body);
    assert_int_equal(proxy.reply.status, 201);
    fields = arena_printf(&proxy.arena, "Content-Type: application/json\r\nX-Session-Id: %.*s\r\n",
                          STR_ARG(json_str(json_get(answer, "session_id"))));
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":3,\"skip\":20,\"status\":400}");
    for (int i = 0; i < PARALLEL; i++) {
        client_open(&clients[i], proxy.program.port);
        body =
            arena_printf(&proxy.arena, "{\"command\":\"step-misc comment\",\"args\":[\"n%d\"]}", i);
        assert_true(
            client_send_request(&clients[i], "POST", "/api/v1/commands/execute", fields.ptr, body));
    }
    for (int i = 0; i < PARALLEL; i++) {
        int64_t position;

        assert_int_equal(client_read(&clients[i], false, &proxy.reply), CLIENT_OK);
        if (proxy.reply.status == 200) {
            assert_true(json_to_i64(
                json_find(reply_json(&proxy.reply, &proxy.arena), "/data/position"), &position));
            assert_true(position < PARALLEL && !seen[position]);
            seen[position] = true;
        }
        client_close(&clients[i]);
    }
    steps = proxy_steps(&proxy);
    assert_int_equal(json_size(steps), PARALLEL - 3);
    for (size_t i = 0; i < PARALLEL; i++) {
        assert_int_equal(seen[i], i < PARALLEL - 3);
    }
    proxy_stop(&proxy);
}

static void a_batch_tells_what_happened_to_each_command(void **state)
{
    struct proxy proxy;
    const struct json *answer;
    struct str body;

    (void)state;
    proxy_start(&proxy, NULL);
    body = arena_printf(
        &proxy.arena,
        "{\"checkpoint_id\":%lld,\"commands\":[{\"command\":\"step-interact click\",\"args\":[\"a\"]},"
        "{\"command\":\"step-wait time\",\"args\":[0]},{\"command\":\"step-interact click\",\"args\":[\"b\"]}]",
        (long long)proxy.seed.checkpoint);
    answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL,
                           arena_printf(&proxy.arena, "%s}", body.ptr));
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(json_str(json_find(answer, "/results/0/status")), "success"));
    assert_true(str_is(json_str(json_find(answer, "/results/1/status")), "failed"));
    assert_true(str_is(json_str(json_find(answer, "/results/2/status")), "skipped"));
    answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL,
                           arena_printf(&proxy.arena, "%s,\"stop_on_error\":false}", body.ptr));
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(json_str(json_find(answer, "/results/2/status")), "success"));
    assert_int_equal(json_size(proxy_steps(&proxy)), 3);
    proxy_stop(&proxy);
}

static void an_idempotency_key_does_it_once(void **state)
{
    static const char key[] = "Idempotency-Key: k-1\r\n";
    struct proxy proxy;
    struct str body;
    struct str first;

    (void)state;
    proxy_start(&proxy, NULL);
    body = arena_printf(
        &proxy.arena,
        "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"checkpoint_id\":%lld}",
        (long long)proxy.seed.checkpoint);
    (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", key, body);
    first = arena_str(&proxy.arena, reply_text(&proxy.reply));
    (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", key, body);
    assert_true(str_eq(first, reply_text(&proxy.reply)));
    assert_true(str_is(reply_field(&proxy.reply, "Idempotency-Replayed"), "true"));
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    (void)proxy_ask(&proxy, "POST", "/api/v1/commands/execute", key,
                    "{\"command\":\"step-interact click\",\"args\":[\"b\"]}");
    assert_int_equal(proxy.reply.status, 422);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_sends_what_its_vector_says),
        cmocka_unit_test(wrong_commands_get_an_error_that_helps),
        cmocka_unit_test(names_options_and_places_may_be_written_in_many_ways),
        cmocka_unit_test(a_dry_run_sends_nothing_and_tells_all),
        cmocka_unit_test(a_dry_run_of_a_batch_tells_what_is_wrong),
        cmocka_unit_test(a_dry_run_leaves_the_key_for_the_real_one),
        cmocka_unit_test(the_largest_batch_is_taken),
        cmocka_unit_test(the_imports_of_a_batch_share_a_limit),
        cmocka_unit_test(parallel_commands_of_a_session_become_consecutive_steps),
        cmocka_unit_test(a_batch_tells_what_happened_to_each_command),
        cmocka_unit_test(an_idempotency_key_does_it_once),
    };

    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
