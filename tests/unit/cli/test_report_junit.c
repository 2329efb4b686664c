/* The JUnit file: that it is one, whatever a run object holds. */
#include "reports.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int test_report_junit(void);

/* -1: there is no xmllint here. */
static int xmllint(const char *path)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    static const char schema[] = VP_GOLDEN_DIR "/junit/junit.xsd";
    const char *const args[] = {"xmllint", "--nonet", "--noout", "--schema", schema, path, NULL};
    posix_spawn_file_actions_t actions;
    int status = -1;
    pid_t pid;

    if (access("/usr/bin/xmllint", X_OK) != 0) {
        print_message("xmllint is not here (libxml2-utils): checked by structure only\n");
        return -1;
    }
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn(&pid, "/usr/bin/xmllint", &actions, NULL, unconst(args), unconst(environment)),
        0);
    (void)posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void assert_valid(struct str text)
{
    char path[512];
    FILE *file;
    struct buf name;

    buf_init(&name, sizeof(path) - 1);
    buf_printf(&name, VP_SCRATCH_DIR "/junit_%d.xml", (int)getpid());
    str_copy(path, sizeof(path), buf_view(&name));
    buf_done(&name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    assert_true(xmllint(path) <= 0);
    (void)unlink(path);
}

static void junit_is_valid_and_its_counts_are_those_of_its_elements(void **state)
{
    struct fixture f;
    struct str text;

    (void)state;
    fixture_init(&f);
    add_all(&f);
    report_junit(&f.report, &f.text);
    assert_true(buf_ok(&f.text));
    text = buf_view(&f.text);
    assert_inert(text);
    assert_well_formed(text);
    assert_valid(text);
    assert_int_equal(str_count(text, "<testsuite "), 9);
    assert_int_equal(str_count(text, "<testcase "),
                     10); /* a test, a case; one file has two tests */
    assert_int_equal(str_count(text, "<failure "), 2);
    assert_int_equal(str_count(text, "<error "), 3);
    assert_int_equal(str_count(text, "<skipped "), 4);
    assert_true(says(&f, "<testsuites name=\"virtuoso-proxy\" tests=\"10\" failures=\"2\" "
                         "errors=\"3\" time=\"61.234\">"));
    assert_true(says(&f, "<testcase classname=\"login\" name=\"Login\" file=\"login.yaml\" "
                         "line=\"1\" time=\"0.777\">"));
    assert_true(says(&f, "<skipped message=\"created, not executed (add --wait)\"/>"));
    assert_true(says(&f, "<skipped message=\"would send 1 request\"/>"));
    assert_true(says(&f, "<skipped message=\"no test tagged smoke\"/>"));
    assert_true(says(&f, "<error type=\"does_not_compile\" message=\"broken.yaml:3:5: "));
    assert_true(says(&f, ">broken.yaml:3:5: "));
    assert_true(says(&f, "  hint: "));
    assert_true(says(&f, "<failure type=\"failed\" message=\"failed at step 1 of 1, red.yaml:2: "
                         "look: not on the page\">"));
    assert_true(says(&f, "tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""));
    assert_true(says(&f, "timestamp=\"2026-01-01T00:00:00\""));
    assert_true(says(&f, "<property name=\"resume\" value=\"checkpoint_id=5&amp;from=2\"/>"));
    assert_true(says(&f, "failed  click on &quot;y&quot;")); /* optional: told, but not red */
    fixture_done(&f);
}

static void junit_never_shows_a_red_run_green(void **state)
{
    static const enum verdict red[] = {VERDICT_ERROR, VERDICT_FAILED, VERDICT_CANCELLED,
                                       VERDICT_TIMED_OUT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(red); i++) {
        struct fixture f;

        fixture_init(&f);
        (void)add(&f, "x.yaml", red[i], passed_run); /* all its tests look well */
        report_junit(&f.report, &f.text);
        assert_int_equal(
            str_count(buf_view(&f.text), "<failure ") + str_count(buf_view(&f.text), "<error "), 1);
        assert_valid(buf_view(&f.text));
        fixture_done(&f);
    }
}

static void answers_of_any_shape_are_survived(void **state)
{
    static void (*const writers[])(const struct report *report, struct buf *out) = {
        report_junit, report_html, report_summary, report_json, report_yaml};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd_runs); i++) {
        for (size_t k = 0; k < ARRAY_LEN(writers); k++) {
            struct fixture f;

            fixture_init(&f);
            (void)add(&f, "odd.yaml", VERDICT_FAILED, odd_runs[i]);
            f.entries[0].problem = f.entries[0].run;
            f.entries[0].dry_run = f.entries[0].run;
            writers[k](&f.report, &f.text);
            assert_true(buf_ok(&f.text));
            if (k == 0) {
                assert_valid(buf_view(&f.text));
            }
            buf_clear(&f.text);
            print_human(&f, false);
            assert_inert(buf_view(&f.text));
            fixture_done(&f);
        }
    }
}

static void no_two_cases_have_the_same_name(void **state)
{
    static const char *const files[] = {"t/a.yaml", "t/a.yml", "./t/a.json", "t/a.b.yaml"};
    struct fixture f;
    struct str text;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)add(&f, files[i], VERDICT_PASSED, passed_run);
        (void)add(&f, files[i], VERDICT_FAILED, failed_run);
    }
    report_junit(&f.report, &f.text);
    text = buf_view(&f.text);
    assert_valid(text); /* the schema says so too */
    assert_int_equal(str_count(text, "<testcase "), 12);
    assert_int_equal(str_count(text, "classname=\"t.a\" name=\"Login\""), 1);
    assert_int_equal(str_count(text, "classname=\"t.a\" name=\"Login (2)\""), 1);
    assert_int_equal(str_count(text, "classname=\"t.a\" name=\"Login (3)\""), 1);
    assert_int_equal(str_count(text, "classname=\"t.a_b\" name=\"Login\""), 1);
    fixture_done(&f);
}

