/* Several workers are one service: sessions, limits and metrics are those of all; a worker that ends, stands still or is
 * told to end is replaced; signals reach all of them; nothing is left at the end. */
#include "harness/cmocka.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/wait.h"
#include "harness/workers.h"

enum { N_WORKERS = 3, COMMANDS = 100, LINES = 30, REPLACED_MS = 1000, TRIES = 5 };

#define CHECKPOINT "7654321"
#define KEY        "X-API-Key: a-key-of-a-test-1\r\n"

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

static int start(const char *const *more)
{
    static const char *sets[16] = {"server.workers=3", "log.access=false"};
    size_t n = 2;

    for (; more != NULL && *more != NULL; more++) {
        sets[n++] = *more;
    }
    sets[n] = NULL;
    workers_start(&proxy, sets);
    assert_int_equal(n_workers(), N_WORKERS);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return start(NULL);
}

static int set_up_slow(void **state)
{
    (void)state;
    return start((const char *[]){"sandbox.latency=20ms", NULL});
}

static void stop(void)
{
    proxy_stop(&proxy);
}

/* --- one session */
struct command {
    struct client client;
    pid_t worker;
    int64_t position;
    int status;
};

static struct command commands[COMMANDS];

static const char *open_session(const char *checkpoint)
{
    char body[128];
    const struct json *answer;

    (void)snprintf(body, sizeof(body), "{\"checkpoints\":[%s]}", checkpoint);
    sandbox_seed_ids(proxy.program.sandbox_port, body);
    (void)snprintf(body, sizeof(body), "{\"checkpoint_id\":\"%s\"}", checkpoint);
    answer = proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL, body);
    assert_int_equal(proxy.reply.status, 201);
    return arena_cstr(&proxy.arena, json_str(json_get(answer, "session_id")));
}

static void send_command(struct command *command, const char *session, size_t number)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   "{\"command\":\"step-navigate to\",\"args\":[\"https://n%zu.example/\"],"
                   "\"session_id\":\"%s\"}",
                   number, session);
    assert_true(client_send_request(&command->client, "POST", "/api/v1/commands/execute",
                                    "Content-Type: application/json\r\n", str_from(body)));
}

