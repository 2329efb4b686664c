/* Test runs of two processes at one store: what is written, who carries a run on, and what whoever watches is told. */
#include "two_processes.h"

#include "observe/trouble.h"

int test_shared(void);

static void what_was_asked_for_is_sealed(void **state)
{
    struct digest other;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    assert_true(has_document());
    assert_false(str_contains(asked.bytes, STR(CANARY)));
    ask((struct store_request){.kind = STORE_GET, .key = steps_key()});
    assert_int_equal(asked.code, ERR_OK);
    assert_true(asked.bytes.len > 100);
    assert_false(str_contains(asked.bytes, STR(CANARY)));
    assert_false(str_contains(asked.bytes, STR("click")));
    digest_of(STR("the token of another account"), &other);
    here.processes[1].key = other;
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
    here.processes[1].key = here.processes[0].key;
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    let_go_on();
}

static void a_document_that_is_too_long_is_refused(void **state)
{
    struct buf value;

    (void)state;
    buf_init(&value, 1 << 20);
    for (size_t i = 0; i < (size_t)600 * 1024; i++) {
        buf_char(&value, 'x');
    }
    here.goal = buf_view(&value);
    begin(TWO_STEPS, STR(CANARY));
    assert_int_equal(here.published, ERR_TOO_BIG);
    here.goal = STR_EMPTY;
    buf_done(&value);
    begin(TWO_STEPS, STR(CANARY));
    assert_int_equal(here.published, ERR_OK);
    assert_true(run_is_over(here.run));
}

/* What is written behind it is of another program: nothing more can be seen of the run. */
static void who_watches_a_copy_is_told_when_it_cannot_be_read(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    seek(1);
    watch(sought.run);
    turn();
    here.n_changes = 0;
    append("this is no entry");
    assert_int_equal(here.n_changes, 1);
    assert_false(run_is_over(sought.run));
    assert_int_equal(run_lost(sought.run)->code, ERR_STORE_UNREADABLE);
    run_unwatch(&here.watcher);
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
}

/* The store has lost the end of what the copy was made of. */
static void who_watches_a_copy_is_told_when_the_store_has_lost_it(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    seek(1);
    watch(sought.run);
    turn();
    here.n_changes = 0;
    rewind_stream(here.holders.stage.store, key("runlog"));
    pass(STORE_WAIT_MAX_MS); /* the reader waited for the next entry, and asks again */
    assert_int_equal(here.n_changes, 1);
    assert_int_equal(run_lost(sought.run)->code, ERR_STORE_UNREADABLE);
    assert_true(str_contains(str_from(run_lost(sought.run)->text), STR("has lost events of run")));
    run_unwatch(&here.watcher);
}

/* Another process has the run, and its document has gone before the copy was made. */
static void who_watches_what_is_let_go_is_told_when_there_is_no_copy(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    watch(here.run);
    here.n_changes = 0;
    claim_for("another");
    ask((struct store_request){.kind = STORE_REMOVE, .expect = STORE_ANY, .key = key("run")});
    clock_advance(KEEP_TTL_MS + 1); /* the process stood still: its lease is over */
    pass(1000);
    assert_int_equal(here.n_changes, 1);
    assert_int_equal(run_lost(here.run)->code, ERR_NOT_FOUND);
    run_unwatch(&here.watcher);
    assert_int_equal(run_store_n_active(here.processes[0].runs), 0);
}

/* Who claims later has written already: the run is his. */
static void a_later_claim_counts(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    append("999999 1 another\n{\"k\":\"adopted\",\"ms\":0}\n");
    claim_for("-");
    pass(4000);
    assert_int_equal(run_store_n_active(here.processes[1].runs), 0);
    assert_int_equal(here.n_steps, 0);
}

