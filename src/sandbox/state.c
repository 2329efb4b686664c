#include "sandbox_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"

enum { MAX_ANSWER_BYTES = 256 * 1024 * 1024, FIRST_ID = 2000000 };

static struct str id_key(const int64_t *id)
{
    return (struct str){(const char *)id, sizeof(*id)};
}

struct tenant *tenant_find_or_make(struct sandbox_state *state, struct str token)
{
    struct tenant *tenant = MAP_FIND(&state->tenants, token, struct tenant, by_token);

    if (tenant != NULL) {
        return tenant;
    }
    if (state->tenants.n_nodes >= state->options.max_tenants) {
        return NULL;
    }
    tenant = mem_zalloc(sizeof(*tenant));
    arena_init(&tenant->arena);
    map_init(&tenant->things);
    map_init(&tenant->titles);
    tenant->token = arena_str(&tenant->arena, token);
    state->last_id++;
    tenant->user_id = state->last_id;
    map_insert(&state->tenants, &tenant->by_token, tenant->token);
    list_append(&state->tenant_list, &tenant->link);
    return tenant;
}

static void tenants_drop(struct sandbox_state *state)
{
    struct tenant *tenant;

    LIST_EACH_SAFE (tenant, &state->tenant_list, link) {
        map_remove(&state->tenants, &tenant->by_token);
        list_remove(&tenant->link);
        state->stored_bytes -= tenant->counted_bytes;
        map_done(&tenant->things);
        map_done(&tenant->titles);
        arena_done(&tenant->arena);
        mem_free(tenant);
    }
}

void tenant_count_bytes(struct sandbox_state *state, struct tenant *tenant)
{
    size_t now = tenant->arena.used_bytes;

    state->stored_bytes += now - tenant->counted_bytes;
    tenant->counted_bytes = now;
}

int64_t next_id(struct call *call)
{
    if (call->state->wished_ids != NULL && *call->state->wished_ids != 0) {
        return *call->state->wished_ids++;
    }
    /* Seeded ids may lie ahead of the counter: step over them. */
    do {
        call->state->last_id++;
    } while (map_find(&call->tenant->things, id_key(&call->state->last_id)) != NULL);
    return call->state->last_id;
}

void *thing_make(struct call *call, enum thing_kind kind, size_t size, int64_t wanted_id)
{
    struct tenant *tenant = call->tenant;
    struct thing *thing = arena_zalloc(&tenant->arena, size);

    thing->id = wanted_id != 0 ? wanted_id : next_id(call);
    thing->kind = kind;
    thing->created_ms = clock_wall_ms();
    thing->modified_ms = thing->created_ms;
    random_uuid(thing->canonical);
    map_insert(&tenant->things, &thing->by_id, id_key(&thing->id));
    tenant->n_made++;
    tenant->n_kind[kind]++;
    return thing;
}

void *thing_find(const struct tenant *tenant, enum thing_kind kind, int64_t id)
{
    struct map_node *node = map_find(&tenant->things, id_key(&id));
    struct thing *thing;

    if (node == NULL) {
        return NULL;
    }
    thing = CONTAINER_OF(node, struct thing, by_id);
    return thing->kind == kind ? thing : NULL;
}

bool thing_is_known(const struct tenant *tenant, int64_t id)
{
    return map_find(&tenant->things, id_key(&id)) != NULL;
}

void thing_forget(struct tenant *tenant, struct thing *thing)
{
    map_remove(&tenant->things, &thing->by_id);
    tenant->n_kind[thing->kind]--;
}

int thing_delete(struct call *call, struct refs *refs)
{
    refs_remove(refs, call->thing);
    thing_forget(call->tenant, call->thing);
    return 204;
}

void thing_touch(struct thing *thing)
{
    int64_t now = clock_wall_ms();

    /* Strictly later: modifiedDate is the optimistic lock of data tables. */
    thing->modified_ms = now > thing->modified_ms ? now : thing->modified_ms + 1;
}

void refs_insert(struct tenant *tenant, struct refs *refs, size_t at, void *item)
{
    CHECK(at <= refs->n);
    if (refs->n == refs->cap) {
        size_t cap = refs->cap == 0 ? 4 : 2 * refs->cap;
        void **items = arena_calloc(&tenant->arena, cap, sizeof(void *));

        if (refs->n > 0) {
            memcpy(items, refs->items, refs->n * sizeof(void *));
        }
        refs->items = items;
        refs->cap = cap;
    }
    memmove(refs->items + at + 1, refs->items + at, (refs->n - at) * sizeof(void *));
    refs->items[at] = item;
    refs->n++;
}

void refs_append(struct tenant *tenant, struct refs *refs, void *item)
{
    refs_insert(tenant, refs, refs->n, item);
}

