/* What a plan would send, as far as it is known before the first answer. */
#include "plan_internal.h"

#include "base/check.h"

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

/* The request of a row; *out is NULL where none would be sent. */
static enum error_code request_at(struct plan *plan, size_t index, struct arena *arena,
                                  struct json **out, struct error *err)
{
    const struct plan_row *row = &plan->rows[index];
    struct scope variables = scope_of_object(plan->variables, NULL);
    struct scope args = row->args != NULL ? scope_of_object(row->args, &variables) : variables;
    const struct call *way;

    *out = NULL;
    if (!would_run(plan, index)) {
        return ERR_OK;
    }
    way = way_of(plan, row, row->call);
    CHECK(way != NULL);
    return call_show(way, &args, arena, out, err);
}

enum error_code plan_dry_run(struct plan *plan, struct json **out, struct error *err)
{
    struct json *requests = json_new_array(plan->arena);

    CHECK(!plan->running && plan->at == 0);
    for (size_t i = 0; i < plan->n_rows; i++) {
        struct json *request;
        enum error_code code = request_at(plan, i, plan->arena, &request, err);

        if (code != ERR_OK) {
            return code;
        }
        json_append(requests, request);
    }
    *out = requests;
    return ERR_OK;
}

enum error_code plan_write_requests(struct plan *plan, size_t *at, size_t n_rows,
                                    struct json_writer *w, struct error *err)
{
    struct arena arena; /* of one request */
    enum error_code code = ERR_OK;

    CHECK(!plan->running && plan->at == 0);
    arena_init(&arena);
    for (; *at < plan->n_rows && n_rows > 0 && code == ERR_OK; n_rows--) {
        struct json *request;

        code = request_at(plan, (*at)++, &arena, &request, err);
        if (code == ERR_OK && request != NULL) {
            jw_raw(w, json_text(&arena, request));
        }
        arena_reset(&arena);
    }
    arena_done(&arena);
    return code;
}
