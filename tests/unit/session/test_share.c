/* Shared sessions at a store in memory whose answers the test holds back. */
#include "harness/cmocka.h"

#include <string.h>

#include "../../../include/session/share.h" /* the room has a share.h of its own */
#include "../store/holders.h"
#include "store/store_internal.h"

int test_share(void);

enum { MAX_HELD = 4, BEHIND_MS = 1000 };

/* A use, and what its last callback told. */
struct user {
    struct session_use use;
    unsigned n_told;
    enum error_code code;
};

static struct {
    struct holders holders;
    struct session_store *sessions;
    struct arena arena;
    struct digest owner;
    struct str id;
    const struct store_backend *behind; /* the backend in memory */
    bool holds;                         /* operations on the session wait for go_on */
    bool loses;                         /* writes are carried out, and seem to have failed */
    bool is_away;                       /* nothing is carried out */
    struct store_op *held[MAX_HELD];
    size_t n_held;
    struct user users[2];
} here;

static void turn(void)
{
    holders_turn(&here.holders);
}

static void pass(uint64_t ms)
{
    holders_pass(&here.holders, ms);
}

/* --- the store */

static void start(struct store *store, struct store_op *op)
{
    bool is_ours = str_contains(op->key, STR("sessions:")) &&
                   (op->request.kind == STORE_GET || op->request.kind == STORE_PUT);

    if (here.is_away) {
        store_op_fail(op, ERR_STORE_AWAY, "it does not answer");
    } else if (is_ours && here.holds) {
        assert_true(here.n_held < MAX_HELD);
        here.held[here.n_held++] = op;
    } else {
        here.behind->start(store, op);
        if (is_ours && here.loses && op->request.kind == STORE_PUT) {
            (void)error_set(&op->result.error, ERR_STORE_AWAY, "the answer is lost");
        }
    }
}

static void forget(struct store *store, struct store_op *op)
{
    for (size_t i = 0; i < here.n_held; i++) {
        if (here.held[i] == op) {
            for (here.n_held--; i < here.n_held; i++) {
                here.held[i] = here.held[i + 1];
            }
            return;
        }
    }
    here.behind->forget(store, op);
}

/* Answers what is held, in order; what is started then is held. */
static void go_on(void)
{
    struct store_op *held[MAX_HELD];
    size_t n = here.n_held;

    memcpy(held, here.held, sizeof(held));
    here.n_held = 0;
    for (size_t i = 0; i < n; i++) {
        here.behind->start(here.holders.stage.store, held[i]);
        turn();
    }
}

static bool holds_only(enum store_kind kind)
{
    return here.n_held == 1 && here.held[0]->request.kind == kind;
}

/* --- uses */

static void on_told(struct session_use *use, const struct error *error)
{
    struct user *user = CONTAINER_OF(use, struct user, use);

    user->n_told++;
    user->code = error != NULL ? error->code : ERR_OK;
}

/* True: it is ready. */
static bool begin(struct user *user)
{
    bool now;

    *user = (struct user){.code = ERR_OK};
    now = session_use_begin(here.sessions, &here.owner, here.id, &user->use, on_told);
    turn();
    return now || (user->n_told == 1 && user->code == ERR_OK);
}

static void move_to(int64_t position)
{
    const struct session_patch patch = {.position = &position};
    struct error err = {0};

    assert_int_equal(session_change(here.sessions, &here.owner, here.id, &patch, &err), ERR_OK);
}

static int64_t position(void)
{
    struct session session;
    struct error err = {0};

    assert_int_equal(session_load(here.sessions, &here.owner, here.id, &here.arena, &session, &err),
                     ERR_OK);
    return session.position;
}

static void save(struct user *user)
{
    user->n_told = 0;
    session_use_save(&user->use, on_told);
    turn();
}

/* --- set up and tear down */

