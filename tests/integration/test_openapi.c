/* Every operation of /openapi.json is called with a request made from the document alone, and its
 * answer is held against what the document says: status, media type, and the types of the
 * members. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

/* Values for what a document cannot know: ids that exist. */
static struct str value_for(struct proxy *proxy, struct str path, struct str name)
{
    const struct seed *seed = &proxy->seed;
    int64_t id = seed->goal;

    if (str_is(name, "command")) {
        return str_contains(path, STR("/step/")) ? STR("interact/click")
                                                 : STR("step-interact/click");
    }
    if (str_is(name, "code")) {
        return STR("not_found");
    }
    if (str_is(name, "file")) {
        return str_starts(path, STR("/ui/")) ? STR("live.js") : STR("plain");
    }
    if (str_is(name, "path")) {
        return STR("user");
    }
    if (str_contains(path, STR("/projects/")) || str_is(name, "projectId")) {
        id = seed->project;
    } else if (str_contains(path, STR("/checkpoints/{id}")) || str_is(name, "checkpointId") ||
               str_is(name, "checkpoint_id")) {
        id = seed->checkpoint;
    } else if (str_is(name, "snapshot") || str_is(name, "snapshotId")) {
        id = seed->snapshot;
    } else if (str_contains(path, STR("/journeys/{id}")) || str_is(name, "journeyId")) {
        id = seed->journey;
    }
    return arena_printf(&proxy->arena, "%lld", (long long)id);
}

static struct json *example(struct proxy *proxy, struct str path, const struct json *member,
                            struct str name)
{
    struct arena *arena = &proxy->arena;
    const struct json *type = json_get(member, "type");
    struct str kind = json_type(type) == JSON_ARRAY ? STR("id") : json_str(type);
    struct json *made;

    if (json_get(member, "enum") != NULL) {
        return json_new_string(arena, json_str(json_first(json_get(member, "enum"))));
    }
    if (str_is(kind, "id")) {
        return json_new_string(arena, value_for(proxy, path, name));
    }
    if (str_is(kind, "integer")) {
        return json_new_int(arena, 2);
    }
    if (str_is(kind, "array")) {
        made = json_new_array(arena);
        if (str_is(name, "commands")) {
            struct json *command = json_new_object(arena);

            json_set(command, STR("command"),
                     json_new_string(arena, STR("step-navigate scroll-top")));
            json_set(command, STR("checkpoint_id"),
                     json_new_string(arena, value_for(proxy, path, STR("checkpointId"))));
            json_append(made, command);
        } else {
            json_append(made, json_new_string(arena, str_is(name, "events") ? STR("audit.head")
                                                                            : STR("one")));
        }
        return made;
    }
    if (str_is(kind, "object")) {
        return json_new_object(arena);
    }
    if (str_is(name, "url")) {
        return json_new_string(arena, STR("http://127.0.0.1:9/"));
    }
    if (str_is(name, "command")) {
        return json_new_string(arena, STR("create-project"));
    }
    if (str_is(name, "action")) {
        return json_new_string(arena, STR("CLICK"));
    }
    return json_new_string(arena, arena_printf(arena, "openapi %.*s", STR_ARG(path)));
}

/* The required members, and what a few routes need besides. */
static struct str make_body(struct proxy *proxy, struct str path, const struct json *operation)
{
    const struct json *schema =
        json_find(operation, "/requestBody/content/application~1json/schema");
    struct json *body = json_new_object(&proxy->arena);
    const struct json *name;

