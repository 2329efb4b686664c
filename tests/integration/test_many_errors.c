/* Bodies with thousands of errors: the first hundred are told, the rest counted, and the answer is
 * short. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

enum { ANSWER_MAX_BYTES = 256 * 1024, MANY = 3000 };

static struct str options(struct arena *arena, int n)
{
    struct buf text;
    struct str copy;

    buf_init(&text, 1U << 20);
    for (int i = 0; i < n; i++) {
        buf_printf(&text, "%s\"option%d\":1", i > 0 ? "," : "", i);
    }
    copy = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

static void a_command_tells_the_first_hundred(void **state)
{
    static const char *const targets[] = {"/api/v1/commands/execute", "/api/v1/commands/validate"};
    struct proxy proxy;
    const struct json *answer;
    struct str body;
    int64_t total = 0;

    (void)state;
    proxy_start(&proxy, NULL);
    body = options(&proxy.arena, MANY);
    body = arena_printf(&proxy.arena,
                        "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"checkpoint_id\":1,"
                        "\"options\":{%.*s}}",
                        STR_ARG(body));
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        answer = proxy_ask_str(&proxy, "POST", targets[i], NULL, body);
        assert_int_equal(json_size(json_get(answer, "errors")), 100);
        assert_true(json_to_i64(json_get(answer, "errors_total"), &total));
        assert_int_equal(total, MANY);
        assert_true(proxy.reply.body.len < ANSWER_MAX_BYTES);
    }
    proxy_stop(&proxy);
}

/* What is read in one turn of the loop has a ceiling, and says so. */
static void what_no_command_has_is_refused_at_once(void **state)
{
    static const char *const targets[] = {"/api/v1/commands/execute", "/api/v1/commands/validate"};

    static const struct {
        int n;
        const char *says;
        int status[2]; /* of each target */
    } rows[] = {{5000, "4096", {400, 200}},
                {49000, "more values than this place takes", {400, 400}}};
    struct proxy proxy;
    struct str body;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(targets); i++) {
        body = arena_printf(&proxy.arena,
                            "{\"command\":\"step-interact click\",\"args\":[\"a\"],"
                            "\"options\":{%.*s}}",
                            STR_ARG(options(&proxy.arena, rows[i / 2].n)));
        (void)proxy_ask_str(&proxy, "POST", targets[i % 2], NULL, body);
        assert_int_equal(proxy.reply.status, rows[i / 2].status[i % 2]);
        assert_true(str_contains(reply_text(&proxy.reply), str_from(rows[i / 2].says)));
        assert_true(proxy.reply.body.len < 4096);
    }
    proxy_stop(&proxy);
}

static void a_batch_tells_the_first_hundred_of_all_its_commands(void **state)
{
    struct proxy proxy;
    struct buf body;
    struct str bad;
    const struct json *answer;
    const struct json *result;
    size_t n_told = 0;
    size_t n_failed = 0;
    int64_t total = 0;

    (void)state;
    proxy_start(&proxy, NULL);
    bad = options(&proxy.arena, 60);
    buf_init(&body, 1U << 20);
    buf_text(&body, "{\"stop_on_error\":false,\"dry_run\":true,\"commands\":[");
    for (int i = 0; i < 200; i++) {
        buf_printf(&body,
                   "%s{\"command\":\"%s\",\"args\":[\"a\"],\"checkpoint_id\":1,\"options\":{%.*s}}",
                   i > 0 ? "," : "",
                   i == 199   ? "step-navigate back"
                   : i == 198 ? "step-interact clik"
                              : "step-interact click",
                   STR_ARG(bad));
    }
    buf_text(&body, "]}");
    answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL, buf_view(&body));
    assert_int_equal(proxy.reply.status, 207);
    JSON_FOREACH (result, json_get(answer, "results")) {
        n_told += json_size(json_get(result, "errors"));
        n_failed += str_is(json_str(json_get(result, "status")), "failed") ? 1 : 0;
        assert_true(json_str(json_find(result, "/error/detail")).len > 0);
    }
    assert_int_equal(n_failed, 200);
    assert_true(n_told <= 100 && n_told >= 60);
    assert_true(json_to_i64(json_find(answer, "/results/100/errors_total"), &total));
    assert_int_equal(total, 60);
    assert_true(str_is(json_str(json_find(answer, "/results/198/error/code")), "unknown_command"));
    assert_true(
        str_is(json_str(json_find(answer, "/results/199/error/code")), "unsupported_command"));
    assert_true(proxy.reply.body.len < ANSWER_MAX_BYTES);
    buf_done(&body);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_tells_the_first_hundred),
        cmocka_unit_test(what_no_command_has_is_refused_at_once),
        cmocka_unit_test(a_batch_tells_the_first_hundred_of_all_its_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
