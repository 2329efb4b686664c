/* From a test file and a request to the calls of a run, without sending any: a row a case, the
 * calls as "METHOD path" in the order in which they would be made. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include "base/check.h"
#include "run/run.h"

int test_build(void);

#define TWO_STEPS "name: Buy\nsteps:\n  - click: One\n  - click: Two\n"
#define NEW_GOAL  "POST /goals|GET /goals/{goal_id}/versions|"
#define NEW_TEST                                                                                   \
    "POST /testsuites|POST /testcases|POST /testsuites/{journey_id}/checkpoints/attach|"
#define NEW_PROJECT "GET /projects|POST /projects|"
#define STEPS       "POST /teststeps|POST /teststeps|"

struct build_case {
    const char *text;
    struct run_request request;
    const char *calls;
};

static const struct build_case cases[] = {
    {TWO_STEPS, {.position = -1}, NEW_PROJECT NEW_GOAL NEW_TEST STEPS},
    {"goal: Shop\n" TWO_STEPS,
     {.position = -1},
     NEW_PROJECT "GET /projects/{project_id}/goals|" NEW_GOAL NEW_TEST STEPS},
    {"project_id: 5\n" TWO_STEPS, {.position = -1}, NEW_GOAL NEW_TEST STEPS},
    {TWO_STEPS,
     {.position = -1, .goal_id = STR_INIT("7")},
     "GET /goals/7/versions|" NEW_TEST STEPS},
    {TWO_STEPS,
     {.position = -1, .goal_id = STR_INIT("7"), .snapshot_id = STR_INIT("8")},
     NEW_TEST STEPS},
    {TWO_STEPS,
     {.position = -1,
      .goal_id = STR_INIT("7"),
      .snapshot_id = STR_INIT("8"),
      .journey_id = STR_INIT("9")},
     "POST /testcases|POST /testsuites/9/checkpoints/attach|" STEPS},
    {TWO_STEPS,
     {.position = -1, .checkpoint_id = STR_INIT("3")},
     "GET /checkpoints/3/teststeps|" STEPS},
    {TWO_STEPS, {.position = 4, .checkpoint_id = STR_INIT("3")}, STEPS},
    /* going on */
    {TWO_STEPS,
     {.position = -1, .checkpoint_id = STR_INIT("3"), .from = 2},
     "GET /checkpoints/3/teststeps|POST /teststeps|"},
    {TWO_STEPS,
     {.position = -1,
      .journey_id = STR_INIT("9"),
      .checkpoint_id = STR_INIT("3"),
      .attach = true,
      .from = 1},
     "POST /testsuites/9/checkpoints/attach|GET /checkpoints/3/teststeps|" STEPS},
    /* executing */
    {TWO_STEPS,
     {.position = -1,
      .goal_id = STR_INIT("7"),
      .snapshot_id = STR_INIT("8"),
      .execute = true,
      .wait = true},
     NEW_TEST STEPS "POST /goals/7/snapshots/8/execute|"},
    /* two tests, one goal; the second one alone; two goals */
    {"metadata: {name: Suite}\ntests:\n  - {name: A, steps: [{click: a}]}\n"
     "  - {name: B, steps: [{click: b}, {click: c}]}\n",
     {.position = -1},
     NEW_PROJECT "GET /projects/{project_id}/goals|" NEW_GOAL NEW_TEST
                 "POST /teststeps|" NEW_TEST STEPS},
    {"metadata: {name: Suite}\ntests:\n  - {name: A, steps: [{click: a}]}\n"
     "  - {name: B, steps: [{click: b}, {click: c}]}\n",
     {.position = -1, .goal_id = STR_INIT("7"), .test = 2},
     "GET /goals/7/versions|" NEW_TEST STEPS},
    {"project_id: 5\nname: A\nsteps: [{click: a}]\n---\nproject_id: 5\nname: B\nsteps: [{click: b}]\n",
     {.position = -1},
     NEW_GOAL NEW_GOAL NEW_TEST "POST /teststeps|" NEW_TEST "POST /teststeps|"},
};

static const struct catalog_defaults defaults = {.organization_id = STR_INIT("1")};

struct built {
    struct run_store *store;
    struct run *run;
    struct error err;
    struct testfile file;
};