    if (json_get(schema, "properties") == NULL &&
        json_find(operation, "/requestBody/content/application~1yaml") != NULL) {
        /* A test file as an object. */
        return STR("{\"name\": \"t\", \"steps\": [{\"click\": \"Sign in\"}]}");
    }
    if (schema == NULL) {
        return STR_EMPTY;
    }
    JSON_FOREACH (name, json_get(schema, "required")) {
        json_set(body, json_str(name),
                 example(proxy, path, json_get_str(json_get(schema, "properties"), json_str(name)),
                         json_str(name)));
    }
    if (str_contains(path, STR("/commands/step/"))) {
        json_set(body, STR("checkpoint_id"),
                 json_new_string(&proxy->arena, value_for(proxy, path, STR("checkpointId"))));
    }
    if (json_get(json_get(schema, "properties"), "args") != NULL) {
        struct json *args = json_new_array(&proxy->arena);

        json_append(args, json_new_string(&proxy->arena, STR("Sign in")));
        json_set(body, STR("args"), args);
    }
    if (str_is(path, "/api/steps")) {
        json_set(body, STR("target"), json_new_string(&proxy->arena, STR("Sign in")));
    }
    if (str_is(path, "/api/library/checkpoints")) {
        json_set(body, STR("checkpointId"),
                 json_new_string(&proxy->arena, value_for(proxy, path, STR("checkpointId"))));
    }
    return json_text(&proxy->arena, body);
}

static struct str made_ids[5]; /* 0 session, 1 execution, 2 test run, 3 webhook, 4 delivery */

/* Of what was made for this test, if the path names a thing of that kind; else `otherwise`. */
static struct str made_for(struct str path, struct str part, struct str otherwise)
{
    static const struct str places[] = {STR_INIT("/sessions/{id}"), STR_INIT("/executions/{id}"),
                                        STR_INIT("/runs/{id}"), STR_INIT("/webhooks/{id}")};

    if (str_is(part, "{delivery}")) {
        return made_ids[4];
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (str_contains(path, places[i])) {
            return made_ids[i];
        }
    }
    return otherwise;
}

static struct str make_target(struct proxy *proxy, struct str path)
{
    struct str rest = path;
    struct str part;
    struct str target = STR_EMPTY;

    while (str_next(&rest, '/', &part)) {
        struct str value = part;

        if (part.ptr[0] == '{') {
            value = made_for(path, part, value_for(proxy, path, str_sub(part, 1, part.len - 2)));
        }
        target = arena_printf(&proxy->arena, "%.*s/%.*s", STR_ARG(target), STR_ARG(value));
    }
    return target.len > 0 ? target : STR("/");
}

static bool type_fits(const struct json *schema, const struct json *value)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOL] = "boolean", [JSON_NUMBER] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",  [JSON_OBJECT] = "object"};
    const struct json *type = json_get(schema, "type");
    const struct json *item;

    if (type == NULL) {
        return true;
    }
    if (json_type(type) == JSON_STRING) {
        return str_is(json_str(type), names[json_type(value)]) ||
               (str_is(json_str(type), "integer") && json_is_integer(value));
    }
    JSON_FOREACH (item, type) {
        if (str_is(json_str(item), names[json_type(value)]) ||
            (str_is(json_str(item), "integer") && json_is_integer(value))) {
            return true;
        }
    }
    return false;
}

static bool schema_fits(const struct json *schema, const struct json *value);

/* The first form is what is answered where neither raw=true nor dry_run=true is asked for. */
static bool form_fits(const struct json *schema, const struct json *value)
{
    const struct json *first = json_first(json_get(schema, "anyOf"));

    return first == NULL || schema_fits(first, value);
}

static bool has_required(const struct json *schema, const struct json *value)
{
    const struct json *name;

    JSON_FOREACH (name, json_get(schema, "required")) {
        if (json_get_str(value, json_str(name)) == NULL) {
            return false;
        }
    }
    return true;
}

static bool schema_fits(const struct json *schema, const struct json *value)
{
    const struct json *member;

    if (!type_fits(schema, value) || !form_fits(schema, value) || !has_required(schema, value)) {
        return false;
    }
    if (json_type(value) == JSON_ARRAY) {
        JSON_FOREACH (member, value) {
            if (!schema_fits(json_get(schema, "items"), member)) {
                return false;
            }
        }
    }
    JSON_FOREACH (member, json_get(schema, "properties")) {
        const struct json *found = json_get_str(value, json_name(member));

        if (json_type(value) == JSON_OBJECT && found != NULL && !schema_fits(member, found)) {
            return false;
        }
    }
    return true;
}

