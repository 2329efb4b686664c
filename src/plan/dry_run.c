/* What a plan would send. Values that only an answer can give are not known yet; which those are is
 * found by trying: the last name that nobody knew when an expansion failed is one of them. Each
 * such name gets a stand-in number - it passes wherever an id passes, also through $#name - and the
 * stand-ins are written as "{name}" in the finished request. */
#include "plan_internal.h"

#include "base/check.h"

enum { MAX_UNKNOWN = 64 };

/* 18 digits; ids of the platform are far shorter. */
#define STAND_IN_BASE INT64_C(987650000000000000)

struct unknowns {
    struct str names[MAX_UNKNOWN];
    const struct json *values[MAX_UNKNOWN];
    struct str digits[MAX_UNKNOWN];
    size_t n;
    struct str asked_in_vain;
    struct arena *arena;
};

static const struct json *ask_unknown(const struct scope *scope, struct str name)
{
    /* The scope is ours; only its type says const. */
    struct unknowns *unknowns = *(struct unknowns *const *)scope->context;

    for (size_t i = 0; i < unknowns->n; i++) {
        if (str_eq(unknowns->names[i], name)) {
            return unknowns->values[i];
        }
    }
    unknowns->asked_in_vain = arena_str(unknowns->arena, name);
    return NULL;
}

static bool learn(struct unknowns *unknowns)
{
    size_t n = unknowns->n;
    struct str name = unknowns->asked_in_vain;

    if (name.len == 0 || n == MAX_UNKNOWN) {
        return false;
    }
    unknowns->digits[n] =
        arena_printf(unknowns->arena, "%lld", (long long)(STAND_IN_BASE + (int64_t)n));
    unknowns->values[n] = json_new_string(unknowns->arena, unknowns->digits[n]);
    unknowns->names[n] = arena_printf(unknowns->arena, "{%.*s}", STR_ARG(name));
    unknowns->names[n] = str_sub(unknowns->names[n], 1, name.len);
    unknowns->n++;
    unknowns->asked_in_vain = STR_EMPTY;
    return true;
}

/* The name with its braces: names are kept inside "{name}". */
static struct str braced(struct str name)
{
    return (struct str){name.ptr - 1, name.len + 2};
}

static struct str name_text(const struct unknowns *unknowns, struct str text)
{
    struct str out = text;

    for (size_t i = 0; i < unknowns->n; i++) {
        ptrdiff_t at;

        while ((at = str_find(out, unknowns->digits[i])) >= 0) {
            struct str before = str_sub(out, 0, (size_t)at);
            struct str after = str_sub(out, (size_t)at + unknowns->digits[i].len, out.len);

            out = arena_printf(unknowns->arena, "%.*s%.*s%.*s", STR_ARG(before),
                               STR_ARG(braced(unknowns->names[i])), STR_ARG(after));
        }
    }
    return out;
}

static struct json *name_scalar(const struct unknowns *unknowns, const struct json *node)
{
    struct arena *arena = unknowns->arena;

    if (json_type(node) == JSON_STRING) {
        return json_new_string(arena, name_text(unknowns, json_str(node)));
    }
    if (json_type(node) == JSON_NUMBER) {
        struct str digits = json_number_text(node, arena);
        struct str named = name_text(unknowns, digits);

        return str_eq(digits, named) ? json_copy(arena, node) : json_new_string(arena, named);
    }
    return json_copy(arena, node);
}

/* A copy with names for stand-ins. As deep as our own templates and bound arguments are. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static struct json *name_all(const struct unknowns *unknowns, const struct json *node)
{
    struct arena *arena = unknowns->arena;
    const struct json *child;
    struct json *copy;

    if (json_type(node) == JSON_OBJECT) {
        copy = json_new_object(arena);
        JSON_FOREACH (child, node) {
            json_set(copy, json_name(child), name_all(unknowns, child));
        }
        return copy;
    }
    if (json_type(node) == JSON_ARRAY) {
        copy = json_new_array(arena);
        JSON_FOREACH (child, node) {
            json_append(copy, name_all(unknowns, child));
        }
        return copy;
    }
    return name_scalar(unknowns, node);
}

static enum error_code expand_with_stand_ins(struct plan *plan, const struct plan_row *row,
                                             struct unknowns *unknowns, struct row_request *out,
                                             struct error *err)
{
    struct scope last = {.get = ask_unknown, .context = &unknowns};
    enum error_code code;

    do {
        unknowns->asked_in_vain = STR_EMPTY;
        code = row_expand(plan, row, &last, plan->arena, out, err);
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

static struct json *request_of(const struct unknowns *unknowns, const struct plan_row *row,
                               const struct row_request *made)
{
    struct arena *arena = unknowns->arena;
    struct json *request = json_new_object(arena);

    json_set(request, STR("method"), json_new_string(arena, str_from(row->call->spec->method)));
    json_set(request, STR("path"), json_new_string(arena, name_text(unknowns, made->path)));
    if (made->query.len > 0) {
        json_set(request, STR("query"), json_new_string(arena, name_text(unknowns, made->query)));
    }
    if (made->body != NULL) {
        json_set(request, STR("body"), name_all(unknowns, made->body));
    }
    return request;
}

enum error_code plan_dry_run(struct plan *plan, struct json **out, struct error *err)
{
    struct unknowns *unknowns = arena_zalloc(plan->arena, sizeof(*unknowns));
    struct json *requests = json_new_array(plan->arena);

    CHECK(!plan->running && plan->at == 0);
    unknowns->arena = plan->arena;
    for (size_t i = 0; i < plan->n_rows; i++) {
        struct row_request made;
        enum error_code code;

        if (!would_run(plan, i)) {
            continue;
        }
        code = expand_with_stand_ins(plan, &plan->rows[i], unknowns, &made, err);
        if (code != ERR_OK) {
            return code;
        }
        json_append(requests, request_of(unknowns, &plan->rows[i], &made));
    }
    *out = requests;
    return ERR_OK;
}
