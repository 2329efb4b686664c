/* runs.driver: request. A run advances while a request for it is open, on whichever process; in between it is nobody's, and
 * nothing is sent. What the store holds is enough for the next request. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "harness/run_follower.h"
#include "harness/wait.h"

enum { N = 2, STEPS = 100, QUIET_MS = 400 };

static struct {
    struct replicas replicas;
    const char *run; /* its address */
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"runs.driver=request", "upstream.timeout_ms=2000",
                                       "http.long_exchange_timeout_ms=1500", NULL};
    static const char *const platform[] = {"sandbox.latency=25ms", NULL};

    (void)state;
    replicas_start(&here.replicas,
                   &(struct replicas_options){.n = N, .sets = sets, .platform_sets = platform});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    return 0;
}

static size_t n_steps(void)
{
    return sandbox_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps");
}

static bool is_at_work(size_t i)
{
    client_ask(here.replicas.programs[i].port, "GET", "/metrics", NULL, STR_EMPTY,
               &here.replicas.reply);
    return !str_contains(reply_text(&here.replicas.reply), STR("test_runs_active 0\n"));
}

/* Nobody asks, so nobody is at work: the pause is what the test is about. */
static void assert_rests(void)
{
    size_t before = sandbox_count(here.replicas.platform.program.sandbox_port, "", "");

    client_pause_ms(QUIET_MS);
    assert_int_equal(sandbox_count(here.replicas.platform.program.sandbox_port, "", ""), before);
    for (size_t i = 0; i < N; i++) {
        assert_false(is_at_work(i));
    }
}

static const struct json *begin_run(size_t i, const char *query)
{
    const struct json *answer;
    struct buf file;

    sandbox_forget_requests(here.replicas.platform.program.sandbox_port);
    buf_init(&file, 1 << 16);
    buf_text(&file, "{\"name\":\"Driven\",\"steps\":[");
    for (int n = 0; n < STEPS; n++) {
        buf_printf(&file, "%s{\"navigate\":\"https://n%d.example/\"}", n > 0 ? "," : "", n);
    }
    buf_text(&file, "]}");
    answer = replicas_ask(&here.replicas, i, "POST",
                          arena_printf(arena(), "/api/v1/tests/run?%s", query).ptr, NULL,
                          buf_cstr(&file));
    buf_done(&file);
    here.run =
        arena_printf(arena(), "/api/v1/tests/runs/%.*s", STR_ARG(json_str(json_get(answer, "id"))))
            .ptr;
    return answer;
}

/* In the checkpoint of the run. */
static size_t n_there(void)
{
    const struct json *run = reply_json(&here.replicas.reply, arena());
    struct str id = json_str(json_find(run, "/tests/0/checkpoint_id"));
    const struct json *checkpoint =
        sandbox_call(here.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_printf(arena(), "/testcases/%.*s", STR_ARG(id)).ptr, NULL, arena());

    return json_size(json_get(checkpoint, "steps"));
}

static int go_on(size_t i)
{
    (void)replicas_ask(&here.replicas, i, "POST",
                       arena_printf(arena(), "%s/continue?timeout=1", here.run).ptr, NULL, NULL);
    return here.replicas.reply.status;
}

static bool says(const char *text)
{
    return str_contains(reply_text(&here.replicas.reply), str_from(text));
}

/* Whose turn it is changes with each request. */
static void a_run_advances_in_requests(void **state)
{
    size_t n_requests = 0;
    int status;

    (void)state;
    (void)begin_run(0, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_rests();
    assert_int_equal(n_steps(), 0);
    do {
        status = go_on(++n_requests % N);
        if (status == 202) {
            assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
            assert_rests();
        }
        assert_true(n_requests < STEPS);
    } while (status == 202);
    assert_int_equal(status, 200);
    assert_true(says("\"status\":\"created\""));
    assert_true(n_requests > 1);
    assert_int_equal(n_steps(), STEPS);
}

/* The request that begins it is one of them; so is a GET. */
static void a_request_that_is_too_short_is_told_how_to_go_on(void **state)
{
    size_t before;

    (void)state;
    (void)begin_run(0, "");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_true(says("\"status\":\"running\""));
    assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
    before = n_steps();
    assert_true(before < STEPS);
    assert_rests();
    wait_until((replicas_ask(&here.replicas, 1, "GET", here.run, NULL, NULL), n_steps() > before));
    assert_int_equal(here.replicas.reply.status, 200);
    assert_rests();
    wait_until(go_on(0) == 200);
    assert_true(says("\"status\":\"created\""));
    assert_int_equal(n_steps(), STEPS);
}

/* Whoever follows the events drives the run; who goes on elsewhere misses none of them. */
static void a_stream_of_events_drives_a_run(void **state)
{
    struct run_follower watcher = {.replicas = &here.replicas, .replica = 1};
    int64_t seen;

    (void)state;
    watcher.id = arena_str(arena(), json_str(json_get(begin_run(0, "async=true"), "id")));
    assert_rests();
    assert_int_equal(n_steps(), 0);
    wait_until((run_follower_follow(&watcher, 50), n_steps() >= STEPS / 4));
    assert_false(watcher.done);
    seen = watcher.last;
    run_follower_end(&watcher);
    wait_until(!is_at_work(0) && !is_at_work(1));
    assert_rests();
    assert_true(n_steps() < STEPS);
    watcher = (struct run_follower){.replicas = &here.replicas, .last = seen};
    watcher.id = str_sub(str_from(here.run), str_from("/api/v1/tests/runs/").len, SIZE_MAX);
    run_follower_follow(&watcher, 60000 * (unsigned)client_slowness());
    assert_true(watcher.done);
    assert_int_equal(n_steps(), STEPS);
    run_follower_end(&watcher);
}

/* A process that dies in the middle of a request: the next request goes on, on another one. */
static void a_killed_process_loses_no_run(void **state)
{
    struct client client;

    (void)state;
    (void)begin_run(0, "async=true");
    client_open(&client, here.replicas.programs[0].port);
    assert_true(client_send_request(
        &client, "POST", arena_printf(arena(), "%s/continue", here.run).ptr, NULL, STR_EMPTY));
    sandbox_wait_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps", 5);
    replicas_kill(&here.replicas, 0);
    client_close(&client);
    wait_until(go_on(1) == 200);
    assert_true(says("\"status\":\"created\""));
    assert_int_equal(n_there(), STEPS);
    replicas_start_one(&here.replicas, 0);
}

static void without_a_store_it_is_refused(void **state)
{
    static const char *const args[] = {"check", "--set", "runs.driver=request", NULL};
    struct program program;

    (void)state;
    assert_int_not_equal(program_run(&program, args, NULL), 0);
    assert_true(program_wrote(&program, "runs.driver: with \"request\""));
    assert_true(program_wrote(&program, "set store.url"));
    program_done(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_advances_in_requests),
        cmocka_unit_test(a_request_that_is_too_short_is_told_how_to_go_on),
        cmocka_unit_test(a_stream_of_events_drives_a_run),
        cmocka_unit_test(a_killed_process_loses_no_run),
        cmocka_unit_test(without_a_store_it_is_refused),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so no run outlasts its request\n");
        return 0;
    }
    return cmocka_run_group_tests_name("driven", tests, set_up, tear_down);
}
