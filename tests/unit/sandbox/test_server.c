/* The sandbox on a real socket. The client blocks, so it lives in a child process; the loop and its
 * leak checks stay here. A child ends with 0, or with the number of the line that was wrong. */
#include "harness/cmocka.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/client.h"
#include "harness/port.h"
#include "net/loop.h"
#include "sandbox/sandbox.h"

enum { LIMIT_MS = 120000, DELAY_MS = 150 };

struct stage {
    struct loop loop;
    struct sandbox *sandbox;
    uint16_t port;
    bool closed;
};

static int set_up(void **state)
{
    static struct stage stage;
    struct sandbox_options options;
    struct error err = {0};

    stage = (struct stage){0};
    loop_init(&stage.loop);
    sandbox_options_init(&options);
    if (sandbox_open(&stage.loop, &options, &stage.sandbox, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    stage.port = port_of(sandbox_address(stage.sandbox));
    *state = &stage;
    return 0;
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    if (stage->sandbox != NULL) {
        sandbox_close(stage->sandbox, on_closed, &stage->closed);
    }
    while (!stage->closed && loop_turn(&stage->loop, true)) {
    }
    loop_done(&stage->loop);
    return stage->closed ? 0 : 1;
}

typedef int (*client_fn)(uint16_t port);

/* Turns the loop until the child is done. */
static void run_client(struct stage *stage, client_fn fn)
{
    uint64_t limit = clock_now_ms() + (uint64_t)LIMIT_MS * client_slowness();
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(fn(stage->port) % 255);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        assert_true(clock_now_ms() < limit);
        (void)loop_turn(&stage->loop, true);
    }
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0) {
        fail_msg("the client found line %d wrong (modulo 255)", WEXITSTATUS(status));
    }
}

static void expect(int *wrong, bool is_right, int line)
{
    if (!is_right && *wrong == 0) {
        *wrong = line;
    }
}

#define EXPECT(condition) expect(&wrong, (condition), __LINE__)

static const char token[] = "Authorization: Bearer alice\r\n";

/* One request on an open connection; the status, 0 when no whole answer came. */
static int talk(struct client *client, const char *method, const char *target, const char *body,
                struct reply *reply)
{
    if (!client_send_request(client, method, target, token, str_from(body)) ||
        client_read(client, false, reply) != CLIENT_OK) {
        return 0;
    }
    return reply->status;
}

static int talk_of_many_things(uint16_t port)
{
    int wrong = 0;
    struct client client;
    struct reply reply = {0};

    client_open(&client, port);
    EXPECT(talk(&client, "GET", "/api/user?envelope=false", NULL, &reply) == 200);
    EXPECT(str_contains(reply_text(&reply), STR("Sandbox User")));
    EXPECT(str_starts(reply_field(&reply, "Content-Type"), STR("application/json")));
    EXPECT(talk(&client, "POST", "/api/projects", "{\"name\":\"p\"}", &reply) == 201);
    EXPECT(str_starts(reply_text(&reply), STR("{\"success\":true,\"item\":{\"id\":")));
    EXPECT(talk(&client, "GET", "/elsewhere", NULL, &reply) == 200);
    EXPECT(str_is(reply_text(&reply), "Not Found"));
    EXPECT(str_starts(reply_field(&reply, "Content-Type"), STR("text/plain")));
    EXPECT(talk(&client, "DELETE", "/__sandbox/requests", NULL, &reply) == 204);
    EXPECT(talk(&client, "GET", "/api/nothing", NULL, &reply) == 404);
    EXPECT(str_starts(reply_field(&reply, "Content-Type"), STR("text/html")));
    EXPECT(talk(&client, "GET", "/__sandbox/requests", NULL, &reply) == 200);
    EXPECT(str_starts(reply_text(&reply), STR("[{\"method\":\"GET\",\"path\":\"/nothing\"")));
    client_close(&client);
    reply_done(&reply);
    return wrong;
}

static void requests_are_answered_on_one_connection(void **state)
{
    run_client(*state, talk_of_many_things);
}

