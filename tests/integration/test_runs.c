/* Test files carried out: what a run says is what the platform holds, whatever goes wrong at
 * whatever row; it can be gone on with. */
#include "harness/cmocka.h"

#include "harness/runs.h"
#include "harness/wait.h"

#define RUN  "/api/v1/tests/run"
#define YAML "Content-Type: application/yaml\r\n"
#define FILE_TEXT                                                                                  \
    "name: Buy\nsteps:\n  - navigate: https://a.example\n  - click: One\n  - click: Two\n  - click: Three\n"

enum { N_STEPS = 4 };

static const char *const fast[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=200",
                                   "runs.poll_ms=20", NULL};

/* The steps that the platform holds in a checkpoint; -1: there is no such checkpoint given. */
static int64_t stored_steps(struct proxy *proxy, struct str checkpoint)
{
    struct str path = arena_printf(&proxy->arena, "/testcases/%.*s", STR_ARG(checkpoint));

    if (checkpoint.len == 0) {
        return -1;
    }
    return (int64_t)json_size(json_get(sandbox_call(proxy->program.sandbox_port, SANDBOX_TOKEN,
                                                    "GET", path.ptr, NULL, &proxy->arena),
                                       "steps"));
}

/* Everything that the run says it made is there, and what it does not know is at most what is there
 * besides. */
static void assert_true_about(struct proxy *proxy, const struct json *run, const char *what)
{
    const struct json *test = json_first(json_get(run, "tests"));
    int64_t stored = stored_steps(proxy, runs_text(test, "/checkpoint_id"));
    int64_t done = number_at(run, "/steps/done");
    int64_t unknown = number_at(run, "/steps/unknown");
    const struct json *step;

    if (stored >= 0 && (stored < done || stored > done + unknown)) {
        fail_msg("%s: %lld steps are there, the run says %lld done and %lld unknown", what,
                 (long long)stored, (long long)done, (long long)unknown);
    }
    if (stored < 0) {
        assert_int_equal(done, 0);
    }
    JSON_FOREACH (step, json_get(test, "steps")) {
        struct str id = runs_text(step, "/step_id");

        if (id.len > 0) {
            (void)sandbox_call(proxy->program.sandbox_port, SANDBOX_TOKEN, "GET",
                               arena_printf(&proxy->arena, "/teststeps/%.*s", STR_ARG(id)).ptr,
                               NULL, &proxy->arena);
        }
    }
}

