#include "http/forwarded.h"

static struct str take(struct str *rest, size_t n)
{
    struct str taken = str_sub(*rest, 0, n);

    *rest = str_sub(*rest, n, rest->len);
    return taken;
}

static bool take_token(struct str *rest, struct str *out)
{
    *out = take(rest, str_token_span(*rest));
    return out->len > 0;
}

/* A quoted value is an address or a name. Neither needs a backslash: one is refused. */
static bool take_quoted(struct str *rest, struct str *out)
{
    size_t n = 1;

    while (n < rest->len && rest->ptr[n] != '"') {
        if (rest->ptr[n] == '\\' || (unsigned char)rest->ptr[n] < ' ') {
            return false;
        }
        n++;
    }
    if (n >= rest->len) {
        return false;
    }
    *out = str_sub(*rest, 1, n - 1);
    (void)take(rest, n + 1);
    return true;
}

/* for=192.0.2.7 */
static bool take_pair(struct str *rest, struct forwarded_hop *hop)
{
    struct str name;
    struct str value;
    struct str *place;

    if (!take_token(rest, &name) || rest->len == 0 || take(rest, 1).ptr[0] != '=' ||
        rest->len == 0) {
        return false;
    }
    if (!(rest->ptr[0] == '"' ? take_quoted(rest, &value) : take_token(rest, &value))) {
        return false;
    }
    place = str_is_nocase(name, "for")     ? &hop->node
            : str_is_nocase(name, "host")  ? &hop->host
            : str_is_nocase(name, "proto") ? &hop->proto
                                           : NULL;
    if (place == NULL) {
        return true;
    }
    if (place->len > 0) { /* given twice: nothing tells which one counts */
        return false;
    }
    *place = value;
    return true;
}

/* for=192.0.2.7;proto=https */
static bool take_hop(struct str *rest, struct forwarded_hop *hop)
{
    *hop = (struct forwarded_hop){.node = STR_EMPTY, .host = STR_EMPTY, .proto = STR_EMPTY};
    for (;;) {
        (void)take(rest, str_span(*rest, " \t"));
        if (rest->len > 0 && rest->ptr[0] != ';' && rest->ptr[0] != ',' && !take_pair(rest, hop)) {
            return false;
        }
        (void)take(rest, str_span(*rest, " \t"));
        if (rest->len == 0 || rest->ptr[0] == ',') {
            return true;
        }
        if (take(rest, 1).ptr[0] != ';') {
            return false;
        }
    }
}

static void add(struct forwarded_hop hops[FORWARDED_HOPS_MAX], size_t *n,
                const struct forwarded_hop *hop)
{
    if (*n == FORWARDED_HOPS_MAX) {
        for (size_t i = 1; i < FORWARDED_HOPS_MAX; i++) {
            hops[i - 1] = hops[i];
        }
        (*n)--;
    }
    hops[(*n)++] = *hop;
}

bool forwarded_read(struct str text, struct forwarded_hop hops[FORWARDED_HOPS_MAX], size_t *out_n)
{
    struct forwarded_hop hop;

    *out_n = 0;
    while (text.len > 0) {
        if (!take_hop(&text, &hop)) {
            *out_n = 0;
            return false;
        }
        add(hops, out_n, &hop);
        (void)take(&text, 1); /* the comma */
    }
    return true;
}
