/* The rows and variables of a plan, and how they become a request. */
#include "plan_internal.h"

#include <string.h>

#include "base/check.h"

enum { MAX_ROWS = 10000, FIRST_ROWS = 2 /* most plans have one row */ };

void plan_forget_arena(void *pointer)
{
    arena_done(pointer);
}

void plan_init(struct plan *plan, struct arena *arena, const struct plan_port *port,
               const struct plan_options *options)
{
    *plan = (struct plan){.arena = arena, .port = port, .options = *options};
    if (plan->options.max_rows == 0) {
        plan->options.max_rows = MAX_ROWS;
    }
    plan->variables = json_new_object(arena);
    arena_init(&plan->scratch);
    arena_defer(arena, plan_forget_arena, &plan->scratch);
}

/* Room for `n` more rows at once. */
static void reserve(struct plan *plan, size_t n)
{
    struct plan_row *rows;
    size_t cap = plan->n_rows + n;

    if (cap <= plan->cap_rows) {
        return;
    }
    rows = arena_calloc(plan->arena, cap, sizeof(*rows));
    if (plan->n_rows > 0) {
        memcpy(rows, plan->rows, plan->n_rows * sizeof(*rows));
    }
    plan->rows = rows;
    plan->cap_rows = cap;
}

static const struct error no_error;

struct error *plan_row_error(struct plan *plan, struct plan_row *row)
{
    if (row->error == &no_error) {
        struct error *error = plan->spare_error;

        plan->spare_error = NULL;
        error = error != NULL ? error : arena_alloc(plan->arena, sizeof(*error));
        *error = (struct error){0};
        row->error = error;
    }
    return unconst(row->error);
}

void row_forget_error(struct plan_row *row)
{
    if (row->error != &no_error) {
        *(struct error *)unconst(row->error) = (struct error){0}; /* its memory is used again */
    }
}

static struct plan_row *insert_row(struct plan *plan, size_t index, const struct call *call)
{
    CHECK(plan->n_rows < plan->options.max_rows && index <= plan->n_rows && call != NULL);
    if (plan->n_rows == plan->cap_rows) {
        reserve(plan, plan->n_rows == 0 ? FIRST_ROWS : plan->n_rows);
    }
    memmove(&plan->rows[index + 1], &plan->rows[index],
            (plan->n_rows - index) * sizeof(*plan->rows));
    plan->rows[index] = (struct plan_row){.call = call, .error = &no_error};
    plan->n_rows++;
    return &plan->rows[index];
}

struct plan_row *plan_append(struct plan *plan, const struct call *call)
{
    return insert_row(plan, plan->n_rows, call);
}

struct plan_row *plan_insert(struct plan *plan, const struct call *call)
{
    if (plan->insert_at <= plan->at) {
        plan->insert_at = plan->at + 1;
    }
    return insert_row(plan, plan->insert_at++, call);
}

bool plan_take_more(struct plan *plan)
{
    CHECK(plan->at == plan->n_rows);
    if (plan->more == NULL) {
        return false;
    }
    for (size_t i = 0; i < plan->n_rows && plan->spare_error == NULL; i++) {
        plan->spare_error = plan->rows[i].error != &no_error ? unconst(plan->rows[i].error) : NULL;
    }
    plan->n_forgotten += plan->n_rows;
    plan->n_rows = 0;
    plan->at = 0;
    plan->insert_at = 0;
    plan->more(plan);
    return plan->n_rows > 0;
}

void plan_forget_last(struct plan *plan)
{
    CHECK(!plan->running && plan->at == 0 && plan->n_rows > 0);
    plan->n_rows--;
}

void plan_set(struct plan *plan, const char *variable, struct json *value)
{
    json_set(plan->variables, str_from(variable), value);
}

void plan_set_int(struct plan *plan, const char *variable, int64_t value)
{
    const struct json *known = plan_get(plan, variable);

    if (json_type(known) == JSON_NUMBER) {
        json_put_int(unconst(known), value);
    } else {
        plan_set(plan, variable, json_new_int(plan->arena, value));
    }
}

void plan_set_str(struct plan *plan, const char *variable, struct str value)
{
    plan_set(plan, variable, json_new_string(plan->arena, value));
}

const struct json *plan_get(const struct plan *plan, const char *variable)
{
    return json_get(plan->variables, variable);
}

const struct json *row_value(const struct plan *plan, const struct plan_row *row, const char *name)
{
    const struct json *own = json_get(row->args, name);

    return own != NULL ? own : plan_get(plan, name);
}

static bool plan_variable_is_set(const struct plan *plan, struct str name)
{
    const struct json *value = json_get_str(plan->variables, name);
    enum json_type type = json_type(value);

    return value != NULL && type != JSON_NULL && (type != JSON_BOOL || json_true(value));
}

bool row_when(const struct plan *plan, const struct plan_row *row)
{
    if (row->when == NULL) {
        return true;
    }
    if (row->when[0] == '!') {
        return !plan_variable_is_set(plan, str_from(row->when + 1));
    }
    return plan_variable_is_set(plan, str_from(row->when));
}

const char *row_name(const struct plan_row *row)
{
    return row->label != NULL ? row->label : row->call->spec->name;
}

const struct call *row_sends(const struct plan_row *row)
{
    return row->sends != NULL ? row->sends : row->call;
}

enum error_code row_expand(const struct plan *plan, const struct plan_row *row,
                           const struct call *way, struct arena *arena, struct row_request *out,
                           struct error *err)
{
    struct scope variables = scope_of_object(plan->variables, NULL);
    struct scope args = row->args != NULL ? scope_of_object(row->args, &variables) : variables;

    return call_expand(way, &args, arena, out, err);
}

void plan_note_cache_control(struct plan *plan, struct str control)
{
    if (control.len > 0) {
        plan->cache_control =
            arena_printf(plan->arena, "%.*s%s%.*s", STR_ARG(plan->cache_control),
                         plan->cache_control.len > 0 ? ", " : "", STR_ARG(control));
    }
}
