#include "api/gate/setup.h"

#include "api/gate/run_owner.h"
#include "api/gate/task.h"
#include "base/mem.h"
#include "run/share.h"
#include "step/lane.h"

static void settle_later(void *context);

/* For a run of another process: it uses the token of the account, since its caller's is not known here. */
static void run_plan_options(void *context, struct run *run, struct plan_options *out)
{
    struct platform *platform = context;

    arena_defer(run_arena(run), config_release, unconst(config_hold(platform->config)));
    out->tokens = &platform->tokens;
    out->stored_token = true;
}

/* A process that carries on a run of this account has its token, so the keys are made from the token. */
static size_t run_keys(void *context, struct digest out[RUN_KEYS_MAX])
{
    const struct platform *platform = context;
    size_t n = 0;

    for (unsigned place = 0; place < UPSTREAM_N_TOKENS; place++) {
        struct str token = upstream_tokens_reveal(&platform->tokens, place);

        if (token.len > 0) {
            digest_hmac(token, STR("variables of a test run"), &out[n++]);
        }
    }
    return n;
}

static struct run_store_options run_options(struct platform *platform)
{
    const struct config *config = platform->config;

    return (struct run_store_options){
        .catalog = platform->api->catalog,
        .dictionary = platform->api->dictionary,
        .port = &platform->port,
        .defaults = &platform->defaults,
        .lanes = platform->lanes,
        .ui_url = config->upstream.ui_url,
        .artifacts = config->artifacts.link,
        .project = config->runs.project,
        .max_active = config->runs.max_active,
        .max_kept = config->runs.max_kept,
        .poll_ms = config->runs.poll_ms,
        .on_idle = settle_later,
        .context = platform,
        .share = platform->api->run_share,
        .scope = str_from(platform->scope),
        .call_ms = config->upstream.timeout_ms,
        .strict = config->store.strict,
        .keys = run_keys,
        .plan_options = run_plan_options,
        .adopt = run_owner_adopt,
    };
}

/* ---- one platform ---- */

static struct str url_of(const struct platform *platform, const struct config *config)
{
    size_t at = config_tenant_find(config, platform->tenant);
    const struct config_tenant *tenant = at > 0 ? &config->tenants.items[at - 1] : NULL;

    return tenant != NULL && tenant->base_url.len > 0 ? tenant->base_url
                                                      : config->upstream.base_url;
}

static void name_platform(struct platform *platform, const struct config *config, struct str tenant)
{
    struct arena *arena = &platform->names;
    struct digest digest;
    char hex[65];

    arena_init(arena);
    platform->tenant = arena_str(arena, tenant);
    platform->identity = arena_printf(arena, "stored %u", platform->api->n_platforms_made++);
    digest_of_parts((struct str[]){STR("tenant"), tenant}, 2, &platform->owner);
    digest_of_parts((struct str[]){tenant, url_of(platform, config)}, 2, &digest);
    digest_hex(&digest, hex);
    str_copy(platform->scope, sizeof(platform->scope), str_from(hex));
}

/* All accounts see the same checkpoints of a platform. So the platforms of one address share its lanes, also platforms
 * that a reload has retired. */
struct address {
    struct list link;
    struct lanes *lanes;
    char scope[LANE_SCOPE_MAX + 1];
};

static struct address *open_address(struct api *api, struct str scope, struct later *later)
{
    struct address *address = mem_zalloc(sizeof(*address));

    str_copy(address->scope, sizeof(address->scope), scope);
    address->lanes = lanes_new(later, api->config->sessions.max_queue);
    if (api->options.keeps != NULL) {
        lanes_share(address->lanes, &(struct lanes_shared){.keeps = api->options.keeps,
                                                           .deadlines = api->options.deadlines,
                                                           .scope = scope});
    }
    list_append(&api->addresses, &address->link);
    return address;
}

/* An address is kept until the end: leases of its lanes may last longer than the platforms that took them. */
static struct lanes *lanes_at(struct api *api, struct str url, struct later *later)
{
    struct address *address;
    struct digest digest;
    struct str scope;
    char hex[65];

    digest_of(url, &digest);
    scope = (struct str){digest_hex(&digest, hex), LANE_SCOPE_MAX};
    LIST_EACH (address, &api->addresses, link) {
        if (str_is(scope, address->scope)) {
            return address->lanes;
        }
    }
    return open_address(api, scope, later)->lanes;
}

