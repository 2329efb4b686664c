/* Looks for claims of processes that have died, every second while there are claims. It lists the claims, reads the
 * holder of each claim that is new or has changed, then asks for the lease of each holder. */
#include "share_internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "observe/log.h"

/* IDLE_SCAN_MS is used without claims: even then a new claim is found before the lease of its process can end. */
enum {
    SCAN_MS = 1000,
    IDLE_SCAN_MS = 3000,
    LOOK_TTL_MS = 1000,
    HOLDER_MAX = 65,
    CLAIMS_MAX = 20000
};

struct claim {
    struct map_node node;
    struct list link;
    char name[RUN_NAME_MAX];
    uint64_t version;
    uint64_t read_version; /* of the claim that `holder` was read from */
    uint64_t bad_version;  /* of a claim that this program cannot adopt */
    char holder[HOLDER_MAX];
    unsigned round;
    /* clock_age_ms when its process was first found without a lease; 0: it was not */
    uint64_t absent_ms;
};

struct adopter {
    struct run_share *share;
    struct deadline scan;
    struct store_op op;
    struct map map;
    struct list claims;
    size_t n_claims;
    unsigned round;
    char after[RUN_NAME_MAX];
    struct claim *at;
    char asked[HOLDER_MAX]; /* whose lease is asked for */
    struct store_op removing;
    struct run_ear ear;
    bool again;               /* the next look begins at once */
    bool rests;               /* it does not look: nobody drives a run of another process */
    bool was_away;            /* the store, when it was asked last */
    uint64_t doubts_until_ms; /* clock_age_ms: until then a lease that has run out says nothing */
};

static void wait(struct adopter *adopter);

static void start(struct adopter *adopter, struct store_request *request, store_done_fn on_done)
{
    request->format = request->kind == STORE_LIST ? RUN_ANY_FORMAT : RUN_FORMAT;
    store_start(adopter->share->options.store, request, &adopter->op, on_done);
}

/* --- claims that are known */

static struct claim *claim_for(struct adopter *adopter, struct str name)
{
    struct claim *claim = MAP_FIND(&adopter->map, name, struct claim, node);

    if (claim != NULL) {
        return claim;
    }
    if (adopter->n_claims == CLAIMS_MAX || name.len >= RUN_NAME_MAX) {
        return NULL;
    }
    claim = mem_zalloc(sizeof(*claim));
    str_copy(claim->name, sizeof(claim->name), name);
    map_insert(&adopter->map, &claim->node, str_from(claim->name));
    list_append(&adopter->claims, &claim->link);
    adopter->n_claims++;
    return claim;
}

static struct claim *first(struct adopter *adopter)
{
    struct list *link = list_first(&adopter->claims);

    return link != NULL ? CONTAINER_OF(link, struct claim, link) : NULL;
}

static struct claim *behind(struct adopter *adopter, const struct claim *claim)
{
    struct list *next = claim->link.next;

    return next != &adopter->claims ? CONTAINER_OF(next, struct claim, link) : NULL;
}

static void forget(struct adopter *adopter, struct claim *claim)
{
    map_remove(&adopter->map, &claim->node);
    list_remove(&claim->link);
    mem_free(claim);
    adopter->n_claims--;
}

static void forget_removed(struct adopter *adopter)
{
    struct claim *claim;

    LIST_EACH_SAFE (claim, &adopter->claims, link) {
        if (claim->round != adopter->round) {
            forget(adopter, claim);
        }
    }
}

static bool is_carried_out_here(const struct adopter *adopter, const struct claim *claim)
{
    struct run_log *log;

    LIST_EACH (log, &adopter->share->logs, link) {
        if (str_is(str_from(claim->name), log->name)) {
            return true;
        }
    }
    return false;
}

/* --- of a process that has died */

