#include "api/gate/session_seat.h"

#include "api/gate/query.h"

/* Body, then header, then query parameter (src/api/README.md, "Contract"). */
struct str session_of(struct task *task, const struct json *body)
{
    struct str id = json_str(json_get(body, "session_id"));

    if (id.len == 0) {
        id = exchange_header(task->exchange, "X-Session-Id");
    }
    return id.len > 0 ? id : task_query_text(task, "session_id");
}

static void end(void *seat)
{
    session_use_end(&((struct session_seat *)seat)->use);
}

struct session_seat *session_seat_of(struct task *task)
{
    if (task->session_seat == NULL) {
        task->session_seat = arena_zalloc(task->arena, sizeof(*task->session_seat));
        task->session_seat->task = task;
        arena_defer(task->arena, end, task->session_seat);
    }
    return task->session_seat;
}

static void on_cancel(struct task *task)
{
    session_use_end(&task->session_seat->use);
}

/* Another process works under the lease, and does not come to an end. */
static void on_deadline(struct task *task)
{
    session_use_end(&task->session_seat->use);
    task->on_cancel = NULL;
    task->on_deadline = NULL;
    task->error.retry_after_s = 1;
    (void)task_refuse(task, ERR_OVERLOADED,
                      "Another process is still at work in this session; nothing was sent");
}

enum stage_verdict session_seat_wait(struct session_seat *seat, stage_fn then)
{
    seat->then = then;
    seat->task->on_cancel = on_cancel;
    seat->task->on_deadline = on_deadline;
    return STAGE_WAIT;
}

void session_seat_on_done(struct session_use *use, const struct error *error)
{
    struct session_seat *seat = CONTAINER_OF(use, struct session_seat, use);
    struct task *task = seat->task;

    task->on_cancel = NULL;
    task->on_deadline = NULL;
    if (error != NULL) {
        (void)task_fail_with(task, error);
        return;
    }
    (void)seat->then(task);
}

static enum stage_verdict go_on(struct task *task)
{
    task_go_on(task);
    return STAGE_DONE;
}

static struct str id_of(struct task *task)
{
    if (task->route->session_param != NULL) {
        return task_param(task, task->route->session_param);
    }
    return task_query_text(task, "checkpoint_id").len > 0 ? STR_EMPTY
                                                          : session_of(task, task->body);
}

enum stage_verdict session_seat_take(struct task *task)
{
    struct session_store *sessions = task->api->options.sessions;
    struct session_seat *seat;
    struct str id;

    if (task->route->session == SESSION_NONE || sessions == NULL || !session_is_shared(sessions)) {
        return STAGE_CONTINUE;
    }
    id = id_of(task);
    if (id.len == 0) {
        return STAGE_CONTINUE;
    }
    seat = session_seat_of(task);
    if (task->route->session == SESSION_READ || task->dry_run ||
        json_true(json_get(task->body, "dry_run"))) {
        session_use_read(sessions, &task->principal.owner, id, &seat->use, session_seat_on_done);
    } else if (session_use_begin(sessions, &task->principal.owner, id, &seat->use,
                                 session_seat_on_done)) {
        return STAGE_CONTINUE;
    }
    return session_seat_wait(seat, go_on);
}
