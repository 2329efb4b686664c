#include "queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/secret.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { BOUND_MIN_US = 10 * 1000 };

/* --- gates */
void queue_init(struct queue *queue, const struct upstream_options *options)
{
    unsigned first = options->initial_active;

    *queue = (struct queue){.ceiling = options->max_active,
                            .first = first > 0 ? first : options->max_active,
                            .max_waiting = options->max_waiting,
                            .seed = random_u64(),
                            .is_counted = !options->is_other};
    map_init(&queue->map);
    list_init(&queue->gates);
    list_init(&queue->turns);
}

static unsigned gate_n_waiting(const struct gate *gate)
{
    unsigned n = 0;

    for (size_t i = 0; i < CALL_N_PRIORITIES; i++) {
        n += gate->n_waiting[i];
    }
    return n;
}

/* A probe does not wait for room: it tests the platform when the other calls do not end. */
static bool has_probe(const struct gate *gate)
{
    return gate->n_waiting[CALL_PROBE] > 0;
}

void queue_refresh(struct queue *queue, struct gate *gate)
{
    bool ready = gate->n_active < gate->adapt.limit && gate_n_waiting(gate) > 0;

    if (has_probe(gate)) {
        list_remove(&gate->turn);
        list_prepend(&queue->turns, &gate->turn);
    } else if (!ready) {
        list_remove(&gate->turn);
    } else if (!list_is_linked(&gate->turn)) {
        list_append(&queue->turns, &gate->turn);
    }
}

void queue_configure(struct queue *queue, const struct upstream_options *options)
{
    struct gate *gate;

    queue->ceiling = options->max_active;
    queue->first = options->initial_active > 0 ? options->initial_active : options->max_active;
    queue->max_waiting = options->max_waiting;
    LIST_EACH (gate, &queue->gates, link) {
        adapt_set_ceiling(&gate->adapt, queue->ceiling);
        queue_refresh(queue, gate);
    }
}

static void gate_free(struct queue *queue, struct gate *gate)
{
    CHECK(gate->n_calls == 0);
    list_remove(&gate->link);
    map_remove(&queue->map, &gate->node);
    queue->n_gates--;
    mem_free(gate);
}

void queue_done(struct queue *queue)
{
    struct list *link;

    while ((link = list_first(&queue->gates)) != NULL) {
        gate_free(queue, CONTAINER_OF(link, struct gate, link));
    }
    map_done(&queue->map);
}

static struct str key_view(const uint64_t *key)
{
    return (struct str){(const char *)key, sizeof(*key)};
}

/* A hash of the text, not its address: after a reload the same token lies elsewhere in memory. */
static uint64_t key_of(const struct queue *queue, const struct upstream_request *request)
{
    struct str credential = request->tokens != NULL  ? upstream_tokens_reveal(request->tokens, 0)
                            : request->token != NULL ? secret_reveal(request->token)
                                                     : request->bearer;

    return credential.len > 0 ? str_hash(credential, queue->seed) : 0;
}

static struct gate *gate_new(struct queue *queue, uint64_t key)
{
    struct gate *gate = mem_zalloc(sizeof(*gate));

    gate->key = key;
    adapt_init(&gate->adapt, queue->first, queue->ceiling);
    for (size_t i = 0; i < CALL_N_PRIORITIES; i++) {
        list_init(&gate->waiting[i]);
    }
    map_insert(&queue->map, &gate->node, key_view(&gate->key));
    list_prepend(&queue->gates, &gate->link);
    queue->n_gates++;
    return gate;
}

/* Makes room for one more gate: the least recently used gate without calls is freed. False: all have calls. */
static bool make_room(struct queue *queue)
{
    struct list *link;

    if (queue->n_gates < GATES_MAX) {
        return true;
    }
    for (link = queue->gates.prev; link != &queue->gates; link = link->prev) {
        struct gate *gate = CONTAINER_OF(link, struct gate, link);

        if (gate->n_calls == 0) {
            gate_free(queue, gate);
            return true;
        }
    }
    return false;
}

struct gate *queue_gate(struct queue *queue, const struct upstream_request *request)
{
    struct gate *gate = CONTAINER_OR_NULL(list_first(&queue->gates), struct gate, link);
    const void *stored = request->tokens != NULL ? (const void *)request->tokens : request->token;
    struct map_node *node;
    uint64_t key;

