/* How the limit finds out what a platform takes. The platform is a simulation: `n_servers` work at
 * once, each call takes `work_us`, and what comes beyond is refused or waits. All times are ours. */
#include "harness/cmocka.h"

#include "base/attr.h"
#include "upstream/adapt.h"

enum { N_MAX = 8192, FIRST = 16, CEILING = 1024, STEP_US = 1000 };

struct call {
    uint64_t began_us;
    uint64_t end_us;
    bool refused;
    bool running;
};

struct model {
    struct adapt adapt;
    unsigned n_servers;
    bool refuses; /* what comes beyond n_servers; else it waits there */
    uint64_t work_us;
    uint64_t refusal_us;   /* how long one takes */
    unsigned refuse_every; /* one of so many is refused whatever there is; 0: none */
    uint64_t now_us;
    struct call calls[N_MAX];
    uint64_t server_free_us[N_MAX];
    unsigned n_active;
    unsigned n_at_work; /* not refused */
    unsigned n_begun;
    unsigned n_refused;
    unsigned n_good;
    uint64_t worst_us;
};

static struct model model;

static void begin_model(unsigned n_servers, bool refuses, uint64_t work_us)
{
    model = (struct model){
        .n_servers = n_servers, .refuses = refuses, .work_us = work_us, .now_us = 1000000};
    model.refusal_us = STEP_US;
    adapt_init(&model.adapt, FIRST, CEILING);
    adapt_note_connected(&model.adapt, STEP_US);
}

/* The first server that is free. */
static uint64_t serve(uint64_t now_us)
{
    unsigned best = 0;

    for (unsigned i = 1; i < model.n_servers; i++) {
        best = model.server_free_us[i] < model.server_free_us[best] ? i : best;
    }
    if (model.server_free_us[best] < now_us) {
        model.server_free_us[best] = now_us;
    }
    model.server_free_us[best] += model.work_us;
    return model.server_free_us[best];
}

static void begin_call(struct call *call)
{
    bool lone = model.refuse_every > 0 && model.n_begun % model.refuse_every == 0;

    *call = (struct call){.began_us = model.now_us, .running = true};
    model.n_begun++;
    model.n_active++;
    call->refused = lone || (model.refuses && model.n_at_work >= model.n_servers);
    if (call->refused) {
        call->end_us = model.now_us + model.refusal_us;
        return;
    }
    model.n_at_work++;
    call->end_us = model.refuses ? model.now_us + model.work_us : serve(model.now_us);
}

static void end_call(struct call *call)
{
    call->running = false;
    if (call->refused) {
        model.n_refused++;
        (void)adapt_note_refused(&model.adapt, model.n_active - 1);
    } else {
        const struct adapt_end end = {.began_us = call->began_us,
                                      .now_us = model.now_us,
                                      .n_active = model.n_active,
                                      .full = model.n_active >= model.adapt.limit,
                                      .timed = true};

        model.n_at_work--;
        model.n_good++;
        model.worst_us = model.now_us - call->began_us > model.worst_us
                             ? model.now_us - call->began_us
                             : model.worst_us;
        adapt_note_good(&model.adapt, &end);
    }
    model.n_active--;
}

/* There is always another call to send. */
static void run_for(uint64_t us, unsigned demand)
{
    uint64_t until_us = model.now_us + us;

    while (model.now_us < until_us) {
        struct call *next = NULL;

        for (size_t i = 0;
             i < N_MAX && model.n_active < model.adapt.limit && model.n_active < demand; i++) {
            if (!model.calls[i].running) {
                begin_call(&model.calls[i]);
            }
        }
        for (size_t i = 0; i < CEILING; i++) {
            if (model.calls[i].running && (next == NULL || model.calls[i].end_us < next->end_us)) {
                next = &model.calls[i];
            }
        }
        assert_non_null(next);
        if (model.n_active < demand && next->end_us > model.now_us + STEP_US) {
            model.now_us += STEP_US; /* calls wait */
            (void)adapt_note_waiting(&model.adapt, model.now_us);
            continue;
        }
        model.now_us = next->end_us;
        end_call(next);
    }
}

static void a_hidden_limit_is_found_with_few_refusals(void **state)
{
    static const uint64_t works_us[] = {20000, 50000, 500000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(works_us); i++) {
        begin_model(12, true, works_us[i]);
        run_for(30 * 1000000ULL, CEILING);
        assert_in_range(model.adapt.limit, 10, 13);
        assert_true(model.n_refused * 100 < model.n_begun);
    }
}

/* While it is not known how long a refusal takes, the time of a connection says it. */
static void refusals_that_come_late_are_few_as_well(void **state)
{
    (void)state;
    begin_model(12, true, 50000);
    model.refusal_us = 60000;
    adapt_note_connected(&model.adapt, 30000);
    run_for(30 * 1000000ULL, CEILING);
    assert_in_range(model.adapt.limit, 10, 13);
    assert_true(model.n_refused * 100 < model.n_begun);
}

static void a_slow_platform_gets_all_that_is_asked_before_it_has_answered(void **state)
{
    (void)state;
    begin_model(2000, false, 1000000);
    run_for(1000000 / 10, CEILING + 1);
    assert_int_equal(model.n_good, 0);
    assert_int_equal(model.adapt.limit, CEILING);
    begin_model(2000, false, 1000000);
    adapt_note_connected(&model.adapt, 200000); /* one far away: not so soon */
    run_for(1000000 / 10, CEILING);
    assert_int_equal(model.adapt.limit, FIRST);
    run_for(1000000, CEILING);
    assert_in_range(model.adapt.limit, FIRST * 2, FIRST * 8);
}

