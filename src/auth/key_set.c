/* Keys are read one by one: a key that is of another kind, too short or broken is skipped, and the others
 * are used. A key that is not for signatures ("use", "key_ops") is not taken either. */
#include "auth_internal.h"
#include "base/base64.h"
#include "base/mem.h"

enum { KEYS_MAX = 100, KID_MAX = 256, SET_DEPTH = 8, SET_NODES = 10000 };

struct key {
    struct str kid; /* in the arena; empty: none */
    unsigned kinds; /* bits of enum signature_kind that it is for */
    struct public_key *key;
};

struct key_set {
    struct arena arena;
    struct key keys[KEYS_MAX];
    size_t n;
    size_t n_skipped;
};

static const struct {
    const char *name;
    enum signature_kind kind;
} algorithms[] = {
    {"RS256", SIGNATURE_RS256}, {"PS256", SIGNATURE_PS256}, {"ES256", SIGNATURE_ES256}};

/* A member that is a text of base64url. */
static bool read_bytes(struct arena *arena, const struct json *jwk, const char *name,
                       struct str *out)
{
    const struct json *member = json_get(jwk, name);

    return json_type(member) == JSON_STRING && base64url_decode(arena, json_str(member), out);
}

static bool is_for_verifying(const struct json *jwk)
{
    const struct json *use = json_get(jwk, "use");
    const struct json *operations = json_get(jwk, "key_ops");
    const struct json *item;
    bool verifies = operations == NULL;

    if (use != NULL && !str_is(json_str(use), "sig")) {
        return false;
    }
    JSON_FOREACH (item, operations) {
        verifies = verifies || str_is(json_str(item), "verify");
    }
    return verifies;
}

/* "alg" binds a key to one algorithm; without it a key is for all that its type can do. */
static unsigned kinds_of(const struct json *jwk, const struct public_key *key)
{
    const struct json *alg = json_get(jwk, "alg");
    unsigned kinds = 0;

    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (public_key_fits(key, algorithms[i].kind) &&
            (alg == NULL || str_is(json_str(alg), algorithms[i].name))) {
            kinds |= 1U << (unsigned)algorithms[i].kind;
        }
    }
    return kinds;
}

static enum error_code read_public(struct arena *arena, const struct json *jwk,
                                   struct public_key **out, struct error *err)
{
    struct str type = json_str(json_get(jwk, "kty"));
    struct str first;
    struct str second;

    if (str_is(type, "RSA") && read_bytes(arena, jwk, "n", &first) &&
        read_bytes(arena, jwk, "e", &second)) {
        return public_key_rsa(first, second, out, err);
    }
    if (str_is(type, "EC") && str_is(json_str(json_get(jwk, "crv")), "P-256") &&
        read_bytes(arena, jwk, "x", &first) && read_bytes(arena, jwk, "y", &second)) {
        return public_key_p256(first, second, out, err);
    }
    return error_set(err, ERR_INVALID, "neither an RSA key nor one of P-256");
}

/* False: it cannot be used. */
static bool add_key(struct key_set *set, const struct json *jwk, struct error *err)
{
    const struct json *kid = json_get(jwk, "kid");
    struct key *key = &set->keys[set->n];

    if (json_type(jwk) != JSON_OBJECT || set->n == KEYS_MAX || !is_for_verifying(jwk) ||
        (kid != NULL && (json_type(kid) != JSON_STRING || json_str(kid).len > KID_MAX))) {
        return false;
    }
    *key = (struct key){.kid = json_str(kid)};
    if (read_public(&set->arena, jwk, &key->key, err) != ERR_OK) {
        return false;
    }
    key->kinds = kinds_of(jwk, key->key);
    if (key->kinds == 0) {
        public_key_free(key->key);
        return false;
    }
    set->n++;
    return true;
}

enum error_code key_set_read(struct str text, struct key_set **out, struct error *err)
{
    const struct json_limits limits = {.max_depth = SET_DEPTH, .max_nodes = SET_NODES};
    struct key_set *set = mem_zalloc(sizeof(*set));
    struct error why = {0};
    struct json *root = NULL;
    const struct json *jwk;
    enum error_code code;

    arena_init(&set->arena);
    code = json_parse(&set->arena, text, &limits, &root, err);
    if (code == ERR_OK && json_type(json_get(root, "keys")) != JSON_ARRAY) {
        code = error_set(err, ERR_INVALID, "not a key set: {\"keys\": [...]} is expected");
    }
    if (code == ERR_OK) {
        JSON_FOREACH (jwk, json_get(root, "keys")) {
            set->n_skipped += add_key(set, jwk, &why) ? 0 : 1;
        }
        if (set->n == 0) {
            code = error_set(err, ERR_INVALID,
                             "none of its %zu keys can be used%s%s; RSA from 2048 bits and P-256 "
                             "for signatures can",
                             set->n_skipped, why.text[0] != '\0' ? ": " : "", why.text);
        }
    }
    if (code != ERR_OK) {
        key_set_free(set);
        return code;
    }
    *out = set;
    return ERR_OK;
}

void key_set_free(struct key_set *set)
{
    if (set != NULL) {
        for (size_t i = 0; i < set->n; i++) {
            public_key_free(set->keys[i].key);
        }
        arena_done(&set->arena);
        mem_free(set);
    }
}

size_t key_set_size(const struct key_set *set)
{
    return set->n;
}

size_t key_set_n_skipped(const struct key_set *set)
{
    return set->n_skipped;
}

struct public_key *key_set_find(const struct key_set *set, struct str kid, enum signature_kind kind)
{
    struct public_key *found = NULL;

    for (size_t i = 0; i < set->n; i++) {
        const struct key *key = &set->keys[i];

        if ((key->kinds & 1U << (unsigned)kind) == 0) {
            continue;
        }
        if (kid.len > 0) {
            if (str_eq(key->kid, kid)) {
                return key->key;
            }
        } else if (found != NULL) {
            return NULL; /* two fit: the token must say which */
        } else {
            found = key->key;
        }
    }
    return kid.len > 0 ? NULL : found;
}
