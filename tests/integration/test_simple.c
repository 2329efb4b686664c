/* The simplified API against the sandbox: the whole way from a project to an
 * execution, the secrets that must not pass, and the platform's refusals. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

static const char *id_in(struct proxy *proxy, const struct json *answer, const char *member)
{
    struct str id = json_str(json_get(answer, member));

    assert_true(id.len > 0);
    return arena_cstr(&proxy->arena, id);
}

static const struct json *post(struct proxy *proxy, const char *target, int status, struct str body)
{
    const struct json *answer = proxy_ask_str(proxy, "POST", target, NULL, body);

    if (proxy->reply.status != status) {
        fail_msg("POST %s: %d, wanted %d: %.*s", target, proxy->reply.status, status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    return answer;
}

static const struct json *get(struct proxy *proxy, struct str target)
{
    const struct json *answer = proxy_ask(proxy, "GET", target.ptr, NULL, "");

    if (proxy->reply.status != 200) {
        fail_msg("GET %s: %d: %.*s", target.ptr, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    return answer;
}

#define TEXT(...) arena_printf(&proxy.arena, __VA_ARGS__)

struct made {
    const char *project;
    const char *goal;
    const char *snapshot;
    const char *journey;
    const char *checkpoint;
};

static struct made make_structure(struct proxy *p)
{
    struct made made;
    const struct json *answer;

    made.project = id_in(p, post(p, "/api/projects", 201, STR("{\"name\":\"P\"}")), "id");
    answer =
        post(p, "/api/goals", 201,
             arena_printf(&p->arena,
                          "{\"name\":\"G\",\"projectId\":\"%s\",\"url\":\"https://a.example\"}",
                          made.project));
    made.goal = id_in(p, answer, "id");
    made.snapshot = id_in(p, answer, "snapshotId");
    answer = post(p, "/api/journeys", 201,
                  arena_printf(&p->arena, "{\"name\":\"J\",\"goalId\":%s}", made.goal));
    made.journey = id_in(p, answer, "id");
    answer = post(p, "/api/checkpoints", 201,
                  arena_printf(&p->arena, "{\"name\":\"C\",\"journeyId\":\"%s\"}", made.journey));
    made.checkpoint = id_in(p, answer, "id");
    return made;
}

static void from_a_project_to_its_steps(void **state)
{
    struct proxy proxy;
    struct made made;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, NULL);
    assert_int_equal(json_size(get(&proxy, STR("/api/user"))), 3);
    made = make_structure(&proxy);
    assert_true(json_size(get(&proxy, STR("/api/projects"))) >= 1);
    assert_int_equal(json_size(get(&proxy, TEXT("/api/projects/%s/goals", made.project))), 1);
    answer = get(&proxy, TEXT("/api/goals/goal_%s/versions", made.goal));
    assert_true(str_is(json_str(json_find(answer, "/0/id")), made.snapshot));
    answer = post(&proxy, "/api/steps", 201,
                  TEXT("{\"action\":\"CLICK\",\"target\":\"Sign in\",\"checkpointId\":\"%s\"}",
                       made.checkpoint));
    assert_true(str_is(json_str(json_get(answer, "action")), "CLICK"));
    (void)post(&proxy, "/api/steps", 201,
               TEXT("{\"action\":\"step-wait time\",\"value\":1500,\"checkpointId\":%s}",
                    made.checkpoint));
    answer = get(&proxy, TEXT("/api/checkpoints/%s/steps", made.checkpoint));
    assert_true(str_is(json_str(json_find(answer, "/0/target")), "Sign in"));
    assert_true(str_is(json_str(json_find(answer, "/1/target")), "1500"));
    (void)post(&proxy, "/api/library/checkpoints", 201,
               TEXT("{\"checkpointId\":\"%s\",\"name\":\"L\"}", made.checkpoint));
    (void)post(
        &proxy, "/api/library/checkpoints", 201,
        TEXT(
            "{\"name\":\"M\",\"goalId\":\"%s\",\"steps\":[{\"action\":\"CLICK\",\"target\":\"x\"}]}",
            made.goal));
    assert_int_equal(json_size(get(&proxy, STR("/api/library/checkpoints"))), 2);
    (void)post(
        &proxy, "/api/testdata/tables", 201,
        STR("{\"name\":\"T\",\"columns\":[\"a\",\"b\"],\"rows\":[[\"1\",\"2\"],{\"b\":\"3\"}]}"));
    (void)post(&proxy, "/api/environments", 201,
               STR("{\"name\":\"E\",\"variables\":{\"k\":\"v\"}}"));
    proxy_stop(&proxy);
}

static const struct json *journey_on_platform(struct proxy *proxy, const char *id)
{
    struct str path = arena_printf(&proxy->arena, "/virtuoso/testsuites/%s", id);

    return json_get(get(proxy, path), "item");
}

/* What a step does: all of it but what names it. */
static struct json *deed(struct arena *arena, const struct json *step)
{
    struct json *copy = json_copy(arena, step);

