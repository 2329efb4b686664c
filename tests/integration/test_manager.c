/* A service manager as systemd is one, made by the test: it opens the socket that it is told on, passes a socket to listen
 * on, and reads what comes. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "harness/client.h"
#include "harness/program.h"
#include "harness/wait.h"

enum { TEXT_MAX = 256, N_WATCHDOG = 5, WATCHDOG_MS = 200 };

/* Each test is run with one process and with several. */
static const char *workers;

#define SERVE                                                                                      \
    "serve", "--sandbox", "--set", "drain.notice_ms=0", "--set", workers, "--listen", "127.0.0.1:0"

struct told {
    int fd;
    char variable[TEXT_MAX]; /* NOTIFY_SOCKET=... */
    char text[TEXT_MAX];     /* what came last */
};

/* A name without a path: the folder of the build may be longer than a socket's path can be. */
static void told_open(struct told *told)
{
    static int n;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
                       "virtuoso-proxy-test-%d-%d", (int)getpid(), n++);

    *told = (struct told){.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    assert_true(told->fd >= 0);
    assert_int_equal(bind(told->fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)),
                     0);
    (void)snprintf(told->variable, TEXT_MAX, "NOTIFY_SOCKET=@%s", address.sun_path + 1);
}

static void told_close(struct told *told)
{
    assert_int_equal(close(told->fd), 0);
}

/* The next message, those of the watchdog left out unless `all`. */
static const char *told_next(struct told *told, bool all)
{
    do {
        struct pollfd ready = {.fd = told->fd, .events = POLLIN};
        ssize_t n;

        assert_int_equal(poll(&ready, 1, (int)(6 * WAIT_MS * client_slowness())), 1);
        n = recv(told->fd, told->text, TEXT_MAX - 1, 0);
        assert_true(n > 0);
        told->text[n] = '\0';
    } while (!all && strcmp(told->text, "WATCHDOG=1") == 0);
    return told->text;
}

static bool is_quiet(const struct told *told)
{
    struct pollfd ready = {.fd = told->fd, .events = POLLIN};

    return poll(&ready, 1, 0) == 0;
}

