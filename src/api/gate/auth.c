/* The stage that asks room auth who calls, and what a route asks of the caller. */
#include "api/gate/limits.h"
#include "api/gate/task.h"

static struct auth_shown shown_by(const struct exchange *exchange)
{
    struct str header = exchange_header(exchange, "Authorization");
    bool is_bearer = str_starts_nocase(header, STR("Bearer "));

    return (struct auth_shown){
        .bearer = is_bearer ? str_trim(str_sub(header, 7, header.len)) : STR_EMPTY,
        .api_key = exchange_header(exchange, "X-API-Key"),
        .certificate = exchange_certificate(exchange),
    };
}

static void on_ready(struct auth_ticket *ticket)
{
    struct task *task = CONTAINER_OF(ticket, struct task, ticket);
    enum stage_verdict verdict;

    task->on_cancel = NULL;
    task->head_waits = false;
    verdict = task_authenticate(task);
    if (verdict == STAGE_CONTINUE) {
        task_go_on_head(task);
    }
}

static void on_cancel(struct task *task)
{
    auth_wait_cancel(&task->ticket);
}

/* The refusal counts against the address, but only when the caller is to blame for it. */
static enum stage_verdict refuse(struct task *task, const struct auth_shown *shown)
{
    bool has_shown = shown->bearer.len > 0 || shown->api_key.len > 0;

    if (task->error.code == ERR_UNAUTHORIZED) {
        exchange_set_header(task->exchange, "WWW-Authenticate",
                            has_shown
                                ? STR("Bearer realm=\"virtuoso-proxy\", error=\"invalid_token\"")
                                : STR("Bearer realm=\"virtuoso-proxy\""));
        metric_add(M_AUTH_FAILURES, 0, 0, 0, 1);
        limits_count_stranger(task);
    }
    return task_fail(task);
}

static enum stage_verdict admit(struct task *task)
{
    if (task->api->setup != task->setup) { /* the principal belongs to the newest */
        task->setup = setup_hold(task->api->setup);
        arena_defer(task->arena, setup_release, task->setup);
    }
    task->platform = task->setup->platforms[task->principal.tenant];
    task->exchange->notes.principal = task->principal.name;
    task->exchange->notes.owner = task->principal.owner.bytes;
    return STAGE_CONTINUE;
}

enum stage_verdict task_authenticate(struct task *task)
{
    struct auth_shown shown = shown_by(task->exchange);
    struct str caller = task->exchange->request.caller;

    if (caller.len > 0) { /* the right to call was checked before; no credential is shown */
        task->principal = (struct principal){.name = caller, .permissions = PERMISSION_CONTINUE};
        digest_of(caller, &task->principal.owner);
        return admit(task);
    }
    switch (auth_check(task->api->auth, &shown, &task->ticket, task->arena, &task->principal,
                       &task->error)) {
    case AUTH_REFUSED:
        return refuse(task, &shown);
    case AUTH_LATER:
        task->ticket.on_ready = on_ready;
        if (auth_wait(task->api->auth, &task->ticket, &task->error) != ERR_OK) {
            return task_fail(task);
        }
        task->on_cancel = on_cancel;
        task->head_waits = true;
        return STAGE_WAIT;
    case AUTH_ADMITTED:
        break;
    }
    return admit(task);
}

static bool has_permission(const struct principal *principal, unsigned permission)
{
    return permission == ACCESS_PUBLIC ||
           (principal->permissions & (permission | PERMISSION_ADMIN)) != 0;
}

bool task_is_still_admitted(const struct task *task)
{
    struct auth_shown shown = shown_by(task->exchange);
    struct principal principal;
    struct error err = {0};
    struct arena arena;
    bool is_admitted;

    arena_init(&arena);
    is_admitted =
        auth_check_again(task->api->auth, &shown, &arena, &principal, &err) == AUTH_ADMITTED &&
        has_permission(&principal, task->route->access);
    arena_done(&arena);
    return is_admitted;
}

bool task_may(const struct task *task, unsigned permission)
{
    return has_permission(&task->principal, permission);
}

enum stage_verdict task_allow(struct task *task, unsigned permission)
{
    /* In direct access the platform judges what a caller's own token may change. */
    bool judged_there = task->principal.bearer.len > 0 && task->route->body == BODY_STREAM;

    if (judged_there || task_may(task, permission)) {
        return STAGE_CONTINUE;
    }
    return task_refuse(task, ERR_FORBIDDEN, "This credential lacks the permission \"%s\"",
                       permission_name(permission));
}
