/* The engine of the simplified API: request -> values -> rows of a plan -> reply. */
#include "api/simple/simple.h"
#include "each.h"

#include "api/command/execution_link.h"
#include "api/command/goal_memo.h"
#include "api/gate/cache.h"
#include "api/gate/query.h"
#include "api/gate/redact.h"
#include "api/gate/reply_map.h"
#include "base/clock.h"
#include "plan/answer.h"
#include "run/run.h"

enum { POLL_MS = 1000, WAIT_MARGIN_MS = 5000 };

struct simple {
    struct task *task;
    const struct simple_row *row;
    struct json *values;
    const struct json *answer;
    const struct call *main; /* the call that `answer` answers */
    struct simple_steps steps;
    struct step step; /* that is being made */
    uint64_t begin_ms;
};

/* ---- values ---- */

/* Ids of paths are checked here; members of the body and parameters of the query were before. */
static struct json *path_value(struct task *task, const char *name)
{
    struct str digits;

    if (!id_normalise(task_param(task, name), &digits)) {
        (void)error_at(
            error_list_add(task_errors(task)), ERR_INVALID, name,
            "%s in the path must be an id: 1 to 19 digits, or with its prefix (goal_, cp_, ...)",
            name);
        return NULL;
    }
    return json_new_string(task->arena, digits);
}

static struct json *default_value(struct task *task, const struct simple_value *value)
{
    struct str organization = task->platform->defaults.organization_id;

    if (value->def == NULL) {
        return NULL;
    }
    if (!str_is(str_from(value->def), "configured")) {
        return json_new_string(task->arena, str_from(value->def));
    }
    return organization.len > 0 ? json_new_string(task->arena, organization)
                                : NULL; /* the platform is asked for the token's own */
}

static struct json *read_values(struct task *task, const struct simple_row *row,
                                struct simple_steps *steps)
{
    struct json *values = json_new_object(task->arena);
    const struct json *body = row->members != NULL ? task_members(task, row->members) : NULL;

    for (const struct simple_value *value = row->values; value->from != NULL; value++) {
        struct json *found = NULL;

        if (route_param(task->route, value->from) >= 0) {
            found = path_value(task, value->from);
        } else if (json_get(body, value->from) != NULL) {
            found = json_copy(task->arena, json_get(body, value->from));
        } else if (task_query(task, value->from) != NULL) {
            found = json_copy(task->arena, task_query(task, value->from));
        }
        json_set(values, str_from(value->to), found != NULL ? found : default_value(task, value));
    }
    if (row->prepare != NULL) {
        row->prepare(task, body, values, steps);
    }
    return values;
}

/* ---- replies ---- */

static const char *job_status(struct str status)
{
    if (str_is(status, "FAILED")) {
        return "failed";
    }
    return str_is(status, "QUEUED") || str_is(status, "PENDING") || str_is(status, "SCHEDULED") ||
                   str_is(status, "THROTTLED")
               ? "queued"
               : "started";
}

static struct str answer_id(const struct simple *simple)
{
    const struct json *id = plan_get(simple->task->plan, "execution_id");

    if (id == NULL) {
        id = json_get(simple->values, "execution_id");
    }
    return json_plain(id, simple->task->arena);
}

static void set_text(struct simple *simple, struct json *out, const char *name, struct str text)
{
    json_set(out, str_from(name), json_new_string(simple->task->arena, text));
}

static struct str goal_of(const struct simple *simple)
{
    return json_str(json_get(simple->values, "goal_id"));
}

static struct json *job_reply(struct simple *simple)
{
    struct json *out = json_new_object(simple->task->arena);
    struct str status = json_str(json_find(simple->answer, "/item/status /status"));
    struct str outcome = json_str(json_find(simple->answer, "/item/outcome /outcome"));
    bool waited = json_true(json_get(simple->values, "wait"));
    struct str id = answer_id(simple);

    set_text(simple, out, "jobId", id);
    set_text(simple, out, "status", waited ? status : str_from(job_status(status)));
    if (waited && outcome.len > 0) {
        set_text(simple, out, "outcome", outcome);
    }
    if (waited && !execution_is_over(simple->answer)) {
        set_text(simple, out, "message",
                 STR("The execution was still running when the timeout was reached"));
    }
    execution_link_set(simple->task, out, simple->answer, goal_of(simple));
    return out;
}

static struct json *execution_reply(struct simple *simple)
{
    struct json *reduced = reply_reduce(simple->task->arena, reply_map_of(simple->row->map),
                                        simple->answer, simple->task->plan->variables);
    struct json *out = json_new_object(simple->task->arena);
    const struct json *progress = json_get(reduced, "progress");
    struct str id = answer_id(simple);

