/* Test files carried out: what a run says is what the platform holds, whatever goes wrong at
 * whatever row; it can be gone on with; it can be watched by many. */
#include <stdio.h>
#include <string.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"

#define RUN  "/api/v1/tests/run"
#define YAML "Content-Type: application/yaml\r\n"
#define FILE_TEXT                                                                                  \
    "name: Buy\nsteps:\n  - navigate: https://a.example\n  - click: One\n  - click: Two\n  - click: Three\n"

enum { N_STEPS = 4, N_WATCHERS = 100, WAIT_MS = 20000 };

static const char *const fast[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=200",
                                   "runs.poll_ms=20", NULL};

static const struct json *run_file(struct proxy *proxy, const char *query, const char *text)
{
    struct str target = arena_printf(&proxy->arena, RUN "%s%s", query[0] != '\0' ? "?" : "", query);

    return proxy_ask(proxy, "POST", target.ptr, YAML, text);
}

static struct str text_of(const struct json *object, const char *pointer)
{
    return json_str(json_find(object, pointer));
}

static int64_t number_of(const struct json *object, const char *pointer)
{
    int64_t number = -1;

    return json_to_i64(json_find(object, pointer), &number) ? number : -1;
}

static const struct json *get_run(struct proxy *proxy, struct str id)
{
    return proxy_ask(proxy, "GET",
                     arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
                     "");
}

static const struct json *wait_for_end(struct proxy *proxy, struct str id)
{
    uint64_t limit_ms = client_now_ms() + (uint64_t)WAIT_MS * client_slowness();

    while (client_now_ms() < limit_ms) {
        const struct json *run = get_run(proxy, id);

        if (!str_is(text_of(run, "/status"), "running")) {
            return run;
        }
        client_pause_ms(20);
    }
    fail_msg("the run does not end");
    return NULL;
}

