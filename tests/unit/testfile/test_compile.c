/* Rules of test files that are not about one verb: what does not change the result, what is
 * bounded, what is the same in every dialect. */
#include "fixture.h"
#include "harness/words.h"

static struct str replaced(struct compiled *c, const char *text, const char *from, const char *to)
{
    struct str rest = str_from(text);
    struct buf out;
    struct str result;

    buf_init(&out, (size_t)1024 * 1024);
    while (rest.len > 0) {
        ptrdiff_t at = str_find(rest, str_from(from));
        size_t n = at < 0 ? rest.len : (size_t)at;

        buf_append(&out, rest.ptr, n);
        if (at >= 0) {
            buf_text(&out, to);
            n += strlen(from);
        }
        rest = str_sub(rest, n, rest.len);
    }
    result = arena_str(&c->arena, buf_view(&out));
    buf_done(&out);
    return result;
}

static const char plain[] = "name: Login\n"
                            "variables:\n"
                            "  user: ada\n"
                            "steps:\n"
                            "  - navigate: https://example.com\n"
                            "  - write:\n"
                            "      selector: User\n"
                            "      text: $user\n"
                            "  - click: Sign in\n";

static void check_same(const char *left, const char *right)
{
    struct compiled a;
    struct compiled b;

    compile_text(&a, left);
    compile_text(&b, right);
    assert_int_equal(a.code, ERR_OK);
    assert_int_equal(b.code, ERR_OK);
    assert_true(a.file.n_steps > 0);
    assert_string_equal(steps_text(&a).ptr, steps_text(&b).ptr);
    compiled_done(&a);
    compiled_done(&b);
}

static void line_ends_a_mark_at_the_front_and_indentation_change_nothing(void **state)
{
    struct compiled scratch;

    (void)state;
    compile_text(&scratch, plain);
    check_same(plain, replaced(&scratch, plain, "\n", "\r\n").ptr);
    check_same(plain, arena_printf(&scratch.arena, "\xEF\xBB\xBF%s", plain).ptr);
    check_same(plain, replaced(&scratch, plain, "  ", "     ").ptr);
    check_same(plain, replaced(&scratch, plain, "\n  - ", "\n- ").ptr);
    compiled_done(&scratch);
}

static void the_same_test_in_all_dialects_gives_the_same_steps(void **state)
{
    static const char *const dialects[] = {
        "test: Login\ndata: {user: ada}\nnav: https://example.com\ndo:\n  - t: {User: $user}\n"
        "  - c: Sign in\n",
        "name: Login\nvariables: {user: ada}\nsteps:\n"
        "  - {type: navigate, target: 'https://example.com'}\n"
        "  - {type: interact, command: write, target: User, value: $user}\n"
        "  - {type: interact, command: click, target: Sign in}\n",
        "name: Login\nsteps:\n"
        "  - {command: step-navigate, action: to, args: {url: 'https://example.com'}}\n"
        "  - {command: step-interact, action: write, args: {selector: User, text: ada}}\n"
        "  - {command: step-interact click, args: [Sign in]}\n",
        "name: Login\nsteps:\n"
        "  - {action: navigate, url: 'https://example.com'}\n"
        "  - {action: write, hint: User, text: ada}\n"
        "  - {action: click, target: Sign in}\n",
        "journeyName: Login\nsteps:\n"
        "  - {stepType: navigate, url: 'https://example.com'}\n"
        "  - {stepType: write, target: User, text: ada}\n"
        "  - {stepType: click, target: Sign in}\n",
        "name: Login\nsteps:\n"
        "  - navigate to https://example.com\n"
        "  - write \"ada\" in field \"User\"\n"
        "  - step-interact click 'Sign in'\n",
        "{\"name\": \"Login\", \"steps\": [{\"navigate\": \"https:\\/\\/example.com\"},"
        "{\"write\": {\"selector\": \"User\", \"text\": \"ada\"}}, {\"click\": \"Sign in\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
        check_same(plain, dialects[i]);
    }
}

static void twenty_runs_give_the_same_bytes(void **state)
{
    static const char text[] = "name: T\nzzz: 1\nsteps:\n  - clik: a\n  - wait: 3\n  - b: c\n"
                               "  - write: {A: \"$TIMESTMP\"}\n";
    struct buf first;

    (void)state;
    buf_init(&first, 65536);
    for (int i = 0; i < 20; i++) {
        struct compiled c;
        struct buf out;

        buf_init(&out, 65536);
        compile_text(&c, text);
        testfile_print_human(&out, STR("t.yaml"), str_from(text), &c.problems, true);
        buf_str(&out, steps_text(&c));
        if (i == 0) {
            buf_str(&first, buf_view(&out));
        }
        assert_true(str_eq(buf_view(&first), buf_view(&out)));
        buf_done(&out);
        compiled_done(&c);
    }
    buf_done(&first);
}