/* The first step had begun, and where it would stand nobody knows: it is not known, and the run goes on behind it. */
static void what_nobody_has_is_carried_on(void **state)
{
    struct json_writer w;
    struct buf text;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    here.holds = false;
    for (int i = 0; i < 60 && (i == 0 || !run_is_over(sought.run)); i++) {
        pass(1000);
        seek(1);
        assert_int_equal(sought.code, ERR_OK);
    }
    buf_init(&text, 10000);
    jw_init(&w, &text);
    run_write_summary(sought.run, &w);
    assert_true(str_contains(
        buf_view(&text),
        STR("\"steps\":{\"total\":2,\"done\":1,\"failed\":0,\"skipped\":0,\"unknown\":1}")));
    assert_true(str_contains(buf_view(&text), STR("\"status\":\"failed\"")));
    assert_true(str_contains(buf_view(&text), STR("outcome_unknown")));
    buf_done(&text);
    assert_int_equal(here.n_steps, 1);
}

static size_t n_entries(void)
{
    ask((struct store_request){.kind = STORE_READ, .key = key("runlog"), .limit = 100});
    assert_int_equal(asked.code, ERR_OK);
    return asked.n;
}

static struct str behind_head(struct str entry)
{
    struct str head;
    struct str lines;

    assert_true(str_cut(entry, '\n', &head, &lines));
    return lines;
}

/* The store may have lost them, as it lost the lease of the process: they are written once more before anything is sent, and who has
 * read them already passes over them. */
static void newest_entries_are_written_again_with_the_claim(void **state)
{
    size_t n;

    (void)state;
    run_share_drain(here.processes[1].share); /* it adopts nothing */
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    seek(1);
    n = n_entries();
    assert_true(n > 0);
    clock_advance(KEEP_TTL_MS + 1);
    pass(3000);
    assert_int_equal(n_entries(), 2 * n);
    for (size_t i = 0; i < n;
         i++) { /* their first lines tell who wrote them, and under which claim */
        assert_true(str_eq(behind_head(asked.items[n + i]), behind_head(asked.items[i])));
    }
    let_go_on();
    pass(30000);
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    assert_true(run_is_over(sought.run));
    assert_int_equal(here.n_steps, 0); /* the checkpoint's lease was over, too */
}

static bool is_claimed_by(const char *holder)
{
    ask((struct store_request){.kind = STORE_GET, .key = key("runclaim")});
    assert_int_equal(asked.code, ERR_OK);
    return str_is(asked.bytes, holder);
}

/* The store has lost its lease: it gets the time to take it anew, and its runs stay its own. */
static void who_has_no_lease_may_have_lost_it(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("0123456789");
    pass(KEEP_TTL_MS - 2000);
    assert_true(is_claimed_by("0123456789"));
    ask((struct store_request){.kind = STORE_LEASE,
                               .key = STR("runs:0123456789"),
                               .holder = STR("0123456789"),
                               .ttl_ms = UINT64_C(2) * KEEP_TTL_MS});
    assert_int_equal(asked.code, ERR_OK);
    pass(2 * KEEP_TTL_MS - 2000);
    assert_true(is_claimed_by("0123456789"));
    pass(6000); /* it did not renew it */
    assert_false(is_claimed_by("0123456789"));
}

static void who_never_takes_its_lease_is_dead(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("0123456789");
    pass(KEEP_TTL_MS - 2000);
    assert_true(is_claimed_by("0123456789"));
    pass(6000);
    assert_false(is_claimed_by("0123456789"));
}

static void start_away(struct store *store, struct store_op *op)
{
    (void)store;
    store_op_fail(op, ERR_STORE_AWAY, "the store is away");
}

static void forget_away(struct store *store, struct store_op *op)
{
    (void)store;
    (void)op;
}

