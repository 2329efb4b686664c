/* Test runs of several processes: each process shows, lists, follows and stops each run; when the process that
 * carries a run out is killed, another one goes on with it. Then each step exists once, or is told as unknown,
 * and whoever watches misses no event. With VP_LONG=1 a run of 500 steps is killed 20 times, at moments that a
 * seed says. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "harness/run_follower.h"
#include "harness/wait.h"

enum { REPLICAS = 3, STEPS_MAX = 500, SEED = 20261129, ADOPTED_MS = 10000, MAX_KEPT = 8 };

/* How often a text stands in what Redis holds. */
#define SEARCH(text)                                                                                  \
    "local n = 0 for _, k in ipairs(redis.call('keys', '*')) do local t = redis.call('type', k).ok "  \
    "local all = {} if t == 'hash' then all = redis.call('hvals', k) elseif t == 'stream' then for "  \
    "_, e in ipairs(redis.call('xrange', k, '-', '+')) do for _, v in ipairs(e[2]) do all[#all + 1] " \
    "= v end end end for _, v in ipairs(all) do if string.find(v, '" text                             \
    "', 1, true) then n = n + 1 end end end "

struct scene {
    struct replicas replicas;
    struct str id;
    size_t n_steps;
    struct run_follower watcher;
};

static struct scene scene;

static struct arena *arena(void)
{
    return &scene.replicas.platform.arena;
}

/* --- a run */

static const char *file_of(size_t n_steps)
{
    struct buf text;
    const char *copy;

    buf_init(&text, 1 << 20);
    buf_text(&text, "name: Shared # canary-run-source\nsteps:\n");
    for (size_t i = 0; i < n_steps; i++) {
        buf_printf(&text, "  - navigate: https://n%zu.example/\n", i);
    }
    copy = arena_cstr(arena(), buf_view(&text));
    buf_done(&text);
    return copy;
}

static const struct json *ask_run(size_t i, const char *method, const char *rest)
{
    return replicas_ask(
        &scene.replicas, i, method,
        arena_printf(arena(), "/api/v1/tests/runs/%.*s%s", STR_ARG(scene.id), rest).ptr, NULL,
        NULL);
}

static const struct json *begin(size_t i, size_t n_steps, const char *query)
{
    struct reply *reply = &scene.replicas.reply;
    const struct json *answer;

    scene.n_steps = n_steps;
    client_ask(scene.replicas.programs[i].port, "POST",
               arena_printf(arena(), "/api/v1/tests/run?%s", query).ptr,
               "Content-Type: application/yaml\r\n", str_from(file_of(n_steps)), reply);
    answer = reply_json(reply, arena());
    if (reply->status != 202 && reply->status != 200) {
        print_message("%.*s\n", STR_ARG(reply_text(reply)));
    }
    scene.id = arena_str(arena(), json_str(json_get(answer, "id")));
    return answer;
}

static struct str status_at(size_t i)
{
    return json_str(json_get(ask_run(i, "GET", ""), "status"));
}

static int64_t number_at(const struct json *json, const char *pointer)
{
    int64_t number = -1;

    return json_to_i64(json_find(json, pointer), &number) ? number : -1;
}

static int64_t n_done(size_t i)
{
    return number_at(ask_run(i, "GET", ""), "/tests/0/status") == 0
               ? 0
               : number_at(
                     replicas_ask(&scene.replicas, i, "GET", "/api/v1/tests/runs", NULL, NULL),
                     "/runs/0/steps/done");
}

/* --- what stands in Redis */

/* Runs a script in it; true: it returned what is not 0. */
static bool redis_says(const struct replicas *replicas, const char *script)
{
    struct str line = arena_printf(arena(), "test \"$(redis-cli -s %s eval \"%s\" 0)\" != 0",
                                   replicas->redis.path, script);

    return system(line.ptr) == 0; /* NOLINT(cert-env33-c): a line of this test's own */
}

/* --- what stands on the platform */

static size_t n_of_step(const struct json *step)
{
    struct str text = json_text(arena(), step);
    ptrdiff_t at = str_find(text, STR("https://n"));
    size_t n = 0;

    assert_true(at >= 0);
    for (const char *c = text.ptr + at + 9; *c >= '0' && *c <= '9'; c++) {
        n = n * 10 + (size_t)(*c - '0');
    }
    assert_true(n < STEPS_MAX);
    return n;
}

/* Each step that the run says it has made is there, once, in order; none is there twice. Returns how many the
 * run does not know of. */
