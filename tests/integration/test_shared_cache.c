/* The second tier of the cache (cache.shared): fifty cold reads on five processes are one call to the platform,
 * whoever holds the lease of the fetch may die, what one process has changed is not told as it was before, and
 * while Redis is away each process asks for itself. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>

#include "harness/replicas.h"
#include "harness/wait.h"

enum { REPLICAS = 5, ASKERS = 50, CALL_MS = 12000 };

#define TARGET "/api/projects"

struct scene {
    struct replicas replicas;
    struct client askers[ASKERS];
};

static struct scene scene;

static uint16_t platform(void)
{
    return scene.replicas.platform.program.sandbox_port;
}

static int64_t n_working(size_t i)
{
    const struct json *answer =
        replicas_ask(&scene.replicas, i, "GET", "/health/stats", NULL, NULL);
    int64_t n = 0;

    assert_true(json_to_i64(json_find(answer, "/requests/in_flight"), &n));
    return n - 1; /* itself */
}

/* Nobody has an answer: another query is another answer. */
static const char *new_target(void)
{
    static unsigned n;
    static char target[64];

    (void)snprintf(target, sizeof(target), TARGET "?limit=%u", 100 + n++);
    return target;
}

static void ask_by_many(const char *target)
{
    sandbox_forget_requests(platform());
    for (size_t i = 0; i < ASKERS; i++) {
        client_open(&scene.askers[i], scene.replicas.programs[i % REPLICAS].port);
        scene.askers[i].timeout_ms = 60000;
        assert_true(client_send_request(&scene.askers[i], "GET", target, NULL, STR_EMPTY));
    }
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(n_working(i) == ASKERS / REPLICAS);
    }
}

/* `dead`: of this process no answer comes; REPLICAS: all live. */
static void read_answers(size_t dead)
{
    struct reply reply = {0};

    for (size_t i = 0; i < ASKERS; i++) {
        if (i % REPLICAS != dead) {
            assert_int_equal(client_read(&scene.askers[i], false, &reply), CLIENT_OK);
            assert_int_equal(reply.status, 200);
            assert_true(reply_text(&reply).len > 0);
        }
        client_close(&scene.askers[i]);
    }
    reply_done(&reply);
}

static size_t n_calls(void)
{
    return (size_t)sandbox_count(platform(), "GET", "/projects");
}

static void fifty_cold_reads_are_one_call(void **state)
{
    const char *target = new_target();

    (void)state;
    sandbox_hold_all(platform(), "GET /projects");
    ask_by_many(target);
    sandbox_release_all(platform());
    read_answers(REPLICAS);
    assert_int_equal(n_calls(), 1);
    for (size_t i = 0; i < REPLICAS; i++) { /* and no more later */
        (void)replicas_ask(&scene.replicas, i, "GET", target, NULL, NULL);
        assert_int_equal(scene.replicas.reply.status, 200);
    }
    assert_int_equal(n_calls(), 1);
}

/* The process whose call is on its way. */
static size_t holder(void)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        const struct json *answer =
            replicas_ask(&scene.replicas, i, "GET", "/health/stats", NULL, NULL);
        int64_t n = 0;

        if (json_to_i64(json_find(answer, "/upstream/active"), &n) && n == 1) {
            return i;
        }
    }
    return REPLICAS;
}

/* The others wait as long as a call may last, and ask then: one of them, or each. */
static void whoever_holds_the_fetch_may_die(void **state)
{
    uint64_t began_ms;
    size_t dead;

    (void)state;
    sandbox_hold_all(platform(), "GET /projects");
    ask_by_many(new_target());
    wait_until(n_calls() == 1);
    dead = holder();
    assert_true(dead < REPLICAS);
    began_ms = client_patience_ms();
    replicas_kill(&scene.replicas, dead);
    sandbox_release_all(platform());
    read_answers(dead);
    print_message("answered %llu ms after the holder was killed, with %zu calls\n",
                  (unsigned long long)client_waited_ms(began_ms), n_calls());
    assert_true(client_waited_ms(began_ms) < (uint64_t)3 * CALL_MS * client_slowness());
    replicas_start_one(&scene.replicas, dead);
}

