/* What is lost, and how long it takes until requests are answered again: after a kill of the process, after a kill of
 * Redis, and after the loss of all that Redis had, from a file of `store export`. The times are printed; conf/README.md
 * ("Disaster recovery") names them. The targets are 15 minutes, and an hour of what was done. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events/audit.h"
#include "harness/replicas.h"
#include "harness/wait.h"

enum { N_SESSIONS = 50, N_STEPS = 20, FIRST_CHECKPOINT = 8000000, ANSWERS_MS = 15 * 60 * 1000 };

static struct replicas replicas;
static const char *sessions[N_SESSIONS];

static struct arena *arena(void)
{
    return &replicas.platform.arena;
}

/* Whether none of the lines before has the id of this one: after a kill an event may come twice. */
static bool is_new(struct str before, struct str line)
{
    struct str rest = str_sub(line, (size_t)str_find(line, STR("\"id\":\"")), line.len);
    struct str id = str_sub(rest, 0, (size_t)str_find(rest, STR(",")));

    return !str_contains(before, id);
}

/* The chain of the audit in the store is whole; so many sessions were made by what it tells. */
static size_t n_in_history(void)
{
    const char *const args[] = {"audit",      "export",         "a",
                                "--set",      "auth.mode=none", "--set",
                                replicas.url, "--set",          "store.timeout_ms=10000",
                                NULL};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};
    struct audit_check check = {0};
    struct program program;
    struct error err = {0};
    struct buf lines;
    struct str rest;
    struct str line;
    size_t n = 0;

    buf_init(&lines, 1 << 20);
    if (program_run(&program, args, env) != 0) {
        program_errors(&program, &lines);
        if (!str_contains(buf_view(&lines), STR("has no lines of the chain"))) {
            fail_msg("%s", buf_cstr(&lines));
        }
        buf_clear(&lines);
    }
    program_output(&program, &lines);
    program_done(&program);
    if (audit_check_text(&check, buf_view(&lines), &err) != ERR_OK) {
        fail_msg("%s\n%s", err.text, buf_cstr(&lines));
    }
    rest = buf_view(&lines);
    while (str_next(&rest, '\n', &line)) {
        struct str before = str_sub(buf_view(&lines), 0, (size_t)(line.ptr - lines.ptr));

        n += str_contains(line, STR("\"action\":\"/api/v1/sessions\"")) && is_new(before, line);
    }
    buf_done(&lines);
    return n;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"log.level=error", "audit.store=true", "audit.chain=a",
                                       NULL};

    (void)state;
    replicas_start(&replicas, &(struct replicas_options){.n = 1, .sets = sets, .keeps = true});
    for (int i = 0; i < N_SESSIONS; i++) {
        char body[128];
        const struct json *answer;

        (void)snprintf(body, sizeof(body), "{\"checkpoints\":[%d]}", FIRST_CHECKPOINT + i);
        sandbox_seed_ids(replicas.platform.program.sandbox_port, body);
        (void)snprintf(body, sizeof(body), "{\"checkpoint_id\":\"%d\"}", FIRST_CHECKPOINT + i);
        answer = replicas_ask(&replicas, 0, "POST", "/api/v1/sessions", NULL, body);
        assert_int_equal(replicas.reply.status, 201);
        sessions[i] = arena_cstr(arena(), json_str(json_get(answer, "session_id")));
    }
    wait_until(n_in_history() == N_SESSIONS); /* lines are written together, some at a time */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&replicas);
    return 0;
}

/* The position that the step got; -1: it was not made. */
static int64_t step(const char *session)
{
    char body[256];
    int64_t position = -1;

    (void)snprintf(body, sizeof(body),
                   "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example/\"],"
                   "\"session_id\":\"%s\"}",
                   session);
    return json_to_i64(
               json_find(replicas_ask(&replicas, 0, "POST", "/api/v1/commands/execute", NULL, body),
                         "/data/position"),
               &position)
               ? position
               : -1;
}

static unsigned n_sessions(void)
{
    unsigned n = 0;

    for (int i = 0; i < N_SESSIONS; i++) {
        (void)replicas_ask(&replicas, 0, "GET",
                           arena_printf(arena(), "/api/v1/sessions/%s", sessions[i]).ptr, NULL,
                           NULL);
        n += replicas.reply.status == 200 ? 1 : 0;
    }
    return n;
}

static void tell(const char *what, uint64_t began_ms)
{
    uint64_t took_ms = client_now_ms() - began_ms;

    print_message("%-40s %llu ms\n", what, (unsigned long long)took_ms);
    assert_true(took_ms < ANSWERS_MS);
}

/* The steps are on the platform, and the session counts them there. */
static void nothing_is_lost_with_a_process(void **state)
{
    uint64_t killed_ms;

    (void)state;
    for (int i = 0; i < N_STEPS; i++) {
        assert_int_equal(step(sessions[0]), i);
    }
    replicas_kill(&replicas, 0);
    killed_ms = client_now_ms();
    replicas_start_one(&replicas, 0);
    tell("killed process, until /health says good", killed_ms);
    assert_int_equal(n_sessions(), N_SESSIONS);
    assert_int_equal(step(sessions[0]), N_STEPS);
    tell("until its session went on", killed_ms);
}

static void nothing_is_lost_with_redis(void **state)
{
    uint64_t killed_ms;
    int64_t position;

    (void)state;
    position = step(sessions[1]);
    assert_int_equal(position, 0);
    redis_server_stop(&replicas.redis);
    killed_ms = client_now_ms();
    redis_server_start(&replicas.redis, NULL, NULL);
    wait_until((position = step(sessions[1])) >= 0);
    tell("killed Redis, until a session went on", killed_ms);
    assert_int_equal(position, 1);
    assert_int_equal(n_sessions(), N_SESSIONS);
}

static void run_store(const char *act, const char *file)
{
    const char *args[] = {"store", act,          "--set", "auth.mode=none",
                          "--set", replicas.url, "--set", "store.timeout_ms=10000",
                          file,    NULL};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};
    struct program program;

    if (program_run(&program, args, env) != 0) {
        struct buf text;

        buf_init(&text, 1 << 20);
        program_errors(&program, &text);
        fail_msg("store %s: %s", act, buf_cstr(&text));
    }
    program_assert_clean(&program);
    program_done(&program);
}

static void all_that_was_saved_comes_back(void **state)
{
    char file[256];
    char line[300];
    uint64_t lost_ms;

    (void)state;
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/recovery-%d.jsonl", (int)getpid());
    (void)unlink(file); /* of a test that was killed, with the same process id */
    run_store("export", file);
    replicas_kill(&replicas, 0);
    (void)snprintf(line, sizeof(line), "redis-cli -s %s flushall >/dev/null", replicas.redis.path);
    assert_int_equal(system(line), 0);
    lost_ms = client_now_ms();
    run_store("import", file);
    replicas_start_one(&replicas, 0);
    assert_int_equal(n_sessions(), N_SESSIONS);
    tell("lost store, until all sessions were back", lost_ms);
    assert_int_equal(n_in_history(), N_SESSIONS);
    tell("lost store, until the history was verified", lost_ms);
    assert_int_equal(step(sessions[0]), N_STEPS + 1);
    assert_int_equal(unlink(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_with_a_process),
        cmocka_unit_test(nothing_is_lost_with_redis),
        cmocka_unit_test(all_that_was_saved_comes_back),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so nothing outlives a process\n");
        return 0;
    }
    return cmocka_run_group_tests_name("recovery", tests, set_up, tear_down);
}