static void a_limit_that_rises_is_found_again(void **state)
{
    (void)state;
    begin_model(12, true, 50000);
    run_for(10 * 1000000ULL, CEILING);
    assert_in_range(model.adapt.limit, 10, 13);
    model.n_servers = 200;
    run_for(30 * 1000000ULL, CEILING);
    assert_in_range(model.adapt.limit, 150, 201);
    model.n_servers = 30;
    run_for(5 * 1000000ULL, CEILING);
    assert_in_range(model.adapt.limit, 20, 31);
}

static void a_platform_without_limit_gets_all_that_is_asked(void **state)
{
    (void)state;
    begin_model(2000, false, 500000);
    run_for(4 * 1000000ULL, CEILING); /* seven doublings of half a second */
    assert_int_equal(model.adapt.limit, CEILING);
}

static void answers_that_get_slower_stop_the_growth(void **state)
{
    (void)state;
    begin_model(100, false, 50000);
    run_for(3 * 1000000ULL, CEILING);
    model.n_good = 0;
    model.worst_us = 0;
    run_for(10 * 1000000ULL, CEILING);
    assert_in_range(model.adapt.limit, 95, 140);
    assert_true(model.n_good >= 9 * 2000); /* 0.9 of what it can do */
    assert_true(model.worst_us <= 100000); /* twice the work */
}

/* Fewer calls at once would not make it faster. */
static void a_platform_that_gets_slower_by_itself_is_not_held_back(void **state)
{
    (void)state;
    begin_model(2000, false, 50000);
    run_for(2 * 1000000ULL, 400);
    assert_true(model.adapt.limit >= 400);
    model.work_us = 150000;
    run_for(5 * 1000000ULL, 400);
    assert_true(model.adapt.limit >= 300);
}

static void lone_refusals_do_not_take_the_limit_down(void **state)
{
    (void)state;
    begin_model(2000, false, 50000);
    model.refuse_every = 100;
    run_for(30 * 1000000ULL, CEILING);
    assert_true(model.adapt.limit >= 16);
}

/* Three of a hundred fail whatever is sent, as at a platform behind a balancer with a broken server. */
static void refusals_with_another_cause_do_not_either(void **state)
{
    static const unsigned one_of[] = {33, 11};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(one_of); i++) {
        begin_model(2000, false, 50000);
        model.refuse_every = one_of[i];
        run_for(8 * 1000000ULL, 256);
        assert_true(model.adapt.limit >= FIRST / 2);
    }
}

/* After refusals of another cause a limit is found all the same. */
static void a_limit_behind_such_refusals_is_found(void **state)
{
    (void)state;
    begin_model(2000, false, 50000);
    model.refuse_every = 33;
    run_for(5 * 1000000ULL, 256);
    model.refuses = true;
    model.n_servers = 12;
    model.n_good = 0;
    model.n_refused = 0;
    run_for(20 * 1000000ULL, 256);
    assert_true(model.n_good > 20 * 240 / 3); /* of 12 servers that take 50 ms */
    assert_true(model.n_refused < model.n_good);
}

static void after_an_outage_it_begins_anew(void **state)
{
    (void)state;
    begin_model(0, true, 50000);
    run_for(1 * 1000000ULL, CEILING);
    assert_int_equal(model.adapt.limit, 1);
    adapt_restart(&model.adapt);
    assert_int_equal(model.adapt.limit, FIRST);
    model.n_servers = 2000;
    run_for(1 * 1000000ULL, CEILING);
    assert_int_equal(model.adapt.limit, CEILING);
}

static void what_is_not_used_does_not_grow(void **state)
{
    (void)state;
    begin_model(2000, false, 50000);
    run_for(10 * 1000000ULL, 5);
    assert_int_equal(model.adapt.limit, FIRST);
    adapt_init(&model.adapt, 64, 4);
    assert_int_equal(model.adapt.limit, 4);
    run_for(1 * 1000000ULL, CEILING);
    assert_int_equal(model.adapt.limit, 4);
}

int test_adapt(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hidden_limit_is_found_with_few_refusals),
        cmocka_unit_test(refusals_that_come_late_are_few_as_well),
        cmocka_unit_test(a_slow_platform_gets_all_that_is_asked_before_it_has_answered),
        cmocka_unit_test(a_limit_that_rises_is_found_again),
        cmocka_unit_test(a_platform_without_limit_gets_all_that_is_asked),
        cmocka_unit_test(answers_that_get_slower_stop_the_growth),
        cmocka_unit_test(a_platform_that_gets_slower_by_itself_is_not_held_back),
        cmocka_unit_test(lone_refusals_do_not_take_the_limit_down),
        cmocka_unit_test(refusals_with_another_cause_do_not_either),
        cmocka_unit_test(a_limit_behind_such_refusals_is_found),
        cmocka_unit_test(after_an_outage_it_begins_anew),
        cmocka_unit_test(what_is_not_used_does_not_grow),
    };

    return cmocka_run_group_tests_name("limit that adapts", tests, NULL, NULL);
}
