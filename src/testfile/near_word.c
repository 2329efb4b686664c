/* `scroll: botom` is a step that works: it scrolls to an element of that name. Where a verb takes a
 * word of its own or any text in the same place, a text that is nearly such a word is told. */
#include "base/nearest.h"
#include "map_internal.h"

/* A warning is for one slip, in a long word for two: "Payment" is not meant to be "parent". */
enum { LONG_WORD = 8 };

/* Beside a wrong truth value something else is left over, which is an error; and many a text is near to
 * one ("Tree"). */
static const char truths[] = "true|yes|false|no";

static bool is_about(const struct condition *condition, unsigned place)
{
    return condition->kind == SAYS_WORD &&
           (place > 0 ? name_set_has(&condition->list.fields, place) : condition->list.has_plain);
}

static void offer_words(struct nearest *nearest, const struct condition *condition,
                        const char *but_for)
{
    struct str rest = condition->text;
    struct str word;

    while (str_next(&rest, '|', &word)) {
        if (!str_among(word, str_from(but_for), '|')) {
            nearest_offer(nearest, word);
        }
    }
}

struct str said_near(const struct verb *verb, unsigned place, struct str text)
{
    struct nearest nearest;

    nearest_init(&nearest, text);
    for (size_t i = 0; verb != NULL && i < verb->n_forms; i++) {
        const struct form *form = verb->forms[i];

        for (size_t k = 0; k < form->n_conditions; k++) {
            if (is_about(&form->conditions[k], place)) {
                offer_words(&nearest, &form->conditions[k], "");
            }
        }
    }
    return nearest.best;
}

/* The same, of words that would make another form hold. */
static struct str meant_near(struct compile *c, struct bag *bag, const struct form *taken,
                             unsigned place, struct str text)
{
    struct nearest nearest;

    nearest_init(&nearest, text);
    for (size_t i = 0; i < bag->known->n_forms; i++) {
        const struct form *form = bag->known->forms[i];

        for (size_t k = 0; form != taken && form->refusal == NULL && k < form->n_conditions; k++) {
            const struct condition *condition = &form->conditions[k];

            if (is_about(condition, place) && form_would_hold(c, bag, form, condition)) {
                offer_words(&nearest, condition, truths);
            }
        }
    }
    return nearest.best_distance <= (text.len < LONG_WORD ? 1 : 2) ? nearest.best : STR_EMPTY;
}

/* The field that takes what stands in the place, and nothing else; empty: there is none. */
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

        if (near.len > 0 && str_among(near, str_from(truths), '|')) {
            *out_meant = near;
            return field;
        }
    }
    return NULL;
}
