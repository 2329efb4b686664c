/* What a reload may change of server.listeners. */
#include "config_internal.h"

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
                texts_copy(&box->arena, from->tls_certificates, from->n_tls_certificates).items;
            copy[i].proxy_from =
                texts_copy(&box->arena, from->proxy_from, from->n_proxy_from).items;
        }
        config->server.listeners = copy;
        config->server.n_listeners = n;
    }
    listeners_gather(box);
}
