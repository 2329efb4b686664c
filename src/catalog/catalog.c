/* The tables put together and checked once. A bad row stops the program at start-up with its
 * name. */
#include "catalog_internal.h"

#include "base/check.h"

enum { COMMANDS_MAX = 128, CALLS_MAX = 64, NAME_SLOTS = 512 };

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

static struct {
    struct arena arena;
    size_t n_users;
    const struct command *commands[COMMANDS_MAX];
    struct call calls[COMMANDS_MAX];
    size_t n;
    struct call extra[CALLS_MAX];
    const char *call_names[CALLS_MAX];
    size_t n_call_names;
    const char *command_names[COMMANDS_MAX + 1];
    uint16_t slots
        [NAME_SLOTS]; /* calls by name: place and one, 0: none; full ones are followed by the next */
} catalog;

struct arena *catalog_arena(void)
{
    return &catalog.arena;
}

/* ---- opening ---- */

static size_t call_label(const char *name)
{
    for (size_t i = 1; i < catalog.n_call_names; i++) {
        if (str_is(str_from(name), catalog.call_names[i])) {
            return i;
        }
    }
    CHECK(catalog.n_call_names < CALLS_MAX);
    catalog.call_names[catalog.n_call_names] = name;
    return catalog.n_call_names++;
}

/* What is made for the check alone does not stay. */
static enum error_code check_row(const struct command *command, struct error *err)
{
    struct arena scratch;
    enum error_code code;

    arena_init(&scratch);
    code = catalog_check_row(command, &scratch, err);
    arena_done(&scratch);
    return code;
}

static enum error_code add_table(const struct command *rows, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct command *command = &rows[i];
        enum error_code code = check_row(command, err);

        CHECK(catalog.n < COMMANDS_MAX);
        if (code == ERR_OK) {
            code = names_add(command, err);
        }
        if (code == ERR_OK) {
            code = call_compile(&catalog.arena, &command->call, call_label(command->call.name),
                                &catalog.calls[catalog.n], err);
        }
        if (code != ERR_OK) {
            return code;
        }
        catalog.command_names[catalog.n + 1] = command->words;
        catalog.commands[catalog.n++] = command;
    }
    return ERR_OK;
}

