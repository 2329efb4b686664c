#include "each.h"

#include "base/check.h"
#include "plan/answer.h"

/* As many as a batch may have: the rows of all are made in one turn of the loop. */
enum { ELEMENTS_MAX = 500 };

/* ---- what is there ---- */

static const struct json *list_of(const struct simple_each *each, const struct json *in)
{
    const struct json *list = json_find(in, each->list);

    return json_type(list) == JSON_ARRAY ? list : NULL;
}

static bool is_given(const struct simple_each *each, const struct json *element,
                     const struct simple_copy *copy)
{
    enum json_type type = json_type(json_find(element, copy->from));
    struct str kinds = str_from(copy->kinds);
    struct str kind;

    if (type == JSON_NULL) { /* also: not there */
        return false;
    }
    while (str_next(&kinds, ' ', &kind)) {
        if (str_eq(kind, json_str(json_find(element, each->kind)))) {
            return !copy->not_kinds;
        }
    }
    return copy->kinds == NULL || copy->not_kinds;
}

/* Does this element get the inner calls? Not if it has the value `inner_unless`, which is one of its copies. */
static bool has_inner(const struct simple_each *each, const struct json *element)
{
    const struct simple_copy *copy = each->copies;

    if (each->inner == NULL || each->inner_unless == NULL) {
        return each->inner != NULL;
    }
    while (copy->to != NULL && !str_is(str_from(copy->to), each->inner_unless)) {
        copy++;
    }
    return copy->to == NULL || !is_given(each, element, copy);
}

struct counting {
    const struct simple_words *words;
    size_t n;
};

static enum error_code count(struct counting *counting, const struct simple_each *each,
                             const struct json *in, struct error *err)
{
    const struct json *list = list_of(each, in);
    const struct json *element;
    enum error_code code = ERR_OK;

    if (list == NULL) {
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "The platform's answer has no list to %s (looked at %s)",
                         counting->words->purpose, each->list);
    }
    counting->n += json_size(list);
    if (counting->n > ELEMENTS_MAX) {
        return error_set(err, ERR_UNPROCESSABLE, "More than %d %s are not %s at once", ELEMENTS_MAX,
                         counting->words->elements, counting->words->done);
    }
    JSON_FOREACH (element, list) {
        if (code == ERR_OK && has_inner(each, element)) {
            code = count(counting, each->inner, element, err);
        }
    }
    return code;
}

enum error_code each_check(const struct simple_each *each, const struct json *variables,
                           struct error *err)
{
    struct counting counting = {.words = &each->words};

    CHECK(each->words.purpose != NULL && each->words.elements != NULL && each->words.done != NULL);
    return count(&counting, each, variables, err);
}

/* ---- rows ---- */

static struct json *values_of(const struct each_plan *to, const struct simple_each *each,
                              const struct json *element, size_t index)
{
    struct arena *arena = to->plan->arena;
    struct json *values = json_new_object(arena);

    for (const struct simple_copy *copy = each->copies; copy->to != NULL; copy++) {
        struct json *value;

        if (!is_given(each, element, copy)) {
            continue;
        }
        value = json_copy(arena, json_find(element, copy->from));
        if (copy->beside != NULL) {
            struct str beside = json_plain(plan_get(to->plan, copy->beside), arena);

            value = json_new_string(arena, arena_printf(arena, "%.*s (%.*s)",
                                                        STR_ARG(json_str(value)), STR_ARG(beside)));
        }
        json_set(values, str_from(copy->to), value);
    }
    if (each->first_position > 0) {
        json_set(values, STR("position"),
                 json_new_int(arena, each->first_position + (int64_t)index));
    }
    return values;
}

static bool before_step(struct plan *plan, struct plan_row *row)
{
    step_to(row->guided, id_number(plan_get(plan, "checkpoint_id")), -1);
    return true;
}

void simple_makes_step(struct plan_row *row, struct step *step)
{
    row->before = before_step;
    step_guide(row, step);
}

static void append_calls(const struct each_plan *to, const struct simple_each *each,
                         struct json *values)
{
    for (const struct simple_call *call = each->calls; call->named != CALL_NONE; call++) {
        struct plan_row *row;

        if (!to->show && !call_is_wanted(values, call->when)) {
            continue;
        }
        row = plan_append(to->plan, catalog_named_call(to->catalog, call->named));
        row->args = values;
        row->context = call;
        row->after = to->after;
        if (call->makes_step && !to->show) {
            row->drop_answer = true;
            simple_makes_step(row, to->step);
        }
    }
}

static void show(const struct each_plan *to, const struct simple_each *each)
{
    append_calls(to, each, json_new_object(to->plan->arena));
    if (each->inner != NULL) {
        show(to, each->inner);
    }
}

static void append(const struct each_plan *to, const struct simple_each *each,
                   const struct json *in)
{
    const struct json *list = list_of(each, in);
    const struct json *element;
    size_t index = 0;

    CHECK(list != NULL);
    JSON_FOREACH (element, list) {
        append_calls(to, each, values_of(to, each, element, index++));
        if (has_inner(each, element)) {
            append(to, each->inner, element);
        }
    }
}

void each_append(const struct each_plan *to, const struct simple_each *each,
                 const struct json *variables)
{
    if (to->show) {
        show(to, each);
    } else {
        append(to, each, variables);
    }
}
