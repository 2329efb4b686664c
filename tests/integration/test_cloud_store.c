/* Two processes that share a bucket or a collection instead of a Redis: sessions, the order of their commands, runs, events and
 * webhooks, a process that is killed, a service that is away, and the store's subcommands. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "events/webhooks.h"
#include "harness/cloud_server.h"
#include "harness/collector.h"
#include "harness/replicas.h"
#include "harness/run_follower.h"
#include "harness/steps.h"
#include "harness/wait.h"
#include "store/keep.h"

enum {
    STEPS = 12,
    ASKERS = 20,
    RUN_STEPS = 20,
    PATIENCE_MS = 60000,
    BODY_MAX = 512,
    TEXT_MAX = 1 << 20
};

static const char *const urls[] = {
    "store.url=s3://qa-bucket/proxies",
    "store.url=gs://qa-bucket/proxies",
    "store.url=firestore://qa-project/(default)/proxies",
};

static struct cloud_server server;
static struct replicas replicas;
static const char *url;

static const struct json *ask(size_t i, const char *method, const char *target, const char *body)
{
    return replicas_ask(&replicas, i, method, target, NULL, body);
}

static int status(void)
{
    return replicas.reply.status;
}

static const char *new_session(size_t i)
{
    static int64_t checkpoint = 4000000;

    checkpoint++;
    return replicas_line(&replicas, "/api/v1/sessions/%s",
                         steps_session(&replicas.platform.arena, replicas.programs[i].port,
                                       replicas.platform.program.sandbox_port, checkpoint,
                                       ",\"name\":\"one\""));
}

/* A lease whose holder was killed passes on after six seconds, and a command needs two: longer than the harness waits. */
static const struct json *ask_patiently(size_t i, const char *target, const char *body)
{
    struct client client;

    client_open(&client, replicas.programs[i].port);
    client.timeout_ms = PATIENCE_MS;
    assert_true(client_send_request(&client, "POST", target, "Content-Type: application/json\r\n",
                                    str_from(body)));
    assert_int_equal(client_read(&client, false, &replicas.reply), CLIENT_OK);
    client_close(&client);
    return reply_json(&replicas.reply, &replicas.platform.arena);
}

/* The position that the step got; -1: it was not made. */
static int64_t step(size_t i, const char *session)
{
    struct str body =
        steps_body(&replicas.platform.arena, session + strlen("/api/v1/sessions/"), 0);

    return number_at(ask_patiently(i, "/api/v1/commands/execute", body.ptr), "/data/position");
}

static void start(void)
{
    static const char *const sets[] = {"upstream.retry_base_ms=1",
                                       "cache.shared=true",
                                       "cache.ttl_s=60",
                                       "store.timeout_ms=20000",
                                       "webhooks.allow_private=true",
                                       "webhooks.retry_ms=20",
                                       NULL};
    static const char *const platform[] = {"sandbox.latency=60ms", NULL};

    cloud_server_start(&server, NULL);
    replicas_start(&replicas,
                   &(struct replicas_options){.n = 2,
                                              .sets = sets,
                                              .platform_sets = platform,
                                              .store = url,
                                              .env = cloud_server_env(&server, "instance", "")});
}

static void stop(void)
{
    replicas_stop(&replicas);
    assert_int_equal(server.seen->n_refused, 0);
    cloud_server_done(&server);
}

static void each_sees_what_the_other_one_has_made(void **state)
{
    const char *session;
    const struct json *answer;

    (void)state;
    start();
    session = new_session(0);
    answer = ask(1, "GET", session, NULL);
    assert_int_equal(status(), 200);
    assert_true(str_is(json_str(json_get(answer, "name")), "one"));
    (void)ask(1, "PATCH", session, "{\"name\":\"two\"}");
    assert_int_equal(status(), 200);
    answer = ask(0, "GET", session, NULL);
    assert_true(str_is(json_str(json_get(answer, "name")), "two"));
    (void)ask(1, "DELETE", session, NULL);
    assert_int_equal(status(), 204);
    (void)ask(0, "GET", session, NULL);
    assert_int_equal(status(), 404);
    stop();
}

/* One after the other, on either; then one is killed while it has the lease. */
static void commands_of_a_session_are_in_order(void **state)
{
    const char *session;
    int64_t position = 0;

    (void)state;
    start();
    session = new_session(0);
    for (int n = 0; n < STEPS; n++) {
        int64_t at;

        wait_until((at = step((size_t)n / 3 % 2, session)) >=
                   0); /* a lease may be lost for a while */
        assert_int_equal(at, n);
    }
    replicas_kill(&replicas, (STEPS - 1) / 3 % 2);
    wait_until((position = step(1 - (STEPS - 1) / 3 % 2, session)) >= 0);
    assert_int_equal(position, STEPS);
    stop();
}