/* ---- what was cut off ---- */

#define CUT_RUN(STATUS, SETUP, STEP)                                                                        \
    "{\"id\":\"r\",\"status\":\"timed_out\",\"name\":\"C\",\"tests\":[{\"name\":\"C\",\"status\":\"" STATUS \
    "\",\"goal_id\":\"9\",\"duration_ms\":185,\"setup\":[" SETUP "],\"steps\":[{\"index\":1,"               \
    "\"text\":\"s\",\"line\":2," STEP                                                                       \
    "}]}],\"executions\":[{\"goal_id\":\"8\",\"duration_ms\":1},"                                           \
    "{\"goal_id\":\"9\",\"duration_ms\":4000}]}"

#define DONE    "\"status\":\"done\""
#define SKIPPED "\"status\":\"skipped\""

static const struct {
    const char *what;
    enum verdict verdict;
    const char *run;
    const char *says;
} cut[] = {
    {"goes on", VERDICT_TIMED_OUT, CUT_RUN("cancelled", "", DONE), "<error type=\"timed_out\""},
    {"stopped", VERDICT_CANCELLED, CUT_RUN("cancelled", "", DONE), "<error type=\"cancelled\""},
    {"call", VERDICT_TIMED_OUT,
     CUT_RUN("cancelled",
             "{\"call\":\"create checkpoint\",\"status\":\"unknown\",\"error\":{\"code\":"
             "\"outcome_unknown\",\"detail\":\"d\"}}",
             SKIPPED),
     "<error type=\"timed_out\""},
    {"read", VERDICT_TIMED_OUT,
     CUT_RUN("cancelled",
             "{\"call\":\"newest snapshot\",\"status\":\"failed\",\"error\":{\"code\":"
             "\"request_timeout\",\"detail\":\"d\"}}",
             SKIPPED),
     "<error type=\"timed_out\""},
    {"slow read", VERDICT_TIMED_OUT,
     CUT_RUN("cancelled",
             "{\"call\":\"newest snapshot\",\"status\":\"failed\",\"error\":{\"code\":"
             "\"upstream_timeout\",\"detail\":\"d\"}}",
             SKIPPED),
     "<error type=\"timed_out\""},
    {"last step", VERDICT_TIMED_OUT,
     CUT_RUN("failed", "",
             "\"status\":\"unknown\",\"error\":{\"code\":\"outcome_unknown\",\"detail\":\"d\"}"),
     "<error type=\"timed_out\""},
    {"stopped step", VERDICT_CANCELLED,
     CUT_RUN("failed", "",
             "\"status\":\"unknown\",\"error\":{\"code\":\"outcome_unknown\",\"detail\":\"d\"}"),
     "<error type=\"cancelled\""},
    /* what is red stays so */
    {"refused", VERDICT_TIMED_OUT,
     CUT_RUN("failed", "",
             "\"status\":\"failed\",\"error\":{\"code\":\"upstream_refused\",\"detail\":\"d\"}"),
     "<failure type=\"upstream_refused\""},
    {"red", VERDICT_TIMED_OUT, CUT_RUN("failed", "", DONE ",\"outcome\":\"FAIL\""),
     "<failure type=\"failed\""},
    {"lost", VERDICT_FAILED,
     CUT_RUN("failed", "",
             "\"status\":\"unknown\",\"error\":{\"code\":\"outcome_unknown\",\"detail\":\"d\"}"),
     "<failure type=\"outcome_unknown\""},
};

static void what_was_cut_off_is_not_red(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        struct fixture f;

        fixture_init(&f);
        add(&f, "c.yaml", cut[i].verdict, cut[i].run)->detail = STR("why");
        report_junit(&f.report, &f.text);
        assert_valid(buf_view(&f.text));
        if (!says(&f, cut[i].says)) {
            fail_msg("%s: %.*s", cut[i].what, STR_ARG(buf_view(&f.text)));
        }
        fixture_done(&f);
    }
}

