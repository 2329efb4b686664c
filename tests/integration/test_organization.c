/* No organization is configured: the first one that the token sees is taken, asked for once. */
#include "harness/cmocka.h"

#include <string.h>

#include "harness/client.h"
#include "harness/program.h"
#include "harness/scripted.h"

struct bench {
    struct scripted scripted;
    struct program program;
    struct reply reply;
};

static void bench_start(struct bench *bench, const struct scripted_answer *rows, size_t n)
{
    static char base[64];
    const char *const args[] = {"serve",
                                "--listen",
                                "127.0.0.1:0",
                                "--set",
                                "auth.mode=none",
                                "--set",
                                "upstream.token=t",
                                "--set",
                                "drain.notice_ms=0",
                                "--set",
                                "cache.enabled=false",
                                "--set",
                                base,
                                NULL};
    struct buf text;

    *bench = (struct bench){0};
    scripted_start(&bench->scripted, rows, n);
    buf_init(&text, sizeof(base) - 1);
    buf_printf(&text, "upstream.base_url=http://127.0.0.1:%d/api", (int)bench->scripted.port);
    str_copy(base, sizeof(base), buf_view(&text));
    buf_done(&text);
    program_serve(&bench->program, args, NULL);
    reply_init(&bench->reply);
}

static void bench_stop(struct bench *bench)
{
    reply_done(&bench->reply);
    program_stop(&bench->program);
    program_done(&bench->program);
    scripted_done(&bench->scripted);
}

static int ask(struct bench *bench, const char *method, const char *target, const char *body)
{
    client_ask(bench->program.port, method, target,
               body != NULL ? "Content-Type: application/json\r\n" : NULL, str_from(body),
               &bench->reply);
    return bench->reply.status;
}

#define PROJECTS "{\"success\":true,\"map\":{\"5\":{\"id\":5,\"name\":\"P\"}},\"total\":1}"

/* Wherever the platform tells it. */
static void the_first_organization_of_the_token_is_taken(void **state)
{
    static const char *const users[] = {
        "{\"success\":true,\"item\":{\"id\":1,\"organizations\":[{\"id\":77},{\"id\":78}]}}",
        "{\"success\":true,\"item\":{\"id\":1,\"organizationId\":77}}",
        "{\"id\":1,\"organization\":{\"id\":\"77\"}}",
        "{\"id\":1,\"organizations\":[{\"organizationId\":77}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        const struct scripted_answer rows[] = {{"GET", 1, 200, NULL, users[i], 0},
                                               {"GET", 0, 200, NULL, PROJECTS, 0}};
        struct bench bench;

        bench_start(&bench, rows, ARRAY_LEN(rows));
        assert_int_equal(ask(&bench, "GET", "/api/projects", NULL), 200);
        assert_true(str_is(reply_text(&bench.reply), "[{\"id\":\"5\",\"name\":\"P\"}]"));
        assert_int_equal(ask(&bench, "GET", "/api/projects", NULL), 200);
        assert_int_equal(scripted_count(&bench.scripted, "GET /api/user"), 1); /* remembered */
        assert_int_equal(scripted_count(&bench.scripted, "GET /api/projects?organizationId=77"), 2);
        bench_stop(&bench);
    }
}

static void a_command_and_a_test_file_take_it_too(void **state)
{
    static const struct scripted_answer rows[] = {
        {"GET", 1, 200, NULL, "{\"item\":{\"organizations\":[{\"id\":77}]}}", 0},
        {"GET", 0, 200, NULL, PROJECTS, 0},
        {"POST", 0, 201, NULL, "{\"item\":{\"id\":6}}", 0}};
    struct bench bench;

    (void)state;
    bench_start(&bench, rows, ARRAY_LEN(rows));
    assert_int_equal(ask(&bench, "POST", "/api/v1/commands/execute",
                         "{\"command\":\"create-project\",\"args\":[\"A\"]}"),
                     200);
    assert_int_equal(ask(&bench, "POST", "/api/v1/commands/execute",
                         "{\"command\":\"list-projects\",\"args\":[]}"),
                     200);
    assert_int_equal(scripted_count(&bench.scripted, "GET /api/user"), 1);
    assert_int_equal(ask(&bench, "POST", "/api/v1/tests/run?dry_run=true",
                         "{\"name\":\"T\",\"steps\":[{\"click\":\"x\"}]}"),
                     200);
    assert_true(str_contains(reply_text(&bench.reply), STR("\"path\":\"/user\"")));
    bench_stop(&bench);
}

static void what_the_platform_does_not_tell_is_to_be_configured(void **state)
{
    static const struct scripted_answer row = {"GET", 0, 200, NULL, "{\"item\":{\"id\":1}}", 0};
    struct bench bench;

    (void)state;
    bench_start(&bench, &row, 1);
    assert_int_equal(ask(&bench, "GET", "/api/projects", NULL), 502);
    assert_true(str_contains(reply_text(&bench.reply), STR("configure upstream.organization_id")));
    bench_stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_organization_of_the_token_is_taken),
        cmocka_unit_test(a_command_and_a_test_file_take_it_too),
        cmocka_unit_test(what_the_platform_does_not_tell_is_to_be_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
