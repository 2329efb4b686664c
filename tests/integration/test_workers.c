/* Several workers are one service: sessions, limits and metrics are those of all; a worker that ends, stands still or is
 * told to end is replaced; signals reach all of them; nothing is left at the end. */
#include "harness/cmocka.h"

#include <signal.h>

#include "harness/steps.h"
#include "harness/wait.h"
#include "harness/workers.h"

enum {
    CHECKPOINT = 7654321,
    COMMANDS = 100,
    LINES = 30,
    REPLACED_MS = 5000,
    PASSED_ON_MS = 3500,
    TRIES = 5
};

static struct proxy proxy;

static size_t n_workers(void)
{
    pid_t pids[WORKERS_MAX];

    return workers_pids(&proxy, pids);
}

static pid_t a_worker(void)
{
    pid_t pids[WORKERS_MAX];

    assert_true(workers_pids(&proxy, pids) > 0);
    return pids[0];
}

static int set_up(void **state)
{
    (void)state;
    workers_start_usual(&proxy, NULL);
    return 0;
}

static int set_up_slow(void **state)
{
    (void)state;
    workers_start_usual(&proxy, (const char *[]){"sandbox.latency=20ms", NULL});
    return 0;
}

static void stop(void)
{
    proxy_stop(&proxy);
}

/* --- one session */
struct command {
    struct client client;
    int64_t position;
    pid_t worker;
    int status;
};

static struct command commands[COMMANDS];

static const char *open_session(void)
{
    return steps_session(&proxy.arena, proxy.program.port, proxy.program.sandbox_port, CHECKPOINT,
                         "");
}

static void read_answer(struct command *command)
{
    struct reply reply = {0};

    command->position = -1;
    command->status = 0;
    if (client_read(&command->client, false, &reply) == CLIENT_OK) {
        command->status = reply.status;
        if (reply.status == 200) {
            command->position = number_at(reply_json(&reply, &proxy.arena), "/data/position");
        }
    }
    reply_done(&reply);
    client_close(&command->client);
}

static void open_lines(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        commands[i] = (struct command){.worker = 0};
        client_open(&commands[i].client, proxy.program.port);
        commands[i].client.timeout_ms = 120000;
        wait_until((commands[i].worker = workers_of(&proxy, &commands[i].client)) != 0);
    }
}

static size_t n_different_workers(size_t n)
{
    size_t different = 0;

    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < i && commands[k].worker != commands[i].worker) {
            k++;
        }
        different += k == i ? 1 : 0;
    }
    return different;
}

static void a_hundred_commands_of_one_session_are_consecutive(void **state)
{
    unsigned n_there[COMMANDS] = {0};
    const char *session;

    (void)state;
    session = open_session();
    open_lines(COMMANDS);
    assert_int_equal(n_different_workers(COMMANDS), WORKERS_USUAL);
    for (size_t i = 0; i < COMMANDS; i++) {
        steps_send(&proxy.arena, &commands[i].client, session, i);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        read_answer(&commands[i]);
        assert_int_equal(commands[i].status, 200);
        assert_in_range(commands[i].position, 0, COMMANDS - 1);
        n_there[commands[i].position]++;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        assert_int_equal(n_there[i], 1);
    }
    stop();
}

/* --- kill -9 under load */
struct load {
    size_t n_asked;
    size_t n_failed;
    double counted; /* the metric when it was last looked at */
};

/* One request on the line, on a new connection if it has none. False: it failed. */
static bool ask_on(struct command *line)
{
    struct reply reply = {0};
    bool good;

    if (line->client.fd <= 0) {
        *line = (struct command){.worker = 0};
        client_open(&line->client, proxy.program.port);
    }
    good = client_send_request(&line->client, "GET", "/api/v1/commands/list", NULL, STR_EMPTY) &&
           client_read(&line->client, false, &reply) == CLIENT_OK && reply.status < 500;
    if (!good || reply.closes) {
        client_close(&line->client);
        line->client.fd = 0;
    }
    reply_done(&reply);
    return good;
}

