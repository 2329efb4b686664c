#include "cache_entry.h"

#include "api/gate/media.h"
#include "base/clock.h"
#include "base/date.h"

static uint64_t seconds_of(struct str value)
{
    int64_t seconds;

    if (str_to_i64(value, 0, INT32_MAX, &seconds)) {
        return (uint64_t)seconds * 1000;
    }
    /* A greater number counts as the greatest (RFC 9111 section 1.2.2). A value that cannot be read counts as
     * 0, the most careful age. */
    return value.len > 0 && str_is_of(value, "0-9") ? (uint64_t)INT32_MAX * 1000 : 0;
}

/* If directives contradict each other, the most careful one holds (RFC 9111 section 4.2.1). */
static void at_most(uint64_t *limit, uint64_t value)
{
    *limit = value < *limit ? value : *limit;
}

/* `name`, `name=value` or `name="value"`. False: without a value. */
static bool split_directive(struct str directive, struct str *out_name, struct str *out_value)
{
    bool has_value = str_cut(directive, '=', out_name, out_value);

    *out_name = str_trim(*out_name);
    *out_value = str_trim(*out_value);
    if (out_value->len >= 2 && out_value->ptr[0] == '"') {
        *out_value = str_sub(*out_value, 1, out_value->len - 2);
    }
    return has_value;
}

static void read_directive(struct cache_wish *wish, struct str directive)
{
    struct str name;
    struct str value;
    bool has_value = split_directive(directive, &name, &value);

    if (str_is_nocase(name, "no-store")) {
        wish->no_store = true;
    } else if (str_is_nocase(name, "no-cache")) {
        wish->max_age_ms = 0;
    } else if (str_is_nocase(name, "max-age")) {
        at_most(&wish->max_age_ms, seconds_of(value));
    } else if (str_is_nocase(name, "min-fresh")) {
        wish->min_fresh_ms = seconds_of(value);
    } else if (str_is_nocase(name, "max-stale")) {
        wish->max_stale_ms = has_value ? seconds_of(value) : UINT64_MAX;
        at_most(&wish->meanwhile_ms, wish->max_stale_ms);
        at_most(&wish->error_ms, wish->max_stale_ms);
    } else if (str_is_nocase(name, "stale-while-revalidate")) {
        at_most(&wish->meanwhile_ms, seconds_of(value));
    } else if (str_is_nocase(name, "stale-if-error")) {
        at_most(&wish->error_ms, seconds_of(value));
    } else if (str_is_nocase(name, "only-if-cached")) {
        wish->only_if_cached = true;
    }
}

void cache_wish_read(const struct http_request *request, struct cache_wish *out)
{
    /* Only the platform can judge these preconditions, or cut out the range. */
    static const char *const passing[] = {"If-Match", "If-Unmodified-Since", "If-Range", "Range"};
    bool has_control = false;
    bool has_pragma = false;

    *out = (struct cache_wish){
        .max_age_ms = UINT64_MAX, .meanwhile_ms = UINT64_MAX, .error_ms = UINT64_MAX};
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];
        struct str value = header->value;
        struct str directive;

        out->passes = out->passes || str_in_nocase(header->name, passing, ARRAY_LEN(passing));
        if (str_is_nocase(header->name, "Pragma")) {
            has_pragma = has_pragma || header_list_has(value, STR("no-cache"));
        }
        if (str_is_nocase(header->name, "Cache-Control")) {
            has_control = true;
            while (header_list_next(&value, &directive)) {
                read_directive(out, directive);
            }
        }
    }
    if (has_pragma && !has_control) {
        out->max_age_ms = 0;
    }
}

/* Without max-age the Expires field holds; a value that is no date counts as expired (RFC 9111 section 5.3). */
static unsigned until_it_expires(struct str expires, unsigned ttl_s)
{
    int64_t expires_ms;
    int64_t left_ms;

    if (expires.len == 0) {
        return ttl_s;
    }
    left_ms = date_read_imf(expires, &expires_ms) ? expires_ms - clock_wall_ms() : 0;
    left_ms = left_ms > 0 ? left_ms : 0;
    return left_ms / 1000 < ttl_s ? (unsigned)(left_ms / 1000) : ttl_s;
}

unsigned cache_keep_s(const struct cache_said *said, unsigned ttl_s)
{
    struct str control = said->control;
    uint64_t max_age_ms = UINT64_MAX;
    uint64_t shared_ms = UINT64_MAX; /* s-maxage: goes before max-age */
    struct str directive;
    uint64_t left_ms;
    uint64_t age_ms;

    while (header_list_next(&control, &directive)) {
        struct str name;
        struct str value;

        (void)split_directive(directive, &name, &value);
        if (str_is_nocase(name, "no-store") || str_is_nocase(name, "no-cache") ||
            (!said->from_proxy && str_is_nocase(name, "private"))) {
            return 0;
        }
        if (str_is_nocase(name, "max-age")) {
            at_most(&max_age_ms, seconds_of(value));
        } else if (str_is_nocase(name, "s-maxage")) {
            at_most(&shared_ms, seconds_of(value));
        }
    }
    left_ms = shared_ms != UINT64_MAX ? shared_ms : max_age_ms;
    if (left_ms == UINT64_MAX) {
        return until_it_expires(said->expires, ttl_s);
    }
    age_ms = said->from_proxy ? 0 : seconds_of(said->age);
    left_ms = age_ms < left_ms ? left_ms - age_ms : 0;
    return left_ms / 1000 < ttl_s ? (unsigned)(left_ms / 1000) : ttl_s;
}

void cache_stale_read(const struct cache_answer *answer, struct cache_stale *out)
{
    static const char *const strict[] = {"must-revalidate", "proxy-revalidate", "s-maxage"};

    *out = (struct cache_stale){.meanwhile_ms = UINT64_MAX, .error_ms = UINT64_MAX};
    for (size_t i = 0; i < answer->n_headers; i++) {
        struct str rest = answer->headers[i].value;
        struct str directive;

        if (!str_is_nocase(answer->headers[i].name, "Cache-Control")) {
            continue;
        }
        while (header_list_next(&rest, &directive)) {
            struct str name;
            struct str value;

            (void)split_directive(directive, &name, &value);
            if (str_in_nocase(name, strict, ARRAY_LEN(strict))) {
                out->never = true;
                out->meanwhile_ms = out->error_ms = 0;
            } else if (str_is_nocase(name, "stale-while-revalidate")) {
                at_most(&out->meanwhile_ms, seconds_of(value));
            } else if (str_is_nocase(name, "stale-if-error")) {
                at_most(&out->error_ms, seconds_of(value));
            }
        }
    }
}

unsigned cache_n_hops(const struct exchange *exchange)
{
    unsigned n = 0;

    for (size_t i = 0; i < exchange->request.n_headers; i++) {
        struct str rest = exchange->request.headers[i].value;
        struct str hop;

        if (!str_is_nocase(exchange->request.headers[i].name, "Via")) {
            continue;
        }
        while (header_list_next(&rest, &hop)) {
            n += str_ends(hop, STR(" virtuoso-proxy")) ? 1 : 0;
        }
    }
    return n;
}
