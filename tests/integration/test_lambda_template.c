/* conf/aws/template.yaml: each name in it leads somewhere, what it promises stands there, and the program takes its environment and
 * answers an event of its HTTP API, with the secret as it is, and as it becomes. CloudFormation itself has not seen it here. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/fd.h"
#include "data/node.h"
#include "harness/client.h"
#include "harness/cloud_server.h"
#include "harness/function.h"
#include "harness/wait.h"

enum { FILE_MAX = 64 * 1024, ENV_MAX = 32 };

#define SECRET  "virtuoso/proxy"
#define NEW_KEY "another-key-with-enough-letters"

#define TEMPLATE VP_SOURCE_DIR "/conf/aws/template.yaml"

static struct {
    struct arena arena;
    const struct node *root, *parameters, *conditions, *resources;
    size_t n_names;
    struct cloud_server cloud;
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
    cloud_server_start(&here.cloud, NULL);
    return 0;
}

static int drop_template(void **state)
{
    (void)state;
    cloud_server_done(&here.cloud);
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
        {"Resources/FailuresAlarm/Properties/Threshold", "0.05"},
        {"Resources/LatencyAlarm/Properties/ExtendedStatistic", "p95"},
        {"Resources/LatencyAlarm/Properties/Threshold", "500"},
        {"Resources/RequestsAlarm/Properties/Threshold/Ref", "AlarmRequests"},
        {"Resources/Troubles/Properties/LogGroupName/Ref", "LogGroup"},
        {"Parameters/AlarmRequests/Default", "60000"},
        {"Resources/Function/Properties/RecursiveLoop", "Allow"},
        {"Resources/Function/Properties/LoggingConfig/LogFormat", "JSON"},
        {"Resources/Rotation/Type", "AWS::SecretsManager::RotationSchedule"},
        {"Resources/Rotation/Properties/SecretId/Ref", "SecretArn"},
        {"Resources/Rotation/Properties/RotationLambdaARN/Ref", "RotationFunctionArn"},
        {"Resources/Rotation/Properties/RotationRules/AutomaticallyAfterDays/Ref", "RotationDays"},
        {"Resources/RotationPermission/Properties/Principal", "secretsmanager.amazonaws.com"},
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

/* The function may invoke itself, and read its secret: what its policies permit is all that it does. */
static void its_rights_are_those_that_it_needs(void **state)
{
    const struct node *one = at("Resources/StorePolicy/Properties/PolicyDocument/Statement")->first;

    (void)state;
    assert_true(str_is(node_get(one, "Action")->text, "lambda:InvokeFunction"));
    assert_true(str_is(node_get(node_get(one, "Resource"), "Fn::GetAtt")->first->text, "Function"));
    for (one = one->next; one != NULL; one = one->next) {
        const struct node *actions = node_get(one, "Action");
        struct str action = actions->first != NULL ? actions->first->text : actions->text;

        assert_true(str_starts(action, STR("s3:")));
    }
    one = at("Resources/Role/Properties/Policies")->first;
    one = node_get(node_get(one, "PolicyDocument"), "Statement")->first;
    assert_true(str_is(node_get(one, "Action")->text, "secretsmanager:GetSecretValue"));
    assert_true(str_is(node_get(node_get(one, "Resource"), "Ref")->text, "SecretArn"));
    assert_null(one->next);
}

static struct str default_of(struct str parameter)
{
    return node_get(node_get(here.parameters, arena_cstr(&here.arena, parameter)), "Default")->text;
}

/* "aws-sm:${SecretArn}#api_key" */
static struct str filled(struct str text)
{
    struct str before;
    struct str name;
    struct str behind;

    assert_true(str_cut(text, '$', &before, &behind));
    assert_true(str_cut(str_sub(behind, 1, behind.len), '}', &name, &behind));
    return arena_printf(&here.arena, "%.*s%s%.*s", STR_ARG(before),
                        str_is(name, "SecretArn") ? SECRET : "qa-bucket", STR_ARG(behind));
}

/* As CloudFormation would put it there, with the defaults of the parameters but for the bucket. */
static struct str value_of(const struct node *one, bool has_store)
{
    const struct node *choice = node_get(one, "Fn::If");

    if (choice != NULL) {
        assert_true(str_is(choice->first->text, "HasStore"));
        return value_of(has_store ? choice->first->next : choice->first->next->next, has_store);
    }
    if (node_get(one, "Ref") != NULL) {
        return default_of(node_get(one, "Ref")->text);
    }
    if (node_get(one, "Fn::Sub") != NULL) {
        return filled(node_get(one, "Fn::Sub")->text);
    }
    return node_get(one, "Fn::Join") != NULL ? STR_EMPTY : one->text;
}

static void put_secret(const char *key)
{
    cloud_server_set(&here.cloud, 0, "aws-sm:" SECRET,
                     arena_printf(&here.arena,
                                  "{\"platform_token\": \"a-token-of-the-platform\", "
                                  "\"secondary_token\": \"a-token-that-was\", \"api_key\": \"%s\"}",
                                  key)
                         .ptr);
}

