#include "harness/runtime_api.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "harness/blocking.h"
#include "harness/client.h"
#include "harness/cmocka.h"
#include "harness/wait.h"

#define PREFIX "/2018-06-01/runtime/"

enum { LINE_MAX = 16 << 20, READ_BYTES = 65536, TURN_MS = 20, FIELDS_MAX = 2048 };

void runtime_api_open(struct runtime_api *api)
{
    *api = (struct runtime_api){.concurrency = 1};
    api->listener = blocking_listen(&api->port);
    (void)snprintf(api->env, sizeof(api->env), "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", api->port);
}

static void close_line(struct runtime_api_line *line)
{
    if (line->fd > 0) {
        (void)close(line->fd);
    }
    buf_done(&line->in);
    *line = (struct runtime_api_line){.fd = 0};
}

void runtime_api_break(struct runtime_api *api)
{
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        close_line(&api->lines[i]);
    }
}

void runtime_api_done(struct runtime_api *api)
{
    runtime_api_break(api);
    (void)close(api->listener);
}

/* ---- bytes ---- */

static void take_connection(struct runtime_api *api)
{
    int fd = accept(api->listener, NULL, NULL);

    assert_true(fd > 0);
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        if (api->lines[i].fd == 0) {
            api->lines[i] = (struct runtime_api_line){.fd = fd};
            buf_init(&api->lines[i].in, LINE_MAX);
            return;
        }
    }
    fail_msg("more than %d connections", RUNTIME_API_LINES);
}

/* False: it was closed. */
static bool take_bytes(struct runtime_api_line *line)
{
    char *room = buf_reserve(&line->in, READ_BYTES);
    ssize_t n;

    assert_non_null(room);
    n = recv(line->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (n > 0) {
        buf_grew(&line->in, (size_t)n);
        return true;
    }
    return n < 0 && errno == EAGAIN;
}

/* What is there now, or comes within `wait_ms`. False: nothing did. */
static bool turn(struct runtime_api *api, int wait_ms)
{
    struct pollfd fds[RUNTIME_API_LINES + 1];
    size_t at[RUNTIME_API_LINES + 1];
    nfds_t n = 1;

    fds[0] = (struct pollfd){.fd = api->listener, .events = POLLIN};
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        if (api->lines[i].fd > 0) {
            at[n] = i;
            fds[n++] = (struct pollfd){.fd = api->lines[i].fd, .events = POLLIN};
        }
    }
    if (poll(fds, n, wait_ms) <= 0) {
        return false;
    }
    for (nfds_t i = 1; i < n; i++) {
        struct runtime_api_line *line = &api->lines[at[i]];

        if (fds[i].revents != 0 && !take_bytes(line) && (line->in.len == 0 || line->is_refused)) {
            close_line(line);
        }
    }
    if (fds[0].revents != 0) {
        take_connection(api);
    }
    return true;
}

