/* The platform echoes secrets in the data of executions (PLATFORM.md, "Secrets"). The sandbox
 * plants a word of its own in every such field; whatever way one asks, it must come out nowhere: no
 * answer (fresh, from the cache, raw, direct, of a run, live), no log, no metric, no span, no event (live, posted to a webhook, handed to a
 * sink), no line of the audit, no dashboard. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "harness/collector.h"
#include "harness/proxy.h"
#include "harness/wait.h"

static const char *const sets[] = {"log.level=debug", "sandbox.execution_ms=100", "runs.poll_ms=20",
                                   "upstream.retry_base_ms=1", NULL};

struct looked_at {
    struct proxy proxy;
    struct str canary;
    struct str execution;
    size_t n;
};

static void look_with(struct looked_at *here, const char *method, struct str target,
                      const char *fields, const char *body)
{
    struct proxy *proxy = &here->proxy;

    client_ask(proxy->program.port, method, target.ptr, fields, str_from(body), &proxy->reply);
    if (str_contains(reply_text(&proxy->reply), here->canary) ||
        str_contains(buf_view(&proxy->reply.head), here->canary)) {
        fail_msg("%s %.*s tells the secret", method, STR_ARG(target));
    }
    here->n += proxy->reply.status == 200 ? 1 : 0;
}

static void look(struct looked_at *here, const char *method, struct str target, const char *body)
{
    look_with(here, method, target, body[0] != '\0' ? "Content-Type: application/json\r\n" : NULL,
              body);
}

/* `{}` in the pattern is the execution. */
static struct str with_id(struct looked_at *here, const char *pattern)
{
    struct str before;
    struct str after;
    ptrdiff_t at = str_find(str_from(pattern), STR("{}"));

    if (at < 0) {
        return arena_str(&here->proxy.arena, str_from(pattern));
    }
    before = str_sub(str_from(pattern), 0, (size_t)at);
    after = str_sub(str_from(pattern), (size_t)at + 2, str_from(pattern).len);
    return arena_printf(&here->proxy.arena, "%.*s%.*s%.*s", STR_ARG(before),
                        STR_ARG(here->execution), STR_ARG(after));
}

/* As the platform tells it, whose ids and executions are those of the proxy. */
static bool is_finished(struct looked_at *here)
{
    const struct json *execution =
        sandbox_call(here->proxy.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     with_id(here, "/executions/{}").ptr, NULL, &here->proxy.arena);

    return str_is(json_str(json_get(execution, "status")), "FINISHED");
}

/* All that leaves the process beside answers goes there, and to a file. */
static struct collector told;
static const char audit_set[] = "audit.file=" VP_SCRATCH_DIR "/canary-audit.jsonl";

static void start_telling(struct proxy *proxy)
{
    static const char all_events[] =
        "\"command.executed\",\"run.started\",\"run.step\",\"run.finished\","
        "\"execution.finished\",\"execution.failed\"";
    char otel[64];
    char sink[64];
    char hook[256];

    collector_start(&told);
    (void)snprintf(otel, sizeof(otel), "otel.endpoint=http://127.0.0.1:%u", told.port);
    (void)snprintf(sink, sizeof(sink), "analytics.url=http://127.0.0.1:%u/rows", told.port);
    (void)snprintf(hook, sizeof(hook), "{\"url\":\"http://127.0.0.1:%u/hook\",\"events\":[%s]}",
                   told.port, all_events);
    proxy_start(proxy,
                (const char *const[]){"log.level=debug", "sandbox.execution_ms=100",
                                      "runs.poll_ms=20", "upstream.retry_base_ms=1",
                                      "webhooks.allow_private=true", "otel.interval_ms=1000",
                                      "analytics.interval_ms=20", otel, sink, audit_set, NULL});
    (void)proxy_ask(proxy, "POST", "/api/v1/webhooks", NULL, hook);
    assert_int_equal(proxy->reply.status, 201);
}

static struct str what_was_told(void)
{
    assert_false(told.seen->is_full);
    return (struct str){told.seen->bodies, told.seen->n_bytes};
}

static void nobody_was_told(struct looked_at *here)
{
    static const char *const kinds[] = {"/v1/traces", "/v1/metrics",      "/hook",
                                        "/rows",      "execution.failed", "run.finished"};
    const char *audit_file = strchr(audit_set, '=') + 1;
    char canary[64];
    struct error err = {0};
    struct buf text;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        wait_until(str_contains(what_was_told(), str_from(kinds[i])));
    }
    str_copy(canary, sizeof(canary), here->canary);
    proxy_stop(&here->proxy); /* the last things are told then; answers are gone */
    assert_false(str_contains(what_was_told(), str_from(canary)));
    buf_init(&text, 64U << 20);
    assert_int_equal(fd_read_file(audit_file, &text, &err), ERR_OK);
    assert_true(text.len > 1000 && !str_contains(buf_view(&text), str_from(canary)));
    buf_done(&text);
    (void)remove(audit_file);
    collector_done(&told);
}

