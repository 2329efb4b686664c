/* Files that are not begun: in the report each of their tests has a case, named as after a run. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fd.h"
#include "cli/run.h"
#include "harness/count.h"

int test_unbegun(void);

#define FOLDER VP_SCRATCH_DIR "/unbegun"

#define THREE                                                                                      \
    "name: A\ntags: [x]\nsteps: [{click: a}]\n---\nsteps: [{click: b}]\n---\n"                     \
    "name: C\ntags: [X]\nsteps: [{click: c}]\n"

struct fixture {
    struct arena arena;
    const char *three;
    const char *broken;
    const char *junit;
    const char *last;
};

static const char *put(struct fixture *f, const char *name, const char *text)
{
    const char *path = arena_printf(&f->arena, FOLDER "_%d_%s", (int)getpid(), name).ptr;
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return path;
}

static struct str text_of(struct fixture *f, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text;

    assert_true(fd >= 0);
    buf_init(&text, (size_t)1024 * 1024);
    assert_true(fd_read_all(fd, &text));
    (void)close(fd);
    return arena_take(&f->arena, &text);
}

static void fixture_init(struct fixture *f)
{
    arena_init(&f->arena);
    f->three = put(f, "three.yaml", THREE);
    f->broken =
        put(f, "broken.yaml", "name: D\nsteps: [{clik: a}]\n---\nname: E\nsteps: [{click: a}]\n");
    f->junit = put(f, "j.xml", "");
    f->last = put(f, "last", "");
    assert_int_equal(setenv("VIRTUOSO_PROXY_LAST_RUN", f->last, 1), 0);
}

static void fixture_done(struct fixture *f)
{
    (void)unlink(f->three);
    (void)unlink(f->broken);
    (void)unlink(f->junit);
    (void)unlink(f->last);
    arena_done(&f->arena);
}

/* The JUnit file of a run that begins nothing. */
static struct str report(struct fixture *f, const char *const *paths, const char *tag,
                         const char *why, bool strict)
{
    const struct cli_run_options options = {.paths = paths,
                                            .n_paths = paths[1] != NULL ? 2 : 1,
                                            .tags = &tag,
                                            .n_tags = tag != NULL ? 1 : 0,
                                            .strict = strict,
                                            .junit_file = f->junit};
    struct cli_run *run;
    struct error err = {0};

    if (cli_run_new(&options, &run)) {
        if (why != NULL) {
            (void)error_set(&err, ERR_INVALID, "%s", why);
        }
        cli_run_end(run, why != NULL ? &err : NULL);
        cli_run_free(run);
    }
    return text_of(f, f->junit);
}

static void assert_three(struct str text, const char *mark)
{
    assert_int_equal(str_count(text, "<testcase "), 3);
    assert_int_equal(str_count(text, mark), 3);
    assert_int_equal(str_count(text, "name=\"A\" file="), 1);
    assert_int_equal(str_count(text, "name=\"A (2)\" file="), 1); /* it has none of its own */
    assert_int_equal(str_count(text, "name=\"C\" file="), 1);
    assert_int_equal(str_count(text, " line=\"7\" time="), 1);
}

static void each_test_of_a_file_has_its_case(void **state)
{
    struct fixture f;
    const char *paths[] = {NULL, NULL};
    struct str text;

    (void)state;
    fixture_init(&f);
    paths[0] = f.three;
    assert_three(report(&f, paths, NULL, "nobody is there", false),
                 "<error type=\"error\" message=\"nobody is there\"");
    assert_three(report(&f, paths, "nope", NULL, false),
                 "<skipped message=\"no test tagged nope\"/>");
    paths[1] = f.broken;
    text = report(&f, paths, NULL, NULL, true);
    assert_int_equal(str_count(text, "<skipped message=\"a file does not compile (--strict)\""), 3);
    assert_int_equal(str_count(text, "<testcase "), 4); /* one that does not compile is one */
    assert_true(str_contains(text, STR("tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"3\"")));
    paths[1] = "/nowhere.yaml";
    text = report(&f, paths, NULL, NULL, true);
    assert_int_equal(str_count(text, "<skipped message=\"not sent: "), 3);
    paths[0] =
        f.broken; /* what is wrong with a file is told, though another argument is wrong, too */
    text = report(&f, paths, NULL, NULL, false);
    assert_int_equal(str_count(text, "<error type=\"does_not_compile\""), 1);
    assert_int_equal(str_count(text, "<error type=\"error\" message=\"cannot read /nowhere.yaml"),
                     1);
    assert_true(str_contains(text, STR("broken.yaml:2:10: ")));
    assert_int_equal(str_count(text, "<skipped "), 0);
    fixture_done(&f);
}

static void only_those_with_the_tag_would_have_run(void **state)
{
    struct fixture f;
    const char *paths[] = {NULL, NULL};
    struct str text;

    (void)state;
    fixture_init(&f);
    paths[0] = f.three;
    text = report(&f, paths, "x", "nobody is there", false);
    assert_int_equal(str_count(text, "<testcase "), 2);
    assert_int_equal(str_count(text, "name=\"A\" file="), 1);
    assert_int_equal(str_count(text, "name=\"C\" file="), 1);
    fixture_done(&f);
}

/* The one that is written later would replace the other, and nobody would see that. */
static void a_report_needs_a_file_of_its_own(void **state)
{
    struct fixture f;
    struct cli_run *run;
    struct cli_run_options options = {.n_paths = 1};
    struct str text;

    (void)state;
    fixture_init(&f);
    options.paths = &f.three;
    options.junit_file = f.junit;
    options.html_file = f.junit;
    assert_false(cli_run_new(&options, &run));
    text = text_of(&f, f.junit);
    assert_true(str_starts(text, STR("<?xml")));
    assert_true(str_contains(text, STR("another report is written there")));
    options.html_file = "-"; /* no file is made that is called so */
    assert_false(cli_run_new(&options, &run));
    assert_true(str_contains(text_of(&f, f.junit), STR("name /dev/stdout or ./-")));
    options.junit_file = "/dev/null";
    options.html_file = "/dev/null";
    assert_true(cli_run_new(&options, &run));
    cli_run_free(run);
    fixture_done(&f);
}

int test_unbegun(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_of_a_file_has_its_case),
        cmocka_unit_test(only_those_with_the_tag_would_have_run),
        cmocka_unit_test(a_report_needs_a_file_of_its_own),
    };

    return cmocka_run_group_tests_name("unbegun", tests, NULL, NULL);
}