static int64_t number_at(const struct json *node, const char *pointer)
{
    const struct json *found = json_find(node, pointer);
    int64_t number = -1;

    return json_to_i64(found, &number) || str_to_i64(json_str(found), 0, INT64_MAX, &number)
               ? number
               : -1;
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
        commands[i].client.timeout_ms = 30000;
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
    session = open_session(CHECKPOINT);
    open_lines(COMMANDS);
    assert_int_equal(n_different_workers(COMMANDS), N_WORKERS);
    for (size_t i = 0; i < COMMANDS; i++) {
        send_command(&commands[i], session, i);
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

static bool is_replaced(pid_t victim)
{
    pid_t pids[WORKERS_MAX];
    size_t n = workers_pids(&proxy, pids);

    for (size_t i = 0; i < n; i++) {
        if (pids[i] == victim) {
            return false;
        }
    }
    return n == N_WORKERS && workers_metric(&proxy, "virtuoso_proxy_workers") == N_WORKERS;
}

/* How long it took until the next one answered. */
static uint64_t kill_one_under_load(struct load *load)
{
    size_t n_failed = load->n_failed;
    size_t n_on_victim = 0;
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
    killed_ms = client_now_ms();
    do { /* the connections of the victim break, once each; what is new is answered */
        ask_all(load);
        look_at_sum(load);
    } while (!is_replaced(victim));
    took_ms = client_now_ms() - killed_ms;
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
    assert_true(workers_metric(&proxy, "virtuoso_proxy_worker_restarts_total") == tries);
    program_wait_wrote(&proxy.program, "worker.ended", WAIT_MS);
    stop();
}

/* Who has sent a command to a worker that is killed is told nothing; the next one, to another worker, does not wait until
 * the lease of the dead one has run out. */
static void the_lane_of_a_killed_worker_passes_on_at_once(void **state)
{
    const char *session;
    struct command *first = &commands[0];
    struct command *next = &commands[1];
    uint64_t began_ms;

    (void)state;
    session = open_session(CHECKPOINT);
    open_lines(2);
    send_command(first, session, 0);
    read_answer(first);
    assert_int_equal(first->position, 0);
    while (next->worker == first->worker) {
        client_close(&next->client);
        client_open(&next->client, proxy.program.port);
        wait_until((next->worker = workers_of(&proxy, &next->client)) != 0);
    }
    assert_int_equal(kill(first->worker, SIGKILL), 0);
    began_ms = client_now_ms();
    next->client.timeout_ms = 30000;
    send_command(next, session, 1);
    read_answer(next);
    assert_int_equal(next->status, 200);
    assert_int_equal(next->position, 1);
    assert_true(client_now_ms() - began_ms < 3000 * (uint64_t)client_slowness());
    wait_until(n_workers() == N_WORKERS);
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
    proxy_wait_sent(&proxy, "POST", "/teststeps", 5);
    for (int i = 0; i < LINES; i++) { /* new connections, so of all workers */
        assert_true(str_is(run_status(id), "running"));
    }
    assert_int_equal(kill(line->worker, SIGKILL), 0);
    killed_ms = client_now_ms();
    wait_until(!str_is(run_status(id), "running"));
    assert_true(str_is(run_status(id), "created"));
    print_message("the run ended %llu ms after its worker was killed\n",
                  (unsigned long long)(client_now_ms() - killed_ms));
    wait_until(n_workers() == N_WORKERS);
    stop();
}

/* --- descriptors */
static void twenty_replacements_leave_no_descriptor(void **state)
{
    size_t before;

    (void)state;
    before = workers_descriptors(proxy.program.pid);
    for (int round = 0; round < 20; round++) {
        pid_t victim = a_worker();

        assert_int_equal(kill(victim, SIGTERM), 0); /* these are replaced without a wait */
        wait_until(is_replaced(victim));
    }
    /* each worker may have a connection to the sandbox, which is there, too */
    wait_until(workers_descriptors(proxy.program.pid) <= before + N_WORKERS);
    assert_true(workers_metric(&proxy, "virtuoso_proxy_worker_restarts_total") == 20);
    stop();
}

/* --- signals */
static void all_finish_what_they_have_at_sigterm(void **state)
{
    (void)state;
    open_lines(LINES);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[" CHECKPOINT "]}");
    for (size_t i = 0; i < LINES; i++) {
        static const char body[] = "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b/\"],"
                                   "\"checkpoint_id\":\"" CHECKPOINT "\"}";

        assert_true(client_send_request(&commands[i].client, "POST", "/api/v1/commands/execute",
                                        "Content-Type: application/json\r\n", str_from(body)));
    }
    wait_until(workers_metric(&proxy, "virtuoso_proxy_http_requests_in_flight") >= 2);
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
    pid_t victim;

    (void)state;
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
    wait_until(is_replaced(victim));
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
        wait_until(kill(pids[i], 0) != 0 && errno == ESRCH);
    }
    program_assert_clean(&proxy.program);
    program_done(&proxy.program);
    arena_done(&proxy.arena);
    reply_done(&proxy.reply);
}

/* --- what an operator asks of one */
static void a_reload_reaches_all_of_them(void **state)
{
    const struct json *answer;
    const struct json *other;

    (void)state;
    answer = proxy_ask(&proxy, "POST", "/admin/reload", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(json_get(answer, "workers")), N_WORKERS - 1);
    JSON_FOREACH (other, json_get(answer, "workers")) {
        assert_true(json_true(json_get(other, "taken")));
    }
    wait_until(workers_metric(&proxy, "virtuoso_proxy_config_reloads_total") == N_WORKERS);
    program_signal(&proxy.program, SIGHUP);
    wait_until(workers_metric(&proxy, "virtuoso_proxy_config_reloads_total") == 2 * N_WORKERS);
    stop();
}

static size_t n_with_level(const char *level)
{
    char text[64];
    size_t n = 0;

    (void)snprintf(text, sizeof(text), "\"level\":\"%s\"", level);
    for (size_t i = 0; i < LINES; i++) { /* new connections, so of all workers */
        (void)proxy_ask(&proxy, "GET", "/admin/log-level", NULL, NULL);
        n += str_contains(reply_text(&proxy.reply), str_from(text)) ? 1 : 0;
    }
    return n;
}

static void the_level_of_the_log_is_that_of_all(void **state)
{
    (void)state;
    (void)proxy_ask(&proxy, "PUT", "/admin/log-level", NULL, "{\"level\":\"error\"}");
    assert_int_equal(proxy.reply.status, 200);
    wait_until(n_with_level("error") == LINES);
    stop();
}

