/* SIGTERM at every stage of a request: what is in flight is finished, and the exit is clean. */
#include <signal.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

#define HEAD                                                                                       \
    "POST /api/v1/commands/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

static void end_program(struct proxy *proxy)
{
    assert_int_equal(program_wait_end(&proxy->program, 20000), 0);
    program_assert_clean(&proxy->program);
    program_done(&proxy->program);
    reply_done(&proxy->reply);
    arena_done(&proxy->arena);
}

static bool is_draining(struct proxy *proxy)
{
    (void)proxy_ask(proxy, "GET", "/health/ready", NULL, "");
    return proxy->reply.status == 503;
}

/* The first one is seen before the second is sent, else the two would be one. */
static void interrupt_twice(struct proxy *proxy)
{
    program_signal(&proxy->program, SIGINT);
    wait_until(is_draining(proxy));
    assert_true(program_is_running(&proxy->program));
    program_signal(&proxy->program, SIGINT);
}

static void readiness_fails_before_the_listener_closes(void **state)
{
    static const char *const sets[] = {"drain.notice_ms=600000", "drain.limit_ms=601000", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "GET", "/readyz", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    program_signal(&proxy.program, SIGTERM);
    wait_until(is_draining(&proxy));
    (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(proxy.reply.closes);
    interrupt_twice(&proxy); /* the notice need not be waited for */
    end_program(&proxy);
}

static void requests_in_flight_are_finished(void **state)
{
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, NULL);
    (void)proxy_begin_step(&proxy, &client, "", 0);
    program_signal(&proxy.program, SIGTERM);
    program_wait_wrote(&proxy.program, "server.draining", WAIT_MS);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&client);
    end_program(&proxy);
}

static void sigterm_at_every_stage_ends_clean(void **state)
{
    static const char *const sets[] = {"drain.limit_ms=300", NULL};
    static const char *const stages[] = {
        "",
        "POST /api",
        HEAD "Content-Length: 500\r\n\r\n{\"comm",
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        struct proxy proxy;
        struct client client;

        proxy_start(&proxy, sets);
        client_open(&client, proxy.program.port);
        (void)client_send(&client, str_from(stages[i]));
        proxy_settle(&proxy);
        program_signal(&proxy.program, SIGTERM);
        end_program(&proxy);
        client_close(&client);
    }
}

static void what_is_left_at_the_limit_is_cancelled(void **state)
{
    static const char *const sets[] = {"drain.limit_ms=400", NULL};
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_begin_step(&proxy, &client, "", 9000);
    program_signal(&proxy.program, SIGTERM);
    end_program(&proxy);
    client_close(&client);
}

static void two_interrupts_stop_at_once(void **state)
{
    static const char *const sets[] = {"drain.notice_ms=600000", "drain.limit_ms=601000", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    interrupt_twice(&proxy);
    assert_int_equal(program_wait_end(&proxy.program, WAIT_MS), 0);
    program_assert_clean(&proxy.program);
    program_done(&proxy.program);
    reply_done(&proxy.reply);
    arena_done(&proxy.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness_fails_before_the_listener_closes),
        cmocka_unit_test(requests_in_flight_are_finished),
        cmocka_unit_test(sigterm_at_every_stage_ends_clean),
        cmocka_unit_test(what_is_left_at_the_limit_is_cancelled),
        cmocka_unit_test(two_interrupts_stop_at_once),
    };

    return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
