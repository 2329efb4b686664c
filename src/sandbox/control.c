/* /__sandbox: what tests ask of the sandbox itself. No token, never recorded. */
#include "sandbox_internal.h"

#include "base/clock.h"

enum { MAX_NODES = 500000, MAX_DEPTH = 32, MAX_SEEDED = 10000 };

static int handle_requests_list(struct call *call)
{
    recorder_write(&call->state->recorder, call->w);
    return 200;
}

static int handle_requests_clear(struct call *call)
{
    recorder_done(&call->state->recorder);
    return 204;
}

static void write_tenant(struct json_writer *w, const struct tenant *tenant)
{
    static const char *const names[THING_N_KINDS] = {
        NULL,          "projects", "goals",    "snapshots", "journeys",
        "checkpoints", "library",  "steps",    "tables",    "environments",
        "executions",  "scripts",  "apiTests", "plans",     "planRuns"};

    jw_form(w, "{token:%s", tenant->token);
    for (size_t i = THING_PROJECT; i < THING_N_KINDS; i++) {
        jw_kv_int(w, names[i], (int64_t)tenant->n_kind[i]);
    }
    jw_form(w, "bytes:%i}", tenant->counted_bytes);
}

static int handle_state(struct call *call)
{
    struct sandbox_state *state = call->state;
    struct json_writer *w = call->w;
    struct tenant *tenant;

    jw_form(w, "{now:%i, tenants:[", clock_wall_ms());
    LIST_EACH (tenant, &state->tenant_list, link) {
        write_tenant(w, tenant);
    }
    jw_form(w,
            "], requests:{seen:%i, kept:%i, bytes:%i}, faults:%i, executionMs:%i, "
            "canary:%s}",
            state->recorder.n_seen, state->recorder.n, state->recorder.bytes, state->faults.n,
            state->options.execution_ms, state->canary);
    return 200;
}

static int handle_reset(struct call *call)
{
    state_begin(call->state);
    return 204;
}

/* The parents of seeded things: the tenant has one seeded project, with a goal, a version and a journey. */
static struct journey *seeded_journey(struct call *call)
{
    struct tenant *tenant = call->tenant;

    if (tenant->seeded == NULL) {
        struct project *project = project_make(call, STR("Seeded project"), 0);
        struct goal *goal = goal_make(call, project, STR("Seeded goal"), 0);

        goal->url = STR("https://example.com");
        tenant->seeded = journey_make(call, snapshot_make(call, goal, 0), STR("Seeded journey"), 0);
    }
    return tenant->seeded;
}

typedef void (*seed_fn)(struct call *call, struct journey *home, struct str title, int64_t id);

static void seed_project(struct call *call, struct journey *home, struct str title, int64_t id)
{
    (void)home;
    (void)project_make(call, title, id);
}

static void seed_goal(struct call *call, struct journey *home, struct str title, int64_t id)
{
    struct goal *goal = goal_make(call, home->goal->project, title, id);

    goal->url = home->goal->url;
    (void)snapshot_make(call, goal, 0);
}

static void seed_snapshot(struct call *call, struct journey *home, struct str title, int64_t id)
{
    (void)title;
    (void)snapshot_make(call, home->goal, id);
}

static void seed_journey(struct call *call, struct journey *home, struct str title, int64_t id)
{
    (void)journey_make(call, home->snapshot, title, id);
}

static void seed_checkpoint(struct call *call, struct journey *home, struct str title, int64_t id)
{
    struct checkpoint *checkpoint = checkpoint_make(call, home->snapshot, title, id);

    if (checkpoint != NULL) { /* NULL: a test has created a checkpoint with this title; it stays
                               * as it is */
        checkpoint_attach(call, home, checkpoint, home->cases.n);
    }
}

static void seed_library(struct call *call, struct journey *home, struct str title, int64_t id)
{
    const struct checkpoint from = {.goal = home->goal, .snapshot = home->snapshot};

    (void)library_make(call, &from, title, id);
}

/* {"name":"Seeded 5"} in the seeded project. */
static void seed_record(struct call *call, struct journey *home, enum thing_kind kind,
                        struct str title, int64_t id)
{
    struct json *members = json_new_object(call->arena);

    json_set(members, STR("name"), json_new_string(call->arena, title));
    (void)record_make(call, kind, keep_json(call, members), home->goal->project->thing.id, id);
}

static void seed_plan(struct call *call, struct journey *home, struct str title, int64_t id)
{
    seed_record(call, home, THING_PLAN, title, id);
}

static void seed_api_test(struct call *call, struct journey *home, struct str title, int64_t id)
{
    seed_record(call, home, THING_API_TEST, title, id);
}

struct seed_row {
    const char *member; /* a list of ids */
    enum thing_kind kind;
    seed_fn make;
};

