/* One step as one row: what is asked, what is told, what the lane learns, in each of its fates. */
#include "unit/plan/fake_port.h"

#include "step/step.h"

int test_step(void);

#define COMMENT(id, text) "{\"id\":" #id ",\"action\":\"COMMENT\",\"value\":\"" text "\"}"
#define STEPS(list)       "{\"id\":7,\"steps\":[" list "]}"
#define COUNTED(list)                                                                              \
    {                                                                                              \
        .status = 200, .body = STEPS(list)                                                         \
    }
#define MADE(id)                                                                                   \
    {                                                                                              \
        .status = 200, .body = "{\"id\":" #id "}"                                                  \
    }
#define LOST                                                                                       \
    {                                                                                              \
        .code = ERR_OUTCOME_UNKNOWN                                                                \
    }
#define FAILS                                                                                      \
    {                                                                                              \
        .status = 500, .body = "{}"                                                                \
    }

/* clang-format off */
static const struct call_spec step_specs[] = {
    {.name = "create step", .method = "POST", .path = "/teststeps", .class = CALL_CREATE, .needs_json = true,
     .body = JSON({"checkpointId": "$#checkpoint_id", "stepIndex": "$#position", "parsedStep": {"action": "COMMENT", "value": "$text"}}),
     .captures = {{"step_id", "/id /testStep/id", true}}},
    {.name = "count steps", .method = "GET", .path = "/testcases/{checkpoint_id}", .class = CALL_READ, .needs_json = true},
};
/* clang-format on */

static struct call create;
static struct call count_call;
static struct lanes *lanes;
static struct step step;
static enum row_status ended;
static struct error ended_error;

static int begin_step(void **state)
{
    int result = begin(state);

    assert_int_equal(call_compile(&arena, &step_specs[0], 0, &create, NULL), ERR_OK);
    assert_int_equal(call_compile(&arena, &step_specs[1], 0, &count_call, NULL), ERR_OK);
    plan_set_str(&plan, "checkpoint_id", STR("7"));
    plan_set_str(&plan, "text", STR("a"));
    lanes = lanes_new(&fake.later, 10);
    step_init(&step, lanes, &count_call);
    step_to(&step, 7, -1);
    return result;
}

static int end_step(void **state)
{
    lanes_free(lanes);
    return end(state);
}

static void add(void)
{
    step_guide(plan_append(&plan, &create), &step);
}

static void take_end(void)
{
    const struct plan_row *row = &plan.rows[plan.n_rows - 1];

    assert_int_equal(n_done, 1);
    ended = row->status;
    ended_error = *row->error;
}

#define RUN(...)                                                                                   \
    do {                                                                                           \
        GO(__VA_ARGS__);                                                                           \
        take_end();                                                                                \
    } while (0)

static void expect_posted(size_t index, int position)
{
    struct str want = arena_printf(&arena,
                                   "POST /teststeps {\"checkpointId\":7,\"stepIndex\":%d,"
                                   "\"parsedStep\":{\"action\":\"COMMENT\",\"value\":\"a\"}}",
                                   position);

    expect_seen(index, want.ptr);
}

static void steps_in_a_row_count_once(void **state)
{
    (void)state;
    add();
    add();
    RUN(COUNTED(COMMENT(1, "x")), MADE(2), MADE(3));
    assert_int_equal(ended, ROW_DONE);
    expect_seen(0, "GET /testcases/7");
    expect_posted(1, 1);
    expect_posted(2, 2);
    assert_int_equal(step.id, 3);
    assert_int_equal(step.at, 2);
    assert_int_equal(step.end, 3);
    assert_int_equal(lanes_end(lanes, 7), 3);
}

static void a_place_of_its_own_is_not_counted(void **state)
{
    (void)state;
    add();
    step_to(&step, 7, 4);
    RUN(MADE(2));
    expect_posted(0, 4);
    assert_int_equal(step.at, 4);
    assert_int_equal(step.end, -1);
}

