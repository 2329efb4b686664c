/* The snapshot file: written by a thread at intervals, by the loop at the end, and read at
 * start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "base/clock.h"
#include "base/mem.h"
#include "harness/wait.h"
#include "session/session.h"

int test_snapshot(void);

enum { INTERVAL_MS = 1000, LOOK_MS = 100, PATH_BYTES = 1024 };

struct snapshots {
    struct deadlines deadlines;
    struct later later;
    struct session_store *store;
    struct arena arena;
    struct digest owner;
    char folder[PATH_BYTES];
    char file[PATH_BYTES];
};

static void open_store(struct snapshots *f)
{
    const struct session_options options = {.max_active = 100,
                                            .timeout_s = 600,
                                            .max_age_s = 6000,
                                            .max_queue = 3,
                                            .snapshot_file = str_from(f->file),
                                            .snapshot_interval_s = INTERVAL_MS / 1000};
    struct error err = {0};

    deadlines_init(&f->deadlines);
    later_init(&f->later);
    assert_int_equal(session_store_open(&f->deadlines, &f->later, &options, &f->store, &err),
                     ERR_OK);
}

static void begin(struct snapshots *f, const char *name)
{
    struct buf text;

    *f = (struct snapshots){0};
    clock_set(1000, 1000000);
    arena_init(&f->arena);
    digest_of(STR("me"), &f->owner);
    buf_init(&text, sizeof(f->folder) - 1);
    buf_printf(&text, "%s/%s-XXXXXX", VP_SCRATCH_DIR, name);
    str_copy(f->folder, sizeof(f->folder), buf_view(&text));
    buf_done(&text);
    assert_non_null(mkdtemp(f->folder));
    buf_init(&text, sizeof(f->file) - 1);
    buf_printf(&text, "%s/sessions", f->folder);
    str_copy(f->file, sizeof(f->file), buf_view(&text));
    buf_done(&text);
    open_store(f);
}

static void end(struct snapshots *f)
{
    session_store_close(f->store);
    assert_true(deadlines_is_empty(&f->deadlines));
    (void)unlink(f->file);
    assert_int_equal(rmdir(f->folder), 0); /* nothing else is left in it */
    arena_done(&f->arena);
    clock_release();
}

static void make(struct snapshots *f, const char *name)
{
    const int64_t checkpoint = 7;
    const struct str text = str_from(name);
    const struct str metadata = STR("{\"a\":1}");
    const int64_t journey = 8;
    const struct session_patch patch = {
        .name = &text, .metadata = &metadata, .checkpoint_id = &checkpoint, .journey_id = &journey};
    struct session session;
    struct error err = {0};

    assert_int_equal(session_create(f->store, &f->owner, &patch, &f->arena, &session, &err),
                     ERR_OK);
}

static size_t n_lines(const struct snapshots *f)
{
    char bytes[65536];
    FILE *file = fopen(f->file, "r");
    size_t n = 0;
    size_t len;

    if (file == NULL) {
        return 0;
    }
    len = fread(bytes, 1, sizeof(bytes), file);
    for (size_t i = 0; i < len; i++) {
        n += bytes[i] == '\n';
    }
    assert_int_equal(fclose(file), 0);
    return n;
}

static void pass_ms(struct snapshots *f, uint64_t ms)
{
    clock_advance(ms);
    (void)deadlines_run(&f->deadlines, clock_now_ms());
}

/* The thread runs in real time: the loop looks again and again until the file is there. */
static bool has_lines(struct snapshots *f, size_t n)
{
    pass_ms(f, LOOK_MS);
    return n_lines(f) == n;
}

static void wait_for_lines(struct snapshots *f, size_t n)
{
    wait_until(has_lines(f, n));
}

static bool is_in_trouble(struct snapshots *f, bool wanted)
{
    pass_ms(f, LOOK_MS);
    return (session_store_trouble(f->store)->since_wall_ms != 0) == wanted;
}

static void wait_for_trouble(struct snapshots *f, bool wanted)
{
    wait_until(is_in_trouble(f, wanted));
}

static size_t listed(struct snapshots *f, struct session **out)
{
    const struct session_filter filter = {.limit = 100};
    size_t total;

    return session_list(f->store, &f->owner, &filter, &f->arena, out, &total);
}

static void what_was_written_beside_the_loop_is_read_again(void **state)
{
    struct snapshots f;
    struct session *sessions;

    (void)state;
    begin(&f, "beside");
    make(&f, "one");
    make(&f, "two");
    pass_ms(&f, INTERVAL_MS);
    wait_for_lines(&f, 3); /* and the checksum */
    make(&f, "three");
    pass_ms(&f, INTERVAL_MS);
    wait_for_lines(&f, 4);
    session_store_close(f.store);
    open_store(&f);
    assert_int_equal(listed(&f, &sessions), 3);
    assert_true(str_is(sessions[0].name, "three"));
    assert_true(str_is(sessions[2].metadata, "{\"a\":1}"));
    assert_int_equal(sessions[2].checkpoint_id, 7);
    assert_int_equal(sessions[2].journey_id, 8);
    end(&f);
}

