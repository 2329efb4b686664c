/* The ends of a task: every answer of the API leaves through here, so that headers, notes and the
 * stored replies of Idempotency-Key are dealt with once. */
#include <stdarg.h>

#include "api/gate/etag.h"
#include "api/gate/links.h"
#include "api/gate/task.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/utf8.h"
#include "http/problem.h"

enum { MADE_SHOWN = 3, TEXT_BEFORE_MADE = 200, TIMING_MAX = 256 };

/* name;dur=MILLISECONDS with three decimals */
static void add_duration(struct buf *out, const char *name, uint64_t us)
{
    buf_text(out, name);
    buf_text(out, ";dur=");
    buf_thousandths(out, us);
}

static void add_server_timing(struct task *task)
{
    static const enum trace_stage shown[] = {TRACE_QUEUE, TRACE_CACHE, TRACE_UPSTREAM};
    const struct trace *trace = &task->exchange->trace;
    UNINITIALISED char room[TIMING_MAX];
    struct buf value;

    buf_init_on(&value, room, sizeof(room), TIMING_MAX);
    buf_text(&value, "Server-Timing: ");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        if (trace->stage_us[shown[i]] != 0) {
            add_duration(&value, trace_stage_name(shown[i]), trace->stage_us[shown[i]]);
            buf_text(&value, ", ");
        }
    }
    add_duration(&value, "total", exchange_answered_us(task->exchange) - task->begin_us);
    buf_text(&value, "\r\n");
    exchange_add_lines(task->exchange, 0, buf_view(&value));
    buf_done(&value);
}

/* Nothing of the task may wait any more when its answer leaves. */
static void task_ends(struct task *task)
{
    task->on_cancel = NULL;
    task->must_finish = NULL;
    task->on_deadline = NULL;
    add_server_timing(task);
}

/* For documents that change only with the program (keep_s of their route). The tag is weak: the answer may be
 * compressed. True: the client has the document already. */
static bool may_be_kept(struct task *task, struct str body)
{
    const struct route *route = task->route;
    const char *whose = route->access == ACCESS_PUBLIC ? "public" : "private";
    struct str etag = etag_of_document(task->arena, body);

    exchange_set_header(task->exchange, "ETag", etag);
    exchange_set_header(task->exchange, "Cache-Control",
                        arena_printf(task->arena, "%s, max-age=%u", whose, route->keep_s));
    return etag_is_had(task, etag);
}

struct written {
    struct json_writer w;
    struct buf text;
};

/* An answer that waits: rest.c. */
struct late_answer {
    int status;
    const char *content_type;
    struct str body;
};

static void reply_late(struct task *task)
{
    const struct late_answer *late = task->state;

    (void)task_reply(task, late->status, late->content_type, late->body);
}

enum stage_verdict task_reply(struct task *task, int status, const char *content_type,
                              struct str body)
{
    struct claim *claim;

    if (status == 200 && task->route->keep_s > 0 && may_be_kept(task, body)) {
        return task_reply(task, 304, NULL, STR_EMPTY);
    }
    /* First, so that no cancel forgets it. */
    claim = idempotency_keep(task, status, content_type, body);
    if (task_rests(task, claim, reply_late)) {
        struct late_answer *late = arena_alloc(task->arena, sizeof(*late));

        *late = (struct late_answer){
            status, content_type != NULL ? arena_cstr(task->arena, str_from(content_type)) : NULL,
            arena_str(task->arena, body)};
        task->state = late;
        return STAGE_WAIT;
    }
    task_ends(task);
    exchange_reply(task->exchange, status, content_type, body);
    return STAGE_DONE;
}

void task_stream_begin(struct task *task, int status, const char *content_type)
{
    task->on_deadline = NULL;
    add_server_timing(task);
    exchange_stream_begin_packed(task->exchange, status, content_type);
}

enum stage_verdict task_stream_end(struct task *task, int status, const char *content_type,
                                   struct str body)
{
    task->on_cancel = NULL;
    task->must_finish = NULL;
    (void)idempotency_keep(task, status, content_type, body);
    exchange_stream_end(task->exchange);
    return STAGE_DONE;
}

enum stage_verdict task_reply_json(struct task *task, int status, const struct json *body)
{
    return task_reply(task, status, "application/json; charset=utf-8",
                      json_text(task->arena, body));
}

enum stage_verdict task_reply_requests(struct task *task, struct json *requests)
{
    struct json *body = json_new_object(task->arena);

    json_set(body, STR("dry_run"), json_new_bool(task->arena, true));
    json_set(body, STR("requests"), requests);
    return task_reply_json(task, 200, body);
}

