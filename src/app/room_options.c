#include "room_options.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/percent.h"
#include "crypto/tls.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "store/cloud.h"
#include "store/peer.h"
#include "store/redis.h"

enum { ADMIN_CONNECTIONS_MAX = 64 };

/* The share of one worker in a limit of the whole process. */
static unsigned part_of(const struct config *config, unsigned all)
{
    unsigned n = config->server.n_workers;

    return n > 1 ? all / n + (all % n > 0 ? 1 : 0) : all;
}

struct upstream_options upstream_options_of(const struct config *config)
{
    return (struct upstream_options){
        .base_url = config->upstream.base_url,
        .is_proxy = config->upstream.is_proxy,
        .client_id = config->upstream.client_id,
        .client_name = config->upstream.client_name,
        .ca_file = config->upstream.ca_file,
        .client_certificate_file = config->upstream.client_certificate_file,
        .client_key_file = config->upstream.client_key_file,
        .verify_tls = config->upstream.verify_tls,
        .connect_timeout_ms = config->upstream.connect_timeout_ms,
        .timeout_ms = config->upstream.timeout_ms,
        .max_active = part_of(config, config->upstream.max_active),
        .initial_active = part_of(config, config->upstream.initial_active),
        .max_waiting = part_of(config, config->upstream.max_waiting),
        .max_reply_bytes = config->upstream.max_reply_bytes,
        .max_tries = config->upstream.max_tries,
        .retry_base_ms = config->upstream.retry_base_ms,
        .retry_budget_percent = config->upstream.retry_budget_percent,
        .breaker = config->upstream.breaker,
        .others = config->upstream.endpoints,
        .n_others = config->upstream.n_endpoints,
        .probe_each_ms = config->upstream.endpoint_probe_ms,
        .back_after = config->upstream.endpoint_back_after,
        .probe_token = secret_is_set(&config->upstream.token) ? &config->upstream.token : NULL,
    };
}

/* Sessions that are shared live in the store. */
struct session_options session_options_of(const struct config *config)
{
    bool shares = config->store.redis.path.len > 0 || config->store.redis.host.len > 0 ||
                  config->store.bucket.kind != CONFIG_NO_BUCKET;

    struct session_options options = {
        .max_active = config->sessions.max_active,
        .timeout_s = config->sessions.timeout_s,
        .max_age_s = config->sessions.max_age_s,
        .max_queue = config->sessions.max_queue,
        .snapshot_file = shares ? STR_EMPTY : config->sessions.snapshot_file,
        .snapshot_interval_s = config->sessions.snapshot_interval_s,
        .strict = config->store.strict,
    };

    if (shares) {
        struct digest digest;
        char hex[65];

        digest_of_parts((struct str[]){config->store.url, config->store.prefix}, 2, &digest);
        digest_hex(&digest, hex);
        str_copy(options.mark, sizeof(options.mark), str_from(hex));
    }
    return options;
}

static unsigned max_per_address(const struct config *config)
{
    unsigned quarter = part_of(config, config->http.max_connections) / 4;

    if (config->http.max_connections_per_address > 0) {
        return config->http.max_connections_per_address;
    }
    return quarter > 0 ? quarter : 1;
}

static void describe_listeners(const struct config *config, struct listeners *listeners)
{
    for (size_t i = 0; i < config->server.n_all; i++) {
        const struct config_listener *one = &config->server.all[i];

        listeners->listen[i] = (struct http_listen){.name = one->name.ptr,
                                                    .address = one->address,
                                                    .socket = listeners->listen[i].socket,
                                                    .mode = one->mode,
                                                    .tls = listeners->tls[i],
                                                    .wants_header = one->proxy_protocol,
                                                    .header_peers = one->proxy_from,
                                                    .n_header_peers = one->n_proxy_from};
    }
}

