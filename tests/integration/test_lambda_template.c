/* conf/aws/template.yaml: each name in it leads somewhere, what it promises stands there, and the program takes its environment and
 * answers an event of its HTTP API. CloudFormation itself has not seen it here. */
#include "harness/cmocka.h"

#include "base/fd.h"
#include "data/node.h"
#include "harness/function.h"

enum { FILE_MAX = 64 * 1024, ENV_MAX = 16 };

#define TEMPLATE VP_SOURCE_DIR "/conf/aws/template.yaml"

static struct {
    struct arena arena;
    const struct node *root, *parameters, *conditions, *resources;
    size_t n_names;
} here;

static int read_template(void **state)
{
    struct node_stream stream = {0};
    struct error_list errors;
    struct error err = {0};
    struct buf text;

    (void)state;
    arena_init(&here.arena);
    buf_init(&text, FILE_MAX);
    error_list_init(&errors);
    assert_int_equal(fd_read_file(TEMPLATE, &text, &err), ERR_OK);
    if (yaml_parse(&here.arena, arena_str(&here.arena, buf_view(&text)), NULL, &stream, &errors) !=
        ERR_OK) {
        fail_msg("%s", errors.items[0].text);
    }
    buf_done(&text);
    error_list_done(&errors);
    here.root = stream.documents;
    here.parameters = node_get(here.root, "Parameters");
    here.conditions = node_get(here.root, "Conditions");
    here.resources = node_get(here.root, "Resources");
    return 0;
}

static int drop_template(void **state)
{
    (void)state;
    arena_done(&here.arena);
    return 0;
}

static bool has(const struct node *map, struct str name)
{
    for (const struct node *one = map->first; one != NULL; one = one->next) {
        if (str_eq(one->key, name)) {
            return true;
        }
    }
    return false;
}

static void is_there(struct str name, bool is_condition)
{
    here.n_names++;
    if (is_condition ? !has(here.conditions, name)
                     : !str_starts(name, STR("AWS::")) && !has(here.parameters, name) &&
                           !has(here.resources, name)) {
        fail_msg("\"%.*s\" is not in the template", STR_ARG(name));
    }
}

/* "${Function.Arn}": the name before the dot. */
static void check_text(struct str text)
{
    ptrdiff_t at;

    while ((at = str_find(text, STR("${"))) >= 0) {
        struct str name;
        struct str rest;

        assert_true(str_cut(str_sub(text, (size_t)at + 2, text.len), '}', &name, &text));
        (void)str_cut(name, '.', &name, &rest);
        is_there(name, false);
    }
}

static void check_names(const struct node *node)
{
    for (const struct node *one = node->first; one != NULL; one = one->next) {
        if (str_is(one->key, "Ref")) {
            is_there(one->text, false);
        } else if (str_is(one->key, "Fn::GetAtt")) {
            is_there(one->first->text, false);
        } else if (str_is(one->key, "Fn::Sub")) {
            check_text(one->text);
        } else if (str_is(one->key, "Fn::If")) {
            is_there(one->first->text, true);
            check_names(one);
        } else if (str_is(one->key, "Condition")) {
            is_there(one->text, true);
        } else {
            check_names(one);
        }
    }
}

static void each_name_leads_somewhere(void **state)
{
    (void)state;
    check_names(here.root);
    assert_true(here.n_names > 30);
    for (const struct node *one = here.resources->first; one != NULL; one = one->next) {
        assert_true(str_starts(node_get(one, "Type")->text, STR("AWS::")));
        assert_non_null(node_get(one, "Properties"));
    }
}

static const struct node *at(const char *path)
{
    const struct node *node = here.root;
    struct str rest = str_from(path);
    struct str name;

    while (str_next(&rest, '/', &name)) {
        node = node_get(node, arena_cstr(&here.arena, name));
        if (node == NULL) {
            fail_msg("%s is missing", path);
        }
    }
    return node;
}

static void it_promises_what_it_should(void **state)
{
    static const struct {
        const char *path;
        const char *value;
    } rows[] = {
        {"Resources/Function/Properties/Runtime", "provided.al2023"},
        {"Resources/Function/Properties/Handler", "bootstrap"},
        {"Resources/Function/Properties/Timeout", "300"},
        {"Resources/Function/Properties/Tracing", "Active"},
        {"Resources/LogGroup/Properties/RetentionInDays", "7"},
        {"Resources/Integration/Properties/PayloadFormatVersion", "2.0"},
        {"Resources/Authorizer/Properties/AuthorizerResultTtlInSeconds", "300"},
        {"Resources/Authorizer/Properties/AuthorizerPayloadFormatVersion", "2.0"},
        {"Resources/Authorizer/Properties/EnableSimpleResponses", "true"},
        {"Resources/Url/Properties/InvokeMode", "RESPONSE_STREAM"},
        {"Resources/Route/Properties/RouteKey", "$default"},
        {"Parameters/Memory/MinValue", "256"},
        {"Parameters/Memory/MaxValue", "3008"},
        {"Parameters/ThrottleRate/Default", "1000"},
        {"Parameters/ThrottleBurst/Default", "2000"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!str_is(at(rows[i].path)->text, rows[i].value)) {
            fail_msg("%s is %.*s", rows[i].path, STR_ARG(at(rows[i].path)->text));
        }
    }
}

/* As CloudFormation would put it there, with the defaults of the parameters. */
static const char *variable(const struct node *one)
{
    const struct node *ref = node_get(one, "Ref");
    struct str text = one->text;

    if (ref != NULL) {
        text = node_get(node_get(here.parameters, arena_cstr(&here.arena, ref->text)), "Default")
                   ->text;
    } else if (node_get(one, "Fn::Sub") != NULL) {
        text = STR(FUNCTION_KEY);
    } else if (node_get(one, "Fn::Join") != NULL) {
        text = STR_EMPTY;
    }
    return arena_printf(&here.arena, "%.*s=%.*s", STR_ARG(one->key), STR_ARG(text)).ptr;
}

static void the_program_takes_its_environment(void **state)
{
    static const char event[] =
        "{\"version\":\"2.0\",\"rawPath\":\"/api/v1/commands\",\"rawQueryString\":\"\","
        "\"headers\":{\"host\":\"x\",\"x-api-key\":\"" FUNCTION_KEY
        "\"},\"requestContext\":{\"stage\":\"$default\","
        "\"http\":{\"method\":\"GET\",\"sourceIp\":\"203.0.113.9\"}}}";
    const char *env[ENV_MAX] = {0};
    struct function function;
    size_t n = 0;

    (void)state;
    for (const struct node *one = at("Resources/Function/Properties/Environment/Variables")->first;
         one != NULL; one = one->next) {
        assert_true(n + 1 < ENV_MAX);
        env[n++] = variable(one);
    }
    function_start_alone(&function, env);
    assert_int_equal(function_status(function_ask(&function, event)), 200);
    assert_false(function.answer.is_streamed);
    runtime_api_give(
        &function.api,
        &(struct runtime_event){.body = function_event(&function, "GET", "/livez", NULL, NULL)});
    runtime_api_read(&function.api, &function.answer);
    assert_true(function.answer.is_streamed); /* through the function URL */
    function_stop(&function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_leads_somewhere),
        cmocka_unit_test(it_promises_what_it_should),
        cmocka_unit_test(the_program_takes_its_environment),
    };

    return cmocka_run_group_tests_name("lambda template", tests, read_template, drop_template);
}
