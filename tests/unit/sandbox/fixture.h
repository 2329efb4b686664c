/* A sandbox state without sockets, and asking it: what the tests of the room share. */
#ifndef UNIT_SANDBOX_FIXTURE_H
#define UNIT_SANDBOX_FIXTURE_H

#include "harness/cmocka.h"
#include "harness/foreign.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "data/json.h"
#include "sandbox/sandbox.h"

enum { NOW_MS = 1000000, FIXTURE_EXECUTION_MS = 1000 };

#define WALL_MS INT64_C(1700000000000)

struct fixture {
    struct sandbox_options options;
    struct sandbox_state *state;
    struct arena arena;
    const char *token; /* NULL: none is sent */
    struct sandbox_reply reply;
    int64_t project;
    int64_t goal;
    int64_t snapshot;
    int64_t journey;     /* the first one, made with the goal */
    int64_t checkpoint;  /* its first one */
    int64_t execution;   /* 0 until a test starts one */
    int64_t environment; /* 0 until a test makes one */
    int64_t n;           /* of names that must differ */
};

static inline int fixture_set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));

    clock_set(NOW_MS, WALL_MS);
    sandbox_options_init(&f->options);
    f->options.execution_ms = FIXTURE_EXECUTION_MS;
    f->options.canary = STR("canary-1234");
    f->options.seed = 42;
    f->state = sandbox_state_new(&f->options);
    f->token = "alice";
    arena_init(&f->arena);
    *state = f;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    sandbox_state_free(f->state);
    arena_done(&f->arena);
    mem_free(f);
    clock_release();
    return 0;
}

/* One request with the token; the query is cut off the path. Returns the status. */
static inline int ask(struct fixture *f, const char *method, const char *path, const char *body)
{
    struct http_header headers[2] = {{STR("Host"), STR("sandbox")},
                                     {STR("Authorization"), STR("")}};
    struct sandbox_request request = {
        .method = str_from(method), .headers = headers, .n_headers = 1, .body = str_from(body)};

    if (f->token != NULL) {
        headers[1].value = arena_printf(&f->arena, "Bearer %s", f->token);
        request.n_headers = 2;
    }
    (void)str_cut(str_from(path), '?', &request.path, &request.query);
    sandbox_answer(f->state, &f->arena, &request, &f->reply);
    return f->reply.status;
}

static inline const struct json *answer(struct fixture *f)
{
    struct json *json = NULL;
    struct error err = {0};
    struct json_limits limits = {.max_nodes = 1000000};

    if (json_parse(&f->arena, f->reply.body, &limits, &json, &err) != ERR_OK) {
        fail_msg("not JSON: %s: %.*s", err.text, STR_ARG(f->reply.body));
    }
    return json;
}

/* A request that must succeed; its answer, bare. */
static inline const struct json *call_ok(struct fixture *f, const char *method, const char *path,
                                         const char *body)
{
    bool has_query = str_contains(str_from(path), STR("?"));
    struct str target =
        arena_printf(&f->arena, "/api%s%cenvelope=false", path, has_query ? '&' : '?');

    if (ask(f, method, target.ptr, body) / 100 != 2 || f->reply.status == 204) {
        fail_msg("%s %s: %d %.*s", method, path, f->reply.status, STR_ARG(f->reply.body));
    }
    return answer(f);
}

static inline int64_t int_at(const struct json *json, const char *pointer)
{
    int64_t value = 0;

    if (!json_to_i64(json_find(json, pointer), &value)) {
        fail_msg("no number at %s", pointer);
    }
    return value;
}

static inline void assert_text(const struct json *json, const char *pointer, const char *want)
{
    struct str have = json_str(json_find(json, pointer));

    if (!str_is(have, want)) {
        fail_msg("%s: \"%.*s\" instead of \"%s\"", pointer, STR_ARG(have), want);
    }
}

#define TEXT(f, ...) (arena_printf(&(f)->arena, __VA_ARGS__).ptr)

/* A project and a goal with its first journey. */
static inline void make_structure(struct fixture *f)
{
    const struct json *json =
        call_ok(f, "POST", "/projects", "{\"name\":\"Shop\",\"organizationId\":7}");

    f->project = int_at(json, "/id");
    json = call_ok(f, "POST", "/goals",
                   TEXT(f,
                        "{\"projectId\":%lld,\"name\":\"Goal\",\"url\":\"https://shop.example/\","
                        "\"environmentId\":null,\"createFirstJourney\":true}",
                        (long long)f->project));
    f->goal = int_at(json, "/id");
    json = call_ok(f, "GET", TEXT(f, "/goals/%lld/versions", (long long)f->goal), NULL);
    f->snapshot = int_at(json, "/snapshots/0/snapshotId");
    json = call_ok(f, "GET",
                   TEXT(f, "/testsuites/latest_status?goalId=%lld&snapshotId=%lld",
                        (long long)f->goal, (long long)f->snapshot),
                   NULL);
    f->journey = int_at(json_first(json), "/journey/id");
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    f->checkpoint = int_at(json, "/cases/0/id");
}

static inline int64_t make_step(struct fixture *f, int64_t checkpoint, int64_t at,
                                const char *value)
{
    return int_at(call_ok(f, "POST", "/teststeps",
                          TEXT(f,
                               "{\"checkpointId\":%lld,\"stepIndex\":%lld,\"parsedStep\":"
                               "{\"action\":\"WRITE\",\"value\":\"%s\",\"meta\":{\"kind\":"
                               "\"WRITE\",\"append\":false}}}",
                               (long long)checkpoint, (long long)at, value)),
                  "/testStep/id");
}

static inline int64_t make_checkpoint(struct fixture *f, const char *title)
{
    return int_at(call_ok(f, "POST", "/testcases",
                          TEXT(f, "{\"goalId\":%lld,\"snapshotId\":%lld,\"title\":\"%s\"}",
                               (long long)f->goal, (long long)f->snapshot, title)),
                  "/id");
}

/* The values of a checkpoint's steps, joined: "a b c". */
static inline const char *values_of(struct fixture *f, int64_t checkpoint)
{
    const struct json *steps =
        call_ok(f, "GET", TEXT(f, "/checkpoints/%lld/teststeps", (long long)checkpoint), NULL);
    const struct json *step;
    struct str text = STR_EMPTY;

    JSON_FOREACH (step, steps) {
        text = arena_printf(&f->arena, "%.*s%s%.*s", STR_ARG(text), text.len > 0 ? " " : "",
                            STR_ARG(json_str(json_get(step, "value"))));
    }
    return text.len > 0 ? text.ptr : "";
}

/* {P} project, {G} goal, {S} snapshot, {J} journey, {C} checkpoint, {E} execution, {V} environment. */
static inline const char *filled(struct fixture *f, const char *text)
{
    struct foreign_ids ids = {.project = f->project,
                              .goal = f->goal,
                              .snapshot = f->snapshot,
                              .journey = f->journey,
                              .checkpoint = f->checkpoint,
                              .execution = f->execution,
                              .environment = f->environment,
                              .n = f->n};
    const char *out = foreign_text(&f->arena, &ids, text);

    f->n = ids.n;
    return out;
}

#endif
