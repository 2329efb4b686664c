/* Environments and their variables (PLATFORM.md, "Structure"). These routes show
 * no hidden value: the answer to a create shows all values, but its variables are not hidden yet. */
#include "sandbox_internal.h"

enum { MAX_VARIABLES = 1000 };

static struct variable *variable_find(const struct environment *environment, struct str name)
{
    for (size_t i = 0; i < environment->variables.n; i++) {
        struct variable *variable = environment->variables.items[i];

        if (str_eq(variable->name, name)) {
            return variable;
        }
    }
    return NULL;
}

static struct variable *variable_make(struct call *call, struct environment *environment,
                                      struct str name)
{
    struct variable *variable = variable_find(environment, name);

    if (variable == NULL && environment->variables.n < MAX_VARIABLES) {
        variable = arena_zalloc(&call->tenant->arena, sizeof(*variable));
        variable->name = keep(call, name);
        variable->value = STR_EMPTY;
        refs_append(call->tenant, &environment->variables, variable);
    }
    return variable;
}

static void write_environment(struct json_writer *w, const struct environment *environment,
                              bool shows_hidden)
{
    jw_form(w, "{id:%i, canonicalId:%s, name:%s, description:%s, projectId:%?i, variables:{",
            environment->thing.id, environment->thing.canonical, environment->name,
            environment->description, environment->project_id);
    for (size_t i = 0; i < environment->variables.n; i++) {
        const struct variable *variable = environment->variables.items[i];

        jw_key_str(w, variable->name);
        jw_form(w, "{name:%s, value:", variable->name);
        if (variable->hidden && !shows_hidden) {
            jw_null(w);
        } else {
            jw_str(w, variable->value);
        }
        jw_form(w, "hidden:%b}", variable->hidden);
    }
    jw_end(w);
    write_times(w, &environment->thing);
    jw_end(w);
}

int handle_environment_create(struct call *call)
{
    const struct json *variables = json_get(call->body, "variables");
    const struct json *item;
    struct environment *environment;
    struct str name;
    int64_t project_id;

    if (!need_named(call, &name, &project_id)) {
        return call->status;
    }
    if (json_type(variables) != JSON_NULL && json_type(variables) != JSON_OBJECT) {
        return refuse_member(call, "variables", "must be an object");
    }
    if (json_size(variables) > MAX_VARIABLES) {
        return refuse_member(call, "variables", "are too many");
    }
    environment = thing_make(call, THING_ENVIRONMENT, sizeof(*environment), 0);
    environment->name = keep(call, name);
    keep_member(call, "description", &environment->description);
    environment->project_id = project_id;
    JSON_FOREACH (item, variables) {
        variable_make(call, environment, json_name(item))->value =
            json_type(item) == JSON_STRING ? keep(call, json_str(item)) : keep_json(call, item);
    }
    refs_append(call->tenant, &call->tenant->environments, environment);
    write_environment(call->w, environment, true);
    return 200;
}

static void write_environments(struct call *call, int64_t project_id)
{
    jw_array(call->w);
    for (size_t i = 0; i < call->tenant->environments.n; i++) {
        const struct environment *environment = call->tenant->environments.items[i];

        /* An environment without a project belongs to all projects. */
        if (project_id == 0 || environment->project_id == 0 ||
            environment->project_id == project_id) {
            write_environment(call->w, environment, false);
        }
    }
    jw_end(call->w);
}

int handle_environment_list(struct call *call)
{
    int64_t project_id = 0;

    if (ask_number(call, "projectId", 1, &project_id)) {
        write_environments(call, project_id);
    }
    return call->status;
}

/* GET /projects/{}/environments */
int handle_project_environments(struct call *call)
{
    jw_shape(call->w, "{environments:");
    write_environments(call, call->ids[0]);
    jw_end(call->w);
    return 200;
}

TELLS(environment_get, write_environment(call->w, call->thing, false))

int handle_environment_delete(struct call *call)
{
    return thing_delete(call, &call->tenant->environments);
}

/* POST …/variables {name, value, hidden} and PUT …/variables/{name} {value, hidden}. */
int handle_variable_set(struct call *call)
{
    struct environment *environment = call->thing;
    struct variable *variable;
    struct str name = call->word;
    const struct json *hidden = json_get(call->body, "hidden");

    if (name.len == 0 && !need_name(call, "name", &name)) {
        return call->status;
    }
    if (json_type(json_get(call->body, "value")) != JSON_STRING) {
        return refuse_member(call, "value", "must be a text");
    }
    if (call->word.len > 0 && variable_find(environment, name) == NULL) {
        return refuse(call, 404, "The environment has no such variable");
    }
    if (call->word.len == 0 && variable_find(environment, name) != NULL) {
        return refuse(call, 409, "The environment has a variable of this name");
    }
    variable = variable_make(call, environment, name);
    if (variable == NULL) {
        return refuse(call, 403, "The environment is full");
    }
    variable->value = keep(call, json_str(json_get(call->body, "value")));
    variable->hidden = hidden == NULL ? variable->hidden : json_true(hidden);
    thing_touch(&environment->thing);
    write_environment(call->w, environment, false);
    return 200;
}

int handle_variable_delete(struct call *call)
{
    struct environment *environment = call->thing;
    struct variable *variable = variable_find(environment, call->word);

    if (variable == NULL) {
        return refuse(call, 404, "The environment has no such variable");
    }
    refs_remove(&environment->variables, variable);
    thing_touch(&environment->thing);
    return 204;
}
