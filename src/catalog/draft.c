/* The copy of what a caller sent: filled from it, changed by the fixes, and written back as JSON. */
#include "draft.h"

#include "base/utf8.h"

void draft_fixed(struct draft *draft, const char *what, struct str detail)
{
    warning_add(draft->fixes, draft->arena,
                detail.len > 0
                    ? arena_printf(draft->arena, "%s: %.*s", what, STR_ARG(utf8_clip(detail, 80)))
                    : str_from(what));
}

void draft_drop_arg(struct draft *draft, size_t index)
{
    for (size_t i = index; i + 1 < draft->n_args; i++) {
        draft->args[i] = draft->args[i + 1];
    }
    draft->n_args--;
}

static bool fill_arg(struct draft *draft, const struct json *arg)
{
    if (draft->n_args == ARGS_MAX - 1 ||
        (json_type(arg) != JSON_STRING && json_type(arg) != JSON_NUMBER)) {
        return false;
    }
    draft->args[draft->n_args++] =
        json_type(arg) == JSON_NUMBER ? json_number_text(arg, draft->arena) : json_str(arg);
    return true;
}

/* The value of an argument by its name, or by a misspelled name that is near to no other
 * argument. */
static const struct json *value_of(struct draft *draft, const struct json *params, size_t index)
{
    const struct param *param = &draft->row->args[index];
    const struct json *value = json_get(params, param->name);
    struct str near;

    if (value != NULL) {
        return value;
    }
    JSON_FOREACH (value, params) {
        if (param_nearest(draft->row->args, json_name(value), draft->arena, &near) == param) {
            if (!str_is(json_name(value), param->name)) {
                draft_fixed(draft, "the nearest argument", str_from(param->name));
            }
            return value;
        }
    }
    return NULL;
}

bool draft_fill_params(struct draft *draft, const struct json *params)
{
    size_t n_found = 0;

    if (draft->row == NULL) {
        return false;
    }
    for (size_t i = 0; i < draft->n_params; i++) {
        const struct json *value = value_of(draft, params, i);

        if (value == NULL) {
            break;
        }
        n_found++;
        if (!fill_arg(draft, value)) {
            return false;
        }
    }
    return n_found == json_size(params);
}

bool draft_fill(struct draft *draft, const struct command_input *input)
{
    const struct json *arg;

    draft->catalog = input->catalog;
    draft->command = str_trim(input->command);
    draft->checkpoint_id = input->checkpoint_id;
    draft->position = input->position;
    draft->options = input->options != NULL ? json_copy(draft->arena, input->options)
                                            : json_new_object(draft->arena);
    JSON_FOREACH (arg, input->args) {
        if (!fill_arg(draft, arg)) {
            return false;
        }
    }
    return input->args == NULL || input->params == NULL;
}

static struct json *draft_json(const struct draft *draft)
{
    struct json *out = json_new_object(draft->arena);
    struct json *args = json_new_array(draft->arena);

    for (size_t i = 0; i < draft->n_args; i++) {
        json_append(args, json_new_checked_string(draft->arena, draft->args[i]));
    }
    json_set(out, STR("command"), json_new_string(draft->arena, draft->command));
    json_set(out, STR("args"), args);
    json_set(out, STR("options"), json_copy(draft->arena, draft->options));
    if (draft->checkpoint_id.len > 0) {
        json_set(out, STR("checkpoint_id"), json_new_string(draft->arena, draft->checkpoint_id));
    }
    if (draft->position >= 0) {
        json_set(out, STR("position"), json_new_int(draft->arena, draft->position));
    }
    return out;
}

struct json *draft_corrected(struct draft *draft, const struct command_input *input)
{
    struct json *corrected = draft_json(draft);
    struct command_input mended = *input;
    struct bound_command bound;
    struct error_list ignored;
    bool ok;

    mended.command = draft->command;
    mended.params = NULL;
    mended.args = json_get(corrected, "args");
    mended.options = json_get(corrected, "options");
    error_list_init(&ignored);
    ok = catalog_bind(&mended, draft->arena, &bound, &ignored) == ERR_OK;
    error_list_done(&ignored);
    return ok ? corrected : NULL;
}

struct draft *draft_new(struct arena *arena, struct warning_list *fixes)
{
    struct draft *draft = arena_zalloc(arena, sizeof(*draft));

    *fixes = (struct warning_list){0};
    draft->arena = arena;
    draft->fixes = fixes;
    return draft;
}
