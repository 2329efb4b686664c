/* A call gets a connection at rest, or a new one. At most OPENS_A_TURN are opened in a turn: further
 * calls wait for the next turn, or for a connection that comes to rest.
 *
 * The connection that was used last stands in front: it is the warmest, and those at the back get old
 * and go. No bytes are expected on a connection at rest. If some come all the same (a 408 of a
 * proxy before it closes, a second answer to a request already answered) they would be taken for the
 * answer of the next request, so the connection is dropped. The epoll reports such bytes; a busy loop may
 * not have handled its events yet, so the pool looks once more before use. One look at the epoll in a
 * millisecond covers all connections at once, however many are taken then.
 * With TLS, bytes in the socket may be for TLS alone: they count only if libcurl gets content from them.
 * A new connection is looked at in the same way, just before its first request.
 */
#include "upstream_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"

enum {
    LOOK_AFTER_MS = 1,        /* its socket was read to the end in this very millisecond */
    REST_MAX_MS = 118 * 1000, /* libcurl's own limit */
    READS_MAX = 8,
};

static bool socket_is_empty(const struct upstream_connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* One read of a TLS library may take one ticket, and leave what is behind it. */
static bool has_no_content(struct upstream_connection *connection)
{
    size_t n = 0;

    for (int i = 0; i < READS_MAX; i++) {
        if (upstream_connection_receive(connection, connection->upstream->recv_bytes, &n) !=
            IO_AGAIN) {
            return false;
        }
        if (socket_is_empty(connection)) {
            return true;
        }
    }
    return false;
}

static bool has_nothing_to_say(struct upstream_connection *connection)
{
    return socket_is_empty(connection) || (!connection->is_bare && has_no_content(connection));
}

/* What has come may be in libcurl or the TLS library already, so the socket does not tell all. */
bool pool_hears(struct upstream_connection *connection)
{
    return connection->is_bare ? !socket_is_empty(connection) : !has_no_content(connection);
}

/* Looks at all connections at rest, once in a millisecond. False: each must be looked at by itself. */
static bool look_at_all(struct upstream *upstream, uint64_t now_ms)
{
    struct list *first = list_first(&upstream->resting);

    if (first == NULL ||
        now_ms - CONTAINER_OF(first, struct upstream_connection, link)->rests_since_ms <
            LOOK_AFTER_MS) {
        return false;
    }
    if (upstream->looked_ms != now_ms) {
        upstream->looked_ms = now_ms;
        upstream->looked_at_all = wire_look(upstream);
    }
    return upstream->looked_at_all;
}

static struct upstream_connection *take(struct upstream *upstream)
{
    uint64_t now_ms = clock_now_ms();
    bool is_seen = look_at_all(upstream, now_ms);
    struct list *link;

    while ((link = list_take_first(&upstream->resting)) != NULL) {
        struct upstream_connection *connection =
            CONTAINER_OF(link, struct upstream_connection, link);
        uint64_t rested_ms = now_ms - connection->rests_since_ms;

        if (!pool_doubts(connection) &&
            (rested_ms < LOOK_AFTER_MS || (rested_ms < connection->rest_max_ms &&
                                           (is_seen || has_nothing_to_say(connection))))) {
            return connection;
        }
        upstream_connection_close(connection);
    }
    return NULL;
}

bool pool_doubts(const struct upstream_connection *connection)
{
    const struct upstream *upstream = connection->upstream;

    if (upstream->n_doubted == 0) {
        return false;
    }
    for (unsigned i = 0; i < upstream->n_doubted && i < DOUBTED_MAX; i++) {
        if (upstream->doubted[i] == connection->serial) {
            return true;
        }
    }
    return false;
}

/* Only the serial is noted: the connection may be closed, at rest, or serve the next call already. */
void upstream_doubt_answer(const struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;

    if (upstream != NULL && call->connection_serial != 0) {
        upstream->doubted[upstream->n_doubted++ % DOUBTED_MAX] = call->connection_serial;
    }
}

void pool_on_event(struct upstream_connection *connection)
{
    if (!has_nothing_to_say(connection)) {
        upstream_connection_close(connection);
    }
}

/* --- connections for transfers */
void pool_open(struct upstream_transfer *transfer)
{
    struct upstream *upstream = transfer->upstream;

    if (list_is_empty(&upstream->unopened) && connect_may_open(upstream)) {
        upstream_connection_open(transfer);
        return;
    }
    list_append(&upstream->unopened, &transfer->link);
    upstream_dispatch_later(upstream);
}

bool pool_makes_wait(struct upstream_transfer *transfer)
{
    if (transfer->connection == NULL) {
        str_copy(transfer->why, sizeof(transfer->why),
                 transfer->repeated
                     ? STR("no turn to make a second connection came in time")
                     : STR("no turn to make a connection came in time; nothing was sent"));
    }
    return transfer->connection == NULL;
}

/* A request that has met a dead connection is not sent on another kept one, which may be dead, too. */
static bool wants_new(const struct upstream_transfer *transfer)
{
    return transfer->repeated || transfer->call->connects_only;
}

/* False: no connection at rest can be used. */
static bool use_resting(struct upstream_transfer *transfer)
{
    struct upstream_connection *connection;

    while (!wants_new(transfer) && (connection = take(transfer->upstream)) != NULL) {
        connection->transfer = transfer;
        connection->why[0] = '\0';
        transfer->connection = connection;
        transfer_send(transfer);
        if (!transfer->send_failed || transfer->may_have_left) {
            return true;
        }
        upstream_connection_close(connection); /* nothing was sent: try the next one */
        transfer->send_failed = false;
    }
    return false;
}

void pool_connect(struct upstream_transfer *transfer)
{
    if (!list_is_empty(&transfer->upstream->unopened) || !use_resting(transfer)) {
        pool_open(transfer);
    }
}

/* The time that the transfer waited for its turn does not count as time of the platform. */
static void connect_late(struct upstream_transfer *transfer)
{
    struct upstream_call *call = transfer->call;
    uint64_t now_us = clock_now_us();

    if (!transfer->repeated) {
        call->wait_us += now_us - call->start_us;
        call->start_us = now_us;
    }
    if (!use_resting(transfer)) {
        upstream_connection_open(transfer);
    }
}

void pool_serve(struct upstream *upstream)
{
    struct list *link;

    while ((link = list_first(&upstream->unopened)) != NULL) {
        struct upstream_transfer *first = CONTAINER_OF(link, struct upstream_transfer, link);
        bool may_rest = !wants_new(first) && !list_is_empty(&upstream->resting);

        if (!may_rest && !connect_may_open(upstream)) {
            return;
        }
        list_remove(link);
        connect_late(first);
    }
}

/* --- rest and age */
static void on_old(struct deadline *deadline);

static void watch_the_oldest(struct upstream *upstream, uint64_t wait_ms)
{
    deadline_set(&upstream->loop->deadlines, &upstream->rest_deadline, wait_ms, on_old);
}

static void on_old(struct deadline *deadline)
{
    struct upstream *upstream = CONTAINER_OF(deadline, struct upstream, rest_deadline);
    uint64_t now_ms = clock_now_ms();

    while (!list_is_empty(&upstream->resting)) {
        struct upstream_connection *oldest =
            CONTAINER_OF(upstream->resting.prev, struct upstream_connection, link);
        uint64_t rested_ms = now_ms - oldest->rests_since_ms;

        if (rested_ms < REST_MAX_MS) {
            watch_the_oldest(upstream, REST_MAX_MS - rested_ms);
            return;
        }
        upstream_connection_close(oldest);
    }
}

/* "Keep-Alive: timeout=5": a create that is sent just when the platform closes the connection has an unknown
 * outcome. So a connection is not used any more one second before its timeout. */
static uint64_t rest_max_ms(const struct http_answer *answer)
{
    struct str rest = http_answer_header(answer, "Keep-Alive");
    struct str word;
    int64_t seconds = 0;

    while (str_next(&rest, ',', &word)) {
        word = str_trim(word);
        if (str_starts_nocase(word, STR("timeout=")) &&
            str_to_i64(str_sub(word, sizeof("timeout=") - 1, word.len), 1, REST_MAX_MS / 1000,
                       &seconds)) {
            return (uint64_t)(seconds - 1) * 1000;
        }
    }
    return REST_MAX_MS;
}

void pool_give(struct upstream_connection *connection)
{
    struct upstream *upstream = connection->upstream;

    connection->rest_max_ms = rest_max_ms(connection->transfer->answer);
    connection->transfer->call->connection_serial = connection->serial;
    connection->transfer->connection = NULL;
    connection->transfer = NULL;
    connection->n_answers++;
    connection->rests_since_ms = clock_now_ms();
    wire_watch(connection, EPOLLIN);
    list_prepend(&upstream->resting, &connection->link);
    if (!deadline_is_set(&upstream->rest_deadline)) {
        watch_the_oldest(upstream, REST_MAX_MS);
    }
}

void upstream_forget_connections(struct upstream *upstream)
{
    struct upstream *all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_each(upstream, all);

    for (size_t i = 0; i < n; i++) {
        pool_close(all[i]);
    }
}

void pool_close(struct upstream *upstream)
{
    struct list *link;

    deadline_clear(&upstream->rest_deadline);
    while ((link = list_first(&upstream->resting)) != NULL) {
        upstream_connection_close(CONTAINER_OF(link, struct upstream_connection, link));
    }
}