static void open_here(struct looked_at *here)
{
    struct proxy *proxy = &here->proxy;
    struct str body;
    int64_t id = 0;

    *here = (struct looked_at){0};
    start_telling(proxy);
    here->canary =
        json_str(json_get(sandbox_state(proxy->program.sandbox_port, &proxy->arena), "canary"));
    assert_true(here->canary.len > 4);
    (void)proxy_command(proxy, "step-interact click", "[\"A\"]", NULL);
    body = arena_printf(&proxy->arena, "{\"goalId\":%lld}", (long long)proxy->seed.goal);
    here->execution =
        json_str(json_get(proxy_ask_str(proxy, "POST", "/api/executions", NULL, body), "id"));
    here->execution = arena_str(&proxy->arena, here->execution);
    assert_true(str_to_i64(here->execution, 1, INT64_MAX, &id));
    wait_until(is_finished(here));
}

/* The platform does tell it: else this test would prove nothing. */
static void assert_the_platform_leaks(struct looked_at *here)
{
    const struct json *tree =
        sandbox_call(here->proxy.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     with_id(here, "/executions/{}").ptr, NULL, &here->proxy.arena);

    assert_true(str_contains(json_text(&here->proxy.arena, tree), here->canary));
}

static void look_everywhere(struct looked_at *here)
{
    static const char *const reads[] = {
        "/api/executions/{}",
        "/api/executions/{}?raw=true",
        "/api/executions/{}/analysis",
        "/api/executions/{}/analysis?raw=true&ai=true",
        "/virtuoso/executions/{}",
        "/virtuoso/executions/{}/status",
        "/virtuoso/jobs/{}/status",
        "/virtuoso/executions/analysis/{}",
        "/virtuoso/organizations/1/jobs/usage",
        "/virtuoso/testsuites/latest_status?jobId={}",
        "/virtuoso/user",
        "/api/user?raw=true",
        "/api/projects?raw=true",
        "/metrics",
        "/health/stats",
        "/openapi.json",
        "/api/v1/analytics/dashboard?time_range=1h",
        "/api/v1/analytics/commands",
        "/api/v1/analytics/tests",
        "/api/v1/audit",
        "/api/v1/webhooks",
        "/ui",
        "/ui/runs",
        "/admin/config",
        "/admin/runs",
    };
    static const char *const commands[] = {
        "{\"command\":\"monitor-execution\",\"args\":[\"%\"]}",
        "{\"command\":\"monitor-execution\",\"args\":[\"%\"],\"options\":{\"follow\":true}}",
        "{\"command\":\"get-execution-analysis\",\"args\":[\"%\"]}",
    };

    for (int again = 0; again < 2; again++) { /* the second time from the cache */
        for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
            look(here, "GET", with_id(here, reads[i]), "");
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct str before;
        struct str after;

        (void)str_cut(str_from(commands[i]), '%', &before, &after);
        look(here, "POST", STR("/api/v1/commands/execute"),
             arena_printf(&here->proxy.arena, "%.*s%.*s%.*s", STR_ARG(before),
                          STR_ARG(here->execution), STR_ARG(after))
                 .ptr);
    }
}

static void look_at_runs(struct looked_at *here)
{
    struct proxy *proxy = &here->proxy;
    struct str id;

    look(here, "POST", STR("/api/v1/tests/run?execute=true"),
         "{\"name\":\"x\",\"steps\":[{\"click\":\"A\"},{\"click\":\"FAIL\"}]}");
    assert_int_equal(proxy->reply.status, 207);
    id = json_str(json_get(reply_json(&proxy->reply, &proxy->arena), "id"));
    look(here, "GET", arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)), "");
    look(here, "GET", arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id)),
         "");
    look(here, "GET", STR("/api/v1/tests/runs"), "");
}

static void a_planted_secret_comes_out_nowhere(void **state)
{
    struct looked_at here;
    struct buf log;

    (void)state;
    open_here(&here);
    assert_the_platform_leaks(&here);
    look_everywhere(&here);
    look_at_runs(&here);
    assert_true(here.n >= 30); /* most of it was answered, not refused */
    buf_init(&log, 64U << 20);
    program_errors(&here.proxy.program, &log);
    program_output(&here.proxy.program, &log);
    assert_true(log.len > 1000 && !str_contains(buf_view(&log), here.canary));
    buf_done(&log);
    nobody_was_told(&here);
}

