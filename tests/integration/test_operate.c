/* What operators do and see: signals, the first and the last lines of the log, health. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

enum { OUTPUT_MAX = 1 << 20 };

/* ---- a sandbox that is slow and fails ---- */

/* Status of GET /api/user, and how long it took at least: 1 ms is what two readings of a clock of
 * milliseconds can be off. */
static int ask_user(uint16_t port, uint64_t *out_ms)
{
    struct reply reply = {0};
    uint64_t began = client_now_ms();
    int status;

    client_ask(port, "GET", "/api/user", "Authorization: Bearer t\r\n", STR_EMPTY, &reply);
    *out_ms = client_now_ms() - began + 1;
    status = reply.status;
    reply_done(&reply);
    return status;
}

static void a_sandbox_is_slow_and_fails_as_it_is_told(void **state)
{
    static const char *const arguments[] = {
        "sandbox",           "--listen", "127.0.0.1:0",      "--latency", "30ms+-10ms", "--fault",
        "GET /user:503@50%", "--fault",  "GET /user : 60ms", "--seed",    "7",          "--set",
        "drain.notice_ms=0", NULL};
    char seen[2][21] = {{0}};

    (void)state;
    for (size_t round = 0; round < 2; round++) {
        struct program program;
        uint16_t port;

        program_start(&program, arguments, NULL);
        port = program_wait_port(&program, "sandbox on http://");
        for (size_t i = 0; i < sizeof(seen[0]) - 1; i++) {
            uint64_t took_ms;
            int status = ask_user(port, &took_ms);

            assert_true(status == 503 || status == 200);
            assert_true(took_ms >= (status == 503 ? 20 : 80));
            seen[round][i] = status == 503 ? 'f' : '.';
        }
        program_stop(&program);
        program_done(&program);
    }
    assert_string_equal(seen[0], seen[1]);
    assert_true(strchr(seen[0], 'f') != NULL && strchr(seen[0], '.') != NULL);
}

/* Faults are for requests of others: what the sandbox itself makes at its start is whole. */
static void faults_spare_the_examples(void **state)
{
    static const char *const arguments[] = {
        "serve", "--sandbox",         "--listen", "127.0.0.1:0", "--fault", "POST /teststeps:503",
        "--set", "drain.notice_ms=0", NULL};
    struct program program;

    (void)state;
    program_serve(&program, arguments, NULL);
    program_stop(&program);
    program_done(&program);
}

/* ---- signals and the log ---- */

