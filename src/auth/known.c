/* A signature costs a part of a millisecond to two; the same token comes a thousand times. Only
 * tokens that were found right are kept, so nobody without one can fill this. */
#include "auth_internal.h"
#include "base/mem.h"

struct known_token {
    struct map_node node;
    struct list lru;
    struct digest token;
    struct jwt_subject subject; /* its name lies behind the struct */
};

void known_init(struct known_tokens *known, size_t max)
{
    *known = (struct known_tokens){.max = max};
    map_init(&known->map);
    list_init(&known->lru);
}

static void forget(struct known_tokens *known, struct known_token *token)
{
    map_remove(&known->map, &token->node);
    list_remove(&token->lru);
    mem_free(token);
}

void known_clear(struct known_tokens *known)
{
    struct list *link;

    while ((link = list_first(&known->lru)) != NULL) {
        forget(known, CONTAINER_OF(link, struct known_token, lru));
    }
}

void known_done(struct known_tokens *known)
{
    known_clear(known);
    map_done(&known->map);
}

static struct str key_of(const struct digest *token)
{
    return (struct str){(const char *)token->bytes, DIGEST_BYTES};
}

static struct known_token *find(const struct known_tokens *known, const struct digest *token)
{
    struct map_node *node = map_find(&known->map, key_of(token));

    return node != NULL ? CONTAINER_OF(node, struct known_token, node) : NULL;
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
    list_remove(&found->lru);
    list_append(&known->lru, &found->lru);
    *out = found->subject;
    out->name = arena_str(arena, found->subject.name);
    return true;
}

void known_add(struct known_tokens *known, const struct digest *token,
               const struct jwt_subject *subject)
{
    struct known_token *added;
    struct list *oldest;
    char *name;

    if (find(known, token) != NULL) {
        return; /* two requests with it had their turn */
    }
    while (known->map.n_nodes >= known->max && (oldest = list_first(&known->lru)) != NULL) {
        forget(known, CONTAINER_OF(oldest, struct known_token, lru));
    }
    added = mem_zalloc(sizeof(*added) + subject->name.len);
    name = (char *)(added + 1);
    added->token = *token;
    added->subject = *subject;
    mem_copy(name, subject->name.ptr, subject->name.len);
    added->subject.name = (struct str){name, subject->name.len};
    map_insert(&known->map, &added->node, key_of(&added->token));
    list_append(&known->lru, &added->lru);
}
