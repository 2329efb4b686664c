/* A call as the request that it makes: what is known, and what only an answer can give. */
#include "harness/cmocka.h"

#include "plan/call.h"

int test_show(void);

static const struct call_spec spec = {
    .name = "attach",
    .method = "POST",
    .path = "/journeys/{journey_id}/attach",
    .query = "envelope=false&name={?name}",
    .body =
        "{\"checkpointId\":\"$#checkpoint_id\",\"position\":\"$#position\",\"note\":\"$?note\"}",
    .class = CALL_CREATE,
};

static struct json *parsed(struct arena *arena, const char *text)
{
    struct json *out = NULL;

    assert_int_equal(json_parse(arena, str_from(text), NULL, &out, NULL), ERR_OK);
    return out;
}

static void what_is_not_known_stands_for_itself(void **state)
{
    static const struct {
        const char *values;
        const char *request;
    } rows[] = {
        {"{}", "{\"method\":\"POST\",\"path\":\"/journeys/{journey_id}/attach\",\"query\":"
               "\"envelope=false\",\"body\":{\"checkpointId\":\"{checkpoint_id}\",\"position\":"
               "\"{position}\"}}"},
        {"{\"journey_id\":\"7\",\"position\":2,\"name\":\"a b\",\"note\":\"x\"}",
         "{\"method\":\"POST\",\"path\":\"/journeys/7/attach\",\"query\":\"envelope=false&name=a%20b\","
         "\"body\":{\"checkpointId\":\"{checkpoint_id}\",\"position\":2,\"note\":\"x\"}}"},
        {"{\"journey_id\":7,\"position\":\"2\",\"checkpoint_id\":\"9\"}",
         "{\"method\":\"POST\",\"path\":\"/journeys/7/attach\",\"query\":\"envelope=false\",\"body\":"
         "{\"checkpointId\":9,\"position\":2}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct call call = {0};
        struct error err = {0};
        struct json *request = NULL;
        struct scope values;

        arena_init(&arena);
        assert_int_equal(call_compile(&arena, &spec, 0, &call, &err), ERR_OK);
        values = scope_of_object(parsed(&arena, rows[i].values), NULL);
        assert_int_equal(call_show(&call, &values, &arena, &request, &err), ERR_OK);
        if (!json_equal(request, parsed(&arena, rows[i].request))) {
            fail_msg("%s: %s", rows[i].values, json_text(&arena, request).ptr);
        }
        arena_done(&arena);
    }
}

static void a_value_of_the_wrong_kind_is_an_error(void **state)
{
    struct arena arena;
    struct call call = {0};
    struct error err = {0};
    struct json *request = NULL;
    struct scope values;

    (void)state;
    arena_init(&arena);
    assert_int_equal(call_compile(&arena, &spec, 0, &call, &err), ERR_OK);
    values = scope_of_object(parsed(&arena, "{\"position\":\"second\"}"), NULL);
    assert_int_not_equal(call_show(&call, &values, &arena, &request, &err), ERR_OK);
    assert_true(str_contains(str_from(err.text), STR("position")));
    assert_null(request);
    arena_done(&arena);
}

int test_show(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_stands_for_itself),
        cmocka_unit_test(a_value_of_the_wrong_kind_is_an_error),
    };

    return cmocka_run_group_tests_name("plan: show", tests, NULL, NULL);
}
