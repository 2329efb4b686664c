/* The chain of an audit file: what breaks it, and what goes on with it. */
#include "harness/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "events/audit_internal.h"
#include "events/journal.h"
#include "harness/cloud_server.h"
#include "harness/wait.h"
#include "net/loop.h"
#include "observe/fact.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "store/keep.h"
#include "store/store.h"

enum { TEXT_MAX = 8 << 20 };

int test_audit(void);

struct fixture {
    struct loop loop;
    struct audit *audit;
    char folder[64];
    char file[96];
    struct buf text;
    bool closed;
};

static struct fixture fixture;

static void on_closed(void *context)
{
    ((struct fixture *)context)->closed = true;
}

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

static void note(const char *action)
{
    struct fact fact = {.kind = FACT_REQUEST, .outcome = "ok", .action = action, .status = 200};

    str_copy(fact.principal, sizeof(fact.principal), STR("ci"));
    fact_note(&fact);
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

static int set_up(void **state)
{
    (void)state;
    fixture = (struct fixture){.closed = false};
    loop_init(&fixture.loop);
    buf_init(&fixture.text, TEXT_MAX);
    str_copy(fixture.folder, sizeof(fixture.folder), STR("/tmp/vp-audit-XXXXXX"));
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.file, sizeof(fixture.file), "%s/a.jsonl", fixture.folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture.folder);
    assert_int_equal(system(command), 0);
    buf_done(&fixture.text);
    loop_done(&fixture.loop);
    return 0;
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

static void a_file_has_one_writer(void **state)
{
    struct error err = {0};
    struct audit *first;

    (void)state;
    assert_int_equal(open_audit(0, &err), ERR_OK);
    first = fixture.audit;
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

/* --- the stream of a store that processes share */
static struct {
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct store *store;
    struct keeps *keeps;
    struct journal *journal;
} shared;

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static int set_up_shared(void **state)
{
    const struct store_options options = {
        .prefix = STR("vp:"), .timeout_ms = 10000, .max_bytes = TEXT_MAX};
    struct error err = {0};

    metrics_open();
    (void)set_up(state);
    assert_int_equal(uv_timer_init(&fixture.loop.uv, &shared.alive), 0);
    assert_int_equal(uv_timer_start(&shared.alive, on_alive, 1, 1), 0);
    assert_int_equal(store_open_memory(&fixture.loop, &options, &shared.store, &err), ERR_OK);
    shared.keeps = keeps_open(shared.store);
    shared.journal = journal_open(&fixture.loop, shared.store, true);
    return 0;
}

static void wait_closed(void)
{
    wait_until(((void)loop_turn(&fixture.loop, false), fixture.closed));
    fixture.closed = false;
}

static int tear_down_shared(void **state)
{
    fixture.closed = false;
    journal_close(shared.journal, on_closed, &fixture);
    wait_closed();
    keeps_close(shared.keeps, on_closed, &fixture);
    wait_closed();
    store_close(shared.store, on_closed, &fixture);
    wait_closed();
    uv_close((uv_handle_t *)&shared.alive, NULL);
    (void)tear_down(state);
    metrics_done();
    return 0;
}

static void close_shared(void)
{
    audit_close(fixture.audit, on_closed, &fixture);
    wait_closed();
}

static void open_shared(const char *chain)
{
    const struct audit_options options = {
        .chain = str_from(chain), .journal = shared.journal, .keeps = shared.keeps};
    struct error err = {0};

    fixture.closed = false;
    assert_int_equal(audit_open(&fixture.loop, &options, &fixture.audit, &err), ERR_OK);
}

static void open_shared_file(void)
{
    const struct audit_options options = {
        .file = fixture.file, .chain = STR("a"), .journal = shared.journal, .keeps = shared.keeps};
    struct error err = {0};

    fixture.closed = false;
    assert_int_equal(audit_open(&fixture.loop, &options, &fixture.audit, &err), ERR_OK);
}

/* `number` lines or more are in the stream, and so is the place. */
static bool is_at(uint64_t number)
{
    const struct audit *audit = fixture.audit;

    (void)loop_turn(&fixture.loop, false);
    return audit->head.number >= number && audit->batch.len == 0 && !audit->writes &&
           !audit->acts && !place_is_busy(&audit->place) &&
           audit->place.position == audit->feed.position;
}

/* A life that writes `n` lines and more, each in an entry of its own. Returns the number of the last one. */
static uint64_t live(const char *chain, unsigned n)
{
    uint64_t number;

    open_shared(chain);
    wait_until(is_at(1)); /* audit.started, and what was noted before it */
    for (unsigned i = 0; i < n; i++) {
        number = fixture.audit->head.number;
        note("/api/v1/sessions");
        wait_until(is_at(number + 1));
    }
    number = fixture.audit->head.number;
    close_shared();
    return number;
}

/* Names of pods are that long, and differ at their end. */
static void a_chain_of_a_long_name_goes_on(void **state)
{
    static const char *const chains[] = {
        "a-machine-whose-name-has-sixty-one-characters-as-pods-have-61",
        "a-machine-whose-name-has-64-characters-the-most-that-Linux-takes",
    };

    uint64_t number;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        assert_int_equal(strlen(chains[i]), i == 0 ? 61 : 64);
        number = live(chains[i], 2);
        open_shared(chains[i]);
        wait_until(((void)loop_turn(&fixture.loop, false), fixture.audit->place.version > 0));
        assert_string_equal(fixture.audit->place.writer,
                            chains[i]); /* so it need not read it all */
        wait_until(is_at(number + 1));
        assert_string_equal(fixture.audit->head.chain, chains[i]);
        close_shared();
    }
}

static void (*begin_duty)(struct duty *duty);

static void begin_and_close(struct duty *duty)
{
    begin_duty(duty);
    assert_true(place_is_busy(&fixture.audit->place));
    audit_close(fixture.audit, on_closed, &fixture);
}

/* Before it has its lease, and while its place is being read. */
static void it_may_be_closed_before_it_writes(void **state)
{
    (void)state;
    open_shared("a");
    close_shared();
    open_shared("a");
    begin_duty = fixture.audit->duty.on_begin;
    fixture.audit->duty.on_begin = begin_and_close;
    wait_closed();
}

static void expire_now(struct deadline *deadline)
{
    assert_true(deadline_is_set(deadline));
    deadline_set(&fixture.loop.deadlines, deadline, 0, deadline->on_expire);
    (void)deadlines_run(&fixture.loop.deadlines, clock_now_ms());
}

static void tell_head_now(void)
{
    expire_now(&fixture.audit->tell_head);
}

/* A line in the middle is not the last one. */
static void no_hash_is_told_while_the_end_of_the_chain_is_read(void **state)
{
    uint64_t number;

    (void)state;
    number = live("a", 6);
    open_shared("a");
    wait_until(((void)loop_turn(&fixture.loop, false), fixture.audit->acts));
    fixture.audit->head.number = number - 2; /* as far as it was read */
    tell_head_now();
    assert_int_equal(fixture.audit->told.number, 0);
    wait_until(is_at(number + 1));
    tell_head_now();
    assert_int_equal(fixture.audit->told.number, fixture.audit->head.number);
    close_shared();
}

static bool turned(void)
{
    (void)loop_turn(&fixture.loop, false);
    return false;
}

/* Another process writes now: what failed here is no trouble of this one any more. */
static void trouble_ends_with_the_duty(void **state)
{
    int good;

    (void)state;
    open_shared_file();
    wait_until(is_at(1));
    good = fixture.audit->file.fd;
    fixture.audit->file.fd = open("/dev/full", O_WRONLY | O_APPEND);
    note("/api/v1/sessions");
    wait_until(turned() || trouble_is_any());
    assert_string_equal(trouble_now(TROUBLE_AUDIT)->why, "No space left on device");
    assert_false(fixture.audit->writes);
    duty_yield(&fixture.audit->duty);
    assert_false(trouble_is_any());
    assert_int_equal(close(good), 0);
    close_shared();
}

/* A thread that writes waits until somebody reads from the pipe. */
static void stand_still(int ends[2])
{
    char page[4096] = {0};

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], page, sizeof(page)) > 0) {
    }
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(close(fixture.audit->file.fd), 0);
    fixture.audit->file.fd = ends[1];
    note("/api/v1/sessions");
    wait_until(turned() || fixture.audit->writes);
}

