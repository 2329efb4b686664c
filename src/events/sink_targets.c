#include "base/clock.h"
#include "data/json.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "sink_internal.h"

enum { SUCCESS = 200, NO_SUCCESS = 300, SEND_MS = 15000, TEXT_MAX = 160 };

static void nothing(struct sink *sink)
{
    (void)sink;
}

/* --- a file of lines */
static void row_of_file(struct sink *sink, const struct fact *fact)
{
    cloud_event_put(&sink->batch, fact);
    buf_char(&sink->batch, '\n');
}

static void on_written(struct append_file *file, const char *failure)
{
    struct sink *sink = CONTAINER_OF(file, struct sink, file);

    sink_sent(sink, failure, 0);
}

static void send_to_file(struct sink *sink)
{
    append_file_write(&sink->file, buf_view(&sink->batch), (uint64_t)clock_wall_ms(), on_written);
}

/* --- an HTTP endpoint: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md,
 * batched content mode */
static void begin_array(struct sink *sink)
{
    buf_char(&sink->batch, '[');
}

static void row_of_array(struct sink *sink, const struct fact *fact)
{
    if (sink->n_rows > 0) {
        buf_char(&sink->batch, ',');
    }
    cloud_event_put(&sink->batch, fact);
}

static void end_array(struct sink *sink)
{
    buf_char(&sink->batch, ']');
}

static void on_posted(struct upstream_call *call, enum error_code code)
{
    struct sink *sink = CONTAINER_OF(call, struct sink, call);
    int status = call->reply.status;
    char room[TEXT_MAX];

    if (code == ERR_OK && status >= SUCCESS && status < NO_SUCCESS) {
        sink_sent(sink, NULL, 0);
        return;
    }
    (void)str_print(room, sizeof(room), "it answered with the status %d", status);
    sink_sent(sink, code == ERR_OK ? room : call->error.text, 0);
}

static void send_to_http(struct sink *sink)
{
    struct error err = {0};

    sink->call = (struct upstream_call){
        .request = {.method = STR("POST"),
                    .path = sink->path,
                    .query = sink->query,
                    .body = buf_view(&sink->batch),
                    .content_type = STR("application/cloudevents-batch+json"),
                    .headers = sink->headers,
                    .n_headers = sink->n_headers,
                    .class = CALL_CREATE,
                    .deadline_ms = SEND_MS},
        .on_done = on_posted,
    };
    if (upstream_start(sink->upstream, &sink->call, &err) != ERR_OK) {
        sink_sent(sink, err.text, 0);
    }
}

static void cancel_http(struct sink *sink)
{
    upstream_cancel(&sink->call);
    sink->sends = false;
}

/* --- BigQuery: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll */
static void begin_rows(struct sink *sink)
{
    buf_text(&sink->batch, "{\"skipInvalidRows\":true,\"ignoreUnknownValues\":true,\"rows\":[");
}

static void row_of_table(struct sink *sink, const struct fact *fact)
{
    if (sink->n_rows > 0) {
        buf_char(&sink->batch, ',');
    }
    sink_row_table(&sink->batch, fact);
}

static void end_rows(struct sink *sink)
{
    buf_text(&sink->batch, "]}");
}

/* Counts the rows that the table has refused (another schema): it will not take them later either. */
static size_t n_refused(struct sink *sink, struct str body)
{
    struct arena arena;
    struct json *root = NULL;
    size_t n = 0;

    arena_init(&arena);
    if (json_parse(&arena, body, &json_of_ours, &root, NULL) == ERR_OK) {
        n = json_size(json_get(root, "insertErrors"));
    }
    if (n > 0) {
        log_event(LOG_WARN, "analytics.rows_refused", F_TEXT("sink", sink->kind->name),
                  F_INT("rows", n),
                  F_STR("reason", json_str(json_find(root, "/insertErrors/0/errors/0/message"))));
    }
    arena_done(&arena);
    return n;
}

static void on_inserted(struct sink_google_call *call, int status, struct str body,
                        const char *failure)
{
    struct sink *sink = CONTAINER_OF(call, struct sink, google);
    char room[TEXT_MAX];

    if (status >= SUCCESS && status < NO_SUCCESS) {
        sink_sent(sink, NULL, n_refused(sink, body));
        return;
    }
    (void)str_print(room, sizeof(room), "BigQuery answered with the status %d", status);
    sink_sent(sink, status > 0 ? room : failure, 0);
}

static void send_to_table(struct sink *sink)
{
    sink->google = (struct sink_google_call){
        .path = sink->path, .body = buf_view(&sink->batch), .on_done = on_inserted};
    sink->sinks->google.start(sink->sinks->google.context, &sink->google);
}

static void cancel_table(struct sink *sink)
{
    sink->sinks->google.cancel(&sink->google);
    sink->sends = false;
}

const struct sink_kind sink_kinds[SINK_N] = {
    [SINK_FILE] = {"consumers/analytics-file", "file", CONSUMER_FILE, TROUBLE_SINK_FILE, nothing,
                   row_of_file, nothing, send_to_file, nothing, .keeps = true},
    [SINK_HTTP] = {"consumers/analytics-http", "http", CONSUMER_HTTP, TROUBLE_SINK_HTTP,
                   begin_array, row_of_array, end_array, send_to_http, cancel_http},
    [SINK_BIGQUERY] = {"consumers/analytics-bigquery", "bigquery", CONSUMER_BIGQUERY,
                       TROUBLE_SINK_BIGQUERY, begin_rows, row_of_table, end_rows, send_to_table,
                       cancel_table},
};