struct http_server_options http_options_of(const struct config *config, struct listeners *listeners)
{
    describe_listeners(config, listeners);
    return (struct http_server_options){
        .listeners = listeners->listen,
        .n_listeners = config->server.n_all,
        .name = "proxy",
        .access_log = config->log.access,
        .count_metrics = true,
        .notes_facts = true,
        .security_headers = true,
        .hsts_s = config->server.hsts_s,
        .max_connections = part_of(config, config->http.max_connections),
        .makes_room = true,
        .max_per_address = max_per_address(config),
        .counts_loopback = config->http.max_connections_per_address > 0,
        .exempt = config->server.trusted_proxies,
        .n_exempt = config->server.n_trusted_proxies,
        .max_request_line = config->http.max_request_line,
        .max_header_bytes = config->http.max_header_bytes,
        .max_headers = config->http.max_headers,
        .max_pipeline_bytes = config->http.max_pipeline_bytes,
        .head_timeout_ms = config->http.head_timeout_ms,
        .body_timeout_ms = config->http.body_timeout_ms,
        .idle_timeout_ms = config->http.idle_timeout_ms,
        .write_timeout_ms = config->http.write_timeout_ms,
        .handshake_timeout_ms = config->http.handshake_timeout_ms,
        .max_handshakes = config->http.max_handshakes,
        .linger_ms = config->http.linger_ms,
        .linger_bytes = config->http.linger_bytes,
        .max_requests_per_connection = config->http.max_requests_per_connection,
        .gzip = config->http.gzip,
    };
}

/* The admin listener: without TLS, and its requests are not counted, so that scrapes raise no alert. */
struct http_server_options admin_options_of(const struct config *config)
{
    struct listeners unused = {.tls = {NULL}};
    struct http_server_options options = http_options_of(config, &unused);

    options.listeners = NULL;
    options.n_listeners = 0;
    options.listen = config->admin.listen;
    options.name = "admin";
    options.count_metrics = false;
    options.max_connections = ADMIN_CONNECTIONS_MAX;
    options.max_per_address = 0;
    return options;
}

void tell_certificate_expiry(const struct listeners *listeners)
{
    int64_t first = 0;

    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
        int64_t at = listeners->tls[i] != NULL ? tls_config_expiry(listeners->tls[i]) : 0;

        first = at != 0 && (first == 0 || at < first) ? at : first;
    }
    metric_set(M_CERTIFICATE_EXPIRY, first);
}

enum error_code open_config_tls(const struct config *config, struct listeners *out,
                                struct error *err)
{
    enum error_code code = ERR_OK;

    for (size_t i = 0; i < config->server.n_all && code == ERR_OK; i++) {
        code = config_open_tls(&config->server.all[i], &out->tls[i], err);
    }
    if (code != ERR_OK) {
        close_config_tls(out);
    }
    return code;
}

void close_config_tls(struct listeners *listeners)
{
    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
        tls_config_free(listeners->tls[i]);
        listeners->tls[i] = NULL;
    }
}

void swap_config_tls(struct listeners *running, struct listeners *fresh)
{
    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
        struct tls_config *before = running->tls[i];

        if (before != NULL && fresh->tls[i] != NULL) {
            running->tls[i] = fresh->tls[i];
            fresh->tls[i] = before;
        }
    }
}

static const enum store_cloud_kind cloud_kinds[] = {
    [CONFIG_S3] = STORE_S3, [CONFIG_GCS] = STORE_GCS, [CONFIG_FIRESTORE] = STORE_FIRESTORE};

struct store_cloud config_cloud(const struct config *config, const struct config_bucket *bucket)
{
    return (struct store_cloud){.kind = cloud_kinds[bucket->kind],
                                .bucket = bucket->bucket,
                                .folder = bucket->folder,
                                .database = bucket->database,
                                .aws_region = config->cloud.aws_region,
                                .ca_file = config->upstream.ca_file};
}

enum error_code open_config_store(struct loop *loop, const struct config *config, int peer_fd,
                                  struct store **out, struct error *err)
{
    struct store_options options = {.prefix = config->store.prefix,
                                    .timeout_ms = config->store.timeout_ms};
    struct store_redis where = {.path = config->store.redis.path,
                                .host = config->store.redis.host,
                                .port = config->store.redis.port,
                                .user = config->store.user,
                                .password = &config->store.password,
                                .database = config->store.redis.database};

    if (peer_fd > 0) {
        return store_open_peer(loop, &options, peer_fd, out, err);
    }
    if (config->store.bucket.kind != CONFIG_NO_BUCKET) {
        const struct store_cloud cloud = config_cloud(config, &config->store.bucket);

        options.timeout_ms = config_store_ms(config);
        return store_open_cloud(loop, &options, &cloud, out, err);
    }
    if (where.path.len == 0 && where.host.len == 0) {
        return ERR_OK;
    }
    if (config->store.redis.tls) {
        char *file = config->store.ca_file.len > 0 ? str_dup(config->store.ca_file) : NULL;
        enum error_code code = tls_config_client(file, &where.tls, err);

        mem_free(file);
        if (code != ERR_OK) {
            return code;
        }
    }
    return store_open_redis(loop, &options, &where, out, err);
}

