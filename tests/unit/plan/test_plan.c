/* Plans: order, conditions, polling, failures, cancel, stop, deadlines. */
#include "fake_port.h"

int test_plan(void);

static void rows_run_in_order_and_feed_each_other(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{\"success\":true,\"item\":{\"id\":41}}"},
       {.status = 201, .body = "{\"goal\":{\"id\":\"42\"}}"}, {.status = 200, .body = "{}"});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(0, "POST /projects {\"name\":\"a \\\"b\\\"\",\"organizationId\":7}");
    expect_seen(1, "POST /projects/41/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":41}");
    expect_seen(2, "GET /executions/42/status");
    assert_int_equal(plan.n_calls, 3);
    assert_int_equal(plan.rows[1].http_status, 201);
    assert_int_equal(plan.last_status, 200);
    assert_null(plan_get(&plan, "extra"));
}

static void an_empty_plan_ends_well_and_not_from_start(void **state)
{
    (void)state;
    GO({.status = 200});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
}

static void what_was_found_is_not_created(void **state)
{
    (void)state;
    find_or_create();
    GO({.status = 200, .body = "{\"success\":true,\"items\":[{\"id\":5}]}"},
       {.status = 200, .body = "{\"id\":6}"});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(fake.n_asked, 2);
    expect_seen(0, "GET /projects?name=a%20%22b%22");
    expect_seen(1, "POST /projects/5/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":5}");
    assert_int_equal(plan.rows[1].status, ROW_SKIPPED);
    assert_int_equal(json_size(plan_report(&plan)), 2);
}

static void what_was_not_found_is_created(void **state)
{
    (void)state;
    find_or_create();
    GO({.status = 200, .body = "{\"success\":true,\"items\":[]}"},
       {.status = 200, .body = "{\"id\":8}"}, {.status = 200, .body = "{\"id\":9}"});
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(2, "POST /projects/8/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":8}");
}

static void the_first_failure_ends_the_plan_and_the_report_says_what_exists(void **state)
{
    struct json *report;

    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{\"id\":41}"},
       {.status = 409,
        .body = "{\"success\":false,\"error\":{\"code\":\"x\",\"message\":\"name is taken\"}}"});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(plan.error.upstream_status, 409);
    assert_non_null(strstr(plan.error.text, "name is taken"));
    assert_non_null(strstr(plan.error.text, "create goal"));
    report = plan_report(&plan);
    assert_true(str_eq(json_text(&arena, report),
                       STR("[{\"name\":\"create project\",\"status\":\"done\",\"http_status\":200,"
                           "\"ms\":0},{\"name\":\"create goal\",\"status\":\"failed\","
                           "\"http_status\":409,\"ms\":0,\"error\":\"create goal: the platform "
                           "refused (409): name is taken\"}]")));
    assert_int_equal(plan.rows[2].status, ROW_PENDING);
}

static void keep_going_goes_on_after_a_failure(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[CREATE_PROJECT])->keep_going = true;
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 500, .body = "{}"}, {.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
    assert_int_equal(plan.rows[0].error->code, ERR_UPSTREAM_ERROR);
    assert_int_equal(plan.rows[1].status, ROW_DONE);
}

static enum plan_verdict wait_finished(struct plan *p, struct plan_row *row,
                                       const struct json *answer, uint64_t *delay_ms,
                                       struct error *err)
{
    (void)p;
    (void)row;
    (void)err;
    *delay_ms = 2000;
    return str_is(json_str(json_get(answer, "status")), "FINISHED") ? PLAN_NEXT : PLAN_AGAIN;
}

static void a_row_polls_until_its_after_is_content(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"FINISHED\"}"}, {.status = 204, .body = ""});
    assert_int_equal(fake.n_asked, 1);
    pass_ms(1999);
    assert_int_equal(fake.n_asked, 1);
    pass_ms(1);
    assert_int_equal(fake.n_asked, 2);
    pass_ms(2000);
    pass_ms(2000);
    assert_int_equal(fake.n_asked, 5);
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.rows[0].tries, 4);
    assert_true(str_is(json_str(json_get(plan.rows[0].answer, "status")), "FINISHED"));
    assert_int_equal(plan.rows[0].us, 6000000);
}