    json_remove(copy, STR("id"));
    json_remove(copy, STR("canonicalId"));
    return copy;
}

static void assert_same_cases(struct proxy *proxy, const struct json *journey,
                              const struct json *copy)
{
    const struct json *a = json_first(json_get(journey, "cases"));
    const struct json *b = json_first(json_get(copy, "cases"));

    assert_int_equal(json_size(json_get(journey, "cases")), json_size(json_get(copy, "cases")));
    for (; a != NULL; a = json_next(a), b = json_next(b)) {
        const struct json *step = json_first(json_get(a, "steps"));
        const struct json *other = json_first(json_get(b, "steps"));

        assert_true(json_type(json_get(a, "libraryCheckpointId")) == JSON_NUMBER ||
                    str_starts(json_str(json_get(b, "title")), json_str(json_get(a, "title"))));
        assert_true(
            json_equal(json_get(a, "libraryCheckpointId"), json_get(b, "libraryCheckpointId")));
        assert_int_equal(json_size(json_get(a, "steps")), json_size(json_get(b, "steps")));
        for (; step != NULL; step = json_next(step), other = json_next(other)) {
            assert_true(json_equal(deed(&proxy->arena, step), deed(&proxy->arena, other)));
        }
    }
}

/* Own checkpoints with steps of each kind, and one of the library, in their order. */
static struct made make_rich_journey(struct proxy *p)
{
    static const char *const steps[] = {
        "\"step-navigate to\",\"args\":[\"https://a.example\"]",
        "\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{\"position\":\"TOP_LEFT\"}",
        "\"step-wait element\",\"args\":[\"Done\"]",
        "\"step-file upload\",\"args\":[\"#file\",\"https://a.example/a.png\"]",
        "\"step-data store element-text\",\"args\":[\"#total\",\"total\"]",
    };
    struct made made = make_structure(p);
    const char *shared;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        (void)post(p, "/api/v1/commands/execute", 200,
                   arena_printf(&p->arena, "{\"command\":%s,\"checkpoint_id\":%s}", steps[i],
                                made.checkpoint));
    }
    shared =
        id_in(p,
              post(p, "/api/checkpoints", 201,
                   arena_printf(&p->arena, "{\"name\":\"Shared\",\"journeyId\":%s,\"position\":3}",
                                made.journey)),
              "id");
    (void)post(p, "/api/library/checkpoints", 201,
               arena_printf(&p->arena, "{\"checkpointId\":%s}", shared));
    (void)post(p, "/api/checkpoints", 201,
               arena_printf(&p->arena, "{\"name\":\"Last\",\"journeyId\":%s,\"position\":4}",
                            made.journey));
    return made;
}

static void a_journey_is_copied_with_its_checkpoints_and_steps(void **state)
{
    struct proxy proxy;
    struct made made;
    const struct json *copy;
    struct str target;

    (void)state;
    proxy_start(&proxy, NULL);
    made = make_rich_journey(&proxy);
    target = TEXT("/api/journeys/%s/duplicate", made.journey);
    for (int i = 0; i < 2; i++) { /* twice: titles are unique in a goal */
        copy = post(&proxy, target.ptr, 201, i == 0 ? STR_EMPTY : STR("{\"name\":\"Copy\"}"));
        assert_true(str_is(json_str(json_get(copy, "name")), i == 0 ? "J" : "Copy"));
        assert_same_cases(&proxy, journey_on_platform(&proxy, made.journey),
                          journey_on_platform(&proxy, id_in(&proxy, copy, "id")));
    }
    /* Ordered by lanes: a step by its own goes behind those of the copy. */
    copy = journey_on_platform(&proxy, id_in(&proxy, copy, "id"));
    copy = post(&proxy, "/api/v1/commands/execute", 200,
                TEXT("{\"command\":\"step-wait time\",\"args\":[100],\"checkpoint_id\":%s}",
                     json_text(&proxy.arena, json_find(copy, "/cases/0/id")).ptr));
    assert_true(
        json_equal(json_find(copy, "/data/position /position"), json_new_int(&proxy.arena, 5)));
    proxy_stop(&proxy);
}