static void check_reply(struct proxy *proxy, struct str what, const struct json *operation)
{
    struct str status = arena_printf(&proxy->arena, "%d", proxy->reply.status);
    const struct json *response = json_get_str(json_get(operation, "responses"), status);
    const struct json *content = json_get(response, "content");
    struct str type = reply_field(&proxy->reply, "Content-Type");
    struct str plain;
    struct str parameters;

    if (response == NULL) {
        fail_msg("%.*s: %d is not in the document: %.*s", STR_ARG(what), proxy->reply.status,
                 STR_ARG(str_sub(reply_text(&proxy->reply), 0, 300)));
    }
    (void)str_cut(type, ';', &plain, &parameters);
    if (content == NULL || str_is(plain, "text/html")) {
        return;
    }
    if (json_get_str(content, plain) == NULL) {
        fail_msg("%.*s: %.*s is not in the document", STR_ARG(what), STR_ARG(type));
    }
    if (str_contains(plain, STR("json")) &&
        !schema_fits(json_get(json_get_str(content, plain), "schema"),
                     reply_json(&proxy->reply, &proxy->arena))) {
        fail_msg("%.*s: the answer is not as the document says: %.*s", STR_ARG(what),
                 STR_ARG(str_sub(reply_text(&proxy->reply), 0, 300)));
    }
}

static void call(struct proxy *proxy, struct str path, const struct json *operation)
{
    struct str lower = json_name(operation);
    char method[16] = "";
    struct str target = make_target(proxy, path);
    struct str body = make_body(proxy, path, operation);
    struct str what = arena_printf(&proxy->arena, "%.*s %.*s", STR_ARG(lower), STR_ARG(path));

    for (size_t i = 0; i < lower.len && i < sizeof(method) - 1; i++) {
        method[i] = char_upper(lower.ptr[i]);
    }
    client_ask(proxy->program.port, method, target.ptr,
               body.len > 0 ? "Content-Type: application/json\r\n" : NULL, body, &proxy->reply);
    check_reply(proxy, what, operation);
}

static bool is_skipped(struct str path, struct str method)
{
    /* The platform offers nothing to change under this path, sessions are ended last, and a stream of
     * all events does not end. */
    return (str_starts(path, STR("/virtuoso/")) && !str_is(method, "get")) ||
           str_is(method, "delete") || str_is(path, "/api/v1/events") ||
           str_is(path, "/api/v1/cache/events");
}

static struct str made_delivery(struct proxy *proxy, struct str webhook)
{
    struct str target = arena_printf(&proxy->arena, "/api/v1/webhooks/%.*s/", STR_ARG(webhook));

    (void)proxy_ask(proxy, "POST", arena_printf(&proxy->arena, "%stest", target.ptr).ptr, NULL,
                    "{}");
    return json_str(json_find(
        json_first(json_get(proxy_ask(proxy, "GET",
                                      arena_printf(&proxy->arena, "%sdeliveries", target.ptr).ptr,
                                      NULL, ""),
                            "deliveries")),
        "/id"));
}

