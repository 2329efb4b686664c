/* What is said of the table of verbs to people: which words are verbs, which fields a verb takes,
 * and what someone probably meant. */
#include "base/nearest.h"
#include "map_internal.h"

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
    for (size_t i = 0; i < verb_count(dictionary); i++) {
        const struct verb *verb = verb_at(dictionary, i);

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
    problem->hint = str_from(hint);
    problem->example = str_from(problem->nearest.len > 0 ? verb_example(c->dictionary, near)
                                                         : "click: \"Sign in\"");
    return problem->nearest;
}

bool verb_takes(const struct verb *verb, const struct key *key)
{
    return key != NULL &&
           (key->is_common || (verb != NULL && name_set_has(&verb->fields, key->id)));
}

struct str field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                         struct str field)
{
    struct nearest nearest;

    nearest_init(&nearest, field);
    for (unsigned id = 1; verb != NULL && id < NAME_IDS_MAX; id++) {
        if (name_set_has(&verb->fields, id)) {
            nearest_offer(&nearest, name_of_id(dictionary, id));
        }
    }
    return nearest.best;
}

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

/* As field_nearest, but for fields that take any text. */
struct str other_field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                               struct str field)
{
    struct nearest nearest;

    nearest_init(&nearest, field);
    for (unsigned id = 1; verb != NULL && id < NAME_IDS_MAX; id++) {
        struct str name = name_of_id(dictionary, id);

        if (name_set_has(&verb->fields, id) && !str_eq(name, field) && takes_any_text(verb, id)) {
            nearest_offer(&nearest, name);
        }
    }
    return nearest.best_distance <= 1 ? nearest.best : STR_EMPTY;
}

/* Adds the first of the words, which says it best. */
static void add_word(struct arena *arena, const struct condition *condition, struct str *out)
{
    struct str word;
    struct str rest;

    (void)str_cut(condition->text, '|', &word, &rest);
    if (!str_among(word, *out, ' ')) {
        arena_join(arena, out, " ", word);
    }
}

struct str field_words(const struct compile *c, const struct verb *verb, struct str field)
{
    unsigned id = name_id(c->dictionary, field);
    struct str out = STR_EMPTY;

    for (size_t i = 0; verb != NULL && i < verb->n_forms; i++) {
        const struct form *form = verb->forms[i];

        for (size_t k = 0; k < form->n_conditions; k++) {
            const struct condition *condition = &form->conditions[k];

            if (condition->kind == SAYS_WORD && name_set_has(&condition->list.fields, id)) {
                add_word(c->arena, condition, &out);
            }
        }
    }
    return out;
}
