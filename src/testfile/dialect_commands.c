/* Steps that name a command of the catalogue: by its words, or by group and action. */
#include "dialects.h"

/* The values of these keys name a command together, in this order. */
static const enum key_role name_roles[] = {ROLE_STEP_TYPE, ROLE_TYPE,       ROLE_COMMAND,
                                           ROLE_ACTION,    ROLE_SUB_ACTION, ROLE_OPERATION};

static const unsigned all_name_roles = 1U << ROLE_STEP_TYPE | 1U << ROLE_TYPE | 1U << ROLE_COMMAND |
                                       1U << ROLE_ACTION | 1U << ROLE_SUB_ACTION |
                                       1U << ROLE_OPERATION;

/* Notes a name whose last word was found; `values` holds what is for the command. True: a command has this
 * name. */
static bool named(const struct compile *c, struct own_name *name, struct str head,
                  struct place last, const struct node *values)
{
    name->verb = verb_own(c->dictionary, head, last.text);
    if (name->verb == NULL && verb_has_group(last.text, head)) { /* the group stands twice */
        name->verb = verb_own(c->dictionary, STR_EMPTY, last.text);
    }
    name->place = last;
    name->values = values;
    name->by_roles = false;
    return name->verb != NULL;
}

static const struct node *next_of_role(const struct compile *c, const struct node *map,
                                       enum key_role role)
{
    NODE_FOREACH (child, map) {
        const struct key *key = key_find(c->dictionary, child->key);

        if (key != NULL && key->role == role && child->type == NODE_SCALAR) {
            return child;
        }
    }
    return NULL;
}

/* `{type: data, command: store-literal}`; `head` is the key of the map in `interact: {action: click}`. */
static bool named_by_roles(struct compile *c, struct own_name *name, struct str head,
                           const struct node *map)
{
    const struct node *last = NULL;

    for (size_t i = 0; i < ARRAY_LEN(name_roles); i++) {
        const struct node *next = next_of_role(c, map, name_roles[i]);

        if (next != NULL && last != NULL) {
            arena_join(c->arena, &head, " ", last->text);
        }
        last = next != NULL ? next : last;
    }
    if (last == NULL || !named(c, name, head, place_of(last), map)) {
        return false;
    }
    name->by_roles = true;
    return true;
}

/* `file: upload-url`, `interact: {action: click}`, `window: {maximize: }`, `upload-url: `. */
static bool named_by_member(struct compile *c, struct own_name *name, const struct node *member,
                            const struct key *key)
{
    const struct node *inner = member->type == NODE_MAP ? member->first : NULL;

    name->member = member;
    if ((member->type == NODE_SCALAR && named(c, name, member->key, place_of(member), NULL)) ||
        (inner != NULL && named_by_roles(c, name, member->key, member)) ||
        (inner != NULL && inner->next == NULL &&
         named(c, name, member->key, place_of_key(inner), inner))) {
        return true;
    }
    /* `time: 5s` is a field that lacks its verb, though a command is called so. */
    return named(c, name, STR_EMPTY, place_of_key(member), member) &&
           (verb_needs_nothing(name->verb) || !verb_known(verb_find(c->dictionary, member->key))) &&
           (key == NULL || !name_set_has(&name->verb->fields, key->id));
}

bool own_name_find(struct compile *c, struct own_name *name, const struct node *step,
                   const struct step_keys *keys)
{
    name->member = NULL;
    if (named_by_roles(c, name, STR_EMPTY, step)) {
        return true;
    }
    for (size_t i = 0; i < keys->n; i++) {
        if ((keys->keys[i] == NULL || !keys->keys[i]->is_beside) &&
            named_by_member(c, name, keys->nodes[i], keys->keys[i])) {
            return true;
        }
    }
    return false;
}

/* True if each key beside the name is a field of the command, or one that any step may have. */
static bool takes_all(const struct own_name *name, const struct step_keys *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *key = keys->keys[i];
        bool is_name = keys->nodes[i] == name->member ||
                       (name->by_roles && key != NULL && (all_name_roles >> key->role & 1) != 0);

        if (!is_name &&
            (key == NULL || !(key->is_beside || name_set_has(&name->verb->fields, key->id)))) {
            return false;
        }
    }
    return keys->n > 1 || verb_needs_nothing(name->verb);
}

/* The rows of the verbs would take such a name as text: `{assert: exists, target: X}`, `{type: exists,
 * target: X}`. A name in quotes is text. */
bool own_name_is_first(struct compile *c, struct own_name *name, const struct node *step,
                       const struct step_keys *keys)
{
    const struct node *type = keys->roles[ROLE_TYPE];
    bool found = false;

    name->member = NULL;
    if (type != NULL) {
        found = keys->roles[ROLE_COMMAND] == NULL && type->type == NODE_SCALAR && !type->quoted &&
                (keys->n == 1 || !verb_known(verb_find(c->dictionary, type->text))) &&
                named_by_roles(c, name, STR_EMPTY, step);
    }
    for (size_t i = 0; i < keys->n && !found && type == NULL; i++) {
        const struct node *node = keys->nodes[i];
        const struct verb *verb = verb_find(c->dictionary, node->key);

        name->member = node;
        found = verb != NULL && verb->group != NULL && node->type == NODE_SCALAR && !node->quoted &&
                named(c, name, node->key, place_of(node), NULL);
    }
    return found && takes_all(name, keys);
}

