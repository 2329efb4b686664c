/* JSON Web Tokens as RFC 8725 wants them read: the algorithm is one of a list and belongs to the
 * type of the key, a key that the token itself brings is never used, a claim of the wrong type is
 * an error and not an absent claim. None of these checks needs the key, so a wrong token
 * is refused before the cost of a signature. */
#include "auth_internal.h"
#include "base/base64.h"
#include "base/utf8.h"

enum {
    TOKEN_MAX = 16 * 1024,
    HEADER_DEPTH = 8,
    HEADER_NODES = 200,
    CLAIMS_DEPTH = 16,
    CLAIMS_NODES = 2000,
    KID_MAX = 256,
    NAME_MAX_BYTES = 64,
    SECOND_MS = 1000
};

/* Seconds of the year 9999: later dates are mistakes. */
#define DATE_MAX_S 253402300799.0

static const struct {
    const char *name;
    enum signature_kind kind;
} algorithms[] = {
    {"RS256", SIGNATURE_RS256}, {"PS256", SIGNATURE_PS256}, {"ES256", SIGNATURE_ES256}};

static enum error_code refuse(struct error *err, const char *text)
{
    return error_set(err, ERR_UNAUTHORIZED, "This token is refused: %s", text);
}

bool jwt_is_meant(struct str bearer)
{
    size_t n_dots = 0;

    for (size_t i = 0; i < bearer.len; i++) {
        n_dots += bearer.ptr[i] == '.' ? 1 : 0;
    }
    /* "ey" is {" in base64url, the begin of a header: such a token may be encrypted, with five parts. */
    return n_dots == 2 || (n_dots > 0 && str_starts(bearer, STR("ey")));
}

/* ---- header ---- */

/* `alg` and what it stands for; the token's own spelling is not repeated in the text. */
static enum error_code read_algorithm(const struct json *header, unsigned allowed, struct jwt *out,
                                      struct error *err)
{
    struct str name = json_str(json_get(header, "alg"));

    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (str_is(name, algorithms[i].name)) {
            out->kind = algorithms[i].kind;
            if ((allowed & 1U << (unsigned)out->kind) == 0) {
                return refuse(err, "its algorithm is not in auth.jwt.algorithms");
            }
            return ERR_OK;
        }
    }
    if (str_is_nocase(name, "none")) {
        return refuse(err, "it is not signed (alg none)");
    }
    if (str_is(name, "EdDSA") || str_is(name, "Ed25519") || str_is(name, "Ed448")) {
        return refuse(err, "EdDSA signatures cannot be checked here; use RS256, PS256 or ES256");
    }
    return refuse(err, "its algorithm (alg) is none of RS256, PS256 and ES256");
}

/* RFC 9068 and RFC 7519: another kind of token (an id token for logging out, say) is not taken for one
 * that gives access. */
static bool is_access_type(const struct json *typ)
{
    struct str name = json_str(typ);

    if (str_starts_nocase(name, STR("application/"))) {
        name = str_sub(name, sizeof("application/") - 1, name.len);
    }
    return typ == NULL || str_is_nocase(name, "JWT") || str_is_nocase(name, "at+jwt");
}

static enum error_code read_header(struct arena *arena, struct str text, unsigned allowed,
                                   struct jwt *out, struct error *err)
{
    static const char *const keys[] = {"jwk", "jku", "x5u"};
    const struct json_limits limits = {.max_depth = HEADER_DEPTH, .max_nodes = HEADER_NODES};
    struct json *header = NULL;
    const struct json *kid;

    if (json_parse(arena, text, &limits, &header, NULL) != ERR_OK ||
        json_type(header) != JSON_OBJECT) {
        return refuse(err, "its header is not a JSON object with each member once");
    }
    if (read_algorithm(header, allowed, out, err) != ERR_OK) {
        return ERR_UNAUTHORIZED;
    }
    if (json_get(header, "crit") != NULL) {
        return refuse(err, "its header demands extensions (crit), and there are none here");
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (json_get(header, keys[i]) != NULL) {
            return refuse(err, "it brings or names its own key (jwk, jku, x5u)");
        }
    }
    if (!is_access_type(json_get(header, "typ"))) {
        return refuse(err, "its type (typ) is not JWT or at+jwt");
    }
    kid = json_get(header, "kid");
    if (kid != NULL &&
        (json_type(kid) != JSON_STRING || json_str(kid).len == 0 || json_str(kid).len > KID_MAX)) {
        return refuse(err, "its key id (kid) is not a text of 1 to 256 bytes");
    }
    out->kid = json_str(kid);
    return ERR_OK;
}