static void make_session(void)
{
    const int64_t checkpoint = 7;
    const int64_t first = 1;
    const struct session_patch patch = {.checkpoint_id = &checkpoint, .position = &first};
    struct session session;
    struct error err = {0};

    assert_int_equal(
        session_create(here.sessions, &here.owner, &patch, &here.arena, &session, &err), ERR_OK);
    here.id = session.id;
    session_use_create(here.sessions, &here.owner, here.id, &here.users[0].use, on_told);
    turn();
    assert_int_equal(here.users[0].n_told, 1);
    assert_int_equal(here.users[0].code, ERR_OK);
}

static int set_up(void **state)
{
    static struct store_backend backend;
    struct loop *loop = &here.holders.stage.loop;
    struct session_options options = {
        .max_active = 10, .timeout_s = 600, .max_age_s = 6000, .max_queue = 3, .mark = "abcd"};
    struct error err = {0};

    (void)state;
    memset(&here, 0, sizeof(here));
    holders_open(&here.holders);
    arena_init(&here.arena);
    digest_of(STR("owner"), &here.owner);
    here.behind = here.holders.stage.store->backend;
    backend = *here.behind;
    backend.start = start;
    backend.forget = forget;
    here.holders.stage.store->backend = &backend;
    options.store = here.holders.stage.store;
    options.keeps = here.holders.keeps[0];
    assert_int_equal(
        session_store_open(&loop->deadlines, &loop->later, &options, &here.sessions, &err), ERR_OK);
    make_session();
    return 0;
}

static void on_stopped(void *context)
{
    *(bool *)context = true;
}

static int tear_down(void **state)
{
    bool stopped = false;

    (void)state;
    assert_int_equal(here.n_held, 0);
    here.holds = false;
    here.is_away = false;
    for (size_t i = 0; i < ARRAY_LEN(here.users); i++) {
        session_use_end(&here.users[i].use);
    }
    turn();
    session_store_stop(here.sessions, on_stopped, &stopped);
    turn();
    assert_true(stopped);
    holders_close(&here.holders);
    session_store_close(here.sessions);
    here.holders.stage.store->backend = here.behind;
    arena_done(&here.arena);
    holders_done(&here.holders);
    return 0;
}

/* --- reads and writes */

/* The owner's change is told to have failed: the document stands, and is read by the next use. */
static void fail_to_save(struct user *user, int64_t at, bool *how)
{
    assert_true(begin(user));
    move_to(at);
    *how = true;
    save(user);
    *how = false;
    assert_int_equal(user->n_told, 1);
    assert_int_equal(user->code, ERR_STORE_AWAY);
}

/* The write that is tried again is refused, as the first one was carried out, so the document is read for it. A use
 * that has begun meanwhile needs the document too. */
static void a_read_waits_for_the_write(void **state)
{
    (void)state;
    fail_to_save(&here.users[0], 5, &here.loses);
    session_use_end(&here.users[0].use);
    here.holds = true;
    pass(BEHIND_MS);
    assert_true(holds_only(STORE_PUT));
    assert_false(begin(&here.users[1]));
    assert_true(holds_only(STORE_PUT));
    go_on();
    assert_true(holds_only(STORE_GET)); /* for the write */
    go_on();
    assert_true(holds_only(STORE_PUT));
    go_on();
    assert_int_equal(here.users[1].n_told, 0);
    assert_true(holds_only(STORE_GET)); /* for the use */
    go_on();
    assert_int_equal(here.users[1].n_told, 1);
    assert_int_equal(here.users[1].code, ERR_OK);
    assert_int_equal(position(), 5);
}