static void every_operation_answers_as_documented(void **state)
{
    static const char *const sets[] = {"http.gzip=false", "webhooks.allow_private=true", NULL};
    struct proxy proxy;
    const struct json *document;
    const struct json *path;
    const struct json *operation;
    struct str body;
    size_t n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    body = arena_printf(&proxy.arena, "{\"checkpoint_id\":%lld}", (long long)proxy.seed.checkpoint);
    made_ids[0] = json_str(
        json_get(proxy_ask_str(&proxy, "POST", "/api/v1/sessions", NULL, body), "session_id"));
    (void)proxy_ask_str(
        &proxy, "POST",
        arena_printf(&proxy.arena, "/api/v1/sessions/%.*s/activate", STR_ARG(made_ids[0])).ptr,
        NULL, STR("{}"));
    body = arena_printf(&proxy.arena, "{\"goalId\":%lld}", (long long)proxy.seed.goal);
    made_ids[1] =
        json_str(json_get(proxy_ask_str(&proxy, "POST", "/api/executions", NULL, body), "id"));
    made_ids[2] =
        json_str(json_get(proxy_ask(&proxy, "POST", "/api/v1/tests/run", NULL,
                                    "{\"name\":\"t\",\"steps\":[{\"click\":\"Sign in\"}]}"),
                          "id"));
    made_ids[3] = json_str(json_find(proxy_ask(&proxy, "POST", "/api/v1/webhooks", NULL,
                                               "{\"url\":\"http://127.0.0.1:9/\",\"events\":"
                                               "[\"config.reloaded\"]}"),
                                     "/webhook/id"));
    made_ids[4] = made_delivery(&proxy, made_ids[3]);
    document = proxy_ask(&proxy, "GET", "/openapi.json", NULL, "");
    assert_true(str_starts(json_str(json_get(document, "openapi")), STR("3.1")));
    JSON_FOREACH (path, json_get(document, "paths")) {
        JSON_FOREACH (operation, path) {
            if (!is_skipped(json_name(path), json_name(operation))) {
                call(&proxy, json_name(path), operation);
                n++;
            }
        }
    }
    assert_true(n >= 45);
    (void)proxy_ask(&proxy, "DELETE",
                    arena_printf(&proxy.arena, "/api/v1/sessions/%.*s", STR_ARG(made_ids[0])).ptr,
                    NULL, "");
    assert_int_equal(proxy.reply.status, 204);
    proxy_stop(&proxy);
}

static void the_document_and_the_router_list_the_same(void **state)
{
    static const char *const sets[] = {"http.gzip=false", NULL};
    struct proxy proxy;
    const struct json *document;
    const struct json *routes;
    const struct json *path;
    size_t n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    document = proxy_ask(&proxy, "GET", "/openapi.json", NULL, "");
    routes = proxy_ask(&proxy, "GET", "/api/v1/routes", NULL, "");
    JSON_FOREACH (path, json_get(document, "paths")) {
        n += json_size(path);
    }
    assert_int_equal(n, json_size(json_get(routes, "routes")));
    (void)proxy_ask(&proxy, "GET", "/api/v1/commands/list", NULL, "");
    assert_true(reply_field(&proxy.reply, "Deprecation").len > 0);
    assert_true(reply_field(&proxy.reply, "Sunset").len > 0);
    proxy_stop(&proxy);
}

