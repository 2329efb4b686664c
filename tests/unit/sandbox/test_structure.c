/* Projects, goals, versions, journeys, checkpoints. */
#include "fixture.h"

static void projects_are_listed_by_organization_and_page(void **state)
{
    struct fixture *f = *state;
    const struct json *list;

    for (int i = 0; i < 3; i++) {
        (void)call_ok(f, "POST", "/projects", "{\"name\":\"in\",\"organizationId\":7}");
    }
    (void)call_ok(f, "POST", "/projects",
                  "{\"name\":\"out\",\"organizationId\":8,\"description\":\"d\"}");
    assert_int_equal(ask(f, "GET", "/api/projects", NULL), 400);
    assert_text(answer(f), "/error/code", "1017");
    assert_int_equal(ask(f, "GET", "/api/projects?organizationId=7", NULL), 200);
    assert_int_equal(int_at(answer(f), "/total"), 3);
    assert_int_equal(json_size(call_ok(f, "GET", "/projects?organizationId=7", NULL)), 3);
    list = call_ok(f, "GET", "/projects?organizationId=7&limit=50&offset=", NULL);
    assert_int_equal(json_size(list), 3);
    assert_int_equal(int_at(list, TEXT(f, "/%.*s/id", STR_ARG(json_name(json_first(list))))),
                     int_at(json_first(list), "/id"));
    list = call_ok(f, "GET", "/projects?organizationId=7&limit=1&offset=2", NULL);
    assert_int_equal(json_size(list), 1);
    assert_int_equal(ask(f, "GET", "/api/projects?limit=x", NULL), 400);
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"\"}"), 400);
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"n\",\"organizationId\":\"7\"}"),
                     201);
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"n\",\"organizationId\":\"x\"}"),
                     400);
}

static void a_goal_comes_with_its_first_journey_checkpoint_and_navigate_step(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    make_structure(f);
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    assert_int_equal(int_at(json, "/goalId"), f->goal);
    assert_int_equal(int_at(json, "/snapshotId"), f->snapshot);
    assert_int_equal(json_size(json_find(json, "/cases")), 1);
    assert_int_equal(json_size(json_find(json, "/cases/0/steps")), 1);
    assert_text(json, "/cases/0/steps/0/action", "NAVIGATE");
    assert_text(json, "/cases/0/steps/0/value", "https://shop.example/");
    assert_text(json, "/cases/0/steps/0/meta/url", "https://shop.example/");
    assert_int_equal(json_str(json_find(json, "/canonicalId")).len, 36);
    assert_int_equal(int_at(json, "/createdDate"), WALL_MS);
}

static void a_goal_without_a_first_journey_has_none(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    make_structure(f);
    json = call_ok(f, "POST", "/goals",
                   TEXT(f,
                        "{\"projectId\":%lld,\"name\":\"bare\",\"url\":\"https://x.example\","
                        "\"deviceSize\":{\"width\":320,\"height\":200},\"meta\":{\"a\":null}}",
                        (long long)f->project));
    assert_int_equal(int_at(json, "/deviceSize/width"), 320);
    f->goal = int_at(json, "/id");
    json = call_ok(f, "GET", TEXT(f, "/goals/%lld/versions", (long long)f->goal), NULL);
    assert_int_equal(json_size(json_find(json, "/snapshots")), 1);
    json = call_ok(f, "GET",
                   TEXT(f, "/snapshots/%lld/goals/%lld/testsuites",
                        (long long)int_at(json, "/snapshots/0/snapshotId"), (long long)f->goal),
                   NULL);
    assert_int_equal(json_size(json), 0);
}

