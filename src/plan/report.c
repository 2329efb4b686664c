/* What became of each row, as the reply of a run and as the operator's note on an aborted one. */
#include "plan_internal.h"

#include "plan/answer.h"

const char *row_status_name(enum row_status status)
{
    static const char *const words[] = {
        [ROW_PENDING] = "pending", [ROW_SKIPPED] = "skipped", [ROW_RUNNING] = "running",
        [ROW_DONE] = "done",       [ROW_FAILED] = "failed",   [ROW_UNKNOWN] = "unknown",
        [ROW_FOUND] = "found"};

    return words[status];
}

static struct json *report_row(struct arena *arena, const struct plan_row *row)
{
    struct json *item = json_new_object(arena);

    json_set(item, STR("name"), json_new_string(arena, str_from(row_name(row))));
    json_set(item, STR("status"), json_new_string(arena, str_from(row_status_name(row->status))));
    if (row->http_status != 0) {
        json_set(item, STR("http_status"), json_new_int(arena, row->http_status));
    }
    json_set(item, STR("ms"), json_new_int(arena, (int64_t)(row->us / 1000)));
    if (row->error->code != ERR_OK) {
        json_set(item, STR("error"), json_new_string(arena, str_from(row->error->text)));
    }
    return item;
}

struct json *plan_report(struct plan *plan)
{
    struct json *report = json_new_array(plan->arena);

    for (size_t i = 0; i < plan->n_rows; i++) {
        const struct plan_row *row = &plan->rows[i];

        if (row->status != ROW_PENDING && row->status != ROW_SKIPPED) {
            json_append(report, report_row(plan->arena, row));
        }
    }
    return report;
}

struct json *plan_made(const struct plan *plan, const void *context)
{
    struct json *made = json_new_array(plan->arena);

    for (size_t i = 0; i < plan->n_rows; i++) {
        const struct plan_row *row = &plan->rows[i];
        const struct capture *id = &row->call->spec->captures[0];
        const struct json *value =
            id->variable != NULL ? json_find(row->answer, id->pointers) : NULL;
        struct json *item;

        if (row->status != ROW_DONE || row->call->spec->class == CALL_READ ||
            (context != NULL && row->context != context)) {
            continue;
        }
        item = json_new_object(plan->arena);
        json_set(item, STR("call"), json_new_string(plan->arena, str_from(row_name(row))));
        if (value != NULL) {
            json_set(item, STR("id"),
                     json_new_string(plan->arena, json_type(value) == JSON_NUMBER
                                                      ? json_number_text(value, plan->arena)
                                                      : json_str(value)));
        }
        json_append(made, item);
    }
    return json_size(made) > 0 ? made : NULL;
}

bool row_may_have_acted(const struct plan_row *row)
{
    if (row->call->spec->class == CALL_READ || row->disproved) {
        return false;
    }
    if (row->doubtful || row->status == ROW_UNKNOWN || row->error->code == ERR_OUTCOME_UNKNOWN) {
        return true;
    }
    if (row->status == ROW_FAILED && row->http_status >= 200 && row->http_status < 300) {
        return true; /* answered with success, but not usable: longer than we take, say */
    }
    if (row->status == ROW_FAILED &&
        (row->http_status == 500 || status_leaves_open(row->http_status))) {
        return true;
    }
    return false;
}
