/* Opening and closing: options are checked here, so that nothing about them can fail later. */
#include "upstream_internal.h"

#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

static bool is_loopback_host(struct str host)
{
    return str_is_nocase(host, "localhost") || str_is(host, "[::1]") ||
           (str_starts(host, STR("127.")) && host.len <= sizeof("127.255.255.255") - 1);
}

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

static enum error_code read_base_url(struct upstream *upstream, struct error *err)
{
    struct str url = upstream->options.base_url;
    struct str path;
    struct str scheme;

    upstream->base = curl_url();
    CHECK(upstream->base != NULL);
    if (curl_url_set(upstream->base, CURLUPART_URL, url.ptr, 0) != CURLUE_OK) {
        return error_at(err, ERR_CONFIG, "upstream.base_url", "not a URL: \"%.*s\"", STR_ARG(url));
    }
    scheme = url_part(upstream, CURLUPART_SCHEME);
    if (!str_is(scheme, "http") && !str_is(scheme, "https")) {
        return error_at(err, ERR_CONFIG, "upstream.base_url",
                        "must begin with http:// or https://");
    }
    if (url_has(upstream->base, CURLUPART_USER) || url_has(upstream->base, CURLUPART_QUERY) ||
        url_has(upstream->base, CURLUPART_FRAGMENT)) {
        return error_at(err, ERR_CONFIG, "upstream.base_url",
                        "holds a user, a query or a fragment; only host and path are allowed");
    }
    upstream->bypass_proxy = is_loopback_host(url_part(upstream, CURLUPART_HOST));
    path = url_part(upstream, CURLUPART_PATH);
    while (str_ends(path, STR("/"))) {
        path.len--;
    }
    upstream->base_path = path;
    return ERR_OK;
}

static void build_tail(struct upstream *upstream)
{
    struct str id = upstream->options.client_id;
    struct str name = upstream->options.client_name;
    struct str lines[4] = {STR("Accept: application/json"), STR("Expect:")};
    size_t n = 2;

    if (id.len > 0) {
        lines[n++] = arena_printf(&upstream->arena, "X-Virtuoso-Client-ID: %.*s", STR_ARG(id));
    }
    if (name.len > 0) {
        lines[n++] = arena_printf(&upstream->arena, "X-Virtuoso-Client-Name: %.*s", STR_ARG(name));
    }
    for (size_t i = 0; i < n; i++) {
        char *data = arena_alloc(&upstream->arena, lines[i].len + 1);

        memcpy(data, lines[i].ptr, lines[i].len);
        data[lines[i].len] = '\0';
        upstream->tail[i].data = data;
        upstream->tail[i].next = i + 1 < n ? &upstream->tail[i + 1] : NULL;
    }
}

static void copy_options(struct upstream *upstream, const struct upstream_options *options)
{
    struct upstream_options *own = &upstream->options;

    *own = *options;
    own->base_url = arena_str(&upstream->arena, options->base_url);
    own->client_id = arena_str(&upstream->arena, options->client_id);
    own->client_name = arena_str(&upstream->arena, options->client_name);
    own->ca_file = arena_str(&upstream->arena, options->ca_file);
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

enum error_code upstream_open(struct loop *loop, const struct upstream_options *options,
                              struct upstream **out, struct error *err)
{
    struct upstream *upstream;
    enum error_code code;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc, mem_strdup,
                             mem_calloc) != CURLE_OK) {
        return error_set(err, ERR_CONFIG, "libcurl cannot start");
    }
    upstream = mem_zalloc(sizeof(*upstream));
    upstream->loop = loop;
    arena_init(&upstream->arena);
    list_init(&upstream->waiting);
    list_init(&upstream->ended);
    list_init(&upstream->touched);
    list_init(&upstream->handles);
    copy_options(upstream, options);
    code = check_options(upstream, err);
    if (code == ERR_OK) {
        code = read_base_url(upstream, err);
    }
    if (code != ERR_OK) {
        free_unopened(upstream);
        return code;
    }
    build_tail(upstream);
    wire_open(upstream);
    upstream->open_handles = 2;
    *out = upstream;
    return ERR_OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct upstream *upstream = handle->data;
    void (*on_closed)(void *context) = upstream->on_closed;
    void *context = upstream->closed_context;

    if (--upstream->open_handles > 0) {
        return;
    }
    free_unopened(upstream);
    if (on_closed != NULL) {
        on_closed(context);
    }
}

void upstream_close_now(struct upstream *upstream)
{
    later_remove(&upstream->due);
    handles_trim(upstream, 0);
    wire_close(upstream, on_handle_closed);
}

void upstream_close(struct upstream *upstream, void (*on_closed)(void *context), void *context)
{
    CHECK(upstream->n_running == 0 && !upstream->closing);
    upstream->closing = true;
    upstream->on_closed = on_closed;
    upstream->closed_context = context;
    if (!upstream->dispatching) {
        upstream_close_now(upstream);
    }
}
