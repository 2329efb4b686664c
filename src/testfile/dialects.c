/* Normalize: a step of any dialect becomes a bag. What a step is, is decided step by step from the
 * keys that stand in it, so that files may mix dialects. */
#include "base/utf8.h"
#include "map_internal.h"

enum { SHOWN_MAX = 64 };

/* Where a dialect names a group and a command in it: the field that the command becomes, or NULL
 * when the command is the verb itself. Add a group by adding a row. */
struct group_row {
    const char *group;
    const char *field;
};

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

static const struct group_row *find_group(struct str word)
{
    char buffer[64];
    struct str folded = verb_fold(word, buffer);

    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (str_is(folded, groups[i].group)) {
            return &groups[i];
        }
    }
    return NULL;
}

static struct node *made_scalar(struct compile *c, const struct node *like, struct str text)
{
    struct node *node = arena_zalloc(c->arena, sizeof(*node));

    node->type = NODE_SCALAR;
    node->text = text;
    node->line = like->line;
    node->column = like->column;
    node->key = like->key;
    node->key_line = like->key_line;
    node->key_column = like->key_column;
    return node;
}

/* ---- what stands beside every verb ---- */

static void take_meta(struct compile *c, struct bag *bag, const struct node *meta)
{
    for (const struct node *child = meta->first; child != NULL; child = child->next) {
        if (bag->n_fields < BAG_MAX_FIELDS) {
            bag_add(c, bag, (struct field){.name = child->key, .node = child, .meta = true});
        }
    }
}

static bool take_beside(struct compile *c, struct bag *bag, const struct node *child)
{
    bool truth = false;

    if (!words_have(beside, ' ', child->key)) {
        return false;
    }
    if (str_is(child->key, "optional") || str_is(child->key, "continue_on_error")) {
        if (!node_is_bool(child, &truth)) {
            struct testfile_problem *problem = problem_add(
                c, TESTFILE_ERROR, place_of(child), "%.*s is true or false", STR_ARG(child->key));

            problem->example = STR("optional: true");
        }
        bag->optional = bag->optional || truth;
    } else if (str_is(child->key, "meta")) {
        take_meta(c, bag, child);
    } else if (child->type == NODE_SCALAR && bag->description.len == 0 &&
               !str_is(child->key, "id") && !str_is(child->key, "skip")) {
        bag->description = substitute(c, child->text, place_of(child));
    }
    return true;
}

/* ---- the dialects ---- */

enum field_place { BESIDE_VERB, IN_MAP, IN_ARGS };

/* All members but `without` become fields. */
static void take_fields(struct compile *c, struct bag *bag, const struct node *map,
                        const char *without, enum field_place where)
{
    bool loose = where != IN_MAP;

    for (const struct node *child = map->first; child != NULL; child = child->next) {
        /* Beside a verb `name` says what the step is for; in the verb's own map it may be a
         * field. */
        bool is_field =
            where != BESIDE_VERB && (where == IN_ARGS || verb_has_field(bag->verb, child->key));

        if (words_have(without, ' ', child->key) || (!is_field && take_beside(c, bag, child))) {
            continue;
        }
        bag_add(c, bag,
                (struct field){.name = child->key,
                               .node = child,
                               .loose = loose && words_have(habits, ' ', child->key)});
    }
}

static bool unknown_verb(struct compile *c, struct place place, struct str verb)
{
    struct testfile_problem *problem = problem_add(
        c, TESTFILE_ERROR, place, "unknown verb \"%.*s\"", STR_ARG(utf8_clip(verb, SHOWN_MAX)));

    problem->nearest = verb_nearest(verb);
    problem->hint = STR("verbs are navigate, click, write, key, select, assert, wait, store, ...");
    problem->example =
        str_from(problem->nearest.len > 0 ? verb_example(problem->nearest) : "click: \"Sign in\"");
    return false;
}

static bool map_known(struct compile *c, struct bag *bag)
{
    c->n_by_format[bag->dialect]++;
    if (!verb_known(bag->verb)) {
        return unknown_verb(c, bag->verb_place, bag->verb);
    }
    return map_bag(c, bag);
}

/* `group` and the command in it as a verb, perhaps with a field. */
static void enter_group(struct compile *c, struct bag *bag, const struct node *group,
                        const struct node *command)
{
    const struct group_row *row = find_group(group->text);

    bag->verb = group->text;
    bag->verb_place = place_of(group);
    if (command == NULL) {
        return;
    }
    if (row == NULL || row->field == NULL) {
        char buffer[64];
        struct str folded = verb_fold(command->text, buffer);

        if (str_is(folded, "to") || str_is(folded, "url")) { /* navigate/to is the group itself */
            return;
        }
        bag->verb = command->text;
        bag->verb_place = place_of(command);
        return;
    }
    bag_add(c, bag,
            (struct field){.name = str_from(row->field),
                           .node = made_scalar(c, command, command->text)});
}