    set_text(simple, out, "id", id);
    set_text(simple, out, "status", json_str(json_get(reduced, "status")));
    json_set(out, STR("progress"),
             progress != NULL ? json_copy(simple->task->arena, progress)
                              : json_new_int(simple->task->arena, 0));
    if (json_get(reduced, "outcome") != NULL) {
        json_set(out, STR("outcome"), json_copy(simple->task->arena, json_get(reduced, "outcome")));
    }
    execution_link_set(simple->task, out, simple->answer, goal_of(simple));
    return out;
}

static bool only_reads(const struct simple *simple)
{
    return simple->row->members == NULL; /* a GET */
}

static struct json *made_reply(struct simple *simple)
{
    struct str name = json_str(json_get(simple->values, "name"));
    const struct reply_map *map;
    struct json *out;

    switch (simple->row->reply) {
    case SIMPLE_JOB:
        return job_reply(simple);
    case SIMPLE_EXECUTION:
        return execution_reply(simple);
    case SIMPLE_MAPPED:
        break;
    }
    map = reply_map_of(simple->row->map);
    out = reply_reduce(simple->task->arena, map, simple->answer, simple->task->plan->variables);
    /* What was created has its id, which the call requires. A list may be empty. */
    if (only_reads(simple) && json_type(out) == JSON_OBJECT &&
        !reply_tells(map, simple->answer, out)) {
        return NULL;
    }
    if (out != NULL && simple->row->tells_name && name.len > 0) {
        set_text(simple, out, "name", name);
    }
    return out;
}

static unsigned ttl_of(const struct simple *simple)
{
    const struct config *config = simple->task->config;

    switch (simple->row->keep) {
    case KEEP_SNAPSHOTS:
        return config->cache.snapshot_ttl_s;
    case KEEP_FINISHED:
        return execution_is_over(simple->answer) ? config->cache.finished_ttl_s : 0;
    case KEEP_NOT:
        return 0;
    case KEEP_USUAL:
        break;
    }
    return config->cache.ttl_s;
}

/* Answers, and keeps the answer as long as the configuration says and the platform allows. */
static void reply_kept(struct simple *simple, struct str body)
{
    bool from_proxy = simple->task->config->upstream.is_proxy;
    const struct cache_said said = {.control = simple->task->plan->cache_control,
                                    .from_proxy = from_proxy};
    const struct http_header control = {STR("Cache-Control"), simple->task->plan->cache_control};
    const struct cache_answer answer = {.body = body,
                                        .headers = &control,
                                        .n_headers = control.value.len > 0 ? 1 : 0,
                                        .for_one = !from_proxy && cache_keep_s(&said, 1) == 0};

    (void)cache_reply(simple->task, &answer, cache_keep_s(&said, ttl_of(simple)));
}

static void reply(struct simple *simple)
{
    struct task *task = simple->task;
    struct json *out;

    if (task->raw) {
        out = json_copy(task->arena, simple->answer);
        redact(out, task->arena, str_from(simple->main->spec->path), REDACT_SHOWS_NOTHING);
    } else {
        out = made_reply(simple);
    }
    if (out == NULL) {
        (void)error_set(&task->error, ERR_UPSTREAM_SHAPE,
                        "The platform's answer has none of the known shapes");
        upstream_note_unfit(&task->plan->upstream_call);
        (void)cache_fail(task);
        return;
    }
    if (simple->row->location != NULL) {
        task_set_location(task, arena_printf(task->arena, "%s%.*s", simple->row->location,
                                             STR_ARG(answer_id(simple))));
    }
    if (only_reads(simple)) {
        reply_kept(simple, json_text(task->arena, out));
        return;
    }
    (void)task_reply_json(task, simple->row->status, out);
}

/* ---- the plan ---- */

/* The lists that calls go through are looked at as soon as they are there: before anything is made. */
static enum error_code check_lists(const struct simple *simple, const struct plan *plan,
                                   struct error *err)
{
    enum error_code code = ERR_OK;

    for (const struct simple_call *call = simple->row->calls;
         call < simple->row->calls + SIMPLE_MAX_CALLS && call->named != CALL_NONE && code == ERR_OK;
         call++) {
        code = call->each != NULL ? each_check(call->each, plan->variables, err) : ERR_OK;
    }
    return code;
}

static enum plan_verdict after_call(struct plan *plan, struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms,
                                    struct error *err);

static void append_each(struct simple *simple, const struct simple_call *call)
{
    const struct each_plan to = {.catalog = simple->task->api->catalog,
                                 .plan = simple->task->plan,
                                 .step = &simple->step,
                                 .after = after_call,
                                 .show = simple->task->dry_run};

    each_append(&to, call->each, simple->task->plan->variables);
}

static enum plan_verdict after_call(struct plan *plan, struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms,
                                    struct error *err)
{
    struct simple *simple = plan_state(plan);
    const struct simple_call *call = row->context;
    uint64_t limit_ms = simple->task->config->http.long_exchange_timeout_ms;

