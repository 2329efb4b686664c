/* Common slips, mended: each fix rewrites a copy of what the caller sent and says what it did; in
 * the end the copy must bind. Nothing is sent with a mended form; the caller sees it and
 * decides. */
#include <string.h>

#include "base/utf8.h"
#include "draft.h"

enum { CHECKPOINT_DIGITS_MIN = 4, CHECKPOINT_DIGITS_SURE = 7, NAME_WORDS = 8 };

enum { POSITION_MAX = 1000000 }; /* of a step, api/command/command.c */

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

/* ---- the fixes ---- */

static void find_row(struct draft *draft)
{
    struct str words[NAME_WORDS + MAX_WORDS];
    struct str rest = draft->command;
    size_t n = 0;
    size_t n_own;
    size_t n_name = 0;
    bool alias;

    while (n < NAME_WORDS && str_next(&rest, ' ', &words[n])) {
        n++;
    }
    n_own = n;
    for (size_t i = 0; i < draft->n_args && i < MAX_WORDS; i++) {
        words[n++] = draft->args[i];
    }
    draft->row = n > 0 ? catalog_find(words, n, &n_name, &alias, NULL) : NULL;
    draft->n_params = 0;
    if (draft->row == NULL || n_name < n_own) { /* words left over would be lost */
        draft->row = NULL;
        return;
    }
    while (draft->row->args[draft->n_params].name != NULL) {
        draft->n_params++;
    }
    for (rest = draft->command; n_name > 0 && str_next(&rest, ' ', &words[0]); n_name--) {
    }
    for (; n_name > 0; n_name--) {
        draft_drop_arg(draft, 0);
    }
    draft->command = str_from(draft->row->words);
}

static struct str lower_case(struct draft *draft, struct str text)
{
    char *lower = arena_alloc(draft->arena, text.len + 1);

    for (size_t i = 0; i < text.len; i++) {
        lower[i] = char_lower(text.ptr[i]);
    }
    return (struct str){lower, text.len};
}

/* One word of a name as names are written. */
static struct str name_word(struct draft *draft, struct str word)
{
    struct str lower = lower_case(draft, word);
    char *at = unconst(lower.ptr);

    for (size_t i = 0; i < lower.len; i++) {
        at[i] = (char)(at[i] == '_' ? '-' : at[i]);
    }
    return lower;
}

/* "STEP-INTERACT", "step_interact". Only the name: what follows it in the same text (fix_line) may
 * be an address or a variable. */
static void fix_case(struct draft *draft)
{
    struct str words[NAME_WORDS];
    struct str rest = draft->command;
    struct str tail = STR_EMPTY;
    struct str name = STR_EMPTY;
    size_t n = 0;
    size_t n_name = 0;
    bool alias;

    while (n < ARRAY_LEN(words) && str_next(&rest, ' ', &words[n])) {
        words[n] = name_word(draft, words[n]);
        n++;
    }
    if (n == 0) {
        return;
    }
    if (catalog_find(words, n, &n_name, &alias, NULL) == NULL) {
        n_name = n; /* a part of a name, the rest of it in "args" */
    }
    for (tail = draft->command; n_name > 0 && str_next(&tail, ' ', &rest); n_name--) {
        arena_join(draft->arena, &name, " ", name_word(draft, rest));
    }
    if (!str_starts(draft->command, name)) {
        draft->command = arena_printf(draft->arena, "%.*s%s%.*s", STR_ARG(name),
                                      tail.len > 0 ? " " : "", STR_ARG(tail));
        draft_fixed(draft, "commands are written in lower case, with dashes", name);
    }
}

/* All of it in "command": step-interact click "Sign in" --position TOP_LEFT. */
static void fix_line(struct draft *draft)
{
    struct json *line = NULL;
    const struct json *arg;
    const struct json *option;
    struct str words[NAME_WORDS];
    struct str rest = draft->command;
    size_t n = 0;
    size_t n_name = 0;
    bool alias;

    while (n < ARRAY_LEN(words) && str_next(&rest, ' ', &words[n])) {
        n++;
    }
    if (draft->n_args > 0 || n == 0 || catalog_find(words, n, &n_name, &alias, NULL) == NULL ||
        n_name == n || command_line_parse(draft->arena, draft->command, &line, NULL) != ERR_OK) {
        return;
    }
    draft->command = json_str(json_get(line, "command"));
    JSON_FOREACH (arg, json_get(line, "args")) {
        if (draft->n_args < ARGS_MAX - 1) {
            draft->args[draft->n_args++] = json_str(arg);
        }
    }
    JSON_FOREACH (option, json_get(line, "options")) {
        json_set(draft->options, json_name(option), json_copy(draft->arena, option));
    }
    draft_fixed(draft, "arguments go into \"args\"", draft->args[0]);
}