static void goals_are_listed_unless_archived(void **state)
{
    struct fixture *f = *state;
    const char *path;

    make_structure(f);
    (void)call_ok(f, "POST", "/goals",
                  TEXT(f,
                       "{\"projectId\":%lld,\"name\":\"old\",\"url\":\"https://x.example\","
                       "\"archived\":true}",
                       (long long)f->project));
    path = TEXT(f, "/projects/%lld/goals?archived=false", (long long)f->project);
    assert_int_equal(json_size(call_ok(f, "GET", path, NULL)), 1);
    path = TEXT(f, "/projects/%lld/goals", (long long)f->project);
    assert_int_equal(json_size(call_ok(f, "GET", path, NULL)), 2);
    path = TEXT(f, "/goals/?projectId=%lld&archived=true", (long long)f->project);
    assert_text(json_first(call_ok(f, "GET", path, NULL)), "/name", "old");
    assert_int_equal(ask(f, "GET", "/api/goals", NULL), 400);
}

static void a_goal_needs_a_known_project_a_name_and_a_url(void **state)
{
    struct fixture *f = *state;

    make_structure(f);
    assert_int_equal(ask(f, "POST", "/api/goals", "{\"projectId\":1,\"name\":\"n\",\"url\":\"u\"}"),
                     404);
    assert_int_equal(ask(f, "POST", "/api/goals", "{\"name\":\"n\",\"url\":\"u\"}"), 400);
    assert_int_equal(ask(f, "POST", "/api/goals",
                         TEXT(f, "{\"projectId\":%lld,\"url\":\"u\"}", (long long)f->project)),
                     400);
    assert_int_equal(ask(f, "POST", "/api/goals",
                         TEXT(f, "{\"projectId\":%lld,\"name\":\"n\"}", (long long)f->project)),
                     400);
    assert_int_equal(ask(f, "POST", "/api/goals",
                         TEXT(f,
                              "{\"projectId\":%lld,\"name\":\"n\",\"url\":\"u\","
                              "\"environmentId\":99}",
                              (long long)f->project)),
                     404);
}

static void versions_are_newest_first(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    assert_int_equal(
        ask(f, "POST", "/__sandbox/seed", "{\"token\":\"alice\",\"snapshots\":[71,72]}"), 200);
    f->goal = int_at(answer(f), "/goalId");
    json = call_ok(f, "GET", TEXT(f, "/goals/%lld/versions", (long long)f->goal), NULL);
    assert_int_equal(json_size(json_find(json, "/snapshots")), 3);
    assert_int_equal(int_at(json, "/snapshots/0/snapshotId"), 72);
    assert_int_equal(int_at(json, "/snapshots/1/snapshotId"), 71);
}

static void a_journey_is_created_renamed_and_found_in_both_maps(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t id;

    make_structure(f);
    json = call_ok(f, "POST", "/testsuites",
                   TEXT(f,
                        "{\"snapshotId\":%lld,\"goalId\":%lld,\"name\":\"n\",\"title\":\"t\","
                        "\"archived\":false,\"draft\":true,\"tagNames\":[\"smoke\"]}",
                        (long long)f->snapshot, (long long)f->goal));
    id = int_at(json, "/id");
    assert_true(json_true(json_find(json, "/draft")));
    assert_text(json, "/tags/0", "smoke");
    json = call_ok(f, "PUT", TEXT(f, "/testsuites/%lld", (long long)id), "{\"title\":\"new\"}");
    assert_text(json, "/title", "new");
    json = call_ok(f, "GET",
                   TEXT(f,
                        "/testsuites/latest_status?goalId=%lld&versionId=%lld"
                        "&includeSequencesDetails=true",
                        (long long)f->goal, (long long)f->snapshot),
                   NULL);
    assert_text(json, TEXT(f, "/%lld/journey/title", (long long)id), "new");
    assert_int_equal(
        json_type(json_find(json, TEXT(f, "/%lld/journey/cases", (long long)f->journey))),
        JSON_ARRAY);
    json = call_ok(f, "GET",
                   TEXT(f, "/snapshots/%lld/goals/%lld/testsuites", (long long)f->snapshot,
                        (long long)f->goal),
                   NULL);
    assert_int_equal(json_size(json), 2);
    assert_text(json, TEXT(f, "/%lld/title", (long long)id), "new");
    assert_int_equal(
        ask(f, "PUT", TEXT(f, "/api/testsuites/%lld", (long long)id), "{\"title\":\" \"}"), 400);
}

