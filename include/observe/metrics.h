/* Metrics: an X-macro table of families, label values known at start, so cardinality is fixed.
 * Add a metric by adding a row. Label values of LABEL_ROUTE, LABEL_CALL and LABEL_COMMAND are given
 * by metrics_label_values before metrics_open; the others stand in src/observe/metrics.c. */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum metric_label {
    LABEL_NONE,
    LABEL_ROUTE,
    LABEL_METHOD,
    LABEL_CLASS,
    LABEL_CALL,
    LABEL_RESULT,
    LABEL_COMMAND,
    LABEL_STORE, /* in the order of enum store_kind */
    LABEL_LIMIT,
    LABEL_CONSUMER,
    LABEL_N
};

enum { CLASS_1XX, CLASS_2XX, CLASS_3XX, CLASS_4XX, CLASS_5XX, CLASS_499, CLASS_N };

enum {
    METHOD_LABEL_GET,
    METHOD_LABEL_HEAD,
    METHOD_LABEL_POST,
    METHOD_LABEL_PUT,
    METHOD_LABEL_PATCH,
    METHOD_LABEL_DELETE,
    METHOD_LABEL_OPTIONS,
    METHOD_LABEL_OTHER,
    METHOD_LABEL_N
};

enum {
    RESULT_OK,
    RESULT_REFUSED,
    RESULT_RESET,
    RESULT_TIMEOUT,
    RESULT_ERROR,
    RESULT_CANCELLED,
    RESULT_TOO_BIG,
    RESULT_N
};

/* Consumers of events. */
enum {
    CONSUMER_WEBHOOKS,
    CONSUMER_AUDIT,
    CONSUMER_ANALYTICS,
    CONSUMER_FILE, /* the sinks of analytics */
    CONSUMER_HTTP,
    CONSUMER_BIGQUERY,
    CONSUMER_JOURNAL, /* the way into the shared store */
    CONSUMER_ARTIFACTS,
    CONSUMER_N
};

/* The limit that refused a request. */
enum {
    LIMIT_LABEL_KEY,
    LIMIT_LABEL_KEY_CLASS, /* of a class of routes */
    LIMIT_LABEL_TENANT,
    LIMIT_LABEL_TENANT_CLASS,
    LIMIT_LABEL_AT_ONCE, /* too many requests under way, of all callers together */
    LIMIT_LABEL_ADDRESS,
    LIMIT_LABEL_N
};

