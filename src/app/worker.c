#include "worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/mem.h"
#include "net/frames.h"
#include "observe/log.h"
#include "observe/metrics_shared.h"
#include "reload.h"
#include "worker_talk.h"

struct worker {
    struct server *server;
    struct frames control;
    struct deadline beat;
    struct worker_talk *talk;
    unsigned slot;
    bool closed;
};

/* ---- what the environment says ---- */

bool worker_take(struct worker_start *start)
{
    const char *given = getenv(WORKER_VARIABLE);
    int64_t numbers[6] = {0}; /* parent, slot, slots, restart, store, sockets */
    struct str text;
    struct str line;
    struct str sandbox = STR_EMPTY;

    *start = (struct worker_start){0};
    if (given == NULL || strlen(given) >= sizeof(start->text)) {
        return false;
    }
    str_copy(start->text, sizeof(start->text), str_from(given));
    (void)unsetenv(WORKER_VARIABLE); /* it is about this process alone */
    text = str_from(start->text);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!str_next(&text, '\n', &line) || !str_to_i64(line, 0, INT32_MAX, &numbers[i])) {
            return false;
        }
    }
    if (numbers[0] != getppid() || !str_cut(text, '\n', &sandbox, &text) ||
        !str_cut(text, '\n', &start->listen, &text)) {
        return false;
    }
    start->slot = (unsigned)numbers[1];
    start->n_slots = (unsigned)numbers[2];
    start->is_restart = numbers[3] != 0;
    start->has_store = numbers[4] != 0;
    start->n_sockets = (unsigned)numbers[5];
    start->addresses = text;
    str_copy(start->sandbox, sizeof(start->sandbox), sandbox);
    for (int fd = WORKER_CONTROL_FD; fd < WORKER_SOCKETS_FD + (int)start->n_sockets; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return true;
}

enum error_code worker_check(const struct worker_start *start, const struct config *config,
                             struct error *err)
{
    struct str left = start->addresses;
    size_t n = config->server.n_all + (config->admin.listen.len > 0 ? 1 : 0);
    struct str line;

    for (size_t i = 0; i < n; i++) {
        struct str address =
            i < config->server.n_all ? config->server.all[i].address : config->admin.listen;

        if (!str_next(&left, '\n', &line) || !str_eq(line, address)) {
            return error_set(
                err, ERR_CONFIG,
                "the addresses to listen on have changed in the configuration since the "
                "service started: restart it");
        }
    }
    return ERR_OK;
}

enum error_code worker_prepare(const struct worker_start *start, struct error *err)
{
    enum error_code code = metrics_share(WORKER_METRICS_FD, start->n_slots, start->slot, err);

    (void)close(WORKER_METRICS_FD);
    (void)signal(SIGINT, SIG_IGN); /* a terminal sends these to all of us; the supervisor tells */
    (void)signal(SIGQUIT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    return code;
}

/* Other processes write to the same pipe, so it may be full although it had room. O_NONBLOCK belongs to an open file
 * description: opened anew, the pipe has one for us alone. A file is left as it is: it never makes us wait, and its
 * description holds the one position of all writers. */
int worker_log_fd(void)
{
    struct stat status;
    int fd = -1;

    if (fstat(STDERR_FILENO, &status) == 0 && S_ISFIFO(status.st_mode)) {
        fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }

    return fd >= 0 ? fd : STDERR_FILENO;
}

/* ---- talking to the supervisor ---- */

static void tell(struct worker *worker, enum worker_message kind, struct str text)
{
    const char byte = (char)kind;

    (void)frames_send_parts(&worker->control, (struct str){&byte, 1}, text);
}

void worker_send_all(struct worker *worker, struct str text)
{
    tell(worker, WORKER_ALL, text);
}

void worker_send_one(struct worker *worker, struct str text)
{
    tell(worker, WORKER_ONE, text);
}

static void tell_alive(struct worker *worker)
{
    const uint32_t limit_ms = worker->server->config->drain.limit_ms;

    tell(worker, WORKER_ALIVE, (struct str){(const char *)&limit_ms, sizeof(limit_ms)});
}

static void on_beat(struct deadline *deadline)
{
    struct worker *worker = CONTAINER_OF(deadline, struct worker, beat);

    tell_alive(worker);
    api_set_gauges(worker->server->api);
    metrics_publish();
    deadline_set(&worker->server->loop.deadlines, deadline, WORKER_BEAT_MS, on_beat);
}

static void on_frame(struct frames *frames, struct str frame)
{
    struct worker *worker = CONTAINER_OF(frames, struct worker, control);
    struct server *server = worker->server;
    struct str text = str_sub(frame, 1, frame.len);

    switch ((unsigned char)frame.ptr[0]) {
    case WORKER_DRAIN:
        server_drain(server, text.len > 0 && text.ptr[0] != 0);
        break;
    case WORKER_STOP:
        server_stop(server);
        break;
    case WORKER_RELOAD:
        if (server->reload != NULL) {
            reload_now(server->reload, "SIGHUP");
        }
        break;
    case WORKER_FROM:
        talk_hear(worker->talk, text);
        break;
    case WORKER_COUNT:
        talk_counted(worker->talk, text);
        break;
    default:
        break;
    }
}

static void on_end(struct frames *frames)
{
    struct worker *worker = CONTAINER_OF(frames, struct worker, control);

    log_event(LOG_ERROR, "worker.alone",
              F_TEXT("reason", "the process that started this worker is gone"),
              F_TEXT("effect", "the worker drains"));
    server_drain(worker->server, true);
}

static void on_closed(struct frames *frames)
{
    CONTAINER_OF(frames, struct worker, control)->closed = true;
}

static const struct frames_events control_events = {on_frame, on_end, on_closed};

/* ---- from start to end ---- */

struct worker *worker_open(struct server *server, const struct worker_start *start)
{
    struct worker *worker = mem_zalloc(sizeof(*worker));

    worker->server = server;
    worker->slot = start->slot;
    worker->talk = talk_open(worker, server);
    frames_open(&worker->control, &server->loop, WORKER_CONTROL_FD, WORKER_FRAME_MAX,
                &control_events);
    tell(worker, WORKER_READY, STR_EMPTY);
    on_beat(&worker->beat);
    return worker;
}

struct worker_talk *worker_talk_of(struct worker *worker)
{
    return worker->talk;
}

void worker_draining(struct worker *worker)
{
    if (worker != NULL) {
        tell(worker, WORKER_DRAINING, STR_EMPTY);
    }
}

void worker_reloaded(struct worker *worker, bool taken)
{
    const char byte = taken ? 1 : 0;

    if (worker != NULL) {
        tell_alive(worker);
        tell(worker, WORKER_RELOADED, (struct str){&byte, 1});
    }
}

void worker_stop(struct worker *worker)
{
    if (worker != NULL) {
        deadline_clear(&worker->beat);
        talk_stop(worker->talk);
        frames_close(&worker->control);
    }
}

bool worker_is_closing(const struct worker *worker)
{
    return worker != NULL && !worker->closed;
}

void worker_free(struct worker *worker)
{
    if (worker != NULL) {
        talk_free(worker->talk);
        mem_free(worker);
    }
}