/* Counts also the runs that are about to be adopted. */
static size_t n_active(const struct run_store *store)
{
    struct run_mirror *mirror;
    size_t n = store->n_active;

    LIST_EACH (mirror, &store->mirrors, link) {
        n += mirror->adopts ? 1 : 0;
    }
    return n;
}

/* A copy that somebody drives. */
static bool is_wanted(const struct run_mirror *mirror)
{
    return mirror->whole && mirror->run->n_drivers > 0;
}

/* NULL: the claim is not for this process, which must not ask for the lease either: that would keep others from it. */
static struct run_store *store_for(const struct adopter *adopter, const struct claim *claim)
{
    struct str scope, owner, id;
    struct run_store *store;

    if (adopter->share->drains || claim->bad_version == claim->version ||
        is_carried_out_here(adopter, claim) ||
        !runs_read_name(str_from(claim->name), &scope, &owner, &id)) {
        return NULL;
    }
    store = runs_store_of(adopter->share, scope); /* NULL: not an account of this process */
    if (store != NULL && adopter->share->options.role == RUN_ROLE_DRIVEN) {
        const struct run_mirror *mirror = mirror_find(store, str_from(claim->name));

        store = mirror != NULL && is_wanted(mirror) ? store : NULL;
    }
    return store != NULL && n_active(store) < store->options.max_active ? store : NULL;
}

static void adopt(struct adopter *adopter, const struct claim *claim)
{
    struct str name = str_from(claim->name);
    struct run_store *store = store_for(adopter, claim);
    struct str scope, owner, id;
    struct run_mirror *mirror;

    if (store == NULL || !runs_read_name(name, &scope, &owner, &id)) {
        return;
    }
    if (run_is_known_over(store, id)) {
        adopter_remove(adopter, name, claim->version);
        return;
    }
    mirror = mirror_find(store, name);
    if (mirror == NULL) {
        mirror = mirror_new(store, name);
    }
    if (!mirror->adopts) {
        mirror->adopts = true;
        mirror->claim_version = claim->version;
        mirror->mark = 0;
        mirror_read(mirror);
    }
}

void adopter_cannot(struct adopter *adopter, const struct run_mirror *mirror,
                    const struct error *error)
{
    struct map_node *node = map_find(&adopter->map, str_from(mirror->name));

    log_event(LOG_WARN, "run.not_adopted", F_TEXT("run", mirror->name),
              F_TEXT("error", error->text));
    if (node == NULL) {
        return;
    }
    CONTAINER_OF(node, struct claim, node)->bad_version = mirror->claim_version;
    if (error->code == ERR_NOT_FOUND) { /* the process died before the document was there */
        adopter_remove(adopter, str_from(mirror->name), mirror->claim_version);
    }
}

void adopter_remove(struct adopter *adopter, struct str name, uint64_t version)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_REMOVE,
                                    .expect = STORE_VERSION,
                                    .version = version,
                                    .key = runs_key("runclaim", name, room)};

    if (adopter->removing.store == NULL) {
        /* if it fails, the next look tries again */
        store_start(adopter->share->options.store, &request, &adopter->removing, NULL);
    }
}

/* --- a look */

static void ask_next(struct adopter *adopter);

static void on_given_back(struct store_op *op, const struct store_result *result)
{
    (void)result;
    ask_next(CONTAINER_OF(op, struct adopter, op));
}

static void ask_lease(struct adopter *adopter, struct store_request *request, store_done_fn on_done)
{
    char room[RUN_KEY_MAX];
    struct buf key;

    buf_init_on(&key, room, sizeof(room), sizeof(room));
    buf_text(&key, "runs:");
    buf_text(&key, adopter->asked);
    request->holder = runs_holder(adopter->share);
    request->key = buf_view(&key);
    start(adopter, request, on_done);
    buf_done(&key);
}

/* A process that has died leaves a lease that has run out. If there is no lease at all, the store may have lost it, and
 * the process may live: it has as long as a lease lasts to take the lease anew. */
