/* `virtuoso-proxy run`: exit codes, reports and ways to end, against a scripted proxy where the
 * other side has to misbehave, and against the real one with its sandbox. */
#include "harness/cmocka.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/count.h"
#include "harness/proxy.h"
#include "harness/run_cli.h"
#include "harness/scripted.h"
#include "harness/wait.h"

#define RUN_OBJECT(status, more)                                                                   \
    "{\"id\":\"run_1\",\"status\":\"" status "\",\"name\":\"Login\",\"progress\":50,"              \
    "\"steps\":{\"total\":2,\"done\":1,\"failed\":0},\"tests\":[{\"name\":\"Login\",\"status\":"   \
    "\"running\",\"steps\":[{\"index\":1,\"text\":\"evil \\u001b[31m\",\"status\":\"done\"},"      \
    "{\"index\":2,\"text\":\"second\",\"status\":\"pending\"}]}]" more "}"
#define RUNNING RUN_OBJECT("running", "")

static const char test_file[] = "name: Login\n"
                                "project: Demo\n"
                                "tags: [smoke]\n"
                                "steps:\n"
                                "  - navigate: https://shop.example\n"
                                "  - click: Sign in\n"
                                "  - assert: Hello\n";

/* ---- a scripted proxy ---- */

static const struct outcome_case {
    struct scripted_answer rows[3];
    int code;
    const char *says;
} outcome_cases[] = {
    {{{"POST", 0, 202, NULL, RUNNING, 0},
      {"GET", 2, 200, NULL, RUNNING, 0},
      {"GET", 0, 200, NULL, RUN_OBJECT("passed", ""), 0}},
     0,
     "1 passed"},
    {{{"POST", 0, 202, NULL, RUNNING, 0},
      {"GET", 0, 200, NULL, RUN_OBJECT("failed", ",\"error\":{\"detail\":\"no such thing\"}"), 0}},
     2,
     "login.yaml: failed: no such thing"},
    {{{"POST", 0, 202, NULL, RUNNING, 0}, {"GET", 0, 200, NULL, RUN_OBJECT("cancelled", ""), 0}},
     3,
     "1 cancelled"},
    {{{"POST", 0, 202, NULL, RUNNING, 0}, {"GET", 0, 200, NULL, RUN_OBJECT("timed_out", ""), 0}},
     4,
     "1 timed out"},
    {{{"POST", 0, 200, NULL, RUN_OBJECT("passed", ""), 0}}, 0, "1 passed"},
    {{{"POST", 0, 422, NULL,
       "{\"detail\":\"does not compile\",\"errors\":[{\"line\":6,\"column\":5,\"text\":"
       "\"click\",\"detail\":\"bad \\u001b[2J verb\",\"hint\":\"mend it\"}]}",
       0}},
     1,
     "     6 |   - click: Sign in\n       |     ^~~~~"},
    {{{"POST", 0, 401, NULL, "{\"detail\":\"no such key\"}", 0}},
     1,
     "HTTP 401: no such key; give the proxy's key with --api-key-file or VIRTUOSO_PROXY_API_KEY"},
    {{{"POST", 0, 202, NULL, RUNNING, 0}, {"GET", 0, 200, NULL, RUN_OBJECT("created", ""), 0}},
     0,
     "login.yaml: created 1 step (not executed: add --wait)"},
    {{{"POST", 0, 404, NULL, "<html>", 0}}, 1, "is there a virtuoso-proxy"},
    {{{"POST", 0, 200, NULL, "{\"hello\":1}", 0}}, 1, "not that of a virtuoso-proxy"},
    {{{"POST", 0, 202, NULL, "{\"id\":\"../../x\",\"status\":\"running\"}", 0}},
     1,
     "not that of a virtuoso-proxy"},
    {{{"POST", 0, 202, NULL, RUNNING, 0}, {"GET", 0, 404, NULL, "{}", 0}},
     3,
     "does not know this run any more"},
    {{{"POST", 0, 202, NULL, RUNNING, 0}, {"GET", 0, 200, NULL, RUN_OBJECT("exploded", ""), 0}},
     3,
     "this program does not know: \"exploded\""},
};

