/* The life of a function of AWS Lambda: deadlines, the time in which it is stopped, streamed answers, several invocations at once,
 * signals, and ten thousand events. */
#include "harness/cmocka.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "harness/client.h"
#include "harness/cloud_server.h"
#include "harness/function.h"
#include "harness/port.h"
#include "harness/redis_server.h"
#include "harness/scripted.h"
#include "harness/wait.h"

enum {
    QUIET_MS = 300,
    HUGE_BYTES = 15 << 20,
    HUGE_MS = 1800000,
    END_MS = 500, /* until SIGKILL comes */
    TRIES = 5,
    N_EVENTS = 2000,
    N_EVENTS_LONG = 10000,
    GROWN_KIB = 2048
};

/* As long as can be: a busy machine brings the answer late, but not so late. */
#define MARGIN    "VIRTUOSO_PROXY_LAMBDA_MARGIN_MS=10000"
#define MARGIN_MS INT64_C(10000)

#define CHECKPOINTS "[70,71,72,73,74,75,76,77]"
#define OTHER_TOKEN "another-token-of-the-account"
#define STREAMING   "VIRTUOSO_PROXY_LAMBDA_STREAMING=true"
#define YAML_FIELDS "{\"x-api-key\":\"" FUNCTION_KEY "\",\"content-type\":\"application/yaml\"}"

static const char test_file[] =
    "name: t\nsteps:\n  - navigate: https://example.com\n  - click: Go\n";

static const char *step_event(struct function *function)
{
    return function_event(
        function, "POST", "/api/v1/commands/execute", NULL,
        arena_printf(&function->arena,
                     "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"position\":0,"
                     "\"checkpoint_id\":%lld}",
                     (long long)function->seed.checkpoint)
            .ptr);
}

/* The answer before the end. A busy machine may have nothing to tell by then (504): then with twice the time. */
static const struct json *ask_for_some(struct function *function, const char *event,
                                       int64_t limit_ms)
{
    const struct json *answer;

    for (int i = 0; i < 5; i++, limit_ms *= 2) {
        assert_true(function_ask_within(function, event, limit_ms) < (uint64_t)limit_ms);
        answer = runtime_answer_json(&function->answer, &function->arena);
        if (function_status(answer) != 504) {
            break;
        }
        runtime_api_await(&function->api);
    }
    return answer;
}

/* ---- deadlines ---- */

static void the_answer_comes_before_the_end(void **state)
{
    static const char *const env[] = {MARGIN, NULL};
    int64_t limit_ms = MARGIN_MS + (int64_t)1000 * client_slowness();
    struct function function;
    const struct json *answer;

    (void)state;
    function_start(&function, env);
    sandbox_fault(function.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":2,\"delay_ms\":600000}");
    assert_true(function_ask_within(&function, step_event(&function), limit_ms) <
                (uint64_t)limit_ms);
    answer = runtime_answer_json(&function.answer, &function.arena);
    assert_int_equal(function_status(answer), 504);
    runtime_api_await(&function.api);
    assert_true(function_ask_within(&function, step_event(&function), -5000) < (uint64_t)limit_ms);
    answer = runtime_answer_json(&function.answer, &function.arena);
    assert_int_equal(function_status(answer), 504);
    sandbox_clear_faults(function.program.sandbox_port);
    answer = function_ask(&function, step_event(&function));
    assert_int_equal(function_status(answer), 200);
    function_stop(&function);
}

/* A run ends before the invocation does, and its answer says what exists. */
static void a_run_ends_with_what_exists(void **state)
{
    static const char *const env[] = {"VIRTUOSO_PROXY_SANDBOX_EXECUTION_MS=600000", MARGIN, NULL};
    int64_t limit_ms = MARGIN_MS + (int64_t)5000 * client_slowness();
    struct function function;
    const struct json *body;

    (void)state;
    function_start(&function, env);
    body = ask_for_some(
        &function,
        function_event(&function, "POST", "/api/v1/tests/run?execute=true", YAML_FIELDS, test_file),
        limit_ms);
    assert_int_equal(function_status(body), 207);
    assert_true(str_contains(json_str(json_get(body, "body")), STR("\"execution")));
    runtime_api_await(&function.api);
    assert_true(runtime_api_is_silent(&function.api, QUIET_MS));
    function_stop(&function);
}