static void a_copy_that_fails_says_what_is_made(void **state)
{
    struct proxy proxy;
    struct made made;
    const struct json *answer;
    struct str target;

    (void)state;
    proxy_start(&proxy, NULL);
    made = make_rich_journey(&proxy);
    target = TEXT("/api/journeys/%s/duplicate", made.journey);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":422}");
    answer = post(&proxy, target.ptr, 422, STR_EMPTY);
    assert_true(str_is(json_str(json_find(answer, "/made/0/call")), "create journey"));
    assert_true(str_is(json_str(json_find(answer, "/made/1/call")), "create checkpoint"));
    /* What cannot be copied whole is not begun. */
    sandbox_clear_faults(proxy.program.sandbox_port);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /testsuites\",\"times\":1,\"status\":200,\"content_type\":"
                  "\"application/json\",\"body\":{\"id\":1,\"title\":\"t\",\"goalId\":1,"
                  "\"snapshotId\":2,\"cases\":[{\"id\":2,\"title\":\"c\"}]}}");
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)post(&proxy, target.ptr, 502, STR_EMPTY);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/"), 0);
    proxy_stop(&proxy);
}

static void a_goal_runs_and_tells_its_outcome(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=100", NULL};
    struct proxy proxy;
    struct made made;
    const struct json *answer;
    struct str execution;

    (void)state;
    proxy_start(&proxy, sets);
    made = make_structure(&proxy);
    answer = post(&proxy, TEXT("/api/goals/%s/execute", made.goal).ptr, 200,
                  STR("{\"startingUrl\":\"https://b.example\"}"));
    (void)id_in(&proxy, answer, "jobId");
    answer = post(&proxy, TEXT("/api/goals/%s/snapshots/%s/execute", made.goal, made.snapshot).ptr,
                  200, STR("{\"wait\":true}"));
    assert_true(str_is(json_str(json_get(answer, "outcome")), "PASS"));
    answer = post(&proxy, "/api/executions", 201, TEXT("{\"goalId\":\"%s\"}", made.goal));
    execution = TEXT("/api/executions/%s", id_in(&proxy, answer, "id"));
    wait_until(str_is(json_str(json_get(answer = get(&proxy, execution), "status")), "FINISHED"));
    assert_null(json_get(answer, "url")); /* the sandbox has no pages; see test_links.c */
    answer = get(&proxy, TEXT("/api/executions/%s/analysis?ai=true", id_in(&proxy, answer, "id")));
    assert_non_null(json_get(answer, "passed"));
    proxy_stop(&proxy);
}

struct refusal {
    const char *fault; /* after match and times */
    int64_t status;
};

struct endpoint {
    const char *method;
    const char *target;
    const char *body;
};

/* Ids that need not exist: the platform's first answer is the fault. */
static const struct endpoint endpoints[] = {
    {"GET", "/api/user", ""},
    {"GET", "/api/projects", ""},
    {"POST", "/api/projects", "{\"name\":\"n\"}"},
    {"GET", "/api/projects/1/goals", ""},
    {"POST", "/api/goals", "{\"name\":\"n\",\"projectId\":1}"},
    {"GET", "/api/goals/7/versions", ""},
    {"POST", "/api/goals/7/execute", "{}"},
    {"POST", "/api/goals/7/snapshots/2/execute", "{}"},
    {"POST", "/api/journeys", "{\"name\":\"n\",\"goalId\":7}"},
    {"POST", "/api/journeys/7/duplicate", "{}"},
    {"POST", "/api/checkpoints", "{\"name\":\"n\",\"journeyId\":7}"},
    {"GET", "/api/checkpoints/7/steps", ""},
    {"POST", "/api/steps", "{\"action\":\"CLICK\",\"target\":\"x\",\"checkpointId\":7}"},
    {"POST", "/api/executions", "{\"goalId\":7}"},
    {"GET", "/api/executions/7", ""},
    {"GET", "/api/executions/7/analysis", ""},
    {"POST", "/api/library/checkpoints", "{\"checkpointId\":7}"},
    {"GET", "/api/library/checkpoints", ""},
    {"POST", "/api/testdata/tables", "{\"name\":\"n\",\"columns\":[\"a\"]}"},
    {"POST", "/api/environments", "{\"name\":\"n\",\"variables\":{}}"},
};

