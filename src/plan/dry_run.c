/* What a plan would send. Values that only an answer can give are not known yet; which those are is
 * found by trying: the last name that nobody knew when an expansion failed is one of them. Each
 * such name stands for itself as the text "{name}", which templates leave as it is. */
#include "plan_internal.h"

#include "base/check.h"

struct unknowns {
    struct json *values; /* name -> "{name}" */
    struct str asked_in_vain;
    struct arena *arena;
};

static const struct json *ask_unknown(const struct scope *scope, struct str name)
{
    /* The scope is ours; only its type says const. */
    struct unknowns *unknowns = *(struct unknowns *const *)scope->context;
    const struct json *value = json_get_str(unknowns->values, name);

    if (value == NULL) {
        unknowns->asked_in_vain = arena_str(unknowns->arena, name);
    }
    return value;
}

static bool learn(struct unknowns *unknowns)
{
    struct str name = unknowns->asked_in_vain;
    struct str text = arena_printf(unknowns->arena, "{%.*s}", STR_ARG(name));

    if (name.len == 0) {
        return false;
    }
    json_set(unknowns->values, name, json_new_string(unknowns->arena, text));
    unknowns->asked_in_vain = STR_EMPTY;
    return true;
}

static enum error_code expand_with_names(struct plan *plan, const struct plan_row *row,
                                         const struct call *way, struct unknowns *unknowns,
                                         struct row_request *out, struct error *err)
{
    struct scope last = {.get = ask_unknown, .context = &unknowns};
    enum error_code code;

    do {
        unknowns->asked_in_vain = STR_EMPTY;
        code = row_expand(plan, row, way, &last, plan->arena, out, err);
    } while (code != ERR_OK && learn(unknowns));
    return code;
}

static bool can_be_set(const struct plan *plan, size_t before, struct str name)
{
    for (size_t i = 0; i < before; i++) {
        const struct plan_row *row = &plan->rows[i];
        const struct capture *captures = row->call->spec->captures;

        if (row->after != NULL || (row->save_as != NULL && str_is(name, row->save_as))) {
            return true;
        }
        for (size_t j = 0; j < CALL_MAX_CAPTURES && captures[j].variable != NULL; j++) {
            if (str_is(name, captures[j].variable)) {
                return true;
            }
        }
    }
    return false;
}

static bool would_run(struct plan *plan, size_t index)
{
    const struct plan_row *row = &plan->rows[index];
    bool when = row_when(plan, row);

    if (!when && row->when[0] != '!') {
        when = can_be_set(plan, index, str_from(row->when));
    }
    if (!when) {
        return false;
    }
    if (row->before != NULL && !row->before(plan, &plan->rows[index])) {
        return row->call->spec->class != CALL_READ;
    }
    return true;
}

static struct json *request_of(struct arena *arena, const struct call *way,
                               const struct row_request *made)
{
    struct json *request = json_new_object(arena);

    json_set(request, STR("method"), json_new_string(arena, str_from(way->spec->method)));
    json_set(request, STR("path"), json_new_string(arena, made->path));
    if (made->query.len > 0) {
        json_set(request, STR("query"), json_new_string(arena, made->query));
    }
    if (made->body != NULL) {
        json_set(request, STR("body"), made->body);
    }
    return request;
}

enum error_code plan_dry_run(struct plan *plan, struct json **out, struct error *err)
{
    struct unknowns unknowns = {.arena = plan->arena, .values = json_new_object(plan->arena)};
    struct json *requests = json_new_array(plan->arena);

    CHECK(!plan->running && plan->at == 0);
    for (size_t i = 0; i < plan->n_rows; i++) {
        const struct call *way;
        struct row_request made;
        enum error_code code;

        if (!would_run(plan, i)) {
            continue;
        }
        way = way_of(plan, &plan->rows[i], plan->rows[i].call);
        CHECK(way != NULL);
        code = expand_with_names(plan, &plan->rows[i], way, &unknowns, &made, err);
        if (code != ERR_OK) {
            return code;
        }
        json_append(requests, request_of(plan->arena, way, &made));
    }
    *out = requests;
    return ERR_OK;
}