static enum error_code add_extra(struct error *err)
{
    for (size_t i = 0; i < n_extra_calls; i++) {
        enum error_code code =
            call_compile(&catalog.arena, &extra_calls[i], call_label(extra_calls[i].name),
                         &catalog.extra[i], err);

        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static struct call *call_at(size_t index)
{
    return index < catalog.n ? &catalog.calls[index] : &catalog.extra[index - catalog.n];
}

static bool is_same_route(const struct call_spec *a, const struct call_spec *b)
{
    return str_is(str_from(a->method), b->method) && str_is(str_from(a->path), b->path);
}

static void link_way(size_t index)
{
    struct call *call = call_at(index);
    size_t first = 0;

    while (!is_same_route(call_at(first)->spec, call->spec)) {
        first++;
    }
    call->route = first;
    if (call->spec->or_else != NULL) {
        call->or_else = catalog_named_call(call->spec->or_else);
    }
}

/* The slot of the call with that name, or the one where it would be. */
static size_t find_slot(const char *name)
{
    struct str wanted = str_from(name);
    size_t slot = str_hash(wanted, 0) % NAME_SLOTS;

    while (catalog.slots[slot] != 0 &&
           !str_is(wanted, call_at(catalog.slots[slot] - 1U)->spec->name)) {
        slot = (slot + 1) % NAME_SLOTS;
    }
    return slot;
}

/* Of several calls with one name the first is found. */
static void index_names(void)
{
    CHECK(catalog_n_calls() < NAME_SLOTS / 2);
    memset(catalog.slots, 0, sizeof(catalog.slots));
    for (size_t i = 0; i < catalog_n_calls(); i++) {
        size_t slot = find_slot(call_at(i)->spec->name);

        if (catalog.slots[slot] == 0) {
            catalog.slots[slot] = (uint16_t)(i + 1);
        }
    }
}

/* A chain that came back to its beginning would never end. */
static bool ends(const struct call *call)
{
    size_t n = 0;

    while (call != NULL && n++ < CALLS_MAX) {
        call = call->or_else;
    }
    return call == NULL;
}

static void link_ways(void)
{
    for (size_t i = 0; i < catalog_n_calls(); i++) {
        link_way(i);
    }
    for (size_t i = 0; i < catalog_n_calls(); i++) {
        CHECK(ends(call_at(i)));
    }
}

enum error_code catalog_open(struct error *err)
{
    const struct {
        const struct command *rows;
        size_t n;
    } tables[] = {
        {commands_navigate, n_commands_navigate}, {commands_interact, n_commands_interact},
        {commands_assert, n_commands_assert},     {commands_data, n_commands_data},
        {commands_window, n_commands_window},     {commands_calls, n_commands_calls},
    };
    enum error_code code = ERR_OK;

    if (catalog.n_users++ > 0) {
        return ERR_OK;
    }
    arena_init(&catalog.arena);
    names_open();
    catalog.n = 0;
    catalog.n_call_names = 1;
    catalog.call_names[0] = "other";
    catalog.command_names[0] = "other";
    for (size_t i = 0; i < ARRAY_LEN(tables) && code == ERR_OK; i++) {
        code = add_table(tables[i].rows, tables[i].n, err);
    }
    if (code == ERR_OK) {
        code = add_extra(err);
    }
    if (code == ERR_OK) {
        index_names();
        link_ways();
    }
    if (code != ERR_OK) {
        catalog_close();
    }
    return code;
}

void catalog_close(void)
{
    CHECK(catalog.n_users > 0);
    if (--catalog.n_users == 0) {
        names_close();
        arena_done(&catalog.arena);
        catalog.n = 0;
    }
}

/* ---- reading ---- */

size_t catalog_size(void)
{
    return catalog.n;
}

const struct command *catalog_at(size_t index)
{
    CHECK(index < catalog.n);
    return catalog.commands[index];
}

size_t catalog_index(const struct command *command)
{
    for (size_t i = 0; i < catalog.n; i++) {
        if (catalog.commands[i] == command) {
            return i;
        }
    }
    check_failed("the command is of the catalogue", command->words, 0);
}

const struct call *catalog_call(const struct command *command)
{
    return &catalog.calls[catalog_index(command)];
}

const struct call *catalog_extra_call(const char *name)
{
    for (size_t i = 0; i < n_extra_calls; i++) {
        if (str_is(str_from(name), extra_calls[i].name)) {
            return &catalog.extra[i];
        }
    }
    check_failed("the call is of the catalogue", name, 0);
}

const struct call *catalog_named_call(const char *name)
{
    size_t slot = find_slot(name);

    if (catalog.slots[slot] == 0) {
        check_failed("the call is of the catalogue", name, 0);
    }
    return call_at(catalog.slots[slot] - 1U);
}

size_t catalog_n_calls(void)
{
    return catalog.n + n_extra_calls;
}

const struct call *catalog_call_at(size_t index)
{
    CHECK(index < catalog_n_calls());
    return call_at(index);
}

const struct unsupported_command *catalog_unsupported(size_t *out_n)
{
    *out_n = ARRAY_LEN(unsupported);
    return unsupported;
}

size_t catalog_n_specials(void)
{
    command_rule_fn seen[COMMANDS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < catalog.n; i++) {
        size_t at = 0;

        while (at < n && seen[at] != catalog.commands[i]->special) {
            at++;
        }
        if (at == n && catalog.commands[i]->special != NULL) {
            seen[n++] = catalog.commands[i]->special;
        }
    }
    return n;
}

const char *const *catalog_call_names(size_t *out_n)
{
    *out_n = catalog.n_call_names;
    return catalog.call_names;
}

const char *const *catalog_command_names(size_t *out_n)
{
    *out_n = catalog.n + 1;
    return catalog.command_names;
}
