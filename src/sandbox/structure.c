/* Users, limits, projects, goals, versions: the platform's structure (PLATFORM.md, "Structure"). */
#include "sandbox_internal.h"

#include "data/query.h"

enum { MAX_PAGE = 10000, NO_ORGANIZATION = 1017 /* error.code */ };

static void write_project(struct json_writer *w, const struct project *project)
{
    jw_form(w,
            "{id:%i, name:%s, description:%s, organizationId:%i, archived:false, favourite:false",
            project->thing.id, project->name, project->description, project->organization_id);
    /* What a tenant may use. The platform has 35 capabilities; the names of these are known. */
    jw_shape(w, "capabilities:{EXECUTION:true, BRIDGE:true, DATA_DRIVEN:true, PLANNER:true, "
                "IMPORT_EXPORT:true, INTERACTIVE:true, API_TESTING:true, CROSS_BROWSER:true, "
                "GLOBAL_SEARCH:true, NETWORK_AUTO_WAIT:true, GRANULAR_PERMISSIONS:true, "
                "FIXED_IP:true, AI_FAILURE_EXPLANATION:true, AI_JOURNEY_EXECUTION_SUMMARY:true, "
                "LOOPS:true, BUSINESS_PROCESS_ORCHESTRATION:true, REPORTS_AND_DASHBOARDS:true}");
    jw_form(w,
            "createdBy:%i, modifiedBy:%i, createdDate:%i, modifiedDate:%i, environmentId:null, "
            "screenshot:null, screenshotFullPath:null, screenshotLastUpdateDate:null, "
            "lastAccessedDate:null}",
            project->created_by, project->created_by, project->thing.created_ms,
            project->thing.modified_ms);
}

static void write_goal(struct json_writer *w, const struct goal *goal)
{
    jw_form(w,
            "{id:%i, canonicalId:%s, projectId:%i, name:%s, url:%s, environmentId:%?i, "
            "deviceSize:%j, meta:%j, archived:%b",
            goal->thing.id, goal->thing.canonical, goal->project->thing.id, goal->name, goal->url,
            goal->environment_id, goal->device_size, goal->meta, goal->archived);
    write_times(w, &goal->thing);
    jw_key(w, "lastExecution");
    if (goal->last_execution != NULL) {
        write_execution_brief(w, goal->last_execution);
    } else {
        jw_null(w);
    }
    jw_end(w);
}

TELLS(user, jw_form(call->w,
                    "{id:%i, name:'Sandbox User', email:'user@sandbox.example', verified:true, "
                    "organizations:[{id:%i, name:'Sandbox Organization'}]}",
                    call->tenant->user_id, DEFAULT_ORGANIZATION))

TELLS(user_tokens, jw_form(call->w, "[{id:%i, name:'sandbox', type:'ALL', accessLevel:'MANAGE'}]",
                           call->tenant->user_id))

static void write_limit(struct call *call, int64_t organization)
{
    jw_form(call->w, "{organizationId:%i, type:'ENTITIES', limit:%i, used:%i}", organization,
            call->state->options.max_entities, call->tenant->n_made);
}

/* GET /limits?organizationIds[]=: the only machine-readable quota (PLATFORM.md, "Limits"). */
int handle_limits(struct call *call)
{
    struct id_list organizations;

    if (!ask_ids(call, "organizationId", &organizations)) {
        return call->status;
    }
    jw_array(call->w);
    for (size_t i = 0; i < organizations.n; i++) {
        write_limit(call, organizations.ids[i]);
    }
    if (organizations.n == 0) {
        write_limit(call, DEFAULT_ORGANIZATION);
    }
    jw_end(call->w);
    return 200;
}

int handle_project_list(struct call *call)
{
    int64_t organization = 0;
    int64_t limit = MAX_PAGE;
    int64_t offset = 0;
    const struct refs *projects = &call->tenant->projects;

    if (!ask_number(call, "organizationId", 1, &organization) ||
        !ask_number(call, "limit", 1, &limit) || !ask_number(call, "offset", 0, &offset)) {
        return call->status;
    }
    if (organization == 0) {
        call->refusal_code = NO_ORGANIZATION;
        return refuse_without(call, "OrganizationId(s)");
    }
    jw_object(call->w);
    for (size_t i = 0; i < projects->n && limit > 0; i++) {
        const struct project *project = projects->items[i];

        if (project->organization_id != organization) {
            continue;
        }
        if (offset > 0) {
            offset--;
            continue;
        }
        write_id_key(call->w, project->thing.id);
        write_project(call->w, project);
        call->total++;
        limit--;
    }
    jw_end(call->w);
    return 200;
}

