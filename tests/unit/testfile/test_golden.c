/* Golden files: tests/golden/testfile/NAME.case holds a test file, a line of five equals signs, and
 * what it compiles to (one command line a step, then the problems). VP_BLESS=1 writes the second
 * half anew. Each case that compiles is also converted to the other dialects and compiled again:
 * the same steps must come out. */
#include "fixture.h"
#include "harness/words.h"

static const char folder[] = VP_GOLDEN_DIR "/testfile";
static const char separator[] = "=====\n";

static const struct testfile_options options = {
    .timestamp = STR_INIT("1700000000"), .random = STR_INIT("4711"), .uuid = STR_INIT("u-u-i-d")};

static struct str join(const char *name)
{
    static char path[1024];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return str_from(path);
}

static void put_problems(struct buf *out, const struct testfile_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct testfile_problem *problem = &problems->items[i];

        buf_printf(out, "%u:%u: %s: %.*s", problem->line, problem->column,
                   problem->severity == TESTFILE_ERROR ? "error" : "warning",
                   STR_ARG(problem->detail));
        if (problem->nearest.len > 0) {
            buf_printf(out, " [did you mean %.*s]", STR_ARG(problem->nearest));
        }
        if (problem->hint.len > 0) {
            buf_printf(out, " [%.*s]", STR_ARG(problem->hint));
        }
        buf_char(out, '\n');
    }
}

static void put_test(struct buf *out, const struct testfile_test *test)
{
    buf_printf(out, "test \"%.*s\" at %.*s\n", STR_ARG(test->name), STR_ARG(test->starting_url));
    for (size_t i = 0; i < test->n_steps; i++) {
        const struct testfile_step *step = &test->steps[i];

        buf_printf(out, "%u:%u %s%s %s ", step->line, step->column,
                   testfile_phase_name(step->phase), step->optional ? " optional" : "",
                   step->command->words);
        json_print(out, step->args);
        if (json_size(step->options) > 0) {
            buf_char(out, ' ');
            json_print(out, step->options);
        }
        if (step->description.len > 0) {
            buf_printf(out, " (%.*s)", STR_ARG(step->description));
        }
        buf_char(out, '\n');
    }
}

static void put_result(struct buf *out, const struct compiled *c)
{
    buf_printf(out, "format %s\n", testfile_format_name(c->file.format));
    for (size_t i = 0; i < c->file.n_tests; i++) {
        put_test(out, &c->file.tests[i]);
    }
    for (size_t i = 0; i < c->file.n_manifest; i++) {
        const struct testfile_manifest_entry *entry = &c->file.manifest[i];

        buf_printf(out, "goal \"%.*s\" journey \"%.*s\" file \"%.*s\"\n", STR_ARG(entry->goal),
                   STR_ARG(entry->journey), STR_ARG(entry->path));
    }
    put_problems(out, &c->problems);
}

/* print_message cuts long texts. */
static void print_all(const char *what, struct str text)
{
    (void)printf("--- %s\n%.*s", what, STR_ARG(text));
    (void)fflush(stdout);
}

/* What was compiled, written in another dialect, must compile to the same. */
static void check_conversion(struct compiled *first, enum testfile_target target, const char *name)
{
    struct compiled again;
    struct buf text;
    struct str before = steps_text(first);
    struct str after;

    buf_init(&text, (size_t)4 * 1024 * 1024);
    testfile_convert(&first->file, target, &text);
    assert_true(buf_ok(&text));
    compile_text(&again, buf_cstr(&text));
    after = steps_text(&again);
    if (again.code != ERR_OK || !str_eq(before, after)) {
        struct buf why;

        buf_init(&why, 65536);
        put_problems(&why, &again.problems);
        print_all("written", buf_view(&text));
        print_all("before", before);
        print_all("after", after);
        print_all("problems", buf_view(&why));
        buf_done(&why);
        fail_msg("%s does not read back", name);
    }
    compiled_done(&again);
    buf_done(&text);
}

/* A step by itself: command to sentence to command to the same sentence. */
static void check_sentence(struct arena *arena, const struct testfile_step *step, const char *name)
{
    struct str sentence =
        sentence_write(the_dictionary(), arena, step->command, step->args, step->options);
    struct json *read = NULL;
    struct error err = {0};

    if (sentence_parse(arena, sentence, &read, &err) != ERR_OK) {
        fail_msg("%s: %.*s: %s", name, STR_ARG(sentence), err.text);
    }
    assert_true(str_is(json_str(json_get(read, "command")), step->command->words));
    if (!str_eq(sentence, sentence_write(the_dictionary(), arena, step->command,
                                         json_get(read, "args"), json_get(read, "options")))) {
        fail_msg("%s: %.*s changed", name, STR_ARG(sentence));
    }
}

static void check_sentences(struct compiled *c, const char *name)
{
    for (size_t i = 0; i < c->file.n_tests; i++) {
        for (size_t k = 0; k < c->file.tests[i].n_steps; k++) {
            check_sentence(&c->arena, &c->file.tests[i].steps[k], name);
        }
    }
}

static void bless(const char *name, struct str input, struct str result)
{
    FILE *file = fopen(join(name).ptr, "wb");

    assert_non_null(file);
    (void)fwrite(input.ptr, 1, input.len, file);
    (void)fwrite(separator, 1, sizeof(separator) - 1, file);
    (void)fwrite(result.ptr, 1, result.len, file);
    (void)fclose(file);
}

static void run_case(const char *name)
{
    struct arena source;
    struct str all;
    struct str input;
    struct str expected = STR_EMPTY;
    ptrdiff_t at;
    struct compiled c;
    struct buf result;

    arena_init(&source);
    all = read_whole(&source, join(name).ptr);
    at = str_find(all, STR("=====\n"));
    input = at >= 0 ? str_sub(all, 0, (size_t)at) : all;
    if (at >= 0) {
        expected = str_sub(all, (size_t)at + 6, all.len);
    }
    compile_as(&c, input, &options);
    buf_init(&result, (size_t)4 * 1024 * 1024);
    put_result(&result, &c);
    if (getenv("VP_BLESS") != NULL) {
        bless(name, input, buf_view(&result));
    } else if (!str_eq(buf_view(&result), expected)) {
        print_all(name, buf_view(&result));
        fail_msg("%s: this is not what stands in the file", name);
    }
    if (c.code == ERR_OK && c.file.n_tests > 0) {
        check_conversion(&c, TESTFILE_TO_SIMPLIFIED, name);
        check_conversion(&c, TESTFILE_TO_SENTENCES, name);
        check_sentences(&c, name);
    }
    buf_done(&result);
    compiled_done(&c);
    arena_done(&source);
}

static void each_case_compiles_to_what_stands_below_it_and_survives_conversion(void **state)
{
    size_t n = 0;
    char **names = list_folder(folder, &n);

    (void)state;
    assert_non_null(names);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
        run_case(names[i]);
    }
    free_names(names, n);
}

int test_golden(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_compiles_to_what_stands_below_it_and_survives_conversion),
    };

    return cmocka_run_group_tests_name("testfile: golden", tests, NULL, NULL);
}
