/* An Idempotency-Key on two processes that share a Redis: the retry may go to any of them, and nothing is done
 * twice, also when the process that began has died. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/replicas.h"
#include "harness/wait.h"
#include "store/keep.h"

#define EXECUTE "/api/v1/commands/execute"

static struct replicas replicas;
static char command[256];
static char key[64];

static uint16_t platform(void)
{
    return replicas.platform.program.sandbox_port;
}

static int ask_with(size_t i, const char *body)
{
    (void)replicas_ask(&replicas, i, "POST", EXECUTE, key, body);
    return replicas.reply.status;
}

static int ask(size_t i)
{
    return ask_with(i, command);
}

static bool says(const char *words)
{
    return str_contains(buf_view(&replicas.reply.body), str_from(words));
}

static struct str body_copy(void)
{
    return arena_str(&replicas.platform.arena, buf_view(&replicas.reply.body));
}

static bool is_replayed(void)
{
    return str_is(reply_field(&replicas.reply, "Idempotency-Replayed"), "true");
}

static size_t n_steps(void)
{
    return sandbox_count(platform(), "POST", "/teststeps");
}

static int set_up(void **state)
{
    /* Less than a lease lasts: else a claim whose answer was lost looks like that of a process that died. */
    static const char *const sets[] = {"store.timeout_ms=4000", "upstream.retry_base_ms=1", NULL};

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

/* A key and a checkpoint of its own for each test. */
static int begin(void **state)
{
    static int n;
    char seed[64];

    (void)state;
    n++;
    (void)snprintf(key, sizeof(key), "Idempotency-Key: key-%d\r\n", n);
    (void)snprintf(seed, sizeof(seed), "{\"checkpoints\":[%d]}", 6000000 + n);
    (void)snprintf(command, sizeof(command),
                   "{\"command\":\"step-misc comment\",\"args\":[\"one\"],\"checkpoint_id\":%d}",
                   6000000 + n);
    sandbox_seed_ids(platform(), seed);
    sandbox_clear_faults(platform());
    sandbox_forget_requests(platform());
    replicas_wait_for_store(&replicas); /* after a test that took Redis away */
    return 0;
}

static void the_reply_is_the_same_on_the_other_one(void **state)
{
    struct str first;

    (void)state;
    assert_int_equal(ask(0), 200);
    assert_false(is_replayed());
    first = body_copy();
    wait_until(ask(1) == 200); /* the reply is written behind the answer */
    assert_true(is_replayed());
    assert_true(str_eq(body_copy(), first));
    assert_int_equal(ask(0), 200);
    assert_true(is_replayed());
    assert_int_equal(n_steps(), 1);
}

static void another_request_with_the_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask(0), 200);
    assert_int_equal(
        ask_with(1, "{\"command\":\"step-misc comment\",\"args\":[\"two\"],\"checkpoint_id\":1}"),
        422);
    assert_true(says("idempotency_mismatch"));
    assert_int_equal(n_steps(), 1);
}

/* The platform holds the answer back until it is read. */
static void begin_slowly(struct client *client)
{
    sandbox_hold(platform(), "POST /teststeps");
    client_open(client, replicas.programs[0].port);
    client->timeout_ms = 30000;
    assert_true(
        client_send_request(client, "POST", EXECUTE,
                            arena_cstr(&replicas.platform.arena,
                                       arena_printf(&replicas.platform.arena,
                                                    "%sContent-Type: application/json\r\n", key)),
                            str_from(command)));
    sandbox_wait_count(platform(), "POST", "/teststeps", 1);
}

static void read_slowly(struct client *client, int status)
{
    struct reply reply = {0};

    sandbox_release(platform());
    assert_int_equal(client_read(client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, status);
    reply_done(&reply);
    client_close(client);
}

static void one_that_has_not_ended_is_409_everywhere(void **state)
{
    struct client client;

    (void)state;
    begin_slowly(&client);
    assert_int_equal(ask(0), 409);
    assert_int_equal(ask(1), 409);
    assert_true(says("idempotency_in_flight"));
    read_slowly(&client, 200);
    wait_until(ask(1) == 200);
    assert_true(is_replayed());
    assert_int_equal(n_steps(), 1);
}

/* What takes longer than a lease lasts is still being done. */
static void a_slow_platform_is_waited_for(void **state)
{
    struct client client;

    (void)state;
    if (getenv("VP_LONG") == NULL) {
        skip();
    }
    begin_slowly(&client);
    client_pause_ms(KEEP_TTL_MS + 500); /* as long as a lease that is not renewed */
    assert_int_equal(ask(1), 409);
    read_slowly(&client, 200);
    wait_until(ask(1) == 200);
    assert_int_equal(n_steps(), 1);
}

static void what_a_process_that_died_has_done_is_not_known(void **state)
{
    struct client client;

    (void)state;
    begin_slowly(&client);
    replicas_kill(&replicas, 0);
    client_close(&client);
    sandbox_release(platform());
    wait_until(ask(1) == 502); /* its lease goes on for some seconds: 409 */
    assert_true(says("outcome_unknown"));
    replicas_start_one(&replicas, 0);
    assert_int_equal(ask(0), 502);
    assert_true(says("outcome_unknown"));
    assert_int_equal(n_steps(), 1);
}

/* Nothing happened: the key is free again, on the other one, too. */
static void what_was_refused_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(ask_with(0, "{\"command\":\"step-misc nothing\"}"), 400);
    wait_until(ask(1) == 200);
    assert_false(is_replayed());
    sandbox_fault(platform(), "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":422}");
    (void)begin(state);
    sandbox_fault(platform(), "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":422}");
    assert_true(ask(0) != 200);
    wait_until(ask(1) == 200);
    assert_false(is_replayed());
}