static void signals_that_mean_nothing_here_are_logged_and_ignored(void **state)
{
    static const char *const commands[][7] = {
        {"serve", "--sandbox", "--listen", "127.0.0.1:0", "--set", "drain.notice_ms=0"},
        {"sandbox", "--listen", "127.0.0.1:0", "--set", "drain.notice_ms=0"},
        {"demo", "--listen", "127.0.0.1:0"},
    };
    static const char *const ready[] = {"listening on", "sandbox on", "Serving until"};

    const struct {
        int number;
        const char *name;
    } signals[] = {{SIGHUP, "SIGHUP"},
                   {SIGUSR1, "SIGUSR1"},
                   {SIGUSR2, "SIGUSR2"},
                   {SIGALRM, "SIGALRM"},
                   {SIGIO, "SIGIO"},
                   {SIGPWR, "SIGPWR"},
                   {SIGPROF, "SIGPROF"},
                   {SIGSTKFLT, "SIGSTKFLT"},
                   {SIGRTMIN, "SIGRTMIN+0"},
                   {SIGRTMIN + 7, "SIGRTMIN+7"},
                   {SIGRTMIN + 29, "SIGRTMIN+29"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct program program;

        program_start(&program, commands[i], NULL);
        program_wait_wrote(&program, ready[i], WAIT_MS);
        for (size_t k = 0; k < ARRAY_LEN(signals); k++) {
            program_signal(&program, signals[k].number);
            program_wait_wrote(&program, signals[k].name, WAIT_MS);
        }
        assert_true(program_wrote(&program, "signal.ignored"));
        assert_true(program_is_running(&program));
        program_stop(&program);
        program_done(&program);
    }
}

/* As nginx understands it; a file that may not grow ends nobody, nor does what only other programs know. */
static void sigquit_drains_and_a_file_limit_ends_nobody(void **state)
{
    static const char *const with_workers[] = {"server.workers=2", NULL};
    static const char *const *const sets[] = {NULL, with_workers};
    static const int nothing[] = {SIGPROF, SIGVTALRM, SIGSTKFLT, SIGWINCH, SIGURG};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        struct proxy proxy;

        proxy_start(&proxy, sets[i]);
        program_signal(&proxy.program, SIGXFSZ);
        for (size_t k = 0; k < ARRAY_LEN(nothing); k++) {
            program_signal(&proxy.program, nothing[k]);
        }
        program_signal(&proxy.program, SIGRTMIN);
        program_signal(&proxy.program, SIGRTMAX - 1); /* the last one is valgrind's */
        program_wait_wrote(&proxy.program, "\"SIGRTMIN+0\"", WAIT_MS);
        (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
        assert_int_equal(proxy.reply.status, 200);
        program_signal(&proxy.program, i == 0 ? SIGQUIT : SIGXCPU);
        assert_int_equal(program_wait_end(&proxy.program, WAIT_MS), 0);
        assert_true(program_wrote(&proxy.program, "draining"));
        program_assert_clean(&proxy.program);
        program_done(&proxy.program);
        reply_done(&proxy.reply);
        arena_done(&proxy.arena);
    }
}

static void the_log_begins_and_ends_with_what_was_done(void **state)
{
    static const char *const sets[] = {"auth.mode=keys", "auth.keys=key-of-a-test", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    program_wait_wrote(&proxy.program, "\"event\":\"server.started\"", WAIT_MS);
    assert_true(program_wrote(&proxy.program,
                              "\"version\":\"" VP_VERSION "\",\"config\":\"none\","
                              "\"place\":\"none\",\"platform\":\"sandbox\",\"auth\":\"keys\","
                              "\"store\":\"memory:\",\"listen\":\"http://127.0.0.1:"));
    program_signal(&proxy.program, SIGTERM);
    assert_int_equal(program_wait_end(&proxy.program, WAIT_MS), 0);
    assert_true(program_wrote(&proxy.program, "\"event\":\"server.draining\""));
    assert_true(program_wrote(&proxy.program, "\"event\":\"server.drained\""));
    assert_true(program_wrote(&proxy.program, "\"event\":\"server.stopped\""));
    program_assert_clean(&proxy.program);
    program_done(&proxy.program);
    reply_done(&proxy.reply);
    arena_done(&proxy.arena);
}

static void probes_are_logged_for_debugging_only(void **state)
{
    static const char *const sets[] = {"log.level=debug", NULL};

    (void)state;
    for (int debug = 0; debug < 2; debug++) {
        struct proxy proxy;

        proxy_start(&proxy, debug ? sets : NULL);
        (void)proxy_ask(&proxy, "GET", "/readyz", NULL, "");
        (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
        (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
        (void)proxy_ask(&proxy, "GET", "/api/user", NULL, "");
        program_wait_wrote(&proxy.program, "\"path\":\"/api/user\"", WAIT_MS);
        assert_int_equal(program_wrote(&proxy.program, "\"path\":\"/readyz\""), debug);
        assert_int_equal(program_wrote(&proxy.program, "\"path\":\"/livez\""), debug);
        assert_int_equal(program_wrote(&proxy.program, "\"path\":\"/health\""), debug);
        /* the request's id is that of its trace: said once */
        assert_true(program_wrote(&proxy.program, "\"request_id\":\""));
        assert_false(program_wrote(&proxy.program, "\"trace_id\":\""));
        proxy_stop(&proxy);
    }
}

static void text_is_written_where_it_is_asked_for(void **state)
{
    static const char *const sets[] = {"log.format=text", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "GET", "/api/user", NULL, "");
    program_wait_wrote(&proxy.program, " info  GET /api/user 200 ", WAIT_MS);
    assert_true(program_wrote(&proxy.program, " info  server.started version=" VP_VERSION));
    assert_false(program_wrote(&proxy.program, "{\"time\""));
    proxy_stop(&proxy);
}

/* Each line is an object, and CloudWatch finds what the line of a request says that it has. */
static void cloudwatch_makes_metrics_of_requests(void **state)
{
    static const char *const sets[] = {"log.format=aws", NULL};
    struct proxy proxy;
    struct buf all;
    struct str rest;
    struct str line;
    size_t n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "GET", "/api/user", NULL, "");
    program_wait_wrote(&proxy.program, "\"_aws\":", WAIT_MS);
    buf_init(&all, OUTPUT_MAX);
    program_errors(&proxy.program, &all);
    rest = buf_view(&all);
    while (str_next(&rest, '\n', &line)) {
        const struct json *metrics;
        const struct json *metric;
        struct json *one = NULL;
        struct error err = {0};

        if (line.len == 0) {
            continue;
        }
        assert_int_equal(json_parse(&proxy.arena, line, &json_of_ours, &one, &err), ERR_OK);
        metrics = json_find(one, "/_aws/CloudWatchMetrics/0");
        JSON_FOREACH (metric, json_get(metrics, "Metrics")) {
            assert_non_null(json_get_str(one, json_str(json_get(metric, "Name"))));
            n++;
        }
        JSON_FOREACH (metric, json_find(metrics, "/Dimensions/1")) {
            assert_true(json_str(json_get_str(one, json_str(metric))).len > 0);
            n++;
        }
    }
    assert_int_equal(n, 4); /* one request: two metrics, by two dimensions */
    buf_done(&all);
    proxy_stop(&proxy);
}

/* ---- at a terminal ---- */

/* Reads what the terminal shows until `what` comes; false: the program ended or time is up. */
static bool see(int terminal, struct buf *seen, const char *what)
{
    char *room = buf_reserve(seen, 4096);
    ssize_t n;

    assert_non_null(room);
    n = read(terminal, room, 4096);
    buf_grew(seen, n > 0 ? (size_t)n : 0);
    return str_contains(buf_view(seen), str_from(what));
}

/* The notice would take a minute: who presses Ctrl-C does not wait for it. */
static void ctrl_c_at_a_terminal_waits_for_nothing(void **state)
{
    struct buf seen;
    int terminal;
    int status = -1;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setenv("NO_COLOR", "1", 1);
        (void)execl(VP_BINARY, VP_BINARY, "serve", "--sandbox", "--listen", "127.0.0.1:0", "--set",
                    "drain.notice_ms=60000", "--set", "drain.limit_ms=61000", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);
    buf_init(&seen, OUTPUT_MAX);
    wait_until(see(terminal, &seen, "server.started version="));
    assert_int_equal(write(terminal, "\x03", 1), 1);
    wait_until(see(terminal, &seen, "server.stopped"));
    assert_true(str_contains(buf_view(&seen), STR("server.draining notice_ms=0")));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    buf_done(&seen);
    assert_int_equal(close(terminal), 0);
}

/* ---- health ---- */

static void assert_health(struct proxy *proxy, const char *pointer, const char *wanted)
{
    const struct json *health = proxy_ask(proxy, "GET", "/health", NULL, "");
    struct str status = json_str(json_find(health, pointer));

    if (!str_is(status, wanted)) {
        fail_msg("%s is %.*s: %.*s", pointer, STR_ARG(status), STR_ARG(reply_text(&proxy->reply)));
    }
    assert_true(str_is(json_str(json_get(health, "status")), wanted));
}

static bool check_is(struct proxy *proxy, const char *check, const char *status)
{
    char place[64];

    (void)snprintf(place, sizeof(place), "/checks/%s/status", check);
    return str_is(json_str(json_find(proxy_ask(proxy, "GET", "/health", NULL, ""), place)), status);
}

static void fail_calls(struct proxy *proxy, int n)
{
    for (int i = 0; i < n; i++) {
        (void)proxy_command(proxy, "step-interact click", "[\"x\"]", "\"position\":0");
        assert_int_equal(proxy->reply.status, 502);
    }
}

static void health_tells_how_the_platform_does(void **state)
{
    struct proxy proxy;
    const struct json *health;

    (void)state;
    proxy_start(&proxy, NULL);
    assert_health(&proxy, "/checks/upstream/status", "pass");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":10,\"status\":503}");
    fail_calls(&proxy, 2);
    assert_health(&proxy, "/checks/upstream/status", "pass");
    fail_calls(&proxy, 1);
    assert_health(&proxy, "/checks/upstream/status", "warn");
    sandbox_fault(proxy.program.sandbox_port, /* a probe must not find that it is back */
                  "{\"match\":\"GET /user\",\"times\":-1,\"status\":503}");
    fail_calls(&proxy, 7);
    assert_health(&proxy, "/checks/upstream/status", "fail");
    health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_contains(json_str(json_find(health, "/checks/upstream/output")),
                             STR("the platform is away, commands are answered with 503")));
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/last_error")),
                       "the platform answered 503"));
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/breaker")), "open"));
    assert_true(str_ends(json_str(json_find(health, "/checks/upstream/since")), STR("Z")));
    (void)proxy_ask(&proxy, "GET", "/readyz", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    /* A probe finds it again. */
    sandbox_clear_faults(proxy.program.sandbox_port);
    program_wait_wrote(&proxy.program, "\"event\":\"upstream.breaker\",\"state\":\"closed\"",
                       WAIT_MS);
    assert_health(&proxy, "/checks/upstream/status", "pass");
    (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", "\"position\":0");
    assert_int_equal(proxy.reply.status, 200);
    program_wait_wrote(&proxy.program, "\"event\":\"upstream.health\",\"state\":\"pass\"", WAIT_MS);
    proxy_stop(&proxy);
}

