/* What goes wrong with a store in a cloud: answers that are lost, conflicts, a service that is busy, away, or careless. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>

#include "harness/wait.h"
#include "stage.h"

int test_cloud_faults(void);

enum { WRITERS = 4, ROUNDS = 4, AT_ONCE = 20, ENTRIES = 12, KEPT = 3 };

static struct stage stage;

static struct store_result run(const struct store_request *request)
{
    return stage_run(&stage, request);
}

static struct store_request put_of(const char *key, const char *bytes)
{
    return (struct store_request){
        .kind = STORE_PUT, .key = str_from(key), .bytes = str_from(bytes), .format = 1};
}

static struct store_result get(const char *key)
{
    const struct store_request request = {.kind = STORE_GET, .key = str_from(key), .format = 1};

    return run(&request);
}

static struct store_request lease_of(enum store_kind kind, const char *holder, uint64_t fence)
{
    return (struct store_request){.kind = kind,
                                  .key = STR("lane/x"),
                                  .holder = str_from(holder),
                                  .ttl_ms = 60000,
                                  .fence = fence,
                                  .bytes = STR("left")};
}

/* The first answer to a change is lost: it is read back, and the change has happened once. */
static void a_lost_answer_is_read_back(void **state)
{
    struct store_request put = put_of("lost/doc", "one");
    struct store_request append = {.kind = STORE_APPEND,
                                   .key = STR("lost/stream"),
                                   .format = 1,
                                   .bytes = STR("entry"),
                                   .limit = 10};
    struct store_request read = {
        .kind = STORE_READ, .key = STR("lost/stream"), .format = 1, .limit = 10};
    struct store_request remove = {.kind = STORE_REMOVE, .key = STR("lost/doc")};
    struct store_request lease = lease_of(STORE_LEASE, "a", 0);
    struct store_request release;
    struct store_result result;

    (void)state;
    put.expect = STORE_ABSENT;
    stage.cloud.seen->lost = 1;
    result = run(&put);
    assert_int_equal(result.error.code, ERR_OK);
    assert_int_equal(get("lost/doc").version, result.version);
    put.expect = STORE_VERSION;
    put.version = result.version;
    stage.cloud.seen->lost = 1;
    result = run(&put);
    assert_int_equal(result.error.code, ERR_OK);
    assert_int_equal(result.version, put.version + 1);
    stage.cloud.seen->lost = 1;
    assert_int_equal(run(&append).error.code, ERR_OK);
    assert_int_equal(run(&read).n_items, 1);
    stage.cloud.seen->lost = 1;
    result = run(&lease);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.orderly);
    release = lease_of(STORE_RENEW, "a", result.fence);
    stage.cloud.seen->lost = 1;
    assert_int_equal(run(&release).error.code, ERR_OK);
    release.kind = STORE_RELEASE;
    stage.cloud.seen->lost = 1;
    assert_int_equal(run(&release).error.code, ERR_OK);
    lease.holder = STR("b");
    result = run(&lease);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.orderly);
    assert_true(str_is(result.bytes, "left"));
    stage.cloud.seen->lost = 1;
    remove.expect = STORE_VERSION;
    remove.version = get("lost/doc").version;
    assert_int_equal(run(&remove).error.code, ERR_OK);
    assert_int_equal(get("lost/doc").error.code, ERR_NOT_FOUND);
}

/* 409: another change came at the same time, and perhaps not ours; 429 and 503: nothing was done. */
static void what_was_not_carried_out_is_tried_again(void **state)
{
    struct store_request put = put_of("busy/doc", "one");
    uint64_t version;

    (void)state;
    stage.cloud.seen->conflicts = 3;
    version = run(&put).version;
    assert_true(version > 0);
    stage.cloud.seen->slow_downs = 3;
    put.expect = STORE_VERSION;
    put.version = version;
    assert_int_equal(run(&put).error.code, ERR_OK);
    assert_int_equal(get("busy/doc").version, version + 1);
}

/* Each adds one to what it has read, or reads again: none is lost. */
static void many_writers_lose_nothing(void **state)
{
    static struct stage_op ops[WRITERS];
    char texts[WRITERS][32];
    int64_t sum = 0;
    struct store_request request = put_of("count/doc", "0");

    (void)state;
    (void)run(&request);
    for (int round = 0; round < ROUNDS; round++) {
        struct store_result before = get("count/doc");
        int64_t value = 0;

        assert_true(str_to_i64(before.bytes, 0, INT64_MAX, &value));
        request.expect = STORE_VERSION;
        request.version = before.version;
        for (int i = 0; i < WRITERS; i++) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%lld", (long long)value + 1);
            request.bytes = str_from(texts[i]);
            stage_start(&stage, &request, &ops[i]);
        }
        for (int i = 0; i < WRITERS; i++) {
            stage_wait(&stage, &ops[i]);
            sum += ops[i].result.error.code == ERR_OK ? 1 : 0;
            assert_true(ops[i].result.error.code == ERR_OK ||
                        ops[i].result.error.code == ERR_CONFLICT);
        }
    }
    assert_int_equal(sum, ROUNDS); /* one a round */
    assert_true(str_is(get("count/doc").bytes, "4"));
}

