#include "cache_wish.h"

#include "api/gate/media.h"

static uint64_t seconds_of(struct str value)
{
    int64_t seconds;

    /* What cannot be read asks for the most careful reading. */
    return str_to_i64(value, 0, INT32_MAX, &seconds) ? (uint64_t)seconds * 1000 : 0;
}

/* Of directives that contradict each other the most careful holds (RFC 9111 section 4.2.1). */
static void at_most(uint64_t *limit, uint64_t value)
{
    *limit = value < *limit ? value : *limit;
}

static void read_directive(struct cache_wish *wish, struct str directive)
{
    struct str name;
    struct str value;
    bool has_value = str_cut(directive, '=', &name, &value);

    name = str_trim(name);
    value = str_trim(value);
    if (value.len >= 2 && value.ptr[0] == '"') {
        value = str_sub(value, 1, value.len - 2);
    }
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
    } else if (str_is_nocase(name, "only-if-cached")) {
        wish->only_if_cached = true;
    }
}

void cache_wish_read(const struct http_request *request, struct cache_wish *out)
{
    bool has_control = false;
    bool has_pragma = false;

    *out = (struct cache_wish){.max_age_ms = UINT64_MAX};
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];
        struct str value = header->value;
        struct str directive;

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