/* Every place that the platform is known to put a secret in (src/api/gate/redact.c), at once in each
 * answer; those of one kind of path only there. */
#define EVERYWHERE                                                                                 \
    "\"id\":1,\"name\":\"n\",\"status\":\"FINISHED\",\"steps\":[],\"meta\":{"                      \
    "\"initialDataPerJourneySequence\":{\"1\":\"" PLANTED "\"}},\"testSuites\":{\"1\":{"           \
    "\"testCases\":{\"1\":{\"testSteps\":{\"1\":{\"testDataValue\":\"" PLANTED "\","               \
    "\"sideEffects\":{\"usedData\":{\"p\":\"" PLANTED "\"}}}}}}}},\"launchedByUser\":{\"email\":"  \
    "\"" PLANTED "\"},\"dataAttributeValues\":{\"password\":\"" PLANTED                            \
    "\"},\"newTestDataValues\":"                                                                   \
    "{\"1\":{\"1\":\"" PLANTED                                                                     \
    "\"}},\"environments\":[{\"variables\":{\"a\":{\"value\":\"" PLANTED "\"},\"b\":\"" PLANTED    \
    "\"}}]"
#define PLANTED "planted-7f3a"
#define OF_TABLES                                                                                  \
    ",\"values\":{\"1\":{\"1\":\"" PLANTED "\"}},\"rows\":[[\"" PLANTED "\"]],\"csv\":\"" PLANTED  \
    "\""
#define OF_VARIABLES ",\"value\":\"" PLANTED "\""

static const struct {
    const char *target;
    const char *more; /* members of this kind of path alone */
} planted_reads[] = {
    {"/virtuoso/executions/1", ""},
    {"/virtuoso/executions/1/status", ""},
    {"/virtuoso/jobs/1/status", ""},
    {"/virtuoso/testsuites/1", ""},
    {"/virtuoso/testsuites/latest_status?goalId=1", ""},
    {"/virtuoso/projects/1/environments", ""},
    {"/virtuoso/projects/1/jobs", ""},
    {"/virtuoso/goals/1", ""},
    {"/virtuoso/plans/executions/1", ""},
    {"/virtuoso/organizations/1/jobs/usage", ""},
    {"/virtuoso/api/organizations/1/jobs/usage?pageSize=50", ""},
    {"/virtuoso/goals/metrics/executions/history?projectId=1", ""},
    {"/virtuoso/projects/metrics/executions?projectIds[]=1", ""},
    {"/virtuoso/testsuites?goalId=1", ""},
    {"/virtuoso/elements/healing?jobId=1", ""},
    {"/virtuoso/things/1", ""},
    {"/virtuoso/environments/1", ""},
    {"/virtuoso/environments/1/variables/a", OF_VARIABLES},
    {"/virtuoso/projects/1/environments/a", OF_VARIABLES},
    {"/virtuoso/testdata/tables/1", OF_TABLES},
    {"/virtuoso/testdata/tables/1/values", OF_TABLES},
    {"/virtuoso/testdata/tables/1/values?envelope=false", OF_TABLES},
    {"/virtuoso/api/testdata/tables/1/values", OF_TABLES},
    {"/api/user", ""},
    {"/api/user?raw=true", ""},
    {"/api/projects?organizationId=1&raw=true", ""},
    {"/api/projects/1/goals?raw=true", ""},
    {"/api/goals/1/versions?raw=true", ""},
    {"/api/checkpoints/1/steps?raw=true", ""},
    {"/api/executions/1", ""},
    {"/api/executions/1?raw=true", ""},
    {"/api/executions/1/analysis", ",\"passed\":1"},
    {"/api/executions/1/analysis?raw=true", ""},
    {"/api/library/checkpoints?raw=true", ""},
    {"/metrics", ""},
    {"/health", ""},
};

