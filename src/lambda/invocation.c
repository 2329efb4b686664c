/* Handles one invocation after another, on one line to the Runtime API (runtime.h). */
#include "base/base64.h"
#include "base/check.h"
#include "base/clock.h"
#include "lambda_internal.h"
#include "observe/log.h"

enum { REQUEST_HEAD_MAX = 2048, LOOK_AGAIN_MS = 5, SHOWN_MAX = 200, PRELUDE_MAX = 96 * 1024 };

/* Room for the events of all sources: one with a very long list of header fields has some hundred nodes. */
static const struct json_limits event_limits = {
    .max_depth = 64, .max_nodes = 20000, .allow_duplicate_names = true};

static void look_for_quiet(struct invocation *invocation);

static struct invocation *of_local(struct http_local *local)
{
    return CONTAINER_OF(local, struct invocation, local);
}

static struct invocation *of_runtime(struct runtime *runtime)
{
    return CONTAINER_OF(runtime, struct invocation, runtime);
}

/* ---- requests to the Runtime API ---- */

static void put_start(struct buf *out, const struct invocation *invocation, const char *method,
                      const char *path)
{
    const struct address *to = &invocation->lambda->options.runtime_api;

    buf_printf(out, "%s " RUNTIME_PREFIX "/%s HTTP/1.1\r\nHost: ", method, path);
    buf_printf(out, to->is_v6 ? "[%s]:%u\r\n" : "%s:%u\r\n", to->host, to->port);
}

static void put_post_start(struct buf *out, const struct invocation *invocation, const char *what)
{
    char path[REQUEST_HEAD_MAX];

    put_start(
        out, invocation, "POST",
        str_print(path, sizeof(path), "invocation/%.*s/%s", STR_ARG(invocation->id), what).ptr);
}

/* With several invocations at once a line of the log may belong to any of them, so the log names none. */
static void tell_log(const struct invocation *invocation, struct str id)
{
    if (invocation->lambda->n_invocations == 1) {
        log_set_invocation(id);
    }
}

void invocation_ask(struct invocation *invocation)
{
    struct buf request;

    if (invocation->lambda->draining || invocation->lambda->gone) {
        invocation->state = INVOCATION_STOPPED;
        return;
    }
    invocation->state = INVOCATION_ASKS;
    tell_log(invocation, STR_EMPTY);
    buf_init(&request, REQUEST_HEAD_MAX);
    put_start(&request, invocation, "GET", "invocation/next");
    buf_text(&request, "\r\n");
    runtime_begin(&invocation->runtime, buf_view(&request), false);
    buf_done(&request);
}

static void post(struct invocation *invocation, const char *what, const char *fields,
                 struct str body)
{
    struct buf request;

    invocation->state = INVOCATION_POSTS;
    buf_init(&request, REPLY_MAX + REQUEST_HEAD_MAX);
    put_post_start(&request, invocation, what);
    buf_printf(&request, "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", fields,
               body.len);
    buf_str(&request, body);
    CHECK(buf_ok(&request));
    runtime_begin(&invocation->runtime, buf_view(&request), false);
    buf_done(&request);
}

static void post_error(struct invocation *invocation, const char *type, const char *text)
{
    struct buf fields;
    struct buf body;

    log_event(LOG_WARN, "lambda.not_answered", F_STR("id", invocation->id), F_TEXT("error", text));
    buf_init(&fields, REQUEST_HEAD_MAX);
    buf_init(&body, REQUEST_HEAD_MAX);
    buf_printf(&fields, "Lambda-Runtime-Function-Error-Type: %s\r\n", type);
    reply_write_error(&body, type, str_from(text));
    post(invocation, "error", buf_cstr(&fields), buf_view(&body));
    buf_done(&fields);
    buf_done(&body);
}

static void post_answer(struct invocation *invocation)
{
    const char *type = NULL;
    const char *failure = answer_failure(&invocation->answer, &invocation->request, &type);
    struct buf body;

    deadline_clear(&invocation->last);
    if (failure != NULL) {
        post_error(invocation, type, failure);
        return;
    }
    buf_init(&body, REPLY_MAX);
    reply_write(&body, &invocation->request, &invocation->answer,
                invocation->lambda->options.policy);
    post(invocation, "response", "", buf_view(&body));
    buf_done(&body);
}

