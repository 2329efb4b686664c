/* A run that another process carries on, or might have: what it sends, and when it may. */
#include "store/store_internal.h"
#include "two_processes.h"

int test_adopted(void);

/* --- what is sent is what was asked for */

static bool was_sent(const char *text)
{
    return str_contains(buf_view(&here.sent), str_from(text));
}

static void adopt_it(void)
{
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    here.holds = false;
    for (int i = 0; i < 60 && (i == 0 || !run_is_over(sought.run)); i++) {
        pass(1000);
        seek(1);
        assert_int_equal(sought.code, ERR_OK);
    }
}

/* The second process has another configuration. What it sends is what the first one would have sent. */
static void a_changed_configuration_changes_no_run(void **state)
{
    struct run_store_options options;

    (void)state;
    here.processes[0].defaults.organization_id = STR("77");
    here.processes[1].defaults.organization_id = STR("99");
    here.processes[1].project = STR("Elsewhere");
    here.processes[1].ui_url = STR("https://ui.example");
    options = options_of(&here.processes[1]);
    run_store_configure(here.processes[1].runs, &options);
    here.holds = true;
    begin_at("", TWO_STEPS, STR(CANARY));
    assert_true(was_sent("/projects"));
    buf_clear(&here.sent);
    adopt_it();
    assert_true(run_succeeded(sought.run));
    assert_true(was_sent("organizationId=77"));
    assert_true(was_sent("\"name\":\"P\""));
    assert_true(was_sent(CANARY));
    assert_false(was_sent("99"));
    assert_false(was_sent("Elsewhere"));
}

/* The process dies with a call around the steps on its way, and the platform does not carry it out: it is looked for
 * until it cannot come any more, and is sent then. */
static void what_was_not_carried_out_is_sent(void **state)
{
    enum { SETUP = 5, STEPS = 2, ALL = SETUP + STEPS + 1 };

    for (size_t n = 0; n < ALL; n++) {
        if (n >= SETUP && n < SETUP + STEPS) {
            continue; /* steps are room step's */
        }
        assert_int_equal(set_up(state), 0);
        here.processes[0].defaults.organization_id = STR("77");
        here.n_posts_left = (int)n;
        here.executes = true;
        begin_at("", TWO_STEPS, STR(CANARY));
        pass(1000);
        assert_int_equal(here.n_steps, n);
        here.n_posts_left = -1;
        adopt_it();
        if (!run_succeeded(sought.run) || here.n_steps != ALL) {
            fail_msg("call %zu: %zu calls, %s", n, here.n_steps, run_error(sought.run)->text);
        }
        assert_int_equal(tear_down(state), 0);
    }
}

/* Who has no token of the account sees which commands there are. Nobody can carry the run on. */
static void without_a_key_values_are_left_out(void **state)
{
    struct run_writing at = {0};
    struct json_writer w;
    struct buf text;

    (void)state;
    here.has_no_key = true;
    here.holds = true;
    begin("name: Has ${SECRET}\nsteps:\n  - click: ${SECRET}\n", STR(CANARY));
    ask((struct store_request){.kind = STORE_GET, .key = steps_key()});
    assert_true(str_contains(asked.bytes, STR("step-interact click ***")));
    assert_false(str_contains(asked.bytes, STR(CANARY)));
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    buf_init(&text, 10000);
    jw_init(&w, &text);
    assert_true(run_write(sought.run, &at, 10, &w));
    assert_true(str_contains(buf_view(&text), STR("\"text\":\"step-interact click ***\"")));
    assert_false(str_contains(buf_view(&text), STR(CANARY)));
    buf_done(&text);
    adopt_it();
    assert_true(str_contains(str_from(run_error(sought.run)->text), STR("token")));
    assert_int_equal(here.n_steps, 0);
}

/* --- a claim that takes long */

/* Claims wait until the test lets them go on. */
static struct {
    const struct store_backend *backend;
    struct store *store;
    struct store_op *op; /* NULL: none waits */
    unsigned n;
} slow;

static void start_slowly(struct store *store, struct store_op *op)
{
    bool claims = op->request.kind == STORE_PUT && str_contains(op->key, STR("runclaim"));

    if (!claims) {
        slow.backend->start(store, op);
        return;
    }
    assert_null(slow.op);
    slow.op = op;
    slow.n++;
}

static void forget_slowly(struct store *store, struct store_op *op)
{
    if (op == slow.op) {
        slow.op = NULL;
    } else {
        slow.backend->forget(store, op);
    }
}

static void slow_go_on(void)
{
    struct store_op *op = slow.op;

    assert_non_null(op);
    slow.op = NULL;
    slow.backend->start(slow.store, op);
    turn();
}

/* While the claim is on its way the lease is lost and held once more: another process may have had the run in between,
 * so the claim is taken anew before anything is sent. */
