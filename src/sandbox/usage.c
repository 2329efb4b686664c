/* What the platform counts: the usage of an organization, the metrics of goals, projects and
 * environments. Recorded calls use these routes, but no recorded answer is known
 * (PLATFORM.md, "Not confirmed"): the numbers are right, most names of members are our own. */
#include "execution.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, PAGE_DEFAULT = 50 };

struct usage {
    int64_t n_executions;
    int64_t n_journeys;
    int64_t n_passed;
    int64_t n_failed;
    uint64_t duration_ms;
};

/* Does the execution belong to this thing? With THING_NONE all do: they are the organization's. */
static bool belongs(const struct execution *job, enum thing_kind kind, int64_t id)
{
    return kind == THING_NONE || (kind == THING_GOAL && job->goal->thing.id == id) ||
           (kind == THING_PROJECT && job->goal->project->thing.id == id) ||
           (kind == THING_ENVIRONMENT && job->environment != NULL &&
            job->environment->thing.id == id);
}

bool period_asked(struct call *call, struct period *out)
{
    *out = (struct period){0, INT64_MAX};
    return ask_number(call, "dateBegin", 0, &out->begin_ms) &&
           ask_number(call, "dateEnd", 0, &out->end_ms);
}

bool is_within(const struct execution *job, const struct period *period)
{
    return job->thing.created_ms >= period->begin_ms && job->thing.created_ms <= period->end_ms;
}

static void usage_add(struct usage *usage, const struct execution *job)
{
    struct progress progress = execution_progress(job);
    struct tally tally = execution_tally(&progress);

    usage->n_executions++;
    usage->n_journeys += (int64_t)job->n_journeys;
    usage->n_passed += (int64_t)tally.n[OUTCOME_PASS];
    usage->n_failed += (int64_t)(tally.n[OUTCOME_FAIL] + tally.n[OUTCOME_ERROR]);
    usage->duration_ms += progress.duration_ms;
}

static void write_usage_members(struct json_writer *w, const struct usage *usage)
{
    jw_form(w, "executions:%i, journeys:%i, passed:%i, failed:%i, duration:%i", usage->n_executions,
            usage->n_journeys, usage->n_passed, usage->n_failed, usage->duration_ms);
}

static void write_usage_of(struct call *call, const struct period *period, enum thing_kind kind,
                           int64_t id)
{
    const struct refs *jobs = &call->tenant->executions;
    struct usage usage = {0};

    for (size_t i = 0; i < jobs->n; i++) {
        if (is_within(jobs->items[i], period) && belongs(jobs->items[i], kind, id)) {
            usage_add(&usage, jobs->items[i]);
        }
    }
    write_usage_members(call->w, &usage);
}

/* ?dateBegin=&dateEnd= */
static int tell_usage(struct call *call, enum thing_kind kind, int64_t environment_id)
{
    struct period period;

    if (!period_asked(call, &period)) {
        return call->status;
    }
    jw_form(call->w, "{environmentId?:%i", environment_id);
    write_usage_of(call, &period, kind, environment_id);
    jw_end(call->w);
    return 200;
}

/* GET /environments/{}/metrics */
int handle_environment_metrics(struct call *call)
{
    return tell_usage(call, THING_ENVIRONMENT, call->ids[0]);
}

/* --- the organization */

/* GET /organizations/{}/usage/aggregated */
int handle_usage_sum(struct call *call)
{
    return tell_usage(call, THING_NONE, 0);
}

static void write_day(struct json_writer *w, int64_t day, const struct usage *usage)
{
    if (usage->n_executions > 0) {
        jw_form(w, "{date:%i", day * DAY_MS);
        write_usage_members(w, usage);
        jw_end(w);
    }
}

/* GET /organizations/{}/usage?dateBegin=&dateEnd=: the days (UTC) on which something ran. */
int handle_usage(struct call *call)
{
    const struct refs *jobs = &call->tenant->executions; /* oldest first */
    struct usage usage = {0};
    struct period period;
    int64_t day = 0;

    if (!period_asked(call, &period)) {
        return call->status;
    }
    jw_array(call->w);
    for (size_t i = 0; i < jobs->n; i++) {
        const struct execution *job = jobs->items[i];

        if (!is_within(job, &period)) {
            continue;
        }
        if (job->thing.created_ms / DAY_MS != day) {
            write_day(call->w, day, &usage);
            usage = (struct usage){0};
            day = job->thing.created_ms / DAY_MS;
        }
        usage_add(&usage, job);
    }
    write_day(call->w, day, &usage);
    jw_end(call->w);
    return 200;
}

/* GET /organizations/{}/jobs/usage?pageSize=&dateBegin=&dateEnd=: newest first. */
int handle_usage_jobs(struct call *call)
{
    const struct refs *jobs = &call->tenant->executions;
    int64_t page_size = PAGE_DEFAULT;
    struct period period;

    if (!period_asked(call, &period) || !ask_number(call, "pageSize", 1, &page_size)) {
        return call->status;
    }
    jw_array(call->w);
    for (size_t i = jobs->n; i > 0 && page_size > 0; i--) {
        if (is_within(jobs->items[i - 1], &period)) {
            write_job(call, jobs->items[i - 1]);
            page_size--;
        }
    }
    jw_end(call->w);
    return 200;
}

