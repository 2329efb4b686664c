/* Plans against a platform of ten lines: no sockets, a clock that the test moves. */
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

int test_plan(void);

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
    unsigned deadline_ms;
} fake;

static void fake_answer(struct later_item *item)
{
    struct upstream_call *call = fake.call;
    const struct scripted *answer = &fake.script[fake.n_asked - 1];

    (void)item;
    fake.call = NULL;
    call->state = CALL_IDLE;
    call->tries = 1;
    call->reply.status = answer->status;
    call->reply.body = str_from(answer->body);
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

static const struct plan_port port = {
    .start = fake_start, .cancel = fake_cancel, .deadlines = &fake.deadlines, .later = &fake.later};

/* --- calls and helpers ------------------------------------------------------------------------ */

/* clang-format off */
static const struct call_spec specs[] = {
    {.name = "find project", .method = "GET", .path = "/projects", .query = "name={name}&x={?x}",
     .class = CALL_READ, .needs_json = true},
    {.name = "create project", .method = "POST", .path = "/projects",
     .body = JSON({"name": "$name", "organizationId": "$#organization_id"}),
     .class = CALL_CREATE, .needs_json = true, .captures = {{"project_id", "/item/id /id", true}}},
    {.name = "create goal", .method = "POST", .path = "/projects/{project_id}/goals",
     .body = JSON({"name": "$name", "projectId": "$#project_id", "url": "$?url"}),
     .class = CALL_CREATE, .needs_json = true,
     .captures = {{"goal_id", "/item/id /goal/id /id", true}, {"extra", "/item/extra", false}}},
    {.name = "status", .method = "GET", .path = "/executions/{goal_id}/status", .class = CALL_READ,
     .needs_json = true},
    {.name = "delete", .method = "DELETE", .path = "/goals/{goal_id}", .class = CALL_CHANGE,
     .needs_json = true},
};

/* clang-format on */

enum { FIND, CREATE_PROJECT, CREATE_GOAL, STATUS, DELETE_GOAL, N_CALLS };

static struct call calls[N_CALLS];
static struct arena arena;
static struct plan plan;
static unsigned n_done;
static unsigned n_progress;

static int begin(void **state)
{
    struct plan_options options = {.request_id = STR("r1"), .stored_token = true};

    (void)state;
    memset(&fake, 0, sizeof(fake));
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

static int end(void **state)
{
    (void)state;
    assert_true(deadlines_is_empty(&fake.deadlines));
    assert_true(later_is_empty(&fake.later));
    arena_done(&arena);
    clock_release();
    return 0;
}

static void on_done(struct plan *ended)
{
    assert_ptr_equal(ended, &plan);
    n_done++;
}

static void go(const struct scripted *script, size_t n)
{
    fake.script = script;
    fake.n_script = n;
    plan_start(&plan, on_done, NULL);
    assert_int_equal(n_done, 0);
    while (later_run(&fake.later) > 0) {
    }
}

static void pass_ms(uint64_t ms)
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

static void expect_seen(size_t index, const char *text)
{
    assert_true(index < fake.n_asked);
    assert_string_equal(fake.seen[index], text);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void rows_run_in_order_and_feed_each_other(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{\"success\":true,\"item\":{\"id\":41}}"},
       {.status = 201, .body = "{\"goal\":{\"id\":\"42\"}}"}, {.status = 200, .body = "{}"});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(0, "POST /projects {\"name\":\"a \\\"b\\\"\",\"organizationId\":7}");
    expect_seen(1, "POST /projects/41/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":41}");
    expect_seen(2, "GET /executions/42/status");
    assert_int_equal(plan.n_calls, 3);
    assert_int_equal(plan.rows[1].http_status, 201);
    assert_int_equal(plan.last_status, 200);
    assert_null(plan_get(&plan, "extra"));
}

static void an_empty_plan_ends_well_and_not_from_start(void **state)
{
    (void)state;
    GO({.status = 200});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OK);
}

static enum plan_verdict take_project(struct plan *p, struct plan_row *row,
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

static void find_or_create(void)
{
    plan_append(&plan, &calls[FIND])->after = take_project;
    plan_append(&plan, &calls[CREATE_PROJECT])->when = "!project_id";
    plan_append(&plan, &calls[CREATE_GOAL])->when = "project_id";
}

static void what_was_found_is_not_created(void **state)
{
    (void)state;
    find_or_create();
    GO({.status = 200, .body = "{\"success\":true,\"items\":[{\"id\":5}]}"},
       {.status = 200, .body = "{\"id\":6}"});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(fake.n_asked, 2);
    expect_seen(0, "GET /projects?name=a%20%22b%22");
    expect_seen(1, "POST /projects/5/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":5}");
    assert_int_equal(plan.rows[1].status, ROW_SKIPPED);
    assert_int_equal(json_size(plan_report(&plan)), 2);
}

static void what_was_not_found_is_created(void **state)
{
    (void)state;
    find_or_create();
    GO({.status = 200, .body = "{\"success\":true,\"items\":[]}"},
       {.status = 200, .body = "{\"id\":8}"}, {.status = 200, .body = "{\"id\":9}"});
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(2, "POST /projects/8/goals {\"name\":\"a \\\"b\\\"\",\"projectId\":8}");
}

static void the_first_failure_ends_the_plan_and_the_report_says_what_exists(void **state)
{
    struct json *report;

    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{\"id\":41}"},
       {.status = 409,
        .body = "{\"success\":false,\"error\":{\"code\":\"x\",\"message\":\"name is taken\"}}"});
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(plan.error.upstream_status, 409);
    assert_non_null(strstr(plan.error.text, "name is taken"));
    assert_non_null(strstr(plan.error.text, "create goal"));
    report = plan_report(&plan);
    assert_true(str_eq(json_text(&arena, report),
                       STR("[{\"name\":\"create project\",\"status\":\"done\",\"http_status\":200,"
                           "\"ms\":0},{\"name\":\"create goal\",\"status\":\"failed\","
                           "\"http_status\":409,\"ms\":0,\"error\":\"create goal: the platform "
                           "refused (409): name is taken\"}]")));
    assert_int_equal(plan.rows[2].status, ROW_PENDING);
}

static void keep_going_goes_on_after_a_failure(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[CREATE_PROJECT])->keep_going = true;
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 500, .body = "{}"}, {.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
    assert_int_equal(plan.rows[0].error.code, ERR_UPSTREAM_ERROR);
    assert_int_equal(plan.rows[1].status, ROW_DONE);
}

