/* What signals do to a server, and how it drains. */
#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "lambda/lambda.h"
#include "manager.h"
#include "observe/log.h"
#include "reload.h"
#include "worker.h"

enum { DRAIN_STEP_MS = 50, NAME_MAX_BYTES = 32 };

static const struct {
    int number;
    const char *name;
} ignored_signals[] = {{SIGHUP, "SIGHUP"},       {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
                       {SIGALRM, "SIGALRM"},     {SIGIO, "SIGIO"},     {SIGPWR, "SIGPWR"},
                       {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"}, {SIGSTKFLT, "SIGSTKFLT"}};

/* ---- drain ---- */

static bool is_idle(const struct server *server)
{
    if (server->api != NULL && api_n_running(server->api) > 0) {
        return false;
    }
    if (server->lambda != NULL && lambda_n_working(server->lambda) > 0) {
        return false;
    }
    return server->http == NULL || (http_server_n_connections(server->http) == 0 &&
                                    http_server_n_exchanges(server->http) == 0);
}

static void log_drained(const struct server *server, uint64_t spent_ms)
{
    size_t n_connections = server->http != NULL ? http_server_n_connections(server->http) : 0;
    size_t n_exchanges = server->http != NULL ? http_server_n_exchanges(server->http) : 0;

    log_event(is_idle(server) ? LOG_INFO : LOG_WARN, "server.drained", F_INT("ms", spent_ms),
              F_INT("connections_cut", n_connections), F_INT("requests_cut", n_exchanges));
}

static void drain_step(struct deadline *deadline)
{
    struct server *server = CONTAINER_OF(deadline, struct server, drain_step);
    uint64_t spent_ms = clock_now_ms() - server->drain_began_ms;

    if (spent_ms >= server->notice_ms) {
        if (server->http != NULL) {
            http_server_drain(server->http);
            api_end_streams(server->api);
        }
        if (is_idle(server) || spent_ms >= server->config->drain.limit_ms) {
            log_drained(server, spent_ms);
            server_stop(server);
            return;
        }
    }
    deadline_set(&server->loop.deadlines, deadline, DRAIN_STEP_MS, drain_step);
}

static void drain(struct server *server, unsigned notice_ms)
{
    if (server->state != SERVER_SERVING) {
        return;
    }
    server->state = SERVER_DRAINING;
    server->drain_began_ms = clock_now_ms();
    server->notice_ms = notice_ms;
    log_event(LOG_INFO, "server.draining", F_INT("notice_ms", notice_ms),
              F_INT("limit_ms", server->config->drain.limit_ms));
    manager_stopping(server->manager);
    worker_draining(server->worker);
    if (server->api != NULL) {
        api_set_draining(server->api);
    }
    if (server->http != NULL) {
        http_server_say_close(server->http);
    }
    if (server->lambda != NULL) {
        lambda_drain(server->lambda);
    }
    deadline_set(&server->loop.deadlines, &server->drain_step, 0, drain_step);
}

void server_drain(struct server *server, bool at_terminal)
{
    drain(server, at_terminal ? 0 : server->config->drain.notice_ms);
}

/* ---- signals ---- */

/* drain.notice_ms is for load balancers. A person who presses Ctrl-C has none, and waits. */
bool signals_at_terminal(void)
{
    return isatty(STDIN_FILENO) == 1 || isatty(STDERR_FILENO) == 1;
}

void signals_tell_ignored(int number)
{
    struct buf name;

    buf_init(&name, NAME_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(ignored_signals); i++) {
        buf_text(&name, ignored_signals[i].number == number ? ignored_signals[i].name : "");
    }
    if (buf_view(&name).len == 0) {
        buf_printf(&name, "SIGRTMIN+%d", number - SIGRTMIN);
    }
    log_event(LOG_WARN, "signal.ignored", F_STR("signal", buf_view(&name)),
              F_TEXT("effect", "none"));
    buf_done(&name);
}

static void on_ignored_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    if (number == SIGHUP && server->reload != NULL) {
        reload_now(server->reload, "SIGHUP");
        return;
    }
    signals_tell_ignored(number);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    if (server->interrupted && (number == SIGINT || server->on_interrupt != NULL)) {
        log_event(LOG_WARN, "server.interrupted", F_INT("signal", number));
        server_stop(server);
        return;
    }
    server->interrupted = server->interrupted || number == SIGINT;
    if (server->on_interrupt != NULL) {
        server->interrupted = true; /* any second signal stops */
        server->on_interrupt(server);
        return;
    }
    server_drain(server, number == SIGINT && signals_at_terminal());
}

void signals_hear(struct signal_handles *handles, uv_loop_t *loop, int number, uv_signal_cb on_it,
                  void *data)
{
    uv_signal_t *handle = &handles->items[handles->n];

    CHECK(handles->n < ARRAY_LEN(handles->items));
    CHECK(uv_signal_init(loop, handle) == 0);
    handle->data = data;
    handles->n++;
    /* The tool that runs the process may keep a real-time signal for itself: valgrind does. */
    CHECK(uv_signal_start(handle, on_it, number) == 0 || number >= SIGRTMIN);
}

void signals_spare_start(void)
{
    static const int numbers[] = {SIGHUP, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)signal(numbers[i], SIG_IGN);
    }
}

static void ignore_by_default(int number)
{
    struct sigaction before;

    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
        (void)signal(number, SIG_IGN); /* else a profiler uses it */
    }
}

void signals_ignore_rest(void)
{
    ignore_by_default(SIGPIPE);
    for (size_t i = 0; i < ARRAY_LEN(ignored_signals); i++) {
        ignore_by_default(ignored_signals[i].number);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        ignore_by_default(number);
    }
}

void signals_open(struct server *server)
{
    signals_ignore_rest();
    signals_hear(&server->signals, &server->loop.uv, SIGTERM, on_signal, server);
    signals_hear(&server->signals, &server->loop.uv, SIGXCPU, on_signal,
                 server);           /* the process ends some seconds later */
    if (!server->given.is_worker) { /* else its supervisor tells it */
        signals_hear(&server->signals, &server->loop.uv, SIGINT, on_signal, server);
        signals_hear(&server->signals, &server->loop.uv, SIGQUIT, on_signal, server);
    }
}

/* False: a profiler or a debugger uses the signal. */
static bool is_free(int number)
{
    struct sigaction before;

    return sigaction(number, NULL, &before) == 0 &&
           (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN);
}

void signals_hear_ignored(struct signal_handles *handles, uv_loop_t *loop, bool with_hup,
                          uv_signal_cb on_it, void *data)
{
    for (size_t i = with_hup ? 0 : 1; i < ARRAY_LEN(ignored_signals); i++) {
        if (is_free(ignored_signals[i].number)) {
            signals_hear(handles, loop, ignored_signals[i].number, on_it, data);
        }
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX && handles->n < SIGNALS_MAX; number++) {
        if (is_free(number)) {
            signals_hear(handles, loop, number, on_it, data);
        }
    }
}

void server_ignore_signals(struct server *server)
{
    signals_hear_ignored(&server->signals, &server->loop.uv, !server->given.is_worker,
                         on_ignored_signal, server);
}

static void on_closed(uv_handle_t *handle)
{
    ((struct signal_handles *)handle->data)->n--;
}

void signals_close(struct signal_handles *handles)
{
    for (unsigned i = 0; i < handles->n && !handles->closing; i++) {
        handles->items[i].data = handles;
        uv_close((uv_handle_t *)&handles->items[i], on_closed);
    }
    handles->closing = true;
}
