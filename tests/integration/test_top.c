/* virtuoso-proxy top: what it shows, when it gives up, and how it leaves a terminal. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "base/clock.h"
#include "harness/proxy.h"
#include "harness/run_cli.h"
#include "harness/wait.h"

enum { OUTPUT_MAX = 1 << 22 };

#define KEY "a-key-of-a-test-of-top-12345"

static struct proxy proxy;

static const char *url_of(struct run_cli *f, uint16_t port)
{
    return arena_printf(&f->arena, "http://127.0.0.1:%d", (int)port).ptr;
}

#define TOP(f, ...) run_cli_command((f), NULL, (const char *const[]){"top", __VA_ARGS__, NULL})

static const struct json *object_of(struct run_cli *f, struct str line)
{
    struct json *json = NULL;
    struct error err = {0};

    if (json_parse(&f->arena, line, NULL, &json, &err) != ERR_OK) {
        fail_msg("%s: %.*s", err.text, STR_ARG(line));
    }
    return json;
}

/* Requests until top has printed a line about seconds in which there were some. */
static void each_figure_comes_from_a_metric_that_exists(void **state)
{
    struct run_cli *f = *state;
    const struct json *object = NULL;
    const struct json *member;
    struct buf out;

    proxy_start(&proxy, NULL);
    program_start(&f->program,
                  (const char *const[]){"top", "-o", "json", url_of(f, proxy.program.port), NULL},
                  NULL);
    buf_init(&out, OUTPUT_MAX);
    for (uint64_t began_ms = clock_now_ms(); object == NULL;) {
        struct str rest;
        struct str line;

        assert_true(clock_now_ms() < began_ms + (uint64_t)UNTIL_MS * client_slowness());
        (void)proxy_ask(&proxy, "POST", "/api/projects", NULL, "{\"name\":\"top\"}");
        assert_int_equal(proxy.reply.status, 201);
        buf_clear(&out);
        program_output(&f->program, &out);
        rest = buf_view(&out);
        while (object == NULL && str_cut(rest, '\n', &line, &rest)) {
            object = object_of(f, line);
            if (json_double(json_get(object, "platform_calls_per_second")) == 0) {
                object = NULL; /* a second in which a busy machine answered nothing */
            }
        }
    }
    JSON_FOREACH (member, object) {
        bool is_word = str_is(json_name(member), "trouble") || json_type(member) == JSON_STRING;

        if (!is_word && json_type(member) != JSON_NUMBER) {
            fail_msg("no number for %.*s: %.*s", STR_ARG(json_name(member)),
                     STR_ARG(buf_view(&out)));
        }
    }
    assert_int_equal(json_type(json_get(object, "trouble")), JSON_NULL);
    assert_true(json_double(json_get(object, "requests_per_second")) > 0);
    assert_true(json_double(json_get(object, "platform_calls_per_second")) > 0);
    assert_true(json_double(json_get(object, "p99_ms")) > 0);
    assert_true(json_double(json_get(object, "errors_percent")) == 0);
    program_signal(&f->program, SIGINT);
    assert_int_equal(program_wait_end(&f->program, UNTIL_MS), 0);
    program_assert_clean(&f->program);
    program_done(&f->program);
    buf_done(&out);
    proxy_stop(&proxy);
}

static void one_picture_and_the_end(void **state)
{
    static const char *const sets[] = {"admin.listen=127.0.0.1:0", "auth.keys=" KEY, NULL};
    struct run_cli *f = *state;
    struct str rest;
    struct str line;
    unsigned n = 0;
    uint16_t admin;

    proxy_start(&proxy, sets);
    admin = program_wait_port(&proxy.program, "admin on http://");
    wait_until(TOP(f, "--once", url_of(f, admin)) == 0); /* it waits for 5 s */
    run_cli_assert_says(f, "virtuoso-proxy ");
    run_cli_assert_says(f, "latency p95");
    run_cli_assert_says(f, "platform calls");
    run_cli_assert_says(f, "memory of its limit");
    run_cli_assert_says(f, "steps in lanes");
    for (rest = buf_view(&f->out); rest.len > 0; n++) {
        (void)str_cut(rest, '\n', &line, &rest);
    }
    assert_true(n <= 24);
    /* an admin listener leaves the other one without metrics, and top says where they are */
    assert_int_equal(TOP(f, url_of(f, proxy.program.port)), 1);
    run_cli_assert_says(f, "admin.listen");
    proxy_stop(&proxy);
}