struct judged {
    size_t call;
    struct scripted answer;
    enum error_code code;
    enum row_status status;
    const char *words;
};

static void every_answer_is_judged_in_one_place(void **state)
{
    /* clang-format off */
    static const struct judged rows[] = {
        {STATUS, {.status = 401, .body = "{\"success\":false,\"error\":{\"code\":\"401\",\"message\":\"Unauthorized\"}}"},
         ERR_UPSTREAM_AUTH, ROW_FAILED, "Unauthorized"},
        {STATUS, {.status = 403, .body = ""}, ERR_UPSTREAM_AUTH, ROW_FAILED, "403"},
        {STATUS, {.status = 404, .body = "<html>gone</html>", .content_type = "text/html"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "an HTML page"},
        {STATUS, {.status = 400, .body = "{\"error\":\"bad name\"}"}, ERR_UPSTREAM_REFUSED, ROW_FAILED, "bad name"},
        {STATUS, {.status = 429, .body = "", .retry_after_s = 7}, ERR_RATE_LIMITED, ROW_FAILED, "fewer"},
        {STATUS, {.status = 503, .body = "busy", .content_type = "text/plain"}, ERR_UPSTREAM_ERROR, ROW_FAILED, "busy"},
        {STATUS, {.status = 302, .body = ""}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "302"},
        {STATUS, {.status = 200, .body = "Not Found", .content_type = "text/plain"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "Not Found"},
        {STATUS, {.status = 200, .body = "{broken"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "{broken"},
        {STATUS, {.status = 200, .body = ""}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "empty"},
        {STATUS, {.status = 204, .body = ""}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"success\":false,\"error\":\"quota\"}"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "quota"},
        {STATUS, {.status = 200, .body = "[1,2]", .content_type = "application/json; charset=utf-8"},
         ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{}", .content_type = ""}, ERR_OK, ROW_DONE, NULL},
        {CREATE_PROJECT, {.status = 200, .body = "{\"success\":true,\"item\":{}}"},
         ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 204, .body = ""}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "Not Found", .content_type = "text/plain"},
         ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "look before"},
        {CREATE_PROJECT, {.code = ERR_OUTCOME_UNKNOWN, .body = ""}, ERR_OUTCOME_UNKNOWN, ROW_UNKNOWN, "create project"},
        {CREATE_PROJECT, {.code = ERR_UPSTREAM_CONNECT, .body = ""}, ERR_UPSTREAM_CONNECT, ROW_FAILED, "create project"},
        {DELETE_GOAL, {.status = 204, .body = ""}, ERR_OK, ROW_DONE, NULL},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)end(NULL);
        (void)begin(NULL);
        plan_set_str(&plan, "goal_id", STR("3"));
        (void)plan_append(&plan, &calls[rows[i].call]);
        go(&rows[i].answer, 1);
        if (plan.result != rows[i].code || plan.rows[0].status != rows[i].status ||
            (rows[i].words != NULL && strstr(plan.error.text, rows[i].words) == NULL)) {
            fail_msg("row %zu: code %d status %d: %s", i, (int)plan.result,
                     (int)plan.rows[0].status, plan.error.text);
        }
        if (plan.result != ERR_OK) {
            assert_int_equal(plan.error.upstream_status, rows[i].answer.status);
            assert_int_equal(plan.error.retry_after_s, rows[i].answer.retry_after_s);
        }
    }
}

static void a_callers_own_token_that_is_refused_is_the_callers_error(void **state)
{
    (void)state;
    plan.options.stored_token = false;
    plan_set_str(&plan, "goal_id", STR("3"));
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 401, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(plan.error.upstream_status, 401);
}

static enum plan_verdict wait_finished(struct plan *p, struct plan_row *row,
                                       const struct json *answer, uint64_t *delay_ms,
                                       struct error *err)
{
    (void)p;
    (void)row;
    (void)err;
    *delay_ms = 2000;
    return str_is(json_str(json_get(answer, "status")), "FINISHED") ? PLAN_NEXT : PLAN_AGAIN;
}

static void a_row_polls_until_its_after_is_content(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"RUNNING\"}"},
       {.status = 200, .body = "{\"status\":\"FINISHED\"}"}, {.status = 204, .body = ""});
    assert_int_equal(fake.n_asked, 1);
    pass_ms(1999);
    assert_int_equal(fake.n_asked, 1);
    pass_ms(1);
    assert_int_equal(fake.n_asked, 2);
    pass_ms(2000);
    pass_ms(2000);
    assert_int_equal(fake.n_asked, 5);
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.rows[0].tries, 4);
    assert_true(str_is(json_str(json_get(plan.rows[0].answer, "status")), "FINISHED"));
    assert_int_equal(plan.rows[0].us, 6000000);
}

