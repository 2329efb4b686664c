/* Every request walks two tables of stages: one when its head is complete, one when its body is.
 * The tables are the documentation of what is checked in which order; a refusal on the head means
 * that the body is never buffered. */
#include "api/gate/limits.h"
#include "api/gate/links.h"
#include "api/gate/query.h"
#include "api/gate/session_seat.h"
#include "api/gate/task.h"
#include "api/gate/verdict.h"
#include "base/utf8.h"
#include "observe/span.h"

/* Preflights and plain OPTIONS are answered for any known path, before authentication: a browser
 * sends them without credentials (Fetch standard, CORS protocol). */
static enum stage_verdict answer_options(struct task *task, struct str allow)
{
    exchange_set_header(task->exchange, "Allow", allow);
    return task_reply(task, 204, NULL, STR_EMPTY);
}

static unsigned places_of(const struct task *task)
{
    const struct config *config = task->config;
    unsigned both = 1U << PLACE_BOTH;

    if (task->on_admin) {
        return both | 1U << PLACE_ADMIN | 1U << PLACE_METRICS;
    }
    if (config->admin.listen.len == 0) {
        return (1U << PLACE_N) - 1;
    }
    return both | 1U << PLACE_TRAFFIC |
           (config->admin.metrics_on_traffic ? 1U << PLACE_METRICS : 0);
}

static enum stage_verdict stage_route(struct task *task)
{
    struct exchange *exchange = task->exchange;
    bool is_options = str_is(exchange->request.method, "OPTIONS");
    enum error_code code;