/* Its lease has run out while the store was away, and its runs went on: it gets the time to take the lease anew. */
static void who_could_not_renew_may_live(void **state)
{
    struct store *store = here.holders.stage.store;
    const struct store_backend *backend = store->backend;
    struct store_backend away = *backend;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("0123456789");
    ask((struct store_request){.kind = STORE_LEASE,
                               .key = STR("runs:0123456789"),
                               .holder = STR("0123456789"),
                               .ttl_ms = KEEP_TTL_MS});
    pass(1000);
    away.start = start_away;
    away.forget = forget_away;
    store->backend = &away;
    pass(UINT64_C(2) * KEEP_TTL_MS);
    store->backend = backend;
    pass(KEEP_TTL_MS - 4000);
    assert_true(is_claimed_by("0123456789"));
    pass(8000); /* it did not take it */
    assert_false(is_claimed_by("0123456789"));
}

/* Processes that look, too, and wait for a slow store: that says nothing of the one whose lease it is. */
static void who_is_looked_at_by_others_is_dead_all_the_same(void **state)
{
    struct store_request look = {.kind = STORE_LEASE,
                                 .key = STR("runs:0123456789"),
                                 .holder = STR("9876543210"),
                                 .ttl_ms = 1000};

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("0123456789");
    pass(3500); /* looked at, and not there */
    for (int i = 0; i < 6; i++) {
        look.kind = STORE_LEASE;
        ask(look);
        assert_int_equal(asked.code, ERR_OK);
        pass(990);
        look.kind = STORE_RELEASE;
        look.fence = asked.fence;
        ask(look);
        assert_int_equal(asked.code, ERR_OK);
    }
    assert_true(is_claimed_by("0123456789"));
    pass(2500);
    assert_false(is_claimed_by("0123456789"));
}

/* The bell tells the other process of it: nobody waits for the next look at the claims. */
static void what_is_begun_goes_to_who_carries_it_out(void **state)
{
    (void)state;
    here.watches = true;
    begin(TWO_STEPS, STR(CANARY));
    for (int i = 0; i < 10; i++) {
        turn();
    }
    assert_int_equal(run_store_n_active(here.processes[0].runs), 0);
    pass(500); /* deadlines of the lane */
    assert_int_equal(here.n_steps, 2);
    assert_true(run_is_over(here.watcher.run)); /* a copy by now */
    assert_true(run_succeeded(here.watcher.run));
}

/* A bell that the store has lost: the ear hears the next ring all the same. */
static void who_hears_a_bell_that_was_lost_hears_the_next_one(void **state)
{
    (void)state;
    number_from(here.holders.stage.store, 1 << 20); /* none comes there again */
    begin(TWO_STEPS, STR(CANARY));
    pass(3000);
    assert_int_equal(here.n_steps, 2);
    rewind_stream(here.holders.stage.store, STR("runbell/given"));
    pass(STORE_WAIT_MAX_MS);
    begin(TWO_STEPS, STR(CANARY));
    assert_true(is_claimed_by("-")); /* by nobody */
    pass(200);                       /* the next look at the claims would be later */
    ask((struct store_request){.kind = STORE_GET, .key = key("runclaim")});
    assert_false(asked.code == ERR_OK && str_is(asked.bytes, "-"));
    pass(3000);
    assert_int_equal(here.n_steps, 4);
}

/* Three have died with it, and nothing has ended in between: the next one ends it. */
static void a_run_that_kills_its_processes_is_ended(void **state)
{
    uint64_t version;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    ask((struct store_request){.kind = STORE_GET, .key = key("runclaim")});
    version = asked.version;
    for (int i = 1; i <= 3; i++) {
        append(arena_printf(&here.arena, "%llu %d dead\n{\"k\":\"adopted\",\"ms\":0}\n",
                            (unsigned long long)version, i)
                   .ptr);
    }
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    pass(5000);
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    assert_true(run_is_over(sought.run));
    assert_true(str_contains(str_from(run_error(sought.run)->text), STR("in a row have died")));
    assert_int_equal(here.n_steps, 0);
}