static void the_deadline_of_the_plan_ends_polling(void **state)
{
    (void)state;
    plan.options.deadline_ms = 5000;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{\"status\":\"A\"}"}, {.status = 200, .body = "{\"status\":\"A\"}"},
       {.status = 200, .body = "{\"status\":\"A\"}"},
       {.status = 200, .body = "{\"status\":\"A\"}"});
    assert_int_equal(fake.deadline_ms, 5000);
    pass_ms(2000);
    assert_int_equal(fake.deadline_ms, 3000);
    pass_ms(2000);
    assert_int_equal(n_done, 0);
    pass_ms(1000);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_UPSTREAM_TIMEOUT);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
}

static void a_create_in_flight_at_the_deadline_is_unknown(void **state)
{
    (void)state;
    plan.options.deadline_ms = 5000;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.silent = true});
    assert_true(plan_must_finish(&plan));
    pass_ms(5000);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_int_equal(fake.n_cancelled, 1);
}

static void cancel_is_silent_at_every_stage(void **state)
{
    struct plan zero = {0};

    (void)state;
    plan_cancel(&zero);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    /* before the first turn */
    plan_start(&plan, on_done, NULL);
    plan_cancel(&plan);
    plan_cancel(&plan);
    assert_true(later_is_empty(&fake.later));
    /* in flight */
    (void)end(NULL);
    (void)begin(NULL);
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.silent = true});
    plan_cancel(&plan);
    assert_int_equal(fake.n_cancelled, 1);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    /* between two polls */
    (void)end(NULL);
    (void)begin(NULL);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{}"});
    plan_cancel(&plan);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
    assert_int_equal(n_done, 0);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static void stop_lets_the_row_in_flight_end(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    (void)plan_append(&plan, &calls[CREATE_GOAL]);
    fake.n_script = 1;
    fake.script = &(const struct scripted){.status = 200, .body = "{\"id\":1}"};
    plan_start(&plan, on_done, NULL);
    (void)later_run(&fake.later);
    assert_true(plan_must_finish(&plan));
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
    assert_int_equal(plan.rows[0].status, ROW_DONE);
    assert_int_equal(plan.rows[1].status, ROW_PENDING);
}