/* Goes on from where the run says; afterwards all is there exactly once. */
static void assert_resumes(struct proxy *proxy, const struct json *run, const char *what)
{
    struct str query = runs_text(run, "/resume/query");

    if (query.len == 0) {
        fail_msg("%s: nothing to go on with: %.*s", what, STR_ARG(json_text(&proxy->arena, run)));
    }
    run = runs_start(proxy, query.ptr, FILE_TEXT);
    if (proxy->reply.status != 200) {
        fail_msg("%s: going on with %.*s: %d %.*s", what, STR_ARG(query), proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    assert_int_equal(
        stored_steps(proxy, runs_text(json_first(json_get(run, "tests")), "/checkpoint_id")),
        N_STEPS);
}

/* ---- a run that works ---- */

static void a_file_becomes_a_test(void **state)
{
    struct proxy proxy;
    const struct json *run;
    const struct json *test;
    const struct json *journey;

    (void)state;
    proxy_start(&proxy, fast);
    run = runs_start(&proxy, "",
                     "name: Buy\ngoal: Shop\nproject: P\nsetup: [{click: A}]\nsteps: [{click: B}]\n"
                     "teardown: [{click: C}]\nconfig: {viewport: 800x600}\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(runs_text(run, "/status"), "created")); /* made, and not executed */
    assert_true(str_is(runs_text(run, "/tests/0/status"), "created"));
    test = json_first(json_get(run, "tests"));
    assert_int_equal(stored_steps(&proxy, runs_text(test, "/checkpoint_id")), 3);
    assert_true(str_is(runs_text(test, "/steps/0/phase"), "setup"));
    assert_true(str_is(runs_text(test, "/steps/2/phase"), "teardown"));
    assert_true(str_starts(runs_text(test, "/links/journey"), runs_text(test, "/links/goal")));
    journey = sandbox_call(
        proxy.program.sandbox_port, SANDBOX_TOKEN, "GET",
        arena_printf(&proxy.arena, "/testsuites/%.*s", STR_ARG(runs_text(test, "/journey_id"))).ptr,
        NULL, &proxy.arena);
    assert_int_equal(json_size(json_get(journey, "cases")), 1);
    /* the same again: project and goal are found, the title of the checkpoint is taken */
    run = runs_start(&proxy, "", "name: Buy\ngoal: Shop\nproject: P\nsteps: [{click: B}]\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_eq(runs_text(run, "/tests/0/goal_id"), runs_text(test, "/goal_id")));
    assert_true(str_is(runs_text(run, "/tests/0/setup/0/status"), "found"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 2); /* seed */
    proxy_stop(&proxy);
}

static void several_tests_share_their_goal(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    run = runs_start(&proxy, "",
                     "metadata: {name: Suite}\ntests:\n  - {name: One, steps: [{click: A}]}\n"
                     "  - {name: Two, tags: [smoke], steps: [{click: B}, {click: C}]}\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(json_get(run, "tests")), 2);
    assert_true(str_eq(runs_text(run, "/tests/0/goal_id"), runs_text(run, "/tests/1/goal_id")));
    assert_false(
        str_eq(runs_text(run, "/tests/0/journey_id"), runs_text(run, "/tests/1/journey_id")));
    assert_int_equal(stored_steps(&proxy, runs_text(run, "/tests/1/checkpoint_id")), 2);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 2); /* seed */
    run = runs_start(&proxy, "tag=smoke&var.x=1",
                     "metadata: {name: Suite}\ntests:\n  - {name: One, steps: [{click: A}]}\n"
                     "  - {name: Two, tags: [smoke], steps: [{click: $x}]}\n");
    assert_int_equal(json_size(json_get(run, "tests")), 1);
    assert_true(str_is(runs_text(run, "/tests/0/name"), "Two"));
    assert_true(str_contains(runs_text(run, "/tests/0/steps/0/text"), STR("\"1\"")));
    proxy_stop(&proxy);
}

static void a_lenient_run_creates_the_rest(void **state)
{
    static const char text[] =
        "name: Buy\nsteps:\n  - click: One\n  - clik: Two\n  - click: Three\n";
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    (void)runs_start(&proxy, "", text);
    assert_int_equal(proxy.reply.status, 422);
    run = runs_start(&proxy, "lenient=true", text);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(number_at(run, "/steps/done"), 3);
    assert_int_equal(stored_steps(&proxy, runs_text(run, "/tests/0/checkpoint_id")), 3);
    assert_int_equal(json_size(json_get(run, "warnings")), 1);
    assert_int_equal(number_at(run, "/warnings/0/line"), 4);
    proxy_stop(&proxy);
}

/* What a lenient run would take is what the two that only look at a file say. */
static void what_looks_at_a_file_is_lenient_as_well(void **state)
{
    static const char text[] = "name: Buy\nsteps:\n  - click: One\n  - clik: Two\n";
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    answer = proxy_ask(&proxy, "POST", "/api/v1/tests/validate?lenient=false", YAML, text);
    assert_false(json_true(json_get(answer, "valid")));
    assert_int_equal(json_size(json_get(answer, "errors")), 1);
    answer = proxy_ask(&proxy, "POST", "/api/v1/tests/validate?lenient=true", YAML, text);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(json_true(json_get(answer, "valid")));
    assert_int_equal(number_at(answer, "/steps"), 2);
    assert_int_equal(json_size(json_get(answer, "errors")), 0);
    assert_int_equal(number_at(answer, "/warnings/0/line"), 4);
    answer = proxy_ask(&proxy, "POST", "/api/v1/tests/compile?lenient=true", YAML, text);
    assert_int_equal(json_size(json_get(answer, "steps")), 2);
    assert_int_equal(number_at(answer, "/warnings/0/line"), 4);
    (void)proxy_ask(&proxy, "POST", "/api/v1/tests/validate?lenient=2", YAML, text);
    assert_int_equal(proxy.reply.status, 400);
    answer = proxy_ask(&proxy, "POST", "/api/v1/tests/validate?lenient=true", YAML, "name: x\n");
    assert_false(json_true(json_get(answer, "valid")));
    proxy_stop(&proxy);
}

static void bad_requests_create_nothing(void **state)
{
    static const struct {
        const char *query;
        const char *text;
        int status;
    } cases[] = {
        {"", "name: x\nsteps: [{clik: A}]\n", 422},
        {"", "", 422},
        {"exeute=true", FILE_TEXT, 400},
        {"from=9", FILE_TEXT, 400},
        {"test=2", FILE_TEXT, 400},
        {"tag=none", FILE_TEXT, 400},
        {"goal_id=abc", FILE_TEXT, 400},
        {"journey_id=7", FILE_TEXT, 400},
        {"snapshot_id=7", FILE_TEXT, 400},
        {"checkpoint_id=7&attach=true", FILE_TEXT, 400},
        {"project=a%00b", FILE_TEXT, 400},
        {"goal=%ff", FILE_TEXT, 400},
        {"var.=1", FILE_TEXT, 400},
        {"execute=true&checkpoint_id=7", FILE_TEXT, 400},
        {"session_id=sess_none", FILE_TEXT, 404},
        {"goal_id=999999", FILE_TEXT, 404},
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, fast);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t before = sandbox_count(proxy.program.sandbox_port, "POST", "");

        (void)runs_start(&proxy, cases[i].query, cases[i].text);
        if (proxy.reply.status != cases[i].status) {
            fail_msg("%s: %d %.*s", cases[i].query, proxy.reply.status,
                     STR_ARG(reply_text(&proxy.reply)));
        }
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", ""), before);
    }
    (void)runs_start(&proxy, "dry_run=true", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/projects"), 0);
    proxy_stop(&proxy);
}

/* ---- whatever fails ---- */

static size_t n_resumed, n_found, n_setup_found, n_cancelled; /* so that each test has looked */

static void fail_one(struct proxy *proxy, const char *match, int skip, const char *how)
{
    struct str what = arena_printf(&proxy->arena, "%s #%d %s", match, skip, how);
    bool read = str_starts(str_from(match), STR("GET"));
    const struct json *run;

    sandbox_reset(proxy->program.sandbox_port);
    sandbox_fault(proxy->program.sandbox_port,
                  arena_printf(&proxy->arena, "{\"match\":\"%s\",\"times\":%d,\"skip\":%d,%s}",
                               match, read ? 3 : 1, skip, how)
                      .ptr);
    run = runs_start(proxy, "", FILE_TEXT);
    sandbox_clear_faults(proxy->program.sandbox_port);
    if (proxy->reply.status == 200) { /* found again when it was read back */
        assert_int_equal(stored_steps(proxy, runs_text(run, "/tests/0/checkpoint_id")), N_STEPS);
        n_found += str_is(STR("POST /teststeps"), match);
        n_setup_found += !read && !str_is(STR("POST /teststeps"), match);
        return;
    }
    if (proxy->reply.status != 207) { /* nothing had been made: an ordinary error */
        assert_true(proxy->reply.status >= 400);
        return;
    }
    assert_true(str_is(runs_text(run, "/status"), "failed"));
    assert_true(runs_text(run, "/error/detail").len > 0);
    assert_true_about(proxy, run, what.ptr);
    if (number_at(run, "/steps/unknown") > 0) { /* it goes on behind such a step */
        assert_int_equal(number_at(run, "/steps/done"), N_STEPS - 1);
    } else if (!str_contains(json_text(&proxy->arena, run), STR("outcome_unknown"))) {
        assert_resumes(proxy, run, what.ptr);
        n_resumed++;
    }
}

static void a_failure_at_any_row_tells_the_truth(void **state)
{
    static const struct {
        const char *match;
        int n;
    } rows[] = {{"GET /projects", 1},   {"POST /projects", 1},       {"POST /goals", 1},
                {"GET /goals/*", 1},    {"POST /testsuites", 2}, /* the second is the attaching */
                {"POST /testcases", 1}, {"POST /teststeps", N_STEPS}};

    static const char *const how[] = {"\"status\":500",       "\"status\":400",
                                      "\"close\":\"before\"", "\"close\":\"mid\"",
                                      "\"close\":\"after\"",  "\"body\":\"<html>\",\"status\":200"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, fast);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int skip = 0; skip < rows[i].n; skip++) {
            for (size_t k = 0; k < ARRAY_LEN(how); k++) {
                fail_one(&proxy, rows[i].match, skip, how[k]);
            }
        }
    }
    assert_in_range(n_resumed, 16, 1000);
    assert_int_equal(n_found, 2 * N_STEPS); /* close mid and after */
    assert_int_equal(n_setup_found, 2 * 5); /* project to checkpoint, and its attaching */
    proxy_stop(&proxy);
}

static void a_failed_step_may_be_passed_over(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"skip\":1,\"status\":400}");
    run = runs_start(&proxy, "continue_on_error=true", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 207);
    assert_int_equal(number_at(run, "/steps/done"), N_STEPS - 1);
    assert_int_equal(number_at(run, "/steps/failed"), 1);
    assert_true(str_is(runs_text(run, "/tests/0/steps/1/status"), "failed"));
    assert_int_equal(number_at(run, "/tests/0/steps/1/error/upstream_status"), 400);
    assert_true_about(&proxy, run, "continue_on_error");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"skip\":1,\"status\":400}");
    run = runs_start(&proxy, "",
                     "name: x\nsteps: [{click: A}, {click: B, optional: true}, {click: C}]");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(number_at(run, "/steps/failed"), 1);
    proxy_stop(&proxy);
}

static bool is_over(struct proxy *proxy, struct str id)
{
    return !str_is(runs_text(runs_get(proxy, id), "/status"), "running");
}

/* Stopped after each number of calls in turn: what is told is what is there. */
static void a_run_stopped_at_any_row_tells_the_truth(void **state)
{
    enum { N_ROWS = 11 };
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    for (int at = 0; at < N_ROWS; at++) {
        struct str id;
        struct str what = arena_printf(&proxy.arena, "stopped at row %d", at);

        sandbox_reset(proxy.program.sandbox_port);
        sandbox_forget_requests(proxy.program.sandbox_port);
        sandbox_fault(
            proxy.program.sandbox_port,
            arena_printf(&proxy.arena, "{\"match\":\"* *\",\"skip\":%d,\"delay_ms\":600000}", at)
                .ptr);
        run = runs_start(&proxy, "async=true", FILE_TEXT);
        assert_int_equal(proxy.reply.status, 202);
        id = arena_str(&proxy.arena, runs_text(run, "/id"));
        wait_until(sandbox_count(proxy.program.sandbox_port, "", "") > (size_t)at ||
                   is_over(&proxy, id));
        (void)proxy_ask(&proxy, "DELETE",
                        arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr,
                        NULL, "");
        assert_true(proxy.reply.status == 202 || proxy.reply.status == 200);
        sandbox_release(proxy.program.sandbox_port);
        run = runs_wait(&proxy, id);
        sandbox_clear_faults(proxy.program.sandbox_port);
        assert_true_about(&proxy, run, what.ptr);
        if (str_is(runs_text(run, "/status"), "cancelled")) {
            assert_resumes(&proxy, run, what.ptr);
            n_cancelled++;
        }
    }
    assert_true(n_cancelled >= N_ROWS / 2); /* the run needs fewer requests than it has rows */
    proxy_stop(&proxy);
}

/* The sandbox has a step in its hands. */
static void wait_for_step(struct proxy *proxy)
{
    proxy_wait_sent(proxy, "POST", "/teststeps", 1);
}

static void who_leaves_stops_the_run(void **state)
{
    struct proxy proxy;
    struct client client;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "POST", RUN, YAML, STR(FILE_TEXT)));
    wait_for_step(&proxy);
    client_reset(&client);
    proxy_wait_open(&proxy, 0);
    sandbox_release(proxy.program.sandbox_port);
    run = proxy_ask(&proxy, "GET", "/api/v1/tests/runs", NULL, "");
    assert_int_equal(number_at(run, "/total"), 1);
    run = runs_wait(&proxy, arena_str(&proxy.arena, runs_text(run, "/runs/0/id")));
    assert_true(str_is(runs_text(run, "/status"), "cancelled"));
    assert_int_equal(number_at(run, "/steps/done"), 1);
    assert_true_about(&proxy, run, "left");
    assert_resumes(&proxy, run, "left");
    proxy_stop(&proxy);
}

