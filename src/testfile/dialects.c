/* Normalize: a step of any dialect becomes a bag. The keys of each step decide its dialect, so that
 * files may mix dialects. */
#include "dialects.h"
#include "base/check.h"
#include "base/mem.h"

static void keys_read(const struct compile *c, struct step_keys *keys, const struct node *step)
{
    keys->n = 0;
    for (size_t i = 0; i < N_ROLES; i++) {
        keys->roles[i] = NULL;
    }
    NODE_FOREACH (child, step) {
        const struct key *key = key_find(c->dictionary, child->key);
        enum key_role role = key != NULL ? key->role : ROLE_NONE;

        if (keys->roles[role] == NULL) {
            keys->roles[role] = child;
        }
        keys->nodes[keys->n] = child;
        keys->keys[keys->n++] = key;
    }
}

static const struct node *scalar_role(const struct step_keys *keys, enum key_role role)
{
    const struct node *node = keys->roles[role];

    return node != NULL && node->type == NODE_SCALAR ? node : NULL;
}

static const struct group_row *find_group(const struct compile *c, struct str word)
{
    const struct verb *verb = verb_find(c->dictionary, word);

    return verb != NULL ? verb->group : NULL;
}

/* ---- what stands beside every verb ---- */

static void take_meta(struct compile *c, struct bag *bag, const struct node *meta)
{
    NODE_FOREACH (child, meta) {
        if (bag->n_fields < BAG_MAX_FIELDS) {
            bag_add(c, bag,
                    (struct field){.name = child->key,
                                   .id = name_id(c->dictionary, child->key),
                                   .node = child,
                                   .meta = true});
        }
    }
}

/* `skip: true` does not leave a step out, and no other key does. The warning tells that to the author. */
static void warn_skip(struct compile *c, const struct node *child)
{
    bool truth = true;

    if (child->is_null || (node_is_bool(child, &truth) && !truth)) {
        return;
    }
    problem_add(c, TESTFILE_WARNING, place_of_key(child),
                "\"skip\" has no effect: the step is made all the same")
        ->hint = STR("take the step out, or put # before each of its lines");
}

static bool take_beside(struct compile *c, struct bag *bag, const struct node *child,
                        const struct key *key)
{
    bool truth = false;

    if (key == NULL || !key->is_beside) {
        return false;
    }
    if (str_is(child->key, "optional") || str_is(child->key, "continue_on_error")) {
        if (!node_is_bool(child, &truth)) {
            (void)problem_refuse(c, place_of(child), NULL, "optional: true",
                                 "%.*s must be true or false", STR_ARG(child->key));
        }
        bag->optional = bag->optional || truth;
    } else if (str_is(child->key, "meta")) {
        take_meta(c, bag, child);
    } else if (str_is(child->key, "skip")) {
        warn_skip(c, child);
    } else if (child->type == NODE_SCALAR && bag->description.len == 0 &&
               !str_is(child->key, "id")) {
        bag->description = substitute(c, child->text, place_of(child));
    }
    return true;
}

/* ---- the dialects ---- */

void take_field(struct compile *c, struct bag *bag, const struct node *child, const struct key *key,
                unsigned without, enum field_place where)
{
    unsigned id = key != NULL ? key->id : 0;
    /* Beside a verb `name` is a description and `id` is ignored. Elsewhere they may be fields of the verb. */
    bool may_be = where == BESIDE_COOKIE || where == IN_MAP;
    bool is_field =
        where == IN_ARGS || (may_be && bag->known != NULL && name_set_has(&bag->known->fields, id));

    if ((key != NULL && (without >> key->role & 1) != 0) ||
        (!is_field && take_beside(c, bag, child, key))) {
        return;
    }
    bag_add(c, bag,
            (struct field){.name = child->key,
                           .id = id,
                           .node = child,
                           .loose = where != IN_MAP && key != NULL && key->is_habit});
}

void take_fields(struct compile *c, struct bag *bag, const struct node *map, unsigned without,
                 enum field_place where)
{
    NODE_FOREACH (child, map) {
        take_field(c, bag, child, key_find(c->dictionary, child->key), without, where);
    }
}

static bool no_such_verb(struct compile *c, struct place place, struct str verb)
{
    c->no_such_verb = true;
    (void)unknown_verb(c, place, verb, SIZE_MAX,
                       "verbs are navigate, click, write, key, select, assert, wait, store, ...");
    return false;
}

static bool map_known(struct compile *c, struct bag *bag)
{
    c->n_by_format[bag->dialect]++;
    if (!verb_known(bag->known)) {
        return no_such_verb(c, bag->verb_place, bag->verb);
    }
    return map_bag(c, bag);
}

