#include "harness/tunnel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/blocking.h"
#include "harness/cmocka.h"

/* The certificate stands behind the first flight's 200 bytes: both are within the handshake. */
enum { CUT_BYTES = 200, FORGED_BYTE = 150, PIECE = 16384 };

static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool say(int fd, const char *text, size_t len)
{
    return blocking_write(fd, (struct str){text, len});
}

/* ---- a tunnel that opens ---- */

/* What the server says passes through `fault`. False: enough. */
static bool pass_answer(int client, char *bytes, size_t n, size_t before, enum tunnel_fault fault)
{
    if (fault == TUNNEL_CUT && before + n > CUT_BYTES) {
        (void)say(client, bytes, CUT_BYTES - before);
        return false;
    }
    if (fault == TUNNEL_FORGED && before <= FORGED_BYTE && FORGED_BYTE < before + n) {
        bytes[FORGED_BYTE - before] ^= 0x55;
    }
    return say(client, bytes, n);
}

static void pass(int client, int server, enum tunnel_fault fault)
{
    struct pollfd both[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    size_t n_answered = 0;
    char bytes[PIECE];

    for (;;) {
        if (poll(both, 2, -1) < 0) {
            return;
        }
        for (int i = 0; i < 2; i++) {
            ssize_t n = both[i].revents != 0 ? read(both[i].fd, bytes, sizeof(bytes)) : -1;
            bool ok = n > 0;

            if (both[i].revents == 0) {
                continue;
            }
            if (ok && i == 0) {
                ok = say(server, bytes, (size_t)n);
            } else if (ok) {
                ok = pass_answer(client, bytes, (size_t)n, n_answered, fault);
                n_answered += (size_t)n;
            }
            if (!ok) {
                return;
            }
        }
    }
}

/* The first bytes of the handshake, which are dropped. */
static void take_hello(int client)
{
    char bytes[PIECE];

    while (read(client, bytes, sizeof(bytes)) < 0 && errno == EINTR) {
    }
}

static void opened(int client, enum tunnel_fault fault, uint16_t port)
{
    static const char alert[] = "\x15\x03\x03\0\x02\x02\x28";
    static const char half[] = "\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03";
    static const char text[] = "220 mail.example ESMTP\r\n";
    int server;

    if (fault == TUNNEL_ENDS) {
        return;
    }
    if (fault == TUNNEL_IS_RESET) {
        take_hello(client);
        reset(client);
    } else if (fault == TUNNEL_TEXT) {
        (void)say(client, text, sizeof(text) - 1);
        take_hello(client);
    } else if (fault == TUNNEL_ALERT) {
        take_hello(client);
        (void)say(client, alert, sizeof(alert) - 1);
    } else if (fault == TUNNEL_HALF) {
        take_hello(client);
        (void)say(client, half, sizeof(half) - 1);
    } else {
        server = blocking_connect(port);
        if (server >= 0) {
            pass(client, server, fault);
            (void)close(server);
        }
    }
}

/* ---- one that does not ---- */

static void refuse(int client, enum tunnel_fault fault)
{
    static const struct {
        enum tunnel_fault fault;
        struct str answer;
    } answers[] = {
        {TUNNEL_REFUSED,
         STR_INIT("HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                  "Content-Length: 2\r\n\r\nno")},
        {TUNNEL_AWAY, STR_INIT("HTTP/1.1 502 Away\r\nContent-Type: application/json\r\n"
                               "Content-Length: 16\r\n\r\n{\"success\":true}")},
        {TUNNEL_CUT_HEAD, STR_INIT("HTTP/1.1 200 Go\r\nVia: 1.1 x")},
        {TUNNEL_ODD, STR_INIT("SSH-2.0-x\r\n")},
    };

    if (fault == TUNNEL_RESET) {
        reset(client);
    }
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (answers[i].fault == fault) {
            (void)blocking_write(client, answers[i].answer);
        }
    }
}

static void serve(int client, uint16_t port, uint16_t elsewhere, struct tunnel_shared *shared)
{
    enum tunnel_fault fault = shared->fault;
    struct str head;
    struct buf in;
    size_t len;

    buf_init(&in, BLOCKING_BODY_MAX);
    if (blocking_read(client, &in, &head, &len) && str_starts(head, STR("CONNECT "))) {
        shared->n++;
        if (fault != TUNNEL_OPENS && fault < TUNNEL_ENDS) {
            refuse(client, fault);
        } else if (blocking_write(client, STR("HTTP/1.1 200 Go\r\n\r\n"))) {
            opened(client, fault, fault == TUNNEL_ELSEWHERE ? elsewhere : port);
        }
    }
    buf_done(&in);
    (void)close(client);
}

static void accept_all(int listener, uint16_t port, uint16_t elsewhere,
                       struct tunnel_shared *shared)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0 && blocking_fork() == 0) {
            (void)close(listener);
            serve(fd, port, elsewhere, shared);
            _exit(0);
        }
        (void)close(fd);
    }
}

void tunnel_start(struct tunnel *tunnel, uint16_t port, uint16_t elsewhere)
{
    int listener = blocking_listen(&tunnel->port);

    tunnel->shared = mmap(NULL, sizeof(*tunnel->shared), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(tunnel->shared != MAP_FAILED);
    tunnel->pid = blocking_fork();
    assert_true(tunnel->pid >= 0);
    if (tunnel->pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGCHLD, SIG_IGN); /* children leave no zombies */
        accept_all(listener, port, elsewhere, tunnel->shared);
        _exit(0);
    }
    (void)close(listener);
}

void tunnel_done(struct tunnel *tunnel)
{
    assert_int_equal(kill(tunnel->pid, SIGKILL), 0);
    assert_int_equal(waitpid(tunnel->pid, NULL, 0), tunnel->pid);
    assert_int_equal(munmap(tunnel->shared, sizeof(*tunnel->shared)), 0);
}