static uint64_t microseconds_now(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void assert_reload(struct told *told, struct program *program)
{
    static const char head[] = "RELOADING=1\nMONOTONIC_USEC=";
    uint64_t before = microseconds_now();
    uint64_t said;

    program_signal(program, SIGHUP);
    do { /* an earlier one was for the file, which is watched */
        said = strncmp(told_next(told, false), head, sizeof(head) - 1) == 0
                   ? strtoull(told->text + sizeof(head) - 1, NULL, 10)
                   : 0;
    } while (said < before);
    assert_in_range(said, before, microseconds_now());
    assert_string_equal(told_next(told, false), "READY=1\nSTATUS=serving");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void start_reload_and_end_are_told(void **state)
{
    static const char good[] = "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:0}\n"
                               "drain: {notice_ms: 0}\n";
    struct program program;
    struct told told;
    char path[TEXT_MAX * 2];

    (void)state;
    (void)snprintf(path, sizeof(path), VP_SCRATCH_DIR "/manager-%d.yaml", (int)getpid());
    write_file(path, good);
    told_open(&told);
    program_serve(&program, (const char *[]){"serve", "-c", path, "--set", workers, NULL},
                  (const char *[]){told.variable, NULL});
    assert_string_equal(told_next(&told, true), "READY=1\nSTATUS=serving");
    assert_reload(&told, &program);
    write_file(path, "sandbox: {enabled: perhaps}\n");
    assert_reload(&told, &program); /* it is ready after a refused configuration, too */
    program_wait_wrote(&program, "config.refused", WAIT_MS);
    while (!is_quiet(&told)) { /* the file was seen to change, too */
        (void)told_next(&told, true);
    }
    write_file(path, good);
    program_signal(&program, SIGTERM);
    do {
        (void)told_next(&told, true);
    } while (strcmp(told.text, "STOPPING=1\nSTATUS=draining") != 0);
    assert_int_equal(program_wait_end(&program, WAIT_MS), 0);
    program_assert_clean(&program);
    program_done(&program);
    told_close(&told);
    (void)unlink(path);
}

static void the_watchdog_is_told_in_half_of_its_time(void **state)
{
    struct program program;
    struct told told;
    uint64_t began_ms;
    bool quiet;

    (void)state;
    told_open(&told);
    program_serve(&program, (const char *[]){SERVE, NULL},
                  (const char *[]){told.variable, "WATCHDOG_USEC=200000", NULL});
    assert_string_equal(told_next(&told, true), "READY=1\nSTATUS=serving");
    do { /* those that came before the clock is read */
        began_ms = client_now_ms();
        quiet = is_quiet(&told);
        if (!quiet) {
            (void)told_next(&told, true);
        }
    } while (!quiet);
    for (int i = 0; i < N_WATCHDOG; i++) {
        assert_string_equal(told_next(&told, true), "WATCHDOG=1");
    }
    /* Not all at once; how late they may come is a matter of the machine. */
    assert_true(client_now_ms() - began_ms >= (N_WATCHDOG - 1) * WATCHDOG_MS / 4);
    program_stop(&program);
    program_done(&program);
    told_close(&told);
}

static void a_watchdog_for_another_process_is_left_alone(void **state)
{
    struct program program;
    struct told told;

    (void)state;
    told_open(&told);
    program_serve(&program, (const char *[]){SERVE, "--set", "drain.notice_ms=300", NULL},
                  (const char *[]){told.variable, "WATCHDOG_USEC=2000", "WATCHDOG_PID=1", NULL});
    program_stop(&program); /* takes 300 times as long as the watchdog's half */
    assert_string_equal(told_next(&told, true), "READY=1\nSTATUS=serving");
    assert_string_equal(told_next(&told, true), "STOPPING=1\nSTATUS=draining");
    assert_true(is_quiet(&told));
    program_done(&program);
    told_close(&told);
}

/* Nobody has to be there. */
static void a_manager_that_cannot_be_told_is_logged(void **state)
{
    static const char *const sockets[] = {"NOTIFY_SOCKET=@virtuoso-proxy-test-nobody",
                                          "NOTIFY_SOCKET=relative/path"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct program program;

        program_serve(&program, (const char *[]){SERVE, NULL}, (const char *[]){sockets[i], NULL});
        program_wait_wrote(&program, "manager.not_told", WAIT_MS);
        program_stop(&program);
        program_done(&program);
    }
}

/* ---- a socket that is passed ---- */

static int open_socket(int type, uint32_t address, uint16_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 16), 0);
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

static void who_connects_before_the_start_is_answered(void **state)
{
    struct program program;
    struct client client;
    struct reply reply;
    uint16_t port;
    int fd = open_socket(SOCK_STREAM, INADDR_LOOPBACK, &port);

    (void)state;
    client_open(&client, port);
    assert_true(client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY));
    program_start_with(&program, (const char *[]){SERVE, NULL},
                       (const char *[]){"LISTEN_FDS=1", NULL}, &fd, 1);
    reply_init(&reply);
    assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    assert_int_equal(program_wait_port(&program, "listening on http://"), port);
    reply_done(&reply);
    client_close(&client);
    program_stop(&program);
    program_done(&program);
    assert_true(client_can_connect(port)); /* the manager has the socket still */
    assert_int_equal(close(fd), 0);
}

static void a_socket_for_another_process_is_left_alone(void **state)
{
    struct program program;

    (void)state;
    program_serve(&program, (const char *[]){SERVE, NULL},
                  (const char *[]){"LISTEN_FDS=1", "LISTEN_PID=1", NULL});
    assert_true(client_can_connect(program.port));
    program_stop(&program);
    program_done(&program);
}

