#include "events/webhooks.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/url.h"
#include "observe/log.h"
#include "webhook_internal.h"

enum {
    URL_MAX = 2000,
    BODY_MAX = 64 * 1024,
    REPLY_MAX = 64 * 1024,
    CONNECT_MS = 5000,
    SEND_MS = 15000,
    KEY_MIN = 24,
    KEY_MAX = 64,
    KEY_USUAL = 32,
    ID_DIGITS = 24,
    OLD_KEY_MS = 24 * 3600 * 1000
};

static const struct str secret_prefix = STR_INIT("whsec_");

/* ---- the client of an address ---- */

void hooks_maybe_closed(struct webhooks *hooks)
{
    if (hooks->closing && hooks->n_clients == 0) {
        struct callback on_closed = hooks->on_closed;

        hooks_share_free(hooks);
        mem_free(hooks->ca_file);
        mem_free(hooks);
        callback_run(on_closed);
    }
}

static void on_client_closed(void *context)
{
    struct webhook_client *client = context;
    struct webhooks *hooks = client->hooks;

    arena_done(&client->arena);
    mem_free(client);
    hooks->n_clients--;
    hooks_maybe_closed(hooks);
}

static void client_close(struct webhook_client *client)
{
    if (client != NULL) {
        upstream_close(client->upstream, on_client_closed, client);
    }
}

static enum error_code client_open(struct webhooks *hooks, struct str url,
                                   struct webhook_client **out, struct error *err)
{
    struct webhook_client *client = mem_zalloc(sizeof(*client));
    struct upstream_options options = upstream_options_of_other(STR_EMPTY, str_from(hooks->ca_file),
                                                                CONNECT_MS, SEND_MS, REPLY_MAX);
    enum error_code code;

    client->hooks = hooks;
    arena_init(&client->arena);
    options.public_only = !hooks->options.allow_private;
    url_split(arena_str(&client->arena, url), &options.base_url, &client->path, &client->query);
    options.base_url = arena_str(&client->arena, options.base_url);
    code = upstream_open(hooks->loop, &options, &client->upstream, err);
    if (code != ERR_OK) {
        arena_done(&client->arena);
        mem_free(client);
        return error_at(err, ERR_INVALID, "/url", "this address cannot be used");
    }
    hooks->n_clients++;
    *out = client;
    return ERR_OK;
}

/* ---- what is asked for ---- */

/* A host that is a name is judged later, at each connection: its addresses can change at any time. */
static enum error_code judge_url(const struct webhooks *hooks, struct str text, struct error *err)
{
    struct url url = {0};
    struct error cause = {0};
    uint8_t address[16];

    if (text.len > URL_MAX || url_read(text, &url, &cause) != ERR_OK || url.has_user ||
        url.has_fragment) {
        return error_at(err, ERR_INVALID, "/url",
                        "must be an http or https address of at most %d bytes, without user and "
                        "fragment",
                        URL_MAX);
    }
    if (hooks->options.allow_private) {
        return ERR_OK;
    }
    if (host_is_loopback(url.host) ||
        (ip_address_parse(url.host, address) && !ip_address_is_public(address))) {
        return error_at(err, ERR_INVALID, "/url",
                        "the host must be of the public internet; webhooks.allow_private would "
                        "allow others");
    }
    return ERR_OK;
}

enum error_code hook_read_secret(struct str text, struct secret *out, struct error *err)
{
    struct arena arena;
    struct str bytes = STR_EMPTY;
    bool ok;

    arena_init(&arena);
    ok = str_starts(text, secret_prefix) && text.len < WEBHOOK_SECRET_MAX &&
         base64_decode(&arena, str_sub(text, secret_prefix.len, text.len), &bytes) &&
         bytes.len >= KEY_MIN && bytes.len <= KEY_MAX;
    if (ok) {
        secret_set(out, bytes);
    }
    arena_wipe(&arena);
    arena_done(&arena);
    return ok ? ERR_OK
              : error_at(
                    err, ERR_INVALID, "/secret",
                    "must be whsec_ and %d to %d bytes in base64, or left out: then one is made",
                    KEY_MIN, KEY_MAX);
}