static bool takes_name(const struct compile *c, const struct verb *verb)
{
    const struct item *first = verb->forms[0]->commands[0].args;

    return !verb_needs_nothing(verb) && !first->list.is_locator &&
           (name_set_has(&first->list.fields, name_id(c->dictionary, STR("name"))) ||
            name_set_has(&first->list.fields, name_id(c->dictionary, STR("id"))));
}

bool own_name_map(struct compile *c, const struct own_name *name, const struct step_keys *keys)
{
    enum field_place beside = takes_name(c, name->verb) ? BESIDE_COOKIE : BESIDE_VERB;
    unsigned without = name->by_roles ? all_name_roles : 0;
    const struct node *values = name->values;
    struct bag bag;
    bool truth = false;

    bag_init(c, &bag, name->member != NULL ? TESTFILE_FORMAT_SIMPLIFIED : TESTFILE_FORMAT_EXTENDED,
             name->place.text, name->place);
    bag.known = name->verb;
    c->n_by_format[bag.dialect]++;
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *key = keys->keys[i];
        /* `{dismiss-alert: , wait: 2}` has two verbs: the second gives an error, not a warning. */
        bool is_verb = name->member != NULL && key != NULL && verb_known(key->verb);

        if (keys->nodes[i] != name->member) {
            take_field(c, &bag, keys->nodes[i], key, name->member == NULL ? without : 0,
                       is_verb ? IN_MAP : beside);
        }
    }
    if (name->member != NULL && values != NULL && values->type == NODE_MAP) {
        bag.value_is_map = true;
        take_fields(c, &bag, values, without, IN_MAP);
    } else if (name->member != NULL && values != NULL &&
               !(verb_needs_nothing(name->verb) && node_is_bool(values, &truth) && truth)) {
        bag.value = values;
    }
    return map_bag(c, &bag);
}

/* ---- a command and its arguments ---- */

static struct str command_words(struct compile *c, const struct node *step)
{
    static const char *const names[] = {"command", "action", "sub_action", "subaction"};
    struct str words = STR_EMPTY;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct node *part = node_get(step, names[i]);

        if (part != NULL && part->type == NODE_SCALAR && part->text.len > 0) {
            arena_join(c->arena, &words, " ", part->text);
        }
    }
    return words;
}

static struct json *list_of(struct compile *c, const struct node *list)
{
    struct json *out = json_new_array(c->arena);

    NODE_FOREACH (item, list) {
        json_append(out, item->type == NODE_SCALAR ? json_new_string(c->arena, item->text)
                                                   : node_to_json(c->arena, item));
    }
    return out;
}

/* Adds the options that the name alone sets: `accept-confirm` is dismiss-confirm with `accept`. */
static void add_fixed_options(struct compile *c, struct json *options, const struct form *form)
{
    for (size_t i = 0; i < form->n_options; i++) {
        const struct alias *alias = &form->options[i].list.items[0];

        if (alias->kind == ALIAS_FIXED && str_is(alias->text, "true")) {
            json_set(options, form->options[i].option, json_new_bool(c->arena, true));
        }
    }
}

/* Arguments given as a list. The first ones may belong to the command's name: `select` with [last, Color]. */
static bool emit_listed(struct compile *c, const struct bag *bag, struct str words,
                        const struct verb *own, struct json *args, const struct node *options)
{
    struct step_origin origin = {bag->verb_place, bag->description, bag->optional, true};
    static const char keys[] = "command action sub_action args options optional name description";
    struct json *json_options = options != NULL && options->type == NODE_MAP
                                    ? node_to_json(c->arena, options)
                                    : json_new_object(c->arena);

    for (size_t i = 0; i < bag_size(bag); i++) {
        if (!bag->fields[i].loose && !bag->fields[i].meta) {
            unknown_member(c, bag->fields[i].node, "this step", keys);
        }
    }
    if (own != NULL && !names_command(c, words, args)) {
        words = own->forms[0]->commands[0].words;
        add_fixed_options(c, json_options, own->forms[0]);
    }
    return step_emit(c, words, args, json_options, &origin);
}

bool step_command(struct compile *c, const struct node *step, const struct step_keys *keys)
{
    static const unsigned without = 1U << ROLE_COMMAND | 1U << ROLE_ACTION | 1U << ROLE_SUB_ACTION |
                                    1U << ROLE_ARGS | 1U << ROLE_OPTIONS;
    const struct node *command = keys->roles[ROLE_COMMAND];
    const struct node *args = keys->roles[ROLE_ARGS];
    const struct node *options = keys->roles[ROLE_OPTIONS];
    struct str words = command_words(c, step);
    const struct verb *own = verb_own(c->dictionary, STR_EMPTY, words);
    struct bag bag;

    bag_init(c, &bag, TESTFILE_FORMAT_COMMAND, command->text, place_of(command));
    c->n_by_format[TESTFILE_FORMAT_COMMAND]++;
    take_fields(c, &bag, step, without, BESIDE_VERB);
    if (args != NULL && args->type == NODE_LIST && (args->n_children > 0 || own == NULL)) {
        return emit_listed(c, &bag, words, own, list_of(c, args), options);
    }
    if (args != NULL && args->type == NODE_MAP) {
        take_fields(c, &bag, args, 0, IN_ARGS);
    }
    if (options != NULL && options->type == NODE_MAP) {
        take_fields(c, &bag, options, 0, IN_ARGS);
    }
    if (own != NULL) {
        bag.known = own;
        return map_bag(c, &bag);
    }
    return map_command(c, &bag, words);
}
