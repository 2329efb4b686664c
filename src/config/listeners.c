/* server.listeners: more addresses to listen on. The options beside it describe the first one. */
#include "base/address.h"
#include "base/buf.h"
#include "config_internal.h"
#include "crypto/tls.h"

enum { MODE_MAX = 0777 };

/* --- one member --- */

static bool take_listen(struct map_reading *reading, void *field)
{
    const struct str *text = field;
    struct error err = {0};

    if (!map_text(reading, field)) {
        return false;
    }
    if (address_check(*text, &err) != ERR_OK) {
        return loader_fail(reading->loader, "server.listeners: listen: %s", err.text);
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

static bool take_mode(struct map_reading *reading, void *field)
{
    struct str text;

    if (!map_text(reading, &text)) {
        return false;
    }
    if (!read_mode(text, field)) {
        return loader_fail(
            reading->loader,
            "server.listeners: mode: \"%.*s\" is not a mode of a file; write \"0660\"",
            SHOWN(text));
    }
    return true;
}

static bool take_file(struct map_reading *reading, void *field)
{
    return map_text(reading, field) &&
           file_is_readable(reading->loader, option_find(STR("server.listeners")),
                            ((struct str *)field)->ptr);
}

/* Checks each text like the option that the member names. `field` is the list; its number of texts comes next. */
static bool take_list(struct map_reading *reading, void *field)
{
    struct loader *loader = reading->loader;
    const struct option_row *row = option_find(str_from(reading->member->option));
    const struct node *node = reading->node;
    struct str *items = arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*items));
    struct config_texts *out = field;
    bool ok = true;

    if (node->type != NODE_LIST || (int64_t)node->n_children > row->max) {
        return loader_fail(loader, "server.listeners: %.*s must be a list of at most %lld texts",
                           STR_ARG(node->key), (long long)row->max);
    }
    *out = (struct config_texts){.items = items};
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        ok = item->type == NODE_SCALAR && item_is_sound(loader, row, item->text) && ok;
        items[out->n++] = arena_str(&loader->box->arena, item->text);
    }
    return ok;
}

/* The value is one of the two words that the option names ("false true", "optional required"). The second
 * word makes the field true. */
static bool take_either(struct map_reading *reading, void *field)
{
    struct str no;
    struct str yes;
    struct str word;

    (void)str_cut(str_from(reading->member->option), ' ', &no, &yes);
    if (!map_text(reading, &word)) {
        return false;
    }
    *(bool *)field = str_eq_nocase(word, yes);
    if (!str_eq_nocase(word, yes) && !str_eq_nocase(word, no)) {
        return loader_fail(reading->loader,
                           "server.listeners: %s: \"%.*s\" is not one of %.*s, %.*s",
                           reading->member->name, SHOWN(word), STR_ARG(no), STR_ARG(yes));
    }
    return true;
}

static void put_mode(struct buf *out, const struct map_member *member, const void *entry)
{
    const unsigned *mode = map_field(member, entry);

    if (*mode != 0) {
        buf_printf(out, "\"%04o\"", *mode);
    }
}

static void put_list(struct buf *out, const struct map_member *member, const void *entry)
{
    const struct config_texts *texts = map_field(member, entry);

    if (texts->n > 0) {
        print_texts(out, texts->items, texts->n);
    }
}

static void put_either(struct buf *out, const struct map_member *member, const void *entry)
{
    const bool *yes = map_field(member, entry);

    buf_text(out, *yes ? strchr(member->option, ' ') + 1 : "");
}

#define AT(member) offsetof(struct config_listener, member)

static const struct map_member members[] = {
    {"listen", take_listen, put_text, AT(address)},
    {"name", map_name, put_text, AT(name)},
    {"mode", take_mode, put_mode, AT(mode)},
    {"tls_certificate_file", take_file, put_text, AT(tls_certificate_file)},
    {"tls_key_file", take_file, put_text, AT(tls_key_file)},
    {"tls_certificates", take_list, put_list, AT(tls_certificates), "server.tls_certificates"},
    {"client_ca_file", take_file, put_text, AT(client_ca_file)},
    {"client_crl_file", take_file, put_text, AT(client_crl_file)},
    {"client_certificates", take_either, put_either, AT(client_required), "optional required"},
    {"proxy_protocol", take_either, put_either, AT(proxy_protocol), "false true"},
    {"proxy_from", take_list, put_list, AT(proxy_from), "server.proxy_from"},
};

