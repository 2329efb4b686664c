/* The rows of verbs_table.c as a dictionary, and the look-ups in it. */
#include "dictionary.h"

#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"
#include "sentence.h"

enum { FORM_WORDS_MAX = 8, FOLD_MAX = 64 };

struct numbered {
    struct map_node node;
    unsigned id;
};

/* Groups of commands that a step may name; see struct group_row. Add a group by adding a row. */
static const struct group_row groups[] = {
    {"interact", NULL},   {"data", NULL},       {"misc", NULL},     {"file", NULL},
    {"wait", "type"},     {"assert", "type"},   {"store", "type"},  {"verify", "type"},
    {"window", "action"}, {"scroll", "action"}, {"cookie", "type"}, {"dialog", "type"},
    {"mouse", "action"},  {"navigate", NULL},   {"select", "type"}, {"library", "type"},
};

/* Keys that may stand beside any verb; take_beside in dialects.c reads them. */
static const char beside[] = "description desc name optional meta continue_on_error skip id";
/* What the old dialects put beside nearly anything. */
static const char habits[] = "assertion expected value text wait timeout clear retry near id "
                             "context screenshot";
static const char common_fields[] = "description desc name optional meta continue_on_error";

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

/* ---- keys, names and words ---- */

/* The entry of the map under that name, made where there is none; its map_node is its first member. */
static void *entry_made(struct dictionary *dictionary, struct map *map, struct str name,
                        size_t size)
{
    struct map_node *node = map_find(map, name);

    if (node == NULL) {
        node = arena_zalloc(&dictionary->arena, size);
        map_insert(map, node, name);
    }
    return node;
}

static struct key *key_made(struct dictionary *dictionary, struct str name)
{
    struct key *key = entry_made(dictionary, &dictionary->keys, name, sizeof(*key));

    if (dictionary->n_keys < dictionary->keys.n_nodes) {
        CHECK(dictionary->n_keys < KEYS_MAX);
        dictionary->key_list[dictionary->n_keys++] = key;
    }
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
    struct numbered *made = entry_made(dictionary, &dictionary->words, word, sizeof(*made));

    made->id = (unsigned)(made->id > 0 ? made->id : dictionary->words.n_nodes);
    return made->id;
}

static struct verb *verb_made(struct dictionary *dictionary, struct str word)
{
    struct verb *verb = entry_made(dictionary, &dictionary->verbs, word, sizeof(*verb));

    if (dictionary->n_verbs < dictionary->verbs.n_nodes) {
        CHECK(dictionary->n_verbs < VERBS_MAX);
        dictionary->verb_list[dictionary->n_verbs++] = verb;
    }
    return verb;
}

/* ---- verbs ---- */

static void verb_add(struct dictionary *dictionary, struct verb *verb, const struct form *form)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): its elements are pointers */
    verb->forms = arena_room(&dictionary->arena, verb->forms, verb->n_forms, sizeof(*verb->forms));
    verb->forms[verb->n_forms++] = form;
    verb->example = form->example;
    for (size_t i = 0; i < form->n_conditions; i++) {
        const struct condition *condition = &form->conditions[i];

        name_set_join(&verb->fields, &condition->list.fields);
        if (condition->kind == SAYS_WORD) {
            /* NOLINTNEXTLINE(bugprone-sizeof-expression): its elements are pointers */
            const size_t size = sizeof(*verb->sayings);

            verb->sayings = arena_room(&dictionary->arena, verb->sayings, verb->n_sayings, size);
            verb->sayings[verb->n_sayings++] = condition;
            name_set_join(&verb->said, &condition->list.fields);
            verb->says_plain = verb->says_plain || condition->list.has_plain;
        }
    }
    for (size_t i = 0; i < form->n_commands; i++) {
        for (size_t k = 0; k < form->commands[i].n_args; k++) {
            name_set_join(&verb->fields, &form->commands[i].args[k].list.fields);
        }
    }
    for (size_t i = 0; i < form->n_options; i++) {
        name_set_join(&verb->fields, &form->options[i].list.fields);
    }
}

