#include "auth_internal.h"
#include "base/mem.h"

enum { WAITING_MAX = 2000 };

static const struct str anonymous = STR_INIT("anonymous");

/* ---- providers ---- */

typedef enum auth_verdict (*check_fn)(struct auth *auth, const struct auth_shown *shown,
                                      struct auth_ticket *ticket, struct arena *arena,
                                      struct principal *out, struct error *err);

static bool is_any_key(const struct auth *auth, const struct auth_shown *shown)
{
    return auth->config->auth.modes == AUTH_KEYS || shown->bearer.len == 0 ||
           api_key_find(auth, shown->bearer) != NULL;
}

static bool is_jwt(const struct auth *auth, const struct auth_shown *shown)
{
    (void)auth;
    return jwt_is_meant(shown->bearer);
}

static bool is_bearer(const struct auth *auth, const struct auth_shown *shown)
{
    (void)auth;
    return shown->bearer.len > 0;
}

/* In this order; the first whose mode is on and who says that the credential is meant for it
 * decides, for good. */
static const struct provider {
    unsigned mode;
    bool (*is_meant)(const struct auth *auth, const struct auth_shown *shown);
    check_fn check;
    const char *ask; /* what to send, for those who sent nothing */
} providers[] = {
    {AUTH_KEYS, is_any_key, check_key,
     "an API key as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\""},
    {AUTH_JWT, is_jwt, check_jwt,
     "a token of your identity provider as \"Authorization: Bearer "
     "TOKEN\""},
    {AUTH_PASSTHROUGH, is_bearer, check_token,
     "your API token of the platform as \"Authorization: Bearer TOKEN\""},
    {AUTH_KEYS, is_bearer, check_key, NULL}, /* nobody else's: a wrong key */
};

static enum auth_verdict refuse_nothing(unsigned modes, struct error *err)
{
    struct buf text;

    buf_init(&text, ERROR_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        if ((modes & providers[i].mode) != 0 && providers[i].ask != NULL) {
            buf_printf(&text, "%s%s", text.len > 0 ? ", or " : "", providers[i].ask);
        }
    }
    (void)error_set(err, ERR_UNAUTHORIZED, "No credential: send %.*s", STR_ARG(buf_view(&text)));
    buf_done(&text);
    return AUTH_REFUSED;
}

static enum auth_verdict admit_anybody(const struct auth *auth, struct principal *out)
{
    out->name = anonymous;
    out->permissions = PERMISSION_ALL;
    out->owner = auth->anybody;
    return AUTH_ADMITTED;
}

enum auth_verdict auth_check(struct auth *auth, const struct auth_shown *shown,
                             struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                             struct error *err)
{
    unsigned modes = auth->config->auth.modes;
    struct auth_shown seen = *shown;

    *out = (struct principal){.bearer = STR_EMPTY};
    if (modes == AUTH_NONE) {
        return admit_anybody(auth, out);
    }
    if ((modes & AUTH_KEYS) == 0) {
        seen.api_key = STR_EMPTY; /* not looked at, and no credential */
    } else if (seen.api_key.len > 0 && seen.bearer.len > 0 && !str_eq(seen.api_key, seen.bearer)) {
        (void)error_set(err, ERR_UNAUTHORIZED,
                        "Authorization and X-API-Key hold different credentials; send one of them");
        return AUTH_REFUSED;
    }
    if (seen.bearer.len == 0 && seen.api_key.len == 0) {
        return refuse_nothing(modes, err);
    }
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        if ((modes & providers[i].mode) != 0 && providers[i].is_meant(auth, &seen)) {
            return providers[i].check(auth, &seen, ticket, arena, out, err);
        }
    }
    (void)error_set(err, ERR_UNAUTHORIZED,
                    "This is not a token of the identity provider (three parts with dots between "
                    "them)");
    return AUTH_REFUSED;
}

/* ---- waiting ---- */