static void a_secret_in_any_place_comes_out_nowhere(void **state)
{
    static const char *const passing[] = {"auth.mode=passthrough", "log.level=debug",
                                          "upstream.retry_base_ms=1", NULL};
    struct looked_at here = {0};
    struct buf log;

    (void)state;
    proxy_start(&here.proxy, passing);
    here.canary = STR(PLANTED);
    for (size_t i = 0; i < ARRAY_LEN(planted_reads); i++) {
        struct json *fault = json_new_object(&here.proxy.arena);
        struct str body = arena_printf(&here.proxy.arena, "{\"success\":true,\"item\":{%s%s}}",
                                       EVERYWHERE, planted_reads[i].more);

        json_set(fault, STR("match"), json_new_string(&here.proxy.arena, STR("*")));
        json_set(fault, STR("times"), json_new_int(&here.proxy.arena, -1));
        json_set(fault, STR("status"), json_new_int(&here.proxy.arena, 200));
        json_set(fault, STR("body"), json_new_string(&here.proxy.arena, body));
        sandbox_clear_faults(here.proxy.program.sandbox_port);
        sandbox_fault(here.proxy.program.sandbox_port,
                      arena_cstr(&here.proxy.arena, json_text(&here.proxy.arena, fault)));
        for (int again = 0; again < 2; again++) { /* the second time from the cache */
            look_with(&here, "GET", str_from(planted_reads[i].target),
                      "Authorization: Bearer " SANDBOX_TOKEN "\r\n", "");
        }
    }
    assert_int_equal(here.n, 2 * ARRAY_LEN(planted_reads));
    buf_init(&log, 64U << 20);
    program_errors(&here.proxy.program, &log);
    program_output(&here.proxy.program, &log);
    assert_true(log.len > 1000 && !str_contains(buf_view(&log), here.canary));
    buf_done(&log);
    proxy_stop(&here.proxy);
}

/* A platform that repeats the token in what it refuses does not get it told to our caller, also where its JSON writes
 * some characters as escapes. */
static void a_refusal_that_repeats_the_token_is_not_quoted(void **state)
{
    static const int statuses[] = {400, 401, 409, 500, 502};
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"bad Bearer " SANDBOX_TOKEN "\"}}",
        "{\"error\":{\"message\":\"bad Bearer \\u0073andbox-token\"}}",
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(statuses) * ARRAY_LEN(bodies); i++) {
        struct json *fault = json_new_object(&proxy.arena);

        json_set(fault, STR("match"), json_new_string(&proxy.arena, STR("POST /projects")));
        json_set(fault, STR("status"), json_new_int(&proxy.arena, statuses[i / ARRAY_LEN(bodies)]));
        json_set(fault, STR("content_type"),
                 json_new_string(&proxy.arena, STR("application/json")));
        json_set(fault, STR("body"),
                 json_new_string(&proxy.arena, str_from(bodies[i % ARRAY_LEN(bodies)])));
        sandbox_fault(proxy.program.sandbox_port,
                      arena_cstr(&proxy.arena, json_text(&proxy.arena, fault)));
        (void)proxy_command(&proxy, "create-project", "[\"x\"]", NULL);
        assert_true(proxy.reply.status >= 400);
        assert_true(str_contains(reply_text(&proxy.reply), STR("left out")));
        assert_false(str_contains(reply_text(&proxy.reply), STR(SANDBOX_TOKEN)));
    }
    proxy_stop(&proxy);
}

/* Who sees the values of variables (admins do) is answered without compression: the length would tell them
 * to whoever may choose text beside them (BREACH). Answers without secrets are compressed. */
static void an_answer_with_secrets_is_not_compressed(void **state)
{
    static const struct {
        const char *target;
        const char *coding;
    } rows[] = {{"/virtuoso/environments/1", ""},
                {"/virtuoso/testdata/tables/1", ""},
                {"/virtuoso/executions/1", "gzip"}};
    struct proxy proxy;
    struct buf body;

    (void)state;
    proxy_start(&proxy, sets);
    buf_init(&body, 1U << 16);
    buf_text(&body, "{\"match\":\"*\",\"times\":-1,\"status\":200,"
                    "\"content_type\":\"application/json\",\"body\":\"{\\\"item\\\":{"
                    "\\\"name\\\":\\\"");
    for (int i = 0; i < 4096; i++) {
        buf_char(&body, 'x');
    }
    buf_text(&body, "\\\"}}\"}");
    sandbox_fault(proxy.program.sandbox_port, buf_cstr(&body));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        client_ask(proxy.program.port, "GET", rows[i].target, "Accept-Encoding: gzip\r\n",
                   STR_EMPTY, &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
        if (!str_is(reply_field(&proxy.reply, "Content-Encoding"), rows[i].coding)) {
            fail_msg("%s: Content-Encoding %.*s", rows[i].target,
                     STR_ARG(reply_field(&proxy.reply, "Content-Encoding")));
        }
    }
    buf_done(&body);
    proxy_stop(&proxy);
}

int main(void)
{
    scratch_lock();

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_secret_comes_out_nowhere),
        cmocka_unit_test(a_secret_in_any_place_comes_out_nowhere),
        cmocka_unit_test(a_refusal_that_repeats_the_token_is_not_quoted),
        cmocka_unit_test(an_answer_with_secrets_is_not_compressed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