static void the_deadline_of_the_plan_ends_polling(void **state)
{
    (void)state;
    plan.options.deadline_ms = 5000;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{\"status\":\"A\"}"}, {.status = 200, .body = "{\"status\":\"A\"}"},
       {.status = 200, .body = "{\"status\":\"A\"}"},
       {.status = 200, .body = "{\"status\":\"A\"}"});
    assert_int_equal(fake.deadline_ms, 5000);
    pass_ms(2000);
    assert_int_equal(fake.deadline_ms, 3000);
    pass_ms(2000);
    assert_int_equal(n_done, 0);
    pass_ms(1000);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_UPSTREAM_TIMEOUT);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
}

static void a_create_in_flight_at_the_deadline_is_unknown(void **state)
{
    (void)state;
    plan.options.deadline_ms = 5000;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.silent = true});
    assert_true(plan_must_finish(&plan));
    pass_ms(5000);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_int_equal(fake.n_cancelled, 1);
}

static void cancel_is_silent_at_every_stage(void **state)
{
    struct plan zero = {0};

    (void)state;
    plan_cancel(&zero);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    /* before the first turn */
    plan_start(&plan, on_done, NULL);
    plan_cancel(&plan);
    plan_cancel(&plan);
    assert_true(later_is_empty(&fake.later));
    /* in flight */
    (void)end(NULL);
    (void)begin(NULL);
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.silent = true});
    plan_cancel(&plan);
    assert_int_equal(fake.n_cancelled, 1);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    /* between two polls */
    (void)end(NULL);
    (void)begin(NULL);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{}"});
    plan_cancel(&plan);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
    assert_int_equal(n_done, 0);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static void stop_lets_the_row_in_flight_end(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    fake.n_script = 1;
    fake.script = &(const struct scripted){.status = 200, .body = "{\"id\":1}"};
    plan_start(&plan, on_done, NULL);
    (void)later_run(&fake.later);
    assert_true(plan_must_finish(&plan));
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
    assert_int_equal(plan.rows[0].status, ROW_DONE);
    assert_int_equal(plan.rows[1].status, ROW_PENDING);
}

static void stop_at_the_last_row_or_between_polls_is_prompt(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    fake.n_script = 1;
    fake.script = &(const struct scripted){.status = 200, .body = "{\"id\":1}"};
    plan_start(&plan, on_done, NULL);
    (void)later_run(&fake.later);
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(plan.result, ERR_OK); /* nothing was left out */

    (void)end(NULL);
    (void)begin(NULL);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{}"});
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static enum plan_verdict append_more(struct plan *p, struct plan_row *row,
                                     const struct json *answer, uint64_t *delay_ms,
                                     struct error *err)
{
    (void)row;
    (void)answer;
    *delay_ms = 0;
    (void)err;
    if (p->n_rows < 40) {
        plan_append(p, &calls[STATUS])->after = append_more;
    }
    return PLAN_NEXT;
}

static void after_may_append_rows(void **state)
{
    static struct scripted script[40];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(script); i++) {
        script[i] = (struct scripted){.status = 200, .body = "{}"};
    }
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = append_more;
    go(script, ARRAY_LEN(script));
    assert_int_equal(plan.n_rows, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(plan.rows[i].status, ROW_DONE);
    }
    assert_int_equal(plan.result, ERR_OK);
}

static enum plan_verdict ask_status_twice(struct plan *p, struct plan_row *row)
{
    assert_int_equal(row->status, ROW_UNKNOWN);
    assert_int_equal(row->error->code, ERR_OUTCOME_UNKNOWN);
    plan_insert(p, &calls[STATUS])->label = "first look";
    plan_insert(p, &calls[STATUS])->label = "second look";
    return PLAN_NEXT;
}

