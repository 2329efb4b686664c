/* Bags: the fields of one step, found by the alias lists of the table of verbs. */
#include "base/check.h"
#include "testfile_internal.h"

void bag_init(const struct compile *c, struct bag *bag, enum testfile_format dialect,
              struct str verb, struct place place)
{
    bag->dialect = dialect;
    bag->value = NULL;
    bag->value_word = WORD_UNREAD;
    bag->value_used = false;
    bag->value_is_map = false;
    bag->description = STR_EMPTY;
    bag->optional = false;
    bag->names = (struct name_set){{0}};
    bag->n_fields = 0;
    bag_set_verb(c, bag, verb, place);
}

void bag_set_verb(const struct compile *c, struct bag *bag, struct str verb, struct place place)
{
    bag->verb = verb;
    bag->known = verb_find(c->dictionary, verb);
    bag->verb_place = place;
}

void bag_add(struct compile *c, struct bag *bag, struct field field)
{
    if (bag->n_fields >= BAG_MAX_FIELDS) {
        if (bag->n_fields == BAG_MAX_FIELDS) {
            bag->n_fields++; /* said once */
            (void)problem_add(c, TESTFILE_ERROR, place_of_key(field.node),
                              "a step has at most %d fields", BAG_MAX_FIELDS);
        }
        return;
    }
    field.word = WORD_UNREAD;
    name_set_add(&bag->names, field.id);
    bag->fields[bag->n_fields++] = field;
}

void bag_put(struct compile *c, struct bag *bag, struct str name, const struct node *node)
{
    bag_add(c, bag, (struct field){.name = name, .id = name_id(c->dictionary, name), .node = node});
}

size_t bag_size(const struct bag *bag)
{
    return bag->n_fields < BAG_MAX_FIELDS ? bag->n_fields : BAG_MAX_FIELDS;
}

/* A field that stands in the step itself wins over one in `meta`. */
struct field *bag_find(struct bag *bag, unsigned id)
{
    struct field *found = NULL;

    if (!name_set_has(&bag->names, id)) {
        return NULL;
    }
    for (size_t i = 0; i < bag_size(bag); i++) {
        struct field *field = &bag->fields[i];

        if (field->id == id && (found == NULL || found->meta)) {
            found = field;
        }
    }
    return found;
}

bool is_empty(const struct node *node)
{
    return node->type == NODE_SCALAR && node->is_null &&
           (node->text.len == 0 || str_is(node->text, "~"));
}

static bool find_one(struct bag *bag, const struct alias *alias, struct found *out)
{
    *out = (struct found){.place = bag->verb_place};
    switch (alias->kind) {
    case ALIAS_FIXED:
        out->text = alias->text;
        return true;
    case ALIAS_STEP:
        return true;
    case ALIAS_PAIR_KEY:
        out->field = bag_size(bag) > 0 ? &bag->fields[0] : NULL;
        if (out->field != NULL) {
            out->text = out->field->name;
            out->place = place_of_key(out->field->node);
        }
        return out->field != NULL;
    case ALIAS_PAIR_VALUE:
        out->field = bag_size(bag) > 0 ? &bag->fields[0] : NULL;
        out->node = out->field != NULL ? out->field->node : NULL;
        break;
    case ALIAS_VALUE:
        out->node = bag->value;
        out->is_value = true;
        break;
    case ALIAS_FIELD:
    case ALIAS_MEMBER:
        out->field = bag_find(bag, alias->id);
        out->node = out->field != NULL ? out->field->node : NULL;
        if (alias->kind == ALIAS_MEMBER && out->node != NULL) {
            out->node = node_get_str(out->node, alias->text);
        }
        break;
    }
    if (out->node == NULL || is_empty(out->node)) {
        return false;
    }
    out->place = place_of(out->node);
    return true;
}

bool bag_resolve(struct bag *bag, const struct alias_list *list, struct found *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct alias *alias = &list->items[i];

        if ((alias->id == 0 || name_set_has(&bag->names, alias->id)) && find_one(bag, alias, out)) {
            return true;
        }
    }
    return false;
}