/* With whatever secret there is. */
static void start_as_it_says(struct function *function, bool has_store)
{
    const char *env[ENV_MAX] = {"VIRTUOSO_PROXY_SECRETS_REFRESH_S=1",
                                "VIRTUOSO_PROXY_LIMITS_ENABLED=false"};
    size_t n = 2;

    for (const struct node *one = at("Resources/Function/Properties/Environment/Variables")->first;
         one != NULL; one = one->next) {
        assert_true(n + 1 < ENV_MAX);
        env[n++] = arena_printf(&here.arena, "%.*s=%.*s", STR_ARG(one->key),
                                STR_ARG(value_of(one, has_store)))
                       .ptr;
    }
    for (const char *const *row = cloud_server_env(&here.cloud, "keys", ""); *row != NULL; row++) {
        assert_true(n + 1 < ENV_MAX);
        env[n++] = *row;
    }
    function_start_alone(function, env);
}

/* Of an HTTP API. */
static const char *event_of(const char *method, const char *path, const char *query,
                            const char *key, const char *body)
{
    return arena_printf(
               &here.arena,
               "{\"version\":\"2.0\",\"rawPath\":\"%s\",\"rawQueryString\":\"%s\",\"body\":\"%s\","
               "\"headers\":{\"host\":\"x\",\"content-type\":\"application/yaml\",\"x-api-key\":\"%s\"},"
               "\"requestContext\":{\"stage\":\"$default\",\"http\":{\"method\":\"%s\","
               "\"sourceIp\":\"203.0.113.9\"}}}",
               path, query, body, key, method)
        .ptr;
}

static const char *event_with(const char *key)
{
    return event_of("GET", "/api/v1/commands", "", key, "");
}

static void the_program_takes_its_environment(void **state)
{
    struct function function;

    (void)state;
    put_secret(FUNCTION_KEY);
    start_as_it_says(&function, false);
    assert_int_equal(function_status(function_ask(&function, event_with(FUNCTION_KEY))), 200);
    assert_false(function.answer.is_streamed);
    runtime_api_give(
        &function.api,
        &(struct runtime_event){.body = function_event(&function, "GET", "/livez", NULL, NULL)});
    runtime_api_read(&function.api, &function.answer);
    assert_true(function.answer.is_streamed); /* through the function URL */
    function_stop(&function);
}

/* An instance that goes on being asked learns of it; while nobody asks, nothing is read. */
static void a_secret_that_is_rotated_is_read_again(void **state)
{
    struct function function;
    unsigned n_read;

    (void)state;
    put_secret(FUNCTION_KEY);
    start_as_it_says(&function, false);
    assert_int_equal(function_status(function_ask(&function, event_with(FUNCTION_KEY))), 200);
    assert_int_equal(function_status(function_ask(&function, event_with(NEW_KEY))), 401);
    put_secret(NEW_KEY);
    wait_until(function_status(function_ask(&function, event_with(NEW_KEY))) == 200);
    assert_int_equal(function_status(function_ask(&function, event_with(FUNCTION_KEY))), 401);
    runtime_api_await(&function.api);
    n_read = here.cloud.seen->n_requests;
    client_pause_ms(1200); /* longer than secrets.refresh_s */
    assert_int_equal(here.cloud.seen->n_requests, n_read);
    function_stop(&function);
}

/* Whoever deploys it is told in the log what the secret lacks. */
static void a_secret_that_lacks_something_ends_the_start(void **state)
{
    struct function function;
    const struct json *told;

    (void)state;
    cloud_server_set(&here.cloud, 0, "aws-sm:" SECRET,
                     "{\"platform_token\": \"a-token-of-a-platform\"}");
    start_as_it_says(&function, false);
    runtime_api_read(&function.api, &function.answer);
    assert_true(function.answer.is_init_error);
    told = runtime_answer_json(&function.answer, &function.arena);
    assert_true(str_is(json_str(json_get(told, "errorType")), "Runtime.ConfigInvalid"));
    assert_true(str_contains(json_str(json_get(told, "errorMessage")), STR("aws-sm:" SECRET "#")));
    assert_int_equal(program_wait_end(&function.program, WAIT_MS), 1);
    assert_int_equal(function.api.n_nexts, 0);
    function_stop(&function);
}

/* With a bucket the function invokes itself. */
static void with_a_bucket_runs_are_carried_on(void **state)
{
    struct function function;
    const struct json *answer;

    (void)state;
    put_secret(FUNCTION_KEY);
    start_as_it_says(&function, true);
    answer = function_ask(&function, event_of("POST", "/api/v1/tests/run", "async=true",
                                              FUNCTION_KEY, "name: t\\nsteps:\\n  - click: Go\\n"));
    assert_int_equal(function_status(answer), 202);
    function_stop(&function);
    wait_until(here.cloud.seen->n_recalls == 1);
    assert_non_null(strstr(here.cloud.seen->recall, "virtuoso-proxy.recall"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_leads_somewhere),
        cmocka_unit_test(it_promises_what_it_should),
        cmocka_unit_test(its_rights_are_those_that_it_needs),
        cmocka_unit_test(the_program_takes_its_environment),
        cmocka_unit_test(a_secret_that_is_rotated_is_read_again),
        cmocka_unit_test(a_secret_that_lacks_something_ends_the_start),
        cmocka_unit_test(with_a_bucket_runs_are_carried_on),
    };

    return cmocka_run_group_tests_name("lambda template", tests, read_template, drop_template);
}
