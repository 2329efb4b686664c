/* What errors and warnings tell of the table of verbs: which words are verbs, which fields a verb takes,
 * and which of them was probably meant. */
#include "base/nearest.h"
#include "testfile_internal.h"

struct str verb_fold(struct str word, char out[64])
{
    size_t n = 0;

    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];

        if (c == '-' || c == '_' || c == ' ') {
            continue;
        }
        if (n == 64) {
            return STR_EMPTY;
        }
        out[n++] = char_lower(c);
    }
    return (struct str){out, n};
}

static struct str fold_without_step(struct str word, char out[64])
{
    struct str folded = verb_fold(word, out);

    return str_starts(folded, STR("step")) ? str_sub(folded, 4, folded.len) : folded;
}

bool verb_has_group(struct str name, struct str group)
{
    char name_buffer[64];
    char group_buffer[64];
    struct str folded = fold_without_step(group, group_buffer);

    return folded.len > 0 && str_starts(fold_without_step(name, name_buffer), folded);
}

bool verb_known(const struct verb *verb)
{
    return verb != NULL && (verb->n_forms > 0 || verb->is_control);
}

bool verb_needs_nothing(const struct verb *own)
{
    const struct form_command *command = &own->forms[own->n_forms - 1]->commands[0];

    return command->n_args == 0 || command->args[0].is_optional;
}

struct str verb_nearest(const struct dictionary *dictionary, struct str word)
{
    struct nearest nearest;

    nearest_init(&nearest, word);
    for (size_t i = 0; i < dictionary->n_verbs; i++) {
        const struct verb *verb = dictionary->verb_list[i];

        if (verb_known(verb) && (verb->node.key.len > 2 || verb->is_control)) {
            nearest_offer(&nearest, verb->node.key);
        }
    }
    return nearest.best;
}

const char *verb_example(const struct dictionary *dictionary, struct str word)
{
    const struct verb *verb = verb_find(dictionary, word);

    return verb != NULL ? verb->example : NULL;
}

struct str unknown_verb(struct compile *c, struct place place, struct str verb, size_t farthest,
                        const char *hint)
{
    struct testfile_problem *problem =
        problem_add(c, TESTFILE_ERROR, place, "unknown verb \"%.*s\"", CLIPPED(verb));
    struct str near;

    if (!problem_is_kept(c, problem)) {
        return STR_EMPTY;
    }
    near = verb_nearest(c->dictionary, verb);
    problem->nearest = edit_distance(near, verb, farthest) <= farthest ? near : STR_EMPTY;
    problem->hint =
        lacks_space(c, verb) ? STR("a space is missing after the colon") : str_from(hint);
    problem->example = str_from(problem->nearest.len > 0 ? verb_example(c->dictionary, near)
                                                         : "click: \"Sign in\"");
    return problem->nearest;
}

bool verb_takes(const struct verb *verb, const struct key *key)
{
    return key != NULL &&
           (key->is_common || (verb != NULL && name_set_has(&verb->fields, key->id)));
}

/* Fields that may stand beside any verb. */
static const char beside_words[] = "optional description name continue_on_error";

static bool takes_any_text(const struct verb *verb, unsigned id)
{
    for (size_t i = 0; i < verb->n_forms; i++) {
        const struct form *form = verb->forms[i];

        for (size_t k = 0; k < form->commands[0].n_args; k++) {
            if (name_set_has(&form->commands[0].args[k].list.fields, id)) {
                return true;
            }
        }
    }
    return false;
}

/* True for `not_visible` and `invisible`, which say the opposite of a name, unless the word begins so, too. */
static bool is_opposite(const struct dictionary *dictionary, struct str name, struct str word)
{
    static const char *const prefixes[] = {"not", "in", "un"};

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str prefix = str_from(prefixes[i]);
        struct str rest = str_sub(name, prefix.len, name.len);

        if (str_starts(name, prefix) && rest.len >= 4 &&
            (i == 0 || name_id(dictionary, rest) != 0)) {
            return !str_starts_nocase(word, prefix);
        }
    }
    return false;
}

struct str field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                         struct str field, bool takes_text)
{
    struct nearest nearest;

    nearest_init(&nearest, field);
    for (unsigned id = 1; verb != NULL && id < NAME_IDS_MAX; id++) {
        struct str name = dictionary->names[id];

        if (name_set_has(&verb->fields, id) && !is_opposite(dictionary, name, field) &&
            (!takes_text || (!str_eq(name, field) && takes_any_text(verb, id)))) {
            nearest_offer(&nearest, name);
        }
    }
    if (takes_text) {
        return nearest.best_distance > 1 ? STR_EMPTY : nearest.best;
    }
    return nearest.best.len > 0 ? nearest.best : nearest_among(field, beside_words);
}

struct str field_words(const struct compile *c, const struct verb *verb, struct str field)
{
    unsigned id = name_id(c->dictionary, field);
    struct str out = STR_EMPTY;

