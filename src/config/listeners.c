/* server.listeners: more addresses to listen on. The options beside it describe the first one. */
#include "base/address.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config_internal.h"
#include "crypto/tls.h"

enum { SHOWN_MAX = 80, KNOWN_MAX = 512, NAME_MAX_LEN = 64, MODE_MAX = 0777 };

/* --- one member --- */

struct taking {
    struct loader *loader;
    const struct option_row *row;
    const struct node *node;
};

static bool take_text(const struct taking *taking, struct str *out)
{
    const struct node *node = taking->node;

    if (node->type != NODE_SCALAR) {
        loader_fail(taking->loader, "server.listeners: %.*s must be one value", STR_ARG(node->key));
        return false;
    }
    *out = node->is_null ? STR_EMPTY : arena_str(&taking->loader->box->arena, node->text);
    return true;
}

static bool take_name(const struct taking *taking, struct config_listener *out)
{
    if (!take_text(taking, &out->name)) {
        return false;
    }
    if (out->name.len > NAME_MAX_LEN) {
        loader_fail(taking->loader, "server.listeners: a name has up to %d bytes", NAME_MAX_LEN);
        return false;
    }
    return true;
}

static bool take_listen(const struct taking *taking, struct config_listener *out)
{
    char path[ADDRESS_PATH_MAX];
    struct address address;
    struct error err = {0};

    if (!take_text(taking, &out->address)) {
        return false;
    }
    if ((address_is_unix(out->address) ? address_read_unix(out->address, path, &err)
                                       : address_read(out->address, &address, &err)) != ERR_OK) {
        loader_fail(taking->loader, "server.listeners: listen: %s", err.text);
        return false;
    }
    return true;
}

/* "0660" */
static bool read_mode(struct str text, unsigned *out)
{
    unsigned mode = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7') {
            return false;
        }
        mode = mode * 8 + (unsigned)(text.ptr[i] - '0');
    }
    *out = mode;
    return text.len >= 3 && text.len <= 4 && mode <= MODE_MAX && mode != 0;
}

static bool take_mode(const struct taking *taking, struct config_listener *out)
{
    struct str text;

    if (!take_text(taking, &text)) {
        return false;
    }
    if (!read_mode(text, &out->mode)) {
        loader_fail(taking->loader,
                    "server.listeners: mode: \"%.*s\" is not a mode of a file; write \"0660\"",
                    STR_ARG(str_sub(text, 0, SHOWN_MAX)));
        return false;
    }
    return true;
}

static bool take_file(const struct taking *taking, struct str *out)
{
    return take_text(taking, out) && file_is_readable(taking->loader, taking->row, out->ptr);
}

static bool take_certificate_file(const struct taking *taking, struct config_listener *out)
{
    return take_file(taking, &out->tls_certificate_file);
}

static bool take_key_file(const struct taking *taking, struct config_listener *out)
{
    return take_file(taking, &out->tls_key_file);
}

static bool take_ca_file(const struct taking *taking, struct config_listener *out)
{
    return take_file(taking, &out->client_ca_file);
}

static bool take_crl_file(const struct taking *taking, struct config_listener *out)
{
    return take_file(taking, &out->client_crl_file);
}

/* As the option of that name takes it. */
static bool take_list(const struct taking *taking, const char *option, const struct str **out,
                      size_t *out_n)
{
    struct loader *loader = taking->loader;
    const struct option_row *row = option_find(str_from(option));
    const struct node *node = taking->node;
    struct str *items = arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*items));
    bool ok = true;
    size_t n = 0;

    if (node->type != NODE_LIST || (int64_t)node->n_children > row->max) {
        loader_fail(loader, "server.listeners: %.*s must be a list of at most %lld texts",
                    STR_ARG(node->key), (long long)row->max);
        return false;
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        ok = item->type == NODE_SCALAR && item_is_sound(loader, row, item->text) && ok;
        items[n++] = arena_str(&loader->box->arena, item->text);
    }
    *out = items;
    *out_n = n;
    return ok;
}

static bool take_certificates(const struct taking *taking, struct config_listener *out)
{
    return take_list(taking, "server.tls_certificates", &out->tls_certificates,
                     &out->n_tls_certificates);
}

static bool take_proxy_from(const struct taking *taking, struct config_listener *out)
{
    return take_list(taking, "server.proxy_from", &out->proxy_from, &out->n_proxy_from);
}

static bool take_required(const struct taking *taking, struct config_listener *out)
{
    struct str word;

    if (!take_text(taking, &word)) {
        return false;
    }
    out->client_required = str_is(word, "required");
    if (!out->client_required && !str_is(word, "optional")) {
        loader_fail(taking->loader,
                    "server.listeners: client_certificates: \"%.*s\" is not one of optional, "
                    "required",
                    STR_ARG(str_sub(word, 0, SHOWN_MAX)));
        return false;
    }
    return true;
}

