/* Test runs of several processes: each process shows, lists, follows and stops each run; when the process that
 * carries a run out is killed or ends, another one goes on with it. Then each step exists once, or is told as
 * unknown, and whoever watches misses no event. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdlib.h>

#include "harness/shared_run.h"
#include "harness/steps.h"
#include "harness/wait.h"

enum { ADOPTED_MS = 10000, ADOPTED_STEPS = 120 };

static struct shared_run scene;

/* The time is held to where the machine is for the test alone (VP_LONG). */
static unsigned busy(void)
{
    return getenv("VP_LONG") != NULL ? 1 : 3;
}

static int64_t n_done(size_t i)
{
    return number_at(replicas_ask(&scene.replicas, i, "GET", "/api/v1/tests/runs", NULL, NULL),
                     "/runs/0/steps/done");
}

static void each_process_shows_each_run(void **state)
{
    const struct json *one;
    const struct json *other;

    (void)state;
    (void)shared_run_begin(&scene, 0, 12, "async=true");
    wait_until(str_is(shared_run_status(&scene, 1), "created"));
    one = shared_run_ask(&scene, 0, "GET", "");
    other = shared_run_ask(&scene, 2, "GET", "");
    assert_int_equal(json_size(json_find(other, "/tests/0/steps")), 12);
    for (size_t i = 0; i < 12; i++) {
        assert_true(json_equal(json_at(json_find(one, "/tests/0/steps"), i),
                               json_at(json_find(other, "/tests/0/steps"), i)));
    }
    assert_true(json_equal(json_find(one, "/tests/0/setup"), json_find(other, "/tests/0/setup")));
    assert_int_equal(shared_run_check(&scene, other), 0);
    scene.watcher.replica = 1;
    shared_run_watch(&scene, 60000);
    assert_true(scene.watcher.done);
    run_follower_end(&scene.watcher);
    other = replicas_ask(&scene.replicas, 1, "GET", "/api/v1/tests/runs?limit=1", NULL, NULL);
    assert_true(str_eq(json_str(json_find(other, "/runs/0/id")), scene.id));
    (void)replicas_ask(&scene.replicas, 1, "GET", "/api/v1/tests/runs/run_000000000000000000000000",
                       NULL, NULL);
    assert_int_equal(scene.replicas.reply.status, 404);
}

/* They look for a project and a goal by name at the same time, and there are none yet. */
static void what_runs_look_for_by_name_is_made_once(void **state)
{
    static const char *const query = "async=true&project=Common&goal=Common";
    const struct json *runs[SHARED_REPLICAS];
    struct str ids[SHARED_REPLICAS];

    (void)state;
    for (size_t i = 0; i < SHARED_REPLICAS; i++) {
        (void)shared_run_begin(&scene, i, 2, query);
        ids[i] = scene.id;
    }
    for (size_t i = 0; i < SHARED_REPLICAS; i++) {
        scene.id = ids[i];
        wait_until(str_is(shared_run_status(&scene, 0), "created"));
        runs[i] = shared_run_ask(&scene, 0, "GET", "");
        assert_true(json_equal(json_find(runs[i], "/tests/0/project_id"),
                               json_find(runs[0], "/tests/0/project_id")));
        assert_true(json_equal(json_find(runs[i], "/tests/0/goal_id"),
                               json_find(runs[0], "/tests/0/goal_id")));
    }
}

static void each_process_stops_each_run(void **state)
{
    (void)state;
    sandbox_hold_behind(scene.replicas.platform.program.sandbox_port, "POST /teststeps", 6);
    (void)shared_run_begin(&scene, 0, 300, "async=true");
    wait_until(n_done(1) > 5);
    assert_true(json_true(json_get(shared_run_ask(&scene, 1, "DELETE", ""), "stopping")));
    assert_int_equal(scene.replicas.reply.status, 202);
    sandbox_release_all(scene.replicas.platform.program.sandbox_port);
    wait_until(str_is(shared_run_status(&scene, 0), "cancelled"));
    wait_until(str_is(shared_run_status(&scene, 2), "cancelled"));
    assert_int_equal(shared_run_check(&scene, shared_run_ask(&scene, 2, "GET", "")), 0);
}