/* The platform answers a created step with its checkpoint. */
static void what_the_answer_says_of_the_checkpoint_is_learnt(void **state)
{
    (void)state;
    add();
    step_to(&step, 7, 100);
    RUN({.status = 200,
         .body = "{\"testStep\":{\"id\":2},\"checkpoint\":" STEPS(
             COMMENT(1, "x") "," COMMENT(2, "a")) "}"});
    assert_int_equal(step.at, 1); /* the end is where it went */
    assert_int_equal(lanes_end(lanes, 7), 2);
}

static void where_the_platform_put_it_is_told(void **state)
{
    (void)state;
    add();
    step_to(&step, 7, 100);
    RUN({.status = 200, .body = "{\"testStep\":{\"id\":2,\"stepIndex\":1}}"});
    assert_int_equal(step.at, 1);
    assert_int_equal(lanes_end(lanes, 7), -1);
}

static void what_was_lost_is_found(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(COMMENT(1, "a")), LOST, COUNTED(COMMENT(1, "a") "," COMMENT(2, "a")));
    assert_int_equal(ended, ROW_DONE);
    assert_true(step.recovered);
    assert_int_equal(step.id, 2);
    assert_int_equal(step.at, 1);
    assert_int_equal(lanes_end(lanes, 7), 2);
    assert_int_equal(json_size(plan_made(&plan, NULL)), 1);
}

static void what_failed_and_is_not_there_has_failed(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), FAILS, COUNTED(""));
    assert_int_equal(ended, ROW_FAILED);
    assert_int_equal(ended_error.code, ERR_UPSTREAM_ERROR);
    assert_false(row_may_have_acted(&plan.rows[0]));
    assert_int_equal(lanes_end(lanes, 7), 0); /* still known */
}

static void what_was_lost_and_is_not_there_is_unknown(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), LOST, COUNTED(""));
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_OUTCOME_UNKNOWN);
    assert_true(row_may_have_acted(&plan.rows[0]));
    assert_int_equal(lanes_end(lanes, 7), -1); /* it may still appear */
}

static void a_look_that_tells_nothing_leaves_it_unknown(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), FAILS, {.status = 200, .body = "{}"});
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(ended_error.upstream_status, 500);
}

static void a_look_that_fails_leaves_it_unknown(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), FAILS, {.status = 404, .body = "{}"});
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(plan.rows[0].http_status, 500); /* of its own call */
}

static void two_that_may_be_it_are_not_told_apart(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), LOST, COUNTED(COMMENT(1, "a") "," COMMENT(2, "a")));
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_non_null(step.seen);
    assert_false(step.recovered);
}

/* Something foreign began and ended while the step was on its way. */
static void what_may_be_foreign_is_not_claimed(void **state)
{
    static const struct scripted script[] = {
        COUNTED(""), {.silent = true}, COUNTED(COMMENT(1, "a"))};
    struct lanes_foreign foreign = {0};

    (void)state;
    add();
    go(script, ARRAY_LEN(script));
    lanes_foreign_begin(lanes, &foreign);
    lanes_foreign_end(&foreign);
    fake.call->state = CALL_IDLE;
    (void)error_set(&fake.call->error, ERR_OUTCOME_UNKNOWN, "lost");
    {
        struct upstream_call *call = fake.call;

        fake.call = NULL;
        call->on_done(call, ERR_OUTCOME_UNKNOWN);
    }
    while (later_run(&fake.later) > 0) {
    }
    take_end();
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_non_null(step.seen);
}

/* An answer that was meant for somebody else is as good as none. */
static void an_answer_about_another_step_is_not_taken(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(COMMENT(1, "x")), MADE(1), COUNTED(COMMENT(1, "x") "," COMMENT(2, "a")));
    assert_int_equal(ended, ROW_DONE);
    assert_true(step.recovered);
    assert_int_equal(step.id, 2);
}

