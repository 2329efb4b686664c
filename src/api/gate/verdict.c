#include "api/gate/verdict.h"

#include "api/gate/limits.h"
#include "base/clock.h"
#include "base/lru.h"
#include "base/mem.h"

enum { VERDICTS_MAX = 10000 };

struct verdict {
    struct lru_entry lru; /* key: `token` */
    struct digest token;
    struct verdict_store *store;
    struct setup *setup; /* held while the platform is asked; NULL: it has answered */
    struct list old;     /* in store.old, not in the lru: the platform is another one since */
    bool good;
    uint64_t until_ms; /* 0: being asked */
    struct list waiters;
    struct arena arena; /* of the question */
    struct plan plan;
};

struct verdict_store {
    struct api *api;
    struct lru verdicts;
    struct list old; /* asked before a restart: only waiting tasks get the answers */
};

struct verdict_store *verdict_store_new(struct api *api)
{
    struct verdict_store *store = mem_zalloc(sizeof(*store));

    store->api = api;
    lru_init(&store->verdicts);
    list_init(&store->old);
    return store;
}

/* The question has been answered, or will not be. */
static void let_setup_go(struct verdict *verdict)
{
    if (verdict->setup != NULL) {
        setup_release(verdict->setup);
        verdict->setup = NULL;
    }
}

static void forget(struct verdict *verdict)
{
    struct verdict_store *store = verdict->store;

    plan_cancel(&verdict->plan);
    let_setup_go(verdict);
    mem_wipe(unconst(verdict->plan.options.bearer.ptr), verdict->plan.options.bearer.len);
    arena_done(&verdict->arena);
    if (list_is_linked(&verdict->old)) {
        list_remove(&verdict->old);
    } else {
        lru_remove(&store->verdicts, &verdict->lru);
    }
    mem_free(verdict);
}

void verdict_store_stop(struct verdict_store *store)
{
    struct verdict *verdict;
    struct list *link;

    while ((verdict = LRU_OLDEST(&store->verdicts, struct verdict, lru)) != NULL) {
        forget(verdict);
    }
    while ((link = list_first(&store->old)) != NULL) {
        forget(CONTAINER_OF(link, struct verdict, old));
    }
}

/* Verdicts that are being asked for are told to the tasks that wait, and not kept. */
void verdict_store_restart(struct verdict_store *store)
{
    struct verdict *verdict;

    while ((verdict = LRU_OLDEST(&store->verdicts, struct verdict, lru)) != NULL) {
        if (verdict->until_ms != 0) {
            forget(verdict);
        } else {
            lru_remove(&store->verdicts, &verdict->lru);
            list_append(&store->old, &verdict->old);
        }
    }
}

void verdict_store_free(struct verdict_store *store)
{
    verdict_store_stop(store);
    lru_done(&store->verdicts);
    mem_free(store);
}

/* ---- the question ---- */

static enum stage_verdict refuse(struct task *task)
{
    exchange_set_header(task->exchange, "WWW-Authenticate",
                        STR("Bearer realm=\"virtuoso-proxy\", error=\"invalid_token\""));
    metric_add(M_AUTH_FAILURES, 0, 0, 0, 1);
    (void)error_set(&task->error, ERR_UNAUTHORIZED,
                    "The platform refuses this token; make a new one on your profile page there");
    limits_count_stranger(task);
    return task_fail(task);
}

static void answer(struct task *task, enum error_code code, const struct error *err)
{
    task->on_cancel = NULL;
    if (code == ERR_OK) {
        task_go_on(task);
    } else if (err->upstream_status == 401 || err->upstream_status == 403) {
        (void)refuse(task);
    } else {
        task->error = *err;
        task->error.code = code;
        (void)task_fail(task);
    }
}

/* A verdict is kept. A failure to ask the platform is not. */
static void on_done(struct plan *plan)
{
    struct verdict *verdict = plan->owner;
    struct verdict_store *store = verdict->store;
    enum error_code code = plan->result;
    struct error err = plan->error;
    struct list waiters;
    struct list *link;

    list_init(&waiters);
    list_append_all(&waiters, &verdict->waiters);
    if (!list_is_linked(&verdict->old) &&
        (code == ERR_OK || err.upstream_status == 401 || err.upstream_status == 403)) {
        let_setup_go(verdict);
        verdict->good = code == ERR_OK;
        verdict->until_ms = clock_age_ms() + (uint64_t)store->api->config->auth.cache_ttl_s * 1000;
    } else {
        forget(verdict);
    }
    while ((link = list_take_first(&waiters)) != NULL) {
        answer(CONTAINER_OF(link, struct task, waits), code, &err);
    }
}

static void ask(struct verdict *verdict, struct task *task)
{
    struct plan_options options = {
        .bearer = arena_str(&verdict->arena, task->principal.bearer),
        .request_id = arena_str(&verdict->arena, str_from(task->exchange->trace.request_id)),
    };

    verdict->setup = setup_hold(task->setup);
    plan_init(&verdict->plan, &verdict->arena, &task->platform->port, &options);
    (void)plan_append(&verdict->plan, catalog_named_call(task->api->catalog, CALL_USER));
    plan_start(&verdict->plan, on_done, verdict);
}

static void on_cancel(struct task *task)
{
    list_remove(&task->waits);
}

/* ---- the store ---- */

/* Forgets the least recently used verdict that is not being asked for. False: there is none. */
static bool make_room(struct verdict_store *store)
{
    struct verdict *verdict;

    if (lru_size(&store->verdicts) < VERDICTS_MAX) {
        return true;
    }
    LIST_EACH (verdict, &store->verdicts.order, lru.link) {
        if (verdict->until_ms != 0) {
            forget(verdict);
            return true;
        }
    }
    return false;
}

static struct verdict *add(struct verdict_store *store, const struct digest *token)
{
    struct verdict *verdict = mem_zalloc(sizeof(*verdict));

    verdict->store = store;
    verdict->token = *token;
    list_init(&verdict->waiters);
    arena_init(&verdict->arena);
    lru_add(&store->verdicts, &verdict->lru, digest_view(&verdict->token));
    return verdict;
}

enum stage_verdict verdict_check(struct task *task)
{
    struct verdict_store *store = task->api->verdicts;
    struct verdict *verdict;

    if (task->principal.bearer.len == 0 || task->route->access == ACCESS_PUBLIC) {
        return STAGE_CONTINUE;
    }
    verdict = LRU_FIND(&store->verdicts, digest_view(&task->principal.owner), struct verdict, lru);
    if (verdict != NULL && verdict->until_ms != 0 && verdict->until_ms <= clock_age_ms()) {
        forget(verdict);
        verdict = NULL;
    }
    if (verdict == NULL) {
        if (!make_room(store)) {
            task->error.retry_after_s = 1;
            return task_refuse(task, ERR_OVERLOADED,
                               "Too many unknown tokens are being checked; try again");
        }
        verdict = add(store, &task->principal.owner);
        ask(verdict, task);
    }
    if (verdict->until_ms == 0) {
        task->on_cancel = on_cancel;
        list_append(&verdict->waiters, &task->waits);
        return STAGE_WAIT;
    }
    lru_touch(&store->verdicts, &verdict->lru);
    return verdict->good ? STAGE_CONTINUE : refuse(task);
}

void verdict_drop(struct task *task)
{
    struct verdict *verdict =
        task->principal.bearer.len > 0
            ? LRU_FIND(&task->api->verdicts->verdicts, digest_view(&task->principal.owner),
                       struct verdict, lru)
            : NULL;

    if (verdict != NULL && verdict->until_ms != 0) {
        forget(verdict);
    }
}