static void each_outcome_has_its_exit_code(void **state)
{
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);

    for (size_t i = 0; i < ARRAY_LEN(outcome_cases); i++) {
        struct scripted scripted;
        const char *url;

        scripted_start(&scripted, outcome_cases[i].rows, ARRAY_LEN(outcome_cases[i].rows));
        url = run_cli_url(f, scripted.port);
        assert_int_equal(RUN(f, file, url), outcome_cases[i].code);
        assert_true(run_cli_says(f, outcome_cases[i].says));
        assert_int_equal(RUN(f, file, url, "-o", "json"), outcome_cases[i].code);
        assert_int_equal(json_double(json_get(run_cli_json(f), "exit_code")),
                         outcome_cases[i].code);
        scripted_done(&scripted);
    }
}

static void a_proxy_that_is_away_for_a_while_is_waited_for(void **state)
{
    static const struct scripted_answer rows[] = {
        {"POST", 1, 503, "Retry-After: 1\r\n", "{\"detail\":\"busy\"}", 0},
        {"POST", 1, 429, NULL, "{\"detail\":\"slowly\"}", 0},
        {"POST", 0, 202, NULL, RUNNING, 0},
        {"GET", 2, 0, NULL, NULL, 0},
        {"GET", 1, 502, NULL, "<html>", 0},
        {"GET", 1, 200, NULL, "{", 0},
        {"GET", 1, 200, NULL, RUNNING, 0},
        {"GET", 0, 200, NULL, RUN_OBJECT("passed", ""), 0},
    };
    struct run_cli *f = *state;
    struct scripted scripted;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    assert_int_equal(RUN(f, run_cli_put(f, "login.yaml", test_file), run_cli_url(f, scripted.port)),
                     0);
    assert_int_equal(scripted_count(&scripted, "POST "), 3);
    assert_int_equal(scripted_count(&scripted, "GET /api/v1/tests/runs/run_1 "),
                     scripted_count(&scripted, "GET "));
    scripted_done(&scripted);
}

static void a_lost_proxy_ends_with_what_was_known(void **state)
{
    static const struct scripted_answer rows[] = {
        {"POST", 0, 202, NULL, RUNNING, 0},
        {"GET", 1, 200, NULL, RUNNING, 0},
        {"GET", 0, 0, NULL, NULL, 0},
    };
    static const struct scripted_answer deaf[] = {{"POST", 0, 0, NULL, NULL, 0}};
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    struct scripted scripted;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    assert_int_equal(RUN(f, file, run_cli_url(f, scripted.port), "--patience", "1"), 3);
    assert_true(run_cli_says(f, "the proxy was lost"));
    scripted_done(&scripted);

    scripted_start(&scripted, deaf, ARRAY_LEN(deaf)); /* it may have begun: never sent again */
    assert_int_equal(RUN(f, file, run_cli_url(f, scripted.port)), 3);
    assert_true(run_cli_says(f, "may or may not have been"));
    assert_int_equal(scripted_count(&scripted, "POST "), 1);
    scripted_done(&scripted);
}

static void interrupt(struct run_cli *f, struct scripted *scripted, const char *after)
{
    wait_until(scripted_count(scripted, after) > 0);
    program_signal(&f->program, SIGINT);
}

static void an_interrupt_stops_the_run_and_reports(void **state)
{
    static const struct scripted_answer rows[] = {
        {"POST", 0, 202, NULL, RUNNING, 0},
        {"DELETE", 1, 0, NULL, NULL, 0}, /* lost: it is asked again */
        {"DELETE", 0, 202, NULL, RUNNING, 0},
        {"GET", 0, 200, NULL, RUN_OBJECT("cancelled", ""), 2},
        {"GET", 0, 200, NULL, RUNNING, 0},
    };
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    struct scripted scripted;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    run_cli_begin(f, NULL,
                  (const char *const[]){file, run_cli_url(f, scripted.port), "--junit",
                                        run_cli_path(f, "j.xml"), file, NULL});
    interrupt(f, &scripted, "GET ");
    assert_int_equal(run_cli_end(f), 3);
    assert_true(run_cli_says(f, "2 files: 2 cancelled; "));
    assert_int_equal(scripted_count(&scripted, "DELETE /api/v1/tests/runs/run_1 "), 2);
    assert_int_equal(scripted_count(&scripted, "POST "), 1); /* the second was not begun */
    assert_true(
        str_contains(run_cli_get(f, "j.xml"), STR("tests=\"2\" failures=\"0\" errors=\"2\"")));
    scripted_done(&scripted);
}

