/* The audit of a store that processes share: its stream, and its file on duty. */
#include "audit_stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "events/journal.h"
#include "harness/wait.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "store/keep.h"
#include "store/store.h"

int test_audit_share(void);

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

static void read_all(int ends[2])
{
    char page[4096];

    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    wait_until(turned() || read(ends[0], page, sizeof(page)) == 0); /* the file is closed */
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
    read_all(ends);
    assert_int_equal(fixture.audit->file.fd, -1);
    close_shared();
}

/* As if another process had the duty from now on. */
static void lose_duty(struct audit *audit)
{
    duty_yield(&audit->duty);
    duty_close(&audit->duty);
}

static void begin_close_and_lose(struct duty *duty)
{
    begin_and_close(duty);
    lose_duty(fixture.audit);
}

static void it_closes_also_if_its_duty_ends(void **state)
{
    (void)state;
    open_shared("a");
    begin_duty = fixture.audit->duty.on_begin;
    fixture.audit->duty.on_begin = begin_close_and_lose;
    wait_until(turned() || fixture.audit->closing);
    assert_false(fixture.closed);
    expire_now(&fixture.audit->last_words);
    wait_closed();
}

/* Not before the thread is done, however long that takes. */
static void it_closes_when_its_file_is_written(void **state)
{
    int ends[2];

    (void)state;
    open_shared_file();
    wait_until(is_at(1));
    stand_still(ends);
    audit_close(fixture.audit, on_closed, &fixture);
    lose_duty(fixture.audit);
    expire_now(&fixture.audit->last_words);
    assert_false(fixture.closed);
    assert_true(deadline_is_set(&fixture.audit->last_words));
    read_all(ends);
    wait_closed();
}

/* It is on duty again, and its file is another's. */
static void it_closes_without_its_file(void **state)
{
    int fd = open(fixture.file, O_RDWR | O_CREAT, 0600);

    (void)state;
    assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    open_shared_file();
    begin_duty = fixture.audit->duty.on_begin;
    fixture.audit->duty.on_begin = begin_and_close;
    wait_closed();
    assert_false(trouble_is_any());
    assert_int_equal(close(fd), 0);
}

int test_audit_share(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test_setup_teardown(it_closes_also_if_its_duty_ends, set_up_shared,
                                        tear_down_shared),
        cmocka_unit_test_setup_teardown(it_closes_when_its_file_is_written, set_up_shared,
                                        tear_down_shared),
        cmocka_unit_test_setup_teardown(it_closes_without_its_file, set_up_shared,
                                        tear_down_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