/* "click" for "step-interact click": the first command that ends with the word. */
static void fix_bare_verb(struct draft *draft)
{
    const struct command *found = catalog_by_verb(draft->command);

    if (found != NULL) {
        draft->command = str_from(found->words);
        find_row(draft);
        draft_fixed(draft, "a command is named with its group", draft->command);
    }
}

/* Mends "step-interact clik" and "step-asert equals": takes the nearest name, if it replaces all
 * words of the command. */
static void fix_misspelled(struct draft *draft)
{
    struct str words[NAME_WORDS + MAX_WORDS];
    struct str rest = draft->command;
    const struct command *found;
    size_t n = 0;
    size_t n_own;
    size_t n_name = 0;

    while (n < NAME_WORDS && str_next(&rest, ' ', &words[n])) {
        n++;
    }
    n_own = n;
    for (size_t i = 0; i < draft->n_args && i < MAX_WORDS; i++) {
        words[n++] = draft->args[i];
    }
    found = n > 0 ? catalog_meant(words, n, &n_name) : NULL;
    if (found == NULL || n_name < n_own) {
        return;
    }
    for (; n_name > n_own; n_name--) {
        draft_drop_arg(draft, 0);
    }
    draft->command = str_from(found->words);
    find_row(draft);
    draft_fixed(draft, "the nearest command", draft->command);
}

/* The rest of the name may stand in front of the arguments: "MOUSE", "MOVE-TO". Only as many words
 * are lowered as are needed to find a command; without one nothing is. */
static void fix_case_of_args(struct draft *draft)
{
    struct str kept[MAX_WORDS];

    for (size_t i = 0; draft->row == NULL && i < draft->n_args && i < MAX_WORDS; i++) {
        for (size_t k = 0; k <= i; k++) {
            kept[k] = draft->args[k];
            draft->args[k] = lower_case(draft, kept[k]);
        }
        find_row(draft);
        if (draft->row != NULL) {
            draft_fixed(draft, "commands are written in lower case", draft->command);
            return;
        }
        for (size_t k = 0; k <= i; k++) {
            draft->args[k] = kept[k];
        }
    }
}

/* Given again, a list gets longer; another value stays beside the first one, which binding
 * refuses. */
static void put_option(struct draft *draft, const struct param *option, struct str name,
                       struct str text)
{
    struct str key = option != NULL ? str_from(option->name) : name;
    const struct json *old = json_get(draft->options, arena_cstr(draft->arena, key));
    struct json *value =
        text.len > 0 ? json_new_string(draft->arena, text) : json_new_bool(draft->arena, true);

    if (json_str(old).len > 0 && option != NULL && option->type == PARAM_LIST) {
        value = json_new_string(draft->arena, arena_printf(draft->arena, "%.*s,%.*s",
                                                           STR_ARG(json_str(old)), STR_ARG(text)));
    } else if (old != NULL && !json_equal(old, value)) {
        key = arena_printf(draft->arena, "--%.*s", STR_ARG(key));
    }
    json_set(draft->options, key, value);
}

static void fix_flags(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args;) {
        struct str word = draft->args[i];
        struct str name;
        struct str value;
        const struct param *option;

        if (!str_starts(word, STR("--")) || word.len < 3) {
            i++;
            continue;
        }
        (void)str_cut(str_sub(word, 2, word.len), '=', &name, &value);
        option = draft->row != NULL ? option_lookup(draft->row, name, draft->arena) : NULL;
        draft_drop_arg(draft, i);
        if (option != NULL && option->type != PARAM_FLAG && value.len == 0 && i < draft->n_args) {
            value = draft->args[i];
            draft_drop_arg(draft, i);
        }
        put_option(draft, option, name, value);
        draft_fixed(draft, "options go into \"options\"", word);
    }
}

static bool is_number(struct str text, int64_t *out)
{
    return str_to_i64(text, 0, INT64_MAX, out);
}

/* The first argument as the id of a checkpoint; empty: it does not look like one. */
static struct str checkpoint_digits(const struct draft *draft)
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

/* One argument too many, numbers at both ends: is it the first or the last that does not belong? A
 * wait of 1680930 ms would be refused and nobody looks for an element "cp_1680930". */
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

