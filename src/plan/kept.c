/* Answers: how they are parsed, how long they are kept, and their values as variables of the plan. */
#include "plan_internal.h"

#include "plan/answer.h"

enum { PARSE_DEPTH = 64, PARSE_NODES = 200000 };

void row_forget_other_answer(struct plan_row *row)
{
    if (row_sends(row) != row->call) {
        row->answer = NULL;
    }
}

void row_forget_answer(struct plan_row *row)
{
    if (row->drop_answer) {
        row->answer = NULL;
    }
}

static void keep_value(struct plan *plan, const struct plan_row *row, const char *variable,
                       const struct json *value)
{
    int64_t number = 0;

    if (row->drop_answer && json_type(value) == JSON_NUMBER && json_to_i64(value, &number)) {
        plan_set_int(plan, variable, number);
    } else {
        plan_set(plan, variable, json_copy(plan->arena, value));
    }
}

void plan_keep_values(struct plan *plan, const struct plan_row *row)
{
    const struct call_spec *spec = plan->way->spec;

    for (size_t i = 0; i < CALL_MAX_CAPTURES && spec->captures[i].variable != NULL; i++) {
        const struct json *value = json_find(row->answer, spec->captures[i].pointers);

        if (value != NULL) {
            keep_value(plan, row, spec->captures[i].variable, value);
        }
    }
    if (row->save_as != NULL && row->answer != NULL) {
        plan_set(plan, row->save_as, json_copy(plan->arena, row->answer));
    }
}

/* A row that watches an execution for hours must not pile up its answers: from the second one on they
 * go into two arenas by turns. Answers that are not kept (drop_answer, and those to the other calls of
 * a guide) share one arena. */
static struct arena *arena_for_answer(struct plan *plan)
{
    const struct plan_row *row = &plan->rows[plan->at];
    bool drops = row->drop_answer || row_sends(row) != row->call;
    struct arena **arena = drops ? &plan->passing : &plan->polls[plan->n_polls % 2];

    if (plan->n_polls == 0 && !drops) {
        return plan->arena;
    }
    if (*arena == NULL) {
        *arena = arena_zalloc(plan->arena, sizeof(**arena));
        arena_init(*arena);
        arena_defer(plan->arena, plan_forget_arena, *arena);
    }
    arena_reset(*arena);
    return *arena;
}

void plan_parse_answer(struct plan *plan, struct plan_row *row, const struct upstream_reply *reply)
{
    const struct json_limits limits = {
        .max_depth = PARSE_DEPTH, .max_nodes = PARSE_NODES, .allow_duplicate_names = true};
    struct arena *arena = arena_for_answer(plan);
    struct json *json = NULL;

    row->answer = NULL;
    if (reply->body.len > 0 && answer_is_json(reply->content_type) &&
        json_parse(arena, reply->body, &limits, &json, NULL) == ERR_OK) {
        row->answer = json;
    }
}