static bool take_proxy_protocol(const struct taking *taking, struct config_listener *out)
{
    struct str word;

    if (!take_text(taking, &word)) {
        return false;
    }
    out->proxy_protocol = str_is_nocase(word, "true");
    if (!out->proxy_protocol && !str_is_nocase(word, "false")) {
        loader_fail(taking->loader,
                    "server.listeners: proxy_protocol: \"%.*s\" is neither true nor false",
                    STR_ARG(str_sub(word, 0, SHOWN_MAX)));
        return false;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*take)(const struct taking *taking, struct config_listener *out);
} members[] = {
    {"listen", take_listen},
    {"name", take_name},
    {"mode", take_mode},
    {"tls_certificate_file", take_certificate_file},
    {"tls_key_file", take_key_file},
    {"tls_certificates", take_certificates},
    {"client_ca_file", take_ca_file},
    {"client_crl_file", take_crl_file},
    {"client_certificates", take_required},
    {"proxy_protocol", take_proxy_protocol},
    {"proxy_from", take_proxy_from},
};

static bool take_member(const struct taking *taking, struct config_listener *out)
{
    struct str key = taking->node->key;
    struct nearest nearest;
    struct buf known;

    nearest_init(&nearest, key);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (str_is(key, members[i].name)) {
            return members[i].take(taking, out);
        }
        nearest_offer(&nearest, str_from(members[i].name));
    }
    buf_init(&known, KNOWN_MAX);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        buf_printf(&known, "%s%s", i > 0 ? ", " : "", members[i].name);
    }
    loader_fail(taking->loader, "server.listeners: unknown member \"%.*s\"; known are %s%s%.*s%s",
                STR_ARG(str_sub(key, 0, SHOWN_MAX)), buf_cstr(&known),
                nearest.best.len > 0 ? "; did you mean \"" : "", STR_ARG(nearest.best),
                nearest.best.len > 0 ? "\"?" : "");
    buf_done(&known);
    return false;
}

/* --- the list --- */

static bool take_listener(struct loader *loader, const struct option_row *row,
                          const struct node *map, struct config_listener *out)
{
    bool ok = map->type == NODE_MAP;

    if (!ok) {
        loader_fail(loader, "server.listeners: each entry is a map: {listen: ...}");
        return false;
    }
    for (const struct node *member = map->first; member != NULL; member = member->next) {
        const struct taking taking = {loader, row, member};

        loader->line = member->key_line;
        loader->column = member->key_column;
        ok = take_member(&taking, out) && ok;
    }
    loader->line = map->line;
    loader->column = map->column;
    if (ok && out->address.len == 0) {
        loader_fail(loader, "server.listeners: an entry needs listen: an address, or unix:/PATH");
        return false;
    }
    if (ok && out->mode != 0 && !address_is_unix(out->address)) {
        loader_fail(loader, "server.listeners: mode is for Unix sockets, and %.*s is none",
                    STR_ARG(out->address));
        return false;
    }
    return ok;
}

bool listeners_from_node(struct loader *loader, const struct option_row *row,
                         const struct node *node)
{
    struct config *config = &loader->box->config;
    struct config_listener *items;
    bool ok = true;

    config->server.n_listeners = 0;
    if (node->type == NODE_SCALAR && (node->is_null || node->text.len == 0)) {
        return true;
    }
    if (node->type != NODE_LIST || (int64_t)node->n_children > row->max) {
        loader_fail(loader, "server.listeners: must be a list of at most %lld entries",
                    (long long)row->max);
        return false;
    }
    items = arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*items));
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        loader->line = item->line;
        loader->column = item->column;
        ok = take_listener(loader, row, item, &items[config->server.n_listeners++]) && ok;
    }
    config->server.listeners = items;
    return ok;
}

bool maps_from_text(struct loader *loader, const struct option_row *row, struct str text)
{
    if (text.len > 0 && !str_is(text, "[]")) {
        loader_fail(loader, "%s: is a list of maps; write it into the configuration file",
                    row->key);
        return false;
    }
    if (row->type == OPTION_LISTENERS) {
        loader->box->config.server.n_listeners = 0;
    } else {
        loader->box->config.auth.n_certificates = 0;
    }
    return true;
}

/* --- all of them --- */

