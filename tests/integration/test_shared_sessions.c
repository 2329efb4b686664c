/* Sessions that two processes share through a Redis: each sees what the other one has made, and what is
 * answered while Redis is away, full, read-only, or holds what nobody can read. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replicas.h"
#include "harness/steps.h"
#include "harness/wait.h"
#include "store/keep.h"

static struct replicas replicas;

static const struct json *ask(size_t i, const char *method, const char *target, const char *body)
{
    return replicas_ask(&replicas, i, method, target, NULL, body);
}

static int status(void)
{
    return replicas.reply.status;
}

static bool says(const char *words)
{
    return str_contains(buf_view(&replicas.reply.body), str_from(words));
}

/* In a checkpoint of its own. */
static const char *new_session(size_t i, const char *more)
{
    static int64_t checkpoint = 4000000;

    checkpoint++;
    return replicas_line(&replicas, "/api/v1/sessions/%s",
                         steps_session(&replicas.platform.arena, replicas.programs[i].port,
                                       replicas.platform.program.sandbox_port, checkpoint, more));
}

static const char *id_of(const char *path)
{
    return path + strlen("/api/v1/sessions/");
}

/* The position that the step got; -1: it was not made. */
static int64_t step(size_t i, const char *session)
{
    struct str body = steps_body(&replicas.platform.arena, id_of(session), 0);

    return number_at(ask(i, "POST", "/api/v1/commands/execute", body.ptr), "/data/position");
}

static void tell_redis(const char *command)
{
    (void)!system(replicas_line(&replicas, "redis-cli -s %s %s >/dev/null 2>&1",
                                replicas.redis.path, command));
}

static int set_up(void **state)
{
    static const char *const sets[] = {"upstream.retry_base_ms=1", NULL};

    (void)state;
    replicas_start(&replicas, &(struct replicas_options){.n = 2, .sets = sets});
    return 0;
}

/* A test of its own: what a group's teardown finds does not count. */
static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&replicas);
}

static void each_sees_what_the_other_one_has_made(void **state)
{
    const char *session = new_session(0, ",\"name\":\"one\",\"metadata\":{\"a\":1}");
    const struct json *answer = ask(1, "GET", session, NULL);

    (void)state;
    assert_int_equal(status(), 200);
    assert_true(str_is(json_str(json_get(answer, "name")), "one"));
    assert_true(says("\"a\":1"));
    (void)ask(1, "PATCH", session, "{\"name\":\"two\",\"description\":\"x\"}");
    assert_int_equal(status(), 200);
    answer = ask(0, "GET", session, NULL);
    assert_true(str_is(json_str(json_get(answer, "name")), "two"));
    (void)ask(0, "POST", replicas_line(&replicas, "%s/activate", session), NULL);
    assert_int_equal(status(), 200);
    answer = ask(1, "GET", "/api/v1/sessions/current", NULL);
    assert_int_equal(status(), 200);
    assert_true(json_true(json_get(answer, "current")));
    assert_true(str_is(json_str(json_get(answer, "session_id")), id_of(session)));
    (void)ask(1, "DELETE", session, NULL);
    assert_int_equal(status(), 204);
    (void)ask(0, "GET", session, NULL);
    assert_int_equal(status(), 404);
    (void)ask(0, "PATCH", session, "{\"name\":\"three\"}");
    assert_int_equal(status(), 404);
    (void)ask(0, "GET", "/api/v1/sessions/current", NULL);
    assert_int_equal(status(), 404);
}

static void each_lists_all(void **state)
{
    const struct json *answer = ask(1, "GET", "/api/v1/sessions", NULL);
    int64_t total = 0;
    int64_t before = 0;

    (void)state;
    assert_true(json_to_i64(json_get(answer, "total"), &before));
    for (int n = 0; n < 5; n++) {
        (void)new_session((size_t)n % 2, ",\"name\":\"listed\"");
    }
    answer = ask(1, "GET", "/api/v1/sessions?limit=3&offset=1", NULL);
    assert_int_equal(status(), 200);
    assert_true(json_to_i64(json_get(answer, "total"), &total));
    assert_int_equal(total, before + 5);
    assert_int_equal(json_size(json_get(answer, "sessions")), 3);
    answer = ask(0, "GET", "/api/v1/sessions?status=paused", NULL);
    assert_int_equal(json_size(json_get(answer, "sessions")), 0);
}

