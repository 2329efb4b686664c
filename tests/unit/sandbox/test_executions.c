/* Executions: their course over time, their outcomes, and what they leak. */
#include "fixture.h"

static int64_t run_goal(struct fixture *f, const char *body)
{
    return int_at(call_ok(f, "POST", TEXT(f, "/goals/%lld/execute", (long long)f->goal), body),
                  "/id");
}

static const struct json *status_of(struct fixture *f, int64_t id)
{
    return call_ok(f, "GET", TEXT(f, "/executions/%lld/status", (long long)id), NULL);
}

static void an_execution_is_queued_then_running_then_finished(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t id;

    make_structure(f);
    for (int i = 0; i < 7; i++) {
        (void)make_step(f, f->checkpoint, 1 + i, "x");
    }
    id = run_goal(f, "{}");
    json = status_of(f, id);
    assert_text(json, "/status", "QUEUED");
    assert_int_equal(json_type(json_get(json, "startDate")), JSON_NULL);
    clock_advance(200);
    json = status_of(f, id);
    assert_text(json, "/status", "RUNNING");
    assert_int_equal(int_at(json, "/startDate"), WALL_MS + 200);
    assert_int_equal(json_type(json_get(json, "outcome")), JSON_NULL);
    assert_int_equal(int_at(json, "/journeyStatistics/countPerOutcome/RUNNING"), 1);
    clock_advance(400);
    json = call_ok(f, "GET", TEXT(f, "/jobs/%lld/status", (long long)id), NULL);
    assert_text(json, "/status", "RUNNING");
    assert_true(json_double(json_get(json, "progress")) == 0.5);
    clock_advance(400);
    json = status_of(f, id);
    assert_text(json, "/status", "FINISHED");
    assert_text(json, "/outcome", "PASS");
    assert_text(json, "/type", "EXECUTION");
    assert_int_equal(int_at(json, "/endDate"), WALL_MS + 1000);
    assert_int_equal(int_at(json, "/duration"), 800);
    assert_int_equal(int_at(json, "/totalTestExecutions"), 1);
    assert_int_equal(int_at(json, "/successfulTestExecutions"), 1);
    clock_advance(100000);
    assert_true(json_equal(json, status_of(f, id)));
}

static void a_failing_step_stops_its_journey(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *steps;
    int64_t good;
    int64_t bad;
    int64_t never;
    int64_t id;

    make_structure(f);
    good = make_step(f, f->checkpoint, 1, "good");
    bad = make_step(f, f->checkpoint, 2, "please FAIL");
    never = make_step(f, f->checkpoint, 3, "never");
    id = run_goal(f, NULL);
    clock_advance(2000);
    json = status_of(f, id);
    assert_text(json, "/status", "FINISHED");
    assert_text(json, "/outcome", "FAIL");
    assert_int_equal(int_at(json, "/failedTestExecutions"), 1);
    json = call_ok(f, "GET", TEXT(f, "/executions/%lld", (long long)id), NULL);
    steps = TEXT(f, "/testSuites/%lld/testCases/%lld/testSteps", (long long)f->journey,
                 (long long)f->checkpoint);
    assert_text(json, TEXT(f, "%s/%lld/outcome", steps, (long long)good), "PASS");
    assert_text(json, TEXT(f, "%s/%lld/outcome", steps, (long long)bad), "FAIL");
    assert_text(json, TEXT(f, "%s/%lld/outcome", steps, (long long)never), "NOT_REACHED");
    assert_text(json, TEXT(f, "/testSuites/%lld/outcome", (long long)f->journey), "FAIL");
    json =
        call_ok(f, "GET", TEXT(f, "/executions/analysis/%lld?includeAI=true", (long long)id), NULL);
    assert_int_equal(int_at(json, "/failed"), 1);
    assert_int_equal(int_at(json, "/passed"), 2);
    assert_int_equal(int_at(json, "/errors/0/testStepId"), bad);
    json = call_ok(f, "GET",
                   TEXT(f, "/executions/%lld/suites/%lld/cases/%lld/steps/%lld", (long long)id,
                        (long long)f->journey, (long long)f->checkpoint, (long long)bad),
                   NULL);
    assert_text(json, "/outcome", "FAIL");
    json = call_ok(f, "GET",
                   TEXT(f, "/testsuites/latest_status?goalId=%lld&snapshotId=%lld",
                        (long long)f->goal, (long long)f->snapshot),
                   NULL);
    assert_text(json_first(json), "/lastExecution/statistics/outcome", "FAIL");
    json = call_ok(f, "GET",
                   TEXT(f, "/testsuites/execution?suiteId=%lld&jobId=%lld", (long long)f->journey,
                        (long long)id),
                   NULL);
    assert_text(json, "/outcome", "FAIL");
}