    if (gate != NULL && stored != NULL && gate->stored == stored) {
        return gate;
    }
    key = key_of(queue, request);
    node = map_find(&queue->map, key_view(&key));
    if (node != NULL) {
        gate = CONTAINER_OF(node, struct gate, node);
        list_remove(&gate->link);
        list_prepend(&queue->gates, &gate->link);
    } else if (make_room(queue)) {
        gate = gate_new(queue, key);
    } /* else all gates are busy: the last used one is shared */
    gate->stored = stored;
    return gate;
}

void queue_restart(struct queue *queue)
{
    struct gate *gate;

    LIST_EACH (gate, &queue->gates, link) {
        adapt_restart(&gate->adapt);
        queue_refresh(queue, gate);
    }
}

/* --- estimates */
static bool is_full(const struct queue *queue, const struct gate *gate)
{
    return gate->n_active >= gate->adapt.limit || gate_n_waiting(gate) > 0 ||
           queue->n_active >= queue->ceiling;
}

/* How long the last of `n` waiting calls waits for its turn. */
static uint64_t wait_us(const struct gate *gate, unsigned n)
{
    return gate->adapt.mean_us * n / gate->adapt.limit;
}

/* The longest wait with which an answer still comes within QUICK_PERCENT of the usual time; at least a quarter of
 * that time, and BOUND_MIN_US. */
static uint64_t bound_us(const struct gate *gate)
{
    const struct adapt *adapt = &gate->adapt;
    uint64_t quick_us = adapt->base_us * QUICK_PERCENT / 100;
    uint64_t bound = quick_us > adapt->mean_us ? quick_us - adapt->mean_us : 0;
    uint64_t least = adapt->base_us / 4 > BOUND_MIN_US ? adapt->base_us / 4 : BOUND_MIN_US;

    return bound > least ? bound : least;
}

bool gate_must_wait(const struct gate *gate)
{
    return gate->n_active >= gate->adapt.limit && gate_n_waiting(gate) > 0;
}

bool queue_is_too_late(const struct upstream_call *call, uint64_t now_ms)
{
    uint64_t gone_ms = now_ms - call->begin_ms;
    uint64_t needs_ms = call->gate->adapt.mean_us / 1000;

    return call->tries == 0 && call->request.deadline_ms > 0 && gone_ms > 0 &&
           gone_ms + needs_ms >= call->request.deadline_ms;
}

static void set_overloaded(struct gate *gate, bool overloaded)
{
    if (gate->overloaded == overloaded) {
        return;
    }
    gate->overloaded = overloaded;
    log_event(overloaded ? LOG_WARN : LOG_INFO, "upstream.overload",
              F_TEXT("state", overloaded ? "begins" : "ends"), F_INT("limit", gate->adapt.limit),
              F_INT("waiting", gate_n_waiting(gate)),
              F_INT("answer_ms", (int64_t)(gate->adapt.mean_us / 1000)));
}

static enum error_code refuse(struct gate *gate, struct error *err, uint64_t after_us,
                              unsigned n_waiting)
{
    uint64_t after_s = (after_us + 999999) / 1000000;

    if (gate->overloaded) {
        gate->refused_ms = clock_now_ms();
    }
    (void)error_set(
        err, ERR_OVERLOADED,
        "%u calls to the platform are waiting already, and this one would not be answered "
        "in time; nothing was sent",
        n_waiting);
    if (err != NULL) {
        err->retry_after_s =
            after_s > OVERLOADED_RETRY_AFTER_S ? (unsigned)after_s : OVERLOADED_RETRY_AFTER_S;
    }
    return ERR_OVERLOADED;
}

enum error_code queue_admits(struct queue *queue, struct gate *gate,
                             const struct upstream_call *call, struct error *err)
{
    unsigned n_ahead = gate->n_waiting[CALL_USUAL];
    uint64_t left_us = (uint64_t)call->request.deadline_ms * 1000;
    uint64_t wait = wait_us(gate, n_ahead + 1);

    if (call->request.priority != CALL_USUAL || !is_full(queue, gate)) {
        return ERR_OK;
    }
    if (queue->n_usual >= queue->max_waiting) {
        set_overloaded(gate, n_ahead > 0);
        return refuse(gate, err, wait, n_ahead);
    }
    if ((gate->overloaded && wait > bound_us(gate)) ||
        (left_us > 0 && n_ahead > 0 && wait + gate->adapt.mean_us > left_us)) {
        return refuse(gate, err, wait, n_ahead);
    }
    return ERR_OK;
}