/* Steps, the position that its owner sets, and pausing: whoever comes next goes on from there. */
static void commands_go_on_where_the_other_one_was(void **state)
{
    const char *session = new_session(0, "");
    int64_t added = 0;

    (void)state;
    for (int n = 0; n < 6; n++) {
        assert_int_equal(step((size_t)n % 2, session), n);
    }
    (void)ask(0, "PATCH", session, "{\"position\":2}");
    assert_int_equal(status(), 200);
    assert_int_equal(step(1, session), 2);
    assert_int_equal(step(0, session), 3);
    wait_until(json_to_i64(json_get(ask(1, "GET", session, NULL), "steps_added"), &added) &&
               added == 8);
    (void)ask(1, "PATCH", session, "{\"status\":\"paused\"}");
    assert_int_equal(status(), 200);
    assert_int_equal(step(0, session), -1);
    assert_int_equal(status(), 409);
}

/* A run in a session holds the session; its steps count, and the next command goes behind them. */
static void a_run_goes_on_where_the_other_one_was(void **state)
{
    const char *session = new_session(0, "");
    const struct json *answer;
    int64_t added = 0;

    (void)state;
    assert_int_equal(step(1, session), 0);
    answer =
        ask(0, "POST", replicas_line(&replicas, "/api/v1/tests/run?session_id=%s", id_of(session)),
            "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"},{\"click\":\"b\"}]}");
    assert_int_equal(status(), 200);
    assert_true(str_is(json_str(json_get(answer, "status")), "created"));
    assert_int_equal(step(1, session), 3);
    wait_until(json_to_i64(json_get(ask(0, "GET", session, NULL), "steps_added"), &added) &&
               added == 4);
}

/* What was counted behind is written when the process ends, and by whoever is killed within a second. */
static void what_was_done_is_written_behind(void **state)
{
    const char *session = new_session(0, "");
    int64_t added = 0;

    (void)state;
    assert_int_equal(step(0, session), 0);
    assert_int_equal(step(0, session), 1);
    program_stop(&replicas.programs[0]);
    program_done(&replicas.programs[0]);
    replicas.programs[0] = (struct program){0};
    assert_true(json_to_i64(json_get(ask(1, "GET", session, NULL), "steps_added"), &added));
    assert_int_equal(added, 2);
    assert_int_equal(step(1, session), 2); /* the lease was let go: nobody waits for it */
    replicas_start_one(&replicas, 0);
    wait_until(json_to_i64(json_get(ask(0, "GET", session, NULL), "steps_added"), &added) &&
               added == 3);
}

/* Whether Redis keeps it for about ten minutes; its time is over then. */
static bool lasts_ten_minutes(const char *session)
{
    return system(replicas_line(
               &replicas,
               "redis-cli -s %s eval \"local left = 0 for _, k in ipairs(redis.call('keys', "
               "'vp:d:*%s')) do left = redis.call('pttl', k) redis.call('pexpire', k, 1) "
               "end return left\" 0 | awk '{ exit !($1 > 400000 && $1 <= 600000) }'",
               replicas.redis.path, id_of(session))) == 0;
}

/* Who asks within the millisecond that is left keeps it alive. */
static void a_session_expires_by_the_clock_of_the_store(void **state)
{
    const char *session = new_session(0, ",\"timeout\":600");

    (void)state;
    assert_true(lasts_ten_minutes(session));
    wait_until(((void)lasts_ten_minutes(session), ask(0, "GET", session, NULL), status() == 404));
    (void)ask(1, "GET", session, NULL);
    assert_int_equal(status(), 404);
}

static size_t n_sent(void)
{
    return sandbox_count(replicas.platform.program.sandbox_port, "POST", "/teststeps");
}

static void away_is_503_for_changes_and_what_is_known_for_readers(void **state)
{
    const char *session = new_session(0, ",\"name\":\"kept\"");
    const char *other = new_session(1, "");
    const struct json *answer;
    size_t n_before;

    (void)state;
    n_before = n_sent();
    redis_server_stop(&replicas.redis);
    wait_until(replicas_store_is_away(&replicas, 0));
    answer = ask(0, "GET", session, NULL);
    assert_int_equal(status(), 200);
    assert_true(str_is(json_str(json_get(answer, "name")), "kept"));
    (void)ask(0, "GET", other,
              NULL); /* nobody here knows it; that is not the same as: it does not exist */
    assert_int_equal(status(), 503);
    assert_true(says("store_unavailable"));
    assert_true(reply_field(&replicas.reply, "Retry-After").len > 0);
    (void)ask(0, "PATCH", session, "{\"name\":\"lost\"}");
    assert_int_equal(status(), 503);
    assert_int_equal(step(0, session), -1);
    assert_int_equal(status(), 503);
    assert_true(says("store_unavailable"));
    (void)ask(0, "POST", "/api/v1/sessions", "{}");
    assert_int_equal(status(), 503);
    (void)ask(0, "GET", "/api/v1/sessions", NULL);
    assert_int_equal(status(), 503);
    assert_int_equal(n_sent(), n_before);
    redis_server_start(&replicas.redis, NULL, NULL); /* without what it held */
    wait_until(!replicas_store_is_away(&replicas, 0));
    (void)ask(0, "GET", session, NULL);
    assert_int_equal(status(), 404);
    (void)new_session(0, "");
}

