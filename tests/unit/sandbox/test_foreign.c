/* Requests of foreign clients (the vendor's scripts and collections, the old command line, a
 * customer's reports), one row a request and form, answered as the real platform does. */
#include "fixture.h"

static void start_things(struct fixture *f)
{
    make_structure(f);
    f->environment =
        int_at(call_ok(f, "POST", "/environments",
                       TEXT(f, "{\"name\":\"e\",\"projectId\":%lld,\"variables\":{\"a\":\"b\"}}",
                            (long long)f->project)),
               "/id");
    assert_int_equal(ask(f, "POST", "/__sandbox/seed",
                         "{\"token\":\"alice\",\"plans\":[5001],\"apiTests\":[5002]}"),
                     200);
    f->execution =
        int_at(call_ok(f, "POST", TEXT(f, "/goals/%lld/execute", (long long)f->goal), "{}"), "/id");
    clock_set(NOW_MS + 10 * FIXTURE_EXECUTION_MS, WALL_MS + INT64_C(10) * FIXTURE_EXECUTION_MS);
}

static void look(struct fixture *f, const struct foreign *row, const char *path,
                 const char *pointer)
{
    const char *body = row->body == NULL ? NULL : filled(f, row->body);

    if (ask(f, row->method, path, body) != row->status) {
        fail_msg("%s %s: %d instead of %d: %.*s", row->method, path, f->reply.status, row->status,
                 STR_ARG(f->reply.body));
    }
    if (pointer != NULL && json_find(answer(f), filled(f, pointer)) == NULL) {
        fail_msg("%s %s: nothing at %s: %.*s", row->method, path, pointer, STR_ARG(f->reply.body));
    }
}

static void what_foreign_clients_ask_is_answered_as_the_platform_does(void **state)
{
    struct fixture *f = *state;

    start_things(f);
    for (size_t i = 0; i < n_foreign_rows; i++) {
        const char *path = TEXT(f, "/api%s", filled(f, foreign_rows[i].path));
        char sign = str_contains(str_from(path), STR("?")) ? '&' : '?';

        look(f, &foreign_rows[i], path, foreign_rows[i].pointer);
        if (foreign_rows[i].bare != NULL && foreign_rows[i].status != 201) {
            look(f, &foreign_rows[i], TEXT(f, "%s%cenvelope=false", path, sign),
                 foreign_rows[i].bare);
        }
    }
}

static void a_missing_parameter_is_named_and_never_an_id_0(void **state)
{
    static const char *const paths[] = {"/api/projects",
                                        "/api/goals",
                                        "/api/testsuites/latest_status",
                                        "/api/testsuites/latest_status?snapshotId=",
                                        "/api/testsuites/execution",
                                        "/api/testsuites/execution?jobId=",
                                        "/api/api-tests",
                                        "/api/testsuites",
                                        "/api/goals/metrics/executions",
                                        "/api/goals/metrics/executions/history?projectId=",
                                        "/api/goals/metrics/statistics",
                                        "/api/projects/metrics/executions",
                                        "/api/projects/metrics/journeys?projectIds[]=",
                                        "/api/projects/metrics/extensions",
                                        "/api/projects/metrics/execution_plans"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(ask(f, "GET", paths[i], NULL), 400);
        assert_true(str_contains(f->reply.body, STR("should be provided")));
    }
}

static const char *const bare_routes[] = {
    "GET /limits",
    "GET /goals",
    "GET /environments",
    "GET /testdata/tables",
    "GET /api-tests",
    "GET /bridges",
    "GET /integrations",
    "GET /tickets",
    "GET /elements/healing",
    "GET /library/checkpoints",
    "GET /projects/{P}/jobs",
    "GET /projects/{P}/goals",
    "GET /testsuites/execution",
    "GET /testsuites",
    "POST /testsuites/execution",
    "GET /goals/metrics/executions",
    "GET /projects/metrics/executions",
    "POST /executions/{E}/failures/explain",
    "GET /testsuites/latest_status",
    "POST /teststeps",
    "PUT /teststeps/{C}/properties",
    "POST /testcases",
    "POST /testcases/{C}/add-to-library",
    "POST /testsuites",
    "PUT /testsuites/{J}",
    "POST /testsuites/{J}/execute",
    "POST /testsuites/{J}/checkpoints/attach",
    "POST /projects",
    "POST /goals",
    "POST /goals/{G}/execute",
    "POST /goals/{G}/snapshots/{S}/execute",
    "POST /library/checkpoints/create",
    "POST /testdata/tables/create",
    "POST /testdata/tables/clone",
    "POST /environments",
    "POST /environments/create",
    "POST /scripts",
    "PUT /plans/executions/5001/execute",
};

