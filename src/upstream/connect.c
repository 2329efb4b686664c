/* libcurl makes the connections: names, happy eyeballs, proxies (CONNECT, SOCKS), TLS and its
 * verification. A connection is an easy handle with CURLOPT_CONNECT_ONLY that stays in its multi
 * for as long as the connection lives; curl_easy_send and curl_easy_recv then move bytes through
 * whatever lies between (TLS, a proxy). HTTP is ours (transfer.c).
 *
 * curl_easy_send and curl_easy_recv find their connection by walking all connections of the multi, in every
 * version up to 8.14 (measured: 19,000 instructions among 1,000, 5,200 among 16). So a multi holds
 * few connections, a crowd; crowds are opened on demand and stay. With TLS they are larger: the
 * parsed certificate bundle is kept per multi. A connection without TLS needs the two
 * functions for its first request only (until then libcurl takes the connection for idle, and may close it);
 * afterwards bytes go through its socket directly.
 *
 * Odd facts of libcurl that this file lives with:
 * - curl_multi_remove_handle closes a connection of this kind at once.
 * - CURLOPT_BUFFERSIZE is allocated while it connects, and later bounds one curl_easy_recv. By
 *   then it must not be below a TLS record (16 KiB), or bytes stay inside the TLS library unseen by epoll.
 * - Without CURLOPT_NOSIGNAL each send costs two sigaction calls. SIGPIPE must be ignored anyway.
 * - While a folder of certificates is set the parsed bundle is not kept: 7 ms for each new TLS
 *   connection with Debian's folder. */
#include "upstream_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"
#include "observe/metrics.h"

enum { CROWD_MAX = 32, CROWD_MAX_TLS = 128 };

static const long CONNECT_BUFFER_BYTES = 1024;

static void must(CURLcode code)
{
    CHECK(code == CURLE_OK);
}

static void must_multi(CURLMcode code)
{
    CHECK(code == CURLM_OK);
}

static void must_uv(int code)
{
    CHECK(code == 0);
}

/* --- the end of connecting */

/* libcurl quotes a proxy's address that it cannot parse, password included: such a text is replaced. */
const char *connect_why(struct upstream_connection *connection, const char *otherwise)
{
    struct str why = str_from(connection->why);

    if (str_find_char(why, '@') >= 0 || str_contains(why, STR("://")) ||
        str_starts(why, STR("Unsupported proxy"))) {
        str_copy(connection->why, sizeof(connection->why),
                 STR("the address of the proxy (https_proxy, all_proxy) cannot be used"));
    }
    return connection->why[0] != '\0' ? connection->why : otherwise;
}

/* A connection through a tunnel is not bare: the way to the proxy may use TLS. */
static bool is_bare(const struct upstream_connection *connection)
{
    long tunnel = 0;

    must(curl_easy_getinfo(connection->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel));
    return !connection->upstream->tls && tunnel == 0;
}

static void on_connected(struct upstream_connection *connection, CURLcode result)
{
    struct upstream_transfer *transfer = connection->transfer;
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (result == CURLE_OK) {
        must(curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd));
    }
    if (fd == CURL_SOCKET_BAD) {
        transfer_on_unconnected(transfer, connect_why(connection, curl_easy_strerror(result)));
        return;
    }
    must(curl_easy_setopt(connection->easy, CURLOPT_BUFFERSIZE, (long)RECV_BYTES));
    connection->fd = fd;
    connection->is_bare = is_bare(connection);
    transfer_on_connected(transfer);
}

static void collect(struct crowd *crowd)
{
    CURLMsg *message;
    int n_left;

    while ((message = curl_multi_info_read(crowd->multi, &n_left)) != NULL) {
        char *private = NULL;
        CURLcode result = message->data.result; /* closing the connection frees the message */

        CHECK(message->msg == CURLMSG_DONE);
        must(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private));
        on_connected((struct upstream_connection *)(void *)private, result);
    }
}

void crowd_act(struct crowd *crowd, curl_socket_t fd, int what)
{
    int n_running;

    must_multi(curl_multi_socket_action(crowd->multi, fd, what, &n_running));
    collect(crowd);
}

void connect_drive(struct upstream *upstream)
{
    struct list *link;

    if (!list_is_empty(&upstream->unopened)) {
        pool_serve(upstream);
    }
    while ((link = list_take_first(&upstream->news)) != NULL) {
        crowd_act(CONTAINER_OF(link, struct crowd, news), CURL_SOCKET_TIMEOUT, 0);
    }
}

/* --- crowds */
/* libcurl calls on_timer_wish only when its wish changes. If our timer fires slightly before the
 * time by libcurl's clock, libcurl does nothing and we would wait for ever, so we ask for the
 * wish again. */
