/* The same cases against every backend. Each case uses keys of its own; what expires is asked for
 * until it has expired. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "conformance.h"
#include "harness/wait.h"
#include "net/loop.h"
#include "observe/metrics.h"

enum { ASKED = 20, ASKERS = 200, SHORTLY_MS = 100 };

/* --- requests */
static enum error_code put_if(const char *key, enum store_expect expect, uint64_t version)
{
    struct store_request request = put_of(key, "changed");

    request.expect = expect;
    request.version = version;
    return run(&request).error.code;
}

static struct store_result lease(const char *key, const char *holder, uint64_t ttl_ms)
{
    const struct store_request request = {
        .kind = STORE_LEASE, .key = str_from(key), .holder = str_from(holder), .ttl_ms = ttl_ms};

    return run(&request);
}

static struct store_result let_go(enum store_kind kind, const char *key, const char *holder,
                                  uint64_t fence)
{
    const struct store_request request = {.kind = kind,
                                          .key = str_from(key),
                                          .holder = str_from(holder),
                                          .fence = fence,
                                          .ttl_ms = 60000,
                                          .bytes = STR("left behind")};

    return run(&request);
}

/* --- documents */
static void a_document_is_kept_with_its_version(void **state)
{
    const char bytes[] = "one\0two\r\nthree";
    struct store_request request = put_of("doc/kept", "");
    struct store_result result;
    uint64_t first;
    uint64_t second;

    (void)state;
    assert_int_equal(get("doc/kept").error.code, ERR_NOT_FOUND);
    request.bytes = (struct str){bytes, sizeof(bytes)};
    first = run(&request).version;
    result = get("doc/kept");
    assert_int_equal(result.error.code, ERR_OK);
    assert_int_equal(result.version, first);
    assert_true(str_eq(result.bytes, request.bytes));
    second = put("doc/kept", "");
    assert_true(second > first);
    assert_int_equal(get("doc/kept").bytes.len, 0);
}

static void what_is_expected_is_checked(void **state)
{
    uint64_t version;

    (void)state;
    assert_int_equal(put_if("doc/if", STORE_VERSION, 1), ERR_CONFLICT);
    assert_int_equal(put_if("doc/if", STORE_ABSENT, 0), ERR_OK);
    assert_int_equal(put_if("doc/if", STORE_ABSENT, 0), ERR_CONFLICT);
    version = get("doc/if").version;
    assert_int_equal(put_if("doc/if", STORE_VERSION, version), ERR_OK);
    assert_int_equal(put_if("doc/if", STORE_VERSION, version), ERR_CONFLICT);
    assert_int_equal(put_if("doc/if", STORE_ANY, 0), ERR_OK);
}

static void removed_is_gone_and_no_version_comes_again(void **state)
{
    uint64_t version = put("doc/gone", "a");
    struct store_request request = {.kind = STORE_REMOVE,
                                    .key = STR("doc/gone"),
                                    .expect = STORE_VERSION,
                                    .version = version + 1};

    (void)state;
    assert_int_equal(run(&request).error.code, ERR_CONFLICT);
    request.version = version;
    assert_int_equal(run(&request).error.code, ERR_OK);
    assert_int_equal(get("doc/gone").error.code, ERR_NOT_FOUND);
    request.expect = STORE_ANY;
    assert_int_equal(run(&request).error.code, ERR_OK);
    assert_true(put("doc/gone", "b") > version);
}

static void a_document_expires(void **state)
{
    struct store_request request = put_of("short/lived", "a");
    const struct store_request list = {
        .kind = STORE_LIST, .key = STR("short"), .format = 1, .limit = 10};

    (void)state;
    request.ttl_ms = 60;
    assert_int_equal(run(&request).error.code, ERR_OK);
    wait_until(get("short/lived").error.code == ERR_NOT_FOUND);
    wait_until(run(&list).n_items == 0); /* a cloud tells the time to the second */
    assert_int_equal(put_if("short/lived", STORE_ABSENT, 0), ERR_OK);
    request.ttl_ms = 0; /* a put without one takes an older one away */
    assert_int_equal(run(&request).error.code, ERR_OK);
}