    if (str_is(exchange->request.path, "*")) {
        return answer_options(task, STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    code = route_find(task->api->routes, task->arena,
                      &(struct route_wanted){.places = places_of(task),
                                             .method = exchange->request.method,
                                             .path = exchange->request.path},
                      &task->match, &task->error);
    task->route = task->match.route;
    if (code == ERR_METHOD_NOT_ALLOWED && is_options) {
        return answer_options(task, task->match.allow);
    }
    if (code == ERR_NOT_FOUND && task->on_admin) {
        (void)error_set(&task->error, code,
                        "The admin listener has no such route: it has /metrics, /health, "
                        "/health/stats, /livez, /readyz and /admin/*");
    }
    if (code != ERR_OK) {
        if (task->match.allow.len > 0) {
            exchange_set_header(exchange, "Allow", task->match.allow);
        }
        return task_fail(task);
    }
    exchange->notes.route = str_from(task->route->pattern);
    exchange->notes.route_label = route_label(task->api->routes, task->route);
    return STAGE_CONTINUE;
}

/* RFC 9745 and RFC 8594: routes that stay for old clients say so, and what replaces them. */
static enum stage_verdict stage_deprecation(struct task *task)
{
    if (task->route->successor != NULL) {
        exchange_set_header(task->exchange, "Deprecation", STR("@1767225600"));
        exchange_set_header(task->exchange, "Sunset", STR("Fri, 31 Dec 2027 23:59:59 GMT"));
        exchange_set_header(
            task->exchange, "Link",
            arena_printf(task->arena, "<%.*s>; rel=\"successor-version\"",
                         STR_ARG(task_link(task, str_from(task->route->successor)))));
    }
    return STAGE_CONTINUE;
}

static enum stage_verdict stage_fields(struct task *task)
{
    return task->route->access == ACCESS_PUBLIC || fields_check(task, &task->error) == ERR_OK
               ? STAGE_CONTINUE
               : task_fail(task);
}

static enum stage_verdict stage_authenticate(struct task *task)
{
    return task->route->access == ACCESS_PUBLIC || admin_is_operator(task)
               ? STAGE_CONTINUE
               : task_authenticate(task);
}

static enum stage_verdict stage_limit(struct task *task)
{
    return task->route->access == ACCESS_PUBLIC || admin_is_operator(task)
               ? STAGE_CONTINUE
               : limits_count_caller(task);
}

static enum stage_verdict stage_authorize(struct task *task)
{
    return task_allow(task, task->route->access);
}

static enum stage_verdict stage_accept_body(struct task *task)
{
    struct exchange *exchange = task->exchange;
    enum body_kind kind = task->route->body;
    struct str type = exchange_header(exchange, "Content-Type");
    struct str encoding = exchange_header_lines(exchange, "Content-Encoding");
    bool wants = kind == BODY_JSON || kind == BODY_COMMAND || kind == BODY_TEST;

    if (kind == BODY_NONE || kind == BODY_STREAM) {
        return STAGE_CONTINUE;
    }
    if (!exchange->request.has_body) {
        if (!wants || exchange_has_header(exchange, "Content-Length")) {
            return STAGE_CONTINUE; /* an empty body is judged where the body is read */
        }
        return task_refuse(
            task, ERR_LENGTH_REQUIRED,
            "This route needs a body: send one with Content-Length or Transfer-Encoding: chunked");
    }
    if (encoding.len > 0 && !str_is_nocase(encoding, "identity")) {
        return task_refuse(task, ERR_MEDIA_TYPE, "Bodies are taken without Content-Encoding only");
    }
    if (type.len > 0 && !body_type_fits(kind, type)) {
        return task_refuse(task, ERR_MEDIA_TYPE, "This route takes %s; the request says \"%.*s\"",
                           kind == BODY_TEST ? "application/yaml, text/yaml or application/json"
                           : kind == BODY_COMMAND ? "application/json or application/yaml"
                                                  : "application/json",
                           STR_ARG(utf8_clip(type, 80)));
    }
    return STAGE_CONTINUE;
}

static enum stage_verdict stage_deadline(struct task *task)
{
    const struct config *config = task->config;

    if (task->route->wait != WAIT_NONE) {
        task->wait_ms = task->route->wait == WAIT_LONG ? config->http.long_exchange_timeout_ms
                                                       : config->http.exchange_timeout_ms;
    }
    return STAGE_CONTINUE;
}

void task_set_deadline(struct task *task, uint64_t wait_ms)
{
    exchange_set_deadline(task->exchange, wait_ms);
    task->wait_ms = 0;
}

/* The body goes to the handler piece by piece. */
static bool task_streams_body(const struct task *task)
{
    return task->route->body == BODY_STREAM && !idempotency_is_asked(task);
}

static enum stage_verdict stage_handle_head(struct task *task)
{
    return task_streams_body(task) ? task->route->handle(task) : STAGE_CONTINUE;
}

static enum stage_verdict stage_query(struct task *task)
{
    if (!query_read(task)) {
        return task_fail(task);
    }
    if (task->query != NULL) {
        task->dry_run = json_true(task_query(task, "dry_run"));
        task->raw = json_true(task_query(task, "raw"));
    }
    return STAGE_CONTINUE;
}

static enum stage_verdict stage_handle(struct task *task)
{
    return task->route->handle(task);
}

static enum stage_verdict run_stages(struct task *task, const stage_fn *stages)
{
    for (const stage_fn *stage = stages; *stage != NULL; stage++) {
        enum stage_verdict verdict;

        task->stages = stage + 1;
        verdict = (*stage)(task);

        if (verdict != STAGE_CONTINUE) {
            return verdict;
        }
    }
    return STAGE_CONTINUE;
}

/* Calls of the stages to the store belong to the trace of this request. */
static enum stage_verdict run(struct task *task, const stage_fn *stages)
{
    const struct trace *before = span_context_set(&task->exchange->trace);
    enum stage_verdict verdict = run_stages(task, stages);

    (void)span_context_set(before);
    /* Most answers are given at once, and need no deadline. */
    if (verdict != STAGE_DONE && task->wait_ms > 0 && !task->exchange->replied &&
        (verdict == STAGE_WAIT || !task->exchange->body_complete)) {
        task_set_deadline(task, task->wait_ms);
    }
    return verdict;
}

enum stage_verdict stages_head_run(struct task *task)
{
    static const stage_fn stages[] = {stage_route,
                                      stage_deprecation,
                                      stage_fields,
                                      stage_authenticate,
                                      stage_limit,
                                      stage_authorize,
                                      stage_accept_body,
                                      stage_deadline,
                                      stage_query,
                                      stage_handle_head,
                                      NULL};

    task->exchange->notes.route = STR("unmatched");
    return run(task, stages);
}

enum stage_verdict stages_body_run(struct task *task)
{
    static const stage_fn stages[] = {verdict_check,     body_read,    idempotency_begin,
                                      session_seat_take, stage_handle, NULL};

    return run(task, stages);
}

void task_go_on(struct task *task)
{
    (void)run(task, task->stages);
}

/* ---- what http is told ---- */

enum http_verdict task_head_verdict(const struct task *task, enum stage_verdict verdict,
                                    size_t *max_body)
{
    const struct config *config = task->config;
    const struct route *route = task->route;

    if (verdict == STAGE_DONE) {
        return HTTP_REPLIED;
    }
    if (task->head_waits) {
        return HTTP_HEAD_WAITS;
    }
    if (task_streams_body(task)) {
        return HTTP_BODY_STREAM;
    }
    *max_body = route->body == BODY_TEST      ? config->http.max_test_file_body
                : route->body == BODY_COMMAND ? config->http.max_command_body
                                              : config->http.max_body;
    return HTTP_BODY_BUFFER;
}

void task_go_on_head(struct task *task)
{
    struct exchange *exchange = task->exchange;
    enum stage_verdict verdict = run(task, task->stages);
    size_t max_body = 0;

    if (verdict != STAGE_DONE) {
        enum http_verdict for_http = task_head_verdict(task, verdict, &max_body);

        http_head_done(exchange, for_http, max_body);
    }
}