static void on_timer(uv_timer_t *timer)
{
    struct crowd *crowd = CONTAINER_OF(timer, struct crowd, timer);
    struct upstream *upstream = crowd->upstream;
    long wish_ms = -1;

    crowd_act(crowd, CURL_SOCKET_TIMEOUT, 0);
    connect_drive(upstream);
    if (uv_is_active((uv_handle_t *)timer) == 0) {
        must_multi(curl_multi_timeout(crowd->multi, &wish_ms));
        if (wish_ms >= 0) {
            must_uv(uv_timer_start(timer, on_timer, wish_ms > 0 ? (uint64_t)wish_ms : 1, 0));
        }
    }
    upstream_dispatch(upstream);
}

static int on_timer_wish(CURLM *multi, long wish_ms, void *context)
{
    struct crowd *crowd = context;

    (void)multi;
    if (wish_ms < 0) {
        return uv_timer_stop(&crowd->timer);
    }
    uv_update_time(&crowd->upstream->loop->uv); /* a timer counts from the loop's idea of now */
    return uv_timer_start(&crowd->timer, on_timer, (uint64_t)wish_ms, 0) == 0 ? 0 : -1;
}

static unsigned crowd_max(const struct upstream *upstream)
{
    return upstream->tls ? CROWD_MAX_TLS : CROWD_MAX;
}

static struct crowd *crowd_open(struct upstream *upstream)
{
    struct crowd *crowd = mem_zalloc(sizeof(*crowd));

    crowd->upstream = upstream;
    must_uv(uv_timer_init(&upstream->loop->uv, &crowd->timer));
    upstream->open_handles++;
    crowd->multi = curl_multi_init();
    CHECK(crowd->multi != NULL);
    must_multi(curl_multi_setopt(crowd->multi, CURLMOPT_SOCKETFUNCTION, wire_on_wish));
    must_multi(curl_multi_setopt(crowd->multi, CURLMOPT_SOCKETDATA, crowd));
    must_multi(curl_multi_setopt(crowd->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish));
    must_multi(curl_multi_setopt(crowd->multi, CURLMOPT_TIMERDATA, crowd));
    /* Until a connection has received its first byte, libcurl may drop it for another one. */
    must_multi(
        curl_multi_setopt(crowd->multi, CURLMOPT_MAXCONNECTS, (long)crowd_max(upstream) * 4));
    must_multi(curl_multi_setopt(crowd->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING));
    return crowd;
}

/* Crowds with room stand first in the list, so only the first one is looked at. */
static struct crowd *crowd_join(struct upstream *upstream)
{
    struct crowd *crowd = CONTAINER_OR_NULL(list_first(&upstream->crowds), struct crowd, link);

    if (crowd == NULL || crowd->n_connections >= crowd_max(upstream)) {
        crowd = crowd_open(upstream);
        list_prepend(&upstream->crowds, &crowd->link);
    }
    if (++crowd->n_connections == crowd_max(upstream)) {
        list_remove(&crowd->link);
        list_append(&upstream->crowds, &crowd->link);
    }
    return crowd;
}

static void crowd_quit(struct crowd *crowd)
{
    if (crowd->n_connections-- == crowd_max(crowd->upstream)) {
        list_remove(&crowd->link);
        list_prepend(&crowd->upstream->crowds, &crowd->link);
    }
}

/* --- connections */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t drop(char *bytes, size_t size, size_t n, void *unused)
{
    (void)bytes; /* the body of a proxy's refusal */
    (void)unused;
    return size * n;
}

static void set_tls(CURL *easy, const struct upstream_options *options)
{
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->verify_tls ? 1L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->verify_tls ? 2L : 0L));
    if (options->ca_file.len > 0 || curl_version_info(CURLVERSION_NOW)->cainfo != NULL) {
        must(curl_easy_setopt(easy, CURLOPT_CAPATH, NULL));
    }
    if (options->ca_file.len > 0) {
        must(curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file.ptr));
    }
    if (options->client_certificate_file.len > 0) {
        must(curl_easy_setopt(easy, CURLOPT_SSLCERT, options->client_certificate_file.ptr));
        must(curl_easy_setopt(easy, CURLOPT_SSLKEY, options->client_key_file.ptr));
    }
}

static void set_options(struct upstream_connection *connection)
{
    struct upstream *upstream = connection->upstream;
    const struct upstream_options *options = &upstream->options;
    CURL *easy = connection->easy;

    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, connection));
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    /* When a connection is given up, libcurl does not wait for its thread that looks up the name. */
    must(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, connection->why));
    must(curl_easy_setopt(easy, CURLOPT_CURLU, upstream->base));
    must(curl_easy_setopt(easy, CURLOPT_SHARE, upstream->share));
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)); /* for ALPN */
    must(curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L));
    must(curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, CONNECT_BUFFER_BYTES));
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop));
    must(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, wire_open_socket));
    must(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, connection));
    must(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, wire_close_socket));
    must(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, upstream));
    /* Through an HTTP proxy all connections are tunnels, those to http:// addresses as well. */
    must(curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L));
    if (upstream->bypass_proxy) {
        must(curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"));
    }
    set_tls(easy, options);
}