/* ---- commands by their own names ---- */

/* Other words that people use for a group. */
static const struct {
    const char *group;
    const char *words;
} group_words[] = {
    {"step-assert", "verify check expect"},
};

/* Names that people use for commands whose own name differs. Rows that begin with the same name belong
 * together: the first whose `when` holds is taken, as in verbs_table.c. */
static const struct verb_row other_names[] = {
    {"accept-alert close-alert cancel-alert confirm-alert", "", "step-dialog dismiss-alert", "", "",
     "alert: accept", NULL},
    {"accept-confirm confirm-confirm", "", "step-dialog dismiss-confirm", "", "accept<=true",
     "confirm: accept", NULL},
    {"cancel-confirm reject-confirm", "", "step-dialog dismiss-confirm", "", "reject<=true",
     "confirm: cancel", NULL},
    {"accept-prompt", ".|text|value", "step-dialog dismiss-prompt-with-text", ".|text|value",
     "accept<=true", "prompt: accept", NULL},
    {"accept-prompt", "", "step-dialog dismiss-prompt", "", "accept<=true", "prompt: accept", NULL},
    {"cancel-prompt reject-prompt", "", "step-dialog dismiss-prompt", "", "reject<=true",
     "prompt: cancel", NULL},
    {"library-attach attach-library", "", "library attach",
     ".|attach|id|checkpoint|library_checkpoint_id|target|value libpos:position", "",
     "library: {attach: 7023, position: 2}", NULL},
};

static struct str own_fold(struct str head, struct str name, char out[FOLD_MAX])
{
    char buffer[FOLD_MAX];
    struct str end = verb_fold(name, buffer);
    size_t n_head = verb_fold(head, out).len;
    struct str folded = {out, n_head + end.len};

    if (end.len == 0 || (head.len > 0 && n_head == 0) || folded.len > FOLD_MAX) {
        return STR_EMPTY;
    }
    mem_copy(out + folded.len - end.len, end.ptr, end.len);
    return str_starts(folded, STR("step")) ? str_sub(folded, 4, folded.len) : folded;
}

/* The first command that has a name keeps it. */
static void own_name_add(struct dictionary *dictionary, size_t index, struct str head,
                         struct str name)
{
    struct numbered *made = arena_zalloc(&dictionary->arena, sizeof(*made));
    struct str folded = own_fold(head, name, arena_alloc(&dictionary->arena, FOLD_MAX));

    if (map_find(&dictionary->own_names, folded) == NULL) {
        made->id = (unsigned)index;
        map_insert(&dictionary->own_names, &made->node, folded);
    }
}

/* "step-data store literal" is known as data-store-literal, store-literal and by its aliases. */
static void own_names_add(struct dictionary *dictionary, size_t index)
{
    const struct command *command = catalog_at(dictionary->catalog, index);
    struct str group;
    struct str rest;

    own_name_add(dictionary, index, STR_EMPTY, str_from(command->words));
    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL; i++) {
        own_name_add(dictionary, index, STR_EMPTY, str_from(command->aliases[i]));
    }
    (void)str_cut(str_from(command->words), ' ', &group, &rest);
    own_name_add(dictionary, index, STR_EMPTY, rest);
    if (str_starts(rest, STR("switch "))) { /* window: {action: frame-index} */
        own_name_add(dictionary, index, STR("window"), str_sub(rest, 7, rest.len));
    }
    for (size_t i = 0; i < ARRAY_LEN(group_words); i++) {
        struct str words = str_from(group_words[i].words);
        struct str word;

        while (str_is(group, group_words[i].group) && str_next(&words, ' ', &word)) {
            own_name_add(dictionary, index, word, rest);
        }
    }
}