static bool step_extended(struct compile *c, const struct node *step, const struct node *type)
{
    struct bag bag = {.dialect = TESTFILE_FORMAT_EXTENDED};
    const struct node *command = node_get(step, "command");

    enter_group(c, &bag, type, command != NULL && command->type == NODE_SCALAR ? command : NULL);
    take_fields(c, &bag, step, "type command", BESIDE_VERB);
    return map_known(c, &bag);
}

static bool step_action(struct compile *c, const struct node *map, const struct node *action,
                        enum testfile_format dialect)
{
    struct bag bag = {.dialect = dialect, .verb = action->text, .verb_place = place_of(action)};

    take_fields(c, &bag, map, dialect == TESTFILE_FORMAT_ACTION ? "action" : "stepType",
                BESIDE_VERB);
    return map_known(c, &bag);
}

/* `interact: {action: write, target: X}`: the action is the verb, or a field of it. */
static bool step_nested(struct compile *c, const struct node *group, const struct node *action,
                        struct bag *bag)
{
    const struct group_row *row = find_group(group->key);

    bag->dialect = TESTFILE_FORMAT_SIMPLIFIED;
    bag->verb = row != NULL && row->field == NULL ? action->text : group->key;
    bag->verb_place = row != NULL && row->field == NULL ? place_of(action) : place_of_key(group);
    if (str_is_nocase(bag->verb, "to") || str_is_nocase(bag->verb, "upload-url")) {
        bag->verb = group->key;
    }
    take_fields(c, bag, group, "action", IN_MAP);
    return map_known(c, bag);
}

static bool step_simplified(struct compile *c, const struct node *step, const struct node *verb)
{
    struct bag bag = {.dialect =
                          verb->key.len <= 3 ? TESTFILE_FORMAT_COMPACT : TESTFILE_FORMAT_SIMPLIFIED,
                      .verb = verb->key,
                      .verb_place = place_of_key(verb)};
    const struct group_row *group = find_group(verb->key);
    const struct node *action = verb->type == NODE_MAP ? node_get(verb, "action") : NULL;

    for (const struct node *child = step->first; child != NULL; child = child->next) {
        if (child != verb && !take_beside(c, &bag, child)) {
            bag_add(c, &bag, (struct field){.name = child->key, .node = child});
        }
    }
    if (verb->type != NODE_MAP) {
        bag.value = verb;
        return map_known(c, &bag);
    }
    bag.value_is_map = true;
    if (action != NULL && action->type == NODE_SCALAR && group != NULL && group->field == NULL) {
        return step_nested(c, verb, action, &bag);
    }
    take_fields(c, &bag, verb, "", IN_MAP);
    return map_known(c, &bag);
}

/* ---- steps that name a command ---- */

static struct str command_words(struct compile *c, const struct node *step)
{
    static const char *const names[] = {"command", "action", "sub_action", "subaction"};
    struct str words = STR_EMPTY;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct node *part = node_get(step, names[i]);

        if (part != NULL && part->type == NODE_SCALAR && part->text.len > 0) {
            words = arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(words), words.len > 0 ? " " : "",
                                 STR_ARG(part->text));
        }
    }
    return words;
}

static struct json *list_of(struct compile *c, const struct node *list)
{
    struct json *out = json_new_array(c->arena);

    for (const struct node *item = list->first; item != NULL; item = item->next) {
        json_append(out, item->type == NODE_SCALAR ? json_new_string(c->arena, item->text)
                                                   : node_to_json(c->arena, item));
    }
    return out;
}

static bool step_command(struct compile *c, const struct node *step, const struct node *command)
{
    struct bag bag = {
        .dialect = TESTFILE_FORMAT_COMMAND, .verb = command->text, .verb_place = place_of(command)};
    const struct node *args = node_get(step, "args");
    const struct node *options = node_get(step, "options");
    struct str words = command_words(c, step);

    c->n_by_format[TESTFILE_FORMAT_COMMAND]++;
    take_fields(c, &bag, step, "command action sub_action subaction args options", BESIDE_VERB);
    if (args != NULL && args->type == NODE_LIST) {
        struct step_origin origin = {bag.verb_place, bag.description, bag.optional, true};
        struct json *json_options = options != NULL && options->type == NODE_MAP
                                        ? node_to_json(c->arena, options)
                                        : json_new_object(c->arena);

        return step_emit(c, words, list_of(c, args), json_options, &origin);
    }
    if (args != NULL && args->type == NODE_MAP) {
        take_fields(c, &bag, args, "", IN_ARGS);
    }
    if (options != NULL && options->type == NODE_MAP) {
        take_fields(c, &bag, options, "", IN_ARGS);
    }
    return map_command(c, &bag, words);
}

