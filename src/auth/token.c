/* The caller's own token of the platform (passthrough). Only the platform knows whether the token is
 * valid; the stages of room api ask it after this check. */
#include "auth_internal.h"

enum { TOKEN_MAX = 4096, NAME_DIGITS = 12 };

/* What may stand behind "Bearer " (RFC 6750: b64token), bounded. */
static bool is_token(struct str text)
{
    return text.len > 0 && text.len <= TOKEN_MAX && str_is_of(text, "!-~");
}

/* The owner is a hash of a fixed word and the token, so that no API key can have the same owner. */
enum auth_verdict check_token(struct auth *auth, const struct auth_shown *shown,
                              struct auth_ticket *ticket, struct arena *arena,
                              struct principal *out, struct error *err)
{
    char hex[65];

    (void)auth;
    (void)ticket;
    if (!is_token(shown->bearer)) {
        (void)error_set(err, ERR_UNAUTHORIZED,
                        "This is not a token: a token has 1 to %d visible characters", TOKEN_MAX);
        return AUTH_REFUSED;
    }
    digest_of_parts((struct str[]){STR("platform token"), shown->bearer}, 2, &out->owner);
    digest_hex(&out->owner, hex);
    hex[NAME_DIGITS] = '\0';
    out->name = arena_printf(arena, "token-%s", hex);
    out->permissions = PERMISSION_ALL & ~(unsigned)PERMISSION_ADMIN;
    out->bearer = shown->bearer;
    return AUTH_ADMITTED;
}