static void answer_with(struct invocation *invocation, enum error_code code, const char *text)
{
    struct error err = {0};

    (void)error_set(&err, code, "%s", text);
    answer_problem(&invocation->answer, &invocation->request, &err);
    post_answer(invocation);
}

/* ---- streamed answers ---- */

static void begin_stream(struct invocation *invocation, const struct http_local_head *head)
{
    struct buf prelude;
    struct buf request;

    invocation->state = INVOCATION_POSTS;
    buf_init(&prelude, PRELUDE_MAX);
    buf_init(&request, PRELUDE_MAX + REQUEST_HEAD_MAX);
    reply_write_prelude(&prelude, &invocation->request, head);
    put_post_start(&request, invocation, "response");
    buf_text(&request, "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
                       "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
                       "Transfer-Encoding: chunked\r\n"
                       "Trailer: Lambda-Runtime-Function-Error-Type, "
                       "Lambda-Runtime-Function-Error-Body\r\n\r\n");
    buf_printf(&request, "%zx\r\n", prelude.len);
    buf_str(&request, buf_view(&prelude));
    buf_text(&request, "\r\n");
    runtime_begin(&invocation->runtime, buf_view(&request), true);
    buf_done(&prelude);
    buf_done(&request);
}

static void end_stream(struct invocation *invocation, bool whole)
{
    struct buf error;
    struct buf end;

    deadline_clear(&invocation->last);
    if (whole) {
        runtime_end(&invocation->runtime, STR("0\r\n\r\n"));
        return;
    }
    buf_init(&error, REQUEST_HEAD_MAX);
    buf_init(&end, (size_t)4 * REQUEST_HEAD_MAX);
    reply_write_error(&error, "Function.AnswerBrokeOff", STR("The answer broke off"));
    buf_text(&end, "0\r\nLambda-Runtime-Function-Error-Type: Function.AnswerBrokeOff\r\n"
                   "Lambda-Runtime-Function-Error-Body: ");
    base64_encode(&end, buf_view(&error));
    buf_text(&end, "\r\n\r\n");
    runtime_end(&invocation->runtime, buf_view(&end));
    buf_done(&error);
    buf_done(&end);
}

/* ---- the answer of the service ---- */

static void on_head(struct http_local *local, const struct http_local_head *head)
{
    struct invocation *invocation = of_local(local);
    size_t max_head = invocation->request.source->max_head;

    invocation->answer.status = head->status;
    buf_str(&invocation->answer.lines, head->lines);
    buf_str(&invocation->answer.principal, head->principal);
    if (max_head > 0 && head->lines.len > max_head) { /* the gateway would not pass it on */
        http_local_cancel(local);
        invocation->streams = false;
        answer_with(invocation, ERR_TOO_BIG,
                    "The header fields of the answer are longer than the 10240 bytes that come "
                    "through API Gateway; ask through a function URL");
    } else if (invocation->streams) {
        begin_stream(invocation, head);
    }
}

static bool on_piece(struct http_local *local, struct str bytes)
{
    struct invocation *invocation = of_local(local);
    char size[32];

    if (invocation->streams) {
        (void)runtime_write(&invocation->runtime,
                            str_print(size, sizeof(size), "%zx\r\n", bytes.len));
        (void)runtime_write(&invocation->runtime, bytes);
        return runtime_write(&invocation->runtime, STR("\r\n"));
    }
    buf_str(&invocation->answer.body, bytes);
    if (!buf_ok(&invocation->answer.body)) {
        invocation->answer.too_long = true;
        http_local_cancel(local); /* the rest would be thrown away */
        post_answer(invocation);
    }
    return true;
}

static void on_end(struct http_local *local, bool whole)
{
    struct invocation *invocation = of_local(local);

    if (invocation->streams && invocation->answer.status != 0) {
        end_stream(invocation, whole);
    } else if (whole) {
        post_answer(invocation);
    } else {
        answer_with(invocation, ERR_UPSTREAM_RESET, "The answer broke off");
    }
}

/* The time is over. An event stream may end here, since its client asks for the rest; any other answer is not whole. */
static void on_late(struct http_local *local)
{
    struct invocation *invocation = of_local(local);
    bool may_end = answer_is_event_stream(&invocation->answer);

    http_local_cancel(local);
    if (invocation->streams) {
        end_stream(invocation, may_end);
    } else if (may_end) {
        post_answer(invocation);
    } else {
        answer_with(invocation, ERR_UPSTREAM_TIMEOUT,
                    "The answer was not complete when the time of the function was over");
    }
}

