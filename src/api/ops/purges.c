/* Purges of the cache are told to the processes that keep answers as old: the other workers, and all that share the
 * store. If the store is away, they are told when it is back. */
#include "api/gate/cache.h"
#include "api/ops/handlers.h"
#include "base/mem.h"
#include "events/journal.h"
#include "store/keep.h"

#define MARK ".purged"

enum { AGAIN_MS = 1000 };

struct purges {
    struct cache_watcher watcher;
    struct journal_ear ear;
    struct api *api;
    uint64_t told; /* the entry of the journal that has the last mark */
    struct deadline again;
};

static void on_again(struct deadline *deadline);

/* Puts a mark into the entry that the journal gathers now. Each change of the platform purges, so one mark stands for
 * all purges until the entry leaves. If the journal has no room, the mark is put later. */
static void mark(struct purges *purges)
{
    const struct api_options *options = &purges->api->options;

    if (purges->told == journal_gathering(options->journal)) {
        return;
    }
    purges->told =
        journal_mark(options->journal, MARK, str_from(keeps_holder(options->keeps)), STR_EMPTY);
    if (purges->told == 0) {
        deadline_set(options->deadlines, &purges->again, AGAIN_MS, on_again);
    } else {
        deadline_clear(&purges->again);
    }
}

static void on_again(struct deadline *deadline)
{
    mark(CONTAINER_OF(deadline, struct purges, again));
}

static void on_purge(struct cache_watcher *watcher, bool is_ours)
{
    struct purges *purges = CONTAINER_OF(watcher, struct purges, watcher);
    const struct api_options *options = &purges->api->options;

    if (!is_ours) {
        return;
    }
    if (options->tell_others != NULL) {
        options->tell_others(options->teller, API_NEWS_PURGED, STR_EMPTY);
    }
    if (options->journal != NULL) {
        mark(purges);
    }
}

static void on_mark(struct journal_ear *ear, const char *mark, struct str subject, struct str name)
{
    struct api *api = CONTAINER_OF(ear, struct purges, ear)->api;

    (void)name;
    if (str_is(str_from(mark), MARK) && !str_is(subject, keeps_holder(api->options.keeps))) {
        (void)cache_forget(api->cache);
    }
}

struct purges *purges_open(struct api *api)
{
    struct purges *purges = mem_zalloc(sizeof(*purges));

    purges->api = api;
    purges->ear.on_mark = on_mark;
    purges->watcher.on_purge = on_purge;
    cache_watch(api->cache, &purges->watcher);
    if (api->options.journal != NULL) {
        journal_listen(api->options.journal, &purges->ear);
    }
    return purges;
}

void purges_close(struct purges *purges)
{
    cache_unwatch(&purges->watcher);
    journal_leave(&purges->ear);
    deadline_clear(&purges->again);
    mem_free(purges);
}