static void change_document(const char *before, const char *after)
{
    struct str bytes;
    ptrdiff_t at;

    assert_true(has_document());
    bytes = asked.bytes;
    at = str_find(bytes, str_from(before));
    assert_true(at >= 0);
    ask((struct store_request){
        .kind = STORE_PUT,
        .expect = STORE_ANY,
        .ttl_ms = 1000000,
        .key = key("run"),
        .bytes = arena_printf(&here.arena, "%.*s%s%.*s", (int)at, bytes.ptr, after,
                              STR_ARG(str_sub(bytes, (size_t)at + strlen(before), bytes.len)))});
    assert_int_equal(asked.code, ERR_OK);
}

static void put_steps(const char *lines)
{
    ask((struct store_request){.kind = STORE_PUT,
                               .expect = STORE_ANY,
                               .ttl_ms = 1000000,
                               .key = steps_key(),
                               .bytes = str_from(lines)});
    assert_int_equal(asked.code, ERR_OK);
}

static void what_cannot_be_read_is_left_alone(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    change_document("\"engine\":2", "\"engine\":3");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE); /* of a newer version */
    change_document("\"engine\":3", "\"engine\":1");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE); /* of one that is too old */
    change_document("\"engine\":1", "\"engine\":2");
    put_steps("{\"tests\":1}\n");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE); /* they are not sealed */
    change_document("\"sealed\":true", "\"sealed\":false");
    put_steps("{\"tests\":1}\n{\"steps\":1}\n");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE); /* a test without a name */
    put_steps("{\"tests\":1}\n{\"name\":\"A\",\"steps\":1}\n{\"command\":\"no-such\"}\n");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    pass(5000);
    assert_int_equal(run_store_n_active(here.processes[1].runs), 0);
    assert_int_equal(here.n_steps, 0);
}

/* Nobody has looked at the claims yet: they are asked for. */
static void a_run_that_goes_on_is_not_trimmed(void **state)
{
    const char *going;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    going = here.id;
    for (size_t i = 0; i < 3; i++) {
        struct upstream_call *held = here.processes[0].call;

        here.processes[0].call = NULL; /* the platform answers the others */
        here.holds = false;
        clock_advance(10);
        here.n_steps = 0;
        begin_at("8", "name: Short\nsteps: [{click: A}]\n", STR("x"));
        turn();
        here.processes[0].call = held;
    }
    here.id = going;
    assert_true(has_document());
    ask((struct store_request){
        .kind = STORE_LIST, .key = STR("run/0123456789abcdef0123456789abcdef"), .limit = 100});
    assert_int_equal(asked.n, 1 + MAX_KEPT);
    let_go_on();
}

/* What failed is of its log alone: trouble ends with the run, however that ends. */
static void trouble_ends_with_the_run_that_had_it(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    trouble_tell(TROUBLE_RUNS, "as on_appended tells");
    run_store_stop(here.processes[0].runs);
    turn();
    run_share_stop(here.processes[0].share);
    assert_false(trouble_is_any());
}

/* Until nothing is left that this turn of the loop has to do. */
static size_t turn_once(void)
{
    return later_run(here.processes[0].port.later);
}

/* The process is told to give its runs away while the last line of a run is on its way to the store: in the turn in
 * which the run ends, or in one of those behind it. */
