/* The writers of reports, from fixed run objects: what each says, that nothing from a run object
 * can act in them, and that the JUnit file is one. */
#include "harness/cmocka.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/report.h"
#include "data/node.h"
#include "harness/count.h"

enum { TEXT_MAX = 4 * 1024 * 1024, ENTRIES_MAX = 12 };

/* Everything that could end a text early or act on a terminal, in a browser or in a shell. */
#define HOSTILE                                                                                    \
    "</testcase>]]>\\\"'><script>alert(1)</script>&amp;|`*_[x](javascript:1)\\n# h\\u001b[31m"     \
    "\\u009b2J\\u202e\\uFFFE@everyone"

static const char *const passed_run =
    "{\"id\":\"run_1\",\"status\":\"passed\",\"format\":\"simplified\",\"name\":\"Login\","
    "\"duration_ms\":1234,\"progress\":100,"
    "\"steps\":{\"total\":2,\"done\":2,\"failed\":0,\"skipped\":0,\"unknown\":0},\"error\":null,"
    "\"tests\":[{\"name\":\"Login\",\"status\":\"passed\",\"line\":1,\"duration_ms\":900,"
    "\"outcome\":\"PASS\",\"execution_ms\":777,"
    "\"links\":{\"goal\":\"https://app.example/#/goal/2\",\"journey\":\"javascript:alert(1)\"},"
    "\"setup\":[{\"call\":\"create goal\",\"status\":\"done\",\"ms\":3,\"id\":\"2\"}],"
    "\"steps\":[{\"index\":1,\"command\":\"step-navigate to\",\"text\":\"navigate to \\\"x\\\"\","
    "\"status\":\"done\",\"line\":3,\"column\":5,\"step_id\":\"11\",\"ms\":4},"
    "{\"index\":2,\"command\":\"step-interact click\",\"text\":\"click on \\\"y\\\"\","
    "\"status\":\"failed\",\"optional\":true,\"line\":4,\"column\":5,\"ms\":4,"
    "\"error\":{\"code\":\"upstream_refused\",\"detail\":\"may fail\"}}]}],"
    "\"executions\":[{\"goal_id\":\"2\",\"job_id\":\"3\",\"status\":\"FINISHED\",\"outcome\":"
    "\"PASS\",\"progress\":100,\"url\":\"https://app.example/#/execution/3\",\"duration_ms\":5}],"
    "\"resume\":null,\"warnings\":[]}";

static const char *const failed_run =
    "{\"id\":\"run_2\",\"status\":\"failed\",\"name\":\"" HOSTILE "\",\"progress\":100,"
    "\"steps\":{\"total\":3,\"done\":1,\"failed\":1,\"skipped\":1,\"unknown\":0},"
    "\"tests\":[{\"name\":\"" HOSTILE "\",\"status\":\"failed\",\"line\":1,\"duration_ms\":9,"
    "\"description\":\"" HOSTILE "\",\"links\":{\"" HOSTILE "\":\"https://x/\\\"><script>\"},"
    "\"setup\":[],\"steps\":["
    "{\"index\":1,\"text\":\"first\",\"status\":\"done\",\"line\":3,\"column\":5,\"ms\":1},"
    "{\"index\":2,\"text\":\"" HOSTILE "\",\"status\":\"failed\",\"line\":4,\"column\":7,\"ms\":1,"
    "\"error\":{\"code\":\"upstream_refused\",\"detail\":\"" HOSTILE "\"}},"
    "{\"index\":3,\"text\":\"third\",\"status\":\"skipped\",\"line\":5,\"column\":5,\"ms\":0}]},"
    "{\"name\":\"Second\",\"status\":\"skipped\",\"steps\":[]}],\"executions\":[],"
    "\"resume\":{\"query\":\"checkpoint_id=5&from=2\",\"command\":\"x\",\"detail\":\"y\"},"
    "\"warnings\":[{\"line\":2,\"column\":1,\"detail\":\"" HOSTILE "\"}]}";