static void stop_at_the_last_row_or_between_polls_is_prompt(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    fake.n_script = 1;
    fake.script = &(const struct scripted){.status = 200, .body = "{\"id\":1}"};
    plan_start(&plan, on_done, NULL);
    (void)later_run(&fake.later);
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(plan.result, ERR_OK); /* nothing was left out */

    (void)end(NULL);
    (void)begin(NULL);
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = wait_finished;
    GO({.status = 200, .body = "{}"});
    plan_stop_after_row(&plan);
    while (later_run(&fake.later) > 0) {
    }
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.result, ERR_CANCELLED);
}

static enum plan_verdict append_more(struct plan *p, struct plan_row *row,
                                     const struct json *answer, uint64_t *delay_ms,
                                     struct error *err)
{
    (void)row;
    (void)answer;
    (void)delay_ms;
    (void)err;
    if (p->n_rows < 40) {
        plan_append(p, &calls[STATUS])->after = append_more;
    }
    return PLAN_NEXT;
}

static void after_may_append_rows(void **state)
{
    static struct scripted script[40];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(script); i++) {
        script[i] = (struct scripted){.status = 200, .body = "{}"};
    }
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->after = append_more;
    go(script, ARRAY_LEN(script));
    assert_int_equal(plan.n_rows, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(plan.rows[i].status, ROW_DONE);
    }
    assert_int_equal(plan.result, ERR_OK);
}

static enum plan_verdict ask_status_twice(struct plan *p, struct plan_row *row)
{
    assert_int_equal(row->status, ROW_UNKNOWN);
    assert_int_equal(row->error.code, ERR_OUTCOME_UNKNOWN);
    plan_insert(p, &calls[STATUS])->label = "first look";
    plan_insert(p, &calls[STATUS])->label = "second look";
    return PLAN_NEXT;
}

static void a_failed_row_may_insert_rows_that_look(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[CREATE_PROJECT])->failed = ask_status_twice;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.code = ERR_OUTCOME_UNKNOWN, .body = ""}, {.status = 200, .body = "{}"},
       {.status = 200, .body = "{}"}, {.status = 204, .body = ""});
    assert_int_equal(plan.result, ERR_OK);
    assert_int_equal(plan.n_rows, 4);
    assert_string_equal(plan.rows[1].label, "first look");
    assert_string_equal(plan.rows[2].label, "second look");
    expect_seen(3, "DELETE /goals/3");
}

static bool before_never(struct plan *p, struct plan_row *row)
{
    (void)p;
    (void)row;
    return false;
}

static bool before_sets(struct plan *p, struct plan_row *row)
{
    (void)row;
    plan_set_str(p, "goal_id", STR("77"));
    return true;
}

