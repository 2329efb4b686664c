/* Mends the order of arguments: a checkpoint before them and a position behind them, as in old command lines,
 * or two of them swapped. */

#include "draft.h"

enum { CHECKPOINT_DIGITS_MIN = 4 };

enum { POSITION_MAX = 1000000 }; /* of a step, api/command/command.c */

static bool is_number(struct str text, int64_t *out)
{
    return str_to_i64(text, 0, INT64_MAX, out);
}

struct str checkpoint_digits(const struct draft *draft)
{
    struct str first = draft->args[0];
    int64_t number;

    if (str_starts(first, STR("cp_"))) {
        first = str_sub(first, 3, first.len);
    }
    return first.len >= CHECKPOINT_DIGITS_MIN && is_number(first, &number) ? first : STR_EMPTY;
}

static size_t n_required(const struct draft *draft)
{
    size_t n = 0;

    for (size_t i = 0; i < draft->n_params; i++) {
        n += (draft->row->args[i].flags & PARAM_OPTIONAL) == 0;
    }
    return n;
}

/* One argument too many, and numbers at both ends. True: the first one is the checkpoint, since it begins with
 * "cp_", has enough digits, or is too large for the argument (a wait of 1680930 ms would be refused). */
static bool leads_with_checkpoint(const struct draft *draft)
{
    int64_t number;

    return draft->n_args == draft->n_params + 1 && draft->checkpoint_id.len == 0 &&
           (str_starts(draft->args[0], STR("cp_")) ||
            (checkpoint_digits(draft).len >= CHECKPOINT_DIGITS_SURE &&
             n_required(draft) == draft->n_params) ||
            (draft->n_params > 0 && draft->row->args[0].type == PARAM_INTEGER &&
             is_number(draft->args[0], &number) && draft->row->args[0].max > 0 &&
             number > draft->row->args[0].max));
}

void take_checkpoint(struct draft *draft, struct str digits)
{
    draft->checkpoint_id = digits;
    draft_drop_arg(draft, 0);
    draft_fixed(draft, "the checkpoint goes into \"checkpoint_id\"", digits);
}

void fix_old_positions(struct draft *draft)
{
    int64_t number;
    struct str first;

    if (draft->row == NULL || draft->row->kind != COMMAND_STEP ||
        draft->n_args <= n_required(draft)) {
        return;
    }
    first = checkpoint_digits(draft);
    if (draft->n_args <= draft->n_params) { /* not too many, but the first may be a checkpoint
                                             * where an optional argument is left out */
        if (first.len >= CHECKPOINT_DIGITS_SURE && draft->checkpoint_id.len == 0) {
            take_checkpoint(draft, first);
        }
        return;
    }
    if (draft->position < 0 && is_number(draft->args[draft->n_args - 1], &number) &&
        number <= POSITION_MAX && !(first.len > 0 && leads_with_checkpoint(draft))) {
        draft->position = number;
        draft_drop_arg(draft, draft->n_args - 1);
        draft_fixed(draft, "the position goes into \"position\"",
                    arena_printf(draft->arena, "%lld", (long long)number));
    }
    if (draft->checkpoint_id.len == 0 &&
        (draft->n_args > draft->n_params
             ? first.len > 0
             : draft->n_args > n_required(draft) && first.len >= CHECKPOINT_DIGITS_SURE)) {
        take_checkpoint(draft, first);
    }
}

/* #fff, #ff0000: a colour. */
static bool is_colour(struct str text)
{
    return (text.len == 4 || text.len == 7) && str_is_only(str_sub(text, 1, text.len), "0-9a-fA-F");
}

/* Is the text after its first character, # or a dot, written as most names in CSS are? */
static bool is_plain_name(struct str text)
{
    struct str name = str_sub(text, 1, text.len);

    return str_is_only(name, "A-Za-z0-9_-") && char_lower(name.ptr[0]) == name.ptr[0] &&
           str_span(name, "A-Za-z") > 0;
}

bool looks_like_selector(struct str text)
{
    enum { SHORTEST_CLASS = 6 };

    switch (text.len > 1 ? text.ptr[0] : ' ') {
    case '/':
        return text.len > 2 && text.ptr[1] == '/' &&
               (text.ptr[2] == '*' || char_lower(text.ptr[2]) != char_upper(text.ptr[2])) &&
               str_find_char(text, '.') < 0;
    case '#':
        return is_plain_name(text) && !is_colour(text);
    case '.':
        return is_plain_name(text) && (text.len >= SHORTEST_CLASS || str_find_char(text, '-') > 0);
    case '[':
        return str_find_char(text, '=') > 1 && text.ptr[text.len - 1] == ']';
    default:
        return str_starts(text, STR("xpath="));
    }
}

/* The argument is a variable, or a text that the step types or expects. */
static bool takes_text(const struct param *param)
{
    return param->type == PARAM_VARIABLE ||
           (param->type == PARAM_TEXT && !str_is(STR("attribute"), param->name));
}

void fix_swapped(struct draft *draft)
{
    struct str kept;

    if (draft->row == NULL || draft->n_params < 2 || draft->n_args < 2 ||
        !str_is(str_from(draft->row->args[0].name), "element") ||
        !takes_text(&draft->row->args[1]) ||
        (draft->row->args[1].type == PARAM_TEXT && str_starts(draft->args[0], STR("$")))) {
        return;
    }
    if (!looks_like_selector(draft->args[0]) && looks_like_selector(draft->args[1])) {
        kept = draft->args[0];
        draft->args[0] = draft->args[1];
        draft->args[1] = kept;
        draft_fixed(draft, "the element comes first, then the text", draft->args[0]);
    }
}