void ticket_call(struct auth_ticket *ticket)
{
    list_remove(&ticket->link);
    ticket->auth->n_waiting--;
    ticket->n_refreshes += ticket->wants_keys ? 1 : 0;
    ticket->has_turn = !ticket->wants_keys;
    ticket->on_ready(ticket);
}

static void on_next_turn(struct later_item *item)
{
    struct auth *auth = CONTAINER_OF(item, struct auth, next_turn);
    struct list *link = list_first(&auth->turns);

    if (link != NULL && link->next != &auth->turns) {
        later_add(auth->options.later, &auth->next_turn, on_next_turn);
    }
    if (link != NULL) {
        ticket_call(CONTAINER_OF(link, struct auth_ticket, link));
    }
}

enum error_code auth_wait(struct auth *auth, struct auth_ticket *ticket, struct error *err)
{
    if (auth->n_waiting >= WAITING_MAX) {
        err->retry_after_s = 1;
        return error_set(err, ERR_OVERLOADED, "Too many new tokens are being checked; try again");
    }
    ticket->auth = auth;
    auth->n_waiting++;
    if (ticket->wants_keys) {
        list_append(&auth->refresh.waiting, &ticket->link);
    } else {
        list_append(&auth->turns, &ticket->link);
        later_add(auth->options.later, &auth->next_turn, on_next_turn);
    }
    return ERR_OK;
}

void auth_wait_cancel(struct auth_ticket *ticket)
{
    if (list_is_linked(&ticket->link)) {
        list_remove(&ticket->link);
        ticket->auth->n_waiting--;
    }
}

/* ---- life ---- */

/* What sessions and caches know the caller of a key by: made once, not for each request. */
static void name_owners(struct auth *auth)
{
    size_t n = auth->config->auth.n_keys;

    digest_of(anonymous, &auth->anybody);
    mem_free(auth->key_owners);
    auth->key_owners = mem_calloc(n + 1, sizeof(*auth->key_owners));
    for (size_t i = 0; i < n; i++) {
        const struct config_key *key = &auth->config->auth.keys[i];
        struct str hash = {(const char *)key->sha256, DIGEST_BYTES};

        if (key->tenant == 0) {
            digest_of(hash, &auth->key_owners[i]);
        } else { /* sessions of an account are not those of another one */
            digest_of_parts((struct str[]){hash, key->tenant_name}, 2, &auth->key_owners[i]);
        }
    }
}

struct auth *auth_open(const struct auth_options *options)
{
    struct auth *auth = mem_zalloc(sizeof(*auth));

    auth->options = *options;
    auth->config = config_hold(options->config);
    list_init(&auth->turns);
    name_owners(auth);
    known_init(&auth->known, options->config->auth.jwt.max_remembered);
    refresh_open(&auth->refresh, auth, options->source);
    return auth;
}

void auth_configure(struct auth *auth, const struct config *config)
{
    const struct config *before = auth->config;

    auth->config = config_hold(config);
    name_owners(auth);
    known_clear(&auth->known);
    auth->known.max = config->auth.jwt.max_remembered;
    refresh_configure(&auth->refresh);
    config_release(unconst(before));
}

const struct config *auth_config(const struct auth *auth)
{
    return auth->config;
}

void auth_stop(struct auth *auth)
{
    if (auth != NULL) {
        refresh_stop(&auth->refresh);
        later_remove(&auth->next_turn);
    }
}

void auth_close(struct auth *auth)
{
    if (auth != NULL) {
        auth_stop(auth);
        refresh_close(&auth->refresh);
        known_done(&auth->known);
        mem_free(auth->key_owners);
        config_release(unconst(auth->config));
        mem_free(auth);
    }
}

enum error_code auth_judge_key_set(struct str text, struct error *err)
{
    struct key_set *keys;
    enum error_code code = key_set_read(text, &keys, err);

    if (code == ERR_OK) {
        key_set_free(keys);
    }
    return code;
}