static bool is_dead(struct adopter *adopter, const struct store_result *result)
{
    struct claim *claim;
    bool is_dead = true;

    if (result->error.code == ERR_CONFLICT && result->retry_after_ms <= LOOK_TTL_MS) {
        return false; /* another process looks, too: that says nothing of the holder */
    }
    LIST_EACH (claim, &adopter->claims, link) {
        if (!str_is(str_from(claim->holder), adopter->asked)) {
            continue;
        }
        if (result->error.code != ERR_OK || !result->orderly) {
            claim->absent_ms = 0;
        } else if (claim->absent_ms == 0) {
            claim->absent_ms = clock_age_ms();
        }
        is_dead =
            is_dead && (claim->absent_ms == 0 || clock_age_ms() - claim->absent_ms >= KEEP_TTL_MS);
    }
    return result->error.code == ERR_OK && is_dead;
}

/* While a store is away, leases of living processes run out; with store.strict: false these processes go on with their
 * runs. When the store is back, each process has as long as a lease lasts to take its lease anew. */
static void note_away(struct adopter *adopter, const struct store_result *result)
{
    bool is_away = result->error.code == ERR_STORE_AWAY;

    if (is_away || adopter->was_away) { /* the time counts from its first answer */
        adopter->doubts_until_ms = clock_age_ms() + KEEP_TTL_MS;
    }
    adopter->was_away = is_away;
}

static void on_lease(struct store_op *op, const struct store_result *result)
{
    struct adopter *adopter = CONTAINER_OF(op, struct adopter, op);
    struct store_request give_back = {.kind = STORE_RELEASE, .fence = result->fence};

    note_away(adopter, result);
    if (is_dead(adopter, result)) {
        struct claim *claim;

        LIST_EACH (claim, &adopter->claims, link) {
            if (claim->read_version == claim->version &&
                str_is(str_from(claim->holder), adopter->asked)) {
                adopt(adopter, claim);
            }
        }
    } else if (result->error.code == ERR_OK) {
        ask_lease(adopter, &give_back, on_given_back);
        return;
    }
    ask_next(adopter);
}

static bool was_asked(const struct adopter *adopter, const struct claim *until)
{
    const struct claim *claim;

    LIST_EACH (claim, &adopter->claims, link) {
        if (claim == until) {
            return false;
        }
        if (str_eq(str_from(claim->holder), str_from(until->holder)) &&
            store_for(adopter, claim) != NULL) {
            return true;
        }
    }
    return false;
}

/* Asks for the lease of the next holder: if this process gets it, the holder has it no more. */
static void ask_next(struct adopter *adopter)
{
    struct run_share *share = adopter->share;
    struct claim *claim;
    struct store_request request = {.kind = STORE_LEASE, .ttl_ms = LOOK_TTL_MS};

    while (adopter->at != NULL) {
        claim = adopter->at;
        adopter->at = behind(adopter, claim);
        if (str_is(str_from(claim->holder), RUN_NOBODY) ||
            str_eq(str_from(claim->holder), runs_holder(share))) {
            adopt(adopter, claim);
            continue;
        }
        if (claim->holder[0] == '\0' || store_for(adopter, claim) == NULL ||
            clock_age_ms() < adopter->doubts_until_ms || was_asked(adopter, claim)) {
            continue;
        }
        str_copy(adopter->asked, sizeof(adopter->asked), str_from(claim->holder));
        ask_lease(adopter, &request, on_lease);
        return;
    }
    wait(adopter);
}

static void read_next(struct adopter *adopter);

static void on_claim(struct store_op *op, const struct store_result *result)
{
    struct adopter *adopter = CONTAINER_OF(op, struct adopter, op);
    struct claim *claim = adopter->at;

    note_away(adopter, result);
    if (result->error.code == ERR_OK && result->bytes.len < HOLDER_MAX) {
        str_copy(claim->holder, sizeof(claim->holder), result->bytes);
        claim->version = result->version;
        claim->read_version = result->version;
    }
    adopter->at = behind(adopter, claim);
    if (result->error.code == ERR_STORE_AWAY) {
        wait(adopter);
    } else {
        read_next(adopter);
    }
}