static void make_secret(char out[WEBHOOK_SECRET_MAX])
{
    char bytes[KEY_USUAL];
    struct buf text;

    random_bytes(bytes, sizeof(bytes));
    buf_init_on(&text, out, WEBHOOK_SECRET_MAX, WEBHOOK_SECRET_MAX - 1);
    buf_str(&text, secret_prefix);
    base64_encode(&text, (struct str){bytes, sizeof(bytes)});
    (void)buf_cstr(&text);
    mem_wipe(bytes, sizeof(bytes));
    buf_done(&text);
}

/* ---- one webhook ---- */

void webhook_remove(struct webhook *hook)
{
    webhook_state_leave(hook);
    webhook_stop(hook);
    client_close(hook->client);
    list_remove(&hook->link);
    hook->hooks->n--;
    secret_done(&hook->key);
    secret_done(&hook->old_key);
    buf_done(&hook->body);
    buf_done(&hook->signature);
    mem_free(hook->url);
    mem_free(hook);
}

void hook_apply(struct webhook *hook, const struct webhook_wish *wish)
{
    hook->kinds = wish->kinds != 0 ? wish->kinds : hook->kinds;
    hook->shape = wish->shape >= 0 ? (enum webhook_shape)wish->shape : hook->shape;
    hook->enabled = wish->enabled >= 0 ? wish->enabled != 0 : hook->enabled;
    if (wish->subject.len > 0) {
        str_copy(hook->subject, sizeof(hook->subject), wish->subject);
    }
}

struct webhook *hook_make(struct webhooks *hooks, const struct webhook_wish *wish)
{
    struct webhook *hook = mem_zalloc(sizeof(*hook));
    size_t prefix = sizeof("wh_") - 1;

    hook->hooks = hooks;
    hook->owner = *wish->owner;
    hook->sees_all = wish->sees_all;
    hook->is_listed = wish->is_listed;
    hook->enabled = true;
    hook->created_ms = clock_wall_ms();
    buf_init(&hook->body, BODY_MAX);
    buf_init(&hook->signature, BODY_MAX);
    str_copy(hook->id, sizeof(hook->id), STR("wh_"));
    random_hex(hook->id + prefix, ID_DIGITS);
    hook->id[prefix + ID_DIGITS] = '\0';
    list_append(&hooks->list, &hook->link);
    hooks->n++;
    webhooks_tell_lag(hooks);
    return hook;
}

static enum error_code judge_number(const struct webhooks *hooks, const struct digest *owner,
                                    struct error *err)
{
    unsigned n = 0;

    if (hooks->n >= WEBHOOKS_MAX) {
        return error_set(err, ERR_CONFLICT, "there are %d webhooks, and there cannot be more",
                         WEBHOOKS_MAX);
    }
    for (struct list *link = hooks->list.next; link != &hooks->list; link = link->next) {
        n += digest_equal(&CONTAINER_OF(link, struct webhook, link)->owner, owner) ? 1 : 0;
    }
    return n < WEBHOOKS_OWNER_MAX
               ? ERR_OK
               : error_set(err, ERR_CONFLICT,
                           "you have %d webhooks, and cannot have more; remove one first",
                           WEBHOOKS_OWNER_MAX);
}

enum error_code webhook_new(struct webhooks *hooks, const struct webhook_wish *wish,
                            struct webhook **out, char out_secret[WEBHOOK_SECRET_MAX],
                            struct error *err)
{
    struct webhook *hook;
    enum error_code code = judge_url(hooks, wish->url, err);