static void before_may_skip_a_row_and_set_values(void **state)
{
    (void)state;
    plan_append(&plan, &calls[CREATE_PROJECT])->before = before_never;
    plan_append(&plan, &calls[STATUS])->before = before_sets;
    GO({.status = 200, .body = "{}"});
    assert_int_equal(fake.n_asked, 1);
    expect_seen(0, "GET /executions/77/status");
    assert_int_equal(plan.rows[0].status, ROW_SKIPPED);
}

static void args_of_a_row_come_before_variables(void **state)
{
    struct json *args = json_new_object(&arena);

    (void)state;
    json_set(args, STR("goal_id"), json_new_int(&arena, 5));
    plan_set_str(&plan, "goal_id", STR("3"));
    plan_append(&plan, &calls[STATUS])->args = args;
    plan_append(&plan, &calls[STATUS])->save_as = "last";
    GO({.status = 200, .body = "{}"}, {.status = 200, .body = "{\"a\":[1]}"});
    expect_seen(0, "GET /executions/5/status");
    expect_seen(1, "GET /executions/3/status");
    assert_int_equal(json_size(json_find(plan_get(&plan, "last"), "/a")), 1);
}

static enum plan_verdict accept_404(struct plan *p, struct plan_row *row, const struct json *answer,
                                    uint64_t *delay_ms, struct error *err)
{
    (void)p;
    (void)answer;
    (void)delay_ms;
    (void)err;
    return row->http_status == 404 ? PLAN_DONE : PLAN_FAIL;
}

static void a_row_may_take_any_status_and_end_the_plan(void **state)
{
    struct plan_row *row;

    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    row = plan_append(&plan, &calls[STATUS]);
    row->accept_any_status = true;
    row->after = accept_404;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    GO({.status = 404, .body = "nothing", .content_type = "text/plain"});
    assert_int_equal(plan.result, ERR_OK);
    assert_true(str_is(plan.rows[0].answer_text, "nothing"));
    assert_int_equal(plan.rows[1].status, ROW_PENDING);
}

static void a_row_that_cannot_be_sent_fails_like_any_other(void **state)
{
    (void)state;
    (void)plan_append(&plan, &calls[STATUS]); /* goal_id is not set */
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_INTERNAL);
    assert_int_equal(n_done, 1);
    assert_int_equal(fake.n_asked, 0);

    (void)end(NULL);
    (void)begin(NULL);
    fake.refuse = ERR_OVERLOADED;
    (void)plan_append(&plan, &calls[CREATE_PROJECT]);
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.result, ERR_OVERLOADED);
    assert_int_equal(n_done, 1);
    assert_int_equal(plan.rows[0].status, ROW_FAILED);
}

static void cancel_on_second(struct plan *p, struct plan_row *row)
{
    n_progress++;
    if (row == &p->rows[1] && row->status == ROW_RUNNING) {
        plan_cancel(p);
    }
}

static void progress_is_told_and_may_cancel(void **state)
{
    (void)state;
    plan_set_str(&plan, "goal_id", STR("3"));
    plan.on_progress = cancel_on_second;
    (void)plan_append(&plan, &calls[STATUS]);
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{}"}, {.status = 200, .body = "{}"});
    assert_int_equal(n_progress, 3);
    assert_int_equal(n_done, 0);
    assert_int_equal(fake.n_asked, 1);
}

static void each_call_carries_the_trace(void **state)
{
    struct trace trace;

    (void)state;
    trace_begin(&trace, 0);
    plan.options.trace = &trace;
    plan_set_str(&plan, "goal_id", STR("3"));
    (void)plan_append(&plan, &calls[STATUS]);
    GO({.status = 200, .body = "{}"});
    assert_non_null(strstr(fake.traceparent, trace.trace_id));
}

