/* Common slips, mended: each fix rewrites a copy of what the caller sent and says what it did; in
 * the end the copy must bind. Nothing is sent with a mended form; the caller sees it and
 * decides. */
#include "draft.h"

/* Nothing else helped, and the other way round it binds: [2, "#color"] for an element and a
 * number. */
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

/* The old order is looked for where something is wrong; what is right as it stands is left alone,
 * unless an element stands behind what can only be a checkpoint. */
static bool may_be_old(const struct draft *draft, bool is_right)
{
    return !is_right ||
           (begins_with_digits(draft) && draft->n_args > 1 && looks_like_selector(draft->args[1]));
}

/* [1680930, 500, 300]: the last one is no position. */
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

/* [1024, 768] is a size, [1680930, 500, 300, 1] a point between a checkpoint and a position: which
 * it is shows in whether the whole binds. */
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

/* The name is wrong but known what it should be: the rest is judged as if it were right. Not where
 * a part of the name stands among the arguments, whose places would be others then. */
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