static void make_steps(struct buf *out, size_t n)
{
    buf_text(out, "name: T\nsteps:\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "  - write: {selector: \"Field %zu\", text: \"value $RANDOM %zu\"}\n", i,
                   i);
    }
}

static void check_work(size_t n, size_t *out_work, size_t *out_bytes)
{
    static const struct testfile_options options = {.random = STR_INIT("5")};
    struct compiled c;
    struct buf text;

    buf_init(&text, (size_t)8 * 1024 * 1024);
    make_steps(&text, n);
    compile_as(&c, buf_view(&text), &options);
    assert_int_equal(c.code, ERR_OK);
    assert_int_equal(c.file.n_steps, n);
    *out_work = c.file.work;
    *out_bytes = c.arena.used_bytes;
    compiled_done(&c);
    buf_done(&text);
}

static void ten_thousand_steps_cost_ten_times_a_thousand(void **state)
{
    size_t work_small;
    size_t work_large;
    size_t bytes_small;
    size_t bytes_large;

    (void)state;
    check_work(1000, &work_small, &bytes_small);
    check_work(10000, &work_large, &bytes_large);
    assert_in_range(work_large, work_small * 9, work_small * 11);
    assert_true(bytes_large < bytes_small * 12);
    assert_true(bytes_large < (size_t)64 * 1024 * 1024);
}

static void one_step_too_many_is_one_error(void **state)
{
    struct compiled c;
    struct buf text;
    static const struct testfile_options none;

    (void)state;
    buf_init(&text, (size_t)8 * 1024 * 1024);
    make_steps(&text, 10001);
    compile_as(&c, buf_view(&text), &none);
    assert_int_equal(c.code, ERR_UNPROCESSABLE);
    assert_int_equal(c.problems.n_errors, 1);
    assert_int_equal(c.problems.items[0].line, 10003);
    assert_int_equal(c.file.n_steps, 10000);
    compiled_done(&c);
    buf_done(&text);
}

static void fifty_thousand_variables_are_found_without_a_walk(void **state)
{
    static const struct testfile_options none;
    struct compiled c;
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)8 * 1024 * 1024);
    buf_text(&text, "name: T\nvariables:\n");
    for (int i = 0; i < 50000; i++) {
        buf_printf(&text, "  variable%d: v%d\n", i, i);
    }
    buf_text(&text, "steps:\n");
    for (int i = 0; i < 5000; i++) {
        buf_printf(&text, "  - click: $variable%d\n", 49999 - i);
    }
    compile_as(&c, buf_view(&text), &none);
    assert_int_equal(c.code, ERR_OK);
    assert_int_equal(c.file.n_steps, 5000);
    assert_string_equal(json_str(json_first(c.file.tests[0].steps[0].args)).ptr, "v49999");
    compiled_done(&c);
    buf_done(&text);
}

