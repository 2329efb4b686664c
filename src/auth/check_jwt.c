/* The provider for JWT: what costs little is asked first, the signature last, and only in the
 * request's own turn of the loop. */
#include "auth_internal.h"
#include "base/clock.h"

static enum auth_verdict admit(const struct auth *auth, const struct jwt_subject *subject,
                               struct principal *out)
{
    const struct config_class *classes = auth->config->limits.class_rates;

    out->name = subject->name;
    out->permissions = subject->permissions;
    out->owner = subject->owner;
    out->tenant = subject->tenant;
    out->rate = subject->class > 0 ? &classes[subject->class - 1].rate : NULL;
    return AUTH_ADMITTED;
}

static enum auth_verdict later(struct auth_ticket *ticket, bool wants_keys)
{
    ticket->wants_keys = wants_keys;
    return AUTH_LATER;
}

/* The key that the token names is not there: wait for a newer set, or be refused. */
static enum auth_verdict without_key(struct auth *auth, struct auth_ticket *ticket,
                                     struct error *err)
{
    if (ticket->n_refreshes < REFRESHES_MAX && refresh_ask(&auth->refresh)) {
        return later(ticket, true);
    }
    if (auth->refresh.keys == NULL) {
        err->retry_after_s = 5;
        (void)error_set(err, ERR_KEY_SET_MISSING,
                        "The key set that tokens are checked with could not be read yet; send the "
                        "request again in a moment");
    } else {
        (void)error_set(err, ERR_UNAUTHORIZED,
                        "This token is refused: its key (kid) is not in the key set");
    }
    return AUTH_REFUSED;
}

enum auth_verdict check_jwt(struct auth *auth, const struct auth_shown *shown,
                            struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                            struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    struct digest token;
    struct digest signed_digest;
    struct jwt_subject subject;
    struct jwt jwt;
    struct public_key *key;

    digest_of(shown->bearer, &token);
    if (known_find(&auth->known, &token, now_ms, arena, &subject)) {
        return admit(auth, &subject, out);
    }
    if (jwt_read(arena, shown->bearer, auth->config->auth.jwt.algorithms, &jwt, err) != ERR_OK ||
        jwt_judge(auth->config, arena, &jwt, now_ms, &subject, err) != ERR_OK) {
        return AUTH_REFUSED;
    }
    key = auth->refresh.keys != NULL ? key_set_find(auth->refresh.keys, jwt.kid, jwt.kind) : NULL;
    if (key == NULL) {
        return without_key(auth, ticket, err);
    }
    if (!ticket->has_turn) {
        return later(ticket, false);
    }
    ticket->has_turn = false;
    digest_of(jwt.signed_part, &signed_digest);
    if (!public_key_verify(key, jwt.kind, &signed_digest, jwt.signature)) {
        (void)error_set(err, ERR_UNAUTHORIZED, "This token is refused: its signature is wrong");
        return AUTH_REFUSED;
    }
    known_add(&auth->known, &token, &subject);
    return admit(auth, &subject, out);
}