static void crash_is_error_and_ignored_outcomes_are_forgiven(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t id;

    make_structure(f);
    id = make_step(f, f->checkpoint, 1, "CRASH");
    (void)make_step(f, f->checkpoint, 2, "after");
    json = call_ok(f, "GET", TEXT(f, "/teststeps/%lld", (long long)id), NULL);
    (void)call_ok(f, "PUT", TEXT(f, "/teststeps/%lld/properties", (long long)id),
                  TEXT(f,
                       "{\"canonicalId\":\"%.*s\",\"action\":\"CLICK\",\"value\":\"CRASH\","
                       "\"ignoreOutcome\":true}",
                       STR_ARG(json_str(json_get(json, "canonicalId")))));
    id = run_goal(f, NULL);
    clock_advance(2000);
    assert_text(status_of(f, id), "/outcome", "PASS");
    (void)make_step(f, f->checkpoint, 2, "CRASH");
    id = run_goal(f, NULL);
    clock_advance(2000);
    assert_text(status_of(f, id), "/outcome", "ERROR");
}

static int64_t run_journey_titled(struct fixture *f, const char *title)
{
    (void)call_ok(f, "PUT", TEXT(f, "/testsuites/%lld", (long long)f->journey),
                  TEXT(f, "{\"title\":\"%s\"}", title));
    return int_at(
        call_ok(f, "POST", TEXT(f, "/testsuites/%lld/execute", (long long)f->journey), NULL),
        "/id");
}

static void titles_choose_other_endings(void **state)
{
    struct fixture *f = *state;
    int64_t id;

    make_structure(f);
    (void)make_step(f, f->checkpoint, 1, "second");
    id = run_journey_titled(f, "to CANCEL");
    clock_advance(599);
    assert_text(status_of(f, id), "/status", "RUNNING");
    clock_advance(1);
    assert_text(status_of(f, id), "/status", "CANCELED");
    assert_int_equal(json_type(json_get(status_of(f, id), "outcome")), JSON_NULL);
    assert_int_equal(int_at(status_of(f, id), "/notReachedTestExecutions"), 1);
    id = run_journey_titled(f, "to ABORT");
    clock_advance(600);
    assert_text(status_of(f, id), "/status", "FAILED");
    id = run_journey_titled(f, "to STALL");
    clock_advance(1000000);
    assert_text(status_of(f, id), "/status", "RUNNING");
    assert_int_equal(json_type(json_get(status_of(f, id), "endDate")), JSON_NULL);
}

static void only_named_journeys_run_when_some_are_named(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t draft;
    int64_t id;
    const char *path;

    make_structure(f);
    draft = int_at(call_ok(f, "POST", "/testsuites",
                           TEXT(f,
                                "{\"snapshotId\":%lld,\"goalId\":%lld,\"title\":\"t\","
                                "\"draft\":true}",
                                (long long)f->snapshot, (long long)f->goal)),
                   "/id");
    path =
        TEXT(f, "/goals/%lld/snapshots/%lld/execute", (long long)f->goal, (long long)f->snapshot);
    id =
        int_at(call_ok(f, "POST", path, TEXT(f, "{\"suiteIds\":[%lld]}", (long long)draft)), "/id");
    json = call_ok(f, "GET", TEXT(f, "/executions/%lld", (long long)id), NULL);
    assert_int_equal(json_size(json_get(json, "testSuites")), 1);
    assert_non_null(json_find(json, TEXT(f, "/testSuites/%lld", (long long)draft)));
    id = int_at(call_ok(f, "POST", path, NULL), "/id");
    assert_int_equal(int_at(status_of(f, id), "/totalTestExecutions"), 2);
    assert_int_equal(ask(f, "POST", TEXT(f, "/api%s", path), "{\"suiteIds\":[1]}"), 400);
    assert_int_equal(ask(f, "POST",
                         TEXT(f, "/api/goals/%lld/snapshots/%lld/execute", (long long)f->goal,
                              (long long)f->goal),
                         NULL),
                     404);
}

