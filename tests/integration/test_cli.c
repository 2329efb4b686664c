/* The program from the shell: exit codes, help, the configuration's errors and secrets, the demo,
 * and what operators see (log, metrics, trace). */
#include <stdio.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

static int run(struct program *program, const char *a, const char *b, const char *c,
               const char *const *env)
{
    const char *args[] = {a, b, c, NULL};

    return program_run(program, args, env);
}

static void exit_codes_and_help(void **state)
{
    static const char *const commands[] = {"serve", "sandbox", "check", "demo", "version", "run"};
    struct program program;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        assert_int_equal(run(&program, commands[i], "--help", NULL, NULL), 0);
        assert_true(program_wrote(&program, "usage: virtuoso-proxy"));
        program_done(&program);
        assert_int_equal(run(&program, commands[i], "--nonsense", NULL, NULL), 1);
        program_done(&program);
    }
    assert_int_equal(run(&program, "version", NULL, NULL, NULL), 0);
    program_done(&program);
    assert_int_equal(run(&program, "srve", NULL, NULL, NULL), 1);
    assert_true(program_wrote(&program, "did you mean \"serve\""));
    program_done(&program);
    assert_int_equal(run(&program, NULL, NULL, NULL, NULL), 1);
    program_done(&program);
}

static void habits_of_other_programs_work(void **state)
{
    static const struct {
        const char *a, *b, *c;
        int code;
        const char *says;
    } rows[] = {
        {"help", NULL, NULL, 0, "usage: virtuoso-proxy COMMAND"},
        {"help", "run", NULL, 0, "usage: virtuoso-proxy run [options]"},
        {"help", "command", "step-interact", 0, "commands of step-interact:"},
        {"help", "help", NULL, 0, "usage: virtuoso-proxy COMMAND"},
        {"schema", "x", NULL, 1, "unexpected \"x\"; it takes options only"},
        {"validate", "/", NULL, 1, "give its files, such as tests/*.yaml"},
        {"help", "rn", NULL, 1, "did you mean \"run\"?\n"},
        {"-v", NULL, NULL, 0, "virtuoso-proxy 0."},
        {"-V", NULL, NULL, 0, "virtuoso-proxy 0."},
        {"--version", NULL, NULL, 0, "virtuoso-proxy 0."},
        {"run", "--output", "jsn", 1,
         "must be human, json or yaml, not \"jsn\"; did you mean \"json\"?"},
        {"convert", "--to", "sentence", 1, "did you mean \"sentences\"?"},
        {"run", "--rerun-faild", NULL, 1,
         "unknown option --rerun-faild; did you mean --rerun-failed?"},
        {"run", "--qwertyuiop", NULL, 1,
         "unknown option --qwertyuiop; see virtuoso-proxy run --help"},
        {"hlep", NULL, NULL, 1, "did you mean \"help\"?\n"},
        {"nonsense", NULL, NULL, 1, "virtuoso-proxy --help lists all commands\n"},
    };
    struct program program;
    struct buf out;

    (void)state;
    buf_init(&out, 1U << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int code = run(&program, rows[i].a, rows[i].b, rows[i].c, NULL);

        if (code != rows[i].code || !program_wrote(&program, rows[i].says)) {
            fail_msg("row %zu: %d, and no \"%s\"", i, code, rows[i].says);
        }
        buf_clear(&out);
        program_errors(&program, &out);
        if (code != 0) { /* one line, not a page of usage */
            assert_int_equal(str_find_char(buf_view(&out), '\n'), (ptrdiff_t)out.len - 1);
        }
        program_done(&program);
    }
    buf_done(&out);
}

/* A name of its own: two copies of the test may run at once. */
static void scratch_file(char *out, size_t size, const char *name)
{
    (void)snprintf(out, size, VP_SCRATCH_DIR "/%d-%s", (int)getpid(), name);
}

/* The same broken file, the same exit code, whoever looks at it. */
static void a_broken_file_has_one_exit_code(void **state)
{
    static const char *const commands[][2] = {
        {"validate", NULL}, {"convert", "--to=commands"}, {"run", "--sandbox"}};
    char file[1024];
    FILE *to;
    struct program program;

    (void)state;
    scratch_file(file, sizeof(file), "broken_file.yaml");
    to = fopen(file, "wb");
    assert_non_null(to);
    assert_true(fputs("name: x\nsteps:\n- clik: a\n", to) >= 0);
    assert_int_equal(fclose(to), 0);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        assert_int_equal(run(&program, commands[i][0], file, commands[i][1], NULL), 1);
        assert_true(program_wrote(&program, "unknown verb \"clik\""));
        program_done(&program);
    }
    assert_int_equal(run(&program, "validate", file, NULL, NULL), 1);
    assert_true(program_wrote(&program, "broken_file.yaml: not ok: ") &&
                program_wrote(&program, " 0 steps, 1 error\n"));
    program_done(&program);
    (void)remove(file);
}

