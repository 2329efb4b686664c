#include "supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/metrics_shared.h"
#include "signals.h"
#include "subcommands.h"
#include "supervisor_internal.h"

enum {
    TICK_MS = 500,
    LATE_MS = 2 * TICK_MS, /* a tick as late as this: this process itself did not run */
    RELOAD_MAX_MS = 10000,
    KILL_AFTER_MS = 5000 /* after drain.limit_ms, or after a second signal */
};

/* ---- the end ---- */

static void stop_loop(struct supervisor *supervisor)
{
    deadline_clear(&supervisor->tick);
    signals_close(&supervisor->signals);
    loop_stop(&supervisor->loop);
}

static void on_sandbox_closed(void *context)
{
    struct supervisor *supervisor = context;

    supervisor->sandbox = NULL;
    stop_loop(supervisor);
}

static void on_store_closed(void *context)
{
    struct supervisor *supervisor = context;

    supervisor->store = NULL;
    if (supervisor->sandbox != NULL) {
        sandbox_close(supervisor->sandbox, on_sandbox_closed, supervisor);
    } else {
        stop_loop(supervisor);
    }
}

static bool is_all_gone(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        if (supervisor->processes[i].state != PROCESS_NONE) {
            return false;
        }
    }
    return true;
}

void supervisor_freed(struct supervisor *supervisor)
{
    if ((supervisor->state == SUPERVISOR_DRAINS || supervisor->state == SUPERVISOR_STOPS) &&
        is_all_gone(supervisor)) {
        supervisor->state = SUPERVISOR_STOPS;
        if (supervisor->store != NULL) {
            store_close(supervisor->store, on_store_closed, supervisor);
        } else {
            on_store_closed(supervisor);
        }
    }
}

/* Workers have descriptors of their own: a socket listens as long as one of them is open. */
static void close_sockets(struct supervisor *supervisor)
{
    for (unsigned i = 0; supervisor->owns_sockets && i < supervisor->n_seats; i++) {
        for (unsigned k = 0; k < supervisor->n_sockets; k++) {
            bool is_shared = supervisor->shared_sockets[k] > 0 && i > 0;

            if (!is_shared && supervisor->seats[i].sockets[k] > 0) {
                (void)close(supervisor->seats[i].sockets[k]);
            }
        }
    }
    supervisor->owns_sockets = false;
}

static void tell_all(struct supervisor *supervisor, enum worker_message kind, struct str text)
{
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        if (process_lives(&supervisor->processes[i])) {
            process_tell(&supervisor->processes[i], kind, text);
        }
    }
}

static void end_seats(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->n_seats; i++) {
        deadline_clear(&supervisor->seats[i].again);
    }
    close_sockets(supervisor);
}

void supervisor_stop(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_STOPS) {
        supervisor->state = SUPERVISOR_STOPS;
        supervisor->drain_began_ms = clock_now_ms();
        end_seats(supervisor);
        tell_all(supervisor, WORKER_STOP, STR_EMPTY);
    }
}

static void drain(struct supervisor *supervisor, bool at_terminal)
{
    const char byte = at_terminal ? 1 : 0;

    if (supervisor->state != SUPERVISOR_SERVES && supervisor->state != SUPERVISOR_STARTS) {
        return;
    }
    log_event(LOG_INFO, "server.draining", F_INT("workers", supervisor->n_seats));
    manager_stopping(supervisor->manager);
    supervisor->state = SUPERVISOR_DRAINS;
    supervisor->drain_began_ms = clock_now_ms();
    end_seats(supervisor);
    tell_all(supervisor, WORKER_DRAIN, (struct str){&byte, 1});
    supervisor_freed(supervisor); /* perhaps no worker lives */
}

/* ---- reload ---- */

void supervisor_reloaded(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        if (supervisor->processes[i].reloads) {
            return;
        }
    }
    if (supervisor->reload_began_ms > 0) {
        supervisor->reload_began_ms = 0;
        manager_ready(supervisor->manager);
    }
}

static void reload(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_SERVES) {
        log_event(LOG_WARN, "config.not_reloaded", F_TEXT("reason", "SIGHUP"),
                  F_TEXT("effect", "none: the service starts or shuts down"));
        return;
    }
    manager_reloading(supervisor->manager);
    supervisor->reload_began_ms = clock_now_ms();
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        struct process *process = &supervisor->processes[i];

        if (process->state == PROCESS_SERVES) {
            process->reloads = true;
            process_tell(process, WORKER_RELOAD, STR_EMPTY);
        }
    }
    supervisor_reloaded(supervisor);
}

/* ---- signals and time ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;

    if (number == SIGINT && supervisor->interrupted) {
        log_event(LOG_WARN, "server.interrupted", F_INT("signal", number));
        supervisor_stop(supervisor);
    } else {
        supervisor->interrupted = supervisor->interrupted || number == SIGINT;
        drain(supervisor, number == SIGINT && signals_at_terminal());
    }
}

static void on_ignored_signal(uv_signal_t *handle, int number)
{
    if (number == SIGHUP) {
        reload(handle->data);
    } else {
        signals_tell_ignored(number);
    }
}

static void open_signals(struct supervisor *supervisor)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGXCPU};

    signals_ignore_rest();
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        signals_hear(&supervisor->signals, &supervisor->loop.uv, numbers[i], on_signal, supervisor);
    }
    signals_hear_ignored(&supervisor->signals, &supervisor->loop.uv, true, on_ignored_signal,
                         supervisor);
}

/* True: this is process 1 of a container, or was made the reaper of its descendants (PR_SET_CHILD_SUBREAPER). */
static bool inherits_orphans(void)
{
    int is_reaper = 0;

    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_reaper) == 0 && is_reaper != 0);
}

