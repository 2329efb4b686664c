/* Who calls. Keys are kept as SHA-256; the whole table is walked in constant time, so that timing
 * tells neither which key is near nor how many there are before it. */
#include "api/gate/task.h"
#include "base/clock.h"

enum { TOKEN_MAX = 4096, NAME_DIGITS = 12 };

/* RFC 6750 section 2.1; empty when there is none. */
static struct str bearer_of(const struct exchange *exchange)
{
    struct str header = exchange_header(exchange, "Authorization");

    return str_starts_nocase(header, STR("Bearer ")) ? str_trim(str_sub(header, 7, header.len))
                                                     : STR_EMPTY;
}

/* The credential as sent; empty when there is none. */
static struct str credential_of(const struct exchange *exchange)
{
    struct str bearer = bearer_of(exchange);

    return bearer.len > 0 ? bearer : exchange_header(exchange, "X-API-Key");
}

/* Where keys are taken: a caller who names two is not guessed at. */
static bool has_two_credentials(const struct exchange *exchange)
{
    struct str key = exchange_header(exchange, "X-API-Key");

    return key.len > 0 && !str_eq(credential_of(exchange), key);
}

static const struct config_key *key_find(const struct config *config, struct str credential)
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

static enum error_code check_key(const struct config *config, const struct exchange *exchange,
                                 struct principal *out, struct error *err)
{
    struct str credential = credential_of(exchange);
    const struct config_key *key;

    if (credential.len == 0) {
        return error_set(
            err, ERR_UNAUTHORIZED,
            "No credential: send an API key as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\"");
    }
    key = key_find(config, credential);
    if (key == NULL) {
        return error_set(err, ERR_UNAUTHORIZED, "This API key is not known");
    }
    if (key->not_before_ms != 0 && key->not_before_ms > clock_wall_ms()) {
        return error_set(err, ERR_UNAUTHORIZED, "This API key is not valid yet (not_before)");
    }
    if (key->expires_ms != 0 && key->expires_ms <= clock_wall_ms()) {
        return error_set(err, ERR_UNAUTHORIZED, "This API key has expired; ask for a new one");
    }
    out->name = key->name;
    out->permissions = key->permissions;
    out->rate = &key->rate;
    digest_of(str_range((const char *)key->sha256, (const char *)key->sha256 + DIGEST_BYTES),
              &out->owner);
    return ERR_OK;
}

/* What may stand behind "Bearer " (RFC 6750: b64token), bounded. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0 && text.len <= TOKEN_MAX;
}

/* The caller's own token of the platform: whether it is one the platform alone knows (verdict.c).
 * Hashed with a word of its own, so that no key of ours can have the same owner. */
static enum error_code take_token(const struct exchange *exchange, struct principal *out,
                                  struct error *err)
{
    struct str bearer = bearer_of(exchange);
    char hex[65];

    if (bearer.len == 0) {
        return error_set(err, ERR_UNAUTHORIZED,
                         "No credential: send your API token of the platform as \"Authorization: "
                         "Bearer TOKEN\"");
    }
    if (!is_token(bearer)) {
        return error_set(err, ERR_UNAUTHORIZED,
                         "This is not a token: a token has 1 to %d visible characters", TOKEN_MAX);
    }
    digest_of_parts((struct str[]){STR("platform token"), bearer}, 2, &out->owner);
    digest_hex(&out->owner, hex);
    hex[NAME_DIGITS] = '\0';
    out->name = arena_printf(unconst(&exchange->arena), "token-%s", hex);
    out->permissions = PERMISSION_ALL & ~(unsigned)PERMISSION_ADMIN;
    out->bearer = bearer;
    return ERR_OK;
}

enum error_code auth_check(const struct config *config, const struct exchange *exchange,
                           struct principal *out, struct error *err)
{
    bool is_ours = exchange_has_header(exchange, "X-API-Key") && bearer_of(exchange).len == 0;

    if ((config->auth.modes & AUTH_KEYS) != 0 && has_two_credentials(exchange)) {
        return error_set(
            err, ERR_UNAUTHORIZED,
            "Authorization and X-API-Key hold different credentials; send one of them");
    }
    switch (config->auth.modes) {
    case AUTH_KEYS:
        return check_key(config, exchange, out, err);
    case AUTH_PASSTHROUGH:
        return take_token(exchange, out, err);
    case AUTH_KEYS | AUTH_PASSTHROUGH:
        if (is_ours || key_find(config, bearer_of(exchange)) != NULL) {
            return check_key(config, exchange, out, err);
        }
        return take_token(exchange, out, err);
    default:
        out->name = STR("anonymous");
        out->permissions = PERMISSION_ALL;
        digest_of(STR("anonymous"), &out->owner);
        return ERR_OK;
    }
}

enum stage_verdict task_allow(struct task *task, unsigned permission)
{
    /* What a token may change directly the platform judges. */
    bool judged_there = task->principal.bearer.len > 0 && task->route->body == BODY_STREAM;

    if (permission == ACCESS_PUBLIC || judged_there ||
        (task->principal.permissions & (permission | PERMISSION_ADMIN)) != 0) {
        return STAGE_CONTINUE;
    }
    (void)error_set(&task->error, ERR_FORBIDDEN, "This API key lacks the permission \"%s\"",
                    permission_name(permission));
    return task_fail(task);
}