enum stage_verdict task_reply_text(struct task *task, int status, const char *type,
                                   struct buf *text)
{
    struct buf *kept = arena_alloc(task->arena, sizeof(*kept));

    *kept = *text; /* a long answer is not copied */
    *text = (struct buf){0};
    arena_defer_buf(task->arena, kept);
    return task_reply(task, status, type, buf_view(kept));
}

struct json_writer *task_writer(struct task *task)
{
    task->written = arena_alloc(task->arena, sizeof(*task->written));
    buf_init(&task->written->text, LONGEST_ANSWER);
    jw_init(&task->written->w, &task->written->text);
    return &task->written->w;
}

enum stage_verdict task_written(struct task *task, int status)
{
    struct buf *text = &task->written->text;

    if (!buf_ok(text)) {
        buf_done(text);
        return task_refuse(task, ERR_INTERNAL, "The answer is too long");
    }
    return task_reply_text(task, status, "application/json; charset=utf-8", text);
}

enum stage_verdict task_reply_nothing_sent(struct task *task)
{
    return task_reply_requests(task, json_new_array(task->arena));
}

struct error_list *task_errors(struct task *task)
{
    if (task->errors == NULL) {
        task->errors = error_list_in(task->arena);
    }
    return task->errors;
}

/* With several errors the answer's own text is the first of them, and how many more there are. */
static void summarise(struct task *task)
{
    const struct error_list *list = task->errors;

    if (task->error.code != ERR_OK || list == NULL || list->n == 0) {
        return;
    }
    task->error = list->items[0];
    if (list->n + list->n_dropped > 1) {
        (void)error_set(&task->error, list->items[0].code, "%s (and %zu more: see errors)",
                        list->items[0].text, list->n + list->n_dropped - 1);
    }
}

/* What exists although the whole failed is said in words and as data: [{"call", "id"?}]. */
static void tell_made(struct task *task)
{
    struct str words = STR_EMPTY;
    const struct json *item;
    size_t n = 0;

    if (task->made == NULL) {
        return;
    }
    JSON_FOREACH (item, task->made) {
        struct str id = json_str(json_get(item, "id"));

        if (n++ == MADE_SHOWN) {
            words = arena_printf(task->arena, "%.*s, ...", STR_ARG(words));
            break;
        }
        words = arena_printf(task->arena, "%.*s%s%.*s%s%.*s", STR_ARG(words), n > 1 ? ", " : "",
                             STR_ARG(json_str(json_get(item, "call"))), id.len > 0 ? " " : "",
                             STR_ARG(id));
    }
    (void)error_set(&task->error, task->error.code, "%.*s. Done before that: %.*s",
                    STR_ARG(utf8_clip(str_from(task->error.text), TEXT_BEFORE_MADE)),
                    STR_ARG(words));
    task->exchange->problem_more[0].name = "made";
    task->exchange->problem_more[0].json = json_text(task->arena, task->made);
}

static void fail_now(struct task *task)
{
    task_ends(task);
    exchange_problem(task->exchange, &task->error, task->errors);
}

enum stage_verdict task_fail(struct task *task)
{
    struct claim *claim;
    struct buf text;
    int status;

    summarise(task);
    CHECK(task->error.code != ERR_OK);
    tell_made(task);
    task->exchange->notes.error_slug = str_from(error_slug(task->error.code));
    buf_init(&text, PROBLEM_MAX);
    status = problem_write(&text, task->exchange, &task->error, task->errors);
    claim = idempotency_keep(task, status, "application/problem+json", buf_view(&text));
    buf_done(&text);
    if (task_rests(task, claim, fail_now)) {
        return STAGE_WAIT;
    }
    fail_now(task);
    return STAGE_DONE;
}

enum stage_verdict task_fail_with(struct task *task, const struct error *error)
{
    task->error = *error;
    return task_fail(task);
}

enum stage_verdict task_refuse(struct task *task, enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)error_set_list(&task->error, code, format, args);
    va_end(args);
    return task_fail(task);
}

void task_set_location(struct task *task, struct str location)
{
    task->location = task_link(task, location);
    exchange_set_header(task->exchange, "Location", task->location);
}

struct str task_now(struct task *task)
{
    return arena_time(task->arena, clock_turn_wall_ms());
}

void task_sign_fact(const struct task *task, struct fact *fact)
{
    const struct exchange *exchange = task->exchange;

    mem_copy(fact->owner, task->principal.owner.bytes, sizeof(fact->owner));
    str_copy(fact->principal, sizeof(fact->principal), task->principal.name);
    str_copy(fact->peer, sizeof(fact->peer), exchange->request.peer);
    str_copy(fact->request_id, sizeof(fact->request_id), str_from(exchange->trace.request_id));
}
