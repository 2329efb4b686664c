/* The birth and the end of an exchange: memory, access line, metrics. */
#include "http/exchange.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http_internal.h"
#include "observe/fact.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/span.h"

enum { HEAD_MAX = 16 * 1024, HEADER_LINES_MAX = 64 * 1024, BODY_KEPT = 4096 };

/* The memory of an exchange is kept for the next one, so that a warm server allocates nothing. Under
 * AddressSanitizer each exchange has new memory, so that a use after its end is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_MEMORY false
#endif
#endif
#ifndef KEEPS_MEMORY
#define KEEPS_MEMORY true
#endif

void exchange_drop_body(struct exchange *exchange)
{
    if (exchange->body.cap > BODY_KEPT) {
        buf_done(&exchange->body);
    }
    exchange->request.body = STR_EMPTY;
}

static void forget(struct exchange *exchange)
{
    arena_done_into(&exchange->arena, &exchange->server->bin);
    buf_done(&exchange->head);
    buf_done(&exchange->body);
    mem_free(exchange);
}

/* Keeps the memory for the next exchange, but gives back that of a large body. */
static void keep(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    struct buf head = exchange->head;
    struct buf body = exchange->body;

    if (body.cap > BODY_KEPT) {
        buf_done(&body);
    }
    buf_clear(&head);
    buf_clear(&body);
    if (exchange->arena.used_bytes < ARENA_LARGE) {
        arena_reset(&exchange->arena);
    } else {
        arena_done_into(&exchange->arena, &server->bin);
    }
    /* Only the part from `notes` to the headers is cleared: the headers are two thirds of the struct, and
     * what stands before `notes` is set for each exchange. */
    memset(&exchange->notes, 0,
           offsetof(struct exchange, request.headers) - offsetof(struct exchange, notes));
    exchange->head = head;
    exchange->body = body;
    list_prepend(&server->spares, &exchange->link);
    server->n_spares++;
}

void exchange_free_spares(struct http_server *server)
{
    struct list *link;

    while ((link = list_take_first(&server->spares)) != NULL) {
        forget(CONTAINER_OF(link, struct exchange, link));
    }
    server->n_spares = 0;
}

static struct exchange *take_memory(struct http_server *server)
{
    struct list *link = list_take_first(&server->spares);
    struct exchange *exchange;

    if (link != NULL) {
        server->n_spares--;
        return CONTAINER_OF(link, struct exchange, link);
    }
    exchange = mem_zalloc(sizeof(*exchange));
    arena_init(&exchange->arena);
    buf_init(&exchange->head, HEAD_MAX);
    return exchange;
}

static void name_peer(struct exchange *exchange, const struct transport *transport)
{
    struct str peer = arena_str(&exchange->arena, str_from(transport->peer));
    bool is_told = transport->client != NULL;

    exchange->request.hop = is_told ? peer : STR_EMPTY;
    exchange->request.peer =
        is_told ? arena_str(&exchange->arena, str_from(transport->client)) : peer;
}

const struct tls_peer *exchange_certificate(const struct exchange *exchange)
{
    struct http_connection *connection = exchange->connection;

    return connection != NULL
               ? transport_certificate(&connection->transport, connection->listener->tls)
               : NULL;
}

struct exchange *exchange_new(struct http_server *server, struct http_connection *connection)
{
    struct exchange *exchange = take_memory(server);

    exchange->server = server;
    exchange->connection = connection;
    if (connection != NULL) {
        name_peer(exchange, &connection->transport);
        exchange->request.is_tls = connection->listener->tls != NULL;
    }
    exchange->notes.route = STR("unmatched");
    exchange->base = STR_EMPTY;
    server->n_exchanges++;
    if (server->options.count_metrics) {
        metric_gauge_add(M_IN_FLIGHT, 1);
    }
    return exchange;
}

const struct http_header *exchange_find_header(const struct exchange *exchange, struct str name)
{
    for (size_t i = 0; i < exchange->request.n_headers; i++) {
        if (str_eq_nocase(exchange->request.headers[i].name, name)) {
            return &exchange->request.headers[i];
        }
    }
    return NULL;
}

size_t exchange_count_found(const struct exchange *exchange, struct str name)
{
    size_t n = 0;

    for (size_t i = 0; i < exchange->request.n_headers; i++) {
        n += str_eq_nocase(exchange->request.headers[i].name, name) ? 1 : 0;
    }
    return n;
}

struct str exchange_join_headers(struct exchange *exchange, const char *name)
{
    struct str first = exchange_header(exchange, name);
    size_t n_lines = 0;
    struct buf all;

