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

/* For client certificates: check_all asks them before the headers, so no header is meant for them. */
static bool is_never(const struct auth *auth, const struct auth_shown *shown)
{
    (void)auth;
    (void)shown;
    return false;
}

static bool is_bearer(const struct auth *auth, const struct auth_shown *shown)
{
    (void)auth;
    return shown->bearer.len > 0;
}

/* Asked in this order. The first provider whose mode is on and that says that the credential is meant
 * for it decides; no other is asked. */
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
    {AUTH_MTLS, is_never, NULL, "a client certificate in the TLS handshake"},
    {AUTH_KEYS, is_bearer, check_key, NULL}, /* no other provider's: a wrong key */
};

static enum auth_verdict refuse_nothing(const struct auth *auth, const struct auth_shown *shown,
                                        struct error *err)
{
    unsigned modes = auth->config->auth.modes;
    bool stands_for_nobody = shown->certificate != NULL && (modes & AUTH_MTLS) != 0;
    struct buf text;

    buf_init(&text, ERROR_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        if ((modes & providers[i].mode) != 0 && providers[i].ask != NULL) {
            buf_printf(&text, "%s%s", text.len > 0 ? ", or " : "", providers[i].ask);
        }
    }
    (void)error_set(err, ERR_UNAUTHORIZED, "%s: send %.*s",
                    stands_for_nobody ? "The client certificate is good, but stands for nobody here"
                                      : "No credential",
                    STR_ARG(buf_view(&text)));
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

/* Judges the credential in the headers. */
static enum auth_verdict check_headers(struct auth *auth, const struct auth_shown *shown,
                                       struct auth_ticket *ticket, struct arena *arena,
                                       struct principal *out, struct error *err)
{
    unsigned modes = auth->config->auth.modes;

    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        if ((modes & providers[i].mode) != 0 && providers[i].is_meant(auth, shown)) {
            return providers[i].check(auth, shown, ticket, arena, out, err);
        }
    }
    (void)error_set(err, ERR_UNAUTHORIZED,
                    (modes & AUTH_JWT) != 0
                        ? "This is not a token of the identity provider (three parts with dots "
                          "between them)"
                        : "Only client certificates are taken here; send no other credential");
    return AUTH_REFUSED;
}

/* A certificate and a credential in the headers must be of one caller. The credential says what the caller may
 * do. */
static enum auth_verdict join(const struct principal *by_certificate, struct principal *out,
                              struct error *err)
{
    if (str_eq(by_certificate->name, out->name)) {
        return AUTH_ADMITTED;
    }
    (void)error_set(err, ERR_UNAUTHORIZED,
                    "The client certificate and the credential in the headers are of different "
                    "callers; send one of them");
    return AUTH_REFUSED;
}

static enum auth_verdict check_all(struct auth *auth, const struct auth_shown *shown,
                                   struct auth_ticket *ticket, struct arena *arena,
                                   struct principal *out, struct error *err)
{
    bool shows_header = shown->bearer.len > 0 || shown->api_key.len > 0;
    struct principal by_certificate = {.bearer = STR_EMPTY};
    enum auth_verdict verdict = AUTH_ADMITTED;
    bool is_known = false;

    if ((auth->config->auth.modes & AUTH_MTLS) != 0) {
        verdict = check_certificate(auth, shown, &by_certificate, &is_known, err);
    }
    if (verdict != AUTH_ADMITTED) {
        return verdict;
    }
    if (!shows_header && is_known) {
        *out = by_certificate;
        return AUTH_ADMITTED;
    }
    if (!shows_header) {
        return refuse_nothing(auth, shown, err);
    }
    verdict = check_headers(auth, shown, ticket, arena, out, err);
    return verdict == AUTH_ADMITTED && is_known ? join(&by_certificate, out, err) : verdict;
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
    return check_all(auth, &seen, ticket, arena, out, err);
}

enum auth_verdict auth_check_again(struct auth *auth, const struct auth_shown *shown,
                                   struct arena *arena, struct principal *out, struct error *err)
{
    struct auth_ticket ticket = {.has_turn = true, .n_refreshes = REFRESHES_MAX};

    return auth_check(auth, shown, &ticket, arena, out, err);
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

/* The owners by which sessions and caches know the callers: made once, not for each request. The owner of a
 * certificate is made of its name, since the certificate itself is replaced every few weeks. */
static struct digest *owners_of(const struct config_key *keys, size_t n)
{
    struct digest *owners = mem_calloc(n + 1, sizeof(*owners));

    for (size_t i = 0; i < n; i++) {
        const struct config_key *key = &keys[i];
        struct str hash = {(const char *)key->sha256, DIGEST_BYTES};
        const struct str parts[] = {key->subject.len > 0 ? STR("certificate") : hash,
                                    key->subject_kind == TLS_NAME_URI   ? STR("uri")
                                    : key->subject_kind == TLS_NAME_DNS ? STR("dns")
                                                                        : STR("cn"),
                                    key->subject, key->tenant_name};

        if (key->subject.len > 0) {
            digest_of_parts(parts, ARRAY_LEN(parts), &owners[i]);
        } else if (key->tenant == 0) {
            digest_of(hash, &owners[i]);
        } else { /* sessions of an account are not those of another one */
            digest_of_parts((struct str[]){hash, key->tenant_name}, 2, &owners[i]);
        }
    }
    return owners;
}

static void name_owners(struct auth *auth)
{
    const struct config *config = auth->config;

    digest_of(anonymous, &auth->anybody);
    seen_keys_free(auth->seen);
    auth->seen = config->auth.n_keys > 0 ? seen_keys_new() : NULL;
    mem_free(auth->key_owners);
    mem_free(auth->certificate_owners);
    auth->key_owners = owners_of(config->auth.keys, config->auth.n_keys);
    auth->certificate_owners = owners_of(config->auth.certificates, config->auth.n_certificates);
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

bool auth_reads_elsewhere(const struct config *before, const struct config *after)
{
    return !str_eq(before->auth.jwt.jwks, after->auth.jwt.jwks) ||
           !str_eq(before->upstream.ca_file, after->upstream.ca_file);
}

void auth_configure(struct auth *auth, const struct config *config)
{
    const struct config *before = auth->config;

    auth->config = config_hold(config);
    name_owners(auth);
    known_clear(&auth->known);
    auth->known.max = config->auth.jwt.max_remembered;
    if (auth_reads_elsewhere(before, config)) {
        refresh_restart(&auth->refresh);
    } else {
        refresh_configure(&auth->refresh);
    }
    config_release(unconst(before));
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
        seen_keys_free(auth->seen);
        mem_free(auth->key_owners);
        mem_free(auth->certificate_owners);
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