static void expect_status(const char *words)
{
    struct str status = reply_field(&scene.replicas.reply, "Cache-Status");

    if (!str_contains(status, str_from(words))) {
        fail_msg("\"%s\" is not in \"%.*s\" of a %d", words, STR_ARG(status),
                 scene.replicas.reply.status);
    }
}

/* Not from what this process has kept itself. */
static bool is_asked_anew(size_t i, const char *target)
{
    struct str status;

    (void)replicas_ask(&scene.replicas, i, "GET", target, NULL, NULL);
    assert_int_equal(scene.replicas.reply.status, 200);
    status = reply_field(&scene.replicas.reply, "Cache-Status");
    return str_contains(status, STR("fwd=miss")) || str_contains(status, STR("detail=shared"));
}

static void all_keep_an_answer(const char *target)
{
    sandbox_forget_requests(platform());
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(!is_asked_anew(i, target));
    }
    assert_true(n_calls() > 0); /* one, unless Redis was slow to answer */
    sandbox_forget_requests(platform());
}

static void a_purge_reaches_all(void **state)
{
    const char *target = new_target();

    (void)state;
    all_keep_an_answer(target);
    (void)replicas_ask(&scene.replicas, 0, "POST", "/admin/cache/purge", NULL, NULL);
    assert_int_equal(scene.replicas.reply.status, 200);
    for (size_t i = 1; i < REPLICAS; i++) {
        wait_until(is_asked_anew(i, target));
    }
    assert_true(is_asked_anew(0, target));
    assert_true(n_calls() > 0); /* what is shared is as old */
}

/* Told when Redis is there again. */
static void a_purge_without_redis_comes_late(void **state)
{
    const char *target = new_target();

    (void)state;
    all_keep_an_answer(target);
    redis_server_stop(&scene.replicas.redis);
    (void)replicas_ask(&scene.replicas, 0, "POST", "/admin/cache/purge", NULL, NULL);
    assert_int_equal(scene.replicas.reply.status, 200);
    assert_false(is_asked_anew(4, target));
    redis_server_start(&scene.replicas.redis, NULL, NULL);
    for (size_t i = 1; i < REPLICAS; i++) { /* none comes in the middle of the next case */
        wait_until(is_asked_anew(i, target));
    }
}

static void what_was_changed_here_is_not_told_as_before(void **state)
{
    const char *target = new_target();

    (void)state;
    all_keep_an_answer(target);
    (void)replicas_ask(&scene.replicas, 2, "POST", "/virtuoso/projects", NULL,
                       "{\"name\":\"New\",\"organizationId\":1}");
    assert_true(scene.replicas.reply.status < 300);
    (void)replicas_ask(&scene.replicas, 2, "GET", target, NULL, NULL);
    expect_status("fwd=miss");
    assert_int_equal(n_calls(), 1);
    wait_until(is_asked_anew(3, target));
}

static void without_redis_each_process_asks_for_itself(void **state)
{
    const char *target = new_target();

    (void)state;
    redis_server_stop(&scene.replicas.redis);
    sandbox_forget_requests(platform());
    for (size_t i = 0; i < REPLICAS; i++) {
        (void)replicas_ask(&scene.replicas, i, "GET", target, NULL, NULL);
        assert_int_equal(scene.replicas.reply.status, 200);
    }
    assert_int_equal(n_calls(), REPLICAS);
    redis_server_start(&scene.replicas.redis, NULL, NULL);
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(!replicas_store_is_away(&scene.replicas, i));
    }
}

static int set_up(void **state)
{
    static const char *const sets[] = {"cache.shared=true", "upstream.timeout_ms=12000", NULL};
    const struct replicas_options options = {.n = REPLICAS, .sets = sets};

    (void)state;
    replicas_start(&scene.replicas, &options);
    return 0;
}

static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&scene.replicas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_cold_reads_are_one_call),
        cmocka_unit_test(whoever_holds_the_fetch_may_die),
        cmocka_unit_test(a_purge_reaches_all),
        cmocka_unit_test(a_purge_without_redis_comes_late),
        cmocka_unit_test(what_was_changed_here_is_not_told_as_before),
        cmocka_unit_test(without_redis_each_process_asks_for_itself),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared_cache", tests, set_up, NULL);
}
