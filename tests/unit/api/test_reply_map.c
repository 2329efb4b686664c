/* Reply mappings over every envelope that the platform uses, with members missing and secrets in
 * between. */
#include "harness/cmocka.h"

#include "api/gate/reply_map.h"

static struct json *parse(struct arena *arena, struct str text)
{
    struct json *node = NULL;
    struct error err = {0};

    if (json_parse(arena, text, NULL, &node, &err) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(text), err.text);
    }
    return node;
}

static const enum named_reply single[] = {REPLY_USER,    REPLY_PROJECT,     REPLY_GOAL,
                                          REPLY_JOURNEY, REPLY_CHECKPOINT,  REPLY_LIBRARY,
                                          REPLY_TABLE,   REPLY_ENVIRONMENT, REPLY_EXECUTION};

static const enum named_reply lists[] = {REPLY_PROJECTS, REPLY_GOALS, REPLY_LIBRARIES};

static const struct json *reduced(struct arena *arena, enum named_reply named, struct str answer)
{
    return reply_reduce(arena, reply_map_of(named), parse(arena, answer), NULL);
}

static void each_reply_has_a_mapping(void **state)
{
    (void)state;
    for (int named = REPLY_NONE + 1; named < REPLY_N_NAMED; named++) {
        const struct reply_map *map = reply_map_of((enum named_reply)named);

        if ((map->one == NULL) == (map->many == NULL) || map->fields[0].to == NULL) {
            fail_msg("the mapping of reply %d says too little or too much", named);
        }
    }
}

static void check_single(struct arena *arena, enum named_reply named, const char *answer)
{
    const struct json *out = reduced(arena, named, str_from(answer));

    if (!str_is(json_str(json_get(out, "id")), "12")) {
        fail_msg("reply %d in %s", (int)named, answer);
    }
}

static void one_thing_is_found_in_every_envelope(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(single); i++) {
        check_single(&arena, single[i],
                     "{\"id\":12,\"name\":\"n\",\"title\":\"n\",\"status\":\"QUEUED\"}");
        check_single(&arena, single[i], "{\"success\":true,\"item\":{\"id\":12,\"name\":\"n\"}}");
    }
    arena_done(&arena);
}

static void lists_are_found_in_every_envelope(void **state)
{
    static const char *const answers[] = {
        "[{\"id\":1,\"name\":\"a\"},{\"id\":2}]",
        "{\"success\":true,\"items\":[{\"id\":1,\"name\":\"a\"},{\"id\":2}]}",
        "{\"success\":true,\"item\":[{\"id\":1,\"name\":\"a\"},{\"id\":2}]}",
        "{\"success\":true,\"map\":{\"1\":{\"id\":1,\"name\":\"a\"},\"2\":{\"id\":2}}}",
        "{\"1\":{\"id\":1,\"name\":\"a\"},\"2\":{\"id\":2}}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < ARRAY_LEN(answers); k++) {
            const struct json *out = reduced(&arena, lists[i], str_from(answers[k]));

            assert_int_equal(json_size(out), 2);
            assert_true(str_is(json_str(json_find(out, "/0/name")), "a"));
            assert_int_equal(json_type(json_get(json_at(out, 1), "name")),
                             JSON_NULL); /* missing: null, not left out */
            assert_non_null(json_get(json_at(out, 1), "name"));
        }
    }
    arena_done(&arena);
}

static void assert_no_list(struct arena *arena, enum named_reply named, const char *answer)
{
    if (reduced(arena, named, str_from(answer)) != NULL) {
        fail_msg("reply %d of %s", (int)named, answer);
    }
}

/* The answer to another request, or one that says nothing, is no list. */
static void only_things_with_ids_are_a_list(void **state)
{
    static const char *const none[] = {
        "{\"success\":true}",
        "{\"message\":\"ok\"}",
        "{\"success\":true,\"item\":{\"id\":5,\"name\":\"x\",\"meta\":{}}}",
        "{\"success\":true,\"items\":null}",
        "{\"testStep\":{\"id\":1},\"checkpoint\":{\"id\":2}}",
        "{\"item\":{\"testStep\":{\"id\":1},\"checkpoint\":{\"id\":2}}}",
        "{\"id\":5,\"name\":\"x\"}",
        "[1]",
        "[null]",
        "[[]]",
        "[{}]",
        "[{\"id\":1},{\"name\":\"b\"}]",
        "[{\"id\":{}}]",
        "[{\"id\":\"\"}]",
        "[{\"id\":true}]",
        "{\"items\":[null]}",
        "{\"map\":{\"1\":null},\"total\":1}",
        "{\"map\":{\"a\":{\"name\":\"x\"}}}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < ARRAY_LEN(none); k++) {
            assert_no_list(&arena, lists[i], none[k]);
        }
    }
    arena_done(&arena);
}

