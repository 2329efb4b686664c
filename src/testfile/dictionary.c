/* The rows of verbs_table.c as a dictionary, and the look-ups in it. */
#include "dictionary.h"

#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"
#include "map_internal.h"
#include "sentence.h"

enum { VERBS_MAX = 160, KEYS_MAX = 512, FORM_WORDS_MAX = 8 };

struct numbered {
    struct map_node node;
    unsigned id;
};

struct dictionary {
    const struct catalog *catalog;
    struct arena arena;
    bool is_open;
    struct grammar *grammar;
    struct map keys;
    struct key *key_list[KEYS_MAX]; /* in the order of the tables */
    size_t n_keys;
    struct map words;
    unsigned n_words;
    struct map verbs;
    struct verb *verb_list[VERBS_MAX];
    size_t n_verbs;
    struct str names[NAME_IDS_MAX]; /* of fields, by number */
    unsigned n_names;
    const struct form **command_forms; /* by index in the catalogue */
    const struct form **written_forms; /* likewise */
};

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
    {"operation", ROLE_OPERATION},
    {"use", ROLE_CONTROL},
    {"run", ROLE_CONTROL},
    {"include", ROLE_CONTROL},
    {"if", ROLE_CONTROL},
    {"loop", ROLE_CONTROL},
};

struct arena *dictionary_arena(struct dictionary *dictionary)
{
    return &dictionary->arena;
}

/* ---- keys, names and words ---- */

static struct key *key_made(struct dictionary *dictionary, struct str name)
{
    struct map_node *known = map_find(&dictionary->keys, name);
    struct key *key;

    if (known != NULL) {
        return CONTAINER_OF(known, struct key, node);
    }
    key = arena_zalloc(&dictionary->arena, sizeof(*key));
    map_insert(&dictionary->keys, &key->node, name);
    CHECK(dictionary->n_keys < KEYS_MAX);
    dictionary->key_list[dictionary->n_keys++] = key;
    return key;
}

unsigned name_made(struct dictionary *dictionary, struct str name)
{
    struct key *key = key_made(dictionary, name);

    if (key->id == 0) {
        CHECK(dictionary->n_names + 1 < NAME_IDS_MAX);
        key->id = ++dictionary->n_names;
        dictionary->names[key->id] = name;
    }
    return key->id;
}

unsigned word_made(struct dictionary *dictionary, struct str word)
{
    struct map_node *known = map_find(&dictionary->words, word);
    struct numbered *made;

    if (known != NULL) {
        return CONTAINER_OF(known, struct numbered, node)->id;
    }
    made = arena_zalloc(&dictionary->arena, sizeof(*made));
    made->id = ++dictionary->n_words;
    map_insert(&dictionary->words, &made->node, word);
    return made->id;
}

static struct verb *verb_made(struct dictionary *dictionary, struct str word)
{
    struct map_node *known = map_find(&dictionary->verbs, word);
    struct verb *verb;

    if (known != NULL) {
        return CONTAINER_OF(known, struct verb, node);
    }
    CHECK(dictionary->n_verbs < VERBS_MAX);
    verb = arena_zalloc(&dictionary->arena, sizeof(*verb));
    map_insert(&dictionary->verbs, &verb->node, word);
    dictionary->verb_list[dictionary->n_verbs++] = verb;
    return verb;
}

/* ---- commands of the catalogue as forms ---- */

/* What people call the arguments of commands. */
static const struct param_fields {
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
    const struct param_fields *row = ROW_NAMED(str_from(name), param_fields);

    return row != NULL ? row->fields : name;
}

/* "|httpOnly" for http_only: test files write names of several words in both ways. Empty for a name
 * of one word. */
static struct str camel_alias(struct arena *arena, const char *name)
{
    char *out = arena_alloc(arena, str_from(name).len + 2);
    size_t n = 0;

    out[n++] = '|';
    for (const char *c = name; *c != '\0'; c++) {
        bool begins_word = c > name && c[-1] == '_';

        if (*c != '_') {
            out[n++] = (char)(begins_word ? *c - 'a' + 'A' : *c);
        }
    }
    out[n] = '\0';
    return n == str_from(name).len + 1 ? STR_EMPTY : (struct str){out, n};
}