/* Sets the verb of the bag, perhaps with a field, from a group and the command in it. */
static void enter_group(struct compile *c, struct bag *bag, const struct node *group,
                        const struct node *command)
{
    const struct group_row *row = find_group(c, group->text);

    bag_set_verb(c, bag, group->text, place_of(group));
    if (command == NULL) {
        return;
    }
    if (row == NULL || row->field == NULL) {
        char buffer[64];
        struct str folded = verb_fold(command->text, buffer);

        if (!str_is(folded, "to") && !str_is(folded, "url")) { /* navigate/to is the group itself */
            bag_set_verb(c, bag, command->text, place_of(command));
        }
        return;
    }
    bag_put(c, bag, str_from(row->field), command);
}

static bool step_extended(struct compile *c, const struct node *step, const struct step_keys *keys)
{
    struct bag bag;
    const struct node *type = keys->roles[ROLE_TYPE];
    const struct node *name = scalar_role(keys, ROLE_COMMAND);

    bag_init(c, &bag, TESTFILE_FORMAT_EXTENDED, type->text, place_of(type));
    enter_group(c, &bag, type, name);
    take_fields(c, &bag, step, 1U << ROLE_TYPE | 1U << ROLE_COMMAND,
                str_is_nocase(type->text, "cookie") ? BESIDE_COOKIE : BESIDE_VERB);
    return map_known(c, &bag);
}

static bool step_action(struct compile *c, const struct node *map, const struct node *action,
                        enum testfile_format dialect)
{
    struct bag bag;

    bag_init(c, &bag, dialect, action->text, place_of(action));
    take_fields(c, &bag, map,
                1U << (dialect == TESTFILE_FORMAT_ACTION ? ROLE_ACTION : ROLE_STEP_TYPE),
                str_is_nocase(action->text, "cookie") ? BESIDE_COOKIE : BESIDE_VERB);
    return map_known(c, &bag);
}

/* Takes the members beside the verb, like `in` of the compact `t`. */
static void take_companions(struct compile *c, struct bag *bag, const struct node *verb,
                            const struct step_keys *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct node *child = keys->nodes[i];
        const struct key *key = keys->keys[i];

        DCHECK(child != NULL);
        if (child != verb && !take_beside(c, bag, child, key)) {
            bag_put(c, bag, child->key, child);
        }
    }
}

static bool step_simplified(struct compile *c, const struct node *verb,
                            const struct step_keys *keys)
{
    struct bag bag;
    const struct node *action = first_of(verb, "action command"); /* of a group: what to do */
    const struct group_row *group;

    bag_init(c, &bag, verb->key.len <= 3 ? TESTFILE_FORMAT_COMPACT : TESTFILE_FORMAT_SIMPLIFIED,
             verb->key, place_of_key(verb));
    take_companions(c, &bag, verb, keys);
    if (verb->type != NODE_MAP) {
        bag.value = verb;
        return map_known(c, &bag);
    }
    if (bag.known->n_forms == 0 && action == NULL && keys->n == 1) {
        return step_map(c, verb); /* interact: {click: "Sign in"} */
    }
    bag.value_is_map = true;
    group = bag.known != NULL && action != NULL && action->type == NODE_SCALAR ? bag.known->group
                                                                               : NULL;
    if (group == NULL) {
        take_fields(c, &bag, verb, 0, IN_MAP);
        return map_known(c, &bag);
    }
    if (group->field == NULL) {
        bool is_group = str_is_nocase(action->text, "to");

        /* `interact: {action: write, target: X}`: the action is the verb. */
        bag.dialect = TESTFILE_FORMAT_SIMPLIFIED;
        bag_set_verb(c, &bag, is_group ? verb->key : action->text, place_of(action));
        take_fields(c, &bag, verb, 1U << ROLE_ACTION | 1U << ROLE_COMMAND, IN_MAP);
        return map_known(c, &bag);
    }
    /* `action` may stand in place of `type`, and `command` in place of `action`. */
    bag_put(c, &bag,
            name_set_has(&bag.known->fields, name_id(c->dictionary, STR("action")))
                ? STR("action")
                : str_from(group->field),
            action);
    take_fields(c, &bag, verb, 1U << ROLE_ACTION | 1U << ROLE_COMMAND, IN_MAP);
    return map_known(c, &bag);
}

/* ---- which of them ---- */

static bool is_command(const struct step_keys *keys)
{
    const struct node *command = scalar_role(keys, ROLE_COMMAND);

    return command != NULL && keys->roles[ROLE_TYPE] == NULL &&
           (str_starts(command->text, STR("step-")) || str_starts(command->text, STR("library")) ||
            keys->roles[ROLE_ARGS] != NULL);
}

/* `type: write` with other fields beside it is of the extended dialect; `type: hello` alone types the text. */
static bool is_extended(const struct compile *c, const struct step_keys *keys)
{
    const struct node *type = scalar_role(keys, ROLE_TYPE);

    return type != NULL && (keys->roles[ROLE_COMMAND] != NULL ||
                            (keys->n > 1 && verb_find(c->dictionary, type->text) != NULL));
}