    if (code != ERR_OK) {
        return code;
    }
    code = judge_number(hooks, wish->owner, err);
    if (code != ERR_OK) {
        return code;
    }
    if (wish->secret.len > 0) {
        str_copy(out_secret, WEBHOOK_SECRET_MAX, wish->secret);
    } else {
        make_secret(out_secret);
    }
    hook = hook_make(hooks, wish);
    code = hook_read_secret(wish->secret.len > 0 ? wish->secret : str_from(out_secret), &hook->key,
                            err);
    if (code == ERR_OK) {
        code = client_open(hooks, wish->url, &hook->client, err);
    }
    if (code != ERR_OK) {
        webhook_remove(hook);
        return code;
    }
    hook->url = str_dup(wish->url);
    hook_apply(hook, wish);
    if (hooks->share == NULL) {
        feed_open(&hook->feed, hooks->loop, NULL, webhook_on_news);
    } else {
        hook->share.begins = journal_position(hooks->share->journal);
    }
    *out = hook;
    return ERR_OK;
}

static enum error_code change_key(struct webhook *hook, struct str text, struct error *err)
{
    struct secret fresh = {0};
    enum error_code code = hook_read_secret(text, &fresh, err);

    if (code == ERR_OK) {
        secret_done(&hook->old_key);
        hook->old_key = hook->key;
        hook->old_until_ms = clock_wall_ms() + OLD_KEY_MS;
        hook->key = fresh;
    }
    return code;
}

/* A delivery in flight begins anew, at the new address. */
enum error_code hook_set_url(struct webhook *hook, struct str url, struct error *err)
{
    struct webhook_client *client;
    struct delivery *current = hook->current;
    enum error_code code = client_open(hook->hooks, url, &client, err);

    if (code != ERR_OK) {
        return code;
    }
    webhook_stop(hook);
    hook->again = current != NULL ? current : hook->again;
    client_close(hook->client);
    hook->client = client;
    mem_free(hook->url);
    hook->url = str_dup(url);
    return ERR_OK;
}

enum error_code webhook_change(struct webhook *hook, const struct webhook_wish *wish,
                               struct error *err)
{
    enum error_code code = ERR_OK;

    if (wish->url.len > 0) {
        code = judge_url(hook->hooks, wish->url, err);
    }
    if (code == ERR_OK && wish->secret.len > 0) {
        code = change_key(hook, wish->secret, err);
    }
    if (code == ERR_OK && wish->url.len > 0) {
        code = hook_set_url(hook, wish->url, err);
    }
    if (code == ERR_OK) {
        hook_apply(hook, wish);
        webhook_pump(hook);
    }
    return code;
}

struct str webhook_id(const struct webhook *hook)
{
    return str_from(hook->id);
}

struct webhook *hook_by_id(struct webhooks *hooks, struct str id)
{
    for (struct list *link = hooks->list.next; link != &hooks->list; link = link->next) {
        struct webhook *hook = CONTAINER_OF(link, struct webhook, link);

        if (str_is(id, hook->id)) {
            return hook;
        }
    }
    return NULL;
}

struct webhook *webhook_find(struct webhooks *hooks, const struct digest *owner, struct str id)
{
    struct webhook *hook = hook_by_id(hooks, id);

    return hook != NULL && digest_equal(&hook->owner, owner) ? hook : NULL;
}

/* ---- keys that were taken away ---- */

static void judge_all(struct webhooks *hooks)
{
    struct webhook *hook;

    LIST_EACH_SAFE (hook, &hooks->list, link) {
        if (webhook_has_right(hook)) {
            webhook_pump(hook);
        } else if (hooks->share == NULL) {
            hook_tell_end(hook);
            webhook_remove(hook);
        }
    }
}

static void on_judge(struct deadline *deadline)
{
    judge_all(CONTAINER_OF(deadline, struct webhooks, judge));
}

bool webhook_has_right(struct webhook *hook)
{
    struct webhooks *hooks = hook->hooks;
    bool has_right = !hook->is_listed || hooks->right == NULL ||
                     hooks->right(hooks->right_context, &hook->owner);

    if (has_right) {
        hook->gone_ms = 0;
    } else if (hook->gone_ms == 0) {
        hook->gone_ms = clock_age_ms();
        deadline_set(&hooks->loop->deadlines, &hooks->judge, 0, on_judge);
    }
    return has_right;
}

