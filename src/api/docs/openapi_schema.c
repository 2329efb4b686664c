/* The schemas of the OpenAPI document: of bodies and parameters from the tables of members, of
 * replies from the reply mappings. */
#include "api/gate/reply_map.h"
#include "openapi.h"

struct json *openapi_text(struct task *task, const char *value)
{
    return json_new_string(task->arena, str_from(value));
}

void openapi_put(struct task *task, struct json *object, const char *name, const char *value)
{
    json_set(object, str_from(name), openapi_text(task, value));
}

struct json *openapi_ref(struct task *task, const char *where)
{
    struct json *out = json_new_object(task->arena);

    openapi_put(task, out, "$ref", where);
    return out;
}

/* With whatever members: generators take an object without this word for one that has none. */
struct json *openapi_any_object(struct task *task)
{
    struct json *schema = json_new_object(task->arena);

    openapi_put(task, schema, "type", "object");
    json_set(schema, STR("additionalProperties"), json_new_bool(task->arena, true));
    return schema;
}

/* ---- schemas of requests ---- */

struct json *openapi_member(struct task *task, const struct member *member)
{
    struct json *schema = param_schema(
        &(struct param){
            .type = member->type, .min = member->min, .max = member->max, .words = member->words},
        task->arena);

    if (member->type == PARAM_LIST && json_get(schema, "items") == NULL) {
        struct json *item = json_new_object(task->arena);

        openapi_put(task, item, "type", "string");
        json_set(schema, STR("items"), item);
    }
    return schema;
}

/* A member of a body that may be left out may also be null: it counts as absent, or takes a value
 * away. */
static void allow_null(struct task *task, struct json *schema)
{
    struct json *types = json_new_array(task->arena);
    const struct json *type = json_get(schema, "type");
    const struct json *one;
    struct json *words = unconst(json_get(schema, "enum"));

    if (type == NULL) {
        return;
    }
    if (json_type(type) == JSON_STRING) {
        json_append(types, json_copy(task->arena, type));
    }
    JSON_FOREACH (one, type) {
        json_append(types, json_copy(task->arena, one));
    }
    json_append(types, openapi_text(task, "null"));
    json_set(schema, STR("type"), types);
    if (words != NULL) {
        json_append(words, json_new_null(task->arena));
    }
}

static struct json *body_schema(struct task *task, const struct member *members)
{
    struct json *schema = json_new_object(task->arena);
    struct json *properties = json_new_object(task->arena);
    struct json *required = json_new_array(task->arena);

    openapi_put(task, schema, "type", "object");
    json_set(schema, STR("additionalProperties"), json_new_bool(task->arena, false));
    for (; members->name != NULL; members++) {
        struct json *member = openapi_member(task, members);

        if (members->required) {
            json_append(required, openapi_text(task, members->name));
        } else {
            allow_null(task, member);
        }
        json_set(properties, str_from(members->name), member);
    }
    json_set(schema, STR("properties"), properties);
    if (json_size(required) > 0) {
        json_set(schema, STR("required"), required);
    }
    return schema;
}

struct json *openapi_content(struct task *task, const char *type, struct json *schema)
{
    struct json *media = json_new_object(task->arena);
    struct json *out = json_new_object(task->arena);

    json_set(media, STR("schema"), schema);
    json_set(out, str_from(type), media);
    return out;
}

static void set_example(struct task *task, struct json *content, const char *type,
                        const char *example, bool is_text)
{
    struct json *media = unconst(json_get(content, type));
    struct json *value = NULL;

    if (is_text) {
        value = openapi_text(task, example);
    } else if (json_parse(task->arena, str_from(example), NULL, &value, NULL) != ERR_OK) {
        return; /* cannot be: a test sends each of them */
    }
    json_set(media, STR("example"), value);
}

static void set_body_examples(struct task *task, const struct json *body, const struct route *route)
{
    const struct openapi_example *example = openapi_example_of(route);
    struct json *content = unconst(json_get(body, "content"));

    if (example == NULL || example->body == NULL) {
        return;
    }
    set_example(task, content, "application/json", example->body, false);
    if (route->body == BODY_TEST) {
        set_example(task, content, "application/yaml", OPENAPI_TEST_FILE, true);
    }
}