static void drafts_do_not_run_with_their_goal_where_the_option_says_so(void **state)
{
    struct fixture *f = *state;

    sandbox_state_free(f->state);
    f->options.run_drafts = false;
    f->state = sandbox_state_new(&f->options);
    make_structure(f);
    (void)call_ok(f, "PUT", TEXT(f, "/testsuites/%lld", (long long)f->journey),
                  "{\"title\":\"t\",\"draft\":true}");
    assert_int_equal(ask(f, "POST", TEXT(f, "/api/goals/%lld/execute", (long long)f->goal), NULL),
                     400);
    (void)call_ok(f, "PUT", TEXT(f, "/testsuites/%lld", (long long)f->journey),
                  "{\"title\":\"t\",\"draft\":false}");
    (void)run_goal(f, NULL);
}

static void the_leaking_fields_carry_what_was_given(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const struct json *leak;
    int64_t environment;
    int64_t id;

    make_structure(f);
    environment = int_at(
        call_ok(f, "POST", "/environments", "{\"name\":\"e\",\"variables\":{\"pw\":\"hunter2\"}}"),
        "/id");
    id = run_goal(f, TEXT(f, "{\"initialData\":{\"user\":\"ann\",\"n\":3},\"environmentId\":%lld}",
                          (long long)environment));
    clock_advance(2000);
    json = call_ok(f, "GET", TEXT(f, "/executions/%lld", (long long)id), NULL);
    leak = json_find(json,
                     TEXT(f, "/meta/initialDataPerJourneySequence/%lld/1", (long long)f->journey));
    assert_text(leak, "/user", "ann");
    assert_int_equal(int_at(leak, "/n"), 3);
    assert_text(leak, "/pw", "hunter2");
    assert_text(leak, "/sandboxPassword", "canary-1234");
    leak = json_find(json, TEXT(f, "/testSuites/%lld/testCases/%lld/testSteps",
                                (long long)f->journey, (long long)f->checkpoint));
    assert_text(json_first(leak), "/sideEffects/usedData/pw", "hunter2");
    assert_text(json, "/launchedByUser/email", "canary-1234@leak.example");
    assert_int_equal(int_at(json, "/environmentId"), environment);
    assert_text(status_of(f, id),
                TEXT(f, "/meta/initialDataPerJourneySequence/%lld/1/pw", (long long)f->journey),
                "hunter2");
    assert_int_equal(ask(f, "POST", TEXT(f, "/api/goals/%lld/execute", (long long)f->goal),
                         "{\"environmentId\":3}"),
                     404);
}

static void what_ran_stays_after_its_steps_are_deleted(void **state)
{
    struct fixture *f = *state;
    int64_t step;
    int64_t id;

    make_structure(f);
    step = make_step(f, f->checkpoint, 0, "FAIL");
    id = run_goal(f, NULL);
    assert_int_equal(
        ask(f, "DELETE",
            TEXT(f, "/api/testcases/%lld/steps/%lld", (long long)f->checkpoint, (long long)step),
            NULL),
        204);
    clock_advance(2000);
    assert_text(status_of(f, id), "/outcome", "FAIL");
    id = run_goal(f, NULL);
    clock_advance(2000);
    assert_text(status_of(f, id), "/outcome", "PASS");
}

int test_executions(void);

int test_executions(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_execution_is_queued_then_running_then_finished,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_failing_step_stops_its_journey, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(crash_is_error_and_ignored_outcomes_are_forgiven,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(titles_choose_other_endings, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(only_named_journeys_run_when_some_are_named, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(drafts_do_not_run_with_their_goal_where_the_option_says_so,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_leaking_fields_carry_what_was_given, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_ran_stays_after_its_steps_are_deleted, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/executions", tests, NULL, NULL);
}
