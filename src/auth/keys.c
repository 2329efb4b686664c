/* API keys: kept as SHA-256. The whole table is walked in constant time, so that timing tells
 * neither which key is near nor how many there are before it. */
#include "auth_internal.h"
#include "base/clock.h"
#include "base/secret.h"

const struct config_key *api_key_find(const struct auth *auth, struct str credential)
{
    const struct config *config = auth->config;
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

bool key_is_in_time(const struct config_key *key, const char *what, struct error *err)
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
    if (!key_is_in_time(key, "API key", err)) {
        return AUTH_REFUSED;
    }
    out->name = key->name;
    out->permissions = key->permissions;
    out->rate = &key->rate;
    out->tenant = key->tenant;
    out->owner = auth->key_owners[key - auth->config->auth.keys];
    return AUTH_ADMITTED;
}
