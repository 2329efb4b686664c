/* A row with a guide: it waits for its turn, asks something before its own call and something else
 * when that one was lost, and leaves exactly once, whatever ends it. */
#include "fake_port.h"

#define OK_ID                                                                                      \
    {                                                                                              \
        .status = 200, .body = "{\"id\":5}"                                                        \
    }
#define OK_LOOK                                                                                    \
    {                                                                                              \
        .status = 200, .body = "{\"n\":1}"                                                         \
    }

enum phase { IDLE, WAITS, ASKS, SENDS, LOOKS };

static struct {
    enum phase phase;
    bool must_wait;
    bool asks_first;
    bool found;
    unsigned n_entered;
    unsigned n_left;
    enum row_status left_with;
} guided;

static void send_own(struct plan_row *row)
{
    guided.phase = SENDS;
    row->sends = NULL;
    row->disproved = false;
}

static void take_turn(struct plan_row *row)
{
    if (guided.asks_first) {
        guided.phase = ASKS;
        row->sends = &calls[STATUS];
    } else {
        send_own(row);
    }
}

static enum plan_verdict enter(struct plan *p, struct plan_row *row, struct error *err)
{
    (void)p;
    (void)err;
    guided.n_entered++;
    row->disproved = true;
    guided.phase = WAITS;
    if (guided.must_wait) {
        return PLAN_AGAIN;
    }
    take_turn(row);
    return PLAN_NEXT;
}

static enum plan_verdict answered(struct plan *p, struct plan_row *row, struct error *err)
{
    (void)p;
    if (guided.phase == ASKS) {
        send_own(row);
        return PLAN_AGAIN;
    }
    if (guided.phase == LOOKS && !guided.found) {
        (void)error_set(err, ERR_OUTCOME_UNKNOWN, "not there");
        return PLAN_FAIL;
    }
    row->doubtful = false;
    return PLAN_NEXT;
}

static enum plan_verdict failed(struct plan *p, struct plan_row *row)
{
    (void)p;
    if (guided.phase != SENDS || !row_may_have_acted(row)) {
        return PLAN_FAIL;
    }
    guided.phase = LOOKS;
    row->sends = &calls[STATUS];
    row->doubtful = true;
    return PLAN_AGAIN;
}

static void leave(struct plan_row *row)
{
    guided.n_left++;
    guided.left_with = row->status;
}

static const struct plan_guide guide = {enter, answered, failed, leave};

static int begin_guided(void **state)
{
    int result = begin(state);

    memset(&guided, 0, sizeof(guided));
    guided.asks_first = true;
    plan_set_str(&plan, "goal_id", STR("7"));
    plan_append(&plan, &calls[CREATE_PROJECT])->guide = &guide;
    return result;
}

static int end_guided(void **state)
{
    assert_int_equal(guided.n_left, guided.n_entered);
    return end(state);
}

static void it_asks_before_it_sends(void **state)
{
    (void)state;
    plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.status = 200, .body = "{\"n\":1}"}, OK_ID, {.status = 204, .body = ""});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(0, "GET /executions/7/status");
    assert_true(strncmp(fake.seen[1], "POST /projects", 14) == 0);
    expect_seen(2, "DELETE /goals/7");
    assert_int_equal(guided.left_with, ROW_DONE);
    assert_int_equal(json_size(plan_made(&plan, NULL)), 2);
}

static void what_it_asks_may_fail_and_nothing_was_sent(void **state)
{
    (void)state;
    GO({.status = 500, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_ERROR);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
    assert_false(row_may_have_acted(&plan.rows[0]));
}

static void a_lost_answer_is_looked_for(void **state)
{
    (void)state;
    guided.found = true;
    GO(OK_LOOK, {.code = ERR_OUTCOME_UNKNOWN}, OK_LOOK);
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.rows[0].status, ROW_DONE);
    assert_int_equal(fake.n_asked, 3);
}

