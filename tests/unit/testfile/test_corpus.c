/* Real files: each step compiles or has an error with a place; nothing gets lost. And hostile ones:
 * each a clear error or a sane result. The corpus is no part of the project (harness/shared.h). */
#include "fixture.h"
#include "harness/shared.h"

struct totals {
    size_t read;
    size_t compiled;
    size_t failed;
    size_t errors;
};

static void check_problems(const struct compiled *c, const char *name)
{
    for (size_t i = 0; i < c->problems.n; i++) {
        const struct testfile_problem *problem = &c->problems.items[i];

        if (problem->line == 0 || problem->column == 0 || problem->detail.len == 0) {
            fail_msg("%s: a problem has no place: %.*s", name, STR_ARG(problem->detail));
        }
    }
    if (c->code != ERR_OK) {
        assert_true(c->problems.n_errors > 0);
    }
    assert_true(c->file.n_failed == 0 || c->problems.n_errors >= 1);
}

static void print_problems(const struct compiled *c, struct str text, const char *name)
{
    struct buf out;

    if (getenv("VP_SHOW") == NULL) {
        return;
    }
    buf_init(&out, (size_t)8 * 1024 * 1024);
    testfile_print_human(&out, str_from(name), text, &c->problems, false);
    (void)fwrite(buf_cstr(&out), 1, out.len, stdout); /* print_message cuts */
    (void)fflush(stdout);
    buf_done(&out);
}

static void run_file(const char *folder, const char *name, struct totals *totals)
{
    char path[1024];
    struct testfile_options options = {.file = str_from(name)};
    struct compiled c;
    struct arena source;
    struct str text;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    arena_init(&source);
    text = read_whole(&source, path);
    compile_as(&c, text, &options);
    check_problems(&c, name);
    assert_true(c.arena.used_bytes < (size_t)64 * 1024 * 1024);
    print_message("%5zu in %5zu out %4zu with errors %4zu errors  %-10s %s\n", c.file.n_read,
                  c.file.n_compiled, c.file.n_failed, c.problems.n_errors,
                  testfile_format_name(c.file.format), name);
    print_problems(&c, text, name);
    totals->read += c.file.n_read;
    totals->compiled += c.file.n_compiled;
    totals->failed += c.file.n_failed;
    totals->errors += c.problems.n_errors;
    compiled_done(&c);
    arena_done(&source);
}

static void run_folder(const char *folder, struct totals *totals)
{
    size_t n = 0;
    char **names = list_folder(folder, &n);

    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        run_file(folder, names[i], totals);
    }
    free_names(names, n);
    print_message("%zu files: %zu steps in = %zu out + %zu with errors; %zu errors\n", n,
                  totals->read, totals->compiled, totals->failed, totals->errors);
}

static void every_step_of_real_files_compiles_or_has_an_error_with_a_place(void **state)
{
    struct totals totals = {0};

    (void)state;
    run_folder(shared_path("corpus/tests"), &totals);
    assert_int_equal(totals.read, totals.compiled + totals.failed);
    assert_true(totals.compiled * 100 >= totals.read * 95);
}

static void every_hostile_file_gets_a_clear_error_or_a_sane_result(void **state)
{
    struct totals totals = {0};

    (void)state;
    run_folder(shared_path("corpus/hostile"), &totals);
    assert_true(totals.errors > 0);
}

/* What is YAML and has steps is created, whatever a step of it looks like. */
static void check_lenient(const char *folder, const char *name, size_t *out_created,
                          size_t *out_left_out)
{
    char path[1024];
    struct testfile_options options = {.file = str_from(name)};
    struct compiled strict;
    struct compiled lenient;
    struct arena source;
    struct str text;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    arena_init(&source);
    text = read_whole(&source, path);
    compile_as(&strict, text, &options);
    options.lenient = true;
    compile_as(&lenient, text, &options);
    if (strict.file.n_read > 0) {
        if (lenient.code != ERR_OK || lenient.file.n_steps < lenient.file.n_left_out ||
            lenient.problems.n_errors != 0) {
            fail_msg("%s is not created", name);
        }
        assert_int_equal(lenient.file.n_left_out, strict.file.n_failed);
        assert_true(lenient.problems.n_warnings >= strict.problems.n_errors);
        *out_created += 1;
        *out_left_out += lenient.file.n_left_out;
    } else { /* not YAML, not a test, or a manifest */
        assert_int_equal(lenient.code, strict.code);
    }
    compiled_done(&strict);
    compiled_done(&lenient);
    arena_done(&source);
}

static void a_lenient_compile_creates_every_real_file_that_is_yaml_and_a_test(void **state)
{
    const char *folder = shared_path("corpus/tests");
    size_t n = 0;
    size_t n_created = 0;
    size_t n_left_out = 0;
    char **names = list_folder(folder, &n);

    (void)state;
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        check_lenient(folder, names[i], &n_created, &n_left_out);
    }
    free_names(names, n);
    print_message("%zu of %zu files created, %zu steps left out\n", n_created, n, n_left_out);
    assert_true(n_created * 100 >= n * 85 && n_left_out > 0);
}

int test_corpus(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_real_files_compiles_or_has_an_error_with_a_place),
        cmocka_unit_test(a_lenient_compile_creates_every_real_file_that_is_yaml_and_a_test),
        cmocka_unit_test(every_hostile_file_gets_a_clear_error_or_a_sane_result),
    };

    return cmocka_run_group_tests_name("testfile: corpus", tests, NULL, NULL);
}