static void a_group_is_listed_in_order(void **state)
{
    struct store_request request = {
        .kind = STORE_LIST, .key = STR("room/a"), .format = 1, .limit = 2};
    struct store_result result;
    struct str next;

    (void)state;
    (void)put("room/a/n2", "two");
    (void)put("room/a/n3", "three");
    (void)put("room/a/n1", "one");
    (void)put("room/b/n1", "another group");
    (void)put("room/a", "no member");
    result = run(&request);
    assert_int_equal(result.error.code, ERR_OK);
    assert_int_equal(result.n_items, 2);
    assert_true(str_is(result.items[0].name, "n1"));
    assert_true(str_is(result.items[0].bytes, "one"));
    assert_true(str_is(result.items[1].name, "n2"));
    assert_true(str_is(result.next, "n2"));
    next = result.next;
    request.name = next;
    result = run(&request);
    assert_int_equal(result.n_items, 1);
    assert_true(str_is(result.items[0].name, "n3"));
    assert_int_equal(result.items[0].sequence, get("room/a/n3").version);
    assert_int_equal(result.next.len, 0);
}

/* A process of an older version meets what a newer one wrote: it says so and leaves it alone. */
static void a_newer_format_stays_as_it_is(void **state)
{
    struct store_request newer = put_of("doc/newer", "of tomorrow");
    const struct store_request list = {
        .kind = STORE_LIST, .key = STR("doc"), .format = 1, .name = STR("new"), .limit = 1};
    struct store_request entry = {.kind = STORE_APPEND,
                                  .key = STR("stream/newer"),
                                  .bytes = STR("x"),
                                  .format = 2,
                                  .limit = 5};
    const struct store_request read = read_of("stream/newer", 0, 0);

    (void)state;
    newer.format = 2;
    assert_int_equal(run(&newer).error.code, ERR_OK);
    assert_int_equal(get("doc/newer").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(put_if("doc/newer", STORE_ANY, 0), ERR_STORE_UNREADABLE);
    assert_int_equal(run(&list).error.code, ERR_STORE_UNREADABLE);
    newer.kind = STORE_GET;
    assert_true(str_is(run(&newer).bytes, "of tomorrow"));
    assert_int_equal(run(&entry).error.code, ERR_OK);
    assert_int_equal(run(&read).error.code, ERR_STORE_UNREADABLE);
}

/* Every document once; nothing else, and nothing of another prefix. */
static void all_documents_are_walked(void **state)
{
    struct store_request request = {.kind = STORE_WALK, .limit = 3};
    unsigned n_seen = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof(name), i % 2 == 0 ? "walk/%d" : "walk-%d", i);
        (void)put(name, "x");
    }
    (void)append("walk/stream", "x", 10);
    do {
        struct store_result result = run(&request);

        assert_int_equal(result.error.code, ERR_OK);
        for (size_t i = 0; i < result.n_items; i++) {
            if (!str_starts(result.items[i].name, STR("walk"))) {
                continue; /* of other tests */
            }
            n_seen++;
            assert_false(str_is(result.items[i].name, "walk/stream"));
            assert_int_equal(get(arena_cstr(&stage.arena, result.items[i].name)).version,
                             result.items[i].sequence);
        }
        request.name = result.next;
    } while (request.name.len > 0);
    assert_int_equal(n_seen, 20);
    request = (struct store_request){.kind = STORE_ABOUT};
    assert_true(str_contains(run(&request).bytes, STR("maxmemory_policy:noeviction")));
}