/* A client that reads what it must send finds what this proxy takes. */
static void the_document_asks_for_what_is_configured(void **state)
{
    static const struct {
        const char *mode;
        const char *security;
    } rows[] = {
        {"auth.mode=none", "[]"},
        {"auth.mode=keys", "[{\"bearer\":[]},{\"apiKey\":[]}]"},
        {"auth.mode=passthrough", "[{\"bearer\":[]}]"},
        {"auth.mode=keys,passthrough", "[{\"bearer\":[]},{\"apiKey\":[]}]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *sets[] = {rows[i].mode, "auth.keys=k3Jd82hfQz71LmPp", NULL};
        struct proxy proxy;
        const struct json *document;

        proxy_start(&proxy, sets);
        document = proxy_ask(&proxy, "GET", "/openapi.json", NULL, "");
        assert_string_equal(
            arena_cstr(&proxy.arena, json_text(&proxy.arena, json_get(document, "security"))),
            rows[i].security);
        assert_int_equal(json_size(json_find(document, "/paths/~1health/get/security")), 0);
        proxy_stop(&proxy);
    }
}

/* What all callers get alike may be kept by a cache before the proxy, and is not sent again to a client that has it; what needs a key
 * is for the client's own cache. Everything else is kept nowhere. */
static void documents_may_be_kept(void **state)
{
    static const char *const sets[] = {"auth.keys=k3Jd82hfQz71LmPp", NULL};

    static const struct {
        const char *target;
        const char *control;
    } rows[] = {
        {"/docs", "public, max-age=3600"},
        {"/docs/page.css", "public, max-age=3600"},
        {"/docs/testfile", "public, max-age=3600"},
        {"/openapi.json", "public, max-age=3600"},
        {"/problems", "public, max-age=3600"},
        {"/problems/bad_json", "public, max-age=3600"},
        {"/schema/testfile.json", "public, max-age=3600"},
        {"/favicon.svg", "public, max-age=3600"},
        {"/api/v1/commands", "private, max-age=3600"},
        {"/problems/none", "no-store"},
        {"/docs/none", "no-store"},
        {"/", "no-store"},
        {"/health", "no-store"},
        {"/api/v1/sessions", "no-store"},
        {"/redoc", "no-store"},
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const char key[] = "X-API-Key: k3Jd82hfQz71LmPp\r\n";
        struct str tag;

        client_ask(proxy.program.port, "GET", rows[i].target, key, STR_EMPTY, &proxy.reply);
        assert_true(str_is(reply_field(&proxy.reply, "Cache-Control"), rows[i].control));
        tag = arena_str(&proxy.arena, reply_field(&proxy.reply, "ETag"));
        assert_int_equal(tag.len > 0,
                         !str_is(reply_field(&proxy.reply, "Cache-Control"), "no-store"));
        if (tag.len > 0) {
            client_ask(
                proxy.program.port, "GET", rows[i].target,
                arena_printf(&proxy.arena, "%sIf-None-Match: \"a\", %.*s\r\n", key, STR_ARG(tag))
                    .ptr,
                STR_EMPTY, &proxy.reply);
            assert_int_equal(proxy.reply.status, 304);
            assert_int_equal(proxy.reply.body.len, 0);
        }
    }
    client_ask(proxy.program.port, "GET", "/redoc", NULL, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 308);
    assert_true(str_is(reply_field(&proxy.reply, "Location"), "/docs"));
    proxy_stop(&proxy);
}

/* ---- the examples, as they stand ---- */

static const struct json *example_of_param(const struct json *operation, struct str name)
{
    const struct json *parameter;

    JSON_FOREACH (parameter, json_get(operation, "parameters")) {
        if (str_eq(json_str(json_get(parameter, "name")), name)) {
            return json_get(parameter, "example");
        }
    }
    return NULL;
}

/* Empty: a parameter without an example (ids of sessions and runs are made at random). */
static struct str example_target(struct arena *arena, struct str path, const struct json *operation)
{
    struct str rest = path;
    struct str target = STR_EMPTY;
    struct str part;

    while (str_next(&rest, '/', &part)) {
        if (part.ptr[0] == '{') {
            part = json_str(example_of_param(operation, str_sub(part, 1, part.len - 2)));
        }
        if (part.len == 0) {
            return STR_EMPTY;
        }
        target = arena_printf(arena, "%.*s/%.*s", STR_ARG(target), STR_ARG(part));
    }
    return target.len > 0 ? target : STR("/");
}

static struct str example_body(struct arena *arena, const struct json *operation,
                               const char **out_type)
{
    const struct json *media = json_first(json_find(operation, "/requestBody/content"));
    const struct json *example = json_get(media, "example");

    *out_type = str_contains(json_name(media), STR("yaml")) ? "Content-Type: application/yaml\r\n"
                                                            : "Content-Type: application/json\r\n";
    if (media == NULL || example == NULL) {
        return STR_EMPTY;
    }
    return json_type(example) == JSON_STRING ? json_str(example) : json_text(arena, example);
}

/* True: there was something to send. */
static bool send_example(struct proxy *proxy, struct str path, const struct json *operation)
{
    struct str method = json_name(operation);
    struct str target = example_target(&proxy->arena, path, operation);
    const char *type;
    struct str body = example_body(&proxy->arena, operation, &type);
    struct str what = arena_printf(&proxy->arena, "%.*s %.*s", STR_ARG(method), STR_ARG(path));
    bool posts = str_is(method, "post");

    if (str_is(path, "/api/v1/cache/events")) {
        target = STR("/api/v1/cache/events?limit=1");
    }
    if (str_is(path, "/api/v1/events")) { /* without limit it does not end */
        target = STR("/api/v1/events?limit=1&last_event_id=before-1");
    }
    if (target.len == 0 || (!posts && !str_is(method, "get"))) {
        return false;
    }
    if (posts && body.len == 0 && json_get(operation, "requestBody") != NULL) {
        fail_msg("%.*s has no example", STR_ARG(what));
    }
    client_ask(proxy->program.port, posts ? "POST" : "GET", target.ptr, posts ? type : NULL, body,
               &proxy->reply);
    if (proxy->reply.status < 200 || proxy->reply.status > 399) {
        fail_msg("%.*s: the example does not work: %d %.*s", STR_ARG(what), proxy->reply.status,
                 STR_ARG(str_sub(reply_text(&proxy->reply), 0, 300)));
    }
    check_reply(proxy, what, operation);
    return true;
}

static void every_example_works_as_it_stands(void **state)
{
    static const char *const sets[] = {"http.gzip=false", "sandbox.examples=true", NULL};
    struct proxy proxy;
    const struct json *document;
    const struct json *path;
    const struct json *operation;
    size_t n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL, "{}"); /* for GET …/current */
    (void)proxy_ask(
        &proxy, "POST",
        arena_printf(&proxy.arena, "%.*s/activate", STR_ARG(reply_field(&proxy.reply, "Location")))
            .ptr,
        NULL, "{}");
    document = proxy_ask(&proxy, "GET", "/openapi.json", NULL, "");
    JSON_FOREACH (path, json_get(document, "paths")) {
        JSON_FOREACH (operation, path) {
            n += send_example(&proxy, json_name(path), operation) ? 1 : 0;
        }
    }
    assert_true(n >= 45);
    proxy_stop(&proxy);
}