    if (call->for_link) {
        execution_link_take(simple->task, answer);
        return PLAN_NEXT;
    }
    if (call->main) {
        simple->answer = answer;
        simple->main = row->call;
    }
    if (call->save_as != NULL && check_lists(simple, plan, err) != ERR_OK) {
        return PLAN_FAIL;
    }
    if (call->makes_checkpoint) {
        lanes_know_empty(simple->task->platform->lanes, id_number(plan_get(plan, "checkpoint_id")));
    }
    if (call->each != NULL) {
        append_each(simple, call);
    }
    goal_memo_learn(simple->task, row->call, goal_of(simple));
    if (call->poll && !execution_is_over(answer) &&
        clock_now_ms() - simple->begin_ms + WAIT_MARGIN_MS < limit_ms) {
        *delay_ms = POLL_MS;
        return PLAN_AGAIN;
    }
    return PLAN_NEXT;
}

/* The goal is known from the request, or from the answer by now. */
static bool before_project(struct plan *plan, struct plan_row *row)
{
    const struct simple *simple = plan_state(plan);

    (void)row;
    return !simple->task->raw && execution_link_asks(simple->task, simple->answer, goal_of(simple));
}

static void append_steps(struct simple *simple)
{
    static const struct simple_call makes_step = {.makes_step = true};

    for (size_t i = 0; i < simple->steps.n; i++) {
        struct plan_row *row = plan_append(simple->task->plan, simple->steps.items[i].call);

        row->args = simple->steps.items[i].values;
        row->context = &makes_step;
        row->after = after_call;
        simple_makes_step(row, &simple->step);
    }
}

static void build(struct simple *simple)
{
    struct plan *plan = task_plan_new(simple->task);

    step_init(&simple->step, simple->task->platform->lanes,
              catalog_named_call(simple->task->api->catalog, CALL_COUNT_STEPS));
    for (const struct simple_call *call = simple->row->calls;
         call < simple->row->calls + SIMPLE_MAX_CALLS && call->named != CALL_NONE; call++) {
        struct plan_row *row;

        if (!call_is_wanted(simple->values, call->when) ||
            goal_memo_saves(simple->task, call->named, goal_of(simple))) {
            continue;
        }
        row = plan_append(plan, catalog_named_call(simple->task->api->catalog, call->named));
        row->args = simple->values;
        row->context = call;
        row->after = after_call;
        row->patience_ms = call->poll ? FOLLOW_PATIENCE_MS : 0;
        row->before = call->for_link ? before_project : NULL;
        row->keep_going = call->for_link;
        row->save_as = call->save_as;
        if (call->each != NULL && simple->task->dry_run) {
            append_each(simple, call);
        }
        if (call->makes_checkpoint) {
            append_steps(simple);
        }
    }
}

/* True: the time was over while the project for the link was asked for. All the rest is there. */
static bool lacks_only_the_link(struct simple *simple)
{
    const struct plan *plan = simple->task->plan;
    const struct simple_call *call = plan->at < plan->n_rows ? plan->rows[plan->at].context : NULL;

    if (call == NULL || !call->for_link || simple->answer == NULL) {
        return false;
    }
    simple->task->error = (struct error){0};
    simple->task->made = NULL;
    return true;
}

static void on_plan_end(struct task *task, enum error_code code)
{
    struct simple *simple = task->state;

    if (code != ERR_OK && !lacks_only_the_link(simple)) {
        (void)cache_fail(task);
        return;
    }
    reply(simple);
}

enum stage_verdict handle_simple(struct task *task)
{
    struct simple *simple;

    if (task_only_reads(task) && !task->dry_run && cache_look(task) == STAGE_DONE) {
        return STAGE_DONE;
    }
    simple = arena_zalloc(task->arena, sizeof(*simple));
    simple->task = task;
    simple->row = task->api->routes->simple[task->route - task->api->routes->rows];
    simple->begin_ms = clock_now_ms();
    simple->values = read_values(task, simple->row, &simple->steps);
    if (task->errors != NULL && task->errors->n > 0) {
        return task_fail(task);
    }
    task->state = simple;
    if (simple->row->members == NULL && !task->dry_run) {
        enum stage_verdict verdict = cache_begin(task, handle_simple);

        if (verdict != STAGE_CONTINUE) {
            return verdict;
        }
    }
    build(simple);
    if (task->dry_run) {
        return task_show_plan(task);
    }
    task_hold_plan(task, on_plan_end, cache_abandon);
    if (simple->row->members == NULL) {
        task->on_deadline = NULL; /* a read that is cut has no outcome to tell */
    }
    task_start_plan(task);
    return STAGE_WAIT;
}
