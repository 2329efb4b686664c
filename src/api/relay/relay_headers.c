/* Which headers of direct access pass, in both directions, and what those of an answer say. */
#include "relay.h"

#include "api/gate/cache.h"
#include "api/gate/limits.h"
#include "api/gate/links.h"
#include "api/gate/media.h"
#include "api/gate/redact.h"
#include "base/host.h"
#include "base/url.h"
#include "http/answer.h"

enum { LINK_GROWS = 4 };

bool relay_header_stays(struct str name, struct str connection)
{
    static const char *const own[] = {
        /* hop by hop (RFC 9110 section 7.6.1) and framing */
        "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
        "Upgrade", "Content-Length",
        /* credentials and cookies */
        "Authorization", "Proxy-Authorization", "Proxy-Authenticate", "WWW-Authenticate",
        "Authentication-Info", "Proxy-Authentication-Info", "Cookie", "Set-Cookie", "X-API-Key",
        /* written by this proxy itself */
        "Content-Type", "X-Request-Id", "traceparent", "tracestate", "X-Amzn-Trace-Id"};

    return str_in_nocase(name, own, ARRAY_LEN(own)) || header_list_has(connection, name);
}

/* True: the header of an answer is not passed on: for the reasons of relay_header_stays, or since it speaks for the
 * platform's own address, or since we write it. */
static bool answer_header_stays(const struct task *task, struct str name, struct str connection)
{
    static const char *const limits[] = {"RateLimit", "X-RateLimit-"};
    static const char *const own[] = {"Date",
                                      "Alt-Svc",
                                      "Strict-Transport-Security",
                                      "X-Content-Type-Options",
                                      "X-Frame-Options",
                                      "Referrer-Policy",
                                      "Content-Encoding"};

    return relay_header_stays(name, connection) || str_in_nocase(name, own, ARRAY_LEN(own)) ||
           str_starts_nocase(name, STR("Access-Control-")) ||
           (limits_are_told(task) && str_starts_any_nocase(name, limits, ARRAY_LEN(limits)));
}

/* scheme://server… or //server…, if that is the platform's; then what stands behind it. */
static bool names_platform(struct str address, const struct url *base, struct str *out_behind)
{
    struct str own_port = str_is_nocase(base->scheme, "https") ? STR("443") : STR("80");
    struct str scheme = base->scheme;
    struct str rest = address;
    struct str host;
    struct str port;
    size_t n = 0;

    if (!str_starts(address, STR("//")) && !str_cut(address, ':', &scheme, &rest)) {
        return false;
    }
    if (!str_starts(rest, STR("//")) || !str_eq_nocase(scheme, base->scheme)) {
        return false;
    }
    rest = str_sub(rest, 2, rest.len);
    while (n < rest.len && str_find_char(STR("/?#"), rest.ptr[n]) < 0) {
        n++;
    }
    authority_split(str_sub(rest, 0, n), &host, &port);
    *out_behind = str_sub(rest, n, rest.len);
    return str_eq_nocase(host, base->host) &&
           str_eq(port.len > 0 ? port : own_port, base->port.len > 0 ? base->port : own_port);
}

/* An address below the platform's base is one below /virtuoso, as our own paths are for the client; others stay. */
static struct str location_of(const struct relay *relay, struct str value)
{
    struct str behind = value;
    struct str path;
    struct url base;

    if (url_read(upstream_call_base(&relay->call), &base, NULL) != ERR_OK) {
        return value;
    }
    path = str_without_end(base.path, '/');
    if ((!str_starts(value, STR("/")) || str_starts(value, STR("//"))) &&
        !names_platform(value, &base, &behind)) {
        return value;
    }
    if (!str_starts(behind, path)) {
        return value;
    }
    behind = str_sub(behind, path.len, behind.len);
    if (behind.len > 0 && str_find_char(STR("/?#"), behind.ptr[0]) < 0) {
        return value; /* /api and /apiary */
    }
    return task_link(relay->task,
                     arena_printf(relay->task->arena, "/virtuoso%.*s", STR_ARG(behind)));
}

/* <ADDRESS>; rel=next, <ADDRESS>; ...: a client that follows them stays behind this proxy. */
static struct str links_of(const struct relay *relay, struct str value)
{
    struct str before;
    struct str address;
    struct str rest;
    struct buf out;

    /* "</>" is the shortest one that grows. */
    buf_init(&out, (value.len + 1) * (LINK_GROWS + relay->task->exchange->base.len));
    while (str_cut(value, '<', &before, &rest) && str_cut(rest, '>', &address, &rest)) {
        buf_str(&out, before);
        buf_char(&out, '<');
        buf_str(&out, location_of(relay, address));
        buf_char(&out, '>');
        value = rest;
    }
    buf_str(&out, value);
    return arena_take(relay->task->arena, &out);
}