void hook_tell_end(const struct webhook *hook)
{
    log_event(LOG_INFO, "webhook.ended", F_TEXT("webhook", hook->id),
              F_TEXT("reason", "its key is gone"));
}

void webhooks_judge(struct webhooks *hooks, webhook_right_fn right, void *context)
{
    hooks->right = right;
    hooks->right_context = context;
    judge_all(hooks);
}

/* ---- asked for by hand ---- */

static enum error_code judge_enabled(const struct webhook *hook, struct error *err)
{
    return hook->enabled ? ERR_OK
                         : error_set(err, ERR_CONFLICT,
                                     "this webhook is switched off; PATCH it "
                                     "with enabled: true");
}

enum error_code webhook_test(struct webhook *hook, struct error *err)
{
    struct fact *fact;

    if (judge_enabled(hook, err) != ERR_OK) {
        return err->code;
    }
    fact = fact_begin(FACT_WEBHOOK_TEST, "ok");
    mem_copy(fact->owner, hook->owner.bytes, sizeof(fact->owner));
    str_copy(fact->subject, sizeof(fact->subject), str_from(hook->id));
    fact_end(fact);
    if (hook->hooks->share != NULL) {
        (void)journal_mark(hook->hooks->share->journal, ".hurry", str_from(hook->id), STR_EMPTY);
    } else {
        webhook_hurry(hook);
    }
    return ERR_OK;
}

/* Only the process that posts sends; any other process asks it to, through the journal. */
static void send_again(struct webhook *hook, struct delivery *delivery)
{
    if (!hooks_on_duty(hook->hooks)) {
        (void)journal_mark(hook->hooks->share->journal, ".redeliver", str_from(hook->id),
                           str_from(delivery->id));
        return;
    }
    if (delivery == hook->current) {
        webhook_stop(hook);
    }
    hook->again = delivery;
    webhook_pump(hook);
}

enum error_code webhook_redeliver(struct webhook *hook, struct str delivery, struct error *err)
{
    if (judge_enabled(hook, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < WEBHOOK_DELIVERIES_KEPT; i++) {
        struct delivery *found = &hook->deliveries[i];

        if (!str_is(delivery, found->id)) {
            continue;
        }
        if (found == hook->current && upstream_is_running(&hook->call)) {
            return error_set(err, ERR_CONFLICT, "this delivery is on its way");
        }
        if (hook->again != NULL && hook->again != found) {
            return error_set(err, ERR_CONFLICT, "another delivery waits to be sent again");
        }
        send_again(hook, found);
        return ERR_OK;
    }
    return error_set(err, ERR_NOT_FOUND, "There is no such delivery; the last %d are kept",
                     WEBHOOK_DELIVERIES_KEPT);
}

/* ---- all of them ---- */

struct webhooks *webhooks_open(struct loop *loop, const struct webhooks_options *options)
{
    struct webhooks *hooks = mem_zalloc(sizeof(*hooks));

    hooks->loop = loop;
    hooks->options = *options;
    hooks->ca_file = str_dup(options->ca_file);
    hooks->retry_ms = options->retry_ms;
    list_init(&hooks->list);
    if (options->journal != NULL) {
        hooks_share_open(hooks);
    }
    return hooks;
}

void webhooks_close(struct webhooks *hooks, void (*on_closed)(void *context), void *context)
{
    hooks->closing = true;
    hooks->on_closed = (struct callback){on_closed, context};
    hooks->n_clients++; /* until all are told to close */
    deadline_clear(&hooks->judge);
    deadline_clear(&hooks->lag);
    hooks_share_close(hooks);
    while (hooks->list.next != &hooks->list) {
        webhook_remove(CONTAINER_OF(hooks->list.next, struct webhook, link));
    }
    hooks->n_clients--;
    hooks_maybe_closed(hooks);
}
