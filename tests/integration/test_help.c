/* GET /api/v1/commands/{command}/help: each form that it shows of each command is given back to the
 * running server, which must then ask the platform for the same as the JSON form did. */
#include <string.h>

#include "harness/cmocka.h"

#include "base/attr.h"
#include "catalog/catalog.h"
#include "harness/proxy.h"
#include "harness/words.h"

struct help {
    struct proxy proxy;
    struct arena arena; /* of one command */
    struct str command;
    const struct json *forms;
    const struct json *want; /* what the platform was asked for by the JSON form */
};

static void differs(struct help *help, const char *form, const struct json *got)
{
    fail_msg("%.*s, %s form: status %d, the platform got\n%s\nnot\n%s", STR_ARG(help->command),
             form, help->proxy.reply.status, json_text(&help->arena, got).ptr,
             json_text(&help->arena, help->want).ptr);
}

/* The ids that the sandbox has given (from 2,000,000 on) are other ones each time: their last digits
 * become zeros. */
static struct json *without_made_ids(struct help *help, const struct json *requests)
{
    static const char begins[] = "200";
    struct str text = json_text(&help->arena, requests);
    char *copy = arena_zalloc(&help->arena, text.len + 1);
    char *at = copy;
    struct json *out = NULL;

    memcpy(copy, text.ptr, text.len);
    while ((at = strstr(at, begins)) != NULL) {
        for (at += sizeof(begins) - 1; *at >= '0' && *at <= '9'; at++) {
            *at = '0';
        }
    }
    assert_int_equal(json_parse(&help->arena, str_from(copy), NULL, &out, NULL), ERR_OK);
    return out;
}

/* method, path, query and body of each request that the sandbox received. */
static struct json *received(struct help *help)
{
    static const char *const members[] = {"method", "path", "query", "body"};
    struct json *out = json_new_array(&help->arena);
    const struct json *request;

    JSON_FOREACH (request, sandbox_requests(help->proxy.program.sandbox_port, &help->arena)) {
        struct json *row = json_new_object(&help->arena);

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
            const struct json *value = json_get(request, members[i]);

            if (value != NULL && json_type(value) != JSON_NULL &&
                !(json_type(value) == JSON_STRING && json_str(value).len == 0)) {
                json_set(row, str_from(members[i]), json_copy(&help->arena, value));
            }
        }
        json_append(out, row);
    }
    return without_made_ids(help, out);
}

static struct json *sent(struct help *help, const char *target, const char *fields, struct str body)
{
    sandbox_reset(help->proxy.program.sandbox_port);
    client_ask(help->proxy.program.port, "POST", target, fields, body, &help->proxy.reply);
    return received(help);
}

static void json_form(struct help *help)
{
    help->want = sent(help, "/api/v1/commands/execute", "Content-Type: application/json\r\n",
                      json_text(&help->arena, json_get(help->forms, "json")));
    if (help->proxy.reply.status != 200 || json_size(help->want) == 0) {
        differs(help, "JSON", help->want);
    }
}

/* curl -s -X POST URL -H 'Content-Type: application/json' -d BODY, to this very server. */
static void curl_form(struct help *help)
{
    struct str line = json_str(json_get(help->forms, "curl"));
    struct str words[16] = {STR_EMPTY};
    struct json *parsed = NULL;
    const struct json *word;
    const struct json *got;
    struct str url;
    size_t n = 0;

    assert_int_equal(command_line_parse(the_catalog(), &help->arena, line, &parsed, NULL), ERR_OK);
    JSON_FOREACH (word, json_get(parsed, "args")) {
        assert_true(n < ARRAY_LEN(words));
        words[n++] = json_str(word);
    }
    url = arena_printf(&help->arena, "http://127.0.0.1:%d/api/v1/commands/execute",
                       (int)help->proxy.program.port);
    assert_true(str_eq(words[3], url));
    assert_true(str_is(words[n - 2], "-d"));
    got = sent(help, "/api/v1/commands/execute",
               arena_printf(&help->arena, "%.*s\r\n", STR_ARG(words[5])).ptr, words[n - 1]);
    if (!json_equal(got, help->want)) {
        differs(help, "curl", got);
    }
}

/* A test file for a step: compiled it gives the request, run it makes the step at the end of the
 * checkpoint. Otherwise the body of /commands/execute. */
static void yaml_form(struct help *help)
{
    static const char type[] = "Content-Type: application/yaml\r\n";
    struct str yaml = json_str(json_get(help->forms, "yaml"));
    const struct json *got;
    const struct json *request;
    const struct json *step = NULL;

    if (!str_starts(help->command, STR("step-"))) {
        got = sent(help, "/api/v1/commands/execute", type, yaml);
        if (!json_equal(got, help->want)) {
            differs(help, "YAML", got);
        }
        return;
    }
    client_ask(help->proxy.program.port, "POST", "/api/v1/tests/compile?to=upstream", type, yaml,
               &help->proxy.reply);
    got = json_get(reply_json(&help->proxy.reply, &help->arena), "requests");
    if (got == NULL || !json_equal(got, help->want)) {
        differs(help, "YAML (compiled)", got);
    }
    got = sent(help, "/api/v1/tests/run", type, yaml);
    JSON_FOREACH (request, got) {
        step = json_find(request, "/body/parsedStep") != NULL ? request : step;
    }
    if (help->proxy.reply.status != 200 ||
        !json_equal(json_find(step, "/body/parsedStep"),
                    json_find(help->want, "/0/body/parsedStep")) ||
        !json_equal(json_find(step, "/body/checkpointId"),
                    json_find(help->want, "/0/body/checkpointId"))) {
        differs(help, "YAML (run)", got);
    }
}

