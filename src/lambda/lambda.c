#include "lambda_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"

/* PAUSE_MS: after such a pause no connection is trusted, since network devices on the way may have forgotten it. */
enum { PAUSE_MS = 20000, INIT_ERROR_MS = 5000, TEXT_MAX = 8192 };

static void on_gone(struct later_item *item)
{
    struct lambda *lambda = CONTAINER_OF(item, struct lambda, tell_gone);

    lambda->options.on_gone(lambda->options.context, lambda->why);
}

void lambda_fail(struct lambda *lambda, const char *why)
{
    if (!lambda->gone) {
        lambda->gone = true;
        lambda->why = str_dup(str_from(why));
        later_add(&lambda->loop->later, &lambda->tell_gone, on_gone);
    }
}

/* While Lambda has stopped the machine its monotonic clock may stand still, so the wall clock is compared, too. */
void lambda_is_awake(struct lambda *lambda)
{
    int64_t wall_ms = clock_wall_ms();
    uint64_t age_ms = clock_age_ms();

    if ((wall_ms - lambda->seen_wall_ms > PAUSE_MS || age_ms - lambda->seen_age_ms > PAUSE_MS) &&
        lambda->options.on_thaw != NULL) {
        lambda->options.on_thaw(lambda->options.context);
    }
    lambda->seen_wall_ms = wall_ms;
    lambda->seen_age_ms = age_ms;
    if (lambda->options.on_event != NULL) {
        lambda->options.on_event(lambda->options.context);
    }
}

void lambda_open(struct loop *loop, struct http_server *server,
                 const struct lambda_options *options, struct lambda **out)
{
    struct lambda *lambda = mem_zalloc(sizeof(*lambda));

    lambda->loop = loop;
    lambda->server = server;
    lambda->options = *options;
    lambda->base_path = (struct str){str_dup(options->base_path), options->base_path.len};
    lambda->n_invocations = options->concurrency;
    lambda->invocations = mem_calloc(lambda->n_invocations, sizeof(*lambda->invocations));
    lambda->seen_wall_ms = clock_wall_ms();
    lambda->seen_age_ms = clock_age_ms();
    for (unsigned i = 0; i < lambda->n_invocations; i++) {
        invocation_open(&lambda->invocations[i], lambda);
        lambda->n_open++;
        invocation_ask(&lambda->invocations[i]);
    }
    *out = lambda;
}

void lambda_drain(struct lambda *lambda)
{
    lambda->draining = true;
}

unsigned lambda_n_working(const struct lambda *lambda)
{
    unsigned n = 0;

    for (unsigned i = 0; i < lambda->n_invocations; i++) {
        enum invocation_state state = lambda->invocations[i].state;

        n += state == INVOCATION_WORKS || state == INVOCATION_POSTS ? 1 : 0;
    }
    return n;
}

void lambda_line_closed(struct lambda *lambda)
{
    void (*on_closed)(void *) = lambda->on_closed;
    void *context = lambda->closed_context;

    lambda->n_open--;
    if (lambda->n_open > 0) {
        return;
    }
    later_remove(&lambda->tell_gone);
    mem_free(lambda->why);
    mem_free(unconst(lambda->base_path.ptr));
    mem_free(lambda->invocations);
    mem_free(lambda);
    on_closed(context);
}

void lambda_close(struct lambda *lambda, void (*on_closed)(void *context), void *context)
{
    lambda->on_closed = on_closed;
    lambda->closed_context = context;
    later_remove(&lambda->tell_gone);
    for (unsigned i = 0; i < lambda->n_invocations; i++) {
        invocation_close(&lambda->invocations[i]);
    }
}

/* ---- before there is a server ---- */

struct init_error {
    struct runtime runtime;
    struct deadline deadline;
    bool told, done;
};

static struct init_error *init_error_of(struct runtime *runtime)
{
    return CONTAINER_OF(runtime, struct init_error, runtime);
}

static void on_init_answer(struct runtime *runtime)
{
    init_error_of(runtime)->told = http_answer_status(runtime->answer) == 202;
    runtime_close(runtime);
}

static void on_init_failed(struct runtime *runtime)
{
    runtime_close(runtime);
}

static void on_init_late(struct deadline *deadline)
{
    runtime_close(&CONTAINER_OF(deadline, struct init_error, deadline)->runtime);
}

static void on_init_writable(struct runtime *runtime)
{
    (void)runtime;
}

static void on_init_closed(struct runtime *runtime)
{
    init_error_of(runtime)->done = true;
}

bool lambda_tell_init_error(const struct address *runtime_api, const char *type, struct str message)
{
    static const struct runtime_events events = {on_init_answer, on_init_failed, on_init_writable,
                                                 on_init_closed};
    struct init_error init = {.told = false};
    struct loop loop;
    struct buf body;
    struct buf request;

    buf_init(&body, TEXT_MAX);
    buf_init(&request, (size_t)2 * TEXT_MAX);
    reply_write_error(&body, type, message);
    buf_printf(&request,
               "POST " RUNTIME_PREFIX "/init/error HTTP/1.1\r\nHost: %s:%u\r\n"
               "Content-Type: application/json\r\n"
               "Lambda-Runtime-Function-Error-Type: %s\r\nContent-Length: %zu\r\n\r\n",
               runtime_api->host, runtime_api->port, type, body.len);
    buf_str(&request, buf_view(&body));
    loop_init(&loop);
    runtime_open(&init.runtime, &loop, runtime_api, &events);
    deadline_set(&loop.deadlines, &init.deadline, INIT_ERROR_MS, on_init_late);
    runtime_begin(&init.runtime, buf_view(&request), false);
    while (!init.done) {
        (void)loop_turn(&loop, true);
    }
    deadline_clear(&init.deadline);
    loop_done(&loop);
    buf_done(&body);
    buf_done(&request);
    return init.told;
}
