/* One checkpoint, everybody at once: positions are consecutive, nothing exists twice, every success
 * is true. And what a lane costs: one call for a step, no wait for other checkpoints. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "harness/proxy.h"
#include "harness/wait.h"
#include "step/lane.h"

#define EXECUTE "/api/v1/commands/execute"
#define JSON    "Content-Type: application/json\r\n"

/* ---- what everybody was told ---- */

enum told { NOT_SENT, MADE, FAILED, UNKNOWN };

struct told_step {
    enum told told;
    int64_t id;
    int64_t position;
};

enum {
    FIRST_CHECKPOINT = 3000000,
    EACH = 4,           /* connections of each session, and of those without one */
    LIST = 20,          /* steps of a batch, and of a run */
    SINGLES = 2 * LIST, /* where the single commands begin in a round */
    ROUND = SINGLES + 3 * EACH
};

struct crowd {
    struct proxy proxy;
    struct arena arena; /* of a round */
    struct client singles[3 * EACH];
    struct client batch;
    struct client run;
    struct str sessions[2];
    int64_t checkpoint;
    struct told_step *steps; /* by the number in their text */
    size_t n_steps;
    size_t counts[UNKNOWN + 1];
};

static void note(struct crowd *crowd, size_t n, enum told told, const struct json *step)
{
    crowd->steps[n].told = told;
    crowd->counts[told]++;
    if (told == MADE) {
        crowd->steps[n].id = number_at(step, "/step_id");
        crowd->steps[n].position = number_at(step, "/position");
    }
}

static enum told told_by(struct str word)
{
    if (str_is(word, "success") || str_is(word, "done")) {
        return MADE;
    }
    return str_is(word, "failed") ? FAILED : str_is(word, "unknown") ? UNKNOWN : NOT_SENT;
}

/* ---- sending ---- */

static struct str comment(struct crowd *crowd, size_t n)
{
    return arena_printf(&crowd->arena, "{\"command\":\"step-misc comment\",\"args\":[\"n%zu\"]}",
                        n);
}

static void send(struct client *client, const char *target, struct str fields, struct str body)
{
    assert_true(client_send_request(client, "POST", target, fields.ptr, body));
}

static void send_singles(struct crowd *crowd, size_t first)
{
    for (size_t i = 0; i < ARRAY_LEN(crowd->singles); i++) {
        struct str fields = i < (size_t)2 * EACH
                                ? arena_printf(&crowd->arena, JSON "X-Session-Id: %.*s\r\n",
                                               STR_ARG(crowd->sessions[i / EACH]))
                                : STR(JSON);
        struct str body = comment(crowd, first + i);

        if (i >= (size_t)2 * EACH) {
            body =
                arena_printf(&crowd->arena, "%.*s,\"checkpoint_id\":%lld}",
                             STR_ARG(str_sub(body, 0, body.len - 1)), (long long)crowd->checkpoint);
        }
        send(&crowd->singles[i], EXECUTE, fields, body);
    }
}

static void send_batch(struct crowd *crowd, size_t first)
{
    struct str list = STR_EMPTY;

    for (size_t i = 0; i < LIST; i++) {
        list = arena_printf(&crowd->arena, "%.*s%s%.*s", STR_ARG(list), i > 0 ? "," : "",
                            STR_ARG(comment(crowd, first + i)));
    }
    send(&crowd->batch, "/api/v1/commands/batch", STR(JSON),
         arena_printf(&crowd->arena,
                      "{\"stop_on_error\":false,\"checkpoint_id\":%lld,\"commands\":[%.*s]}",
                      (long long)crowd->checkpoint, STR_ARG(list)));
}

static void send_run(struct crowd *crowd, size_t first)
{
    struct str list = STR_EMPTY;

    for (size_t i = 0; i < LIST; i++) {
        list = arena_printf(&crowd->arena, "%.*s%s{\"comment\":\"n%zu\"}", STR_ARG(list),
                            i > 0 ? "," : "", first + i);
    }
    send(&crowd->run, "/api/v1/tests/run?continue_on_error=true", STR(JSON),
         arena_printf(&crowd->arena, "{\"name\":\"t\",\"checkpoint_id\":%lld,\"steps\":[%.*s]}",
                      (long long)crowd->checkpoint, STR_ARG(list)));
}