static size_t check_platform(const struct json *run)
{
    size_t n_there[STEPS_MAX] = {0};
    size_t n_unknown = 0;
    size_t last = 0;
    const struct json *step;
    struct str id = json_str(json_find(run, "/tests/0/checkpoint_id"));
    const struct json *checkpoint;

    assert_true(id.len > 0);
    checkpoint =
        sandbox_call(scene.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_printf(arena(), "/testcases/%.*s", STR_ARG(id)).ptr, NULL, arena());
    JSON_FOREACH (step, json_get(checkpoint, "steps")) {
        size_t n = n_of_step(step);

        if (n_there[n]++ > 0) {
            fail_msg("step %zu is there twice", n);
        }
        assert_true(n >= last);
        last = n;
    }
    for (size_t n = 0; n < scene.n_steps; n++) {
        struct str status =
            json_str(json_get(json_at(json_find(run, "/tests/0/steps"), n), "status"));

        if (str_is(status, "done")) {
            assert_int_equal(n_there[n], 1);
        } else if (str_is(status, "unknown")) {
            n_unknown++;
        } else {
            assert_int_equal(n_there[n], 0);
        }
    }
    return n_unknown;
}

static void watch_a_while(struct run_follower *watcher, unsigned ms)
{
    watcher->replicas = &scene.replicas;
    watcher->id = scene.id;
    run_follower_follow(watcher, ms);
}

/* --- tests */

static void each_process_shows_each_run(void **state)
{
    const struct json *one;
    const struct json *other;

    (void)state;
    (void)begin(0, 12, "async=true");
    wait_until(str_is(status_at(1), "created"));
    one = ask_run(0, "GET", "");
    other = ask_run(2, "GET", "");
    assert_int_equal(json_size(json_find(other, "/tests/0/steps")), 12);
    for (size_t i = 0; i < 12; i++) {
        assert_true(json_equal(json_at(json_find(one, "/tests/0/steps"), i),
                               json_at(json_find(other, "/tests/0/steps"), i)));
    }
    assert_true(json_equal(json_find(one, "/tests/0/setup"), json_find(other, "/tests/0/setup")));
    assert_int_equal(check_platform(other), 0);
    scene.watcher.replica = 1;
    watch_a_while(&scene.watcher, 10000);
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
    const struct json *runs[REPLICAS];
    struct str ids[REPLICAS];

    (void)state;
    for (size_t i = 0; i < REPLICAS; i++) {
        (void)begin(i, 2, query);
        ids[i] = scene.id;
    }
    for (size_t i = 0; i < REPLICAS; i++) {
        scene.id = ids[i];
        wait_until(str_is(status_at(0), "created"));
        runs[i] = ask_run(0, "GET", "");
        assert_true(json_equal(json_find(runs[i], "/tests/0/project_id"),
                               json_find(runs[0], "/tests/0/project_id")));
        assert_true(json_equal(json_find(runs[i], "/tests/0/goal_id"),
                               json_find(runs[0], "/tests/0/goal_id")));
    }
}

static void each_process_stops_each_run(void **state)
{
    (void)state;
    (void)begin(0, 300, "async=true");
    wait_until(n_done(1) > 5);
    assert_true(json_true(json_get(ask_run(1, "DELETE", ""), "stopping")));
    assert_int_equal(scene.replicas.reply.status, 202);
    wait_until(str_is(status_at(0), "cancelled"));
    wait_until(str_is(status_at(2), "cancelled"));
    assert_int_equal(check_platform(ask_run(2, "GET", "")), 0);
}

/* --- one process dies, and four runs with it */

struct others {
    struct str newer;
    struct str executed, job_id;
    struct str in_session, session;
    struct str waited;
    struct client caller;
};