void listeners_gather(struct config_box *box)
{
    struct config *config = &box->config;
    struct config_listener *all =
        arena_calloc(&box->arena, config->server.n_listeners + 1, sizeof(*all));
    size_t n = 0;

    if (!str_is(config->server.listen, "none")) {
        all[n] = (struct config_listener){
            .address = config->server.listen,
            .tls_certificate_file = config->server.tls_certificate_file,
            .tls_key_file = config->server.tls_key_file,
            .tls_certificates = config->server.tls_certificates,
            .n_tls_certificates = config->server.n_tls_certificates,
            .client_ca_file = config->server.client_ca_file,
            .client_crl_file = config->server.client_crl_file,
            .client_required = str_is(config->server.client_certificates, "required"),
            .proxy_protocol = config->server.proxy_protocol,
            .proxy_from = config->server.proxy_from,
            .n_proxy_from = config->server.n_proxy_from,
        };
        (void)read_mode(config->server.socket_mode, &all[n].mode);
        n++;
    }
    for (size_t i = 0; i < config->server.n_listeners; i++) {
        all[n++] = config->server.listeners[i];
    }
    for (size_t i = 0; i < n; i++) {
        all[i].name = all[i].name.len > 0 ? all[i].name : all[i].address;
        if (all[i].n_proxy_from == 0) {
            all[i].proxy_from = config->server.trusted_proxies;
            all[i].n_proxy_from = config->server.n_trusted_proxies;
        }
    }
    config->server.all = all;
    config->server.n_all = n;
}

static bool is_of_options(const struct config *config, const struct config_listener *listener)
{
    return listener == config->server.all && !str_is(config->server.listen, "none");
}

static void judge_tls(struct loader *loader, const struct config_listener *listener,
                      const char *option)
{
    struct tls_config *tls = NULL;
    struct error err = {0};

    if ((listener->tls_certificate_file.len == 0) != (listener->tls_key_file.len == 0)) {
        loader_fail(loader, "%s: %.*s: tls_certificate_file and tls_key_file come together", option,
                    STR_ARG(listener->name));
        return;
    }
    if (listener->tls_key_file.len == 0) {
        if (listener->client_ca_file.len > 0 || listener->n_tls_certificates > 0) {
            loader_fail(loader, "%s: %.*s: set tls_certificate_file and tls_key_file, too", option,
                        STR_ARG(listener->name));
        }
        return;
    }
    if (config_open_tls(listener, &tls, &err) != ERR_OK) {
        loader_fail(loader, "%s: %.*s: %s", option, STR_ARG(listener->name), err.text);
    }
    tls_config_free(tls);
}

static void judge_one(struct loader *loader, const struct config *config,
                      const struct config_listener *listener)
{
    bool is_first = is_of_options(config, listener);

    if (!is_first) { /* that of the options is judged in their names (judge.c) */
        judge_tls(loader, listener, "server.listeners");
    }
    if (listener->client_crl_file.len > 0 && listener->client_ca_file.len == 0) {
        loader_fail(loader, "%s: needs client_ca_file: the authorities whose lists these are",
                    is_first ? "server.client_crl_file" : "server.listeners: client_crl_file");
    }
    if (listener->client_required && listener->client_ca_file.len == 0) {
        loader_fail(loader,
                    "%s: required needs client_ca_file: the authorities whose certificates are "
                    "taken",
                    is_first ? "server.client_certificates"
                             : "server.listeners: client_certificates");
    }
    if (listener->proxy_protocol && listener->n_proxy_from == 0 &&
        !address_is_unix(listener->address)) {
        loader_fail(loader,
                    "%s: name the balancers that may send its header: proxy_from, or "
                    "server.trusted_proxies",
                    is_first ? "server.proxy_protocol" : "server.listeners: proxy_protocol");
    }
}

void listeners_judge(struct loader *loader, struct config *config)
{
    unsigned mode;

    listeners_gather(loader->box);
    if (!read_mode(config->server.socket_mode, &mode)) {
        loader_fail(loader, "server.socket_mode: \"%.*s\" is not a mode of a file; write \"0660\"",
                    STR_ARG(str_sub(config->server.socket_mode, 0, SHOWN_MAX)));
    }
    if (loader_has_failed(loader, "server.listen") ||
        loader_has_failed(loader, "server.listeners")) {
        return;
    }
    if (config->server.n_all == 0) {
        loader_fail(loader, "server.listen: is none, and server.listeners has no other address");
    }
    for (size_t i = 0; i < config->server.n_all; i++) {
        judge_one(loader, config, &config->server.all[i]);
    }
}

enum error_code config_open_tls(const struct config_listener *listener, struct tls_config **out,
                                struct error *err)
{
    enum error_code code;

    if (listener->tls_certificate_file.len == 0) {
        return ERR_OK;
    }
    code = tls_config_new(listener->tls_certificate_file.ptr, listener->tls_key_file.ptr, out, err);
    for (size_t i = 0; i < listener->n_tls_certificates && code == ERR_OK; i++) {
        code = tls_config_add(*out, listener->tls_certificates[i].ptr, err);
    }
    if (code == ERR_OK && listener->client_ca_file.len > 0) {
        code = tls_config_ask_clients(
            *out, listener->client_ca_file.ptr,
            listener->client_crl_file.len > 0 ? listener->client_crl_file.ptr : NULL,
            listener->client_required, err);
    }
    if (code != ERR_OK) {
        tls_config_free(*out);
        *out = NULL;
    }
    return code;
}
