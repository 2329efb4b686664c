/* The reply of a request with an Idempotency-Key, as another process is told it. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "api/gate/idempotency_share.h"
#include "base/mem.h"
#include "unit/store/stage.h"

int test_idempotency_share(void);

enum { KEY_TTL_MS = 60000, TURNS = 12 };

static struct {
    struct stage stage;
    struct keeps *keeps;
    struct idempotency_share *share;
    unsigned n_told;
    bool is_ours; /* the claim: nobody had the key */
    bool closed;
    unsigned n_put;
    unsigned n_ended;     /* claims that were waited for */
    enum error_code code; /* that the next claim ends with */
} here;

static const struct kept_reply reply = {.status = 201,
                                        .content_type = STR_INIT("application/json"),
                                        .location = STR_INIT("/api/v1/tests/runs/1"),
                                        .fields =
                                            STR_INIT("Link: <a>; rel=\"next\"\r\nETag: \"e\"\r\n"),
                                        .body = STR_INIT("{\"id\":7}\n")};

static void on_told(void *context, const struct error *error, const struct kept_reply *told)
{
    (void)context;
    here.n_told++;
    assert_int_equal(error->code, here.code);
    here.is_ours = error->code == ERR_OK && told == NULL;
    if (told != NULL) {
        assert_int_equal(told->status, reply.status);
        assert_true(str_eq(told->content_type, reply.content_type));
        assert_true(str_eq(told->location, reply.location));
        assert_true(str_eq(told->fields, reply.fields));
        assert_true(str_eq(told->body, reply.body));
    }
}

static struct claim *claim(void)
{
    const struct digest id = {{1}};
    const struct digest body = {{2}};
    unsigned n_told = here.n_told;
    struct claim *claim = claim_start(here.share, &id, &body, KEY_TTL_MS, NULL, on_told);

    while (here.n_told == n_told) { /* the store ends each operation */
        (void)loop_turn(&here.stage.loop, true);
    }
    return claim;
}

static void turns(void)
{
    for (unsigned i = 0; i < TURNS; i++) {
        (void)loop_turn(&here.stage.loop, false);
    }
}

static void a_reply_is_told_whole(void **state)
{
    struct claim *first = claim();

    (void)state;
    assert_true(here.is_ours);
    (void)claim_keep(first, &reply);
    turns(); /* it is written */
    (void)claim();
    assert_false(here.is_ours);
}

static void on_put(struct store_op *op, const struct store_result *result)
{
    (void)op;
    assert_int_equal(result->error.code, ERR_OK);
    here.n_put++;
}

/* As a process does that took the holder for dead. */
static void doubt(const char *holder)
{
    const struct digest id = {{1}};
    const struct digest body = {{2}};
    struct store_op op = {0};
    char hex[65];
    char key[96];
    char text[300];
    struct store_request request = {.kind = STORE_PUT, .ttl_ms = KEY_TTL_MS, .format = 1};
    unsigned n_put = here.n_put;

    digest_hex(&id, hex);
    request.key = str_join(key, sizeof(key), STR("idempotency:"), str_from(hex));
    digest_hex(&body, hex);
    (void)snprintf(text, sizeof(text),
                   "{\"state\":\"unknown\",\"holder\":\"%s\",\"request\":\"%s\"}\n", holder, hex);
    request.bytes = str_from(text);
    store_start(here.stage.store, &request, &op, on_put);
    while (here.n_put == n_put) {
        (void)loop_turn(&here.stage.loop, true);
    }
}

/* Nothing was sent, and the holder knows that, whatever another process wrote of it. */
static void a_doubt_about_a_living_holder_is_taken_back(void **state)
{
    struct claim *first = claim();

    (void)state;
    assert_true(here.is_ours);
    doubt(keeps_holder(here.keeps));
    (void)claim_forget(first);
    turns();
    first = claim();
    assert_true(here.is_ours);
    (void)claim_forget(first);
    turns();
}

static void a_doubt_about_another_holder_stays(void **state)
{
    struct claim *first = claim();

    (void)state;
    assert_true(here.is_ours);
    doubt("another");
    (void)claim_forget(first);
    turns();
    here.code = ERR_OUTCOME_UNKNOWN;
    (void)claim();
}

static void on_keeps_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static void join(void)
{
    here.keeps = keeps_open(here.stage.store);
    here.share = idempotency_share_open(here.stage.store, here.keeps, &here.stage.loop.deadlines);
}

static void leave(void)
{
    idempotency_share_stop(here.share);
    mem_free(here.share);
    here.closed = false;
    keeps_close(here.keeps, on_keeps_closed, NULL);
    while (!here.closed) {
        (void)loop_turn(&here.stage.loop, true);
    }
}

/* The work of the retry is under way while the first claim, whose request has long been answered, is taken back. */
static void a_claim_that_is_taken_back_leaves_its_retry_the_key(void **state)
{
    struct keeps *keeps = here.keeps;
    struct idempotency_share *share = here.share;
    struct claim *first = claim();
    struct claim *second = claim();

    (void)state;
    assert_true(here.is_ours);
    (void)claim_forget(first);
    turns();
    join(); /* another process */
    here.code = ERR_IDEMPOTENCY_IN_FLIGHT;
    (void)claim();
    leave();
    here.keeps = keeps;
    here.share = share;
    (void)claim_forget(second);
    turns();
    here.code = ERR_OK;
    (void)claim();
    assert_true(here.is_ours); /* its own claim is removed */
}

static void on_claim_end(struct claim_end *who)
{
    assert_null(who->claim);
    here.n_ended++;
}

/* A process that may be stopped after its answer waits until others are told the reply. */
static void the_end_of_a_claim_is_waited_for(void **state)
{
    struct keeps *keeps = here.keeps;
    struct idempotency_share *share = here.share;
    struct claim_end wait = {0};
    struct claim *first = claim_keep(claim(), &reply);

    (void)state;
    assert_non_null(first);
    claim_wait(first, &wait, on_claim_end);
    assert_int_equal(here.n_ended, 0);
    while (here.n_ended == 0) { /* the store ends each operation */
        (void)loop_turn(&here.stage.loop, true);
    }
    join(); /* another process */
    (void)claim();
    assert_false(here.is_ours);
    leave();
    here.keeps = keeps;
    here.share = share;
    assert_int_equal(here.n_ended, 1);
}

/* Its task may be gone before: then nobody is told. */
static void who_waits_for_a_claim_may_leave(void **state)
{
    struct claim_end wait = {0};
    struct claim *first = claim_forget(claim());

    (void)state;
    assert_non_null(first);
    claim_wait(first, &wait, on_claim_end);
    claim_stop_waiting(&wait);
    turns();
    assert_int_equal(here.n_ended, 0);
    (void)claim();
    assert_true(here.is_ours); /* it was removed */
}

static int set_up(void **state)
{
    (void)state;
    here.n_told = 0;
    here.n_ended = 0;
    here.code = ERR_OK;
    here.stage = (struct stage){.backend = &stage_backends[0]};
    assert_int_equal(stage_open(&here.stage), 0);
    join();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    leave();
    stage_close(&here.stage);
    return 0;
}

int test_idempotency_share(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reply_is_told_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_doubt_about_a_living_holder_is_taken_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_doubt_about_another_holder_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_claim_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_a_claim_may_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_that_is_taken_back_leaves_its_retry_the_key, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("idempotency_share", tests, NULL, NULL);
}
