#include "places.h"

#include "base/check.h"
#include "base/mem.h"

enum { ADDRESS_BYTES = 16, V6_NET_BYTES = 8 };

struct share {
    struct map_node node; /* key: the first key_bytes of `address` */
    uint8_t address[ADDRESS_BYTES];
    unsigned n;
    struct list headless; /* the longest wait first */
};

void places_init(struct places *places, const struct places_options *options)
{
    *places = (struct places){.max_per_address = 0};
    map_init(&places->shares);
    list_init(&places->headless);
    list_init(&places->resting);
    places_configure(places, options);
}

void places_configure(struct places *places, const struct places_options *options)
{
    mem_free(places->exempt);
    places->max_per_address = options->max_per_address;
    places->counts_loopback = options->counts_loopback;
    places->n_exempt = 0;
    places->exempt = mem_zalloc((options->n_exempt + 1) * sizeof(*places->exempt));
    for (size_t i = 0; i < options->n_exempt; i++) {
        if (ip_range_parse(options->exempt[i], &places->exempt[places->n_exempt])) {
            places->n_exempt++;
        }
    }
}

void places_done(struct places *places)
{
    CHECK(places->shares.n_nodes == 0);
    map_done(&places->shares);
    mem_free(places->exempt);
    places->exempt = NULL;
}

static bool is_exempt(const struct places *places, const uint8_t address[ADDRESS_BYTES])
{
    for (size_t i = 0; i < places->n_exempt; i++) {
        if (ip_range_holds(&places->exempt[i], address)) {
            return true;
        }
    }
    return !places->counts_loopback && ip_address_is_loopback(address);
}

static struct share *share_of(struct places *places, const uint8_t address[ADDRESS_BYTES])
{
    struct str key = {(const char *)address,
                      ip_address_is_v4(address) ? ADDRESS_BYTES : V6_NET_BYTES};
    struct share *share = MAP_FIND(&places->shares, key, struct share, node);

    if (share != NULL) {
        return share;
    }
    share = mem_zalloc(sizeof(*share));
    mem_copy(share->address, address, ADDRESS_BYTES);
    list_init(&share->headless);
    map_insert(&places->shares, &share->node, (struct str){(const char *)share->address, key.len});
    return share;
}

bool places_enter(struct places *places, struct place *place, struct str peer,
                  struct place **out_instead)
{
    uint8_t address[ADDRESS_BYTES];
    struct share *share;
    struct list *first;

    *out_instead = NULL;
    *place = (struct place){.share = NULL};
    if (places->max_per_address == 0 || !ip_address_parse(peer, address) ||
        is_exempt(places, address)) {
        return true;
    }
    share = share_of(places, address);
    if (share->n >= places->max_per_address) {
        first = list_first(&share->headless);
        *out_instead = first != NULL ? CONTAINER_OF(first, struct place, own) : NULL;
        return false;
    }
    share->n++;
    place->share = share;
    return true;
}

void places_work(struct place *place)
{
    list_remove(&place->wait);
    list_remove(&place->own);
}

void places_leave(struct places *places, struct place *place)
{
    struct share *share = place->share;

    places_work(place);
    place->share = NULL;
    if (share != NULL && --share->n == 0) {
        map_remove(&places->shares, &share->node);
        mem_free(share);
    }
}

void places_await_head(struct places *places, struct place *place)
{
    places_work(place);
    list_append(&places->headless, &place->wait);
    if (place->share != NULL) {
        list_append(&place->share->headless, &place->own);
    }
}

void places_rest(struct places *places, struct place *place)
{
    places_work(place);
    list_append(&places->resting, &place->wait);
}

static struct place *first_of(const struct list *head)
{
    return head->next != head ? CONTAINER_OF(head->next, struct place, wait) : NULL;
}

struct place *places_first_headless(const struct places *places)
{
    return first_of(&places->headless);
}

struct place *places_first_resting(const struct places *places)
{
    return first_of(&places->resting);
}
