/* What a CI job sees of `virtuoso-proxy run`: which files run, in which order they are told, and
 * what the JUnit file and the annotations say of each. */
#include "harness/cmocka.h"

#include <sys/stat.h>

#include "harness/count.h"
#include "harness/proxy.h"
#include "harness/run_cli.h"

static const char test_file[] = "name: Login\n"
                                "project: Demo\n"
                                "tags: [smoke]\n"
                                "steps:\n"
                                "  - navigate: https://shop.example\n"
                                "  - click: Sign in\n"
                                "  - assert: Hello\n";

/* ---- what CI reads ---- */

static const struct {
    const char *name;
    const char *text;
    const char *testcase; /* what the JUnit file says inside its testcase; NULL: nothing */
} nine[] = {
    {"1-green.yaml", "name: Green\nproject: P\nsteps: [{click: a}]\n", NULL},
    {"2-same-name.yaml", "name: Green\nproject: P\nsteps: [{click: a}]\n", NULL},
    {"3-red.yaml", "name: Red\nproject: P\nsteps:\n- click: a\n- click: FAIL\n- click: b\n",
     "<failure type=\"failed\" message=\"failed at step 2 of 3, "},
    {"4-crash.yaml", "name: Crash\nproject: P\nsteps: [{click: CRASH}]\n", "<failure type="},
    {"5-cancelled.yaml", "name: CANCEL me\nproject: P\nsteps: [{click: a}]\n",
     "<error type=\"cancelled\""},
    {"6-stalled.yaml", "name: STALL\nproject: P\nsteps: [{click: a}]\n",
     "<error type=\"timed_out\" message=\"gave up after "},
    {"7-broken.yaml", "name: Broken\nsteps:\n- clik: a\n- click: b\n",
     "<error type=\"does_not_compile\" message=\""},
    {"8-untagged.yaml", "name: Untagged\nsteps: [{click: a}]\n",
     "<skipped message=\"no test tagged ci\"/>"},
    {"9-other.yaml", "services: {web: {image: x}}\n", "<error type=\"does_not_compile\""},
};

static void put_nine(struct run_cli *f, const char *args[RUN_CLI_ARGS_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(nine); i++) {
        const char *tags = i == 7 ? "" : "tags: [ci]\n";

        args[i] =
            run_cli_put(f, nine[i].name, arena_printf(&f->arena, "%s%s", nine[i].text, tags).ptr);
    }
}

/* Nine files, nine tests, nine testcases, each with the end that its file came to. */
static void nine_outcomes_are_nine_testcases(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=200", "runs.poll_ms=50", NULL};
    struct run_cli *f = *state;
    const char *args[RUN_CLI_ARGS_MAX] = {NULL};
    size_t n = ARRAY_LEN(nine);
    struct proxy proxy;
    struct str text;
    struct str rest;
    struct str one;

    put_nine(f, args);
    proxy_start(&proxy, sets);
    args[n++] = run_cli_url(f, proxy.program.port);
    args[n++] = "--wait";
    args[n++] = arena_printf(&f->arena, "--timeout=%u", 15 * client_slowness()).ptr;
    args[n++] = "--tag=ci";
    args[n++] = "--junit";
    args[n++] = run_cli_path(f, "reports/j.xml");
    assert_int_equal(run_cli_env(f, NULL, args), 1);
    assert_true(
        run_cli_says(f, "9 files: 2 passed, 2 could not start, 2 failed, 1 cancelled, 1 timed out, "
                        "1 skipped; "));
    text = run_cli_get(f, "reports/j.xml");
    assert_int_equal(str_count(text, "<testcase "), 9);
    assert_true(str_contains(
        text, STR("<testsuites name=\"virtuoso-proxy\" tests=\"9\" failures=\"2\" errors=\"4\"")));
    rest = text;
    for (size_t i = 0; i < ARRAY_LEN(nine); i++) {
        ptrdiff_t at = str_find(rest, STR("<testcase "));

        assert_true(at >= 0);
        rest = str_sub(rest, (size_t)at + 1, rest.len);
        one = str_sub(rest, 0, (size_t)str_find(rest, STR("</testcase>")));
        assert_true(str_contains(one, str_from(nine[i].name))); /* file="" */
        if (nine[i].testcase != NULL && !str_contains(one, str_from(nine[i].testcase))) {
            fail_msg("%s: %.*s", nine[i].name, STR_ARG(one));
        }
        assert_int_equal(str_count(one, "<failure") + str_count(one, "<error") +
                             str_count(one, "<skipped"),
                         nine[i].testcase != NULL ? 1 : 0);
    }
    /* the execution's own time, not that of its creation */
    assert_false(str_contains(text, STR("1-green.yaml\" line=\"1\" time=\"0.000\"")));
    assert_true(str_contains(text, STR("3-red.yaml:5: click on &quot;FAIL&quot;: ")));
    assert_true(str_contains(text, STR("7-broken.yaml:3:3: unknown verb &quot;clik&quot;")));
    proxy_stop(&proxy);
}