    if (exchange_count_headers(exchange, name) < 2) {
        return first;
    }
    buf_init(&all, HEADER_LINES_MAX);
    for (size_t i = 0; i < exchange->request.n_headers; i++) {
        const struct http_header *header = &exchange->request.headers[i];

        if (str_is_nocase(header->name, name)) {
            if (n_lines++ > 0) {
                buf_char(&all, ',');
            }
            buf_str(&all, header->value);
        }
    }
    if (n_lines > 1) {
        first = arena_str(&exchange->arena, buf_view(&all));
    }
    buf_done(&all);
    return first;
}

/* ---- the end ---- */

static void count(const struct exchange *exchange, int status, uint64_t spent_us)
{
    size_t route = exchange->notes.route_label;

    metric_add(M_REQUESTS, route, metric_method_of(exchange->request.method),
               metric_class_of(status), 1);
    metric_observe_traced(M_REQUEST_SECONDS, route, spent_us,
                          exchange->trace.sampled ? str_from(exchange->trace.trace_id) : STR_EMPTY);
    metric_add(M_REQUEST_BYTES, 0, 0, 0, exchange->request_bytes);
    metric_add(M_RESPONSE_BYTES, 0, 0, 0, exchange->response_bytes);
}

/* "127.0.0.1:5234" is 127.0.0.1 */
static struct str without_port(struct str peer)
{
    size_t n = str_behind_last(peer, ':');

    return n > 0 ? str_sub(peer, 0, n - 1) : peer;
}

/* The span of a request (OpenTelemetry's conventions for HTTP servers). The path has no query. */
static void write_span(const struct exchange *exchange, int status, uint64_t end_us)
{
    enum { NAME_MAX_BYTES = 128 };
    const struct http_request *request = &exchange->request;
    const struct exchange_notes *notes = &exchange->notes;
    struct str failure = notes->error_slug.len > 0 ? notes->error_slug : STR("server error");
    bool failed = status >= 500;
    char text[NAME_MAX_BYTES];
    struct buf name;

    buf_init_on(&name, text, sizeof(text), sizeof(text) - 1);
    buf_str(&name, request->method);
    if (notes->route.len > 0) {
        buf_char(&name, ' ');
        buf_str(&name, notes->route);
    }

    const struct span_attribute attributes[] = {
        SPAN_TEXT("http.request.method", request->method),
        SPAN_TEXT("url.scheme", request->is_tls ? STR("https") : STR("http")),
        SPAN_TEXT("url.path", request->path),
        SPAN_TEXT("http.route", notes->route),
        SPAN_NUMBER("http.response.status_code", status),
        SPAN_TEXT("network.protocol.version",
                  request->minor_version == 0 ? STR("1.0") : STR("1.1")),
        SPAN_TEXT("client.address", without_port(request->peer)),
        SPAN_TEXT("error.type", failed ? failure : STR_EMPTY),
        SPAN_TEXT("virtuoso_proxy.command", notes->command),
        SPAN_TEXT("virtuoso_proxy.principal", notes->principal),
        SPAN_NUMBER("virtuoso_proxy.upstream_calls", notes->upstream_calls),
    };
    const struct span span = {
        .trace = &exchange->trace,
        .id = str_from(exchange->trace.span_id),
        .parent = str_from(exchange->trace.parent_span_id),
        .kind = SPAN_SERVER,
        .name = buf_view(&name),
        .begin_us = exchange->trace.begin_us,
        .end_us = end_us,
        .failure = failed ? "the answer is an error of this server or of the platform" : NULL,
        .attributes = attributes,
        .n_attributes = ARRAY_LEN(attributes),
    };

    span_write(&span);
    buf_done(&name);
}