/* A process that is at work in a session and its checkpoint goes on without Redis until its leases end. */
static void who_is_at_work_goes_on_for_a_while(void **state)
{
    const char *session = new_session(0, "");
    int64_t position = 0;
    int tries = 0;

    (void)state;
    do { /* a busy machine may lose a lease, but not each time */
        assert_true(tries++ < 5);
        (void)kill(replicas.redis.pid, SIGCONT);
        wait_until(step(0, session) == position);
        position++;
        (void)kill(replicas.redis.pid, SIGSTOP);
    } while (step(0, session) != position);
    position++;
    wait_until((position += step(0, session) >= 0) > 0 && status() != 200);
    assert_true(says("store_unavailable"));
    (void)kill(replicas.redis.pid, SIGCONT);
    wait_until(step(1, session) == position);
    wait_until(step(0, session) >= 0); /* both have heard that it is back */
}

static void silent_is_503_after_its_time(void **state)
{
    const char *session = new_session(0, "");

    (void)state;
    (void)kill(replicas.redis.pid, SIGSTOP);
    (void)ask(1, "PATCH", session, "{\"name\":\"x\"}");
    (void)kill(replicas.redis.pid, SIGCONT);
    assert_true(status() == 504 ||
                status() == 503); /* no answer came in time, or another operation found it out */
    assert_true(says("store_unavailable"));
    wait_until(step(1, session) == 0);
    wait_until(step(0, session) >= 0);
}