static void what_is_not_found_is_unknown(void **state)
{
    (void)state;
    plan_append(&plan, &calls[DELETE_GOAL]);
    GO(OK_LOOK, {.status = 500, .body = "{}"}, OK_LOOK);
    assert_int_equal(plan.result, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_true(row_may_have_acted(&plan.rows[0]));
    assert_null(plan.rows[0].answer); /* it was another call's */
    assert_null(plan_made(&plan, NULL));
}

static void a_refusal_is_not_looked_for(void **state)
{
    (void)state;
    GO(OK_LOOK, {.status = 400, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(guided.left_with, ROW_FAILED);
}

static void it_waits_until_its_turn(void **state)
{
    (void)state;
    guided.must_wait = true;
    guided.asks_first = false;
    GO(OK_ID);
    assert_int_equal(fake.n_asked, 0);
    assert_int_equal(n_done, 0);
    take_turn(&plan.rows[0]);
    plan_go_on(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
}

static void who_waits_can_be_cancelled(void **state)
{
    (void)state;
    guided.must_wait = true;
    GO(OK_ID);
    plan_cancel(&plan);
    assert_int_equal(guided.left_with, ROW_SKIPPED);
    assert_int_equal(fake.n_cancelled, 0);
    plan_cancel(&plan);
    assert_int_equal(n_done, 0);
}

static void who_waits_is_stopped_at_once(void **state)
{
    (void)state;
    guided.must_wait = true;
    GO(OK_ID);
    plan_stop_after_row(&plan);
    assert_int_equal(guided.left_with, ROW_SKIPPED);
    assert_int_equal(n_done, 0); /* never from inside */
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static void who_is_stopped_while_it_asks_sends_nothing(void **state)
{
    static const struct scripted script[] = {{.silent = true}};

    (void)state;
    go(script, 1);
    plan_stop_after_row(&plan);
    fake.call->state = CALL_IDLE;
    fake.call->reply.status = 200;
    fake.call->reply.body = STR("{\"n\":1}");
    fake.call->on_done(fake.call, ERR_OK);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
    assert_int_equal(plan.rows[0].status, ROW_SKIPPED);
    assert_int_equal(fake.n_asked, 1);
}

static void whose_time_is_over_has_sent_nothing(void **state)
{
    (void)state;
    guided.must_wait = true;
    plan.options.deadline_ms = 1000;
    GO(OK_ID);
    pass_ms(2000);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OVERLOADED);
    assert_int_equal(plan.error.retry_after_s, 1);
    assert_int_equal(guided.left_with, ROW_FAILED);
    assert_false(row_may_have_acted(&plan.rows[0]));
}

static void whose_time_is_over_while_it_looks_is_unknown(void **state)
{
    (void)state;
    plan.options.deadline_ms = 1000;
    GO(OK_LOOK, {.status = 500, .body = "{}"}, {.silent = true});
    pass_ms(2000);
    assert_int_equal(plan.result, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(guided.left_with, ROW_UNKNOWN);
    assert_int_equal(fake.n_cancelled, 1);
}

/* --- the gate, before a guide knows of its row */

static enum plan_verdict gate(struct plan *p, struct plan_row *row)
{
    (void)p;
    (void)row;
    return PLAN_AGAIN;
}

static void what_waits_at_the_gate_is_not_begun(void **state)
{
    (void)state;
    plan.gate = gate;
    plan_append(&plan, &calls[STATUS]);
    GO(OK_LOOK, OK_ID, OK_LOOK);
    assert_int_equal(fake.n_asked, 0);
    assert_int_equal(guided.n_entered, 0);
    assert_true(plan.gated);
    plan_go_on(&plan);
    pass_ms(0);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(2, "GET /executions/7/status"); /* whoever only reads does not wait there */
}

static void who_waits_at_the_gate_is_stopped_at_once(void **state)
{
    (void)state;
    plan.gate = gate;
    GO(OK_LOOK);
    plan_stop_after_row(&plan);
    pass_ms(0);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.rows[0].status, ROW_SKIPPED);
    assert_int_equal(fake.n_asked, 0);
}

static void who_waits_at_the_gate_can_be_cancelled(void **state)
{
    (void)state;
    plan.gate = gate;
    GO(OK_LOOK);
    plan_cancel(&plan);
    assert_int_equal(plan.rows[0].status, ROW_SKIPPED);
    assert_int_equal(guided.n_left, 0);
}

static void whose_time_is_over_at_the_gate_has_sent_nothing(void **state)
{
    (void)state;
    plan.options.deadline_ms = 1000;
    plan.gate = gate;
    GO(OK_LOOK);
    pass_ms(2000);
    assert_int_equal(plan.result, ERR_OVERLOADED);
    assert_false(row_may_have_acted(&plan.rows[0]));
    assert_int_equal(fake.n_asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_guided, end_guided)

int test_guide(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_asks_before_it_sends),
        TEST(what_it_asks_may_fail_and_nothing_was_sent),
        TEST(a_lost_answer_is_looked_for),
        TEST(what_is_not_found_is_unknown),
        TEST(a_refusal_is_not_looked_for),
        TEST(it_waits_until_its_turn),
        TEST(who_waits_can_be_cancelled),
        TEST(who_waits_is_stopped_at_once),
        TEST(who_is_stopped_while_it_asks_sends_nothing),
        TEST(whose_time_is_over_has_sent_nothing),
        TEST(whose_time_is_over_while_it_looks_is_unknown),
        TEST(what_waits_at_the_gate_is_not_begun),
        TEST(who_waits_at_the_gate_is_stopped_at_once),
        TEST(who_waits_at_the_gate_can_be_cancelled),
        TEST(whose_time_is_over_at_the_gate_has_sent_nothing),
    };

    return cmocka_run_group_tests_name("guide", tests, NULL, NULL);
}