/* The reply of one is that of the other, and the second request is not sent. */
static void a_key_is_that_of_both(void **state)
{
    static const char body[] = "{\"command\":\"step-misc comment\",\"args\":[\"one\"],"
                               "\"checkpoint_id\":\"4999999\"}";
    static const char field[] = "Idempotency-Key: key-of-a-test\r\n";
    uint16_t port;

    (void)state;
    start();
    port = replicas.platform.program.sandbox_port;
    sandbox_seed_ids(port, "{\"checkpoints\":[4999999]}");
    sandbox_forget_requests(port);
    (void)replicas_ask(&replicas, 0, "POST", "/api/v1/commands/execute", field, body);
    assert_int_equal(status(), 200);
    wait_until(replicas_ask(&replicas, 1, "POST", "/api/v1/commands/execute", field, body) !=
                   NULL &&
               status() == 200);
    assert_true(str_is(reply_field(&replicas.reply, "Idempotency-Replayed"), "true"));
    assert_int_equal(sandbox_count(port, "POST", "/teststeps"), 1);
    stop();
}

/* One of them fetches for both. */
static void cold_reads_are_one_call(void **state)
{
    struct client askers[ASKERS];
    struct reply reply = {0};
    uint16_t port;

    (void)state;
    start();
    port = replicas.platform.program.sandbox_port;
    sandbox_forget_requests(port);
    for (size_t i = 0; i < ASKERS; i++) {
        client_open(&askers[i], replicas.programs[i % 2].port);
        askers[i].timeout_ms = PATIENCE_MS;
        assert_true(client_send_request(&askers[i], "GET", "/api/projects", NULL, STR_EMPTY));
    }
    for (size_t i = 0; i < ASKERS; i++) {
        assert_int_equal(client_read(&askers[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&askers[i]);
    }
    reply_done(&reply);
    assert_int_equal(sandbox_count(port, "GET", "/projects"), 1);
    stop();
}

static int64_t n_steps_made(size_t i, struct str id)
{
    int64_t n = 0;
    const struct json *run = ask(
        i, "GET",
        arena_printf(&replicas.platform.arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL);

    return json_to_i64(json_find(run, "/steps/done"), &n) ? n : 0;
}

static struct str file_of_run(void)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_text(&text, "name: Shared\nsteps:\n");
    for (int n = 0; n < RUN_STEPS; n++) {
        buf_printf(&text, "  - navigate: https://n%d.example/\n", n);
    }
    return arena_take(&replicas.platform.arena, &text);
}

static void begin_run(struct run_follower *watcher, const char *query)
{
    const struct json *answer;

    client_ask(replicas.programs[0].port, "POST",
               replicas_line(&replicas, "/api/v1/tests/run?async=true%s", query),
               "Content-Type: application/yaml\r\n", file_of_run(), &replicas.reply);
    assert_int_equal(status(), 202);
    answer = reply_json(&replicas.reply, &replicas.platform.arena);
    *watcher = (struct run_follower){
        .replicas = &replicas,
        .id = arena_str(&replicas.platform.arena, json_str(json_get(answer, "id"))),
    };
}

static bool is_adopted(void)
{
    return program_wrote(&replicas.programs[1], "run.adopted");
}

/* It takes half a minute. */
static void only_one_unless_long(void)
{
    if (url != urls[0] && getenv("VP_LONG") == NULL) {
        skip();
    }
}

/* Of each run one of these is carried out, and nobody is told: the answer is on its way when the process dies. A run that
 * looks for names holds up others, so that one comes last. */
static const char *const setups[] = {"POST /testsuites/*/checkpoints/attach", "POST /testcases",
                                     "POST /testsuites", "POST /goals"};

enum { SETUP_LAST = ARRAY_LEN(setups) - 1 };

static struct str begin_in_setup(size_t i)
{
    struct run_follower run;
    uint16_t port = replicas.platform.program.sandbox_port;

    sandbox_clear_faults(port);
    sandbox_hold(port, setups[i]);
    begin_run(&run, i == SETUP_LAST ? "&goal=Last" : "");
    wait_until(sandbox_faults_are_met(port));
    return run.id;
}

static void is_carried_on(struct str id, const char *setup, uint64_t from_ms)
{
    struct run_follower watcher = {.replicas = &replicas, .id = id, .replica = 1};

    while (!watcher.done) {
        run_follower_follow(&watcher, 1000);
        assert_true(client_waited_ms(from_ms) < (uint64_t)2 * PATIENCE_MS * client_slowness());
    }
    if (n_steps_made(1, id) != RUN_STEPS) {
        fail_msg("%s: %.*s", setup, STR_ARG(reply_text(&replicas.reply)));
    }
    run_follower_end(&watcher);
}

/* Its process is killed half way; the other one goes on, and whoever follows the run misses nothing. */
static void a_run_is_adopted(void **state)
{
    struct run_follower watcher = {.replicas = &replicas};
    struct str in_setup[ARRAY_LEN(setups)];
    uint64_t killed_ms;

    (void)state;
    only_one_unless_long();
    start();
    for (size_t i = 0; i < SETUP_LAST; i++) {
        in_setup[i] = begin_in_setup(i);
    }
    begin_run(&watcher, "");
    wait_until(n_steps_made(0, watcher.id) >= 2);
    run_follower_follow(&watcher, 50);
    in_setup[SETUP_LAST] = begin_in_setup(SETUP_LAST);
    replicas_kill(&replicas, 0);
    killed_ms = client_patience_ms();
    wait_until(is_adopted());
    print_message("adopted after %llu ms\n", (unsigned long long)client_waited_ms(killed_ms));
    while (!watcher.done) {
        run_follower_follow(&watcher, 1000);
        assert_true(client_waited_ms(killed_ms) < (uint64_t)PATIENCE_MS * client_slowness());
    }
    print_message("ended after %llu ms\n", (unsigned long long)client_waited_ms(killed_ms));
    assert_int_equal(n_steps_made(1, watcher.id), RUN_STEPS);
    run_follower_end(&watcher);
    for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
        is_carried_on(in_setup[i], setups[i], killed_ms);
    }
    stop();
}

/* --- events and webhooks */

static struct collector receiver;

static const char *make_hook(size_t i)
{
    const struct json *answer =
        ask(i, "POST", "/api/v1/webhooks",
            replicas_line(&replicas,
                          "{\"url\":\"http://127.0.0.1:%u/\",\"events\":[\"session.created\"]}",
                          receiver.port));

    assert_int_equal(status(), 201);
    return replicas_line(&replicas, "%.*s", STR_ARG(json_str(json_find(answer, "/webhook/id"))));
}

static size_t n_hooks(size_t i)
{
    return json_size(json_get(ask(i, "GET", "/api/v1/webhooks", NULL), "webhooks"));
}

/* The first `n` of that kind, as the process tells them. */
static struct str events(size_t i, size_t n)
{
    client_ask(replicas.programs[i].port, "GET",
               replicas_line(&replicas, "/api/v1/events?types=session.created&limit=%zu", n),
               "Last-Event-ID: 0000000000000000-1\r\n", STR_EMPTY, &replicas.reply);
    assert_int_equal(status(), 200);
    return arena_str(&replicas.platform.arena, reply_text(&replicas.reply));
}

static const char *session_id(const char *path)
{
    return path + strlen("/api/v1/sessions/");
}

/* One of them posts for both; when it is killed the other one does, and no event is lost. */
static void events_and_webhooks_are_those_of_both(void **state)
{
    const char *sessions[3];
    const char *hook;

    (void)state;
    start();
    collector_start(&receiver);
    hook = make_hook(0);
    assert_int_equal(n_hooks(1), 1);
    sessions[0] = new_session(0);
    sessions[1] = new_session(1);
    for (size_t i = 0; i < 2; i++) { /* each comes once at least */
        wait_until(strstr(receiver.seen->bodies, session_id(sessions[i])) != NULL);
    }
    assert_true(str_eq(events(0, 2), events(1, 2)));
    for (size_t i = 0; i < 2; i++) {
        assert_true(str_contains(reply_text(&replicas.reply), str_from(session_id(sessions[i]))));
    }
    if (url == urls[0]) { /* it takes a lease */
        replicas_kill(&replicas, 0);
        sessions[2] = new_session(1);
        wait_until(strstr(receiver.seen->bodies, session_id(sessions[2])) != NULL);
        assert_true(str_contains(events(1, 3), str_from(session_id(sessions[2]))));
    }
    (void)ask(1, "DELETE", replicas_line(&replicas, "/api/v1/webhooks/%s", hook), NULL);
    assert_int_equal(status(), 204);
    assert_int_equal(n_hooks(1), 0);
    stop();
    collector_done(&receiver);
}

static void away_is_503_and_comes_back(void **state)
{
    const char *session;

    (void)state;
    start();
    session = new_session(0);
    server.seen->is_away = true;
    (void)ask(1, "PATCH", session, "{\"name\":\"three\"}");
    assert_in_range(status(), 503, 504);
    assert_true(replicas_store_is_away(&replicas, 1));
    server.seen->is_away = false;
    wait_until(ask(1, "PATCH", session, "{\"name\":\"three\"}") != NULL && status() == 200);
    server.seen->slow_downs = 2; /* each is asked again */
    server.seen->lost = 1;
    (void)ask(1, "PATCH", session, "{\"name\":\"four\"}");
    assert_int_equal(status(), 200);
    stop();
}

/* Runs to the end; the output must say `words`. */
static void run(const char *const *args, int expected, const char *words)
{
    struct program program = {0};
    /* A service that a busy machine keeps waiting is not away. */
    const char *env[CLOUD_ENV_MAX + 3] = {"VIRTUOSO_API_TOKEN=a-token-of-a-test",
                                          expected == 0 ? "VIRTUOSO_PROXY_STORE_TIMEOUT_MS=10000"
                                                        : "VIRTUOSO_PROXY_STORE_TIMEOUT_MS=1000"};
    const char *const *more = cloud_server_env(&server, "keys", "");
    int got;

    for (size_t i = 0; more[i] != NULL; i++) {
        env[i + 2] = more[i];
    }
    got = program_run(&program, args, env);

    if (got != expected || !program_wrote(&program, words)) {
        struct buf text;

        buf_init(&text, TEXT_MAX);
        program_output(&program, &text);
        program_errors(&program, &text);
        fail_msg("exit %d: %.*s", got, STR_ARG(buf_view(&text)));
    }
    program_assert_clean(&program);
    program_done(&program);
}

static void run_store(const char *act, const char *file, int expected, const char *words)
{
    const char *const args[] = {"store", act, "--set", "auth.mode=none", "--set", url, file, NULL};

    run(args, expected, words);
}

/* Lines of an export with this webhook in them, and so many more like it. */
static void multiply(const char *file, const char *id, size_t n)
{
    struct buf text, out;
    struct str rest, line;
    struct error err = {0};
    FILE *stream;

    buf_init(&text, TEXT_MAX);
    buf_init(&out, TEXT_MAX);
    assert_int_equal(fd_read_file(file, &text, &err), ERR_OK);
    rest = buf_view(&text);
    while (str_next(&rest, '\n', &line)) {
        ptrdiff_t at = str_find(line, str_from(id));

        buf_printf(&out, "%.*s\n", STR_ARG(line));
        for (size_t i = 0; i < n && at >= 0 && str_contains(line, STR("webhooks")); i++) {
            buf_printf(&out, "%.*s%s%03zu%.*s\n", (int)at, line.ptr, "wh_of_a_test_", i,
                       STR_ARG(str_sub(line, (size_t)at + strlen(id), line.len)));
        }
    }
    stream = fopen(file, "we");
    assert_non_null(stream);
    assert_int_equal(fwrite(out.ptr, 1, out.len, stream), out.len);
    assert_int_equal(fclose(stream), 0);
    buf_done(&text);
    buf_done(&out);
}

static void multiply_in_store(const char *file, const char *id, size_t n)
{
    run_store("export", file, 0, "entries of streams written");
    multiply(file, id, n);
    run_store("import", file, 0, "brought back");
}

/* Processes that make them at the same time can make some more than a store may have, and a list has pages of a hundred: each of
 * them is known to each process, and is served; no further one is taken. */
static void more_webhooks_than_a_store_may_have_are_served(void **state)
{
    enum { MORE = WEBHOOKS_MAX + 10 };

    char file[BODY_MAX];

    (void)state;
    only_one_unless_long();
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/cloud-hooks-%d.jsonl", (int)getpid());
    (void)unlink(file);
    start();
    collector_start(&receiver);
    multiply_in_store(file, make_hook(0), MORE);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(n_hooks(i), MORE + 1);
        (void)ask(i, "POST", "/api/v1/webhooks",
                  "{\"url\":\"https://a.example/\",\"events\":[\"session.created\"]}");
        assert_int_equal(status(), 409);
    }
    (void)new_session(1);
    wait_until(receiver.seen->n_taken >= MORE + 1);
    (void)unlink(file);
    stop();
    collector_done(&receiver);
}