static void expect_no_id_0(struct fixture *f, const char *route, const char *body)
{
    struct str path;
    struct str method;

    assert_true(str_cut(str_from(filled(f, route)), ' ', &method, &path));
    (void)ask(f, arena_cstr(&f->arena, method), TEXT(f, "/api%.*s", STR_ARG(path)),
              str_is(method, "GET") ? NULL : body);
    if (f->reply.status >= 500 || str_contains(f->reply.body, STR(" 0 does not exist"))) {
        fail_msg("%s %s: %d %.*s", route, body, f->reply.status, STR_ARG(f->reply.body));
    }
}

/* Every route with nothing but its path: no answer speaks of a thing that nobody named. */
static void no_route_speaks_of_an_id_0(void **state)
{
    static const char *const bodies[] = {
        "{}", "{\"parsedStep\":{\"action\":\"CLICK\"}}",
        "{\"name\":\"n\",\"title\":\"t\",\"url\":\"https://x\"}",
        "{\"goalId\":null,\"projectId\":null,\"environmentId\":null}"};
    struct fixture *f = *state;

    start_things(f);
    for (size_t i = 0; i < ARRAY_LEN(bare_routes); i++) {
        for (size_t k = 0; k < ARRAY_LEN(bodies); k++) {
            expect_no_id_0(f, bare_routes[i], bodies[k]);
        }
    }
}

/* A run that has found an element tells more about it, and what it was made with stays. */
static void a_run_learns_about_elements(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *canonical;
    const char *steps;
    int64_t id;

    make_structure(f);
    json =
        call_ok(f, "POST", "/teststeps",
                TEXT(f,
                     "{\"checkpointId\":%lld,\"parsedStep\":{\"action\":\"WRITE\",\"value\":\"a\","
                     "\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":"
                     "\"{\\\"clue\\\":\\\"Name\\\"}\"}]}}}",
                     (long long)f->checkpoint));
    id = int_at(json, "/testStep/id");
    steps = TEXT(f, "/teststeps/%lld", (long long)id);
    (void)call_ok(f, "POST", TEXT(f, "/goals/%lld/execute", (long long)f->goal), "{}");
    json = call_ok(f, "GET", steps, NULL);
    assert_null(json_find(json, "/element/target/tagName")); /* it has not run yet */
    clock_set(NOW_MS + 10 * FIXTURE_EXECUTION_MS, WALL_MS + INT64_C(10) * FIXTURE_EXECUTION_MS);
    json = call_ok(f, "GET", steps, NULL);
    assert_text(json, "/element/target/tagName", "INPUT");
    assert_text(json, "/element/target/selectors/0/type", "GUESS");
    assert_int_equal(int_at(json, "/element/id"), id);
    assert_int_equal(int_at(json, "/element/target/rect/width"), 120);
    canonical = arena_cstr(&f->arena, json_str(json_get(json, "canonicalId")));
    (void)call_ok(f, "PUT", TEXT(f, "/teststeps/%lld/properties", (long long)id),
                  TEXT(f,
                       "{\"canonicalId\":\"%s\",\"action\":\"WRITE\",\"value\":\"b\",\"element\":{"
                       "\"target\":{\"selectors\":[{\"type\":\"ID\",\"value\":\"x\"}]}}}",
                       canonical));
    json = call_ok(f, "GET", steps, NULL);
    assert_null(json_find(json, "/element/target/tagName")); /* another element */
}

static void a_plan_runs_its_project_and_tells_the_jobs(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t run;
    int64_t job;

    start_things(f);
    assert_int_equal(
        ask(f, "POST", "/__sandbox/seed", "{\"token\":\"alice\",\"checkpoints\":[77]}"), 200);
    f->project = int_at(answer(f), "/projectId");
    json = call_ok(f, "POST", "/plans/executions/5001/execute", "{}");
    run = int_at(json, "/id");
    job = int_at(json_first(json_get(json, "jobs")), "/id");
    json = call_ok(f, "GET", TEXT(f, "/plans/executions/status/%lld", (long long)run), NULL);
    assert_text(json, "/status", "RUNNING");
    clock_set(NOW_MS + 100 * FIXTURE_EXECUTION_MS, WALL_MS + INT64_C(100) * FIXTURE_EXECUTION_MS);
    json = call_ok(f, "GET", TEXT(f, "/plans/executions/status/%lld", (long long)run), NULL);
    assert_text(json, "/status", "FINISHED");
    json = call_ok(f, "GET", TEXT(f, "/projects/%lld/jobs?planIds[]=5001", (long long)f->project),
                   NULL);
    assert_int_equal(json_size(json), 1);
    assert_int_equal(int_at(json, TEXT(f, "/%lld/plan/id", (long long)job)), 5001);
}

