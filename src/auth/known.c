/* To check a signature takes a part of a millisecond to two, and the same token comes a thousand times.
 * Only tokens with a right signature are kept, so callers without one cannot fill the table. */
#include "auth_internal.h"
#include "base/mem.h"

struct known_token {
    struct lru_entry lru;
    struct digest token;
    struct jwt_subject subject; /* its name lies behind the struct */
};

void known_init(struct known_tokens *known, size_t max)
{
    *known = (struct known_tokens){.max = max};
    lru_init(&known->tokens);
}

static void forget(struct known_tokens *known, struct known_token *token)
{
    lru_remove(&known->tokens, &token->lru);
    mem_free(token);
}

void known_clear(struct known_tokens *known)
{
    struct known_token *token;

    while ((token = LRU_OLDEST(&known->tokens, struct known_token, lru)) != NULL) {
        forget(known, token);
    }
}

void known_done(struct known_tokens *known)
{
    known_clear(known);
    lru_done(&known->tokens);
}

static struct known_token *find(const struct known_tokens *known, const struct digest *token)
{
    return LRU_FIND(&known->tokens, digest_view(token), struct known_token, lru);
}

bool known_find(struct known_tokens *known, const struct digest *token, int64_t now_ms,
                struct arena *arena, struct jwt_subject *out)
{
    struct known_token *found = find(known, token);

    if (found == NULL) {
        return false;
    }
    if (now_ms >= found->subject.expires_ms) {
        forget(known, found);
        return false;
    }
    if (now_ms < found->subject.not_before_ms) {
        return false; /* somebody has set the clock back */
    }
    lru_touch(&known->tokens, &found->lru);
    *out = found->subject;
    out->name = arena_str(arena, found->subject.name);
    return true;
}

void known_add(struct known_tokens *known, const struct digest *token,
               const struct jwt_subject *subject)
{
    struct known_token *added;
    struct known_token *oldest;
    char *name;

    if (find(known, token) != NULL) {
        return; /* two requests with it had their turn */
    }
    while (lru_size(&known->tokens) >= known->max &&
           (oldest = LRU_OLDEST(&known->tokens, struct known_token, lru)) != NULL) {
        forget(known, oldest);
    }
    added = mem_zalloc(sizeof(*added) + subject->name.len);
    name = (char *)(added + 1);
    added->token = *token;
    added->subject = *subject;
    mem_copy(name, subject->name.ptr, subject->name.len);
    added->subject.name = (struct str){name, subject->name.len};
    lru_add(&known->tokens, &added->lru, digest_view(&added->token));
}
