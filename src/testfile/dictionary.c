/* Reads the rows of verbs_table.c into a dictionary, once. A fault in a row is a fault of the
 * program: it is CHECKed here, so that the first test that compiles anything finds it. */
#include "dictionary.h"

#include <stddef.h>

#include "base/check.h"
#include "map_internal.h"

enum { ITEMS_MAX = 32, VERBS_MAX = 128, WORDS_IN_TABLE_MAX = 256 };

struct numbered {
    struct map_node node;
    unsigned id;
};

static struct {
    struct arena arena;
    bool open;
    struct map keys;
    struct map words;
    unsigned n_words;
    struct map verbs;
    struct verb *verb_list[VERBS_MAX];
    size_t n_verbs;
    struct str names[NAME_IDS_MAX]; /* of fields, by number */
    unsigned n_names;
    const struct form **command_forms; /* by index in the catalogue */
} dictionary;

/* Where a dialect names a group and a command in it. Add a group by adding a row. */
static const struct group_row groups[] = {
    {"interact", NULL},   {"data", NULL},       {"misc", NULL},     {"file", NULL},
    {"wait", "type"},     {"assert", "type"},   {"store", "type"},  {"verify", "type"},
    {"window", "action"}, {"scroll", "action"}, {"cookie", "type"}, {"dialog", "type"},
    {"mouse", "action"},  {"navigate", NULL},   {"select", "type"}, {"library", "type"},
};

/* Beside a verb; `meta` and what else a dialect has are looked at on their own. */
static const char beside[] = "description desc name optional meta continue_on_error skip id";
/* What the old dialects put beside nearly anything. */
static const char habits[] = "assertion expected value text wait timeout clear retry near id "
                             "context screenshot";
static const char common_fields[] = "description desc name optional meta continue_on_error";
static const char control_words[] = "use run include if loop";

static const struct {
    const char *key;
    enum key_role role;
} roles[] = {
    {"stepType", ROLE_STEP_TYPE},
    {"type", ROLE_TYPE},
    {"action", ROLE_ACTION},
    {"command", ROLE_COMMAND},
    {"args", ROLE_ARGS},
    {"options", ROLE_OPTIONS},
    {"sub_action", ROLE_SUB_ACTION},
    {"subaction", ROLE_SUB_ACTION},
    {"use", ROLE_CONTROL},
    {"run", ROLE_CONTROL},
    {"include", ROLE_CONTROL},
    {"if", ROLE_CONTROL},
    {"loop", ROLE_CONTROL},
};

static const struct {
    const char *name;
    enum value_kind kind;
} kinds[] = {
    {"xy", VALUE_XY},       {"size", VALUE_SIZE},        {"up", VALUE_UP},
    {"down", VALUE_DOWN},   {"var", VALUE_VARIABLE},     {"ms", VALUE_MS},
    {"sec", VALUE_SECONDS}, {"regex", VALUE_REGEX},      {"tab", VALUE_TAB},
    {"url", VALUE_URL},     {"fileurl", VALUE_FILE_URL}, {"unquote", VALUE_UNQUOTED},
    {"split", VALUE_SPLIT}, {"last", VALUE_LAST},        {"libpos", VALUE_POSITION},
};

/* --- keys, names and words
 * --------------------------------------------------------------------------- */

static struct key *key_made(struct str name)
{
    struct map_node *known = map_find(&dictionary.keys, name);
    struct key *key;

    if (known != NULL) {
        return CONTAINER_OF(known, struct key, node);
    }
    key = arena_zalloc(&dictionary.arena, sizeof(*key));
    map_insert(&dictionary.keys, &key->node, name);
    return key;
}

static unsigned name_made(struct str name)
{
    struct key *key = key_made(name);

    if (key->id == 0) {
        CHECK(dictionary.n_names + 1 < NAME_IDS_MAX);
        key->id = ++dictionary.n_names;
        dictionary.names[key->id] = name;
    }
    return key->id;
}

static unsigned word_made(struct str word)
{
    struct map_node *known = map_find(&dictionary.words, word);
    struct numbered *made;

    if (known != NULL) {
        return CONTAINER_OF(known, struct numbered, node)->id;
    }
    made = arena_zalloc(&dictionary.arena, sizeof(*made));
    made->id = ++dictionary.n_words;
    map_insert(&dictionary.words, &made->node, word);
    return made->id;
}