static void what_cannot_be_written_at_the_end_stops_the_start(void **state)
{
    static const char *const env[] = {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=/no/such/folder/s",
                                      NULL};
    struct program program;

    (void)state;
    assert_int_equal(run(&program, "serve", "--sandbox", "--listen=127.0.0.1:0", env), 1);
    assert_true(program_wrote(&program, "sessions.snapshot_file: cannot write"));
    program_done(&program);
}

/* The address is nobody's here, so it cannot be opened; but the server, which is not opened, is not in its way. */
static void the_sandbox_alone_may_have_the_address_of_the_server(void **state)
{
    static const char *const env[] = {"VIRTUOSO_PROXY_SERVER_LISTEN=192.0.2.1:9",
                                      "VIRTUOSO_PROXY_ADMIN_LISTEN=192.0.2.1:9", NULL};
    struct program program;

    (void)state;
    assert_int_equal(run(&program, "sandbox", "--listen=192.0.2.1:9", NULL, env), 1);
    assert_true(program_wrote(&program, "sandbox: cannot listen on 192.0.2.1:9: "));
    program_done(&program);
}

static void a_file_that_is_no_audit_is_refused_by_the_name_of_its_option(void **state)
{
    char variable[1100];
    const char *const env[] = {variable, NULL};
    char file[1024];
    FILE *to;
    struct program program;

    (void)state;
    scratch_file(file, sizeof(file), "no_audit.jsonl");
    to = fopen(file, "wb");
    assert_non_null(to);
    assert_true(fputs("hello\n", to) >= 0);
    assert_int_equal(fclose(to), 0);
    (void)snprintf(variable, sizeof(variable), "VIRTUOSO_PROXY_AUDIT_FILE=%s", file);
    assert_int_equal(run(&program, "serve", "--sandbox", "--listen=127.0.0.1:0", env), 1);
    assert_true(program_wrote(&program, "serve: audit.file: cannot use "));
    program_done(&program);
    (void)remove(file);
}

static void the_configuration_tells_all_its_errors_and_no_secret(void **state)
{
    static const char *const env[] = {"API_KEYS=very-secret-key",
                                      "VIRTUOSO_API_TOKEN=very-secret-token",
                                      "PORT=8123",
                                      "HOST=127.0.0.1",
                                      "VIRTUOSO_BASE_URL=https://platform.example/api",
                                      "VIRTUOSO_ORG_ID=42",
                                      "LOG_LEVEL=WARNING",
                                      "CORS_ORIGINS=https://a.example,https://b.example",
                                      NULL};
    static const char *const bad[] = {"VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS=soon",
                                      "VIRTUOSO_PROXY_HTTP_MAX_BODY=1", "API_KEYS=short", NULL};
    static const char *const none[] = {"VIRTUOSO_PROXY_AUTH_MODE=none", "HOST=0.0.0.0", NULL};
    struct program program;
    struct buf out;

    (void)state;
    assert_int_equal(run(&program, "check", "--print", NULL, env), 0);
    buf_init(&out, 1U << 20);
    program_output(&program, &out);
    assert_false(str_contains(buf_view(&out), STR("very-secret")));
    assert_true(str_contains(buf_view(&out), STR("127.0.0.1:8123")));
    assert_true(str_contains(buf_view(&out), STR("platform.example")));
    assert_true(str_contains(buf_view(&out), STR("'***'")));
    assert_true(str_contains(buf_view(&out), STR("https://b.example")));
    buf_done(&out);
    program_done(&program);
    assert_int_equal(run(&program, "check", NULL, NULL, bad), 1);
    assert_true(program_wrote(&program, "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS"));
    assert_true(program_wrote(&program, "VIRTUOSO_PROXY_HTTP_MAX_BODY"));
    assert_true(program_wrote(&program, "at least 8 characters"));
    program_done(&program);
    assert_int_equal(run(&program, "check", NULL, NULL, none), 1);
    assert_true(program_wrote(&program, "loopback"));
    program_done(&program);
}

static void assert_wrote(const struct program *program, const char *text)
{
    if (!program_wrote(program, text)) {
        fail_msg("the program does not say: %s", text);
    }
}

