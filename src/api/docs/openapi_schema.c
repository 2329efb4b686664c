/* The schemas of the OpenAPI document: of bodies and parameters from the tables of members, of
 * replies from the reply mappings. */
#include "api/gate/reply_map.h"
#include "openapi.h"

/* ---- schemas of requests ---- */

/* `or_null`: a member of a body that may be left out may also be null, which counts as absent, or takes a value
 * away. */
void openapi_member(struct json_writer *w, const struct member *member, bool or_null)
{
    param_schema(
        &(struct param){
            .type = member->type, .min = member->min, .max = member->max, .words = member->words},
        or_null, w);
}

/* Ends the properties. */
static void write_required(struct json_writer *w, const struct str *names, size_t n)
{
    jw_end(w);
    if (n > 0) {
        jw_texts(w, "required", names, n);
    }
}

static void write_body(struct json_writer *w, const struct member *members)
{
    struct str required[MEMBERS_MAX];
    size_t n = 0;

    jw_shape(w, "{type:'object', additionalProperties:false, properties:{");
    for (const struct member *member = members; member->name != NULL; member++) {
        jw_key(w, member->name);
        openapi_member(w, member, !member->required);
        if (member->required) {
            required[n++] = str_from(member->name);
        }
    }
    write_required(w, required, n);
    jw_end(w);
}

static void write_schema(struct json_writer *w, const struct task *task, const struct route *route)
{
    const struct member *members = task->api->routes->contract(route).members;

    jw_shape(w, "{schema:");
    if (route->body == BODY_TEST) { /* JSON, which clients send as an object or a list */
        jw_shape(w,
                 "{description:'As /schema/testfile.json tells, or in another dialect', "
                 "anyOf:[{type:'object', additionalProperties:true}, {type:'array', items:{}}]}");
    } else if (members != NULL && route->body != BODY_STREAM) {
        write_body(w, members);
    } else {
        jw_shape(w, "{}");
    }
}

void openapi_request_body(struct json_writer *w, const struct task *task, const struct route *route)
{
    const struct openapi_example *example = openapi_example_of(route);
    const char *body = example != NULL ? example->body : NULL;

    jw_object(w);
    if (route->body != BODY_STREAM) {
        jw_form(w, "required:%b", route->body != BODY_OPTIONAL);
    }
    jw_shape(w, "content:{application/json:");
    write_schema(w, task, route);
    if (body != NULL) { /* a test sends each of them */
        jw_form(w, "example:%j", body);
    }
    jw_end(w);
    if (route->body == BODY_TEST) {
        jw_form(w, "application/yaml:{schema:{type:'string'}, example?:%s}",
                body != NULL ? OPENAPI_TEST_FILE : NULL);
    } else if (route->body == BODY_COMMAND) {
        jw_shape(w, "application/yaml:");
        write_schema(w, task, route);
        jw_end(w);
    }
    jw_shape(w, "}}");
}

/* ---- schemas of replies ---- */

static const char *field_type_name(enum field_type type)
{
    switch (type) {
    case FIELD_INT:
    case FIELD_COUNT:
        return "integer";
    case FIELD_BOOL:
        return "boolean";
    case FIELD_PERCENT:
        return "number";
    case FIELD_ANY:
        return NULL;
    case FIELD_ID:
    case FIELD_TEXT:
    case FIELD_TIME:
    case FIELD_CLUE:
        break;
    }
    return "string";
}

static void write_map(struct json_writer *w, const struct reply_map *map)
{
    struct str required[REPLY_MAX_FIELDS];
    size_t n = 0;

    jw_shape(w, map->many != NULL ? "{type:'array', items:{type:'object', properties:{"
                                  : "{type:'object', properties:{");
    for (const struct reply_field *field = map->fields; field->to != NULL; field++) {
        const char *type = field_type_name(field->type);

        jw_key(w, field->to);
        if (type != NULL) {
            jw_form(w, "{type:[%s, 'null']}", type);
        } else {
            jw_shape(w, "{}");
        }
        if (field->always) {
            required[n++] = str_from(field->to);
        }
    }
    write_required(w, required, n);
    jw_shape(w, map->many != NULL ? "}}" : "}");
}

void openapi_reply(struct json_writer *w, const struct task *task, const struct route *route)
{
    const struct reply_map *map = task->api->routes->contract(route).map;

    if (map != NULL) {
        write_map(w, map);
    } else {
        /* Without additionalProperties code generators make a type that has no members. */
        jw_shape(w,
                 route->body == BODY_STREAM ? "{}" : "{type:'object', additionalProperties:true}");
    }
}