static bool starts(struct proxy *proxy)
{
    (void)runs_start(proxy, "", FILE_TEXT);
    return proxy->reply.status == 200;
}

/* A long file is read in several turns: who leaves meanwhile gives the place of his run back. */
static void who_leaves_while_a_long_file_is_read_holds_nothing(void **state)
{
    static const char *const one[] = {"runs.max_active=1", "runs.poll_ms=20", NULL};
    struct proxy proxy;
    struct client client;
    struct buf text;

    (void)state;
    proxy_start(&proxy, one);
    buf_init(&text, (size_t)1024 * 1024);
    buf_text(&text, "name: Long\nsteps:\n");
    for (size_t i = 0; i < 9000; i++) {
        buf_text(&text, "  - click: a long list of the same step\n");
    }
    for (size_t i = 0; i < 3; i++) {
        client_open(&client, proxy.program.port);
        assert_true(
            client_send_request(&client, "POST", RUN "?dry_run=true", YAML, buf_view(&text)));
        client_reset(&client);
    }
    wait_until(starts(&proxy));
    /* and who stays gets the answer */
    (void)proxy_ask(&proxy, "POST", "/api/v1/tests/validate", YAML, buf_cstr(&text));
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"steps\":9000")));
    buf_done(&text);
    proxy_stop(&proxy);
}

