/* Leases that are held while there is work under them: two holders at one store in memory, with a clock
 * that the test drives. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/mem.h"
#include "holders.h"
#include "observe/metrics.h"
#include "store/store_internal.h"

struct scene {
    struct holders holders;
    unsigned n_wanted;
    char left[64];
};

static struct scene scene;

struct worker {
    struct keep_user user;
    bool ready;
    enum error_code code;
};

static void on_wanted(void *context, struct str name)
{
    (void)context;
    assert_true(str_is(name, "lane.1"));
    scene.n_wanted++;
}

static void on_release(void *context, struct str name, struct buf *out)
{
    (void)context;
    (void)name;
    buf_text(out, scene.left);
}

static struct keep_user *leaves_when_lost;

static void on_lost(void *context, struct str name)
{
    (void)context;
    (void)name;
    if (leaves_when_lost != NULL) {
        keep_leave(leaves_when_lost);
        leaves_when_lost = NULL;
    }
}

static const struct keep_kind kind = {
    .on_wanted = on_wanted, .on_release = on_release, .on_lost = on_lost};

static void on_ready(struct keep_user *user, const struct error *error)
{
    struct worker *worker = CONTAINER_OF(user, struct worker, user);

    assert_false(worker->ready);
    worker->ready = true;
    worker->code = error != NULL ? error->code : ERR_OK;
}

static void turn(void)
{
    holders_turn(&scene.holders);
}

static void pass(uint64_t ms)
{
    holders_pass(&scene.holders, ms);
}

static void enter(size_t i, struct worker *worker)
{
    *worker = (struct worker){0};
    worker->ready =
        keep_enter(scene.holders.keeps[i], STR("lane.1"), &kind, NULL, &worker->user, on_ready);
    turn();
}

static int set_up(void **state)
{
    (void)state;
    scene = (struct scene){.n_wanted = 0};
    holders_open(&scene.holders);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    holders_close(&scene.holders);
    holders_done(&scene.holders);
    return 0;
}

static void work_in_a_row_asks_once(void **state)
{
    struct worker first;
    struct worker next;

    (void)state;
    enter(0, &first);
    assert_true(first.ready);
    assert_true(keep_lasts(&first.user, 1000));
    for (int i = 0; i < 10; i++) {
        assert_true(
            keep_enter(scene.holders.keeps[0], STR("lane.1"), &kind, NULL, &next.user, on_ready));
        assert_int_equal(next.user.fence, first.user.fence);
        keep_leave(&next.user);
        pass(KEEP_TTL_MS);
    }
    assert_true(keep_lasts(&first.user, 1000)); /* it was renewed */
    keep_leave(&first.user);
    keep_leave(&first.user);
}

/* At once, also while somebody works under it; and no lease is asked for until those of others have run out. What is taken then may have
 * been another's, whose last call may still be under way for a while. */
static void a_store_that_has_lost_something_ends_all_leases(void **state)
{
    struct worker first;
    struct worker next;

    (void)state;
    enter(1, &first);
    assert_true(first.ready && keep_lasts(&first.user, 1000) && keep_is_orderly(&first.user));
    store_rewound(scene.holders.stage.store);
    assert_false(keep_lasts(&first.user, 0));
    enter(1, &next);
    assert_false(next.ready);
    keep_leave(&first.user);
    pass(KEEP_TTL_MS - 1000);
    assert_false(next.ready);
    pass(2000);
    assert_true(next.ready && next.code == ERR_OK);
    assert_true(keep_lasts(&next.user, 1000));
    assert_false(keep_is_orderly(&next.user));
    keep_leave(&next.user);
    pass(KEEP_DOUBT_MS);
    enter(1, &next);
    assert_true(next.ready && keep_is_orderly(&next.user));
    keep_leave(&next.user);
}

