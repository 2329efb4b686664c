/* Requests that the platform refuses, and reads that nothing else tests, as rows. In path and body
 * P, G, S, J, C between braces stand for the project, goal, snapshot, journey and checkpoint. */
#include "fixture.h"

#include "base/buf.h"

struct row {
    const char *method;
    const char *path; /* below /api */
    const char *body;
    int status;
};

static const struct row rows[] = {
    {"GET", "/user/tokens", NULL, 200},
    {"GET", "/limits?organizationIds%5B%5D=7", NULL, 200},
    {"GET", "/goals/{G}", NULL, 200},
    {"GET", "/goals/{G}/checkpoints", NULL, 200},
    {"GET", "/goals/9/checkpoints", NULL, 404},
    {"GET", "/projects/{P}", NULL, 200},
    {"GET", "/goals?projectId=9", NULL, 404},
    {"GET", "/projects/9/goals", NULL, 404},
    {"GET", "/testsuites/latest_status", NULL, 400},
    {"GET", "/testsuites/latest_status?goalId=x", NULL, 400},
    {"GET", "/testsuites/latest_status?goalId={G}&snapshotId=9", NULL, 404},
    {"GET", "/snapshots/9/goals/{G}/testsuites", NULL, 404},
    {"GET", "/snapshots/{S}/goals/9/testsuites", NULL, 404},
    {"POST", "/testsuites", "{\"goalId\":{G},\"snapshotId\":{S}}", 400},
    {"POST", "/testsuites", "{\"goalId\":9,\"snapshotId\":{S},\"title\":\"t\"}", 404},
    {"POST", "/testsuites",
     "{\"goalId\":{G},\"snapshotId\":{S},\"title\":\"t\",\"checkpoints\":[{\"testCaseId\":{C}}]}",
     200},
    {"PUT", "/testsuites/9", "{\"title\":\"t\"}", 404},
    {"POST", "/testsuites/9/checkpoints/attach", "{\"checkpointId\":{C},\"position\":2}", 404},
    {"POST", "/testsuites/9/execute", NULL, 404},
    {"POST", "/testcases", "{\"goalId\":{G},\"title\":\"t\"}", 400},
    {"POST", "/testcases", "{\"goalId\":{G},\"snapshotId\":{S},\"title\":5}", 400},
    {"POST", "/testcases", "{\"goalId\":9,\"snapshotId\":{S},\"title\":\"t\"}", 404},
    {"POST", "/testcases", "{\"goalId\":{G},\"snapshotId\":9,\"title\":\"t\"}", 404},
    {"POST", "/testcases/9/add-to-library", NULL, 404},
    {"DELETE", "/testcases/9/steps/9", NULL, 404},
    {"DELETE", "/testcases/{C}/steps/9", NULL, 404},
    {"PUT", "/teststeps/9/properties", "{\"action\":\"CLICK\"}", 404},
    {"PUT", "/library/checkpoints/9", "{\"name\":\"n\"}", 404},
    {"DELETE", "/library/checkpoints/9/steps/9", NULL, 404},
    {"POST", "/library/checkpoints/9/steps/9/move", "{\"position\":0}", 404},
    {"POST", "/testdata/tables/9/import", "{\"data\":[]}", 404},
    {"PUT", "/testdata/tables/9/values", "{}", 404},
    {"DELETE", "/testdata/tables/9", NULL, 404},
    {"POST", "/environments", "{\"variables\":{}}", 400},
    {"POST", "/environments", "{\"name\":\"e\",\"variables\":[]}", 400},
    {"POST", "/environments", "{\"name\":\"e\",\"projectId\":9}", 404},
    {"POST", "/environments/create", "{\"name\":\"e\",\"projectId\":{P}}", 201},
    {"GET", "/environments?projectId=x", NULL, 400},
    {"DELETE", "/environments/9", NULL, 404},
    {"POST", "/environments/9/variables", "{\"name\":\"n\",\"value\":\"v\"}", 404},
    {"DELETE", "/environments/9/variables/n", NULL, 404},
    {"POST", "/goals/9/execute", "{}", 404},
    {"POST", "/goals/9/snapshots/{S}/execute", "{}", 404},
    {"POST", "/goals/{G}/execute", "{\"testSuiteCanonicalIds\":[\"nobody\"]}", 400},
    {"GET", "/testsuites/execution?jobId=x", NULL, 400},
    {"GET", "/testsuites/execution?jobId=9&suiteId={J}", NULL, 404},
    {"GET", "/executions/9/suites/1/cases/1/steps/1", NULL, 404},
};

static void every_row_gets_its_status_in_an_envelope(void **state)
{
    struct fixture *f = *state;

    make_structure(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = TEXT(f, "/api%s", filled(f, rows[i].path));
        const char *body = rows[i].body == NULL ? NULL : filled(f, rows[i].body);
        const struct json *json;

        if (ask(f, rows[i].method, path, body) != rows[i].status) {
            fail_msg("%s %s: %d instead of %d", rows[i].method, path, f->reply.status,
                     rows[i].status);
        }
        json = answer(f);
        assert_int_equal(json_true(json_get(json, "success")), rows[i].status < 400);
        if (rows[i].status >= 400) {
            assert_text(json, "/error/code", TEXT(f, "%d", rows[i].status));
            assert_true(json_str(json_find(json, "/error/message")).len > 5);
        }
    }
}

static void a_skipped_step_is_skipped_and_a_journey_can_be_named_by_its_canonical_id(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    struct str canonical;
    int64_t step;
    int64_t id;

    make_structure(f);
    step = make_step(f, f->checkpoint, 1, "FAIL");
    json = call_ok(f, "GET", TEXT(f, "/teststeps/%lld", (long long)step), NULL);
    (void)call_ok(f, "PUT", TEXT(f, "/teststeps/%lld/properties", (long long)step),
                  TEXT(f,
                       "{\"canonicalId\":\"%.*s\",\"action\":\"STORE\",\"value\":\"FAIL\","
                       "\"expression\":\"${a}\",\"skip\":true}",
                       STR_ARG(json_str(json_get(json, "canonicalId")))));
    json = call_ok(f, "GET", TEXT(f, "/teststeps/%lld", (long long)step), NULL);
    assert_text(json, "/expression", "${a}");
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    canonical = json_str(json_get(json, "canonicalId"));
    json = call_ok(
        f, "POST", TEXT(f, "/goals/%lld/execute", (long long)f->goal),
        TEXT(f, "{\"testSuiteCanonicalIds\":[\"%.*s\"],\"tags\":[\"smoke\"]}", STR_ARG(canonical)));
    id = int_at(json, "/id");
    clock_advance(2000);
    json = call_ok(f, "GET", TEXT(f, "/executions/%lld", (long long)id), NULL);
    assert_text(json, "/outcome", "PASS");
    assert_text(json, "/tags/0", "smoke");
    assert_text(json,
                TEXT(f, "/testSuites/%lld/testCases/%lld/testSteps/%lld/outcome",
                     (long long)f->journey, (long long)f->checkpoint, (long long)step),
                "SKIP");
    json = call_ok(f, "GET", TEXT(f, "/goals/%lld", (long long)f->goal), NULL);
    assert_int_equal(int_at(json, "/lastExecution/id"), id);
}

int test_refusals(void);

int test_refusals(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_gets_its_status_in_an_envelope, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(
            a_skipped_step_is_skipped_and_a_journey_can_be_named_by_its_canonical_id,
            fixture_set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/refusals", tests, NULL, NULL);
}
