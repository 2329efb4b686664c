/* Webhooks with a driven clock: signatures of the reference vector, a day of tries, dead letters, 410, and a key
 * that is taken away. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "data/json.h"
#include "events/journal.h"
#include "events/webhook_internal.h"
#include "harness/collector.h"
#include "harness/wait.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "store/keep.h"
#include "store/memory_internal.h"

enum { TEXT_MAX = 1 << 20, RETRY_MS = 5000, SETTLE_TURNS = 30, DAY_MS = 24 * 3600 * 1000 };

/* The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * and of the libraries beside it. */
static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct here {
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct webhooks *hooks;
    struct webhook *hook;
    struct collector receiver;
    struct arena arena;
    struct digest owner;
    bool has_key;
    bool closed;
    /* of processes that share webhooks */
    struct store *store;
    struct keeps *keeps;
    struct journal *journal;
    struct webhook_ask ask;
};

static struct here here;

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static bool has_right(void *context, const struct digest *owner)
{
    (void)owner;
    return ((struct here *)context)->has_key;
}

static void make_hook(void)
{
    char url[64];
    char shown[WEBHOOK_SECRET_MAX];
    struct error err = {0};
    struct webhook_wish wish = {.owner = &here.owner,
                                .is_listed = true,
                                .secret = str_from(secret),
                                .kinds = 1U << FACT_SESSION_CREATED,
                                .shape = -1,
                                .enabled = -1};

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", here.receiver.port);
    wish.url = str_from(url);
    assert_int_equal(webhook_new(here.hooks, &wish, &here.hook, shown, &err), ERR_OK);
}

static void share(void)
{
    const struct store_options options = {
        .prefix = STR("vp:"), .timeout_ms = 10000, .max_bytes = TEXT_MAX};
    struct error err = {0};

    assert_int_equal(store_open_memory(&here.loop, &options, &here.store, &err), ERR_OK);
    here.keeps = keeps_open(here.store);
    here.journal = journal_open(&here.loop, here.store, true);
}

static int set_up_as(bool shares)
{
    struct webhooks_options options = {.allow_private = true, .retry_ms = RETRY_MS};

    here = (struct here){.has_key = true};
    (void)signal(SIGPIPE, SIG_IGN);
    metrics_open();
    arena_init(&here.arena);
    collector_start(&here.receiver);
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, on_alive, 1, 1), 0);
    if (shares) {
        share();
        options.journal = here.journal;
        options.keeps = here.keeps;
    }
    here.hooks = webhooks_open(&here.loop, &options);
    webhooks_judge(here.hooks, has_right, &here);
    make_hook();
    clock_set(clock_now_ms(), clock_wall_ms());
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_as(false);
}

static int set_up_shared(void **state)
{
    (void)state;
    return set_up_as(true);
}

static void on_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static void wait_closed(void)
{
    while (!here.closed) {
        (void)loop_turn(&here.loop, true);
    }
    here.closed = false;
}

static int tear_down(void **state)
{
    (void)state;
    clock_release();
    webhooks_close(here.hooks, on_closed, NULL);
    wait_closed();
    if (here.store != NULL) {
        journal_close(here.journal, on_closed, NULL);
        wait_closed();
        keeps_close(here.keeps, on_closed, NULL);
        wait_closed();
        store_close(here.store, on_closed, NULL);
        wait_closed();
    }
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    collector_done(&here.receiver);
    arena_done(&here.arena);
    metrics_done();
    return 0;
}

static bool turn(void)
{
    (void)loop_turn(&here.loop, true);
    return false;
}

static void settle(void)
{
    for (unsigned i = 0; i < SETTLE_TURNS; i++) {
        (void)deadlines_run(&here.loop.deadlines, clock_now_ms()); /* the loop's alarm is real */
        (void)turn();
    }
}

static void note(const char *subject)
{
    struct fact fact = {.kind = FACT_SESSION_CREATED, .outcome = "ok"};

    memcpy(fact.owner, here.owner.bytes, sizeof(fact.owner));
    str_copy(fact.subject, sizeof(fact.subject), str_from(subject));
    fact_note(&fact);
}

static const struct json *deliveries(void)
{
    struct json *json = NULL;
    struct json_writer w;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    jw_init(&w, &text);
    webhook_write_deliveries(here.hook, &w);
    assert_int_equal(
        json_parse(&here.arena, arena_str(&here.arena, buf_view(&text)), NULL, &json, NULL),
        ERR_OK);
    buf_done(&text);
    return json;
}

static bool newest_is(const char *status)
{
    (void)turn();
    return str_is(json_str(json_find(deliveries(), "/0/status")), status);
}

/* What the receiver answered to the last post was taken notice of. */
static bool is_between_tries(unsigned n_tries)
{
    (void)turn();
    return here.hook->current != NULL && here.hook->current->n_tries == n_tries &&
           deadline_is_set(&here.hook->retry);
}