static void read_commands(struct dictionary *dictionary)
{
    struct arena *arena = &dictionary->arena;

    dictionary->own_verbs = arena_calloc(
        arena, catalog_size(dictionary->catalog) + ARRAY_LEN(other_names), sizeof(struct verb));
    for (size_t i = 0; i < catalog_size(dictionary->catalog); i++) {
        const struct command *command = catalog_at(dictionary->catalog, i);

        verb_add(dictionary, &dictionary->own_verbs[i], form_of_command(dictionary, command));
        if (command->kind == COMMAND_STEP) {
            own_names_add(dictionary, i);
        }
    }
}

static void read_other_names(struct dictionary *dictionary)
{
    size_t index = catalog_size(dictionary->catalog);

    for (size_t i = 0; i < ARRAY_LEN(other_names); i++) {
        struct str names = str_from(other_names[i].verbs);
        struct str name;

        index += i > 0 && !str_starts(names, str_from(other_names[i - 1].verbs)) ? 1 : 0;
        verb_add(dictionary, &dictionary->own_verbs[index], form_read(dictionary, &other_names[i]));
        while (str_next(&names, ' ', &name)) {
            own_name_add(dictionary, index, STR_EMPTY, name);
            own_name_add(dictionary, index, STR("dialog"), name);
        }
    }
}

/* ---- rows ---- */

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
            struct str words[FORM_WORDS_MAX];
            size_t n = str_split(form->commands[0].words, ' ', words, FORM_WORDS_MAX);
            size_t index =
                catalog_index(catalog_find(dictionary->catalog, words, n, NULL, NULL, NULL));

            form->next_written = dictionary->written_forms[index];
            dictionary->written_forms[index] = form;
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
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (roles[i].role == ROLE_CONTROL) {
            verb_made(dictionary, str_from(roles[i].key))->is_control = true;
        }
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
    return CONTAINER_OR_NULL(found, struct verb, node);
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
        map_done(&dictionary->own_names);
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
    map_init(&dictionary->own_names);
    dictionary->grammar = grammar_new(&dictionary->arena);
    read_rows(dictionary);
    read_commands(dictionary);
    read_other_names(dictionary);
    mark_keys(dictionary, beside, offsetof(struct key, is_beside));
    mark_keys(dictionary, habits, offsetof(struct key, is_habit));
    mark_keys(dictionary, common_fields, offsetof(struct key, is_common));
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        key_made(dictionary, str_from(roles[i].key))->role = roles[i].role;
    }
    mark_verbs(dictionary);
    for (size_t i = 0; i < dictionary->n_keys; i++) {
        dictionary->key_list[i]->verb = verb_by_fold(dictionary, dictionary->key_list[i]->node.key);
    }
    return dictionary;
}

/* ---- looking up ---- */

const struct key *key_find(const struct dictionary *dictionary, struct str name)
{
    return MAP_FIND(&dictionary->keys, name, struct key, node);
}

unsigned name_id(const struct dictionary *dictionary, struct str name)
{
    const struct key *key = key_find(dictionary, name);

    return key != NULL ? key->id : 0;
}

const struct verb *verb_find(const struct dictionary *dictionary, struct str word)
{
    const struct key *key = key_find(dictionary, word);

    return key != NULL ? key->verb : verb_by_fold(dictionary, word);
}

unsigned word_id(const struct dictionary *dictionary, struct str word)
{
    char buffer[64];
    struct map_node *found = map_find(&dictionary->words, verb_fold(word, buffer));

    return found != NULL ? CONTAINER_OF(found, struct numbered, node)->id : 0;
}

const struct verb *verb_of_command(const struct dictionary *dictionary,
                                   const struct command *command)
{
    return &dictionary->own_verbs[catalog_index(command)];
}

const struct verb *verb_own(const struct dictionary *dictionary, struct str head, struct str name)
{
    char buffer[FOLD_MAX];
    struct str folded = own_fold(head, name, buffer);
    struct map_node *found = folded.len > 0 ? map_find(&dictionary->own_names, folded) : NULL;

    return found != NULL ? &dictionary->own_verbs[CONTAINER_OF(found, struct numbered, node)->id]
                         : NULL;
}

const struct form *form_writing(const struct dictionary *dictionary, const struct command *command)
{
    return dictionary->written_forms[catalog_index(command)];
}