static const char *const red_execution =
    "{\"id\":\"run_3\",\"status\":\"failed\",\"name\":\"Red\",\"steps\":{\"total\":1,\"done\":1},"
    "\"tests\":[{\"name\":\"Red\",\"status\":\"passed\",\"steps\":[{\"index\":1,\"text\":\"look\","
    "\"status\":\"done\",\"outcome\":\"FAIL\",\"reason\":\"not on the page\",\"line\":2,"
    "\"execution_ms\":12,\"screenshot\":\"https://pictures.example/1.png\"}]}],"
    "\"executions\":[{\"goal_id\":\"9\",\"status\":\"FINISHED\",\"outcome\":\"FAIL\"}]}";

static const char *const created_run =
    "{\"id\":\"run_4\",\"status\":\"created\",\"name\":\"Made\",\"steps\":{\"total\":2,\"done\":2},"
    "\"tests\":[{\"name\":\"Made\",\"status\":\"created\",\"duration_ms\":7,\"steps\":["
    "{\"index\":1,\"text\":\"a\",\"status\":\"done\",\"line\":2}]}],\"executions\":[]}";

/* Shapes that no proxy sends. */
static const char *const odd_runs[] = {
    "{}",
    "{\"id\":5,\"status\":[],\"name\":{},\"tests\":7,\"steps\":\"x\",\"executions\":null}",
    "{\"tests\":[1,null,\"x\",[],{\"steps\":5,\"setup\":\"y\",\"links\":3}],\"warnings\":{}}",
    "{\"tests\":[{\"steps\":[1,null,{\"status\":9,\"error\":[],\"index\":-4,\"line\":1e99}]}]}",
    "{\"executions\":[1,{\"progress\":\"x\",\"url\":4,\"error\":\"z\"}],\"resume\":4}",
    "{\"steps\":{\"total\":-5,\"done\":99999999999999999999,\"failed\":1.5}}",
};

struct fixture {
    struct arena arena;
    struct report_entry entries[ENTRIES_MAX];
    struct report report;
    struct buf text;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    arena_init(&f->arena);
    buf_init(&f->text, TEXT_MAX);
    f->report = (struct report){.entries = f->entries,
                                .began_wall_ms = 1767225600000,
                                .ms = 61234,
                                .url = STR("http://127.0.0.1:8000")};
}

static void fixture_done(struct fixture *f)
{
    buf_done(&f->text);
    arena_done(&f->arena);
}

static const struct json *json(struct fixture *f, const char *text)
{
    struct json *root = NULL;
    struct error err = {0};

    if (text == NULL) {
        return NULL;
    }
    assert_int_equal(json_parse(&f->arena, str_from(text), NULL, &root, &err), ERR_OK);
    return root;
}

static struct report_entry *add(struct fixture *f, const char *file, enum verdict verdict,
                                const char *run)
{
    struct report_entry *entry = &f->entries[f->report.n++];

    *entry = (struct report_entry){.file = str_from(file),
                                   .source = STR("name: x\nsteps:\n  - a\n  - b\n"),
                                   .verdict = verdict,
                                   .run = json(f, run),
                                   .ms = 1234};
    return entry;
}

/* One of each kind. */
static void add_all(struct fixture *f)
{
    (void)add(f, "login.yaml", VERDICT_PASSED, passed_run);
    (void)add(f, "a/<\"&'>.yaml", VERDICT_FAILED, failed_run);
    (void)add(f, "red.yaml", VERDICT_FAILED, red_execution);
    add(f, "broken.yaml", VERDICT_ERROR, NULL)->detail = STR("does not compile: 1 error");
    f->entries[3].problem =
        json(f, "{\"errors\":[{\"line\":3,\"column\":5,\"detail\":\"" HOSTILE "\",\"text\":\"a\","
                "\"hint\":\"" HOSTILE "\"}]}");
    add(f, "stopped.yaml", VERDICT_CANCELLED, NULL)->detail = STR("stopped");
    add(f, "slow.yaml", VERDICT_TIMED_OUT, NULL)->detail = STR("gave up after 5 s (--timeout)");
    add(f, "later.yaml", VERDICT_SKIPPED, NULL)->detail = STR("no test tagged smoke");
    (void)add(f, "made.yaml", VERDICT_CREATED, created_run);
    add(f, "plan.yaml", VERDICT_PLANNED, NULL)->dry_run =
        json(f, "{\"requests\":[{\"method\":\"POST\",\"path\":\"/goals\"}]}");
}