/* ---- stopped between invocations ---- */

/* A platform gives no id twice, a sandbox that starts anew does: those that others before it may have given are used up. */
static void use_up_ids(uint16_t port, struct arena *arena)
{
    enum { IDS_EACH = 8 };

    static int n_platforms;
    struct json *project = json_new_object(arena);

    json_set(project, STR("name"), json_new_string(arena, STR("an id")));
    for (int i = 0; i < n_platforms * IDS_EACH; i++) {
        (void)sandbox_call(port, SANDBOX_TOKEN, "POST", "/projects", project, arena);
    }
    n_platforms++;
}

static void start_platform(struct program *platform, uint16_t port, struct arena *arena)
{
    char listen[32];
    const char *const args[] = {"sandbox", "--listen", listen, "--set", "drain.notice_ms=0", NULL};

    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    program_start(platform, args, NULL);
    (void)program_wait_port(platform, "sandbox on http://");
    sandbox_seed_ids(port, "{\"checkpoints\":" CHECKPOINTS "}");
    sandbox_seed_ids(port, "{\"token\":\"" OTHER_TOKEN "\",\"checkpoints\":" CHECKPOINTS "}");
    use_up_ids(port, arena);
}

static void stopped_and_gone_on(void **state)
{
    uint16_t port = port_free();
    char base_url[96];
    const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN,
                               "VIRTUOSO_PROXY_UPSTREAM_SECONDARY_TOKEN=" OTHER_TOKEN, base_url,
                               NULL};
    struct program platform = {.pid = 0};
    struct function function;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    start_platform(&platform, port, &arena);
    (void)snprintf(base_url, sizeof(base_url), "VIRTUOSO_API_BASE_URL=http://127.0.0.1:%u/api",
                   port);
    function_start_alone(&function, env);
    for (int i = 0; i < 4; i++) {
        const struct json *answer;

        function.seed.checkpoint = 70 + 2 * i;
        answer = function_ask(&function, step_event(&function));
        assert_int_equal(function_status(answer), 200);
        runtime_api_await(&function.api);
        program_signal(&function.program, SIGSTOP);
        program_stop(&platform); /* it closes the connections that were kept */
        program_done(&platform);
        start_platform(&platform, port, &arena);
        if (i == 0) { /* the token has changed meanwhile */
            sandbox_fault(port, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":401}");
        }
        sandbox_forget_requests(port);
        program_signal(&function.program, SIGCONT);
        function.seed.checkpoint++;
        answer = function_ask(&function, step_event(&function));
        assert_int_equal(function_status(answer), 200);
        /* Refused, and again with the other token. No timer that fell due meanwhile adds to it. */
        assert_int_equal(sandbox_count(port, "POST", "/teststeps"), i == 0 ? 2 : 1);
        assert_int_equal(sandbox_count(port, "", ""), i == 0 ? 2 : 1);
        runtime_api_await(&function.api);
        assert_true(runtime_api_is_silent(&function.api, QUIET_MS / 4));
    }
    function_stop(&function);
    program_stop(&platform);
    program_done(&platform);
    arena_done(&arena);
}

/* ---- carried on in further invocations ---- */

static struct {
    struct redis_server redis;
    struct cloud_server cloud; /* takes the invocations */
    struct program platform;
    struct arena arena;
} far;

