/* Reads what a request asks for: members of its body, parameters of its query, things by their ids. Refuses a request
 * that lacks something. */
#include "sandbox_internal.h"

#include "data/query.h"

static int refuse_with(struct call *call, int status, struct str message)
{
    call->refusal = message;
    call->status = status;
    return status;
}

int refuse(struct call *call, int status, const char *message)
{
    return refuse_with(call, status, str_from(message));
}

int refuse_unknown(struct call *call, const char *what, int64_t id)
{
    return refuse_with(call, 404,
                       arena_printf(call->arena, "%s %lld does not exist", what, (long long)id));
}

int refuse_member(struct call *call, const char *member, const char *must)
{
    return refuse_with(call, 400, arena_printf(call->arena, "%s %s", member, must));
}

int refuse_without(struct call *call, const char *parameters)
{
    return refuse_member(call, parameters, "should be provided");
}

bool json_id(const struct json *node, int64_t *out)
{
    int64_t id;

    if (json_type(node) == JSON_STRING) {
        return str_to_i64(json_str(node), 1, INT64_MAX, out);
    }
    if (json_type(node) != JSON_NUMBER || !json_to_i64(node, &id) || id <= 0) {
        return false;
    }
    *out = id;
    return true;
}

bool body_id(const struct call *call, const char *member, int64_t *out)
{
    return json_id(json_get(call->body, member), out);
}

bool body_text(const struct call *call, const char *member, struct str *out)
{
    const struct json *node = json_get(call->body, member);

    if (json_type(node) != JSON_STRING) {
        return false;
    }
    *out = json_str(node);
    return true;
}

bool body_name(const struct call *call, const char *member, struct str *out)
{
    struct str text;

    if (!body_text(call, member, &text) || str_trim(text).len == 0 || text.len > NAME_MAX_BYTES) {
        return false;
    }
    *out = text;
    return true;
}

bool need_id(struct call *call, const char *member, int64_t *out)
{
    bool is_there = body_id(call, member, out);

    if (!is_there) {
        (void)refuse_member(call, member, "must be a number");
    }
    return is_there;
}

bool need_name(struct call *call, const char *member, struct str *out)
{
    bool is_there = body_name(call, member, out);

    if (!is_there) {
        (void)refuse_member(call, member, "must be a text of 1 to 2000 bytes");
    }
    return is_there;
}

bool need_name_or_title(struct call *call, struct str *out)
{
    return body_name(call, "name", out) || body_name(call, "title", out) ||
           need_name(call, "name", out);
}

bool need_named(struct call *call, struct str *name, int64_t *project_id)
{
    *project_id = 0;
    return need_name(call, "name", name) && (!body_id(call, "projectId", project_id) ||
                                             need_thing(call, THING_PROJECT, *project_id) != NULL);
}

void keep_member(struct call *call, const char *member, struct str *out)
{
    struct str text;

    if (body_text(call, member, &text)) {
        *out = keep(call, text);
    }
}

void *need_thing(struct call *call, enum thing_kind kind, int64_t id)
{
    static const char *const names[] = {
        [THING_PROJECT] = "Project",
        [THING_GOAL] = "Goal",
        [THING_SNAPSHOT] = "Snapshot",
        [THING_JOURNEY] = "Journey",
        [THING_CHECKPOINT] = "Checkpoint",
        [THING_LIBRARY] = "Library checkpoint",
        [THING_STEP] = "Step",
        [THING_TABLE] = "Table",
        [THING_ENVIRONMENT] = "Environment",
        [THING_EXECUTION] = "Execution",
        [THING_SCRIPT] = "Extension",
        [THING_API_TEST] = "API test",
        [THING_PLAN] = "Plan",
        [THING_PLAN_RUN] = "Execution of a plan",
    };
    void *thing = thing_find(call->tenant, kind, id);

    if (thing == NULL) {
        (void)refuse_unknown(call, names[kind], id);
    }
    return thing;
}

bool query_name_is(struct str name, const char *word)
{
    struct str rest;

    if (!str_starts(name, str_from(word))) {
        return false;
    }
    rest = str_sub(name, str_from(word).len, name.len);
    return rest.len == 0 || str_is(rest, "s") || str_is(rest, "[]") || str_is(rest, "s[]");
}

bool ask_ids(struct call *call, const char *word, struct id_list *out)
{
    struct str rest = call->request->query;
    struct str name;
    struct str value;

    out->ids = arena_calloc(call->arena, call->request->query.len / 2 + 1, sizeof(*out->ids));
    out->n = 0;
    while (query_next(call->arena, &rest, &name, &value)) {
        int64_t id;

        if (!query_name_is(name, word) || value.len == 0) {
            continue;
        }
        if (!str_to_i64(value, 1, INT64_MAX, &id)) {
            (void)refuse_member(call, word, "must be numbers");
            return false;
        }
        if (!id_list_has(out, id)) {
            out->ids[out->n++] = id;
        }
    }
    return true;
}

bool id_list_has(const struct id_list *list, int64_t id)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->ids[i] == id) {
            return true;
        }
    }
    return false;
}

bool ask_number(struct call *call, const char *name, int64_t min, int64_t *value)
{
    struct str rest = call->request->query;
    struct str given;
    struct str text = STR_EMPTY;
    bool is_found = false;

    while (!is_found && query_next(call->arena, &rest, &given, &text)) {
        is_found = query_name_is(given, name);
    }
    if (!is_found || text.len == 0 || str_to_i64(text, min, INT64_MAX, value)) {
        return true;
    }
    (void)refuse_member(call, name, min > 0 ? "must be a number from 1" : "must be a number");
    return false;
}

struct project *project_asked(struct call *call)
{
    int64_t id = 0;

    if (ask_number(call, "projectId", 1, &id) && id == 0) {
        (void)refuse_without(call, "projectId");
    }
    return call->status == 200 ? need_thing(call, THING_PROJECT, id) : NULL;
}

bool query_true(const struct call *call, const char *name)
{
    struct str text;

    return query_find(call->arena, call->request->query, name, &text) &&
           str_is_nocase(text, "true");
}