static void look_at_sum(struct load *load)
{
    double now = workers_metric(&proxy, "virtuoso_proxy_http_requests_total");

    assert_true(now >= load->counted);
    load->counted = now;
}

static void ask_all(struct load *load)
{
    for (size_t i = 0; i < LINES; i++) {
        load->n_asked++;
        load->n_failed += ask_on(&commands[i]) ? 0 : 1;
    }
}

static void hang_up(void)
{
    for (size_t i = 0; i < LINES; i++) {
        if (commands[i].client.fd > 0) {
            client_close(&commands[i].client);
        }
    }
}

static double n_restarts(void)
{
    return workers_metric(&proxy, "virtuoso_proxy_worker_restarts_total");
}

/* `n_before`: restarts before the victim was struck. A worker has started for certain when it has counted that itself:
 * before, it would end at SIGTERM without a trace. */
static bool is_replaced(pid_t victim, double n_before)
{
    pid_t pids[WORKERS_MAX];
    size_t n = workers_pids(&proxy, pids);

    for (size_t i = 0; i < n; i++) {
        if (pids[i] == victim) {
            return false;
        }
    }
    return n == WORKERS_USUAL && n_restarts() > n_before &&
           workers_metric(&proxy, "virtuoso_proxy_workers") == (double)WORKERS_USUAL;
}

/* A loaded machine may let a worker stand still for so long that it is replaced, too. */
static void assert_restarts(unsigned wanted)
{
    double n = n_restarts();

    if (n < wanted || (n > wanted && !program_wrote(&proxy.program, "its loop stands still"))) {
        fail_msg("%g restarts, not %u", n, wanted);
    }
}

/* How long it took until the next one answered. */
static uint64_t kill_one_under_load(struct load *load)
{
    size_t n_failed = load->n_failed;
    size_t n_on_victim = 0;
    double n_before = n_restarts();
    uint64_t killed_ms;
    uint64_t took_ms;
    pid_t victim;

    open_lines(LINES);
    ask_all(load);
    assert_int_equal(load->n_failed, n_failed);
    look_at_sum(load);
    victim = commands[0].worker;
    for (size_t i = 0; i < LINES; i++) {
        n_on_victim += commands[i].worker == victim ? 1 : 0;
    }
    assert_int_equal(kill(victim, SIGKILL), 0);
    killed_ms = client_patience_ms();
    do { /* the connections of the victim break, once each; what is new is answered */
        ask_all(load);
        look_at_sum(load);
    } while (!is_replaced(victim, n_before));
    took_ms = client_waited_ms(killed_ms);
    for (int round = 0; round < 10; round++) {
        ask_all(load);
        look_at_sum(load);
    }
    assert_in_range(load->n_failed - n_failed, 1, n_on_victim);
    print_message(
        "%zu requests, %zu failed, of %zu connections that the killed worker had; the next "
        "one answered after %llu ms\n",
        load->n_asked, load->n_failed - n_failed, n_on_victim, (unsigned long long)took_ms);
    hang_up();
    return took_ms;
}

/* On a busy machine one of a few is replaced as fast as all are on an idle one. */
static void only_what_was_on_its_way_fails_with_a_worker(void **state)
{
    struct load load = {0};
    int tries = 1;

    (void)state;
    while (kill_one_under_load(&load) >= (uint64_t)REPLACED_MS * client_slowness()) {
        assert_true(tries++ < TRIES);
    }
    /* all that was answered is counted: those before the kill, too */
    assert_true(load.counted >= (double)(load.n_asked - load.n_failed));
    assert_restarts((unsigned)tries);
    program_wait_wrote(&proxy.program, "worker.ended", WAIT_MS);
    stop();
}