static void a_run_has_its_time(void **state)
{
    unsigned seconds = 10;
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    do { /* until it is long enough that the execution has begun */
        run = runs_start(&proxy, arena_printf(&proxy.arena, "timeout=%u&execute=true", seconds).ptr,
                         "name: STALL\njourney: STALL\nsteps: [{click: A}]\n");
        assert_int_equal(proxy.reply.status, 207);
    } while (runs_text(run, "/executions/0/job_id").len == 0 && (seconds *= 2) < 200);
    assert_true(str_is(runs_text(run, "/status"), "timed_out"));
    assert_true(str_is(runs_text(run, "/tests/0/status"), "cancelled")); /* it has no result */
    assert_true(str_starts(runs_text(run, "/error/detail"),
                           arena_printf(&proxy.arena, "gave up after %u s; execution ", seconds)));
    assert_true(str_contains(runs_text(run, "/error/detail"), STR("is still ")));
    proxy_stop(&proxy);
}

static void a_key_gets_the_same_reply_again(void **state)
{
    struct proxy proxy;
    struct str first;

    (void)state;
    proxy_start(&proxy, fast);
    first =
        runs_text(proxy_ask(&proxy, "POST", RUN, YAML "Idempotency-Key: k1\r\n", FILE_TEXT), "/id");
    first = arena_str(&proxy.arena, first);
    assert_true(str_eq(
        runs_text(proxy_ask(&proxy, "POST", RUN, YAML "Idempotency-Key: k1\r\n", FILE_TEXT), "/id"),
        first));
    assert_true(reply_field(&proxy.reply, "Idempotency-Replayed").len > 0);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), N_STEPS);
    proxy_stop(&proxy);
}

