/* The writers of reports, from fixed run objects: what each says, and that nothing from a run object can act in
 * them. */
#include "reports.h"

int test_reports(void);

static void html_needs_nothing_but_itself(void **state)
{
    static const char *const forbidden[] = {"<script",  "<link",     "<iframe",  "url(",
                                            "@import",  "<base",     "<form",    "<input",
                                            " onload=", " onclick=", " onerror="};
    struct fixture f;
    struct str text;

    (void)state;
    fixture_init(&f);
    add_all(&f);
    report_html(&f.report, &f.text);
    assert_true(buf_ok(&f.text));
    text = buf_view(&f.text);
    assert_inert(text);
    assert_well_formed(text);
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        assert_false(says(&f, forbidden[i]));
    }
    assert_int_equal(str_count(text, " href=\""), str_count(text, " href=\"http"));
    /* only the platform's screenshots, over https, when they are unfolded */
    assert_int_equal(str_count(text, "<img "), 1);
    assert_true(says(&f, " src=\"https://pictures.example/1.png\""));
    assert_int_equal(str_count(text, " src="), 1);
    assert_true(says(&f, "default-src 'none'"));
    assert_true(says(&f, "failed at step 1 of 1, red.yaml:2: look: not on the page"));
    assert_true(says(&f, "<details><summary class=\"soft\">Set-up, 1 calls"));
    assert_true(says(&f, "href=\"https://app.example/#/goal/2\""));
    assert_true(says(&f, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_true(says(&f, "--resume checkpoint_id=5&amp;from=2"));
    assert_true(says(&f, "\\u202E"));
    fixture_done(&f);
}

static void the_summary_is_a_table_that_no_text_breaks(void **state)
{
    struct fixture f;
    struct str rest;
    struct str line;
    size_t n_rows = 0;

    (void)state;
    fixture_init(&f);
    add_all(&f);
    report_summary(&f.report, &f.text);
    assert_true(buf_ok(&f.text));
    assert_inert(buf_view(&f.text));
    rest = buf_view(&f.text);
    while (str_next(&rest, '\n', &line)) {
        if (str_starts(line, STR("| "))) {
            n_rows++;
            assert_int_equal(str_count(line, "|") - str_count(line, "\\|"), 5);
        }
    }
    assert_int_equal(n_rows, 11);
    assert_false(says(&f, "<script"));
    assert_false(says(&f, "[x]("));
    assert_false(says(&f, "\n# h"));
    assert_true(says(&f, "1 could not start"));
    fixture_done(&f);
}

static void annotations_are_one_line_each(void **state)
{
    struct fixture f;
    struct str rest;
    struct str line;
    size_t n = 0;

    (void)state;
    fixture_init(&f);
    add_all(&f);
    report_annotations(&f.report, &f.text);
    assert_inert(buf_view(&f.text));
    rest = buf_view(&f.text);
    while (str_next(&rest, '\n', &line)) {
        assert_true(str_starts(line, STR("::error file=")));
        assert_int_equal(str_count(line, "::"), 2);
        n++;
    }
    assert_int_equal(n, 5);
    assert_true(says(&f, "::error file=broken.yaml,line=3,col=5::"));
    assert_true(says(&f, "::error file=red.yaml,line=2::failed at step 1 of 1, red.yaml:2: look: "
                         "not on the page\n"));
    assert_true(says(&f, "::error file=slow.yaml::gave up after 5 s (--timeout)\n"));
    fixture_done(&f);
}

static void the_terminal_gets_plain_text(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    add_all(&f);
    print_human(&f, false);
    assert_inert(buf_view(&f.text));
    assert_true(says(&f, "login.yaml: passed, 2 steps, 1.2 s\n"));
    assert_true(says(&f, "made.yaml: created 2 steps (not executed: add --wait), 1.2 s\n"));
    assert_true(says(&f, "plan.yaml: would send 1 request, 1.2 s\n"));
    assert_true(says(&f, "broken.yaml: does not compile: 1 error\nbroken.yaml:3:5: error: "));
    assert_true(says(&f, "     3 |   - a\n"));
    assert_true(says(&f, "red.yaml: failed at step 1 of 1, red.yaml:2: look: not on the page, "
                         "1.2 s\n"));
    assert_true(says(&f, "later.yaml: skipped: no test tagged smoke\n"));
    assert_true(says(&f, "virtuoso-proxy run 'a/<\"&'\\''>.yaml' --resume "
                         "'checkpoint_id=5&from=2'\n"));
    assert_false(says(&f, "javascript:alert"));
    assert_true(says(&f, "9 files: 1 passed, 1 created, 1 not sent, 1 could not start, 2 "
                         "failed, 1 cancelled, 1 timed out, 1 skipped"));
    buf_clear(&f.text);
    print_human(&f, true);
    assert_true(says(&f, "\033[32mpassed\033[0m"));
    fixture_done(&f);
}

static void json_and_yaml_are_inert(void **state)
{
    struct fixture f;
    struct json *from_json = NULL;
    struct error err = {0};

    (void)state;
    fixture_init(&f);
    add_all(&f);
    report_json(&f.report, &f.text);
    assert_inert(buf_view(&f.text));
    assert_int_equal(
        json_parse(&f.arena, arena_str(&f.arena, buf_view(&f.text)), NULL, &from_json, &err),
        ERR_OK);
    assert_int_equal(report_int(json_get(from_json, "exit_code")), 1);
    assert_true(str_is(json_str(json_find(from_json, "/files/1/run/status")), "failed"));
    assert_true(str_contains(json_str(json_find(from_json, "/files/1/run/name")),
                             STR("\xE2\x80\xAE"))); /* escaped, not lost */
    buf_clear(&f.text);
    report_yaml(&f.report, &f.text);
    assert_inert(buf_view(&f.text));
    fixture_done(&f);
}

/* Without the control characters, which our own reader of YAML refuses. */
static void yaml_says_the_same_as_json(void **state)
{
    struct fixture f;
    struct json *from_json = NULL;
    struct node_stream stream = {0};
    struct error_list errors;
    struct error err = {0};

    (void)state;
    fixture_init(&f);
    (void)add(&f, "- a: \"b\" #", VERDICT_PASSED, passed_run);
    (void)add(&f, "red.yaml", VERDICT_FAILED, red_execution);
    f.entries[1].dry_run = json(&f, "{\"a\":[[1,[2,{\"b\":null}]],{},[],{\"c\":[true]}]}");
    report_json(&f.report, &f.text);
    assert_int_equal(
        json_parse(&f.arena, arena_str(&f.arena, buf_view(&f.text)), NULL, &from_json, &err),
        ERR_OK);
    buf_clear(&f.text);
    report_yaml(&f.report, &f.text);
    error_list_init(&errors);
    assert_int_equal(
        yaml_parse(&f.arena, arena_str(&f.arena, buf_view(&f.text)), NULL, &stream, &errors),
        ERR_OK);
    assert_true(json_equal(node_to_json(&f.arena, stream.documents), from_json));
    error_list_done(&errors);
    fixture_done(&f);
}

/* A file whose tests came to different ends has each of them once, and the file says how many. */
static void several_tests_of_a_file_are_told_apart(void **state)
{
    struct fixture f;
    struct report_case *cases;

    (void)state;
    fixture_init(&f);
    (void)add(&f, "two.yaml", VERDICT_FAILED, failed_run);
    assert_int_equal(report_cases(&f.entries[0], &f.arena, &cases), 2);
    assert_int_equal(cases[0].verdict, VERDICT_FAILED);
    assert_int_equal(cases[1].verdict, VERDICT_SKIPPED);
    assert_int_equal(cases[0].line, 4);
    assert_true(str_starts(cases[0].why, STR("failed at step 2 of 3, two.yaml:4: ")));
    assert_true(str_starts(report_outcome(&f.entries[0], &f.arena), STR("failed, 1 of 2 tests: ")));
    fixture_done(&f);
}

/* `optional` is for the making of a step: one that was made and is red is the reason. */
static void an_optional_step_can_be_red(void **state)
{
    static const struct {
        const char *test;
        const char *step;
        enum verdict verdict;
        const char *why;
    } rows[] = {
        {"failed", "done\",\"outcome\":\"FAIL", VERDICT_FAILED,
         "failed at step 1 of 1, o.yaml:3: look"},
        {"failed", "done\",\"outcome\":\"ERROR", VERDICT_FAILED,
         "failed at step 1 of 1, o.yaml:3: look: the platform could not carry it out"},
        {"passed", "done\",\"outcome\":\"FAIL", VERDICT_PASSED, ""}, /* the platform did not mind */
        {"passed", "failed", VERDICT_PASSED, ""},                    /* it was not made */
        {"failed", "failed", VERDICT_FAILED, "why"},                 /* something else was red */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct report_case *cases;
        const char *text;

        fixture_init(&f);
        text = arena_printf(&f.arena,
                            "{\"tests\":[{\"name\":\"O\",\"status\":\"%s\",\"steps\":[{\"index\":1,"
                            "\"text\":\"look\",\"optional\":true,\"line\":3,\"status\":\"%s\"}]}]}",
                            rows[i].test, rows[i].step)
                   .ptr;
        add(&f, "o.yaml", rows[i].verdict, text)->detail = STR("why");
        assert_int_equal(report_cases(&f.entries[0], &f.arena, &cases), 1);
        assert_int_equal(cases[0].verdict, rows[i].verdict);
        assert_true(str_is(cases[0].why, rows[i].why));
        fixture_done(&f);
    }
}

/* A file that was not run says the same of each of its tests, and for the whole file once. */
static void a_file_that_was_not_run_has_all_its_tests(void **state)
{
    static const struct report_test tests[] = {{STR_INIT("One"), 1}, {STR_INIT("Two"), 5}};
    struct report_case *cases;
    struct report_entry *entry;
    struct fixture f;

    (void)state;
    fixture_init(&f);
    entry = add(&f, "two.yaml", VERDICT_PLANNED, NULL);
    entry->tests = tests;
    entry->n_tests = 2;
    entry->dry_run = json(&f, "{\"name\":\"One\",\"requests\":[{},{}]}");
    assert_int_equal(report_cases(entry, &f.arena, &cases), 2);
    assert_true(str_is(cases[1].name, "Two"));
    assert_true(str_is(cases[1].why, "its file would send 2 requests"));
    assert_int_equal(cases[1].line, 5);
    assert_true(str_is(report_outcome(entry, &f.arena), "would send 2 requests"));
    entry->dry_run = NULL;
    entry->verdict = VERDICT_ERROR;
    entry->detail = STR("HTTP 401: no");
    assert_true(str_is(report_outcome(entry, &f.arena), "could not start: HTTP 401: no"));
    report_annotations(&f.report, &f.text);
    assert_true(str_is(buf_view(&f.text), "::error file=two.yaml::HTTP 401: no\n"));
    buf_clear(&f.text);
    print_human(&f, false);
    assert_int_equal(str_count(buf_view(&f.text), "HTTP 401"), 1);
    fixture_done(&f);
}

static void passed_means_executed_and_green(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    (void)add(&f, "a.yaml", VERDICT_PASSED, passed_run);
    assert_true(report_passed(&f.report));
    (void)add(&f, "b.yaml", VERDICT_CREATED, created_run);
    assert_false(report_passed(&f.report));
    assert_int_equal(report_exit_code(&f.report), 0);
    report_json(&f.report, &f.text);
    assert_true(says(&f, "\"passed\":false"));
    assert_true(says(&f, "\"status\":\"created\""));
    fixture_done(&f);
}

static void the_exit_code_is_the_worst(void **state)
{
    static const struct {
        enum verdict verdicts[3];
        int code;
    } rows[] = {
        {{VERDICT_PASSED, VERDICT_PASSED, VERDICT_PASSED}, 0},
        {{VERDICT_PASSED, VERDICT_SKIPPED, VERDICT_PASSED}, 0},
        {{VERDICT_SKIPPED, VERDICT_SKIPPED, VERDICT_SKIPPED}, 0}, /* no test has the tag */
        {{VERDICT_CREATED, VERDICT_PLANNED, VERDICT_SKIPPED}, 0},
        {{VERDICT_PASSED, VERDICT_ERROR, VERDICT_FAILED}, 1},
        {{VERDICT_TIMED_OUT, VERDICT_FAILED, VERDICT_CANCELLED}, 2},
        {{VERDICT_PASSED, VERDICT_CANCELLED, VERDICT_PASSED}, 3},
        {{VERDICT_CANCELLED, VERDICT_TIMED_OUT, VERDICT_PASSED}, 4},
        {{VERDICT_FAILED, VERDICT_SKIPPED, VERDICT_SKIPPED}, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        fixture_init(&f);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].verdicts); k++) {
            (void)add(&f, "x", rows[i].verdicts[k], NULL);
        }
        assert_int_equal(report_exit_code(&f.report), rows[i].code);
        fixture_done(&f);
    }
}

int test_reports(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_needs_nothing_but_itself),
        cmocka_unit_test(the_summary_is_a_table_that_no_text_breaks),
        cmocka_unit_test(annotations_are_one_line_each),
        cmocka_unit_test(the_terminal_gets_plain_text),
        cmocka_unit_test(json_and_yaml_are_inert),
        cmocka_unit_test(yaml_says_the_same_as_json),
        cmocka_unit_test(several_tests_of_a_file_are_told_apart),
        cmocka_unit_test(an_optional_step_can_be_red),
        cmocka_unit_test(a_file_that_was_not_run_has_all_its_tests),
        cmocka_unit_test(passed_means_executed_and_green),
        cmocka_unit_test(the_exit_code_is_the_worst),
    };

    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