static const struct node *find_verb(const struct compile *c, const struct step_keys *keys,
                                    const struct node **out_odd, const struct node **out_second)
{
    const struct node *node = NULL;
    const struct key *found = NULL;
    const struct verb *verb = NULL;

    *out_odd = NULL;
    *out_second = NULL;
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *key = keys->keys[i];
        const struct verb *other =
            key != NULL ? key->verb
                        : verb_find(c->dictionary, keys->nodes[i]->key); /* double-click */

        if (key != NULL && key->is_beside) {
            continue;
        }
        if (other == NULL) {
            *out_odd = *out_odd == NULL ? keys->nodes[i] : *out_odd;
        } else if (verb == NULL || verb_takes(other, found)) {
            node = keys->nodes[i];
            found = key;
            verb = other;
        } else if (!verb_takes(verb, key) && *out_second == NULL) { /* not `in` of the compact t */
            *out_second = keys->nodes[i];
        }
    }
    return node;
}

static bool step_by_rows(struct compile *c, const struct node *node, const struct step_keys *keys)
{
    const struct node *verb;
    const struct node *odd;
    const struct node *second;

    if (scalar_role(keys, ROLE_STEP_TYPE) != NULL) {
        return step_action(c, node, keys->roles[ROLE_STEP_TYPE], TESTFILE_FORMAT_STEPTYPE);
    }
    if (is_command(keys)) {
        return step_command(c, node, keys);
    }
    if (is_extended(c, keys)) {
        return step_extended(c, node, keys);
    }
    if (scalar_role(keys, ROLE_ACTION) != NULL) {
        return step_action(c, node, keys->roles[ROLE_ACTION], TESTFILE_FORMAT_ACTION);
    }
    verb = find_verb(c, keys, &odd, &second);
    if (verb == NULL) {
        const struct node *command = scalar_role(keys, ROLE_COMMAND);

        if (command != NULL) {
            return no_such_verb(c, place_of(command), command->text);
        }
        if (odd != NULL) {
            return no_such_verb(c, place_of_key(odd), odd->key);
        }
        return problem_refuse(c, place_of(node), NULL, NULL, "this step has no verb");
    }
    if (second != NULL) {
        c->two_verbs = true;
        return problem_refuse(c, place_of_key(second),
                              "write each as a step of its own that begins with \"- \"", NULL,
                              "two verbs in one step: \"%.*s\" and \"%.*s\"", STR_ARG(verb->key),
                              CLIPPED(second->key));
    }
    return step_simplified(c, verb, keys);
}

/* Takes out the problems between the two marks. */
static void problems_cut(struct testfile_problems *problems, const struct testfile_problems *from,
                         const struct testfile_problems *to)
{
    for (size_t i = to->n; i < problems->n; i++) {
        problems->items[i - (to->n - from->n)] = problems->items[i];
    }
    problems->n -= to->n - from->n;
    problems->n_errors -= to->n_errors - from->n_errors;
    problems->n_warnings -= to->n_warnings - from->n_warnings;
    problems->n_dropped -= to->n_dropped - from->n_dropped;
}

/* Reads a step that the rows of the verbs do not understand, by the command that it names. If this fails,
 * too, the errors of the rows stay if they know the verb, else the errors of this reading. */
static bool step_by_name(struct compile *c, const struct own_name *name,
                         const struct step_keys *keys, const struct step_mark *before)
{
    bool is_verb = !c->no_such_verb;
    struct testfile_problems by_rows = *c->problems;
    bool ok;

    /* Takes back what the reading by rows has made and counted, but for its problems. */
    c->test->n_steps = before->n_steps;
    c->out->n_steps = before->n_all_steps;
    mem_copy(c->n_by_format, before->n_by_format, sizeof(before->n_by_format));
    ok = own_name_map(c, name, keys);
    if (ok || !is_verb) {
        problems_cut(c->problems, &before->problems, &by_rows);
    } else {
        struct testfile_problems by_name = *c->problems;

        problems_cut(c->problems, &by_rows, &by_name);
    }
    return ok;
}

bool step_map(struct compile *c, const struct node *node)
{
    struct step_keys keys;
    struct own_name name;
    struct step_mark before = step_mark(c);

    if (node->n_children > BAG_MAX_FIELDS) {
        return problem_refuse(c, place_of(node), NULL, NULL, "a step has at most %d fields",
                              BAG_MAX_FIELDS);
    }
    keys_read(c, &keys, node);
    if (own_name_is_first(c, &name, node, &keys)) {
        return own_name_map(c, &name, &keys);
    }
    c->no_such_verb = false;
    c->two_verbs = false;
    return step_by_rows(c, node, &keys) ||
           (!c->fatal && !c->two_verbs && own_name_find(c, &name, node, &keys) &&
            step_by_name(c, &name, &keys, &before));
}

const struct node *control_of(const struct compile *c, const struct node *step)
{
    NODE_FOREACH (child, step) {
        const struct key *key = key_find(c->dictionary, child->key);

        if (key != NULL && key->role == ROLE_CONTROL) {
            return child;
        }
    }
    return NULL;
}