/* A login page, a base URL that leads elsewhere, an account without rights: somebody answers, and each call fails. */
static void who_answers_for_the_platform_in_vain_is_told(void **state)
{
    static const struct {
        const char *fault;
        const char *says;
    } rows[] = {
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":302,\"body\":\"\"}",
         "a page for people answered (302): is upstream.base_url right?"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":200,\"content_type\":"
         "\"text/html; charset=utf-8\",\"body\":\"<html>Sign in</html>\"}",
         "a page for people answered (200): is upstream.base_url right?"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":200,\"body\":\"{}\"}",
         "the answer (200) does not hold what was asked for: is upstream.base_url right?"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":200,\"body\":\"\"}",
         "the answer (200) does not hold what was asked for: is upstream.base_url right?"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":200,\"content_type\":\"text/plain\","
         "\"body\":\"ok\"}",
         "the answer (200) does not hold what was asked for: is upstream.base_url right?"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":403,\"body\":\"{}\"}",
         "the platform refuses what is asked for with the stored token (403)"},
        {"{\"match\":\"GET /user\",\"times\":3,\"status\":402,\"body\":\"{}\"}",
         "the platform answered 402"},
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *health;

        sandbox_fault(proxy.program.sandbox_port, rows[i].fault);
        for (int n = 0; n < 3; n++) {
            (void)proxy_ask(&proxy, "GET", "/api/user", "Cache-Control: no-cache\r\n", "");
            assert_true(proxy.reply.status == 502 || proxy.reply.status == 402);
        }
        health = proxy_ask(&proxy, "GET", "/health", NULL, "");
        if (!str_is(json_str(json_find(health, "/checks/upstream/status")), "warn") ||
            !str_is(json_str(json_find(health, "/checks/upstream/last_error")), rows[i].says)) {
            fail_msg("%s: %.*s", rows[i].fault, STR_ARG(reply_text(&proxy.reply)));
        }
        (void)proxy_ask(&proxy, "GET", "/api/user", "Cache-Control: no-cache\r\n", "");
        assert_int_equal(proxy.reply.status, 200);
        assert_health(&proxy, "/checks/upstream/status", "pass");
    }
    proxy_stop(&proxy);
}

