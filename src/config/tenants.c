/* tenants: accounts of the platform beside the one of `upstream`. A key or a token's claim names one. */
#include "base/url.h"
#include "config_internal.h"

/* Like upstream.base_url. */
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
    if (!url_path_is_sound(reading->loader, url.path)) {
        return loader_fail(
            reading->loader,
            "tenants: base_url: the path has a dot segment or a broken percent escape");
    }
    *(struct str *)field = arena_str(&reading->loader->box->arena, str_without_end(text, '/'));
    return true;
}

static bool take_id(struct map_reading *reading, void *field)
{
    struct str text;

    return map_text(reading, &text) &&
           id_from_text(reading->loader, "tenants: organization_id", text, field);
}

#define AT(member) offsetof(struct config_tenant, member)

static const struct map_member members[] = {
    {"name", map_name, put_text, AT(name)},
    {"token", map_secret, put_secret, AT(token), "tenants: token"},
    {"secondary_token", map_secret, put_secret, AT(secondary_token), "tenants: secondary_token"},
    {"organization_id", take_id, put_text, AT(organization_id)},
    {"base_url", take_base_url, put_text, AT(base_url)},
    {"rate", map_number, put_number, AT(rate.per_second), "limits.per_key"},
    {"burst", map_number, put_number, AT(rate.burst), "limits.burst"},
    {"concurrency", map_number, put_number, AT(rate.concurrency), "limits.concurrency"},
};

static bool judge(struct loader *loader, void *entry, unsigned n_keys)
{
    const struct config *config = &loader->box->config;
    const struct config_tenant *tenant = entry;

    (void)n_keys;
    if (tenant->name.len == 0 || config_tenant_find(config, tenant->name) != config->tenants.n) {
        return loader_fail(loader, "tenants: each entry needs a name of its own");
    }
    if (tenant->rate.per_second == 0 && tenant->rate.burst > 0) {
        return loader_fail(loader, "tenants: \"%.*s\" has a burst without a rate",
                           STR_ARG(tenant->name));
    }
    if (!secret_is_set(&tenant->token) && !config->sandbox.enabled) {
        return loader_fail(loader, "tenants: \"%.*s\" has no token for the platform",
                           STR_ARG(tenant->name));
    }
    return true;
}

const struct map_list tenants_list = {.members = members,
                                      .n_members = ARRAY_LEN(members),
                                      .entry_bytes = sizeof(struct config_tenant),
                                      .example = "{name: ..., token: ...}",
                                      .judge = judge};

size_t config_tenant_find(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->tenants.n; i++) {
        if (str_eq(config->tenants.items[i].name, name)) {
            return i + 1;
        }
    }
    return 0;
}
