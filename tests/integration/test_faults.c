/* A platform that misbehaves: each fault gives its status in time, nothing is made twice, and the
 * next request works. */
#include "harness/cmocka.h"
#include "harness/wait.h"

#include <string.h>

#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/runs.h"

struct fault {
    const char *what;
    const char *json;
    int64_t status;
    const char *code;
    int64_t steps; /* in the checkpoint afterwards; -1: either */
};

static const struct fault table[] = {
    {"reset before the request is acted on",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"close\":\"before\"}", 502, "outcome_unknown", 0},
    {"reset within the answer", "{\"match\":\"POST /teststeps\",\"times\":1,\"close\":\"mid\"}",
     200, NULL, 1},
    {"stalled past the deadline", "{\"match\":\"POST /teststeps\",\"times\":1,\"delay_ms\":4000}",
     0, NULL, -1},
    {"not JSON",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":200,\"body\":\"<html>hello</html>\",\"content_type\":\"text/html\"}",
     502, "upstream_unreadable", 0},
    {"no id",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":200,\"body\":\"{}\",\"content_type\":\"application/json\"}",
     502, "upstream_unreadable", 0},
    {"500", "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500}", 502, "upstream_error", 0},
    {"503", "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":503}", 502, "upstream_error", 0},
    {"502 of a gateway, and the step exists",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":502,\"act\":true}", 200, NULL, 1},
    {"500, and the step exists",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500,\"act\":true}", 200, NULL, 1},
    {"no id, and the step exists",
     "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":200,\"body\":\"{}\",\"content_type\":\"application/json\",\"act\":true}",
     200, NULL, 1},
    {"429", "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":429,\"retry_after\":7}", 429,
     "rate_limited", 0},
    {"401", "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":401}", 502, "upstream_auth", 0},
    {"409", "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":409}", 409, "upstream_refused",
     0},
};

static void check(const struct fault *fault)
{
    /* Only who stalls is late; a busy machine is not. */
    const char *const sets[] = {strstr(fault->json, "delay_ms") != NULL
                                    ? "upstream.timeout_ms=1500"
                                    : "upstream.timeout_ms=60000",
                                NULL};
    struct proxy proxy;
    const struct json *answer;
    uint64_t began;

    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port, fault->json);
    began = client_patience_ms();
    answer =
        proxy_command(&proxy, "step-interact click", "[\"x\"]",
                      fault->steps < 0 ? "\"position\":0" : NULL); /* nothing is counted first */
    assert_true(client_waited_ms(began) < (uint64_t)20000 * client_slowness());
    if (fault->status != 0 && proxy.reply.status != fault->status) {
        fail_msg("%s: status %d, wanted %d: %.*s", fault->what, proxy.reply.status,
                 (int)fault->status, STR_ARG(reply_text(&proxy.reply)));
    }
    if (fault->code != NULL && !str_is(json_str(json_get(answer, "code")), fault->code)) {
        fail_msg("%s: %.*s", fault->what, STR_ARG(reply_text(&proxy.reply)));
    }
    if (fault->steps >= 0) {
        assert_int_equal(json_size(proxy_steps(&proxy)), fault->steps);
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 1);
    wait_until((proxy_command(&proxy, "step-interact click", "[\"y\"]", NULL),
                proxy.reply.status == 200)); /* a busy machine may be late, too */
    proxy_stop(&proxy);
}

static void each_fault_of_the_platform_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        check(&table[i]);
    }
}

static void reads_are_tried_again(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /checkpoints\",\"times\":2,\"status\":503}");
    (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    static const char *const sets[] = {"upstream.max_reply_bytes=1KiB", NULL};
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, sets);
    for (int i = 0; i < 8; i++) {
        (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", "\"position\":0");
    }
    answer = proxy_command(&proxy, "step-interact click", "[\"x\"]",
                           NULL); /* reads the checkpoint first */
    assert_int_equal(proxy.reply.status, 502);
    assert_true(str_is(json_str(json_get(answer, "code")), "upstream_too_large"));
    proxy_stop(&proxy);
}