    for (size_t i = 0; verb != NULL && i < verb->n_sayings; i++) {
        if (name_set_has(&verb->sayings[i]->list.fields, id)) {
            struct str word;
            struct str rest;

            /* The first of the words says it best. */
            (void)str_cut(verb->sayings[i]->text, '|', &word, &rest);
            if (!str_among(word, out, ' ')) {
                arena_join(c->arena, &out, " ", word);
            }
        }
    }
    return out;
}

/* ---- slips in words ---- */

/* `scroll: botom` is a step that works: it scrolls to an element of that name. Where a verb takes a word of its own or
 * any text in the same place, a text that is nearly such a word gets a warning. */

/* A warning allows for one slip, and for two in a long word: "Payment" is not meant to be "parent". */
enum { LONG_WORD = 8 };

/* No warning offers these: many a text is near to one ("Tree"), and beside a misspelt one another field is
 * left over, which is an error. */
static const char truths[] = "true yes false no";

static bool is_about(const struct condition *condition, unsigned place)
{
    return condition->kind == SAYS_WORD &&
           (place > 0 ? name_set_has(&condition->list.fields, place) : condition->list.has_plain);
}

static void offer_but_truths(struct nearest *nearest, struct str words)
{
    struct str word;

    while (str_next(&words, '|', &word)) {
        if (!str_has_word(truths, word)) {
            nearest_offer(nearest, word);
        }
    }
}

struct str said_near(const struct verb *verb, unsigned place, struct str text)
{
    struct nearest nearest;

    nearest_init(&nearest, text);
    for (size_t i = 0; verb != NULL && i < verb->n_sayings; i++) {
        if (is_about(verb->sayings[i], place)) {
            nearest_offer_words(&nearest, verb->sayings[i]->text, '|');
        }
    }
    return nearest.best;
}

/* The same among the words with which another form would hold. */
static struct str meant_near(struct compile *c, struct bag *bag, const struct form *taken,
                             unsigned place, struct str text)
{
    struct nearest nearest;

    nearest_init(&nearest, text);
    for (size_t i = 0; i < bag->known->n_forms; i++) {
        const struct form *form = bag->known->forms[i];

        for (size_t k = 0; form != taken && form->refusal == NULL && k < form->n_conditions; k++) {
            const struct condition *condition = &form->conditions[k];

            if (is_about(condition, place) && form_holds(c, bag, form, condition)) {
                offer_but_truths(&nearest, condition->text);
            }
        }
    }
    return nearest.best_distance <= (text.len < LONG_WORD ? 1 : 2) ? nearest.best : STR_EMPTY;
}

/* Another field than `place` in which the form takes the text as such, for the hint; empty: there is none. */
static struct str plain_field(const struct form *form, unsigned place)
{
    const struct form_command *command = &form->commands[0];

    for (size_t i = 0; i < command->n_args; i++) {
        const struct alias_list *list = &command->args[i].list;

        for (size_t k = 0; k < list->n; k++) {
            if (list->items[k].kind == ALIAS_FIELD && list->items[k].id != place) {
                return list->items[k].text;
            }
        }
    }
    return STR_EMPTY;
}

static void check_place(struct compile *c, struct bag *bag, const struct form *form, unsigned place,
                        const struct node *node)
{
    struct str near;
    struct str field;
    struct testfile_problem *problem;

    if (node->type != NODE_SCALAR || str_find_char(node->text, ' ') >= 0 ||
        whole_reference(node->text).len > 0 || word_id(c->dictionary, node->text) > 0) {
        return;
    }
    near = meant_near(c, bag, form, place, node->text);
    if (near.len == 0) {
        return;
    }
    problem = problem_add(c, TESTFILE_WARNING, place_of(node),
                          "\"%.*s\" is no word that %.*s knows: it is taken as text",
                          STR_ARG(node->text), CLIPPED(bag->verb));
    problem->nearest = near;
    field = plain_field(form, place);
    if (field.len > 0) {
        problem->hint = arena_printf(c->arena, "if the text is meant: {%.*s: \"%.*s\"}",
                                     STR_ARG(field), STR_ARG(node->text));
    }
}

void check_near_words(struct compile *c, struct bag *bag, const struct form *form)
{
    if (bag->known == NULL) {
        return;
    }
    if (bag->value != NULL && bag->value_used && bag->known->says_plain) {
        check_place(c, bag, form, 0, bag->value);
    }
    for (size_t i = 0; i < bag_size(bag); i++) {
        const struct field *field = &bag->fields[i];

        if (field->used && name_set_has(&bag->known->said, field->id)) {
            check_place(c, bag, form, field->id, field->node);
        }
    }
}

const struct field *misspelt_truth(const struct compile *c, struct bag *bag, struct str *out_meant)
{
    for (size_t i = 0; bag->known != NULL && i < bag_size(bag); i++) {
        const struct field *field = &bag->fields[i];
        struct str near = field->used && field->node->type == NODE_SCALAR &&
                                  word_id(c->dictionary, field->node->text) == 0 &&
                                  name_set_has(&bag->known->said, field->id)
                              ? said_near(bag->known, field->id, field->node->text)
                              : STR_EMPTY;

        if (near.len > 0 && str_has_word(truths, near)) {
            *out_meant = near;
            return field;
        }
    }
    return NULL;
}