/* Each instance of the function has the store and the platform of the others. */
static void start_instance(struct function *function)
{
    static const char token[] = "VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN;
    const char *env[CLOUD_ENV_MAX + 8] = {token,
                                          "VIRTUOSO_PROXY_RUNS_DRIVER=request",
                                          "VIRTUOSO_PROXY_RUNS_POLL_MS=50",
                                          "AWS_LAMBDA_LOG_FORMAT=JSON",
                                          "AWS_LAMBDA_LOG_LEVEL=DEBUG",
                                          "VIRTUOSO_PROXY_STORE_TIMEOUT_MS=10000"};
    size_t n = 6;

    env[n++] = arena_printf(&far.arena, "VIRTUOSO_API_BASE_URL=http://127.0.0.1:%u/api",
                            far.platform.sandbox_port)
                   .ptr;
    env[n++] = arena_printf(&far.arena, "VIRTUOSO_PROXY_STORE_URL=unix:%s", far.redis.path).ptr;
    for (const char *const *row = cloud_server_env(&far.cloud, "keys", ""); *row != NULL; row++) {
        env[n++] = *row;
    }
    function_start_alone(function, env);
    runtime_api_await(&function->api);
}

static void start_far(void)
{
    const char *const args[] = {"sandbox",
                                "--listen",
                                "127.0.0.1:0",
                                "--set",
                                "drain.notice_ms=0",
                                "--set",
                                "sandbox.execution_ms=600000",
                                NULL};

    arena_init(&far.arena);
    far.redis = redis_server_make();
    redis_server_start(&far.redis, NULL, NULL);
    cloud_server_start(&far.cloud, NULL);
    program_start(&far.platform, args, NULL);
    far.platform.sandbox_port = program_wait_port(&far.platform, "sandbox on http://");
}

static void stop_far(void)
{
    program_stop(&far.platform);
    program_done(&far.platform);
    cloud_server_done(&far.cloud);
    redis_server_done(&far.redis);
    arena_done(&far.arena);
}

/* Through an HTTP API, below its stage. */
static const char *staged_event(const char *method, const char *path, const char *query,
                                const char *body)
{
    return arena_printf(&far.arena,
                        "{\"version\":\"2.0\",\"rawPath\":\"/prod%s\",\"rawQueryString\":\"%s\","
                        "\"headers\":" YAML_FIELDS ",\"requestContext\":{\"stage\":\"prod\","
                        "\"http\":{\"method\":\"%s\"}},\"body\":\"%s\"}",
                        path, query, method, body)
        .ptr;
}

/* As Lambda delivers it; the run advances for a second only, long before the invocation is over. */
static const char *last_invocation(void)
{
    struct str before;
    struct str behind;
    struct str event = arena_str(&far.arena, str_from(far.cloud.seen->recall));
    ptrdiff_t at = str_find(event, STR("recall="));

    assert_true(at > 0);
    before = str_sub(event, 0, (size_t)at);
    behind = str_sub(event, (size_t)at, event.len);
    return arena_printf(&far.arena, "%.*stimeout=1&%.*s", STR_ARG(before), STR_ARG(behind)).ptr;
}

static const struct json *begin_endless_run(struct function *function, const char **out_path)
{
    const struct json *answer = function_ask(
        function, staged_event("POST", "/api/v1/tests/run", "async=true&execute=true",
                               "name: t\\nsteps:\\n  - navigate: https://example.com\\n"));

    assert_int_equal(function_status(answer), 202);
    *out_path = arena_printf(&far.arena, "/api/v1/tests/runs/%.*s",
                             STR_ARG(json_str(json_get(function_body(function, answer), "id"))))
                    .ptr;
    return answer;
}

/* Returns the event that made it: on a busy machine a second may be too short, and the next event goes on. */
static const char *make_a_step(struct function *function)
{
    unsigned n_tries = 0;
    unsigned n_made;
    const char *event;

    do {
        event = last_invocation();
        n_made = far.cloud.seen->n_recalls;
        wait_until(function_is_done(function, event));
        assert_true(far.cloud.seen->n_recalls > n_made);
        assert_true(n_tries++ < TRIES);
    } while (sandbox_count(far.platform.sandbox_port, "POST", "/teststeps") == 0);
    return event;
}

