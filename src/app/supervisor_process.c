#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/metrics_shared.h"
#include "supervisor_internal.h"

enum { NUMBER_BYTES = sizeof(uint32_t) };

bool process_lives(const struct process *process)
{
    return process->state == PROCESS_STARTS || process->state == PROCESS_SERVES ||
           process->state == PROCESS_DRAINS;
}

void process_tell(struct process *process, enum worker_message kind, struct str text)
{
    const char byte = (char)kind;

    (void)frames_send_parts(&process->control, (struct str){&byte, 1}, text);
}

void process_kill(struct process *process, const char *why)
{
    if (process_lives(process) && !process->is_killed) {
        process->is_killed = true;
        log_event(LOG_ERROR, "worker.killed", F_INT("worker", process->slot),
                  F_INT("pid", process->handle.pid), F_TEXT("reason", why));
        (void)uv_process_kill(&process->handle, SIGKILL);
    }
}

/* ---- what it says ---- */

static uint32_t number_of(struct str text)
{
    uint32_t number = UINT32_MAX;

    if (text.len >= NUMBER_BYTES) {
        memcpy(&number, text.ptr, NUMBER_BYTES);
    }
    return number;
}

static void pass_on(struct process *from, struct process *to, struct str text)
{
    const uint32_t slot = from->slot;
    char head[1 + NUMBER_BYTES] = {WORKER_FROM};

    memcpy(head + 1, &slot, NUMBER_BYTES);
    (void)frames_send_parts(&to->control, (struct str){head, sizeof(head)}, text);
}

/* Workers that drain hear it, too, but they are not counted: their answers are not waited for. */
static void pass_to_all(struct process *from, struct str text)
{
    struct supervisor *supervisor = from->supervisor;
    uint32_t counted[] = {number_of(text), 0};

    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        struct process *to = &supervisor->processes[i];

        if (to != from && process_lives(to)) {
            pass_on(from, to, text);
            counted[1] += to->state == PROCESS_SERVES ? 1 : 0;
        }
    }
    process_tell(from, WORKER_COUNT, (struct str){(const char *)counted, sizeof(counted)});
}

static void pass_to_one(struct process *from, struct str text)
{
    uint32_t slot = number_of(text);
    struct supervisor *supervisor = from->supervisor;

    if (slot < supervisor->n_slots && process_lives(&supervisor->processes[slot])) {
        pass_on(from, &supervisor->processes[slot], str_sub(text, NUMBER_BYTES, text.len));
    }
}

static void on_frame(struct frames *frames, struct str frame)
{
    struct process *process = CONTAINER_OF(frames, struct process, control);
    struct str text = str_sub(frame, 1, frame.len);

    process->heard_ms = clock_now_ms();
    switch ((unsigned char)frame.ptr[0]) {
    case WORKER_READY:
        seat_ready(process);
        break;
    case WORKER_DRAINING:
        seat_draining(process);
        break;
    case WORKER_RELOADED:
        process->reloads = false;
        supervisor_reloaded(process->supervisor);
        break;
    case WORKER_ALL:
        pass_to_all(process, text);
        break;
    case WORKER_ONE:
        pass_to_one(process, text);
        break;
    case WORKER_ALIVE:
        process->drain_limit_ms = number_of(text);
        break;
    default:
        break;
    }
}

/* ---- its end ---- */

