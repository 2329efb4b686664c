/* Two versions of the program with one store, as in a rolling update: one process of each, and the second has another
 * engine (RUN_ENGINE), so it is another program. They take turns in one session and in one run; what the newer one has
 * begun is left to it, also after a rollback. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "harness/run_follower.h"
#include "harness/wait.h"

enum { OLD, NEW, N_VERSIONS, STEPS = 90, COMMANDS = 20 };

static struct {
    struct replicas replicas;
    struct run_follower watcher;
    const char *run; /* its address */
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"upstream.timeout_ms=10000", NULL};
    static const char *const platform[] = {"sandbox.latency=15ms", NULL};

    (void)state;
    replicas_start(&here.replicas,
                   &(struct replicas_options){.n = N_VERSIONS,
                                              .sets = sets,
                                              .platform_sets = platform,
                                              .binaries = {[NEW] = VP_BINARY_NEXT}});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    return 0;
}

/* --- a session */

static const char *redis_says(const char *script)
{
    static char out[4096];
    FILE *pipe;
    size_t n;

    pipe = popen(
        arena_printf(arena(), "redis-cli -s %s eval \"%s\" 0", here.replicas.redis.path, script)
            .ptr,
        "re");
    assert_non_null(pipe);
    n = fread(out, 1, sizeof(out) - 1, pipe);
    out[n] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return out;
}

/* A member that neither of them knows goes through both. */
static void versions_take_turns_in_a_session(void **state)
{
    const struct json *answer;
    const char *session;
    const char *body;
    const char *script;

    (void)state;
    sandbox_seed_ids(here.replicas.platform.program.sandbox_port, "{\"checkpoints\":[7100001]}");
    answer = replicas_ask(&here.replicas, OLD, "POST", "/api/v1/sessions", NULL,
                          "{\"checkpoint_id\":\"7100001\"}");
    assert_int_equal(here.replicas.reply.status, 201);
    session = arena_cstr(arena(), json_str(json_get(answer, "session_id")));
    script = arena_printf(arena(),
                          "for _, k in ipairs(redis.call('keys', 'vp:d:*%s')) do local b = "
                          "redis.call('hget', k, 'b') redis.call('hset', k, 'b', string.sub(b, 1, "
                          "-2) .. ',\\\"later\\\":[1,2]}') end",
                          session)
                 .ptr;
    (void)redis_says(script);
    for (int64_t n = 0; n < COMMANDS; n++) {
        body =
            arena_printf(arena(),
                         "{\"command\":\"step-navigate to\",\"args\":[\"https://n%lld.example/\"],"
                         "\"session_id\":\"%s\"}",
                         (long long)n, session)
                .ptr;
        answer = replicas_ask(&here.replicas, (size_t)(n % N_VERSIONS), "POST",
                              "/api/v1/commands/execute", NULL, body);
        assert_int_equal(here.replicas.reply.status, 200);
        assert_true(str_eq(replicas_text(&here.replicas, answer, "/data/position"),
                           arena_printf(arena(), "%lld", (long long)n)));
    }
    (void)replicas_ask(&here.replicas, NEW, "PATCH",
                       arena_printf(arena(), "/api/v1/sessions/%s", session).ptr, NULL,
                       "{\"name\":\"renamed\"}");
    assert_int_equal(here.replicas.reply.status, 200);
    script = arena_printf(arena(),
                          "for _, k in ipairs(redis.call('keys', 'vp:d:*%s')) do return "
                          "redis.call('hget', k, 'b') end",
                          session)
                 .ptr;
    assert_non_null(strstr(redis_says(script), "\"later\":[1,2]"));
}

/* --- runs */

static void begin_run(size_t i)
{
    const struct json *answer;
    struct buf file;

    buf_init(&file, 1 << 16);
    buf_text(&file, "name: Versions\nsteps:\n");
    for (int n = 0; n < STEPS; n++) {
        buf_printf(&file, "- navigate: https://n%d.example/\n", n);
    }
    client_ask(here.replicas.programs[i].port, "POST", "/api/v1/tests/run?async=true",
               "Content-Type: application/yaml\r\n", buf_view(&file), &here.replicas.reply);
    buf_done(&file);
    assert_int_equal(here.replicas.reply.status, 202);
    answer = reply_json(&here.replicas.reply, arena());
    here.watcher.id = arena_str(arena(), json_str(json_get(answer, "id")));
    here.watcher.replicas = &here.replicas;
    here.watcher.replica = i;
    here.run = arena_printf(arena(), "/api/v1/tests/runs/%.*s", STR_ARG(here.watcher.id)).ptr;
}