/* The first instance is stopped as soon as it has answered; another one gets the invocations, one of them twice. */
static void invocations_carry_a_run_on(void **state)
{
    struct function first, second;
    const struct json *answer;
    const char *path, *event;
    unsigned n_made;
    unsigned n_tries = 0;

    (void)state;
    if (!redis_server_is_there()) {
        return;
    }
    start_far();
    start_instance(&first);
    start_instance(&second);
    answer = begin_endless_run(&first, &path);
    assert_true(str_starts(json_str(json_find(answer, "/headers/Link")),
                           arena_printf(&far.arena, "</prod%s/continue>", path)));
    wait_until(far.cloud.seen->n_recalls > 0);
    assert_null(strstr(last_invocation(), "Lineage"));
    runtime_api_await(&first.api);
    program_signal(&first.program, SIGSTOP);
    event = make_a_step(&second);
    assert_true(sandbox_count(far.platform.sandbox_port, "POST", "/teststeps") == 1);
    runtime_api_await(&second.api);
    assert_true(runtime_api_is_silent(&second.api, QUIET_MS));
    n_made = far.cloud.seen->n_recalls;
    wait_until(function_is_done(&second, event));
    /* It came once more, and asked for no other chain. */
    assert_int_equal(far.cloud.seen->n_recalls, n_made);
    event = last_invocation();
    far.cloud.seen->is_away = true; /* nobody can be asked: Lambda is told, and tries again */
    (void)function_ask(&second, event);
    assert_true(second.answer.is_error);
    assert_true(str_contains(buf_view(&second.answer.head), STR("Function.NotContinued")));
    far.cloud.seen->is_away = false;
    (void)function_ask(&second, staged_event("DELETE", path, "", ""));
    do { /* until it has heard that it is to end */
        n_made = far.cloud.seen->n_recalls;
        wait_until(function_is_done(&second, last_invocation()));
        assert_true(n_tries++ < TRIES * 2);
    } while (far.cloud.seen->n_recalls > n_made);
    program_signal(&first.program, SIGCONT);
    do { /* until it has read what was written while it stood */
        answer = function_ask(&first, staged_event("GET", path, "", ""));
        assert_true(n_tries++ < TRIES * 100);
    } while (!str_is(json_str(json_get(function_body(&first, answer), "status")), "cancelled"));
    assert_true(program_wrote(&second.program, "\"level\":\"DEBUG\"") ||
                program_wrote(&second.program, "\"level\":\"INFO\""));
    function_stop(&first);
    function_stop(&second);
    stop_far();
}

/* ---- streamed answers ---- */

static struct str after_prelude(struct function *function, const struct json **out_prelude)
{
    static const char zeros[8];
    struct str all = buf_view(&function->answer.body);
    ptrdiff_t at = str_find(all, (struct str){zeros, sizeof(zeros)});
    struct json *prelude = NULL;
    struct error err = {0};

    assert_true(function->answer.is_streamed && at > 0);
    assert_true(str_contains(buf_view(&function->answer.head),
                             STR("Lambda-Runtime-Function-Response-Mode: streaming\r\n")));
    assert_true(
        str_contains(buf_view(&function->answer.head),
                     STR("Content-Type: application/vnd.awslambda.http-integration-response\r\n")));
    assert_int_equal(json_parse(&function->arena,
                                arena_str(&function->arena, str_sub(all, 0, (size_t)at)), NULL,
                                &prelude, &err),
                     ERR_OK);
    *out_prelude = prelude;
    return str_sub(all, (size_t)at + sizeof(zeros), all.len);
}

