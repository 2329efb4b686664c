/* Processes of one service with different roles (server.roles): those with traffic answer, one with runs carries
 * out what is begun at them, one with events delivers what all have noted; and nobody does another one's work. */
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
                          "store.timeout_ms=10000",
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
    wait_until(here.receiver.seen->n_taken >= 1); /* also what was noted before it came */
    (void)replicas_ask(&here.replicas, 0, "POST", "/api/v1/sessions", NULL, "{}");
    wait_until(here.receiver.seen->n_taken >= 2);
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

/* Its address. */
static const char *begin_run(size_t i, const char *query)
{
    const struct json *answer;
    struct buf file;

    buf_init(&file, 1 << 16);
    buf_text(&file, "{\"name\":\"Shared\",\"steps\":[");
    for (int n = 0; n < STEPS; n++) {
        buf_printf(&file, "%s{\"navigate\":\"https://n%d.example/\"}", n > 0 ? "," : "", n);
    }
    buf_text(&file, "]}");
    answer = replicas_ask(&here.replicas, i, "POST",
                          arena_printf(arena(), "/api/v1/tests/run?%s", query).ptr, NULL,
                          buf_cstr(&file));
    buf_done(&file);
    return arena_printf(arena(), "/api/v1/tests/runs/%.*s",
                        STR_ARG(json_str(json_get(answer, "id"))))
        .ptr;
}

static size_t n_steps(void)
{
    return sandbox_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps");
}

/* Whoever takes the request puts the run on record; nobody carries it out until one comes that does. */
static void runs_are_carried_out_by_who_has_the_role(void **state)
{
    const char *stopped;
    const char *id;

    (void)state;
    id = begin_run(0, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    stopped = begin_run(1, "async=true");
    assert_true(str_is(run_status(id), "running"));
    (void)replicas_ask(&here.replicas, 0, "DELETE", stopped, NULL, NULL);
    assert_int_equal(here.replicas.reply.status, 202);
    replicas_kill(&here.replicas, 0); /* nothing of it was there */
    assert_int_equal(n_steps(), 0);
    start_other("runs");
    wait_until(!str_is(run_status(id), "running"));
    assert_true(str_is(run_status(id), "created"));
    wait_until(str_is(run_status(stopped), "cancelled"));
    assert_int_equal(n_steps(), STEPS);
    (void)begin_run(1, "");
    assert_int_equal(here.replicas.reply.status, 200);
    assert_true(str_contains(reply_text(&here.replicas.reply), STR("\"status\":\"created\"")));
    assert_int_equal(n_steps(), 2 * STEPS);
    assert_true(program_wrote(&here.other, "run.adopted"));
    assert_false(program_wrote(&here.replicas.programs[1], "run.adopted"));
    assert_false(program_wrote(&here.other, "events.on_duty"));
    stop_other();
    replicas_start_one(&here.replicas, 0);
}

/* Who waits for the end, and leaves, stops it, wherever it is carried out. */
static void who_leaves_stops_a_run_of_another_process(void **state)
{
    struct client client;
    const struct json *list;
    struct buf file;
    const char *id;

    (void)state;
    start_other("runs");
    sandbox_forget_requests(here.replicas.platform.program.sandbox_port);
    sandbox_hold_behind(here.replicas.platform.program.sandbox_port, "POST /teststeps", 3);
    buf_init(&file, 1 << 16);
    buf_text(&file, "name: Long\nsteps:\n");
    for (int n = 0; n < 10 * STEPS; n++) {
        buf_text(&file, "- navigate: https://a.example/\n");
    }
    client_open(&client, here.replicas.programs[1].port);
    assert_true(client_send_request(&client, "POST", "/api/v1/tests/run",
                                    "Content-Type: application/yaml\r\n", buf_view(&file)));
    buf_done(&file);
    sandbox_wait_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps", 3);
    list = replicas_ask(&here.replicas, 1, "GET", "/api/v1/tests/runs?limit=1", NULL, NULL);
    id = arena_printf(arena(), "/api/v1/tests/runs/%.*s",
                      STR_ARG(json_str(json_find(list, "/runs/0/id"))))
             .ptr;
    client_close(&client);
    sandbox_release_all(here.replicas.platform.program.sandbox_port);
    wait_until(str_is(run_status(id), "cancelled"));
    stop_other();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_delivered_by_who_has_the_role),
        cmocka_unit_test(runs_are_carried_out_by_who_has_the_role),
        cmocka_unit_test(who_leaves_stops_a_run_of_another_process),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is one process\n");
        return 0;
    }
    return cmocka_run_group_tests_name("roles", tests, set_up, tear_down);
}
