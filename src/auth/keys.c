/* API keys: kept as SHA-256. The whole table is walked in constant time, so that timing tells
 * neither which key is near nor how many there are before it. */
#include "auth_internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"

static const struct config_key *find_in_table(const struct config *config, struct str credential)
{
    struct digest digest;
    const struct config_key *found = NULL;

    digest_of(credential, &digest);
    for (size_t i = 0; i < config->auth.n_keys; i++) {
        if (bytes_equal_constant_time(digest.bytes, config->auth.keys[i].sha256, DIGEST_BYTES)) {
            found = &config->auth.keys[i];
        }
    }
    return found;
}

const struct config_key *api_key_find(const struct auth *auth, struct str credential)
{
    struct seen_keys *seen = auth->seen;
    uint8_t tag[SIPHASH_BYTES];
    const struct config_key *found;
    size_t at;

    if (seen == NULL) {
        return NULL;
    }
    siphash(&seen->key, credential, tag);
    /* The tag tells nothing about the key, so the time that this takes may depend on the place. */
    at = tag[0] % SEEN_KEYS;
    if (seen->items[at].found != NULL &&
        bytes_equal_constant_time(tag, seen->items[at].tag, SIPHASH_BYTES)) {
        return seen->items[at].found;
    }
    found = find_in_table(auth->config, credential);
    if (found != NULL) { /* a wrong key does not replace another one */
        mem_copy(seen->items[at].tag, tag, SIPHASH_BYTES);
        seen->items[at].found = found;
    }
    return found;
}

struct seen_keys *seen_keys_new(void)
{
    struct seen_keys *seen = mem_zalloc(sizeof(*seen));

    siphash_key_make(&seen->key);
    return seen;
}

void seen_keys_free(struct seen_keys *seen)
{
    if (seen != NULL) {
        mem_wipe(seen, sizeof(*seen));
        mem_free(seen);
    }
}

static bool key_is_in_time(const struct config_key *key, const char *what, struct error *err)
{
    if (key->not_before_ms != 0 && key->not_before_ms > clock_wall_ms()) {
        (void)error_set(err, ERR_UNAUTHORIZED, "This %s is not valid yet (not_before)", what);
        return false;
    }
    if (key->expires_ms != 0 && key->expires_ms <= clock_wall_ms()) {
        (void)error_set(err, ERR_UNAUTHORIZED, "This %s has expired; ask for a new one", what);
        return false;
    }
    return true;
}

enum auth_verdict admit_listed(const struct config_key *key, const struct digest *owner,
                               const char *what, struct principal *out, struct error *err)
{
    if (!key_is_in_time(key, what, err)) {
        return AUTH_REFUSED;
    }
    out->name = key->name;
    out->permissions = key->permissions;
    out->rate = &key->rate;
    out->tenant = key->tenant;
    out->owner = *owner;
    out->is_listed = true;
    return AUTH_ADMITTED;
}

enum auth_verdict check_key(struct auth *auth, const struct auth_shown *shown,
                            struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                            struct error *err)
{
    struct str credential = shown->bearer.len > 0 ? shown->bearer : shown->api_key;
    const struct config_key *key = api_key_find(auth, credential);

    (void)ticket;
    (void)arena;
    if (key == NULL) {
        (void)error_set(err, ERR_UNAUTHORIZED, "This API key is not known");
        return AUTH_REFUSED;
    }
    return admit_listed(key, &auth->key_owners[key - auth->config->auth.keys], "API key", out, err);
}

static bool lists(const struct config_key *keys, const struct digest *owners, size_t n,
                  const struct digest *owner)
{
    struct error unused = {0};

    for (size_t i = 0; i < n; i++) {
        if (digest_equal(&owners[i], owner) && key_is_in_time(&keys[i], "API key", &unused)) {
            return true;
        }
    }
    return false;
}

bool auth_lists(const struct auth *auth, const struct digest *owner)
{
    const struct config *config = auth->config;

    return lists(config->auth.keys, auth->key_owners, config->auth.n_keys, owner) ||
           lists(config->auth.certificates, auth->certificate_owners, config->auth.n_certificates,
                 owner);
}
