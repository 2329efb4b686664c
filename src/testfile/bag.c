/* Bags: the fields of one step, found by the alias lists of the table of verbs. */
#include "base/check.h"
#include "base/utf8.h"
#include "map_internal.h"

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
    bag->fields[bag->n_fields++] = field;
}

size_t bag_size(const struct bag *bag)
{
    return bag->n_fields < BAG_MAX_FIELDS ? bag->n_fields : BAG_MAX_FIELDS;
}

/* What the dialect puts in its main places wins over `meta`. */
struct field *bag_find(struct bag *bag, struct str name)
{
    struct field *found = NULL;

    for (size_t i = 0; i < bag_size(bag); i++) {
        struct field *field = &bag->fields[i];

        if (str_eq(field->name, name) && (found == NULL || found->meta)) {
            found = field;
        }
    }
    return found;
}

static bool is_empty(const struct node *node)
{
    return node->type == NODE_SCALAR && node->is_null && node->text.len == 0;
}

/* `set.name`: a member of a field that is a map. */
static bool find_dotted(struct bag *bag, struct str name, struct found *out)
{
    struct str head;
    struct str tail;
    struct field *field;

    if (!str_cut(name, '.', &head, &tail)) {
        return false;
    }
    field = bag_find(bag, head);
    out->node = field != NULL ? node_get_str(field->node, tail) : NULL;
    if (out->node == NULL) {
        return false;
    }
    out->field = field;
    return true;
}

static bool find_pair(struct bag *bag, struct str name, struct found *out)
{
    out->field = bag_size(bag) > 0 ? &bag->fields[0] : NULL;
    if (out->field == NULL) {
        return false;
    }
    if (str_is(name, "@value")) {
        out->node = out->field->node;
    } else {
        out->node = NULL;
        out->text = out->field->name;
        out->place = place_of_key(out->field->node);
    }
    return true;
}

static bool find_one(struct bag *bag, struct str name, struct found *out)
{
    *out = (struct found){.place = bag->verb_place};
    if (name.len > 0 && name.ptr[0] == '=') {
        out->text = str_sub(name, 1, name.len);
        return true;
    }
    if (str_is(name, ".")) {
        out->node = bag->value;
        out->is_value = true;
    } else if (name.len > 0 && name.ptr[0] == '@') {
        return find_pair(bag, name, out);
    } else if (!find_dotted(bag, name, out)) {
        out->field = bag_find(bag, name);
        out->node = out->field != NULL ? out->field->node : NULL;
    }
    if (out->node == NULL || is_empty(out->node)) {
        return false;
    }
    out->place = place_of(out->node);
    return true;
}

bool bag_resolve(struct bag *bag, struct str list, struct found *out)
{
    struct str rest = list;
    struct str name;

    while (str_next(&rest, '|', &name)) {
        if (find_one(bag, name, out)) {
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

static bool word_is_among(const struct compile *c, const struct found *found, struct str words)
{
    char folded[64];
    struct str text;
    struct str word;

    if (found->node == NULL || found->node->type != NODE_SCALAR) {
        return false;
    }
    text = verb_fold(peek_text(c, found->node->text), folded);
    while (str_next(&words, '|', &word)) {
        if (str_eq(word, text)) {
            return true;
        }
    }
    return false;
}

static bool is_pair(const struct bag *bag)
{
    return bag->value_is_map && bag_size(bag) == 1 && !verb_takes(bag->verb, bag->fields[0].name);
}

static bool is_time(const struct compile *c, struct bag *bag)
{
    struct found found;

    if (!bag_resolve(bag, STR(".|value"), &found) || found.node == NULL ||
        found.node->type != NODE_SCALAR) {
        return false;
    }
    return text_is_time(peek_text(c, found.node->text), !found.node->quoted);
}

/* One item of `when`; *out says what it found. */
static bool holds(struct compile *c, struct bag *bag, struct str item, struct found *out)
{
    struct str list = item;
    struct str words;

    *out = (struct found){0};
    if (str_is(item, "?pair")) {
        return is_pair(bag);
    }
    if (str_is(item, "?time")) {
        return is_time(c, bag);
    }
    if (item.ptr[0] == '~') { /* fits when it stands there, need not */
        (void)holds(c, bag, str_sub(item, 1, item.len), out);
        return true;
    }
    if (item.ptr[0] == '!') {
        return !bag_resolve(bag, str_sub(item, 1, item.len), out);
    }
    if (str_cut(item, '=', &list, &words)) {
        struct str rest = list;
        struct str name;

        while (str_next(&rest, '|', &name)) { /* any of the fields may say the word */
            if (bag_resolve(bag, name, out) && word_is_among(c, out, words)) {
                return true;
            }
        }
        return false;
    }
    return bag_resolve(bag, list, out);
}

bool row_holds(struct compile *c, struct bag *bag, const struct verb_row *row)
{
    struct str rest = str_from(row->when);
    struct found found;
    struct str item;

    while (str_next(&rest, ' ', &item)) {
        c->out->work++;
        if (!holds(c, bag, item, &found)) {
            return false;
        }
    }
    return true;
}

/* The words that made the row hold are used with it. */
void row_use_conditions(struct compile *c, struct bag *bag, const struct verb_row *row)
{
    struct str rest = str_from(row->when);
    struct found found;
    struct str item;

    while (str_next(&rest, ' ', &item)) {
        if (item.ptr[0] == '~') {
            item = str_sub(item, 1, item.len);
        }
        if (item.ptr[0] != '!' && item.ptr[0] != '?' && str_find_char(item, '=') >= 0 &&
            holds(c, bag, item, &found)) {
            found_use(bag, &found);
        }
    }
}