static int open_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void assert_lives(struct client *client)
{
    struct reply reply;

    assert_true(client_send_request(client, "GET", "/livez", NULL, STR_EMPTY));
    reply_init(&reply);
    assert_int_equal(client_read(client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    client_close(client);
}

/* In whatever order they are passed, each is the listener with its address. */
static void several_sockets_are_told_apart_by_their_address(void **state)
{
    struct program program;
    struct client client;
    char config[TEXT_MAX * 2];
    char file[TEXT_MAX];
    char path[TEXT_MAX];
    uint16_t ports[2];
    int fds[3];

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/virtuoso-manager-%d", (int)getpid());
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/sockets-%d.yaml", (int)getpid());
    fds[0] = open_socket(SOCK_STREAM, INADDR_LOOPBACK, &ports[0]);
    (void)unlink(path); /* of a test that was killed, with the same process id */
    fds[1] = open_unix(path);
    fds[2] = open_socket(SOCK_STREAM, INADDR_LOOPBACK, &ports[1]);
    (void)snprintf(config, sizeof(config),
                   "sandbox: {enabled: true}\ndrain: {notice_ms: 0}\nserver:\n"
                   "  listen: \"127.0.0.1:%d\"\n  listeners:\n    - {listen: \"127.0.0.1:%d\"}\n"
                   "    - {listen: \"unix:%s\"}\n",
                   (int)ports[1], (int)ports[0], path);
    write_file(file, config);
    program_start_with(&program, (const char *[]){"serve", "-c", file, "--set", workers, NULL},
                       (const char *[]){"LISTEN_FDS=3", NULL}, fds, 3);
    assert_int_equal(program_wait_port(&program, "listening on http://"), ports[1]);
    for (int i = 0; i < 2; i++) {
        client_open(&client, ports[i]);
        assert_lives(&client);
    }
    client_open_unix(&client, path);
    assert_lives(&client);
    program_stop(&program);
    program_done(&program);
    assert_int_equal(access(path, F_OK), 0); /* the manager's */
    write_file(file, "sandbox: {enabled: true}\nserver: {listen: \"127.0.0.1:1\"}\n");
    program_start_with(&program, (const char *[]){"serve", "-c", file, "--set", workers, NULL},
                       (const char *[]){"LISTEN_FDS=3", NULL}, fds, 3);
    assert_int_equal(program_wait_end(&program, WAIT_MS), 1);
    assert_true(program_wrote(&program, "is neither server.listen nor one of server.listeners"));
    program_done(&program);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(close(fds[i]), 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(file), 0);
}

static void what_is_no_socket_to_listen_on_is_refused(void **state)
{
    static const struct {
        int type;
        uint32_t address;
        const char *variable;
        const char *set; /* an option */
        const char *said;
    } cases[] = {
        {SOCK_STREAM, INADDR_LOOPBACK, "LISTEN_FDS=2", "log.level=info", "descriptor 4 is no"},
        {SOCK_STREAM, INADDR_LOOPBACK, "LISTEN_FDS=x", "log.level=info", "at most 17 sockets"},
        {SOCK_DGRAM, INADDR_LOOPBACK, "LISTEN_FDS=1", "log.level=info", "no TCP or Unix socket"},
        /* The socket is what counts, whatever server.listen says. */
        {SOCK_STREAM, INADDR_ANY, "LISTEN_FDS=1", "auth.mode=none", "server.listen is 0.0.0.0:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct program program;
        uint16_t port;
        int fd = open_socket(cases[i].type, cases[i].address, &port);

        program_start_with(&program,
                           (const char *[]){"serve", "--listen", "127.0.0.1:0", "--set",
                                            cases[i].set, "--set", "upstream.token=t", NULL},
                           (const char *[]){cases[i].variable, NULL}, &fd, 1);
        assert_int_equal(program_wait_end(&program, WAIT_MS), 1);
        assert_true(program_wrote(&program, cases[i].said));
        program_done(&program);
        assert_int_equal(close(fd), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_reload_and_end_are_told),
        cmocka_unit_test(the_watchdog_is_told_in_half_of_its_time),
        cmocka_unit_test(a_watchdog_for_another_process_is_left_alone),
        cmocka_unit_test(a_manager_that_cannot_be_told_is_logged),
        cmocka_unit_test(who_connects_before_the_start_is_answered),
        cmocka_unit_test(a_socket_for_another_process_is_left_alone),
        cmocka_unit_test(several_sockets_are_told_apart_by_their_address),
        cmocka_unit_test(what_is_no_socket_to_listen_on_is_refused),
    };

    int failed;

    workers = "server.workers=1";
    failed = cmocka_run_group_tests_name("manager", tests, NULL, NULL);
    workers = "server.workers=2";
    return failed + cmocka_run_group_tests_name("manager of several workers", tests, NULL, NULL);
}
