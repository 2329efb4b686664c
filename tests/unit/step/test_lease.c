/* Lanes of two processes at one store in memory, with a clock that the test drives: what goes from one to
 * the other, and what is done after one has died. */
#include "harness/cmocka.h"

#include "../store/holders.h"
#include "data/json.h"
#include "step/lane.h"

enum { CALL_MS = 15000 };

struct scene {
    struct holders holders;
    struct lanes *lanes[N_HOLDERS];
    struct arena arena;
};

static struct scene scene;

struct worker {
    struct lane_ticket ticket;
    bool has_turn;
    bool refused;
};

static void on_turn(struct lane_ticket *ticket)
{
    struct worker *worker = CONTAINER_OF(ticket, struct worker, ticket);

    assert_false(worker->has_turn);
    worker->has_turn = true;
    worker->refused = ticket->refusal != NULL;
}

static void pass(uint64_t ms)
{
    holders_pass(&scene.holders, ms);
}

static void enter(size_t i, struct worker *worker)
{
    struct error error = {0};

    *worker = (struct worker){0};
    assert_int_equal(lane_enter(scene.lanes[i], (struct lane_key){LANE_CHECKPOINT, 7},
                                &worker->ticket, on_turn, &worker->has_turn, &error),
                     ERR_OK);
    holders_turn(&scene.holders);
}

/* The checkpoint has steps with the ids 10, 20 and 30. */
static void count(struct worker *worker)
{
    struct lane_moment now = lanes_now(scene.lanes[0]);
    struct json *steps = NULL;
    struct error error = {0};

    assert_int_equal(json_parse(&scene.arena, STR("[{\"id\":10},{\"id\":20},{\"id\":30}]"),
                                &json_of_ours, &steps, &error),
                     ERR_OK);
    lane_counted(&worker->ticket, &now, steps);
}

static int set_up(void **state)
{
    (void)state;
    scene = (struct scene){.lanes = {NULL}};
    holders_open(&scene.holders);
    arena_init(&scene.arena);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        scene.lanes[i] = lanes_new(&scene.holders.stage.loop.later, 10);
        lanes_share(scene.lanes[i],
                    &(struct lanes_shared){.keeps = scene.holders.keeps[i],
                                           .deadlines = &scene.holders.stage.loop.deadlines,
                                           .scope = STR("a")});
        lanes_configure_share(scene.lanes[i], CALL_MS, true);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    holders_close(&scene.holders);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        lanes_free(scene.lanes[i]);
    }
    arena_done(&scene.arena);
    holders_done(&scene.holders);
    return 0;
}

static void what_a_lane_knows_goes_to_the_next(void **state)
{
    struct worker first;
    struct worker other;

    (void)state;
    enter(0, &first);
    assert_true(first.has_turn);
    assert_int_equal(lane_end(&first.ticket), -1);
    count(&first);
    lane_made(&first.ticket, 25);
    enter(1, &other);
    assert_false(other.has_turn);
    pass(500);
    assert_true(lane_may_send(&first.ticket));
    lane_leave(&first.ticket);
    pass(100);
    assert_true(other.has_turn);
    assert_int_equal(lane_end(&other.ticket), 4);
    assert_true(lane_is_certain(&other.ticket));
    assert_true(lane_has(&other.ticket, 25));
    assert_false(lane_has(&other.ticket, 11));
    assert_int_equal(lanes_end(scene.lanes[0], 7), -1); /* it knows no more */
    lane_leave(&other.ticket);
}

/* An answer that leaves the steps out is not believed by a process that heard of steps from another one. */
static void none_is_not_certain_where_another_process_knew_of_steps(void **state)
{
    struct worker first;
    struct worker other;
    struct lane_moment now;

    (void)state;
    enter(0, &first);
    count(&first);
    enter(1, &other);
    pass(500);
    lane_leave(&first.ticket);
    pass(100);
    assert_true(lane_is_certain(&other.ticket));
    now = lanes_now(scene.lanes[1]);
    lane_counted(&other.ticket, &now, NULL);
    assert_false(lane_is_certain(&other.ticket));
    lane_leave(&other.ticket);
}

