/* Opening and closing a client, and the questions that other rooms may ask it. Options are checked here, so
 * that nothing about them can fail later. */
#include "upstream_internal.h"

#include <unistd.h>

#include "base/check.h"
#include "base/host.h"
#include "base/mem.h"
#include "base/url.h"
#include "observe/metrics.h"

enum { LINES_MAX = 64 * 1024, HOST_MAX = 255 };

static bool url_has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return has;
}

static struct str url_part(struct upstream *upstream, CURLUPart part)
{
    char *text = NULL;
    struct str copy = STR_EMPTY;

    if (curl_url_get(upstream->base, part, &text, 0) == CURLUE_OK) {
        copy = arena_str(&upstream->arena, str_from(text));
    }
    curl_free(text);
    return copy;
}

static uint16_t port_of(struct upstream *upstream)
{
    struct str text = url_part(upstream, CURLUPART_PORT);
    int64_t port;

    if (str_to_i64(text, 1, UINT16_MAX, &port)) {
        return (uint16_t)port;
    }
    return upstream->tls ? 443 : 80;
}

static enum error_code read_base_url(struct upstream *upstream, const char *option,
                                     struct error *err)
{
    struct str url = upstream->options.base_url;
    struct str path;
    struct str scheme;
    struct str host;

    upstream->base = curl_url();
    CHECK(upstream->base != NULL);
    if (curl_url_set(upstream->base, CURLUPART_URL, url.ptr, 0) != CURLUE_OK) {
        return error_at(err, ERR_CONFIG, option, "not a URL: \"%.*s\"",
                        STR_ARG(url_shown(url, url.len)));
    }
    scheme = url_part(upstream, CURLUPART_SCHEME);
    if (!str_is(scheme, "http") && !str_is(scheme, "https")) {
        return error_at(err, ERR_CONFIG, option, "must begin with http:// or https://");
    }
    if (url_has(upstream->base, CURLUPART_USER) || url_has(upstream->base, CURLUPART_QUERY) ||
        url_has(upstream->base, CURLUPART_FRAGMENT)) {
        return error_at(err, ERR_CONFIG, option,
                        "holds a user, a query or a fragment; only host and path are allowed");
    }
    host = url_part(upstream, CURLUPART_HOST);
    if (host.len > HOST_MAX || !str_is_of(host, "\x01-\x7F")) {
        return error_at(err, ERR_CONFIG, option,
                        "write the name of the host in its ASCII form (xn--...)");
    }
    upstream->tls = str_is(scheme, "https");
    upstream->bypass_proxy =
        host_is_loopback(host) || upstream->options.public_only || upstream->options.is_direct;
    upstream->host = host;
    upstream->port = port_of(upstream);
    path = url_part(upstream, CURLUPART_PATH);
    while (str_ends(path, STR("/"))) {
        path.len--;
    }
    upstream->base_path = path;
    return ERR_OK;
}

/* The header lines that every request has, in one piece. The port is left out where it is the
 * scheme's default, as all clients do. */
static void write_lines(struct upstream *upstream)
{
    struct str id = upstream->options.client_id;
    struct str name = upstream->options.client_name;
    struct str port = url_part(upstream, CURLUPART_PORT);
    bool is_usual = port.len == 0 || str_is(port, upstream->tls ? "443" : "80");
    struct buf lines;

    buf_init(&lines, LINES_MAX);
    buf_text(&lines, "Host: ");
    buf_str(&lines, url_part(upstream, CURLUPART_HOST));
    buf_text(&lines, is_usual ? "" : ":");
    buf_str(&lines, is_usual ? STR_EMPTY : port);
    buf_text(&lines, "\r\n");
    if (id.len > 0) {
        buf_printf(&lines, "X-Virtuoso-Client-ID: %.*s\r\n", STR_ARG(id));
    }
    if (name.len > 0) {
        buf_printf(&lines, "X-Virtuoso-Client-Name: %.*s\r\n", STR_ARG(name));
    }
    if (upstream->options.is_proxy) {
        buf_text(&lines, "Via: 1.1 virtuoso-proxy\r\n");
    }
    CHECK(buf_ok(&lines));
    upstream->lines = arena_take(&upstream->arena, &lines);
}

struct upstream_options upstream_options_of_other(struct str base_url, struct str ca_file,
                                                  unsigned connect_timeout_ms, unsigned timeout_ms,
                                                  size_t max_reply_bytes)
{
    return (struct upstream_options){
        .base_url = base_url,
        .ca_file = ca_file,
        .verify_tls = true,
        .is_other = true,
        .connect_timeout_ms = connect_timeout_ms,
        .timeout_ms = timeout_ms,
        .max_active = 1,
        .max_waiting = 1,
        .max_reply_bytes = max_reply_bytes,
        .max_tries = 1,
    };
}

