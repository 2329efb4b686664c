/* A platform of ten lines, a few calls, and a clock that the test moves: what tests of plans
 * share. */
#ifndef TESTS_UNIT_PLAN_FAKE_PORT_H
#define TESTS_UNIT_PLAN_FAKE_PORT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "base/clock.h"
#include "observe/trace.h"
#include "plan/plan.h"

#define MAYBE_UNUSED __attribute__((unused))

/* --- the fake platform ------------------------------------------------------------------------ */

enum { MAX_ANSWERS = 64 };

struct scripted {
    enum error_code code;
    int status;
    const char *body;
    const char *content_type; /* NULL: JSON */
    bool silent;              /* never answers */
    unsigned retry_after_s;
};

static struct {
    struct deadlines deadlines;
    struct later later;
    struct later_item answering;
    const struct scripted *script;
    size_t n_script;
    size_t n_asked;
    size_t n_cancelled;
    enum error_code refuse;
    struct upstream_call *call;
    char seen[MAX_ANSWERS][512]; /* "METHOD path?query body" */
    char traceparent[64];
    struct str tracestate;
    unsigned deadline_ms;
} fake;

static MAYBE_UNUSED bool fake_sifts; /* answers, however short they are, three bytes at a time */

/* What is kept of it, in memory of the test. */
static struct str fake_sift(struct upstream_call *call, struct arena *memory, struct str body)
{
    struct upstream_sieve *sieve = call->request.sieve;
    struct buf kept;

    if (!fake_sifts || sieve == NULL) {
        return body;
    }
    buf_init(&kept, 1 << 20);
    for (size_t at = 0; at < body.len; at += 3) {
        sieve->take(sieve, at, str_sub(body, at, 3), &kept);
    }
    return arena_take(memory, &kept);
}

static MAYBE_UNUSED bool fake_is_new; /* the first answer is the first one of its connection */

static struct arena arena;

static void fake_answer(struct later_item *item)
{
    struct upstream_call *call = fake.call;
    const struct scripted *answer = &fake.script[fake.n_asked - 1];

    (void)item;
    fake.call = NULL;
    call->state = CALL_IDLE;
    call->tries = 1;
    call->connection_serial = 1;
    call->was_kept = fake.n_asked > 1 || !fake_is_new;
    call->reply.status = answer->status;
    call->reply.body = fake_sift(call, &arena, str_from(answer->body));
    call->reply.content_type =
        str_from(answer->content_type != NULL ? answer->content_type : "application/json");
    call->reply.retry_after_s = answer->retry_after_s;
    if (answer->code != ERR_OK) {
        (void)error_set(&call->error, answer->code, "the fake says so");
    }
    call->on_done(call, answer->code);
}

static enum error_code fake_start(void *context, struct upstream_call *call, struct error *err)
{
    struct buf text;

    (void)context;
    assert_null(fake.call);
    if (fake.refuse != ERR_OK) {
        return error_set(err, fake.refuse, "refused by the fake");
    }
    assert_true(fake.n_asked < fake.n_script && fake.n_asked < MAX_ANSWERS);
    buf_init(&text, sizeof(fake.seen[0]) - 1);
    buf_printf(&text, "%.*s %.*s%s%.*s%s%.*s", STR_ARG(call->request.method),
               STR_ARG(call->request.path), call->request.query.len > 0 ? "?" : "",
               STR_ARG(call->request.query), call->request.body.len > 0 ? " " : "",
               STR_ARG(call->request.body));
    memcpy(fake.seen[fake.n_asked], buf_cstr(&text), text.len + 1);
    buf_done(&text);
    fake.tracestate = call->request.tracestate;
    memset(fake.traceparent, 0, sizeof(fake.traceparent));
    if (call->request.traceparent.len > 0) {
        memcpy(fake.traceparent, call->request.traceparent.ptr, call->request.traceparent.len);
    }
    fake.deadline_ms = call->request.deadline_ms;
    fake.call = call;
    call->state = CALL_ACTIVE;
    if (!fake.script[fake.n_asked++].silent) {
        later_add(&fake.later, &fake.answering, fake_answer);
    }
    return ERR_OK;
}

static void fake_cancel(void *context, struct upstream_call *call)
{
    (void)context;
    assert_ptr_equal(call, fake.call);
    fake.n_cancelled++;
    fake.call = NULL;
    call->state = CALL_IDLE;
    later_remove(&fake.answering);
}

static struct told_ids fake_told;
static const struct plan_port port = {.start = fake_start,
                                      .cancel = fake_cancel,
                                      .deadlines = &fake.deadlines,
                                      .later = &fake.later,
                                      .told = &fake_told};

/* --- calls and helpers ------------------------------------------------------------------------ */

