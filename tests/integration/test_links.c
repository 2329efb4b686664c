/* Links to executions: one form, below the project, which is asked for where no answer tells it; and
 * none where there is no user interface or no project. The platform is the sandbox of another
 * server, since with a sandbox of one's own there are no links. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

#define UI "https://ui.example"

struct here {
    struct proxy platform;
    struct program front;
    struct arena arena;
    struct reply reply;
};

static void start(struct here *here)
{
    static const char *const sets[] = {"sandbox.examples=true", "sandbox.execution_ms=0", NULL};
    struct str base;

    *here = (struct here){0};
    proxy_start(&here->platform, sets);
    arena_init(&here->arena);
    reply_init(&here->reply);
    base = arena_printf(&here->arena, "upstream.base_url=http://127.0.0.1:%u/api",
                        (unsigned)here->platform.program.sandbox_port);
    const char *const args[] = {"serve",
                                "--listen",
                                "127.0.0.1:0",
                                "--set",
                                "auth.mode=none",
                                "--set",
                                "drain.notice_ms=0",
                                "--set",
                                "upstream.ui_url=https://ui.example/",
                                "--set",
                                "upstream.organization_id=1",
                                "--set",
                                base.ptr,
                                "--set",
                                "upstream.token=sandbox-token",
                                "--set",
                                "upstream.max_tries=1",
                                NULL};

    program_serve(&here->front, args, NULL);
    sandbox_forget_requests(here->platform.program.sandbox_port);
}

static void stop(struct here *here)
{
    program_stop(&here->front);
    program_done(&here->front);
    proxy_stop(&here->platform);
    reply_done(&here->reply);
    arena_done(&here->arena);
}

static const struct json *ask(struct here *here, const char *method, const char *target,
                              const char *body)
{
    client_ask(here->front.port, method, target,
               body != NULL ? "Content-Type: application/json\r\n" : NULL, str_from(body),
               &here->reply);
    if (here->reply.status / 100 != 2) {
        fail_msg("%s %s: %d %.*s", method, target, here->reply.status,
                 STR_ARG(reply_text(&here->reply)));
    }
    return reply_json(&here->reply, &here->arena);
}

static void expect_link(struct here *here, const struct json *answer, const char *id_at,
                        const char *url_at)
{
    struct str id = json_str(json_find(answer, id_at));
    struct str want = arena_printf(&here->arena, UI "/#/project/9056/execution/%.*s", STR_ARG(id));

    if (!str_eq(json_str(json_find(answer, url_at)), want)) {
        fail_msg("wanted %.*s: %.*s", STR_ARG(want), STR_ARG(reply_text(&here->reply)));
    }
}

static void an_execution_has_one_address(void **state)
{
    struct here here;
    const struct json *answer;
    struct str id;

    (void)state;
    start(&here);
    answer = ask(&here, "POST", "/api/goals/13776/execute", "{\"wait\":true}");
    expect_link(&here, answer, "/jobId", "/url");
    answer = ask(&here, "POST", "/api/executions", "{\"goalId\":\"13776\"}");
    expect_link(&here, answer, "/id", "/url");
    id = json_str(json_get(answer, "id"));
    answer =
        ask(&here, "GET", arena_printf(&here.arena, "/api/executions/%.*s", STR_ARG(id)).ptr, NULL);
    expect_link(&here, answer, "/id", "/url");
    answer = ask(&here, "POST", "/api/v1/commands/execute",
                 "{\"command\":\"execute-goal\",\"args\":[\"13776\"]}");
    expect_link(&here, answer, "/data/id", "/data/url");
    answer = ask(&here, "POST", "/api/v1/commands/execute",
                 "{\"command\":\"monitor-execution\",\"args\":[\"88715\"]}");
    expect_link(&here, answer, "/data/id", "/data/url");
    assert_true(sandbox_count(here.platform.program.sandbox_port, "GET", "/api/goals/13776") <= 3);
    stop(&here);
}

#define RUN  "/api/v1/tests/run?goal_id=13776&execute=true"
#define FILE "{\"name\":\"T\",\"steps\":[{\"comment\":\"x\"}]}"

/* A run in a goal that is named by its id asks for its project. */
static void a_run_has_links_whatever_names_its_goal(void **state)
{
    struct here here;
    const struct json *answer;

    (void)state;
    start(&here);
    answer = ask(&here, "POST", RUN, FILE);
    expect_link(&here, answer, "/executions/0/job_id", "/executions/0/url");
    assert_true(str_is(json_str(json_find(answer, "/tests/0/project_id")), "9056"));
    sandbox_fault(here.platform.program.sandbox_port,
                  "{\"match\":\"GET /goals/13776\",\"times\":1,\"status\":404,\"body\":\"{}\"}");
    answer = ask(&here, "POST", RUN, FILE);
    assert_true(json_str(json_find(answer, "/executions/0/job_id")).len > 0);
    assert_null(json_find(answer, "/executions/0/url"));
    assert_true(str_is(json_str(json_get(answer, "status")), "passed"));
    assert_int_equal(json_type(json_get(answer, "error")), JSON_NULL);
    stop(&here);
}

/* What is asked for the link alone does no harm when it fails. */
static void without_a_project_there_is_no_link(void **state)
{
    static const char fault[] =
        "{\"match\":\"GET /goals/13776\",\"times\":-1,\"status\":404,\"body\":\"{}\"}";
    struct here here;
    const struct json *answer;

    (void)state;
    start(&here);
    sandbox_fault(here.platform.program.sandbox_port, fault);
    answer = ask(&here, "POST", "/api/goals/13776/snapshots/43802/execute", "{}");
    assert_true(json_str(json_get(answer, "jobId")).len > 0);
    assert_null(json_get(answer, "url"));
    answer = ask(&here, "POST", "/api/v1/commands/execute",
                 "{\"command\":\"execute-goal\",\"args\":[\"13776\",\"43802\"]}");
    assert_true(json_str(json_find(answer, "/data/id")).len > 0);
    assert_null(json_find(answer, "/data/url"));
    stop(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_execution_has_one_address),
        cmocka_unit_test(a_run_has_links_whatever_names_its_goal),
        cmocka_unit_test(without_a_project_there_is_no_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