/* As they are printed: a file when it has ended, the total at the end. */
static void print_human(struct fixture *f, bool color)
{
    for (size_t i = 0; i < f->report.n; i++) {
        report_human_entry(&f->report, &f->entries[i], color, &f->text);
    }
    report_human_total(&f->report, color, &f->text);
}

static bool says(const struct fixture *f, const char *what)
{
    return str_contains(buf_view(&f->text), str_from(what));
}

/* No control character but line ends, nothing that reorders text. */
static void assert_inert(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        assert_true(c == '\n' || (c >= 0x20 && c != 0x7F));
    }
    assert_false(str_contains(text, STR("\xC2\x9B")));
    assert_false(str_contains(text, STR("\xE2\x80\xAE")));
    assert_false(str_contains(text, STR("\xEF\xBF\xBE")));
}

/* ---- markup ---- */

enum { STACK_MAX = 64 };

struct markup {
    struct str stack[STACK_MAX];
    size_t depth;
};

static const char *const void_elements[] = {"meta", "br", "img"};

static bool is_void(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(void_elements); i++) {
        if (str_is(name, void_elements[i])) {
            return true;
        }
    }
    return false;
}

/* The end of a tag: quotes are respected, '<' never stands inside. */
static size_t tag_end(struct str text)
{
    bool quoted = false;

    for (size_t i = 1; i < text.len; i++) {
        assert_true(text.ptr[i] != '<');
        quoted = text.ptr[i] == '"' ? !quoted : quoted;
        if (text.ptr[i] == '>' && !quoted) {
            return i;
        }
    }
    fail_msg("a tag without an end");
    return 0;
}

static void take_tag(struct markup *markup, struct str tag)
{
    struct str name;
    struct str rest;

    if (tag.ptr[0] == '!' || tag.ptr[0] == '?') {
        return;
    }
    (void)str_cut(tag, ' ', &name, &rest);
    if (name.ptr[0] == '/') {
        assert_true(markup->depth > 0);
        assert_true(str_eq(markup->stack[--markup->depth], str_sub(name, 1, name.len)));
        return;
    }
    if (!str_ends(tag, STR("/")) && !is_void(name)) {
        assert_true(markup->depth < STACK_MAX);
        markup->stack[markup->depth++] = name;
    }
}

static void check_reference(struct str text)
{
    static const char *const known[] = {"&amp;", "&lt;",  "&gt;", "&quot;",
                                        "&#39;", "&#10;", "&#9;", "&#13;"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_starts(text, str_from(known[i]))) {
            return;
        }
    }
    fail_msg("a bare & before \"%.*s\"", STR_ARG(str_sub(text, 0, 20)));
}

/* Every tag is closed in order, every & begins a reference that is known. */
static void assert_well_formed(struct str text)
{
    struct markup markup = {0};

    while (text.len > 0) {
        size_t end = 0;

        if (text.ptr[0] == '&') {
            check_reference(text);
        } else if (text.ptr[0] == '<') {
            end = tag_end(text);
            take_tag(&markup, str_sub(text, 1, end - 1));
        }
        text = str_sub(text, end + 1, text.len);
    }
    assert_int_equal(markup.depth, 0);
}

/* ---- JUnit ---- */

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

/* ---- the others ---- */

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
        cmocka_unit_test(junit_is_valid_and_its_counts_are_those_of_its_elements),
        cmocka_unit_test(junit_never_shows_a_red_run_green),
        cmocka_unit_test(html_needs_nothing_but_itself),
        cmocka_unit_test(the_summary_is_a_table_that_no_text_breaks),
        cmocka_unit_test(annotations_are_one_line_each),
        cmocka_unit_test(the_terminal_gets_plain_text),
        cmocka_unit_test(json_and_yaml_are_inert),
        cmocka_unit_test(yaml_says_the_same_as_json),
        cmocka_unit_test(answers_of_any_shape_are_survived),
        cmocka_unit_test(no_two_cases_have_the_same_name),
        cmocka_unit_test(several_tests_of_a_file_are_told_apart),
        cmocka_unit_test(passed_means_executed_and_green),
        cmocka_unit_test(the_exit_code_is_the_worst),
    };

    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