/* Only this process can wait for orphans. Workers are left to libuv. */
static void reap_orphans(struct supervisor *supervisor)
{
    siginfo_t info = {.si_pid = 0};

    while (inherits_orphans() && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0) {
        for (unsigned i = 0; i < supervisor->n_slots; i++) {
            if (process_lives(&supervisor->processes[i]) &&
                supervisor->processes[i].handle.pid == info.si_pid) {
                return;
            }
        }
        (void)waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

/* Each worker has a drain limit of its own: it may have read the configuration again. */
static void kill_late(struct supervisor *supervisor, uint64_t now_ms)
{
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        struct process *process = &supervisor->processes[i];
        uint64_t wait_ms = supervisor->state == SUPERVISOR_STOPS ? 0 : process->drain_limit_ms;

        if (now_ms >= supervisor->drain_began_ms + wait_ms + KILL_AFTER_MS) {
            process_kill(process, "it has not ended in time");
        }
    }
}

static void on_tick(struct deadline *deadline)
{
    struct supervisor *supervisor = CONTAINER_OF(deadline, struct supervisor, tick);
    uint64_t now_ms = clock_now_ms();

    if (now_ms - supervisor->ticked_ms > LATE_MS) {
        /* This process has not run, so messages of the workers wait to be read: they were not silent. */
        for (unsigned i = 0; i < supervisor->n_slots; i++) {
            supervisor->processes[i].heard_ms = now_ms;
        }
    }
    supervisor->ticked_ms = now_ms;
    reap_orphans(supervisor);
    if (supervisor->state == SUPERVISOR_STARTS || supervisor->state == SUPERVISOR_SERVES) {
        seats_look(supervisor);
    } else {
        kill_late(supervisor, now_ms);
    }
    if (supervisor->reload_began_ms > 0 && now_ms >= supervisor->reload_began_ms + RELOAD_MAX_MS) {
        supervisor->reload_began_ms = 0;
        manager_ready(supervisor->manager);
    }
    deadline_set(&supervisor->loop.deadlines, deadline, TICK_MS, on_tick);
}

/* ---- the start ---- */

void supervisor_ready(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_STARTS) {
        supervisor->state = SUPERVISOR_SERVES;
        supervisor_print(supervisor);
        supervisor->manager = manager_open(&supervisor->loop.deadlines);
        manager_ready(supervisor->manager);
    }
}

/* Removes the paths of the Unix sockets that the supervisor has opened. */
static void remove_paths(const struct config *config, const struct manager_sockets *passed)
{
    char path[ADDRESS_PATH_MAX];

    for (size_t i = 0; passed->n == 0 && i <= config->server.n_all; i++) {
        struct str address =
            i < config->server.n_all ? config->server.all[i].address : config->admin.listen;

        if (address_is_unix(address) && address_read_unix(address, path, NULL) == ERR_OK) {
            (void)unlink(path);
        }
    }
}

static void run(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->n_seats; i++) {
        seat_fill(&supervisor->seats[i]);
    }
    supervisor->ticked_ms = clock_now_ms();
    deadline_set(&supervisor->loop.deadlines, &supervisor->tick, TICK_MS, on_tick);
    loop_run(&supervisor->loop);
}

static void close_all(struct supervisor *supervisor)
{
    manager_close(supervisor->manager);
    loop_done(&supervisor->loop);
    if (supervisor->metrics_fd > 0) {
        (void)close(supervisor->metrics_fd);
    }
    metrics_shared_close();
    mem_free(supervisor->arguments);
    mem_free(supervisor->command_line);
}

int supervise(struct config *config, const struct manager_sockets *passed, const char *file)
{
    struct supervisor *supervisor = mem_zalloc(sizeof(*supervisor));
    uint64_t began_ms = clock_now_ms();
    struct error err = {0};
    int status;

    open_log(config);
    if (config->store.required && !check_store(config, true)) {
        err.code = ERR_STORE_AWAY;
    }
    supervisor->config = config;
    supervisor->file = file;
    supervisor->n_seats = config->server.n_workers;
    supervisor->n_slots = 2 * supervisor->n_seats;
    supervisor->listen_given = passed->n == 1 ? passed->items[0].address : "";
    for (unsigned i = 0; i < supervisor->n_seats; i++) {
        supervisor->seats[i].supervisor = supervisor;
    }
    loop_init(&supervisor->loop);
    open_signals(supervisor);
    if (err.code == ERR_OK && supervisor_open(supervisor, passed, &err) == ERR_OK) {
        run(supervisor);
    } else {
        supervisor->failed = true;
        supervisor_stop(supervisor);
        supervisor_freed(supervisor);
        loop_run(&supervisor->loop);
    }
    while (supervisor->signals.n > 0) {
        (void)loop_turn(&supervisor->loop, true);
    }
    log_event(LOG_INFO, "server.stopped",
              F_INT("uptime_seconds", (clock_now_ms() - began_ms) / 1000));
    close_all(supervisor);
    remove_paths(config, passed);
    log_close();
    if (err.text[0] != '\0') {
        (void)fail("serve", &err);
    }
    status = supervisor->failed ? EXIT_FAILURE : EXIT_SUCCESS;
    config_release(config);
    mem_free(supervisor);
    return status;
}