/* ---- where the steps go ---- */

static void steps_go_where_a_session_stands(void **state)
{
    struct proxy proxy;
    const struct json *run;
    struct str session;
    struct str body;

    (void)state;
    proxy_start(&proxy, fast);
    (void)proxy_command(&proxy, "step-interact click", "[\"before\"]", NULL);
    body = arena_printf(&proxy.arena, "{\"checkpoint_id\":%lld}", (long long)proxy.seed.checkpoint);
    session =
        runs_text(proxy_ask_str(&proxy, "POST", "/api/v1/sessions", NULL, body), "/session_id");
    session = arena_str(&proxy.arena, session);
    run = runs_start(&proxy, arena_printf(&proxy.arena, "session_id=%.*s", STR_ARG(session)).ptr,
                     FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(number_at(run, "/tests/0/steps/0/position"), 1);
    run = proxy_ask(&proxy, "GET",
                    arena_printf(&proxy.arena, "/api/v1/sessions/%.*s", STR_ARG(session)).ptr, NULL,
                    "");
    assert_int_equal(number_at(run, "/position"), 1 + N_STEPS);
    assert_int_equal(number_at(run, "/steps_added"), N_STEPS);
    run = runs_start(
        &proxy,
        arena_printf(&proxy.arena, "checkpoint_id=%lld", (long long)proxy.seed.checkpoint).ptr,
        FILE_TEXT);
    assert_int_equal(number_at(run, "/tests/0/steps/0/position"), 1 + N_STEPS);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1 + 2 * N_STEPS);
    proxy_stop(&proxy);
}

