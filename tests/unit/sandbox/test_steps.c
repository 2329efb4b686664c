/* Steps and the library. */
#include "fixture.h"

#include <string.h>

#include "sandbox/sandbox_internal.h"

static void steps_are_inserted_at_their_index_and_shift_the_others(void **state)
{
    struct fixture *f = *state;
    int64_t id;

    make_structure(f);
    id = make_checkpoint(f, "c");
    (void)make_step(f, id, 0, "b");
    (void)make_step(f, id, 1, "d");
    (void)make_step(f, id, 0, "a");
    (void)make_step(f, id, 2, "c");
    (void)make_step(f, id, 4, "e");
    assert_string_equal(values_of(f, id), "a b c d e");
}

static void an_index_beyond_the_end_or_none_means_the_end(void **state)
{
    struct fixture *f = *state;
    int64_t id;
    const struct json *json;

    make_structure(f);
    id = make_checkpoint(f, "c");
    (void)make_step(f, id, 3, "a");
    json = call_ok(f, "POST", "/teststeps",
                   TEXT(f,
                        "{\"checkpointId\":%lld,\"parsedStep\":{\"action\":\"COMMENT\","
                        "\"value\":\"b\"}}",
                        (long long)id));
    assert_int_equal(int_at(json, "/testStep/stepIndex"), 1);
    (void)make_step(f, id, INT64_MAX, "c");
    assert_string_equal(values_of(f, id), "a b c");
}

static void a_step_comes_back_as_it_was_given_but_flat(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const struct json *again;
    int64_t id;

    make_structure(f);
    json = call_ok(
        f, "POST", "/teststeps",
        TEXT(f,
             "{\"checkpointId\":%lld,\"stepIndex\":1,\"parsedStep\":{\"action\":\"WRITE\","
             "\"value\":\"q\\\"\\u00e9\\ud83d\\ude00\\n\",\"variable\":\"v\",\"target\":{"
             "\"selectors\":[{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"Name\\\"}\"}]},"
             "\"meta\":{\"kind\":\"WRITE\",\"append\":true}}}",
             (long long)f->checkpoint));
    id = int_at(json, "/testStep/id");
    assert_int_equal(int_at(json, "/checkpoint/id"), f->checkpoint);
    assert_int_equal(int_at(json, "/checkpoint/steps/1/id"), id);
    again = call_ok(f, "GET", TEXT(f, "/teststeps/%lld", (long long)id), NULL);
    assert_true(json_equal(json_get(json, "testStep"), again));
    assert_int_equal(int_at(again, "/stepIndex"), 1);
    assert_int_equal(int_at(again, "/checkpointId"), f->checkpoint);
    assert_text(again, "/action", "WRITE");
    assert_text(again, "/value", "q\"\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_text(again, "/variable", "v");
    assert_text(again, "/meta/kind", "WRITE");
    assert_text(again, "/element/target/selectors/0/value", "{\"clue\":\"Name\"}");
    assert_int_equal(json_type(json_get(again, "optional")), JSON_BOOL);
    assert_int_equal(json_str(json_get(again, "canonicalId")).len, 36);
    json = call_ok(f, "GET", TEXT(f, "/testcases/%lld", (long long)f->checkpoint), NULL);
    assert_int_equal(int_at(json, "/steps/1/id"), id);
}

static void an_element_given_as_such_stays(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    make_structure(f);
    json = call_ok(f, "POST", "/teststeps",
                   TEXT(f,
                        "{\"checkpointId\":%lld,\"stepIndex\":0,\"parsedStep\":{\"action\":"
                        "\"UPLOAD\",\"value\":\"https://x.example/f\",\"element\":{\"target\":{"
                        "\"selectors\":[{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"F\\\"}\"}"
                        "]}},\"meta\":{\"kind\":\"UPLOAD\"}}}",
                        (long long)f->checkpoint));
    assert_text(json, "/testStep/element/target/selectors/0/type", "GUESS");
}

static void what_the_platform_refuses_is_400(void **state)
{
    static const char *const steps[] = {
        "1",
        "{}",
        "{\"action\":\"\"}",
        "{\"action\":5}",
        "{\"action\":\"CLICK\",\"value\":5}",
        "{\"action\":\"CLICK\",\"meta\":[]}",
        "{\"action\":\"CLICK\",\"target\":{}}",
        "{\"action\":\"CLICK\",\"target\":{\"selectors\":[]}}",
        "{\"action\":\"CLICK\",\"target\":{\"selectors\":[{\"type\":\"GUESS\"}]}}",
        "{\"action\":\"CLICK\",\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":\"Ok\"}]}}",
        "{\"action\":\"CLICK\",\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":"
        "\"{\\\"clue\\\":\\\"a\\\"b\\\"}\"}]}}",
        "{\"action\":\"CLICK\",\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":"
        "{\"clue\":\"x\"}}]}}",
        "{\"action\":\"WAIT\",\"element\":{\"target\":{\"selectors\":[{\"type\":\"GUESS\","
        "\"value\":\"[]\"}]}}}"};
    struct fixture *f = *state;

    make_structure(f);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        assert_int_equal(ask(f, "POST", "/api/teststeps",
                             TEXT(f, "{\"checkpointId\":%lld,\"stepIndex\":0,\"parsedStep\":%s}",
                                  (long long)f->checkpoint, steps[i])),
                         400);
    }
    assert_int_equal(ask(f, "POST", "/api/teststeps",
                         TEXT(f,
                              "{\"checkpointId\":%lld,\"stepIndex\":-1,\"parsedStep\":"
                              "{\"action\":\"CLICK\"}}",
                              (long long)f->checkpoint)),
                     400);
    assert_int_equal(ask(f, "POST", "/api/teststeps",
                         TEXT(f,
                              "{\"checkpointId\":\"%lld\",\"stepIndex\":0,\"parsedStep\":"
                              "{\"action\":\"CLICK\"}}",
                              (long long)f->checkpoint)),
                     200);
    assert_int_equal(ask(f, "POST", "/api/teststeps",
                         "{\"checkpointId\":1680930,\"stepIndex\":0,\"parsedStep\":"
                         "{\"action\":\"CLICK\"}}"),
                     404);
    assert_string_equal(values_of(f, f->checkpoint), "https://shop.example/");
}