/* Reads the holder of the next claim that is new or has changed. */
static void read_next(struct adopter *adopter)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_GET};

    while (adopter->at != NULL && adopter->at->read_version == adopter->at->version) {
        adopter->at = behind(adopter, adopter->at);
    }
    if (adopter->at != NULL) {
        request.key = runs_key("runclaim", str_from(adopter->at->name), room);
        start(adopter, &request, on_claim);
        return;
    }
    adopter->at = first(adopter);
    ask_next(adopter);
}

static void list_more(struct adopter *adopter);

static void on_list(struct store_op *op, const struct store_result *result)
{
    struct adopter *adopter = CONTAINER_OF(op, struct adopter, op);
    struct claim *claim;

    note_away(adopter, result);
    if (result->error.code != ERR_OK) {
        wait(adopter);
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        claim = claim_for(adopter, result->items[i].name);
        if (claim != NULL) {
            claim->round = adopter->round;
            claim->version = result->items[i].sequence;
        }
    }
    if (result->next.len > 0) {
        str_copy(adopter->after, sizeof(adopter->after), result->next);
        list_more(adopter);
        return;
    }
    forget_removed(adopter);
    adopter->at = first(adopter);
    read_next(adopter);
}

static void list_more(struct adopter *adopter)
{
    struct store_request request = {.kind = STORE_LIST,
                                    .key = STR("runclaim"),
                                    .name = str_from(adopter->after),
                                    .limit = STORE_LIMIT_MAX};

    start(adopter, &request, on_list);
}

static void on_scan(struct deadline *deadline)
{
    struct adopter *adopter = CONTAINER_OF(deadline, struct adopter, scan);

    adopter->round++;
    adopter->after[0] = '\0';
    list_more(adopter);
}

static bool any_is_wanted(const struct run_share *share)
{
    struct run_store *store;
    struct run_mirror *mirror;

    LIST_EACH (store, &share->stores, shared) {
        LIST_EACH (mirror, &store->mirrors, link) {
            if (is_wanted(mirror)) {
                return true;
            }
        }
    }
    return false;
}

static void wait(struct adopter *adopter)
{
    unsigned ms = adopter->n_claims > 0 ? SCAN_MS : IDLE_SCAN_MS;

    adopter->at = NULL;
    if (adopter->share->options.role == RUN_ROLE_DRIVEN) {
        adopter->rests = !adopter->again && !any_is_wanted(adopter->share);
    }
    if (!adopter->rests) {
        deadline_set(adopter->share->options.deadlines, &adopter->scan, adopter->again ? 0 : ms,
                     on_scan);
    }
    adopter->again = false;
}

void adopter_look(struct adopter *adopter)
{
    adopter->again = true;
    if (adopter->rests || deadline_is_set(&adopter->scan)) {
        adopter->rests = false;
        wait(adopter);
    }
}

struct adopter *adopter_open(struct run_share *share)
{
    struct adopter *adopter = mem_zalloc(sizeof(*adopter));

    adopter->share = share;
    map_init(&adopter->map);
    list_init(&adopter->claims);
    wait(adopter);
    if (share->options.role == RUN_ROLE_CARRIES) {
        run_ear_open(&adopter->ear, share);
    }
    return adopter;
}

void adopter_close(struct adopter *adopter)
{
    struct claim *claim;

    store_cancel(&adopter->op);
    store_cancel(&adopter->removing);
    run_ear_close(&adopter->ear);
    deadline_clear(&adopter->scan);
    while ((claim = first(adopter)) != NULL) {
        forget(adopter, claim);
    }
    map_done(&adopter->map);
    mem_free(adopter);
}
