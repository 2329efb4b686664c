#include "harness/redis_server.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "harness/blocking.h"
#include "harness/cmocka.h"
#include "harness/port.h"
#include "harness/wait.h"

enum { ARGS_MAX = 48 };

bool redis_server_is_there(void)
{
    return system("command -v redis-server >/dev/null 2>&1") == 0;
}

struct redis_server redis_server_make(void)
{
    static int n;
    struct redis_server server = {0};

    (void)snprintf(server.path, sizeof(server.path), "/tmp/vp-store-%d-%d.sock", (int)getpid(),
                   n++);
    (void)snprintf(server.port, sizeof(server.port), "%u", (unsigned)port_free());
    return server;
}

static const char *folder(void)
{
    static char name[40];

    (void)snprintf(name, sizeof(name), "vp-aof-%d", (int)getpid());
    return name;
}

/* The file of the socket is there before anybody listens; and while Redis reads what it has kept, it answers -LOADING. */
static bool is_ready(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[64];
    ssize_t n = -1;

    assert_true(fd >= 0 && strlen(server->path) < sizeof(address.sun_path));
    memcpy(address.sun_path, server->path, strlen(server->path));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        blocking_write(fd, STR("PING\r\n"))) {
        n = recv(fd, text, sizeof(text), 0);
    }
    (void)close(fd);
    return n > 0 && !str_starts((struct str){text, (size_t)n}, STR("-LOADING"));
}

void redis_server_start(struct redis_server *server, const char *option, const char *value)
{
    const char *args[ARGS_MAX] = {
        "redis-server",
        server->tls ? "--tls-port" : "--port",
        server->port,
        "--bind",
        "127.0.0.1",
        "--unixsocket",
        server->path,
        "--save",
        "",
        "--appendonly",
        server->keeps ? "yes" : "no",
        "--appendfsync",
        "always",
        "--appenddirname",
        folder(),
        "--logfile",
        "/dev/null",
        "--dir",
        VP_SCRATCH_DIR,
    };
    static const char *const tls[] = {"--port",
                                      "0",
                                      "--tls-cert-file",
                                      REDIS_TLS_DIR "/cert.pem",
                                      "--tls-key-file",
                                      REDIS_TLS_DIR "/key.pem",
                                      "--tls-ca-cert-file",
                                      REDIS_TLS_DIR "/cert.pem",
                                      "--tls-auth-clients",
                                      "no"};
    size_t n = 0;

    while (args[n] != NULL) {
        n++;
    }
    for (size_t i = 0; server->tls && i < ARRAY_LEN(tls); i++) {
        args[n++] = tls[i];
    }
    args[n++] = option;
    args[n] = option != NULL ? value : NULL;
    (void)unlink(server->path);
    server->pid = blocking_fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        const union {
            const char *const *ours;
            char *const *theirs; /* which changes none of them */
        } words = {.ours = args};

        (void)execvp("redis-server", words.theirs);
        _exit(127);
    }
    wait_until(is_ready(server));
}

void redis_server_stop(struct redis_server *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
    (void)unlink(server->path);
}

/* In the folder of the tests; $name is that of its files. */
static bool in_folder(const char *words)
{
    char command[PATH_MAX];

    (void)snprintf(command, sizeof(command), "cd '%s' && name='%s' && %s", VP_SCRATCH_DIR, folder(),
                   words);
    return system(command) == 0;
}

void redis_server_remember(const struct redis_server *server)
{
    assert_true(server->keeps);
    assert_true(in_folder("rm -rf $name.kept && cp -r $name $name.kept"));
}

void redis_server_go_back(struct redis_server *server)
{
    redis_server_stop(server);
    assert_true(in_folder("rm -rf $name && mv $name.kept $name"));
    redis_server_start(server, NULL, NULL);
}

void redis_server_done(struct redis_server *server)
{
    redis_server_stop(server);
    if (server->keeps) {
        (void)in_folder("rm -rf $name $name.kept");
    }
}
