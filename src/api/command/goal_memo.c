#include "api/command/goal_memo.h"

#include "api/gate/cache.h"
#include "base/clock.h"
#include "base/mem.h"

enum { GOALS_KEPT = 256, ID_BYTES = 24, PROJECT_TTL_MS = 3600000 };

/* One remembered look-up; the entries are replaced in turn. */
struct remembered {
    char goal_id[ID_BYTES];
    char id[ID_BYTES];
    struct digest identity;
    uint64_t until_ms;
};

struct goal_memo {
    struct remembered *items[GOAL_N_FACTS]; /* GOALS_KEPT of each; NULL: none was kept yet */
    size_t next[GOAL_N_FACTS];
};

struct goal_memo *goal_memo_new(void)
{
    return mem_zalloc(sizeof(struct goal_memo));
}

void goal_memo_free(struct goal_memo *memo)
{
    for (size_t i = 0; memo != NULL && i < GOAL_N_FACTS; i++) {
        mem_free(memo->items[i]);
    }
    mem_free(memo);
}

struct str goal_memo_find(const struct task *task, enum goal_fact fact, struct str goal_id)
{
    const struct remembered *items = task->api->goals->items[fact];
    uint64_t now_ms = clock_age_ms();
    struct digest identity;

    digest_of(cache_identity(task), &identity);
    for (size_t i = 0; goal_id.len > 0 && items != NULL && i < GOALS_KEPT; i++) {
        const struct remembered *item = &items[i];

        if (item->until_ms > now_ms && str_is(goal_id, item->goal_id) &&
            digest_equal(&item->identity, &identity)) {
            return arena_str(task->arena, str_from(item->id));
        }
    }
    return STR_EMPTY;
}

void goal_memo_keep(const struct task *task, enum goal_fact fact, struct str goal_id, struct str id)
{
    const struct config *config = task->config;
    uint64_t snapshot_ms =
        config->cache.enabled ? (uint64_t)config->cache.snapshot_ttl_s * 1000 : 0;
    struct goal_memo *memo = task->api->goals;
    struct remembered *item;

    if (goal_id.len >= ID_BYTES || id.len >= ID_BYTES || id.len == 0 || goal_id.len == 0) {
        return;
    }
    if (memo->items[fact] == NULL) {
        memo->items[fact] = mem_calloc(GOALS_KEPT, sizeof(*item));
    }
    item = &memo->items[fact][memo->next[fact]++ % GOALS_KEPT];
    str_copy(item->goal_id, ID_BYTES, goal_id);
    str_copy(item->id, ID_BYTES, id);
    digest_of(cache_identity(task), &item->identity);
    item->until_ms = clock_age_ms() + (fact == GOAL_SNAPSHOT ? snapshot_ms : PROJECT_TTL_MS);
}

/* --- rows that look up --- */

static const struct {
    enum named_call call;
    enum goal_fact fact;
    const char *variable;
} look_ups[] = {
    {CALL_NEWEST_SNAPSHOT, GOAL_SNAPSHOT, "snapshot_id"},
    {CALL_ORGANIZATION_OF_THE_TOKEN, GOAL_ORGANIZATION, "organization_id"},
};

static struct str key_of(enum goal_fact fact, struct str goal_id)
{
    return fact == GOAL_ORGANIZATION ? STR("-") : goal_id; /* it is about no goal */
}

bool goal_memo_saves(const struct task *task, enum named_call call, struct str goal_id)
{
    for (size_t i = 0; i < ARRAY_LEN(look_ups) && !task->dry_run; i++) {
        struct str known;

        if (call != look_ups[i].call) {
            continue;
        }
        known = goal_memo_find(task, look_ups[i].fact, key_of(look_ups[i].fact, goal_id));
        if (known.len > 0) {
            plan_set_str(task->plan, look_ups[i].variable, known);
        }
        return known.len > 0;
    }
    return false;
}

void goal_memo_learn(const struct task *task, const struct call *call, struct str goal_id)
{
    for (size_t i = 0; i < ARRAY_LEN(look_ups); i++) {
        if (call == catalog_named_call(task->api->catalog, look_ups[i].call)) {
            const struct json *value = plan_get(task->plan, look_ups[i].variable);

            goal_memo_keep(task, look_ups[i].fact, key_of(look_ups[i].fact, goal_id),
                           json_plain(value, task->arena));
        }
    }
}
