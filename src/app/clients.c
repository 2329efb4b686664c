#include "clients.h"

#include "base/mem.h"
#include "observe/log.h"
#include "plan/plan.h"
#include "room_options.h"
#include "upstream/upstream.h"

enum { IDENTITY_MAX = 64 * 1024 };

struct client {
    struct list link; /* clients.all */
    struct clients *clients;
    unsigned n_holders;
    struct buf identity;       /* if this changes, another client is made */
    struct upstream *upstream; /* NULL: closed */
    bool closes;
    struct plan_port port;
    struct offers offers;
    struct told_ids told;
    struct later_item soon;
};

/* The account whose client `account` uses; 0: that of `upstream`. No call of a client, not even a probe, may
 * carry the token of an account that is not its own. */
static size_t owner_of(const struct clients *clients, const struct config *config, size_t account)
{
    return clients->share_all || account == 0 ||
                   config->tenants.items[account - 1].base_url.len == 0
               ? 0
               : account;
}

static struct upstream_options options_of(const struct config *config, size_t owner)
{
    struct upstream_options options = upstream_options_of(config);
    const struct config_tenant *tenant;

    if (owner > 0) {
        tenant = &config->tenants.items[owner - 1];
        options.base_url = tenant->base_url;
        options.n_others = 0;
        options.probe_token = secret_is_set(&tenant->token) ? &tenant->token : NULL;
    }
    return options;
}

static void write_identity(struct buf *out, const struct config *config, size_t owner)
{
    const struct upstream_options options = options_of(config, owner);
    struct str parts[] = {owner > 0 ? config->tenants.items[owner - 1].name : STR_EMPTY,
                          options.base_url,
                          options.client_id,
                          options.client_name,
                          options.ca_file,
                          options.client_certificate_file,
                          options.client_key_file};

    buf_init(out, IDENTITY_MAX);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_printf(out, "%zu:%.*s,", parts[i].len, STR_ARG(parts[i]));
    }
    for (size_t i = 0; i < options.n_others; i++) {
        buf_printf(out, "%zu:%.*s,", options.others[i].len, STR_ARG(options.others[i]));
    }
    buf_text(out, options.verify_tls ? "verified" : "");
}

static struct client *find(struct clients *clients, struct str identity)
{
    struct client *client;

    LIST_EACH (client, &clients->all, link) {
        if (!client->closes && client->n_holders > 0 &&
            str_eq(buf_view(&client->identity), identity)) {
            return client;
        }
    }
    return NULL;
}

static void client_free(struct client *client)
{
    later_remove(&client->soon);
    list_remove(&client->link);
    buf_done(&client->identity);
    mem_free(client);
}

/* Takes `identity` over. */
static enum error_code client_new(struct clients *clients, const struct config *config,
                                  size_t owner, struct buf *identity, struct client **out,
                                  struct error *err)
{
    const struct upstream_options options = options_of(config, owner);
    struct client *client = mem_zalloc(sizeof(*client));
    enum error_code code;

    client->clients = clients;
    client->identity = *identity;
    list_append(&clients->all, &client->link);
    code = upstream_open(clients->loop, &options, &client->upstream, err);
    if (code != ERR_OK) {
        client_free(client);
        return code;
    }
    clients->n_open++;
    client->port = plan_port_of_upstream(client->upstream, clients->loop);
    client->port.offers = &client->offers;
    client->port.told = &client->told;
    *out = client;
    return ERR_OK;
}

/* ---- links ---- */

/* Links an account to the client of an account before it, to a client that is there, or to a new one. */
static enum error_code link_account(struct clients *clients, const struct config *config,
                                    bool afresh, struct api_link *links, size_t account,
                                    struct error *err)
{
    size_t owner = owner_of(clients, config, account);
    enum error_code code = ERR_OK;
    struct client *client = NULL;
    struct buf identity;