static void streamed_answers(void **state)
{
    static const char *const env[] = {STREAMING, NULL};
    static const char http_api[] =
        "{\"version\":\"2.0\",\"rawPath\":\"/livez\",\"headers\":{},\"requestContext\":{\"stage\":\"$default\","
        "\"http\":{\"method\":\"GET\"}}}";
    struct function function;
    const struct json *prelude;
    struct str rest;

    (void)state;
    function_start(&function, env);
    (void)function_ask_within(&function, function_event(&function, "GET", "/livez", NULL, NULL), 0);
    rest = after_prelude(&function, &prelude);
    assert_int_equal(function_status(prelude), 200);
    assert_true(str_starts(rest, STR("{")));
    assert_int_equal(function.answer.trailers.len, 0);
    (void)function_ask_within(&function, function_event(&function, "HEAD", "/livez", NULL, NULL),
                              0);
    assert_int_equal(after_prelude(&function, &prelude).len, 0); /* and yet it has an end */
    (void)function_ask_within(&function, function_event(&function, "GET", "/redoc", NULL, NULL), 0);
    (void)after_prelude(&function, &prelude);
    (void)function_ask_within(&function, function_event(&function, "GET", "/nowhere", NULL, NULL),
                              0);
    (void)after_prelude(&function, &prelude);
    assert_int_equal(function_status(prelude), 404);
    (void)function_ask_within(&function, http_api, 0); /* it would show the prelude to the caller */
    assert_false(function.answer.is_streamed);
    function_stop(&function);
}

/* A platform whose answer to each GET is long; `platform` is the variable that names its address. Free the answer. */
static char *start_huge(struct scripted *scripted, char *platform, size_t size)
{
    char *huge = mem_calloc(1, HUGE_BYTES);
    const struct scripted_answer rows[] = {
        {"GET", 0, 200, NULL, huge, 0, "text/plain", HUGE_BYTES}};

    memset(huge, 'x', HUGE_BYTES);
    scripted_start(scripted, rows, ARRAY_LEN(rows));
    (void)snprintf(platform, size, "VIRTUOSO_API_BASE_URL=http://127.0.0.1:%u/api", scripted->port);
    return huge;
}

static void begin_huge(struct function *function)
{
    const struct runtime_event event = {
        .body = function_event(function, "GET", "/virtuoso/x", NULL, NULL), .deadline_ms = HUGE_MS};

    runtime_api_give(&function->api, &event);
    runtime_api_await_bytes(&function->api, "xxx");
}

static void long_and_broken_streams(void **state)
{
    struct scripted scripted;
    char platform[96];
    char *huge = start_huge(&scripted, platform, sizeof(platform));
    const char *const env[] = {STREAMING, "VIRTUOSO_API_TOKEN=a-token-of-the-platform", platform,
                               NULL};
    struct function function;
    const struct json *prelude;
    struct str rest;

    (void)state;
    function_start_alone(&function, env);
    (void)function_ask_within(&function,
                              function_event(&function, "GET", "/virtuoso/x", NULL, NULL), HUGE_MS);
    rest = after_prelude(&function, &prelude);
    assert_true(str_eq(rest, (struct str){huge, HUGE_BYTES}));
    function_stop(&function);
    function_start_alone(&function, env);
    begin_huge(&function);
    scripted_done(
        &scripted); /* more of it than fits into all buffers on the way is still with the platform */
    runtime_api_read(&function.api, &function.answer);
    assert_true(after_prelude(&function, &prelude).len < HUGE_BYTES);
    mem_free(huge);
    assert_true(
        str_contains(buf_view(&function.answer.trailers),
                     STR("Lambda-Runtime-Function-Error-Type: Function.AnswerBrokeOff\r\n")));
    assert_true(str_contains(buf_view(&function.answer.trailers),
                             STR("Lambda-Runtime-Function-Error-Body: ey")));
    (void)function_ask_within(&function, function_event(&function, "GET", "/livez", NULL, NULL), 0);
    function_stop(&function);
}

/* The next question may not be written into the middle of the answer. */
static void a_stream_that_is_refused_midway(void **state)
{
    struct scripted scripted;
    char platform[96];
    char *huge = start_huge(&scripted, platform, sizeof(platform));
    const char *const env[] = {STREAMING, "VIRTUOSO_API_TOKEN=a-token-of-the-platform", platform,
                               NULL};
    struct function function;

    (void)state;
    function_start_alone(&function, env);
    begin_huge(&function);
    runtime_api_refuse_post(&function.api, 413);
    runtime_api_await(&function.api);
    (void)function_ask_within(&function, function_event(&function, "GET", "/livez", NULL, NULL), 0);
    function_stop(&function);
    scripted_done(&scripted);
    mem_free(huge);
}

