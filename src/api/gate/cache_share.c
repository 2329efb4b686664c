#include "cache_share.h"

#include "base/clock.h"
#include "base/json_form.h"
#include "base/mem.h"

enum {
    FORMAT = 1,
    KEY_MAX = 96,
    HEAD_MAX = 64 * 1024,
    MARGIN_MS = 2000, /* of the lease, beyond the call */
    ROUNDS_MAX =
        8 /* of waiting; after so many changes of the holder the platform is asked without the lease */
};

enum flight_state {
    FLIGHT_LOOKS,
    FLIGHT_ASKS,
    FLIGHT_WAITS,
    FLIGHT_FETCHES, /* its task does */
    FLIGHT_PUTS,
    FLIGHT_LETS_GO
};

struct cache_flight {
    struct list link;
    struct cache_share *share;
    struct task *task; /* NULL: it has its answer, or has left */
    void (*on_end)(struct task *task, const struct cache_shared *found);
    enum flight_state state;
    char key[65];
    unsigned call_ms;
    uint64_t began_ms;       /* clock_age_ms */
    uint64_t fetch_began_ms; /* the same */
    uint64_t looked_ms;      /* the same: when the store was asked for the answer */
    uint64_t fence;          /* 0: the lease is not ours */
    uint64_t sequence;       /* of the lease's last event */
    unsigned n_rounds;
    struct store_op op;
};

struct cache_share {
    struct store *store;
    struct keeps *keeps;
    struct list flights;
    uint64_t purged_ms; /* clock_age_ms of the last change; 0: none */
    bool stopped;
};

static void look(struct cache_flight *flight);

/* --- its life */

static void flight_free(struct cache_flight *flight)
{
    store_cancel(&flight->op);
    list_remove(&flight->link);
    mem_free(flight);
}

static void start(struct cache_flight *flight, struct store_request *request, const char *group,
                  store_done_fn on_done)
{
    char room[KEY_MAX];

    request->key = str_join(room, sizeof(room), str_from(group), str_from(flight->key));
    request->format = FORMAT;
    request->holder = str_from(keeps_holder(flight->share->keeps));
    request->fence = flight->fence;
    store_start(flight->share->store, request, &flight->op, on_done);
}

/* Lets the task fetch the answer from the platform. */
static void fetch(struct cache_flight *flight)
{
    flight->state = FLIGHT_FETCHES;
    flight->fetch_began_ms = clock_age_ms();
    flight->on_end(flight->task, NULL);
}

/* --- documents: a head in JSON, a line feed, the body */

static void write_head(struct buf *out, const struct cache_flight *flight,
                       const struct cache_answer *answer, unsigned ttl_s)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{ttl_s:%i, fetch_ms:%i, age_s:%i, below_s:%i, type:%s, fields:[", ttl_s,
            (int64_t)(clock_age_ms() - flight->fetch_began_ms), answer->age_s, answer->below_s,
            answer->content_type);
    for (size_t i = 0; i < answer->n_headers; i++) {
        jw_form(&w, "%s, %s", answer->headers[i].name, answer->headers[i].value);
    }
    jw_shape(&w, "]}");
    buf_char(out, '\n');
}

static uint64_t number_of(const struct json *json, const char *name)
{
    int64_t number = json_int(json_get(json, name), 0);

    return number > 0 ? (uint64_t)number : 0;
}

static void read_fields(struct arena *arena, const struct json *list, struct cache_answer *out)
{
    const struct json *item = json_first(list);
    struct http_header *fields = arena_calloc(arena, json_size(list) / 2 + 1, sizeof(*fields));

    out->headers = fields;
    out->n_headers = json_size(list) / 2;
    for (size_t i = 0; i < out->n_headers; i++) {
        fields[i].name = json_str(item);
        item = json_next(item);
        fields[i].value = json_str(item);
        item = json_next(item);
    }
}