static void properties_replace_the_whole_step(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *canonical;
    const char *path;
    int64_t id;

    make_structure(f);
    id = make_step(f, f->checkpoint, 1, "old");
    json = call_ok(f, "GET", TEXT(f, "/teststeps/%lld", (long long)id), NULL);
    canonical = arena_cstr(&f->arena, json_str(json_get(json, "canonicalId")));
    path = TEXT(f, "/teststeps/%lld/properties", (long long)id);
    json = call_ok(f, "PUT", path,
                   TEXT(f,
                        "{\"id\":%lld,\"canonicalId\":\"%s\",\"action\":\"NAVIGATE\",\"value\":"
                        "\"https://new.example\",\"meta\":{\"kind\":\"NAVIGATE\"},\"optional\":"
                        "true,\"ignoreOutcome\":false,\"skip\":true}",
                        (long long)id, canonical));
    assert_text(json, "/action", "NAVIGATE");
    assert_true(json_true(json_get(json, "optional")));
    assert_true(json_true(json_get(json, "skip")));
    assert_string_equal(values_of(f, f->checkpoint), "https://shop.example/ https://new.example");
    path = TEXT(f, "/api%s", path);
    assert_int_equal(ask(f, "PUT", path, "{\"canonicalId\":\"x\",\"action\":\"CLICK\"}"), 400);
    assert_int_equal(
        ask(f, "PUT", path, TEXT(f, "{\"canonicalId\":\"%s\",\"value\":\"x\"}", canonical)), 400);
    assert_int_equal(ask(f, "PUT", path,
                         TEXT(f, "{\"id\":1,\"canonicalId\":\"%s\",\"action\":\"A\"}", canonical)),
                     400);
}

static void a_deleted_step_is_gone(void **state)
{
    struct fixture *f = *state;
    int64_t id;
    const char *path;

    make_structure(f);
    id = make_step(f, f->checkpoint, 0, "a");
    (void)make_step(f, f->checkpoint, 1, "b");
    path = TEXT(f, "/api/testcases/%lld/steps/%lld", (long long)f->checkpoint, (long long)id);
    assert_int_equal(ask(f, "DELETE", path, NULL), 204);
    assert_int_equal(f->reply.body.len, 0);
    assert_string_equal(values_of(f, f->checkpoint), "b https://shop.example/");
    assert_int_equal(ask(f, "DELETE", path, NULL), 404);
    assert_int_equal(ask(f, "GET", TEXT(f, "/api/teststeps/%lld", (long long)id), NULL), 404);
}

static int64_t make_library(struct fixture *f, int64_t *out_checkpoint)
{
    *out_checkpoint = make_checkpoint(f, "shared");
    (void)make_step(f, *out_checkpoint, 0, "a");
    (void)make_step(f, *out_checkpoint, 1, "b");
    (void)make_step(f, *out_checkpoint, 2, "c");
    return int_at(call_ok(f, "POST",
                          TEXT(f, "/testcases/%lld/add-to-library", (long long)*out_checkpoint),
                          NULL),
                  "/id");
}