/* --- what exists
 * --------------------------------------------------------------------------------------- */

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
    int64_t stored = stored_steps(proxy, text_of(test, "/checkpoint_id"));
    int64_t done = number_of(run, "/steps/done");
    int64_t unknown = number_of(run, "/steps/unknown");
    const struct json *step;

    if (stored >= 0 && (stored < done || stored > done + unknown)) {
        fail_msg("%s: %lld steps are there, the run says %lld done and %lld unknown", what,
                 (long long)stored, (long long)done, (long long)unknown);
    }
    if (stored < 0) {
        assert_int_equal(done, 0);
    }
    JSON_FOREACH (step, json_get(test, "steps")) {
        struct str id = text_of(step, "/step_id");

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
    struct str query = text_of(run, "/resume/query");

    if (query.len == 0) {
        fail_msg("%s: nothing to go on with: %.*s", what, STR_ARG(json_text(&proxy->arena, run)));
    }
    run = run_file(proxy, query.ptr, FILE_TEXT);
    if (proxy->reply.status != 200) {
        fail_msg("%s: going on with %.*s: %d %.*s", what, STR_ARG(query), proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    assert_int_equal(
        stored_steps(proxy, text_of(json_first(json_get(run, "tests")), "/checkpoint_id")),
        N_STEPS);
}

/* --- a run that works
 * ---------------------------------------------------------------------------------- */

static void a_file_becomes_a_test(void **state)
{
    struct proxy proxy;
    const struct json *run;
    const struct json *test;
    const struct json *journey;

    (void)state;
    proxy_start(&proxy, fast);
    run = run_file(&proxy, "",
                   "name: Buy\ngoal: Shop\nproject: P\nsetup: [{click: A}]\nsteps: [{click: B}]\n"
                   "teardown: [{click: C}]\nconfig: {viewport: 800x600}\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(text_of(run, "/status"), "passed"));
    test = json_first(json_get(run, "tests"));
    assert_int_equal(stored_steps(&proxy, text_of(test, "/checkpoint_id")), 3);
    assert_true(str_is(text_of(test, "/steps/0/phase"), "setup"));
    assert_true(str_is(text_of(test, "/steps/2/phase"), "teardown"));
    assert_true(str_starts(text_of(test, "/links/journey"), text_of(test, "/links/goal")));
    journey = sandbox_call(
        proxy.program.sandbox_port, SANDBOX_TOKEN, "GET",
        arena_printf(&proxy.arena, "/testsuites/%.*s", STR_ARG(text_of(test, "/journey_id"))).ptr,
        NULL, &proxy.arena);
    assert_int_equal(json_size(json_get(journey, "cases")), 1);
    /* the same again: project and goal are found, the title of the checkpoint is taken */
    run = run_file(&proxy, "", "name: Buy\ngoal: Shop\nproject: P\nsteps: [{click: B}]\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_eq(text_of(run, "/tests/0/goal_id"), text_of(test, "/goal_id")));
    assert_true(str_is(text_of(run, "/tests/0/setup/0/status"), "found"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 2); /* seed */
    proxy_stop(&proxy);
}

static void several_tests_share_their_goal(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    run = run_file(&proxy, "",
                   "metadata: {name: Suite}\ntests:\n  - {name: One, steps: [{click: A}]}\n"
                   "  - {name: Two, tags: [smoke], steps: [{click: B}, {click: C}]}\n");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(json_get(run, "tests")), 2);
    assert_true(str_eq(text_of(run, "/tests/0/goal_id"), text_of(run, "/tests/1/goal_id")));
    assert_false(str_eq(text_of(run, "/tests/0/journey_id"), text_of(run, "/tests/1/journey_id")));
    assert_int_equal(stored_steps(&proxy, text_of(run, "/tests/1/checkpoint_id")), 2);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 2); /* seed */
    run = run_file(&proxy, "tag=smoke&var.x=1",
                   "metadata: {name: Suite}\ntests:\n  - {name: One, steps: [{click: A}]}\n"
                   "  - {name: Two, tags: [smoke], steps: [{click: $x}]}\n");
    assert_int_equal(json_size(json_get(run, "tests")), 1);
    assert_true(str_is(text_of(run, "/tests/0/name"), "Two"));
    assert_true(str_contains(text_of(run, "/tests/0/steps/0/text"), STR("\"1\"")));
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

        (void)run_file(&proxy, cases[i].query, cases[i].text);
        if (proxy.reply.status != cases[i].status) {
            fail_msg("%s: %d %.*s", cases[i].query, proxy.reply.status,
                     STR_ARG(reply_text(&proxy.reply)));
        }
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", ""), before);
    }
    (void)run_file(&proxy, "dry_run=true", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/projects"), 0);
    proxy_stop(&proxy);
}

/* --- whatever fails
 * ------------------------------------------------------------------------------------- */

static size_t n_resumed; /* so that no test here passes without having looked */
static size_t n_cancelled;

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
    run = run_file(proxy, "", FILE_TEXT);
    sandbox_clear_faults(proxy->program.sandbox_port);
    if (proxy->reply.status == 200) { /* found again when it was read back */
        assert_int_equal(stored_steps(proxy, text_of(run, "/tests/0/checkpoint_id")), N_STEPS);
        return;
    }
    if (proxy->reply.status != 207) { /* nothing had been made: an ordinary error */
        assert_true(proxy->reply.status >= 400);
        return;
    }
    assert_true(str_is(text_of(run, "/status"), "failed"));
    assert_true(text_of(run, "/error/detail").len > 0);
    assert_true_about(proxy, run, what.ptr);
    if (!str_contains(json_text(&proxy->arena, run), STR("outcome_unknown"))) {
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
    assert_true(n_resumed >= 16);
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
    run = run_file(&proxy, "continue_on_error=true", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 207);
    assert_int_equal(number_of(run, "/steps/done"), N_STEPS - 1);
    assert_int_equal(number_of(run, "/steps/failed"), 1);
    assert_true(str_is(text_of(run, "/tests/0/steps/1/status"), "failed"));
    assert_int_equal(number_of(run, "/tests/0/steps/1/error/upstream_status"), 400);
    assert_true_about(&proxy, run, "continue_on_error");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"skip\":1,\"status\":400}");
    run = run_file(&proxy, "",
                   "name: x\nsteps: [{click: A}, {click: B, optional: true}, {click: C}]");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(number_of(run, "/steps/failed"), 1);
    proxy_stop(&proxy);
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
            arena_printf(&proxy.arena, "{\"match\":\"* *\",\"skip\":%d,\"delay_ms\":150}", at).ptr);
        run = run_file(&proxy, "async=true", FILE_TEXT);
        assert_int_equal(proxy.reply.status, 202);
        id = arena_str(&proxy.arena, text_of(run, "/id"));
        client_pause_ms(60);
        (void)proxy_ask(&proxy, "DELETE",
                        arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr,
                        NULL, "");
        assert_true(proxy.reply.status == 202 || proxy.reply.status == 200);
        run = wait_for_end(&proxy, id);
        sandbox_clear_faults(proxy.program.sandbox_port);
        assert_true_about(&proxy, run, what.ptr);
        if (str_is(text_of(run, "/status"), "cancelled")) {
            assert_resumes(&proxy, run, what.ptr);
            n_cancelled++;
        }
    }
    assert_true(n_cancelled >= N_ROWS - 2);
    proxy_stop(&proxy);
}

