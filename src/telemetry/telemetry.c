#include "telemetry/telemetry.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "base/percent.h"
#include "base/secret.h"
#include "base/url.h"
#include "http/answer.h"
#include "net/loop.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/metrics_shared.h"
#include "observe/span.h"
#include "observe/trouble.h"
#include "upstream/upstream.h"
#include "wire.h"

enum {
    BATCH_BYTES = 128 * 1024, /* at which it is sent before its time */
    BODY_MAX = SPANS_BATCH_MAX + 64 * 1024,
    REPLY_MAX = 64 * 1024,
    CONNECT_MS = 3000,
    SEND_MS = 10000,
    TRIES = 3,
    RETRY_MS = 250,
    RETRY_PERCENT = 100,
    LAST_WORDS_MS = 1000,
    SUCCESS = 200,
    NO_SUCCESS = 300,
    STATUS_TEXT_MAX = 80
};

enum { SPANS, METRICS, SIGNALS };

/* One signal on its way to the collector. */
struct exporter {
    struct telemetry *telemetry;
    const char *name;          /* "spans" */
    struct upstream *upstream; /* NULL: this signal is not sent */
    struct str path;
    struct str query;
    struct upstream_call call;
    struct buf body;
    struct buf wire; /* the body as protobuf */
    struct buf packed;
    bool (*to_wire)(struct str json, struct buf *out);
    size_t n_spans; /* in the body */
    bool is_failing;
    enum trouble trouble;
};

struct telemetry {
    struct loop *loop;
    struct arena arena;
    struct exporter exporters[SIGNALS];
    struct str resource; /* JSON */
    struct str scope;    /* JSON */
    struct secret values[TELEMETRY_HEADERS_MAX];
    struct upstream_header headers[TELEMETRY_HEADERS_MAX + 1];
    size_t n_headers;
    struct compressor *compressor;
    struct buf batch;
    struct deadline tick;
    struct later_item soon;
    unsigned interval_ms;
    int64_t start_us;
    bool gzip;
    bool protobuf;
    bool owns_spans;
    bool closing;
    struct deadline last_words;
    struct callback on_closed;
};

static bool owned; /* spans are one batch of the process */

/* ---- one batch ---- */

static void close_when_idle(struct telemetry *telemetry);

static void tell_end(struct exporter *exporter, const char *failure)
{
    if (failure != NULL && !exporter->is_failing) {
        log_event(LOG_WARN, "telemetry.away", F_TEXT("signal", exporter->name),
                  F_TEXT("error", failure), F_TEXT("effect", "what cannot be sent is dropped"));
    } else if (failure == NULL && exporter->is_failing) {
        log_event(LOG_INFO, "telemetry.back", F_TEXT("signal", exporter->name));
    }
    exporter->is_failing = failure != NULL;
    trouble_tell(exporter->trouble, failure);
    metric_add(M_TELEMETRY_SENT, failure != NULL ? RESULT_ERROR : RESULT_OK, 0, 0, 1);
    if (failure != NULL) {
        metric_add(M_SPANS_DROPPED, 0, 0, 0, exporter->n_spans);
    }
    exporter->n_spans = 0;
}

static void on_done(struct upstream_call *call, enum error_code code)
{
    struct exporter *exporter = CONTAINER_OF(call, struct exporter, call);
    int status = call->reply.status;
    char room[STATUS_TEXT_MAX];
    bool taken = code == ERR_OK && status >= SUCCESS && status < NO_SUCCESS;

    (void)str_print(room, sizeof(room), "the collector answered with the status %d", status);
    tell_end(exporter, taken ? NULL : code == ERR_OK ? room : call->error.text);
    close_when_idle(exporter->telemetry);
}

