/* What the files of the supervisor share.
 *
 * supervisor.c        signals, time, the end
 * supervisor_open.c   sockets, and what the workers share
 * supervisor_seat.c   which worker sits where, and when another one is started
 * supervisor_process.c   one worker: its start, what it says, its end */
#ifndef APP_SUPERVISOR_INTERNAL_H
#define APP_SUPERVISOR_INTERNAL_H

#include <uv.h>

#include "base/limits.h"
#include "net/frames.h"
#include "sandbox/sandbox.h"
#include "store/peer.h"
#include "supervisor.h"
#include "worker.h"

/* More slots than seats: a worker that drains keeps its slot while the next one works in its seat. */
enum { SLOTS_MAX = 2 * CONFIG_WORKERS_MAX, SOCKETS_MAX = CONFIG_LISTENERS_MAX + 1 };

enum process_state { PROCESS_NONE, PROCESS_STARTS, PROCESS_SERVES, PROCESS_DRAINS, PROCESS_GONE };

struct process {
    struct supervisor *supervisor;
    struct seat *seat;
    enum process_state state;
    unsigned slot;
    uv_process_t handle;
    struct frames control;
    struct store_server *store; /* NULL: it has none, or is closed */
    unsigned n_open;            /* handle, control and store that are not closed */
    uint64_t began_ms;
    uint64_t heard_ms;
    uint64_t
        doubted_ms; /* of the first look after half of the time that it may be silent; 0: heard since */
    struct cpu_use doubted_use; /* at that look */
    uint32_t drain_limit_ms;    /* as its configuration has it now */
    bool reloads;               /* it was told to reload, and has not answered */
    bool is_killed;
};

/* Sockets, and the worker that accepts from them. */
struct seat {
    struct supervisor *supervisor;
    int sockets[SOCKETS_MAX];
    struct process *process; /* NULL: another one is to be started */
    struct deadline again;
    uint64_t wait_ms; /* before the next start */
    bool was_taken;   /* a worker has answered here before */
};

enum supervisor_state { SUPERVISOR_STARTS, SUPERVISOR_SERVES, SUPERVISOR_DRAINS, SUPERVISOR_STOPS };

struct supervisor {
    struct loop loop;
    struct config *config;
    enum supervisor_state state;
    struct seat seats[CONFIG_WORKERS_MAX];
    unsigned n_seats;
    struct process processes[SLOTS_MAX]; /* by slot */
    unsigned n_slots;
    unsigned n_sockets;              /* of a seat */
    bool owns_sockets;               /* they are open here, too */
    int shared_sockets[SOCKETS_MAX]; /* > 0: all seats share this socket */
    int metrics_fd;
    struct store *store; /* NULL: it is elsewhere */
    struct sandbox *sandbox;
    char sandbox_address[ADDRESS_NAME_MAX];
    const char *file;         /* of the configuration; NULL */
    const char *listen_given; /* of a socket that was passed; empty */
    struct manager *manager;
    char **arguments; /* of this process, as it was started */
    char *command_line;
    struct signal_handles signals;
    struct deadline tick;
    uint64_t ticked_ms;
    uint64_t drain_began_ms;
    uint64_t reload_began_ms; /* 0: no reload is under way */
    bool interrupted;
    bool failed;
};

/* supervisor_process.c */
bool process_start(struct process *process, struct seat *seat);
void process_tell(struct process *process, enum worker_message kind, struct str text);
void process_kill(struct process *process, const char *why);
bool process_lives(const struct process *process);

/* supervisor_seat.c */
void seat_fill(struct seat *seat); /* starts a worker in it */
void seats_look(struct supervisor *supervisor);
/* Nothing was heard of it for `limit_ms`, and not for want of a processor. */
bool process_is_silent(struct process *process, uint64_t now_ms, uint64_t limit_ms,
                       const struct cpu_use *use);
/* A process has become ready, drains, or has ended. */
void seat_ready(struct process *process);
void seat_draining(struct process *process);
void seat_ended(struct process *process, int64_t status, int signal);

/* supervisor_open.c */
enum error_code supervisor_open(struct supervisor *supervisor, const struct manager_sockets *passed,
                                struct error *err) MUST_CHECK;
void supervisor_print(const struct supervisor *supervisor); /* addresses, as serve does */

/* supervisor.c */
void supervisor_ready(struct supervisor *supervisor); /* all workers answer */
void supervisor_reloaded(struct supervisor *supervisor);
void supervisor_stop(struct supervisor *supervisor);
/* Nothing is left of a worker that has ended. */
void supervisor_freed(struct supervisor *supervisor);

#endif
