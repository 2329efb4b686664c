/* What a lane knows, for how long, and how many lanes are kept. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "data/json.h"
#include "observe/metrics.h"
#include "step/lane.h"

int test_lane(void);

static struct later later;
static struct lanes *lanes;
static struct lane_ticket ticket;
static struct arena arena;
static struct lanes_foreign foreign;
static int turns;

static void on_turn(struct lane_ticket *who)
{
    (void)who;
    turns++;
}

static void enter(struct lane_ticket *who, int64_t id, bool wanted_now)
{
    struct error err = {0};
    bool now = false;

    assert_int_equal(
        lane_enter(lanes, (struct lane_key){LANE_CHECKPOINT, id}, who, on_turn, &now, &err),
        ERR_OK);
    assert_int_equal(now, wanted_now);
}

static int begin(void **state)
{
    (void)state;
    clock_set(1000000, 1700000000000);
    later_init(&later);
    arena_init(&arena);
    turns = 0;
    lanes = lanes_new(&later, 3);
    enter(&ticket, 1, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lane_leave(&ticket);
    lanes_free(lanes);
    assert_true(later_is_empty(&later));
    arena_done(&arena);
    clock_release();
    return 0;
}

/* Steps with these ids; 0 ends. */
static void count(const int64_t *ids)
{
    const struct lane_moment now = lanes_now(lanes);
    struct json *steps = json_new_array(&arena);

    for (; *ids != 0; ids++) {
        struct json *step = json_new_object(&arena);

        json_set(step, STR("id"), json_new_int(&arena, *ids));
        json_append(steps, step);
    }
    lane_counted(&ticket, &now, steps);
}

static void one_count_and_each_step_tell_the_end(void **state)
{
    (void)state;
    assert_int_equal(lane_end(&ticket), -1);
    lane_made(&ticket, 9); /* nothing is known, so nothing is learnt */
    assert_int_equal(lane_end(&ticket), -1);
    count((const int64_t[]){7, 3, 5, 0});
    assert_int_equal(lane_end(&ticket), 3);
    for (int64_t id = 20; id > 10; id--) {
        lane_made(&ticket, id);
    }
    assert_int_equal(lane_end(&ticket), 13);
    assert_int_equal(lane_n_ids(&ticket), 13);
    for (int64_t id = 1; id < 30; id++) {
        assert_int_equal(lane_has(&ticket, id),
                         id == 3 || id == 5 || id == 7 || (id > 10 && id <= 20));
    }
    assert_true(lane_is_certain(&ticket));
    lane_leave(&ticket);
    assert_int_equal(lanes_end(lanes, 1), 13); /* kept while nobody is in it */
    assert_int_equal(lanes_end(lanes, 2), -1);
}

static void assert_seen(int64_t n_active, int64_t n_waiting)
{
    assert_int_equal(metric_value(M_LANES_ACTIVE), n_active);
    assert_int_equal(metric_value(M_LANE_WAITING), n_waiting);
}

static void operators_see_who_works_and_who_waits(void **state)
{
    struct lane_ticket second = {0};
    struct lane_ticket third = {0};
    struct lane_ticket other = {0};

    (void)state;
    lane_leave(&ticket);
    metrics_open();
    enter(&ticket, 1, true);
    enter(&second, 1, false);
    enter(&third, 1, false);
    enter(&other, 2, true);
    assert_seen(2, 2);
    lane_leave(&third); /* it does not wait any longer */
    assert_seen(2, 1);
    lane_leave(&ticket);
    (void)later_run(&later);
    assert_int_equal(turns, 1);
    assert_seen(2, 0);
    lane_leave(&second);
    lane_leave(&second);
    lane_leave(&other);
    assert_seen(0, 0);
    metrics_done();
}

static void a_doubt_ends_all_knowledge(void **state)
{
    (void)state;
    count((const int64_t[]){7, 0});
    lane_doubt(&ticket);
    assert_int_equal(lane_end(&ticket), -1);
    assert_int_equal(lane_end_seen(&ticket), -1);
    assert_false(lane_has(&ticket, 7));
    assert_false(lane_is_certain(&ticket));
}

static void what_others_may_do_in_time_is_not_known(void **state)
{
    (void)state;
    count((const int64_t[]){7, 0});
    clock_advance(LANE_TRUST_MS - 1);
    assert_int_equal(lane_end(&ticket), 1);
    clock_advance(1);
    assert_int_equal(lane_end(&ticket), -1);
    assert_int_equal(lane_end_seen(&ticket), 1);
    assert_true(lane_has(&ticket, 7)); /* an older step all the same */
}