/* The sandbox has a step in its hands. */
static void wait_for_step(struct proxy *proxy)
{
    for (int i = 0; i < 1000; i++) {
        if (sandbox_count(proxy->program.sandbox_port, "POST", "/teststeps") > 0) {
            return;
        }
        client_pause_ms(10);
    }
    fail_msg("no step was sent");
}

static void who_leaves_stops_the_run(void **state)
{
    struct proxy proxy;
    struct client client;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_fault(proxy.program.sandbox_port,
                  arena_printf(&proxy.arena, "{\"match\":\"POST /teststeps\",\"delay_ms\":%u}",
                               300 * client_slowness())
                      .ptr);
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "POST", RUN, YAML, STR(FILE_TEXT)));
    wait_for_step(&proxy);
    client_reset(&client);
    run = proxy_ask(&proxy, "GET", "/api/v1/tests/runs", NULL, "");
    assert_int_equal(number_of(run, "/total"), 1);
    run = wait_for_end(&proxy, arena_str(&proxy.arena, text_of(run, "/runs/0/id")));
    assert_true(str_is(text_of(run, "/status"), "cancelled"));
    assert_int_equal(number_of(run, "/steps/done"), 1);
    assert_true_about(&proxy, run, "left");
    assert_resumes(&proxy, run, "left");
    proxy_stop(&proxy);
}

static void a_run_has_its_time(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, fast);
    run = run_file(&proxy, "timeout=1&execute=true",
                   "name: STALL\njourney: STALL\nsteps: [{click: A}]\n");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(text_of(run, "/status"), "timed_out"));
    assert_true(str_is(text_of(run, "/tests/0/status"), "passed"));
    proxy_stop(&proxy);
}

static void a_key_gets_the_same_reply_again(void **state)
{
    struct proxy proxy;
    struct str first;

    (void)state;
    proxy_start(&proxy, fast);
    first =
        text_of(proxy_ask(&proxy, "POST", RUN, YAML "Idempotency-Key: k1\r\n", FILE_TEXT), "/id");
    first = arena_str(&proxy.arena, first);
    assert_true(str_eq(
        text_of(proxy_ask(&proxy, "POST", RUN, YAML "Idempotency-Key: k1\r\n", FILE_TEXT), "/id"),
        first));
    assert_true(reply_field(&proxy.reply, "Idempotency-Replayed").len > 0);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), N_STEPS);
    proxy_stop(&proxy);
}