/* ---- other mixes ---- */

#define FAMILY "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7"

static const struct {
    const char *name;
    const char *text;
    size_t n; /* testcases */
    const char *says;
} odd[] = {
    {"a-emoji.yaml", "name: " FAMILY " ok\nsteps: [{click: a}]\n", 1, "name=\"" FAMILY " ok\""},
    {"b-control.yaml", "name: \"a\\x01\"\nsteps: [{click: a}]\n", 1, "b-control.yaml:1:7: "},
    {"c-markup.yaml", "name: '<b>&amp;]]>'\nsteps: [{click: a}]\n", 1,
     "name=\"&lt;b&gt;&amp;amp;]]&gt;\""},
    {"d-equal.yaml",
     "tests:\n- {name: Same, steps: [{click: a}]}\n- {name: Same (2), steps: [{click: a}]}\n"
     "- {name: Same, steps: [{click: FAIL}]}\n",
     3, "name=\"Same (3)\" file="},
    {"e-one-of-two.yaml",
     "tests:\n- {name: A, steps: [{click: a}]}\n- {name: B, steps: [{clik: a}]}\n", 1,
     "e-one-of-two.yaml\" file="},
    {"f-latin1.yaml", "name: caf\xe9\nsteps: [{click: a}]\n", 1, "f-latin1.yaml:1:10: not"},
    {"g-empty.yaml", "", 1, "g-empty.yaml:1:1: the file is empty"},
    {"h-setup.yaml", "name: S\nsetup: [{click: FAIL}]\nsteps: [{click: a}]\n", 1,
     "<failure type=\"failed\" message=\"failed at step 1 of 2, "},
    {"i-twice.yaml", "name: T\nname: U\nsteps: [{click: a}]\n", 1, "i-twice.yaml:2:1: the key"},
    {"j-surrogate.json", "{\"name\": \"\\ud800\", \"steps\": [{\"click\": \"a\"}]}", 1,
     "j-surrogate.json:1:"},
    {"k <odd> & name.yaml", "name: K\nsteps: [{click: a}]\n", 1, "k &lt;odd&gt; &amp; name"},
};

static size_t count_cases(struct str text, const char *file)
{
    struct buf needle;
    size_t n;

    buf_init(&needle, 512);
    buf_text(&needle, file);
    buf_text(&needle, "\"");
    n = str_count(text, buf_cstr(&needle));
    buf_done(&needle);
    return n;
}