/* ---- which of them ---- */

static bool is_command(const struct node *step)
{
    const struct node *command = node_get(step, "command");

    return command != NULL && command->type == NODE_SCALAR && node_get(step, "type") == NULL &&
           (str_starts(command->text, STR("step-")) || str_starts(command->text, STR("library")) ||
            node_get(step, "args") != NULL);
}

/* `type: write` is the extended dialect when more stands beside it; `type: hello` alone writes. */
static bool is_extended(const struct node *step, const struct node *type)
{
    if (type == NULL || type->type != NODE_SCALAR) {
        return false;
    }
    return node_get(step, "command") != NULL ||
           (step->n_children > 1 && (verb_known(type->text) || find_group(type->text) != NULL));
}

/* A verb, or a group that holds the verb as its action. */
bool step_word(struct str word)
{
    return verb_known(word) || find_group(word) != NULL;
}

static bool no_verb(struct compile *c, const struct node *step, const struct node *odd)
{
    if (odd != NULL) {
        return unknown_verb(c, place_of_key(odd), odd->key);
    }
    (void)problem_add(c, TESTFILE_ERROR, place_of(step), "this step has no verb");
    return false;
}

static bool two_verbs(struct compile *c, const struct node *first, const struct node *second)
{
    struct testfile_problem *problem = problem_add(
        c, TESTFILE_ERROR, place_of_key(second), "two verbs in one step: \"%.*s\" and \"%.*s\"",
        STR_ARG(first->key), STR_ARG(utf8_clip(second->key, SHOWN_MAX)));

    problem->hint = STR("begin a step of its own with \"- \" for each");
    return false;
}

/* What one row of the verb takes beside it, like `in` of the compact `t`, is no second verb. */
static bool has_companion(const struct node *owner, const struct node *other)
{
    return verb_takes(owner->key, other->key);
}

static const struct node *find_verb(const struct node *step, const struct node **out_odd,
                                    const struct node **out_second)
{
    const struct node *verb = NULL;

    *out_odd = NULL;
    *out_second = NULL;
    for (const struct node *child = step->first; child != NULL; child = child->next) {
        if (words_have(beside, ' ', child->key)) {
            continue;
        }
        if (!step_word(child->key)) {
            *out_odd = *out_odd == NULL ? child : *out_odd;
        } else if (verb == NULL || has_companion(child, verb)) {
            verb = child;
        } else if (!has_companion(verb, child) && *out_second == NULL) {
            *out_second = child;
        }
    }
    return verb;
}

bool step_map(struct compile *c, const struct node *node)
{
    const struct node *step_type = node_get(node, "stepType");
    const struct node *type = node_get(node, "type");
    const struct node *action = node_get(node, "action");
    const struct node *verb;
    const struct node *odd;
    const struct node *second;

    if (node->n_children > BAG_MAX_FIELDS) {
        (void)problem_add(c, TESTFILE_ERROR, place_of(node), "a step has at most %d fields",
                          BAG_MAX_FIELDS);
        return false;
    }
    if (step_type != NULL && step_type->type == NODE_SCALAR) {
        return step_action(c, node, step_type, TESTFILE_FORMAT_STEPTYPE);
    }
    if (is_command(node)) {
        return step_command(c, node, node_get(node, "command"));
    }
    if (is_extended(node, type)) {
        return step_extended(c, node, type);
    }
    if (action != NULL && action->type == NODE_SCALAR) {
        return step_action(c, node, action, TESTFILE_FORMAT_ACTION);
    }
    verb = find_verb(node, &odd, &second);
    if (verb == NULL) {
        return no_verb(c, node, odd);
    }
    if (second != NULL) {
        return two_verbs(c, verb, second);
    }
    return step_simplified(c, node, verb);
}

const char *control_verb(const struct node *step, const struct node **out_value)
{
    static const char *const verbs[] = {"use", "run", "include", "if", "loop"};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        *out_value = node_get(step, verbs[i]);
        if (*out_value != NULL) {
            return verbs[i];
        }
    }
    return NULL;
}