/* Kills the worker that holds the lane. Returns how long the next step then took. */
static uint64_t kill_one_with_a_lane(void)
{
    const char *session = open_session();
    struct command *first = &commands[0];
    struct command *next = &commands[1];
    uint64_t began_ms;
    uint64_t took_ms;

    open_lines(2);
    steps_send(&proxy.arena, &first->client, session, 0);
    read_answer(first);
    assert_true(first->position >= 0);
    while (next->worker == first->worker) {
        client_close(&next->client);
        client_open(&next->client, proxy.program.port);
        wait_until((next->worker = workers_of(&proxy, &next->client)) != 0);
    }
    assert_int_equal(kill(first->worker, SIGKILL), 0);
    began_ms = client_patience_ms();
    next->client.timeout_ms = 120000;
    steps_send(&proxy.arena, &next->client, session, 1);
    read_answer(next);
    took_ms = client_waited_ms(began_ms);
    print_message("the next step was answered after %llu ms\n", (unsigned long long)took_ms);
    assert_int_equal(next->status, 200);
    assert_int_equal(next->position, first->position + 1);
    client_close(&first->client);
    client_close(&next->client);
    wait_until(n_workers() == WORKERS_USUAL);
    return took_ms;
}

/* The lease of a dead worker lasts for more than PASSED_ON_MS. The next step does not wait for its end. On a busy machine one step of a few
 * is as fast as all are on an idle one. */
static void the_lane_of_a_killed_worker_passes_on_at_once(void **state)
{
    int tries = 1;

    (void)state;
    while (kill_one_with_a_lane() >= PASSED_ON_MS) {
        assert_true(tries++ < TRIES);
    }
    stop();
}

/* --- a test run */
static struct str run_status(const char *id)
{
    const struct json *run = proxy_ask(
        &proxy, "GET", arena_printf(&proxy.arena, "/api/v1/tests/runs/%s", id).ptr, NULL, NULL);

    assert_int_equal(proxy.reply.status, 200);
    return json_str(json_get(run, "status"));
}

/* Its steps take the platform 20 ms each. */
static void a_run_is_known_to_all_and_goes_on_when_its_worker_is_killed(void **state)
{
    enum { STEPS = 60 };

    struct command *line = &commands[0];
    struct reply reply = {0};
    struct buf file;
    const char *id;
    uint64_t killed_ms;

    (void)state;
    sandbox_hold_behind(proxy.program.sandbox_port, "POST /teststeps", 5);
    buf_init(&file, 1 << 16);
    buf_text(&file, "name: Shared\nsteps:\n");
    for (int i = 0; i < STEPS; i++) {
        buf_printf(&file, "  - navigate: https://n%d.example/\n", i);
    }
    open_lines(1);
    assert_true(client_send_request(&line->client, "POST", "/api/v1/tests/run?async=true",
                                    "Content-Type: application/yaml\r\n", buf_view(&file)));
    buf_done(&file);
    assert_int_equal(client_read(&line->client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 202);
    id = arena_cstr(&proxy.arena, json_str(json_get(reply_json(&reply, &proxy.arena), "id")));
    reply_done(&reply);
    client_close(&line->client);
    proxy_wait_sent(&proxy, "POST", "/teststeps", 6);
    for (int i = 0; i < LINES; i++) { /* new connections, so of all workers */
        assert_true(str_is(run_status(id), "running"));
    }
    assert_int_equal(kill(line->worker, SIGKILL), 0);
    sandbox_release_all(proxy.program.sandbox_port);
    killed_ms = client_now_ms();
    wait_until(!str_is(run_status(id), "running"));
    assert_true(str_is(run_status(id), "created"));
    print_message("the run ended %llu ms after its worker was killed\n",
                  (unsigned long long)(client_now_ms() - killed_ms));
    wait_until(n_workers() == WORKERS_USUAL);
    stop();
}

/* --- descriptors */
static void twenty_replacements_leave_no_descriptor(void **state)
{
    size_t before;

    (void)state;
    before = workers_descriptors(proxy.program.pid);
    for (int round = 0; round < 20; round++) {
        double n_before = n_restarts();
        pid_t victim = a_worker();

        assert_int_equal(kill(victim, SIGTERM), 0); /* these are replaced without a wait */
        wait_until(is_replaced(victim, n_before));
    }
    /* each worker may have a connection to the sandbox, which is there, too */
    wait_until(workers_descriptors(proxy.program.pid) <= before + WORKERS_USUAL);
    assert_restarts(20);
    stop();
}

/* --- signals */
static void all_finish_what_they_have_at_sigterm(void **state)
{
    (void)state;
    open_lines(LINES);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[7654321]}");
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    for (size_t i = 0; i < LINES; i++) {
        static const char body[] = "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b/\"],"
                                   "\"checkpoint_id\":\"7654321\"}";

        assert_true(client_send_request(&commands[i].client, "POST", "/api/v1/commands/execute",
                                        "Content-Type: application/json\r\n", str_from(body)));
    }
    wait_until(workers_metric(&proxy, "virtuoso_proxy_http_requests_in_flight") > (double)LINES);
    sandbox_release_all(proxy.program.sandbox_port);
    program_signal(&proxy.program, SIGTERM);
    for (size_t i = 0; i < LINES; i++) {
        read_answer(&commands[i]);
        assert_int_equal(commands[i].status, 200);
    }
    assert_int_equal(program_wait_end(&proxy.program, WAIT_MS), 0);
    program_assert_clean(&proxy.program);
    assert_false(program_wrote(&proxy.program, "worker.killed"));
    program_done(&proxy.program);
    arena_done(&proxy.arena);
    reply_done(&proxy.reply);
}

