/* The chain of an audit file: what breaks it, and what goes on with it. */
#include "audit_stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "harness/cloud_server.h"
#include "harness/wait.h"
#include "observe/metrics.h"

int test_audit(void);

static enum error_code open_audit(uint64_t max_bytes, struct error *err)
{
    const struct audit_options options = {
        .file = fixture.file, .chain = STR("a"), .max_bytes = max_bytes};

    fixture.closed = false;
    return audit_open(&fixture.loop, &options, &fixture.audit, err);
}

static void close_audit(void)
{
    audit_close(fixture.audit, on_closed, &fixture);
    while (!fixture.closed) {
        (void)loop_turn(&fixture.loop, true);
    }
}

/* A whole life of a process: its start line, and one line a note. */
static void write_life(uint64_t max_bytes, unsigned n)
{
    struct error err = {0};

    assert_int_equal(open_audit(max_bytes, &err), ERR_OK);
    for (unsigned i = 0; i < n; i++) {
        note("/api/v1/sessions");
    }
    close_audit();
}

static void read_file(void)
{
    struct error err = {0};

    buf_clear(&fixture.text);
    assert_int_equal(fd_read_file(fixture.file, &fixture.text, &err), ERR_OK);
}

static void write_file(struct str text)
{
    int fd = open(fixture.file, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, text));
    assert_int_equal(close(fd), 0);
}

static enum error_code check(struct audit_check *out, struct error *err)
{
    *out = (struct audit_check){0};
    read_file();
    return audit_check_text(out, buf_view(&fixture.text), err);
}

static void a_chain_goes_on_over_restarts(void **state)
{
    struct audit_check result;
    struct error err = {0};

    (void)state;
    write_life(0, 3);
    write_life(0, 250); /* more than one batch */
    assert_int_equal(check(&result, &err), ERR_OK);
    assert_int_equal(result.n_lines, 1 + 3 + 1 + 250);
    assert_int_equal(result.last, result.n_lines);
    assert_false(result.has_torn);
}

/* Each line of the file in turn: taken out, doubled, and with another letter in it. */
static void every_change_is_found(void **state)
{
    struct audit_check result;
    struct error err = {0};
    struct buf whole;

    (void)state;
    write_life(0, 4);
    read_file();
    buf_init(&whole, TEXT_MAX);
    buf_str(&whole, buf_view(&fixture.text));
    for (size_t at = 0; at < whole.len;) {
        size_t end = at;
        struct buf changed;

        while (whole.ptr[end] != '\n') {
            end++;
        }
        end++;
        buf_init(&changed, TEXT_MAX);
        if (end < whole.len && at > 0) { /* the first and the last: see below */
            buf_append(&changed, whole.ptr, at);
            buf_append(&changed, whole.ptr + end, whole.len - end);
            write_file(buf_view(&changed));
            assert_int_equal(check(&result, &err), ERR_INVALID);
        }
        buf_clear(&changed);
        buf_append(&changed, whole.ptr, end);
        buf_append(&changed, whole.ptr + at, whole.len - at);
        write_file(buf_view(&changed));
        assert_int_equal(check(&result, &err), ERR_INVALID);
        buf_clear(&changed);
        buf_str(&changed, buf_view(&whole));
        changed.ptr[at + 30] ^= 1;
        write_file(buf_view(&changed));
        assert_int_equal(check(&result, &err), ERR_INVALID);
        buf_done(&changed);
        at = end;
    }
    buf_done(&whole);
}

/* Nobody can see a cut end in the file alone: the hash of the last line is another one. */
static void a_cut_end_shows_in_the_hash(void **state)
{
    struct audit_check whole;
    struct audit_check cut;
    struct error err = {0};
    size_t at;

    (void)state;
    write_life(0, 4);
    assert_int_equal(check(&whole, &err), ERR_OK);
    at = fixture.text.len - 1;
    while (fixture.text.ptr[at - 1] != '\n') {
        at--;
    }
    buf_truncate(&fixture.text, at);
    write_file(buf_view(&fixture.text));
    assert_int_equal(check(&cut, &err), ERR_OK);
    assert_int_equal(cut.last + 1, whole.last);
    assert_string_not_equal(cut.hash, whole.hash);
}

