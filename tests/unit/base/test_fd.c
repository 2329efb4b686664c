/* Files that are read whole: regular ones only, and never for ever. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/wait.h"

#include "base/clock.h"
#include "base/fd.h"

#define SCRATCH VP_SCRATCH_DIR "/test_fd"

static void write_file(const char *text)
{
    int fd = open(SCRATCH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, str_from(text)));
    assert_int_equal(close(fd), 0);
}

static void a_file_is_read_whole_or_refused(void **state)
{
    struct buf text;
    struct error err = {0};

    (void)state;
    write_file("0123456789");
    buf_init(&text, 10);
    assert_int_equal(fd_read_file(SCRATCH, &text, &err), ERR_OK);
    assert_true(str_is(buf_view(&text), "0123456789"));
    buf_done(&text);

    buf_init(&text, 9);
    assert_int_equal(fd_read_file(SCRATCH, &text, &err), ERR_IO);
    assert_true(str_contains(str_from(err.text), STR("longer than 9 bytes")));
    buf_done(&text);

    write_file("");
    buf_init(&text, 9);
    assert_int_equal(fd_read_file(SCRATCH, &text, &err), ERR_OK);
    assert_int_equal(text.len, 0);
    buf_done(&text);
    assert_int_equal(unlink(SCRATCH), 0);
}

/* Without O_NONBLOCK this test would not end. */
static void what_is_not_a_regular_file_is_refused_at_once(void **state)
{
    struct error err = {0};

    (void)state;
    (void)unlink(SCRATCH);
    assert_int_equal(mkfifo(SCRATCH, 0600), 0);
    assert_int_equal(fd_open_regular(SCRATCH, &err), -1);
    assert_true(str_contains(str_from(err.text), STR("a pipe")));
    assert_int_equal(unlink(SCRATCH), 0);

    assert_int_equal(fd_open_regular(VP_SCRATCH_DIR, &err), -1);
    assert_true(str_contains(str_from(err.text), STR("a directory")));
    assert_int_equal(fd_open_regular("/dev/zero", &err), -1);
    assert_true(str_contains(str_from(err.text), STR("a device")));
    assert_int_equal(fd_open_regular(SCRATCH, &err), -1);
    assert_true(str_contains(str_from(err.text), STR("No such file")));
}

/* What cannot be put in its place is gone, and what is there stays. */
static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    const char *const folder = SCRATCH "_folder";
    struct buf text;
    struct error err = {0};

    (void)state;
    write_file("old");
    assert_true(fd_replace(SCRATCH, SCRATCH ".part", STR("new"), 0600));
    buf_init(&text, 9);
    assert_int_equal(fd_read_file(SCRATCH, &text, &err), ERR_OK);
    assert_true(str_is(buf_view(&text), "new"));
    buf_done(&text);
    assert_int_equal(access(SCRATCH ".part", F_OK), -1);
    assert_int_equal(unlink(SCRATCH), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_false(fd_replace(folder, SCRATCH ".part", STR("new"), 0600));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(access(SCRATCH ".part", F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
}

static void the_clocks_go_their_own_ways(void **state)
{
    uint64_t now_ms;

    (void)state;
    clock_set(1000, 5000000);
    clock_advance(10);
    clock_suspend(500);
    clock_jump_wall(-4000000);
    assert_int_equal(clock_now_ms(), 1010);
    assert_int_equal(clock_now_us(), 1010000);
    assert_int_equal(clock_age_ms(), 1510);
    assert_int_equal(clock_wall_ms(), 1000510);
    clock_release();
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
    now_ms = clock_now_ms(); /* first: a busy machine may take its time between the two */
    assert_true(clock_age_ms() + 1 >= now_ms);
}

/* Until each clock has another time: without it one of them might not have moved at all. */
static void let_time_pass(void)
{
    uint64_t now_us = clock_now_us();
    uint64_t age_ms = clock_age_ms();
    int64_t wall_ms = clock_wall_ms();

    while (clock_now_us() == now_us || clock_age_ms() == age_ms || clock_wall_ms() == wall_ms) {
    }
}

static void a_turn_reads_the_clock_once(void **state)
{
    uint64_t now_us;
    uint64_t age_ms;
    int64_t wall_ms;

    (void)state;
    clock_turn_begin();
    now_us = clock_turn_us();
    age_ms = clock_turn_age_ms();
    wall_ms = clock_turn_wall_ms();
    let_time_pass();
    assert_true(clock_turn_us() == now_us && clock_turn_ms() == now_us / 1000);
    assert_true(clock_turn_age_ms() == age_ms && clock_turn_wall_ms() == wall_ms);
    clock_set(7, 8); /* tests drive it in a turn, too */
    assert_true(clock_turn_ms() == 7 && clock_turn_age_ms() == 7 && clock_turn_wall_ms() == 8);
    clock_release();
    clock_turn_begin();
    assert_true(clock_turn_us() > now_us && clock_turn_age_ms() > age_ms);
    assert_true(clock_turn_wall_ms() > wall_ms);
    clock_turn_end();
    now_us = clock_turn_us();
    let_time_pass();
    assert_true(clock_turn_us() > now_us);
}

static void a_file_is_created_with_the_folders_above_it(void **state)
{
    static const char name[] = VP_SCRATCH_DIR "/test_fd_made/a/b";
    struct buf text;
    int fds[2];
    int fd = fd_create(name, O_TRUNC, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, STR("made")));
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(VP_SCRATCH_DIR "/test_fd_made/a"), 0);
    assert_int_equal(rmdir(VP_SCRATCH_DIR "/test_fd_made"), 0);
    assert_true(fd_create("/proc/no/such/folder", 0, 0600) < 0);

    assert_int_equal(pipe(fds), 0); /* a stream is read to its end, up to the ceiling */
    assert_true(fd_write_all(fds[1], STR("0123456789")));
    assert_int_equal(close(fds[1]), 0);
    buf_init(&text, 10);
    assert_true(fd_read_all(fds[0], &text));
    assert_true(str_is(buf_view(&text), "0123456789"));
    buf_done(&text);
    assert_int_equal(close(fds[0]), 0);
}

int test_fd(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_or_refused),
        cmocka_unit_test(what_is_not_a_regular_file_is_refused_at_once),
        cmocka_unit_test(a_file_is_created_with_the_folders_above_it),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(the_clocks_go_their_own_ways),
        cmocka_unit_test(a_turn_reads_the_clock_once),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("files and clocks", tests, NULL, NULL);
}