/* ---- several at once ---- */

static const char *run_event(struct function *function)
{
    return function_event(function, "POST", "/api/v1/tests/run?async=true&execute=true",
                          YAML_FIELDS, test_file);
}

static const char *watch_event(struct function *function, const struct json *run)
{
    struct str id = json_str(json_find(run, "/id /run_id"));

    assert_true(id.len > 0);
    return function_event(
        function, "GET",
        arena_printf(&function->arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id)).ptr,
        "{\"x-api-key\":\"" FUNCTION_KEY "\",\"accept\":\"text/event-stream\"}", NULL);
}

static void several_invocations_at_once(void **state)
{
    static const char *const env[] = {"AWS_LAMBDA_MAX_CONCURRENCY=4",
                                      STREAMING,
                                      "VIRTUOSO_PROXY_LAMBDA_WORK_AFTER_ANSWER=true",
                                      "VIRTUOSO_PROXY_SANDBOX_EXECUTION_MS=600000",
                                      "VIRTUOSO_PROXY_RUNS_POLL_MS=20",
                                      NULL};
    int64_t limit_ms = (int64_t)20000 * client_slowness(); /* until then another one is asked */
    struct runtime_event watch = {.deadline_ms = limit_ms};
    struct json *run = NULL;
    struct error err = {0};
    struct function function;
    const struct json *prelude;
    char id[48];
    struct str rest;

    (void)state;
    function_start(&function, env);
    function.api.concurrency = 4;
    wait_until(runtime_api_n_asking(&function.api) == 4);
    (void)function_ask_within(&function, run_event(&function), 0);
    rest = after_prelude(&function, &prelude);
    assert_int_equal(function_status(prelude), 202);
    assert_int_equal(
        json_parse(&function.arena, arena_str(&function.arena, rest), &json_of_ours, &run, &err),
        ERR_OK);
    watch.body = watch_event(&function, run);
    runtime_api_give(&function.api, &watch);
    str_copy(id, sizeof(id), str_from(function.api.last_id));
    runtime_api_await_bytes(&function.api, "event: "); /* while it goes on */
    (void)function_ask_within(&function, function_event(&function, "GET", "/livez", NULL, NULL), 0);
    assert_string_not_equal(function.answer.id, id); /* the later one is answered first */
    runtime_api_read(&function.api, &function.answer);
    assert_string_equal(function.answer.id, id);
    assert_int_equal(function.answer.trailers.len,
                     0); /* an end, not a break: the client asks again */
    wait_until(runtime_api_n_asking(&function.api) == 4);
    function_stop(&function);
}

/* Without streaming a watcher gets what there is until shortly before the end. */
static void a_watcher_without_streaming(void **state)
{
    static const char *const env[] = {"AWS_LAMBDA_MAX_CONCURRENCY=2",
                                      "VIRTUOSO_PROXY_LAMBDA_WORK_AFTER_ANSWER=true",
                                      "VIRTUOSO_PROXY_SANDBOX_EXECUTION_MS=600000", MARGIN, NULL};
    int64_t limit_ms = MARGIN_MS + (int64_t)4000 * client_slowness();
    struct function function;
    const struct json *answer;

    (void)state;
    function_start(&function, env);
    function.api.concurrency = 2;
    answer = function_ask(&function, run_event(&function));
    assert_int_equal(function_status(answer), 202);
    answer =
        ask_for_some(&function, watch_event(&function, function_body(&function, answer)), limit_ms);
    assert_int_equal(function_status(answer), 200);
    assert_true(str_contains(json_str(json_get(answer, "body")), STR("event: ")));
    function_stop(&function);
}

/* ---- signals ---- */

