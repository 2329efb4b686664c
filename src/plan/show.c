/* A call as the request that it makes, for people. Values that only an earlier answer can give are
 * not known. Their names are found by trying: when an expansion fails, the name that was looked up in
 * vain last is one of them. Each such name stands for itself as the text "{name}", which templates leave
 * as it is. */
#include "plan_internal.h"

#include "base/check.h"

struct showing {
    const struct scope *values;
    struct arena *arena;
    struct json *unknown; /* name -> "{name}" */
    struct str asked_in_vain;
};

static const struct json *ask(const struct scope *scope, struct str name)
{
    /* The scope is ours; only its type says const. */
    struct showing *showing = *(struct showing *const *)scope->context;
    const struct json *value = NULL;

    for (const struct scope *at = showing->values; at != NULL && value == NULL; at = at->outer) {
        value = at->get(at, name);
    }
    if (value == NULL) {
        value = json_get_str(showing->unknown, name);
    }
    if (value == NULL) {
        showing->asked_in_vain = arena_str(showing->arena, name);
    }
    return value;
}

static bool learn(struct showing *showing)
{
    struct str name = showing->asked_in_vain;

    if (name.len == 0) {
        return false;
    }
    json_set(
        showing->unknown, name,
        json_new_string(showing->arena, arena_printf(showing->arena, "{%.*s}", STR_ARG(name))));
    showing->asked_in_vain = STR_EMPTY;
    return true;
}

enum error_code call_expand(const struct call *call, const struct scope *values,
                            struct arena *arena, struct row_request *out, struct error *err)
{
    const struct call_spec *spec = call->spec;
    enum error_code code = path_expand(spec->path, values, arena, &out->path, err);

    out->query = STR_EMPTY;
    out->body = STR_EMPTY;
    if (code == ERR_OK && spec->query != NULL) {
        code = query_expand(spec->query, values, arena, &out->query, err);
    }
    if (code == ERR_OK && call->body != NULL) {
        code = template_text(call->body, values, arena, &out->body, err);
    }
    return code;
}

static struct json *request_of(const struct call *call, const struct row_request *made,
                               struct arena *arena)
{
    struct json *out = json_new_object(arena);
    struct json *body = NULL;

    json_set(out, STR("method"), json_new_string(arena, str_from(call->spec->method)));
    json_set(out, STR("path"), json_new_string(arena, made->path));
    if (made->query.len > 0) {
        json_set(out, STR("query"), json_new_string(arena, made->query));
    }
    if (made->body.len > 0) {
        CHECK(json_parse(arena, made->body, &json_of_ours, &body, NULL) == ERR_OK); /* ours */
        json_set(out, STR("body"), body);
    }
    return out;
}

enum error_code call_show(const struct call *call, const struct scope *values, struct arena *arena,
                          struct json **out, struct error *err)
{
    struct showing showing = {.values = values, .arena = arena, .unknown = json_new_object(arena)};
    struct showing *const context = &showing;
    struct scope scope = {.get = ask, .context = &context};
    struct row_request made;
    enum error_code code;

    do {
        showing.asked_in_vain = STR_EMPTY;
        code = call_expand(call, &scope, arena, &made, err);
    } while (code != ERR_OK && learn(&showing));
    if (code == ERR_OK) {
        *out = request_of(call, &made, arena);
    }
    return code;
}