/* clang-format off */
/* id, kind, name, help, label 1, label 2, label 3 */
#define METRIC_TABLE(X)                                                                                              \
    X(M_REQUESTS,            COUNTER,   "http_requests_total", "Requests answered.", ROUTE, METHOD, CLASS)           \
    X(M_REQUEST_SECONDS,     HISTOGRAM, "http_server_request_duration_seconds", "From first byte of the request to last byte of the answer.", ROUTE, NONE, NONE) \
    X(M_REQUEST_BYTES,       COUNTER,   "http_request_bytes_total", "Bytes received from clients.", NONE, NONE, NONE) \
    X(M_RESPONSE_BYTES,      COUNTER,   "http_response_bytes_total", "Bytes sent to clients.", NONE, NONE, NONE)     \
    X(M_REFUSED_REQUESTS,    COUNTER,   "http_malformed_requests_total", "Requests refused by the parser or its guard.", NONE, NONE, NONE) \
    X(M_CONNECTIONS,         GAUGE,     "connections", "Open client connections.", NONE, NONE, NONE)                 \
    X(M_CONNECTIONS_TOTAL,   COUNTER,   "connections_total", "Client connections accepted.", NONE, NONE, NONE)       \
    X(M_CONNECTIONS_REFUSED, COUNTER,   "connections_refused_total", "Times the listener paused: at the connection limit, or without free file descriptors.", NONE, NONE, NONE) \
    X(M_CONNECTIONS_EVICTED, COUNTER,   "connections_evicted_total", "Connections without a request that were closed to make room for others.", NONE, NONE, NONE) \
    X(M_CONNECTIONS_SHARED,  COUNTER,   "connections_over_share_total", "Connections that were closed because their address had its share of the places.", NONE, NONE, NONE) \
    X(M_HANDSHAKES,          COUNTER,   "tls_handshakes_total", "TLS handshakes of clients, by result. refused: too slow while others waited; cancelled: the client left.", RESULT, NONE, NONE) \
    X(M_HANDSHAKES_ACTIVE,   GAUGE,     "tls_handshakes_active", "TLS handshakes under way.", NONE, NONE, NONE)       \
    X(M_HANDSHAKES_WAITING,  GAUGE,     "tls_handshakes_waiting", "Connections that wait for their TLS handshake to begin.", NONE, NONE, NONE) \
    X(M_PROXY_REFUSED,       COUNTER,   "proxy_headers_refused_total", "Connections refused for want of a PROXY header, or because their address may not send one.", NONE, NONE, NONE) \
    X(M_IN_FLIGHT,           GAUGE,     "http_requests_in_flight", "Requests being worked on.", NONE, NONE, NONE)    \
    X(M_UPSTREAM_CALLS,      COUNTER,   "upstream_calls_total", "Calls to the platform, by result.", CALL, RESULT, CLASS) \
    X(M_UPSTREAM_SECONDS,    HISTOGRAM, "http_client_request_duration_seconds", "Time of a call, from its handing over to the client library to its end.", CALL, NONE, NONE) \
    X(M_TOKEN_REFUSED,       COUNTER,   "upstream_token_refused_total", "Calls that the platform answered with 401 although they had a token of ours.", NONE, NONE, NONE) \
    X(M_UPSTREAM_RETRIES,    COUNTER,   "upstream_retries_total", "Calls sent again.", NONE, NONE, NONE)             \
    X(M_UPSTREAM_OPEN,       GAUGE,     "upstream_connections", "Connections to the platform, open or being opened.", NONE, NONE, NONE) \
    X(M_UPSTREAM_OPENED,     COUNTER,   "upstream_connections_total", "Connections to the platform that were begun.", NONE, NONE, NONE) \
    X(M_UPSTREAM_ACTIVE,     GAUGE,     "upstream_active", "Calls on the wire.", NONE, NONE, NONE)                   \
    X(M_UPSTREAM_WAITING,    GAUGE,     "upstream_queue_length", "Calls waiting for admission.", NONE, NONE, NONE)   \
    X(M_UPSTREAM_WAIT,       HISTOGRAM, "upstream_queue_wait_seconds", "Time from start to admission.", NONE, NONE, NONE) \
    X(M_UPSTREAM_LIMIT,      GAUGE,     "upstream_limit", "Most calls to the platform at once, as found out; of the credential whose limit changed last.", NONE, NONE, NONE) \
    X(M_UPSTREAM_SHED,       COUNTER,   "upstream_shed_total", "Calls refused before they were sent: a full queue, or no time left for an answer.", NONE, NONE, NONE) \
    X(M_BREAKER_OPEN,        GAUGE,     "upstream_breaker_open", "Platforms that are away, so that only probes are sent; 0: none is.", NONE, NONE, NONE) \
    X(M_BREAKER_OPENED,      COUNTER,   "upstream_breaker_opened_total", "Times the platform was found to be away.", NONE, NONE, NONE) \
    X(M_BREAKER_REFUSED,     COUNTER,   "upstream_breaker_refused_total", "Calls refused while the platform was away.", NONE, NONE, NONE) \
    X(M_PROBES,              COUNTER,   "upstream_probes_total", "Probes sent to find out whether the platform is back.", NONE, NONE, NONE) \
    X(M_COMMANDS,            COUNTER,   "commands_total", "Commands run, by outcome.", COMMAND, RESULT, NONE)        \
    X(M_LANES_ACTIVE,        GAUGE,     "lanes_active", "Checkpoints at which somebody makes, moves or removes a step.", NONE, NONE, NONE) \
    X(M_LANE_WAITING,        GAUGE,     "lane_waiting", "Steps that wait for their turn at a checkpoint.", NONE, NONE, NONE) \
    X(M_SESSIONS,            GAUGE,     "sessions", "Sessions in memory.", NONE, NONE, NONE)                         \
    X(M_SESSIONS_EVICTED,    COUNTER,   "sessions_evicted_total", "Sessions evicted because sessions.max_active was reached.", NONE, NONE, NONE) \
    X(M_CACHE_HITS,          COUNTER,   "cache_hits_total", "Answers from the cache.", NONE, NONE, NONE)             \
    X(M_CACHE_MISSES,        COUNTER,   "cache_misses_total", "Answers that had to be fetched.", NONE, NONE, NONE)   \
    X(M_CACHE_BYTES,         GAUGE,     "cache_bytes", "Bytes held by the cache.", NONE, NONE, NONE)                 \
    X(M_IDEMPOTENT_REPLAYS,  COUNTER,   "idempotency_replays_total", "Stored replies sent again.", NONE, NONE, NONE) \
    X(M_RATE_LIMITED,        COUNTER,   "rate_limited_total", "Requests refused with 429, by the limit that refused them.", LIMIT, NONE, NONE) \
    X(M_AUTH_FAILURES,       COUNTER,   "auth_failures_total", "Requests refused for their credential.", NONE, NONE, NONE) \
    X(M_ENDPOINTS,           GAUGE,     "upstream_endpoints", "Addresses of the platform (upstream.endpoints); 0: it has one only.", NONE, NONE, NONE) \
    X(M_ENDPOINTS_UP,        GAUGE,     "upstream_endpoints_up", "Addresses of the platform that are there; 0 where it has one only.", NONE, NONE, NONE) \
    X(M_ENDPOINT_IN_USE,     GAUGE,     "upstream_endpoint_in_use", "Address of the platform where calls begin: 0 upstream.base_url, 1 the first of upstream.endpoints, and so on.", NONE, NONE, NONE) \
    X(M_FAILOVERS,           COUNTER,   "upstream_failovers_total", "Times that calls began at another address of the platform than before.", NONE, NONE, NONE) \
    X(M_UPSTREAM_MOVED,      COUNTER,   "upstream_calls_moved_total", "Calls that went on at another address of the platform.", NONE, NONE, NONE) \
    X(M_TOKEN_CHANGES,       COUNTER,   "upstream_token_changes_total", "Changes between the primary and the secondary token of an account.", NONE, NONE, NONE) \
    X(M_KEY_SET_READS,       COUNTER,   "key_set_reads_total", "Key sets (auth.jwt.jwks) that were read and taken.", NONE, NONE, NONE) \
    X(M_KEY_SET_FAILURES,    COUNTER,   "key_set_failures_total", "Key sets that could not be read or used; the old keys stay.", NONE, NONE, NONE) \
    X(M_KEY_EXPIRY,          GAUGE,     "key_expiry_timestamp_seconds", "When the first of auth.keys that is still good expires; 0: none of them does.", NONE, NONE, NONE) \
    X(M_CERTIFICATE_EXPIRY,  GAUGE,     "certificate_expiry_timestamp_seconds", "When the first of our own certificates expires; 0: there is none.", NONE, NONE, NONE) \
    X(M_STORE_OPERATIONS,    COUNTER,   "store_operations_total", "Operations of the store, by result.", STORE, RESULT, NONE) \
    X(M_STORE_SECONDS,       HISTOGRAM, "store_operation_duration_seconds", "Time of an operation of the store, from start to end.", STORE, NONE, NONE) \
    X(M_SPANS_DROPPED,       COUNTER,   "spans_dropped_total", "Spans lost: the collector did not take them in time.", NONE, NONE, NONE) \
    X(M_TELEMETRY_SENT,      COUNTER,   "telemetry_exports_total", "Batches of spans or metrics sent to the collector (otel.endpoint), by result.", RESULT, NONE, NONE) \
    X(M_WEBHOOK_DELIVERIES,  COUNTER,   "webhook_deliveries_total", "Events that were posted to a webhook, by result; error: given up after a day.", RESULT, NONE, NONE) \
    X(M_EVENT_LAG,           GAUGE,     "event_lag_events", "Events that a consumer has not taken yet; of webhooks, the one that is furthest behind.", CONSUMER, NONE, NONE) \
    X(M_EVENTS_LOST,         COUNTER,   "event_lost_total", "Events that a consumer was not told of: it was too slow, its sink refused them, or the shared store was away too long (journal).", CONSUMER, NONE, NONE) \
    X(M_SINK_BATCHES,        COUNTER,   "event_sink_batches_total", "Batches of events handed to the audit or to a sink of analytics, by result; error: to be tried again.", CONSUMER, RESULT, NONE) \
    X(M_ARTIFACTS,           COUNTER,   "artifact_runs_total", "Test runs whose reports were put to artifacts.url, by result; error: given up after an hour, or the run was not kept so long.", RESULT, NONE, NONE) \
    X(M_ARTIFACT_FAILURES,   COUNTER,   "artifact_failures_total", "Times that the reports of a test run could not be put to artifacts.url; they are tried again.", NONE, NONE, NONE) \
    X(M_LOG_DROPPED,         COUNTER,   "log_lines_dropped_total", "Log lines lost: nobody read the pipe, or the disk was full.", NONE, NONE, NONE) \
    X(M_LOOP_LAG,            HISTOGRAM, "loop_lag_seconds", "How late the 50 ms tick came.", NONE, NONE, NONE)       \
    X(M_LOOP_TURN_CPU,       SECONDS,   "loop_turn_cpu_seconds_max", "CPU time of the longest turn of the loop so far, at most. Turns below 2 ms are not looked at.", NONE, NONE, NONE) \
    X(M_DRAINING,            GAUGE,     "draining", "1 while shutting down.", NONE, NONE, NONE)                      \
    X(M_WORKERS,             GAUGE,     "workers", "Processes that answer requests.", NONE, NONE, NONE)              \
    X(M_WORKER_RESTARTS,     COUNTER,   "worker_restarts_total", "Workers (server.workers) that were started in the place of one that ended or stood still.", NONE, NONE, NONE) \
    X(M_CONFIG_GOOD,         GAUGE,     "config_last_reload_successful", "1: the configuration was taken when it was last read; 0: it was refused, and the one before it is in force.", NONE, NONE, NONE) \
    X(M_CONFIG_TIME,         GAUGE,     "config_last_reload_success_timestamp_seconds", "When the configuration in force was taken.", NONE, NONE, NONE) \
    X(M_CONFIG_RELOADS,      COUNTER,   "config_reloads_total", "Times that the configuration was read again, be it taken or refused.", NONE, NONE, NONE) \
    X(M_RUN_RECALLS,         COUNTER,   "run_recalls_total", "Requests to this service itself that Cloud Tasks or Lambda was asked for, so that a test run goes on (runs.recall), by result.", RESULT, NONE, NONE) \
    X(M_SECRET_READS,        COUNTER,   "secret_reads_total", "Readings of secrets by reference (aws-sm:, aws-ssm:, gcp-sm:), by result.", RESULT, NONE, NONE) \
    X(M_SECRETS_STALE,       GAUGE,     "secrets_stale", "Secrets by reference that could not be read again; the last good value is in use.", NONE, NONE, NONE) \
    X(M_SECRETS_TIME,        GAUGE,     "secrets_last_read_timestamp_seconds", "When all secrets by reference were last read; 0: there are none.", NONE, NONE, NONE) \
    X(M_RUNS_ACTIVE,         GAUGE,     "test_runs_active", "Test runs in progress.", NONE, NONE, NONE)              \
    X(M_SSE_WATCHERS,        GAUGE,     "event_watchers", "Open event streams.", NONE, NONE, NONE)