static void another_one_gets_it_when_nobody_works(void **state)
{
    struct worker first;
    struct worker other;
    uint64_t age_ms;

    (void)state;
    str_copy(scene.left, sizeof(scene.left), STR("where it ended"));
    enter(0, &first);
    enter(1, &other);
    assert_false(other.ready);
    assert_int_equal(scene.n_wanted, 1);
    pass(500);
    keep_leave(&first.user);
    turn();
    assert_true(other.ready);
    assert_int_equal(other.code, ERR_OK);
    assert_true(other.user.fence > first.user.fence);
    assert_true(keep_is_orderly(&other.user));
    assert_true(str_is(keep_left(&other.user, &age_ms), "where it ended"));
    assert_in_range(age_ms, 500, 1000);
    keep_leave(&other.user);
}

/* What was left long ago says nothing. */
static void how_old_a_thing_is_may_not_be_known(void **state)
{
    struct worker first;
    uint64_t age_ms;

    (void)state;
    str_copy(scene.left, sizeof(scene.left), STR("old"));
    enter(0, &first);
    keep_leave(&first.user);
    pass((uint64_t)2 * KEEP_IDLE_MS);
    enter(1, &first);
    assert_true(first.ready);
    assert_true(str_is(keep_left(&first.user, &age_ms), "old"));
    assert_true(age_ms == UINT64_MAX);
    keep_leave(&first.user);
}

/* Users that follow each other give way after so many, and come again after the other one. */
static void steady_work_gives_way(void **state)
{
    struct worker mine[KEEP_WANTED_USES + 1];
    struct worker other;
    size_t n = 0;

    (void)state;
    enter(0, &mine[0]);
    enter(1, &other);
    for (; n < KEEP_WANTED_USES && mine[n].ready; n++) {
        mine[n + 1] = (struct worker){0};
        mine[n + 1].ready = keep_enter(scene.holders.keeps[0], STR("lane.1"), &kind, NULL,
                                       &mine[n + 1].user, on_ready);
        keep_leave(&mine[n].user);
    }
    assert_int_equal(n, KEEP_WANTED_USES);
    assert_true(mine[n].ready);
    turn();
    assert_false(other.ready);
    enter(0, &mine[0]); /* one too many: it waits until the other one has had its turn */
    assert_false(mine[0].ready);
    keep_leave(&mine[n].user);
    turn();
    assert_true(other.ready);
    pass(500);
    assert_false(mine[0].ready);
    keep_leave(&other.user);
    pass(100);
    assert_true(mine[0].ready);
    keep_leave(&mine[0].user);
}

static void who_stood_still_has_lost_it(void **state)
{
    struct worker first;
    struct worker next;
    struct worker other;

    (void)state;
    enter(0, &first);
    clock_advance(KEEP_TTL_MS + 1); /* as after SIGSTOP: nothing was renewed */
    assert_false(keep_lasts(&first.user, 0));
    enter(1, &other);
    assert_true(other.ready);
    assert_false(keep_is_orderly(&other.user));
    enter(0, &next); /* it waits for the first one to leave, and for the other one */
    assert_false(next.ready);
    keep_leave(&first.user);
    pass(500);
    assert_false(next.ready);
    assert_true(keep_lasts(&other.user, 1000));
    keep_leave(&other.user);
    pass(500);
    assert_true(next.ready);
    keep_leave(&next.user);
}

/* The store takes the renewal in time, and its answer comes when the lease has run out here. */
static void what_has_run_out_stays_lost(void **state)
{
    struct worker first;
    struct worker next;

    (void)state;
    enter(0, &first);
    clock_advance(KEEP_TTL_MS / 3);
    (void)deadlines_run(&scene.holders.stage.loop.deadlines, clock_now_ms());
    clock_advance(KEEP_TTL_MS * 3 / 4);
    assert_false(keep_lasts(&first.user, 0));
    turn();
    assert_false(keep_lasts(&first.user, 0));
    enter(0, &next);
    assert_false(next.ready); /* until the first one has left */
    keep_leave(&first.user);
    turn();
    assert_true(next.ready);
    assert_true(keep_lasts(&next.user, 1000));
    keep_leave(&next.user);
}