static void send_body(struct exporter *exporter)
{
    struct telemetry *telemetry = exporter->telemetry;
    struct str body = buf_view(&exporter->body);
    struct error err = {0};
    bool packs = false;

    if (telemetry->protobuf) {
        buf_clear(&exporter->wire);
        if (!exporter->to_wire(body, &exporter->wire)) {
            tell_end(exporter, "this batch cannot be written as protobuf");
            return;
        }
        body = buf_view(&exporter->wire);
    }
    if (telemetry->gzip) {
        buf_clear(&exporter->packed);
        packs = compress_gzip(&telemetry->compressor, body, &exporter->packed);
        body = packs ? buf_view(&exporter->packed) : body;
    }
    exporter->call = (struct upstream_call){
        .request = {.method = STR("POST"),
                    .path = exporter->path,
                    .query = exporter->query,
                    .body = body,
                    .content_type = telemetry->protobuf ? STR("application/x-protobuf")
                                                        : STR("application/json"),
                    .headers = telemetry->headers + (packs ? 0 : 1),
                    .n_headers = telemetry->n_headers + (packs ? 1 : 0),
                    .class = CALL_READ, /* a batch that arrives twice does no harm */
                    .deadline_ms = telemetry->closing ? LAST_WORDS_MS : SEND_MS},
        .on_done = on_done,
    };
    if (upstream_start(exporter->upstream, &exporter->call, &err) != ERR_OK) {
        tell_end(exporter, err.text);
    }
}

/* ---- what is in it ---- */

static void begin_body(struct exporter *exporter, const char *resources, const char *scopes,
                       const char *items)
{
    const struct telemetry *telemetry = exporter->telemetry;
    struct buf *body = &exporter->body;

    buf_clear(body);
    buf_printf(body, "{\"%s\":[{\"resource\":", resources);
    buf_str(body, telemetry->resource);
    buf_printf(body, ",\"%s\":[{\"scope\":", scopes);
    buf_str(body, telemetry->scope);
    buf_printf(body, ",\"%s\":", items);
}

static void flush_spans(struct telemetry *telemetry)
{
    struct exporter *exporter = &telemetry->exporters[SPANS];

    if (!telemetry->owns_spans || upstream_is_running(&exporter->call)) {
        return;
    }
    exporter->n_spans = spans_take(&telemetry->batch);
    if (exporter->n_spans == 0) {
        return;
    }
    begin_body(exporter, "resourceSpans", "scopeSpans", "spans");
    buf_char(&exporter->body, '[');
    buf_str(&exporter->body, buf_view(&telemetry->batch));
    buf_text(&exporter->body, "]}]}]}");
    buf_clear(&telemetry->batch);
    send_body(exporter);
}

static void flush_metrics(struct telemetry *telemetry)
{
    struct exporter *exporter = &telemetry->exporters[METRICS];

    if (exporter->upstream == NULL || upstream_is_running(&exporter->call) ||
        !metrics_speaks_for_all()) {
        return;
    }
    begin_body(exporter, "resourceMetrics", "scopeMetrics", "metrics");
    metrics_write_otlp(&exporter->body, telemetry->start_us, clock_wall_ms() * 1000);
    buf_text(&exporter->body, "}]}]}");
    if (buf_ok(&exporter->body)) {
        send_body(exporter);
    }
}

static void on_tick(struct deadline *deadline)
{
    struct telemetry *telemetry = CONTAINER_OF(deadline, struct telemetry, tick);

    deadline_set(&telemetry->loop->deadlines, deadline, telemetry->interval_ms, on_tick);
    flush_spans(telemetry);
    flush_metrics(telemetry);
}

static void on_soon(struct later_item *item)
{
    flush_spans(CONTAINER_OF(item, struct telemetry, soon));
}

static void on_full(void *context)
{
    struct telemetry *telemetry = context;

    later_add(&telemetry->loop->later, &telemetry->soon, on_soon);
}

/* ---- opening ---- */

static void write_attribute(struct json_writer *w, struct str name, struct str value)
{
    jw_form(w, "{key:%s, value:{stringValue:%s}}", name, value);
}

