/* Names of arguments and options: writes them, looks them up, and finds the nearest one. */
#include "base/nearest.h"
#include "catalog_internal.h"

size_t params_count(const struct param *params)
{
    size_t n = 0;

    while (n < COMMAND_MAX_PARAMS && params[n].name != NULL) {
        n++;
    }
    return n;
}

struct str command_usage(const struct command *command, struct arena *arena)
{
    struct str usage = str_from(command->words);

    for (size_t i = 0; i < params_count(command->args); i++) {
        bool optional = (command->args[i].flags & PARAM_OPTIONAL) != 0;

        usage = arena_printf(arena, "%.*s %s%s%s", STR_ARG(usage), optional ? "[" : "",
                             command->args[i].name, optional ? "]" : "");
    }
    for (size_t i = 0; i < params_count(command->options); i++) {
        if ((command->options[i].flags & PARAM_INERT) == 0) {
            usage = arena_printf(arena, "%.*s [--%s]", STR_ARG(usage), command->options[i].name);
        }
    }
    return usage;
}

bool is_part_of_point(const struct command *command, const struct param *option)
{
    return command->args[0].name != NULL && command->args[0].type == PARAM_POINT &&
           (str_is(str_from(option->name), "x") || str_is(str_from(option->name), "y"));
}

struct str option_folded(struct str name, struct arena *arena)
{
    char *folded;

    while (name.len > 0 && name.ptr[0] == '-') {
        name = str_sub(name, 1, name.len);
    }
    folded = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        folded[i] = (char)(name.ptr[i] == '-' ? '_' : name.ptr[i]);
    }
    return (struct str){folded, name.len};
}

const struct param *param_nearest(const struct param *params, struct str name, struct arena *arena,
                                  struct str *out_name)
{
    struct str folded = option_folded(name, arena);
    const struct param *found = NULL;
    size_t distance = SIZE_MAX;

    *out_name = STR_EMPTY;
    for (size_t i = 0; i < params_count(params); i++) {
        struct nearest one;

        nearest_init(&one, folded);
        nearest_offer(&one, str_from(params[i].name));
        nearest_offer(&one, option_folded(str_from(params[i].flag), arena));
        if (one.best.len > 0 && one.best_distance <= distance) {
            bool tie = one.best_distance == distance;

            found = tie ? NULL : &params[i];
            *out_name = tie ? STR_EMPTY : one.best;
            distance = one.best_distance;
        }
    }
    return found;
}

const struct param *option_lookup(const struct command *command, struct str name,
                                  struct arena *arena)
{
    struct str folded = option_folded(name, arena);

    for (size_t i = 0; i < params_count(command->options); i++) {
        const struct param *option = &command->options[i];

        if (str_is(folded, option->name) ||
            (option->flag != NULL &&
             str_eq(folded, option_folded(str_from(option->flag), arena)))) {
            return option;
        }
    }
    return NULL;
}