/* ---- taking the answers ---- */

static const struct json *answer_of(struct crowd *crowd, struct client *client)
{
    client->timeout_ms = 60000;
    assert_int_equal(client_read(client, false, &crowd->proxy.reply), CLIENT_OK);
    return reply_json(&crowd->proxy.reply, &crowd->arena);
}

static void take_singles(struct crowd *crowd, size_t first)
{
    for (size_t i = 0; i < ARRAY_LEN(crowd->singles); i++) {
        const struct json *answer = answer_of(crowd, &crowd->singles[i]);
        struct str code = json_str(json_get(answer, "code"));
        enum told told = crowd->proxy.reply.status == 200  ? MADE
                         : str_is(code, "outcome_unknown") ? UNKNOWN
                                                           : FAILED;

        note(crowd, first + i, told, json_get(answer, "data"));
    }
}

static void take_batch(struct crowd *crowd, size_t first)
{
    const struct json *result;

    JSON_FOREACH (result, json_get(answer_of(crowd, &crowd->batch), "results")) {
        note(crowd, first++, told_by(json_str(json_get(result, "status"))),
             json_get(result, "data"));
    }
}

static void take_run(struct crowd *crowd, size_t first)
{
    const struct json *step;

    JSON_FOREACH (step, json_find(answer_of(crowd, &crowd->run), "/tests/0/steps")) {
        note(crowd, first++, told_by(json_str(json_get(step, "status"))), step);
    }
}

/* ---- judging ---- */

/* The checkpoint as the platform holds it: every step was told of as it stands there, or is one of
 * which nobody knows. */
static void check_checkpoint(struct crowd *crowd, size_t from)
{
    struct str path = arena_printf(&crowd->arena, "/testcases/%lld", (long long)crowd->checkpoint);
    const struct json *step;
    int64_t position = 0;
    size_t n_made = 0;

    JSON_FOREACH (step, json_get(sandbox_call(crowd->proxy.program.sandbox_port, SANDBOX_TOKEN,
                                              "GET", path.ptr, NULL, &crowd->arena),
                                 "steps")) {
        struct str text = json_str(json_get(step, "value"));
        struct told_step *told;
        int64_t n;

        assert_true(
            str_to_i64(str_sub(text, 1, text.len), (int64_t)from, (int64_t)crowd->n_steps - 1, &n));
        told = &crowd->steps[n];
        if (told->told == MADE) {
            assert_int_equal(told->id, number_at(step, "/id"));
            assert_int_equal(told->position, position);
            told->told = NOT_SENT; /* a second one with its text would be told of nowhere */
            n_made++;
        } else {
            assert_int_equal(told->told, UNKNOWN);
        }
        position++;
    }
    for (size_t i = from; i < crowd->n_steps; i++) {
        assert_true(crowd->steps[i].told != MADE);
    }
    assert_true(n_made > 0);
}

static void begin_checkpoint(struct crowd *crowd, int64_t id)
{
    crowd->checkpoint = id;
    sandbox_seed_ids(crowd->proxy.program.sandbox_port,
                     arena_printf(&crowd->arena, "{\"checkpoints\":[%lld]}", (long long)id).ptr);
    for (size_t i = 0; i < 2; i++) {
        const struct json *answer =
            proxy_ask_str(&crowd->proxy, "POST", "/api/v1/sessions", NULL,
                          arena_printf(&crowd->arena, "{\"checkpoint_id\":%lld}", (long long)id));

        crowd->sessions[i] =
            arena_str(&crowd->proxy.arena, json_str(json_get(answer, "session_id")));
    }
}