/* Whatever is wrong with a file, and however its tests are called: each test is told, once. */
static void odd_files_are_told_once_each(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=100", "runs.poll_ms=50", NULL};
    struct run_cli *f = *state;
    const char *args[RUN_CLI_ARGS_MAX] = {NULL};
    size_t n = 0;
    size_t n_cases = 0;
    struct proxy proxy;
    struct str text;

    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        args[n++] = run_cli_put(f, odd[i].name, odd[i].text);
        n_cases += odd[i].n;
    }
    proxy_start(&proxy, sets);
    args[n++] = run_cli_url(f, proxy.program.port);
    args[n++] = "--wait";
    args[n++] = "--junit";
    args[n++] = run_cli_path(f, "j.xml");
    assert_int_equal(run_cli_env(f, NULL, args), 1);
    text = run_cli_get(f, "j.xml");
    assert_int_equal(str_count(text, "<testcase "), n_cases);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        if (!str_contains(text, str_from(odd[i].says))) {
            fail_msg("%s: \"%s\" is not in %.*s", odd[i].name, odd[i].says, STR_ARG(text));
        }
    }
    assert_int_equal(count_cases(text, "d-equal.yaml"), 3 + 2); /* the suite and its property */
    proxy_stop(&proxy);
}

/* A file of three tests has three cases of the same names, whatever becomes of it. */
static void a_file_that_is_not_begun_has_the_cases_of_one_that_is(void **state)
{
    static const char *const names[] = {
        "name=\"A\" file=", "name=\"A (2)\" file=", "name=\"C\" file="};
    static const char *const options[] = {"--strict", "--dry-run", "--tag=nope", "--fail-fast"};
    struct run_cli *f = *state;
    const char *three = run_cli_put(f, "three.yaml",
                                    "name: A\nsteps: [{click: a}]\n---\nsteps: [{click: b}]\n---\n"
                                    "name: C\nsteps: [{click: c}]\n");
    const char *bad = run_cli_put(f, "bad.yaml", "name: x\nsteps:\n  - clik: y\n  - click: y\n");
    const char *junit = run_cli_path(f, "j.xml");

    assert_int_equal(RUN(f, three, "--sandbox", "--junit", junit), 0);
    for (size_t i = 0; i <= ARRAY_LEN(options); i++) {
        struct str text = run_cli_get(f, "j.xml");

        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            assert_int_equal(str_count(text, names[k]), 1);
        }
        assert_int_equal(str_count(text, "<testcase "), i == 0 ? 3 : 4);
        assert_int_equal(str_count(text, "<skipped "), 3);
        if (i < ARRAY_LEN(options)) {
            assert_int_equal(RUN(f, three, bad, "--sandbox", "--junit", junit, options[i]), 1);
        }
    }
}

static void a_file_that_is_not_there_leaves_the_others_in_the_report(void **state)
{
    struct run_cli *f = *state;
    const char *args[RUN_CLI_ARGS_MAX] = {
        run_cli_put(f, "good.yaml", test_file),
        run_cli_put(f, "bad.yaml", "name: x\nsteps: [{clik: a}]\n"),
        run_cli_path(f, "missing.yaml"),
        "--sandbox",
        "--junit",
        run_cli_path(f, "j.xml")};
    struct str text;

    assert_int_equal(run_cli_env(f, NULL, args), 1);
    text = run_cli_get(f, "j.xml");
    assert_int_equal(str_count(text, "<testcase "), 3);
    assert_int_equal(str_count(text, "<skipped message=\"not sent: "), 1);
    assert_int_equal(str_count(text, "<error type=\"does_not_compile\""), 1);
    assert_true(str_contains(text, STR("missing.yaml: No such file or directory")));
    assert_true(run_cli_says(f, "bad.yaml: does not compile: 1 error\n"));
}