/* "name=value,name=%20value", which config has judged. A broken escape is sent as it is. */
size_t read_config_headers(struct arena *arena, const struct secret *secret,
                           struct upstream_header *out, size_t max)
{
    struct str text = secret_reveal(secret);
    struct str item;
    size_t n = 0;

    while (n < max && str_next(&text, ',', &item)) {
        struct str name;
        struct str value;

        (void)str_cut(item, '=', &name, &value);
        out[n].name = str_trim(name);
        if (!percent_decode(arena, str_trim(value), false, &out[n].value)) {
            out[n].value = str_trim(value);
        }
        n++;
    }
    return n;
}

enum error_code open_config_telemetry(struct loop *loop, const struct config *config,
                                      struct telemetry **out, struct error *err)
{
    struct upstream_header headers[TELEMETRY_HEADERS_MAX];
    struct telemetry_options options = {
        .traces_url = config->otel.traces_url,
        .metrics_url = config->otel.metrics_url,
        .headers = headers,
        .service_name = config->otel.service_name,
        .resource_attributes = config->otel.resource_attributes,
        .version = VP_VERSION,
        .ca_file = config->upstream.ca_file,
        .share = config->otel.share,
        .interval_ms = config->otel.interval_ms,
        .gzip = str_is(config->otel.compression, "gzip"),
        .protobuf = str_is(config->otel.protocol, "http/protobuf"),
    };
    struct arena arena;
    enum error_code code;

    if (options.traces_url.len == 0 && options.metrics_url.len == 0) {
        return ERR_OK;
    }
    arena_init(&arena);
    options.n_headers =
        read_config_headers(&arena, &config->otel.headers, headers, TELEMETRY_HEADERS_MAX);
    code = telemetry_open(loop, &options, out, err);
    arena_wipe(&arena);
    arena_done(&arena);
    return code;
}

static void read_faults(const struct config *config, struct sandbox_fault *out)
{
    static const enum sandbox_close_at closes[] = {
        [CONFIG_FAULT_STATUS] = SANDBOX_CLOSE_NOT,
        [CONFIG_FAULT_DELAY] = SANDBOX_CLOSE_NOT,
        [CONFIG_FAULT_CLOSE_BEFORE] = SANDBOX_CLOSE_BEFORE,
        [CONFIG_FAULT_CLOSE_MID] = SANDBOX_CLOSE_MID,
        [CONFIG_FAULT_CLOSE_AFTER] = SANDBOX_CLOSE_AFTER};

    for (size_t i = 0; i < config->sandbox.n_faults; i++) {
        struct config_fault fault;

        /* checked when it was loaded */
        CHECK(config_fault_read(config->sandbox.faults[i], &fault, NULL) == ERR_OK);
        out[i] = (struct sandbox_fault){.method = fault.method,
                                        .path = fault.path,
                                        .status = fault.status,
                                        .delay_ms = fault.delay_ms,
                                        .close_at = closes[fault.effect],
                                        .probability = fault.probability};
    }
}

enum error_code open_config_sandbox(struct loop *loop, const struct config *config,
                                    struct sandbox **out, struct error *err)
{
    struct sandbox_fault *faults = mem_calloc(config->sandbox.n_faults + 1, sizeof(*faults));
    struct sandbox_options options;
    enum error_code code;

    sandbox_options_init(&options);
    read_faults(config, faults);
    options.listen = config->sandbox.listen;
    options.max_connections = config->http.max_connections;
    options.examples = config->sandbox.examples;
    options.execution_ms = config->sandbox.execution_ms;
    options.record_requests = config->sandbox.max_requests_kept > 0;
    options.max_requests_kept = config->sandbox.max_requests_kept;
    options.latency_ms = config->sandbox.latency.ms;
    options.latency_spread_ms = config->sandbox.latency.spread_ms;
    options.faults = faults;
    options.n_faults = config->sandbox.n_faults;
    options.seed = config->sandbox.seed;
    code = sandbox_open(loop, &options, out, err);
    mem_free(faults);
    if (code == ERR_OK) {
        loop_exact(loop);
    }
    return code;
}