static void one_round(struct crowd *crowd)
{
    size_t first = crowd->n_steps;

    crowd->n_steps += ROUND;
    send_batch(crowd, first);
    send_singles(crowd, first + SINGLES);
    send_run(crowd, first + LIST);
    take_singles(crowd, first + SINGLES);
    take_batch(crowd, first);
    take_run(crowd, first + LIST);
}

static void crowd_open(struct crowd *crowd, size_t n)
{
    static const char *const sets[] = {"log.level=warn", "sandbox.max_requests_kept=0", NULL};

    arena_init(&crowd->arena);
    crowd->steps = mem_calloc(n, sizeof(*crowd->steps));
    proxy_start(&crowd->proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(crowd->singles); i++) {
        client_open(&crowd->singles[i], crowd->proxy.program.port);
    }
    client_open(&crowd->batch, crowd->proxy.program.port);
    client_open(&crowd->run, crowd->proxy.program.port);
}

static void crowd_close(struct crowd *crowd)
{
    for (size_t i = 0; i < ARRAY_LEN(crowd->singles); i++) {
        client_close(&crowd->singles[i]);
    }
    client_close(&crowd->batch);
    client_close(&crowd->run);
    proxy_stop(&crowd->proxy);
    arena_done(&crowd->arena);
    mem_free(crowd->steps);
    mem_free(crowd);
}

/* With VP_LONG=1: 10,400 steps. */
static void everybody_at_once_in_one_checkpoint(void **state)
{
    static const char *const faults[] = {"\"close\":\"before\"", "\"close\":\"mid\"",
                                         "\"close\":\"after\"", "\"status\":500",
                                         "\"status\":500,\"act\":true"};
    bool is_long = getenv("VP_LONG") != NULL;
    size_t n_checkpoints = is_long ? 10 : 2;
    size_t n_rounds = is_long ? 20 : client_slowness() > 5 ? 2 : 10;
    struct crowd *crowd = mem_zalloc(sizeof(*crowd));

    (void)state;
    crowd_open(crowd, n_checkpoints * n_rounds * ROUND);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        sandbox_fault(crowd->proxy.program.sandbox_port,
                      arena_printf(&crowd->proxy.arena,
                                   "{\"match\":\"POST /teststeps\",\"times\":-1,%s,"
                                   "\"probability\":0.03}",
                                   faults[i])
                          .ptr);
    }
    for (size_t i = 0; i < n_checkpoints; i++) {
        size_t from = crowd->n_steps;

        begin_checkpoint(crowd, FIRST_CHECKPOINT + (int64_t)i);
        for (size_t round = 0; round < n_rounds; round++) {
            one_round(crowd);
            arena_reset(&crowd->arena);
        }
        check_checkpoint(crowd, from);
        arena_reset(&crowd->arena);
    }
    (void)printf("%zu steps: %zu made, %zu failed, %zu not known, %zu not sent\n", crowd->n_steps,
                 crowd->counts[MADE], crowd->counts[FAILED], crowd->counts[UNKNOWN],
                 crowd->counts[NOT_SENT]);
    assert_true(crowd->counts[MADE] > crowd->n_steps / 3);
    assert_true(crowd->counts[UNKNOWN] > 0 && crowd->counts[FAILED] > 0);
    crowd_close(crowd);
}

/* ---- what a lane costs ---- */

static size_t n_posts(struct proxy *proxy)
{
    return sandbox_count(proxy->program.sandbox_port, "POST", "/teststeps");
}

static void wait_for_posts(struct proxy *proxy, size_t n)
{
    wait_until(n_posts(proxy) >= n);
    assert_int_equal(n_posts(proxy), n);
}

static void a_step_is_one_call_where_the_end_is_known(void **state)
{
    struct proxy proxy;
    uint64_t began_ms = client_now_ms();

    (void)state;
    proxy_start(&proxy, NULL);
    for (int64_t i = 0; i < 30; i++) { /* longer than what the platform lists in its answers */
        const struct json *answer = proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);

        assert_int_equal(proxy.reply.status, 200);
        assert_int_equal(number_at(answer, "/data/position"), i);
    }
    assert_in_range(sandbox_count(proxy.program.sandbox_port, "GET", "/checkpoints"), 1,
                    1 + (client_now_ms() - began_ms) / LANE_TRUST_MS);
    assert_int_equal(n_posts(&proxy), 30);
    proxy_stop(&proxy);
}