static struct str write_resource(struct telemetry *telemetry,
                                 const struct telemetry_options *options)
{
    struct str rest = options->resource_attributes;
    struct str item;
    struct json_writer w;
    struct buf text;

    buf_init(&text, BODY_MAX);
    jw_init(&w, &text);
    jw_shape(&w, "{attributes:[");
    write_attribute(&w, STR("service.name"), options->service_name);
    write_attribute(&w, STR("service.version"), str_from(options->version));
    while (str_next(&rest, ',', &item)) {
        struct str name;
        struct str value;

        /* The option service_name wins over a service.name here, as OpenTelemetry wants it. */
        if (str_cut(item, '=', &name, &value) && !str_is(str_trim(name), "service.name") &&
            percent_decode(&telemetry->arena, str_trim(value), false, &value)) {
            write_attribute(&w, str_trim(name), value);
        }
    }
    jw_shape(&w, "]}");
    return arena_take(&telemetry->arena, &text);
}

static struct str write_scope(struct telemetry *telemetry, const char *version)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, REPLY_MAX);
    jw_init(&w, &text);
    jw_form(&w, "{name:'virtuoso-proxy', version:%s}", version);
    return arena_take(&telemetry->arena, &text);
}

static enum error_code open_exporter(struct telemetry *telemetry, size_t signal, struct str url,
                                     struct str ca_file, struct error *err)
{
    static const char *const names[SIGNALS] = {"spans", "metrics"};
    struct exporter *exporter = &telemetry->exporters[signal];
    struct upstream_options options =
        upstream_options_of_other(STR_EMPTY, ca_file, CONNECT_MS, SEND_MS, REPLY_MAX);

    options.max_tries = TRIES;
    options.retry_base_ms = RETRY_MS;
    options.retry_budget_percent = RETRY_PERCENT;
    exporter->name = names[signal];
    exporter->trouble = signal == SPANS ? TROUBLE_SPANS : TROUBLE_METRICS;
    if (url.len == 0) {
        return ERR_OK;
    }
    url_split(arena_str(&telemetry->arena, url), &options.base_url, &exporter->path,
              &exporter->query);
    return upstream_open(telemetry->loop, &options, &exporter->upstream, err);
}

/* Slot 0 is for the header of compressed bodies; the others are copied behind it. */
static void copy_headers(struct telemetry *telemetry, const struct telemetry_options *options)
{
    size_t n =
        options->n_headers < TELEMETRY_HEADERS_MAX ? options->n_headers : TELEMETRY_HEADERS_MAX;

    telemetry->headers[0] = (struct upstream_header){STR("Content-Encoding"), STR("gzip")};
    for (size_t i = 0; i < n; i++) {
        secret_set(&telemetry->values[i], options->headers[i].value);
        telemetry->headers[i + 1] =
            (struct upstream_header){arena_str(&telemetry->arena, options->headers[i].name),
                                     secret_reveal(&telemetry->values[i])};
    }
    telemetry->n_headers = n;
}

static int64_t process_start_us(void)
{
    struct process_figures process;

    process_figures_read(&process);
    return (int64_t)(process.start_time_seconds * 1e6);
}

static void free_all(struct telemetry *telemetry)
{
    for (size_t i = 0; i < TELEMETRY_HEADERS_MAX; i++) {
        secret_done(&telemetry->values[i]);
    }
    buf_done(&telemetry->batch);
    for (size_t i = 0; i < SIGNALS; i++) {
        buf_done(&telemetry->exporters[i].body);
        buf_done(&telemetry->exporters[i].wire);
        buf_done(&telemetry->exporters[i].packed);
    }
    compressor_free(telemetry->compressor);
    arena_done(&telemetry->arena);
    mem_free(telemetry);
}

static void start_spans(struct telemetry *telemetry, double share)
{
    if (telemetry->exporters[SPANS].upstream != NULL && !owned) {
        owned = true;
        telemetry->owns_spans = true;
        spans_open(share, BATCH_BYTES, on_full, telemetry);
    }
}