static void a_library_checkpoint_is_a_copy_that_can_be_listed_renamed_and_attached(void **state)
{
    struct fixture *f = *state;
    int64_t checkpoint;
    int64_t library;
    int64_t attached;
    const struct json *json;
    const char *path;

    make_structure(f);
    library = make_library(f, &checkpoint);
    assert_int_equal(
        ask(f, "POST", TEXT(f, "/api/testcases/%lld/add-to-library", (long long)checkpoint), NULL),
        409);
    path = TEXT(f, "/library/checkpoints/%lld", (long long)library);
    json = call_ok(f, "GET", path, NULL);
    assert_text(json, "/name", "shared");
    assert_int_equal(json_size(json_get(json, "steps")), 3);
    assert_text(call_ok(f, "PUT", path, "{\"name\":\"new\"}"), "/name", "new");
    json = call_ok(f, "GET", "/library/checkpoints", NULL);
    assert_int_equal(json_size(json), 1);
    assert_text(json, "/0/name", "new");
    path = TEXT(f, "/testsuites/%lld/checkpoints/attach", (long long)f->journey);
    for (int i = 0; i < 3; i++) {
        json =
            call_ok(f, "POST", path,
                    TEXT(f, "{\"libraryCheckpointId\":%lld,\"position\":2}", (long long)library));
        assert_int_equal(int_at(json, "/id"), f->journey);
        attached = int_at(json, "/cases/1/id");
        assert_int_equal(int_at(json, "/cases/1/libraryCheckpointId"), library);
        assert_string_equal(values_of(f, attached), "a b c");
    }
    assert_int_equal(
        ask(f, "POST", TEXT(f, "/api%s", path), "{\"libraryCheckpointId\":5,\"position\":2}"), 404);
}

static void moving_and_deleting_a_library_step_answer_204(void **state)
{
    struct fixture *f = *state;
    int64_t checkpoint;
    int64_t library;
    int64_t step;
    const struct json *json;
    const char *path;

    make_structure(f);
    library = make_library(f, &checkpoint);
    json = call_ok(f, "GET", TEXT(f, "/library/checkpoints/%lld", (long long)library), NULL);
    step = int_at(json, "/steps/0/id");
    path = TEXT(f, "/api/library/checkpoints/%lld/steps/%lld", (long long)library, (long long)step);
    assert_int_equal(ask(f, "POST", TEXT(f, "%s/move", path), "{\"position\":2}"), 204);
    json = call_ok(f, "GET", TEXT(f, "/library/checkpoints/%lld", (long long)library), NULL);
    assert_text(json, "/steps/0/value", "b");
    assert_text(json, "/steps/2/value", "a");
    assert_int_equal(ask(f, "POST", TEXT(f, "%s/move", path), "{\"position\":3}"), 400);
    assert_int_equal(ask(f, "DELETE", path, NULL), 204);
    assert_int_equal(ask(f, "DELETE", path, NULL), 404);
    json = call_ok(f, "GET", TEXT(f, "/library/checkpoints/%lld", (long long)library), NULL);
    assert_int_equal(json_size(json_get(json, "steps")), 2);
    assert_string_equal(values_of(f, checkpoint), "a b c");
}

/* Random insertions and removals against a plain array. */
static void a_gap_list_is_an_array(void **state)
{
    struct tenant tenant = {0};
    struct step_list list = {0};
    struct step *model[500] = {0};
    struct step steps[500] = {0};
    size_t n = 0;
    uint64_t random = 88172645463325252U;

    (void)state;
    arena_init(&tenant.arena);
    for (size_t round = 0; round < 500; round++) {
        size_t at;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if (n > 0 && random % 3 == 0) {
            at = (size_t)(random >> 8) % n;
            step_list_remove(&list, at);
            memmove(model + at, model + at + 1, (n - at - 1) * sizeof(struct step *));
            n--;
        } else {
            at = (size_t)(random >> 8) % (n + 1);
            step_list_insert(&tenant, &list, at, &steps[round]);
            memmove(model + at + 1, model + at, (n - at) * sizeof(struct step *));
            model[at] = &steps[round];
            n++;
        }
        assert_int_equal(list.n, n);
        for (size_t i = 0; i < n; i++) {
            assert_ptr_equal(step_list_get(&list, i), model[i]);
            assert_int_equal(step_list_index(&list, model[i]), i);
        }
    }
    arena_done(&tenant.arena);
}

int test_steps(void);

int test_steps(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_are_inserted_at_their_index_and_shift_the_others,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_index_beyond_the_end_or_none_means_the_end,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_step_comes_back_as_it_was_given_but_flat, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_element_given_as_such_stays, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_the_platform_refuses_is_400, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(properties_replace_the_whole_step, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_step_is_gone, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(
            a_library_checkpoint_is_a_copy_that_can_be_listed_renamed_and_attached, fixture_set_up,
            fixture_tear_down),
        cmocka_unit_test_setup_teardown(moving_and_deleting_a_library_step_answer_204,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test(a_gap_list_is_an_array),
    };

    return cmocka_run_group_tests_name("sandbox/steps", tests, NULL, NULL);
}