static enum error_code build(struct built *built, const char *text,
                             const struct run_request *request)
{
    static const struct plan_port port;
    struct run_request asked = *request;
    const struct run_store_options store = {.catalog = the_catalog(),
                                            .dictionary = the_dictionary(),
                                            .port = &port,
                                            .defaults = &defaults,
                                            .project = STR("P"),
                                            .max_active = 1,
                                            .max_kept = 1};
    static const struct testfile_options none;
    static const struct plan_options options;
    struct testfile_problems problems;
    struct digest owner;

    *built = (struct built){.store = run_store_open(&store)};
    digest_of(STR("owner"), &owner);
    assert_int_equal(run_new(built->store, &owner, &built->run, &built->err), ERR_OK);
    assert_int_equal(testfile_compile(the_dictionary(), run_arena(built->run), str_from(text),
                                      &none, &built->file, &problems),
                     ERR_OK);
    asked.dry_run = true;
    return run_prepare(built->run, &built->file, &problems, &asked, &options, &built->err);
}

static void built_done(struct built *built)
{
    run_drop(built->run);
    run_store_close(built->store);
}

static const struct json *dry_run(struct built *built)
{
    struct json *requests = NULL;
    struct json_writer w;
    bool done = false;
    struct buf text;
    size_t at = 0;

    buf_init(&text, 1 << 20);
    jw_init(&w, &text);
    jw_array(&w);
    while (!done) {
        assert_int_equal(run_write_requests(built->run, &at, 3, &w, &done, &built->err), ERR_OK);
    }
    jw_end(&w);
    assert_int_equal(
        json_parse(run_arena(built->run), buf_view(&text), NULL, &requests, &built->err), ERR_OK);
    buf_done(&text);
    return requests;
}

static void check(const struct build_case *one)
{
    struct built built;
    const struct json *requests;
    const struct json *request;
    struct buf calls;

    if (build(&built, one->text, &one->request) != ERR_OK) {
        fail_msg("%s: %s", one->text, built.err.text);
    }
    requests = dry_run(&built);
    buf_init(&calls, 65536);
    JSON_FOREACH (request, requests) {
        buf_printf(&calls, "%.*s %.*s|", STR_ARG(json_str(json_get(request, "method"))),
                   STR_ARG(json_str(json_get(request, "path"))));
    }
    if (!str_is(buf_view(&calls), one->calls)) {
        fail_msg("%s\n gives  %s\n wanted %s", one->text, buf_cstr(&calls), one->calls);
    }
    buf_done(&calls);
    built_done(&built);
}

static void a_run_makes_these_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&cases[i]);
    }
}

static void positions_count_from_where_the_steps_go(void **state)
{
    const struct run_request request = {.position = 4, .checkpoint_id = STR("3")};
    struct built built;
    const struct json *requests;
    int64_t position = -1;

    (void)state;
    assert_int_equal(build(&built, TWO_STEPS, &request), ERR_OK);
    requests = dry_run(&built);
    assert_true(json_to_i64(json_find(requests, "/0/body/stepIndex"), &position) && position == 4);
    assert_true(json_to_i64(json_find(requests, "/1/body/stepIndex"), &position) && position == 5);
    built_done(&built);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    static const struct str tags[] = {STR_INIT("t")};
    static const struct run_request bad[] = {
        {.test = 2},
        {.from = 3},
        {.goal_id = STR_INIT("x")},
        {.journey_id = STR_INIT("1")},
        {.snapshot_id = STR_INIT("1")},
        {.checkpoint_id = STR_INIT("1"), .attach = true},
        {.checkpoint_id = STR_INIT("1"), .execute = true},
        {.tags = tags, .n_tags = 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct built built;

        assert_int_equal(build(&built, TWO_STEPS, &bad[i]), ERR_INVALID);
        assert_true(built.err.pointer[0] != '\0' && built.err.text[0] != '\0');
        built_done(&built);
    }
}

int test_build(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_makes_these_calls),
        cmocka_unit_test(positions_count_from_where_the_steps_go),
        cmocka_unit_test(requests_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests_name("run: from a file to calls", tests, NULL, NULL);
}