/* --- calls */
static void tell_change(const struct queue *queue, enum metric gauge, int change)
{
    if (queue->is_counted) {
        metric_gauge_add(gauge, change);
    }
}

static void count(struct queue *queue, const struct upstream_call *call, int change)
{
    enum call_priority priority = call->request.priority;

    call->gate->n_waiting[priority] += (unsigned)change;
    queue->n_waiting += (unsigned)change;
    queue->n_usual += priority == CALL_USUAL ? (unsigned)change : 0;
    tell_change(queue, M_UPSTREAM_WAITING, change); /* of all clients together */
}

void queue_put(struct queue *queue, struct upstream_call *call, bool in_front)
{
    struct list *waiting = &call->gate->waiting[call->request.priority];

    if (in_front) {
        list_prepend(waiting, &call->link);
    } else {
        list_append(waiting, &call->link);
    }
    count(queue, call, 1);
    queue_refresh(queue, call->gate);
}

void queue_remove(struct queue *queue, struct upstream_call *call)
{
    struct gate *gate = call->gate;

    list_remove(&call->link);
    count(queue, call, -1);
    if (gate->overloaded && gate->n_waiting[CALL_USUAL] == 0 &&
        clock_now_ms() - gate->refused_ms >= OVERLOAD_MS) {
        set_overloaded(gate, false);
    }
    queue_refresh(queue, gate);
}

static struct upstream_call *first_of(struct gate *gate, enum call_priority priority)
{
    return CONTAINER_OR_NULL(list_first(&gate->waiting[priority]), struct upstream_call, link);
}

static struct upstream_call *next_of(struct gate *gate)
{
    struct upstream_call *probe = first_of(gate, CALL_PROBE);
    struct upstream_call *usual = first_of(gate, CALL_USUAL);
    struct upstream_call *other = first_of(gate, CALL_BACKGROUND);

    if (probe != NULL) {
        return probe;
    }
    if (usual == NULL ||
        (other != NULL && clock_now_ms() - other->begin_ms > BACKGROUND_PATIENCE_MS)) {
        return other;
    }
    return usual;
}

struct upstream_call *queue_take(struct queue *queue)
{
    struct gate *gate = CONTAINER_OR_NULL(list_first(&queue->turns), struct gate, turn);
    struct upstream_call *call;

    if (gate == NULL || (queue->n_active >= queue->ceiling && !has_probe(gate))) {
        return NULL;
    }
    list_remove(&gate->turn);
    call = next_of(gate);
    queue_remove(queue, call); /* moves the gate to the end of the turns */
    return call;
}

struct upstream_call *queue_drop(struct queue *queue)
{
    struct gate *gate;

    if (queue->n_waiting == 0) {
        return NULL;
    }
    LIST_EACH (gate, &queue->gates, link) {
        if (gate_n_waiting(gate) > 0) {
            struct upstream_call *call = next_of(gate);

            queue_remove(queue, call);
            return call;
        }
    }
    return NULL;
}

struct upstream_call *queue_shed(struct queue *queue, struct gate *gate)
{
    unsigned n = gate->n_waiting[CALL_USUAL];
    struct upstream_call *last;

    if (!gate->overloaded || n == 0 || wait_us(gate, n) <= bound_us(gate)) {
        return NULL;
    }
    last = CONTAINER_OF(gate->waiting[CALL_USUAL].prev, struct upstream_call, link);
    if (last->tries > 0) {
        return NULL;
    }
    queue_remove(queue, last);
    return last;
}

void queue_begin(struct queue *queue, struct upstream_call *call)
{
    call->gate->n_active++;
    queue->n_active++;
    tell_change(queue, M_UPSTREAM_ACTIVE, 1);
    queue_refresh(queue, call->gate);
}

void queue_end(struct queue *queue, struct upstream_call *call)
{
    call->gate->n_active--;
    queue->n_active--;
    tell_change(queue, M_UPSTREAM_ACTIVE, -1);
    queue_refresh(queue, call->gate);
}