static void who_cannot_be_read_is_told(void **state)
{
    struct run_cli *f = *state;

    assert_int_equal(TOP(f, "--once", "http://127.0.0.1:1"), 1);
    run_cli_assert_says(f, "no connection to the proxy");
    assert_int_equal(TOP(f, "--once", "ftp://127.0.0.1"), 1);
    run_cli_assert_says(f, "must begin with http://");
    assert_int_equal(TOP(f, "127.0.0.1:1", "127.0.0.1:2"), 1);
    run_cli_assert_says(f, "give one URL");
    assert_int_equal(TOP(f, "-o", "yaml"), 1);
    run_cli_assert_says(f, "human or json");
}

static void a_proxy_that_comes_back_is_waited_for(void **state)
{
    struct run_cli *f = *state;
    uint16_t port;

    proxy_start(&proxy, NULL);
    port = proxy.program.port;
    program_start(&f->program, (const char *const[]){"top", "-o", "json", url_of(f, port), NULL},
                  NULL);
    program_wait_wrote(&f->program, "\"requests_per_second\":", UNTIL_MS);
    proxy_stop(&proxy);
    program_wait_wrote(&f->program, "\"away\":\"", UNTIL_MS);
    assert_true(program_is_running(&f->program));
    program_signal(&f->program, SIGTERM);
    assert_int_equal(program_wait_end(&f->program, UNTIL_MS), 0);
    program_assert_clean(&f->program);
    program_done(&f->program);
}

/* ---- a terminal ---- */

static pid_t start_at(int terminal, const char *slave, const char *url)
{
    const char *const environment[] = {"TERM=xterm", "PATH=/usr/bin:/bin", NULL};
    pid_t pid = fork();

    if (pid == 0) {
        int fd;

        (void)close(terminal);
        (void)setsid();
        fd = open(slave, O_RDWR); /* becomes the terminal of the session */
        (void)dup2(fd, STDIN_FILENO);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        (void)execle(VP_BINARY, "virtuoso-proxy", "top", url, NULL, environment);
        _exit(127);
    }
    return pid;
}

/* Until `text` has come, or with NULL the end. */
static void read_terminal(struct run_cli *f, int terminal, const char *text)
{
    uint64_t began_ms = clock_now_ms();

    while (text == NULL || !str_contains(buf_view(&f->out), str_from(text))) {
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        char bytes[4096];
        ssize_t n;

        assert_true(clock_now_ms() < began_ms + (uint64_t)UNTIL_MS * client_slowness());
        if (poll(&ready, 1, 1000) <= 0) {
            continue;
        }
        n = read(terminal, bytes, sizeof(bytes));
        if (n <= 0) {
            assert_null(text); /* it ended, and the text did not come */
            return;
        }
        buf_append(&f->out, bytes, (size_t)n);
    }
}

static void a_terminal_is_left_as_it_was(void **state)
{
    static const char *const keys[] = {"q", "\x03"};
    struct run_cli *f = *state;

    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct winsize size = {.ws_row = 45, .ws_col = 160};
        int terminal = posix_openpt(O_RDWR | O_NOCTTY);
        int other;
        struct termios before;
        struct termios after;
        int status = 0;
        pid_t pid;

        assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
        other = open(ptsname(terminal), O_RDWR | O_NOCTTY); /* keeps the terminal when top ends */
        assert_int_equal(ioctl(other, TIOCSWINSZ, &size), 0);
        assert_int_equal(tcgetattr(other, &before), 0);
        pid = start_at(terminal, ptsname(terminal), url_of(f, proxy.program.port));
        buf_clear(&f->out);
        read_terminal(f, terminal, "\x1b[?1049h");
        read_terminal(f, terminal, "requests, up to");
        assert_int_equal(tcgetattr(other, &after), 0);
        assert_int_equal(after.c_lflag & (tcflag_t)(ECHO | ICANON), 0);
        assert_int_equal(write(terminal, keys[i], 1), 1);
        read_terminal(f, terminal, "\x1b[?25h\x1b[?1049l");
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(tcgetattr(other, &after), 0);
        assert_int_equal(after.c_lflag, before.c_lflag);
        (void)close(other);
        (void)close(terminal);
    }
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_figure_comes_from_a_metric_that_exists, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(one_picture_and_the_end, run_cli_setup, run_cli_teardown),
        cmocka_unit_test_setup_teardown(who_cannot_be_read_is_told, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_proxy_that_comes_back_is_waited_for, run_cli_setup,
                                        run_cli_teardown),
        cmocka_unit_test_setup_teardown(a_terminal_is_left_as_it_was, run_cli_setup,
                                        run_cli_teardown),
    };

    return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