static void a_second_interrupt_waits_for_nothing(void **state)
{
    static const struct scripted_answer rows[] = {
        {"POST", 0, 202, NULL, RUNNING, 0},
        {"DELETE", 0, 202, NULL, RUNNING, 0},
        {"GET", 0, 200, NULL, RUNNING, 0}, /* it does not stop */
    };
    struct run_cli *f = *state;
    struct scripted scripted;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    run_cli_begin(f, NULL,
                  (const char *const[]){run_cli_put(f, "login.yaml", test_file),
                                        run_cli_url(f, scripted.port), NULL});
    interrupt(f, &scripted, "GET ");
    interrupt(f, &scripted, "DELETE ");
    assert_int_equal(run_cli_end(f), 3);
    assert_true(run_cli_says(f, "stopped"));
    scripted_done(&scripted);
}

static void keys_come_from_a_file_or_the_environment(void **state)
{
    static const struct scripted_answer rows[] = {
        {"POST", 0, 200, NULL, RUN_OBJECT("passed", ""), 0}};
    static const char *const env[] = {"VIRTUOSO_PROXY_API_KEY=from-env", NULL};
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    const char *key = run_cli_put(f, "key", " from-file \n");
    struct scripted scripted;
    const char *url;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    url = run_cli_url(f, scripted.port);
    assert_int_equal(run_cli_env(f, env, (const char *const[]){file, url, NULL}), 0);
    assert_string_equal(scripted.seen->authorization, "Bearer from-env");
    assert_int_equal(
        run_cli_env(f, env, (const char *const[]){file, url, "--api-key-file", key, NULL}), 0);
    assert_string_equal(scripted.seen->authorization, "Bearer from-file");
    assert_int_equal(RUN(f, file, url), 0);
    assert_string_equal(scripted.seen->authorization, "");
    scripted_done(&scripted);
}

/* ---- usage ---- */

static const char *const slips[][4] = {
    {NULL},
    {"--timeout", "soon"},
    {"--concurrency", "0"},
    {"--concurrency", "17"},
    {"--output", "xml"},
    {"--resume", "nonsense=1"},
    {"--checkpoint", "x"},
    {"--var", "novalue"},
    {"--var", "a=1", "--var=a=2"},
    {"--junit", "/proc/at/all.xml"},
    {"--github-summary"},
    {"--sandbox"},
    {"--dry-run", "--execute"},
    {"--api-key-file", "/nowhere"},
    {"--retries", "1"},
    {"--retries", "6"},
    {"--env-id", "1"},
    {"--shard", "3/2"},
    {"--shard", "one"},
    {"--ca-file", "/nowhere"},
    {"--rerun-failed"}, /* none is remembered */
    {"--nonsense"},
    {"--concurency", "2"},
    {"--output=tap"},
    {"--wait=yes"},
    {"--url"},
};