/* No key is looked at one by one, and there is one error. */
static void a_map_with_very_many_keys_is_no_part_of_a_test(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        const char *detail;
        const char *other;
    } rows[] = {
        {"{", "}", "the file has more than 1000 members", "the file has no steps"},
        {"{\"steps\": \"Steps\", ", "}", "the file has more than 1000 members",
         "the file has no steps"},
        {"{\"name\": \"x\", \"steps\": [{\"click\": \"a\"}], ", "}",
         "the file has more than 1000 members", NULL},
        {"{\"name\": \"x\", \"steps\": [{\"click\": \"a\"}], \"config\": {", "}}",
         "config has more than 1000 members", NULL},
        {"{\"name\": \"x\", \"steps\": [{\"click\": \"a\"}, {", "}]}",
         "a step has more than 1000 members", NULL},
        {"{\"tests\": [{\"steps\": [{\"click\": \"a\"}], ", "}]}",
         "a test has more than 1000 members", NULL},
        {"{\"tests\": [{", "}]}", "a test has more than 1000 members",
         "none of its tests has steps"},
        {"{\"name\": \"x\", \"steps\": {\"a\": {", "}}}", "this is a CI pipeline, not a test file",
         "a CI pipeline"},
        {"{\"name\": \"x\", \"steps\": [{\"click\": \"a\"}], \"metadata\": {", "}}",
         "the head has more than 1000 members", NULL},
        {"{\"name\": \"x\", \"steps\": [{\"click\": \"a\"}], \"viewport\": {", "}}",
         "viewport has more than 1000 members", NULL},
    };
    static const struct testfile_options json = {.kind = TESTFILE_JSON};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct compiled c;
        struct buf text;

        buf_init(&text, (size_t)1024 * 1024);
        buf_text(&text, rows[i].before);
        for (int k = 0; k < 50000; k++) {
            buf_printf(&text, "%s\"time%d\": 1", k > 0 ? "," : "", k);
        }
        buf_text(&text, rows[i].after);
        compile_as(&c, buf_view(&text), &json);
        assert_int_equal(c.code, ERR_UNPROCESSABLE);
        assert_string_equal(arena_cstr(&c.arena, c.problems.items[0].detail), rows[i].detail);
        assert_true(c.problems.n_errors <= 2 && c.problems.n_warnings == 0);
        assert_true(str_eq(str_from(c.file.other), str_from(rows[i].other)));
        assert_true(c.file.work < 1000);
        compiled_done(&c);
        buf_done(&text);
    }
}

/* The tree of JSON is as large as the nodes that are made of it. */
static void members_of_large_maps_count_twice_in_json_too(void **state)
{
    static const struct testfile_options json = {.kind = TESTFILE_JSON};
    struct compiled c;
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)1024 * 1024);
    buf_text(&text, "{\"name\": \"x\", \"variables\": {\"a\": 1");
    for (int i = 0; i < 61000; i++) {
        buf_printf(&text, ",\"a%d\":1", i);
    }
    buf_text(&text, "}, \"steps\": [{\"click\": \"a\"}]}");
    compile_as(&c, buf_view(&text), &json);
    assert_int_equal(c.code, ERR_TOO_BIG);
    compiled_done(&c);
    buf_done(&text);
}

static void blocks_that_use_themselves_and_loops_of_loops_end(void **state)
{
    static const char *const texts[] = {
        "name: T\nblocks: {a: [{use: a}, {use: a}]}\nsteps: [{use: a}]\n",
        "name: T\nvariables: {l: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\nsteps:\n"
        "  - loop: {over: $l, do: [{loop: {over: $l, do: [{loop: {over: $l, do: "
        "[{loop: {over: $l, do: [{click: a}]}}]}}]}}]}\n",
        "name: T\nvariables: {a: $b$b$b$b, b: $c$c$c$c, c: $d$d$d$d, d: $e$e$e$e, "
        "e: $f$f$f$f, f: $g$g$g$g, g: 0123456789012345678901234567890123456789}\n"
        "steps: [{click: $a$a$a$a}]\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct compiled c;

        compile_text(&c, texts[i]);
        assert_int_equal(c.code, ERR_UNPROCESSABLE);
        assert_true(c.file.n_steps <= TESTFILE_MAX_UNROLLED);
        assert_true(c.file.work < 200000);
        compiled_done(&c);
    }
}

static void nothing_of_a_file_reaches_a_terminal_unescaped(void **state)
{
    static const char text[] = "{\"na\\u001bme\": \"x\", \"steps\": [{\"cl\\u202eick\": "
                               "\"\\u009b31m\"}]}";
    struct compiled c;
    struct buf out;

    (void)state;
    buf_init(&out, 65536);
    compile_text(&c, text);
    assert_int_not_equal(c.code, ERR_OK);
    testfile_print_human(&out, STR("a\033b"), str_from(text), &c.problems, false);
    for (size_t i = 0; i < out.len; i++) {
        assert_true((unsigned char)out.ptr[i] >= 0x20 || out.ptr[i] == '\n');
        assert_int_not_equal((unsigned char)out.ptr[i], 0x7F);
    }
    assert_false(str_contains(buf_view(&out), STR("\xE2\x80\xAE")));
    assert_false(str_contains(buf_view(&out), STR("\xC2\x9B")));
    buf_done(&out);
    compiled_done(&c);
}

