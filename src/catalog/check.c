/* Checks one row at start-up. A mistake in a row would otherwise fail at its first caller or, worse,
 * send something else than the row seems to say. */
#include "base/check.h"
#include "catalog_internal.h"

enum { MAX_NAMES = 40 };

struct checking {
    const struct command *command;
    struct arena arena; /* of the check alone, freed at its end */
    struct error *err;
    struct str names[MAX_NAMES]; /* names that templates may use */
    bool used[MAX_NAMES];
    size_t n;
    struct str unknown;
};

static bool bad(struct checking *c, const char *what, struct str detail)
{
    (void)error_set(c->err, ERR_INTERNAL, "command \"%s\": %s%s%.*s%s",
                    c->command->words != NULL ? c->command->words : "?", what,
                    detail.len > 0 ? " \"" : "", STR_ARG(detail), detail.len > 0 ? "\"" : "");
    return false;
}

static void name_known(void *context, struct str name)
{
    struct checking *c = context;

    CHECK(c->n < MAX_NAMES);
    c->names[c->n++] = name;
}

static void name_used(void *context, struct str name)
{
    struct checking *c = context;
    bool known = false;

    for (size_t i = 0; i < c->n; i++) {
        if (str_eq(c->names[i], name)) {
            c->used[i] = true;
            known = true;
        }
    }
    if (!known) {
        c->unknown = name;
    }
}

static bool is_used(const struct checking *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (str_is(c->names[i], name) && c->used[i]) {
            return true;
        }
    }
    return false;
}

/* ---- the row by itself ---- */

static bool check_shape(struct checking *c)
{
    const struct command *command = c->command;
    struct str method = str_from(command->call.method);
    enum call_class class = str_is(method, "GET")    ? CALL_READ
                            : str_is(method, "POST") ? CALL_CREATE
                                                     : CALL_CHANGE;

    if (command->words == NULL || command->summary == NULL || command->example == NULL) {
        return bad(c, "words, a summary and an example are needed", STR_EMPTY);
    }
    if (command->call.name == NULL || command->call.method == NULL || command->call.path == NULL) {
        return bad(c, "a call needs a name, a method and a path", STR_EMPTY);
    }
    if (command->permission == 0) {
        return bad(c, "no permission is asked for", STR_EMPTY);
    }
    if (command->aliases[COMMAND_MAX_ALIASES - 1] != NULL) {
        return bad(c, "its list of aliases has no end", STR_EMPTY);
    }
    if ((command->kind == COMMAND_CALL) != (command->reply != REPLY_NONE)) {
        return bad(c, "calls have a reply, steps have none", STR_EMPTY);
    }
    return command->call.class == class ||
           bad(c, "its class does not follow from the method", method);
}

/* ---- its parameters ---- */

static bool check_default(struct checking *c, const struct param *param)
{
    const struct catalog_defaults defaults = {STR("1")};
    struct error_list errors;
    const struct param_place place = {param,   "",        &c->arena, json_new_object(&c->arena),
                                      &errors, &defaults, NULL};
    bool ok;

    error_list_init(&errors);
    (void)param_default(&place);
    ok = errors.n == 0;
    error_list_done(&errors);
    return ok || bad(c, "the default does not fit its parameter", str_from(param->name));
}

static bool check_param(struct checking *c, const struct param *param)
{
    for (size_t i = 0; i < c->n; i++) {
        if (str_is(c->names[i], param->name) && !is_part_of_point(c->command, param)) {
            return bad(c, "there are two parameters", str_from(param->name));
        }
    }
    if (param->type == PARAM_ENUM && param->words == NULL) {
        return bad(c, "there are no words to choose from for", str_from(param->name));
    }
    if (param->max != 0 && param->min > param->max) {
        return bad(c, "no value is in the range of", str_from(param->name));
    }
    return check_default(c, param);
}