enum error_code jwt_read(struct arena *arena, struct str token, unsigned allowed, struct jwt *out,
                         struct error *err)
{
    const struct json_limits limits = {.max_depth = CLAIMS_DEPTH, .max_nodes = CLAIMS_NODES};
    struct json *claims = NULL;
    struct str rest = token;
    struct str parts[3];
    struct str texts[3];

    if (token.len > TOKEN_MAX) {
        return refuse(err, "it is longer than 16 KiB");
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bool has_more = str_cut(rest, '.', &parts[i], &rest);

        if (has_more != (i < 2) || parts[i].len == 0) {
            return refuse(err, "it has not the three parts of a signed token");
        }
        if (!base64url_decode(arena, parts[i], &texts[i])) {
            return refuse(err, "a part of it is not base64url");
        }
    }
    *out = (struct jwt){.signature = texts[2]};
    out->signed_part = str_sub(token, 0, parts[0].len + 1 + parts[1].len);
    if (read_header(arena, texts[0], allowed, out, err) != ERR_OK) {
        return ERR_UNAUTHORIZED;
    }
    if (json_parse(arena, texts[1], &limits, &claims, NULL) != ERR_OK ||
        json_type(claims) != JSON_OBJECT) {
        return refuse(err, "its claims are not a JSON object with each member once");
    }
    out->claims = claims;
    return ERR_OK;
}

/* ---- claims ---- */

/* A NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. Absent: true, and 0. */
static bool read_date(const struct json *claims, const char *name, int64_t *out_ms)
{
    const struct json *claim = json_get(claims, name);
    double seconds = json_double(claim);

    *out_ms = 0;
    if (claim == NULL) {
        return true;
    }
    if (json_type(claim) != JSON_NUMBER || !(seconds >= 0 && seconds <= (double)DATE_MAX_S)) {
        return false;
    }
    *out_ms = (int64_t)(seconds * (double)SECOND_MS);
    return true;
}

static enum error_code judge_dates(const struct config *config, const struct json *claims,
                                   int64_t now_ms, struct jwt_subject *out, struct error *err)
{
    int64_t skew_ms = (int64_t)config->auth.jwt.skew_s * SECOND_MS;
    int64_t issued_ms;
    int64_t begins_ms;
    int64_t ends_ms;

    if (!read_date(claims, "exp", &ends_ms) || !read_date(claims, "nbf", &begins_ms) ||
        !read_date(claims, "iat", &issued_ms)) {
        return refuse(err, "one of exp, nbf and iat is not a number of seconds since 1970");
    }
    if (json_get(claims, "exp") == NULL) {
        return refuse(err, "it does not say when it expires (exp)");
    }
    if (now_ms >= ends_ms + skew_ms) {
        return refuse(err, "it has expired (exp); get a new one");
    }
    if (now_ms < begins_ms - skew_ms) {
        return refuse(err, "it is not valid yet (nbf)");
    }
    if (now_ms < issued_ms - skew_ms) {
        return refuse(err, "it was issued in the future (iat); compare the clocks");
    }
    out->expires_ms = ends_ms + skew_ms;
    out->not_before_ms = (begins_ms > issued_ms ? begins_ms : issued_ms) - skew_ms;
    return ERR_OK;
}

/* "aud" is a text, or a list of texts; ours must be among them. */
static bool is_for_us(const struct json *aud, struct str audience)
{
    const struct json *item;
    bool found = json_type(aud) == JSON_STRING && str_eq(json_str(aud), audience);

    if (json_type(aud) != JSON_ARRAY) {
        return found;
    }
    JSON_FOREACH (item, aud) {
        if (json_type(item) != JSON_STRING) {
            return false;
        }
        found = found || str_eq(json_str(item), audience);
    }
    return found;
}

/* The permissions that one word of the claim gives: by auth.jwt.permissions ("qa-admins=admin") if that
 * is set, else by the word as the name of a permission. */