/* False: there is no document, it has expired, or it may be older than a change of this process. The store told its age
 * at a time that is not known, but not before it was asked. So the age counts from when the store was asked, and not
 * from when a slow answer came. */
static bool read_document(const struct cache_flight *flight, const struct store_result *result,
                          struct arena *arena, struct cache_shared *out)
{
    struct str head;
    struct json *json = NULL;
    struct error ignored = {0};
    uint64_t purged_ms = flight->share->purged_ms;
    uint64_t ttl_ms, age_ms;

    *out = (struct cache_shared){0};
    if (!str_cut(result->bytes, '\n', &head, &out->answer.body) ||
        json_parse(arena, head, &json_of_ours, &json, &ignored) != ERR_OK) {
        return false;
    }
    ttl_ms = number_of(json, "ttl_s") * 1000;
    age_ms = ttl_ms > result->left_ms ? ttl_ms - result->left_ms : 0;
    if (result->left_ms < 1000 ||
        (purged_ms > 0 && purged_ms + age_ms + number_of(json, "fetch_ms") >= flight->looked_ms)) {
        return false;
    }
    out->ttl_s = (unsigned)(result->left_ms / 1000);
    out->answer.age_s = (unsigned)number_of(json, "age_s") + (unsigned)(age_ms / 1000);
    out->answer.below_s = (unsigned)number_of(json, "below_s");
    out->answer.below_s -=
        out->answer.below_s > age_ms / 1000 ? (unsigned)(age_ms / 1000) : out->answer.below_s;
    out->answer.content_type = json_str(json_get(json, "type"));
    read_fields(arena, json_get(json, "fields"), &out->answer);
    return true;
}

/* --- the lease given back */

static void on_let_go(struct store_op *op, const struct store_result *result)
{
    (void)result; /* else the lease ends by itself */
    flight_free(CONTAINER_OF(op, struct cache_flight, op));
}

static void let_go(struct cache_flight *flight, bool has_put)
{
    struct store_request request = {.kind = STORE_RELEASE,
                                    .bytes = has_put ? STR("put") : STR_EMPTY};

    if (flight->fence == 0 || flight->share->stopped) {
        flight_free(flight);
        return;
    }
    flight->state = FLIGHT_LETS_GO;
    start(flight, &request, "flight/", on_let_go);
}

/* --- before the fetch */

static void on_event(struct store_op *op, const struct store_result *result)
{
    struct cache_flight *flight = CONTAINER_OF(op, struct cache_flight, op);

    if (result->error.code != ERR_OK) {
        fetch(flight);
        return;
    }
    flight->sequence = result->sequence;
    look(flight);
}

/* Waits until the holder lets the lease go, at most as long as a call may last. */
static void wait(struct cache_flight *flight)
{
    uint64_t used_ms = clock_age_ms() - flight->began_ms;
    struct store_request request = {.kind = STORE_WATCH, .after = flight->sequence};

    if (used_ms >= flight->call_ms || ++flight->n_rounds > ROUNDS_MAX) {
        fetch(flight);
        return;
    }
    request.wait_ms = flight->call_ms - (unsigned)used_ms;
    request.wait_ms = request.wait_ms < STORE_WAIT_MAX_MS ? request.wait_ms : STORE_WAIT_MAX_MS;
    flight->state = FLIGHT_WAITS;
    start(flight, &request, "flight/", on_event);
}

static void on_lease(struct store_op *op, const struct store_result *result)
{
    struct cache_flight *flight = CONTAINER_OF(op, struct cache_flight, op);

    flight->sequence = result->sequence;
    if (flight->task == NULL) { /* the task left meanwhile */
        flight->fence = result->error.code == ERR_OK ? result->fence : 0;
        let_go(flight, false);
        return;
    }
    if (result->error.code == ERR_CONFLICT) {
        wait(flight);
        return;
    }
    if (result->error.code != ERR_OK) {
        fetch(flight);
        return;
    }
    flight->fence = result->fence;
    if (result->bytes.len > 0) { /* the last holder has put an answer, perhaps since we looked */
        look(flight);
    } else {
        fetch(flight);
    }
}

