/* A store that another process keeps: what becomes of both sides when the other one is gone, or sends what is
 * no request. What the operations do is test_conformance's. */
#include "harness/cmocka.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "stage.h"

enum { TURNS = 30 };

/* A served store with two processes at it; here both are this one. */
struct scene {
    struct stage stage; /* its store is the first process's */
    struct store *second;
    struct store_server *serving_second;
    int raw; /* instead of the second process: a plain socket; -1 */
    unsigned n_ended;
    bool closed;
};

static struct scene scene;

static void turn(void)
{
    for (int i = 0; i < TURNS; i++) {
        (void)loop_turn(&scene.stage.loop, false);
    }
}

static void on_end(void *context)
{
    (void)context;
    scene.n_ended++;
}

static void on_closed(void *context)
{
    (void)context;
    scene.closed = true;
}

static void wait_closed(void)
{
    while (!scene.closed) {
        (void)loop_turn(&scene.stage.loop, true);
    }
    scene.closed = false;
}

static int open_second(bool as_store)
{
    const struct store_options options = {.prefix = STR("vp:"), .timeout_ms = STAGE_TIMEOUT_MS};
    struct error err;
    int ends[2];

    scene = (struct scene){.raw = -1};
    for (size_t i = 0; i < n_stage_backends; i++) {
        if (strcmp(stage_backends[i].name, "memory of another process") == 0) {
            scene.stage.backend = &stage_backends[i];
        }
    }
    assert_int_equal(stage_open(&scene.stage), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    scene.serving_second =
        store_serve(&scene.stage.loop, scene.stage.served, ends[0], on_end, NULL);
    if (as_store) {
        assert_int_equal(store_open_peer(&scene.stage.loop, &options, ends[1], &scene.second, &err),
                         ERR_OK);
    } else {
        scene.raw = ends[1];
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return open_second(true);
}

static int set_up_raw(void **state)
{
    (void)state;
    return open_second(false);
}

static void close_serving(void)
{
    if (scene.serving_second != NULL) {
        store_server_close(scene.serving_second, on_closed, NULL);
        wait_closed();
        scene.serving_second = NULL;
    }
}

static void close_second(void)
{
    if (scene.second != NULL) {
        store_close(scene.second, on_closed, NULL);
        wait_closed();
        scene.second = NULL;
    }
}

static int tear_down(void **state)
{
    (void)state;
    close_second();
    if (scene.raw >= 0) {
        (void)close(scene.raw);
    }
    close_serving();
    stage_close(&scene.stage);
    return 0;
}

static const struct store_request lease_of_a = {
    .kind = STORE_LEASE, .key = STR_INIT("lane/1"), .holder = STR_INIT("a"), .ttl_ms = 60000};

static struct store_result run_on(struct store *store, const struct store_request *request)
{
    struct stage_op op = {.stage = &scene.stage};

    store_start(store, request, &op.op, stage_on_done);
    stage_wait(&scene.stage, &op);
    return op.result;
}

/* As for a holder that died, but without waiting for the end of its lease. */
static void the_leases_of_a_dead_process_pass_on_at_once(void **state)
{
    struct store_request request = lease_of_a;
    struct store_request watch = {.kind = STORE_WATCH, .key = STR("lane/1"), .wait_ms = 50000};
    struct store_result first = run_on(scene.second, &request);
    struct store_result result;
    struct stage_op waits;

    (void)state;
    assert_int_equal(first.error.code, ERR_OK);
    request.holder = STR("b");
    result = run_on(scene.stage.store, &request);
    assert_int_equal(result.error.code, ERR_CONFLICT);
    watch.after = result.sequence;
    stage_start(&scene.stage, &watch, &waits);
    turn();
    assert_false(waits.done);
    close_second();
    turn();
    assert_int_equal(scene.n_ended, 1);
    assert_false(waits.done); /* its socket is closed: that does not prove that it is dead */
    close_serving();
    stage_wait(&scene.stage, &waits);
    assert_true(waits.result.sequence > watch.after);
    result = run_on(scene.stage.store, &request);
    assert_int_equal(result.error.code, ERR_OK);
    assert_false(result.orderly);
    assert_true(result.fence > first.fence);
}

static void what_is_on_its_way_fails_when_the_keeper_is_gone(void **state)
{
    struct store_request watch = {.kind = STORE_WATCH, .key = STR("lane/1"), .wait_ms = 50000};
    struct stage_op waits = {.stage = &scene.stage};
    struct store_result result;

    (void)state;
    store_start(scene.second, &watch, &waits.op, stage_on_done);
    turn();
    assert_null(store_trouble(scene.second));
    close_serving();
    stage_wait(&scene.stage, &waits);
    assert_int_equal(waits.result.error.code, ERR_STORE_AWAY);
    assert_true(waits.result.in_doubt);
    result = run_on(scene.second, &lease_of_a);
    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    assert_string_equal(result.error.text,
                        "the store is away: the process that keeps it has ended");
    assert_non_null(store_trouble(scene.second));
}

static void send_raw(const void *bytes, size_t len)
{
    assert_int_equal(write(scene.raw, bytes, len), len);
    turn();
}

/* It is not answered any more; who keeps the store goes on with the others. */
static void what_is_no_request_ends_it(void **state)
{
    const uint32_t frame[] = {16, 1, 0, 99, 99}; /* number 1, a kind that does not exist */

    (void)state;
    send_raw(frame, sizeof(frame) - sizeof(frame[0]));
    assert_int_equal(scene.n_ended, 0); /* it is not whole */
    send_raw(&frame[4], sizeof(frame[0]));
    assert_int_equal(scene.n_ended, 1);
    send_raw(frame, sizeof(frame));
    assert_int_equal(scene.n_ended, 1);
    assert_int_equal(run_on(scene.stage.store, &lease_of_a).error.code, ERR_OK);
}

static void a_frame_that_is_too_long_ends_it(void **state)
{
    const uint32_t length = 0x7fffffff;

    (void)state;
    send_raw(&length, sizeof(length));
    assert_int_equal(scene.n_ended, 1);
}

/* A result that ends too early is none: its zeros would say that all went well. */
static void what_is_no_result_fails(void **state)
{
    const struct store_options options = {.prefix = STR("vp:"), .timeout_ms = STAGE_TIMEOUT_MS};
    struct stage_op op = {.stage = &scene.stage};
    struct error err;
    unsigned char frame[64];
    uint32_t length = sizeof(uint64_t);
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(store_open_peer(&scene.stage.loop, &options, ends[0], &scene.second, &err),
                     ERR_OK);
    store_start(scene.second, &lease_of_a, &op.op, stage_on_done);
    turn();
    assert_true(read(ends[1], frame, sizeof(frame)) >= (ssize_t)(sizeof(length) + length));
    memcpy(frame, &length, sizeof(length)); /* behind it stands the number of the request */
    assert_int_equal(write(ends[1], frame, sizeof(length) + length), sizeof(length) + length);
    stage_wait(&scene.stage, &op);
    assert_int_equal(op.result.error.code, ERR_STORE_AWAY);
    assert_true(op.result.in_doubt);
    close_second();
    (void)close(ends[1]);
}

/* Megabytes in one result, which comes in many reads. */
static void large_results_are_told_whole(void **state)
{
    static char large[STORE_BYTES_MAX];
    struct store_request append = {.kind = STORE_APPEND,
                                   .key = STR("stream/1"),
                                   .format = 1,
                                   .limit = 100,
                                   .bytes = {large, sizeof(large)}};
    struct store_request read = {
        .kind = STORE_READ, .key = STR("stream/1"), .format = 1, .limit = 100};
    struct store_result result;

    (void)state;
    for (int i = 0; i < 7; i++) { /* the stage has 8 MiB */
        assert_int_equal(run_on(scene.second, &append).error.code, ERR_OK);
    }
    result = run_on(scene.second, &read);
    assert_int_equal(result.n_items, 7);
    assert_int_equal(result.items[6].bytes.len, sizeof(large));
    append.bytes.len++;
    assert_int_equal(run_on(scene.second, &append).error.code, ERR_TOO_BIG);
}

int test_peer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_leases_of_a_dead_process_pass_on_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_on_its_way_fails_when_the_keeper_is_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_request_ends_it, set_up_raw, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_is_too_long_ends_it, set_up_raw, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_result_fails, set_up_raw, tear_down),
        cmocka_unit_test_setup_teardown(large_results_are_told_whole, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
