#include "manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/listener.h"
#include "observe/log.h"

enum { FIRST_SOCKET = 3, MESSAGE_MAX = 128, WATCHDOG_MAX_S = 86400 };

struct manager {
    int fd;
    struct sockaddr_un to;
    socklen_t to_len;
    struct deadlines *deadlines;
    struct deadline watchdog;
    unsigned watchdog_ms; /* how often the watchdog is told; 0: there is none */
    bool failed;          /* it was logged */
};

/* Variables with a process number are for that process, not for the ones that it starts. */
static bool is_for_us(const char *variable)
{
    const char *text = getenv(variable);
    int64_t pid;

    return text != NULL && str_to_i64(str_from(text), 1, INT32_MAX, &pid) && pid == getpid();
}

/* ---- sockets ---- */

static bool is_listening(int fd)
{
    int listens = 0;
    int type = 0;
    int family = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
           (family == AF_INET || family == AF_INET6 || family == AF_UNIX);
}

enum error_code manager_take_sockets(struct manager_sockets *out, struct error *err)
{
    const char *text = getenv("LISTEN_FDS");
    int64_t n = 0;

    out->n = 0;
    if (text == NULL || !is_for_us("LISTEN_PID")) {
        return ERR_OK;
    }
    if (!str_to_i64(str_from(text), 0, CONFIG_LISTENERS_MAX, &n)) {
        return error_set(err, ERR_CONFIG, "LISTEN_FDS is \"%s\": at most %d sockets are taken",
                         text, CONFIG_LISTENERS_MAX);
    }
    for (int i = 0; i < n; i++) {
        int fd = FIRST_SOCKET + i;

        if (!is_listening(fd) ||
            !listener_address_of(fd, out->items[i].address, MANAGER_ADDRESS_MAX)) {
            return error_set(err, ERR_CONFIG,
                             "LISTEN_FDS: descriptor %d is no TCP or Unix socket that listens. The "
                             "socket unit needs ListenStream= and Accept=no",
                             fd);
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        out->items[i].fd = fd;
        out->n++;
    }
    return ERR_OK;
}

/* ---- messages ---- */

static void send_text(struct manager *manager, struct str text)
{
    if (sendto(manager->fd, text.ptr, text.len, MSG_NOSIGNAL | MSG_DONTWAIT,
               (const struct sockaddr *)&manager->to, manager->to_len) >= 0) {
        manager->failed = false;
    } else if (!manager->failed) {
        manager->failed = true;
        log_event(LOG_WARN, "manager.not_told", F_STR("message", text),
                  F_TEXT("error", strerror(errno)),
                  F_TEXT("effect", "the service manager may think that we do not live"));
    }
}

void manager_ready(struct manager *manager)
{
    if (manager != NULL) {
        send_text(manager, STR("READY=1\nSTATUS=serving"));
    }
}

void manager_reloading(struct manager *manager)
{
    char text[MESSAGE_MAX];

    if (manager != NULL) {
        send_text(manager, str_print(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
                                     (unsigned long long)clock_now_us()));
    }
}

void manager_stopping(struct manager *manager)
{
    if (manager != NULL) {
        send_text(manager, STR("STOPPING=1\nSTATUS=draining"));
    }
}

/* ---- watchdog ---- */

static void on_watchdog(struct deadline *deadline)
{
    struct manager *manager = CONTAINER_OF(deadline, struct manager, watchdog);

    send_text(manager, STR("WATCHDOG=1"));
    deadline_set(manager->deadlines, deadline, manager->watchdog_ms, on_watchdog);
}

static void open_watchdog(struct manager *manager)
{
    const char *text = getenv("WATCHDOG_USEC");
    int64_t usec;

    if (text == NULL || (getenv("WATCHDOG_PID") != NULL && !is_for_us("WATCHDOG_PID")) ||
        !str_to_i64(str_from(text), 2000, WATCHDOG_MAX_S * INT64_C(1000000), &usec)) {
        return;
    }
    manager->watchdog_ms = (unsigned)(usec / 2000);
    deadline_set(manager->deadlines, &manager->watchdog, manager->watchdog_ms, on_watchdog);
}

/* ---- open and close ---- */

/* A path, or a name without one: "@name" in the environment, a byte 0 before it in the kernel. */
static bool read_address(struct manager *manager, const char *text)
{
    size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(manager->to.sun_path)) {
        return false;
    }
    manager->to.sun_family = AF_UNIX;
    memcpy(manager->to.sun_path, text, len);
    manager->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@') {
        manager->to.sun_path[0] = '\0';
    } else {
        manager->to_len++;
    }
    return true;
}

struct manager *manager_open(struct deadlines *deadlines)
{
    const char *text = getenv("NOTIFY_SOCKET");
    struct manager *manager;

    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    manager = mem_zalloc(sizeof(*manager));
    manager->deadlines = deadlines;
    if (!read_address(manager, text)) {
        log_event(LOG_WARN, "manager.not_told", F_TEXT("NOTIFY_SOCKET", text),
                  F_TEXT("error", "neither a path nor @ and a name, or too long"));
        mem_free(manager);
        return NULL;
    }
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (manager->fd < 0) {
        log_event(LOG_WARN, "manager.not_told", F_TEXT("error", strerror(errno)));
        mem_free(manager);
        return NULL;
    }
    open_watchdog(manager);
    return manager;
}

void manager_close(struct manager *manager)
{
    if (manager != NULL) {
        deadline_clear(&manager->watchdog);
        (void)close(manager->fd);
        mem_free(manager);
    }
}