/* A test file is JSON, which clients send as an object or a list, or text. */
static struct json *test_file_content(struct task *task)
{
    struct json *json = json_new_object(task->arena);
    struct json *forms = json_new_array(task->arena);
    struct json *list = json_new_object(task->arena);
    struct json *text = json_new_object(task->arena);
    struct json *yaml = json_new_object(task->arena);
    struct json *content;

    openapi_put(task, json, "description", "As /schema/testfile.json tells, or in another dialect");
    openapi_put(task, list, "type", "array");
    json_set(list, STR("items"), json_new_object(task->arena));
    json_append(forms, openapi_any_object(task));
    json_append(forms, list);
    json_set(json, STR("anyOf"), forms);
    content = openapi_content(task, "application/json", json);
    openapi_put(task, text, "type", "string");
    json_set(yaml, STR("schema"), text);
    json_set(content, STR("application/yaml"), yaml);
    return content;
}

static struct json *request_body_without_example(struct task *task, const struct route *route)
{
    const struct member *members = task->api->routes->contract(route).members;
    struct json *out = json_new_object(task->arena);
    struct json *schema = json_new_object(task->arena);
    struct json *types;

    if (route->body == BODY_STREAM) {
        json_set(out, STR("content"), openapi_content(task, "application/json", schema));
        return out;
    }
    if (route->body == BODY_TEST) {
        json_set(out, STR("required"), json_new_bool(task->arena, true));
        json_set(out, STR("content"), test_file_content(task));
        return out;
    }
    json_set(out, STR("required"), json_new_bool(task->arena, route->body != BODY_OPTIONAL));
    types = openapi_content(task, "application/json",
                            members != NULL ? body_schema(task, members) : schema);
    if (route->body == BODY_COMMAND) {
        json_set(types, STR("application/yaml"), json_copy(task->arena, json_first(types)));
    }
    json_set(out, STR("content"), types);
    return out;
}

struct json *openapi_request_body(struct task *task, const struct route *route)
{
    struct json *body = request_body_without_example(task, route);

    set_body_examples(task, body, route);
    return body;
}

/* ---- schemas of replies ---- */

static const char *reply_type_name(enum reply_type type)
{
    switch (type) {
    case REPLY_INT:
    case REPLY_COUNT:
        return "integer";
    case REPLY_BOOL:
        return "boolean";
    case REPLY_PERCENT:
        return "number";
    case REPLY_ANY:
        return NULL;
    case REPLY_ID:
    case REPLY_TEXT:
    case REPLY_TIME:
    case REPLY_CLUE:
        break;
    }
    return "string";
}

static struct json *field_schema(struct task *task, const struct reply_field *field)
{
    struct json *schema = json_new_object(task->arena);
    const char *name = reply_type_name(field->type);
    struct json *types;

    if (name == NULL) {
        return schema;
    }
    types = json_new_array(task->arena);
    json_append(types, openapi_text(task, name));
    json_append(types, openapi_text(task, "null"));
    json_set(schema, STR("type"), types);
    return schema;
}

static struct json *map_schema(struct task *task, const struct reply_map *map)
{
    struct json *thing = json_new_object(task->arena);
    struct json *properties = json_new_object(task->arena);
    struct json *required = json_new_array(task->arena);
    struct json *list;

    openapi_put(task, thing, "type", "object");
    for (const struct reply_field *field = map->fields; field->to != NULL; field++) {
        json_set(properties, str_from(field->to), field_schema(task, field));
        if (field->always) {
            json_append(required, openapi_text(task, field->to));
        }
    }
    json_set(thing, STR("properties"), properties);
    if (json_size(required) > 0) {
        json_set(thing, STR("required"), required);
    }
    if (map->many == NULL) {
        return thing;
    }
    list = json_new_object(task->arena);
    openapi_put(task, list, "type", "array");
    json_set(list, STR("items"), thing);
    return list;
}

struct json *openapi_reply(struct task *task, const struct route *route)
{
    const struct reply_map *map = task->api->routes->contract(route).map;

    if (map != NULL) {
        return map_schema(task, map);
    }
    return route->body == BODY_STREAM ? json_new_object(task->arena) : openapi_any_object(task);
}