static void long_comments_become_several_steps(void **state)
{
    struct compiled c;
    struct buf text;
    static const struct testfile_options none;

    (void)state;
    buf_init(&text, 65536);
    buf_text(&text, "name: T\nsteps:\n  - comment: \"");
    for (int i = 0; i < 150; i++) {
        buf_text(&text, "wörds ");
    }
    buf_text(&text, "\"\n");
    compile_as(&c, buf_view(&text), &none);
    assert_int_equal(c.code, ERR_OK);
    assert_int_equal(c.file.n_steps, 2);
    assert_int_equal(c.file.n_compiled, 1);
    compiled_done(&c);
    buf_done(&text);
}

static const char with_slips[] = "name: T\n"
                                 "retry: often\n"
                                 "steps:\n"
                                 "  - click: a\n"
                                 "  - clik: {selector: \"Save $x\", times: [1, 2]}\n"
                                 "  - drag: {from: b}\n"
                                 "  - jump over the fence\n"
                                 "  - click: c\n";

/* As testfile_compile, but one unit a time; or given up after `n` pieces. */
static size_t compile_in_pieces(struct compiled *c, const char *text, size_t n)
{
    static const struct testfile_options none;
    struct testfile_job *job;
    size_t n_pieces = 0;

    arena_init(&c->arena);
    job =
        testfile_begin(the_dictionary(), &c->arena, str_from(text), &none, &c->file, &c->problems);
    while (n_pieces < n && !testfile_go_on(job, 1)) {
        n_pieces++;
    }
    c->code = testfile_end(job);
    return n_pieces;
}

static const char several[] =
    "name: A\nsteps: [{click: a}]\n---\ntest: B\nnav: https://a.b\ndo: [{c: b}]\n---\nname: C\nsteps: []\n";

static const char suite[] =
    "metadata: {name: S}\nsetup: {base_url: https://a.b}\ntests:\n  - {name: A, steps: [{navigate: "
    "/x}]}\n  - {name: B, setup: [{click: a}], steps: [{click: b}], teardown: [{click: c}]}\n";

static void a_compile_in_pieces_gives_the_same(void **state)
{
    static const char *const texts[] = {
        plain,
        with_slips,
        suite,
        several,
        "goals: [{name: G, journeys: [{name: J, test_file: j.yaml}]}]\n",
        "name: [\n",
        "",
        "{\"name\": \"J\", \"steps\": [{\"click\": \"a\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct compiled whole;
        struct compiled pieces;
        size_t n;

        compile_text(&whole, texts[i]);
        n = compile_in_pieces(&pieces, texts[i], SIZE_MAX);
        assert_int_equal(pieces.code, whole.code);
        assert_int_equal(pieces.problems.n, whole.problems.n);
        assert_int_equal(pieces.file.n_manifest, whole.file.n_manifest);
        assert_string_equal(steps_text(&pieces).ptr, steps_text(&whole).ptr);
        compiled_done(&pieces);
        while (n > 0) { /* given up at any place: nothing is left behind */
            (void)compile_in_pieces(&pieces, texts[i], --n);
            compiled_done(&pieces);
        }
        compiled_done(&whole);
    }
}

static void the_callers_variables_win(void **state)
{
    static const struct testfile_variable own[] = {{STR_INIT("user"), STR_INIT("grace $x")}};
    static const struct testfile_options options = {.variables = own, .n_variables = 1};
    struct compiled c;

    (void)state;
    compile_as(&c, str_from(plain), &options);
    assert_int_equal(c.code, ERR_OK);
    assert_string_equal(json_str(json_at(c.file.tests[0].steps[1].args, 1)).ptr, "grace $x");
    compiled_done(&c);
}

static void the_first_hundred_problems_are_kept_and_all_are_counted(void **state)
{
    struct compiled c;
    struct buf text;
    static const struct testfile_options none;

    (void)state;
    buf_init(&text, (size_t)8 * 1024 * 1024);
    buf_text(&text, "name: T\nsteps:\n  - click: a\n");
    for (size_t i = 0; i < 4000; i++) {
        buf_text(&text, "  - clik: b\n  - wait: 2\n");
    }
    compile_as(&c, buf_view(&text), &none);
    assert_int_equal(c.problems.n_errors, 4000);
    assert_int_equal(c.problems.n_warnings, 4000);
    assert_int_equal(c.problems.n, 2 * TESTFILE_MAX_PROBLEMS);
    assert_int_equal(c.problems.n_dropped,
                     c.problems.n_errors + c.problems.n_warnings - c.problems.n);
    assert_int_equal(c.problems.items[0].line, 4);
    assert_true(c.arena.used_bytes < (size_t)16 * 1024 * 1024);
    compiled_done(&c);
    buf_done(&text);
}

