/* tenants: accounts of the platform beside the one of `upstream`. A key or a token's claim names one. */
#include "base/buf.h"
#include "base/url.h"
#include "config_internal.h"

static bool take_secret(struct map_reading *reading, void *field)
{
    return secret_from_text(reading->loader, reading->member->option, reading->node->text, field);
}

/* As upstream.base_url is read. */
static bool take_base_url(struct map_reading *reading, void *field)
{
    struct str text = reading->node->text;
    struct url url = {0};
    struct error err = {0};

    if (url_read(text, &url, &err) != ERR_OK || url.has_user || url.has_query || url.has_fragment) {
        return loader_fail(reading->loader,
                           "tenants: base_url: not a URL without user, query and fragment%s%s",
                           err.text[0] != '\0' ? ": " : "", err.text);
    }
    *(struct str *)field = arena_str(&reading->loader->box->arena, str_without_end(text, '/'));
    return true;
}

#define AT(member) offsetof(struct config_tenant, member)

static const struct map_member members[] = {
    {"name", map_name, AT(name)},
    {"token", take_secret, AT(token), "tenants: token"},
    {"secondary_token", take_secret, AT(secondary_token), "tenants: secondary_token"},
    {"organization_id", map_text, AT(organization_id)},
    {"base_url", take_base_url, AT(base_url)},
    {"rate", map_number, AT(rate.per_second), "limits.per_key"},
    {"burst", map_number, AT(rate.burst), "limits.burst"},
    {"concurrency", map_number, AT(rate.concurrency), "limits.concurrency"},
};

static const struct map_list list = {members, ARRAY_LEN(members), "{name: ..., token: ...}"};

static bool take_tenant(struct loader *loader, const struct node *map)
{
    struct config *config = &loader->box->config;
    struct config_tenant *out = &config->tenants.items[config->tenants.n];
    unsigned n_keys;

    config->tenants.n++; /* its secrets are wiped also when it is refused */
    if (!map_read(loader, &list, map, out, &n_keys)) {
        return false;
    }
    if (out->name.len == 0 || config_tenant_find(config, out->name) != config->tenants.n) {
        return loader_fail(loader, "tenants: each entry needs a name of its own");
    }
    if (out->rate.per_second == 0 && out->rate.burst > 0) {
        return loader_fail(loader, "tenants: \"%.*s\" has a burst without a rate",
                           STR_ARG(out->name));
    }
    if (!secret_is_set(&out->token) && !config->sandbox.enabled) {
        return loader_fail(loader, "tenants: \"%.*s\" has no token for the platform",
                           STR_ARG(out->name));
    }
    return true;
}

bool tenants_from_node(struct loader *loader, const struct node *node)
{
    struct config *config = &loader->box->config;

    loader->list = "tenants";
    if (node->type == NODE_LIST) {
        tenants_free(config);
        config->tenants.items =
            arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*config->tenants.items));
    }
    return maps_read(loader, &list, node, take_tenant, NULL);
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
