/* healthcheck: 0 if a proxy is ready, 1 in every other case, whatever answers. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/wait.h"

/* The exit code; -1: `words` do not stand on stderr. */
static int check(const char *url, const char *env, const char *words)
{
    struct program program;
    int code = program_run(&program, (const char *[]){"healthcheck", url, NULL},
                           (const char *[]){env, NULL});

    if (words != NULL && !program_wrote(&program, words)) {
        code = -1;
    }
    program_assert_clean(&program);
    program_done(&program);
    return code;
}

static const char *url_of(uint16_t port, const char *path)
{
    static char url[128];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)port, path);
    return url;
}

static void ready_is_0_and_draining_is_1(void **state)
{
    struct proxy proxy;
    char port[32];

    (void)state;
    proxy_start(&proxy, (const char *[]){"drain.notice_ms=600000", "drain.limit_ms=601000", NULL});
    wait_until(check(url_of(proxy.program.port, ""), NULL, NULL) == 0);
    wait_until(check(url_of(proxy.program.port, "/livez"), NULL, NULL) == 0);
    wait_until(check(url_of(proxy.program.port, "/nothing"), NULL, "answered with 404") == 1);
    (void)snprintf(port, sizeof(port), "PORT=%u", (unsigned)proxy.program.port);
    wait_until(check(NULL, port, NULL) == 0);
    program_signal(&proxy.program, SIGTERM);
    program_wait_wrote(&proxy.program, "server.draining", WAIT_MS);
    wait_until(check(NULL, port, "answered with 503") == 1);
    program_done(&proxy.program); /* its notice is longer than a test */
    arena_done(&proxy.arena);
    reply_done(&proxy.reply);
}

static void several_workers_and_a_unix_socket_are_asked(void **state)
{
    struct proxy proxy;
    char path[100];
    char url[128];
    char set[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/vp-health-%d.sock", (int)getpid());
    (void)snprintf(url, sizeof(url), "unix:%s", path);
    (void)snprintf(set, sizeof(set), "admin.listen=unix:%s", path);
    proxy_start(&proxy, (const char *[]){"server.workers=2", set, NULL});
    wait_until(check(url, NULL, NULL) == 0);
    wait_until(check(url_of(proxy.program.port, "/readyz"), NULL, NULL) == 0);
    proxy_stop(&proxy);
    assert_int_equal(check(url, NULL, "nobody answers"), 1);
}

static void everything_else_is_1(void **state)
{
    (void)state;
    assert_int_equal(check(url_of(port_free(), "/"), NULL, "nobody answers"), 1);
    assert_int_equal(check("https://127.0.0.1/", NULL, "the URL begins with http://"), 1);
    assert_int_equal(check("127.0.0.1:8000", NULL, NULL), 1);
    assert_int_equal(check("unix:relative", NULL, NULL), 1);
    assert_int_equal(check(NULL, "PORT=none", NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_is_0_and_draining_is_1),
        cmocka_unit_test(several_workers_and_a_unix_socket_are_asked),
        cmocka_unit_test(everything_else_is_1),
    };

    return cmocka_run_group_tests_name("healthcheck", tests, NULL, NULL);
}