static void a_journey_needs_the_snapshot_of_its_goal(void **state)
{
    struct fixture *f = *state;
    int64_t snapshot;

    make_structure(f);
    snapshot = f->snapshot;
    make_structure(f);
    assert_int_equal(ask(f, "POST", "/api/testsuites",
                         TEXT(f, "{\"snapshotId\":%lld,\"goalId\":%lld,\"title\":\"t\"}",
                              (long long)snapshot, (long long)f->goal)),
                     404);
    assert_int_equal(ask(f, "POST", "/api/testsuites",
                         TEXT(f, "{\"snapshotId\":\"%lld\",\"goalId\":%lld,\"title\":\"t\"}",
                              (long long)f->snapshot, (long long)f->goal)),
                     200);
}

static void checkpoint_titles_are_unique_in_a_goal(void **state)
{
    struct fixture *f = *state;
    int64_t goal;

    make_structure(f);
    (void)make_checkpoint(f, "Login");
    assert_int_equal(ask(f, "POST", "/api/testcases",
                         TEXT(f, "{\"goalId\":%lld,\"snapshotId\":%lld,\"title\":\"Login\"}",
                              (long long)f->goal, (long long)f->snapshot)),
                     409);
    goal = f->goal;
    make_structure(f);
    assert_int_not_equal(goal, f->goal);
    (void)make_checkpoint(f, "Login");
}

static void attach_puts_a_checkpoint_at_its_position(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *path;
    int64_t a;
    int64_t b;
    int64_t c;

    make_structure(f);
    a = make_checkpoint(f, "a");
    b = make_checkpoint(f, "b");
    c = make_checkpoint(f, "c");
    path = TEXT(f, "/testsuites/%lld/checkpoints/attach", (long long)f->journey);
    json =
        call_ok(f, "POST", path, TEXT(f, "{\"checkpointId\":%lld,\"position\":2}", (long long)a));
    assert_int_equal(int_at(json, "/id"), f->journey);
    assert_int_equal(int_at(json, "/cases/1/id"), a);
    (void)call_ok(f, "POST", path, TEXT(f, "{\"checkpointId\":%lld,\"position\":2}", (long long)b));
    json =
        call_ok(f, "POST", path, TEXT(f, "{\"checkpointId\":%lld,\"position\":9}", (long long)c));
    assert_int_equal(int_at(json, "/cases/3/id"), c);
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    assert_int_equal(int_at(json, "/cases/0/id"), f->checkpoint);
    assert_int_equal(int_at(json, "/cases/1/id"), b);
    assert_int_equal(int_at(json, "/cases/2/id"), a);
    assert_int_equal(int_at(json, "/cases/3/id"), c);
    path = TEXT(f, "/api%s", path);
    assert_int_equal(
        ask(f, "POST", path, TEXT(f, "{\"checkpointId\":%lld,\"position\":2}", (long long)a)), 409);
    assert_int_equal(ask(f, "POST", path, "{\"checkpointId\":5,\"position\":2}"), 404);
    assert_int_equal(ask(f, "POST", path, "{\"position\":2}"), 400);
    assert_int_equal(ask(f, "POST", path, TEXT(f, "{\"checkpointId\":%lld}", (long long)a)), 400);
}

static void the_first_checkpoint_of_a_goal_stays_first(void **state)
{
    struct fixture *f = *state;
    int64_t id;
    int64_t journey;
    const char *body;

    make_structure(f);
    id = make_checkpoint(f, "a");
    body = TEXT(f, "{\"checkpointId\":%lld,\"position\":1}", (long long)id);
    assert_int_equal(ask(f, "POST",
                         TEXT(f, "/api/testsuites/%lld/checkpoints/attach", (long long)f->journey),
                         body),
                     400);
    journey = int_at(call_ok(f, "POST", "/testsuites",
                             TEXT(f, "{\"snapshotId\":%lld,\"goalId\":%lld,\"title\":\"t\"}",
                                  (long long)f->snapshot, (long long)f->goal)),
                     "/id");
    assert_int_equal(
        int_at(call_ok(f, "POST",
                       TEXT(f, "/testsuites/%lld/checkpoints/attach", (long long)journey), body),
               "/cases/0/id"),
        id);
}

