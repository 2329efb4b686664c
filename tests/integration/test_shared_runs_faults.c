/* Test runs of several processes under faults: Redis is away, processes are killed in the middle of a step or stand
 * still, the caller's token is gone with its process. With VP_LONG=1 a run of 500 steps is killed 20 times, at
 * moments that a seed says. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdlib.h>

#include "base/random.h"
#include "harness/shared_run.h"
#include "harness/wait.h"

enum { ADOPTED_MS = 10000 };

/* How often a text stands in what Redis holds. */
#define SEARCH(text)                                                                                  \
    "local n = 0 for _, k in ipairs(redis.call('keys', '*')) do local t = redis.call('type', k).ok "  \
    "local all = {} if t == 'hash' then all = redis.call('hvals', k) elseif t == 'stream' then for "  \
    "_, e in ipairs(redis.call('xrange', k, '-', '+')) do for _, v in ipairs(e[2]) do all[#all + 1] " \
    "= v end end end for _, v in ipairs(all) do if string.find(v, '" text                             \
    "', 1, true) then n = n + 1 end end end "

static struct shared_run scene;

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
    (void)shared_run_begin(&scene, 1, 60, "async=true");
    scene.watcher.replica = 1;
    shared_run_watch_until(&scene, 12);
    redis_server_stop(&scene.replicas.redis);
    before = n_steps_there();
    client_pause_ms(ms); /* what the fault is */
    later = n_steps_there();
    assert_true(later <= before + 1);
    redis_server_start(&scene.replicas.redis, NULL, NULL);
    for (size_t i = 0; i < SHARED_REPLICAS; i++) {
        wait_until(!replicas_store_is_away(&scene.replicas, i));
    }
    shared_run_watch_to_end(&scene, 0);
    assert_int_equal(n_steps_there(), 60);
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

/* The process that carries the run out; SHARED_REPLICAS: none, at the moment. */
static size_t carrier(void)
{
    for (size_t i = 0; i < SHARED_REPLICAS; i++) {
        client_ask(scene.replicas.programs[i].port, "GET", "/metrics", NULL, STR_EMPTY,
                   &scene.replicas.reply);
        if (str_contains(reply_text(&scene.replicas.reply), STR("test_runs_active 1\n"))) {
            return i;
        }
    }
    return SHARED_REPLICAS;
}

/* Some events after it was adopted, its process is killed, and started again. */
static void kill_carrier(uint64_t *longest_ms)
{
    int64_t until = scene.watcher.last + 1 + (int64_t)random_below(40);
    uint64_t killed_ms;
    size_t i;

    while (scene.watcher.last < until && !scene.watcher.done) {
        shared_run_watch(&scene, 20);
    }
    client_pause_ms(
        (unsigned)random_below(25)); /* anywhere in a step: this is the moment that is random */
    i = carrier();
    if (scene.watcher.done || i == SHARED_REPLICAS) {
        return;
    }
    replicas_kill(&scene.replicas, i);
    killed_ms = client_now_ms();
    replicas_start_one(&scene.replicas, i);
    wait_until(carrier() < SHARED_REPLICAS);
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
    (void)shared_run_begin(&scene, 1, SHARED_STEPS_MAX,
                           "async=true&timeout=3000&continue_on_error=true");
    scene.watcher.replica = 2;
    shared_run_watch_until(&scene, 10); /* project, goal, journey and checkpoint are there */
    for (size_t n = 0; n < 20; n++) {
        kill_carrier(&longest_ms);
        print_message("killed %zu times, event %lld\n", n + 1, (long long)scene.watcher.last);
    }
    shared_run_watch(&scene, 120000);
    assert_true(scene.watcher.done);
    run = shared_run_ask(&scene, 0, "GET", "");
    n_unknown = shared_run_check(&scene, run);
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
    (void)shared_run_begin(&scene, 2, 100, "async=true");
    scene.watcher.replica = 0;
    shared_run_watch_until(&scene, 20);
    i = carrier();
    program_signal(&scene.replicas.programs[i], SIGSTOP);
    scene.watcher.replica = (i + 1) % SHARED_REPLICAS;
    shared_run_watch(&scene, 12000);
    program_signal(&scene.replicas.programs[i], SIGCONT);
    shared_run_watch_to_end(&scene, i);
}

/* The token of the caller was nowhere but in the process. */
static void a_run_with_a_token_of_its_own_ends(void **state)
{
    static const char *const sets[] = {"auth.mode=passthrough", "upstream.timeout_ms=10000", NULL};
    static const char *const platform_sets[] = {"sandbox.latency=12ms", NULL};
    static const char *const token = "Authorization: Bearer " SANDBOX_TOKEN "\r\n";
    const struct replicas_options options = {.n = 2, .sets = sets, .platform_sets = platform_sets};
    static struct replicas two;
    const struct json *answer = NULL;
    const char *target;

    (void)state;
    replicas_start(&two, &options);
    sandbox_hold_behind(two.platform.program.sandbox_port, "POST /teststeps", 1);
    client_ask(
        two.programs[0].port, "POST", "/api/v1/tests/run?async=true",
        arena_printf(shared_run_arena(&scene), "Content-Type: application/yaml\r\n%s", token).ptr,
        shared_run_file(shared_run_arena(&scene), 500), &two.reply);
    assert_int_equal(two.reply.status, 202);
    target =
        arena_printf(
            shared_run_arena(&scene), "/api/v1/tests/runs/%.*s",
            STR_ARG(json_str(json_get(reply_json(&two.reply, shared_run_arena(&scene)), "id"))))
            .ptr;
    wait_until((answer = replicas_ask(&two, 1, "GET", target, token, NULL),
                number_at(answer, "/steps/done") != 0 &&
                    str_is(json_str(json_find(answer, "/tests/0/steps/0/status")), "done")));
    replicas_kill(&two, 0);
    sandbox_release_all(two.platform.program.sandbox_port);
    wait_until((answer = replicas_ask(&two, 1, "GET", target, token, NULL),
                str_is(json_str(json_get(answer, "status")), "failed")));
    assert_true(str_contains(json_str(json_find(answer, "/error/detail")), STR("platform token")));
    assert_true(json_str(json_find(answer, "/resume/query")).len > 0);
    assert_true(shared_run_redis_says(&scene, &two, SEARCH("has_bearer") "return n"));
    assert_false(shared_run_redis_says(&scene, &two, SEARCH("https://n499.example/") "return n"));
    assert_false(shared_run_redis_says(&scene, &two, SEARCH(SANDBOX_TOKEN) "return n"));
    replicas_stop(&two);
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
        cmocka_unit_test(nothing_is_sent_while_redis_is_away),
        cmocka_unit_test(nothing_is_sent_while_redis_is_away_for_long),
        cmocka_unit_test(a_process_that_stands_still_sends_nothing_afterwards),
        cmocka_unit_test(a_run_with_a_token_of_its_own_ends),
        cmocka_unit_test(five_hundred_steps_and_twenty_kills),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared_runs_faults", tests, set_up, NULL);
}