static void check_refusal(struct proxy *proxy, const struct endpoint *endpoint,
                          const struct refusal *refusal)
{
    (void)proxy_ask(proxy, endpoint->method, endpoint->target, NULL, endpoint->body);
    if (proxy->reply.status != refusal->status) {
        fail_msg("%s %s with %s: %d, wanted %d", endpoint->method, endpoint->target, refusal->fault,
                 proxy->reply.status, (int)refusal->status);
    }
    assert_true(
        str_starts(reply_field(&proxy->reply, "Content-Type"), STR("application/problem+json")));
}

static void the_platforms_refusals_keep_their_meaning(void **state)
{
    static const struct refusal table[] = {
        {"\"status\":400", 400},
        {"\"status\":401", 502},
        {"\"status\":403", 502},
        {"\"status\":404", 404},
        {"\"status\":409", 409},
        {"\"status\":422", 422},
        {"\"status\":429", 429},
        {"\"status\":500", 502},
        {"\"status\":502", 502},
        {"\"status\":200,\"body\":{\"message\":\"ok\"},\"content_type\":\"application/json\"", 502},
        {"\"status\":200,\"body\":{\"success\":true},\"content_type\":\"application/json\"", 502},
        {"\"status\":200,\"body\":\"<html>\",\"content_type\":\"text/html\"", 502},
        {"\"status\":200,\"body\":\"Not Found\",\"content_type\":\"text/plain\"", 502},
        {"\"status\":200,\"body\":{\"success\":false,\"error\":\"no\"},\"content_type\":\"application/json\"",
         502},
    };
    static const char *const sets[] = {"upstream.max_tries=1", "cache.stale_if_error_s=0",
                                       "upstream.breaker=false", "log.level=warn", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        sandbox_clear_faults(proxy.program.sandbox_port);
        sandbox_fault(proxy.program.sandbox_port,
                      TEXT("{\"match\":\"* /\",\"times\":-1,%s}", table[i].fault).ptr);
        for (size_t k = 0; k < ARRAY_LEN(endpoints); k++) {
            check_refusal(&proxy, &endpoints[k], &table[i]);
        }
    }
    sandbox_clear_faults(proxy.program.sandbox_port);
    (void)get(&proxy, STR("/api/user"));
    proxy_stop(&proxy);
}

/* What every endpoint finds its answer in, with all that is optional left out: an object that has
 * the ids which the calls on the way need, bare and in the platform's envelopes. Without an action it would be a
 * checkpoint, which is no answer to a create of a step. */
#define THING                                                                                                                              \
    "{\"id\":7,\"action\":\"CLICK\",\"status\":\"RUNNING\",\"goalId\":7,\"snapshotId\":2,\"snapshots\":[{\"snapshotId\":2}],\"steps\":[]," \
    "\"name\":\"n\",\"cases\":[{\"id\":7,\"title\":\"n\",\"steps\":[]}],\"passed\":1}"

static void check_shape(struct proxy *proxy, const struct endpoint *endpoint, const char *shape)
{
    const struct json *answer =
        proxy_ask(proxy, endpoint->method, endpoint->target, NULL, endpoint->body);
    const struct json *thing = json_type(answer) == JSON_ARRAY ? json_first(answer) : answer;
    const struct json *id = json_find(thing, "/id /jobId");

    if (proxy->reply.status != 200 && proxy->reply.status != 201) {
        fail_msg("%s %s with %s: %d %.*s", endpoint->method, endpoint->target, shape,
                 proxy->reply.status, STR_ARG(reply_text(&proxy->reply)));
    }
    /* of a version the id is the snapshot's */
    if (id != NULL && !str_is(json_str(id), "7") && !str_is(json_str(id), "2")) {
        fail_msg("%s %s with %s: %.*s", endpoint->method, endpoint->target, shape,
                 STR_ARG(reply_text(&proxy->reply)));
    }
}

/* In a proxy of its own: an id is told once by a connection. */
static void check_one(const struct endpoint *endpoint, const char *shape, const char *const *sets)
{
    struct proxy proxy;

    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  TEXT("{\"match\":\"* /\",\"times\":-1,\"status\":200,\"content_type\":"
                       "\"application/json\",\"body\":%s}",
                       shape)
                      .ptr);
    check_shape(&proxy, endpoint, shape);
    proxy_stop(&proxy);
}