static bool check_params(struct checking *c, const struct param *params, bool are_args)
{
    bool optional = false;

    if (params[COMMAND_MAX_PARAMS - 1].name != NULL) {
        return bad(c, "its list of parameters has no end", STR_EMPTY);
    }
    for (const struct param *param = params; param->name != NULL; param++) {
        if (are_args && optional && (param->flags & PARAM_OPTIONAL) == 0) {
            return bad(c, "behind an optional argument stands", str_from(param->name));
        }
        optional = (param->flags & PARAM_OPTIONAL) != 0;
        if (!are_args && !optional) {
            return bad(c, "an option must be optional:", str_from(param->name));
        }
        if (!check_param(c, param)) {
            return false;
        }
        param_names(param, name_known, c);
    }
    return true;
}

/* ---- names in templates ---- */

static bool use_call(struct checking *c, const struct call_spec *spec)
{
    struct call compiled = {0};
    struct error why = {0};

    if (call_compile(&c->arena, spec, 0, &compiled, &why) != ERR_OK) {
        return bad(c, "its call does not compile:", str_from(why.text));
    }
    path_names(spec->path, name_used, c);
    if (spec->query != NULL) {
        path_names(spec->query, name_used, c);
    }
    if (compiled.body != NULL) {
        template_names(compiled.body, name_used, c);
    }
    return true;
}

/* Calls before the main one capture values; the main call may use their names. */
static bool use_extra(struct checking *c, const struct command_call *calls)
{
    for (size_t i = 0; i < COMMAND_MAX_CALLS && calls[i].named != CALL_NONE; i++) {
        const struct call_spec *spec = NULL;

        for (size_t k = 0; k < n_extra_calls && spec == NULL; k++) {
            spec = str_is(str_from(extra_calls[k].name), named_call_names[calls[i].named])
                       ? &extra_calls[k]
                       : NULL;
        }
        if (spec == NULL) {
            return bad(c, "there is no call", str_from(named_call_names[calls[i].named]));
        }
        if (!use_call(c, spec)) {
            return false;
        }
    }
    return true;
}

/* An option of a step is used by the body or by the row's rule, by nothing else. The plan (wait,
 * timeout) and the reply may also read an option of a call, so those options are not checked. */
static bool check_used(struct checking *c)
{
    const struct command *command = c->command;

    for (const struct param *param = command->args; param->name != NULL; param++) {
        bool has_parts = param_row(param->type)->parts[0] != NULL; /* the template uses those */

        if (!has_parts && !is_used(c, param->name)) {
            return bad(c, "nothing uses the argument", str_from(param->name));
        }
    }
    for (const struct param *param = command->options; param->name != NULL; param++) {
        if (command->kind == COMMAND_STEP && command->special == NULL &&
            (param->flags & PARAM_INERT) == 0 && !is_used(c, param->name)) {
            return bad(c, "nothing uses the option", str_from(param->name));
        }
    }
    return true;
}

static bool check_names(struct checking *c)
{
    const struct command *command = c->command;
    const struct capture *captures = command->call.captures;

    if (command->kind == COMMAND_STEP) {
        name_known(c, STR("checkpoint_id"));
        name_known(c, STR("position"));
    }
    if (command->special == rule_answer) {
        name_known(c, STR("answer"));
    }
    if (!use_call(c, &command->call) || !use_extra(c, command->before)) {
        return false;
    }
    for (size_t i = 0; i < CALL_MAX_CAPTURES && captures[i].variable != NULL; i++) {
        name_known(c, str_from(captures[i].variable));
    }
    return use_extra(c, command->then) &&
           (c->unknown.len == 0 ||
            bad(c, "a call uses a name that is not one of its parameters:", c->unknown));
}

enum error_code catalog_check_row(const struct command *command, struct error *err)
{
    struct checking c = {.command = command, .err = err};
    bool ok;

    arena_init(&c.arena);
    ok = check_shape(&c) && check_params(&c, command->args, true) &&
         check_params(&c, command->options, false) && check_names(&c) && check_used(&c);
    arena_done(&c.arena);
    return ok ? ERR_OK : ERR_INTERNAL;
}
