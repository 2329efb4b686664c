/* Things that the sandbox keeps as the client sent them: extensions ("scripts"), API tests, and
 * execution plans. No known route of the platform makes API tests or plans, so tests make them with
 * /__sandbox/seed. Each kind is a row of `kinds`. */
#include "execution.h"

#include "base/check.h"

struct record_kind {
    enum thing_kind kind;
    const char *detail; /* member that is told only if `asked` is true */
    const char *asked;  /* parameter of the query; NULL: all is told */
};

static const struct record_kind kinds[] = {
    {THING_SCRIPT, "script", "includeBody"},
    {THING_API_TEST, "inputs", "detailed"},
    {THING_PLAN, NULL, NULL},
};

static const struct record_kind *kind_of(enum thing_kind kind)
{
    for (size_t i = 0;; i++) {
        CHECK(i < ARRAY_LEN(kinds));
        if (kinds[i].kind == kind) {
            return &kinds[i];
        }
    }
}

static void write_record(struct call *call, const struct kept *record)
{
    const struct record_kind *kind = kind_of(record->thing.kind);
    bool in_full = kind->asked == NULL || query_true(call, kind->asked);
    struct json_writer *w = call->w;
    const struct json *member;
    struct json *members;

    jw_form(w, "{id:%i, canonicalId:%s, projectId:%?i", record->thing.id, record->thing.canonical,
            record->project_id);
    if (json_parse(call->arena, record->members, NULL, &members, NULL) == ERR_OK) {
        JSON_FOREACH (member, members) {
            if (in_full || !str_is(json_name(member), kind->detail)) {
                jw_key_str(w, json_name(member));
                jw_raw(w, json_text(call->arena, member));
            }
        }
    }
    write_times(w, &record->thing);
    jw_end(w);
}

struct kept *record_make(struct call *call, enum thing_kind kind, struct str members,
                         int64_t project_id, int64_t wanted_id)
{
    struct kept *record = thing_make(call, kind, sizeof(*record), wanted_id);

    record->members = members;
    record->project_id = project_id;
    refs_append(call->tenant, &call->tenant->records[kind], record);
    return record;
}

/* The members of `record`, replaced or extended by those of the body; as text that the tenant keeps. */
static struct str merged(struct call *call, const struct kept *record)
{
    /* Members that are the sandbox's own are never taken from the client. */
    static const char *const own[] = {"id", "canonicalId", "projectId", "createdDate",
                                      "lastModifiedDate"};
    struct json *all = NULL;
    const struct json *member;

    if (record == NULL || json_parse(call->arena, record->members, NULL, &all, NULL) != ERR_OK) {
        all = json_new_object(call->arena);
    }
    JSON_FOREACH (member, call->body) {
        if (!str_in(json_name(member), own, ARRAY_LEN(own))) {
            json_set(all, json_name(member), json_copy(call->arena, member));
        }
    }
    return keep_json(call, all);
}

int handle_record_create(struct call *call)
{
    struct str name;
    int64_t project_id;

    if (!need_named(call, &name, &project_id)) {
        return call->status;
    }
    write_record(call, record_make(call, call->kind, merged(call, NULL), project_id, 0));
    return 200;
}

TELLS(record_get, write_record(call, call->thing))

int handle_record_update(struct call *call)
{
    struct kept *record = call->thing;

    record->members = merged(call, record);
    thing_touch(&record->thing);
    write_record(call, record);
    return 200;
}

int handle_record_delete(struct call *call)
{
    return thing_delete(call, &call->tenant->records[call->kind]);
}

static int write_records(struct call *call, int64_t project_id)
{
    const struct refs *records = &call->tenant->records[call->kind];

    jw_array(call->w);
    for (size_t i = 0; i < records->n; i++) {
        const struct kept *record = records->items[i];

        if (record->project_id == project_id) {
            write_record(call, record);
        }
    }
    jw_end(call->w);
    return 200;
}

int handle_project_records(struct call *call)
{
    return write_records(call, call->ids[0]);
}

int handle_organization_records(struct call *call)
{
    return write_records(call, 0);
}

/* GET /api-tests?projectId= */
int handle_record_list(struct call *call)
{
    if (!ask_number(call, "projectId", 1, &call->ids[0])) {
        return call->status;
    }
    return call->ids[0] == 0 ? refuse_without(call, "projectId") : handle_project_records(call);
}

/* ---- plans ---- */

static void write_jobs(struct json_writer *w, const struct plan_run *run)
{
    jw_shape(w, "jobs:{");
    for (size_t i = 0; i < run->jobs.n; i++) {
        const struct execution *job = run->jobs.items[i];

        write_id_key(w, job->thing.id);
        write_execution_brief(w, job);
    }
    jw_end(w);
}

/* One job for each goal of the plan's project that has a journey to run. */
int handle_plan_execute(struct call *call)
{
    const struct kept *plan = call->thing;
    const struct project *project = need_thing(call, THING_PROJECT, plan->project_id);
    struct plan_run *run;

    if (project == NULL) {
        return call->status;
    }
    run = thing_make(call, THING_PLAN_RUN, sizeof(*run), 0);
    run->plan = plan;
    for (size_t i = 0; i < project->goals.n; i++) {
        const struct goal *goal = project->goals.items[i];
        struct execution *job = NULL;
        int status =
            execution_start(call, goal->snapshots.items[goal->snapshots.n - 1], NULL, &job);

        if (status == 200) {
            job->plan = plan;
            refs_append(call->tenant, &run->jobs, job);
        } else if (status != 400) { /* 400: the goal has nothing to run */
            return status;
        }
    }
    jw_form(call->w, "{id:%i, planId:%i", run->thing.id, plan->thing.id);
    write_jobs(call->w, run);
    jw_end(call->w);
    return 200;
}

int handle_plan_status(struct call *call)
{
    const struct plan_run *run = call->thing;
    bool is_over = true;

    for (size_t i = 0; i < run->jobs.n; i++) {
        is_over = is_over && execution_progress(run->jobs.items[i]).ended;
    }
    jw_form(call->w, "{id:%i, planId:%i, status:%s", run->thing.id, run->plan->thing.id,
            is_over ? "FINISHED" : "RUNNING");
    write_jobs(call->w, run);
    jw_end(call->w);
    return 200;
}

/* GET /projects/{}/jobs?planIds[]=&dateBegin=&dateEnd=: executions by id. */
int handle_project_jobs(struct call *call)
{
    const struct refs *executions = &call->tenant->executions;
    struct id_list plans;
    struct period period;

    if (!period_asked(call, &period) || !ask_ids(call, "planId", &plans)) {
        return call->status;
    }
    jw_object(call->w);
    for (size_t i = 0; i < executions->n; i++) {
        const struct execution *job = executions->items[i];
        bool is_of_plan =
            plans.n == 0 || (job->plan != NULL && id_list_has(&plans, job->plan->thing.id));

        if (job->goal->project->thing.id == call->ids[0] && is_within(job, &period) && is_of_plan) {
            write_id_key(call->w, job->thing.id);
            write_job(call, job);
            call->total++;
        }
    }
    jw_end(call->w);
    return 200;
}