static void nobody_listening_is_told_at_once(void **state)
{
    struct proxy proxy;
    struct str set;
    struct program program;
    static const char *const token[] = {"VIRTUOSO_API_TOKEN=token-of-a-test", NULL};
    const char *args[] = {"serve",          "--listen", "127.0.0.1:0",       "--set", NULL, "--set",
                          "auth.mode=none", "--set",    "drain.notice_ms=0", NULL};

    (void)state;
    proxy = (struct proxy){0};
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    set = arena_printf(&proxy.arena, "upstream.base_url=http://127.0.0.1:%d/api", (int)port_free());
    args[4] = set.ptr;
    program_serve(&program, args, token);
    proxy.program = program;
    (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", "\"position\":0");
    assert_int_equal(proxy.reply.status, 502);
    assert_true(str_contains(reply_text(&proxy.reply), STR("upstream_unreachable")));
    (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

/* --- around the steps of a run: what is attached and what is executed */

#define ATTACH "POST /testsuites/*/checkpoints/attach"
#define START  "POST /goals/*/snapshots/*/execute"

enum told { IS_FOUND, IS_FAILED, IS_UNKNOWN };

/* The answer of one call is lost: it is told as what it is, and never sent a second time. */
static void lose(struct proxy *proxy, const char *match, const char *how, enum told told)
{
    static const char *const codes[] = {"", "upstream_error", "outcome_unknown"};
    bool starts = strcmp(match, START) == 0;
    const struct json *run;
    size_t n;

    sandbox_forget_requests(proxy->program.sandbox_port);
    sandbox_fault(proxy->program.sandbox_port,
                  arena_printf(&proxy->arena, "{\"match\":\"%s\",\"times\":1,%s}", match, how).ptr);
    run = runs_start(proxy, "execute=true&retries=1", "name: Lost\nsteps: [{click: FAIL}]\n");
    n = sandbox_count(proxy->program.sandbox_port, "POST", starts ? "/goals/" : "/testsuites/");
    if (!str_is(runs_text(run, "/error/code"), codes[told]) &&
        !(told == IS_FOUND && number_at(run, "/executions/0/attempts") == 2)) {
        fail_msg("%s %s: %d %.*s", match, how, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    assert_int_equal(n, starts && told == IS_FOUND ? 2 : 1); /* a red one is started again */
    assert_int_equal(
        sandbox_count(proxy->program.sandbox_port, "GET", starts ? "/projects/" : "/testsuites/"),
        1);
    sandbox_clear_faults(proxy->program.sandbox_port);
}

static void what_is_lost_around_the_steps_is_looked_for(void **state)
{
    static const char *const fast[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=20",
                                       "runs.poll_ms=10", NULL};

    static const struct {
        const char *how;
        enum told told;
    } rows[] = {{"\"close\":\"after\"", IS_FOUND},
                {"\"close\":\"mid\"", IS_FOUND},
                {"\"status\":502,\"act\":true", IS_FOUND},
                {"\"status\":500,\"act\":true", IS_FOUND},
                {"\"status\":500", IS_FAILED},
                {"\"status\":502", IS_UNKNOWN},
                {"\"close\":\"before\"", IS_UNKNOWN}};

    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, fast);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lose(&proxy, ATTACH, rows[i].how, rows[i].told);
        lose(&proxy, START, rows[i].how, rows[i].told);
    }
    proxy_stop(&proxy);
}

/* The goal is older than the run, or what is there cannot be told. */
static void an_execution_that_may_be_anothers_is_not_taken(void **state)
{
    static const char text[] = "name: Buy\ngoal: Shop\nsteps: [{click: A}]\n";
    static const char lost[] = "{\"match\":\"" START "\",\"times\":1,\"close\":\"after\"}";
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port, lost);
    sandbox_fault(
        proxy.program.sandbox_port,
        "{\"match\":\"GET /projects/*/jobs\",\"times\":1,\"status\":200,\"body\":\"{}\"}");
    run = runs_start(&proxy, "execute=true&wait=false", text);
    assert_true(str_is(runs_text(run, "/error/code"), "outcome_unknown"));
    assert_true(str_contains(runs_text(run, "/error/detail"), STR("could not be read")));
    sandbox_clear_faults(proxy.program.sandbox_port);
    sandbox_fault(proxy.program.sandbox_port, lost);
    run = runs_start(&proxy, "execute=true&wait=false", text);
    assert_true(str_is(runs_text(run, "/error/code"), "outcome_unknown"));
    assert_true(str_contains(runs_text(run, "/error/detail"), STR("may be older")));
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lost_around_the_steps_is_looked_for),
        cmocka_unit_test(an_execution_that_may_be_anothers_is_not_taken),
        cmocka_unit_test(each_fault_of_the_platform_has_its_answer),
        cmocka_unit_test(reads_are_tried_again),
        cmocka_unit_test(an_answer_that_is_too_large_is_refused),
        cmocka_unit_test(nobody_listening_is_told_at_once),
    };

    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