/* clang-format on */

enum metric {

#define X(id, kind, name, help, l1, l2, l3) id,
    METRIC_TABLE(X)
#undef X
        METRIC_N
};

/* The array is copied; its strings must live as long as the process, as those of constant tables do.
 * Index 0 is "unmatched" or "other". After metrics_open only as many values may be given as before. */
void metrics_label_values(enum metric_label label, const char *const *values, size_t n);
/* The first open allocates, and all series start at 0; the last done frees. */
void metrics_open(void);
void metrics_done(void);

/* Label indexes in the order of the row; unused ones are 0. Safe no-ops before metrics_open. */
void metric_add(enum metric metric, size_t l1, size_t l2, size_t l3, uint64_t n);
void metric_set(enum metric metric, int64_t value);                  /* gauges */
void metric_set_of(enum metric metric, size_t label, int64_t value); /* of one label value */
void metric_gauge_add(enum metric metric, int64_t delta);
void metric_observe_us(enum metric metric, size_t l1, uint64_t microseconds); /* histograms */
/* The same; OpenMetrics then shows the trace as an example of its bucket (32 hexadecimal digits;
 * empty: none). */
void metric_observe_traced(enum metric metric, size_t l1, uint64_t microseconds,
                           struct str trace_id);
/* The values that are told. Where processes share their metrics, they are of all processes, as of the last
 * metrics_gather (observe/metrics_shared.h). */
