/* server.listeners as they are printed, and what a reload may change of them. */
#include "base/buf.h"
#include "config_internal.h"

bool listeners_each_file(const struct config *config, listener_file_fn fn, void *context)
{
    for (size_t i = 0; i < config->server.n_listeners; i++) {
        const struct config_listener *one = &config->server.listeners[i];
        const struct str files[] = {one->tls_certificate_file, one->tls_key_file,
                                    one->client_ca_file, one->client_crl_file};

        for (size_t j = 0; j < ARRAY_LEN(files); j++) {
            if (files[j].len > 0 && !fn(context, files[j])) {
                return false;
            }
        }
        for (size_t j = 0; j < one->n_tls_certificates; j++) {
            if (!fn(context, one->tls_certificates[j])) {
                return false;
            }
        }
    }
    return true;
}

static void print_text(struct buf *out, const char *name, struct str text)
{
    if (text.len > 0) {
        buf_printf(out, "\n      %s: ", name);
        yaml_write_scalar(out, text);
    }
}

static void print_texts(struct buf *out, const char *name, const struct str *items, size_t n)
{
    if (n > 0) {
        buf_printf(out, "\n      %s: [", name);
        for (size_t i = 0; i < n; i++) {
            buf_text(out, i > 0 ? ", " : "");
            yaml_write_scalar(out, items[i]);
        }
        buf_char(out, ']');
    }
}

void listeners_print(struct buf *out, const struct config *config)
{
    buf_text(out, config->server.n_listeners == 0 ? "[]" : "");
    for (size_t i = 0; i < config->server.n_listeners; i++) {
        const struct config_listener *one = &config->server.listeners[i];

        buf_text(out, "\n    - listen: ");
        yaml_write_scalar(out, one->address);
        print_text(out, "name", one->name);
        if (one->mode != 0) {
            buf_printf(out, "\n      mode: \"%04o\"", one->mode);
        }
        print_text(out, "tls_certificate_file", one->tls_certificate_file);
        print_text(out, "tls_key_file", one->tls_key_file);
        print_texts(out, "tls_certificates", one->tls_certificates, one->n_tls_certificates);
        print_text(out, "client_ca_file", one->client_ca_file);
        print_text(out, "client_crl_file", one->client_crl_file);
        buf_text(out, one->client_required ? "\n      client_certificates: required" : "");
        buf_text(out, one->proxy_protocol ? "\n      proxy_protocol: true" : "");
        print_texts(out, "proxy_from", one->proxy_from, one->n_proxy_from);
    }
}

static bool is_same_place(const struct config_listener *a, const struct config_listener *b)
{
    return str_eq(a->address, b->address) && a->mode == b->mode &&
           a->proxy_protocol == b->proxy_protocol &&
           (a->tls_key_file.len > 0) == (b->tls_key_file.len > 0);
}

bool config_same_places(const struct config *a, const struct config *b)
{
    if (a->server.n_listeners != b->server.n_listeners) {
        return false;
    }
    for (size_t i = 0; i < a->server.n_listeners; i++) {
        if (!is_same_place(&a->server.listeners[i], &b->server.listeners[i])) {
            return false;
        }
    }
    return true;
}

static const struct str *copy_texts(struct config_box *box, const struct str *items, size_t n)
{
    struct str *copy = arena_calloc(&box->arena, n + 1, sizeof(*copy));

    for (size_t i = 0; i < n; i++) {
        copy[i] = arena_str(&box->arena, items[i]);
    }
    return copy;
}

/* Sockets stay where they are until the next start; then all of the list waits for it. */
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
                copy_texts(box, from->tls_certificates, from->n_tls_certificates);
            copy[i].proxy_from = copy_texts(box, from->proxy_from, from->n_proxy_from);
        }
        config->server.listeners = copy;
        config->server.n_listeners = n;
    }
    listeners_gather(box);
}
