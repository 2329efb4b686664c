#include "parts.h"

#include <string.h>

#include "base/mem.h"
#include "observe/log.h"
#include "observe/trouble.h"
#include "room_options.h"

enum {
    AGAIN_MIN_MS = 500,
    AGAIN_MAX_MS = 30000,
    SILENCE_MS = 60000, /* a heartbeat comes far more often */
    LINE_MAX_BYTES = 4096,
    STATUS_GOOD = 200
};

struct purge_feed {
    struct server *server;
    struct upstream *upstream;
    struct upstream_call call;
    struct deadline again;
    uint64_t wait_ms;
    int status;      /* of the answer; 0: none has come */
    int told_status; /* that the log was told; the same is not logged again */
    struct buf line; /* the part of a line that has come */
    void (*on_closed)(void *context);
    void *context;
};

static void on_again(struct deadline *deadline);

static void on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                    size_t n)
{
    (void)headers;
    (void)n;
    CONTAINER_OF(call, struct purge_feed, call)->status = status;
}

static void hear(struct purge_feed *feed, struct str word)
{
    feed->wait_ms = AGAIN_MIN_MS;
    feed->told_status = 0;
    trouble_tell(TROUBLE_PURGES, NULL);
    api_hear(feed->server->api, API_NEWS_PURGED, STR_EMPTY);
    if (str_is(word, "event: open")) {
        log_event(LOG_INFO, "edge.hears_purges",
                  F_TEXT("effect", "what was kept before is forgotten"));
    }
}

static bool on_data(struct upstream_call *call, struct str bytes)
{
    struct purge_feed *feed = CONTAINER_OF(call, struct purge_feed, call);
    struct str line;
    struct str rest;
    struct str word;

    if (feed->status != STATUS_GOOD) {
        return true;
    }
    buf_str(&feed->line, bytes);
    while (str_cut(buf_view(&feed->line), '\n', &line, &rest)) {
        word = str_trim(line);
        if (str_is(word, "event: open") || str_is(word, "event: purged")) {
            hear(feed, word);
        }
        buf_consume(&feed->line, line.len + 1);
    }
    if (!buf_ok(&feed->line)) { /* no line of ours is so long */
        buf_clear(&feed->line);
    }
    return true;
}

static void on_drain(struct upstream_call *call)
{
    (void)call;
}

static const struct upstream_stream stream = {
    .on_head = on_head, .on_data = on_data, .on_drain = on_drain};

static void wait(struct purge_feed *feed)
{
    deadline_set(&feed->server->loop.deadlines, &feed->again, feed->wait_ms, on_again);
    feed->wait_ms = feed->wait_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : feed->wait_ms * 2;
}

/* Purges of the meantime were told to nobody here, so the next "open" empties the cache. */
static void on_done(struct upstream_call *call, enum error_code code)
{
    struct purge_feed *feed = CONTAINER_OF(call, struct purge_feed, call);
    bool is_refused = code == ERR_OK && feed->status != STATUS_GOOD;

    if (is_refused && feed->status != feed->told_status) {
        feed->told_status = feed->status;
        trouble_tell(TROUBLE_PURGES, "the proxy behind this one does not tell of them");
        log_event(LOG_WARN, "edge.no_purges", F_INT("status", feed->status),
                  F_TEXT("effect", "kept answers live as long as they may"));
    }
    if (is_refused) {
        feed->wait_ms = AGAIN_MAX_MS;
    }
    wait(feed);
}

static void on_again(struct deadline *deadline)
{
    struct purge_feed *feed = CONTAINER_OF(deadline, struct purge_feed, again);
    const struct config *config = feed->server->config;
    struct error err;

    buf_clear(&feed->line);
    feed->status = 0;
    feed->call = (struct upstream_call){
        .request = {.method = STR("GET"),
                    .path = STR("/api/v1/cache/events"),
                    .token =
                        secret_is_set(&config->upstream.token) ? &config->upstream.token : NULL,
                    .class = CALL_READ},
        .stream = &stream,
        .on_done = on_done,
    };
    if (upstream_start(feed->upstream, &feed->call, &err) != ERR_OK) {
        wait(feed);
    }
}

enum error_code purge_feed_open(struct server *server, struct purge_feed **out, struct error *err)
{
    const struct config *config = server->config;
    struct upstream_options options = upstream_options_of(config);
    struct str base = config->upstream.base_url;
    struct purge_feed *feed;
    enum error_code code;

    if (!config->upstream.is_proxy || !config->cache.enabled || !str_ends(base, STR("/virtuoso"))) {
        return ERR_OK;
    }
    options.base_url = str_sub(base, 0, base.len - strlen("/virtuoso"));
    options.timeout_ms = SILENCE_MS;
    options.max_tries = 1;
    options.breaker = false;
    options.is_other = true;
    options.probe_token = NULL;
    feed = mem_zalloc(sizeof(*feed));
    code = upstream_open(&server->loop, &options, &feed->upstream, err);
    if (code != ERR_OK) {
        mem_free(feed);
        return code;
    }
    feed->server = server;
    feed->wait_ms = AGAIN_MIN_MS;
    buf_init(&feed->line, LINE_MAX_BYTES);
    deadline_set(&server->loop.deadlines, &feed->again, 0, on_again);
    *out = feed;
    return ERR_OK;
}

static void on_upstream_closed(void *context)
{
    struct purge_feed *feed = context;
    void (*on_closed)(void *context) = feed->on_closed;
    void *owner = feed->context;

    buf_done(&feed->line);
    mem_free(feed);
    on_closed(owner);
}

void purge_feed_close(struct purge_feed *feed, void (*on_closed)(void *context), void *context)
{
    feed->on_closed = on_closed;
    feed->context = context;
    trouble_tell(TROUBLE_PURGES, NULL);
    deadline_clear(&feed->again);
    upstream_cancel(&feed->call);
    upstream_close(feed->upstream, on_upstream_closed, feed);
}
