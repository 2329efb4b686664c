/* Mends names: a command that is misspelled or in the wrong place, and options among the arguments. */
#include "draft.h"

enum { NAME_WORDS = 8 };

/* The words of the command, *out_n_own of them, then the first arguments: the rest of a name may
 * stand there. Returns how many words there are. */
static size_t name_and_args(const struct draft *draft, struct str words[NAME_WORDS + MAX_WORDS],
                            size_t *out_n_own)
{
    size_t n = str_split(draft->command, ' ', words, NAME_WORDS);

    *out_n_own = n;
    for (size_t i = 0; i < draft->n_args && i < MAX_WORDS; i++) {
        words[n++] = draft->args[i];
    }
    return n;
}

void draft_find_row(struct draft *draft)
{
    struct str words[NAME_WORDS + MAX_WORDS];
    struct str rest;
    size_t n_own;
    size_t n = name_and_args(draft, words, &n_own);
    size_t n_name = 0;

    draft->row = n > 0 ? catalog_find(draft->catalog, words, n, &n_name, NULL, NULL) : NULL;
    draft->n_params = 0;
    if (draft->row == NULL || n_name < n_own) { /* the words after the name would be lost */
        draft->row = NULL;
        return;
    }
    draft->n_params = params_count(draft->row->args);
    for (rest = draft->command; n_name > 0 && str_next(&rest, ' ', &words[0]); n_name--) {
    }
    for (; n_name > 0; n_name--) {
        draft_drop_arg(draft, 0);
    }
    draft->command = str_from(draft->row->words);
}

/* One word of a name, in lower case and with dashes. */
static struct str name_word(struct draft *draft, struct str word)
{
    char *name = arena_alloc(draft->arena, word.len + 1);

    for (size_t i = 0; i < word.len; i++) {
        name[i] = (char)(word.ptr[i] == '_' ? '-' : char_lower(word.ptr[i]));
    }
    return (struct str){name, word.len};
}

void fix_case(struct draft *draft)
{
    struct str words[NAME_WORDS];
    struct str rest;
    struct str tail = STR_EMPTY;
    struct str name = STR_EMPTY;
    size_t n = str_split(draft->command, ' ', words, NAME_WORDS);
    size_t n_name = 0;

    if (n == 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        words[i] = name_word(draft, words[i]);
    }
    if (catalog_find(draft->catalog, words, n, &n_name, NULL, NULL) == NULL) {
        n_name = n; /* part of a name: the rest may be in "args" */
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

void fix_line(struct draft *draft)
{
    struct json *line = NULL;
    const struct json *arg;
    const struct json *option;
    struct str words[NAME_WORDS];
    size_t n = str_split(draft->command, ' ', words, NAME_WORDS);
    size_t n_name = 0;

    if (draft->n_args > 0 || n == 0 ||
        catalog_find(draft->catalog, words, n, &n_name, NULL, NULL) == NULL || n_name == n ||
        command_line_parse(draft->catalog, draft->arena, draft->command, &line, NULL) != ERR_OK) {
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

void fix_bare_verb(struct draft *draft)
{
    const struct command *found = catalog_by_verb(draft->catalog, draft->command);

    if (found != NULL) {
        draft->command = str_from(found->words);
        draft_find_row(draft);
        draft_fixed(draft, "a command is named with its group", draft->command);
    }
}

void fix_misspelled(struct draft *draft)
{
    struct str words[NAME_WORDS + MAX_WORDS];
    size_t n_own;
    size_t n_name = 0;
    size_t n = name_and_args(draft, words, &n_own);
    const struct command *found = n > 0 ? catalog_meant(draft->catalog, words, n, &n_name) : NULL;

    if (found == NULL || n_name < n_own) {
        return;
    }
    for (; n_name > n_own; n_name--) {
        draft_drop_arg(draft, 0);
    }
    draft->command = str_from(found->words);
    draft_find_row(draft);
    draft_fixed(draft, "the nearest command", draft->command);
}

void fix_case_of_args(struct draft *draft)
{
    struct str kept[MAX_WORDS];

    for (size_t i = 0; draft->row == NULL && i < draft->n_args && i < MAX_WORDS; i++) {
        for (size_t k = 0; k <= i; k++) {
            kept[k] = draft->args[k];
            draft->args[k] = arena_lower(draft->arena, kept[k]);
        }
        draft_find_row(draft);
        if (draft->row != NULL) {
            draft_fixed(draft, "commands are written in lower case", draft->command);
            return;
        }
        for (size_t k = 0; k <= i; k++) {
            draft->args[k] = kept[k];
        }
    }
}

/* An option that is given again: a list gets longer; another value is put beside the first one as
 * "--name", so that binding refuses the two. */
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

void fix_flags(struct draft *draft)
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