static void write_all(struct runtime_api_line *line, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(line->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (n <= 0) {
            return; /* the test will see that nobody answers */
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
}

static void write_reply(struct runtime_api *api, struct runtime_api_line *line, int status,
                        const char *fields, struct str body)
{
    struct buf out;

    buf_init(&out, LINE_MAX);
    buf_printf(&out, "HTTP/1.1 %d Any\r\n%s%s", status, fields,
               api->closes ? "Connection: close\r\n" : "");
    if (api->chunks) {
        buf_printf(&out, "transfer-ENCODING: chunked\r\n\r\n");
        if (body.len > 1) {
            buf_printf(&out, "1\r\n%c\r\n", body.ptr[0]);
            body = str_sub(body, 1, body.len);
        }
        if (body.len > 0) {
            buf_printf(&out, "%zx;x=y\r\n", body.len);
            buf_str(&out, body);
            buf_text(&out, "\r\n");
        }
        buf_text(&out, "0\r\n\r\n");
    } else {
        buf_printf(&out, "Content-Length: %zu\r\n\r\n", body.len);
        buf_str(&out, body);
    }
    write_all(line, buf_view(&out));
    buf_done(&out);
    if (api->closes) {
        close_line(line);
    }
}

/* ---- questions ---- */

static unsigned n_owed(const struct runtime_api *api)
{
    unsigned n = 0;

    for (size_t i = 0; i < RUNTIME_API_OUT; i++) {
        n += api->out[i][0] != '\0' ? 1 : 0;
    }
    return n;
}

static unsigned n_asking(const struct runtime_api *api)
{
    unsigned n = 0;

    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        n += api->lines[i].fd > 0 && api->lines[i].asks ? 1 : 0;
    }
    return n;
}

/* A whole GET /next at the front of the line becomes a question. */
static void look_at(struct runtime_api *api, struct runtime_api_line *line)
{
    static const char next[] = "GET " PREFIX "invocation/next HTTP/1.1\r\n";
    ptrdiff_t end = str_find(buf_view(&line->in), STR("\r\n\r\n"));

    if (line->is_refused) {
        assert_false(str_contains(buf_view(&line->in), STR("GET " PREFIX)));
        return;
    }
    if (line->asks) {
        if (line->in.len > 0) {
            fail_msg("bytes behind a question: %.*s", (int)line->in.len, line->in.ptr);
        }
        return;
    }
    if (end < 0 || !str_starts(buf_view(&line->in), STR("GET "))) {
        return;
    }
    if (!str_starts(buf_view(&line->in), STR(next)) ||
        head_field(buf_view(&line->in), STR("Host")).len == 0) {
        fail_msg("a wrong question: %.*s", (int)line->in.len, line->in.ptr);
    }
    buf_consume(&line->in, (size_t)end + 4);
    line->asks = true;
    api->n_nexts++;
    if (n_asking(api) + n_owed(api) > api->concurrency) {
        fail_msg("asked for the next event while %u answers are owed and %u wait", n_owed(api),
                 n_asking(api) - 1);
    }
}

static void look(struct runtime_api *api)
{
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        if (api->lines[i].fd > 0) {
            look_at(api, &api->lines[i]);
        }
    }
}

bool runtime_api_is_asked(struct runtime_api *api)
{
    while (turn(api, 0)) {
        look(api);
    }
    return n_asking(api) > 0;
}

unsigned runtime_api_n_asking(struct runtime_api *api)
{
    (void)runtime_api_is_asked(api);
    return n_asking(api);
}

static struct runtime_api_line *asking_line(struct runtime_api *api)
{
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        if (api->lines[i].fd > 0 && api->lines[i].asks) {
            return &api->lines[i];
        }
    }
    return NULL;
}

static void turn_more(struct runtime_api *api, uint64_t limit_ms, const char *what)
{
    if (client_patience_ms() > limit_ms) {
        fail_msg("the Runtime API waited too long for %s", what);
    }
    (void)turn(api, TURN_MS);
    look(api);
}

static bool has_post(const struct runtime_api *api, const char *what)
{
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        const struct runtime_api_line *line = &api->lines[i];

        if (line->fd > 0 && str_contains(buf_view(&line->in), str_from(what))) {
            return true;
        }
    }
    return false;
}

void runtime_api_await(struct runtime_api *api)
{
    uint64_t limit_ms = wait_limit_ms();

    look(api);
    while (n_asking(api) == 0) {
        if (has_post(api, "POST ")) {
            fail_msg("an answer came where a question was due");
        }
        turn_more(api, limit_ms, "a question");
    }
}

void runtime_api_await_bytes(struct runtime_api *api, const char *bytes)
{
    uint64_t limit_ms = wait_limit_ms();

    while (!has_post(api, bytes)) {
        turn_more(api, limit_ms, bytes);
    }
}

bool runtime_api_is_silent(struct runtime_api *api, unsigned ms)
{
    return !turn(api, (int)ms);
}

static void owe(struct runtime_api *api, const char *id)
{
    for (size_t i = 0; i < RUNTIME_API_OUT; i++) {
        if (api->out[i][0] == '\0') {
            str_copy(api->out[i], sizeof(api->out[i]), str_from(id));
            return;
        }
    }
    fail_msg("too many events at once");
}

