/* Files that cannot be written: it is said, and nothing that is left passes for the whole. */
#include "harness/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/init.h"
#include "cli/run_internal.h"

int test_unwritten(void);

#define FOLDER VP_SCRATCH_DIR "/unwritten_XXXXXX"

struct fixture {
    char root[sizeof(FOLDER)];
    struct cli_run run;
    struct test_source source;
    struct run_item item;
};

static const char *path_of(struct fixture *f, const char *name)
{
    return arena_printf(&f->run.arena, "%s/%s", f->root, name).ptr;
}

static const char *put(struct fixture *f, const char *name, const char *text)
{
    const char *path = path_of(f, name);
    int fd = fd_create(path, O_TRUNC, 0600);

    assert_true(fd >= 0 && fd_write_all(fd, str_from(text)));
    assert_int_equal(close(fd), 0);
    return path;
}

static bool is_there(struct fixture *f, const char *name)
{
    return access(path_of(f, name), F_OK) == 0;
}

/* One file, which was red. */
static void begin(struct fixture *f)
{
    *f = (struct fixture){.root = FOLDER};
    arena_init(&f->run.arena);
    error_list_init(&f->run.errors);
    error_list_init(&f->run.warnings);
    assert_non_null(mkdtemp(f->root));
    f->source.file = str_from(put(f, "a.yaml", "x"));
    f->item = (struct run_item){.source = &f->source, .verdict = VERDICT_FAILED};
    f->run.items = &f->item;
    f->run.gather = (struct gather){.arena = &f->run.arena, .items = &f->source, .n = 1};
    assert_int_equal(setenv("VIRTUOSO_PROXY_LAST_RUN", path_of(f, "last"), 1), 0);
}

static void end(struct fixture *f)
{
    static const char *const names[] = {"a.yaml", "last", "made/sign-in.yaml",
                                        "made/.testfile.schema.json", "made"};

    assert_int_equal(unsetenv("VIRTUOSO_PROXY_LAST_RUN"), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)remove(path_of(f, names[i]));
    }
    assert_int_equal(rmdir(f->root), 0); /* nothing else was left there */
    error_list_done(&f->run.errors);
    error_list_done(&f->run.warnings);
    arena_done(&f->run.arena);
}

/* As a full disk does it: a file is made, and takes no byte. */
static void let_files_grow(bool may)
{
    static struct rlimit before;
    struct rlimit none;

    if (may) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        return;
    }
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static enum last_run_state read_last(struct fixture *f, struct last_run *out)
{
    return last_run_read(&f->run.arena, last_run_path(&f->run.arena), out);
}

static void the_last_run_is_remembered(void **state)
{
    struct fixture f;
    struct last_run last;

    (void)state;
    begin(&f);
    assert_true(last_run_write(&f.run));
    assert_int_equal(read_last(&f, &last), LAST_RUN_READ);
    assert_int_equal(last.n, 1);
    f.item.verdict = VERDICT_SKIPPED; /* it was not run: what is known of it stays */
    assert_true(last_run_write(&f.run));
    assert_int_equal(read_last(&f, &last), LAST_RUN_READ);
    assert_int_equal(last.n, 1);
    f.item.verdict = VERDICT_PASSED;
    assert_true(last_run_write(&f.run));
    assert_int_equal(read_last(&f, &last), LAST_RUN_READ);
    assert_int_equal(last.n, 0);
    end(&f);
}

/* Green before, red now, and no room for the news: the old one may not stay either. */
static void a_run_that_cannot_be_remembered_leaves_no_green_one(void **state)
{
    struct fixture f;
    struct last_run last;
    bool ok;
    int error;

    (void)state;
    begin(&f);
    f.item.verdict = VERDICT_PASSED;
    assert_true(last_run_write(&f.run));
    f.item.verdict = VERDICT_FAILED;
    let_files_grow(false);
    ok = last_run_write(&f.run);
    error = errno;
    let_files_grow(true);
    assert_false(ok);
    assert_int_equal(error, EFBIG);
    assert_int_equal(read_last(&f, &last), LAST_RUN_NONE);
    end(&f);
}

