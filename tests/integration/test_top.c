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

enum { WAIT_MS = 30000, OUTPUT_MAX = 1 << 22 };

#define KEY "a-key-of-a-test-of-top-12345"

struct stage {
    struct proxy proxy;
    struct program top;
    struct arena arena;
    struct buf out;
};

static int set_up(void **state)
{
    static struct stage stage;

    stage = (struct stage){0};
    arena_init(&stage.arena);
    buf_init(&stage.out, OUTPUT_MAX);
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    arena_done(&stage->arena);
    buf_done(&stage->out);
    return 0;
}

static const char *url_of(struct stage *stage, uint16_t port)
{
    return arena_printf(&stage->arena, "http://127.0.0.1:%d", (int)port).ptr;
}

/* The exit code; what was written is in stage->out. */
static int run_top(struct stage *stage, const char *const *arguments)
{
    int code = program_run(&stage->top, arguments, NULL);

    buf_clear(&stage->out);
    program_output(&stage->top, &stage->out);
    program_errors(&stage->top, &stage->out);
    program_assert_clean(&stage->top);
    program_done(&stage->top);
    return code;
}

#define TOP(stage, ...) run_top((stage), (const char *const[]){"top", __VA_ARGS__, NULL})

static void assert_says(const struct stage *stage, const char *text)
{
    if (!str_contains(buf_view(&stage->out), str_from(text))) {
        fail_msg("\"%s\" is not in: %.*s", text, STR_ARG(buf_view(&stage->out)));
    }
}

static const struct json *object_of(struct stage *stage, struct str line)
{
    struct json *json = NULL;
    struct error err = {0};

    if (json_parse(&stage->arena, line, NULL, &json, &err) != ERR_OK) {
        fail_msg("%s: %.*s", err.text, STR_ARG(line));
    }
    return json;
}

/* Requests until top has printed a line about seconds in which there were some. */
static void each_figure_comes_from_a_metric_that_exists(void **state)
{
    struct stage *stage = *state;
    const struct json *object = NULL;
    const struct json *member;
    struct buf out;

    proxy_start(&stage->proxy, NULL);
    program_start(
        &stage->top,
        (const char *const[]){"top", "-o", "json", url_of(stage, stage->proxy.program.port), NULL},
        NULL);
    buf_init(&out, OUTPUT_MAX);
    for (uint64_t began_ms = clock_now_ms(); object == NULL;) {
        struct str rest;
        struct str line;

        assert_true(clock_now_ms() < began_ms + WAIT_MS);
        (void)proxy_ask(&stage->proxy, "POST", "/api/projects", NULL, "{\"name\":\"top\"}");
        assert_int_equal(stage->proxy.reply.status, 201);
        buf_clear(&out);
        program_output(&stage->top, &out);
        rest = buf_view(&out);
        if (str_cut(rest, '\n', &line, &rest)) {
            object = object_of(stage, line);
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
    program_signal(&stage->top, SIGINT);
    assert_int_equal(program_wait_end(&stage->top, WAIT_MS), 0);
    program_assert_clean(&stage->top);
    program_done(&stage->top);
    buf_done(&out);
    proxy_stop(&stage->proxy);
}

static void one_picture_and_the_end(void **state)
{
    static const char *const sets[] = {"admin.listen=127.0.0.1:0", "auth.keys=" KEY, NULL};
    struct stage *stage = *state;
    struct str rest;
    struct str line;
    unsigned n = 0;
    uint16_t admin;

    proxy_start(&stage->proxy, sets);
    admin = program_wait_port(&stage->proxy.program, "admin on http://");
    assert_int_equal(TOP(stage, "--once", url_of(stage, admin)), 0);
    assert_says(stage, "virtuoso-proxy ");
    assert_says(stage, "latency p95");
    assert_says(stage, "platform calls");
    assert_says(stage, "memory of its limit");
    assert_false(str_contains(buf_view(&stage->out), STR("\x1b")));
    for (rest = buf_view(&stage->out); rest.len > 0; n++) {
        (void)str_cut(rest, '\n', &line, &rest);
    }
    assert_true(n <= 24);
    /* an admin listener leaves the other one without metrics, and top says where they are */
    assert_int_equal(TOP(stage, url_of(stage, stage->proxy.program.port)), 1);
    assert_says(stage, "admin.listen");
    proxy_stop(&stage->proxy);
}

static void who_cannot_be_read_is_told(void **state)
{
    struct stage *stage = *state;

    assert_int_equal(TOP(stage, "--once", "http://127.0.0.1:1"), 1);
    assert_says(stage, "no connection to the proxy");
    assert_int_equal(TOP(stage, "--once", "ftp://127.0.0.1"), 1);
    assert_says(stage, "must begin with http://");
    assert_int_equal(TOP(stage, "127.0.0.1:1", "127.0.0.1:2"), 1);
    assert_says(stage, "give one URL");
    assert_int_equal(TOP(stage, "-o", "yaml"), 1);
    assert_says(stage, "human or json");
}

static void a_proxy_that_comes_back_is_waited_for(void **state)
{
    struct stage *stage = *state;
    uint16_t port;

    proxy_start(&stage->proxy, NULL);
    port = stage->proxy.program.port;
    program_start(&stage->top,
                  (const char *const[]){"top", "-o", "json", url_of(stage, port), NULL}, NULL);
    program_wait_wrote(&stage->top, "\"requests_per_second\":", WAIT_MS);
    proxy_stop(&stage->proxy);
    program_wait_wrote(&stage->top, "\"away\":\"", WAIT_MS);
    assert_true(program_is_running(&stage->top));
    program_signal(&stage->top, SIGTERM);
    assert_int_equal(program_wait_end(&stage->top, WAIT_MS), 0);
    program_assert_clean(&stage->top);
    program_done(&stage->top);
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
static void read_terminal(struct stage *stage, int terminal, const char *text)
{
    uint64_t began_ms = clock_now_ms();

    while (text == NULL || !str_contains(buf_view(&stage->out), str_from(text))) {
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        char bytes[4096];
        ssize_t n;

        assert_true(clock_now_ms() < began_ms + WAIT_MS);
        if (poll(&ready, 1, 1000) <= 0) {
            continue;
        }
        n = read(terminal, bytes, sizeof(bytes));
        if (n <= 0) {
            assert_null(text); /* it ended, and the text did not come */
            return;
        }
        buf_append(&stage->out, bytes, (size_t)n);
    }
}

static void a_terminal_is_left_as_it_was(void **state)
{
    static const char *const keys[] = {"q", "\x03"};
    struct stage *stage = *state;

    proxy_start(&stage->proxy, NULL);
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
        pid = start_at(terminal, ptsname(terminal), url_of(stage, stage->proxy.program.port));
        buf_clear(&stage->out);
        read_terminal(stage, terminal, "\x1b[?1049h");
        read_terminal(stage, terminal, "requests, up to");
        assert_int_equal(tcgetattr(other, &after), 0);
        assert_int_equal(after.c_lflag & (tcflag_t)(ECHO | ICANON), 0);
        assert_int_equal(write(terminal, keys[i], 1), 1);
        read_terminal(stage, terminal, "\x1b[?25h\x1b[?1049l");
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(tcgetattr(other, &after), 0);
        assert_int_equal(after.c_lflag, before.c_lflag);
        (void)close(other);
        (void)close(terminal);
    }
    proxy_stop(&stage->proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_figure_comes_from_a_metric_that_exists, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_picture_and_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_cannot_be_read_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proxy_that_comes_back_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_terminal_is_left_as_it_was, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