static void what_ends_is_not_given_away(void **state)
{
    enum { TURNS = 4, TURNS_MAX = 100 };

    for (size_t n = 0; n < TURNS; n++) {
        struct process *process = &here.processes[0];

        here.n_posts_left = 1;
        begin(TWO_STEPS, STR(CANARY));
        assert_true(here.holds);
        here.holds = false;
        later_add(process->port.later, &process->answering, answer);
        for (size_t i = 0; i < TURNS_MAX && !run_succeeded(here.run); i++) {
            (void)turn_once();
        }
        assert_true(run_succeeded(here.run));
        assert_false(run_is_over(here.run));
        for (size_t i = 0; i < n; i++) {
            (void)turn_once();
        }
        run_share_drain(process->share);
        turn();
        assert_true(run_is_over(here.run));
        ask((struct store_request){.kind = STORE_GET, .key = key("runclaim")});
        assert_int_equal(asked.code, ERR_NOT_FOUND);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

/* The process stands still while its lease is on its way: the lease may be lost in the turn in which it is taken. */
static void a_lease_that_is_lost_at_once_is_taken_again(void **state)
{
    enum { TURNS = 8, STILL_MS = 60000 };

    size_t n_published = 0;

    for (size_t n = 0; n < TURNS; n++) {
        struct loop *loop = &here.holders.stage.loop;

        ask_for("7", TWO_STEPS, STR(CANARY));
        for (size_t i = 0; i < n; i++) {
            (void)turn_once();
        }
        clock_advance(STILL_MS);
        deadlines_run(&loop->deadlines, clock_now_ms());
        pass(10000);
        assert_true(here.is_published);
        if (here.published == ERR_OK) {
            assert_true(run_is_over(here.run));
            assert_true(run_succeeded(here.run));
            n_published++;
        }
        (void)tear_down(state);
        (void)set_up(state);
    }
    assert_true(n_published > 0);
}

/* The lease of a process that was idle has run out while the process stood still; its timer has not come yet. */
static void an_old_lease_is_found_by_who_needs_it(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(TWO_STEPS, STR(CANARY));
        pass(1000);
        assert_true(run_is_over(here.run));
        assert_true(run_succeeded(here.run));
        clock_advance(KEEP_TTL_MS + 1000);
    }
}

#define THREE_STEPS "name: Three\nsteps:\n  - click: One\n  - click: Two\n  - click: Three\n"

/* A stop that comes while the run is given away is for whoever has it next. */
static void a_stop_is_given_away_with_the_run(void **state)
{
    enum { TURNS = 30 };

    size_t n_given = 0;

    for (size_t n = 0; n < TURNS; n++) {
        struct process *process = &here.processes[0];
        struct digest who;
        struct run *run;

        owner(&who);
        here.n_posts_left = 1;
        begin(THREE_STEPS, STR(CANARY));
        assert_true(here.holds);
        here.holds = false;
        run_share_drain(process->share);
        later_add(process->port.later, &process->answering, answer);
        for (size_t i = 0; i < n; i++) {
            (void)turn_once();
        }
        run = run_find(process->runs, &who, str_from(here.id));
        if (run != NULL) {
            run_stop(run);
        }
        pass(20000);
        seek(1);
        assert_int_equal(sought.code, ERR_OK);
        assert_true(run_is_over(sought.run));
        if (run != NULL) {
            assert_false(run_succeeded(sought.run));
            assert_int_equal(here.n_steps, 2);
            n_given++;
        }
        (void)tear_down(state);
        (void)set_up(state);
    }
    assert_in_range(n_given, 2, TURNS - 1);
}

int test_shared(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_for_is_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_document_that_is_too_long_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_watches_a_copy_is_told_when_it_cannot_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_watches_what_is_let_go_is_told_when_there_is_no_copy,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_claim_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_has_is_carried_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newest_entries_are_written_again_with_the_claim, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_has_no_lease_may_have_lost_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_watches_a_copy_is_told_when_the_store_has_lost_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_hears_a_bell_that_was_lost_hears_the_next_one,
                                        set_up_giver, tear_down),
        cmocka_unit_test_setup_teardown(who_never_takes_its_lease_is_dead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_could_not_renew_may_live, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_looked_at_by_others_is_dead_all_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_begun_goes_to_who_carries_it_out, set_up_giver,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_kills_its_processes_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_goes_on_is_not_trimmed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_ends_with_the_run_that_had_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_ends_is_not_given_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_that_is_lost_at_once_is_taken_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_old_lease_is_found_by_who_needs_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_is_given_away_with_the_run, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("shared runs", tests, NULL, NULL);
}