/* Its answer is held back. */
static void slow_step(struct proxy *proxy, struct client *client)
{
    sandbox_hold(proxy->program.sandbox_port, "POST /teststeps");
    client_open(client, proxy->program.port);
    assert_true(
        client_send_request(client, "POST", EXECUTE, JSON,
                            arena_printf(&proxy->arena,
                                         "{\"command\":\"step-misc comment\",\"args\":[\"slow\"],"
                                         "\"checkpoint_id\":%lld}",
                                         (long long)proxy->seed.checkpoint)));
    wait_for_posts(proxy, 1);
}

static struct str quick(struct proxy *proxy, int64_t checkpoint)
{
    return arena_printf(&proxy->arena,
                        "{\"command\":\"step-misc comment\",\"args\":[\"quick\"],"
                        "\"checkpoint_id\":%lld}",
                        (long long)checkpoint);
}

static void other_checkpoints_do_not_wait(void **state)
{
    struct proxy proxy;
    struct client slow;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[77]}");
    slow_step(&proxy, &slow);
    for (int i = 0; i < 5; i++) {
        (void)proxy_ask_str(&proxy, "POST", EXECUTE, NULL, quick(&proxy, 77));
        assert_int_equal(proxy.reply.status, 200);
    }
    slow.timeout_ms = 1;
    assert_int_equal(client_read(&slow, false, &proxy.reply), CLIENT_TIMEOUT);
    sandbox_release(proxy.program.sandbox_port);
    client_close(&slow);
    proxy_stop(&proxy);
}

/* Who leaves while it waits has sent nothing; who comes after it does not notice. */
static void who_leaves_while_it_waits_sends_nothing(void **state)
{
    struct proxy proxy;
    struct client slow;
    struct client leaves;
    struct client stays;

    (void)state;
    proxy_start(&proxy, NULL);
    slow_step(&proxy, &slow);
    client_open(&leaves, proxy.program.port);
    assert_true(
        client_send_request(&leaves, "POST", EXECUTE, JSON, quick(&proxy, proxy.seed.checkpoint)));
    proxy_wait_working(&proxy, 2);
    client_close(&leaves);
    client_open(&stays, proxy.program.port);
    assert_true(
        client_send_request(&stays, "POST", EXECUTE, JSON, quick(&proxy, proxy.seed.checkpoint)));
    proxy_wait_working(&proxy, 2);
    proxy_wait_open(&proxy, 2);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&stays, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(client_read(&slow, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&stays);
    client_close(&slow);
    assert_int_equal(json_size(proxy_steps(&proxy)), 2);
    proxy_stop(&proxy);
}

static void who_waits_too_long_has_sent_nothing(void **state)
{
    static const char *const sets[] = {"http.long_exchange_timeout_ms=4000", NULL};
    struct proxy proxy;
    struct client slow;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    client_open(&slow, proxy.program.port);
    assert_true(client_send_request(
        &slow, "POST", "/api/v1/tests/run?async=true", JSON,
        arena_printf(&proxy.arena,
                     "{\"name\":\"t\",\"checkpoint_id\":%lld,\"steps\":[{\"comment\":\"slow\"}]}",
                     (long long)proxy.seed.checkpoint)));
    wait_for_posts(&proxy, 1);
    (void)proxy_ask_str(&proxy, "POST", EXECUTE, "Idempotency-Key: k\r\n" JSON,
                        quick(&proxy, proxy.seed.checkpoint));
    assert_int_equal(proxy.reply.status, 503);
    assert_true(str_contains(reply_text(&proxy.reply), STR("was not sent")));
    assert_int_equal(n_posts(&proxy), 1);
    sandbox_release(proxy.program.sandbox_port);
    client_close(&slow);
    proxy_stop(&proxy);
}

static void a_full_queue_is_told_at_once(void **state)
{
    static const char *const sets[] = {"sessions.max_queue=1", NULL};
    struct proxy proxy;
    struct client slow;
    struct client waits;

    (void)state;
    proxy_start(&proxy, sets);
    slow_step(&proxy, &slow);
    client_open(&waits, proxy.program.port);
    assert_true(
        client_send_request(&waits, "POST", EXECUTE, JSON, quick(&proxy, proxy.seed.checkpoint)));
    proxy_wait_working(&proxy, 2);
    (void)proxy_ask_str(&proxy, "POST", EXECUTE, NULL, quick(&proxy, proxy.seed.checkpoint));
    assert_int_equal(proxy.reply.status, 503);
    assert_true(reply_field(&proxy.reply, "Retry-After").len > 0);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&waits, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&waits);
    client_close(&slow);
    assert_int_equal(json_size(proxy_steps(&proxy)), 2);
    proxy_stop(&proxy);
}

