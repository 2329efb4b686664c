/* A real redis-server for a test: on a Unix socket in the scratch folder, nothing written to disk
 * unless asked. It ends with the test process at the latest. */
#ifndef UNIT_STORE_REDIS_SERVER_H
#define UNIT_STORE_REDIS_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/port.h"
#include "harness/wait.h"

enum { REDIS_PATH_MAX = 100 };

struct redis_server {
    pid_t pid; /* 0: it does not run */
    char path[REDIS_PATH_MAX];
    char port[8];
};

static inline bool redis_server_is_there(void)
{
    return system("command -v redis-server >/dev/null 2>&1") == 0;
}

static inline struct redis_server redis_server_make(void)
{
    struct redis_server server = {0};

    (void)snprintf(server.path, sizeof(server.path), "/tmp/vp-store-%d.sock", (int)getpid());
    (void)snprintf(server.port, sizeof(server.port), "%u", (unsigned)port_free());
    return server;
}

/* `option` and its value are further arguments; NULL: none. */
static inline void redis_server_start(struct redis_server *server, const char *option,
                                      const char *value)
{
    (void)unlink(server->path);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("redis-server", "redis-server", "--port", server->port, "--bind", "127.0.0.1",
                     "--unixsocket", server->path, "--save", "", "--appendonly", "no", "--logfile",
                     "/dev/null", "--dir", VP_SCRATCH_DIR, option, value, NULL);
        _exit(127);
    }
    wait_until(access(server->path, F_OK) == 0);
}

static inline void redis_server_stop(struct redis_server *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
    (void)unlink(server->path);
}

#endif
