/* tenants: accounts of the platform beside the one of `upstream`. A key or a token's claim names one. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/url.h"
#include "config_internal.h"

enum { TENANTS_MAX = 100, NAME_MAX_LEN = 64 };

static bool take_name(struct loader *loader, struct str text, struct config_tenant *out)
{
    if (text.len == 0 || text.len > NAME_MAX_LEN) {
        loader_fail(loader, "tenants: a name has 1 to %d bytes", NAME_MAX_LEN);
        return false;
    }
    out->name = arena_str(&loader->box->arena, text);
    return true;
}

static bool take_token(struct loader *loader, struct str text, struct config_tenant *out)
{
    return secret_from_text(loader, "tenants: token", text, &out->token);
}

static bool take_secondary(struct loader *loader, struct str text, struct config_tenant *out)
{
    return secret_from_text(loader, "tenants: secondary_token", text, &out->secondary_token);
}

static bool take_organization(struct loader *loader, struct str text, struct config_tenant *out)
{
    out->organization_id = arena_str(&loader->box->arena, text);
    return true;
}

/* As upstream.base_url is read. */
static bool take_base_url(struct loader *loader, struct str text, struct config_tenant *out)
{
    struct url url = {0};
    struct error err = {0};

    if (url_read(text, &url, &err) != ERR_OK || url.has_user || url.has_query || url.has_fragment) {
        loader_fail(loader, "tenants: base_url: not a URL without user, query and fragment%s%s",
                    err.text[0] != '\0' ? ": " : "", err.text);
        return false;
    }
    while (str_ends(text, STR("/"))) {
        text.len--;
    }
    out->base_url = arena_str(&loader->box->arena, text);
    return true;
}