/* Steps are read before one is added, and there are several routes to ask for them: a command that tries them all in vain is
 * one failure. */
static void a_platform_that_says_nothing_about_steps_is_told(void **state)
{
    static const char *const answers[] = {
        "\"body\":\"{}\"", "\"content_type\":\"text/plain\",\"body\":\"Not the API\""};
    struct proxy proxy;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        char fault[256];

        proxy_start(&proxy, NULL); /* which does not know yet where the checkpoint ends */
        (void)snprintf(fault, sizeof(fault), "{\"match\":\"GET /\",\"times\":-1,\"status\":200,%s}",
                       answers[i]);
        sandbox_fault(proxy.program.sandbox_port, fault);
        for (int n = 0; n < 10; n++) {
            (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
            assert_int_equal(proxy.reply.status, 502);
        }
        assert_health(&proxy, "/checks/upstream/status", "fail");
        sandbox_clear_faults(proxy.program.sandbox_port);
        (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
        assert_int_equal(proxy.reply.status, 200);
        assert_health(&proxy, "/checks/upstream/status", "pass");
        proxy_stop(&proxy);
    }
}

/* The platform does what it was asked for; only this proxy cannot look for secrets in a part. */
static void a_part_that_cannot_be_read_is_no_failure_of_the_platform(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /teststeps\",\"times\":-1,\"status\":206,\"body\":\"{}\"}");
    for (int n = 0; n < 10; n++) {
        (void)proxy_ask(&proxy, "GET", "/virtuoso/teststeps/5", "Range: bytes=0-1\r\n", "");
        assert_int_equal(proxy.reply.status, 502);
    }
    assert_health(&proxy, "/checks/upstream/status", "pass");
    proxy_stop(&proxy);
}