static void runs_at_once_make_a_project_once(void **state)
{
    enum { N = 10 };
    struct str ids[N];
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /projects\",\"times\":-1,\"delay_ms\":5}");
    for (size_t i = 0; i < N; i++) {
        ids[i] = runs_text(runs_start(&proxy, "async=true&project=Shared&goal=Shared", FILE_TEXT),
                           "/id");
        ids[i] = arena_str(&proxy.arena, ids[i]);
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(str_is(runs_text(runs_wait(&proxy, ids[i]), "/status"), "created"));
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 2); /* seed */
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 2);    /* seed */
    proxy_stop(&proxy);
}

/* ---- executions ---- */

static void executions_are_followed_to_their_end(void **state)
{
    static const struct {
        const char *text;
        const char *status;
        const char *execution;
        const char *outcome;
        const char *step; /* outcome of the second one */
    } cases[] = {
        {"name: a\nsteps: [{click: A}, {click: B}]", "passed", "FINISHED", "PASS", "PASS"},
        {"name: a\nsteps: [{click: A}, {click: FAIL}]", "failed", "FINISHED", "FAIL", "FAIL"},
        {"name: a\nsteps: [{click: A}, {click: CRASH}]", "failed", "FINISHED", NULL, "ERROR"},
        {"name: a\njourney: CANCEL\nsteps: [{click: A}, {click: B}]", "cancelled", "CANCELED", NULL,
         NULL},
        {"name: a\njourney: ABORT\nsteps: [{click: A}, {click: B}]", "cancelled", "FAILED", NULL,
         NULL},
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, fast);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct json *run = runs_start(&proxy, "execute=true", cases[i].text);

        if (!str_is(runs_text(run, "/status"), cases[i].status) ||
            !str_is(runs_text(run, "/executions/0/status"), cases[i].execution)) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(reply_text(&proxy.reply)));
        }
        assert_int_equal(proxy.reply.status, i == 0 ? 200 : 207);
        if (cases[i].outcome != NULL) {
            assert_true(str_is(runs_text(run, "/executions/0/outcome"), cases[i].outcome));
        }
        if (cases[i].step != NULL) {
            assert_true(str_is(runs_text(run, "/tests/0/steps/1/outcome"), cases[i].step));
        }
        assert_null(json_find(run, "/executions/0/url")); /* the sandbox has no pages */
    }
    proxy_stop(&proxy);
}

static void a_test_has_passed_when_it_was_executed_and_green(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    run = runs_start(&proxy, "execute=true&wait=false", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(runs_text(run, "/status"), "created")); /* what came of it is not known */
    assert_true(str_is(runs_text(run, "/tests/0/status"), "created"));

    run = runs_start(&proxy, "execute=true",
                     "name: S\ntests:\n- {name: Green, steps: [{click: A}]}\n"
                     "- {name: Red, steps: [{click: A}, {click: B},\n"
                     "  {click: FAIL}, {click: C}]}\n");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(runs_text(run, "/status"), "failed"));
    assert_true(str_is(runs_text(run, "/tests/0/status"), "passed"));
    assert_true(str_is(runs_text(run, "/tests/0/outcome"), "PASS"));
    assert_true(str_is(runs_text(run, "/tests/1/status"), "failed"));
    assert_true(str_is(runs_text(run, "/tests/1/outcome"), "FAIL"));
    assert_true(str_starts(runs_text(run, "/error/detail"),
                           STR("failed at step 3 of 4 of \"Red\", line 5: click on \"FAIL\"")));
    assert_true(str_starts(runs_text(run, "/tests/1/steps/2/screenshot"), STR("http://")));
    assert_non_null(json_find(run, "/tests/1/steps/0/execution_ms"));
    assert_null(json_find(run, "/tests/1/steps/3/screenshot")); /* it was not reached */
    proxy_stop(&proxy);
}