/* As wide as the option of `limits` that is like it. */
static bool take_number(struct loader *loader, struct str text, const char *option, unsigned *out)
{
    const struct option_row *row = option_find(str_from(option));
    int64_t value;

    if (!str_to_i64(text, row->min, row->max, &value)) {
        loader_fail(loader, "tenants: \"%.*s\" is not a whole number from %lld to %lld",
                    STR_ARG(str_sub(text, 0, NAME_MAX_LEN)), (long long)row->min,
                    (long long)row->max);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool take_rate(struct loader *loader, struct str text, struct config_tenant *out)
{
    return take_number(loader, text, "limits.per_key", &out->rate.per_second);
}

static bool take_burst(struct loader *loader, struct str text, struct config_tenant *out)
{
    return take_number(loader, text, "limits.burst", &out->rate.burst);
}

static bool take_concurrency(struct loader *loader, struct str text, struct config_tenant *out)
{
    return take_number(loader, text, "limits.concurrency", &out->rate.concurrency);
}

static const struct {
    const char *name;
    bool (*take)(struct loader *loader, struct str text, struct config_tenant *out);
} members[] = {
    {"name", take_name},
    {"token", take_token},
    {"secondary_token", take_secondary},
    {"organization_id", take_organization},
    {"base_url", take_base_url},
    {"rate", take_rate},
    {"burst", take_burst},
    {"concurrency", take_concurrency},
};

static bool take_member(struct loader *loader, const struct node *node, struct config_tenant *out)
{
    struct nearest nearest;

    nearest_init(&nearest, node->key);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (str_is(node->key, members[i].name)) {
            return members[i].take(loader, node->text, out);
        }
        nearest_offer(&nearest, str_from(members[i].name));
    }
    loader_fail(loader,
                "tenants: unknown member \"%.*s\"; known are name, token, secondary_token, "
                "organization_id, base_url, rate, burst, concurrency%s%.*s%s",
                STR_ARG(str_sub(node->key, 0, NAME_MAX_LEN)),
                nearest.best.len > 0 ? "; did you mean \"" : "", STR_ARG(nearest.best),
                nearest.best.len > 0 ? "\"?" : "");
    return false;
}

static bool is_taken(const struct config *config, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(config->tenants.items[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool take_tenant(struct loader *loader, const struct node *map, struct config_tenant *out)
{
    struct config *config = &loader->box->config;
    bool ok = map->type == NODE_MAP;

    if (!ok) {
        loader_fail(loader, "tenants: each entry is a map: {name: ..., token: ...}");
        return false;
    }
    for (const struct node *member = map->first; member != NULL; member = member->next) {
        loader->line = member->key_line;
        loader->column = member->key_column;
        ok = take_member(loader, member, out) && ok;
    }
    loader->line = map->line;
    loader->column = map->column;
    if (ok && (out->name.len == 0 || is_taken(config, config->tenants.n - 1, out->name))) {
        loader_fail(loader, "tenants: each entry needs a name of its own");
        return false;
    }
    if (ok && out->rate.per_second == 0 && out->rate.burst > 0) {
        loader_fail(loader, "tenants: \"%.*s\" has a burst without a rate", STR_ARG(out->name));
        return false;
    }
    if (ok && !secret_is_set(&out->token) && !config->sandbox.enabled) {
        loader_fail(loader, "tenants: \"%.*s\" has no token for the platform", STR_ARG(out->name));
        return false;
    }
    return ok;
}

bool tenants_from_node(struct loader *loader, const struct node *node)
{
    struct config *config = &loader->box->config;
    bool ok = true;

    if (node->type == NODE_SCALAR && (node->is_null || node->text.len == 0)) {
        return true;
    }
    if (node->type != NODE_LIST || node->n_children > TENANTS_MAX) {
        loader_fail(loader, "tenants: must be a list of at most %d entries", TENANTS_MAX);
        return false;
    }
    tenants_free(config);
    config->tenants.items =
        arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*config->tenants.items));
    config->tenants.n = 0;
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        loader->line = item->line;
        loader->column = item->column;
        ok = take_tenant(loader, item, &config->tenants.items[config->tenants.n++]) && ok;
    }
    return ok;
}

bool tenants_from_text(struct loader *loader, struct str text)
{
    if (text.len > 0 && !str_is(text, "[]")) {
        loader_fail(loader, "tenants: is a list of maps; write it into the configuration file");
        return false;
    }
    return true;
}

void tenants_free(struct config *config)
{
    for (size_t i = 0; i < config->tenants.n; i++) {
        secret_done(&config->tenants.items[i].token);
        secret_done(&config->tenants.items[i].secondary_token);
    }
    config->tenants.n = 0;
}

void tenants_print(struct buf *out, const struct config *config)
{
    buf_text(out, config->tenants.n == 0 ? "[]" : "");
    for (size_t i = 0; i < config->tenants.n; i++) {
        const struct config_tenant *tenant = &config->tenants.items[i];

        buf_text(out, "\n  - name: ");
        yaml_write_scalar(out, tenant->name);
        buf_text(out, secret_is_set(&tenant->token) ? "\n    token: '***'" : "");
        buf_text(out,
                 secret_is_set(&tenant->secondary_token) ? "\n    secondary_token: '***'" : "");
        if (tenant->organization_id.len > 0) {
            buf_text(out, "\n    organization_id: ");
            yaml_write_scalar(out, tenant->organization_id);
        }
        if (tenant->base_url.len > 0) {
            buf_text(out, "\n    base_url: ");
            yaml_write_scalar(out, tenant->base_url);
        }
        print_rate(out, &tenant->rate, "    ");
    }
}

static bool is_same_secret(const struct secret *a, const struct secret *b)
{
    return str_eq(secret_reveal(a), secret_reveal(b));
}

bool tenants_are_same(const struct config *before, const struct config *after)
{
    bool same = before->tenants.n == after->tenants.n;

    for (size_t i = 0; same && i < after->tenants.n; i++) {
        const struct config_tenant *a = &before->tenants.items[i];
        const struct config_tenant *b = &after->tenants.items[i];

        same = is_same_secret(&a->token, &b->token) &&
               is_same_secret(&a->secondary_token, &b->secondary_token);
    }
    return same; /* the rest is seen in the text */
}

size_t config_tenant_find(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->tenants.n; i++) {
        if (str_eq(config->tenants.items[i].name, name)) {
            return i + 1;
        }
    }
    return 0;
}
