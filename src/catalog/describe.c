/* Writes a row as JSON for GET /api/v1/commands, and a bound command as the request that it makes. */
#include "base/json_form.h"
#include "catalog_internal.h"

/* Writes the default as a caller would: 20000, false, {}. */
static void write_default(const struct param *param, struct arena *arena, struct json_writer *w)
{
    struct json *value = NULL;
    bool is_json = (param->type == PARAM_INTEGER || param->type == PARAM_FLAG ||
                    param->type == PARAM_OBJECT) &&
                   json_parse(arena, str_from(param->def), NULL, &value, NULL) == ERR_OK;

    jw_form(w, is_json ? "default:%j" : "default:%s", param->def);
}

static void describe_param(const struct param *param, struct arena *arena, struct json_writer *w)
{
    jw_form(w, "{name:%s, type:%s, required:%b", param->name, param_row(param->type)->name,
            (param->flags & PARAM_OPTIONAL) == 0 && param->def == NULL);
    if (param->words != NULL) {
        jw_shape(w, "values:[");
        param_words(w, param->words);
        jw_end(w);
    }
    if (param->def != NULL) {
        write_default(param, arena, w);
    }
    if (param->min != 0 || param->max != 0) {
        jw_form(w, "min:%i, max:%i", param->min, param->max);
    }
    jw_form(w, "unit?:%s, flag?:%s, may_be_empty?:%b, inert?:%b}", param->unit, param->flag,
            (param->flags & PARAM_EMPTY) != 0, (param->flags & PARAM_INERT) != 0);
}

static void describe_params(const struct param *params, struct arena *arena, struct json_writer *w)
{
    for (; params->name != NULL; params++) {
        describe_param(params, arena, w);
    }
}

struct json *bound_request(const struct bound_command *bound, const struct json *known,
                           struct arena *arena)
{
    struct scope outer = scope_of_object(known, NULL);
    struct scope scope = scope_of_object(bound->values, &outer);
    struct json *out = NULL;

    return call_show(bound->call, &scope, arena, &out, NULL) == ERR_OK ? out
                                                                       : json_new_object(arena);
}

void catalog_describe(const struct command *command, struct arena *arena, struct json_writer *w)
{
    jw_form(w, "{command:%s, summary:%s, kind:%s, usage:%s, args:[", command->words,
            command->summary, command->kind == COMMAND_STEP ? "step" : "call",
            command_usage(command, arena));
    describe_params(command->args, arena, w);
    jw_shape(w, "], options:[");
    describe_params(command->options, arena, w);
    jw_shape(w, "], aliases:[");
    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL; i++) {
        jw_text(w, command->aliases[i]);
    }
    jw_form(w, "], example:%s, method:%s, path:%s", command->example, command->call.method,
            command->call.path);
}