bool connect_may_open(struct upstream *upstream)
{
    if (upstream->opens_turn != upstream->loop->n_turns) {
        upstream->opens_turn = upstream->loop->n_turns;
        upstream->n_opens = 0;
    }
    return upstream->n_opens < OPENS_A_TURN;
}

void upstream_connection_open(struct upstream_transfer *transfer)
{
    struct upstream *upstream = transfer->upstream;
    struct upstream_connection *connection = mem_zalloc(sizeof(*connection));
    struct crowd *crowd = crowd_join(upstream);

    connection->upstream = upstream;
    connection->crowd = crowd;
    connection->fd = CURL_SOCKET_BAD;
    connection->transfer = transfer;
    connection->easy = curl_easy_init();
    CHECK(connection->easy != NULL);
    set_options(connection);
    transfer->connection = connection;
    connection->serial = ++upstream->n_opened;
    upstream->n_opens++;
    upstream->n_connections++;
    count_change(upstream, M_UPSTREAM_OPEN, 1);
    count_one(upstream, M_UPSTREAM_OPENED);
    must_multi(curl_multi_add_handle(crowd->multi, connection->easy));
    if (!list_is_linked(&crowd->news)) {
        list_append(&upstream->news, &crowd->news);
    }
    upstream_dispatch_later(upstream); /* a caller that drives libcurl itself is sooner */
}

void upstream_connection_close(struct upstream_connection *connection)
{
    struct upstream *upstream = connection->upstream;

    list_remove(&connection->link);
    if (connection->fd != CURL_SOCKET_BAD) {
        wire_forget(connection);
    }
    if (connection->transfer != NULL) {
        connection->transfer->connection = NULL;
    }
    must_multi(curl_multi_remove_handle(connection->crowd->multi, connection->easy));
    curl_easy_cleanup(connection->easy);
    crowd_quit(connection->crowd);
    upstream->n_connections--;
    count_change(upstream, M_UPSTREAM_OPEN, -1);
    mem_free(connection);
}

static enum io io_of(CURLcode code)
{
    if (code == CURLE_OK) {
        return IO_OK;
    }
    return code == CURLE_AGAIN ? IO_AGAIN : IO_FAILED;
}

/* The result of send or recv; the cause of a failure goes to connection->why, as with libcurl. */
static enum io io_of_socket(struct upstream_connection *connection, ssize_t n, size_t *out_n)
{
    *out_n = n > 0 ? (size_t)n : 0;
    if (n >= 0) {
        return IO_OK;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return IO_AGAIN;
    }
    str_copy(connection->why, sizeof(connection->why), str_from(strerror(errno)));
    return IO_FAILED;
}

static bool goes_by_socket(const struct upstream_connection *connection)
{
    return connection->is_bare && connection->is_attached;
}

enum io upstream_connection_send(struct upstream_connection *connection, struct str bytes,
                                 size_t *out_n)
{
    enum io io;

    if (goes_by_socket(connection)) {
        ssize_t n = send(connection->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        io = io_of_socket(connection, n, out_n);
    } else {
        io = io_of(curl_easy_send(connection->easy, bytes.ptr, bytes.len, out_n));
        connection->is_attached = true;
    }
    return io == IO_OK && *out_n == 0 ? IO_AGAIN : io;
}

enum io upstream_connection_receive(struct upstream_connection *connection, char *to, size_t *out_n)
{
    enum io io;

    if (goes_by_socket(connection)) {
        io = io_of_socket(connection, recv(connection->fd, to, RECV_BYTES, MSG_DONTWAIT), out_n);
    } else {
        io = io_of(curl_easy_recv(connection->easy, to, RECV_BYTES, out_n));
    }
    return io == IO_OK && *out_n == 0 ? IO_CLOSED : io;
}

/* --- the whole */
void connect_open(struct upstream *upstream)
{
    list_init(&upstream->crowds);
    list_init(&upstream->news);
    upstream->share = curl_share_init();
    CHECK(upstream->share != NULL);
    CHECK(curl_share_setopt(upstream->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK);
    CHECK(curl_share_setopt(upstream->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
          CURLSHE_OK);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct crowd *crowd = CONTAINER_OF((uv_timer_t *)timer, struct crowd, timer);
    struct upstream *upstream = crowd->upstream;

    mem_free(crowd);
    upstream_on_handle_closed(upstream);
}

void connect_close(struct upstream *upstream)
{
    struct list *link;

    CHECK(upstream->n_connections == 0);
    while ((link = list_take_first(&upstream->crowds)) != NULL) {
        struct crowd *crowd = CONTAINER_OF(link, struct crowd, link);

        list_remove(&crowd->news);
        must_multi(curl_multi_cleanup(crowd->multi)); /* calls back until it returns */
        uv_close((uv_handle_t *)&crowd->timer, on_timer_closed);
    }
    CHECK(curl_share_cleanup(upstream->share) == CURLSHE_OK);
    upstream->share = NULL;
}