static void close_spans(struct telemetry *telemetry)
{
    if (telemetry->owns_spans) {
        telemetry->owns_spans = false;
        owned = false;
        spans_close();
    }
}

/* ---- closing ---- */

/* Closes the clients one after another. */
static void close_next(void *context)
{
    struct telemetry *telemetry = context;
    struct callback on_closed = telemetry->on_closed;

    for (size_t i = 0; i < SIGNALS; i++) {
        struct upstream *upstream = telemetry->exporters[i].upstream;

        if (upstream != NULL) {
            telemetry->exporters[i].upstream = NULL;
            upstream_close(upstream, close_next, telemetry);
            return;
        }
    }
    free_all(telemetry);
    callback_run(on_closed);
}

static void close_clients(struct telemetry *telemetry)
{
    deadline_clear(&telemetry->last_words);
    later_remove(&telemetry->soon);
    upstream_cancel(&telemetry->exporters[SPANS].call);
    upstream_cancel(&telemetry->exporters[METRICS].call);
    close_spans(telemetry);
    trouble_tell(TROUBLE_SPANS, NULL);
    trouble_tell(TROUBLE_METRICS, NULL);
    close_next(telemetry);
}

static void on_last_words(struct deadline *deadline)
{
    close_clients(CONTAINER_OF(deadline, struct telemetry, last_words));
}

/* If a batch was in flight when the end began, the last batch follows it; then the clients are closed. */
static void close_when_idle(struct telemetry *telemetry)
{
    if (!telemetry->closing) {
        return;
    }
    flush_spans(telemetry);
    if (!upstream_is_running(&telemetry->exporters[SPANS].call) &&
        !upstream_is_running(&telemetry->exporters[METRICS].call)) {
        deadline_set(&telemetry->loop->deadlines, &telemetry->last_words, 0, on_last_words);
    }
}

enum error_code telemetry_open(struct loop *loop, const struct telemetry_options *options,
                               struct telemetry **out, struct error *err)
{
    struct telemetry *telemetry = mem_zalloc(sizeof(*telemetry));
    enum error_code code;

    telemetry->loop = loop;
    arena_init(&telemetry->arena);
    buf_init(&telemetry->batch, SPANS_BATCH_MAX);
    telemetry->interval_ms = options->interval_ms;
    telemetry->gzip = options->gzip;
    telemetry->protobuf = options->protobuf;
    for (size_t i = 0; i < SIGNALS; i++) {
        struct exporter *exporter = &telemetry->exporters[i];

        exporter->telemetry = telemetry;
        exporter->to_wire = i == SPANS ? wire_of_traces : wire_of_metrics;
        buf_init(&exporter->body, BODY_MAX);
        buf_init(&exporter->wire, BODY_MAX);
        buf_init(&exporter->packed, BODY_MAX);
    }
    telemetry->start_us = process_start_us();
    telemetry->resource = write_resource(telemetry, options);
    telemetry->scope = write_scope(telemetry, options->version);
    copy_headers(telemetry, options);
    code = open_exporter(telemetry, SPANS, options->traces_url, options->ca_file, err);
    if (code == ERR_OK) {
        code = open_exporter(telemetry, METRICS, options->metrics_url, options->ca_file, err);
    }
    *out = telemetry; /* must be closed also after an error: a client may be open */
    if (code == ERR_OK) {
        start_spans(telemetry, options->share);
        deadline_set(&loop->deadlines, &telemetry->tick, options->interval_ms, on_tick);
    }
    return code;
}

void telemetry_close(struct telemetry *telemetry, void (*on_closed)(void *context), void *context)
{
    telemetry->closing = true;
    telemetry->on_closed = (struct callback){on_closed, context};
    deadline_clear(&telemetry->tick);
    deadline_set(&telemetry->loop->deadlines, &telemetry->last_words, LAST_WORDS_MS, on_last_words);
    flush_spans(telemetry);
    flush_metrics(telemetry);
    close_when_idle(telemetry);
}
