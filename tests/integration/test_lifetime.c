/* The client leaves at every stage of a request; the server stays clean and ends with nothing
 * left. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

#define HEAD                                                                                       \
    "POST /api/v1/commands/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

enum { NEW_CHECKPOINTS = 900100 };

enum how { BY_CLOSE, BY_RESET, BY_HALF_CLOSE, N_HOW };

static void leave(const struct proxy *proxy, struct client *client, enum how how)
{
    switch (how) {
    case BY_RESET:
        client_reset(client);
        break;
    case BY_HALF_CLOSE:
        client_end(client);
        proxy_settle(proxy);
        client_close(client);
        break;
    case BY_CLOSE:
    case N_HOW:
        client_close(client);
        break;
    }
}

/* Leaves at once, or when the platform has received a request that begins so. */
static void send_and_leave(struct proxy *proxy, struct str bytes, const char *method,
                           const char *path_start, enum how how)
{
    struct client client;

    sandbox_forget_requests(proxy->program.sandbox_port);
    client_open(&client, proxy->program.port);
    (void)client_send(&client, bytes);
    if (method != NULL) {
        proxy_wait_sent(proxy, method, path_start, 1);
    }
    leave(proxy, &client, how);
}

static void send_settle_and_leave(struct proxy *proxy, struct str bytes, enum how how)
{
    struct client client;

    client_open(&client, proxy->program.port);
    (void)client_send(&client, bytes);
    proxy_settle(proxy);
    leave(proxy, &client, how);
}

static struct str request(struct proxy *proxy, const char *extra)
{
    struct str body = arena_printf(
        &proxy->arena,
        "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"checkpoint_id\":%lld%s}",
        (long long)proxy->seed.checkpoint, extra);

    return arena_printf(&proxy->arena, HEAD "Content-Length: %zu\r\n\r\n%.*s", body.len,
                        STR_ARG(body));
}

static void clients_may_leave_at_every_stage(void **state)
{
    struct proxy proxy;
    struct str whole;

    (void)state;
    proxy_start(&proxy, NULL);
    for (enum how how = BY_CLOSE; how < N_HOW; how++) {
        /* A checkpoint whose end nobody knows yet: its first command counts. */
        proxy.seed.checkpoint = NEW_CHECKPOINTS + (int64_t)how;
        sandbox_seed_ids(
            proxy.program.sandbox_port,
            arena_printf(&proxy.arena, "{\"checkpoints\":[%lld]}", (long long)proxy.seed.checkpoint)
                .ptr);
        whole = request(&proxy, "");
        send_settle_and_leave(&proxy, STR_EMPTY, how);                        /* connected */
        send_settle_and_leave(&proxy, STR("POST /ap"), how);                  /* in the head */
        send_settle_and_leave(&proxy, str_sub(whole, 0, whole.len - 5), how); /* in the body */
        sandbox_fault(proxy.program.sandbox_port,
                      "{\"match\":\"GET /checkpoints\",\"times\":1,\"delay_ms\":300}");
        send_and_leave(&proxy, whole, "GET", "/checkpoints", how); /* while a read waits */
        sandbox_fault(proxy.program.sandbox_port,
                      "{\"match\":\"POST /teststeps\",\"times\":1,\"delay_ms\":300}");
        send_and_leave(&proxy, request(&proxy, ",\"position\":0"), "POST", "/teststeps",
                       how); /* while a create waits */
        send_and_leave(&proxy, STR("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), NULL, NULL,
                       how); /* before its answer */
        sandbox_clear_faults(proxy.program.sandbox_port);
    }
    (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

static void a_create_in_flight_is_finished_and_its_reply_kept(void **state)
{
    struct proxy proxy;
    struct client client;
    struct str body;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    body = proxy_begin_step(&proxy, &client, "Idempotency-Key: lost\r\n", 400);
    client_reset(&client);
    proxy_settle(&proxy);
    do { /* 409: the first one is still at work */
        answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute",
                               "Idempotency-Key: lost\r\n", body);
    } while (proxy.reply.status == 409);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(reply_field(&proxy.reply, "Idempotency-Replayed"), "true"));
    assert_true(json_str(json_find(answer, "/data/step_id")).len > 0);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
}

enum { QUEUE = 9 };

/* One command of a session runs, the others wait for their turn. Who leaves makes no step; those
 * who stay become consecutive steps, and what is left at the end is cancelled. */
static void clients_may_leave_the_queue_of_a_session(void **state)
{
    struct proxy proxy;
    struct client clients[QUEUE];
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    id = arena_printf(&proxy.arena, ",\"session_id\":\"%.*s\"",
                      STR_ARG(json_str(json_get(
                          proxy_ask_str(&proxy, "POST", "/api/v1/sessions", NULL,
                                        arena_printf(&proxy.arena, "{\"checkpoint_id\":%lld}",
                                                     (long long)proxy.seed.checkpoint)),
                          "session_id"))));
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    for (size_t i = 0; i < QUEUE; i++) {
        struct str body = arena_printf(
            &proxy.arena, "{\"command\":\"step-misc comment\",\"args\":[\"n%zu\"]%.*s}", i,
            STR_ARG(id));

        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "POST", "/api/v1/commands/execute",
                                        "Content-Type: application/json\r\n", body));
    }
    proxy_wait_sent(&proxy, "POST", "/teststeps", 1);
    proxy_wait_working(&proxy, QUEUE);
    for (size_t i = 1; i < QUEUE; i += 2) {
        leave(&proxy, &clients[i], (enum how)(i / 2 % N_HOW));
    }
    proxy_wait_open(&proxy, (QUEUE + 1) / 2);
    sandbox_release(proxy.program.sandbox_port);
    for (size_t i = 0; i < QUEUE; i += 2) {
        int64_t position;

        assert_int_equal(client_read(&clients[i], false, &proxy.reply), CLIENT_OK);
        assert_int_equal(proxy.reply.status, 200);
        assert_true(json_to_i64(json_find(reply_json(&proxy.reply, &proxy.arena), "/data/position"),
                                &position));
        assert_int_equal(position, i / 2);
        client_close(&clients[i]);
    }
    assert_int_equal(json_size(proxy_steps(&proxy)), (QUEUE + 1) / 2);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_may_leave_at_every_stage),
        cmocka_unit_test(clients_may_leave_the_queue_of_a_session),
        cmocka_unit_test(a_create_in_flight_is_finished_and_its_reply_kept),
    };

    return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