static void what_cannot_start_is_1_and_sends_nothing(void **state)
{
    static const struct scripted_answer rows[] = {{"POST", 0, 200, NULL, "{}", 0}};
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    struct scripted scripted;

    scripted_start(&scripted, rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(slips); i++) {
        const char *junit = run_cli_put(f, "old.xml", "an older report");
        const char *args[12] = {run_cli_url(f, scripted.port), "--junit", junit, "--html",
                                run_cli_put(f, "old.html", "an older report")};
        bool names_another = slips[i][0] != NULL && str_is(STR("--junit"), slips[i][0]);
        size_t n = 5;

        if (i > 0) { /* the first has no file */
            args[n++] = file;
        }
        for (size_t k = 0; k < ARRAY_LEN(slips[i]) && slips[i][k] != NULL; k++) {
            args[n++] = slips[i][k];
        }
        assert_int_equal(run_cli_env(f, NULL, args), 1);
        assert_true(f->out.len > 0);
        /* An older report is not that of this run. */
        assert_int_equal(str_contains(run_cli_get(f, "old.xml"), STR("<error type=\"error\"")),
                         !names_another);
        assert_false(str_contains(run_cli_get(f, "old.html"), STR("an older report")));
    }
    assert_int_equal(RUN(f, run_cli_path(f, "missing.yaml"), run_cli_url(f, scripted.port),
                         "--junit", run_cli_put(f, "old.xml", "an older report")),
                     1);
    assert_true(str_contains(run_cli_get(f, "old.xml"), /* it is not that of this run */
                             STR("<error type=\"error\" message=\"cannot read ")));
    assert_int_equal(scripted.seen->n, 0);
    assert_int_equal(RUN(f, file, "--url=ftp://x"), 1);
    assert_int_equal(RUN(f, file, "--junit", run_cli_path(f, "made/by/run/j.xml")), 1);
    assert_true(run_cli_says(f, "VIRTUOSO_API_TOKEN")); /* no token of the platform */
    assert_true(str_contains(run_cli_get(f, "made/by/run/j.xml"),
                             STR("tests=\"1\" failures=\"0\" errors=\"1\"")));
    scripted_done(&scripted);
}

/* -v is --var only before NAME=VALUE. */
static void v_alone_tells_what_a_folder_passes_over(void **state)
{
    struct run_cli *f = *state;
    const char *folder = run_cli_path(f, "t");
    const char *why = "package.json: passed over, not a test: a package description";

    assert_int_equal(mkdir(folder, 0755), 0);
    (void)run_cli_put(f, "t/package.json", "{\"name\": \"x\", \"dependencies\": {}}");
    (void)run_cli_put(f, "t/broken.yaml", "name: x\nsteps: [{clik: a}]\n"); /* needs no proxy */
    assert_int_equal(RUN(f, folder), 1);
    assert_true(run_cli_says(f, "1 name passed over (--verbose tells why)"));
    assert_false(run_cli_says(f, why));
    assert_int_equal(RUN(f, "-v", "a=b", folder), 1);
    assert_false(run_cli_says(f, why));
    assert_int_equal(RUN(f, "-v", folder), 1);
    assert_true(run_cli_says(f, why));
    assert_int_equal(RUN(f, folder, "-v"), 1);
    assert_true(run_cli_says(f, why));
    assert_int_equal(RUN(f, "-v", "--var=a=b", folder), 1);
    assert_true(run_cli_says(f, why));
    assert_int_equal(RUN(f, "-v", "a=b", "-v", folder), 1);
    assert_true(run_cli_says(f, why));
}

/* ---- the real one ---- */

static int64_t count_steps(struct run_cli *f)
{
    return (int64_t)json_double(json_find(run_cli_json(f), "/steps/done"));
}