void runtime_api_give(struct runtime_api *api, const struct runtime_event *event)
{
    struct str body = {event->body, event->body_len > 0 ? event->body_len : strlen(event->body)};
    int64_t deadline_ms = event->deadline_ms != 0 ? event->deadline_ms : 60000;
    struct runtime_api_line *line;
    struct buf fields;

    runtime_api_await(api);
    line = asking_line(api);
    CHECK(line != NULL);
    line->asks = false;
    (void)snprintf(api->last_id, sizeof(api->last_id), "8476a536-e9f4-11e8-9739-%012u",
                   ++api->n_ids);
    owe(api, api->last_id);
    buf_init(&fields, FIELDS_MAX);
    buf_printf(&fields, "%s: %s\r\n",
               api->chunks ? "lambda-RUNTIME-aws-request-ID" : "Lambda-Runtime-Aws-Request-Id",
               api->last_id);
    if (!event->bare) {
        buf_printf(&fields,
                   "Lambda-Runtime-Deadline-Ms: %lld\r\nLambda-Runtime-Invoked-Function-Arn: "
                   "arn:aws:lambda:us-east-1:123456789012:function:f\r\n"
                   "Lambda-Runtime-Client-Context: {\"custom\":{}}\r\n"
                   "Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n"
                   "Lambda-Runtime-Aws-Tenant-Id: tenant\r\nContent-Type: %s\r\n",
                   (long long)clock_wall_ms() + (long long)deadline_ms,
                   api->chunks ? "text/plain" : "application/json");
    }
    if (event->trace != NULL) {
        buf_printf(&fields, "Lambda-Runtime-Trace-Id: %s\r\n", event->trace);
    }
    write_reply(api, line, 200, buf_cstr(&fields), body);
    buf_done(&fields);
}

void runtime_api_refuse(struct runtime_api *api, int status)
{
    struct runtime_api_line *line;

    runtime_api_await(api);
    line = asking_line(api);
    CHECK(line != NULL);
    line->asks = false;
    write_reply(api, line, status, "",
                STR("{\"errorMessage\":\"no\",\"errorType\":\"InvalidStateTransition\"}"));
}

/* ---- answers ---- */

static size_t hex_of(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && text.ptr[i] != '\r'; i++) {
        ptrdiff_t digit = str_find_char(STR("0123456789abcdef"), char_lower(text.ptr[i]));

        assert_true(digit >= 0);
        n = n * 16 + (size_t)digit;
    }
    return n;
}

/* Of a chunked body; true: to its end. */
static bool take_chunks(struct str bytes, struct runtime_answer *answer, size_t *out_used)
{
    struct str rest = bytes;

    buf_clear(&answer->body);
    buf_clear(&answer->trailers);
    for (;;) {
        struct str size;
        size_t n;

        if (!str_cut(rest, '\n', &size, &rest)) {
            return false;
        }
        n = hex_of(size);
        if (n == 0) {
            break;
        }
        if (rest.len < n + 2) {
            buf_str(&answer->body, rest);
            return false;
        }
        buf_str(&answer->body, str_sub(rest, 0, n));
        assert_true(str_starts(str_sub(rest, n, 2), STR("\r\n")));
        rest = str_sub(rest, n + 2, rest.len);
    }
    for (;;) {
        struct str line;

        if (!str_cut(rest, '\n', &line, &rest)) {
            return false;
        }
        if (str_is(line, "\r")) {
            break;
        }
        buf_str(&answer->trailers, line);
        buf_char(&answer->trailers, '\n');
    }
    *out_used = (size_t)(rest.ptr - bytes.ptr);
    return true;
}

static bool take_post(struct runtime_api_line *line, struct runtime_answer *answer)
{
    struct str all = buf_view(&line->in);
    ptrdiff_t end = str_find(all, STR("\r\n\r\n"));
    int64_t length = 0;
    struct str head;
    size_t used = 0;

    if (end < 0 || !str_starts(all, STR("POST "))) {
        return false;
    }
    head = str_sub(all, 0, (size_t)end + 2);
    all = str_sub(all, (size_t)end + 4, all.len);
    buf_clear(&answer->head);
    buf_str(&answer->head, head);
    answer->is_streamed = str_is(head_field(head, STR("Transfer-Encoding")), "chunked");
    if (answer->is_streamed) {
        if (!take_chunks(all, answer, &used)) {
            return false;
        }
    } else {
        if (!str_to_i64(head_field(head, STR("Content-Length")), 0, LINE_MAX, &length)) {
            fail_msg("an answer without a length: %.*s", STR_ARG(head));
        }
        if (all.len < (size_t)length) {
            return false;
        }
        buf_clear(&answer->body);
        buf_str(&answer->body, str_sub(all, 0, (size_t)length));
        used = (size_t)length;
    }
    buf_consume(&line->in, (size_t)end + 4 + used);
    return true;
}

