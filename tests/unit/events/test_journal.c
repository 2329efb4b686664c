/* The journal: facts as bytes, what one process notes read back by it, and feeds that fell behind. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "../store/rewind.h"
#include "base/clock.h"
#include "events/events.h"
#include "events/feed.h"
#include "events/journal_internal.h"
#include "observe/metrics.h"
#include "store/store.h"

enum { STORE_BYTES = 16 << 20 };

struct here {
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct store *store;
    struct journal *journal;
    struct feed feed;
    bool closed;
};

static struct here here;

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static int set_up(void **state)
{
    const struct store_options options = {
        .prefix = STR("vp:"), .timeout_ms = 10000, .max_bytes = STORE_BYTES};
    struct error err = {0};

    (void)state;
    here = (struct here){.closed = false};
    metrics_open();
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, on_alive, 1, 1), 0);
    assert_int_equal(store_open_memory(&here.loop, &options, &here.store, &err), ERR_OK);
    here.journal = journal_open(&here.loop, here.store, true);
    assert_non_null(here.journal);
    return 0;
}

static void on_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static void wait_closed(void)
{
    while (!here.closed) {
        (void)loop_turn(&here.loop, true);
    }
    here.closed = false;
}

static int tear_down(void **state)
{
    (void)state;
    feed_close(&here.feed);
    if (here.journal != NULL) {
        journal_close(here.journal, on_closed, NULL);
        wait_closed();
    }
    store_close(here.store, on_closed, NULL);
    wait_closed();
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    metrics_done();
    return 0;
}

static struct fact some_fact(unsigned n)
{
    struct fact fact = {.kind = FACT_RUN_STEP,
                        .outcome = "failed",
                        .action = "step-navigate to",
                        .method = "POST",
                        .status = 503,
                        .us = 1234567};

    fact.ids[0] = (struct fact_id){"goal_id", 17};
    fact.ids[1] = (struct fact_id){"journey_id", -1};
    fact.owner[31] = 7;
    (void)snprintf(fact.subject, sizeof(fact.subject), "run_%u", n);
    str_copy(fact.principal, sizeof(fact.principal), STR("ci"));
    str_copy(fact.peer, sizeof(fact.peer), STR("127.0.0.1:4"));
    str_copy(fact.request_id, sizeof(fact.request_id), STR("req_1"));
    str_copy(fact.name, sizeof(fact.name), STR("Sign in"));
    return fact;
}

static void note(unsigned n)
{
    struct fact fact = some_fact(n);

    fact_note(&fact);
}

static void turn_until(uint64_t newest)
{
    while (facts_newest() < newest) {
        (void)loop_turn(&here.loop, true);
    }
}

static void a_fact_comes_back_as_it_was(void **state)
{
    uint64_t before = facts_newest();
    const struct fact *fact;
    struct fact wanted = some_fact(1);
    char id[48];

    (void)state;
    note(1);
    assert_int_equal(facts_newest(), before); /* not before the store has it */
    turn_until(before + 1);
    fact = fact_at(before + 1);
    assert_non_null(fact);
    assert_int_equal(fact->kind, wanted.kind);
    assert_string_equal(fact->outcome, wanted.outcome);
    assert_string_equal(fact->action, wanted.action);
    assert_string_equal(fact->method, wanted.method);
    assert_int_equal(fact->status, wanted.status);
    assert_int_equal(fact->us, wanted.us);
    assert_string_equal(fact->ids[0].name, "goal_id");
    assert_int_equal(fact->ids[0].value, 17);
    assert_int_equal(fact->ids[1].value, -1);
    assert_null(fact->ids[2].name);
    assert_memory_equal(fact->owner, wanted.owner, FACT_OWNER_BYTES);
    assert_string_equal(fact->subject, wanted.subject);
    assert_string_equal(fact->principal, wanted.principal);
    assert_string_equal(fact->peer, wanted.peer);
    assert_string_equal(fact->request_id, wanted.request_id);
    assert_string_equal(fact->name, wanted.name);
    assert_true(fact->position > 0);
    cloud_event_id(fact, id);
    assert_int_equal(cloud_event_find(str_from(id)), fact->number);
    assert_int_equal(cloud_event_find(STR("0000000000000000-1")), 0);
}

