#include "api/gate/links.h"

#include "base/host.h"
#include "base/mem.h"
#include "http/forwarded.h"

enum { PREFIX_MAX = 256 };

static bool is_trusted_address(const struct api *api, const uint8_t address[16])
{
    for (size_t i = 0; i < api->n_trusted; i++) {
        if (ip_range_holds(&api->trusted[i], address)) {
            return true;
        }
    }
    return false;
}

static bool is_trusted(const struct api *api, const struct exchange *exchange)
{
    uint8_t peer[16];

    return api->n_trusted > 0 && ip_address_parse(exchange->request.peer, peer) &&
           is_trusted_address(api, peer);
}

static bool believes(const struct api *api, const char *word)
{
    return str_is(api->config->server.forwarded, word);
}

/* The element of Forwarded that the outermost trusted proxy wrote, and in `client` the address that it names.
 * False: the peer is not trusted, or its Forwarded cannot be used. */
static bool outermost_hop(const struct api *api, struct exchange *exchange,
                          struct forwarded_hop *out, uint8_t client[16])
{
    struct str lines = exchange_header_lines(exchange, "Forwarded");
    struct forwarded_hop hops[FORWARDED_HOPS_MAX];
    bool is_found = false;
    size_t n = 0;

    if (!ip_address_parse(exchange->request.peer, client) || lines.len == 0 ||
        !forwarded_read(lines, hops, &n)) {
        return false;
    }
    while (n > 0 && is_trusted_address(api, client)) {
        uint8_t node[16];

        *out = hops[--n];
        is_found = true;
        if (!ip_address_parse(out->node, node)) {
            break;
        }
        mem_copy(client, node, sizeof(node));
    }
    return is_found;
}

bool client_address(struct task *task, uint8_t out[16])
{
    struct exchange *exchange = task->exchange;
    struct forwarded_hop element;
    struct str hops = STR_EMPTY;

    if (!ip_address_parse(exchange->request.peer, out)) {
        return false;
    }
    if (task->api->n_trusted > 0 && believes(task->api, "rfc7239")) {
        (void)outermost_hop(task->api, exchange, &element, out);
        return true;
    }
    if (task->api->n_trusted > 0 && believes(task->api, "x-forwarded")) {
        hops = exchange_header_lines(exchange, "X-Forwarded-For");
    }
    /* From right to left, past trusted hops. What stands further left may have been written by the client
     * itself. */
    while (hops.len > 0 && is_trusted_address(task->api, out)) {
        size_t at = str_behind_last(hops, ',');
        uint8_t hop[16];

        if (!ip_address_parse(str_trim(str_sub(hops, at, hops.len)), hop)) {
            break;
        }
        mem_copy(out, hop, sizeof(hop));
        hops = str_sub(hops, 0, at > 0 ? at - 1 : 0);
    }
    return true;
}

/* "/qa" or "/team/qa". The prefix is written into links, so it may hold only characters of a
 * path. */
static bool is_prefix(struct str text)
{
    return text.len > 1 && text.len <= PREFIX_MAX && text.ptr[0] == '/' &&
           str_is_of(text, "A-Za-z0-9/._~-") && !str_contains(text, STR("//")) &&
           !str_contains(text, STR(".."));
}

/* Each proxy that takes a prefix off adds its own, outermost first (Traefik writes a field each). */
static struct str forwarded_prefix(struct exchange *exchange)
{
    struct str rest = exchange_header_lines(exchange, "X-Forwarded-Prefix");
    struct str prefix = STR_EMPTY;
    struct str part;

    while (str_next(&rest, ',', &part)) {
        part = str_trim(part);
        while (part.len > 0 && str_ends(part, STR("/"))) {
            part.len--;
        }
        if (part.len == 0) {
            continue;
        }
        if (!is_prefix(part) || prefix.len + part.len > PREFIX_MAX) {
            return STR_EMPTY;
        }
        prefix = arena_printf(&exchange->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(part));
    }
    return prefix;
}

/* The prefix that a trusted proxy says it takes off the path; empty: none. */
static struct str told_prefix(const struct api *api, struct exchange *exchange)
{
    return is_trusted(api, exchange) && believes(api, "x-forwarded") ? forwarded_prefix(exchange)
                                                                     : STR_EMPTY;
}

void links_begin(const struct api *api, struct exchange *exchange)
{
    struct str public_url = api->config->server.public_url;

    exchange->base = public_url.len > 0
                         ? arena_str(&exchange->arena, public_url) /* outlives the configuration */
                         : told_prefix(api, exchange);
}

struct str task_link(const struct task *task, struct str path)
{
    return arena_printf(task->arena, "%.*s%.*s", STR_ARG(task->exchange->base), STR_ARG(path));
}

/* The prefix of our paths where the page was opened. The page may be open at another address than server.public_url. */
static struct str page_prefix(const struct task *task)
{
    return task->config->server.public_url.len > 0 ? told_prefix(task->api, task->exchange)
                                                   : task->exchange->base;
}

/* As many steps up as the page's path has directories. */
struct str page_link(const struct task *task, const char *path)
{
    struct str page = task->exchange->request.path;
    struct str prefix = page_prefix(task);
    struct str rest = str_from(path + 1);
    size_t depth = 0;
    char *link;

    if (prefix.len > 0) {
        return arena_printf(task->arena, "%.*s%s", STR_ARG(prefix), path);
    }
    for (size_t i = 1; i < page.len; i++) {
        depth += page.ptr[i] == '/' ? 1 : 0;
    }
    if (depth == 0 && rest.len == 0) {
        return STR("./");
    }
    link = arena_alloc(task->arena, 3 * depth + rest.len);
    for (size_t i = 0; i < depth; i++) {
        mem_copy(link + 3 * i, "../", 3);
    }
    mem_copy(link + 3 * depth, rest.ptr, rest.len);
    return (struct str){link, 3 * depth + rest.len};
}

static struct str first_of(struct exchange *exchange, const char *name)
{
    struct str first;
    struct str others;

    (void)str_cut(exchange_header_lines(exchange, name), ',', &first, &others);
    return str_trim(first);
}

struct str task_server_url(const struct task *task)
{
    struct forwarded_hop hop = {.host = STR_EMPTY, .proto = STR_EMPTY};
    uint8_t client[16];
    struct exchange *exchange = task->exchange;
    struct str host = exchange->request.host;
    bool is_tls = exchange->request.is_tls;

    if (task->config->server.public_url.len > 0) {
        return task->config->server.public_url;
    }
    if (is_trusted(task->api, exchange) && believes(task->api, "x-forwarded")) {
        hop.host = first_of(exchange, "X-Forwarded-Host");
        hop.proto = first_of(exchange, "X-Forwarded-Proto");
    } else if (task->api->n_trusted > 0 && believes(task->api, "rfc7239")) {
        (void)outermost_hop(task->api, exchange, &hop, client);
    }
    is_tls = is_tls || str_is_nocase(hop.proto, "https");
    host = hop.host.len > 0 && authority_is_sound(hop.host) ? hop.host : host;
    return arena_printf(task->arena, "%s://%.*s%.*s", is_tls ? "https" : "http",
                        STR_ARG(host.len > 0 ? host : task->config->server.all[0].address),
                        STR_ARG(exchange->base));
}