/* The service did not even answer that it is late. */
static void on_last(struct deadline *deadline)
{
    struct invocation *invocation = CONTAINER_OF(deadline, struct invocation, last);

    if (invocation->state != INVOCATION_WORKS) {
        return;
    }
    http_local_cancel(&invocation->local);
    answer_with(invocation, ERR_UPSTREAM_TIMEOUT,
                "The answer was not ready when the time of the function was over");
}

/* ---- an event ---- */

static unsigned left_ms(const struct invocation *invocation)
{
    int64_t left = invocation->ends_wall_ms - clock_wall_ms();

    if (invocation->ends_wall_ms == 0) {
        return 0;
    }
    return left < 1 ? 1 : left > UINT32_MAX ? UINT32_MAX : (unsigned)left;
}

/* How long the answer may take: the source may stop waiting long before Lambda ends the invocation. */
static unsigned allowed_ms(const struct invocation *invocation)
{
    unsigned waits_ms = invocation->streams ? 0 : invocation->request.source->waits_ms;
    unsigned left = left_ms(invocation);

    return waits_ms > 0 && (left == 0 || left > waits_ms) ? waits_ms : left;
}

static void begin_exchange(struct invocation *invocation)
{
    static const struct http_local_events events = {on_head, on_piece, on_late, on_end};
    const struct event_request *request = &invocation->request;
    const struct lambda *lambda = invocation->lambda;
    unsigned margin_ms = lambda->options.margin_ms;
    unsigned left;
    unsigned within;

    invocation->state = INVOCATION_WORKS;
    invocation->streams = lambda->options.streaming && request->source->can_stream;
    left = allowed_ms(invocation);
    within = left > margin_ms ? left - margin_ms : left > 0 ? 1 : 0;
    invocation->local = (struct http_local){.events = &events,
                                            .head = request->head,
                                            .body = request->body,
                                            .peer = request->peer,
                                            .base = request->base,
                                            .caller = str_from(request->source->caller),
                                            .is_tls = request->is_tls,
                                            .within_ms = within};
    if (left > 0) {
        deadline_set(&lambda->loop->deadlines, &invocation->last, within + margin_ms / 2, on_last);
    }
    http_local_begin(lambda->server, &invocation->local);
}

static void take_event(struct invocation *invocation, const struct json *event, struct str trace)
{
    const struct event_source *source = event_source_of(event);
    struct event_request *request = &invocation->request;
    const struct lambda *lambda = invocation->lambda;
    struct arena *arena = &invocation->arena;
    enum error_code code = ERR_OK;
    struct error err = {0};

    if (source == NULL) {
        post_error(invocation, "Function.UnknownEvent",
                   "This is no event of API Gateway, a function URL, a load balancer or an "
                   "authorizer, and it names no action");
        return;
    }
    *request = (struct event_request){.source = source, .event = event};
    if (source->reply == REPLY_PONG) {
        post_answer(invocation);
        return;
    }
    if (source->acts) {
        code = lambda->options.read_action(arena, event, &request->line, &request->body, &err);
    }
    if (code == ERR_OK) {
        code = event_read(arena, lambda->base_path, trace, request, &err);
    }
    if (code != ERR_OK) {
        answer_problem(&invocation->answer, &invocation->request, &err);
        post_answer(invocation);
        return;
    }
    begin_exchange(invocation);
}

static void take_next(struct invocation *invocation)
{
    const struct http_answer *answer = invocation->runtime.answer;
    struct arena *arena = &invocation->arena;
    struct json *event = NULL;
    struct error err = {0};
    struct str text;

    lambda_is_awake(invocation->lambda);
    arena_reset(arena);
    answer_clear(&invocation->answer);
    invocation->id =
        arena_str(arena, str_trim(http_answer_header(answer, "Lambda-Runtime-Aws-Request-Id")));
    if (invocation->id.len == 0) {
        lambda_fail(invocation->lambda, "an event has no request id");
        return;
    }
    tell_log(invocation, invocation->id);
    invocation->ends_wall_ms = 0;
    (void)!str_to_i64(str_trim(http_answer_header(answer, "Lambda-Runtime-Deadline-Ms")), 0,
                      INT64_MAX, &invocation->ends_wall_ms); /* no header: no limit */
    text = arena_str(arena, buf_view(&invocation->runtime.body));
    if (json_parse(arena, text, &event_limits, &event, &err) != ERR_OK) {
        post_error(invocation, "Function.UnknownEvent", err.text);
        return;
    }
    take_event(invocation, event,
               arena_str(arena, http_answer_header(answer, "Lambda-Runtime-Trace-Id")));
}