static void full_or_read_only_is_503_and_nothing_is_lost(void **state)
{
    static const struct {
        const char *begin;
        const char *end;
        const char *words;
    } faults[] = {{"config set maxmemory 1", "config set maxmemory 0", "Redis is full"},
                  {"replicaof 127.0.0.1 1", "replicaof no one", "takes no changes"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        const char *session = new_session(0, ",\"name\":\"before\"");
        const struct json *answer;

        tell_redis(faults[i].begin);
        (void)ask(0, "PATCH", session, "{\"name\":\"after\"}");
        assert_int_equal(status(), 503);
        assert_true(says(faults[i].words));
        (void)ask(1, "POST", "/api/v1/sessions", "{}");
        assert_int_equal(status(), 503);
        wait_until((answer = ask(1, "GET", session, NULL), status() == 200));
        assert_true(str_is(json_str(json_get(answer, "name")), "before"));
        tell_redis(faults[i].end);
        wait_until((ask(1, "PATCH", session, "{\"name\":\"after\"}"), status() == 200));
        replicas_wait_for_store(&replicas);
    }
}

/* A newer version of the program, another program, and one that writes what is no session. */
static void what_nobody_can_read_is_500_and_stays(void **state)
{
    static const char *const spoils[] = {"f 2", "b nonsense", "b {}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        const char *session = new_session(0, "");

        tell_redis(replicas_line(
            &replicas,
            "eval \"for _, k in ipairs(redis.call('keys', '*%s')) do if string.sub(k, 1, 5) == "
            "'vp:d:' then redis.call('hset', k, 'f', 1) local f, v = string.match('%s', "
            "'(%%S+) (%%S+)') redis.call('hset', k, f, v) end end\" 0",
            id_of(session), spoils[i]));
        (void)ask(1, "GET", session, NULL);
        assert_int_equal(status(), 500);
        assert_true(says("store_unreadable"));
        assert_int_equal(step(1, session), -1);
        assert_int_equal(status(), 500);
        (void)ask(1, "PATCH", session, "{\"name\":\"x\"}");
        assert_int_equal(status(), 500);
    }
    tell_redis("flushall");
    (void)ask(0, "PATCH", new_session(1, ""), "{\"name\":\"x\"}");
    assert_int_equal(status(), 200);
}

/* Members that a newer version has added stay when this one writes the session. */
static void what_is_not_known_is_carried_along(void **state)
{
    const char *session = new_session(0, ",\"name\":\"n\"");

    (void)state;
    tell_redis(replicas_line(
        &replicas,
        "eval \"for _, k in ipairs(redis.call('keys', 'vp:d:*%s')) do local b = redis.call('hget', k, "
        "'b') redis.call('hset', k, 'b', string.sub(b, 1, -2) .. ',\\\"later\\\":[1,2]}') end\" 0",
        id_of(session)));
    (void)ask(1, "PATCH", session, "{\"name\":\"m\"}");
    assert_int_equal(status(), 200);
    assert_int_equal(
        system(replicas_line(
            &replicas,
            "redis-cli -s %s eval \"return redis.call('hget', redis.call('keys', 'vp:d:*%s')[1], "
            "'b')\" 0 | grep -q later",
            replicas.redis.path, id_of(session))),
        0);
}

/* Somebody else's session does not exist, and its owner is not held up by those who ask for it. */
static void no_session_is_404(void **state)
{
    (void)state;
    (void)ask(0, "GET", "/api/v1/sessions/sess_0123456789abcdef01234567", NULL);
    assert_int_equal(status(), 404);
    (void)ask(0, "PATCH", "/api/v1/sessions/nonsense", "{\"name\":\"x\"}");
    assert_int_equal(status(), 404);
    assert_int_equal(step(0, "/api/v1/sessions/sess_0123456789abcdef01234567"), -1);
    assert_int_equal(status(), 404);
}

/* Two regions, each with a store of its own. What is not found is the other one's if it was made there. */
static void a_session_of_another_store_is_told(void **state)
{
    const char *session = new_session(0, "");
    size_t n = 0;

    (void)state;
    while (replicas.sets[n] != NULL) {
        n++;
    }
    replicas.sets[n] = "store.prefix=other:";
    replicas_kill(&replicas, 1);
    replicas_start_one(&replicas, 1);
    replicas.sets[n] = NULL;
    (void)ask(1, "GET", session, NULL);
    assert_int_equal(status(), 404);
    assert_true(says("\"code\":\"session_elsewhere\""));
    assert_int_equal(step(1, session), -1);
    assert_int_equal(status(), 404);
    assert_true(says("\"code\":\"session_elsewhere\""));
    session = new_session(1, "");
    (void)ask(1, "DELETE", session, NULL);
    assert_int_equal(status(), 204);
    (void)ask(1, "GET", session, NULL); /* it is nowhere */
    assert_true(says("\"code\":\"session_not_found\""));
    (void)ask(1, "GET", "/api/v1/sessions/nonsense", NULL);
    assert_true(says("\"code\":\"session_not_found\""));
    replicas_kill(&replicas, 1);
    replicas_start_one(&replicas, 1);
}

/* store.strict: false. What this process knows is enough for it. */
static void each_goes_on_alone_if_told_so(void **state)
{
    static const char *const sets[] = {"store.strict=false", NULL};
    struct replicas shared = replicas;
    const char *session;

    (void)state;
    replicas_start(&replicas, &(struct replicas_options){.n = 1, .sets = sets});
    session = new_session(0, "");
    assert_int_equal(step(0, session), 0);
    redis_server_stop(&replicas.redis);
    wait_until(replicas_store_is_away(&replicas, 0));
    program_wait_wrote(&replicas.programs[0], "store.lease_lost",
                       WAIT_MS); /* they last equally long */
    assert_int_equal(step(0, session), 1);
    (void)replicas_ask(
        &replicas, 0, "POST", "/api/v1/commands/execute", "Idempotency-Key: alone\r\n",
        replicas_line(&replicas,
                      "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example/\"],"
                      "\"session_id\":\"%s\"}",
                      id_of(session)));
    assert_int_equal(status(), 200);
    replicas_stop(&replicas);
    replicas = shared;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sees_what_the_other_one_has_made),
        cmocka_unit_test(commands_go_on_where_the_other_one_was),
        cmocka_unit_test(a_run_goes_on_where_the_other_one_was),
        cmocka_unit_test(what_was_done_is_written_behind),
        cmocka_unit_test(a_session_expires_by_the_clock_of_the_store),
        cmocka_unit_test(silent_is_503_after_its_time),
        cmocka_unit_test(who_is_at_work_goes_on_for_a_while),
        cmocka_unit_test(full_or_read_only_is_503_and_nothing_is_lost),
        cmocka_unit_test(what_nobody_can_read_is_500_and_stays),
        cmocka_unit_test(each_lists_all),
        cmocka_unit_test(what_is_not_known_is_carried_along),
        cmocka_unit_test(no_session_is_404),
        cmocka_unit_test(a_session_of_another_store_is_told),
        cmocka_unit_test(away_is_503_for_changes_and_what_is_known_for_readers),
        cmocka_unit_test(each_goes_on_alone_if_told_so),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so no sessions are shared\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared sessions", tests, set_up, NULL);
}