static void what_is_foreign_is_not_known(void **state)
{
    (void)state;
    count((const int64_t[]){7, 0});
    lanes_foreign_begin(lanes, &foreign);
    assert_int_equal(lane_end(&ticket), -1);
    assert_false(lane_is_certain(&ticket));
    count((const int64_t[]){7, 0}); /* while it is on its way */
    assert_int_equal(lane_end(&ticket), -1);
    assert_false(lane_is_certain(&ticket));
    lanes_foreign_end(&foreign);
    assert_int_equal(lane_end(&ticket), -1);
    count((const int64_t[]){7, 8, 0});
    assert_int_equal(lane_end(&ticket), 2);
}

static void what_was_foreign_during_the_count_counts(void **state)
{
    const struct lane_moment before = lanes_now(lanes);

    (void)state;
    lanes_foreign_begin(lanes, &foreign);
    lanes_foreign_end(&foreign);
    lane_counted(&ticket, &before, NULL);
    assert_int_equal(lane_end(&ticket), -1);
}

static void a_new_checkpoint_is_known(void **state)
{
    struct lane_ticket other = {0};

    (void)state;
    lanes_know_empty(lanes, 5);
    assert_int_equal(lanes_end(lanes, 5), 0);
    enter(&other, 5, true);
    assert_int_equal(lane_end(&other), 0);
    lane_leave(&other);
}

static void a_full_queue_is_said(void **state)
{
    struct lane_ticket waiting[3];
    struct lane_ticket more = {0};
    struct error err = {0};
    bool now = false;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        enter(&waiting[i], 1, false);
    }
    assert_int_equal(
        lane_enter(lanes, (struct lane_key){LANE_CHECKPOINT, 1}, &more, on_turn, &now, &err),
        ERR_OVERLOADED);
    assert_int_equal(err.retry_after_s, 1);
    lane_leave(&more);
    enter(&more, 2, true); /* another checkpoint's lane is another queue */
    lane_leave(&more);
    assert_int_equal(
        lane_enter(lanes, (struct lane_key){LANE_LIBRARY, 1}, &more, on_turn, &now, &err), ERR_OK);
    assert_true(now);
    lane_leave(&more);
    lane_leave(&waiting[1]);
    lane_leave(&ticket);
    (void)later_run(&later);
    assert_int_equal(turns, 1);
    lane_leave(&waiting[0]);
    lane_leave(&waiting[2]);
    (void)later_run(&later);
    assert_int_equal(turns, 1);
}

static void the_longest_unused_lane_leaves(void **state)
{
    (void)state;
    for (int64_t id = 100; id < 100 + LANES_MAX; id++) {
        lanes_know_empty(lanes, id);
    }
    lanes_know_empty(lanes, 100); /* used again */
    lanes_know_empty(lanes, 99);
    assert_int_equal(lanes_end(lanes, 100), 0);
    assert_int_equal(lanes_end(lanes, 101), -1);
}

/* All lanes together keep a bounded number of ids; a checkpoint that is too long is not kept. */
static void ids_have_a_ceiling(void **state)
{
    enum { EACH = LANE_IDS_MAX / 16 };

    struct lane_ticket other = {0};

    (void)state;
    for (int64_t checkpoint = 10; checkpoint < 30; checkpoint++) {
        lanes_know_empty(lanes, checkpoint);
        enter(&other, checkpoint, true);
        for (int64_t id = 1; id <= EACH; id++) {
            lane_made(&other, id);
        }
        assert_int_equal(lane_end(&other), EACH);
        lane_leave(&other);
    }
    assert_int_equal(lanes_end(lanes, 29), EACH);
    assert_int_equal(lanes_end(lanes, 10), -1);
    enter(&other, 29, true);
    for (int64_t id = EACH + 1; id <= LANE_MAX_STEPS + 1; id++) {
        lane_made(&other, id);
    }
    assert_int_equal(lane_end(&other), -1); /* it is counted for each step */
    assert_int_equal(lane_end_seen(&other), LANE_MAX_STEPS + 1);
    assert_false(lane_is_certain(&other));
    lane_leave(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int test_lane(void)
{
    const struct CMUnitTest tests[] = {
        TEST(operators_see_who_works_and_who_waits),
        TEST(one_count_and_each_step_tell_the_end),
        TEST(a_doubt_ends_all_knowledge),
        TEST(what_others_may_do_in_time_is_not_known),
        TEST(what_is_foreign_is_not_known),
        TEST(what_was_foreign_during_the_count_counts),
        TEST(a_new_checkpoint_is_known),
        TEST(a_full_queue_is_said),
        TEST(the_longest_unused_lane_leaves),
        TEST(ids_have_a_ceiling),
    };

    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