/* --- one process dies, and its runs with it */

/* Of each run one of these is carried out, and nobody is told: the answer is on its way when the process dies. A run that
 * looks for names holds up others, so that one comes last. */
static const struct {
    const char *query;
    bool executes;
    const char *match;
} setups[] = {
    {"", false, "POST /testsuites"},
    {"", false, "POST /testcases"},
    {"", false, "POST /testsuites/*/checkpoints/attach"},
    {"&execute=true", true, "POST /goals/*/snapshots/*/execute"},
    {"&project=Adopted", false, "POST /projects"},
};

enum { SETUPS_MAX = ARRAY_LEN(setups) };

struct others {
    struct str newer;
    struct str executed, job_id;
    struct str in_session, session;
    struct str waited;
    struct client caller;
    struct str in_setup[SETUPS_MAX];
};

static const struct json *run_at(size_t i, struct str id)
{
    return replicas_ask(
        &scene.replicas, i, "GET",
        arena_printf(shared_run_arena(&scene), "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
        NULL);
}

static struct str text_at(size_t i, struct str id, const char *pointer)
{
    return arena_str(shared_run_arena(&scene), json_str(json_find(run_at(i, id), pointer)));
}

static void begin_executed(struct others *others)
{
    (void)shared_run_begin(&scene, 0, 2, "async=true&execute=true");
    others->executed = scene.id;
    wait_until(text_at(0, scene.id, "/executions/0/job_id").len > 0);
    others->job_id = text_at(0, scene.id, "/executions/0/job_id");
}

static void begin_in_session(struct others *others)
{
    const struct json *answer;

    sandbox_seed_ids(scene.replicas.platform.program.sandbox_port, "{\"checkpoints\":[7000001]}");
    answer = replicas_ask(&scene.replicas, 1, "POST", "/api/v1/sessions", NULL,
                          "{\"checkpoint_id\":\"7000001\"}");
    others->session = arena_str(shared_run_arena(&scene), json_str(json_get(answer, "session_id")));
    (void)shared_run_begin(&scene, 0, 45,
                           arena_printf(shared_run_arena(&scene), "async=true&session_id=%.*s",
                                        STR_ARG(others->session))
                               .ptr);
    others->in_session = scene.id;
}

/* As if a newer version of the program had written it. It is too long to end before its process does. */
static void begin_newer(struct others *others)
{
    (void)shared_run_begin(&scene, 0, SHARED_STEPS_MAX, "async=true");
    others->newer = scene.id;
    assert_true(shared_run_redis_says(
        &scene, &scene.replicas,
        arena_printf(
            shared_run_arena(&scene),
            "local k = redis.call('keys', 'vp:d:{run/*%.*s*') redis.call('hset', k[1], 'f', "
            "99) return #k",
            STR_ARG(scene.id))
            .ptr));
}

/* Its caller waits, and is cut off with the process; the run goes on. */
static void begin_waited(struct others *others)
{
    const struct json *list;

    client_open(&others->caller, scene.replicas.programs[0].port);
    assert_true(client_send_request(&others->caller, "POST", "/api/v1/tests/run",
                                    "Content-Type: application/yaml\r\n",
                                    shared_run_file(shared_run_arena(&scene), 90)));
    wait_until(
        (list = replicas_ask(&scene.replicas, 1, "GET", "/api/v1/tests/runs?limit=1", NULL, NULL),
         number_at(list, "/runs/0/steps/total") == 90));
    others->waited = arena_str(shared_run_arena(&scene), json_str(json_find(list, "/runs/0/id")));
}

/* Until its fault was met. */
static void begin_in_setup(struct others *others, size_t i)
{
    uint16_t port = scene.replicas.platform.program.sandbox_port;

    sandbox_hold(port, setups[i].match);
    (void)shared_run_begin(
        &scene, 0, 2, arena_printf(shared_run_arena(&scene), "async=true%s", setups[i].query).ptr);
    others->in_setup[i] = scene.id;
    wait_until(sandbox_faults_are_met(port));
}

static size_t n_listed(struct str path, const char *pointer)
{
    const struct json *answer =
        sandbox_call(scene.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET", path.ptr,
                     NULL, shared_run_arena(&scene));

    return json_size(pointer != NULL ? json_find(answer, pointer) : answer);
}

/* It is there once, whoever has made it; the goal has a journey with a checkpoint of its own. */
static void check_in_setup(const struct others *others, size_t i)
{
    struct arena *arena = shared_run_arena(&scene);
    struct str id = others->in_setup[i];
    struct str goal, snapshot;

    wait_until(!str_is(text_at(1, id, "/status"), "running"));
    if (!str_is(text_at(1, id, "/status"), setups[i].executes ? "passed" : "created")) {
        fail_msg("%s: %.*s", setups[i].match, STR_ARG(reply_text(&scene.replicas.reply)));
    }
    assert_int_equal(shared_run_check(&scene, run_at(1, id)), 0);
    goal = text_at(1, id, "/tests/0/goal_id");
    snapshot = text_at(1, id, "/tests/0/snapshot_id");
    assert_int_equal(n_listed(arena_printf(arena, "/snapshots/%.*s/goals/%.*s/testsuites",
                                           STR_ARG(snapshot), STR_ARG(goal)),
                              NULL),
                     2);
    assert_int_equal(
        n_listed(arena_printf(arena, "/goals/%.*s/checkpoints", STR_ARG(goal)), "/checkpoints"), 2);
}

static void check_others(struct others *others)
{
    const struct json *answer;

    wait_until(!str_is(text_at(1, others->executed, "/status"), "running"));
    if (!str_is(text_at(1, others->executed, "/status"), "passed")) {
        print_message("%.*s\n", STR_ARG(reply_text(&scene.replicas.reply)));
        fail();
    }
    assert_true(str_eq(text_at(1, others->executed, "/executions/0/job_id"), others->job_id));
    wait_until(!str_is(text_at(1, others->waited, "/status"), "running"));
    if (!str_is(text_at(1, others->waited, "/status"), "created")) {
        fail_msg("%.*s", STR_ARG(reply_text(&scene.replicas.reply)));
    }
    client_close(&others->caller);
    (void)run_at(1, others->newer);
    assert_int_equal(scene.replicas.reply.status, 500);
    assert_true(str_contains(reply_text(&scene.replicas.reply), STR("store_unreadable")));
    wait_until(program_wrote(&scene.replicas.programs[1], "run.not_adopted") ||
               program_wrote(&scene.replicas.programs[2], "run.not_adopted"));
    assert_true(shared_run_redis_says(
        &scene, &scene.replicas,
        arena_printf(shared_run_arena(&scene),
                     "return #redis.call('keys', 'vp:d:{runclaim}/*%.*s')", STR_ARG(others->newer))
            .ptr));
    wait_until(str_is(text_at(1, others->in_session, "/status"), "created"));
    answer = replicas_ask(
        &scene.replicas, 2, "POST", "/api/v1/commands/execute", NULL,
        arena_printf(shared_run_arena(&scene),
                     "{\"command\":\"step-navigate to\",\"args\":[\"https://n45.example/\"],"
                     "\"session_id\":\"%.*s\"}",
                     STR_ARG(others->session))
            .ptr);
    assert_int_equal(scene.replicas.reply.status, 200);
    assert_true(str_is(replicas_text(&scene.replicas, answer, "/data/position"), "45"));
}

static void a_killed_process_has_its_runs_adopted(void **state)
{
    struct others others = {0};
    struct str watched;
    int64_t n_executed = 1; /* of the others */
    uint64_t killed_ms;
    int64_t before;

    (void)state;
    begin_executed(&others);
    begin_in_session(&others);
    begin_newer(&others);
    begin_waited(&others);
    (void)shared_run_begin(&scene, 0, ADOPTED_STEPS, "async=true");
    scene.watcher.replica = 0;
    shared_run_watch(&scene, 300);
    watched = scene.id;
    for (size_t i = 0; i < SETUPS_MAX; i++) {
        begin_in_setup(&others, i);
    }
    scene.id = watched;
    scene.n_steps = ADOPTED_STEPS;
    replicas_kill(&scene.replicas, 0);
    killed_ms = client_patience_ms();
    before = scene.watcher.last;
    wait_until(program_wrote(&scene.replicas.programs[1], "run.adopted") ||
               program_wrote(&scene.replicas.programs[2], "run.adopted"));
    print_message("adopted after %llu ms\n", (unsigned long long)client_waited_ms(killed_ms));
    assert_true(client_waited_ms(killed_ms) < (uint64_t)ADOPTED_MS * busy() * client_slowness());
    while (scene.watcher.last <= before + 1) { /* its checkpoint's lane is waited for, too */
        shared_run_watch(&scene, 50);
        assert_true(client_waited_ms(killed_ms) <
                    (uint64_t)3 * ADOPTED_MS * busy() * client_slowness());
    }
    print_message("went on after %llu ms\n", (unsigned long long)client_waited_ms(killed_ms));
    shared_run_watch_to_end(&scene, 1);
    check_others(&others);
    scene.n_steps = 2;
    for (size_t i = 0; i < SETUPS_MAX; i++) {
        check_in_setup(&others, i);
        n_executed += setups[i].executes;
    }
    assert_int_equal(number_at(sandbox_state(scene.replicas.platform.program.sandbox_port,
                                             shared_run_arena(&scene)),
                               "/tenants/0/executions"),
                     n_executed);
    replicas_start_one(&scene.replicas, 0);
}

/* --- one process is told to end */

/* Its run is carried on by another one at once: the process is gone long before the run would have ended, and
 * no lease has to end first. */
static void a_process_that_ends_gives_its_runs_away(void **state)
{
    uint64_t began_ms;

    (void)state;
    (void)shared_run_begin(&scene, 1, 100, "async=true");
    scene.watcher.replica = 2;
    shared_run_watch_until(&scene, 15);
    began_ms = client_now_ms();
    program_signal(&scene.replicas.programs[1], SIGTERM);
    assert_int_equal(program_wait_end(&scene.replicas.programs[1], 20000), 0);
    program_assert_clean(&scene.replicas.programs[1]);
    program_done(&scene.replicas.programs[1]);
    scene.replicas.programs[1].pid = 0;
    print_message("ended after %llu ms, at event %lld\n",
                  (unsigned long long)(client_now_ms() - began_ms), (long long)scene.watcher.last);
    shared_run_watch_to_end(&scene, 0);
    print_message("the run ended after %llu ms\n",
                  (unsigned long long)(client_now_ms() - began_ms));
    replicas_start_one(&scene.replicas, 1);
}

/* --- what is kept */

static int64_t n_listed_after_one_more(void)
{
    (void)shared_run_begin(&scene, 2, 1, "async=true");
    wait_until(str_is(shared_run_status(&scene, 0), "created"));
    return number_at(replicas_ask(&scene.replicas, 1, "GET", "/api/v1/tests/runs", NULL, NULL),
                     "/total");
}

/* Whoever ends a run takes out what is too old, whoever it was of. One that has ended just now may count as going
 * on, and so does the one that cannot be read. */
static void the_last_ended_ones_are_kept(void **state)
{
    const struct json *list;
    int64_t n = 0;

    (void)state;
    for (size_t i = 0; i < SHARED_KEPT + 2; i++) {
        (void)shared_run_begin(&scene, i % SHARED_REPLICAS, 1, "async=true");
    }
    wait_until((n = n_listed_after_one_more()) <= SHARED_KEPT + 1);
    assert_true(n >= SHARED_KEPT);
    list = replicas_ask(&scene.replicas, 0, "GET", "/api/v1/tests/runs", NULL, NULL);
    assert_true(str_eq(json_str(json_find(list, "/runs/0/id")), scene.id));
}

static int set_up(void **state)
{
    (void)state;
    shared_run_start(&scene);
    return 0;
}

static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&scene.replicas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_process_shows_each_run),
        cmocka_unit_test(what_runs_look_for_by_name_is_made_once),
        cmocka_unit_test(each_process_stops_each_run),
        cmocka_unit_test(a_killed_process_has_its_runs_adopted),
        cmocka_unit_test(a_process_that_ends_gives_its_runs_away),
        cmocka_unit_test(the_last_ended_ones_are_kept),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared_runs", tests, set_up, NULL);
}
