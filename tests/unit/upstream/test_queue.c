/* Who is next, and who hears at once that it is too much. No call is sent: the test says what is on
 * the wire. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "base/secret.h"
#include "upstream/queue.h"

enum { N_CALLS = 64, MEAN_US = 50000 };

struct fixture {
    struct queue queue;
    struct secret tokens[2];
    struct secret again; /* the first once more */
    struct upstream_call calls[N_CALLS];
    size_t n_calls;
};

static struct fixture fixture;

static int set_up(void **state)
{
    const struct upstream_options options = {
        .max_active = 100, .initial_active = 2, .max_waiting = 8};

    (void)state;
    fixture = (struct fixture){.n_calls = 0};
    clock_set(1000000, 0);
    secret_set(&fixture.tokens[0], STR("token-one"));
    secret_set(&fixture.tokens[1], STR("token-two"));
    secret_set(&fixture.again, STR("token-one"));
    queue_init(&fixture.queue, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < fixture.n_calls; i++) {
        struct upstream_call *call = &fixture.calls[i];

        if (call->state == CALL_WAITING) {
            queue_remove(&fixture.queue, call);
        }
        if (call->state == CALL_ACTIVE) {
            queue_end(&fixture.queue, call);
        }
        call->gate->n_calls--;
    }
    queue_done(&fixture.queue);
    secret_done(&fixture.tokens[0]);
    secret_done(&fixture.tokens[1]);
    secret_done(&fixture.again);
    clock_release();
    return 0;
}

/* Offers a call. NULL: it was refused. */
static struct upstream_call *offer(size_t token, enum call_priority priority, unsigned deadline_ms,
                                   struct error *err)
{
    struct upstream_call *call = &fixture.calls[fixture.n_calls];

    assert_true(fixture.n_calls < N_CALLS);
    *call = (struct upstream_call){.request = {.token = &fixture.tokens[token],
                                               .priority = priority,
                                               .deadline_ms = deadline_ms},
                                   .begin_ms = clock_now_ms()};
    call->gate = queue_gate(&fixture.queue, &call->request);
    if (queue_admits(&fixture.queue, call->gate, call, err) != ERR_OK) {
        return NULL;
    }
    fixture.n_calls++;
    call->gate->n_calls++;
    call->state = CALL_WAITING;
    queue_put(&fixture.queue, call, false);
    return call;
}

static struct upstream_call *put(size_t token, enum call_priority priority)
{
    struct upstream_call *call = offer(token, priority, 0, NULL);

    assert_non_null(call);
    return call;
}

static struct upstream_call *take(void)
{
    struct upstream_call *call = queue_take(&fixture.queue);

    if (call != NULL) {
        call->state = CALL_ACTIVE;
        queue_begin(&fixture.queue, call);
    }
    return call;
}

static void end(struct upstream_call *call)
{
    call->state = CALL_IDLE;
    queue_end(&fixture.queue, call);
}

static void probes_come_first_and_the_background_last(void **state)
{
    struct upstream_call *run = put(0, CALL_BACKGROUND);
    struct upstream_call *first = put(0, CALL_USUAL);
    struct upstream_call *second = put(0, CALL_USUAL);
    struct upstream_call *probe = put(0, CALL_PROBE);

    (void)state;
    assert_ptr_equal(take(), probe);
    assert_ptr_equal(take(), first);
    assert_null(take()); /* two at once */
    end(probe);
    assert_ptr_equal(take(), second);
    end(first);
    assert_ptr_equal(take(), run);
    assert_null(take());
}

/* What is on the wire may hang: whether it does the probe is to find out. */
static void a_probe_waits_for_no_room(void **state)
{
    struct upstream_call *first = put(0, CALL_USUAL);
    struct upstream_call *second = put(0, CALL_USUAL);
    struct upstream_call *third = put(0, CALL_USUAL);
    struct upstream_call *probe;

    (void)state;
    assert_ptr_equal(take(), first);
    assert_ptr_equal(take(), second);
    assert_null(take()); /* two at once */
    probe = put(0, CALL_PROBE);
    assert_ptr_equal(take(), probe);
    assert_null(take());
    end(first);
    assert_null(take()); /* the probe counts as well */
    end(probe);
    assert_ptr_equal(take(), third);
}

static void the_background_does_not_wait_for_ever(void **state)
{
    struct upstream_call *run = put(0, CALL_BACKGROUND);
    struct upstream_call *usual = put(0, CALL_USUAL);

    (void)state;
    clock_advance((uint64_t)BACKGROUND_PATIENCE_MS + 1);
    assert_ptr_equal(take(), run);
    assert_ptr_equal(take(), usual);
}

static void each_token_has_its_own_limit_and_they_take_turns(void **state)
{
    struct upstream_call *calls[2][3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        calls[0][i] = put(0, CALL_USUAL);
    }
    for (size_t i = 0; i < 3; i++) {
        calls[1][i] = put(1, CALL_USUAL);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(take(), calls[0][i]);
        assert_ptr_equal(take(), calls[1][i]);
    }
    assert_null(take());
    end(calls[1][0]);
    assert_ptr_equal(take(), calls[1][2]);
}

