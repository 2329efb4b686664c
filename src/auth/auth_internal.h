/* What the files of room auth share. */
#ifndef AUTH_INTERNAL_H
#define AUTH_INTERNAL_H

#include "auth/auth.h"
#include "base/lru.h"
#include "crypto/signature.h"
#include "crypto/siphash.h"
#include "data/json.h"

/* A token waits for two readings of the key set at most: one that was under way, and one that it caused. */
enum { REFRESHES_MAX = 2 };

/* A token read, its signature not yet checked. Views into the token and the arena. */
struct jwt {
    enum signature_kind kind;
    struct str kid;         /* empty: the token names none */
    struct str signed_part; /* the bytes that the signature is of */
    struct str signature;
    const struct json *claims;
};

/* What the claims of a token make of the caller. */
struct jwt_subject {
    struct str name;
    struct digest owner;
    unsigned permissions;
    size_t tenant;
    size_t class;          /* 1-based, in config->limits.class_rates; 0: none */
    int64_t not_before_ms; /* Unix, the skew already taken off; 0: none */
    int64_t expires_ms;    /* Unix, the skew already added */
};

/* jwt.c. Both refuse with ERR_UNAUTHORIZED; the text never quotes the token. */
enum error_code jwt_read(struct arena *arena, struct str token, unsigned allowed, struct jwt *out,
                         struct error *err) MUST_CHECK;
enum error_code jwt_judge(const struct config *config, struct arena *arena, const struct jwt *jwt,
                          int64_t now_ms, struct jwt_subject *out, struct error *err) MUST_CHECK;
/* True: it looks like a JWT, so no other provider gets it (least of all the platform). */
bool jwt_is_meant(struct str bearer);

/* key_set.c: a JWKS (RFC 7517). */
struct key_set; /* heap */
/* Keys that cannot be used are skipped and counted. ERR_INVALID: no key can be used. */
enum error_code key_set_read(struct str text, struct key_set **out, struct error *err) MUST_CHECK;
void key_set_free(struct key_set *set); /* NULL is fine */
size_t key_set_size(const struct key_set *set);
size_t key_set_n_skipped(const struct key_set *set);
/* NULL: no key fits, or `kid` is empty and several fit. */
struct public_key *key_set_find(const struct key_set *set, struct str kid,
                                enum signature_kind kind);

/* known.c: tokens whose signature was checked, by the hash of the whole token. */
struct known_tokens {
    struct lru tokens;
    size_t max;
};

void known_init(struct known_tokens *known, size_t max);
void known_done(struct known_tokens *known);
void known_clear(struct known_tokens *known);
/* False: not known, or no longer (not yet) valid. The name is copied into the arena. */
bool known_find(struct known_tokens *known, const struct digest *token, int64_t now_ms,
                struct arena *arena, struct jwt_subject *out);
void known_add(struct known_tokens *known, const struct digest *token,
               const struct jwt_subject *subject);

/* refresh.c: when the key set is read, and who waits for it. */
struct refresh {
    struct auth *auth;
    const struct auth_source *source;
    struct auth_fetch fetch;
    struct deadline next;
    struct list waiting;   /* tickets */
    struct key_set *keys;  /* NULL: never read */
    struct digest content; /* hash of the text they were read from */
    bool running;
    bool has_asked; /* a token with an unknown key has, at unknown_ms */
    uint64_t unknown_ms;
    unsigned n_failures; /* in a row */
};

void refresh_open(struct refresh *refresh, struct auth *auth, const struct auth_source *source);
void refresh_configure(struct refresh *refresh); /* begins to read, if JWTs are taken now */
void refresh_restart(
    struct refresh *refresh); /* the source is another one; the old keys stay until it is read */
void refresh_stop(struct refresh *refresh);
void refresh_close(struct refresh *refresh);
/* A token names a key that the key set lacks, or there is no key set yet. True: it is being read, so
 * waiting helps. */
bool refresh_ask(struct refresh *refresh);

enum { SEEN_KEYS = 64 };

/* API keys that were found lately, so that they need no SHA-256 again. Each is known by a tag that cannot be made
 * without a random key of this process. The API key itself is kept nowhere. */
struct seen_keys {
    struct siphash_key key;

    struct {
        uint8_t tag[SIPHASH_BYTES];
        const struct config_key *found; /* NULL: free */
    } items[SEEN_KEYS];
};

struct auth {
    struct auth_options options;
    const struct config *config;
    struct digest anybody;     /* the owner of what is done while no credential is asked for */
    struct digest *key_owners; /* by the place of the key in the configuration */
    struct digest *certificate_owners;
    struct seen_keys *seen; /* of this configuration; NULL: it has no keys */
    struct known_tokens known;
    struct refresh refresh;
    struct list turns; /* tickets that wait for their turn, oldest first */
    size_t n_waiting;  /* all tickets */
    struct later_item next_turn;
};

void ticket_call(struct auth_ticket *ticket); /* takes it out of its list and calls on_ready */

/* One provider each; LATER only from the one for JWT. */
enum auth_verdict check_key(struct auth *auth, const struct auth_shown *shown,
                            struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                            struct error *err);
enum auth_verdict check_jwt(struct auth *auth, const struct auth_shown *shown,
                            struct auth_ticket *ticket, struct arena *arena, struct principal *out,
                            struct error *err);
enum auth_verdict check_token(struct auth *auth, const struct auth_shown *shown,
                              struct auth_ticket *ticket, struct arena *arena,
                              struct principal *out, struct error *err);
/* certificates.c. REFUSED: the request has a certificate that is not good. ADMITTED: *out is the caller if
 * *out_is_known; else there is no certificate, or the configuration does not list it. Never LATER. */
enum auth_verdict check_certificate(const struct auth *auth, const struct auth_shown *shown,
                                    struct principal *out, bool *out_is_known, struct error *err);
/* keys.c. *out becomes the caller to whom the key or certificate belongs; REFUSED: it is not valid now. */
enum auth_verdict admit_listed(const struct config_key *key, const struct digest *owner,
                               const char *what, struct principal *out, struct error *err);
/* NULL: no such key. */
const struct config_key *api_key_find(const struct auth *auth, struct str credential);
struct seen_keys *seen_keys_new(void);
void seen_keys_free(struct seen_keys *seen); /* NULL is fine */

#endif