/* What help and the catalogue show works in the sandbox too: each call of it, with ids as
 * printed. */
static void the_catalogue_names_what_the_sandbox_holds(void **state)
{
    static const char *const sets[] = {"sandbox.examples=true", NULL};
    static const char *const lines[] = {
        "\"get-step\",\"args\":[\"19660498\"]",
        "\"update-navigation\",\"args\":[\"19660498\",\"6d1c3a52-4b0e-4b9e-9a53-0f6f4f1a2b3c\",\"https://example.com\"]",
        "\"library add\",\"args\":[\"1680930\"]",
        "\"library attach\",\"args\":[\"608038\",\"7023\",\"2\"]",
        "\"library move-step\",\"args\":[\"7023\",\"19660498\",\"2\"]",
        "\"library remove-step\",\"args\":[\"7023\",\"19660498\"]",
        "\"create-goal\",\"args\":[\"9056\",\"Checkout\"]",
        "\"create-checkpoint\",\"args\":[\"608038\",\"13776\",\"43802\",\"Checkout\"]",
        "\"list-journeys\",\"args\":[\"13776\",\"43802\"]",
        "\"execute-goal\",\"args\":[\"13776\"]",
        "\"monitor-execution\",\"args\":[\"88715\"]",
        "\"import-test-data\",\"args\":[\"512\",\"email,password\\nada@example.com,secret\"]",
    };
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", NULL,
                            arena_printf(&proxy.arena, "{\"command\":%s}", lines[i]));
        if (proxy.reply.status != 200) {
            fail_msg("%s: %d %.*s", lines[i], proxy.reply.status,
                     STR_ARG(reply_text(&proxy.reply)));
        }
    }
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_answers_as_documented),
        cmocka_unit_test(the_document_and_the_router_list_the_same),
        cmocka_unit_test(the_document_asks_for_what_is_configured),
        cmocka_unit_test(documents_may_be_kept),
        cmocka_unit_test(every_example_works_as_it_stands),
        cmocka_unit_test(the_catalogue_names_what_the_sandbox_holds),
    };

    return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