static void note_header(struct relay *relay, struct str name, struct str value)
{
    struct arena *arena = relay->task->arena;

    if ((relay->redacts && redact_names(value, relay->meaning, relay->shows)) ||
        relay_repeats_token(relay, value)) {
        return;
    }
    value = arena_str(arena, value);
    if (str_is_nocase(name, "Location") || str_is_nocase(name, "Content-Location")) {
        value = location_of(relay, value);
    } else if (str_is_nocase(name, "Link") && str_find_char(value, '<') >= 0) {
        value = links_of(relay, value);
    }
    relay->head_bytes += name.len + value.len + sizeof(": \r\n") - 1;
    if (relay->head_bytes > RELAY_HEAD_MAX) {
        relay->has_big_head = true;
        return;
    }
    relay->headers[relay->n_headers++] =
        (struct http_header){.name = arena_str(arena, name), .value = value};
}

/* Of several types the one that must be looked into counts: readers differ in which they take.
 * Several lines of Connection, or of codings, are one list. */
void relay_note_headers(struct relay *relay, const struct upstream_header *headers, size_t n)
{
    struct arena *arena = relay->task->arena;
    struct str connection = STR_EMPTY;

    relay->headers = arena_calloc(arena, n + 1, sizeof(*relay->headers));
    for (size_t i = 0; i < n; i++) {
        if (str_is_nocase(headers[i].name, "Connection")) {
            arena_join(arena, &connection, ", ", headers[i].value);
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct str name = headers[i].name;
        struct str value = headers[i].value;

        if (str_is_nocase(name, "Content-Type")) {
            if (media_kind(relay->content_type) != MEDIA_JSON) {
                relay->content_type = arena_str(arena, value);
            }
        } else if (str_is_nocase(name, "Content-Length")) {
            relay->length = arena_str(arena, value);
        } else if (str_is_nocase(name, "Content-Encoding")) {
            if (value.len > 0 && !str_is_nocase(value, "identity")) {
                arena_join(arena, &relay->coding, ", ", value);
            }
        } else if (!answer_header_stays(relay->task, name, connection)) {
            note_header(relay, name, value);
        }
    }
}

void relay_drop_digests(struct relay *relay)
{
    static const char *const digests[] = {"Content-MD5", "Digest",    "Content-Digest",
                                          "Repr-Digest", "Signature", "Signature-Input"};
    size_t n = 0;

    for (size_t i = 0; i < relay->n_headers; i++) {
        if (!str_in_nocase(relay->headers[i].name, digests, ARRAY_LEN(digests))) {
            relay->headers[n++] = relay->headers[i];
        }
    }
    relay->n_headers = n;
}

void relay_set_headers(const struct relay *relay)
{
    for (size_t i = 0; i < relay->n_headers; i++) {
        exchange_set_header(relay->task->exchange,
                            arena_cstr(relay->task->arena, relay->headers[i].name),
                            relay->headers[i].value);
    }
}

void relay_keep_headers(struct relay *relay)
{
    struct buf lines;

    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    for (size_t i = 0; i < relay->n_headers; i++) {
        (void)header_line(&lines, relay->headers[i].name, relay->headers[i].value);
    }
    relay->task->fields = arena_take(relay->task->arena, &lines);
}

/* The cache tells callers apart, not their Accept, Accept-Language and so on, which are passed on:
 * an answer that depends on such fields is for the one who asked. */
bool relay_fits_all(const struct relay *relay)
{
    static const char *const harmless[] = {"Accept-Encoding",
                                           "Origin",
                                           "Authorization",
                                           "Cookie",
                                           "Access-Control-Request-Method",
                                           "Access-Control-Request-Headers"};

    for (size_t i = 0; i < relay->n_headers; i++) {
        struct str rest = relay->headers[i].value;
        struct str field;

        if (!str_is_nocase(relay->headers[i].name, "Vary")) {
            continue;
        }
        while (header_list_next(&rest, &field)) {
            if (field.len > 0 && !str_in_nocase(field, harmless, ARRAY_LEN(harmless))) {
                return false;
            }
        }
    }
    return true;
}

unsigned relay_keep_s(const struct relay *relay, unsigned ttl_s)
{
    struct cache_said said = {.control = STR_EMPTY};

    for (size_t i = 0; i < relay->n_headers; i++) {
        const struct http_header *header = &relay->headers[i];

        if (str_is_nocase(header->name, "Age")) {
            said.age = header->value;
        } else if (str_is_nocase(header->name, "Expires")) {
            said.expires = header->value;
        } else if (str_is_nocase(header->name, "Cache-Control")) {
            arena_join(relay->task->arena, &said.control, ", ", header->value);
        }
    }
    said.from_proxy = relay->task->config->upstream.is_proxy;
    return cache_keep_s(&said, ttl_s);
}

unsigned relay_age_s(const struct relay *relay)
{
    for (size_t i = 0; i < relay->n_headers; i++) {
        int64_t age_s = 0;

        if (str_is_nocase(relay->headers[i].name, "Age") &&
            str_to_i64(relay->headers[i].value, 0, INT32_MAX, &age_s)) {
            return (unsigned)age_s;
        }
    }
    return 0;
}