/* In the same moment, with the same number: one of two that use one chain by mistake would take the line for its own. */
static void no_two_writers_write_the_same_line(void **state)
{
    struct audit_head heads[2] = {{.number = 0}};
    struct buf lines[2];

    (void)state;
    clock_set(1000000, 1);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        audit_head_first(&heads[i]);
        buf_init(&lines[i], (size_t)2 * AUDIT_LINE_MAX);
        audit_write_mark(&lines[i], &heads[i], "audit.started", "time_ms", 1);
    }
    clock_release();
    assert_true(lines[0].len > 0);
    assert_false(str_eq(buf_view(&lines[0]), buf_view(&lines[1])));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_done(&lines[i]);
    }
}

static void a_torn_line_is_closed_by_its_writer(void **state)
{
    struct audit_check result;
    struct error err = {0};

    (void)state;
    write_life(0, 3);
    read_file();
    buf_truncate(&fixture.text, fixture.text.len - 40);
    write_file(buf_view(&fixture.text));
    assert_int_equal(check(&result, &err), ERR_INVALID);
    write_life(0, 2);
    assert_int_equal(check(&result, &err), ERR_OK);
    assert_true(result.has_torn);
}

static void a_line_without_its_line_end_is_whole(void **state)
{
    struct audit_check result;
    struct error err = {0};

    (void)state;
    write_life(0, 3);
    read_file();
    buf_truncate(&fixture.text, fixture.text.len - 1);
    write_file(buf_view(&fixture.text));
    write_life(0, 2);
    assert_int_equal(check(&result, &err), ERR_OK);
    assert_false(result.has_torn);
}

static void a_file_that_was_changed_is_not_gone_on_with(void **state)
{
    struct error err = {0};

    (void)state;
    write_life(0, 3);
    read_file();
    fixture.text.ptr[fixture.text.len - 10] ^= 1;
    write_file(buf_view(&fixture.text));
    assert_int_equal(open_audit(0, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "audit verify"));
    assert_int_equal(strncmp(err.text, "audit.file: ", 12), 0);
}