/* How old it is counts on both sides. */
static void what_is_known_grows_old_on_the_way(void **state)
{
    struct worker first;
    struct worker other;

    (void)state;
    enter(0, &first);
    count(&first);
    enter(1, &other);
    pass(LANE_TRUST_MS - 4000);
    lane_leave(&first.ticket);
    pass(500);
    assert_true(other.has_turn);
    assert_int_equal(lane_end(&other.ticket), 3); /* it is taken for two seconds older at most */
    pass(3500);
    assert_int_equal(lane_end(&other.ticket), -1);
    lane_leave(&other.ticket);
}

/* A process that stands still has died for the others. Theirs is the lane, but nothing is certain until its last
 * call must have ended; then the checkpoint is counted once more. */
static void after_a_death_nothing_is_certain_for_a_while(void **state)
{
    struct worker dead;
    struct worker heir;

    (void)state;
    enter(0, &dead);
    count(&dead);
    clock_advance(KEEP_TTL_MS - LANE_SEND_MARGIN_MS);
    assert_false(lane_may_send(&dead.ticket)); /* the lease may end before it arrives */
    clock_advance(LANE_SEND_MARGIN_MS + 1);
    enter(1, &heir);
    assert_false(heir.has_turn);
    pass(LANE_TAKEOVER_MS + 200);
    assert_true(heir.has_turn);
    assert_true(lane_may_send(&heir.ticket));
    assert_int_equal(lane_end(&heir.ticket), -1);
    count(&heir);
    assert_int_equal(lane_end(&heir.ticket), 3);
    assert_false(lane_is_certain(&heir.ticket)); /* so a lost answer is: not known */
    lane_leave(&heir.ticket);
    enter(1, &heir);
    assert_true(heir.has_turn);
    assert_false(lane_is_certain(&heir.ticket));
    pass(CALL_MS);
    lane_leave(&heir.ticket);
    enter(1, &heir);
    assert_int_equal(lane_end(&heir.ticket), -1);
    count(&heir);
    assert_true(lane_is_certain(&heir.ticket));
    lane_leave(&heir.ticket);
    assert_false(lane_may_send(&dead.ticket));
    lanes_configure_share(scene.lanes[0], CALL_MS, false); /* the store answers: nobody is alone */
    assert_false(lane_may_send(&dead.ticket));
    lane_leave(&dead.ticket);
}

/* Who waits for the step of a dead process may leave; the next one waits for what is left of that time. */
static void after_a_death_everybody_waits(void **state)
{
    struct worker dead;
    struct worker heir;
    struct worker next;

    (void)state;
    enter(0, &dead);
    clock_advance(KEEP_TTL_MS + 1);
    enter(1, &heir);
    pass(LANE_TAKEOVER_MS / 4);
    assert_false(heir.has_turn);
    lane_leave(&heir.ticket);
    enter(1, &next);
    pass(LANE_TAKEOVER_MS / 4);
    assert_false(next.has_turn);
    pass(LANE_TAKEOVER_MS);
    assert_true(next.has_turn);
    lane_leave(&next.ticket);
    lane_leave(&dead.ticket);
}

/* Who waits behind a turn of this process, or for another process, may leave. */
static void who_waits_may_leave(void **state)
{
    struct worker first;
    struct worker waits[3];

    (void)state;
    enter(0, &first);
    enter(0, &waits[0]);
    enter(1, &waits[1]);
    enter(1, &waits[2]);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_false(waits[i].has_turn);
        lane_leave(&waits[i].ticket);
    }
    lane_leave(&first.ticket);
    pass(500);
    enter(1, &first);
    assert_true(first.has_turn);
    lane_leave(&first.ticket);
}

/* Ids of another scope are another platform's. */
static void another_platform_has_lanes_of_its_own(void **state)
{
    struct worker first;
    struct worker other;

    (void)state;
    lanes_share(scene.lanes[1],
                &(struct lanes_shared){.keeps = scene.holders.keeps[1],
                                       .deadlines = &scene.holders.stage.loop.deadlines,
                                       .scope = STR("b")});
    enter(0, &first);
    enter(1, &other);
    assert_true(first.has_turn && other.has_turn);
    lane_leave(&first.ticket);
    lane_leave(&other.ticket);
}

int test_lease(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_lane_knows_goes_to_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(none_is_not_certain_where_another_process_knew_of_steps,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_known_grows_old_on_the_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_death_nothing_is_certain_for_a_while, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(after_a_death_everybody_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_may_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_platform_has_lanes_of_its_own, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("lease of a lane", tests, NULL, NULL);
}
