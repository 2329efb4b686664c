/* Sessions in memory: what 100,000 of them cost, who leaves first, when they expire, and lanes. */
#include <malloc.h>

#include "harness/cmocka.h"

#include "base/clock.h"
#include "session/session.h"

struct fixture {
    struct deadlines deadlines;
    struct later later;
    struct session_store *store;
    struct arena arena;
    struct digest owner;
    struct error err;
};

static void begin(struct fixture *f, unsigned max_active)
{
    const struct session_options options = {
        .max_active = max_active, .timeout_s = 60, .max_age_s = 600, .max_queue = 3};

    *f = (struct fixture){0};
    clock_set(1000, 1000000);
    deadlines_init(&f->deadlines);
    later_init(&f->later);
    arena_init(&f->arena);
    digest_of(STR("me"), &f->owner);
    assert_int_equal(session_store_open(&f->deadlines, &f->later, &options, &f->store, &f->err),
                     ERR_OK);
}

static void end(struct fixture *f)
{
    session_store_close(f->store);
    arena_done(&f->arena);
    assert_true(deadlines_is_empty(&f->deadlines));
    clock_release();
}

static struct session make(struct fixture *f)
{
    const int64_t checkpoint = 7;
    const struct session_patch patch = {.checkpoint_id = &checkpoint};
    struct session session;

    assert_int_equal(session_create(f->store, &f->owner, &patch, &f->arena, &session, &f->err),
                     ERR_OK);
    return session;
}

static enum error_code load(struct fixture *f, struct str id)
{
    struct session session;

    return session_load(f->store, &f->owner, id, &f->arena, &session, &f->err);
}

static void a_hundred_thousand_sessions_fit_into_64_mib(void **state)
{
    struct fixture f;
    size_t before;
    size_t spent;

    (void)state;
    begin(&f, 100000);
    before = mallinfo2().uordblks;
    for (int i = 0; i < 100000; i++) {
        (void)make(&f);
        arena_reset(&f.arena);
    }
    spent = mallinfo2().uordblks - before;
    assert_int_equal(session_store_size(f.store), 100000);
    assert_true(
        spent <
        (size_t)64 * 1024 *
            1024); /* sanitizers replace malloc: then mallinfo tells nothing, and this holds */
    end(&f);
}

static void the_least_recently_used_one_leaves(void **state)
{
    struct fixture f;
    struct session first;
    struct session second;

    (void)state;
    begin(&f, 2);
    first = make(&f);
    second = make(&f);
    assert_int_equal(load(&f, first.id), ERR_OK);
    (void)make(&f);
    assert_int_equal(load(&f, second.id), ERR_SESSION_EVICTED);
    assert_int_equal(load(&f, first.id), ERR_OK);
    end(&f);
}

static void sessions_expire_idle_and_old(void **state)
{
    struct fixture f;
    struct session session;

    (void)state;
    begin(&f, 10);
    session = make(&f);
    clock_advance(59000);
    assert_int_equal(load(&f, session.id), ERR_OK);
    clock_advance(61000);
    assert_int_equal(load(&f, session.id), ERR_SESSION_EXPIRED);
    session = make(&f);
    for (int i = 0; i < 11; i++) {
        clock_advance(50000);
        assert_int_equal(load(&f, session.id), ERR_OK);
    }
    clock_advance(51000); /* used all the time, but older than max_age */
    assert_int_equal(load(&f, session.id), ERR_SESSION_EXPIRED);
    end(&f);
}

/* The wall clock is corrected by a year, either way: nothing ends and nothing lives on. */
static void a_jump_of_the_wall_clock_ends_no_session(void **state)
{
    static const int64_t jumps_ms[] = {INT64_C(31536000000), INT64_C(-31536000000)};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jumps_ms); i++) {
        struct session session;
        int64_t wall_ms;

        begin(&f, 10);
        session = make(&f);
        clock_jump_wall(jumps_ms[i]);
        assert_int_equal(load(&f, session.id), ERR_OK);
        wall_ms = clock_wall_ms();
        assert_int_equal(
            session_load(f.store, &f.owner, session.id, &f.arena, &session, &(struct error){0}),
            ERR_OK);
        assert_int_equal(session.expires_ms, wall_ms + 60000); /* shown by today's wall clock */
        clock_advance(61000);
        clock_jump_wall(-jumps_ms[i]);
        assert_int_equal(load(&f, session.id), ERR_SESSION_EXPIRED);
        end(&f);
    }
}

static void sessions_grow_older_while_the_machine_sleeps(void **state)
{
    struct fixture f;
    struct session session;

    (void)state;
    begin(&f, 10);
    session = make(&f);
    clock_suspend(61000);
    assert_int_equal(load(&f, session.id), ERR_SESSION_EXPIRED);
    end(&f);
}

static int turns;

static void on_turn(struct session_ticket *ticket)
{
    (void)ticket;
    turns++;
}

static void a_lane_lets_one_in_at_a_time_in_order(void **state)
{
    struct fixture f;
    struct session_ticket tickets[5];
    bool now;

    (void)state;
    begin(&f, 10);
    turns = 0;
    assert_int_equal(session_lane_enter(f.store, STR("s"), &tickets[0], on_turn, &now, &f.err),
                     ERR_OK);
    assert_true(now);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(session_lane_enter(f.store, STR("s"), &tickets[i], on_turn, &now, &f.err),
                         ERR_OK);
        assert_false(now);
    }
    assert_int_equal(session_lane_enter(f.store, STR("s"), &tickets[4], on_turn, &now, &f.err),
                     ERR_OVERLOADED);
    session_lane_leave(&tickets[2]); /* gives up while waiting */
    session_lane_leave(&tickets[0]);
    assert_int_equal(turns, 0); /* never from inside */
    (void)later_run(&f.later);
    assert_int_equal(turns, 1);
    assert_true(tickets[1].turn.holds && !tickets[3].turn.holds);
    session_lane_leave(&tickets[1]);
    session_lane_leave(&tickets[3]); /* between its turn being due and being told */
    (void)later_run(&f.later);
    assert_int_equal(turns, 1);
    end(&f);
}

int test_session(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_sessions_fit_into_64_mib),
        cmocka_unit_test(the_least_recently_used_one_leaves),
        cmocka_unit_test(sessions_expire_idle_and_old),
        cmocka_unit_test(a_jump_of_the_wall_clock_ends_no_session),
        cmocka_unit_test(sessions_grow_older_while_the_machine_sleeps),
        cmocka_unit_test(a_lane_lets_one_in_at_a_time_in_order),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