static int order(uint16_t port, const char *fault)
{
    struct client client;
    struct reply reply = {0};
    int status;

    client_open(&client, port);
    status = talk(&client, "POST", "/__sandbox/faults", fault, &reply);
    client_close(&client);
    reply_done(&reply);
    return status;
}

/* How POST /api/projects ends under a fault. */
static enum client_result end_under(uint16_t port, const char *fault)
{
    struct client client;
    struct reply reply = {0};
    enum client_result result;

    if (order(port, fault) != 200) {
        return CLIENT_GARBLED;
    }
    client_open(&client, port);
    (void)client_send_request(&client, "POST", "/api/projects", token, STR("{\"name\":\"p\"}"));
    result = client_read(&client, false, &reply);
    client_close(&client);
    reply_done(&reply);
    return result;
}

static int n_projects(uint16_t port)
{
    struct client client;
    struct reply reply = {0};
    struct arena arena;
    int n = -1;

    arena_init(&arena);
    client_open(&client, port);
    if (talk(&client, "GET", "/api/projects?organizationId=1001&envelope=false", NULL, &reply) ==
        200) {
        n = (int)json_size(reply_json(&reply, &arena));
    }
    client_close(&client);
    reply_done(&reply);
    arena_done(&arena);
    return n;
}

static int break_three_times(uint16_t port)
{
    int wrong = 0;

    EXPECT(end_under(port, "{\"match\":\"POST /projects\",\"close\":\"before\"}") == CLIENT_CLOSED);
    EXPECT(n_projects(port) == 0);
    EXPECT(end_under(port, "{\"match\":\"POST /projects\",\"close\":\"mid\"}") == CLIENT_CUT);
    EXPECT(n_projects(port) == 1);
    EXPECT(end_under(port, "{\"match\":\"POST /projects\",\"close\":\"after\"}") == CLIENT_CLOSED);
    EXPECT(n_projects(port) == 2);
    EXPECT(end_under(port, "{\"match\":\"GET /nothing\"}") == CLIENT_OK);
    return wrong;
}

static void a_connection_breaks_before_within_or_after(void **state)
{
    run_client(*state, break_three_times);
}

static int wait_for_a_delayed_503(uint16_t port)
{
    int wrong = 0;
    struct client client;
    struct reply reply = {0};
    uint64_t began = client_now_ms();

    EXPECT(order(port, "{\"match\":\"GET /user\",\"delay_ms\":150,\"status\":503,"
                       "\"retry_after\":3}") == 200);
    client_open(&client, port);
    EXPECT(talk(&client, "GET", "/api/user", NULL, &reply) == 503);
    EXPECT(client_now_ms() - began >= DELAY_MS);
    EXPECT(str_is(reply_field(&reply, "Retry-After"), "3"));
    EXPECT(talk(&client, "GET", "/api/user", NULL, &reply) == 200);
    client_close(&client);
    reply_done(&reply);
    return wrong;
}

static void a_delayed_answer_comes_late_with_its_retry_after(void **state)
{
    run_client(*state, wait_for_a_delayed_503);
}

static int leave_while_the_answer_waits(uint16_t port)
{
    int wrong = 0;
    struct client client;
    struct reply reply = {0};

    EXPECT(order(port, "{\"match\":\"GET /user\",\"delay_ms\":600000,\"times\":-1}") == 200);
    for (int i = 0; i < 3; i++) {
        client_open(&client, port);
        EXPECT(client_send_request(&client, "GET", "/api/user", token, STR_EMPTY));
        /* A whole request after it: by then the first one has been read. */
        client_ask(port, "GET", "/__sandbox/faults", NULL, STR_EMPTY, &reply);
        if (i > 0) {
            client_close(&client); /* the first stays until the process ends */
        }
    }
    reply_done(&reply);
    return wrong;
}

static void waiting_answers_do_not_hold_up_the_end(void **state)
{
    run_client(*state, leave_while_the_answer_waits);
}

int test_server(void);

int test_server(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_are_answered_on_one_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_connection_breaks_before_within_or_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_answer_comes_late_with_its_retry_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(waiting_answers_do_not_hold_up_the_end, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/server", tests, NULL, NULL);
}