static const struct form *form_made(struct dictionary *dictionary, const struct command *command)
{
    struct arena *arena = &dictionary->arena;
    struct str args = STR_EMPTY;
    struct str options = STR_EMPTY;
    struct verb_row row = {.when = "", .command = command->words, .example = command->example};

    for (const struct param *p = command->args; p->name != NULL; p++) {
        args = arena_printf(arena, "%.*s%s%s%s", STR_ARG(args), args.len > 0 ? " " : "",
                            (p->flags & PARAM_OPTIONAL) != 0 || p->def != NULL ? "?" : "",
                            fields_of_param(p->name));
    }
    for (const struct param *p = command->options; p->name != NULL; p++) {
        if (command->args[0].type == PARAM_POINT && words_have("x y", ' ', str_from(p->name))) {
            continue; /* the point takes them (@) */
        }
        options = arena_printf(
            arena, "%.*s%s%s<%s%s%.*s", STR_ARG(options), options.len > 0 ? " " : "", p->name,
            p->type == PARAM_VARIABLE ? "var:" : "", p->name, STR_ARG(camel_alias(arena, p->name)));
    }
    row.args = args.ptr;
    row.options = options.ptr;
    return form_read(dictionary, &row);
}

static void read_commands(struct dictionary *dictionary)
{
    dictionary->command_forms =
        arena_calloc(&dictionary->arena, catalog_size(dictionary->catalog), sizeof(void *));
    for (size_t i = 0; i < catalog_size(dictionary->catalog); i++) {
        dictionary->command_forms[i] = form_made(dictionary, catalog_at(dictionary->catalog, i));
    }
}

/* ---- verbs ---- */

static void add_fields(struct name_set *set, const struct alias_list *list)
{
    for (size_t i = 0; i < NAME_SET_WORDS; i++) {
        set->bits[i] |= list->fields.bits[i];
    }
}

static void verb_add(struct dictionary *dictionary, struct verb *verb, const struct form *form)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): its elements are pointers */
    verb->forms = arena_room(&dictionary->arena, verb->forms, verb->n_forms, sizeof(*verb->forms));
    verb->forms[verb->n_forms++] = form;
    verb->example = form->example;
    for (size_t i = 0; i < form->n_conditions; i++) {
        const struct condition *condition = &form->conditions[i];

        add_fields(&verb->fields, &condition->list);
        if (condition->kind == SAYS_WORD) {
            add_fields(&verb->said, &condition->list);
            verb->says_plain = verb->says_plain || condition->list.has_plain;
        }
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

static void keep_written(struct dictionary *dictionary, struct form *form)
{
    struct str words[FORM_WORDS_MAX];
    size_t n = str_split(form->commands[0].words, ' ', words, FORM_WORDS_MAX);
    const struct command *command = catalog_find(dictionary->catalog, words, n, NULL, NULL, NULL);
    size_t index;

    CHECK(command != NULL);
    index = catalog_index(command);
    form->next_written = dictionary->written_forms[index];
    dictionary->written_forms[index] = form;
}

static void read_rows(struct dictionary *dictionary)
{
    dictionary->written_forms =
        arena_calloc(&dictionary->arena, catalog_size(dictionary->catalog), sizeof(void *));
    for (size_t i = 0; i < n_verb_rows; i++) {
        struct form *form = form_read(dictionary, &verb_rows[i]);
        struct str rest = str_from(verb_rows[i].verbs);
        struct str word;

        while (str_next(&rest, ' ', &word)) {
            verb_add(dictionary, verb_made(dictionary, word), form);
        }
        if (form->written != NULL) {
            keep_written(dictionary, form);
        }
    }
}

/* Marks the keys of a list; they may be names of fields as well. */
static void mark_keys(struct dictionary *dictionary, const char *list, size_t offset)
{
    struct str rest = str_from(list);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        *(bool *)(void *)((char *)key_made(dictionary, word) + offset) = true;
    }
}

static void mark_verbs(struct dictionary *dictionary)
{
    struct str rest = str_from(control_words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        verb_made(dictionary, word)->is_control = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        verb_made(dictionary, str_from(groups[i].group))->group = &groups[i];
    }
    for (size_t i = 0; i < dictionary->n_verbs; i++) { /* spelled as in the table: found at once */
        (void)key_made(dictionary, dictionary->verb_list[i]->node.key);
    }
}