static const struct json *run_at(size_t i, struct str id)
{
    return replicas_ask(&scene.replicas, i, "GET",
                        arena_printf(arena(), "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
                        NULL);
}

static struct str text_at(size_t i, struct str id, const char *pointer)
{
    return arena_str(arena(), json_str(json_find(run_at(i, id), pointer)));
}

static void begin_executed(struct others *others)
{
    (void)begin(0, 2, "async=true&execute=true");
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
    others->session = arena_str(arena(), json_str(json_get(answer, "session_id")));
    (void)begin(0, 45,
                arena_printf(arena(), "async=true&session_id=%.*s", STR_ARG(others->session)).ptr);
    others->in_session = scene.id;
}

/* As if a newer version of the program had written it. */
static void begin_newer(struct others *others)
{
    (void)begin(0, 90, "async=true");
    others->newer = scene.id;
    assert_true(redis_says(
        &scene.replicas,
        arena_printf(
            arena(),
            "local k = redis.call('keys', 'vp:d:{run/*%.*s*') redis.call('hset', k[1], 'f', "
            "99) return #k",
            STR_ARG(scene.id))
            .ptr));
}

/* Its caller waits, and is cut off with the process. */
static void begin_waited(struct others *others)
{
    const struct json *list;

    client_open(&others->caller, scene.replicas.programs[0].port);
    assert_true(client_send_request(&others->caller, "POST", "/api/v1/tests/run",
                                    "Content-Type: application/yaml\r\n", str_from(file_of(90))));
    wait_until(
        (list = replicas_ask(&scene.replicas, 1, "GET", "/api/v1/tests/runs?limit=1", NULL, NULL),
         number_at(list, "/runs/0/steps/total") == 90));
    others->waited = arena_str(arena(), json_str(json_find(list, "/runs/0/id")));
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
    wait_until(str_is(text_at(1, others->waited, "/status"), "cancelled"));
    assert_true(str_contains(text_at(2, others->waited, "/error/detail"), STR("has died")));
    assert_true(text_at(2, others->waited, "/resume/query").len > 0);
    client_close(&others->caller);
    (void)run_at(1, others->newer);
    assert_int_equal(scene.replicas.reply.status, 500);
    assert_true(str_contains(reply_text(&scene.replicas.reply), STR("store_unreadable")));
    wait_until(program_wrote(&scene.replicas.programs[1], "run.not_adopted") ||
               program_wrote(&scene.replicas.programs[2], "run.not_adopted"));
    assert_true(
        redis_says(&scene.replicas,
                   arena_printf(arena(), "return #redis.call('keys', 'vp:d:{runclaim}/*%.*s')",
                                STR_ARG(others->newer))
                       .ptr));
    wait_until(str_is(text_at(1, others->in_session, "/status"), "created"));
    answer = replicas_ask(
        &scene.replicas, 2, "POST", "/api/v1/commands/execute", NULL,
        arena_printf(arena(),
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
    uint64_t killed_ms;
    int64_t before;

    (void)state;
    begin_executed(&others);
    begin_in_session(&others);
    begin_newer(&others);
    begin_waited(&others);
    (void)begin(0, 60, "async=true");
    scene.watcher.replica = 0;
    watch_a_while(&scene.watcher, 300);
    replicas_kill(&scene.replicas, 0);
    killed_ms = client_now_ms();
    before = scene.watcher.last;
    wait_until(program_wrote(&scene.replicas.programs[1], "run.adopted") ||
               program_wrote(&scene.replicas.programs[2], "run.adopted"));
    print_message("adopted after %llu ms\n", (unsigned long long)(client_now_ms() - killed_ms));
    assert_true(client_now_ms() - killed_ms < (uint64_t)ADOPTED_MS * client_slowness());
    while (scene.watcher.last <= before + 1) { /* its checkpoint's lane is waited for, too */
        watch_a_while(&scene.watcher, 50);
        assert_true(client_now_ms() - killed_ms < (uint64_t)3 * ADOPTED_MS * client_slowness());
    }
    print_message("went on after %llu ms\n", (unsigned long long)(client_now_ms() - killed_ms));
    watch_a_while(&scene.watcher, 30000);
    assert_true(scene.watcher.done);
    assert_true(str_is(status_at(1), "created"));
    assert_int_equal(check_platform(ask_run(2, "GET", "")), 0);
    run_follower_end(&scene.watcher);
    check_others(&others);
    replicas_start_one(&scene.replicas, 0);
}

/* --- one process is told to end */

/* Its run is carried on by another one at once: the process is gone long before the run would have ended, and
 * no lease has to end first. */
static void a_process_that_ends_gives_its_runs_away(void **state)
{
    uint64_t began_ms;

    (void)state;
    (void)begin(1, 100, "async=true");
    scene.watcher.replica = 2;
    while (scene.watcher.last < 15) {
        watch_a_while(&scene.watcher, 20);
    }
    began_ms = client_now_ms();
    program_signal(&scene.replicas.programs[1], SIGTERM);
    assert_int_equal(program_wait_end(&scene.replicas.programs[1], 20000), 0);
    program_assert_clean(&scene.replicas.programs[1]);
    program_done(&scene.replicas.programs[1]);
    scene.replicas.programs[1].pid = 0;
    print_message("ended after %llu ms, at event %lld\n",
                  (unsigned long long)(client_now_ms() - began_ms), (long long)scene.watcher.last);
    watch_a_while(&scene.watcher, 30000);
    assert_true(scene.watcher.done);
    assert_true(str_is(status_at(0), "created"));
    assert_int_equal(check_platform(ask_run(2, "GET", "")), 0);
    print_message("the run ended after %llu ms\n",
                  (unsigned long long)(client_now_ms() - began_ms));
    run_follower_end(&scene.watcher);
    replicas_start_one(&scene.replicas, 1);
}

/* --- Redis */

static int64_t n_steps_there(void)
{
    return (int64_t)sandbox_count(scene.replicas.platform.program.sandbox_port, "POST",
                                  "/teststeps");
}

/* Nothing is sent that cannot be recorded: what was on its way when Redis went, and no more. */
static void away_for(unsigned ms)
{
    int64_t before;
    int64_t later;

    sandbox_forget_requests(scene.replicas.platform.program.sandbox_port);
    (void)begin(1, 60, "async=true");
    scene.watcher.replica = 1;
    while (scene.watcher.last < 12) {
        watch_a_while(&scene.watcher, 20);
    }
    redis_server_stop(&scene.replicas.redis);
    before = n_steps_there();
    client_pause_ms(ms); /* what the fault is */
    later = n_steps_there();
    assert_true(later <= before + 1);
    redis_server_start(&scene.replicas.redis, NULL, NULL);
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(!replicas_store_is_away(&scene.replicas, i));
    }
    watch_a_while(&scene.watcher, 60000);
    assert_true(scene.watcher.done);
    assert_true(str_is(status_at(0), "created"));
    assert_int_equal(check_platform(ask_run(2, "GET", "")), 0);
    assert_int_equal(n_steps_there(), 60);
    run_follower_end(&scene.watcher);
}

static void nothing_is_sent_while_redis_is_away(void **state)
{
    (void)state;
    away_for(1000);
}

/* --- what takes long */

static void only_if_long(void)
{
    if (getenv("VP_LONG") == NULL) {
        skip();
    }
}

/* The process that carries the run out; REPLICAS: none, at the moment. */
static size_t carrier(void)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        client_ask(scene.replicas.programs[i].port, "GET", "/metrics", NULL, STR_EMPTY,
                   &scene.replicas.reply);
        if (str_contains(reply_text(&scene.replicas.reply), STR("test_runs_active 1\n"))) {
            return i;
        }
    }
    return REPLICAS;
}