/* A document that is read lives on, but not longer than it may in all. */
static void a_document_that_is_read_lives_on(void **state)
{
    struct store_request request = put_of("age/a", "x");
    struct store_request read = {
        .kind = STORE_GET, .key = STR("age/a"), .format = 1, .touches = true};
    struct store_result result;
    uint64_t doubt_ms = stage.backend->is_cloud ? 500 : 0; /* it tells the time to the second */

    (void)state;
    request.ttl_ms = 60000;
    result = run(&request);
    assert_in_range(result.left_ms, 30000, 60000); /* a loaded machine takes a while to answer */
    assert_in_range(result.age_ms, 0, 30000);
    wait_until(get("age/a").left_ms < 60000);
    wait_until(get("age/a").age_ms > 0);
    result = run(&read);
    /* What lives on in a cloud is written once a second at most. */
    assert_in_range(result.left_ms, stage.backend->is_cloud ? 30000 : 59900, 60000 + doubt_ms);
    request.max_age_ms = 30000;
    /* Its first moment is still the same. */
    assert_in_range(run(&request).left_ms, 1, 29999 + doubt_ms);
    assert_in_range(run(&read).left_ms, 1, 29999 + doubt_ms);
    request.max_age_ms = 1;
    (void)run(&request);
    wait_until(run(&read).error.code == ERR_NOT_FOUND);
}

/* --- limits */
static void a_limit_allows_its_burst(void **state)
{
    struct store_request request = {/* however long a busy machine takes, it earns no other one */
                                    .kind = STORE_COUNT,
                                    .key = STR("limit/a"),
                                    .rate = 1,
                                    .burst = 10000,
                                    .cost = 4000};
    struct store_result result = run(&request);

    (void)state;
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.allowed);
    assert_int_equal(result.remaining, 6000);
    assert_true(run(&request).allowed);
    result = run(&request);
    assert_false(result.allowed);
    assert_in_range(result.retry_after_ms, 1, 2000000);
    request.key = STR("limit/b");
    assert_true(run(&request).allowed);
    request = (struct store_request){
        .kind = STORE_COUNT, .key = STR("limit/fast"), .rate = 1, .burst = 10, .cost = 4};
    while (run(&request).allowed) { /* it earns one in 4 s, and asking takes far less */
    }
    wait_until(run(&request).allowed);
}

/* --- leases */
static void a_lease_has_one_holder(void **state)
{
    struct store_result first = lease("lane/1", "a", 60000);
    struct store_result result;

    (void)state;
    assert_int_equal(first.error.code, ERR_OK);
    assert_true(first.orderly);
    assert_int_equal(first.bytes.len, 0);
    result = let_go(STORE_RENEW, "lane/1", "a", first.fence);
    assert_int_equal(result.error.code, ERR_OK);
    assert_false(result.wanted);
    result = lease("lane/1", "b", 60000);
    assert_int_equal(result.error.code, ERR_CONFLICT);
    assert_in_range(result.retry_after_ms, 1, 60000);
    assert_true(let_go(STORE_RENEW, "lane/1", "a", first.fence).wanted);
    assert_false(let_go(STORE_RENEW, "lane/1", "a", first.fence).wanted);
    assert_int_equal(let_go(STORE_RENEW, "lane/1", "b", first.fence).error.code, ERR_CONFLICT);
    assert_int_equal(let_go(STORE_RELEASE, "lane/1", "a", first.fence + 1).error.code,
                     ERR_CONFLICT);
    assert_int_equal(let_go(STORE_RELEASE, "lane/1", "a", first.fence).error.code, ERR_OK);
    assert_int_equal(let_go(STORE_RENEW, "lane/1", "a", first.fence).error.code, ERR_CONFLICT);
    result = lease("lane/1", "b", 60000);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.orderly);
    assert_true(result.fence > first.fence);
    assert_true(str_is(result.bytes, "left behind"));
}

/* What was left is for one holder; a holder that asks twice is the same one. */
static void what_was_left_is_told_once(void **state)
{
    struct store_result result = lease("lane/7", "a", 60000);

    (void)state;
    assert_int_equal(let_go(STORE_RELEASE, "lane/7", "a", result.fence).error.code, ERR_OK);
    assert_true(str_is(lease("lane/7", "b", 60000).bytes, "left behind"));
    result = lease("lane/7", "b", 60000);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.orderly);
    assert_int_equal(result.bytes.len, 0);
}