static void a_device_is_written_to_and_stays(void **state)
{
    struct fixture f;
    struct stat status;

    (void)state;
    begin(&f);
    assert_int_equal(setenv("VIRTUOSO_PROXY_LAST_RUN", "/dev/full", 1), 0);
    assert_false(last_run_write(&f.run));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(setenv("VIRTUOSO_PROXY_LAST_RUN", "/dev/null", 1), 0);
    assert_true(last_run_write(&f.run));
    assert_int_equal(lstat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    end(&f);
}

/* A folder that the user has named is another matter than one that no user has. */
static void only_a_place_that_was_named_is_missed(void **state)
{
    const char *home = getenv("XDG_STATE_HOME");
    struct fixture f;

    (void)state;
    begin(&f);
    assert_int_equal(setenv("VIRTUOSO_PROXY_LAST_RUN", path_of(&f, "a.yaml/last"), 1), 0);
    assert_false(last_run_write(&f.run));
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(unsetenv("VIRTUOSO_PROXY_LAST_RUN"), 0);
    home = home != NULL ? arena_cstr(&f.run.arena, str_from(home)) : NULL;
    assert_int_equal(setenv("XDG_STATE_HOME", path_of(&f, "a.yaml"), 1), 0);
    assert_true(last_run_write(&f.run));
    assert_int_equal(home != NULL ? setenv("XDG_STATE_HOME", home, 1) : unsetenv("XDG_STATE_HOME"),
                     0);
    end(&f);
}

static void of_what_is_damaged_no_file_counts_as_green(void **state)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "red 0",
                                        "red 1\n",
                                        "%2Fx\n",
                                        "%2Fx\nred 0\n",
                                        "%2Fx\nred 2\n",
                                        "%2Fx\nred 1",
                                        "%zz\nred 1\n",
                                        "red -1\n",
                                        "x"};
    struct fixture f;
    struct last_run last;

    (void)state;
    begin(&f);
    f.run.options.rerun_failed = true;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        (void)put(&f, "last", texts[i]);
        if (read_last(&f, &last) != LAST_RUN_DAMAGED) {
            fail_msg("taken for whole: %s", texts[i]);
        }
        select_files(&f.run);
        assert_int_equal(f.run.gather.n, 1);
        assert_int_equal(f.run.warnings.n, i + 1);
        assert_true(
            str_contains(str_from(f.run.warnings.items[i].text), STR("is empty or damaged")));
    }
    (void)put(&f, "last", "red 0\n");
    select_files(&f.run);
    assert_int_equal(f.run.gather.n, 0);
    end(&f);
}

static void what_init_could_not_write_is_not_in_its_way(void **state)
{
    struct fixture f;
    const char *folder;
    int status;

    (void)state;
    begin(&f);
    folder = path_of(&f, "made");
    let_files_grow(false);
    status = cli_init(folder, NULL);
    let_files_grow(true);
    assert_int_equal(status, EXIT_FAILURE);
    assert_false(is_there(&f, "made/sign-in.yaml"));
    assert_false(is_there(&f, "made/.testfile.schema.json"));
    assert_int_equal(cli_init(folder, NULL), EXIT_SUCCESS);
    end(&f);
}

int test_unwritten(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_run_is_remembered),
        cmocka_unit_test(a_run_that_cannot_be_remembered_leaves_no_green_one),
        cmocka_unit_test(a_device_is_written_to_and_stays),
        cmocka_unit_test(only_a_place_that_was_named_is_missed),
        cmocka_unit_test(of_what_is_damaged_no_file_counts_as_green),
        cmocka_unit_test(what_init_could_not_write_is_not_in_its_way),
    };

    return cmocka_run_group_tests_name("cli: what cannot be written", tests, NULL, NULL);
}
