#include "redis_link.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/check.h"
#include "crypto/tls.h"

enum { TLS_ROOM = 4096 }; /* of a command in records */

static void on_due(struct deadline *deadline);
static void ask_for_address(struct link *link);

/* --- ends */
static void on_all_closed(struct later_item *item)
{
    struct link *link = CONTAINER_OF(item, struct link, closed);

    link->events->on_closed(link);
}

static void close_if_quiet(struct link *link)
{
    if (link->closing && !link->has_socket && !link->resolving) {
        later_add(&link->loop->later, &link->closed, on_all_closed);
    }
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;

    link->has_socket = false;
    if (link->state == LINK_CONNECTING) { /* the next address of the name */
        ask_for_address(link);
    }
    close_if_quiet(link);
}

static void hang_up(struct link *link)
{
    link->state = LINK_DOWN;
    deadline_clear(&link->deadline);
    if (link->has_socket && !uv_is_closing(&link->socket.handle)) {
        uv_close(&link->socket.handle, on_socket_closed);
    }
    if (link->reader != NULL) {
        redisReaderFree(link->reader);
        link->reader = NULL;
    }
    tls_stream_free(link->tls);
    link->tls = NULL;
}

void link_break(struct link *link, const char *format, ...)
{
    struct buf text;
    va_list args;

    if (link->state == LINK_DOWN) {
        return;
    }
    buf_init(&text, (size_t)4 * LINK_WHY_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    str_copy(link->why, sizeof(link->why), buf_view(&text));
    buf_done(&text);
    hang_up(link);
    deadline_set(&link->loop->deadlines, &link->deadline, link->wait_ms, on_due);
    link->wait_ms = link->wait_ms * 2 > LINK_WAIT_MAX_MS ? LINK_WAIT_MAX_MS : link->wait_ms * 2;
    link->events->on_down(link);
}

void link_is_good(struct link *link)
{
    link->wait_ms = LINK_WAIT_MIN_MS;
    link->n_attempts -= link->n_attempts > 0; /* the same address again */
}

void link_close(struct link *link)
{
    link->closing = true;
    hang_up(link);
    if (link->resolving) {
        (void)uv_cancel((uv_req_t *)&link->resolve); /* if that fails, its end is waited for */
    }
    buf_done(&link->out[0]);
    buf_done(&link->out[1]);
    close_if_quiet(link);
}

/* --- reading */
/* Refuses a reply that announces too many items: memory for them would be taken at once. */
static redisReplyObjectFunctions plain;

#if HIREDIS_MAJOR >= 1
typedef size_t n_items_type;
#else
typedef int n_items_type;
#endif

static void *create_array(const redisReadTask *task, n_items_type n_items)
{
    return n_items > LINK_ITEMS_MAX ? NULL : plain.createArray(task, n_items);
}

static void read_replies(struct link *link)
{
    void *reply = NULL;

    while (link->reader != NULL) {
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            link_break(link, "what answers is no Redis, or its reply is too long: %s",
                       link->reader->errstr);
            return;
        }
        if (reply == NULL) {
            return;
        }
        link->n_reply_bytes = 0;
        link->events->on_reply(link, reply);
        plain.freeObject(reply);
    }
}

static void take_plain(struct link *link, struct str bytes)
{
    link->n_reply_bytes += bytes.len;
    if (link->n_reply_bytes > LINK_REPLY_MAX) {
        link_break(link, "a reply of Redis is longer than %u bytes", (unsigned)LINK_REPLY_MAX);
    } else if (redisReaderFeed(link->reader, bytes.ptr, bytes.len) != REDIS_OK) {
        link_break(link, "the replies of Redis cannot be read");
    } else {
        read_replies(link);
    }
}

static void flush_tls(struct link *link);
static void is_up(struct link *link);