/* A lease tells which events are old, to its holder and to whoever was refused. */
static void a_lease_tells_where_news_begin(void **state)
{
    struct store_request watch = {.kind = STORE_WATCH, .key = STR("lane/8"), .wait_ms = SHORTLY_MS};
    struct store_result first = lease("lane/8", "a", 60000);
    struct store_result refused;

    (void)state;
    watch.after = first.sequence;
    assert_int_equal(run(&watch).sequence, first.sequence);
    refused = lease("lane/8", "b", 60000);
    assert_int_equal(refused.error.code, ERR_CONFLICT);
    assert_true(refused.sequence > first.sequence);
    watch.wait_ms = STAGE_TIMEOUT_MS;
    assert_int_equal(run(&watch).sequence, refused.sequence); /* the holder notices */
    watch.wait_ms = SHORTLY_MS;
    watch.after = refused.sequence;
    assert_int_equal(run(&watch).sequence, refused.sequence); /* the waiter waits on */
}

/* Whoever takes over from a holder that did not let go is told so. */
static void a_lease_runs_out(void **state)
{
    uint64_t fence = lease("lane/2", "a", 60).fence;
    struct store_result result;

    (void)state;
    wait_until((result = lease("lane/2", "b", 60000)).error.code == ERR_OK);
    assert_false(result.orderly);
    assert_true(result.fence > fence);
    assert_int_equal(let_go(STORE_RENEW, "lane/2", "a", fence).error.code, ERR_CONFLICT);
    assert_int_equal(let_go(STORE_RELEASE, "lane/2", "a", fence).error.code, ERR_CONFLICT);
}

static void holder_and_waiter_notice_each_other(void **state)
{
    struct store_request watch = {.kind = STORE_WATCH, .key = STR("lane/3"), .wait_ms = 30000};
    uint64_t fence = lease("lane/3", "a", 60000).fence;
    struct stage_op asked;
    struct stage_op released;

    (void)state;
    stage_start(&stage, &watch, &asked);
    assert_int_equal(lease("lane/3", "b", 60000).error.code, ERR_CONFLICT);
    stage_wait(&stage, &asked);
    assert_int_equal(asked.result.error.code, ERR_OK);
    assert_true(asked.result.sequence > 0);
    watch.after = asked.result.sequence;
    stage_start(&stage, &watch, &released);
    assert_int_equal(let_go(STORE_RELEASE, "lane/3", "a", fence).error.code, ERR_OK);
    stage_wait(&stage, &released);
    assert_true(released.result.sequence > watch.after);
    watch.wait_ms = 0;
    watch.after = released.result.sequence;
    assert_int_equal(run(&watch).sequence, watch.after);
}

/* --- what is wrong with a request */
static bool is_firestore(void)
{
    return stage.backend->is_cloud && stage.backend->kind == STORE_FIRESTORE;
}

static void bad_requests_are_refused(void **state)
{
    static const struct {
        struct store_request request;
        enum error_code code;
    } rows[] = {
        {{.kind = STORE_GET, .key = STR_INIT(""), .format = 1}, ERR_INVALID},
        {{.kind = STORE_GET, .key = STR_INIT("a b"), .format = 1}, ERR_INVALID},
        {{.kind = STORE_GET, .key = STR_INIT("a{b}"), .format = 1}, ERR_INVALID},
        {{.kind = STORE_GET, .key = STR_INIT("a")}, ERR_INVALID},
        {{.kind = STORE_LIST, .key = STR_INIT("a"), .format = 1, .limit = 101}, ERR_INVALID},
        {{.kind = STORE_APPEND, .key = STR_INIT("a"), .format = 1}, ERR_INVALID},
        {{.kind = STORE_READ, .key = STR_INIT("a"), .format = 1, .limit = 1, .wait_ms = 60001},
         ERR_INVALID},
        {{.kind = STORE_COUNT, .key = STR_INIT("a"), .rate = 1, .burst = 1, .cost = 2},
         ERR_INVALID},
        {{.kind = STORE_COUNT, .key = STR_INIT("a"), .burst = 1, .cost = 1}, ERR_INVALID},
        {{.kind = STORE_LEASE, .key = STR_INIT("a"), .holder = STR_INIT("h")}, ERR_INVALID},
        {{.kind = STORE_LEASE, .key = STR_INIT("a"), .ttl_ms = 1}, ERR_INVALID},
    };
    struct store_request large = put_of("doc/large", "");
    char *bytes = calloc(1, STORE_BYTES_MAX + 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_result result = run(&rows[i].request);

        assert_int_equal(result.error.code, rows[i].code);
        assert_true(result.error.text[0] != '\0');
    }
    large.bytes = (struct str){bytes, STORE_BYTES_MAX + 1};
    assert_int_equal(run(&large).error.code, ERR_TOO_BIG);
    large.bytes.len -= is_firestore() ? 8192 : 1; /* a document there has no room for its name */
    assert_int_equal(run(&large).error.code, ERR_OK);
    assert_int_equal(get("doc/large").bytes.len, large.bytes.len);
    free(bytes);
}