static void files_become_tests_and_reports(void **state)
{
    struct run_cli *f = *state;
    const char *env[2] = {NULL};
    struct proxy proxy;
    struct str text;

    assert_int_equal(mkdir(run_cli_path(f, "t"), 0755), 0);
    (void)run_cli_put(f, "t/login.yaml", test_file);
    (void)run_cli_put(
        f, "t/cart.json",
        "{\"name\": \"Cart\", \"project\": \"Demo\", \"steps\": [{\"click\": \"Cart\"}]}");
    (void)run_cli_put(f, "summary.md", "before\n");
    env[0] = arena_printf(&f->arena, "GITHUB_STEP_SUMMARY=%s", run_cli_path(f, "summary.md")).ptr;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(
        run_cli_env(f, env,
                    (const char *const[]){run_cli_path(f, "t"), run_cli_url(f, proxy.program.port),
                                          "--junit", run_cli_path(f, "j.xml"), "--html",
                                          run_cli_path(f, "r.html"), "--github-summary",
                                          "--concurrency", "2", NULL}),
        0);
    assert_true(run_cli_says(f, "2 files: 2 created (4 steps, not executed); "));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 4);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 1);
    text = run_cli_get(f, "j.xml");
    assert_true(str_contains(text, STR("tests=\"2\" failures=\"0\" errors=\"0\"")));
    assert_int_equal(str_count(text, "<skipped message=\"created, not executed (add --wait)\"/>"),
                     2);
    assert_true(str_contains(run_cli_get(f, "r.html"), STR("</html>")));
    text = run_cli_get(f, "summary.md");
    assert_true(str_starts(text, STR("before\n### virtuoso-proxy run\n")));

    assert_int_equal(RUN(f, run_cli_path(f, "t"), run_cli_url(f, proxy.program.port), "--tag",
                         "smoke", "-o", "json"),
                     0);
    assert_int_equal(count_steps(f), 3);
    assert_int_equal(RUN(f, run_cli_path(f, "t"), run_cli_url(f, proxy.program.port), "--tag",
                         "none", "-o", "json"),
                     0);
    assert_true(str_is(json_str(json_find(run_cli_json(f), "/files/0/detail")),
                       "skipped: no test tagged none"));
    assert_true(run_cli_says(f, "warning: --tag none: no test has this tag"));
    assert_int_equal(RUN(f, run_cli_path(f, "t/login.yaml"), run_cli_url(f, proxy.program.port),
                         "--tag", "smoek"),
                     0); /* one file, several, a folder: the same */
    assert_true(run_cli_says(f, "login.yaml: skipped: no test tagged smoek\n"));
    assert_true(run_cli_says(f, "did you mean \"smoke\"?"));
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(RUN(f, run_cli_path(f, "t"), run_cli_url(f, proxy.program.port), "--dry-run"),
                     0);
    assert_true(run_cli_says(f, "POST /teststeps"));
    assert_true(run_cli_says(f, "login.yaml: would send 10 requests"));
    assert_true(run_cli_says(f, " requests); "));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", ""), 0);
    proxy_stop(&proxy);
}

static void a_manifest_names_goals_and_journeys(void **state)
{
    struct run_cli *f = *state;
    struct proxy proxy;
    const struct json *requests;

    (void)run_cli_put(f, "login.yaml", test_file);
    (void)run_cli_put(f, "all.yaml",
                      "goals: [{name: Shop, journeys: [{name: First, test_file: login.yaml},"
                      " {name: Second, test_file: login.yaml}]}]\n");
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(RUN(f, run_cli_path(f, "all.yaml"), run_cli_url(f, proxy.program.port)), 0);
    assert_true(run_cli_says(f, "login.yaml (First): created 3 steps"));
    assert_true(run_cli_says(f, "login.yaml (Second): created 3 steps"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 1);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 6);
    requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_true(str_contains(json_text(&proxy.arena, requests), STR("Second")));
    proxy_stop(&proxy);
}

static void a_refused_step_is_red_and_the_run_goes_on_from_there(void **state)
{
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    struct proxy proxy;
    struct str query;

    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\": \"POST /teststeps\", \"skip\": 1, \"times\": 1, \"status\": 400,"
                  " \"body\": \"{\\\"success\\\":false,\\\"error\\\":{\\\"code\\\":\\\"400\\\","
                  "\\\"message\\\":\\\"odd \\u001b[31m step\\\"}}\"}");
    assert_int_equal(
        RUN(f, file, run_cli_url(f, proxy.program.port), "--html", run_cli_path(f, "r.html")), 2);
    assert_true(run_cli_says(f, "login.yaml: failed at step 2 of 3, "));
    assert_true(run_cli_says(f, "login.yaml:6: click on \"Sign in\": "));
    assert_true(run_cli_says(f, "to go on from there: virtuoso-proxy run "));
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\": \"POST /teststeps\", \"skip\": 1, \"times\": 1, \"status\": 400}");
    assert_int_equal(RUN(f, file, run_cli_url(f, proxy.program.port), "-o", "json"), 2);
    query = json_str(json_find(run_cli_json(f), "/files/0/run/resume/query"));
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(RUN(f, file, run_cli_url(f, proxy.program.port), "--resume", query.ptr), 0);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 2);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 0);
    proxy_stop(&proxy);
}