static bool judge(struct loader *loader, void *entry, unsigned n_keys)
{
    const struct config_listener *listener = entry;

    (void)n_keys;
    if (listener->address.len == 0) {
        return loader_fail(loader,
                           "server.listeners: an entry needs listen: an address, or unix:/PATH");
    }
    if (listener->mode != 0 && !address_is_unix(listener->address)) {
        return loader_fail(loader, "server.listeners: mode is for Unix sockets, and %.*s is none",
                           STR_ARG(listener->address));
    }
    return true;
}

const struct map_list listeners_list = {.members = members,
                                        .n_members = ARRAY_LEN(members),
                                        .entry_bytes = sizeof(struct config_listener),
                                        .example = "{listen: ...}",
                                        .judge = judge};

/* --- all of them --- */

static void gather(struct config_box *box)
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
    bool is_first = listener == config->server.all && !str_is(config->server.listen, "none");

    if (!is_first) { /* judge.c judges the first one, by the names of its options */
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

    gather(loader->box);
    if (!read_mode(config->server.socket_mode, &mode)) {
        loader_fail(loader, "server.socket_mode: \"%.*s\" is not a mode of a file; write \"0660\"",
                    SHOWN(config->server.socket_mode));
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

/* ---- what a reload may change ---- */

bool listeners_have_same_files(const struct config *before, const struct config *after,
                               same_file_fn is_same)
{
    for (size_t i = 0; i < after->server.n_listeners; i++) {
        const struct config_listener *one = &after->server.listeners[i];
        const struct str files[] = {one->tls_certificate_file, one->tls_key_file,
                                    one->client_ca_file, one->client_crl_file};

        for (size_t j = 0; j < ARRAY_LEN(files); j++) {
            if (files[j].len > 0 && !is_same(before, after, files[j])) {
                return false;
            }
        }
        for (size_t j = 0; j < one->n_tls_certificates; j++) {
            if (!is_same(before, after, one->tls_certificates[j])) {
                return false;
            }
        }
    }
    return true;
}

bool config_same_places(const struct config *a, const struct config *b)
{
    if (a->server.n_listeners != b->server.n_listeners) {
        return false;
    }
    for (size_t i = 0; i < a->server.n_listeners; i++) {
        const struct config_listener *x = &a->server.listeners[i];
        const struct config_listener *y = &b->server.listeners[i];

        if (!str_eq(x->address, y->address) || x->mode != y->mode ||
            x->proxy_protocol != y->proxy_protocol ||
            (x->tls_key_file.len > 0) != (y->tls_key_file.len > 0)) {
            return false;
        }
    }
    return true;
}

/* Sockets cannot move before the next start. If one would have to move, the whole running list stays in force. */
void listeners_keep(struct config_box *box, const struct config *running)
{
    struct config *config = &box->config;
    size_t n = running->server.n_listeners;
    struct config_listener *copy;

    if (!config_same_places(config, running)) {
        copy = arena_calloc(&box->arena, n + 1, sizeof(*copy));
        for (size_t i = 0; i < n; i++) {
            const struct config_listener *from = &running->server.listeners[i];

            copy[i] = *from;
            copy[i].name = arena_str(&box->arena, from->name);
            copy[i].address = arena_str(&box->arena, from->address);
            copy[i].tls_certificate_file = arena_str(&box->arena, from->tls_certificate_file);
            copy[i].tls_key_file = arena_str(&box->arena, from->tls_key_file);
            copy[i].client_ca_file = arena_str(&box->arena, from->client_ca_file);
            copy[i].client_crl_file = arena_str(&box->arena, from->client_crl_file);
            copy[i].tls_certificates =
                texts_copy(&box->arena, from->tls_certificates, from->n_tls_certificates).items;
            copy[i].proxy_from =
                texts_copy(&box->arena, from->proxy_from, from->n_proxy_from).items;
        }
        config->server.listeners = copy;
        config->server.n_listeners = n;
    }
    gather(box);
}
