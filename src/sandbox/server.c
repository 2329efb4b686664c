/* The sandbox on a socket: each exchange is one sandbox_answer; delays and broken connections that
 * a fault asks for happen here. */
#include "sandbox_internal.h"

#include "base/mem.h"
#include "http/server.h"

enum { MAX_CONTROL_BODY = 64 * 1024 * 1024 };

/* An answer that a delay holds back. It is copied into its exchange: the next request overwrites the texts that
 * sandbox_answer returned. */
struct held {
    struct list link;
    struct exchange *exchange;
    struct sandbox_reply reply;
};

struct sandbox {
    struct sandbox_state *state;
    struct list held;
    struct http_server *server;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void send_reply(struct exchange *exchange, const struct sandbox_reply *reply)
{
    struct str body = reply->body;

    if (reply->close_at == SANDBOX_CLOSE_MID) {
        exchange_stream_begin(exchange, reply->status, reply->content_type, (int64_t)body.len);
        if (body.len > 1) {
            (void)exchange_stream_write(exchange, str_sub(body, 0, body.len / 2));
        }
    }
    if (reply->close_at != SANDBOX_CLOSE_NOT) {
        exchange_stream_abort(exchange);
        return;
    }
    if (reply->retry_after_s > 0) {
        exchange_set_header(exchange, "Retry-After",
                            arena_printf(&exchange->arena, "%u", reply->retry_after_s));
    }
    exchange_reply(exchange, reply->status, reply->content_type, body);
}

static enum http_verdict on_head(void *context, struct exchange *exchange, size_t *max_body)
{
    const struct sandbox *sandbox = context;

    /* A fault may carry a body far larger than any that the platform takes. */
    *max_body = str_starts(exchange->request.path, STR("/__sandbox"))
                    ? MAX_CONTROL_BODY
                    : sandbox->state->options.max_body_bytes;
    return HTTP_BODY_BUFFER;
}

static void hold(struct sandbox *sandbox, struct exchange *exchange,
                 const struct sandbox_reply *reply)
{
    struct held *held = arena_zalloc(&exchange->arena, sizeof(*held));

    held->exchange = exchange;
    held->reply = *reply;
    held->reply.body = arena_str(&exchange->arena, reply->body);
    if (reply->content_type != NULL) { /* that of a fault may be freed before the answer */
        held->reply.content_type = arena_cstr(&exchange->arena, str_from(reply->content_type));
    }
    exchange->task = held;
    list_append(&sandbox->held, &held->link);
    sandbox->state->faults.n_held++;
    exchange_set_deadline(exchange, reply->delay_ms);
}

static void forget_held(struct sandbox *sandbox, struct exchange *exchange)
{
    struct held *held = exchange->task;

    if (held != NULL) {
        exchange->task = NULL;
        list_remove(&held->link);
        sandbox->state->faults.n_held--;
    }
}

/* The held answers leave in the next turns of the loop, oldest first. */
static void release(struct sandbox *sandbox)
{
    struct held *held;

    LIST_EACH (held, &sandbox->held, link) {
        exchange_set_deadline(held->exchange, 1);
    }
}

static void on_body(void *context, struct exchange *exchange)
{
    struct sandbox *sandbox = context;
    const struct http_request *http = &exchange->request;
    struct sandbox_request request = {.method = http->method,
                                      .path = http->path,
                                      .query = http->query,
                                      .headers = http->headers,
                                      .n_headers = http->n_headers,
                                      .body = http->body};
    struct sandbox_reply reply;

    sandbox_answer(sandbox->state, &exchange->arena, &request, &reply);
    if (sandbox->state->faults.release) {
        sandbox->state->faults.release = false;
        release(sandbox);
    }
    if (reply.delay_ms > 0) {
        hold(sandbox, exchange, &reply);
    } else {
        send_reply(exchange, &reply);
    }
}

static void on_deadline(void *context, struct exchange *exchange)
{
    const struct held *held = exchange->task;

    forget_held(context, exchange);
    send_reply(exchange, &held->reply);
}

static void on_writable(void *context, struct exchange *exchange)
{
    (void)context;
    (void)exchange; /* there is never a second write: half an answer goes out in one */
}

static enum http_abort_verdict on_abort(void *context, struct exchange *exchange)
{
    forget_held(context, exchange);
    return HTTP_ABORT_ENDED; /* nothing else is under way: the exchange's arena holds it all */
}

static const struct http_service service = {
    .on_head = on_head,
    .on_body = on_body,
    .on_writable = on_writable,
    .on_deadline = on_deadline,
    .on_abort = on_abort,
};

enum error_code sandbox_open(struct loop *loop, const struct sandbox_options *options,
                             struct sandbox **out, struct error *err)
{
    struct http_server_options http = {
        .listen = options->listen,
        .name = "sandbox",
        .max_connections = options->max_connections,
        .max_request_line = (size_t)64 * 1024,
        .max_header_bytes = (size_t)64 * 1024,
        .max_headers = HTTP_MAX_HEADERS,
        .max_pipeline_bytes = (size_t)64 * 1024,
        .head_timeout_ms = 60000,
        .body_timeout_ms = 60000,
        .idle_timeout_ms = 600000,
        .write_timeout_ms = 60000,
        .handshake_timeout_ms = 10000,
        .linger_ms = 2000,
        .linger_bytes = (size_t)64 * 1024,
    };
    struct sandbox *sandbox = mem_zalloc(sizeof(*sandbox));
    enum error_code code;

    list_init(&sandbox->held);
    sandbox->state = sandbox_state_new(options);
    code = http_server_open(loop, &http, &service, sandbox, &sandbox->server, err);
    if (code != ERR_OK) {
        sandbox_state_free(sandbox->state);
        mem_free(sandbox);
        return code;
    }
    sandbox->state->pictures = arena_printf(&sandbox->state->kept, "http://%s/pictures",
                                            http_server_address(sandbox->server));
    *out = sandbox;
    return ERR_OK;
}

const char *sandbox_address(const struct sandbox *sandbox)
{
    return http_server_address(sandbox->server);
}

static void on_server_closed(void *context)
{
    struct sandbox *sandbox = context;
    void (*on_closed)(void *context) = sandbox->on_closed;
    void *closed_context = sandbox->closed_context;

    sandbox_state_free(sandbox->state);
    mem_free(sandbox);
    if (on_closed != NULL) {
        on_closed(closed_context);
    }
}

void sandbox_close(struct sandbox *sandbox, void (*on_closed)(void *context), void *context)
{
    sandbox->on_closed = on_closed;
    sandbox->closed_context = context;
    http_server_close(sandbox->server, on_server_closed, sandbox);
}