/* --- limits */
static void a_limit_is_that_of_all(void **state)
{
    enum { SECONDS = 3, RATE = 100 };

    struct proxy *one = &proxy;
    unsigned passed[SECONDS + 1] = {0};
    unsigned n_asked = 0;
    unsigned all = 0;
    uint64_t began_ms;
    uint64_t gone_ms = 0;

    (void)state;
    do { /* the burst is used up */
        (void)proxy_ask(one, "GET", "/api/v1/sessions/current", KEY, NULL);
    } while (one->reply.status != 429);
    began_ms = clock_now_ms();
    while (gone_ms < UINT64_C(1000) * SECONDS) {
        (void)proxy_ask(one, "GET", "/api/v1/sessions/current", KEY, NULL);
        gone_ms = clock_now_ms() - began_ms;
        n_asked++;
        passed[gone_ms / 1000 > SECONDS ? SECONDS : gone_ms / 1000] += one->reply.status != 429;
    }
    for (size_t s = 0; s < SECONDS; s++) {
        print_message("second %zu: %u passed\n", s, passed[s]);
        all += passed[s];
    }
    assert_in_range(all, 1, SECONDS * (RATE + 5));
    if (n_asked >= 2U * RATE * SECONDS) { /* else this client may be what was slow */
        assert_in_range(all, SECONDS * (RATE - 5), SECONDS * (RATE + 5));
    }
    stop();
}

static int set_up_limited(void **state)
{
    (void)state;
    return start((const char *[]){"auth.mode=keys", "auth.keys=a-key-of-a-test-1",
                                  "limits.per_key=100", "limits.burst=100", NULL});
}

/* --- the start */
static void a_worker_that_cannot_start_is_said(void **state)
{
    static const char *const args[] = {
        "serve", "--sandbox",        "--listen", "127.0.0.1:0",
        "--set", "server.workers=2", "--set",    "audit.file=/proc/nothing/a",
        NULL};
    struct program program;

    (void)state;
    assert_int_equal(program_run(&program, args, NULL), 1);
    assert_true(program_wrote(&program, "/proc/nothing"));
    program_assert_clean(&program);
    program_done(&program);
}

static void two_services_at_one_address_are_refused(void **state)
{
    char address[64];
    struct program program;

    (void)state;
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", (int)proxy.program.port);
    assert_int_equal(program_run(&program,
                                 (const char *[]){"serve", "--sandbox", "--listen", address,
                                                  "--set", "server.workers=2", NULL},
                                 NULL),
                     1);
    assert_true(program_wrote(&program, "address already in use"));
    program_done(&program);
    stop();
}

/* --- other listeners */
static bool admin_says(uint16_t port, const char *target, const char *text)
{
    struct reply reply = {0};
    bool found;

    client_ask(port, "GET", target, NULL, STR_EMPTY, &reply);
    found = str_contains(reply_text(&reply), str_from(text));
    reply_done(&reply);
    return found;
}

static void the_admin_listener_tells_of_all(void **state)
{
    uint16_t port;

    (void)state;
    port = program_wait_port(&proxy.program, "admin on http://");
    for (int i = 0; i < LINES; i++) {
        (void)proxy_ask(&proxy, "GET", "/api/v1/commands/list", NULL, NULL);
    }
    wait_until(admin_says(port, "/metrics", "virtuoso_proxy_workers 3\n"));
    wait_until(admin_says(port, "/metrics", "code=\"2xx\"} 30\n")); /* counted behind the answer */
    assert_true(admin_says(port, "/health/stats", "\"requests\":{\"total\":30,"));
    stop();
}

static int set_up_admin(void **state)
{
    (void)state;
    return start((const char *[]){"admin.listen=127.0.0.1:0", NULL});
}

static void a_unix_socket_is_shared(void **state)
{
    char path[100];
    char listener[160];
    struct client client = {.fd = 0};
    struct reply reply = {0};

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/vp-workers-%d.sock", (int)getpid());
    (void)snprintf(listener, sizeof(listener), "admin.listen=unix:%s", path);
    (void)start((const char *[]){listener, NULL});
    for (int i = 0; i < LINES; i++) {
        client_open_unix(&client, path);
        assert_true(client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY));
        assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&client);
    }
    reply_done(&reply);
    stop();
    assert_int_equal(access(path, F_OK), -1); /* it is removed at the end */
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
        TEST(a_reload_reaches_all_of_them, set_up),
        TEST(the_level_of_the_log_is_that_of_all, set_up),
        TEST(a_limit_is_that_of_all, set_up_limited),
        cmocka_unit_test(a_worker_that_cannot_start_is_said),
        TEST(two_services_at_one_address_are_refused, set_up),
        TEST(the_admin_listener_tells_of_all, set_up_admin),
        cmocka_unit_test(a_unix_socket_is_shared),
    };

    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