/* The sandbox decides by the text of the step, so a red one stays red: what is seen here is that
 * each attempt is an execution of its own, and that a green one is not repeated. */
static void a_red_execution_is_started_again(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_forget_requests(proxy.program.sandbox_port);
    run = runs_start(&proxy, "execute=true&retries=2", "name: a\nsteps: [{click: FAIL}]");
    assert_true(str_is(runs_text(run, "/status"), "failed"));
    assert_int_equal(number_at(run, "/executions/0/attempts"), 3);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals/"), 3);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 1);
    sandbox_forget_requests(proxy.program.sandbox_port);
    run = runs_start(&proxy, "execute=true&retries=2", "name: a\nsteps: [{click: A}]");
    assert_true(str_is(runs_text(run, "/status"), "passed"));
    assert_int_equal(number_at(run, "/executions/0/attempts"), 1);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals/"), 1);
    (void)runs_start(&proxy, "execute=true&retries=6", "name: a\nsteps: [{click: A}]");
    assert_int_equal(proxy.reply.status, 400);
    proxy_stop(&proxy);
}

static void an_execution_has_its_environment(void **state)
{
    struct proxy proxy;
    const struct json *made;
    const struct json *requests;
    const char *query;

    (void)state;
    proxy_start(&proxy, fast);
    made = proxy_ask(&proxy, "POST", "/api/environments", NULL,
                     "{\"name\": \"staging\", \"variables\": {\"host\": \"x\"}}");
    query = arena_printf(&proxy.arena, "execute=true&environment_id=%.*s",
                         STR_ARG(runs_text(made, "/id")))
                .ptr;
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_true(str_is(runs_text(runs_start(&proxy, query, FILE_TEXT), "/status"), "passed"));
    requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_true(str_contains(json_text(&proxy.arena, requests), STR("\"environmentId\":")) ||
                str_contains(json_text(&proxy.arena, requests), STR("\\\"environmentId\\\":")));
    (void)runs_start(&proxy, "execute=true&environment_id=99999999", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 207); /* the platform knows no such environment */
    proxy_stop(&proxy);
}

static void ended_runs_are_kept_for_a_while(void **state)
{
    static const char *const sets[] = {"runs.max_kept=2", NULL};
    struct proxy proxy;
    struct str first;
    const struct json *list;

    (void)state;
    proxy_start(&proxy, sets);
    first = arena_str(&proxy.arena, runs_text(runs_start(&proxy, "", FILE_TEXT), "/id"));
    for (int i = 0; i < 3; i++) {
        (void)runs_start(&proxy, "", FILE_TEXT);
    }
    (void)runs_get(&proxy, first);
    assert_int_equal(proxy.reply.status, 404);
    list = proxy_ask(&proxy, "GET", "/api/v1/tests/runs?limit=1", NULL, "");
    assert_int_equal(number_at(list, "/total"), 2);
    assert_int_equal(json_size(json_get(list, "runs")), 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_test),
        cmocka_unit_test(several_tests_share_their_goal),
        cmocka_unit_test(a_lenient_run_creates_the_rest),
        cmocka_unit_test(what_looks_at_a_file_is_lenient_as_well),
        cmocka_unit_test(bad_requests_create_nothing),
        cmocka_unit_test(a_failure_at_any_row_tells_the_truth),
        cmocka_unit_test(a_failed_step_may_be_passed_over),
        cmocka_unit_test(a_run_stopped_at_any_row_tells_the_truth),
        cmocka_unit_test(who_leaves_stops_the_run),
        cmocka_unit_test(who_leaves_while_a_long_file_is_read_holds_nothing),
        cmocka_unit_test(a_run_has_its_time),
        cmocka_unit_test(a_key_gets_the_same_reply_again),
        cmocka_unit_test(steps_go_where_a_session_stands),
        cmocka_unit_test(runs_at_once_make_a_project_once),
        cmocka_unit_test(executions_are_followed_to_their_end),
        cmocka_unit_test(a_test_has_passed_when_it_was_executed_and_green),
        cmocka_unit_test(a_red_execution_is_started_again),
        cmocka_unit_test(an_execution_has_its_environment),
        cmocka_unit_test(ended_runs_are_kept_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