/* It came late, behind a request of another checkpoint on the same connection. */
static void an_answer_that_was_told_before_is_not_taken(void **state)
{
    struct step other;

    (void)state;
    add();
    step_init(&other, lanes, &count_call);
    step_to(&other, 8, -1);
    step_guide(plan_append(&plan, &create), &other);
    RUN(COUNTED(""), MADE(2), {.status = 200, .body = "{\"id\":8,\"steps\":[]}"}, MADE(2),
        {.status = 200, .body = "{\"id\":8,\"steps\":[" COMMENT(3, "a") "]}"});
    assert_int_equal(ended, ROW_DONE);
    assert_true(other.recovered);
    assert_int_equal(other.id, 3);
}

static void what_was_told_of_another_kind_is_not_taken_for_a_step(void **state)
{
    const struct told_id goal = {.id = 9, .connection = 1, .kind = "goal_id"};

    (void)state;
    told_note(&fake_told, &goal);
    add();
    RUN(COUNTED(""), MADE(9), COUNTED(COMMENT(3, "a")));
    assert_int_equal(ended, ROW_DONE);
    assert_true(step.recovered);
    assert_int_equal(step.id, 3);
}

static void a_checkpoint_is_not_taken_for_a_step(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), COUNTED(COMMENT(1, "x")), COUNTED(""));
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_UPSTREAM_SHAPE);
}

static void the_checkpoint_s_own_id_is_not_taken_for_a_step_s(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), MADE(7), COUNTED(""));
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_UPSTREAM_SHAPE);
}

static void an_answer_about_another_checkpoint_is_not_taken(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), {.status = 200, .body = "{\"testStep\":{\"id\":9,\"checkpointId\":8}}"},
        COUNTED(""));
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_UPSTREAM_SHAPE);
}

static void an_answer_beside_another_checkpoint_is_not_taken(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""),
        {.status = 200,
         .body = "{\"testStep\":{\"id\":9,\"action\":\"COMMENT\"},\"checkpoint\":{\"id\":8}}"},
        COUNTED(COMMENT(3, "a")));
    assert_int_equal(ended, ROW_DONE);
    assert_true(step.recovered);
    assert_int_equal(step.id, 3);
}

/* The lane has forgotten its count, but not that there was something to count. */
static void no_steps_where_some_were_prove_nothing(void **state)
{
    (void)state;
    add();
    plan.rows[0].keep_going = true;
    add();
    RUN(COUNTED(COMMENT(1, "x")), LOST, {.status = 200, .body = "{}"}, COUNTED(""), FAILS,
        COUNTED(""));
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_int_equal(ended, ROW_UNKNOWN);
    assert_int_equal(ended_error.code, ERR_OUTCOME_UNKNOWN);
}

static void what_is_refused_is_not_looked_for(void **state)
{
    (void)state;
    add();
    RUN(COUNTED(""), {.status = 400, .body = "{}"});
    assert_int_equal(ended, ROW_FAILED);
    assert_int_equal(lanes_end(lanes, 7), 0);
}

static void what_cannot_be_counted_is_not_sent(void **state)
{
    (void)state;
    add();
    RUN({.status = 200, .body = "{\"id\":8,\"steps\":[]}"});
    assert_int_equal(ended, ROW_FAILED);
    assert_int_equal(ended_error.code, ERR_UPSTREAM_SHAPE);
    assert_int_equal(fake.n_asked, 1);
    assert_false(row_may_have_acted(&plan.rows[0]));
}

static void who_is_cancelled_on_the_wire_leaves_doubt(void **state)
{
    static const struct scripted script[] = {COUNTED(""), {.silent = true}};

    (void)state;
    add();
    go(script, ARRAY_LEN(script));
    plan_cancel(&plan);
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_int_equal(lanes_end(lanes, 7), -1);
}

static void on_turn(struct lane_ticket *ticket)
{
    (void)ticket;
}