/* clang-format off */
static const struct call_spec specs[] = {
    {.name = "find project", .method = "GET", .path = "/projects", .query = "name={name}&x={?x}",
     .class = CALL_READ, .needs_json = true},
    {.name = "create project", .method = "POST", .path = "/projects",
     .body = JSON({"name": "$name", "organizationId": "$#organization_id"}),
     .class = CALL_CREATE, .needs_json = true, .captures = {{"project_id", "/item/id /id", true}}, .repeats = {"name", "/item/name /name", false}},
    {.name = "create goal", .method = "POST", .path = "/projects/{project_id}/goals",
     .body = JSON({"name": "$name", "projectId": "$#project_id", "url": "$?url"}),
     .class = CALL_CREATE, .needs_json = true,
     .captures = {{"goal_id", "/item/id /goal/id /id", true}, {"extra", "/item/extra", false}}},
    {.name = "status", .method = "GET", .path = "/executions/{goal_id}/status", .class = CALL_READ,
     .needs_json = true},
    {.name = "delete", .method = "DELETE", .path = "/goals/{goal_id}", .class = CALL_CHANGE,
     .needs_json = true},
    {.name = "state", .method = "GET", .path = "/goals/{goal_id}", .class = CALL_READ, .needs_json = true,
     .about = "goal_id", .tells = "/item/status /status"},
};

/* clang-format on */

enum { FIND, CREATE_PROJECT, CREATE_GOAL, STATUS, DELETE_GOAL, STATE, N_CALLS };

static struct call calls[N_CALLS];
static struct plan plan;
static unsigned n_done;
static MAYBE_UNUSED unsigned n_progress;

static MAYBE_UNUSED int begin(void **state)
{
    struct plan_options options = {.request_id = STR("r1"), .stored_token = true};

    (void)state;
    memset(&fake, 0, sizeof(fake));
    memset(&fake_told, 0, sizeof(fake_told));
    deadlines_init(&fake.deadlines);
    later_init(&fake.later);
    clock_set(1000000, 1700000000000);
    arena_init(&arena);
    for (size_t i = 0; i < N_CALLS; i++) {
        struct error err = {0};

        if (call_compile(&arena, &specs[i], i, &calls[i], &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
    }
    n_done = 0;
    n_progress = 0;
    plan_init(&plan, &arena, &port, &options);
    plan_set_str(&plan, "name", STR("a \"b\""));
    plan_set_str(&plan, "organization_id", STR("7"));
    return 0;
}

static MAYBE_UNUSED int end(void **state)
{
    (void)state;
    assert_true(deadlines_is_empty(&fake.deadlines));
    assert_true(later_is_empty(&fake.later));
    arena_done(&arena);
    clock_release();
    return 0;
}

static MAYBE_UNUSED void on_done(struct plan *ended)
{
    assert_ptr_equal(ended, &plan);
    n_done++;
}

static MAYBE_UNUSED void go(const struct scripted *script, size_t n)
{
    fake.script = script;
    fake.n_script = n;
    plan_start(&plan, on_done, NULL);
    assert_int_equal(n_done, 0);
    while (later_run(&fake.later) > 0) {
    }
}

static MAYBE_UNUSED void pass_ms(uint64_t ms)
{
    clock_advance(ms);
    (void)deadlines_run(&fake.deadlines, clock_now_ms());
    while (later_run(&fake.later) > 0) {
    }
}

#define GO(...)                                                                                    \
    do {                                                                                           \
        static const struct scripted script[] = {__VA_ARGS__};                                     \
        go(script, ARRAY_LEN(script));                                                             \
    } while (0)

static MAYBE_UNUSED void expect_seen(size_t index, const char *text)
{
    assert_true(index < fake.n_asked);
    assert_string_equal(fake.seen[index], text);
}

/* --- rows that several tests use --- */

static MAYBE_UNUSED enum plan_verdict take_project(struct plan *p, struct plan_row *row,
                                                   const struct json *answer, uint64_t *delay_ms,
                                                   struct error *err)
{
    const struct json *id = json_find(answer, "/items/0/id");

    (void)row;
    (void)delay_ms;
    (void)err;
    if (id != NULL) {
        plan_set(p, "project_id", json_copy(p->arena, id));
    }
    return PLAN_NEXT;
}

static MAYBE_UNUSED void find_or_create(void)
{
    plan_append(&plan, &calls[FIND])->after = take_project;
    plan_append(&plan, &calls[CREATE_PROJECT])->when = "!project_id";
    plan_append(&plan, &calls[CREATE_GOAL])->when = "project_id";
}

static MAYBE_UNUSED bool before_never(struct plan *p, struct plan_row *row)
{
    (void)p;
    (void)row;
    return false;
}

static MAYBE_UNUSED bool before_sets(struct plan *p, struct plan_row *row)
{
    (void)row;
    plan_set_str(p, "goal_id", STR("77"));
    return true;
}

#endif
