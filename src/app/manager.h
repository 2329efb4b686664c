/* The service manager that started us, if one did. It is found by the variables that sd_notify(3) and
 * sd_listen_fds(3) describe (NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS), without a library of theirs. Without those
 * variables every function does nothing. Messages are sent without waiting; one that cannot be sent is logged.
 * Owner: the server or the supervisor; manager_close before the deadlines end. */
#ifndef APP_MANAGER_H
#define APP_MANAGER_H

#include "base/address.h"
#include "base/deadline.h"
#include "base/error.h"
#include "config/config.h"

enum { MANAGER_ADDRESS_MAX = ADDRESS_PATH_MAX + ADDRESS_NAME_MAX };

/* Listening sockets that were passed to us, and where each listens: "[::1]:8000" or "unix:/path". */
struct manager_sockets {
    struct {
        int fd;
        char address[MANAGER_ADDRESS_MAX];
    } items[CONFIG_LISTENERS_MAX];

    size_t n;
};

/* It is an error if there are more sockets than we could use, or one that is neither TCP nor Unix. */
enum error_code manager_take_sockets(struct manager_sockets *out, struct error *err) MUST_CHECK;

struct manager;

/* NULL: no manager wants to be told. From now on the watchdog is told that we live, at half of its time. */
struct manager *manager_open(struct deadlines *deadlines);
/* NULL is fine for these. */
void manager_ready(struct manager *manager);     /* also after a reload, whatever became of it */
void manager_reloading(struct manager *manager); /* before it */
void manager_stopping(struct manager *manager);
void manager_close(struct manager *manager);

#endif
