/* One of several processes that answer requests (server.workers), as seen from inside. Its supervisor has given it
 * sockets that listen, a slot for its metrics, a store if it keeps one, and a socketpair on which both talk: what is
 * said there is a frame (net/frames.h) whose first byte is its kind.
 *
 *   supervisor                     worker
 *     │  ◄── READY, each second ALIVE │
 *     │  DRAIN, STOP, RELOAD ──►      │
 *     │  ◄── DRAINING, RELOADED       │
 *     │  ◄── ALL, ONE ──► FROM, COUNT │     from worker to worker
 *
 * When the socketpair ends the supervisor is gone, and the worker drains. Owner: the server. */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "app/server.h"
#include "base/address.h"

/* Descriptors of a worker. */
enum {
    WORKER_CONTROL_FD = 3,
    WORKER_METRICS_FD,
    WORKER_STORE_FD, /* closed where the store is elsewhere */
    WORKER_SOCKETS_FD /* as many as config->server.all, then that of the admin listener if there is one */
};

enum { WORKER_FRAME_MAX = 1 << 20, WORKER_BEAT_MS = 1000, WORKER_VARIABLE_MAX = 4096 };

#define WORKER_VARIABLE "VIRTUOSO_WORKER_OF"

enum worker_message {
    /* worker to supervisor */
    WORKER_READY = 1,
    WORKER_ALIVE,    /* then drain.limit_ms as it is now (4 bytes) */
    WORKER_DRAINING, /* it drains by itself: another worker may take its place */
    WORKER_RELOADED, /* then 1: taken, or 0 */
    WORKER_ALL, /* then an id (4 bytes) and a text, for all others; COUNT says how many they are */
    WORKER_ONE, /* then a slot (4 bytes) and a text, for that one */
    /* supervisor to worker */
    WORKER_DRAIN, /* then 1: somebody waits at a terminal, or 0 */
    WORKER_STOP,
    WORKER_RELOAD,
    WORKER_FROM, /* then the slot that it is from (4 bytes) and the text of ALL or ONE */
    WORKER_COUNT /* then the id and how many have got it (4 bytes each) */
};

/* What the supervisor has told in the environment. */
struct worker_start {
    unsigned slot; /* of the metrics; no other worker that lives has it */
    unsigned n_slots;
    bool is_restart; /* it takes the place of one that ended */
    bool has_store;
    unsigned n_sockets;
    char sandbox[ADDRESS_NAME_MAX]; /* where the supervisor's sandbox listens; empty: none */
    struct str listen;              /* instead of server.listen; empty */
    struct str addresses;           /* that the sockets are for, a line each */
    char text[WORKER_VARIABLE_MAX]; /* of which the others are views */
};

/* False: this process is no worker. */
bool worker_take(struct worker_start *start);
/* Checks that the sockets are still those of the configuration, which was read anew. */
enum error_code worker_check(const struct worker_start *start, const struct config *config,
                             struct error *err) MUST_CHECK;
/* Call it before the server is opened: shares the metrics, and leaves the signals of a terminal to the supervisor. */
enum error_code worker_prepare(const struct worker_start *start, struct error *err) MUST_CHECK;
/* Opens a descriptor for the log, so that the process never waits at a pipe that others write to. */
int worker_log_fd(void);

struct worker;

struct worker *worker_open(struct server *server, const struct worker_start *start);
/* These do nothing where the server is no worker (NULL). */
void worker_draining(struct worker *worker);
void worker_reloaded(struct worker *worker, bool taken);
void worker_stop(struct worker *worker);
bool worker_is_closing(const struct worker *worker);
void worker_free(struct worker *worker);

#endif