/* Optional members follow the fixed ones; empty ones are left out. */
static void write_access_line(const struct exchange *exchange, enum log_level level, int status,
                              uint64_t spent_us)
{
    const struct exchange_notes *notes = &exchange->notes;
    const struct trace *trace = &exchange->trace;
    struct log_field fields[32];
    size_t n = 0;

    struct {
        const char *name;
        struct str value;
    } const texts[] = {{"principal", notes->principal},
                       {"command", notes->command},
                       {"session", notes->session},
                       {"error", notes->error_slug}};

    fields[n++] = F_TEXT("server", exchange->server->name);
    fields[n++] = F_TEXT("request_id", trace->request_id);
    if (!str_is(str_from(trace->trace_id), trace->request_id)) {
        fields[n++] = F_TEXT("trace_id", trace->trace_id);
    }
    fields[n++] = F_TEXT("span_id", trace->span_id);
    fields[n++] = F_STR("method", exchange->request.method);
    fields[n++] = F_STR("route", notes->route);
    fields[n++] = F_STR("path", exchange->request.path);
    fields[n++] = F_INT("status", status);
    fields[n++] = F_STR("peer", exchange->request.peer);
    fields[n++] = F_INT("request_bytes", exchange->request_bytes);
    fields[n++] = F_INT("response_bytes", exchange->response_bytes);
    fields[n++] = F_MS("ms", spent_us);
    for (size_t i = 0; i < TRACE_N_STAGES; i++) {
        if (trace->stage_us[i] > 0) {
            fields[n++] = F_MS(trace_stage_name((enum trace_stage)i), trace->stage_us[i]);
        }
    }
    if (notes->upstream_calls > 0) {
        fields[n++] = F_INT("upstream_status", notes->upstream_status);
        fields[n++] = F_INT("upstream_calls", notes->upstream_calls);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value.len > 0) {
            fields[n++] = F_STR(texts[i].name, texts[i].value);
        }
    }
    if (notes->report.len > 0) {
        fields[n++] = F_JSON("report", notes->report);
    }
    log_fields(level, "access", fields, n);
}

static void note_fact(const struct exchange *exchange, int status, uint64_t spent_us)
{
    static const char *const safe[] = {"OPTIONS", "HEAD", "GET"};

    enum { UNAUTHORIZED = 401, FORBIDDEN = 403, FIRST_ERROR = 400 };
    const struct exchange_notes *notes = &exchange->notes;
    bool refused = status == UNAUTHORIZED || status == FORBIDDEN;
    const char *outcome = status < FIRST_ERROR        ? "ok"
                          : notes->error_slug.len > 0 ? notes->error_slug.ptr /* of a table */
                                                      : "failed";
    struct fact *fact;

    if (!refused &&
        (notes->route_label == 0 || str_in(exchange->request.method, safe, ARRAY_LEN(safe)))) {
        return;
    }
    fact = fact_begin(refused ? FACT_AUTH_REFUSED : FACT_REQUEST, outcome);
    fact->status = status;
    fact->action = notes->route.ptr;
    fact->method = metric_label_value(LABEL_METHOD, metric_method_of(exchange->request.method));
    fact->us = spent_us;
    fact->is_told = notes->is_told;
    if (notes->owner != NULL) {
        mem_copy(fact->owner, notes->owner, sizeof(fact->owner));
    }
    str_copy(fact->principal, sizeof(fact->principal), notes->principal);
    str_copy(fact->peer, sizeof(fact->peer), exchange->request.peer);
    str_copy(fact->request_id, sizeof(fact->request_id), str_from(exchange->trace.request_id));
    str_copy(fact->subject, sizeof(fact->subject), notes->session);
    fact_end(fact);
}

uint64_t exchange_answered_us(struct exchange *exchange)
{
    exchange->answered_us = clock_now_us();
    return exchange->answered_us;
}

/* If the answer was given in this turn, its time is the end; else the clock is read again. */
static uint64_t end_us(const struct exchange *exchange)
{
    return exchange->answered_us >= clock_turn_us() ? exchange->answered_us : clock_now_us();
}

void exchange_end(struct exchange *exchange, int status)
{
    uint64_t now_us = end_us(exchange);
    uint64_t spent_us = exchange->trace.begin_us > 0 && now_us > exchange->trace.begin_us
                            ? now_us - exchange->trace.begin_us
                            : 0;
    const struct http_server_options *options = &exchange->server->options;
    bool is_dull = exchange->notes.is_probe && status < 400;
    enum log_level level = is_dull ? LOG_DEBUG : LOG_INFO;

    CHECK(!deadline_is_set(&exchange->deadline));
    if (FACTS_ARE_NOTED && options->notes_facts) {
        note_fact(exchange, status, spent_us);
    }
    if (options->count_metrics) {
        count(exchange, status, spent_us);
        metric_gauge_add(M_IN_FLIGHT, -1);
    }
    if (FACTS_ARE_NOTED && options->count_metrics && spans_wanted(&exchange->trace) && !is_dull) {
        write_span(exchange, status, now_us);
    }
    if (options->access_log && log_is_on(level)) {
        write_access_line(exchange, level, status, spent_us);
    }
    exchange->server->n_exchanges--;
    if (KEEPS_MEMORY && exchange->server->n_spares < HTTP_SPARES_MAX) {
        keep(exchange);
    } else {
        forget(exchange);
    }
}