/* A step of a library checkpoint is removed only once the move before it has ended. */
static void steps_of_a_library_checkpoint_move_one_after_another(void **state)
{
    static const char *const sets[] = {"sandbox.examples=true", NULL};
    struct proxy proxy;
    struct client moves;
    struct client removes;
    uint16_t port;

    (void)state;
    proxy_start(&proxy, sets);
    port = proxy.program.sandbox_port;
    sandbox_hold(port, "POST /library");
    client_open(&moves, proxy.program.port);
    client_open(&removes, proxy.program.port);
    assert_true(client_send_request(
        &moves, "POST", EXECUTE, JSON,
        STR("{\"command\":\"library move-step\",\"args\":[\"7023\",\"19660498\",\"0\"]}")));
    proxy_wait_sent(&proxy, "POST", "/library", 1);
    assert_true(client_send_request(
        &removes, "POST", EXECUTE, JSON,
        STR("{\"command\":\"library remove-step\",\"args\":[\"7023\",\"19660498\"]}")));
    proxy_wait_working(&proxy, 2);
    assert_int_equal(sandbox_count(port, "DELETE", "/library"), 0);
    sandbox_release(port);
    assert_int_equal(client_read(&moves, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(client_read(&removes, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(sandbox_count(port, "DELETE", "/library"), 1);
    client_close(&moves);
    client_close(&removes);
    proxy_stop(&proxy);
}

/* The steps of a checkpoint for the library are made like any other: the one whose answer was lost
 * is found. */
static void a_library_checkpoint_gets_each_step_once(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"skip\":1,\"times\":1,\"close\":\"after\"}");
    answer = proxy_ask_str(
        &proxy, "POST", "/api/library/checkpoints", NULL,
        arena_printf(&proxy.arena,
                     "{\"name\":\"L\",\"goalId\":%lld,\"steps\":[{\"action\":\"CLICK\",\"target\":"
                     "\"a\"},{\"action\":\"CLICK\",\"target\":\"b\"},{\"action\":\"CLICK\","
                     "\"target\":\"c\"}]}",
                     (long long)proxy.seed.goal));
    assert_int_equal(proxy.reply.status, 201);
    assert_non_null(json_get(answer, "id"));
    assert_int_equal(n_posts(&proxy), 3);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/checkpoints"), 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_at_once_in_one_checkpoint),
        cmocka_unit_test(a_step_is_one_call_where_the_end_is_known),
        cmocka_unit_test(other_checkpoints_do_not_wait),
        cmocka_unit_test(who_leaves_while_it_waits_sends_nothing),
        cmocka_unit_test(who_waits_too_long_has_sent_nothing),
        cmocka_unit_test(a_full_queue_is_told_at_once),
        cmocka_unit_test(steps_of_a_library_checkpoint_move_one_after_another),
        cmocka_unit_test(a_library_checkpoint_gets_each_step_once),
    };

    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