static struct verb *verb_made(struct str word)
{
    struct map_node *known = map_find(&dictionary.verbs, word);
    struct verb *verb;

    if (known != NULL) {
        return CONTAINER_OF(known, struct verb, node);
    }
    CHECK(dictionary.n_verbs < VERBS_MAX);
    verb = arena_zalloc(&dictionary.arena, sizeof(*verb));
    map_insert(&dictionary.verbs, &verb->node, word);
    dictionary.verb_list[dictionary.n_verbs++] = verb;
    return verb;
}

/* --- the language of the table
 * ----------------------------------------------------------------------- */

static struct alias alias_read(struct str name)
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
        alias.id = name_made(head);
        alias.text = tail;
    } else {
        alias.id = name_made(name);
    }
    return alias;
}

static struct alias_list list_read(struct str text)
{
    struct alias_list list = {.is_locator = str_contains(text, STR("selector|"))};
    struct alias items[ITEMS_MAX];
    struct alias *kept;
    struct str rest = text;
    struct str name;

    while (str_next(&rest, '|', &name)) {
        CHECK(list.n < ITEMS_MAX);
        items[list.n] = alias_read(name);
        items[list.n].is_twin = list.is_locator && items[list.n].kind == ALIAS_FIELD &&
                                !words_have("value|in|name", '|', name);
        name_set_add(&list.fields, items[list.n].id);
        list.n++;
    }
    kept = arena_calloc(&dictionary.arena, list.n + 1, sizeof(*kept));
    for (size_t i = 0; i < list.n; i++) {
        kept[i] = items[i];
    }
    list.items = kept;
    return list;
}

static enum value_kind kind_read(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_is(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    check_failed("the kind of a value is known", arena_cstr(&dictionary.arena, name), 0);
}

static struct item item_read(struct str text)
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
        item.kind = kind_read(head);
        text = tail;
    }
    item.list = list_read(text);
    for (size_t i = 0; i < item.list.n; i++) {
        if (item.list.items[i].kind == ALIAS_STEP) {
            bool size = item.kind == VALUE_SIZE;

            name_set_add(&item.list.fields, name_made(size ? STR("width") : STR("x")));
            name_set_add(&item.list.fields, name_made(size ? STR("height") : STR("y")));
        }
    }
    return item;
}

static const struct item *items_read(struct str text, size_t *out_n)
{
    struct item items[ITEMS_MAX];
    struct item *kept;
    struct str one;
    size_t n = 0;

    while (str_next(&text, ' ', &one)) {
        CHECK(n < ITEMS_MAX);
        items[n++] = item_read(one);
    }
    kept = arena_calloc(&dictionary.arena, n + 1, sizeof(*kept));
    for (size_t i = 0; i < n; i++) {
        kept[i] = items[i];
    }
    *out_n = n;
    return kept;
}

static void words_read(struct condition *condition, struct str text)
{
    unsigned words[ITEMS_MAX];
    unsigned *kept;
    struct str word;

    condition->text = text;
    while (str_next(&text, '|', &word)) {
        CHECK(condition->n_words < ITEMS_MAX);
        words[condition->n_words++] = word_made(word);
    }
    kept = arena_calloc(&dictionary.arena, condition->n_words + 1, sizeof(*kept));
    for (size_t i = 0; i < condition->n_words; i++) {
        kept[i] = words[i];
    }
    condition->words = kept;
}

static struct condition condition_read(struct str text)
{
    struct condition condition = {.kind = HAS_FIELD};
    struct str list;
    struct str words;

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
    } else if (str_cut(text, '=', &list, &words)) {
        condition.kind = SAYS_WORD;
        words_read(&condition, words);
        text = list;
    }
    condition.list = list_read(text);
    return condition;
}

static void conditions_read(struct form *form, struct str text)
{
    struct condition conditions[ITEMS_MAX];
    struct condition *kept;
    struct str one;

    while (str_next(&text, ' ', &one)) {
        CHECK(form->n_conditions < ITEMS_MAX);
        conditions[form->n_conditions++] = condition_read(one);
    }
    kept = arena_calloc(&dictionary.arena, form->n_conditions + 1, sizeof(*kept));
    for (size_t i = 0; i < form->n_conditions; i++) {
        kept[i] = conditions[i];
    }
    form->conditions = kept;
}