void refs_remove(struct refs *refs, const void *item)
{
    for (size_t i = 0; i < refs->n; i++) {
        if (refs->items[i] == item) {
            memmove(refs->items + i, refs->items + i + 1, (refs->n - i - 1) * sizeof(void *));
            refs->n--;
            return;
        }
    }
}

bool refs_has(const struct refs *refs, const void *item)
{
    for (size_t i = 0; i < refs->n; i++) {
        if (refs->items[i] == item) {
            return true;
        }
    }
    return false;
}

struct str keep(struct call *call, struct str text)
{
    return arena_str(&call->tenant->arena, text);
}

struct str keep_json(struct call *call, const struct json *node)
{
    return json_text(&call->tenant->arena, node);
}

void scratch_begin(struct call *call, struct json_writer *w)
{
    buf_clear(&call->state->scratch);
    jw_init(w, &call->state->scratch);
}

struct str scratch_keep(struct call *call)
{
    return keep(call, buf_view(&call->state->scratch));
}

bool has_room(struct call *call, size_t n)
{
    const struct sandbox_options *options = &call->state->options;

    if (call->tenant->n_made + n > options->max_entities ||
        call->state->stored_bytes > options->max_stored_bytes) {
        (void)refuse(call, 403, "The organization has reached its limit");
        return false;
    }
    return true;
}

void write_id_key(struct json_writer *w, int64_t id)
{
    char digits[DIGITS_MAX];

    jw_key_str(w, str_of_int(id, digits));
}

void write_times(struct json_writer *w, const struct thing *thing)
{
    jw_form(w, "createdDate:%i, lastModifiedDate:%i", thing->created_ms, thing->modified_ms);
}

void sandbox_options_init(struct sandbox_options *options)
{
    *options = (struct sandbox_options){
        .listen = STR("127.0.0.1:0"),
        .max_connections = 1024,
        .execution_ms = 2000,
        .run_drafts = true,
        .canary = STR("sandbox-canary-8f2c"),
        .record_requests = true,
        .max_requests_kept = 100000,
        .max_request_bytes = (size_t)64 * 1024 * 1024,
        .max_body_bytes = (size_t)8 * 1024 * 1024,
        .max_tenants = 4096,
        .max_entities = 1000000,
        .max_stored_bytes = (size_t)1024 * 1024 * 1024,
        .max_faults = 1000,
    };
}

void state_begin(struct sandbox_state *state)
{
    tenants_drop(state);
    recorder_done(&state->recorder);
    state->recorder.n_seen = 0;
    faults_done(&state->faults);
    if (state->last_id == 0) { /* only once: after a reset an old id must not name a new thing */
        state->last_id = FIRST_ID;
    }
    if (state->options.examples) {
        examples_make(state);
        buf_clear(&state->answer); /* of the requests that made the examples */
    }
    /* Not before the examples, whose requests must not meet a fault. */
    faults_append(&state->faults, state->options.faults, state->options.n_faults);
}

static void keep_options(struct sandbox_state *state, const struct sandbox_options *options)
{
    struct arena *arena = &state->kept;
    struct sandbox_fault *faults = NULL;

    arena_init(arena);
    if (options->n_faults > 0) {
        faults = arena_calloc(arena, options->n_faults, sizeof(*faults));
    }
    for (size_t i = 0; i < options->n_faults; i++) {
        faults[i] = options->faults[i];
        faults[i].method = arena_str(arena, faults[i].method);
        faults[i].path = arena_str(arena, faults[i].path);
    }
    state->options = *options;
    state->options.faults = faults;
    state->options.listen = arena_str(arena, options->listen);
    state->canary = arena_cstr(arena, options->canary);
    state->options.canary = str_from(state->canary);
    CHECK(options->latency_spread_ms <= options->latency_ms);
}

struct sandbox_state *sandbox_state_new(const struct sandbox_options *options)
{
    struct sandbox_state *state = mem_zalloc(sizeof(*state));

    keep_options(state, options);
    map_init(&state->tenants);
    list_init(&state->tenant_list);
    recorder_init(&state->recorder);
    faults_init(&state->faults, options->seed);
    state->latency_random = dice_init(options->seed);
    buf_init(&state->answer, MAX_ANSWER_BYTES);
    buf_init(&state->scratch, MAX_ANSWER_BYTES);
    state_begin(state);
    return state;
}

void sandbox_state_free(struct sandbox_state *state)
{
    if (state == NULL) {
        return;
    }
    tenants_drop(state);
    map_done(&state->tenants);
    recorder_done(&state->recorder);
    faults_done(&state->faults);
    buf_done(&state->answer);
    buf_done(&state->scratch);
    arena_done(&state->kept);
    mem_free(state);
}