/* False: no answer is owed to it. */
static bool settle(struct runtime_api *api, struct str id)
{
    for (size_t i = 0; i < RUNTIME_API_OUT; i++) {
        if (id.len > 0 && str_is(id, api->out[i])) {
            api->out[i][0] = '\0';
            return true;
        }
    }
    return false;
}

/* (Runtime|Function).[A-Z][A-Za-z]+; Lambda shows any other type as unknown. */
static bool is_type(struct str type, const char *category)
{
    struct str reason;
    size_t n = 0;

    if (!str_starts(type, str_from(category))) {
        return false;
    }
    reason = str_sub(type, strlen(category), type.len);
    while (n < reason.len && ((reason.ptr[n] >= 'A' && reason.ptr[n] <= 'Z') ||
                              (n > 0 && reason.ptr[n] >= 'a' && reason.ptr[n] <= 'z'))) {
        n++;
    }
    return n > 1 && n == reason.len;
}

/* The state machine: an id that is owed, once; sizes; types of errors. */
static int judge(struct runtime_api *api, struct runtime_answer *answer)
{
    struct str head = buf_view(&answer->head);
    struct str target = str_sub(head, 5, head.len);
    struct str type = head_field(head, STR("Lambda-Runtime-Function-Error-Type"));
    struct str rest;
    struct str id;

    (void)str_cut(target, ' ', &target, &rest);
    answer->is_init_error = str_is(target, PREFIX "init/error");
    answer->is_error = str_ends(target, STR("/error")) && !answer->is_init_error;
    if (answer->is_init_error) {
        assert_int_equal(api->n_nexts, 0);
        assert_true(is_type(type, "Runtime."));
        api->n_init_errors++;
        return 202;
    }
    if (!str_starts(target, STR(PREFIX "invocation/")) ||
        !(answer->is_error || str_ends(target, STR("/response")))) {
        fail_msg("a POST to a wrong place: %.*s", STR_ARG(target));
    }
    (void)str_cut(str_sub(target, sizeof(PREFIX "invocation/") - 1, target.len), '/', &id, &rest);
    str_copy(answer->id, sizeof(answer->id), id);
    assert_true(!answer->is_error || is_type(type, "Function."));
    assert_true(answer->is_streamed || answer->body.len <= RUNTIME_API_MAX);
    if (!settle(api, id)) {
        fail_msg("an answer to nobody: %.*s", STR_ARG(target));
    }
    return 202;
}

void runtime_api_read(struct runtime_api *api, struct runtime_answer *answer)
{
    uint64_t limit_ms = wait_limit_ms();

    runtime_answer_done(answer);
    buf_init(&answer->head, LINE_MAX);
    buf_init(&answer->body, LINE_MAX);
    buf_init(&answer->trailers, FIELDS_MAX);
    for (;;) {
        for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
            struct runtime_api_line *line = &api->lines[i];

            if (line->fd > 0 && take_post(line, answer)) {
                int status = judge(api, answer);

                api->n_posts++;
                write_reply(api, line, api->post_status != 0 ? api->post_status : status, "",
                            STR("{\"status\":\"OK\"}"));
                return;
            }
        }
        turn_more(api, limit_ms, "an answer");
    }
}

void runtime_api_refuse_post(struct runtime_api *api, int status)
{
    for (size_t i = 0; i < RUNTIME_API_LINES; i++) {
        struct runtime_api_line *line = &api->lines[i];

        if (line->fd > 0 && str_starts(buf_view(&line->in), STR("POST "))) {
            buf_clear(&line->in);
            line->is_refused = true;
            assert_true(settle(api, str_from(api->last_id)));
            write_reply(api, line, status, "", STR("{}"));
            return;
        }
    }
    fail_msg("no POST is under way");
}

void runtime_answer_done(struct runtime_answer *answer)
{
    buf_done(&answer->head);
    buf_done(&answer->body);
    buf_done(&answer->trailers);
    *answer = (struct runtime_answer){.is_error = false};
}

const struct json *runtime_answer_json(const struct runtime_answer *answer, struct arena *arena)
{
    struct json *out = NULL;
    struct error err = {0};

    if (json_parse(arena, arena_str(arena, buf_view(&answer->body)), &json_of_ours, &out, &err) !=
        ERR_OK) {
        fail_msg("no JSON: %s: %.*s", err.text, STR_ARG(str_sub(buf_view(&answer->body), 0, 500)));
    }
    return out;
}