/* What audit_open would say, and nothing is written: the torn line stays as it is. */
static void a_file_is_tried_without_a_change(void **state)
{
    struct error err = {0};
    struct stat before;
    struct stat after;

    (void)state;
    assert_int_equal(audit_try(fixture.file, &err), ERR_OK);
    assert_int_equal(access(fixture.file, F_OK), -1);
    write_life(0, 3);
    read_file();
    buf_truncate(&fixture.text, fixture.text.len - 40);
    write_file(buf_view(&fixture.text));
    assert_int_equal(stat(fixture.file, &before), 0);
    assert_int_equal(audit_try(fixture.file, &err), ERR_OK);
    assert_int_equal(stat(fixture.file, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    write_file(STR("garbage\n"));
    assert_int_equal(audit_try(fixture.file, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "audit verify"));
}

static void a_file_has_one_writer(void **state)
{
    struct error err = {0};
    struct audit *first;

    (void)state;
    assert_int_equal(open_audit(0, &err), ERR_OK);
    first = fixture.audit;
    assert_int_equal(audit_try(fixture.file, &err),
                     ERR_OK); /* it would be written after that one */
    assert_int_equal(open_audit(0, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "another process"));
    fixture.audit = first;
    close_audit();
}

/* The chain goes over from file to file. */
static void a_full_file_is_renamed(void **state)
{
    char command[1024];

    (void)state;
    write_life(1000, 30);
    write_life(1000, 30);
    (void)snprintf(
        command, sizeof(command),
        "test $(ls '%s' | wc -l) -ge 3 && cat $(ls '%s'/a.jsonl.* | sort) '%s' > '%s/all' "
        "&& mv '%s/all' '%s'",
        fixture.folder, fixture.folder, fixture.file, fixture.folder, fixture.folder, fixture.file);
    assert_int_equal(system(command), 0);
    {
        struct audit_check result;
        struct error err = {0};

        assert_int_equal(check(&result, &err), ERR_OK);
        assert_int_equal(result.n_lines, 62);
    }
}

/* While the thread writes, or the disk is full, the ring goes on; what it has lost is counted in the file. */
static void what_was_lost_is_in_the_chain(void **state)
{
    char line[64];
    struct audit_check result;
    struct error err = {0};

    (void)state;
    assert_int_equal(open_audit(0, &err), ERR_OK);
    for (unsigned i = 0; i < FACTS_KEPT + 17; i++) {
        note("/api/v1/sessions");
    }
    close_audit();
    assert_int_equal(check(&result, &err), ERR_OK);
    (void)snprintf(line, sizeof(line), "\"audit.lost\",\"events\":%u,", 17U);
    assert_non_null(strstr(buf_cstr(&fixture.text), line));
    assert_int_equal(result.n_lines, 1 + 1 + FACTS_KEPT);
}

/* Once a minute, when there is something new: a fact like any other. */
static void the_last_hash_is_told_every_minute(void **state)
{
    struct audit_check result;
    struct error err = {0};
    const struct fact *fact;
    uint64_t before;

    (void)state;
    clock_set(clock_now_ms(), clock_wall_ms());
    assert_int_equal(open_audit(0, &err), ERR_OK);
    note("/api/v1/sessions");
    wait_until(((void)loop_turn(&fixture.loop, false), fixture.audit->head.number == 1) &&
               !fixture.audit->writes);
    clock_advance(AUDIT_GATHER_MS);
    (void)deadlines_run(&fixture.loop.deadlines, clock_now_ms()); /* the loop's alarm is real */
    wait_until(((void)loop_turn(&fixture.loop, false), fixture.audit->head.number == 2) &&
               !fixture.audit->writes);
    before = facts_newest();
    clock_advance(60000);
    (void)deadlines_run(&fixture.loop.deadlines, clock_now_ms());
    fact = fact_at(before + 1);
    assert_non_null(fact);
    assert_int_equal(fact->kind, FACT_AUDIT_HEAD);
    assert_int_equal(check(&result, &err), ERR_OK);
    assert_string_equal(fact->subject, result.hash);
    assert_int_equal(fact->ids[0].value, result.last);
    assert_string_equal(fact->name, "a"); /* the chain */
    clock_advance(60000);
    (void)deadlines_run(&fixture.loop.deadlines, clock_now_ms());
    assert_int_equal(facts_newest(), before + 1); /* nothing new */
    clock_release();
    close_audit();
}

/* --- a bucket */
enum { OBJECTS = 250 };

static void on_made(void *context, const struct store_bucket_told *told)
{
    assert_int_equal(told->end, BUCKET_DONE);
    *(bool *)context = true;
}

static void on_bucket_closed(void *context)
{
    *(bool *)context = true;
}

static void turn_until(const bool *done)
{
    while (!*done) { /* each request has a deadline */
        (void)loop_turn(&fixture.loop, true);
    }
}

/* Objects 1 to OBJECTS of a chain that is not ours to judge: more than one list tells. */
static void make_objects(const struct store_cloud *where)
{
    struct store_bucket *bucket;
    struct error err = {0};
    bool done = false;

    assert_int_equal(store_bucket_open(&fixture.loop, where, &done, &bucket, &err), ERR_OK);
    for (unsigned i = 1; i <= OBJECTS; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "a/%012u.jsonl", i);
        done = false;
        store_bucket_create(bucket, str_from(key), STR("x\n"), on_made);
        turn_until(&done);
    }
    done = false;
    store_bucket_close(bucket, on_bucket_closed);
    turn_until(&done);
}

/* Two lives behind them: the first has no line to follow, the second follows that one. */
static void the_end_of_a_long_chain_is_found(void **state)
{
    const struct store_cloud where = {
        .kind = STORE_S3, .bucket = STR("qa-bucket"), .folder = STR("audit")};
    const struct audit_options options = {.bucket = &where, .chain = STR("a")};
    static struct cloud_server server; /* the environment points into it */
    struct error err = {0};

    (void)state;
    metrics_open();
    cloud_server_start(&server, NULL);
    for (const char *const *row = cloud_server_env(&server, "keys", ""); *row != NULL; row++) {
        assert_int_equal(putenv(unconst(*row)), 0);
    }
    make_objects(&where);
    for (unsigned life = 1; life <= 2; life++) {
        fixture.closed = false;
        assert_int_equal(audit_open(&fixture.loop, &options, &fixture.audit, &err), ERR_OK);
        wait_until(((void)loop_turn(&fixture.loop, false),
                    fixture.audit->is_found && !fixture.audit->writes));
        assert_int_equal(fixture.audit->head.number, OBJECTS + life); /* audit.started */
        close_audit();
        assert_int_equal(server.seen->n_items, OBJECTS + life);
    }
    assert_true(server.seen->n_named < 10 * OBJECTS); /* by halves, not from the first on */
    cloud_server_done(&server);
    metrics_done();
}

int test_audit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chain_goes_on_over_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_change_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_end_shows_in_the_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_two_writers_write_the_same_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_line_is_closed_by_its_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_its_line_end_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_changed_is_not_gone_on_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_tried_without_a_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_has_one_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_file_is_renamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_hash_is_told_every_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_lost_is_in_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_long_chain_is_found, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
