/* The loop of the simplified API: what is told of lists that it cannot go through. */
#include "harness/cmocka.h"

#include "api/simple/each.h"

static const struct simple_each rooms = {"/rooms", .words = {"clean", "rooms", "cleaned"}};

static const struct simple_each *each_of_copy(void)
{
    static const struct route route = {.method = "POST", .pattern = "/api/journeys/{id}/duplicate"};
    const struct simple_call *call = simple_row_of(&route)->calls;

    while (call->each == NULL) {
        call++;
    }
    return call->each;
}

struct row {
    bool copies; /* with the loop of a copied journey; else with `rooms` */
    const char *variables;
    const char *says; /* NULL: nothing is wrong */
};

/* clang-format off */
static const struct row rows[] = {
    {false, "{}", "The platform's answer has no list to clean (looked at /rooms)"},
    {false, "{\"rooms\":[1,2]}", NULL},
    {true, "{\"source\":{\"cases\":7}}",
     "The platform's answer has no list to copy from (looked at /source/item/cases /source/cases /source/item/testCases /source/testCases)"},
    {true, "{\"source\":{\"cases\":[{\"title\":\"own\"}]}}", "The platform's answer has no list to copy from (looked at /steps /testSteps)"},
    {true, "{\"source\":{\"cases\":[{\"title\":\"own\",\"steps\":[{}]}]}}", NULL},
    {true, "{\"source\":{\"cases\":[{\"libraryCheckpointId\":7}]}}", NULL},
};

/* clang-format on */

static void a_missing_list_is_told_in_the_words_of_its_row(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json *variables = NULL;
        struct error err = {0};

        assert_int_equal(json_parse(&arena, str_from(rows[i].variables), NULL, &variables, NULL),
                         ERR_OK);
        assert_int_equal(each_check(rows[i].copies ? each_of_copy() : &rooms, variables, &err),
                         rows[i].says == NULL ? ERR_OK : ERR_UPSTREAM_SHAPE);
        assert_string_equal(err.text, rows[i].says == NULL ? "" : rows[i].says);
    }
    arena_done(&arena);
}

static struct json *list_of(struct arena *arena, int n)
{
    struct json *list = json_new_array(arena);

    for (int i = 0; i < n; i++) {
        json_append(list, json_new_object(arena));
    }
    return list;
}

/* The lists of all levels count together: one checkpoint, and its steps. */
static void a_list_that_is_too_long_is_told_in_the_words_of_its_row(void **state)
{
    struct arena arena;
    struct json *variables;
    struct json *source;
    struct json *cases;
    struct json *checkpoint;
    struct json *steps;
    struct error err = {0};

    (void)state;
    arena_init(&arena);
    variables = json_new_object(&arena);
    source = json_new_object(&arena);
    cases = json_new_array(&arena);
    checkpoint = json_new_object(&arena);
    steps = list_of(&arena, 499);
    json_set(checkpoint, STR("steps"), steps);
    json_append(cases, checkpoint);
    json_set(variables, STR("rooms"), list_of(&arena, 501));
    json_set(variables, STR("source"), source);
    json_set(source, STR("cases"), cases);
    assert_int_equal(each_check(&rooms, variables, &err), ERR_UNPROCESSABLE);
    assert_string_equal(err.text, "More than 500 rooms are not cleaned at once");

    assert_int_equal(each_check(each_of_copy(), variables, &err), ERR_OK);
    json_append(steps, json_new_object(&arena));
    assert_int_equal(each_check(each_of_copy(), variables, &err), ERR_UNPROCESSABLE);
    assert_string_equal(err.text, "More than 500 checkpoints and steps are not copied at once");
    arena_done(&arena);
}

int test_each(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_list_is_told_in_the_words_of_its_row),
        cmocka_unit_test(a_list_that_is_too_long_is_told_in_the_words_of_its_row),
    };

    return cmocka_run_group_tests_name("each", tests, NULL, NULL);
}