/* Reads TLS. After the handshake the connection is up. */
static void take_cipher(struct link *link, struct str bytes)
{
    struct buf clear;
    struct error error = {0};
    enum tls_verdict verdict;

    buf_init(&clear, (size_t)4 * LOOP_READ_BUFFER);
    tls_stream_feed(link->tls, bytes);
    verdict = tls_stream_read(link->tls, &clear, &error);
    flush_tls(link);
    if (link->state == LINK_CONNECTING && tls_stream_is_secured(link->tls)) {
        is_up(link);
    }
    if (link->state == LINK_UP && clear.len > 0) {
        take_plain(link, buf_view(&clear));
    }
    if (link->state != LINK_DOWN && (verdict == TLS_END || verdict == TLS_FAILED)) {
        link_break(link,
                   verdict == TLS_END ? "Redis closed the connection" : "no TLS with Redis: %s",
                   error.text);
    }
    buf_done(&clear);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct link *link = handle->data;

    (void)suggested;
    *out = uv_buf_init(link->loop->read_buffer, LOOP_READ_BUFFER);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct link *link = stream->data;

    if (n == 0 || link->state == LINK_DOWN) {
        return;
    }
    if (n < 0) {
        link_break(link, n == UV_EOF ? "Redis closed the connection" : "the connection broke: %s",
                   uv_strerror((int)n));
        return;
    }
    if (link->tls != NULL) {
        take_cipher(link, (struct str){bytes->base, (size_t)n});
    } else {
        take_plain(link, (struct str){bytes->base, (size_t)n});
    }
}

/* --- writing */
static void pump(struct link *link);

static void on_written(uv_write_t *write, int status)
{
    struct link *link = write->data;

    link->writing = false;
    if (status == 0 && link->state != LINK_DOWN) {
        pump(link);
    } else if (status != 0 && status != UV_ECANCELED) {
        link_break(link, "the connection broke: %s", uv_strerror(status));
    }
}

static void pump(struct link *link)
{
    struct buf *full = &link->out[link->filling];
    uv_buf_t bytes;

    if (link->writing || full->len == 0) {
        return;
    }
    bytes = uv_buf_init(full->ptr, (unsigned)full->len);
    link->filling = 1 - link->filling;
    buf_clear(&link->out[link->filling]);
    link->write.data = link;
    link->writing = uv_write(&link->write, &link->socket.stream, &bytes, 1, on_written) == 0;
    if (!link->writing) { /* the failure is told from on_due, not from inside a send */
        deadline_set(&link->loop->deadlines, &link->deadline, 0, on_due);
    }
}

static void flush_tls(struct link *link)
{
    struct buf *output = tls_stream_output(link->tls);

    if (output->len > 0) {
        buf_str(&link->out[link->filling], buf_view(output));
        tls_stream_sent(link->tls);
        pump(link);
    }
}

/* Sends a command whole or not at all: half a record would spoil all that follow. */
static bool send_secured(struct link *link, struct str command)
{
    struct error error = {0};

    if (link->out[link->filling].len + command.len + command.len / 8 + TLS_ROOM > LINK_OUT_MAX) {
        return false;
    }
    if (!tls_stream_write(link->tls, command, &error)) {
        deadline_set(&link->loop->deadlines, &link->deadline, 0, on_due);
    }
    flush_tls(link);
    return true;
}

bool link_send(struct link *link, const struct str *words, size_t n_words)
{
    const char *texts[LINK_WORDS_MAX];
    size_t lengths[LINK_WORDS_MAX];
    char *command = NULL;
    long long length; /* int in hiredis before 1.0 */

    CHECK(link->state == LINK_UP && n_words <= LINK_WORDS_MAX);
    for (size_t i = 0; i < n_words; i++) {
        texts[i] = words[i].len > 0 ? words[i].ptr : "";
        lengths[i] = words[i].len;
    }
    length = redisFormatCommandArgv(&command, (int)n_words, texts, lengths);
    CHECK(length > 0);
    if (link->tls != NULL) {
        bool sent = send_secured(link, (struct str){command, (size_t)length});

        redisFreeCommand(command);
        return sent;
    }
    buf_append(&link->out[link->filling], command, (size_t)length);
    redisFreeCommand(command);
    if (!buf_ok(&link->out[link->filling])) {
        link->out[link->filling].overflowed = false; /* nothing of it was appended */
        return false;
    }
    pump(link);
    return true;
}

/* --- connecting */
/* A name may have several addresses, of which some lead nowhere (localhost is ::1 and 127.0.0.1): an
 * attempt has failed when all of them were tried. */
static void cannot_connect(struct link *link, int status)
{
    if (link->n_untried > 0) {
        link->n_untried--;
        uv_close(&link->socket.handle, on_socket_closed);
    } else {
        link_break(link, "no connection to Redis: %s", uv_strerror(status));
    }
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct link *link = connect->data;

    if (link->state != LINK_CONNECTING || status == UV_ECANCELED) {
        return;
    }
    if (status == 0) {
        status = uv_read_start(&link->socket.stream, on_alloc, on_read);
    }
    if (status != 0) {
        cannot_connect(link, status);
        return;
    }
    buf_clear(&link->out[0]);
    buf_clear(&link->out[1]);
    if (link->address->tls != NULL) {
        link->tls = tls_stream_to(link->address->tls, link->address->host);
        take_cipher(link, STR_EMPTY);
        return;
    }
    is_up(link);
}