static void a_claim_of_before_is_taken_anew(void **state)
{
    static struct store_backend backend;

    (void)state;
    memset(&slow, 0, sizeof(slow));
    here.holds = true;
    here.processes[0].defaults.organization_id = STR("77");
    begin_at("", TWO_STEPS, STR(CANARY)); /* its first call is a read */
    slow.store = here.holders.stage.store;
    slow.backend = slow.store->backend;
    backend = *slow.backend;
    backend.start = start_slowly;
    backend.forget = forget_slowly;
    slow.store->backend = &backend;
    for (unsigned i = 0; i < 2; i++) {
        clock_advance(KEEP_TTL_MS + 1); /* the process stood still */
        pass(1000);
        assert_int_equal(slow.n, 1);
    }
    let_go_on();
    slow_go_on();
    assert_int_equal(slow.n, 2);
    pass(1000);
    assert_int_equal(here.n_steps, 0);
    slow_go_on();
    pass(1000);
    assert_int_equal(slow.n, 2);
    assert_true(run_is_over(here.run));
    if (!run_succeeded(here.run)) {
        fail_msg("%s", run_error(here.run)->text);
    }
    assert_true(was_sent(CANARY));
    slow.store->backend = slow.backend;
}

/* The store is away for all. */
static struct {
    const struct store_backend *backend;
    bool is_away;
    unsigned n_lists; /* that came while it was */
    unsigned n_looks; /* at the lease of a process that has runs */
} gone;

static void start_gone(struct store *store, struct store_op *op)
{
    const struct store_request *request = &op->request;

    gone.n_looks += request->kind == STORE_LEASE && request->ttl_ms < KEEP_TTL_MS ? 1 : 0;
    if (gone.is_away) {
        gone.n_lists += request->kind == STORE_LIST ? 1 : 0;
        store_op_fail(op, ERR_STORE_AWAY, "it is away");
    } else {
        gone.backend->start(store, op);
    }
}

/* Leases run out meanwhile. Whoever lives has as long as one lasts to take it anew, from the moment at which the store is
 * there again. */
static void an_outage_is_no_death(void **state)
{
    static struct store_backend backend;
    struct store *store = here.holders.stage.store;

    (void)state;
    memset(&gone, 0, sizeof(gone));
    gone.backend = store->backend;
    backend = *gone.backend;
    backend.start = start_gone;
    store->backend = &backend;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    pass(5000);
    assert_true(gone.n_looks > 0);
    gone.is_away = true;
    pass(KEEP_TTL_MS);
    for (unsigned n = gone.n_lists; gone.n_lists == n;) {
        pass(100);
    }
    pass(800);
    gone.is_away = false;
    gone.n_looks = 0;
    pass(KEEP_TTL_MS - 100);
    assert_int_equal(gone.n_looks, 0);
    pass(2000);
    assert_true(gone.n_looks > 0);
    store->backend = gone.backend;
}

static void on_told(struct store_op *op, const struct store_result *result)
{
    (void)op;
    assert_int_equal(result->error.code, ERR_OK);
}

/* The process that is asked to stop the run takes it over before the one that carries it out has heard of that. */
static void a_stop_is_for_who_takes_the_run_over(void **state)
{
    struct store_op op = {.store = NULL};

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    seek(1);
    run_stop_elsewhere(sought.run, &op, on_told);
    turn();
    adopt_it();
    assert_true(run_is_over(sought.run));
    assert_false(run_succeeded(sought.run));
    assert_int_equal(here.n_steps, 0); /* the step that was on its way was not carried out */
}

/* The process that was asked to stop the run dies with a step on its way. */
static void a_stop_outlives_the_process_that_was_asked(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    run_stop(here.run);
    turn();
    adopt_it();
    assert_true(run_is_over(sought.run));
    assert_false(run_succeeded(sought.run));
    assert_int_equal(here.n_steps, 0);
}

static void on_named(struct keep_user *user, const struct error *error)
{
    (void)user;
    (void)error;
}

/* The run may not look for names while a run of another process does. */
static void what_waits_for_its_turn_to_look_for_names_is_stopped_at_once(void **state)
{
    static const struct keep_kind kind = {.stays = false};
    struct keep_user user = {.keep = NULL};

    (void)state;
    assert_false(keep_enter(here.holders.keeps[1], STR("runnames:0123456789abcdef0123456789abcdef"),
                            &kind, NULL, &user, on_named));
    turn();
    assert_true(user.uses);
    begin_at("", TWO_STEPS, STR(CANARY));
    pass(1000);
    assert_int_equal(here.sent.len, 0);
    run_stop(here.run);
    turn();
    assert_true(run_is_over(here.run));
    assert_int_equal(here.sent.len, 0);
    keep_leave(&user);
    turn();
}

int test_adopted(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changed_configuration_changes_no_run, set_up, tear_down),
        cmocka_unit_test(what_was_not_carried_out_is_sent),
        cmocka_unit_test_setup_teardown(without_a_key_values_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_outlives_the_process_that_was_asked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_waits_for_its_turn_to_look_for_names_is_stopped_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_is_for_who_takes_the_run_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_of_before_is_taken_anew, set_up_alone, tear_down),
        cmocka_unit_test_setup_teardown(an_outage_is_no_death, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("adopted runs", tests, NULL, NULL);
}