static void close_addresses(struct api *api)
{
    struct address *address;

    LIST_EACH_SAFE (address, &api->addresses, link) {
        lanes_free(address->lanes);
        mem_free(address);
    }
}

static struct platform *open_platform(struct api *api, const struct config *config,
                                      struct str tenant, const struct api_link *link)
{
    struct platform *platform = mem_zalloc(sizeof(*platform));
    struct run_store_options runs;

    platform->api = api;
    platform->config = config_hold(config);
    platform->client = link->client;
    platform->port = *link->port;
    platform->upstream = link->upstream;
    name_platform(platform, config, tenant);
    platform->tokens.account = platform->tenant.len > 0 ? platform->tenant : STR("upstream");
    platform->lanes = lanes_at(api, url_of(platform, config), platform->port.later);
    runs = run_options(platform);
    platform->runs = run_store_open(&runs);
    return platform;
}

static void let_client_go(struct platform *platform)
{
    if (platform->client != NULL) {
        platform->api->options.release_client(platform->client);
    }
    platform->client = NULL;
    platform->upstream = NULL;
}

static void close_platform(struct platform *platform)
{
    later_remove(&platform->settle);
    list_remove(&platform->link);
    run_store_close(platform->runs);
    let_client_go(platform);
    config_release(unconst(platform->config));
    arena_done(&platform->names);
    mem_free(platform);
}

/* `tenant` NULL: the account of `upstream`. */
static void configure_platform(struct platform *platform, const struct config *config,
                               const struct config_tenant *tenant)
{
    const struct config *before = platform->config;
    struct run_store_options runs;

    platform->config = config_hold(config);
    platform->rate = tenant != NULL ? tenant->rate : (struct config_rate){0};
    platform->defaults.organization_id =
        tenant != NULL ? tenant->organization_id : config->upstream.organization_id;
    upstream_tokens_configure(
        &platform->tokens, tenant != NULL ? &tenant->token : &config->upstream.token,
        tenant != NULL ? &tenant->secondary_token : &config->upstream.secondary_token);
    lanes_configure(platform->lanes, config->sessions.max_queue);
    lanes_configure_share(platform->lanes, config->upstream.timeout_ms, config->store.strict);
    runs = run_options(platform);
    run_store_configure(platform->runs, &runs);
    config_release(unconst(before));
}

struct platform *platform_hold(struct platform *platform)
{
    platform->n_holders++;
    return platform;
}

void platform_release(void *context)
{
    struct platform *platform = context;

    if (--platform->n_holders == 0) {
        settle_later(platform);
    }
}

/* ---- retired ones ---- */

static bool is_idle(const struct platform *platform)
{
    return platform->n_holders == 0 && run_store_n_active(platform->runs) == 0;
}

static void trim_retired(struct api *api)
{
    struct platform *platform;

    LIST_EACH_SAFE (platform, &api->retired, link) { /* the oldest first */
        bool has_tenant = platform->tenant.len == 0 ||
                          config_tenant_find(api->setup->config, platform->tenant) > 0;

        if (is_idle(platform) && (api->n_retired > RETIRED_MAX || !has_tenant)) {
            api->n_retired--;
            close_platform(platform);
        }
    }
}

static void on_settle(struct later_item *item)
{
    struct platform *platform = CONTAINER_OF(item, struct platform, settle);

    if (list_is_linked(&platform->link) && is_idle(platform)) {
        run_store_rest(platform->runs); /* a run that it took over would need the client */
        let_client_go(platform);
        trim_retired(platform->api);
    }
}

/* In a later turn: the caller may be a run of this platform, or a request at its end. */
static void settle_later(void *context)
{
    struct platform *platform = context;

    if (list_is_linked(&platform->link)) {
        later_add(platform->port.later, &platform->settle, on_settle);
    }
}

struct platform *platform_next(const struct api *api, const struct platform *before)
{
    const struct setup *setup = api->setup;
    struct list *link = before != NULL ? before->link.next : NULL;

    if (before == NULL) {
        return setup->platforms[0];
    }
    for (size_t i = 0; i < setup->n_platforms; i++) {
        if (setup->platforms[i] == before && i + 1 < setup->n_platforms) {
            return setup->platforms[i + 1];
        }
    }
    link = link != NULL ? link : api->retired.next;
    return link == &api->retired ? NULL : CONTAINER_OF(link, struct platform, link);
}

/* ---- setups ---- */

