/* CORS (Fetch standard, section 3.3): only origins of the configuration, echoed one by one; "*"
 * stands for any origin and is refused by the configuration together with credentials. */
#include "api/gate/task.h"

static bool origin_allowed(const struct config *config, struct str origin, bool *out_any)
{
    for (size_t i = 0; i < config->cors.n_origins; i++) {
        *out_any = str_is(config->cors.origins[i], "*");
        if (*out_any || str_eq_nocase(config->cors.origins[i], origin)) {
            return true;
        }
    }
    return false;
}

void cors_apply(const struct api *api, struct exchange *exchange)
{
    const struct config *config = api->config;
    struct str origin = exchange_header(exchange, "Origin");
    bool any = false;

    if (config->cors.n_origins == 0) {
        return;
    }
    exchange_set_header(exchange, "Vary", STR("Origin"));
    if (origin.len == 0 && exchange->request.path.len == 0) { /* the request was refused unread */
        if (origin_allowed(config, STR("*"), &any)) {
            exchange_set_header(exchange, "Access-Control-Allow-Origin", STR("*"));
        }
        return;
    }
    if (origin.len == 0 || exchange_count_headers(exchange, "Origin") > 1 ||
        !origin_allowed(config, origin, &any)) {
        return;
    }
    exchange_set_header(exchange, "Access-Control-Allow-Origin", any ? STR("*") : origin);
    if (config->cors.credentials && !any) {
        exchange_set_header(exchange, "Access-Control-Allow-Credentials", STR("true"));
    }
    if (!str_is(exchange->request.method, "OPTIONS") ||
        !exchange_has_header(exchange, "Access-Control-Request-Method")) { /* no preflight */
        exchange_set_header(
            exchange, "Access-Control-Expose-Headers",
            STR("X-Request-Id, Location, Retry-After, RateLimit, RateLimit-Policy, ETag, Age, "
                "Cache-Status, Idempotency-Replayed, Deprecation, Server-Timing, Accept-Ranges, "
                "Content-Disposition, Content-Range, Link"));
        return;
    }
    exchange_set_header(exchange, "Access-Control-Allow-Methods",
                        STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    exchange_set_header(
        exchange, "Access-Control-Allow-Headers",
        STR("Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, "
            "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Last-Event-ID, Pragma, "
            "Range, X-API-Key, X-Request-Id, X-Session-Id, traceparent, tracestate"));
    exchange_set_header(exchange, "Access-Control-Max-Age",
                        arena_printf(&exchange->arena, "%u", config->cors.max_age_s));
}
