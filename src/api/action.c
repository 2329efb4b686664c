/* Makes a request of the simplified API from one object: the name of the operation, and its values as members. */
#include "api/api.h"
#include "api/gate/members.h"
#include "api/gate/query.h"
#include "api_internal.h"
#include "base/nearest.h"
#include "base/percent.h"
#include "base/utf8.h"

enum { TARGET_MAX = 64 * 1024, NAME_SHOWN = 64 };

static const struct route *find(struct str name, struct error *err)
{
    struct nearest nearest;
    size_t n = 0;
    const struct route *rows = api_route_rows(&n);

    nearest_init(&nearest, name);
    for (size_t i = 0; i < n; i++) {
        if (!str_is(STR("simplified"), rows[i].tag)) {
            continue;
        }
        if (str_is(name, rows[i].operation)) {
            return &rows[i];
        }
        nearest_offer(&nearest, str_from(rows[i].operation));
    }
    (void)error_at(err, ERR_BAD_REQUEST, "/action", "\"%.*s\" is not an action; %s%.*s%s",
                   STR_ARG(utf8_clip(name, NAME_SHOWN)),
                   nearest.best.len > 0 ? "did you mean \""
                                        : "an action is the operationId of a route",
                   STR_ARG(nearest.best),
                   nearest.best.len > 0 ? "\"?" : " of the simplified API (/openapi.json)");
    return NULL;
}

/* Takes the member out of the object. NULL: it is not there, or null. */
static const struct json *take(struct json *members, struct str name)
{
    const struct json *found = json_get_str(members, name);

    json_remove(members, name);
    return json_type(found) == JSON_NULL ? NULL : found;
}

static enum error_code take_object(struct json *members, const char *pointer,
                                   const struct json **out, struct error *err)
{
    const char *name = pointer + 1;

    *out = take(members, str_from(name));
    if (*out != NULL && json_type(*out) != JSON_OBJECT) {
        return error_at(err, ERR_BAD_REQUEST, pointer, "The member \"%s\" is an object", name);
    }
    return ERR_OK;
}

static enum error_code put_value(struct arena *arena, struct buf *out, struct str name,
                                 const struct json *value, struct error *err)
{
    struct str text = json_str(value);

    switch (json_type(value)) {
    case JSON_STRING:
        break;
    case JSON_NUMBER:
        text = json_number_text(value, arena);
        break;
    case JSON_BOOL:
        text = json_true(value) ? STR("true") : STR("false");
        break;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        return error_at(err, ERR_BAD_REQUEST,
                        arena_printf(arena, "/%.*s", STR_ARG(utf8_clip(name, NAME_SHOWN))).ptr,
                        "This member is a text, a number, true or false");
    }
    percent_encode(out, text);
    return ERR_OK;
}

/* "{id}" behind "goals" is the member goalId, or id. */
static enum error_code put_parameter(struct arena *arena, struct buf *out, struct str before,
                                     struct str part, struct json *members, struct error *err)
{
    struct str plain = str_sub(part, 1, part.len - 2);
    struct str full = arena_printf(arena, "%.*sId", STR_ARG(str_sub(before, 0, before.len - 1)));
    const struct json *value = take(members, full);
    struct str name = value != NULL ? full : plain;

    if (value == NULL) {
        value = take(members, plain);
    }
    if (value == NULL || (json_type(value) == JSON_STRING && json_str(value).len == 0)) {
        return error_at(err, ERR_BAD_REQUEST, arena_printf(arena, "/%.*s", STR_ARG(full)).ptr,
                        "This action needs the member \"%.*s\"", STR_ARG(full));
    }
    return put_value(arena, out, name, value, err);
}

static enum error_code put_path(struct arena *arena, struct buf *out, const struct route *route,
                                struct json *members, struct error *err)
{
    struct str rest = str_from(route->pattern);
    struct str before = STR_EMPTY;
    enum error_code code = ERR_OK;
    struct str part;

    while (code == ERR_OK && str_next(&rest, '/', &part)) {
        buf_char(out, '/');
        if (part.ptr[0] == '{') {
            code = put_parameter(arena, out, before, part, members, err);
        } else {
            buf_str(out, part);
        }
        before = part;
    }
    return code;
}

static enum error_code put_pair(struct arena *arena, struct buf *out, struct str name,
                                const struct json *value, struct error *err)
{
    if (json_type(value) == JSON_NULL) {
        return ERR_OK;
    }
    buf_char(out, str_find_char(buf_view(out), '?') < 0 ? '?' : '&');
    percent_encode(out, name);
    buf_char(out, '=');
    return put_value(arena, out, name, value, err);
}

/* Writes the parameters of the route; with `all` also the other members, which cannot belong to a body, so that the
 * route refuses them by name. */
static enum error_code put_query(struct arena *arena, struct buf *out, const struct route *route,
                                 struct json *members, bool all, struct error *err)
{
    enum error_code code = ERR_OK;
    const struct json *member;

    for (const struct member *row = route_query_rows(route); row->name != NULL && code == ERR_OK;
         row++) {
        struct str name = str_from(row->name);

        code = put_pair(arena, out, name, take(members, name), err);
    }
    if (all) {
        for (member = json_first(members); member != NULL && code == ERR_OK;
             member = json_next(member)) {
            code = put_pair(arena, out, json_name(member), member, err);
        }
    }
    return code;
}

enum error_code api_read_action(struct arena *arena, const struct json *event, struct str *line,
                                struct str *body, struct error *err)
{
    struct json *members = json_copy(arena, event);
    const struct route *route = find(json_str(take(members, STR("action"))), err);
    const struct json *headers = NULL; /* not of the request's line or body */
    const struct json *given = NULL;
    enum error_code code;
    struct buf out;

    if (route == NULL) {
        return ERR_BAD_REQUEST;
    }
    code = take_object(members, "/headers", &headers, err);
    if (code == ERR_OK && route->body != BODY_NONE) {
        code = take_object(members, "/body", &given, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    buf_init(&out, TARGET_MAX);
    buf_printf(&out, "%s ", route->method);
    code = put_path(arena, &out, route, members, err);
    if (code == ERR_OK) {
        code =
            put_query(arena, &out, route, members, route->body == BODY_NONE || given != NULL, err);
    }
    if (code == ERR_OK && !buf_ok(&out)) {
        code = error_set(err, ERR_URI_TOO_LONG,
                         "The members of the path and the query are longer "
                         "than 64 KiB");
    }
    *line = arena_take(arena, &out);
    if (route->body != BODY_NONE) {
        *body = json_text(arena, given != NULL ? given : members);
    }
    return code;
}