static void a_lenient_compile_makes_comments_of_what_does_not_compile(void **state)
{
    static const struct testfile_options lenient = {.lenient = true};
    struct compiled c;
    const struct testfile_test *test;

    (void)state;
    compile_as(&c, str_from(with_slips), &lenient);
    assert_int_equal(c.code, ERR_OK);
    assert_int_equal(c.problems.n_errors, 0);
    assert_int_equal(c.problems.n_warnings, 4);
    assert_int_equal(c.file.n_left_out, 3);
    test = &c.file.tests[0];
    assert_int_equal(test->n_steps, 5);
    assert_false(test->steps[0].left_out);
    assert_true(test->steps[1].left_out);
    assert_string_equal(test->steps[1].command->words, "step-misc comment");
    assert_string_equal(json_str(json_at(test->steps[1].args, 0)).ptr,
                        "clik: {selector: \"Save $x\", times: [1, 2]} (left out: unknown verb "
                        "\"clik\")");
    assert_int_equal(test->steps[2].line, 6); /* and nothing of what the drag had begun */
    assert_true(test->steps[2].left_out);
    assert_string_equal(json_str(json_at(test->steps[4].args, 0)).ptr, "c");
    assert_true(str_starts(c.problems.items[0].detail, STR("ignored: ")));
    assert_true(str_starts(c.problems.items[1].detail, STR("left out: ")));
    compiled_done(&c);
}

static void what_is_not_a_test_stays_an_error_in_a_lenient_compile(void **state)
{
    static const char *const texts[] = {"apiVersion: v1\nkind: Pod\n",
                                        "name: T\nsteps: []\n",
                                        "name: T\nsteps: click\n",
                                        "- click: a\n",
                                        "",
                                        "name: T\nstpes: [{click: a}]\n",
                                        "name: T\ndry_run: true\nsteps: [{click: a}]\n",
                                        "name: T\nconfig: {dryRun: 1}\nsteps: [{click: a}]\n",
                                        "name: [\n"};
    static const struct testfile_options lenient = {.lenient = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct compiled c;

        compile_as(&c, str_from(texts[i]), &lenient);
        assert_int_not_equal(c.code, ERR_OK);
        assert_true(c.problems.n_errors > 0);
        compiled_done(&c);
    }
}

static void thousands_of_foreign_steps_are_one_error(void **state)
{
    static const struct testfile_options none;
    struct compiled c;
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)1024 * 1024);
    buf_text(&text, "name: T\nsteps:\n");
    for (size_t i = 0; i < 5000; i++) {
        buf_text(&text, "  - frobnicate: all\n");
    }
    compile_as(&c, buf_view(&text), &none);
    assert_int_equal(c.code, ERR_UNPROCESSABLE);
    assert_int_equal(c.problems.n_errors, 1);
    assert_int_equal(c.problems.items[0].line, 3);
    compiled_done(&c);
    buf_done(&text);
}

int test_compile(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends_a_mark_at_the_front_and_indentation_change_nothing),
        cmocka_unit_test(the_same_test_in_all_dialects_gives_the_same_steps),
        cmocka_unit_test(twenty_runs_give_the_same_bytes),
        cmocka_unit_test(ten_thousand_steps_cost_ten_times_a_thousand),
        cmocka_unit_test(one_step_too_many_is_one_error),
        cmocka_unit_test(fifty_thousand_variables_are_found_without_a_walk),
        cmocka_unit_test(a_map_with_very_many_keys_is_no_part_of_a_test),
        cmocka_unit_test(members_of_large_maps_count_twice_in_json_too),
        cmocka_unit_test(blocks_that_use_themselves_and_loops_of_loops_end),
        cmocka_unit_test(nothing_of_a_file_reaches_a_terminal_unescaped),
        cmocka_unit_test(long_comments_become_several_steps),
        cmocka_unit_test(the_callers_variables_win),
        cmocka_unit_test(a_compile_in_pieces_gives_the_same),
        cmocka_unit_test(thousands_of_foreign_steps_are_one_error),
        cmocka_unit_test(the_first_hundred_problems_are_kept_and_all_are_counted),
        cmocka_unit_test(a_lenient_compile_makes_comments_of_what_does_not_compile),
        cmocka_unit_test(what_is_not_a_test_stays_an_error_in_a_lenient_compile),
    };

    return cmocka_run_group_tests_name("testfile: compile", tests, NULL, NULL);
}
