#include "harness/workers.h"

#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 512, PATH_BYTES = 64 };

void workers_start(struct proxy *proxy, const char *const *sets)
{
    proxy_start(proxy, sets);
}

/* The second field behind the name in /proc/PID/stat; 0 where the process is dead, or, with `dead`, where it is not. */
static pid_t parent_of(pid_t pid, bool dead)
{
    char path[PATH_BYTES];
    char line[LINE_BYTES] = "";
    const char *at;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof(line), file) == NULL) {
        line[0] = '\0';
    }
    (void)fclose(file);
    at = strrchr(line, ')');
    /* ") S 123": a zombie does not live */
    return at != NULL && strlen(at) > 4 && (at[2] == 'Z') == dead ? (pid_t)strtol(at + 4, NULL, 10)
                                                                  : 0;
}

bool workers_lives(pid_t pid)
{
    return parent_of(pid, false) != 0;
}

static size_t children(const struct proxy *proxy, bool dead, pid_t out[WORKERS_MAX])
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    size_t n = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL && n < WORKERS_MAX) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && parent_of(pid, dead) == proxy->program.pid) {
            out[n++] = pid;
        }
    }
    (void)closedir(directory);
    return n;
}

size_t workers_pids(const struct proxy *proxy, pid_t out[WORKERS_MAX])
{
    return children(proxy, false, out);
}

size_t workers_zombies(const struct proxy *proxy)
{
    pid_t pids[WORKERS_MAX];

    return children(proxy, true, pids);
}

/* "0100007F:1F90" */
static unsigned long port_in(struct str address)
{
    struct str host;
    struct str port;

    return str_cut(address, ':', &host, &port) ? strtoul(port.ptr, NULL, 16) : 0;
}

/* The inode of the server's end of the connection, as /proc/net/tcp shows it; 0: it is not accepted yet. */
static unsigned long inode_of(uint16_t server_port, uint16_t client_port)
{
    enum { WORDS = 10, LOCAL = 1, REMOTE = 2, INODE = 9 };

    char line[LINE_BYTES];
    struct str words[WORDS];
    unsigned long inode = 0;
    FILE *file = fopen("/proc/net/tcp", "re");

    assert_non_null(file);
    while (inode == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (str_split(str_from(line), ' ', words, WORDS) == WORDS &&
            port_in(words[LOCAL]) == server_port && port_in(words[REMOTE]) == client_port) {
            inode = strtoul(words[INODE].ptr, NULL, 10);
        }
    }
    (void)fclose(file);
    return inode;
}

static bool holds(pid_t pid, unsigned long inode)
{
    char path[PATH_BYTES];
    char wanted[PATH_BYTES];
    DIR *directory;
    const struct dirent *entry;
    bool found = false;

    (void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    directory = opendir(path);
    while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
        char target[PATH_BYTES] = "";

        found = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0 &&
                strcmp(target, wanted) == 0;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return found;
}

pid_t workers_of(const struct proxy *proxy, const struct client *client)
{
    struct sockaddr_in own = {0};
    socklen_t len = sizeof(own);
    pid_t pids[WORKERS_MAX];
    size_t n = workers_pids(proxy, pids);
    unsigned long inode;

    assert_int_equal(getsockname(client->fd, (struct sockaddr *)&own, &len), 0);
    inode = inode_of(proxy->program.port, ntohs(own.sin_port));
    for (size_t i = 0; inode != 0 && i < n; i++) {
        if (holds(pids[i], inode)) {
            return pids[i];
        }
    }
    return 0;
}

double workers_metric(struct proxy *proxy, const char *name)
{
    struct reply reply = {0};
    struct str text;
    struct str line;
    double sum = 0;

    client_ask(proxy->program.port, "GET", "/metrics", NULL, STR_EMPTY, &reply);
    assert_int_equal(reply.status, 200);
    text = reply_text(&reply);
    while (str_next(&text, '\n', &line)) {
        struct str series;
        struct str value;
        double number = 0;

        /* labels hold no blanks */
        if (str_cut(line, ' ', &series, &value) && str_starts(series, str_from(name)) &&
            str_to_double(value, &number)) {
            sum += number;
        }
    }
    reply_done(&reply);
    return sum;
}

size_t workers_descriptors(pid_t pid)
{
    char path[PATH_BYTES];
    DIR *directory;
    size_t n = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        n++;
    }
    (void)closedir(directory);
    return n;
}

void workers_start_usual(struct proxy *proxy, const char *const *more)
{
    static const char *sets[16];
    pid_t pids[WORKERS_MAX];
    size_t n = 0;

    sets[n++] = "server.workers=3";
    sets[n++] = "log.access=false";
    sets[n++] = "store.timeout_ms=10000";      /* who has it may stand still */
    sets[n++] = "http.idle_timeout_ms=600000"; /* many connections are opened one by one */
    for (; more != NULL && *more != NULL; more++) {
        assert_true(n + 1 < ARRAY_LEN(sets));
        sets[n++] = *more;
    }
    sets[n] = NULL;
    workers_start(proxy, sets);
    assert_int_equal(workers_pids(proxy, pids), WORKERS_USUAL);
}
