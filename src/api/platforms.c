/* The accounts of the platform: opened with the api, changed with its configuration. */
#include "api/gate/task.h"
#include "api_internal.h"
#include "base/mem.h"
#include "run/run.h"
#include "step/lane.h"

static struct run_store_options run_options(const struct api *api, struct platform *platform)
{
    const struct config *config = api->config;

    return (struct run_store_options){
        .port = platform->port,
        .defaults = &platform->defaults,
        .lanes = platform->lanes,
        .ui_url = config->upstream.ui_url,
        .project = config->runs.project,
        .max_active = config->runs.max_active,
        .max_kept = config->runs.max_kept,
        .poll_ms = config->runs.poll_ms,
    };
}

/* The same platform has the same checkpoints, whoever asks: its address says which lanes are meant. */
static void share_lanes(const struct api *api, struct platform *platform,
                        const struct config_tenant *tenant)
{
    struct str url = tenant != NULL && tenant->base_url.len > 0 ? tenant->base_url
                                                                : api->config->upstream.base_url;
    struct digest digest;
    char hex[65];

    if (api->options.keeps == NULL) {
        return;
    }
    digest_of(url, &digest);
    digest_hex(&digest, hex);
    lanes_share(platform->lanes, &(struct lanes_shared){.keeps = api->options.keeps,
                                                        .deadlines = api->options.deadlines,
                                                        .scope = {hex, LANE_SCOPE_MAX}});
}

/* `tenant` NULL: the account of `upstream`. */
static void open_platform(struct api *api, struct platform *platform,
                          const struct config_tenant *tenant, const struct api_tenant *link)
{
    struct run_store_options runs;

    platform->name = str_dup(tenant != NULL ? tenant->name : STR_EMPTY);
    platform->tenant = str_from(platform->name);
    digest_of_parts((struct str[]){STR("tenant"), platform->tenant}, 2, &platform->owner);
    platform->port = link->port;
    platform->upstream = link->upstream;
    platform->lanes = lanes_new(platform->port->later, api->config->sessions.max_queue);
    share_lanes(api, platform, tenant);
    platform->tokens.account = tenant != NULL ? platform->tenant : STR("upstream");
    runs = run_options(api, platform);
    platform->runs = run_store_open(&runs);
}

void platforms_open(struct api *api)
{
    const struct api_tenant first = {api->options.port, api->options.upstream};
    const struct config *config = api->config;

    api->n_platforms = config->tenants.n + 1;
    api->platforms = mem_calloc(api->n_platforms, sizeof(*api->platforms));
    open_platform(api, &api->platforms[0], NULL, &first);
    for (size_t i = 0; i < config->tenants.n; i++) {
        open_platform(api, &api->platforms[i + 1], &config->tenants.items[i],
                      &api->options.tenants[i]);
    }
    platforms_configure(api);
}

/* The same tenants in the same order as at the start (config_keep). */
void platforms_configure(struct api *api)
{
    const struct config *config = api->config;

    for (size_t i = 0; i < api->n_platforms; i++) {
        struct platform *platform = &api->platforms[i];
        const struct config_tenant *tenant = i > 0 ? &config->tenants.items[i - 1] : NULL;
        struct run_store_options runs;

        platform->rate = tenant != NULL ? tenant->rate : (struct config_rate){0};
        platform->defaults.organization_id =
            tenant != NULL ? tenant->organization_id : config->upstream.organization_id;
        upstream_tokens_configure(
            &platform->tokens, tenant != NULL ? &tenant->token : &config->upstream.token,
            tenant != NULL ? &tenant->secondary_token : &config->upstream.secondary_token);
        lanes_configure(platform->lanes, config->sessions.max_queue);
        lanes_configure_share(platform->lanes, config->upstream.timeout_ms, config->store.strict);
        runs = run_options(api, platform);
        run_store_configure(platform->runs, &runs);
    }
}

void platforms_stop(struct api *api)
{
    for (size_t i = 0; i < api->n_platforms; i++) {
        run_store_stop(api->platforms[i].runs);
    }
}

size_t platforms_n_running(const struct api *api)
{
    size_t n = 0;

    for (size_t i = 0; i < api->n_platforms; i++) {
        n += run_store_n_active(api->platforms[i].runs);
    }
    return n;
}

void platforms_close_runs(struct api *api)
{
    for (size_t i = 0; i < api->n_platforms; i++) {
        run_store_close(api->platforms[i].runs);
    }
}

void platforms_close(struct api *api)
{
    for (size_t i = 0; i < api->n_platforms; i++) {
        lanes_free(api->platforms[i].lanes);
        mem_free(api->platforms[i].name);
    }
    mem_free(api->platforms);
}
