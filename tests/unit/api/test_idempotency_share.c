/* The reply of a request with an Idempotency-Key, as another process is told it. */
#include "harness/cmocka.h"

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
    assert_int_equal(error->code, ERR_OK);
    here.is_ours = told == NULL;
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

static void a_reply_is_told_whole(void **state)
{
    struct claim *first = claim();

    (void)state;
    assert_true(here.is_ours);
    claim_keep(first, &reply);
    for (unsigned i = 0; i < TURNS; i++) { /* it is written */
        (void)loop_turn(&here.stage.loop, false);
    }
    (void)claim();
    assert_false(here.is_ours);
}

static void on_keeps_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static int set_up(void **state)
{
    (void)state;
    here.stage = (struct stage){.backend = &stage_backends[0]};
    assert_int_equal(stage_open(&here.stage), 0);
    here.keeps = keeps_open(here.stage.store);
    here.share = idempotency_share_open(here.stage.store, here.keeps, &here.stage.loop.deadlines);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    idempotency_share_stop(here.share);
    mem_free(here.share);
    keeps_close(here.keeps, on_keeps_closed, NULL);
    while (!here.closed) {
        (void)loop_turn(&here.stage.loop, true);
    }
    stage_close(&here.stage);
    return 0;
}

int test_idempotency_share(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reply_is_told_whole, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("idempotency_share", tests, NULL, NULL);
}
