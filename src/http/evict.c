/* Which connection gets a place, and which one leaves for another. */
#include "base/clock.h"
#include "http_internal.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum {
    EVICT_AT_ONCE = 16, /* as many as are accepted in one turn (net/loop.c) */
    FIRST_MIN_MS = 100, /* the head of a client that has just come may be here, and not read yet */
    REST_MIN_MS = 1000, /* a shorter pause between two requests is no reason to leave */
    FULL_LOG_MS = 10000
};

static struct http_connection *holder_of(struct place *place)
{
    return CONTAINER_OF(place, struct http_connection, place);
}

bool connection_take_place(struct http_connection *connection)
{
    struct places *places = &connection->server->places;
    struct str peer = str_from(connection_caller(connection));
    bool is_full = false;
    struct place *instead;

    /* More than one may have to leave: a reload has made the share smaller than it is taken. */
    while (!places_enter(places, &connection->place, peer, &instead)) {
        bool counts = connection->server->options.count_metrics;

        metric_add(M_CONNECTIONS_SHARED, 0, 0, 0, counts && !is_full ? 1 : 0);
        is_full = true;
        if (instead == NULL) {
            connection_close(connection);
            return false;
        }
        connection_abort(holder_of(instead));
    }
    places_await_head(places, &connection->place);
    return true;
}

/* A client that has just got the end of an answer may be about to send its next request. */
static bool rests_long(const struct http_connection *connection)
{
    uint64_t limit_ms = connection->server->options.idle_timeout_ms;

    return !deadline_is_set(&connection->deadline) ||
           connection->deadline.at_ms < clock_now_ms() + limit_ms - REST_MIN_MS;
}

static bool is_new(const struct http_connection *connection)
{
    const struct transport *transport = &connection->transport;

    return uv_now(&transport->loop->uv) - transport->opened_ms < FIRST_MIN_MS;
}

/* NULL: no connection may leave yet; the listener asks again. */
static struct http_connection *next_to_leave(struct http_server *server)
{
    struct place *place = places_first_headless(&server->places);

    if (place == NULL || is_new(holder_of(place))) {
        place = places_first_resting(&server->places);
        if (place == NULL || !rests_long(holder_of(place))) {
            return NULL;
        }
    }
    return holder_of(place);
}

void connections_make_room(struct http_server *server)
{
    struct http_connection *connection;
    unsigned n = 0;
    uint64_t now_ms = clock_now_ms();

    while (server->options.makes_room && n < EVICT_AT_ONCE &&
           (connection = next_to_leave(server)) != NULL) {
        connection_abort(connection);
        n++;
    }
    metric_add(M_CONNECTIONS_EVICTED, 0, 0, 0, n);
    if (server->options.makes_room && now_ms - server->full_told_ms >= FULL_LOG_MS) {
        server->full_told_ms = now_ms;
        log_event(LOG_WARN, "http.full", F_INT("connections", server->n_connections),
                  F_INT("evicted", n));
    }
}