static void every_operation_is_counted(void **state)
{
    uint64_t before = metric_sum(M_STORE_OPERATIONS);

    (void)state;
    (void)put("doc/counted", "a");
    (void)get("doc/counted");
    /* A store in another process counts them, too; here that is this one. */
    assert_int_equal(metric_sum(M_STORE_OPERATIONS), before + (stage.served != NULL ? 4 : 2));
}

/* Nothing comes back after a cancel, wherever the operation was. */
static void cancelled_never_ends(void **state)
{
    struct store_request request = put_of("doc/cancelled", "a");
    struct stage_op one;
    struct stage_op two;

    (void)state;
    stage_start(&stage, &request, &one);
    store_cancel(&one.op);
    store_cancel(&one.op);
    stage_start(&stage, &request, &two);
    assert_false(two.done); /* never from inside store_start */
    stage_wait(&stage, &two);
    store_cancel(&two.op);
    assert_false(one.done);
    assert_int_equal(get("doc/cancelled").error.code, ERR_OK);
}

/* Who asks, in any order, some of whom leave: nobody gets what another one has asked for. */
static void each_gets_its_own(void **state)
{
    static struct stage_op ops[ASKERS];
    static char keys[ASKED][16];
    size_t wants[ASKERS];

    (void)state;
    for (size_t i = 0; i < ASKED; i++) {
        struct store_request put = {.kind = STORE_PUT, .format = 1};

        (void)snprintf(keys[i], sizeof(keys[i]), "own/%zu", i);
        put.key = str_from(keys[i]);
        put.bytes = put.key;
        assert_int_equal(run(&put).error.code, ERR_OK);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        struct store_request get_one = {.kind = STORE_GET, .format = 1};

        wants[i] = random_below(ASKED);
        get_one.key = str_from(keys[wants[i]]);
        stage_start(&stage, &get_one, &ops[i]);
        if (i % 7 == 0) {
            (void)loop_turn(&stage.loop, false);
        }
        if (i > 0 && random_below(2) == 0) {
            store_cancel(&ops[random_below(i)].op);
        }
    }
    for (size_t i = 0; i < ASKERS; i++) {
        while (!ops[i].done && ops[i].op.store != NULL) {
            (void)loop_turn(&stage.loop, true);
        }
        if (ops[i].done) {
            assert_true(str_is(ops[i].result.bytes, keys[wants[i]]));
        }
    }
}

int test_conformance(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_kept_with_its_version),
        cmocka_unit_test(what_is_expected_is_checked),
        cmocka_unit_test(removed_is_gone_and_no_version_comes_again),
        cmocka_unit_test(a_document_expires),
        cmocka_unit_test(a_group_is_listed_in_order),
        cmocka_unit_test(a_newer_format_stays_as_it_is),
        cmocka_unit_test(all_documents_are_walked),
        cmocka_unit_test(a_document_that_is_read_lives_on),
        cmocka_unit_test(a_limit_allows_its_burst),
        cmocka_unit_test(a_lease_has_one_holder),
        cmocka_unit_test(what_was_left_is_told_once),
        cmocka_unit_test(a_lease_tells_where_news_begin),
        cmocka_unit_test(a_lease_runs_out),
        cmocka_unit_test(holder_and_waiter_notice_each_other),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(every_operation_is_counted),
        cmocka_unit_test(cancelled_never_ends),
        cmocka_unit_test(each_gets_its_own),
    };

    return run_on_all(tests, ARRAY_LEN(tests));
}
