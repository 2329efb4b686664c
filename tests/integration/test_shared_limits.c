/* One rate of a credential for two processes that share a Redis, and what they do while it is away. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "harness/proxy.h"
#include "harness/rate.h"
#include "harness/redis_server.h"
#include "harness/replicas.h"
#include "harness/wait.h"

#define KEY "X-API-Key: a-key-of-a-test-1\r\n"

enum { N_PROXIES = 2, BURST = 20 };

struct scene {
    struct redis_server redis;
    struct proxy proxies[N_PROXIES];
};

static struct scene scene;

static int ask(size_t i)
{
    (void)proxy_ask(&scene.proxies[i], "GET", "/api/v1/routes", KEY, "");
    return scene.proxies[i].reply.status;
}

static bool health_says(size_t i, const char *text)
{
    (void)proxy_ask(&scene.proxies[i], "GET", "/health", KEY, "");
    return str_contains(buf_view(&scene.proxies[i].reply.body), str_from(text));
}

/* The rate is so slow that nothing comes back during a test. */
static int set_up(void **state)
{
    char url[160];
    const char *sets[] = {"auth.mode=keys",
                          "auth.keys=a-key-of-a-test-1",
                          "limits.per_key=1",
                          "limits.burst=20",
                          "limits.rules=key:write=1/4,tenant:write=1/4",
                          "store.timeout_ms=10000",
                          url,
                          NULL};

    (void)state;
    scene = (struct scene){.redis = redis_server_make()};
    redis_server_start(&scene.redis, NULL, NULL);
    (void)snprintf(url, sizeof(url), "store.url=unix:%s", scene.redis.path);
    for (size_t i = 0; i < N_PROXIES; i++) {
        proxy_start(&scene.proxies[i], sets);
        wait_until(!health_says(i, "the store is away"));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PROXIES; i++) {
        proxy_stop(&scene.proxies[i]);
    }
    redis_server_stop(&scene.redis);
    return 0;
}

/* Each alone would allow its burst; together they allow one, and what comes back in the time. */
static void two_processes_have_one_rate(void **state)
{
    uint64_t began_ms = clock_now_ms();
    unsigned n_allowed = 0;
    unsigned n_asked = 0;
    unsigned n_back;

    (void)state;
    for (; n_asked < 2 * BURST; n_asked++) {
        n_allowed += ask(n_asked % N_PROXIES) == 200;
    }
    n_back = (unsigned)((clock_now_ms() - began_ms) / 1000) + 1;
    assert_in_range(n_allowed, BURST, BURST + n_back);
    if (n_back < BURST) {
        assert_true(n_allowed < n_asked);
    }
}

/* A request that two more limits count asks the store for each of them. */
static void rules_are_shared_too(void **state)
{
    uint64_t began_ms = clock_now_ms();
    unsigned n_made = 0;
    unsigned n_back;

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        struct proxy *proxy = &scene.proxies[i % N_PROXIES];

        (void)proxy_ask(proxy, "POST", "/api/v1/sessions", KEY, "{}");
        assert_true(proxy->reply.status == 201 || proxy->reply.status == 429);
        n_made += proxy->reply.status == 201;
    }
    n_back = (unsigned)((clock_now_ms() - began_ms) / 1000) + 1;
    assert_in_range(n_made, 4, 4 + n_back);
    assert_int_equal(ask(0), 200);
}

static bool is_refused(void *arg, size_t n)
{
    struct replicas *replicas = arg;

    (void)replicas_ask(replicas, n % REPLICAS_MAX, "GET", "/livez", NULL, NULL);
    (void)replicas_ask(replicas, n % REPLICAS_MAX, "GET", "/api/v1/sessions/current", KEY, NULL);
    return replicas->reply.status == 429;
}

/* Asked for as fast as one client can. */
static void many_processes_have_one_rate_for_a_while(void **state)
{
    static const char *const sets[] = {"auth.mode=keys",   "auth.keys=a-key-of-a-test-1",
                                       "limits.per_key=5", "limits.burst=100",
                                       "log.level=error",  NULL};
    struct replicas replicas;
    const struct rate_watch watch = {
        .is_refused = is_refused, .arg = &replicas, .per_second = 5, .seconds = 10};

    (void)state;
    if (getenv("VP_LONG") == NULL) {
        skip();
    }
    replicas_start(&replicas, &(struct replicas_options){.n = REPLICAS_MAX, .sets = sets});
    rate_judge(&watch);
    replicas_stop(&replicas);
}

static void away_each_allows_the_full_rate(void **state)
{
    (void)state;
    assert_int_equal(ask(0), 200);
    redis_server_stop(&scene.redis);
    for (size_t i = 0; i < N_PROXIES; i++) {
        for (unsigned n = 0; n < BURST / 2; n++) {
            assert_int_equal(ask(i), 200);
        }
        wait_until(health_says(i, "the store is away"));
    }
    assert_true(program_wrote(&scene.proxies[0].program, "limits.store_away"));
    redis_server_start(&scene.redis, NULL, NULL);
    for (size_t i = 0; i < N_PROXIES; i++) {
        wait_until(!health_says(i, "the store is away"));
    }
    wait_until(ask(0) == 200 && program_wrote(&scene.proxies[0].program, "limits.store_back"));
}

/* A client that leaves while its request waits for Redis is let go, and the process ends well. */
static void who_leaves_while_redis_is_silent_is_let_go(void **state)
{
    struct client clients[3];

    (void)state;
    (void)kill(scene.redis.pid, SIGSTOP);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        client_open(&clients[i], scene.proxies[0].program.port);
        assert_true(client_send_request(&clients[i], "GET", "/api/v1/routes", KEY, STR_EMPTY));
    }
    proxy_settle(&scene.proxies[0]);
    client_close(&clients[0]);
    client_close(&clients[1]);
    proxy_settle(&scene.proxies[0]);
    assert_int_equal(ask(1), 200); /* after store.timeout_ms, by its own count */
    client_close(&clients[2]);
    (void)kill(scene.redis.pid, SIGCONT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_processes_have_one_rate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_are_shared_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(away_each_allows_the_full_rate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_while_redis_is_silent_is_let_go, set_up,
                                        tear_down),
        cmocka_unit_test(many_processes_have_one_rate_for_a_while),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so no limits are shared\n");
        return 0;
    }
    return cmocka_run_group_tests_name("shared limits", tests, NULL, NULL);
}