static void copy_options(struct upstream *upstream, const struct upstream_options *options,
                         struct str base_url)
{
    struct upstream_options *own = &upstream->options;

    *own = *options;
    own->base_url = arena_str(&upstream->arena, base_url);
    own->others = NULL;
    own->client_id = arena_str(&upstream->arena, options->client_id);
    own->client_name = arena_str(&upstream->arena, options->client_name);
    own->ca_file = arena_str(&upstream->arena, options->ca_file);
    own->client_certificate_file = arena_str(&upstream->arena, options->client_certificate_file);
    own->client_key_file = arena_str(&upstream->arena, options->client_key_file);
}

static void configure(struct upstream *upstream, const struct upstream_options *options)
{
    struct upstream_options *own = &upstream->options;

    own->connect_timeout_ms = options->connect_timeout_ms;
    own->timeout_ms = options->timeout_ms;
    own->max_active = options->max_active;
    own->max_waiting = options->max_waiting;
    own->max_reply_bytes = options->max_reply_bytes;
    own->max_tries = options->max_tries;
    own->retry_base_ms = options->retry_base_ms;
    own->retry_budget_percent = options->retry_budget_percent;
    own->initial_active = options->initial_active;
    queue_configure(&upstream->queue, own);
    guard_configure(upstream, options);
}

void upstream_configure(struct upstream *upstream, const struct upstream_options *options)
{
    struct upstream *all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_each(upstream, all);

    for (size_t i = 0; i < n; i++) {
        configure(all[i], options);
    }
}

static enum error_code check_options(const struct upstream *upstream, struct error *err)
{
    const struct upstream_options *options = &upstream->options;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    const struct upstream_header texts[] = {{STR("client-id"), options->client_id},
                                            {STR("client-name"), options->client_name}};

    if ((version->features & CURL_VERSION_ASYNCHDNS) == 0) {
        return error_set(err, ERR_CONFIG,
                         "this libcurl (%s) resolves names by blocking; install one built with "
                         "the threaded resolver or c-ares, as distributions do",
                         version->version);
    }
    if (options->max_active == 0 || options->max_tries == 0 || options->max_reply_bytes == 0 ||
        options->timeout_ms == 0 || options->connect_timeout_ms == 0) {
        return error_set(err, ERR_CONFIG, "the limits of the platform client must not be 0");
    }
    if (options->ca_file.len > 0 && access(options->ca_file.ptr, R_OK) != 0) {
        return error_at(err, ERR_CONFIG, "upstream.ca_file", "cannot be read: \"%.*s\"",
                        STR_ARG(options->ca_file));
    }
    return headers_check(texts, ARRAY_LEN(texts), err);
}

static void free_unopened(struct upstream *upstream)
{
    curl_url_cleanup(upstream->base);
    arena_done(&upstream->arena);
    mem_free(upstream);
    curl_global_cleanup();
}

/* Debian's libcurl links librtmp, and librtmp links GnuTLS, which is not used here: libcurl speaks TLS by OpenSSL.
 * GnuTLS would initialise itself at each start of the program, which takes 0.12 MiB and 700,000 instructions, unless
 * this function says no (its macro GNUTLS_SKIP_GLOBAL_INIT). A libcurl that speaks TLS by GnuTLS initialises it. */
int upstream_skips_gnutls(void) __asm__("_gnutls_global_init_skip");

int upstream_skips_gnutls(void)
{
    return 1;
}

/* The steps of opening that can fail. */
static enum error_code prepare(struct loop *loop, const struct upstream_options *options,
                               struct str base_url, const char *option, struct upstream **out,
                               struct error *err)
{
    struct upstream *upstream;
    enum error_code code;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc, mem_strdup,
                             mem_calloc) != CURLE_OK) {
        (void)error_set(err, ERR_CONFIG, "libcurl cannot start");
        return ERR_CONFIG;
    }
    upstream = mem_zalloc(sizeof(*upstream));
    upstream->loop = loop;
    arena_init(&upstream->arena);
    list_init(&upstream->ended);
    list_init(&upstream->touched);
    list_init(&upstream->transfers);
    list_init(&upstream->unopened);
    list_init(&upstream->on_wire);
    list_init(&upstream->resting);
    copy_options(upstream, options, base_url);
    code = check_options(upstream, err);
    if (code == ERR_OK) {
        code = read_base_url(upstream, option, err);
    }
    if (code != ERR_OK) {
        free_unopened(upstream);
        return code;
    }
    *out = upstream;
    return ERR_OK;
}