static void on_looked(struct store_op *op, const struct store_result *result)
{
    struct cache_flight *flight = CONTAINER_OF(op, struct cache_flight, op);
    struct store_request lease = {.kind = STORE_LEASE, .ttl_ms = flight->call_ms + MARGIN_MS};
    struct cache_shared found;
    struct arena arena;

    arena_init(&arena);
    if (result->error.code == ERR_OK && read_document(flight, result, &arena, &found)) {
        flight->on_end(flight->task, &found); /* which ends the flight */
    } else if (flight->fence != 0 || result->error.code == ERR_STORE_AWAY) {
        fetch(flight);
    } else {
        flight->state = FLIGHT_ASKS;
        start(flight, &lease, "flight/", on_lease);
    }
    arena_done(&arena);
}

static void look(struct cache_flight *flight)
{
    struct store_request request = {.kind = STORE_GET};

    flight->state = FLIGHT_LOOKS;
    flight->looked_ms = clock_age_ms();
    start(flight, &request, "cache/", on_looked);
}

struct cache_flight *
cache_flight_begin(struct cache_share *share, struct task *task, struct str key, unsigned call_ms,
                   void (*on_end)(struct task *task, const struct cache_shared *found))
{
    struct cache_flight *flight = mem_zalloc(sizeof(*flight));
    struct digest digest;

    flight->share = share;
    flight->task = task;
    flight->on_end = on_end;
    flight->call_ms = call_ms;
    flight->began_ms = clock_age_ms();
    digest_of(key, &digest);
    digest_hex(&digest, flight->key);
    list_append(&share->flights, &flight->link);
    look(flight);
    return flight;
}

/* --- after it */

static void on_put(struct store_op *op, const struct store_result *result)
{
    let_go(CONTAINER_OF(op, struct cache_flight, op), result->error.code == ERR_OK);
}

void cache_flight_end(struct cache_flight *flight, const struct cache_answer *answer,
                      unsigned ttl_s)
{
    struct store_request request = {.kind = STORE_PUT, .ttl_ms = (uint64_t)ttl_s * 1000};
    bool fetched = flight->state == FLIGHT_FETCHES;
    struct buf document;

    flight->task = NULL;
    if (flight->state == FLIGHT_ASKS && !flight->share->stopped) {
        return; /* whether the lease is ours is known when the store has answered */
    }
    store_cancel(&flight->op);
    if (answer == NULL || !fetched || ttl_s == 0 || flight->share->stopped ||
        answer->body.len > STORE_BYTES_MAX - HEAD_MAX) {
        let_go(flight, false);
        return;
    }
    buf_init(&document, STORE_BYTES_MAX);
    write_head(&document, flight, answer, ttl_s);
    buf_str(&document, answer->body);
    if (buf_ok(&document)) {
        request.bytes = buf_view(&document);
        flight->state = FLIGHT_PUTS;
        start(flight, &request, "cache/", on_put);
    } else {
        let_go(flight, false);
    }
    buf_done(&document);
}

/* --- the share */

struct cache_share *cache_share_new(const struct api_options *options)
{
    struct cache_share *share;

    if (options->store == NULL || options->keeps == NULL) {
        return NULL;
    }
    share = mem_zalloc(sizeof(*share));
    share->store = options->store;
    share->keeps = options->keeps;
    list_init(&share->flights);
    return share;
}

void cache_share_purged(struct cache_share *share)
{
    share->purged_ms = clock_age_ms();
}

void cache_share_stop(struct cache_share *share)
{
    struct list *link;

    if (share == NULL) {
        return;
    }
    share->stopped = true;
    while ((link = list_first(&share->flights)) != NULL) { /* only those that put or let go */
        flight_free(CONTAINER_OF(link, struct cache_flight, link));
    }
}

void cache_share_free(struct cache_share *share)
{
    cache_share_stop(share);
    mem_free(share);
}
