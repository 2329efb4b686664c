/* Single flight between processes that share a store: whoever leaves gives the lease back, whenever that is. */
#include "harness/cmocka.h"

#include "api/gate/cache_share.h"
#include "base/clock.h"
#include "store/keep.h"
#include "unit/store/stage.h"

int test_cache_share(void);

enum { CALL_MS = 60000, TURNS = 12 };

static struct {
    struct stage stage;
    struct keeps *keeps;
    struct cache_share *share;
    unsigned n_fetches, n_found;
    bool closed;
} here;

static void on_end(struct task *task, const struct cache_shared *found)
{
    (void)task;
    here.n_found += found != NULL ? 1 : 0;
    here.n_fetches += found == NULL ? 1 : 0;
}

/* Its task is only told of. */
static struct cache_flight *begin(void)
{
    return cache_flight_begin(here.share, (struct task *)&here, STR("account|caller|/path"),
                              CALL_MS, on_end);
}

static void turn(unsigned n)
{
    for (; n > 0; n--) {
        (void)loop_turn(&here.stage.loop, false);
    }
}

static void on_keeps_closed(void *context)
{
    (void)context;
    here.closed = true;
}

/* After any number of turns: before the first look, while the lease is asked for, when it is there. */
static void who_leaves_gives_the_lease_back(void **state)
{
    (void)state;
    for (unsigned n = 0; n < TURNS; n++) {
        struct cache_flight *flight = begin();

        turn(n);
        cache_flight_end(flight, NULL, 0);
        turn(TURNS);
        here.n_fetches = 0;
        flight = begin(); /* it does not wait for CALL_MS */
        turn(TURNS);
        assert_int_equal(here.n_fetches, 1);
        cache_flight_end(flight, NULL, 0);
        turn(TURNS);
    }
}

/* The end of the server does not wait for it. */
static void who_leaves_at_the_end_is_forgotten(void **state)
{
    struct cache_flight *flight = begin();

    (void)state;
    turn(2);
    cache_flight_end(flight, NULL, 0);
}

static void fetch_and_keep(void)
{
    const struct cache_answer answer = {.content_type = STR("text/plain"), .body = STR("a")};
    struct cache_flight *flight = begin();

    turn(TURNS);
    cache_flight_end(flight, &answer, 60);
    turn(TURNS);
}

/* The store has looked a second before its answer is there; the change lies between. */
static void what_is_older_than_a_change_is_not_taken_because_the_store_is_slow(void **state)
{
    struct cache_flight *flight;

    (void)state;
    clock_set(1000000, 0);
    fetch_and_keep();
    here.n_fetches = 0;
    here.n_found = 0;
    clock_advance(10);
    cache_share_purged(here.share);
    flight = begin();
    clock_advance(1000);
    turn(TURNS);
    assert_int_equal(here.n_found, 0);
    assert_int_equal(here.n_fetches, 1);
    cache_flight_end(flight, NULL, 0);
    turn(TURNS);
    clock_release();
}

static int set_up(void **state)
{
    struct api_options options = {0};

    (void)state;
    here.stage = (struct stage){.backend = &stage_backends[0]};
    assert_int_equal(stage_open(&here.stage), 0);
    here.keeps = keeps_open(here.stage.store);
    options.store = here.stage.store;
    options.keeps = here.keeps;
    here.share = cache_share_new(&options);
    here.closed = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cache_share_free(here.share);
    keeps_close(here.keeps, on_keeps_closed, NULL);
    while (!here.closed) {
        (void)loop_turn(&here.stage.loop, true);
    }
    stage_close(&here.stage);
    return 0;
}

int test_cache_share(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_leaves_gives_the_lease_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_at_the_end_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_older_than_a_change_is_not_taken_because_the_store_is_slow, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("cache_share", tests, NULL, NULL);
}