/* --- goals */

typedef void (*write_goal_fn)(struct call *call, const struct goal *goal,
                              const struct period *period);

static void write_goal_executions(struct call *call, const struct goal *goal,
                                  const struct period *period)
{
    write_usage_of(call, period, THING_GOAL, goal->thing.id);
}

static void write_goal_history(struct call *call, const struct goal *goal,
                               const struct period *period)
{
    const struct refs *jobs = &call->tenant->executions;

    jw_shape(call->w, "executions:[");
    for (size_t i = jobs->n; i > 0; i--) {
        const struct execution *job = jobs->items[i - 1];

        if (is_within(job, period) && belongs(job, THING_GOAL, goal->thing.id)) {
            write_execution_brief(call->w, job);
        }
    }
    jw_end(call->w);
}

static void write_goal_statistics(struct call *call, const struct goal *goal,
                                  const struct period *period)
{
    int64_t n_steps = 0;

    (void)period; /* counts what exists now */
    for (size_t i = 0; i < goal->checkpoints.n; i++) {
        const struct checkpoint *checkpoint = goal->checkpoints.items[i];

        n_steps += (int64_t)checkpoint->steps.n;
    }
    jw_form(call->w, "journeys:%i, checkpoints:%i, steps:%i", goal->journeys.n, goal->checkpoints.n,
            n_steps);
}

static const write_goal_fn goal_writers[THING_N_KINDS] = {
    [THING_EXECUTION] = write_goal_executions,
    [THING_PLAN_RUN] = write_goal_history,
    [THING_STEP] = write_goal_statistics,
};

/* ?projectId=&cursor=: one entry for each goal of the project; the cursor says how many
 * goals are skipped. */
int handle_goal_metrics(struct call *call)
{
    const struct project *project;
    struct period period;
    int64_t cursor = 0;

    if (!ask_number(call, "cursor", 0, &cursor) || !period_asked(call, &period) ||
        (project = project_asked(call)) == NULL) {
        return call->status;
    }
    jw_object(call->w);
    for (size_t i = (size_t)cursor; i < project->goals.n; i++) {
        const struct goal *goal = project->goals.items[i];

        write_id_key(call->w, goal->thing.id);
        jw_form(call->w, "{goalId:%i, name:%s", goal->thing.id, goal->name);
        goal_writers[call->kind](call, goal, &period);
        jw_end(call->w);
        call->total++;
    }
    jw_end(call->w);
    return 200;
}

/* --- projects */

typedef void (*write_project_fn)(struct call *call, const struct project *project,
                                 const struct period *period);

static void write_project_executions(struct call *call, const struct project *project,
                                     const struct period *period)
{
    write_usage_of(call, period, THING_PROJECT, project->thing.id);
}

static void write_project_journeys(struct call *call, const struct project *project,
                                   const struct period *period)
{
    int64_t n = 0;

    (void)period; /* counts what exists now */
    for (size_t i = 0; i < project->goals.n; i++) {
        const struct goal *goal = project->goals.items[i];

        n += (int64_t)goal->journeys.n;
    }
    jw_kv_int(call->w, "total", n);
}

/* Counts the project's records of the route's kind. */
static void write_project_records(struct call *call, const struct project *project,
                                  const struct period *period)
{
    const struct refs *records = &call->tenant->records[call->kind];
    int64_t n = 0;

    (void)period; /* counts what exists now */
    for (size_t i = 0; i < records->n; i++) {
        const struct kept *record = records->items[i];

        n += record->project_id == project->thing.id ? 1 : 0;
    }
    jw_kv_int(call->w, "total", n);
}

static const write_project_fn project_writers[THING_N_KINDS] = {
    [THING_EXECUTION] = write_project_executions,
    [THING_JOURNEY] = write_project_journeys,
    [THING_SCRIPT] = write_project_records,
    [THING_PLAN] = write_project_records,
};

/* ?projectIds[]=&projectIds[]=&dateBegin=: the vendor's page asks for many at once; unknown projects are left out. */
int handle_project_metrics(struct call *call)
{
    struct id_list projects;
    struct period period;

    if (!period_asked(call, &period) || !ask_ids(call, "projectId", &projects)) {
        return call->status;
    }
    if (projects.n == 0) {
        return refuse_without(call, "projectIds[]");
    }
    jw_object(call->w);
    for (size_t i = 0; i < projects.n; i++) {
        const struct project *project = thing_find(call->tenant, THING_PROJECT, projects.ids[i]);

        if (project != NULL) {
            write_id_key(call->w, project->thing.id);
            jw_form(call->w, "{projectId:%i", project->thing.id);
            project_writers[call->kind](call, project, &period);
            jw_end(call->w);
            call->total++;
        }
    }
    jw_end(call->w);
    return 200;
}