static void what_does_not_compile_is_told_first_and_the_rest_runs(void **state)
{
    struct run_cli *f = *state;
    const char *bad = run_cli_put(f, "z-bad.yaml", "name: x\nsteps:\n  - clik: y\n  - click: y\n");
    const char *good = run_cli_put(f, "a-good.yaml", test_file);
    struct proxy proxy;
    struct buf out;
    ptrdiff_t first;
    ptrdiff_t second;

    proxy_start(&proxy, NULL);
    assert_int_equal(RUN(f, good, bad, run_cli_url(f, proxy.program.port)), 1);
    buf_init(&out, RUN_CLI_TEXT_MAX);
    program_output(&f->program, &out);
    first = str_find(buf_view(&out), STR("z-bad.yaml: does not compile: 1 error\n"));
    second = str_find(buf_view(&out), STR("a-good.yaml: created 3 steps"));
    assert_true(first >= 0 && second > first);
    buf_done(&out);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(RUN(f, good, bad, run_cli_url(f, proxy.program.port), "--strict"), 1);
    assert_true(run_cli_says(f, "a-good.yaml: skipped: a file does not compile (--strict)"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", ""), 0);
    proxy_stop(&proxy);
}

static void files_are_chosen_by_shard_and_by_how_they_ended(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=100", "runs.poll_ms=50", NULL};
    struct run_cli *f = *state;
    struct proxy proxy;
    const char *folder;
    const char *url;

    assert_int_equal(mkdir(run_cli_path(f, "t"), 0755), 0);
    folder = run_cli_path(f, "t");
    (void)run_cli_put(f, "t/a.yaml", "name: A\nproject: P\nsteps: [{click: a}]\n");
    (void)run_cli_put(f, "t/b.yaml", "name: B\nproject: P\nsteps: [{click: FAIL}]\n");
    (void)run_cli_put(f, "t/c.yaml", "name: C\nproject: P\nsteps: [{click: a}]\n");
    proxy_start(&proxy, sets);
    url = run_cli_url(f, proxy.program.port);
    assert_int_equal(RUN(f, folder, url, "--shard=1/2"), 0);
    assert_true(run_cli_says(f, "a.yaml: ") && run_cli_says(f, "c.yaml: ") &&
                !run_cli_says(f, "b.yaml: "));
    assert_int_equal(RUN(f, folder, url, "--shard=2/2"), 0);
    assert_true(run_cli_says(f, "b.yaml: ") && run_cli_says(f, "1 file: 1 created"));
    assert_int_equal(RUN(f, folder, url, "--shard=4/4"), 0);
    assert_true(run_cli_says(f, "--shard: this part holds no file"));
    assert_int_equal(RUN(f, folder, url, "--wait"), 2);
    assert_int_equal(RUN(f, folder, url, "--wait", "--rerun-failed"), 2);
    assert_true(run_cli_says(f, "1 file: 1 failed"));
    (void)run_cli_put(f, "t/b.yaml", "name: B\nproject: P\nsteps: [{click: a}]\n");
    assert_int_equal(RUN(f, folder, url, "--wait", "--rerun-failed"), 0);
    assert_true(run_cli_says(f, "1 file: 1 passed"));
    assert_int_equal(RUN(f, folder, url, "--wait", "--rerun-failed"), 0);
    assert_true(run_cli_says(f, "0 files: nothing to run"));
    assert_true(run_cli_says(f, "--rerun-failed: every file was green when it last ran"));
    (void)run_cli_put(f, "state/last", ""); /* as a full disk has left it */
    assert_int_equal(RUN(f, folder, url, "--wait", "--rerun-failed"), 0);
    assert_true(run_cli_says(f, "is empty or damaged, so all files run"));
    assert_true(run_cli_says(f, "3 files: 3 passed"));
    proxy_stop(&proxy);
}

static void github_gets_annotations(void **state)
{
    static const char *const env[] = {"GITHUB_ACTIONS=true", NULL};
    struct run_cli *f = *state;
    const char *bad = run_cli_put(f, "bad.yaml", "name: x\nsteps:\n  - clik: y\n  - click: y\n");
    struct buf out;

    assert_int_equal(run_cli_env(f, env, (const char *const[]){bad, "--sandbox", NULL}), 1);
    assert_true(
        run_cli_says(f, "bad.yaml,line=3,col=5::unknown verb \"clik\"; did you mean \"click\"?"));
    assert_int_equal(RUN(f, bad, "--sandbox"), 1);
    assert_false(run_cli_says(f, "::error"));
    assert_int_equal(RUN(f, bad, "--sandbox", "--github-annotations", "-o", "json"), 1);
    assert_true(run_cli_says(f, "::error file="));
    buf_init(&out, RUN_CLI_TEXT_MAX);
    program_output(&f->program, &out); /* the document stays one */
    assert_false(str_contains(buf_view(&out), STR("::error")));
    assert_true(str_is(json_str(json_find(run_cli_json(f), "/files/0/status")), "error"));
    buf_done(&out);
}

static void options_that_nothing_uses_are_told(void **state)
{
    struct run_cli *f = *state;
    const char *file =
        run_cli_put(f, "v.yaml", "name: V\nsteps: [{write: {selector: a, text: $user}}]\n");

    assert_int_equal(RUN(f, file, "--sandbox", "--var", "usr=x", "--var", "user=y"), 0);
    assert_true(
        run_cli_says(f, "warning: --var usr: no file uses this variable; did you mean \"user\"?"));
    assert_false(run_cli_says(f, "warning: --var user:"));
}

/* Nobody cancelled a test whose execution the platform did not start. */
static void an_execution_that_is_refused_is_an_error(void **state)
{
    struct run_cli *f = *state;
    const char *args[RUN_CLI_ARGS_MAX] = {run_cli_put(f, "login.yaml", test_file),
                                          "--sandbox",
                                          "--wait",
                                          "--env-id=77",
                                          "--junit",
                                          run_cli_path(f, "j.xml")};

    assert_int_equal(run_cli_env(f, NULL, args), 2);
    assert_true(run_cli_says(f, "failed: start execution: the platform refused (404): Environment "
                                "77 does not exist"));
    assert_true(str_contains(run_cli_get(f, "j.xml"),
                             STR("<error type=\"error\" message=\"start execution: ")));
}

/* The answer to the second of three steps is lost: the others are made, nothing is executed, and no report is green. */
static void a_step_that_nobody_knows_of_is_red(void **state)
{
    static const char *const sets[] = {"upstream.retry_base_ms=1", NULL};
    struct run_cli *f = *state;
    struct proxy proxy;
    struct str text;

    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"skip\":1,\"close\":\"before\"}");
    assert_int_equal(RUN(f, run_cli_put(f, "lost.yaml", test_file),
                         run_cli_url(f, proxy.program.port), "--wait", "--junit",
                         run_cli_path(f, "lost.xml"), "--html", run_cli_path(f, "lost.html")),
                     2);
    run_cli_assert_says(f, "1 failed");
    run_cli_assert_says(f, "the step was not in the checkpoint");
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 3);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals/"), 0);
    text = run_cli_get(f, "lost.xml");
    assert_true(str_contains(text, STR("tests=\"1\" failures=\"1\" errors=\"0\"")));
    assert_true(str_contains(text, STR("<failure type=\"outcome_unknown\"")));
    assert_true(str_contains(text, STR("look at the checkpoint")));
    assert_true(str_contains(run_cli_get(f, "lost.html"), STR("not known")));
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_execution_that_is_refused_is_an_error, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_step_that_nobody_knows_of_is_red, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(nine_outcomes_are_nine_testcases, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(odd_files_are_told_once_each, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_begun_has_the_cases_of_one_that_is,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_leaves_the_others_in_the_report,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(what_does_not_compile_is_told_first_and_the_rest_runs,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(files_are_chosen_by_shard_and_by_how_they_ended,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(github_gets_annotations, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(options_that_nothing_uses_are_told, run_cli_setup,
                                        run_cli_teardown),
    };

    return cmocka_run_group_tests_name("run_reports", tests, NULL, NULL);
}