static void is_gone(struct fixture *f, const char *const *paths)
{
    for (; *paths != NULL; paths++) {
        if (ask(f, "GET", TEXT(f, "/api%s", filled(f, *paths)), NULL) != 404) {
            fail_msg("%s is still there: %.*s", *paths, STR_ARG(f->reply.body));
        }
    }
}

/* With all that hangs on them; what ran is still told, and titles may be used again. */
static void journeys_goals_and_projects_are_deleted(void **state)
{
    static const char *const of_journey[] = {"/testsuites/{J}", "/testsuites/{J}/history", NULL};
    static const char *const of_goal[] = {"/goals/{G}",          "/goals/{G}/versions",
                                          "/testcases/{C}",      "/checkpoints/{C}/teststeps",
                                          "/goals/{G}/export/1", NULL};
    static const char *const of_project[] = {"/projects/{P}", "/projects/{P}/goals", NULL};
    struct fixture *f = *state;
    int64_t step;

    make_structure(f);
    step = int_at(
        call_ok(f, "GET", TEXT(f, "/checkpoints/%lld/teststeps", (long long)f->checkpoint), NULL),
        "/0/id");
    f->execution =
        int_at(call_ok(f, "POST", TEXT(f, "/goals/%lld/execute", (long long)f->goal), "{}"), "/id");
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s", filled(f, "/testsuites/{J}")), NULL), 204);
    is_gone(f, of_journey);
    assert_int_equal(ask(f, "GET", TEXT(f, "/api%s", filled(f, "/testcases/{C}")), NULL), 200);
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s", filled(f, "/goals/{G}")), NULL), 204);
    is_gone(f, of_goal);
    assert_int_equal(ask(f, "GET", TEXT(f, "/api/teststeps/%lld", (long long)step), NULL), 404);
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s", filled(f, "/projects/{P}")), NULL), 204);
    is_gone(f, of_project);
    (void)call_ok(f, "GET", filled(f, "/executions/{E}/status"), NULL);
    (void)call_ok(f, "GET", filled(f, "/executions/{E}"), NULL);
}

/* Seeded things get another home when theirs is gone. */
static void the_home_of_seeded_things_may_be_deleted(void **state)
{
    static const char seed[] = "{\"token\":\"alice\",\"checkpoints\":[%d]}";
    struct fixture *f = *state;
    int64_t projects[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(f, "POST", "/__sandbox/seed", TEXT(f, seed, 7001 + i)), 200);
        projects[i] = int_at(answer(f), "/projectId");
        assert_int_equal(ask(f, "GET", TEXT(f, "/api/testcases/%d", 7001 + i), NULL), 200);
        assert_int_equal(
            ask(f, "DELETE", TEXT(f, "/api/projects/%lld", (long long)projects[i]), NULL), 204);
        assert_int_equal(ask(f, "GET", TEXT(f, "/api/testcases/%d", 7001 + i), NULL), 404);
    }
    assert_int_not_equal(projects[0], projects[1]);
}

int test_structure(void);

int test_structure(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(projects_are_listed_by_organization_and_page,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(
            a_goal_comes_with_its_first_journey_checkpoint_and_navigate_step, fixture_set_up,
            fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_goal_without_a_first_journey_has_none, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(goals_are_listed_unless_archived, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_goal_needs_a_known_project_a_name_and_a_url,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(versions_are_newest_first, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_journey_is_created_renamed_and_found_in_both_maps,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_journey_needs_the_snapshot_of_its_goal, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(checkpoint_titles_are_unique_in_a_goal, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(attach_puts_a_checkpoint_at_its_position, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_first_checkpoint_of_a_goal_stays_first, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(journeys_goals_and_projects_are_deleted, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_home_of_seeded_things_may_be_deleted, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/structure", tests, NULL, NULL);
}