int handle_project_create(struct call *call)
{
    struct str name;
    struct str description = STR_EMPTY;
    int64_t organization = DEFAULT_ORGANIZATION;
    struct project *project;

    if (!need_name(call, "name", &name) || (json_get(call->body, "organizationId") != NULL &&
                                            !need_id(call, "organizationId", &organization))) {
        return call->status;
    }
    (void)body_text(call, "description", &description); /* optional */
    project = project_make(call, name, 0);
    project->organization_id = organization;
    project->description = keep(call, description);
    write_project(call->w, project);
    return 200;
}

TELLS(project_get, write_project(call->w, call->thing))

static void write_goals(struct call *call, const struct project *project)
{
    struct str archived;
    bool filter = query_find(call->arena, call->request->query, "archived", &archived);

    jw_object(call->w);
    for (size_t i = 0; i < project->goals.n; i++) {
        const struct goal *goal = project->goals.items[i];

        if (!filter || goal->archived == str_is_nocase(archived, "true")) {
            write_id_key(call->w, goal->thing.id);
            write_goal(call->w, goal);
            call->total++;
        }
    }
    jw_end(call->w);
}

TELLS(project_goals, write_goals(call, call->thing))

int handle_goal_list(struct call *call)
{
    const struct project *project = project_asked(call);

    if (project != NULL) {
        write_goals(call, project);
    }
    return call->status;
}

static int goal_settings(struct call *call, struct goal *goal)
{
    const struct json *size = json_get(call->body, "deviceSize");
    const struct json *meta = json_get(call->body, "meta");

    goal->device_size = json_type(size) == JSON_OBJECT ? keep_json(call, size)
                                                       : STR("{\"width\":1280,\"height\":800}");
    if (json_type(meta) == JSON_OBJECT) {
        goal->meta = keep_json(call, meta);
    }
    (void)body_id(call, "environmentId", &goal->environment_id); /* null: none */
    goal->archived = json_true(json_get(call->body, "archived"));
    (void)snapshot_make(call, goal, 0);
    if (json_true(json_get(call->body, "createFirstJourney"))) {
        first_journey_make(call, goal);
    }
    write_goal(call->w, goal);
    return 200;
}

int handle_goal_create(struct call *call)
{
    struct str name;
    struct str url;
    int64_t project_id;
    int64_t environment_id;
    struct project *project;
    struct goal *goal;

    if (!need_id(call, "projectId", &project_id) || !need_name(call, "name", &name) ||
        !need_name(call, "url", &url) ||
        (project = need_thing(call, THING_PROJECT, project_id)) == NULL ||
        (body_id(call, "environmentId", &environment_id) &&
         need_thing(call, THING_ENVIRONMENT, environment_id) == NULL)) {
        return call->status;
    }
    goal = goal_make(call, project, name, 0);
    goal->url = keep(call, url);
    return goal_settings(call, goal);
}

TELLS(goal_get, write_goal(call->w, call->thing))

int handle_goal_versions(struct call *call)
{
    const struct goal *goal = call->thing;
    struct json_writer *w = call->w;

    jw_shape(w, "{snapshots:[");
    for (size_t i = goal->snapshots.n; i > 0; i--) {
        const struct snapshot *snapshot = goal->snapshots.items[i - 1];

        jw_form(w, "{snapshotId:%i, goalId:%i, version:%i, committed:%b", snapshot->thing.id,
                goal->thing.id, snapshot->number, i != goal->snapshots.n);
        write_times(w, &snapshot->thing);
        jw_end(w);
    }
    jw_shape(w, "]}");
    return 200;
}

int handle_goal_checkpoints(struct call *call)
{
    const struct goal *goal = call->thing;

    jw_shape(call->w, "{checkpoints:{");
    for (size_t i = 0; i < goal->checkpoints.n; i++) {
        const struct checkpoint *checkpoint = goal->checkpoints.items[i];

        write_id_key(call->w, checkpoint->thing.id);
        write_checkpoint(call->w, checkpoint, false);
    }
    jw_shape(call->w, "}}");
    return 200;
}