/* Whatever a process is asked for at one moment costs two or three changes of the cell, so that also a service which takes one a second
 * carries it out; who is cancelled meanwhile holds nobody up. */
static void changes_of_one_moment_are_written_together(void **state)
{
    static struct stage_op ops[AT_ONCE];
    struct store_request put = put_of("burst/doc", "x");
    unsigned before;
    unsigned too_fast = stage.cloud.seen->n_too_fast;
    uint64_t version = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        before = stage.cloud.seen->n_changes;
        for (int i = 0; i < AT_ONCE; i++) {
            stage_start(&stage, &put, &ops[i]);
        }
        for (int i = 1; round == 1 && i < AT_ONCE; i += 2) {
            store_cancel(&ops[i].op);
        }
        for (int i = 0; i < AT_ONCE; i += 1 + round) {
            stage_wait(&stage, &ops[i]);
            assert_int_equal(ops[i].result.error.code, ERR_OK);
        }
        /* Each reads first: on a loaded machine some come when others are written already. */
        assert_in_range(stage.cloud.seen->n_changes - before, 1,
                        AT_ONCE / (1 + (unsigned)round) - 1);
        assert_true(get("burst/doc").version >= version + AT_ONCE / (1 + (unsigned)round));
        version = get("burst/doc").version;
    }
    assert_int_equal(stage.cloud.seen->n_too_fast, too_fast);
}

/* Of some that want to follow the same version while the cell rests one does, and the others are told so when that is written,
 * also where the answer to that is lost. */
static void who_waits_in_line_is_decided_by_what_is_before_it(void **state)
{
    static const struct {
        unsigned lost; /* answers */
    } rows[] = {{0}, {1}};
    struct store_request put = put_of("line/doc", "x");
    struct stage_op ops[3];
    struct stage_op waker;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n_good = 0;
        size_t n_told = 0;

        put.expect = STORE_ANY;
        stage_start(&stage, &put, &waker);
        stage_wait(&stage, &waker);
        put.expect = STORE_VERSION;
        put.version = waker.result.version;
        stage.cloud.seen->lost = rows[i].lost;
        for (size_t k = 0; k < ARRAY_LEN(ops); k++) {
            stage_start(&stage, &put, &ops[k]);
        }
        for (size_t k = 0; k < ARRAY_LEN(ops); k++) {
            stage_wait(&stage, &ops[k]);
            n_good += ops[k].result.error.code == ERR_OK;
            n_told += ops[k].result.error.code == ERR_CONFLICT;
        }
        assert_int_equal(n_good, 1);
        assert_int_equal(n_told, ARRAY_LEN(ops) - 1);
        assert_int_equal(get("line/doc").version, put.version + 1);
    }
}

/* What this process has seen of a stream is not listed again for the next entry, also where another process has gone on and trimmed
 * it since. */
static void an_entry_lists_only_what_is_new(void **state)
{
    struct store_request append = {.kind = STORE_APPEND,
                                   .key = STR("long/stream"),
                                   .format = 1,
                                   .bytes = STR("entry"),
                                   .limit = KEPT};
    struct store *mine = stage.store;
    const struct store_options options = {.prefix = STR("vp:"), .timeout_ms = STAGE_TIMEOUT_MS};
    struct error error = {0};
    uint64_t last = 0;
    unsigned before;

    (void)state;
    for (int i = 0; i < ENTRIES; i++) {
        before = stage.cloud.seen->n_named;
        last = run(&append).version;
        assert_true(last > 0);
        assert_int_equal(stage.cloud.seen->n_named, before);
    }
    assert_int_equal(stage.backend->open(&stage, &options, &error), ERR_OK);
    wait_until(get("none").error.code == ERR_NOT_FOUND);
    for (int i = 0; i < ENTRIES; i++) {
        assert_int_equal(run(&append).version, ++last);
    }
    stage.closed = false;
    store_close(stage.store, stage_on_closed, &stage);
    wait_until(loop_turn(&stage.loop, false) && stage.closed);
    stage.closed = false;
    stage.store = mine;
    before = stage.cloud.seen->n_named;
    assert_int_equal(run(&append).version, last + 1);
    assert_int_equal(stage.cloud.seen->n_named, before + KEPT);
}