static void every_envelope_is_read_at_every_endpoint(void **state)
{
    static const char *const one[] = {THING, "{\"success\":true,\"item\":" THING "}"};
    static const char *const many[] = {"[" THING "]", "{\"success\":true,\"items\":[" THING "]}",
                                       "{\"success\":true,\"map\":{\"7\":" THING "}}",
                                       "{\"success\":true,\"item\":[" THING "]}"};
    static const char *const lists[] = {"/api/projects", "/api/projects/1/goals",
                                        "/api/library/checkpoints"};
    static const char *const sets[] = {"cache.enabled=false", "log.level=warn", NULL};
    struct proxy proxy;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(one) * ARRAY_LEN(endpoints); i++) {
        const struct endpoint *endpoint = &endpoints[i / ARRAY_LEN(one)];

        if (!str_is(STR("GET"), endpoint->method) ||
            !str_in(str_from(endpoint->target), lists, ARRAY_LEN(lists))) {
            check_one(endpoint, one[i % ARRAY_LEN(one)], sets);
        }
    }
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        sandbox_clear_faults(proxy.program.sandbox_port);
        sandbox_fault(proxy.program.sandbox_port,
                      TEXT("{\"match\":\"* /\",\"times\":-1,\"status\":200,\"content_type\":"
                           "\"application/json\",\"body\":%s}",
                           many[i])
                          .ptr);
        for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
            const struct json *answer = get(&proxy, str_from(lists[k]));

            assert_int_equal(json_size(answer), 1);
            assert_true(str_is(json_str(json_find(answer, "/0/id")), "7"));
        }
    }
    proxy_stop(&proxy);
}

/* ---- secrets, problems ---- */

static void planted_secrets_pass_nowhere(void **state)
{
    static const char *const sets[] = {"sandbox.execution_ms=0", NULL};
    struct proxy proxy;
    struct str canary;
    struct str job;
    const char *targets[4];

    (void)state;
    proxy_start(&proxy, sets);
    canary = json_str(json_get(sandbox_state(proxy.program.sandbox_port, &proxy.arena), "canary"));
    assert_true(canary.len > 0);
    job = json_str(json_get(
        post(&proxy, "/api/executions", 201, TEXT("{\"goalId\":%lld}", (long long)proxy.seed.goal)),
        "id"));
    targets[0] = TEXT("/api/executions/%.*s?raw=true", STR_ARG(job)).ptr;
    targets[1] = TEXT("/virtuoso/executions/%.*s", STR_ARG(job)).ptr;
    targets[2] = TEXT("/virtuoso/executions/%.*s/status?envelope=false", STR_ARG(job)).ptr;
    targets[3] = "/metrics";
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        client_ask(proxy.program.port, "GET", targets[i], NULL, STR_EMPTY, &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
        assert_false(str_contains(reply_text(&proxy.reply), canary));
    }
    (void)proxy_ask_str(
        &proxy, "POST", "/api/v1/commands/execute", NULL,
        TEXT("{\"command\":\"monitor-execution\",\"args\":[\"%.*s\"]}", STR_ARG(job)));
    assert_false(str_contains(reply_text(&proxy.reply), canary));
    assert_false(program_wrote(&proxy.program, arena_cstr(&proxy.arena, canary)));
    proxy_stop(&proxy);
}

static void every_error_code_has_its_page(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (int code = ERR_OK + 1; code < ERR_N_CODES; code++) {
        const struct json *answer =
            get(&proxy, TEXT("/problems/%s", error_slug((enum error_code)code)));

        assert_true(json_str(json_get(answer, "cause")).len > 10);
        assert_true(json_str(json_get(answer, "fix")).len > 10);
    }
    client_ask(proxy.program.port, "GET", "/problems/not_found", "Accept: text/html\r\n", STR_EMPTY,
               &proxy.reply);
    assert_true(str_starts(reply_field(&proxy.reply, "Content-Type"), STR("text/html")));
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_a_project_to_its_steps),
        cmocka_unit_test(a_journey_is_copied_with_its_checkpoints_and_steps),
        cmocka_unit_test(a_copy_that_fails_says_what_is_made),
        cmocka_unit_test(a_goal_runs_and_tells_its_outcome),
        cmocka_unit_test(the_platforms_refusals_keep_their_meaning),
        cmocka_unit_test(every_envelope_is_read_at_every_endpoint),
        cmocka_unit_test(planted_secrets_pass_nowhere),
        cmocka_unit_test(every_error_code_has_its_page),
    };

    return cmocka_run_group_tests_name("simple", tests, NULL, NULL);
}