/* The address of a run that nobody has worked at yet. */
static const char *new_run(size_t i)
{
    const struct json *answer;
    struct buf file;

    buf_init(&file, 1 << 16);
    buf_text(&file, "{\"name\":\"Thrown about\",\"steps\":[");
    for (int n = 0; n < RUN_STEPS; n++) {
        buf_printf(&file, "%s{\"navigate\":\"https://n%d.example/\"}", n > 0 ? "," : "", n);
    }
    buf_text(&file, "]}");
    answer = ask(i, "POST", "/api/v1/tests/run?async=true", buf_cstr(&file));
    assert_int_equal(status(), 202);
    buf_done(&file);
    return replicas_line(&replicas, "/api/v1/tests/runs/%s",
                         arena_cstr(&replicas.platform.arena, json_str(json_get(answer, "id"))));
}

/* Cloud Run and Lambda take the processor away when a request is answered: the first process stands still from then on. The other
 * one has all that it needs, and waits for no lease to expire. When the first one goes on it knows what has happened meanwhile. */
static void nothing_is_left_to_do_after_an_answer(void **state)
{
    static const char *const sets[] = {"runs.driver=request", "store.timeout_ms=20000", NULL};
    const struct program *first = &replicas.programs[0];
    const char *session;
    const char *run;
    uint64_t began_ms;

    (void)state;
    cloud_server_start(&server, NULL);
    replicas_start(
        &replicas,
        &(struct replicas_options){
            .n = 2, .sets = sets, .store = url, .env = cloud_server_env(&server, "instance", "")});
    run = new_run(0);
    session = new_session(0);
    assert_int_equal(step(0, session), 0);
    assert_int_equal(kill(first->pid, SIGSTOP), 0);
    began_ms = client_patience_ms();
    assert_int_equal(step(1, session), 1);
    print_message("%s: the other one's step after %llu ms\n", url,
                  (unsigned long long)client_waited_ms(began_ms));
    assert_true(client_waited_ms(began_ms) < (uint64_t)KEEP_TTL_MS * client_slowness());
    wait_until(
        (ask(1, "POST", replicas_line(&replicas, "%s/continue", run), NULL), status() == 200));
    assert_int_equal(kill(first->pid, SIGCONT), 0);
    assert_true(str_is(json_str(json_get(ask(0, "GET", run, NULL), "status")), "created"));
    assert_int_equal(step(0, session), 2);
    stop();
}