static void executions_decide_too(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=200", "runs.poll_ms=100", NULL};

    static const struct {
        const char *name;
        const char *step;
        const char *more;
        int code;
    } cases[] = {
        {"Fine", "click: a", NULL, 0},
        {"Red", "click: FAIL", NULL, 2},
        {"CANCEL me", "click: a", NULL, 3},
        {"STALL", "click: a", "--timeout=1", 4},
    };
    struct run_cli *f = *state;
    struct proxy proxy;

    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *file =
            run_cli_put(f, "x.yaml",
                        arena_printf(&f->arena, "name: %s\nproject: Demo\nsteps:\n  - %s\n",
                                     cases[i].name, cases[i].step)
                            .ptr);

        assert_int_equal(RUN(f, file, run_cli_url(f, proxy.program.port), "--wait", cases[i].more),
                         cases[i].code);
    }
    assert_int_equal(RUN(f,
                         run_cli_put(f, "y.yaml", "name: STALL\nproject: P\nsteps: [{click: a}]\n"),
                         run_cli_url(f, proxy.program.port), "--execute"),
                     0); /* begun, not followed */
    proxy_stop(&proxy);
}

static void one_red_file_can_be_enough(void **state)
{
    struct run_cli *f = *state;
    const char *bad = run_cli_put(f, "bad.yaml", "name: x\nsteps:\n  - clik: y\n  - click: y\n");
    const char *good = run_cli_put(f, "good.yaml", test_file);
    struct proxy proxy;

    proxy_start(&proxy, NULL);
    assert_int_equal(RUN(f, bad, good, run_cli_url(f, proxy.program.port)), 1);
    assert_true(run_cli_says(f, "2 files: 1 created, 1 could not start "));
    assert_true(run_cli_says(f, "bad.yaml:3:5: error: "));
    assert_true(run_cli_says(f, "did you mean \"click\"?"));
    /* what does not compile is told first: the other file need not stand before this one */
    assert_int_equal(RUN(f, good, bad, run_cli_url(f, proxy.program.port), "--fail-fast", "--junit",
                         run_cli_path(f, "j.xml")),
                     1);
    assert_true(run_cli_says(f, "2 files: 1 could not start, 1 skipped; "));
    assert_true(
        str_contains(run_cli_get(f, "j.xml"),
                     STR("<skipped message=\"another file did not pass (--fail-fast)\"/>")));
    proxy_stop(&proxy);
}

static void without_a_url_it_brings_its_own_proxy(void **state)
{
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);

    assert_int_equal(RUN(f, file, "--sandbox", "--wait", "--set", "sandbox.execution_ms=100"), 0);
    assert_true(run_cli_says(f, "login.yaml: passed, 3 steps, "));
    assert_true(run_cli_says(f, "1 file: 1 passed; "));
    run_cli_begin(f, NULL,
                  (const char *const[]){file, "--sandbox", "--wait", "--verbose", "--set",
                                        "sandbox.execution_ms=600000", NULL});
    program_wait_wrote(&f->program, "[3/3] done", WAIT_MS);
    program_signal(&f->program, SIGTERM);
    assert_int_equal(run_cli_end(f), 3);
    assert_true(run_cli_says(f, "1 file: 1 cancelled; "));
    assert_int_equal(RUN(f, file, "--sandbox", "--set", "nonsense=1"), 1);
    assert_int_equal(RUN(f, file, "--sandbox", "--junit", "/dev/full"),
                     1); /* no report: not green */
    assert_true(run_cli_says(f, "cannot write /dev/full"));
}