/* Every prefix of what was packed, and every byte of it changed: no read past the end (sanitizers look). */
static void bytes_that_are_none_of_ours_are_refused(void **state)
{
    struct fact fact = some_fact(1);
    struct packed packed;
    struct buf text;
    struct str rest;

    (void)state;
    buf_init(&text, PACKED_MAX);
    pack_fact(&text, &fact);
    for (size_t len = 0; len < text.len; len++) {
        rest = str_sub(buf_view(&text), 0, len);
        assert_false(unpack(&rest, &packed));
    }
    rest = buf_view(&text);
    assert_true(unpack(&rest, &packed));
    assert_int_equal(rest.len, 0);
    for (size_t at = 0; at < text.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text.ptr[at] = (char)(text.ptr[at] ^ (char)(1U << bit));
            rest = buf_view(&text);
            (void)unpack(&rest, &packed);
            text.ptr[at] = (char)(text.ptr[at] ^ (char)(1U << bit));
        }
    }
    buf_done(&text);
}

static void a_mark_is_no_fact(void **state)
{
    uint64_t before = facts_newest();
    uint64_t entry;

    (void)state;
    entry = journal_mark(here.journal, ".webhook", STR("wh_1"), STR_EMPTY);
    assert_int_equal(journal_mark(here.journal, ".webhook", STR("wh_2"), STR_EMPTY), entry);
    assert_int_equal(journal_gathering(here.journal), entry); /* it has not left */
    note(1);
    turn_until(before + 1);
    assert_true(journal_gathering(here.journal) > entry);
    assert_string_equal(fact_at(before + 1)->subject, "run_1");
}

static unsigned n_news;

static void on_news(struct feed *feed)
{
    (void)feed;
    n_news++;
}

/* Takes what there is; returns how many. Their subjects are run_<first>, and so on. */
static unsigned take(unsigned first)
{
    const struct fact *fact;
    unsigned n = 0;

    while ((fact = feed_next(&here.feed)) != NULL) {
        char subject[FACT_TEXT_MAX];

        (void)snprintf(subject, sizeof(subject), "run_%u", first + n);
        assert_string_equal(fact->subject, subject);
        n++;
    }
    return n;
}

static void a_feed_that_is_overrun_reads_the_journal(void **state)
{
    unsigned n = 3 * FACTS_KEPT;
    uint64_t before;
    unsigned taken = 0;

    (void)state;
    note(0);
    turn_until(facts_newest() + 1);
    feed_open(&here.feed, &here.loop, here.journal, on_news);
    note(0);
    turn_until(facts_newest() + 1);
    assert_int_equal(take(0), 1);
    before = facts_newest();
    for (unsigned i = 0; i < n; i++) {
        note(i);
        if (i % 500 == 499) { /* what gathers is bounded */
            turn_until(before + i + 1);
        }
    }
    turn_until(before + n);
    while (taken < n) {
        taken += take(taken);
        (void)loop_turn(&here.loop, true);
    }
    assert_int_equal(taken, n);
    assert_int_equal(here.feed.n_lost, 0);
    assert_false(here.feed.is_behind);
}

/* In each place of the journal, as another process would that takes over. */
static void a_feed_begins_behind_its_position(void **state)
{
    uint64_t before = facts_newest();
    uint64_t positions[20];

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(positions); i++) {
        note(i);
        if (i % 3 == 0) { /* some entries hold several facts */
            turn_until(before + i + 1);
        }
    }
    turn_until(before + ARRAY_LEN(positions));
    for (unsigned i = 0; i < ARRAY_LEN(positions); i++) {
        positions[i] = fact_at(before + i + 1)->position;
    }
    for (unsigned i = 0; i < ARRAY_LEN(positions); i++) {
        unsigned n = 0;

        feed_open_at(&here.feed, here.journal, positions[i], on_news);
        for (unsigned turns = 0; n < ARRAY_LEN(positions) - i - 1 && turns < 1000; turns++) {
            n += take(i + 1 + n);
            (void)loop_turn(&here.loop, true);
        }
        assert_int_equal(n, ARRAY_LEN(positions) - i - 1);
        assert_int_equal(here.feed.n_lost, 0);
        feed_close(&here.feed);
    }
}

static uint64_t appended;

static void on_appended(struct store_op *op, const struct store_result *result)
{
    (void)op;
    assert_int_equal(result->error.code, ERR_OK);
    appended = result->version;
}