/* Some events after it was adopted, its process is killed, and started again. */
static void kill_carrier(uint64_t *longest_ms)
{
    int64_t until = scene.watcher.last + 1 + (int64_t)random_below(40);
    uint64_t killed_ms;
    size_t i;

    while (scene.watcher.last < until && !scene.watcher.done) {
        watch_a_while(&scene.watcher, 20);
    }
    client_pause_ms(
        (unsigned)random_below(25)); /* anywhere in a step: this is the moment that is random */
    i = carrier();
    if (scene.watcher.done || i == REPLICAS) {
        return;
    }
    replicas_kill(&scene.replicas, i);
    killed_ms = client_now_ms();
    replicas_start_one(&scene.replicas, i);
    wait_until(carrier() < REPLICAS);
    if (client_now_ms() - killed_ms > *longest_ms) {
        *longest_ms = client_now_ms() - killed_ms;
    }
}

static void five_hundred_steps_and_twenty_kills(void **state)
{
    const struct json *run;
    uint64_t longest_ms = 0;
    size_t n_unknown;

    (void)state;
    only_if_long();
    (void)begin(1, STEPS_MAX, "async=true&timeout=3000&continue_on_error=true");
    scene.watcher.replica = 2;
    while (scene.watcher.last < 10) { /* project, goal, journey and checkpoint are there */
        watch_a_while(&scene.watcher, 20);
    }
    for (size_t n = 0; n < 20; n++) {
        kill_carrier(&longest_ms);
        print_message("killed %zu times, event %lld\n", n + 1, (long long)scene.watcher.last);
    }
    watch_a_while(&scene.watcher, 120000);
    assert_true(scene.watcher.done);
    run = ask_run(0, "GET", "");
    n_unknown = check_platform(run);
    print_message(
        "500 steps, 20 kills: %lld events, %zu connections, %zu steps unknown, adopted within "
        "%llu ms\n",
        (long long)scene.watcher.last, scene.watcher.n_connects, n_unknown,
        (unsigned long long)longest_ms);
    if (n_unknown == 0) {
        assert_true(str_is(json_str(json_get(run, "status")), "created"));
    }
    assert_true(longest_ms < (uint64_t)ADOPTED_MS * client_slowness());
    run_follower_end(&scene.watcher);
}

/* The lease is over, too: the claims are taken anew, by this process or another. */
static void nothing_is_sent_while_redis_is_away_for_long(void **state)
{
    (void)state;
    only_if_long();
    away_for(9000);
}