/* Who waits learns what the one before did. */
static void who_waits_goes_behind_the_one_before(void **state)
{
    static const struct scripted script[] = {MADE(2)};
    struct lane_ticket before = {0};
    bool now = false;

    (void)state;
    add();
    lanes_know_empty(lanes, 7);
    assert_int_equal(
        lane_enter(lanes, (struct lane_key){LANE_CHECKPOINT, 7}, &before, on_turn, &now, NULL),
        ERR_OK);
    go(script, ARRAY_LEN(script));
    assert_int_equal(fake.n_asked, 0);
    lane_made(&before, 1);
    lane_leave(&before);
    while (later_run(&fake.later) > 0) {
    }
    take_end();
    expect_posted(0, 1);
    assert_int_equal(lanes_end(lanes, 7), 2);
}

static void what_is_only_ordered_makes_all_doubtful(void **state)
{
    (void)state;
    lanes_know_empty(lanes, 7);
    step_to_library(&step, 7);
    plan_set_str(&plan, "goal_id", STR("1"));
    step_order(plan_append(&plan, &calls[DELETE_GOAL]), &step);
    RUN({.status = 200, .body = "{}"});
    assert_int_equal(ended, ROW_DONE);
    assert_int_equal(lanes_end(lanes, 7), -1);
}

/* --- a step that a process which has died may have made */

static void seek(int64_t behind_id, int64_t at)
{
    add();
    step_seek(&step, &(struct step_trace){
                         .behind_id = behind_id, .at = at, .until_ms = clock_age_ms() + 1200});
}

static void what_is_sought_and_there_is_not_sent(void **state)
{
    (void)state;
    seek(1, -1);
    RUN(COUNTED(COMMENT(1, "x") "," COMMENT(2, "a")));
    assert_int_equal(ended, ROW_DONE);
    assert_int_equal(step.id, 2);
    assert_int_equal(step.at, 1);
    assert_int_equal(lanes_end(lanes, 7), 2);
}

static void what_is_sought_may_come_late(void **state)
{
    (void)state;
    seek(0, 0);
    GO(COUNTED(""), COUNTED(""), COUNTED(COMMENT(2, "a")));
    pass_ms(500);
    pass_ms(500);
    take_end();
    assert_int_equal(ended, ROW_DONE);
    assert_int_equal(step.id, 2);
    assert_int_equal(step.at, 0);
}

/* Every half second, until it cannot come any more. */
static void what_cannot_come_any_more_is_sent(void **state)
{
    (void)state;
    seek(1, -1);
    GO(COUNTED(COMMENT(1, "x")), COUNTED(COMMENT(1, "x")), COUNTED(COMMENT(1, "x")),
       COUNTED(COMMENT(1, "x")), MADE(2));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(n_done, 0);
        pass_ms(500);
    }
    take_end();
    assert_int_equal(ended, ROW_DONE);
    expect_posted(4, 1);
    assert_int_equal(step.id, 2);
}

static void what_is_sought_among_others_is_not_told(void **state)
{
    static const struct {
        int64_t behind_id, at;
        const char *steps;
    } rows[] = {
        {1, -1, STEPS(COMMENT(1, "x") "," COMMENT(2, "b"))},
        {1, -1, STEPS(COMMENT(1, "x") "," COMMENT(2, "a") "," COMMENT(3, "y"))},
        {1, -1, STEPS(COMMENT(2, "a"))},
        {0, -1, STEPS(COMMENT(2, "a"))},
        {0, 3, STEPS(COMMENT(2, "a"))},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scripted script = {.status = 200, .body = rows[i].steps};

        seek(rows[i].behind_id, rows[i].at);
        go(&script, 1);
        take_end();
        assert_int_equal(ended, ROW_UNKNOWN);
        assert_int_equal(ended_error.code, ERR_OUTCOME_UNKNOWN);
        assert_int_equal(lanes_end(lanes, 7), -1);
        (void)end_step(state);
        (void)begin_step(state);
    }
}

/* An answer with the step 1, which is too long to be sifted, and these behind it. */
static struct scripted behind_a_long_step(const char *steps)
{
    struct buf body;