/* ---- what the Runtime API answers ---- */

static void refused(struct invocation *invocation, int status)
{
    char text[2 * SHOWN_MAX];

    (void)str_print(text, sizeof(text), "it answers %d: %.*s", status,
                    STR_ARG(str_sub(buf_view(&invocation->runtime.body), 0, SHOWN_MAX)));
    lambda_fail(invocation->lambda, text);
}

/* A refused answer is only logged, because no one else can be told. A status of 500 or above ends the process. */
static void take_posted(struct invocation *invocation, int status)
{
    if (status >= 500) {
        refused(invocation, status);
        return;
    }
    if (status != 202) {
        log_event(LOG_ERROR, "lambda.answer_refused", F_STR("id", invocation->id),
                  F_INT("status", status),
                  F_STR("text", str_sub(buf_view(&invocation->runtime.body), 0, SHOWN_MAX)));
    }
    http_local_cancel(&invocation->local); /* if a stream was refused midway */
    deadline_clear(&invocation->last);
    invocation->state = INVOCATION_QUIETS;
    look_for_quiet(invocation);
}

static void on_answer(struct runtime *runtime)
{
    struct invocation *invocation = of_runtime(runtime);
    int status = http_answer_status(runtime->answer);

    if (invocation->state != INVOCATION_ASKS) {
        take_posted(invocation, status);
    } else if (status == 200) {
        take_next(invocation);
    } else {
        refused(invocation, status);
    }
}

static void on_failed(struct runtime *runtime)
{
    lambda_fail(of_runtime(runtime)->lambda, runtime->why);
}

static void on_writable(struct runtime *runtime)
{
    struct invocation *invocation = of_runtime(runtime);

    if (invocation->streams && invocation->state == INVOCATION_POSTS) {
        http_local_writable(&invocation->local);
    }
}

/* ---- quiet ---- */

static void on_look(struct deadline *deadline)
{
    look_for_quiet(CONTAINER_OF(deadline, struct invocation, quiet));
}

/* Asks for the next event when no work is left, or when the invocation's time is over: Lambda would stop us anyway. */
static void look_for_quiet(struct invocation *invocation)
{
    struct lambda *lambda = invocation->lambda;
    const struct lambda_options *options = &lambda->options;
    bool is_over =
        invocation->ends_wall_ms > 0 && left_ms(invocation) <= (unsigned)LOOK_AGAIN_MS * 2;

    if (options->is_quiet != NULL && !options->is_quiet(options->context) && !is_over) {
        deadline_set(&lambda->loop->deadlines, &invocation->quiet, LOOK_AGAIN_MS, on_look);
        return;
    }
    lambda->seen_wall_ms = clock_wall_ms();
    lambda->seen_age_ms = clock_age_ms();
    arena_reset(&invocation->arena);
    answer_clear(&invocation->answer);
    invocation_ask(invocation);
}

/* ---- life ---- */

static void on_closed(struct runtime *runtime)
{
    struct invocation *invocation = of_runtime(runtime);
    struct lambda *lambda = invocation->lambda;

    arena_done(&invocation->arena);
    answer_done(&invocation->answer);
    lambda_line_closed(lambda);
}

void invocation_open(struct invocation *invocation, struct lambda *lambda)
{
    static const struct runtime_events events = {on_answer, on_failed, on_writable, on_closed};

    invocation->lambda = lambda;
    arena_init(&invocation->arena);
    answer_init(&invocation->answer);
    runtime_open(&invocation->runtime, lambda->loop, &lambda->options.runtime_api, &events);
}

void invocation_close(struct invocation *invocation)
{
    deadline_clear(&invocation->last);
    deadline_clear(&invocation->quiet);
    http_local_cancel(&invocation->local);
    invocation->state = INVOCATION_STOPPED;
    runtime_close(&invocation->runtime);
}