/* It does not know that time has passed; another process has its run by then. */
static void a_process_that_stands_still_sends_nothing_afterwards(void **state)
{
    size_t i;

    (void)state;
    only_if_long();
    (void)begin(2, 100, "async=true");
    scene.watcher.replica = 0;
    while (scene.watcher.last < 20) {
        watch_a_while(&scene.watcher, 20);
    }
    i = carrier();
    program_signal(&scene.replicas.programs[i], SIGSTOP);
    scene.watcher.replica = (i + 1) % REPLICAS;
    watch_a_while(&scene.watcher, 12000);
    program_signal(&scene.replicas.programs[i], SIGCONT);
    watch_a_while(&scene.watcher, 60000);
    assert_true(scene.watcher.done);
    wait_until(str_is(status_at(i), "created"));
    assert_int_equal(check_platform(ask_run(i, "GET", "")), 0);
    run_follower_end(&scene.watcher);
}

/* The token of the caller was nowhere but in the process. */
static void a_run_with_a_token_of_its_own_ends(void **state)
{
    static const char *const sets[] = {"auth.mode=passthrough", "upstream.timeout_ms=2000", NULL};
    static const char *const platform_sets[] = {"sandbox.latency=12ms", NULL};
    static const char *const token = "Authorization: Bearer " SANDBOX_TOKEN "\r\n";
    const struct replicas_options options = {.n = 2, .sets = sets, .platform_sets = platform_sets};
    static struct replicas two;
    const struct json *answer = NULL;
    const char *target;

    (void)state;
    only_if_long();
    replicas_start(&two, &options);
    client_ask(two.programs[0].port, "POST", "/api/v1/tests/run?async=true",
               arena_printf(arena(), "Content-Type: application/yaml\r\n%s", token).ptr,
               str_from(file_of(200)), &two.reply);
    assert_int_equal(two.reply.status, 202);
    target = arena_printf(arena(), "/api/v1/tests/runs/%.*s",
                          STR_ARG(json_str(json_get(reply_json(&two.reply, arena()), "id"))))
                 .ptr;
    wait_until((answer = replicas_ask(&two, 1, "GET", target, token, NULL),
                number_at(answer, "/steps/done") != 0 &&
                    str_is(json_str(json_find(answer, "/tests/0/steps/0/status")), "done")));
    replicas_kill(&two, 0);
    wait_until((answer = replicas_ask(&two, 1, "GET", target, token, NULL),
                str_is(json_str(json_get(answer, "status")), "failed")));
    assert_true(str_contains(json_str(json_find(answer, "/error/detail")), STR("platform token")));
    assert_true(json_str(json_find(answer, "/resume/query")).len > 0);
    assert_true(redis_says(&two, SEARCH("canary-run-source") "return n"));
    assert_false(redis_says(&two, SEARCH(SANDBOX_TOKEN) "return n"));
    replicas_stop(&two);
}

static int set_up(void **state)
{
    static const char *const sets[] = {"upstream.timeout_ms=2000", "runs.poll_ms=50",
                                       "runs.max_kept=8", "upstream.retry_base_ms=1", NULL};
    static const char *const platform_sets[] = {"sandbox.latency=12ms", NULL};
    const struct replicas_options options = {
        .n = REPLICAS, .sets = sets, .platform_sets = platform_sets, .keeps = true};

    (void)state;
    random_seed(SEED);
    replicas_start(&scene.replicas, &options);
    return 0;
}

static int64_t n_listed_after_one_more(void)
{
    (void)begin(2, 1, "async=true");
    wait_until(str_is(status_at(0), "created"));
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
    for (size_t i = 0; i < MAX_KEPT + 2; i++) {
        (void)begin(i % REPLICAS, 1, "async=true");
    }
    wait_until((n = n_listed_after_one_more()) <= MAX_KEPT + 1);
    assert_true(n >= MAX_KEPT);
    list = replicas_ask(&scene.replicas, 0, "GET", "/api/v1/tests/runs", NULL, NULL);
    assert_true(str_eq(json_str(json_find(list, "/runs/0/id")), scene.id));
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
        cmocka_unit_test(nothing_is_sent_while_redis_is_away),
        cmocka_unit_test(nothing_is_sent_while_redis_is_away_for_long),
        cmocka_unit_test(a_process_that_stands_still_sends_nothing_afterwards),
        cmocka_unit_test(a_run_with_a_token_of_its_own_ends),
        cmocka_unit_test(five_hundred_steps_and_twenty_kills),
        cmocka_unit_test(the_last_ended_ones_are_kept),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared_runs", tests, set_up, NULL);
}