/* It does not answer, and connections that the kernel has given it wait: another one takes its socket over. */
static void a_worker_that_stands_still_is_replaced(void **state)
{
    struct client client = {.fd = 0};
    struct reply reply = {0};
    double n_before;
    pid_t victim;

    (void)state;
    n_before = n_restarts();
    victim = a_worker();
    assert_int_equal(kill(victim, SIGSTOP), 0);
    for (int tries = 0; tries < LINES; tries++) { /* some of them are its */
        client_open(&client, proxy.program.port);
        client.timeout_ms = 20000;
        assert_true(client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY));
        assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&client);
    }
    reply_done(&reply);
    wait_until(is_replaced(victim, n_before));
    assert_true(program_wrote(&proxy.program, "its loop stands still"));
    stop();
}

/* Whoever is left without a supervisor ends, too. */
static void no_worker_outlives_its_supervisor(void **state)
{
    pid_t pids[WORKERS_MAX];
    size_t n;

    (void)state;
    n = workers_pids(&proxy, pids);
    assert_int_equal(kill(proxy.program.pid, SIGKILL), 0);
    (void)program_wait_end(&proxy.program, WAIT_MS);
    for (size_t i = 0; i < n; i++) {
        wait_until(!workers_lives(pids[i]));
    }
    program_assert_clean(&proxy.program);
    program_done(&proxy.program);
    arena_done(&proxy.arena);
    reply_done(&proxy.reply);
}

#define TEST(name, up) cmocka_unit_test_setup(name, up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hundred_commands_of_one_session_are_consecutive, set_up),
        TEST(only_what_was_on_its_way_fails_with_a_worker, set_up),
        TEST(the_lane_of_a_killed_worker_passes_on_at_once, set_up),
        TEST(a_run_is_known_to_all_and_goes_on_when_its_worker_is_killed, set_up_slow),
        TEST(twenty_replacements_leave_no_descriptor, set_up),
        TEST(all_finish_what_they_have_at_sigterm, set_up_slow),
        TEST(a_worker_that_stands_still_is_replaced, set_up),
        TEST(no_worker_outlives_its_supervisor, set_up),
    };

    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
