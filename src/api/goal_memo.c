#include "snapshot_memo.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cache.h"

enum { SNAPSHOTS_KEPT = 256, ID_BYTES = 24 };

/* A few look-ups, replaced in turn. */
struct snapshot {
    char goal_id[ID_BYTES];
    char snapshot_id[ID_BYTES];
    struct digest identity;
    uint64_t until_ms;
};

struct snapshot_memo {
    struct snapshot items[SNAPSHOTS_KEPT];
    size_t next;
};

struct snapshot_memo *snapshot_memo_new(void)
{
    return mem_zalloc(sizeof(struct snapshot_memo));
}

void snapshot_memo_free(struct snapshot_memo *memo)
{
    mem_free(memo);
}

static struct digest identity_digest(const struct task *task)
{
    struct digest digest;

    digest_of(cache_identity(task), &digest);
    return digest;
}

struct str snapshot_memo_find(const struct task *task, struct str goal_id)
{
    const struct snapshot_memo *memo = task->api->snapshots;
    struct digest identity = identity_digest(task);

    for (size_t i = 0; task->api->config->cache.enabled && i < SNAPSHOTS_KEPT; i++) {
        const struct snapshot *snapshot = &memo->items[i];

        if (snapshot->until_ms > clock_now_ms() && str_is(goal_id, snapshot->goal_id) &&
            digest_equal(&snapshot->identity, &identity)) {
            return arena_str(task->arena, str_from(snapshot->snapshot_id));
        }
    }
    return STR_EMPTY;
}

void snapshot_memo_keep(const struct task *task, struct str goal_id, struct str snapshot_id)
{
    struct snapshot_memo *memo = task->api->snapshots;
    struct snapshot *snapshot = &memo->items[memo->next++ % SNAPSHOTS_KEPT];

    if (goal_id.len >= ID_BYTES || snapshot_id.len >= ID_BYTES || snapshot_id.len == 0) {
        return;
    }
    str_copy(snapshot->goal_id, ID_BYTES, goal_id);
    str_copy(snapshot->snapshot_id, ID_BYTES, snapshot_id);
    snapshot->identity = identity_digest(task);
    snapshot->until_ms = clock_now_ms() + (uint64_t)task->api->config->cache.snapshot_ttl_s * 1000;
}