int64_t metric_value(enum metric metric); /* gauges and label-less counters */
uint64_t metric_sum(enum metric metric);  /* counters: over all series */
double metric_quantile_seconds(enum metric metric,
                               double quantile); /* over all series; interpolated */

size_t metric_class_of(int status);
/* "other" for an index out of range. */
const char *metric_label_value(enum metric_label label, size_t index);
size_t metric_method_of(struct str method);

/* Prometheus text 0.0.4, or OpenMetrics 1.0 (with `# EOF`). Names of OpenTelemetry's semantic
 * conventions (http_server_*, http_client_*) stand as they are, the others begin with
 * "virtuoso_proxy_"; process_* and build info included. A series that is 0 is left out, unless its family is
 * small: at most 8 series, for a histogram only one. */
void metrics_write(struct buf *out, bool openmetrics, const char *version);
/* The same as the elements of OTLP's JSON array `metrics`: cumulative since start_us, Unix times in
 * microseconds. Names and attributes have dots where semantic conventions have them. */
void metrics_write_otlp(struct buf *out, int64_t start_us, int64_t now_us);

struct process_figures {
    uint64_t rss_bytes;
    uint64_t memory_limit_bytes; /* of the control group, else of the machine */
    double cpu_limit_cores;      /* quota of the control group, else the cores it may run on */
    uint64_t virtual_bytes;
    double cpu_seconds;
    uint64_t open_fds;
    uint64_t max_fds;
    double start_time_seconds; /* Unix */
};

void process_figures_read(struct process_figures *out);

#endif