static const struct seed_row seed_rows[] = {
    {"projects", THING_PROJECT, seed_project},
    {"goals", THING_GOAL, seed_goal},
    {"snapshots", THING_SNAPSHOT, seed_snapshot},
    {"journeys", THING_JOURNEY, seed_journey},
    {"checkpoints", THING_CHECKPOINT, seed_checkpoint},
    {"library", THING_LIBRARY, seed_library},
    {"plans", THING_PLAN, seed_plan},
    {"apiTests", THING_API_TEST, seed_api_test},
};

/* If the id exists already with the wanted kind, nothing is changed. */
static int seed_ids(struct call *call, const struct seed_row *row)
{
    const struct json *ids = json_get(call->body, row->member);
    const struct json *item;
    int64_t id;

    if (json_size(ids) > MAX_SEEDED || !has_room(call, 2 * json_size(ids))) {
        return refuse_member(call, row->member, "are too many");
    }
    JSON_FOREACH (item, ids) {
        if (!json_to_i64(item, &id) || id <= 0) {
            return refuse_member(call, row->member, "must be a list of ids");
        }
        if (thing_find(call->tenant, row->kind, id) != NULL) {
            continue;
        }
        if (thing_is_known(call->tenant, id)) {
            return refuse(call, 409, "An id is in use for something else");
        }
        row->make(call, seeded_journey(call),
                  arena_printf(call->arena, "Seeded %lld", (long long)id), id);
    }
    return 200;
}

static int handle_seed(struct call *call)
{
    struct json_writer *w = call->w;
    struct str token = STR("sandbox-token");
    const struct journey *home;
    int status = 200;

    if (body_text(call, "token", &token) && token.len == 0) {
        return refuse_member(call, "token", "must not be empty");
    }
    call->tenant = tenant_find_or_make(call->state, token);
    if (call->tenant == NULL) {
        return refuse(call, 403, "The sandbox has no room for another organization");
    }
    home = seeded_journey(call);
    for (size_t i = 0; i < ARRAY_LEN(seed_rows) && status == 200; i++) {
        status = seed_ids(call, &seed_rows[i]);
    }
    tenant_count_bytes(call->state, call->tenant);
    if (status != 200) {
        return status;
    }
    jw_form(w, "{token:%s, projectId:%i, goalId:%i, snapshotId:%i, journeyId:%i}", token,
            home->goal->project->thing.id, home->goal->thing.id, home->snapshot->thing.id,
            home->thing.id);
    return 200;
}

/* Only sets a flag: server.c has the held answers, and sends them when it sees the flag. */
static int handle_release(struct call *call)
{
    call->state->faults.release = true;
    return 204;
}

struct control_row {
    const char *method;
    const char *path;
    handler *handler;
    bool has_body;
};

static const struct control_row control_rows[] = {
    {"GET", "/__sandbox/requests", handle_requests_list, false},
    {"DELETE", "/__sandbox/requests", handle_requests_clear, false},
    {"GET", "/__sandbox/state", handle_state, false},
    {"POST", "/__sandbox/reset", handle_reset, false},
    {"POST", "/__sandbox/seed", handle_seed, true},
    {"GET", "/__sandbox/faults", handle_faults_list, false},
    {"POST", "/__sandbox/faults", handle_faults_add, true},
    {"DELETE", "/__sandbox/faults", handle_faults_clear, false},
    {"POST", "/__sandbox/release", handle_release, false},
};

static int run(struct call *call, const struct control_row *row)
{
    static const struct json_limits limits = {.max_depth = MAX_DEPTH, .max_nodes = MAX_NODES};
    struct json *body = NULL;
    struct json_writer w;
    int status;

    if (row->has_body &&
        json_parse(call->arena, str_trim(call->request->body), &limits, &body, NULL) != ERR_OK) {
        return refuse(call, 400, "The body must be JSON");
    }
    call->body = body;
    buf_clear(&call->state->answer);
    jw_init(&w, &call->state->answer);
    call->w = &w;
    status = row->handler(call);
    if (status == 204) {
        buf_clear(&call->state->answer);
    }
    return status;
}

int control_answer(struct call *call)
{
    int status = refuse(call, 404, "See src/sandbox/README.md for what /__sandbox can do");

    for (size_t i = 0; i < ARRAY_LEN(control_rows); i++) {
        if (str_is(call->request->method, control_rows[i].method) &&
            str_is(call->request->path, control_rows[i].path)) {
            status = run(call, &control_rows[i]);
            break;
        }
    }
    if (!buf_ok(&call->state->answer)) {
        status = refuse(call, 500, "The answer is too long: DELETE /__sandbox/requests first");
    }
    if (status >= 400) {
        write_refusal(&call->state->answer, status, call->refusal);
    }
    return status;
}