static void is_up(struct link *link)
{
    deadline_clear(&link->deadline);
    link->state = LINK_UP;
    link->reader = redisReaderCreate();
    CHECK(link->reader != NULL);
    plain = *link->reader->fn;
    link->functions = plain;
    link->functions.createArray = create_array;
    link->reader->fn = &link->functions;
    link->n_reply_bytes = 0;
    link->events->on_up(link);
}

static void take_socket(struct link *link)
{
    link->has_socket = true;
    link->socket.handle.data = link;
    link->connect.data = link;
}

/* Each call takes the next address of the name. */
static const struct sockaddr *choose(struct link *link, const struct addrinfo *found)
{
    const struct addrinfo *chosen = found;

    if (link->is_first) {
        link->is_first = false;
        for (const struct addrinfo *at = found->ai_next; at != NULL; at = at->ai_next) {
            link->n_untried++;
        }
    }
    for (unsigned i = 0; i < link->n_attempts; i++) {
        chosen = chosen->ai_next != NULL ? chosen->ai_next : found;
    }
    link->n_attempts++;
    return chosen->ai_addr;
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
    struct link *link = resolve->data;

    link->resolving = false;
    if (link->closing) {
        close_if_quiet(link);
    } else if (link->state == LINK_CONNECTING && status == 0) {
        CHECK(uv_tcp_init(&link->loop->uv, &link->socket.tcp) == 0);
        take_socket(link);
        (void)uv_tcp_nodelay(&link->socket.tcp, 1);
        status =
            uv_tcp_connect(&link->connect, &link->socket.tcp, choose(link, found), on_connected);
        if (status != 0) { /* this machine has no addresses of that kind */
            cannot_connect(link, status);
        }
    } else if (link->state == LINK_CONNECTING) {
        link_break(link, "no connection to Redis: %s", uv_strerror(status));
    }
    uv_freeaddrinfo(found);
}

/* NULL means this machine. "localhost" is not looked up, since a bare container has no /etc/hosts. */
static const char *name_to_ask_for(const char *host)
{
    return str_is_nocase(str_from(host), "localhost") ? NULL : host;
}

static void begin(struct link *link)
{
    link->state = LINK_CONNECTING;
    link->is_first = true;
    link->n_untried = 0;
    deadline_set(&link->loop->deadlines, &link->deadline, link->timeout_ms, on_due);
    if (link->address->path != NULL) {
        CHECK(uv_pipe_init(&link->loop->uv, &link->socket.pipe, 0) == 0);
        take_socket(link);
        uv_pipe_connect(&link->connect, &link->socket.pipe, link->address->path, on_connected);
        return;
    }
    ask_for_address(link);
}

static void ask_for_address(struct link *link)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int status;

    link->resolve.data = link;
    status = uv_getaddrinfo(&link->loop->uv, &link->resolve, on_resolved,
                            name_to_ask_for(link->address->host), link->address->port, &hints);
    link->resolving = status == 0; /* if not, the deadline ends the attempt */
}

static void on_due(struct deadline *deadline)
{
    struct link *link = CONTAINER_OF(deadline, struct link, deadline);

    if (link->state == LINK_UP) {
        link_break(link, "nothing can be written to the connection");
    } else if (link->state == LINK_CONNECTING) {
        link_break(link, "no connection to Redis within %u ms", link->timeout_ms);
    } else if (link->has_socket || link->resolving) { /* of the attempt before */
        deadline_set(&link->loop->deadlines, &link->deadline, LINK_WAIT_MIN_MS, on_due);
    } else {
        begin(link);
    }
}

void link_open(struct link *link, struct loop *loop, const struct link_address *address,
               unsigned timeout_ms, const struct link_events *events)
{
    *link = (struct link){.loop = loop,
                          .address = address,
                          .timeout_ms = timeout_ms,
                          .events = events,
                          .wait_ms = LINK_WAIT_MIN_MS};
    buf_init(&link->out[0], LINK_OUT_MAX);
    buf_init(&link->out[1], LINK_OUT_MAX);
    begin(link);
}