static void the_subcommands_work(void **state)
{
    static const char other[] = "store.prefix=other:";
    char file[BODY_MAX];

    (void)state;
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/cloud-store-%d.jsonl", (int)getpid());
    (void)unlink(file);
    start();
    (void)new_session(0);
    (void)new_session(1);
    run((const char *const[]){"check", "--connect", "--set", "auth.mode=none", "--set", url, NULL},
        0, "answers, takes changes, and drops nothing; each process counts limits");
    run_store("stat", NULL, 0, "2 sessions");
    run_store("export", file, 0, "entries of streams written");
    /* Something may have come to its end meanwhile, and comes back. */
    run_store("import", file, 0, "were there and stayed as they were");
    run_store("stat", NULL, 0, "2 sessions");
    run((const char *const[]){"store", "import", "--set", "auth.mode=none", "--set", url, "--set",
                              other, file, NULL},
        0, "documents and entries brought back, 0 were there");
    run((const char *const[]){"store", "stat", "--set", "auth.mode=none", "--set", url, "--set",
                              other, NULL},
        0, "2 sessions");
    server.seen->is_away = true;
    run((const char *const[]){"check", "--connect", "--set", "auth.mode=none", "--set", url, NULL},
        1, "store: ");
    server.seen->is_away = false;
    (void)unlink(file);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sees_what_the_other_one_has_made),
        cmocka_unit_test(commands_of_a_session_are_in_order),
        cmocka_unit_test(a_key_is_that_of_both),
        cmocka_unit_test(cold_reads_are_one_call),
        cmocka_unit_test(a_run_is_adopted),
        cmocka_unit_test(events_and_webhooks_are_those_of_both),
        cmocka_unit_test(more_webhooks_than_a_store_may_have_are_served),
        cmocka_unit_test(away_is_503_and_comes_back),
        cmocka_unit_test(nothing_is_left_to_do_after_an_answer),
        cmocka_unit_test(the_subcommands_work),
    };
    int failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        url = urls[i];
        failed += cmocka_run_group_tests_name(url, tests, NULL, NULL);
    }
    return failed;
}