static void expect_dry(const char *text)
{
    struct json *requests = NULL;
    struct error err = {0};

    if (plan_dry_run(&plan, &requests, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(arena_cstr(&arena, json_text(&arena, requests)), text);
    assert_int_equal(fake.n_asked, 0);
}

static void a_dry_run_shows_what_would_be_sent(void **state)
{
    (void)state;
    find_or_create();
    plan_append(&plan, &calls[STATUS])->when = "never_set_and_no_one_can";
    plan.rows[0].after = NULL;
    (void)plan_append(&plan, &calls[DELETE_GOAL]);
    expect_dry("[{\"method\":\"GET\",\"path\":\"/projects\",\"query\":\"name=a%20%22b%22\"},"
               "{\"method\":\"POST\",\"path\":\"/projects\",\"body\":{\"name\":\"a \\\"b\\\"\","
               "\"organizationId\":7}},"
               "{\"method\":\"POST\",\"path\":\"/projects/{project_id}/goals\",\"body\":{\"name\":"
               "\"a \\\"b\\\"\",\"projectId\":\"{project_id}\"}},"
               "{\"method\":\"DELETE\",\"path\":\"/goals/{goal_id}\"}]");
}

static void a_dry_run_with_known_values_shows_them(void **state)
{
    (void)state;
    plan_set_str(&plan, "project_id", STR("12"));
    plan_append(&plan, &calls[FIND])->before = before_never;
    plan_append(&plan, &calls[CREATE_PROJECT])->when = "!project_id";
    plan_append(&plan, &calls[CREATE_GOAL])->before = before_never;
    plan_append(&plan, &calls[STATUS])->before = before_sets;
    expect_dry("[{\"method\":\"POST\",\"path\":\"/projects/12/goals\",\"body\":{\"name\":"
               "\"a \\\"b\\\"\",\"projectId\":12}},"
               "{\"method\":\"GET\",\"path\":\"/executions/77/status\"}]");
}

static void bad_call_rows_are_found_at_start(void **state)
{
    static const struct call_spec bad[] = {
        {.name = "a", .method = "FETCH", .path = "/x"},
        {.name = "b", .method = "GET", .path = "x"},
        {.name = "c", .method = "GET", .path = "/x/{"},
        {.name = "d", .method = "GET", .path = "/x/}"},
        {.name = "e", .method = "GET", .path = "/x/{}"},
        {.name = "f", .method = "GET", .path = "/x", .query = "a={b"},
        {.name = "g", .method = "POST", .path = "/x", .body = "{\"a\":"},
        {.name = "h", .method = "GET", .path = "/x", .captures = {{"v", "item/id", true}}},
        {.name = "i", .method = "GET", .path = "/x", .captures = {{"v", "", true}}},
    };
    struct call call;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};

        assert_int_equal(call_compile(&arena, &bad[i], 0, &call, &err), ERR_INTERNAL);
        assert_non_null(strstr(err.text, bad[i].name));
    }
}

int test_plan(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(rows_run_in_order_and_feed_each_other),
        T(an_empty_plan_ends_well_and_not_from_start),
        T(what_was_found_is_not_created),
        T(what_was_not_found_is_created),
        T(the_first_failure_ends_the_plan_and_the_report_says_what_exists),
        T(keep_going_goes_on_after_a_failure),
        T(every_answer_is_judged_in_one_place),
        T(a_callers_own_token_that_is_refused_is_the_callers_error),
        T(a_row_polls_until_its_after_is_content),
        T(the_deadline_of_the_plan_ends_polling),
        T(a_create_in_flight_at_the_deadline_is_unknown),
        T(cancel_is_silent_at_every_stage),
        T(stop_lets_the_row_in_flight_end),
        T(stop_at_the_last_row_or_between_polls_is_prompt),
        T(after_may_append_rows),
        T(a_failed_row_may_insert_rows_that_look),
        T(before_may_skip_a_row_and_set_values),
        T(args_of_a_row_come_before_variables),
        T(a_row_may_take_any_status_and_end_the_plan),
        T(a_row_that_cannot_be_sent_fails_like_any_other),
        T(progress_is_told_and_may_cancel),
        T(each_call_carries_the_trace),
        T(a_dry_run_shows_what_would_be_sent),
        T(a_dry_run_with_known_values_shows_them),
        T(bad_call_rows_are_found_at_start),
#undef T
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