static void beyond_max_waiting_usual_calls_are_refused_and_others_wait(void **state)
{
    struct error err = {0};

    (void)state;
    for (unsigned i = 0; i < 2 + 8; i++) {
        (void)put(0, CALL_USUAL);
        (void)(i < 2 ? take() : NULL);
    }
    assert_null(offer(0, CALL_USUAL, 0, &err));
    assert_int_equal(err.code, ERR_OVERLOADED);
    assert_int_equal(err.retry_after_s, OVERLOADED_RETRY_AFTER_S);
    (void)put(0, CALL_BACKGROUND);
    (void)put(0, CALL_PROBE);
    assert_int_equal(fixture.queue.n_waiting, 10);
}

static void use_up(size_t token)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)put(token, CALL_USUAL);
        assert_non_null(take());
    }
}

/* Two at once, 50 ms each: the first that waits is answered after 75 ms, the second after 100. */
static void what_cannot_meet_its_deadline_is_refused_at_once(void **state)
{
    struct error err = {0};
    struct gate *gate;

    (void)state;
    use_up(0);
    gate = fixture.calls[0].gate;
    gate->adapt.mean_us = MEAN_US;
    gate->adapt.base_us = MEAN_US;
    (void)put(0, CALL_USUAL);
    assert_null(offer(0, CALL_USUAL, 99, &err));
    assert_int_equal(err.code, ERR_OVERLOADED);
    assert_non_null(offer(0, CALL_USUAL, 101, &err));
    assert_non_null(offer(0, CALL_BACKGROUND, 99, &err)); /* nobody waits for it */
    gate->adapt.mean_us = UINT64_C(10000000);
    assert_null(offer(0, CALL_USUAL, 20000, &err));
    assert_true(err.retry_after_s > 10); /* when there will be room */
}

static void one_that_waited_too_long_is_not_sent(void **state)
{
    struct upstream_call *call;

    (void)state;
    use_up(0);
    fixture.calls[0].gate->adapt.mean_us = MEAN_US;
    call = offer(0, CALL_USUAL, 1000, NULL);
    assert_non_null(call);
    assert_false(queue_is_too_late(call, clock_now_ms() + 949));
    assert_true(queue_is_too_late(call, clock_now_ms() + 950));
    call->tries = 1; /* it was sent before: its answer is wanted whenever it comes */
    assert_false(queue_is_too_late(call, clock_now_ms() + 999));
}

static void after_an_overflow_only_what_is_answered_soon_waits(void **state)
{
    struct gate *gate;
    struct error err = {0};
    struct upstream_call *call;
    unsigned n_shed = 0;

    (void)state;
    use_up(0);
    gate = fixture.calls[0].gate;
    gate->adapt.mean_us = MEAN_US;
    gate->adapt.base_us = MEAN_US;
    for (unsigned i = 0; i < 8; i++) {
        (void)put(0, CALL_USUAL); /* a burst may fill the queue: the last waits 200 ms */
    }
    assert_null(queue_shed(&fixture.queue, gate));
    assert_null(offer(0, CALL_USUAL, 0, &err));
    assert_true(gate->overloaded);
    while ((call = queue_shed(&fixture.queue, gate)) != NULL) {
        call->state = CALL_IDLE;
        n_shed++;
    }
    assert_int_equal(n_shed,
                     7); /* one is answered after 75 ms, 1.5 times the usual; the next 100 */
    assert_null(offer(0, CALL_USUAL, 0, &err));
    assert_true(gate->overloaded);
    end(&fixture.calls[0]);
    clock_advance(OVERLOAD_MS - 1);
    call = take();
    assert_non_null(call);
    assert_true(gate->overloaded); /* nobody waits any more, but the rush may go on */
    clock_advance(1);
    end(call);
    (void)put(0, CALL_USUAL);
    assert_non_null(take());
    assert_false(gate->overloaded);
    (void)put(0, CALL_USUAL);
    (void)put(0, CALL_USUAL);
}

/* As after a reload. */
static void the_same_token_at_another_place_keeps_its_gate(void **state)
{
    struct upstream_request request = {.token = &fixture.tokens[0]};
    struct gate *gate = queue_gate(&fixture.queue, &request);

    (void)state;
    request.token = &fixture.again;
    assert_ptr_equal(queue_gate(&fixture.queue, &request), gate);
    request = (struct upstream_request){.bearer = STR("token-one")};
    assert_ptr_equal(queue_gate(&fixture.queue, &request), gate);
    request.token = &fixture.tokens[1];
    assert_ptr_not_equal(queue_gate(&fixture.queue, &request), gate);
}

static void strangers_cannot_make_gates_without_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * GATES_MAX; i++) {
        char bearer[16];
        struct buf text;

        buf_init(&text, sizeof(bearer));
        buf_printf(&text, "token-%u", i);
        const struct upstream_request request = {.bearer = buf_view(&text)};

        assert_non_null(queue_gate(&fixture.queue, &request));
        assert_ptr_equal(queue_gate(&fixture.queue, &request),
                         queue_gate(&fixture.queue, &request));
        buf_done(&text);
    }
    assert_int_equal(fixture.queue.n_gates, GATES_MAX);
}

int test_queue(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_probe_waits_for_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(probes_come_first_and_the_background_last, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_background_does_not_wait_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_token_has_its_own_limit_and_they_take_turns, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(beyond_max_waiting_usual_calls_are_refused_and_others_wait,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_meet_its_deadline_is_refused_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_waited_too_long_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_an_overflow_only_what_is_answered_soon_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_token_at_another_place_keeps_its_gate, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(strangers_cannot_make_gates_without_end, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("queue before the platform", tests, NULL, NULL);
}