/* A thread may still be writing what was then: the last word is that of the end. */
static void the_end_writes_what_is_there_then(void **state)
{
    struct snapshots f;
    struct session *sessions;

    (void)state;
    begin(&f, "end");
    for (int i = 0; i < 20; i++) {
        make(&f, "early");
        pass_ms(&f, INTERVAL_MS); /* may begin to write */
        make(&f, "late");
        session_store_close(f.store);
        open_store(&f);
        assert_int_equal(listed(&f, &sessions), 2 * (i + 1));
    }
    end(&f);
}

static void a_file_that_cannot_be_written_is_tried_again(void **state)
{
    struct snapshots f;

    (void)state;
    begin(&f, "again");
    assert_int_equal(unlink(f.file), 0);
    assert_int_equal(rmdir(f.folder), 0);
    make(&f, "one");
    assert_int_equal(session_store_trouble(f.store)->since_wall_ms, 0);
    pass_ms(&f, INTERVAL_MS);
    wait_for_trouble(&f, true); /* it fails meanwhile, and that is known */
    assert_true(str_contains(str_from(session_store_trouble(f.store)->last_error),
                             STR("No such file or directory")));
    assert_int_equal(n_lines(&f), 0);
    assert_int_equal(mkdir(f.folder, 0700), 0);
    pass_ms(&f, INTERVAL_MS);
    wait_for_lines(&f, 2);
    wait_for_trouble(&f, false);
    end(&f);
}

/* Both wall clocks are wrong, each in its own way; the sessions' ages are right. */
static void ages_survive_a_restart_and_a_wrong_wall_clock(void **state)
{
    struct snapshots f;
    struct session *sessions;

    (void)state;
    begin(&f, "ages");
    make(&f, "one"); /* ends after 600 s */
    clock_jump_wall(INT64_C(31536000000));
    clock_advance(400000);
    session_store_close(f.store);
    clock_advance(100000); /* the restart */
    open_store(&f);
    assert_int_equal(listed(&f, &sessions), 1);
    assert_int_equal(sessions[0].expires_ms, clock_wall_ms() + 100000);
    clock_jump_wall(INT64_C(-31536000000));
    clock_advance(99999);
    assert_int_equal(listed(&f, &sessions), 1);
    clock_advance(1);
    assert_int_equal(listed(&f, &sessions), 0);
    end(&f);
}

/* A wall clock that was set back between two starts makes nobody immortal. */
static void times_in_the_future_are_taken_for_now(void **state)
{
    struct snapshots f;
    struct session *sessions;

    (void)state;
    begin(&f, "future");
    make(&f, "one");
    session_store_close(f.store);
    clock_jump_wall(-900000);
    open_store(&f);
    assert_int_equal(listed(&f, &sessions), 1);
    clock_advance(600000);
    assert_int_equal(listed(&f, &sessions), 0);
    end(&f);
}

/* What cannot be read is neither believed nor written over; a pipe would be waited for. */
static void what_is_not_a_file_stops_the_start(void **state)
{
    const struct session_options options = {.max_active = 100,
                                            .timeout_s = 600,
                                            .max_age_s = 6000,
                                            .max_queue = 3,
                                            .snapshot_interval_s = INTERVAL_MS / 1000};
    struct session_options with_file = options;
    struct session_store *store = NULL;
    struct snapshots f;
    struct error err = {0};
    char beside[176];

    (void)state;
    begin(&f, "pipe");
    make(&f, "one");
    str_copy(beside, sizeof(beside), str_from(f.file));
    str_copy(beside + strlen(beside), sizeof(beside) - strlen(beside), STR(".new"));
    assert_int_equal(mkfifo(beside, 0600), 0); /* where the new one is written */
    assert_int_equal(session_store_save(f.store, &err), ERR_OK);
    assert_int_equal(n_lines(&f), 2);
    session_store_close(f.store);

    assert_int_equal(unlink(f.file), 0);
    assert_int_equal(mkfifo(f.file, 0600), 0);
    with_file.snapshot_file = str_from(f.file);
    assert_int_equal(session_store_open(&f.deadlines, &f.later, &with_file, &store, &err),
                     ERR_CONFIG);
    assert_true(str_contains(str_from(err.text), STR("a pipe")));
    assert_null(store);
    assert_int_equal(unlink(f.file), 0);
    open_store(&f);
    end(&f);
}

int test_snapshot(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_beside_the_loop_is_read_again),
        cmocka_unit_test(the_end_writes_what_is_there_then),
        cmocka_unit_test(a_file_that_cannot_be_written_is_tried_again),
        cmocka_unit_test(ages_survive_a_restart_and_a_wrong_wall_clock),
        cmocka_unit_test(times_in_the_future_are_taken_for_now),
        cmocka_unit_test(what_is_not_a_file_stops_the_start),
    };

    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