    if (owner < account) {
        client = links[owner].client;
    } else {
        write_identity(&identity, config, owner);
        client = afresh ? NULL : find(clients, buf_view(&identity));
        if (client != NULL) {
            buf_done(&identity);
        } else {
            code = client_new(clients, config, owner, &identity, &client, err);
        }
    }
    if (code == ERR_OK) {
        client->n_holders++;
        links[account] = (struct api_link){&client->port, client->upstream, client};
    }
    return code;
}

enum error_code clients_links(struct clients *clients, const struct config *config, bool afresh,
                              struct api_link **out, struct error *err)
{
    size_t n = config->tenants.n + 1;
    struct api_link *links = mem_calloc(n, sizeof(*links));

    for (size_t i = 0; i < n; i++) {
        enum error_code code = link_account(clients, config, afresh, links, i, err);

        if (code != ERR_OK) {
            clients_drop_links(links, i);
            return code;
        }
    }
    *out = links;
    return ERR_OK;
}

void clients_drop_links(struct api_link *links, size_t n)
{
    for (size_t i = 0; links != NULL && i < n; i++) {
        client_release(links[i].client);
    }
    mem_free(links);
}

void clients_configure(const struct config *config, const struct api_link *links)
{
    for (size_t i = 0; i < config->tenants.n + 1; i++) {
        const struct client *client = links[i].client;
        size_t owner = owner_of(client->clients, config, i);
        struct upstream_options options;

        if (owner == i && client->upstream != NULL) {
            options = options_of(config, owner);
            upstream_configure(client->upstream, &options);
        }
    }
}

void clients_forget_connections(struct clients *clients)
{
    const struct client *client;

    LIST_EACH (client, &clients->all, link) {
        if (client->upstream != NULL && !client->closes) {
            upstream_forget_connections(client->upstream);
        }
    }
}

bool clients_are_quiet(struct clients *clients)
{
    struct client *client;

    LIST_EACH (client, &clients->all, link) {
        if (client->upstream != NULL &&
            upstream_n_active(client->upstream) + upstream_n_waiting(client->upstream) > 0) {
            return false;
        }
    }
    return true;
}

/* ---- closing ---- */

static void tell_closed(struct clients *clients)
{
    if (clients->n_open == 0 && clients->on_closed != NULL) {
        void (*tell)(void *) = clients->on_closed;

        clients->on_closed = NULL;
        tell(clients->closed_context);
    }
}

static void on_closed(void *context)
{
    struct client *client = context;
    struct clients *clients = client->clients;

    client->upstream = NULL;
    clients->n_open--;
    if (client->n_holders == 0) {
        log_event(LOG_INFO, "upstream.client_closed",
                  F_TEXT("cause", "its last request has ended, and another one is in use"));
        client_free(client);
    }
    tell_closed(clients);
}

static void client_close(struct client *client)
{
    if (!client->closes) {
        client->closes = true;
        upstream_close(client->upstream, on_closed, client);
    }
}

static void on_unused(struct later_item *item)
{
    client_close(CONTAINER_OF(item, struct client, soon));
}

void client_release(void *context)
{
    struct client *client = context;

    if (--client->n_holders > 0) {
        return;
    }
    if (client->upstream == NULL) {
        client_free(client);
    } else if (!client->closes) { /* from a later turn: the client may be the caller */
        later_add(&client->clients->loop->later, &client->soon, on_unused);
    }
}

void clients_open(struct clients *clients, struct loop *loop, bool share_all)
{
    *clients = (struct clients){.loop = loop, .share_all = share_all};
    list_init(&clients->all);
}

void clients_close(struct clients *clients, void (*tell)(void *context), void *context)
{
    struct client *client;

    clients->on_closed = tell;
    clients->closed_context = context;
    clients->n_open++; /* so that nothing is told inside this loop */
    LIST_EACH_SAFE (client, &clients->all, link) {
        later_remove(&client->soon);
        client_close(client);
    }
    clients->n_open--;
    tell_closed(clients);
}
