/* Plans over real sockets, against the upstream room's misbehaving platform: many at once, faults
 * and cancels at random; the books must balance and nothing may be left open. */
#include "unit/upstream/bench_up.h"

#include "plan/plan.h"

int test_plan_wire(void);

enum { N_PLANS = 400, N_ROWS = 6 };

/* clang-format off */
static const struct call_spec specs[] = {
    {.name = "create", .method = "POST", .path = "/{what}", .body = "{\"name\":\"$what\"}",
     .class = CALL_CREATE, .needs_json = true, .captures = {{"id", "/item/id", true}}},
    {.name = "read", .method = "GET", .path = "/{what}", .class = CALL_READ, .needs_json = true},
};

/* clang-format on */

struct run {
    struct plan plan; /* first: cast back */
    struct arena arena;
    unsigned n_ends;
    bool cancelled;
};

static struct bench bench;
static unsigned n_ended;
static uint32_t dice_state = 99;

static uint32_t dice(uint32_t n)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 17;
    dice_state ^= dice_state << 5;
    return dice_state % n;
}

static void on_plan_done(struct plan *plan)
{
    struct run *run = (struct run *)(void *)plan;

    run->n_ends++;
    n_ended++;
}

static void add_rows(struct run *run, const struct call *calls)
{
    static const char *const paths[] = {"ok", "ok", "ok",  "ok",    "ok",  "ok",  "ok",
                                        "ok", "ok", "204", "reset", "eof", "mid", "stall"};

    for (size_t i = 0; i < N_ROWS; i++) {
        struct json *args = json_new_object(&run->arena);
        struct plan_row *row = plan_append(&run->plan, &calls[dice(2)]);

        json_set(args, STR("what"),
                 json_new_string(&run->arena, str_from(paths[dice(ARRAY_LEN(paths))])));
        row->args = args;
        row->keep_going = dice(2) == 0;
    }
}

/* Each row says the truth as far as it can be known. */
static void check_run(const struct run *run)
{
    assert_int_equal(run->n_ends, run->cancelled ? 0 : 1);
    for (size_t i = 0; i < run->plan.n_rows; i++) {
        const struct plan_row *row = &run->plan.rows[i];
        bool create = row->call->spec->class == CALL_CREATE;

        assert_true(row->status != ROW_RUNNING);
        if (row->status == ROW_DONE) {
            assert_true(!create || json_find(row->answer, "/item/id") != NULL);
        }
        if (row->error->code == ERR_OUTCOME_UNKNOWN) {
            assert_true(create && row->status == ROW_UNKNOWN);
        }
        assert_int_equal(row->status == ROW_FAILED || row->status == ROW_UNKNOWN,
                         row->error->code != ERR_OK);
    }
}

static void many_plans_at_once_with_faults_and_cancels_balance(void **state)
{
    const struct plan_options options = {.token = &bench.token, .deadline_ms = 60 * 1000};
    struct run *runs = mem_calloc(N_PLANS, sizeof(*runs));
    struct plan_port port;
    struct call calls[2];
    struct arena arena;
    unsigned n_cancelled = 0;

    (void)state;
    bench_begin(&bench);
    bench.options.timeout_ms = 100;
    bench_open(&bench);
    port = plan_port_of_upstream(bench.upstream, &bench.loop);
    arena_init(&arena);
    assert_int_equal(call_compile(&arena, &specs[0], 0, &calls[0], NULL), ERR_OK);
    assert_int_equal(call_compile(&arena, &specs[1], 1, &calls[1], NULL), ERR_OK);
    n_ended = 0;
    for (size_t i = 0; i < N_PLANS; i++) {
        arena_init(&runs[i].arena);
        plan_init(&runs[i].plan, &runs[i].arena, &port, &options);
        add_rows(&runs[i], calls);
        plan_start(&runs[i].plan, on_plan_done, NULL);
        if (dice(3) == 0) {
            struct run *victim = &runs[i - dice(i < 20 ? (uint32_t)i + 1 : 20)];

            n_cancelled += victim->plan.running ? 1 : 0;
            victim->cancelled = victim->cancelled || victim->plan.running;
            plan_cancel(&victim->plan);
        }
        (void)loop_turn(&bench.loop, false);
    }
    assert_true(bench_run(&bench, &n_ended, N_PLANS - n_cancelled));
    assert_in_range(n_cancelled, 20, N_PLANS - 100);
    for (size_t i = 0; i < N_PLANS; i++) {
        check_run(&runs[i]);
        arena_done(&runs[i].arena);
    }
    mem_free(runs);
    arena_done(&arena);
    bench_end(&bench);
}

int test_plan_wire(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_plans_at_once_with_faults_and_cancels_balance),
    };

    return cmocka_run_group_tests_name("plans on the wire", tests, NULL, NULL);
}