struct setup *setup_hold(struct setup *setup)
{
    setup->n_holders++;
    return setup;
}

void setup_release(void *context)
{
    struct setup *setup = context;

    if (--setup->n_holders > 0) {
        return;
    }
    for (size_t i = 0; i < setup->n_platforms; i++) {
        platform_release(setup->platforms[i]);
    }
    config_release(unconst(setup->config));
    mem_free(setup);
}

/* The platform of this account in the setup before, if it has the same client. */
static struct platform *find_same(const struct setup *before, struct str tenant, const void *client)
{
    for (size_t i = 0; before != NULL && i < before->n_platforms; i++) {
        struct platform *platform = before->platforms[i];

        if (str_eq(platform->tenant, tenant) && platform->client == client) {
            return platform;
        }
    }
    return NULL;
}

static struct setup *make_setup(struct api *api, const struct config *config,
                                const struct api_link *links, const struct setup *before)
{
    size_t n = config->tenants.n + 1;
    struct setup *setup = mem_zalloc(sizeof(*setup) + n * sizeof(struct platform *));

    *setup = (struct setup){.api = api, .n_holders = 1, .n_platforms = n};
    setup->config = config_hold(config);
    for (size_t i = 0; i < n; i++) {
        const struct config_tenant *tenant = i > 0 ? &config->tenants.items[i - 1] : NULL;
        struct str name = tenant != NULL ? tenant->name : STR_EMPTY;
        struct platform *platform = find_same(before, name, links[i].client);

        if (platform == NULL) {
            platform = open_platform(api, config, name, &links[i]);
        } else if (links[i].client != NULL) {
            api->options.release_client(links[i].client); /* it is held already */
        }
        configure_platform(platform, config, tenant);
        setup->platforms[i] = platform_hold(platform);
    }
    return setup;
}

static void open_run_share(struct api *api)
{
    const struct api_options *options = &api->options;

    if (options->store != NULL && options->keeps != NULL) {
        api->run_share = run_share_open(&(struct run_share_options){
            .store = options->store,
            .keeps = options->keeps,
            .deadlines = options->deadlines,
            .later = options->later,
            .role = (options->config->server.roles & ROLE_RUNS) == 0  ? RUN_ROLE_GIVES
                    : str_is(options->config->runs.driver, "request") ? RUN_ROLE_DRIVEN
                                                                      : RUN_ROLE_CARRIES});
    }
}

void setup_open(struct api *api, const struct config *config, const struct api_link *links)
{
    list_init(&api->retired);
    list_init(&api->addresses);
    open_run_share(api);
    api->setup = make_setup(api, config, links, NULL);
}

static bool is_in(const struct setup *setup, const struct platform *platform)
{
    for (size_t i = 0; i < setup->n_platforms; i++) {
        if (setup->platforms[i] == platform) {
            return true;
        }
    }
    return false;
}

bool setup_change(struct api *api, const struct config *config, const struct api_link *links)
{
    struct setup *before = api->setup;
    bool is_other;

    api->setup = make_setup(api, config, links, before);
    is_other = !is_in(api->setup, before->platforms[0]);
    for (size_t i = 0; i < before->n_platforms; i++) {
        if (!is_in(api->setup, before->platforms[i])) {
            list_append(&api->retired, &before->platforms[i]->link);
            api->n_retired++;
        }
    }
    setup_release(before);
    trim_retired(api);
    return is_other;
}

void setup_drain(struct api *api)
{
    run_share_drain(api->run_share);
}

void setup_stop(struct api *api)
{
    for (struct platform *p = platform_next(api, NULL); p != NULL; p = platform_next(api, p)) {
        later_remove(&p->settle);
        run_store_stop(p->runs);
    }
    run_share_stop(api->run_share);
}

size_t setup_n_running(const struct api *api)
{
    size_t n = 0;

    for (struct platform *p = platform_next(api, NULL); p != NULL; p = platform_next(api, p)) {
        n += run_store_n_active(p->runs);
    }
    return n;
}

void setup_close(struct api *api)
{
    struct list *link;

    for (size_t i = 0; i < api->setup->n_platforms; i++) {
        list_append(&api->retired, &api->setup->platforms[i]->link);
    }
    while ((link = list_first(&api->retired)) != NULL) {
        close_platform(CONTAINER_OF(link, struct platform, link));
    }
    close_addresses(api);
    run_share_close(api->run_share);
    config_release(unconst(api->setup->config));
    mem_free(api->setup);
}
