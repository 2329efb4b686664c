/* What answers mean, what a dry run shows, and what is wrong with a row of calls. */
#include "fake_port.h"

#include "plan/answer.h"

int test_answers(void);

struct judged {
    size_t call;
    struct scripted answer;
    enum error_code code;
    enum row_status status;
    const char *words;
};

static void judge_all(const struct judged *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
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
        {STATUS, {.status = 200, .body = "{broken"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "is not JSON: (JSON, which is left out)"},
        {STATUS, {.status = 200, .body = "{\"variables\":{\"PASSWORD\":\"x\"}}", .content_type = "text/html"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "is not JSON: (JSON, which is left out)"},
        {STATUS, {.status = 500, .body = "testDataValue=x", .content_type = "text/plain"},
         ERR_UPSTREAM_ERROR, ROW_FAILED, "(500): (its words name what holds secrets and are left out)"},
        {STATUS, {.status = 400, .body = "{\"error\":{\"message\":\"{\\\"usedData\\\":{}}\"}}"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
        {STATUS, {.status = 422, .body = "{\"message\":\"bad usedData x\"}"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(422): (its words name what holds secrets and are left out)"},
        {STATUS, {.status = 200, .body = ""}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "empty"},
        {STATUS, {.status = 204, .body = ""}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"success\":false,\"error\":\"quota\"}"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "quota"},
        {STATUS, {.status = 200, .body = "[1,2]", .content_type = "application/json; charset=utf-8"},
         ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{}", .content_type = ""}, ERR_OK, ROW_DONE, NULL},
        {CREATE_PROJECT, {.status = 200, .body = "{\"success\":true,\"item\":{}}"},
         ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {STATUS, {.status = 206, .body = "{}"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "206"},
        {STATUS, {.status = 200, .body = "{\"success\":\"false\"}"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "says that it failed"},
        {STATUS, {.status = 200, .body = "{\"success\":\"true\"}"}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"success\":3,\"failed\":0}"}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"success\":0}"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "says that it failed"},
        {STATUS, {.status = 200, .body = "{\"error\":\"quota\"}"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "failed: quota"},
        {STATUS, {.status = 200, .body = "{\"id\":1,\"error\":\"red\"}"}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"id\":1,\"error\":{\"message\":\"quota\"}}"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "failed: quota"},
        {STATUS, {.status = 200, .body = "{\"id\":1,\"error\":null}"}, ERR_OK, ROW_DONE, NULL},
        {STATUS, {.status = 200, .body = "{\"success\":true,\"error\":{\"code\":0}}"}, ERR_OK, ROW_DONE, NULL},
        {CREATE_PROJECT, {.status = 204, .body = ""}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "Not Found", .content_type = "text/plain"},
         ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "look before"},
        {CREATE_PROJECT, {.code = ERR_OUTCOME_UNKNOWN, .body = ""}, ERR_OUTCOME_UNKNOWN, ROW_UNKNOWN, "create project"},
        {CREATE_PROJECT, {.code = ERR_UPSTREAM_CONNECT, .body = ""}, ERR_UPSTREAM_CONNECT, ROW_FAILED, "create project"},
        {DELETE_GOAL, {.status = 204, .body = ""}, ERR_OK, ROW_DONE, NULL},
    };
    /* clang-format on */

    (void)state;
    judge_all(rows, ARRAY_LEN(rows));
}

static void what_a_success_must_hold(void **state)
{
    /* clang-format off */
    static const struct judged rows[] = {
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":\"12\"}"}, ERR_OK, ROW_DONE, NULL},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":true}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":[]}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":\"\"}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":0}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":1.5}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 200, .body = "{\"id\":\"abc\"}"}, ERR_UPSTREAM_SHAPE, ROW_UNKNOWN, "no project_id"},
        {CREATE_PROJECT, {.status = 507, .body = ""}, ERR_OUTCOME_UNKNOWN, ROW_UNKNOWN, "(507)"},
        {CREATE_PROJECT, {.status = 530, .body = ""}, ERR_OUTCOME_UNKNOWN, ROW_UNKNOWN, "(530)"},
        {CREATE_PROJECT, {.status = 503, .body = ""}, ERR_UPSTREAM_ERROR, ROW_FAILED, "(503)"},
        {STATE, {.status = 200, .body = "{\"status\":\"RUNNING\"}"}, ERR_OK, ROW_DONE, NULL},
        {STATE, {.status = 200, .body = "{\"item\":{\"id\":3,\"status\":\"RUNNING\"}}"}, ERR_OK, ROW_DONE, NULL},
        {STATE, {.status = 200, .body = "{\"item\":{\"id\":\"3\",\"status\":\"RUNNING\"}}"}, ERR_OK, ROW_DONE, NULL},
        {STATE, {.status = 200, .body = "{\"item\":{\"id\":4,\"status\":\"FINISHED\"}}"},
         ERR_UPSTREAM_SHAPE, ROW_FAILED, "about another one (4)"},
        {STATE, {.status = 200, .body = "{}"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "does not tell it"},
        {STATE, {.status = 200, .body = "[]"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "does not tell it"},
        {STATE, {.status = 200, .body = "null"}, ERR_UPSTREAM_SHAPE, ROW_FAILED, "does not tell it"},
    };
    /* clang-format on */

    (void)state;
    judge_all(rows, ARRAY_LEN(rows));
}

/* An answer that came twice is met by the next create of its connection. */
static void a_create_is_not_answered_with_another_thing(void **state)
{
    static const struct named_row {
        const char *sent;
        const char *body;
        bool is_ours;
        bool is_new; /* the connection */
    } rows[] = {
        {"JJ35", "{\"id\":2,\"name\":\"JJ34\"}", true, true},
        {"JJ35", "{\"id\":2,\"name\":\"JJ35\"}", true, false},
        {"JJ35", "{\"success\":true,\"item\":{\"id\":2,\"name\":\"JJ35\"}}", true, false},
        {"JJ35", "{\"success\":true,\"item\":{\"id\":2,\"name\":\"JJ34\"}}", false, false},
        {"JJ35", "{\"id\":2,\"name\":\"First journey\"}", false, false},
        {"JJ35", "{\"id\":2,\"title\":\"First journey\"}", true, false},
        {"JJ35", "{\"id\":2,\"name\":null}", true, false},
        {"JJ35", "{\"id\":2,\"name\":\"\"}", true, false},
        {" JJ35", "{\"id\":2,\"name\":\"jj35 \"}", true, false},
        {"J  35", "{\"id\":2,\"name\":\"J 35\"}", true, false},
        {"J&35", "{\"id\":2,\"name\":\"J&amp;35\"}", true, false},
        {"12345678901234567890123456789012345678901234567890 and more",
         "{\"id\":2,\"name\":\"12345678901234567890123456789012345678901234567890\"}", true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scripted answer = {.status = 201, .body = rows[i].body};

        (void)end(NULL);
        (void)begin(NULL);
        plan_set_str(&plan, "name", str_from(rows[i].sent));
        (void)plan_append(&plan, &calls[CREATE_PROJECT]);
        fake_is_new = rows[i].is_new;
        go(&answer, 1);
        fake_is_new = false;
        if (plan.result != (rows[i].is_ours ? ERR_OK : ERR_UPSTREAM_SHAPE) ||
            plan.rows[0].status != (rows[i].is_ours ? ROW_DONE : ROW_UNKNOWN)) {
            fail_msg("row %zu: code %d, %s", i, (int)plan.result, plan.error.text);
        }
    }
}

static void a_thing_without_a_name_that_was_told_before_is_not_new(void **state)
{
    static const struct told_row {
        size_t second; /* the call behind "create project" */
        const char *body;
        bool is_ours;
    } rows[] = {
        {CREATE_PROJECT, "{\"id\":3}", true}, /* told on another connection */
        {CREATE_PROJECT, "{\"id\":4}", true}, /* told of another kind */
        {CREATE_PROJECT, "{\"id\":2}", false},
        {CREATE_PROJECT, "{\"id\":2,\"name\":\"a \\\"b\\\"\"}", true},
        {CREATE_GOAL, "{\"id\":2}", true},
        {STATUS, "{\"id\":2}", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scripted answers[] = {{.status = 201, .body = "{\"id\":2}"},
                                           {.status = 201, .body = rows[i].body}};
        const struct told_id other = {.id = 4, .connection = 1, .kind = "environment_id"};
        const struct told_id elsewhere = {.id = 3, .connection = 2, .kind = "project_id"};

        (void)end(NULL);
        (void)begin(NULL);
        told_note(&fake_told, &other);
        told_note(&fake_told, &elsewhere);
        plan_set_str(&plan, "goal_id", STR("3"));
        (void)plan_append(&plan, &calls[CREATE_PROJECT]);
        (void)plan_append(&plan, &calls[rows[i].second]);
        go(answers, 2);
        if (plan.result != (rows[i].is_ours ? ERR_OK : ERR_UPSTREAM_SHAPE)) {
            fail_msg("row %zu: code %d, %s", i, (int)plan.result, plan.error.text);
        }
    }
}

/* The platform repeats the token that it got; meanwhile another one has taken its place here. */
static void words_are_not_quoted_when_the_token_is_gone(void **state)
{
    struct answer answer = {.status = 400,
                            .content_type = STR("text/plain"),
                            .body = STR("bad token old-token"),
                            .token = STR("new-token")};
    struct error err = {0};

    (void)state;
    assert_int_equal(answer_judge(&answer, &specs[CREATE_PROJECT], true, &err),
                     ERR_UPSTREAM_REFUSED);
    assert_non_null(strstr(err.text, "old-token"));
    answer.token_is_gone = true;
    assert_int_equal(answer_judge(&answer, &specs[CREATE_PROJECT], true, &err),
                     ERR_UPSTREAM_REFUSED);
    assert_null(strstr(err.text, "old-token"));
}

static void words_in_brackets_are_no_json(void **state)
{
    /* clang-format off */
    static const struct judged rows[] = {
        {STATUS, {.status = 400, .body = "{\"message\":\"[E102] name is taken\"}"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): [E102] name is taken"},
        {STATUS, {.status = 400, .body = "{\"message\":\"{name} is taken\"}"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): {name} is taken"},
        {STATUS, {.status = 400, .body = "[E102] name is taken", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): [E102] name is taken"},
        {STATUS, {.status = 400, .body = "[1,\"S\",", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
        {STATUS, {.status = 400, .body = "[1]", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
        {STATUS, {.status = 400, .body = "[E1] {\"name\":\"PW\",\"value\":\"x\"}", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
        {STATUS, {.status = 400, .body = "{password: x} is wrong", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
        {STATUS, {.status = 400, .body = "[ {}, 1] x", .content_type = "text/plain"},
         ERR_UPSTREAM_REFUSED, ROW_FAILED, "(400): (JSON, which is left out)"},
    };
    /* clang-format on */

    (void)state;
    judge_all(rows, ARRAY_LEN(rows));
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
        {.name = "j", .method = "GET", .path = "/x", .tells = "status"},
    };
    struct call call;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};

        assert_int_equal(call_compile(&arena, &bad[i], 0, &call, &err), ERR_INTERNAL);
        assert_non_null(strstr(err.text, bad[i].name));
    }
}

int test_answers(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(every_answer_is_judged_in_one_place),
        T(what_a_success_must_hold),
        T(a_create_is_not_answered_with_another_thing),
        T(a_thing_without_a_name_that_was_told_before_is_not_new),
        T(words_are_not_quoted_when_the_token_is_gone),
        T(words_in_brackets_are_no_json),
        T(a_callers_own_token_that_is_refused_is_the_callers_error),
        T(a_dry_run_shows_what_would_be_sent),
        T(a_dry_run_with_known_values_shows_them),
        T(bad_call_rows_are_found_at_start),
#undef T
    };

    return cmocka_run_group_tests_name("plan answers", tests, NULL, NULL);
}