/* --- where the steps go
 * --------------------------------------------------------------------------------- */

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
    session = text_of(proxy_ask_str(&proxy, "POST", "/api/v1/sessions", NULL, body), "/session_id");
    session = arena_str(&proxy.arena, session);
    run = run_file(&proxy, arena_printf(&proxy.arena, "session_id=%.*s", STR_ARG(session)).ptr,
                   FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(number_of(run, "/tests/0/steps/0/position"), 1);
    run = proxy_ask(&proxy, "GET",
                    arena_printf(&proxy.arena, "/api/v1/sessions/%.*s", STR_ARG(session)).ptr, NULL,
                    "");
    assert_int_equal(number_of(run, "/position"), 1 + N_STEPS);
    assert_int_equal(number_of(run, "/steps_added"), N_STEPS);
    run = run_file(
        &proxy,
        arena_printf(&proxy.arena, "checkpoint_id=%lld", (long long)proxy.seed.checkpoint).ptr,
        FILE_TEXT);
    assert_int_equal(number_of(run, "/tests/0/steps/0/position"), 1 + N_STEPS);
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
        ids[i] =
            text_of(run_file(&proxy, "async=true&project=Shared&goal=Shared", FILE_TEXT), "/id");
        ids[i] = arena_str(&proxy.arena, ids[i]);
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(str_is(text_of(wait_for_end(&proxy, ids[i]), "/status"), "passed"));
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 2); /* seed */
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 2);    /* seed */
    proxy_stop(&proxy);
}

/* --- executions
 * ----------------------------------------------------------------------------------------- */

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
        const struct json *run = run_file(&proxy, "execute=true", cases[i].text);

        if (!str_is(text_of(run, "/status"), cases[i].status) ||
            !str_is(text_of(run, "/executions/0/status"), cases[i].execution)) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(reply_text(&proxy.reply)));
        }
        assert_int_equal(proxy.reply.status, i == 0 ? 200 : 207);
        if (cases[i].outcome != NULL) {
            assert_true(str_is(text_of(run, "/executions/0/outcome"), cases[i].outcome));
        }
        if (cases[i].step != NULL) {
            assert_true(str_is(text_of(run, "/tests/0/steps/1/outcome"), cases[i].step));
        }
        assert_true(str_contains(text_of(run, "/executions/0/url"), STR("/execution/")));
    }
    (void)run_file(&proxy, "execute=true&wait=false", FILE_TEXT);
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

/* One look per runs.poll_ms, however many watch; a platform that is away for a moment is waited
 * for. */
static void one_look_for_all_watchers(void **state)
{
    static const char *const sets[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=1000",
                                       "runs.poll_ms=200", NULL};

    enum { N = 20, MOST_LOOKS = 12 };
    struct client clients[N];
    struct proxy proxy;
    struct str id;
    struct str target;

    (void)state;
    proxy_start(&proxy, sets);
    id = arena_str(&proxy.arena,
                   text_of(run_file(&proxy, "async=true&execute=true", FILE_TEXT), "/id"));
    target = arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id));
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", target.ptr, NULL, STR_EMPTY));
    }
    (void)wait_for_end(&proxy, id);
    assert_true(sandbox_count(proxy.program.sandbox_port, "GET", "/executions/") <= MOST_LOOKS);
    for (size_t i = 0; i < N; i++) {
        client_close(&clients[i]);
    }
    proxy_stop(&proxy);
}

/* --- watchers
 * ------------------------------------------------------------------------------------------- */

/* Every id from `from` on, once, in order, `done` last. */
static void assert_events(struct str text, int64_t from, int64_t *out_last)
{
    struct str rest = text;
    struct str line;
    int64_t want = from;
    bool done = false;

    while (str_next(&rest, '\n', &line)) {
        int64_t id;

        if (str_starts(line, STR("event: "))) {
            assert_false(done);
            done = str_is(line, "event: done");
        }
        if (!str_starts(line, STR("id: "))) {
            continue;
        }
        assert_true(str_to_i64(str_sub(line, 4, line.len), 1, 100000, &id));
        assert_int_equal(id, want);
        want++;
    }
    assert_true(done);
    *out_last = want - 1;
}