/* Whoever is told that it is lost may leave at once; the next one asks for it anew. */
static void who_is_told_of_the_loss_may_leave(void **state)
{
    struct worker first;
    struct worker next;

    (void)state;
    enter(0, &first);
    leaves_when_lost = &first.user;
    clock_advance(KEEP_TTL_MS + 1);
    enter(0, &next); /* sees that the lease has ended */
    assert_true(leaves_when_lost == NULL);
    turn();
    assert_true(next.ready);
    assert_true(keep_lasts(&next.user, 1000));
    keep_leave(&next.user);
}

/* A lease that only says that its process lives is taken back when it was lost; nobody waits for its
 * users. */
static void who_lives_takes_it_back(void **state)
{
    static const struct keep_kind living = {.stays = true};
    struct worker first = {0};
    struct worker next = {0};

    (void)state;
    assert_false(
        keep_enter(scene.holders.keeps[0], STR("process.1"), &living, NULL, &first.user, on_ready));
    turn();
    assert_true(first.ready);
    clock_advance(KEEP_TTL_MS + 1);
    assert_false(
        keep_enter(scene.holders.keeps[0], STR("process.1"), &living, NULL, &next.user, on_ready));
    pass(500);
    assert_true(next.ready);
    assert_int_equal(next.code, ERR_OK);
    assert_true(keep_lasts(&next.user, 1000));
    keep_leave(&next.user);
    keep_leave(&first.user);
}

/* The machine sleeps: the lease goes on by the clock of the store. */
static void a_sleeping_machine_loses_it(void **state)
{
    struct worker first;

    (void)state;
    enter(0, &first);
    clock_suspend(KEEP_TTL_MS);
    assert_false(keep_lasts(&first.user, 0));
    keep_leave(&first.user);
}

static void who_waits_may_leave(void **state)
{
    struct worker first;
    struct worker waits[3];

    (void)state;
    enter(0, &first);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        enter(1, &waits[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        keep_leave(&waits[i].user);
    }
    keep_leave(&first.user);
    pass(3000);
    enter(1, &waits[0]);
    assert_true(waits[0].ready);
    keep_leave(&waits[0].user);
}

static void one_more_joins_who_works(void **state)
{
    struct worker first;
    struct worker other;
    struct keep_user more;

    (void)state;
    enter(0, &first);
    keep_join(&first.user, &more);
    keep_leave(&first.user);
    enter(1, &other);
    pass(500);
    assert_false(other.ready);
    assert_true(keep_lasts(&more, 0));
    keep_leave(&more);
    pass(100);
    assert_true(other.ready);
    keep_leave(&other.user);
}

/* This process may be stopped after its answer: what it does not need it does not hold. */
static void who_rests_holds_only_what_is_used(void **state)
{
    struct worker first;
    struct worker other;

    (void)state;
    enter(0, &first);
    keeps_rest(scene.holders.keeps[0]);
    turn();
    assert_true(keep_lasts(&first.user, 0));
    keep_leave(&first.user);
    keeps_rest(scene.holders.keeps[0]);
    turn();
    enter(1, &other); /* no time has passed, and nobody was told that it is wanted */
    assert_true(other.ready);
    assert_int_equal(scene.n_wanted, 0);
    assert_true(keep_is_orderly(&other.user));
    keep_leave(&other.user);
}

int test_keep(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(work_in_a_row_asks_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_has_lost_something_ends_all_leases, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_one_gets_it_when_nobody_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(how_old_a_thing_is_may_not_be_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(steady_work_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_stood_still_has_lost_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_run_out_stays_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_told_of_the_loss_may_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_lives_takes_it_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sleeping_machine_loses_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_may_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_more_joins_who_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_rests_holds_only_what_is_used, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