void found_use(struct bag *bag, const struct found *found)
{
    if (found->field != NULL) {
        found->field->used = true;
    }
    if (found->is_value) {
        bag->value_used = true;
    }
}

/* ---- conditions ---- */

static struct str peek_text(const struct compile *c, struct str text)
{
    struct str name = whole_reference(text);
    const struct node *node;
    struct str value;

    if (name.len == 0 || !var_find(c->scope, name, &node, &value)) {
        return text;
    }
    if (node != NULL) {
        return node->type == NODE_SCALAR ? node->text : text;
    }
    return value;
}

/* The number of the word in a field or in the plain value; it is looked up once. */
static int word_of(const struct compile *c, struct bag *bag, const struct found *found)
{
    int *word = found->is_value ? &bag->value_word : &found->field->word;

    if (found->node->type != NODE_SCALAR) {
        return 0;
    }
    if (!found->is_value && found->node != found->field->node) { /* a member of a map */
        return (int)word_id(c->dictionary, peek_text(c, found->node->text));
    }
    if (*word == WORD_UNREAD) {
        *word = (int)word_id(c->dictionary, peek_text(c, found->node->text));
    }
    return *word;
}

/* Any of the fields may say the word. */
static bool says_word(struct compile *c, struct bag *bag, const struct condition *condition,
                      struct found *out)
{
    for (size_t i = 0; i < condition->list.n; i++) {
        const struct alias *alias = &condition->list.items[i];
        int word;

        if ((alias->id > 0 && !name_set_has(&bag->names, alias->id)) ||
            !find_one(bag, alias, out) || out->node == NULL) {
            continue;
        }
        word = word_of(c, bag, out);
        for (size_t k = 0; word > 0 && k < condition->n_words; k++) {
            if (condition->words[k] == (unsigned)word) {
                return true;
            }
        }
    }
    return false;
}

static bool is_pair(const struct compile *c, const struct bag *bag)
{
    return bag->value_is_map && bag_size(bag) == 1 &&
           !verb_takes(bag->known, key_find(c->dictionary, bag->fields[0].name));
}

static bool is_time(const struct compile *c, struct bag *bag)
{
    const struct field *field = bag_find(bag, name_id(c->dictionary, STR("value")));
    const struct node *node = bag->value != NULL && !is_empty(bag->value) ? bag->value
                              : field != NULL                             ? field->node
                                                                          : NULL;

    return node != NULL && node->type == NODE_SCALAR && !is_empty(node) &&
           text_is_time(peek_text(c, node->text), !node->quoted);
}

static bool holds(struct compile *c, struct bag *bag, const struct condition *condition,
                  struct found *out)
{
    *out = (struct found){0};
    switch (condition->kind) {
    case IS_PAIR:
        return is_pair(c, bag);
    case IS_TIME:
        return is_time(c, bag);
    case HAS_FIELD:
        return bag_resolve(bag, &condition->list, out);
    case HAS_NO_FIELD:
        return !bag_resolve(bag, &condition->list, out);
    case SAYS_WORD:
        return says_word(c, bag, condition, out);
    }
    return false;
}

bool form_holds(struct compile *c, struct bag *bag, const struct form *form,
                const struct condition *without)
{
    struct found found;

    for (size_t i = 0; i < form->n_conditions; i++) {
        const struct condition *condition = &form->conditions[i];

        c->out->work++;
        if (!condition->is_optional && condition != without && !holds(c, bag, condition, &found)) {
            return false;
        }
    }
    return true;
}

/* Marks the fields whose words made the form hold as used. */
void form_use_conditions(struct compile *c, struct bag *bag, const struct form *form)
{
    struct found found;

    for (size_t i = 0; i < form->n_conditions; i++) {
        const struct condition *condition = &form->conditions[i];

        if (condition->kind == SAYS_WORD && holds(c, bag, condition, &found)) {
            found_use(bag, &found);
        }
    }
}
