#include "harness/function.h"

#include "base/json_writer.h"
#include "harness/client.h"
#include "harness/cmocka.h"

enum { ENV_MAX = 40, EVENT_MAX = 16 << 20 };

void function_start_alone(struct function *function, const char *const *env)
{
    static const char keys[] = "API_KEYS=" FUNCTION_KEY;
    static const char *const own[] = {keys, "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_REGION=us-east-1",
                                      "_HANDLER=bootstrap"};
    const char *all[ENV_MAX] = {NULL};
    size_t n = 0;

    *function = (struct function){.program = {.pid = 0}};
    arena_init(&function->arena);
    runtime_api_open(&function->api);
    all[n++] = function->api.env;
    for (; env != NULL && *env != NULL; env++) {
        assert_true(n + 1 < ENV_MAX);
        all[n++] = *env;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) { /* of two of a name the first one counts */
        assert_true(n + 1 < ENV_MAX);
        all[n++] = own[i];
    }
    program_start(&function->program, NULL, all);
}

void function_start(struct function *function, const char *const *env)
{
    const char *all[ENV_MAX] = {"VIRTUOSO_PROXY_SANDBOX_ENABLED=true",
                                "VIRTUOSO_PROXY_SANDBOX_EXAMPLES=false"};
    size_t n = 2;

    for (; env != NULL && *env != NULL; env++) {
        assert_true(n + 1 < ENV_MAX);
        all[n++] = *env;
    }
    function_start_alone(function, all);
    function->program.sandbox_port = program_wait_port(&function->program, "sandbox on http://");
    sandbox_seed(function->program.sandbox_port, SANDBOX_TOKEN, &function->seed);
    runtime_api_await(&function->api);
}

const struct json *function_ask(struct function *function, const char *event)
{
    const struct runtime_event one = {.body = event};

    runtime_api_give(&function->api, &one);
    runtime_api_read(&function->api, &function->answer);
    assert_string_equal(function->answer.id, function->api.last_id);
    return runtime_answer_json(&function->answer, &function->arena);
}

uint64_t function_ask_within(struct function *function, const char *event, int64_t deadline_ms)
{
    const struct runtime_event one = {.body = event, .deadline_ms = deadline_ms};
    uint64_t began_ms = client_now_ms();

    runtime_api_give(&function->api, &one);
    runtime_api_read(&function->api, &function->answer);
    return client_now_ms() - began_ms;
}

bool function_is_done(struct function *function, const char *event)
{
    return json_true(json_get(function_ask(function, event), "ok"));
}

const char *function_event(struct function *function, const char *method, const char *path,
                           const char *fields, const char *body)
{
    struct str target = str_from(path);
    struct str query;
    struct json_writer w;
    struct buf text;
    const char *event;

    (void)str_cut(target, '?', &target, &query);
    buf_init(&text, EVENT_MAX);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_text(&w, "version", "2.0");
    jw_kv_str(&w, "rawPath", target);
    jw_kv_str(&w, "rawQueryString", query);
    jw_kv_raw(&w, "headers",
              fields != NULL ? str_from(fields)
                             : STR("{\"x-api-key\":\"" FUNCTION_KEY
                                   "\",\"content-type\":\"application/json\"}"));
    jw_key(&w, "requestContext");
    jw_object(&w);
    jw_kv_text(&w, "domainName", "abcdefgh.lambda-url.us-east-1.on.aws");
    jw_key(&w, "http");
    jw_object(&w);
    jw_kv_text(&w, "method", method);
    jw_kv_text(&w, "sourceIp", "203.0.113.9");
    jw_end(&w);
    jw_end(&w);
    if (body != NULL) {
        jw_kv_text(&w, "body", body);
    }
    jw_kv_bool(&w, "isBase64Encoded", false);
    jw_end(&w);
    event = arena_cstr(&function->arena, buf_view(&text));
    buf_done(&text);
    return event;
}

const struct json *function_body(struct function *function, const struct json *answer)
{
    struct json *out = NULL;
    struct error err = {0};

    assert_false(json_true(json_get(answer, "isBase64Encoded")));
    if (json_parse(&function->arena, json_str(json_get(answer, "body")), &json_of_ours, &out,
                   &err) != ERR_OK) {
        fail_msg("the body is no JSON: %s", err.text);
    }
    return out;
}

int64_t function_status(const struct json *answer)
{
    int64_t status = 0;

    assert_true(json_to_i64(json_get(answer, "statusCode"), &status));
    return status;
}

void function_stop(struct function *function)
{
    if (program_is_running(&function->program)) {
        program_stop(&function->program);
    }
    program_done(&function->program);
    runtime_answer_done(&function->answer);
    runtime_api_done(&function->api);
    arena_done(&function->arena);
}