/* What has expired is told by the service's clock: those of machines may differ. */
static void time_is_that_of_the_service(void **state)
{
    struct store_request put = put_of("time/doc", "x");

    (void)state;
    put.ttl_ms = UINT64_C(3600) * 1000;
    assert_int_equal(run(&put).error.code, ERR_OK);
    stage.cloud.seen->ahead_s = 7200;
    (void)get("time/other"); /* the answer tells the time */
    assert_int_equal(get("time/doc").error.code, ERR_NOT_FOUND);
    stage.cloud.seen->ahead_s = 0;
    (void)get("time/other");
    assert_int_equal(get("time/doc").error.code, ERR_OK);
}

/* Of a document that is gone for some minutes nothing is left once its group was listed; a new one has a greater version. */
static void what_is_gone_for_long_is_taken_out(void **state)
{
    const struct store_request list = {
        .kind = STORE_LIST, .key = STR("swept"), .format = 1, .limit = 10};
    struct store_request put = put_of("swept/a", "x");
    struct store_request remove = {.kind = STORE_REMOVE, .key = STR("swept/b")};
    unsigned before = stage.cloud.seen->n_items;
    uint64_t version;

    (void)state;
    put.ttl_ms = 1000;
    version = run(&put).version;
    put.key = STR("swept/b");
    assert_int_equal(run(&put).error.code, ERR_OK);
    assert_int_equal(run(&remove).error.code, ERR_OK);
    assert_int_equal(run(&list).error.code, ERR_OK);
    assert_int_equal(stage.cloud.seen->n_items, before + 2); /* it may come back soon */
    stage.cloud.seen->ahead_s = 7200;
    (void)get("time/other");
    assert_int_equal(run(&list).n_items, 0);
    wait_until(loop_turn(&stage.loop, false) && stage.cloud.seen->n_items == before);
    put.key = STR("swept/a");
    assert_true(run(&put).version > version);
    stage.cloud.seen->ahead_s = 0;
    (void)get("time/other");
}

static void a_service_that_is_away_is_said_to_be(void **state)
{
    struct store_result result;

    (void)state;
    assert_null(store_trouble(stage.store));
    stage.cloud.seen->is_away = true;
    result = get("away/doc");
    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    assert_true(result.error.text[0] != '\0');
    assert_non_null(store_trouble(stage.store));
    stage.cloud.seen->is_away = false;
    wait_until(get("away/doc").error.code == ERR_NOT_FOUND);
    assert_null(store_trouble(stage.store));
}

/* What another program has left under our key. */
static void what_is_not_ours_is_left_alone(void **state)
{
    struct store_request put = put_of("other/doc", "x");

    (void)state;
    stage.cloud.seen->foreign =
        true; /* what is put from now on comes to lie there without its first line */
    assert_int_equal(run(&put).error.code, ERR_OK);
    stage.cloud.seen->foreign = false;
    assert_int_equal(get("other/doc").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(&put).error.code, ERR_STORE_UNREADABLE);
}

static int set_up(void **state)
{
    int failed;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    stage_start_cloud(&stage);
    failed = stage_open(&stage);
    if (failed == 0) {
        wait_until(get("none").error.code == ERR_NOT_FOUND);
    }
    return failed;
}

static int tear_down(void **state)
{
    (void)state;
    stage_close(&stage);
    cloud_server_done(&stage.cloud);
    return 0;
}

/* A store that takes every PUT would lose changes: it is not used. */
static void a_careless_service_is_not_used(void **state)
{
    struct store_request put = put_of("doc/x", "x");
    struct store_result result;

    (void)state;
    stage = (struct stage){.backend = &stage_backends[4]};
    stage_start_cloud(&stage);
    stage.cloud.seen->is_careless = true;
    assert_int_equal(stage_open(&stage), 0);
    result = run(&put);
    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    assert_true(str_contains(str_from(result.error.text), STR("does not keep to conditions")));
    assert_non_null(store_trouble(stage.store));
    (void)tear_down(state);
}

int test_cloud_faults(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_answer_is_read_back),
        cmocka_unit_test(what_was_not_carried_out_is_tried_again),
        cmocka_unit_test(many_writers_lose_nothing),
        cmocka_unit_test(changes_of_one_moment_are_written_together),
        cmocka_unit_test(who_waits_in_line_is_decided_by_what_is_before_it),
        cmocka_unit_test(an_entry_lists_only_what_is_new),
        cmocka_unit_test(time_is_that_of_the_service),
        cmocka_unit_test(what_is_gone_for_long_is_taken_out),
        cmocka_unit_test(a_service_that_is_away_is_said_to_be),
        cmocka_unit_test(what_is_not_ours_is_left_alone),
    };
    const struct CMUnitTest careless[] = {cmocka_unit_test(a_careless_service_is_not_used)};
    int failed = 0;

    for (size_t i = 0; i < n_stage_backends; i++) {
        if (stage_backends[i].is_cloud) {
            stage = (struct stage){.backend = &stage_backends[i]};
            failed += cmocka_run_group_tests_name(stage.backend->name, tests, set_up, tear_down);
        }
    }
    return failed + cmocka_run_group_tests_name("careless", careless, NULL, NULL);
}