/* How long it takes to end, with an event at work or without one. */
static uint64_t time_to_end(bool is_at_work)
{
    struct function function;
    struct runtime_event event = {.body = NULL};
    uint64_t began_ms;
    uint64_t took_ms;

    function_start(&function, NULL);
    if (is_at_work) {
        sandbox_hold(function.program.sandbox_port, "POST /teststeps");
        event.body = step_event(&function);
        runtime_api_give(&function.api, &event);
        sandbox_wait_count(function.program.sandbox_port, "POST", "/teststeps", 1);
    } else {
        runtime_api_await(&function.api);
    }
    began_ms = client_patience_ms();
    program_signal(&function.program, SIGTERM);
    assert_int_equal(program_wait_end(&function.program, WAIT_MS), 0);
    took_ms = client_waited_ms(began_ms);
    program_assert_clean(&function.program);
    function_stop(&function);
    return took_ms;
}

/* A busy machine may be late once; what waits for something is late each time. */
static void signals_end_it_at_once(void **state)
{
    enum { END_TRIES = 20 };

    (void)state;
    for (int is_at_work = 0; is_at_work < 2; is_at_work++) {
        uint64_t limit_ms = (uint64_t)END_MS * client_slowness();
        uint64_t best_ms = UINT64_MAX;

        for (int i = 0; i < END_TRIES && best_ms >= limit_ms; i++) {
            uint64_t took_ms = time_to_end(is_at_work == 1);

            best_ms = took_ms < best_ms ? took_ms : best_ms;
        }
        assert_in_range(best_ms, 0, limit_ms - 1);
    }
}

/* ---- many ---- */

static size_t n_descriptors(const struct program *program)
{
    char path[64];
    size_t n = 0;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)program->pid);
    folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        n++;
    }
    assert_int_equal(closedir(folder), 0);
    return n;
}

static void many_events(void **state)
{
    int n = getenv("VP_LONG") != NULL ? N_EVENTS_LONG : N_EVENTS;
    struct function function;
    int64_t before = 0;
    size_t n_before = 0;
    uint64_t began_ms;
    const char *events[2];

    (void)state;
    function_start(&function, NULL);
    events[0] = function_event(&function, "GET", "/api/v1/commands", NULL, NULL);
    events[1] = function_event(&function, "POST", "/api/v1/commands/validate", NULL,
                               "{\"command\":\"step-interact click\",\"args\":[\"x\"]}");
    began_ms = client_now_ms();
    for (int i = 0; i < n; i++) {
        struct runtime_event event = {.body = events[i % 2]};

        runtime_api_give(&function.api, &event);
        runtime_api_read(&function.api, &function.answer);
        assert_false(function.answer.is_error);
        if (i == n / 4) {
            before = program_kib(&function.program, "VmRSS");
            n_before = n_descriptors(&function.program);
        }
    }
    assert_int_equal(n_descriptors(&function.program), n_before);
    print_message("%d events in %llu ms; VmRSS %lld KiB, %lld KiB at the first quarter\n", n,
                  (unsigned long long)(client_now_ms() - began_ms),
                  (long long)program_kib(&function.program, "VmRSS"), (long long)before);
    if (client_slowness() == 1) { /* a sanitizer keeps freed memory for a while */
        assert_true(program_kib(&function.program, "VmRSS") < before + GROWN_KIB);
    }
    function_stop(&function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_comes_before_the_end),
        cmocka_unit_test(a_run_ends_with_what_exists),
        cmocka_unit_test(stopped_and_gone_on),
        cmocka_unit_test(invocations_carry_a_run_on),
        cmocka_unit_test(streamed_answers),
        cmocka_unit_test(long_and_broken_streams),
        cmocka_unit_test(a_stream_that_is_refused_midway),
        cmocka_unit_test(several_invocations_at_once),
        cmocka_unit_test(a_watcher_without_streaming),
        cmocka_unit_test(signals_end_it_at_once),
        cmocka_unit_test(many_events),
    };

    return cmocka_run_group_tests_name("lambda life", tests, NULL, NULL);
}