static const struct verb *verb_by_fold(const struct dictionary *dictionary, struct str word)
{
    char buffer[64];
    struct str folded = verb_fold(word, buffer);
    struct map_node *found = folded.len > 0 ? map_find(&dictionary->verbs, folded) : NULL;

    if (found == NULL && str_starts(folded, STR("step"))) { /* step-click, step_write */
        found = map_find(&dictionary->verbs, str_sub(folded, 4, folded.len));
    }
    return found != NULL ? CONTAINER_OF(found, struct verb, node) : NULL;
}

static void link_keys(struct dictionary *dictionary)
{
    for (size_t i = 0; i < dictionary->n_keys; i++) {
        dictionary->key_list[i]->verb = verb_by_fold(dictionary, dictionary->key_list[i]->node.key);
    }
}

struct dictionary *dictionary_new(const struct catalog *catalog)
{
    struct dictionary *dictionary = mem_zalloc(sizeof(*dictionary));

    dictionary->catalog = catalog;
    return dictionary;
}

void dictionary_free(struct dictionary *dictionary)
{
    if (dictionary != NULL && dictionary->is_open) {
        grammar_done(dictionary->grammar);
        map_done(&dictionary->keys);
        map_done(&dictionary->words);
        map_done(&dictionary->verbs);
        arena_done(&dictionary->arena);
    }
    mem_free(dictionary);
}

const struct dictionary *dictionary_opened(struct dictionary *dictionary)
{
    if (dictionary->is_open) {
        return dictionary;
    }
    dictionary->is_open = true;
    arena_init(&dictionary->arena);
    map_init(&dictionary->keys);
    map_init(&dictionary->words);
    map_init(&dictionary->verbs);
    dictionary->grammar = grammar_new(&dictionary->arena);
    read_rows(dictionary);
    read_commands(dictionary);
    mark_keys(dictionary, beside, offsetof(struct key, is_beside));
    mark_keys(dictionary, habits, offsetof(struct key, is_habit));
    mark_keys(dictionary, common_fields, offsetof(struct key, is_common));
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        key_made(dictionary, str_from(roles[i].key))->role = roles[i].role;
    }
    mark_verbs(dictionary);
    link_keys(dictionary);
    return dictionary;
}

/* ---- looking up ---- */

const struct catalog *dictionary_catalog(const struct dictionary *dictionary)
{
    return dictionary->catalog;
}

const struct grammar *dictionary_grammar(const struct dictionary *dictionary)
{
    return dictionary->grammar;
}

const struct key *key_find(const struct dictionary *dictionary, struct str name)
{
    struct map_node *found;

    found = map_find(&dictionary->keys, name);
    return found != NULL ? CONTAINER_OF(found, struct key, node) : NULL;
}

unsigned name_id(const struct dictionary *dictionary, struct str name)
{
    const struct key *key = key_find(dictionary, name);

    return key != NULL ? key->id : 0;
}

struct str name_of_id(const struct dictionary *dictionary, unsigned id)
{
    return dictionary->names[id];
}

const struct verb *verb_find(const struct dictionary *dictionary, struct str word)
{
    const struct key *key = key_find(dictionary, word);

    return key != NULL ? key->verb : verb_by_fold(dictionary, word);
}

unsigned word_id(const struct dictionary *dictionary, struct str word)
{
    char buffer[64];
    struct map_node *found;

    found = map_find(&dictionary->words, verb_fold(word, buffer));
    return found != NULL ? CONTAINER_OF(found, struct numbered, node)->id : 0;
}

size_t verb_count(const struct dictionary *dictionary)
{
    return dictionary->n_verbs;
}

const struct verb *verb_at(const struct dictionary *dictionary, size_t index)
{
    CHECK(index < verb_count(dictionary));
    return dictionary->verb_list[index];
}

size_t key_count(const struct dictionary *dictionary)
{
    return dictionary->n_keys;
}

struct str key_at(const struct dictionary *dictionary, size_t index)
{
    CHECK(index < key_count(dictionary));
    return dictionary->key_list[index]->node.key;
}

const struct form *form_of_command(const struct dictionary *dictionary,
                                   const struct command *command)
{
    return dictionary->command_forms[catalog_index(command)];
}

const struct form *form_writing(const struct dictionary *dictionary, const struct command *command)
{
    return dictionary->written_forms[catalog_index(command)];
}