/* What check says, serve says too: word for word, before it listens. */
static void check_and_serve_agree(void **state)
{
    static const char *const env[] = {"API_KEYS=${API_KEY}", "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT=5",
                                      "VIRTUOSO_BASE_URL=https://me:pa55word@platform.example",
                                      NULL};
    static const char *const commands[] = {"check", "serve"};
    static const char *const lines[] = {
        "API_KEYS: auth.keys: a key cannot be used: it is an example",
        "did you mean VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS?",
        "VIRTUOSO_BASE_URL: upstream.base_url: the URL must not hold a user name or password",
        "upstream.token: no token for the platform is set. Set VIRTUOSO_API_TOKEN",
        "--listen: server.listen: \"8000\" is not ADDRESS:PORT",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct program program;

        assert_int_equal(run(&program, commands[i], "--listen", "8000", env), 1);
        for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
            assert_wrote(&program, lines[k]);
        }
        assert_false(program_wrote(&program, "pa55word"));
        program_done(&program);
    }
}

/* The content of the audit file, too: not only whether it can be written. */
static void check_refuses_an_audit_file_that_serve_refuses(void **state)
{
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=token-of-a-test", NULL};
    static const char *const commands[] = {"check", "serve"};
    char file[1024];
    char set[1100];
    FILE *audit;

    (void)state;
    scratch_file(file, sizeof(file), "audit.jsonl");
    (void)snprintf(set, sizeof(set), "audit.file=%s", file);
    audit = fopen(file, "we");
    assert_non_null(audit);
    assert_true(fputs("garbage\n", audit) >= 0);
    assert_int_equal(fclose(audit), 0);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct program program;
        const char *const args[] = {
            commands[i], "--set", "auth.mode=none", "--set", "server.listen=127.0.0.1:0", "--set",
            set,         NULL};

        assert_int_equal(program_run(&program, args, env), 1);
        assert_wrote(&program, "its last line is no line of an audit file, or was changed");
        program_done(&program);
    }
    assert_int_equal(unlink(file), 0);
}

static void keys_that_expire_are_told_by_check_and_in_the_log(void **state)
{
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=token-of-a-test", NULL};
    char file[1024];
    FILE *config;
    struct program program;

    (void)state;
    scratch_file(file, sizeof(file), "expired.yaml");
    config = fopen(file, "we");
    assert_non_null(config);
    assert_true(fputs("auth:\n  keys: [{name: old, key: key-of-a-test, expires: 2020-02-29}]\n",
                      config) >= 0);
    assert_int_equal(fclose(config), 0);
    assert_int_equal(run(&program, "check", "-c", file, env), 0);
    assert_true(program_wrote(&program, "warning: auth.keys: the key \"old\" has expired: it is "
                                        "refused since 2020-03-01T00:00:00.000Z"));
    program_done(&program);
    program_start(&program,
                  (const char *const[]){"serve", "-c", file, "--listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", NULL},
                  env);
    program_wait_wrote(&program, "\"event\":\"config.warning\"", 10000);
    assert_true(program_wrote(&program, "\"auth\":\"keys\""));
    program_stop(&program);
    program_done(&program);
    assert_int_equal(remove(file), 0);
}

static void the_demo_makes_and_runs_a_test(void **state)
{
    static const char *const args[] = {"demo", "--listen=127.0.0.1:0", NULL};
    static const char *const next[] = {"Address", "/docs\n", "curl -s http://127.0.0.1:"};
    struct program program;

    (void)state;
    assert_int_equal(run(&program, "demo", "--once", "--listen=127.0.0.1:0", NULL), 0);
    assert_true(program_wrote(&program, "The platform now holds:"));
    assert_true(program_wrote(&program, "PASS NAVIGATE       https://shop.example/login"));
    assert_true(program_wrote(&program, "PASS WRITE          ada@example.com into \"E-mail\""));
    assert_true(program_wrote(&program, "PASS CLICK          \"Sign in\""));
    assert_true(program_wrote(&program, "The test was created and executed: passed."));
    assert_true(program_wrote(&program, "Stopping (--once)"));
    assert_false(program_wrote(&program, "Serving until"));
    assert_false(program_wrote(&program, "curl"));
    assert_false(program_wrote(&program, "\033")); /* not a terminal */
    program_assert_clean(&program);
    program_done(&program);

    program_start(&program, args, NULL);
    program_wait_wrote(&program, "Serving until Ctrl-C.", 20000);
    for (size_t i = 0; i < ARRAY_LEN(next); i++) {
        assert_true(program_wrote(&program, next[i]));
    }
    program_stop(&program);
    program_done(&program);
}