static void a_failed_row_may_insert_rows_that_look(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[CREATE_PROJECT])->failed = ask_status_twice;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.code = ERR_OUTCOME_UNKNOWN, .body = ""}, {.status = 200, .body = "{}"},
       {.status = 200, .body = "{}"}, {.status = 204, .body = ""});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.n_rows, 4);
    assert_string_equal(plan.rows[1].label, "first look");
    assert_string_equal(plan.rows[2].label, "second look");
    expect_seen(3, "DELETE /goals/3");
}

static void before_may_skip_a_row_and_set_values(void **state)
{
    (void)state;
    plan_append(&plan, &calls[CREATE_PROJECT])->before = before_never;
    plan_append(&plan, &calls[STATUS])->before = before_sets;
    GO({.status = 200, .body = "{}"});
    assert_int_equal(fake.n_asked, 1);
    expect_seen(0, "GET /executions/77/status");
    assert_int_equal(plan.rows[0].status, ROW_SKIPPED);
}

static void args_of_a_row_come_before_variables(void **state)
{
    struct json *args = json_new_object(&arena);

    (void)state;
    json_set(args, STR("goal_id"), json_new_int(&arena, 5));
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->args = args;
    plan_append(&plan, &calls[STATUS])->save_as = "last";
    GO({.status = 200, .body = "{}"}, {.status = 200, .body = "{\"a\":[1]}"});
    expect_seen(0, "GET /executions/5/status");
    expect_seen(1, "GET /executions/3/status");
    assert_int_equal(json_size(json_find(plan_get(&plan, "last"), "/a")), 1);
}

static enum plan_verdict done_at_once(struct plan *p, struct plan_row *row,
                                      const struct json *answer, uint64_t *delay_ms,
                                      struct error *err)
{
    (void)p;
    (void)row;
    (void)answer;
    (void)err;
    *delay_ms = 0;
    return PLAN_DONE;
}

static void a_row_may_end_the_plan(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = done_at_once;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.rows[1].status, ROW_PENDING);
}

static void a_patient_row_outlives_a_platform_that_is_away(void **state)
{
    struct plan_row *row;

    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    row = plan_append(&plan, &calls[STATUS]);
    row->after = wait_finished;
    row->patience_ms = 20000;
    GO({.status = 200, .body = "{\"status\":\"RUNNING\"}"}, {.status = 503, .body = "{}"},
       {.code = ERR_UPSTREAM_CONNECT, .body = ""},
       {.status = 429, .body = "{}", .retry_after_s = 6}, {.status = 200, .body = "no json"},
       {.status = 200, .body = "{\"status\":\"FINISHED\"}"});
    pass_ms(2000); /* 503 */
    assert_int_equal(fake.n_asked, 2);
    pass_ms(999);
    assert_int_equal(fake.n_asked, 2);
    pass_ms(1); /* no connection */
    assert_int_equal(fake.n_asked, 3);
    pass_ms(2000); /* 429: as long as it says */
    pass_ms(5999);
    assert_int_equal(fake.n_asked, 4);
    pass_ms(1); /* no JSON */
    assert_int_equal(fake.n_asked, 5);
    pass_ms(8000);
    assert_int_equal(fake.n_asked, 6);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.rows[0].status, ROW_DONE);
    assert_int_equal(plan.rows[0].error->code, ERR_OK);
}

static void the_second_look_times_out(unsigned deadline_ms)
{
    struct plan_row *row;

    (void)end(NULL);
    (void)begin(NULL);
    plan.options.deadline_ms = deadline_ms;
    plan_set_str(&plan, "goal_id", STR("3"));
    row = plan_append(&plan, &calls[STATUS]);
    row->after = wait_finished;
    row->patience_ms = 20000;
    GO({.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.code = ERR_UPSTREAM_TIMEOUT, .body = ""});
    pass_ms(2000);
    assert_int_equal(fake.n_asked, 2);
}

static void what_the_time_of_the_plan_cuts_off_is_no_sign_of_the_platform(void **state)
{
    (void)state;
    the_second_look_times_out(2050);
    assert_int_equal(plan.n_away, 0);
    pass_ms(50);
    assert_int_equal(n_done, 1);
    the_second_look_times_out(60000);
    assert_int_equal(plan.n_away, 1);
    plan_stop_after_row(&plan);
    pass_ms(0);
    assert_int_equal(n_done, 1);
}