static void what_was_cut_off_has_its_time(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    add(&f, "c.yaml", VERDICT_TIMED_OUT, cut[0].run)->detail = STR("why");
    report_junit(&f.report, &f.text);
    assert_true(says(&f, "name=\"C\" file=\"c.yaml\" time=\"4.185\">"));
    buf_clear(&f.text);
    /* its goal was not there yet */
    f.entries[0].run =
        json(&f, "{\"tests\":[{\"name\":\"C\",\"status\":\"cancelled\",\"duration_ms\":0,"
                 "\"setup\":[{\"ms\":1},{\"ms\":2998}]}]}");
    report_junit(&f.report, &f.text);
    assert_true(says(&f, "name=\"C\" file=\"c.yaml\" time=\"2.999\">"));
    fixture_done(&f);
}

/* Three tests of one file: the first was made, the second has ended as STATUS, the third was not begun. */
#define LEFT_RUN(STATUS, STEPS, EXECUTION)                                                               \
    "{\"id\":\"r\",\"status\":\"failed\",\"name\":\"M\",\"error\":{\"code\":\"upstream_refused\","       \
    "\"detail\":\"refused\"},\"tests\":[{\"name\":\"first\",\"status\":\"cancelled\",\"goal_id\":\"9\"," \
    "\"steps\":[{\"index\":1,\"text\":\"a\",\"line\":4,\"status\":\"done\"}]},{\"name\":\"second\","     \
    "\"status\":\"" STATUS "\",\"goal_id\":\"9\",\"steps\":[" STEPS                                      \
    "]},{\"name\":\"third\",\"status\":\"skipped\",\"steps\":[]}],\"executions\":[{\"goal_id\":\"9\","   \
    "\"job_id\":" EXECUTION "}]}"

#define REFUSED_STEP                                                                               \
    "{\"index\":1,\"text\":\"b\",\"line\":5,\"status\":\"failed\","                                \
    "\"error\":{\"code\":\"upstream_refused\",\"detail\":\"refused\"}}"

static const struct {
    const char *what;
    const char *run;
    size_t n_errors;
    size_t n_left;
    const char *outcome;
} left[] = {
    {"a later step", LEFT_RUN("failed", REFUSED_STEP, "null"), 0, 1,
     "failed, 1 of 3 tests: \"second\" failed at step 1 of 1, m.yaml:5: b: refused"},
    /* its execution tells what is wrong with the first test */
    {"the start",
     LEFT_RUN("cancelled", "",
              "null,\"error\":{\"code\":\"upstream_refused\",\"detail\":\"refused\"}"),
     2, 0, "failed, 2 of 3 tests: \"first\" refused"},
    {"an execution without a result", LEFT_RUN("failed", REFUSED_STEP, "\"3\""), 1, 0,
     "failed, 2 of 3 tests: \"first\" refused"},
};

static void a_test_that_was_made_has_no_fault_of_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        struct fixture f;
        struct str text;

        fixture_init(&f);
        add(&f, "m.yaml", VERDICT_FAILED, left[i].run)->detail = STR("refused");
        f.entries[0].executes = true;
        assert_string_equal(arena_cstr(&f.arena, report_outcome(&f.entries[0], &f.arena)),
                            left[i].outcome);
        report_junit(&f.report, &f.text);
        text = buf_view(&f.text);
        assert_valid(text);
        assert_int_equal(str_count(text, "<error "), left[i].n_errors);
        assert_int_equal(str_count(text,
                                   "<skipped message=\"created, not executed: another test of "
                                   "the file did not pass\""),
                         left[i].n_left);
        fixture_done(&f);
    }
}

/* A refusal has errors, too. */
static void what_was_refused_compiles(void **state)
{
    struct fixture f;
    struct report_entry *entry;

    (void)state;
    fixture_init(&f);
    entry = add(&f, "c.yaml", VERDICT_ERROR, NULL);
    entry->detail = STR("HTTP 400: give goal_id too");
    entry->problem = json(&f, "{\"errors\":[{\"pointer\":\"goal_id\",\"detail\":\"give it\"}]}");
    report_junit(&f.report, &f.text);
    assert_true(says(&f, "<error type=\"error\" message=\"HTTP 400: give goal_id too\">"));
    buf_clear(&f.text);
    entry->broken = true;
    report_junit(&f.report, &f.text);
    assert_true(says(&f, "<error type=\"does_not_compile\""));
    fixture_done(&f);
}

int test_report_junit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junit_is_valid_and_its_counts_are_those_of_its_elements),
        cmocka_unit_test(junit_never_shows_a_red_run_green),
        cmocka_unit_test(answers_of_any_shape_are_survived),
        cmocka_unit_test(no_two_cases_have_the_same_name),
        cmocka_unit_test(what_was_cut_off_is_not_red),
        cmocka_unit_test(what_was_cut_off_has_its_time),
        cmocka_unit_test(a_test_that_was_made_has_no_fault_of_another),
        cmocka_unit_test(what_was_refused_compiles),
    };

    return cmocka_run_group_tests_name("report junit", tests, NULL, NULL);
}