/* Runs the program at a terminal, to its end; f->out is what it showed. */
static void run_at_terminal(struct run_cli *f, const char *const *args, const char *const *env,
                            const struct winsize *size)
{
    ssize_t n = 1;
    int fd;
    int status;
    pid_t pid = forkpty(&fd, NULL, NULL, size);

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execve(VP_BINARY, unconst(args), unconst(env));
        _exit(127);
    }
    buf_clear(&f->out);
    while (n > 0) {
        char *room = buf_reserve(&f->out, 4096);

        n = read(fd, room, 4096); /* fails with EIO at the end */
        buf_grew(&f->out, n > 0 ? (size_t)n : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(fd);
}

/* Environments in which nothing is coloured, and one in which it is. */
static const struct {
    const char *const env[3];
    bool has_color;
} terminals[] = {
    {{"TERM=xterm", NULL}, true},
    {{"TERM=xterm", "NO_COLOR=1", NULL}, false},
    {{"TERM=dumb", NULL}, false},
};

/* On a terminal one line is drawn over; with NO_COLOR without any escape. */
static void a_terminal_gets_a_bar(void **state)
{
    struct run_cli *f = *state;
    const char *file = run_cli_put(f, "login.yaml", test_file);
    const struct winsize size = {.ws_row = 24, .ws_col = 60};
    const char *const args[] = {"virtuoso-proxy", "run", file, "--sandbox", NULL};

    for (size_t i = 0; i < 2; i++) { /* a dumb terminal cannot draw over */
        run_at_terminal(f, args, terminals[i].env, &size);
        assert_true(run_cli_says(f, "\r[====================] 100%  1/1 files"));
        assert_int_equal(run_cli_says(f, "\033["), terminals[i].has_color);
    }
}

/* Of a line of a terminal: what is behind its last \r but the one at its end. */
static struct str last_drawn(struct str line)
{
    size_t begin = 0;

    line = str_trim(line);
    for (size_t i = 0; i < line.len; i++) {
        begin = line.ptr[i] == '\r' ? i + 1 : begin;
    }
    return str_sub(line, begin, line.len);
}

/* Whatever the size: each step with its element and outcome, and no line is wider than 80. */
static void the_demo_is_coloured_where_that_is_wanted(void **state)
{
    static const char *const args[] = {"virtuoso-proxy", "demo", "--once", "--listen=127.0.0.1:0",
                                       NULL};
    static const struct winsize sizes[] = {{.ws_row = 24, .ws_col = 80},
                                           {.ws_row = 45, .ws_col = 160}};
    struct run_cli *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(terminals); i++) {
        bool has_color = terminals[i / ARRAY_LEN(sizes)].has_color;
        struct str rest;
        struct str line;

        run_at_terminal(f, args, terminals[i / ARRAY_LEN(sizes)].env, &sizes[i % ARRAY_LEN(sizes)]);
        assert_int_equal(run_cli_says(f, "\033["), has_color);
        rest = buf_view(&f->out);
        while (!has_color && str_next(&rest, '\n', &line)) {
            assert_true(last_drawn(line).len <= 80);
        }
        if (!has_color) {
            assert_true(run_cli_says(f, "PASS CLICK          \"Sign in\""));
            assert_true(run_cli_says(f, "The test was created and executed: passed."));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_outcome_has_its_exit_code, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(the_demo_is_coloured_where_that_is_wanted, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_proxy_that_is_away_for_a_while_is_waited_for,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_lost_proxy_ends_with_what_was_known, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(an_interrupt_stops_the_run_and_reports, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_second_interrupt_waits_for_nothing, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(keys_come_from_a_file_or_the_environment, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_start_is_1_and_sends_nothing, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(v_alone_tells_what_a_folder_passes_over, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(files_become_tests_and_reports, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_manifest_names_goals_and_journeys, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_refused_step_is_red_and_the_run_goes_on_from_there,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(executions_decide_too, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(one_red_file_can_be_enough, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(without_a_url_it_brings_its_own_proxy, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_terminal_gets_a_bar, run_cli_setup, run_cli_teardown),
    };

    return cmocka_run_group_tests_name("run_cli", tests, NULL, NULL);
}