static void an_empty_list_is_a_list(void **state)
{
    static const char *const empty[] = {
        "[]", "{}", "{\"items\":[]}", "{\"item\":[]}", "{\"map\":{},\"total\":0}", "{\"map\":[]}"};
    static const char *const two[] = {
        "{\"map\":{\"1\":{\"name\":\"a\"},\"2\":{\"id\":\"2\"}},\"total\":2}",
        "{\"map\":{\"a\":{\"id\":1},\"b\":{\"id\":2}}}",
        "{\"1\":{\"name\":\"a\"},\"2\":{\"name\":\"b\"}}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < ARRAY_LEN(empty); k++) {
            const struct json *out = reduced(&arena, lists[i], str_from(empty[k]));

            assert_true(json_type(out) == JSON_ARRAY && json_size(out) == 0);
        }
        for (size_t k = 0; k < ARRAY_LEN(two); k++) {
            const struct json *out = reduced(&arena, lists[i], str_from(two[k]));

            assert_int_equal(json_size(out), 2);
            assert_true(str_is(json_str(json_find(out, "/0/id")), "1"));
            assert_true(str_is(json_str(json_find(out, "/1/id")), "2"));
        }
    }
    arena_done(&arena);
}

static bool tells(struct arena *arena, enum named_reply named, const char *answer)
{
    struct json *tree = NULL;

    assert_int_equal(json_parse(arena, str_from(answer), NULL, &tree, NULL), ERR_OK);
    return reply_tells(reply_map_of(named), tree, reduced(arena, named, str_from(answer)));
}

static void a_reply_of_nulls_tells_nothing(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_false(tells(&arena, REPLY_USER, "{\"success\":true}"));
    assert_false(tells(&arena, REPLY_ANALYSIS, "{\"item\":null}"));
    assert_false(tells(&arena, REPLY_ANALYSIS, "{\"item\":{\"id\":1}}"));
    assert_true(tells(&arena, REPLY_USER, "{\"item\":{\"email\":\"a\"}}"));
    assert_true(tells(&arena, REPLY_ANALYSIS, "{\"errors\":[]}"));
    /* counts of outcomes that nothing had may be left out */
    assert_true(tells(&arena, REPLY_ANALYSIS,
                      "{\"item\":{\"journeyStatistics\":{\"countPerOutcome\":{\"ERROR\":2}}}}"));
    arena_done(&arena);
}

static void values_take_their_form(void **state)
{
    struct arena arena;
    const struct json *out;

    (void)state;
    arena_init(&arena);
    out = reduced(
        &arena, REPLY_EXECUTION,
        STR("{\"id\":9007199254740993,\"progress\":0.333,\"submitDate\":0,\"duration\":5}"));
    assert_true(str_is(json_str(json_get(out, "id")), "9007199254740993"));
    assert_true(str_is(json_number_text(json_get(out, "progress"), &arena), "33.3"));
    assert_true(str_is(json_str(json_get(out, "submittedAt")), "1970-01-01T00:00:00.000Z"));
    out = reduced(
        &arena, REPLY_SIMPLE_STEPS,
        STR("{\"steps\":[{\"id\":1,\"action\":\"CLICK\",\"element\":{\"target\":{\"selectors\":[{\"value\":\"{\\\"clue\\\":\\\"a \\\\\\\"b\\\\\\\"\\\"}\"}]}}},"
            "{\"id\":2,\"action\":\"WAIT\",\"value\":\"5\"}]}"));
    assert_true(str_is(json_str(json_find(out, "/0/target")), "a \"b\""));
    assert_true(str_is(json_str(json_find(out, "/1/target")), "5"));
    arena_done(&arena);
}

int test_reply_map(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_has_a_mapping),
        cmocka_unit_test(one_thing_is_found_in_every_envelope),
        cmocka_unit_test(lists_are_found_in_every_envelope),
        cmocka_unit_test(only_things_with_ids_are_a_list),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(a_reply_of_nulls_tells_nothing),
        cmocka_unit_test(values_take_their_form),
    };

    return cmocka_run_group_tests_name("reply mappings", tests, NULL, NULL);
}
