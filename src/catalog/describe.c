/* A row as a document, for GET /api/v1/commands. */
#include "catalog_internal.h"

static struct json *text(struct arena *arena, const char *value)
{
    return json_new_string(arena, str_from(value));
}

/* As a caller would write it: 20000, false, {}. */
static struct json *default_value(const struct param *param, struct arena *arena)
{
    struct json *value = NULL;

    if ((param->type == PARAM_INTEGER || param->type == PARAM_FLAG ||
         param->type == PARAM_OBJECT) &&
        json_parse(arena, str_from(param->def), NULL, &value, NULL) == ERR_OK) {
        return value;
    }
    return text(arena, param->def);
}

static struct json *describe_param(const struct param *param, struct arena *arena)
{
    struct json *out = json_new_object(arena);

    json_set(out, STR("name"), text(arena, param->name));
    json_set(out, STR("type"), text(arena, param_row(param->type)->name));
    json_set(out, STR("required"),
             json_new_bool(arena, (param->flags & PARAM_OPTIONAL) == 0 && param->def == NULL));
    if (param->words != NULL) {
        json_set(out, STR("values"), param_words(param->words, arena));
    }
    if (param->def != NULL) {
        json_set(out, STR("default"), default_value(param, arena));
    }
    if (param->min != 0 || param->max != 0) {
        json_set(out, STR("min"), json_new_int(arena, param->min));
        json_set(out, STR("max"), json_new_int(arena, param->max));
    }
    if (param->unit != NULL) {
        json_set(out, STR("unit"), text(arena, param->unit));
    }
    if (param->flag != NULL) {
        json_set(out, STR("flag"), text(arena, param->flag));
    }
    if ((param->flags & PARAM_EMPTY) != 0) {
        json_set(out, STR("may_be_empty"), json_new_bool(arena, true));
    }
    if ((param->flags & PARAM_INERT) != 0) {
        json_set(out, STR("inert"), json_new_bool(arena, true));
    }
    return out;
}

static struct json *describe_params(const struct param *params, struct arena *arena)
{
    struct json *list = json_new_array(arena);

    for (; params->name != NULL; params++) {
        json_append(list, describe_param(params, arena));
    }
    return list;
}

struct json *catalog_describe(const struct command *command, struct arena *arena)
{
    struct json *out = json_new_object(arena);
    struct json *aliases = json_new_array(arena);

    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL; i++) {
        json_append(aliases, text(arena, command->aliases[i]));
    }
    json_set(out, STR("command"), text(arena, command->words));
    json_set(out, STR("summary"), text(arena, command->summary));
    json_set(out, STR("kind"), text(arena, command->kind == COMMAND_STEP ? "step" : "call"));
    json_set(out, STR("usage"), json_new_string(arena, command_usage(command, arena)));
    json_set(out, STR("args"), describe_params(command->args, arena));
    json_set(out, STR("options"), describe_params(command->options, arena));
    json_set(out, STR("aliases"), aliases);
    json_set(out, STR("example"), text(arena, command->example));
    json_set(out, STR("method"), text(arena, command->call.method));
    json_set(out, STR("path"), text(arena, command->call.path));
    return out;
}