static void the_signature_is_that_of_the_vector(void **state)
{
    (void)state;
    buf_clear(&here.hook->body);
    buf_text(&here.hook->body, "{\"test\": 2432232314}");
    webhook_sign(here.hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", INT64_C(1614265330) * 1000);
    assert_string_equal(here.hook->timestamp, "1614265330");
    assert_string_equal(buf_cstr(&here.hook->signature),
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* The n-th try has been refused. How long the pause until the next one is; 0: the delivery is dead, and the next is in hand. */
static uint64_t pause_after(unsigned n)
{
    uint64_t from_ms = clock_now_ms();

    wait_until(is_between_tries(n) ||
               str_is(str_from(here.hook->current->id), here.hook->deliveries[1].id));
    return here.hook->current == &here.hook->deliveries[1] ? 0 : here.hook->retry.at_ms - from_ms;
}

static void let_pass(uint64_t pause_ms, unsigned n)
{
    clock_advance(pause_ms - 1);
    settle();
    assert_int_equal(here.receiver.seen->n_posts, n); /* not before its time */
    clock_advance(1);
}

/* The pauses grow; a day after the first try at the latest the delivery is dead, and the next event comes. It can be
 * sent again by hand. */
static void a_day_of_tries(void **state)
{
    uint64_t began_ms = clock_now_ms();
    uint64_t before_ms = 0;
    unsigned n = 1;
    struct error err = {0};
    struct str dead;

    (void)state;
    here.receiver.seen->mood = COLLECTOR_REFUSES;
    note("sess_1");
    note("sess_2");
    for (uint64_t pause_ms; (pause_ms = pause_after(n)) > 0; n++) {
        assert_true(pause_ms >= before_ms);
        before_ms = pause_ms;
        let_pass(pause_ms, n);
    }
    assert_true(n >= 10);
    assert_in_range(clock_now_ms() - began_ms, DAY_MS * 9 / 10, DAY_MS);
    wait_until(is_between_tries(1)); /* of the next event, which is refused once, too */
    here.receiver.seen->mood = COLLECTOR_TAKES;
    clock_advance(RETRY_MS);
    wait_until(newest_is("delivered"));
    assert_true(str_is(json_str(json_find(deliveries(), "/1/status")), "dead"));
    dead = json_str(json_find(deliveries(), "/1/id"));
    assert_int_equal(here.receiver.seen->n_taken, 1);
    assert_int_equal(webhook_redeliver(here.hook, dead, &err), ERR_OK);
    wait_until(turn() || here.receiver.seen->n_taken == 2);
    wait_until(turn() || str_is(json_str(json_find(deliveries(), "/1/status")), "delivered"));
}

/* A receiver that says that it is gone is not asked again until the webhook is switched on by hand. */
static void a_receiver_that_is_gone_ends_it(void **state)
{
    struct webhook_wish on = {.shape = -1, .enabled = 1};
    struct error err = {0};

    (void)state;
    here.receiver.seen->mood = COLLECTOR_IS_GONE;
    note("sess_1");
    note("sess_2");
    wait_until(newest_is("dead"));
    assert_false(here.hook->enabled);
    here.receiver.seen->mood = COLLECTOR_TAKES;
    clock_advance(DAY_MS);
    settle();
    assert_int_equal(here.receiver.seen->n_posts, 1);
    assert_int_equal(webhook_test(here.hook, &err), ERR_CONFLICT);
    assert_int_equal(webhook_change(here.hook, &on, &err), ERR_OK);
    wait_until(newest_is("delivered"));
    assert_int_equal(here.receiver.seen->n_taken, 1); /* sess_2 */
}

/* With a delivery under way or not: nothing is sent any more, and the webhook is no more. */
static void a_key_that_is_taken_away_ends_it(void **state)
{
    (void)state;
    here.receiver.seen->mood = COLLECTOR_REFUSES;
    note("sess_1");
    wait_until(is_between_tries(1));
    here.receiver.seen->mood = COLLECTOR_TAKES;
    here.has_key = false;
    clock_advance(RETRY_MS); /* it has expired: nobody tells us */
    settle();
    assert_int_equal(here.receiver.seen->n_posts, 1);
    clock_advance(1);
    settle();
    assert_true(list_is_empty(&here.hooks->list));
    here.has_key = true;
    make_hook();
    here.has_key = false;
    webhooks_judge(here.hooks, has_right, &here); /* a reload does */
    assert_true(list_is_empty(&here.hooks->list));
    note("sess_2");
    settle();
    assert_int_equal(here.receiver.seen->n_posts, 1);
}

static bool turn_driven(void)
{
    (void)deadlines_run(&here.loop.deadlines, clock_now_ms());
    return turn();
}

static void on_hook_saved(struct webhook_ask *ask, const struct error *error)
{
    (void)ask;
    assert_null(error);
    here.closed = true;
}

static bool is_trouble(void)
{
    return trouble_now(TROUBLE_WEBHOOKS)->since_wall_ms != 0;
}

static void save_hook(void)
{
    here.ask.on_done = on_hook_saved;
    here.closed = false;
    webhook_save(here.hook, &here.ask);
    wait_until(turn_driven() || (here.closed && feed_is_open(&here.hook->feed)));
    here.closed = false;
}

/* The store has no room for where its deliveries stand. */
static void fail_to_save(void)
{
    struct memory *memory = (struct memory *)(void *)here.store;

    save_hook();
    memory->max_bytes = 0;
    webhook_state_dirty(here.hook);
    clock_advance(RETRY_MS);
    wait_until(turn_driven() || is_trouble());
    assert_true(str_starts(str_from(trouble_now(TROUBLE_WEBHOOKS)->why), STR("the store is full")));
    memory->max_bytes = TEXT_MAX;
}

/* It ends when they are saved, and when another process is to do so. */
static void what_cannot_be_saved_is_trouble(void **state)
{
    (void)state;
    fail_to_save();
    clock_advance(RETRY_MS);
    wait_until(turn_driven() || !is_trouble());
    assert_true(here.hook->share.state_version > 0);
    make_hook();
    fail_to_save();
    duty_yield(&here.hooks->share->duty);
    assert_false(is_trouble());
}

/* Nor is a webhook that goes, and it takes no other's trouble away. */
static void a_webhook_that_goes_takes_its_own_trouble_away(void **state)
{
    struct webhook *first = here.hook;

    (void)state;
    fail_to_save();
    make_hook();
    fail_to_save();
    webhook_remove(first);
    assert_true(is_trouble());
    webhook_remove(here.hook);
    assert_false(is_trouble());
}

/* Another process has saved it: that one posts now, and all is well. */
static void a_state_that_another_saved_is_no_trouble(void **state)
{
    (void)state;
    fail_to_save();
    clock_advance(RETRY_MS);
    wait_until(turn_driven() || !is_trouble());
    here.hook->share.state_version++;
    webhook_state_dirty(here.hook);
    clock_advance(RETRY_MS);
    wait_until(turn_driven() || is_trouble() || !feed_is_open(&here.hook->feed));
    assert_false(is_trouble());
    assert_false(here.hooks->share->duty.is_on);
}

/* It is switched off while its duty ends, and the store does not take that: it is as the store has it. */
static void what_may_not_be_saved_is_read_again(void **state)
{
    struct memory *memory = (struct memory *)(void *)here.store;

    (void)state;
    save_hook();
    save_hook(); /* the very first version in a store is 1 */
    memory->max_bytes = 0;
    here.hook->enabled = false;
    webhook_put_off(here.hook);
    assert_true(store_is_running(&here.hook->share.put_off.op));
    duty_yield(&here.hooks->share->duty);
    memory->max_bytes = TEXT_MAX;
    clock_advance(30000); /* the next walk */
    wait_until(turn_driven() || here.hook->enabled);
}

/* --- states whose webhook was deleted */
enum { N_ORPHANS = WEBHOOKS_SWEPT + 5 };

struct done {
    struct store_op op;
    enum error_code code;
    bool ended;
};

static void on_done(struct store_op *op, const struct store_result *result)
{
    struct done *done = CONTAINER_OF(op, struct done, op);

    done->code = result->error.code;
    done->ended = true;
}

static enum error_code on_state_of(enum store_kind kind, const char *id)
{
    char key[WEBHOOK_KEY_MAX];
    const struct store_request request = {.kind = kind,
                                          .key = hook_key(WEBHOOK_STATES, str_from(id), key),
                                          .format = 1,
                                          .bytes = STR("{}"),
                                          .expect = STORE_ANY};
    struct done done = {.ended = false};

    store_start(here.store, &request, &done.op, on_done);
    wait_until(turn_driven() || done.ended);
    return done.code;
}

static const char *orphan(unsigned i)
{
    static char id[WEBHOOK_ID_MAX];

    (void)snprintf(id, sizeof(id), "%s_%u", i % 2 == 0 ? "wa" : "wz", i);
    return id;
}

static bool is_swept(void)
{
    clock_advance(1000); /* a longer step would end the lease of the duty */
    for (unsigned i = 0; i < N_ORPHANS; i++) {
        if (on_state_of(STORE_GET, orphan(i)) != ERR_NOT_FOUND) {
            return false;
        }
    }
    return true;
}

/* They are more than one sweep looks at, and stand on both sides of the state of a webhook that is there. */
static void states_without_their_webhook_are_removed(void **state)
{
    (void)state;
    save_hook();
    assert_int_equal(on_state_of(STORE_PUT, here.hook->id), ERR_OK);
    for (unsigned i = 0; i < N_ORPHANS; i++) {
        assert_int_equal(on_state_of(STORE_PUT, orphan(i)), ERR_OK);
    }
    assert_false(is_swept());
    wait_until(is_swept());
    assert_int_equal(on_state_of(STORE_GET, here.hook->id), ERR_OK);
}

int test_webhooks(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_signature_is_that_of_the_vector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_of_tries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_receiver_that_is_gone_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_is_taken_away_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_saved_is_trouble, set_up_shared, tear_down),
        cmocka_unit_test_setup_teardown(a_webhook_that_goes_takes_its_own_trouble_away,
                                        set_up_shared, tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_another_saved_is_no_trouble, set_up_shared,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_may_not_be_saved_is_read_again, set_up_shared,
                                        tear_down),
        cmocka_unit_test_setup_teardown(states_without_their_webhook_are_removed, set_up_shared,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("webhooks", tests, NULL, NULL);
}
