/* Processes of one service with different roles (server.roles): those with traffic answer, one with runs goes on with what a
 * killed one has left, one with events delivers what all have noted; and nobody does another one's work. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness/collector.h"
#include "harness/replicas.h"
#include "harness/wait.h"

enum { N_TRAFFIC = 2, STEPS = 40 };

static struct {
    struct replicas replicas;
    struct collector receiver;
    struct program other;
    uint16_t admin;
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"server.roles=traffic", "webhooks.allow_private=true",
                                       "webhooks.retry_ms=50", NULL};
    static const char *const platform[] = {"sandbox.latency=20ms", NULL};

    (void)state;
    collector_start(&here.receiver);
    replicas_start(&here.replicas, &(struct replicas_options){
                                       .n = N_TRAFFIC, .sets = sets, .platform_sets = platform});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    collector_done(&here.receiver);
    return 0;
}

/* It has no address but the one for operators. */
static void start_other(const char *role)
{
    char roles[64];
    const char *args[] = {"serve",
                          "--set",
                          "auth.mode=none",
                          "--set",
                          "drain.notice_ms=0",
                          "--set",
                          here.replicas.url,
                          "--set",
                          here.replicas.platform_url,
                          "--set",
                          "admin.listen=127.0.0.1:0",
                          "--set",
                          "webhooks.allow_private=true",
                          "--set",
                          roles,
                          NULL};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};

    (void)snprintf(roles, sizeof(roles), "server.roles=%s", role);
    program_start(&here.other, args, env);
    here.admin = program_wait_port(&here.other, "admin on http://");
    assert_false(program_wrote(&here.other, "listening on"));
}

static void stop_other(void)
{
    struct reply reply = {0};

    client_ask(here.admin, "GET", "/readyz", NULL, STR_EMPTY, &reply);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    program_stop(&here.other);
    program_done(&here.other);
}

static void events_are_delivered_by_who_has_the_role(void **state)
{
    char body[256];

    (void)state;
    (void)snprintf(body, sizeof(body),
                   "{\"url\":\"http://127.0.0.1:%u/hook\",\"events\":[\"session.created\"]}",
                   here.receiver.port);
    (void)replicas_ask(&here.replicas, 0, "POST", "/api/v1/webhooks", NULL, body);
    assert_int_equal(here.replicas.reply.status, 201);
    (void)replicas_ask(&here.replicas, 1, "POST", "/api/v1/sessions", NULL, "{}");
    assert_int_equal(here.replicas.reply.status, 201);
    assert_int_equal(here.receiver.seen->n_taken, 0);
    start_other("events");
    wait_until(here.receiver.seen->n_taken == 1); /* also what was noted before it came */
    (void)replicas_ask(&here.replicas, 0, "POST", "/api/v1/sessions", NULL, "{}");
    wait_until(here.receiver.seen->n_taken == 2);
    program_wait_wrote(&here.other, "events.on_duty", WAIT_MS);
    for (size_t i = 0; i < N_TRAFFIC; i++) {
        assert_false(program_wrote(&here.replicas.programs[i], "events.on_duty"));
    }
    stop_other();
}

static struct str run_status(const char *id)
{
    return json_str(json_get(replicas_ask(&here.replicas, 1, "GET", id, NULL, NULL), "status"));
}

static void runs_are_carried_on_by_who_has_the_role(void **state)
{
    struct buf file;
    const char *id;

    (void)state;
    buf_init(&file, 1 << 16);
    buf_text(&file, "{\"name\":\"Shared\",\"steps\":[");
    for (int i = 0; i < STEPS; i++) {
        buf_printf(&file, "%s{\"navigate\":\"https://n%d.example/\"}", i > 0 ? "," : "", i);
    }
    buf_text(&file, "]}");
    id = arena_printf(arena(), "/api/v1/tests/runs/%.*s",
                      STR_ARG(json_str(json_get(replicas_ask(&here.replicas, 0, "POST",
                                                             "/api/v1/tests/run?async=true", NULL,
                                                             buf_cstr(&file)),
                                                "id"))))
             .ptr;
    buf_done(&file);
    assert_int_equal(here.replicas.reply.status, 202);
    sandbox_wait_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps", 5);
    replicas_kill(&here.replicas, 0);
    assert_true(str_is(run_status(id), "running"));
    start_other("runs");
    wait_until(!str_is(run_status(id), "running"));
    assert_true(str_is(run_status(id), "created"));
    assert_false(program_wrote(&here.other, "events.on_duty"));
    stop_other();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_delivered_by_who_has_the_role),
        cmocka_unit_test(runs_are_carried_on_by_who_has_the_role),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is one process\n");
        return 0;
    }
    return cmocka_run_group_tests_name("roles", tests, set_up, tear_down);
}