static void a_script_is_kept_and_its_body_told_when_asked(void **state)
{
    struct fixture *f = *state;
    const struct json *json =
        call_ok(f, "POST", "/scripts",
                "{\"name\":\"sum\",\"script\":\"return 1\",\"id\":7,\"async\":true}");
    const char *path = TEXT(f, "/scripts/%lld", (long long)int_at(json, "/id"));

    assert_true(int_at(json, "/id") != 7);
    json = call_ok(f, "GET", path, NULL);
    assert_null(json_get(json, "script"));
    assert_true(json_true(json_get(json, "async")));
    json = call_ok(f, "PUT", path, "{\"script\":\"return 2\"}");
    assert_text(json, "/name", "sum");
    json = call_ok(f, "GET", TEXT(f, "%s?includeBody=true", path), NULL);
    assert_text(json, "/script", "return 2");
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s", path), NULL), 204);
    assert_int_equal(ask(f, "GET", TEXT(f, "/api%s", path), NULL), 404);
    assert_int_equal(ask(f, "POST", "/api/scripts", "{\"script\":\"return 1\"}"), 400);
}

static void a_table_is_cloned_renamed_and_shown_in_both_forms(void **state)
{
    struct fixture *f = *state;
    const struct json *json =
        call_ok(f, "POST", "/testdata/tables/create", "{\"name\":\"t\",\"csv\":\"a,b\\r\\n1,2\"}");
    int64_t id = int_at(json, "/id");

    json = call_ok(f, "POST", "/testdata/tables/clone",
                   TEXT(f, "{\"tableId\":%lld,\"name\":\"copy\"}", (long long)id));
    assert_text(json, "/name", "copy");
    assert_text(json, "/columns/1", "b");
    assert_text(json, "/attributes/1/name", "b");
    assert_int_equal(int_at(json, "/rowCount"), 1);
    assert_true(int_at(json, "/id") != id);
    json = call_ok(f, "PUT", TEXT(f, "/testdata/tables/%lld", (long long)id),
                   "{\"name\":\"new\",\"description\":\"d\"}");
    assert_text(json, "/name", "new");
    json = call_ok(f, "POST", TEXT(f, "/testdata/tables/%lld/import", (long long)id),
                   "{\"data\":[[\"3\",\"4\"]]}");
    assert_int_equal(int_at(json, "/rowsImported"), 1);
}

static void a_timeline_tells_the_outcomes_of_a_step(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t step;

    start_things(f);
    json =
        call_ok(f, "GET", TEXT(f, "/checkpoints/%lld/teststeps", (long long)f->checkpoint), NULL);
    step = int_at(json, "/0/id");
    json = call_ok(f, "GET",
                   TEXT(f, "/timelines/journeys/%lld/checkpoints/%lld/steps/%lld?pageSize=20",
                        (long long)f->journey, (long long)f->checkpoint, (long long)step),
                   NULL);
    assert_int_equal(json_size(json), 1);
    assert_text(json, "/0/outcome", "PASS");
}

/* What the platform shows of a journey's data table holds its first row, and so the canary. */
static void a_journey_with_data_leaks_its_first_row(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t table;

    make_structure(f);
    table = int_at(call_ok(f, "POST", "/testdata/tables/create",
                           "{\"name\":\"t\",\"csv\":\"user,password\\r\\nann,secret\"}"),
                   "/id");
    json = call_ok(
        f, "POST", "/testsuites",
        TEXT(f, "{\"goalId\":%lld,\"snapshotId\":%lld,\"title\":\"t\",\"dataTableId\":%lld}",
             (long long)f->goal, (long long)f->snapshot, (long long)table));
    assert_text(json, "/dataAttributeValues/password", "secret");
    assert_text(json, "/dataAttributeValues/sandboxPassword", "canary-1234");
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    assert_null(json_get(json, "dataTableId"));
    assert_int_equal(json_size(json_get(json, "dataAttributeValues")), 0);
}

static void an_unknown_path_below_api_is_the_platforms_own_page(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET", "/api/organizations/7/invoices", NULL), 404);
    assert_int_equal(f->reply.body.len, 68);
    assert_true(str_starts(f->reply.body, STR("<html><head><title>Error</title>")));
}

int test_foreign(void);

int test_foreign(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_foreign_clients_ask_is_answered_as_the_platform_does,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_missing_parameter_is_named_and_never_an_id_0,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(no_route_speaks_of_an_id_0, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_run_learns_about_elements, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_plan_runs_its_project_and_tells_the_jobs, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_script_is_kept_and_its_body_told_when_asked,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_table_is_cloned_renamed_and_shown_in_both_forms,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_timeline_tells_the_outcomes_of_a_step, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_journey_with_data_leaks_its_first_row, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_path_below_api_is_the_platforms_own_page,
                                        fixture_set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/foreign", tests, NULL, NULL);
}
