/* virtuoso-proxy load: what it measures, what it says, and how it ends. */
#include <signal.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/run_cli.h"
#include "harness/scripted.h"

enum { WAIT_MS = 30000 };

static struct program sandbox;

static uint16_t start_sandbox(const char *latency, const char *fault)
{
    const char *const arguments[] = {
        "sandbox", "--listen", "127.0.0.1:0", "--latency",         latency, "--fault", fault,
        "--seed",  "1",        "--set",       "drain.notice_ms=0", NULL};

    program_start(&sandbox, arguments, NULL);
    return program_wait_port(&sandbox, "sandbox on http://");
}

static void stop_sandbox(void)
{
    program_stop(&sandbox);
    program_done(&sandbox);
}

static const char *url(struct run_cli *f, uint16_t port, const char *path)
{
    return arena_printf(&f->arena, "http://127.0.0.1:%d%s", (int)port, path).ptr;
}

/* `rest` stands behind "load"; the exit code. */
static int run_load(struct run_cli *f, const char *const *rest)
{
    /* An answer counts from when its request is due: a loaded machine is late. */
    const char *arguments[RUN_CLI_ARGS_MAX] = {"load", "-t", "120s"};

    for (size_t i = 0; rest[i] != NULL; i++) {
        arguments[i + 3] = rest[i];
    }
    return run_cli_command(f, NULL, arguments);
}

#define LOAD(f, ...) run_load((f), (const char *const[]){__VA_ARGS__, NULL})

static const struct json *report(struct run_cli *f)
{
    struct json *json = NULL;
    struct error err = {0};
    struct str line;
    struct str rest;

    (void)str_cut(buf_view(&f->out), '\n', &line, &rest);
    if (json_parse(&f->arena, line, NULL, &json, &err) != ERR_OK) {
        fail_msg("%s: %.*s", err.text, STR_ARG(buf_view(&f->out)));
    }
    return json;
}

static double number(const struct json *json, const char *pointer)
{
    return json_double(json_find(json, pointer));
}

static void a_stall_shows_in_each_request_that_it_delayed(void **state)
{
    struct run_cli *f = *state;
    uint16_t port = start_sandbox("50ms", "GET /none:503");
    const struct json *json;

    /* One connection serves one request in 50 ms, or in 49, as clocks of milliseconds count; 100 a
     * second are asked for. The last of 20 is due after 190 ms and cannot be answered before the 20th
     * turn is over. */
    assert_int_equal(LOAD(f, "-r", "100", "-n", "20", "-c", "1", "-o", "json", "-H",
                          "Authorization: Bearer t", url(f, port, "/api/user")),
                     0);
    json = report(f);
    assert_true(number(json, "/answered") == 20 && number(json, "/statuses/200") == 20);
    assert_true(number(json, "/latency_ms/min") >= 49);
    assert_true(number(json, "/latency_ms/max") >= 20 * 49 - 190);
    assert_true(number(json, "/latency_ms/p50") >= 10 * 49 - 90);
    stop_sandbox();
}

static void limits_make_the_exit_code(void **state)
{
    struct run_cli *f = *state;
    uint16_t port = start_sandbox("20ms", "GET /user:503@50%");
    const char *target = url(f, port, "/api/user");
    static const char token[] = "Authorization: Bearer t";

    assert_int_equal(LOAD(f, "-r", "500", "-n", "40", "-H", token, target), 0);
    run_cli_assert_says(f, "answered  40 of 40");
    run_cli_assert_says(f, "  503: ");
    run_cli_assert_says(f, "p99.9");
    run_cli_assert_says(f, " ms |");
    assert_int_equal(LOAD(f, "-r", "500", "-n", "40", "-H", token, "--max-p99", "15ms", target), 1);
    run_cli_assert_says(f, "above --max-p99 15ms");
    assert_int_equal(LOAD(f, "-r", "500", "-n", "40", "-H", token, "--max-errors", "1%", target),
                     1);
    run_cli_assert_says(f, "of 40 failed, more than --max-errors");
    assert_int_equal(LOAD(f, "-r", "500", "-n", "40", "-H", token, "--max-errors", "40",
                          "--max-p99", "600s", target),
                     0);
    stop_sandbox();
}

static void each_request_ends_once(void **state)
{
    struct run_cli *f = *state;
    uint16_t port = start_sandbox("0ms", "GET /user:close-before@50%");
    const struct json *json;

    assert_int_equal(LOAD(f, "-r", "1000", "-n", "200", "-c", "4", "-o", "json", "-H",
                          "Authorization: Bearer t", url(f, port, "/api/user")),
                     0);
    json = report(f);
    assert_true(number(json, "/failures/closed") > 0 && number(json, "/answered") > 0);
    assert_true(number(json, "/failures/closed") + number(json, "/answered") == 200);
    assert_int_equal(sandbox_count(port, "GET", "/user"), 200);
    stop_sandbox();
    port = start_sandbox("600s", "GET /none:503");
    assert_int_equal(LOAD(f, "-r", "1000", "-n", "10", "-c", "2", "-t", "100ms", "-o", "json", "-H",
                          "Authorization: Bearer t", url(f, port, "/api/user")),
                     1);
    run_cli_assert_says(f, "no request was answered");
    json = report(f);
    assert_true(number(json, "/failures/timed_out") + number(json, "/failures/not_sent") == 10);
    stop_sandbox();
}

