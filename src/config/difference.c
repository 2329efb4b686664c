/* One changed option in words, for people: what it was and what it will be. No secret, and no digest. */
#include <string.h>

#include "base/buf.h"
#include "config_internal.h"

enum { VALUE_MAX = 64 * 1024 };

/* Entries of a list that have names: keys, certificates and tenants. */
struct named {
    size_t n;
    struct str (*name)(const struct config *config, size_t i);
    bool (*same)(const struct config *before, size_t i, const struct config *after, size_t k);
};

static struct str key_name(const struct config *config, size_t i)
{
    return config->auth.keys[i].name;
}

static bool is_same_rate(const struct config_rate *a, const struct config_rate *b)
{
    return a->per_second == b->per_second && a->burst == b->burst &&
           a->concurrency == b->concurrency;
}

static bool is_same_entry(const struct config_key *a, const struct config_key *b)
{
    return memcmp(a->sha256, b->sha256, DIGEST_BYTES) == 0 && str_eq(a->subject, b->subject) &&
           a->subject_kind == b->subject_kind && a->permissions == b->permissions &&
           is_same_rate(&a->rate, &b->rate) && str_eq(a->tenant_name, b->tenant_name) &&
           a->not_before_ms == b->not_before_ms && a->expires_ms == b->expires_ms;
}

static bool is_same_key(const struct config *before, size_t i, const struct config *after, size_t k)
{
    return is_same_entry(&before->auth.keys[i], &after->auth.keys[k]);
}

static struct str certificate_name(const struct config *config, size_t i)
{
    return config->auth.certificates[i].name;
}

static bool is_same_certificate(const struct config *before, size_t i, const struct config *after,
                                size_t k)
{
    return is_same_entry(&before->auth.certificates[i], &after->auth.certificates[k]);
}

static struct str tenant_name(const struct config *config, size_t i)
{
    return config->tenants.items[i].name;
}

static bool is_same_tenant(const struct config *before, size_t i, const struct config *after,
                           size_t k)
{
    const struct config_tenant *a = &before->tenants.items[i];
    const struct config_tenant *b = &after->tenants.items[k];

    return str_eq(secret_reveal(&a->token), secret_reveal(&b->token)) &&
           str_eq(secret_reveal(&a->secondary_token), secret_reveal(&b->secondary_token)) &&
           str_eq(a->organization_id, b->organization_id) && str_eq(a->base_url, b->base_url) &&
           is_same_rate(&a->rate, &b->rate);
}

/* The place of the entry of that name; `n` of the list: none has it. */
static size_t find(const struct named *list, const struct config *config, struct str name)
{
    size_t i = 0;

    while (i < list->n && !str_eq(list->name(config, i), name)) {
        i++;
    }
    return i;
}

static void put(struct buf *out, const char *what, struct str name)
{
    buf_text(out, out->len > 0 ? ", " : "");
    buf_printf(out, "%s %.*s", what, STR_ARG(name));
}

static void put_named(struct buf *out, const struct config *before, const struct named *was,
                      const struct config *after, const struct named *is)
{
    struct buf words;

    buf_init(&words, VALUE_MAX);
    for (size_t i = 0; i < was->n; i++) {
        struct str name = was->name(before, i);
        size_t k = find(is, after, name);

        if (k == is->n) {
            put(&words, "removed", name);
        } else if (!was->same(before, i, after, k)) {
            put(&words, "changed", name);
        }
    }
    for (size_t k = 0; k < is->n; k++) {
        if (find(was, before, is->name(after, k)) == was->n) {
            put(&words, "added", is->name(after, k));
        }
    }
    buf_str(out, words.len > 0 ? buf_view(&words) : STR("another order"));
    buf_done(&words);
}

static void put_values(struct buf *out, const struct config *before, const struct config *after,
                       const struct option_row *row)
{
    struct buf was;
    struct buf is;

    buf_init(&was, VALUE_MAX);
    buf_init(&is, VALUE_MAX);
    option_print(&was, before, row);
    option_print(&is, after, row);
    if (str_eq(buf_view(&was), buf_view(&is))) {
        buf_text(out, row->type == OPTION_SECRET ? "another value" : "another content");
    } else {
        buf_printf(out, "%.*s -> %.*s", STR_ARG(buf_view(&was)), STR_ARG(buf_view(&is)));
    }
    buf_done(&was);
    buf_done(&is);
}

void config_print_change(const struct config *before, const struct config *after,
                         const struct option_row *row, struct buf *out)
{
    buf_printf(out, "%s: ", row->key);
    if (row->type == OPTION_KEYS) {
        put_named(out, before, &(struct named){before->auth.n_keys, key_name, is_same_key}, after,
                  &(struct named){after->auth.n_keys, key_name, is_same_key});
    } else if (row->type == OPTION_CERTIFICATES) {
        put_named(
            out, before,
            &(struct named){before->auth.n_certificates, certificate_name, is_same_certificate},
            after,
            &(struct named){after->auth.n_certificates, certificate_name, is_same_certificate});
    } else if (row->type == OPTION_LISTENERS) {
        buf_text(out, "other listeners, or other certificates of theirs");
    } else if (row->type == OPTION_TENANTS) {
        put_named(out, before, &(struct named){before->tenants.n, tenant_name, is_same_tenant},
                  after, &(struct named){after->tenants.n, tenant_name, is_same_tenant});
    } else {
        put_values(out, before, after, row);
    }
    if (config_change_waits(before, after, row)) {
        buf_text(out, " (needs a restart)");
    }
}
