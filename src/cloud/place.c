#include "cloud_internal.h"

#include "base/mem.h"

enum { PLACES_MAX = 32, CONNECTIONS_WAITING = 4096, RETRY_MS = 50, RETRY_PERCENT = 100 };

static enum error_code open_place(struct place *place, struct error *err)
{
    const struct cloud *cloud = place->cloud;
    const struct upstream_options options = {
        .base_url = place->origin,
        .ca_file = cloud->ca_file,
        .verify_tls = true,
        .is_other = true,
        .is_direct = place->kind == PLACE_MACHINE,
        .public_only = place->kind == PLACE_PUBLIC,
        .connect_timeout_ms =
            cloud->timeout_ms < CLOUD_CONNECT_MS ? cloud->timeout_ms : CLOUD_CONNECT_MS,
        .timeout_ms = cloud->timeout_ms,
        .max_active = cloud->max_active,
        .max_waiting = CONNECTIONS_WAITING,
        .max_reply_bytes = CLOUD_REPLY_MAX,
        .max_tries = CLOUD_ATTEMPTS,
        .retry_base_ms = RETRY_MS,
        .retry_budget_percent = RETRY_PERCENT,
    };

    return upstream_open(cloud->loop, &options, &place->upstream, err);
}

struct place *cloud_place(struct cloud *cloud, struct str origin, enum place_kind kind,
                          struct error *err)
{
    struct place *place;
    struct list *link;

    LIST_FOREACH (link, &cloud->places) {
        place = CONTAINER_OF(link, struct place, link);
        if (place->kind == kind && str_eq(place->origin, origin)) {
            return place;
        }
    }
    if (cloud->n_places == PLACES_MAX) {
        (void)error_set(err, ERR_CONFIG, "more than %d hosts of cloud services", PLACES_MAX);
        return NULL;
    }
    place = mem_zalloc(sizeof(*place));
    place->cloud = cloud;
    place->origin = (struct str){str_dup(origin), origin.len};
    place->kind = kind;
    if (open_place(place, err) != ERR_OK) {
        (void)error_set(err, ERR_CONFIG, "\"%.*s\" is no address of a service", STR_ARG(origin));
        mem_free(unconst(place->origin.ptr));
        mem_free(place);
        return NULL;
    }
    list_append(&cloud->places, &place->link);
    cloud->n_places++;
    return place;
}