/* Who leaves before anything was sent has not used the key. */
static void who_leaves_while_redis_is_silent_has_done_nothing(void **state)
{
    struct client client;

    (void)state;
    assert_int_equal(ask(0), 200); /* the leases are there */
    (void)begin(state);
    (void)kill(replicas.redis.pid, SIGSTOP);
    client_open(&client, replicas.programs[0].port);
    assert_true(
        client_send_request(&client, "POST", EXECUTE,
                            arena_cstr(&replicas.platform.arena,
                                       arena_printf(&replicas.platform.arena,
                                                    "%sContent-Type: application/json\r\n", key)),
                            str_from(command)));
    client_close(&client);
    (void)replicas_ask(&replicas, 0, "GET", "/livez", NULL, NULL);
    (void)kill(replicas.redis.pid, SIGCONT);
    wait_until(ask(1) == 200);
    assert_false(is_replayed());
    assert_int_equal(n_steps(), 1);
}

static void away_is_503_and_nothing_is_sent(void **state)
{
    (void)state;
    redis_server_stop(&replicas.redis);
    wait_until(replicas_store_is_away(&replicas, 0));
    assert_int_equal(ask(0), 503);
    assert_true(says("store_unavailable"));
    assert_int_equal(n_steps(), 0);
    redis_server_start(&replicas.redis, NULL, NULL);
    replicas_wait_for_store(&replicas);
    wait_until(ask(0) == 200);
    assert_int_equal(n_steps(), 1);
}

/* The answer to a claim that was lost: the key is free again, and nobody waits for it for ever. */
static void a_claim_in_doubt_is_taken_back(void **state)
{
    int status;

    (void)state;
    assert_int_equal(ask(0), 200);
    (void)begin(state);
    (void)kill(replicas.redis.pid, SIGSTOP);
    status = ask(0);
    (void)kill(replicas.redis.pid, SIGCONT);
    assert_true(status == 503 ||
                status == 504); /* the second: it was the one that waited longest */
    assert_true(says("store_unavailable"));
    wait_until(ask(1) == 200);
    assert_int_equal(n_steps(), 1);
}

static void keys_of_others_are_500(void **state)
{
    char line[400];

    (void)state;
    assert_int_equal(ask(0), 200);
    (void)snprintf(
        line, sizeof(line),
        "redis-cli -s %s eval \"for _, k in ipairs(redis.call('keys', 'vp:d:{idempotency*')) do "
        "redis.call('hset', k, 'b', 'theirs') end\" 0 >/dev/null",
        replicas.redis.path);
    wait_until(ask(1) == 200); /* the reply is written behind the answer */
    assert_int_equal(system(line), 0);
    assert_int_equal(ask(1), 500);
    assert_true(says("store_unreadable"));
    assert_int_equal(n_steps(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_reply_is_the_same_on_the_other_one, begin),
        cmocka_unit_test_setup(another_request_with_the_key_is_refused, begin),
        cmocka_unit_test_setup(one_that_has_not_ended_is_409_everywhere, begin),
        cmocka_unit_test_setup(a_slow_platform_is_waited_for, begin),
        cmocka_unit_test_setup(what_was_refused_is_forgotten, begin),
        cmocka_unit_test_setup(who_leaves_while_redis_is_silent_has_done_nothing, begin),
        cmocka_unit_test_setup(a_claim_in_doubt_is_taken_back, begin),
        cmocka_unit_test_setup(keys_of_others_are_500, begin),
        cmocka_unit_test_setup(what_a_process_that_died_has_done_is_not_known, begin),
        cmocka_unit_test_setup(away_is_503_and_nothing_is_sent, begin),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so no keys are shared\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared keys", tests, set_up, NULL);
}