static void go_on(int ends[2])
{
    char page[4096];

    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    wait_until(turned() || (read(ends[0], page, sizeof(page)) <= 0 && !fixture.audit->writes));
    assert_int_equal(close(ends[0]), 0);
}

/* It is on duty again before the thread is done. */
static void a_file_stays_open_while_it_is_written(void **state)
{
    int ends[2];

    (void)state;
    open_shared_file();
    wait_until(is_at(1));
    stand_still(ends);
    duty_yield(&fixture.audit->duty);
    expire_now(&fixture.audit->duty.again);
    wait_until(turned() || trouble_is_any());
    assert_string_equal(trouble_now(TROUBLE_AUDIT)->why, "it is still being written");
    assert_int_equal(fixture.audit->file.fd, ends[1]);
    assert_true(fixture.audit->batch.len > 0);
    go_on(ends);
    assert_int_equal(fixture.audit->file.fd, -1);
    close_shared();
}

int test_audit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chain_goes_on_over_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_change_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_end_shows_in_the_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_line_is_closed_by_its_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_its_line_end_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_changed_is_not_gone_on_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_has_one_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_file_is_renamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_hash_is_told_every_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_lost_is_in_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_long_chain_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chain_of_a_long_name_goes_on, set_up_shared,
                                        tear_down_shared),
        cmocka_unit_test_setup_teardown(it_may_be_closed_before_it_writes, set_up_shared,
                                        tear_down_shared),
        cmocka_unit_test_setup_teardown(no_hash_is_told_while_the_end_of_the_chain_is_read,
                                        set_up_shared, tear_down_shared),
        cmocka_unit_test_setup_teardown(trouble_ends_with_the_duty, set_up_shared,
                                        tear_down_shared),
        cmocka_unit_test_setup_teardown(a_file_stays_open_while_it_is_written, set_up_shared,
                                        tear_down_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