/* What a load balancer of AWS or of Google says of its trace goes on in the calls to the platform. */
static void traces_of_load_balancers_go_on(void **state)
{
    static const char *const fields[] = {
        "X-Amzn-Trace-Id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;"
        "Sampled=1\r\nCache-Control: no-cache\r\n",
        "X-Cloud-Trace-Context: 0af7651916cd43dd8448eb211c80319c/255;o=1\r\n"
        "Cache-Control: no-cache\r\n",
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct json *requests;

        sandbox_forget_requests(proxy.program.sandbox_port);
        client_ask(proxy.program.port, "GET", "/api/projects", fields[i], STR_EMPTY, &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
        assert_true(
            str_is(reply_field(&proxy.reply, "X-Request-Id"), "0af7651916cd43dd8448eb211c80319c"));
        requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
        assert_true(str_starts(json_str(json_find(requests, "/0/headers/traceparent")),
                               STR("00-0af7651916cd43dd8448eb211c80319c-")));
    }
    proxy_stop(&proxy);
}

static void operators_see_everything_and_no_secret(void **state)
{
    static const char parent[] =
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
        "Authorization: Bearer caller-secret\r\nX-Request-Id: my-id.7\r\n";
    struct proxy proxy;
    const struct json *requests;
    struct str sent;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_ask(&proxy, "GET", "/api/user", parent, "");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(reply_field(&proxy.reply, "X-Request-Id"), "my-id.7"));
    assert_true(str_contains(reply_field(&proxy.reply, "Server-Timing"), STR("upstream;dur=")));
    requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    sent = json_str(json_find(requests, "/0/headers/traceparent"));
    assert_true(str_starts(sent, STR("00-0af7651916cd43dd8448eb211c80319c-")));
    assert_false(str_contains(sent, STR("b7ad6b7169203331")));
    assert_true(str_is(json_str(json_find(requests, "/0/headers/x-request-id")), "my-id.7"));
    client_ask(proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &proxy.reply);
    assert_true(str_contains(
        reply_text(&proxy.reply),
        STR("virtuoso_proxy_http_requests_total{http_route=\"/api/user\",http_request_method=\"GET\",code=\"2xx\"} 1")));
    assert_true(str_contains(reply_text(&proxy.reply),
                             STR("virtuoso_proxy_upstream_calls_total{call=\"user\"")));
    for (int i = 0; i < 50; i++) { /* paths that do not exist add one series, not fifty */
        client_ask(proxy.program.port, "GET", arena_printf(&proxy.arena, "/nope/%d", i).ptr, NULL,
                   STR_EMPTY, &proxy.reply);
    }
    client_ask(proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &proxy.reply);
    assert_false(str_contains(reply_text(&proxy.reply), STR("nope")));
    program_wait_wrote(&proxy.program, "\"route\":\"/api/user\"", WAIT_MS);
    assert_true(program_wrote(&proxy.program, "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\""));
    assert_false(program_wrote(&proxy.program, "caller-secret"));
    assert_false(program_wrote(&proxy.program, SANDBOX_TOKEN));
    proxy_stop(&proxy);
}

static void slow_readers_are_bounded(void **state)
{
    static const char *const sets[] = {"http.write_timeout_ms=400", "http.gzip=false", NULL};
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, sets);
    client_open_small(&client, proxy.program.port, 4096);
    for (int i = 0; i < 400; i++) { /* many large answers, none of them read */
        if (!client_send(&client, STR("GET /api/v1/commands HTTP/1.1\r\nHost: x\r\n\r\n"))) {
            break;
        }
    }
    proxy_wait_open(&proxy, 0); /* it was closed */
    program_wait_wrote(&proxy.program, "/health/stats", WAIT_MS);
    client_close(&client);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_and_help),
        cmocka_unit_test(habits_of_other_programs_work),
        cmocka_unit_test(a_broken_file_has_one_exit_code),
        cmocka_unit_test(what_cannot_be_written_at_the_end_stops_the_start),
        cmocka_unit_test(the_sandbox_alone_may_have_the_address_of_the_server),
        cmocka_unit_test(a_file_that_is_no_audit_is_refused_by_the_name_of_its_option),
        cmocka_unit_test(the_configuration_tells_all_its_errors_and_no_secret),
        cmocka_unit_test(check_and_serve_agree),
        cmocka_unit_test(check_refuses_an_audit_file_that_serve_refuses),
        cmocka_unit_test(keys_that_expire_are_told_by_check_and_in_the_log),
        cmocka_unit_test(the_demo_makes_and_runs_a_test),
        cmocka_unit_test(traces_of_load_balancers_go_on),
        cmocka_unit_test(operators_see_everything_and_no_secret),
        cmocka_unit_test(slow_readers_are_bounded),
    };

    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