static void take_checkpoint(struct draft *draft, struct str digits)
{
    draft->checkpoint_id = digits;
    draft_drop_arg(draft, 0);
    draft_fixed(draft, "the checkpoint goes into \"checkpoint_id\"", digits);
}

/* The old command line took [checkpoint-id] ... [position] around the arguments. */
static void fix_old_positions(struct draft *draft)
{
    int64_t number;
    struct str first;

    if (draft->row == NULL || draft->row->kind != COMMAND_STEP ||
        draft->n_args <= n_required(draft)) {
        return;
    }
    first = checkpoint_digits(draft);
    if (draft->n_args <= draft->n_params) { /* not too many arguments, but the first may be a
                                             * checkpoint id before an optional one */
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
    for (size_t i = 1; i < text.len; i++) {
        char c = char_lower(text.ptr[i]);

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return text.len == 4 || text.len == 7;
}

/* As names in CSS are mostly written; the first character has been looked at. */
static bool is_plain_name(struct str text)
{
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if ((i == 1 && (c < 'a' || c > 'z')) ||
            (!letter && (c < '0' || c > '9') && c != '-' && c != '_')) {
            return false;
        }
    }
    return text.len > 1;
}

/* Ids, classes longer than a file's ending, attributes with a value, XPath: what people hardly type
 * as a text into a field. */
static bool looks_like_selector(struct str text)
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

/* The second argument is a text that somebody types or expects. */
static bool takes_text(const struct param *param)
{
    return param->type == PARAM_VARIABLE ||
           (param->type == PARAM_TEXT && !str_is(STR("attribute"), param->name));
}

static void fix_swapped(struct draft *draft)
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

/* ---- in and out ---- */

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

/* Named arguments are mended as a list; false: one of them is not of the command. */
static bool fill_params(struct draft *draft, const struct json *params)
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

static bool fill(struct draft *draft, const struct command_input *input)
{
    const struct json *arg;

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
        json_append(args, json_new_string(draft->arena, draft->args[i]));
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

/* The draft as JSON, if it binds; else NULL. */
static struct json *corrected_json(struct draft *draft, const struct command_input *input)
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

/* Nothing else helped, and the other way round it binds: [2, "#color"] for an element and a
 * number. */
static void fix_order(struct draft *draft, const struct command_input *input)
{
    struct str first = draft->args[0];

    if (draft->row == NULL || draft->n_args < 2 || draft->n_params < 2 ||
        draft->row->args[0].type == draft->row->args[1].type ||
        draft->row->args[0].type == PARAM_VARIABLE || draft->row->args[1].type == PARAM_VARIABLE) {
        return; /* any word is a name */
    }
    draft->args[0] = draft->args[1];
    draft->args[1] = first;
    if (corrected_json(draft, input) != NULL) {
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
    struct warning_list fixes = *draft->fixes;
    struct draft other = *draft;
    struct warning_list other_fixes = fixes;

    other_fixes.items = arena_calloc(draft->arena, fixes.cap + 1, sizeof(*other_fixes.items));
    for (size_t i = 0; i < fixes.n; i++) {
        other_fixes.items[i] = fixes.items[i];
    }
    other_fixes.cap = fixes.cap + 1;
    mend_in_order(draft, pairs_first, is_right);
    if (corrected_json(draft, input) != NULL) {
        return;
    }
    other.fixes = &other_fixes;
    mend_in_order(&other, !pairs_first, is_right);
    if (corrected_json(&other, input) != NULL) {
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
    if (!fill(draft, input)) {
        return code;
    }
    fix_case(draft);
    if (input->params == NULL) {
        fix_line(draft);
    }
    find_row(draft);
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
    if (input->params != NULL && !fill_params(draft, input->params)) {
        *out_fixes = (struct warning_list){0};
        return code;
    }
    fix_flags(draft);
    if (draft->row != NULL) {
        mend_option_names(draft);
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
    *out_corrected = corrected_json(draft, input);
    if (*out_corrected == NULL) {
        *out_fixes = (struct warning_list){0};
    }
    return code;
}

struct json *catalog_from_old(const struct command_input *input, struct arena *arena,
                              struct warning_list *out_fixes)
{
    struct draft *draft = draft_new(arena, out_fixes);

    if (input->params != NULL || !fill(draft, input)) {
        return NULL;
    }
    find_row(draft);
    fix_old_positions(draft);
    return out_fixes->n > 0 ? corrected_json(draft, input) : NULL;
}
