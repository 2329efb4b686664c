#include "app/tenants.h"

#include "base/mem.h"
#include "net/loop.h"
#include "room_options.h"

/* As those of `upstream`, but for the address and the token: no call of this client, a probe neither,
 * may carry the token of another account. */
static struct upstream_options options_of(const struct config *config, size_t i)
{
    const struct config_tenant *tenant = &config->tenants.items[i];
    struct upstream_options options = upstream_options_of(config);

    options.base_url = tenant->base_url;
    options.probe_token = secret_is_set(&tenant->token) ? &tenant->token : NULL;
    return options;
}

enum error_code tenants_open(struct tenants *tenants, struct loop *loop,
                             const struct config *config, const struct api_tenant *shared,
                             bool share_all, struct error *err)
{
    enum error_code code = ERR_OK;

    tenants->clients = mem_calloc(config->tenants.n + 1, sizeof(*tenants->clients));
    tenants->links = mem_calloc(config->tenants.n + 1, sizeof(*tenants->links));
    for (size_t i = 0; i < config->tenants.n && code == ERR_OK; i++) {
        struct tenant_client *client = &tenants->clients[i];
        struct str base_url = config->tenants.items[i].base_url;

        tenants->links[i] = *shared;
        if (base_url.len > 0 && !share_all) {
            struct upstream_options options = options_of(config, i);

            code = upstream_open(loop, &options, &client->upstream, err);
        }
        if (client->upstream != NULL) {
            client->port = plan_port_of_upstream(client->upstream, loop);
            client->port.offers = &client->offers;
            tenants->links[i] = (struct api_tenant){&client->port, client->upstream};
        }
        tenants->n_open++;
    }
    return code;
}

static void close_next(struct tenants *tenants);

static void on_closed(void *context)
{
    struct tenants *tenants = context;

    tenants->n_open--;
    close_next(tenants);
}

/* One after the other, the last one first. */
static void close_next(struct tenants *tenants)
{
    while (tenants->n_open > 0) {
        struct tenant_client *client = &tenants->clients[tenants->n_open - 1];

        if (client->upstream != NULL) {
            upstream_close(client->upstream, on_closed, tenants);
            return;
        }
        tenants->n_open--;
    }
    tenants->on_closed(tenants->closed_context);
}

void tenants_close(struct tenants *tenants, void (*tell)(void *context), void *context)
{
    tenants->on_closed = tell;
    tenants->closed_context = context;
    close_next(tenants);
}

void tenants_configure(struct tenants *tenants, const struct config *config)
{
    for (size_t i = 0; i < tenants->n_open; i++) {
        if (tenants->clients[i].upstream != NULL) {
            const struct upstream_options options = options_of(config, i);

            upstream_configure(tenants->clients[i].upstream, &options);
        }
    }
}

void tenants_forget_connections(struct tenants *tenants)
{
    for (size_t i = 0; i < tenants->n_open; i++) {
        if (tenants->clients[i].upstream != NULL) {
            upstream_forget_connections(tenants->clients[i].upstream);
        }
    }
}

bool tenants_are_quiet(const struct tenants *tenants)
{
    for (size_t i = 0; i < tenants->n_open; i++) {
        const struct upstream *upstream = tenants->clients[i].upstream;

        if (upstream != NULL && upstream_n_active(upstream) + upstream_n_waiting(upstream) > 0) {
            return false;
        }
    }
    return true;
}

void tenants_done(struct tenants *tenants)
{
    mem_free(tenants->clients);
    mem_free(tenants->links);
}