    buf_init(&body, (size_t)JSON_SIFT_MAX * 2);
    buf_text(&body, "{\"id\":7,\"steps\":[{\"id\":1,\"action\":\"COMMENT\",\"value\":\"");
    for (size_t i = 0; i < JSON_SIFT_MAX; i++) {
        buf_char(&body, 'x');
    }
    buf_printf(&body, "\"}%s]}", steps);
    assert_true(buf_ok(&body));
    return (struct scripted){.status = 200, .body = arena_take(&arena, &body).ptr};
}

/* Also when it has a place of its own: there it would be sent once more. */
static void what_is_sought_behind_a_long_step_is_not_sent(void **state)
{
    static const int64_t positions[] = {-1, 1};

    for (size_t i = 0; i < ARRAY_LEN(positions); i++) {
        const struct scripted script = behind_a_long_step("," COMMENT(2, "a"));

        step_to(&step, 7, positions[i]);
        seek(1, -1);
        go(&script, 1);
        take_end();
        assert_int_equal(ended, ROW_DONE);
        assert_int_equal(step.id, 2);
        (void)end_step(state);
        (void)begin_step(state);
    }
}

/* What was alike in one answer does not count in the next one. */
static void what_was_lost_behind_a_long_step_is_found_each_time(void **state)
{
    const struct scripted script[] = {
        behind_a_long_step(""),
        LOST,
        behind_a_long_step("," COMMENT(2, "a")),
        LOST,
        behind_a_long_step("," COMMENT(2, "a") "," COMMENT(3, "a")),
        LOST,
        behind_a_long_step(
            "," COMMENT(2, "a") "," COMMENT(3, "a") "," COMMENT(5, "y") "," COMMENT(4, "a")),
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        add();
    }
    go(script, ARRAY_LEN(script));
    take_end();
    assert_int_equal(ended, ROW_DONE);
    assert_true(step.recovered);
    assert_int_equal(step.id, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_step, end_step)

int test_step(void)
{
    const struct CMUnitTest tests[] = {
        TEST(steps_in_a_row_count_once),
        TEST(a_place_of_its_own_is_not_counted),
        TEST(what_the_answer_says_of_the_checkpoint_is_learnt),
        TEST(where_the_platform_put_it_is_told),
        TEST(what_was_lost_is_found),
        TEST(what_failed_and_is_not_there_has_failed),
        TEST(what_was_lost_and_is_not_there_is_unknown),
        TEST(a_look_that_tells_nothing_leaves_it_unknown),
        TEST(a_look_that_fails_leaves_it_unknown),
        TEST(two_that_may_be_it_are_not_told_apart),
        TEST(what_may_be_foreign_is_not_claimed),
        TEST(an_answer_about_another_step_is_not_taken),
        TEST(an_answer_that_was_told_before_is_not_taken),
        TEST(what_was_told_of_another_kind_is_not_taken_for_a_step),
        TEST(a_checkpoint_is_not_taken_for_a_step),
        TEST(the_checkpoint_s_own_id_is_not_taken_for_a_step_s),
        TEST(no_steps_where_some_were_prove_nothing),
        TEST(an_answer_about_another_checkpoint_is_not_taken),
        TEST(an_answer_beside_another_checkpoint_is_not_taken),
        TEST(what_is_refused_is_not_looked_for),
        TEST(what_cannot_be_counted_is_not_sent),
        TEST(who_is_cancelled_on_the_wire_leaves_doubt),
        TEST(who_waits_goes_behind_the_one_before),
        TEST(what_is_only_ordered_makes_all_doubtful),
        TEST(what_is_sought_and_there_is_not_sent),
        TEST(what_is_sought_may_come_late),
        TEST(what_cannot_come_any_more_is_sent),
        TEST(what_is_sought_among_others_is_not_told),
        TEST(what_is_sought_behind_a_long_step_is_not_sent),
        TEST(what_was_lost_behind_a_long_step_is_found_each_time),
    };

    int failed = cmocka_run_group_tests_name("step", tests, NULL, NULL);

    fake_sifts = true; /* the same comes of long answers, of which little is kept */
    failed += cmocka_run_group_tests_name("step, long answers", tests, NULL, NULL);
    fake_sifts = false;
    return failed;
}