/* The store in memory numbers all that it keeps: the journal has no entry with this number. */
static uint64_t sequence_of_another_stream(void)
{
    const struct store_request request = {
        .kind = STORE_APPEND, .key = STR("other"), .format = 1, .bytes = STR("x"), .limit = 10};
    struct store_op op;

    appended = 0;
    store_start(here.store, &request, &op, on_appended);
    while (appended == 0) {
        (void)loop_turn(&here.loop, true);
    }
    return appended;
}

/* The same with a ring that has lost all of them. */
static void a_feed_begins_far_behind(void **state)
{
    uint64_t before = facts_newest();
    uint64_t position;
    uint64_t elsewhere = sequence_of_another_stream();
    unsigned n = 2 * FACTS_KEPT;
    unsigned taken = 0;

    (void)state;
    note(0);
    turn_until(before + 1);
    position = fact_at(before + 1)->position;
    for (unsigned i = 1; i < n; i++) {
        note(i);
        if (i % 500 == 499) {
            turn_until(before + i + 1);
        }
    }
    turn_until(before + n);
    feed_open_at(&here.feed, here.journal, position, on_news);
    assert_true(here.feed.is_behind);
    while (taken < n - 1) {
        taken += take(1 + taken);
        (void)loop_turn(&here.loop, true);
    }
    assert_int_equal(here.feed.n_lost, 0);
    feed_close(&here.feed);
    /* A place that the journal does not have any more: something is missing, and it says so. */
    feed_open_at(&here.feed, here.journal, position_of(elsewhere, 0), on_news);
    while (store_is_running(&here.feed.read) || here.feed.is_behind) {
        (void)feed_next(&here.feed);
        (void)loop_turn(&here.loop, true);
    }
    assert_int_equal(here.feed.n_lost, 1);
}

static uint64_t dropped(void)
{
    struct buf text;
    ptrdiff_t at;
    int64_t value = 0;
    struct str line;
    struct str rest;

    buf_init(&text, 1 << 20);
    metrics_write(&text, false, "1");
    at = str_find(buf_view(&text), STR("\nvirtuoso_proxy_event_lost_total{consumer=\"journal\"} "));
    if (at >= 0) {
        (void)str_cut(str_sub(buf_view(&text), (size_t)at + 1, text.len), '\n', &line, &rest);
        (void)str_cut(line, ' ', &rest, &line);
        assert_true(str_to_i64(line, 0, INT64_MAX, &value));
    }
    buf_done(&text);
    return (uint64_t)value;
}

/* Nobody waits, memory is bounded, and what is dropped is counted; what was taken is kept. */
static void what_gathers_is_bounded(void **state)
{
    uint64_t before = facts_newest();
    unsigned n = 0;

    (void)state;
    while (dropped() == 0) {
        for (unsigned i = 0; i < 100; i++) {
            note(n++);
        }
    }
    assert_true(here.journal->gathers.len <= JOURNAL_GATHERS_MAX);
    turn_until(before + n - dropped());
    assert_string_equal(fact_at(facts_newest())->outcome, "failed");
}

/* What was noted before the end is in the store. */
static void the_end_waits_for_the_store(void **state)
{
    uint64_t before = facts_newest();

    (void)state;
    note(1);
    journal_close(here.journal, on_closed, NULL);
    wait_closed();
    here.journal = journal_open(&here.loop, here.store, true);
    turn_until(before + 1);
    assert_string_equal(fact_at(before + 1)->subject, "run_1");
}

/* A journal that is read to an entry which the store has lost goes on with what comes. */
static void a_store_that_lost_events_is_read_on(void **state)
{
    uint64_t before = facts_newest();
    uint64_t after;

    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        note(n);
        turn_until(before + n + 1);
    }
    after = here.journal->after;
    rewind_stream(here.store, STR(JOURNAL_STREAM));
    clock_set(clock_now_ms(), clock_wall_ms());
    clock_advance(STORE_WAIT_MAX_MS); /* it waited for the next one, and asks again */
    (void)deadlines_run(&here.loop.deadlines, clock_now_ms());
    clock_release();
    while (here.journal->after == after) {
        (void)loop_turn(&here.loop, true);
    }
    note(3);
    turn_until(before + 4);
    assert_string_equal(fact_at(before + 4)->subject, "run_3");
    assert_true(here.journal->after < after);
}

int test_journal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fact_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_none_of_ours_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mark_is_no_fact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_feed_that_is_overrun_reads_the_journal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_feed_begins_behind_its_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_feed_begins_far_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_gathers_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_waits_for_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_lost_events_is_read_on, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