static void bodies_and_ids_arrive(void **state)
{
    struct run_cli *f = *state;
    struct proxy proxy;
    const struct json *requests;
    const char *target;

    proxy_start(&proxy, NULL);
    target = url(f, proxy.program.sandbox_port, "/api/projects/{id}?x={id}");
    assert_int_equal(LOAD(f, "-r", "500", "-n", "5", "--ids", "9-11", "-m", "PUT", "-b",
                          "{\"n\":{id}}", "-H", "Authorization: Bearer t", target),
                     0);
    requests = sandbox_requests(proxy.program.sandbox_port, &f->arena);
    assert_true(json_size(requests) >= 5);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "PUT", "/projects/9"), 2);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "PUT", "/projects/10"), 2);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "PUT", "/projects/11"), 1);
    for (size_t i = 0; i < json_size(requests); i++) {
        const struct json *request = json_at(requests, i);
        struct str path = json_str(json_get(request, "path"));
        int64_t id;

        if (str_starts(path, STR("/projects/")) &&
            str_is(json_str(json_get(request, "method")), "PUT")) {
            assert_true(json_to_i64(json_find(request, "/body/n"), &id));
            assert_true(str_ends(path, arena_int(&f->arena, id)));
            assert_true(str_ends(json_str(json_get(request, "query")), arena_int(&f->arena, id)));
        }
    }
    proxy_stop(&proxy);
}

static void answers_that_end_with_the_connection_are_whole(void **state)
{
    static const struct scripted_answer rows[] = {
        {.method = "GET", .status = 200, .body = "hello", .type = "text/plain"}};
    struct run_cli *f = *state;
    struct scripted server;
    const struct json *json;

    scripted_start(&server, rows, ARRAY_LEN(rows));
    assert_int_equal(
        LOAD(f, "-r", "200", "-n", "10", "-c", "1", "-o", "json", url(f, server.port, "/")), 0);
    json = report(f);
    assert_true(number(json, "/answered") == 10 && number(json, "/failed") == 0);
    scripted_done(&server);
}

static void a_key_is_shown_and_told_of_where_others_could_read_it(void **state)
{
    static const char *const key[] = {"VIRTUOSO_PROXY_API_KEY=tenant-of-the-key", NULL};
    struct run_cli *f = *state;
    uint16_t port = start_sandbox("0ms", "GET /none:503");
    const char *target = url(f, port, "/api/user");
    const char *const arguments[][6] = {{"load", "-n", "1", target, NULL},
                                        {"load", "-n", "1", "--yes-i-may", target, NULL}};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run_cli_command(f, key, arguments[i]), 0);
        run_cli_assert_says(f, "  200: 1");
        assert_int_equal(run_cli_says(f, "the API key goes over http:// in clear text"), i == 1);
        assert_false(run_cli_says(f, "tenant-of-the-key"));
    }
    stop_sandbox();
}

static void who_stops_it_gets_what_was_measured(void **state)
{
    struct run_cli *f = *state;
    uint16_t port = start_sandbox("0ms", "GET /none:503");
    const char *const arguments[] = {"load", "-r",   "100", "-c",   "1",
                                     "-d",   "600s", "-o",  "json", url(f, port, "/elsewhere"),
                                     NULL};

    program_start(&f->program, arguments, NULL);
    sandbox_wait_count(port, "GET", "/elsewhere", 5); /* so four were answered */
    program_signal(&f->program, SIGINT);
    assert_int_equal(run_cli_end(f), 0);
    run_cli_assert_says(f, "\"stopped\":true");
    assert_true(number(report(f), "/answered") >= 4);
    stop_sandbox();
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *words[6];
        const char *says;
    } rows[] = {
        {{"127.0.0.1:1/"}, "cannot connect to 127.0.0.1:1: Connection refused"},
        {{"192.0.2.1/"}, "192.0.2.1:80 is not this machine"},
        {{NULL}, "give one URL"},
        {{"a/", "b/"}, "give one URL"},
        {{"-r", "0", "a/"}, "--rate must be a whole number from 1 to 1000000, not \"0\""},
        {{"-d", "soon", "a/"}, "--duration must be a time up to a day"},
        {{"--ids", "5-4", "a/"}, "--ids must be two numbers, as 1-5000, not \"5-4\""},
        {{"--max-errors", "x", "a/"}, "--max-errors must be a number of requests or a share"},
        {{"-b", "x", "--body-file", "y", "a/"}, "give --body or --body-file, not both"},
        {{"--body-file", "/nowhere", "a/"}, "cannot read the body from /nowhere"},
        {{"-o", "yaml", "a/"}, "--output must be human or json, not \"yaml\""},
        {{"-d", "1s", "--warm-up", "1s", "127.0.0.1:1/"}, "must be longer than the warm-up"},
    };
    struct run_cli *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(run_load(f, rows[i].words), 1);
        run_cli_assert_says(f, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stall_shows_in_each_request_that_it_delayed,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(limits_make_the_exit_code, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(each_request_ends_once, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(bodies_and_ids_arrive, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(answers_that_end_with_the_connection_are_whole,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_key_is_shown_and_told_of_where_others_could_read_it,
                                        run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(who_stops_it_gets_what_was_measured, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, run_cli_setup,
                                        run_cli_teardown),
    };

    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
