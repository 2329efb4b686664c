/* Warnings to the operator of what will fail later. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "config_internal.h"

#define DAY_MS INT64_C(86400000)

enum { SOON_DAYS = 14, TEXT_MAX = 512, OTHER_DESCRIPTORS = 64 };

struct expiries {
    const struct config_told *told;
    int64_t now_ms;
    int64_t next_ms; /* when there is more to tell */
    config_warn_fn warn;
    void *context;
};

static void tell_expiry(const struct expiries *all, const char *what, const struct config_key *key)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_printf(&text, "%s \"%.*s\" %s ", what, STR_ARG(key->name),
               key->expires_ms <= all->now_ms ? "has expired: it is refused since" : "expires at");
    clock_format(&text, key->expires_ms);
    all->warn(all->context, buf_cstr(&text));
    buf_done(&text);
}

static bool is_in(const struct config_key *key, const struct config_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i].expires_ms == key->expires_ms && str_eq(keys[i].name, key->name)) {
            return true;
        }
    }
    return false;
}

/* Of each key twice at most: when it soon expires, and when it has expired. */
static void tell_expiries(struct expiries *all, const char *what, const struct config_key *keys,
                          size_t n, const struct config_key *told_keys, size_t n_told)
{
    for (size_t i = 0; i < n; i++) {
        const int64_t moments[] = {keys[i].expires_ms - SOON_DAYS * DAY_MS, keys[i].expires_ms};
        bool was_there = is_in(&keys[i], told_keys, n_told);
        bool is_due = false;

        for (size_t k = 0; keys[i].expires_ms != 0 && k < ARRAY_LEN(moments); k++) {
            if (moments[k] > all->now_ms) {
                all->next_ms = moments[k] < all->next_ms ? moments[k] : all->next_ms;
            } else {
                is_due = is_due || !was_there || moments[k] > all->told->at_ms;
            }
        }
        if (is_due) {
            tell_expiry(all, what, &keys[i]);
        }
    }
}

int64_t config_warn_expiries(const struct config *config, const struct config_told *told,
                             int64_t now_wall_ms, config_warn_fn warn, void *context)
{
    static const struct config nothing;
    const struct config *before = told->config != NULL ? told->config : &nothing;
    struct expiries all = {told, now_wall_ms, INT64_MAX, warn, context};

    tell_expiries(&all, "auth.keys: the key", config->auth.keys, config->auth.n_keys,
                  before->auth.keys, before->auth.n_keys);
    tell_expiries(&all, "auth.certificates: the entry", config->auth.certificates,
                  config->auth.n_certificates, before->auth.certificates,
                  before->auth.n_certificates);
    return all.next_ms;
}

/* Each client and each call to the platform needs a descriptor. */
static void tell_descriptors(const struct config *config, config_warn_fn warn, void *context)
{
    uint64_t limit = fd_take_limit();
    uint64_t clients = config->http.max_connections / config->server.n_workers;
    uint64_t needed = clients + config->upstream.max_active + OTHER_DESCRIPTORS;
    char text[TEXT_MAX];

    if (limit >= needed || config->lambda.runtime_api.len > 0) {
        return;
    }
    (void)str_print(
        text, sizeof(text),
        "http.max_connections, upstream.max_active: a process would need %llu descriptors, and the "
        "system allows %llu (ulimit -n, LimitNOFILE): at that number new clients wait, and calls are "
        "refused with 503",
        (unsigned long long)needed, (unsigned long long)limit);
    warn(context, text);
}

void config_warnings(const struct config *config, int64_t now_wall_ms, config_warn_fn warn,
                     void *context)
{
    const struct config_box *box = (const struct config_box *)config;

    for (size_t i = 0; i < box->n_unread; i++) {
        warn(context, box->unread[i]);
    }
    if (config->store.bucket.kind != CONFIG_NO_BUCKET && config->limits.enabled) {
        warn(context,
             "store.url: in a bucket or a collection nothing can be counted: each process allows "
             "the full rate of a limit (limits.per_key)");
    }
    tell_descriptors(config, warn, context);
    (void)config_warn_expiries(config, &(struct config_told){.config = NULL}, now_wall_ms, warn,
                               context);
}