static struct str replaced(struct arena *arena, struct str text, struct str from, struct str to)
{
    struct str out = STR_EMPTY;

    while (text.len > 0) {
        bool here = str_starts(text, from);

        out =
            arena_printf(arena, "%.*s%.*s", STR_ARG(out), STR_ARG(here ? to : str_sub(text, 0, 1)));
        text = str_sub(text, here ? from.len : 1, text.len);
    }
    return out;
}

/* What one request could not know is what the answer of the one before it says. */
static struct json *filled(struct help *help, const struct json *request, const struct json *before)
{
    static const struct {
        const char *name;
        const char *pointer;
    } places[] = {{"{snapshot_id}", "/item/snapshots/0/snapshotId"},
                  {"{goal_id}", "/item/id"},
                  {"{checkpoint_id}", "/item/id"}};
    struct str text = json_text(&help->arena, request);
    struct json *out = NULL;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct str name = str_from(places[i].name);
        const struct json *value = json_find(before, places[i].pointer);
        struct str known;

        if (value == NULL) {
            continue;
        }
        known = json_text(&help->arena, value);
        text = replaced(&help->arena, text, arena_printf(&help->arena, "\"%.*s\"", STR_ARG(name)),
                        known);
        text = replaced(&help->arena, text, name, known);
    }
    assert_int_equal(json_parse(&help->arena, text, NULL, &out, NULL), ERR_OK);
    return out;
}

/* The platform's own requests, through direct access. */
static void upstream_form(struct help *help)
{
    const struct json *request;
    const struct json *answer = NULL;
    const struct json *got;

    sandbox_reset(help->proxy.program.sandbox_port);
    JSON_FOREACH (request, json_get(help->forms, "upstream_requests")) {
        const struct json *ready = filled(help, request, answer);
        const struct json *body = json_get(ready, "body");
        struct str query = json_str(json_get(ready, "query"));
        struct str target = arena_printf(&help->arena, "/virtuoso%.*s%s%.*s",
                                         STR_ARG(json_str(json_get(ready, "path"))),
                                         query.len > 0 ? "?" : "", STR_ARG(query));

        client_ask(help->proxy.program.port,
                   arena_cstr(&help->arena, json_str(json_get(ready, "method"))), target.ptr,
                   body != NULL ? "Content-Type: application/json\r\n" : NULL,
                   body != NULL ? json_text(&help->arena, body) : STR_EMPTY, &help->proxy.reply);
        answer =
            help->proxy.reply.body.len > 0 ? reply_json(&help->proxy.reply, &help->arena) : NULL;
    }
    got = received(help);
    if (!json_equal(got, help->want)) {
        differs(help, "upstream", got);
    }
    request = json_get(help->forms, "upstream");
    if (json_size(help->want) == 1 && !json_equal(request, json_find(help->want, "/0"))) {
        differs(help, "upstream (main call)", request);
    }
}

/* Written out, since a Host field with the port is what a client sends. */
static void ask_help(struct proxy *proxy, struct str command, const char *fields)
{
    struct client client;

    client_open(&client, proxy->program.port);
    assert_true(client_send(
        &client,
        arena_printf(&proxy->arena,
                     "GET /api/v1/commands/%.*s/help HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n",
                     STR_ARG(command), (int)proxy->program.port, fields)));
    assert_int_equal(client_read(&client, false, &proxy->reply), CLIENT_OK);
    client_close(&client);
}

static void each_form_of_each_command_asks_the_platform_for_the_same(void **state)
{
    static const char *const sets[] = {"log.level=warn", "sandbox.examples=true",
                                       "upstream.organization_id=1", NULL};
    struct help help = {0};
    const struct json *list;
    const struct json *row;
    size_t n = 0;

    (void)state;
    proxy_start(&help.proxy, sets);
    arena_init(&help.arena);
    list = json_get(proxy_ask(&help.proxy, "GET", "/api/v1/commands", NULL, ""), "commands");
    JSON_FOREACH (row, list) {
        arena_reset(&help.arena);
        help.command = json_str(json_get(row, "command"));
        ask_help(&help.proxy, replaced(&help.arena, help.command, STR(" "), STR("/")), "");
        assert_int_equal(help.proxy.reply.status, 200);
        help.forms = json_get(reply_json(&help.proxy.reply, &help.arena), "forms");
        json_form(&help);
        curl_form(&help);
        yaml_form(&help);
        upstream_form(&help);
        n++;
    }
    assert_int_equal(n, 87);
    arena_done(&help.arena);
    proxy_stop(&help.proxy);
}

/* A curl line that works tells where the server is and that it wants a key. */
static void the_curl_line_is_for_this_server(void **state)
{
    static const char *const sets[] = {"auth.mode=keys", "auth.keys=a-key-of-the-caller",
                                       "server.trusted_proxies=127.0.0.1", NULL};
    struct proxy proxy;
    struct str curl;

    (void)state;
    proxy_start(&proxy, sets);
    ask_help(&proxy, STR("step-misc/comment"),
             "X-API-Key: a-key-of-the-caller\r\nX-Forwarded-Proto: https\r\n");
    curl = json_str(json_find(reply_json(&proxy.reply, &proxy.arena), "/forms/curl"));
    assert_true(str_contains(
        curl, arena_printf(&proxy.arena, "https://127.0.0.1:%d/api/v1/", (int)proxy.program.port)));
    assert_true(str_contains(curl, STR("\"Authorization: Bearer $VIRTUOSO_PROXY_API_KEY\"")));
    assert_false(str_contains(curl, STR("a-key-of-the-caller")));
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_each_command_asks_the_platform_for_the_same),
        cmocka_unit_test(the_curl_line_is_for_this_server),
    };

    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
