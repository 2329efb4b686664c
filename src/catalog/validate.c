/* Mends common slips: each fix rewrites a copy of what the caller sent and says what it did; in
 * the end the copy must bind. The mended form is only shown to the caller, who decides; it is never
 * sent. */
#include "draft.h"

/* ---- the copy of what a caller sent: filled from it, and written back as JSON ---- */

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

static bool draft_fill_params(struct draft *draft, const struct json *params)
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

static bool draft_fill(struct draft *draft, const struct command_input *input)
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

static struct json *draft_corrected(struct draft *draft, const struct command_input *input)
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

static struct draft *draft_new(struct arena *arena, struct warning_list *fixes)
{
    struct draft *draft = arena_zalloc(arena, sizeof(*draft));

    *fixes = (struct warning_list){0};
    draft->arena = arena;
    draft->fixes = fixes;
    return draft;
}

/* ---- the order of the fixes ---- */

/* Where no other fix helped: swaps the first two arguments, if the command binds then: [2, "#color"]
 * for an element and a number. */
static void fix_order(struct draft *draft, const struct command_input *input)
{
    struct str first = draft->args[0];

    if (draft->row == NULL || draft->n_args < 2 || draft->n_params < 2 ||
        draft->row->args[0].type == draft->row->args[1].type ||
        draft->row->args[0].type == PARAM_VARIABLE || draft->row->args[1].type == PARAM_VARIABLE) {
        return; /* any word may be the name of a variable: the types do not tell the order */
    }
    draft->args[0] = draft->args[1];
    draft->args[1] = first;
    if (draft_corrected(draft, input) != NULL) {
        draft_fixed(draft, "the arguments were in another order",
                    command_usage(draft->row, draft->arena));
    }
}

static bool begins_with_digits(const struct draft *draft)
{
    return draft->n_args > 0 && checkpoint_digits(draft).len >= CHECKPOINT_DIGITS_SURE;
}

/* May the arguments be in the old order? Only if the command does not bind as it is, or if a selector
 * follows a number that can only be a checkpoint. */
static bool may_be_old(const struct draft *draft, bool is_right)
{
    return !is_right ||
           (begins_with_digits(draft) && draft->n_args > 1 && looks_like_selector(draft->args[1]));
}

/* [1680930, 500, 300] is a checkpoint and a pair: 300 is not a position. */
static bool is_checkpoint_and_pair(const struct draft *draft)
{
    enum param_type type = draft->row->args[0].type;

    return draft->n_params == 1 && (type == PARAM_POINT || type == PARAM_SIZE) &&
           draft->n_args == 3 && draft->checkpoint_id.len == 0 && begins_with_digits(draft);
}

static void mend_in_order(struct draft *draft, bool pairs_first, bool is_right)
{
    if (pairs_first) {
        mend_pairs(draft);
    }
    if (!pairs_first && is_checkpoint_and_pair(draft)) {
        take_checkpoint(draft, checkpoint_digits(draft));
    } else if (may_be_old(draft, is_right)) {
        fix_old_positions(draft);
    }
    mend_pairs(draft);
    mend_args(draft);
    fix_swapped(draft);
}

/* [1024, 768] is a size, [1680930, 500, 300, 1] a point between a checkpoint and a position. Each meaning
 * is tried, and the one with which the command binds is kept. */
static void mend_values(struct draft *draft, const struct command_input *input, bool is_right)
{
    bool pairs_first = !(begins_with_digits(draft) && draft->n_args > 2);
    struct draft other = *draft;
    struct warning_list other_fixes = {0};

    for (size_t i = 0; i < draft->fixes->n; i++) {
        warning_add(&other_fixes, draft->arena, draft->fixes->items[i]);
    }
    mend_in_order(draft, pairs_first, is_right);
    if (draft_corrected(draft, input) != NULL) {
        return;
    }
    other.fixes = &other_fixes;
    mend_in_order(&other, !pairs_first, is_right);
    if (draft_corrected(&other, input) != NULL) {
        other.fixes = draft->fixes;
        *draft->fixes = other_fixes;
        *draft = other;
    }
}

/* The command's name is wrong, but the right one is known: reports the other errors of the right command. Not if
 * a part of the name is among the arguments: the errors would point to wrong places. */
static void bind_the_rest(const struct command_input *input, const struct draft *draft,
                          struct error_list *errors)
{
    struct command_input meant = *input;
    struct bound_command ignored;

    meant.command = draft->command;
    if (json_size(input->args) == draft->n_args) {
        (void)!catalog_bind(&meant, draft->arena, &ignored, errors);
    }
}

enum error_code catalog_validate(const struct command_input *input, struct arena *arena,
                                 struct bound_command *out, struct error_list *errors,
                                 struct json **out_corrected, struct warning_list *out_fixes)
{
    enum error_code code = catalog_bind(input, arena, out, errors);
    struct draft *draft = draft_new(arena, out_fixes);

    *out_corrected = NULL;
    if (!draft_fill(draft, input)) {
        return code;
    }
    fix_case(draft);
    if (input->params == NULL) {
        fix_line(draft);
    }
    draft_find_row(draft);
    if (draft->row == NULL) {
        fix_bare_verb(draft);
    }
    fix_case_of_args(draft);
    if (draft->row == NULL) {
        fix_misspelled(draft);
    }
    if (out->command == NULL && draft->row != NULL) {
        bind_the_rest(input, draft, errors);
    }
    if (input->params != NULL && !draft_fill_params(draft, input->params)) {
        *out_fixes = (struct warning_list){0};
        return code;
    }
    fix_flags(draft);
    if (draft->row != NULL) {
        mend_options(draft);
        mend_quotes(draft);
        mend_values(draft, input, code == ERR_OK);
    }
    if (code != ERR_OK && out_fixes->n == 0) {
        fix_order(draft, input);
    }
    if (out_fixes->n == 0) {
        return code;
    }
    *out_corrected = draft_corrected(draft, input);
    if (*out_corrected == NULL) {
        *out_fixes = (struct warning_list){0};
    }
    return code;
}

struct json *catalog_from_old(const struct command_input *input, struct arena *arena,
                              struct warning_list *out_fixes)
{
    struct draft *draft = draft_new(arena, out_fixes);

    if (input->params != NULL || !draft_fill(draft, input)) {
        return NULL;
    }
    draft_find_row(draft);
    fix_old_positions(draft);
    return out_fixes->n > 0 ? draft_corrected(draft, input) : NULL;
}
