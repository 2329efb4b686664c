/* store.strict=false: while Redis is away each process goes on alone with its test runs, those that had begun and new ones,
 * and whoever watches them sees how they go on. When Redis is back the others see them, too. */
#include "harness/cmocka.h"

#include "harness/run_follower.h"
#include "harness/wait.h"

enum { N = 2, STEPS = 60 };

static struct {
    struct replicas replicas;
    struct run_follower watcher;
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"store.strict=false", NULL};
    static const char *const platform[] = {"sandbox.latency=12ms", NULL};

    (void)state;
    replicas_start(
        &here.replicas,
        &(struct replicas_options){.n = N, .sets = sets, .platform_sets = platform, .keeps = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    return 0;
}

static struct str begin_run(size_t i, size_t n_steps, const char *query)
{
    struct buf file;

    buf_init(&file, 1 << 16);
    buf_text(&file, "name: Alone\nsteps:\n");
    for (size_t n = 0; n < n_steps; n++) {
        buf_printf(&file, "- navigate: https://n%zu.example/\n", n);
    }
    client_ask(here.replicas.programs[i].port, "POST",
               arena_printf(arena(), "/api/v1/tests/run?%s", query).ptr,
               "Content-Type: application/yaml\r\n", buf_view(&file), &here.replicas.reply);
    buf_done(&file);
    return arena_str(arena(), json_str(json_get(reply_json(&here.replicas.reply, arena()), "id")));
}

static struct str status_at(size_t i, struct str id)
{
    return json_str(json_get(
        replicas_ask(&here.replicas, i, "GET",
                     arena_printf(arena(), "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL, NULL),
        "status"));
}

static size_t n_steps_there(void)
{
    return sandbox_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps");
}

static void runs_go_on_while_redis_is_away(void **state)
{
    (void)state;
    here.watcher.replicas = &here.replicas;
    here.watcher.replica = 0;
    here.watcher.id = begin_run(0, STEPS, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    while (here.watcher.last < 12) {
        run_follower_follow(&here.watcher, 20);
    }
    redis_server_stop(&here.replicas.redis);
    wait_until((run_follower_follow(&here.watcher, 50), here.watcher.done));
    assert_int_equal(n_steps_there(), STEPS);
    assert_true(str_is(status_at(0, here.watcher.id), "created"));
    (void)begin_run(1, 3, ""); /* its caller waits for the end */
    assert_int_equal(here.replicas.reply.status, 200);
    assert_int_equal(n_steps_there(), STEPS + 3);
    /* Its lease has run out: the other one must not take that for its end. */
    program_wait_wrote(&here.replicas.programs[0], "store.lease_lost", WAIT_MS);
    redis_server_start(&here.replicas.redis, NULL, NULL);
    replicas_wait_for_store(&here.replicas);
    wait_until(str_is(status_at(1, here.watcher.id), "created"));
    assert_int_equal(n_steps_there(), STEPS + 3);
    run_follower_end(&here.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_go_on_while_redis_is_away),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to be without\n");
        return 0;
    }
    return cmocka_run_group_tests_name("alone", tests, set_up, tear_down);
}
