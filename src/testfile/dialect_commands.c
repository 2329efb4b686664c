/* Steps that name a command of the catalogue: by its words, or by group and action. */
#include "dialects.h"

/* `data: {action: cookie-create, …}`, `interact: {action: mouse, sub_action: move-to, …}`, `{type:
 * data, command: store-literal, …}`: the name of a command in its group, however its words are
 * joined. NULL: it is none. */
static const struct command *own_command(struct compile *c, struct str group,
                                         const struct node *action, const struct node *second)
{
    struct str more = second != NULL && second->type == NODE_SCALAR ? second->text : STR_EMPTY;
    struct str name = arena_printf(c->arena, "step-%.*s %.*s%s%.*s", STR_ARG(group),
                                   STR_ARG(action->text), more.len > 0 ? " " : "", STR_ARG(more));

    name = with_dashes(c, name);
    for (size_t i = 0; i < catalog_size(c->catalog); i++) {
        const struct command *command = catalog_at(c->catalog, i);

        if (str_eq(name, with_dashes(c, str_from(command->words)))) {
            return command;
        }
    }
    return NULL;
}

static const struct node *second_word(const struct node *map)
{
    const struct node *second = node_get(map, "operation");

    return second != NULL ? second : node_get(map, "sub_action");
}

bool has_name(const struct command *command)
{
    for (const struct param *param = command->args; param->name != NULL; param++) {
        if (str_is(str_from(param->name), "name")) {
            return true;
        }
    }
    return false;
}

/* Behind the group: `switch iframe`, not `resize`. */
static bool has_two_words(const struct command *command)
{
    struct str rest = str_from(command->words);
    struct str word;
    size_t n = 0;

    while (str_next(&rest, ' ', &word)) {
        n++;
    }
    return n > 2;
}

bool map_own(struct compile *c, struct bag *bag, const struct command *command,
             const struct node *action)
{
    bag->verb = action->text;
    bag->verb_place = place_of(action);
    return map_command(c, bag, str_from(command->words));
}

const struct command *own_beside_type(struct compile *c, const struct node *step,
                                      const struct node *type, const struct node *name)
{
    const struct group_row *group = find_group(c, type->text);
    const struct node *second = second_word(step);
    bool by_rows = group != NULL && group->field != NULL;
    const struct command *own = NULL;

    if (by_rows && node_get(step, "iframe") != NULL) {
        return NULL; /* {type: window, command: switch-iframe, iframe: "Payment"} */
    }
    if (by_rows || second != NULL || !verb_known(verb_find(c->dictionary, name->text))) {
        own = own_command(c, type->text, name, second);
    }
    return own != NULL && by_rows && !has_two_words(own) ? NULL : own;
}

bool step_own_command(struct compile *c, const struct node *verb, const struct node *action,
                      struct bag *bag, bool *out_ok)
{
    const struct node *second = second_word(verb);
    const struct command *command;

    if (second == NULL && verb_known(verb_find(c->dictionary, action->text))) {
        return false;
    }
    command = own_command(c, verb->key, action, second);
    if (command == NULL) {
        return false;
    }
    c->n_by_format[TESTFILE_FORMAT_SIMPLIFIED]++;
    take_fields(c, bag, verb,
                1U << ROLE_ACTION | 1U << ROLE_COMMAND | 1U << ROLE_OPERATION |
                    1U << ROLE_SUB_ACTION,
                IN_ARGS);
    *out_ok = map_own(c, bag, command, action);
    return true;
}

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

    for (const struct node *item = list->first; item != NULL; item = item->next) {
        json_append(out, item->type == NODE_SCALAR ? json_new_string(c->arena, item->text)
                                                   : node_to_json(c->arena, item));
    }
    return out;
}

bool step_command(struct compile *c, const struct node *step, const struct step_keys *keys)
{
    static const unsigned without = 1U << ROLE_COMMAND | 1U << ROLE_ACTION | 1U << ROLE_SUB_ACTION |
                                    1U << ROLE_ARGS | 1U << ROLE_OPTIONS;
    const struct node *command = keys->roles[ROLE_COMMAND];
    const struct node *args = keys->roles[ROLE_ARGS];
    const struct node *options = keys->roles[ROLE_OPTIONS];
    struct str words = command_words(c, step);
    struct bag bag;

    bag_init(c, &bag, TESTFILE_FORMAT_COMMAND, command->text, place_of(command));
    c->n_by_format[TESTFILE_FORMAT_COMMAND]++;
    take_fields(c, &bag, step, without, BESIDE_VERB);
    if (args != NULL && args->type == NODE_LIST) {
        struct step_origin origin = {bag.verb_place, bag.description, bag.optional, true};
        struct json *json_options = options != NULL && options->type == NODE_MAP
                                        ? node_to_json(c->arena, options)
                                        : json_new_object(c->arena);

        return step_emit(c, words, list_of(c, args), json_options, &origin);
    }
    if (args != NULL && args->type == NODE_MAP) {
        take_fields(c, &bag, args, 0, IN_ARGS);
    }
    if (options != NULL && options->type == NODE_MAP) {
        take_fields(c, &bag, options, 0, IN_ARGS);
    }
    return map_command(c, &bag, words);
}