static void launch(struct upstream *upstream, const struct upstream_options *options)
{
    write_lines(upstream);
    queue_init(&upstream->queue, &upstream->options);
    guard_configure(upstream, options);
    upstream->limit =
        upstream->queue.first < options->max_active ? upstream->queue.first : options->max_active;
    if (!options->is_other) {
        metric_set(M_UPSTREAM_LIMIT, upstream->limit);
    }
    budget_open(&upstream->budget);
    upstream->recv_bytes = mem_alloc(RECV_BYTES);
    connect_open(upstream);
    wire_open(upstream);
}

enum error_code upstream_open(struct loop *loop, const struct upstream_options *options,
                              struct upstream **out, struct error *err)
{
    struct upstream *all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = 0;
    enum error_code code =
        prepare(loop, options, options->base_url, "upstream.base_url", &all[n], err);

    CHECK(options->n_others < UPSTREAM_ENDPOINTS_MAX);
    while (code == ERR_OK && n++ < options->n_others) {
        code = prepare(loop, options, options->others[n - 1], "upstream.endpoints", &all[n], err);
    }
    if (code != ERR_OK) {
        while (n > 0) {
            free_unopened(all[--n]);
        }
        return code;
    }
    for (size_t i = 0; i < n; i++) {
        launch(all[i], options);
    }
    if (n > 1) {
        endpoints_join(all, n);
        for (size_t i = 0; i < n; i++) {
            guard_begin_probes(all[i]);
        }
    }
    *out = all[0];
    return ERR_OK;
}

void upstream_on_handle_closed(struct upstream *upstream)
{
    void (*on_closed)(void *context) = upstream->on_closed;
    void *context = upstream->closed_context;

    if (--upstream->open_handles > 0) {
        return;
    }
    queue_done(&upstream->queue);
    secret_done(&upstream->probe_token);
    http_decoder_free(upstream->decoder);
    mem_free(upstream->recv_bytes);
    free_unopened(upstream);
    if (on_closed != NULL) {
        on_closed(context);
    }
}

void upstream_close_now(struct upstream *upstream)
{
    later_remove(&upstream->due);
    transfers_trim(upstream, 0);
    pool_close(upstream);
    connect_close(upstream);
    wire_close(upstream);
}

void upstream_close_one(struct upstream *upstream, void (*on_closed)(void *context), void *context)
{
    guard_close(upstream);
    CHECK(upstream->n_running == 0 && !upstream->closing);
    upstream->closing = true;
    upstream->on_closed = on_closed;
    upstream->closed_context = context;
    if (!upstream->dispatching) {
        upstream_close_now(upstream);
    }
}

void upstream_close(struct upstream *upstream, void (*on_closed)(void *context), void *context)
{
    if (upstream->endpoints != NULL) {
        endpoints_close(upstream->endpoints, on_closed, context);
    } else {
        upstream_close_one(upstream, on_closed, context);
    }
}

/* --- questions */
bool upstream_is_running(const struct upstream_call *call)
{
    return call->state != CALL_IDLE;
}

bool upstream_is_on_wire(const struct upstream_call *call)
{
    return call->request.class != CALL_READ &&
           (call->state == CALL_ACTIVE || call->state == CALL_ENDING);
}

struct str upstream_call_base(const struct upstream_call *call)
{
    return call->upstream->options.base_url;
}

unsigned upstream_n_active(struct upstream *upstream)
{
    struct upstream *all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_each(upstream, all);
    unsigned n_active = 0;

    for (size_t i = 0; i < n; i++) {
        n_active += all[i]->queue.n_active;
    }
    return n_active;
}

unsigned upstream_n_waiting(struct upstream *upstream)
{
    struct upstream *all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream_each(upstream, all);
    unsigned n_waiting = 0;

    for (size_t i = 0; i < n; i++) {
        n_waiting += all[i]->queue.n_waiting;
    }
    return n_waiting;
}

unsigned upstream_limit(const struct upstream *upstream)
{
    return upstream->endpoints != NULL ? endpoints_pick(upstream->endpoints)->limit
                                       : upstream->limit;
}

const struct upstream_health *upstream_health(const struct upstream *upstream)
{
    return upstream->endpoints != NULL ? endpoints_health(upstream->endpoints) : &upstream->health;
}

struct deadlines *upstream_deadlines(const struct upstream *upstream)
{
    return &upstream->loop->deadlines;
}

struct later *upstream_later(const struct upstream *upstream)
{
    return &upstream->loop->later;
}
