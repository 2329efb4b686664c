#include "runtime.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/transport.h"

/* The longest body is an event, of up to 6 MiB. */
enum { BODY_MAX = 8 << 20, REQUEST_MAX = 8 << 20 };

struct runtime_connection {
    struct transport transport;
    struct runtime *runtime;
};

static struct runtime_connection *connection_of(struct transport *transport)
{
    return CONTAINER_OF(transport, struct runtime_connection, transport);
}

/* ---- ends ---- */

static void on_all_closed(struct later_item *item)
{
    struct runtime *runtime = CONTAINER_OF(item, struct runtime, closed);

    runtime->events->on_closed(runtime);
}

static void close_if_quiet(struct runtime *runtime)
{
    if (runtime->closing && runtime->n_open == 0) {
        later_add(&runtime->loop->later, &runtime->closed, on_all_closed);
    }
}

static void on_closed(struct transport *transport)
{
    struct runtime_connection *connection = connection_of(transport);
    struct runtime *runtime = connection->runtime;

    mem_free(connection);
    runtime->n_open--;
    close_if_quiet(runtime);
}

static void hang_up(struct runtime *runtime)
{
    if (runtime->connection != NULL) {
        transport_close(&runtime->connection->transport);
        runtime->connection = NULL;
    }
}

void runtime_close(struct runtime *runtime)
{
    if (runtime->closing) {
        return;
    }
    runtime->closing = true;
    runtime->busy = false;
    hang_up(runtime);
    http_answer_free(runtime->answer);
    runtime->answer = NULL;
    buf_done(&runtime->body);
    buf_done(&runtime->again);
    close_if_quiet(runtime);
}

static void fail(struct runtime *runtime, const char *why)
{
    str_copy(runtime->why, sizeof(runtime->why), str_from(why));
    runtime->busy = false;
    hang_up(runtime);
    runtime->events->on_failed(runtime);
}

/* ---- the answer ---- */

static void take_bytes(struct runtime *runtime, struct str bytes)
{
    enum http_answer_event event;

    runtime->has_bytes = true;
    do {
        struct str piece;
        size_t used;

        event = http_answer_next(runtime->answer, bytes, &used, &piece);
        bytes = str_sub(bytes, used, bytes.len);
        if (event == HTTP_ANSWER_PIECE) {
            buf_str(&runtime->body, piece);
        }
    } while (event == HTTP_ANSWER_PIECE && buf_ok(&runtime->body));
    if (!buf_ok(&runtime->body)) {
        fail(runtime, "its answer is longer than 8 MiB");
    } else if (event == HTTP_ANSWER_END) {
        /* Bytes behind the answer belong to no request: the connection is out of step. */
        if (bytes.len > 0 || runtime->sends || !http_answer_keeps_connection(runtime->answer)) {
            hang_up(runtime);
        }
        runtime->busy = false;
        runtime->events->on_answer(runtime);
    } else if (event == HTTP_ANSWER_BAD) {
        fail(runtime, http_answer_fault(runtime->answer));
    }
}

static void on_bytes(struct transport *transport, struct str bytes)
{
    struct runtime_connection *connection = connection_of(transport);
    struct runtime *runtime = connection->runtime;

    if (runtime->connection != connection) {
        return;
    }
    if (runtime->busy) {
        take_bytes(runtime, bytes);
    } else {
        hang_up(runtime); /* bytes without a request */
    }
}

static void connect_and_send(struct runtime *runtime, struct str request);

static void on_end(struct transport *transport, bool clean)
{
    struct runtime_connection *connection = connection_of(transport);
    struct runtime *runtime = connection->runtime;

    if (runtime->connection != connection) {
        return;
    }
    hang_up(runtime);
    if (!runtime->busy) {
        return; /* the Runtime API closed it between two requests */
    }
    if (runtime->reused && !runtime->has_bytes && runtime->again.len > 0) {
        connect_and_send(runtime, buf_view(&runtime->again));
    } else {
        fail(runtime, clean ? "it closed the connection without an answer"
                            : "there is no connection to it, or it broke");
    }
}

static void on_writable(struct transport *transport)
{
    struct runtime_connection *connection = connection_of(transport);

    if (connection->runtime->connection == connection && connection->runtime->busy) {
        connection->runtime->events->on_writable(connection->runtime);
    }
}

static void on_connected(struct transport *transport)
{
    transport_read_start(transport);
}

/* ---- the request ---- */

static void connect_and_send(struct runtime *runtime, struct str request)
{
    static const struct transport_events events = {.on_bytes = on_bytes,
                                                   .on_writable = on_writable,
                                                   .on_end = on_end,
                                                   .on_closed = on_closed,
                                                   .on_connected = on_connected};
    struct runtime_connection *connection = mem_zalloc(sizeof(*connection));

    connection->runtime = runtime;
    runtime->connection = connection;
    runtime->n_open++;
    runtime->reused = false;
    transport_connect(&connection->transport, runtime->loop, runtime->address, &events);
    transport_write(&connection->transport, request);
}

void runtime_begin(struct runtime *runtime, struct str request, bool more)
{
    CHECK(!runtime->busy && !runtime->closing);
    runtime->busy = true;
    runtime->has_bytes = false;
    runtime->sends = more;
    buf_clear(&runtime->body);
    buf_clear(&runtime->again);
    http_answer_begin(runtime->answer, HTTP_ANSWER_NO_CLOSE);
    if (runtime->connection == NULL) {
        connect_and_send(runtime, request);
        return;
    }
    if (!more) {
        buf_str(&runtime->again, request);
    }
    runtime->reused = true;
    transport_write(&runtime->connection->transport, request);
}

bool runtime_write(struct runtime *runtime, struct str bytes)
{
    if (runtime->connection == NULL) {
        return true; /* its end was reported already */
    }
    transport_write(&runtime->connection->transport, bytes);
    return transport_pending(&runtime->connection->transport) <= TRANSPORT_HIGH_WATER;
}

void runtime_end(struct runtime *runtime, struct str bytes)
{
    runtime->sends = false;
    (void)runtime_write(runtime, bytes);
}

void runtime_open(struct runtime *runtime, struct loop *loop, const struct address *address,
                  const struct runtime_events *events)
{
    *runtime = (struct runtime){.loop = loop, .address = address, .events = events};
    runtime->answer = http_answer_new();
    buf_init(&runtime->body, BODY_MAX);
    buf_init(&runtime->again, REQUEST_MAX);
}