static void closed_one(struct process *process)
{
    struct supervisor *supervisor = process->supervisor;

    if (--process->n_open == 0) {
        process->state = PROCESS_NONE;
        supervisor_freed(supervisor);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    closed_one(CONTAINER_OF(handle, struct process, handle));
}

static void on_control_closed(struct frames *frames)
{
    closed_one(CONTAINER_OF(frames, struct process, control));
}

static void on_store_closed(void *context)
{
    closed_one(context);
}

/* The end of the socketpair does not prove that the worker is dead: the kernel tells that (on_ended). */
static void on_control_end(struct frames *frames)
{
    (void)frames;
}

static void on_store_end(void *context)
{
    struct process *process = context;

    (void)process;
}

static void on_ended(uv_process_t *handle, int64_t status, int signal)
{
    struct process *process = CONTAINER_OF(handle, struct process, handle);

    process->reloads = false;
    metrics_shared_gone(process->slot);
    seat_ended(process, status, signal);
    process->state = PROCESS_GONE;
    uv_close((uv_handle_t *)&process->handle, on_handle_closed);
    frames_close(&process->control);
    if (process->store != NULL) {
        store_server_close(process->store, on_store_closed, process);
        process->store = NULL;
    }
}

/* ---- its start ---- */

static bool is_dropped(const char *variable)
{
    static const char *const dropped[] = {
        "NOTIFY_SOCKET=", "LISTEN_FDS=",     "LISTEN_PID=",        "WATCHDOG_USEC=",
        "WATCHDOG_PID=",  "LISTEN_FDNAMES=", (WORKER_VARIABLE "=")};

    for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
        if (strncmp(variable, dropped[i], strlen(dropped[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Writes the variable that worker_take reads. */
static void write_start(struct buf *out, const struct process *process)
{
    const struct supervisor *supervisor = process->supervisor;
    const struct config *config = supervisor->config;

    buf_printf(out, WORKER_VARIABLE "=%d\n%u\n%u\n%d\n%d\n%u\n%s\n%s\n", getpid(), process->slot,
               supervisor->n_slots, process->seat->was_taken, supervisor->store != NULL,
               supervisor->n_sockets, supervisor->sandbox_address, supervisor->listen_given);
    for (size_t i = 0; i < config->server.n_all; i++) {
        buf_printf(out, "%.*s\n", STR_ARG(config->server.all[i].address));
    }
    if (config->admin.listen.len > 0) {
        buf_printf(out, "%.*s\n", STR_ARG(config->admin.listen));
    }
}

static void give(uv_stdio_container_t *container, int fd)
{
    container->flags = fd >= 0 ? UV_INHERIT_FD : UV_IGNORE;
    container->data.fd = fd;
}

static size_t count_variables(void)
{
    size_t n = 0;

    while (environ[n] != NULL) {
        n++;
    }
    return n;
}

static int spawn(struct process *process, int control_fd, int store_fd)
{
    struct supervisor *supervisor = process->supervisor;
    uv_stdio_container_t stdio[WORKER_SOCKETS_FD + SOCKETS_MAX] = {{.flags = UV_IGNORE}};
    const char **variables = mem_calloc(count_variables() + 2, sizeof(*variables));
    struct buf start;
    size_t n = 0;
    int status;
    uv_process_options_t options = {.exit_cb = on_ended,
                                    .file = "/proc/self/exe",
                                    .args = supervisor->arguments,
                                    .stdio = stdio,
                                    .stdio_count = WORKER_SOCKETS_FD + (int)supervisor->n_sockets};

    give(&stdio[0], STDIN_FILENO);
    give(&stdio[1], STDOUT_FILENO);
    give(&stdio[2], STDERR_FILENO);
    give(&stdio[WORKER_CONTROL_FD], control_fd);
    give(&stdio[WORKER_METRICS_FD], supervisor->metrics_fd);
    give(&stdio[WORKER_STORE_FD], store_fd);
    for (unsigned i = 0; i < supervisor->n_sockets; i++) {
        give(&stdio[WORKER_SOCKETS_FD + i], process->seat->sockets[i]);
    }
    for (char **variable = environ; *variable != NULL; variable++) {
        if (!is_dropped(*variable)) {
            variables[n++] = *variable;
        }
    }
    buf_init(&start, WORKER_VARIABLE_MAX + sizeof(WORKER_VARIABLE));
    write_start(&start, process);
    variables[n++] = buf_cstr(&start);
    variables[n] = NULL;
    options.env = unconst(variables);
    status = uv_spawn(&supervisor->loop.uv, &process->handle, &options);
    buf_done(&start);
    mem_free(variables);
    return status;
}

static const struct frames_events control_events = {on_frame, on_control_end, on_control_closed};

/* Two socketpairs; false: there are no descriptors left. */
static bool make_pairs(bool has_store, int control[2], int store[2])
{
    store[0] = -1;
    store[1] = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0) {
        return false;
    }
    if (has_store && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, store) != 0) {
        (void)close(control[0]);
        (void)close(control[1]);
        return false;
    }
    return true;
}

bool process_start(struct process *process, struct seat *seat)
{
    struct supervisor *supervisor = seat->supervisor;
    unsigned slot = (unsigned)(process - supervisor->processes);
    int control[2];
    int store[2];
    int status;

    *process = (struct process){.supervisor = supervisor, .seat = seat, .slot = slot};
    if (!make_pairs(supervisor->store != NULL, control, store)) {
        return false;
    }
    status = spawn(process, control[1], store[1]);
    (void)close(control[1]);
    if (store[1] >= 0) {
        (void)close(store[1]);
    }
    process->state = status == 0 ? PROCESS_STARTS : PROCESS_GONE;
    process->began_ms = clock_now_ms();
    process->heard_ms = process->began_ms;
    process->drain_limit_ms = supervisor->config->drain.limit_ms;
    process->n_open = 2;
    frames_open(&process->control, &supervisor->loop, control[0], WORKER_FRAME_MAX,
                &control_events);
    if (supervisor->store != NULL) {
        process->n_open++;
        process->store =
            store_serve(&supervisor->loop, supervisor->store, store[0], on_store_end, process);
    }
    if (status != 0) {
        log_event(LOG_ERROR, "worker.not_started", F_TEXT("error", uv_strerror(status)));
        on_ended(&process->handle, EXIT_FAILURE, 0);
    }
    return status == 0;
}
