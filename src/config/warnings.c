/* Warnings to the operator of what will fail later. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "config_internal.h"

#define DAY_MS INT64_C(86400000)

enum { SOON_DAYS = 14, TEXT_MAX = 512, OTHER_DESCRIPTORS = 64 };

static void tell_expiry(const char *what, const struct config_key *key, int64_t now_ms,
                        config_warn_fn warn, void *context)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_printf(&text, "%s \"%.*s\" %s ", what, STR_ARG(key->name),
               key->expires_ms <= now_ms ? "has expired: it is refused since" : "expires at");
    clock_format(&text, key->expires_ms);
    warn(context, buf_cstr(&text));
    buf_done(&text);
}

static void tell_expiries(const char *what, const struct config_key *keys, size_t n, int64_t now_ms,
                          config_warn_fn warn, void *context)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i].expires_ms != 0 && keys[i].expires_ms <= now_ms + SOON_DAYS * DAY_MS) {
            tell_expiry(what, &keys[i], now_ms, warn, context);
        }
    }
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
    tell_expiries("auth.keys: the key", config->auth.keys, config->auth.n_keys, now_wall_ms, warn,
                  context);
    tell_expiries("auth.certificates: the entry", config->auth.certificates,
                  config->auth.n_certificates, now_wall_ms, warn, context);
}