static void a_token_that_the_platform_refuses_fails_at_once(void **state)
{
    static const char *const sets[] = {"upstream.token=token-that-is-wrong", NULL};
    struct proxy proxy;
    const struct json *health;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":1,\"status\":401}");
    (void)proxy_ask(&proxy, "GET", "/api/user", NULL, "");
    assert_int_equal(proxy.reply.status, 502);
    assert_health(&proxy, "/checks/upstream/status", "fail");
    health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_contains(json_str(json_find(health, "/checks/upstream/output")),
                             STR("the platform refused the stored token (401)")));
    assert_false(str_contains(reply_text(&proxy.reply), STR("token-that-is-wrong")));
    (void)proxy_ask(&proxy, "GET", "/readyz", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    (void)proxy_ask(&proxy, "GET", "/api/user", NULL, ""); /* it is taken again */
    assert_int_equal(proxy.reply.status, 200);
    assert_health(&proxy, "/checks/upstream/status", "pass");
    proxy_stop(&proxy);
}

static void health_tells_that_sessions_cannot_be_saved(void **state)
{
    char folder[1024];
    char file[1100];
    char set[1200];
    const char *const sets[] = {set, "sessions.snapshot_interval_s=1", "admin.listen=127.0.0.1:0",
                                NULL};
    struct proxy proxy;

    (void)state;
    (void)snprintf(folder, sizeof(folder), VP_SCRATCH_DIR "/operate-%d", (int)getpid());
    (void)snprintf(file, sizeof(file), "%s/sessions", folder);
    (void)snprintf(set, sizeof(set), "sessions.snapshot_file=%s", file);
    (void)mkdir(folder, 0700);
    proxy_start(&proxy, sets);
    assert_health(&proxy, "/checks/sessions/status", "pass");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL, "{\"name\":\"x\"}");
    wait_until(check_is(&proxy, "sessions", "warn"));
    assert_false(str_contains(reply_text(&proxy.reply), STR("No such file or directory")));
    client_ask(program_wait_port(&proxy.program, "admin on http://"), "GET", "/health", NULL,
               STR_EMPTY, &proxy.reply);
    assert_true(str_contains(reply_text(&proxy.reply), STR("No such file or directory")));
    assert_int_equal(mkdir(folder, 0700), 0);
    wait_until(check_is(&proxy, "sessions", "pass"));
    proxy_stop(&proxy);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void health_tells_what_fails_behind_the_requests(void **state)
{
    static const char *const sets[] = {"auth.mode=keys,jwt",
                                       "auth.jwt.issuer=https://idp.example",
                                       "auth.jwt.audience=qa",
                                       "auth.jwt.jwks=http://127.0.0.1:1/keys",
                                       "analytics.url=http://127.0.0.1:1/events",
                                       NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL, "{\"name\":\"x\"}");
    wait_until(check_is(&proxy, "auth.jwt", "warn"));
    wait_until(check_is(&proxy, "analytics.url", "warn"));
    assert_health(&proxy, "/status", "warn");
    (void)proxy_ask(&proxy, "GET", "/readyz", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sandbox_is_slow_and_fails_as_it_is_told),
        cmocka_unit_test(faults_spare_the_examples),
        cmocka_unit_test(signals_that_mean_nothing_here_are_logged_and_ignored),
        cmocka_unit_test(sigquit_drains_and_a_file_limit_ends_nobody),
        cmocka_unit_test(the_log_begins_and_ends_with_what_was_done),
        cmocka_unit_test(probes_are_logged_for_debugging_only),
        cmocka_unit_test(text_is_written_where_it_is_asked_for),
        cmocka_unit_test(cloudwatch_makes_metrics_of_requests),
        cmocka_unit_test(ctrl_c_at_a_terminal_waits_for_nothing),
        cmocka_unit_test(health_tells_how_the_platform_does),
        cmocka_unit_test(who_answers_for_the_platform_in_vain_is_told),
        cmocka_unit_test(a_platform_that_says_nothing_about_steps_is_told),
        cmocka_unit_test(a_part_that_cannot_be_read_is_no_failure_of_the_platform),
        cmocka_unit_test(a_token_that_the_platform_refuses_fails_at_once),
        cmocka_unit_test(health_tells_that_sessions_cannot_be_saved),
        cmocka_unit_test(health_tells_what_fails_behind_the_requests),
    };

    return cmocka_run_group_tests_name("operating", tests, NULL, NULL);
}