static unsigned bits_of_word(const struct config *config, struct str word)
{
    unsigned bits = 0;

    if (config->auth.jwt.n_permissions == 0) {
        return str_is(word, "all") ? 0 : permission_bits(word);
    }
    for (size_t i = 0; i < config->auth.jwt.n_permissions; i++) {
        const struct config_grant *grant = &config->auth.jwt.grants[i];

        bits |= str_eq(grant->word, word) ? grant->permissions : 0;
    }
    return bits;
}

/* By its name, or by a JSON pointer. */
static const struct json *claim_at(const struct json *claims, struct str name)
{
    return str_starts(name, STR("/")) ? json_find(claims, name.ptr) : json_get_str(claims, name);
}

/* A text of words (RFC 8693 section 4.2), or a list of texts. False: neither. */
static bool read_permissions(const struct config *config, const struct json *claims, unsigned *out)
{
    const struct json *claim = claim_at(claims, config->auth.jwt.permissions_claim);
    const struct json *item;
    struct str rest = json_str(claim);
    struct str word;

    *out = 0;
    if (claim != NULL && json_type(claim) != JSON_STRING && json_type(claim) != JSON_ARRAY) {
        return false;
    }
    while (str_next(&rest, ' ', &word)) {
        *out |= bits_of_word(config, word);
    }
    if (json_type(claim) == JSON_ARRAY) {
        JSON_FOREACH (item, claim) {
            if (json_type(item) != JSON_STRING) {
                return false;
            }
            *out |= bits_of_word(config, json_str(item));
        }
    }
    return true;
}

/* False: auth.jwt.tenant_claim is set, and the claim names none of `tenants`. No other account is used then. */
static bool read_tenant(const struct config *config, const struct json *claims,
                        struct str *out_name, size_t *out)
{
    struct str name = config->auth.jwt.tenant_claim;
    const struct json *claim = claim_at(claims, name);

    *out_name = json_str(claim);
    *out = config_tenant_find(config, *out_name);
    return name.len == 0 || *out > 0;
}

/* False: the claim is there, and is not a text. */
static bool read_class(const struct config *config, const struct json *claims, size_t *out)
{
    const struct json *claim = claim_at(claims, config->auth.jwt.class_claim);

    *out = 0;
    for (size_t i = 0; i < config->limits.n_classes; i++) {
        if (str_eq(json_str(claim), config->limits.class_rates[i].name)) {
            *out = i + 1;
        }
    }
    return claim == NULL || json_type(claim) == JSON_STRING;
}

enum error_code jwt_judge(const struct config *config, struct arena *arena, const struct jwt *jwt,
                          int64_t now_ms, struct jwt_subject *out, struct error *err)
{
    struct str issuer = json_str(json_get(jwt->claims, "iss"));
    struct str subject = json_str(json_get(jwt->claims, "sub"));
    struct str tenant;

    *out = (struct jwt_subject){.name = STR_EMPTY};
    if (!str_eq(issuer, config->auth.jwt.issuer)) {
        return refuse(err, "its issuer (iss) is not auth.jwt.issuer");
    }
    if (!is_for_us(json_get(jwt->claims, "aud"), config->auth.jwt.audience)) {
        return refuse(err, "it is not for this service: auth.jwt.audience is not in aud");
    }
    if (subject.len == 0) {
        return refuse(err, "it does not say who calls (sub)");
    }
    if (judge_dates(config, jwt->claims, now_ms, out, err) != ERR_OK) {
        return ERR_UNAUTHORIZED;
    }
    if (!read_permissions(config, jwt->claims, &out->permissions)) {
        return refuse(err, "the claim with its permissions is neither a text nor a list of texts");
    }
    if (!read_tenant(config, jwt->claims, &tenant, &out->tenant)) {
        return refuse(err, "the claim with its tenant names none of tenants");
    }
    if (!read_class(config, jwt->claims, &out->class)) {
        return refuse(err, "the claim with its class of limits is not a text");
    }
    out->name = arena_str(arena, utf8_clip(subject, NAME_MAX_BYTES));
    digest_of_parts((struct str[]){STR("jwt"), issuer, subject, tenant}, out->tenant > 0 ? 4 : 3,
                    &out->owner);
    return ERR_OK;
}
