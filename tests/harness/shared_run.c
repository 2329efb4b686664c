#include "harness/shared_run.h"

#include "harness/cmocka.h"

#include <stdlib.h>

#include "base/random.h"
#include "harness/steps.h"
#include "harness/wait.h"

enum { SEED = 20261129 };

void shared_run_start(struct shared_run *shared)
{
    /* a call may take long on a busy machine: one that is given up may leave its step unknown */
    static const char *const sets[] = {"upstream.timeout_ms=30000", "runs.poll_ms=50",
                                       "runs.max_kept=16", "upstream.retry_base_ms=1", NULL};
    static const char *const platform_sets[] = {"sandbox.latency=12ms", NULL};
    const struct replicas_options options = {
        .n = SHARED_REPLICAS, .sets = sets, .platform_sets = platform_sets, .keeps = true};

    random_seed(SEED);
    replicas_start(&shared->replicas, &options);
}

struct arena *shared_run_arena(struct shared_run *shared)
{
    return &shared->replicas.platform.arena;
}

struct str shared_run_file(struct arena *arena, size_t n_steps)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    buf_text(&text, "name: Shared\nsteps:\n");
    for (size_t i = 0; i < n_steps; i++) {
        buf_printf(&text, "  - navigate: https://n%zu.example/\n", i);
    }
    return arena_take(arena, &text);
}

const struct json *shared_run_begin(struct shared_run *shared, size_t i, size_t n_steps,
                                    const char *query)
{
    struct arena *arena = shared_run_arena(shared);
    struct reply *reply = &shared->replicas.reply;
    const struct json *answer;

    shared->n_steps = n_steps;
    client_ask(shared->replicas.programs[i].port, "POST",
               arena_printf(arena, "/api/v1/tests/run?%s", query).ptr,
               "Content-Type: application/yaml\r\n", shared_run_file(arena, n_steps), reply);
    answer = reply_json(reply, arena);
    if (reply->status != 202 && reply->status != 200) {
        print_message("%.*s\n", STR_ARG(reply_text(reply)));
    }
    shared->id = arena_str(arena, json_str(json_get(answer, "id")));
    return answer;
}

const struct json *shared_run_ask(struct shared_run *shared, size_t i, const char *method,
                                  const char *rest)
{
    return replicas_ask(
        &shared->replicas, i, method,
        replicas_line(&shared->replicas, "/api/v1/tests/runs/%.*s%s", STR_ARG(shared->id), rest),
        NULL, NULL);
}

struct str shared_run_status(struct shared_run *shared, size_t i)
{
    return json_str(json_get(shared_run_ask(shared, i, "GET", ""), "status"));
}

bool shared_run_redis_says(struct shared_run *shared, const struct replicas *replicas,
                           const char *script)
{
    return system(replicas_line(/* NOLINT(cert-env33-c): a line of this test's own */
                                &shared->replicas, "test \"$(redis-cli -s %s eval \"%s\" 0)\" != 0",
                                replicas->redis.path, script)) == 0;
}

size_t shared_run_check(struct shared_run *shared, const struct json *run)
{
    size_t n_there[SHARED_STEPS_MAX] = {0};
    size_t n_unknown = 0;
    size_t last = 0;
    const struct json *step;
    struct str id = json_str(json_find(run, "/tests/0/checkpoint_id"));
    const struct json *checkpoint;

    assert_true(id.len > 0);
    checkpoint =
        sandbox_call(shared->replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_printf(shared_run_arena(shared), "/testcases/%.*s", STR_ARG(id)).ptr,
                     NULL, shared_run_arena(shared));
    JSON_FOREACH (step, json_get(checkpoint, "steps")) {
        size_t n = steps_number(shared_run_arena(shared), step);

        assert_true(n < SHARED_STEPS_MAX);
        if (n_there[n]++ > 0) {
            fail_msg("step %zu is there twice", n);
        }
        assert_true(n >= last);
        last = n;
    }
    for (size_t n = 0; n < shared->n_steps; n++) {
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

void shared_run_watch(struct shared_run *shared, unsigned ms)
{
    shared->watcher.replicas = &shared->replicas;
    shared->watcher.id = shared->id;
    run_follower_follow(&shared->watcher, ms);
}

void shared_run_watch_until(struct shared_run *shared, int64_t event)
{
    while (shared->watcher.last < event && !shared->watcher.done) {
        shared_run_watch(shared, 20);
    }
}

void shared_run_watch_to_end(struct shared_run *shared, size_t replica)
{
    wait_until((shared_run_watch(shared, 1000), shared->watcher.done));
    wait_until(str_is(shared_run_status(shared, replica), "created"));
    assert_int_equal(shared_run_check(shared, shared_run_ask(shared, replica, "GET", "")), 0);
    run_follower_end(&shared->watcher);
}