/* What the document was before a write is not taken for the session, and the use that waits is served after. */
static void a_write_stops_a_read(void **state)
{
    (void)state;
    fail_to_save(&here.users[0], 5, &here.is_away);
    here.holds = true;
    assert_false(begin(&here.users[1]));
    assert_true(holds_only(STORE_GET));
    move_to(9);
    save(&here.users[0]);
    assert_true(holds_only(STORE_PUT));
    go_on();
    assert_int_equal(here.users[0].n_told, 1);
    assert_int_equal(here.users[0].code, ERR_OK);
    assert_true(holds_only(STORE_GET));
    go_on();
    assert_int_equal(here.users[1].n_told, 1);
    assert_int_equal(here.users[1].code, ERR_OK);
    assert_int_equal(position(), 9);
}

/* Else a store that takes longer than that would be read for nobody. */
static void what_is_written_behind_waits_for_a_read(void **state)
{
    (void)state;
    fail_to_save(&here.users[0], 5, &here.is_away);
    here.holds = true;
    assert_false(begin(&here.users[1]));
    for (int i = 0; i < 2; i++) {
        pass(BEHIND_MS);
        assert_true(holds_only(STORE_GET));
    }
    go_on();
    assert_int_equal(here.users[1].n_told, 1);
    assert_int_equal(here.users[1].code, ERR_OK);
    pass(BEHIND_MS);
    assert_true(holds_only(STORE_PUT));
    go_on();
}

/* --- callbacks */

static void move_and_save_again(struct session_use *use, const struct error *error)
{
    on_told(use, error);
    move_to(9);
    session_use_save(use, on_told);
}

/* It is told when its own write has ended, not with the one before. */
static void a_save_that_a_callback_begins_is_told_later(void **state)
{
    struct user *user = &here.users[0];

    (void)state;
    assert_true(begin(user));
    here.holds = true;
    move_to(5);
    user->n_told = 0;
    session_use_save(&user->use, move_and_save_again);
    assert_true(holds_only(STORE_PUT));
    go_on();
    assert_int_equal(user->n_told, 1);
    assert_true(holds_only(STORE_PUT));
    go_on();
    assert_int_equal(user->n_told, 2);
    assert_int_equal(user->code, ERR_OK);
    pass(BEHIND_MS);
    assert_int_equal(here.n_held, 0); /* all is written */
}

/* --- a lease that is lost */

/* Changes under it are still to be written, and hold it no more. The next use hears that the store is away, and goes on
 * with the record. */
static void changes_do_not_hold_a_lost_lease(void **state)
{
    (void)state;
    assert_true(begin(&here.users[0]));
    clock_advance(KEEP_TTL_MS + 1); /* the process stood still */
    pass(1);
    assert_false(keep_lasts(&here.users[0].use.lease, 0));
    move_to(5);
    here.is_away = true;
    session_use_end(&here.users[0].use);
    assert_true(begin(&here.users[1]));
    assert_int_equal(position(), 5);
    session_use_end(&here.users[1].use);
    here.is_away = false;
    assert_true(begin(&here.users[1]));
    assert_true(keep_lasts(&here.users[1].use.lease, 0));
}

/* A use under a new lease changes what was not written under the lost one: its changes hold the new lease. */
static void changes_hold_the_lease_after_a_lost_one(void **state)
{
    (void)state;
    assert_true(begin(&here.users[0]));
    clock_advance(KEEP_TTL_MS + 1);
    pass(1);
    move_to(5);
    session_use_end(&here.users[0].use);
    assert_true(begin(&here.users[0]));
    move_to(6);
    here.holds = true;
    session_use_end(&here.users[0].use);
    keeps_rest(here.holders.keeps[0]); /* lets go of leases without users */
    turn();
    assert_int_equal(here.n_held, 0);
    here.holds = false;
    assert_true(begin(&here.users[1]));
    assert_int_equal(here.users[1].n_told, 0); /* the lease is here */
    assert_int_equal(position(), 6);
}

int test_share(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_waits_for_the_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_stops_a_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_behind_waits_for_a_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_save_that_a_callback_begins_is_told_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(changes_do_not_hold_a_lost_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_hold_the_lease_after_a_lost_one, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("shared sessions", tests, NULL, NULL);
}