static void each_watcher_sees_each_event_once(void **state)
{
    struct client clients[N_WATCHERS];
    struct proxy proxy;
    struct reply reply;
    struct str id;
    struct str target;
    struct str fields;
    int64_t last = 0;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":-1,\"delay_ms\":30}");
    id = arena_str(&proxy.arena, text_of(run_file(&proxy, "async=true", FILE_TEXT), "/id"));
    target = arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id));
    for (size_t i = 0; i < N_WATCHERS; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", target.ptr, NULL, STR_EMPTY));
    }
    reply_init(&reply);
    for (size_t i = 0; i < N_WATCHERS; i++) {
        int64_t n = 0;

        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_true(str_starts(reply_field(&reply, "Content-Type"), STR("text/event-stream")));
        assert_events(reply_text(&reply), 1, &n);
        assert_true(last == 0 || n == last);
        last = n;
        client_close(&clients[i]);
    }
    /* who comes back goes on where it was */
    fields = arena_printf(&proxy.arena, "Last-Event-ID: %lld\r\n", (long long)last - 2);
    client_ask(proxy.program.port, "GET", target.ptr, fields.ptr, STR_EMPTY, &reply);
    assert_events(reply_text(&reply), last - 1, &last);
    fields = arena_printf(&proxy.arena, "Last-Event-ID: %lld\r\n", (long long)last);
    client_ask(proxy.program.port, "GET", target.ptr, fields.ptr, STR_EMPTY, &reply);
    assert_int_equal(reply.status, 204);
    client_ask(proxy.program.port, "GET", target.ptr, "Last-Event-ID: 9999\r\n", STR_EMPTY, &reply);
    assert_int_equal(reply.status, 400);
    reply_done(&reply);
    proxy_stop(&proxy);
}

static void silent_streams_have_a_heartbeat(void **state)
{
    static const char *const sets[] = {"runs.heartbeat_s=1", "runs.poll_ms=60000",
                                       "runs.max_watchers=1", "drain.limit_ms=300", NULL};
    struct proxy proxy;
    struct client client;
    struct reply reply;
    struct str target;

    (void)state;
    proxy_start(&proxy, sets);
    target = arena_printf(
        &proxy.arena, "/api/v1/tests/runs/%.*s/events",
        STR_ARG(text_of(run_file(&proxy, "async=true&execute=true", FILE_TEXT), "/id")));
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "GET", target.ptr, NULL, STR_EMPTY));
    reply_init(&reply);
    assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
    while (!str_contains(reply_text(&reply), STR("\n: "))) {
        assert_int_equal(client_read_piece(&client, &reply), CLIENT_OK);
    }
    (void)proxy_ask(&proxy, "GET", target.ptr, NULL, "");
    assert_int_equal(proxy.reply.status, 503); /* one watcher is the most */
    client_reset(&client);
    reply_done(&reply);
    proxy_stop(&proxy); /* with a run that works: it is cancelled */
}

static void ended_runs_are_kept_for_a_while(void **state)
{
    static const char *const sets[] = {"runs.max_kept=2", NULL};
    struct proxy proxy;
    struct str first;
    const struct json *list;

    (void)state;
    proxy_start(&proxy, sets);
    first = arena_str(&proxy.arena, text_of(run_file(&proxy, "", FILE_TEXT), "/id"));
    for (int i = 0; i < 3; i++) {
        (void)run_file(&proxy, "", FILE_TEXT);
    }
    (void)get_run(&proxy, first);
    assert_int_equal(proxy.reply.status, 404);
    list = proxy_ask(&proxy, "GET", "/api/v1/tests/runs?limit=1", NULL, "");
    assert_int_equal(number_of(list, "/total"), 2);
    assert_int_equal(json_size(json_get(list, "runs")), 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_test),
        cmocka_unit_test(several_tests_share_their_goal),
        cmocka_unit_test(bad_requests_create_nothing),
        cmocka_unit_test(a_failure_at_any_row_tells_the_truth),
        cmocka_unit_test(a_failed_step_may_be_passed_over),
        cmocka_unit_test(a_run_stopped_at_any_row_tells_the_truth),
        cmocka_unit_test(who_leaves_stops_the_run),
        cmocka_unit_test(a_run_has_its_time),
        cmocka_unit_test(a_key_gets_the_same_reply_again),
        cmocka_unit_test(steps_go_where_a_session_stands),
        cmocka_unit_test(runs_at_once_make_a_project_once),
        cmocka_unit_test(executions_are_followed_to_their_end),
        cmocka_unit_test(one_look_for_all_watchers),
        cmocka_unit_test(each_watcher_sees_each_event_once),
        cmocka_unit_test(silent_streams_have_a_heartbeat),
        cmocka_unit_test(ended_runs_are_kept_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
