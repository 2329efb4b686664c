/* The store as a whole: opening, sweeping, snapshots now and then, closing. */
#include "session/session.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "session_internal.h"

enum { SWEEP_MS = 5000, SWEEP_MAX = 10000, SNAPSHOT_LOOK_MS = 100 };

/* Sessions differ in their idle time, so the oldest is not always the next to expire: the sweep
 * looks at a bounded number from the old end. */
static void on_sweep(struct deadline *deadline)
{
    struct session_store *store = CONTAINER_OF(deadline, struct session_store, sweep);
    struct session_record *record;
    size_t n = 0;

    LIST_EACH_SAFE (record, &store->records.order, lru.link) {
        if (++n > SWEEP_MAX) {
            break;
        }
        (void)expire_if_due(store, record);
    }
    deadline_set(store->deadlines, deadline, SWEEP_MS, on_sweep);
}

/* A crash may lose at most one interval, including the time that writing takes: so a snapshot begins twice in
 * each interval. */
static uint64_t snapshot_pause_ms(const struct session_store *store)
{
    return (uint64_t)store->options.snapshot_interval_s * 1000 / 2;
}

static void on_snapshot(struct deadline *deadline)
{
    struct session_store *store = CONTAINER_OF(deadline, struct session_store, snapshot);
    uint64_t now_ms = clock_now_ms();
    uint64_t wait_ms = SNAPSHOT_LOOK_MS;

    if (!snapshot_is_running(store)) {
        uint64_t gone_ms = now_ms - store->snapshot_ms;

        if (gone_ms < snapshot_pause_ms(store)) {
            wait_ms = snapshot_pause_ms(store) - gone_ms;
        } else if (store->changed) {
            snapshot_begin(store);
            store->snapshot_ms = now_ms;
        }
    }
    deadline_set(store->deadlines, deadline, wait_ms, on_snapshot);
}

enum error_code session_store_open(struct deadlines *deadlines, struct later *later,
                                   const struct session_options *options,
                                   struct session_store **out, struct error *err)
{
    struct session_store *store = mem_zalloc(sizeof(*store));
    struct error cause = {0};

    store->options = *options;
    store->deadlines = deadlines;
    store->later = later;
    lru_init(&store->records);
    lru_init(&store->gone);
    map_init(&store->lanes);
    map_init(&store->shares);
    store->shared = options->store;
    store->keeps = options->keeps;
    deadline_set(deadlines, &store->sweep, SWEEP_MS, on_sweep);
    if (options->snapshot_file.len > 0) {
        store->snapshot_file = str_dup(options->snapshot_file);
        if (snapshot_load(store, &cause) != ERR_OK ||
            session_store_save(store, &cause) != ERR_OK) { /* an unwritable file fails the start */
            mem_free(store->snapshot_file);
            store->snapshot_file = NULL;
            session_store_close(store);
            return error_set(err, ERR_CONFIG, "sessions.snapshot_file: %s", cause.text);
        }
        if (options->snapshot_interval_s > 0) {
            store->snapshot_ms = clock_now_ms();
            deadline_set(deadlines, &store->snapshot, snapshot_pause_ms(store), on_snapshot);
        }
    }
    *out = store;
    return ERR_OK;
}

void session_store_configure(struct session_store *store, const struct session_options *options)
{
    store->options.max_active = options->max_active;
    store->options.timeout_s = options->timeout_s;
    store->options.max_age_s = options->max_age_s;
    store->options.max_queue = options->max_queue;
    store->options.strict = options->strict;
}

void session_store_close(struct session_store *store)
{
    struct session_record *record;
    struct error err = {0};

    CHECK(store->lanes.n_nodes == 0);
    if (store->snapshot_file != NULL && session_store_save(store, &err) != ERR_OK) {
        log_event(LOG_ERROR, "sessions.snapshot_failed", F_TEXT("error", err.text));
    }
    deadline_clear(&store->sweep);
    deadline_clear(&store->snapshot);
    while ((record = LRU_OLDEST(&store->records, struct session_record, lru)) != NULL) {
        record_leave(store, record);
    }
    lru_clear(&store->gone);
    lru_done(&store->records);
    lru_done(&store->gone);
    map_done(&store->lanes);
    CHECK(store->shares.n_nodes == 0);
    map_done(&store->shares);
    mem_free(store->snapshot_file);
    mem_free(store);
}