static struct form *form_read(const struct verb_row *row)
{
    struct form *form = arena_zalloc(&dictionary.arena, sizeof(*form));
    struct str commands = str_from(row->command);
    struct str args = str_from(row->args);
    struct str words;
    struct str one;

    form->example = row->example;
    form->refusal = row->command == NULL ? row->args : NULL;
    conditions_read(form, str_from(row->when));
    form->options = items_read(str_from(row->options), &form->n_options);
    while (str_next(&commands, ';', &words)) {
        struct form_command *command = &form->commands[form->n_commands++];

        CHECK(form->n_commands <= FORM_MAX_COMMANDS);
        (void)str_cut(args, ';', &one, &args);
        command->words = words;
        command->args = items_read(one, &command->n_args);
    }
    return form;
}

/* --- commands of the catalogue as forms
 * -------------------------------------------------------------- */

/* What people call the arguments of commands. */
static const struct {
    const char *param;
    const char *fields;
} param_fields[] = {
    {"element", "element|selector|target|css|hint|from|source"},
    {"value", "value|expected|option|text|pattern|expectedValue"},
    {"text", "text|value|content|message"},
    {"url", "url:url|to|target|value|file"},
    {"variable", "var:variable|as|name|variable_name"},
    {"key", "unquote:key|value|text"},
    {"xy", "xy:xy|position|offset|coordinates|@"},
    {"size", "size|dimensions|@"},
    {"index", "index|value|tab"},
    {"milliseconds", "ms:milliseconds|time|duration|ms|value|timeout"},
    {"script", "script|code|value|javascript"},
    {"attribute", "attribute|attribute_name"},
    {"name", "name|cookie"},
    {"api_test_id", "api_test_id|id"},
};

static const char *fields_of_param(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(param_fields); i++) {
        if (str_is(str_from(name), param_fields[i].param)) {
            return param_fields[i].fields;
        }
    }
    return name;
}

static const struct form *form_made(const struct command *command)
{
    struct arena *arena = &dictionary.arena;
    struct str args = STR_EMPTY;
    struct str options = STR_EMPTY;
    struct verb_row row = {.when = "", .command = command->words, .example = command->example};

    for (const struct param *p = command->args; p->name != NULL; p++) {
        args = arena_printf(arena, "%.*s%s%s%s", STR_ARG(args), args.len > 0 ? " " : "",
                            (p->flags & PARAM_OPTIONAL) != 0 || p->def != NULL ? "?" : "",
                            fields_of_param(p->name));
    }
    for (const struct param *p = command->options; p->name != NULL; p++) {
        options = arena_printf(arena, "%.*s%s%s<%s%s", STR_ARG(options), options.len > 0 ? " " : "",
                               p->name, p->type == PARAM_VARIABLE ? "var:" : "", p->name);
    }
    row.args = args.ptr;
    row.options = options.ptr;
    return form_read(&row);
}

static void read_commands(void)
{
    dictionary.command_forms =
        arena_calloc(&dictionary.arena, catalog_size(), sizeof(*dictionary.command_forms));
    for (size_t i = 0; i < catalog_size(); i++) {
        dictionary.command_forms[i] = form_made(catalog_at(i));
    }
}

/* --- verbs
 * ------------------------------------------------------------------------------------------ */

static void add_fields(struct name_set *set, const struct alias_list *list)
{
    for (size_t i = 0; i < NAME_SET_WORDS; i++) {
        set->bits[i] |= list->fields.bits[i];
    }
}

