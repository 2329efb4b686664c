/* Several workers as an operator sees them: a reload, the level of the log, limits, figures and listeners are those of all; a
 * service that cannot start says why. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/rate.h"
#include "harness/wait.h"
#include "harness/workers.h"

enum { LINES = 30, TRIES = 5 };

#define KEY "X-API-Key: a-key-of-a-test-1\r\n"

static struct proxy proxy;

static int set_up(void **state)
{
    (void)state;
    workers_start_usual(&proxy, NULL);
    return 0;
}

static void stop(void)
{
    proxy_stop(&proxy);
}

/* --- what an operator asks of one */
static void a_reload_reaches_all_of_them(void **state)
{
    const struct json *answer;
    const struct json *other;
    int n_reloads = 0;

    (void)state;
    do { /* one that takes long to look is not in the answer */
        answer = proxy_ask(&proxy, "POST", "/admin/reload", NULL, "");
        assert_int_equal(proxy.reply.status, 200);
        n_reloads += WORKERS_USUAL;
        assert_true(n_reloads < TRIES * WORKERS_USUAL);
    } while (json_size(json_get(answer, "workers")) < WORKERS_USUAL - 1);
    JSON_FOREACH (other, json_get(answer, "workers")) {
        assert_true(json_true(json_get(other, "taken")));
    }
    wait_until(workers_metric(&proxy, "virtuoso_proxy_config_reloads_total") == n_reloads);
    program_signal(&proxy.program, SIGHUP);
    wait_until(workers_metric(&proxy, "virtuoso_proxy_config_reloads_total") ==
               n_reloads + WORKERS_USUAL);
    stop();
}

static size_t n_with_level(const char *level)
{
    char text[64];
    size_t n = 0;

    (void)snprintf(text, sizeof(text), "\"level\":\"%s\"", level);
    for (size_t i = 0; i < LINES; i++) { /* new connections, so of all workers */
        (void)proxy_ask(&proxy, "GET", "/admin/log-level", NULL, NULL);
        n += str_contains(reply_text(&proxy.reply), str_from(text)) ? 1 : 0;
    }
    return n;
}

static void the_level_of_the_log_is_that_of_all(void **state)
{
    (void)state;
    (void)proxy_ask(&proxy, "PUT", "/admin/log-level", NULL, "{\"level\":\"error\"}");
    assert_int_equal(proxy.reply.status, 200);
    wait_until(n_with_level("error") == LINES);
    stop();
}

/* --- limits */
static bool is_refused(void *arg, size_t n)
{
    (void)arg;
    (void)n; /* each connection comes to any worker */
    (void)proxy_ask(&proxy, "GET", "/api/v1/sessions/current", KEY, NULL);
    return proxy.reply.status == 429;
}

static void a_limit_is_that_of_all(void **state)
{
    static const struct rate_watch watch = {
        .is_refused = is_refused, .per_second = 5, .seconds = 10};

    (void)state;
    rate_judge(&watch);
    stop();
}

static int set_up_limited(void **state)
{
    (void)state;
    workers_start_usual(&proxy, (const char *[]){"auth.mode=keys", "auth.keys=a-key-of-a-test-1",
                                                 "limits.per_key=5", "limits.burst=100", NULL});
    return 0;
}

/* --- the start */
static void a_worker_that_cannot_start_is_said(void **state)
{
    static const char *const args[] = {
        "serve", "--sandbox",        "--listen", "127.0.0.1:0",
        "--set", "server.workers=2", "--set",    "audit.file=/proc/nothing/a",
        NULL};
    struct program program;

    (void)state;
    assert_int_equal(program_run(&program, args, NULL), 1);
    assert_true(program_wrote(&program, "/proc/nothing"));
    program_assert_clean(&program);
    program_done(&program);
}

static void two_services_at_one_address_are_refused(void **state)
{
    char address[64];
    struct program program;

    (void)state;
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", (int)proxy.program.port);
    assert_int_equal(program_run(&program,
                                 (const char *[]){"serve", "--sandbox", "--listen", address,
                                                  "--set", "server.workers=2", NULL},
                                 NULL),
                     1);
    assert_true(program_wrote(&program, "address already in use"));
    program_done(&program);
    stop();
}

/* --- other listeners */
static bool admin_says(uint16_t port, const char *target, const char *text)
{
    struct reply reply = {0};
    bool found;

    client_ask(port, "GET", target, NULL, STR_EMPTY, &reply);
    found = str_contains(reply_text(&reply), str_from(text));
    reply_done(&reply);
    return found;
}

static void the_admin_listener_tells_of_all(void **state)
{
    uint16_t port;

    (void)state;
    port = program_wait_port(&proxy.program, "admin on http://");
    for (int i = 0; i < LINES; i++) {
        (void)proxy_ask(&proxy, "GET", "/api/v1/commands/list", NULL, NULL);
    }
    wait_until(admin_says(port, "/metrics", "virtuoso_proxy_workers 3\n"));
    wait_until(admin_says(port, "/metrics", "code=\"2xx\"} 30\n")); /* counted behind the answer */
    assert_true(admin_says(port, "/health/stats", "\"requests\":{\"total\":30,"));
    stop();
}

static int set_up_admin(void **state)
{
    (void)state;
    workers_start_usual(&proxy, (const char *[]){"admin.listen=127.0.0.1:0", NULL});
    return 0;
}

static void a_unix_socket_is_shared(void **state)
{
    char path[100];
    char listener[160];
    struct client client = {.fd = 0};
    struct reply reply = {0};

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/vp-workers-%d.sock", (int)getpid());
    (void)snprintf(listener, sizeof(listener), "admin.listen=unix:%s", path);
    workers_start_usual(&proxy, (const char *[]){listener, NULL});
    for (int i = 0; i < LINES; i++) {
        client_open_unix(&client, path);
        assert_true(client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY));
        assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&client);
    }
    reply_done(&reply);
    stop();
    assert_int_equal(access(path, F_OK), -1); /* it is removed at the end */
}

#define TEST(name, up) cmocka_unit_test_setup(name, up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reload_reaches_all_of_them, set_up),
        TEST(the_level_of_the_log_is_that_of_all, set_up),
        TEST(a_limit_is_that_of_all, set_up_limited),
        cmocka_unit_test(a_worker_that_cannot_start_is_said),
        TEST(two_services_at_one_address_are_refused, set_up),
        TEST(the_admin_listener_tells_of_all, set_up_admin),
        cmocka_unit_test(a_unix_socket_is_shared),
    };

    return cmocka_run_group_tests_name("workers_operated", tests, NULL, NULL);
}
