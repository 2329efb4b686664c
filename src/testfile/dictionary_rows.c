/* Reads the rows of verbs_table.c, whose small language is described there, into the structs of
 * dictionary.h. A fault in a row is a fault of the program: it is CHECKed here, so that the first test
 * that compiles anything finds it. */
#include "base/check.h"
#include "testfile_internal.h"

static const struct kind_row {
    const char *name;
    enum value_kind kind;
} kinds[] = {
    {"xy", VALUE_XY},       {"size", VALUE_SIZE},        {"up", VALUE_UP},
    {"down", VALUE_DOWN},   {"var", VALUE_VARIABLE},     {"ms", VALUE_MS},
    {"sec", VALUE_SECONDS}, {"regex", VALUE_REGEX},      {"tab", VALUE_TAB},
    {"url", VALUE_URL},     {"fileurl", VALUE_FILE_URL}, {"unquote", VALUE_UNQUOTED},
    {"split", VALUE_SPLIT}, {"last", VALUE_LAST},        {"libpos", VALUE_POSITION},
    {"named", VALUE_NAMED}, {"option", VALUE_OPTION},
};

/* ---- the language of the table ---- */

static struct alias alias_read(struct dictionary *dictionary, struct str name)
{
    struct alias alias = {.kind = ALIAS_FIELD, .text = name};
    struct str head;
    struct str tail;

    if (name.ptr[0] == '=') {
        alias.kind = ALIAS_FIXED;
        alias.text = str_sub(name, 1, name.len);
    } else if (str_is(name, ".")) {
        alias.kind = ALIAS_VALUE;
    } else if (name.ptr[0] == '@') {
        alias.kind = str_is(name, "@key")     ? ALIAS_PAIR_KEY
                     : str_is(name, "@value") ? ALIAS_PAIR_VALUE
                                              : ALIAS_STEP;
    } else if (str_cut(name, '.', &head, &tail)) {
        alias.kind = ALIAS_MEMBER;
        alias.id = name_made(dictionary, head);
        alias.text = tail;
    } else {
        alias.id = name_made(dictionary, name);
    }
    return alias;
}

static struct alias_list list_read(struct dictionary *dictionary, struct str text)
{
    struct alias_list list = {.is_locator = str_contains(text, STR("selector|"))};
    struct alias *items = NULL;
    struct str name;

    while (str_next(&text, '|', &name)) {
        struct alias alias = alias_read(dictionary, name);

        alias.is_twin =
            list.is_locator && alias.kind == ALIAS_FIELD && !str_has_word("value in name", name);
        name_set_add(&list.fields, alias.id);
        list.has_plain = list.has_plain || alias.kind == ALIAS_VALUE;
        list.is_of_step = list.is_of_step || alias.kind == ALIAS_STEP;
        items = arena_room(&dictionary->arena, items, list.n, sizeof(*items));
        items[list.n++] = alias;
    }
    list.items = items;
    return list;
}

static struct item item_read(struct dictionary *dictionary, struct str text)
{
    struct item item = {.kind = VALUE_TEXT};
    struct str head;
    struct str tail;

    if (text.ptr[0] == '?') {
        item.is_optional = true;
        text = str_sub(text, 1, text.len);
    }
    if (str_cut(text, '<', &head, &tail)) {
        item.option = head;
        text = tail;
    }
    if (text.len > 0 && text.ptr[0] != '=' && str_cut(text, ':', &head, &tail)) {
        const struct kind_row *row = ROW_NAMED(head, kinds);

        CHECK(row != NULL);
        item.kind = row->kind;
        text = tail;
    }
    item.list = list_read(dictionary, text);
    if (item.list.is_of_step) {
        bool size = item.kind == VALUE_SIZE;

        name_set_add(&item.list.fields, name_made(dictionary, size ? STR("width") : STR("x")));
        name_set_add(&item.list.fields, name_made(dictionary, size ? STR("height") : STR("y")));
    }
    return item;
}

static const struct item *items_read(struct dictionary *dictionary, struct str text, size_t *out_n)
{
    struct item *items = NULL;
    struct str one;

    for (*out_n = 0; str_next(&text, ' ', &one); (*out_n)++) {
        items = arena_room(&dictionary->arena, items, *out_n, sizeof(*items));
        items[*out_n] = item_read(dictionary, one);
    }
    return items;
}

static struct condition condition_read(struct dictionary *dictionary, struct str text)
{
    struct condition condition = {.kind = HAS_FIELD};
    unsigned *words = NULL;
    struct str list;
    struct str rest;
    struct str word;

    if (str_is(text, "?pair") || str_is(text, "?time")) {
        condition.kind = str_is(text, "?pair") ? IS_PAIR : IS_TIME;
        return condition;
    }
    if (text.ptr[0] == '~') {
        condition.is_optional = true;
        text = str_sub(text, 1, text.len);
    }
    if (text.ptr[0] == '!') {
        condition.kind = HAS_NO_FIELD;
        text = str_sub(text, 1, text.len);
    } else if (str_cut(text, '=', &list, &rest)) {
        condition.kind = SAYS_WORD;
        condition.text = rest;
        while (str_next(&rest, '|', &word)) {
            words = arena_room(&dictionary->arena, words, condition.n_words, sizeof(*words));
            words[condition.n_words++] = word_made(dictionary, word);
        }
        condition.words = words;
        text = list;
    }
    condition.list = list_read(dictionary, text);
    return condition;
}

struct form *form_read(struct dictionary *dictionary, const struct verb_row *row)
{
    struct form *form = arena_zalloc(&dictionary->arena, sizeof(*form));
    struct condition *conditions = NULL;
    struct str when = str_from(row->when);
    struct str commands = str_from(row->command);
    struct str args = str_from(row->args);
    struct str words;
    struct str one;

    form->example = row->example;
    form->written = row->written;
    form->refusal = row->command == NULL ? row->args : NULL;
    while (str_next(&when, ' ', &one)) {
        conditions =
            arena_room(&dictionary->arena, conditions, form->n_conditions, sizeof(*conditions));
        conditions[form->n_conditions++] = condition_read(dictionary, one);
    }
    form->conditions = conditions;
    form->options = items_read(dictionary, str_from(row->options), &form->n_options);
    while (str_next(&commands, ';', &words)) {
        struct form_command *command = &form->commands[form->n_commands++];

        CHECK(form->n_commands <= FORM_MAX_COMMANDS);
        (void)str_cut(args, ';', &one, &args);
        command->words = words;
        command->args = items_read(dictionary, one, &command->n_args);
    }
    return form;
}