static struct str status_at(size_t i)
{
    return json_str(
        json_get(replicas_ask(&here.replicas, i, "GET", here.run, NULL, NULL), "status"));
}

static void follow_to(int64_t event)
{
    wait_until(
        (run_follower_follow(&here.watcher, 20), here.watcher.last >= event || here.watcher.done));
}

/* Each step of the run stands in its checkpoint, once, in order. */
static void check_steps(size_t i)
{
    const struct json *run = replicas_ask(&here.replicas, i, "GET", here.run, NULL, NULL);
    struct str id = json_str(json_find(run, "/tests/0/checkpoint_id"));
    const struct json *checkpoint;
    const struct json *step;
    int n = 0;

    assert_true(str_is(json_str(json_get(run, "status")), "created"));
    checkpoint =
        sandbox_call(here.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_printf(arena(), "/testcases/%.*s", STR_ARG(id)).ptr, NULL, arena());
    JSON_FOREACH (step, json_get(checkpoint, "steps")) {
        assert_true(str_contains(json_text(arena(), step),
                                 arena_printf(arena(), "https://n%d.example/", n++)));
    }
    assert_int_equal(n, STEPS);
}

/* The old one begins it, the new one carries it on, then the old one again: nobody writes what the other cannot read. */
static void versions_take_turns_in_a_run(void **state)
{
    uint16_t platform = here.replicas.platform.program.sandbox_port;

    (void)state;
    sandbox_hold_behind(platform, "POST /teststeps", STEPS / 4);
    begin_run(OLD);
    follow_to(STEPS / 4);
    replicas_kill(&here.replicas, OLD);
    sandbox_release_all(platform);
    sandbox_hold_behind(platform, "POST /teststeps", STEPS / 4);
    follow_to(STEPS / 2);
    assert_false(here.watcher.done);
    replicas_start_one(&here.replicas, OLD);
    replicas_kill(&here.replicas, NEW);
    sandbox_release_all(platform);
    follow_to(INT64_MAX);
    assert_true(here.watcher.done);
    assert_true(program_wrote(&here.replicas.programs[OLD], "run.adopted"));
    check_steps(OLD);
    run_follower_end(&here.watcher);
    replicas_start_one(&here.replicas, NEW);
    check_steps(NEW);
}

/* Who cannot read a run says so, and leaves it as it is: the new one goes on with it when it is there again. */
static void what_a_newer_version_has_begun_is_left_to_it(void **state)
{
    (void)state;
    sandbox_hold_behind(here.replicas.platform.program.sandbox_port, "POST /teststeps", STEPS / 4);
    begin_run(NEW);
    follow_to(STEPS / 4);
    (void)status_at(OLD);
    assert_int_equal(here.replicas.reply.status, 500);
    assert_true(str_contains(reply_text(&here.replicas.reply), STR("store_unreadable")));
    assert_true(str_contains(reply_text(&here.replicas.reply), STR("newer version")));
    run_follower_end(&here.watcher);
    replicas_kill(&here.replicas, NEW);
    sandbox_release_all(here.replicas.platform.program.sandbox_port);
    program_wait_wrote(&here.replicas.programs[OLD], "run.not_adopted",
                       WAIT_MS * (unsigned)client_slowness());
    replicas_start_one(&here.replicas, NEW);
    wait_until(!str_is(status_at(NEW), "running"));
    check_steps(NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_take_turns_in_a_session),
        cmocka_unit_test(versions_take_turns_in_a_run),
        cmocka_unit_test(what_a_newer_version_has_begun_is_left_to_it),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so versions share nothing\n");
        return 0;
    }
    return cmocka_run_group_tests_name("versions", tests, set_up, tear_down);
}
