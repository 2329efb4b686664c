#include "secret_refresh.h"

#include "base/clock.h"
#include "base/mem.h"

enum { MS_PER_S = 1000 };

struct secret_refresh {
    struct loop *loop;
    struct secret_source *source;
    secret_refresh_fn on_read;
    void *context;
    struct cloud *cloud; /* NULL: not needed yet */
    struct deadline next;
    int64_t read_wall_ms; /* when they were read last, or were to be */
    bool by_itself;
    bool asked;
    bool closing;
};

static void on_due(struct deadline *deadline);

static void wait_next(struct secret_refresh *refresh)
{
    refresh->read_wall_ms = clock_wall_ms();
    if (refresh->by_itself) {
        deadline_set(&refresh->loop->deadlines, &refresh->next,
                     (uint64_t)refresh->source->refresh_s * MS_PER_S, on_due);
    }
}

static void on_read(void *context, bool changed)
{
    struct secret_refresh *refresh = context;
    bool asked = refresh->asked;

    refresh->asked = false;
    wait_next(refresh);
    if (asked || changed) {
        refresh->on_read(refresh->context, asked);
    }
}

/* The region and the authorities are those of the first reading. */
static void start(struct secret_refresh *refresh)
{
    const struct cloud_options options = secret_source_cloud(refresh->source);

    if (cloud_secrets_is_reading(refresh->source->secrets)) {
        return;
    }
    if (refresh->cloud == NULL) {
        refresh->cloud = cloud_open(refresh->loop, &options);
    }
    deadline_clear(&refresh->next);
    cloud_secrets_read(refresh->source->secrets, refresh->cloud, refresh->source->timeout_ms,
                       on_read, refresh);
}

static void on_due(struct deadline *deadline)
{
    struct secret_refresh *refresh = CONTAINER_OF(deadline, struct secret_refresh, next);

    if (cloud_secrets_count(refresh->source->secrets) > 0) {
        start(refresh);
    } else {
        wait_next(refresh);
    }
}

struct secret_refresh *secret_refresh_open(struct loop *loop, struct secret_source *source,
                                           bool by_itself, secret_refresh_fn on_read_,
                                           void *context)
{
    struct secret_refresh *refresh = mem_zalloc(sizeof(*refresh));

    *refresh = (struct secret_refresh){.loop = loop,
                                       .source = source,
                                       .by_itself = by_itself,
                                       .on_read = on_read_,
                                       .context = context};
    wait_next(refresh);
    return refresh;
}

void secret_refresh_if_due(struct secret_refresh *refresh)
{
    int64_t age_ms = clock_wall_ms() - refresh->read_wall_ms;

    if (cloud_secrets_count(refresh->source->secrets) > 0 &&
        age_ms >= (int64_t)refresh->source->refresh_s * MS_PER_S) {
        start(refresh);
    }
}

bool secret_refresh_is_reading(const struct secret_refresh *refresh)
{
    return cloud_secrets_is_reading(refresh->source->secrets);
}

bool secret_refresh_read(struct secret_refresh *refresh, const struct config_sources *sources,
                         bool all)
{
    bool is_reading = cloud_secrets_is_reading(refresh->source->secrets);

    if (!is_reading && !secret_source_look(refresh->source, sources) &&
        !(all && cloud_secrets_count(refresh->source->secrets) > 0)) {
        return false;
    }
    refresh->asked = true;
    start(refresh);
    return true;
}

static void on_closed(void *context)
{
    struct secret_refresh *refresh = context;

    refresh->cloud = NULL;
}

void secret_refresh_close(struct secret_refresh *refresh)
{
    deadline_clear(&refresh->next);
    cloud_secrets_stop(refresh->source->secrets);
    if (refresh->cloud != NULL && !refresh->closing) {
        cloud_close(refresh->cloud, on_closed, refresh);
    }
    refresh->closing = true;
}

bool secret_refresh_is_closed(const struct secret_refresh *refresh)
{
    return refresh->cloud == NULL;
}

void secret_refresh_free(struct secret_refresh *refresh)
{
    mem_free(refresh);
}
