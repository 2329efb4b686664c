/* Puts the tables together and checks them. A bad row stops the program at start-up, which names the row. */
#include "catalog_internal.h"

#include "base/check.h"
#include "base/mem.h"

static const struct unsupported_command unsupported[] = {
    {"step-navigate back",
     "the platform has no step for the browser's back button; navigate to the address instead"},
    {"step-navigate forward",
     "the platform has no step for the browser's forward button; navigate to the address instead"},
    {"step-navigate refresh",
     "the platform has no step that reloads the page; navigate to the address again"},
    {"step-window close",
     "the platform has no step that closes a window; switch to another tab instead"},
    {"step-window switch frame-name",
     "the platform finds frames by element or number; use step-window switch iframe or frame-index"},
};

/* Commands have their indexes in this order. */
static const struct {
    const struct command *rows;
    const size_t *n;
} tables[] = {
    {step_commands, &n_step_commands},
    {call_commands, &n_call_commands},
};

/* ---- making ---- */

static size_t call_label(struct catalog *catalog, const char *name)
{
    for (size_t i = 1; i < catalog->n_call_names; i++) {
        if (str_is(str_from(name), catalog->call_names[i])) {
            return i;
        }
    }
    CHECK(catalog->n_call_names < CALLS_MAX);
    catalog->call_names[catalog->n_call_names] = name;
    return catalog->n_call_names++;
}

static enum error_code add_call(struct catalog *catalog, const struct call_spec *spec,
                                struct error *err)
{
    CHECK(catalog->n_calls < CALLS_MAX);
    return call_compile(&catalog->arena, spec, call_label(catalog, spec->name),
                        &catalog->calls[catalog->n_calls++], err);
}

static enum error_code add_table(struct catalog *catalog, const struct command *rows, size_t n,
                                 struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct command *command = &rows[i];
        enum error_code code = catalog_check_row(command, err);

        CHECK(catalog->n < COMMANDS_MAX);
        if (code == ERR_OK) {
            code = names_add(catalog, command, err);
        }
        if (code == ERR_OK) {
            code = add_call(catalog, &command->call, err);
        }
        if (code != ERR_OK) {
            return code;
        }
        catalog->command_names[catalog->n + 1] = command->words;
        catalog->commands[catalog->n++] = command;
    }
    return ERR_OK;
}

/* The first call of this name: several calls may have the same one. */
static const struct call *find_call(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->n_calls; i++) {
        if (str_is(str_from(name), catalog->calls[i].spec->name)) {
            return &catalog->calls[i];
        }
    }
    check_failed("the call is of the catalogue", name, 0);
}

static void link_way(struct catalog *catalog, struct call *call)
{
    const struct call *first = catalog->calls;

    while (!str_is(str_from(first->spec->method), call->spec->method) ||
           !str_is(str_from(first->spec->path), call->spec->path)) {
        first++;
    }
    call->route = (size_t)(first - catalog->calls);
    if (call->spec->or_else != NULL) {
        call->or_else = find_call(catalog, call->spec->or_else);
    }
}

/* Does the chain of or_else calls end? One that leads back to a call in it would be tried for ever. */
static bool ends(const struct call *call)
{
    size_t n = 0;

    while (call != NULL && n++ < CALLS_MAX) {
        call = call->or_else;
    }
    return call == NULL;
}

static void link_ways(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->n_calls; i++) {
        link_way(catalog, &catalog->calls[i]);
    }
    for (size_t i = CALL_NONE + 1; i < CALL_N_NAMED; i++) {
        catalog->named[i] = find_call(catalog, named_call_names[i]);
    }
    for (size_t i = 0; i < catalog->n_calls; i++) {
        CHECK(ends(&catalog->calls[i]));
    }
}

enum error_code catalog_new(struct catalog **out, struct error *err)
{
    struct catalog *catalog = mem_zalloc(sizeof(*catalog));
    enum error_code code = ERR_OK;

    arena_init(&catalog->arena);
    map_init(&catalog->names);
    catalog->n_call_names = 1;
    catalog->call_names[0] = "other";
    catalog->command_names[0] = "other";
    for (size_t i = 0; i < ARRAY_LEN(tables) && code == ERR_OK; i++) {
        code = add_table(catalog, tables[i].rows, *tables[i].n, err);
    }
    for (size_t i = 0; i < n_extra_calls && code == ERR_OK; i++) {
        code = add_call(catalog, &extra_calls[i], err);
    }
    if (code == ERR_OK) {
        link_ways(catalog);
    } else {
        catalog_free(catalog);
        catalog = NULL;
    }
    *out = catalog;
    return code;
}

void catalog_free(struct catalog *catalog)
{
    if (catalog != NULL) {
        map_done(&catalog->names);
        arena_done(&catalog->arena);
        mem_free(catalog);
    }
}

/* ---- reading ---- */

size_t catalog_size(const struct catalog *catalog)
{
    return catalog->n;
}

const struct command *catalog_at(const struct catalog *catalog, size_t index)
{
    CHECK(index < catalog->n);
    return catalog->commands[index];
}

size_t catalog_index(const struct command *command)
{
    uintptr_t place = (uintptr_t)command;
    size_t in_front = 0;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        uintptr_t first = (uintptr_t)tables[i].rows;

        if (place >= first && place - first < *tables[i].n * sizeof(*command)) {
            return in_front + (place - first) / sizeof(*command);
        }
        in_front += *tables[i].n;
    }
    check_failed("the command is of the catalogue", command->words, 0);
}

const struct call *catalog_call(const struct catalog *catalog, const struct command *command)
{
    return &catalog->calls[catalog_index(command)];
}

const struct call *catalog_named_call(const struct catalog *catalog, enum named_call named)
{
    CHECK(catalog->named[named] != NULL);
    return catalog->named[named];
}

size_t catalog_n_calls(const struct catalog *catalog)
{
    return catalog->n_calls;
}

const struct call *catalog_call_at(const struct catalog *catalog, size_t index)
{
    CHECK(index < catalog_n_calls(catalog));
    return &catalog->calls[index];
}

const struct unsupported_command *catalog_unsupported(size_t *out_n)
{
    *out_n = ARRAY_LEN(unsupported);
    return unsupported;
}

const char *const *catalog_call_names(const struct catalog *catalog, size_t *out_n)
{
    *out_n = catalog->n_call_names;
    return catalog->call_names;
}

const char *const *catalog_command_names(const struct catalog *catalog, size_t *out_n)
{
    *out_n = catalog->n + 1;
    return catalog->command_names;
}
