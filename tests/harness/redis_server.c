#include "harness/redis_server.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/port.h"
#include "harness/wait.h"

bool redis_server_is_there(void)
{
    return system("command -v redis-server >/dev/null 2>&1") == 0;
}

struct redis_server redis_server_make(void)
{
    struct redis_server server = {0};

    (void)snprintf(server.path, sizeof(server.path), "/tmp/vp-store-%d.sock", (int)getpid());
    (void)snprintf(server.port, sizeof(server.port), "%u", (unsigned)port_free());
    return server;
}

static const char *folder(void)
{
    static char name[40];

    (void)snprintf(name, sizeof(name), "vp-aof-%d", (int)getpid());
    return name;
}

void redis_server_start(struct redis_server *server, const char *option, const char *value)
{
    const char *keeps = server->keeps ? "yes" : "no";
    const char *files = folder();

    (void)unlink(server->path);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("redis-server", "redis-server", "--port", server->port, "--bind", "127.0.0.1",
                     "--unixsocket", server->path, "--save", "", "--appendonly", keeps,
                     "--appendfsync", "always", "--appenddirname", files, "--logfile", "/dev/null",
                     "--dir", VP_SCRATCH_DIR, option, value, NULL);
        _exit(127);
    }
    wait_until(access(server->path, F_OK) == 0);
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

void redis_server_done(struct redis_server *server)
{
    char command[PATH_MAX];

    redis_server_stop(server);
    if (server->keeps) {
        (void)snprintf(command, sizeof(command), "rm -rf '%s/%s'", VP_SCRATCH_DIR, folder());
        (void)system(command);
    }
}