static void verb_add(struct verb *verb, const struct form *form)
{
    if ((verb->n_forms & (verb->n_forms - 1)) ==
        0) { /* grown by doubling: a power of two is full */
        const struct form **grown = arena_calloc(
            &dictionary.arena, verb->n_forms == 0 ? 1 : verb->n_forms * 2, sizeof(*grown));

        for (size_t i = 0; i < verb->n_forms; i++) {
            grown[i] = verb->forms[i];
        }
        verb->forms = grown;
    }
    verb->forms[verb->n_forms++] = form;
    verb->example = form->example;
    for (size_t i = 0; i < form->n_conditions; i++) {
        add_fields(&verb->fields, &form->conditions[i].list);
    }
    for (size_t i = 0; i < form->n_commands; i++) {
        for (size_t k = 0; k < form->commands[i].n_args; k++) {
            add_fields(&verb->fields, &form->commands[i].args[k].list);
        }
    }
    for (size_t i = 0; i < form->n_options; i++) {
        add_fields(&verb->fields, &form->options[i].list);
    }
}

static void read_rows(void)
{
    for (size_t i = 0; i < n_verb_rows; i++) {
        const struct form *form = form_read(&verb_rows[i]);
        struct str rest = str_from(verb_rows[i].verbs);
        struct str word;

        while (str_next(&rest, ' ', &word)) {
            verb_add(verb_made(word), form);
        }
    }
}

/* Marks the keys of a list; they may be names of fields as well. */
static void mark_keys(const char *list, size_t offset)
{
    struct str rest = str_from(list);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        *(bool *)(void *)((char *)key_made(word) + offset) = true;
    }
}

static void mark_verbs(void)
{
    struct str rest = str_from(control_words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        verb_made(word)->is_control = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        verb_made(str_from(groups[i].group))->group = &groups[i];
    }
    for (size_t i = 0; i < dictionary.n_verbs; i++) { /* spelled as in the table: found at once */
        (void)key_made(dictionary.verb_list[i]->node.key);
    }
}

static const struct verb *verb_by_fold(struct str word)
{
    char buffer[64];
    struct str folded = verb_fold(word, buffer);
    struct map_node *found = folded.len > 0 ? map_find(&dictionary.verbs, folded) : NULL;

    return found != NULL ? CONTAINER_OF(found, struct verb, node) : NULL;
}

static void link_keys(void)
{
    for (size_t i = 0; i < dictionary.keys.n_buckets; i++) {
        for (struct map_node *node = dictionary.keys.buckets[i]; node != NULL; node = node->next) {
            CONTAINER_OF(node, struct key, node)->verb = verb_by_fold(node->key);
        }
    }
}

/* Nothing but const tables goes in, so the result is the same whenever it is made. */
static void open_dictionary(void)
{
    if (dictionary.open) {
        return;
    }
    arena_init(&dictionary.arena);
    map_init(&dictionary.keys);
    map_init(&dictionary.words);
    map_init(&dictionary.verbs);
    dictionary.open = true;
    read_rows();
    read_commands();
    mark_keys(beside, offsetof(struct key, is_beside));
    mark_keys(habits, offsetof(struct key, is_habit));
    mark_keys(common_fields, offsetof(struct key, is_common));
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        key_made(str_from(roles[i].key))->role = roles[i].role;
    }
    mark_verbs();
    link_keys();
}

/* --- looking up
 * -------------------------------------------------------------------------------------- */

const struct key *key_find(struct str name)
{
    struct map_node *found;

    open_dictionary();
    found = map_find(&dictionary.keys, name);
    return found != NULL ? CONTAINER_OF(found, struct key, node) : NULL;
}

unsigned name_id(struct str name)
{
    const struct key *key = key_find(name);

    return key != NULL ? key->id : 0;
}

struct str name_of_id(unsigned id)
{
    return dictionary.names[id];
}

const struct verb *verb_find(struct str word)
{
    const struct key *key = key_find(word);

    return key != NULL ? key->verb : verb_by_fold(word);
}

unsigned word_id(struct str word)
{
    char buffer[64];
    struct map_node *found;

    open_dictionary();
    found = map_find(&dictionary.words, verb_fold(word, buffer));
    return found != NULL ? CONTAINER_OF(found, struct numbered, node)->id : 0;
}

size_t verb_count(void)
{
    open_dictionary();
    return dictionary.n_verbs;
}

const struct verb *verb_at(size_t index)
{
    CHECK(index < verb_count());
    return dictionary.verb_list[index];
}

const struct form *form_of_command(const struct command *command)
{
    open_dictionary();
    return dictionary.command_forms[catalog_index(command)];
}