static void patience_ends_and_refusals_are_not_outlived(void **state)
{
    struct plan_row *row;

    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->patience_ms = 4000;
    GO({.status = 503, .body = "{}"}, {.status = 503, .body = "{}"}, {.status = 503, .body = "{}"});
    pass_ms(1000);
    pass_ms(2000);
    assert_int_equal(n_done, 1); /* 4 s more would be past it */
    assert_int_equal(plan.result, ERR_UPSTREAM_ERROR);

    (void)end(NULL);
    (void)begin(NULL);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->patience_ms = 4000;
    GO({.status = 404, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);

    (void)end(NULL);
    (void)begin(NULL);
    row = plan_append(&plan, &calls[CREATE_PROJECT]);
    row->patience_ms = 4000; /* a create is sent once */
    GO({.status = 503, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_ERROR);
    assert_int_equal(fake.n_asked, 1);
}

static void a_patient_row_can_be_stopped_while_it_waits(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->patience_ms = 60000;
    GO({.status = 503, .body = "{}"});
    plan_stop_after_row(&plan);
    pass_ms(0);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static void a_row_that_cannot_be_sent_fails_like_any_other(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[STATUS]); /* goal_id is not set */
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_INTERNAL);
    assert_int_equal(n_done, 1);
    assert_int_equal(fake.n_asked, 0);

    (void)end(NULL);
    (void)begin(NULL);
    fake.refuse = ERR_OVERLOADED;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_OVERLOADED);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
}

static void cancel_on_second(struct plan *p, struct plan_row *row)
{
    n_progress++;
    if (row == &p->rows[1] && row->status == ROW_RUNNING) {
        plan_cancel(p);
    }
}

static void progress_is_told_and_may_cancel(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan.on_progress = cancel_on_second;
    (void)plan_append(&plan, &calls[STATUS]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{}"}, {.status = 200, .body = "{}"});
    assert_int_equal(n_progress, 3);
    assert_int_equal(n_done, 0);
    assert_int_equal(fake.n_asked, 1);
}

static void each_call_carries_the_trace(void **state)
{
    struct trace trace;

    (void)state;
    trace_begin(&trace, 0);
    trace.state = STR("a=1");
    plan.options.trace = &trace;
    plan_set_str(&plan, "goal_id", STR("3"));
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{}"});
    assert_non_null(strstr(fake.traceparent, trace.trace_id));
    assert_true(str_is(fake.tracestate, "a=1"));
}

int test_plan(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(rows_run_in_order_and_feed_each_other),
        T(an_empty_plan_ends_well_and_not_from_start),
        T(what_was_found_is_not_created),
        T(what_was_not_found_is_created),
        T(the_first_failure_ends_the_plan_and_the_report_says_what_exists),
        T(keep_going_goes_on_after_a_failure),
        T(a_row_polls_until_its_after_is_content),
        T(the_deadline_of_the_plan_ends_polling),
        T(a_create_in_flight_at_the_deadline_is_unknown),
        T(cancel_is_silent_at_every_stage),
        T(stop_lets_the_row_in_flight_end),
        T(stop_at_the_last_row_or_between_polls_is_prompt),
        T(after_may_append_rows),
        T(a_failed_row_may_insert_rows_that_look),
        T(before_may_skip_a_row_and_set_values),
        T(args_of_a_row_come_before_variables),
        T(a_row_may_end_the_plan),
        T(a_patient_row_outlives_a_platform_that_is_away),
        T(what_the_time_of_the_plan_cuts_off_is_no_sign_of_the_platform),
        T(patience_ends_and_refusals_are_not_outlived),
        T(a_patient_row_can_be_stopped_while_it_waits),
        T(a_row_that_cannot_be_sent_fails_like_any_other),
        T(progress_is_told_and_may_cancel),
        T(each_call_carries_the_trace),
#undef T
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
